#!/usr/bin/env python3
"""Runs the end-to-end tests: all modules test_*.py beside this file, or those named.

A line for each test; the last line is "N passed, N failed". With -j3 three modules run at the same time,
each in a process of its own: most of their time is waiting. Those that take longest begin. Up to three tests
that failed run once more, alone: one that passes then counts as passed, and a line UNSTABLE names it. It is a
defect, of the test or of what it tests, and has to be mended. When a class could not be set up, all of it runs
once more. A test that does not end within its time ends its module, with what each thread did; of such a
module all runs once more. The modules of NEVER_AGAIN have no second run: what failed there has failed.
"""
import collections
import concurrent.futures
import faulthandler
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent


# A minute or more each: one that began last would run alone at the end.
LONGEST = ("test_faults", "test_late_write", "test_postgres", "test_tofu", "test_kms", "test_move_store",
           "test_tofu_outage", "test_standby", "test_api_schema", "test_history", "test_adopt", "test_slow_told",
           "test_slow_fronts", "test_slow_clients")

# A test with its class's set-up: about ten times what the longest takes, so that only one that hangs ends here.
LONGEST_TEST_S = 600


def limit_time():
    """From here on LONGEST_TEST_S, then the process ends and says where each thread is."""
    faulthandler.dump_traceback_later(LONGEST_TEST_S, exit=True, file=sys.stdout)


class Result(unittest.TestResult):
    passed = 0

    def startTest(self, test):
        super().startTest(test)
        limit_time()
        self.started = time.monotonic()

    def say(self, test, verdict):
        print(f"{verdict:6} {time.monotonic() - self.started:6.1f} s  {test.id()}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
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
            told = self.failures if issubclass(err[0], test.failureException) else self.errors
            self.say(subtest, "FAILED")
            print(told[-1][1], flush=True)


LAST_LINE = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


def run_module(name):
    """(output, passed, failed, skipped) of one module in a process of its own; failed is None when it did not
    come to its end. The output goes to a file: what a test left running cannot hold it open."""
    with tempfile.TemporaryFile() as out:
        code = subprocess.run([sys.executable, "-B", __file__, name], stdout=out, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, check=False).returncode
        out.seek(0)
        text = out.read().decode(errors="replace")
    lines = text.rstrip().splitlines() or [""]
    counted = LAST_LINE.match(lines[-1])
    if not counted:
        return f"{text}\n{name}: ended with {code}", 0, None, 0
    passed, failed, skipped = (int(x or 0) for x in counted.groups())
    return "\n".join(lines[:-1]), passed, max(failed, 1 if code else 0), skipped


# More is no coincidence: then none runs again.
MOST_AGAIN = 3
# They prove that nothing is lost. A race may lose a write once in ten runs: a second run would hide it.
NEVER_AGAIN = ("test_linear", "test_late_write", "test_same_write", "test_faults", "test_rotation", "test_plan_locks",
               "test_history", "test_kms", "test_adopt", "test_move_store", "test_operations")
FAILED = re.compile(r"^(?:FAILED|ERROR) +[\d.]+ s  (.+)$", re.M)
PASSED = re.compile(r"^ok +[\d.]+ s  (.+)$", re.M)
# A test, perhaps with its subtest's parameters; or what failed before or after all tests of a class or a module.
ONE_TEST = re.compile(r"(test_\w+\.\w+\.\w+)(?: [\[(].*)?")
FOR_ALL = re.compile(r"(?:setUp|tearDown)(?:Class|Module) \((test_[\w.]+)\)")


def to_run_again(failure):
    """What run_module() has to run for a line of FAILED."""
    name = ONE_TEST.fullmatch(failure) or FOR_ALL.fullmatch(failure)
    return name.group(1) if name else failure


def run_again(failed, passed, total):
    """Moves what passes alone from failed to passed in `total`. failed: name -> how often it was counted as
    failed; a class or a module is all of its tests. passed: the tests that were counted as passed."""
    for name, times in failed.items():
        if name.split(".")[0] in NEVER_AGAIN:
            continue
        text, _, bad, skipped = run_module(name)
        print(text, flush=True)
        good = PASSED.findall(text)
        if good and bad == 0:
            print(f"UNSTABLE  {name}: failed in the run, passed alone", flush=True)
            more = set(good) - passed
            passed |= more
            total[0], total[1], total[2] = total[0] + len(more), total[1] - times, total[2] + skipped


def run_at_once(names, number):
    total = [0, 0, 0]
    failed = collections.Counter()
    good = set()
    names = sorted(names, key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))
    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        modules = {pool.submit(run_module, name): name for name in names}
        for done in concurrent.futures.as_completed(modules):
            text, passed, bad, skipped = done.result()
            print(text, flush=True)
            if bad is None:
                failed[modules[done]] += 1
            else:
                failed.update(to_run_again(line) for line in FAILED.findall(text))
                good.update(PASSED.findall(text))
            total = [a + b for a, b in zip(total, (passed, 1 if bad is None else bad, skipped))]
    # Each failure must have its line: one without could not be run again.
    if failed.total() == total[1] and len(failed) <= MOST_AGAIN:
        run_again(failed, good, total)
    print(f"{total[0]} passed, {total[1]} failed" + (f", {total[2]} skipped" if total[2] else ""))
    return 1 if total[1] or not total[0] else 0


def main():
    sys.path.insert(0, str(HERE))
    at_once = [a for a in sys.argv[1:] if re.fullmatch(r"-j\d+", a)]
    names = [a for a in sys.argv[1:] if a not in at_once]
    names = names or sorted(p.stem for p in HERE.glob("test_*.py"))
    if at_once:
        return run_at_once(names, int(at_once[-1][2:]))
    limit_time()
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = Result()
    suite.run(result)
    limit_time()  # what is left to close
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = [test for test, why in result.skipped if why != "for sub-classes"]
    print(f"{result.passed} passed, {failed} failed" + (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
