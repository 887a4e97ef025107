# SPDX-License-Identifier: MIT
"""Commands that do their worst: fork, hide, ignore, hold on, and write without end.

OCTO_FLOOD_SECONDS: how long output floods last; 10 if it is not set.
"""
import contextlib
import json
import os
import pathlib
import secrets
import sys
import threading
import unittest

from tests.support.api import Operator
from tests.support.fleet import Fleet, read_lines, wait_for
from tests.support.programs import make_programs
from tests.support.witness import Witness

FLOOD_SECONDS = int(os.environ.get("OCTO_FLOOD_SECONDS", 10))
AGENT_MOST = 64 << 20
SUSPECT_AFTER = 15.0

# An agent in a mount namespace where no cgroup v2 is to be found.
WITHOUT_CGROUPS = """#!/bin/sh
exec unshare -m --propagation private sh -c 'umount -l $(awk "\\$3 == \\"cgroup2\\" {print \\$2}" /proc/self/mounts)
exec {real} "$@"' sh "$@"
"""

# 64 processes that ignore SIGTERM, most of them orphans, each with one short-lived child after the other: never more than
# 128, and all of them gone by themselves within a minute.
BOMB = """
import os, signal, time
until = time.monotonic() + 60
signal.signal(signal.SIGTERM, signal.SIG_IGN)
first = os.getpid()
for _ in range(6):
    if os.fork() == 0 and os.getppid() != first:
        os.setsid()
while time.monotonic() < until:
    child = os.fork()
    if child == 0:
        time.sleep(0.05)
        os._exit(0)
    os.waitpid(child, 0)
"""

# Leaves session, parent, pipes, name and environment behind.
DAEMON = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        nothing = os.open("/dev/null", os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        with open(PIDS, "a") as file:
            file.write(f"{os.getpid()}\\n")
        os.execve("/bin/sh", ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], {})
    os._exit(0)
signal.pause()
"""

# Writes blocks until the time or the amount is over, and counts what was taken.
WRITER = """
import os, sys, time
descriptor, seconds, most, block, file = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4].encode(), sys.argv[5]
block, count, until = block * (65536 // len(block)), 0, time.monotonic() + seconds
while count < most and time.monotonic() < until:
    count += os.write(descriptor, block[:most - count])
with open(file, "w") as counted:
    counted.write(f"{count}\\n")
"""


def peak_memory(pid):
    """Most bytes of memory it ever held; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in read_lines(f"/proc/{pid}/status"):
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


class Watch:
    """Looks all the time at the memory of agents and runners, and at what the Brain says of its nodes."""

    def __init__(self, fleet):
        self.fleet, self.over = fleet, threading.Event()
        self.memory, self.states, self.silence = {}, set(), 0.0
        self.thread = threading.Thread(target=self.look)

    def __enter__(self):
        self.operator = Operator(self.fleet)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.operator.close()

    def look(self):
        while not self.over.wait(0.1):
            for program in ("tentacle", "runner", "brain"):
                for process in self.fleet.processes(program):
                    self.memory[program] = max(self.memory.get(program, 0), peak_memory(process.pid))
            self.states |= set(self.operator.states().values())


class Abuse:
    """What both kinds of agent must stand."""

    scripts = {}

    @classmethod
    def setUpClass(cls):
        cls.undo = contextlib.ExitStack()
        cls.addClassCleanup(cls.undo.close)
        cls.fleet = Fleet(["pi0", "pi1"])
        cls.fleet.programs = make_programs(cls.fleet.base / "programs", **cls.scripts)
        cls.undo.enter_context(cls.fleet)
        cls.operator = Operator(cls.fleet)
        cls.undo.callback(cls.operator.close)
        cls.witness = Witness(cls.fleet)
        cls.accepted = []  # of all tests: each looks at what those before it have left

    def setUp(self):
        self.folder = self.fleet.base / secrets.token_hex(4)
        self.folder.mkdir()

    def start(self, text, *nodes, **options):
        self.accepted.append(self.operator.start(text, nodes or ["pi0"], **options))
        return self.accepted[-1]

    def python(self, name, text, *words):
        (self.folder / name).write_text(text.replace("PIDS", repr(str(self.folder / "pids"))))
        return f"{sys.executable} {self.folder / name} {' '.join(map(str, words))}"

    def ended(self, task, seconds=60):
        found = wait_for(lambda: self.over(task), seconds, f"the end of task {task}")["runs"]
        self.assertEqual(len(found), 1)
        return found[0]["end"]

    def over(self, task):
        found = self.operator.task(task)
        return found if found["state"] != "running" else None

    def of_run(self, task):
        """Processes that belong to it."""
        mark = f"OCTOPODA_TASK={task}\0".encode()
        found = []
        for process in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if process.name.isdigit() and mark in (process / "environ").read_bytes():
                    found.append(int(process.name))
        return found

    def check(self):
        self.witness.check(self.operator, self.accepted)
        self.witness.check_nothing_left(self.operator)

    def test_a_fork_bomb_is_ended_whole(self):
        task = self.start(self.witness.command(self.python("bomb", BOMB)))
        wait_for(lambda: len(self.of_run(task)) > 64, what="all of them")
        self.operator.cancel(task)
        self.assertEqual(self.ended(task)["state"], "cancelled")
        self.assertEqual(self.of_run(task), [])
        self.check()

    def test_a_fork_bomb_whose_runner_dies_is_ended_whole(self):
        task = self.start(self.witness.command(self.python("bomb", BOMB)))
        wait_for(lambda: len(self.of_run(task)) > 64, what="all of them")
        self.fleet.kill("runner", "pi0")
        self.assertEqual(self.ended(task)["state"], "interrupted")
        self.assertEqual(self.of_run(task), [])
        self.check()

    def test_a_daemon_in_hiding_is_ended_with_its_run(self):
        task = self.start(self.witness.command(self.python("daemon", DAEMON)))
        pid = int(wait_for(lambda: read_lines(self.folder / "pids"), what="the daemon")[0])
        wait_for(lambda: b"trap" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes(), what="its hiding")
        self.operator.cancel(task)
        self.assertEqual(self.ended(task)["state"], "cancelled")
        self.assertFalse(os.path.exists(f"/proc/{pid}"))
        self.check()

    def test_who_ignores_the_end_is_ended_after_the_grace(self):
        task = self.start(self.witness.command("trap '' TERM INT HUP; echo up; while :; do sleep 1; done"), limit_ms=1000)
        end = self.ended(task)
        self.assertEqual((end["state"], end["stdout_bytes"]), ("timed_out", 3))
        self.assertGreater(end["lasted_ns"], 5.9e9)
        self.assertLess(end["lasted_ns"], 16e9)
        self.check()

    def test_a_pipe_that_stays_open_holds_nobody_up(self):
        holder = self.folder / "holder"
        task = self.start(self.witness.command(
            f"(echo $$; exec sh -c 'echo $$ >{holder}; while :; do echo more; sleep 0.05; done') & "
            f"until [ -s {holder} ]; do sleep 0.01; done; exit 7"))
        end = self.ended(task, 20)
        self.assertEqual((end["state"], end["exit_code"]), ("failed", 7))
        pid = int(read_lines(holder)[0])
        self.assertTrue(os.path.exists(f"/proc/{pid}"), "what stays behind a normal end is left alone")
        self.assertEqual(len(self.fleet.processes("runner", "pi0")), 1, "and its output is taken from it")
        os.kill(pid, 9)
        self.check()


class Floods(Abuse, unittest.TestCase):
    def flood(self, seconds, most, block):
        counts = {stream: self.folder / stream for stream in ("stdout", "stderr")}
        writers = " & ".join(self.python("writer", WRITER, descriptor, seconds, most, block, counts[stream])
                             for descriptor, stream in ((1, "stdout"), (2, "stderr")))
        with Watch(self.fleet) as watch:
            task = self.start(self.witness.command(f"{writers} & wait"))
            end = self.ended(task, seconds + 240)
        print(f"\n{self.id().split('.')[-1]}: {end}, peaks {({name: peak >> 20 for name, peak in watch.memory.items()})} MiB, "
              f"events {(self.fleet.folder / 'brain' / 'data' / 'events' / f'{task}.log').stat().st_size >> 20} MiB", file=sys.stderr)
        self.assertEqual(end["state"], "succeeded")
        self.assertEqual(watch.states, {"online"}, "heartbeats came in time")
        for program in ("tentacle", "runner"):
            self.assertLess(watch.memory[program], AGENT_MOST, program)
        for stream, file in counts.items():
            self.assertEqual(end[f"{stream}_bytes"], int(read_lines(file)[0]), stream)
        stored = self.stored(task)
        for stream in counts:
            pieces = stored[stream]
            self.assertEqual(pieces[0][0], 0)
            self.assertEqual(pieces[-1][0] + len(pieces[-1][1]), end[f"{stream}_bytes"], "the last byte is kept")
            self.assertGreater(sum(len(data) for _, data in pieces), min(end[f"{stream}_bytes"], 16 << 20) * 0.99)
            whole = block.encode() * 3
            for offset, data in pieces:
                start = offset % len(block)
                self.assertEqual(data[:len(block)], whole[start:start + min(len(block), len(data))])
        self.check()
        return end

    def stored(self, task):
        (streams,) = self.operator.output(task).values()
        return {stream: sorted(pieces) for stream, pieces in streams.items()}

    def test_yes_on_both_streams(self):
        self.flood(FLOOD_SECONDS, 1 << 62, "y\\n")

    def test_a_line_of_a_gibibyte(self):
        end = self.flood(120, 1 << 29, "x")
        self.assertEqual(end["stdout_bytes"] + end["stderr_bytes"], 1 << 30)

    def test_bytes_that_are_no_text(self):
        data = bytes(range(256)) + b"\xed\xa0\x80\xff\xfe\xc0\xaf\xf8\x88\x80\x80\x80" + "é€𝄞".encode() + b"\xe2\x82"
        (self.folder / "bytes").write_bytes(data)
        task = self.start(self.witness.command(f"cat {self.folder}/bytes; cat {self.folder}/bytes >&2; cat {self.folder}/bytes >$OCTOPODA_OUTPUT"))
        self.assertEqual(self.ended(task)["state"], "succeeded")
        for stream, pieces in self.stored(task).items():
            self.assertEqual(b"".join(piece for _, piece in pieces), data, stream)
        raw = self.fleet.octl("task", "output", task, "pi0", "--raw", "--output", "text", text=False).stdout
        self.assertEqual(raw, data * 2, "stdout and the note")
        shown = self.fleet.octl("task", "output", task, "pi0", "--output", "json").stdout
        json.loads(shown)
        self.check()


class WithoutCgroups(Abuse, unittest.TestCase):
    scripts = {"tentacle": WITHOUT_CGROUPS}

    def test_it_has_none(self):
        task = self.start(self.witness.command("cat /proc/self/cgroup"))
        self.ended(task)
        (streams,) = self.operator.output(task).values()
        self.assertNotIn(b"/octopoda/", b"".join(data for _, data in streams["stdout"]))


if __name__ == "__main__":
    unittest.main()
