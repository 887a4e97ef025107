# SPDX-License-Identifier: MIT
"""Disks that are full, and disks that fail: what is not stored is not acknowledged, and all goes on once the disk does.

Small disks are mounted in a mount namespace of this process, and errors come from strace.
"""
import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from tests.support.api import Operator, Refused
from tests.support.fleet import Fleet, wait_for
from tests.support.programs import make_programs
from tests.support.witness import Witness

PAGE = 4096
# Commands name the call of their runner that fails, in strace's words.
RUNNER = """#!/bin/sh
inject=$(grep -aom1 'inject=[a-zA-Z0-9_:=@]*' "$1/intent") || exec {real} "$1"
file=
case $inject in *@*) file=$1/${inject#*@} inject=${inject%@*} ;; esac
call=${inject#inject=}
exec strace -D -qq -o /dev/null ${file:+-P "$file"} -e trace="${call%%:*}" -e "$inject" {real} "$1"
"""


def setUpModule():
    """A mount namespace of our own: what is mounted here is seen by nobody else, and goes with this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) != 0:  # CLONE_NEWNS
        raise unittest.SkipTest(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


@contextlib.contextmanager
def small_disk(folder, bytes_max=8 << 20):
    """A tmpfs in place of a folder whose programs are stopped, with all that it held."""
    with contextlib.ExitStack() as undo:
        keep = folder.parent / f"{folder.name}.keep"
        shutil.copytree(folder, keep, ignore=shutil.ignore_patterns("wake", "sync"))  # a FIFO and a socket, made anew
        undo.callback(shutil.rmtree, keep)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={bytes_max}", "tmpfs", folder], check=True)
        undo.callback(subprocess.run, ["umount", "-l", folder], check=True)
        shutil.copytree(keep, folder, dirs_exist_ok=True)
        yield Ballast(folder / "ballast")


class Ballast:
    """What fills a disk to the last page."""

    def __init__(self, path):
        self.path = path

    def fill(self, leave=0):
        """All but `leave` pages."""
        with open(self.path, "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * PAGE)
        size = self.path.stat().st_size
        os.truncate(self.path, max(0, size // PAGE - leave) * PAGE)

    def remove(self):
        self.path.unlink()


class Disks(unittest.TestCase):
    def setUp(self):
        self.pool = contextlib.ExitStack()
        self.addCleanup(self.pool.close)

    def start(self, *names):
        self.fleet = Fleet(names)
        self.fleet.programs = make_programs(self.fleet.base / "programs", runner=RUNNER)
        self.pool.enter_context(self.fleet)
        self.witness = Witness(self.fleet)
        self.operator = Operator(self.fleet)
        self.addCleanup(self.operator.close)
        self.accepted = []

    def run_command(self, text, *nodes, **options):
        task = self.operator.start(text, nodes, **options)
        self.accepted.append(task)
        return task

    def ended(self, task, seconds=60):
        def detail():
            found = self.operator.task(task)
            return found if found["state"] != "running" else None
        return wait_for(detail, seconds, f"the end of task {task}")["runs"]

    def end_of(self, text, *nodes, **options):
        return self.ended(self.run_command(text, *nodes, **options))[0]

    def hold(self, *nodes, count=100_000):
        """A command that has begun, and writes and ends when the gate is there: its task and the gate."""
        gate = self.fleet.base / f"gate{len(self.accepted)}"
        wait = f"until [ -e {gate} ]; do sleep 0.02; done"
        task = self.run_command(self.witness.command(f"{wait}; head -c {count} /dev/zero | tr '\\0' x"), *nodes)
        self.witness.written[task] = count
        wait_for(lambda: sum(name[1] == task for name in self.witness.lines()) == len(nodes), what="the start")
        return task, gate

    def try_once(self, text, *nodes):
        """Its task, or why it was refused."""
        try:
            task = self.operator.start(text, nodes, seconds=0)
        except Refused as refused:
            return None, refused
        self.accepted.append(task)
        return task, None

    def wait_online(self):
        wait_for(lambda: set(self.operator.states().values()) == {"online"}, 30, "every node online")

    def check(self):
        states = self.witness.check(self.operator, self.accepted)
        self.witness.check_nothing_left(self.operator)
        return states


class FullDisks(Disks):
    def test_under_a_nodes_journal_and_spool(self):
        self.start("pi0")
        agent = self.fleet.kill("tentacle")
        with small_disk(self.fleet.folder / "pi0" / "data") as ballast:
            self.fleet.start_again(agent)
            self.wait_online()
            held, gate = self.hold("pi0")
            ballast.fill()
            run = self.end_of(self.witness.command(), "pi0")
            self.assertEqual(run["state"], "rejected")
            self.assertIn("No space left on device", run["end"]["reason"])
            gate.touch()
            end = self.ended(held)[0]["end"]
            self.assertEqual((end["state"], end["exit_code"], end["stdout_bytes"]), ("succeeded", 0, 100_000))
            self.assertEqual(end["reason"], "100000 bytes of output were not kept: No space left on device")
            # With so many pages it gets so far; wherever that is, the outcome is true.
            states = [self.end_of(self.witness.talking(20_000), "pi0")["state"]
                      for pages in range(14) if ballast.fill(pages) is None]
            self.assertEqual((states[0], states[-1]), ("rejected", "succeeded"), states)
            ballast.remove()
            # More than the disk holds: the command does not wait for it.
            task = self.run_command(self.witness.talking(20 << 20), "pi0")
            self.witness.written[task] = 20 << 20
            self.assertEqual(self.ended(task)[0]["state"], "succeeded")
            self.assertEqual(self.end_of(self.witness.command(), "pi0")["state"], "succeeded")
            self.assertEqual(self.fleet.states()["pi0"], "online")
            self.check()
            self.fleet.kill("tentacle")
        self.fleet.start_again(agent)

    def under_the_brain(self, folder, refuses):
        self.start("pi0", "pi1")
        brain = self.fleet.kill("brain")
        with small_disk(folder(self.fleet)) as ballast:
            self.fleet.start_again(brain)
            self.wait_online()
            held, gate = self.hold("pi0", "pi1")
            ballast.fill()
            marks = [self.try_once(self.witness.talking(20_000), "pi0", "pi1") for _ in range(3)]
            if refuses:
                self.assertEqual([refused.status for _, refused in marks], [507] * 3)
                self.assertIn("full", str(marks[0][1]))
            gate.touch()
            for pages in range(10):
                ballast.fill(pages)
                self.try_once(self.witness.talking(20_000), "pi0", "pi1")
            self.assertEqual(self.operator.task(held)["state"], "running", "nothing is shown that is not stored")
            self.assertEqual(set(self.operator.states().values()), {"online"})
            ballast.remove()
            for run in self.ended(held):
                self.assertEqual((run["state"], run["end"]["stdout_bytes"]), ("succeeded", 100_000))
            kept = self.operator.output(held)
            self.assertEqual([sum(len(data) for _, data in run["stdout"]) for run in kept.values()], [100_000] * 2)
            self.end_of(self.witness.command(), "pi0", "pi1")
            self.assertEqual(len(self.fleet.processes("brain")), 1, "the same one")
            self.check()
            self.fleet.kill("brain")
        self.fleet.start_again(brain)

    def test_under_the_brains_ledger_and_events(self):
        self.under_the_brain(lambda fleet: fleet.folder / "brain" / "data", refuses=True)

    def test_under_the_brains_events_alone(self):
        self.under_the_brain(lambda fleet: fleet.folder / "brain" / "data" / "events", refuses=False)


class FailingDisks(Disks):
    @contextlib.contextmanager
    def failing(self, process, *words):
        """Calls of all its threads fail as strace is told; what it starts meanwhile is left alone."""
        threads = [word for thread in os.listdir(f"/proc/{process.pid}/task") for word in ("-p", thread)]
        tracer = subprocess.Popen(["strace", "-o", "/dev/null", *words, *threads], stderr=subprocess.PIPE, text=True)
        try:
            for _ in range(len(threads) // 2):
                self.assertIn("attached", tracer.stderr.readline())
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=10)

    def test_of_the_brains_ledger(self):
        self.start("pi0")
        held, gate = self.hold("pi0")
        wal = self.fleet.folder / "brain" / "data" / "ledger.db-wal"
        fault = ["-P", str(wal), "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO"]
        with self.failing(self.fleet.one("brain"), *fault):
            _, refused = self.try_once(self.witness.command(), "pi0")
            self.assertEqual(refused.status, 500)
            gate.touch()
        _, refused = self.try_once(self.witness.command(), "pi0")
        self.assertIn("acknowledges nothing more", str(refused), "also on a disk that is well again")
        self.assertEqual(self.operator.task(held)["state"], "running")
        self.fleet.start_again(self.fleet.kill("brain"))
        self.assertEqual(self.ended(held)[0]["state"], "succeeded")
        # One that was refused may be there after all, and then like any other.
        self.accepted = [task["task"] for task in self.operator.tasks()]
        self.end_of(self.witness.command(), "pi0")
        self.check()

    def test_of_the_brains_events(self):
        self.start("pi0")
        held, gate = self.hold("pi0")
        events = self.fleet.folder / "brain" / "data" / "events" / f"{held}.log"
        for words in (["-e", "trace=pwrite64", "-e", "inject=pwrite64:error=EIO"],
                      ["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO"]):
            with self.failing(self.fleet.one("brain"), "-P", str(events), *words):
                gate.touch()
                log = lambda: self.fleet.octl("log", "get", "brain", "-l", "50", "--output", "text").stdout
                wait_for(lambda: "was not taken" in log() and events.name in log(), what="the complaint")
                self.assertEqual(self.operator.task(held)["state"], "running")
                self.assertEqual(self.end_of(self.witness.command(), "pi0")["state"], "succeeded", "others go on")
        self.fleet.start_again(self.fleet.kill("brain"))
        self.assertEqual(self.ended(held)[0]["state"], "succeeded")
        self.check()

    def test_of_the_agents_journal(self):
        self.start("pi0")
        held, _ = self.hold("pi0")
        # One that waits for its time is told of before its runner makes it durable, so the agent does.
        waits = {"delay_ms": 100}
        for fault, options in (("fdatasync,fsync:error=EIO", waits), ("fsync:error=EIO", waits),
                               ("fallocate:error=ENOSPC", {}), ("mkdir:error=ENOSPC", {})):
            call = fault.split(":")[0]
            with self.failing(self.fleet.one("tentacle"), "-e", f"trace={call}", "-e", f"inject={fault}"):
                run = self.end_of(self.witness.command(), "pi0", **options)
                self.assertEqual(run["state"], "rejected", run)
                self.assertIn("journal a run", run["end"]["reason"])
        with self.failing(self.fleet.one("tentacle"), "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"):
            self.assertEqual(self.end_of(self.witness.command(), "pi0")["state"], "succeeded", "its runner is asked, not the agent")
        with self.failing(self.fleet.one("tentacle"), "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO"):
            self.fleet.kill("runner")  # its end cannot be made durable, and so is not told
            wait_for(lambda: "cannot be settled" in self.fleet.octl("log", "get", "pi0", "--output", "text").stdout,
                     what="the complaint")
            self.assertEqual(self.operator.task(held)["state"], "running")
        self.assertEqual(self.ended(held)[0]["state"], "interrupted")
        self.assertEqual(self.end_of(self.witness.command(), "pi0")["state"], "succeeded")
        self.check()

    def test_of_the_runner(self):
        self.start("pi0", "pi1")
        kinds = [f"{call}:error={error}:when={number}" for call, errors, last in
                 (("fdatasync", ["EIO"], 6), ("fsync", ["EIO"], 2), ("write", ["EIO", "ENOSPC"], 8),
                  ("pwrite64", ["EIO", "ENOSPC"], 4), ("openat", ["EIO", "ENOSPC"], 12))
                 for error in errors for number in range(1, last + 1)]
        # That it starts, and that it has ended.
        kinds += [f"write:error={error}:when={number}@record" for error in ("EIO", "ENOSPC") for number in (1, 2)]
        for i, kind in enumerate(kinds):
            task = self.run_command(self.witness.talking(1_200_000, f"echo n >$OCTOPODA_OUTPUT # inject={kind}"), f"pi{i % 2}")
            self.witness.written[task] = 1_200_000
        states = self.check()
        self.assertGreater(states["succeeded"], 5, states)
        self.assertGreater(states["expired"], 3, states)
        self.assertGreater(states["rejected"], 3, states)
        self.assertEqual(states["interrupted"], 2, states)


class Damage(Disks):
    def test_of_the_epoch_is_reported_and_no_zero(self):
        self.start("pi0")
        agent = self.fleet.kill("tentacle")
        epoch = self.fleet.folder / "pi0" / "data" / "epoch"
        self.assertGreater(int(epoch.read_text()), 0)
        epoch.write_bytes(b"\0" * 8)
        self.fleet.start_again(agent)
        logs = pathlib.Path(self.fleet.folder / "pi0" / "log")
        wait_for(lambda: any(f"{epoch} is damaged" in log.read_text() for log in logs.glob("tentacle_*.log")), what="the complaint")
        self.assertNotEqual(self.fleet.states()["pi0"], "online")
        epoch.unlink()
        self.fleet.start_again(self.fleet.kill("tentacle"))
        self.wait_online()


if __name__ == "__main__":
    unittest.main()
