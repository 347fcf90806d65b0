# --detach: the supervisor goes on in the background; --log: what the output of a virtual is appended to.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154
load helpers

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	NAME=$(unique detach)
	LOG=$BATS_TEST_TMPDIR/log
	STARTED=()
}

# What is in the background is no child of the test's: it is stopped by name.
teardown() {
	local name
	for name in "${STARTED[@]}"; do
		virtualing stop "$name" --timeout 1 2>/dev/null || true
	done
	test_end
}

# detach NAME OPTION... -- COMMAND...
detach() {
	STARTED+=("$1")
	timeout 20 "$BUILD/virtualing" run --detach --name "$@"
}

supervisor_of() { virtualing show --json "$1" | jq .supervisor; }
is_gone() { ! virtualing show "$1" >/dev/null 2>&1; }

@test "it returns when the program runs, with its name, and the supervisor has left everything of the caller's" {
	local supervisor options
	for options in "" "--root $(root_make)"; do
		# shellcheck disable=SC2086 # several words
		run --separate-stderr detach "$NAME" $options -- sh -c 'exec sleep 300'
		equal "$status" 0 "status, with '$options' and '$stderr'"
		equal "$output" "$NAME"
		equal "$stderr" ""
		is_running "$NAME" || fail "it does not run"
		supervisor=$(supervisor_of "$NAME")
		equal "$(readlink "/proc/$supervisor/cwd")" / "its directory"
		equal "$(readlink "/proc/$supervisor/fd/"{0,1,2} | sort -u)" /dev/null "its streams"
		equal "$(readlink "/proc/$(virtualing show --json "$NAME" | jq .pid)/fd/"{0,1,2} | sort -u)" /dev/null "the program's"
		# ppid, pgrp, session, terminal
		read -ra words < <(sed 's/.*) //' "/proc/$supervisor/stat")
		equal "${words[2]} ${words[3]} ${words[4]}" "$supervisor $supervisor 0" "group, session and terminal"
		virtualing stop "$NAME"
	done
}

@test "a name that is not given is made, and printed" {
	local name
	name=$(timeout 20 "$BUILD/virtualing" run --detach -- sleep 300)
	STARTED+=("$name")
	case $name in sleep-[0-9]*) ;; *) fail "'$name'" ;; esac
	is_running "$name"
}

# bats test_tags=guest
@test "a cage round a running process stays there in the background" {
	local name
	background sleep 300
	name=$(timeout 20 "$BUILD/virtualing" attach --detach --name "$NAME" "${BACKGROUND[0]}")
	equal "$name" "$NAME"
	grep -q "/virtualing/$NAME" "/proc/${BACKGROUND[0]}/cgroup"
	virtualing stop "$NAME" --release
	! grep -q "/virtualing/$NAME" "/proc/${BACKGROUND[0]}/cgroup" || fail "it is still in the cage"
}

@test "one that ends at once has run" {
	equal "$(detach "$NAME" --log "$LOG" -- sh -c 'echo here; exit 7')" "$NAME"
	wait_until 5 is_gone "$NAME"
	equal "$(<"$LOG")" here
}

@test "what cannot be started has the status and the message that it has in the foreground, and nothing is left" {
	refused 127 "virtualing: command not found: /nonexistent" "$BUILD/virtualing" run --detach --name "$NAME" -- /nonexistent
	refused 126 "virtualing: $NAME: execute /etc/passwd" "$BUILD/virtualing" run --detach --name "$NAME" -- /etc/passwd
	refused 125 "--memory: " "$BUILD/virtualing" run --detach --name "$NAME" --memory none -- true
	refused 125 "--bind: " "$BUILD/virtualing" run --detach --name "$NAME" --root "$(root_make)" --bind /nonexistent -- true
	detach "$NAME" -- sleep 300 >/dev/null
	refused 125 "$NAME" "$BUILD/virtualing" run --detach --name "$NAME" -- true
}

@test "it outlives the terminal that it was started on" {
	STARTED+=("$NAME")
	PS1='ready> ' TERM=dumb "$BATS_TEST_DIRNAME/terminal.py" bash --norc --noprofile --noediting -i >said <<-END || fail "$(cat said)"
		expect ready>
		line $BUILD/virtualing run --detach --name $NAME -- sleep 300
		expect $NAME
		expect ready>
		hangup
		end
	END
	sleep 0.3
	is_running "$NAME" || fail "it is gone"
}

@test "a caller that is killed while it waits takes with it what it has begun" {
	printf 'puts "begins"\nsleep 300\n' >"$NAME.rb"
	chmod 644 "$NAME.rb"
	local signal child
	for signal in TERM KILL; do
		background "$BUILD/virtualing" run --detach "$NAME.rb"
		wait_until 10 grep -q begins "$BATS_TEST_TMPDIR/background.$((${#BACKGROUND[@]} - 1))"
		child=$(pgrep -P "${BACKGROUND[-1]}")
		kill -"$signal" "${BACKGROUND[-1]}"
		wait_until 5 process_is_gone "$child" || fail "its child is still there after SIG$signal"
		wait_until 5 process_is_gone "${BACKGROUND[-1]}"
	done
}

@test "when the supervisor in the background is killed, the program is, too" {
	detach "$NAME" -- sleep 300 >/dev/null
	local program supervisor
	program=$(virtualing show --json "$NAME" | jq .pid)
	supervisor=$(supervisor_of "$NAME")
	kill -KILL "$supervisor"
	wait_until 5 process_is_gone "$program" || fail "the program is still there"
	wait_until 5 process_is_gone "$supervisor"
	virtualing gc
}

# ---- the log ----

@test "output, errors and messages are appended to the log, which may be truncated meanwhile" {
	echo "was here" >"$LOG"
	chmod 640 "$LOG"
	detach "$NAME" --log "$LOG" --memory 64M --swap 0 -- \
		sh -c 'echo out; echo error >&2; while [ ! -e '"$PWD"'/go ]; do sleep 0.05; done; echo more; exec tail /dev/zero' >/dev/null
	wait_until 5 grep -q error "$LOG"
	equal "$(<"$LOG")" "was here"$'\n'"out"$'\n'"error"
	equal "$(stat -c %a "$LOG")" 640 mode
	: >"$LOG"
	touch go
	wait_until 20 is_gone "$NAME"
	wait_until 10 grep -q 'killed for memory' "$LOG" || true # it is hidden first
	has "$(<"$LOG")" "more"$'\n'"virtualing: $NAME: killed for memory by the kernel: 1 process (tail"
	equal "$(grep -c 'killed for memory' "$LOG")" 1 "how often it is said"
	equal "$(tr -d '\0' <"$LOG" | wc -c)" "$(wc -c <"$LOG")" "bytes that are no hole"
}

@test "a log is made for its owner alone, without --detach too; messages then are on standard error as well" {
	run --separate-stderr virtualing run --name "$NAME" --log "$LOG" --memory 64M --swap 0 -- sh -c 'umask; echo out; exec tail /dev/zero'
	equal "$status" 137
	equal "$output" ""
	has "$stderr" "virtualing: $NAME: killed for memory"
	has "$(<"$LOG")" "$(umask)"$'\n'"out"$'\n'"virtualing: $NAME: killed for memory"
	equal "$(stat -c %a "$LOG")" 600 mode
	virtualing run --name "$NAME" --log relative -- echo here
	equal "$(<relative)" here
}

@test "a path is relative as for a shell, also upwards and past a link" {
	mkdir -p below/deeper other
	ln -s "$PWD/other" below/deeper/link
	(cd below/deeper && virtualing run --name "$NAME" --log ../log --report ../../report --record link/../record -- echo here)
	equal "$(<below/log)" here
	equal "$(jq -r .name report)" "$NAME"
	[ -s record ] || fail "no recording: $(find .)"
	echo 'puts "script"' >x.rb
	chmod 644 x.rb
	(cd below && virtualing run --log deeper/../../log ../x.rb)
	equal "$(<log)" script
	wrong '--report: cannot make ../none/report: ../none: No such file or directory' --report ../none/report
	refused 125 '--log: cannot make none/../log: none/..: No such file or directory' "$BUILD/virtualing" run --log none/../log x.rb
}

@test "in a jail the log is the command's output, and nothing else of the host is open" {
	local root
	root=$(root_make)
	virtualing run --name "$NAME" --root "$root" --log "$LOG" -- sh -c 'for f in 0 1 2 3 4 5; do readlink /proc/self/fd/$f; done; ls /proc/self/fd | wc -l' </dev/null
	equal "$(<"$LOG")" $'/dev/null\n'"$LOG"$'\n'"$LOG"$'\n4'
}

@test "a log that cannot be is refused, before anything is made" {
	mkdir directory
	mkfifo pipe
	ln -s /etc/passwd link
	wrong "--log: $PWD/directory is a directory" --log "$PWD/directory"
	wrong "--log: $PWD/pipe is neither a file nor a character device" --log "$PWD/pipe"
	wrong "--log: $PWD/link is a symbolic link, which is not followed" --log "$PWD/link"
	wrong "--log: cannot make $PWD/none/log: $PWD/none: No such file or directory" --log "$PWD/none/log"
	ROOT=$PWD/root in_jail "--log: $PWD/directory is a directory" --log "$PWD/directory"
	[ ! -e root ] || fail "the root was made"
	refused 125 "--log: $PWD/directory is a directory" "$BUILD/virtualing" run --detach --log "$PWD/directory" -- true
	refused 125 "--log: $PWD/link is a symbolic link" "$BUILD/virtualing" run --log "$PWD/link" x.rb
	printf 'Virtual.new(:log => "%s", :jail => { :cmnd => "true" }).run\n' "$PWD/link" >"$NAME.rb"
	chmod 644 "$NAME.rb"
	refused 125 "$NAME.rb:1: :log: $PWD/link is a symbolic link" "$BUILD/virtualing" "$NAME.rb"
}

@test "a log on a full disk takes nothing from the program but its output" {
	run virtualing run --name "$NAME" --log /dev/full -- sh -c 'echo out 2>/dev/null; exit 4'
	equal "$status" 4
}

@test "the caller's limit on the size of files is the command's, and no end of the supervisor" {
	run bash -c 'ulimit -f 1; exec "$0" run --name "$1" --log "$2" --report "$2.json" --memory 64M -- \
		sh -c "exec 2>/dev/null; head -c 3000 /dev/zero; echo \$? >status; exit 4"' "$BUILD/virtualing" "$NAME" "$LOG"
	equal "$status" 4
	equal "$(<status)" 153 # 128 + SIGXFSZ
	equal "$(stat -c %s "$LOG")" 1024
	equal "$(jq .status "$LOG.json")" 4
	run bash -c 'ulimit -f 1; exec "$0" run --name "$1" --log "$2" --memory 32M --swap 0 -- tail /dev/zero' \
		"$BUILD/virtualing" "$NAME" "$LOG"
	equal "$status" 137
	has "$output" "killed for memory"
}

# ---- of a file ----

described() {
	cat >"$NAME.rb" <<-END
		puts "begins"
		a = Virtual.new(:resource => { :name => "$NAME-a" }, :log => "$LOG-a", :jail => { :cmnd => "sh -c 'echo a; exec sleep 300'" })
		b = Virtual.new(:resource => { :name => "$NAME-b" }, :jail => { :cmnd => "sh -c 'echo b; exec sleep 300'" })
		a.start
		b.start
		$1
	END
	chmod 644 "$NAME.rb"
	STARTED+=("$NAME-a" "$NAME-b")
}

@test "a file is in the background when all that it starts runs, whether it waits, ends, or does something else" {
	local rest
	for rest in Virtual.wait "" "sleep 300"; do
		described "$rest"
		run --separate-stderr timeout 20 "$BUILD/virtualing" run --detach "$NAME.rb"
		equal "$status" 0 "status with '$rest' and '$stderr'"
		equal "$output" "$NAME-a"$'\n'"$NAME-b" "names"
		equal "$stderr" begins "what the file has printed"
		is_running "$NAME-a" && is_running "$NAME-b" || fail "they do not run"
		virtualing stop "$NAME-a"
		virtualing stop "$NAME-b"
		wait_until 5 grep -q a "$LOG-a"
		equal "$(<"$LOG-a")" a
		rm "$LOG-a"
		[ "$rest" != "sleep 300" ] || kill "$(pgrep -f "virtualing run --detach $NAME.rb$")"
	done
}

@test "a file's log takes what has no log of its own, and what the file prints" {
	described Virtual.wait
	run --separate-stderr timeout 20 "$BUILD/virtualing" run --detach --log "$LOG" "$NAME.rb"
	equal "$status" 0
	wait_until 5 grep -q '^b$' "$LOG" || fail "$(<"$LOG")"
	equal "$(<"$LOG")" $'begins\nb'
	equal "$(<"$LOG-a")" a
}

@test "a file that is wrong says so, with the status that it has in the foreground" {
	printf 'puts "begins"\nraise "oops"\n' >"$NAME.rb"
	chmod 644 "$NAME.rb"
	run --separate-stderr timeout 20 "$BUILD/virtualing" run --detach "$NAME.rb"
	equal "$status" 125 "status, with '$stderr'"
	equal "$output" ""
	has "$stderr" begins
	has "$stderr" "$NAME.rb:2: oops"
	refused 125 "nosuch.rb: No such file or directory" "$BUILD/virtualing" run --detach nosuch.rb
	printf 'exit 5\n' >"$NAME.rb"
	run timeout 20 "$BUILD/virtualing" run --detach "$NAME.rb"
	equal "$status" 5
}
