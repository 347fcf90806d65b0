# What a block of a script may do wrong: it is told, nobody stays held or frozen, and the others run on.
# not in the guest: it is the script host that is tried here, whatever the version of control groups, and it takes minutes there

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154
load helpers
load guarded

@test "a block that raises is told with its line; the kernel's rules apply, and the script goes on" {
	{
		described
		printf 'v.on(:oom) { |event| raise "no idea" }\np v.run\np :after\n'
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	run runs
	has "$output" "$NAME.rb:3: no idea (RuntimeError)"
	has "$output" "killed for memory by the kernel: 1 process"
	has "$output" $'137\n:after'
}

@test "a block that hangs is given up after its deadline with its script, and the kernel's rules apply" {
	{
		described 150 ":deadline => 2,"
		printf 'v.on(:oom) { |event| sleep }\nv.run\n'
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	run runs
	has "$output" "$NAME: a block of the script (:oom) has not ended within 2 s: the script host is given up"
	has "$output" "killed for memory by the kernel: 1 process"
	[ "$status" != 0 ] || fail "status 0"
}

DEADLINE=1

# pair EVENT BLOCK [MIB]: "v" takes so much of its 64 MiB, and waits to be told how to end; "other" has nothing to do with
# its block, grows, and takes 100 MiB when something is written to "go"
pair() {
	[ -p go ] || mkfifo go
	{
		described "${3:-50} 300000" ":deadline => $DEADLINE,"
		printf 'other = Virtual.new(:resource => { :name => "%s-other", :memory => "64M", :swap => 0,\n' "$NAME"
		printf '    :grow => { :step => "32M", :ceiling => "256M", :at => "100%%" } }, :quiet => true,\n'
		printf '  :jail => { :cmnd => "read line <%s/go; exec %s page 100" })\n' "$PWD" "$EAT"
		printf 'v.on(%s) { |event| %s }\nother.start\nv.start\n' "$1" "$2"
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	OUT=$BATS_TEST_TMPDIR/background.${#BACKGROUND[@]}
	background timeout 120 "$BUILD/virtualing" "$NAME.rb"
}

# goes_on NAME: it runs, and nothing of it is frozen
goes_on() {
	is_running "$1" && [ -z "$(find /sys/fs/cgroup -path "*/virtualing/$1*" \( -name cgroup.events -o -name freezer.state \) \
		-exec grep -lE 'frozen 1|FREEZING|FROZEN' {} +)" ]
}

# Each is what a block does, and what is printed of it.
WRONGS=(
	'raise "no idea"' 'no idea (RuntimeError)'
	'loop {}' "has not ended within $DEADLINE s: the script host is given up"
	'puts "left"; exit 3' 'left'
	'system "kill -KILL #{Process.pid}"' 'the script host was killed by signal 9 (Killed)'
	'def again; again; end; again' 'stack level too deep'
	'sleep' "has not ended within $DEADLINE s: the script host is given up"
	'puts "left"; exit! 3' 'left'
	'abort "given up"' 'given up'
	'system "kill -SEGV #{Process.pid}"' 'the script host was killed by signal 11 (Segmentation fault)'
)

@test "whatever goes wrong in a block, it is told, its virtual runs on with its limits, and so do the others" {
	local i
	for ((i = 0; i < ${#WRONGS[@]}; i += 2)); do
		pair ':usage, "40M"' "${WRONGS[i]}"
		wait_until 40 grep -qF "${WRONGS[i + 1]}" "$OUT" || fail "${WRONGS[i]}:" "$(<"$OUT")"
		wait_until 20 grep -q '^ate 50' "$OUT"
		wait_until 20 goes_on "$NAME"
		equal "$(limit_now "$NAME" memory)" $((64 << 20)) "limit after ${WRONGS[i]}"
		timeout 20 sh -c 'echo >go'
		wait_until 20 grep -q '^ate 100' "$OUT" || fail "${WRONGS[i]}:" "$(<"$OUT")"
		virtualing stop "$NAME"
		wait_until 10 process_is_gone "${BACKGROUND[-1]}"
	done
}

@test "whatever goes wrong in a block that a full cage waits for, nobody stays held, and others are not disturbed" {
	local i
	for ((i = 0; i < 8; i += 2)); do # the others end in the same ways
		pair ':oom' "${WRONGS[i]}" 100
		wait_until 40 grep -qF "${WRONGS[i + 1]}" "$OUT" || fail "${WRONGS[i]}:" "$(<"$OUT")"
		wait_until 20 grep -q "$NAME: killed for memory by the kernel: 1 process" "$OUT" || fail "${WRONGS[i]}:" "$(<"$OUT")"
		wait_until 20 goes_on "$NAME-other"
		timeout 20 sh -c 'echo >go'
		wait_until 20 grep -q '^ate 100' "$OUT" || fail "${WRONGS[i]}:" "$(<"$OUT")"
		wait_until 10 process_is_gone "${BACKGROUND[-1]}"
	done
}

@test "each block has the deadline of its virtual, and a block that waits for its turn is not late" {
	{
		described "50 4000" ":deadline => 1,"
		printf 'slow = Virtual.new(:resource => { :name => "%s-slow", :memory => "64M" }, :deadline => 20,\n' "$NAME"
		printf '  :jail => { :cmnd => "%s page 20 5500" })\n' "$EAT"
		cat <<-'END'
			v.on(:usage, "40M") { |event| puts "quick #{event}" }
			slow.on(:usage, "10M") { |event| puts "slow #{event}"; system "sleep 2" }
			slow.start
			sleep 0.5
			v.start
			system "sleep 2"
			exit Virtual.wait
		END
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	run runs
	equal "$(grep -v ^ate <<<"$output")" $'slow 1\nquick 1\nslow 1\nquick 1'
	equal "$status" 0
}

@test "a block that hangs after its virtual has ended is given up, too" {
	{
		described 10 ":deadline => 1,"
		printf 'v.on(:exit) { |event| sleep }\nv.run\n'
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	run runs
	has "$output" "$NAME: a block of the script (:exit) has not ended within 1 s: the script host is given up"
	equal "$status" 125
}

@test "a full cage whose block has no turn in time, for the script is busy, follows the kernel's rules" {
	{
		described 150 ":deadline => 2,"
		printf 'v.on(:oom) { |event| puts "too late" }\nv.start\nsystem "sleep 4"\n'
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	run runs
	has "$output" "$NAME: a block of the script (:oom) has not begun within 2 s: the script host is given up"
	has "$output" "killed for memory by the kernel: 1 process"
}

@test "of a storm of events each is counted, and the supervisor does not grow with them" {
	local supervisor before after flaps
	{
		described 0 ":report => \"$PWD/report\"," | sed "s/page 0/flap 20 300000/"
		cat <<-'END'
			sum = 0
			v.on(:usage, "22M") { |event| sum += event.to_i; sleep 0.2 }
			v.on(:usage, "22M") { |event| sum += event.to_i }
			v.on(:exit) { |event| puts "sum #{sum}" }
			v.run
		END
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	background timeout 120 "$BUILD/virtualing" "$NAME.rb"
	wait_for_virtual "$NAME"
	sleep 1
	supervisor=$(virtualing show --json "$NAME" | jq .supervisor)
	before=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$supervisor/status")
	sleep 2.5
	after=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$supervisor/status")
	virtualing stop "$NAME"
	wait_until 30 process_is_gone "${BACKGROUND[0]}"
	flaps=$(awk '$1 == "flapped" { print $2 }' "$BATS_TEST_TMPDIR/background.0")
	equal "$(grep sum "$BATS_TEST_TMPDIR/background.0")" "sum $(jq .events.usage report)" "what the blocks were told of"
	[ "$(jq .events.usage report)" -ge "$flaps" ] || fail "$(jq .events.usage report) events of $flaps flaps"
	at_most $((after - before)) 256 "KiB by which the supervisor grew"
}

@test "a script host that is killed while its block runs holds nobody" {
	{
		described
		printf 'v.on(:oom) { |event| puts "asked"; sleep }\nv.run\n'
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	background timeout 120 "$BUILD/virtualing" "$NAME.rb"
	wait_until 30 grep -q asked "$BATS_TEST_TMPDIR/background.0"
	pkill -KILL -f "virtualing-ruby $NAME.rb"
	wait_until 20 process_is_gone $!
	grep -q "the script host was killed by signal 9" "$BATS_TEST_TMPDIR/background.0"
	grep -q "killed for memory by the kernel" "$BATS_TEST_TMPDIR/background.0"
}

@test "what a block may do wrong before the start is told, and nothing is started" {
	local words=(
		'on(:oops) {}' 'there is no event :oops'
		'on(:usage) {}' ':usage needs a size'
		'on(:usage, "0%") {}' ':usage needs a size'
		'on(:oom, 5) {}' ':oom takes no value'
		'on(:oom)' 'on(:oom) needs a block'
	)
	local i
	for ((i = 0; i < ${#words[@]}; i += 2)); do
		{
			described
			printf 'v.%s\nv.run\n' "${words[i]}"
		} >"$NAME.rb"
		chmod 644 "$NAME.rb"
		run runs
		equal "$status" 125 "status of ${words[i]}"
		has "$output" "${words[i + 1]}"
	done
}
