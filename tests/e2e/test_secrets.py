# SPDX-License-Identifier: MIT
"""A secret reaches the command, and nothing else: no disk, argument, environment or log of the fleet has it."""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import ssl
import unittest

from tests.support.fleet import Fleet, read_lines, wait_for

VALUE = b"a-secret/that+nobody~else-has\n\x00\xff"


def forms_of(value):
    """As it is, and as base64 shows it wherever it begins in a longer text; without the ends, which depend on what is beside."""
    return [value[:-2]] + [base64.b64encode(b"x" * pad + value)[4 if pad else 0:][:32] for pad in range(3)] + [value.hex().encode()]


def files_with(folder, forms):
    found = []
    for path in pathlib.Path(folder).rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and not path.is_symlink() and any(form in path.read_bytes() for form in forms):
                found.append(str(path))
    return found


def processes_with(forms):
    found = []
    for process in pathlib.Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                if any(form in (process / name).read_bytes() for form in forms):
                    found.append(f"{process / name}: {(process / 'cmdline').read_bytes()}")
    return found


class Secrets(unittest.TestCase):
    def fleet_with_secret(self, names):
        fleet = self.enterContext(Fleet(names))
        # Beside the fleet's folder, which is searched.
        self.file = fleet.base / "the secret"
        self.file.write_bytes(VALUE)
        return fleet

    def wait_back(self, fleet):
        wait_for(lambda: fleet.octl("node", "get", exit=None).returncode == 0, what="the Brain")
        fleet.wait_online()

    def assert_nowhere(self, fleet):
        self.assertEqual(files_with(fleet.folder, forms_of(VALUE)), [])
        self.assertEqual(processes_with(forms_of(VALUE)), [])

    def test_the_command_has_it_and_nothing_else(self):
        fleet = self.fleet_with_secret(["pi0", "pi1"])
        got, go = fleet.base / "got", fleet.base / "go"
        got.mkdir()
        running = fleet.begin("cmd", "run", f"cat $OCTOPODA_SECRET_KEY $OCTOPODA_SECRET_KEY >{got}/$OCTOPODA_NODENAME.part; "
                              f"mv {got}/$OCTOPODA_NODENAME.part {got}/$OCTOPODA_NODENAME; until [ -e {go} ]; do sleep 0.05; done; "
                              f"env; cat /proc/self/environ /proc/$$/cmdline >/dev/null; wc -c <$OCTOPODA_SECRET_KEY",
                              "pi0", "pi1", "--secret-file", f"KEY={self.file}", "--output", "json")
        wait_for(lambda: sorted(os.listdir(got)) == ["pi0", "pi1"], what="the commands")
        for node in ("pi0", "pi1"):
            self.assertEqual((got / node).read_bytes(), 2 * VALUE)
        self.assert_nowhere(fleet)
        go.touch()
        out, err = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 0, out + err)
        for row in json.loads(out)["results"]:
            self.assertIn("OCTOPODA_SECRET_KEY=/dev/fd/100\n", row["stdout"])
            self.assertTrue(row["stdout"].endswith(f"\n{len(VALUE)}\n"))
        self.assert_nowhere(fleet)

    def test_another_user_reads_it_after_a_delay(self):
        fleet = self.fleet_with_secret(["pi0"])
        task = fleet.json("cmd", "xrun", "head -c 27 $OCTOPODA_SECRET_KEY; head -c 27 <$OCTOPODA_SECRET_KEY; id -un", "-d", "1", "pi0",
                          "--user", "nobody", "--cwd", "/", "--secret-file", f"KEY={self.file}")["task"]
        fleet.octl("task", "wait", task)
        self.assertEqual(fleet.octl("task", "output", task, "--output", "text").stdout, 2 * VALUE[:27].decode() + "nobody\n")

    def test_a_script_reads_it(self):
        fleet = self.fleet_with_secret(["pi0"])
        script = fleet.base / "read it.sh"
        script.write_text('#!/bin/sh\nwc -c <"$OCTOPODA_SECRET_KEY"\n')
        self.assertEqual(fleet.octl("cmd", "run", "-ss", script, "pi0", "--secret-file", f"KEY={self.file}", "--output", "text").stdout,
                         f"{len(VALUE)}\n")

    def test_what_is_no_secret_is_refused_before_anything_is_asked(self):
        fleet = self.fleet_with_secret(["pi0"])
        for words, what in ((["A=/nowhere"], "/nowhere"), (["9=x"], "'9=x'"), (["A=/dev/null"], "secret A is empty"), (["A"], "<name>=<file>")):
            flags = [part for word in words for part in ("--secret-file", word)]
            done = fleet.octl("cmd", "run", "true", "pi0", *flags, exit=None)
            self.assertNotEqual(done.returncode, 0, words)
            if what != "'9=x'":
                self.assertIn(what, done.stderr)
        self.file.write_bytes(b"x" * 65537)
        self.assertIn("has more than 65536 bytes",
                      fleet.octl("cmd", "run", "true", "pi0", "--secret-file", f"A={self.file}", exit=1).stderr)
        self.assertEqual(fleet.json("task", "list")["tasks"], [])

    def test_a_retry_and_a_node_that_comes_later_get_it_while_the_brain_lives(self):
        fleet = self.fleet_with_secret(["pi0"])
        agent = fleet.kill("tentacle", "pi0")
        wait_for(lambda: fleet.states()["pi0"] == "offline", 60, "pi0 offline")
        running = fleet.begin("cmd", "run", "wc -c <$OCTOPODA_SECRET_KEY; [ $OCTOPODA_ATTEMPT = 2 ]", "pi0", "--retries", "2",
                              "--secret-file", f"KEY={self.file}", "--output", "json")
        wait_for(lambda: [t for t in fleet.json("task", "list")["tasks"] if t["runs"].get("queued")], what="the queued run")
        self.assert_nowhere(fleet)
        fleet.start_again(agent)
        out, err = running.communicate(timeout=60)
        row = json.loads(out)["results"][0]
        self.assertEqual((row["state"], row["attempt"], row["stdout"]), ("succeeded", 2, f"{len(VALUE)}\n"), out + err)

    def test_with_the_brain_goes_the_secret_and_a_queued_run_says_so(self):
        fleet = self.fleet_with_secret(["pi0", "pi1"])
        got, go = fleet.base / "got", fleet.base / "go"
        agent = fleet.kill("tentacle", "pi1")
        wait_for(lambda: fleet.states()["pi1"] == "offline", 60, "pi1 offline")
        running = fleet.begin("cmd", "run", f"echo $OCTOPODA_NODENAME >>{got}; until [ -e {go} ]; do sleep 0.05; done; "
                              "wc -c <$OCTOPODA_SECRET_KEY; exit 3", "pi0", "pi1", "--retries", "3",
                              "--secret-file", f"KEY={self.file}", "--output", "json")
        wait_for(lambda: read_lines(got) == ["pi0"], what="the run on the node that is there")
        fleet.start_again(fleet.kill("brain"))
        fleet.start_again(agent)
        self.wait_back(fleet)
        go.touch()
        out, err = running.communicate(timeout=60)
        rows = {row["name"]: row for row in json.loads(out)["results"]}
        self.assertEqual(running.returncode, 4, out + err)
        self.assertEqual((rows["pi0"]["state"], rows["pi0"]["stdout"]), ("failed", f"{len(VALUE)}\n"))
        self.assertNotIn("attempt", rows["pi0"], "it had its secret; without one it is not tried again")
        self.assertEqual(rows["pi1"]["state"], "rejected")
        self.assertIn("held in memory only, and the Brain was restarted: run it again", rows["pi1"]["reason"])
        self.assertEqual(read_lines(got), ["pi0"])
        self.assert_nowhere(fleet)

    def test_a_run_that_was_armed_keeps_it_when_brain_and_agent_are_restarted(self):
        fleet = self.fleet_with_secret(["pi0"])
        task = fleet.json("cmd", "xrun", "wc -c <$OCTOPODA_SECRET_KEY", "-d", "8", "pi0", "--secret-file", f"KEY={self.file}")["task"]
        brain, agent = fleet.kill("brain"), fleet.kill("tentacle", "pi0")
        fleet.start_again(brain)
        fleet.start_again(agent)
        self.wait_back(fleet)
        fleet.octl("task", "wait", task)
        self.assertEqual(fleet.octl("task", "output", task, "--output", "text").stdout, f"{len(VALUE)}\n")

    def test_a_key_with_another_secret_is_another_request(self):
        fleet = self.fleet_with_secret(["pi0"])
        settings = (fleet.folder / "octl.yaml").read_text()

        def value_of(key):
            return re.search(rf"(?m)^\s*{key}:\s*\"?([^\"\n]*)", settings).group(1)

        context = ssl.create_default_context(cafile=value_of("caCert"))
        context.check_hostname = False
        context.load_cert_chain(value_of("clientCert"), value_of("clientKey"))
        logs = "".join(path.read_text() for path in (fleet.folder / "brain" / "log").glob("brain_*.log"))
        address = re.search(r"operators at (\S+)", logs).group(1)

        def post(path, body, **headers):
            connection = http.client.HTTPSConnection(address, context=context, timeout=30)
            with contextlib.closing(connection):
                connection.request("POST", "/api/v2" + path, json.dumps(body), headers)
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())

        status, answer = post("/login", {"group": "", "password": value_of("password")})
        self.assertEqual(status, 200, answer)
        headers = {"authorization": f"Bearer {answer['token']}", "idempotency-key": "one-key"}
        body = {"text": "true", "nodes": ["pi0"], "secrets": {"KEY": base64.b64encode(VALUE).decode()}}
        status, first = post("/tasks", body, **headers)
        self.assertEqual(status, 201, first)
        self.assertEqual(post("/tasks", body, **headers), (201, first))
        for secrets in ({"KEY": base64.b64encode(b"another").decode()}, {}):
            self.assertEqual(post("/tasks", {**body, "secrets": secrets}, **headers)[0], 422)
        fleet.start_again(fleet.kill("brain"))
        self.wait_back(fleet)
        self.assertEqual(post("/tasks", body, **headers), (201, first), "also after a restart")
        self.assertEqual(post("/tasks", {**body, "secrets": {"KEY": "YQ=="}}, **headers)[0], 422)
        for secrets, status in (({"KEY": "not base64!"}, 400), ({"KEY": ""}, 400), ({"a b": "YQ=="}, 400),
                                ({"KEY": base64.b64encode(b"x" * 65537).decode()}, 413), ({f"K{i}": "YQ==" for i in range(17)}, 413)):
            got, problem = post("/tasks", {**body, "secrets": secrets}, **{**headers, "idempotency-key": "other"})
            self.assertEqual(got, status, problem)
            self.assertIn("secrets", problem["detail"])
        self.assert_nowhere(fleet)


if __name__ == "__main__":
    unittest.main()
