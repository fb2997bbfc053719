"""Every skeleton is written into a scratch tree, compiled with the warnings of the build, judged by
the checker, and its test is run against the libraries that the build has made."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

import new
from checks import banned, layers, sizes
from checks.tree import Tree

ROOT = new.ROOT
BUILD = pathlib.Path(os.environ.get("POSTHORN_BUILD_DIR", ROOT / "build/asan"))
SAMPLE = "api_test"  # a test program of the build: skeletons are compiled and linked as it is


def commands_of_sample():
    """(how the build compiles a test, the system libraries it links)"""
    lines = subprocess.run(["ninja", "-C", str(BUILD), "-t", "commands", SAMPLE], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    compile_line = next(line for line in lines if re.search(r"_test\.cc$", line))
    words = shlex.split(compile_line)
    compile_words = words[:words.index("-MD")]
    libraries = [word for word in shlex.split(lines[-1])
                 if re.search(r"\.so[.\d]*$|^/.*\.a$|^-l", word)]
    return compile_words, libraries


class SkeletonTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def build_and_run(self, kind, name):
        written = new.write(kind, name, self.root)
        self.judge(written)
        archives = sorted(str(path) for path in BUILD.glob("libposthorn_*.a"))
        self.assertTrue(archives, f"nothing is built in {BUILD}")
        compile_words, libraries = commands_of_sample()
        objects = []
        for path in written:
            if path.endswith(".cc"):
                objects.append(str(self.root / path) + ".o")
                self.run_step([*compile_words, f"-I{self.root}/src", "-o", objects[-1], "-c",
                               str(self.root / path)])
        program = str(self.root / "skeleton_test")
        sanitizers = [word for word in compile_words if word.startswith("-fsanitize=")]
        self.run_step(["g++", *sanitizers, *objects, "-o", program, "-fuse-ld=mold",
                       "-Wl,--start-group", *archives, "-Wl,--end-group", *libraries,
                       "-ltomlplusplus"])
        run = subprocess.run([program], capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertRegex(run.stdout, r"\[  PASSED  \] [1-9]")

    def run_step(self, command):
        step = subprocess.run(command, cwd=BUILD, capture_output=True, text=True, check=False)
        self.assertEqual(step.returncode, 0, step.stderr[:4000])

    def judge(self, written):
        """The checks that need no compiler, on a copy of the tree with the skeleton in it."""
        copy = self.root / "judged"
        shutil.copytree(ROOT / "src", copy / "src")
        shutil.copytree(ROOT / "docs", copy / "docs")
        shutil.copy(ROOT / "CMakeLists.txt", copy)
        for path in written:
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.root / path, copy / path)
        subprocess.run(["git", "init", "-q", str(copy)], check=True)
        tree = Tree(copy)
        found = [str(finding) for check in (layers.check, sizes.check, banned.check)
                 for finding in check(tree) if finding.path in written]
        self.assertEqual(found, [])

    def test_source(self):
        self.build_and_run("source", "sample_queue")

    def test_engine(self):
        self.build_and_run("engine", "sample")

    def test_resource(self):
        self.build_and_run("resource", "samples")

    def test_destination(self):
        self.build_and_run("destination", "sample_queue")

    def test_module_file(self):
        self.build_and_run("module-file", "schedule/sample_policy")


class RefusalTest(unittest.TestCase):
    def test_refuses_what_it_cannot_write(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for kind, name in (("thing", "a"), ("source", "CamelCase"), ("module-file", "breaker"),
                               ("module-file", "nowhere/breaker")):
                with self.assertRaises(new.Refused):
                    new.write(kind, name, root)
            new.write("source", "queue", root)
            with self.assertRaises(new.Refused):
                new.write("source", "queue", root)


if __name__ == "__main__":
    unittest.main()
