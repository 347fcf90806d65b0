#!/usr/bin/python3
"""The supervisor's end of the socket, for tests of the script host: answers as told, and writes down what it was asked.

usage: ruby_supervisor.py [--start JSON]... [--wait JSON]... [--hang-up-on OP] TRANSCRIPT PROGRAM [ARGUMENT...]

Each request becomes a line of TRANSCRIPT. The first --start answers the first start, and so on; without one it is
answered with a name and a pid, and a wait with status 0; to stop gives 143. Ends with the program's exit status.
"""
import argparse
import json
import os
import signal
import socket
import sys


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--start", action="append", default=[], type=json.loads)
    parser.add_argument("--wait", action="append", default=[], type=json.loads)
    parser.add_argument("--hang-up-on")
    parser.add_argument("transcript")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args()


def spawn(command, theirs):
    pid = os.fork()
    if pid:
        return pid
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python itself
        signal.signal(ignored, signal.SIG_DFL)
    os.dup2(theirs.fileno(), 3, inheritable=True)
    os.execv(command[0], command)


def answer(request, options, started):
    if request["op"] == "check":
        return {"ok": True, "faults": []}
    if request["op"] == "start":
        started.append(request["spec"].get("resource", {}).get("name"))
        default = {"ok": True, "name": started[-1], "pid": 4710 + len(started)}
        return options.start.pop(0) if options.start else default
    if request["op"] == "wait":
        return options.wait.pop(0) if options.wait else {"ok": True, "status": 0}
    if request["op"] == "stop":
        return {"ok": True, "status": 143, "signal": 15}
    if request["op"] in ("kill", "pause", "resume"):
        return {"ok": True}
    return None


def main():
    options = arguments()
    ours, theirs = socket.socketpair()
    pid = spawn(options.command, theirs)
    theirs.close()
    started = []
    with open(options.transcript, "w") as transcript:
        for line in ours.makefile("r", encoding="utf-8"):
            request = json.loads(line)
            transcript.write(json.dumps(request, sort_keys=True, ensure_ascii=False) + "\n")
            transcript.flush()
            if request["op"] == options.hang_up_on:
                ours.shutdown(socket.SHUT_RDWR)
                break
            reply = answer(request, options, started)
            if reply is not None:
                reply["id"] = request["id"]
                ours.sendall(json.dumps(reply).encode() + b"\n")
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.exit(main())
