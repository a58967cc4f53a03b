#!/bin/sh
# SPDX-License-Identifier: MIT
# doc/REQUIREMENTS.md and the tests agree:
#
#  1. Each id of test/requirements.list has one row, and no other has.
#  2. Each row has an answer: a test, `test_x.c: name, name`, or "not applicable:", or "(pending)".
#  3. A test that is named exists: the function is in the table of tests of that file.  Those behind "(pending)" need
#     not; but once they all do, the row is not pending any more.
#  4. The name of a test of the peer occurs in a file that answers it.
#  5. Each defect of the last table is planted by test/check-defects.sh.
#  6. An id in a test is one of the list.
. "$(dirname "$0")/checks.sh"

# requirements DOCUMENT LIST DEFECTS TEST...
requirements()
{
	document=$1
	list=$2
	defects=$3
	shift 3
	awk "$tests_awk"'
	# Adds the ids of the fields from `first` on.
	function add_ids(prefix, first, of,    i, n, ends)
	{
		for (i = first; i <= NF; i++) {
			split($i, ends, "-")
			for (n = ends[1] + 0; n <= (ends[2] ? ends[2] : ends[1]) + 0; n++)
				of[prefix "-" n] = 1
		}
		if (!(prefix in is_prefix))
			prefixes = prefixes (prefixes ? "|" : "") prefix
		is_prefix[prefix] = 1
	}

	part == "list" && !/^#/ && NF {
		if ($1 == "peer")
			n_peer_wanted = $2
		else if ($1 == "elsewhere")
			add_ids($2, 3, elsewhere)
		else
			add_ids($1, 2, wanted)
		next
	}

	# ---- tests ----

	function look_for_ids(line,    rest, id)
	{
		rest = line
		while (match(rest, "(^|[^A-Za-z0-9_-])(" prefixes ")-[0-9]+")) {
			id = substr(rest, RSTART, RLENGTH)
			rest = substr(rest, RSTART + RLENGTH)
			sub(/^[^A-Z]*/, "", id)
			if (!(id in wanted) && !(id in elsewhere))
				complain("there is no requirement " id)
		}
	}

	part == "tests" {
		look_for_ids($0)
		note_tests($0)
		next
	}

	part == "defects" {
		if ($1 == "plant")
			is_planted[$2] = 1
		next
	}

	# ---- the document ----

	function look_at_answer(what, answer, name,    at, later)
	{
		at = index(answer, "(pending)")
		later = at ? substr(answer, at) : ""
		if (at)
			answer = substr(answer, 1, at - 1)
		look_at_references(answer, what, name, 0)
		if (!n_references && !at && answer !~ /not applicable: ./)
			complain(what ": no test, and no reason")
		if (at) {
			look_at_references(later, what, "", 1)
			if (n_references && !n_absent)
				complain(what ": it is not pending any more")
		}
	}

	part == "doc" && /^## / { section = $2 }

	part == "doc" && /^\| / {
		n = split($0, cell, / *\| */)
		what = cell[2]
		if (what ~ /^(id|test|what)$/)
			next
		if (section == "Tests") {
			name = what
			sub(/ .*/, "", name)
			if (what ~ /::/) {
				n_peer++
				if (seen[what]++)
					complain(what " stands here twice")
				sub(/.*::/, "", name)
			} else {
				name = ""
			}
			look_at_answer(what, cell[3], name)
			next
		}
		if (seen[what]++)
			complain(what " stands here twice")
		if (!(what in wanted))
			complain("there is no requirement " what)
		if (n < 5 || cell[3] == "")
			complain(what ": nothing is demanded")
		look_at_answer(what, cell[4], "")
		if (section == "Defects" && cell[5] !~ /^\(pending\)|^not applicable: ./ && !(what in is_planted))
			complain(what ": it is not planted")
	}

	END {
		for (id in wanted)
			if (!seen[id])
				complain(id " is missing")
		if (n_peer + 0 != n_peer_wanted + 0)
			complain("there are " n_peer + 0 " tests of the peer, not " n_peer_wanted)
		exit bad
	}' part=list "$list" part=tests "$@" part=defects "$defects" part=doc "$document"
}

# control SED-SCRIPT FILE: the controls, which agree as they stand, with FILE changed
control()
{
	rm -rf "$work/changed"
	mkdir "$work/changed"
	for file in good.md good.list defects.sh test_good.c; do
		cat "$controls/requirements/$file" >"$work/changed/$file"
	done
	sed -E "$1" "$controls/requirements/$2" >"$work/changed/$2"
	if cmp -s "$controls/requirements/$2" "$work/changed/$2"; then
		echo 'nothing was changed'
		return 0
	fi
	requirements "$work/changed/good.md" "$work/changed/good.list" "$work/changed/defects.sh" \
		"$work/changed/test_good.c"
}

accepts 'control: a document that agrees' requirements "$controls/requirements/good.md" \
	"$controls/requirements/good.list" "$controls/requirements/defects.sh" "$controls/requirements/test_good.c"
refuses 'a hole in the numbers' ' AB-2 is missing' control '/AB-2/d' good.md
refuses 'a row too many' 'no requirement AB-7' control 's/^\| AB-2 /| AB-7 /' good.md
refuses 'a row twice' 'AB-2 stands here twice' control '/AB-2/p' good.md
refuses 'a row that demands nothing' 'AB-2: nothing is demanded' control 's/Second\.//' good.md
refuses 'a row without an answer' 'AB-2: no test, and no reason' \
	control 's/not applicable: .*\|$/to be done |/' good.md
refuses 'a reason that is none' 'AB-2: no test, and no reason' control 's/(not applicable:) .*\|$/\1 |/' good.md
refuses 'a test file that does not exist' 'no test works in test_gone.c' control 's/test_good/test_gone/' good.md
refuses 'a test that does not exist' 'no test fails in test_good.c' control 's/c: works/c: fails/' good.md
refuses 'a second one that does not' 'no test fails in test_good.c' control 's/c: works/c: works, fails/' good.md
refuses 'a function that is in no table' 'no test works in test_good.c' \
	control 's/"works", works/"works", others/' test_good.c
refuses 'a pending test that is there' 'AB-3: it is not pending any more' \
	control 's/test_later.c: /test_good.c: /' good.md
refuses 'a test of the peer that no comment names' 'has the name first_works' \
	control 's/first_works/is_gone/' test_good.c
refuses 'a test of the peer that is missing' 'are 1 tests of the peer, not 2' control '/first_works/d' good.md
refuses 'a defect that is not planted' 'XY-1: it is not planted' control '/plant XY-1/d' defects.sh
refuses 'an id of nothing in a test' 'test_good.c:.* no requirement AB-9' control 's/AB-1/AB-9/' test_good.c

requirements_of_tree()
{
	requirements "$top_srcdir/doc/REQUIREMENTS.md" "$top_srcdir/test/requirements.list" \
		"$top_srcdir/test/check-defects.sh" "$top_srcdir"/test/*.c
}

accepts 'doc/REQUIREMENTS.md' requirements_of_tree
echo "$(grep -c '^|.*(pending)' "$top_srcdir/doc/REQUIREMENTS.md") rows are pending"
finish
