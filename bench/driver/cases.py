"""One measured case: a fresh server, a warm-up, then a load from its first request until its last
event is delivered. Everything is divided by all deliveries of that load, so that neither a backlog
left behind nor one brought along can flatter."""
import dataclasses
import time

from driver import figures
from driver.processes import BenchError
from driver.programs import Floor, Gateway, Sink, run_generator

DRAIN_SECONDS = 300
# The last attempt records are written, and repeated deliveries arrive, shortly after the last first
# delivery. Idle time costs the server no CPU, so a generous pause does not change the figures.
SETTLE_SECONDS = 0.15


@dataclasses.dataclass(frozen=True)
class Load:
    seconds: float
    connections: int = 64
    payload_bytes: int = 1024
    batch: int = 1
    rate: float = 0.0  # events per second by schedule; 0: closed loop
    count: int = 0  # stop at so many acknowledged events; 0: only by time
    stall_seconds: float = 15  # without a single new delivery: the rest counts as lost
    run: str = ""


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    server: str  # "floor" or "gateway"
    load: Load
    apps: int = 1
    endpoints: int = 1  # per app


def wait_for_deliveries(sink, server, expected, stall_seconds):
    """Until so many unique deliveries arrived, or none has for `stall_seconds`: then some are
    lost, and the account will say so."""
    deadline = time.monotonic() + DRAIN_SECONDS
    last, since = -1, time.monotonic()
    while True:
        server.process.require_running()
        unique = sink.stats()["unique"]
        now = time.monotonic()
        if unique >= expected:
            break
        if unique != last:
            last, since = unique, now
        if now - since > stall_seconds or now > deadline:
            break
        time.sleep(0.02)
    time.sleep(SETTLE_SECONDS)


def put_load(space, pins, server, sink, target):
    """target = (load, apps, endpoints per app). Returns the figures of this load as a dict."""
    load, apps, endpoints = target
    load = dataclasses.replace(load, run=space.next_run())
    sink.reset(load.run, endpoints)
    before = [p.cpu_time() for p in (server.process, sink.process)]
    result, acked = run_generator(space, pins, server, load, apps)
    wait_for_deliveries(sink, server, result["acked"] * endpoints, load.stall_seconds)
    after = [p.cpu_time() for p in (server.process, sink.process)]
    stats = sink.stats()
    bitmaps = [sink.bitmap(k) for k in range(endpoints)]
    account = figures.account(acked, bitmaps)
    deliveries = stats["unique"]
    if deliveries == 0:
        raise BenchError(f"{server.name}: nothing was delivered\n{server.process.last_output()}")
    cpu = [b - a for a, b in zip(before, after)]
    seconds = (stats["last_ns"] - result["first_sent_ns"]) / 1e9
    accept_seconds = (result["last_answer_ns"] - result["first_sent_ns"]) / 1e9
    return {
        "deliveries": deliveries,
        "seconds": seconds,
        "events_per_s": account.acked / seconds,
        "deliveries_per_s": deliveries / seconds,
        "accept_seconds": accept_seconds,
        "first_sent_ns": result["first_sent_ns"],
        "accepts_per_s": account.acked / accept_seconds,
        "cpu_us": cpu[0].total_s * 1e6 / deliveries,
        "user_us": cpu[0].user_s * 1e6 / deliveries,
        "system_us": cpu[0].system_s * 1e6 / deliveries,
        "sink_cpu_us": cpu[1].total_s * 1e6 / deliveries,
        "rss_mib": server.process.memory_kib("VmRSS") / 1024,
        "peak_rss_mib": server.process.memory_kib("VmHWM") / 1024,
        "accept": result["accept"],
        "end_to_end": stats["latency"],
        "send_lag": result["send_lag"],
        "account": {**dataclasses.asdict(account), "duplicates": stats["duplicates"],
                    "foreign": stats["foreign"], "unreadable": stats["unreadable"],
                    "refused": result["refused"], "unanswered": result["unanswered"],
                    "unsent": result["unsent"], "malformed": result["malformed"],
                    "reconnects": result["reconnects"]},
        "statuses": result["statuses"],
    }


def start_server(space, pins, kind, sink):
    return Floor(space, pins, sink) if kind == "floor" else Gateway(space, pins)


def measure(space, pins, case, warm_seconds):
    """Runs `case` on a fresh server and returns its figures."""
    sink = Sink(space, pins)
    try:
        server = start_server(space, pins, case.server, sink)
        try:
            apps, _ = server.create_apps(case.apps, case.endpoints, sink)
            warm = dataclasses.replace(case.load, seconds=warm_seconds)
            if warm.count:
                warm = dataclasses.replace(warm, count=max(1, warm.count // 5), seconds=30)
            put_load(space, pins, server, sink, (warm, apps, case.endpoints))
            measured = put_load(space, pins, server, sink, (case.load, apps, case.endpoints))
        finally:
            server.stop()
    finally:
        sink.process.stop()
    return {"case": case.name, "server": case.server, "pins": pins.name, **measured}
