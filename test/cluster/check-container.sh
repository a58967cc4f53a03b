#!/bin/sh
# SPDX-License-Identifier: MIT
# What doc/CLUSTER.md says of containers, with podman: the image of examples/cluster/Containerfile, on top of one that
# is made of the programs of this machine, so that nothing is fetched.  That tend reaps orphans and passes signals on as
# the first process is shown by test/test_tool_init.c; here it is what the engine does, and sees.
if [ "${1-}" != inside ] && [ "$(id -u)" = 0 ]; then
	exec unshare --mount --propagation private sh "$0" inside
fi
. "$(dirname "$0")/common.sh"

command -v podman >/dev/null 2>&1 || skip 'there is no podman: tools/install-deps container'

# ---- the engine ----

parent=tend-podman-$$ # of the containers' cgroups, in each hierarchy

# With all that it keeps in the scratch directory; what it says goes to a log, but for an answer.
podman()
{
	verb=$1
	set -- timeout "$PATIENCE" podman --root "$work/root" --runroot "$work/runroot" --tmpdir "$work/tmp" \
		--storage-driver vfs --cgroup-manager cgroupfs --events-backend file --runtime "$runtime" "$@"
	case $verb in
	wait) "$@" 2>>"$work/podman.log" ;;
	*) "$@" >>"$work/podman.log" 2>&1 ;;
	esac
}

# run NAME ARGUMENT...: podman run, with NAME/ for what the server keeps, and the FIFO of a tree where there is one.
# The engine's own limits may be higher than it is allowed to set here.
run()
{
	name=$1
	shift
	mkdir "$name" && ln -s "$name/report.json" "$name.json"
	set -- -v "$work/job/$name:/var/lib/server" "$@"
	[ ! -p "$name.fifo" ] || set -- -v "$work/job/$name.fifo:/fifo" "$@"
	podman run --name "$name" --network none --cgroup-parent "/$parent" --ulimit nofile=1024:1024 \
		--ulimit nproc=1024:1024 "$@"
}

stop_engine()
{
	[ -z "${runtime-}" ] || podman rm --all --force --time 0
	remove_cgroups /sys/fs/cgroup/*/"$parent" "/sys/fs/cgroup/$parent"
}

# base: a root directory of this machine's programs, with what they are linked to
base()
{
	mkdir -p "$work/base/bin" "$work/base/usr/local/bin" "$work/base/var/lib/server" "$work/base/tmp"
	for program in "$work/bin/tend" "$work/bin/tree" /bin/sh /bin/sleep; do
		cp -L "$program" "$work/base/bin/" || return
		ldd "$program" | sed -n 's/^[^/]*\(\/[^ ]*\).*/\1/p'
	done | sort -u | while read -r library; do
		mkdir -p "$work/base${library%/*}" && cp -L "$library" "$work/base$library" || return
	done
	tar -C "$work/base" -cf "$work/base.tar" .
}

# start_engine: with the first runtime that can run something here
start_engine()
{
	# What podman keeps in places of its own is gone with this mount namespace.
	mount -t tmpfs none /run && mount -t tmpfs none /var/lib && base || return
	for runtime in crun runc; do
		command -v "$runtime" >/dev/null 2>&1 || continue
		podman import "$work/base.tar" base || return
		run "with-$runtime" --rm base sh -c 'exit 0' && return
	done
	return 1
}

# build TAG SED-SCRIPT: the example, changed
build()
{
	mkdir "image-$1"
	sed "$2" "$examples/Containerfile" >"image-$1/Containerfile"
	cat >"image-$1/server" <<-'END'
		#!/bin/sh
		exec tree /fifo "$@"
	END
	chmod +x "image-$1/server"
	podman build --isolation chroot --from localhost/base -t "$1" "image-$1"
}

# ---- the checks ----

# status_of NAME STATUS: podman's, of a container that has ended
status_of()
{
	is "$2" "$(podman wait "$1")"
}

statuses()
{
	accepts "a container ends with the command's exit code" ends_with 7 run a --rm server sh -c 'exit 7'
	refuses 'a container that ends otherwise' 'ended with 7, not 0' ends_with 0 run b --rm server sh -c 'exit 7'
	accepts 'a container ends with 128 + n of a signal' ends_with 137 run c --rm server sh -c 'kill -KILL $$'
	accepts 'a container ends with 127 where there is no command' ends_with 127 run d --rm server /no/such/program
}

# run_tree NAME IMAGE ARGUMENT...: in the background; the tree is up then
run_tree()
{
	watch "$1"
	name=$1
	shift
	run "$name" -d "$@" && await "$PATIENCE" is_up "$name"
}

stopping()
{
	run_tree good server
	podman stop --time 30 good
	accepts 'podman stop: the tree ends in order' ended_in_order good
	accepts "podman stop: the exit status is the leader's" status_of good 0

	run_tree asleep server sh -c 'tree /fifo & exec sleep 600'
	podman stop --time 30 asleep
	accepts 'podman stop: who ends by SIGTERM ends with 143' status_of asleep 143
}

too_short()
{
	run_tree short patient
	podman stop --time 1 short
	accepts 'a plan that is longer than the grace period: nobody is left' nobody_is_left short
	refuses 'a plan that is longer than the grace period: no order' 'short has no report' ended_in_order short
	accepts 'a plan that is longer than the grace period: the exit status is 137' status_of short 137
}

enter
if start_engine; then
	accepts 'the example makes an image' build server 's/TERM:20s/TERM:1s/'
	accepts 'and one of more patience' build patient 's/TERM:20s/TERM:1h/'
	statuses
	stopping
	too_short
	[ "$failed" = 0 ] || tail -n 20 "$work/podman.log"
else
	tail -n 5 "$work/podman.log"
	skip 'podman can run no container here'
fi
finish
