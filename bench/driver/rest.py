"""A small JSON client over one keep-alive connection to a program on this machine."""
import http.client
import json
import socket
import time

from driver.processes import BenchError

TIMEOUT_SECONDS = 30
IDLE_SECONDS_MAX = 5  # beyond it the server may have closed the connection


class Rest:
    def __init__(self, port, token=""):
        self.port = port
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.connection = None
        self.used_at = 0.0

    def _connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def request(self, method, path, value=None):
        """(status, body bytes, seconds from the request to the last byte of its answer)."""
        body = None if value is None else json.dumps(value).encode()
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if time.monotonic() - self.used_at > IDLE_SECONDS_MAX:
            self.close()
        if self.connection is None:
            self.connection = self._connect()
        start = time.perf_counter()
        try:
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        self.used_at = time.monotonic()
        return response.status, content, time.perf_counter() - start

    def json(self, method, path, value=None):
        status, content, _ = self.request(method, path, value)
        if not 200 <= status <= 299:
            raise BenchError(f"{method} {path}: {status} {content[:500]!r}")
        return json.loads(content) if content else None

    def answers(self, path, status):
        """True when GET `path` has this status; False while nobody listens."""
        try:
            return self.request("GET", path)[0] == status
        except (OSError, http.client.HTTPException):
            return False

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None
