"""A whole store goes elsewhere: by a copy while clients work, as a backup, as files."""
import json
import os
import random
import signal
import tarfile
import threading
import time
import unittest

from box import Box
from client import basic
from move_sources import document
from pairs import Pair
from policy_world import CTL, TOKENS, policy

STATES = 12


class World:
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def serve(self, pair, **more):
        return pair.stateward(
            AUTH_POLICY_FILE=self.box.write("policy.toml", policy()), AUTH_BASIC_ENABLED="false",
            **more)

    def ask(self, server, method, state, body=None, query=""):
        return server.ask(method, f"/state/demo/{state}{query}", body,
                          HTTP_AUTHORIZATION=basic("x", TOKENS["root"]))

    def fill(self, server):
        for i in range(STATES):
            for serial in (1, 2, 3):
                status, _, body = self.ask(server, "POST", f"s{i}", document(serial, f"L{i}"))
                self.assertEqual(200, status, body)
        self.assertEqual(409, self.ask(server, "POST", "s0", document(1, "L0", "late"))[0])

    def env_file(self, name, pair, **more):
        settings = {"FASTCGI_LISTEN": "unix:" + self.box.path("new.sock"),
                    "RUNTIME_DIR": self.box.path("run"), **pair.settings(), **more}
        return self.box.write(name, "".join(f"{k}={v}\n" for k, v in settings.items()))

    def ctl(self, settings, *args, code=0):
        run = self.box.run([CTL, *args], env=settings, seconds=180)
        self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        return run.stdout + run.stderr


class Copy(World):
    FROM = TO = None

    def test_while_clients_work(self):
        old_pair, new_pair = Pair(self.box, self.FROM), Pair(self.box, self.TO)
        old = self.serve(old_pair)
        self.fill(old)
        env_file = self.env_file("new.env", new_pair, KMS_KEY=old.settings["KMS_KEY"],
                                 STORAGE_FS_DIR=self.box.path("new-states"))
        copy = ("copy", "--to-env-file", env_file)

        lock = json.dumps({"ID": "held", "Operation": "OperationTypeApply"}).encode()
        self.assertEqual(200, self.ask(old, "LOCK", "s1", lock)[0])
        self.assertIn("lock held", self.ctl(old.settings, *copy, code=4))
        self.assertEqual(200, self.ask(old, "GET", "s1")[0], "nothing was closed")

        # Clients write all the time; what was answered 200 must be there in the end.
        written, stop = {}, threading.Event()

        def write():
            serial = 3
            while not stop.is_set():
                serial += 1
                body = document(serial, "L2")
                if self.ask(old, "POST", "s2", body)[0] != 200:
                    return
                written["s2"] = body

        writer = threading.Thread(target=write)
        writer.start()
        # Killed at random moments, it never leaves both open.
        for _ in range(3):
            run = self.box.start([CTL, *copy], env=old.settings, log="copy.log")
            time.sleep(random.uniform(0.05, 0.6))
            run.send(signal.SIGKILL)
            run.popen.wait()
        self.assertEqual(200, self.ask(old, "UNLOCK", "s1", lock)[0])
        said = self.ctl(old.settings, *copy, "--quiet")
        stop.set()
        writer.join()
        self.assertIn("the store is at", said)

        status, _, _ = self.ask(old, "GET", "s3")
        self.assertEqual(503, status, "the old server goes on running, and serves nothing")
        self.assertEqual(503, self.ask(old, "LOCK", "s3", lock)[0])
        self.assertIn("moved to", self.ctl(old.settings, "show", "demo/s3", code=3))
        self.assertIn("moved to", self.ctl(old.settings, "init", "--locks", code=4))

        new = self.serve(new_pair, STORAGE_FS_DIR=self.box.path("new-states"),
                         STORAGE_INIT="false", FASTCGI_LISTEN="unix:" + self.box.path("new.sock"))
        new.socket = self.box.path("new.sock")
        for i in range(STATES):
            expected = written.get(f"s{i}", document(3, f"L{i}"))
            self.assertEqual((200, expected), self.ask(new, "GET", f"s{i}")[::2], f"s{i}")
        self.assertEqual(200, self.ask(new, "LOCK", "s3", lock)[0])
        self.assertEqual(200, self.ask(new, "POST", "s3", document(9, "L3"), "?ID=held")[0])
        self.assertEqual(200, self.ask(new, "UNLOCK", "s3", lock)[0])
        rows = json.loads(self.ctl(new.settings, "uploads", "list", "--json"))
        self.assertEqual(["demo/s0"], [row["state"] for row in rows])
        self.ctl(new.settings, "check")
        self.assertIn("the store is at", self.ctl(old.settings, *copy, "--quiet"), "may be repeated")


class CopyToPostgres(Copy, unittest.TestCase):
    FROM, TO = "fs+local", "postgres+postgres"


class CopyToS3(Copy, unittest.TestCase):
    FROM, TO = "postgres+postgres", "s3+s3"


class CopyToFiles(Copy, unittest.TestCase):
    FROM, TO = "s3+s3", "fs+local"


class Backup(World, unittest.TestCase):
    def test_backup_verify_restore_export(self):
        old = self.serve(Pair(self.box, "fs+local"))
        self.fill(old)
        archive = self.box.path("backup.tar")
        self.ctl(old.settings, "backup", "--output", archive)
        self.assertIn("whole, and everything opens",
                      self.ctl(old.settings, "backup", "verify", archive))
        with tarfile.open(archive) as tar:
            names = tar.getnames()
        self.assertEqual(("backup", "manifest"), (names[0], names[-1]))
        self.assertFalse("stateward-store" in names)
        with open(archive, "r+b") as file:
            file.truncate(os.path.getsize(archive) // 2)
        self.ctl(old.settings, "backup", "verify", archive, code=1)
        self.ctl(old.settings, "backup", "--output", archive, "--force")

        folder = self.box.path("restored")
        env_file = self.env_file("restored.env", Pair(self.box, "fs+local"), STORAGE_FS_DIR=folder,
                                 KMS_KEY=old.settings["KMS_KEY"])
        restore = ("restore", archive, "--into", env_file)
        self.ctl(old.settings, *restore, code=2)
        self.assertIn("closed", self.ctl(old.settings, *restore, "--new-identity"))
        self.ctl({}, "--env-file", env_file, "list", code=3)
        self.ctl({}, "--env-file", env_file, "init", "--locks")
        self.assertIn("demo/s11", self.ctl({}, "--env-file", env_file, "list"))
        self.ctl({}, "--env-file", env_file, "check")
        out = self.box.path("states.tar")
        self.ctl({}, "--env-file", env_file, "export", "demo", "--versions", "--output", out)
        with tarfile.open(out) as tar:
            self.assertEqual(document(3, "L4"), tar.extractfile("demo/s4.tfstate").read())
            self.assertEqual(document(1, "L4"), tar.extractfile("demo/s4.versions/1.tfstate").read())
            self.assertEqual(3 * STATES, len(tar.getnames()))
        self.ctl({}, "--env-file", env_file, "export", "none/*", "--output", out, "--force", code=1)


if __name__ == "__main__":
    unittest.main()
