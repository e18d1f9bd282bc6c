#!/usr/bin/env python3
"""Runs the end-to-end tests: all modules test_*.py beside this file, or those named.

A line for each test; the last line is "N passed, N failed". With -j3 three modules run at the same time,
each in a process of its own: most of their time is waiting. Those that take longest begin. Up to three tests
that failed run once more, alone: one that passes then counts as passed, and a line UNSTABLE names it. It is a
defect, of the test or of what it tests, and has to be mended.
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent


# A minute or more each: one that began last would run alone at the end.
LONGEST = ("test_faults", "test_late_write", "test_postgres", "test_tofu", "test_kms", "test_move_store",
           "test_tofu_outage", "test_standby", "test_api_schema", "test_history", "test_adopt")


class Result(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def say(self, test, verdict):
        print(f"{verdict:6} {time.monotonic() - self.started:6.1f} s  {test.id()}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.say(test, "ok")

    def addError(self, test, err):
        super().addError(test, err)
        self.started = getattr(self, "started", time.monotonic())
        self.say(test, "ERROR")
        print(self.errors[-1][1], flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say(test, "FAILED")
        print(self.failures[-1][1], flush=True)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.say(subtest, "FAILED")
            print((self.failures or self.errors)[-1][1], flush=True)


LAST_LINE = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


def run_module(name):
    """(output, passed, failed, skipped) of one module in a process of its own."""
    ran = subprocess.run([sys.executable, "-B", __file__, name], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                         errors="replace", check=False)
    lines = ran.stdout.rstrip().splitlines() or [""]
    counted = LAST_LINE.match(lines[-1])
    if not counted:
        return f"{ran.stdout}\n{name}: ended with {ran.returncode}", 0, 1, 0
    passed, failed, skipped = (int(x or 0) for x in counted.groups())
    return "\n".join(lines[:-1]), passed, max(failed, 1 if ran.returncode else 0), skipped


# More is no coincidence: then none runs again.
MOST_AGAIN = 3
FAILED = re.compile(r"^(?:FAILED|ERROR) +[\d.]+ s  (test_\w+\.\w+\.\w+)$", re.M)


def run_again(failed, total):
    """Moves what passes alone from failed to passed in `total`."""
    for test in failed:
        text, passed, bad, _ = run_module(test)
        print(text, flush=True)
        if (passed, bad) == (1, 0):
            print(f"UNSTABLE  {test}: failed in the run, passed alone", flush=True)
            total[0], total[1] = total[0] + 1, total[1] - 1


def run_at_once(names, number):
    total = [0, 0, 0]
    failed = []
    names = sorted(names, key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))
    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        for done in concurrent.futures.as_completed([pool.submit(run_module, n) for n in names]):
            text, *counts = done.result()
            print(text, flush=True)
            failed += FAILED.findall(text)
            total = [a + b for a, b in zip(total, counts)]
    if len(failed) == total[1] <= MOST_AGAIN:
        run_again(failed, total)
    print(f"{total[0]} passed, {total[1]} failed" + (f", {total[2]} skipped" if total[2] else ""))
    return 1 if total[1] or not total[0] else 0


def main():
    sys.path.insert(0, str(HERE))
    at_once = [a for a in sys.argv[1:] if re.fullmatch(r"-j\d+", a)]
    names = [a for a in sys.argv[1:] if a not in at_once]
    names = names or sorted(p.stem for p in HERE.glob("test_*.py"))
    if at_once:
        return run_at_once(names, int(at_once[-1][2:]))
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = Result()
    suite.run(result)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    passed = max(result.testsRun - failed - len(result.skipped), 0)
    skipped = [test for test, why in result.skipped if why != "for sub-classes"]
    print(f"{passed} passed, {failed} failed" + (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
