#!/usr/bin/env python3
"""Stands in for the gateway in demo_test.py: just enough REST and delivery for the demo, and faults
on request (environment FAKE_FAULT), so that the demo is seen to fail when it has to."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import re
import signal
import sys
import threading
import time
import urllib.error
import urllib.request

FAULT = os.environ.get("FAKE_FAULT", "")
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
ids = iter(range(1, 10**6))
endpoint_url = None
attempts = {}


def new_id(prefix):
    return f"{prefix}_{next(ids):027d}"


def deliver(message, body):
    if FAULT == "silent":
        return
    if FAULT == "reserialised":
        body = json.dumps(json.loads(body), indent=1).encode()
    for delay in (0, 0.05, 0.1):
        threading.Event().wait(delay)
        timestamp = str(int(time.time()))
        key = b"x" * 24 if FAULT == "wrong-signature" else b"k" * 24
        digest = hmac.new(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        request = urllib.request.Request(endpoint_url, body, headers={
            "webhook-id": message, "webhook-timestamp": timestamp,
            "webhook-signature": "v1," + base64.b64encode(digest).decode()})
        try:
            with urllib.request.urlopen(request) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
        if not (FAULT == "no-history" and status != 200):
            attempts.setdefault(message, []).append({
                "id": new_id("atmpt"), "timestamp": f"2026-01-01T00:00:{next(ids):06d}Z",
                "responseStatusCode": status, "responseDurationMs": 1,
                "statusText": "success" if status == 200 else "fail"})
        if status == 200:
            return


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, value):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def do_GET(self):  # noqa: N802
        if self.path.endswith("/health"):
            self.answer(200, {})
        elif self.path.endswith("/secret"):
            self.answer(200, {"key": SECRET})
        else:
            data = attempts.get(self.path.rsplit("/", 1)[1], [])
            self.answer(200, {"data": data[::-1], "iterator": None, "done": True})

    def do_POST(self):  # noqa: N802
        global endpoint_url
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path.endswith("/msg"):
            message = new_id("msg")
            payload = re.search(rb'"payload": (.*)}$', body, re.S)[1]
            threading.Thread(target=deliver, args=(message, payload), daemon=True).start()
            self.answer(202, {"id": message})
        elif self.path.endswith("/endpoint"):
            endpoint_url = json.loads(body)["url"]
            self.answer(201, {"id": new_id("ep")})
        else:
            self.answer(201, {"id": new_id("app")})

    def log_message(self, *arguments):
        pass


def main():
    if sys.argv[1] == "token":
        print("a.b.c")
        return
    if FAULT == "ends-at-once":
        sys.exit("no disk here")
    host, port = sys.argv[sys.argv.index("--listen") + 1].split(":")
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


if __name__ == "__main__":
    main()
