# SPDX-License-Identifier: MIT
"""Certificates, init, up, down, passwd: what people do before there is a fleet."""
import contextlib
import ctypes
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import termios
import unittest

from tests.support.fleet import BIN, Fleet, Process, wait_for

QUIET = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 60}


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="octopoda-setup."))
        self.started = []

    def tearDown(self):
        for process in self.started:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
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

    def test_a_list_is_continued_where_one_exists(self):
        self.octopoda("certgen", "ca", "net")
        self.octopoda("certgen", "node", "pi1")
        before = (self.folder / "pi1" / "client.key").read_bytes()
        names = self.folder / "names"
        names.write_text("pi0\npi1\npi2\n")
        said = self.octopoda("certgen", "clientlist", "names")
        self.assertIn("kept: pi1\n", said)
        for name in ("pi0", "pi2"):
            self.assertTrue((self.folder / name / "client.pem").exists(), name)
        self.assertEqual((self.folder / "pi1" / "client.key").read_bytes(), before)
        self.assertEqual(self.octopoda("certgen", "clientlist", "names"), "kept: pi0\nkept: pi1\nkept: pi2\n")
        names.write_text("pi7\n../pi8\n")
        self.octopoda("certgen", "clientlist", "names", exit=1)
        self.assertFalse((self.folder / "pi7").exists(), "all names are judged first")
        names.write_text("pi1\n")
        self.octopoda("certgen", "clientlist", "names", "--force")
        self.assertNotEqual((self.folder / "pi1" / "client.key").read_bytes(), before)

    def test_bad_words_are_named(self):
        self.octopoda("certgen", "ca", "net")
        for words, word in ((("node", "../pi0"), "../pi0"), (("node", "brain"), "brain"), (("server", "ns"), "ADDRESS"),
                            (("brain", "brain", "not an address!"), "not an address!"), (("clientlist", "none"), "none"),
                            (("server", "ns", "999.1.1.1"), "999.1.1.1"), (("server", "ns", "10.0.0.1", "0.0.0.0"), "0.0.0.0"),
                            (("brain", "my.brain", "10.0.0.1"), "my.brain"), (("brain", "my brain", "10.0.0.1"), "my brain"),
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

    def test_an_address_that_cannot_be_makes_nothing(self):
        fleet = self.folder / "fleet"
        for ip in ("bogus", "300.1.1.1", "0.0.0.0", "::1", ""):
            self.assertIn("--ip", self.octopoda("init", "--dir", fleet, "--ip", ip, exit=1))
            self.assertFalse(fleet.exists(), ip)
        self.octopoda("init", "--dir", fleet, "--ip", "192.0.2.1")

    def test_ctrl_c_where_a_password_is_asked_for_is_130_and_changes_nothing(self):
        fleet = self.folder / "fleet"
        self.octopoda("init", "--dir", fleet)
        before = (fleet / "brain/data/root.passwd").read_bytes()
        for key, exit in ((b"\x03", 130), (b"\x04", 1)):
            ours, theirs = pty.openpty()
            asked = subprocess.Popen([BIN / "brain", "-c", fleet / "brain/brain.yaml", "passwd"], stdin=theirs,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            self.started.append(asked)
            wait_for(lambda: not termios.tcgetattr(theirs)[3] & termios.ECHO, what="the mute prompt")
            os.write(ours, key)
            self.assertEqual(asked.wait(timeout=20), exit, key)
            os.close(ours)
            os.close(theirs)
        self.assertEqual((fleet / "brain/data/root.passwd").read_bytes(), before)

    def test_secrets_that_everybody_can_read_are_named_with_the_command_that_mends_it(self):
        fleet = self.folder / "fleet"
        self.octopoda("init", "--dir", fleet)
        for program, settings, secrets in (("nameserver", "nameserver/httpns.yaml", ["nameserver/cert/server.key"]),
                                           ("brain", "brain/brain.yaml", ["brain/cert/server.key", "brain/data/root.passwd"]),
                                           ("tentacle", "pi0/tentacle.yaml", ["pi0/cert/client.key"])):
            log = (fleet / settings).parent / "log"
            read = lambda: "".join(path.read_text() for path in log.glob("*.log"))
            ready = {"nameserver": "listens on", "brain": "operators at", "tentacle": "runs in"}[program]
            for mode, warned in ((0o600, False), (0o640, False), (0o644, True)):
                for path in log.glob("*.log"):
                    path.unlink()
                for secret in secrets:
                    (fleet / secret).chmod(mode)
                daemon = self.start(program, "-c", fleet / settings)
                wait_for(lambda: ready in read(), what=f"the start of {program}")
                daemon.terminate()
                daemon.communicate(timeout=20)
                for secret in secrets:
                    self.assertEqual(f"chmod 600 {fleet / secret}" in read(), warned, read())

    def test_a_changed_password_ends_the_tokens_of_the_old_one(self):
        fleet = self.folder / "fleet"
        self.octopoda("up", "--nodes", "1", "--dir", fleet, "--detach")
        octl = (fleet / "octl.yaml").read_text()
        port = re.findall(r"(?m)^  port: (\d+)", octl)[1]
        password = re.search(r'(?m)^  password: "(.*)"', octl).group(1)
        curl = ["curl", "-s", "--cacert", fleet / "ca/ca.pem", "--cert", fleet / "octl/cert/client.pem",
                "--key", fleet / "octl/cert/client.key"]
        brain = f"https://127.0.0.1:{port}/api/v2"

        def log_in(word):
            body = json.dumps({"group": "", "password": word})
            return json.loads(subprocess.run([*curl, "-d", body, f"{brain}/login"], **QUIET).stdout)

        def status(token):
            words = [*curl, "-o", "/dev/null", "-w", "%{http_code}", "-H", f"authorization: Bearer {token}", f"{brain}/nodes"]
            return subprocess.run(words, **QUIET).stdout

        token = log_in(password)["token"]
        self.assertEqual(status(token), "200")

        def restart(new):
            if new:
                subprocess.run([BIN / "brain", "-c", fleet / "brain/brain.yaml", "passwd"], input=f"{new}\n", check=True,
                               **{key: QUIET[key] for key in ("capture_output", "text", "timeout")})
            found = [path.parent.name for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")
                     if (read_or_none(path) or b"").endswith(b"brain\0-c\0%s/brain/brain.yaml\0" % os.fsencode(fleet))]
            self.assertEqual(len(found), 1)
            Process(int(found[0])).kill(signal.SIGTERM)
            self.start("brain", "-c", fleet / "brain/brain.yaml")
            wait_for(lambda: status(token) != "000", what="the Brain again")

        restart(None)
        self.assertEqual(status(token), "200", "a restart alone ends none")
        restart("new word")
        self.assertEqual(status(token), "401")
        self.assertEqual(status(log_in("new word")["token"]), "200")

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

    def test_what_it_says_can_be_typed_where_a_folder_has_spaces(self):
        fleet = self.folder / "my fleet's"
        said = self.octopoda("init", "--dir", fleet)
        self.assertIn("--dir '", said)
        said = self.octopoda("up", "--dir", fleet, "--detach")
        self.assertIn("and 1 node are up", said)
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
        for begin, wanted in (("use it:   ", "pi0"), ("stop it:  ", "ended 3 processes")):
            command = next(line.removeprefix(begin) for line in said.splitlines() if line.startswith(begin))
            done = subprocess.run(["sh", "-c", command], env=environment, **QUIET)
            self.assertEqual(done.returncode, 0, command + done.stderr)
            self.assertIn(wanted, done.stdout)

    def test_down_ends_what_commands_left_in_their_cgroups_and_nobody_elses(self):
        if not any(line.split()[2] == "cgroup2" for line in pathlib.Path("/proc/mounts").read_text().splitlines()):
            self.skipTest("this host has no cgroup v2")
        ours, other = self.folder / "fleet", self.folder / "other"
        self.addCleanup(subprocess.run, [BIN / "octopoda", "down", "--dir", other], **QUIET)
        number = 100_000 + os.getpid()
        for fleet, seconds in ((ours, number), (other, number + 1)):
            self.octopoda("up", "--nodes", "1", "--dir", fleet, "--detach")
            done = subprocess.run([BIN / "octl", "-c", fleet / "octl.yaml", "cmd", "run",
                                   f'env -i setsid bash -c "sleep {seconds} & disown"', "pi0"], **QUIET)
            self.assertEqual(done.returncode, 0, done.stderr)

        def runs(seconds):
            return [path.parent.name for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")
                    if read_or_none(path) == b"sleep\0%d\0" % seconds]

        self.assertTrue(runs(number), "a normal end leaves it alone")
        self.octopoda("down", "--dir", ours)
        self.assertEqual(runs(number), [])
        self.assertTrue(runs(number + 1), "another fleet's pi0")
        self.octopoda("down", "--dir", other)
        self.assertEqual(runs(number + 1), [])

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


@contextlib.contextmanager
def own_network():
    """Within it we, and who we start, have a network namespace of our own, with a loopback that is up."""
    clone_newnet = 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as before:
        if libc.unshare(clone_newnet) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            ip("link", "set", "lo", "up")
            yield
        finally:
            if libc.setns(before.fileno(), clone_newnet) != 0:
                raise OSError(ctypes.get_errno(), "setns")


def ip(*words):
    subprocess.run(["ip", *words], check=True, **QUIET)


def read_or_none(path):
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None


class Agent(Folder):
    """A tentacle whose settings say more than `init` wrote."""

    def setUp(self):
        super().setUp()
        self.fleet = self.folder / "fleet"

    def settings_with(self, old, new):
        settings = self.fleet / "pi0" / "tentacle.yaml"
        text = settings.read_text()
        self.assertIn(old, text)
        settings.write_text(text.replace(old, new))
        return settings

    def said(self):
        return "".join(path.read_text() for path in sorted((self.fleet / "pi0/log").glob("tentacle_*.log")))

    def test_it_dials_from_the_address_that_its_interface_has_now(self):
        with own_network(), Fleet(["pi0"]) as fleet:
            self.fleet = fleet.folder
            ip("link", "add", "wlan0", "type", "veth", "peer", "name", "other0")
            ip("link", "set", "wlan0", "up")
            fleet.kill("tentacle")
            settings = self.settings_with("name: \"pi0\"\n", "name: \"pi0\"\nnetDevice: wlan0\n")
            agent = self.start("tentacle", "-c", settings)
            wait_for(lambda: self.said().count("wlan0' has no IPv4 address") >= 3, what="three rounds without an address")
            self.assertIsNone(agent.poll(), "it goes on")
            for address in ("10.77.0.1", "10.77.0.2"):
                ip("address", "flush", "dev", "wlan0")
                brain = fleet.kill("brain")
                wait_for(lambda: fleet.octl("node", "get", exit=None).returncode != 0, what="the end of the Brain")
                fleet.start_again(brain)
                ip("address", "add", f"{address}/24", "dev", "wlan0")
                wait_for(lambda: fleet.octl("node", "get", exit=None).returncode == 0, 30, "the Brain again")
                fleet.wait_online(seconds=60)
                self.assertIn(address, subprocess.run(["ss", "-tn", "state", "established"], check=True, **QUIET).stdout)
            self.started.remove(agent)
            fleet.started.append(agent)  # ends before its folder goes

    def test_a_restart_command_is_given_time(self):
        self.octopoda("init", "--dir", self.fleet)
        begun, end = self.folder / "begun", self.folder / "end"
        os.mkfifo(end)
        command = f"echo $$ >>{begun}; read line <{end}"
        self.settings_with("reconnectInterval: 5\n  retryTime: 6\n  autoRestart: false\n  autoRestartCommand: reboot",
                           "reconnectInterval: 1\n  retryTime: 1\n  autoRestart: true\n"
                           f"  autoRestartCommand: {json.dumps(command)}")

        def rounds():
            return self.said().count("no link to the Brain")

        agent = self.start("tentacle", "-c", self.fleet / "pi0/tentacle.yaml")
        try:
            wait_for(begun.exists, what="the command")
            before = rounds()
            wait_for(lambda: rounds() >= before + 3, 60, "three rounds more")
            self.assertEqual(len(begun.read_text().split()), 1, "the first one runs")
            self.assertEqual((self.fleet / "pi0/data/restarts").read_text().split()[0], "1")
        finally:
            with open(end, "w"):
                pass
        pid = begun.read_text().split()[0]
        wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists(), what="the end of the command, which is waited for")
        before = rounds()
        wait_for(lambda: rounds() >= before + 1, 60, "one round more")
        self.assertEqual(len(begun.read_text().split()), 1, "the machine would be going down")
        self.assertIsNone(agent.poll())

    def test_a_second_node_of_one_name_is_refused_and_not_restarted_for_it(self):
        with Fleet(["pi0"]) as fleet:
            self.fleet = self.folder
            begun = self.folder / "begun"
            shutil.copytree(fleet.folder / "pi0/cert", self.folder / "pi0/cert")
            text = (fleet.folder / "pi0/tentacle.yaml").read_text()
            (self.folder / "pi0/tentacle.yaml").write_text(text.replace(f"{fleet.folder}/", f"{self.folder}/"))
            settings = self.settings_with(
                "reconnectInterval: 5\n  retryTime: 6\n  autoRestart: false\n  autoRestartCommand: reboot",
                f"reconnectInterval: 0\n  retryTime: 1\n  autoRestart: true\n  autoRestartCommand: touch {begun}")
            self.start("tentacle", "-c", settings)
            wait_for(lambda: self.said().count("no link to the Brain") >= 2, 60, "two rounds")
            self.assertNotIn("joined", self.said())
            self.assertFalse(begun.exists(), self.said())

    def test_a_damaged_count_of_restarts_restarts_nothing(self):
        self.octopoda("init", "--dir", self.fleet)
        begun = self.folder / "begun"
        self.settings_with("reconnectInterval: 5\n  retryTime: 6\n  autoRestart: false\n  autoRestartCommand: reboot",
                           f"reconnectInterval: 0\n  retryTime: 1\n  autoRestart: true\n  autoRestartCommand: touch {begun}")
        (self.fleet / "pi0/data/restarts").write_text("\0\0\0")
        self.start("tentacle", "-c", self.fleet / "pi0/tentacle.yaml")
        wait_for(lambda: self.said().count("no link to the Brain") >= 3, what="three rounds")
        self.assertFalse(begun.exists())
        self.assertIn("data/restarts' is damaged", self.said())

    def test_auto_restart_without_a_command_is_an_error(self):
        self.octopoda("init", "--dir", self.fleet)
        settings = self.settings_with("autoRestart: false\n  autoRestartCommand: reboot",
                                      "autoRestart: true\n  autoRestartCommand: \"\"")
        done = subprocess.run([BIN / "tentacle", "-c", settings], **QUIET)
        self.assertEqual(done.returncode, 1)
        self.assertIn("autoRestartCommand", done.stderr)
        self.assertIn("tentacle.yaml", done.stderr)


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
        for word in ("--version", "-version"):
            self.assertIn(version, self.octopoda(word))
        for word in ("--help", "-help", "-h"):
            self.assertIn("certgen", self.octopoda(word))

    def test_the_agent_needs_nothing_but_the_libc_family(self):
        done = subprocess.run(["ldd", BIN / "tentacle"], check=True, **QUIET)
        for line in done.stdout.splitlines():
            self.assertRegex(line, r"linux-vdso|libc\.so|libm\.so|libdl\.so|libpthread\.so|librt\.so|ld-linux")

    def test_the_agent_is_small(self):
        """8 MB on the disk of a node, all libraries included (design/performance.md 14)."""
        stripped = self.folder / "tentacle"
        subprocess.run(["strip", "-o", stripped, BIN / "tentacle"], check=True)
        self.assertLess(stripped.stat().st_size, 8_000_000)


if __name__ == "__main__":
    unittest.main()
