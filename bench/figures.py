#!/usr/bin/env python3
"""`./x bench figures [NAME...]`: the store at its sizes, against the bars of docs/PERFORMANCE.md.
Exit status: 0 every bar cleared, 1 not, 2 the measurement could not be made."""
import argparse
import os
import pathlib
import shutil
import signal
import sys

from driver import report, store_figures
from driver.processes import BenchError
from driver.programs import Workspace

ROOT = pathlib.Path(__file__).resolve().parent.parent


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./x bench figures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help=f"{', '.join(store_figures.ALL)}; all when none is named")
    parser.add_argument("--small", action="store_true",
                        help="a smoke run of seconds; only the counts decide")
    parser.add_argument("--build-dir", default=str(ROOT / "build" / "release"))
    parser.add_argument("--tools-dir", default=str(ROOT / "build" / "bench"))
    parser.add_argument("--work-dir", default=str(ROOT / "build" / "figures"),
                        help="the stores are made here: 10 GB of free disk")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(store_figures.ALL)
    if unknown:
        parser.error(f"no figure named {', '.join(sorted(unknown))}")
    return options


def say(text):
    print(text, flush=True)


def measure(space, options):
    sizes = store_figures.SMALL if options.small else store_figures.FULL
    place = store_figures.Place(space, pathlib.Path(options.tools_dir), space.work_dir / "stores",
                                sizes, say)
    found = []
    for name in options.names or store_figures.ALL:
        say(name)
        verdicts = list(store_figures.ALL[name](place))
        say("\n".join(report.verdicts_table(verdicts)) + "\n")
        found += verdicts
    # What is counted must hold at any size, in any build.
    judged = [v for v in found
              if not options.small or v.unit not in store_figures.OF_THE_MACHINE]
    return 0 if all(verdict.passed for verdict in judged) else 1


def stop_on_signal(*_):
    raise KeyboardInterrupt


def main(arguments):
    options = parse(arguments)
    signal.signal(signal.SIGTERM, stop_on_signal)
    work_dir = pathlib.Path(options.work_dir, str(os.getpid()))
    space = Workspace(options.build_dir, work_dir,
                      [str(pathlib.Path(options.build_dir, "posthorn"))])
    try:
        return measure(space, options)
    except BenchError as error:
        say(f"figures: {error}")
    except KeyboardInterrupt:
        say("figures: interrupted")
    finally:
        space.close()
        shutil.rmtree(work_dir, ignore_errors=True)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
