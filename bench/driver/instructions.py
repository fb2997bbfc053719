"""User instructions per event, counted with callgrind: unlike times they do not depend on what else
the machine does, so that a change of half a percent shows. Single posts, one shard."""
import collections
import re
import subprocess

from driver.cases import Load, put_load
from driver.processes import PINNED, BenchError
from driver.programs import Gateway, Sink

WARM_EVENTS = 1000
EVENTS = 5000
SECONDS_MAX = 120
CONTROL_SECONDS = 60
FUNCTIONS_SHOWN = 40
# The hash of the signature: valgrind has no SHA instructions, so its count means nothing.
CRYPTO = "libcrypto"

LINE = re.compile(r"\s*([\d,]+) \(\s*[\d.]+%\)\s+(?!\*|<|>|=>)(\S.*?)(?: \[([^\]]*)\])?$")


def command(gateway_command, out_dir):
    return ["valgrind", "--tool=callgrind", "--instr-atstart=no",
            f"--callgrind-out-file={out_dir}/callgrind.%p", *gateway_command]


def parse(annotated, events):
    """{function: instructions per event} from the text of callgrind_annotate."""
    counts = collections.Counter()
    for line in annotated.split("-- Auto-annotated source")[0].splitlines():
        match = LINE.match(line)
        if not match or match[2].startswith("PROGRAM TOTALS"):
            continue
        name = match[2].split(":", 1)[-1].replace("(anonymous namespace)::", "")
        name = CRYPTO if CRYPTO in (match[3] or "") else name.split("(")[0]
        counts[name] += int(match[1].replace(",", "")) / events
    return counts


def lines_of(counts):
    total = sum(count for name, count in counts.items() if name != CRYPTO)
    return [f"{total:9.0f}  instructions per event, without {CRYPTO}"] + [
        f"{count:9.0f}  {name[:100]}" for name, count in counts.most_common(FUNCTIONS_SHOWN + 1)
        if name != CRYPTO]


def control(pid, *arguments):
    subprocess.run(["callgrind_control", *arguments, str(pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=CONTROL_SECONDS)


def run(space, say):
    """space.gateway_command must be command(…, space.work_dir)."""
    sink = Sink(space, PINNED)
    try:
        gateway = Gateway(space, PINNED)
        apps, _ = gateway.create_apps(1, 1, sink)
        load = Load(seconds=SECONDS_MAX, count=WARM_EVENTS)
        put_load(space, PINNED, gateway, sink, (load, apps, 1))
        pid = gateway.process.pid
        control(pid, "-i", "on")
        load = Load(seconds=SECONDS_MAX, count=EVENTS)
        measured = put_load(space, PINNED, gateway, sink, (load, apps, 1))
        control(pid, "-i", "off")
        control(pid, "-d")
        gateway.stop()
    finally:
        sink.process.stop()
    dump = space.work_dir / f"callgrind.{pid}.1"
    if not dump.exists():
        raise BenchError(f"callgrind wrote no {dump}")
    annotated = subprocess.run(["callgrind_annotate", "--threshold=100", dump], check=True,
                               capture_output=True, text=True).stdout
    say("\n".join(lines_of(parse(annotated, measured["deliveries"]))))
