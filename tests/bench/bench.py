# SPDX-License-Identifier: MIT
"""Measurements beside their baselines, in the same run, interleaved; medians and ratios.

usage: ./dev bench run     one command on one node, 100 agents, Brain memory per idle node, size of the agent
"""
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
        (self.folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\nPidFile {self.folder}/pid\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
            "MaxStartups 200\nMaxSessions 200\n")
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


def bench_idle_nodes(count=1000):
    print(f"\nBrain memory per idle node at {count} simulated nodes (performance.md 4)")
    with Fleet(["pi0"]) as fleet:
        brain = fleet.one("brain")
        text = (fleet.folder / "brain" / "brain.yaml").read_text()
        port = re.search(r"tentacleFace:(?:\n\s+.*?)*?\n\s+port:\s*(\d+)", text).group(1)
        ca = next(path.parent for path in fleet.folder.rglob("ca.key"))
        before, kernel_before = memory_of(brain.pid), kernel_tcp_bytes()
        work = fleet.base / "swarm"
        work.mkdir()
        swarm = subprocess.Popen([BIN.parent / "test" / "octo_swarm", "127.0.0.1", port, ca, work, "sw", str(count)],
                                 stdout=subprocess.PIPE, text=True)
        try:
            line = swarm.stdout.readline()
            assert line.strip() == f"ready {count}", line
            time.sleep(12)  # past the first pings, into the idle state that is measured
            after, kernel_after = memory_of(brain.pid), kernel_tcp_bytes()
        finally:
            swarm.terminate()
            swarm.wait(timeout=30)
        user = (after["Anonymous"] - before["Anonymous"]) / count
        # Both ends of every connection are on this machine; half of the kernel's part is the Brain's.
        kernel = (kernel_after - kernel_before) / 2 / count
        print(f"user part {user / 1024:.1f} KiB, kernel part about {kernel / 1024:.1f} KiB, "
              f"together {(user + kernel) / 1024:.1f} KiB per node (gRPC 128, OpenSSL default 60)")


def main():
    which = sys.argv[1] if len(sys.argv) > 1 else "run"
    benches = {"run": [bench_one_node, bench_hundred_agents, bench_idle_nodes], "one": [bench_one_node],
               "hundred": [bench_hundred_agents], "idle": [bench_idle_nodes]}
    if which not in benches:
        sys.exit(f"no bench '{which}'; there are: {', '.join(benches)}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}")
    for bench in benches[which]:
        bench()


if __name__ == "__main__":
    main()
