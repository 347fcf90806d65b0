# pause and resume: everything in a virtual stands still, whatever else would freeze it or let it go on.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154
load helpers

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	NAME=$(unique pause)
	EAT=$BUILD/tests/system/eat
	KIND=$(host_kind)
}

# count OPTION...: a virtual that writes a number a moment into ./counter, with a child of its own
count() {
	background "$BUILD/virtualing" run --name "$NAME" "$@" -- \
		sh -c 'sleep 300 & n=0; while :; do n=$((n + 1)); echo $n; sleep 0.01; done'
	wait_for_virtual "$NAME"
	wait_until 10 test -s "$BATS_TEST_TMPDIR/background.0"
}

counted() { tail -n 1 "$BATS_TEST_TMPDIR/background.0"; }
counts_on() { wait_until 10 eval '[ "$(counted)" -gt '"$(counted)"' ]' || fail "it does not go on: $(counted)"; }
stands_still() {
	local before
	before=$(counted)
	sleep 0.3
	equal "$(counted)" "$before" "what it has counted to"
}

state_of() { virtualing show --json "$NAME" | jq -r '"\(.state) \(.paused)"'; }
types() { virtualing events --json "$NAME" | jq -r .type | tr '\n' ' '; }

# bats test_tags=guest
@test "a paused virtual stands still until it is resumed, and list, show and events say so" {
	local options
	for options in "" "--root $(root_make)" "--root $(root_make) --no-init"; do
		# shellcheck disable=SC2086 # several words
		count $options
		virtualing pause "$NAME"
		stands_still
		equal "$(state_of)" "paused true" "state and paused with '$options'"
		has "$(virtualing list | grep "^$NAME ")" paused
		has "$(virtualing show "$NAME")" "$NAME: paused, pid "
		virtualing resume "$NAME"
		counts_on
		equal "$(state_of)" "running false" "state and paused"
		equal "$(types)" "started paused resumed "
		virtualing stop --timeout 0 "$NAME" # as pid 1 it does not heed SIGTERM
		BACKGROUND=()
	done
}

@test "to pause what is paused and to resume what runs is fine, and happens once" {
	count
	virtualing resume "$NAME"
	virtualing pause "$NAME"
	virtualing pause "$NAME"
	stands_still
	virtualing resume "$NAME"
	virtualing resume "$NAME"
	counts_on
	equal "$(types)" "started paused resumed "
}

@test "who cannot be paused is named" {
	refused 125 "no virtual is called $NAME" "$BUILD/virtualing" pause "$NAME"
	refused 125 "no virtual is called $NAME" "$BUILD/virtualing" resume "$NAME"
	refused 125 "an argument is missing: it takes NAME" "$BUILD/virtualing" pause
	background "$BUILD/virtualing" run --name "$NAME" -- sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
	wait_until 10 grep -q ready "$BATS_TEST_TMPDIR/background.0"
	background "$BUILD/virtualing" stop "$NAME" --timeout 3
	wait_until 5 eval '[ "$(state_of)" = "stopping false" ]'
	refused 125 "$NAME: cannot be paused: it is stopping" "$BUILD/virtualing" pause "$NAME"
}

@test "stop ends a paused virtual at once, and the program hears SIGTERM" {
	local begun
	background "$BUILD/virtualing" run --name "$NAME" -- \
		sh -c 'trap "echo heard TERM; exit 3" TERM; echo ready; while :; do sleep 0.05; done'
	wait_until 10 grep -q ready "$BATS_TEST_TMPDIR/background.0"
	virtualing pause "$NAME"
	begun=${EPOCHREALTIME/[.,]/}
	virtualing stop "$NAME"
	at_most $(((${EPOCHREALTIME/[.,]/} - begun) / 1000)) 5000 "ms until it was gone"
	status=0
	wait "${BACKGROUND[0]}" || status=$?
	equal "$status" 3 "its status"
	grep -q 'heard TERM' "$BATS_TEST_TMPDIR/background.0"
}

# bats test_tags=guest
@test "SIGKILL ends a paused virtual at once, with and without an init; another signal waits until it is resumed" {
	local options
	for options in "" "--root $(root_make)"; do
		# shellcheck disable=SC2086 # several words
		background "$BUILD/virtualing" run --name "$NAME" $options -- \
			sh -c 'trap "echo heard USR1" USR1; echo ready; while :; do sleep 0.05; done'
		wait_until 10 grep -q ready "$BATS_TEST_TMPDIR/background.0"
		virtualing pause "$NAME"
		virtualing kill "$NAME" --signal USR1
		sleep 0.2
		! grep -q heard "$BATS_TEST_TMPDIR/background.0" || fail "it ran while it was paused"
		virtualing resume "$NAME"
		wait_until 5 grep -q 'heard USR1' "$BATS_TEST_TMPDIR/background.0"
		virtualing pause "$NAME"
		virtualing kill "$NAME" --signal KILL
		wait_until 5 process_is_gone "${BACKGROUND[0]}" || fail "it is still there: $(state_of)"
		status=0
		wait "${BACKGROUND[0]}" || status=$?
		equal "$status" 137 "its status with '$options'"
		BACKGROUND=()
	done
}

# bats test_tags=guest
@test "when the supervisor of a paused virtual is killed, nothing of it is left" {
	local options program
	for options in "" "--root $(root_make)" "--root $(root_make) --no-init"; do
		# shellcheck disable=SC2086 # several words
		count $options
		program=$(virtualing show --json "$NAME" | jq .pid)
		virtualing pause "$NAME"
		kill -KILL "${BACKGROUND[0]}"
		wait_until 5 process_is_gone "$program" || fail "with '$options': $(cat "/proc/$program/status")"
		run virtualing gc
		has "$output" "$NAME"
		BACKGROUND=()
	done
}

@test "Ctrl-C ends a paused virtual in the foreground" {
	PS1='ready> ' TERM=dumb "$BATS_TEST_DIRNAME/terminal.py" bash --norc --noprofile --noediting -i >said <<-END || fail "$(cat said)"
		expect ready>
		line $BUILD/virtualing run --name $NAME -- sh -c '$BUILD/virtualing pause $NAME & echo runs; sleep 300'
		expect runs
		pause 1
		key C-c
		expect ready>
		line echo "status \$?"
		expect status 1[0-9]+
		line exit
		end
	END
}

# ---- with a guard, which freezes too ----

# full OPTION...: a virtual that eats 100 MiB, is stopped at 64, and waits for more
full() {
	background "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --no-oom "$@" -- "$EAT" page 100
	wait_until 30 grep -q "$NAME: memory is full: the program is stopped" "$BATS_TEST_TMPDIR/background.0"
}

lesser() { if [ "$KIND" = v2 ]; then echo wire; else echo pause; fi; }

ate() { grep -q '^ate 100 page' "$BATS_TEST_TMPDIR/background.0"; }

# bats test_tags=guest
@test "a pause outlives the room that its guard gets, and a full cage outlives the end of a pause" {
	local options
	for options in "" "--guard $(lesser)"; do
		# shellcheck disable=SC2086 # several words
		full $options
		virtualing pause "$NAME"
		virtualing resume "$NAME"
		sleep 0.3
		! ate || fail "the end of the pause has let a full cage go on, with '$options'"
		equal "$(virtualing show --json "$NAME" | jq .guard.waits)" true "that it waits for room"
		virtualing pause "$NAME"
		virtualing set "$NAME" memory=256M
		sleep 0.3
		! ate || fail "room has ended the pause, with '$options'"
		equal "$(state_of)" "paused true"
		virtualing resume "$NAME"
		wait_until 20 ate || fail "it does not go on, with '$options': $(state_of)"
		wait_until 10 process_is_gone "${BACKGROUND[0]}"
		BACKGROUND=()
	done
}

# bats test_tags=guest
@test "a paused virtual stays so when its memory limit is changed" {
	count --memory 64M
	virtualing pause "$NAME"
	virtualing set "$NAME" memory=48M
	stands_still
	virtualing set "$NAME" memory=96M
	stands_still
	virtualing resume "$NAME"
	counts_on
	virtualing set "$NAME" memory=64M
	counts_on
}

# bats test_tags=guest
@test "while a process is in the kernel, pause says that not all of it has stopped; it is, as soon as it leaves that" {
	cat >"$NAME.rb" <<-END
		v = Virtual.new(:resource => { :name => "$NAME", :memory => "64M", :swap => 0 },
		  :jail => { :cmnd => "$EAT populate 100" })
		v.on(:oom) { |e| puts "asked"; sleep 0.1 until system("test -e $PWD/go"); v.memory.limit = 256 << 20 }
		exit v.run.status
	END
	chmod 644 "$NAME.rb"
	background "$BUILD/virtualing" "$NAME.rb"
	wait_until 20 grep -q asked "$BATS_TEST_TMPDIR/background.0"
	refused 125 "$NAME: paused, but not all of it has stopped within 2 s: " "$BUILD/virtualing" pause "$NAME"
	touch go
	wait_until 10 eval '[ "$(virtualing show --json "$NAME" | jq .guard.holds)" = false ]'
	virtualing pause "$NAME"
	sleep 0.3
	! grep -q '^ate' "$BATS_TEST_TMPDIR/background.0" || fail "it went on"
	virtualing resume "$NAME"
	wait_until 20 grep -q '^ate 100 populate' "$BATS_TEST_TMPDIR/background.0" || fail "it does not go on: $(state_of)"
}
