# Input that is wrong: said in one line a fault, with the status that tells whose fault it is, and nothing is made.
# not in the guest: it has nothing to do with control groups

# Dollars are for the shells inside; each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load helpers

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	ROOT=$BATS_TEST_TMPDIR/new/root
}

teardown() {
	local made
	made=$(find new 2>/dev/null)
	test_end && { [ -z "$made" ] || fail "made:" "$made"; }
}

config() { cat >"$1.rb"; }

# ---- the command line ----

@test "unknown commands and options are named, with the nearest that is known" {
	refused 125 'unknown command rum (did you mean run?)' "$BUILD/virtualing" rum
	refused 125 'unknown command frobnicate' "$BUILD/virtualing" frobnicate
	wrong 'unknown option --memroy (did you mean --memory?)' --memroy 5M
	wrong 'unknown option --zzzzz' --zzzzz
	wrong 'unknown option -x' -x
	refused 125 'unknown option --dry (did you mean --dry-run?)' "$BUILD/virtualing" gc --dry
}

@test "missing and superfluous values and arguments are told with what is wanted" {
	wrong '--memory needs a value: SIZE' --memory
	refused 125 '--memory needs a value: SIZE' "$BUILD/virtualing" run --memory
	wrong '--read-only takes no value' --read-only=yes
	wrong '--memory' --memory 5M --memory 6M
	refused 125 'CMD' "$BUILD/virtualing" run
	refused 125 'CMD' "$BUILD/virtualing" run --
	refused 125 'NAME' "$BUILD/virtualing" show
	refused 125 '"more" is too much: it takes NAME' "$BUILD/virtualing" stop one more
	refused 125 '"more" is too much: it takes no arguments' "$BUILD/virtualing" list more
	refused 125 'FILE.rb' "$BUILD/virtualing" check
}

@test "without any argument the usage is shown on standard error" {
	run --separate-stderr virtualing
	equal "$status" 125
	equal "$output" ""
	has "$stderr" "Usage: virtualing FILE.rb"
}

@test "names that cannot be names" {
	local name
	for name in 'a b' . .. -x a/b 'a;b' "$(printf 'a\nb')" cgroup.procs memory.max tasks "$(printf 'x%.0s' {1..65})"; do
		wrong '--name: "' "--name=$name"
	done
	wrong '"" is empty' --name=
	for name in ../x . a/b; do
		refused 125 "$name is not a name" "$BUILD/virtualing" show "$name"
	done
}

@test "a virtual that is not there" {
	for command in show stop kill; do
		refused 125 'no virtual is called no-such-virtual: see `virtualing list`' "$BUILD/virtualing" $command no-such-virtual
	done
	refused 125 '"soon" is not a number of seconds' "$BUILD/virtualing" stop no-such-virtual --timeout soon
	refused 125 '"SIGFOO" is not a signal' "$BUILD/virtualing" kill no-such-virtual --signal SIGFOO
}

# ---- values of limits ----

@test "bad sizes" {
	local size
	for size in much 5X 5MM 1.5 -5M 5Mi '5 M' '' 99999999999999999999 1e6 0x10; do
		wrong '--memory: ' "--memory=$size"
	done
	wrong '"much" is not a size (bytes, or a number with K, M, G or T, or "max")' --memory much
	wrong '--memory: "0" leaves no memory to run in' --memory 0
	wrong '--memory: "100" is less than any program can begin in, 64K (did you mean "100M"?)' --memory 100
	wrong '--hugetlb: ' --hugetlb 2M:much
	wrong '--hugetlb: 2M: "3M" is no whole number of such pages; the next are 2M and 4M' --hugetlb 2M:3M
	wrong '--hugetlb: "3M" is not a size of huge pages like 2M or 1G' --hugetlb 3M:1G
	wrong 'this host has no huge pages of 4G; its sizes are: ' --hugetlb 4G:4G
}

@test "bad shares of CPU" {
	wrong '--cpu: "fast" is not a share of CPU like "30%", "1.5" (CPUs) or "max"' --cpu fast
	wrong "--cpu: \"0%\" is below the kernel's smallest quota, 1%" --cpu 0%
	wrong '--cpu: ' --cpu=-30%
	wrong 'CPUs' --cpu 1000000
	wrong '--cpu-weight: "20000" is outside 1..10000' --cpu-weight 20000
	wrong '--cpu-weight: "0" is outside 1..10000' --cpu-weight 0
	wrong '--cpus: "a" is not a list of CPUs like 0-1,3' --cpus a
	wrong '--cpus: ' --cpus 1-0
	wrong "--cpus: CPU 4000 is not there; this host has 0" --cpus 0,4000
}

@test "bad numbers of processes" {
	wrong '--pids: "0" is outside 1..4194304' --pids 0
	wrong '--pids: "-5" is not a whole number' --pids=-5
	wrong '--pids: "many" is not a whole number' --pids many
	wrong '--pids: "99999999" is outside 1..4194304' --pids 99999999
}

@test "bad devices: unknown, without a disk, no device at all, twice" {
	wrong '--io: /dev/no-such-disk: No such file or directory' --io /dev/no-such-disk:read=1M
	wrong '999:1: there is no block device 999:1 on this host; its disks are: ' --io 999:1:read=1M
	wrong '/proc: it lies on proc, which has no disk of its own whose speed could be limited' --io /proc:read=1M
	wrong '/dev/null: it is a character device, not a disk' --io /dev/null:read=1M
	wrong '"vda" is neither a path nor a device like "8:0" (did you mean "/dev/vda"?)' --io vda:read=1M
	wrong '0 would stop it for ever' --io /:read=0
	wrong '"much" is not' --io /:read=much
	wrong 'reed' --io /:reed=1M
	wrong '--io: "/" is not PATH:read=SIZE' --io /
}

@test "two I/O limits for one disk" {
	disk_make 16M
	mkdir "$DISK_MOUNT/below"
	wrong "$DISK_MOUNT and $DISK_MOUNT/below are on the same disk" --io "$DISK_MOUNT:read=1M" --io "$DISK_MOUNT/below:read=2M"
}

# ---- the jail ----

@test "bad roots: not absolute, with .., not a directory" {
	wrong '--root: "relative" is not absolute' --root relative
	wrong 'contains ".."' --root "$PWD/../x"
	wrong '/etc/passwd: Not a directory' --root /etc/passwd
	wrong '/etc/passwd/below' --root /etc/passwd/below
	wrong 'does not exist (a plain chroot makes nothing)' --root "$ROOT" --plain-chroot
	wrong '--plain-chroot: needs --root' --plain-chroot
}

@test "bad binds: source missing, not absolute, target outside" {
	in_jail '--bind: source /no/such/source: No such file or directory' --bind /no/such/source
	in_jail '--ro-bind: source /no/such/source: No such file or directory' --ro-bind /no/such/source:/srv
	in_jail '--bind: "relative" is not absolute' --bind relative
	in_jail '".."' --bind /etc:/../srv
	wrong '--bind: needs --root' --bind /etc
}

@test "bad words for the other walls" {
	in_jail '--user: ' --user no-such-user
	in_jail '/no/such/filter: No such file or directory' --filter /no/such/filter
	in_jail '"some" is neither "default" nor "none" nor the absolute path of a file' --filter some
	in_jail 'unknown limit nofle (did you mean nofile?)' --limits nofle=1
	in_jail '--limits: ' --limits nofile=many
	in_jail 'unknown capability "no_such"' --caps keep=cap_no_such
	in_jail '"X" has no value: it is NAME=VALUE' --env X
	in_jail '/no/such/dir' --workdir /no/such/dir
	in_jail '"huge" is not a size' --tmpfs /x:huge
	in_jail '"foo" is not a namespace' --share foo
	in_jail "--hostname: would be the host's own name, for --share leaves uts shared: give one of them" --hostname h --share uts
	in_jail '--hostname: ' --hostname 'a b'
	wrong '--hostname: needs --root' --hostname x
	wrong '--stop-timeout: "x" is not a number of seconds' --stop-timeout x
}

@test "a command that is not in the jail: 127 and no root" {
	refused 127 'command not found in the jail: /no/such/command' \
		"$BUILD/virtualing" run --root "$ROOT" -- /no/such/command
	refused 127 'no-such-command (searched ' "$BUILD/virtualing" run --root "$ROOT" -- no-such-command
	refused 127 'command not found: /no/such/command' "$BUILD/virtualing" run --memory 5M -- /no/such/command
}

# ---- the vip ----

@test "bad addresses and devices" {
	wrong '"10.0.0.999" is not an IPv4 or IPv6 address' --vip 10.0.0.999@lo
	wrong 'no network device "no-such-dev" (there are: ' --vip 10.0.0.9@no-such-dev
	wrong '"10.0.0.9" is not ADDRESS[/LENGTH]@DEVICE' --vip 10.0.0.9
}

# ---- files ----

@test "a file that is missing, is none, or may be changed by others" {
	refused 125 'no-such.rb: No such file or directory' "$BUILD/virtualing" no-such.rb
	refused 125 'no-such.rb: No such file or directory' "$BUILD/virtualing" run no-such.rb
	refused 125 'no-such.rb: No such file or directory' "$BUILD/virtualing" check no-such.rb
	mkdir dir.rb
	refused 125 'dir.rb: is a directory' "$BUILD/virtualing" dir.rb
	config web <<<"Virtual.new({ :jail => { :cmnd => 'true', :root => '$ROOT' } }).run"
	chmod 666 web.rb
	refused 125 'web.rb: ' "$BUILD/virtualing" web.rb
	has "$stderr" chmod
	chmod 644 web.rb && chown 65534 web.rb
	refused 125 'web.rb: ' "$BUILD/virtualing" web.rb
}

@test "a syntax error, with its line" {
	config web <<-'END'
		Virtual.new({
		  :jail => { :cmnd => "true" }
		).run
	END
	refused 125 'web.rb:3' "$BUILD/virtualing" web.rb
	has "$stderr" 'syntax error'
}

@test "an exception, with its line and the way to it" {
	config web <<-'END'
		def root
		  nil.upcase
		end
		Virtual.new({ :jail => { :cmnd => "true", :root => root } }).run
	END
	run --separate-stderr virtualing web.rb
	equal "$status" 125
	equal "$output" ""
	has "${stderr_lines[0]}" "web.rb:2: undefined method 'upcase'"
	has "$stderr" "from web.rb:4"
}

@test "an unknown key, with its line and the nearest" {
	config web <<-END
		Virtual.new({
		  :resource => {
		    :memroy => "5M",
		  },
		  :jail => { :cmnd => "true", :root => "$ROOT" },
		}).run
	END
	refused 125 'web.rb:3: resource: unknown key :memroy (did you mean :memory?)' "$BUILD/virtualing" web.rb
	refused 125 'web.rb:3: resource: unknown key :memroy (did you mean :memory?)' "$BUILD/virtualing" check web.rb
}

@test "every fault of a file at once, each with its own line" {
	config web <<-END
		Virtual.new({
		  :resource => {
		    :name => "a b",
		    :memroy => "5M",
		    :mem => "much",
		    :cpu_quota => "fast",
		    :pids => [],
		    :oom => 1,
		    :blk_dvnd => 7,
		    :blk_rbps => -1,
		  },
		  :jail => {
		    :root => "relative",
		    :bind => ["also/relative"],
		    :ro_bind => 7,
		    :memory => "5M",
		  },
		  :ip => { :vip => "10.0.0.5" },
		  :jial => {},
		}).run
		Virtual.new({
		  :jail => { :cmnd => [] },
		}).start
	END
	run --separate-stderr virtualing web.rb
	equal "$status" 125
	equal "$output" ""
	local line gist
	while read -r line gist; do
		grep -q "^web.rb:$line: .*$gist" <<<"$stderr" || fail "no line $line about '$gist' in:" "$stderr" || return
	done <<-'END'
		3 resource: :name: "a b" is not a name
		4 resource: unknown key :memroy (did you mean :memory?)
		5 resource: :mem: "much" is not a size
		6 resource: :cpu_quota: "fast" is not
		7 resource: :pids: a list is not
		8 resource: :oom: 1 is neither true nor false
		9 resource: :blk_dvnd: 7 is not
		10 resource: :blk_rbps: -1 is
		12 jail: :cmnd is missing
		13 jail: :root: "relative" is not absolute
		14 jail: :bind: "also/relative" is not absolute
		15 jail: :ro_bind: 7 is not
		16 jail: unknown key :memory (it belongs under :resource)
		18 ip: :dev is missing
		19 unknown key :jial (did you mean :jail?)
		22 jail: :cmnd: \[\] is empty
	END
	equal "$(wc -l <<<"$stderr")" 16 "number of lines of '$stderr'"
}

@test "what only the host can tell has its line too, and all of it is told" {
	config web <<-END
		Virtual.new({
		  :resource => {
		    :cpus => "4000",
		    :io => { "/dev/no-such-disk" => { :read => "1M" } },
		  },
		  :jail => {
		    :root => "$ROOT",
		    :bind => ["/no/such/source"],
		    :cmnd => "true",
		  },
		  :ip => { :vip => "10.0.0.5", :dev => "no-such-dev" },
		}).run
	END
	run --separate-stderr virtualing web.rb
	equal "$status" 125
	has "$stderr" 'web.rb:3: resource: :cpus: CPU 4000 is not there'
	has "$stderr" 'web.rb:4: resource: :io: /dev/no-such-disk: No such file or directory'
	has "$stderr" 'web.rb:8: jail: :bind: source /no/such/source: No such file or directory'
	has "$stderr" 'web.rb:11: ip: :dev: no network device "no-such-dev"'
	equal "$(wc -l <<<"$stderr")" 4 "number of lines of '$stderr'"
}

@test "a command that is not there, from a file: 127 with its line" {
	config web <<-END
		Virtual.new({
		  :jail => { :root => "$ROOT",
		    :cmnd => "/no/such/command" },
		}).run
	END
	refused 127 'web.rb:3: jail: :cmnd: command not found in the jail: /no/such/command' "$BUILD/virtualing" web.rb
}

@test "keys without effect are told in one line, and the command runs" {
	config web <<-'END'
		Virtual.new({
		  :resource => { :root => "/cgroup" },
		  :jail => { :path => "/usr/bin/jailing", :cmnd => "true" },
		}).run
	END
	run --separate-stderr virtualing web.rb
	equal "$status" 0
	has "$stderr" 'resource: :root has no effect'
	has "$stderr" 'jail: :path has no effect'
	equal "$(wc -l <<<"$stderr")" 2 lines
}

# ---- nothing that is printed can harm a terminal ----

@test "control characters in what we were given are not printed" {
	wrong '"5\u001B[31mM" is not a size' "--memory=$(printf '5\033[31mM')"
	wrong '?' --io "$(printf '/no\r/such'):read=1M"
	refused 127 '?' "$BUILD/virtualing" run -- "$(printf '/no/\033]0;x\007such')"
	case $stderr in *$'\033'*) fail "an escape in: $(od -c <<<"$stderr")" ;; esac
}
