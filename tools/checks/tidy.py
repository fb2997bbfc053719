"""clang-tidy with the short fatal list of .clang-tidy, on the files changed or on all; headers
alone. Both read the tidy preset (clang, no precompiled header), which is configured, never built.
"""
import concurrent.futures
import json
import os
import re
import subprocess

from checks.tree import Finding, is_test_code

TIDY = "clang-tidy-16"
COMPILER = "clang++-16"
BUILD = "build/tidy"
# A change that touches more is tidied in part and says so: CI has a time budget.
CHANGED_MAX, CHANGED_HEADERS_MAX = 24, 40
DIAGNOSTIC = re.compile(r"^(.+?):(\d+):\d+: (?:error|warning): (.+)$", re.M)
SIZE_NOTE = re.compile(r"note: (.+ \(threshold \d+\))")


def check_changed(tree):
    return check_files(tree, select_changed(tree))


def check_all(tree):
    return check_files(tree, sorted(compiled(tree))) + headers_alone(
        tree, [f for f in tree.cxx("src/", "bench/") if f.endswith(".h")])


def compiled(tree):
    """Files that the tidy preset knows how to compile, by path."""
    subprocess.run(["bash", "tools/build.sh", "tidy", "none"], cwd=tree.root, check=True,
                   stdout=subprocess.DEVNULL)
    database = json.loads((tree.root / BUILD / "compile_commands.json").read_text())
    prefix = f"{tree.root}/"
    known = {entry["file"].removeprefix(prefix) for entry in database}
    return known & set(tree.files)


def select_changed(tree):
    """The newest of what changed, within the bound."""
    files = sources_of(tree, compiled(tree))
    if len(files) > CHANGED_MAX:
        print(f"lint: tidying {CHANGED_MAX} of {len(files)} changed files; --full tidies all")
    return files[:CHANGED_MAX]


def sources_of(tree, known):
    """Changed sources, and for each changed header the source or test beside it; newest first."""
    chosen = {}
    for path in tree.changed():
        stem = path.rsplit(".", 1)[0]
        candidates = [path] if path.endswith(".cc") else [stem + ".cc", stem + "_test.cc"]
        if path.endswith((".cc", ".h")):
            chosen.update({c: None for c in candidates[:1 if candidates[0] in known else 2]
                           if c in known})
    return sorted(chosen, key=lambda f: -(tree.root / f).stat().st_mtime)


def run_parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [finding for findings in pool.map(function, items) for finding in findings]


# A test is a list of cases: its length says nothing, and its loops are no logic. What it allocates
# costs nobody, so it puts strings and vectors together as it reads best.
TEST_CHECKS = ("--checks=-readability-function-cognitive-complexity,"
               "-performance-inefficient-string-concatenation,"
               "-performance-inefficient-vector-operation")


def check_files(tree, files):
    def one(path):
        run = subprocess.run([TIDY, "--quiet", "-p", BUILD, path,
                              *([TEST_CHECKS] if is_test_code(path) else [])],
                             cwd=tree.root, text=True, capture_output=True, check=False)
        return parse(tree, path, run, "tidy")
    return sorted(set(run_parallel(one, files)))


def changed_headers(tree):
    headers = [f for f in tree.changed() if f.endswith(".h") and f.startswith(("src/", "bench/"))]
    headers.sort(key=lambda f: -(tree.root / f).stat().st_mtime)
    return headers[:CHANGED_HEADERS_MAX]


def headers_alone(tree, headers):
    def one(path):
        run = subprocess.run(
            [COMPILER, "-std=c++20", "-fsyntax-only", "-Wno-pragma-once-outside-header", "-Isrc",
             "-Ibench", "-DFMT_SHARED", path],
            cwd=tree.root, text=True, capture_output=True, check=False)
        return parse(tree, path, run, "header-alone")
    return run_parallel(one, headers)


def parse(tree, path, run, rule):
    output = run.stdout + run.stderr
    findings = []
    for match in DIAGNOSTIC.finditer(output):
        # A size says in its notes which limit it is over.
        rest = output[match.end():].split(" error: ")[0]
        notes = " ".join(f"({note})" for note in SIZE_NOTE.findall(rest))
        if "special-member-functions" in match[3] and "not define a destructor" in match[3]:
            continue  # deleted copies need no destructor that is written out
        finding = Finding(match[1].removeprefix(f"{tree.root}/"), int(match[2]), rule,
                          f"{match[3]} {notes}".strip())
        if "clang-diagnostic-error" in match[3]:
            # What follows an error of the compiler is noise. Mostly an #include is missing that
            # the precompiled header hides.
            return [finding]
        findings.append(finding)
    if run.returncode != 0 and not findings:
        findings.append(Finding(path, 1, rule, "\n".join(output.splitlines()[-10:])))
    return findings
