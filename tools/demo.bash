# shellcheck shell=bash
# What the demonstrations share: `source` it.

if [ -t 1 ]; then
	say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
else
	say() { printf '\n== %s\n' "$*"; }
fi

# left NAME...: what virtuals of these names have in the kernel and on disk, and parents of groups that have nobody (two
# links are a directory's own).  Others may come and go meanwhile.
left() {
	local name
	for name; do
		find /sys/fs/cgroup /run/virtualing /var/lib/virtualing \
			\( -path "*/virtualing/$name" -o -path "*/virtualing/$name/*" \) 2>/dev/null || :
	done
	find /sys/fs/cgroup -type d -name virtualing -links 2 2>/dev/null || :
	grep -c . /proc/self/mountinfo
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
