# SPDX-License-Identifier: MIT
"""Clocks that are wrong in every way: the bound of a start contains the truth, which only a test on one machine can know.

OCTO_CLOCK_ROUNDS: starts of two nodes in each test; 25 if it is not set. OCTO_CLOCK_MISSES: how many may miss, of 1,000.
"""
import json
import os
import shutil
import sys
import unittest

from tests.support.fleet import BIN, Fleet
from tests.support.links import LinkedFleet
from tests.support.records import start_of

ROUNDS = int(os.environ.get("OCTO_CLOCK_ROUNDS", "25"))
OTHER_CLOCK = BIN.parent / "test" / "other_clock"
SECOND = 1_000_000_000


class Clock:
    """A node's clock: this machine's since boot, times 1 + ppm / 10**6, plus an offset."""

    def __init__(self, offset_ns, ppm):
        self.offset_ns, self.ppm = offset_ns, ppm

    def real(self, said):
        return (said - self.offset_ns) * 1_000_000 // (1_000_000 + self.ppm)

    def give_to(self, fleet, node):
        """Starts the node's agent again with this clock, and so its runners."""
        folder = fleet.base / f"clock.{node}"
        folder.mkdir()
        for program in ("tentacle", "runner"):
            shutil.copy2(OTHER_CLOCK / program, folder / program)
        shutil.copy2(BIN / "octl-sync", folder / "octl-sync")
        (folder / "clock").write_text(f"{self.offset_ns} {self.ppm}\n")
        agent = fleet.kill("tentacle", node)
        agent.argv[0] = str(folder / "tentacle")
        fleet.start_again(agent)


class BoundsContainTheTruth(unittest.TestCase):
    def measure(self, fleet, clocks, *words):
        for node, clock in clocks.items():
            clock.give_to(fleet, node)
        fleet.wait_online()
        starts, skews, refused, missed, bounds = 0, 0, 0, [], []
        for _ in range(ROUNDS):
            done = fleet.octl("cmd", "run", "-ta", "true", *clocks, *words, "--output", "json", exit=None)
            result = json.loads(done.stdout)
            if result["counts"] == {"rejected": len(clocks)}:  # a machine too busy to answer in time; nobody has started
                refused += 1
                continue
            self.assertEqual(result["counts"], {"succeeded": len(clocks)}, result)
            truth = {}
            for row in result["results"]:
                mark = start_of(fleet, row["name"], result["task"])
                self.assertEqual(mark["brain"], row["start"]["at_ns"])
                truth[row["name"]] = clocks[row["name"]].real(mark["local"])
                error = mark["brain"] - truth[row["name"]]
                starts += 1
                bounds.append(mark["bound"])
                if abs(error) > mark["bound"]:
                    missed.append(f"{row['name']}: {error} ns, bound {mark['bound']}")
            (group,) = result["together"]
            apart = max(truth.values()) - min(truth.values())
            skews += 1
            if abs(apart - group["skew_ns"]) > group["bound_ns"]:
                missed.append(f"skew {group['skew_ns']} ± {group['bound_ns']}, and it was {apart}")
        bounds.sort()
        print(f"\n{self._testMethodName}: {starts} starts, {skews} skews, {len(missed)} outside their bound, {refused} not started; "
              f"bound {bounds[len(bounds) // 2]} ns in the median, {bounds[-1]} at most", file=sys.stderr)
        self.assertLessEqual(len(missed), (starts + skews) / 1000, missed[:10])
        self.assertLessEqual(refused, ROUNDS / 10)

    def test_clocks_that_are_seconds_apart_and_drift(self):
        with Fleet(["pi0", "pi1"]) as fleet:
            self.measure(fleet, {"pi0": Clock(5 * SECOND, 100), "pi1": Clock(-5 * SECOND, -100)})

    def test_a_way_that_is_slow_in_one_direction(self):
        with LinkedFleet(["pi0", "pi1"], seed=11) as fleet:
            fleet.links.set("pi0", down=dict(extra=100))
            fleet.links.set("pi1", up=dict(extra=100, jitter=2))
            self.measure(fleet, {"pi0": Clock(-SECOND, 50), "pi1": Clock(SECOND, -50)}, "--max-skew", "300ms")


if __name__ == "__main__":
    unittest.main()
