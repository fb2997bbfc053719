"""A real gateway process for end-to-end tests: start, call, stop, kill; and a receiver that records
what arrives. Standard library only; loopback only."""
import http.client
import http.server
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

BINARY = os.environ.get("POSTHORN_BINARY", "build/asan/posthorn")
START_TIMEOUT_S = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Gateway:
    """One data directory and the process that serves it. `env` holds POSTHORN_… settings."""

    def __init__(self, env=None, args=()):
        self.folder = tempfile.TemporaryDirectory(prefix="posthorn-e2e-")
        self.data_dir = str(pathlib.Path(self.folder.name, "data"))
        self.log_path = pathlib.Path(self.folder.name, "log")
        self.port = free_port()
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("POSTHORN_")}
        self.env = {**inherited, "POSTHORN_DELIVERY_ALLOW_TARGETS": "127.0.0.0/8", **(env or {})}
        self.args = list(args)
        self.before_exec = None  # runs in the process before the gateway does
        self.process = None
        self._token = None

    def command(self, *arguments):
        """Runs one command of the binary to its end."""
        return subprocess.run([BINARY, *arguments], env=self.env, text=True,
                              capture_output=True, timeout=START_TIMEOUT_S, check=False)

    def spawn(self):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--listen", f"127.0.0.1:{self.port}", "--data-dir",
                 self.data_dir, *self.args],
                env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=self.before_exec)

    def start(self):
        self.spawn()
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                if self.request("GET", "/api/v1/health/ping", auth=False)[0] == 204:
                    return self
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the gateway did not start: {self.log()}")
            threading.Event().wait(0.02)  # between two looks at a process that is starting

    def log(self):
        return self.log_path.read_text(encoding="utf-8")[-4000:]

    def token(self):
        if self._token is None:
            self._token = self.command("token", "--data-dir", self.data_dir).stdout.strip()
        return self._token

    def connect(self, timeout_s=30):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)

    def request(self, method, path, body=None, auth=True, connection=None, headers=None):
        """(status, parsed body or None); `body` is JSON to send, or bytes as they are."""
        own = connection or self.connect()
        sent = {"content-type": "application/json", **(headers or {})}
        if auth:
            sent["authorization"] = f"Bearer {self.token()}"
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        own.request(method, path, body=data, headers=sent)
        answer = own.getresponse()
        raw = answer.read()
        if connection is None:
            own.close()
        return answer.status, json.loads(raw) if raw else None

    def post(self, path, body, **options):
        return self.request("POST", path, body, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def make_endpoint(self, url, app="app", **fields):
        """Creates the application (once) and an endpoint of it; answers the endpoint."""
        self.post("/api/v1/app?get_if_exists=true", {"name": app, "uid": app})
        status, endpoint = self.post(f"/api/v1/app/{app}/endpoint", {"url": url, **fields})
        assert status == 201, endpoint
        return endpoint

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; answers the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=START_TIMEOUT_S)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()


class Receiver:
    """Records (headers, body) of every webhook. `answer(headers, body)` gives the status."""

    def __init__(self, answer=lambda headers, body: 200, tls=None):
        self.got = []
        self.changed = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):  # noqa: N802 (the base class names it)
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status = answer(self.headers, body)
                with receiver.changed:
                    receiver.got.append((dict(self.headers), body))
                    receiver.changed.notify_all()
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass  # a gateway that is killed resets its connections

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_until(self, reached, timeout_s=30):
        with self.changed:
            return self.changed.wait_for(lambda: reached(self.got), timeout_s)

    def wait_for(self, count, timeout_s=30):
        return self.wait_until(lambda got: len(got) >= count, timeout_s)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
