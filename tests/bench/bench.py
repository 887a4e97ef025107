# SPDX-License-Identifier: MIT
"""Measurements beside their baselines, in the same run, interleaved; medians and ratios.

usage: ./dev bench [name…]     run = one hundred idle; fleet = fan storm; or any of
  one      one command on one node as a whole process, beside ssh (performance.md 1)
  hundred  100 real agents run `true`, beside ssh over one warm master; size of the agent (3, 14)
  idle     Brain memory per idle node at 1,000 simulated nodes (4)
  fan      one command on 1,000 and on 10,000 simulated nodes, all results back, and a barrier for all; idle CPU and
           memory at 10,000 (2, 4, 6)
  storm    the Brain killed with results of 10,000 nodes in flight: until every node is usable, none lost or doubled (5)
  results  durable results per second in the ledger, beside one transaction each (13)
  together clock error and start skew of two nodes, beside sleep until T (7, 8)
"""
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
from tests.bench import together  # noqa: E402
from tests.support.fleet import BIN, Fleet, wait_for  # noqa: E402


def measure(command, environment=None):
    begin = time.perf_counter()
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE)
    took = time.perf_counter() - begin
    return took if done.returncode == 0 else None


def report(what, samples, baseline=None):
    good = sorted(sample for sample in samples if sample is not None)
    lost = len(samples) - len(good)
    median = statistics.median(good)
    line = f"{what:<58} N={len(samples):<4} median {median * 1e3:8.2f} ms  p99 {good[int(len(good) * 0.99)] * 1e3:8.2f} ms"
    if lost:
        line += f"  FAILED {lost}"
    if baseline is not None:
        line += f"  ratio {median / baseline:5.2f}"
    print(line, flush=True)
    return median


class Sshd:
    """A local sshd of our own, on a free port, with its own keys."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="octopoda-bench."))
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True)
        shutil.copy(self.folder / "user.pub", self.folder / "authorized_keys")
        os.makedirs("/run/sshd", exist_ok=True)
        import socket
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        # Where sshd is bash's parent, root's .bashrc is read even for one command; whatever this machine has there is
        # no part of ssh.
        (self.folder / "home").mkdir()
        (self.folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\nPidFile {self.folder}/pid\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
            f"MaxStartups 200\nMaxSessions 200\nSetEnv HOME={self.folder}/home\n")
        self.sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", self.folder / "sshd_config"], stderr=subprocess.DEVNULL)
        self.base = ["ssh", "-F", "none", "-p", str(self.port), "-i", str(self.folder / "user"), "-o", "StrictHostKeyChecking=no",
                     "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"]
        self.master = [*self.base, "-o", f"ControlPath={self.folder}/master"]
        wait_for(lambda: measure([*self.base, "127.0.0.1", "true"]), 20, "sshd")
        subprocess.run([*self.master, "-o", "ControlMaster=yes", "-o", "ControlPersist=600", "-fN", "127.0.0.1"], check=True)
        return self

    def __exit__(self, *rest):
        subprocess.run([*self.master, "-O", "exit", "127.0.0.1"], stderr=subprocess.DEVNULL)
        self.sshd.terminate()
        self.sshd.wait()
        shutil.rmtree(self.folder)


def bench_one_node(rounds=100):
    print("\none command on one node, whole process (performance.md 1)")
    with Sshd() as ssh, Fleet(["pi0"]) as fleet:
        octl = [BIN / "octl", "cmd", "run", "true", "pi0"]
        for _ in range(5):
            measure(octl, fleet.environment)
        samples = {"warm": [], "cold": [], "octl": []}
        for index in range(rounds):
            samples["warm"].append(measure([*ssh.master, "127.0.0.1", "true"]))
            samples["octl"].append(measure(octl, fleet.environment))
            if index % 5 == 0:
                samples["cold"].append(measure([*ssh.base, "127.0.0.1", "true"]))
        warm = report("ssh true, warm ControlMaster (baseline)", samples["warm"])
        report("ssh true, cold", samples["cold"], warm)
        report("octl cmd run true", samples["octl"], warm)


def memory_of(pid):
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return {name: int(fields[name].split()[0]) * 1024 for name in ("Rss", "Anonymous", "Pss")}


def bench_hundred_agents(rounds=100):
    print("\n100 real agents run true (performance.md 3)")
    with Fleet([f"n{i:03}" for i in range(100)]) as fleet:
        agents = fleet.processes("tentacle")
        octl = [BIN / "octl", "cmd", "run", "true", "@all"]
        for _ in range(5):
            measure(octl, fleet.environment)
        with Sshd() as ssh:
            fan = " & ".join(" ".join(map(str, [*ssh.master, "127.0.0.1", "true"])) for _ in range(100)) + " & wait"
            baseline, samples = [], []
            for index in range(rounds):
                samples.append(measure(octl, fleet.environment))
                if index % 10 == 0:
                    baseline.append(measure(["bash", "-c", fan]))
            warm = report("100 × ssh true over one warm master, at once (baseline)", baseline)
            report("octl cmd run true @all, 100 agents", samples, warm)
        idle = [memory_of(agent.pid) for agent in agents]
        print(f"agent, idle: anonymous memory median {statistics.median(m['Anonymous'] for m in idle) / 1e6:.1f} MB, "
              f"proportional {statistics.median(m['Pss'] for m in idle) / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["strip", "-o", f"{folder}/tentacle", BIN / "tentacle"], check=True)
        print(f"agent, stripped binary: {os.path.getsize(f'{folder}/tentacle') / 1e6:.1f} MB (original 12.9 MB)")


def kernel_tcp_bytes():
    """Memory that the kernel holds for sockets and their dentries: slab and TCP buffers, whole machine."""
    slab = int(re.search(r"Slab:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1)) * 1024
    pages = int(re.search(r"TCP: .* mem (\d+)", pathlib.Path("/proc/net/sockstat").read_text()).group(1))
    return slab + pages * os.sysconf("SC_PAGE_SIZE")


class Swarm:
    """Simulated nodes sw0 … in as many processes as their number needs, beside a fleet with one real Brain."""

    PER_PROCESS = 5000

    def __init__(self, fleet, count):
        self.fleet, self.count, self.processes = fleet, count, []

    def __enter__(self):
        settings = (self.fleet.folder / "brain" / "brain.yaml").read_text()
        port = re.search(r"tentacleFace:(?:\n\s+.*?)*?\n\s+port:\s*(\d+)", settings).group(1)
        ca = next(path.parent for path in self.fleet.folder.rglob("ca.key"))
        # In memory: thousands of keys are written durably, and no disk is measured here.
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="octopoda-swarm.", dir="/dev/shm"))
        for first in range(0, self.count, self.PER_PROCESS):
            share = min(self.PER_PROCESS, self.count - first)
            self.processes.append(subprocess.Popen(
                [BIN.parent / "test" / "octo_swarm", "127.0.0.1", port, ca, self.work, "sw", str(first), str(share)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return self

    def __exit__(self, *rest):
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.work)

    def wait(self, word):
        """Until every process has printed the line; the last one's time on the boot clock."""
        latest = 0.0
        for process in self.processes:
            while True:
                line = process.stdout.readline()
                if not line or line.startswith("lost "):
                    raise AssertionError(f"the swarm says: {line!r}")
                if line.split()[0] == word:
                    latest = max(latest, float(line.split()[-1]))
                    break
        return latest

    def facts(self):
        total = {}
        for process in self.processes:
            process.stdin.write("\n")
            process.stdin.flush()
            while not (line := process.stdout.readline()).startswith("facts "):
                assert line, "the swarm has ended"
            for name, value in json.loads(line.split(" ", 1)[1]).items():
                total[name] = total.get(name, 0) + value
        return total


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_memory(fleet, brain, count, before, kernel_before):
    after, kernel_after = memory_of(brain.pid), kernel_tcp_bytes()
    user = (after["Anonymous"] - before["Anonymous"]) / count
    # Both ends of every connection are on this machine; half of the kernel's part is the Brain's.
    kernel = (kernel_after - kernel_before) / 2 / count
    print(f"memory per idle node at {count}: user part {user / 1024:.1f} KiB, kernel part about {kernel / 1024:.1f} KiB, "
          f"together {(user + kernel) / 1024:.1f} KiB (gRPC 128, OpenSSL default 60)", flush=True)


def bench_idle_nodes(count=1000):
    print(f"\nBrain memory per idle node at {count} simulated nodes (performance.md 4)")
    with Fleet(["pi0"]) as fleet:
        brain = fleet.one("brain")
        before, kernel_before = memory_of(brain.pid), kernel_tcp_bytes()
        with Swarm(fleet, count) as swarm:
            swarm.wait("online")
            time.sleep(12)  # past the first pings, into the idle state that is measured
            idle_memory(fleet, brain, count, before, kernel_before)


def counted(fleet, *words):
    """One octl as a whole process, its answer judged: (seconds, counts per state)."""
    begin = time.perf_counter()
    done = subprocess.run([BIN / "octl", *words, "--output", "json"], env=fleet.environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    took = time.perf_counter() - begin
    return took, json.loads(done.stdout)["counts"] if done.stdout else {}


def cancelled(fleet, count):
    """Seconds from the cancel of a task that runs on all of them to its end; None unless all say that it was cancelled."""
    task = json.loads(fleet.octl("cmd", "run", "stall", "sw*", "--detach", "--output", "json").stdout)["task"]

    def counts():
        return json.loads(fleet.octl("task", "show", task, "--output", "json").stdout)["counts"]

    wait_for(lambda: counts() == {"running": count}, 60, "all of them running")
    begin = time.perf_counter()
    fleet.octl("task", "cancel", task)
    fleet.octl("task", "wait", task, exit=None, timeout=120)
    took = time.perf_counter() - begin
    return took if counts() == {"cancelled": count} else None


def bench_fan_out(rounds=20):
    print("\none command on many simulated nodes over TLS, all results back (performance.md 2, 4, 6)")
    for count in (1000, 10000):
        with Fleet(["pi0"]) as fleet:
            brain = fleet.one("brain")
            before, kernel_before = memory_of(brain.pid), kernel_tcp_bytes()
            begin = time.monotonic()
            with Swarm(fleet, count) as swarm:
                loaded = swarm.wait("loaded")
                joined = swarm.wait("online")
                print(f"{count} nodes joined {joined - loaded:.1f} s after the last of them was ready "
                      f"({time.monotonic() - begin:.0f} s with their certificates)", flush=True)
                time.sleep(15)
                idle_memory(fleet, brain, count, before, kernel_before)
                used, begin = cpu_seconds(brain.pid), time.monotonic()
                time.sleep(20)
                busy = (cpu_seconds(brain.pid) - used) / (time.monotonic() - begin)
                print(f"Brain CPU per 1,000 idle nodes at {count}: {busy * 100 * 1000 / count:.2f} % of a core "
                      "(original 33 %)", flush=True)
                samples, one = [], []
                for _ in range(rounds):
                    took, counts = counted(fleet, "cmd", "run", "true", "sw*")
                    samples.append(took if counts == {"succeeded": count} else None)
                    one.append(counted(fleet, "cmd", "run", "true", "sw0")[0])
                single = report("octl cmd run true on one of them (baseline)", one)
                report(f"octl cmd run true on {count} nodes, all results back", samples, single)
                used = cpu_seconds(brain.pid)
                counted(fleet, "cmd", "run", "true", "sw*")
                print(f"Brain CPU of one such task: {(cpu_seconds(brain.pid) - used) * 1e6 / count:.0f} µs per node", flush=True)
                samples = []
                for _ in range(5):
                    took, counts = counted(fleet, "cmd", "run", "meet here", "sw*")
                    samples.append(took if counts == {"succeeded": count} else None)
                report(f"octl cmd run of a barrier for {count} nodes, until all have passed", samples, single)
                for words in (["node", "get"], ["node", "get", "sw*!sw0"], ["task", "list"],
                              ["node", "prune", "ALL"]):
                    report(f"octl {' '.join(words)} at {count}",
                           [measure([BIN / "octl", *words], fleet.environment) for _ in range(5)], single)
                report(f"octl task cancel of one on {count} nodes, until it is over",
                       [cancelled(fleet, count) for _ in range(3)], single)


def bench_storm(count=10000):
    print("\nBrain killed with every node's result in flight, until all are usable again (performance.md 5; original 9 s at 100)")
    with Fleet(["pi0"]) as fleet, Swarm(fleet, count) as swarm:
        swarm.wait("online")
        before = swarm.facts()
        task = json.loads(fleet.octl("cmd", "run", "sleep 3", "sw*", "--detach", "--output", "json").stdout)["task"]
        wait_for(lambda: swarm.facts()["starts"] - before["starts"] == count, 60, "all starts")
        brain = fleet.one("brain")
        killed = time.clock_gettime(time.CLOCK_BOOTTIME)
        brain.kill()
        fleet.start_again(brain)
        back = swarm.wait("online")
        done = fleet.octl("task", "wait", task, exit=None, timeout=120)
        facts = swarm.facts()
        detail = json.loads(fleet.octl("task", "show", task, "--output", "json").stdout)
        print(f"{count} nodes usable {back - killed:.2f} s after the kill; task ended with exit {done.returncode}: {detail['counts']}; "
              f"starts {facts['starts'] - before['starts']}, ends not acknowledged {facts['held']}, "
              f"dials {facts['handshakes'] - before['handshakes']}", flush=True)


def bench_results():
    print("\ndurable results per second in the ledger (performance.md 13)")
    subprocess.run([BIN.parent / "test" / "octo_ledger_bench"], check=True)


def bench_together(rounds=300):
    print("\nClock error (performance.md 7) and start skew of two nodes on two cores (8)")
    together.bench(rounds)
    together.clock_cost()


def main():
    which = sys.argv[1] if len(sys.argv) > 1 else "run"
    benches = {"one": bench_one_node, "hundred": bench_hundred_agents, "idle": bench_idle_nodes, "fan": bench_fan_out,
               "storm": bench_storm, "results": bench_results, "together": bench_together}
    groups = {"run": ["one", "hundred", "idle"], "fleet": ["fan", "storm"]}
    names = [name for word in sys.argv[1:] or ["run"] for name in groups.get(word, [word])]
    unknown = [name for name in names if name not in benches]
    if unknown:
        sys.exit(f"no bench '{unknown[0]}'; there are: {', '.join([*groups, *benches])}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}")
    for name in names:
        benches[name]()


if __name__ == "__main__":
    main()
