#!/bin/sh
# SPDX-License-Identifier: MIT
# A program outside the tree: README's example, as it stands there, compiled against an installed prefix with nothing
# but
#     cc example.c $(pkg-config --cflags --libs tend)
# and run.  The library is built once more for this, from what "make dist" would pack, with the prefix it then has.
. "$(dirname "$0")/checks.sh"

unset MAKEFLAGS MFLAGS MAKELEVEL
: "${MAKE:=make}"
prefix=$work/prefix

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

# shellcheck disable=SC2046,SC2086 # flags are several words
compiles()
{
	(cd "$1" && $CC example.c $(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs tend) -o example)
}

runs()
{
	(cd "$1" && LD_LIBRARY_PATH=$prefix/lib ./example </dev/null >printed 2>complained) || {
		echo "exit status $?"
		cat "$1/printed" "$1/complained"
		return 1
	}
	[ -s "$1/printed" ] || { echo 'it printed nothing'; return 1; }
	[ ! -f "$1/expected" ] || diff "$1/expected" "$1/printed"
}

install_copy()
{
	(cd "$top_builddir" && $MAKE -s distdir distdir="$work/source") &&
		mkdir "$work/build" &&
		(cd "$work/build" &&
			../source/configure --quiet --prefix="$prefix" --libdir="$prefix/lib" --disable-tool \
				CC="$CC" CFLAGS=-O1 &&
			$MAKE -s -j2 install)
}

accepts 'it installs to a prefix' install_copy
[ "$failed" = 0 ] || finish

mkdir "$work/app" "$work/broken" "$work/failing"
accepts 'README has a block whose first line names example.c' example "$top_srcdir/README.md"
cp "$work/said" "$work/app/example.c"
expected "$top_srcdir/README.md" >"$work/app/expected" || rm -f "$work/app/expected"
example "$controls/consumer/broken.md" >"$work/broken/example.c"
example "$controls/consumer/failing.md" >"$work/failing/example.c"
expected "$controls/consumer/failing.md" >"$work/failing/expected"

refuses 'an example that uses what is not public' 'tend__' compiles "$work/broken"
accepts 'control: an example that compiles' compiles "$work/failing"
refuses 'an example that prints something else' '^> something else' runs "$work/failing"
accepts 'the example compiles' compiles "$work/app"
accepts 'the example runs' runs "$work/app"
finish
