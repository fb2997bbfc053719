"""The demo succeeds on a gateway that keeps its promises and fails on one that breaks one."""
import os
import pathlib
import signal
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

import demo_receiver

TOOLS = pathlib.Path(__file__).resolve().parent
DEMO = [sys.executable, "-B", str(TOOLS / "demo.py"), "--binary"]
FAKE = str(TOOLS / "demo_fake_gateway.py")
BINARY = os.environ.get("POSTHORN_BINARY", str(TOOLS.parent / "build/asan/posthorn"))


def run_demo(fault=""):
    return subprocess.run([*DEMO, FAKE], env={**os.environ, "FAKE_FAULT": fault}, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=120, check=False)


class DemoTest(unittest.TestCase):
    def assert_fails(self, fault, words):
        run = run_demo(fault)
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        self.assertIn(words, run.stdout)

    def test_shows_every_webhook_and_the_history(self):
        run = run_demo()
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertEqual(run.stdout.count("signature verified,"), 4 + 2)
        self.assertEqual(run.stdout.count("answers 503 on purpose"), 2)
        self.assertIn("attempts at msg_", run.stdout)

    def test_succeeds_with_the_binary_of_this_build(self):
        run = subprocess.run([*DEMO, BINARY], text=True, capture_output=True, timeout=120,
                             stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_fails_on_a_wrong_signature(self):
        self.assert_fails("wrong-signature", "no signature matches")

    def test_fails_when_the_payload_was_written_anew(self):
        self.assert_fails("reserialised", "the body is not the payload")

    def test_fails_when_the_history_is_incomplete(self):
        self.assert_fails("no-history", "the history reads [200]")

    def test_fails_and_shows_why_when_the_gateway_does_not_start(self):
        self.assert_fails("ends-at-once", "no disk here")

    def test_keep_runs_until_it_is_told_to_stop(self):
        process = subprocess.Popen([*DEMO, FAKE, "--keep"], stdout=subprocess.PIPE, text=True,
                                   stdin=subprocess.DEVNULL)
        for line in process.stdout:
            if line.startswith("kept running"):
                break
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        process.stdout.close()
        self.assertEqual(process.wait(30), 0, rest)
        self.assertIn("gateway stopped", rest)


class VerifyTest(unittest.TestCase):
    # A published vector of Standard Webhooks.
    SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    HEADERS = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
               "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}
    BODY = b'{"test": 2432232314}'

    def verify(self, body=BODY, now=1614265331, **changed):
        return demo_receiver.verify(self.SECRET, {**self.HEADERS, **changed}, body, now)

    def test_accepts_the_published_vector(self):
        self.assertIsNone(self.verify())

    def test_refuses_another_body_an_old_time_and_missing_headers(self):
        self.assertEqual(self.verify(body=b"{}"), "no signature matches")
        self.assertIn("too old", self.verify(now=1614265331 + 301))
        self.assertIn("missing", self.verify(**{"webhook-id": ""}))


class ReceiverAloneTest(unittest.TestCase):
    RECEIVER = [sys.executable, "-B", str(TOOLS / "demo_receiver.py")]

    def test_prints_what_arrives_and_whether_it_is_signed(self):
        process = subprocess.Popen([*self.RECEIVER, "0", VerifyTest.SECRET], text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        url = process.stdout.readline().split()[1].rstrip(",")
        request = urllib.request.Request(url, VerifyTest.BODY, VerifyTest.HEADERS)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        refused.exception.close()
        line = process.stdout.readline()
        self.assertIn(VerifyTest.HEADERS["webhook-id"], line)
        self.assertIn("SIGNATURE REFUSED: the timestamp is too old", line)

    def test_says_how_it_is_called(self):
        for arguments in ([], ["9000"], ["x", "whsec_a"], ["9000", "secret"]):
            run = subprocess.run([*self.RECEIVER, *arguments], text=True, capture_output=True,
                                 timeout=30, stdin=subprocess.DEVNULL, check=False)
            self.assertEqual(run.returncode, 2)
            self.assertIn("usage: demo_receiver.py PORT whsec_", run.stderr)


if __name__ == "__main__":
    unittest.main()
