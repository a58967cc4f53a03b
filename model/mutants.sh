#!/bin/sh
# SPDX-License-Identifier: MIT
# The explorer's controls: each planted bug must make some scenario fail.  A mutation that no longer applies to the
# source is a failure, too, so this list cannot rot.
#   mutants.sh SRCDIR WORK STEP [WORDS]
#       WORK: what build_all in build.sh has made.  STEP: of so many bugs one is searched for, of the others it is
#       looked whether they apply; 1: all.  WORDS: only those whose names contain this.
#   mutants.sh --one SRCDIR WORK N
#       the N-th of them
set -eu

# search DIRECTORY: for what fails, with few preemptions and executions first
search()
{
	for within in '0 1000' '1 4000' '2 20000' '4 60000'; do
		for program in $(cat "$1/programs"); do
			if [ ! -f "$1/$program" ] && ! link "$program" "$1/$program" "$1/mutant.o"; then
				echo "does not link"
				return 0
			fi
			# shellcheck disable=SC2086 # two words
			timeout 300 "$1/$program" --first $within >"$1/out" 2>&1 && continue
			grep '^FAIL' "$1/out" || echo "the explorer itself failed"
			return 0
		done
	done
	echo "survived"
}

# one DIRECTORY: plants what is described there, and says what came of it
one()
{
	what=$(cat "$1/what") file=$(cat "$1/file")
	sed -E -f "$1/script" "$src/lib/$file" >"$1/$file"
	if cmp -s "$src/lib/$file" "$1/$file"; then
		echo "FAIL $what: does not apply to lib/$file any more"
	elif [ ! -f "$1/is_searched" ]; then
		echo "ok   $what: applies"
	elif ! compile_hooked "$1/$file" "$1/mutant.o" 2>"$1/log"; then
		echo "FAIL $what: does not compile"
		cat "$1/log"
	else
		found=$(search "$1")
		case $found in
		FAIL*) echo "ok   $what: ${found#FAIL }" ;;
		*) echo "FAIL $what: $found" ;;
		esac
	fi
}

if [ "$1" = --one ]; then
	src=$2 work=$3
	. "$src/model/build.sh"
	one "$work/mutants/$4" >"$work/mutants/$4/verdict"
	exit
fi

src=$1 work=$2 step=$3 words=${4:-}
n=0
rm -rf "$work/mutants"

# plant WHAT FILE SED-SCRIPT: to be found by $models, which are asked in this order
plant()
{
	case $1 in *"$words"*) ;; *) return 0 ;; esac
	n=$((n + 1))
	mkdir -p "$work/mutants/$n"
	printf '%s\n' "$1" >"$work/mutants/$n/what"
	printf '%s\n' "$2" >"$work/mutants/$n/file"
	printf '%s\n' "$3" >"$work/mutants/$n/script"
	echo "$models" >"$work/mutants/$n/programs"
	[ $((n % step)) -ne 0 ] || : >"$work/mutants/$n/is_searched"
}

# between FUNCTION SED-COMMAND: the command within one function
between()
{
	printf '/^[^ \\t].*%s\\(/,/^}/ { %s }' "$1" "$2"
}

. "$src/model/planted.sh"

seq 1 "$n" | xargs -P "$(getconf _NPROCESSORS_ONLN)" -n 1 sh "$0" --one "$src" "$work"
i=0
while [ $((i += 1)) -le "$n" ]; do
	cat "$work/mutants/$i/verdict"
done >"$work/verdicts"
cat "$work/verdicts"
passed=$(grep -c '^ok ' "$work/verdicts" || :)
echo "$passed passed, $((n - passed)) failed; searched for: $((n / step))"
[ "$passed" -eq "$n" ]
