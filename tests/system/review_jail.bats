# What a process inside could do to processes and sockets of the host without leaving its walls.
# not in the guest: signals and sockets are the same on both

# Scripts in quotes are for a shell inside.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load helpers

setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	ROOT=$(root_make)
}

# beside COMMAND...: runs it in a process group of its own, with a sleeping host process in the same group; says whether
# that has survived
beside() {
	cat >beside <<-'END'
		trap : USR1
		sh -c 'trap "echo hit; exit" USR1; echo ready; while :; do sleep 0.05; done' >victim &
		until grep -q ready victim; do sleep 0.01; done
		"$@"
		sleep 0.2
		grep -q hit victim && echo hit || echo unhurt
		kill "$!" 2>/dev/null
		wait
	END
	setsid -w bash beside "$@" </dev/null
}

@test "a signal to one's own process group stays inside, without a terminal" {
	local option
	for option in "" --no-init "--filter none"; do
		# shellcheck disable=SC2086 # words
		has "$(beside "$BUILD/virtualing" run --root "$ROOT" $option -- sh -c 'trap "" USR1; kill -USR1 0; echo sent')" unhurt
	done
}

has_scopes() { # of Landlock, since Linux 6.12
	python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 6)'
}

@test "a signal to one's own process group stays inside, on a terminal" {
	skip_unless "this kernel's Landlock has no scopes" has_scopes
	cat >on_terminal <<-END
		trap 'echo hit' USR1
		$BUILD/virtualing run --root $ROOT -- sh -c 'trap "" USR1; kill -USR1 0; echo sent'
		sleep 0.2
	END
	said=$(script -qec "bash on_terminal" /dev/null </dev/null)
	has "$said" sent
	case $said in *hit*) fail "$said" ;; esac
}

@test "abstract sockets of the host cannot be reached through the network that is shared" {
	local name connect
	skip_unless "this kernel's Landlock has no scopes" has_scopes
	name=$(unique abstract)
	connect="import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0$name'); print('connected')"
	background python3 -c "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('\\0$name'); s.listen(); time.sleep(60)"
	wait_until 5 grep -q "@$name" /proc/net/unix
	equal "$(python3 -c "$connect")" connected "on the host"
	run virtualing run --root "$ROOT" -- python3 -c "$connect"
	has "$output" "PermissionError"
	equal "$(virtualing run --root "$ROOT" --filter none -- python3 -c "$connect")" connected "without a filter"
}

@test "the command may be /proc/self/exe: the program that then runs inside cannot be traced" {
	local program
	local nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	ln -s /proc/self/exe "$ROOT/command"
	has "$(virtualing run --no-init --root "$ROOT" -- /command --version)" virtualing
	run -125 virtualing run --root "$ROOT" -- /command --version # it is init's file, which knows nobody there
	# Seen from beside, where it can be made to last: another process of the same user does not get at its file.
	PLACE=$(mktemp -d) && chmod 755 "$PLACE"
	echo 'sleep 60' >"$PLACE/long.rb"
	background "${nobody[@]}" "$BUILD/virtualing" check "$PLACE/long.rb"
	program=$!
	wait_until 5 grep -qx virtualing "/proc/$program/comm"
	sleep 0.3
	run ! "${nobody[@]}" readlink "/proc/$program/exe"
	kill -0 "$program"
	rm -r "$PLACE"
}
