"""History by command, with the real OpenTofu: compare, take back, delete, move, purge."""
import json
import os
import sys
import unittest

import test_tofu
from box import Box
from client import Client, basic
from pairs import Pair, make_cases
from stateward import CTL
from webservers import Nginx

LOCK = {"ID": "11111111-2222-3333-4444-555555555555", "Who": "alice@laptop", "Info": "",
        "Operation": "OperationTypeApply", "Version": "1.12.6", "Created": "2026-11-23T16:00:54Z",
        "Path": ""}
ENCRYPTION = """
terraform {
  encryption {
    key_provider "pbkdf2" "mine" { passphrase = "correct horse battery staple" }
    method "aes_gcm" "mine" { keys = key_provider.pbkdf2.mine }
    state { method = method.aes_gcm.mine }
  }
}
"""


class History:
    PAIR = None
    PROGRAM = test_tofu.Core.PROGRAM
    workspace = test_tofu.Core.workspace
    argv = test_tofu.Core.argv
    tofu = test_tofu.Core.tofu
    apply = test_tofu.Core.apply
    state = test_tofu.Core.state

    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.server = Pair(self.box, self.PAIR).stateward()
        self.nginx = Nginx(self.box, "unix:" + self.server.socket)
        self.client = Client(self.nginx.plain, auth=basic("basic", "secret"))
        self.target = "/state/demo/tofu"
        self.folder = self.workspace("one")

    def ctl(self, *arguments, code=0):
        """The rows of a command; or, of one that is refused, what it says."""
        run = self.box.run([CTL, *arguments, "--json"], env=self.server.settings)
        self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        return json.loads(run.stdout) if code == 0 else run.stdout + run.stderr

    def no_changes(self, note, **options):
        self.assertIn("No changes", self.tofu("plan", "-input=false", f"-var=note={note}",
                                              **options))

    def test_three_applies_and_back_to_the_first(self):
        for note in ("first", "second", "third"):
            self.apply(note)
        serials = {row["version"]: row["serial"] for row in self.ctl("versions", "demo/tofu")}
        first, newest = min(serials), max(serials)
        rows = {row["address"]: row for row in self.ctl("diff", "demo/tofu", str(first),
                                                        str(newest))}
        self.assertEqual(["value"], rows["note"]["attributes"])
        self.assertEqual("output", rows["note"]["kind"])
        self.assertIn("input", rows["terraform_data.many[0]"]["attributes"])
        self.assertNotIn("third", json.dumps(rows))
        shown = self.ctl("diff", "demo/tofu", str(first), str(newest), "--values")
        values = [(row["before"], row["after"]) for row in shown if row["address"] == "note"]
        self.assertEqual([('"first 0"', '"third 0"')], values)
        back = ("rollback", "demo/tofu", "--to", str(first))
        self.assertEqual(newest + 1, self.ctl(*back, "--dry-run")["version"])
        # Somebody works on it.
        self.assertEqual(200, self.client.lock(self.target, json.dumps(LOCK).encode()).status)
        self.assertIn(LOCK["ID"], self.ctl(*back, code=4))
        self.assertEqual(200, self.client.unlock(self.target, json.dumps(LOCK).encode()).status)
        row = self.ctl(*back, "--if-version", str(newest), "--reason", "third was wrong")
        self.assertEqual((newest + 1, serials[newest] + 1), (row["version"], row["serial"]))
        old = self.ctl_document("demo/tofu", first)
        digits = [f'"serial":{n}'.encode() for n in (serials[first], serials[newest] + 1)]
        self.assertEqual(old.replace(*digits), self.client.get(self.target).body)
        # The inverse change, and it is taken.
        self.tofu("plan", "-input=false", "-var=note=third", "-detailed-exitcode", code=2)
        self.no_changes("first")
        self.apply("third")
        self.no_changes("third")

    def ctl_document(self, state, version):
        run = self.box.run([CTL, "get", state, "--version", str(version)],
                           env=self.server.settings)
        self.assertEqual(0, run.returncode, run.stderr)
        return run.stdout.encode()

    def test_deleted_and_taken_back(self):
        self.apply("first")
        serial = self.state()["serial"]
        self.assertIn("--yes", self.ctl("delete", "demo/tofu", code=2))
        self.ctl("delete", "demo/tofu", "--yes")
        self.assertEqual(404, self.client.get(self.target).status)
        self.ctl("undelete", "demo/tofu")
        self.assertEqual(serial, self.state()["serial"])
        self.no_changes("first")
        self.apply("second")

    def test_a_refused_push_is_restored(self):
        self.apply("first")
        old = self.box.write("old.tfstate", self.tofu("state", "pull"))
        self.apply("second")
        self.tofu("state", "push", "-force", "-lock=false", old, code=1)
        kept = self.ctl("uploads", "list", "demo/*")
        self.assertEqual([("demo/tofu", "basic")],
                         [(row["state"], row["principal"].split(":")[0]) for row in kept])
        name = kept[0]["upload"]
        self.assertIn("note", [row["address"] for row in self.ctl("uploads", "diff", name)])
        self.ctl("uploads", "restore", name)
        self.no_changes("first")
        self.apply("second")
        self.ctl("uploads", "drop", name, "--yes")
        self.assertEqual([], self.ctl("uploads", "list"))

    def test_moved_with_its_history(self):
        self.apply("first")
        self.apply("second")
        self.assertEqual("demo/new", self.ctl("mv", "demo/tofu", "demo/new")["moved_to"])
        answer = self.client.get(self.target)
        self.assertEqual(409, answer.status)
        self.assertIn(b"demo/new", answer.body)
        self.tofu("plan", "-input=false", code=1)
        self.target = "/state/demo/new"
        folder = self.workspace("two")
        self.no_changes("second", folder=folder)
        self.apply("third", folder=folder)
        events = [row["event"] for row in self.ctl("versions", "demo/new")]
        self.assertGreaterEqual(events.count("write"), 3)

    def test_a_leaked_version_is_purged(self):
        self.apply("hunter2hunter2")
        leaked = self.ctl("show", "demo/tofu")["version"]
        self.assertIn("roll back", self.ctl("purge", "demo/tofu", "--version", str(leaked),
                                            "--reason", "leak", "--yes", code=4))
        self.apply("second")
        self.ctl("pin", "demo/tofu", "--version", str(leaked))
        rows = self.ctl("purge", "demo/tofu", "--version", str(leaked), "--reason", "leak", "--yes")
        self.assertEqual([(leaked, "purged")], [(row["version"], row["result"]) for row in rows])
        self.ctl("get", "demo/tofu", "--version", str(leaked), code=1)
        self.no_changes("second")
        self.assertEqual([], self.ctl("check", "--read-data"))

    def test_encrypted_by_the_client(self):
        self.box.write("one/encryption.tf", ENCRYPTION)
        self.tofu("init", "-input=false")
        self.apply("first")
        first = self.ctl("show", "demo/tofu")["version"]
        self.apply("second")
        rows = self.ctl("diff", "demo/tofu")
        self.assertEqual({"document"}, {row["kind"] for row in rows})
        said = self.ctl("rollback", "demo/tofu", "--to", str(first), code=4)
        self.assertIn("decrypt it with the client's keys", said)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "errored.tfstate")))
        self.no_changes("second")


make_cases(sys.modules[__name__], History, ("fs+local", "postgres+postgres", "s3+redis"))


if __name__ == "__main__":
    unittest.main()
