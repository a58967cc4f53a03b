#!/bin/sh
# SPDX-License-Identifier: MIT
# How much of lib/ the tests have reached that ran in this directory, which "make coverage" has configured and built.
# What is missing goes to coverage.txt.
. "$(dirname "$0")/checks.sh"

: "${GCOV:=gcov}"

# judge LIST GCOV-OUTPUT DETAIL
judge()
{
	awk -v detail="$3" -f "$top_srcdir/test/coverage.awk" "$1" "$2"
}

# control NAME: a list for unit.gcov
control()
{
	judge "$controls/coverage/$1.list" "$controls/coverage/unit.gcov" "$work/detail"
}

# An object that was never run has notes and no data.  The data of test programs is to be written first.
collect()
{
	for counters in "$top_builddir"/test/*.counters; do
		[ ! -f "$counters" ] || TEND_COUNTERS=write "${counters%.counters}" || return
	done
	(cd "$top_builddir" && find lib test tools -name '*.gcno' | sort | while read -r notes; do
		$GCOV -b -c -t -o "$notes" "$notes"
	done) 2>"$work/errors"
}

accepts 'control: all is reached or explained' control good
refuses 'a line that nobody explains' '1 lines are not reached' control unexplained
refuses 'an entry that is reached' 'is reached after all: lib/unit.c:main: return 0;' \
	control reached
refuses 'a function that is called' 'is called after all: lib/unit.c:main$' control called
refuses 'an entry that names nothing' 'there is no such code: lib/unit.c:main: return 2;' control absent
refuses 'an entry without a reason' 'no reason is given' control silent
[ "$failed" = 0 ] || finish

collect >"$work/gcov" || exit 99
judge "$top_srcdir/test/coverage.list" "$work/gcov" "$top_builddir/coverage.txt"
status=$?
[ "$status" = 0 ] || echo "What is not reached: $top_builddir/coverage.txt"
exit "$status"
