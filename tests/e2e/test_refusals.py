# SPDX-License-Identifier: MIT
"""What is refused: with a clear error, nothing lost, nothing crashed."""
import os
import pathlib
import random
import re
import shutil
import socket
import ssl
import subprocess
import unittest

from tests.support.fleet import BIN, Fleet, wait_for


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet(["pi0"]).__enter__()
        cls.scratch = cls.fleet.base / "scratch"
        cls.scratch.mkdir()

    @classmethod
    def tearDownClass(cls):
        cls.fleet.__exit__(None)

    def setUp(self):
        self.before = {process.pid for process in self.fleet.processes()}

    def tearDown(self):
        self.assertEqual({process.pid for process in self.fleet.processes()}, self.before, "no program has crashed")
        self.assertEqual(self.fleet.json("cmd", "run", "echo fine", "pi0")["results"][0]["stdout"], "fine\n")

    def octl_with(self, changes, name):
        """octl with changed settings and a state of its own."""
        text = (self.fleet.folder / "octl.yaml").read_text()
        for pattern, replacement in changes:
            text, count = re.subn(pattern, replacement, text)
            self.assertGreater(count, 0, pattern)
        folder = self.scratch / name
        folder.mkdir()
        settings = folder / "octl.yaml"
        text = re.sub(r"(?m)^stateFile:.*$", f"stateFile: {folder}/state", text)
        settings.write_text(text)
        environment = {**os.environ, "HOME": str(folder), "OCTL_NOSPINNER": "1"}
        return subprocess.run([BIN / "octl", "-c", settings, "node", "get"], env=environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60)

    def certificate_paths(self, settings):
        text = pathlib.Path(settings).read_text()
        return {key: re.search(rf"{key}:\s*\"?([^\"\s]+)", text).group(1) for key in ("caCert", "clientCert", "clientKey")}

    def test_a_wrong_password(self):
        done = self.octl_with([(r'(?m)^(\s+password:).*$', r'\1 "wrong password"')], "password")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("password", done.stderr)
        self.assertNotIn("wrong password", done.stderr + done.stdout)

    def test_a_certificate_of_another_ca(self):
        other = self.scratch / "other"
        other.mkdir()
        subprocess.run([BIN / "octopoda", "certgen", "ca", "otherCa"], cwd=other, check=True, capture_output=True)
        subprocess.run([BIN / "octopoda", "certgen", "client", "mallory"], cwd=other, check=True, capture_output=True)
        made = other / "mallory"
        done = self.octl_with([(r"(?m)^(\s+clientCert:).*$", rf"\1 {made}/client.pem"),
                               (r"(?m)^(\s+clientKey:).*$", rf"\1 {made}/client.key"),
                               (r"(?m)^(\s+caCert:).*$", rf"\1 {made}/ca.pem")], "ca")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("certificate", done.stderr)

    def test_a_node_certificate_used_as_operator(self):
        node = self.certificate_paths(next(self.fleet.folder.rglob("tentacle.yaml")))
        done = self.octl_with([(r"(?m)^(\s+clientCert:).*$", rf"\1 {node['clientCert']}"),
                               (r"(?m)^(\s+clientKey:).*$", rf"\1 {node['clientKey']}")], "role")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("certgen client", done.stderr)

    def test_a_second_node_of_the_same_name(self):
        settings = next(self.fleet.folder.rglob("tentacle.yaml"))
        text = settings.read_text()
        folder = self.scratch / "second"
        folder.mkdir()
        text = re.sub(r"(?m)^(\s*(?:dataDir|root|store|path):\s*).*$",
                      lambda match: f"{match.group(1)}{folder}/{match.group(0).split(':')[0].strip()}/", text)
        (folder / "tentacle.yaml").write_text(text)
        with open(folder / "out", "w+") as out:
            second = subprocess.Popen([BIN / "tentacle", "-c", folder / "tentacle.yaml", "-p"], stdout=out, stderr=out,
                                      stdin=subprocess.DEVNULL)
            try:
                wait_for(lambda: "another machine" in (folder / "out").read_text(), 30, "the refusal in the log")
            finally:
                second.terminate()
                second.wait(timeout=20)
        self.assertEqual(self.fleet.states(), {"pi0": "online"})

    def test_settings_and_certificate_that_differ_in_the_name(self):
        settings = next(self.fleet.folder.rglob("tentacle.yaml"))
        other = self.scratch / "tentacle-renamed.yaml"
        other.write_text(re.sub(r"(?m)^name:.*$", "name: pi9", settings.read_text()))
        done = subprocess.run([BIN / "tentacle", "-c", other, "-p"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("pi9", done.stderr)
        self.assertIn("pi0", done.stderr)

    def ports(self):
        """Every port that the fleet listens on."""
        inodes = set()
        for process in self.fleet.processes():
            for entry in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
                target = os.readlink(entry)
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
        found = []
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.append(int(fields[1].split(":")[1], 16))
        return found

    def test_garbage_on_every_port(self):
        ports = self.ports()
        self.assertGreaterEqual(len(ports), 3)
        random.seed(7)
        for port in ports:
            for payload in (b"abc", b"GET / HTTP/1.1\r\n\r\n", random.randbytes(100_000), b"\x16\x03\x01\xff\xff", b""):
                with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
                    peer.settimeout(10)
                    try:
                        peer.sendall(payload)
                        peer.shutdown(socket.SHUT_WR)
                        while peer.recv(65536):
                            pass
                    except OSError:
                        pass

    def link_port(self):
        brain = (self.fleet.folder / "brain" / "brain.yaml").read_text()
        return int(re.search(r"tentacleFace:(?:\n\s+.*?)*?\n\s+port:\s*(\d+)", brain).group(1))

    def speak(self, payload):
        """Bytes after a proper handshake with a node's certificate; until the Brain closes."""
        node = self.certificate_paths(next(self.fleet.folder.rglob("tentacle.yaml")))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(node["caCert"])
        context.load_cert_chain(node["clientCert"], node["clientKey"])
        with socket.create_connection(("127.0.0.1", self.link_port()), timeout=10) as raw:
            with context.wrap_socket(raw) as peer:
                peer.settimeout(20)
                try:
                    peer.sendall(payload)
                    while peer.recv(65536):
                        pass
                except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
                    pass

    def test_frames_that_are_short_oversized_truncated_or_nonsense(self):
        def header(length, kind, stream=0):
            return length.to_bytes(4, "big") + bytes([kind, 0, 0, 0]) + stream.to_bytes(4, "big")
        random.seed(11)
        for payload in (b"\x01\x02\x03" + b"", header(2**31, 1), header(17 * 1024, 1) + b"x" * 1000, header(4, 99) + b"abcd",
                        header(5, 6, 2) + b"abcde", header(3, 1) + b"\xff\xff\xff", random.randbytes(5000)):
            if len(payload) < 12:
                payload += b""  # a frame that never comes whole: the Brain gives up after its hello time
            self.speak(payload)

    def test_unreadable_settings(self):
        broken = self.scratch / "brain.yaml"
        broken.write_text("name: brain\ntentacleFase:\n  port: 1\noctlFace: [1, 2\n")
        done = subprocess.run([BIN / "brain", "-c", broken], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("brain.yaml:", done.stderr)
        broken.write_text((self.fleet.folder / "brain" / "brain.yaml").read_text() + "\ntentacleFase: {}\n")
        done = subprocess.run([BIN / "brain", "-c", broken], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("tentacleFace", done.stderr, "the nearest known key is offered")


class FullDisk(unittest.TestCase):
    """A small tmpfs under the ledger."""

    def test_a_full_disk_refuses_and_loses_nothing(self):
        with Fleet(["pi0"]) as fleet:
            brain = fleet.kill("brain")
            data = fleet.folder / "brain" / "data"
            keep = fleet.base / "keep"
            shutil.copytree(data, keep)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", data], check=True)
            try:
                shutil.copytree(keep, data, dirs_exist_ok=True)
                fleet.start_again(brain)
                fleet.wait_online()
                fleet.octl("cmd", "run", "true", "pi0")
                with open(data / "ballast", "wb", buffering=0) as ballast:
                    try:
                        while True:
                            ballast.write(b"x" * 4096)
                    except OSError:
                        pass
                refused = fleet.octl("cmd", "run", f"touch {fleet.base}/ran", "pi0", exit=None)
                self.assertNotEqual(refused.returncode, 0)
                self.assertFalse((fleet.base / "ran").exists(), "what was not stored is not run")
                (data / "ballast").unlink()
                again = wait_for(lambda: fleet.octl("cmd", "run", "echo fine", "pi0", exit=None).returncode == 0, 30, "recovery")
                self.assertTrue(again)
                self.assertGreaterEqual(len(fleet.json("task", "list")["tasks"]), 2)
                for process in fleet.processes("brain"):
                    process.kill(15)
            finally:
                for process in fleet.processes("brain"):
                    process.kill()
                subprocess.run(["umount", "-l", data], check=True)


if __name__ == "__main__":
    unittest.main()
