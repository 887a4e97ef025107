# SPDX-License-Identifier: MIT
"""tracer.py REPORT POINT PROGRAM WORD…: becomes the program, which is killed as it enters its POINT-th call that matters.

What matters is whatever changes a file, tells a peer or makes a process: a walk over all points is a walk over everything
that a crash can tear apart. Calls are counted over all threads, not over the program's children; 0 only counts. REPORT gets
one line: "killed <call> <what>", or "ended after <count>" of a program that never came so far.
"""
import ctypes
import os
import platform
import signal
import struct
import sys

CALLS = {1: "write", 18: "pwrite64", 20: "writev", 44: "sendto", 46: "sendmsg", 56: "clone", 57: "fork", 58: "vfork",
         62: "kill", 72: "fcntl", 73: "flock", 74: "fsync", 75: "fdatasync", 77: "ftruncate", 82: "rename", 83: "mkdir",
         84: "rmdir", 86: "link", 87: "unlink", 133: "mknod", 257: "openat", 258: "mkdirat", 259: "mknodat",
         263: "unlinkat", 264: "renameat", 265: "linkat", 285: "fallocate", 306: "syncfs", 316: "renameat2", 435: "clone3"}
PATH_FIRST = {"rename", "mkdir", "rmdir", "link", "unlink", "mknod"}
PATH_SECOND = {"openat", "mkdirat", "mknodat", "unlinkat", "renameat", "linkat", "renameat2"}
NO_FILE = {"clone", "fork", "vfork", "clone3", "kill"}
SUPPORTED = platform.system() == "Linux" and platform.machine() == "x86_64"

SEIZE, INTERRUPT, SYSCALL, GET_SYSCALL_INFO = 0x4206, 0x4207, 24, 0x420E
TRACE_SYSCALLS, TRACE_THREADS = 1, 8
ALL_THREADS = 0x40000000  # __WALL
SET_LOCK = 6


class Tracer:
    def __init__(self, leader, point):
        self.leader, self.point, self.count, self.killed = leader, point, 0, None
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self.libc.ptrace.restype = ctypes.c_long
        self.info = ctypes.create_string_buffer(128)

    def ptrace(self, request, pid, address=None, data=None):
        return self.libc.ptrace(request, pid, address, data)

    def seize(self):
        if self.ptrace(SEIZE, self.leader, None, TRACE_SYSCALLS | TRACE_THREADS) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")
        self.ptrace(INTERRUPT, self.leader)
        os.waitpid(self.leader, ALL_THREADS)
        self.ptrace(SYSCALL, self.leader)

    def follow(self):
        while True:
            try:
                pid, status = os.waitpid(-1, ALL_THREADS)
            except ChildProcessError:
                return
            if not os.WIFSTOPPED(status):
                continue
            number, event, deliver = os.WSTOPSIG(status), status >> 16, 0
            if number == signal.SIGTRAP | 0x80:
                self.on_call(pid)
            elif event == 0:
                deliver = number
            self.ptrace(SYSCALL, pid, None, deliver)

    def on_call(self, pid):
        got = self.ptrace(GET_SYSCALL_INFO, pid, len(self.info), ctypes.cast(self.info, ctypes.c_void_p))
        if got <= 0 or self.info.raw[0] != 1:  # an entry
            return
        number, *words = struct.unpack_from("7Q", self.info.raw, 24)
        call = CALLS.get(number)
        if call is None or self.killed or not self.matters(pid, call, words):
            return
        self.count += 1
        if self.count == self.point:
            self.killed = f"{call} {self.what(pid, call, words)}"
            os.kill(self.leader, signal.SIGKILL)

    def matters(self, pid, call, words):
        if call == "openat":
            return words[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0
        if call == "fcntl":
            return words[1] == SET_LOCK
        # How its threads wake each other, and how it speaks, is no point of its own.
        return call != "write" or "eventfd" not in self.name_of(pid, words[0])

    def what(self, pid, call, words):
        if call in NO_FILE:
            return ""
        if call in PATH_FIRST:
            return self.text_at(pid, words[0])
        return self.text_at(pid, words[1]) if call in PATH_SECOND else self.name_of(pid, words[0])

    @staticmethod
    def name_of(pid, descriptor):
        try:
            return os.readlink(f"/proc/{pid}/fd/{descriptor & 0xffffffff}")
        except OSError:
            return "?"

    @staticmethod
    def text_at(pid, address):
        with open(f"/proc/{pid}/mem", "rb") as memory:
            memory.seek(address)
            return memory.read1(4096).split(b"\0")[0].decode(errors="replace")


def main():
    report, point, program, *words = sys.argv[1:]
    leader = os.getpid()
    wait, go = os.pipe()
    if os.fork() == 0:
        # Of no family and holding nothing of the program's: whoever started it sees only the program.
        os.close(wait)
        if os.fork() != 0:
            os._exit(0)
        os.setsid()
        nothing = os.open("/dev/null", os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        tracer = Tracer(leader, int(point))
        tracer.seize()
        os.write(go, b"1")
        os.close(go)
        tracer.follow()
        with open(report, "a") as into:
            into.write(f"killed {tracer.killed}\n" if tracer.killed else f"ended after {tracer.count}\n")
        os._exit(0)
    os.wait()
    os.close(go)
    if os.read(wait, 1) != b"1":
        sys.exit("tracer: the program cannot be traced")
    os.close(wait)
    os.execv(program, [program, *words])


if __name__ == "__main__":
    main()
