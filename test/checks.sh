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

# quotes DOCUMENT DIRECTORY BEFORE NAME LANGUAGES: each block that is fenced as one of the languages is a run of lines
# of the file that was linked to last, but for the tabs that all of them begin with.  A link is one to BEFORE and NAME,
# a file below the directory; these are regular expressions.
quotes()
{
	awk -v directory="$2/" -v before="$3" -v link="[]][(][^)]*$3$4[)]" -v fence="^\`\`\`($5)\$" '
	function complain(text)
	{
		print FILENAME ":" begin ": " text
		bad = 1
	}

	# The tabs in front of the line of the example that the first line of a block is; "no" when it is not that line.
	function indent(theirs, mine,    tabs)
	{
		tabs = length(theirs) - length(mine)
		if (tabs < 0 || substr(theirs, tabs + 1) != mine || substr(theirs, 1, tabs) !~ /^\t*$/)
			return "no"
		return substr(theirs, 1, tabs)
	}

	function is_quoted(    at, i, tabs)
	{
		for (at = 1; at + n - 1 <= n_lines; at++) {
			tabs = indent(line[at], block[1])
			if (tabs == "no")
				continue
			for (i = 2; i <= n; i++)
				if (line[at + i - 1] != (block[i] == "" ? "" : tabs block[i]))
					break
			if (i > n)
				return 1
		}
		return 0
	}

	match($0, link) {
		name = substr($0, RSTART, RLENGTH - 1)
		sub(".*" before, "", name)
		n_lines = 0
		begin = FNR
		while ((got = (getline text < (directory name))) > 0)
			line[++n_lines] = text
		close(directory name)
		if (got < 0)
			complain("there is no " name)
	}
	/^```/ && inside {
		inside = 0
		blocks++
		if (n == 0 || !is_quoted())
			complain("this is not in " (name ? name : "an example"))
		next
	}
	$0 ~ fence { inside = 1; begin = FNR; n = 0; next }
	inside { block[++n] = $0 }
	END {
		if (inside)
			complain("this has no end")
		if (!blocks) {
			print FILENAME ": it quotes nothing"
			bad = 1
		}
		exit bad
	}' "$1"
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

# The first block fenced as C whose first line is a comment that holds "example.c".
example()
{
	awk '
	/^```c$/ && !found { at = NR; next }
	/^```/ && at { if (found) exit; at = 0; next }
	at && NR == at + 1 && /^\/\*.*example\.c/ { found = 1 }
	at && found { print }
	END { exit !found }' "$1"
}

# The fenced block "```output" behind it, where there is one: what the example prints.
expected()
{
	awk '/^```output$/ { at = 1; next } /^```/ && at { exit } at { print; found = 1 } END { exit !found }' "$1"
}

# exported MAP: the names that a version map exports.
exported()
{
	sed -n 's/^[[:space:]]*\([a-z_0-9]*\);$/\1/p' "$1" | sort
}
