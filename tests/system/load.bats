#!/usr/bin/env bats
# not in the guest: what it does is the same on each layout of groups, and random bytes take an emulated processor long
# virtualing-load: what it answers, what it takes and gives back, and how it ends.

# shellcheck disable=SC2016,SC2030,SC2031 # code for other shells; each test is a function of its own

load helpers

setup() {
	test_begin
	skip_unless "it is not built: libmicrohttpd is missing" test -x "$BUILD/virtualing-load"
}

# load_start [OPTION...]: starts it on a port that the kernel chooses; PORT, PID, and $SAID with what it says
load_start() {
	SAID=$BATS_TEST_TMPDIR/background.${#BACKGROUND[@]}
	background "$BUILD/virtualing-load" --listen localhost:0 "$@"
	PID=$!
	load_wait
}

# load_start_in NAME [OPTION...]: the same in a virtual of that name; PID is the program's
load_start_in() {
	SAID=$BATS_TEST_TMPDIR/background.${#BACKGROUND[@]}
	background "$BUILD/virtualing" run --name "$1" "${@:2}" -- "$BUILD/virtualing-load" --listen localhost:0
	load_wait
	PID=$(virtualing show --json "$1" | jq -er .pid)
}

load_wait() {
	wait_until 40 grep -qs 'listening on' "$SAID" || fail "not started:" "$(cat "$SAID")"
	PORT=$(sed -n 's/.*listening on [^ ]*:\([0-9]*\).*/\1/p' "$SAID")
}

# ask PATH [CURL'S OPTIONS...]: STATUS, HEAD and BODY of the answer
ask() {
	local answer=$BATS_TEST_TMPDIR/answer
	STATUS=$(curl -sS -m 60 --path-as-is -D "$answer.head" -o "$answer" -w '%{http_code}' "${@:2}" \
		"http://localhost:$PORT$1") || fail "no answer to $1:" "$STATUS" "$(cat "$SAID")"
	HEAD=$(tr -d '\r' <"$answer.head") BODY=$(<"$answer")
}

header() { sed -n "s/^$1: //Ip" <<<"$HEAD"; } # NAME
field() { jq -er ".$1" <<<"$BODY"; }
stat_of() { curl -sS "http://localhost:$PORT/stats" | jq -er ".$1"; }

# wrong STATUS GIST PATH [CURL'S OPTIONS...]: is answered so, and with JSON that says why
wrong_request() {
	ask "${@:3}"
	equal "$STATUS" "$1" "status of $3, which said '$BODY'" &&
		equal "$(header content-type)" "application/json; charset=utf-8" "content type of $3" &&
		equal "$(jq -r keys[] <<<"$BODY")" error "keys of '$BODY'" && has "$(field error)" "$2"
}

# ends STATUS GIST COMMAND...: with this status and one line on standard error with GIST in it
ends() {
	local status=0 said
	said=$(timeout 10 "${@:3}" 2>&1 >/dev/null) || status=$?
	equal "$status" "$1" "status of '${*:3}', which said '$said'" && has "$said" "$2" &&
		equal "$(wc -l <<<"$said")" 1 "lines of '$said'" && has "$said" "virtualing-load: "
}

# Of smaps_rollup, which is exact; the counters of status may be off by some hundred pages.
resident_kib() { awk '/^Anonymous:/ { print $2 }' "/proc/$PID/smaps_rollup"; }
written_bytes() { awk '/^write_bytes/ { print $2 }' "/proc/$PID/io"; }
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$PID/stat"; }
has_ended() { ! kill -0 "$PID" 2>/dev/null; }

# listening: where somebody listens on PORT.  Where the kernel has no tcp_diag, ss writes [::] as *.
listening() { ss -Hltn "sport = :$PORT" | awk '{ print $4 }' | sed 's/^\*/[::]/' | LC_ALL=C sort | xargs; }

# between GOT LOW HIGH WHAT
between() { awk -v g="$1" -v l="$2" -v h="$3" 'BEGIN { exit !(g >= l && g <= h) }' || fail "$4: $1 is not from $2 to $3"; }

@test "a ping is answered as the recipe's program answers it" {
	load_start
	ask /ping
	equal "$(head -n 1 <<<"$HEAD")" "HTTP/1.1 200 OK"
	equal "$BODY" '{"message":"pong"}'
	equal "$(header content-type)" "application/json; charset=utf-8"
	equal "$(header content-length)" 18
	[ -n "$(header date)" ] || fail "no date:" "$HEAD"
}

@test "localhost is both loopback addresses, and only these" {
	load_start
	local address
	for address in 127.0.0.1 '[::1]'; do
		equal "$(curl -sS "http://$address:$PORT/ping")" '{"message":"pong"}' "answer at $address"
	done
	equal "$(listening)" "127.0.0.1:$PORT [::1]:$PORT"
}

@test "where to listen can be chosen" {
	load_start --listen '[::1]:0'
	equal "$(listening)" "[::1]:$PORT"
	load_start --listen=127.0.0.2:0
	equal "$(listening)" "127.0.0.2:$PORT"
	load_start --listen :0
	equal "$(listening)" "0.0.0.0:$PORT [::]:$PORT"
}

@test "a request for memory takes 20 MiB and keeps them" {
	local before
	load_start
	before=$(resident_kib)
	ask /generate-load/memory
	equal "$STATUS $(header content-length) '$BODY'" "200 0 ''"
	equal "$(header content-type)" ""
	ask /generate-load/memory
	between $(($(resident_kib) - before)) 40960 41500 "KiB more than before"
	equal "$(stat_of chunks) $(stat_of bytes)" "2 41943040"
	between "$(stat_of rss_bytes)" 41943040 70000000 "rss"
}

@test "what it holds is random: it cannot be compressed, and no two chunks are alike" {
	load_start --chunk 1M
	ask /generate-load/memory
	ask /generate-load/memory
	run -0 python3 - "$PID" <<'END'
import sys, zlib
pid, found = sys.argv[1], []
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
    for line in maps:
        words = line.split()
        low, high = (int(x, 16) for x in words[0].split("-"))
        if words[1] == "rw-p" and len(words) == 5 and (high - low) % (1 << 20) == 0:
            memory.seek(low)
            found.append(memory.read(high - low))
bytes_ = b"".join(found)
assert len(bytes_) == 2 << 20, f"{len(bytes_)} bytes found"
assert bytes_[: 1 << 20] != bytes_[1 << 20 :], "both are alike"
compressed = len(zlib.compress(bytes_))
assert compressed > len(bytes_) * 0.999, f"compressed to {compressed}"
END
}

@test "the size of a chunk can be chosen, to the byte" {
	load_start --chunk 10001
	ask /generate-load/memory
	ask /generate-load/memory
	equal "$(stat_of chunk_bytes) $(stat_of chunks) $(stat_of bytes)" "10001 2 20002"
}

@test "memory is given back, the latest chunks or all" {
	local before i
	load_start
	before=$(resident_kib)
	for i in 1 2 3; do ask /generate-load/memory; done
	ask '/generate-load/memory?chunks=1' -X DELETE
	equal "$STATUS $BODY" '200 {"chunks":1,"bytes":20971520}'
	between $(($(resident_kib) - before)) 40960 41500 "KiB more than before"
	ask /generate-load/memory -X DELETE
	equal "$STATUS $BODY" '200 {"chunks":2,"bytes":41943040}'
	between $(($(resident_kib) - before)) -100 500 "KiB more than before"
	ask /generate-load/memory -X DELETE
	equal "$STATUS $BODY" '200 {"chunks":0,"bytes":0}'
}

@test "a CPU is kept busy for so long" {
	local before
	load_start
	before=$(cpu_ticks)
	ask '/generate-load/cpu?seconds=1.5'
	between "$(field seconds)" 1.5 3 seconds
	# Others may have had the CPU meanwhile; what it got is what the kernel counted.
	between "$(field cpu_seconds)" 0.05 1.6 "seconds of CPU"
	between $(($(cpu_ticks) - before)) "$(field 'cpu_seconds * 100 - 3')" 250 "ticks of CPU"
}

@test "a ping is answered while others work" {
	load_start
	background curl -sS "http://localhost:$PORT/generate-load/cpu?seconds=60"
	wait_until 20 stat_is running 1 || fail "$(curl -sS "http://localhost:$PORT/stats")"
	ask /ping
	equal "$BODY" '{"message":"pong"}'
	equal "$(stat_of running)" 1 "requests that run"
}
stat_is() { [ "$(stat_of "$1")" = "$2" ]; }

@test "a limit on the CPU shows in what a request got" {
	local name
	name=$(unique load)
	load_start_in "$name" --cpu 20%
	ask '/generate-load/cpu?seconds=2'
	between "$(field cpu_seconds)" 0.02 0.6 "seconds of CPU in 2 s at 20 %"
}

@test "a file is written to the disk and nothing of it stays" {
	local before
	disk_make 64M
	load_start
	before=$(written_bytes)
	ask "/generate-load/io?bytes=5000001&path=$DISK_MOUNT/new"
	equal "$STATUS $(field bytes) $(field direct)" "200 5000001 true"
	between $(($(written_bytes) - before)) 5000001 5200000 "bytes written, by the kernel's count"
	equal "$(ls -A "$DISK_MOUNT")" lost+found "what is there"
	ask "/generate-load/io?bytes=1&path=$DISK_MOUNT/new"
	equal "$STATUS $(field bytes)" "200 1"
	equal "$(find "/proc/$PID/fd" -lname "$DISK_MOUNT*" | wc -l)" 0 "descriptors of its files"
}

@test "where there is no direct I/O it says so" {
	load_start
	mkdir "$BATS_TEST_TMPDIR/mounted"
	mount -t ramfs none "$BATS_TEST_TMPDIR/mounted"
	DISK_MOUNT=$BATS_TEST_TMPDIR/mounted # so that it is unmounted
	ask "/generate-load/io?bytes=100000&path=$DISK_MOUNT/new"
	equal "$STATUS $(field bytes)" "200 100000"
	equal "$(jq .direct <<<"$BODY")" false
	equal "$(ls -A "$DISK_MOUNT")" ""
}

@test "a limit on the disk slows it down" {
	local name
	name=$(unique load)
	disk_make 64M
	load_start_in "$name" --io "$DISK_MOUNT:write=2M"
	ask "/generate-load/io?bytes=6M&path=$DISK_MOUNT/new"
	between "$(field seconds)" 2 30 "seconds for 6M at 2M a second"
}

@test "a file that is there, a link and a bad path are refused and left alone" {
	local dir
	dir=$(mktemp -d "$BATS_TEST_TMPDIR/dir.XXXX")
	load_start
	echo mine >"$dir/there"
	ln -s "$dir/target" "$dir/link"
	ln -s "$dir" "$dir/way"
	local io="/generate-load/io?bytes=4K&path="
	wrong_request 400 "$dir/there is there already" "$io$dir/there"
	wrong_request 400 "$dir/link is there already" "$io$dir/link"
	wrong_request 400 "a symbolic link is in $dir/way/: give its real path" "$io$dir/way/new"
	wrong_request 400 "open directory $dir/no/: No such file" "$io$dir/no/new"
	wrong_request 400 "Not a directory" "$io$dir/there/new"
	wrong_request 400 "names a directory" "$io$dir/"
	wrong_request 400 "names a directory" "$io$dir/.."
	wrong_request 400 "is not absolute" "${io}new"
	wrong_request 400 "is there already" "$io/dev/null"
	wrong_request 400 "longer than 255" "$io$dir/$(printf 'x%.0s' {1..256})"
	equal "$(cat "$dir/there") $(find "$dir" -printf '%P ' | tr ' ' '\n' | sort | xargs)" "mine link there way"
}

@test "a disk without room is 507, before and in the midst of it, and nothing stays" {
	disk_make 64M
	load_start
	wrong_request 507 "no room for 1T at $DISK_MOUNT/new" "/generate-load/io?bytes=1T&path=$DISK_MOUNT/new"
	PID=$(bash -c 'ulimit -f 2048; exec setsid "$@" </dev/null >"$0" 2>&1 3>&- & echo $!' "$SAID.2" \
		"$BUILD/virtualing-load" --listen localhost:0)
	BACKGROUND+=("$PID") SAID=$SAID.2
	load_wait
	wrong_request 507 "write $DISK_MOUNT/new: after 2097152 bytes: File too large" "/generate-load/io?bytes=4M&path=$DISK_MOUNT/new"
	equal "$(ls -A "$DISK_MOUNT")" lost+found "what is there"
	equal "$(find "/proc/$PID/fd" -lname "$DISK_MOUNT*" | wc -l)" 0 "descriptors of its files"
}

@test "a wrong parameter is 400 with its name and value" {
	load_start
	wrong_request 400 "parameter seconds is missing" /generate-load/cpu
	wrong_request 400 "seconds=abc" "/generate-load/cpu?seconds=abc"
	wrong_request 400 "seconds=3601" "/generate-load/cpu?seconds=3601"
	wrong_request 400 "seconds=-1" "/generate-load/cpu?seconds=-1"
	wrong_request 400 "unknown parameter second (did you mean seconds?)" "/generate-load/cpu?second=1"
	wrong_request 400 "parameter seconds is given twice" "/generate-load/cpu?seconds=1&seconds=2"
	wrong_request 400 "unknown parameter chunks: this request takes none" "/generate-load/memory?chunks=2"
	wrong_request 400 "chunks=0" "/generate-load/memory?chunks=0" -X DELETE
	wrong_request 400 "parameter path is missing" "/generate-load/io?bytes=1"
	wrong_request 400 "bytes=lots" "/generate-load/io?bytes=lots&path=/x"
	wrong_request 400 "a zero byte is in parameter path" "/generate-load/io?bytes=1&path=/tmp/x%00y"
	wrong_request 400 "a zero byte is in the path" "/ping%00x"
	wrong_request 400 "seconds=?[31m?" "/generate-load/cpu?seconds=%1b[31m%ff" -g
	equal "$(stat_of chunks) $(stat_of running)" "0 0" "what they have caused"
}

@test "what is not there is 404" {
	local path
	load_start
	for path in / /nope /ping/ //ping /Ping /generate-load /generate-load/memory/ /%70ong; do
		wrong_request 404 "there is no " "$path"
	done
	wrong_request 404 "there is no /nope here" /nope -X POST -d "$(printf 'x%.0s' {1..5000})"
	ask /%70ing
	equal "$STATUS" 200 "status of /%70ing, which is /ping"
}

@test "another method is 405 with those that are allowed, and a HEAD causes no load" {
	load_start
	wrong_request 405 "POST is not for /ping: it knows GET, HEAD" /ping -X POST
	equal "$(header allow)" "GET, HEAD"
	wrong_request 405 "PUT is not for /generate-load/memory: it knows GET, DELETE" /generate-load/memory -X PUT
	equal "$(header allow)" "GET, DELETE"
	wrong_request 405 "DELETE is not for /generate-load/cpu: it knows GET" "/generate-load/cpu?seconds=1" -X DELETE
	equal "$(header allow)" GET
	ask /ping -I
	equal "$STATUS $(header content-length)" "200 18"
	equal "$(header content-type)" "application/json; charset=utf-8"
	ask /generate-load/memory -I
	equal "$STATUS $(header allow)" "405 GET, DELETE"
	equal "$(stat_of chunks)" 0 "chunks"
}

@test "out of memory is 503 and it lives on" {
	SAID=$BATS_TEST_TMPDIR/said
	PID=$(bash -c 'ulimit -v 150000; exec setsid "$@" </dev/null >"$0" 2>&1 3>&- & echo $!' "$SAID" \
		"$BUILD/virtualing-load" --listen localhost:0)
	BACKGROUND+=("$PID")
	load_wait
	local i had
	for i in {1..10}; do
		ask /generate-load/memory
		[ "$STATUS" = 200 ] || break
	done
	had=$(stat_of chunks)
	between "$had" 1 7 "chunks in 150 MB"
	wrong_request 503 "take 20M of memory: Cannot allocate memory" /generate-load/memory
	ask /ping
	equal "$STATUS" 200
	equal "$(stat_of chunks)" "$had" "chunks"
	ask '/generate-load/memory?chunks=1' -X DELETE
	ask /generate-load/memory
	equal "$STATUS" 200 "status with room again"
}

@test "a port that is in use is named with the remedy" {
	load_start
	ends 1 "port $PORT is in use at 127.0.0.1:$PORT: choose another one with --listen" \
		"$BUILD/virtualing-load" --listen "$PORT"
	ends 1 "port $PORT is in use at [::1]:$PORT" "$BUILD/virtualing-load" --listen "[::1]:$PORT"
	ends 1 "this host has no address 203.0.113.9:80" "$BUILD/virtualing-load" --listen 203.0.113.9:80
	ask /ping
	equal "$STATUS" 200 "status of the first one"
}

@test "a wrong option is named with its value" {
	local load=$BUILD/virtualing-load
	ends 2 "--listen: web:80: web is no address" "$load" --listen web:80
	ends 2 "--listen: 70000: the port is a number from 0 to 65535" "$load" --listen 70000
	ends 2 "--listen needs a value: ADDRESS:PORT" "$load" --listen
	ends 2 "--chunk: 0: wanted is a size" "$load" --chunk 0
	ends 2 "--chunk: 20X: wanted is a size" "$load" --chunk=20X
	ends 2 "unknown option --chunks=1: did you mean --chunk?" "$load" --chunks=1
	ends 2 "--help takes no value" "$load" --help=1
	ends 2 "8080: no argument is wanted" "$load" 8080
}

@test "help and version are printed, and a full standard output is an error" {
	run -0 "$BUILD/virtualing-load" --version
	[[ $output =~ ^virtualing-load\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$output"
	run -0 "$BUILD/virtualing-load" --help
	has "$output" "--listen ADDRESS:PORT"
	has "$output" "GET /generate-load/io?bytes=SIZE&path=P"
	run -1 bash -c '"$0" --help >/dev/full' "$BUILD/virtualing-load"
}

@test "SIGTERM, SIGINT and SIGHUP end it with 0, whatever it is doing" {
	local signal status
	for signal in TERM INT HUP; do
		background env --default-signal=INT,HUP "$BUILD/virtualing-load" --listen localhost:0
		PID=$! SAID=$BATS_TEST_TMPDIR/background.$((${#BACKGROUND[@]} - 1))
		load_wait
		ask /generate-load/memory
		background curl -sS "http://localhost:$PORT/generate-load/cpu?seconds=30"
		wait_until 20 stat_is running 1
		kill "-$signal" "$PID"
		wait_until 10 has_ended || fail "SIG$signal did not end it"
		status=0
		wait "$PID" || status=$?
		equal "$status" 0 "status after SIG$signal"
		equal "$(listening)" "" "who listens after SIG$signal"
		equal "$(tail -n +2 "$SAID")" "" "what it said at its end"
	done
}

@test "SIGHUP is ignored under nohup" {
	SAID=$BATS_TEST_TMPDIR/background.0
	background nohup "$BUILD/virtualing-load" --listen localhost:0
	PID=$!
	load_wait
	kill -HUP "$PID"
	ask /ping
	equal "$STATUS" 200
}

@test "many at once are all answered" {
	load_start --chunk 100K
	seq 200 | xargs -P 20 -I{} curl -sS -o /dev/null -w '%{http_code}\n' "http://localhost:$PORT/generate-load/memory" \
		>"$BATS_TEST_TMPDIR/codes"
	equal "$(sort "$BATS_TEST_TMPDIR/codes" | uniq -c | xargs)" "200 200" "times and status"
	equal "$(stat_of chunks) $(stat_of running) $(stat_of waiting)" "200 0 0"
}

@test "the recipe: in a cage of 100 MB the fifth request is the end" {
	local name i status=0
	name=$(unique load)
	load_start_in "$name" --memory 100000000 --swap 0
	for i in 1 2 3 4; do
		ask /generate-load/memory
		equal "$STATUS" 200 "status of request $i"
	done
	curl -sS "http://localhost:$PORT/generate-load/memory" 2>/dev/null && fail "the fifth one was answered"
	wait "${BACKGROUND[0]}" || status=$?
	equal "$status" 137 "status"
	has "$(<"$SAID")" "killed for memory by the kernel"
}

@test "the recipe with growth: nobody is killed" {
	local name i
	name=$(unique load)
	load_start_in "$name" --memory 100000000 --swap 0 --grow step=32M,ceiling=400M
	for i in {1..10}; do
		ask /generate-load/memory
		equal "$STATUS" 200 "status of request $i"
	done
	equal "$(stat_of chunks)" 10 "chunks"
	has "$(virtualing events "$name")" grew
}

@test "while a request is held for memory, connections that are there are answered, and one that gives back frees it" {
	local name
	name=$(unique load)
	cat >"$BATS_TEST_TMPDIR/held.rb" <<-END
		v = Virtual.new(:resource => { :name => "$name", :memory => "64M", :swap => 0 },
		  :jail => { :cmnd => "$BUILD/virtualing-load --listen localhost:0" })
		v.on(:oom) { |e| sleep 8; e.virtual.memory.limit += 64 * 1024 * 1024 }
		exit v.run
	END
	SAID=$BATS_TEST_TMPDIR/background.0
	background "$BUILD/virtualing" "$BATS_TEST_TMPDIR/held.rb"
	load_wait
	virtualing show "$name" | grep -q decoy || skip "this host has no decoys: a guard that freezes the cage holds all of it"
	run -0 python3 - "$PORT" <<'END'
import http.client, sys, threading, time

def ask(connection, method, path):
    before = time.monotonic()
    connection.request(method, path)
    response = connection.getresponse()
    response.read()
    assert response.status == 200, f"{method} {path}: {response.status}"
    return time.monotonic() - before

connections = [http.client.HTTPConnection("localhost", int(sys.argv[1]), timeout=30) for _ in range(3)]
for c in connections:
    ask(c, "GET", "/ping")
held, ping, giver = connections
took = []
def fill():
    for _ in range(4):
        took.append(ask(held, "GET", "/generate-load/memory"))
filling = threading.Thread(target=fill)
filling.start()
while len(took) < 3:
    time.sleep(0.05)
time.sleep(1)
slowest = max(ask(ping, "GET", "/ping") for _ in range(20))
assert len(took) == 3, f"nobody is held: {took}"
assert slowest < 2, f"the slowest ping took {slowest} s"
ask(giver, "DELETE", "/generate-load/memory?chunks=2")
filling.join()
assert took[3] < 7, f"the request that was held took {took[3]} s, although there was room"
END
}
