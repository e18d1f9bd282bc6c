"""Every operation, by command on the store and over HTTPS through nginx, on each pair of backends: the
same words and the same output. What is expected stands in tests/data/operations/, a file a scene, and
is the same for both ways and all pairs. `STATEWARD_WRITE_EXPECTED=1` writes them again.
"""
import json
import os
import pathlib
import re
import sys

from api_world import TOKENS, ApiWorld, lock_info
from box import ROOT
from pairs import make_cases
from stateward import CTL
from webservers import certificates

EXPECTED = ROOT / "tests/data/operations"
WRITE = os.environ.get("STATEWARD_WRITE_EXPECTED") == "1"
# In order; in a text that a command says, what differs from run to run.
VARIES = (
    (r"\b(here|there)-", "WAY-"),
    (r"\badmin:\w[\w-]*|\btoken:admin", "WHO"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?UTC|Z)?", "TIME"),
    (r"\b[0-9a-f]{64}\b", "HEX64"),
    (r"\b(change-)?[0-9a-f]{32}\b", r"\1HEX32"),
    (r"\(\d+ s\)", "(AGE)"),
    (r"Out of reach are .*?; and copies", "Out of reach are COPIES; and copies"),
    (r" {2,}", "  "),  # columns are as wide as what is in them
    (r" +$", ""),
    # Where a write may be late, the numbers of the last hour stay taken at the old address.
    (r"^( +\d+  moved  .*\n)( +\d+  moved  .*\n)+", r"\1"),
    (r"(CONDITION  moved\n(?:.*\n)*?VERSIONS  )\d+$", r"\g<1>1"),
)


def document(serial, *resources, lineage="L"):
    listed = [{"mode": "managed", "type": "t", "name": name, "provider": "p", "instances": [
        {"attributes": {"id": name, "size": size, "password": "hunter2"}}]}
        for name, size in resources]
    return json.dumps({"version": 4, "serial": serial, "lineage": lineage,
                       "terraform_version": "1.9.0", "outputs": {}, "resources": listed}).encode()


class Operations(ApiWorld):
    @classmethod
    def settings(cls):
        return {"AUDIT_FILE": cls.box.path("audit.log"), "AUDIT_REQUIRED": "true"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.client("admin")
        cls.done = set()

    def run_there(self, *arguments):
        argv = [CTL, "--server", f"https://localhost:{self.nginx.tls[1]}", "--ca-file",
                certificates().path("ca.pem"), *arguments]
        return self.box.run(argv, env={"TF_HTTP_USERNAME": "x",
                                       "TF_HTTP_PASSWORD": TOKENS["admin"]})

    def run_here(self, *arguments):
        return self.box.run([CTL, *arguments], env=self.app.settings)

    def say(self, run, way, *arguments):
        """Adds a command and what it says to the scene; returns what it wrote to its output."""
        done = run(*arguments)
        words = [way + word if "/" in word or "*" in word else word for word in arguments]
        self.text += f"$ statewardctl {' '.join(words)}\n{done.stdout}"
        self.text += "".join(f"2> {line}\n" for line in done.stderr.splitlines())
        if done.returncode:
            self.text += f"exit code {done.returncode}\n"
        return done.stdout

    def scene(self, name, play):
        """Plays it both ways; both must say what is expected."""
        texts = []
        for way, run in (("here-", self.run_here), ("there-", self.run_there)):
            self.text = ""

            def do(*arguments):
                self.done.add(" ".join(arguments[:2]))
                self.done.add(arguments[0])
                return self.say(run, "", *[word.replace("WAY-", way) for word in arguments])
            play(way, do)
            text = self.text
            for pattern, instead in VARIES:
                text = re.sub(pattern, instead, text, flags=re.M)
            texts.append(text)
        self.assertEqual(texts[0], texts[1], "by command, and over HTTPS")
        file = EXPECTED / f"{name}.txt"
        if WRITE:
            file.write_text(texts[0])
        self.assertEqual(file.read_text(), texts[0], file)

    def await_line(self, **fields):
        """Until the audit trail has it: a request does not wait for the line that says how it ended."""
        def there():
            lines = pathlib.Path(self.box.path("audit.log")).read_text().splitlines(True)
            return any(all(json.loads(line).get(k) == v for k, v in {"event": "done", **fields}.items())
                       for line in lines if line.endswith("\n"))
        self.app.process.wait_until(there, f"a line with {fields}")

    def three_versions(self, state):
        target = f"/state/{state}"
        for body in (document(1, ("a", 1)), document(2, ("a", 2), ("b", 1)),
                     document(3, ("b", 1), ("c", 1))):
            answer = self.admin.post(target, body)
            self.assertEqual(200, answer.status, answer)

    def test_1_history(self):
        def play(way, do):
            state = way + "net/prod"
            self.three_versions(state)
            do("list", "WAY-net/*")
            do("list", "WAY-net/*", "--json")
            do("show", state)
            do("versions", state)
            do("versions", state, "--json")
            do("get", state)
            do("get", state, "--version", "1")
            do("get", state, "--version", "9")
            do("diff", state)
            do("diff", state, "1", "3", "--values")
            do("diff", state, "1", "2", "--json")
            do("show", way + "net/none")
            target = f"/state/{state}"
            for method, body in (("LOCK", lock_info("gone")), ("UNLOCK", b"")):
                answer = self.admin.request(method, target, body)
                self.assertEqual(200, answer.status, answer)
            self.await_line(action="force unlock", state=state)
            self.admin.post(target, document(1, ("a", 9), lineage="M"))
            do("versions", state)
            do("versions", state, "--json")
            do("lock-history", state)
        self.scene("history", play)

    def test_2_changes(self):
        def play(way, do):
            state = way + "net/back"
            self.three_versions(state)
            do("rollback", state, "--to", "1", "--dry-run")
            do("rollback", state, "--to", "1", "--if-version", "2")
            do("rollback", state, "--to", "1", "--if-version", "3", "--reason", "c was wrong")
            do("get", state)
            do("delete", state)
            do("delete", state, "--yes")
            do("list", "WAY-net/back", "--deleted")
            do("get", state)
            do("undelete", state, "--reason", "needed")
            do("undelete", state)
            do("pin", state, "--version", "2")
            do("unpin", state, "--version", "2")
            do("versions", state)
            answer = self.admin.request("LOCK", f"/state/{state}", lock_info("held"))
            self.assertEqual(200, answer.status, answer)
            do("rollback", state, "--to", "1")
            do("unlock", state)
            do("unlock", state, "--id", "other")
            do("locks")
            do("unlock", state, "--id", "held")
            do("unlock", state, "--yes")
            do("locks")
        self.scene("changes", play)

    def test_3_uploads(self):
        def play(way, do):
            state = way + "up/one"
            self.three_versions(state)
            answer = self.admin.post(f"/state/{state}", document(2, ("a", 9), lineage="M"))
            self.assertEqual(409, answer.status, answer)
            do("uploads", "list", "WAY-up/*")
            name = json.loads(self.run_here("uploads", "list", f"{way}up/*",
                                            "--json").stdout)[0]["upload"]
            do("uploads", "show", name)
            do("uploads", "diff", name)
            do("uploads", "restore", name, "--reason", "the force was right")
            do("get", state)
            do("uploads", "drop", name)
            do("uploads", "drop", name, "--yes")
            do("uploads", "show", name)
            do("uploads", "list", "WAY-up/*")
        self.scene("uploads", play)

    def test_4_moves_and_purges(self):
        def play(way, do):
            state, new = way + "mv/one", way + "mv/two"
            self.three_versions(state)
            answer = self.admin.post(f"/state/{state}", document(2, ("a", 9), lineage="M"))
            self.assertEqual(409, answer.status, answer)
            do("mv", state, new, "--reason", "tidy")
            answer = self.admin.request("LOCK", f"/state/{state}", lock_info("late"))
            self.assertEqual(409, answer.status, answer)
            self.assertIn(f"{way}mv/two", json.loads(answer.body)["ID"])
            do("mv", state, way + "mv/three")
            do("versions", state)
            do("show", state)
            do("versions", new)
            do("uploads", "list", "WAY-mv/*")
            do("purge", new, "--version", "4", "--reason", "leak", "--yes")
            do("purge", new, "--version", "2", "--reason", "leak", "--dry-run")
            do("purge", new, "--version", "2", "--reason", "leak", "--yes")
            do("get", new, "--version", "2")
        self.scene("moves", play)

    def test_5_maintenance(self):
        def play(way, do):
            state = way + "mnt/one"
            self.three_versions(state)
            do("maintenance", "set", "WAY-mnt/*", "--until", "2099-01-31T14:00:00Z", "--reason",
               "new router")
            do("maintenance", "list")
            answer = self.admin.request("LOCK", f"/state/{state}", lock_info("late"))
            self.assertEqual(423, answer.status, answer)
            self.assertIn(b"new router", answer.body)
            do("rollback", state, "--to", "1")
            do("maintenance", "end", "WAY-mnt/*")
            do("maintenance", "end", "WAY-mnt/*")
            do("freeze", state, "--reason", "ask ann")
            do("maintenance", "list", "--json")
            do("maintenance", "end", state)
            do("maintenance", "list")
        self.scene("maintenance", play)

    def test_5_the_store(self):
        def play(way, do):
            state = way + "store/one"
            self.three_versions(state)
            do("check", "WAY-store/*")
            do("check", "--read-data")
            do("prune", "--dry-run")
            do("prune")
            do("repair", "--dry-run")
            do("repair")
        self.scene("store", play)
        # Their figures are the store's own: both ways have the same members, and nothing else says so.
        for words in (("du",), ("status",)):
            self.done.add(words[0])
            here, there = (json.loads(run(*words, "--json").stdout)
                           for run in (self.run_here, self.run_there))
            rows = [(h, t) for h, t in zip(here, there)] if isinstance(here, list) else [(here, there)]
            self.assertTrue(rows)
            for one, other in rows:
                self.assertEqual(one.keys(), other.keys())
                if words == ("du",):
                    self.assertGreater(one["bytes"], one["versions"] * 100, one)
            self.assertEqual(len(here), len(there))

    def test_6_audit(self):
        for words in (("audit", "tail"), ("audit", "verify"), ("audit", "export")):
            self.done.add(" ".join(words))
        self.three_versions("audited/one")
        self.await_line(action="write", state="audited/one", serial_after=3)
        for run in (self.run_here, self.run_there):
            rows = json.loads(run("audit", "tail", "--lines", "500", "--json").stdout)
            self.assertIn(("write", "audited/one", "done", 3),
                          [(row["action"], row["state"], row["result"], row["version"])
                           for row in rows])
            # One that asked over HTTPS may have its answer before its last line is written.
            self.app.process.wait_until(lambda: self.verified(run), "no line lacks its end")
            exported = run("audit", "export", "--format", "ocsf")
            self.assertEqual(0, exported.returncode, exported.stderr)
            self.assertIn(6003, {json.loads(line)["class_uid"]
                                 for line in exported.stdout.splitlines()})

    def verified(self, run):
        """Whether the trail is whole and nothing in it is still open."""
        done = run("audit", "verify", "--json")
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return json.loads(done.stdout) == []

    def test_7_nothing_is_left_out(self):
        if len(self.done) < 2:
            self.skipTest("runs behind the scenes")
        paths = json.loads(self.admin.get("/api/v1/openapi.json").body)["paths"]
        names = {method["operationId"] for methods in paths.values() for method in methods.values()}
        self.assertEqual(set(), {name for name in names if not {name, name.replace("-", " ")} & self.done})


make_cases(sys.modules[__name__], Operations, ("fs+local", "postgres+postgres", "s3+redis"))
