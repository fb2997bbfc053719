#!/usr/bin/env python3
"""Disks that take nothing: a data directory that can only be read, and one that is full to the last
byte. Needs the right to mount; without it only their simulated twins run (gateway_sim_test.cc)."""
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import unittest

from gateway import Gateway, Receiver

DISK_BYTES = 640 << 20  # three segments, and more than the low-space mark of 256 MiB
PATIENCE_S = 60
EVENT = {"eventType": "a", "payload": {"n": 1}}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def load_tests(loader, tests, pattern):
    may_mount = run("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt").returncode == 0
    loops = pathlib.Path("/dev/loop-control").exists()
    return tests if may_mount and loops else unittest.TestSuite()


class DiskTest(unittest.TestCase):
    def mount(self, *arguments):
        done = run("mount", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.addCleanup(run, "umount", "-l", arguments[-1])

    def start(self, data_dir=None):
        gateway = Gateway({"POSTHORN_DELIVERY_RETRY_SCHEDULE": "1,1,1,1,1,1"})
        self.addCleanup(gateway.close)
        if data_dir is not None:
            gateway.data_dir = data_dir
        return gateway.start()

    def wait_until(self, reached, what):
        deadline = time.monotonic() + PATIENCE_S
        while not reached():
            self.assertLess(time.monotonic(), deadline, what)
            threading.Event().wait(0.05)  # between two questions


class ReadOnlyDirectory(DiskTest):
    def test_reads_are_served_and_nothing_else(self):
        gateway, receiver = self.start(), Receiver()
        self.addCleanup(receiver.close)
        gateway.make_endpoint(receiver.url)
        _, message = gateway.post("/api/v1/app/app/msg", EVENT)
        self.assertTrue(receiver.wait_for(1))
        gateway.kill()
        self.mount("--bind", gateway.data_dir, gateway.data_dir)
        self.mount("-o", "remount,bind,ro", gateway.data_dir)
        gateway.start()
        status, read = gateway.get(f"/api/v1/app/app/msg/{message['id']}")
        self.assertEqual((status, read["payload"]), (200, {"n": 1}))
        status, refused = gateway.post("/api/v1/app/app/msg", EVENT)
        self.assertEqual((status, refused["code"]), (503, "unavailable"))
        self.assertIn("only reads are served", refused["detail"])
        self.assertEqual(gateway.post("/api/v1/app", {"name": "other"})[0], 503)
        status, health = gateway.get("/api/v1/health", auth=False)
        self.assertEqual(status, 503)
        self.assertIn("only reads are served", health["detail"])
        self.assertEqual(gateway.stop(), 0)


class FullDisk(DiskTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="posthorn-disk-")
        self.addCleanup(folder.cleanup)
        image = pathlib.Path(folder.name, "image")
        self.disk = pathlib.Path(folder.name, "disk")
        self.disk.mkdir()
        with open(image, "wb") as file:
            file.truncate(DISK_BYTES)
        made = run("mkfs.ext4", "-q", "-m", "0", str(image))
        self.assertEqual(made.returncode, 0, made.stderr)
        self.mount("-o", "loop", str(image), str(self.disk))
        self.balloon = self.disk / "balloon"

    def fill(self):
        """Until nothing at all is free."""
        with open(self.balloon, "ab") as file:
            for piece in (1 << 20, 4096):
                try:
                    while True:
                        os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), piece)
                except OSError:
                    pass

    def attempts(self, gateway, message):
        _, page = gateway.get(f"/api/v1/app/app/attempt/msg/{message['id']}")
        return page["data"]

    def test_events_are_refused_deliveries_go_on_and_a_stop_is_in_order(self):
        fails = threading.Event()
        fails.set()
        receiver = Receiver(lambda headers, body: 500 if fails.is_set() else 200)
        self.addCleanup(receiver.close)
        gateway = self.start(str(self.disk / "data"))
        gateway.make_endpoint(receiver.url)
        status, message = gateway.post("/api/v1/app/app/msg", EVENT)
        self.assertEqual(status, 202)
        reserve = [self.disk / "data/log/segments" / f"{n:020}.log" for n in (2, 3)]
        self.wait_until(lambda: all(f.exists() and f.stat().st_size == 64 << 20 for f in reserve),
                        "the reserve is not prepared")
        self.fill()
        self.wait_until(lambda: gateway.post("/api/v1/app/app/msg", EVENT)[0] == 507,
                        "events are taken on a full disk")
        fails.clear()
        self.wait_until(lambda: any(a["status"] == 0 for a in self.attempts(gateway, message)),
                        "a retry is not recorded")
        self.assertEqual(gateway.stop(), 0, gateway.log())
        got = len(receiver.got)
        gateway.start()
        self.assertTrue(any(a["status"] == 0 for a in self.attempts(gateway, message)))
        self.assertEqual(gateway.post("/api/v1/app/app/msg", EVENT)[0], 507)
        self.balloon.unlink()
        self.wait_until(lambda: gateway.post("/api/v1/app/app/msg", EVENT)[0] == 202,
                        "space that came back is not used")
        self.assertTrue(receiver.wait_for(got + 1))
        self.assertEqual(gateway.stop(), 0, gateway.log())


if __name__ == "__main__":
    unittest.main()
