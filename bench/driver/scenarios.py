"""Which cases a round runs, and in which order. Floor and gateway alternate inside every round, and
who goes first changes from round to round."""
import dataclasses

from driver.cases import Case, Load, measure

SINGLE = "single"
HALF_RATE = "half_rate"
BATCH = "batch"
FANOUT = "fanout"
BIG_STORE = "big_store"
ALL = (SINGLE, HALF_RATE, BATCH, FANOUT, BIG_STORE)

BATCH_EVENTS = 100
# A batch is a hundred times a single post: few connections hold as many events in flight.
BATCH_CONNECTIONS = 4
# Connections for a stall of the server to queue up on; the schedule uses a few of them.
SCHEDULE_CONNECTIONS = 128
COUNTED_SECONDS_MAX = 60  # a case that ends by count, and hangs


@dataclasses.dataclass(frozen=True)
class Scale:
    """How long everything is: the full measurement, or a smoke run."""
    seconds: float
    warm_seconds: float
    rounds: int
    fanout_apps: int
    big_messages: int
    big_fill_seconds: float
    pages: int
    stall_seconds: float = 15
    big_keep: str = ""  # folder in which big_store keeps what it filled, for the next call

    def load(self, **changes):
        return Load(**{"seconds": self.seconds, "stall_seconds": self.stall_seconds, **changes})


FULL = Scale(seconds=5, warm_seconds=1, rounds=5, fanout_apps=100, big_messages=10_000_000,
             big_fill_seconds=1800, pages=100)
QUICK = Scale(seconds=0.7, warm_seconds=0.2, rounds=1, fanout_apps=4, big_messages=3_000,
              big_fill_seconds=30, pages=5)
FANOUT_ENDPOINTS = 10


def single(server, scale):
    return Case(SINGLE, server, scale.load())


def half_rate(server, scale, rate):
    return Case(HALF_RATE, server, scale.load(rate=round(rate / 2, 1),
                                              connections=SCHEDULE_CONNECTIONS))


def batch(scale, single_rate):
    count = max(BATCH_EVENTS, int(single_rate * scale.seconds))
    return Case(BATCH, "gateway", scale.load(seconds=COUNTED_SECONDS_MAX, count=count,
                                            batch=BATCH_EVENTS, connections=BATCH_CONNECTIONS))


def fanout(scale, single_rate):
    """As many deliveries as the single posts made, so that it takes about as long."""
    count = max(scale.fanout_apps, int(single_rate * scale.seconds / FANOUT_ENDPOINTS))
    return Case(FANOUT, "gateway", scale.load(seconds=COUNTED_SECONDS_MAX, count=count),
                apps=scale.fanout_apps, endpoints=FANOUT_ENDPOINTS)


def run_round(space, pins, wanted, scale, number, with_gateway=True):
    """One round; yields the figures of each case as they come."""
    def run(case):
        return measure(space, pins, case, scale.warm_seconds)

    if not with_gateway:
        yield run(single("floor", scale))
        return
    order = ("floor", "gateway") if number % 2 == 0 else ("gateway", "floor")
    rate = 0.0
    for server in order:
        result = run(single(server, scale))
        if server == "gateway":
            rate = result["events_per_s"]
        yield result
    if HALF_RATE in wanted:
        for server in order:
            yield run(half_rate(server, scale, rate))
    if BATCH in wanted:
        yield run(batch(scale, rate))
    if FANOUT in wanted:
        yield run(fanout(scale, rate))
