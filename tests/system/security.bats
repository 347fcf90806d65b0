# Known attacks on programs of this class, tried from inside by a program of our own (probe.c) and from beside.

# Scripts in quotes are for a shell inside.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load helpers
load walled

# inside COMMAND...: runs it in a jail with $OPTIONS and the probe in it
inside() { virtualing run --root "$ROOT" --ro-bind "$PROBE:/probe" "${OPTIONS[@]}" -- "$@"; }

try() { inside /probe "$@"; }

# each_is WANTED ATTACK...: the kernel says WANTED (words) to each of them
each_is() {
	local wanted=$1 got
	shift
	try "$@" </dev/null >tried
	got=$(grep -vE " ($wanted)\$" tried) || true
	equal "$got" "" "not $wanted"
	equal "$(wc -l <tried)" $# attacks
}

# some WORD...: all of them; in the guest, where each start takes long, every third
some() { printf '%s\n' "$@" | awk -v step="${VIRTUALING_GUEST:+3}" 'step == "" || NR % step == 1'; }

# victim: a process of the host, in $VICTIM
victim() {
	background sleep 300
	VICTIM=$!
}

# ---- our own binary ----

@test "the host's binary cannot be reached through /proc by what it runs (CVE-2019-5736)" {
	local before
	before=$(sha256sum "$BUILD/virtualing")
	each_is EACCES write=/proc/1/exe read=/proc/1/exe read=/proc/1/mem write=/proc/1/mem
	OPTIONS=(--caps all)
	each_is 'ETXTBSY|EACCES' write=/proc/1/exe
	OPTIONS=(--no-init)
	equal "$(inside readlink /proc/1/exe)" /usr/bin/readlink
	equal "$(sha256sum "$BUILD/virtualing")" "$before"
}

# bats test_tags=guest
@test "init cannot be traced, read or left through (CVE-2016-9962)" {
	each_is EPERM ptrace=1 read_memory=1
	each_is EACCES enter=/proc/1/root enter=/proc/1/cwd enter=/proc/1/fd/3 read=/proc/1/environ read=/proc/1/maps \
		read=/proc/1/ns/mnt read=/proc/1/auxv read=/proc/1/pagemap
	each_is 'done' kill=1 # the kernel protects it from what it is init to
	equal "$(inside sh -c '/probe kill=1; cat /proc/1/comm' | tail -n 1)" virtualing-init
}

# bats test_tags=guest
@test "from the command's first moment on, pid 1 is init and undumpable, and never has the supervisor's memory" {
	local i all=()
	mapfile -t all < <(some {1..40})
	for i in "${all[@]}"; do
		OPTIONS=(--filter none)
		each_is EPERM ptrace=1 read_memory=1
		OPTIONS=(--caps all --filter none)
		equal "$(inside grep -o '/[^ ]*virtualing[^ ]*' /proc/1/maps | sort -u)" "/memfd:virtualing-init"
	done
}

# bats test_tags=guest
@test "another user inside does not even see init" {
	OPTIONS=(--user nobody)
	each_is ENOENT enter=/proc/1/root read=/proc/1/exe read=/proc/1/environ
}

# ---- symbolic links and what is below the root ----

# outside_tree: a directory of the host that must stay as it is; $OUTSIDE
outside_tree() {
	OUTSIDE=$PWD/outside
	mkdir -p "$OUTSIDE/bin" "$OUTSIDE/log" "$OUTSIDE/pts" "$OUTSIDE/self/attr"
	echo secret >"$OUTSIDE/passwd"
	echo secret >"$OUTSIDE/hosts"
	find "$OUTSIDE" -printf '%p %y %m %i %s %T@ %C@\n' | sort >outside.before
	grep -v " $BATS_TEST_TMPDIR" /proc/self/mountinfo >mounts.before
}

outside_is_same() {
	find "$OUTSIDE" -printf '%p %y %m %i %s %T@ %C@\n' | sort | diff outside.before - || fail "the host's files have changed"
	diff mounts.before /proc/self/mountinfo || fail "the host's mounts have changed"
}

@test "the root's dev or proc as a symbolic link or a file: refused, and nothing changes on the host (CVE-2015-1335)" {
	local name target
	outside_tree
	for name in dev proc; do
		for target in $(some "$OUTSIDE" /$name ../../../../../../../$name inner); do
			mkdir -p "$ROOT/inner"
			ln -s "$target" "$ROOT/$name"
			refused_inside "/$name in the root is a symbolic link" inside true
			rm "$ROOT/$name"
		done
		touch "$ROOT/$name"
		run -125 inside true
		has "$output" "/$name in the root is not a directory"
		rm "$ROOT/$name"
	done
	outside_is_same
	equal "$(find "$ROOT" | wc -l)" 2 "files in the root"
}

@test "any other part of the root as a symbolic link to the host: nothing is made or mounted there" {
	local part
	outside_tree
	for part in $(some usr etc var tmp run bin lib usr/bin var/log etc/hosts etc/passwd); do
		for target in "$OUTSIDE" "../../../../../../../../../..$OUTSIDE"; do
			rm -rf "${ROOT:?}"/*
			mkdir -p "$(dirname "$ROOT/$part")"
			ln -s "$target" "$ROOT/$part"
			inside true >/dev/null 2>&1 || true
		done
	done
	outside_is_same
}

@test "a bind's target through a symbolic link stays inside (CVE-2021-30465 without the race)" {
	outside_tree
	mkdir data "$ROOT/srv"
	echo data >data/file
	ln -s "$OUTSIDE" "$ROOT/srv/link"
	OPTIONS=(--bind "$PWD/data:/srv/link/log")
	inside true >/dev/null 2>&1 || true
	mkdir -p "$ROOT$OUTSIDE/log"
	equal "$(inside cat "$OUTSIDE/log/file" 2>&1)" data "the target as if the root were /"
	outside_is_same
}

# race PLACE OPTION...: starts while PLACE in the root is now a directory and now a symbolic link to the host
race() {
	local place=$1 count flipper i ran=0
	shift
	count=${STARTS:-$([ -n "${VIRTUALING_GUEST:-}" ] && echo 18 || echo 240)}
	count=$((count / 6))
	rm -rf "${ROOT:?}"/* flipped
	mkdir -p "$ROOT/$place/inner/target"
	ln -s "$OUTSIDE" flipped
	background "$PROBE" --flip "$ROOT/$place" "$PWD/flipped"
	flipper=$!
	for ((i = 0; i < count; i++)); do
		virtualing run --root "$ROOT" "$@" -- /bin/true >said 2>&1 && ran=$((ran + 1))
		status=$?
		case $status in 0 | 125 | 126 | 127) ;; *) fail "status $status at $place: $(cat said)" ;; esac
	done
	kill "$flipper"
	echo "$place: $ran of $count ran" >>races
}

# STARTS=10000 bats -f race tests/system/security.bats: for long
@test "a race of starts against a symbolic link that comes and goes leads nothing outside (CVE-2021-30465)" {
	outside_tree
	mkdir data
	echo data >data/file
	race usr
	race etc
	race dev
	race proc
	race srv --bind "$PWD/data:/srv/inner/target"
	race var --bind "$PWD/data:/var/log" --tmpfs /var/tmp/deep
	outside_is_same
	[ "$(awk '{ ran += $2 } END { print ran }' races)" -gt 0 ] || fail "none of them ever ran" "$(cat races)"
}

@test "what the program makes of the root's directories leads the end nowhere outside" {
	outside_tree
	inside sh -c "rmdir /var/log; ln -s $OUTSIDE/log /var/log; mv /var/tmp /var/old; ln -s $OUTSIDE /var/tmp
		rm /etc/hosts; ln -s $OUTSIDE/hosts /etc/hosts; rm /etc/passwd; mkdir /etc/passwd
		mv /run /ran; ln -s $OUTSIDE /run; rmdir /tmp; ln -s $OUTSIDE /tmp"
	outside_is_same
}

@test "files in the root that would hold the start up or lead outside are refused at once" {
	local file
	mkdir "$ROOT/etc"
	OPTIONS=(--user nobody)
	mkfifo "$ROOT/etc/passwd"
	refused_inside "/etc/passwd in the jail is not a file" timeout 5 "$BUILD/virtualing" run --root "$ROOT" --user nobody -- true
	rm "$ROOT/etc/passwd"
	ln -s "$PWD/passwd" "$ROOT/etc/passwd"
	echo "nobody:x:0:0::/:/bin/sh" >passwd
	run inside id -u
	[ "$output" != 0 ] || fail "an id from a file of the host"
	rm "$ROOT/etc/passwd"
	ln -s passwd "$ROOT/etc/passwd"
	run -125 timeout 5 "$BUILD/virtualing" run --root "$ROOT" --user nobody -- true
	rm "$ROOT/etc/passwd"
	truncate -s 100M "$ROOT/etc/passwd"
	refused_inside "/etc/passwd" inside true
	OPTIONS=()
	mkfifo -m 755 "$ROOT/command"
	run -126 timeout 5 "$BUILD/virtualing" run --root "$ROOT" -- /command
}

@test "/dev/null replaced while paths are masked: the real one is used (CVE-2025-31133)" {
	mkdir "$ROOT/dev"
	echo secret >secret
	ln -s "$PWD/secret" "$ROOT/dev/null"
	equal "$(inside stat -c %t:%T /dev/null)" 1:3
	OPTIONS=(--no-dev)
	[ ! -e /proc/keys ] || each_is ENODATA read=/proc/keys
	rm "$ROOT/dev/null"
	echo mine >"$ROOT/dev/null"
	[ ! -e /proc/timer_list ] || each_is ENODATA read=/proc/timer_list
	equal "$(cat secret "$ROOT/dev/null" | xargs)" "secret mine"
}

@test "a fake /proc in the root is covered by a real one, and never written to (CVE-2019-16884)" {
	mkdir -p "$ROOT/proc/self/attr" "$ROOT/proc/self/fd" "$ROOT/proc/1" "$ROOT/proc/sys"
	touch "$ROOT/proc/self/attr/exec" "$ROOT/proc/self/oom_score_adj" "$ROOT/proc/self/setgroups" "$ROOT/proc/keys"
	find "$ROOT/proc" -printf '%p %y %s %T@ %C@\n' | sort >before
	equal "$(inside stat -f -c %T /proc)" proc
	OPTIONS=(--no-proc --user nobody --workdir /tmp)
	equal "$(inside ls /proc/self | xargs)" "attr fd oom_score_adj setgroups"
	find "$ROOT/proc" -printf '%p %y %s %T@ %C@\n' | sort | diff before -
}

# ---- descriptors and the working directory ----

@test "a working directory that leads out through /proc is refused (CVE-2024-21626)" {
	local place
	for place in $(some /proc/self/fd/3 /proc/self/fd/7 /proc/self/fd/3/etc /proc/self/cwd /proc/1/root /proc/self/root/tmp \
		/dev/fd/3); do
		run -125 --separate-stderr "$BUILD/virtualing" run --root "$ROOT" --workdir "$place" -- pwd 3</ 7</etc
		equal "$(wc -l <<<"$stderr")" 1 "lines of: $stderr"
	done
	refused_inside '".."' "$BUILD/virtualing" run --root "$ROOT" --workdir /tmp/../.. -- pwd
	mkdir "$ROOT/srv"
	ln -s /proc/self/fd/3 "$ROOT/srv/link"
	run -125 "$BUILD/virtualing" run --root "$ROOT" --workdir /srv/link -- pwd 3</
	equal "$(cd / && inside sh -c 'pwd; readlink /proc/self/cwd' 3<. | xargs)" "/ /"
}

@test "a directory of the host in place of standard input is refused: openat(0, \"..\") knows no root" {
	refused_inside "standard input is a directory" "$BUILD/virtualing" run --root "$ROOT" -- true </etc
	each_is ENOTDIR leave_by=0 leave_by=1
	each_is EBADF leave_by=3 leave_by=4 leave_by=5 leave_by=9
}

# ---- the cage ----

# bats test_tags=guest
@test "there are no control groups inside, and none can be mounted (CVE-2022-0492)" {
	each_is EPERM user_namespace clone_user mount=cgroup mount=cgroup2
	each_is ENOENT enter=/sys enter=/sys/fs/cgroup
	equal "$(inside awk '$3 ~ /^cgroup/' /proc/self/mounts)" ""
	OPTIONS=(--filter none)
	each_is EPERM mount=cgroup mount=cgroup2
	run inside unshare --user --map-root-user --mount --cgroup mount -t cgroup2 none /tmp
	[ "$status" != 0 ] || fail "a cgroup tree in a user namespace"
}

# bats test_tags=guest
@test "the jailed root can neither leave its cage nor raise its limit, not even with the tree in sight" {
	local name file
	name=$(unique cage)
	OPTIONS=(--name "$name" --memory 64M --pids 50 --ro-bind /sys/fs/cgroup:/groups)
	inside sh -c 'for f in $(find /groups -path "*/'"$name"'/*" \( -name "memory*limit*" -o -name "*.max" -o -name tasks \
		-o -name cgroup.procs \)); do echo write=$f; done; find /groups -maxdepth 2 \( -name cgroup.procs -o -name release_agent \) |
		sed s/^/write=/' >files
	[ "$(grep -c "$name" files)" -gt 3 ] || fail "too few files" "$(cat files)"
	mapfile -t files <files
	each_is 'EROFS' "${files[@]}"
	has "$(inside cat /proc/self/cgroup)" "/virtualing/$name"
}

# bats test_tags=guest
@test "a limit that the kernel does not take, though it says so, fails the start, and nothing is left" {
	local name option tree=/sys/fs/cgroup kind file
	name=$(unique lost)
	while read -r option kind file; do
		[ "$(host_kind)" != v2 ] || kind=
		# Writes to this file are answered with success and not made.
		run -125 --separate-stderr strace -f -qq -o trace -P "$tree/$kind${kind:+/}virtualing/$name/$file" \
			-e trace=write,pwrite64 -e inject=write,pwrite64:retval=8 "$BUILD/virtualing" run --name "$name" "$option" -- echo ran
		grep -q INJECTED trace || fail "$file is not written to" "$stderr"
		has "$stderr" "${file##*/} says"
		equal "$output" ""
	done < <([ "$(host_kind)" = v2 ] && printf '%s\n' '--memory=64M . memory.max' '--pids=77 . work/pids.max' '--cpu=50% . work/cpu.max' ||
		printf '%s\n' '--memory=64M memory memory.limit_in_bytes' '--pids=77 pids pids.max' '--cpu=50% cpu cpu.cfs_quota_us')
}

# bats test_tags=guest
@test "control groups that cannot be written fail the start" {
	local tree=/sys/fs/cgroup
	[ "$(host_kind)" = v2 ] || tree+=/memory
	run -125 --separate-stderr unshare --mount sh -c \
		'mount -o remount,bind,ro "$0" && exec "$@"' $tree "$BUILD/virtualing" run --memory 64M -- echo ran
	has "$stderr" "$tree is mounted read-only"
	equal "$output" ""
}

NOBODY=(setpriv --reuid 65534 --regid 65534 --clear-groups)

# others_lock DIRECTORY HOW: another user holds it locked, "-s" or "-x"; flock(2) takes no more than the right to read it
others_lock() {
	background "${NOBODY[@]}" sh -c "flock $2 9 && echo held && exec sleep 300" 9<"$1"
	wait_until 5 grep -q held "background.$((${#BACKGROUND[@]} - 1))"
}

# below GROUP NAME [COMMAND]: writes NAME.rb, whose virtual has exactly this group
below() {
	cat >"$2.rb" <<-END
		Virtual.new(:resource => { :name => "$2", :group => "$1", :mem => 64 << 20 }, :jail => { :cmnd => "${3:-true}" }).run
	END
}

lock_of() { stat -c '/run/virtualing/.lock-%D-%i' "$1"; } # the file by which virtualing locks that directory

@test "a lock that another user holds on the root neither holds a start up nor keeps anything in it" {
	local how
	for how in -s -x; do
		others_lock "$ROOT" "$how"
		run timeout 3 "$BUILD/virtualing" run --root "$ROOT" -- true
		equal "$status" 0 "status with flock $how, which said '$output'"
		equal "$(ls -A "$ROOT")" "" "what is left with flock $how"
		kill "${BACKGROUND[-1]}"
	done
}

@test "the lock of a root is closed to other users, lasts as long as somebody stands in it, and gc removes a killed one's" {
	local lock
	lock=$(lock_of "$ROOT")
	start "$(unique first)" --root "$ROOT"
	equal "$(stat -c '%a %u' "$lock")" "600 0"
	equal "$(stat -c '%a %u' /run/virtualing)" "755 0"
	virtualing run --root "$ROOT" -- true
	[ -e "$lock" ] && [ -d "$ROOT/bin" ] || fail "the second one has taken away what the first one stands in"
	kill -KILL "${BACKGROUND[0]}"
	wait_until 5 process_is_gone "${BACKGROUND[0]}"
	[ -e "$lock" ] || fail "it was to be left behind here"
	virtualing gc >/dev/null 2>&1 || true # others may have left what it distrusts
	[ ! -e "$lock" ] || fail "gc leaves $lock"
	equal "$(ls -A "$ROOT")" ""
}

@test "a check of a description leaves no lock, and takes none" {
	echo "Virtual.new(:jail => { :root => '$ROOT', :cmnd => 'true' }).start" >web.rb
	strace -f -o calls "$BUILD/virtualing" check web.rb || skip "strace is not here"
	run ! grep -q 'lock-\|flock(\|F_OFD_SETLK' calls
}

@test "a lock that another user holds on a tree of control groups keeps no group" {
	local name tree
	name=$(unique locked)
	tree=$(dirname "$(dirname "$(group_dir "$name" memory)")")
	others_lock "$tree" -s
	below "/$name/below/own" "$name"
	virtualing "$name.rb"
	equal "$(find /sys/fs/cgroup -path "*/$name*")" ""
}

@test "of virtuals below one group that the first has made the last takes it away" {
	local name number
	name=$(unique parent)
	for number in 1 2; do
		below "/$name/inner/$number" "$name-$number" "sleep 300"
		background "$BUILD/virtualing" "$name-$number.rb"
		wait_for_virtual "$name-$number"
	done
	for number in 1 2; do
		virtualing stop "$name-$number"
	done
	equal "$(find /sys/fs/cgroup -path "*/$name*")" ""
}

# many NAME WHICH: virtuals below one parent, one after the other
many() {
	local i
	below "/$1/$2" "$1-$2"
	for ((i = 0; i < 15; i++)); do
		virtualing "$1-$2.rb" 2>&1 || echo "failed: $?"
	done
}

@test "virtuals that come and go below one group that they have made do not trip over each other" {
	local name
	name=$(unique parent)
	many "$name" one >said.1 &
	many "$name" two >said.2 &
	wait %1 %2
	equal "$(cat said.1 said.2)" ""
	equal "$(find /sys/fs/cgroup -path "*/$name*")" ""
}

# ---- the terminal ----

# bats test_tags=guest
@test "nothing can be typed into the caller's terminal (CVE-2017-5226)" {
	each_is 'EPERM' tiocsti tiocsti=32 tioclinux tioclinux=32
	cat >script <<-END
		expect ready>
		line $PROBE tiocsti; read -t 0.5 -n 1 letter; echo "outside [\$letter]"
		expect outside
		expect ready>
		line $BUILD/virtualing run --root $ROOT --ro-bind $PROBE:/probe -- /probe tiocsti tiocsti=32 tioclinux tioclinux=32; read -t 0.5 -n 1 letter; echo "inside [\$letter]"
		expect inside
		expect ready>
		line exit
		end
	END
	PS1='ready> ' "$BATS_TEST_DIRNAME/terminal.py" bash --norc --noprofile --noediting -i <script >said
	has "$(cat said)" "inside []"
	# What the same does outside shows that it would have been seen; kernels may forbid it to everybody.
	grep -qE '^outside \[#\]|tiocsti E' said || fail "the attack is none:" "$(cat said)"
	equal "$(grep -c EPERM said)" 4 refusals
}

# ---- capabilities, ids ----

@test "capabilities that the caller has as inheritable and ambient do not come in (CVE-2022-27650)" {
	run setpriv --inh-caps +chown,+net_raw --ambient-caps +net_raw "$BUILD/virtualing" run --root "$ROOT" -- \
		grep -E '^Cap(Inh|Amb|Bnd|Prm)' /proc/self/status
	equal "$(xargs <<<"$output")" "CapInh: 0000000000000000 CapPrm: 00000000000004e3 CapBnd: 00000000000004e3 CapAmb: 0000000000000000"
	OPTIONS=(--user nobody)
	run setpriv --inh-caps +chown,+net_raw --ambient-caps +net_raw "$BUILD/virtualing" run --root "$ROOT" --user nobody -- \
		grep -E '^Cap(Inh|Amb|Eff|Prm)' /proc/self/status
	equal "$(xargs <<<"$output")" "CapInh: 0000000000000000 CapPrm: 0000000000000000 CapEff: 0000000000000000 CapAmb: 0000000000000000"
}

# bats test_tags=guest
@test "no capability, limit or privilege can be won back inside" {
	each_is 'EPERM|EINVAL' raise_capabilities inherit_capabilities new_privileges raise_limit realtime raw_socket packet_socket \
		add_address host_name clock
}

@test "user strings that are parsed wrongly elsewhere are refused (CVE-2026-30892)" {
	local user users long
	long=$(printf 'a%.0s' {1..5000})
	users=("" -1 4294967295 0x0 "1 2" "$long" +0 4294967296 18446744073709551616 00x1 " 0" "0 " "0:" ":0" "0:0:0" 1e3 $'0\n'
		$'nobody\n0' 'nobody;id' "0:$long" "-0" "٣")
	[ -z "${VIRTUALING_GUEST:-}" ] || users=("${users[@]:0:6}")
	for user in "${users[@]}"; do
		run -125 --separate-stderr "$BUILD/virtualing" run --root "$ROOT" --user="$user" -- id
		equal "$output" "" "output of user '${user:0:30}'"
		equal "$(wc -l <<<"$stderr")" 1 "lines of: $stderr"
	done
	equal "$(find "$ROOT")" "$ROOT"
}

# ---- text from the configuration ----

@test "shell text in any value is inert" {
	local evil="\$(touch $PWD/won)\`touch $PWD/won\`;touch $PWD/won|'\"&"$'\n'"touch $PWD/won" name
	mkdir "odd $evil" 2>/dev/null || mkdir -p "odd/$evil"
	evil_root=$(find . -mindepth 1 -type d | tail -n 1)
	ROOT=$PWD/${evil_root#./}
	OPTIONS=(--env "EVIL=$evil" --workdir /tmp)
	equal "$(inside sh -c 'printf %s "$EVIL"')" "$evil"
	equal "$(inside printf %s "$evil")" "$evil" argument
	[ ! -e won ] || fail "it was executed"
	for option in name hostname env user memory cpu cpus pids io tmpfs bind ro-bind limits caps filter workdir vip share stop-timeout; do
		virtualing run --root "$PWD/root.none" "--$option=$evil" -- true >said 2>&1 || true
		[ ! -e won ] || fail "--$option: it was executed"
	done
	cat >evil.rb <<-'END'
		evil = ENV["EVIL"]
		Virtual.new({ :resource => { :name => "evil-rb" }, :jail => { :root => ENV["EVIL_ROOT"], :env => { "E" => evil },
		  :cmnd => ["printf", "%s", evil] }, :ip => nil }).run
	END
	equal "$(EVIL=$evil EVIL_ROOT=$ROOT virtualing evil.rb)" "$evil" "argument from Ruby"
	echo 'Virtual.new({ :jail => { :root => ENV["HERE"], :cmnd => "echo $(touch /tmp/inside); ls /tmp" } }).run' >shell.rb
	equal "$(HERE=$PWD/root.shell virtualing shell.rb | xargs)" inside "the shell of a string runs inside"
	[ ! -e won ] && [ ! -e /tmp/inside ] || fail "it was executed on the host"
}

@test "terminal sequences and newlines in a value do not reach the terminal by an error message" {
	run -125 --separate-stderr "$BUILD/virtualing" run --root $'/no\e]0;title\a/such\nroot' --memory $'1\e[2J' -- true
	lacks "$stderr" $'\e'
	run -127 --separate-stderr "$BUILD/virtualing" run -- $'/no/\e[2Jcommand\nvirtualing: forged'
	lacks "$stderr" $'\e'
	equal "$(wc -l <<<"$stderr")" 1 "lines of: $stderr"
}

# own_file OWNER MODE: a configuration of that owner and mode
own_file() {
	echo 'Virtual.new({ :jail => { :cmnd => "echo ran" } }).run' >own.rb
	chown "$1" own.rb
	chmod "$2" own.rb
}

@test "a configuration that others may write is refused, for it is code" {
	local row
	for row in "0:0 666" "0:0 602" "0:1234 664" "1234:1234 644" "1234:0 600"; do
		# shellcheck disable=SC2086 # two words
		own_file $row
		run -125 --separate-stderr "$BUILD/virtualing" own.rb
		equal "$output" "" "$row"
		has "$stderr" own.rb
	done
	own_file 0:0 644
	equal "$(virtualing own.rb)" ran
	own_file 1234:1234 644
	equal "$(SUDO_UID=1234 SUDO_GID=1234 virtualing own.rb)" ran "sudo's caller"
}

# ---- the classics ----

@test "a chroot in the chroot, devices, host processes: nothing leads out of the default jail" {
	victim
	each_is EPERM chroot second_chroot mknod mknod=254:0 remount remount=/ umount umount=/proc/sys
	each_is ESRCH "ptrace=$VICTIM" "read_memory=$VICTIM" "kill=$VICTIM"
	each_is ENOENT read=/dev/mem read=/dev/kmsg "enter=/proc/$VICTIM/root"
	each_is 'EPERM|ENOENT|EROFS|ENODATA' read=/proc/kmsg read=/proc/kcore write=/proc/sysrq-trigger write=/proc/sys/kernel/core_pattern \
		write=/proc/sys/kernel/modprobe write=/proc/sys/fs/binfmt_misc/register write=/proc/mtrr
	kill -0 "$VICTIM"
}

# bats test_tags=guest
@test "a kill of everybody ends the jail's own processes and nobody else" {
	local name
	name=$(unique bystander)
	victim
	start "$name" --root "$ROOT"
	run inside sh -c 'sleep 300 & /probe kill_all; exit 5'
	is_running "$name" || fail "another jail was killed"
	kill -0 "$VICTIM" || fail "a process of the host was killed"
	kill "${BACKGROUND[-1]}"
}

@test "even with capabilities and without the filter devices are not opened and host processes not seen" {
	victim
	OPTIONS=(--caps all --filter none)
	each_is EACCES mknod=1:1
	each_is ESRCH "ptrace=$VICTIM" "kill=$VICTIM"
	kill -0 "$VICTIM"
}

@test "the help tells that a plain chroot is no wall, and it is none" {
	has "$(virtualing run --help | tr -s ' \n' ' ')" "only chroot into an existing root, none of the other walls"
	cp "$PROBE" "$ROOT/probe"
	run virtualing run --root "$ROOT" --plain-chroot -- /probe chroot
	equal "$output" "chroot done"
}

# ---- the filter ----

# bats test_tags=guest
@test "what has opened jails before is denied by the filter, with all capabilities too (io_uring, keyctl, bpf, mount ...)" {
	for OPTIONS_TEXT in "" "--caps all"; do
		read -ra OPTIONS <<<"$OPTIONS_TEXT"
		try calls >denied
		equal "$(grep -v ' EPERM$' denied || true)" "clone3 ENOSYS" "not denied with: $OPTIONS_TEXT"
		[ "$(wc -l <denied)" -gt 40 ]
	done
}

@test "each of them is the filter's doing: without it none is refused to a root with all capabilities" {
	OPTIONS=(--caps all --filter none)
	try calls >allowed
	# The caller's own lack of a capability (a host may hold back some) is not the filter's.
	local lacking
	lacking=$(grep -c ' EPERM$' allowed || true)
	at_most "$lacking" 4 "calls that are refused nevertheless: $(grep ' EPERM$' allowed || true)"
}

# bats test_tags=guest
@test "neither 32-bit calls nor those of x32 get round it" {
	[ "$(uname -m)" = x86_64 ] || skip "only x86 has these, and this is $(uname -m)"
	OPTIONS=(--caps all)
	each_is 'EPERM|signal 11' mount_as_32_bit
	each_is ENOSYS mount_as_x32
}

@test "threads, processes and ordinary programs work under it" {
	equal "$(inside sh -c 'echo $( (echo a & wait) | cat | tr a b)')" b
	run inside python3 -c 'import threading, subprocess
t = threading.Thread(target=lambda: print("thread", flush=True)); t.start(); t.join()
print(subprocess.check_output(["echo", "child"], text=True).strip())'
	[ "$status" = 127 ] || equal "$output" "$(printf 'thread\nchild')"
}
