# SPDX-License-Identifier: MIT
"""Certificates, init, up, down, passwd: what people do before there is a fleet."""
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

from tests.support.fleet import BIN, Fleet, wait_for

QUIET = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 60}


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="octopoda-setup."))
        self.started = []

    def tearDown(self):
        for process in self.started:
            process.kill()
            process.wait()
        subprocess.run([BIN / "octopoda", "down", "--dir", self.folder / "fleet"], **QUIET)
        self.assertEqual(self.daemons(), [])
        shutil.rmtree(self.folder)

    def octopoda(self, *words, exit=0, **options):
        done = subprocess.run([BIN / "octopoda", *map(str, words)], cwd=self.folder, **{**QUIET, **options})
        self.assertEqual(done.returncode, exit, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def start(self, program, *words):
        started = subprocess.Popen([BIN / program, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, cwd=self.folder)
        self.started.append(started)
        return started

    def daemons(self):
        """Programs that work on this test's folder."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.folder) in path.read_bytes().decode(errors="replace"):
                    found.append(path.parent.name)
            except (FileNotFoundError, ProcessLookupError):
                pass
        return found

    def nodes(self, settings, exit=0):
        done = subprocess.run([BIN / "octl", "-c", settings, "node", "get"], **QUIET)
        if exit is not None:
            self.assertEqual(done.returncode, exit, done.stderr)
        return re.findall(r'"name": "(.*)"', done.stdout)


class Certificates(Folder):
    def openssl(self, *words):
        return subprocess.run(["openssl", *map(str, words)], check=True, cwd=self.folder, **QUIET).stdout

    def test_every_role_has_its_files_its_name_and_its_usage(self):
        self.octopoda("certgen", "ca", "helloCa")
        self.octopoda("certgen", "server", "helloNs", "192.0.2.1", "ns.example")
        self.octopoda("certgen", "brain", "brain", "192.0.2.2")
        self.octopoda("certgen", "node", "pi0")
        self.octopoda("certgen", "client", "alice")
        (self.folder / "names").write_text("pi1\n\n  pi2  \n")
        self.octopoda("certgen", "clientlist", "names")
        self.octopoda("certgen", "svr", "short", "192.0.2.3")
        for path, role, usage in (("helloNs/server", "nameserver/helloNs", "TLS Web Server"),
                                  ("brain/server", "brain/brain", "TLS Web Server"), ("pi0/client", "node/pi0", "TLS Web Client"),
                                  ("alice/client", "client/alice", "TLS Web Client"), ("pi1/client", "node/pi1", "TLS Web Client"),
                                  ("pi2/client", "node/pi2", "TLS Web Client")):
            text = self.openssl("x509", "-in", f"{path}.pem", "-noout", "-text")
            self.assertIn(f"URI:octopoda://helloCa/{role}", text)
            self.assertIn("ASN1 OID: prime256v1", text)
            self.assertIn(usage, text)
            self.assertIn("Digital Signature", text)
            self.openssl("verify", "-CAfile", "ca.pem", f"{path}.pem")
            self.assertEqual(stat.S_IMODE((self.folder / f"{path}.key").stat().st_mode), 0o600)
            self.assertEqual((self.folder / path).parent.joinpath("ca.pem").read_bytes(), (self.folder / "ca.pem").read_bytes())
        ns = self.openssl("x509", "-in", "helloNs/server.pem", "-noout", "-text")
        self.assertIn("IP Address:192.0.2.1", ns)
        self.assertIn("DNS:ns.example", ns)
        self.assertEqual(stat.S_IMODE((self.folder / "ca.key").stat().st_mode), 0o600)

    def test_nothing_is_replaced_without_force(self):
        self.assertIn("certgen ca", self.octopoda("certgen", "node", "pi0", exit=1), "without a CA the command is named")
        self.octopoda("certgen", "ca", "net")
        before = (self.folder / "ca.key").read_bytes()
        self.assertIn("--force", self.octopoda("certgen", "ca", "net", exit=1))
        self.assertEqual((self.folder / "ca.key").read_bytes(), before)
        self.octopoda("certgen", "node", "pi0")
        self.assertIn("--force", self.octopoda("certgen", "node", "pi0", exit=1))
        self.octopoda("certgen", "node", "pi0", "--force")

    def test_bad_words_are_named(self):
        self.octopoda("certgen", "ca", "net")
        for words, word in ((("node", "../pi0"), "../pi0"), (("node", "brain"), "brain"), (("server", "ns"), "ADDRESS"),
                            (("brain", "brain", "not an address!"), "not an address!"), (("clientlist", "none"), "none"),
                            (("dance",), "dance"), (("node",), "NAME")):
            done = subprocess.run([BIN / "octopoda", "certgen", *words], cwd=self.folder, **QUIET)
            self.assertIn(done.returncode, (1, 2), words)
            self.assertIn(word, done.stderr, words)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["ca.key", "ca.pem"])

    def test_a_certificate_of_the_wrong_role_names_the_right_command(self):
        fleet = self.folder / "fleet"
        self.octopoda("init", "--dir", fleet)
        cases = (("nameserver", "nameserver/httpns.yaml", "nameserver/cert/server", "certgen server"),
                 ("brain", "brain/brain.yaml", "brain/cert/server", "certgen brain"),
                 ("tentacle", "pi0/tentacle.yaml", "pi0/cert/client", "certgen node"))
        for program, settings, pem, command in cases:
            for suffix in (".pem", ".key"):
                shutil.copy(fleet / f"octl/cert/client{suffix}", fleet / f"{pem}{suffix}")
            done = subprocess.run([BIN / program, "-c", fleet / settings], **QUIET)
            self.assertEqual(done.returncode, 1, program)
            self.assertIn(command, done.stderr)
            (fleet / f"{pem}.pem").unlink()
            done = subprocess.run([BIN / program, "-c", fleet / settings], **QUIET)
            self.assertEqual(done.returncode, 1, program)
            self.assertIn(command, done.stderr)


class Init(Folder):
    def test_the_programs_start_on_what_init_made(self):
        fleet = self.folder / "fleet"
        said = self.octopoda("init", "--dir", fleet, "--node", "board7")
        password = re.search(r"shown this once.*: (\S+)", said).group(1)
        self.assertIn(password, (fleet / "octl.yaml").read_text())
        self.assertEqual(stat.S_IMODE((fleet / "octl.yaml").stat().st_mode), 0o600)
        self.assertNotIn(password, (fleet / "brain" / "data" / "root.passwd").read_text())
        daemons = [self.start("nameserver", "-c", fleet / "nameserver/httpns.yaml", "-p"),
                   self.start("brain", "-c", fleet / "brain/brain.yaml", "-p"),
                   self.start("tentacle", "-c", fleet / "board7/tentacle.yaml", "-p")]
        wait_for(lambda: self.nodes(fleet / "octl.yaml", exit=None) == ["board7"], 30, "the node")
        for daemon in daemons:
            daemon.send_signal(signal.SIGTERM)
            said = daemon.communicate(timeout=20)[0]
            self.assertEqual(daemon.returncode, 0, said)
            self.assertIn("stopped", said, "-p logs to the terminal")
        self.assertIn("fleet", self.octopoda("init", "--dir", fleet, exit=1))

    def test_a_brain_without_password_names_the_command_and_takes_the_one_it_is_given(self):
        fleet = self.folder / "fleet"
        self.octopoda("init", "--dir", fleet)
        hashed = fleet / "brain" / "data" / "root.passwd"
        hashed.unlink()
        settings = fleet / "brain" / "brain.yaml"
        done = subprocess.run([BIN / "brain", "-c", settings], **QUIET)
        self.assertEqual(done.returncode, 1)
        self.assertIn("brain passwd", done.stderr)
        for bad in ("\n", "x" * 5000 + "\n"):
            done = subprocess.run([BIN / "brain", "-c", settings, "passwd"], **{**QUIET, "stdin": None, "input": bad})
            self.assertEqual(done.returncode, 1)
            self.assertFalse(hashed.exists())
        done = subprocess.run([BIN / "brain", "-c", settings, "passwd"], **{**QUIET, "stdin": None, "input": "new word\n"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(hashed.read_text().startswith("$argon2id$"))
        self.assertEqual(stat.S_IMODE(hashed.stat().st_mode), 0o600)
        self.octopoda("up", "--dir", fleet, "--detach", exit=1)  # octl.yaml has the old one
        octl = fleet / "octl.yaml"
        octl.write_text(re.sub(r"(?m)^  password: .*$", '  password: "new word"', octl.read_text()))
        self.octopoda("up", "--dir", fleet, "--detach")
        self.assertEqual(self.nodes(octl), ["pi0"])


class UpAndDown(Folder):
    def test_a_fleet_comes_goes_and_comes_back_the_same(self):
        fleet = self.folder / "fleet"
        said = self.octopoda("up", "--nodes", "2", "--dir", fleet, "--detach")
        self.assertIn(f"OCTL_CONFIG={fleet}/octl.yaml", said)
        self.assertEqual(self.nodes(fleet / "octl.yaml"), ["pi0", "pi1"])
        self.assertTrue((fleet / "pi1" / "workspace").is_dir())
        self.assertIn(str(fleet), self.octopoda("up", "--dir", fleet, "--detach", exit=1), "twice is refused")
        self.assertEqual(self.nodes(fleet / "octl.yaml"), ["pi0", "pi1"], "and harms nothing")
        before = (fleet / "ca" / "ca.pem").read_bytes()
        self.octopoda("down", "--dir", fleet)
        self.assertEqual(self.daemons(), [])
        self.assertIn("nothing", self.octopoda("down", "--dir", fleet))
        self.octopoda("up", "--dir", fleet, "--detach")
        self.assertEqual(self.nodes(fleet / "octl.yaml"), ["pi0", "pi1"])
        self.assertEqual((fleet / "ca" / "ca.pem").read_bytes(), before)

    def test_down_ends_the_commands_too(self):
        fleet = self.folder / "fleet"
        self.octopoda("up", "--nodes", "1", "--dir", fleet, "--detach")
        mark = f"{self.folder}/mark"
        environment = {**os.environ, "OCTL_CONFIG": str(fleet / "octl.yaml")}
        subprocess.run([BIN / "octl", "cmd", "run", "-bg", f"tail -f /dev/null --pid=$$ {mark}", "pi0"], env=environment, check=True,
                       **QUIET)
        self.octopoda("down", "--dir", fleet)
        self.assertEqual(self.daemons(), [])

    def test_in_the_foreground_it_ends_with_its_terminal(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            fleet = self.folder / "fleet"
            up = self.start("octopoda", "up", "--names", "a,b", "--dir", fleet)
            for line in up.stdout:
                if "stop it" in line or "are up" in line:
                    break
            self.assertEqual(self.nodes(fleet / "octl.yaml"), ["a", "b"])
            up.send_signal(number)
            up.wait(timeout=30)
            if number != signal.SIGKILL:
                self.assertIn(up.returncode, (0, 130))
            wait_for(lambda: self.daemons() == [], 20, f"the end of all daemons after signal {number}")

    def test_what_cannot_be_is_named(self):
        for words, word in ((("--nodes", "0"), "nodes"), (("--nodes", "x"), "x"), (("--names", "a,a"), "a"), (("--names", "../x"), "../x"),
                            (("--names", "brain"), "brain"), (("--names", "octl"), "octl"), (("--dance",), "dance"),
                            (("--dir", "/proc/none"), "/proc/none")):
            words = words if "--dir" in words else (*words, "--dir", self.folder / "fleet")
            done = subprocess.run([BIN / "octopoda", "up", "--detach", *map(str, words)], cwd=self.folder, **QUIET)
            self.assertIn(done.returncode, (1, 2), words)
            self.assertIn(word, done.stderr, words)
        self.assertEqual(self.daemons(), [])

    def test_a_port_that_is_taken_meanwhile_is_chosen_anew(self):
        fleet = self.folder / "fleet"
        self.octopoda("up", "--nodes", "1", "--dir", fleet, "--detach")
        self.octopoda("down", "--dir", fleet)
        port = int(re.search(r"(?m)^servePort: (\d+)", (fleet / "nameserver/httpns.yaml").read_text()).group(1))
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            thief.bind(("127.0.0.1", port))
            thief.listen()
            self.octopoda("up", "--dir", fleet, "--detach")
            self.assertEqual(self.nodes(fleet / "octl.yaml"), ["pi0"])


class EveryProgram(Folder):
    def test_version_help_and_unknown_words(self):
        version = subprocess.run([BIN / "octl", "-version"], check=True, **QUIET).stdout.split()[-1]
        for program in ("nameserver", "brain", "tentacle"):
            done = subprocess.run([BIN / program, "-version"], **QUIET)
            self.assertEqual(done.returncode, 0)
            self.assertIn(version, done.stdout)
            self.assertEqual(subprocess.run([BIN / program, "--help"], **QUIET).returncode, 0)
            self.assertEqual(subprocess.run([BIN / program, "--dance"], **QUIET).returncode, 2)
            missing = subprocess.run([BIN / program, "-c", self.folder / "none.yaml"], **QUIET)
            self.assertEqual(missing.returncode, 1)
            self.assertIn("none.yaml", missing.stderr)
        self.assertIn(version, self.octopoda("--version"))
        self.octopoda("--help")

    def test_the_agent_needs_nothing_but_the_libc_family(self):
        done = subprocess.run(["ldd", BIN / "tentacle"], check=True, **QUIET)
        for line in done.stdout.splitlines():
            self.assertRegex(line, r"linux-vdso|libc\.so|libm\.so|libdl\.so|libpthread\.so|librt\.so|ld-linux")


if __name__ == "__main__":
    unittest.main()
