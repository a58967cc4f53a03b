#!/bin/sh
# SPDX-License-Identifier: MIT
# doc/HAZARDS.md and the tests agree:
#
#  1. Each number from 1 to the last has one row, in order.
#  2. Each row says what goes wrong and what is done here, and has an answer: tests, `test_x.c: name, name`; checks,
#     `check-x.sh`; or "cannot happen here:" and a reason.
#  3. A test that is named exists: the function is in the table of tests of that file.  So does a check.
#  4. Nothing is open.
. "$(dirname "$0")/checks.sh"

# hazards LAST DOCUMENT TEST...
hazards()
{
	last=$1
	document=$2
	shift 2
	checks=$(cd "$top_srcdir/test" && echo check-*.sh)
	# shellcheck disable=SC2154 # it is in checks.sh
	awk -v last="$last" -v checks=" $checks " "$tests_awk"'
	part == "tests" {
		note_tests($0)
		next
	}

	# ---- the document ----

	function look_at_checks(text,    name)
	{
		n_checks = 0
		while (match(text, /`check-[a-z]+\.sh`/)) {
			name = substr(text, RSTART + 1, RLENGTH - 2)
			text = substr(text, RSTART + RLENGTH)
			n_checks++
			if (!index(checks, " " name " "))
				complain(what ": there is no " name)
		}
	}

	/^\| *[0-9]/ {
		if (split($0, cell, / *\| */) < 6)
			complain("four cells are wanted")
		what = "hazard " cell[2]
		if (cell[2] + 0 != ++n_rows) {
			complain("hazard " n_rows " is not here, but " cell[2])
			n_rows = cell[2] + 0
		}
		if (cell[3] == "" || cell[4] == "")
			complain(what ": it is not said what goes wrong, or what is right")
		look_at_references(cell[5], what, "", 0)
		look_at_checks(cell[5])
		if (cell[5] ~ /open:/)
			complain(what " is " substr(cell[5], index(cell[5], "open:")))
		else if (!n_references && !n_checks && cell[5] !~ /cannot happen here: ./)
			complain(what ": no test, and no reason")
	}

	END {
		if (n_rows != last)
			complain("there are " n_rows + 0 " hazards, not " last)
		exit bad
	}' part=tests "$@" part=doc "$document"
}

# control SED-SCRIPT FILE: the controls, which agree as they stand, with FILE changed
control()
{
	rm -rf "$work/changed"
	mkdir "$work/changed"
	for file in good.md test_good.c; do
		cat "$controls/hazards/$file" >"$work/changed/$file"
	done
	sed -E "$1" "$controls/hazards/$2" >"$work/changed/$2"
	if cmp -s "$controls/hazards/$2" "$work/changed/$2"; then
		echo 'nothing was changed'
		return 0
	fi
	hazards 5 "$work/changed/good.md" "$work/changed/test_good.c"
}

accepts 'control: a document that agrees' hazards 5 "$controls/hazards/good.md" "$controls/hazards/test_good.c"
refuses 'a hole in the numbers' 'hazard 2 is not here, but 3' control '/^\| 2 /d' good.md
refuses 'a row twice' 'hazard 3 is not here, but 2' control '/^\| 2 /p' good.md
refuses 'a last row that is missing' 'there are 4 hazards, not 5' control '/^\| 5 /d' good.md
refuses 'a row too many' 'there are 6 hazards, not 5' control '/^\| 5 /{p;s/5/6/}' good.md
refuses 'a row that says nothing' 'hazard 3: it is not said' control 's/It is repaired\.//' good.md
refuses 'a row without an answer' 'hazard 2: no test, and no reason' \
	control 's/cannot happen here: .*\|$/soon |/' good.md
refuses 'a reason that is none' 'hazard 2: no test, and no reason' control 's/(happen here:) .*\|$/\1 |/' good.md
refuses 'a test file that does not exist' 'no test works in test_gone.c' control 's/test_good/test_gone/' good.md
refuses 'a test that does not exist' 'no test wroks in test_good.c' control 's/c: works`/c: wroks`/' good.md
refuses 'a second one that does not' 'no test fails in test_good.c' control 's/c: works`/c: works, fails`/' good.md
refuses 'a function that is in no table' 'no test works in test_good.c' \
	control 's/"works", works/"works", others/' test_good.c
refuses 'a check that does not exist' 'there is no check-nothing.sh' control 's/check-child/check-nothing/' good.md
refuses 'what is open' 'hazard 3 is open: nobody' control 's/(works_too`)/\1; open: nobody has looked/' good.md

accepts 'doc/HAZARDS.md' hazards 102 "$top_srcdir/doc/HAZARDS.md" "$top_srcdir"/test/*.c
finish
