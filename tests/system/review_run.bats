# What must not stall, kill or outlive a supervisor: programs, signals and callers at the worst moment.
# not in the guest: the supervisor is the same on both

# Scripts in quotes are for a shell inside.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load helpers

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
}

pid_of() { virtualing show --json "$1" | jq -er .pid; }

@test "Virtual.wait returns when all end in one moment" {
	local n name pids=()
	name=$(unique together)
	cat >all.rb <<-END
		8.times { |n| Virtual.new(:resource => { :name => "$name-#{n}" }, :jail => { :cmnd => ["sleep", "300"] }).start }
		puts "started"
		Virtual.wait
		puts "waited"
	END
	background "$BUILD/virtualing" all.rb
	wait_until 20 grep -q started background.0
	for n in 0 1 2 3 4 5 6 7; do
		pids+=("$(pid_of "$name-$n")")
	done
	kill -STOP "${BACKGROUND[0]}"
	kill -KILL "${pids[@]}"
	sleep 0.3
	kill -CONT "${BACKGROUND[0]}"
	wait_until 10 process_is_gone "${BACKGROUND[0]}"
	has "$(cat background.0)" waited
}

@test "one that is stopping keeps its time when another ends meanwhile" {
	local name
	name=$(unique patient)
	cat >two.rb <<-END
		c = 'trap "echo asked \$N; sleep 1.5; echo done \$N; exit" TERM; echo ready; while :; do sleep 0.05; done'
		%w[1 2].each { |n| Virtual.new(:resource => { :name => "$name-#{n}" }, :jail => { :cmnd => ["sh", "-c", "N=#{n}; " + c] }).start }
	END
	background "$BUILD/virtualing" two.rb
	wait_until 20 eval '[ "$(grep -c ready background.0)" = 2 ]'
	kill -TERM "${BACKGROUND[0]}"
	wait_until 5 grep -q "asked 2" background.0
	kill -KILL "$(pid_of "$name-1")"
	wait_until 10 process_is_gone "${BACKGROUND[0]}"
	has "$(cat background.0)" "done 2"
}

@test "without a terminal a program that stops itself does not stop its supervisor" {
	local name
	name=$(unique stopper)
	background setsid --wait "$BUILD/virtualing" run --name "$name" -- perl -e 'setpgrp(0, 0); $| = 1; print "ready\n"; kill "TSTP", $$; sleep 300'
	wait_until 10 grep -q ready background.0
	wait_until 5 grep -q '^State:.T' "/proc/$(pid_of "$name")/status"
	sleep 0.3
	virtualing show "$name" >/dev/null
	virtualing stop "$name" --timeout 1
}

@test "with too few descriptors the start fails, and nothing of it stays" {
	local name limit root
	name=$(unique few)
	root=$(root_make)
	for limit in 6 8 10 11 12 13 14 15 16 17 18; do
		(
			ulimit -n "$limit"
			exec timeout -k 1 10 "$BUILD/virtualing" run --name "$name" --memory 64M --root "$root" -- true
		) 2>message && continue
		equal $? 125 "status with $limit: $(cat message)"
		at_most "$(wc -l <message)" 3 "lines with $limit"
	done
	[ ! -e "/run/virtualing/$name" ]
	equal "$(find "$root")" "$root"
}

@test "callers of a supervisor that has been stopped are told so, however many there are" {
	local name
	name=$(unique asleep)
	start "$name"
	kill -STOP "${BACKGROUND[0]}"
	for _ in {1..70}; do
		timeout 0.05 "$BUILD/virtualing" show "$name" >/dev/null 2>&1 || true
	done
	run -125 --separate-stderr timeout -k 1 15 "$BUILD/virtualing" show "$name"
	has "$stderr" "does not answer"
	kill -CONT "${BACKGROUND[0]}"
	virtualing stop "$name"
}

@test "a command of two characters is no file to be evaluated" {
	run -127 virtualing run -- /a
}
