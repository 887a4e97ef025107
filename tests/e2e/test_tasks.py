# SPDX-License-Identifier: MIT
"""How a task goes over its nodes: sets, batches, retries, delays, users, bounds, and whoever goes away meanwhile."""
import os
import signal
import time
import unittest

from tests.support.fleet import Fleet, read_lines, wait_for


class Tasks(unittest.TestCase):
    NODES = ("pi0", "pi1", "pi2", "lab1")

    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet(cls.NODES).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.fleet.__exit__(None)

    def setUp(self):
        self.folder = self.fleet.base / self._testMethodName
        self.folder.mkdir()

    def run_json(self, *words, **options):
        result = self.fleet.json("cmd", "run", *words, **options)
        return result, {row["name"]: row for row in result["results"]}

    def test_sets_of_nodes(self):
        for words, names in ((["pi[0-2]!pi1"], ["pi0", "pi2"]), (["pi*", "lab1"], ["lab1", "pi0", "pi1", "pi2"]),
                             (["@all&lab*"], ["lab1"]), (["@!pi[0-1]"], ["lab1", "pi2"])):
            result, rows = self.run_json("true", *words)
            self.assertEqual(sorted(rows), names, words)
        for words in (["pi9"], ["pi[0-9]"], ["x*"], ["pi0!pi0"], ["pi[0-"], ["@nobody"]):
            done = self.fleet.octl("cmd", "run", f"touch {self.folder}/never", *words, exit=None)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertTrue(done.stderr.strip(), words)
        self.assertFalse((self.folder / "never").exists())

    def test_a_batch_keeps_so_many_running_and_no_more(self):
        log = self.folder / "log"
        self.run_json(f"echo + >>{log}; sleep 0.2; echo - >>{log}", "@all", "--batch", "2")
        running = most = 0
        for line in read_lines(log):
            running += 1 if line == "+" else -1
            most = max(most, running)
        self.assertEqual((len(read_lines(log)), most), (8, 2))

    def test_with_too_many_failures_nothing_further_begins(self):
        log = self.folder / "log"
        result, rows = self.run_json(f"echo x >>{log}; exit 3", "@all", "--batch", "1", "--max-fail", "25%", exit=3)
        self.assertEqual(len(read_lines(log)), 2, "one may fail, the second ends it")
        self.assertEqual(sorted(row["state"] for row in rows.values()), ["cancelled", "cancelled", "failed", "failed"])

    def test_retries_are_runs_of_their_own_and_the_last_counts(self):
        log = self.folder / "log"
        result, rows = self.run_json(f"echo $OCTOPODA_ATTEMPT >>{log}; [ $OCTOPODA_ATTEMPT = 3 ]", "pi0", "--retries", "5")
        self.assertEqual(read_lines(log), ["1", "2", "3"])
        self.assertEqual((result["state"], rows["pi0"]["attempt"]), ("succeeded", 3))
        result, rows = self.run_json("false", "pi0", "--retries", "2", exit=1)
        self.assertEqual((result["state"], rows["pi0"]["attempt"]), ("failed", 3))

    def test_xrun_loads_at_once_and_starts_in_its_time(self):
        witness = self.folder / "witness"
        begun = time.time()
        task = self.fleet.json("cmd", "xrun", f"date +%s.%N >>{witness}; echo out", "pi0", "pi1", "-d", "1500ms")["task"]
        self.assertEqual(read_lines(witness), [], "octl has answered, nothing is started")
        said = self.fleet.json("task", "attach", task)
        self.assertEqual([row["stdout"] for row in said["results"]], ["out\n", "out\n"])
        for line in read_lines(witness):
            self.assertGreaterEqual(float(line), begun + 1.4)
            self.assertLess(float(line), begun + 4)

    def test_xrun_can_be_cancelled_and_then_never_starts(self):
        witness = self.folder / "witness"
        task = self.fleet.json("cmd", "xrun", f"touch {witness}", "pi0", "-d", "1h")["task"]
        self.assertEqual(self.fleet.json("task", "show", task)["results"][0]["state"], "armed")
        self.fleet.octl("task", "cancel", task)
        self.fleet.octl("task", "wait", task, exit=None)
        self.assertEqual(self.fleet.json("task", "show", task)["results"][0]["state"], "cancelled")
        self.assertFalse(witness.exists())

    def test_whom_where_and_with_what_it_runs(self):
        result, rows = self.run_json("id -un; pwd; echo $HOME", "pi0", "--user", "nobody", "--cwd", "/tmp")
        self.assertEqual(rows["pi0"]["stdout"].splitlines()[:2], ["nobody", "/tmp"])
        self.assertIn("no user", self.run_json("true", "pi0", "--user", "no-such-one", exit=4)[1]["pi0"]["reason"])
        self.assertEqual(self.run_json("printenv A B", "pi0", "--env", "A=1", "--env", "B=x=y z")[1]["pi0"]["stdout"], "1\nx=y z\n")
        (self.folder / "in").write_bytes(b"given\0bytes\n" * 1000)
        result, rows = self.run_json("sha256sum", "pi0", "pi1", "--stdin", self.folder / "in")
        self.assertEqual(rows["pi0"]["stdout"], rows["pi1"]["stdout"])
        self.assertRegex(rows["pi0"]["stdout"], "^[0-9a-f]{64}  -")

    def test_a_bound_that_the_host_cannot_keep_is_refused(self):
        result, rows = self.run_json("echo ran", "pi0", "--memory", "100M", exit=None)
        if rows["pi0"]["state"] == "rejected":
            self.assertIn("memory", rows["pi0"]["reason"])
        else:
            self.assertEqual(rows["pi0"]["stdout"], "ran\n")

    def test_a_tied_command_ends_with_octl(self):
        pids = self.folder / "pids"
        running = self.fleet.begin("cmd", "run", f"echo $$ >>{pids}; exec sleep 1000", "pi0", "pi1", "--tie")
        alive = wait_for(lambda: len(read_lines(pids)) == 2 and read_lines(pids), what="the start")
        running.send_signal(signal.SIGKILL)
        running.communicate()
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in alive), what="the end of both")

    def test_logs_of_nodes_and_of_the_brain(self):
        self.assertIn("joined Brain", self.fleet.octl("log", "get", "pi0", "-l", "100", "--output", "text").stdout)
        said = self.fleet.octl("log", "get", "brain", "-l", "3", "--output", "text").stdout
        self.assertEqual(len(said.splitlines()), 3)
        following = self.fleet.begin("log", "get", "brain", "-l", "1", "-f", "--output", "text")
        try:
            self.assertTrue(following.stdout.readline(), "it listens")
            self.fleet.start_again(self.fleet.kill("tentacle", "lab1"))
            self.fleet.wait_online("lab1")
            for line in following.stdout:
                if "node lab1 has left" in line:
                    break
            else:
                self.fail("the log ended while it was followed")
        finally:
            following.kill()
            following.communicate()
        self.fleet.octl("log", "get", "pi9", exit=1)


class Offline(unittest.TestCase):
    def test_what_becomes_of_nodes_that_are_away(self):
        with Fleet(["pi0", "pi1"]) as fleet:
            agent = fleet.kill("tentacle", "pi1")
            wait_for(lambda: fleet.states()["pi1"] == "offline", 60, "pi1 offline")
            witness = fleet.base / "witness"
            command = f"echo $OCTOPODA_NODENAME >>{witness}"
            refused = fleet.octl("cmd", "run", command, "@all", "--on-offline", "fail", exit=5)
            self.assertIn("pi1", refused.stderr)
            self.assertEqual(read_lines(witness), [], "nothing began anywhere")
            result = fleet.json("cmd", "run", command, "@all", "--on-offline", "skip", exit=5)
            states = {row["name"]: row["state"] for row in result["results"]}
            self.assertEqual(states, {"pi0": "succeeded", "pi1": "expired"})
            result = fleet.json("cmd", "run", command, "@all", "--deadline", "2s", exit=5)
            states = {row["name"]: row["state"] for row in result["results"]}
            self.assertEqual(states, {"pi0": "succeeded", "pi1": "expired"})
            # What is to start at a time is not started behind it.
            task = fleet.json("cmd", "xrun", command, "@all", "-d", "2s", "--detach")["task"]
            fleet.octl("task", "wait", task, exit=5)
            fleet.start_again(agent)
            fleet.wait_online()
            self.assertEqual(sorted(read_lines(witness)), ["pi0"] * 3)

    def test_a_loaded_run_survives_brain_and_agent(self):
        with Fleet(["pi0"]) as fleet:
            witness = fleet.base / "witness"
            task = fleet.json("cmd", "xrun", f"echo ran >>{witness}; echo out", "pi0", "-d", "3s")["task"]
            brain, agent = fleet.kill("brain"), fleet.kill("tentacle", "pi0")
            fleet.start_again(brain)
            fleet.start_again(agent)
            wait_for(lambda: fleet.octl("node", "get", exit=None).returncode == 0, what="the Brain's answer")
            self.assertEqual(fleet.json("task", "attach", task)["results"][0]["stdout"], "out\n")
            self.assertEqual(read_lines(witness), ["ran"])


if __name__ == "__main__":
    unittest.main()
