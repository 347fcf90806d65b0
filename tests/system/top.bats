#!/usr/bin/env bats
# virtualing top, as it is seen on a terminal: tmux is that terminal.

load helpers

setup() {
	test_begin
	NAME=$(unique top)
	EAT=$BUILD/tests/system/eat
	export LC_ALL=C.UTF-8
}

teardown() {
	terminal kill-server 2>/dev/null || true
	test_end
}

terminal() { tmux -L "$NAME" -f /dev/null "$@"; }

# open WIDTH HEIGHT ARG...: `virtualing top ARG...` on a terminal, and a shell behind it that tells how it ended
open() {
	terminal new-session -d -s t -x "$1" -y "$2" \
		"$BUILD/virtualing top ${*:3}; echo ended \$?; stty -a | grep -ow -e '-\?icanon' -e '-\?echo'; exec sleep 100"
}

screen() { terminal capture-pane -p -t t; }
press() { terminal send-keys -t t "$@"; }
shows() { screen | grep -q -e "$1"; }
wait_to_see() { wait_until "${2:-10}" shows "$1" || fail "'$1' is not on the screen:" "$(screen)"; }
coloured_rows() { terminal capture-pane -e -p -t t | grep -c $'\e\\[[0-9;]*3[0-7]m' || true; }
row_of() { screen | grep -n -m 1 "^$1" | cut -d : -f 1; }

# bats test_tags=guest
@test "once prints a row for each virtual, without a terminal" {
	start "$NAME" --memory 64M --pids 20
	run "$BUILD/virtualing" top --once </dev/null
	equal "$status" 0 "status of '$output'"
	row=$(grep "^${NAME:0:15}" <<<"$output")
	has "$row" running
	has "$row" /64M
	has "$output" "MEMORY / LIMIT"
}

@test "once is as wide as COLUMNS says, and ASCII where the locale is" {
	start "$NAME" --memory 64M
	run env COLUMNS=132 LC_ALL=C "$BUILD/virtualing" top --once "$NAME"
	equal "$status" 0 "status of '$output'"
	equal "$(LC_ALL=C grep -c '[^ -~]' <<<"$output" || true)" 0 "rows that are not ASCII"
	at_most "$(wc -L <<<"$output")" 132 "width"
	at_most 100 "$(wc -L <<<"$output")" "least width"
	has "$output" "of 64M"
	has "$output" "started: usage"
}

@test "what cannot be shown is refused in one line with the remedy" {
	refused 125 "--once" "$BUILD/virtualing" top </dev/null
	refused 125 "no virtual is called $NAME" "$BUILD/virtualing" top "$NAME"
	refused 125 "--interval: not a number of seconds" "$BUILD/virtualing" top --interval 0
	refused 125 "--interval: not a number of seconds" "$BUILD/virtualing" top --interval nan
	terminal new-session -d -s t -x 120 -y 24 "TERM=dumb $BUILD/virtualing top; exec sleep 100"
	wait_to_see "kind dumb cannot move its cursor: .virtualing top --once"
	terminal respawn-pane -k -t t "TERM=nonesuch $BUILD/virtualing top; exec sleep 100"
	wait_to_see "TERM=nonesuch, is not known here"
}

@test "a climb is followed under the steps of its limit, and each step is told" {
	background "$BUILD/virtualing" run --quiet --name "$NAME" --memory 64M --swap 0 \
		--grow step=64M,ceiling=400M,at=100%,cooldown=0 -- sh -c "sleep 2; $EAT page 150 60000"
	wait_for_virtual "$NAME"
	open 80 24 "$NAME"
	wait_to_see "limit 64M"
	wait_to_see " grew: usage"
	wait_to_see "limit 192M"
	wait_to_see "1[5-9][0-9][.0-9]*M of 192M"
	wait_to_see "⣿⣿"
	wait_to_see "rescues [1-9]"
}

@test "the picture follows the size of the window, and says when that is too small" {
	start "$NAME" --memory 64M
	open 80 24
	wait_to_see "^${NAME:0:15}"
	terminal resize-window -t t -x 30 -y 8
	wait_to_see "too small"
	wait_to_see "needs 40x10"
	terminal resize-window -t t -x 130 -y 30
	wait_to_see "STALL%.*PID"
	wait_to_see "^${NAME:0:15}"
}

@test "a size of the window that cannot be does no harm" {
	open 80 24
	wait_to_see "NAME"
	stty -F "$(terminal display-message -p -t t '#{pane_tty}')" cols 40000
	sleep 1
	press q
	wait_to_see "ended 0"
}

@test "keys change the limit of the virtual that is looked at" {
	start "$NAME" --memory 64M
	open 80 24 "$NAME"
	wait_to_see "of 64M"
	press +
	wait_to_see "memory limit 72M"
	wait_to_see "of 72M"
	press l
	wait_to_see "memory limit of $NAME (now 72M)"
	press 100M Enter
	wait_to_see "of 100M"
	equal "$(virtualing show --json "$NAME" | jq .usage.memory_limit)" 104857600 "limit"
	press l 1K Enter
	wait_to_see "$NAME: .*"
	press l nonsense Enter
	wait_to_see "\"nonsense\" is not a size"
}

# bats test_tags=guest
@test "keys pause and resume the virtual that is looked at" {
	skip_unless "this build cannot pause" sh -c "'$BUILD/virtualing' --help | grep -q '^  pause'"
	start "$NAME" --memory 64M
	open 80 24 "$NAME"
	wait_to_see "running"
	press p
	wait_to_see "^$NAME  paused"
	press r
	wait_to_see "^$NAME  running"
}

@test "stop asks before, and the screen says when it has ended" {
	start "$NAME" --memory 64M
	open 80 24 "$NAME"
	wait_to_see "of 64M"
	press s
	wait_to_see "stop $NAME?"
	press n
	wait_to_see "Esc all"
	is_running "$NAME" || fail "it was stopped without a yes"
	press s y
	wait_to_see "^$NAME  ended"
	press Escape
	wait_to_see "Enter one"
	wait_until 5 eval "! shows '^${NAME:0:15}'" || fail "still listed:" "$(screen)"
}

@test "virtuals come and go while it runs" {
	open 80 24
	wait_to_see "UP"
	start "$NAME" --memory 64M
	wait_to_see "^${NAME:0:15} *running"
	virtualing stop "$NAME"
	wait_until 5 eval "! shows '^${NAME:0:15}'" || fail "still listed:" "$(screen)"
}

@test "one whose supervisor was killed is shown as crashed" {
	start "$NAME" --memory 64M
	open 80 24 "$NAME"
	wait_to_see "^$NAME  running"
	kill -KILL "${BACKGROUND[-1]}"
	wait_to_see "^$NAME  crashed"
	virtualing gc
}

@test "without descriptors for all, those that run are not called crashed" {
	start "$NAME"
	start "$NAME-b"
	for descriptors in 6 8 12; do
		run bash -c 'ulimit -n "$1"; exec "$0" top --once' "$BUILD/virtualing" "$descriptors"
		equal "$status" 0 "status of '$output'"
		case $output in *crashed*) fail "with $descriptors descriptors:" "$output" ;; esac
	done
}

@test "the order can be changed" {
	start "a$NAME" --memory 64M
	background "$BUILD/virtualing" run --name "b$NAME" --memory 64M -- "$EAT" page 30 60000
	wait_for_virtual "b$NAME"
	open 80 60
	wait_to_see "^b${NAME:0:14}.*3[0-9][.0-9]*M/64M"
	at_most "$(row_of "a${NAME:0:14}")" "$(row_of "b${NAME:0:14}")" "row of a, by name"
	press o o
	wait_to_see "LIMIT▼"
	at_most "$(row_of "b${NAME:0:14}")" "$(row_of "a${NAME:0:14}")" "row of b, by memory"
}

@test "q gives the terminal back" {
	open 80 24
	wait_to_see "q quit"
	press q
	wait_to_see "ended 0"
	wait_to_see "^icanon"
	wait_to_see "^echo"
}

@test "SIGTERM gives the terminal back, and is what it ends with" {
	open 80 24
	wait_to_see "q quit"
	shell=$(terminal list-panes -F '#{pane_pid}')
	kill -TERM "$(pgrep -P "$shell")"
	wait_to_see "ended 143"
	wait_to_see "^icanon"
	wait_to_see "^echo"
}

@test "it can be stopped like a job, and goes on" {
	start "$NAME" --memory 64M
	terminal new-session -d -s t -x 80 -y 24 "bash --norc -i"
	press "$BUILD/virtualing top $NAME" Enter
	wait_to_see "of 64M"
	press C-z
	wait_to_see "Stopped"
	press "fg" Enter
	wait_to_see "of 64M"
	press q
	press "echo back" Enter
	wait_to_see "^back"
}

@test "NO_COLOR takes the colours away" {
	start "$NAME" --memory 64M
	terminal new-session -d -s t -x 80 -y 24 "NO_COLOR=1 $BUILD/virtualing top $NAME"
	wait_to_see "^$NAME  running"
	equal "$(coloured_rows)" 0 "rows with colours"
	terminal respawn-pane -k -t t "$BUILD/virtualing top $NAME"
	wait_to_see "^$NAME  running"
	at_most 1 "$(coloured_rows)" "rows with colours"
}

@test "a hung supervisor holds neither the screen nor the list up" {
	start "$NAME" --memory 64M
	kill -STOP "${BACKGROUND[-1]}"
	open 80 24 "$NAME"
	wait_to_see "^$NAME  silent"
	wait_to_see "supervisor does not answer"
	press Escape
	wait_to_see "^${NAME:0:15} *silent"
	begun=$SECONDS
	run "$BUILD/virtualing" list
	kill -CONT "${BACKGROUND[-1]}"
	has "$output" "does not answer"
	at_most $((SECONDS - begun)) 4 "seconds that list took"
	wait_to_see "^${NAME:0:15} *running"
}

# answers ANSWER: what `list` makes of a supervisor that gives this answer, in a /run of its own
answers() {
	# shellcheck disable=SC2016
	unshare -m --propagation private bash -c 'mount -t tmpfs none /run && mkdir -p -m 700 /run/virtualing/odd && cd /run/virtualing/odd &&
		echo "{}" >state.json && : >lock && { python3 -c "
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(\"control.sock\")
s.listen()
open(\"/run/ready\", \"w\")
c = s.accept()[0]
c.recv(4096)
c.sendall(sys.argv[1].encode() + b\"\n\")" "$1" & } && until [ -e /run/ready ]; do sleep 0.05; done && "$0" list' \
		"$BUILD/virtualing" "$1"
}

@test "a supervisor that answers nonsense has a row that says so" {
	for answer in '{"virtual":{}}' '{"virtual":[1,2]}' '{"virtual":{"name":7,"state":"running"}}'; do
		has "$(answers "$answer" 2>&1)" "its supervisor answers without a virtual"
	done
	has "$(answers 'nonsense')" "message is not JSON"
}
