# What is told of what happens: events, the report, and the truth about a kill.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154
load helpers
load guarded

# bats test_tags=guest
@test "events are followed until the virtual has ended" {
	background grown -- sh -c "sleep 1; $EAT page 100"
	wait_for_virtual "$NAME"
	run timeout 60 "$BUILD/virtualing" events -f "$NAME"
	equal "$status" 0
	equal "$(awk '{ print $4 }' <<<"$output" | tr -d : | tr '\n' ' ')" "started rescued grew rescued grew exit "
}

# followed TYPE COUNT: whether so many events of this type have been heard by the first in the background
followed() { [ "$(grep -c " $NAME $1" "$BATS_TEST_TMPDIR/background.0")" = "$2" ]; }

# bats test_tags=guest
@test "all are followed without a name: who comes later, who comes again, and before there is a folder of them" {
	background unshare --mount bash -c 'mount -t tmpfs none /run && touch ready && exec "$0" events -f' "$BUILD/virtualing"
	wait_until 10 test -e ready
	sleep 0.3
	! process_is_gone $! || fail "it has ended" "$(<"$BATS_TEST_TMPDIR/background.0")"
	for round in 1 2; do
		nsenter --mount="/proc/${BACKGROUND[0]}/ns/mnt" "$BUILD/virtualing" run --name "$NAME" -- sleep 0.5
		wait_until 5 followed exit "$round" || fail "$(<"$BATS_TEST_TMPDIR/background.0")"
	done
	followed started 2 || fail "$(<"$BATS_TEST_TMPDIR/background.0")"
	kill "${BACKGROUND[0]}"
	wait_until 5 process_is_gone "${BACKGROUND[0]}"
}

@test "a supervisor that hangs keeps nobody from following the others, and is heard when it goes on" {
	background "$BUILD/virtualing" events -f
	start "$NAME-asleep"
	kill -STOP $!
	"$BUILD/virtualing" events -f >later &
	BACKGROUND+=($!)
	start "$NAME"
	wait_until 3 followed started 1 || fail "$(<"$BATS_TEST_TMPDIR/background.0")"
	wait_until 3 grep -q " $NAME started" later
	! grep asleep later || fail "who has answered?"
	kill -CONT "${BACKGROUND[1]}"
	wait_until 3 grep -q " $NAME-asleep started" later
	virtualing stop "$NAME-asleep"
	virtualing stop "$NAME"
	wait_until 3 followed exit 1
	wait_until 3 grep -q " $NAME-asleep exit" later
	equal "$(grep -c " $NAME-asleep started" "$BATS_TEST_TMPDIR/background.0")" 1
}

@test "who may not ask for events is told so" {
	start "$NAME"
	for follow in "" -f; do
		run -125 timeout 5 setpriv --reuid 65534 --regid 65534 --clear-groups /proc/self/fd/9 events $follow 9<"$BUILD/virtualing"
		has "$output" " belongs to root: run it with sudo"
	done
}

@test "what was set is told" {
	cat >"$NAME.rb" <<-END
		v = Virtual.new(:resource => { :name => "$NAME", :memory => "64M", :pids => 10 }, :jail => { :cmnd => "sleep 1" }).start
		v.memory.limit += 32 * 1024 * 1024
		system "$BUILD/virtualing set $NAME pids=20 memory=max && $BUILD/virtualing events $NAME"
	END
	chmod 644 "$NAME.rb"
	run timeout 20 "$BUILD/virtualing" "$NAME.rb"
	has "$output" "$NAME set memory=96M: usage "
	has "$output" "$NAME set pids=20 memory=max: usage "
}

# many COUNT COMMAND: a file with so many virtuals that run it, all of which are there when it returns
many() {
	printf '%s.times { |i| Virtual.new(:resource => { :name => "%s-#{i}" }, :jail => { :cmnd => "%s" }).start }\n' \
		"$1" "$NAME" "$2" >"$NAME.rb"
	chmod 644 "$NAME.rb"
	background "$BUILD/virtualing" "$NAME.rb"
	wait_until 60 is_running "$NAME-$(($1 - 1))"
}

@test "who follows more virtuals of a file than a virtual has clients keeps nobody else from them" {
	many 70 "sleep 300"
	background "$BUILD/virtualing" events -f
	wait_until 20 eval '[ "$(grep -c "$NAME-.* started" "$BATS_TEST_TMPDIR/background.1")" = 70 ]' ||
		fail "followed: $(grep -c "$NAME-" "$BATS_TEST_TMPDIR/background.1")"
	virtualing show "$NAME-3" >/dev/null
	virtualing stop "$NAME-3"
	kill "${BACKGROUND[0]}" # and with it all that it started
	wait_until 30 process_is_gone "${BACKGROUND[0]}"
	equal "$(grep -c "$NAME-.* exit" "$BATS_TEST_TMPDIR/background.1")" 70
}

# bats test_tags=guest
@test "a report tells of a life in one object" {
	run timeout 60 "$BUILD/virtualing" run --quiet --name "$NAME" --memory 64M --swap 0 --grow step=64M,ceiling=1G,at=100% \
		--report "$PWD/report" -- "$EAT" page 100
	equal "$status" 0
	equal "$(jq -c '[.name, .status, .limits_at_start.memory, .limits_at_end.memory, .events.rescued, .events.grew, .oom_kills]' report)" \
		"[\"$NAME\",0,67108864,134217728,1,1,0]"
	[ "$(jq .memory_peak report)" -gt $((100 << 20)) ] || fail "peak $(jq .memory_peak report)"
}

@test "what did not run has a report, too, in the place of an older one" {
	local row
	# A program that cannot be executed is found while it is started, one that is not there before anything is.
	for row in "126 $PWD/text execute $PWD/text: Permission denied" "127 nosuch command not found: nosuch"; do
		read -r wanted command error <<<"$row"
		echo '{"old":1}' >report
		echo >text
		run "-$wanted" "$BUILD/virtualing" run --name "$NAME" --report "$PWD/report" -- "$command"
		equal "$(jq -c '[.name, .status]' report)" "[\"$NAME\",$wanted]"
		has "$(jq -r .error report)" "$error"
	done
	background "$BUILD/virtualing" run --name "$NAME" -- sleep 300
	wait_for_virtual "$NAME"
	run "$BUILD/virtualing" run --name "$NAME" --report "$PWD/report" -- true
	equal "$(jq -c '[.name, .status]' report)" "[\"$NAME\",125]"
	virtualing stop "$NAME"
}

@test "a report that cannot be is refused before anything is made" {
	local path
	ln -s target link
	for path in "$PWD/no/where: cannot make $PWD/no/where: $PWD/no: No such file or directory" "$PWD: $PWD is a directory" \
		"$PWD/link: $PWD/link is a symbolic link, which is not followed" "/dev/null: /dev/null is no regular file"; do
		refused 125 "--report: ${path#*: }" "$BUILD/virtualing" run --report "${path%%:*}" -- touch made
		[ ! -e made ] || fail "it ran with $path"
	done
	printf 'Virtual.new(:report => "/dev/null", :jail => { :cmnd => "true" }).run\n' >"$NAME.rb"
	refused 125 "$NAME.rb:1: :report: /dev/null is no regular file" "$BUILD/virtualing" check "$NAME.rb"
}

@test "a report that cannot be written is told, and is nobody else's file" {
	mkdir folder
	background "$BUILD/virtualing" run --name "$NAME" --report "$PWD/folder/report" -- sleep 300
	wait_for_virtual "$NAME"
	ln -s "$PWD/target" folder/report # as the program could, were it its folder
	virtualing stop "$NAME"
	wait_until 10 process_is_gone $!
	has "$(<"$BATS_TEST_TMPDIR/background.0")" "$NAME: report: write $PWD/folder/report: it is no regular file, and is not replaced"
	equal "$(ls folder)" report files
	[ ! -e target ] || fail "it went through the link"
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

# bats test_tags=guest
@test "a kill is told with its victim, its limit, and what the memory was made of" {
	run timeout 60 "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --report "$PWD/report" -- "$EAT" page 150
	equal "$status" 137
	[[ $output =~ 'killed for memory by the kernel: 1 process (eat, pid '([0-9]+)') by its own limit, usage 6'[34][.0-9]*'M, limit 64M, peak 64M; anonymous 6'[0-9.]+'M, file '.*', shmem 0' ]] ||
		fail "$output"
	equal "$(jq -c '.killed | [.processes, .cause, .group, .victims[0].name, .victims[0].pid]' report)" \
		"[1,\"own\",null,\"eat\",${BASH_REMATCH[1]}]"
	[ "$(jq .killed.anonymous report)" -gt $((60 << 20)) ] || fail "$(cat report)"
	run timeout 60 "$BUILD/virtualing" run --name "$NAME" --memory 64M --swap 0 --report "$PWD/report" -- "$EAT" tmpfs 150
	[ "$(jq .killed.shmem report)" -gt $((60 << 20)) ] || [ "$(jq -r .killed.kernel report)" = null ] || fail "$(cat report)"
}

# bats test_tags=guest
@test "a kill for the limit of a group above is told with that group" {
	outer 40M
	cat >"$NAME.rb" <<-END
		v = Virtual.new(:resource => { :group => "/$OUTER/in", :name => "$NAME", :memory => "200M" },
		  :jail => { :cmnd => "$EAT page 100" })
		v.on(:killed) { |event| p [event.cause, event.group, event.group_limit, event.victims.map { |victim| victim.name }] }
		v.run
	END
	chmod 644 "$NAME.rb"
	run runs
	rmdir "$OUTER_DIRECTORY"
	has "$output" "(eat, pid "
	has "$output" ") by the limit of /$OUTER (40M), limit 200M, peak "
	has "$output" "[:outer, \"/$OUTER\", 41943040, [\"eat\"]]"
}

# bats test_tags=guest
@test "a guard does not keep a group above from its victim" {
	outer 40M
	cat >"$NAME.rb" <<-END
		Virtual.new(:resource => { :group => "/$OUTER/in", :name => "$NAME", :memory => "200M", :swap => 0,
		    :grow => { :step => "32M", :ceiling => "400M" } },
		  :jail => { :cmnd => "$EAT page 100" }).run
	END
	chmod 644 "$NAME.rb"
	run timeout 60 "$BUILD/virtualing" "$NAME.rb"
	rmdir "$OUTER_DIRECTORY"
	equal "$status" 137 "status of what said '$output'"
	has "$output" ") by the limit of /$OUTER (40M), limit 200M, peak "
}

# bats test_tags=guest
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
