#!/usr/bin/env python3
"""`./x test [--tsan] [SUITE...] [-- ARGUMENTS]`: builds the programs with sanitizers, runs every
suite, prints seconds per suite, and ends with `N passed, N failed` alone on a line."""
import os
import pathlib
import re
import subprocess
import sys
import time

from runner import execution, suites

# A warm run (everything compiled) has to fit in this, so that people go on running it.
BUDGET_SECONDS = 15 * 60
OUTPUT_LINES_SHOWN = 60
REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|CHECK failed")
ROOT = pathlib.Path(__file__).resolve().parent.parent


def parse(arguments):
    passed_on = []
    if "--" in arguments:
        split = arguments.index("--")
        arguments, passed_on = arguments[:split], arguments[split + 1:]
    tsan = "--tsan" in arguments
    return tsan, [a for a in arguments if a != "--tsan"], passed_on


def build(preset, targets):
    start = time.monotonic()
    run = subprocess.run(["bash", "tools/build.sh", preset, *targets], cwd=ROOT, check=False)
    if run.returncode == 0 and targets != ["none"]:
        print(f"built preset {preset} in {time.monotonic() - start:.0f} s", flush=True)
    return run.returncode == 0


def all_suites(build_dir, tsan, passed_on):
    """With --tsan: the programs that use threads, and the end-to-end tests of the binary."""
    if tsan:
        return (suites.gtest_suites(ROOT, build_dir, "posthorn_threaded_tests.txt", passed_on) +
                suites.python_suites(ROOT, ("tests/e2e",)))
    return (suites.gtest_suites(ROOT, build_dir, "posthorn_test_binaries.txt", passed_on) +
            suites.corpus_suites(ROOT, build_dir) + suites.python_suites(ROOT))


def select(available, wanted):
    """Suites by name, with or without _test, _fuzz and folder; None when a name is unknown."""
    if not wanted:
        return available
    chosen = []
    for name in wanted:
        hits = [s for s in available
                if s.name == name or s.name.startswith(name.rstrip("/") + "/") or
                pathlib.Path(s.name).stem in (name, name + "_test", name + "_fuzz")]
        if not hits:
            print(f"no suite named {name}; there are: "
                  + " ".join(s.name for s in available), file=sys.stderr)
            return None
        chosen += [s for s in hits if s not in chosen]
    return chosen


def targets_of(chosen):
    """What has to be built for them; nothing stands for all."""
    native = [s.name for s in chosen if s.kind != "python"]
    python = [s.name for s in chosen if s.kind == "python"]
    if any(not name.startswith("tests/e2e/") for name in python):
        return []  # skeletons are linked with every library, the benchmark has its own programs
    return native + (["posthorn"] if python else [])


def show(outcome):
    counts = outcome.counts
    failed = f", {counts.failed} FAILED" if counts.failed else ""
    print(f"{outcome.seconds:7.1f} s  {outcome.suite.name}: {counts.passed} passed{failed}",
          flush=True)
    if counts.failed:
        for line in telling_lines(outcome.output.splitlines()):
            print("    | " + line)


def telling_lines(lines):
    """The end of the output, or what follows the first report of a sanitizer or a CHECK."""
    reports = [n for n, line in enumerate(lines) if REPORT.search(line)]
    if reports:
        first = max(reports[0] - 5, 0)
        return lines[first:first + OUTPUT_LINES_SHOWN]
    return lines[-OUTPUT_LINES_SHOWN:]


def summarise(outcomes, seconds, over_budget):
    passed = sum(o.counts.passed for o in outcomes)
    failed = sum(o.counts.failed for o in outcomes)
    for outcome in outcomes:
        for name in outcome.counts.failures:
            print("failed: " + name)
    print(f"{len(outcomes)} suites in {seconds:.0f} s (budget {BUDGET_SECONDS} s)")
    if over_budget:
        print("failed: the run took longer than its budget")
        failed += 1
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if failed == 0 and passed > 0 else 1


def main(arguments):
    tsan, wanted, passed_on = parse(arguments)
    preset = "tsan" if tsan else "asan"
    build_dir = ROOT / "build" / preset
    if not build(preset, ["none"]):
        print("0 passed, 1 failed")
        return 1
    chosen = select(all_suites(build_dir, tsan, passed_on), wanted)
    if chosen is None:
        return 2
    if not build(preset, targets_of(chosen) if wanted or tsan else []):
        print("failed: the build\n0 passed, 1 failed")
        return 1
    durations = execution.Durations(build_dir / "suite-seconds.json")
    start = time.monotonic()
    outcomes = execution.run_all(durations.longest_first(chosen),
                                 execution.environment(ROOT, build_dir), BUDGET_SECONDS, show)
    seconds = time.monotonic() - start
    durations.save(outcomes)
    return summarise(outcomes, seconds, seconds > BUDGET_SECONDS)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
