# SPDX-License-Identifier: MIT
"""octl as people and scripts use it: terminals, pipes, signals, broken outputs, and the flags of cmd run."""
import contextlib
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from tests.support.fleet import BIN, Fleet, wait_for

GOES_ON = "until [ -e {0} ]; do sleep 0.05; done; echo finished"


class Terminal:
    """octl on a terminal of its own."""

    def __init__(self, fleet, *words, **environment):
        self.screen = ""
        surroundings = {**fleet.environment, "TERM": "xterm", **environment}
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execve(BIN / "octl", ["octl", *map(str, words)], surroundings)
        self.code = None

    def read(self, seconds=0.05):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            with contextlib.suppress(OSError):  # EIO: nobody is there any more
                self.screen += os.read(self.master, 65536).decode(errors="replace")
        return self.screen

    def wait_for(self, text, times=1):
        try:
            wait_for(lambda: self.read().count(text) >= times, what=f"{text!r} {times} times on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.screen!r}") from None

    def type(self, text):
        os.write(self.master, text.encode())

    def hang_up(self):
        os.close(self.master)
        self.master = None

    def wait(self, seconds=20):
        def ended():
            if self.master is not None:
                self.read(0)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            return pid
        wait_for(ended, seconds, "the end of octl")
        if self.master is not None:
            self.read(0)
            os.close(self.master)
        return self.code


class Octl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet(["pi0", "pi1", "pi2"]).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.fleet.__exit__(None)

    def setUp(self):
        self.go = self.fleet.base / self.id().rsplit(".", 1)[1]

    def long_task(self):
        """A task that ends once the file `go` is there."""
        done = self.fleet.octl("cmd", "run", "--detach", "--output", "text", f"echo begun; {GOES_ON.format(self.go)}", "pi0")
        return done.stdout.strip()

    def newest(self):
        return self.fleet.json("task", "list", "-l", "1")["tasks"][0]

    def expect_success(self, task):
        self.go.touch()
        self.assertEqual(self.fleet.octl("task", "wait", task, exit=None).returncode, 0)
        self.assertFalse(self.fleet.json("task", "show", task)["cancel_requested"])

    def shell(self, line):
        """As /bin/bash runs it, with octl on the path; the exit code is the first command's."""
        environment = {**self.fleet.environment, "PATH": f"{BIN}:{os.environ['PATH']}"}
        return subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)

    # Listening.

    def test_an_attached_listener_never_ends_the_task(self):
        task = self.long_task()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            listener = self.fleet.begin("task", "attach", task, "--output", "text")
            self.assertEqual(listener.stdout.readline(), "begun\n")
            listener.send_signal(number)
            _, said = listener.communicate(timeout=20)
            self.assertEqual(listener.returncode, 130)
            self.assertIn(f"task {task} goes on", said)
        self.expect_success(task)

    def test_an_attached_listener_whose_reader_has_gone_never_ends_the_task(self):
        marker = self.fleet.base / "reader"
        done = self.fleet.octl("cmd", "run", "--detach", "--output", "text",
                               f"until [ -e {self.go} ]; do echo line; sleep 0.02; done", "pi0")
        task = done.stdout.strip()
        piped = self.shell(f"{{ octl task attach {task} --output text; echo $? >{marker}; }} | head -1")
        self.assertEqual(piped.stdout, "line\n")
        self.assertEqual(marker.read_text(), "1\n")
        self.assertIn("write to stdout", piped.stderr)
        self.expect_success(task)

    def test_a_terminal_that_hangs_up_leaves_its_command_running(self):
        terminal = Terminal(self.fleet, "cmd", "run", f"echo begun; {GOES_ON.format(self.go)}", "pi0")
        terminal.wait_for("begun")
        task = self.newest()["id"]
        terminal.hang_up()
        terminal.wait()
        self.expect_success(task)

    def test_ctrl_c_asks_and_what_is_no_answer_is_asked_for_again(self):
        terminal = Terminal(self.fleet, "cmd", "run", f"echo begun; {GOES_ON.format(self.go)}", "pi0")
        terminal.wait_for("begun")
        task = self.newest()["id"]
        terminal.type("\x03")
        for times, answer in enumerate(("x\n", "continue\n", "yes\n"), 1):
            terminal.wait_for("[c]ancel", times)
            terminal.type(answer)
        terminal.wait_for("octl listens")
        terminal.type("\x03")
        terminal.wait_for("[c]ancel", 4)
        terminal.type("\x04")
        self.assertEqual(terminal.wait(), 0)
        self.assertIn(f"task {task} goes on", terminal.screen)
        self.expect_success(task)

    def test_a_second_ctrl_c_leaves_and_c_cancels(self):
        terminal = Terminal(self.fleet, "cmd", "run", f"echo begun; {GOES_ON.format(self.go)}", "pi0")
        terminal.wait_for("begun")
        task = self.newest()["id"]
        terminal.type("\x03")
        terminal.wait_for("[c]ancel")
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 130)
        listener = Terminal(self.fleet, "task", "attach", task)
        listener.wait_for("begun")
        listener.type("\x03")
        listener.wait_for("[c]ancel")
        listener.type("c\n")
        self.assertEqual(listener.wait(), 130)
        self.assertEqual(self.newest()["state"], "cancelled")

    def test_nohup_is_heard(self):
        self.go.with_suffix(".out").touch()
        environment = {**self.fleet.environment, "PATH": f"{BIN}:{os.environ['PATH']}"}
        running = subprocess.Popen(["nohup", BIN / "octl", "cmd", "run", "--output", "text",
                                    f"echo begun; {GOES_ON.format(self.go)}", "pi0"], env=environment, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertEqual(running.stdout.readline(), "begun\n")
        running.send_signal(signal.SIGHUP)
        self.expect_success(self.newest()["id"])
        out, _ = running.communicate(timeout=20)
        self.assertEqual((running.returncode, out), (0, "finished\n"))

    # Output that cannot be written.

    def test_a_failed_write_is_no_success(self):
        for words in ("help", "-version", "node get", "task list", "cmd run true pi0 pi1 --output table",
                      "cmd run 'echo x' pi0", "cmd run 'echo x' pi0 --output text", "completion bash",
                      "cmd run 'echo x' pi0 --detach"):
            for where in (">/dev/full", ">&-"):
                done = self.shell(f"octl {words} {where}")
                self.assertEqual(done.returncode, 1, f"{words} {where}: {done.stderr}")
                self.assertRegex(done.stderr, "octl: write to stdout: (No space left|Bad file)", words)
                self.assertNotIn("cancel task", done.stderr)

    # Several nodes.

    def test_text_of_several_nodes_comes_as_it_is_written(self):
        running = self.fleet.begin("cmd", "run", "--output", "text",
                                   f"echo first; echo wrong >&2; {GOES_ON.format(self.go)}; exit 3", "pi0", "pi1")
        self.assertEqual({running.stdout.readline() for _ in range(2)}, {"pi0: first\n", "pi1: first\n"})
        self.go.touch()
        out, said = running.communicate(timeout=20)
        self.assertEqual(sorted(out.splitlines()), ["pi0: finished", "pi1: finished"])
        self.assertLessEqual({"pi0: wrong", "pi1: wrong", "octl: pi[0-1]: exit 3"}, set(said.splitlines()))
        self.assertEqual(running.returncode, 3)

    def test_json_lines_come_as_the_runs_end(self):
        running = self.fleet.begin("cmd", "run", "--output", "jsonl",
                                   f"[ $OCTOPODA_NODENAME = pi0 ] || {{ {GOES_ON.format(self.go)}; }}", "ALL")
        self.assertEqual(json.loads(running.stdout.readline())["name"], "pi0")
        self.go.touch()
        out, _ = running.communicate(timeout=20)
        self.assertEqual(sorted(json.loads(line)["name"] for line in out.splitlines()), ["pi1", "pi2"])

    def test_a_terminal_shows_groups_lines_and_how_far_it_is(self):
        short = Terminal(self.fleet, "cmd", "run", "uname", "ALL", OCTL_NOSPINNER="")
        self.assertEqual(short.wait(), 0)
        self.assertIn("pi[0-2]\x1b[0m: Linux", short.screen)
        self.assertIn("3 succeeded", short.screen)
        command = f"echo line; [ $OCTOPODA_NODENAME = pi0 ] || {{ {GOES_ON.format(self.go)}; }}"
        long = Terminal(self.fleet, "cmd", "run", command, "ALL", OCTL_NOSPINNER="")
        long.wait_for("1/3 done, 2 running")
        long.wait_for(": line", 3)
        self.go.touch()
        self.assertEqual(long.wait(), 0)
        self.assertRegex(long.screen, r"pi0\S*: ok[^:]*pi\[1-2\]\S*: ok, equal output")
        still = Terminal(self.fleet, "cmd", "run", "sleep 1", "ALL", OCTL_NOSPINNER="1")
        self.assertEqual(still.wait(), 0)
        self.assertNotIn("/3 done", still.screen)

    def test_a_difference_is_shown_against_the_largest_group(self):
        done = self.fleet.octl("cmd", "run", "--diff", "seq 3; [ $OCTOPODA_NODENAME != pi1 ] || echo odd", "ALL")
        self.assertIn("--- pi[0,2]", done.stdout)
        self.assertIn("  +odd\n", done.stdout)
        self.assertNotIn("-1\n", done.stdout)

    def test_outdir_gets_every_byte(self):
        folder = self.fleet.base / "out"
        done = self.fleet.json("cmd", "run", "printf '\\000\\377'; echo $OCTOPODA_NODENAME >&2; echo n >>$OCTOPODA_OUTPUT",
                               "ALL", "--outdir", folder)
        self.assertEqual(done["counts"], {"succeeded": 3})
        self.assertNotIn("stdout", done["results"][0])
        self.assertEqual(sorted(path.name for path in folder.iterdir()),
                         [f"pi{n}.{stream}" for n in range(3) for stream in ("note", "stderr", "stdout")])
        self.assertEqual((folder / "pi1.stdout").read_bytes(), b"\0\xff")
        self.assertEqual((folder / "pi1.stderr").read_text(), "pi1\n")
        again = self.fleet.base / "again"
        self.fleet.octl("task", "output", done["task"], "pi2", "--outdir", again)
        self.assertEqual(sorted(path.name for path in again.iterdir()), ["pi2.note", "pi2.stderr", "pi2.stdout"])

    # The flags of a run.

    def test_surroundings_of_a_run(self):
        done = self.fleet.octl("cmd", "run", "cat; echo $A $B; pwd; id -un", "pi0", "--output", "text", "--stdin", "-", "--env",
                               "A=1", "--env", "B=x=y", "--cwd", "/", "--user", "nobody", input="typed\n")
        self.assertEqual(done.stdout, "typed\n1 x=y\n/\nnobody\n")
        self.fleet.octl("cmd", "run", "cat", "pi0", "--stdin", "-", input="x" * (512 * 1024 + 1), exit=1)

    def test_retries_are_attempts_and_only_the_last_counts(self):
        command = f'[ "$OCTOPODA_ATTEMPT" = 2 ] && echo second || {{ echo first; exit 1; }}'
        done = self.fleet.json("cmd", "run", command, "pi0", "pi1", "--retries", "3")
        self.assertEqual(done["counts"], {"succeeded": 2})
        self.assertEqual([(row["attempt"], row["stdout"]) for row in done["results"]], [(2, "second\n")] * 2)
        show = self.fleet.json("task", "show", done["task"])
        self.assertEqual(show["counts"], {"succeeded": 2})

    def test_xrun_answers_loaded_and_is_a_task_like_any_other(self):
        done = self.fleet.json("cmd", "xrun", "-d", "1", "echo later", "ALL", timeout=20)
        self.assertEqual({row["state"] for row in done["results"]}, {"armed"})
        self.assertEqual(len(done["results"]), 3)
        self.fleet.octl("task", "wait", done["task"])
        self.assertEqual(self.fleet.octl("task", "output", done["task"], "pi1", "--output", "text").stdout, "later\n")
        far = self.fleet.json("cmd", "xrun", "-d", "1h", f"touch {self.go}", "pi0", timeout=20)
        self.fleet.octl("task", "cancel", far["task"])
        self.fleet.octl("task", "wait", far["task"], exit=130)
        self.assertFalse(self.go.exists())

    def test_a_tied_task_ends_with_octl(self):
        running = self.fleet.begin("cmd", "run", "--tie", "--output", "text", "echo begun; sleep 1000", "pi0")
        self.assertEqual(running.stdout.readline(), "begun\n")
        task = self.newest()["id"]
        running.kill()
        running.communicate()
        self.fleet.octl("task", "wait", task, exit=130)

    def test_watch_runs_until_ctrl_c(self):
        witness = self.fleet.base / "rounds"
        running = self.fleet.begin("cmd", "run", "--watch", "100ms", "--output", "text", f"echo x >>{witness}", "pi0")
        wait_for(lambda: witness.exists() and len(witness.read_text().splitlines()) >= 3, what="three rounds")
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=20)
        self.assertEqual(running.returncode, 130)
        self.assertGreaterEqual(len(re.findall(r"^== 20\d\d-", out, re.M)), 3)

    # Tasks and sets.

    def test_wait_gives_up_in_time(self):
        task = self.long_task()
        begun = time.monotonic()
        self.fleet.octl("task", "wait", task, "--timeout", "300ms", exit=124)
        self.assertLess(time.monotonic() - begun, 5)
        self.expect_success(task)

    def test_pages_and_filters_of_the_task_list(self):
        for _ in range(3):
            self.fleet.octl("cmd", "run", "true", "pi2")
        page = self.fleet.json("task", "list", "--node", "pi2", "-l", "2")
        self.assertEqual(len(page["tasks"]), 2)
        more = self.fleet.json("task", "list", "--node", "pi2", "-l", "1", "--page", page["next"])["tasks"]
        self.assertLess(more[0]["id"], page["tasks"][1]["id"])
        self.assertEqual(self.fleet.json("task", "list", "--caller", "nobody-else")["tasks"], [])
        self.fleet.octl("task", "list", "--page", "nonsense", exit=2)

    def test_sets_are_expanded(self):
        self.assertEqual(self.fleet.octl("node", "expand", "pi2", "pi0", "--output", "text").stdout, "pi0\npi2\n")
        self.assertEqual(self.fleet.json("node", "expand", "ALL")["total"], 3)
        self.assertEqual(self.fleet.octl("node", "expand", "pi[0-2]!pi1", "--output", "text").stdout, "pi0\npi2\n")
        for words in (("expand", "pi9"), ("get", "all"), ("prune", "all"), ("prune", "pi0", "pi9")):
            self.fleet.octl("node", *words, exit=1)
        done = self.fleet.json("cmd", "run", "true", "ALL!pi2", "pi*&pi0")
        self.assertEqual([row["name"] for row in done["results"]], ["pi0", "pi1"])

    # Shells.

    def test_bash_completes_words_nodes_and_tasks(self):
        def complete(*words):
            line = " ".join(f"'{word}'" for word in ("octl", *words))
            done = self.shell(f"source <(octl completion bash); COMP_WORDS=({line}); COMP_CWORD={len(words)}; _octl; "
                              "printf '%s\\n' \"${COMPREPLY[@]}\"")
            self.assertEqual(done.stderr, "")
            return done.stdout.split()
        self.assertEqual(complete("task", "at"), ["attach"])
        self.assertEqual(complete("cmd", "run", "true", "pi"), ["pi0", "pi1", "pi2"])
        self.assertIn(self.fleet.json("task", "list")["tasks"][0]["id"], complete("task", "show", ""))
        self.assertEqual(complete("cmd", "run", "--on-o"), ["--on-offline"])
        self.assertEqual(complete("node", "get", "pi[0-1],pi"), ["pi[0-1],pi0", "pi[0-1],pi1", "pi[0-1],pi2"])
        lost = self.shell("OCTL_CONFIG=/nowhere octl __complete node get p")
        self.assertEqual((lost.returncode, lost.stdout, lost.stderr), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
