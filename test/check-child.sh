#!/bin/sh
# SPDX-License-Identifier: MIT
# What runs between clone and exec calls nothing outside its own files: no libc, no sanitizer, no stack protector.
. "$(dirname "$0")/checks.sh"

# Where lib/raw.h has no system calls of its own the C library's have to do.
case $($CC -dumpmachine) in
x86_64-* | aarch64-*) allowed='_GLOBAL_OFFSET_TABLE_' ;;
*) allowed='_GLOBAL_OFFSET_TABLE_ syscall clone __errno_location' ;;
esac

# self_contained OBJECT...
self_contained()
{
	$NM --defined-only "$@" | awk 'NF == 3 { print $3 }' >"$work/symbols" || return 1
	[ -s "$work/symbols" ] || { echo 'there is nothing in it'; return 1; }
	$NM -u "$@" | awk -v allowed="$allowed $(tr '\n' ' ' <"$work/symbols")" '
	NF == 0 || /:$/ { next }
	BEGIN {
		n = split(allowed, names, " ")
		for (i = 1; i <= n; i++)
			known[names[i]] = 1
	}
	!($NF in known) { print "calls " $NF; bad = 1 }
	END { exit bad }'
}

# control NAME FLAG...
control()
{
	name=$1
	shift
	$CC -std=gnu11 -fPIC -O1 -c -o "$work/$name.o" "$controls/child/$name.c" "$@" || exit 99
}

control clean
control calls_libc
control thread_local
control instrumented -fstack-protector-all
accepts 'control: code that calls nothing' self_contained "$work/clean.o"
refuses 'malloc' 'calls malloc' self_contained "$work/calls_libc.o"
refuses 'errno' 'calls __errno_location' self_contained "$work/thread_local.o"
refuses 'a stack protector' 'calls __stack_chk_fail' self_contained "$work/instrumented.o"

accepts 'lib/spawn_child.c, lib/child_fds.c' self_contained "$top_builddir/lib/.libs/spawn_child.o" \
	"$top_builddir/lib/.libs/child_fds.o"
finish
