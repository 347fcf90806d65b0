# exec: one more command behind the same walls as the first, from the caller's terminal.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154
load helpers
load walled

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	NAME=$(unique exec)
	ROOT=$(root_make)
}

# jailed OPTION...: a virtual $NAME in a jail, which sleeps
jailed() { start "$NAME" --root "$ROOT" "$@"; }

inside() { virtualing exec "$NAME" -- "$@"; }

# walls: a script that says everything by which one process differs from another as to what it may do
walls() {
	cat >walls <<-'END'
		umask
		grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Cpus_allowed_list|Mems_allowed_list|CoreDumping)' /proc/self/status
		for n in cgroup ipc mnt net pid pid_for_children time user uts; do readlink /proc/self/ns/$n; done
		cat /proc/self/uid_map /proc/self/gid_map /proc/self/limits /proc/self/mountinfo /proc/self/oom_score_adj
		cat /proc/self/cgroup /proc/sys/kernel/hostname /proc/self/personality 2>/dev/null
		stat -c '%d:%i' / .
		pwd
		env | grep -vE '^(_|SHLVL|PWD|OLDPWD)=' | sort
	END
}

# alike OPTION...: the first command of a virtual with these options and one more in it stand behind the same walls
alike() {
	local name
	name=$(unique walls)
	background "$BUILD/virtualing" run --name "$name" --memory 64M --pids 50 "$@" -- sh -c "$(cat walls); echo whole; exec sleep 300"
	wait_until 30 is_running "$name" || fail "it does not start with $*"
	wait_until 30 grep -q '^whole' "$BATS_TEST_TMPDIR/background.$((${#BACKGROUND[@]} - 1))"
	virtualing exec "$name" -- sh -c "$(cat walls); echo whole" </dev/null >./"more" 2>&1
	diff "$BATS_TEST_TMPDIR/background.$((${#BACKGROUND[@]} - 1))" more || fail "it differs with $*"
	virtualing stop "$name" --timeout 1
}

# bats test_tags=guest
@test "the walls are those of the first command, whatever they are" {
	walls
	mkdir shared
	alike
	alike --user nobody --limits nofile=64:128,core=0 --workdir /tmp --env A=b
	alike --root "$ROOT"
	alike --root "$ROOT" --user nobody
	mkdir "$ROOT/etc"
	cp /etc/passwd "$ROOT/etc"
	echo "extra:x:4242:daemon" | cat /etc/group - >"$ROOT/etc/group"
	alike --root "$ROOT" --user daemon --caps keep=net_raw,net_bind_service
	grep -q '^Groups:.*4242' more || fail "the supplementary group is not there"
	alike --root "$ROOT" --user 1:60
	alike --root "$ROOT" --caps none --share none --hostname other
	alike --root "$ROOT" --caps all --filter none --share none,net,ipc,uts
	alike --root "$ROOT" --share pid,net
	alike --root "$ROOT" --no-init --read-only --clear-env --env A=b --workdir /usr/share
	alike --root "$ROOT" --bind "$PWD/shared:/shared" --tmpfs /scratch:1M --limits nofile=64:128,nproc=100,core=0
}

# outside PID: the same as far as it is seen from here, where there is no /proc inside
outside() {
	grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)' "/proc/$1/status"
	readlink "/proc/$1/root" "/proc/$1/cwd"
	cat "/proc/$1/limits" "/proc/$1/cgroup" "/proc/$1/oom_score_adj"
	tr '\0' '\n' <"/proc/$1/environ" | sort
}

@test "in a plain chroot it has the same root, user, limits and groups" {
	local main more
	mkdir "$ROOT/bin"
	cp "$(type -P busybox)" "$ROOT/bin/busybox"
	background "$BUILD/virtualing" run --name "$NAME" --root "$ROOT" --plain-chroot --user 4321:4322 --workdir /bin \
		--limits nofile=64:128 --env A=b --memory 64M -- /bin/busybox sleep 300
	wait_for_virtual "$NAME"
	background "$BUILD/virtualing" exec "$NAME" -- /bin/busybox sleep 299
	main=$(virtualing show --json "$NAME" | jq .pid)
	wait_until 5 eval '[ "$(virtualing show --json "$NAME" | jq ".processes | length")" = 2 ]'
	more=$(virtualing show --json "$NAME" | jq --argjson m "$main" '.processes[] | select(. != $m)')
	wait_until 5 grep -q 299 "/proc/$more/cmdline"
	outside "$main" >first
	outside "$more" | diff first -
	grep -q "^$ROOT$" first
}

@test "limits of resources and the OOM score are the virtual's, and not those of who calls" {
	background bash -c 'ulimit -n 333; ulimit -c 4; echo 300 >/proc/self/oom_score_adj; exec "$0" run --name "$1" --root "$2" -- sleep 300' \
		"$BUILD/virtualing" "$NAME" "$ROOT"
	wait_for_virtual "$NAME"
	equal "$(inside sh -c 'ulimit -n; ulimit -c; cat /proc/self/oom_score_adj' | xargs)" "333 $((4 * 2)) 300" "limits and score" ||
		equal "$(inside sh -c 'ulimit -n; ulimit -c; cat /proc/self/oom_score_adj' | xargs)" "333 4 300" "limits and score"
}

@test "who it runs as was found when the virtual began: files that have changed inside since make nobody root" {
	jailed --user daemon
	sed -i 's/^daemon:.*/daemon:x:0:0::\/:\/bin\/sh/' "$ROOT/etc/passwd"
	equal "$(inside id -u)" "$(id -u daemon)"
}

# bats test_tags=guest
@test "it is in every group of the cage, counts as a process of it, and cannot leave it" {
	jailed --memory 64M --pids 20
	background "$BUILD/virtualing" exec "$NAME" -- sleep 300
	wait_until 5 eval '[ "$(virtualing show --json "$NAME" | jq ".processes | length")" -ge 4 ]' ||
		fail "$(virtualing show --json "$NAME" | jq -c .processes)"
	local main more
	main=$(virtualing show --json "$NAME" | jq .pid)
	more=$(pgrep -n -f '^sleep 300$')
	diff "/proc/$main/cgroup" "/proc/$more/cgroup"
	run inside sh -c 'exec tail /dev/zero'
	equal "$status" 137 "status of what eats all of its cage's memory"
}

@test "exit status: the command's, 128+N, 126, 127, 125" {
	jailed
	local status
	for status in 0 1 42 255; do
		run inside sh -c "exit $status"
		[ "$status" = "$status" ] || fail "$status"
	done
	run inside sh -c 'exit 42'
	equal "$status" 42
	run inside sh -c 'kill -TERM $$'
	equal "$status" 143
	run virtualing exec "$NAME" sh -c 'exit 9' # without the dashes
	equal "$status" 9
	refused 127 "command not found in the jail: nosuch (searched " "$BUILD/virtualing" exec "$NAME" -- nosuch
	refused 127 "command not found in the jail: /nosuch" "$BUILD/virtualing" exec "$NAME" -- /nosuch
	refused 126 "execute /etc/passwd in the jail: Permission denied" "$BUILD/virtualing" exec "$NAME" -- /etc/passwd
}

@test "the program is looked up inside" {
	mkdir -p "$ROOT/opt"
	printf '#!/bin/sh\necho of the jail\n' >"$ROOT/opt/only-inside"
	chmod 755 "$ROOT/opt/only-inside"
	jailed --env PATH=/opt:/usr/bin:/bin
	equal "$(inside only-inside)" "of the jail"
	printf '#!/bin/sh\necho of the host\n' >only-outside
	chmod 755 only-outside
	refused 127 "command not found in the jail: $PWD/only-outside" "$BUILD/virtualing" exec "$NAME" -- "$PWD/only-outside"
}

@test "the streams are the caller's" {
	jailed
	equal "$(echo in | virtualing exec "$NAME" -- cat)" in
	run --separate-stderr inside sh -c 'echo out; echo error >&2'
	equal "$output/$stderr" out/error
	equal "$(yes | head -c 100000 | virtualing exec "$NAME" -- cat | wc -c)" 100000
	equal "$(inside sh -c 'ls /proc/self/fd' | xargs)" "0 1 2 3" "descriptors (3 is ls's)"
}

@test "what cannot be entered is named" {
	refused 125 "no virtual is called $NAME" "$BUILD/virtualing" exec "$NAME" -- true
	refused 125 "exec: an argument is missing: it takes NAME -- CMD" "$BUILD/virtualing" exec "$NAME"
	refused 125 "exec: an argument is missing: it takes NAME -- CMD" "$BUILD/virtualing" exec "$NAME" --
	jailed --pids 20
	virtualing pause "$NAME"
	refused 125 "$NAME is paused: \`virtualing resume $NAME\` first" "$BUILD/virtualing" exec "$NAME" -- true
	virtualing resume "$NAME"
	virtualing set "$NAME" pids=2
	refused 125 "$NAME: the limit of processes (pids) of its cage is reached" "$BUILD/virtualing" exec "$NAME" -- true
	virtualing set "$NAME" pids=20
	inside true
	virtualing stop "$NAME"
	background "$BUILD/virtualing" run --name "$NAME" --memory 32M --swap 0 --no-oom -- tail /dev/zero
	wait_until 20 grep -q "$NAME: memory is full" "$BATS_TEST_TMPDIR/background.1"
	refused 125 "$NAME is stopped, for its memory is full" "$BUILD/virtualing" exec "$NAME" -- true
	refused 125 "needs root" setpriv --reuid nobody --regid nogroup --clear-groups "$BUILD/virtualing" exec "$NAME" -- true
}

@test "a directory or a disk as a standard stream is refused, as it is for the first command" {
	jailed
	refused 125 "jail: standard descriptors: standard input is a directory of the host" \
		bash -c 'exec "$@" </' - "$BUILD/virtualing" exec "$NAME" -- true
}

# bats test_tags=guest
@test "it ends with the virtual, whether that ends by itself, is stopped, or loses its supervisor" {
	local how client
	for how in program stop supervisor; do
		jailed
		background "$BUILD/virtualing" exec "$NAME" -- sh -c 'trap "" TERM; echo runs; while :; do sleep 0.05; done'
		client=${BACKGROUND[-1]}
		wait_until 5 grep -q runs "$BATS_TEST_TMPDIR/background.$((${#BACKGROUND[@]} - 1))"
		case $how in
		program) virtualing kill "$NAME" ;;
		stop) virtualing stop "$NAME" ;;
		supervisor) kill -KILL "${BACKGROUND[-2]}" ;;
		esac
		wait_until 5 process_is_gone "$client" || fail "it outlives the $how"
		status=0
		wait "$client" || status=$?
		equal "$status" 137 "status after $how"
		wait_until 5 process_is_gone "${BACKGROUND[-2]}"
		virtualing gc
	done
}

@test "a client that is killed takes the command with it, and the virtual lives on; a signal to it is the command's" {
	local options
	for options in "" "--root $ROOT"; do
		# shellcheck disable=SC2086 # several words
		start "$NAME" $options
		background "$BUILD/virtualing" exec "$NAME" -- sh -c 'trap "echo heard; exit 3" TERM; echo runs; while :; do sleep 0.05; done'
		wait_until 5 grep -q runs "$BATS_TEST_TMPDIR/background.$((${#BACKGROUND[@]} - 1))"
		kill -TERM "${BACKGROUND[-1]}"
		status=0
		wait "${BACKGROUND[-1]}" || status=$?
		equal "$status" 3 "status, with '$options'"
		background "$BUILD/virtualing" exec "$NAME" -- sh -c 'echo runs; while :; do sleep 0.05; done'
		wait_until 5 grep -q runs "$BATS_TEST_TMPDIR/background.$((${#BACKGROUND[@]} - 1))"
		kill -KILL "${BACKGROUND[-1]}"
		wait_until 5 eval '[ "$(virtualing show --json "$NAME" | jq ".processes | length")" -le 2 ]' ||
			fail "still there: $(virtualing show --json "$NAME" | jq -c .processes)"
		is_running "$NAME"
		virtualing stop "$NAME"
	done
}

@test "the commands can signal each other" {
	jailed
	equal "$(inside sh -c 'kill -0 2 && echo reached')" reached
	inside kill -TERM 2 || equal "$?" 137 "status of who ends what he is in himself"
	wait_until 5 process_is_gone "${BACKGROUND[0]}"
}

@test "a pause holds for it, too" {
	jailed
	background "$BUILD/virtualing" exec "$NAME" -- sh -c 'n=0; while :; do n=$((n + 1)); echo $n; sleep 0.01; done'
	wait_until 5 test -s "$BATS_TEST_TMPDIR/background.1"
	virtualing pause "$NAME"
	local before
	before=$(tail -n 1 "$BATS_TEST_TMPDIR/background.1")
	sleep 0.3
	equal "$(tail -n 1 "$BATS_TEST_TMPDIR/background.1")" "$before"
	virtualing resume "$NAME"
	wait_until 5 eval '[ "$(tail -n 1 "$BATS_TEST_TMPDIR/background.1")" -gt '"$before"' ]'
}

@test "while virtuals of one name come and go, it gets into a whole one or says why not, and nothing is left" {
	local i
	for i in {1..25}; do
		"$BUILD/virtualing" run --name "$NAME" --root "$ROOT" --memory 64M -- sleep 0.0$((i % 7)) &
		for _ in 1 2 3; do
			virtualing exec "$NAME" -- sh -c '[ -e /proc/1/comm ] && cat /proc/self/cgroup' >>entered 2>>said 3>&- &
		done
		wait $! 2>/dev/null || true
		wait
	done
	! grep -v "virtualing/$NAME" entered | grep -qE 'memory|^0::' || fail "entered: $(sort entered | uniq -c)"
	grep -vE "no virtual is called $NAME|$NAME has ended|started or stopped|does not run|has no supervisor|did not answer|connection" said |
		grep -v '^$' >unexplained || true
	equal "$(<unexplained)" "" "what was said"
	[ ! -e "/run/virtualing/$NAME" ] || fail "state is left"
	equal "$(find /sys/fs/cgroup -maxdepth 3 -path "*/virtualing/$NAME*")" "" "groups that are left"
}

# ---- what others have fallen for ----

@test "from its first moment inside nobody finds anything of the host in it (CVE-2016-9962, CVE-2019-5736)" {
	local options before
	before=$(sha256sum "$BUILD/virtualing")
	for options in "--caps all --filter none" "--filter none" ""; do
		# shellcheck disable=SC2086 # several words
		background "$BUILD/virtualing" run --name "$NAME" --root "$ROOT" $options --ro-bind "$PROBE:/probe" -- /probe lurk=30
		wait_for_virtual "$NAME"
		while inside true 2>/dev/null; do :; done
		wait_until 10 process_is_gone "${BACKGROUND[-1]}"
		cat "$BATS_TEST_TMPDIR/background.$((${#BACKGROUND[@]} - 1))" >>lurked
		has "$(tail -n 2 lurked)" "found nothing"
		has "$(tail -n 1 lurked)" "lurk=30 ENOENT"
	done
	! grep -qE '^met [0-4] ' lurked || fail "it met hardly anybody:" "$(cat lurked)"
	# With all capabilities it was seen before it had executed the command: the race was run.
	has "$(head -n 1 lurked)" "early "
	case $(head -n 1 lurked) in *"early 0 "*) fail "never early:" "$(cat lurked)" ;; esac
	equal "$(sha256sum "$BUILD/virtualing")" "$before"
}

@test "/proc/self/exe as the command is nothing of the host's (CVE-2019-5736)" {
	jailed --caps all --filter none
	ln -s /proc/self/exe "$ROOT/tmp/itself"
	printf '#!/proc/self/exe\n' >"$ROOT/script"
	chmod 755 "$ROOT/script"
	local before command
	before=$(sha256sum "$BUILD/virtualing")
	for command in /proc/self/exe /tmp/itself /script; do
		run inside "$command" --version
		case $output in *"virtualing 0"*) fail "$command ran our program: $output" ;; esac
		[ "$status" != 0 ] || fail "$command has status 0: $output"
	done
	equal "$(sha256sum "$BUILD/virtualing")" "$before"
}

@test "a working directory of the host is not its own (CVE-2024-21626)" {
	jailed
	equal "$(cd / && inside sh -c 'readlink /proc/self/cwd; ls -a ..' | head -n 1)" /
	equal "$(inside stat -c '%d:%i' .)" "$(inside stat -c '%d:%i' /)"
}

@test "what tries to break out from it fails as from the first command" {
	jailed --ro-bind "$PROBE:/probe"
	local first more
	virtualing stop "$NAME"
	first=$(virtualing run --name "$NAME" --root "$ROOT" --ro-bind "$PROBE:/probe" -- /probe calls second_chroot mknod=254:0 raise_capabilities \
		new_privileges user_namespace raw_socket mount=cgroup tiocsti read=/proc/1/root enter=/proc/1/cwd)
	jailed --ro-bind "$PROBE:/probe"
	more=$(inside /probe calls second_chroot mknod=254:0 raise_capabilities \
		new_privileges user_namespace raw_socket mount=cgroup tiocsti read=/proc/1/root enter=/proc/1/cwd)
	equal "$more" "$first"
	has "$first" "mount EPERM"
}

@test "a folder that is not the supervisor's is not believed, and a number that is somebody else's by now is not entered (CVE-2022-31214)" {
	jailed
	local folder=/run/virtualing/$NAME state
	state=$(<"$folder/state.json")
	background sleep 300
	jq -c --argjson p "${BACKGROUND[-1]}" '.child = $p' <<<"$state" >"$folder/state.json"
	refused 125 "$NAME has ended" "$BUILD/virtualing" exec "$NAME" -- true
	jq -c 'del(.child)' <<<"$state" >"$folder/state.json"
	refused 125 "$NAME: its state does not say what \`exec\` needs" "$BUILD/virtualing" exec "$NAME" -- true
	jq -c 'del(.ids)' <<<"$state" >"$folder/state.json"
	refused 125 "its state does not say who it runs as" "$BUILD/virtualing" exec "$NAME" -- true
	echo '{' >"$folder/state.json"
	refused 125 "state.json is damaged" "$BUILD/virtualing" exec "$NAME" -- true
	echo "$state" >"$folder/state.json"
	chmod 777 "$folder"
	refused 125 "$folder" "$BUILD/virtualing" exec "$NAME" -- true
	chmod 700 "$folder"
	inside true
}

# ---- on a terminal ----

# play: runs an interactive shell on a terminal of its own and types the script (standard input) at it
play() {
	PS1='ready> ' TERM=dumb "$BATS_TEST_DIRNAME/terminal.py" bash --norc --noprofile --noediting -i >said ||
		fail "what was printed:" "$(cat said)"
}

# both_ways: a virtual without a jail, and one in a jail, for `play`
both_ways() {
	local options
	for options in "" "--root $ROOT"; do
		# shellcheck disable=SC2086 # several words
		start "$NAME" $options
		"$@" || fail "with '$options'"
		virtualing stop "$NAME"
	done
}

ctrl_c() {
	play <<-END
		expect ready>
		line for i in 1 2; do $BUILD/virtualing exec $NAME -- sh -c 'echo runs; exec sleep 300'; done
		expect runs
		pause 0.3
		key C-c
		expect ready>
		line echo "status \$?"
		expect status 130
		line exit
		end
	END
	equal "$(grep -c '^runs' said)" 1 "rounds of the loop"
	is_running "$NAME"
}

@test "Ctrl-C ends the command and the shell's loop round it, and not the virtual" { both_ways ctrl_c; }

ctrl_z() {
	play <<-END
		expect ready>
		line $BUILD/virtualing exec $NAME -- sh -c 'echo runs; read word; echo "read \$word"; exit 6'
		expect runs
		pause 0.3
		key C-z
		expect Stopped
		expect ready>
		line fg
		pause 0.3
		line hello
		expect read hello
		expect ready>
		line echo "status \$?"
		expect status 6
		line exit
		end
	END
}

@test "Ctrl-Z stops it, fg lets it go on, and the terminal is the command's again" { both_ways ctrl_z; }

in_background() {
	play <<-END
		expect ready>
		line $BUILD/virtualing exec $NAME -- sh -c 'echo runs; read word; echo "read \$word"' &
		expect runs
		pause 0.5
		line
		expect Stopped
		line fg
		pause 0.3
		line hello
		expect read hello
		expect ready>
		line exit
		end
	END
}

@test "in the background it stops when it reads from the terminal, until it is in the foreground" { both_ways in_background; }

shell_inside() {
	play <<-END
		expect ready>
		line $BUILD/virtualing exec $NAME -- env PS1='inside> ' bash --norc --noprofile --noediting -i
		expect inside>
		line sleep 300
		pause 0.3
		key C-c
		expect inside>
		line sleep 300
		pause 0.3
		key C-z
		expect Stopped
		expect inside>
		line fg
		pause 0.3
		key C-c
		expect inside>
		line exit 4
		expect ready>
		line echo "status \$?"
		expect status 4
		line cat
		line still typed
		expect still typed
		key C-d
		expect ready>
		line exit
		end
	END
}

@test "a shell inside has job control, and gives the terminal back" { both_ways shell_inside; }

in_a_pipe() {
	play <<-END
		expect ready>
		line $BUILD/virtualing exec $NAME -- sh -c 'echo 1; sleep 0.5; echo 2' | (cat; read word </dev/tty; echo "read \$word")
		expect 2
		line hello
		expect read hello
		expect ready>
		line $BUILD/virtualing exec $NAME -- sh -c 'echo runs; exec sleep 300' | cat
		expect runs
		pause 0.3
		key C-c
		expect ready>
		line exit
		end
	END
}

@test "in a pipeline it leaves the terminal to the others, and Ctrl-C still reaches it" { both_ways in_a_pipe; }

@test "a virtual that has ended is not taken for the next one of its name in the same file" {
	cat >two.rb <<-END
		2.times do |i|
			v = Virtual.new(:resource => { :name => "$NAME" }, :jail => { :cmnd => ["sh", "-c", "until test -e end#{i}; do sleep 0.1; done"] })
			v.run
		end
	END
	background "$BUILD/virtualing" two.rb
	wait_for_virtual "$NAME"
	background strace -f -qq -o trace -e trace=pidfd_open -e inject=pidfd_open:delay_exit=3000000 \
		"$BUILD/virtualing" exec "$NAME" -- touch entered
	wait_until 10 grep -q pidfd_open trace
	touch end0
	wait "${BACKGROUND[1]}" && fail "it has entered the other one"
	has "$(cat "$BATS_TEST_TMPDIR/background.1")" "$NAME has ended"
	run ! test -e entered
	is_running "$NAME"
	touch end1
	wait_until 10 process_is_gone "${BACKGROUND[0]}"
}
