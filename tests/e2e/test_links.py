# SPDX-License-Identifier: MIT
"""Poor links: whatever the network does, no run is lost, none is doubled, and each ends in one honest state."""
import concurrent.futures
import json
import threading
import time
import unittest

from tests.support.fleet import read_lines, wait_for
from tests.support.links import LinkedFleet

NODES = ("pi0", "pi1", "pi2", "pi3")
TASKS = 50  # on four nodes each: 200 runs
AT_ONCE = 10


class Watch(threading.Thread):
    """What states nodes have for the Brain, seen again and again until the end of the block."""

    def __init__(self, fleet):
        super().__init__()
        self.fleet = fleet
        self.seen = set()  # (node, state)
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(0.25):
            self.seen |= set(self.fleet.states().items())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


class PoorLinks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = LinkedFleet(NODES, seed=17).__enter__()
        cls.links = cls.fleet.links

    @classmethod
    def tearDownClass(cls):
        cls.fleet.__exit__(None)

    def setUp(self):
        self.folder = self.fleet.base / self._testMethodName
        self.folder.mkdir()
        self.links.clear()
        # Whatever the test before has done to sessions: all begin with a link that is known to work.
        self.fleet.octl("cmd", "run", "true", *NODES)
        self.before = self.links.counters()
        self.sessions = self.sessions_begun()

    def sessions_begun(self):
        """How often nodes have joined, by what the Brain has written down."""
        logs = (self.fleet.folder / "brain" / "log").glob("*.log")
        return sum(log.read_text(errors="replace").count("has joined from") for log in logs)

    def share(self, word, direction):
        """What share of the packets of this test met that fate."""
        before, after = self.before[direction], self.links.counters()[direction]
        return (after[word] - before[word]) / (after["taken"] - before["taken"])

    def run_one(self, number, words, at=None):
        """One task on all nodes, as octl shows its end; and how long that took. Its runs witness themselves."""
        begun = time.monotonic()
        done = self.fleet.octl("cmd", "run", f"echo {number} >>{self.folder}/$OCTOPODA_NODENAME; seq {number} 1000",
                               *NODES, *words, "--output", "json", exit=None, timeout=150, at=at)
        self.assertTrue(done.stdout.startswith("{"), f"octl: exit {done.returncode}, {done.stderr}")
        return {row["name"]: row for row in json.loads(done.stdout)["results"]}, time.monotonic() - begun

    def begin_runs(self, pool, *words, places=(None,)):
        """200 runs, ten tasks at a time; from the `places` in turn."""
        return [pool.submit(self.run_one, number, words, places[number % len(places)]) for number in range(TASKS)]

    def judge(self, asked):
        """Nothing is lost, nothing is doubled, and what is told is true. How many runs have which state."""
        states = {}
        for number, future in enumerate(asked):
            rows, _ = future.result()
            self.assertEqual(sorted(rows), sorted(NODES), f"task {number}")
            for node, row in rows.items():
                states[row["state"]] = states.get(row["state"], 0) + 1
                witnessed = read_lines(self.folder / node).count(str(number))
                self.assertIn(row["state"], ("succeeded", "expired"), f"task {number} on {node}: {row}")
                self.assertEqual(witnessed, 1 if row["state"] == "succeeded" else 0, f"task {number} on {node}: {row}")
                if row["state"] == "succeeded":
                    self.assertEqual(row["stdout"].split(), [str(i) for i in range(number, 1001)])
        self.assertEqual(sum(states.values()), len(NODES) * TASKS)
        return states

    def all_well(self, places=(None,)):
        """200 runs that all succeed, over sessions that last. How long the fastest task took."""
        with Watch(self.fleet) as watch, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            asked = self.begin_runs(pool, places=places)
        self.assertEqual(self.judge(asked), {"succeeded": len(NODES) * TASKS})
        self.assertEqual(watch.seen, {(node, "online") for node in NODES})
        self.assertEqual(self.sessions_begun(), self.sessions, "no session was lost")
        return min(future.result()[1] for future in asked)

    def test_150_ms_each_way(self):
        self.links.set(delay=150)
        self.assertGreater(self.all_well(), 0.3)

    def test_150_ms_with_jitter_and_packets_out_of_order(self):
        self.links.set(delay=150, jitter=100, reorder=3)
        self.assertGreater(self.all_well(), 0.3)
        self.assertGreater(self.share("overtaken", "up"), 0.01)

    def test_5_percent_loss_and_no_node_flaps(self):
        self.links.set(loss=5)
        self.all_well(places=(None, "pi0", None, "pi1"))
        for direction in ("up", "down"):
            self.assertAlmostEqual(self.share("lost", direction), 0.05, delta=0.025)

    def test_15_percent_loss(self):
        self.links.set(loss=15)
        self.all_well(places=(None, "pi0", None, "pi1"))
        for direction in ("up", "down"):
            self.assertAlmostEqual(self.share("lost", direction), 0.15, delta=0.05)

    def test_1_mbit(self):
        self.links.set(rate=1)
        self.all_well(places=(None, "pi0"))
        moved = self.links.counters()["up"]["bytes"] - self.before["up"]["bytes"]
        self.assertGreater(moved, 500_000, "the output of all runs came over the links")

    def test_what_a_cut_has_held_up_does_not_run_late(self):
        self.links.cut("pi0", "down")
        tasks = {}
        for deadline in ("2s", "5m"):
            command = f"echo {deadline} >>{self.folder}/witness"
            tasks[deadline] = self.fleet.json("cmd", "run", command, "pi0", "--deadline", deadline, "--detach")["task"]
        # Both orders are on their way. No fact tells that a deadline has passed but the clock.
        passed = time.monotonic() + 3
        wait_for(lambda: time.monotonic() > passed, what="the first deadline")
        self.assertEqual(read_lines(self.folder / "witness"), [])
        self.links.heal()
        states = {}
        for deadline, task in tasks.items():
            self.fleet.octl("task", "wait", task, exit=None, timeout=90)
            states[deadline] = self.fleet.json("task", "show", task)["results"][0]["state"]
        self.assertEqual(states, {"2s": "expired", "5m": "succeeded"})
        self.assertEqual(read_lines(self.folder / "witness"), ["5m"])
        self.assertEqual(self.sessions_begun(), self.sessions, "the orders came over the session that held them")

    def test_one_direction_is_cut_for_a_while(self):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            asked = self.begin_runs(pool)
            wait_for(lambda: asked[9].done(), 60, "the first runs")
            for node, direction in zip(NODES, ("down", "up", "down", "up")):
                self.links.cut(node, direction)
            # The reports of pi1 and pi3 are under way and cannot arrive: for the Brain they fall silent.
            wait_for(lambda: {"pi1": "suspect", "pi3": "suspect"}.items() <= self.fleet.states().items(), 40, "silence")
            self.assertFalse(all(future.done() for future in asked))
            self.links.heal()
        self.assertEqual(self.judge(asked), {"succeeded": len(NODES) * TASKS})
        self.assertGreater(self.share("cut", "up"), 0)
        self.assertGreater(self.share("cut", "down"), 0)
        self.fleet.wait_online()

    def test_one_direction_is_cut_for_longer_than_sessions_last(self):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            asked = self.begin_runs(pool)
            wait_for(lambda: asked[9].done(), 60, "the first runs")
            for node, direction in zip(NODES, ("down", "up", "down", "up")):
                self.links.cut(node, direction)
            gone = {node: "offline" for node in NODES}
            wait_for(lambda: self.fleet.states() == gone, 100, "the end of all sessions")
            self.links.heal()
        self.assertEqual(self.judge(asked), {"succeeded": len(NODES) * TASKS})
        self.fleet.wait_online()
        self.assertGreaterEqual(self.sessions_begun(), self.sessions + len(NODES))
