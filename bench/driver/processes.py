"""Starts the programs under measurement, pins them, reads their CPU time and memory from /proc, and
stops every one of them by its own pid, however the driver ends."""
import ctypes
import dataclasses
import os
import signal
import subprocess

PR_SET_PDEATHSIG = 1
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 30


class BenchError(Exception):
    """The measurement cannot go on; the text says why."""


@dataclasses.dataclass(frozen=True)
class Pins:
    """Cores of the server under test, and of everything that puts load on it; None: not pinned."""
    name: str
    server: int | None
    load: int | None


UNPINNED = Pins("unpinned", None, None)
PINNED = Pins("pinned", 0, 1)


@dataclasses.dataclass(frozen=True)
class CpuTime:
    user_s: float
    system_s: float

    def __sub__(self, other):
        return CpuTime(self.user_s - other.user_s, self.system_s - other.system_s)

    @property
    def total_s(self):
        return self.user_s + self.system_s


def parse_cpu_time(stat):
    """From the text of /proc/PID/stat; the name in parentheses may hold anything."""
    fields = stat[stat.rindex(")") + 2:].split()
    return CpuTime(int(fields[11]) / TICKS_PER_SECOND, int(fields[12]) / TICKS_PER_SECOND)


def parse_memory_kib(status, field):
    """`field` is VmRSS or VmHWM, from the text of /proc/PID/status."""
    for line in status.splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise BenchError(f"/proc has no {field}")


def plain_environment():
    """Settings of the shell do not reach what is measured."""
    return {k: v for k, v in os.environ.items() if not k.startswith("POSTHORN_")}


def _before_exec(core):
    libc = ctypes.CDLL(None)

    def prepare():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # even when the driver is killed
        if core is not None:
            os.sched_setaffinity(0, {core})
    return prepare


class Process:
    """A started program. Its output goes to `log`."""

    def __init__(self, name, command, log, core=None, environment=None):
        self.name = name
        self.log = log
        with open(log, "wb") as file:
            self.popen = subprocess.Popen(  # pylint: disable=consider-using-with
                command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env={**plain_environment(), **(environment or {})}, preexec_fn=_before_exec(core))
        self.pid = self.popen.pid

    def require_running(self):
        status = self.popen.poll()
        if status is not None:
            raise BenchError(f"{self.name} ended with status {status}:\n{self.last_output()}")

    def last_output(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def cpu_time(self):
        self.require_running()
        with open(f"/proc/{self.pid}/stat", encoding="utf-8", errors="replace") as file:
            return parse_cpu_time(file.read())

    def memory_kib(self, field):
        self.require_running()
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as file:
            return parse_memory_kib(file.read(), field)

    def wait(self, seconds):
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"{self.name} did not end within {seconds} s") from error

    def stop(self):
        if self.popen.poll() is not None:
            return
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
