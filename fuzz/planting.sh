# SPDX-License-Identifier: MIT
# For check-TARGET.sh: whether a corpus and its oracle are worth anything.  They must let pass what ships, and object to
# each planted bug.  A mutation that no longer applies to the source is a failure too, so the lists cannot rot.
#
#	plan DIRECTORY FILE...      what is mutated: DIRECTORY/FILE.c; the rest is
#	also FILE...                with what that is linked
#	plant WHAT FILE SED-SCRIPT
src=$(cd "${1:-${top_srcdir:-.}}" && pwd)
top_srcdir=$src
export top_srcdir
work=$(mktemp -d "${TMPDIR:-/tmp}/tend-fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0

compile()
{
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -g -O1 -pthread -I"$src/include" -iquote "$src/lib" -iquote "$src/tools" "$@"
}

report()
{
	[ "$1" = ok ] && passed=$((passed + 1)) || failed=$((failed + 1))
	echo "$1: $2"
}

also()
{
	for file do
		compile -c "$src/$file.c" -o "$work/other-$(basename "$file").o"
	done
}

plan()
{
	directory=$1
	shift
	for file do
		compile -c "$src/$directory/$file.c" -o "$work/$file.o"
	done
	if replays; then
		report ok "what ships: $(tail -n 1 "$work/said")"
	else
		cat "$work/said"
		report FAILED 'what ships'
	fi
}

replays()
{
	compile "$work"/*.o -lm -o "$work/replay" && "$work/replay" >"$work/said" 2>&1
}

plant()
{
	sed -E "$3" "$src/$directory/$2.c" >"$work/$2.c"
	if cmp -s "$src/$directory/$2.c" "$work/$2.c"; then
		report FAILED "$1: the mutation does not apply to $directory/$2.c any more"
		return
	fi
	mv "$work/$2.o" "$work/$2.ships"
	if ! compile -c "$work/$2.c" -o "$work/$2.o" 2>"$work/said"; then
		cat "$work/said"
		report FAILED "$1: the mutant does not compile"
	elif replays; then
		report FAILED "$1: survived"
	else
		report ok "$1"
	fi
	mv "$work/$2.ships" "$work/$2.o"
}

# within FUNCTION SED-COMMAND
within()
{
	printf '/^[^ \t].*%s\\(/,/^}/ { %s }' "$1" "$2"
}

finish()
{
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}
