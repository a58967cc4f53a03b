#!/bin/sh
# SPDX-License-Identifier: MIT
# That the two long controls of the tests, which make check does not have the time for, still work: that every plant
# applies and every memory order has its row, and that one planted defect and one missing grace period are seen.
. "$(dirname "$0")/checks.sh"

cd "$top_builddir" || exit 99
: "${MAKE:=make}"

accepts 'a planted defect is seen' "$MAKE" -s check-defects DEFECTS=OE-41
echo 'int main(void) { return 0; }' >"$work/empty.c"
if $CC -fsanitize=thread "$work/empty.c" -o "$work/empty" 2>"$work/said" && "$work/empty" 2>"$work/said"; then
	accepts 'a missing grace period is seen' "$MAKE" -s check-orders ORDERS='a set is freed'
else
	echo 'left out: no ThreadSanitizer'
fi

finish
