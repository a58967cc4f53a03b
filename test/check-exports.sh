#!/bin/sh
# SPDX-License-Identifier: MIT
# What the shared library exports, what the version map names, what the headers declare TEND_API and what the Debian
# package promises are the same; and the library is never unloaded.
. "$(dirname "$0")/checks.sh"

# The names of all functions declared TEND_API, comments left out.
declared()
{
	cat "$@" | awk '
	{
		line = $0
		while (line != "") {
			if (inside) {
				end = index(line, "*/")
				inside = !end
				line = end ? substr(line, end + 2) : ""
			} else {
				begin = index(line, "/*")
				text = text " " (begin ? substr(line, 1, begin - 1) : line)
				inside = begin > 0
				line = begin ? substr(line, begin + 2) : ""
			}
		}
		if (!inside && $0 ~ /^#/)
			text = kept
		kept = text
	}
	END {
		n = split(text, statement, ";")
		for (i = 1; i <= n; i++) {
			if (statement[i] !~ /TEND_API/)
				continue
			sub(/.*TEND_API/, "", statement[i])
			if (!match(statement[i], /[A-Za-z_0-9]+[ \t]*\(/)) {
				print "not-a-function:" statement[i]
				continue
			}
			name = substr(statement[i], RSTART, RLENGTH - 1)
			sub(/[ \t]+$/, "", name)
			print name
		}
	}' | sort
}

built()
{
	$NM -D --defined-only "$1" | awk 'NF == 3 && $2 != "A" { print $3 }' | sort
}

# same WHAT-A FILE-A WHAT-B FILE-B
same()
{
	comm -23 "$2" "$4" | sed "s/^/in the $1, not in the $3: /" >"$work/differ"
	comm -13 "$2" "$4" | sed "s/^/in the $3, not in the $1: /" >>"$work/differ"
	cat "$work/differ"
	[ ! -s "$work/differ" ]
}

# exports LIBRARY MAP HEADER...
exports()
{
	built "$1" >"$work/with_version"
	sed 's/@@\{0,1\}TEND_[0-9.]*$//' "$work/with_version" >"$work/built"
	exported "$2" >"$work/map"
	shift 2
	declared "$@" >"$work/headers"
	[ -s "$work/built" ] || { echo 'the library exports nothing'; return 1; }
	r=0
	if grep -v '@@TEND_[0-9.]*$' "$work/with_version"; then
		echo 'exported without a version'
		r=1
	fi
	same library "$work/built" map "$work/map" || r=1
	same map "$work/map" headers "$work/headers" || r=1
	return $r
}

# packaged SYMBOLS-FILE MAP
packaged()
{
	sed -n 's/^ \([a-z_0-9]*\)@.*/\1/p' "$1" | sort >"$work/packaged"
	exported "$2" >"$work/map"
	same 'symbols file' "$work/packaged" map "$work/map"
}

# never_unloaded LIBRARY: hazard 67, its threads would find no code to return to after a dlclose(3).
never_unloaded()
{
	$READELF -d "$1" >"$work/dynamic" || return 1
	grep -q NODELETE "$work/dynamic" || { echo "$1 can be unloaded"; return 1; }
}

# mini NAME MAP [FLAG]: builds the control library NAME
mini()
{
	$CC -shared -fPIC -fvisibility=hidden -I"$controls/exports" -o "$work/$1.so" "$controls/exports/$1.c" \
		-Wl,--version-script="$controls/exports/$2" ${3+"$3"} || exit 99
}

mini good good.map -Wl,-z,nodelete
mini rogue globbed.map
accepts 'control: one function in all three' \
	exports "$work/good.so" "$controls/exports/good.map" "$controls/exports/good.h"
refuses 'a declaration that is not exported' 'in the headers, not in the map: tend_declared_only' \
	exports "$work/good.so" "$controls/exports/good.map" "$controls/exports/declared_only.h"
refuses 'an export that no header declares' 'in the map, not in the headers: tend_present' \
	exports "$work/good.so" "$controls/exports/good.map" /dev/null
refuses 'a name in the map that is not built' 'in the map, not in the library: tend_absent' \
	exports "$work/good.so" "$controls/exports/absent.map" "$controls/exports/good.h"
refuses 'exported data' 'not-a-function' \
	exports "$work/good.so" "$controls/exports/good.map" "$controls/exports/good.h" "$controls/exports/data.h"
refuses 'a symbol outside the map' 'in the library, not in the map: tend_rogue' \
	exports "$work/rogue.so" "$controls/exports/good.map" "$controls/exports/good.h"

accepts 'library = map = headers' exports "$top_builddir/lib/.libs/libtend.so" "$top_srcdir/lib/libtend.map" \
	"$top_srcdir"/include/tend.h "$top_srcdir"/include/tend/*.h
# It is in a checkout alone.
symbols=$top_srcdir/debian/libtend0.symbols
if [ -f "$symbols" ]; then
	refuses 'a symbols file of other functions' 'in the symbols file, not in the map: tend_spawn' \
		packaged "$symbols" "$controls/exports/good.map"
	accepts 'symbols file = map' packaged "$symbols" "$top_srcdir/lib/libtend.map"
fi

: "${READELF:=$(command -v readelf)}"
[ -n "$READELF" ] || { [ "$failed" = 0 ] && skip 'readelf is not here, so nobody says what is in the library'; finish; }
accepts 'control: a library that stays' never_unloaded "$work/good.so"
refuses 'a library that goes' 'can be unloaded' never_unloaded "$work/rogue.so"
accepts 'the library stays' never_unloaded "$top_builddir/lib/.libs/libtend.so"
finish
