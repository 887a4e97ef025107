# SPDX-License-Identifier: MIT
"""How exactly nodes start together, by the started program's own stamp, against "sleep until T, then bash -c"."""
import json
import os
import platform
import statistics
import subprocess
import threading
import time

from tests.support.fleet import Fleet

# Its first instruction is the start that is measured; a C library would first ask the processor what it is, which alone
# takes longer than two starts lie apart.
STAMP = r"""
#include <time.h>
static long call(long number, long first, const void* second, long third) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
  return result;
}
void _start(void) {
  struct timespec now;
  call(228, CLOCK_BOOTTIME, &now, 0);
  char text[24];
  char* at = text + sizeof text;
  *--at = '\n';
  for (long long left = now.tv_sec * 1000000000LL + now.tv_nsec; left > 0; left /= 10) *--at = '0' + left % 10;
  call(1, 1, at, text + sizeof text - at);
  call(231, 0, 0, 0);
}
"""


def quantiles(values):
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], ordered[-1]


def line(what, values, baseline=None):
    median, p99, most = quantiles(values)
    text = f"{what:<58} N={len(values):<4} median {median / 1e3:9.2f} µs  p99 {p99 / 1e3:9.2f} µs  max {most / 1e3:9.2f} µs"
    if baseline:
        text += f"  ratio {median / baseline:6.4f}"
    print(text, flush=True)
    return median


def compile_stamp(folder):
    if platform.machine() != "x86_64":
        raise SystemExit("bench together: the stamping program is written for x86_64")
    program = folder / "stamp"
    for compiler in ("cc", "clang-19"):
        try:
            subprocess.run([compiler, "-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-mgeneral-regs-only",
                            "-x", "c", "-o", program, "-"], input=STAMP, text=True, check=True)
            return program
        except FileNotFoundError:
            continue
    raise SystemExit("bench together: no C compiler")


def sleep_until(program, at, cores):
    """What people do by hand: a shell per node that sleeps until T on its clock, then bash -c."""
    stamps = []

    def one(core):
        code = ("import time,subprocess,sys\n"
                "time.sleep(max(0, float(sys.argv[1]) - time.clock_gettime(time.CLOCK_BOOTTIME)))\n"
                "sys.stdout.write(subprocess.run(['bash', '-c', sys.argv[2]], capture_output=True, text=True).stdout)")
        done = subprocess.run(["taskset", "-c", str(core), "python3", "-c", code, str(at), str(program)],
                              capture_output=True, text=True, check=True)
        stamps.append(int(done.stdout))
    threads = [threading.Thread(target=one, args=(core,)) for core in cores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return stamps


def bench(rounds):
    cores = sorted(os.sched_getaffinity(0))[:2]
    with Fleet(("pi0", "pi1")) as fleet:
        program = compile_stamp(fleet.base)
        for node, core in zip(("pi0", "pi1"), cores):
            agent = fleet.kill("tentacle", node)
            agent.argv = ["taskset", "-c", str(core)] + agent.argv
            fleet.start_again(agent)
        fleet.wait_online()
        stamped, reported, late, bounds, baseline, inside = [], [], [], [], [], 0
        for _ in range(rounds):
            result = json.loads(fleet.octl("cmd", "run", "-ta", program, "pi0", "pi1", "--output", "json").stdout)
            rows = result["results"]
            own = [int(row["stdout"]) for row in rows]
            stamped.append(abs(own[0] - own[1]))
            reported.append(result["together"][0]["skew_ns"])
            for row in rows:
                late.append(row["start"]["late_ns"])
                bounds.append(row["start"]["bound_ns"])
                # One kernel, one clock: the program's own stamp comes right behind its start.
                inside += row["start"]["at_ns"] - row["start"]["bound_ns"] <= int(row["stdout"])
            at = time.clock_gettime(time.CLOCK_BOOTTIME) + 0.4
            own = sleep_until(program, at, cores)
            baseline.append(abs(own[0] - own[1]))
        by_hand = line("sleep until T, then bash -c: skew of the programs' stamps", baseline)
        line("cmd run -ta: skew of the programs' stamps", stamped, by_hand)
        line("cmd run -ta: skew as it is reported", reported)
        line("cmd run -ta: start behind the instant, by the node's clock", late)
        line("cmd run -ta: bound of a start", bounds)
        print(f"{'bound not contradicted by the program own stamp':<58} {inside} of {2 * rounds}", flush=True)


def clock_cost():
    """Bytes and CPU of one idle node's clock: its heartbeats."""
    with Fleet(("pi0",)) as fleet:
        fleet.wait_online()
        brain, agent = fleet.one("brain"), fleet.one("tentacle", "pi0")

        def cpu(process):
            fields = open(f"/proc/{process.pid}/schedstat").read().split()
            return int(fields[0])
        time.sleep(5)
        before = cpu(brain), cpu(agent)
        seconds = 60
        time.sleep(seconds)
        used = cpu(brain) - before[0], cpu(agent) - before[1]
        print(f"idle: Brain {used[0] / seconds / 1e7:.4f} % and tentacle {used[1] / seconds / 1e7:.4f} % of a core, "
              "with everything else they do; a heartbeat of 10 s carries the samples", flush=True)

