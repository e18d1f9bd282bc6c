#!/usr/bin/env python3
"""Checks tests/cases.table: each case has a row, each row names at least one test, and each named test exists.

Names: cppu:Group.Name (tests/unit), service:Group.Name (tests/service), e2e:module.Class.test,
make:target. The programs of the unit and service tests say which they have: `make unit service` first.
The last line is "N passed, N failed": a row is one check.
"""
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/e2e"))
BUILD = ROOT / os.environ.get("STATEWARD_BUILD", "build/release")

# The cases that failed once, by kind: A1 to A18, and so on. One more gets a row, and is counted here; none goes.
CASES = {"A": 18, "B": 14, "C": 6, "D": 17, "E": 8}


def text_of(*folders, pattern):
    return "\n".join(path.read_text() for folder in folders
                     for path in sorted((ROOT / folder).rglob(pattern)))


class Names:
    """What a row may name."""

    def __init__(self):
        self.cases = {"cppu": self.tests_of("unit_tests"), "service": self.tests_of("service_tests")}
        self.make = (ROOT / "Makefile").read_text() + text_of("mk", pattern="*.mk")

    @staticmethod
    def tests_of(program):
        """Group.Name of each."""
        return set(subprocess.run([str(BUILD / program), "-ln"], check=True, capture_output=True,
                                  text=True).stdout.split())

    def has(self, name):
        kind, _, rest = name.partition(":")
        if kind in self.cases:
            return rest in self.cases[kind]
        if kind == "make":
            return re.search(rf"^{re.escape(rest)}\b[^=\n]*:", self.make, re.M) is not None
        if kind == "e2e":
            return self.has_e2e(rest)
        return False

    @staticmethod
    def has_e2e(rest):
        """Asked of the loader, since some cases are made for each pair of storage and lock."""
        try:
            found = unittest.defaultTestLoader.loadTestsFromName(rest)
        except (ImportError, AttributeError):
            return False
        return found.countTestCases() > 0 and "_FailedTest" not in str(found)


def rows(text):
    """case -> names. A case that comes twice has the names of both, and "twice" as one more."""
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            case, *names = line.split()
            more = ["twice"] if case in found else []
            found[case] = found.get(case, []) + ([] if names == ["-"] else names) + more
    return found


def troubles(table, has):
    """case -> what is wrong with its row; "" where nothing is. has(name): whether there is such a test."""
    cases = [f"{kind}{number}" for kind, most in CASES.items() for number in range(1, most + 1)]
    said = {case: "no row" for case in cases}
    for case, tests in rows(table).items():
        missing = [name for name in tests if not has(name)]
        if case not in said:
            said[case] = "not counted in tools/cases.py"
        elif not tests:
            said[case] = "no test"
        else:
            said[case] = "no such test: " + " ".join(missing) if missing else ""
    return said


def check_self():
    """That it can fail."""
    whole = "\n".join(f"{kind}{n} x" for kind, most in CASES.items() for n in range(1, most + 1))
    for table, case, what in ((whole, "A1", ""), (whole.replace("B14 x\n", ""), "B14", "no row"),
                              (whole.replace("C6 x", "C6 -"), "C6", "no test"), (whole + "\nA1 x", "A1", "no such"),
                              (whole.replace("D1 x", "D1 x y"), "D1", "no such test: y"),
                              (whole + "\nF1 x", "F1", "not counted")):
        said = troubles(table, lambda name: name == "x")
        wrong = {key for key, trouble in said.items() if trouble}
        assert said[case].startswith(what) and wrong == ({case} if what else set()), (case, said)


def main():
    check_self()
    said = troubles((ROOT / "tests/cases.table").read_text(), Names().has)
    for case, trouble in said.items():
        if trouble:
            print(f"{case}: {trouble}")
    bad = sum(1 for trouble in said.values() if trouble)
    print(f"{len(said) - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
