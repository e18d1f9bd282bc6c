"""Workers, or the whole pool, are killed at random moments while writers work: nothing that was
acknowledged is lost, torn or mixed, and locks outlive the processes.

STATEWARD_KILLS: how many kills (make test: 300; make prove-crash: 10,000).
"""
import json
import os
import random
import signal
import threading
import time
import unittest

from box import Box, wait_for
from client import Client, basic
from stateward import Stateward
from webservers import Nginx

KILLS = int(os.environ.get("STATEWARD_KILLS", "300"))
WRITERS = 8


class Writer(threading.Thread):
    """Locks, writes and unlocks states of its own, and remembers what it was told."""

    def __init__(self, number, address, seed, stop):
        super().__init__()
        self.number, self.stop_now = number, stop
        self.client = Client(address, auth=basic("basic", "crash"), timeout=10)
        self.random = random.Random(seed * 100 + number)
        self.states = [f"/state/crash/w{number}-{i}" for i in range(4)]
        self.sent = {s: {} for s in self.states}      # serial -> document, whatever the answer
        self.acked = {s: 0 for s in self.states}      # highest serial that was acknowledged
        self.held = {s: None for s in self.states}    # lock ID that was acknowledged
        self.serial = 0
        self.writes = 0

    def ask(self, method, target, body):
        try:
            return self.client.request(method, target, body).status
        except Exception:  # noqa: a broken connection is an unknown outcome
            return 0

    def until_answered(self, method, target, body):
        """As clients do: again until there is an answer."""
        while not self.stop_now.is_set():
            status = self.ask(method, target, body)
            if status not in (0, 502, 503, 504):
                return status
            time.sleep(0.02)
        return 0

    def document(self, state):
        self.serial += 1
        return self.serial, json.dumps({"serial": self.serial, "lineage": state,
                                        "writer": self.number,
                                        "filler": "z" * self.random.randrange(20000)}).encode()

    def run(self):
        while not self.stop_now.is_set():
            state = self.random.choice(self.states)
            lock_id = f"{self.number}-{self.random.getrandbits(60):x}"
            lock = json.dumps({"ID": lock_id}).encode()
            if self.until_answered("LOCK", state, lock) != 200:
                continue
            self.held[state] = lock_id
            for _ in range(self.random.randrange(1, 4)):
                serial, body = self.document(state)
                self.sent[state][serial] = body
                if self.until_answered("POST", f"{state}?ID={lock_id}", body) == 200:
                    self.acked[state] = serial
                    self.writes += 1
            # From here on it may be free, whatever is heard.
            self.held[state] = None
            if not self.stop_now.is_set():
                self.until_answered("UNLOCK", state, lock)


class Crash(unittest.TestCase):
    def setUp(self):
        self.box = Box()
        self.addCleanup(self.box.close)
        self.server = Stateward(self.box)
        self.nginx = Nginx(self.box, "unix:" + self.server.socket)
        self.seed = random.SystemRandom().randrange(1 << 30)
        self.random = random.Random(self.seed)
        self.slowest = 0.0

    def kill_one(self):
        workers = self.server.workers()
        if workers:
            try:
                os.kill(self.random.choice(workers), signal.SIGKILL)
            except ProcessLookupError:
                pass

    def kill_all(self):
        # The supervisor first, or it would replace the workers.
        workers = self.server.workers()
        self.server.process.send(signal.SIGKILL)
        for worker in workers:
            try:
                os.kill(worker, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.server.process.popen.wait()
        start = time.monotonic()
        self.server.start()
        client = Client(self.nginx.plain)
        wait_for(lambda: client.get("/health").status == 200, "it answers again")
        self.slowest = max(self.slowest, time.monotonic() - start)

    def check(self, writers):
        client = Client(self.nginx.plain, auth=basic("basic", "crash"))
        for writer in writers:
            for state in writer.states:
                answer = client.get(state)
                where = f"seed {self.seed} {state} acked {writer.acked[state]}: {answer}"
                if answer.status == 404:
                    self.assertEqual(0, writer.acked[state], "lost: " + where)
                    continue
                self.assertEqual(200, answer.status, where)
                serial = json.loads(answer.body)["serial"]
                self.assertGreaterEqual(serial, writer.acked[state], "lost: " + where)
                self.assertEqual(writer.sent[state].get(serial), answer.body, "torn: " + where)
                if writer.held[state]:
                    probe = client.lock(state, b'{"ID":"probe"}')
                    self.assertEqual(423, probe.status, "a lock was lost: " + where)
                    self.assertEqual(writer.held[state], json.loads(probe.body)["ID"], where)

    def run_writers(self, kills):
        stop = threading.Event()
        writers = [Writer(i, self.nginx.plain, self.seed, stop) for i in range(WRITERS)]
        for writer in writers:
            writer.start()
        try:
            for number in range(kills):
                time.sleep(self.random.uniform(0, 0.15))
                if number % 10 == 9:
                    self.kill_all()
                else:
                    self.kill_one()
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        self.assertGreater(sum(w.writes for w in writers), kills, "the writers worked")
        return writers

    def test_kills(self):
        writers = self.run_writers(KILLS)
        self.check(writers)
        self.assertLess(self.slowest, 1.0, "restart")
        print(f"crash: {KILLS} kills, {sum(w.writes for w in writers)} acknowledged writes, "
              f"slowest restart {self.slowest:.2f} s, seed {self.seed}", flush=True)

    def test_that_a_loss_and_a_tear_would_be_seen(self):
        for harm in ("lost", "torn"):
            writers = self.run_writers(3)
            state_files = []
            for folder, _, names in os.walk(self.box.path("states/states")):
                state_files += [os.path.join(folder, n) for n in names if n.isdigit()]
            newest = {}
            for path in state_files:
                folder = os.path.dirname(path)
                newest[folder] = max(newest.get(folder, ""), path)
            for path in newest.values():
                if harm == "lost":
                    os.unlink(path)
                else:
                    os.truncate(path, os.path.getsize(path) // 2)
            with self.assertRaises(AssertionError):
                self.check(writers)
            self.box.close()
            self.setUp()


if __name__ == "__main__":
    unittest.main()
