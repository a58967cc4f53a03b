#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the library's own instructions on the hot paths of counted.c, and compares them with what was recorded.

usage: count.py --program PROGRAM --record FILE --for TEXT [--write]

TEXT is what the counts depend on: architecture, compiler, flags.  Where it is not what FILE was recorded for, nothing
can be said: exit status 77, as where there is no valgrind.  What a function of another library executes is not
counted.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

MARGIN_PERCENT = 5
LIBRARY = "/libtend.so"
SKIP = 77


def instructions(profile, library=LIBRARY):
    """
    The instructions that code of the library executed, of a callgrind profile: the costs behind each "ob=" that names
    it.  A name stands behind its number only the first time, be it that of a caller or, with "cob=", of what is
    called.  A line behind "calls=" is what was called, and is counted where that stands.
    """
    names = {}
    total, is_ours, is_call = 0, False, False
    for line in profile.splitlines():
        if line.startswith(("ob=", "cob=")):
            number, _, name = line.partition("=")[2].partition(" ")
            names.setdefault(number, name)
            if line.startswith("ob="):
                is_ours = library in names[number]
        elif line.startswith("calls="):
            is_call = True
        elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
            if is_ours and not is_call:
                total += int(line.split()[1])
            is_call = False
    return total


def count(program, path):
    with tempfile.TemporaryDirectory() as directory:
        profile = pathlib.Path(directory) / "profile"
        done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", program, path],
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{path} failed:\n{done.stderr}")
        number = instructions(profile.read_text())
        if number == 0:
            sys.exit(f"{path}: no instruction of the library was seen")
        return number


def read_record(text):
    """(what it was recorded for, {path: count})"""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return lines[0], {path: int(number) for path, number in (line.split() for line in lines[1:])}


def write_record(made_for, counts):
    return ("# SPDX-License-Identifier: MIT\n"
            "# Instructions of the library on the paths of counted.c, and what they were counted for; written by\n"
            "# \"make check-bench RECORD=yes\", compared by \"make check-bench\".\n" + made_for + "\n" +
            "".join(f"{path} {number}\n" for path, number in counts.items()))


def compare(recorded, counts):
    """Lines to print, and whether all counts are within the margin."""
    lines, is_good = [], True
    for path in sorted(set(recorded) | set(counts)):
        if path not in recorded or path not in counts:
            lines.append(f"FAILED: {path}: {'not recorded' if path in counts else 'recorded, and not there'}")
            is_good = False
            continue
        change = counts[path] - recorded[path]
        is_within = abs(change) * 100 <= MARGIN_PERCENT * recorded[path]
        is_good = is_good and is_within
        lines.append(f"{'ok' if is_within else 'FAILED'}: {path}: {counts[path]:,} instructions, "
                     f"{change / recorded[path]:+.1%}")
    return lines, is_good


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--program", required=True)
    parser.add_argument("--record", type=pathlib.Path, required=True)
    parser.add_argument("--for", dest="made_for", required=True)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        print("check-bench: skipped: there is no valgrind")
        return SKIP
    recorded_for, recorded = read_record(arguments.record.read_text()) if arguments.record.exists() else ("", {})
    if not arguments.write and recorded_for != arguments.made_for:
        print(f"check-bench: skipped: recorded for \"{recorded_for}\", and this is \"{arguments.made_for}\"")
        return SKIP
    paths = subprocess.run([arguments.program], capture_output=True, text=True, check=True).stdout.split()
    counts = {path: count(arguments.program, path) for path in paths}
    if arguments.write:
        arguments.record.write_text(write_record(arguments.made_for, counts))
        print(arguments.record.read_text(), end="")
        return 0
    lines, is_good = compare(recorded, counts)
    print("\n".join(lines))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
