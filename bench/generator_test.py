"""The load generator and the sink against the floor program: the schedule does not wait for the
server, and a stall counts for every event that it held up."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from driver.cases import Load
from driver.processes import UNPINNED
from driver.programs import Floor, Sink, Workspace, run_generator
from driver.rest import Rest

BUILD_DIR = pathlib.Path(os.environ.get(
    "POSTHORN_BUILD_DIR", pathlib.Path(__file__).resolve().parent.parent / "build" / "release"))
PROGRAMS = ("bench_floor", "bench_sink", "bench_generator")


def setUpModule():  # noqa: N802
    if not all((BUILD_DIR / name).exists() for name in PROGRAMS):
        subprocess.run(["cmake", "--build", str(BUILD_DIR), "--target", *PROGRAMS], check=True)


class Generator(unittest.TestCase):
    def setUp(self):
        output = tempfile.TemporaryDirectory()
        self.addCleanup(output.cleanup)
        self.space = Workspace(BUILD_DIR, pathlib.Path(output.name, "work"), [])
        self.addCleanup(self.space.close)
        self.sink = Sink(self.space, UNPINNED)
        self.floor = Floor(self.space, UNPINNED, self.sink)
        self.addCleanup(self.floor.rest.close)
        self.addCleanup(self.sink.rest.close)

    def load(self, **options):
        load = Load(run=self.space.next_run(), **options)
        self.sink.reset(load.run, 1)
        return run_generator(self.space, UNPINNED, self.floor, load, ["app_1"])

    def wait_for(self, condition):
        deadline = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            threading.Event().wait(0.002)

    def stall_the_floor(self, after_deliveries, seconds):
        rest = Rest(self.sink.port)  # the other thread has the sink's own
        self.wait_for(lambda: rest.json("GET", "/stats")["unique"] >= after_deliveries)
        rest.close()
        os.kill(self.floor.process.pid, signal.SIGSTOP)
        threading.Event().wait(seconds)  # the stall itself
        os.kill(self.floor.process.pid, signal.SIGCONT)

    def test_a_stall_counts_for_every_event_it_held_up(self):
        stall = threading.Thread(target=self.stall_the_floor, args=(300, 0.6))
        stall.start()
        result, _ = self.load(seconds=2, rate=2000.0, connections=8)
        stall.join()
        # 1,200 of 4,000 events were due during the stall; with eight connections a generator that
        # waits for answers would have sent, and noticed, eight.
        self.assertEqual(result["events"], 4000)
        self.assertEqual(result["acked"], 4000)
        self.assertGreater(result["accept"]["max_us"], 550_000)
        self.assertGreater(result["accept"]["p99_us"], 500_000)
        self.wait_for(lambda: self.sink.stats()["unique"] == 4000)
        self.assertGreater(self.sink.stats()["latency"]["p99_us"], 500_000)

    def test_a_server_that_never_answers_is_counted_and_not_waited_for(self):
        os.kill(self.floor.process.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.floor.process.pid, signal.SIGCONT)
        result, acked = self.load(seconds=0.1, rate=1000.0, connections=4)
        self.assertEqual((result["acked"], result["unanswered"], result["unsent"]), (0, 4, 96))
        self.assertEqual(result["accept"]["count"], 100)
        self.assertGreater(result["accept"]["p50_us"], 9_000_000)
        self.assertEqual(acked, b"")

    def test_stops_at_the_count_of_acknowledged_events(self):
        result, acked = self.load(seconds=30, count=1234)
        self.assertEqual(result["acked"], 1234)
        self.assertEqual(int.from_bytes(acked, "little").bit_count(), 1234)
        self.wait_for(lambda: self.sink.stats()["unique"] == 1234)

    def test_the_sink_prints_its_statistics_when_it_is_stopped(self):
        self.load(seconds=30, count=10)
        self.wait_for(lambda: self.sink.stats()["unique"] == 10)
        self.sink.process.stop()
        self.assertEqual(json.loads(self.sink.process.last_output())["unique"], 10)


if __name__ == "__main__":
    unittest.main()
