# What every demo's `run` does: installs what is missing, builds spiked, starts the demo. Sourced, ROOT is set.
#
# With SPIKED_BIN in the environment that daemon is used, and nothing is installed or built.
#
# SPDX-License-Identifier: Apache-2.0
. "$ROOT/scripts/lib/common.sh"

# run_example NAME PACKAGES [OPTION...]: PACKAGES are Debian's, beyond what the build and the Python client need.
run_example() {
	example=$ROOT/examples/$1
	packages=$2
	shift 2
	for argument; do
		case $argument in
		-h | --help)
			usage
			exit 0
			;;
		esac
	done
	if [ -z "${SPIKED_BIN:-}" ]; then
		# shellcheck disable=SC2086
		install_packages $BUILD_PACKAGES python3-zmq python3-numpy $packages
		say "Building into build/"
		if [ -f "$ROOT/build/CMakeCache.txt" ]; then
			build "$ROOT/build"
		else
			build "$ROOT/build" -DSPIKED_TESTS=OFF
		fi || die "the build failed"
		SPIKED_BIN=$ROOT/build/bin/spiked
		SPIKED_ENCODERS_LIB=$ROOT/build/encoders/libspiked-encoders.so
		export SPIKED_BIN SPIKED_ENCODERS_LIB
	fi
	PYTHONPATH=$ROOT/clients/python:$ROOT/examples/lib${PYTHONPATH:+:$PYTHONPATH}
	export PYTHONPATH
	exec $PYTHON "$example/$(basename "$example").py" "$@"
}
