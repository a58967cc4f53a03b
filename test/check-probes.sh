#!/bin/sh
# SPDX-License-Identifier: MIT
# The static probes: doc/PROBES.md has all that the sources have, with as many arguments; what was built has them, or,
# where it was built without, none; and examples/probes/watch.sh sees a child of the tool, where bpftrace(8) can be run.
. "$(dirname "$0")/checks.sh"
: "${PROBES:=no}"

# "NAME NUMBER-OF-ARGUMENTS", sorted.
in_sources()
{
	cat "$@" | sed -n 's/.*TEND__PROBE(\([a-z_]*\), \(.*\));$/\1 \2/p' |
		awk '{ name = $1; print name, gsub(/,/, "") + 1 }' | sort
}

in_page()
{
	awk -F ' \\| ' '/^\| `/ { gsub(/[|` ]/, "", $1); print $1, gsub(/,/, ",", $3) + 1 }' "$1" | sort
}

in_library()
{
	readelf -nW "$1" | awk '$1 == "Name:" { name = $2 } $1 == "Arguments:" { print name, NF - 1 }' | sort -u
}

# same WHAT FILE FILE
same()
{
	diff -u "$2" "$3" >"$work/differs" && [ -s "$2" ] && return
	echo "$1"
	cat "$work/differs"
	return 1
}

page_is_whole()
{
	in_sources "$2"/*.c >"$work/sources"
	in_page "$1" >"$work/page"
	same 'the sources (-) and the page (+) differ' "$work/sources" "$work/page"
}

library_is_whole()
{
	in_page "$1" >"$work/page"
	in_library "$2" >"$work/library"
	same 'the page (-) and the library (+) differ' "$work/page" "$work/library"
}

library_has_none()
{
	[ -f "$1" ] && [ -z "$(in_library "$1")" ]
}

# With the page's "loss" left out, and with an argument more in "read".
sed '/^| `loss`/d' "$top_srcdir/doc/PROBES.md" >"$work/less.md"
sed '/^| `read`/s/ |$/, text else |/' "$top_srcdir/doc/PROBES.md" >"$work/more.md"
refuses 'a probe that the page does not have' '^-loss 5' page_is_whole "$work/less.md" "$top_srcdir/lib"
refuses 'an argument that the source does not have' '^+read 5' page_is_whole "$work/more.md" "$top_srcdir/lib"
accepts 'doc/PROBES.md' page_is_whole "$top_srcdir/doc/PROBES.md" "$top_srcdir/lib"

library=$top_builddir/lib/.libs/libtend.so.0
if [ "$PROBES" != yes ]; then
	accepts 'the library was built without, and has none' library_has_none "$library"
	finish
fi
refuses 'a library that is not as the page says' '^+loss 5' library_is_whole "$work/less.md" "$library"
accepts 'the library' library_is_whole "$top_srcdir/doc/PROBES.md" "$library"

# Until the watcher has said something: nothing tells from outside when it has attached itself.
watched()
{
	"$top_srcdir/examples/probes/watch.sh" "$library" >"$work/seen" 2>&1 &
	watcher=$!
	for _ in $(seq 300); do
		"$TEND_TOOL" run -q -- "$TEND_HELPERS/exiter" 7
		grep -q 'exit code 7 after' "$work/seen" && break
		kill -0 "$watcher" 2>/dev/null || break
		sleep 0.1
	done
	kill -INT "$watcher"
	wait "$watcher"
	grep -q 'started: exiter' "$work/seen" && grep -q 'exit code 7 after' "$work/seen" && return
	cat "$work/seen"
	return 1
}

if [ -x "${TEND_TOOL:-/nowhere}" ] && timeout 60 bpftrace -e 'BEGIN { exit() }' >/dev/null 2>&1; then
	accepts 'watch.sh sees a child' watched
else
	echo 'left out: watch.sh, for want of bpftrace(8) or of the right to run it'
fi
finish
