#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the same sources otherwise, and runs their tests.  A copy of what "make dist" would pack goes to
# build-NAME/source, so that this also works beside a tree that is configured in place; the copy keeps the files' times,
# so that a second run compiles only what has changed.
#
# usage: variant.sh NAME TARGET [CONFIGURE-ARGUMENT...]      in a build directory; MAKE and CC in the environment
set -eu
name=$1
target=$2
shift 2
dir=build-$name
mkdir -p "$dir"

$MAKE -s distdir distdir="$dir/source"
set -- CC="$CC" CFLAGS='-g -O1' "$@"
if [ ! -f "$dir/Makefile" ] || [ "$(cat "$dir/configured" 2>/dev/null)" != "$*" ]; then
	find "$dir" -mindepth 1 -maxdepth 1 ! -name source -exec rm -rf {} +
	(cd "$dir" && ./source/configure --quiet "$@")
	echo "$*" >"$dir/configured"
fi

case $name in
# ThreadSanitizer needs its addresses where it expects them; where personality(2) is forbidden it has to do without.
tsan) setarch "$(uname -m)" -R true 2>/dev/null && set -- LOG_COMPILER=setarch LOG_FLAGS="$(uname -m) -R" || set -- ;;
# The child's half counts as well.  It may: counting is an atomic increment in place.
coverage) set -- CHILD_CFLAGS='-fno-stack-protector -fno-builtin' ;;
valgrind) set -- LOG_COMPILER=valgrind LOG_FLAGS="$VALGRIND_FLAGS" ;;
*) set -- ;;
esac
exec $MAKE -C "$dir" "$target" "$@"
