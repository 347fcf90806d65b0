# The commands beside run: list, show, stop, kill, gc, check, doctor, and the help of each.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load helpers

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	NAME=$(unique "cmd")
}

config() { cat >"$1.rb"; }

# stubborn: a virtual $NAME that ignores SIGTERM and says so when it comes
stubborn() {
	background "$BUILD/virtualing" run --name "$NAME" "$@" -- \
		sh -c 'trap "echo TERM" TERM; echo ready; while :; do sleep 0.05; done'
	wait_for_virtual "$NAME"
	wait_until 10 grep -q ready "$BATS_TEST_TMPDIR/background.0"
}

# crash: the supervisor of the virtual that was started last is killed
crash() {
	kill -KILL "${BACKGROUND[-1]}"
	wait_until 10 process_is_gone "${BACKGROUND[-1]}"
}

# ms since START (microseconds)
ms_since() { echo $(((${EPOCHREALTIME/[.,]/} - $1) / 1000)); }

# ---- list ----

# bats test_tags=guest
@test "list shows name, pid, memory and its limit, CPU, uptime and state of each virtual" {
	start "$NAME-b" --memory 64M
	start "$NAME-a"
	run virtualing list
	equal "$status" 0
	has "${lines[0]}" NAME
	local names
	names=$(awk '{ print $1 }' <<<"$output")
	has "$names" "$NAME-a"$'\n'"$NAME-b" # sorted
	read -ra words < <(grep "^$NAME-b " <<<"$output")
	equal "$(cat "/proc/${words[1]}/comm")" sleep "program with pid ${words[1]}"
	equal "${words[3]}" 64M limit
	equal "${words[6]} ${words[8]}" "0 running" "rescues and state"
	read -ra words < <(grep "^$NAME-a " <<<"$output")
	equal "${words[3]}" max "limit of the one without"
}

@test "list --json has the same as numbers" {
	start "$NAME" --memory 64M
	run virtualing list --json
	equal "$(jq -r --arg n "$NAME" '.[] | select(.name == $n) | "\(.state) \(.usage.memory_limit) \(.supervisor)"' <<<"$output")" \
		"running 67108864 ${BACKGROUND[0]}"
	[ "$(jq --arg n "$NAME" '.[] | select(.name == $n) | .usage.memory > 0 and .uptime_ms >= 0' <<<"$output")" = true ]
}

@test "list without any virtual is a headline, and [] as JSON" {
	run unshare --mount bash -c 'mount -t tmpfs none /run && "$0" list && "$0" list --json' "$BUILD/virtualing"
	equal "$status" 0
	equal "${#lines[@]}" 2 lines
	equal "${lines[1]}" '[]'
}

@test "list shows a virtual whose supervisor was killed as such, with the remedy" {
	start "$NAME"
	crash
	run virtualing list
	equal "$(grep "^$NAME " <<<"$output" | tr -s ' ')" "$NAME - - - - - - - crashed: \`virtualing gc\` removes it"
	virtualing gc
}

# ---- show ----

# bats test_tags=guest
@test "show has each limit with the file that holds it and what stands in it, usage and processes" {
	local file
	start "$NAME" --memory 64M --pids 30 --cpu 30%
	run virtualing show "$NAME"
	equal "$status" 0
	has "${lines[0]}" "$NAME: running, pid "
	has "${lines[1]}" 'command: sleep 300'
	for key in memory pids cpu; do
		file=$(limit_file "$NAME" $key)
		[ -f "$file" ] || fail "$key: no such file: $file"
		grep -qE "^  $key +$(limit_row "$NAME" $key value) +$file\$" <<<"$output" || fail "$key does not stand in:" "$output"
		equal "$(cat "$file")" "$(limit_row "$NAME" $key value)" "$key"
	done
	has "$output" 'memory, peak'
	has "$output" 'CPU time'
}

@test "show lists all processes that are inside" {
	background "$BUILD/virtualing" run --name "$NAME" -- sh -c 'sleep 300 & sleep 300 & wait'
	wait_for_virtual "$NAME"
	wait_until 5 eval '[ "$(virtualing show --json "$NAME" | jq ".processes | length")" = 3 ]'
	virtualing show --json "$NAME" | jq -r '.processes[]' | while read -r pid; do
		grep -q "/virtualing/$NAME" "/proc/$pid/cgroup" || fail "process $pid is not inside"
	done
}

@test "show says root and vip" {
	net_make
	background nsenter --net="/proc/${NET_HOLDER[server]}/ns/net" "$BUILD/virtualing" run --name "$NAME" \
		--root "$BATS_TEST_TMPDIR/new" --vip 10.77.0.30@lan0 -- sleep 300
	wait_for_virtual "$NAME"
	run virtualing show "$NAME"
	has "$output" "root: $BATS_TEST_TMPDIR/new"
	has "$output" 'vip: 10.77.0.30 on lan0'
	virtualing stop "$NAME"
}

@test "the description that show has can be started again and gives the same" {
	start "$NAME" --memory 64M --cpu 1.5 --root "$BATS_TEST_TMPDIR/new" --tmpfs /x:1M --env A=B
	virtualing show --json "$NAME" | jq -S .description >first
	virtualing stop "$NAME"
	{
		echo "Virtual.new("
		jq . first
		echo ").run"
	} >again.rb
	run virtualing check --json again.rb
	equal "$(jq -S '.virtuals[0]' <<<"$output")" "$(cat first)"
}

@test "others than root do not get at a virtual" {
	start "$NAME"
	run setpriv --reuid 65534 --regid 65534 --clear-groups /proc/self/fd/9 show "$NAME" 9<"$BUILD/virtualing"
	equal "$status" 125
	case $output in *"pid "*) fail "shown: $output" ;; esac
	run setpriv --reuid 65534 --regid 65534 --clear-groups /proc/self/fd/9 stop "$NAME" 9<"$BUILD/virtualing"
	equal "$status" 125
	is_running "$NAME"
}

# ---- stop, kill ----

@test "stop asks with SIGTERM, and returns when nothing is left" {
	start "$NAME" --root "$BATS_TEST_TMPDIR/new"
	virtualing stop "$NAME"
	[ ! -e "$BATS_TEST_TMPDIR/new" ] || fail "left: $(find "$BATS_TEST_TMPDIR/new")"
	[ ! -e "/run/virtualing/$NAME" ] || fail "the state folder is left"
	wait_until 5 process_is_gone "${BACKGROUND[0]}"
}

# bats test_tags=guest
@test "stop kills what does not heed SIGTERM after --timeout, in a jail too" {
	local start
	for options in "" "--root $BATS_TEST_TMPDIR/new"; do
		BACKGROUND=()
		# shellcheck disable=SC2086 # a list of options
		stubborn $options
		start=${EPOCHREALTIME/[.,]/}
		virtualing stop "$NAME" --timeout "$PATIENCE"
		equal "$(cat background.0)" "$(printf 'ready\nTERM')"
		at_most $((950 * PATIENCE)) "$(ms_since "$start")" "ms that it got"
		at_most "$(ms_since "$start")" $((8000 * PATIENCE)) "ms that it took"
		wait_until 5 process_is_gone "${BACKGROUND[0]}"
	done
}

@test "stop without --timeout gives a virtual its own --stop-timeout" {
	local start=${EPOCHREALTIME/[.,]/}
	stubborn --stop-timeout 0.5
	virtualing stop "$NAME"
	at_most "$(ms_since "$start")" 8000 "ms that it took"
	wait_until 5 process_is_gone "${BACKGROUND[0]}"
}

@test "stop --timeout 0 kills at once; a second stop cuts the first one's time short" {
	local start=${EPOCHREALTIME/[.,]/}
	stubborn
	virtualing stop "$NAME" --timeout 0
	wait_until 5 process_is_gone "${BACKGROUND[0]}"
	BACKGROUND=()
	stubborn
	background "$BUILD/virtualing" stop "$NAME" --timeout 60
	wait_until 5 grep -q TERM background.0
	virtualing stop "$NAME"
	wait_until 5 process_is_gone "${BACKGROUND[1]}"
	at_most "$(ms_since "$start")" 15000 ms
}

@test "stop wakes a program that was stopped" {
	background "$BUILD/virtualing" run --name "$NAME" -- sh -c 'kill -STOP $$; sleep 300'
	wait_for_virtual "$NAME"
	virtualing stop "$NAME" --timeout 20
	local status=0
	wait "${BACKGROUND[0]}" || status=$?
	equal $status 143 status
}

@test "the status after stop is the command's" {
	background "$BUILD/virtualing" run --name "$NAME" -- sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done'
	wait_until 10 grep -q ready background.0
	wait_for_virtual "$NAME"
	virtualing stop "$NAME"
	local status=0
	wait "${BACKGROUND[0]}" || status=$?
	equal $status 7 status
}

@test "kill sends TERM, or --signal by name and number, to the main process only" {
	background "$BUILD/virtualing" run --name "$NAME" --root "$(root_make)" -- sh -c 'for s in HUP USR1 USR2 TERM; do
		trap "echo $s" $s; done; sh -c "trap \"echo child\" HUP USR1; echo ready; while :; do sleep 0.05; done" &
		while :; do sleep 0.05; done'
	wait_for_virtual "$NAME"
	wait_until 10 grep -q ready background.0
	virtualing kill "$NAME" --signal USR1
	wait_until 5 grep -q USR1 background.0
	virtualing kill "$NAME" -s SIGHUP
	wait_until 5 grep -q HUP background.0
	virtualing kill "$NAME" --signal=12
	wait_until 5 grep -q USR2 background.0
	virtualing kill "$NAME"
	wait_until 5 grep -q TERM background.0
	equal "$(paste -sd ' ' background.0)" "ready USR1 HUP USR2 TERM"
	virtualing kill "$NAME" -s9
	local status=0
	wait "${BACKGROUND[0]}" || status=$?
	equal $status 137 status
}

@test "kill knows every signal that \`kill -l\` lists, and no other" {
	local signal
	for signal in $(compgen -A signal SIG); do
		case $signal in
		SIGJUNK*) ;;
		*) refused 125 'no virtual is called none-of-this-name' "$BUILD/virtualing" kill none-of-this-name --signal "$signal" ;;
		esac
	done
	for signal in RTMIN+31 RTMAX-31 RTMIN-1 RTMAX+1 RTMIN+ RTMINX RTMIN+1x 65 IOX ''; do
		refused 125 "kill: --signal: \"$signal\" is not a signal" "$BUILD/virtualing" kill "$NAME" --signal="$signal"
	done
	start "$NAME"
	virtualing kill "$NAME" --signal RTMIN+1
	local status=0
	wait "${BACKGROUND[0]}" || status=$?
	equal $status $((128 + 35)) status
}

# ---- gc ----

# bats test_tags=guest
@test "a supervisor that is killed takes its program along, and gc removes the rest" {
	local pid
	start "$NAME" --memory 64M --root "$BATS_TEST_TMPDIR/new"
	pid=$(virtualing show --json "$NAME" | jq .pid)
	crash
	wait_until 5 process_is_gone "$pid"
	[ -d "$BATS_TEST_TMPDIR/new" ] || fail "there is nothing to be removed"

	run virtualing gc --dry-run
	equal "$status" 0
	has "$output" "would remove $NAME: group $(dirname "$(group_dir "$NAME" memory)")/$NAME"
	has "$output" "would remove $NAME: dir "
	has "$output" "would remove $NAME: its state folder"
	[ -d "/run/virtualing/$NAME" ] && [ -d "$BATS_TEST_TMPDIR/new" ] || fail "a dry run removes something"

	run virtualing gc
	equal "$status" 0
	has "$output" "removing $NAME: its state folder"
	[ ! -e "$BATS_TEST_TMPDIR/new" ] || fail "left: $(find "$BATS_TEST_TMPDIR/new")"
	run virtualing gc
	equal "$status" 0
	case $output in *"$NAME"*) fail "a second time: $output" ;; esac
}

@test "gc leaves alone what runs" {
	start "$NAME"
	run virtualing gc
	case $output in *"$NAME"*) fail "$output" ;; esac
	is_running "$NAME"
}

@test "the next start of the same name removes what was left, says so, and runs" {
	start "$NAME" --root "$BATS_TEST_TMPDIR/new"
	crash
	run --separate-stderr virtualing run --name "$NAME" --root "$BATS_TEST_TMPDIR/new" -- echo again
	equal "$status" 0
	equal "$output" again
	equal "$stderr" "virtualing: $NAME: removed what an earlier run left behind when its supervisor was killed"
	[ ! -e "$BATS_TEST_TMPDIR/new" ] || fail "left: $(find "$BATS_TEST_TMPDIR/new")"
}

@test "gc removes a group of ours that no state folder knows" {
	local group
	group=$(group_dir "$NAME" memory)
	mkdir -p "$group"
	run virtualing gc --dry-run
	has "$output" "would remove $NAME: group $group"
	virtualing gc
	[ ! -e "$group" ] || fail "$group is left"
}

# ---- check ----

@test "check evaluates, says how many virtuals there are, and starts nothing" {
	config web <<-END
		3.times { |i| Virtual.new({ :resource => { :name => "$NAME-#{i}" },
		  :jail => { :cmnd => "touch $PWD/ran", :root => "$PWD/new" } }).start }
		p Virtual.wait
	END
	run virtualing check web.rb
	equal "$status" 0
	has "$output" 'web.rb: 3 virtuals, nothing wrong'
	[ ! -e ran ] && [ ! -e new ] || fail "something was made: $(ls)"
}

@test "check finds blocks that run would refuse" {
	config "$NAME" <<-END
		v = Virtual.new(:resource => { :name => "$NAME" }, :jail => { :cmnd => "true" })
		v.on(:bogus) { }
		v.on(:usage, "x") { }
		v.run
	END
	run -125 virtualing check "$NAME.rb"
	equal "$output" "$NAME.rb:2: there is no event :bogus: there are :oom, :usage, :pressure, :killed and :exit
$NAME.rb:3: :usage needs a size like 4194304, \"64M\" or \"80%\" of the limit, not \"x\""
	local checked=$output
	run -125 virtualing "$NAME.rb"
	equal "$output" "$checked"
}

@test "check finds a name that is taken when a virtual starts, unless the end of the first is waited for" {
	local way
	config "$NAME" <<-END
		one = Virtual.new(:resource => { :name => "$NAME" }, :jail => { :cmnd => "sleep 0.3" })
		two = Virtual.new(:resource => { :name => "$NAME" }, :jail => { :cmnd => "true" })
		eval ARGV[0]
	END
	for way in 'one.run; two.run' 'one.start.wait; two.start' 'one.start; Virtual.wait; two.run' 'one.start; one.stop; two.run' \
		'one.run; one.run'; do
		run virtualing check "$NAME.rb" "$way"
		equal "$output" "$NAME.rb: 2 virtuals, nothing wrong" "what check says of '$way'"
		run virtualing "$NAME.rb" "$way"
		equal "$output" "" "what run says of '$way'"
	done
	for way in 'one.start; two.start' 'one.start; two.run; p 1'; do
		run -125 virtualing check "$NAME.rb" "$way"
		has "$output" "$NAME.rb:2: a virtual called $NAME has been started before, and nothing has waited for its end: wait for it,"
		run virtualing "$NAME.rb" "$way"
		has "$output" "$NAME.rb:2: $NAME is already running"
	done
}

@test "check --json prints the whole description in today's words, and what is wrong" {
	config web <<-'END'
		Virtual.new({ :resource => { :group => "web", :mem => 64 * 1024 * 1024, :cpu_quota => 30000 },
		  :jail => { :cmnd => "httpd -X", :root => ARGV[0], :bind => "/usr/local" } }).run
	END
	mkdir -p /usr/local
	run --separate-stderr virtualing check --json web.rb "$PWD/new"
	equal "$(jq -c '[.ok, (.virtuals | length), .faults[0].key, .faults[0].line]' <<<"$output")" '[false,0,"cmnd",2]'
	sed -i 's/httpd/true/' web.rb
	run --separate-stderr virtualing check --json web.rb "$PWD/new"
	equal "$status" 0
	equal "$(jq -c '.virtuals[0] | [.resource.name, .resource.memory, .resource.cpu, .jail.cmnd, .jail.root, .jail.bind[0]]' <<<"$output")" \
		"[\"web\",67108864,\"30%\",[\"true\",\"-X\"],\"$PWD/new\",\"/usr/local\"]"
	[ ! -e new ]
}

@test "check without root tells what is wrong with a file" {
	config web <<<'Virtual.new({ :resource => { :memroy => 1 }, :jail => { :cmnd => "true" } }).run'
	chmod 755 "$BATS_TEST_TMPDIR"
	cp "$BUILD"/virtualing{,-ruby} .
	cp -r . /tmp/"$NAME" # the way to the tests' own directory is closed to others
	run setpriv --reuid 65534 --regid 65534 --clear-groups bash -c 'cd /tmp/$0 && ./virtualing check web.rb' "$NAME"
	rm -r "/tmp/${NAME:?}"
	equal "$status" 125
	equal "$output" 'web.rb:1: resource: unknown key :memroy (did you mean :memory?)'
}

# ---- doctor ----

# bats test_tags=guest
@test "doctor tries, tells each thing with its reason, and leaves nothing" {
	run virtualing doctor
	equal "$status" 0
	has "$output" "control groups: $(host_kind)"
	has "$output" 'yes  run a command in a cage'
	has "$output" 'yes  run a command in a jail'
	has "$output" 'yes  limit memory'
	has "$output" 'yes  have a network namespace'
	equal "$(grep -vcE '^(yes|no) +[a-zA-Z]' <<<"$output")" 0 "lines of another kind"
	equal "$(grep -E '^no ' <<<"$output" | grep -vcE ': .')" 0 "refusals without a reason"
	has "$output" 'yes  wait instead of being killed'
	if [ "$(host_kind)" = v2 ]; then
		has "$output" 'yes  throttle by memory-high'
	else
		has "$output" 'no   throttle by memory-high'
	fi
}

@test "doctor --json has the same" {
	run virtualing doctor --json
	equal "$status" 0
	equal "$(jq 'map(select(.what == "limit memory" and .able)) | length' <<<"$output")" 1
	equal "$(jq 'map(select((.what | length) == 0 or (.able | not) and (.reason | length) == 0)) | length' <<<"$output")" 0
}

@test "doctor without root says so, and ends with 125" {
	run setpriv --reuid 65534 --regid 65534 --clear-groups /proc/self/fd/9 doctor 9<"$BUILD/virtualing"
	equal "$status" 125
	has "$output" 'no   run a command in a cage'
	has "$output" 'root'
}

# ---- help ----

@test "every command has help with its usage, on standard output, in 80 columns" {
	local command known=(run attach check list show exec stop kill pause resume set events plot top gc doctor)
	run --separate-stderr virtualing --help
	equal "$status" 0
	equal "$stderr" ""
	equal "$(sed -n 's/^  \([a-z]\+\) .*/\1/p' <<<"$output" | paste -sd ' ')" "${known[*]}" "commands in the help"
	equal "$(awk '/^  [^ ]/ && substr($0, 29, 2) !~ /^ [a-z]/' <<<"$output")" "" "rows whose help begins elsewhere"
	has "$output" $'\n  --version '
	for command in "${known[@]}"; do
		run --separate-stderr virtualing "$command" --help
		equal "$status" 0
		equal "$stderr" ""
		has "${lines[0]}" "Usage: virtualing $command"
		has "$output" '--help'
		at_most "$(awk '{ if (length > most) most = length } END { print most }' <<<"$output")" 80 "columns of the help of $command"
		run virtualing "$command" -h
		equal "$status" 0
	done
}

@test "help of run has every limit and every wall" {
	run virtualing run --help
	for option in name memory memory-high swap cpu cpu-weight cpus pids hugetlb io oom-group root bind ro-bind tmpfs read-only \
		user caps filter limits hostname env clear-env workdir share no-init plain-chroot vip; do
		has "$output" "--$option"
	done
}

@test "--version" {
	run virtualing --version
	equal "$status" 0
	[[ $output =~ ^virtualing\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$output"
}

@test "what cannot be printed is an error" {
	run --separate-stderr bash -c '"$0" --help >/dev/full' "$BUILD/virtualing"
	equal "$status" 125
	run --separate-stderr bash -c '"$0" list --json >/dev/full' "$BUILD/virtualing"
	equal "$status" 125
}
