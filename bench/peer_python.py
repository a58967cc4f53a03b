#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A peer: the subprocess module of Python's standard library, as its manual would have it; many children by selectors.

The command line and the report are those of driver.h.
"""
import json
import mmap
import os
import resource
import selectors
import signal
import subprocess
import sys
import tempfile
import time

READ_SIZE = 64 << 10
MESSAGE = b"ping" + bytes(60)

options = {}
samples = []
delivered = {"bytes": 0, "lines": 0, "exits": 0}
measured = {}


def number(key, absent=None):
    return int(options[key]) if absent is None or key in options else absent


def proc_number(label):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(label):
                return int(line.split()[1])
    return 0


def usage():
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall": time.monotonic(),
        "cpu": own.ru_utime + own.ru_stime,
        "children_cpu": children.ru_utime + children.ru_stime,
        "switches": own.ru_nvcsw + own.ru_nivcsw,
    }


class Measured:
    """What is inside of the with statement is measured."""

    def __enter__(self):
        self.began = usage()

    def __exit__(self, *_):
        ended = usage()
        measured.update({key: ended[key] - self.began[key] for key in ended})


def child(*args):
    return [options["child"], *args]


def finish(process, signal_number=0):
    if process.wait() != -signal_number:
        sys.exit("a child ended otherwise than it was to")
    delivered["exits"] += 1


# ---- one child ----

def bulk():
    with Measured():
        process = subprocess.Popen(child("bulk", options["bytes"], options["write"]), bufsize=0,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        block = bytearray(READ_SIZE)
        while n := process.stdout.readinto(block):
            delivered["bytes"] += n
        finish(process)


def lines():
    with Measured():
        process = subprocess.Popen(child("lines", options["lines"], options["length"]), bufsize=READ_SIZE,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        for line in process.stdout:
            delivered["bytes"] += len(line)
            delivered["lines"] += 1
        finish(process)


def pingpong():
    with Measured():
        process = subprocess.Popen(child("pong"), bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(number("n")):
            at = time.monotonic_ns()
            process.stdin.write(MESSAGE)
            here = 0
            while here < len(MESSAGE):
                here += len(process.stdout.read(len(MESSAGE) - here))
            delivered["bytes"] += here
            samples.append(time.monotonic_ns() - at)
        process.stdin.close()
        finish(process)


# ---- many children ----

def many(*args):
    with Measured(), selectors.DefaultSelector() as selector:
        processes = []
        for _ in range(number("children")):
            process = subprocess.Popen(child(*args), bufsize=0, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            processes.append(process)
        block = bytearray(READ_SIZE)
        while selector.get_map():
            for key, _ in selector.select():
                n = key.fileobj.readinto(block)
                delivered["bytes"] += n
                if n == 0:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
        for process in processes:
            finish(process)


def burst():
    many("bulk", options["bytes"], options["write"])


def drip():
    many("drip", options["n"], options["rate"], options["size"])


# ---- starts, exits, stops ----

def hold_heap_and_fds():
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(number("fds", 0))]
    if heap := number("heap", 0):
        memory = mmap.mmap(-1, heap, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        for at in range(0, heap, mmap.PAGESIZE):
            memory[at] = 1
        held.append(memory)
    return held


def spawn():
    held = hold_heap_and_fds()
    output = subprocess.PIPE if options.get("pipes") == "1" else subprocess.DEVNULL
    with Measured():
        for _ in range(number("n")):
            at = time.monotonic_ns()
            done = subprocess.run(["/bin/true"], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            samples.append(time.monotonic_ns() - at)
            if done.returncode != 0:
                sys.exit("a child did not exit with 0")
            delivered["exits"] += 1
    del held


def exits():
    with tempfile.NamedTemporaryFile() as stamp, Measured():
        stamp.truncate(8)
        for _ in range(number("n")):
            process = subprocess.Popen(child("stamp", stamp.name), stdin=subprocess.DEVNULL)
            finish(process)
            now = time.monotonic_ns()
            samples.append(now - int.from_bytes(os.pread(stamp.fileno(), 8, 0), sys.byteorder))


def start_ready(mode):
    process = subprocess.Popen(child(mode), bufsize=0, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    if process.stdout.read(6) != b"ready\n":
        sys.exit("a child did not get ready")
    return process


def stop():
    with Measured():
        for _ in range(number("n")):
            process = start_ready("obey")
            at = time.monotonic_ns()
            process.terminate()
            finish(process)
            samples.append(time.monotonic_ns() - at)
            process.stdout.close()


def kill():
    grace = number("grace_ms") / 1000
    with Measured():
        for _ in range(number("n")):
            process = start_ready("stubborn")
            at = time.monotonic_ns()
            process.terminate()
            try:
                process.wait(timeout=grace)
            except subprocess.TimeoutExpired:
                samples.append(time.monotonic_ns() - at - int(grace * 1e9))
                process.kill()
            finish(process, signal.SIGKILL)
            process.stdout.close()


# ---- the report ----

WORKS = {work.__name__: work for work in (bulk, burst, drip, kill, lines, pingpong, spawn, stop)} | {"exit": exits}


def report():
    result = measured | delivered | {"rss_kib": proc_number("VmHWM:"), "threads": proc_number("Threads:")}
    if samples:
        samples.sort()
        result["samples"] = {"n": len(samples)} | {
            name: samples[(len(samples) - 1) * percent // 100] / 1e3
            for name, percent in (("min", 0), ("p50", 50), ("p90", 90), ("p99", 99), ("max", 100))}
    print(json.dumps(result))


def main():
    if sys.argv[1:] == ["--works"]:
        print("\n".join(WORKS))
    elif len(sys.argv) < 2 or sys.argv[1] not in WORKS:
        sys.exit("usage: peer_python.py --works | WORK [KEY=VALUE...]")
    else:
        options.update(pair.split("=", 1) for pair in sys.argv[2:])
        WORKS[sys.argv[1]]()
        report()


if __name__ == "__main__":
    main()
