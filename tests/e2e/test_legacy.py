"""The original's files are read where they lie, and the first write makes a state ours."""
import hashlib
import json
import os
import shutil
import unittest

from box import ROOT, Box
from client import Client, basic
from stateward import Stateward
from webservers import Nginx

SEED = ROOT / "tests/data/seed"


class Legacy(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        store = self.box.make_dir("states")
        for file in (SEED / "fs").glob("*.tfstate"):
            self.box.give(shutil.copy(file, store))
        self.manifest = json.loads((SEED / "manifest.json").read_text())
        self.server = Stateward(self.box, KMS_KEY=self.manifest["kms_key"])
        self.nginx = Nginx(self.box, "unix:" + self.server.socket)

    def client(self, secret):
        return Client(self.nginx.plain, auth=basic("basic", secret))

    def test_read_and_first_write(self):
        before = {name: os.stat(self.box.path("states/" + name)).st_mtime_ns
                  for name in os.listdir(self.box.path("states")) if name.endswith(".tfstate")}
        self.assertEqual(len(self.manifest["states"]), len(before))
        for state in self.manifest["states"]:
            client = self.client(state["basic_secret"])
            target = f"/state/{state['project']}/{state['name']}"
            old = client.get(target)
            self.assertEqual(200, old.status, target)
            self.assertEqual(state["plaintext_sha256"], hashlib.sha256(old.body).hexdigest())
            self.assertEqual(404, self.client("another").get(target).status)
            document = json.loads(old.body)
            document["serial"] += 1
            lock = json.dumps({"ID": "a-lock"}).encode()
            self.assertEqual(200, client.lock(target, lock).status)
            new = json.dumps(document).encode()
            self.assertEqual(200, client.post(target + "?ID=a-lock", new).status)
            self.assertEqual(200, client.unlock(target, lock).status)
            self.assertEqual(new, client.get(target).body)
            self.assertEqual(200, client.request("DELETE", target).status)
            self.assertEqual(404, client.get(target).status, "the old blob is never shown again")
        self.assertEqual(before, {name: os.stat(self.box.path("states/" + name)).st_mtime_ns
                                  for name in before}, "the original's files stay as they are")

    def test_ambiguous_name_in_a_tenant(self):
        """"a-b","c" and "a","b-c" have one legacy id: the first that writes has it."""
        client = self.client("s3cret-two")
        self.assertEqual(200, client.get("/state/a-b/c").status)
        document = json.loads(client.get("/state/a-b/c").body)
        document["serial"] += 1
        self.assertEqual(200, client.post("/state/a-b/c", json.dumps(document).encode()).status)
        self.assertEqual(409, client.get("/state/a/b-c").status)
        self.assertEqual(409, client.post("/state/a/b-c", b'{"serial":1,"lineage":"x"}').status)
        self.assertEqual(200, client.get("/state/a-b/c").status)


if __name__ == "__main__":
    unittest.main()
