# SPDX-License-Identifier: MIT
"""Parts die at the wrong moment: nothing acknowledged is lost, nothing runs twice."""
import json
import pathlib
import random
import shutil
import unittest

from tests.support.fleet import ROOT, Fleet, Process, read_lines, wait_for


def of_parent(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Restarts(unittest.TestCase):
    def begin_command(self, fleet, witness, go, nodes):
        running = fleet.begin("cmd", "run", f"echo $OCTOPODA_NODENAME >>{witness}; echo before; "
                              f"until [ -e {go} ]; do sleep 0.05; done; echo after", *nodes, "--output", "json")
        wait_for(lambda: len(read_lines(witness)) == len(nodes), what="the start on every node")
        return running

    def finish(self, running):
        out, err = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 0, out + err)
        return json.loads(out)["results"]

    def test_the_brain_dies_under_a_running_command(self):
        with Fleet(["pi0", "pi1"]) as fleet:
            witness, go = fleet.base / "witness", fleet.base / "go"
            running = self.begin_command(fleet, witness, go, ["pi0", "pi1"])
            brain = fleet.kill("brain")
            go.touch()  # the command ends while no Brain is there
            fleet.start_again(brain)
            for row in self.finish(running):
                self.assertEqual((row["state"], row["stdout"]), ("succeeded", "before\nafter\n"))
            self.assertEqual(sorted(read_lines(witness)), ["pi0", "pi1"])

    def test_the_agent_dies_under_a_running_command(self):
        with Fleet(["pi0"]) as fleet:
            witness, go = fleet.base / "witness", fleet.base / "go"
            running = self.begin_command(fleet, witness, go, ["pi0"])
            agent = fleet.kill("tentacle", "pi0")
            go.touch()
            fleet.start_again(agent)
            row = self.finish(running)[0]
            self.assertEqual((row["state"], row["stdout"]), ("succeeded", "before\nafter\n"))
            self.assertEqual(read_lines(witness), ["pi0"])

    def test_the_runner_dies_and_the_run_is_interrupted_not_repeated(self):
        with Fleet(["pi0"]) as fleet:
            witness, go = fleet.base / "witness", fleet.base / "never"
            running = self.begin_command(fleet, witness, go, ["pi0"])
            fleet.kill("runner", "pi0")
            out, _ = running.communicate(timeout=60)
            self.assertEqual(running.returncode, 5, out)
            self.assertEqual(json.loads(out)["results"][0]["state"], "interrupted")
            self.assertEqual(read_lines(witness), ["pi0"])

    def test_a_node_whose_disk_was_put_back_is_asked_for_what_it_does_not_know(self):
        for brain_too in (False, True):
            with self.subTest(brain_too=brain_too), Fleet(["pi0"]) as fleet:
                data, image = fleet.folder / "pi0" / "data", fleet.base / "image"
                shutil.copytree(data, image, ignore=shutil.ignore_patterns("wake", "sync"))
                witness, never = fleet.base / "witness", fleet.base / "never"
                running = self.begin_command(fleet, witness, never, ["pi0"])
                task = fleet.json("task", "list")["tasks"][0]["id"]
                wait_for(lambda: fleet.json("task", "show", task)["results"][0]["state"] == "running", what="its word")
                agent = fleet.kill("tentacle", "pi0")
                runner = fleet.one("runner", "pi0")
                child = next(process for process in map(Process, of_parent(runner.pid)) if process.alive)
                runner.kill()
                child.kill()
                shutil.rmtree(data)
                shutil.copytree(image, data)
                if brain_too:
                    fleet.start_again(fleet.kill("brain"))
                fleet.start_again(agent)
                out, _ = running.communicate(timeout=60)
                self.assertEqual(running.returncode, 5, out)
                row = json.loads(out)["results"][0]
                self.assertEqual((row["state"], row["reason"]),
                                 ("unknown", "its node has forgotten it: how far it got is not known"))
                self.assertEqual(read_lines(witness), ["pi0"], "asked for, not started")

    def test_an_offline_node_is_queued_for_and_runs_once_it_is_back(self):
        with Fleet(["pi0", "pi1"]) as fleet:
            witness = fleet.base / "witness"
            agent = fleet.kill("tentacle", "pi1")
            wait_for(lambda: fleet.states()["pi1"] == "offline", 60, "pi1 offline")
            running = fleet.begin("cmd", "run", f"echo $OCTOPODA_NODENAME >>{witness}", "pi0", "pi1", "--output", "json")
            wait_for(lambda: read_lines(witness) == ["pi0"], what="the run on the node that is there")
            fleet.start_again(agent)
            self.assertEqual([row["state"] for row in self.finish(running)], ["succeeded", "succeeded"])
            self.assertEqual(sorted(read_lines(witness)), ["pi0", "pi1"])

    def test_the_brain_dies_under_an_apply(self):
        with Fleet(["pi-24", "pi-240"]) as fleet:
            folder, go = fleet.base / "helloWorld", fleet.base / "go"
            shutil.copytree(ROOT / "examples" / "helloWorld", folder)
            with open(folder / "helloworld" / "scripts" / "prepare.sh", "a") as script:  # order 2: in the middle
                script.write(f"\necho $OCTOPODA_NODENAME >>{fleet.base}/witness\nuntil [ -e {go} ]; do sleep 0.05; done\n")
            running = fleet.begin("scen", "apply", folder, "prepare", "-m", "slow")
            wait_for(lambda: len(read_lines(fleet.base / "witness")) == 2, what="the scripts of order 2")
            brain = fleet.kill("brain")
            go.touch()
            fleet.start_again(brain)
            out, err = running.communicate(timeout=90)
            self.assertEqual(running.returncode, 0, out + err)
            self.assertEqual(len(read_lines(fleet.base / "witness")), 2, "no step ran twice")
            self.assertEqual(read_lines(fleet.workspace("pi-24") / "helloPrinter@helloWorld" / "hello.txt"), ["-->prepared"])
            self.assertEqual(len(fleet.octl("scen", "version", "helloWorld", "--output", "jsonl").stdout.splitlines()), 1)

    def test_the_agent_dies_while_it_brings_sources_and_the_apply_goes_on(self):
        with Fleet(["pi-24", "pi-240"]) as fleet:
            folder = fleet.base / "helloWorld"
            shutil.copytree(ROOT / "examples" / "helloWorld", folder)
            content = random.Random(7).randbytes(60_000_000)
            (folder / "hello" / "src" / "large").write_bytes(content)
            chunks = fleet.workspace("pi-24") / "helloPrinter@helloWorld" / ".git" / "octopoda" / "chunks"
            running = fleet.begin("scen", "apply", folder, "prepare", "-m", "large", "--output", "json")
            wait_for(lambda: chunks.is_dir() and any(chunks.iterdir()), what="the first chunks")
            fleet.start_again(fleet.kill("tentacle", "pi-24"))
            out, err = running.communicate(timeout=90)
            self.assertEqual(running.returncode, 0, out + err)
            app = fleet.workspace("pi-24") / "helloPrinter@helloWorld"
            self.assertEqual((app / "large").read_bytes(), content)
            self.assertEqual(read_lines(app / "hello.txt"), ["-->prepared"])
            self.assertEqual(len(fleet.octl("scen", "version", "helloWorld", "--output", "jsonl").stdout.splitlines()), 1)

    def test_fifty_nodes_at_once(self):
        names = [f"n{i:02}" for i in range(50)]
        with Fleet(names) as fleet:
            result = fleet.json("cmd", "run", "echo $OCTOPODA_NODENAME", "@all", timeout=60)
            self.assertEqual(sorted(row["stdout"].strip() for row in result["results"]), names)
            self.assertTrue(all(row["state"] == "succeeded" for row in result["results"]))


if __name__ == "__main__":
    unittest.main()
