# What the host lacks or has already: said in one line, with the remedy; nothing is made, nothing is left.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load helpers

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	ROOT=$BATS_TEST_TMPDIR/new/root
}

teardown() {
	local made
	made=$(find new 2>/dev/null)
	test_end && { [ -z "$made" ] || fail "made:" "$made"; }
}

config() { cat >"$1.rb"; }

# Before a script and its arguments: runs it in a mount namespace of its own; in it, $V is virtualing.
APART=(unshare --mount env "V=$BUILD/virtualing" bash -euc)

# cgroup_mounts: where the trees are mounted
cgroup_mounts() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts; }

# ---- rights ----

# refused_to_nobody GIST WORD...: the program comes as a descriptor, for the way to it may be closed to others
refused_to_nobody() {
	refused 125 "$1" setpriv --reuid 65534 --regid 65534 --clear-groups /proc/self/fd/9 "${@:2}" 9<"$BUILD/virtualing"
}

as_nobody() { refused_to_nobody 'needs root: run it with sudo' "$@"; }

@test "without root" {
	as_nobody run -- true
	as_nobody run --root "$ROOT" -- true
	echo 'exit 0' >web.rb
	as_nobody web.rb
	as_nobody gc
}

@test "what belongs to root, for others: whose it is, whichever command asks" {
	local name command
	name=$(unique others)
	start "$name"
	for command in "show $name" "stop $name" "set $name pids=3" "pause $name" "resume $name" "kill $name" "events $name"; do
		# shellcheck disable=SC2086 # words
		refused_to_nobody "$name belongs to root: run it with sudo" $command
	done
	# Others may run beside this test.
	for command in list "list --json" events "events --follow"; do
		# shellcheck disable=SC2086 # words
		refused_to_nobody " belongs to root: run it with sudo" $command
	done
	refused_to_nobody "plot: $name belongs to root: run it with sudo" plot "$name"
}

@test "root without capabilities is told which one is missing" {
	refused 125 CAP_SYS_ADMIN setpriv --bounding-set=-all --inh-caps=-all "$BUILD/virtualing" run --root "$ROOT" -- true
}

# ---- control groups ----

# group_tree CONTROLLER: where it is mounted
group_tree() { awk -v c="$1" '$3 == "cgroup" && $4 ~ "(^|,)" c "(,|$)" { print $2; exit }' /proc/self/mounts; }

@test "without any control groups" {
	refused 125 'control group' "${APART[@]}" 'for m in $1; do umount -l "$m" 2>/dev/null || true; done
		! grep -q " cgroup2* " /proc/self/mounts
		exec "$V" run --memory 5M --root "$2" -- true' - "$(cgroup_mounts | tac)" "$ROOT"
}

# bats test_tags=guest
@test "without the controller that a limit needs" {
	if [ "$(host_kind)" = v2 ]; then
		local group=/sys/fs/cgroup/bare-$$
		mkdir -p $group/below # no controller is enabled for groups below it
		refused 125 '--memory: ' "${APART[@]}" 'mount --bind "$1" /sys/fs/cgroup && exec "$V" run --memory 5M --root "$2" -- true' \
			- $group/below "$ROOT"
		rmdir $group/below $group
	else
		refused 125 '--memory: needs the control group controller memory, which this host does not have' \
			"${APART[@]}" 'umount "$1" && exec "$V" run --memory 5M --root "$2" -- true' - "$(group_tree memory)" "$ROOT"
	fi
}

# bats test_tags=guest
@test "control groups that are mounted read-only" {
	# one line for each tree that would be needed
	run --separate-stderr "${APART[@]}" 'for m in $1; do mount -o remount,bind,ro "$m"; done; exec "$V" run --memory 5M --root "$2" -- true' \
		- "$(cgroup_mounts)" "$ROOT"
	equal "$status" 125
	equal "$output" ""
	has "$stderr" 'is mounted read-only; mount it anew (mount -o remount,rw '
	equal "$(grep -c 'is mounted read-only' <<<"$stderr")" "$(wc -l <<<"$stderr")" "lines about that"
}

# ---- the state folder ----

@test "a disk that is full under /run: no room for a file's content, nor for a file" {
	refused 125 'No space left on device' "${APART[@]}" 'mount -t tmpfs -o size=64k none /run
		dd if=/dev/zero of=/run/fill bs=1k 2>/dev/null || true
		status=0; "$V" run --memory 5M --root "$1" -- true || status=$?
		[ "$(ls -A /run)" = fill ] || { ls -lR /run >&2; }
		exit $status' - "$ROOT"
	refused 125 'No space left on device' "${APART[@]}" 'mount -t tmpfs -o nr_inodes=1 none /run
		status=0; "$V" run --memory 5M --root "$1" -- true || status=$?
		[ -z "$(ls -A /run)" ] || ls -lR /run >&2
		exit $status' - "$ROOT"
	for inodes in 3 4 5 6 7; do # the lock, the journal, the lock of the root, state.json and the socket, one after the other
		refused 125 'No space left on device' "${APART[@]}" 'mount -t tmpfs -o "nr_inodes=$2" none /run
			status=0; "$V" run --memory 5M --root "$1" -- true || status=$?
			[ -z "$(ls -A /run)" ] || ls -lR /run >&2
			exit $status' - "$ROOT" $inodes
	done
}

@test "a /run that is read-only" {
	refused 125 'Read-only file system' "${APART[@]}" 'mount -t tmpfs -o ro none /run; exec "$V" run --root "$1" -- true' - "$ROOT"
}

@test "a state folder that belongs to somebody else is not trusted" {
	refused 125 'is not trusted' "${APART[@]}" 'mount -t tmpfs none /run; mkdir -p /run/virtualing/web
		chown 65534 /run/virtualing/web; exec "$V" run --name web -- true'
	refused 125 'is not trusted' "${APART[@]}" 'mount -t tmpfs none /run; mkdir -p /run/virtualing/web
		chmod 777 /run/virtualing/web; exec "$V" show web'
}

@test "the name of a virtual that runs, from a file" {
	local name
	name=$(unique taken)
	start "$name"
	config web <<<"Virtual.new({ :resource => { :name => '$name' }, :jail => { :cmnd => 'true', :root => '$ROOT' } }).run"
	refused 125 "$name is already running" "$BUILD/virtualing" web.rb
	refused 125 "$name is already running" "$BUILD/virtualing" run --name "$name" --root "$ROOT" -- true
}

# ---- the network ----

in_server() { refused 125 "$1" nsenter --net="/proc/${NET_HOLDER[server]}/ns/net" "$BUILD/virtualing" run "${@:2}" -- true; }

@test "a device that is down, and an address that somebody else has" {
	net_make
	net_in server ip link add name down0 type veth peer name down1
	in_server 'down0' --vip 10.77.9.9@down0
	in_server 'ip link set down0 up' --vip 10.77.9.9@down0
	in_server '127.0.0.5 is a loopback address: it can be on lo only' --vip 127.0.0.5@lan0
	in_server "$(net_in client cat /sys/class/net/lan0/address)" --vip 10.77.0.2@lan0 --root "$ROOT"
	equal "$(net_addresses server | grep -c 10.77.0.2)" 0 "addresses of the other one"
}

# ---- late failures ----

@test "a command that cannot be executed in the jail: 126, and what was made is gone" {
	refused 126 'execute /etc/passwd in the jail: Permission denied' "$BUILD/virtualing" run --root "$ROOT" -- /etc/passwd
}

@test "an exception after a start: the virtual goes on, and then the status is 125" {
	config web <<-'END'
		Virtual.new({ :jail => { :cmnd => "sh -c 'sleep 0.5; echo ended'" } }).start
		raise "on purpose"
	END
	run --separate-stderr virtualing web.rb
	equal "$status" 125
	equal "$output" ended
	has "${stderr_lines[0]}" "web.rb:2: on purpose (RuntimeError)"
}

@test "without the script host's program both places are named" {
	cp "$BUILD/virtualing" .
	echo 'exit 0' >web.rb
	refused 125 "program virtualing-ruby is neither in $PWD nor in " ./virtualing web.rb
	has "$stderr" 'install virtualing again'
}
