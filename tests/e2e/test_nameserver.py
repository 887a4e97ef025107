# SPDX-License-Identifier: MIT
"""Where is the Brain? The nameserver as its users meet it: HTTPS, names, files, and everybody finding everybody again."""
import json
import os
import pathlib
import re
import socket
import subprocess
import unittest

from tests.support.fleet import BIN, Fleet, wait_for


class NameServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet(["pi0"]).__enter__()
        settings = cls.fleet.folder / "nameserver" / "httpns.yaml"
        cls.port = int(re.search(r"(?m)^servePort:\s*(\d+)", settings.read_text()).group(1))
        cls.ca = cls.fleet.folder / "ca" / "ca.pem"

    @classmethod
    def tearDownClass(cls):
        cls.fleet.__exit__(None)

    def ask(self, target, *options, certificate=None):
        """HTTP status and body."""
        words = ["curl", "-s", "--path-as-is", "--cacert", self.ca, "-w", "\n%{http_code}", *options]
        if certificate:
            words += ["--cert", f"{certificate}.pem", "--key", f"{certificate}.key"]
        done = subprocess.run([*words, f"https://127.0.0.1:{self.port}{target}"], capture_output=True, text=True, timeout=30)
        body, status = done.stdout.rsplit("\n", 1)
        return int(status), body

    def value(self, key):
        status, body = self.ask(f"/query?key={key}")
        return json.loads(body)["value"] if status == 200 else None

    def test_reads_need_no_certificate(self):
        self.assertEqual(self.ask("/ping")[0], 200)
        status, body = self.ask("/list?method=prefix&key=brain.")
        self.assertEqual(status, 200)
        keys = [entry["key"] for entry in json.loads(body)["entries"]]
        self.assertEqual(keys, ["brain.octlFace.request", "brain.tentacleFace.link", "brain.tentacleFace.message"])
        self.assertGreaterEqual(json.loads(self.ask("/summary")[1])["names"], 3)
        self.assertEqual(self.ask("/query?key=brain.none")[0], 404)

    def test_only_the_brain_writes_and_only_its_own_names(self):
        entry = json.dumps({"entries": [{"key": "brain.stolen", "value": "x", "ttl": -1}]})
        other = json.dumps({"entries": [{"key": "other.name", "value": "x", "ttl": -1}]})
        folder = self.fleet.folder
        for certificate, status in ((None, 401), (folder / "octl" / "cert" / "client", 403),
                                    (folder / "pi0" / "cert" / "client", 403)):
            self.assertEqual(self.ask("/register", "-d", entry, certificate=certificate)[0], status)
            self.assertEqual(self.ask("/delete?key=brain.octlFace.request", "-X", "POST", certificate=certificate)[0], status)
        brain = folder / "brain" / "cert" / "server"
        self.assertEqual(self.ask("/register", "-d", other, certificate=brain)[0], 403)
        self.assertIsNone(self.value("brain.stolen"))
        self.assertEqual(self.ask("/register", "-d", entry, certificate=brain)[0], 200)
        self.assertEqual(self.value("brain.stolen"), "x")
        self.assertEqual(self.ask("/delete?key=brain.stolen", "-X", "POST", certificate=brain)[0], 200)

    def test_a_broken_percent_escape_is_refused_here_and_by_the_brain(self):
        status, body = self.ask("/list?method=contain&key=%2")
        self.assertEqual(status, 400)
        self.assertEqual(json.loads(body)["status"], 400)
        octl = (self.fleet.folder / "octl.yaml").read_text()
        port, self.port = self.port, int(re.findall(r"(?m)^  port: (\d+)", octl)[1])
        try:
            status, body = self.ask("/api/v2/ping?x=%2", certificate=self.fleet.folder / "octl" / "cert" / "client")
        finally:
            self.port = port
        self.assertEqual(status, 400)
        self.assertIn("percent escape", json.loads(body)["detail"])

    def test_plain_http_and_nonsense_get_nothing(self):
        plain = subprocess.run(["curl", "-s", "-m", "10", f"http://127.0.0.1:{self.port}/ping"], capture_output=True, timeout=30)
        self.assertNotEqual(plain.returncode, 0)
        self.assertNotIn(b"version", plain.stdout)
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as peer:
            peer.sendall(os.urandom(4096))
        self.assertEqual(self.ask("/ping")[0], 200)


class FoundAgain(unittest.TestCase):
    def test_records_survive_a_kill_of_the_nameserver(self):
        with Fleet(["pi0"]) as fleet:
            fleet.kill("brain")  # nobody renews them
            nameserver = fleet.kill("nameserver")
            fleet.start_again(nameserver)
            port = re.search(r"(?m)^servePort:\s*(\d+)", (fleet.folder / "nameserver" / "httpns.yaml").read_text()).group(1)
            query = ["curl", "-s", "--cacert", fleet.folder / "ca" / "ca.pem",
                     f"https://127.0.0.1:{port}/query?key=brain.octlFace.request"]
            answer = wait_for(lambda: subprocess.run(query, capture_output=True, text=True).stdout, what="the nameserver's answer")
            self.assertIn("127.0.0.1:", json.loads(answer)["value"])

    def test_a_brain_that_moved_is_found_by_everybody(self):
        with Fleet(["pi0", "pi1"]) as fleet:
            fleet.octl("cmd", "run", "true", "pi0")
            brain = fleet.kill("brain")
            settings = fleet.folder / "brain" / "brain.yaml"
            text = settings.read_text()
            for port in re.findall(r"(?m)^  port: (\d+)$", text)[1:]:  # the first one is the nameserver's
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", 0))
                    text = text.replace(f"port: {port}", f"port: {probe.getsockname()[1]}")
            settings.write_text(text)
            fleet.start_again(brain)
            wait_for(lambda: fleet.octl("node", "get", exit=None).returncode == 0, 30, "octl at the new address")
            fleet.wait_online()
            self.assertEqual(fleet.json("cmd", "run", "echo found", "ALL")["success"], 2)

    def test_without_its_nameserver_a_node_remembers_the_brain(self):
        with Fleet(["pi0"]) as fleet:
            settings = fleet.folder / "pi0" / "tentacle.yaml"
            settings.write_text(re.sub(r"(?m)^(brain:\n  name: brain\n).*\n.*\n", r"\1", settings.read_text()))
            self.assertNotIn("  ip:", settings.read_text(), "only its memory can tell")
            fleet.wait_online()  # octl too has learnt the address by now
            fleet.kill("nameserver")
            agent = fleet.kill("tentacle", "pi0")
            wait_for(lambda: fleet.states()["pi0"] != "online", what="the loss")
            fleet.start_again(agent)
            fleet.wait_online()

    def test_a_disabled_nameserver_is_not_asked(self):
        with Fleet(["pi0"]) as fleet:
            fleet.kill("nameserver")
            for settings in (fleet.folder / "pi0" / "tentacle.yaml", fleet.folder / "octl.yaml"):
                settings.write_text(settings.read_text().replace("enable: true", "enable: false"))
            (fleet.folder / "octl" / "state").unlink(missing_ok=True)
            agent = fleet.kill("tentacle", "pi0")
            for memory in (fleet.folder / "pi0" / "data").glob("*address*"):
                memory.unlink()
            fleet.start_again(agent)
            fleet.wait_online()


class StaticDir(unittest.TestCase):
    def test_packages_are_served_with_ranges(self):
        with Fleet(["pi0"]) as fleet:
            release = fleet.base / "release"
            release.mkdir()
            (release / "pack.tar").write_bytes(bytes(range(256)) * 4096)
            (release / "link").symlink_to(fleet.folder / "ca" / "ca.key")
            settings = fleet.folder / "nameserver" / "httpns.yaml"
            settings.write_text(settings.read_text() + f"\nstaticDir:\n  - url: /release\n    dir: {release}\n")
            nameserver = fleet.kill("nameserver")
            fleet.start_again(nameserver)
            port = re.search(r"(?m)^servePort:\s*(\d+)", settings.read_text()).group(1)
            curl = ["curl", "-s", "-f", "--path-as-is", "--cacert", fleet.folder / "ca" / "ca.pem"]
            url = f"https://127.0.0.1:{port}/release"
            whole = pathlib.Path(fleet.base / "got")
            wait_for(lambda: subprocess.run([*curl, "-o", whole, f"{url}/pack.tar"]).returncode == 0, what="the file")
            self.assertEqual(whole.read_bytes(), (release / "pack.tar").read_bytes())
            part = subprocess.run([*curl, "-r", "1000-1003", f"{url}/pack.tar"], capture_output=True)
            self.assertEqual(part.stdout, whole.read_bytes()[1000:1004])
            whole.write_bytes(whole.read_bytes()[:500_000])  # a download that broke off goes on
            subprocess.run([*curl, "-C", "-", "-o", whole, f"{url}/pack.tar"], check=True)
            self.assertEqual(whole.read_bytes(), (release / "pack.tar").read_bytes())
            head = subprocess.run([*curl, "-I", f"{url}/pack.tar"], capture_output=True, text=True).stdout
            self.assertIn("content-length: 1048576\n", head.replace("\r", ""))
            part = subprocess.run([*curl, "-D", "-", "-r", "0-9", "-o", whole, f"{url}/pack.tar"], capture_output=True, text=True).stdout
            self.assertIn("content-length: 10\n", part.replace("\r", ""))
            self.assertNotIn("transfer-encoding", part)
            for path in ("/link", "/../ca/ca.key", "/%2e%2e/fleet/ca/ca.key", "/"):
                self.assertNotEqual(subprocess.run([*curl, url + path], capture_output=True).returncode, 0, path)


if __name__ == "__main__":
    unittest.main()
