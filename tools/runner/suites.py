"""What `./x test` runs: GoogleTest programs, fuzz corpora, Python tests. Knows how each kind is
started and how its cases are counted; never builds anything."""
import dataclasses
import json
import os
import pathlib
import re

# Python tests live where the runner looks for them; the checker refuses them elsewhere.
PYTHON_TEST_FOLDERS = ("tools", "bench", "tests")


@dataclasses.dataclass(frozen=True)
class Suite:
    name: str
    kind: str  # "gtest", "corpus" or "python"
    command: tuple
    report: str = ""  # where a GoogleTest program writes its results


@dataclasses.dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    failures: list = dataclasses.field(default_factory=list)


def registered(build_dir, name):
    path = pathlib.Path(build_dir, name)
    return path.read_text().split() if path.exists() else []


def gtest_suites(root, build_dir, list_file, arguments):
    suites = []
    for name in registered(build_dir, list_file):
        report = str(pathlib.Path(build_dir, "reports", name + ".json"))
        command = (str(pathlib.Path(build_dir, name)), f"--gtest_output=json:{report}", *arguments)
        suites.append(Suite(name, "gtest", command, report))
    return suites


def corpus_suites(root, build_dir):
    suites = []
    for name in registered(build_dir, "posthorn_fuzzers.txt"):
        corpus = pathlib.Path(root, "tests", "corpus", name)
        suites.append(Suite(name, "corpus", (str(pathlib.Path(build_dir, name)), str(corpus))))
    return suites


def python_suites(root, folders=PYTHON_TEST_FOLDERS):
    suites = []
    for folder in folders:
        for path in sorted(pathlib.Path(root, folder).rglob("*_test.py")):
            name = str(path.relative_to(root))
            suites.append(Suite(name, "python", ("python3", "-B", str(path))))
    return suites


def count(suite, exit_status, output):
    """Cases of a finished suite. A suite that ended badly without naming a case counts as one."""
    counts = {"gtest": count_gtest, "corpus": count_corpus, "python": count_python}[suite.kind](
        suite, output)
    if exit_status != 0 and counts.failed == 0:
        counts.failed += 1
        counts.failures.append(f"{suite.name}: ended with status {exit_status}")
    if counts.passed + counts.failed == 0:
        counts.failed += 1
        counts.failures.append(f"{suite.name}: ran no case")
    return counts


def count_gtest(suite, output):
    counts = Counts()
    if not os.path.exists(suite.report):
        return counts
    with open(suite.report, encoding="utf-8") as file:
        report = json.load(file)
    for group in report.get("testsuites", []):
        for case in group.get("testsuite", []):
            # A skipped case proves nothing: it counts as failed.
            if case.get("status") != "RUN":
                continue
            if case.get("failures") or case.get("result") != "COMPLETED":
                counts.failed += 1
                counts.failures.append(f"{suite.name}: {group['name']}.{case['name']}")
            else:
                counts.passed += 1
    return counts


def count_corpus(suite, output):
    return Counts(passed=1 if re.search(r"^replayed [1-9]\d* inputs$", output, re.M) else 0)


def count_python(suite, output):
    ran = re.search(r"^Ran (\d+) tests? in ", output, re.M)
    if not ran:
        return Counts(passed=0)
    result = re.findall(r"\b(?:failures|errors|skipped|unexpected successes)=(\d+)", output)
    failed = sum(int(n) for n in result)
    names = re.findall(r"^(?:FAIL|ERROR): (.+)$", output, re.M)
    return Counts(max(int(ran[1]) - failed, 0), failed, [f"{suite.name}: {n}" for n in names])
