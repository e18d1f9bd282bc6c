"""A whole store goes elsewhere: by a copy while clients work, as a backup, as files."""
import base64
import json
import os
import pathlib
import random
import re
import select
import shutil
import signal
import subprocess
import tarfile
import threading
import time
import unittest

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from box import ROOT, Box, reachable
from client import basic
from move_sources import document
from original import PostgresLayout, blob, legacy_id
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


    def audited(self, file):
        """Of the lines of a trail: what was done, with what state, and how it ended."""
        with open(self.box.path(file), encoding="utf-8") as lines:
            events = [json.loads(line) for line in lines]
        return [(event["action"], event.get("state"), event["result"]) for event in events
                if event["event"] == "done"]


class Copy(World):
    FROM = TO = None

    def test_while_clients_work(self):
        old_pair, new_pair = Pair(self.box, self.FROM), Pair(self.box, self.TO)
        old = self.serve(old_pair, AUDIT_FILE=self.box.path("audit.log"))
        self.fill(old)
        env_file = self.env_file("new.env", new_pair, KMS_KEY=old.settings["KMS_KEY"],
                                 STORAGE_FS_DIR=self.box.path("new-states"))
        copy = ("copy", "--to-env-file", env_file)

        lock = json.dumps({"ID": "held", "Operation": "OperationTypeApply"}).encode()
        self.assertEqual(200, self.ask(old, "LOCK", "s1", lock)[0])
        said = self.ctl(old.settings, *copy, code=4)
        self.assertIn("1 lock is held; nothing was closed: demo/s1 (held by token:root since ", said)
        self.assertIn("with the lock ID held)", said)
        self.assertEqual(200, self.ask(old, "GET", "s1")[0], "nothing was closed")

        self.ctl(old.settings, "freeze", "demo/s4", "--reason", "ask ann")

        # Clients write all the time; what was answered 200 must be there in the end. But not as fast as the old
        # store can: the copy could never catch up with a new one that takes longer for each.
        written, stop = {}, threading.Event()

        def write():
            serial = 3
            while not stop.is_set():
                serial += 1
                body = document(serial, "L2")
                if self.ask(old, "POST", "s2", body)[0] != 200:
                    return
                written["s2"] = body
                stop.wait(0.05)

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
        status, _, body = self.ask(new, "LOCK", "s4", lock)
        self.assertEqual((423, True), (status, b"ask ann" in body), "what is frozen stays so")
        rows = json.loads(self.ctl(new.settings, "uploads", "list", "--json"))
        self.assertEqual(["demo/s0"], [row["state"] for row in rows])
        self.ctl(new.settings, "check")
        self.assertIn("the store is at", self.ctl(old.settings, *copy, "--quiet"), "may be repeated")
        copies = [line for line in self.audited("audit.log") if line[0] == "copy"]
        # Of those that were killed, some had come so far as to meet the lock that is held.
        failed = max(len(copies) - 2, 1)
        self.assertEqual([("copy", None, "failed")] * failed + [("copy", None, "done")] * 2, copies)


class CopyToPostgres(Copy, unittest.TestCase):
    FROM, TO = "fs+local", "postgres+postgres"


class CopyToS3(Copy, unittest.TestCase):
    FROM, TO = "postgres+postgres", "s3+s3"


class CopyToFiles(Copy, unittest.TestCase):
    FROM, TO = "s3+s3", "fs+local"


class CopyBack(World, unittest.TestCase):
    def test_a_store_that_was_restored_meanwhile_is_not_mixed_with_the_old_place(self):
        """A moves to B; B is lost, and made anew of a backup of A that is older than the move."""
        pair = Pair(self.box, "fs+local")
        server = self.serve(pair)
        places = {name: self.env_file(f"{name}.env", pair, KMS_KEY=server.settings["KMS_KEY"],
                                      STORAGE_FS_DIR=server.settings["STORAGE_FS_DIR"] if name == "a"
                                      else self.box.path(name), STORAGE_INIT="false",
                                      RUNTIME_DIR=self.box.make_dir(f"run-{name}"))
                  for name in "abc"}

        def at(name, *args, code=0):
            return self.ctl({}, "--env-file", places[name], *args, code=code)

        for state in ("x", "d"):
            self.assertEqual(200, self.ask(server, "POST", state, document(3, state))[0])
        archive = self.box.path("older.tar")
        self.ctl(server.settings, "backup", "--output", archive)
        for state, serial in (("x", 5), ("x", 6), ("d", 5), ("d", 6), ("ghost", 1)):
            self.assertEqual(200, self.ask(server, "POST", state, document(serial, state))[0])
        self.ctl(server.settings, "copy", "--to-env-file", places["b"])
        server.process.stop()

        shutil.rmtree(self.box.path("b"))
        at("b", "restore", archive, "--into", places["b"], "--old-identity")
        at("b", "init", "--locks")
        new = self.serve(pair, STORAGE_FS_DIR=self.box.path("b"), STORAGE_INIT="false",
                         RUNTIME_DIR=self.box.path("run-b"))
        newest = document(4, "x", "at B")
        self.assertEqual(200, self.ask(new, "POST", "x", newest)[0])
        self.assertEqual(200, self.ask(new, "DELETE", "d")[0])

        said = at("b", "copy", "--to-env-file", places["a"], code=4)
        self.assertIn("the target has what the source has not, of 3 states: ", said)
        for state in ("x", "d", "ghost"):
            self.assertIn(f" demo/{state};", said)
        self.assertIn("nothing was closed", said)
        self.assertEqual((200, newest), self.ask(new, "GET", "x")[::2], "B goes on")
        self.assertIn("moved to", at("a", "list", code=3), "A is closed as it was")

        # What the text says to do.
        at("b", "copy", "--to-env-file", places["c"])
        new.process.stop()
        end = self.serve(pair, STORAGE_FS_DIR=self.box.path("c"), STORAGE_INIT="false",
                         RUNTIME_DIR=self.box.path("run-c"))
        self.assertEqual((200, newest), self.ask(end, "GET", "x")[::2])
        for state in ("d", "ghost"):
            self.assertEqual(404, self.ask(end, "GET", state)[0])

        # Where nothing was lost the old place is taken again, with what was written and deleted meanwhile.
        self.assertEqual(200, self.ask(end, "POST", "d", document(9, "d", "at C"))[0])
        self.assertEqual(200, self.ask(end, "DELETE", "x")[0])
        at("c", "copy", "--to-env-file", places["b"])
        end.process.stop()
        back = self.serve(pair, STORAGE_FS_DIR=self.box.path("b"), STORAGE_INIT="false",
                          RUNTIME_DIR=self.box.path("run-b"))
        self.assertEqual((200, document(9, "d", "at C")), self.ask(back, "GET", "d")[::2])
        for state in ("x", "ghost"):
            self.assertEqual(404, self.ask(back, "GET", state)[0])


class Backup(World, unittest.TestCase):
    def damage(self, record):
        record.chmod(0o600)
        bytes_ = bytearray(record.read_bytes())
        bytes_[-1] ^= 1
        record.write_bytes(bytes_)

    def test_backup_verify_restore_export(self):
        old = self.serve(Pair(self.box, "fs+local"), AUDIT_FILE=self.box.path("audit.log"))
        self.fill(old)
        archive = self.box.path("backup.tar")
        self.ctl(old.settings, "backup", "--output", archive)
        self.assertIn("whole, and everything opens",
                      self.ctl(old.settings, "backup", "verify", archive))
        self.ctl(old.settings, "backup", "verify", archive + ".gone", code=2)
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
                                 KMS_KEY=old.settings["KMS_KEY"],
                                 AUDIT_FILE=self.box.path("restored.log"), AUDIT_REQUIRED="true")
        restore = ("restore", archive, "--into", env_file)
        self.ctl(old.settings, *restore, code=2)
        self.assertIn("closed", self.ctl(old.settings, *restore, "--new-identity"))
        self.ctl({}, "--env-file", env_file, "list", code=3)
        self.ctl({}, "--env-file", env_file, "init", "--locks")
        self.assertIn("demo/s11", self.ctl({}, "--env-file", env_file, "list"))
        self.ctl({}, "--env-file", env_file, "check")
        out = self.box.path("states.tar")
        said = self.ctl({}, "--env-file", env_file, "export", "demo", "--versions", "--output", out)
        self.assertNotIn("terraform-backend", said)
        with tarfile.open(out) as tar:
            self.assertEqual(document(3, "L4"), tar.extractfile("demo/s4.tfstate").read())
            self.assertEqual(document(1, "L4"), tar.extractfile("demo/s4@versions/1.tfstate").read())
            self.assertEqual(3 * STATES, len(tar.getnames()))
        # An old version that is damaged is named, and keeps nothing else back.
        record = next(pathlib.Path(folder).glob("states/*/*/%020d" % 1))
        self.damage(record)
        said = self.ctl({}, "--env-file", env_file, "export", "demo", "--versions", "--output", out,
                        "--force", code=1)
        state = re.search(r"state (demo/s\d+): version 1: ", said).group(1)
        # A backup takes it along as it is, and a restore says so, whatever its identity.
        hurt = self.box.path("hurt.tar")
        self.ctl({}, "--env-file", env_file, "backup", "--output", hurt)
        for identity in ("old", "new"):
            place = self.box.path(f"hurt-{identity}")
            again = self.env_file(f"hurt-{identity}.env", Pair(self.box, "fs+local"), STORAGE_FS_DIR=place,
                                  KMS_KEY=old.settings["KMS_KEY"])
            said = self.ctl({}, "restore", hurt, "--into", again, f"--{identity}-identity", code=1)
            self.assertIn(f"damaged: record 1 of state {record.parent.name}: ", said)
            self.assertIn("1 of them did not open", said)
            self.assertEqual(record.read_bytes(), next(pathlib.Path(place).glob(
                f"states/*/{record.parent.name}/{record.name}")).read_bytes())
        with tarfile.open(out) as tar:
            left = set(tar.getnames())
        self.assertEqual(3 * STATES - 1, len(left))
        self.assertLessEqual({f"demo/s{i}.tfstate" for i in range(STATES)}, left)
        self.assertNotIn(f"{state}@versions/1.tfstate", left)
        nothing = self.box.path("nothing.tar")
        self.damage(record.with_name("%020d" % 3))
        said = self.ctl({}, "--env-file", env_file, "export", state, "--output", nothing, code=1)
        self.assertNotIn("no state has a name", said)
        said = self.ctl({}, "--env-file", env_file, "export", "none/*", "--output", nothing, code=1)
        self.assertNotIn("clear text", said)
        self.assertFalse(os.path.exists(nothing), "no export with nothing in it")
        self.assertEqual([("backup", None, "done")] * 2, self.audited("audit.log")[-2:])
        lines = self.audited("restored.log")
        self.assertEqual(("restore", None, "done"), lines[0])
        exported = [line for line in lines if line[0] == "export"]
        states = {("export", f"demo/s{i}", "done") for i in range(STATES)}
        self.assertEqual(states | {("export", None, "done")}, set(exported))
        self.assertEqual(2 * STATES + 4, len(exported))
        run = self.ctl({}, "--env-file", env_file, "audit", "verify")
        self.assertIn(", 0 faults", run)


class ForTerraformBackend(World, unittest.TestCase):
    """`export --original-key`: its layout, as tests/e2e/original.py writes it and a server here reads it."""
    SECRET = "pässwörd"

    def setUp(self):
        super().setUp()
        self.key = self.box.write("original.key", base64.b64encode(os.urandom(32)).decode() + "\n", 0o600)
        self.old = Pair(self.box, "fs+local").stateward(
            AUTH_POLICY_FILE=self.box.write("policy.toml", policy()), AUTH_BASIC_ENABLED="true",
            AUTH_BASIC_NEW_TENANTS="true")

    def put(self, auth, state, *documents):
        for body in documents:
            status, _, text = self.old.ask("POST", "/state/" + state, body, HTTP_AUTHORIZATION=auth)
            self.assertEqual(200, status, text)

    def export(self, *options, code=0):
        out = self.box.path("original.tar")
        said = self.ctl(self.old.settings, "export", "*/*", "--original-key", self.key, *options,
                        "--output", out, "--force", code=code)
        with tarfile.open(out) as tar:
            return said, {m.name: tar.extractfile(m).read() for m in tar.getmembers()}

    def test_round_trip(self):
        root, basic_auth = basic("x", TOKENS["root"]), basic("basic", self.SECRET)
        # What comes back is what was sent, to the byte.
        odd = b'{ "version": 4,\n "serial" : 7, "lineage":"L", "x": "\xc3\xa9\\u0000 " }\n'
        encrypted = (b'{"encryption_version":"v0","serial":3,"lineage":"E","encrypted_data":"' +
                     base64.b64encode(os.urandom(200000)) + b'"}')
        self.put(root, "demo/one", document(1, "L"), odd)
        self.put(root, "demo/two", encrypted)
        self.put(basic_auth, "app/dev.eu-1", document(5, "B"))
        self.put(basic("basic", "another"), "app/dev.eu-1", document(6, "C"))
        said, files = self.export()
        self.assertIn("2 states, 2 versions\n", said)
        self.assertIn("2 states of basic auth were left out; --secrets FILE takes them along", said)
        self.assertNotIn("nobody took over", said)
        self.box.write(f"{self.old.settings['STORAGE_FS_DIR']}/{legacy_id('demo', 'three')}.tfstate", blob(document(1)))
        said, files = self.export("--secrets", self.box.write("secrets", self.SECRET + "\n", 0o600))
        self.assertIn("1 state of basic auth was left out; --secrets FILE takes it along", said)
        self.assertIn("1 blob of terraform-backend that nobody took over stays as before in the storage", said)
        plain = self.ctl(self.old.settings, "export", "**", "--output", self.box.path("plain.tar"))
        self.assertIn("1 blob of terraform-backend that nobody took over was left out, whatever the pattern", plain)
        expected = {("demo", "one", None): odd, ("demo", "two", None): encrypted,
                    ("app", "dev.eu-1", self.SECRET): document(5, "B")}
        self.assertEqual({legacy_id(*state) + ".tfstate" for state in expected}, set(files))
        # By the format's own rules, without a server.
        key = pathlib.Path(self.key).read_text().strip()
        aead = AESGCM(base64.b64decode(key))
        for state, body in expected.items():
            sealed = files[legacy_id(*state) + ".tfstate"]
            self.assertEqual(body, aead.decrypt(sealed[:12], sealed[12:], None))
        self.assertEqual(len(files), len({sealed[:12] for sealed in files.values()}), "nonces differ")

        # A server that takes the folder over gives the same bytes, to the same people.
        self.old.process.stop()
        self.box.make_dir("back")
        for name, sealed in files.items():
            self.box.write("back/" + name, sealed)
        back = Pair(self.box, "fs+local").stateward(
            KMS_KEY=key, STORAGE_FS_DIR=self.box.path("back"), RUNTIME_DIR=self.box.make_dir("run2"))
        for (project, name, secret), body in expected.items():
            if secret is not None:
                self.assertEqual((200, body), back.ask(
                    "GET", f"/state/{project}/{name}", HTTP_AUTHORIZATION=basic("basic", secret))[::2])
        back.process.stop()
        back = Pair(self.box, "fs+local").stateward(
            KMS_KEY=key, STORAGE_FS_DIR=self.box.path("back"), RUNTIME_DIR=self.box.path("run2"),
            AUTH_POLICY_FILE=self.box.path("policy.toml"), AUTH_BASIC_ENABLED="false")
        for name in ("one", "two"):
            self.assertEqual((200, expected["demo", name, None]), self.ask(back, "GET", name)[::2])

    def test_into_its_table(self):
        """By the commands of docs/moving/out.md; a row that was there is replaced."""
        self.put(basic("basic", self.SECRET), "demo/one", document(5, "B"))
        _, files = self.export("--secrets", self.box.write("secrets", self.SECRET + "\n", 0o600))
        self.old.process.stop()
        key = pathlib.Path(self.key).read_text().strip()
        pair = Pair(self.box, "postgres+postgres")
        PostgresLayout.put(pair, {legacy_id("demo", "one", self.SECRET): blob(document(4, "B"), key)})
        self.box.make_dir("out")
        for name, data in files.items():
            self.box.write("out/" + name, data)
        page = (ROOT / "docs/moving/out.md").read_text()
        script, = re.findall(r"(?ms)^ +(for file in \*\.tfstate.*?)^ +```", page)
        run = self.box.run(["bash", "-euo", "pipefail", "-c", f"cd {self.box.path('out')}\n{script}"],
                           env={"PATH": os.environ["PATH"], **pair.settings()})
        self.assertEqual((0, "", ""), (run.returncode, run.stdout, run.stderr))
        back = pair.stateward(KMS_KEY=key, RUNTIME_DIR=self.box.make_dir("run2"))
        self.assertEqual((200, document(5, "B")), back.ask(
            "GET", "/state/demo/one", HTTP_AUTHORIZATION=basic("basic", self.SECRET))[::2])

    def test_what_does_not_go_into_it_is_named(self):
        root = basic("x", TOKENS["root"])
        self.put(root, "a-b/c", document(1, "L"))
        self.put(root, "a/b-c", document(1, "M"))
        self.put(root, "demo/odd", b'{"serial":1,"lineage":"N"}')
        said, files = self.export(code=1)
        self.assertRegex(said, "a(-b/c|/b-c): terraform-backend keeps it where a(/b-c|-b/c) is")
        self.assertIn("it has no version", said)
        self.assertEqual({legacy_id("a", "b-c") + ".tfstate"}, set(files))
        self.export("--versions", code=2)
        self.export("--secrets", self.box.write("open", "", 0o644), code=2)
        os.chmod(self.key, 0o644)
        self.assertIn("chmod 0600", self.export(code=2)[0])


class Age(World, unittest.TestCase):
    """What docs/moving/out.md says: an export is encrypted on its way, and is never on the disk in clear."""

    def setUp(self):
        super().setUp()
        self.server = self.serve(Pair(self.box, "fs+local"))
        self.assertEqual(200, self.ask(self.server, "POST", "one", document(1, note="canary-4711"))[0])
        self.server.process.stop()

    def shell(self, script):
        return {"args": ["bash", "-euo", "pipefail", "-c", f"umask 077; cd {self.box.folder}; {script}"],
                "env": {**self.server.settings, "PATH": os.environ["PATH"]}, **self.box.identity()}

    def run_there(self, script):
        run = subprocess.run(**self.shell(script), capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        return run.stdout.encode()

    def await_question(self, terminal, seconds=120):
        """Until a passphrase is asked for. The export speaks to the same terminal, before it or after."""
        said, end = b"", time.monotonic() + seconds
        while not re.search(rb"passphrase[^:]*: ", said):
            ready, _, _ = select.select([terminal], [], [], max(end - time.monotonic(), 0))
            self.assertTrue(ready, said)
            said += os.read(terminal, 4096)

    def type_there(self, script, *answers):
        """At a terminal: age takes a passphrase from nowhere else. Each answer follows its question."""
        master, slave = os.openpty()
        process = subprocess.Popen(**self.shell(f"setsid -cw bash -c '{script}'"), stdin=slave,
                                   stdout=slave, stderr=slave)
        os.close(slave)
        try:
            for answer in answers:
                self.await_question(master)
                os.write(master, answer + b"\r")
            self.assertEqual(0, process.wait(180))
        finally:
            process.kill()
            process.wait()
            os.close(master)

    def is_sealed(self, name):
        self.assertNotIn(b"canary-4711", pathlib.Path(self.box.path(name)).read_bytes())

    def test_to_a_recipient(self):
        self.run_there("age-keygen -o identity; age-keygen -y identity >recipient")
        self.run_there(f"{reachable(CTL)} export '*/*' --versions | age -R recipient >states.tar.age")
        self.is_sealed("states.tar.age")
        self.assertEqual(document(1, note="canary-4711"), self.run_there(
            "age -d -i identity states.tar.age | tar -xO demo/one.tfstate"))

    def test_with_a_passphrase(self):
        self.type_there(f"{reachable(CTL)} export \\*/\\* | age -p -o states.tar.age", b"open sesame",
                        b"open sesame")
        self.is_sealed("states.tar.age")
        self.type_there("age -d states.tar.age | tar -xO demo/one.tfstate >one", b"open sesame")
        self.assertEqual(document(1, note="canary-4711"), pathlib.Path(self.box.path("one")).read_bytes())


if __name__ == "__main__":
    unittest.main()
