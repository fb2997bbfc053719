"""The repository as the checks see it: files, texts, what changed, and C++ without its comments."""
import dataclasses
import functools
import pathlib
import re
import subprocess


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


class Tree:
    """Files that are tracked or could be (not ignored), by their path relative to the root."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        names = self._git("ls-files", "-z", "-co", "--exclude-standard").split("\0")
        self.files = sorted(n for n in set(names) if n and (self.root / n).is_file())

    def _git(self, *arguments):
        run = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True,
                             check=False)
        return run.stdout if run.returncode == 0 else ""

    def cxx(self, *folders):
        return [f for f in self.files if f.endswith((".cc", ".h")) and f.startswith(folders)]

    @functools.lru_cache(maxsize=None)
    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    @functools.lru_cache(maxsize=None)
    def code(self, path):
        """The text of a C++ file with comments and literals blanked; lines keep their numbers."""
        return blank_comments_and_literals(self.text(path))

    def changed(self):
        """Files that differ from where this branch left origin/main (or from the last commit but
        one), and everything not committed yet."""
        head = self._git("rev-parse", "HEAD").strip()
        base = self._git("merge-base", "HEAD", "origin/main").strip()
        if not base or base == head:
            base = self._git("rev-parse", "--verify", "-q", "HEAD~1").strip()
        names = self._git("diff", "--name-only", "-z", base or "HEAD")
        names += self._git("ls-files", "-z", "-o", "--exclude-standard")
        if not base:
            names += self._git("ls-files", "-z")
        known = set(self.files)
        return sorted({n for n in names.split("\0") if n in known})


TOKEN = re.compile(
    r'''//[^\n]*|/\*.*?\*/|R"([^()\s\\]{0,16})\((?:.*?)\)\1"|"(?:\\.|[^"\\\n])*"'''
    r'''|(?<![0-9A-Za-z_])(?:u8|u|U|L)?'(?:\\.|[^'\\\n])+\'''', re.S)


def blank_comments_and_literals(text):
    def blank(match):
        kept = match.group(0)
        if kept.startswith('"') or kept.startswith('R"'):
            return '"' + "\n" * kept.count("\n") + '"'
        return "\n" * kept.count("\n") or " "
    # An include keeps its path: it is what the layer check reads.
    lines = []
    for line in text.split("\n"):
        lines.append(line.replace('"', "\x01") if line.startswith("#include") else line)
    return TOKEN.sub(blank, "\n".join(lines)).replace("\x01", '"')


def is_test_code(path):
    """Code that only tests link: suites, fuzz targets, benches and their support."""
    return (path.startswith(("tests/", "bench/")) or
            path.endswith(("_test.cc", "_fuzz.cc", "_bench.cc")) or
            any(f"/{folder}/" in path for folder in ("testing", "conformance")))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
