# SPDX-License-Identifier: MIT
"""Commands that do their worst: fork, hide, ignore, hold on, and write without end.

Every command runs on two nodes: one with cgroups, where the host has them, and one without. Every bomb is bounded by
itself, in processes and in seconds.

OCTO_FLOOD_SECONDS: how long a flood of output lasts; 5 if it is not set.
"""
import base64
import contextlib
import json
import os
import pathlib
import secrets
import subprocess
import sys
import threading
import time
import unittest

from tests.support.api import Operator
from tests.support.fleet import Fleet, read_lines, wait_for
from tests.support.programs import make_programs
from tests.support.witness import Witness, cgroups

FLOOD_SECONDS = float(os.environ.get("OCTO_FLOOD_SECONDS", 5))
AGENT_MOST = 64 << 20
BRAIN_KEEPS = 24 * 1000 * 1000  # of one run while it goes on, by its settings; 256 MB if they say nothing
TAIL = 15 << 20  # a node keeps at least the last bytes of each stream …
STORED_BEYOND = 2 * (17 << 20) + (4 << 20)  # … and a MiB at their head, in files of a MiB; and what was on its way
ANSWERS_WITHIN = 10.0
NODES = ("pi0", "pi1")
BARE = "pi1"

# An agent in a mount namespace where no cgroup v2 is to be found.
TENTACLE = """#!/bin/sh
case "$*" in */pi1/*) ;; *) exec {real} "$@" ;; esac
exec unshare -m --propagation private sh -c 'for at in $(awk "\\$3 == \\"cgroup2\\" {print \\$2}" /proc/self/mounts); do umount -l $at; done
exec {real} "$@"' sh "$@"
"""

# 32 processes that ignore SIGTERM, in sessions of their own. Half of them have one short-lived child after the other, the
# others go on as another process all the time. Gone by themselves after half a minute.
BOMB = """
import os, select, signal, time
until = time.monotonic() + 30
signal.signal(signal.SIGTERM, signal.SIG_IGN)
first, hops = os.getpid(), False
for turn in range(5):
    if os.fork() == 0:
        os.setsid()
        hops = turn == 0 or hops
while time.monotonic() < until:
    select.select([], [], [], 0.05)
    if os.getpid() == first:
        continue
    child = os.fork()
    if child and hops:
        os._exit(0)
    if child == 0 and not hops:
        os._exit(0)
    if child:
        os.waitpid(child, 0)
"""

# Leaves session, parent, pipes, name and environment behind, for a minute.
DAEMON = """
import os, signal
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        nothing = os.open("/dev/null", os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        os.execve("/bin/sh", ["sh", "-c", "trap '' TERM; echo $$ >%s/$1; i=0; while [ $i -lt 60 ]; do /bin/sleep 1; i=$((i + 1)); done",
                              "sh", os.environ["OCTOPODA_NODENAME"]], {})
    os._exit(0)
signal.alarm(60)
signal.pause()
"""

# Writes blocks until the time or the amount is over, and counts what was taken.
WRITER = """
import os, sys, time
descriptor, seconds, most, block, file = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4]), sys.argv[5]
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
    """Looks all the time at the memory of all programs, at what the Brain says of its nodes, and how soon they answer."""

    def __init__(self, fleet):
        self.fleet, self.over = fleet, threading.Event()
        self.memory, self.states, self.faults, self.slowest = {}, set(), [], 0.0
        self.operator = Operator(fleet)
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def close(self):
        self.over.set()
        self.thread.join()
        self.operator.close()

    def look(self):
        while not self.over.wait(0.3):
            for process in self.fleet.processes():
                program = pathlib.Path(process.argv[0]).name
                self.memory[program] = max(self.memory.get(program, 0), peak_memory(process.pid))
            self.states |= set(self.operator.states().values())
            asked = time.monotonic()
            self.faults += [node["error"] for node in self.operator.ask("/nodes/status")["nodes"] if "error" in node]
            self.slowest = max(self.slowest, time.monotonic() - asked)


class Octl:
    """One that goes on, and the most memory it takes."""

    def __init__(self, fleet, folder, *words):
        self.peak = 0
        self.out, self.err = folder / f"octl.{words[-1]}.out", folder / f"octl.{words[-1]}.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = fleet.begin(*words, stdout=out, stderr=err)
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while True:
            self.peak = max(self.peak, peak_memory(self.process.pid))
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(0.1)

    def wait(self):
        """Its exit code."""
        self.thread.join(120)
        return self.process.poll()

    def close(self):
        self.process.kill()
        self.thread.join()

    def said(self):
        return self.err.read_text()


class Floods(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        undo = contextlib.ExitStack()
        cls.addClassCleanup(undo.close)
        cls.fleet = Fleet(NODES)
        cls.fleet.programs = make_programs(cls.fleet.base / "programs", tentacle=TENTACLE)
        undo.enter_context(cls.fleet)
        with open(cls.fleet.folder / "brain" / "brain.yaml", "a") as settings:
            settings.write(f"\nkeep:\n  runMegabytes: {BRAIN_KEEPS // 1000 // 1000}\n")
        cls.fleet.start_again(cls.fleet.kill("brain"))
        cls.fleet.wait_online()
        cls.operator = Operator(cls.fleet)
        undo.callback(cls.operator.close)
        cls.witness = Witness(cls.fleet)
        cls.accepted = []  # of all tests: each looks at what those before it have left
        cls.watch = Watch(cls.fleet)
        undo.callback(cls.watch.close)

    def setUp(self):
        self.folder = self.fleet.base / secrets.token_hex(4)
        self.folder.mkdir()

    # What the tests do.

    def start(self, text, nodes=NODES, **options):
        self.accepted.append(self.operator.start(self.witness.command(text), nodes, **options))
        return self.accepted[-1]

    def python(self, name, text, *words):
        (self.folder / name).write_text(text)
        return f"{sys.executable} {self.folder / name} {' '.join(map(str, words))}"

    def ends(self, task, seconds=60):
        """Node → how its run ended."""
        detail = wait_for(lambda: self.over(task), seconds, f"the end of task {task}")
        return {run["node"]: run["end"] for run in detail["runs"]}

    def over(self, task):
        found = self.operator.task(task)
        return found if found["state"] != "running" else None

    def states(self, task):
        return {node: end["state"] for node, end in self.ends(task).items()}

    @staticmethod
    def lives(pid):
        with contextlib.suppress(OSError):
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
        return False

    @staticmethod
    def of_run(task):
        """Processes that carry its mark."""
        mark = f"OCTOPODA_TASK={task}\0".encode()
        found = []
        for process in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if process.name.isdigit() and mark in (process / "environ").read_bytes():
                    found.append(int(process.name))
        return found

    def check(self):
        """What must be true after all of it."""
        self.witness.check(self.operator, self.accepted)
        self.witness.check_nothing_left(self.operator)
        self.assertEqual(self.watch.states, {"online"}, "heartbeats came in time")
        self.assertTrue(self.watch.thread.is_alive())
        self.assertEqual(self.watch.faults, [], "nodes answered meanwhile")
        self.assertLess(self.watch.slowest, ANSWERS_WITHIN)
        for program in ("tentacle", "runner"):
            self.assertLess(self.watch.memory[program], AGENT_MOST, program)

    def tell(self, text):
        peaks = ", ".join(f"{program} {peak / 2**20:.1f}" for program, peak in sorted(self.watch.memory.items()))
        print(f"\n{self.id().split('.')[-1]}: {text}; peaks in MiB: {peaks}; slowest answers {self.watch.slowest:.2f} s",
              file=sys.stderr)

    # The tests.

    def test_only_one_of_them_has_cgroups(self):
        task = self.start("cat /proc/self/cgroup; while [ ! -e %s/go ]; do sleep 0.05; done" % self.folder)
        wait_for(lambda: len(self.of_run(task)) >= len(NODES), what="both")
        groups = [group.name for group in cgroups() if task in group.name]
        (self.folder / "go").touch()
        self.assertEqual(set(self.states(task).values()), {"succeeded"})
        self.assertFalse([name for name in groups if name.startswith(BARE)])
        if not [name for name in groups if name.startswith("pi0")]:
            self.skipTest("this host has no cgroup v2 for us: both nodes are bare")

    def test_a_fork_bomb_is_ended_whole(self):
        task = self.start(self.python("bomb", BOMB))
        wait_for(lambda: len(self.of_run(task)) >= 64, what="all of them")
        began = time.monotonic()
        self.operator.cancel(task)
        self.assertEqual(set(self.states(task).values()), {"cancelled"})
        self.assertEqual(self.of_run(task), [])
        self.assertLess(time.monotonic() - began, 20, "it was ended, not over by itself")
        self.check()
        self.tell(f"gone {time.monotonic() - began:.1f} s after the cancel")

    def test_a_fork_bomb_whose_runner_dies_is_ended_whole(self):
        task = self.start(self.python("bomb", BOMB))
        wait_for(lambda: len(self.of_run(task)) >= 64, what="all of them")
        began = time.monotonic()
        for node in NODES:
            self.fleet.kill("runner", node)
        ends = self.ends(task)
        self.assertEqual({end["state"] for end in ends.values()}, {"interrupted"})
        self.assertFalse([end for end in ends.values() if "could not be killed" in end["reason"]])
        self.assertEqual(self.of_run(task), [])
        self.assertLess(time.monotonic() - began, 20, "it was ended, not over by itself")
        self.check()
        self.tell(f"gone {time.monotonic() - began:.1f} s after its runners")

    def hide(self):
        """A task with a daemon in hiding: its id, and node → the daemon's pid."""
        task = self.start(self.python("daemon", DAEMON % self.folder))
        pids = {node: int(wait_for(lambda node=node: read_lines(self.folder / node), what="the daemon")[0]) for node in NODES}
        self.assertFalse(set(pids.values()) & set(self.of_run(task)), "it carries no mark")
        return task, pids

    def test_a_daemon_in_hiding_is_ended_with_its_run(self):
        task, pids = self.hide()
        self.operator.cancel(task)
        self.assertEqual(set(self.states(task).values()), {"cancelled"})
        self.assertFalse([pid for pid in pids.values() if self.lives(pid)])
        self.check()

    def test_a_daemon_in_hiding_whose_runner_dies_is_found_by_its_cgroup_only(self):
        task, pids = self.hide()
        has_cgroup = {node: any(task in group.name and group.name.startswith(node) for group in cgroups()) for node in NODES}
        for node in NODES:
            self.fleet.kill("runner", node)
        self.assertEqual(set(self.states(task).values()), {"interrupted"})
        self.assertEqual({node: self.lives(pid) for node, pid in pids.items()},
                         {node: not found for node, found in has_cgroup.items()}, "as spec/run-record.md says")
        for pid in pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.check()

    def test_who_ignores_the_end_is_ended_after_the_grace(self):
        task = self.start("trap '' TERM INT HUP; echo up; while :; do sleep 1; done", limit_ms=1000)
        for end in self.ends(task).values():
            self.assertEqual((end["state"], end["stdout_bytes"]), ("timed_out", 3))
            self.assertGreater(end["lasted_ns"], 5.9e9)
            self.assertLess(end["lasted_ns"], 16e9)
        self.check()

    def test_a_pipe_that_stays_open_holds_nobody_up(self):
        holder = f"{self.folder}/$OCTOPODA_NODENAME"
        task = self.start(f"(exec sh -c 'echo $$ >{holder}; while :; do echo more; sleep 0.05; done') & "
                          f"until [ -s {holder} ]; do sleep 0.01; done; exit 7")
        for node, end in self.ends(task, 20).items():
            self.assertEqual((end["state"], end["exit_code"]), ("failed", 7))
            pid = int(read_lines(self.folder / node)[0])
            self.assertTrue(self.lives(pid), "what stays behind a normal end is left alone")
            self.assertEqual(len(self.fleet.processes("runner", node)), 1, "and its output is taken from it")
            os.kill(pid, 9)
        self.check()

    # Output.

    def flood(self, nodes, forms, seconds, most, block):
        """`most`: bytes of stdout and of stderr. With each of `forms` an octl is attached. Task, ends by node, bytes that are
        not kept by node, the octls."""
        writers = " & ".join(
            self.python("writer", WRITER, descriptor, seconds, most[descriptor - 1], block.hex(), f"{self.folder}/$OCTOPODA_NODENAME.{stream}")
            for descriptor, stream in ((1, "stdout"), (2, "stderr")))
        began = time.monotonic()
        task = self.start(f"{writers} & wait", nodes)
        attached = [Octl(self.fleet, self.folder, "task", "attach", task, "--output", form) for form in forms]
        for one in attached:
            self.addCleanup(one.close)
        ends = self.ends(task, seconds + 240)
        told = [f"{time.monotonic() - began:.1f} s"]
        stored = {(node, stream): sorted(pieces) for (_, node, _), streams in self.operator.output(task).items()
                  for stream, pieces in streams.items()}
        not_kept = {}
        for node, end in ends.items():
            self.assertEqual(end["state"], "succeeded")
            kept = {}
            for stream in ("stdout", "stderr"):
                written = int(read_lines(self.folder / f"{node}.{stream}")[0])
                self.assertEqual(end[f"{stream}_bytes"], written, "counted to the byte")
                kept[stream] = self.check_pieces(stored[node, stream], written, block)
                told.append(f"{node} {stream}: {written} written, {kept[stream]} stored")
            not_kept[node] = end["stdout_bytes"] + end["stderr_bytes"] - sum(kept.values())
            self.assertLess(sum(kept.values()), BRAIN_KEEPS + STORED_BEYOND, "the Brain bounds what it keeps")
        for one in attached:
            self.assertEqual(one.wait(), 0, one.said())
            told.append(f"{one.out.name} {one.peak / 2**20:.1f} MiB")
        self.tell("; ".join(told))
        return task, ends, not_kept, attached

    def check_pieces(self, pieces, written, block):
        """Stored bytes are those written there, and the last ones are among them. How many."""
        self.assertEqual(pieces[0][0], 0)
        self.assertEqual(pieces[-1][0] + len(pieces[-1][1]), written, "the last byte is kept")
        whole = block * (65536 // len(block) + 2)
        at = 0
        for offset, data in pieces:
            self.assertGreaterEqual(offset, at, "nothing comes twice")
            start = offset % len(block)
            self.assertEqual(data, whole[start:start + len(data)])
            at = offset + len(data)
        gapless = written
        for offset, data in reversed(pieces):
            if offset + len(data) != gapless:
                break
            gapless = offset
        self.assertGreaterEqual(written - gapless, min(written, TAIL), "nothing is missing in the tail")
        return sum(len(data) for _, data in pieces)

    def test_yes_on_both_streams(self):
        task, ends, not_kept, _ = self.flood(NODES, [], FLOOD_SECONDS, (1 << 62, 1 << 62), b"y\n")
        files = Octl(self.fleet, self.folder, "task", "output", task, "--outdir", self.folder / "out", "--output", "text")
        self.addCleanup(files.close)
        self.assertEqual(files.wait(), 0, files.said())
        self.assertLess(files.peak, AGENT_MOST)
        for node, end in ends.items():
            self.assertGreater(not_kept[node], 0)
            self.assertIn(f"{node}: {not_kept[node]} bytes of its output were not kept", files.said())
            sizes = [(self.folder / "out" / f"{node}.{stream}").stat().st_size for stream in ("stdout", "stderr")]
            self.assertEqual(sum(sizes) + not_kept[node], end["stdout_bytes"] + end["stderr_bytes"])
        self.check()

    def test_a_line_of_a_gibibyte(self):
        _, ends, not_kept, (text, document) = self.flood([BARE], ["text", "json"], 120, (1 << 30, 1000), b"x")
        self.assertEqual((ends[BARE]["stdout_bytes"], ends[BARE]["stderr_bytes"]), (1 << 30, 1000))
        self.assertGreater(not_kept[BARE], 0)
        self.assertLess(text.peak, AGENT_MOST)
        self.assertIn(f"{BARE} has written more than is stored as it comes", text.said())
        self.assertIn(f"{BARE}: {not_kept[BARE]} bytes of its output were not kept", text.said())
        self.assertLess(document.peak, 512 << 20)
        (result,) = json.loads(document.out.read_text())["results"]
        self.assertEqual(result["bytes_not_kept"], not_kept[BARE])
        self.assertEqual(len(result["stdout"]) + len(result["stderr"]) + not_kept[BARE], (1 << 30) + 1000)
        self.check()

    def test_bytes_that_are_no_text(self):
        data = bytes(range(256)) + b"\xed\xa0\x80\xff\xfe\xc0\xaf\xf8\x88\x80\x80\x80" + "é€𝄞".encode() + b"\xe2\x82"
        (self.folder / "bytes").write_bytes(data)
        file = self.folder / "bytes"
        task = self.start(f"cat {file}; cat {file} >&2; cat {file} >$OCTOPODA_OUTPUT", ["pi0"])
        self.assertEqual(self.states(task), {"pi0": "succeeded"})
        (streams,) = self.operator.output(task).values()
        self.assertEqual({stream: b"".join(piece for _, piece in sorted(pieces)) for stream, pieces in streams.items()},
                         {"stdout": data, "stderr": data, "note": data})
        (result,) = self.fleet.json("task", "output", task, "pi0")["results"]
        for stream in ("stdout", "stderr", "note"):
            self.assertEqual(base64.b64decode(result[f"{stream}_base64"]), data, stream)
        self.fleet.octl("task", "output", task, "pi0", "--outdir", self.folder / "out")
        for stream in ("stdout", "stderr", "note"):
            self.assertEqual((self.folder / "out" / f"pi0.{stream}").read_bytes(), data, stream)
        raw = self.fleet.octl("task", "output", task, "pi0", "--raw", "--output", "text", text=False)
        self.assertEqual((raw.stdout, raw.stderr), (data * 2, data), "stdout and note; stderr")
        shown = self.fleet.octl("task", "output", task, "pi0", "--output", "text", text=False)
        for stream in (shown.stdout, shown.stderr):
            stream.decode()  # all of it can be read
            self.assertFalse(set(stream) - set(b"\n\t") & set([*range(32), 127]), "nothing of it steers a terminal")
            for written in (rb"\x00", rb"\x1b", rb"\xff", rb"\xed\xa0\x80", "é€𝄞".encode()):
                self.assertIn(written, stream)
        self.check()


if __name__ == "__main__":
    unittest.main()
