"""The whole benchmark in its quick form, against a stand-in for the gateway that can misbehave: the
real floor, sink and generator, every scenario."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD_DIR = pathlib.Path(os.environ.get("POSTHORN_BUILD_DIR", HERE.parent / "build" / "release"))
PROGRAMS = ("bench_floor", "bench_sink", "bench_generator")
TIMEOUT_SECONDS = 240


def setUpModule():  # noqa: N802
    if not all((BUILD_DIR / name).exists() for name in PROGRAMS):
        subprocess.run(["cmake", "--build", str(BUILD_DIR), "--target", *PROGRAMS], check=True)


def command(output, *arguments):
    return [sys.executable, "-B", HERE / "run.py", "--quick", "--pins", "unpinned", "--build-dir",
            BUILD_DIR, "--output-dir", output, "--gateway",
            f"{sys.executable} -B {HERE / 'driver' / 'fake_posthorn.py'}", *arguments]


def processes_of(output):
    """Pids of whatever runs with this output directory on its command line."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if output.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            pass  # it has just ended
    return found


class QuickRun(unittest.TestCase):
    def bench(self, *arguments, fault=""):
        with tempfile.TemporaryDirectory() as output:
            done = subprocess.run(
                command(output, *arguments), capture_output=True, text=True,
                timeout=TIMEOUT_SECONDS, check=False, env={**os.environ, "FAKE_FAULT": fault})
            left = list(pathlib.Path(output).iterdir())
            records = [json.loads(p.read_text()) for p in left if p.suffix == ".json"]
            self.assertEqual([p for p in left if p.suffix != ".json"], [], "work files are left")
        return done.returncode, done.stdout + done.stderr, records[0] if records else None

    def test_every_scenario_runs_and_every_event_is_accounted_for(self):
        status, output, record = self.bench()
        self.assertEqual(status, 0, output)
        self.assertEqual({(r["server"], r["case"]) for r in record["runs"]},
                         {("floor", "single"), ("gateway", "single"), ("floor", "half_rate"),
                          ("gateway", "half_rate"), ("gateway", "batch"), ("gateway", "fanout")})
        self.assertEqual(len(record["verdicts"]), 8)
        for result in record["runs"]:
            account = result["account"]
            self.assertGreater(account["acked"], 0)
            self.assertEqual(result["deliveries"], account["expected"])
        fanout = next(r for r in record["runs"] if r["case"] == "fanout")
        self.assertEqual(fanout["account"]["expected"], 10 * fanout["account"]["acked"])
        self.assertEqual(record["big_store"]["fill"]["account"]["acked"], 3000)

    def test_a_lost_event_is_a_fault(self):
        status, output, _ = self.bench("single", "--stall-seconds", "1", fault="lose")
        self.assertEqual(status, 1, output)
        self.assertRegex(output, r"FAULT  gateway single \(unpinned\): \d+ lost")

    def test_an_event_delivered_twice_is_a_fault(self):
        status, output, _ = self.bench("single", fault="repeat")
        self.assertEqual(status, 1, output)
        self.assertRegex(output, r"FAULT  gateway single \(unpinned\): \d+ duplicates")

    def test_a_refused_event_is_counted_and_no_fault(self):
        status, output, record = self.bench("single", fault="refuse")
        self.assertEqual(status, 0, output)
        gateway = next(r for r in record["runs"] if r["server"] == "gateway")
        self.assertGreater(gateway["account"]["refused"], 0)
        self.assertEqual(gateway["account"]["lost"], 0)

    def test_pages_that_miss_items_end_the_run(self):
        status, output, _ = self.bench("big_store", fault="short-pages")
        self.assertEqual(status, 2, output)
        self.assertIn("49 items, not 50", output)

    def test_a_gateway_that_ends_is_said_with_its_last_words(self):
        status, output, _ = self.bench("single", fault="end")
        self.assertEqual(status, 2, output)
        self.assertIn("the disk is gone", output)

    def test_an_interrupted_run_stops_everything_it_started(self):
        with tempfile.TemporaryDirectory() as output:
            with subprocess.Popen(command(output, "single", "--seconds", "60"), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as bench:
                deadline = time.monotonic() + 30
                while not list(pathlib.Path(output).glob("work-*/*-generator.log")):
                    self.assertLess(time.monotonic(), deadline, "no load was started")
                    threading.Event().wait(0.01)
                self.assertGreater(len(processes_of(output)), 1)
                bench.send_signal(signal.SIGTERM)
                said, _ = bench.communicate(timeout=60)
            self.assertEqual(bench.returncode, 2, said)
            self.assertIn("interrupted", said)
            self.assertEqual(processes_of(output), [])
            self.assertEqual(list(pathlib.Path(output).iterdir()), [])


if __name__ == "__main__":
    unittest.main()
