# SPDX-License-Identifier: MIT
"""A real fleet for end-to-end tests: own folder, own certificates, free ports, and nothing left behind."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("OCTO_BIN", ROOT / "build" / "bin"))


def wait_for(fact, seconds=20.0, what="the awaited fact"):
    """The first true value of fact(), asked again until the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.02)


class Process:
    """A process of the fleet as /proc shows it; held by its start time, so that a reused pid is not mistaken for it."""

    def __init__(self, pid):
        self.pid = pid
        self.argv = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
        self.folder = os.readlink(f"/proc/{pid}/cwd")
        self.start = self._start()

    def _start(self):
        try:
            fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
            # Its first thread may be gone before others of it, which hold its files and locks.
            gone = fields[0] in "ZX" and len(os.listdir(f"/proc/{self.pid}/task")) <= 1
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if gone else fields[19]

    @property
    def parent(self):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return int(pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[1])

    @property
    def alive(self):
        return self._start() == self.start and self.start is not None

    def kill(self, number=signal.SIGKILL):
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
        wait_for(lambda: not self.alive, what=f"the end of {self.argv[0]}")


class Fleet:
    """`programs`: the folder that they are started from; else the build's."""

    def __init__(self, names=("pi0",), folder=None, programs=None):
        self.programs = pathlib.Path(programs or BIN)
        self.base = pathlib.Path(folder or tempfile.mkdtemp(prefix="octopoda-e2e."))
        self.folder = self.base / "fleet"
        self.names = list(names)
        self.started = []
        self.log = open(self.base / "up.log", "w+")

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, *rest):
        if kind is not None and os.environ.get("OCTO_E2E_LOGS"):
            self.show_logs()
        self.close()

    def up(self):
        done = subprocess.run([*self.enter(), self.programs / "octopoda", "up", "--dir", self.folder, "--names", ",".join(self.names), "--detach"],
                              stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, timeout=120)
        if done.returncode != 0:
            self.log.seek(0)
            raise AssertionError(f"octopoda up failed with {done.returncode}:\n{self.log.read()}")

    def close(self):
        subprocess.run([self.programs / "octopoda", "down", "--dir", self.folder], stdout=self.log, stderr=self.log,
                       stdin=subprocess.DEVNULL, timeout=60)
        for process in self.started:
            process.kill()
            process.wait()
        left = [process.argv for process in self.processes()]
        for process in self.processes():
            process.kill()
        self.log.close()
        shutil.rmtree(self.base, ignore_errors=True)
        if left:
            raise AssertionError(f"left behind: {left}")

    def show_logs(self):
        for path in sorted(self.folder.rglob("*.log")):
            if "events" not in path.parts:
                print(f"--- {path}\n{path.read_text(errors='replace')[-4000:]}")

    def enter(self, node=None):
        """What to put before a command so that it runs where the node is; None: where the Brain is."""
        return []

    # What people do.

    @property
    def environment(self):
        return {**os.environ, "OCTL_CONFIG": str(self.folder / "octl.yaml"), "OCTL_NOSPINNER": "1"}

    def octl(self, *words, exit=0, timeout=60, input=None, text=True, at=None, **options):
        done = subprocess.run([*self.enter(at), self.programs / "octl", *map(str, words)], env=self.environment, capture_output=True, text=text,
                              timeout=timeout, input=input, **({"stdin": subprocess.DEVNULL} if input is None else {}), **options)
        if exit is not None and done.returncode != exit:
            raise AssertionError(f"octl {' '.join(map(str, words))}: exit {done.returncode}, not {exit}\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done

    def json(self, *words, **options):
        return json.loads(self.octl(*words, "--output", "json", **options).stdout)

    def begin(self, *words, at=None, **options):
        """octl in the background."""
        return subprocess.Popen([*self.enter(at), self.programs / "octl", *map(str, words)], env=self.environment,
                                **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True, **options})

    def states(self):
        return {node["name"]: node["state"] for node in self.json("node", "get")["nodes"]}

    def wait_online(self, *names, seconds=30):
        """Also waits for a Brain that has just been started again."""
        wanted = names or self.names

        def are_online():
            found = self.octl("node", "get", "--output", "json", exit=None)
            if found.returncode != 0:
                return False
            states = {node["name"]: node["state"] for node in json.loads(found.stdout)["nodes"]}
            return all(states.get(name) == "online" for name in wanted)

        wait_for(are_online, seconds, f"{wanted} online")

    def workspace(self, node):
        return self.folder / node / "workspace"

    # What happens to processes.

    def processes(self, program=None, node=None):
        """Live processes of this fleet, by program name and node."""
        found = []
        for path in pathlib.Path("/proc").iterdir():
            if not path.name.isdigit():
                continue
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                process = Process(int(path.name))
                if not process.alive or not process.argv or str(self.folder) not in " ".join(process.argv[1:]):
                    continue
                if program is not None and pathlib.Path(process.argv[0]).name != program:
                    continue
                if node is not None and f"/{node}/" not in " ".join(process.argv[1:]) + "/":
                    continue
                found.append(process)
        return found

    def one(self, program, node=None):
        found = self.processes(program, node)
        assert len(found) == 1, f"{len(found)} processes of {program} {node or ''}"
        return found[0]

    def kill(self, program, node=None):
        """SIGKILL; the process, so that it can be started again."""
        process = self.one(program, node)
        process.kill()
        return process

    def start_again(self, process, before=()):
        """`before`: words of a program that becomes it, such as strace -D."""
        name = pathlib.Path(process.folder).name
        place = self.enter(name if name in self.names else None)
        started = subprocess.Popen([*place, *before, *process.argv], cwd=process.folder, stdout=self.log, stderr=self.log,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        self.started.append(started)
        return started


def read_lines(path):
    try:
        return pathlib.Path(path).read_text().splitlines()
    except FileNotFoundError:
        return []
