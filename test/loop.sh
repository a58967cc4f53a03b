#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs programs again and again, to meet interleavings that are rare; stops at the first failure and shows its output.
#
# usage: loop.sh TIMES PROGRAM...
set -u
times=$1
shift
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
trap 'exit 1' HUP INT TERM

i=0
while [ "$i" -lt "$times" ]; do
	i=$((i + 1))
	TEST_ROUND=$i # for those that play others in each round
	export TEST_ROUND
	for program do
		"./$program" >"$said" 2>&1 </dev/null || {
			status=$?
			cat "$said"
			echo "$program: exit status $status in round $i of $times" >&2
			exit 1
		}
	done
	[ $((i % 10)) -ne 0 ] || echo "loop: $i rounds of $times passed"
done
echo "loop: all $times rounds passed"
