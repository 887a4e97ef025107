# SPDX-License-Identifier: MIT
"""Nothing lost: what must be true of a fleet once its faults have healed, by the lines that its commands left behind."""
import collections
import contextlib
import os
import pathlib

from tests.support.fleet import read_lines, wait_for

ONCE = {"succeeded", "failed", "timed_out"}
NEVER = {"expired", "rejected"}
AT_MOST_ONCE = {"interrupted", "unknown", "cancelled"}
FINAL = ONCE | NEVER | AT_MOST_ONCE


def cgroups():
    """Those of runs of any fleet on this machine."""
    mounts = [line.split() for line in read_lines("/proc/self/mounts")]
    for root in [words[1] for words in mounts if words[2] == "cgroup2"]:
        for folder, inner, _ in os.walk(root):
            if os.path.basename(folder) == "octopoda":
                yield from (pathlib.Path(folder) / name for name in inner)


class Witness:
    """Commands that first write "task step attempt" to a synced file of their node, and the judge of these files."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.folder = fleet.base / "witness"
        self.folder.mkdir(exist_ok=True)
        self.written = {}  # task → bytes that its command writes to stdout when nobody ends it

    def command(self, rest="true"):
        file = f"{self.folder}/$OCTOPODA_NODENAME"
        return f'echo "$OCTOPODA_TASK $OCTOPODA_STEP $OCTOPODA_ATTEMPT" >>{file}; sync {file}; {rest}'

    def talking(self, count, rest="true"):
        return self.command(f"head -c {count} /dev/zero | tr '\\0' x; {rest}")

    def lines(self):
        found = collections.Counter()
        for path in self.folder.iterdir():
            found.update((path.name, *line.split()) for line in read_lines(path))
        return found

    def check(self, operator, accepted):
        """`accepted`: what was answered with 2xx. Counts of the runs by state."""
        details = {task: wait_for(lambda task=task: self._ended(operator, task), 60, f"the end of task {task}")
                   for task in accepted}
        lines, states = self.lines(), collections.Counter()
        for task, detail in details.items():
            kept = operator.output(task)
            for run in detail["runs"]:
                name = (run["node"], task, str(run["step"]), str(run["attempt"]))
                state, end, seen = run["state"], run["end"], lines.pop(name, 0)
                states[state] += 1
                told = f"{name} is {state} with {seen} lines: {end}"
                assert state in FINAL, told
                if state in ONCE:
                    assert seen == 1, told
                elif state in NEVER:
                    assert seen == 0, told
                elif state == "cancelled" and end.get("reason", "").endswith("started"):
                    assert seen == 0, told
                else:
                    assert seen <= 1, told
                stored = self.check_output(name, end, kept.get((run["step"], run["node"], run["attempt"]), {}))
                if state in ONCE and task in self.written and end.get("signal") is None and state != "timed_out":
                    assert end["stdout_bytes"] == self.written[task], told
                    assert stored <= self.written[task], told
        assert not lines, f"lines of runs that nobody knows: {lines}"
        return states

    @staticmethod
    def _ended(operator, task):
        detail = operator.task(task)
        return detail if detail["state"] != "running" else None

    @staticmethod
    def check_output(name, end, streams):
        """Bytes stored and bytes between them are the bytes written; nothing came twice. Bytes of stdout stored."""
        stored = {}
        for stream, pieces in streams.items():
            at = 0
            for offset, data in sorted(pieces):
                assert offset >= at, f"{name} has {stream} from {offset} twice"
                at = offset + len(data)
            assert at <= end[f"{stream}_bytes"], f"{name} has {at} bytes of {stream}, and {end}"
            stored[stream] = sum(len(data) for _, data in pieces)
        return stored.get("stdout", 0)

    def check_nothing_left(self, operator, seconds=30):
        tasks = {task["task"] for task in operator.tasks()}
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not self.remains(tasks), seconds)
        left = self.remains(tasks)
        assert not left, f"{len(left)} things are left: {left[:20]}"

    def remains(self, tasks):
        """What nothing needs any more."""
        fleet, left = self.fleet, []
        left += fleet.folder.rglob("*.tmp")
        for node in fleet.names:
            for run in (fleet.folder / node / "data" / "runs").iterdir():
                if run.is_dir():
                    left += [file for file in run.iterdir() if file.name not in ("record", "claim", "record.damaged")
                             and (file.name != "acked" or file.stat().st_size > 0)]
        events = {path.stem for path in (fleet.folder / "brain" / "data" / "events").glob("*.log")}
        left += sorted(events - tasks)
        left += [group for group in cgroups() if any(task in group.name for task in tasks)]
        for process in pathlib.Path("/proc").iterdir():
            if not process.name.isdigit() or int(process.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                if f"OCTOPODA_OUTPUT={fleet.folder}/".encode() in (process / "environ").read_bytes():
                    left.append(process)
        left += [process.argv for process in fleet.processes("runner")]
        for process in fleet.processes("tentacle") + fleet.processes("brain"):
            for link in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    target = os.readlink(link)
                    if any(task in target for task in tasks):
                        left.append(f"{process.argv[0]}: {target}")
        return [str(one) for one in left]
