# SPDX-License-Identifier: MIT
"""The results as Markdown."""
import figures
import plan

PLACEMENTS = {"free": "free", "core": "one core"}


def number(value):
    """Three digits that say something, never an exponent."""
    size = abs(value)
    if size >= 100 or size == int(size):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.4f}"


def table(head, rows):
    """Columns as wide as their widest cell: it is read in a terminal, too."""
    cells = [head, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def spread(summary):
    if summary is None:
        return ("-", "-", "-")
    return tuple(number(value) for value in (summary.low, summary.median, summary.high))


def mark(summary):
    return "busy" if summary and summary.is_busy else ""


# ---- bars ----

def compared(bar):
    if bar.recorded:
        return f"{bar.figure}, x tpt"
    if bar.beside:
        return f"{bar.figure}, x {bar.beside}"
    if bar.against:
        return f"{bar.figure}, x {bar.against}"
    return plan.label_of(bar.figure)


def bar_row(verdict):
    bar = verdict.bar
    said = "not measured" if verdict.value is None else "met" if verdict.is_met else "NOT MET"
    return (bar.work, PLACEMENTS[bar.placement], bar.who, compared(bar), bar.text, *spread(verdict.value), said,
            mark(verdict.value))


def bars(runs):
    verdicts = [figures.judge(bar, runs) for bar in plan.BARS]
    measured = [v for v in verdicts if v.value]
    rows = [bar_row(v) for v in verdicts]
    head = ("work", "placement", "who", "figure", "bar", "min", "median", "max", "", "")
    missing = len(verdicts) - len(measured)
    return (table(head, rows) + f"\n\n{sum(v.is_met for v in measured)} of {len(measured)} bars met" +
            (f", {missing} not measured\n" if missing else "\n"))


# ---- figures ----

def work_rows(runs, work, placement):
    for contestant in plan.CONTESTANTS:
        for name in work.figures:
            summary = figures.figure(runs, work.name, placement, contestant.name, name)
            if summary is None:
                continue
            ratio = figures.ratio(runs, work.name, placement, contestant.name, name)
            yield (contestant.name, plan.label_of(name), *spread(summary),
                   number(ratio.median) if ratio else "-", str(summary.rounds), mark(summary))


def work_section(runs, work, drawn):
    lines = [f"### {work.name}: {work.title}\n"]
    for placement in work.placements:
        rows = list(work_rows(runs, work, placement))
        if not rows:
            continue
        head = ("who", "figure", "min", "median", "max", "x raw", "rounds", "")
        lines += [f"{PLACEMENTS[placement].capitalize()}:\n", table(head, rows) + "\n"]
        lines += [f"![{chart.title}]({chart.file})\n" for chart in drawn
                  if chart.file == f"{work.name}-{placement}.svg"]
    return "\n".join(lines) if len(lines) > 1 else ""


def curve_table(runs, curve, name):
    rows = []
    for value in curve.values:
        cells = [figures.figure(runs, f"{curve.name}={value}", "free", who, name) for who in curve.contestants]
        if any(cells):
            rows.append((f"{value:,}", *(number(cell.median) if cell else "-" for cell in cells),
                         "busy" if any(cell and cell.is_busy for cell in cells) else ""))
    return table((curve.unit, *curve.contestants, ""), rows) if rows else ""


def curve_section(runs, curve, drawn):
    lines = [f"### {curve.name}: {curve.title}\n"]
    for name in curve.figures:
        body = curve_table(runs, curve, name)
        if not body:
            return ""
        lines += [f"{plan.label_of(name)}:\n", body + "\n"]
        lines += [f"![{chart.title}]({chart.file})\n" for chart in drawn
                  if chart.source == (curve.name, name)]
    return "\n".join(lines)


# ---- the whole ----

def warnings(told):
    if "TEND_DEBUG" in told["flags"] or "-fsanitize" in told["flags"] or "-O" not in told["flags"]:
        yield f"**Built with \"{told['flags']}\": these are no figures of a release.**"
    if told["is_quick"]:
        yield "**BENCH_QUICK: much too small to be figures.**"


def heading(told):
    lines = [f"libtend {told['version']} ({told['commit'] or 'no commit'}), {told['date']}",
             f"{told['processor']}, {told['processors']} processors, {told['memory_mib']} MiB"
             f"{', virtual' if told['hypervisor'] else ''}, {told['kernel']}, {told['libc']}, {told['compiler']}",
             f"{told['rounds']} rounds, seed {told['seed']}, heap {told['heap_mib']} MiB, load before: "
             f"{told['loadavg']}",
             f"contestants: {', '.join(told['contestants'])}", *warnings(told)]
    return "\n".join(line + "  " for line in lines) + "\n"


def failures(runs):
    failed = [run for run in runs if run.problem]
    if not failed:
        return ""
    rows = [(run.work, PLACEMENTS[run.placement], run.who, str(run.round), run.problem) for run in failed]
    return "## Runs that delivered something else\n\n" + table(("work", "placement", "who", "round", "problem"),
                                                               rows) + "\n"


def whole(told, runs, drawn):
    busy = sum(run.is_busy for run in runs)
    sections = ["# Benchmarks\n", heading(told), failures(runs), "## Bars\n", bars(runs),
                f"{busy} of {len(runs)} runs were made while other programs took CPU time; README.md of bench/ says "
                "what becomes of them.\n",
                "## Works\n", *(work_section(runs, work, drawn) for work in plan.WORKS),
                "## Curves\n", *(curve_section(runs, curve, drawn) for curve in plan.CURVES)]
    return "\n".join(section for section in sections if section)
