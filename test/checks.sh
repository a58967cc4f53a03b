# SPDX-License-Identifier: MIT
# What the check scripts share; each sources it.  A check is a rule, tried first on controls: one that it must accept,
# and some that it must refuse, or it is no check at all; and then on the project's own files.

set -u
LC_ALL=C
export LC_ALL
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
: "${CC:=cc}"
: "${NM:=nm}"
controls=$top_srcdir/test/controls
check=$(basename "$0" .sh)
work=$(mktemp -d "${TMPDIR:-/tmp}/tend-$check.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

SKIP=77
passed=0
failed=0

report()
{
	[ "$1" = 0 ] && passed=$((passed + 1)) || failed=$((failed + 1))
	[ "$1" = 0 ] && echo "ok: $2" || echo "FAILED: $2"
}

# accepts WHAT COMMAND...: the rule must succeed.
accepts()
{
	what=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		report 0 "$what"
	else
		sed 's/^/  /' "$work/said"
		report 1 "$what"
	fi
}

# refuses WHAT PATTERN COMMAND...: the rule must fail, and say why in a line that matches.
refuses()
{
	what=$1
	pattern=$2
	shift 2
	if "$@" >"$work/said" 2>&1; then
		report 1 "control: $what (it was accepted)"
	elif grep -q -e "$pattern" "$work/said"; then
		report 0 "control: $what"
	else
		sed 's/^/  /' "$work/said"
		report 1 "control: $what (refused, but for another reason)"
	fi
}

finish()
{
	echo "$check: $passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
}

skip()
{
	echo "$check: skipped: $1"
	exit $SKIP
}

# awk functions of the checks that compare a document with the tests that it names, as `test_x.c: name, name`.
# shellcheck disable=SC2034,SC2016 # for those who source this
tests_awk='
	function complain(text)
	{
		print FILENAME ":" FNR ": " text
		bad = 1
	}

	# One line of a test: the words that are in its file, and the functions in its table of tests.
	function note_tests(line,    n, i, words, entry)
	{
		if (FNR == 1) {
			test_file = FILENAME
			sub(/.*\//, "", test_file)
		}
		n = split(line, words, /[^A-Za-z0-9_]+/)
		for (i = 1; i <= n; i++)
			has_word[test_file, words[i]] = 1
		if (match(line, /\{ "[^"]*", [A-Za-z_0-9]+ \}/)) {
			entry = substr(line, RSTART, RLENGTH)
			sub(/^\{ "[^"]*", /, "", entry)
			sub(/ \}$/, "", entry)
			is_test[test_file, entry] = 1
		}
		if (match(line, /\{ \.name = "[^"]*"/)) {
			entry = substr(line, RSTART, RLENGTH)
			gsub(/.*= "|"$/, "", entry)
			is_test[test_file, entry] = 1
		}
	}

	# Counts the references in `text`, and those that name no test.  With a name, one of the files must have it.
	function look_at_references(text, what, name, is_pending,    span, of, tests, n, i, found)
	{
		n_references = n_absent = found = 0
		while (match(text, /`[a-z_0-9]+\.c: [^`]*`/)) {
			span = substr(text, RSTART + 1, RLENGTH - 2)
			text = substr(text, RSTART + RLENGTH)
			of = span
			sub(/: .*/, "", of)
			sub(/[^:]*: /, "", span)
			found = found || (of, name) in has_word
			n = split(span, tests, /, /)
			for (i = 1; i <= n; i++) {
				n_references++
				if ((of, tests[i]) in is_test)
					continue
				n_absent++
				if (!is_pending)
					complain(what ": there is no test " tests[i] " in " of)
			}
		}
		if (name && n_references > n_absent && !found)
			complain(what ": no file that answers it has the name " name)
	}
'

# exported MAP: the names that a version map exports.
exported()
{
	sed -n 's/^[[:space:]]*\([a-z_0-9]*\);$/\1/p' "$1" | sort
}
