#!/bin/sh
# SPDX-License-Identifier: MIT
# The man pages are clean; each exported function stands in the NAME section of one of them; each macro, enumerator and
# member of the public headers occurs in one of them; and their examples compile and, with the drivers in test/man/, do
# what they are for.
. "$(dirname "$0")/checks.sh"

lint()
{
	for page do
		[ -s "$page" ] || { echo "$page: nothing is in it"; return 1; }
	done
	"$MANDOC" -T lint -W warning "$@"
}

# An argument that begins with a quote loses it, and JSON is none any more: such a line belongs into a literal block.
keeps_quotes()
{
	! grep -n '^\.D[1l] .*[[ ]"' "$@" /dev/null
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

# words HEADER...: the macros, the enumerators and the members of structs that they bring
words()
{
	awk '
	function names(body, separator,    n, parts, i, m, each, j)
	{
		n = split(body, parts, separator)
		for (i = 1; i <= n; i++) {
			gsub(/\[[^]]*\]|=.*/, "", parts[i])
			if (match(parts[i], /\(\*[a-z_]+\)/)) {
				print substr(parts[i], RSTART + 2, RLENGTH - 3)
				continue
			}
			m = split(parts[i], each, ",")
			for (j = 1; j <= m; j++)
				if (match(each[j], /[A-Za-z_0-9]+[ \t]*$/))
					print substr(each[j], RSTART, RLENGTH)
		}
	}
	{ gsub(/\/\*[^*]*\*\//, "") }
	in_comment { in_comment = !sub(/.*\*\//, "") }
	in_comment { next }
	sub(/\/\*.*/, "") { in_comment = 1 }
	$1 == "#define" && $2 ~ /^TEND_/ && $2 !~ /^TEND__|^TEND_(API|NODISCARD|PRINTF|.*_DECLS|.*_H|.*_TAG)(\(|$)/ {
		sub(/\(.*/, "", $2)
		print $2
	}
	/^#/ || continued { continued = /\\$/; next }
	{ text = text $0 " " }
	END {
		while (match(text, /(struct|enum) [a-z_]+ \{[^}]*\}/)) {
			one = substr(text, RSTART, RLENGTH - 1)
			text = substr(text, RSTART + RLENGTH)
			separator = one ~ /^enum/ ? "," : ";"
			sub(/[^{]*\{/, "", one)
			names(one, separator)
		}
	}' "$@" | tr -d ' \t' | sort -u
}

# mention HEADER... -- PAGE...
mention()
{
	headers=
	while [ "$1" != -- ]; do
		headers="$headers $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # several names, none with a blank
	words $headers >"$work/words"
	[ -s "$work/words" ] || { echo 'the headers bring nothing'; return 1; }
	cat "$@" | tr -cs 'A-Za-z0-9_' '\n' | sort -u |
		comm -23 "$work/words" - | sed 's/$/ is in no page/' >"$work/unsaid"
	cat "$work/unsaid"
	[ ! -s "$work/unsaid" ]
}

# blocks PAGE: makes each literal block of its EXAMPLES section a file of its own
blocks()
{
	rm -rf "$work/blocks"
	mkdir "$work/blocks"
	awk -v to="$work/blocks/" '
	/^\.Sh / { in_examples = $2 == "EXAMPLES" }
	/^\.Ed/ { at = 0 }
	at { gsub(/\\e/, "\\"); gsub(/\\-/, "-"); gsub(/\\\(aq/, "\047"); print >(to n ".c") }
	in_examples && /^\.Bd -literal/ { at = 1; n++ }' "$1"
}

# What the examples are compiled with.
set_up_c()
{
	compiler="$CC -std=gnu11 -x c"
	headers='errno.h fcntl.h poll.h signal.h stdatomic.h stdio.h string.h tend.h unistd.h'
}

set_up_cxx()
{
	command -v g++ >/dev/null || { echo 'there is no g++: the examples in C++ are not compiled'; return 1; }
	compiler='g++ -std=c++11 -x c++'
	headers='cstdio string tend.hpp'
}

# compile PAGE...: the examples of manual pages of sections 3 and 7; a whole program has its headers with it
compile()
{
	# shellcheck disable=SC2086 # headers are several words
	for page do
		blocks "$page"
		for block in "$work"/blocks/*.c; do
			[ -f "$block" ] || { echo "$page: there is no example"; return 1; }
			case $page in
			*.hpp.3) set_up_cxx || continue ;;
			*) set_up_c ;;
			esac
			! grep -q '^int main' "$block" || headers=
			{
				[ -z "$headers" ] || printf '#include <%s>\n' $headers
				echo "#line 1 \"${page##*/}, example ${block##*/}\""
				cat "$block"
			} | $compiler -Wall -Wextra -Werror "-I$top_srcdir/include" -fsyntax-only - ||
				return 1
		done
	done
}

# run DIRECTORY PAGE...: the examples of each page as one program, with main() of the driver in the directory, if they
# have none of their own
run()
{
	drivers=$1
	shift
	# shellcheck disable=SC2086 # headers are several words
	for page do
		name=${page##*/}
		blocks "$page"
		case $page in
		*.hpp.3) set_up_cxx || continue ;;
		*) set_up_c ;;
		esac
		driver=$(find "$drivers" -maxdepth 1 -name "$name.c*")
		[ "$driver" ] || [ "${name%.7}" != "$name" ] || { echo "$name: there is no driver"; return 1; }
		{
			printf '#include <%s>\n' $headers
			cat "$work"/blocks/*.c $driver
		} >"$work/program.c"
		$compiler -Wall -Wextra "-I$top_srcdir/include" "-I$top_srcdir/test/man" "$work/program.c" -x none \
			"-L$library" -ltend "-Wl,-rpath,$library" -pthread -o "$work/program" || return 1
		rm -rf "$work/here"
		mkdir "$work/here"
		(cd "$work/here" && ../program </dev/null) || { echo "$name: its examples have failed"; return 1; }
	done
}

accepts 'control: a NAME section' covers "$controls/exports/good.map" "$controls/man/good.3"
refuses 'a function that only the text mentions' 'tend_absent is in no' covers "$controls/exports/absent.map" \
	"$controls/man/good.3"
accepts 'each exported function has a page' covers "$top_srcdir/lib/libtend.map" "$top_srcdir"/doc/man/*.3

accepts 'control: names that are mentioned' mention "$controls/man/said.h" -- "$controls/man/good.3"
for name in TEND_UNSAID_MACRO TEND_UNSAID_ENUMERATOR unsaid_member unsaid_function; do
	refuses "$name is not mentioned" "^$name is in no page" \
		mention "$controls/man/said.h" "$controls/man/unsaid.h" -- "$controls/man/good.3"
done
accepts 'each public name is in a page' mention "$top_srcdir"/include/tend/*.h -- "$top_srcdir"/doc/man/*.[37]

accepts 'control: an example that compiles' compile "$controls/man/good.3"
refuses 'an example that does not compile' 'tend_undeclared' compile "$controls/man/broken_example.3"
refuses 'a page without an example' 'no example' compile "$controls/man/undated.3"
refuses 'a program without its headers' 'function.*puts' compile "$controls/man/no_header.3"
accepts 'the examples compile' compile "$top_srcdir"/doc/man/*.[37]

accepts 'control: no quotes' keeps_quotes "$controls/man/good.3"
refuses 'quotes that get lost' '"run"' keeps_quotes "$controls/man/quotes.3"
accepts 'no page loses quotes' keeps_quotes "$top_srcdir"/doc/man/*.[0-9]

library=$top_builddir/lib/.libs
if [ -f "$library/libtend.so" ] && ! $NM -D "$library/libtend.so" | grep -q '__[ath]*san_'; then
	accepts 'control: examples that run' run "$controls/man/running" "$controls/man/good.3"
	refuses 'an example that fails' 'its examples have failed' run "$controls/man/failing" "$controls/man/good.3"
	refuses 'an example that nobody runs' 'there is no driver' run "$controls" "$controls/man/good.3"
	accepts 'the examples run' run "$top_srcdir/test/man" "$top_srcdir"/doc/man/*.[37]
else
	echo 'there is no shared library without a sanitizer, so the examples are not run'
fi

: "${MANDOC:=$(command -v mandoc)}"
[ -n "$MANDOC" ] || { [ "$failed" = 0 ] && skip 'mandoc is not here, so the pages are not linted'; finish; }
accepts 'control: a clean page' lint "$controls/man/good.3"
refuses 'an unknown macro' 'unknown macro' lint "$controls/man/unknown_macro.3"
refuses 'a page without a date' 'missing date' lint "$controls/man/undated.3"
accepts 'the pages are clean' lint "$top_srcdir"/doc/man/*.[0-9]
finish
