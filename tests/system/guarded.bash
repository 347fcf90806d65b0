# shellcheck shell=bash
# For the files about the guard of the memory, after helpers: virtuals with 64 MiB, and what eats them.

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	NAME=$(unique guard)
	EAT=$BUILD/tests/system/eat
}

teardown() { test_end; }

# grown OPTION... -- COMMAND...: runs it in 64 MiB that grow by 32
grown() { timeout 120 "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --grow "step=32M,ceiling=1G,at=100%" "$@"; }

# described [MIB [KEYS]]: the Ruby of "v", which eats so much in 64 MiB
described() {
	printf 'v = Virtual.new(:resource => { :name => "%s", :memory => "64M", :swap => 0 }, %s\n  :jail => { :cmnd => "%s page %s" })\n' \
		"$NAME" "${2:-}" "$EAT" "${1:-150}"
}

runs() { timeout 120 "$BUILD/virtualing" "$NAME.rb"; }
