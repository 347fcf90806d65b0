# A full memory limit is an event and not a death: held, grown, stopped; by decoys, or by the lesser guards.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154
load helpers
load guarded

@test "in every way in which memory is taken a full cage is held and grows: nothing is killed, no call fails" {
	local way failed=''
	for way in page huge fill populate tmpfs read mlock threads processes fork pipes; do
		run grown --quiet -- "$EAT" "$way" 150
		[ "$status" = 0 ] && [ "$output" = "ate 150 $way" ] || failed+="$way: status $status, '$output'; "
	done
	equal "$failed" "" "what was not saved"
}

@test "what the guard does is told, and is in the events" {
	background grown -- sh -c "$EAT page 100 && exec sleep 300"
	wait_until 30 grep -q '^ate' "$BATS_TEST_TMPDIR/background.0"
	grep -q "$NAME: memory: limit 64M raised to 96M while the full cage was held" "$BATS_TEST_TMPDIR/background.0"
	equal "$(virtualing events --json "$NAME" | jq -r .type | sort | uniq -c | tr -s ' ' | tr '\n' ';')" \
		" 2 grew; 2 rescued; 1 started;"
	has "$(virtualing events "$NAME")" "$NAME grew: usage "
	equal "$(limit_now "$NAME" memory)" $((128 << 20)) "limit"
	equal "$(listed 7)" 2 rescues
	virtualing stop "$NAME"
}

# listed COLUMN: of the virtual, as list has it
listed() { virtualing list | awk -v n="$NAME" -v c="$1" '$1 == n { print $c }'; }

# lesser: the kind of guard that this host has where it has no decoys
lesser() { if [ "$(host_kind)" = v2 ]; then echo wire; else echo pause; fi; }

# decoys SUPERVISOR: their pids
decoys() { pgrep -P "$1" virtualing-deco; }

@test "decoys are no processes of the program, cost it hardly any memory, and are gone with it" {
	local plain guarded supervisor pids pid
	background "$BUILD/virtualing" run --name "$NAME-plain" --memory 64M -- sleep 300
	wait_for_virtual "$NAME-plain"
	background grown -- sleep 300
	wait_for_virtual "$NAME"
	plain=$(virtualing show --json "$NAME-plain" | jq .usage.memory)
	guarded=$(virtualing show --json "$NAME" | jq .usage.memory)
	at_most $((guarded - plain)) 1048576 "bytes that the guard costs the cage"
	equal "$(virtualing show --json "$NAME" | jq -c '.processes | length')" 1 processes
	supervisor=$(virtualing show --json "$NAME" | jq .supervisor)
	wait_until 10 eval '[ "$(decoys "$supervisor" | wc -l)" = 3 ]' || fail "decoys: $(decoys "$supervisor")"
	pids=$(decoys "$supervisor")
	virtualing stop "$NAME"
	virtualing stop "$NAME-plain"
	for pid in $pids; do
		[ ! -e "/proc/$pid" ] || fail "$(cat "/proc/$pid/status")"
	done
}

@test "at the ceiling the ordinary rules apply, and decoys do not count among the kills" {
	run timeout 60 "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --grow step=32M,ceiling=100M,at=100% -- "$EAT" page 300
	equal "$status" 137
	has "$output" "$NAME: memory: limit 96M raised to 100M while the full cage was held"
	has "$output" "$NAME: memory is short and its limit, 100M, is at the ceiling"
	has "$output" "$NAME: killed for memory by the kernel: 1 process (eat, pid "
	has "$output" ") by its own limit, usage "
	has "$output" "M, limit 100M, peak 100.0M; anonymous 9"
}

@test "a host that would keep less than its reserve does not let a limit rise" {
	run timeout 60 "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --grow step=32M,ceiling=1G,reserve=1T -- "$EAT" page 300
	equal "$status" 137
	has "$output" "cannot rise: the host would keep less than its reserve of 1T"
}

@test "growing begins before the cage is full, and not more often than every cooldown" {
	run timeout 60 "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 \
		--grow step=64M,ceiling=1G,at=50%,cooldown=100 -- sh -c "$EAT page 40 1000 && $EAT page 90 1000"
	equal "$status" 0
	equal "$(grep -c "raised" <<<"$output")" 1 "steps in: $output"
	has "$output" "$NAME: memory: limit 64M raised to 128M"
	case $output in *held*) fail "$output" ;; esac
}

# is_dead PID: whoever has to reap it may not have done so yet
is_dead() { [ ! -e "/proc/$1" ] || grep -sq '^State:.[ZX]' "/proc/$1/status"; }

none_hangs() { ! pgrep --runstates D --full "$EAT" >/dev/null; }

# leaves_nothing SUPERVISOR: that of "$NAME" is killed, and with it go the program and the decoys
leaves_nothing() {
	local pid pids
	pids="$(virtualing show --json "$NAME" | jq .pid) $(decoys "$1" || :)"
	kill -KILL "$1"
	for pid in $pids; do
		wait_until 10 is_dead "$pid" || fail "it lives: $(cat "/proc/$pid/status")"
	done
	wait_until 10 none_hangs || fail "$(ps -eo pid,stat,wchan,args)"
	virtualing gc >/dev/null
	[ ! -e "$(group_dir "$NAME" memory)" ] || fail "its group is still there"
}

@test "SIGKILL to the supervisor while a cage is held: the program dies, and nothing is left" {
	{
		described
		printf 'v.on(:oom) { |event| puts "asked"; sleep }\nv.run\n'
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	background "$BUILD/virtualing" "$NAME.rb"
	wait_until 30 grep -q asked "$BATS_TEST_TMPDIR/background.0"
	equal "$(listed 9)" held state
	leaves_nothing $!
}

@test "SIGKILL to the supervisor while a full cage is stopped: the program dies, and nothing is left" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --no-oom -- "$EAT" page 150
	wait_until 30 grep -q "the program is stopped until there is room" "$BATS_TEST_TMPDIR/background.0"
	sleep 1 # until all of it has come to rest
	leaves_nothing $!
}

@test "SIGKILL to the supervisor while a jail is stopped for memory: the program dies, and nothing is left" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --no-oom --guard "$(lesser)" \
		--root "$BATS_TEST_TMPDIR/root" --ro-bind "$EAT:/opt/eat" -- /opt/eat page 150
	wait_until 30 grep -q "the program is stopped until there is room" "$BATS_TEST_TMPDIR/background.0"
	sleep 1 # until all of it has come to rest
	leaves_nothing $!
}

@test "small steps save as surely as large ones" {
	run timeout 120 "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --grow step=4M,ceiling=1G,at=100% \
		-- "$EAT" page 160
	equal "$status" 0
	has "$output" "ate 160 page"
	[[ $output != *killed* ]]
}

@test "a program that offers itself to the killer is saved as surely, however soon the next rescue comes" {
	local way
	for way in populate huge populate huge populate huge; do
		run timeout 60 "$BUILD/virtualing" run --quiet --name "$NAME" --memory 32M --swap 0 --grow step=32M,ceiling=1G,at=100% \
			-- sh -c 'echo 1000 >/proc/self/oom_score_adj; exec "$0" "$1" 480' "$EAT" "$way"
		equal "$status $output" "0 ate 480 $way"
	done
}

@test "the guard is quick, and the program as nice as it was asked to be" {
	run nice -n 7 "$BUILD/virtualing" run --name "$NAME" --memory 64M --grow ceiling=128M -- nice
	equal "$output" 7
}

@test "where nobody may trace, the lesser guard is used, and says so" {
	local kind
	kind=$(lesser)
	run "$BUILD/tests/system/untraced" timeout 120 "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 \
		--grow step=32M,ceiling=1G,at=100% -- "$EAT" page 200
	equal "$status" 0 "$output"
	has "${lines[0]}" "$NAME: the guard of its memory is \"$kind\": the program is "
	has "${lines[0]}" "(decoy: trace a decoy (kernel.yama.ptrace_scope=3, or a filter, forbids it): Operation not permitted)"
	has "$output" "limit 64M raised to 96M while the full cage was held"
	# What holds for that caller does not hold for others.
	background "$BUILD/virtualing" run --name "$NAME" --memory 64M --grow ceiling=1G -- sleep 300
	wait_for_virtual "$NAME"
	has "$(virtualing show "$NAME")" "guard: decoy: when the cage is full, whoever wants memory is held"
	virtualing stop "$NAME"
}

@test "the lesser guard asks a block, waits for it, and gives way when there is no room" {
	{
		described 150 ":deadline => 20,"
		printf 'v.on(:oom) { |event| sleep 1; event.virtual.memory.limit += 32 << 20 if event.limit < 128 << 20; puts event.limit >> 20 }\n'
		printf 'v.run\n'
	} | sed "s/:swap => 0/:swap => 0, :guard => \"$(lesser)\"/" >"$NAME.rb"
	chmod 644 "$NAME.rb"
	run timeout 60 "$BUILD/virtualing" "$NAME.rb"
	has "$output" $'64\n96\n128\n'
	has "$output" "killed for memory by the kernel: 1 process"
}

@test "the lesser guard stops what may not be killed, and lets it go on when there is room" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --no-oom --guard "$(lesser)" -- "$EAT" page 100
	wait_until 30 grep -q "the program is stopped until there is room" "$BATS_TEST_TMPDIR/background.0"
	local before
	before=$(cpu_used_us "$NAME")
	sleep 1
	at_most $(($(cpu_used_us "$NAME") - before)) 20000 "CPU time while it is stopped"
	has "$(virtualing show "$NAME")" "now it is stopped until there is room"
	equal "$(listed 9)" full state
	virtualing set "$NAME" memory=200M
	wait_until 30 process_is_gone $!
	grep -q "ate 100 page" "$BATS_TEST_TMPDIR/background.0"
}

@test "the wire and the memory_high of the description do not disturb each other" {
	skip_unless "only cgroup v2 has memory.high" eval '[ "$(host_kind)" = v2 ]'
	background "$BUILD/virtualing" run --name "$NAME" --memory 64M --guard wire --no-oom -- sleep 300
	wait_for_virtual "$NAME"
	local cage=/sys/fs/cgroup/virtualing/$NAME
	equal "$(cat "$cage/memory.high" "$cage/work/memory.high" | tr '\n' ' ')" "max $((48 << 20)) "
	virtualing set "$NAME" memory_high=20M
	virtualing set "$NAME" memory=128M
	equal "$(cat "$cage/memory.high" "$cage/work/memory.high" | tr '\n' ' ')" "$((20 << 20)) $((112 << 20)) "
	virtualing set "$NAME" memory_high=max
	equal "$(cat "$cage/memory.high" "$cage/work/memory.high" | tr '\n' ' ')" "max $((112 << 20)) "
	virtualing stop "$NAME"
}

@test "a guard that this host cannot have is refused before anything is made" {
	local other=wire
	[ "$(host_kind)" != v2 ] || other=pause
	wrong "--guard: cgroup v" --memory 64M --guard "$other"
	wrong '--guard: "dog" is no kind of guard: there are auto, decoy, pause and wire' --memory 64M --guard dog
}

@test "a working set of files that does not fit makes the limit grow, unless that is not wanted" {
	disk_make
	local words="cd $DISK_MOUNT && head -c 40M /dev/zero >data; sync; end=\$((\$(date +%s) + 5))
		while [ \$(date +%s) -lt \$end ]; do cat data >/dev/null; done"
	run timeout 120 "$BUILD/virtualing" run --name "$NAME" --memory 24M --swap 0 --grow step=128M,ceiling=1G,at=100%,stall=1% \
		-- sh -c "$words"
	equal "$status" 0
	has "$output" "memory: limit 24M raised to 152M"
	if [ -z "${VIRTUALING_GUEST:-}" ]; then # for it takes minutes there
		run timeout 120 "$BUILD/virtualing" run --name "$NAME" --memory 24M --swap 0 \
			--grow step=128M,ceiling=1G,at=100%,stall=none -- sh -c "$words"
		equal "$output" ""
	fi
	wrong '--grow: stall: "often" is neither a share like "10%" nor "none"' --memory 64M --grow ceiling=1G,stall=often
}
