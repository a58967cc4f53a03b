# SPDX-License-Identifier: MIT
# What the checks of doc/CLUSTER.md share: each starts an engine of its own, with all its files in a scratch directory
# and all its processes in a cgroup of its own, gives it test/cluster/tree.c to run under tend, and takes all of it away
# again, however it ends.  They wait for what they want to see, with a limit against hanging, and sleep for nothing.

: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
. "$top_srcdir/test/checks.sh"

PATIENCE=120 # seconds after which something has not come

[ "$(id -u)" = 0 ] || skip 'only root can start this engine'
command -v jq >/dev/null 2>&1 || skip 'there is no jq'
for program in tend tree; do
	[ -x "$top_builddir/test/cluster/$program" ] || { echo "make test/cluster/$program first"; exit 99; }
done

# What a page's reader has in his PATH and beside his job.
mkdir "$work/bin" "$work/job"
cp "$top_builddir/test/cluster/tend" "$top_builddir/test/cluster/tree" "$work/bin"
PATH=$work/bin:$PATH
examples=$top_srcdir/examples/cluster
cd "$work/job" || exit 99

# ---- all that is started here, and its end ----

# The cgroup that this shell is in, and where it goes below that.
cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
home=$cgroups$(sed -n 's/^0:://p' /proc/self/cgroup)
pen=${home%/}/tend-$check-$$

members()
{
	find "$pen" -name cgroup.procs -exec cat {} + 2>/dev/null
}

# Kills whoever is in there; SIGKILL may take a moment.
empty()
{
	pids=$(members)
	[ -n "$pids" ] || return 0
	# shellcheck disable=SC2086 # several numbers
	kill -KILL $pids 2>/dev/null
	return 1
}

are_removed()
{
	for one do
		[ ! -d "$one" ] || find "$one" -depth -type d -exec rmdir {} + 2>/dev/null
		[ ! -d "$one" ] || return 1
	done
}

# remove_cgroups DIRECTORY...: who was in one may be a moment behind.
remove_cgroups()
{
	await "$PATIENCE" are_removed "$@"
}

# stop_engine is what each check has; by then it may be stopped, or half started.
leave()
{
	trap - EXIT HUP INT TERM
	stop_engine >/dev/null 2>&1
	cd / && echo $$ >"$home/cgroup.procs" && await "$PATIENCE" empty && remove_cgroups "$pen"
	rm -rf "$work"
}

enter()
{
	[ -n "$cgroups" ] || skip 'there is no cgroup2'
	mkdir "$pen" 2>/dev/null || skip 'no cgroup can be made here'
	trap leave EXIT
	trap 'leave; exit 99' HUP INT TERM
	echo $$ >"$pen/cgroup.procs" || skip 'no cgroup can be entered here'
}

# ---- waiting ----

# await SECONDS COMMAND...: until it succeeds; whether it has.
await()
{
	deadline=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$deadline" ] || { echo "not within the time: $*"; return 1; }
		sleep 0.1
	done
}

# ---- the tree ----

# watch NAME: what the tree with NAME.fifo says goes to NAME.seen; NAME.gone is there when all of it has ended.
watch()
{
	mkfifo "$1.fifo"
	(cat "$1.fifo" >"$1.seen" && : >"$1.gone") &
}

is_up()
{
	[ "$(grep -c ' up$' "$1.seen" 2>/dev/null)" = 4 ]
}

is_gone()
{
	[ -e "$1.gone" ]
}

# Who of the tree lives on, which may be a moment behind what ended the others.
nobody_is_left()
{
	await "$PATIENCE" is_up "$1" && await "${2-$PATIENCE}" is_gone "$1" && return
	echo "somebody of $1 is alive"
	return 1
}

# What is left of a tree that was to live on.
end_tree()
{
	# shellcheck disable=SC2046 # several numbers
	kill -KILL $(sed -n 's/^[a-z]* \([0-9]*\) up$/\1/p' "$1.seen") 2>/dev/null
	await "$PATIENCE" is_gone "$1"
}

# has NAME FILTER: the report says so
has()
{
	[ -s "$1.json" ] || { echo "$1 has no report"; return 1; }
	jq -e "$2" "$1.json" >/dev/null && return
	echo "the report of $1 says otherwise:"
	jq -c '{ outcome, exit_code, signal, timed_out, stop, survivors }' "$1.json"
	return 1
}

# ended_in_order NAME [MEMBER...]: tend's SIGTERM, and no other, came to those; then all went, the deaf by SIGKILL of
# tend's, which was there to say so.
ended_in_order()
{
	name=$1
	shift
	nobody_is_left "$name" || return
	if grep -v ' SIGTERM from tend$' "$name.seen" | grep 'SIGTERM'; then
		echo 'this did not come from tend'
		return 1
	fi
	for member in ${*:-leader child deaf}; do
		grep -q "^$member [0-9]* SIGTERM from tend\$" "$name.seen" && continue
		echo "$member got no SIGTERM"
		return 1
	done
	has "$name" '.stop.phase == 2 and .stop.signals == ["SIGTERM", "SIGCONT", "SIGKILL"] and .stop.errors == [] and
		.survivors == []'
}

# ends_with STATUS COMMAND...
ends_with()
{
	expected=$1
	shift
	"$@" && status=0 || status=$?
	[ "$status" = "$expected" ] || { echo "ended with $status, not $expected"; return 1; }
}

# is EXPECTED ACTUAL
is()
{
	[ "$1" = "$2" ] || { printf 'expected:\n%s\nfound:\n%s\n' "$1" "$2"; return 1; }
}
