#!/usr/bin/env python3
"""`./x bench [SCENARIO...]`: measures the gateway against the floor program and judges it by the
bars of docs/PERFORMANCE.md. Prints a table, writes build/bench/<time>.json. Exit status: 0 every
bar cleared and every event accounted for, 1 not, 2 the measurement could not be made."""
import argparse
import dataclasses
import json
import os
import pathlib
import shlex
import signal
import sys
import time

from driver import big_store, instructions, machine, report, scenarios, verdicts
from driver.processes import PINNED, UNPINNED, BenchError
from driver.programs import Workspace

ROOT = pathlib.Path(__file__).resolve().parent.parent


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./x bench", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO",
                        help=f"{', '.join(scenarios.ALL)}; all when none is named")
    parser.add_argument("--quick", action="store_true",
                        help="a smoke run of seconds: only the accounting decides")
    parser.add_argument("--floor-only", action="store_true", help="only the yardstick")
    parser.add_argument("--instructions", action="store_true",
                        help="count the gateway's instructions per event instead (valgrind)")
    parser.add_argument("--rounds", type=int, help="interleaved pairs")
    parser.add_argument("--seconds", type=float, help="length of a measured load")
    parser.add_argument("--big-messages", type=int, help="messages of big_store")
    parser.add_argument("--big-keep", metavar="DIR",
                        help="where big_store keeps its filled store, or finds one")
    parser.add_argument("--stall-seconds", type=float,
                        help="without a new delivery, after which the rest counts as lost")
    parser.add_argument("--pins", choices=("pinned", "unpinned", "both"), default="both")
    parser.add_argument("--build-dir", default=str(ROOT / "build" / "release"))
    parser.add_argument("--gateway", help="command to measure instead of posthorn")
    parser.add_argument("--output-dir", default=str(ROOT / "build" / "bench"))
    options = parser.parse_args(arguments)
    unknown = set(options.scenarios) - set(scenarios.ALL)
    if unknown:
        parser.error(f"no scenario named {', '.join(sorted(unknown))}")
    return options


def scale_of(options):
    changes = {"rounds": options.rounds, "seconds": options.seconds,
               "big_messages": options.big_messages, "big_keep": options.big_keep,
               "stall_seconds": options.stall_seconds}
    return dataclasses.replace(scenarios.QUICK if options.quick else scenarios.FULL,
                               **{k: v for k, v in changes.items() if v is not None})


def pins_of(options):
    """Pinning needs a core for the server and one for the load."""
    if options.pins == "unpinned" or (os.cpu_count() or 1) < 2:
        return [UNPINNED]
    return {"pinned": [PINNED], "both": [PINNED, UNPINNED]}[options.pins]


def gateway_command(options):
    if options.gateway:
        return shlex.split(options.gateway)
    return [str(pathlib.Path(options.build_dir, "posthorn"))]


def require_binaries(options):
    names = ["bench_floor", "bench_sink", "bench_generator"]
    missing = [n for n in names if not pathlib.Path(options.build_dir, n).exists()]
    if not options.floor_only and not options.gateway:
        missing += [c for c in gateway_command(options) if not pathlib.Path(c).exists()]
    if missing:
        raise BenchError(f"not built: {' '.join(missing)} (in {options.build_dir})")


def say(text):
    print(text, flush=True)


def run_rounds(space, options, scale, wanted, record):
    for pins in pins_of(options):
        for number in range(scale.rounds):
            for result in scenarios.run_round(space, pins, wanted, scale, number,
                                              not options.floor_only):
                record["runs"].append(result)
                say(f"  {pins.name} round {number + 1}/{scale.rounds}  {result['server']:7} "
                    f"{result['case']:9} {result['deliveries_per_s']:8.0f} deliveries/s "
                    f"{result['cpu_us']:6.1f} us/delivery")


def run_all(space, options, scale, record):
    wanted = options.scenarios or scenarios.ALL
    in_rounds = [name for name in wanted if name != scenarios.BIG_STORE]
    if in_rounds or options.floor_only:
        run_rounds(space, options, scale, in_rounds, record)
    if scenarios.BIG_STORE in wanted and not options.floor_only:
        record["big_store"] = big_store.run(space, pins_of(options)[0], scale, say)


def big_store_runs(record):
    big = record["big_store"]
    if big is None:
        return []
    runs = [("fill", big["fill"])]
    runs += [(f"accepting, {name}", run) for name, all_of in big["accepting"].items()
             for run in all_of]
    return [{"server": "gateway", "case": f"big_store {name}", "pins": "", **run}
            for name, run in runs]


def conclude(record, options):
    judged_pins = pins_of(options)[0].name
    judged = [run for run in record["runs"] if run["pins"] == judged_pins]
    for pins in pins_of(options):
        runs = [run for run in record["runs"] if run["pins"] == pins.name]
        if runs:
            say(f"\n{pins.name}: medians (lowest-highest run)")
            say("\n".join(report.runs_table(runs)))
    if record["big_store"] is not None:
        say("\nbig_store: medians (lowest-highest run)")
        say("\n".join(report.runs_table(big_store_runs(record))))
        say("\n" + "\n".join(report.pages_table(record["big_store"]["pages"])))
    found = verdicts.judge(judged, record["big_store"])
    all_runs = record["runs"] + big_store_runs(record)
    record["verdicts"] = [verdict.json() for verdict in found]
    record["faults"] = verdicts.faults(all_runs)
    if found:
        say(f"\njudged {judged_pins}:")
        say("\n".join(report.verdicts_table(found)))
    if all_runs:
        say("\nevery event by id: " + report.accounts_line(all_runs))
    for line in record["faults"]:
        say("FAULT  " + line)
    cleared = options.quick or all(verdict.passed for verdict in found)
    return 0 if cleared and all_runs and not record["faults"] else 1


def save(record, output_dir, name):
    path = pathlib.Path(output_dir, name + ".json")
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    say(f"written: {path}")


def count_instructions(options, name):
    work_dir = pathlib.Path(options.output_dir, "work-" + name)
    space = Workspace(options.build_dir, work_dir,
                      instructions.command(gateway_command(options), work_dir))
    try:
        instructions.run(space, say)
    finally:
        space.close()


def stop_on_signal(*_):
    raise KeyboardInterrupt


def main(arguments):
    options = parse(arguments)
    scale = scale_of(options)
    name = time.strftime("%Y%m%d-%H%M%S") + f"-{os.getpid()}"
    record = {"machine": machine.describe(ROOT), "scale": dataclasses.asdict(scale), "runs": [],
              "big_store": None, "verdicts": [], "faults": [], "error": None}
    signal.signal(signal.SIGTERM, stop_on_signal)
    if machine.is_busy() and not options.instructions:
        say(f"warning: load average {os.getloadavg()[0]:.1f}; the figures will be noise")
    status = 2
    space = None
    try:
        require_binaries(options)
        if options.instructions:
            count_instructions(options, name)
            return 0
        space = Workspace(options.build_dir, pathlib.Path(options.output_dir, "work-" + name),
                          gateway_command(options))
        run_all(space, options, scale, record)
        status = conclude(record, options)
    except BenchError as error:
        record["error"] = str(error)
        say(f"bench: {error}")
    except KeyboardInterrupt:
        record["error"] = "interrupted"
        say("bench: interrupted")
    finally:
        if space is not None:
            space.close()
    if record["runs"] or record["big_store"]:
        if record["error"]:
            conclude(record, options)
        save(record, options.output_dir, name)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
