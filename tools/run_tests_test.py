"""The test runner, judged on small fake suites: what it counts, what it ends, how it closes."""
import contextlib
import io
import json
import pathlib
import sys
import tempfile
import time
import unittest

import run_tests
from runner import execution, suites


def python_suite(code, name="fake_test.py"):
    return suites.Suite(name, "python", (sys.executable, "-c", code))


def run(suite, timeout_s=30):
    return execution.run_suite(suite, execution.environment(pathlib.Path.cwd(), "build"), timeout_s)


def has_ended(pid):
    """Waits until the killed process is gone or only its exit status is left."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if pathlib.Path("/proc", pid, "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
    return False


class CountTest(unittest.TestCase):
    def gtest_counts(self, cases, exit_status=0):
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder, "r.json")
            report.write_text(json.dumps({"testsuites": [{"name": "Group", "testsuite": cases}]}))
            return suites.count(suites.Suite("a_test", "gtest", (), str(report)), exit_status, "")

    def test_counts_gtest_cases_one_by_one(self):
        good = {"name": "A", "status": "RUN", "result": "COMPLETED"}
        bad = {"name": "B", "status": "RUN", "result": "COMPLETED", "failures": [{}]}
        counts = self.gtest_counts([good, good, bad], exit_status=1)
        self.assertEqual((counts.passed, counts.failed), (2, 1))
        self.assertEqual(counts.failures, ["a_test: Group.B"])

    def test_a_skipped_gtest_case_is_a_failure(self):
        counts = self.gtest_counts([{"name": "A", "status": "RUN", "result": "SKIPPED"}])
        self.assertEqual((counts.passed, counts.failed), (0, 1))

    def test_a_program_that_crashes_without_a_report_is_a_failure(self):
        suite = suites.Suite("a_test", "gtest", (), "/nonexistent/report.json")
        self.assertEqual(suites.count(suite, -11, "").failed, 1)

    def test_a_leak_found_after_all_cases_passed_is_a_failure(self):
        good = {"name": "A", "status": "RUN", "result": "COMPLETED"}
        counts = self.gtest_counts([good], exit_status=23)
        self.assertEqual((counts.passed, counts.failed), (1, 1))

    def test_a_suite_without_cases_is_a_failure(self):
        self.assertEqual(self.gtest_counts([]).failed, 1)

    def test_an_empty_corpus_is_a_failure(self):
        suite = suites.Suite("a_fuzz", "corpus", ())
        self.assertEqual(suites.count(suite, 1, "replayed 0 inputs\n").failed, 1)
        self.assertEqual(suites.count(suite, 0, "replayed 3 inputs\n").passed, 1)


class ExecutionTest(unittest.TestCase):
    def test_counts_python_cases_and_names_the_failed(self):
        code = ("import unittest\n"
                "class T(unittest.TestCase):\n"
                "  def test_good(self): pass\n"
                "  def test_bad(self): self.fail('x')\n"
                "  @unittest." "skip('later')\n"
                "  def test_skipped(self): pass\n"
                "unittest.main()")
        counts = run(python_suite(code)).counts
        self.assertEqual((counts.passed, counts.failed), (1, 2))
        self.assertIn("test_bad", counts.failures[0])

    def test_ends_a_suite_that_hangs_and_its_children(self):
        with tempfile.TemporaryDirectory() as folder:
            pid_file = pathlib.Path(folder, "pid")
            code = ("import pathlib, subprocess\n"
                    "child = subprocess.Popen(['sleep', '600'])\n"
                    f"pathlib.Path({str(pid_file)!r}).write_text(str(child.pid))\n"
                    "child.wait()")
            outcome = run(python_suite(code), timeout_s=3)
            child = pid_file.read_text()
        self.assertEqual(outcome.counts.failed, 1)
        self.assertIn("stopped after 3 s", outcome.counts.failures[-1])
        self.assertTrue(has_ended(child))

    def test_runs_two_suites_at_a_time(self):
        with tempfile.TemporaryDirectory() as folder:
            def meets(mine, other):
                return (f"import pathlib, time, unittest\n"
                        f"class T(unittest.TestCase):\n"
                        f"  def test_meet(self):\n"
                        f"    pathlib.Path({folder!r}, {mine!r}).touch()\n"
                        f"    end = time.monotonic() + 20\n"
                        f"    while not pathlib.Path({folder!r}, {other!r}).exists():\n"
                        f"      assert time.monotonic() < end\n"
                        f"unittest.main()")
            pair = [python_suite(meets("a", "b"), "a"), python_suite(meets("b", "a"), "b")]
            env = execution.environment(pathlib.Path.cwd(), "build")
            outcomes = execution.run_all(pair, env, 60, lambda outcome: None)
        self.assertEqual([o.counts.failed for o in outcomes], [0, 0])

    def test_starts_the_longest_suite_first(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "seconds.json")
            path.write_text(json.dumps({"short": 1, "long": 100}))
            chosen = [python_suite("", "short"), python_suite("", "long")]
            ordered = execution.Durations(path).longest_first(chosen)
        self.assertEqual([s.name for s in ordered], ["long", "short"])


class ClosingLineTest(unittest.TestCase):
    def close(self, passed, failed, over_budget=False):
        counts = suites.Counts(passed, failed, ["x"] * failed)
        outcome = execution.Outcome(python_suite(""), 1.0, counts, "")
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            status = run_tests.summarise([outcome], 1.0, over_budget)
        return status, text.getvalue().splitlines()[-1]

    def test_is_plain_and_alone(self):
        self.assertEqual(self.close(3, 0), (0, "3 passed, 0 failed"))

    def test_a_failed_case_fails_the_run(self):
        self.assertEqual(self.close(3, 1), (1, "3 passed, 1 failed"))

    def test_a_run_over_budget_fails(self):
        self.assertEqual(self.close(3, 0, over_budget=True), (1, "3 passed, 1 failed"))

    def test_a_run_of_nothing_fails(self):
        self.assertEqual(self.close(0, 0), (1, "0 passed, 0 failed"))


class TargetsTest(unittest.TestCase):
    def test_builds_only_what_the_named_suites_need(self):
        def targets(*names):
            kinds = {"py": "python", "st": "gtest"}
            return run_tests.targets_of([suites.Suite(n, kinds[n[-2:]], ()) for n in names])
        self.assertEqual(targets("io_test"), ["io_test"])
        self.assertEqual(targets("io_test", "tests/e2e/a_test.py"), ["io_test", "posthorn"])
        self.assertEqual(targets("io_test", "tools/new_test.py"), [])


class TellingLinesTest(unittest.TestCase):
    def test_shows_a_sanitizer_report_from_its_beginning(self):
        lines = ["a"] * 100 + ["==1==ERROR: AddressSanitizer: heap-use-after-free"] + ["b"] * 500
        shown = run_tests.telling_lines(lines)
        self.assertIn("heap-use-after-free", shown[5])
        self.assertEqual(len(shown), run_tests.OUTPUT_LINES_SHOWN)

    def test_shows_the_end_of_anything_else(self):
        self.assertEqual(run_tests.telling_lines(["a", "b"]), ["a", "b"])


class SelectTest(unittest.TestCase):
    def test_names_need_no_suffix_and_unknown_ones_are_refused(self):
        available = [python_suite("", n) for n in
                     ("store_test", "http1_fuzz", "tests/e2e/crash_test.py")]
        self.assertEqual([s.name for s in run_tests.select(available, ["store", "http1"])],
                         ["store_test", "http1_fuzz"])
        self.assertEqual([s.name for s in run_tests.select(available, ["tests/e2e"])],
                         ["tests/e2e/crash_test.py"])
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertIsNone(run_tests.select(available, ["nothing"]))


if __name__ == "__main__":
    unittest.main()
