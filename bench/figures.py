# SPDX-License-Identifier: MIT
"""What is made of the runs: which of them count, minimum, median and maximum, ratios within a round, and bars.

Nothing here starts anything or reads a file: test_runner.py looks at all of it.
"""
import statistics
from dataclasses import dataclass

from plan import FIGURES


@dataclass
class Run:
    """One turn of one contestant.  A run with a problem is no figure, whatever it says."""
    work: str
    placement: str
    who: str
    round: int
    options: dict
    result: dict
    problem: str = None
    other_cpu: float = 0.0      # of all processors' time meanwhile, what neither it nor its children nor we have used
    is_busy: bool = False

    def figure(self, name):
        return FIGURES[name].of(self.options, self.result)


def look_up(result, path):
    for key in path.split("."):
        if not isinstance(result, dict) or key not in result:
            return None
        result = result[key]
    return result


def problem_of(expected, result):
    """What of `expected` was not delivered, exactly, as a sentence; None where nothing is wrong."""
    for path, number in expected.items():
        found = look_up(result, path)
        if found != number:
            return f"{path}: {number} expected, {'none' if found is None else found} delivered"
    return None


@dataclass(frozen=True)
class Summary:
    low: float
    median: float
    high: float
    rounds: int
    is_busy: bool               # too few of the rounds were quiet, so all of them count


def summarize(samples):
    """
    Of (value, is_busy), one for each round: busy rounds are left out as long as at least half of the rounds, and one,
    remain.
    """
    quiet = [value for value, is_busy in samples if not is_busy]
    enough = bool(quiet) and 2 * len(quiet) >= len(samples)
    values = quiet if enough else [value for value, _ in samples]
    if not values:
        return None
    return Summary(min(values), statistics.median(values), max(values), len(values), not enough)


def of_contestant(runs, work, placement, who):
    return {run.round: run for run in runs
            if (run.work, run.placement, run.who) == (work, placement, who) and not run.problem}


def figure(runs, work, placement, who, name):
    mine = of_contestant(runs, work, placement, who)
    return summarize([(run.figure(name), run.is_busy) for run in mine.values()])


def ratio(runs, work, placement, who, name, against="raw", beside=None):
    """
    To that of `against` in the same work and round, or, with `beside`, to one's own in that other work; both have to be
    there, and a round is busy when either is.
    """
    mine = of_contestant(runs, work, placement, who)
    theirs = of_contestant(runs, beside or work, placement, who if beside else against)
    return summarize([(mine[number].figure(name) / theirs[number].figure(name),
                       mine[number].is_busy or theirs[number].is_busy)
                      for number in mine if number in theirs and theirs[number].figure(name)])


@dataclass(frozen=True)
class Verdict:
    bar: object
    value: Summary              # what was compared; None: not measured
    is_met: bool


def judge(bar, runs):
    if bar.against is None and bar.beside is None:
        value = figure(runs, bar.work, bar.placement, bar.who, bar.figure)
    else:
        value = ratio(runs, bar.work, bar.placement, bar.who, bar.figure, bar.against, bar.beside)
    if value is None:
        return Verdict(bar, None, False)
    if bar.recorded:
        value = Summary(value.low / bar.recorded, value.median / bar.recorded, value.high / bar.recorded,
                        value.rounds, value.is_busy)
    is_met = (bar.low is None or value.median >= bar.low) and (bar.high is None or value.median <= bar.high)
    return Verdict(bar, value, is_met)
