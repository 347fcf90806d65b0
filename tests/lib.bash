# shellcheck shell=bash
# What the bats files (through system/helpers.bash), crash/run and run share. Sourced; nothing happens by that.

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=${BUILD:-$(dirname "$TESTS")/build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
export BUILD TESTS

virtualing() { "$BUILD/virtualing" "$@"; }

# unique [WORD]: a name that no other virtual has
unique() { echo "${1:-test}-$$-$RANDOM"; }

# An emulated processor that has others beside it is not measured by the clock.
PATIENCE=1
[ -z "${VIRTUALING_GUEST:-}" ] || PATIENCE=5

# wait_until SECONDS COMMAND...: 0 as soon as the command succeeds, 1 when it has not in time
wait_until() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * PATIENCE * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/[.,]/}" -lt $end ] || return 1
		sleep 0.02
	done
}

# host_kind: v1, v2 or hybrid, found out without virtualing
host_kind() {
	awk '$3 == "cgroup" && $4 ~ /memory|cpu|pids/ { v1 = 1 }
		$3 == "cgroup2" { v2 = 1 }
		END { print v1 ? (v2 ? "hybrid" : "v1") : v2 ? "v2" : "none" }' /proc/self/mounts
}

# ---- a network of two machines: each is a namespace that a sleeping process holds; nothing of it is on this host ----
#
#   net_make             "server" and "client", joined by a cable whose ends are both called lan0:
#                        10.77.0.1/24 and fd77::1/64, 10.77.0.2/24 and fd77::2/64
#   net_in WHO CMD...    runs a command in one of them; unlike `ip netns exec` it leaves /sys, and so the groups, alone
#   net_drop             takes both away, with the cable

declare -gA NET_HOLDER=()

net_hold() {
	unshare --net sleep infinity </dev/null >/dev/null 2>&1 3>&- &
	NET_HOLDER[$1]=$!
	disown
	wait_until 5 net_is_apart "${NET_HOLDER[$1]}"
}

net_is_apart() {
	local theirs
	theirs=$(readlink "/proc/$1/ns/net") && [ "$theirs" != "$(readlink /proc/self/ns/net)" ]
}

net_in() {
	local who=$1
	shift
	nsenter --net="/proc/${NET_HOLDER[$who]}/ns/net" "$@"
}

net_make() {
	local who number=1
	net_hold server && net_hold client || return 1
	ip link add lan0 netns "${NET_HOLDER[server]}" type veth peer name lan0 netns "${NET_HOLDER[client]}" || return 1
	for who in server client; do
		net_in $who ip link set lo up
		net_in $who ip link set lan0 up
		net_in $who ip address add "10.77.0.$number/24" dev lan0
		net_in $who ip address add "fd77::$number/64" dev lan0 nodad
		number=2
	done
	wait_until 5 net_has_carrier
}

net_has_carrier() { [ "$(net_in server ip -j link show lan0 | jq -r '.[0].operstate')" = UP ]; }

net_addresses() { net_in "$1" ip -o address show | awk '{ print $2, $3, $4 }' | sort; }

net_drop() {
	local who
	for who in "${!NET_HOLDER[@]}"; do
		kill "${NET_HOLDER[$who]}" 2>/dev/null && wait_until 5 process_is_gone "${NET_HOLDER[$who]}"
	done
	NET_HOLDER=()
}

process_is_gone() { [ ! -e "/proc/$1" ]; }
