# Running a command and a file: status, streams, environment, names, several virtuals at once.
# not in the guest: statuses, pipes and signals are the same on both

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load helpers

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
}

# config NAME: standard input becomes NAME.rb
config() { cat >"$1.rb"; }

# each_way COMMAND...: runs the command in a cage alone, in a jail, and in a jail without init; OPTIONS holds which
each_way() {
	local root
	root=$(root_make)
	for OPTIONS in "" "--root $root" "--root $root --no-init"; do
		"$@" || fail "with options: $OPTIONS"
	done
}

# confined COMMAND...: runs it with $OPTIONS
confined() {
	# shellcheck disable=SC2086 # a list of options
	virtualing run $OPTIONS -- "$@"
}

# ---- exit status ----

status_is() { # status_is WANTED COMMAND...
	local status=0
	confined "${@:2}" >out 2>&1 || status=$?
	equal $status "$1" "status of '${*:2}', which said '$(cat out)'"
}

own_statuses() {
	status_is 0 true && status_is 1 false && status_is 7 sh -c 'exit 7' && status_is 125 sh -c 'exit 125' &&
		status_is 255 sh -c 'exit 255' && equal "$(cat out)" "" output
}

signal_statuses() {
	case $OPTIONS in *--no-init*) return ;; esac # its command is pid 1, which the kernel spares
	status_is 137 sh -c 'kill -KILL $$' && status_is 139 sh -c 'ulimit -c 0; kill -SEGV $$'
}

@test "the command's exit status is virtualing's" { each_way own_statuses; }

@test "a command whose name ends like that of a file is none behind --, and a file has no limits beside it" {
	printf '#!/bin/sh\necho "a command: $1"\n' >app.rb
	chmod +x app.rb
	for OPTIONS in "" "--memory 64M"; do
		equal "$(confined ./app.rb here)" "a command: here" "with options: $OPTIONS"
	done
	OPTIONS=--detach confined ./app.rb >name
	refused 125 "run: a file has its limits and walls inside: write them into app.rb, or, if it is a command, -- before it" \
		"$BUILD/virtualing" run --memory 64M app.rb
}

@test "128+N when a signal ends the command" { each_way signal_statuses; }

@test "a command that does nothing about SIGTERM is ended by it, also as pid 1's child" {
	local root
	root=$(root_make)
	for OPTIONS in "" "--root $root"; do
		status_is 143 sh -c 'kill -TERM $$'
	done
}

@test "126 for what cannot be executed, in one line with its name" {
	local root
	root=$(root_make)
	printf 'no header\n' >text
	for OPTIONS in "" "--root $root"; do
		for command in /etc/passwd /etc; do
			status_is 126 $command
			has "$(cat out)" $command
			equal "$(wc -l <out)" 1 "lines"
		done
	done
	OPTIONS='' status_is 126 ./text
}

@test "127 for a command that is not there, in one line with its name and where it was looked for" {
	local root
	root=$(root_make)
	for OPTIONS in "" "--root $root"; do
		status_is 127 /no/such/command
		has "$(cat out)" "/no/such/command"
		equal "$(wc -l <out)" 1 "lines"
		PATH=/bin:/no/such/place status_is 127 no-such-command
		has "$(cat out)" "no-such-command (searched /"
		has "$(cat out)" "/no/such/place"
		equal "$(wc -l <out)" 1 "lines"
	done
	OPTIONS="--root $root" status_is 127 ./here
	touch here
	OPTIONS="--root $root" status_is 127 "$PWD/here"
}

@test "a script whose interpreter is missing: 126, as in a shell, with both names" {
	printf '#!/no/such/interpreter\n' >script
	chmod 755 script
	OPTIONS='' status_is 126 ./script
	has "$(cat out)" "./script"
	has "$(cat out)" "/no/such/interpreter"
	equal "$(wc -l <out)" 1 "lines"
}

@test "125 when virtualing itself fails" {
	OPTIONS="--memory much" status_is 125 true
	OPTIONS="--no-such-option" status_is 125 true
	OPTIONS="--root relative" status_is 125 true
}

# ---- streams ----

streams() {
	head -c 300000 /dev/urandom >in
	confined sh -c 'cat; echo said >&2' <in >out 2>err || return
	cmp in out && equal "$(cat err)" said "standard error"
}

@test "standard input, output and error are the command's" { each_way streams; }

closes() { # the reader's time and not the writer's is what counts
	local start=${EPOCHREALTIME/[.,]/} took
	rm -f closed
	# shellcheck disable=SC2086 # a list of options
	"$BUILD/virtualing" run $OPTIONS -- sh -c 'echo said; exec >&-; exec sleep 3' > >(
		cat >out
		echo "${EPOCHREALTIME/[.,]/}" >closed
	) 3>&- &
	BACKGROUND+=($!)
	wait_until 10 test -s closed || return
	took=$((($(cat closed) - start) / 1000))
	kill $! && wait_until 5 process_is_gone $!
	equal "$(cat out)" said && at_most $took 2500 "ms until the pipe was closed"
}

@test "a pipe is closed when the command closes it, and not when virtualing ends" { each_way closes; }

@test "standard input is closed for its writer when the command closes it" {
	local start=${EPOCHREALTIME/[.,]/}
	mkfifo fifo
	"$BUILD/virtualing" run -- sh -c 'exec <&-; sleep 3' <fifo 3>&- &
	BACKGROUND+=($!)
	yes 2>/dev/null >fifo || true
	at_most $(((${EPOCHREALTIME/[.,]/} - start) / 1000)) 2500 "ms until the writer ended"
	kill $!
	wait $! || true
}

@test "closed standard streams are replaced by /dev/null, not by somebody's descriptor" {
	virtualing run -- sh -c 'for n in 0 1 2; do readlink /proc/self/fd/$n; done >'"$PWD/fds" <&- >&- 2>&-
	equal "$(sed -n '1p;3p' fds)" "$(printf '/dev/null\n/dev/null')"
}

no_descriptors() {
	equal "$(confined sh -c 'ls /proc/self/fd | wc -l' 7</etc/passwd 8>file 9>&1)" 4 "descriptors, ls's own included"
}

@test "descriptors above 2 are not passed on" { each_way no_descriptors; }

@test "nothing is printed but what the command prints" {
	run --separate-stderr virtualing run --memory 64M -- echo said
	equal "$output" said
	equal "$stderr" ""
}

# ---- environment, directory, names ----

@test "the environment is passed on, changed by --env, and emptied by --clear-env" {
	export HERE='a b' GONE=1
	equal "$(virtualing run --env 'HERE=c=d' --env NEW= -- sh -c 'echo "$HERE.$NEW.$GONE"')" "c=d..1"
	run virtualing run --clear-env --env ONLY=this -- env
	has "$output" "ONLY=this"
	case $output in *HERE=* | *GONE=*) fail "left in: $output" ;; esac
}

@test "without a jail the command starts where we stand, or in --workdir" {
	equal "$(virtualing run -- pwd)" "$PWD"
	equal "$(virtualing run --workdir /etc -- pwd)" /etc
}

@test "a command without --name is called after its program and the supervisor's pid" {
	background "$BUILD/virtualing" run -- /bin/sleep 60
	wait_for_virtual "sleep-$!"
}

@test "the same name a second time is refused with the supervisor that holds it, and the first goes on" {
	local name
	name=$(unique twice)
	start "$name"
	run --separate-stderr virtualing run --name "$name" -- true
	equal "$status" 125
	equal "$(wc -l <<<"$stderr")" 1 "lines"
	has "$stderr" "$name is already running (supervisor ${BACKGROUND[0]})"
	is_running "$name"
}

@test "a name is free again as soon as its virtual has ended" {
	local name
	name=$(unique again)
	for ((i = 0; i < 5; i++)); do
		virtualing run --name "$name" -- true
	done
}

# ---- the whole of it ends ----

left_alone() { # what the command left running
	confined sh -c 'sleep 300 & setsid sleep 300 & exit 4' || equal $? 4 status
}

@test "a command that lets itself be traced beyond its end costs its supervisor nothing" {
	local before status=0
	cat >traced.py <<-'END'
		import ctypes, os, time
		main = os.getpid()
		reader, writer = os.pipe()
		if os.fork() == 0:
		    ctypes.CDLL(None).ptrace(0x4206, main, 0, 0)  # PTRACE_SEIZE
		    os.write(writer, b"x")
		    open("traced", "w").close()
		    time.sleep(2)
		    os._exit(0)
		os.read(reader, 1)
		os._exit(7)
	END
	background "$BUILD/virtualing" run --name "$(unique traced)" -- python3 traced.py
	wait_until 20 test -e traced
	sleep 0.3
	before=$(cut -d ' ' -f 14,15 "/proc/$!/stat" | tr ' ' +)
	sleep 1
	at_most $(($(cut -d ' ' -f 14,15 "/proc/$!/stat" | tr ' ' +) - (before))) 5 "hundredths of a second of CPU in one second"
	wait $! || status=$?
	equal $status 7 status
}

@test "what the command leaves running is killed, and nothing waits for it" {
	local start=$SECONDS
	each_way left_alone
	at_most $((SECONDS - start)) 20 seconds
}

@test "in a jail orphans are reaped" {
	run virtualing run --root "$(root_make)" -- sh -c \
		'for i in 1 2 3; do (sleep 0.1 &) ; done; sleep 1; grep -l "^State:.Z" /proc/[0-9]*/status'
	equal "$output" "" zombies
}

# What a shell starts with & ignores SIGINT, and so would the command.
told() { # told SIGNAL: a command that says which signals it gets
	local name
	name=$(unique told)
	rm -f out
	# shellcheck disable=SC2086 # a list of options
	env --default-signal=INT "$BUILD/virtualing" run --name "$name" $OPTIONS -- sh -c 'for s in HUP USR1 USR2; do trap "echo $s" $s; done; trap "echo TERM; exit 9" TERM
		echo ready; while :; do sleep 0.05; done' </dev/null >out 2>&1 3>&- &
	BACKGROUND+=($!)
	wait_until 10 grep -q ready out && wait_for_virtual "$name" || return
	kill -"$1" $!
	case $1 in
	TERM | INT) ;;
	*)
		wait_until 10 grep -qx "$1" out || fail "$1 does not arrive" || return
		kill -TERM $!
		;;
	esac
	local status=0
	wait_until 10 process_is_gone $! || fail "still there after $1" || return
	wait $! || status=$?
	equal $status 9 "status after $1" && has "$(cat out)" TERM
}

@test "SIGTERM and SIGINT to the supervisor stop the command by SIGTERM; HUP, USR1, USR2 are passed on" {
	local root
	root=$(root_make)
	for OPTIONS in "" "--root $root"; do
		for signal in TERM INT HUP USR1 USR2; do
			told $signal
		done
	done
}

@test "a second SIGTERM does not wait any longer" {
	local name
	name=$(unique second)
	background "$BUILD/virtualing" run --name "$name" -- sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
	wait_until 10 grep -q ready background.0
	wait_for_virtual "$name"
	kill -TERM $!
	sleep 0.1
	kill -TERM $!
	wait_until 5 process_is_gone $!
}

@test "ignored signals stay ignored in the command, others are as ever" {
	local ignored
	ignored=$(sed -n 's/^SigIgn:.//p' /proc/self/status) # whoever runs the tests may ignore some
	run bash -c 'trap "" HUP; exec "$0" run -- grep SigIgn /proc/self/status' "$BUILD/virtualing"
	equal "$output" "$(printf 'SigIgn:\t%016x' $((0x$ignored | 1)))"
	run virtualing run -- grep -E 'SigIgn|SigBlk' /proc/self/status
	equal "$output" "$(printf 'SigBlk:\t0000000000000000\nSigIgn:\t%s' "$ignored")"
}

# ---- files ----

@test "FILE.rb and run FILE.rb are the same, with the command's status" {
	config web <<<'Virtual.new({ :jail => { :cmnd => ["sh", "-c", "echo here; exit 5"] } }).run'
	for form in "" run; do
		# shellcheck disable=SC2086 # none or one word
		run virtualing $form web.rb
		equal "$status" 5
		equal "$output" here
	done
}

@test "a file's virtual is called after the file, its group may have a name of its own" {
	config "$(unique name)" <<-'END'
		v = Virtual.new({ :jail => { :cmnd => "cat /proc/self/cgroup" } })
		puts v.name
		v.run
		Virtual.new({ :resource => { :group => "own-group" }, :jail => { :cmnd => "cat /proc/self/cgroup" } }).run
	END
	run virtualing ./*.rb
	local name
	name=$(basename ./*.rb .rb)
	equal "${lines[0]}" "$name"
	has "$output" ":/virtualing/$name"
	has "$output" ":/virtualing/own-group"
}

@test "ARGV is what follows the file, options too" {
	config args <<-'END'
		p ARGV, __FILE__
		Virtual.new({ :jail => { :cmnd => ["echo"] + ARGV } }).run
	END
	run virtualing args.rb one "two words" --three -- ""
	equal "$output" "$(printf '%s\n' '["one", "two words", "--three", "--", ""]' '"args.rb"' 'one two words --three -- ')"
}

@test "several virtuals of one file run at once, and Virtual.wait waits for all" {
	config many <<-'END'
		%w[a b c].each { |n|
		  Virtual.new({ :resource => { :name => "many-#{n}-#{ARGV[0]}" },
		                :jail => { :cmnd => ["sh", "-c", "echo #{n}; sleep 0.5"] } }).start
		}
		puts "started"
		p Virtual.wait
		puts "ended"
	END
	local start=${EPOCHREALTIME/[.,]/}
	background "$BUILD/virtualing" many.rb $$
	wait_for_virtual "many-c-$$"
	wait_until 10 process_is_gone $!
	equal "$(sort background.0 | paste -sd ' ')" "0 a b c ended started"
	equal "$(tail -n 1 background.0)" ended
}

@test "without exit the status is that of the virtual that ended last, with exit it is exit's" {
	config last <<-'END'
		Virtual.new({ :resource => { :name => "slow" }, :jail => { :cmnd => "sh -c 'sleep 0.4; exit 3'" } }).start
		Virtual.new({ :resource => { :name => "fast" }, :jail => { :cmnd => "sh -c 'exit 4'" } }).start
		exit ARGV[0].to_i if ARGV[0]
	END
	run virtualing last.rb
	equal "$status $output" "3 "
	run virtualing last.rb 9
	equal "$status $output" "9 "
}

@test "each wait tells its own virtual's status, also after its end" {
	config each <<-'END'
		a = Virtual.new({ :resource => { :name => "each-a" }, :jail => { :cmnd => "sh -c 'exit 3'" } }).start
		b = Virtual.new({ :resource => { :name => "each-b" }, :jail => { :cmnd => "sh -c 'sleep 0.3; exit 4'" } }).start
		p b.wait, a.wait, a.wait, b.wait
	END
	run virtualing each.rb
	equal "$(paste -sd ' ' <<<"$output")" "4 3 3 4"
}

all_are_zombies() {
	local pid
	for pid; do
		grep -q '^State:.Z' "/proc/$pid/status" || return
	done
}

@test "virtuals that end at one moment are all noticed" {
	config at_once <<-'END'
		%w[a b c].each { |n| Virtual.new({ :resource => { :name => "at-once-#{n}" }, :jail => { :cmnd => "sleep 300" } }).start }
		p Virtual.wait
	END
	background "$BUILD/virtualing" at_once.rb
	wait_for_virtual at-once-c
	local pids
	mapfile -t pids < <(virtualing list --json | jq '.[] | select(.name | startswith("at-once-")) | .pid')
	kill -STOP "${BACKGROUND[0]}"
	kill "${pids[@]}"
	wait_until 5 all_are_zombies "${pids[@]}"
	kill -CONT "${BACKGROUND[0]}"
	wait_until 10 process_is_gone "${BACKGROUND[0]}"
	equal "$(cat background.0)" 143
}

@test "exit N after run is the status, and run returns that of the command" {
	config status <<-'END'
		s = Virtual.new({ :jail => { :cmnd => "sh -c 'exit 6'" } }).run
		exit s + 1
	END
	run virtualing status.rb
	equal "$status $output" "7 "
}

@test "a file that starts nothing ends with 0, or with its exit" {
	config none <<<'puts "nothing"'
	run virtualing none.rb
	equal "$status $output" "0 nothing"
	config none <<<'exit 3'
	run virtualing none.rb
	equal "$status $output" "3 "
}

@test "two virtuals of one file with one name: the second is refused, the first runs" {
	config same <<-'END'
		Virtual.new({ :resource => { :name => "same" }, :jail => { :cmnd => "sh -c 'sleep 0.5; exit 8'" } }).start
		p Virtual.new({ :resource => { :name => "same" }, :jail => { :cmnd => "true" } }).run
		p Virtual.wait
		exit 0
	END
	run --separate-stderr virtualing same.rb
	equal "$status" 0
	equal "$output" "$(printf '125\n8')"
	has "$stderr" "same.rb:2: same is already running"
	equal "$(wc -l <<<"$stderr")" 1 lines
}

@test "SIGTERM stops all virtuals of a file, the latest first" {
	config order <<-'END'
		%w[a b c].each { |n|
		  Virtual.new({ :resource => { :name => "order-#{n}" },
		    :jail => { :cmnd => ["sh", "-c", "trap 'echo #{n}; exit' TERM; echo; while :; do sleep 0.02; done"] } }).start
		}
		Virtual.wait
	END
	background "$BUILD/virtualing" order.rb
	wait_for_virtual order-c
	wait_until 10 eval '[ "$(wc -l <background.0)" = 3 ]'
	kill -TERM $!
	wait_until 10 process_is_gone $!
	equal "$(paste -sd ' ' background.0 | xargs)" "c b a"
}

# ---- one root for two ----

two_in_one_root() {
	local root=$1 first second
	first=$(unique first) second=$(unique second)
	start "$first" --root "$root"
	start "$second" --root "$root"
	kill "${BACKGROUND[$2]}"
	wait_until 10 process_is_gone "${BACKGROUND[$2]}"
	is_running "$([ "$2" = 0 ] && echo "$second" || echo "$first")" || fail "the other one does not run"
	equal "$(virtualing run --root "$root" -- sh -c 'echo > /dev/null && echo here')" here
	kill "${BACKGROUND[@]}" 2>/dev/null
	wait_until 10 process_is_gone "${BACKGROUND[0]}" && wait_until 10 process_is_gone "${BACKGROUND[1]}"
}

@test "two virtuals share a root that they made; after both nothing is left, not even the root" {
	two_in_one_root "$PWD/new-root" 0
	[ ! -e new-root ] || fail "left: $(find new-root)"
}

@test "two virtuals share a root and the second ends first" {
	two_in_one_root "$PWD/new-root" 1
	[ ! -e new-root ] || fail "left: $(find new-root)"
}

@test "what was in a root before stays, and nothing comes along" {
	local root
	root=$(root_make)
	mkdir "$root/srv" "$root/etc"
	echo mine >"$root/srv/file"
	echo own >"$root/etc/hosts"
	"$TESTS/census" --tree "$root" >before
	equal "$(virtualing run --root "$root" -- cat /srv/file /etc/hosts)" "$(printf 'mine\nown')"
	"$TESTS/census" --tree "$root" >after
	diff <(grep ^tree before) <(grep ^tree after)
}

@test "what the command writes into its root stays after it" {
	local root
	root=$(root_make)
	mkdir "$root/srv"
	virtualing run --root "$root" -- sh -c 'echo written > /srv/file'
	equal "$(cat "$root/srv/file")" written
}
