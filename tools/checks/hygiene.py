"""Files that rot unseen: unbuilt code, unregistered tests, unused headers, blobs, missing READMEs.
"""
import json
import os
import re

from checks.tree import Finding, is_test_code, line_of
from runner.suites import PYTHON_TEST_FOLDERS

BLOB_BYTES_MAX = 256 * 1024
README_LINES_MAX = 40
NAMED_FILE = re.compile(r"`([\w./-]+\.(?:h|cc|py|sh|md|json))`|\]\((?!https?:)([^)\s]+\.md[^)]*)\)")
REFUSED_NAMES = re.compile(r"(^|_)(utils?|helpers?|managers?|common|misc)(_|\.|$)")


def check(tree):
    return (blobs(tree) + unbuilt(tree) + unused_headers(tree) + readmes(tree) + corpora(tree) +
            python_tests(tree) + names(tree) + openings(tree) + documents(tree))


def blobs(tree):
    return [Finding(path, 1, "blob", f"larger than {BLOB_BYTES_MAX // 1024} KiB")
            for path in tree.files
            if (tree.root / path).stat().st_size > BLOB_BYTES_MAX]


def unbuilt(tree):
    """A .cc that no target compiles: a dead file, or a test that nobody runs."""
    database = tree.root / "build/asan/compile_commands.json"
    if not database.exists():
        return [Finding("CMakeLists.txt", 1, "unbuilt", f"no {database}: configure preset asan")]
    built = {entry["file"] for entry in json.loads(database.read_text())}
    return [Finding(path, 1, "unbuilt", "no target compiles it: register it or remove it")
            for path in tree.files
            if path.endswith(".cc") and path.startswith(("src/", "tests/", "bench/"))
            and str(tree.root / path) not in built]


def unused_headers(tree):
    included = set()
    for path in tree.cxx(""):
        for target in re.findall(r'^#include "([^"]+)"', tree.text(path), re.M):
            folder = path.rsplit("/", 1)[0]
            included |= {"src/" + target, f"{folder}/{target}", target, "bench/" + target}
    return [Finding(path, 1, "unused", "no file includes this header")
            for path in tree.cxx("src/", "bench/", "tests/")
            if path.endswith(".h") and path not in included]


def readmes(tree):
    findings = []
    for module in sorted({path.split("/")[1] for path in tree.cxx("src/")}):
        path = f"src/{module}/README.md"
        if path not in tree.files:
            findings.append(Finding(path, 1, "readme", "every module has one: purpose, main types, "
                                    "invariants, how to add, anti-patterns"))
        elif tree.text(path).count("\n") > README_LINES_MAX:
            findings.append(Finding(path, 1, "readme", f"more than {README_LINES_MAX} lines"))
    return findings


def corpora(tree):
    findings = []
    for path in tree.files:
        if path.startswith("src/") and path.endswith("_fuzz.cc"):
            folder = "tests/corpus/" + path.rsplit("/", 1)[1].removesuffix(".cc") + "/"
            if not any(f.startswith(folder) for f in tree.files):
                findings.append(Finding(path, 1, "corpus", f"no seeds in {folder}"))
    return findings


def python_tests(tree):
    return [Finding(path, 1, "unbuilt", "the runner does not look for Python tests here")
            for path in tree.files
            if path.endswith("_test.py") and not path.startswith(
                tuple(f + "/" for f in PYTHON_TEST_FOLDERS))]


def names(tree):
    findings = []
    for path in tree.cxx("src/", "bench/", "tests/"):
        for part in path.split("/"):
            if REFUSED_NAMES.search(part):
                findings.append(Finding(path, 1, "name", f"{part}: name what it is about"))
    return findings


def openings(tree):
    """A file opens with what it is for; a header is included once."""
    findings = []
    for path in tree.cxx("src/", "bench/", "tests/"):
        text = tree.text(path)
        if not text.startswith("//") and not is_test_code(path):
            findings.append(Finding(path, 1, "opening", "open with 1-5 lines: what it is for, who "
                                    "calls it, what it never does"))
        if path.endswith(".h") and "\n#pragma once\n" not in text:
            findings.append(Finding(path, 1, "opening", "no #pragma once"))
    return findings


def documents(tree):
    """Files that a document names in backticks or links to: an index kept by hand goes stale."""
    findings = []
    for path in tree.files:
        if not path.endswith(".md") or path.startswith("tools/skeletons/"):
            continue
        folder = path.rpartition("/")[0]
        text = tree.text(path)
        for match in NAMED_FILE.finditer(text):
            name = (match[1] or match[2]).split("#")[0]
            places = (name, f"src/{name}", os.path.normpath(f"{folder}/{name}"))
            bare = "/" not in name and any(f.endswith("/" + name) for f in tree.files)
            if not bare and not any(place in tree.files for place in places):
                findings.append(Finding(path, line_of(text, match.start()), "document",
                                        f"{name} is named here but does not exist"))
    return findings
