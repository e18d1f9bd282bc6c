"""`tofu apply` of many small resources, with the client's default settings, while the service behind
Stateward is down for 10 s: it rides through, and leaves no errored.tfstate. All services at once,
each behind a Stateward of its own, since most of the time is waiting."""
import json
import os
import pathlib
import re
import threading
import time
import unittest

from box import wait_for
from test_tofu import Core

OUTAGE_S = 10
PAIRS = {"postgres": "postgres+postgres", "redis": "fs+redis", "s3": "s3+s3"}


class Ride(Core):
    """One of them. The outage falls on the write at the end: `slow` waits until the service is down."""

    def __init__(self, case, kind):
        self.PAIR, self.kind, self.case = PAIRS[kind], kind, case
        self.addCleanup, self.assertEqual = case.addCleanup, case.assertEqual
        self.outcome = None
        self.setUp()
        self.service = self.pair.services[kind]
        self.folder, self.go = self.waiting_workspace("many")
        config = pathlib.Path(self.folder) / "main.tf"
        config.write_text(config.read_text().replace("count = 3", "count = 60"))

    def start(self, note):
        def run():
            try:
                self.outcome = self.apply(note)
            except AssertionError as error:
                self.outcome = str(error)
        self.locks = self.lock_count()
        self.thread = threading.Thread(target=run)
        self.thread.start()

    def lock_count(self):
        return self.server.log().count("method=LOCK state=demo/tofu status=200")

    def holds_lock(self):
        return self.lock_count() > self.locks

    def was_met(self):
        """A request was refused, or waited for the service within it."""
        slow = re.compile(r"duration_us=(\d+)")
        return " status=503" in self.server.log() or any(
            int(us) > 1000000 for us in slow.findall(self.server.log()))

    def check(self, note):
        self.thread.join()
        self.case.assertIn("Apply complete", self.outcome, self.kind)
        self.case.assertFalse(os.path.exists(os.path.join(self.folder, "errored.tfstate")))
        self.case.assertEqual(f"{note} 0", self.state()["outputs"]["note"]["value"])
        self.case.assertEqual(61, sum(len(r["instances"]) for r in self.state()["resources"]))
        self.case.assertTrue(self.was_met(), f"the outage of {self.kind} met nobody")
        free = json.dumps({"ID": f"after-{note}", "Operation": "", "Who": "probe"}).encode()
        self.case.assertEqual(200, self.client.lock(self.target, free).status, "left locked")
        self.case.assertEqual(200, self.client.unlock(self.target, free).status)


class Outage(unittest.TestCase):
    def setUp(self):
        self.rides = [Ride(self, kind) for kind in PAIRS]

    def stop_services(self, when):
        """Each of them as soon as when(ride)."""
        left = list(self.rides)

        def stop_some():
            for ride in [ride for ride in left if when(ride)]:
                ride.service.stop()
                left.remove(ride)
            return not left
        wait_for(stop_some, "the applies hold their locks", 60)

    def start_services(self):
        for ride in self.rides:
            ride.service.start()

    def check(self, note):
        for ride in self.rides:
            ride.check(note)

    def test_outage_during_the_apply_and_before_it(self):
        for ride in self.rides:
            ride.start("during")
        self.stop_services(Ride.holds_lock)
        for ride in self.rides:
            ride.box.write(ride.go, "")
        time.sleep(OUTAGE_S)
        self.start_services()
        self.check("during")

        self.stop_services(lambda ride: True)
        for ride in self.rides:
            ride.start("before")
        time.sleep(OUTAGE_S)
        self.start_services()
        self.check("before")


if __name__ == "__main__":
    unittest.main()
