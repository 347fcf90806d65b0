#!/usr/bin/python3
"""Runs a command on a terminal of its own and plays it a script, which standard input holds.

usage: terminal.py COMMAND [ARGUMENT...]

The terminal does not echo, so that what is printed is the command's. The script has one step a line:

  line TEXT      types the text and Enter
  key TEXT       types the text; C-c, C-z, C-d and C-\\ are those keys
  expect REGEX   waits until it is printed, behind what was matched last
  never REGEX    fails if it was printed since the beginning
  pause SECONDS
  hangup         takes the terminal away
  end            waits until the command has ended and says "status N" or "signal N"

What was printed goes to standard output. A step that fails is named on standard error; the status is 1 then.
"""
import os
import pty
import re
import select
import signal
import sys
import termios
import time

PATIENCE = 10 * (5 if os.environ.get("VIRTUALING_GUEST") else 1)  # seconds
KEYS = {"C-c": b"\x03", "C-z": b"\x1a", "C-d": b"\x04", "C-\\": b"\x1c"}


class Failure(Exception):
    pass


class Terminal:
    def __init__(self, command):
        self.printed = ""
        self.seen = 0
        self.status = None
        self.ours, theirs = pty.openpty()
        modes = termios.tcgetattr(theirs)
        modes[3] &= ~termios.ECHO
        termios.tcsetattr(theirs, termios.TCSANOW, modes)
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.ours)
            os.login_tty(theirs) if hasattr(os, "login_tty") else login_tty(theirs)
            for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python itself
                signal.signal(ignored, signal.SIG_DFL)
            os.execvp(command[0], command)
        os.close(theirs)

    def read(self, seconds):
        if self.ours < 0 or not select.select([self.ours], [], [], seconds)[0]:
            return
        try:
            self.printed += os.read(self.ours, 65536).decode("utf-8", "replace")
        except OSError:  # nobody has it open any more
            time.sleep(min(seconds, 0.02))

    def type(self, data):
        while data:
            data = data[os.write(self.ours, data):]

    def step_line(self, text):
        self.type(text.encode() + b"\n")

    def step_key(self, text):
        self.type(KEYS.get(text, text.encode()))

    def step_expect(self, text):
        end = time.monotonic() + PATIENCE
        while True:
            found = re.compile(text, re.M).search(self.printed, self.seen)
            if found:
                self.seen = found.end()
                return
            if time.monotonic() > end:
                raise Failure("it was not printed")
            self.read(0.05)

    def step_never(self, text):
        self.read(0)
        if re.search(text, self.printed, re.M):
            raise Failure("it was printed")

    def step_pause(self, text):
        end = time.monotonic() + float(text)
        while time.monotonic() < end:
            self.read(0.02)

    def step_hangup(self, text):
        os.close(self.ours)
        self.ours = -1

    def step_end(self, text):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
                code = os.waitstatus_to_exitcode(status)
                self.read(0)
                self.printed += f"status {code}\n" if code >= 0 else f"signal {-code}\n"
                return
            self.read(0.02)
            if self.ours < 0:
                time.sleep(0.02)
        raise Failure("it has not ended")

    def close(self):
        """Its whole session, should it still be there."""
        if self.status is None:
            if self.ours >= 0:
                os.close(self.ours)
            time.sleep(0.2)
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except OSError:
                pass


def login_tty(descriptor):
    import fcntl
    os.setsid()
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(descriptor, number)
    if descriptor > 2:
        os.close(descriptor)


def main():
    steps = [line for line in sys.stdin.read().split("\n") if line.strip()]
    terminal = Terminal(sys.argv[1:])
    result = 0
    for number, line in enumerate(steps, 1):
        word, _, text = line.strip().partition(" ")
        try:
            getattr(terminal, "step_" + word)(text)
        except Failure as why:
            print(f"terminal: step {number}, {line.strip()}: {why}", file=sys.stderr)
            result = 1
            break
    terminal.close()
    sys.stdout.write(terminal.printed.replace("\r\n", "\n"))
    return result


if __name__ == "__main__":
    sys.exit(main())
