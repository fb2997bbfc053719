"""The store's figures at small sizes, with the real gateway: every retry that comes due after a
restart is sent once, a lane and a list by state read little."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD_DIR = pathlib.Path(os.environ.get("POSTHORN_BUILD_DIR", HERE.parent / "build" / "bench"))
# The last three are not run here; they are built, so that they go on compiling.
PROGRAMS = ("posthorn", "bench_sink", "store_bench", "index_bench", "dedupe_bench", "catalog_bench")
TIMEOUT_SECONDS = 240


def setUpModule():  # noqa: N802
    subprocess.run(["cmake", "--build", str(BUILD_DIR), "--target", *PROGRAMS], check=True,
                   stdout=subprocess.DEVNULL)


class SmallFigures(unittest.TestCase):
    def test_what_is_counted_holds_at_any_size(self):
        with tempfile.TemporaryDirectory() as work:
            done = subprocess.run(
                [sys.executable, "-B", HERE / "figures.py", "--small", "--build-dir", BUILD_DIR,
                 "--tools-dir", BUILD_DIR, "--work-dir", work, "retries", "dead", "lane"],
                capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False,
                env=dict(os.environ))
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(list(pathlib.Path(work).iterdir()), [], "stores are left")
        self.assertIn("10000 retries: not sent", done.stdout)


if __name__ == "__main__":
    unittest.main()
