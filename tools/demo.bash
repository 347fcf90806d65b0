# shellcheck shell=bash
# What the demonstrations share: `source` it.

if [ -t 1 ]; then
	say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
else
	say() { printf '\n== %s\n' "$*"; }
fi

# left: what a virtual could leave: groups, mounts, state.  Which guard the host can do is kept for the boot.
left() {
	find /sys/fs/cgroup -type d -path '*virtualing*' 2>/dev/null || :
	grep -c . /proc/self/mountinfo
	find /run/virtualing /var/lib/virtualing -mindepth 1 ! -path '/run/virtualing/.guard*' 2>/dev/null || :
}

# nothing_left BEFORE AFTER WHAT: says so, or shows the difference
nothing_left() {
	if [ "$1" = "$2" ]; then
		echo "nothing: $3 are as they were"
	else
		diff <(echo "$1") <(echo "$2")
		return 1
	fi
}
