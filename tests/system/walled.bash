# shellcheck shell=bash
# For the files about the walls, after helpers: a jail of the test's own, and our program in it that tries them (probe.c).

# What is set here is for the tests; `run` sets stderr.
# shellcheck disable=SC2034,SC2154
PROBE=$BUILD/tests/system/probe

setup_file() {
	[ -x "$PROBE" ] || ninja -C "$BUILD" tests/system/probe >/dev/null
}

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	ROOT=$(root_make)
	OPTIONS=()
}

lacks() { case $1 in *"$2"*) fail "'$2' is in:" "$1" ;; esac; }
