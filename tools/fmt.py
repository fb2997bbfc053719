#!/usr/bin/env python3
"""`./x fmt`: formats the C++ files in place; --check and --staged only say what is not formatted.

--staged looks at the content that a commit would take (the index), not at the working tree.
"""
import subprocess
import sys

FORMATTER = "clang-format-16"


def git(*arguments):
    return subprocess.run(["git", *arguments], check=True, capture_output=True).stdout


def cxx_files(names):
    return [n for n in names.decode().split("\0") if n.endswith((".cc", ".h"))]


def unformatted(names):
    """The files whose text differs from the formatter's; one process for all of them."""
    if not names:
        return []
    run = subprocess.run(
        [FORMATTER, "--dry-run", "-Werror", "--ferror-limit=1", *names],
        capture_output=True, text=True)
    return sorted({line.split(":", 1)[0] for line in run.stderr.splitlines()
                   if "code should be clang-formatted" in line})


def staged_unformatted():
    names = cxx_files(git("diff", "--cached", "--name-only", "-z", "--diff-filter=ACMR"))
    drifted = []
    for name in names:
        content = git("show", ":" + name)
        formatted = subprocess.run([FORMATTER, "--assume-filename=" + name], input=content,
                                   check=True, capture_output=True).stdout
        if formatted != content:
            drifted.append(name)
    return drifted


def main(arguments):
    if arguments == ["--staged"]:
        drifted = staged_unformatted()
    else:
        names = cxx_files(git("ls-files", "-z", "-co", "--exclude-standard"))
        drifted = unformatted(names)
        if not arguments:
            if drifted:
                subprocess.run([FORMATTER, "-i", *drifted], check=True)
            print(f"fmt: {len(drifted)} of {len(names)} files changed")
            return 0
        if arguments != ["--check"]:
            print("usage: ./x fmt [--staged|--check]", file=sys.stderr)
            return 2
    for name in drifted:
        print(f"{name}: not formatted: run ./x fmt" + (" and add it again" * bool(
            arguments == ["--staged"])))
    return 1 if drifted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
