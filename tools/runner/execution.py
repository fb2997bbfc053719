"""Runs suites, two at a time, each in a process group of its own that is ended with it."""
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import time

from runner import suites as suites_module

PARALLEL = 2


@dataclasses.dataclass
class Outcome:
    suite: suites_module.Suite
    seconds: float
    counts: suites_module.Counts
    output: str


def environment(root, build_dir):
    env = dict(os.environ)
    env.update({
        "POSTHORN_SOURCE_DIR": str(root),
        "POSTHORN_BUILD_DIR": str(build_dir),
        "POSTHORN_BINARY": str(pathlib.Path(build_dir, "posthorn")),
        "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
        "PYTHONDONTWRITEBYTECODE": "1",
    })
    return env


def run_suite(suite, env, timeout_s):
    """Runs one suite to its end or to the timeout; everything it started ends with it."""
    if suite.report:
        pathlib.Path(suite.report).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(suite.report).unlink(missing_ok=True)
    start = time.monotonic()
    process = subprocess.Popen(
        suite.command, env=env, cwd=env["POSTHORN_SOURCE_DIR"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    timed_out = False
    try:
        raw, _ = process.communicate(timeout=max(timeout_s, 1))
    except subprocess.TimeoutExpired:
        timed_out = True
        end_group(process.pid)
        raw, _ = process.communicate()
    end_group(process.pid)
    output = raw.decode(errors="replace")
    counts = suites_module.count(suite, process.returncode, output)
    if timed_out:
        counts.failures.append(f"{suite.name}: stopped after {timeout_s:.0f} s")
        counts.failed = max(counts.failed, 1)
    return Outcome(suite, time.monotonic() - start, counts, output)


def end_group(pid):
    """Ends what is left of the group that run_suite made for one suite."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Durations:
    """Seconds of the last run by suite: the longest starts first."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        try:
            self.seconds = json.loads(self.path.read_text())
        except (OSError, ValueError):
            self.seconds = {}

    def longest_first(self, suites):
        unknown = {"gtest": 30, "python": 20, "corpus": 5}
        return sorted(suites, key=lambda s: -self.seconds.get(s.name, unknown[s.kind]))

    def save(self, outcomes):
        self.seconds.update({o.suite.name: round(o.seconds, 1) for o in outcomes})
        self.path.write_text(json.dumps(self.seconds, indent=1, sort_keys=True))


def run_all(suites, env, budget_s, on_done):
    """Calls on_done(outcome) as each suite ends; returns the outcomes."""
    deadline = time.monotonic() + budget_s
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        def task(suite):
            return run_suite(suite, env, deadline - time.monotonic())
        futures = [pool.submit(task, suite) for suite in suites]
        for future in concurrent.futures.as_completed(futures):
            outcomes.append(future.result())
            on_done(outcomes[-1])
    return outcomes
