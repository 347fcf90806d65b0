# Every limit: the kernel's file holds it, as `show` says and as we read; and it does what it says.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load helpers

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	NAME=$(unique limit)
	KIND=$(host_kind)
	PARTITION=''
}

teardown() {
	[ -z "$PARTITION" ] || delpart "$DISK_DEVICE" 1
	test_end
}

# either V1 V2: the one that this host is about
either() { if [ "$KIND" = v2 ]; then echo "$2"; else echo "$1"; fi; }

# holds KEY FILE VALUE: `show` names the file, and shows what it holds
holds() {
	local file value
	IFS='|' read -r file value < <(virtualing show --json "$NAME" |
		jq -r --arg k "$1" 'first(.limits[] | select(.key == $k)) | "\(.file)|\(.value)"')
	[ -n "$file" ] || fail "show has no $1" || return
	equal "$file" "$(group_dir "$NAME" "$(tree_of "$2")")$(work_of "$2")/$2" "file of $1" &&
		equal "$(cat "$file")" "$3" "what $file holds" && equal "$value" "$3" "what show says of $1"
}

# work_of FILE: v2 has two groups for a virtual; the outer one holds the memory, the inner one the program
work_of() {
	case $KIND:$1 in v2:memory.max | v2:memory.high | v2:memory.swap.max) ;; v2:*) echo /work ;; esac
}

# tree_of FILE: where v1 has it mounted
tree_of() {
	case $1 in
	cpuset.*) echo cpuset ;;
	cpu.*) echo cpu ;;
	hugetlb.*) hugetlb_tree ;;
	*) echo "${1%%.*}" ;;
	esac
}

hugetlb_tree() { if [ "$KIND" = hybrid ]; then echo unified; else echo hugetlb; fi; }

# holds_line KEY FILE DEVICE VALUE: as holds, for a file with a line for each device
holds_line() {
	local file
	file=$(virtualing show --json "$NAME" |
		jq -er --arg k "$1" --arg f "/$2" 'first(.limits[] | select(.key == $k and (.file | endswith($f)))) | .file') ||
		fail "show has no $1 in $2" || return
	equal "$(grep "^$3 " "$file")" "$3 $4" "the line of $3 in $file" &&
		has "$(virtualing show "$NAME")" "$3 $4"
}

# holds_io DEVICE READ WRITE RIOPS WIOPS: "max" where there is none
holds_io() {
	local kind
	if [ "$KIND" = v2 ]; then
		holds_line io io.max "$1" "rbps=$2 wbps=$3 riops=$4 wiops=$5"
		return
	fi
	for kind in read_bps:$2 write_bps:$3 read_iops:$4 write_iops:$5; do
		[ "${kind#*:}" = max ] || holds_line io "blkio.throttle.${kind%:*}_device" "$1" "${kind#*:}" || return
	done
}

# lacks GIST OPTION...: is refused by name
lacks() {
	run --separate-stderr virtualing run "${@:2}" -- true
	equal "$status" 125
	has "$stderr" "$1"
	equal "$(wc -l <<<"$stderr")" 1 lines
}

# device_number DEVICE
device_number() { lsblk -dno MAJ:MIN "$1" | tr -d ' '; }

# ---- the kernel's files ----

@test "cpu as a share and as a number of CPUs, and cpu_weight" {
	start "$NAME" --cpu 30% --cpu-weight 50
	holds cpu "$(either cpu.cfs_quota_us cpu.max)" "$(either 30000 '30000 100000')"
	holds cpu_weight "$(either cpu.shares cpu.weight)" "$(either 512 50)"
	virtualing stop "$NAME"
	start "$NAME" --cpu 1.5
	holds cpu "$(either cpu.cfs_quota_us cpu.max)" "$(either 150000 '150000 100000')"
}

@test "cpus, and what the command sees of it" {
	start "$NAME" --cpus 0
	holds cpus cpuset.cpus 0
	equal "$(virtualing run --cpus 0 -- nproc)" 1
	equal "$(virtualing run --cpus 0 --root "$(root_make)" -- nproc)" 1
}

@test "memory, in each unit; a part of a page is left off" {
	local file
	file=$(either memory.limit_in_bytes memory.max)
	start "$NAME" --memory 64M
	holds memory "$file" 67108864
	virtualing stop "$NAME"
	start "$NAME" --memory 65537K
	holds memory "$file" 67108864
	virtualing stop "$NAME"
	start "$NAME" --memory 1.5GiB
	holds memory "$file" 1610612736
}

@test "swap: beside the memory" {
	start "$NAME" --memory 64M --swap 32M
	if [ "$KIND" = v2 ]; then
		holds swap memory.swap.max 33554432
	else
		holds swap memory.memsw.limit_in_bytes 100663296
		lacks '--swap: needs a memory limit too: cgroup v1 limits the sum of memory and swap' --swap 32M
	fi
	virtualing stop "$NAME"
	start "$NAME" --memory 64M --swap 0
	holds swap "$(either memory.memsw.limit_in_bytes memory.swap.max)" "$(either 67108864 0)"
}

@test "memory_high: on v2, and refused by name on v1" {
	if [ "$KIND" = v2 ]; then
		start "$NAME" --memory-high 64M
		holds memory_high memory.high 67108864
	else
		lacks '--memory-high: exists on cgroup v2 only; the memory controller of this host is on v1 (boot with systemd.unified_cgroup_hierarchy=1' --memory-high 64M
	fi
}

@test "pids" {
	start "$NAME" --pids 20
	holds pids pids.max 20
}

@test "hugetlb" {
	start "$NAME" --hugetlb 2M:64M
	if [ "$KIND" = v1 ]; then
		holds hugetlb hugetlb.2MB.limit_in_bytes 67108864
	else
		holds hugetlb hugetlb.2MB.max 67108864
	fi
}

@test "oom_group: on v2 it kills all of the cage, on v1 it is refused by name" {
	if [ "$KIND" != v2 ]; then
		lacks '--oom-group: exists on cgroup v2 only' --memory 64M --oom-group
		return
	fi
	start "$NAME" --memory 64M --oom-group
	holds oom_group memory.oom.group 1
	run --separate-stderr virtualing run --memory 64M --swap 0 --oom-group -- sh -c 'tail /dev/zero; echo alive'
	equal "$status" 137
	equal "$output" ""
}

@test "oom false: a full cage waits without using a CPU, goes on when there is room, and can be stopped" {
	local before
	background "$BUILD/virtualing" run --name "$NAME" --memory 32M --swap 0 --no-oom -- tail /dev/zero
	wait_until 20 grep -q "$NAME: memory is full: the program is stopped until there is room" "$BATS_TEST_TMPDIR/background.0"
	wait_until 10 grep -q '^frozen 1' "$(frozen_file)"
	before=$(cpu_used_us "$NAME")
	sleep 1
	at_most $(($(cpu_used_us "$NAME") - before)) 50000 "us of CPU time used while it waits"
	virtualing set "$NAME" memory=64M
	wait_until 20 eval '[ "$(grep -c "memory is full" "$BATS_TEST_TMPDIR/background.0")" = 2 ]'
	is_running "$NAME" || fail "it was killed"
	virtualing stop "$NAME" --timeout 1
	wait_until 5 process_is_gone "${BACKGROUND[0]}"
	case $(<"$BATS_TEST_TMPDIR/background.0") in *"killed for memory"*) fail "killed" ;; esac
}

# frozen_file: where the v2 group says whether it is frozen
frozen_file() {
	if [ "$KIND" = v2 ]; then echo "/sys/fs/cgroup/virtualing/$NAME/work/cgroup.events"; else echo "/sys/fs/cgroup/unified/virtualing/$NAME/cgroup.events"; fi
}

@test "max is no limit" {
	start "$NAME" --cpu max --memory max --pids max
	virtualing show "$NAME" >/dev/null
	equal "$(virtualing list | awk -v n="$NAME" '$1 == n { print $4 }')" max
}

@test "all at once, in a jail" {
	start "$NAME" --root "$(root_make)" --cpu 30% --cpu-weight 200 --cpus 0 --memory 64M --swap 0 --pids 20 --hugetlb 2M:0
	holds cpu "$(either cpu.cfs_quota_us cpu.max)" "$(either 30000 '30000 100000')"
	holds cpu_weight "$(either cpu.shares cpu.weight)" "$(either 2048 200)"
	holds cpus cpuset.cpus 0
	holds memory "$(either memory.limit_in_bytes memory.max)" 67108864
	holds pids pids.max 20
	equal "$(cut -d: -f3 "/proc/$(virtualing show --json "$NAME" | jq .pid)/cgroup" | grep -c "^/virtualing/$NAME")" \
		"$(either "$(if [ "$KIND" = hybrid ]; then echo 5; else echo 6; fi)" 1)" "trees that it has a group in"
}

@test "the seeds' keys" {
	disk_make 16M
	cat >seed.rb <<-END
		Virtual.new({
		  :resource => { :group => "$NAME", :cpu_quota => 30000, :mem => 512 * 1024 * 1024, :oom => true,
		    :blk_dvnd => "$(device_number "$DISK_DEVICE")", :blk_rbps => 10485760, :blk_wbps => 10485760 },
		  :jail => { :cmnd => "sleep 300" },
		}).run
	END
	background "$BUILD/virtualing" seed.rb
	wait_for_virtual "$NAME"
	holds cpu "$(either cpu.cfs_quota_us cpu.max)" "$(either 30000 '30000 100000')"
	holds memory "$(either memory.limit_in_bytes memory.max)" 536870912
	holds_io "$(device_number "$DISK_DEVICE")" 10485760 10485760 max max
}

# ---- I/O: which disk is meant ----

@test "io by device node, by numbers, by file and by directory" {
	local path
	disk_make 16M
	mkdir "$DISK_MOUNT/below"
	echo >"$DISK_MOUNT/below/file"
	for path in "$DISK_DEVICE" "$(device_number "$DISK_DEVICE")" "$DISK_MOUNT" "$DISK_MOUNT/below/file"; do
		start "$NAME" --io "$path:read=10M,write=5M,riops=500,wiops=100"
		holds_io "$(device_number "$DISK_DEVICE")" 10485760 5242880 500 100
		virtualing stop "$NAME"
	done
	start "$NAME" --io "$DISK_MOUNT/below:riops=7"
	holds_io "$(device_number "$DISK_DEVICE")" max max 7 max
}

@test "io on a partition limits its whole disk" {
	disk_make 16M
	umount "$DISK_MOUNT"
	DISK_MOUNT=''
	addpart "$DISK_DEVICE" 1 2048 8192
	PARTITION=$(lsblk -nro PATH,TYPE "$DISK_DEVICE" | awk '$2 == "part" { print $1 }')
	[ -b "$PARTITION" ] || fail "there is no partition $PARTITION"
	for path in "$PARTITION" "$(device_number "$PARTITION")"; do
		start "$NAME" --io "$path:read=10M"
		holds_io "$(device_number "$DISK_DEVICE")" 10485760 max max max
		virtualing stop "$NAME"
	done
}

@test "what the write limit does not reach on v1 is said once; on v2 it reaches all" {
	disk_make 16M
	run --separate-stderr virtualing run --io "$DISK_MOUNT:read=10M" -- true
	equal "$status $stderr" "0 "
	run --separate-stderr virtualing run --quiet --io "$DISK_MOUNT:write=10M" -- true
	equal "$status $stderr" "0 "
	run --separate-stderr virtualing run --io "$DISK_MOUNT:write=10M" -- true
	equal "$status" 0
	if [ "$KIND" = v2 ]; then
		equal "$stderr" ""
	else
		equal "$(wc -l <<<"$stderr")" 1 lines
		has "$stderr" 'on cgroup v1 the write limit holds for direct and synchronous writes only'
	fi
}

# ---- what they do ----

@test "a busy loop with cpu 30% uses at most 33 %" {
	local before after from to used
	background "$BUILD/virtualing" run --name "$NAME" --cpu 30% -- sh -c 'while :; do :; done'
	wait_for_virtual "$NAME"
	from=${EPOCHREALTIME/[.,]/} before=$(cpu_used_us "$NAME")
	sleep 2
	after=$(cpu_used_us "$NAME") to=${EPOCHREALTIME/[.,]/}
	used=$(((after - before) * 1000 / (to - from)))
	at_most $used 330 "thousandths of a CPU"
	at_most 50 $used "thousandths of a CPU, at least" # it is busy
	virtualing show --json "$NAME" | jq -e '.usage.cpu_throttled_us > 0' >/dev/null || fail "it was not throttled"
}

# mib_per_second DD-OPERAND...: tenths
tenths_per_second() {
	local from=${EPOCHREALTIME/[.,]/} mib=20
	virtualing run --quiet --io "$DISK_MOUNT:read=10M,write=10M" -- dd bs=1M count=$mib status=none "$@" || return
	echo $((mib * 10 * 1000000 / (${EPOCHREALTIME/[.,]/} - from)))
}

# It never gets more; a machine that is busy with something else may be slower, but not each time.
near_10_mib() { # near_10_mib DD-OPERAND...
	local rate best=0 i
	for ((i = 0; i < 4 && best < 60; i++)); do
		rate=$(tenths_per_second "$@")
		at_most "$rate" 110 "tenths of MiB/s"
		best=$((rate > best ? rate : best))
	done
	at_most 60 "$best" "tenths of MiB/s, at least"
}

@test "10 MiB/s direct: writes and reads take as long as they should, and not much longer" {
	disk_make 64M
	near_10_mib if=/dev/zero of="$DISK_MOUNT/file" oflag=direct
	near_10_mib if="$DISK_MOUNT/file" of=/dev/null iflag=direct
}

@test "50 operations a second" {
	local from took
	disk_make 16M
	dd if=/dev/zero of="$DISK_MOUNT/file" bs=4k count=100 oflag=direct status=none
	from=${EPOCHREALTIME/[.,]/}
	virtualing run --io "$DISK_MOUNT:riops=50" -- dd if="$DISK_MOUNT/file" of=/dev/null bs=4k iflag=direct status=none
	took=$(((${EPOCHREALTIME/[.,]/} - from) / 1000))
	at_most 1700 $took "ms for 100 reads, at least"
	at_most $took 6000 "ms for 100 reads"
}

@test "memory 64M: what takes more is killed, with a line that names limit and peak" {
	local options
	for options in "" "--root $(root_make)"; do
		# shellcheck disable=SC2086 # a list of options
		run --separate-stderr virtualing run --name "$NAME" --memory 64M --swap 0 $options -- tail /dev/zero
		equal "$status" 137
		equal "${stderr%%pid *}" "virtualing: $NAME: killed for memory by the kernel: 1 process (tail, "
		[[ $stderr =~ ') by its own limit, usage 6'[34][.0-9]*'M, limit 64M, peak 64M; anonymous ' ]] || fail "$stderr"
	done
}

@test "a child that is killed for memory is told of too, and the status is the command's" {
	run --separate-stderr virtualing run --name "$NAME" --memory 64M --swap 0 -- sh -c 'tail /dev/zero; echo "$?"; exit 3' 2>/dev/null
	equal "$status" 3
	equal "$output" 137
	has "$stderr" 'killed for memory by the kernel: 1 process (tail, pid '
	[[ $stderr =~ ') by its own limit, usage 6'[34][.0-9]*'M, limit 64M, peak 64M' ]] || fail "$stderr"
}

@test "below the limit nothing is killed and nothing is said" {
	run --separate-stderr virtualing run --memory 64M -- sh -c 'head -c 30000000 /dev/zero | tail | wc -c'
	equal "$status $output $stderr" "0 30000000 "
}

@test "pids 20: the 20th fork fails" {
	run virtualing run --pids 20 -- sh -c 'n=1; while [ $n -lt 40 ]; do sleep 60 & n=$((n + 1)); echo $n; done'
	equal "$(grep -c '^[0-9]*$' <<<"$output")" 19 "forks"
	has "$output" 'Cannot fork'
	[ "$status" != 0 ] || fail "the shell succeeds"
}

@test "the limits hold for what the command starts, too" {
	run virtualing run --pids 5 -- sh -c 'sh -c "sh -c \"for i in 1 2 3 4 5; do sleep 60 & done\""'
	has "$output" 'Cannot fork'
}
