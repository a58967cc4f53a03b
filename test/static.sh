#!/bin/sh
# SPDX-License-Identifier: MIT
# Static analysis of lib/ and tools/ by each analyser that is here: gcc -fanalyzer, clang-tidy (what it looks for stands
# in .clang-tidy) and cppcheck.  Each has to see a planted defect first.  A finding that is none stands in
# test/static.list with its reason; versions of analysers differ, so an entry that nobody needs is only named.
. "$(dirname "$0")/checks.sh"

jobs=$(nproc 2>/dev/null || echo 1)
flags="-std=gnu11 -D_GNU_SOURCE -Iinclude -iquotelib ${CPPFLAGS-}"
list=$top_srcdir/test/static.list
used=$work/used
: >"$used"
cd "$top_srcdir" || exit 99

# Each prints FILE:LINE:COLUMN: warning: TEXT [CHECK], and what it likes besides.
with_gcc()
{
	# shellcheck disable=SC2016 # for the inner shell
	printf '%s\n' "$@" | FLAGS="$flags -O2 -fanalyzer" xargs -P "$jobs" -n 1 sh -c '
		gcc $FLAGS -c -o /dev/null "$0" 2>&1'
}

# tend__refuse() and its kin are explained to it, but for the file that defines them.
with_clang_tidy()
{
	# shellcheck disable=SC2016
	printf '%s\n' "$@" | FLAGS="$flags" xargs -P "$jobs" -n 1 sh -c '
		case $0 in
		lib/error.c | tools/*) ;;
		*) FLAGS="$FLAGS -include test/analysis.h" ;;
		esac
		clang-tidy --quiet "$0" -- $FLAGS 2>/dev/null'
}

with_cppcheck()
{
	cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr -D_GNU_SOURCE -D__linux__ \
		-D__x86_64__ -D__GNUC__=12 -Iinclude -Ilib --suppress=missingIncludeSystem \
		--template='{file}:{line}:{column}: warning: {message} [{id}]' "$@" 2>&1
}

# judge OUTPUT: the findings in it that are not in the list
judge()
{
	awk -v used="$used" '
	FILENAME == ARGV[1] && (/^#/ || /^$/) { next }
	FILENAME == ARGV[1] && /^\t/ { next }
	FILENAME == ARGV[1] {
		excused[$0] = 1
		next
	}
	!/^[^ :]+:[0-9]+:[0-9]+: (warning|error): .*\]$/ { next }
	{
		split($0, part, ":")
		name = $0
		sub(/.*\[/, "", name)
		sub(/[],].*/, "", name)
		file = part[1]
		sub(/.*\/(lib|tools|test)\//, "&", file)
		if (match(file, /(lib|tools|test|include)\/[^:]*$/))
			file = substr(file, RSTART)
		text = ""
		for (n = 0; n < part[2] && (getline line < part[1]) > 0; n++)
			text = line
		close(part[1])
		gsub(/^[ \t]+|[ \t]+$/, "", text)
		entry = name " " file ": " text
		if (entry in excused) {
			print entry >>used
			next
		}
		print
		print "  in test/static.list: " entry
		bad = 1
	}
	END { exit bad }' "$list" "$1"
}

# analyse WITH FILE...
analyse()
{
	"$@" >"$work/found"
	judge "$work/found"
}

# shellcheck disable=SC2046 # names in this tree have no spaces
by()
{
	command -v "$2" >/dev/null 2>&1 || { echo "left out: there is no $2"; return; }
	refuses "a use after free, by $2" '\[' analyse "$1" test/controls/static/use_after_free.c
	accepts "lib/ and tools/, by $2" analyse "$1" $(echo lib/*.c tools/*.c)
}

by with_gcc gcc
by with_clang_tidy clang-tidy
by with_cppcheck cppcheck
grep -v -e '^#' -e '^$' -e '^	' "$list" | while read -r entry; do
	grep -qxF -e "$entry" "$used" || echo "not needed here: $entry"
done
[ "$passed" != 0 ] || skip 'no analyser is here'
finish
