# Shared by scripts/*: what is missing gets installed, and the build. POSIX shell, sourced.
#
# The sourcing script has set ROOT to the top folder. Nothing here depends on the order of PATH:
# Python is /usr/bin/python3, Node is /usr/bin/node where there is one.
#
# SPDX-License-Identifier: Apache-2.0

PYTHON=/usr/bin/python3

BUILD_PACKAGES="build-essential cmake ninja-build pkg-config libzmq3-dev libuv1-dev libyaml-dev
	libjansson-dev libwebsockets-dev libzstd-dev python3"
# What the real signals of tests/signals come with, and the pictures of docs/encoders.py are made by.
SIGNAL_PACKAGES="python3-scipy alsa-utils"
BUILD_MODULES="libzmq libuv yaml-0.1 jansson libwebsockets libzstd"

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif [ -t 0 ]; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

# Prints those of the named packages that are not installed. No network, no rights needed.
missing_packages() {
	for package in "$@"; do
		case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
		*" installed") ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

# Without apt nothing can be installed; go on if what the build needs is there all the same.
check_without_apt() {
	say "This is not a system with apt. Needed, by their Debian names: $*"
	for tool in cmake pkg-config cc; do
		command -v $tool >/dev/null || die "there is no $tool; please install the above"
	done
	for module in $BUILD_MODULES; do
		pkg-config --exists "$module" || die "pkg-config does not find $module; please install the above"
	done
	[ -x $PYTHON ] || die "there is no $PYTHON; please install the above"
}

# install_packages NAME...: makes sure that all are there; ends the script if that cannot be.
install_packages() {
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		check_without_apt "$@"
		return
	fi
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		die "these packages are missing, and installing them needs root or sudo: $missing
Run as root:  apt-get install $missing"
	fi
	say "Installing $missing"
	log=$(mktemp)
	for try in 1 2; do
		# shellcheck disable=SC2086
		if { apt_get update && apt_get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
			rm -f "$log"
			return 0
		fi
		[ $try = 2 ] || sleep 3
	done
	tail -n 20 "$log" >&2
	rm -f "$log"
	die "apt-get could not install: $missing"
}

# Sets NODE and NPM, both empty where there is none.
find_node() {
	NODE= NPM=
	if [ -x /usr/bin/node ]; then
		NODE=/usr/bin/node
	else
		NODE=$(command -v node || true)
	fi
	[ -n "$NODE" ] || return 0
	NPM=$(dirname "$NODE")/npm
	[ -x "$NPM" ] || NODE= NPM=
}

# Sets PROMTOOL, empty where it cannot be had. Debian's package brings a server that would start, so
# it is unpacked and not installed.
find_promtool() {
	PROMTOOL=$(command -v promtool || true)
	folder=$ROOT/build-promtool
	[ -z "$PROMTOOL" ] || return 0
	if [ ! -x "$folder/usr/bin/promtool" ] && command -v apt-get >/dev/null; then
		mkdir -p "$folder"
		(cd "$folder" && timeout 120 apt-get -q download prometheus && dpkg-deb -x prometheus_*.deb .) \
			>/dev/null 2>&1 || true
		rm -f "$folder"/prometheus_*.deb
	fi
	[ ! -x "$folder/usr/bin/promtool" ] || PROMTOOL=$folder/usr/bin/promtool
}

jobs_of_machine() {
	nproc 2>/dev/null || echo 2
}

# build FOLDER [CMAKE-OPTION...]: configures and builds; quiet unless something is wrong.
build() {
	folder=$1
	shift
	generator=
	[ -f "$folder/CMakeCache.txt" ] || ! command -v ninja >/dev/null || generator="-G Ninja"
	log=$(mktemp)
	# shellcheck disable=SC2086
	if cmake -S "$ROOT" -B "$folder" $generator "$@" >"$log" 2>&1 &&
		cmake --build "$folder" -j "$(jobs_of_machine)" >>"$log" 2>&1; then
		rm -f "$log"
		return 0
	fi
	grep -v '^\[[0-9]*/[0-9]*\] Building' "$log" | tail -n 80 >&2
	rm -f "$log"
	return 1
}

# The libraries that others have, in a virtual environment of pinned versions, made once.
PEERS=$ROOT/build-peers

# Those that converted recordings are read back with, likewise.
READERS=$ROOT/build-readers

# make_peers LIST [PIP-OPTION...]: sees to it that what LIST pins is there. False if some of it
# could not be had; $PEERS/failed-FOLDER (the one that LIST is in) then says what and why.
make_peers() {
	pins=$1
	shift
	name=$(basename "$(dirname "$pins")")
	cmp -s "$pins" "$PEERS/done-$name" && return 0
	install_packages python3-venv ca-certificates
	[ -x "$PEERS/bin/python" ] || $PYTHON -m venv "$PEERS" || return 1
	say "Fetching what ${pins#"$ROOT"/} lists"
	: >"$PEERS/failed-$name"
	if pip_install "$@" -r "$pins" >"$PEERS/log-$name" 2>&1; then
		cp "$pins" "$PEERS/done-$name"
		return 0
	fi
	# One that cannot be had should not take the others with it.
	sed -n 's/^\([A-Za-z][A-Za-z0-9._-]*==[^ ]*\).*/\1/p' "$pins" | while read -r pin; do
		pip_install "$@" "$pin" >"$PEERS/log-$name" 2>&1 ||
			say "$pin: $(grep -v '^ *$' "$PEERS/log-$name" | tail -n 1)" >>"$PEERS/failed-$name"
	done
	[ ! -s "$PEERS/failed-$name" ] && cp "$pins" "$PEERS/done-$name"
}

pip_install() {
	"$PEERS/bin/pip" install -q --disable-pip-version-check --no-cache-dir "$@"
}
