#!/bin/sh
# SPDX-License-Identifier: MIT
# The options that bash and zsh offer for a command of tend are those that its --help lists, and no others.
. "$(dirname "$0")/checks.sh"

tool=${TEND_TOOL:-$top_builddir/tools/tend}
[ -x "$tool" ] || skip 'there is no tend'
completions=$top_srcdir/completions

# Options stand at the beginning of a line, in front of what is said of them.
listed()
{
	"$tool" "$1" --help | sed -n 's/^  \(-.*\)/\1/p' | grep -oE '(^|[ ,])--?[a-z][a-z-]*' | tr -d ' ,' | sort
}

# What bash has to choose from when a "-" has been typed.
offered_by_bash()
{
	bash -c '. "$1"; COMP_WORDS=(tend "$2" -); COMP_CWORD=2; _tend; printf "%s\n" "${COMPREPLY[@]}"' - "$2" "$1" |
		sort
}

# zsh need not be there: its options stand in quotes, each with its description in brackets.
offered_by_zsh()
{
	sed -n "/^_tend_$1()/,/^}/s/.*'\**\(--*[a-z][a-z-]*\)[=-]*\[.*/\1/p" "$2" | sort
}

# offers_all SHELL COMMAND FILE
offers_all()
{
	listed "$2" >"$work/listed"
	[ -s "$work/listed" ] || { echo "tend $2 --help lists nothing"; return 1; }
	"offered_by_$1" "$2" "$3" >"$work/offered"
	comm -23 "$work/listed" "$work/offered" | sed "s/$/ of $2 is not offered/" >"$work/differ"
	comm -13 "$work/listed" "$work/offered" | sed "s/$/ is no option of $2/" >>"$work/differ"
	cat "$work/differ"
	[ ! -s "$work/differ" ]
}

# offers SHELL FILE WORD...: `tend WORD...` is completed to all that stand behind a -- here
offers()
{
	bash -c '
		. "$1"; shift
		while [ "$1" != -- ]; do words+=("$1"); shift; done; shift
		COMP_WORDS=(tend "${words[@]}"); COMP_CWORD=${#words[@]}; _tend
		[ "${COMPREPLY[*]}" = "$*" ] || { echo "offered: ${COMPREPLY[*]}"; exit 1; }' - "$@"
}

for shell in bash zsh; do
	file=$completions/tend
	[ $shell = bash ] || file=$completions/_tend
	if [ $shell = bash ] && ! command -v bash >/dev/null; then
		echo 'not checked: there is no bash'
		continue
	fi
	sed 's/--tail//' "$file" >"$work/less"
	sed "s/'--tail\\[/'--tale[/; s/--tail --/--tale --/" "$file" >"$work/other"
	refuses "an option that $shell does not know" '--tail of run is not offered' offers_all $shell run "$work/less"
	refuses "an option that $shell makes up" '--tale is no option' offers_all $shell run "$work/other"
	for command in run up doctor; do
		accepts "$shell: tend $command" offers_all $shell $command "$file"
	done
	! command -v $shell >/dev/null || accepts "$shell: syntax" $shell -n "$file"
done
if command -v bash >/dev/null; then
	accepts 'commands' offers "$completions/tend" u -- up
	accepts 'a value' offers "$completions/tend" run --scope s -- session
	accepts 'a value behind =' offers "$completions/tend" run --scope = c -- cgroup
	accepts 'an option behind values' offers "$completions/tend" run --name x --prefix --ti \
		-- --timeout --timestamps
	refuses 'a word that does not fit' 'offered: *$' offers "$completions/tend" x -- up
fi
finish
