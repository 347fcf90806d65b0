# The main job: the original virtualing's configuration, key by key, runs a real Apache, and its walls hold under load.

# Scripts in quotes are for a shell inside.
# shellcheck disable=SC2016,SC2030,SC2031,SC2094,SC2154
load helpers

VIP=10.77.0.80 NAME=httpd-jail

# What Apache serves and runs: a page, what it sees of itself, and a load on CPU and disk.
pages() {
	mkdir -p httpd/htdocs httpd/cgi-bin
	echo "served by virtualing" >httpd/htdocs/index.html
	head -c 1M /dev/urandom >httpd/htdocs/big
	cat >httpd/cgi-bin/self <<-'END'
		#!/bin/sh
		printf 'Content-Type: text/plain\r\n\r\n'
		cat "/proc/self/$QUERY_STRING"
	END
	cat >httpd/cgi-bin/burn <<-'END'
		#!/bin/sh
		printf 'Content-Type: text/plain\r\n\r\n'
		end=$(($(date +%s) + QUERY_STRING))
		while [ "$(date +%s)" -lt $end ]; do for n in 1 2 3 4 5 6 7 8 9; do :; done; done &
		while [ "$(date +%s)" -lt $end ]; do for n in 1 2 3 4 5 6 7 8 9; do :; done; done
		wait
		echo burnt
	END
	cat >httpd/cgi-bin/disk <<-'END'
		#!/bin/sh
		printf 'Content-Type: text/plain\r\n\r\n'
		case $QUERY_STRING in
		write) dd if=/dev/zero of=/srv/file bs=1M count=30 oflag=direct 2>&1 ;;
		read) dd if=/srv/file of=/dev/null bs=1M count=30 iflag=direct 2>&1 ;;
		esac
	END
	chmod 755 httpd/cgi-bin/*
	cat >httpd/httpd.conf <<-END
		ServerName localhost
		Listen $VIP:80
		ServerRoot /etc/httpd
		PidFile /dev/shm/httpd.pid
		ErrorLog /dev/stderr
		User www-data
		Group www-data
		LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
		LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
		LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
		LoadModule cgi_module /usr/lib/apache2/modules/mod_cgi.so
		LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
		DocumentRoot /etc/httpd/htdocs
		DirectoryIndex index.html
		ScriptAlias /cgi-bin/ /etc/httpd/cgi-bin/
		Mutex pthread
		TimeOut 120
	END
}

# The form of the seed, with its keys and no others.
seed() {
	cat >httpd.rb <<-END
		Virtual.new({
		  :resource => {
		    :group => "httpd-jail",
		    :cpu_quota => 30000,
		    :blk_dvnd => "$(mountpoint -d "$DISK_MOUNT")",
		    :blk_rbps => 10485760,
		    :blk_wbps => 10485760,
		    :mem => 512 * 1024 * 1024,
		    :oom => true,
		  },
		  :jail => {
		    :root => "$PWD/chroot/apache",
		    :bind => ["/usr/local", "$DISK_MOUNT:/srv"],
		    :ro_bind => ["/usr/local/lib", "$PWD/httpd:/etc/httpd"],
		    :cmnd => "/usr/sbin/apache2 -X -f /etc/httpd/httpd.conf",
		  },
		  :ip => { :vip => "$VIP", :dev => "lan0" },
		}).run
	END
}

get() { net_in client curl -sS --max-time 100 "http://$VIP/$1"; }
serves() { get '' >page 2>/dev/null; }

# self FILE: what /proc/self/FILE says to a program that Apache has started
self() { get "cgi-bin/self?$1"; }

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	chmod 755 .
	net_make && disk_make && pages && seed || return
	chmod 777 "$DISK_MOUNT"
	background nsenter --net="/proc/${NET_HOLDER[server]}/ns/net" "$BUILD/virtualing" httpd.rb
	SUPERVISOR=$!
	wait_until 20 serves || fail "no page" "$(cat background.0)"
}

# stopped: the end, however it comes, and that nothing is left (of the host: test_end)
stopped() {
	wait_until 15 process_is_gone "$SUPERVISOR" || fail "it does not end" "$(cat background.0)"
	! net_addresses server | grep -q $VIP || fail "the vip stays"
	[ ! -e chroot ] || fail "left of the root:" "$(find chroot)"
	! net_in client curl -s --max-time 1 "http://$VIP/" >/dev/null || fail "it still serves"
}

@test "the seed's configuration runs Apache: a page through the vip, its walls from inside, nothing left" {
	equal "$(cat page)" "served by virtualing"
	equal "$(net_addresses server | grep -c "$VIP/32")" 1 "vip"
	get big | cmp - httpd/htdocs/big

	has "$(self cgroup)" ":/virtualing/$NAME"
	self mounts >mounts
	grep -q '^[^ ]* / ext4 rw,nosuid,nodev' mounts || grep -q '^[^ ]* / [^ ]* rw,nosuid,nodev' mounts || fail "$(cat mounts)"
	for place in /usr/bin /usr/lib /usr/local/lib /etc/httpd /dev /proc/sys; do
		grep -q "^[^ ]* $place [^ ]* ro," mounts || fail "$place is not read-only" "$(cat mounts)"
	done
	for place in /usr/local /srv /proc; do
		grep -q "^[^ ]* $place [^ ]* rw,nosuid,nodev" mounts || fail "$place cannot be written" "$(cat mounts)"
	done
	equal "$(awk '$3 ~ /^cgroup/' mounts)" "" "control groups inside"

	local pid
	# Apache has become www-data, so nothing is left in its sets; the six are the most that it could ever have.
	pid=$(virtualing show --json $NAME | jq .pid)
	self status >status
	for file in status "/proc/$pid/status"; do
		equal "$(sed -n 's/^\(CapInh\|CapPrm\|CapEff\|CapBnd\|CapAmb\|NoNewPrivs\|Seccomp\):\t//p' "$file" | xargs)" \
			"0000000000000000 0000000000000000 0000000000000000 00000000000004e3 0000000000000000 1 2" "$file"
	done
	[ "$(find "/proc/$pid/fd" -mindepth 1 -printf '%l\n' | grep -vcE '^(/dev/null|socket:|pipe:|anon_inode:)|background\.0$')" = 0 ] ||
		fail "open files of the host:" "$(find "/proc/$pid/fd" -mindepth 1 -printf '%l\n')"
	kill -TERM "$SUPERVISOR"
	stopped
}

@test "the groups' files hold 30 %, 10 MiB/s and 512 MiB, and show tells them" {
	local device
	device=$(mountpoint -d "$DISK_MOUNT")
	equal "$(limit_now $NAME memory)" 536870912
	case $(host_kind) in
	v2)
		equal "$(cat "$(group_dir $NAME cpu)/work/cpu.max")" "30000 100000"
		has "$(cat "$(group_dir $NAME io)/work/io.max")" "$device rbps=10485760 wbps=10485760"
		;;
	*)
		equal "$(cat /sys/fs/cgroup/cpu/virtualing/$NAME/cpu.cfs_quota_us)" 30000
		equal "$(cat /sys/fs/cgroup/cpu/virtualing/$NAME/cpu.cfs_period_us)" 100000
		equal "$(cat /sys/fs/cgroup/blkio/virtualing/$NAME/blkio.throttle.read_bps_device)" "$device 10485760"
		equal "$(cat /sys/fs/cgroup/blkio/virtualing/$NAME/blkio.throttle.write_bps_device)" "$device 10485760"
		;;
	esac
	virtualing show $NAME >shown
	grep -E 'cpu' shown | grep -q 30000 || fail "$(cat shown)"
	virtualing stop $NAME
	stopped
}

@test "under load it takes at most 30 % of a CPU" {
	local before after begun took i
	background nsenter --net="/proc/${NET_HOLDER[client]}/ns/net" curl -sS "http://$VIP/cgi-bin/burn?4"
	sleep 1
	before=$(cpu_used_us $NAME) begun=${EPOCHREALTIME/[.,]/}
	for ((i = 0; i < 5; i++)); do # it serves one at a time: these wait, and are served after it
		background nsenter --net="/proc/${NET_HOLDER[client]}/ns/net" curl -sS -o big "http://$VIP/big"
	done
	sleep 2.5
	after=$(cpu_used_us $NAME) took=$((${EPOCHREALTIME/[.,]/} - begun))
	at_most $(((after - before) * 100 / took)) 33 "percent of a CPU"
	# It was a load, however busy the machine is.
	[ $(((after - before) * 100 / took)) -ge 3 ] || fail "it used only $((after - before)) us in $took"
	kill -TERM "$SUPERVISOR"
	stopped
}

# seconds_for WHAT: ms that Apache needs to read or write 30 MiB directly
ms_for() {
	local begun=${EPOCHREALTIME/[.,]/}
	get "cgi-bin/disk?$1" >said
	grep -q '^30+0 records out' said || fail "$(cat said background.0)"
	echo $(((${EPOCHREALTIME/[.,]/} - begun) / 1000))
}

@test "it writes and reads at most 10 MiB/s of the disk directly" {
	local ms
	ms=$(ms_for write)
	[ "$ms" -ge 2600 ] || fail "30 MiB were written in $ms ms"
	ms=$(ms_for read)
	[ "$ms" -ge 2600 ] || fail "30 MiB were read in $ms ms"
	kill -TERM "$SUPERVISOR"
	stopped
}
