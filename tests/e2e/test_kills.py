# SPDX-License-Identifier: MIT
"""SIGKILL at every point where something is half done, and at random ones: nothing acknowledged is lost, nothing runs twice.

Points are counted from outside, by tests/support/tracer.py. OCTO_SEED repeats a random run.
"""
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import secrets
import shutil
import sqlite3
import subprocess
import sys
import threading
import unittest

from tests.support.api import Operator
from tests.support.fleet import Fleet, wait_for
from tests.support.programs import TRACER, make_programs
from tests.support.tracer import SUPPORTED
from tests.support.witness import Witness

NODES = ["pi0", "pi1", "pi2"]
kills = collections.Counter()

# Commands name the point at which their runner dies.
RUNNER = """#!/bin/sh
point=$(grep -aom1 'kill-at=[0-9]*' "$1/intent") || exec {real} "$1"
exec TRACER REPORTS/"${1##*/}" "${point#kill-at=}" {real} "$1"
"""


def tearDownModule():
    print(f"\nkilled: {dict(kills)}, {sum(kills.values())} in all", file=sys.stderr)


class Killing(unittest.TestCase):
    """A fleet of three nodes whose runners can be told where to die, its operator, and its witness."""

    def setUp(self):
        self.pool = contextlib.ExitStack()
        self.addCleanup(self.pool.close)
        self.base = pathlib.Path(self.pool.enter_context(self.temporary()))
        self.reports = self.base / "reports"
        self.reports.mkdir()
        runner = RUNNER.replace("TRACER", " ".join(TRACER)).replace("REPORTS", str(self.reports))
        programs = make_programs(self.base / "programs", runner=runner)
        self.fleet = self.pool.enter_context(Fleet(NODES, folder=self.base, programs=programs))
        self.witness = Witness(self.fleet)
        self.accepted = []
        self.operator = self.make_operator()

    @staticmethod
    @contextlib.contextmanager
    def temporary():
        base = pathlib.Path(f"/tmp/octopoda-e2e.{secrets.token_hex(4)}")
        base.mkdir(mode=0o755)
        try:
            yield base
        finally:
            shutil.rmtree(base, ignore_errors=True)

    def make_operator(self):
        operator = Operator(self.fleet)
        self.addCleanup(operator.close)
        return operator

    def report_of(self, name):
        """How a traced program ended, once it has: "killed at what" or "ended after how many"."""
        file = self.reports / name
        return wait_for(lambda: file.exists() and file.read_text().strip(), 30, f"the end of {name}")

    def start_traced(self, process, point, name):
        return self.fleet.start_again(process, [*TRACER, str(self.reports / name), str(point)])

    def check(self):
        """After the last fault: everything runs, everything is told, nothing is left."""
        for program in [("brain", None)] + [("tentacle", node) for node in NODES]:
            self.assertEqual(len(self.fleet.processes(*program)), 1, program)
        states = self.witness.check(self.operator, self.accepted)
        self.witness.check_nothing_left(self.operator)
        print(f"\n{self.id().split('.')[-1]}: {len(self.accepted)} tasks, runs {dict(states)}", file=sys.stderr)
        return states


class Work:
    """Commands that are asked for all the time, each of its sort, in so many threads; each is accepted in the end."""

    def __init__(self, test, threads=2, pause=0.08, seed=1):
        self.test, self.pause, self.over = test, pause, threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(threads)
        self.threads = [self.pool.submit(self.work, random.Random(f"{seed}.{i}")) for i in range(threads)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.result(120)
        self.pool.shutdown()

    def work(self, dice):
        operator, witness = Operator(self.test.fleet), self.test.witness
        while not self.over.wait(self.pause):
            sort, count, options = dice.randrange(8), dice.choice([0, 300, 90_000]), {}
            if sort == 0:
                text, options = witness.talking(count, "exit 3"), {"retries": 1}
            elif sort == 1:
                text = witness.talking(count, "exec sleep 100")
            elif sort == 2:
                text, options = witness.talking(count), {"delay_ms": 150}
            elif sort == 3:
                text, options = witness.talking(count, "exec sleep 100"), {"limit_ms": 2000}
            else:
                text = witness.talking(count)
            task = operator.start(text, dice.sample(NODES, dice.randint(1, 3)), **options)
            self.test.witness.written[task] = count
            self.test.accepted.append(task)
            if sort == 1:
                operator.cancel(task)
        operator.close()


@unittest.skipUnless(SUPPORTED, "points are counted by x86-64 system calls")
class NamedPoints(Killing):
    def test_the_runner_dies_at_every_point(self):
        sorts = {"small": ("command", self.witness.talking(300, "echo n >$OCTOPODA_OUTPUT")),
                 "segments": ("command", self.witness.talking(3_300_000)),
                 "script": ("script", "#!/bin/bash\n" + self.witness.talking(70_000, "echo err >&2")),
                 "armed": ("command", self.witness.talking(300))}
        counted = {}
        for name, (kind, text) in sorts.items():
            task, node = self.start(name, kind, text, 0, "pi0")
            wait_for(lambda task=task: self.operator.task(task)["state"] != "running", what="the end")
            counted[name] = int(self.report_of(f"{task}.0.1").removeprefix("ended after "))
        jobs = [(name, *sorts[name], point, NODES[i % 3]) for name in sorts
                for i, point in enumerate(range(1, counted[name] + 1))]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            tasks = list(pool.map(lambda job: self.start(*job, operator=self.of_thread()), jobs))
        points = collections.Counter(self.report_of(f"{task}.0.1") for task, _ in tasks)
        for point, count in points.items():
            if point.startswith("killed"):
                kills["runner"] += count
        # What it wrote may come in more pieces or fewer the next time; the rest is always the same.
        self.assertGreater(sum(count for point, count in points.items() if point.startswith("killed")), 0.8 * len(jobs))
        self.check()

    def start(self, name, kind, text, point, node, operator=None):
        options = {"kind": kind, "script_name": "s.sh"} if kind == "script" else {}
        if name == "armed":
            options["delay_ms"] = 100
        task = (operator or self.operator).start(f"{text} # kill-at={point}", [node], **options)
        self.accepted.append(task)
        return task, node

    def of_thread(self):
        mine = threading.current_thread()
        if not hasattr(mine, "operator"):
            mine.operator = self.make_operator()
        return mine.operator

    def test_the_agent_dies_at_every_point(self):
        rounds = 28  # of each node; together they walk over all points from the first
        with Work(self):
            with concurrent.futures.ThreadPoolExecutor(3) as pool:
                list(pool.map(lambda i: self.walk(("tentacle", NODES[i]), range(i + 1, 3 * rounds, 3)), range(3)))
        self.check()

    def test_the_brain_dies_at_every_point(self):
        with Work(self):
            self.walk(("brain", None), [*range(1, 40), *range(40, 250, 6)])
        self.check()

    def walk(self, which, points):
        process = self.fleet.kill(*which)
        for point in points:
            name = f"{process.argv[-1].replace('/', '_')}.{point}"
            started = self.start_traced(process, point, name)
            started.wait(30)
            self.assertRegex(self.report_of(name), "^killed ")
            kills[which[0]] += 1
        self.fleet.start_again(process)

    def test_octl_dies_at_every_point(self):
        def run(point):
            report = f"octl.{point}"
            marker = f"octl-{point}-{secrets.token_hex(4)}"
            text = f": {marker}; " + self.witness.talking(300)
            words = [*TRACER, str(self.reports / report), str(point), str(self.fleet.programs / "octl"), "cmd", "run", text,
                     *NODES, "--output", "json"]
            done = subprocess.run(words, env=self.fleet.environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
            return marker, self.report_of(report), done

        self.fleet.octl("node", "get")  # logged in
        _, said, done = run(0)
        self.assertEqual(done.returncode, 0, done.stderr)
        count = int(said.removeprefix("ended after "))
        # Its threads take turns: the same point is not the same call each time, and the last may be a few further on.
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            ended = list(pool.map(run, 3 * [*range(1, count + 3)]))
        kills["octl"] += sum(said.startswith("killed") for _, said, _ in ended)
        self.assertGreater(kills["octl"], 8)
        wait_for(lambda: not any(task["state"] == "running" for task in self.operator.tasks()), what="every end")
        self.check_keys([marker for marker, said, _ in ended if said.startswith("killed")])
        self.fleet.octl("node", "get")  # which clears what a killed one has left
        self.check()

    def check_keys(self, markers):
        """Each octl that died started its task once or not at all; its key, sent again, starts nothing more."""
        tasks = self.operator.tasks()
        self.accepted = [task["task"] for task in tasks]
        started = {marker: [task["task"] for task in tasks if f": {marker};" in task["title"]] for marker in markers}
        self.assertTrue(all(len(found) <= 1 for found in started.values()), started)
        self.assertTrue(any(started.values()), "some died after the Brain had it")
        keys = {file.name for file in (self.fleet.folder / "octl" / "state.keys").iterdir() if len(file.name) == 32}
        brain = self.fleet.kill("brain")  # which is alone with its ledger while it lives
        with contextlib.closing(sqlite3.connect(self.fleet.folder / "brain" / "data" / "ledger.db")) as ledger:
            asked = dict(ledger.execute("SELECT id, request FROM task"))
            answered = {key: json.loads(answer)["task"] for key, answer in ledger.execute("SELECT key, answer FROM receipt")}
        self.fleet.start_again(brain)
        known = keys & answered.keys()
        self.assertTrue(known, "some died when the Brain had it, and they not yet its answer")
        for key in known:
            again = json.loads(self.operator.call("POST", "/tasks", asked[answered[key]], key))["task"]
            self.assertEqual(again, answered[key])
        self.assertEqual(len(self.operator.tasks()), len(tasks))


class RandomPoints(Killing):
    def runners(self):
        """Without their commands, which look like them before they are what they will be."""
        found = self.fleet.processes("runner")
        pids = {process.pid for process in found}
        return [process for process in found if process.parent not in pids]

    def test_everything_dies_at_any_time(self):
        seed = os.environ.get("OCTO_SEED") or secrets.token_hex(4)
        print(f"\nOCTO_SEED={seed}", file=sys.stderr)
        dice, any_time = random.Random(seed), threading.Event()
        with Work(self, threads=3, seed=seed):
            for _ in range(70):
                any_time.wait(dice.uniform(0.02, 0.25))
                victims = self.runners() if dice.random() < 0.4 else []
                if victims:
                    dice.choice(victims).kill()
                    kills["runner"] += 1
                    continue
                which = dice.choice([("brain", None), *(("tentacle", node) for node in NODES)])
                process = self.fleet.kill(*which)
                kills[which[0]] += 1
                any_time.wait(dice.choice([0, 0, 0.1]))
                self.fleet.start_again(process)
        self.check()


if __name__ == "__main__":
    unittest.main()
