#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles alone, included twice, as C11 and as C++11 to C++20, by every compiler that is here; so
# does each program in C++, all of whose templates are made then.
. "$(dirname "$0")/checks.sh"

# alone COMPILER LANGUAGE STANDARD DIRECTORY HEADER
alone()
{
	printf '#include <%s>\n#include <%s>\n' "$5" "$5" |
		$1 -x "$2" "-std=$3" -pedantic -Wall -Wextra -Werror -fsyntax-only "-I$4" -
}

# one_by_one COMPILER LANGUAGE STANDARD
one_by_one()
{
	command -v "${1%% *}" >/dev/null || { echo "$1 is not here"; return; }
	n=$((n + 1))
	accepts "control: a header that stands alone, $1" alone "$1" "$2" "$3" "$controls/headers" alone.h
	refuses "a header that needs another one, $1" 'size_t' alone "$1" "$2" "$3" "$controls/headers" needs_other.h
	refuses "a header without a guard, $1" 'redefinition' alone "$1" "$2" "$3" "$controls/headers" unguarded.h
	refuses "an extension, $1" 'zero' alone "$1" "$2" "$3" "$controls/headers" extension.h
	[ "$2" = c ] || refuses "a C++ keyword, $1" 'class' alone "$1" "$2" "$3" "$controls/headers" keyword.h
	for header in $(headers_of "$3"); do
		accepts "$header, $3, $1" alone "$1" "$2" "$3" "$top_srcdir/include" "$header"
	done
	[ "$2" = c ] && return
	refuses "a program that does not compile, $1" 'nothing' program "$1" "$3" "$controls/headers/broken.cpp"
	refuses "a plan whose phases are gone, $1" 'TEND_STOP_TERM' program "$1" "$3" "$controls/headers/dangling.cpp"
	for program in "$top_srcdir/test/test_cpp.cpp" "$top_srcdir/examples/cookbook/in_cpp.cpp"; do
		accepts "${program##*/}, $3, $1" program "$1" "$3" "$program"
	done
}

# headers_of STANDARD: whether one needs another does not depend on it, so only with the oldest all are tried one by one
headers_of()
{
	case $1 in
	c*11) (cd "$top_srcdir/include" && echo tend.h tend/*.h) ;;
	*) echo tend.h ;;
	esac
	[ "$1" = c11 ] || echo tend.hpp
}

# program COMPILER STANDARD SOURCE
program()
{
	$1 "-std=$2" -pedantic -Wall -Wextra -Werror -fsyntax-only "-I$top_srcdir/include" \
		-iquote "$top_srcdir/test" "$3"
}

n=0
one_by_one "$CC" c c11
[ "${CC%% *}" = gcc ] || one_by_one gcc c c11
[ "${CC%% *}" = clang ] || one_by_one clang c c11
[ "$n" -gt 0 ] && n=0
for standard in 11 14 17 20; do
	one_by_one g++ c++ "c++$standard"
	one_by_one clang++ c++ "c++$standard"
done
[ "$failed" = 0 ] && [ "$n" = 0 ] && skip 'there is no C++ compiler; as C11 all headers are well'
finish
