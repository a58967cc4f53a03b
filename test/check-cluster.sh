#!/bin/sh
# SPDX-License-Identifier: MIT
# What doc/CLUSTER.md shows is what the checks in test/cluster/ run, and systemd has nothing against the service:
#
#  1. Each block fenced as ini, dockerfile or sh is a run of lines of the example or the check that was linked to last,
#     but for the tabs that all of them begin with.
#  2. Each file in examples/cluster/ is linked to, and run by one of the checks.
#  3. systemd-analyze accepts the unit, where it is there.
# The checks themselves need an engine and root: "make check-systemd", "make check-container", "make check-slurm".
. "$(dirname "$0")/checks.sh"

page=$top_srcdir/doc/CLUSTER.md

# shows DOCUMENT DIRECTORY
shows()
{
	quotes "$1" "$2" '[.][.]/' '(examples|test)/cluster/[A-Za-z_.-]+' 'ini|dockerfile|sh'
}

# covers DOCUMENT DIRECTORY
covers()
{
	n=0
	missing=0
	for example in "$2"/examples/cluster/*; do
		name=${example##*/}
		n=$((n + 1))
		grep -q "(\.\./examples/cluster/$name)" "$1" || { echo "$name is not in ${1##*/}"; missing=1; }
		grep -q "\$examples/$name" "$2"/test/cluster/check-*.sh || { echo "$name is not run"; missing=1; }
	done
	[ "$n" -gt 1 ] || { echo "there are no examples in $2"; return 1; }
	return $missing
}

# changed SED-SCRIPT: the page, changed
changed()
{
	sed "$1" "$page" >"$work/changed.md"
	if cmp -s "$work/changed.md" "$page"; then
		echo 'nothing was changed'
		return 0
	fi
	r=0
	shows "$work/changed.md" "$top_srcdir" || r=1
	covers "$work/changed.md" "$top_srcdir" && return $r
}

# verified SED-SCRIPT: the unit with programs that are there, changed; systemd-analyze only says what it has against it
verified()
{
	sed -e "s|/usr/local/bin/[a-z]*|/bin/sh|g; $1" "$top_srcdir/examples/cluster/server.service" \
		>"$work/server.service"
	systemd-analyze verify "$work/server.service" 2>&1 | grep server.service || return 0
	return 1
}

accepts 'doc/CLUSTER.md quotes what is run' shows "$page" "$top_srcdir"
accepts 'doc/CLUSTER.md has all examples' covers "$page" "$top_srcdir"
refuses 'a line of the unit that was changed' 'this is not in examples/cluster/server.service' \
	changed 's/^KillMode=mixed/KillMode=process/'
refuses 'a line of the Containerfile that was left out' 'this is not in examples/cluster/Containerfile' \
	changed '/^STOPSIGNAL/d'
refuses 'a command that no check runs' 'this is not in test/cluster/check-slurm.sh' \
	changed 's/^scancel --batch/scancel --hurry/'
refuses 'an example that is not there' 'there is no examples/cluster/alone.bash' changed 's/alone[.]sh)/alone.bash)/'
refuses 'an example that is not linked to' 'Containerfile is not in changed.md' changed 's/Containerfile)/array.sh)/'
mkdir -p "$work/examples/cluster" "$work/test/cluster"
cp "$top_srcdir"/examples/cluster/* "$work/examples/cluster/"
cp "$top_srcdir"/test/cluster/check-systemd.sh "$work/test/cluster/"
refuses 'an example that no check runs' 'array.sh is not run' covers "$page" "$work"
if command -v systemd-analyze >/dev/null 2>&1; then
	accepts 'systemd-analyze has nothing against the unit' verified ''
	refuses 'a value that was misspelt' 'kill mode' verified 's/mixed/mixt/'
	refuses 'a directive that was misspelt' 'KillMod' verified 's/KillMode/KillMod/'
else
	echo 'not checked: the unit: there is no systemd-analyze'
fi
finish
