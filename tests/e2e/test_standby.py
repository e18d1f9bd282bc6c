"""READ_ONLY: what a standby answers, and how it takes over."""
import json
import os
import pathlib
import re
import shutil
import unittest

from box import Box, free_port, wait_for
from s3_double import S3Double
from services import POSTGRES_PROGRAMS, Postgres
from stateward import CTL, Stateward

BOTH = {"STORAGE_BACKEND": "postgres", "LOCK_BACKEND": "postgres"}


def document(serial):
    return json.dumps({"version": 4, "serial": serial, "lineage": "L", "outputs": {}}).encode()


def lock_info(lock_id):
    return json.dumps({"ID": lock_id, "Operation": "OperationTypeApply"}).encode()


class Core(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def refuses(self, server):
        """Everything that changes something; each text says why."""
        status, _, body = server.ask("LOCK", "/state/p/n", lock_info("b"))
        self.assertEqual(423, status)
        self.assertRegex(json.loads(body)["ID"], r"^read-only standby since 20\d\d-")
        for verb, target, sent in (("POST", "/state/p/n", document(9)),
                                   ("POST", "/state/p/n?ID=a", document(9)),
                                   ("POST", "/state/p/new", document(1)),
                                   ("DELETE", "/state/p/n", None), ("UNLOCK", "/state/p/n", None),
                                   ("UNLOCK", "/state/p/n", lock_info("a"))):
            status, _, body = server.ask(verb, target, sent)
            self.assertEqual(409, status, (verb, target, body))
            self.assertIn("read-only standby since", json.loads(body)["reason"])

    def reads(self, server, serial):
        self.assertEqual((200, document(serial)), server.ask("GET", "/state/p/n")[::2])
        self.assertEqual((200, document(1)), server.ask("GET", "/state/p/n/versions/1")[::2])
        for absent in ("/state/p/never", "/state/p/never/outputs", "/state/p/n/versions/99",
                       "/state/p/n/outputs/none"):
            self.assertEqual(503, server.ask("GET", absent)[0], absent)
        status, _, ready = server.ask("GET", "/ready")
        self.assertEqual(200, status, ready)
        self.assertIn(b"read-only standby since", ready)

    def ctl(self, server, *arguments, code=0, **env):
        run = self.box.run([CTL, *arguments], env={**server.env, **env})
        self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        return run.stdout + run.stderr


class Files(Core):
    def test_a_copy_is_read_and_promoted(self):
        primary = Stateward(self.box)
        for serial in (1, 2):
            self.assertEqual(200, primary.ask("POST", "/state/p/n", document(serial))[0])
        self.assertEqual(200, primary.ask("LOCK", "/state/p/n", lock_info("a"))[0])
        with Box() as other:
            copy = other.path("states")
            shutil.copytree(self.box.path("states"), copy,
                            ignore=shutil.ignore_patterns("locks", "servers", ".tmp-*"))
            for folder, _, names in os.walk(copy):
                for path in [folder, *(os.path.join(folder, name) for name in names)]:
                    other.give(path)
            before = {p: p.stat().st_mtime_ns for p in pathlib.Path(copy).rglob("*")}
            standby = Stateward(other, READ_ONLY="true", LOCK_BACKEND="redis",
                                REDIS_ADDR="127.0.0.1:1")
            self.reads(standby, 2)
            self.refuses(standby)
            self.assertIn("p/n", self.ctl(standby, "list"))
            self.ctl(standby, "delete", "p/n", "--yes", code=4)
            self.ctl(standby, "freeze", "p/n", "--reason", "x", code=4)
            standby.process.stop()
            self.assertEqual(before,
                             {p: p.stat().st_mtime_ns for p in pathlib.Path(copy).rglob("*")})
            # The old one is fenced; the copy becomes the store, with a lock service of its own.
            primary.process.stop()
            standby.settings.update(READ_ONLY="false", LOCK_BACKEND="local", STORAGE_INIT="false")
            self.ctl(standby, "init", "--locks")
            standby.start()
            self.assertEqual(200, standby.ask("LOCK", "/state/p/n", lock_info("c"))[0])
            self.assertEqual(200, standby.ask("POST", "/state/p/n?ID=c", document(3))[0])
            self.assertEqual(200, standby.ask("UNLOCK", "/state/p/n", lock_info("c"))[0])
            self.assertEqual(404, standby.ask("GET", "/state/p/never")[0])


class Buckets(Core):
    """A bucket, and a copy of it at another site; each site has keys of its own."""

    def site(self, access):
        double = S3Double()
        self.addCleanup(double.close)
        double.keys[access] = (f"secret of {access}", None)
        return double

    def with_key(self, access):
        return {"STORAGE_S3_ACCESS_KEY": access, "STORAGE_S3_SECRET_KEY": f"secret of {access}"}

    def test_a_copy_is_read_and_promoted_and_the_old_primary_comes_back(self):
        here, there = self.site("here"), self.site("writer")
        there.keys["reader"] = ("secret of reader", None)
        there.readers.add("reader")
        primary = Stateward(self.box, **here.settings(**self.with_key("here")))
        for serial in (1, 2):
            self.assertEqual(200, primary.ask("POST", "/state/p/n", document(serial))[0])
        self.assertEqual(200, primary.ask("POST", "/state/p/held", document(1))[0])
        self.assertEqual(200, primary.ask("LOCK", "/state/p/held", lock_info("a"))[0])
        with here.lock, there.lock:  # the service copies objects
            there.made, there.objects = True, dict(here.objects)
        # Behind the copy: a version that is not copied any more.
        self.assertEqual(200, primary.ask("POST", "/state/p/n", document(3))[0])
        with Box() as other:
            standby = Stateward(other, READ_ONLY="true", STORAGE_INIT="false",
                                **there.settings(**self.with_key("reader")))
            self.reads(standby, 2)
            self.refuses(standby)
            self.assertIn("p/held", self.ctl(standby, "list"))
            self.ctl(standby, "delete", "p/n", "--yes", code=4)
            self.ctl(standby, "freeze", "p/n", "--reason", "x", code=4)
            self.assertEqual(([], []), (there.puts, there.refused))
            # Fence the old one, whose process runs on: its key is taken away.
            with here.lock:
                del here.keys["here"]
            standby.process.stop()
            standby.settings.update(READ_ONLY="false", **self.with_key("writer"))
            self.ctl(standby, "init", "--locks")
            standby.start()
            # What was held when the copy was made is held still, until somebody is asked.
            status, _, body = standby.ask("LOCK", "/state/p/held", lock_info("b"))
            self.assertEqual((423, "a"), (status, json.loads(body)["ID"]))
            self.assertIn("p/held", self.ctl(standby, "locks"))
            self.ctl(standby, "unlock", "p/held", "--yes", "--reason", "promotion")
            self.assertEqual(200, standby.ask("LOCK", "/state/p/n", lock_info("c"))[0])
            self.assertEqual(200, standby.ask("POST", "/state/p/n?ID=c", document(4))[0])
            self.assertEqual(200, standby.ask("UNLOCK", "/state/p/n", lock_info("c"))[0])
            self.assertEqual(404, standby.ask("GET", "/state/p/never")[0])
            self.ctl(standby, "check")
            self.old_primary_writes_nothing(primary, here)
            self.assertEqual((200, document(4)), standby.ask("GET", "/state/p/n")[::2])

    def old_primary_writes_nothing(self, primary, here):
        before = dict(here.objects)
        for restarted in (False, True):
            if restarted:
                primary.restart()
            for verb, target, sent in (("GET", "/state/p/n", None), ("LOCK", "/state/p/n", lock_info("x")),
                                       ("POST", "/state/p/n", document(9)), ("POST", "/state/p/new", document(1)),
                                       ("POST", "/state/p/held?ID=a", document(2)),
                                       ("UNLOCK", "/state/p/held", lock_info("a")),
                                       ("DELETE", "/state/p/n", None)):
                self.assertEqual(503, primary.ask(verb, target, sent)[0], (verb, target, restarted))
        self.assertEqual(before, here.objects)
        # What only it has can be read there.
        here.keys["reader"] = ("secret of reader", None)
        here.readers.add("reader")
        primary.process.stop()
        primary.settings.update(READ_ONLY="true", STORAGE_INIT="false", **self.with_key("reader"))
        primary.start()
        self.reads(primary, 3)
        self.refuses(primary)
        self.assertEqual(before, here.objects)


class Replica:
    """A streaming replica of `primary`."""

    def __init__(self, box, primary):
        self.box, self.primary, self.port = box, primary, free_port()
        self.folder = box.path("replica")
        run = box.run([POSTGRES_PROGRAMS / "pg_basebackup", "-h", primary.folder, "-p",
                       primary.port, "-U", "postgres", "-D", self.folder, "-R", "-c", "fast"],
                      env={"PGPASSWORD": primary.root_password})
        assert run.returncode == 0, run.stderr
        os.chmod(self.folder, 0o700)
        conf = pathlib.Path(self.folder, "postgresql.conf")
        conf.write_text(re.sub(r"(?m)^port = .*$", f"port = {self.port}", conf.read_text()))
        self.process = box.start([POSTGRES_PROGRAMS / "postgres", "-D", self.folder],
                                 stop_signal=Postgres.STOP_SIGNAL)
        wait_for(self.answers, "the replica answers")

    def answers(self):
        return self.box.run([POSTGRES_PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p",
                             self.port]).returncode == 0

    def promote(self):
        run = self.box.run([POSTGRES_PROGRAMS / "pg_ctl", "promote", "-w", "-D", self.folder])
        assert run.returncode == 0, run.stderr

    def connection(self):
        return self.primary.connection("127.0.0.1", self.port)


class Streaming(Core):
    def setUp(self):
        super().setUp()
        self.primary = Postgres(self.box, "wal_level = replica\nmax_wal_senders = 4")
        self.first = Stateward(self.box, **BOTH, **self.primary.settings())
        for serial in (1, 2):
            self.assertEqual(200, self.first.ask("POST", "/state/p/n", document(serial))[0])
        self.replica = Replica(self.box, self.primary)
        self.other = Box()
        self.addCleanup(self.other.close)

    def test_a_replica_is_promoted_and_its_old_primary_comes_back(self):
        standby = Stateward(self.other, READ_ONLY="true", **BOTH, STORAGE_INIT="false",
                            POSTGRES_CONNECTION=self.replica.connection())
        self.reads(standby, 2)
        self.refuses(standby)
        # It follows, and so does a lock.
        self.assertEqual(200, self.first.ask("LOCK", "/state/p/n", lock_info("held"))[0])
        self.assertEqual(200, self.first.ask("POST", "/state/p/n?ID=held", document(3))[0])
        wait_for(lambda: standby.ask("GET", "/state/p/n")[2] == document(3), "the replica follows")
        # The old primary is fenced: it is down, and can only come back as a standby.
        self.primary.kill()
        self.replica.promote()
        standby.process.stop()
        standby.settings["READ_ONLY"] = "false"
        standby.start()
        wait_for(lambda: standby.ask("GET", "/ready")[0] == 200, "the new primary is ready")
        status, _, body = standby.ask("LOCK", "/state/p/n", lock_info("b"))
        self.assertEqual((423, "held"), (status, json.loads(body)["ID"]))
        self.assertEqual(200, standby.ask("POST", "/state/p/n?ID=held", document(4))[0])
        self.assertEqual(200, standby.ask("UNLOCK", "/state/p/n", lock_info("held"))[0])
        self.assertEqual(404, standby.ask("GET", "/state/p/never")[0])
        pathlib.Path(self.primary.path("data"), "standby.signal").touch()
        self.box.give(self.primary.path("data/standby.signal"))
        self.primary.start()
        # Whoever still uses it reads nothing there that he might take for the newest, and writes nothing.
        for verb, sent in (("GET", None), ("LOCK", lock_info("x")), ("POST", document(4))):
            self.assertEqual(503, self.first.ask(verb, "/state/p/n", sent)[0], verb)
        self.assertEqual((200, document(4)), standby.ask("GET", "/state/p/n")[::2])

    def test_an_old_primary_that_comes_back_as_it_was_gives_no_lock_to_who_knows_better(self):
        both = self.primary.connection("127.0.0.1", self.primary.port).replace(
            f":{self.primary.port}/", f":{self.primary.port},127.0.0.1:{self.replica.port}/")
        server = Stateward(self.other, workers=1, **BOTH, STORAGE_INIT="false",
                           POSTGRES_CONNECTION=both)
        self.assertEqual((200, document(2)), server.ask("GET", "/state/p/n")[::2])
        self.primary.kill()
        self.replica.promote()
        wait_for(lambda: server.ask("LOCK", "/state/p/n", lock_info("a"))[0] == 200,
                 "the new primary gives the lock")
        # It is not fenced, and named first.
        self.primary.start()
        self.replica.process.stop()
        # What was made since is not there, and what is there may be an older version.
        for verb, name, sent in (("GET", "other", None), ("GET", "n", None), ("POST", "other", document(1)),
                                 ("LOCK", "other", lock_info("b")), ("GET", "other", None)):
            self.assertEqual(503, server.ask(verb, f"/state/p/{name}", sent)[0], (verb, name))
        self.assertIn("an older timeline", server.log())


if __name__ == "__main__":
    unittest.main()
