# SPDX-License-Identifier: MIT
"""Charts, as SVG by gnuplot; where there is none, there are none."""
import shutil
import subprocess
from dataclasses import dataclass

import figures
import plan

HEAD = """set terminal svg size 760,420 dynamic font "sans-serif,12" background "white"
set output "{file}"
set title "{title}" noenhanced
set grid ytics lt 1 lc rgb "#dddddd"
set border 3
set tics nomirror noenhanced
set key outside right noenhanced
"""


@dataclass(frozen=True)
class Chart:
    file: str
    title: str
    source: tuple               # the work and placement, or the curve and figure, that it shows
    script: str


def bars_script(file, title, unit, rows):
    """Rows of (name, low, median, high); ours are darker."""
    data = "\n".join(f'"{name}" {median:g} {low:g} {high:g} {0x1f5f99 if name in plan.OURS else 0xa9b8c6}'
                     for name, low, median, high in rows)
    return (HEAD.format(file=file, title=title) + f"$data << EOD\n{data}\nEOD\n" +
            f'set ylabel "{unit}" noenhanced\nset yrange [0:*]\nset boxwidth 0.6\nset style fill solid\nunset key\n'
            'set xtics rotate by -20\nset xrange [-0.6:*]\nset offsets 0,0.6,0,0\n'
            'plot $data using 0:2:5:xticlabels(1) with boxes lc rgb variable, '
            '$data using 0:2:3:4 with yerrorbars ps 0 lc rgb "#333333"\n')


def lines_script(file, title, axis, unit, lines):
    """Lines of (name, [(x, low, median, high)]), both axes logarithmic."""
    text = HEAD.format(file=file, title=title)
    for i, (_, points) in enumerate(lines):
        text += f"$line{i} << EOD\n" + "".join(f"{x:g} {m:g} {a:g} {b:g}\n" for x, a, m, b in points) + "EOD\n"
    text += (f'set xlabel "{axis}" noenhanced\nset ylabel "{unit}" noenhanced\nset logscale xy\n'
             f"set xrange [{min(xs_of(lines)) / 1.1:g}:{max(xs_of(lines)) * 1.1:g}]\n"
             "set xtics (" + ", ".join(f'"{label(x)}" {x:g}' for x in xs_of(lines)) + ")\n")
    return text + "plot " + ", ".join(
        f'$line{i} using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 title "{name}"'
        for i, (name, _) in enumerate(lines)) + "\n"


def xs_of(lines):
    return sorted({point[0] for _, points in lines for point in points})


def label(x):
    for unit, name in ((plan.MIB, "M"), (plan.KIB, "K")):
        if x >= unit and x % unit == 0:
            return f"{x // unit}{name}"
    return str(x)


def of_works(runs):
    for_works = []
    for work in plan.WORKS:
        for placement in work.placements:
            name = work.figures[0]
            rows = []
            for contestant in plan.CONTESTANTS:
                summary = figures.figure(runs, work.name, placement, contestant.name, name)
                if summary:
                    rows.append((contestant.name, summary.low, summary.median, summary.high))
            if rows:
                file = f"{work.name}-{placement}.svg"
                title = f"{work.name}, {'one core' if placement == 'core' else 'free'}: {work.title}"
                for_works.append(Chart(file, title, (work.name, placement), bars_script(
                    file, title, plan.label_of(name), rows)))
    return for_works


def of_curves(runs):
    for_curves = []
    for curve in plan.CURVES:
        for name in curve.figures:
            lines = [(who, points_of(runs, curve, who, name)) for who in curve.contestants]
            lines = [(who, points) for who, points in lines if points]
            if lines:
                file = f"{curve.name}-{name.lower().replace(' ', '-').replace('/', '-per-')}.svg"
                title = f"{curve.title}: {name}"
                for_curves.append(Chart(file, title, (curve.name, name), lines_script(
                    file, title, curve.unit, plan.label_of(name), lines)))
    return for_curves


def points_of(runs, curve, who, name):
    points = []
    for value in curve.values:
        summary = figures.figure(runs, f"{curve.name}={value}", "free", who, name)
        if summary and summary.low > 0:     # there is no place for 0 on a logarithmic axis
            points.append((value, summary.low, summary.median, summary.high))
    return points


def draw(wanted, out):
    """Those that were drawn."""
    gnuplot = shutil.which("gnuplot")
    if not gnuplot:
        print("no charts: gnuplot is not here (Debian: gnuplot-nox)")
        return []
    drawn = []
    for chart in wanted:
        made = subprocess.run([gnuplot], input=chart.script, cwd=out, capture_output=True, text=True)
        if made.returncode == 0:
            drawn.append(chart)
        else:
            print(f"no chart {chart.file}: {made.stderr.strip()}")
    return drawn
