#!/bin/sh
# SPDX-License-Identifier: MIT
# What doc/CLUSTER.md says of Slurm, on a cluster of one node that is this machine: munged, slurmctld and slurmd of this
# machine's packages, with a key, a configuration, sockets and ports of their own.  Root's, as slurmd starts jobs.
. "$(dirname "$0")/common.sh"

for program in munged mungekey slurmctld slurmd srun sbatch scancel scontrol squeue sinfo; do
	command -v "$program" >/dev/null 2>&1 || skip "there is no $program: tools/install-deps slurm"
done

node=tend$$
host=$(hostname -s)
SLURM_CONF=$work/slurm.conf
export SLURM_CONF
# A job of another cluster, in which this may run, is none of ours.
for name in $(env | sed -n 's/^\(\(SLURM\|SBATCH\|SALLOC\|SRUN\|SQUEUE\|SINFO\|SCANCEL\)_[A-Z_]*\)=.*/\1/p'); do
	[ "$name" = SLURM_CONF ] || unset "$name"
done

# ---- the cluster ----

# Two ports on which nobody listens, as far as one can know beforehand.
free_ports()
{
	awk 'BEGIN { hex = "0123456789ABCDEF" }
	function value(text,    i, v)
	{
		for (i = 1; i <= length(text); i++)
			v = v * 16 + index(hex, substr(text, i, 1)) - 1
		return v
	}
	{ split($2, local, ":"); used[value(local[length(local)])] = 1 }
	END {
		for (port = 20000 + ENVIRON["start"] % 10000; found < 2; port++)
			if (!(port in used)) {
				printf "%s ", port
				found++
			}
	}' /proc/net/tcp /proc/net/tcp6
}

# configure TRACKER KILLWAIT
configure()
{
	# shellcheck disable=SC2046 # two numbers
	set -- "$1" "$2" $(start=$$ free_ports)
	cat >"$SLURM_CONF" <<-END
		ClusterName=tend
		SlurmctldHost=$host(127.0.0.1)
		SlurmctldPort=$3
		SlurmdPort=$4
		SlurmUser=root
		SlurmdUser=root
		AuthType=auth/munge
		AuthInfo=socket=$work/munge.socket
		CredType=cred/munge
		ProctrackType=proctrack/$1
		KillWait=$2
		TaskPlugin=task/none
		SwitchType=switch/none
		MpiDefault=none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_CPU
		JobAcctGatherType=jobacct_gather/none
		AccountingStorageType=accounting_storage/none
		MinJobAge=3600
		ReturnToService=2
		SlurmdParameters=config_overrides
		StateSaveLocation=$work/state
		SlurmdSpoolDir=$work/spool
		SlurmctldPidFile=$work/slurmctld.pid
		SlurmdPidFile=$work/slurmd.pid
		SlurmctldLogFile=$work/slurmctld.log
		SlurmdLogFile=$work/slurmd.log
		NodeName=$node NodeHostname=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
		PartitionName=all Nodes=$node Default=YES MaxTime=10 OverSubscribe=FORCE:8 State=UP
	END
	cat >"$work/cgroup.conf" <<-END
		CgroupPlugin=cgroup/v1
		CgroupMountpoint=/sys/fs/cgroup
		CgroupAutomount=no
	END
}

# daemon NAME COMMAND...: under tend, which ends it and all that it has left.
daemon()
{
	name=$1
	shift
	tend run -q --name "$name" --scope cgroup --stop TERM:20s --report "$work/$name.json" -- "$@" \
		>"$work/$name.out" 2>&1 </dev/null &
	eval "${name}_tend=$!"
}

# end_daemon NAME: it obeys, and leaves nobody; 0 as well when it does not run
end_daemon()
{
	eval "pid=\${${1}_tend-}"
	[ -n "$pid" ] || return 0
	kill -TERM "$pid"
	wait "$pid"
	eval "${1}_tend="
	jq -e '.stop.phase == 1 and .exit_code == 0 and .survivors == []' "$work/$1.json" >/dev/null && return
	jq -c '{ outcome, exit_code, stop, survivors }' "$work/$1.json"
	return 1
}

is_idle()
{
	[ "$(timeout 10 sinfo -h -o %T 2>/dev/null)" = idle ]
}

has_munge()
{
	munge -S "$work/munge.socket" -n >/dev/null 2>&1
}

# start_engine TRACKER KILLWAIT
start_engine()
{
	configure "$@"
	mkdir -p "$work/state" "$work/spool"
	if [ -z "${munged_tend-}" ]; then
		mungekey --create --keyfile "$work/munge.key" || return
		# The scratch directory is root's alone, and a daemon for all would have reason to complain of that.
		daemon munged munged --foreground --force --socket="$work/munge.socket" --key-file="$work/munge.key" \
			--pid-file="$work/munged.pid" --seed-file="$work/munge.seed" --log-file="$work/munged.log"
		await "$PATIENCE" has_munge || return
	fi
	daemon slurmctld slurmctld -D -c -f "$SLURM_CONF"
	daemon slurmd slurmd -D -f "$SLURM_CONF" -N "$node"
	await "$PATIENCE" is_idle && return
	tail -n 5 "$work/slurmctld.out" "$work/slurmd.out"
	return 1
}

end_slurm()
{
	end_daemon slurmd && end_daemon slurmctld
	status=$?
	remove_cgroups /sys/fs/cgroup/*/"slurm_$node"
	return $status
}

stop_engine()
{
	end_slurm
	end_daemon munged
	remove_cgroups /sys/fs/cgroup/*/"slurm_$node"
}

# ---- jobs ----

# submit NAME [OPTION...] -- COMMAND: a batch job of this one command; sets job
submit()
{
	name=$1
	shift
	options=
	while [ "$1" != -- ]; do
		options="$options $1"
		shift
	done
	shift
	printf '#!/bin/sh\n%s\n' "$*" >"$name.sh"
	# shellcheck disable=SC2086 # several options
	job=$(sbatch --parsable --output="$name.out" $options "$name.sh")
}

# run_tree NAME [OPTION...] -- COMMAND: the same of a job that runs the tree, which is up then
run_tree()
{
	watch "$1"
	submit "$@"
	await "$PATIENCE" is_up "$name" || { squeue; cat "$name.out"; }
}

state()
{
	squeue -h -t all -o %T -j "$1" 2>/dev/null
}

is_over()
{
	case $(state "$1") in
	CANCELLED | COMPLETED | FAILED | TIMEOUT) return 0 ;;
	*) return 1 ;;
	esac
}

# ended JOB STATE: it is over, as that
ended()
{
	await "$PATIENCE" is_over "$1" && is "$2" "$(state "$1")"
}

# code JOB: of its batch script
code()
{
	scontrol show job "$1" | sed -n 's/.* ExitCode=\([0-9:]*\).*/\1/p'
}

# ---- the checks ----

# A step's exit status is the one of tend, which is the command's.
statuses()
{
	accepts "a step ends with the command's exit code" ends_with 7 srun tend run -- sh -c 'exit 7'
	refuses 'a step that ends otherwise' 'ended with 7, not 0' ends_with 0 srun tend run -- sh -c 'exit 7'
	accepts 'a step ends with 128 + n of a signal' ends_with 137 srun tend run -- sh -c 'kill -KILL $$'
	accepts 'a step ends with 124 after a time-out' ends_with 124 srun tend run --timeout 100ms -- sleep 600
	accepts 'a step ends with 125 where tend was told nonsense' ends_with 125 srun tend run --frobnicate
	accepts 'a step ends with 127 where there is no command' ends_with 127 srun tend run -- /no/such/program
}

part()
{
	cat >part <<-'END'
		#!/bin/sh
		case $1 in
		1) exit 7 ;;
		2) kill -KILL $$ ;;
		3) sleep 600 >/dev/null 2>&1 & ;;
		esac
	END
	chmod +x part
}

ranks()
{
	srun -n 2 --overcommit sh -c 'exec tend run --report "rank-$SLURM_PROCID.json" -- ./part "$SLURM_PROCID"'
}

in_table()
{
	is "$(printf '%b' "$1")" "$(shift; "$examples/gather.sh" "$@" | cut -f 1-6)"
}

# One of each kind of end: as it should, with a code, by a signal, with somebody left behind.
array()
{
	part
	cp "$examples/array.sh" .
	job=$(sbatch --parsable --wait array.sh)
	accepts "the array's reports make a table" in_table 'report-0.json\texited\t0\t\t\t0
report-1.json\texited\t7\t\t\t0
report-2.json\tsignaled\t\tSIGKILL\t\t0
report-3.json\texited\t0\t\t\t1' report-*.json
	refuses 'a table that lacks a report' 'report-3.json' in_table 'report-0.json\texited\t0\t\t\t0
report-1.json\texited\t7\t\t\t0
report-2.json\tsignaled\t\tSIGKILL\t\t0' report-*.json
	accepts "Slurm knows the tasks' exit codes" is '0:0 7:0 137:0 0:0' \
		"$(code "${job}_0") $(code "${job}_1") $(code "${job}_2") $(code "${job}_3")"
	accepts 'a step of several tasks ends with the highest status' ends_with 7 ranks
	accepts 'each of these tasks has a report' in_table 'rank-0.json\texited\t0\t\t\t0
rank-1.json\texited\t7\t\t\t0' rank-*.json
}

# Two jobs that are left to their time limit, and need not be waited for until the end.
begin_limits()
{
	run_tree limit --time=1 -- 'srun tend run --scope cgroup --stop TERM:1s --report limit.json -- tree limit.fifo'
	limit=$job
	printf '#!/bin/sh\nexec tree alone.fifo\n' >program
	chmod +x program
	sed 's/TERM:50s/TERM:1s/' "$examples/alone.sh" >alone.sh
	watch alone
	alone=$(sbatch --parsable --output=alone.out alone.sh)
}

end_limits()
{
	PATIENCE=300
	accepts 'the time limit: the tree ends in order' ended_in_order limit
	accepts 'the time limit: Slurm calls it that' ended "$limit" TIMEOUT
	accepts 'a warning before the time limit: the tree ends in order' ended_in_order alone
	accepts "a warning before the time limit: the job's end is its own" ended "$alone" COMPLETED
	PATIENCE=120
}

# Slurm's SIGKILL is far away: what is ended was ended by tend.
cancelled()
{
	run_tree cancel -- 'srun tend run --scope cgroup --stop TERM:1s:cgroup --report cancel.json -- tree cancel.fifo'
	scancel "$job"
	accepts 'scancel: the whole tree ends in order' ended_in_order cancel leader child deaf away
	accepts 'scancel: Slurm calls it that' ended "$job" CANCELLED

	run_tree steps -- 'srun tend run --scope cgroup --stop TERM:1s --report steps.json -- tree steps.fifo'
	scancel --signal=TERM "$job"
	accepts 'scancel --signal: the tree ends in order' ended_in_order steps
	accepts "scancel --signal: the job's end is its own" ended "$job" COMPLETED

	run_tree script -- 'exec tend run --scope cgroup --stop TERM:1s --report script.json -- tree script.fifo'
	scancel --batch --signal=TERM "$job"
	accepts 'scancel --batch --signal: the tree ends in order' ended_in_order script
	accepts "scancel --batch --signal: the job's end is its own" ended "$job" COMPLETED

	run_tree full -- 'srun tend run --stop TERM:1s --report full.json -- tree full.fifo'
	scancel --full --signal=TERM "$job"
	accepts 'scancel --full --signal: the job has failed, as its script and srun were ended' ended "$job" FAILED
}

kill_wait()
{
	scontrol show config | grep KillWait
}

# By Slurm, at the end of the step, those that have left the group.
group_alone()
{
	run_tree group -- 'srun tend run --stop TERM:1s --report group.json -- tree group.fifo'
	scancel "$job"
	accepts 'scancel, without a cgroup of tend: the tree ends in order' ended_in_order group
}

# too_long NAME OPTIONS: when the plan takes longer than Slurm waits, there is no end in order, and no report.
too_long()
{
	run_tree "$1" -- "srun tend run $2 --stop TERM:1h --report $1.json -- tree $1.fifo"
	scancel "$job"
	await "$PATIENCE" is_over "$job"
}

with_cgroups()
{
	if ! grep -q '^[^ ]* /sys/fs/cgroup/freezer cgroup ' /proc/mounts; then
		echo 'not checked: proctrack/cgroup: no freezer hierarchy here'
		return
	fi
	accepts 'a cluster with proctrack/cgroup' start_engine cgroup 120
	[ -n "${slurmd_tend-}" ] || return
	accepts 'how long it waits can be asked' is 'KillWait                = 120 sec' "$(kill_wait)"
	begin_limits
	statuses
	array
	cancelled
	group_alone
	end_limits
	accepts 'its daemons obey, and leave nobody' end_slurm
	accepts 'one that waits for a second only' start_engine cgroup 1
	too_long long ''
	refuses "a plan that is longer than KillWait" 'long has no report' ended_in_order long
	accepts 'Slurm has killed all of it' nobody_is_left long
	end_slurm
}

# Its signals go to the process group that it has started: to tend alone, even SIGKILL.
with_groups()
{
	accepts 'a cluster with proctrack/pgid' start_engine pgid 1
	too_long alive ''
	refuses 'proctrack/pgid kills tend, and the tree lives on' 'somebody of alive is alive' nobody_is_left alive 1
	end_tree alive
	too_long parent '--with-parent --scope cgroup'
	accepts '--with-parent: the tree goes with tend' nobody_is_left parent
	end_slurm
}

# Its signals go to each process that it finds below tend, at the same time.
with_trees()
{
	accepts 'a cluster with proctrack/linuxproc' start_engine linuxproc 120
	run_tree all -- 'srun tend run --scope cgroup --stop TERM:1s --report all.json -- tree all.fifo deaf'
	scancel "$job"
	refuses "proctrack/linuxproc sends Slurm's SIGTERM to all" 'SIGTERM from slurmstepd' ended_in_order all
	accepts 'a leader that is deaf: the plan ends all of it' has all '.stop.phase == 2 and .survivors == []'
	run_tree obeys -- 'srun tend run --with-parent --scope cgroup --stop TERM:1s -- tree obeys.fifo'
	scancel "$job"
	accepts 'a leader that obeys: with --with-parent nobody is left' nobody_is_left obeys
	end_slurm
}

enter
with_cgroups
with_groups
with_trees
accepts 'munged obeys, and leaves nobody' end_daemon munged
finish
