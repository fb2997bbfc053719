#!/usr/bin/env python3
"""The real binary from start to stop: accept, deliver, record, restart, refuse."""
import base64
import hashlib
import hmac
import pathlib
import socket
import subprocess
import tempfile
import threading
import unittest

from gateway import Gateway, Receiver


def verified(secret, headers, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    lower = {name.lower(): value for name, value in headers.items()}
    signed = f"{lower['webhook-id']}.{lower['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return wanted in lower["webhook-signature"].split()


class Journey(unittest.TestCase):
    def gateway(self, env=None, args=()):
        made = Gateway(env, args)
        self.addCleanup(made.close)
        return made

    def receiver(self, *arguments, **options):
        made = Receiver(*arguments, **options)
        self.addCleanup(made.close)
        return made

    def test_an_event_is_delivered_signed_and_recorded(self):
        gateway, receiver = self.gateway().start(), self.receiver()
        endpoint = gateway.make_endpoint(receiver.url)
        _, secret = gateway.get(f"/api/v1/app/app/endpoint/{endpoint['id']}/secret")
        payload = b'{ "exact" : [1.0, "\xc3\xa9"] }'
        status, message = gateway.post(
            "/api/v1/app/app/msg", b'{"eventType":"user.created","payload":' + payload + b"}")
        self.assertEqual(status, 202)
        self.assertTrue(receiver.wait_for(1))
        headers, body = receiver.got[0]
        self.assertEqual(body, payload)
        self.assertTrue(verified(secret["key"], headers, body))
        self.assertEqual(gateway.stop(), 0)
        gateway.start()
        status, attempts = gateway.get(f"/api/v1/app/app/attempt/msg/{message['id']}")
        self.assertEqual(status, 200)
        self.assertEqual([a["responseStatusCode"] for a in attempts["data"]], [200])
        self.assertEqual(len(receiver.got), 1, "delivered again after an orderly restart")

    def test_failures_are_tried_again_and_listed(self):
        answers = iter([500, 503])
        receiver = self.receiver(lambda headers, body: next(answers, 200))
        gateway = self.gateway({"POSTHORN_DELIVERY_RETRY_SCHEDULE": "0.2,0.4,1"}).start()
        gateway.make_endpoint(receiver.url)
        _, message = gateway.post("/api/v1/app/app/msg", {"eventType": "a", "payload": {}})
        self.assertTrue(receiver.wait_for(3))
        self.assertEqual(gateway.stop(), 0)
        gateway.start()
        _, attempts = gateway.get(f"/api/v1/app/app/attempt/msg/{message['id']}")
        self.assertEqual([a["responseStatusCode"] for a in attempts["data"]], [200, 503, 500])

    def test_a_retry_waits_through_a_restart(self):
        answers = iter([500])
        receiver = self.receiver(lambda headers, body: next(answers, 200))
        gateway = self.gateway({"POSTHORN_DELIVERY_RETRY_SCHEDULE": "2,2"}).start()
        gateway.make_endpoint(receiver.url)
        gateway.post("/api/v1/app/app/msg", {"eventType": "a", "payload": {"n": 1}})
        self.assertTrue(receiver.wait_for(1))
        self.assertEqual(gateway.stop(), 0)
        gateway.start()
        self.assertTrue(receiver.wait_for(2))
        self.assertEqual(receiver.got[0][1], receiver.got[1][1])

    def test_https_receivers_are_verified(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        key, cert = (str(pathlib.Path(folder.name, name)) for name in ("key.pem", "cert.pem"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=receiver",
             "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        receiver = self.receiver(tls=(cert, key))
        trusting = self.gateway({"POSTHORN_DELIVERY_CA_FILE": cert}).start()
        trusting.make_endpoint(receiver.url)
        trusting.post("/api/v1/app/app/msg", {"eventType": "a", "payload": {}})
        self.assertTrue(receiver.wait_for(1))
        wary = self.gateway({"POSTHORN_DELIVERY_RETRY_SCHEDULE": ""}).start()
        wary.make_endpoint(receiver.url)
        _, message = wary.post("/api/v1/app/app/msg", {"eventType": "a", "payload": {}})
        attempt = self.wait_for_attempt(wary, message["id"])
        self.assertEqual(attempt["status"], 2)
        self.assertRegex(attempt["response"], "(?i)trust|self.signed|certificate")
        self.assertEqual(len(receiver.got), 1)

    def wait_for_attempt(self, gateway, message_id):
        waiting = threading.Event()
        for _ in range(500):
            _, attempts = gateway.get(f"/api/v1/app/app/attempt/msg/{message_id}")
            if attempts["data"]:
                return attempts["data"][0]
            waiting.wait(0.02)
        self.fail("no attempt was recorded")

    def test_loopback_targets_are_blocked_unless_allowed(self):
        receiver = self.receiver()
        gateway = self.gateway({"POSTHORN_DELIVERY_ALLOW_TARGETS": "",
                                "POSTHORN_DELIVERY_RETRY_SCHEDULE": ""}).start()
        gateway.make_endpoint(receiver.url)
        _, message = gateway.post("/api/v1/app/app/msg", {"eventType": "a", "payload": {}})
        attempt = self.wait_for_attempt(gateway, message["id"])
        self.assertIn("127.0.0.1 is a loopback address", attempt["response"])
        self.assertEqual(receiver.got, [])

    def test_a_second_process_on_the_directory_is_refused(self):
        gateway = self.gateway().start()
        second = gateway.command("serve", "--listen", "127.0.0.1:0", "--data-dir",
                                 gateway.data_dir)
        self.assertEqual(second.returncode, 75, second.stderr)
        self.assertIn("in use", second.stderr)

    def test_dev_refuses_to_listen_beyond_loopback(self):
        refused = self.gateway().command("serve", "--dev", "--listen", "0.0.0.0:0")
        self.assertEqual(refused.returncode, 78)
        self.assertIn("--dev", refused.stderr)

    def test_tokens_are_checked(self):
        gateway = self.gateway().start()
        self.assertEqual(gateway.get("/api/v1/app", auth=False)[0], 401)
        forged = {"authorization": "Bearer " + gateway.token()[:-2] + "xx"}
        self.assertEqual(gateway.get("/api/v1/app", auth=False, headers=forged)[0], 401)
        _, mine = gateway.post("/api/v1/app", {"name": "mine"})
        _, other = gateway.post("/api/v1/app", {"name": "other"})
        scoped = gateway.command("token", "--app", mine["id"], "--data-dir", gateway.data_dir)
        self.assertEqual(len(scoped.stdout.splitlines()), 1)
        headers = {"authorization": "Bearer " + scoped.stdout.strip()}
        path = "/api/v1/app/{}/endpoint"
        self.assertEqual(gateway.get(path.format(mine["id"]), auth=False, headers=headers)[0], 200)
        self.assertEqual(gateway.get(path.format(other["id"]), auth=False, headers=headers)[0], 404)

    def test_an_idempotency_key_gives_the_first_result_also_after_a_crash(self):
        gateway, receiver = self.gateway().start(), self.receiver()
        gateway.make_endpoint(receiver.url)
        key = {"idempotency-key": "k1"}
        body = {"eventType": "a", "payload": {"n": 1}}
        _, first = gateway.post("/api/v1/app/app/msg", body, headers=key)
        gateway.kill()
        gateway.start()
        status, again = gateway.post("/api/v1/app/app/msg", body, headers=key)
        self.assertEqual((status, again["id"]), (202, first["id"]))

    def test_sigterm_answers_what_was_accepted(self):
        gateway, receiver = self.gateway().start(), self.receiver()
        gateway.make_endpoint(receiver.url)
        connection = gateway.connect()
        for n in range(20):
            gateway.post("/api/v1/app/app/msg", {"eventType": "a", "payload": {"n": n}},
                         connection=connection)
        self.assertEqual(gateway.stop(), 0)
        gateway.start()
        self.assertTrue(receiver.wait_for(20))
        self.assertEqual(len({body for _, body in receiver.got}), 20)
        self.assertEqual(len(receiver.got), 20, "an orderly stop made duplicates")

    def test_unknown_settings_are_named(self):
        # The last two are what Kubernetes sets for a service named posthorn.
        gateway = self.gateway({"POSTHORN_SERVER_LISTN": "x",
                                "POSTHORN_PORT": "tcp://10.0.0.1:8071",
                                "POSTHORN_SERVICE_HOST": "10.0.0.1"}).start()
        self.assertIn("POSTHORN_SERVER_LISTN names no key and is ignored; "
                      "the nearest is POSTHORN_SERVER_LISTEN", gateway.log())
        self.assertIn("POSTHORN_SERVICE_HOST names no key", gateway.log())
        config = pathlib.Path(gateway.folder.name, "config.toml")
        config.write_text("[server]\nlistn = 'x'\n", encoding="utf-8")
        refused = gateway.command("serve", "--config", str(config))
        self.assertEqual(refused.returncode, 78)
        self.assertIn("server.listn", refused.stderr)

    def test_wrong_arguments_are_named_with_what_there_is(self):
        gateway = self.gateway()
        command, loop = gateway.command, gateway.folder.name
        pathlib.Path(loop, "jwt_secret").symlink_to("jwt_secret")
        for arguments, status, words in (
                (["servee"], 64, ["no command 'servee'", "serve, token", "`posthorn --help`"]),
                ([], 64, ["a command is missing", "serve, token"]),
                (["key", "turn"], 64, ["no command 'turn'", "rotate", "`posthorn key --help`"]),
                (["token", "--apps", "x"], 64, ["here: --apps x\n", "`posthorn token --help`"]),
                (["serve", "--config", "/nowhere.toml"], 78, ["--config", "/nowhere.toml"]),
                (["token", "--data-dir", "/nowhere"], 1, ["/nowhere", "--data-dir"]),
                (["token", "--data-dir", loop], 1, ["reading the token secret: "]),
                (["serve", "--listen", "192.0.2.1:1", "--data-dir", gateway.data_dir], 78,
                 ["posthorn: listen on 192.0.2.1:1: ", "; choose another"])):
            refused = command(*arguments)
            self.assertEqual(refused.returncode, status, refused.stderr)
            self.assertRegex(refused.stderr, "(?m)^posthorn: ")
            for word in words:
                self.assertIn(word, refused.stderr)
        for arguments in (["--help"], ["serve", "--help"], ["--version"], ["version"]):
            self.assertEqual(command(*arguments).returncode, 0)

    def test_dev_prints_commands_that_work(self):
        receiver = self.receiver()
        gateway = self.gateway(args=["--dev"]).start()
        lines = gateway.log().split("export TOKEN=")[1].replace("127.0.0.1:9000", receiver.url[7:])
        run = subprocess.run(["bash", "-e"], input="export TOKEN=" + lines, text=True,
                             capture_output=True, timeout=60, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertTrue(receiver.wait_for(1), run.stdout)
        self.assertEqual(receiver.got[0][1], b'{"hello":"world"}')

    def test_half_a_request_is_not_accepted(self):
        gateway, receiver = self.gateway().start(), self.receiver()
        gateway.make_endpoint(receiver.url)
        body = b'{"eventType":"a","payload":{}}'
        with socket.create_connection(("127.0.0.1", gateway.port)) as raw:
            raw.sendall(b"POST /api/v1/app/app/msg HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
                        + gateway.token().encode() + b"\r\nContent-Length: "
                        + str(len(body) + 1).encode() + b"\r\n\r\n" + body)
        self.assertEqual(gateway.get("/api/v1/app/app/msg")[1]["data"], [])

    def test_key_rotation_keeps_the_secrets(self):
        gateway, receiver = self.gateway().start(), self.receiver()
        endpoint = gateway.make_endpoint(receiver.url)
        path = f"/api/v1/app/app/endpoint/{endpoint['id']}/secret"
        _, before = gateway.get(path)
        busy = gateway.command("key", "rotate", "--data-dir", gateway.data_dir)
        self.assertNotEqual(busy.returncode, 0)
        self.assertEqual(gateway.stop(), 0)
        rotated = gateway.command("key", "rotate", "--remove-old", "--data-dir", gateway.data_dir)
        self.assertEqual(rotated.returncode, 0, rotated.stderr)
        gateway.start()
        self.assertEqual(gateway.get(path)[1], before)


if __name__ == "__main__":
    unittest.main()
