#!/usr/bin/env python3
"""Checks tests/cases.table: each row names at least one test, and each named test exists.

Names: cppu:Group.Name (tests/unit), service:Group.Name (tests/service), e2e:module.Class.test,
make:target. A case of a conformance suite is found in tests/conformance.
The last line is "N passed, N failed": a row is one check.
"""
import pathlib
import re
import sys
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/e2e"))


def text_of(*folders, pattern):
    return "\n".join(path.read_text() for folder in folders
                     for path in sorted((ROOT / folder).rglob(pattern)))


class Names:
    """What a row may name."""

    def __init__(self):
        shared = text_of("tests/conformance", pattern="*.h")
        self.cases = {"cppu": text_of("tests/unit", pattern="*.cc") + shared,
                      "service": text_of("tests/service", pattern="*.cc") + shared}
        self.make = (ROOT / "Makefile").read_text() + text_of("mk", pattern="*.mk")

    def has(self, name):
        kind, _, rest = name.partition(":")
        if kind in self.cases:
            _, _, case = rest.partition(".")
            return bool(case) and re.search(rf"\b{re.escape(case)}\b", self.cases[kind]) is not None
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


def rows():
    for line in (ROOT / "tests/cases.table").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            case, *names = line.split()
            yield case, [] if names == ["-"] else names


def main():
    names = Names()
    bad = 0
    good = 0
    for case, tests in rows():
        missing = [name for name in tests if not names.has(name)]
        if tests and not missing:
            good += 1
            continue
        bad += 1
        print(f"{case}: " + ("no test" if not tests else "no such test: " + " ".join(missing)))
    print(f"{good} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
