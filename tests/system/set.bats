# Limits that change while a virtual runs: by hand, and when memory is given back. Nobody is killed for it.

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153,SC2154
load helpers
load guarded

# bats test_tags=guest
@test "limits change while it runs, all or nothing" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 64M --pids 20 --cpu 50% -- sleep 300
	wait_for_virtual "$NAME"
	virtualing set "$NAME" memory=80M pids=30 cpu=70%
	equal "$(limit_now "$NAME" memory)" $((80 << 20)) memory
	equal "$(limit_now "$NAME" pids)" 30 pids
	has "$(limit_now "$NAME" cpu)" 70000
	refused 125 "cpu_weight" "$BUILD/virtualing" set "$NAME" memory=90M cpu_weight=0
	equal "$(limit_now "$NAME" memory)" $((80 << 20)) "memory after a refusal"
	refused 125 "memroy cannot be changed while it runs, or is no limit (did you mean memory?)" "$BUILD/virtualing" set "$NAME" memroy=1M
	refused 125 '"memory" is not KEY=VALUE' "$BUILD/virtualing" set "$NAME" memory
	refused 125 "memory: \"1Q\" is not a size" "$BUILD/virtualing" set "$NAME" memory=1Q
	refused 125 "memory: \"96\" is less than any program can begin in, 64K (did you mean \"96M\"?)" \
		"$BUILD/virtualing" set --force "$NAME" memory=96
	virtualing stop "$NAME"
}

@test "a key of the seeds means in set what it means in a file" {
	start "$NAME" --cpu 50% --memory 64M
	virtualing set "$NAME" cpu_quota=5000 mem=83886080
	equal "$(limit_now "$NAME" cpu | cut -d' ' -f1)" 5000 "us of every 100 ms"
	equal "$(limit_now "$NAME" memory)" $((80 << 20)) memory
	refused 125 "$NAME: cpu_quota: \"30%\" is not a whole number" "$BUILD/virtualing" set "$NAME" cpu_quota=30%
	refused 125 ':cpu and :cpu_quota say the same' "$BUILD/virtualing" set "$NAME" cpu=1 cpu_quota=5000
	equal "$(limit_now "$NAME" cpu | cut -d' ' -f1)" 5000 "us of every 100 ms after the refusals"
}

# lifted OPTION...: options to start "$NAME" with, of which the limits of memory and swap are taken away in one command
lifted() {
	local key
	start "$NAME" --memory 64M --swap 0 "$@"
	if [ "$(host_kind)" != v2 ]; then
		refused 125 "memory=max alone cannot be (\`virtualing set $NAME memory=max swap=max\` lifts both)" \
			"$BUILD/virtualing" set --force "$NAME" memory=max
		equal "$(limit_now "$NAME" memory)" $((64 << 20)) "memory after the refusal"
	fi
	virtualing set --force "$NAME" memory=max swap=max
	for key in memory swap; do
		case $(limit_now "$NAME" $key) in max | 92233720368*) ;; *) fail "$key: $(limit_now "$NAME" $key)" ;; esac
	done
	virtualing set "$NAME" memory=80M swap=0
	equal "$(limit_now "$NAME" memory)" $((80 << 20)) memory
	virtualing stop "$NAME"
}

# bats test_tags=guest
@test "memory and swap are unlimited again in one command, with a guard and without" {
	lifted
	lifted --grow ceiling=128M
}

@test "swap is not limited without the memory where the kernel has but the sum" {
	local options
	[ "$(host_kind)" != v2 ] || skip "cgroup v2 limits each by itself"
	for options in "" "--memory max" "--no-oom"; do
		# shellcheck disable=SC2086 # two words
		start "$NAME" $options
		refused 125 "$NAME: swap: needs a memory limit too" "$BUILD/virtualing" set "$NAME" swap=1G
		refused 125 "$NAME: swap: needs a memory limit too" "$BUILD/virtualing" set "$NAME" memory=max swap=1G
		virtualing set "$NAME" memory=64M swap=16M
		equal "$(limit_now "$NAME" swap)" $((80 << 20)) "memory and swap with '$options'"
		virtualing stop "$NAME"
	done
}

# disk_limit read|write|riops: what the kernel has for DISK_DEVICE; nothing where it has none
disk_limit() {
	local -A v1=([read]=read_bps [write]=write_bps [riops]=read_iops) v2=([read]=rbps [write]=wbps [riops]=riops)
	local device group
	device=$(stat -c '%Hr:%Lr' "$DISK_DEVICE")
	if [ "$(host_kind)" = v2 ]; then
		group=$(find "$(group_dir "$NAME" io)" -name io.max -exec grep -h "^$device " {} +) || return 0
		tr ' ' '\n' <<<"$group" | sed -n "s/^${v2[$1]}=//p" | grep -vx max || true
	else
		awk -v d="$device" '$1 == d { print $2 }' "$(group_dir "$NAME" blkio)/blkio.throttle.${v1[$1]}_device"
	fi
}

# bats test_tags=guest
@test "limits of a disk change while it runs, kind by kind, and what cannot be set together changes nothing" {
	disk_make 64M
	background "$BUILD/virtualing" run --name "$NAME" --io "$DISK_MOUNT:write=10M" --cpu 50% --memory 64M --swap 0 -- "$EAT" page 30 300000
	wait_until 30 grep -q '^ate' "$BATS_TEST_TMPDIR/background.0"
	virtualing set "$NAME" "io=$DISK_MOUNT:riops=500,read=max"
	virtualing set "$NAME" "io=$DISK_MOUNT:write=20M"
	equal "$(disk_limit write) $(disk_limit riops) $(disk_limit read)" "$((20 << 20)) 500 " "write, riops, read"
	described() { virtualing show --json "$NAME" | jq -c '[.description.resource.io[] | .read, .write, .riops]'; }
	equal "$(described)" "[\"max\",$((20 << 20)),500]" described
	refused 125 "$NAME: " "$BUILD/virtualing" set "$NAME" "io=$DISK_MOUNT:write=30M,read=1M" cpu_weight=500 memory=8M
	equal "$(disk_limit write) $(disk_limit riops) $(disk_limit read)" "$((20 << 20)) 500 " "write, riops, read after a refusal"
	equal "$(described)" "[\"max\",$((20 << 20)),500]" "described after a refusal"
	weight=$([ "$(host_kind)" = v2 ] && echo weight || echo shares)
	equal "$(find "$(group_dir "$NAME" cpu)" -name "cpu.$weight" -exec cat {} + | sort -u)" \
		"$([ "$weight" = weight ] && echo 100 || echo 1024)" "cpu.$weight after a refusal"
	refused 125 "are on the same disk" "$BUILD/virtualing" set "$NAME" "io=$DISK_DEVICE:write=30M"
	refused 125 "/no/such" "$BUILD/virtualing" set "$NAME" io=/no/such:write=30M
	refused 125 "is not PATH:read=SIZE" "$BUILD/virtualing" set "$NAME" io=10M
}

@test "a switch is set by true or false" {
	start "$NAME" --memory 64M
	refused 125 "set: oom_group: \"maybe\" is neither true nor false" "$BUILD/virtualing" set "$NAME" oom_group=maybe
	if [ "$(host_kind)" != v2 ]; then
		refused 125 "oom_group: exists on cgroup v2 only" "$BUILD/virtualing" set "$NAME" oom_group=true
		return
	fi
	virtualing set "$NAME" oom_group=true
	equal "$(limit_now "$NAME" oom_group)" 1
	virtualing set "$NAME" oom_group=false
	equal "$(limit_now "$NAME" oom_group)" 0
}

# bats test_tags=guest
@test "a limit of which the virtual has no group is refused with what gives it one" {
	local key
	start "$NAME"
	for key in pids cpu_weight; do
		refused 125 "$key: it was started without such a limit, so there is none in /" "$BUILD/virtualing" set "$NAME" $key=10
		has "$stderr" ": start it with --${key/_/-}"
	done
}

# bats test_tags=guest
@test "a limit is lowered only as far as nobody must be killed for it" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 200M --swap 0 -- "$EAT" page 80 300000
	wait_until 30 grep -q '^ate' "$BATS_TEST_TMPDIR/background.0"
	run "$BUILD/virtualing" set "$NAME" memory=40M
	equal "$status" 125
	equal "$(limit_now "$NAME" memory)" $((200 << 20)) "limit after the refusal"
	virtualing set "$NAME" memory=120M
	equal "$(limit_now "$NAME" memory)" $((120 << 20)) limit
	is_running "$NAME"
	virtualing stop "$NAME"
}

# uncached FILE MIB: makes it, and nobody has any of it in memory
uncached() {
	dd if=/dev/zero of="$1" bs=1M count="$2" status=none conv=fsync
	dd if="$1" of=/dev/null iflag=nocache count=0 status=none
}

# bats test_tags=guest
@test "page cache is given up for a lower limit, what the program has is not, with a guard and without" {
	local guard
	disk_make 256M
	for guard in "--swap 0" "--swap 0 --grow ceiling=256M,at=100%"; do
		uncached "$DISK_MOUNT/file" 120
		# shellcheck disable=SC2086 # two options
		background "$BUILD/virtualing" run --name "$NAME" --memory 256M $guard -- \
			sh -c "cat $DISK_MOUNT/file >/dev/null; exec $EAT page 60 300000"
		wait_until 60 grep -q '^ate' "$BATS_TEST_TMPDIR/background.$((${#BACKGROUND[@]} - 1))"
		[ "$(virtualing show --json "$NAME" | jq .usage.memory)" -gt $((160 << 20)) ] || fail "$(virtualing show "$NAME")"
		virtualing set "$NAME" memory=100M
		equal "$(limit_now "$NAME" memory)" $((100 << 20)) "limit with $guard"
		refused 125 "$NAME: " "$BUILD/virtualing" set "$NAME" memory=40M
		equal "$(limit_now "$NAME" memory)" $((100 << 20)) "limit after the refusal with $guard"
		equal "$(virtualing show --json "$NAME" | jq .usage.oom_kills)" 0 "kills with $guard"
		is_running "$NAME"
		virtualing stop "$NAME"
	done
}

# bats test_tags=guest
@test "a limit falls to what is in use when the rest has not been used for a while" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 256M --swap 0 --give-back floor=40M,after=1 -- "$EAT" page 80 300000
	wait_until 60 grep -q '^ate' "$BATS_TEST_TMPDIR/background.0"
	is_low() { [ "$(limit_now "$NAME" memory)" -le $((110 << 20)) ]; }
	wait_until 60 is_low
	has "$(<"$BATS_TEST_TMPDIR/background.0")" 'limit 256M lowered to '
	is_running "$NAME"
	has "$(virtualing events "$NAME")" gave_back
	# What was given back is taken again when it is wanted, whatever else was set meanwhile.
	virtualing set "$NAME" swap=1M
	is_low
	equal "$(virtualing exec "$NAME" -- "$EAT" page 100)" "ate 100 page"
	virtualing stop "$NAME"
}

# bats test_tags=guest
@test "page cache that nobody uses is given back" {
	disk_make 256M
	background "$BUILD/virtualing" run --name "$NAME" --memory 256M --swap 0 --give-back floor=40M,after=1 -- \
		sh -c "head -c 150M /dev/zero >$DISK_MOUNT/file; sync; exec sleep 300"
	is_low() { [ "$(limit_now "$NAME" memory)" -le $((64 << 20)) ]; }
	wait_until 60 is_low || fail "limit $(limit_now "$NAME" memory)" "$(<"$BATS_TEST_TMPDIR/background.0")"
	equal "$(virtualing show --json "$NAME" | jq .usage.oom_kills)" 0 kills
	virtualing stop "$NAME"
}

# set_at_random TIMES: the limit of "$NAME" to something between 40 and 200 MiB; how often it was done, and refused, in
# $taken and $refused
set_at_random() {
	local i mib
	taken=0 refused=0
	for ((i = 0; i < $1; i++)); do
		mib=$((40 + RANDOM % 161))
		run "$BUILD/virtualing" set "$NAME" "memory=${mib}M"
		case $status in
		0) taken=$((taken + 1)) ;;
		125) refused=$((refused + 1)) && [ ${#lines[@]} = 1 ] && has "$output" "virtualing: $NAME: " ;;
		*) fail "set memory=${mib}M: status $status: $output" ;;
		esac || return
	done
}

# bats test_tags=guest
@test "whatever the limit is set to under load, nobody is killed: it is that, or refused with a reason" {
	local seed=${SEED:-$RANDOM} taken refused
	echo "SEED=$seed"
	RANDOM=$seed
	background "$BUILD/virtualing" run --name "$NAME" --memory 120M --swap 0 --quiet --report "$PWD/report" \
		--grow step=16M,ceiling=400M,at=100%,cooldown=0 -- "$EAT" breathe 100 300000
	wait_until 60 is_running "$NAME"
	set_at_random "$([ -n "${VIRTUALING_GUEST:-}" ] && echo 20 || echo 100)"
	is_running "$NAME" || fail "it has ended after $taken settings and $refused refusals" "$(<"$BATS_TEST_TMPDIR/background.0")"
	virtualing stop "$NAME"
	echo "taken $taken, refused $refused: $(jq -c '[.events, .oom_kills]' report)"
	equal "$(jq -c '[.status, .oom_kills]' report)" "[0,0]" "status and kills"
	equal "$(<"$BATS_TEST_TMPDIR/background.0")" "ate 100 breathe"
	[ "$taken" -gt 0 ] || fail "all were refused"
}

# bats test_tags=guest
@test "forced below what is used the kernel decides, and refused it stays as it was" {
	background "$BUILD/virtualing" run --name "$NAME" --memory 256M --swap 0 --grow ceiling=300M -- "$EAT" page 80 300000
	wait_until 30 grep -q '^ate' "$BATS_TEST_TMPDIR/background.0"
	run "$BUILD/virtualing" set "$NAME" memory=40M pids=77
	equal "$status" 125
	run "$BUILD/virtualing" show --json "$NAME"
	[[ $output != *'"pids": 77'* && $output != *'"pids":77'* ]]
	run "$BUILD/virtualing" set "$NAME" oom=false
	has "$output" "cannot be changed"
	run "$BUILD/virtualing" set "$NAME" swap=8M
	equal "$status" 0
	run "$BUILD/virtualing" set --force "$NAME" memory=40M
	if [ "$(host_kind)" = v2 ]; then
		wait_until 10 grep -q 'killed for memory' "$BATS_TEST_TMPDIR/background.0"
	else # v1 does not lower a limit below what cannot be taken away, whoever asks
		has "$output" "so a limit of 40M is too low; at least "
	fi
}
