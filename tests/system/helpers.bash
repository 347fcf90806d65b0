# shellcheck shell=bash
# For the bats files of this folder: `load helpers` at the top.
#
# Each test is framed by a census: what it leaves behind makes it fail.  A file that needs its own setup or teardown
# calls test_begin and test_end in them.  What a test starts in the background goes through `background`, so that it
# ends with the test also when that fails.
#
# A file whose tests mean nothing in the virtual machine (or take too long there) says so in a line of its own:
#   # not in the guest: REASON

bats_require_minimum_version 1.5.0
# shellcheck source=tests/lib.bash
source "$BATS_TEST_DIRNAME/../lib.bash"

setup() { test_begin; }
teardown() { test_end; }

test_begin() {
	BACKGROUND=()
	DISK_MOUNT='' DISK_DEVICE=''
	# What the test before ended with is what this one begins with.
	[ -e "$BATS_FILE_TMPDIR/census" ] || "$TESTS/census" >"$BATS_FILE_TMPDIR/census"
}

test_end() {
	local pid
	for pid in "${BACKGROUND[@]}"; do
		kill "$pid" 2>/dev/null || continue
		wait_until 10 process_is_gone "$pid" || kill -KILL "$pid"
	done
	disk_drop
	net_drop
	wait_until 5 census_is_equal && return
	diff "$BATS_FILE_TMPDIR/census" "$BATS_FILE_TMPDIR/census.after" >"$BATS_TEST_TMPDIR/difference"
	mv "$BATS_FILE_TMPDIR/census.after" "$BATS_FILE_TMPDIR/census"
	fail "left behind (>) or lost (<):" "$(cat "$BATS_TEST_TMPDIR/difference")"
}

census_is_equal() {
	"$TESTS/census" >"$BATS_FILE_TMPDIR/census.after"
	cmp -s "$BATS_FILE_TMPDIR/census" "$BATS_FILE_TMPDIR/census.after"
}

# ---- saying what is wrong ----

fail() {
	printf '%s\n' "$@" >&2
	return 1
}

# equal GOT WANTED [WHAT]
equal() { [ "$1" = "$2" ] || fail "${3:-value}: got '$1', wanted '$2'"; }

# has TEXT PART: PART stands in TEXT
has() { case $1 in *"$2"*) ;; *) fail "'$2' is not in:" "$1" ;; esac; }

# at_most GOT LIMIT [WHAT]: numbers
at_most() { [ "$1" -le "$2" ] || fail "${3:-value}: $1 is more than $2"; }

# skip_unless REASON COMMAND...: for what a machine really lacks
skip_unless() {
	local reason=$1
	shift
	"$@" >/dev/null 2>&1 || skip "$reason"
}

# ---- starting things ----

# background COMMAND...: starts it, its output in $BATS_TEST_TMPDIR/background.N, its pid in $!  (and ${BACKGROUND[N]})
background() {
	: >"$BATS_TEST_TMPDIR/background.${#BACKGROUND[@]}" # nobody must take an earlier one's output for this one's
	"$@" </dev/null >"$BATS_TEST_TMPDIR/background.${#BACKGROUND[@]}" 2>&1 3>&- &
	BACKGROUND+=($!)
}

# start NAME OPTION...: starts a virtual of this name that sleeps, and waits for it; its supervisor is ${BACKGROUND[-1]}
start() {
	background "$BUILD/virtualing" run --name "$1" "${@:2}" -- sleep 300
	wait_for_virtual "$1"
}

# ---- being told what is wrong ----

# refused STATUS GIST COMMAND...: ends with this status, prints nothing but one line on standard error with GIST in it
refused() {
	status=0
	timeout 20 "${@:3}" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	output=$(<"$BATS_TEST_TMPDIR/out") stderr=$(<"$BATS_TEST_TMPDIR/err")
	equal "$status" "$1" "status of '${*:3}', which said '$output$stderr'" &&
		equal "$output" "" "standard output of '${*:3}'" && has "$stderr" "$2" &&
		equal "$(wc -l <<<"$stderr")" 1 "number of lines of '$stderr'" || return
	case $stderr in virtualing:* | [a-z]*.rb:*) ;; *) fail "does not say who speaks: '$stderr'" ;; esac
}

# refused_inside PART COMMAND...: the same of a function or a command: it fails with 125 and says PART in its one line
refused_inside() {
	local part=$1
	shift
	run -125 --separate-stderr "$@"
	has "$stderr" "$part"
	equal "$(wc -l <<<"$stderr")" 1 "lines of: $stderr"
}

# wrong GIST OPTION...: options that `run` refuses
wrong() { refused 125 "$1" "$BUILD/virtualing" run "${@:2}" -- true; }

# in_jail GIST OPTION...: the same with a root that does not exist yet, $ROOT
# shellcheck disable=SC2153 # the test's
in_jail() { wrong "$1" --root "$ROOT" "${@:2}"; }

# root_make: makes an empty directory for a root and prints it
root_make() {
	local root
	root=$(mktemp -d "$BATS_TEST_TMPDIR/root.XXXX") && chmod 755 "$root" && echo "$root"
}

# is_running NAME: also if a full cage lets it wait
is_running() {
	virtualing list --json |
		jq -e --arg n "$1" 'any(.[]; .name == $n and (.state | IN("running", "held", "full")))' >/dev/null
}

# wait_for_virtual NAME: until it has been started
wait_for_virtual() { wait_until 10 is_running "$1" || fail "$1 did not start" "$(cat "$BATS_TEST_TMPDIR"/background.* 2>/dev/null)"; }

# ---- what the kernel holds, on whatever layout of groups ----

# limit_row NAME KEY FIELD: "file" or "value" of a limit, as `show` tells it
limit_row() {
	virtualing show --json "$1" | jq -er --arg k "$2" --arg f "$3" 'first(.. | objects | select(.key? == $k)) | .[$f]'
}
limit_file() { limit_row "$1" "$2" file; }

# limit_now NAME KEY: what that file says, read here
limit_now() {
	local file
	file=$(limit_file "$1" "$2") && cat "$file"
}

# group_dir NAME CONTROLLER: the directory of the virtual's group in the tree that has this controller
group_dir() {
	local tree=/sys/fs/cgroup
	[ "$(host_kind)" = v2 ] || tree+=/$2
	echo "$tree/virtualing/$1"
}

# cpu_used_us NAME: CPU time of all that ran in it
cpu_used_us() {
	local directory
	if [ "$(host_kind)" = v2 ]; then
		directory=$(group_dir "$1" cpu)
		awk '$1 == "usage_usec" { print $2 }' "$directory/cpu.stat"
	else
		virtualing show --json "$1" | jq -er 'first(.. | objects | select(.cpu_us?)) | .cpu_us'
	fi
}

# ---- a disk of one's own, for limits of I/O: DISK_MOUNT is where it is mounted, DISK_DEVICE what carries it ----

disk_make() { # disk_make [SIZE]
	if [ -n "${VIRTUALING_GUEST:-}" ]; then
		DISK_DEVICE=/dev/vda
	else
		truncate -s "${1:-256M}" "$BATS_TEST_TMPDIR/disk"
		DISK_DEVICE=$(losetup --find --show "$BATS_TEST_TMPDIR/disk") || return 1
	fi
	mkfs.ext4 -q -F "$DISK_DEVICE" || return 1
	mkdir "$BATS_TEST_TMPDIR/mounted"
	mount "$DISK_DEVICE" "$BATS_TEST_TMPDIR/mounted" && DISK_MOUNT=$BATS_TEST_TMPDIR/mounted
}

disk_drop() {
	[ -z "$DISK_MOUNT" ] || umount "$DISK_MOUNT"
	case $DISK_DEVICE in /dev/loop*) losetup --detach "$DISK_DEVICE" ;; esac
	DISK_MOUNT='' DISK_DEVICE=''
}
