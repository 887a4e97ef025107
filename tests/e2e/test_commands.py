# SPDX-License-Identifier: MIT
"""Commands and scripts on real nodes: outputs, outcomes, and what goes wrong."""
import os
import signal
import subprocess
import unittest

from tests.support.fleet import Fleet, read_lines, wait_for


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet(["pi0", "pi1", "pi2"]).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.fleet.__exit__(None)

    def run_one(self, command, **options):
        result = self.fleet.json("cmd", "run", command, "pi0", **options)
        self.assertEqual(len(result["results"]), 1)
        return result["results"][0]

    def test_the_pipeline_of_the_readme_prints_the_names(self):
        pipeline = ("octl node get | grep name | awk '{print $2}' | sed 's/\"//g' | sed -z 's/\\n/ /g' | sed 's/,//g'")
        from tests.support.fleet import BIN
        environment = {**self.fleet.environment, "PATH": f"{BIN}:{os.environ['PATH']}"}
        printed = subprocess.run(["bash", "-c", pipeline], env=environment, capture_output=True, text=True).stdout
        self.assertEqual(printed.split(), ["pi0", "pi1", "pi2"])

    def test_node_get_has_the_shape_of_the_readme(self):
        got = self.fleet.json("node", "get")
        self.assertEqual((got["total"], got["active"], got["offline"]), (3, 3, 0))
        self.assertLessEqual({"name", "addr", "state", "delay", "online_time"}, set(got["nodes"][0]))
        self.assertEqual(self.fleet.json("node", "get", "-sf", "OFF")["nodes"], [])

    def test_status_comes_from_the_host(self):
        node = self.fleet.json("node", "status", "pi1")["nodes"][0]
        self.assertEqual(node["cpu_cores"], os.cpu_count())

    def test_output_and_exit_code_of_every_node(self):
        result = self.fleet.json("cmd", "run", "-c", "echo out; echo err >&2; exit 3", "@all", exit=3)
        self.assertEqual(sorted(row["name"] for row in result["results"]), ["pi0", "pi1", "pi2"])
        for row in result["results"]:
            self.assertEqual((row["state"], row["exit_code"], row["stdout"], row["stderr"]), ("failed", 3, "out\n", "err\n"))

    def test_one_target_passes_its_exit_code_through(self):
        self.run_one("exit 42", exit=42)

    def test_a_script_runs_with_its_environment(self):
        script = self.fleet.base / "a script.sh"
        script.write_text('#!/bin/sh\necho "$OCTOPODA_NODENAME $OCTOPODA_FILENAME"\necho noted >>"$OCTOPODA_OUTPUT"\n')
        result = self.fleet.json("cmd", "run", "-ss", script, "pi2")["results"][0]
        self.assertEqual(result["stdout"], "pi2 a script.sh\n")
        self.assertIn("noted", result["note"])

    def test_a_line_of_200_kilobytes_arrives_whole(self):
        result = self.run_one("head -c 200000 /dev/zero | tr '\\0' x")
        self.assertEqual(result["stdout"], "x" * 200000)

    def test_binary_output_arrives_byte_for_byte(self):
        done = self.fleet.octl("cmd", "run", "printf '\\000\\377\\033[31m\\200'", "pi0", "--output", "text", "--raw", text=False)
        self.assertEqual(done.stdout, b"\x00\xff\x1b[31m\x80")

    def test_escape_sequences_do_not_reach_the_reader(self):
        done = self.fleet.octl("cmd", "run", "printf '\\033]0;owned\\007'", "pi0", "--output", "text")
        self.assertNotIn("\x1b", done.stdout)

    def test_an_unknown_node_is_an_error_and_nothing_runs(self):
        witness = self.fleet.base / "never"
        done = self.fleet.octl("cmd", "run", f"touch {witness}", "pi0", "pi9", exit=1)
        self.assertIn("pi9", done.stderr)
        self.assertFalse(witness.exists())

    def test_no_node_is_a_usage_error(self):
        self.fleet.octl("cmd", "run", "true", exit=2)
        self.fleet.octl("node", "prune", exit=2)

    def test_a_misspelt_word_suggests_the_nearest(self):
        self.assertIn("status", self.fleet.octl("node", "stauts", exit=2).stderr)

    def test_terminate_cancels_the_whole_tree(self):
        witness = self.fleet.base / "children"
        running = self.fleet.begin("cmd", "run", f"bash -c 'sleep 1000 & echo $! >>{witness}; wait' & echo $! >>{witness}; wait",
                                   "pi0")
        pids = wait_for(lambda: len(read_lines(witness)) == 2 and read_lines(witness), what="both children")
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=30)
        self.assertEqual(running.returncode, 130)
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), what="the end of the children")
        newest = self.fleet.json("task", "list")["tasks"][0]
        self.assertEqual(newest["state"], "cancelled")

    def test_a_task_is_there_after_octl_has_gone(self):
        marker = self.fleet.base / "go"
        running = self.fleet.begin("cmd", "run", f"until [ -e {marker} ]; do sleep 0.05; done; echo finished", "pi1")
        task = wait_for(lambda: [t for t in self.fleet.json("task", "list")["tasks"] if t["state"] == "running"])[0]["id"]
        running.kill()
        running.communicate()
        marker.touch()
        self.assertIn("finished", self.fleet.octl("task", "attach", task).stdout)
        self.assertEqual(self.fleet.json("task", "show", task)["state"], "succeeded")

    def test_a_background_command_is_answered_with_its_pid(self):
        done = self.fleet.json("cmd", "run", "-bg", "sleep 300", "pi0", timeout=20)
        pid = done["results"][0]["pid"]
        self.assertTrue(os.path.exists(f"/proc/{pid}"))
        self.fleet.octl("task", "cancel", done["task"])
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), what="the end of the background command")

    def test_one_that_is_over_at_once_is_told_with_its_pid_too(self):
        result = self.fleet.json("cmd", "run", "echo $$", "pi0")
        row = result["results"][0]
        self.assertEqual(row["stdout"], f"{row['pid']}\n")
        shown = self.fleet.json("task", "show", result["task"])["results"][0]
        self.assertEqual(shown["pid"], row["pid"], "also from the ledger, once the task is over")

    def test_pruning_takes_no_live_node_and_no_misspelt_name(self):
        done = self.fleet.octl("node", "prune", "pi0", "pi77", exit=None)
        self.assertIn("pi77", done.stdout + done.stderr)
        self.assertEqual(len(self.fleet.json("node", "get")["nodes"]), 3)


if __name__ == "__main__":
    unittest.main()
