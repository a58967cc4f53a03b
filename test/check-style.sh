#!/bin/sh
# SPDX-License-Identifier: MIT
# What can be counted of the house's style: a licence in each file, no // comments, lines of at most 120 columns (a tab
# goes to the next multiple of 8), functions of at most 60 lines.
. "$(dirname "$0")/checks.sh"

licence()
{
	r=0
	for file do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' && continue
		echo "$file: no SPDX-License-Identifier"
		r=1
	done
	return $r
}

width()
{
	awk '
	length($0) > 15 {
		n = split($0, piece, "\t")
		columns = length(piece[1])
		for (i = 2; i <= n; i++)
			columns += 8 - columns % 8 + length(piece[i])
		if (columns > 120) {
			print FILENAME ":" FNR ": " columns " columns"
			bad = 1
		}
	}
	END { exit bad }' "$@"
}

comments()
{
	awk '
	FNR == 1 { inside = 0 }
	!/\/\// && !/\/\*/ && !/\*\// { next }
	{
		quote = ""
		for (i = 1; i <= length($0); i++) {
			c = substr($0, i, 1)
			two = substr($0, i, 2)
			if (inside) {
				if (two == "*/") {
					inside = 0
					i++
				}
			} else if (quote != "") {
				if (c == "\\")
					i++
				else if (c == quote)
					quote = ""
			} else if (two == "/*") {
				inside = 1
				i++
			} else if (two == "//") {
				print FILENAME ":" FNR ": a // comment"
				bad = 1
				break
			} else if (c == "\"" || c == "\047") {
				quote = c
			}
		}
	}
	END { exit bad }' "$@"
}

# A function begins with a line that starts in the first column and holds a parenthesis; its body with a { of its own.
functions()
{
	awk '
	FNR == 1 { body = 0; head = 0 }
	!body && /^[A-Za-z_][^;]*\(/ { head = FNR; text = $0 }
	!body && /^{/ { body = head ? head : FNR }
	body && /^}/ {
		lines = FNR - body + 1
		if (lines > 60) {
			print FILENAME ":" body ": a function of " lines " lines: " text
			bad = 1
		}
		body = 0
		head = 0
	}
	END { exit bad }' "$@"
}

# long_function LINES: writes one
long_function()
{
	awk -v n="$1" 'BEGIN {
		print "static void long_one(void)\n{"
		for (i = 3; i < n; i++)
			print "\tstep();"
		print "}"
	}'
}

# list NAME-PATTERN...: the files of the project, controls left out
list()
{
	for pattern do
		(cd "$top_srcdir" && find lib include tools test examples model bench fuzz -name "$pattern" \
			! -path 'test/controls/*' -type f 2>/dev/null)
	done | sed "s|^|$top_srcdir/|"
}

# shellcheck disable=SC2046 # names in this tree have no spaces
check_tree()
{
	c=$(list '*.[ch]' '*.[ch]pp')
	[ -n "$c" ] || { echo 'there are no sources'; exit 99; }
	scripts=$(list '*.sh' '*.mk' '*.map' '*.supp')
	for name in configure.ac Makefile.am bootstrap .ci/run tools/check tools/quickstart tools/install-deps \
		doc/local.mk m4/tend.m4 lib/tend.pc.in \
		cmake/local.mk cmake/tend-config.cmake.in cmake/tend-config-version.cmake.in \
		debian/rules debian/tests/example debian/tests/command; do
		[ ! -e "$top_srcdir/$name" ] || scripts="$scripts $top_srcdir/$name"
	done
	accepts 'each file names its licence' licence $c $scripts "$top_srcdir"/doc/man/*.[0-9]
	accepts 'no line is too wide' width $c $scripts
	accepts 'no // comments' comments $c
	accepts 'no function is too long' functions $c
}

accepts 'control: licence' licence "$controls/style/good.c"
accepts 'control: width' width "$controls/style/good.c"
accepts 'control: comments' comments "$controls/style/good.c"
long_function 60 >"$work/fits.c"
long_function 61 >"$work/long.c"
accepts 'control: a function of 60 lines' functions "$controls/style/good.c" "$work/fits.c"
refuses 'no licence' 'no SPDX' licence "$controls/style/unlicensed.c"
refuses 'a line of 121 columns' ':3: 121 columns' width "$controls/style/wide.c"
refuses 'a line that tabs make wide' ':4: 121 columns' width "$controls/style/wide.c"
refuses 'a // comment' ':4: a // comment' comments "$controls/style/line_comment.c"
refuses 'a function of 61 lines' 'a function of 61 lines' functions "$controls/style/good.c" "$work/long.c"
check_tree
finish
