#!/bin/sh
# SPDX-License-Identifier: MIT
# What configure has chosen to harden the build with is there in what was built: a flag that gets lost on its way to a
# compiler or a linker changes nothing that a test of behaviour could see.
. "$(dirname "$0")/checks.sh"

: "${READELF:=readelf}"
command -v "$READELF" >/dev/null 2>&1 || skip 'there is no readelf'
[ -n "$(echo ${HARDENING-})" ] || skip 'configured without hardening'

# Each says what is missing in FILE, and fails.
relro()
{
	$READELF -lW "$1" | grep -q GNU_RELRO || { echo "$1: no RELRO segment"; return 1; }
}

now()
{
	$READELF -dW "$1" | grep -Eq 'BIND_NOW|FLAGS_1.* NOW' || { echo "$1: symbols are bound late"; return 1; }
}

noexecstack()
{
	$READELF -lW "$1" | awk '$1 == "GNU_STACK" { found = 1; bad = /RWE/ } END { exit bad || !found }' ||
		{ echo "$1: the stack is executable"; return 1; }
}

pie()
{
	$READELF -hW "$1" | grep -q 'Type: *DYN' || { echo "$1: at a fixed address"; return 1; }
}

canary()
{
	$READELF -W --dyn-syms "$1" | grep -q ' UND __stack_chk_fail' || { echo "$1: no stack protector"; return 1; }
}

fortify()
{
	$READELF -W --dyn-syms "$1" | grep -Eq ' UND __[a-z_]+_chk([@ ]|$)' || { echo "$1: not fortified"; return 1; }
}

# has FILE PROPERTY...
has()
{
	file=$1
	shift
	[ -f "$file" ] || { echo "$file: not there"; return 1; }
	for property do
		"$property" "$file" || return 1
	done
}

# control NAME FLAG...: a program with everything, but for what the flags undo; they come last
hardened='-O1 -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE -pie -Wl,-z,relro -Wl,-z,now
	-Wl,-z,noexecstack'
control()
{
	name=$1
	shift
	# shellcheck disable=SC2086 # several flags
	$CC $hardened "$@" "$controls/hardening/program.c" -o "$work/$name" || exit 99
}

all='canary fortify relro now noexecstack pie'
control hardened
control canary -fno-stack-protector
control fortify -U_FORTIFY_SOURCE
control relro -Wl,-z,norelro
control now -Wl,-z,lazy
control noexecstack -Wl,-z,execstack
control pie -fno-PIE -no-pie
# shellcheck disable=SC2086 # several properties
accepts 'control: a program with everything' has "$work/hardened" $all
refuses 'no stack protector' 'no stack protector' has "$work/canary" canary
refuses 'no fortified functions' 'not fortified' has "$work/fortify" fortify
refuses 'no RELRO' 'no RELRO' has "$work/relro" relro
refuses 'lazy binding' 'bound late' has "$work/now" now
refuses 'an executable stack' 'stack is executable' has "$work/noexecstack" noexecstack
refuses 'a fixed address' 'fixed address' has "$work/pie" pie
refuses 'a file that is not there' 'not there' has "$work/absent" relro

# libtool puts a script in the place of a program that needs a library which is not installed yet.
real()
{
	for file in "$top_builddir/$1/.libs/$2" "$top_builddir/$1/$2"; do
		[ ! -f "$file" ] || break
	done
	echo "$file"
}

# shellcheck disable=SC2086 # several properties
accepts 'the library' has "$top_builddir/lib/.libs/libtend.so" $HARDENING
# All that the guardian copies is proved to fit when it is compiled, so that it calls nothing of fortify's.
# shellcheck disable=SC2046
accepts 'the guardian' has "$(real lib tend-guardian)" $(echo "$HARDENING" | sed 's/fortify//')
if [ -n "${TEND_TOOL-}" ] && [ -e "$TEND_TOOL" ]; then
	# shellcheck disable=SC2086
	accepts 'the tool' has "$(real tools tend)" $HARDENING
fi
finish
