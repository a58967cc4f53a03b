#!/bin/sh
# SPDX-License-Identifier: MIT
# What is built runs no shell, looks for no program but where the library does, and makes no temporary file: none of the
# functions is called that would, and no path of a shell is in it.
. "$(dirname "$0")/checks.sh"

# A shell: system, popen, wordexp; execvp and its kin hand what is no program to /bin/sh, posix_spawnp likewise.
# Files whose names can be guessed: mktemp, tmpnam, tempnam; none with others is made either.
forbidden='system popen wordexp execl execlp execle execvp execvpe posix_spawn posix_spawnp
	mktemp tmpnam tmpnam_r tempnam mkstemp mkostemp mkdtemp tmpfile tmpfile64'

# calls_none FILE...
calls_none()
{
	for file do
		[ -f "$file" ] || { echo "$file: not there"; return 1; }
		$NM -D -u "$file" >"$work/symbols" || return 1
		[ -s "$work/symbols" ] || { echo "$file: calls nothing at all"; return 1; }
		awk -v forbidden="$forbidden" -v file="$file" '
		BEGIN {
			n = split(forbidden, names, " ")
			for (i = 1; i <= n; i++)
				is_forbidden[names[i]] = 1
		}
		{ sub(/@.*/, "", $NF) }
		$NF in is_forbidden { print file " calls " $NF; bad = 1 }
		END { exit bad }' "$work/symbols" || return 1
		! grep -aqE '(^|[^a-z])/bin/(sh|bash|dash)([^a-z]|$)' "$file" ||
			{ echo "$file: names a shell"; return 1; }
	done
}

# control NAME: controls/calls/NAME.c as a shared library
control()
{
	$CC -fPIC -shared "$controls/calls/$1.c" -o "$work/$1.so" || exit 99
}

# libtool puts a script in the place of a program that needs a library which is not installed yet.
real()
{
	file=$top_builddir/$1/.libs/$2
	[ -f "$file" ] || file=$top_builddir/$1/$2
	echo "$file"
}

for name in clean shell shell_path temporary; do
	control "$name"
done
accepts 'control: other calls' calls_none "$work/clean.so"
refuses 'system(3)' 'calls system' calls_none "$work/shell.so"
refuses '/bin/sh' 'names a shell' calls_none "$work/shell_path.so"
refuses 'mkstemp(3)' 'calls mkstemp' calls_none "$work/temporary.so"
refuses 'a file that is not there' 'not there' calls_none "$work/absent.so"

accepts 'the library' calls_none "$top_builddir/lib/.libs/libtend.so"
accepts 'the guardian' calls_none "$(real lib tend-guardian)"
if [ -n "${TEND_TOOL-}" ] && [ -e "$TEND_TOOL" ]; then
	accepts 'the tool' calls_none "$(real tools tend)"
fi
finish
