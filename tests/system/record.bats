# Recordings, and what `plot` makes of them.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154
load helpers
load guarded

# recorded OPTION... -- CMD...: runs it to its end, recorded in $PWD/a.rec
recorded() { run timeout 60 "$BUILD/virtualing" run --quiet --name "$NAME" --record "$PWD/a.rec" "$@"; }

# figures FILTER [RECORDING]: what jq makes of the recording
figures() { virtualing plot "${2:-$PWD/a.rec}" --json | jq -c "$1"; }

types() { figures '[.events[].type]'; }

# bats test_tags=guest
@test "a recording has the climb, the kill and who it was" {
	recorded --memory 64M --swap 0 -- "$EAT" page 150
	equal "$status" 137
	equal "$(types)" '["started","killed","exit"]'
	equal "$(figures '[.name, (.command | split("/") | last), .is_written]')" "[\"$NAME\",\"eat\",false]"
	equal "$(figures '.events[2] | [.text, .value]')" '["signal 9",137]'
	[[ $(figures '.events[1].text') == '"eat, pid '[0-9]*'"' ]] || fail "$(figures '.events[1]')"
	equal "$(figures '[.samples[].limit] | unique')" '[67108864]'
	equal "$(figures '[.samples[].peak] | max')" 67108864
	equal "$(figures '[.samples[].seconds] | . == sort')" true
}

@test "a recording has each step of the limit, with what it was before" {
	recorded --memory 64M --swap 0 --grow step=64M,ceiling=1G,at=100% -- "$EAT" page 180 300
	equal "$status" 0
	equal "$(types)" '["started","rescued","grew","rescued","grew","exit"]'
	equal "$(figures '[.events[] | select(.type == "grew") | .limit / 1048576]')" '[128,192]'
	equal "$(figures '[.samples[].limit / 1048576] | unique')" '[64,128,192]'
	[ "$(figures '[.samples[].memory] | max')" -gt $((175 << 20)) ] || fail "most: $(figures '[.samples[].memory] | max')"
}

# bats test_tags=guest
@test "CPU time, disks and pressure are recorded" {
	disk_make
	# With a limit, for without one cgroup v1 may count nothing.
	recorded --io "$DISK_MOUNT:write=1G" -- dd if=/dev/zero of="$DISK_MOUNT/file" bs=1M count=20 oflag=direct conv=fsync status=none
	equal "$status" 0
	[ "$(figures '[.samples[].io_write] | max')" -ge $((20 << 20)) ] || fail "written: $(figures '[.samples[].io_write] | max')"
	recorded -- timeout 1 sh -c 'while :; do :; done'
	[ "$(figures '[.samples[].cpu_us] | max')" -gt 100000 ] || fail "CPU: $(figures '[.samples[].cpu_us] | max')"
	[ ! -e /proc/pressure/cpu ] || [ "$(figures '[.samples[].cpu_wait_us] | max')" != null ] ||
		fail "$(figures '.samples[-1]')"
}

@test "a recording outlives a supervisor that is killed" {
	background "$BUILD/virtualing" run --quiet --name "$NAME" --record "$PWD/a.rec" -- sleep 300
	wait_for_virtual "$NAME"
	sleep 0.5
	equal "$(figures .is_written)" true
	kill -KILL "${BACKGROUND[-1]}"
	wait_until 5 process_is_gone "${BACKGROUND[-1]}"
	equal "$(types)" '["started"]'
	equal "$(figures .is_written)" false
	[ "$(figures '.seconds * 1000 | floor')" -ge 200 ] || fail "$(figures .seconds) s are recorded"
	virtualing plot a.rec -o a.svg
	has "$(<a.svg)" "its end was not recorded"
	recorded -- true # the name is free, and so is the file
	equal "$(types)" '["started","exit"]'
}

@test "a recording of processes that were let go says so" {
	background sleep 300
	background "$BUILD/virtualing" attach --quiet --name "$NAME" --record "$PWD/a.rec" "${BACKGROUND[0]}"
	wait_for_virtual "$NAME"
	virtualing stop --release "$NAME"
	virtualing plot a.rec -o a.svg
	has "$(<a.svg)" " · released<"
	has "$(<a.svg)" ">started 20"
}

@test "hours in which nothing happens take no room" {
	recorded -- sleep 4
	at_most "$(figures '[.samples[] | select(.seconds > 2)] | length')" 6 "samples of two seconds of sleep and the end"
	[ "$(figures '.samples[-1].seconds > 3.9')" = true ] || fail "$(figures '.samples[-1]')"
}

@test "a virtual is plotted by its name, while it runs and afterwards" {
	background "$BUILD/virtualing" run --quiet --name "$NAME" --record default -- sleep 300
	wait_for_virtual "$NAME"
	equal "$(stat -c %a "/var/lib/virtualing/$NAME.rec")" 600
	virtualing plot "$NAME" -o a.svg
	has "$(<a.svg)" "still running"
	virtualing stop "$NAME"
	virtualing plot "$NAME" -o a.svg
	rm "/var/lib/virtualing/$NAME.rec"
	rmdir /var/lib/virtualing 2>/dev/null || true # others' recordings stay
	has "$(<a.svg)" "ended by signal 15"
	recorded -- sleep 0.1
	refused 125 "there is no recording $NAME: neither a file" "$BUILD/virtualing" plot "$NAME" -o a.svg
}

@test "a script asks for a recording, too" {
	cat >"$NAME.rb" <<-END
		Virtual.new(:resource => { :name => "$NAME" }, :record => "$PWD/a.rec", :jail => { :cmnd => "true" }).run
	END
	chmod 644 "$NAME.rb"
	run timeout 60 "$BUILD/virtualing" "$NAME.rb"
	equal "$status" 0 "status of a script that said '$output'"
	equal "$(types)" '["started","exit"]'
	sed -i "s|:record => [^,]*|:record => true|" "$NAME.rb"
	equal "$(virtualing check --json "$NAME.rb" | jq -r '.. | objects | select(.record) | .record')" \
		"/var/lib/virtualing/$NAME.rec"
}

@test "pictures are well-formed, whatever events and names say" {
	local program=$PWD/'a<b>&"c"'
	cp "$EAT" "$program"
	recorded --memory 64M --swap 0 -- "$program" page 150
	cp a.rec b.rec
	recorded --memory 64M --swap 0 --grow step=64M,ceiling=1G,at=100% -- "$EAT" page 150
	virtualing plot a.rec b.rec -o both.svg
	python3 - <<-'END'
		import xml.etree.ElementTree
		words = [e.text for e in xml.etree.ElementTree.parse("both.svg").iter() if e.text]
		for wanted in ("limit 64 MiB", "limit 192 MiB", "grew to 128 MiB", "killed: a<b>&", "peak 64 MiB", "CPU"):
		    assert any(wanted in w for w in words), (wanted, words)
	END
	virtualing plot a.rec >a.svg
	equal "$(head -c 4 a.svg)" "<svg"
}

@test "a PNG is drawn where librsvg was there" {
	recorded -- true
	if [ ! -x "$BUILD/virtualing-png" ]; then
		refused 125 "built without librsvg: give -o FILE.svg" "$BUILD/virtualing" plot a.rec -o a.png
		skip "built without librsvg"
	fi
	virtualing plot a.rec -o a.png
	equal "$(head -c 8 a.png | od -An -tx1)" " 89 50 4e 47 0d 0a 1a 0a"
	cp "$BUILD/virtualing" alone
	refused 125 "built without librsvg: give -o FILE.svg" "$PWD/alone" plot a.rec -o b.png
	[ ! -e b.png ] || fail "something was left of a picture that was not drawn"
}

@test "CSV has a header, a line for each sample and each event, and nothing that a spreadsheet would run" {
	recorded --memory 64M --swap 0 -- "$EAT" page 150
	virtualing plot a.rec -o a.csv
	python3 - "$(figures '(.samples | length) + (.events | length)')" <<-'END'
		import csv, sys
		rows = list(csv.DictReader(open("a.csv", newline="")))
		assert len(rows) == int(sys.argv[1]), (len(rows), sys.argv[1])
		assert [r["event"] for r in rows if r["event"]] == ["started", "killed", "exit"], rows
		assert max(int(r["peak"] or 0) for r in rows) == 64 << 20, rows
	END
}

@test "what is no whole recording is refused with its name and why" {
	recorded -- true
	head -c 100000 a.rec >short.rec
	refused 125 "short.rec is cut short: 100000 of " "$BUILD/virtualing" plot short.rec -o a.svg
	head -c 100 a.rec >short.rec
	refused 125 "short.rec is cut short" "$BUILD/virtualing" plot short.rec -o a.svg
	: >empty.rec
	refused 125 "empty.rec is not a recording" "$BUILD/virtualing" plot empty.rec -o a.svg
	refused 125 "/etc/passwd is not a recording" "$BUILD/virtualing" plot /etc/passwd -o a.svg
	mkdir folder
	refused 125 "./folder is a directory" "$BUILD/virtualing" plot ./folder -o a.svg
	mkfifo pipe
	refused 125 "./pipe is not a file" "$BUILD/virtualing" plot ./pipe -o a.svg
	refused 125 "./nothing: No such file or directory" "$BUILD/virtualing" plot ./nothing -o a.svg
	refused 125 "there is no recording nothing" "$BUILD/virtualing" plot nothing -o a.svg
	printf '\377' | dd of=a.rec bs=1 seek=70 conv=notrunc status=none
	refused 125 "a.rec is damaged" "$BUILD/virtualing" plot a.rec -o a.svg
	[ ! -e a.svg ] || fail "a picture was written"
}

@test "where a picture cannot be written is said, and what is there stays" {
	recorded -- true
	refused 125 "write $PWD/no/where.svg: No such file or directory" "$BUILD/virtualing" plot a.rec -o "$PWD/no/where.svg"
	refused 125 "-o a.gif: the name ends neither in .svg" "$BUILD/virtualing" plot a.rec -o a.gif
	refused 125 "--json and --csv: give one" "$BUILD/virtualing" plot a.rec --json --csv
	refused 125 "plot: --json and -o c.svg, whose ending says svg: give one of them" "$BUILD/virtualing" plot a.rec --json -o c.svg
	refused 125 "plot: --csv and -o c.JSON, whose ending says json: give one of them" "$BUILD/virtualing" plot a.rec --csv -o c.JSON
	[ ! -e c.svg ] || fail "c.svg was made"
	virtualing plot a.rec --csv -o c.csv
	mkdir small
	mount -t tmpfs -o size=8k none small
	echo old >small/a.svg
	status=0 output=$(virtualing plot a.rec -o small/a.svg 2>&1) || status=$?
	local left
	left="$(<small/a.svg) $(ls small)"
	umount small
	equal "$left" "old a.svg"
	equal "$status" 125
	has "$output" "write small/a.svg: No space left on device"
	run bash -c 'ulimit -f 1; exec "$0" plot a.rec -o limited.svg' "$BUILD/virtualing"
	equal "$status" 125
	has "$output" "write limited.svg: File too large"
	equal "$(echo limited*)" 'limited*' "left behind"
	virtualing plot a.rec --json -o /dev/null
	[ -c /dev/null ] || fail "/dev/null has been replaced"
}

@test "a recording that cannot be made ends the start before anything is made" {
	echo diary >diary
	wrong "$PWD/diary is there and is no recording, so it is not replaced" --record "$PWD/diary"
	equal "$(<diary)" diary
	ln -s diary link
	wrong "$PWD/link is a symbolic link" --record "$PWD/link"
	wrong "$PWD/no/a.rec: No such file or directory" --record no/a.rec
	wrong "$PWD is not a file" --record "$PWD"
	wrong '"" is empty' --record=
	(ulimit -f 1000 && wrong "no file may be larger than 1000 KiB here (ulimit -f)" --record "$PWD/a.rec")
	mkdir small
	mount -t tmpfs -o size=1M none small
	run timeout 20 "$BUILD/virtualing" run --record small/a.rec -- true
	local left
	left=$(ls small)
	umount small
	equal "$left" ""
	equal "$status" 125
	has "$output" "KiB for the recording $PWD/small/a.rec: No space left on device"
	run -127 timeout 20 "$BUILD/virtualing" run --record new.rec -- /no/such/command
	[ ! -e new.rec ] || fail "a recording of what never ran is left"
}

@test "a recording that is being written is not taken over, an older one is" {
	background "$BUILD/virtualing" run --quiet --name "$NAME" --record "$PWD/a.rec" -- sleep 300
	wait_for_virtual "$NAME"
	wrong "$PWD/a.rec is being written for another virtual" --record "$PWD/a.rec"
	virtualing stop "$NAME"
	recorded -- true
	equal "$(types)" '["started","exit"]'
}

@test "plot writes through no link, and to standard output by any of its names" {
	recorded -- true
	mkdir in
	mv a.rec in
	cd in || return
	echo precious >target
	ln -s target link.svg
	mkfifo pipe.svg
	refused 125 "plot: write link.svg: it is a symbolic link, which is not followed" "$BUILD/virtualing" plot a.rec -o link.svg
	equal "$(<target)" precious
	virtualing plot a.rec -o whole.svg
	virtualing plot a.rec --json -o /dev/stdout >whole.json
	jq -e .samples whole.json >/dev/null
	virtualing plot a.rec -o pipe.svg &
	cmp whole.svg pipe.svg
	wait $!
	equal "$(ls)" "$(printf '%s\n' a.rec link.svg pipe.svg target whole.json whole.svg)"
}

@test "a recording that is cut short meanwhile does not hurt what runs" {
	background "$BUILD/virtualing" run --quiet --name "$NAME" --record "$PWD/a.rec" -- sh -c 'while sleep 0.1; do :; done'
	wait_for_virtual "$NAME"
	: >a.rec
	sleep 0.5
	is_running "$NAME" || fail "it has ended: $(cat "$BATS_TEST_TMPDIR"/background.*)"
	refused 125 "a.rec is not a recording" "$BUILD/virtualing" plot a.rec -o a.svg
	virtualing stop "$NAME"
}
