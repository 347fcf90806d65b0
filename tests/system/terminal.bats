# On a terminal: the keys, job control, a shell inside, hanging up, and pipes that close.
# not in the guest: the terminal knows nothing of control groups

# Scripts in quotes are for a shell inside.
# shellcheck disable=SC1003,SC2016,SC2030,SC2031,SC2154
load helpers

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	ROOT=$(root_make)
	RUN="$BUILD/virtualing run"
}

# play: runs an interactive shell on a terminal of its own and types the script (standard input) at it; what was printed
# is in ./said
play() {
	PS1='ready> ' TERM=dumb "$BATS_TEST_DIRNAME/terminal.py" bash --norc --noprofile --noediting -i >said ||
		fail "what was printed:" "$(cat said)"
}

# each_way COMMAND...: in a cage alone, in a jail, and in a jail without init; OPTIONS holds which
each_way() {
	for OPTIONS in "" "--root $ROOT" "--root $ROOT --no-init"; do
		"$@" || fail "with options: $OPTIONS"
	done
}

# ---- keys ----

key_ends() { # key_ends KEY STATUS
	play <<-END
		expect ready>
		line $RUN $OPTIONS -- sh -c 'echo runs; exec sleep 300'
		expect runs
		pause 0.2
		key $1
		expect ready>
		line echo "status \$?"
		expect status $2
		line exit
		end
	END
}

@test "Ctrl-C ends the command and virtualing, with status 130" { OPTIONS='' key_ends C-c 130; }

@test "Ctrl-C in a jail does the same" { OPTIONS="--root $ROOT" key_ends C-c 130; }

@test "Ctrl-\\ ends them with status 131" {
	OPTIONS='--limits core=0' key_ends 'C-\' 131
	OPTIONS="--root $ROOT --limits core=0" key_ends 'C-\' 131
}

program_decides() {
	export CODE='n=0; trap "n=\$((n + 1)); echo caught \$n" INT; echo runs
		while [ $n -lt 2 ]; do sleep 0.1; done; sleep 0.3; echo over; exit 5'
	play <<-END
		expect ready>
		line $RUN $OPTIONS -- sh -c "\$CODE"
		expect runs
		pause 0.2
		key C-c
		expect caught 1
		pause 0.3
		key C-c
		expect caught 2
		expect over
		never caught 3
		expect ready>
		line echo "status \$?"
		expect status 5
		line exit
		end
	END
}

@test "a program that catches Ctrl-C gets it once each time and goes on; its status is kept" { each_way program_decides; }

@test "Ctrl-C while a file's virtuals run ends them all" {
	cat >two.rb <<-END
		2.times { |n| Virtual.new({ :resource => { :name => "two-#{n}-$$" },
		  :jail => { :cmnd => ["sh", "-c", "echo runs #{n}; exec sleep 300"] } }).start }
		Virtual.wait
	END
	play <<-END
		expect ready>
		line $BUILD/virtualing two.rb
		expect runs
		expect runs
		pause 0.2
		key C-c
		expect ready>
		line exit
		end
	END
}

@test "a shell's loop stops on Ctrl-C" {
	play <<-END
		expect ready>
		line for i in 1 2 3; do $RUN -- sh -c "echo round \$i; exec sleep 300"; done; echo "behind the loop"
		expect round 1
		pause 0.2
		key C-c
		expect ready>
		never round 2
		line exit
		end
	END
}

# ---- job control ----

stop_and_go() {
	play <<-END
		expect ready>
		line $RUN $OPTIONS -- sh -c 'echo runs; read word; echo "read \$word"; exit 6'
		expect runs
		pause 0.2
		key C-z
		expect Stopped
		expect ready>
		line jobs
		expect Stopped.*virtualing
		line fg
		pause 0.2
		line hello
		expect read hello
		expect ready>
		line echo "status \$?"
		expect status 6
		line exit
		end
	END
}

@test "Ctrl-Z stops command and virtualing, fg lets them go on, and the terminal is the command's again" {
	OPTIONS='' stop_and_go
	OPTIONS="--root $ROOT" stop_and_go
}

@test "Ctrl-Z and bg: it goes on in the background and ends there" {
	play <<-END
		expect ready>
		line $RUN --root $ROOT -- sh -c 'echo runs; sleep 0.5; sleep 0.5; echo over > /tmp/over; sleep 0.2'
		expect runs
		pause 0.2
		key C-z
		expect Stopped
		line bg
		expect ready>
		line wait; echo "waited \$?"
		expect waited 0
		line exit
		end
	END
}

# several: a file with a program that says what comes to it, and one that stops itself when ./stop is there
several() {
	cat >several.rb <<-END
		a = Virtual.new(:resource => { :name => "$(unique several-a)" },
		  :jail => { :cmnd => ["sh", "-c", 'echo runs; while [ ! -e over ]; do sleep 0.1; done'] })
		b = Virtual.new(:resource => { :name => "$(unique several-b)" },
		  :jail => { :cmnd => ["sh", "-c", 'until [ -e stop -o -e over ]; do sleep 0.1; done; [ -e over ] || kill -TSTP \$\$
		    while [ ! -e over ]; do sleep 0.1; done'] })
		[a, b].each { |v| v.start }
		[a, b].each { |v| v.wait }
	END
}

@test "Ctrl-Z stops several programs and virtualing, and fg lets all go on" {
	several
	play <<-END
		expect ready>
		line $BUILD/virtualing several.rb
		expect runs
		pause 0.3
		key C-z
		expect Stopped
		expect ready>
		line fg
		pause 0.3
		key C-z
		expect Stopped
		expect ready>
		line touch over; fg
		expect ready>
		line echo "status \$?"
		expect status 0
		line exit
		end
	END
}

@test "one of several programs that stops itself does not stop who watches over the others" {
	several
	play <<-END
		expect ready>
		line $BUILD/virtualing several.rb &
		expect runs
		line touch stop
		pause 0.5
		line ps -o stat= -p \$!; jobs
		expect S
		expect Running.*virtualing
		line touch over; pkill -CONT -P \$! sh; wait \$!; echo "status \$?"
		expect status 0
		line exit
		end
	END
}

@test "a background job that reads is stopped, and reads when it comes to the foreground" {
	play <<-END
		expect ready>
		line $RUN -- sh -c 'read word; echo "read \$word"' &
		pause 0.5
		line jobs
		expect Stopped.*virtualing
		line fg
		pause 0.3
		line hello
		expect read hello
		expect ready>
		line exit
		end
	END
}

@test "a background job that does not read runs while the shell goes on" {
	play <<-END
		expect ready>
		line $RUN --root $ROOT -- sleep 1 &
		expect ready>
		line echo "meanwhile"
		expect meanwhile
		line wait %1; echo "waited \$?"
		expect waited 0
		line exit
		end
	END
}

# ---- a shell inside ----

shell_inside() {
	play <<-END
		expect ready>
		line $RUN $OPTIONS --env 'PS1=inside> ' -- bash --norc --noprofile --noediting -i
		expect inside>
		never no job control
		line sleep 300
		pause 0.3
		key C-z
		expect Stopped.*sleep
		expect inside>
		line fg
		pause 0.3
		key C-c
		expect inside>
		line echo "status \$?"
		expect status 130
		line sh -c 'exit 9'
		line exit
		expect ready>
		line echo "outer \$?"
		expect outer 9
		line cat
		pause 0.2
		line the terminal is ours
		expect the terminal is ours
		key C-d
		expect ready>
		line exit
		end
	END
}

@test "a shell inside has its own job control, and the terminal is given back" { each_way shell_inside; }

@test "when a shell inside is killed while its child has the terminal, the outer shell gets it back" {
	local name
	name=$(unique shell)
	play <<-END
		expect ready>
		line (sleep 1; $BUILD/virtualing kill $name --signal KILL) >/dev/null 2>&1 &
		expect ready>
		line $RUN --name $name --env 'PS1=inside> ' --root $ROOT -- bash --norc --noprofile --noediting -i
		expect inside>
		line echo "inside begins"; sleep 300
		expect inside begins
		expect ready>
		line echo "status \$?"
		expect status 137
		line cat
		pause 0.2
		line the terminal is ours
		expect the terminal is ours
		key C-d
		expect ready>
		line exit
		end
	END
}

@test "the command sees a terminal, of the same size, and can change its modes" {
	play <<-END
		expect ready>
		line stty rows 33 cols 77
		line $RUN --root $ROOT -- sh -c 'test -t 0 && test -t 1 && test -t 2 && stty size && stty -icanon && echo changed'
		expect 33 77
		expect changed
		line stty -a; stty icanon
		expect -icanon
		expect ready>
		line exit
		end
	END
}

# ---- hanging up ----

hung_up() {
	local word
	word=$(unique hangup)
	WORK=$word play <<-END
		expect ready>
		line $RUN $OPTIONS -- sh -c 'echo runs; exec sleep 300'
		expect runs
		hangup
		end
	END
	wait_until 5 eval "! grep -qszx WORK=$word /proc/[0-9]*/environ" || fail "it lives on"
}

@test "when the terminal goes away, so do command and virtualing" {
	OPTIONS='' hung_up
	OPTIONS="--root $ROOT" hung_up
}

@test "with nohup it stays" {
	local name
	name=$(unique nohup)
	play <<-END
		expect ready>
		line nohup $RUN --name $name -- sleep 300 >/dev/null 2>&1 &
		pause 0.5
		hangup
		end
	END
	sleep 0.3
	is_running "$name"
	virtualing stop "$name"
}

# ---- pipes ----

pipe_closes() {
	local status
	# shellcheck disable=SC2086 # a list
	timeout 10 bash -c 'PATH=$PATH "$@" | head -n 1; exit "${PIPESTATUS[0]}"' bash "$BUILD/virtualing" run $OPTIONS -- yes >out 2>err ||
		status=$?
	equal "$(cat out)" y
	equal "$(cat err)" ""
	equal "$status" 141 "status of the writer"
}

@test "output into a pipe that is closed ends the command by SIGPIPE, without a word" {
	OPTIONS='' pipe_closes
	OPTIONS="--root $ROOT" pipe_closes
}

@test "virtualing's own output into a closed pipe ends it quietly too" {
	local name
	name=$(unique pipe)
	start "$name"
	for command in "list" "show $name" "show --json $name" "run --help" doctor; do
		# shellcheck disable=SC2086 # words
		virtualing $command 2>err | true
		equal "$(cat err)" "" "$command"
	done
}
