#!/usr/bin/env python3
"""Runs every suite of `make test`, one after the other, and counts. Outside programs that are not
built yet (mk/tools.mk) are built meanwhile, beside the suites that do not need them.

Each suite's output goes to build/test-logs/NAME.log; of a failed one the end is shown. The last
line is "N passed, N failed". A suite that counts nothing counts as one test.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "test-logs"

CPPUTEST_OK = re.compile(r"^OK \((\d+) tests, (\d+) ran", re.M)
CPPUTEST_BAD = re.compile(r"^Errors \((?:(\d+) failures?, )?(\d+) tests, (\d+) ran", re.M)
FAILED_TEST = re.compile(r"^(?:FAILED|ERROR) +[\d.]+ s  .*|^\S+: error: Failure in .*", re.M)
REASON = re.compile(r"^(?!Traceback|File )\w[\w.]*(?:Error|Exception|Expired|Refused)\b.*", re.M)
COUNTED = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", re.M)


# Failed tests of a suite that the end of the output names: more than that is one fault, not many.
MOST_NAMED = 20


def make(target, *more):
    return ["make", "--no-print-directory", f"-j{os.cpu_count() or 2}", *more, target]


def unit(variant, *more):
    return [f"build/{variant}/unit_tests", *more]


# name, command, seconds it may take (about ten times what it takes: a hang is to be seen, a slow
# machine is not).
SUITES = [
    ("layers", ["python3", "tools/layers.py"], 60),
    ("format", make("fmt-check"), 120),
    ("build", make("all"), 1200),
    ("build-unit", make("unit"), 1200),
    ("unit", unit("release"), 600),
    ("build-asan", make("asan"), 1800),
    ("unit-asan", unit("asan"), 1800),
    ("build-tsan", make("tsan"), 1800),
    ("unit-tsan", ["env", "TSAN_OPTIONS=suppressions=tests/tsan.supp",
                   *unit("tsan", "-g", "Tsan")], 900),
]

# Several outside programs with all their modules, from nothing, on two cores.
TOOLS = ("tools", ["make", "--no-print-directory", "tools"], 3600)


def extra_suites():
    """Suites that live in files of their own: tests/suites.d/*.suite, one line each:
    name | seconds | command"""
    for path in sorted((ROOT / "tests" / "suites.d").glob("*.suite")):
        for line in path.read_text().splitlines():
            if line.strip() and not line.startswith("#"):
                name, seconds, command = (part.strip() for part in line.split("|", 2))
                yield name, ["bash", "-c", command], int(seconds)


def count(text, code):
    """(passed, failed, skipped) of one suite's output."""
    ok = CPPUTEST_OK.findall(text)
    bad = CPPUTEST_BAD.findall(text)
    if ok or bad:
        passed = sum(int(ran) for _, ran in ok)
        failed = sum(int(fails or 1) for fails, _, _ in bad)
        passed += sum(int(ran) - int(fails or 1) for fails, _, ran in bad)
        ran_nothing = passed + failed == 0
        return passed, max(failed, 1 if code != 0 or ran_nothing else 0), 0
    counted = COUNTED.findall(text)
    if counted:
        passed, failed, skipped = (int(x or 0) for x in counted[-1])
        ran_nothing = passed + failed == 0
        return passed, max(failed, 1 if code != 0 or ran_nothing else 0), skipped
    return (1, 0, 0) if code == 0 else (0, 1, 0)


def named_failures(text):
    """A line for each failed test of a suite's output, with the reason where it is said."""
    found = list(FAILED_TEST.finditer(text))
    ends = [m.start() for m in found[1:]] + [len(text)]
    for match, end in zip(found, ends):
        reason = REASON.search(text, match.end(), end)
        yield match.group()[:120] + ("  " + reason.group()[:160] if reason else "")


class Suite:
    """One that runs, from its start on."""

    def __init__(self, name, command, seconds):
        self.name, self.seconds = name, seconds
        self.failures = []
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / f"{name}.log"
        self.start = time.monotonic()
        with open(self.log, "wb") as out:
            # A session of its own, so that a suite that hangs ends with all that it started.
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=out,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                            start_new_session=True)

    def finish(self):
        """Waits for its end, and says how it went: (passed, failed, skipped)."""
        late = ""
        try:
            code = self.process.wait(max(self.start + self.seconds - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
            code, late = 124, f"\ntimed out after {self.seconds} s\n"
        text = self.log.read_text(errors="replace") + late
        result = count(text, code)
        verdict = "ok" if result[1] == 0 else "FAILED"
        print(f"{self.name:24} {result[0]:5} passed {result[1]:3} failed  "
              f"{time.monotonic() - self.start:7.1f} s  {verdict}", flush=True)
        if result[1]:
            print("\n".join("    " + line for line in text.splitlines()[-40:]), flush=True)
            self.failures = list(named_failures(text)) or ["(its log says why)"]
        return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these suites")
    names = parser.parse_args().names
    extra = list(extra_suites())
    for name in names:
        if name not in [s[0] for s in SUITES + extra]:
            sys.exit(f"no suite {name}; there are: {' '.join(s[0] for s in SUITES + extra)}")
    first, then = ([suite for suite in suites if not names or suite[0] in names]
                   for suites in (SUITES, extra))
    results = []
    ran = []

    def finish(suite):
        ran.append(suite)
        results.append(suite.finish())

    tools = Suite(*TOOLS) if then else None
    for suite in first:
        finish(Suite(*suite))
        if suite[0] in ("build", "build-unit") and results[-1][1]:
            then = []
            break
    if tools:
        finish(tools)
        if results[-1][1]:
            then = []
    for suite in then:
        finish(Suite(*suite))
    for suite in ran:
        for line in suite.failures[:MOST_NAMED]:
            print(f"{suite.name}: {line}")
    total = [sum(numbers) for numbers in zip(*results)]
    skipped = f", {total[2]} skipped" if total[2] else ""
    print(f"{total[0]} passed, {total[1]} failed{skipped}")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
