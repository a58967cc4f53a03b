# SPDX-License-Identifier: MIT
"""What is measured: the contestants, the works, the curves, and the bars that libtend is to clear.

All of it is data.  A work is done by whatever contestant names it with --works, each in its turn; what has to be
delivered is computed here, from the options, and nowhere else.
"""
from dataclasses import dataclass, field

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


# ---- contestants ----

@dataclass(frozen=True)
class Contestant:
    name: str
    program: str                                   # in bench/ of the build tree, or of the source tree
    options: dict = field(default_factory=dict)    # beside those of the work
    only: tuple = ()                               # verbs, where it is not to do all that it can
    note: str = ""


CONTESTANTS = (
    Contestant("tend", "tend", note="visitors on threads of their own"),
    Contestant("tend-reader", "tend", {"on": "reader"}, ("bulk", "burst", "drip", "handover", "idle", "lines", "live",
                                                         "pingpong"), "visitors on the reader's thread"),
    Contestant("tend-complete", "tend", {"how": "complete"}, ("spawn",), "tend_process_complete(), output collected"),
    Contestant("raw", "raw", note="system calls alone: the limit"),
    Contestant("shape", "raw", {"shape": 1}, ("exit", "pingpong", "stop"),
               "system calls alone, by threads that read and reap as those of libtend do"),
    Contestant("raw-64k", "raw", {"pipe": 0}, ("bulk",), "the same with a pipe of the default size"),
    Contestant("libuv", "peer_uv", note="one event loop"),
    Contestant("glib", "peer_glib", note="GSubprocess"),
    Contestant("python", "peer_python.py", note="subprocess, selectors"),
    Contestant("go", "peer_go", note="os/exec"),
)
OURS = ("tend", "tend-reader", "tend-complete")


# ---- figures ----

@dataclass(frozen=True)
class Figure:
    unit: str
    more_is_better: bool
    of: object                                     # (options, result): a number


FIGURES = {
    "GB/s": Figure("GB/s", True, lambda o, r: o["bytes"] / r["wall"] / 1e9),
    "M lines/s": Figure("M lines/s", True, lambda o, r: o["lines"] / r["wall"] / 1e6),
    "p50": Figure("us", False, lambda o, r: r["samples"]["p50"]),
    "wall": Figure("s", False, lambda o, r: r["wall"]),
    "cpu": Figure("s", False, lambda o, r: r["cpu"]),
    "rss": Figure("MiB", False, lambda o, r: r["rss_kib"] / 1024),
    "threads": Figure("threads", False, lambda o, r: r["threads"]),
    "switches": Figure("switches", False, lambda o, r: r["switches"]),
    "KiB a child": Figure("KiB", False, lambda o, r: r["kib_per_child"]),
    "wake-ups": Figure("wake-ups", False, lambda o, r: r["wakeups"]),
    "ticks": Figure("ticks", False, lambda o, r: r["ticks"]),
    "longest stall": Figure("us", False, lambda o, r: r["longest_stall_us"]),
    "exact": Figure("of all", True, lambda o, r: r["exact"] / o["n"]),
    "read": Figure("GB/s", True, lambda o, r: r["read_bytes"] / r["wall"] / 1e9),
    "wall a child": Figure("us", False, lambda o, r: r["wall"] / o["children"] * 1e6),
    "cpu a child": Figure("us", False, lambda o, r: r["cpu"] / o["children"] * 1e6),
    "rss a child": Figure("KiB", False, lambda o, r: r["rss_kib"] / o["children"]),
    "threads a child": Figure("threads", False, lambda o, r: r["threads"] / o["children"]),
    "switches a child": Figure("switches", False, lambda o, r: r["switches"] / o["children"]),
    "cpu a delivered GB": Figure("s", False, lambda o, r: r["cpu"] / r["bytes"] * 1e9),
    "cpu a line": Figure("ns", False, lambda o, r: r["cpu"] / r["lines"] * 1e9),
    "switches a MB": Figure("switches", False, lambda o, r: r["switches"] / o["bytes"] * 1e6),
    "stream GB/s": Figure("GB/s", True, lambda o, r: o["lines"] * o["length"] / r["wall"] / 1e9),
}


def label_of(name):
    """A figure with its unit, where its name does not say it."""
    unit = FIGURES[name].unit
    return name if unit in name else f"{name}, {unit}"


# ---- works ----

def expect_bulk(o):
    return {"bytes": o["bytes"] * o.get("consumers", 1), "exits": 1}


def expect_lines(o):
    return {"bytes": o["lines"] * o["length"], "lines": o["lines"], "exits": 1}


def expect_pingpong(o):
    return {"bytes": 64 * o["n"], "exits": 1, "samples.n": o["n"]}


def expect_each(o):
    return {"exits": o["n"], "samples.n": o["n"]}


def expect_many(o):
    return {"bytes": o["children"] * o["bytes"], "exits": o["children"]}


def expect_drip(o):
    return {"bytes": o["children"] * o["n"] * o["size"], "exits": o["children"]}


def expect_idle(o):
    return {"bytes": 0, "exits": o["children"]}


def expect_handover(o):
    return {"exact": o["n"], "samples.n": o["n"] + 1, "exits": 1}


EXPECTED = {"bulk": expect_bulk, "lines": expect_lines, "pingpong": expect_pingpong, "spawn": expect_each,
            "exit": expect_each, "stop": expect_each, "kill": expect_each, "burst": expect_many, "live": expect_many,
            "drip": expect_drip, "idle": expect_idle, "handover": expect_handover}


@dataclass(frozen=True)
class Work:
    name: str
    title: str
    verb: str
    options: dict
    quick: dict                                    # what is smaller in a warm-up and with BENCH_QUICK
    figures: tuple                                 # the first one is what the work is about
    placements: tuple = ("free", "core")           # wherever the scheduler likes; parent and children on one core
    contestants: tuple = ()                        # where these alone are to do it
    most_rounds: int = 1000
    apart: dict = field(default_factory=dict)      # options of single contestants


# These copy the page tables of the heap each time.
FORKS = {name: {"n": 5} for name in ("libuv", "glib", "python", "go")}

WORKS = (
    Work("W1", "4 GiB in writes of 64 KiB, one consumer", "bulk",
         {"bytes": 4 * GIB, "write": 64 * KIB, "pipe": MIB}, {"bytes": 256 * MIB}, ("GB/s", "cpu")),
    Work("W2", "2 GiB in writes of 64 KiB, two consumers", "bulk",
         {"bytes": 2 * GIB, "write": 64 * KIB, "pipe": MIB, "consumers": 2}, {"bytes": 256 * MIB}, ("GB/s", "cpu"),
         contestants=("tend", "tend-reader", "raw"), apart={"raw": {"consumers": 1}}),
    Work("W3", "20 million lines of 64 bytes", "lines",
         {"lines": 20_000_000, "length": 64, "pipe": MIB}, {"lines": 1_000_000}, ("M lines/s", "cpu")),
    Work("W4", "ping-pong of 64 bytes", "pingpong", {"n": 20000}, {"n": 1000}, ("p50", "cpu")),
    Work("W5", "spawn and wait of /bin/true, both pipes", "spawn", {"n": 200, "pipes": 1}, {"n": 20}, ("p50", "cpu")),
    Work("W5n", "spawn and wait of /bin/true, no pipes", "spawn", {"n": 200}, {"n": 20}, ("p50", "cpu")),
    Work("W5h", "the same with a dirty heap", "spawn", {"n": 100, "heap": 4 * GIB}, {"n": 5, "heap": 256 * MIB},
         ("p50", "cpu"), placements=("free",), most_rounds=3, apart=FORKS),
    Work("W5f", "the same with 1,000 open descriptors", "spawn", {"n": 200, "fds": 1000}, {"n": 20}, ("p50", "cpu")),
    Work("W6", "200 children at once x 1 MiB in writes of 4 KiB", "burst",
         {"children": 200, "bytes": MIB, "write": 4 * KIB}, {"children": 20}, ("wall", "cpu", "rss", "threads")),
    Work("W6r", "200 children x 100 writes of 64 bytes a second, 3 s", "drip",
         {"children": 200, "n": 300, "rate": 100, "size": 64}, {"children": 20, "n": 30}, ("cpu", "rss", "switches"),
         placements=("free",), most_rounds=3),
    Work("W6i", "500 idle children, both pipes, for 10 s", "idle", {"children": 500, "seconds": 10},
         {"children": 50, "seconds": 1}, ("KiB a child", "wake-ups", "ticks", "threads"), placements=("free",),
         most_rounds=1),
    Work("W7x", "from the exit until the waiter knows", "exit", {"n": 200}, {"n": 20}, ("p50",)),
    Work("W7s", "stop of a child that obeys SIGTERM", "stop", {"n": 200}, {"n": 20}, ("p50",)),
    Work("W7k", "how late SIGKILL is after a grace of 100 ms", "kill", {"n": 10, "grace_ms": 100}, {"n": 2}, ("p50",),
         placements=("free",)),
    Work("W8", "10,000 handovers while a child writes as fast as it can", "handover", {"n": 10000}, {"n": 500},
         ("p50", "exact", "longest stall", "read"), placements=("free",)),
)


# ---- curves ----

@dataclass(frozen=True)
class Curve:
    """A work done with one option at many values; `options` makes the others of it."""
    name: str
    title: str
    verb: str
    axis: str
    unit: str
    values: tuple
    options: object
    figures: tuple
    contestants: tuple
    most_rounds: int = 3


def children_options(n, quick):
    return {"children": n, "bytes": 64 * KIB, "write": 4 * KIB}


def subscribers_options(n, quick):
    return {"consumers": n, "bytes": 16 * MIB if quick else 256 * MIB, "write": 64 * KIB}


def chunk_options(size, quick):
    return {"chunk": size, "bytes": min(16 * MIB if quick else 512 * MIB, size * 100_000), "write": 64 * KIB,
            "pipe": MIB}


def length_options(length, quick):
    return {"length": length, "lines": max(1, min(16 * MIB if quick else 512 * MIB, length * 4_000_000) // length),
            "pipe": MIB}


CURVES = (
    Curve("children", "live children, each with 64 KiB on stdout and nothing on stderr", "live", "children", "children",
          (1, 10, 100, 1000, 2000), children_options,
          ("wall a child", "cpu a child", "rss a child", "threads a child", "switches a child"),
          ("tend", "tend-reader", "raw")),
    Curve("subscribers", "subscribers of one stream", "bulk", "consumers", "subscribers", (1, 2, 4, 8, 16, 32, 64),
          subscribers_options, ("GB/s", "cpu a delivered GB", "rss"), ("tend", "tend-reader")),
    Curve("chunks", "sizes of a read", "bulk", "chunk", "bytes",
          (256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB), chunk_options,
          ("GB/s", "cpu a delivered GB", "switches a MB"), ("tend", "tend-reader", "raw")),
    Curve("lengths", "lengths of a line, its LF included", "lines", "length", "bytes",
          (1, 4, 16, 64, 256, KIB, 4 * KIB, 64 * KIB, MIB), length_options, ("stream GB/s", "cpu a line"),
          ("tend", "tend-reader", "raw")),
)


# ---- bars ----

@dataclass(frozen=True)
class Bar:
    """
    A figure of `who` has to be at least `low` and at most `high`: itself, or its ratio to that of `against` in the
    same round, or, with `beside`, its ratio to its own in that other work.  `recorded` is another library's ratio to
    `against` as it was measured once, of which ours has to be a multiple.
    """
    work: str
    placement: str
    who: str
    figure: str
    low: float = None
    high: float = None
    against: str = "raw"
    beside: str = None
    recorded: float = None
    text: str = ""


def tpt(work, placement, who, figure, times, of_tpt, of_raw):
    """tokio-process-tools is not packaged: its figure, and that of raw in the run in which both were measured."""
    return Bar(work, placement, who, figure, low=times, recorded=of_tpt / of_raw,
               text=f"at least {times} x tpt, which had {of_tpt:g} where raw had {of_raw:g}")


def least(work, placement, who, figure, low):
    return Bar(work, placement, who, figure, low=low, text=f"at least {low} x raw")


def most(work, placement, who, figure, high, text=None):
    return Bar(work, placement, who, figure, high=high, text=text or f"at most {high} x raw")


def absolute(work, who, figure, text, low=None, high=None, placement="free"):
    return Bar(work, placement, who, figure, low=low, high=high, against=None, text=text)


def unmoved(work, placement):
    return Bar(work, placement, "tend", "p50", low=0.9, high=1.1, against=None, beside="W5n",
               text="within 10 % of the same without (W5n)")


BARS = (
    least("W1", "free", "tend", "GB/s", 0.95),
    tpt("W1", "free", "tend", "GB/s", 2.5, 1.36, 3.8),
    least("W1", "core", "tend-reader", "GB/s", 0.97),
    least("W1", "core", "tend", "GB/s", 0.88),
    tpt("W1", "core", "tend", "GB/s", 2, 1.8, 4.3),
    least("W2", "free", "tend", "GB/s", 0.85),
    least("W2", "core", "tend", "GB/s", 0.78),
    tpt("W2", "free", "tend", "GB/s", 2.3, 1.2, 3.55),
    tpt("W2", "core", "tend", "GB/s", 1.4, 2.3, 4.3),
    least("W3", "free", "tend", "M lines/s", 0.88),
    least("W3", "core", "tend", "M lines/s", 0.95),
    least("W3", "core", "tend-reader", "M lines/s", 0.95),
    tpt("W3", "free", "tend", "M lines/s", 2.3, 19, 49),
    tpt("W3", "core", "tend", "M lines/s", 3.2, 13, 50),
    most("W4", "core", "tend-reader", "p50", 1.1),
    most("W4", "core", "tend", "p50", 1.88, "at most 1.88 x raw (9 us where raw took 4.8)"),
    most("W5", "free", "tend", "p50", 1.05),
    most("W5", "core", "tend", "p50", 1.05),
    most("W5h", "free", "tend", "p50", 1.05),
    unmoved("W5h", "free"),
    most("W5f", "free", "tend", "p50", 1.05),
    unmoved("W5f", "free"),
    most("W6", "free", "tend-reader", "wall", 1.06, "at most 1.06 x raw (as tpt: 0.19 s where raw took 0.18)"),
    most("W6", "free", "tend-reader", "cpu", 1.44, "at most 1.44 x raw (0.095 s where raw took 0.066)"),
    absolute("W6", "tend-reader", "rss", "at most 12 MiB", high=12),
    most("W6r", "free", "tend-reader", "cpu", 2.5, "at most 2.5 x raw (0.55 s where raw took 0.22)"),
    most("W6r", "free", "tend", "cpu", 4.1, "at most 4.1 x raw (0.9 s where raw took 0.22)"),
    absolute("W6i", "tend-reader", "KiB a child", "at most 24 KiB of memory a child", high=24),
    absolute("W6i", "tend-reader", "wake-ups", "none in 10 s", high=0),
    absolute("W6i", "tend", "wake-ups", "none in 10 s", high=0),
    absolute("W6i", "tend", "ticks", "no CPU time in 10 s", high=0),
    most("W7x", "free", "tend", "p50", 1.2),
    most("W7x", "core", "tend", "p50", 1.2),
    most("W7s", "free", "tend", "p50", 1.2),
    most("W7s", "core", "tend", "p50", 1.2),
    absolute("W7k", "tend", "p50", "at most 600 us late", high=600),
    absolute("W8", "tend", "exact", "all of them", low=1),
    absolute("W8", "tend", "p50", "detached within 50 us", high=50),
    absolute("W8", "tend-reader", "p50", "detached within 50 us", high=50),
    absolute("W8", "tend", "longest stall", "no stall over 20 ms", high=20000),
)
