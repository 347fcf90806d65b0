# The blocks of a script: what they are called for, what they may do, and what they may do wrong.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154
load helpers
load guarded

@test "the seeds' callback: called once, just before the kernel kills" {
	cat >"$NAME.rb" <<-END
		Virtual.new({
		  :resource => { :group => "$NAME", :mem => 64 * 1024 * 1024 },
		  :jail => { :cmnd => "$EAT page 150" },
		}).run_with_mem_eventfd { |ret| puts "OOM KILLER!!! > #{ret}" }
	END
	chmod 644 "$NAME.rb"
	run runs
	equal "$status" 137
	equal "${lines[0]}" "OOM KILLER!!! > 1"
	equal "$(grep -c OOM <<<"$output")" 1 calls
}

@test "the seeds' callback on usage: up, and down when the program has ended" {
	cat >"$NAME.rb" <<-END
		Virtual.new({
		  :resource => { :group => "$NAME", :mem => 512 * 1024 * 1024 },
		  :jail => { :cmnd => "$EAT page 60 300" },
		}).run_with_mem_eventfd_loop(:usage, 40 * 1024 * 1024) do |ret|
		  puts "Usage Up or Down to threadshould !!! > #{ret} #{ret.direction}"
		end
	END
	chmod 644 "$NAME.rb"
	run runs
	equal "$status" 0
	equal "$(grep -v ^ate <<<"$output")" "Usage Up or Down to threadshould !!! > 1 up
Usage Up or Down to threadshould !!! > 1 down"
}

@test "a block that raises the limit saves the program, however long it takes" {
	{
		described
		cat <<-'END'
			v.on(:oom) do |event|
			  sleep 3
			  event.virtual.memory.limit += 64 * 1024 * 1024
			end
			exit v.run
		END
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	run runs
	equal "$output" "ate 150 page"
	equal "$status" 0
}

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

DEADLINE=2
[ -z "${VIRTUALING_GUEST:-}" ] || DEADLINE=8

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

# Each is what a block does, and what is printed of it. The guest, in which they take ten times as long, has the first.
WRONGS=(
	'raise "no idea"' 'no idea (RuntimeError)'
	'loop {}' "has not ended within $DEADLINE s: the script host is given up"
	'puts "left"; exit 3' 'left'
	'system "kill -KILL #{Process.pid}"' 'the script host was killed by signal 9 (Killed)'
)
[ -n "${VIRTUALING_GUEST:-}" ] || WRONGS+=(
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
	for ((i = 0; i < ${#WRONGS[@]}; i += 2)); do
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

@test "a level that is a share of the limit moves with it, whoever changes it" {
	{
		described "fill 180" | sed 's/page fill/fill/'
		cat <<-'END'
			v.on(:usage, "80%") do |event|
			  puts "#{event.direction} #{event.limit >> 20}"
			  event.virtual.memory.limit += 64 << 20 if event.direction == :up
			end
			v.on(:oom) { |event| sleep 0.1; raise "the level was not told of" if v.memory.limit == event.limit }
			exit v.run
		END
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	run runs
	equal "$output" $'up 64\nup 128\nup 192\nate 180 fill'
	equal "$status" 0

	{
		described "60 300000" | sed 's/"64M"/"200M"/'
		printf 'v.on(:usage, "80%%") { |event| puts "#{event.direction} #{event.limit >> 20}" }\nv.run\n'
	} >"$NAME.rb"
	background timeout 120 "$BUILD/virtualing" "$NAME.rb"
	wait_until 20 grep -q ^ate "$BATS_TEST_TMPDIR/background.0"
	virtualing set "$NAME" memory=70M
	wait_until 5 grep -q 'up 70' "$BATS_TEST_TMPDIR/background.0"
	virtualing set "$NAME" memory=100M
	virtualing stop "$NAME"
	wait_until 10 process_is_gone "${BACKGROUND[0]}"
	equal "$(grep -c up "$BATS_TEST_TMPDIR/background.0")" 1 "times that it was told"
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

@test "blocks run while the script sleeps or waits for an answer, and each gets its own" {
	{
		described 150
		printf 'v.on(:oom) { |event| v.memory.limit = v.memory.limit + (32 << 20); puts :asked }\n'
		printf 'v.start\n10.times { sleep 0.1; v.memory.usage rescue nil }\np v.name\n'
	} >"$NAME.rb"
	run timeout 60 "$BUILD/virtualing" "$NAME.rb"
	has "$output" "ate 150 page"
	has "$output" asked
	has "$output" "\"$NAME\""
}

@test "a block hears of pressure" {
	cat >"$NAME.rb" <<-END
		v = Virtual.new(:resource => { :name => "$NAME", :memory => "16M", :swap => 0 },
		  :jail => { :cmnd => "sh -c 'while :; do cat /usr/bin/* /usr/lib/*/*.so >/dev/null 2>&1; done'" })
		v.on(:pressure, "1%") { |event| puts event.type; event.virtual.stop 1 }
		v.run
	END
	chmod 644 "$NAME.rb"
	run runs
	equal "${lines[0]}" pressure
}

@test "a block may not take what the description keeps for the host, unless it insists" {
	cat >"$NAME.rb" <<-END
		v = Virtual.new(:resource => { :name => "$NAME", :memory => "64M", :swap => 0,
		  :grow => { :ceiling => "64M", :reserve => "1T" } }, :jail => { :cmnd => "$EAT page 100" }, :quiet => true)
		v.on(:oom) do |event|
		  begin
		    event.virtual.memory.limit = "200M"
		  rescue => x
		    puts x.message
		    event.virtual.memory.force_limit "200M"
		  end
		end
		v.run
	END
	chmod 644 "$NAME.rb"
	run runs
	has "${lines[0]}" "memory: 136M more would leave the host with less than its reserve of 1T"
	equal "${lines[1]}" "ate 100 page"
}

@test "the released example: automatic expansion through Virtualing::MEMORY" {
	cat >"$NAME.rb" <<-END
		group = "$NAME"
		Virtualing.new({
		  :resource => { :group => group, :mem => 64 * 1024 * 1024 },
		  :jail => { :cmnd => "$EAT page 150" },
		}).run_with_mem_eventfd_loop do |ret|
		  c = Virtualing::MEMORY.new group
		  c.limit_in_bytes = c.limit_in_bytes.to_i + 64 * 1024 * 1024
		  c.modify
		end
	END
	chmod 644 "$NAME.rb"
	run runs
	equal "$output" "ate 150 page"
	equal "$status" 0
}

@test "control groups of one's own, and eventfd, as the original has them" {
	cat >"$NAME.rb" <<-END
		c = Cgroup::MEMORY.new "$NAME"
		c.create
		c.limit_in_bytes = 67108864
		c.modify
		puts c.limit_in_bytes, c.exist?
		c.delete
		puts c.exist?
		e = Eventfd.new 0, 0
		e.event_write 3
		puts e.event_read
		begin
		  Cgroupp
		rescue NameError => x
		  puts x.message
		end
	END
	chmod 644 "$NAME.rb"
	run runs
	equal "$output" $'67108864\ntrue\nfalse\n3\nuninitialized constant Cgroupp'
}

@test "the examples do what they say" {
	local examples=$TESTS/../examples/memory name
	for name in oom oom-named; do
		run timeout 60 "$BUILD/virtualing" "$examples/$name.rb" "$EAT" page 150
		equal "${lines[0]} $status" "OOM KILLER!!! > 1 137"
	done
	run timeout 60 "$BUILD/virtualing" "$examples/usage.rb" "$EAT" page 60 300
	equal "$output" $'Usage Up or Down to threadshould !!! > 1\nate 60 page'
	run timeout 60 "$BUILD/virtualing" "$examples/usage-loop.rb" "$EAT" page 60 300
	equal "$output" $'Usage up through 4 MiB > 1\nate 60 page\nUsage down through 4 MiB > 1'
	run timeout 60 "$BUILD/virtualing" "$examples/expand.rb" "$EAT" page 120
	equal "$output" $'expand: 100663296 bytes\nexpand: 134217728 bytes\nate 120 page'
	run timeout 60 "$BUILD/virtualing" "$examples/grow.rb" "$EAT" page 120
	equal "$status" 0
	run timeout 60 "$BUILD/virtualing" "$examples/notify.rb" /bin/echo "$EAT" page 150
	has "$output" "notify is full: "
	has "$output" "notify: the kernel has killed 1"
	run timeout 60 "$BUILD/virtualing" "$examples/shrink.rb" sh -c "'$EAT' page 100; sleep 12"
	has "$output" "shrink: memory: limit 256M lowered to "
	has "$output" " lowered to 32M"
	equal "$status" 0
}
