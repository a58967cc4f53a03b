#!/bin/sh
# SPDX-License-Identifier: MIT
# What doc/CLUSTER.md says of systemd, under a systemd that is the user manager of nobody but this check: it is given a
# /run of its own, directories of its own and a cgroup of its own, so that it neither needs another systemd nor knows of
# one.  It starts examples/cluster/server.service, but for the paths, and services that differ from it in one line.
if [ "${1-}" != inside ] && [ "$(id -u)" = 0 ]; then
	exec unshare --mount --propagation private sh "$0" inside
fi
. "$(dirname "$0")/common.sh"

systemd=/lib/systemd/systemd
[ -x "$systemd" ] && command -v systemctl >/dev/null 2>&1 || skip 'there is no systemd'
unit=$examples/server.service

# ---- the manager ----

stop_engine()
{
	[ -z "${manager-}" ] || { kill -TERM "$manager" && wait "$manager"; }
	manager=
	[ -z "${own-}" ] || remove_cgroups "$own"
}

control()
{
	timeout "$PATIENCE" systemctl --user "$@"
}

answers()
{
	[ -S "$XDG_RUNTIME_DIR/systemd/private" ] && control show-environment >/dev/null 2>&1
}

# What it finds beside itself in its cgroup it moves, so it gets one of its own; where there are several hierarchies,
# one of which is systemd's, in both.
start_manager()
{
	hierarchy=$(awk '$3 == "cgroup" && $4 ~ /name=systemd/ { print $2 }' /proc/mounts)
	[ -z "$hierarchy" ] || own=$hierarchy${pen#"$cgroups"}
	# shellcheck disable=SC2016 # the inner shell's
	sh -c 'program=$1
	shift
	for directory do
		mkdir -p "$directory/manager" && echo $$ >"$directory/manager/cgroup.procs" || exit
	done
	exec "$program" --user --unit=basic.target' sh "$systemd" "$pen" ${own:+"$own"} \
		>"$work/systemd.log" 2>&1 </dev/null &
	manager=$!
}

start_engine()
{
	cat >"$work/bin/ended" <<-'END'
		#!/bin/sh
		echo "$SERVICE_RESULT $EXIT_STATUS" >"$1"
	END
	chmod +x "$work/bin/ended"
	# It takes a directory there for the sign that systemd runs.
	mount -t tmpfs none /run && mkdir -p /run/systemd/system "$work/run" || return
	XDG_RUNTIME_DIR=$work/run
	XDG_CONFIG_HOME=$work/config
	XDG_DATA_HOME=$work/data
	XDG_STATE_HOME=$work/state
	HOME=$work
	export XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME HOME
	unset DBUS_SESSION_BUS_ADDRESS NOTIFY_SOCKET
	units=$XDG_CONFIG_HOME/systemd/user
	mkdir -p "$units" "$XDG_DATA_HOME"
	start_manager
	await "$PATIENCE" answers
}

# ---- services ----

# service NAME SED-SCRIPT: as the example, with what there is here, and changed; its server is NAME.server
service()
{
	sed -e "s|/usr/local/bin/tend|$work/bin/tend|; s|/usr/local/bin/server|$work/job/$1.server|" \
		-e "s|\${STATE_DIRECTORY}/report|$work/job/$1|; s|StateDirectory=.*|StateDirectory=$1|" \
		-e "s|TERM:20s|TERM:1s|; $2" -e "/^\[Service\]/a ExecStopPost=$work/bin/ended $work/job/$1.ended" \
		"$unit" >"$units/$1.service"
	printf '#!/bin/sh\n%s\n' "$3" >"$1.server"
	chmod +x "$1.server"
	control daemon-reload
}

# tree_service NAME SED-SCRIPT [deaf]: the server is a tree; started, it is up
tree_service()
{
	watch "$1"
	service "$1" "$2" "echo listening; exec $work/bin/tree $work/job/$1.fifo ${3-}"
	control start "$1" && await "$PATIENCE" is_up "$1"
}

is_state()
{
	is "$2" "$(control show -p ActiveState --value "$1")"
}

# ended_as SERVICE RESULT STATUS: what systemd tells of one that has ended, while it still knows
ended_as()
{
	is "$2 $3" "$(cat "$1.ended")"
}

# ---- the checks ----

readiness()
{
	mkfifo begin
	service late '' 'read -r line <begin; echo listening; exec sleep 600'
	sed -i "/^StateDirectory/a WorkingDirectory=$work/job" "$units/late.service"
	control daemon-reload
	control start --no-block late
	echo now >begin &
	accepts 'it is active once the line has come' await "$PATIENCE" is_state late active
	control stop late
	service never 's/--ready-timeout 30s/--ready-timeout 100ms/' 'echo starting; exec sleep 600'
	accepts 'it fails when the line does not come' ends_with 1 control start never
	accepts 'its exit status is 124' ended_as never exit-code 124
}

stopping()
{
	tree_service good ''
	accepts 'systemctl start: it is active' is_state good active
	accepts 'systemctl stop: it is done' control stop good
	accepts 'systemctl stop: the whole tree ends in order' ended_in_order good leader child deaf away
	accepts 'systemctl stop: it did not fail' ended_as good success 0

	service obeys '' 'echo listening; exec sleep 600'
	control start obeys
	control stop obeys
	accepts 'who ends by SIGTERM: the exit status is 143, and no failure' ended_as obeys success 143
	service fails '/SuccessExitStatus/d' 'echo listening; exec sleep 600'
	control start fails
	control stop fails
	refuses 'without SuccessExitStatus it is one' '^exit-code 143' ended_as fails success 143
}

# Each of the lines, left out or set wrong.
lines()
{
	tree_service all 's/^KillMode=.*/KillMode=control-group/' deaf
	control stop all
	refuses "KillMode=control-group sends systemd's SIGTERM to all" 'SIGTERM from systemd' ended_in_order all

	tree_service short 's/TERM:1s/TERM:1h/; s/^TimeoutStopSec=.*/TimeoutStopSec=1/' deaf
	control stop short
	accepts 'a plan that is longer than TimeoutStopSec: all of it is killed' nobody_is_left short
	refuses 'a plan that is longer than TimeoutStopSec: no order' 'short has no report' ended_in_order short
	accepts 'a plan that is longer than TimeoutStopSec: it failed' ended_as short timeout KILL
}

enter
accepts 'systemd runs' start_engine
if [ "$failed" = 0 ]; then
	readiness
	stopping
	lines
	accepts 'systemd ends' stop_engine
else
	tail -n 20 "$work/systemd.log"
fi
finish
