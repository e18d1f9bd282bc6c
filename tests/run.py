#!/usr/bin/env python3
"""Runs every suite of `make test` and counts.

Everything of the release build is made first. Then two lanes run side by side: one works with real
services and mostly waits; the other, at the lowest priority, builds and runs what only computes
(sanitizers, fuzzers, the provers). Outside programs that are not built yet (mk/tools.mk) are built
meanwhile.

Each suite's output goes to build/test-logs/NAME.log; of a failed one the end is shown, and at the end
each failed test, the command that runs it alone, and its reason (tests/failures.py); what kept an outside
program from being built comes last of these. The last line is "N passed, N failed". A suite that counts
nothing counts as one test.
"""
import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

from failures import WENT_WELL, alone, failures_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "test-logs"

CPPUTEST_OK = re.compile(r"^OK \((\d+) tests, (\d+) ran", re.M)
CPPUTEST_BAD = re.compile(r"^Errors \((?:(\d+) failures?, )?(\d+) tests, (\d+) ran", re.M)
COUNTED = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", re.M)


# Failed tests of a suite that the end of the output names: more than that is one fault, not many.
MOST_NAMED = 20


def make(*targets):
    return ["make", "--no-print-directory", f"-j{os.cpu_count() or 2}", *targets]


def unit(variant, *more):
    # -v: each test is named before it runs, also the one that ends the program.
    return [f"build/{variant}/unit_tests", "-v", *more]


# What the release build is: all of it before any test, so that no suite compiles while another runs.
RELEASE = ["all", "unit", "service", "killpoints", "test-programs"]

# name, command, seconds it may take (about ten times what it takes: a hang is to be seen, a slow
# machine is not).
FIRST = [
    ("layers", ["make", "--no-print-directory", "layers"], 60),
    ("build", make(*RELEASE), 1800),
    ("unit", unit("release"), 600),
]
COMPUTE = [
    ("format", make("fmt-check"), 300),
    ("build-asan", make("asan"), 2400),
    ("unit-asan", unit("asan"), 3600),
    ("build-tsan", make("tsan"), 2400),
    ("unit-tsan", ["env", "TSAN_OPTIONS=suppressions=tests/tsan.supp",
                   *unit("tsan", "-g", "Tsan")], 900),
]
# Several outside programs with all their modules, from nothing, on two cores.
TOOLS = ("tools", ["make", "--no-print-directory", "tools"], 3600)


# Linux weighs whole sessions against each other, and processes only within one: both give way. Not
# all of the way: with 19 another busy program on each core leaves nothing to a suite.
LOW = ["bash", "-c", '{ echo 10 >/proc/self/autogroup; } 2>/dev/null; exec nice -n 10 "$@"', "low"]


def extra_suites(folder):
    """Suites that live in files of their own: tests/suites.d/*.LANE, one line each:
    name | seconds | command"""
    for path in sorted((ROOT / "tests" / "suites.d").glob(f"*.{folder}")):
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


def end_of(text, lines=40):
    """The last lines of a suite's output, without those of tests that only say that they ran."""
    return [line for line in text.splitlines() if not WENT_WELL.match(line)][-lines:]


class Suite:
    """One that runs, from its start on."""

    def __init__(self, name, command, seconds, low=False):
        self.name, self.seconds = name, seconds
        self.failures = []
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / f"{name}.log"
        self.start = time.monotonic()
        with open(self.log, "wb") as out:
            try:
                self.process = self.begin((LOW if low else []) + command, out)
            except OSError as e:  # the program was not built
                out.write(f"{e}\n".encode())
                out.flush()
                self.process = self.begin(["false"], out)

    @staticmethod
    def begin(command, out):
        # A session of its own, so that a suite that hangs ends with all that it started.
        return subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, start_new_session=True)

    def finish(self):
        """Waits for its end, and says how it went: (passed, failed, skipped)."""
        late = ""
        try:
            code = self.process.wait(max(self.start + self.seconds - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
            code, late = 124, f"\ntimed out after {self.seconds} s\n"
        if code < 0:
            late = f"\nended by {signal.Signals(-code).name}\n"
        text = self.log.read_text(errors="replace") + late
        result = count(text, code)
        lines = [f"{self.name:24} {result[0]:6} passed {result[1]:3} failed  "
                 f"{time.monotonic() - self.start:7.1f} s  {'FAILED' if result[1] else 'ok'}"]
        lines += ["    " + line for line in text.splitlines() if line.startswith("UNSTABLE ")]
        if result[1]:
            lines += ["    " + line for line in end_of(text)]
            self.failures = failures_of(text)
        print("\n".join(lines), flush=True)
        return result


class Run:
    """All suites that were asked for, and what they counted."""

    def __init__(self, names):
        self.names = names
        self.done = []

    def wanted(self, suites):
        return [suite for suite in suites if not self.names or suite[0] in self.names]

    def lane(self, suites, low=False):
        """One after the other; False when one failed."""
        good = True
        for suite in suites:
            running = Suite(*suite, low=low)
            result = running.finish()
            self.done.append((running, result))
            good = good and not result[1]
        return good

    def close(self):
        for suite, _ in sorted(self.done, key=lambda one: one[0].name == TOOLS[0]):
            for failure in suite.failures[:MOST_NAMED]:
                print(f"{suite.name}: {failure.test or 'failed'}\n    alone: {alone(suite.name, failure.test)}\n"
                      f"    {failure.reason or 'its log says why'}")
        total = [sum(numbers) for numbers in zip(*(result for _, result in self.done))] or [0, 1, 0]
        skipped = f", {total[2]} skipped" if total[2] else ""
        print(f"{total[0]} passed, {total[1]} failed{skipped}")
        return 1 if total[1] else 0


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these suites")
    names = parser.parse_args(arguments).names
    live, compute = list(extra_suites("live")), COMPUTE + list(extra_suites("compute"))
    known = [suite[0] for suite in FIRST + [TOOLS] + compute + live]
    for name in names:
        if name not in known:
            sys.exit(f"no suite {name}; there are: {' '.join(known)}")
    run = Run(names)
    tools = None
    live, compute = run.wanted(live), run.wanted(compute)
    if live or TOOLS[0] in names:
        tools = Suite(*TOOLS, low=True)
        if live and names:  # their programs are wanted although the suite that makes them is not
            run.names = names + ["build"]
    if run.lane(run.wanted(FIRST)):
        beside = threading.Thread(target=run.lane, args=(compute, True))
        beside.start()
        if tools:
            result = tools.finish()
            run.done.append((tools, result))
            if not result[1]:
                run.lane(live)
        beside.join()
    elif tools:
        os.killpg(tools.process.pid, 15)
        tools.process.wait()
    return run.close()


if __name__ == "__main__":
    sys.exit(main())
