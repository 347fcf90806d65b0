# The jail, seen from inside: its file system, namespaces, users, capabilities.
# not in the guest: mounts, namespaces and ids are the same on both

# Scripts in quotes are for a shell inside; lists of options have commas.
# shellcheck disable=SC2016,SC2030,SC2031,SC2054,SC2094,SC2154
load helpers
load walled

# inside COMMAND...: runs it in a jail with $OPTIONS
inside() { virtualing run --root "$ROOT" "${OPTIONS[@]}" -- "$@"; }

# see SCRIPT: what a shell inside says
see() { inside sh -c "$1"; }

# try ATTACK...: how far the probe gets inside, one line each
try() { OPTIONS+=(--ro-bind "$PROBE:/probe") && inside /probe "$@"; }

# ---- what is there ----

@test "the host's system directories are there, the same files, read-only, without setuid and devices" {
	local directory expected=''
	for directory in bin etc/alternatives etc/pki/tls/certs etc/pki/ca-trust etc/ssl/certs lib lib64 sbin usr/bin \
		usr/include usr/lib usr/lib64 usr/libexec usr/sbin usr/share usr/src; do
		[ ! -d "/$directory" ] || expected+="$directory "
	done
	see "for d in $expected; do stat -L -c '%n %d:%i' /\$d; done" >here
	# shellcheck disable=SC2086 # a list
	(cd / && stat -L -c '/%n %d:%i' $expected) | diff - here
	see "for d in $expected; do touch /\$d/x 2>&1; done" >tried || true
	equal "$(grep -c 'Read-only file system' tried)" "$(wc -w <<<"$expected")" "directories that cannot be written"
	see 'cat /proc/self/mountinfo' >mounts
	for directory in $expected; do
		[ -L "/$directory" ] || grep -q " /$directory ro,nosuid,nodev," mounts || fail "$directory:" "$(cat mounts)"
	done
}

@test "passwd, group, hosts and resolv.conf are copies: the same text and mode, and the host's stay as they are" {
	local file
	for file in passwd group hosts resolv.conf; do
		[ ! -f /etc/$file ] || (cd /etc && sha256sum $file && stat -c '%a %u %g' $file)
	done >host
	see 'cd /etc; for f in passwd group hosts resolv.conf; do
		[ ! -f $f ] || { sha256sum $f; stat -c "%a %u %g" $f; echo changed >> $f; }; done' >jail
	diff host jail
	(cd /etc && sha256sum --quiet --check <(grep -F '  ' "$OLDPWD/host"))
	equal "$(tail -n 1 "$ROOT/etc/hosts")" changed
}

@test "/tmp, /run, /run/lock, /var/tmp and /var/log are there and can be written" {
	equal "$(see 'stat -c "%a %n" /tmp /run /run/lock /var/tmp /var/log; readlink /var/lock
		for d in /tmp /run /run/lock /var/lock /var/tmp /var/log; do echo x > $d/file && rm $d/file || echo no $d; done')" \
		"$(printf '%s\n' '1777 /tmp' '755 /run' '1777 /run/lock' '1777 /var/tmp' '755 /var/log' ../run/lock)"
}

@test "nothing else of the host is there" {
	equal "$(see 'ls -d /*' | xargs)" "/bin /dev /etc /lib /lib64 /proc /run /sbin /tmp /usr /var"
	equal "$(see 'ls /etc | sort' | xargs)" "alternatives group hosts passwd resolv.conf ssl"
	equal "$(see 'ls /home /root /sys /srv /boot /usr/local 2>/dev/null; true')" ""
}

@test "/usr/local is there only when it is bound" {
	run see 'ls -d /usr/local'
	equal "$status" 2
	OPTIONS=(--ro-bind /usr/local)
	equal "$(see 'stat -c %d:%i /usr/local')" "$(stat -c %d:%i /usr/local)"
}

# ---- /dev, /proc ----

@test "/dev holds the minimum and nothing else" {
	equal "$(see 'ls /dev | sort' | xargs)" "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero"
	equal "$(see 'stat -c "%n %t:%T %a" /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty' | xargs)" \
		"/dev/null 1:3 666 /dev/zero 1:5 666 /dev/full 1:7 666 /dev/random 1:8 666 /dev/urandom 1:9 666 /dev/tty 5:0 666"
}

@test "each of its devices works" {
	see 'echo gone > /dev/null && [ -z "$(cat /dev/null)" ]' || fail null
	equal "$(see 'head -c 4 /dev/zero | od -An -tx1')" " 00 00 00 00" zero
	has "$(see 'cat /etc/hosts > /dev/full' 2>&1 || true)" "No space left on device"
	equal "$(see 'head -c 8 /dev/random | wc -c; head -c 8 /dev/urandom | wc -c' | xargs)" "8 8" random
	has "$(setsid "$BUILD/virtualing" run --root "$ROOT" -- sh -c 'echo x > /dev/tty' 2>&1 || true)" "No such device or address"
	equal "$(see 'echo shared > /dev/shm/file && cat /dev/shm/file')" shared
	equal "$(echo in | see 'cat /dev/stdin; echo out > /dev/stdout; echo err > /dev/stderr; cat /dev/fd/0' 2>&1 | xargs)" \
		"in out err"
	equal "$(inside script -qec 'tty' /dev/null </dev/null | tr -d '\r')" /dev/pts/0 "a terminal of its own"
}

@test "/dev itself cannot be written, and its shm is of this jail alone" {
	equal "$(try create=/dev/x unlink=/dev/null create=/dev/shm/file)" \
		"$(printf '%s\n' 'create=/dev/x EROFS' 'unlink=/dev/null EROFS' 'create=/dev/shm/file done')"
	[ ! -e /dev/shm/file ]
	equal "$(inside ls /dev/shm)" ""
}

@test "/proc is the jail's own: only its processes, settings read-only, the host's secrets masked" {
	equal "$(see 'ls /proc | grep -c "^[0-9]"; cat /proc/1/comm; readlink /proc/self')" "$(printf '4\nvirtualing-init\n6')"
	equal "$(try write=/proc/sys/kernel/core_pattern write=/proc/sys/vm/drop_caches create=/proc/x)" \
		"$(printf '%s\n' 'write=/proc/sys/kernel/core_pattern EROFS' 'write=/proc/sys/vm/drop_caches EROFS' \
			'create=/proc/x ENOENT')"
	local file expected=''
	for file in kcore keys timer_list sched_debug latency_stats; do
		[ -e /proc/$file ] || expected+="read=/proc/$file ENOENT"$'\n'
		[ ! -e /proc/$file ] || expected+="read=/proc/$file ENODATA"$'\n'
	done
	equal "$(try read=/proc/kcore read=/proc/keys read=/proc/timer_list read=/proc/sched_debug read=/proc/latency_stats)" \
		"${expected%$'\n'}"
}

@test "/dev and /proc can be left out" {
	OPTIONS=(--no-dev --no-proc)
	equal "$(see 'echo /dev/* /proc/*')" '/dev/* /proc/*'
	mkdir "$ROOT/dev"
	echo own >"$ROOT/dev/file"
	equal "$(see 'cat /dev/file')" own
}

# ---- binds ----

@test "a bound directory is the host's: what is written there is there" {
	mkdir data
	echo from-host >data/file
	OPTIONS=(--bind "$PWD/data:/srv/data" --bind "$PWD/data")
	equal "$(see "cat /srv/data/file $PWD/data/file; echo from-jail > /srv/data/new" | xargs)" "from-host from-host"
	equal "$(cat data/new)" from-jail
	[ ! -e "$ROOT/srv" ] || fail "the place that was made for it stays: $(find "$ROOT")"
}

@test "what would be a copy of the host's file may be bound from elsewhere, in an empty root too" {
	echo 'own 1.2.3.4' >own
	OPTIONS=(--ro-bind "$PWD/own:/etc/hosts" --bind "$PWD/own:/etc/resolv.conf")
	equal "$(inside cat /etc/hosts /etc/resolv.conf)" $'own 1.2.3.4\nown 1.2.3.4'
	mkdir "$ROOT/etc"
	equal "$(inside cat /etc/hosts)" 'own 1.2.3.4'
}

@test "a read-only bind cannot be written and cannot be made writable" {
	mkdir data
	echo old >data/file
	OPTIONS=(--ro-bind "$PWD/data:/data")
	equal "$(try write=/data/file create=/data/new unlink=/data/file remount=/data umount=/data | xargs)" \
		"write=/data/file EROFS create=/data/new EROFS unlink=/data/file EROFS remount=/data EPERM umount=/data EPERM"
	equal "$(ls data; cat data/file)" "$(printf 'file\nold')"
}

@test "files are bound like directories, also over files of the root" {
	echo one >one
	echo two >two
	mkdir "$ROOT/etc"
	echo covered >"$ROOT/etc/motd"
	OPTIONS=(--bind "$PWD/one:/etc/motd" --ro-bind "$PWD/two:/srv/deep/down/two")
	equal "$(see 'cat /etc/motd /srv/deep/down/two; echo new > /etc/motd; echo no > /srv/deep/down/two || true' 2>errors | xargs)" \
		"one two"
	has "$(cat errors)" "Read-only file system"
	equal "$(cat one two "$ROOT/etc/motd" | xargs)" "new two covered"
}

@test "binds nest: read-only in writable, writable in read-only, whatever the order in which they are given" {
	mkdir -p outer/inner outer/other inner
	touch inner/here
	for OPTIONS_TEXT in "--ro-bind $PWD/inner:/o/inner --bind $PWD/outer:/o" "--bind $PWD/outer:/o --ro-bind $PWD/inner:/o/inner"; do
		read -ra OPTIONS <<<"$OPTIONS_TEXT"
		equal "$(try write=/o/inner/here create=/o/other/new | xargs)" "write=/o/inner/here EROFS create=/o/other/new done"
		rm outer/other/new
	done
	OPTIONS=(--bind "$PWD/inner:/o/inner" --ro-bind "$PWD/outer:/o")
	equal "$(try create=/o/new create=/o/inner/new | xargs)" "create=/o/new EROFS create=/o/inner/new done"
	equal "$(ls outer/inner)" "" "the host's own directory below the nested bind"
}

@test "nothing is made in a directory of the host for a nested bind" {
	mkdir outer inner
	OPTIONS=(--bind "$PWD/outer:/o" --bind "$PWD/inner:/o/missing")
	refused_inside "target /o/missing does not exist in $PWD/outer" inside true
	equal "$(ls outer)" ""
}

# as_mounted COMMAND...: in a mount namespace where data/below is a file system of its own
as_mounted() {
	mkdir -p data/below
	unshare --mount --propagation private sh -c 'mount -t tmpfs none data/below && echo old > data/below/file && exec "$@"' sh "$@"
}

@test "what is mounted below a bound directory comes along, read-only when that is" {
	as_mounted "$BUILD/virtualing" run --root "$ROOT" --ro-bind "$PROBE:/probe" --ro-bind "$PWD/data:/data" -- \
		/probe read=/data/below/file write=/data/below/file create=/data/below/new create=/data/new >out
	equal "$(xargs <out)" \
		"read=/data/below/file done write=/data/below/file EROFS create=/data/below/new EROFS create=/data/new EROFS"
	as_mounted "$BUILD/virtualing" run --root "$ROOT" --ro-bind "$PROBE:/probe" --bind "$PWD/data:/data" -- \
		/probe write=/data/below/file create=/data/below/new >out
	equal "$(xargs <out)" "write=/data/below/file done create=/data/below/new done"
}

@test "what is mounted below the root comes along too, and is hidden where the jail mounts" {
	mkdir -p "$ROOT/srv"
	unshare --mount --propagation private sh -c \
		'mount -t tmpfs none "$0/srv" && echo mounted > "$0/srv/file" && exec "$@"' "$ROOT" \
		"$BUILD/virtualing" run --root "$ROOT" --read-only --ro-bind "$PROBE:/probe" -- \
		/probe read=/srv/file write=/srv/file >out
	equal "$(xargs <out)" "read=/srv/file done write=/srv/file EROFS"
}

@test "setuid programs and devices do nothing in what is bound" {
	mkdir data
	cp /usr/bin/id data/id
	chmod 4755 data/id
	mknod data/device b 7 0
	OPTIONS=(--bind "$PWD/data:/data" --user nobody)
	equal "$(inside /data/id -u)" "$(id -u nobody)"
	OPTIONS=(--bind "$PWD/data:/data" --caps all --filter none)
	has "$(see 'head -c 1 /data/device' 2>&1 || true)" "Permission denied"
}

# ---- tmpfs, read-only ----

@test "a tmpfs has the size that was asked for, and is gone afterwards" {
	OPTIONS=(--tmpfs /scratch:1M --tmpfs /var/cache/deep)
	run see 'stat -f -c "%T %b %S" /scratch /var/cache/deep; stat -c %a /scratch; head -c 2M /dev/zero > /scratch/file'
	equal "${lines[0]}" "tmpfs 256 4096"
	has "${lines[1]}" tmpfs
	equal "${lines[2]}" 1777
	has "$output" "No space left on device"
	equal "$(find "$ROOT")" "$ROOT" "the root afterwards"
}

@test "a tmpfs hides what is there, and takes binds" {
	mkdir "$ROOT/srv" data
	echo hidden >"$ROOT/srv/file"
	echo shown >data/file
	OPTIONS=(--bind "$PWD/data:/srv/a/b" --tmpfs /srv:64K)
	equal "$(see 'find /srv; cat /srv/a/b/file' | xargs)" "/srv /srv/a /srv/a/b /srv/a/b/file shown"
	equal "$(find "$ROOT" | sort | xargs)" "$ROOT $ROOT/srv $ROOT/srv/file"
}

@test "--read-only: the root cannot be written, /tmp, /run and /var/tmp are in memory" {
	OPTIONS=(--read-only)
	equal "$(try create=/x create=/etc/x create=/var/log/x write=/etc/hosts create=/tmp/x create=/run/x create=/run/lock/x \
		create=/var/tmp/x | xargs)" "create=/x EROFS create=/etc/x EROFS create=/var/log/x EROFS write=/etc/hosts EROFS \
create=/tmp/x done create=/run/x done create=/run/lock/x done create=/var/tmp/x done"
	equal "$(see 'stat -f -c %T /tmp /run /var/tmp' | xargs)" "tmpfs tmpfs tmpfs"
	equal "$(find "$ROOT")" "$ROOT" "the root afterwards"
}

# ---- users ----

# ids: what the kernel says of the process
ids() { inside grep -E '^(Uid|Gid|Groups):' /proc/self/status | tr -s '\t ' ' ' | sed 's/ *$//' | paste -sd ';'; }

@test "--user takes a name, a number or number:number, as the jail's own files have them" {
	mkdir "$ROOT/etc"
	printf '%s\n' 'root:x:0:0::/root:/bin/sh' 'web:x:4321:4322::/srv/home:/bin/sh' >"$ROOT/etc/passwd"
	printf '%s\n' 'root:x:0:' 'web:x:4322:' 'logs:x:4400:other,web' 'backup:x:4401:web' 'not:x:4402:webber' >"$ROOT/etc/group"
	OPTIONS=(--user web)
	equal "$(ids)" "Uid: 4321 4321 4321 4321;Gid: 4322 4322 4322 4322;Groups: 4322 4400 4401"
	equal "$(see 'echo $USER $LOGNAME $HOME')" "web web /srv/home"
	OPTIONS=(--user 4321)
	equal "$(ids)" "Uid: 4321 4321 4321 4321;Gid: 4322 4322 4322 4322;Groups:"
	OPTIONS=(--user 70001)
	equal "$(ids)" "Uid: 70001 70001 70001 70001;Gid: 70001 70001 70001 70001;Groups:"
	OPTIONS=(--user 70001:70002)
	equal "$(ids)" "Uid: 70001 70001 70001 70001;Gid: 70002 70002 70002 70002;Groups:"
	OPTIONS=(--user daemon)
	refused_inside "the jail's /etc/passwd has no user daemon" inside true
}

@test "without --user the ids are the caller's" {
	local here
	here=$(grep -E '^(Uid|Gid|Groups):' /proc/self/status | tr -s '\t ' ' ' | sed 's/ *$//' | paste -sd ';')
	equal "$(ids)" "$here"
}

@test "another user cannot write what is root's, and can write /tmp" {
	OPTIONS=(--user nobody)
	equal "$(try create=/x write=/etc/hosts create=/var/log/x create=/tmp/x | xargs)" \
		"create=/x EACCES write=/etc/hosts EACCES create=/var/log/x EACCES create=/tmp/x done"
}

# ---- limits, environment, directory, names ----

@test "--limits sets limits of resources, soft and hard" {
	OPTIONS=(--limits nofile=64:128,core=0 --limits fsize=8192)
	inside cat /proc/self/limits >limits
	equal "$(sed -n 's/^Max open files *//p' limits | xargs)" "64 128 files"
	equal "$(sed -n 's/^Max core file size *//p' limits | xargs)" "0 0 bytes"
	equal "$(sed -n 's/^Max file size *//p' limits | xargs)" "8192 8192 bytes"
	equal "$(try raise_limit)" "raise_limit EPERM"
	OPTIONS=(--limits fsize=8192)
	run see 'head -c 9000 /dev/zero > /tmp/file; stat -c %s /tmp/file'
	has "$output" 8192
}

@test "the environment is the caller's without what steers a loader, then --env" {
	run env LD_PRELOAD= LD_LIBRARY_PATH=/x GLIBC_TUNABLES=x=y KEPT='a b' CHANGED=old \
		"$BUILD/virtualing" run --root "$ROOT" --env CHANGED=new --env 'ADDED=$(id); "x"' -- env
	has "$output" "KEPT=a b"
	has "$output" 'ADDED=$(id); "x"'
	equal "$(grep ^CHANGED <<<"$output")" CHANGED=new
	lacks "$output" LD_
	lacks "$output" TUNABLES
}

@test "--clear-env leaves TERM and a PATH" {
	run env KEPT=1 TERM=vt52 PATH=/caller "$BUILD/virtualing" run --root "$ROOT" --clear-env --env ONLY=this -- /usr/bin/env
	equal "$(sort <<<"$output")" "$(printf '%s\n' ONLY=this \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=vt52)"
}

@test "the command starts in /, or in --workdir" {
	equal "$(inside pwd)" /
	OPTIONS=(--workdir /var/log)
	equal "$(inside pwd)" /var/log
	OPTIONS=(--workdir /no/such)
	refused_inside "/no/such" inside true
	OPTIONS=(--workdir /etc/hosts)
	refused_inside "/etc/hosts" inside true
}

@test "the host name inside is the virtual's or --hostname, and the host's stays" {
	local before
	before=$(cat /proc/sys/kernel/hostname)
	OPTIONS=(--name "$(unique host)")
	equal "$(inside cat /proc/sys/kernel/hostname)" "${OPTIONS[1]}"
	OPTIONS=(--hostname web.example.org)
	equal "$(inside cat /proc/sys/kernel/hostname)" web.example.org
	equal "$(cat /proc/sys/kernel/hostname)" "$before"
}

# ---- namespaces ----

# namespaces: those that differ from the host's
namespaces() {
	inside sh -c 'for n in cgroup ipc mnt net pid time user uts; do echo $n $(readlink /proc/self/ns/$n); done' >inside
	for n in cgroup ipc mnt net pid time user uts; do echo $n "$(readlink /proc/self/ns/$n)"; done | diff - inside |
		sed -n 's/^> \([a-z]*\).*/\1/p' | xargs
}

@test "mount, pid, ipc and uts namespaces are the jail's own; net is shared unless --share none" {
	equal "$(namespaces)" "ipc mnt pid uts"
	OPTIONS=(--share none)
	equal "$(namespaces)" "ipc mnt net pid uts"
	OPTIONS=(--share pid,ipc,uts,net)
	equal "$(namespaces)" mnt
	OPTIONS=(--share uts)
	equal "$(namespaces)" "ipc mnt pid"
}

@test "a network namespace of its own has lo, up, and nothing else" {
	OPTIONS=(--share none)
	equal "$(see 'tail -n +3 /proc/net/dev | sed "s/:.*//" | tr -d " "')" "$(
		unshare --net sed '1,2d; s/:.*//; s/ //g' /proc/net/dev)"
	has "$(inside ip -o link show lo)" ,UP
}

@test "a System V segment and a message of the host are not seen inside" {
	local segment
	segment=$(ipcmk --shmem 4096 | sed 's/.*: //')
	run inside ipcs --shmems
	ipcrm --shmem-id "$segment"
	lacks "$output" "$segment"
	equal "$(grep -c 0x <<<"$output")" 0 "segments inside"
}

@test "with init the command is a child of pid 1, with --no-init it is pid 1" {
	equal "$(see 'echo $$ $PPID')" "2 1"
	OPTIONS=(--no-init)
	equal "$(see 'echo $$ $PPID')" "1 0"
}

@test "the host's mounts stay the same while it runs" {
	local name before
	name=$(unique mounts)
	before=$(cat /proc/self/mountinfo)
	mkdir data
	start "$name" --root "$ROOT" --bind "$PWD/data:/data" --tmpfs /scratch
	equal "$(cat /proc/self/mountinfo)" "$before" "mounts of the host"
	kill "${BACKGROUND[-1]}"
}

# In a mount namespace whose mounts are shared among all that are copied from it, as systemd makes the host's.
@test "where mounts are shared, none goes out of the jail and a later one does not come in" {
	mkdir -p data/late "$ROOT/srv"
	unshare --mount --propagation private sh -c '
		mount --make-rshared / && cat /proc/self/mountinfo > before || exit
		"$0" run --root "$1" --bind "$PWD/data:/data" -- sh -c "
			while [ ! -e /data/mounted ]; do sleep 0.02; done; cat /proc/self/mountinfo" > inside &
		while [ -z "$(find "$1" -name log)" ] && kill -0 $!; do sleep 0.02; done
		sleep 0.1
		cat /proc/self/mountinfo > during
		mount -t tmpfs late-data data/late && mount -t tmpfs late-root "$1/srv" && touch data/mounted && wait $!
	' "$BUILD/virtualing" "$ROOT"
	diff before during
	grep -q " /data " inside
	lacks "$(cat inside)" late
}

# ---- capabilities, filter, descriptors ----

# capabilities: the five sets, inheritable permitted effective bounding ambient
capabilities() { inside sed -n 's/^Cap...:\t0*\(.\)/\1/p' /proc/self/status | xargs; }

@test "capabilities in all five sets: the six, or what --caps keeps, and nothing inheritable or ambient" {
	equal "$(capabilities)" "0 4e3 4e3 4e3 0"
	OPTIONS=(--caps keep=chown,kill)
	equal "$(capabilities)" "0 21 21 21 0"
	OPTIONS=(--caps none)
	equal "$(capabilities)" "0 0 0 0 0"
	OPTIONS=(--no-init)
	equal "$(capabilities)" "0 4e3 4e3 4e3 0"
}

@test "--caps all keeps what the caller has" {
	local all
	all=$(sed -n 's/^CapBnd:\t0*//p' /proc/self/status)
	OPTIONS=(--caps all)
	equal "$(capabilities)" "0 $all $all $all 0"
}

@test "capabilities of another user: none, unless --caps asks for them" {
	OPTIONS=(--user nobody)
	equal "$(capabilities)" "0 0 0 4e3 0"
	OPTIONS=(--user nobody --caps keep=net_bind_service)
	equal "$(capabilities)" "400 400 400 400 400"
	OPTIONS=(--user nobody --caps none)
	equal "$(capabilities)" "0 0 0 0 0"
}

@test "each process has no_new_privs and the filter, init too" {
	equal "$(inside sed -n 's/^\(NoNewPrivs\|Seccomp\):\t//p' /proc/self/status /proc/1/status | xargs)" "1 2 1 2"
	OPTIONS=(--filter none)
	equal "$(inside sed -n 's/^\(NoNewPrivs\|Seccomp\):\t//p' /proc/self/status | xargs)" "1 0"
}

@test "a filter from a file takes the default's place" {
	# ld nr; jeq uname: return EPERM; return allow
	printf '\x20\0\0\0\0\0\0\0\x15\0\0\1\x3f\0\0\0\x06\0\0\0\1\0\5\0\x06\0\0\0\0\0\xff\x7f' >filter
	[ "$(uname -m)" = x86_64 ] || printf '\x20\0\0\0\0\0\0\0\x15\0\0\1\xa0\0\0\0\x06\0\0\0\1\0\5\0\x06\0\0\0\0\0\xff\x7f' >filter
	OPTIONS=(--filter "$PWD/filter")
	run inside uname
	equal "$status" 1
	has "$output" "Operation not permitted"
	equal "$(inside grep -c '^Seccomp_filters:.1$' /proc/self/status)" 1 filters
	printf 'short' >filter
	refused_inside "$PWD/filter" inside true
}

@test "/proc/self/fd holds 0, 1, 2 and nothing that was open outside" {
	equal "$(see 'ls -l /proc/self/fd' 5<"$ROOT" 6<. 7>file | awk 'NF > 8 { print $9 }' | xargs)" "0 1 2 3"
	OPTIONS=(--no-init)
	equal "$(see 'ls -l /proc/self/fd' 5<"$ROOT" 6<. 7>file | awk 'NF > 8 { print $9 }' | xargs)" "0 1 2 3"
}

# ---- the root ----

@test "a root that is missing is made, with its parents, and all of it is gone afterwards" {
	ROOT=$PWD/new/root/deep
	equal "$(see 'echo x > /tmp/file && rm /tmp/file && stat -c "%a %u:%g" /')" "755 0:0"
	[ ! -e new ] || fail "left: $(find new)"
}

@test "a root that is missing stays when the program left something in it, with nothing but that" {
	ROOT=$PWD/new/root
	see 'mkdir /srv && echo kept > /srv/file && echo log > /var/log/log'
	equal "$(cd new && find . | sort | xargs)" ". ./root ./root/srv ./root/srv/file ./root/var ./root/var/log ./root/var/log/log"
	equal "$(see 'cat /srv/file /var/log/log' | xargs)" "kept log" "the second time"
}

@test "a copy that the program has changed stays; the next run uses it and it stays again" {
	see 'echo 192.0.2.1 changed >> /etc/hosts'
	equal "$(cd "$ROOT" && find . | sort | xargs)" ". ./etc ./etc/hosts"
	has "$(see 'cat /etc/hosts')" "192.0.2.1 changed"
	has "$(cat "$ROOT/etc/hosts")" "192.0.2.1 changed"
}

@test "directories and files that were in the root are left as they were, with modes, owners and times" {
	mkdir -p "$ROOT/tmp" "$ROOT/etc" "$ROOT/usr/local/bin" "$ROOT/bin"
	echo mine >"$ROOT/etc/passwd"
	chmod 700 "$ROOT/tmp" && chown 1234:1234 "$ROOT/tmp"
	echo own >"$ROOT/usr/local/bin/own"
	find "$ROOT" -mindepth 1 -printf '%P %m %u %s %y\n' | sort >before
	equal "$(see 'cat /etc/passwd /usr/local/bin/own; ls /bin | head -n 1 >/dev/null' | xargs)" "mine own"
	find "$ROOT" -mindepth 1 -printf '%P %m %u %s %y\n' | sort | diff before -
}

@test "symbolic links in the root lead where they would if the root were /" {
	mkdir -p outside/usr outside/log "$ROOT/real/usr" "$ROOT/real/var" "$ROOT/real/run"
	ln -s real/usr "$ROOT/usr"
	ln -s /real/var "$ROOT/var"
	ln -s ../../../../../../../../../../real/run "$ROOT/run"
	equal "$(see 'readlink /usr /var; ls -d /real/run/lock /real/usr/bin /real/var/log; cat /etc/hosts | wc -l' | xargs)" \
		"real/usr /real/var /real/run/lock /real/usr/bin /real/var/log $(wc -l </etc/hosts)"
	equal "$(cd "$ROOT" && find . | sort | xargs)" ". ./real ./real/run ./real/usr ./real/var ./run ./usr ./var"
}

@test "a symbolic link that leads nowhere inside the root is refused, and nothing is made at its end outside" {
	mkdir outside
	ln -s "$PWD/outside" "$ROOT/var"
	refused_inside "/var" inside true
	equal "$(find outside "$ROOT" | sort | xargs)" "$(printf '%s\n' "$ROOT" "$ROOT/var" outside | sort | xargs)"
}

@test "the root may be given as a symbolic link" {
	ln -s "$ROOT" link
	mkdir "$ROOT/srv"
	equal "$(virtualing run --root "$PWD/link" -- ls -d /srv)" /srv
	[ -L link ]
}

# ---- plain chroot ----

# busybox_root: the root gets a shell that needs nothing else
busybox_root() {
	mkdir "$ROOT/bin"
	cp "$(type -P busybox)" "$ROOT/bin/busybox"
}

@test "--plain-chroot is a chroot into what is there and nothing else" {
	busybox_root
	OPTIONS=(--plain-chroot)
	equal "$(inside /bin/busybox sh -c 'echo /*; /bin/busybox pwd; echo $(( $$ > 2 ))' | xargs)" "/bin / 1"
	equal "$(find "$ROOT" | wc -l)" 3 files
	OPTIONS+=(--user 4321:4322 --workdir /bin --limits nofile=99 --env A=b)
	equal "$(inside /bin/busybox sh -c '/bin/busybox id -u; /bin/busybox id -g; /bin/busybox pwd; ulimit -n; echo $A' | xargs)" \
		"4321 4322 /bin 99 b"
}

@test "in a plain chroot namespaces and capabilities are the host's" {
	local name pid n
	busybox_root
	name=$(unique chroot)
	background "$BUILD/virtualing" run --name "$name" --root "$ROOT" --plain-chroot -- /bin/busybox sleep 300
	wait_for_virtual "$name"
	pid=$(virtualing show --json "$name" | jq .pid)
	equal "$(readlink "/proc/$pid/root")" "$ROOT"
	for n in ipc mnt net pid user uts; do
		equal "$(readlink "/proc/$pid/ns/$n")" "$(readlink /proc/self/ns/$n)" $n
	done
	equal "$(grep ^CapEff "/proc/$pid/status")" "$(grep ^CapEff /proc/self/status)"
	kill "${BACKGROUND[-1]}"
}

@test "a plain chroot into a root that is not there is refused and not made" {
	OPTIONS=(--plain-chroot)
	ROOT=$PWD/missing
	refused_inside "$PWD/missing" inside true
	[ ! -e missing ]
}

# ---- from Ruby ----

@test "the same from a file, by today's keys and by the seed's" {
	mkdir data
	echo data >data/file
	cat >jail.rb <<-END
		Virtual.new({ :jail => {
		  :root => "$ROOT", :bind => ["$PWD/data:/data"], :ro_bind => "$PWD/data:/fixed", :tmpfs => ["/scratch:1M"],
		  :read_only => true, :user => "nobody", :limits => { :nofile => 77 }, :env => { "A" => "b" }, :workdir => "/data",
		  :hostname => "inner", :share => ["none"], :init => false, :caps => "none",
		  :cmnd => ["sh", "-c", "cat file; id -un; ulimit -n; echo \$A \$\$; cat /proc/sys/kernel/hostname; touch /fixed/x"],
		} }).run
	END
	run virtualing jail.rb
	equal "$(head -n 5 <<<"$output" | xargs)" "data nobody 77 b 1 inner"
	has "$output" "Read-only file system"
}

@test ":jailing => false is a plain chroot" {
	busybox_root
	echo "Virtual.new({ :jail => { :root => '$ROOT', :jailing => false, :cmnd => '/bin/busybox ls /' } }).run" >chroot.rb
	run virtualing chroot.rb
	equal "$output" bin
}
