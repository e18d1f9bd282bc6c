"""docs/formats.md, "Formats of a store": two builds on one store, under load. The newer one (mk/next.mk)
knows a made-up format 2, which differs by its number alone."""
import json
import pathlib
import subprocess
import threading
import unittest

from box import Box, connects, reachable, wait_for
from pairs import Pair
from stateward import BUILD, CTL, Stateward

NEXT = BUILD / "next"
FORMAT_AT = 4  # of a record: docs/formats.md, "Envelope"


def document(serial):
    return json.dumps({"version": 4, "serial": serial, "lineage": "of-it"}).encode()


class Writer(threading.Thread):
    """Writes one state again and again through one server, until a write is not 200."""

    def __init__(self, server, state):
        super().__init__()
        self.server, self.state = server, state
        self.good, self.last, self.end = 0, None, threading.Event()
        self.start()

    def run(self):
        while not self.end.is_set():
            status, _, body = self.server.ask("POST", self.state, document(self.good + 1))
            if status != 200:
                self.last = status, body
                return
            self.good += 1

    def stop(self):
        self.end.set()
        self.join()


class Formats(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)

    def older(self, **settings):
        path = self.box.path("older.sock")
        server = Stateward(self.box, listen="unix:" + path, ready=False, **settings)
        server.socket = path
        server.process.wait_until(lambda: connects(path), "the older build listens")
        return server

    def newer(self, **settings):
        self.box.make_dir("run-newer")
        return Stateward(self.box, argv=(str(NEXT / "stateward"),), RUNTIME_DIR=self.box.path("run-newer"),
                         **settings)

    def ctl(self, program, server, *arguments, code=0):
        run = subprocess.run([reachable(program), *arguments], env=server.settings, text=True,
                             capture_output=True, timeout=120, check=False, **self.box.identity())
        self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        return run.stdout + run.stderr

    def formats(self):
        """How many records of the fs store bear which format."""
        count = {}
        for path in pathlib.Path(self.box.path("states/states")).glob("*/*/*"):
            number = path.read_bytes()[FORMAT_AT]
            count[number] = count.get(number, 0) + 1
        return count

    def wait_for_writes(self, writer, count):
        have = writer.good
        wait_for(lambda: writer.good >= have + count or writer.last, "it goes on writing", seconds=120)
        self.assertIsNone(writer.last)

    def test_two_builds_on_one_store(self):
        older = self.older()
        newer = self.newer(STORAGE_INIT="false")
        writers = [Writer(older, "/state/p/older"), Writer(newer, "/state/p/newer")]
        for writer in writers:
            self.addCleanup(writer.stop)
        wait_for(lambda: all(w.good >= 5 or w.last for w in writers), "both write", seconds=120)
        self.assertEqual([None, None], [w.last for w in writers])
        # A newer build reads the store's format, and writes it.
        self.assertEqual({1}, set(self.formats()))
        self.assertEqual(200, newer.ask("GET", "/state/p/older")[0])
        # As long as there are servers that could not follow, the store stays as it is.
        servers = pathlib.Path(self.box.path("states/servers"))
        wait_for(lambda: servers.exists() and len(list(servers.glob("?" * 32))) == 4, "all workers have spoken")
        said = self.ctl(NEXT / "statewardctl", newer, "upgrade", code=4)
        self.assertIn("running servers do not know format 2", said)
        self.assertIn("would raise", self.ctl(NEXT / "statewardctl", newer, "upgrade", "--dry-run"))
        self.assertIn("the newest of this build", self.ctl(CTL, older, "upgrade"))
        self.assertIn("the store has format 1", self.ctl(NEXT / "statewardctl", newer, "status", "--json"))
        for writer in writers:
            self.assertIsNone(writer.last)
        self.assertEqual({1}, set(self.formats()))
        # It is raised all the same: the older build neither reads nor writes any more.
        self.ctl(NEXT / "statewardctl", newer, "upgrade", "--yes")
        writers[0].join(30)
        self.assertEqual(503, writers[0].last[0])
        for method, uri in (("GET", "/state/p/older"), ("POST", "/state/p/other"), ("LOCK", "/state/p/other"),
                            ("DELETE", "/state/p/older")):
            body = {"POST": document(1), "LOCK": b'{"ID":"i"}'}.get(method)
            self.assertEqual(503, older.ask(method, uri, body)[0], method)
        status, _, body = older.ask("GET", "/ready")
        self.assertEqual(503, status, body)
        self.assertIn("a newer one is needed", older.log())
        self.assertIn("a newer one is needed", self.ctl(CTL, older, "list", code=3))
        # The newer one has gone on. A write that was under way at the change may have the old format; those
        # behind it have the new one.
        self.wait_for_writes(writers[1], 2)
        stored = self.formats()[1]
        self.wait_for_writes(writers[1], 5)
        self.assertEqual(stored, self.formats()[1])
        self.assertIn(2, self.formats())
        self.assertEqual(200, newer.ask("GET", "/state/p/older")[0])
        self.assertEqual(200, newer.ask("POST", "/state/p/older", document(writers[0].good + 1))[0])
        # A restart of the older build changes nothing.
        older.restart()
        self.assertEqual(503, older.ask("GET", "/state/p/older")[0])

    def test_postgres(self):
        self.follows("postgres+postgres")

    def test_s3(self):
        self.follows("s3+s3")

    def follows(self, pair):
        """Servers learn it from the store, without a restart."""
        pair = Pair(self.box, pair)
        # Each process looks for itself.
        older = self.older(workers=1, **pair.settings())
        # The older build makes the store, in its format: the newer one only starts after that.
        wait_for(lambda: older.ask("POST", "/state/p/s", document(1))[0] == 200, "the older build writes")
        newer = self.newer(workers=1, **pair.settings())
        self.assertEqual(200, newer.ask("POST", "/state/p/s", document(2))[0])
        self.ctl(NEXT / "statewardctl", newer, "upgrade", "--yes")
        wait_for(lambda: older.ask("GET", "/state/p/s")[0] == 503, "the older build reads no more")
        self.assertEqual(503, older.ask("POST", "/state/p/s", document(3))[0])
        wait_for(lambda: newer.ask("GET", "/state/p/s")[0] == 200, "the newer build goes on")
        self.assertEqual(200, newer.ask("POST", "/state/p/s", document(3))[0])


if __name__ == "__main__":
    unittest.main()
