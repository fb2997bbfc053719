#!/usr/bin/env python3
"""The real binary against hostile callers, hostile receivers and unlucky operators."""
import http.client
import resource
import socket
import threading
import time
import unittest

from gateway import Gateway, Receiver, free_port

MIB = 1 << 20
TIMEOUT_MS = 1000


class HostileReceiver:
    """Answers each request by `script(connection)`; what it does then is its own affair."""

    def __init__(self, script, reads=True):
        self.connections = 0
        self._script, self._reads = script, reads
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                if self._reads:
                    connection.recv(65536)
                self._script(connection)
            except OSError:
                pass  # the gateway had enough

    def close(self):
        self._listener.close()


def says(answer):
    return lambda connection: connection.sendall(answer)


def says_again(start, more, pause_s=0.0):
    """`start`, then `more` for ever."""
    def script(connection):
        connection.sendall(start)
        while True:
            connection.sendall(more)
            threading.Event().wait(pause_s)  # the drip itself
    return script


def falls_silent(connection):
    while connection.recv(65536):
        pass


# script, what is recorded as the status code (0: no answer that counts)
HOSTILE = {
    "silent": (falls_silent, 0),
    "drips its head": (says_again(b"HTTP/1.1 200 OK\r\nX: ", b"a", 0.1), 0),
    "drips its body": (
        says_again(b"HTTP/1.1 500 X\r\nContent-Length: 999\r\n\r\n", b"a", 0.1), 500),
    "endless head": (says_again(b"HTTP/1.1 500 X\r\n", b"A: b\r\n" * 1000), 0),
    "endless body": (says_again(b"HTTP/1.1 500 X\r\n\r\n", b"a" * 65536), 500),
    "endless interim": (says_again(b"", b"HTTP/1.1 103 Early\r\n\r\n"), 0),
    "ten thousand headers": (says(b"HTTP/1.1 500 X\r\n" + b"A: b\r\n" * 10_000 + b"\r\n"), 0),
    "not HTTP": (says(b"\x00\xff" * 5000), 0),
    "HTTP/2": (says(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0),
    "two lengths": (says(b"HTTP/1.1 200 X\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 0),
    "204 with a body": (says(b"HTTP/1.1 204 X\r\nContent-Length: 2\r\n\r\nab"), 0),
    "huge chunk": (says(b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n" + b"F" * 40), 500),
    "closes at once": (lambda connection: None, 0),
    "binary": (says(b"HTTP/1.1 500 X\r\n\r\n" + bytes(range(256)) + b"\xed\xa0\x80"), 500),
}

# Every way of writing this machine that some URL reader accepts.
LOOPBACK_HOSTS = [
    "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "017700000001",
    "127.0.0.1.", "0", "0.0.0.0", "127.255.255.254", "localhost", "LOCALHOST", "localhost.",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[::1%25lo]", "[fe80::1%lo]",
    "127.0.0.1%00.x", "user:pw@127.0.0.1", "\uff11\uff12\uff17.0.0.1", "127.0.0.1\\@x",
    "127.0.0.1#@x",
]


class Attack(unittest.TestCase):
    def gateway(self, env=None, files_max=None):
        made = Gateway(env)
        self.addCleanup(made.close)
        if files_max is None:
            return made.start()
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        made.before_exec = lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (files_max, min(files_max, before[1])))
        return made.start()

    def closing(self, made):
        self.addCleanup(made.close)
        return made

    def attempts(self, gateway, message, count):
        """All attempts of a message, once there are that many."""
        path = f"/api/v1/app/app/attempt/msg/{message['id']}?limit=250"
        deadline = time.monotonic() + 30
        while True:
            status, page = gateway.get(path)
            self.assertEqual(status, 200)
            if len(page["data"]) >= count or time.monotonic() > deadline:
                return page["data"]
            threading.Event().wait(0.05)  # between two looks

    def wait_until_reachable(self, gateway):
        deadline = time.monotonic() + 10
        while True:
            try:
                return gateway.get("/api/v1/health/ping", auth=False)
            except (OSError, http.client.HTTPException):
                self.assertLess(time.monotonic(), deadline, "does not answer any more")
                threading.Event().wait(0.02)  # it has yet to see that the others have gone

    def test_uploads_without_a_token_take_nothing_from_callers_with_one(self):
        gateway, receiver = self.gateway(), self.closing(Receiver())
        gateway.make_endpoint(receiver.url)
        head = (f"POST /api/v1/app/app/msg/batch HTTP/1.1\r\nHost: x\r\n"
                f"Content-Length: {16 * MIB - 1}\r\n\r\n").encode()
        chunked = (b"POST /api/v1/app/app/msg/batch HTTP/1.1\r\nHost: x\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\nf00000\r\n")
        for n in range(16):
            stranger = self.closing(socket.create_connection(("127.0.0.1", gateway.port)))
            stranger.sendall((head if n % 2 else chunked) + b"x" * (8 * MIB))
            answer = stranger.recv(4096)
            self.assertTrue(answer.startswith(b"HTTP/1.1 401 "), answer[:100])
        for _ in range(4):
            status, _ = gateway.post("/api/v1/app/app/msg",
                                     {"eventType": "a", "payload": {"x": "y" * 20_000}})
            self.assertEqual(status, 202)
        self.assertTrue(receiver.wait_for(4))

    def test_a_body_too_large_is_answered_to_clients_that_send_all_of_it_first(self):
        gateway = self.gateway()
        for size in (16 * MIB + 1, 24 * MIB):
            connection = self.closing(gateway.connect())
            status, body = gateway.request("POST", "/api/v1/app/app/msg/batch", b" " * size,
                                           connection=connection)
            self.assertEqual((status, body["code"]), (413, "payload_too_large"))

    def test_a_hundred_posts_with_one_key_are_one_message(self):
        gateway, receiver = self.gateway(), self.closing(Receiver())
        gateway.make_endpoint(receiver.url)
        gateway.token()
        answers, together = [], threading.Barrier(100)

        def post(number):
            together.wait()
            answers.append(gateway.post("/api/v1/app/app/msg",
                                        {"eventType": "a", "payload": {"n": number}},
                                        headers={"idempotency-key": "one"}))

        posters = [threading.Thread(target=post, args=(n,)) for n in range(100)]
        for poster in posters:
            poster.start()
        for poster in posters:
            poster.join()
        self.assertEqual({status for status, _ in answers}, {202})
        self.assertEqual(len({body["id"] for _, body in answers}), 1)
        gateway.post("/api/v1/app/app/msg", {"eventType": "a", "payload": {"n": "last"}})
        self.assertTrue(receiver.wait_until(lambda got: b"last" in b"".join(b for _, b in got)))
        self.assertEqual(len(receiver.got), 2)

    def test_hostile_receivers_end_in_time_and_slow_nobody(self):
        gateway, healthy = self.gateway({
            "POSTHORN_DELIVERY_RETRY_SCHEDULE": "",
            "POSTHORN_DELIVERY_REQUEST_TIMEOUT_MS": str(TIMEOUT_MS)}), self.closing(Receiver())
        names = {gateway.make_endpoint(healthy.url)["id"]: "healthy"}
        elsewhere = self.closing(HostileReceiver(says(b"HTTP/1.1 200 X\r\n\r\n")))
        moved = f"HTTP/1.1 307 X\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()
        hostile = {**HOSTILE, "redirects": (says(moved), 307)}
        for name, (script, _) in hostile.items():
            names[gateway.make_endpoint(self.closing(HostileReceiver(script)).url)["id"]] = name
        started = time.monotonic()
        messages = []
        for n in range(3):
            messages.append(gateway.post("/api/v1/app/app/msg",
                                         {"eventType": "a", "payload": {"n": n}})[1])
            self.assertTrue(healthy.wait_for(n + 1))
        self.assertLess(time.monotonic() - started, TIMEOUT_MS / 1000, "waited for a hostile one")
        for message in messages:
            attempts = self.attempts(gateway, message, len(names))
            got = {names[a["endpointId"]]: a["responseStatusCode"] for a in attempts}
            self.assertEqual(got, {"healthy": 200, **{n: code for n, (_, code) in hostile.items()}})
            for attempt in attempts:
                self.assertLess(attempt["responseDurationMs"], 2 * TIMEOUT_MS)
        self.assertEqual(elsewhere.connections, 0, "a redirect was followed")

    def test_no_way_of_writing_this_machine_gets_past_the_guard(self):
        sink = self.closing(HostileReceiver(falls_silent))
        port = sink.url.rsplit(":", 1)[1].strip("/")
        gateway = self.gateway({"POSTHORN_DELIVERY_ALLOW_TARGETS": "",
                                "POSTHORN_DELIVERY_RETRY_SCHEDULE": ""})
        gateway.post("/api/v1/app", {"name": "app", "uid": "app"})
        made = 0
        for host in LOOPBACK_HOSTS:
            for scheme in ("http", "https"):
                status, _ = gateway.post("/api/v1/app/app/endpoint",
                                         {"url": f"{scheme}://{host}:{port}/"})
                self.assertIn(status, (201, 422), host)
                made += status == 201
        _, message = gateway.post("/api/v1/app/app/msg", {"eventType": "a", "payload": {}})
        attempts = self.attempts(gateway, message, made)
        self.assertEqual(len(attempts), made)
        for attempt in attempts:
            self.assertRegex(attempt["response"], "^(blocked|the name was not resolved): ")
        self.assertEqual(sink.connections, 0)

    def test_with_few_descriptors_silent_receivers_and_idle_callers_leave_room(self):
        timeout_s = 2
        answers = iter([500])
        healthy = self.closing(Receiver(lambda headers, body: next(answers, 200)))
        silent = self.closing(HostileReceiver(falls_silent))
        gateway = self.gateway({
            "POSTHORN_DELIVERY_RETRY_SCHEDULE": ",".join(["0.5"] * 20),
            "POSTHORN_DELIVERY_REQUEST_TIMEOUT_MS": str(timeout_s * 1000)}, files_max=64)
        gateway.make_endpoint(healthy.url, app="good")
        for n in range(48):
            gateway.make_endpoint(silent.url + str(n))
        _, message = gateway.post("/api/v1/app/app/msg", {"eventType": "a", "payload": {}})
        attempts = self.attempts(gateway, message, 48)
        self.assertEqual({a["response"] for a in attempts}, {"timed out waiting for the answer"})
        # Every silent one has failed; together they hold no more than their part.
        for n in range(5):
            started = time.monotonic()
            gateway.post("/api/v1/app/good/msg", {"eventType": "a", "payload": {"n": n}})
            if n == 0:  # answered with 500: its retry comes while idle callers sit on every socket
                self.assertTrue(healthy.wait_for(1))
                idle = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(80)]
                self.assertTrue(healthy.wait_for(2, timeout_s))
                for connection in idle:
                    connection.close()
                self.wait_until_reachable(gateway)
            self.assertTrue(healthy.wait_for(n + 2))
            self.assertLess(time.monotonic() - started, timeout_s)

    def test_a_port_that_somebody_listens_on_is_refused(self):
        gateway, other = self.gateway(), Gateway()
        self.addCleanup(other.close)
        other.port = gateway.port
        other.spawn()
        self.assertEqual(other.process.wait(timeout=60), 75)
        self.assertIn("--listen", other.log())

    def test_an_option_without_a_value_is_an_error(self):
        gateway = self.gateway()
        data = ("--data-dir", gateway.data_dir)
        for arguments in (("serve", "--data-dir", ""), ("serve", "--listen", "", *data),
                          ("serve", "--config", "", *data), ("token", "--app", "", *data),
                          ("token", "--org", "", *data), ("key", "rotate", "--data-dir", "")):
            done = gateway.command(*arguments)
            self.assertEqual((done.returncode, done.stdout), (64, ""), arguments)
            self.assertIn("is empty", done.stderr)

    def test_a_start_that_cannot_be_says_why(self):
        gateway = Gateway()
        self.addCleanup(gateway.close)
        listen = ("serve", "--listen", f"127.0.0.1:{free_port()}", "--data-dir")
        for told, arguments, env in (
                (__file__ + " is not a folder", (*listen, __file__), {}),
                ("No such file", (*listen, gateway.data_dir),
                 {"POSTHORN_DELIVERY_CA_FILE": "/nowhere/ca.pem"})):
            gateway.env.update(env)
            done = gateway.command(*arguments)
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertIn(told, done.stderr)


if __name__ == "__main__":
    unittest.main()
