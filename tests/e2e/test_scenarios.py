# SPDX-License-Identifier: MIT
"""Scenarios as the README describes them: deployment.yaml, targets, orders, versions, environment; on a real fleet."""
import json
import os
import re
import signal
import subprocess
import unittest

from tests.support.fleet import Fleet, read_lines, wait_for

NEEDED = ("prepare", "start", "stop", "purge")


class Scene:
    """A scenario folder that a test writes and applies."""

    def __init__(self, fleet, name, folder=None):
        self.fleet, self.name = fleet, name
        self.folder = fleet.base / "scenes" / (folder or name)
        self.apps, self.targets = {}, {}

    def app(self, name="app", nodes=("pi0",), sources=(), **targets):
        """Each target is its script's text, or (order, text); those that are needed do nothing if not given."""
        self.apps[name] = list(nodes)
        scripts, sources_folder = self.folder / name / "scripts", self.folder / name / "src"
        sources_folder.mkdir(parents=True, exist_ok=True)
        for path, text in dict(sources).items():
            (sources_folder / path).parent.mkdir(parents=True, exist_ok=True)
            (sources_folder / path).write_text(text)
        scripts.mkdir(exist_ok=True)
        self.targets[name] = {target: 0 for target in NEEDED}
        for target in {*NEEDED, *targets}:
            given = targets.get(target, "true")
            order, text = given if isinstance(given, tuple) else (0, given)
            (scripts / f"{target}.sh").write_text(f"#!/bin/sh\nset -e\n{text}\n")
            self.targets[name][target] = order
        return self.write()

    def write(self):
        apps = [{"name": name, "scriptpath": f"{name}/scripts/", "sourcepath": f"{name}/src/", "nodes": nodes, "description": f"is {name}",
                 "script": [{"target": target, "file": f"{target}.sh", "order": order} for target, order in self.targets[name].items()]}
                for name, nodes in self.apps.items()]
        whole = {"name": self.name, "description": f"does {self.name}", "applications": apps}
        (self.folder / "deployment.yaml").write_text(json.dumps(whole, indent=1))  # JSON is YAML
        return self

    def source(self, path, app="app"):
        return self.folder / app / "src" / path

    def on(self, node="pi0", app="app"):
        return self.fleet.workspace(node) / f"{app}@{self.name}"

    def apply(self, *words, **options):
        return self.fleet.octl("scen", "apply", self.folder, *words, **options)

    def versions(self, limit=100):
        return self.lines("scen", "version", self.name, "-l", str(limit))

    def app_versions(self, node="pi0", app="app"):
        return self.lines("napp", "version", node, f"{app}@{self.name}", "-l", "100")

    def lines(self, *words):
        return [json.loads(line) for line in self.fleet.octl(*words, "--output", "jsonl").stdout.splitlines()]


class OneFleet(unittest.TestCase):
    """One fleet for all tests of a class; each has a scenario of its own."""
    NODES = ("pi0", "pi1", "pi2")

    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet(cls.NODES).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.fleet.__exit__(None)

    def scene(self, name=None, **options):
        return Scene(self.fleet, name or self._testMethodName.removeprefix("test_"), **options)


class DeploymentFile(OneFleet):
    MISTAKES = """\
name: mistakes
descripton: "one letter lacks"
applications:
- name: first
  scriptpath: first/scripts
  sourcepath: first/src
  nodes: [pi0]
  script:
  - {target: prepare, file: prepare.sh, order: three}
  - {target: start, file: absent.sh}
  - {target: start, file: prepare.sh}
- name: second
  scriptpaht: first/scripts
  scriptpath: first/scripts
  nodes: [pi0, 'pi 1']
  script:
  - {target: prepare, file: prepare.sh}
  - {target: stop, file: prepare.sh, oder: 1}
"""

    def written(self, text):
        folder = self.fleet.base / self._testMethodName
        (folder / "first" / "scripts").mkdir(parents=True)
        (folder / "first" / "src").mkdir()
        (folder / "first" / "scripts" / "prepare.sh").write_text("true\n")
        (folder / "deployment.yaml").write_text(text)
        return folder

    def test_every_mistake_is_told_at_once_with_its_line_and_the_remedy(self):
        folder = self.written(self.MISTAKES)
        told = self.fleet.octl("scen", "apply", folder, "prepare", "-m", "x", exit=2).stderr
        for line, words in [
                (2, ["descripton", "did you mean 'description'"]),
                (9, ["order", "number", "three"]),
                (10, ["first/scripts/absent.sh", "no script"]),
                (11, ["start", "twice"]),
                (8, ["first", "'stop'", "target: stop"]),
                (8, ["first", "'purge'", "target: purge"]),
                (13, ["scriptpaht", "did you mean 'scriptpath'"]),
                (15, ["pi 1"]),
                (16, ["second", "'start'", "target: start"]),
                (16, ["second", "'purge'", "target: purge"]),
                (18, ["oder", "did you mean 'order'"])]:
            with self.subTest(line=line, words=words):
                place = re.escape(f"{folder}/deployment.yaml:") + r"(\d+): "
                found = [row for row in told.splitlines() if all(word in row for word in words)]
                self.assertEqual(len(found), 1, told)
                number = int(re.search(place, found[0]).group(1))
                self.assertIn(number, (line, line + 1), found[0])  # a list begins on its key's line or below it
        self.assertNotIn("mistakes", self.fleet.octl("scen", "get").stdout)
        self.assertFalse(list(self.fleet.workspace("pi0").glob("*@mistakes")))

    def test_each_needed_target_alone_is_missed(self):
        scene = self.scene().app()
        for lacking in NEEDED:
            order = scene.targets["app"].pop(lacking)
            scene.write()
            told = scene.apply("prepare", "-m", "x", exit=2).stderr
            self.assertEqual(len(told.splitlines()), 1, told)
            self.assertIn(f"'{lacking}'", told)
            scene.targets["app"][lacking] = order

    def test_an_unknown_node_is_named_and_nothing_begins(self):
        scene = self.scene().app("good", ["pi0"]).app("bad", ["pi1", "pi9"])
        told = scene.apply("prepare", "-m", "x", exit=None)
        self.assertNotEqual(told.returncode, 0)
        self.assertIn("pi9", told.stderr)
        self.assertNotIn("pi0", told.stderr)
        self.assertFalse(scene.on("pi0", "good").exists())
        self.assertNotIn(scene.name, self.fleet.octl("scen", "get").stdout)

    def test_an_unknown_node_is_told_with_its_place_in_the_file(self):
        scene = self.scene().app("bad", ["pi0", "pi9"])
        told = scene.apply("prepare", "-m", "x", exit=None).stderr
        line = 1 + next(i for i, row in enumerate((scene.folder / "deployment.yaml").read_text().splitlines()) if "pi9" in row)
        self.assertRegex(told, rf"deployment\.yaml:{line}: .*pi9")

    def test_what_is_no_yaml_no_file_or_no_folder(self):
        folder = self.written("name: [\n")
        self.assertIn("deployment.yaml", self.fleet.octl("scen", "apply", folder, exit=2).stderr)
        self.assertIn("none/deployment.yaml", self.fleet.octl("scen", "apply", folder / "none", exit=2).stderr)

    def test_aliases_stand_for_nodes(self):
        scene = self.scene().app(nodes=["@lab"], start="echo x >did")
        (scene.folder / "alias.yaml").write_text("lab: [pi1, '@rest']\nrest: [pi2]\n")
        scene.apply()
        self.assertEqual([node for node in self.NODES if (scene.on(node) / "did").exists()], ["pi1", "pi2"])
        scene.app(nodes=["@lap"])
        self.assertIn("did you mean '@lab'", scene.apply(exit=2).stderr)

    def test_scen_create_makes_one_that_applies(self):
        scratch = self.fleet.base / "scratch"
        scratch.mkdir()
        self.fleet.octl("scen", "create", "fresh scene", "with", "my app", "b", cwd=scratch)
        self.fleet.octl("scen", "create", "fresh scene", cwd=scratch, exit=6)
        for target, words in [("prepare", ["-m", "first"]), ("start", []), ("status", []), ("stop", []), ("purge", [])]:
            said = self.fleet.octl("scen", "apply", "fresh scene", target, *words, "--output", "text", cwd=scratch).stdout
            self.assertIn(f"{target} of my app on pi0: done", said)
            self.assertIn(f"{target} of b on pi0: done", said)
            self.assertEqual((self.fleet.workspace("pi0") / "my app@fresh scene" / "README.md").exists(), target != "purge")


class Targets(OneFleet):
    def test_no_target_and_default_mean_prepare_and_start(self):
        scene = self.scene().app(prepare="echo prepared >>did", start="echo started >>did", stop="echo stopped >>did")
        scene.apply()
        self.assertEqual(read_lines(scene.on() / "did"), ["prepared", "started"])
        scene.apply("default")
        self.assertEqual(read_lines(scene.on() / "did"), ["prepared", "started"] * 2)

    def test_commit_needs_a_message_and_runs_no_script(self):
        scene = self.scene().app(start="echo x >>did")
        scene.apply("prepare", "-m", "one")
        scene.apply("start")
        self.assertEqual(len(scene.versions()), 1)
        self.assertIn("-m", scene.apply("commit", exit=2).stderr)
        scene.apply("commit", "-m", "with did")
        self.assertEqual([version["message"] for version in scene.versions()], ["with did", "one"])
        self.assertEqual(read_lines(scene.on() / "did"), ["x"])

    def test_a_target_that_no_app_has_lists_the_known_ones(self):
        scene = self.scene().app(date="date", backup="true").app("other", chart="true")
        told = scene.apply("dat", exit=1).stderr
        for known in ("date", "backup", "chart", *NEEDED, "commit"):
            self.assertIn(known, told)

    def test_an_app_without_the_target_is_skipped(self):
        scene = self.scene().app("with", dance="echo danced >>did").app("without", ["pi0", "pi1"])
        scene.apply("prepare")
        result = json.loads(scene.apply("dance", "--output", "json").stdout)
        self.assertEqual([row["title"] for row in result["results"]], ["dance with"])
        self.assertEqual(read_lines(scene.on(app="with") / "did"), ["danced"])

    def test_smaller_orders_come_first_and_each_waits_for_the_one_before(self):
        scene, log = self.scene(), self.fleet.base / "order"
        for name, order in [("c", 10), ("a", -5), ("b", 2)]:
            scene.app(name, ["pi0", "pi1"], start=(order, f"echo begin {name} >>{log}; echo end {name} >>{log}"))
        scene.app("d", ["pi2"], start=f"echo begin d >>{log}; echo end d >>{log}")  # no order given is 0
        scene.apply()
        lines = read_lines(log)
        self.assertEqual([line.split()[1] for line in lines], list("aaaa" + "dd" + "bbbb" + "cccc"), lines)

    def test_equal_orders_run_side_by_side(self):
        scene, meet = self.scene(), self.fleet.base / "meet"
        meet.mkdir()
        wait = f"touch '{meet}/'$OCTOPODA_APP.$OCTOPODA_NODENAME; until [ $(ls '{meet}' | wc -l) = 4 ]; do sleep 0.02; done"
        scene.app("a", ["pi0", "pi1"], start=(3, wait)).app("b", ["pi0", "pi2"], start=(3, wait))
        scene.apply(timeout=30)  # one after another would wait for ever

    def test_a_failed_step_stops_what_follows_and_says_what_was_done_and_what_not(self):
        scene = self.scene()
        scene.app("first", prepare=(1, "echo x >did")).app("second", ["pi0", "pi1"], prepare=(
            2, "[ $OCTOPODA_NODENAME = pi0 ] || { echo broken pipe dream >&2; exit 7; }")).app("third", prepare=(3, "echo x >did"))
        failed = scene.apply("prepare", "-m", "x", "--output", "text", exit=3)
        said = failed.stdout + failed.stderr
        self.assertRegex(said, r"prepare first on pi0: ok")
        self.assertRegex(said, r"prepare second on pi0: ok")
        self.assertRegex(said, r"prepare second on pi1: exit 7")
        self.assertIn("broken pipe dream", said)
        self.assertRegex(said, r"not done: .*prepare third on pi0.*commit first")
        self.assertFalse((scene.on(app="third") / "did").exists())
        self.assertNotIn(scene.name, self.fleet.octl("scen", "get").stdout, "no version of half a thing")
        result = json.loads(scene.apply("prepare", "-m", "x", "--output", "json", exit=3).stdout)
        states = {f"{row['title']} on {row['name']}": row["state"] for row in result["results"]}
        self.assertEqual(states["prepare second on pi1"], "failed")
        self.assertNotEqual(states["prepare third on pi0"], "succeeded")
        self.assertEqual(result["state"], "failed")
        scene.app("second", ["pi0", "pi1"], prepare=(2, "true")).apply("prepare", "-m", "mended")
        self.assertEqual(len(scene.versions()), 1)

    def test_start_before_prepare_is_refused(self):
        told = self.scene().app().apply("start", exit=6).stderr
        self.assertIn("prepare", told)

    def test_purge_removes_all_and_the_name_is_free_again(self):
        scene = self.scene().app(nodes=["pi0", "pi1"], purge="echo bye >>$OCTOPODA_OUTPUT", sources={"a": "1"})
        scene.apply("prepare", "-m", "x")
        self.assertIn("bye", scene.apply("purge", "--output", "text").stdout)
        self.assertFalse(scene.on().exists() or scene.on("pi1").exists())
        self.fleet.octl("scen", "version", scene.name, exit=1)
        scene.apply("prepare", "-m", "again")
        self.assertEqual(len(scene.versions()), 1)
        self.assertEqual(len(scene.app_versions()), 1)


    def test_purge_removes_also_what_an_older_deployment_brought(self):
        scene = self.scene().app("stays").app("leaves", ["pi0", "pi1"])
        scene.apply("prepare", "-m", "both")
        del scene.apps["leaves"]
        scene.write().apply("prepare", "-m", "one")
        scene.apply("purge")
        self.assertFalse(scene.on(app="stays").exists())
        self.assertEqual([node for node in self.NODES if scene.on(node, "leaves").exists()], [])


class Files(OneFleet):
    def git(self, folder, *words):
        done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, timeout=60,
                              env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"})
        return done.returncode, done.stdout + done.stderr

    def assert_git_is_clean(self, folder):
        self.assertEqual(self.git(folder, "fsck", "--strict", "--no-progress"), (0, ""))
        self.assertEqual(self.git(folder, "status", "--porcelain"), (0, ""))

    def test_prepare_again_removes_what_the_bundle_lacks_and_keeps_what_scripts_made(self):
        scene = self.scene().app(prepare="mkdir -p shared; echo mine >shared/made; echo x >>made", sources={
            "kept": "1", "gone": "1", "old/deep/gone": "1", "shared/gone": "1"})
        scene.apply("prepare", "-m", "one")
        for path in ("gone", "old/deep/gone", "shared/gone"):
            scene.source(path).unlink()
        scene.source("old/deep").rmdir()
        scene.source("old").rmdir()
        scene.source("kept").write_text("2")
        scene.apply("prepare", "-m", "two")
        left = sorted(str(path.relative_to(scene.on())) for path in scene.on().rglob("*") if ".git" not in path.parts)
        self.assertEqual(left, ["kept", "made", "shared", "shared/made"])
        self.assertEqual((scene.on() / "kept").read_text(), "2")
        self.assertEqual(read_lines(scene.on() / "made"), ["x", "x"])
        self.assert_git_is_clean(scene.on())
        log = self.git(scene.on(), "log", "--format=%s")[1].splitlines()
        self.assertEqual(log, ["two", "one"])

    def test_bits_symlinks_and_names_arrive(self):
        scene = self.scene().app(start='"bin dir/tool" >>"$OCTOPODA_OUTPUT"; ./link >>"$OCTOPODA_OUTPUT"', sources={
            "bin dir/tool": "#!/bin/sh\necho from the tool\n", "data": "1", "größe $x '\"": "2"})
        scene.source("bin dir/tool").chmod(0o755)
        scene.source("data").chmod(0o640)
        scene.source("link").symlink_to("bin dir/tool")
        scene.source("dangling").symlink_to("nowhere")
        scene.source("empty/deep").mkdir(parents=True)
        said = scene.apply("--output", "text").stdout
        self.assertEqual(said.count("from the tool"), 2, said)
        self.assertEqual((scene.on() / "bin dir" / "tool").stat().st_mode & 0o777, 0o755)
        self.assertEqual((scene.on() / "data").stat().st_mode & 0o777, 0o640)
        self.assertEqual(os.readlink(scene.on() / "link"), "bin dir/tool")
        self.assertEqual(os.readlink(scene.on() / "dangling"), "nowhere")
        self.assertTrue((scene.on() / "empty" / "deep").is_dir())
        self.assertEqual((scene.on() / "größe $x '\"").read_text(), "2")
        self.assert_git_is_clean(scene.on())

    def test_a_large_and_a_binary_file_arrive_as_they_are(self):
        scene = self.scene().app(nodes=["pi0", "pi1", "pi2"])
        content = os.urandom(9_000_000) + b"\0\r\n\xff" * 1000
        scene.source("blob").write_bytes(content)
        scene.source("empty").write_bytes(b"")
        scene.source(".gitattributes").write_text("* text=auto eol=lf\n")
        scene.source("windows.txt").write_bytes(b"a\r\nb\r\n")
        scene.apply("prepare", "-m", "x")
        first = scene.versions()[0]["id"]
        for node in self.NODES:
            self.assertEqual((scene.on(node) / "blob").read_bytes(), content)
        scene.source("windows.txt").write_bytes(b"other")
        scene.apply("prepare", "-m", "y")
        self.fleet.octl("scen", "reset", scene.name, "-v", first[:10], "-m", "back")
        self.assertEqual((scene.on() / "windows.txt").read_bytes(), b"a\r\nb\r\n")
        self.assertEqual((scene.on() / "blob").read_bytes(), content)

    def test_a_running_app_can_be_committed(self):
        scene = self.scene().app(start="""nohup sh -c 'while [ ! -e stop ]; do head -c 100000 /dev/urandom >>log
            [ $(stat -c %s log) -lt 20000000 ] || : >log; echo x >fresh.$$; mv fresh.$$ moved; rm -f moved; done; touch stopped' >/dev/null 2>&1 &""",
                                 stop="touch stop; until [ -e stopped ]; do sleep 0.02; done")
        scene.apply()
        try:
            for number in range(8):
                scene.apply("commit", "-m", str(number))
                self.fleet.octl("napp", "get", "pi0", f"app@{scene.name}")
        finally:
            scene.apply("stop")
        scene.apply("commit", "-m", "at rest")
        self.assertEqual(len(scene.versions()), 10)
        self.assert_git_is_clean(scene.on())

    def test_names_with_spaces(self):
        scene = self.scene("a scene: größer").app("my app", start="echo started >>'a log'", sources={"a folder/a file": "1"})
        scene.apply("-m", "it's \"quoted\" $HOME")
        self.assertEqual((scene.on(app="my app") / "a folder" / "a file").read_text(), "1")
        self.assertEqual(scene.versions()[0]["message"], "it's \"quoted\" $HOME")
        got = self.fleet.octl("scen", "get", scene.name).stdout
        self.assertIn("my app", got)
        self.assertIn("my app@a scene: größer", self.fleet.octl("napp", "get", "pi0").stdout)
        version = scene.app_versions(app="my app")[0]["id"]
        scene.apply("commit", "-m", "log")
        self.fleet.octl("napp", "reset", "pi0", f"my app@{scene.name}", "-v", version[:7], "-m", "back")
        self.assertFalse((scene.on(app="my app") / "a log").exists())
        self.fleet.octl("scen", "reset", scene.name, "-v", scene.versions()[1]["id"], "-m", "forth")
        self.assertTrue((scene.on(app="my app") / "a log").exists())
        scene.apply("purge")
        self.assertFalse(scene.on(app="my app").exists())

    def test_the_environment_is_as_the_readme_says(self):
        scene = self.scene().app(nodes=["pi1"], start="env >here; pwd >>$OCTOPODA_OUTPUT")
        said = scene.apply("--output", "text").stdout
        env = dict(line.split("=", 1) for line in read_lines(scene.on("pi1") / "here") if line.startswith("OCTOPODA_"))
        home = self.fleet.folder / "pi1"
        self.assertTrue(env.pop("OCTOPODA_OUTPUT").startswith("/"))
        self.assertEqual(env["OCTOPODA_ROOT"], os.path.expanduser("~root"))
        for name, value in {"NODENAME": "pi1", "FILENAME": "start.sh", "APP": "app", "SCENARIO": scene.name}.items():
            self.assertEqual(env[f"OCTOPODA_{name}"], value)
        for name, folder in {"CURRENTDIR": scene.on("pi1"), "WORKSPACE": home / "workspace", "FSTORE": home / "FSTORE",
                             "LOG": home / "log", "PAKMA": home / "pakma"}.items():
            with self.subTest(name):
                self.assertEqual(os.path.normpath(env[f"OCTOPODA_{name}"]), str(folder))
                self.assertTrue(folder.is_dir(), "it is there to be used")
        self.assertIn(str(scene.on("pi1")), said, "scripts run in the app's folder")

    def test_octopoda_output_is_collected(self):
        scene = self.scene().app(nodes=["pi0", "pi1"], report='''
            echo "first of $OCTOPODA_NODENAME" >>"$OCTOPODA_OUTPUT"; echo out; echo err >&2; printf 'no newline' >>$OCTOPODA_OUTPUT''')
        scene.apply("prepare")
        for row in json.loads(scene.apply("report", "--output", "json").stdout)["results"]:
            self.assertEqual(row["note"], f"first of {row['name']}\nno newline")
            self.assertEqual((row["stdout"], row["stderr"]), ("out\n", "err\n"))
        self.assertIn("first of pi1", scene.apply("report", "--output", "text").stdout)


class Versions(OneFleet):
    def made(self, count=3):
        scene = self.scene().app(nodes=["pi0", "pi1"])
        for number in range(count):
            scene.source("number").write_text(str(number))
            scene.source(f"only in {number}").write_text("")
            scene.apply("prepare", "-m", f"number {number}")
            scene.source(f"only in {number}").unlink()
        return scene

    def assert_is(self, scene, number):
        for node in ("pi0", "pi1"):
            self.assertEqual((scene.on(node) / "number").read_text(), str(number))
            self.assertEqual([path.name for path in scene.on(node).glob("only in *")], [f"only in {number}"])

    def reset(self, scene, version, **options):
        return self.fleet.octl("scen", "reset", scene.name, "-v", version, "-m", "reset", **options)

    def test_any_version_comes_back_any_number_of_times_also_after_a_restart_of_the_brain(self):
        scene = self.made()
        ids = [version["id"] for version in reversed(scene.versions())]
        for number in (0, 2, 1, 1, 0):
            self.reset(scene, ids[number])
            self.assert_is(scene, number)
        before = scene.versions()
        self.fleet.start_again(self.fleet.kill("brain"))
        wait_for(lambda: self.fleet.octl("node", "get", exit=None).returncode == 0, what="the Brain's answer")
        self.fleet.wait_online()
        self.assertEqual(scene.versions(), before)
        self.assertIn(scene.name, self.fleet.octl("scen", "get").stdout)
        self.reset(scene, ids[2][:12])
        self.assert_is(scene, 2)
        self.assertEqual(len(scene.versions()), len(before) + 1)
        pages = [row["id"] for start in range(0, len(before) + 1, 2)
                 for row in scene.lines("scen", "version", scene.name, "-o", str(start), "-l", "2")]
        self.assertEqual(pages, [row["id"] for row in scene.versions()])

    def test_prefixes_of_three_characters_and_ambiguous_ones(self):
        scene = self.scene().app()
        scene.apply("prepare", "-m", "0")
        ids = []
        for number in range(1, 400):  # of 4096 prefixes; a pair among 100 is likely, among 400 all but certain
            (scene.on() / "number").write_text(str(number))
            scene.apply("commit", "-m", str(number))
            ids = [version["id"] for version in scene.versions(1000)]
            if len({id[:3] for id in ids}) < len(ids):
                break
        prefixes = [id[:3] for id in ids]
        twice = next(prefix for prefix in prefixes if prefixes.count(prefix) > 1)
        told = self.reset(scene, twice, exit=6).stderr
        for id in ids:
            self.assertEqual(id[:12] in told, id.startswith(twice), told)
        self.assertEqual(len(scene.versions(1000)), len(ids), "nothing was done")
        once = next(id for id in reversed(ids) if prefixes.count(id[:3]) == 1)
        self.reset(scene, once[:3])
        self.assertEqual(len(scene.versions(1000)), len(ids) + 1)
        self.assertIn("3", self.reset(scene, once[:2], exit=2).stderr)
        absent = next(prefix for prefix in (f"{i:03x}" for i in range(4096)) if prefix not in prefixes)
        self.assertIn(absent, self.reset(scene, absent, exit=1).stderr)

    def test_a_reset_needs_version_and_message_and_a_scenario_that_is_there(self):
        scene = self.made(1)
        id = scene.versions()[0]["id"]
        self.fleet.octl("scen", "reset", scene.name, "-v", id, exit=2)
        self.fleet.octl("scen", "reset", scene.name, "-m", "x", exit=2)
        self.fleet.octl("scen", "reset", "no such", "-v", id, "-m", "x", exit=1)
        self.fleet.octl("napp", "reset", "pi2", f"app@{scene.name}", "-v", id, "-m", "x", exit=1)

    def test_a_reset_of_one_nodeapp_makes_a_version_of_the_scenario(self):
        scene = self.made()
        old = scene.app_versions("pi1")[-1]["id"]
        self.fleet.octl("napp", "reset", "pi1", f"app@{scene.name}", "-v", old[:5], "-m", "pi1 back")
        self.assertEqual((scene.on("pi1") / "number").read_text(), "0")
        self.assertEqual((scene.on("pi0") / "number").read_text(), "2")
        versions = scene.versions()
        self.assertEqual((len(versions), versions[0]["message"]), (4, "pi1 back"))
        self.reset(scene, versions[1]["id"])
        self.assert_is(scene, 2)
        self.reset(scene, versions[0]["id"])  # the mixed state is a version like any other
        self.assertEqual([(scene.on(node) / "number").read_text() for node in ("pi0", "pi1")], ["2", "0"])

    def test_after_a_reset_prepare_brings_just_the_bundle(self):
        scene = self.made()
        self.reset(scene, scene.versions()[2]["id"])
        scene.source("number").write_text("new")
        scene.apply("prepare", "-m", "new")
        self.assertEqual(sorted(path.name for path in scene.on().iterdir()), [".git", "number"])

    def test_a_version_that_lacks_an_app_is_partial_also_when_it_is_reset_to(self):
        scene = self.made(1)
        nested = scene.on("pi1") / "nested" / ".git"
        nested.mkdir(parents=True)  # cannot be versioned
        said = scene.apply("commit", "-m", "half", "--output", "text", exit=3).stdout
        self.assertIn("nested", said)
        self.assertIn("partial", said)
        nested.rmdir()
        newest = scene.versions()[0]
        self.assertEqual((newest["partial"], newest["missing"]), (True, ["app on pi1"]))
        self.reset(scene, newest["id"])
        self.assertTrue(scene.versions()[0]["partial"], "pi1 was not brought anywhere")

    def test_what_was_not_committed_is_kept_by_a_reset(self):
        scene = self.made(2)
        (scene.on() / "number").write_text("by hand")
        self.reset(scene, scene.versions()[1]["id"])
        self.assert_is(scene, 0)
        self.assertTrue(any("before reset" in row["message"] for row in scene.app_versions()))


class Leaving(OneFleet):
    def test_an_apply_goes_on_without_octl_and_attach_shows_all_of_it(self):
        go, witness = self.fleet.base / "go", self.fleet.base / "witness"
        scene = self.scene().app("slow", ["pi0", "pi1"], prepare=(
            1, f"echo before >>$OCTOPODA_OUTPUT; echo x >>{witness}; until [ -e {go} ]; do sleep 0.02; done; echo after >>$OCTOPODA_OUTPUT"))
        scene.app("later", ["pi2"], prepare=(2, "echo later >did; echo came later >>$OCTOPODA_OUTPUT"))
        running = self.fleet.begin("scen", "apply", scene.folder, "-m", "left alone")
        try:
            wait_for(lambda: len(read_lines(witness)) == 2, what="the slow scripts")
            running.send_signal(signal.SIGKILL)
        finally:
            running.kill()
            running.communicate()
        task = json.loads(self.fleet.octl("task", "list", "--state", "running", "--output", "jsonl").stdout.splitlines()[0])["id"]
        refused = scene.apply("stop", exit=6).stderr
        self.assertIn(task, refused, "one at a time for a scenario")
        attached = self.fleet.begin("task", "attach", task, "--output", "text")
        try:
            go.touch()
            said, errors = attached.communicate(timeout=60)
        finally:
            attached.kill()
        self.assertEqual(attached.returncode, 0, said + errors)
        for words in ("sources of slow", "before", "after", "prepare slow on pi0: ok", "prepare slow on pi1: ok", "came later",
                      "commit later on pi2: ok", "start later on pi2: ok", "succeeded"):
            self.assertIn(words, said)
        self.assertEqual(read_lines(scene.on("pi2", "later") / "did"), ["later"])
        self.assertEqual(len(scene.versions()), 1)
        self.assertEqual(len(read_lines(witness)), 2, "no script ran twice")
        again = self.fleet.octl("task", "attach", task, "--output", "text").stdout
        self.assertEqual(again, said, "and again, once it is over")


if __name__ == "__main__":
    unittest.main()
