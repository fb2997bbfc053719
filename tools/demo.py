#!/usr/bin/env python3
"""`./x demo [--keep]`: one gateway, one receiver, a few events, and the proof that each arrived.

Starts build/release/posthorn on a data directory of its own, stops what it started, and ends with a
status other than 0 when anything expected did not happen. Needs no terminal."""
import argparse
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from demo_receiver import Receiver

ROOT = pathlib.Path(__file__).resolve().parent.parent
FLAKY_TYPE, FAILURES = "invoice.paid", 2
EVENTS = (
    {"type": "order.created", "order": 1041, "total": "29.90"},
    {"type": "order.shipped", "order": 1041, "carrier": "post"},
    {"type": FLAKY_TYPE, "invoice": "2026-0007", "amount": "29.90"},
    {"type": "customer.created", "name": "Zoë"},
)
START_TIMEOUT_S, DELIVERY_TIMEOUT_S, HISTORY_TIMEOUT_S = 30, 30, 5


class DemoFailed(Exception):
    pass


print_lock = threading.Lock()


def say(text=""):
    with print_lock:
        print(text, flush=True)


def expect(condition, what):
    if not condition:
        raise DemoFailed(what)


class Gateway:
    """The process under demonstration and its REST interface."""

    def __init__(self, binary, folder):
        self.binary, self.folder = str(binary), pathlib.Path(folder)
        self.log = self.folder / "gateway.log"
        self.address = f"127.0.0.1:{free_port(8071)}"
        self.url = f"http://{self.address}"
        # Settings of the caller's shell are not part of the demonstration.
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("POSTHORN_")}
        self.env.update({
            "POSTHORN_AUTH_JWT_SECRET": secrets.token_hex(32),
            "POSTHORN_STORE_DATA_DIR": str(self.folder / "data"),
            "POSTHORN_DELIVERY_RETRY_SCHEDULE": "0.5,1,2",
        })
        self.process = None
        self.token = None

    def start(self):
        command = [self.binary, "serve", "--dev", "--listen", self.address]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT,
                                            start_new_session=True)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.healthy():
            expect(self.process.poll() is None, "the gateway ended while starting")
            expect(time.monotonic() < deadline, "the gateway is not healthy")
            time.sleep(0.02)
        self.token = subprocess.run([self.binary, "token"], env=self.env, check=True, text=True,
                                    capture_output=True, stdin=subprocess.DEVNULL).stdout.strip()
        expect(self.token.count(".") == 2, "`posthorn token` printed no token")

    def healthy(self):
        try:
            with urllib.request.urlopen(self.url + "/api/v1/health", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def call(self, method, path, body=None):
        """The parsed answer of one REST call; `body` is bytes and sent as they are."""
        request = urllib.request.Request(self.url + "/api/v1" + path, body, method=method, headers={
            "authorization": "Bearer " + self.token, "content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise DemoFailed(f"{method} {path}: {error.code} {text}") from error

    def stop(self):
        """Asks it to drain and to end; ends it when it does not."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise DemoFailed("the gateway did not end on SIGTERM") from None
        expect(self.process.returncode == 0, f"the gateway ended with {self.process.returncode}")


def free_port(wanted):
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return probe.getsockname()[1]
            except OSError:
                continue
    raise DemoFailed("no free port")


def send_events(gateway, receiver):
    """Creates an application and an endpoint, posts the events; app id and {message id: payload}"""
    app = gateway.call("POST", "/app", b'{"name": "demo shop"}')["id"]
    endpoint = gateway.call("POST", f"/app/{app}/endpoint",
                            json.dumps({"url": receiver.url}).encode())["id"]
    receiver.secret = gateway.call("GET", f"/app/{app}/endpoint/{endpoint}/secret")["key"]
    say(f"application {app}, endpoint {endpoint} -> {receiver.url}")
    sent = {}
    for event in EVENTS:
        payload = json.dumps(event, ensure_ascii=False).encode()
        body = b'{"eventType": "%s", "payload": %s}' % (event["type"].encode(), payload)
        sent[gateway.call("POST", f"/app/{app}/msg", body)["id"]] = payload
    say(f"posted {len(sent)} events, each acknowledged after it was on disk")
    return app, sent


def check_webhooks(receiver, sent):
    def decided(tries):
        arrived = {t["id"] for t in tries if t["status"] == 200}
        return arrived >= set(sent) or any(t["problem"] for t in tries)

    arrived = receiver.wait_until(decided, DELIVERY_TIMEOUT_S)
    refused = [t for t in receiver.tries if t["problem"]]
    expect(not refused, "a signature was refused: " + "; ".join(t["problem"] for t in refused))
    expect(arrived, "not every event was delivered")
    for webhook in receiver.tries:
        expect(webhook["body"] == sent.get(webhook["id"]),
               f"{webhook['id']}: the body is not the payload that was posted")
    flaky = [t["number"] for t in receiver.tries if t["type"] == FLAKY_TYPE]
    expect(len(flaky) == FAILURES + 1, f"{FLAKY_TYPE} took {len(flaky)} tries")


def show_history(gateway, receiver, app):
    """The attempts of the event that failed first, as the gateway recorded them."""
    message = next(t["id"] for t in receiver.tries if t["type"] == FLAKY_TYPE)
    path = f"/app/{app}/attempt/msg/{message}"
    deadline = time.monotonic() + HISTORY_TIMEOUT_S
    while True:
        # The last attempt is recorded right after the receiver's answer, in a later commit.
        attempts = gateway.call("GET", path)["data"]
        if len(attempts) > FAILURES or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    attempts.sort(key=lambda a: (a["timestamp"], a["id"]))
    say(f"attempts at {message}, from GET /api/v1{path}")
    for number, attempt in enumerate(attempts, 1):
        say(f"  {number}  {attempt['timestamp']}  {attempt['responseStatusCode']}  "
            f"{attempt['statusText']:<8} {attempt['responseDurationMs']} ms")
    codes = [a["responseStatusCode"] for a in attempts]
    expect(codes == [503] * FAILURES + [200], f"the history reads {codes}")


def keep_running(gateway, receiver, app):
    try:
        say(f"\nkept running until Ctrl-C: {gateway.url}, receiver {receiver.url}\n"
            f"export TOKEN={gateway.token}\n"
            f"curl {gateway.url}/api/v1/app/{app}/msg -H \"authorization: Bearer $TOKEN\" \\\n"
            "  -H 'content-type: application/json' \\\n"
            "  -d '{\"eventType\": \"order.created\", \"payload\": {\"order\": 1}}'")
        gateway.process.wait()
    except KeyboardInterrupt:
        return
    raise DemoFailed("the gateway ended")


def run(gateway, receiver, keep):
    start = time.monotonic()
    gateway.start()
    say(f"gateway {gateway.url} healthy after {time.monotonic() - start:.2f} s, "
        f"data in {gateway.folder / 'data'}")
    app, sent = send_events(gateway, receiver)
    check_webhooks(receiver, sent)
    show_history(gateway, receiver, app)
    if keep:
        keep_running(gateway, receiver, app)


def interrupt(*_):
    raise KeyboardInterrupt


def main(arguments):
    parser = argparse.ArgumentParser(prog="./x demo")
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    parser.add_argument("--binary", default=ROOT / "build/release/posthorn", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    # Also where the shell had Ctrl-C ignored, as it does for what it starts in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    folder = tempfile.mkdtemp(prefix="posthorn-demo-")
    receiver = Receiver(FLAKY_TYPE, FAILURES, say)
    gateway = Gateway(options.binary, folder)
    failure = None
    try:
        run(gateway, receiver, options.keep)
    except KeyboardInterrupt:
        failure = "interrupted"
    except (DemoFailed, OSError, subprocess.SubprocessError, KeyError, ValueError) as error:
        failure = f"{type(error).__name__}: {error}"
    try:
        gateway.stop()
    except DemoFailed as error:
        failure = failure or str(error)
    receiver.stop()
    if failure:
        log = gateway.log.read_text(errors="replace") if gateway.log.exists() else ""
        say("\n".join(["the gateway's last lines:"] + log.splitlines()[-20:]))
        say(f"demo: FAILED: {failure}")
    else:
        say(f"demo: {len(EVENTS)} events delivered, every signature verified; gateway stopped")
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
