#!/usr/bin/env python3
"""A disk that stops to sync ends the process with its own exit code; nothing that was acknowledged
is lost, and nothing is acknowledged afterwards."""
import http.client
import subprocess
import unittest

from gateway import Gateway

SYNC_FAILED = 74


class FailedSync(unittest.TestCase):
    def post(self, event):
        try:
            status, answer = self.gateway.post(
                "/api/v1/app/app/msg", {"eventType": "a", "payload": {"event": event}})
        except (OSError, http.client.HTTPException):
            return None
        return answer["id"] if status == 202 else None

    def fail_syncs(self):
        """From its return on every fdatasync of the process answers EIO."""
        tracer = subprocess.Popen(
            ["strace", "-f", "-q", "-p", str(self.gateway.process.pid), "-o", "/dev/null",
             "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO"],
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(tracer.stderr.close)
        self.addCleanup(tracer.wait)
        self.addCleanup(tracer.kill)
        threads = f"/proc/{self.gateway.process.pid}/status"
        while tracer.poll() is None:
            with open(threads, encoding="utf-8") as status:
                traced = [line.split()[1] for line in status if line.startswith("TracerPid")]
            if traced == [str(tracer.pid)]:
                return
        self.fail(f"strace ended: {tracer.stderr.read()}")

    def test_the_process_ends_and_nothing_acknowledged_is_lost(self):
        # The leak check at exit cannot run in a process that is traced.
        self.gateway = Gateway({"ASAN_OPTIONS": "detect_leaks=0"}).start()
        self.addCleanup(self.gateway.close)
        self.gateway.post("/api/v1/app", {"name": "app", "uid": "app"})
        acknowledged = [self.post(n) for n in range(20)]
        self.assertNotIn(None, acknowledged)
        self.fail_syncs()
        # Attaching takes its time with every thread: the first posts may still be durable.
        while self.gateway.process.poll() is None:
            done = self.post("late")
            if done:
                acknowledged.append(done)
        self.assertEqual(self.gateway.process.returncode, SYNC_FAILED, self.gateway.log())
        self.gateway.start()
        for message in acknowledged:
            status, _ = self.gateway.get(f"/api/v1/app/app/msg/{message}")
            self.assertEqual(status, 200, message)
        self.assertIsNotNone(self.post("after"))


if __name__ == "__main__":
    unittest.main()
