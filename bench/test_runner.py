#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the runner makes of runs.  The contestants here are scripts that say what they are told to; nothing is timed.

usage: test_runner.py DIRECTORY [ARGUMENT...]     of the runner's modules; what else unittest understands
"""
import contextlib
import io
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, sys.argv.pop(1) if len(sys.argv) > 1 else str(pathlib.Path(__file__).resolve().parent))

import charts
import count
import figures
import machine
import plan
import report
import run as runner


def made(who, number, wall, work="W6", placement="free", problem=None, is_busy=False):
    return figures.Run(work, placement, who, number, {"children": 200}, {"wall": wall, "cpu": wall, "rss_kib": 1024},
                       problem, is_busy=is_busy)


class Problems(unittest.TestCase):
    expected = {"bytes": 100, "exits": 1}

    def test_everything_delivered(self):
        self.assertIsNone(figures.problem_of(self.expected, {"bytes": 100, "exits": 1, "wall": 1}))

    def test_a_missing_byte(self):
        self.assertEqual("bytes: 100 expected, 99 delivered",
                         figures.problem_of(self.expected, {"bytes": 99, "exits": 1}))

    def test_a_byte_too_many(self):
        self.assertIsNotNone(figures.problem_of(self.expected, {"bytes": 101, "exits": 1}))

    def test_a_missing_exit(self):
        self.assertIsNotNone(figures.problem_of(self.expected, {"bytes": 100, "exits": 0}))

    def test_nothing_said(self):
        self.assertIn("none delivered", figures.problem_of(self.expected, {"bytes": 100}))

    def test_a_missing_sample(self):
        expected = plan.EXPECTED["pingpong"]({"n": 10})
        result = {"bytes": 640, "exits": 1, "samples": {"n": 10}}
        self.assertIsNone(figures.problem_of(expected, result))
        result["samples"]["n"] = 9
        self.assertIsNotNone(figures.problem_of(expected, result))

    def test_each_consumer_gets_all(self):
        self.assertEqual(200, plan.EXPECTED["bulk"]({"bytes": 100, "consumers": 2})["bytes"])


class Figures(unittest.TestCase):
    def test_median(self):
        summary = figures.summarize([(3, False), (1, False), (2, False)])
        self.assertEqual((1, 2, 3, 3, False), (summary.low, summary.median, summary.high, summary.rounds,
                                               summary.is_busy))

    def test_busy_rounds_are_left_out(self):
        self.assertEqual(1.5, figures.summarize([(1, False), (2, False), (9, True)]).median)

    def test_busy_rounds_count_where_most_are(self):
        summary = figures.summarize([(1, False), (8, True), (9, True)])
        self.assertEqual((8, True), (summary.median, summary.is_busy))

    def test_nothing_is_measured(self):
        self.assertIsNone(figures.summarize([]))

    def test_ratio_is_within_a_round(self):
        runs = [made("tend", 1, 2), made("raw", 1, 1), made("tend", 2, 20), made("raw", 2, 5), made("tend", 3, 9),
                made("raw", 3, 3)]
        ratio = figures.ratio(runs, "W6", "free", "tend", "wall")
        self.assertEqual((2, 3, 4), (ratio.low, ratio.median, ratio.high))

    def test_ratio_needs_both(self):
        runs = [made("tend", 1, 2), made("raw", 2, 1), made("tend", 3, 8), made("raw", 3, 1)]
        ratio = figures.ratio(runs, "W6", "free", "tend", "wall")
        self.assertEqual((8, 1), (ratio.median, ratio.rounds))

    def test_ratio_is_of_one_placement(self):
        runs = [made("tend", 1, 2), made("raw", 1, 1, placement="core")]
        self.assertIsNone(figures.ratio(runs, "W6", "free", "tend", "wall"))

    def test_ratio_to_oneself_elsewhere(self):
        runs = [made("tend", 1, 3), made("tend", 1, 2, work="W5")]
        self.assertEqual(1.5, figures.ratio(runs, "W6", "free", "tend", "wall", None, "W5").median)

    def test_a_run_with_a_problem_is_no_figure(self):
        runs = [made("tend", 1, 2, problem="a byte is missing"), made("raw", 1, 1)]
        self.assertIsNone(figures.figure(runs, "W6", "free", "tend", "wall"))
        self.assertIsNone(figures.ratio(runs, "W6", "free", "tend", "wall"))

    def test_more_bytes_in_less_time(self):
        of = plan.FIGURES["GB/s"].of
        self.assertEqual(2, of({"bytes": 4e9, "consumers": 2}, {"bytes": 8e9, "wall": 2}))


class Busy(unittest.TestCase):
    def test_much(self):
        self.assertFalse(machine.is_much(0.9, 20))
        self.assertTrue(machine.is_much(1.1, 20))

    def test_a_few_ticks_say_nothing(self):
        self.assertFalse(machine.is_much(3 * machine.TICK, 0.01))

    def test_our_own_work_is_not_others(self):
        work = "at = __import__('time').process_time\nwhile at() < 0.2: pass"
        before = machine.own_seconds()
        subprocess.run([sys.executable, "-c", work], check=True)
        self.assertGreaterEqual(machine.own_seconds() - before, 0.2)


class Bars(unittest.TestCase):
    runs = [made("tend", 1, 3), made("raw", 1, 2)]

    def judged(self, **bar):
        return figures.judge(plan.Bar("W6", "free", "tend", "wall", **bar), self.runs)

    def test_bar_from_above(self):
        self.assertTrue(self.judged(high=1.5).is_met)
        self.assertFalse(self.judged(high=1.4).is_met)

    def test_bar_from_below(self):
        self.assertTrue(self.judged(low=1.5).is_met)
        self.assertFalse(self.judged(low=1.6).is_met)

    def test_bar_of_the_figure_itself(self):
        self.assertTrue(self.judged(high=3, against=None).is_met)
        self.assertFalse(self.judged(high=2.9, against=None).is_met)

    def test_recorded_ratio(self):
        self.assertEqual(3, self.judged(low=3, recorded=0.5).value.median)
        self.assertTrue(self.judged(low=3, recorded=0.5).is_met)

    def test_what_was_not_measured_is_not_met(self):
        verdict = figures.judge(plan.Bar("W1", "free", "tend", "wall", low=0), self.runs)
        self.assertIsNone(verdict.value)
        self.assertFalse(verdict.is_met)

    def test_the_plan_is_whole(self):
        works = {work.name: work for work in plan.WORKS}
        names = {contestant.name for contestant in plan.CONTESTANTS}
        for bar in plan.BARS:
            self.assertIn(bar.placement, works[bar.work].placements)
            self.assertIn(bar.who, names)
            self.assertIn(bar.figure, works[bar.work].figures)
            self.assertTrue(bar.low is not None or bar.high is not None)
        for entry in plan.WORKS + plan.CURVES:
            self.assertIn(entry.verb, plan.EXPECTED)
            self.assertLessEqual(set(entry.figures), set(plan.FIGURES))

    def test_the_table_says_it(self):
        lines = [line for line in report.bars(self.runs).splitlines() if "| wall, x raw" in line]
        self.assertEqual(["not measured"], [line.split("|")[9].strip() for line in lines])
        self.assertIn("0 of 0 bars met", report.bars(self.runs))


class Reports(unittest.TestCase):
    def test_number(self):
        self.assertEqual(["12,345", "12.3", "1.23", "0.0123", "0", "7"],
                         [report.number(n) for n in (12345.1, 12.345, 1.234, 0.01234, 0, 7)])

    def test_a_chart_has_its_rows(self):
        script = charts.bars_script("a.svg", "A", "s", [("tend", 1, 2, 3), ("raw", 4, 5, 6)])
        self.assertIn('"tend" 2 1 3', script)
        self.assertIn('"raw" 5 4 6', script)


class Instructions(unittest.TestCase):
    profile = "\n".join((
        "events: Ir", "ob=(1) /usr/lib/libc.so.6", "fn=(1) memchr", "10 1000", "ob=(2) /x/.libs/libtend.so.0.0.0",
        "fn=(2) tend_spawn", "12 7", "+3 5", "cob=(1)", "cfn=(1)", "calls=1 10", "* 1000", "-2 3", "ob=(1)",
        "fn=(3) strlen", "4 50", "ob=(2)", "fn=(4) other", "5 100", ""))

    def test_ours(self):
        self.assertEqual(115, count.instructions(self.profile))

    def test_a_name_that_is_first_seen_in_a_call(self):
        profile = "\n".join(("ob=(1) main", "1 1", "cob=(2) /x/libtend.so.0", "calls=1 10", "* 7", "ob=(2)", "4 7", ""))
        self.assertEqual(7, count.instructions(profile))

    def test_foreign_instructions_do_not_count(self):
        self.assertLess(count.instructions(self.profile), 1000 + 50)

    def test_calls_count_where_they_lead_to(self):
        self.assertEqual(15, count.instructions(self.profile.split("ob=(1)\nfn=(3)", 1)[0]))

    def test_margin(self):
        self.assertTrue(count.compare({"a": 100}, {"a": 105})[1])
        self.assertFalse(count.compare({"a": 100}, {"a": 106})[1])
        self.assertFalse(count.compare({"a": 100}, {"a": 94})[1])

    def test_a_path_that_is_not_recorded(self):
        self.assertFalse(count.compare({"a": 100}, {"a": 100, "b": 1})[1])
        self.assertFalse(count.compare({"a": 100, "b": 1}, {"a": 100})[1])

    def test_what_is_written_is_read(self):
        self.assertEqual(("x86_64, cc, -O2", {"a": 1, "b": 2}),
                         count.read_record(count.write_record("x86_64, cc, -O2", {"a": 1, "b": 2})))


class Runs(unittest.TestCase):
    """With a contestant that is a script."""

    def bench_with(self, script):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        directory = pathlib.Path(holder.name)
        path = directory / "raw"
        path.write_text(f"#!{sys.executable}\nimport json, subprocess, sys, time\n"
                        "if sys.argv[1] == '--works':\n    print('stop')\n    sys.exit()\n" + script)
        path.chmod(0o755)
        return runner.Bench(directory, {"BENCH_SEED": "1", "BENCH_WHO": "raw"})

    def run_of(self, script):
        bench = self.bench_with(script)
        (contestant,) = bench.contestants("stop", ("raw",))
        return bench.run("W7s", "stop", "free", contestant, 1, {"n": 3})

    @staticmethod
    def saying(**result):
        return f"print(json.dumps({result!r}))\n"

    def test_a_contestant_that_delivers(self):
        run = self.run_of(self.saying(exits=3, samples={"n": 3, "p50": 7}))
        self.assertIsNone(run.problem)
        self.assertEqual(7, run.figure("p50"))

    def test_a_contestant_that_does_not_deliver(self):
        self.assertEqual("exits: 3 expected, 2 delivered",
                         self.run_of(self.saying(exits=2, samples={"n": 3})).problem)

    def test_a_contestant_that_fails(self):
        script = self.saying(exits=3, samples={"n": 3}) + "sys.exit('it did not work')\n"
        self.assertEqual("it did not work", self.run_of(script).problem)

    def test_a_contestant_that_says_nothing(self):
        self.assertIn("no JSON", self.run_of("").problem)

    def test_leftovers_are_ended(self):
        script = ("child = subprocess.Popen(['sleep', '1000'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
                  "sys.exit(str(child.pid))\n")
        killed = []

        def kill(pid, number, kill=os.kill):
            killed.append(pid)
            kill(pid, number)

        with unittest.mock.patch.object(machine.os, "kill", kill):
            pid = int(self.run_of(script).problem)
        if pid not in killed:
            os.kill(pid, signal.SIGKILL)
        self.assertIn(pid, killed)

    def test_a_round_is_every_contestant_once(self):
        bench = self.bench_with(self.saying(exits=3, samples={"n": 3, "p50": 7}))
        contestants = bench.contestants("stop", ("raw",)) * 3
        bench.turns("W7s", "stop", "free", contestants, 0, lambda _: {"n": 3})
        self.assertEqual([], bench.runs)    # the warm-up
        bench.turns("W7s", "stop", "free", contestants, 1, lambda _: {"n": 3})
        self.assertEqual(3, len(bench.runs))

    def test_a_failure_in_the_warm_up_is_kept(self):
        bench = self.bench_with(self.saying(exits=0))
        with contextlib.redirect_stdout(io.StringIO()):
            bench.turns("W7s", "stop", "free", bench.contestants("stop", ("raw",)), 0, lambda _: {"n": 3})
        self.assertEqual(1, len(bench.runs))

    def test_one_core(self):
        before = os.sched_getaffinity(0)
        with machine.Placed("core"):
            inside = subprocess.run([sys.executable, "-c", "import os; print(len(os.sched_getaffinity(0)))"],
                                    capture_output=True, text=True).stdout
        self.assertEqual("1", inside.strip())
        self.assertEqual(before, os.sched_getaffinity(0))


if __name__ == "__main__":
    unittest.main(verbosity=0)
