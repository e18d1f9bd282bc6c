"""What clients see, and what becomes of their states, while a service is stopped, killed, paused,
slow, cut off, closed to us, emptied or full: 503 with Retry-After, never 404, never an old or a
foreign state, nothing acknowledged lost; and work goes on afterwards without a restart of ours."""
import os
import pathlib
import subprocess
import time
import unittest

from box import Box, wait_for
from crash_world import World
from pairs import Pair
from webservers import Nginx

PAUSE_S = 10
# For one request, over an outage in which its service stops and starts, twice: Minio alone may take two minutes.
PATIENCE_S = 300


class Faults:
    """KIND: the service that is hurt; PAIR: uses no other one."""
    PAIR = KIND = None

    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.pair = Pair(cls.box, cls.PAIR, proxied=True)
        cls.addClassCleanup(cls.pair.close)
        cls.server = cls.pair.stateward(LOG_LEVEL="warning")
        cls.nginx = Nginx(cls.box, "unix:" + cls.server.socket)
        cls.service, cls.proxy = cls.pair.services[cls.KIND], cls.pair.proxies[cls.KIND]
        cls.world = World(cls.nginx.plain, states=2, writers=4, strict=True, patience_s=PATIENCE_S)
        cls.world.start()
        cls.addClassCleanup(cls.world.stopping.set)

    @classmethod
    def tearDownClass(cls):
        cls.world.stop()
        cls.world.finish()

    def setUp(self):
        self.goes_on()

    def goes_on(self, seconds=60):
        """All writers get their work done, and everything is as it was told."""
        before = [w.writes for w in self.world.writers]
        wait_for(lambda: self.world.raise_errors() or all(
            w.writes > n for w, n in zip(self.world.writers, before)), "all writers write", seconds)
        self.world.check()

    def refused(self):
        """Waits until clients are refused, which is what a broken service must lead to."""
        before = self.world.refused()
        wait_for(lambda: self.world.raise_errors() or self.world.refused() > before + 4,
                 "clients get 503", 60)

    def test_stopped(self):
        self.service.stop()
        self.refused()
        self.service.start()
        self.goes_on()

    def test_restarted(self):
        for _ in range(2):
            self.service.restart()
            self.goes_on()

    def test_killed_in_mid_write(self):
        for _ in range(3):
            self.service.kill()
            self.service.start()
            self.goes_on()

    def test_paused(self):
        self.service.pause()
        time.sleep(PAUSE_S)
        self.service.resume()
        self.goes_on()

    def test_slow(self):
        self.proxy.slow(0.1)
        self.goes_on(300)  # who loses a lock to the others may do so often
        self.proxy.pass_on()

    def test_silent(self):
        """No answer for as long as it takes to give up."""
        self.proxy.pause()
        self.refused()
        self.proxy.pass_on()
        self.goes_on()

    def test_cut_in_mid_answer(self):
        for count in (0, 1, 7, 40, 300):
            self.proxy.cut(count)
            self.refused()
            self.proxy.pass_on()
            self.goes_on()

    def test_refused_connections(self):
        self.proxy.refuse()
        self.refused()
        self.proxy.pass_on()
        self.goes_on()

    def test_wrong_credentials(self):
        self.lock_out()
        self.refused()
        self.let_in()
        self.goes_on()


class PostgresFaults(Faults, unittest.TestCase):
    PAIR, KIND = "postgres+postgres", "postgres"

    def set_password(self, password):
        self.service.sql(f"ALTER ROLE stateward PASSWORD '{password}'")
        self.service.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                         "WHERE usename = 'stateward'")

    def lock_out(self):
        self.set_password("another one")

    def let_in(self):
        self.set_password(self.service.password)

    def test_tables_removed(self):
        self.service.sql("ALTER SCHEMA stateward RENAME TO away")
        self.refused()
        self.service.sql("ALTER SCHEMA away RENAME TO stateward")
        self.goes_on()


class RedisFaults(Faults, unittest.TestCase):
    PAIR, KIND = "fs+redis", "redis"

    def lock_out(self):
        self.service.command("CONFIG", "SET", "requirepass", "another one")
        self.service.command_as("another one", "CLIENT", "KILL", "TYPE", "normal")

    def let_in(self):
        self.service.command_as("another one", "CONFIG", "SET", "requirepass",
                                self.service.password)


class S3Faults(Faults, unittest.TestCase):
    PAIR, KIND = "s3+s3", "s3"

    def lock_out(self):
        self.right_key, self.service.secret_key = self.service.secret_key, "0" * 40
        self.service.restart()

    def let_in(self):
        self.service.secret_key = self.right_key
        self.service.restart()

    def test_bucket_removed(self):
        bucket = pathlib.Path(self.service.path("data/terraform-state"))
        # While it runs, the server may put an object back into a folder that is gone.
        self.service.stop()
        away = bucket.rename(self.service.path("away"))
        self.service.start()
        self.refused()
        self.service.stop()
        self.assertFalse(bucket.exists(), "nobody makes a bucket but at init")
        away.rename(bucket)
        self.service.start()
        self.goes_on()


class FullDisk:
    """The service's data on a small disk of its own, filled to the last byte and freed again."""
    PAIR = KIND = None
    MEGABYTES = 600

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
    def test_full(self):
        with Box() as box:
            disk = box.make_dir("disk")
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.MEGABYTES}m,mode=0777",
                            "tmpfs", disk], check=True)
            self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
            # What is given back later; the service may fill the rest itself.
            pathlib.Path(disk, "ballast").write_bytes(bytes(self.MEGABYTES << 18))
            pair = Pair(box, self.PAIR, folder=disk + "/data")
            server = pair.stateward(LOG_LEVEL="warning")
            nginx = Nginx(box, "unix:" + server.socket)
            world = World(nginx.plain, states=2, writers=4, strict=True, patience_s=PATIENCE_S)
            world.start()
            wait_for(lambda: world.totals()[0] > 20, "some writes")
            fill(disk + "/ballast")
            before = world.refused()
            wait_for(lambda: world.raise_errors() or world.refused() > before + 4,
                     "clients get 503", 60)
            os.unlink(disk + "/ballast")
            service = pair.services[self.KIND]
            written = world.totals()[0]

            def goes_on():
                if not service.process.alive():  # some end themselves then, and take a while for it
                    service.start()
                world.raise_errors()
                return world.totals()[0] > written + 20
            wait_for(goes_on, "writes go on", 60)
            world.stop()
            world.finish()


def fill(path):
    # Without a buffer, whose rest would be written, and fail, once more when the file is closed.
    with open(path, "ab", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            pass


class PostgresFullDisk(FullDisk, unittest.TestCase):
    PAIR, KIND = "postgres+postgres", "postgres"


class RedisFullDisk(FullDisk, unittest.TestCase):
    PAIR, KIND, MEGABYTES = "fs+redis", "redis", 32


class S3FullDisk(FullDisk, unittest.TestCase):
    PAIR, KIND = "s3+s3", "s3"


if __name__ == "__main__":
    unittest.main()
