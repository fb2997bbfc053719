#!/usr/bin/env python3
"""Stands in for the gateway in run_test.py: just enough REST and delivery for every scenario, and
faults on request (environment FAKE_FAULT = lose | repeat | refuse | short-pages | end), so that the
benchmark is seen to notice them. Keeps everything in memory and is slow; never measured."""
import datetime
import http.client
import http.server
import itertools
import json
import os
import queue
import re
import signal
import socketserver
import sys
import threading
import urllib.parse

FAULT = os.environ.get("FAKE_FAULT", "")
EVERY = 50  # the fault hits one event in so many
SENDERS = 4

numbers = itertools.count(1)
endpoints = {}  # app -> [(endpoint id, url)]
messages = {}  # app -> [(id, time)], oldest first
deliveries = queue.Queue(maxsize=20_000)


def new_id(prefix):
    return f"{prefix}_{next(numbers):027d}"


def sender():
    connections = {}
    while True:
        number, url, payload = deliveries.get()
        parts = urllib.parse.urlsplit(url)
        if parts.port not in connections:
            connections[parts.port] = http.client.HTTPConnection(parts.hostname, parts.port)
        times = {"lose": 0, "repeat": 2}.get(FAULT, 1) if number % EVERY == 0 else 1
        for _ in range(times):
            connections[parts.port].request("POST", parts.path, payload)
            connections[parts.port].getresponse().read()


def accept(app, payload):
    identity = new_id("msg")
    messages[app].append((identity, datetime.datetime.now(datetime.timezone.utc)))
    for _, url in endpoints[app]:
        deliveries.put((next(numbers), url, payload))
    return identity


def page_of(app, prefix, query):
    """Newest first; the iterator is the last id of the page before."""
    found = [(identity.replace("msg", prefix), at) for identity, at in messages[app]][::-1]
    for name, keeps in (("before", lambda at, edge: at < edge),
                        ("after", lambda at, edge: at > edge)):
        if name in query:
            edge = datetime.datetime.fromisoformat(query[name][0].replace("Z", "+00:00"))
            found = [(identity, at) for identity, at in found if keeps(at, edge)]
    if "iterator" in query:
        found = [(identity, at) for identity, at in found if identity < query["iterator"][0]]
    limit = int(query["limit"][0]) - (1 if FAULT == "short-pages" else 0)
    data = [{"id": identity} for identity, _ in found[:limit]]
    return {"data": data, "iterator": data[-1]["id"] if data else None, "done": len(found) <= limit}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self, status, value=None):
        content = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):  # noqa: N802
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/api/v1/health/ping":
            return self.answer(204)
        if url.path == "/api/v1/health":
            return self.answer(200, {})
        app = url.path.split("/")[4]
        prefix = "atmpt" if "/attempt/" in url.path else "msg"
        return self.answer(200, page_of(app, prefix, urllib.parse.parse_qs(url.query)))

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != "Bearer a.b.c":
            return self.answer(401, {"code": "authentication_failed", "detail": ""})
        if self.path == "/api/v1/app":
            app = new_id("app")
            endpoints[app], messages[app] = [], []
            return self.answer(201, {"id": app})
        app = self.path.split("/")[4]
        if self.path.endswith("/endpoint"):
            endpoints[app].append((new_id("ep"), json.loads(body)["url"]))
            return self.answer(201, {"id": endpoints[app][-1][0]})
        return self.take_messages(app, body)

    def take_messages(self, app, body):
        if FAULT == "end" and len(messages[app]) > EVERY:
            print("the disk is gone", flush=True)
            os._exit(3)
        if FAULT == "refuse" and next(numbers) % EVERY == 0:
            return self.answer(429, {"code": "rate_limit", "detail": ""})
        payloads = re.findall(rb'"payload":(\{[^{}]*\})\}', body)
        if not self.path.endswith("/batch"):
            return self.answer(202, {"id": accept(app, payloads[0])})
        return self.answer(202, {"results": [{"index": i, "id": accept(app, payload)}
                                             for i, payload in enumerate(payloads)]})

    def log_message(self, *arguments):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512


def main():
    if sys.argv[1] == "token":
        print("a.b.c")
        return
    assert os.environ["POSTHORN_DELIVERY_ALLOW_TARGETS"] == "127.0.0.0/8"
    host, port = sys.argv[sys.argv.index("--listen") + 1].split(":")
    for _ in range(SENDERS):
        threading.Thread(target=sender, daemon=True).start()
    server = Server((host, int(port)), Handler)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
