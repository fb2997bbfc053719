"""The store at its sizes: each function makes a large store with store_bench, opens it with the
gateway or with store_bench, yields verdicts and removes the store."""
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import time

from driver import figures
from driver.processes import UNPINNED, BenchError
from driver.programs import Gateway, Sink
from driver.verdicts import AT_MOST, Verdict

PAYLOAD_BYTES = 256
RUN = "f1900001"
FILL_SECONDS_MAX = 900
DELIVERING_SECONDS = 10
STALL_SECONDS = 20
RSS_MIB_MAX = 256
RSS = "MiB RSS"
OF_THE_MACHINE = ("s", "ms", RSS)  # units of what a busy machine or a sanitizer changes


@dataclasses.dataclass(frozen=True)
class Sizes:
    pending: int
    retries: int
    dead_among: int
    lanes: int  # of pending, in its second form
    sparse_messages: int
    sparse_lanes: int
    segments: int
    keys: int
    due_after_s: float  # of the first retry, counted from the start of the fill
    due_spread_s: float


FULL = Sizes(pending=10_000_000, retries=5_000_000, dead_among=10_000_000, lanes=10_000,
             sparse_messages=1_000_000, sparse_lanes=10_000, segments=20_000, keys=100_000_000,
             due_after_s=60, due_spread_s=60)
SMALL = Sizes(pending=20_000, retries=10_000, dead_among=20_000, lanes=100,
              sparse_messages=20_000, sparse_lanes=200, segments=40, keys=200_000,
              due_after_s=3, due_spread_s=1)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where programs are and stores go."""
    space: object  # programs.Workspace
    tools_dir: pathlib.Path
    stores_dir: pathlib.Path
    sizes: Sizes
    say: object


def at_most(what, value, bar, unit):
    values = value if isinstance(value, list) else [value]
    return Verdict(what, figures.Spread.of(values), AT_MOST, bar, unit=unit)


def tool(place, name, *arguments, **named):
    """Runs a measuring program; the JSON object on the last line that it prints."""
    command = [str(place.tools_dir / name), *arguments]
    command += [f"{key}={value}" for key, value in named.items()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FILL_SECONDS_MAX,
                          check=False)
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        raise BenchError(f"{' '.join(command)}: status {done.returncode}\n{done.stderr[-1000:]}")
    return json.loads(lines[-1])


def write_payload(path):
    """As bench/stamp.h has it, with the place of its counter; store_bench writes the counter."""
    head = '{"run":"' + RUN + '","n":"'
    text = head + "0" * 16 + '","t":"' + "0" * 16 + '","pad":"'
    text += "x" * (PAYLOAD_BYTES - len(text) - 2) + '"}'
    path.write_text(text, encoding="utf-8")
    return len(head)


def drop_page_cache():
    """As after a start of the machine, where this process may."""
    try:
        os.sync()
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n", encoding="utf-8")
    except OSError:
        pass


@dataclasses.dataclass(frozen=True)
class Store:
    """A data directory of the gateway, and its lanes as (app, endpoint)."""
    data_dir: pathlib.Path
    lanes: list


def make_store(place, name, url, lanes, **fill):
    """Applications and endpoints by the gateway, messages and attempts by store_bench."""
    folder = place.stores_dir / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    gateway = Gateway(place.space, UNPINNED, folder / "data")
    made = []
    for number in range(lanes):
        app = gateway.rest.json("POST", "/api/v1/app", {"name": f"figures {number}"})["id"]
        endpoint = gateway.rest.json("POST", f"/api/v1/app/{app}/endpoint", {"url": url})["id"]
        made.append((app, endpoint))
    gateway.stop()
    (folder / "lanes").write_text("".join(f"{app} {endpoint} {url}\n" for app, endpoint in made),
                                  encoding="utf-8")
    at = write_payload(folder / "payload")
    result = tool(place, "store_bench", "fill", dir=folder / "data" / "log",
                  lanes=folder / "lanes", payload=folder / "payload", at=at, **fill)
    place.say(f"  {name}: {result['messages']} messages written in {result['seconds']} s")
    return Store(folder / "data", made)


def wait_for_first(sink, gateway, seconds):
    """Seconds from the gateway's start to the first delivery."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        gateway.process.require_running()
        stats = sink.stats()
        if stats["unique"] > 0:
            return (stats["first_ns"] - gateway.started_ns) / 1e9
        time.sleep(0.01)
    raise BenchError(f"nothing was delivered within {seconds} s\n{gateway.process.last_output()}")


def peak_rss_mib(gateway):
    return gateway.process.memory_kib("VmHWM") / 1024


def pending_of(place, lanes):
    sizes = place.sizes
    sink = Sink(place.space, UNPINNED)
    what = f"{sizes.pending} pending, {lanes} lanes"
    store = make_store(place, f"pending-{lanes}", sink.url(0), lanes, count=sizes.pending,
                       state="pending")
    sink.reset(RUN, 1)
    drop_page_cache()
    gateway = Gateway(place.space, UNPINNED, store.data_dir)
    first = wait_for_first(sink, gateway, 60)
    before, since = sink.stats()["unique"], time.monotonic()
    time.sleep(min(DELIVERING_SECONDS, sizes.pending / 100_000))
    delivered = sink.stats()["unique"] - before
    place.say(f"  {what}: then {delivered / (time.monotonic() - since):.0f} deliveries/s")
    yield at_most(f"{what}: restart to accepting", gateway.ready_seconds, 2, "s")
    yield at_most(f"{what}: restart to delivering", first, 5, "s")
    yield at_most(f"{what}: peak memory while delivering", peak_rss_mib(gateway), RSS_MIB_MAX, RSS)
    gateway.stop()
    sink.process.stop()
    shutil.rmtree(store.data_dir.parent)


def pending(place):
    """10 million pending deliveries: restart to accepting and to delivering, memory."""
    yield from pending_of(place, 100)
    yield from pending_of(place, place.sizes.lanes)


def wait_for_all(sink, gateway, count, due_end):
    """Until every retry has been sent; None, or how many are missing when no more come."""
    last, since = -1, time.monotonic()
    while True:
        gateway.process.require_running()
        stats = sink.stats()
        if stats["unique"] >= count:
            return stats
        now = time.monotonic()
        if stats["unique"] != last:
            last, since = stats["unique"], now
        if now - since > STALL_SECONDS and time.time() > due_end + STALL_SECONDS:
            return stats
        time.sleep(0.2)


def retries(place):
    """5 million retries pending, which fall due after the restart: memory, all of them sent."""
    sizes = place.sizes
    sink = Sink(place.space, UNPINNED)
    due = time.time() + sizes.due_after_s
    store = make_store(place, "retries", sink.url(0), 100, count=sizes.retries, state="retry",
                       due=int(due * 1e6), spread=int(sizes.due_spread_s * 1e6))
    sink.reset(RUN, 1)
    drop_page_cache()
    gateway = Gateway(place.space, UNPINNED, store.data_dir)
    what = f"{sizes.retries} retries"
    yield at_most(f"{what}: restart to accepting", gateway.ready_seconds, 2, "s")
    stats = wait_for_all(sink, gateway, sizes.retries, due + sizes.due_spread_s)
    took = (stats["last_ns"] - stats["first_ns"]) / 1e9
    place.say(f"  {what}: sent in {took:.1f} s, {stats['unique'] / max(took, 1e-9):.0f}/s, "
              f"{stats['duplicates']} twice")
    yield at_most(f"{what}: not sent", sizes.retries - stats["unique"], 0, "")
    yield at_most(f"{what}: sent twice", stats["duplicates"], 0, "")
    yield at_most(f"{what}: peak memory while sending", peak_rss_mib(gateway), RSS_MIB_MAX, RSS)
    gateway.stop()
    sink.process.stop()
    shutil.rmtree(store.data_dir.parent)


def dead(place):
    """The single dead delivery among 10 million."""
    count = place.sizes.dead_among
    store = make_store(place, "dead", "http://127.0.0.1:9/hook/0", 1, count=count,
                       state="delivered", dead=count // 3)
    app, endpoint = store.lanes[0]
    drop_page_cache()
    found = tool(place, "store_bench", "dead", dir=store.data_dir / "log", app=app,
                 endpoint=endpoint)
    yield at_most(f"the dead delivery among {count}: first look, cold", found["ms"][0], 20, "ms")
    yield at_most(f"the dead delivery among {count}: later looks", found["ms"][1:], 20, "ms")
    yield at_most(f"the dead delivery among {count}: read by a later look",
                  found["read_kib"] / 1024, 1, "MiB")
    shutil.rmtree(store.data_dir.parent)


def lane(place):
    """One endpoint of 10,000, with 100 messages among 1 million, catches up."""
    sizes = place.sizes
    store = make_store(place, "lane", "http://127.0.0.1:9/hook/0", sizes.sparse_lanes,
                       count=sizes.sparse_messages, state="pending")
    app, endpoint = store.lanes[sizes.sparse_lanes // 2]
    drop_page_cache()
    read = tool(place, "store_bench", "lane", dir=store.data_dir / "log", app=app,
                endpoint=endpoint)
    wanted = sizes.sparse_messages // sizes.sparse_lanes
    if read["messages"] != wanted:
        raise BenchError(f"the lane has {read['messages']} messages, not {wanted}")
    yield at_most(f"{wanted} messages of one lane among {sizes.sparse_messages}: bytes read",
                  read["read_mib"], 64, "MiB")
    place.say(f"  caught up in {read['seconds'] * 1e3:.0f} ms")
    shutil.rmtree(store.data_dir.parent)


def google_benchmark(place, name, environment):
    """The results of a program of that library, by name."""
    done = subprocess.run([str(place.tools_dir / name), "--benchmark_format=json"],
                          capture_output=True, text=True, timeout=FILL_SECONDS_MAX, check=False,
                          env={**os.environ, **environment})
    if done.returncode != 0:
        raise BenchError(f"{name}: status {done.returncode}\n{done.stderr[-1000:]}")
    return {result["name"]: result for result in json.loads(done.stdout)["benchmarks"]}


def segments(place):
    """20,000 segments: real index files, sidecars and checkpoint, data files that are holes."""
    folder = place.stores_dir / "segments"
    log = folder / "data" / "log"
    folder.mkdir(parents=True)
    Gateway(place.space, UNPINNED, folder / "data").stop()  # for the configuration
    shutil.rmtree(log)
    results = google_benchmark(place, "index_bench", {
        "POSTHORN_BENCH_DIR": str(log), "POSTHORN_BENCH_SEGMENTS": str(place.sizes.segments)})
    disk = sum(file.stat().st_blocks for file in log.rglob("*") if file.is_file()) * 512
    what = f"{place.sizes.segments} segments"
    for name, title in (("newest_attempts_of_sparse_endpoint/cold:1",
                         "newest page of a sparse endpoint, after a restart"),
                        ("newest_attempts_of_sparse_endpoint/cold:2",
                         "newest page of a sparse endpoint, nothing in the page cache"),
                        ("only_dead_delivery/cold:1", "the only dead delivery")):
        yield at_most(f"{what}: {title}", results[name]["real_time"], 20, "ms")
    drop_page_cache()
    gateway = Gateway(place.space, UNPINNED, folder / "data")
    yield at_most(f"{what}: restart to accepting", gateway.ready_seconds, 2, "s")
    yield at_most(f"{what}: peak memory at restart", peak_rss_mib(gateway), RSS_MIB_MAX, RSS)
    yield at_most(f"{what}: on disk", disk / 2**30, 10, "GiB")
    gateway.stop()
    shutil.rmtree(folder)


def keys(place):
    """100 million idempotency keys: the cost on the way in."""
    folder = place.stores_dir / "keys"
    place.stores_dir.mkdir(exist_ok=True)
    cost = tool(place, "dedupe_bench", dir=folder, keys=place.sizes.keys)
    what = f"{cost['keys']} keys"
    place.say(f"  {what} in {cost['files']} files, opened in {cost['open_s']} s: a new key "
              f"{cost['surely_new_ns']} ns in memory; {cost['doubtful'] * 100:.2f} % of them look "
              f"at the disk as well, {cost['doubtful_us']} us; a repeated one "
              f"{cost['repeated_us']} us")
    yield at_most(f"{what}: filters in memory", cost["filter_mib"], 64, "MiB")
    shutil.rmtree(folder)


def endpoints(place):
    """Creating the 100,000th endpoint, durable and seen by every shard."""
    place.stores_dir.mkdir(exist_ok=True)
    results = google_benchmark(place, "catalog_bench",
                               {"POSTHORN_BENCH_DIR": str(place.stores_dir)})
    for apps in (1, 10_000):
        name = f"create_the_100000th_endpoint/{apps}/iterations:1000/manual_time"
        yield at_most(f"the 100,000th endpoint, {apps} apps: p50", results[name]["p50_ms"], 5, "ms")
        yield at_most(f"the 100,000th endpoint, {apps} apps: p99", results[name]["p99_ms"], 5, "ms")


ALL = {"pending": pending, "retries": retries, "segments": segments, "dead": dead, "lane": lane,
       "keys": keys, "endpoints": endpoints}
