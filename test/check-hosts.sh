#!/bin/sh
# SPDX-License-Identifier: MIT
# Hosts that are not as the tests are: that are linked statically; that know the library only through a plugin, which
# they unload while its threads run; that have another malloc(3).  Each does what test/hosts/scenario.c does.
. "$(dirname "$0")/checks.sh"

hosts=$top_srcdir/test/hosts
library=$top_builddir/lib/.libs
[ -f "$library/libtend.so" ] || skip 'there is no shared library'
if $NM -D "$library/libtend.so" | grep -q '__[ath]*san_'; then
	skip 'the library is built with a sanitizer'
fi
flags="-std=gnu11 -Wall -Wextra -I$top_srcdir/include -I$hosts -pthread"
shared="-L$library -ltend -Wl,-rpath,$library"

# built WHAT COMMAND...: whether it could be; says so where it could not.
built()
{
	what=$1
	shift
	"$@" >"$work/said" 2>&1 && return 0
	sed 's/^/  /' "$work/said" | head -n 5
	echo "not checked: $what cannot be built here"
	return 1
}

# runs COMMAND...: it says that all was good each time, and whom it left has been ended when it is gone.
runs()
{
	"$@" >"$work/out" 2>"$work/err"
	r=$?
	cat "$work/out" "$work/err"
	[ "$r" = 0 ] || { echo "exit status $r"; return 1; }
	grep -q '^good$' "$work/out" || return 1
	! grep -v -e '^good$' -e '^left [0-9]*$' "$work/out" || return 1
	for pid in $(sed -n 's/^left //p' "$work/out"); do
		! grep -q '^State:.[^ZX]' "/proc/$pid/status" 2>/dev/null || { echo "$pid is alive"; return 1; }
	done
}

refuses 'a host that fails' 'exit status 7' runs sh -c 'echo good; exit 7'
refuses 'a host to which something is wrong' 'not so' runs sh -c 'echo good; echo not so'
refuses 'a host that leaves somebody' 'is alive' runs sh -c 'echo good; echo left $PPID'

# ---- linked statically ----

# What libtend.a holds where it is built, as --enable-static does: the core, mem.c, sys.c.
archive=$library/libtend.a
if [ ! -f "$archive" ]; then
	archive="$library/mem.o $library/sys.o $library/libtend-core.a"
fi
urcu="-lurcu-mb -lurcu-common"
for way in -static -static-pie; do
	# shellcheck disable=SC2086 # they are lists
	if built "a host with $way" $CC $flags $way -o "$work/host$way" "$hosts/plain.c" "$hosts/scenario.c" \
		$archive $urcu; then
		accepts "a host with $way" runs "$work/host$way"
	fi
done

# ---- a plugin ----

# shellcheck disable=SC2086
built 'a host' $CC $flags -o "$work/plain" "$hosts/plain.c" "$hosts/scenario.c" $shared || exit 99
accepts 'a host' runs "$work/plain"
# shellcheck disable=SC2086
built 'a plugin' $CC $flags -shared -fPIC -o "$work/plugin.so" "$hosts/scenario.c" $shared || exit 99
# shellcheck disable=SC2086
built 'a host of plugins' $CC $flags -o "$work/plugin" "$hosts/plugin.c" -ldl || exit 99
accepts 'a plugin that is unloaded, three times' runs "$work/plugin" "$work/plugin.so"

# ---- another malloc ----

# shellcheck disable=SC2086
if built 'another malloc' $CC $flags -fno-builtin -shared -fPIC -o "$work/malloc.so" "$hosts/malloc.c"; then
	built 'a control' $CC $flags -fno-builtin -w -o "$work/allocates" "$controls/hosts/allocates.c" || exit 99
	accepts 'control: it does nothing unusual' runs "$work/allocates"
	refuses 'a child that allocates' 'between clone and exec' \
		runs env LD_PRELOAD="$work/malloc.so" "$work/allocates"
	refuses 'a byte too many' 'behind the end' runs env LD_PRELOAD="$work/malloc.so" "$work/allocates" behind
	accepts 'a host with another malloc' runs env LD_PRELOAD="$work/malloc.so" "$work/plain"
fi
accepts 'a host whose malloc fills what it hands out' runs env MALLOC_PERTURB_=165 "$work/plain"
finish
