"""What the output of a suite says of its failures: the test, the reason, and the command that runs it alone.

It reads what tests/e2e/run.py, CppUTest (with -v, so that a test which ends the program is known), unittest, `go test`
and make print. Of a suite that names no test the reason is the last line that a program wrote, not make's own.
"""
import collections
import re

# test: as the output names it; "" when it names none. reason: one line.
Failure = collections.namedtuple("Failure", "test reason")

LONGEST = 200
E2E = re.compile(r"^(?:FAILED|ERROR) +[\d.]+ s  (.*)|^(test_\w+: ended with -?\d+)$", re.M)
CPPUTEST = re.compile(r"^(\S+: error: Failure in TEST\(\w+, \w+\))$", re.M)
UNITTEST = re.compile(r"^(?:FAIL|ERROR): (\w+ \([\w.]+\))$", re.M)
GO = re.compile(r"^ *--- FAIL: (\S+) ", re.M)
KINDS = (E2E, CPPUTEST, UNITTEST, GO)

UNSTABLE = re.compile(r"^UNSTABLE  (\S+):", re.M)
# With -v a test's name comes before what it prints, and " - 3 ms" behind it.
STARTED = re.compile(r"^(TEST\(\w+, \w+\))", re.M)
ENDED = re.compile(r" - \d+ ms$|^(?:OK|Errors) \(", re.M)
WENT_WELL = re.compile(r"TEST\(\w+, \w+\)(?: - \d+ ms)?$| - \d+ ms$")
# The first of these is what the others come from.
FIRST_WORD = re.compile(r"(?:==\d+==ERROR: |WARNING: ThreadSanitizer: |\S+: runtime error: ).*"
                        r"|^(?:\S+:\d+: (?:fatal )?error: |panic: ).*", re.M)
# Lines behind the reason: make's own end, and counts.
BEHIND = re.compile(r"(?:make(?:\[\d+\])?: (?:\*\*\*|Entering |Leaving |Waiting |Target )"
                    r"|(?:\w+: )?\d+ passed, \d+ failed|(?:OK|Errors|FAILED) \(| - \d+ ms$|\W*$)")


def traceback_end(text):
    """The line of a Python traceback that names the exception."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("Traceback (most recent call last)"):
            return next((after for after in lines if after and not after[0].isspace()), "")
    return ""


def cpputest_reason(text):
    """The lines below "Failure in", up to the empty one; but not the drawing of a difference."""
    block = text.lstrip("\n").split("\n\n")[0].splitlines()
    said = (line.strip() for line in block if not re.match(r"\S+:\d+: error:$|\tdifference starts|[\s^]+$", line))
    return ", ".join(said)


def go_reason(text):
    return next((line.strip() for line in text.splitlines() if re.match(r" +\S+\.go:\d+: ", line)), "")


def reason_of(kind, text):
    if kind is CPPUTEST:
        return cpputest_reason(text)
    return go_reason(text) if kind is GO else traceback_end(text)


def last_word(text):
    """Why a suite failed that names no test."""
    first = FIRST_WORD.search(text)
    if first:
        return first.group()
    return next((line.strip() for line in reversed(text.splitlines()) if not BEHIND.match(line)), "it said nothing")


def cut_short(text):
    """Where the output of the test begins in whose midst a program of CppUTest ended; None when it came to its end."""
    started = list(STARTED.finditer(text))
    return None if not started or ENDED.search(text, started[-1].end()) else started[-1]


def failures_of(text):
    """Each failed test once, without those that passed when they ran again; at least one Failure."""
    found = sorted(((match, kind) for kind in KINDS for match in kind.finditer(text)), key=lambda it: it[0].start())
    ends = [match.start() for match, _ in found[1:]] + [len(text)]
    unstable = set(UNSTABLE.findall(text))
    named = {}
    for (match, kind), end in zip(found, ends):
        test = next(group for group in match.groups() if group)
        if test.split(" ")[0] not in unstable:
            named[test] = Failure(test[:LONGEST], reason_of(kind, text[match.end():end])[:LONGEST])
    broken = cut_short(text)
    if broken:
        named[broken.group()] = Failure(broken.group(), last_word(text[broken.end():])[:LONGEST])
    elif not named:
        named[""] = Failure("", last_word(text)[:LONGEST])
    return list(named.values())


def alone(suite, test):
    """The command that runs a failed test by itself."""
    if suite == "tools":
        return "make tools"
    if suite == "e2e":
        name = (re.match(r"(test_\w+\.\w+\.\w+)", test) or re.match(r"(test_\w+): ended", test)
                or re.match(r"\w+ \((test_[\w.]+)\)", test))
        if name:
            return f"python3 -B tests/e2e/run.py {name.group(1)}"
    name = re.search(r"TEST\((\w+), (\w+)\)", test)
    if name and suite.startswith("unit"):
        variant = {"unit": "release"}.get(suite, suite[5:])
        return f"build/{variant}/unit_tests -sg {name.group(1)} -sn {name.group(2)}"
    if name and suite == "service":
        return f'make test-service SERVICE_ARGS="-- -sg {name.group(1)} -sn {name.group(2)}"'
    return f'make test SUITES="{suite}"'
