"""The contract, row by row (tests/data/contract.table), through nginx and Apache, plain and TLS, and
on each pair of storage and lock."""
import json
import pathlib
import sys
import unittest

from box import ROOT, Box
from client import basic
from pairs import PAIRS, Pair, make_cases
from refusals import Judge
from stateward import KEY, PROGRAM
from webservers import Apache, Nginx


def body_of(text):
    """(bytes or None, chunked)."""
    kind, _, rest = text.partition(":")
    if kind == "doc":
        serial, lineage, more = (rest.split(":") + ["", ""])[:3]
        return json.dumps({"version": 4, "serial": int(serial), "lineage": lineage or "L",
                           "more": more}).encode(), False
    if kind == "lock":
        lock, _, operation = rest.partition(":")
        return json.dumps({"ID": lock, "Operation": operation or "OperationTypeApply",
                           "Info": "", "Who": "me@host", "Version": "1.12.6",
                           "Created": "2026-11-23T16:00:54.123Z", "Path": ""}).encode(), False
    if kind == "raw":
        return rest.encode(), False
    return (b"", True) if kind == "chunked-empty" else (None, False)


def cases():
    found = []
    for line in (ROOT / "tests/data/contract.table").read_text().splitlines():
        if line.startswith("== "):
            found.append((line[3:], []))
        elif line and not line.startswith("#"):
            found[-1][1].append(line)
    return found


class Contract:
    SERVER, TLS, PAIR = None, False, "fs+local"

    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.app = Pair(cls.box, cls.PAIR).stateward(MAX_STATE_BYTES=100000)
        cls.server = cls.SERVER(cls.box, "unix:" + cls.app.socket)
        cls.refused = set()
        cls.plant_secrets()

    @classmethod
    def plant_secrets(cls):
        """What no answer may show: the key, passwords, and another state, which is locked, of another namespace."""
        foreign = "planted-password-of-another"
        client = cls().client(foreign)
        document = body_of("doc:7:planted-lineage:planted-content")[0]
        assert client.post("/state/p/n", document).status == 200
        assert client.lock("/state/p/n", body_of("lock:planted-lock:planted-operation")[0]).status == 200
        cls.secrets = {f"{name} {kind}": text.encode() for name, secret in (
            ("the key", KEY), ("the other's password", foreign), ("the other's login", basic("basic", foreign)[6:]),
            ("the other's state", "planted-")) for kind, text in (
                ("as it is", secret), ("in hex", secret.encode().hex()))}

    def client(self, secret="contract"):
        auth = basic("basic", secret) if secret else None
        if self.TLS:
            client = Judge(self.server.tls, tls=self.server.context(), auth=auth)
        else:
            client = Judge(self.server.plain, auth=auth)
        client.refused = self.refused
        client.secrets = getattr(self, "secrets", {}) | ({
            "its password": secret.encode(), "its login": auth[6:].encode()} if len(secret) > 8 else {})
        return client

    def check(self, answer, want, line):
        for item in want:
            kind, _, value = item.partition("=" if not item.startswith("header:") else ":")
            if kind == "body":
                self.assertEqual(body_of(value)[0], answer.body, line)
                self.assertEqual("application/json", answer.header("Content-Type"), line)
            elif kind == "says":  # a member of the error's body, or one with this text in it
                name, _, text = value.partition(":")
                self.assertIn(text.replace("_", " "), json.loads(answer.body)[name], line)
            elif kind == "holder":
                holder = json.loads(answer.body)
                self.assertEqual(value, holder["ID"], line)
                self.assertEqual("2026-11-23T16:00:54.123Z", holder["Created"], line)
                self.assertEqual("p/n", holder["Path"], line)
                self.assertIn("held since", holder["Info"], line)
            else:
                name, _, text = value.partition("=")
                found = answer.header(name)
                self.assertIsNotNone(found, line)
                if text:
                    self.assertEqual(text, found, line)

    def test_table(self):
        for number, (name, lines) in enumerate(cases()):
            client = self.client(f"password-of-case-{number}")  # a namespace of its own
            with self.subTest(name):
                for line in lines:
                    request, _, wanted = line.rpartition(" => ")
                    method, target, text = request.split(" ", 2)
                    status, *want = wanted.split()
                    body, chunked = body_of(text)
                    answer = client.request(method, target, body, chunked=chunked)
                    self.assertEqual(int(status), answer.status, f"{line}: {answer}")
                    self.check(answer, want, line)
        # Each answer was looked at (refusals.py): these, at least, were refused.
        self.assertLessEqual({400, 404, 405, 409, 410, 423}, self.refused)

    def test_credentials(self):
        client = self.client()
        client.secrets = self.secrets | {"its login": b"planted"}
        for auth in (None, "Basic planted!!!", "Bearer planted", basic("other", "planted"), basic("planted", "x"),
                     basic("basic", ""), "Bearer swt_" + "planted0" * 8):
            for method in ("GET", "POST", "LOCK"):
                answer = client.request(method, "/state/p/n", b"{}" if method != "GET" else None, auth=auth)
                self.assertEqual(401, answer.status)
                self.assertIn("Basic", answer.header("WWW-Authenticate"))

    def test_client_without_checksums_and_dates(self):
        """As the state store protocol that is being drafted: no Content-MD5, and a forced unlock
        that names the lock alone, from another client."""
        one, other = self.client("no-md5"), self.client("no-md5")
        lock, _ = body_of("lock:A")
        empty = json.dumps({"ID": "A", "Operation": "", "Info": "", "Who": "", "Version": "",
                            "Created": "0001-01-01T00:00:00Z", "Path": ""}).encode()
        self.assertEqual(200, one.request("LOCK", "/state/p/n", lock, md5=False).status)
        body, _ = body_of("doc:1")
        self.assertEqual(200, one.request("POST", "/state/p/n?ID=A", body, md5=False).status)
        self.assertEqual(200, other.request("UNLOCK", "/state/p/n", empty, md5=False).status)
        zero = json.loads(lock) | {"ID": "B", "Created": "0001-01-01T00:00:00Z"}
        zero = json.dumps(zero).encode()
        self.assertEqual(200, other.request("LOCK", "/state/p/n", zero, md5=False).status)
        answer = one.request("LOCK", "/state/p/n", lock.replace(b'"A"', b'"C"'), md5=False)
        self.assertEqual((423, "B"), (answer.status, json.loads(answer.body)["ID"]))
        self.assertEqual(200, one.request("UNLOCK", "/state/p/n", zero, md5=False).status)

    def test_a_refused_upload_can_be_put_in_place(self):
        """As a forced push without a lock address is refused: the answer says what to run."""
        client, forced = self.client("restore"), body_of("doc:2:other")[0]
        self.assertEqual(200, client.post("/state/p/n", body_of("doc:7")[0]).status)
        refused = client.post("/state/p/n", forced)
        self.assertEqual(409, refused.status)
        said = json.loads(refused.body)
        command = f"statewardctl uploads restore {said['upload']}"
        self.assertIn(f"`{command}`", said["action"])
        program = pathlib.Path(PROGRAM).parent / "statewardctl"
        done = self.box.run([str(program), *command.split()[1:]], env=self.app.settings)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(forced, client.get("/state/p/n").body)

    def test_checksum_and_size(self):
        client, (body, _) = self.client("sizes"), body_of("doc:1")
        wrong = [("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")]
        answer = client.request("POST", "/state/p/n", body, headers=wrong, md5=False)
        self.assertEqual((503, "15"), (answer.status, answer.header("Retry-After")))
        self.assertIn("Content-MD5", json.loads(answer.body)["reason"])
        remark = client.request("LOCK", "/state/p/n",
                                json.dumps({"ID": "a", "Info": "y" * 70000}).encode())
        self.assertEqual(413, remark.status)
        self.assertIn("remark", json.loads(remark.body)["action"])
        odd = [("Content-MD5", "nonsense")]
        self.assertEqual(400, client.request("POST", "/state/p/n", body, headers=odd,
                                             md5=False).status)
        zipped = [("Content-Encoding", "gzip")]
        self.assertEqual(400, client.request("POST", "/state/p/n", body, headers=zipped).status)
        big = json.dumps({"serial": 1, "lineage": "l", "x": "y" * 100000}).encode()
        self.assertEqual(413, client.post("/state/p/n", big).status)
        self.assertEqual(413, client.post("/state/p/n", big, chunked=True).status)
        self.assertEqual(404, client.get("/state/p/n").status)
        self.assertEqual(200, client.post("/state/p/n", body, chunked=True).status)


class NginxContract(Contract, unittest.TestCase):
    SERVER = Nginx


class NginxTlsContract(Contract, unittest.TestCase):
    SERVER, TLS = Nginx, True


class ApacheContract(Contract, unittest.TestCase):
    SERVER = Apache


class ApacheTlsContract(Contract, unittest.TestCase):
    SERVER, TLS = Apache, True


make_cases(sys.modules[__name__], Contract, PAIRS[1:], SERVER=Nginx)


if __name__ == "__main__":
    unittest.main()
