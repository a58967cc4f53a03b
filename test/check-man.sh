#!/bin/sh
# SPDX-License-Identifier: MIT
# The man pages are clean, and each exported function stands in the NAME section of one of them.
. "$(dirname "$0")/checks.sh"

lint()
{
	for page do
		[ -s "$page" ] || { echo "$page: nothing is in it"; return 1; }
	done
	"$MANDOC" -T lint -W warning "$@"
}

# in_names PAGE...: what their NAME sections name
in_names()
{
	awk '
	FNR == 1 { names = 0 }
	/^\.Sh / { names = $2 == "NAME" }
	names && /^\.Nm / { sub(/^\.Nm +/, ""); sub(/ *,$/, ""); print }' "$@" | sort -u
}

# covers MAP PAGE...
covers()
{
	exported "$1" >"$work/exported"
	shift
	[ -s "$work/exported" ] || { echo 'the map exports nothing'; return 1; }
	in_names "$@" | comm -23 "$work/exported" - | sed 's/$/ is in no NAME section/' >"$work/homeless"
	cat "$work/homeless"
	[ ! -s "$work/homeless" ]
}

accepts 'control: a NAME section' covers "$controls/exports/good.map" "$controls/man/good.3"
refuses 'a function that only the text mentions' 'tend_absent is in no' covers "$controls/exports/absent.map" \
	"$controls/man/good.3"
accepts 'each exported function has a page' covers "$top_srcdir/lib/libtend.map" "$top_srcdir"/doc/man/*.3

: "${MANDOC:=$(command -v mandoc)}"
[ -n "$MANDOC" ] || { [ "$failed" = 0 ] && skip 'mandoc is not here, so the pages are not linted'; finish; }
accepts 'control: a clean page' lint "$controls/man/good.3"
refuses 'an unknown macro' 'unknown macro' lint "$controls/man/unknown_macro.3"
refuses 'a page without a date' 'missing date' lint "$controls/man/undated.3"
accepts 'the pages are clean' lint "$top_srcdir"/doc/man/*.[0-9]
finish
