"""The demo's customer: an HTTP receiver that verifies Standard Webhooks signatures by itself, with
nothing but the standard library, and fails the first tries of one event type on purpose.

By itself: `demo_receiver.py PORT SECRET` prints each webhook that arrives on 127.0.0.1:PORT and
whether its signature is that of SECRET (whsec_...), until Ctrl-C."""
import base64
import hashlib
import hmac
import http.server
import json
import sys
import threading
import time

TIMESTAMP_TOLERANCE_S = 5 * 60


def verify(secret, headers, body, now=None):
    """None when the signature is right, else why it is not."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "").split()
    if not (message_id and timestamp and signatures):
        return "a webhook-* header is missing"
    age = abs((now or time.time()) - int(timestamp)) if timestamp.isdigit() else None
    if age is None or age > TIMESTAMP_TOLERANCE_S:
        return "the timestamp is too old or too new"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    if not any(hmac.compare_digest(wanted, given) for given in signatures):
        return "no signature matches"
    return None


class Receiver:
    """Listens on a loopback port, 0 for a free one; `tries` is what it saw, in order of arrival."""

    def __init__(self, fail_type, failures, say, port=0):
        self.secret = None  # known only after the endpoint was created
        self.tries = []
        self.changed = threading.Condition()
        self._fail_type, self._failures, self._say = fail_type, failures, say
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def wait_until(self, reached, timeout_s):
        """Waits until reached(tries) is true; False when the time is over."""
        with self.changed:
            return self.changed.wait_for(lambda: reached(self.tries), timeout_s)

    def take(self, headers, body):
        """Judges one webhook and answers the HTTP status for it."""
        message_id = headers.get("webhook-id", "?")
        try:
            event_type = json.loads(body).get("type", "-")
        except (ValueError, AttributeError):
            event_type = "-"
        problem = verify(self.secret, headers, body)
        with self.changed:
            number = 1 + sum(t["id"] == message_id for t in self.tries)
            failing = event_type == self._fail_type and number <= self._failures
            status = 400 if problem else 503 if failing else 200
            self.tries.append({"id": message_id, "type": event_type, "number": number,
                               "status": status, "problem": problem, "body": body})
            self.changed.notify_all()
        verdict = f"SIGNATURE REFUSED: {problem}" if problem else "signature verified"
        answer = "answers 503 on purpose" if status == 503 else f"answers {status}"
        self._say(f"  webhook {message_id}  {event_type:<16} try {number}  {verdict}, {answer}")
        return status

    def _handler(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # noqa: N802 (the base class names it)
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status = receiver.take(self.headers, body)
                answer = b"ok" if status == 200 else b"not now"
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments):
                pass

        return Handler


def main(arguments):
    if len(arguments) != 2 or not arguments[0].isdigit() or not arguments[1].startswith("whsec_"):
        print("usage: demo_receiver.py PORT whsec_...", file=sys.stderr)
        return 2
    try:
        receiver = Receiver(None, 0, lambda line: print(line, flush=True), int(arguments[0]))
    except OSError as error:
        print(f"port {arguments[0]}: {error.strerror}", file=sys.stderr)
        return 1
    receiver.secret = arguments[1]
    print(f"receiver {receiver.url}, any path, until Ctrl-C", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        receiver.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
