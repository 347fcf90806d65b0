# The blocks of a script: what they are called for, and what they may do.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154
load helpers
load guarded

# bats test_tags=guest
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

# bats test_tags=guest
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

# bats test_tags=guest
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

@test "any number of blocks may wait for as many levels" {
	{
		described 55
		printf '$called = {}\n100.times { |i| v.on(:usage, (i + 1) << 19) { |event| $called[i] = true } }\n'
		printf 'v.on(:usage, "1%%") { |event| $called[:share] = true }\nstatus = v.run\nputs $called.size\nexit status\n'
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	run runs
	equal "$output" $'ate 55 page\n101'
	equal "$status" 0
}

# bats test_tags=guest
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

@test "a script pauses, resumes, signals and stops its virtual" {
	cat >"$NAME.rb" <<-END
		v = Virtual.new(:resource => { :name => "$NAME" }, :stop_timeout => 0.5,
		  :jail => { :cmnd => ["sh", "-c", 'trap "echo USR1" USR1; trap "" TERM; while :; do sleep 0.05; done'] }).start
		sleep 0.3
		state = lambda { \`$BUILD/virtualing show --json $NAME | jq -r .state\`.strip }
		p v.pause.name, state.call, v.resume.name, state.call
		v.signal(:usr1)
		begin; v.signal("WINCHY"); rescue => e; puts e.message; end
		begin; v.signal(0); rescue => e; puts e.message; end
		p v.stop
	END
	chmod 644 "$NAME.rb"
	run runs
	equal "$(grep -v USR1 <<<"$output")" "$(printf '%s\n' "\"$NAME\"" '"paused"' "\"$NAME\"" '"running"' \
		"\"WINCHY\" is not a signal: see \`kill -l\`" "0 is not a signal: see \`kill -l\`" 137)"
	has "$output" USR1
}

@test "figures of a virtual answer whether they are there" {
	{
		described 10
		printf 'v.start\np v.memory.respond_to?(:usage), v.memory.respond_to?(:nonsense)\nv.kill\nv.wait\n'
	} >"$NAME.rb"
	chmod 644 "$NAME.rb"
	run runs
	has "$output" $'true\nfalse'
}

@test "an event is its count in a text, in calculations and comparisons, on either side" {
	cat >"$NAME.rb" <<-END
		v = Virtual.new(:resource => { :name => "$NAME" }, :jail => { :cmnd => "true" })
		v.on(:exit) do |e|
		  total = 41
		  total += e
		  p "#{e}", total, e + 1, e - 1, e * 2.5, 2 - e, 7 / e, 7.5 / e, 7 % e, 2 ** e, e + e
		  p e == 1, 1 == e, 1.0 == e, e != 1, 2 != e, e > 0, 0 < e, 2 <= e, e <=> 2, 2 <=> e, e.between?(1, 2), e == nil
		  p [3, e, 2].max, [5, e].include?(e), [5, 1].index(e), (case e when 1 then :one end), "%d" % e.to_i
		  begin; 1 + nil; rescue TypeError; p 1 + 1, 7 / 2, 7 / 2.0, 1 == nil, [2, 1].sort; end
		end
		v.run
	END
	chmod 644 "$NAME.rb"
	run runs
	equal "$(paste -sd ' ' <<<"$output")" '"1" 42 2 0 2.5 1 7 7.5 0 2 2'\
' true true true false true true true false -1 1 true false 3 true 1 :one "1" 2 3 3.5 false [1, 2]'
}

# bats test_tags=guest
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

# bats test_tags=guest
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
	has "${lines[0]}" "M more than is used would leave the host with less than its reserve of 1T"
	equal "${lines[1]}" "ate 100 page"
}

# bats test_tags=guest
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

# bats test_tags=guest
@test "fields of control groups mean on v2 what they mean on v1" {
	cat >"$NAME.rb" <<-END
		m = Cgroup::MEMORY.new "$NAME"
		m.create
		m.limit_in_bytes = 67108864
		m.modify
		puts m.limit_in_bytes
		m.limit_in_bytes = -1
		m.modify
		puts m.limit_in_bytes
		m.delete
		c = Cgroup::CPU.new "$NAME"
		c.create
		c.cfs_quota_us, c.shares = 30000, 2048
		c.modify
		puts c.cfs_quota_us, c.shares
		c.cfs_quota_us = -1
		c.modify
		puts c.cfs_quota_us
		c.delete
	END
	chmod 644 "$NAME.rb"
	run runs
	equal "$output" $'67108864\n9223372036854771712\n30000\n2048\n-1'
}

@test "the limit of another supervisor's virtual is not changed behind its back" {
	start "$NAME" --memory 64M
	cat >"$NAME.rb" <<-END
		c = Cgroup::MEMORY.new "$NAME"
		c.limit_in_bytes = 33554432
		begin
		  c.modify
		rescue => x
		  puts x.message
		end
	END
	chmod 644 "$NAME.rb"
	run runs
	equal "$output" "$NAME is the virtual of another supervisor: change it by \`virtualing set $NAME KEY=VALUE\`"
	equal "$(limit_now "$NAME" memory)" $((64 << 20)) limit
}

# bats test_tags=guest
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
