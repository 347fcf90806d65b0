# A full memory limit is an event and not a death: held, grown, handed to a block; and what happens when nothing helps.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load helpers

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
	virtualing stop "$NAME"
}

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
	has "$output" ") by its own limit, limit 100M, peak 100.0M; anonymous 9"
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

# is_dead PID: whoever has to reap it may not have done so yet
is_dead() { [ ! -e "/proc/$1" ] || grep -sq '^State:.[ZX]' "/proc/$1/status"; }

none_hangs() { ! pgrep --runstates D --full "$EAT" >/dev/null; }

# leaves_nothing SUPERVISOR: that of "$NAME" is killed, and with it go the program and the decoys
leaves_nothing() {
	local pid pids
	pids="$(virtualing show --json "$NAME" | jq .pid) $(decoys "$1")"
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
	leaves_nothing $!
}

@test "SIGKILL to the supervisor while a full cage is stopped: the program dies, and nothing is left" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --no-oom -- "$EAT" page 150
	wait_until 30 grep -q "the program is stopped until there is room" "$BATS_TEST_TMPDIR/background.0"
	sleep 1 # until all of it has come to rest
	leaves_nothing $!
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

@test "limits change while it runs, all or nothing" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 64M --pids 20 --cpu 50% -- sleep 300
	wait_for_virtual "$NAME"
	virtualing set "$NAME" memory=80M pids=30 cpu=70%
	equal "$(limit_now "$NAME" memory)" $((80 << 20)) memory
	equal "$(limit_now "$NAME" pids)" 30 pids
	has "$(limit_now "$NAME" cpu)" 70000
	refused 125 "cpu_weight" "$BUILD/virtualing" set "$NAME" memory=90M cpu_weight=0
	equal "$(limit_now "$NAME" memory)" $((80 << 20)) "memory after a refusal"
	refused 125 "memroy cannot be changed while it runs, or is no limit (did you mean memory?)" "$BUILD/virtualing" set "$NAME" memroy=1M
	refused 125 '"memory" is not KEY=VALUE' "$BUILD/virtualing" set "$NAME" memory
	refused 125 "memory: \"1Q\" is not a size" "$BUILD/virtualing" set "$NAME" memory=1Q
	virtualing stop "$NAME"
}

@test "a limit is lowered only as far as nobody must be killed for it" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 200M --swap 0 -- "$EAT" page 80 300000
	wait_until 30 grep -q '^ate' "$BATS_TEST_TMPDIR/background.0"
	run "$BUILD/virtualing" set "$NAME" memory=40M
	equal "$status" 125
	equal "$(limit_now "$NAME" memory)" $((200 << 20)) "limit after the refusal"
	virtualing set "$NAME" memory=120M
	equal "$(limit_now "$NAME" memory)" $((120 << 20)) limit
	is_running "$NAME"
	virtualing stop "$NAME"
}

# uncached FILE MIB: makes it, and nobody has any of it in memory
uncached() {
	dd if=/dev/zero of="$1" bs=1M count="$2" status=none conv=fsync
	dd if="$1" of=/dev/null iflag=nocache count=0 status=none
}

@test "page cache is given up for a lower limit, what the program has is not, with a guard and without" {
	local guard
	disk_make 256M
	for guard in "--swap 0" "--swap 0 --grow ceiling=256M,at=100%"; do
		uncached "$DISK_MOUNT/file" 120
		# shellcheck disable=SC2086 # two options
		background "$BUILD/virtualing" run --name "$NAME" --memory 256M $guard -- \
			sh -c "cat $DISK_MOUNT/file >/dev/null; exec $EAT page 60 300000"
		wait_until 60 grep -q '^ate' "$BATS_TEST_TMPDIR/background.$((${#BACKGROUND[@]} - 1))"
		[ "$(virtualing show --json "$NAME" | jq .usage.memory)" -gt $((160 << 20)) ] || fail "$(virtualing show "$NAME")"
		virtualing set "$NAME" memory=100M
		equal "$(limit_now "$NAME" memory)" $((100 << 20)) "limit with $guard"
		refused 125 "$NAME: " "$BUILD/virtualing" set "$NAME" memory=40M
		equal "$(limit_now "$NAME" memory)" $((100 << 20)) "limit after the refusal with $guard"
		equal "$(virtualing show --json "$NAME" | jq .usage.oom_kills)" 0 "kills with $guard"
		is_running "$NAME"
		virtualing stop "$NAME"
	done
}

@test "events are followed until the virtual has ended" {
	background grown -- sh -c "sleep 1; $EAT page 100"
	wait_for_virtual "$NAME"
	run timeout 60 "$BUILD/virtualing" events -f "$NAME"
	equal "$status" 0
	equal "$(awk '{ print $4 }' <<<"$output" | tr -d : | tr '\n' ' ')" "started rescued grew rescued grew exit "
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

@test "a limit falls to what is in use when the rest has not been used for a while" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 256M --swap 0 --give-back floor=40M,after=1 -- "$EAT" page 80 300000
	wait_until 60 grep -q '^ate' "$BATS_TEST_TMPDIR/background.0"
	is_low() { [ "$(limit_now "$NAME" memory)" -le $((110 << 20)) ]; }
	wait_until 60 is_low
	has "$(<"$BATS_TEST_TMPDIR/background.0")" 'limit 256M lowered to '
	is_running "$NAME"
	has "$(virtualing events "$NAME")" gave_back
	virtualing stop "$NAME"
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

@test "a report tells of a life in one object" {
	run timeout 60 "$BUILD/virtualing" run --quiet --name "$NAME" --memory 64M --swap 0 --grow step=64M,ceiling=1G,at=100% \
		--report "$PWD/report" -- "$EAT" page 100
	equal "$status" 0
	equal "$(jq -c '[.name, .status, .limits_at_start.memory, .limits_at_end.memory, .events.rescued, .events.grew, .oom_kills]' report)" \
		"[\"$NAME\",0,67108864,134217728,1,1,0]"
	[ "$(jq .memory_peak report)" -gt $((100 << 20)) ] || fail "peak $(jq .memory_peak report)"
	run timeout 60 "$BUILD/virtualing" run --quiet --report "$PWD/no/where" -- true
	equal "$status" 0
	has "$output" "write the report $PWD/no/where: No such file or directory"
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

@test "small steps save as surely as large ones" {
	run timeout 120 "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --grow step=4M,ceiling=1G,at=100% \
		-- "$EAT" page 160
	equal "$status" 0
	has "$output" "ate 160 page"
	[[ $output != *killed* ]]
}

# outer LIMIT: a group of this test's own with a limit, $OUTER, for a virtual in it
outer() {
	OUTER=$(unique outer)
	local tree=/sys/fs/cgroup file=memory.max
	[ "$(host_kind)" = v2 ] || tree+=/memory file=memory.limit_in_bytes
	mkdir "$tree/$OUTER"
	OUTER_DIRECTORY=$tree/$OUTER
	[ "$(host_kind)" != v2 ] || echo +memory >"$tree/cgroup.subtree_control"
	echo "$1" >"$tree/$OUTER/$file"
}

@test "a kill is told with its victim, its limit, and what the memory was made of" {
	run timeout 60 "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --report "$PWD/report" -- "$EAT" page 150
	equal "$status" 137
	[[ $output =~ 'killed for memory by the kernel: 1 process (eat, pid '([0-9]+)') by its own limit, limit 64M, peak 64M; anonymous 6'[0-9.]+'M, file '.*', shmem 0' ]] ||
		fail "$output"
	equal "$(jq -c '.killed | [.processes, .cause, .group, .victims[0].name, .victims[0].pid]' report)" \
		"[1,\"own\",null,\"eat\",${BASH_REMATCH[1]}]"
	[ "$(jq .killed.anonymous report)" -gt $((60 << 20)) ] || fail "$(cat report)"
	run timeout 60 "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --report "$PWD/report" -- "$EAT" tmpfs 150
	[ "$(jq .killed.shmem report)" -gt $((60 << 20)) ] || [ "$(jq -r .killed.kernel report)" = null ] || fail "$(cat report)"
}

@test "a kill for the limit of a group above is told with that group" {
	outer 40M
	cat >"$NAME.rb" <<-END
		v = Virtual.new(:resource => { :group => "/$OUTER/in", :name => "$NAME", :memory => "200M" },
		  :jail => { :cmnd => "$EAT page 100" })
		v.on(:killed) { |event| p event.cause, event.group, event.group_limit, event.victims.map { |victim| victim.name } }
		v.run
	END
	chmod 644 "$NAME.rb"
	run runs
	rmdir "$OUTER_DIRECTORY"
	has "$output" "(eat, pid "
	has "$output" ") by the limit of /$OUTER (40M), limit 200M, peak "
	has "$output" $':outer\n"/'"$OUTER"$'"\n41943040\n["eat"]'
}

@test "a kill is told at once while the main process lives on" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 -- sh -c "'$EAT' page 150; exec sleep 300"
	is_told() { virtualing events "$NAME" 2>/dev/null | grep -q killed; }
	wait_until 20 is_told
	is_running "$NAME"
	has "$(virtualing events "$NAME")" "$NAME killed processes 1 (eat, pid "
	has "$(virtualing events "$NAME")" ") by its own limit: usage "
	virtualing stop "$NAME"
}

@test "a name of a victim that would steer a terminal, or look like more than a name, is told without that" {
	local program=$PWD/$'a) \e[31m, b'
	cp "$EAT" "$program"
	run timeout 60 "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 -- "$program" page 150
	equal "$status" 137
	has "$output" "1 process (a) ?[31m, b, pid "
}

# set_at_random TIMES: the limit of "$NAME" to something between 40 and 200 MiB; how often it was done, and refused, in
# $taken and $refused
set_at_random() {
	local i mib
	taken=0 refused=0
	for ((i = 0; i < $1; i++)); do
		mib=$((40 + RANDOM % 161))
		run "$BUILD/virtualing" set "$NAME" "memory=${mib}M"
		case $status in
		0) taken=$((taken + 1)) ;;
		125) refused=$((refused + 1)) && [ ${#lines[@]} = 1 ] && has "$output" "virtualing: $NAME: " ;;
		*) fail "set memory=${mib}M: status $status: $output" ;;
		esac || return
	done
}

@test "whatever the limit is set to under load, nobody is killed: it is that, or refused with a reason" {
	local seed=${SEED:-$RANDOM} taken refused
	echo "SEED=$seed"
	RANDOM=$seed
	background "$BUILD/virtualing" run --name "$NAME" --memory 120M --swap 0 --quiet --report "$PWD/report" \
		--grow step=16M,ceiling=400M,at=100%,cooldown=0 -- "$EAT" breathe 100 300000
	wait_until 60 is_running "$NAME"
	set_at_random 100
	is_running "$NAME" || fail "it has ended after $taken settings and $refused refusals" "$(<"$BATS_TEST_TMPDIR/background.0")"
	virtualing stop "$NAME"
	echo "taken $taken, refused $refused: $(jq -c '[.events, .oom_kills]' report)"
	equal "$(jq -c '[.status, .oom_kills]' report)" "[0,0]" "status and kills"
	equal "$(<"$BATS_TEST_TMPDIR/background.0")" "ate 100 breathe"
	[ "$taken" -gt 0 ] || fail "all were refused"
}

@test "forced below what is used the kernel decides, and refused it stays as it was" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 256M --swap 0 --grow ceiling=300M -- "$EAT" page 80 300000
	wait_until 30 grep -q '^ate' "$BATS_TEST_TMPDIR/background.0"
	run "$BUILD/virtualing" set "$NAME" memory=40M pids=77
	equal "$status" 125
	run "$BUILD/virtualing" show --json "$NAME"
	[[ $output != *'"pids": 77'* && $output != *'"pids":77'* ]]
	run "$BUILD/virtualing" set "$NAME" oom=false
	has "$output" "cannot be changed"
	run "$BUILD/virtualing" set "$NAME" swap=8M
	equal "$status" 0
	run "$BUILD/virtualing" set --force "$NAME" memory=40M
	if [ "$(host_kind)" = v2 ]; then
		wait_until 10 grep -q 'killed for memory' "$BATS_TEST_TMPDIR/background.0"
	else # v1 does not lower a limit below what cannot be taken away, whoever asks
		has "$output" "so a limit of 40M is too low; at least "
	fi
}

@test "the guard is quick, and the program as nice as it was asked to be" {
	run nice -n 7 "$BUILD/virtualing" run --name "$NAME" --memory 64M --grow ceiling=128M -- nice
	equal "$output" 7
}

# lesser: the kind of guard that this host has where it has no decoys
lesser() { if [ "$(host_kind)" = v2 ]; then echo wire; else echo pause; fi; }

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
	virtualing set "$NAME" memory=200M
	wait_until 30 process_is_gone $!
	grep -q "ate 100 page" "$BATS_TEST_TMPDIR/background.0"
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
	wrong '--grow: stall: "often" is not a share like "90%"' --memory 64M --grow ceiling=1G,stall=often
}
