#!/bin/sh
# SPDX-License-Identifier: MIT
# What doc/COOKBOOK.md and doc/MIGRATION.md show is what is built and run:
#
#  1. Each block fenced as C or C++ is a run of lines of the example that was linked to last, but for the tabs that all
#     of them begin with.
#  2. Each example of the document's folder has a link.
#  3. run-examples.sh runs each.
. "$(dirname "$0")/checks.sh"

# quotes_examples DOCUMENT DIRECTORY: the folder that the folders of examples are in
quotes_examples()
{
	quotes "$1" "$2" examples/ '[a-z_]+/[a-z_]+[.]c(pp)?' 'c|cpp'
}

# examples DIRECTORY
examples()
{
	(cd "$1" && find . \( -name '*.c' -o -name '*.cpp' \) | sed 's|^\./||' | sort)
}

# covers DOCUMENT DIRECTORY
covers()
{
	n=0
	r=0
	for example in $(examples "$2"); do
		n=$((n + 1))
		grep -q "(.*/$example)" "$1" && continue
		echo "$example is not in ${1##*/}"
		r=1
	done
	[ "$n" -gt 0 ] || { echo "there are no examples in $2"; return 1; }
	return $r
}

# runs SCRIPT VARIABLE DIRECTORY: the variable is what the script calls the folder
runs()
{
	r=0
	for example in $(examples "$3"); do
		grep -q "^[^#]*run [0-9]* \"\$$2/${example%.c*}\"" "$1" && continue
		echo "$example is not run"
		r=1
	done
	return $r
}

# changed SED-SCRIPT: the control document, changed
changed()
{
	sed -E "$1" "$controls/cookbook/good.md" >"$work/changed.md"
	if cmp -s "$work/changed.md" "$controls/cookbook/good.md"; then
		echo 'nothing was changed'
		return 0
	fi
	quotes_examples "$work/changed.md" "$controls" && covers "$work/changed.md" "$controls/cookbook"
}

accepts 'control: a document that quotes' quotes_examples "$controls/cookbook/good.md" "$controls"
accepts 'control: a document with all examples' covers "$controls/cookbook/good.md" "$controls/cookbook"
accepts 'control: a script that runs all examples' runs "$controls/cookbook/run.sh" cookbook "$controls/cookbook"
refuses 'a block that was changed' 'changed.md:5: this is not in cookbook/first.c' changed 's/first\(void\)/first()/'
refuses 'a block whose first line was changed' 'changed.md:23: this is not in cookbook/second.c' \
	changed '/^if \(first/s/if/while/'
refuses 'a line that was left out' 'changed.md:5: this is not in cookbook/first.c' changed '/^\{$/d'
refuses 'an indentation that was changed' 'this is not in cookbook/second.c' changed 's/^\treturn 2/return 2/'
refuses 'a block of another example' 'changed.md:5: this is not in cookbook/second.c' changed 's/first\.c/second.c/g'
refuses 'a block without an example' 'this is not in an example' changed '/first\.c\]/d'
refuses 'an example that is not there' 'there is no cookbook/third.c' changed 's/second\.c/third.c/g'
refuses 'a block without an end' 'changed.md:23: this has no end' changed '$d'
refuses 'a document without a block' 'it quotes nothing' changed 's/^```c$/```text/'
refuses 'an example that is not linked to' 'second.c is not in changed.md' changed '/second\.c/,$d'
grep -v second "$controls/cookbook/run.sh" >"$work/run.sh"
refuses 'an example that is not run' 'second.c is not run' runs "$work/run.sh" cookbook "$controls/cookbook"

accepts 'doc/COOKBOOK.md quotes examples' quotes_examples "$top_srcdir/doc/COOKBOOK.md" "$top_srcdir/examples"
accepts 'doc/COOKBOOK.md has all of them' covers "$top_srcdir/doc/COOKBOOK.md" "$top_srcdir/examples/cookbook"
accepts 'all of them are run' runs "$top_srcdir/examples/run-examples.sh" cookbook "$top_srcdir/examples/cookbook"
accepts 'doc/MIGRATION.md quotes examples' quotes_examples "$top_srcdir/doc/MIGRATION.md" "$top_srcdir/examples"
accepts 'doc/MIGRATION.md has all of them' covers "$top_srcdir/doc/MIGRATION.md" "$top_srcdir/examples/migration"
accepts 'all of them are run' runs "$top_srcdir/examples/run-examples.sh" migration "$top_srcdir/examples/migration"
finish
