#!/usr/bin/env python3
"""`./x lint [--full|--fast|--write-table]`: the repository judges itself. One file per rule in
checks/; check_test.py plants one violation of each."""
import pathlib
import subprocess
import sys
import time

from checks import banned, formatting, hygiene, layers, purity, sizes, tidy
from checks.tree import Tree

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What needs no compiler: the pre-commit hook runs these.
FAST = (("layers", layers.check), ("sizes", sizes.check), ("banned", banned.check),
        ("format", formatting.check))
STANDARD = FAST + (("hygiene", hygiene.check), ("purity", purity.check),
                   ("tidy", tidy.check_changed),
                   ("headers", lambda tree: tidy.headers_alone(tree, tidy.changed_headers(tree))))
FULL = STANDARD[:-2] + (("tidy", tidy.check_all),)


def run_checks(tree, checks):
    findings = []
    for name, check in checks:
        start = time.monotonic()
        found = check(tree)
        for finding in found:
            print(finding)
        print(f"{time.monotonic() - start:7.1f} s  {name}: "
              + (f"{len(found)} findings" if found else "clean"), flush=True)
        findings += found
    return findings


def main(arguments):
    tree = Tree(ROOT)
    if arguments == ["--write-table"]:
        layers.write_table(tree)
        return 0
    checks = {(): STANDARD, ("--full",): FULL, ("--fast",): FAST}.get(tuple(arguments))
    if checks is None:
        print("usage: ./x lint [--full|--fast|--write-table]", file=sys.stderr)
        return 2
    if checks is not FAST:
        # Which files are built is read from this configuration.
        subprocess.run(["bash", "tools/build.sh", "asan", "none"], cwd=ROOT, check=True)
    findings = run_checks(tree, checks)
    print(f"lint: {len(findings)} findings" if findings else "lint: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
