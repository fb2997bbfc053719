"""What the figures were measured on; goes into the JSON beside them."""
import os
import platform
import subprocess

LOAD_QUIET = 0.5  # other work per core above which the figures are noise


def describe(root):
    revision = subprocess.run(["git", "-C", str(root), "describe", "--always", "--dirty"],
                              capture_output=True, text=True, check=False).stdout.strip()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return {"revision": revision, "kernel": platform.release(), "cores": os.cpu_count(),
            "cpu": models[0] if models else platform.machine(),
            "load_average_before": os.getloadavg()[0]}


def is_busy():
    return os.getloadavg()[0] > LOAD_QUIET * (os.cpu_count() or 1)
