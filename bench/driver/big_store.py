"""The gateway with ten million messages and their attempts on disk: does it still accept as fast as
with an empty store, and do the list pages stay quick?"""
import dataclasses
import datetime
import json
import pathlib
import random
import shutil
import time
import urllib.parse

from driver import figures
from driver.cases import put_load
from driver.processes import BenchError
from driver.programs import Gateway, Sink

PAYLOAD_BYTES = 256
FILL_BATCH = 1000
PAGE_ITEMS = 50
DISK_BYTES_PER_MESSAGE = 1500
PAIRS = 5
ALWAYS_FULL_SECONDS = 5


@dataclasses.dataclass(frozen=True)
class Filled:
    """One application with one endpoint, and when its messages were accepted."""
    app: str
    endpoint: str
    start: float
    end: float
    sink_port: int


def iso(seconds):
    stamp = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fill(space, pins, server, sink, scale):
    apps, endpoints = server.create_apps(1, 1, sink)
    load = scale.load(seconds=scale.big_fill_seconds, count=scale.big_messages, batch=FILL_BATCH,
                      connections=4, payload_bytes=PAYLOAD_BYTES)
    result = put_load(space, pins, server, sink, (load, apps, 1))
    if result["account"]["acked"] < scale.big_messages:
        raise BenchError(f"only {result['account']['acked']} of {scale.big_messages} messages were "
                         f"accepted in {scale.big_fill_seconds} s")
    # The generator's clock is the monotonic one; lists ask for wall time.
    start = time.time() - (time.monotonic_ns() - result["first_sent_ns"]) / 1e9
    end = start + result["accept_seconds"]
    return Filled(apps[0], endpoints[0][0], start, end, sink.port), result


def open_filled(space, pins, scale, say):
    """(filled, sink, gateway, figures of the fill). A store that was filled before is used again
    when the folder to keep it in has one; the load after it adds to it."""
    keep = scale.big_keep and pathlib.Path(scale.big_keep)
    note = keep and keep / "filled.json"
    if note and note.exists():
        kept = json.loads(note.read_text(encoding="utf-8"))
        filled = Filled(**kept["filled"])
        say(f"big_store: using {keep}")
        sink = Sink(space, pins, filled.sink_port)
        return filled, sink, Gateway(space, pins, keep / "data"), kept["fill"]
    sink = Sink(space, pins)
    if keep:
        shutil.rmtree(keep, ignore_errors=True)
        keep.mkdir(parents=True)
    full = Gateway(space, pins, keep and keep / "data")
    say(f"big_store: filling with {scale.big_messages} messages")
    filled, result = fill(space, pins, full, sink, scale)
    say(f"big_store: accepted in {result['accept_seconds']:.0f} s, delivered in "
        f"{result['seconds']:.0f} s")
    if note:
        kept = {"filled": dataclasses.asdict(filled), "fill": result}
        note.write_text(json.dumps(kept), encoding="utf-8")
    return filled, sink, full, result


class Pages:
    """Asks for list pages and keeps how long each took, per kind of list."""

    def __init__(self, rest, always_full):
        """always_full: the store is so large that no page asked for can be the last of its list."""
        self.rest = rest
        self.always_full = always_full
        self.seconds = {}

    def get(self, kind, path, query):
        query = urllib.parse.urlencode({"limit": PAGE_ITEMS, **query})
        status, content, seconds = self.rest.request("GET", f"{path}?{query}")
        if status != 200:
            raise BenchError(f"GET {path}?{query}: {status} {content[:300]!r}")
        page = json.loads(content)
        if len(page["data"]) != PAGE_ITEMS and (self.always_full or not page["done"]):
            raise BenchError(f"GET {path}?{query}: {len(page['data'])} items, not {PAGE_ITEMS}")
        self.seconds.setdefault(kind, []).append(seconds)
        return page

    def walk(self, kind, path, query, pages):
        """Follows the iterator; a page that repeats an item of the one before is an error."""
        seen = set()
        for _ in range(pages):
            page = self.get(kind, path, query)
            ids = {item["id"] for item in page["data"]}
            if len(ids) != len(page["data"]) or ids & seen:
                raise BenchError(f"{path}: a page repeats items")
            seen = ids
            if page["done"]:
                return
            query = {**query, "iterator": page["iterator"]}

    def json(self):
        result = {}
        for kind, seconds in {**self.seconds, "all": sum(self.seconds.values(), [])}.items():
            result[kind] = {"count": len(seconds), "p50_ms": figures.quantile(seconds, 0.5) * 1e3,
                            "p99_ms": figures.quantile(seconds, 0.99) * 1e3,
                            "max_ms": max(seconds) * 1e3}
        return result


def list_pages(server, filled, scale):
    messages = f"/api/v1/app/{filled.app}/msg"
    attempts = f"/api/v1/app/{filled.app}/attempt/endpoint/{filled.endpoint}"
    chance = random.Random(7)
    pages = Pages(server.rest, filled.end - filled.start > ALWAYS_FULL_SECONDS)

    def moment():
        """Within the fill, and so that a page before and after it is full."""
        return iso(filled.start + (filled.end - filled.start) * chance.uniform(0.3, 0.6))

    for path, name in ((messages, "messages"), (attempts, "attempts")):
        pages.walk(f"{name}, newest first", path, {}, scale.pages)
        for _ in range(scale.pages):
            pages.walk(f"{name} before a time", path, {"before": moment()}, 2)
            pages.get(f"{name} after a time", path, {"after": moment()})
    return pages.json()


def require_disk(space, scale):
    free = shutil.disk_usage(space.work_dir).free
    needed = scale.big_messages * DISK_BYTES_PER_MESSAGE * 3  # a gateway stops at its own limits
    if free < needed:
        raise BenchError(f"big_store needs {needed >> 30} GiB of free disk; there are "
                         f"{free >> 30} GiB")


def compare_accepting(space, pins, full, empty, scale):
    """full and empty = (server, sink, apps). Alternately, PAIRS times; events accepted per s."""
    load = scale.load(payload_bytes=PAYLOAD_BYTES)
    results = {"full": [], "empty": []}
    put_load(space, pins, empty[0], empty[1],
             (dataclasses.replace(load, seconds=scale.warm_seconds), empty[2], 1))
    for number in range(PAIRS if scale.rounds > 1 else 1):
        order = ("full", "empty") if number % 2 == 0 else ("empty", "full")
        for name in order:
            server, sink, apps = full if name == "full" else empty
            results[name].append(put_load(space, pins, server, sink, (load, apps, 1)))
    return results


def run(space, pins, scale, say):
    require_disk(space, scale)
    sink = full = empty = None
    try:
        filled, sink, full, fill_result = open_filled(space, pins, scale, say)
        say("big_store: list pages")
        pages = list_pages(full, filled, scale)
        empty = Gateway(space, pins)
        empty_apps, _ = empty.create_apps(1, 1, sink)
        say("big_store: accepting, full against empty")
        accepting = compare_accepting(space, pins, (full, sink, [filled.app]),
                                      (empty, sink, empty_apps), scale)
        return {"messages": scale.big_messages, "fill": fill_result, "pages": pages,
                "accepting": accepting}
    finally:
        for server in (full, empty):
            if server is not None:
                server.stop()
        if sink is not None:
            sink.process.stop()
