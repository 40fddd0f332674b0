# Sourced by build and test: the folder in $1, and cargo; ends with 77 where that cannot be had.
#
# SPDX-License-Identifier: Apache-2.0
CARGO_TARGET_DIR=$(mkdir -p "$1" && cd "$1" && pwd)
export CARGO_TARGET_DIR
command -v cargo >/dev/null || { echo "no cargo on the PATH"; exit 77; }
offline=${SPIKED_OFFLINE:+--offline}
version=$(cargo --version | sed 's/^cargo 1\.\([0-9]*\).*/\1/')
# Before 1.68 the index of crates.io was a repository somewhere else.
if [ "$version" -lt 68 ] && ! (cd "$here" && cargo fetch --quiet --locked $offline 2>/dev/null); then
	echo "cargo 1.$version asks github.com for the index of crates, and that cannot be reached"
	exit 77
fi
