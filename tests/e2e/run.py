#!/usr/bin/env python3
"""Runs the end-to-end tests: all modules test_*.py beside this file, or those named.

A line for each test; the last line is "N passed, N failed".
"""
import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent


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


def main():
    sys.path.insert(0, str(HERE))
    names = sys.argv[1:] or sorted(p.stem for p in HERE.glob("test_*.py"))
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
