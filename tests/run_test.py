#!/usr/bin/env python3
"""What tests/run.py says of suites that fail: the test, the reason, the command that runs it alone, and last the count.

The suites are small programs that write what CppUTest, the end-to-end runner, go and make wrote once.
"""
import contextlib
import importlib.util
import io
import pathlib
import sys
import tempfile
import unittest

import run
from failures import alone, failures_of

CPPUTEST = """\
TEST(Words, Good) - 0 ms
TEST(Words, Helped)
tests/unit/words_test.cc:11: error: Failure in TEST(Words, Helped)
tests/conformance/words.h:4: error:
\texpected <abc>
\tbut was  <abd>
\tdifference starts at position 2 at: <        abd         >
\t                                               ^

 - 0 ms
TEST(Words, Numbers)
tests/unit/words_test.cc:6: error: Failure in TEST(Words, Numbers)
\tLONGS_EQUAL(1, 2) failed
\texpected <1 (0x1)>
\tbut was  <2 (0x2)>

 - 12 ms
TEST(Words, Last) - 0 ms

Errors (2 failures, 4 tests, 4 ran, 6 checks, 0 ignored, 0 filtered out, 1 ms)

"""
# Without -v there are dots.
DOTS = """\
..
tests/unit/words_test.cc:9: error: Failure in TEST(Words, Texts)
\tMessage: a text
\tCHECK(false) failed

.
Errors (1 failures, 3 tests, 3 ran, 3 checks, 0 ignored, 0 filtered out, 1 ms)

"""
E2E = """\
ok        0.1 s  test_a.A.test_good
FAILED    0.2 s  test_a.A.test_bad
Traceback (most recent call last):
  File "tests/e2e/test_a.py", line 9, in test_bad
    self.assertEqual(1, 2)
AssertionError: 1 != 2

FAILED    0.2 s  test_a.A.test_shaky
Traceback (most recent call last):
  File "tests/e2e/test_a.py", line 12, in test_shaky
crash_world.Violation: POST: 503
ERROR     0.0 s  setUpClass (test_b.B)
Traceback (most recent call last):
  File "tests/e2e/test_b.py", line 3, in setUpClass
RuntimeError: no nginx

test_c: ended with 1
UNSTABLE  test_a.A.test_shaky: failed in the run, passed alone
1 passed, 3 failed
"""
# The whole of what is told about an outside program that could not be built.
TOOLS = """\
build.sh: building minio (once; some minutes), github.com/minio/minio
go: github.com/minio/minio@v0.0.1: Get "https://proxy.golang.org/x": dial tcp: lookup proxy.golang.org: no such host
make: *** [mk/tools.mk:11: tools] Error 1
"""
WHY_NOT = 'go: github.com/minio/minio@v0.0.1: Get "https://proxy.golang.org/x": dial tcp: ' \
          'lookup proxy.golang.org: no such host'


class Reasons(unittest.TestCase):
    def test_of_cpputest(self):
        self.assertEqual([
            ("tests/unit/words_test.cc:11: error: Failure in TEST(Words, Helped)", "expected <abc>, but was  <abd>"),
            ("tests/unit/words_test.cc:6: error: Failure in TEST(Words, Numbers)",
             "LONGS_EQUAL(1, 2) failed, expected <1 (0x1)>, but was  <2 (0x2)>")], failures_of(CPPUTEST))
        self.assertEqual(["Message: a text, CHECK(false) failed"], [f.reason for f in failures_of(DOTS)])

    def test_of_a_program_that_ends_in_the_midst(self):
        head = CPPUTEST[:CPPUTEST.index("TEST(Words, Numbers)")]
        for said, reason in (
                ("\nended by SIGABRT\n", "ended by SIGABRT"),
                ("==7==ERROR: AddressSanitizer: heap-use-after-free on 0x1\n    #0 0x1 in f\n==7==ABORTING\n",
                 "==7==ERROR: AddressSanitizer: heap-use-after-free on 0x1")):
            with self.subTest(reason):
                found = failures_of(head + "TEST(Words, Crash)" + said)
                self.assertEqual(["expected <abc>, but was  <abd>", reason], [f.reason for f in found])
                self.assertEqual("TEST(Words, Crash)", found[1].test)

    def test_of_the_end_to_end_runner(self):
        self.assertEqual([("test_a.A.test_bad", "AssertionError: 1 != 2"),
                          ("setUpClass (test_b.B)", "RuntimeError: no nginx"),
                          ("test_c: ended with 1", "")], failures_of(E2E))

    def test_of_unittest_and_go(self):
        self.assertEqual([("test_x (__main__.T.test_x)", "AssertionError: no")], failures_of(
            "=====\nFAIL: test_x (__main__.T.test_x)\n-----\nTraceback (most recent call last):\n"
            '  File "x.py", line 1\nAssertionError: no\n\nRan 1 test\n\nFAILED (failures=1)\n0 passed, 1 failed\n'))
        self.assertEqual([("TestSeeded", "model_test.go:9: not caught")], failures_of(
            "--- FAIL: TestSeeded (0.01s)\n    model_test.go:9: not caught\nFAIL\nexit status 1\n"))

    def test_of_what_names_no_test(self):
        for text, reason in ((TOOLS, WHY_NOT),
                             ("a.cc:3:1: error: no type\n   3 | TEST(A, B)\ncc1plus: all warnings\n"
                              "make[1]: *** [Makefile:9: a.o] Error 1\nmake: *** Waiting for unfinished jobs....\n",
                              "a.cc:3:1: error: no type"),
                             ("make: go: No such file or directory\nmake: *** [a:1: b] Error 127\n",
                              "make: go: No such file or directory"),
                             ("A1: no test\n3 passed, 1 failed\n", "A1: no test"),
                             ("", "it said nothing")):
            with self.subTest(reason):
                self.assertEqual([("", reason[:200])], failures_of(text))

    def test_commands(self):
        for suite, test, command in (
                ("tools", "", "make tools"), ("format", "", 'make test SUITES="format"'),
                ("unit", "x.cc:1: error: Failure in TEST(A, B)", "build/release/unit_tests -sg A -sn B"),
                ("unit-asan", "TEST(A, B)", "build/asan/unit_tests -sg A -sn B"),
                ("service", "x.cc:1: error: Failure in TEST(A, B)", 'make test-service SERVICE_ARGS="-- -sg A -sn B"'),
                ("e2e", "test_a.A.test_bad (n=3)", "python3 -B tests/e2e/run.py test_a.A.test_bad"),
                ("e2e", "setUpClass (test_b.B)", "python3 -B tests/e2e/run.py test_b.B"),
                ("e2e", "test_c: ended with 1", "python3 -B tests/e2e/run.py test_c")):
            with self.subTest(command):
                self.assertEqual(command, alone(suite, test))


class Told(unittest.TestCase):
    """The output of whole runs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name, value in (("LOGS", self.folder / "logs"), ("FIRST", []), ("COMPUTE", []),
                            ("extra_suites", lambda lane: [self.fails("e2e", E2E)] if lane == "live" else []),
                            ("TOOLS", self.fails("tools", TOOLS))):
            self.addCleanup(setattr, run, name, getattr(run, name))
            setattr(run, name, value)

    def fails(self, name, text):
        """A suite that says the text and fails."""
        (self.folder / name).write_text(text)
        return name, ["sh", "-c", f"cat {self.folder / name}; exit 2"], 60

    def told(self, *names):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(1, run.main(names))
        return out.getvalue().splitlines()

    def test_a_tool_that_cannot_be_built_says_why_last(self):
        for names in ((), ("e2e",), ("tools",)):
            with self.subTest(names):
                run.COMPUTE = [self.fails("unit-asan", CPPUTEST)] if not names else []
                last = self.told(*names)[-4:]
                self.assertEqual(["tools: failed", "    alone: make tools", "    " + WHY_NOT[:200]], last[:3])
                self.assertRegex(last[3], r"^\d+ passed, \d+ failed$")

    def test_a_failed_suite_names_test_command_and_reason(self):
        run.TOOLS = "tools", ["true"], 60
        run.COMPUTE = [self.fails("unit-asan", CPPUTEST)]
        told = self.told()
        at = told.index("unit-asan: tests/unit/words_test.cc:11: error: Failure in TEST(Words, Helped)")
        self.assertEqual(["    alone: build/asan/unit_tests -sg Words -sn Helped",
                          "    expected <abc>, but was  <abd>"], told[at + 1:at + 3])
        at = told.index("e2e: test_a.A.test_bad")
        self.assertEqual(["    alone: python3 -B tests/e2e/run.py test_a.A.test_bad",
                          "    AssertionError: 1 != 2"], told[at + 1:at + 3])
        self.assertEqual("4 passed, 5 failed", told[-1])  # tools is one of those that passed

    def test_a_program_that_is_not_there(self):
        run.COMPUTE = [("unit-tsan", ["build/none/unit_tests"], 60)]
        self.assertRegex(self.told("unit-tsan")[-2], "build/none/unit_tests.*: No such file or directory")


def end_to_end_runner():
    path = pathlib.Path(__file__).with_name("e2e") / "run.py"
    spec = importlib.util.spec_from_file_location("e2e_run", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class SecondRun(unittest.TestCase):
    """What the end-to-end runner does with a test that fails when others run, and passes alone."""

    def setUp(self):
        self.runner = end_to_end_runner()
        self.runner.run_module = self.run_module

    def run_module(self, name):
        """A module fails in one test, or in what its line says; alone, all pass."""
        self.ran.append(name)
        if self.ran.count(name) > 1 or name not in self.modules:
            test = f"{name}.A.test_shaky" if name in self.modules else name
            return f"ok        0.1 s  {test}", 1, 0, 0
        line = self.modules[name]
        return (f"{name}: ended with 1", 0, None, 0) if line is None else (line, 0, 1, 0)

    def told(self, modules):
        """(the code, the last line, whether one is called UNSTABLE, what ran a second time) of a run of the
        modules: name -> the line of its failure; None: it did not come to its end."""
        self.modules, self.ran = modules, []
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = self.runner.run_at_once(list(modules), 1)
        return code, out.getvalue().splitlines()[-1], "UNSTABLE" in out.getvalue(), self.ran[len(modules):]

    def test_what_passes_alone_is_unstable(self):
        self.assertEqual((0, "1 passed, 0 failed", True, ["test_a.A.test_shaky"]),
                         self.told({"test_a": "FAILED    0.2 s  test_a.A.test_shaky"}))
        self.assertEqual((0, "1 passed, 0 failed", True, ["test_a"]), self.told({"test_a": None}))

    def test_where_nothing_may_be_lost_there_is_none(self):
        for name in self.runner.NEVER_AGAIN:
            for line in (f"FAILED    0.2 s  {name}.A.test_shaky", f"ERROR     0.2 s  {name}.A.test_shaky (n=3)",
                         f"ERROR     0.0 s  setUpClass ({name}.A)", None):
                with self.subTest(name, line=line):
                    self.assertEqual((1, "0 passed, 1 failed", False, []), self.told({name: line}))

    def test_others_run_again_beside_them(self):
        self.assertEqual((1, "1 passed, 1 failed", True, ["test_a.A.test_shaky"]), self.told(
            {"test_linear": "FAILED    0.2 s  test_linear.A.test_shaky",
             "test_a": "FAILED    0.2 s  test_a.A.test_shaky"}))

    def test_each_of_them_is_there(self):
        """A module that has got another name would have a second run."""
        for name in self.runner.NEVER_AGAIN:
            self.assertTrue((self.runner.HERE / f"{name}.py").exists(), name)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
