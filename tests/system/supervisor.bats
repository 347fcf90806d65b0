# The supervisor's life: how it stops what it runs, what its death leaves, whom it trusts, and that nothing accumulates.

# Scripts in quotes are for a shell inside.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load helpers

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	ROOT=$(root_make)
}

gone() { process_is_gone "$1" || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

# pid_of NAME: of the main process, on the host
pid_of() { virtualing show --json "$1" | jq -er '.. | objects | select(.pid? and .supervisor?) | .pid'; }

# marked WORD: pids of those who have WORK=WORD in their environment
marked() { grep -lszx "WORK=$1" /proc/[0-9]*/environ | cut -d / -f 3; }
none_marked() { [ -z "$(marked "$1")" ]; }

# ---- stopping ----

# bats test_tags=guest
@test "a program that ignores SIGTERM is killed after --stop-timeout, in a jail too" {
	local options
	for options in "" "--root $ROOT" "--root $ROOT --no-init"; do
		# shellcheck disable=SC2086 # a list
		background "$BUILD/virtualing" run --stop-timeout 3 $options -- sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
		wait_until 10 grep -q ready "background.$((${#BACKGROUND[@]} - 1))"
		kill -TERM $!
		sleep 0.6
		! process_is_gone $! || fail "it did not wait"
		wait_until 8 process_is_gone $!
		wait $! || equal $? 137 "status with $options"
	done
}

# bats test_tags=guest
@test "virtualing stop waits until nothing is left, then the name is free" {
	local name
	name=$(unique stopped)
	start "$name" --root "$ROOT" --memory 64M
	virtualing stop "$name"
	equal "$(find /run/virtualing /sys/fs/cgroup -path "*/$name*" 2>/dev/null)" ""
	equal "$(find "$ROOT")" "$ROOT"
	virtualing run --name "$name" -- true
}

LAST=
three() { # three COMMAND: a file with three virtuals that run it in a shell with N as its number; its supervisor is $!
	cat >three.rb <<-END
		%w[1 2 3].each { |n|
		  Virtual.new({ :resource => { :name => "three-#{n}-$$" }, :jail => { :env => { "N" => n },
		    :cmnd => ["sh", "-c", %q($1)] } }).start
		}
		Virtual.wait
		$LAST
	END
	background "$BUILD/virtualing" three.rb
	wait_for_virtual "three-1-$$" && wait_for_virtual "three-2-$$" && wait_for_virtual "three-3-$$"
	wait_until 10 eval '[ "$(grep -c ready background.0)" = 3 ]'
}

@test "the virtuals of a file stop one after the other: the latest first, the next when it is gone" {
	three 'trap "echo $N begins; sleep 0.3; echo $N ends; exit" TERM; echo ready; while :; do sleep 0.05; done'
	kill -TERM $!
	wait_until 10 process_is_gone $!
	equal "$(grep -v ready background.0 | paste -sd ,)" "3 begins,3 ends,2 begins,2 ends,1 begins,1 ends"
}

@test "a second SIGTERM ends all virtuals of a file at once" {
	three 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
	kill -TERM $!
	sleep 0.2
	kill -TERM $!
	wait_until 3 process_is_gone $!
}

@test "SIGHUP and SIGUSR1 reach all virtuals of a file, and end none" {
	three 'trap "echo $N usr" USR1; trap "echo $N hup" HUP; echo ready; while :; do sleep 0.05; done'
	kill -USR1 $!
	kill -HUP $!
	wait_until 5 eval '[ "$(grep -cE "[123] (usr|hup)" background.0)" = 6 ]' || fail "$(cat background.0)"
	kill -TERM $!
}

# ---- what a program leaves ----

# bats test_tags=guest
@test "daemons that have left their session and parents are killed at the end" {
	local options word
	for options in "" "--root $ROOT" "--root $ROOT --no-init"; do
		word=$(unique daemon)
		# shellcheck disable=SC2086 # a list
		WORK=$word virtualing run $options -- sh -c '(setsid sh -c "(sleep 300 &) ; exec setsid sleep 300" &) ; sleep 0.2; exit 3' ||
			equal $? 3 "status with: $options"
		wait_until 2 none_marked "$word" || fail "alive with $options: $(marked "$word")"
	done
}

@test "init reaps hundreds of orphans" {
	run virtualing run --root "$ROOT" -- sh -c 'i=0; while [ $i -lt 300 ]; do (true &) ; i=$((i + 1)); done; sleep 0.5
		grep -l "^State:.Z" /proc/[0-9]*/status; ls -d /proc/[0-9]* | wc -l'
	at_most "$output" 4 processes
}

# ---- death ----

# killed NAME OPTION... -- COMMAND...: starts it, kills its supervisor, and nothing of it lives a second later
killed() {
	local name=$1 supervisor word
	word=$(unique killed)
	WORK=$word background "$BUILD/virtualing" run --name "$@"
	supervisor=$!
	wait_for_virtual "$name"
	sleep 0.1
	[ "$(marked "$word" | wc -l)" -gt 1 ] || fail "it does not run"
	kill -KILL $supervisor
	wait_until 1 none_marked "$word" || fail "it lives on with: $*" "$(for pid in $(marked "$word"); do
		tr '\0' ' ' <"/proc/$pid/cmdline"
	done)"
}

# bats test_tags=guest
@test "SIGKILL to the supervisor: the program is dead within a second, and the next start of the name is clean" {
	local name
	mkdir chroot
	cp "$(type -P busybox)" chroot/busybox
	name=$(unique dead)
	killed "$name" --memory 64M -- sleep 300
	killed "$name" --memory 64M --root "$ROOT" -- sleep 300
	killed "$name" --root "$ROOT" --no-init -- sleep 300
	killed "$name" --root "$ROOT" --user nobody -- sleep 300
	killed "$name" --root "$PWD/chroot" --plain-chroot -- /busybox sleep 300
	run --separate-stderr virtualing run --name "$name" -- echo ran
	equal "$status $output" "0 ran"
	has "$stderr" "removed what an earlier run left behind"
	equal "$(find "$ROOT" chroot | paste -sd ' ')" "$ROOT chroot chroot/busybox"
}

# bats test_tags=guest
@test "SIGKILL to the supervisor: with a jail's init everything dies, whatever the program did against it" {
	killed "$(unique dead)" --root "$ROOT" -- sh -c 'setpriv --pdeathsig clear sleep 300 & setsid sleep 300 & trap "" TERM; wait'
	killed "$(unique dead)" --root "$ROOT" -- setpriv --reuid 65534 --regid 65534 --clear-groups sleep 300
	virtualing gc >/dev/null
}

# bats test_tags=guest
@test "SIGKILL to the supervisor: without a jail what the program has started dies too" {
	killed "$(unique dead)" -- sh -c 'sleep 300 & wait'
	killed "$(unique dead)" -- setpriv --reuid 65534 --regid 65534 --clear-groups sleep 300
	virtualing gc >/dev/null
}

# bats test_tags=guest
@test "SIGKILL to the supervisor of a file: its virtuals and the script host die" {
	local word
	word=$(unique file)
	export WORK=$word
	three 'echo ready; exec sleep 300'
	unset WORK
	kill -KILL $!
	wait_until 1 none_marked "$word" || fail "alive: $(marked "$word")"
	virtualing gc >/dev/null
}

# bats test_tags=guest
@test "list tells a crashed one, gc --dry-run what it would do, gc does it, and a second one finds nothing" {
	local name
	name=$(unique crashed)
	killed "$name" --root "$ROOT" --memory 64M -- sleep 300
	has "$(virtualing list)" "crashed: \`virtualing gc\` removes it"
	refused_inside "$name has no supervisor" virtualing stop "$name"
	"$TESTS/census" >before
	run virtualing gc --dry-run
	has "$output" "would remove $name: group "
	has "$output" "would remove $name: its state folder"
	"$TESTS/census" | diff before -
	run virtualing gc
	equal "$status" 0
	has "$output" "removing $name: its state folder"
	run virtualing gc
	case $output in *"$name"*) fail "$output" ;; esac
	equal "$(find "$ROOT")" "$ROOT"
}

@test "SIGKILL to the supervisor: the vip goes, at the latest when its lifetime ends" {
	local name
	net_make
	name=$(unique vip)
	WORK=$name background nsenter --net="/proc/${NET_HOLDER[server]}/ns/net" "$BUILD/virtualing" run --name "$name" --vip 10.77.0.9@lan0 -- sleep 300
	wait_for_virtual "$name"
	net_addresses server | grep -q 10.77.0.9/32 || fail "no vip"
	kill -KILL $!
	wait_until 1 none_marked "$name"
	wait_until 12 eval '! net_addresses server | grep -q 10.77.0.9'
	virtualing gc >/dev/null
}

@test "SIGKILL to the keeper of the vip: it is told, another takes its place, and both are gone in the end" {
	local name keeper said
	net_make
	name=$(unique vip)
	background nsenter --net="/proc/${NET_HOLDER[server]}/ns/net" "$BUILD/virtualing" run --name "$name" --vip 10.77.0.9@lan0 -- sleep 300
	said=$BATS_TEST_TMPDIR/background.$((${#BACKGROUND[@]} - 1))
	wait_for_virtual "$name"
	keeper=$(pgrep -P $! virtualing-vip)
	kill -KILL "$keeper"
	wait_until 40 grep -q "10.77.0.9 is back on lan0" "$said" || fail "$(cat "$said")"
	equal "$(wc -l <"$said")" 2 "lines said"
	grep -q "$name: virtualing-vip (process $keeper) was killed by signal 9" "$said" || fail "$(cat "$said")"
	net_addresses server | grep -q 10.77.0.9/32 || fail "no vip"
	virtualing stop "$name"
	equal "$(net_addresses server | grep 10.77.0.9)" ""
	equal "$(pgrep -P $! virtualing-vip)" ""
}

# bats test_tags=guest
@test "SIGKILL to init: everything of the jail ends, and the status says so" {
	local name pid word
	word=$(unique init)
	WORK=$word background "$BUILD/virtualing" run --name "$word" --root "$ROOT" -- sh -c 'setsid sleep 300 & exec sleep 300'
	wait_for_virtual "$word"
	pid=$(pid_of "$word")
	kill -KILL "$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")"
	wait_until 5 process_is_gone $!
	wait $! || equal $? 137 status
	none_marked "$word" || fail "alive: $(marked "$word")"
}

@test "a script host that is killed is told; its virtuals run on and end as ever" {
	local supervisor host
	# With something to do after it, the script host stays to wait.
	LAST='puts "over"' three 'trap "echo $N ends; exit" TERM; echo ready; while :; do sleep 0.05; done'
	supervisor=$!
	host=$(grep -lsx virtualing-ruby /proc/[0-9]*/comm | while IFS=/ read -r _ _ pid _; do
		! grep -qsx "PPid:	$supervisor" "/proc/$pid/status" || echo "$pid"
	done)
	kill -KILL "$host"
	wait_until 5 grep -q "the script host was killed by signal 9" background.0 || fail "$(cat background.0)"
	sleep 0.2
	is_running "three-2-$$"
	kill -TERM $supervisor
	wait_until 10 process_is_gone $supervisor
	wait $supervisor || equal $? 125 status
	equal "$(grep -c ends background.0)" 3 "ends"
}

# ---- trust ----

# fake NAME PID: what somebody else might put into the state folder
fake() {
	mkdir -p "/run/virtualing/$1"
	cat >"/run/virtualing/$1/state.json" <<-END
		{"name":"$1","supervisor":$2,"supervisor_start":1,"pid":$2,"pid_start":1,"started":1,"description":{}}
	END
	printf '["dir","%s","victim"]\n' "$PWD" >"/run/virtualing/$1/journal"
}

# distrusts NAME: no command does anything with that folder
distrusts() {
	local command
	for command in "show $1" "stop $1" "kill $1" "run --name $1 -- true"; do
		# shellcheck disable=SC2086 # words
		refused_inside "is not trusted" virtualing $command
	done
	virtualing list >/dev/null
	virtualing gc >/dev/null 2>&1 || true
	[ -d victim ] || fail "its journal was followed"
	kill -0 "${BACKGROUND[0]}" || fail "the process that it names was killed"
}

@test "a state folder of another user, or that others may write, is not trusted (CVE-2022-31214)" {
	local name
	name=$(unique fake)
	mkdir victim
	background sleep 300
	fake "$name" $!
	chown 65534 "/run/virtualing/$name"
	distrusts "$name"
	chown 0 "/run/virtualing/$name"
	chmod 777 "/run/virtualing/$name"
	distrusts "$name"
	rm -r "/run/virtualing/$name"
	mkdir elsewhere
	ln -s "$PWD/elsewhere" "/run/virtualing/$name"
	run virtualing run --name "$name" -- true
	[ "$status" = 125 ] || fail "status $status: $output"
	equal "$(ls elsewhere)" "" "what was written through a symbolic link"
	rm "/run/virtualing/$name"
	rmdir /run/virtualing 2>/dev/null || true
}

@test "a pid that stands in a folder but belongs to somebody else by now is never signalled" {
	local name
	name=$(unique reused)
	background sleep 300
	fake "$name" $!
	: >"/run/virtualing/$name/journal"
	chmod 700 "/run/virtualing/$name"
	refused_inside "$name has no supervisor" virtualing kill "$name"
	refused_inside "$name has no supervisor" virtualing stop "$name"
	virtualing list >/dev/null
	virtualing gc >/dev/null
	kill -0 "${BACKGROUND[0]}" || fail "it was killed"
	[ ! -e "/run/virtualing/$name" ]
}

@test "what a kill in the middle of writing has left in the state folder goes with it" {
	local name
	name=$(unique halfway)
	mkdir -p victim && fake "$name" 1
	chmod 700 "/run/virtualing/$name"
	: >"/run/virtualing/$name/journal.new"
	: >"/run/virtualing/$name/state.json.new"
	virtualing gc >/dev/null
	[ ! -e "/run/virtualing/$name" ] || fail "left: $(ls "/run/virtualing/$name")"
	[ ! -e victim ] || fail "the journal was not followed"
}

@test "names of virtuals do not lead out of the state folder" {
	local name
	mkdir victim
	for name in ../../"${PWD#/}"/victim .. . "" a/b .hidden "$(printf 'a%.0s' {1..300})" $'a\nb'; do
		run virtualing show "$name"
		equal "$status" 125 "show '$name'"
		run virtualing run --name="$name" -- true
		equal "$status" 125 "run --name '$name'"
	done
	equal "$(ls victim)" ""
}

# ---- the control socket ----

# speak NAME <<TEXT: python3 with `connect()`, a socket to that virtual, `ask(text)`, one exchange, and `memory()`,
# the supervisor's resident KiB
speak() {
	{
		cat <<-END
			import json, os, socket, sys, time
			PATH, SUPERVISOR = "/run/virtualing/$1/control.sock", ${BACKGROUND[0]}
			def connect():
			    s = socket.socket(socket.AF_UNIX)
			    s.connect(PATH)
			    s.settimeout(10)
			    return s
			def answer(s):
			    data = b""
			    while not data.endswith(b"\n"):
			        more = s.recv(65536)
			        if not more:
			            break
			        data += more
			    return data.decode()
			def ask(text, s=None):
			    s = s or connect()
			    s.sendall(text.encode() if isinstance(text, str) else text)
			    return answer(s)
			def alive():
			    assert json.loads(ask('{"op":"show"}\n'))["virtual"]["name"] == "$1"
			def memory():
			    return int(next(l for l in open(f"/proc/{SUPERVISOR}/status") if l.startswith("VmRSS")).split()[1])
			def descriptors():
			    return len(os.listdir(f"/proc/{SUPERVISOR}/fd"))
		END
		cat
	} | /usr/bin/python3 -
}

@test "another user can neither connect to the control socket nor look into the folder" {
	local name
	name=$(unique socket)
	start "$name"
	equal "$(stat -c '%a %u' "/run/virtualing/$name" "/run/virtualing/$name/control.sock" | xargs)" "700 0 600 0"
	chmod 711 "/run/virtualing/$name" # even then
	speak "$name" <<-'END'
		os.setuid(65534)
		try:
		    connect()
		    sys.exit("connected")
		except PermissionError:
		    pass
	END
	chmod 777 "/run/virtualing/$name/control.sock" # and then the supervisor asks the kernel who it is
	speak "$name" <<-'END'
		os.setuid(65534)
		s = connect()
		try:
		    s.sendall(b'{"op":"stop"}\n')
		    assert s.recv(100) == b"", "answered"
		except (BrokenPipeError, ConnectionResetError):
		    pass
	END
	is_running "$name"
}

@test "malformed messages are answered with a reason and change nothing" {
	local name
	name=$(unique malformed)
	start "$name"
	speak "$name" <<-'END'
		wrong = ["\n", "{\n", "null\n", "[]\n", "1\n", "\"stop\"\n", "{}\n", '{"op":1}\n', '{"op":null}\n', '{"op":"launch"}\n',
		  '{"op":"start","spec":{}}\n', '{"op":"finish"}\n', '{"op":"wait"}\n', '{"op":"faults"}\n', '{"op":"Stop"}\n',
		  '{"op":"kill"}\n', '{"op":"kill","signal":0}\n', '{"op":"kill","signal":-1}\n', '{"op":"kill","signal":9999}\n',
		  '{"op":"kill","signal":"NINE"}\n', '{"op":"kill","signal":9e99}\n', '{"op":"kill","signal":18446744073709551625}\n',
		  '{"op":"stop","timeout_ms":-1}\n', '{"op":"stop","timeout_ms":99999999999}\n',
		  '{"op":"stop","timeout_ms":"5"}\n', '{"op":"stop","timeout_ms":null}\n',
		  '{"op":"show","op":"stop"}\n', '{"op":"stop\\u0000"}\n', '{"op":"\\ud800"}\n', "[" * 100000 + "\n", '{"a":' * 5000 + "\n",
		  b"\xff\xfe\x00\n", b"\x00\n", b'{"op":"stop"\x00}\n', "GET / HTTP/1.1\r\n\r\n"]
		for text in wrong:
		    said = ask(text)
		    assert json.loads(said)["ok"] is False and json.loads(said)["error"], (text[:40], said)
		    assert said.count("\n") == 1, said
		alive()
		s = connect()  # good ones after a bad operation
		assert json.loads(ask('{"op":"nothing","id":7}\n', s))["id"] == 7
		assert json.loads(ask('{"op":"show","id":{"a":[1]}}\n', s))["id"] == {"a": [1]}
	END
	is_running "$name"
}

@test "huge and endless messages end their connection and cost bounded memory" {
	local name
	name=$(unique huge)
	start "$name"
	speak "$name" <<-'END'
		before = memory()
		for kind in (b"x" * 65536, b'{"op":"show","pad":"' + b"y" * 65536, b"[" * 65536):
		    s, sent = connect(), 0
		    try:
		        while sent < 64 << 20:
		            sent += s.send(kind)
		        sys.exit("64 MiB were taken")
		    except (BrokenPipeError, ConnectionResetError):
		        pass
		    assert sent < 8 << 20, sent
		alive()
		slow = [connect() for _ in range(20)]  # endless: a byte now and then, never a newline
		for _ in range(20):
		    for s in slow:
		        s.send(b"{")
		    time.sleep(0.01)
		alive()
		for s in slow:
		    s.close()
		assert memory() - before < 8192, (before, memory())
	END
	is_running "$name"
}

@test "many connections, vanished and deaf ones leave no descriptor and do not hold the supervisor up" {
	local name
	name=$(unique many)
	start "$name"
	speak "$name" <<-'END'
		import resource
		resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
		before = descriptors()
		for _ in range(300):
		    s = connect()
		    s.send(b'{"op":"show"}\n')
		    s.close()
		crowd = []
		try:
		    for _ in range(300):
		        s = socket.socket(socket.AF_UNIX)
		        s.setblocking(False)
		        s.connect(PATH)
		        crowd.append(s)
		except BlockingIOError:
		    pass
		time.sleep(0.3)
		for s in crowd:
		    s.close()
		time.sleep(0.3)
		alive()
		deaf = connect()  # asks and never reads
		deaf.setblocking(False)
		try:
		    while True:
		        deaf.send(b'{"op":"show"}\n' * 100)
		except (BlockingIOError, BrokenPipeError, ConnectionResetError):
		    pass
		begun = time.monotonic()
		alive()
		assert time.monotonic() - begun < 5, time.monotonic() - begun
		deaf.close()
		end = time.monotonic() + 5
		while descriptors() > before and time.monotonic() < end:
		    time.sleep(0.05)
		assert descriptors() <= before, (before, descriptors())
	END
	is_running "$name"
}

# ---- nothing accumulates ----

# tally: everything that could accumulate
tally() {
	"$TESTS/census" --tree "$PWD/farm"
	find "/proc/$$/fd" -mindepth 1 | wc -l
	wc -l </proc/self/mountinfo
	grep -lsx 'virtualing.*' /proc/[0-9]*/comm | wc -l
}

# bats test_tags=guest
@test "many launches in a row, each of another kind, leave nothing: groups, mounts, processes, descriptors, inodes" {
	local i count=1000
	[ -z "${VIRTUALING_GUEST:-}" ] || count=24
	count=${LAUNCHES:-$count}
	mkdir -p farm/data
	echo data >farm/data/file
	tally >before
	for ((i = 0; i < count / 8; i++)); do
		virtualing run -- true
		virtualing run --memory 64M --pids 20 --cpu 50% -- true
		virtualing run --root "$PWD/farm/a" -- true
		virtualing run --root "$PWD/farm/b/deep" --tmpfs /scratch --user nobody -- true
		virtualing run --root "$PWD/farm/c" --bind "$PWD/farm/data:/data" --ro-bind "$PWD/farm/data/file:/srv/file" -- true
		virtualing run --root "$PWD/farm/c" --no-init --read-only --share none -- false && fail "false is true"
		virtualing run --root "$PWD/farm/c" --memory 32M -- sh -c 'sleep 100 & kill -KILL $$' 2>/dev/null && fail "it lives"
		virtualing run --root "$PWD/farm/c" -- /no/such/command 2>/dev/null && fail "it ran"
	done
	wait_until 5 eval 'tally >after; cmp -s before after' || diff before after
}

# bats test_tags=guest
@test "many launches at once leave nothing either, and each of them works" {
	local i count=200
	[ -z "${VIRTUALING_GUEST:-}" ] || count=16
	mkdir -p farm/data said
	echo data >farm/data/file
	tally >before
	for ((i = 0; i < count; i++)); do
		case $((i % 4)) in
		0) virtualing run --name "once-$$-$i" --memory 64M --pids 20 -- echo ran ;;
		1) virtualing run --name "once-$$-$i" --root "$PWD/farm/shared" -- echo ran ;;
		2) virtualing run --name "once-$$-$i" --root "$PWD/farm/own$i" --memory 64M -- echo ran ;;
		3) virtualing run --name "once-$$-$i" --root "$PWD/farm/shared" --bind "$PWD/farm/data:/d$((i % 8))" -- echo ran ;;
		esac </dev/null >"said/$i" 2>&1 3>&- &
	done
	wait
	equal "$(sort said/* | uniq -c | xargs)" "$count ran"
	wait_until 5 eval 'tally >after; cmp -s before after' || diff before after
}

# bats test_tags=guest
@test "the same name many times at once: one runs, the others are refused, and nothing is left" {
	local i name
	name=$(unique same)
	mkdir said
	for ((i = 0; i < 30; i++)); do
		{ virtualing run --name "$name" -- sh -c 'echo ran; sleep 1' || echo "status $?"; } </dev/null >"said/$i" 2>&1 3>&- &
	done
	wait
	grep -qx ran said/* || fail "none of them ran" "$(cat said/*)"
	equal "$(grep -Lx ran said/* | wc -l)" "$(grep -lx 'status 125' said/* | wc -l)" "those who did not run have 125"
	equal "$(grep -hvxE 'ran|status 125' said/* | grep -cvE "$name (is already running|is being started or stopped)")" 0 \
		"other reasons: $(sort said/* | uniq -c)"
}
