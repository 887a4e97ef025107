# SPDX-License-Identifier: MIT
"""The README's scenario example: every command of it, in order, on its own deployment.yaml."""
import json
import subprocess
import unittest

from tests.support.fleet import ROOT, Fleet, read_lines

EXAMPLE = ROOT / "examples" / "helloWorld"


class HelloWorld(unittest.TestCase):
    def test_the_whole_life(self):
        with Fleet(["pi-24", "pi-240", "pi-241"]) as fleet:
            hello = fleet.workspace("pi-24") / "helloPrinter@helloWorld"
            world = fleet.workspace("pi-240") / "worldPrinter@helloWorld"
            both = [fleet.workspace(node) / "helloWorldPrinter@helloWorld" for node in ("pi-24", "pi-240")]

            fleet.octl("scen", "apply", EXAMPLE, "prepare", "-m", "Prepare a new scenario")
            self.assertEqual(read_lines(hello / "hello.txt"), ["-->prepared"])
            self.assertTrue((world / "README.txt").exists(), "sources are copied")

            fleet.octl("scen", "apply", EXAMPLE, "start", "-m", "Start run a scenario")
            self.assertEqual(read_lines(hello / "hello.txt"), ["-->prepared", "hello"])
            self.assertEqual(read_lines(world / "world.txt"), ["-->prepared", "world"])
            for folder in both:
                self.assertEqual(read_lines(folder / "helloworld.txt"), ["-->prepared", "helloworld"])

            fleet.octl("scen", "apply", EXAMPLE, "stop", "-m", "Stop run a scenario")
            fleet.octl("scen", "apply", EXAMPLE, "date", "-m", "Append current date to file")
            self.assertEqual(len(read_lines(hello / "hello.txt")), 3)
            self.assertEqual(len(read_lines(world / "world.txt")), 2, "worldPrinter has no target date and is skipped")
            fleet.octl("scen", "apply", EXAMPLE, "commit", "-m", "Append current date to file")

            got = fleet.octl("scen", "get", "scenario", "helloWorld").stdout
            self.assertIn("helloWorld", got)
            versions = self.versions(fleet)
            self.assertEqual(len(versions), 2, "prepare and commit made one each")
            first = versions[-1]["id"]

            fleet.octl("scen", "reset", "scenario", "helloWorld", "-v", first[:6], "-m", "Reset to a history version")
            self.assertEqual(read_lines(hello / "hello.txt"), ["-->prepared"])
            self.assertEqual(len(self.versions(fleet)), 3, "reset appends")
            newest = self.versions(fleet)[1]["id"]
            for _ in range(2):  # any version, any number of times
                fleet.octl("scen", "reset", "helloWorld", "-v", newest[:12], "-m", "forth")
                self.assertEqual(len(read_lines(hello / "hello.txt")), 3)

            for folder in (hello, world, *both):
                check = subprocess.run(["git", "-C", folder, "fsck", "--strict", "--no-dangling"], capture_output=True, text=True)
                self.assertEqual((check.returncode, check.stdout), (0, ""), check.stderr)
                self.assertEqual(subprocess.run(["git", "-C", folder, "status", "--porcelain"], capture_output=True,
                                                text=True).stdout, "")

            fleet.octl("scen", "apply", EXAMPLE, "purge")
            self.assertFalse(hello.exists() or world.exists() or both[0].exists())
            self.assertNotIn("helloWorld", fleet.octl("scen", "get").stdout)

    def versions(self, fleet):
        return [json.loads(line) for line in
                fleet.octl("scen", "version", "scenario", "helloWorld", "-l", "50", "--output", "jsonl").stdout.splitlines()]

    def test_default_target_and_what_is_refused(self):
        with Fleet(["pi-24", "pi-240"]) as fleet:
            refused = fleet.octl("scen", "apply", EXAMPLE, "start", exit=6)
            self.assertIn("prepare", refused.stderr)
            fleet.octl("scen", "apply", EXAMPLE, "commit", exit=2)
            unknown = fleet.octl("scen", "apply", EXAMPLE, "dance", exit=1)
            self.assertIn("date", unknown.stderr, "the known targets are listed")
            fleet.octl("scen", "apply", EXAMPLE, "-m", "both")
            self.assertEqual(read_lines(fleet.workspace("pi-24") / "helloPrinter@helloWorld" / "hello.txt"),
                             ["-->prepared", "hello"])
            short = fleet.octl("scen", "reset", "helloWorld", "-v", "ab", "-m", "x", exit=2)
            self.assertIn("3", short.stderr)

    def test_prepare_again_updates_the_sources_and_keeps_what_scripts_made(self):
        import shutil
        with Fleet(["pi-24", "pi-240"]) as fleet:
            copy = fleet.base / "hello world"  # a folder's name may have spaces
            shutil.copytree(EXAMPLE, copy)
            source = copy / "hello" / "src"
            (source / "a file with spaces.txt").write_text("one")
            (source / "gone.txt").write_text("to be removed")
            fleet.octl("scen", "apply", copy, "prepare", "-m", "one")
            folder = fleet.workspace("pi-24") / "helloPrinter@helloWorld"
            (folder / "made by hand").write_text("stays")
            (source / "gone.txt").unlink()
            (source / "a file with spaces.txt").write_text("two")
            fleet.octl("scen", "apply", copy, "prepare", "-m", "two")
            self.assertFalse((folder / "gone.txt").exists())
            self.assertEqual((folder / "a file with spaces.txt").read_text(), "two")
            self.assertEqual((folder / "made by hand").read_text(), "stays")
            # A reset of one nodeapp makes a new version of the scenario.
            before = len(self.versions(fleet))
            app = "helloPrinter@helloWorld"
            old = [json.loads(line) for line in fleet.octl("napp", "version", "pi-24", app, "--output", "jsonl").stdout.splitlines()]
            fleet.octl("napp", "reset", "pi-24", app, "-v", old[-1]["id"][:8], "-m", "back")
            self.assertTrue((folder / "gone.txt").exists())
            self.assertEqual(len(self.versions(fleet)), before + 1)


if __name__ == "__main__":
    unittest.main()
