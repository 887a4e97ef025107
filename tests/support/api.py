# SPDX-License-Identifier: MIT
"""The Brain's HTTPS API as an operator's program calls it: kept connections, keys that are sent again, events as they come."""
import base64
import http.client
import json
import re
import secrets
import ssl
import time


class Refused(Exception):
    """The Brain answered, and not with what was asked for."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body.decode(errors='replace')}")
        self.status = status


class Operator:
    """One connection of one thread; made anew whenever it is lost. `fleet`: a Fleet that has been set up."""

    def __init__(self, fleet):
        settings = (fleet.folder / "octl.yaml").read_text()
        self.password = re.search(r'password: "(.*)"', settings)[1]
        self.port = int(re.search(r"brain:\n.*\n.*\n\s+port: (\d+)", settings)[1])
        cert = fleet.folder / "octl" / "cert"
        self.tls = ssl.create_default_context(cafile=cert / "ca.pem")
        self.tls.check_hostname = False  # certificates name roles and holders, not addresses
        self.tls.load_cert_chain(cert / "client.pem", cert / "client.key")
        self.connection, self.token = None, None
        self.outputs = {}

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def call_once(self, method, path, body=None, key=None, timeout=20):
        """The answer's bytes; Refused, or an OSError when there was none."""
        headers = {"content-type": "application/json"} if body is not None else {}
        if self.token is not None:
            headers["authorization"] = f"Bearer {self.token}"
        if key is not None:
            headers["idempotency-key"] = key
        try:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=timeout)
            self.connection.request(method, "/api/v2" + path, body, headers)
            answer = self.connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as lost:
            self.close()
            raise OSError(str(lost)) from lost
        if answer.status // 100 != 2:
            raise Refused(answer.status, content)
        return content

    def call(self, method, path, body=None, key=None, seconds=60):
        """As call_once(), again and again while the Brain is away or cannot store it."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self.token is None and path != "/login":
                    self.log_in()
                return self.call_once(method, path, body, key)
            except (OSError, Refused) as error:
                if isinstance(error, Refused) and error.status == 401 and path != "/login":
                    self.token = None
                elif isinstance(error, Refused) and error.status // 100 != 5:
                    raise
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.03)

    def log_in(self):
        asked = json.dumps({"group": "", "password": self.password})
        self.token = json.loads(self.call("POST", "/login", asked))["token"]

    def ask(self, path, **options):
        return json.loads(self.call("GET", path, **options))

    # Tasks.

    def start(self, text, nodes, key=None, seconds=60, **options):
        """Accepted for sure, and once: its id."""
        body = json.dumps({"kind": "command", "text": text, "nodes": list(nodes), **options})
        return json.loads(self.call("POST", "/tasks", body, key or secrets.token_hex(16), seconds))["task"]

    def cancel(self, task):
        try:
            self.call("POST", f"/tasks/{task}/cancel", "{}", secrets.token_hex(16))
        except Refused as refused:
            if refused.status != 409:  # it is over
                raise

    def task(self, task):
        return self.ask(f"/tasks/{task}")

    def tasks(self):
        """All of them, the newest first."""
        found, page = [], ""
        while page is not None:
            answer = self.ask(f"/tasks?limit=1000&page={page}")
            found += answer["tasks"]
            page = answer.get("next")
        return found

    def events(self, task):
        """Those of a task that is over."""
        lines = self.call("GET", f"/tasks/{task}/events?from=1").split(b"\n")
        return [json.loads(line) for line in lines if line]

    def output(self, task):
        """(step, node, attempt) → stream → [(offset, bytes)], as the Brain keeps it of a task that is over."""
        if task in self.outputs:
            return self.outputs[task]
        kept = self.outputs[task] = {}
        for event in self.events(task):
            if event["kind"] != "output":
                continue
            data = base64.b64decode(event["data64"]) if "data64" in event else event["data"].encode()
            run = kept.setdefault((event.get("step", 0), event["node"], event.get("attempt", 1)), {})
            run.setdefault(event["stream"], []).append((event.get("offset", 0), data))
        return kept

    def states(self):
        return {node["name"]: node["state"] for node in self.ask("/nodes")["nodes"]}
