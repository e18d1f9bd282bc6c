"""Plan locks over minutes, with the real OpenTofu (`make prove-plan-locks`; the last result stands in
docs/lock.md, "Plan locks"): two plans of 10 s hold a state at once; ten pipelines that plan in a loop
do not keep out an apply with -lock-timeout for longer than the stated wait; an apply without
-lock-timeout that fails every 10 s does not keep plans out."""
import os
import sys
import threading
import time

from slow_state import CONFIG, SlowState
from test_plan_locks import WRITE_CONFIG, PlanLocks

PLAN_S = 10
LOOP_S = float(os.environ.get("PROVE_LOOP_S", "60"))
FAILING_S = float(os.environ.get("PROVE_FAILING_S", "300"))
WRITER_WAIT_S = 60
WRITER_GONE_S = 20


class Prove(PlanLocks):
    def runTest(self):
        self.slow = SlowState(lambda _: time.sleep(self.plan_s))
        self.addCleanup(self.slow.close)
        self.plan_s = PLAN_S
        self.plans = [self.workspace(f"plan{i}", CONFIG, slow=self.slow.url) for i in range(10)]
        self.write = self.workspace("write", WRITE_CONFIG)
        self.two_at_once()
        self.ten_in_a_loop()
        self.failing_applies()

    def plan(self, number):
        return self.start(self.plans[number], "plan", "-input=false")

    def two_at_once(self):
        started = time.monotonic()
        runs = [self.plan(0), self.plan(1)]
        for run in runs:
            self.ends(run)
        self.assertEqual(2, self.slow.most)
        print(f"two plans of {PLAN_S} s at once: {time.monotonic() - started:.0f} s", flush=True)

    def in_a_loop(self, numbers, until):
        """How many plans got the lock, and the longest time without one that did."""
        counts, ends = [0, 0], [time.monotonic()]
        guard = threading.Lock()

        def loop(number):
            while not until.is_set():
                run = self.plan(number)
                run.communicate(timeout=150)
                with guard:
                    counts[0 if run.returncode == 0 else 1] += 1
                    if run.returncode == 0:
                        ends.append(time.monotonic())

        threads = [threading.Thread(target=loop, args=(n,)) for n in numbers]
        for thread in threads:
            thread.start()
        return threads, counts, ends

    def ten_in_a_loop(self):
        self.plan_s = 2
        until = threading.Event()
        threads, counts, _ = self.in_a_loop(range(10), until)
        time.sleep(LOOP_S / 4)
        began = time.monotonic()
        waits = []
        while time.monotonic() - began < LOOP_S * 3 / 4:
            asked = time.monotonic()
            self.ends(self.start(self.write, "apply", "-auto-approve", "-input=false",
                                 f"-lock-timeout={2 * WRITER_WAIT_S}s"))
            waits.append(time.monotonic() - asked)
        until.set()
        for thread in threads:
            thread.join()
        print(f"ten plans in a loop: {counts[0]} plans ended well, {counts[1]} were refused; "
              f"{len(waits)} applies, the longest took {max(waits):.0f} s", flush=True)
        self.assertLess(max(waits), WRITER_WAIT_S)
        self.assertGreater(counts[0], 0)

    def failing_applies(self):
        self.plan_s = PLAN_S + 5  # so that plans of the two loops overlap: an apply always meets one
        until = threading.Event()
        threads, counts, ends = self.in_a_loop(range(4), until)
        began, failed, won = time.monotonic(), 0, 0
        while time.monotonic() - began < FAILING_S:
            run = self.start(self.write, "apply", "-auto-approve", "-input=false")
            run.communicate(timeout=150)
            failed, won = failed + (run.returncode != 0), won + (run.returncode == 0)
            time.sleep(10)
        until.set()
        for thread in threads:
            thread.join()
        gaps = [b - a for a, b in zip(ends, ends[1:])]
        print(f"applies without -lock-timeout, one after the other: {failed} failed, {won} got the "
              f"lock; {counts[0]} plans ended well, {counts[1]} were refused; the longest time "
              f"without one that ended: {max(gaps):.0f} s", flush=True)
        self.assertGreater(failed, 0)
        self.assertLess(max(gaps), WRITER_GONE_S + 2 * self.plan_s + 30)


if __name__ == "__main__":
    import unittest
    result = unittest.TextTestRunner().run(Prove())
    sys.exit(0 if result.wasSuccessful() else 1)
