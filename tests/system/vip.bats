#!/usr/bin/env bats
# The keeper of a vip on its own: "server" has the vip, "client" is a neighbour on the same cable (tests/lib.bash).
# vip_driver stands for the supervisor.
#
# not in the guest: nothing here depends on the version of control groups

# shellcheck disable=SC2016 # messages quote commands in backquotes

load helpers

setup() {
	test_begin
	local file
	for file in "$BUILD/virtualing-vip" "$BUILD/src/net/virtualing-vip"; do
		[ ! -x "$file" ] || cp "$file" "$BATS_TEST_TMPDIR/virtualing-vip"
	done
	# The keeper is looked for beside the supervisor's own executable.
	cp "$BUILD/tests/unit/vip_driver" "$BATS_TEST_TMPDIR/"
	KEEPER=$BATS_TEST_TMPDIR/virtualing-vip DRIVER=$BATS_TEST_TMPDIR/vip_driver
	net_make
	# Duplicate detection of IPv6 takes 1 to 2 s by default.
	net_in server sh -c 'echo 150 >/proc/sys/net/ipv6/neigh/lan0/retrans_time_ms
		echo 0 >/proc/sys/net/ipv6/conf/lan0/router_solicitation_delay'
}

# in_background WHO COMMAND...: $! is the command itself, so that signals reach it
in_background() { background nsenter --net="/proc/${NET_HOLDER[$1]}/ns/net" "${@:2}"; }

# hold [--no-announce] ADDRESS [DEVICE]: what it says is in $SAID
hold() {
	local given=("$@")
	case ${given[-1]} in lo | lan*) ;; *) given+=(lan0) ;; esac
	SAID=$BATS_TEST_TMPDIR/background.${#BACKGROUND[@]}
	in_background server "$DRIVER" "${given[@]}"
	HOLDER=$!
	wait_until 5 grep -qs '^keeper' "$SAID" || fail "not started:" "$(cat "$SAID")"
}

said() { grep -qs "^$1" "$SAID"; }
wait_said() { wait_until "${2:-5}" said "$1" || fail "never said '$1', but:" "$(cat "$SAID")"; }
keeper_pid() { sed -n 's/^keeper //p' "$SAID"; }
count_said() { [ "$(grep -c "^$1" "$SAID")" -ge "$2" ]; }
wait_count() { wait_until "${3:-5}" count_said "$1" "$2" || fail "'$1' was not said $2 times:" "$(cat "$SAID")"; }

hold_there() {
	hold "$@" && wait_said there
}
let_go() { # as the supervisor does in the end
	kill -TERM "$HOLDER" && wait_until 3 said stopped && wait "$HOLDER"
}

on_server() { net_in server ip -o address show | awk '{ print $2, $4 }'; }
is_there() { on_server | grep -qF " $1"; } # ADDRESS/LENGTH
is_gone() { ! is_there "$1"; }
there() { is_there "$1" || fail "$1 is not there, but:" "$(on_server)"; }
gone() { is_gone "$1" || fail "$1 is there:" "$(on_server)"; }
lacks() { case $1 in *"$2"*) fail "'$2' is in:" "$1" ;; esac; } # TEXT PART
# Refused by the server itself: its address works, and nobody listens there.
reaches() { net_in client timeout 2 bash -c "exec 9<>/dev/tcp/$1/9" 2>&1 | grep -q refused; }
hardware_of() { net_in "$1" ip -j link show "${2:-lan0}" | jq -r '.[0].address'; }

# sniff WHO FILTER: packets, one a line, in $HEARD
sniff() {
	HEARD=$BATS_TEST_TMPDIR/background.${#BACKGROUND[@]}
	in_background "$1" tcpdump -nn -e -l -i lan0 "$2"
	wait_until 5 grep -q 'listening on' "$HEARD"
}
heard() { [ "$(grep -c -- "$1" "$HEARD")" -ge "${2:-1}" ]; }

@test "an IPv4 vip is noted, added as one host with a lifetime, reached, and taken away" {
	hold_there 10.77.0.5
	equal "$(head -n 1 "$SAID")" "note 1 10.77.0.5/32 lan0"
	there 10.77.0.5/32
	net_in server ip address show dev lan0 | grep -A1 -F 10.77.0.5/32 | grep -Eq 'valid_lft (9|10)sec preferred_lft (9|10)sec'
	reaches 10.77.0.5
	let_go
	gone 10.77.0.5/32
	there 10.77.0.1/24
}

@test "neighbours are asked three times, with no sender, and told twice; not told with announce false" {
	sniff client arp
	hold_there 10.77.0.5
	wait_until 1 heard 'who-has 10.77.0.5 tell 10.77.0.5'
	equal "$(grep -c 'who-has 10.77.0.5 tell 0.0.0.0' "$HEARD")" 3 probes
	has "$(grep 'tell 10.77.0.5' "$HEARD")" "$(hardware_of server) > ff:ff:ff:ff:ff:ff"
	hold_there --no-announce 10.77.0.6
	wait_until 4 heard 'who-has 10.77.0.5 tell 10.77.0.5' 2
	sleep 0.5
	equal "$(grep -c 'who-has 10.77.0.6 tell 0.0.0.0' "$HEARD")" 3 'probes of the silent one'
	lacks "$(cat "$HEARD")" 'tell 10.77.0.6'
}

@test "a neighbour that knew the address elsewhere learns the new place" {
	net_in client ip neighbour add 10.77.0.5 lladdr 02:00:00:00:00:99 dev lan0 nud stale
	hold_there 10.77.0.5
	local place
	place=$(hardware_of server)
	wait_until 2 eval "net_in client ip neighbour show 10.77.0.5 | grep -q $place"
	reaches 10.77.0.5
}

@test "an IPv4 address that a neighbour has is refused with its hardware address" {
	hold 10.77.0.2
	wait_said over
	has "$(cat "$SAID")" "over 98 10.77.0.2 is used by $(hardware_of client) on lan0"
	gone 10.77.0.2/32
}

@test "two hosts that probe for one address at once do not both get it" {
	local server client
	hold 10.77.0.5
	server=$SAID client=$BATS_TEST_TMPDIR/background.${#BACKGROUND[@]}
	in_background client "$DRIVER" 10.77.0.5 lan0
	wait_until 5 grep -qs '^there\|^over' "$server"
	wait_until 5 grep -qs '^there\|^over' "$client"
	at_most "$(cat "$server" "$client" | grep -c ^there)" 1
	cat "$server" "$client" | grep '^over 98 10.77.0.5 is used by'
}

@test "an IPv6 vip passes duplicate detection, is announced, is no source of the host, and goes" {
	sniff client icmp6
	hold_there fd77::5
	there fd77::5/128
	local flags
	flags=$(net_in server ip -o address show dev lan0 | grep -F fd77::5/128)
	has "$flags" deprecated
	lacks "$flags" tentative
	wait_until 1 heard 'fd77::5 > ff02::1: ICMP6, neighbor advertisement, tgt is fd77::5'
	reaches fd77::5
	equal "$(net_in server ip -j route get fd77::2 | jq -r '.[0].prefsrc')" fd77::1
	let_go
	gone fd77::5/128
}

@test "an IPv6 address that a neighbour has is refused with its hardware address" {
	hold fd77::2
	wait_said over
	has "$(cat "$SAID")" "over 98 fd77::2 is used by $(hardware_of client) on lan0"
	gone fd77::2/128
}

@test "the route of an IPv6 vip's own subnet goes with it, that of the device stays" {
	hold_there fd78::5/64
	wait_until 1 eval 'net_in server ip -6 route | grep -q ^fd78::/64'
	let_go
	lacks "$(net_in server ip -6 route)" fd78::/64
	hold_there fd77::5/64
	let_go
	has "$(net_in server ip -6 route)" fd77::/64
	lacks "$(net_in server ip -6 route | grep ^fd77::/64)" expires
}

@test "a prefix is kept as given" {
	hold_there 10.78.0.5/24
	there 10.78.0.5/24
	has "$(net_in server ip route)" 10.78.0.0/24
	let_go
	gone 10.78.0.5/24
	lacks "$(net_in server ip route)" 10.78.0.0/24
}

@test "when the supervisor is killed the address goes at once" {
	hold_there 10.77.0.5
	kill -KILL "$HOLDER"
	wait_until 1 is_gone 10.77.0.5/32
}

@test "SIGTERM to the keeper takes the address away; stop and go leave it" {
	hold_there 10.77.0.5
	kill -STOP "$(keeper_pid)" && sleep 0.2 && kill -CONT "$(keeper_pid)"
	there 10.77.0.5/32
	kill -TERM "$(keeper_pid)"
	wait_said 'over 32 virtualing-vip .* ended with status 0'
	gone 10.77.0.5/32
}

@test "what time decides: leases of killed and suspended keepers end, their subnet stays; no carrier is told" {
	local suspended killed unplugged
	hold_there fd77::5
	hold_there 10.79.0.5/24 # the primary of a subnet; another joins it
	net_in server ip address add 10.79.0.9/24 dev lan0
	wait_until 3 eval "net_in server ip -o address show | grep -F ' 10.79.0.5/24 ' | grep -q secondary"
	killed=$(keeper_pid)
	hold_there 10.77.0.6
	suspended=$(keeper_pid)
	net_in server ip link add lan8 type veth peer name lan9
	net_in server ip link set lan8 up
	kill -STOP "$suspended"
	kill -KILL "$killed" "$(sed -n 's/^keeper //p' "$BATS_TEST_TMPDIR/background.0")"
	unplugged=$BATS_TEST_TMPDIR/background.${#BACKGROUND[@]}
	in_background server "$DRIVER" fd77::6 lan8
	wait_until 13 is_gone 10.77.0.6/32
	has "$(cat "$unplugged")" 'over 110 fd77::6 on lan8: duplicate address detection has not ended within 5 s (the device has no'
	gone fd77::6/128
	wait_until 1 is_gone 10.79.0.5/24
	wait_until 1 is_gone fd77::5/128
	there 10.79.0.9/24
	kill -CONT "$suspended"
	wait_said 'lost 99 10.77.0.6/32 was taken off lan0'
	wait_count there 2
	there 10.77.0.6/32
}

@test "a vip that is the first of its subnet takes no other along" {
	equal "$(net_in server cat /proc/sys/net/ipv4/conf/lan0/promote_secondaries)" 0
	hold_there 10.79.0.5/24
	net_in server ip address add 10.79.0.9/24 dev lan0
	net_in server ip address add 10.79.0.77/24 dev lan0 valid_lft 3600 preferred_lft 3600
	let_go
	gone 10.79.0.5/24
	there 10.79.0.9/24
	there 10.79.0.77/24
	equal "$(net_in server cat /proc/sys/net/ipv4/conf/lan0/promote_secondaries)" 0
}

@test "nor when another user locks the sysctl that makes it so" {
	local locked=$BATS_TEST_TMPDIR/background.${#BACKGROUND[@]}
	in_background server setpriv --reuid 65534 --regid 65534 --clear-groups \
		sh -c 'exec 9</proc/sys/net/ipv4/conf/lan0/promote_secondaries && flock -x 9 && echo held && exec sleep 300'
	wait_until 5 grep -q held "$locked"
	hold_there 10.79.0.5/24
	net_in server ip address add 10.79.0.9/24 dev lan0
	sleep 0.3
	let_go
	gone 10.79.0.5/24
	there 10.79.0.9/24
}

@test "two vips of one subnet do not disturb each other" {
	local first
	hold_there 10.79.0.5/24
	first=$HOLDER
	hold_there 10.79.0.6/24
	kill -TERM "$first"
	wait_until 2 is_gone 10.79.0.5/24
	sleep 0.3
	there 10.79.0.6/24
	equal "$(grep -c '^there\|^lost' "$SAID")" 1 "lines of the second"
}

@test "an address that was there before is used and left, whatever its prefix" {
	net_in server ip address add 10.77.0.7/28 dev lan0
	hold_there 10.77.0.7
	gone 10.77.0.7/32
	let_go
	there 10.77.0.7/28
	hold_there fd77::1
	let_go
	there fd77::1/64
}

@test "an address with a DHCP server's lifetime is not taken for a lease of ours" {
	net_in server ip address add 10.77.0.7/24 dev lan0 valid_lft 60 preferred_lft 60
	hold_there 10.77.0.7
	let_go
	net_in server "$DRIVER" --undo 10.77.0.7/24 lan0
	there 10.77.0.7/24
}

@test "when a used address is removed by others, the keeper puts one of its own there" {
	net_in server ip address add 10.77.0.7/28 dev lan0
	hold_there 10.77.0.7
	net_in server ip address del 10.77.0.7/28 dev lan0
	wait_said 'lost 99'
	wait_count there 2
	there 10.77.0.7/32
}

@test "when the vip is removed by others, the keeper puts it back" {
	hold_there 10.77.0.5
	net_in server ip address del 10.77.0.5/32 dev lan0
	wait_said 'lost 99 10.77.0.5/32 was taken off lan0'
	wait_count there 2
	there 10.77.0.5/32
	let_go
	gone 10.77.0.5/32
}

@test "the same address on another device of this host is refused, with its name" {
	net_in server ip link add lan8 type veth peer name lan9
	net_in server ip link set lan8 up
	hold 10.77.0.1 lan8
	wait_said over
	has "$(cat "$SAID")" "over 98 10.77.0.1 is already on device lan0 of this host, not on lan8"
}

@test "a second keeper of one address is refused, and the first goes on" {
	hold_there 10.77.0.5
	hold 10.77.0.5
	wait_said 'over 98 10.77.0.5 on lan0 is already kept by another virtual'
	there 10.77.0.5/32
}

@test "a device that goes down and comes back: lost, and there again" {
	sniff client arp
	hold_there 10.77.0.5
	net_in server ip link set lan0 down
	wait_said 'lost 100 device lan0 is down: bring it up with `ip link set lan0 up`'
	net_in server ip link set lan0 up
	wait_count there 2
	reaches 10.77.0.5
	wait_until 1 heard 'tell 10.77.0.5' 2
}

@test "an IPv6 vip comes back with its device too" {
	hold_there fd77::5
	net_in server ip link set lan0 down
	wait_said 'lost 100'
	gone fd77::5/128
	net_in server ip link set lan0 up
	wait_count there 2
	there fd77::5/128
}

@test "a device that is deleted and made again: lost, and there again" {
	net_in server ip link add lan8 type veth peer name lan9
	net_in server ip link set lan8 up
	hold_there 10.80.0.5 lan8
	net_in server ip link del lan8
	wait_said 'lost 19 no network device "lan8"'
	net_in server ip link add lan8 type veth peer name lan9
	net_in server ip link set lan8 up
	wait_count there 2
	there 10.80.0.5/32
	let_go
	gone 10.80.0.5/32
}

@test "when somebody took the address while the device was down, the keeper says who and waits" {
	hold_there 10.77.0.5
	net_in server ip link set lan0 down
	wait_said 'lost 100'
	net_in client ip address add 10.77.0.5/32 dev lan0
	net_in server ip link set lan0 up
	wait_said "lost 98 10.77.0.5 is used by $(hardware_of client) on lan0"
}

@test "undo removes a lease and nothing else; gone already is success" {
	hold_there 10.77.0.5
	kill -STOP "$(keeper_pid)"
	net_in server "$DRIVER" --undo 10.77.0.5/32 lan0
	gone 10.77.0.5/32
	net_in server "$DRIVER" --undo 10.77.0.5/32 lan0
	net_in server "$DRIVER" --undo 10.77.0.1/24 lan0
	there 10.77.0.1/24
	net_in server "$DRIVER" --undo 10.77.0.5/32 lan7
	kill -CONT "$(keeper_pid)"
}

@test "undo of the first of a subnet takes no other along" {
	hold_there 10.79.0.5/24
	kill -STOP "$(keeper_pid)"
	net_in server ip address add 10.79.0.9/24 dev lan0
	net_in server "$DRIVER" --undo 10.79.0.5/24 lan0
	gone 10.79.0.5/24
	there 10.79.0.9/24
	kill -KILL "$(keeper_pid)"
}

@test "without neighbours nobody is asked: lo, and a device without ARP" {
	hold_there 127.0.0.9 lo
	hold_there 10.80.0.9 lo
	hold_there fd80::9 lo
	net_in server ip link set lan0 arp off
	sniff client arp
	hold_there 10.77.0.5
	sleep 0.3
	lacks "$(cat "$HEARD")" 10.77.0.5
}

@test "an IPv6 address where IPv6 is switched off is refused with that reason" {
	net_in server sysctl -qw net.ipv6.conf.lan0.disable_ipv6=1
	hold fd77::5
	wait_said over
	has "$(cat "$SAID")" "IPv6 is switched off on this device"
}

@test "a keeper that is killed is told, and its address ends" {
	hold_there 10.77.0.5
	kill -KILL "$(keeper_pid)"
	wait_said 'over 32 virtualing-vip (process [0-9]*) was killed by signal 9: the address goes within 10 seconds'
	net_in server "$DRIVER" --undo 10.77.0.5/32 lan0
	gone 10.77.0.5/32
}

@test "a device that is down or missing is told before anything starts, with the remedy" {
	local out
	net_in server ip link add lan8 type veth peer name lan9
	out=$(net_in server "$DRIVER" --check 10.77.0.5 lan8) && fail "taken"
	has "$out" 'fault ip.dev: device lan8 is down: bring it up with `ip link set lan8 up`'
	out=$(net_in server "$DRIVER" --check 10.77.0.5 lan1) && fail "taken"
	has "$out" 'fault ip.dev: no network device "lan1" (did you mean lan'
	has "$out" 'lan0'
	out=$(net_in server "$DRIVER" --check 127.0.0.9 lan0) && fail "taken"
	has "$out" 'fault ip.vip: 127.0.0.9 is a loopback address: it can be on lo only, not on lan0'
	net_in server "$DRIVER" --check 127.0.0.9 lo
	net_in server "$DRIVER" --check 10.77.0.5 lan0
	hold 10.77.0.5 lan8
	wait_said 'over 100 device lan8 is down'
}

@test "the keeper runs apart, with two capabilities and the descriptors that it needs" {
	hold_there 10.77.0.5
	local pid fields
	pid=$(keeper_pid)
	read -ra fields <"/proc/$pid/stat"
	equal "${fields[5]}" "$pid" session
	grep -q '^CapEff:	0000000000003000$' "/proc/$pid/status"
	grep -q '^CapPrm:	0000000000003000$' "/proc/$pid/status"
	grep -q '^NoNewPrivs:	1$' "/proc/$pid/status"
	for fd in 0 1 2; do equal "$(readlink "/proc/$pid/fd/$fd")" /dev/null; done
	equal "$(readlink "/proc/$pid/cwd")" /
}

@test "by hand it explains itself" {
	run "$KEEPER" --help
	equal "$status" 0
	has "$output" "keeps an address on a network device"
	run -2 "$KEEPER" 10.77.0.5 lan0 3>&-
	has "$output" "descriptor 3 is not a socket: this program is started by virtualing"
	run -2 "$KEEPER" --nonsense
	has "$output" "--withdraw ADDRESS"
	run -1 "$KEEPER" --withdraw 10.77.0.5/99 lan0 3>&-
	has "$output" "the prefix length must be a number from 1 to 32"
}

@test "without the keeper's program both places are named" {
	rm "$KEEPER"
	run -125 "$DRIVER" 10.77.0.5 lo
	has "$output" "$BATS_TEST_TMPDIR"
	has "$output" libexec
}
