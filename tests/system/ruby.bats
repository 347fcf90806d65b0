# The language, from outside: virtualing-ruby on a real socket, with a supervisor that only writes down what it is
# asked (ruby_supervisor.py).  Nothing is confined here.
# not in the guest: the language stands above control groups

load helpers

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	PROGRAM=$BUILD/virtualing-ruby
	ANSWERS=()
}

# answer OPTION...: how the supervisor answers, see ruby_supervisor.py
answer() { ANSWERS+=("$@"); }

# script [ARGUMENT...]: evaluates standard input as web.rb; $status and $output are its own
script() {
	cat >web.rb
	evaluate web.rb "$@"
}

evaluate() {
	run "$BATS_TEST_DIRNAME/ruby_supervisor.py" "${ANSWERS[@]}" asked "$PROGRAM" "$@"
}

# asked FILTER: the requests that jq's FILTER selects
asked() { jq -c "$1" asked; }

# faults: "LINE SECTION.KEY TEXT" of everything that was said to be wrong
faults() { asked 'select(.op == "faults") | .list[] | "\(.line) \(.section // "").\(.key // "") \(.text)"' | jq -r .; }

ops() { jq -r .op asked | paste -sd ' '; }

VIRTUAL='Virtual.new({ :jail => { :cmnd => "/bin/true" } })'

# ---- descriptions ----

@test "the seed's form is understood" {
	script <<-'END'
		Virtual.new({
		  :resource => {
		    :group => "httpd-jail", :cpu_quota => 30000,
		    :blk_dvnd => "202:0", :blk_rbps => 10485760, :blk_wbps => 10485760,
		    :mem => 512 * 1024 * 1024, :oom => true,
		  },
		  :jail => {
		    :root => "/chroot/apache", :bind => ["/usr/local"], :ro_bind => ["/usr/local/lib"],
		    :cmnd => "/usr/local/apache/bin/httpd -X",
		  },
		  :ip => { :vip => "192.168.0.30", :dev => "eth0" },
		}).run
	END
	equal "$output" ""
	equal "$(asked 'select(.op == "start") | .spec | .resource.name, .resource.memory, .jail.root, .jail.cmnd, .ip.vip' |
		paste -sd ' ')" \
		'"httpd-jail" 536870912 "/chroot/apache" ["/usr/local/apache/bin/httpd","-X"] "192.168.0.30"'
}

@test "symbols, texts and labels are the same as keys, and so are symbols and texts as values; a section may be nil" {
	script <<-'END'
		Virtual.new("resource" => { name: :web, "cpu" => 1.5 }, jail: { "cmnd" => [:a, "b"] }, :ip => nil).run
	END
	equal "$(faults)" ""
	equal "$(asked 'select(.op == "start") | .spec | [.resource.name, .resource.cpu, .ip.vip, .jail.cmnd]')" \
		'["web","150%",null,["a","b"]]'
}

@test "a key that is nil is an error: what was looked up in vain lifts no limit" {
	script <<-'END'
		Virtual.new(
		  resource: { pids: ENV["NOT_THERE"] },
		  jail: { cmnd: "x" }).run
	END
	equal "$status" 125
	equal "$(faults)" "2 resource.pids is nil: give it a value, or leave the key out"
	equal "$(ops)" "faults finish"
}

@test "a virtual without a name is called after its file" {
	script <<<"puts $VIRTUAL.name"
	equal "$output" web
}

@test "every error of a file is reported with its line, and nothing is started" {
	script <<-'END'
		a = Virtual.new({
		  :resource => {
		    :memroy => "1G",
		    :pids => "many",
		  },
		  :jail => { :cmnd => "/bin/true" } }).run
		b = Virtual.new({ :jail => { :cmnd => "/bin/true" } }).start
		c = Virtualing.new(
		  jail: {
		    root: "relative"
		  })
		p a, b.name, c.name, Virtual.wait
	END
	equal "$status" 125
	equal "$output" "$(printf '%s\n' 125 '"web"' nil 125)"
	equal "$(ops)" "faults check faults finish"
	has "$(faults)" "3 resource.memroy unknown key :memroy (did you mean :memory?)"
	has "$(faults)" "4 resource.pids"
	has "$(faults)" "10 jail.root"
	has "$(faults)" "9 jail.cmnd"
	equal "$(asked 'select(.op == "finish").status')" 125
}

@test "values that cannot be passed on are refused by name" {
	script <<-'END'
		Virtual.new({ :jail => {
		  :cmnd => "a\0b",
		  :root => "\xff",
		  :bind => [nil],
		  :user => 1..2,
		  :workdir => lambda { } } })
		Virtual.new(7)
		Virtual.new({ 7 => 8, :jail => { :cmnd => "x", "cmnd" => "y" } })
		Virtual.new({ :jail => { :cmnd => "x" }, :resource => { :cpu => 0.0 / 0.0 } })
	END
	equal "$status" 125
	has "$(faults)" "2 jail.cmnd a text with a NUL byte in it"
	has "$(faults)" "3 jail.root a text that is not valid UTF-8"
	has "$(faults)" "4 jail.bind nil cannot stand in a list"
	has "$(faults)" "5 jail.user a range cannot be used"
	has "$(faults)" "6 jail.workdir a block cannot be used"
	has "$(faults)" "7 . a description is a hash"
	has "$(faults)" "8 . a key must be a symbol or a text"
	has "$(faults)" "8 jail.cmnd given twice"
	has "$(faults)" "9 resource.cpu a number"
}

@test "endless and enormous descriptions are refused" {
	script <<-'END'
		h = { :jail => { :cmnd => "x" } }
		h[:jail][:env] = h
		Virtual.new(h)
		Virtual.new({ :jail => { :cmnd => ["x"] * 100000 } })
		Virtual.new({ :jail => { :cmnd => ["x" * 600000] } })
		all = { :cmnd => "x" }
		300.times { |i| all["key#{i}"] = 1 }
		Virtual.new({ :jail => all })
		a = []
		a << a
		Virtual.new({ :jail => { :cmnd => a } })
	END
	equal "$status" 125
	equal "$(faults | grep -c 'nested too deeply')" 2
	equal "$(faults | grep -c '^[45] jail.cmnd the description is too large')" 2
	equal "$(faults | grep -c 'unknown key :key')" 200
	has "$(faults)" "8 . 100 more faults of the same description"
	equal "$(asked 'select(.op == "start")')" ""
}

@test "what the supervisor finds wrong is shown at the key as the file has it" {
	answer --start '{"ok": false, "error": "2 faults", "faults": [
		{"section": "resource", "key": "memory", "text": "no memory controller"},
		{"section": "jail", "key": "root", "text": "is a file"}]}'
	script <<-'END'
		Virtual.new({
		  :resource => {
		    :oom => true,
		    :mem => 1024 * 1024 },
		  :jail => { :cmnd => "x",
		    :root => "/x" } }).run
		puts Virtual.new({ :jail => { :cmnd => "y" } }).run
	END
	equal "$status" 125
	equal "$output" 125
	equal "$(faults)" "$(printf '%s\n' '4 resource.mem no memory controller' '6 jail.root is a file')"
	equal "$(ops)" "start faults check finish"
}

# ---- running ----

@test "run returns the exit status, and the script's end leaves it to the supervisor" {
	answer --wait '{"ok": true, "status": 7}'
	script <<<"puts $VIRTUAL.run"
	equal "$output" 7
	equal "$(ops)" "start wait finish"
	equal "$(asked 'select(.op == "finish") | has("status")')" false
}

@test "the script host goes when run is the last thing" {
	script <<<"$VIRTUAL.run"
	equal "$(ops)" "start finish"
	script a <<-END
		v = $VIRTUAL
		if ARGV.empty?
		  puts "no"
		else
		  v.run
		end
	END
	equal "$(ops)" "start finish"
	script <<-END
		$VIRTUAL.start
		Virtual.wait
	END
	equal "$(ops)" "start finish"
}

@test "the script host stays when anything follows run" {
	local code
	for code in "$VIRTUAL.run; puts 1" "x = [$VIRTUAL.run]" "$VIRTUAL.run rescue 1" "1.times { $VIRTUAL.run }" \
		"begin; $VIRTUAL.run; ensure; puts 1; end" "def f; $VIRTUAL.run; end; f; f" "exit $VIRTUAL.run" \
		"2.times { |i| puts i if i == 1; $VIRTUAL.run }" "at_exit { puts 1 }; $VIRTUAL.run" \
		"Fiber.new { $VIRTUAL.run }.resume" "puts 1 if $VIRTUAL.run" "i = 0; while (i += 1) < 3; $VIRTUAL.run; end"; do
		script <<<"$code"
		has "$(ops)" "start wait" || fail "in: $code"
		equal "$status" 0
	done
}

@test "several virtuals: start, wait for one, wait for all" {
	answer --wait '{"ok": true, "status": 3}' --wait '{"ok": true, "status": 143}'
	script <<-'END'
		a = Virtual.new({ :resource => { :name => "a" }, :jail => { :cmnd => "x" } }).start
		b = Virtual.new({ :resource => { :name => "b" }, :jail => { :cmnd => "x" } }).start
		p a.pid, b.name, a.wait
		p Virtual.wait
	END
	equal "$output" "$(printf '%s\n' 4711 '"b"' 3 143)"
	equal "$(asked 'select(.op == "wait").name')" "$(printf '%s\n' '"a"' null)"
}

@test "a command that cannot be run ends with its status, said once" {
	answer --start '{"ok": false, "error": "x: Permission denied", "status": 126, "printed": true}'
	script <<<"puts $VIRTUAL.run"
	equal "$output" 126
	equal "$status" 126
	equal "$(ops)" "start finish"
	ANSWERS=()
	answer --start '{"ok": false, "error": "the group vanished"}'
	script <<<"$VIRTUAL.run"
	equal "$(faults)" "1 . the group vanished"
	equal "$status" 125
}

@test "the supervisor's end is the script's" {
	answer --hang-up-on wait
	script <<-END
		begin
		  $VIRTUAL.run
		ensure
		  puts "not reached"
		end
	END
	equal "$status" 125
	equal "$output" "virtualing: web.rb: the script cannot go on: the other side has closed the connection"
}

@test "a virtual that runs is stopped, paused, resumed and signalled" {
	script <<-END
		v = $VIRTUAL.start
		p v.pause.equal?(v), v.resume.equal?(v), v.signal(:USR1).equal?(v), v.kill.equal?(v), v.stop, v.stop(1.5)
	END
	equal "$output" "$(printf '%s\n' true true true true 143 143)"
	equal "$(asked 'select(.name == "web") | [.op, .signal, .timeout_ms]' | paste -sd ' ')" \
		'["pause",null,null] ["resume",null,null] ["kill","USR1",null] ["kill","KILL",null] ["stop",null,null] ["stop",null,1500]'
}

@test "blocks go with the start of their virtual; run takes none" {
	script <<<"$VIRTUAL.on(:oom) { }.on(:usage, \"4M\") { }.start"
	equal "$(asked 'select(.op == "start").blocks')" \
		'[{"id":1,"once":false,"type":"oom"},{"id":2,"once":false,"type":"usage","value":"4M"}]'
	script <<<"$VIRTUAL.run { }"
	has "$(faults)" "a block is not called here"
}

@test "whatever is wrong with blocks is said where each is given, and nothing is started" {
	script <<-'END'
		v = Virtual.new({ :resource => { :memory => "64M" }, :jail => { :cmnd => "/bin/true" } })
		v.on(:bogus) { }.on(:usage, "80%") { }
		v.on(:usage, "x") { }
		w = Virtual.new({ :jail => { :cmnd => "/bin/true" } })
		w.
		  on(:pressure, 3) { }
		w.on(:usage, "80%") { }
		w.on(:oom, 1..2) { }
		w.on("\xff") { }
		v.run_with_mem_eventfd(:usage) { }
	END
	equal "$status" 125
	equal "$(faults)" "$(cat <<-'END'
		2 . there is no event :bogus: there are :oom, :usage, :pressure, :killed and :exit
		3 . :usage needs a size like 4194304, "64M" or "80%" of the limit, not "x"
		6 . :pressure needs a share of the time like "10%", not 3
		7 . :usage: there is no memory limit of which 80% could be a share: give a size, or limit :memory
		8 . :oom takes no value, and is given "1..2"
		9 . there is no event :?: there are :oom, :usage, :pressure, :killed and :exit
		10 . :usage needs a size like 4194304, "64M" or "80%" of the limit
	END
	)"
	equal "$(asked 'select(.op == "start")')" ""
}

# ---- the end of a script ----

@test "exit, exit! and abort" {
	script <<<'at_exit { puts 2 }; at_exit { puts 1 }; begin; exit 3; ensure; puts 0; end'
	equal "$output" "$(printf '0\n1\n2')"
	equal "$(asked .status)" 3
	equal "$status" 3
	script <<<'at_exit { puts 1 }; exit! 4'
	equal "$output/$status" /4
	script <<<'warn "a", "b"; abort "gone"'
	equal "$output/$status" "$(printf 'a\nb\ngone')/1"
	script <<<'exit false'
	equal "$status" 1
	script <<<'begin; exit 5; rescue SystemExit => e; p e.status, e.success?; end'
	equal "$output/$status" "$(printf '5\nfalse')/0"
	equal "$(asked 'has("status")')" false
}

@test "an uncaught exception is reported with its line and trace" {
	script <<-'END'
		def build(x)
		  raise ArgumentError, "no\nsuch \xff"
		end
		1.times do
		  build 1
		end
	END
	equal "$status" 125
	equal "$(faults)" "2 . no such ? (ArgumentError)"
	equal "$(asked 'select(.op == "faults").list[0].trace[0, 1]')" "$(printf '"web.rb:2:in build"\n"web.rb:5"')"
	script <<<'class Bad < StandardError; def message; raise "x"; end; end; raise Bad'
	equal "$(faults)" "0 . an exception whose message cannot be shown"
	script <<<'def f; f; end; f'
	has "$(faults)" "stack level too deep"
	equal "$status" 125
}

@test "every syntax error is reported with line and column" {
	script <<-'END'
		Virtual.new({
		  :a => ,
		})
		x = 3
		def
	END
	equal "$status" 125
	has "$(faults)" "2 . column 9: syntax error, unexpected ','"
	has "$(faults)" "5 . column"
	equal "$(asked 'select(.op == "start")')" ""
}

# ---- what scripts may use ----

@test "ARGV, __FILE__, \$0 and unbuffered output" {
	# shellcheck disable=SC2016
	script one "two three" <<<'p ARGV, __FILE__, $0, $PROGRAM_NAME; $stderr.puts 1; puts 2; STDERR.puts 3; print 4'
	equal "$output" "$(printf '%s\n' '["one", "two three"]' '"web.rb"' '"web.rb"' '"web.rb"' 1 2 3 4)"
}

@test "system, backquotes and \$?" {
	script <<-'END'
		p system("exit 3"), $?.exitstatus, $?.success?, system("true"), system("/bin/echo", "a  b;c")
		p system("/nowhere/x", "y"), `printf hello`, $?.to_i
		system("kill -9 $$")
		p $?.termsig, $?.exitstatus
	END
	equal "$output" "$(printf '%s\n' 'a  b;c' false 3 false true true nil '"hello"' 0 9 nil)"
}

@test "ENV" {
	FOO=bar script <<-'END'
		p ENV["FOO"], ENV["NO_SUCH"], ENV.fetch("NO_SUCH", 1), ENV.fetch("NO_SUCH") { |n| n * 2 }, ENV.key?("FOO")
		ENV["FOO"] = "baz"
		system("echo $FOO")
		p ENV.to_h["FOO"], ENV.delete("FOO"), ENV["FOO"], ENV.keys.include?("PATH")
		begin; ENV.fetch("NO_SUCH"); rescue KeyError => e; puts e.message; end
		begin; ENV["a=b"] = "c"; rescue ArgumentError => e; puts e.message; end
	END
	equal "$output" "$(printf '%s\n' '"bar"' nil 1 '"NO_SUCHNO_SUCH"' true baz '"baz"' '"baz"' nil true \
		'key not found: "NO_SUCH"' 'a=b cannot be the name of a variable')"
}

@test "a refusal of the kernel says why" {
	script <<<'begin; File.open("/no/such"); rescue SystemCallError => e; puts e.message, e.errno; end'
	has "$output" "No such file or directory - "
	has "$output" "/no/such"
	equal "${lines[-1]}" 2
}

@test "sleep takes fractions" {
	script <<<'t = Time.now; p sleep(0.2); p (Time.now - t) >= 0.2; begin; sleep(-1); rescue ArgumentError; p 1; end'
	equal "$output" "$(printf '0\ntrue\n1')"
}

@test "programs that a script starts get no socket, and signals as the script host got them" {
	local ignored
	ignored=$(grep SigIgn /proc/self/status) # whoever runs the tests may ignore some
	script <<-'END'
		puts `readlink /proc/self/fd/3 || echo closed`
		system("readlink /proc/self/fd/3 || echo closed")
		puts `grep -E 'Sig(Blk|Ign)' /proc/self/status`
		p Process.pid == `echo $PPID`.to_i
	END
	equal "$output" "$(printf '%s\n' closed closed $'SigBlk:\t0000000000000000' "$ignored" true)"
}

@test "the terminal's signals do not end a script" {
	script <<-'END'
		%w[INT QUIT TSTP HUP].each { |s| system("kill -#{s} $PPID") }
		sleep 0.05
		puts "still here"
	END
	equal "$output" "still here"
	equal "$status" 0
}

@test "a fork of the script does not speak in its name" {
	script <<-'END'
		io = IO.popen("-")
		Virtual.new({ :jail => { :cmnd => "x" } }).start
	END
	has "$output" "a fork of it wants to speak for it"
	equal "$(ops)" "start finish"
}

# ---- the file ----

@test "a file that is missing, a directory, or a device" {
	evaluate missing.rb
	equal "$(faults)" "0 . No such file or directory"
	equal "$status" 125
	evaluate /
	equal "$(faults)" "0 . is a directory, not a Ruby file"
	evaluate /dev/null
	equal "$(faults)" "0 . is neither a file nor a pipe"
}

@test "a file that others may write is not run by root" {
	[ "$(id -u)" = 0 ] || skip "only root is that careful"
	echo 'puts "run"' >web.rb
	chmod 646 web.rb
	evaluate web.rb
	equal "$status/$output" 125/
	has "$(faults)" "0 . everybody may write to it"
	has "$(faults)" "(chmod go-w web.rb)"
	chmod 664 web.rb
	chgrp daemon web.rb
	evaluate web.rb
	has "$(faults)" "(chmod g-w web.rb)"
	chmod 644 web.rb
	chown daemon web.rb
	evaluate web.rb
	has "$(faults)" "(chown root web.rb)"
	SUDO_UID=$(id -u daemon) evaluate web.rb
	equal "$output" run
}

@test "standard input is a file, too" {
	echo 'puts __FILE__' >text
	run bash -c 'cat text | "$1" asked "$2" -' - "$BATS_TEST_DIRNAME/ruby_supervisor.py" "$PROGRAM"
	equal "$output/$status" -/0
}

@test "started by hand it says who starts it" {
	run "$PROGRAM" web.rb 3</dev/null
	equal "$status" 125
	equal "$output" "virtualing-ruby: is started by virtualing, not by hand: virtualing web.rb"
}
