#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the benchmarks: every contestant in shuffled turns, round after round, and counts only what was delivered whole.

usage: run.py --programs DIRECTORY --out DIRECTORY

BENCH_ONLY=W1,children   these works and curves alone      BENCH_ROUNDS=N   rounds after the warm-up, 5 if not given
BENCH_WHO=tend,raw       these contestants alone           BENCH_SEED=N     the order of the turns
BENCH_QUICK=1            small works, one round

BENCH_VERSION, BENCH_COMPILER and BENCH_FLAGS are told in the results; "make bench" sets them.

The exit status is 0 when every run delivered what it was to deliver; a bar that is not met is said, and is no failure.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import charts
import figures
import machine
import plan
import report

LIMIT = 300     # seconds, against hanging
SOURCES = pathlib.Path(__file__).resolve().parent


class Bench:
    def __init__(self, programs, environ):
        self.programs = programs
        self.only = environ.get("BENCH_ONLY", "").replace(",", " ").split()
        self.who = environ.get("BENCH_WHO", "").replace(",", " ").split()
        self.is_quick = environ.get("BENCH_QUICK", "") not in ("", "0")
        self.rounds = int(environ.get("BENCH_ROUNDS") or (1 if self.is_quick else 5))
        self.seed = int(environ.get("BENCH_SEED") or time.time_ns() % 1_000_000)
        self.random = random.Random(self.seed)
        self.cookie = f"{os.getpid()}-{self.seed}"
        self.heap = min(plan.GIB * 4, machine.available_memory() // 2 >> 20 << 20)
        self.runs = []
        self.works_of = {c.name: self.ask_works(c) for c in plan.CONTESTANTS}

    # ---- contestants ----

    def command(self, contestant):
        """How it is started, or None where it was not built or is not wanted."""
        if self.who and contestant.name not in self.who:
            return None
        if contestant.program.endswith(".py"):
            return [sys.executable, str(SOURCES / contestant.program)]
        path = self.programs / contestant.program
        return [str(path)] if os.access(path, os.X_OK) else None

    def ask_works(self, contestant):
        command = self.command(contestant)
        if not command:
            return ()
        asked = subprocess.run([*command, "--works"], capture_output=True, text=True, check=True)
        return tuple(verb for verb in asked.stdout.split() if not contestant.only or verb in contestant.only)

    def contestants(self, verb, names=()):
        return [c for c in plan.CONTESTANTS if verb in self.works_of[c.name] and (not names or c.name in names)]

    def is_wanted(self, name):
        return not self.only or name in self.only

    # ---- one run ----

    def start(self, contestant, verb, options):
        pairs = [f"{key}={value}" for key, value in ({"child": self.programs / "child"} | options).items()]
        return subprocess.Popen([*self.command(contestant), verb, *pairs], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=os.environ | {machine.COOKIE: self.cookie})

    def do(self, contestant, verb, options):
        """(result, problem) of one run."""
        process = self.start(contestant, verb, options)
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return {}, f"not done after {LIMIT} s"
        except BaseException:
            process.kill()
            raise
        if process.returncode != 0:
            return {}, (err.strip().splitlines() or [f"exit status {process.returncode}"])[-1]
        try:
            return json.loads(out), None
        except ValueError:
            return {}, "its report is no JSON"

    def run(self, name, verb, placement, contestant, number, options):
        with machine.Others() as others, machine.Placed(placement):
            result, problem = self.do(contestant, verb, options)
        problem = problem or figures.problem_of(plan.EXPECTED[verb](options), result)
        if problem:
            machine.end_leftovers(self.cookie)
        return figures.Run(name, placement, contestant.name, number, options, result, problem, round(others.part, 4),
                           others.is_busy)

    def turns(self, name, verb, placement, contestants, number, options_of):
        """One round.  Round 0 is the warm-up, of which nothing but its failures is kept."""
        for contestant in self.random.sample(contestants, len(contestants)):
            run = self.run(name, verb, placement, contestant, number, options_of(contestant))
            if number > 0 or run.problem:
                self.runs.append(run)
            if run.problem:
                print(f"\n  {name}, {placement}, {contestant.name}: {run.problem}", flush=True)

    # ---- works and curves ----

    def options_of(self, work, is_small):
        def of(contestant):
            options = dict(work.options) | contestant.options
            if "heap" in options:
                options["heap"] = self.heap
            options |= work.apart.get(contestant.name, {})
            if is_small:
                options |= work.quick
            return options
        return of

    def do_work(self, work):
        contestants = self.contestants(work.verb, work.contestants)
        for placement in work.placements:
            began = time.monotonic()
            print(f"{work.name:12} {placement:5} {work.title}", end="", flush=True)
            self.turns(work.name, work.verb, placement, contestants, 0, self.options_of(work, True))
            for number in range(1, min(self.rounds, work.most_rounds) + 1):
                self.turns(work.name, work.verb, placement, contestants, number, self.options_of(work, self.is_quick))
                print(".", end="", flush=True)
            print(f" {time.monotonic() - began:.0f} s", flush=True)

    def do_curve(self, curve):
        began = time.monotonic()
        print(f"{curve.name:12} free  {curve.title}", end="", flush=True)
        contestants = self.contestants(curve.verb, curve.contestants)
        values = curve.values[:3] if self.is_quick else curve.values
        for number in range(1, min(self.rounds, curve.most_rounds) + 1):
            for value in values:
                options = curve.options(value, self.is_quick)
                self.turns(f"{curve.name}={value}", curve.verb, "free", contestants, number,
                           lambda contestant: options | contestant.options)
            print(".", end="", flush=True)
        print(f" {time.monotonic() - began:.0f} s", flush=True)

    def do_all(self):
        for work in plan.WORKS:
            if self.is_wanted(work.name):
                self.do_work(work)
        for curve in plan.CURVES:
            if self.is_wanted(curve.name):
                self.do_curve(curve)


def about(bench):
    return machine.describe() | {
        "flags": os.environ.get("BENCH_FLAGS", ""),
        "compiler": os.environ.get("BENCH_COMPILER", ""),
        "version": os.environ.get("BENCH_VERSION", ""),
        "commit": machine.first_line_of("git", "-C", str(SOURCES), "describe", "--always", "--dirty"),
        "rounds": bench.rounds,
        "seed": bench.seed,
        "is_quick": bench.is_quick,
        "heap_mib": bench.heap >> 20,
        "contestants": [c.name for c in plan.CONTESTANTS if bench.works_of[c.name]],
    }


def write_results(out, bench, told):
    runs = bench.runs
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(
        {"about": told, "runs": [dataclasses.asdict(run) for run in runs]}, indent=1) + "\n")
    drawn = charts.draw(charts.of_works(runs) + charts.of_curves(runs), out)
    (out / "results.md").write_text(report.whole(told, runs, drawn))
    return drawn


def check_names(wanted, entries):
    names = [entry.name for entry in entries]
    for name in wanted:
        if name not in names:
            sys.exit(f"bench: there is no {name} among {', '.join(names)}")


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    machine.raise_limits()
    bench = Bench(arguments.programs.resolve(), os.environ)
    check_names(bench.only, plan.WORKS + plan.CURVES)
    check_names(bench.who, plan.CONTESTANTS)
    told = about(bench)
    print(report.heading(told))
    try:
        bench.do_all()
    finally:
        machine.end_leftovers(bench.cookie)
    write_results(arguments.out, bench, told)
    print(report.bars(bench.runs))
    print(f"all of it: {arguments.out / 'results.md'}")
    return 1 if any(run.problem for run in bench.runs) or not bench.runs else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
