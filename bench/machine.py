# SPDX-License-Identifier: MIT
"""The machine: what it is, how busy others keep it, where our processes run, and which of them are left."""
import os
import platform
import resource
import signal
import subprocess
import time

COOKIE = "TEND_BENCH_COOKIE"


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def field_of(text, label):
    for line in text.splitlines():
        if line.startswith(label):
            return line.split(":", 1)[1].strip()
    return ""


def first_line_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return ""


def available_memory():
    return int((field_of(read("/proc/meminfo"), "MemAvailable") or "0").split()[0]) << 10


def describe():
    return {
        "processor": field_of(read("/proc/cpuinfo"), "model name") or platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_mib": int((field_of(read("/proc/meminfo"), "MemTotal") or "0").split()[0]) >> 10,
        "hypervisor": " hypervisor" in read("/proc/cpuinfo"),
        "kernel": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()),
        "date": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "loadavg": read("/proc/loadavg").strip(),
    }


def raise_limits():
    """A child costs up to six descriptors, and there are 2,000."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# ---- placement ----

class Placed:
    """What is started inside of the with statement stays on one processor, with all its children."""

    def __init__(self, placement):
        self.is_pinned = placement == "core"

    def __enter__(self):
        self.all = os.sched_getaffinity(0)
        if self.is_pinned:
            os.sched_setaffinity(0, {max(self.all)})

    def __exit__(self, *_):
        os.sched_setaffinity(0, self.all)


# ---- how busy others are ----

TICK = 1 / os.sysconf("SC_CLK_TCK")


def busy_seconds():
    """Of all processors since boot; what a hypervisor took from us is somebody else's work, too."""
    user, nice, system, _, _, irq, softirq, steal = map(int, read("/proc/stat").split("\n", 1)[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) * TICK


def own_seconds():
    """Ours, and that of all children we have waited for, with theirs."""
    return sum(used.ru_utime + used.ru_stime
               for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def is_much(others, room):
    """More than 5 % of the CPU time there was; /proc/stat counts whole ticks, so a few of them say nothing."""
    return others > 0.05 * room + 3 * TICK


class Others:
    """How much CPU time other programs took meanwhile, as a part of all there was."""

    def __enter__(self):
        self.at, self.busy, self.own = time.monotonic(), busy_seconds(), own_seconds()
        return self

    def __exit__(self, *_):
        seconds = time.monotonic() - self.at
        room = seconds * os.cpu_count()
        others = max(0.0, busy_seconds() - self.busy - (own_seconds() - self.own))
        self.part = others / room
        self.is_busy = is_much(others, room)


# ---- what is left ----

def end_leftovers(cookie):
    """Kills whatever still runs with our cookie in its environment: children of a contestant that failed."""
    mark = f"{COOKIE}={cookie}".encode()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/environ", "rb") as environ:
                if mark in environ.read().split(b"\0"):
                    os.kill(int(entry), signal.SIGKILL)
        except OSError:
            continue
