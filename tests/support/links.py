# SPDX-License-Identifier: MIT
"""Fleets over poor links: the Brain in one network namespace, each node in another, and a relay between them.

    with LinkedFleet(["pi0", "pi1"], seed=7) as fleet:
        fleet.links.set("pi0", delay=150, jitter=20)                  # each way
        fleet.links.set("pi1", up=dict(loss=5), down=dict(extra=100))  # from the node, to the node
        fleet.links.cut("pi0", "down")
        fleet.links.heal("pi0")
        fleet.octl("cmd", "run", "true", "@all")                       # beside the Brain
        fleet.octl("node", "get", at="pi0")                            # where pi0 is, over its link

What a link can be is written at the head of tests/support/relay/relay.cpp. Everything here is this process's and goes
away with it: nothing of the machine's own network is used or changed. Needs root.
"""
import json
import os
import pathlib
import select
import subprocess

from tests.support.fleet import BIN, Fleet

RELAY = pathlib.Path(os.environ.get("OCTO_TEST_BIN", BIN.parent / "test")) / "octo_relay"
BRAIN_IP = "10.77.0.1"


class Links:
    """A relay with one link for each name."""

    def __init__(self, names, seed):
        self.names = list(names)
        self.relay = subprocess.Popen([RELAY, str(seed), str(len(self.names))], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, bufsize=1)
        ready = self._read()
        if not ready.startswith("ready "):
            self.close()
            raise AssertionError(f"the relay did not start; it needs root: {ready}")
        self.namespaces = dict(word.split("=", 1) for word in ready.split()[1:])

    def close(self):
        self.relay.stdin.close()
        self.relay.wait(timeout=10)
        self.relay.stdout.close()

    def enter(self, name=None):
        """What to put before a command so that it runs where `name` is; None: where the Brain is."""
        where = "near" if name is None else f"far{self.names.index(name)}"
        return ["nsenter", f"--net={self.namespaces[where]}"]

    def set(self, name="all", up=None, down=None, **both):
        """Changes what is named and leaves the rest. `both` is for each direction, `up` and `down` for one."""
        words = [f"{word} {value}" for word, value in both.items()]
        for direction, settings in (("up", up), ("down", down)):
            if settings:
                words += [direction] + [f"{word} {value}" for word, value in settings.items()]
        self._tell(name, *words)

    def clear(self, name="all"):
        """A link as good as the machine's own again."""
        self._tell(name, "clear")

    def cut(self, name="all", direction=None):
        """Nothing comes through any more, nor what is under way; up, down, or both."""
        self._tell(name, *([direction] if direction else []), "cut")

    def heal(self, name="all", direction=None):
        self._tell(name, *([direction] if direction else []), "heal")

    def counters(self, name=None):
        """{"up": {"taken": packets, "lost": …}, "down": …} of one link, or the sums of all."""
        links = json.loads(self._ask("counters"))["links"]
        if name is not None:
            return links[self.names.index(name)]
        return {direction: {word: sum(link[direction][word] for link in links) for word in links[0][direction]}
                for direction in ("up", "down")}

    def _tell(self, name, *words):
        which = name if name == "all" else str(self.names.index(name))
        answer = self._ask(" ".join([which, *words]))
        assert answer == "ok", f"{name} {words}: {answer}"

    def _ask(self, line):
        self.relay.stdin.write(line + "\n")
        return self._read()

    def _read(self):
        assert select.select([self.relay.stdout], [], [], 10)[0], "the relay does not answer"
        return self.relay.stdout.readline().strip()


class LinkedFleet(Fleet):
    """A fleet whose nodes are each behind a link of their own; octl is beside the Brain unless it is told where."""

    def __init__(self, names=("pi0",), seed=1, folder=None):
        super().__init__(names, folder)
        self.links = Links(self.names, seed)

    def enter(self, node=None):
        return self.links.enter(node)

    def up(self):
        done = subprocess.run([BIN / "octopoda", "init", "--dir", self.folder, "--ip", BRAIN_IP, "--node", self.names[0]],
                              stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, timeout=60)
        assert done.returncode == 0, f"octopoda init failed with {done.returncode}"
        super().up()
        for name in self.names:  # up starts all of them beside the Brain
            self.start_again(self.kill("tentacle", name))
        self.wait_online()

    def close(self):
        try:
            super().close()
        finally:
            self.links.close()
