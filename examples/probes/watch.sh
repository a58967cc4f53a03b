#!/bin/sh
# SPDX-License-Identifier: MIT
# Watches the children of every program that runs libtend, until it is interrupted: watch.bt, by bpftrace(8), as root.
#
# usage: watch.sh [LIBRARY]      without LIBRARY: the one that ldconfig(8) knows
set -eu
library=${1:-$(ldconfig -p | awk '$1 == "libtend.so.0" { print $NF; exit }')}
[ -f "$library" ] || {
	echo "watch.sh: libtend.so.0 was not found: give its path" >&2
	exit 1
}
exec bpftrace -e "$(sed "s|LIBRARY|$(readlink -f "$library")|" "$(dirname "$0")/watch.bt")"
