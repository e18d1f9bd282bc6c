"""A store that is full, read-only, gone, or another one: 503 and never 404, and it heals without a
restart."""
import contextlib
import json
import os
import pathlib
import stat
import subprocess
import unittest

from box import Box, wait_for
from stateward import Stateward

LOCK = b'{"ID":"a-lock"}'


def document(serial, size=2000):
    return json.dumps({"version": 4, "serial": serial, "lineage": "l", "x": "y" * size}).encode()


class StoreOutage(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.place = self.box.make_dir("disk")

    def start(self):
        self.store = os.path.join(self.place, "states")
        self.server = Stateward(self.box, STORAGE_FS_DIR=self.store, LOG_LEVEL="warning")
        self.assertEqual(200, self.post(1))

    def ask(self, method, target, body=None):
        status, headers, _ = self.server.ask(method, target, body)
        if status == 503:
            self.assertEqual("15", {k.lower(): v for k, v in headers.items()}["retry-after"])
        return status

    def post(self, serial, size=2000):
        return self.ask("POST", "/state/p/kept", document(serial, size))

    def is_out(self, reads):
        """Nothing is promised; and nothing is said to be absent that was not looked for."""
        self.assertEqual(503, self.post(2))
        self.assertEqual(503, self.ask("LOCK", "/state/p/another", LOCK))
        self.assertEqual(200 if reads else 503, self.ask("GET", "/state/p/kept"))
        if not reads:
            self.assertEqual(503, self.ask("GET", "/state/p/absent"))
            self.assertEqual(503, self.ask("DELETE", "/state/p/absent"))
        self.assertEqual(503, self.ask("GET", "/ready"))
        self.assertEqual(200, self.ask("GET", "/health"))

    def heals(self):
        wait_for(lambda: self.ask("GET", "/ready") == 200, "it is ready again")
        self.assertEqual((200, document(1)), self.server.ask("GET", "/state/p/kept")[::2])
        self.assertEqual(404, self.ask("GET", "/state/p/absent"))
        self.assertEqual(200, self.post(2))
        self.assertEqual(200, self.ask("LOCK", "/state/p/another", LOCK))
        self.assertEqual(200, self.ask("UNLOCK", "/state/p/another", LOCK))

    @contextlib.contextmanager
    def away(self, name):
        path = os.path.join(self.store, name) if name else self.store
        os.rename(path, self.box.path("away"))
        yield path
        os.rename(self.box.path("away"), path)

    def small_disk(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0777", "tmpfs", self.place],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.place], check=True)

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
    def test_full_disk(self):
        self.small_disk()
        self.start()
        with open(os.path.join(self.place, "ballast"), "wb", buffering=0) as ballast:
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(4096))
        self.is_out(reads=True)
        os.unlink(os.path.join(self.place, "ballast"))
        self.heals()
        # One that does not fit although the disk is not full.
        noise = os.urandom(5 << 20).hex()  # of which zstd and the cipher leave 5 MiB
        big = json.dumps({"serial": 3, "lineage": "l", "x": noise}).encode()
        self.assertEqual(503, self.ask("POST", "/state/p/kept", big))
        self.assertEqual((200, document(2)), self.server.ask("GET", "/state/p/kept")[::2])
        self.assertEqual(200, self.post(3))

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
    def test_read_only_disk(self):
        self.small_disk()
        self.start()
        wait_for(lambda: subprocess.run(["mount", "-o", "remount,ro", self.place], check=False,
                                        capture_output=True).returncode == 0, "it is read-only")
        self.is_out(reads=True)
        subprocess.run(["mount", "-o", "remount,rw", self.place], check=True)
        self.heals()

    def test_missing_marker(self):
        self.start()
        with self.away("stateward-store"):
            self.is_out(reads=False)
            self.assertIn("statewardctl init", self.server.log())
        self.heals()

    def test_removed_store(self):
        self.start()
        with self.away("") as path:
            self.is_out(reads=False)
            # As a disk that is not mounted looks: an empty folder. STORAGE_INIT was for the start.
            os.mkdir(path, 0o700)
            self.box.give(path)
            self.is_out(reads=False)
            self.assertEqual([], os.listdir(path))
            os.rmdir(path)
        self.heals()

    def test_removed_folders_of_it(self):
        self.start()
        with self.away("states"):
            self.assertEqual(503, self.ask("GET", "/state/p/kept"))
            self.assertEqual(503, self.ask("GET", "/state/p/absent"))
            self.assertEqual(503, self.post(2))
        with self.away("locks"):
            self.assertEqual(503, self.ask("LOCK", "/state/p/kept", LOCK))
            self.assertEqual(503, self.post(2))
        self.heals()

    def test_exchanged_before_the_first_request(self):
        """The store that was there at the start counts, and is served again when it is back."""
        self.start()
        self.server.process.stop()
        other = Stateward(self.box, STORAGE_FS_DIR=os.path.join(self.place, "other"))
        self.assertEqual(404, other.ask("GET", "/state/p/kept")[0])
        other.process.stop()
        server = Stateward(self.box, STORAGE_FS_DIR=self.store, WORKERS=1, STORAGE_INIT="false")
        self.server = server
        # Its first look, which needs no request, has seen the right one.
        def target(link):
            try:
                return os.readlink(link)
            except FileNotFoundError:  # closed meanwhile
                return ""
        open_store = lambda: any(self.store in target(fd.path) for w in server.workers()
                                 for fd in os.scandir(f"/proc/{w}/fd"))
        wait_for(open_store, "it has looked")
        there = self.files("other")
        with self.away("") as path:
            os.rename(os.path.join(self.place, "other"), path)
            for name in ("kept", "absent"):
                asks = [("GET", None), ("LOCK", LOCK), ("POST", document(2)), ("DELETE", None)]
                self.assertEqual([503] * 8, [self.ask(method, f"/state/p/{name}", body) for method, body in asks * 2])
            os.rename(path, os.path.join(self.place, "other"))
        self.assertEqual(there, self.files("other"), "the other store is as it was")
        self.heals()

    def files(self, store):
        """{path: content} of the states and locks."""
        return {path: path.read_bytes() for folder in ("states", "locks")
                for path in pathlib.Path(self.place, store, folder).rglob("*") if path.is_file()}

    def test_what_is_no_file_makes_nobody_wait(self):
        self.start()
        self.assertEqual(200, self.ask("LOCK", "/state/p/kept", LOCK))
        self.assertEqual(200, self.ask("UNLOCK", "/state/p/kept", LOCK))
        record, = pathlib.Path(self.store, "states").glob("*/*/*")
        lock, = [p for p in pathlib.Path(self.store, "locks").glob("*/*") if p.is_file()]
        marker = pathlib.Path(self.store, "stateward-store")
        service = pathlib.Path(self.store, "locks", "lock-service")
        asks = {record: ("GET", None), lock: ("LOCK", LOCK), marker: ("GET", None),
                service: ("LOCK", LOCK), record.parent.parent: ("GET", None)}
        for path, (method, body) in asks.items():
            makers = [os.mkfifo, os.mkdir]
            if path == record.parent.parent:
                makers = [os.mkfifo, lambda p: pathlib.Path(p).touch()]
            elif os.geteuid() == 0:
                makers.append(lambda p: os.mknod(p, 0o600 | stat.S_IFCHR, os.makedev(1, 5)))
            for make in makers:
                os.rename(path, self.box.path("away"))
                make(path)
                self.box.give(path)
                self.assertEqual(503, self.ask(method, "/state/p/kept", body), path)
                (os.rmdir if path.is_dir() else os.unlink)(path)
                os.rename(self.box.path("away"), path)
        self.heals()


if __name__ == "__main__":
    unittest.main()
