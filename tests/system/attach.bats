# A cage round processes that run already: all of them inside, its limits hold, and the way back.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154
load helpers
load guarded

# attached OPTION... PID...: in the background, until it stands
attached() {
	background "$BUILD/virtualing" attach --name "$NAME" "$@"
	SUPERVISOR=${BACKGROUND[-1]}
	wait_until 40 is_running "$NAME" || fail "it does not stand" "$(cat "$BATS_TEST_TMPDIR"/background.*)"
}

# threaded: a program of nine threads, $pid
threaded() {
	background python3 -c 'import threading, time
for i in range(8): threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
time.sleep(300)'
	pid=${BACKGROUND[-1]}
	wait_until 60 sh -c "[ \$(ls /proc/$pid/task | wc -l) = 9 ]"
}

# groups PID: of a process, without those that no hierarchy of ours has
groups() { grep -v name= "/proc/$1/cgroup"; }

# inside PID: in each hierarchy that the virtual has a group in, it is in that
inside() {
	local wanted=1
	[ "$(host_kind)" = v2 ] || wanted=$(virtualing show --json "$NAME" | jq '[.limits[] | select(.key == "group")] | length')
	equal "$(grep -c "/virtualing/$NAME\(/\|\$\)" "/proc/$1/cgroup")" "$wanted" "groups of the virtual that $1 is in"
}

# bats test_tags=guest
@test "all threads of a process are moved, into every hierarchy, and back when it is released" {
	local before task
	local pid
	threaded
	before=$(groups "$pid")
	attached --memory 64M --pids 50 "$pid"
	inside "$pid"
	for task in "/proc/$pid/task"/*/cgroup; do
		equal "$(cat "$task")" "$(cat "/proc/$pid/cgroup")" "groups of $task"
	done
	equal "$(limit_now "$NAME" memory)" $((64 << 20)) memory
	run -0 "$BUILD/virtualing" stop --release "$NAME"
	process_is_gone "$SUPERVISOR"
	equal "$(groups "$pid")" "$before" "groups after it"
	for task in "/proc/$pid/task"/*/cgroup; do
		equal "$(grep -v name= "$task")" "$before" "groups of $task after it"
	done
	kill -0 "$pid"
}

@test "what an attached shell starts is inside, too, and what it has is told" {
	mkfifo commands
	background bash -c 'exec 9<>commands; while read -r line <&9; do eval "$line"; done'
	local shell=${BACKGROUND[-1]}
	attached --memory 40M --swap 0 "$shell"
	has "$(cat "$BATS_TEST_TMPDIR/background.1")" "attached process $shell; "
	has "$(cat "$BATS_TEST_TMPDIR/background.1")" "stay charged to $(host_kind | sed 's/v2/\/sys\/fs\/cgroup/; s/hybrid/\/sys\/fs\/cgroup\/memory/; s/v1/\/sys\/fs\/cgroup\/memory/')"
	echo "cat /proc/self/cgroup >seen; touch finished" >commands
	wait_until 10 test -e finished
	has "$(cat seen)" "/virtualing/$NAME"
	echo "$EAT page 100; echo \$? >status" >commands
	wait_until 30 test -s status
	equal "$(cat status)" 137 "status of what took too much"
	wait_until 10 grep -q "killed for memory by the kernel: 1 process (eat, pid [0-9]*) by its own limit, usage [0-9.]*M, limit 40M" \
		"$BATS_TEST_TMPDIR/background.1" || fail "$(cat "$BATS_TEST_TMPDIR/background.1")"
	inside "$shell"
	kill "$SUPERVISOR"
	wait_until 10 process_is_gone "$SUPERVISOR"
	lacks_groups "$shell"
}

lacks_groups() { ! grep -q "/virtualing/$NAME" "/proc/$1/cgroup" || fail "$(cat "/proc/$1/cgroup")"; }

# bats test_tags=guest
@test "a full cage is held, and grows, round a process that was there before" {
	background bash -c "read -r <>/dev/null; until test -e go; do sleep 0.1; done; exec $EAT page 150"
	local pid=${BACKGROUND[-1]}
	attached --memory 64M --swap 0 --grow step=32M,ceiling=1G,at=100% "$pid"
	touch go
	wait_until 60 process_is_gone "$pid"
	wait_until 10 process_is_gone "$SUPERVISOR"
	wait "$SUPERVISOR"
	has "$(cat "$BATS_TEST_TMPDIR/background.0")" "ate 150 page"
	has "$(cat "$BATS_TEST_TMPDIR/background.1")" "raised to "
}

# bats test_tags=guest
@test "who waits for memory in a full cage goes on when he is released" {
	background bash -c "until test -e go; do sleep 0.1; done; exec $EAT page 150"
	local pid=${BACKGROUND[-1]}
	attached --memory 64M --swap 0 --no-oom "$pid"
	touch go
	wait_until 30 sh -c "'$BUILD/virtualing' events $NAME | grep -q ' oom'" || fail "$(virtualing events "$NAME")"
	run -0 "$BUILD/virtualing" stop --release "$NAME"
	wait_until 60 process_is_gone "$pid"
	has "$(cat "$BATS_TEST_TMPDIR/background.0")" "ate 150 page"
}

# bats test_tags=guest
@test "a supervisor that is killed leaves nobody in the cage, not even who is stopped in it" {
	background bash -c "until test -e go; do sleep 0.1; done; exec $EAT page 150"
	local pid=${BACKGROUND[-1]} before after
	before=$(groups "$pid")
	attached --memory 64M --swap 0 --no-oom "$pid"
	touch go
	wait_until 30 sh -c "'$BUILD/virtualing' events $NAME | grep -q ' oom'"
	kill -KILL "$SUPERVISOR"
	wait_until 20 sh -c "! test -e /run/virtualing/$NAME"
	# It was full: ordinary rules, or it has got out before the kernel looked.
	after=$(groups "$pid" 2>/dev/null) || wait_until 5 process_is_gone "$pid" || fail "it is nowhere"
	[ -z "$after" ] || equal "$after" "$before" "groups after it"
}

@test "a supervisor that is killed while it moves them back leaves nobody in the cage either" {
	background bash -c 'for i in {1..150}; do sleep 300 & done; touch all; exec sleep 300'
	local top=${BACKGROUND[-1]} pid left=0
	wait_until 60 test -e all
	attached --tree "$top"
	kill "$SUPERVISOR"
	while [[ $(<"/proc/$top/cgroup") == *"/virtualing/$NAME"* ]]; do :; done
	kill -KILL "$SUPERVISOR" || true # on a busy machine all may be back before we look
	wait_until 20 sh -c "! test -e /run/virtualing/$NAME" || fail "nobody goes on with it"
	for pid in $(pgrep -P "$top"); do
		! grep -q "/virtualing/$NAME" "/proc/$pid/cgroup" || left=$((left + 1))
		kill "$pid"
	done
	equal "$left" 0 "processes in the cage"
}

# bats test_tags=guest
@test "several go back each to where it came from" {
	local tree=/sys/fs/cgroup first second own
	[ "$(host_kind)" = v2 ] || tree+=/pids
	own=$tree/$NAME-home
	mkdir "$own"
	background sleep 300
	first=${BACKGROUND[-1]}
	background sleep 300
	second=${BACKGROUND[-1]}
	echo "$second" >"$own/cgroup.procs"
	attached --pids 10 "$first" "$second"
	inside "$first"
	inside "$second"
	virtualing stop --release "$NAME"
	lacks_groups "$first"
	has "$(cat "/proc/$second/cgroup")" "/$NAME-home"
	kill "$second"
	wait_until 5 rmdir "$own"
}

@test "with --tree the descendants come along, and all of them go back" {
	background sh -c 'sleep 301 & sh -c "sleep 302 & wait" & wait'
	local top=${BACKGROUND[-1]} pid count=0
	wait_until 5 sh -c "pgrep -g \$(ps -o pgid= -p $top) -f 'sleep 302'"
	attached --tree "$top"
	for pid in $(virtualing show --json "$NAME" | jq '.processes[]'); do
		inside "$pid"
		count=$((count + 1))
	done
	equal "$count" 4 "processes inside"
	local all
	all=$(virtualing show --json "$NAME" | jq '.processes[]')
	virtualing stop --release "$NAME"
	for pid in $all; do
		lacks_groups "$pid"
		kill "$pid"
	done
}

# starters COUNT: as many processes, $starters, that start others from when the last group of the cage is there; in how
# many groups each of these is when it is born stands in born.PID
starters() {
	local holder=/sys/fs/cgroup
	[ "$(host_kind)" != hybrid ] || holder+=/unified
	[ "$(host_kind)" != v1 ] || holder+=/freezer
	cat >starter.pl <<-'END'
		$SIG{CHLD} = "IGNORE";
		select undef, undef, undef, 0.001 until -d $ARGV[0];
		for (1 .. 20) {
			select undef, undef, undef, 0.001;
			next if ($pid = fork) or !defined $pid;
			open $in, "<", "/proc/self/cgroup";
			$groups = grep m{$ARGV[1](/|$)}, <$in>;
			open $out, ">", "born.$$";
			print $out $groups;
			close $out;
			exec "sleep", 300;
		}
		exec "sleep", 300;
	END
	rm -f born.*
	starters=()
	while [ "${#starters[@]}" -lt "$1" ]; do
		background perl starter.pl "$holder/virtualing/$NAME" "/virtualing/$NAME"
		starters+=("${BACKGROUND[-1]}")
	done
}

# started: the processes that these have started, once there are no more to come
started() {
	local all
	all=$(IFS=, && echo "${starters[*]}")
	wait_until 120 sh -c "! pgrep -f '[p]erl starter.pl .*/$NAME ' >/dev/null"
	pgrep -P "$all"
}

# parts PID: in how many groups of the virtual it is, $parts; in how many it was born, $born
parts() {
	local line
	parts=0 born=$(<"born.$1")
	while read -r line; do
		case $line/ in *"/virtualing/$NAME/"*) parts=$((parts + 1)) ;; esac
	done <"/proc/$1/cgroup"
}

@test "with --tree it is no accident when somebody ends just before he is moved" {
	background sh -c 'while :; do sleep 0.03; done'
	background perl -e 'fork or exit; sleep 300' # and a zombie
	for _ in 1 2 3 4 5; do
		attached --tree --memory 50M --no-oom "${BACKGROUND[0]}" "${BACKGROUND[1]}"
		virtualing stop --release "$NAME"
	done
}

# bats test_tags=guest
@test "with --tree those are inside, too, and counted, who are started while it is put round them" {
	local pid all pids late=0 parts born
	starters 3
	attached --tree --pids 1000 "${starters[@]}"
	mapfile -t pids < <(started)
	inside "${starters[0]}"
	all=$(grep -c "/virtualing/$NAME" "/proc/${starters[0]}/cgroup")
	for pid in "${pids[@]}"; do
		parts "$pid"
		equal "$parts" "$all" "groups of the virtual that $pid is in, born in $born"
		[ "$born" = "$all" ] || late=$((late + 1))
	done
	[[ $(<"$BATS_TEST_TMPDIR/background.3") =~ " and "([0-9]+)" more process" ]]
	at_most $((2 + late)) "${BASH_REMATCH[1]}" "processes that were moved"
	virtualing stop --release "$NAME"
	for pid in "${pids[@]}"; do
		parts "$pid"
		equal "$parts" 0 "groups of the virtual that $pid is in after it"
	done
	kill "${pids[@]}"
}

@test "who is started between two groups comes into all, and goes back to where his parent came from" {
	local tree=/sys/fs/cgroup pid pids all before parts born
	[ "$(host_kind)" = v2 ] || tree+=/pids
	mkdir "$tree/$NAME-home"
	for _ in $(if [ "$(host_kind)" = v2 ]; then echo 1; else echo 1 2 3; fi); do # there is but one group
		starters 3
		for pid in "${starters[@]}"; do
			echo "$pid" >"$tree/$NAME-home/cgroup.procs"
		done
		before=$(groups "${starters[0]}")
		background sleep 300
		attached --memory 500M --pids 1000 --cpu 150% --cpus 0 "${BACKGROUND[-1]}" "${starters[@]}"
		mapfile -t pids < <(started)
		inside "${starters[0]}"
		all=$(grep -c "/virtualing/$NAME" "/proc/${starters[0]}/cgroup")
		for pid in "${pids[@]}"; do
			parts "$pid"
			[ "$born" = 0 ] || equal "$parts" "$all" "groups of the virtual that $pid is in, born in $born"
		done
		virtualing stop --release "$NAME"
		for pid in "${pids[@]}"; do
			born=$(<"born.$pid")
			[ "$born" = 0 ] || [ "$born" = "$all" ] || equal "$(groups "$pid")" "$before" "groups of $pid, born in $born, after it"
		done
		kill "${pids[@]}" "${starters[@]}"
	done
	wait_until 10 rmdir "$tree/$NAME-home"
}

# bats test_tags=guest
@test "it ends by itself when nobody is left, and stop without --release ends all" {
	background sleep 300
	local pid=${BACKGROUND[-1]}
	attached --pids 10 "$pid"
	kill "$pid"
	wait_until 10 process_is_gone "$SUPERVISOR"
	wait "$SUPERVISOR"
	background sh -c 'sleep 300 & exec sleep 301'
	pid=${BACKGROUND[-1]}
	attached --quiet "$pid"
	virtualing stop "$NAME"
	wait_until 5 process_is_gone "$pid"
	wait_until 5 process_is_gone "$SUPERVISOR"
	equal "$(cat "$BATS_TEST_TMPDIR/background.3")" "" "output of a quiet one"
}

@test "stop ends those of whom each starts the next and ends himself" {
	background perl -e '$SIG{TERM} = "IGNORE"; open my $ready, ">", "ready"; select undef, undef, undef, 0.1 until -e "go";
		while (1) { kill "KILL", $$ if fork; }'
	wait_until 20 test -e ready
	attached "${BACKGROUND[-1]}"
	touch go
	wait_until 10 process_is_gone "${BACKGROUND[0]}"
	run -0 timeout 60 "$BUILD/virtualing" stop --timeout 1 "$NAME"
	wait_until 5 process_is_gone "$SUPERVISOR"
}

@test "all who are left when the first has ended are told to end, once" {
	cat >child <<-'END'
		trap 'echo $1 >>told; sleep 0.5; exit' TERM
		touch "ready.$1"
		while :; do sleep 0.1; done
	END
	background bash -c 'until test -e go; do sleep 0.1; done
		sh child 1 & sh child 2 & until test -e over; do sleep 0.1; done'
	attached "${BACKGROUND[-1]}"
	touch go
	wait_until 20 test -e ready.1 -a -e ready.2
	touch over
	wait_until 10 process_is_gone "${BACKGROUND[0]}"
	virtualing stop --timeout 5 "$NAME"
	equal "$(sort told)" $'1\n2' "who was told"
}

@test "stop --release does not hasten the end of those who are told to end" {
	background bash -c 'trap "touch told" TERM; touch ready; while ! test -e end; do sleep 0.1; done; touch ended'
	wait_until 20 test -e ready
	attached "${BACKGROUND[-1]}"
	background "$BUILD/virtualing" stop "$NAME"
	wait_until 10 test -e told
	refused 125 "it is being stopped already" "$BUILD/virtualing" stop --release "$NAME"
	touch end
	wait_until 10 process_is_gone "$SUPERVISOR"
	test -e ended
}

@test "Ctrl-C moves them back also when they are in the process group of the attach" {
	local pid
	"$BATS_TEST_DIRNAME/terminal.py" sh -c 'trap : INT; (trap "" HUP; exec sleep 300) & echo $! >pid
		'"$BUILD/virtualing attach --name $NAME"' $!; echo "it ended"' >said <<-END || fail "$(cat said)"
		expect attached process
		key C-c
		expect it ended
		end
	END
	pid=$(<pid)
	lacks_groups "$pid"
	kill "$pid"
}

@test "of several that attach one process at a time one has it, the others say whose it is" {
	local round name pid have
	for round in 1 2 3 4 5; do
		background sleep 300
		pid=${BACKGROUND[-1]} have=0
		for name in a b c; do
			background "$BUILD/virtualing" attach --name "$NAME-$name" "$pid"
		done
		for name in 1 2 3; do
			wait_until 10 grep -q . "$BATS_TEST_TMPDIR/background.$((4 * round - 4 + name))"
			! grep -q "attached process $pid" "$BATS_TEST_TMPDIR/background.$((4 * round - 4 + name))" || have=$((have + 1))
		done
		equal "$have" 1 "attached by how many"
		kill "$pid"
	done
	for pid in "${BACKGROUND[@]}"; do
		wait_until 10 process_is_gone "$pid"
	done
	run ! test -e /run/virtualing/.attach
}

@test "a signal is for the first that was attached, and when that has ended this is said" {
	background sleep 300
	background sleep 300
	attached --quiet "${BACKGROUND[0]}" "${BACKGROUND[1]}"
	virtualing kill "$NAME"
	wait_until 5 process_is_gone "${BACKGROUND[0]}"
	refused 125 "process ${BACKGROUND[0]}, the first that was attached, has ended" "$BUILD/virtualing" kill "$NAME"
	kill -0 "${BACKGROUND[1]}"
	virtualing stop --release "$NAME"
}

@test "its limits change, and it is told what happens, as of any other" {
	background sleep 300
	attached --memory 64M --pids 10 "${BACKGROUND[-1]}"
	virtualing set "$NAME" memory=80M pids=20
	equal "$(limit_now "$NAME" memory)" $((80 << 20)) memory
	has "$(virtualing events "$NAME")" " attached"
	has "$(virtualing show "$NAME")" "attached: "
	virtualing stop --release "$NAME"
}

# bats test_tags=guest
@test "a file can do the same, with blocks" {
	background bash -c "until test -e go; do sleep 0.1; done; exec $EAT page 100"
	cat >"$NAME.rb" <<-END
		v = Virtual.new(:resource => { :name => "$NAME", :memory => "64M", :swap => 0 }, :attach => ${BACKGROUND[0]})
		v.on(:oom) { |event| v.memory.limit += 32 * 1024 * 1024 }
		v.run
	END
	background "$BUILD/virtualing" "$NAME.rb"
	wait_for_virtual "$NAME"
	touch go
	wait_until 60 process_is_gone "${BACKGROUND[0]}"
	wait_until 10 process_is_gone "${BACKGROUND[1]}"
	has "$(cat "$BATS_TEST_TMPDIR/background.0")" "ate 100 page"
	printf 'Virtual.new(:resource => { :name => "x" }, :attach => 1, :jail => { :root => "/srv/x", :cmnd => "true" }).run\n' >wrong.rb
	run -125 --separate-stderr "$BUILD/virtualing" wrong.rb
	has "$stderr" "wrong.rb:1: jail: :cmnd: :attach is given, too"
	has "$stderr" "wrong.rb:1: jail: :root: no jail can be built round what runs already"
	printf 'Virtual.new(:resource => { :name => "x" }, :attach => 1, :ip => { :vip => "198.51.100.7/32", :dev => "lo" }).run\n' >wrong.rb
	run -125 --separate-stderr "$BUILD/virtualing" wrong.rb
	has "$stderr" "no address can be given to what runs already"
}

@test "a process that may not be attached is refused with the reason, and nothing is made" {
	local task zombie pid
	refused 125 'attach: "abc" is not the number of a process' "$BUILD/virtualing" attach abc
	refused 125 'attach: "0" is not the number of a process' "$BUILD/virtualing" attach 0
	refused 125 'attach: "99999999" is not the number of a process' "$BUILD/virtualing" attach 99999999
	refused 125 "there is no process 4194300" "$BUILD/virtualing" attach 4194300
	refused 125 "process 1 is the host's init" "$BUILD/virtualing" attach 1
	refused 125 "2 is a thread of the kernel" "$BUILD/virtualing" attach 2
	refused 125 "an argument is missing: it takes PID..." "$BUILD/virtualing" attach
	refused 125 "unknown option --root" "$BUILD/virtualing" attach --root /srv/x $$
	threaded
	for task in "/proc/${BACKGROUND[0]}/task"/*; do
		[ "${task##*/}" = "${BACKGROUND[0]}" ] || break
	done
	refused 125 "${task##*/} is a thread of process ${BACKGROUND[0]}" "$BUILD/virtualing" attach "${task##*/}"
	background python3 -c 'import os, time
if os.fork() == 0: os._exit(0)
time.sleep(300)'
	wait_until 10 sh -c "ps -o stat= --ppid ${BACKGROUND[-1]} | grep -q Z"
	zombie=$(ps -o pid= --ppid "${BACKGROUND[-1]}")
	refused 125 "process ${zombie// /} has ended (a zombie" "$BUILD/virtualing" attach "${zombie// /}"
	attached --quiet "${BACKGROUND[0]}"
	refused 125 "process ${BACKGROUND[0]} is in the cage of $NAME" "$BUILD/virtualing" attach "${BACKGROUND[0]}"
	refused 125 "process $SUPERVISOR is virtualing itself" "$BUILD/virtualing" attach "$SUPERVISOR"
	# All or nothing: the first stays where it is when the second cannot be had.
	background sleep 300
	refused 125 "there is no process 4194300" "$BUILD/virtualing" attach --name "$NAME-2" "${BACKGROUND[-1]}" 4194300
	run ! grep -q "$NAME-2" "/proc/${BACKGROUND[-1]}/cgroup"
	virtualing stop --release "$NAME"
	start "$NAME"
	refused 125 "only processes that were attached can be released" "$BUILD/virtualing" stop --release "$NAME"
	virtualing stop "$NAME"
}

@test "who is not root is told whose the process is" {
	run -125 setpriv --reuid 65534 --clear-groups "$BUILD/virtualing" attach 1
	has "$output" "process 1 belongs to user 0, and attach needs root"
}

# bats test_tags=guest
@test "a process that ends while it is being attached, or just before, is no accident" {
	local i pid status
	for i in $(seq 30); do
		sleep 0.0$((i % 10)) &
		pid=$!
		status=0
		timeout 20 "$BUILD/virtualing" attach --quiet --name "$NAME" --pids 5 $pid 2>"$BATS_TEST_TMPDIR/said" || status=$?
		wait $pid
		case $status in
		0) ;;
		125) grep -q "there is no process\|has ended\|nobody is left" "$BATS_TEST_TMPDIR/said" || fail "$(cat "$BATS_TEST_TMPDIR/said")" ;;
		*) fail "status $status: $(cat "$BATS_TEST_TMPDIR/said")" ;;
		esac
	done
}
