"""A write that is still on its way while its lock is freed by force and somebody else has written:
it never lands on top, wherever it was held up.

The proxy in front of each service counts the pieces that a POST sends to it and holds the first,
the second, … one back: so every step of the write is the one that is late once.
"""
import json
import os
import signal
import socket
import sys
import threading
import time
import unittest

from box import Box, wait_for
from client import Client
from crash_world import Caller, Violation, lock_info
from pairs import PAIRS, Pair, make_cases
from stateward import AUTH
from webservers import Nginx

# A POST has fewer steps than this at any service; if not, the test is to be looked at.
MOST_STEPS = 20
PATIENCE_S = 60


def document(serial, writer):
    return json.dumps({"version": 4, "serial": serial, "lineage": "l", "writer": writer,
                       "filler": os.urandom(3000).hex()}).encode()


class LateWriter(threading.Thread):
    """Holds the lock `old` and writes; its answer comes when it comes."""

    def __init__(self, address, target, body):
        super().__init__(daemon=True)
        self.client = Client(address, auth=AUTH, timeout=PATIENCE_S)
        self.target, self.body, self.status = target, body, None
        self.start()

    def run(self):
        try:
            self.status = self.client.post(f"{self.target}?ID=old", self.body).status
        except OSError:
            self.status = 0


class SameWrite:
    """Identical writes, and repeats of a write, are one write: on every pair."""
    PAIR = None

    @classmethod
    def setUpClass(cls):
        cls.box = Box()
        cls.addClassCleanup(cls.box.close)
        cls.pair = Pair(cls.box, cls.PAIR, proxied=True)
        cls.addClassCleanup(cls.pair.close)
        cls.server = cls.pair.stateward(threads=8, workers=2)
        cls.nginx = Nginx(cls.box, "unix:" + cls.server.socket)
        cls.count = 0

    def setUp(self):
        self.caller = Caller(self.nginx.plain, PATIENCE_S)

    def locked_state(self):
        """The target of a new state, at serial 1, which `old` has locked."""
        type(self).count += 1
        target = f"/state/late/s{self.count}"
        self.caller.call("POST", target, document(1, "first"))
        self.caller.call("LOCK", target, lock_info("old"))
        return target

    def identical_writes(self, count):
        """Many identical POSTs of one new state; every third client is gone before its answer, and
        sends the same again."""
        type(self).count += 1
        target, body = f"/state/late/same{self.count}", document(1, "same")
        failed = []

        def write(number):
            try:
                if number % 3 == 0:
                    with socket.create_connection(self.nginx.plain, timeout=PATIENCE_S) as link:
                        link.sendall((f"POST {target} HTTP/1.1\r\nHost: x\r\n"
                                      f"Authorization: {AUTH}\r\n"
                                      f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
                Caller(self.nginx.plain, PATIENCE_S).call("POST", target, body)
            except (OSError, Violation) as error:
                failed.append(error)
        writers = [threading.Thread(target=write, args=(n,)) for n in range(count)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        self.assertEqual([], failed)
        self.assertEqual(body, self.caller.call("GET", target).body)

    def test_identical_writes_are_one(self):
        for count in (2, 20, 200):
            with self.subTest(count):
                self.identical_writes(count)

    def held_writer(self, proxy, step, target, body):
        """A writer of which the step is held by now; None: its write had fewer steps than that, and is done."""
        proxy.hold(nth=step)
        hold = proxy.current
        writer = LateWriter(self.nginx.plain, target, body)
        wait_for(lambda: hold.held.is_set() or not writer.is_alive(), "held, or over", PATIENCE_S)
        if hold.held.is_set():
            return writer
        proxy.current = None
        self.assertEqual(200, writer.status)
        return None

    def each_step(self, hold_step):
        """hold_step(proxy, step) from the first step on, until it says that a write has no such step."""
        self.assertTrue(self.pair.proxies, "no service, so no step")
        for kind, proxy in self.pair.proxies.items():
            steps = 0
            while hold_step(proxy, steps + 1):
                steps += 1
                self.assertLess(steps, MOST_STEPS, kind)
            self.assertGreater(steps, 0, kind)

    def repeat_while_held(self, proxy, step):
        target, body = self.locked_state(), document(2, "twice")
        first = self.held_writer(proxy, step, target, body)
        if not first:
            return False
        repeat = LateWriter(self.nginx.plain, target, body)
        # It may have to wait for the first: a transaction, a lock of a row.
        repeat.join(1)
        proxy.release()
        first.join(PATIENCE_S)
        repeat.join(PATIENCE_S)
        self.assertNotIn(409, (first.status, repeat.status), f"step {step}")
        self.assertIn(200, (first.status, repeat.status), f"step {step}")
        self.caller.call("POST", f"{target}?ID=old", body)
        self.assertEqual(body, self.caller.call("GET", target).body)
        self.caller.call("UNLOCK", target, lock_info("old"))
        return True

    def test_repeat_of_a_write_that_is_still_on_its_way(self):
        self.each_step(self.repeat_while_held)


class LateWrite(SameWrite):
    def take_over(self, target, before_write=lambda: None):
        """What an administrator and the next user do: (what the latter saw, what he wrote)."""
        self.caller.call("UNLOCK", target, b"")
        self.caller.call("LOCK", target, lock_info("new"))
        seen = self.caller.call("GET", target).body
        before_write()
        written = document(json.loads(seen)["serial"] + 1, "new")
        self.caller.call("POST", f"{target}?ID=new", written)
        return seen, written

    def check(self, target, late, seen, written):
        self.assertEqual(written, self.caller.call("GET", target).body, "it landed on top")
        if late.status == 200:
            self.assertEqual(late.body, seen, "acknowledged, but the next holder did not see it")
        else:
            self.assertIn(late.status, (0, 409, 502, 503))
        # The new holder goes on, and the next one sees his work.
        last = document(json.loads(written)["serial"] + 1, "new")
        self.caller.call("POST", f"{target}?ID=new", last)
        self.caller.call("UNLOCK", target, lock_info("new"))
        self.assertEqual(last, self.caller.call("GET", target).body)

    def hold_step(self, proxy, step, sender_dies, early):
        """False when the write had fewer steps than that. early: it arrives while the new holder
        has read, but not written yet; only the number that his LOCK burnt keeps it out then."""
        target = self.locked_state()
        late = self.held_writer(proxy, step, target, document(2, "late"))
        if not late:
            return False
        if sender_dies:
            for worker in self.server.workers():
                os.kill(worker, signal.SIGKILL)
            late.join(PATIENCE_S)

        def arrive():
            proxy.release()
            late.join(PATIENCE_S)
            time.sleep(0.3)  # if nobody waits for its answer, it still has to take effect
        seen, written = self.take_over(target, arrive if early else lambda: None)
        if not early:
            arrive()
        self.check(target, late, seen, written)
        return True

    def every_step(self, dies, early):
        """dies(step): whether the sender is killed while its step is held; the first is 0."""
        self.each_step(lambda proxy, step: self.hold_step(proxy, step, dies(step - 1), early))

    def test_every_step_is_late(self):
        """In `make test` each arrives early, and the sender of every second one is dead by then;
        `make prove-late`: early and late, with senders that wait and with dead ones."""
        if os.environ.get("LATE_IN_FULL"):
            for early in (True, False):
                self.every_step(lambda step: False, early)
                self.every_step(lambda step: True, early)
        else:
            self.every_step(lambda step: step % 2 == 1, True)

    def test_late_upload(self):
        """The half of it that is held up lies between the client and us."""
        target, body = self.locked_state(), document(2, "late")
        with socket.create_connection(self.nginx.plain, timeout=PATIENCE_S) as link:
            head = (f"POST {target}?ID=old HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTH}\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode()
            link.sendall(head + body[:1000])
            seen, written = self.take_over(target)
            link.sendall(body[1000:])
            self.assertIn(b" 409 ", link.makefile("rb").readline())
        self.assertEqual(written, self.caller.call("GET", target).body)
        self.assertNotEqual(body, seen)


class LateWrite_fs_local(LateWrite, unittest.TestCase):
    PAIR = "fs+local"
    # No service is in between that could hold it: cppu's Refusal.TheRepeatOfAWriteThatIsStillOnItsWay is for that.
    test_repeat_of_a_write_that_is_still_on_its_way = None

    def every_step(self, dies, early):
        """No service is in between: the worker itself stands still at some moment."""
        for step, delay_ms in enumerate((0, 0, 3, 3, 6, 6, 12, 12)):
            target = self.locked_state()
            late = LateWriter(self.nginx.plain, target, document(2, "late"))
            time.sleep(delay_ms / 1000)
            workers = self.server.workers()
            for worker in workers:
                os.kill(worker, signal.SIGSTOP)
            time.sleep(0.05)
            for worker in workers:
                os.kill(worker, signal.SIGKILL if dies(step) else signal.SIGCONT)
            seen, written = self.take_over(target)
            late.join(PATIENCE_S)
            self.check(target, late, seen, written)


make_cases(sys.modules[__name__], LateWrite, [pair for pair in PAIRS if pair != "fs+local"])


if __name__ == "__main__":
    unittest.main()
