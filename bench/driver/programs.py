"""The programs of a measurement: the sink, the two kinds of server (floor and gateway) and the load
generator, each on ports and in directories of its own."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

from driver.processes import BenchError, Process, plain_environment
from driver.rest import Rest

READY_SECONDS = 60
GENERATOR_GRACE_SECONDS = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, process, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        process.require_running()
        if time.monotonic() > deadline:
            raise BenchError(f"{process.name}: {what} took more than {seconds} s\n"
                             + process.last_output())
        time.sleep(0.02)


class Workspace:
    """Where the binaries are and where this run may write; owns every started process."""

    def __init__(self, build_dir, work_dir, gateway_command):
        self.build_dir = pathlib.Path(build_dir)
        self.work_dir = pathlib.Path(work_dir)
        self.gateway_command = gateway_command
        self.started = []
        self.runs = 0
        self.work_dir.mkdir(parents=True)

    def start(self, name, command, core, environment=None):
        log = self.work_dir / f"{len(self.started):03d}-{name}.log"
        process = Process(name, [str(part) for part in command], log, core, environment)
        self.started.append(process)
        return process

    def binary(self, name):
        return self.build_dir / name

    def next_run(self):
        """A number that marks the events of one load, as 8 hex digits."""
        self.runs += 1
        return f"{(os.getpid() & 0xffff) << 16 | self.runs:08x}"

    def new_dir(self, name):
        path = self.work_dir / f"{len(self.started):03d}-{name}"
        path.mkdir()
        return path

    def close(self):
        for process in reversed(self.started):
            process.stop()
        shutil.rmtree(self.work_dir, ignore_errors=True)


class Sink:
    def __init__(self, space, pins, port=None):
        self.port = port or free_port()
        self.process = space.start("sink", [space.binary("bench_sink"), "--port", self.port],
                                   pins.load)
        self.rest = Rest(self.port)
        wait_until(lambda: self.rest.answers("/stats", 200), self.process, READY_SECONDS, "start")

    def url(self, endpoint):
        return f"http://127.0.0.1:{self.port}/hook/{endpoint}"

    def reset(self, run, endpoints):
        self.rest.json("POST", f"/reset?run={run}&fan={endpoints}")

    def stats(self):
        self.process.require_running()
        return self.rest.json("GET", "/stats")

    def bitmap(self, endpoint):
        return self.rest.request("GET", f"/bitmap?endpoint={endpoint}")[1]


class Floor:
    """The yardstick. It knows no apps: every message goes to its one target."""
    name = "floor"
    token = ""

    def __init__(self, space, pins, sink):
        self.port = free_port()
        self.data_dir = space.new_dir("floor-data")
        self.process = space.start("floor", [
            space.binary("bench_floor"), "--port", self.port, "--data-dir", self.data_dir,
            "--target-port", sink.port, "--target-path", "/hook/0"], pins.server)
        self.rest = Rest(self.port)
        wait_until(lambda: self.rest.answers("/api/v1/health/ping", 204), self.process,
                   READY_SECONDS, "start")

    def create_apps(self, apps, endpoints, sink):
        if (apps, endpoints) != (1, 1):
            raise BenchError("the floor has one app with one endpoint")
        del sink
        return ["app_floor"], []

    def stop(self):
        self.rest.close()
        self.process.stop()
        shutil.rmtree(self.data_dir, ignore_errors=True)


class Gateway:
    name = "gateway"

    def __init__(self, space, pins, data_dir=None, environment=None):
        """On a new data directory, which stop() removes, or on one that the caller keeps."""
        self.port = free_port()
        self.keeps_data = data_dir is not None
        self.data_dir = data_dir or space.new_dir("gateway-data")
        environment = {"POSTHORN_DELIVERY_ALLOW_TARGETS": "127.0.0.0/8", **(environment or {})}
        if pins.server is not None:
            environment["POSTHORN_SERVER_SHARDS"] = "1"
        self.started_ns = time.monotonic_ns()
        self.process = space.start("gateway", [
            *space.gateway_command, "serve", "--listen", f"127.0.0.1:{self.port}",
            "--data-dir", self.data_dir], pins.server, environment)
        probe = Rest(self.port)
        wait_until(lambda: probe.answers("/api/v1/health", 200), self.process,
                   READY_SECONDS, "start")
        self.ready_seconds = (time.monotonic_ns() - self.started_ns) / 1e9
        probe.close()
        self.token = self._token(space)
        self.rest = Rest(self.port, self.token)

    def _token(self, space):
        made = subprocess.run([*space.gateway_command, "token", "--data-dir", str(self.data_dir)],
                              capture_output=True, text=True, timeout=READY_SECONDS, check=False,
                              env=plain_environment())
        lines = made.stdout.split()
        if made.returncode != 0 or not lines:
            raise BenchError(f"posthorn token: status {made.returncode}\n{made.stderr[-1000:]}")
        return lines[-1]

    def create_apps(self, apps, endpoints, sink):
        """Ids of new apps, and for each the ids of its endpoints 0, 1, … at the sink."""
        app_ids, endpoint_ids = [], []
        for number in range(apps):
            app = self.rest.json("POST", "/api/v1/app", {"name": f"bench {number}"})["id"]
            app_ids.append(app)
            endpoint_ids.append([
                self.rest.json("POST", f"/api/v1/app/{app}/endpoint", {"url": sink.url(k)})["id"]
                for k in range(endpoints)])
        return app_ids, endpoint_ids

    def stop(self):
        self.rest.close()
        self.process.stop()
        if not self.keeps_data:
            shutil.rmtree(self.data_dir, ignore_errors=True)


def run_generator(space, pins, server, load, apps):
    """Puts `load` (cases.Load) on `server`; returns (its result, bitmap of acknowledged events)."""
    run_dir = space.new_dir("load")
    (run_dir / "apps").write_text("\n".join(apps) + "\n", encoding="utf-8")
    command = [space.binary("bench_generator"), "--port", server.port, "--run", load.run,
               "--connections", load.connections, "--payload-bytes", load.payload_bytes,
               "--batch", load.batch, "--duration", load.seconds, "--count", load.count,
               "--apps-file", run_dir / "apps", "--acked-file", run_dir / "acked"]
    command += ["--rate", load.rate] if load.rate else ["--max"]
    if server.token:
        (run_dir / "token").write_text(server.token + "\n", encoding="utf-8")
        (run_dir / "token").chmod(0o600)
        command += ["--token-file", run_dir / "token"]
    process = space.start("generator", command, pins.load)
    status = process.wait(load.seconds + GENERATOR_GRACE_SECONDS)
    server.process.require_running()
    if status != 0:
        raise BenchError(f"generator: status {status}\n{process.last_output()}")
    result = json.loads(process.last_output().splitlines()[-1])
    acked = (run_dir / "acked").read_bytes()
    shutil.rmtree(run_dir)
    return result, acked
