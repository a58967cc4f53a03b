# SPDX-License-Identifier: MIT
# What the check scripts share; each sources it.  A check is a rule, tried first on controls: one that it must accept,
# and some that it must refuse, or it is no check at all; and then on the project's own files.

set -u
LC_ALL=C
export LC_ALL
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
: "${CC:=cc}"
: "${NM:=nm}"
controls=$top_srcdir/test/controls
check=$(basename "$0" .sh)
work=$(mktemp -d "${TMPDIR:-/tmp}/tend-$check.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

SKIP=77
passed=0
failed=0

report()
{
	[ "$1" = 0 ] && passed=$((passed + 1)) || failed=$((failed + 1))
	[ "$1" = 0 ] && echo "ok: $2" || echo "FAILED: $2"
}

# accepts WHAT COMMAND...: the rule must succeed.
accepts()
{
	what=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		report 0 "$what"
	else
		sed 's/^/  /' "$work/said"
		report 1 "$what"
	fi
}

# refuses WHAT PATTERN COMMAND...: the rule must fail, and say why in a line that matches.
refuses()
{
	what=$1
	pattern=$2
	shift 2
	if "$@" >"$work/said" 2>&1; then
		report 1 "control: $what (it was accepted)"
	elif grep -q -e "$pattern" "$work/said"; then
		report 0 "control: $what"
	else
		sed 's/^/  /' "$work/said"
		report 1 "control: $what (refused, but for another reason)"
	fi
}

finish()
{
	echo "$check: $passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
}

skip()
{
	echo "$check: skipped: $1"
	exit $SKIP
}

# exported MAP: the names that a version map exports.
exported()
{
	sed -n 's/^[[:space:]]*\([a-z_0-9]*\);$/\1/p' "$1" | sort
}
