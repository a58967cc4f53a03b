#!/bin/sh
# SPDX-License-Identifier: MIT
# Each picture of doc/pictures/ that is committed has the nodes, the arrows and the labels of its source, and some page
# of doc/ shows it.  Where things are in it depends on the version of graphviz and is not compared.
. "$(dirname "$0")/checks.sh"

# words SVG: a line for each node, arrow and line of a label
words()
{
	sed -n -e 's/&#45;/-/g' -e 's/&#160;/ /g' \
		-e 's|.*<title>\(.*\)</title>.*|\1|p' -e 's|.*<text[^>]*>\(.*\)</text>.*|\1|p' "$1" | sort
}

# fresh DOT SVG
fresh()
{
	[ -s "$2" ] || { echo "${2##*/} is not here: make pictures"; return 1; }
	dot -Tsvg "$1" >"$work/new.svg" || return 1
	words "$work/new.svg" >"$work/new"
	words "$2" >"$work/old"
	[ -s "$work/new" ] || { echo 'there is nothing in it'; return 1; }
	cmp -s "$work/old" "$work/new" && return
	echo "${2##*/} is not what ${1##*/} says: make pictures"
	diff "$work/old" "$work/new"
	return 1
}

# shown SVG PAGE...
shown()
{
	name=${1##*/}
	shift
	grep -qF "](pictures/$name)" "$@" || { echo "no page shows $name"; return 1; }
}

command -v dot >/dev/null || skip 'graphviz is not here'
picture=$work/good.svg
dot -Tsvg "$controls/pictures/good.dot" >"$picture" || exit 99
echo '![good](pictures/good.svg)' >"$work/page.md"
accepts 'control: a picture of its source' fresh "$controls/pictures/good.dot" "$picture"
accepts 'control: a picture that is shown' shown "$picture" "$work/page.md"
refuses 'a picture that nobody shows' 'no page shows other.svg' shown other.svg "$work/page.md"
refuses 'a picture that is not there' 'absent.svg is not here' fresh "$controls/pictures/good.dot" "$work/absent.svg"
for change in 's/label="goes"/label="walks"/' 's/a -> b/b -> a/' 's/label="A/label="O/' '/a -> b/d'; do
	sed "$change" "$controls/pictures/good.dot" >"$work/changed.dot"
	refuses "a source that was changed: $change" 'good.svg is not what changed.dot says' \
		fresh "$work/changed.dot" "$picture"
done

n=0
for source in "$top_srcdir"/doc/pictures/*.dot; do
	[ -f "$source" ] || continue
	n=$((n + 1))
	accepts "${source##*/}" fresh "$source" "${source%.dot}.svg"
	accepts "${source##*/} is shown" shown "${source%.dot}.svg" "$top_srcdir"/doc/*.md
done
for picture in "$top_srcdir"/doc/pictures/*.svg; do
	accepts "${picture##*/} has a source" [ -f "${picture%.svg}.dot" ]
done
[ "$n" -gt 0 ] || report 1 'there are no pictures'
finish
