#!/usr/bin/env python3
"""kill -9 under load, again and again: nothing acknowledged is lost, duplicates stay within what
was in flight. POSTHORN_KILL_ROUNDS sets the rounds (10; the long run takes 100)."""
import http.client
import json
import os
import random
import threading
import unittest

from gateway import Gateway, Receiver

ROUNDS = int(os.environ.get("POSTHORN_KILL_ROUNDS", "10"))
SEED = int(os.environ.get("POSTHORN_KILL_SEED", "1"))
POSTERS = 4
WINDOW_MAX = 64      # of the lane: attempts that may have been sent and not recorded
UNFLUSHED_MAX = 512  # completions that wait for a commit (docs: duplicates per crash)


class Poster(threading.Thread):
    """Posts numbered events until told to stop; remembers which were acknowledged."""

    def __init__(self, gateway, number):
        super().__init__(daemon=True)
        self.gateway, self.number = gateway, number
        self.acknowledged = set()
        self.stopping = threading.Event()

    def run(self):
        count, connection = 0, None
        while not self.stopping.is_set():
            event = f"{self.number}-{count}"
            count += 1
            try:
                connection = connection or self.gateway.connect(timeout_s=5)
                status, _ = self.gateway.post(
                    "/api/v1/app/app/msg", {"eventType": "a", "payload": {"event": event}},
                    connection=connection)
                if status == 202:
                    self.acknowledged.add(event)
            except (OSError, ValueError, http.client.HTTPException):
                connection = None  # the process is down: whether the event counts is unknown
                self.stopping.wait(0.01)


class Kill(unittest.TestCase):
    def test_nothing_acknowledged_is_lost(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        gateway = Gateway({"POSTHORN_DELIVERY_RETRY_SCHEDULE": "0.2,0.5,1,2,5"}).start()
        self.addCleanup(gateway.close)
        gateway.make_endpoint(receiver.url)
        gateway.token()
        posters = [Poster(gateway, n) for n in range(POSTERS)]
        for poster in posters:
            poster.start()
        rng = random.Random(SEED)
        moment = threading.Event()  # never set
        for _ in range(ROUNDS):
            moment.wait(rng.uniform(0.05, 1.0))  # when the kill comes is what is being varied
            gateway.kill()
            gateway.start()
        for poster in posters:
            poster.stopping.set()
            poster.join()
        acknowledged = set().union(*(poster.acknowledged for poster in posters))
        self.assertGreater(len(acknowledged), ROUNDS)

        def events(got):
            return [json.loads(body)["event"] for _, body in got]

        complete = receiver.wait_until(lambda got: acknowledged <= set(events(got)), 60)
        delivered = events(receiver.got)
        lost = acknowledged - set(delivered)
        self.assertTrue(complete, f"{len(lost)} acknowledged events lost, e.g. {sorted(lost)[:5]}")
        duplicates = len(delivered) - len(set(delivered))
        self.assertLessEqual(duplicates, ROUNDS * (WINDOW_MAX + UNFLUSHED_MAX))
        ids = {}
        for headers, body in receiver.got:
            ids.setdefault(body, set()).add(headers["webhook-id"])
        self.assertTrue(all(len(seen) == 1 for seen in ids.values()), "copies differ in their id")
        print(f"{ROUNDS} kills: {len(acknowledged)} acknowledged, 0 lost, {duplicates} duplicates")


if __name__ == "__main__":
    unittest.main()
