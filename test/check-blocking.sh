#!/bin/sh
# SPDX-License-Identifier: MIT
# doc/BLOCKING.md, the tests and the exported functions agree:
#
#  1. Each row says what blocks, why, and what wakes it, and none stands there twice.
#  2. Each row has a test, `test_x.c: name, name`, that exists: the function is in the table of tests of that file.
#  3. Each exported function has a row, or stands behind the heading of those that do not block, and not both.
#  4. Nothing else is called a function of the library.
. "$(dirname "$0")/checks.sh"

# blocking MAP DOCUMENT TEST...
blocking()
{
	exported "$1" >"$work/exported"
	document=$2
	shift 2
	# shellcheck disable=SC2154 # it is in checks.sh
	awk "$tests_awk"'
	part == "exported" {
		is_exported[$1] = 1
		next
	}

	part == "tests" {
		note_tests($0)
		next
	}

	# ---- the document ----

	# Notes all functions that the text names in `where`.
	function note_functions(text, where,    name)
	{
		while (match(text, /`tend_[a-z_0-9]+\(\)`/)) {
			name = substr(text, RSTART + 1, RLENGTH - 4)
			text = substr(text, RSTART + RLENGTH)
			if (!(name in is_exported))
				complain("there is no function " name)
			where[name] = 1
		}
	}

	/^## / { never_blocks = /do not block/ }

	never_blocks { note_functions($0, free) }

	/^\| / && !/^\| (call|thread) / {
		if (split($0, cell, / *\| */) < 6 || cell[2] == "" || cell[3] == "" || cell[4] == "")
			complain("what blocks, why, what wakes it, and a test are wanted")
		what = cell[2] ", " cell[3] ", " cell[4]
		if (seen[what]++)
			complain(what " stands here twice")
		note_functions(cell[2], blocks)
		look_at_references(cell[5], what, "", 0)
		if (!n_references)
			complain(what ": no test")
	}

	END {
		for (name in is_exported) {
			if (!(name in blocks) && !(name in free))
				complain(name " is missing")
			if (name in blocks && name in free)
				complain(name " is said to block, and not to")
		}
		exit bad
	}' part=exported "$work/exported" part=tests "$@" part=doc "$document"
}

# control SED-SCRIPT FILE: the controls, which agree as they stand, with FILE changed
control()
{
	rm -rf "$work/changed"
	mkdir "$work/changed"
	for file in good.map good.md test_good.c; do
		cat "$controls/blocking/$file" >"$work/changed/$file"
	done
	sed -E "$1" "$controls/blocking/$2" >"$work/changed/$2"
	if cmp -s "$controls/blocking/$2" "$work/changed/$2"; then
		echo 'nothing was changed'
		return 0
	fi
	blocking "$work/changed/good.map" "$work/changed/good.md" "$work/changed/test_good.c"
}

accepts 'control: a document that agrees' blocking "$controls/blocking/good.map" "$controls/blocking/good.md" \
	"$controls/blocking/test_good.c"
refuses 'a row twice' 'a bell stands here twice' control '/it is late/p' good.md
refuses 'a row without a reason' 'what blocks, why' control 's/it is late//' good.md
refuses 'a row without a waker' 'what blocks, why' control 's/the sun//' good.md
refuses 'a row without a test' 'the sun: no test' control 's/the sun \| [^|]*/the sun | soon /' good.md
refuses 'a test that does not exist' 'no test wroks in test_good.c' control 's/c: works`/c: wroks`/' good.md
refuses 'a function that is in no table' 'no test works in test_good.c' \
	control 's/"works", works/"works", others/' test_good.c
refuses 'a function without a row' 'tend_rest is missing' control 's/, `tend_rest\(\)`//' good.md
refuses 'a new function' 'tend_sleep is missing' control 's/tend_rest;/&\n\ttend_sleep;/' good.map
refuses 'a function that does both' 'tend_wait is said to block' control 's/`tend_look/`tend_wait()`, &/' good.md
refuses 'a function that is none' 'there is no function tend_lock' control 's/tend_look/tend_lock/' good.md

accepts 'doc/BLOCKING.md' blocking "$top_srcdir/lib/libtend.map" "$top_srcdir/doc/BLOCKING.md" "$top_srcdir"/test/*.c
finish
