#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs each built example on real programs and compares its exit status and output with what they must be.
#
# usage: run-examples.sh [DIRECTORY]      of the built examples; else $EXAMPLES_DIR, else this script's own
#
# Times that are given to the programs decide how long something takes, never what it comes to.
set -u
dir=${1:-${EXAMPLES_DIR:-$(dirname "$0")}}
dir=$(cd "$dir" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
failures=0
checks=0
runs=0

# run STATUS COMMAND...: runs it; its output, stdout before stderr, goes to $work/output
run()
{
	wanted=$1
	shift
	what="$*"
	runs=$((runs + 1))
	EXAMPLE_RUN=$$.$runs "$@" >stdout 2>stderr </dev/null
	status=$?
	cat stdout stderr >output
	checks=$((checks + 1))
	[ "$status" -eq "$wanted" ] || fail "exit status $status, not $wanted"
}

# has PATTERN...: for each there is a whole line in the output that matches
has()
{
	for pattern do
		checks=$((checks + 1))
		grep -Eqx -- "$pattern" output || fail "no line matches: $pattern"
	done
}

# last FILE PATTERN...: the last lines of the file, in this order
last()
{
	file=$1
	shift
	tail -n $# "$file" >end
	for pattern do
		checks=$((checks + 1))
		head -n 1 end | grep -Eqx -- "$pattern" || fail "this is not where it should be: $pattern"
		sed -i 1d end
	done
}

# counts FILE PREFIX FIRST LAST: the lines of the file with that prefix are the numbers from FIRST to LAST
counts()
{
	checks=$((checks + 1))
	seq "$3" "$4" >numbers
	sed -n "s/^$2//p" "$1" | cmp -s - numbers || fail "the lines \"$2\" are not $3 to $4"
}

fail()
{
	failures=$((failures + 1))
	echo "run-examples: $what: $1"
	tail -n 50 output | sed 's/^/    /'
}

# logged FILE: the log holds as many bytes as the example says
logged()
{
	has "logged $(wc -c <"$1" | tr -d ' ') bytes, ended by eof"
}

# nobody_left: of those whom the last run has started nobody is alive; they have its mark in their environment
nobody_left()
{
	checks=$((checks + 1))
	left=$(grep -lsxz "EXAMPLE_RUN=$$.$runs" /proc/[0-9]*/environ)
	[ -z "$left" ] || fail "alive: $left"
}

# has_been_built EXAMPLE: one that needs a library that is not everywhere
has_been_built()
{
	[ -x "$dir/$1" ] || { echo "run-examples: $1 is not built, as its library is not here"; return 1; }
}

for example in run_and_collect ready_server stop_on_timeout custom_visitor loop_epoll stream_to_file; do
	if [ ! -x "$dir/$example" ]; then
		echo "run-examples: $dir/$example is not built" >&2
		exit 1
	fi
done

run 0 "$dir/run_and_collect"
has 'out 1: .+' 'completed: exit code 0'
run 0 "$dir/run_and_collect" seq 1 3
has 'out 1: 1' 'out 2: 2' 'out 3: 3' 'completed: exit code 0'
run 0 "$dir/run_and_collect" seq 1 2500
has 'out 1: 1501' 'out 1000: 2500' 'stdout is not complete: ended by eof, 1500 lines left out, 0 shortened'
run 2 "$dir/run_and_collect" ls "$work/absent"
has 'err: ls: .*absent.*' 'completed: exit code 2'
run 125 "$dir/run_and_collect" "$work/absent"
has 'run_and_collect: exec: .*'

printf 'starting\nready on port 0\nserving\n' >script
run 0 "$dir/ready_server" '^ready on' log -- tail -f script
has 'ready at line 2: ready on port 0' 'stopped: in-phase, [0-9]+ signals, [0-9]+ ms'
logged log
what='ready_server log'
checks=$((checks + 2))
grep -qx 'ready on port 0' log || fail 'the readiness line is not in the log'
head -c "$(wc -c <log)" script | cmp -s - log || fail 'the log is not what was written'
run 1 "$dir/ready_server" 'never' log -- seq 1 3
has 'not ready: the output ended \(eof\)' 'logged 6 bytes, ended by eof'
if [ -x "$(git --exec-path 2>/dev/null)/git-daemon" ]; then
	# An address of the loopback network that hardly anybody else uses: the port is the same for all.
	address=127.$(($$ / 60000 % 250 + 1)).$(($$ / 250 % 240 + 1)).$(($$ % 250 + 1))
	run 0 "$dir/ready_server" 'Ready to rumble' log -- git daemon --verbose "--listen=$address" "--base-path=$work"
	has 'ready at line [0-9]+: .*Ready to rumble' 'stopped: in-phase, [0-9]+ signals, [0-9]+ ms'
	logged log
else
	echo 'run-examples: git daemon is not here; ready_server ran with tail -f only'
fi

run 124 "$dir/stop_on_timeout"
has 'stopped, signal 2' ' *[0-9]+ ms, phase 1: signal 2 to the leader' ' *[0-9]+ ms: in-phase, phase 1'
run 3 "$dir/stop_on_timeout" 60 sh -c 'exit 3'
has 'completed, exit code 3'
run 143 "$dir/stop_on_timeout" 60 sh -c 'kill -TERM $$'
has 'completed, signal 15'
run 124 "$dir/stop_on_timeout" 1 sh -c 'trap "" INT TERM; exec sleep 60'
has 'stopped, signal 9' ' *[0-9]+ ms, phase 2: signal 15 to the group' ' *[0-9]+ ms: by-kill, phase 3'
run 2 "$dir/stop_on_timeout" 1

run 0 "$dir/custom_visitor"
has 'the stream ended at byte 6888896 by eof'
run 0 "$dir/custom_visitor" cat script
has "the stream ended at byte $(wc -c <script | tr -d ' ') by eof"

# Event loops: all of the output, in order, before the exit; an exit long after the output; an output that is held on.
calls='called [0-9]+ times for [0-9]+ events'
run 0 "$dir/loop_epoll"
last stdout 'out ended: eof, 27 bytes, 3 lines' 'err ended: eof, 33 bytes, 3 lines' 'exit code 0' "$calls"
has 'out: result 3' 'err: progress 3'
run 3 "$dir/loop_epoll" sh -c 'seq 1 100000; seq 5 50000 >&2; exit 3'
counts stdout 'out: ' 1 100000
counts stdout 'err: ' 5 50000
last stdout 'out ended: eof, 588895 bytes, 100000 lines' 'err ended: eof, 288886 bytes, 49996 lines' 'exit code 3' \
	"$calls"
run 137 "$dir/loop_epoll" sh -c 'printf rest; exec >&- 2>&-; sleep 0.5; kill -KILL $$'
last stdout 'out: rest' 'out ended: eof, 4 bytes, 1 lines' 'err ended: eof, 0 bytes, 0 lines' 'signal 9' \
	"$calls"
run 0 "$dir/loop_epoll" sh -c 'sleep 60 &'
last stdout 'out ended: held by somebody else, .*' 'err ended: held by somebody else, .*' 'exit code 0' "$calls"
run 125 "$dir/loop_epoll" "$work/absent"
has 'loop_epoll: exec: .*'

for loop in loop_libuv loop_libevent; do
	has_been_built $loop || continue
	run 0 "$dir/$loop"
	has '1: 3' '2: c' "1 ended: eof, 6 bytes; exit code 0; $calls" "2 ended: eof, 6 bytes; exit code 0; $calls"
	run 1 "$dir/$loop" 'seq 1 100000; exec >&- 2>&-; sleep 0.5; exit 3' 'seq 5 50000 >&2'
	counts stdout '1: ' 1 100000
	counts stdout '2: ' 5 50000
	for job in 1 2; do
		grep "^$job" stdout >"job$job"
	done
	last job1 "1 ended: eof, 588895 bytes; exit code 3; $calls"
	last job2 "2 ended: eof, 288886 bytes; exit code 0; $calls"
	run 1 "$dir/$loop" 'sleep 60 &' 'kill -TERM $$'
	has "1 ended: held by somebody else, .*; exit code 0; $calls" "2 ended: eof, 0 bytes; signal 15; $calls"
	run 2 "$dir/$loop" true
done

if has_been_built loop_glib; then
	run 0 "$dir/loop_glib"
	last stdout 'result 1' 'result 2' 'result 3'
	has 'progress 3' 'loop_glib: stderr ended: eof, 33 bytes' 'loop_glib: exit code 0' "loop_glib: $calls"
	run 3 "$dir/loop_glib" 60 sh -c 'seq 1 100000; seq 5 50000 >&2; exit 3'
	counts stdout '' 1 100000
	grep -v '^loop_glib: ' stderr >progress
	counts progress '' 5 50000
	has 'loop_glib: stdout ended: eof, 588895 bytes' 'loop_glib: exit code 3' "loop_glib: $calls"
	run 143 "$dir/loop_glib" 1 sh -c 'echo started; exec sleep 60'
	has 'loop_glib: signal 15'
	run 0 "$dir/loop_glib" 60 sh -c 'sleep 60 &'
	has 'loop_glib: stdout ended: held by somebody else, .*' 'loop_glib: exit code 0'
	run 2 "$dir/loop_glib" 1
fi

run 0 "$dir/stream_to_file" file seq 1 2500
has "$(wc -c <file | tr -d ' ') bytes written to file, ended by eof: complete"
what='stream_to_file file'
checks=$((checks + 1))
seq 1 2500 | cmp -s - file || fail 'the file is not what was written'
run 0 "$dir/stream_to_file" file sh -c 'echo one >&2; printf two >&2; exit 3'
has 'sh: one' 'sh: two' 'the command failed: exit code 3, signal 0' '0 bytes written to file, ended by eof: complete'
run 1 "$dir/stream_to_file" /dev/full seq 1 3
has '.* cannot write to /dev/full: .*; it ends with byte 0 of stdout' '0 bytes .*, ended by broke: not complete'
run 1 "$dir/stream_to_file" "$work/absent/file" seq 1 3

if has_been_built wait_for_pattern; then
	run 0 "$dir/wait_for_pattern" '^ready on (?<what>\w+)(?= \d)' tail -f script
	has 'line 2: ready on port 0' 'group 1: port'
	run 1 "$dir/wait_for_pattern" '^never' seq 1 3
	has 'no match: the output ended'
	run 2 "$dir/wait_for_pattern" '(' seq 1 3
fi

# ---- cookbook/ ----

cookbook=$dir/cookbook
for example in die_together first_failure forward_signals held_output idle_limit last_lines late_viewer leave_nothing \
	long_lines pipeline ready_fd ready_line ready_probe restart set_limits stop_tree tee_output terminal watch_pid \
	why_it_ended; do
	if [ ! -x "$cookbook/$example" ]; then
		echo "run-examples: $cookbook/$example is not built" >&2
		exit 1
	fi
done

run 124 "$cookbook/stop_tree" 0.3 sh -c 'sleep 60 & sleep 60'
has 'scope: (group|cgroup)' 'stopped (in-phase|by-kill), phase [123], 0 left'
nobody_left
run 124 "$cookbook/stop_tree" 1 sh -c 'setsid sleep 60 & sleep 60'
if grep -qx 'scope: cgroup' output; then
	nobody_left
else # it has got away
	grep -lsxz "EXAMPLE_RUN=$$.$runs" /proc/[0-9]*/environ | sed 's|[^0-9]||g' | xargs -r kill
fi
run 3 "$cookbook/stop_tree" 60 sh -c 'exit 3'
has completed
run 125 "$cookbook/stop_tree" 60 "$work/absent"

run 4 "$cookbook/held_output" sh -c 'echo result; sleep 60 & exit 4'
has result 'stdout is held by [0-9]+ \((sh|sleep)\)' 'stdout: detached, not complete'
kill "$(sed -n 's/^stdout is held by \([0-9]*\) .*/\1/p' output)"
run 0 "$cookbook/held_output" seq 1 2
has 1 2 'stdout: eof, complete'

# The program is killed when it has said that all is as it should be.  Its child, which waits for a line that nobody
# writes, holds the pipe that is read here to its end.
what="$cookbook/die_together"
mkfifo together silence
"$cookbook/die_together" sh -c 'read -r line <>silence; echo survived' >together 2>/dev/null &
{
	read -r bound
	kill -KILL $!
	timeout 20 cat
} <together >output
held=$?
wait $! 2>/dev/null
checks=$((checks + 1))
[ "$bound" = 'bound: tree' ] || [ "$bound" = 'bound: child' ] || fail "it said $bound"
[ "$held" = 0 ] && [ ! -s output ] || fail 'the child outlived the program'
run 5 "$cookbook/die_together" sh -c 'exit 5'

run 3 "$cookbook/leave_nothing" sh -c 'sleep 60 & sleep 60 & exit 3'
has 'left behind: [0-9]+ \((sh|sleep)\)' '2 left behind, stopped: (in-phase|by-kill)'
nobody_left
run 0 "$cookbook/leave_nothing" true
has '0 left behind, stopped: before'

run 0 "$cookbook/late_viewer" seq 1 3
counts stdout '' 1 3
run 0 "$cookbook/late_viewer" seq 1 100000
has 'it begins with byte [0-9]+' 100000
checks=$((checks + 1))
[ "$(wc -c <stdout)" -ge 65536 ] && [ "$(wc -c <stdout)" -lt 131072 ] || fail 'that is not what was kept'

run 0 "$cookbook/ready_line" '^ready on' tail -f script
has 'ready: ready on port 0'
nobody_left
run 1 "$cookbook/ready_line" '^never' sh -c 'echo starting; exit 4'
has 'it ended before it was ready: exit code 4, signal 0'

run 0 "$cookbook/ready_fd" sh -c 'echo output; echo >&3; exec sleep 60'
has output ready
nobody_left
run 1 "$cookbook/ready_fd" sh -c 'printf no >&3; exit 1'
has 'it closed the descriptor before it was ready'

if command -v perl >/dev/null; then
	run 0 "$cookbook/ready_probe" socket perl -MIO::Socket::UNIX -e \
		'$s = IO::Socket::UNIX->new(Local => "socket", Listen => 1) or die; $s->accept; sleep 60'
	has ready
	nobody_left
else
	echo 'run-examples: perl is not here; ready_probe ran with a server that dies only'
fi
run 1 "$cookbook/ready_probe" absent sh -c 'exit 4'
has 'it ended before it was ready: exit code 4, signal 0'

run 0 "$cookbook/tee_output" log seq 1 2500
counts log '' 1 2500
counts stdout 'seq: ' 1 2500
has "$(wc -c <log | tr -d ' ') bytes logged, complete"
run 3 "$cookbook/tee_output" log sh -c 'seq 1 9; echo why >&2; exit 3'
last stderr '22 bytes logged, complete' 'failed; the last lines were:' '  8' '  9' '  why'
run 125 "$cookbook/tee_output" /dev/full seq 1 3

run 2 "$cookbook/last_lines" sh -c 'seq 1 1000; echo why >&2; echo more; exit 2'
last stdout '\(982 lines before these\)' $(seq 983 1000) why more
run 0 "$cookbook/last_lines" seq 1 20
counts stdout '' 1 20

run 0 "$cookbook/long_lines" sh -c 'echo short; head -c 10000000 /dev/zero | tr "\\0" x; echo; printf last'
last stdout short 'x{80} \[cut\]' last

run 0 "$cookbook/terminal" tr a-z A-Z
last stdout 'one\?' '  ONE' 'two\?' '  TWO' 'three\?' '  THREE'
nobody_left
run 1 "$cookbook/terminal" sh -c 'read line; stty -F /dev/tty size'
last stdout 'one\?' '  24 80' 'two\?'

run 0 "$cookbook/why_it_ended" 60 sh -c 'exit 3'
has completed 'exit code 3' 'user [0-9.]+ s, system [0-9.]+ s, at most [0-9]+ KiB, after [0-9]+ ms'
run 0 "$cookbook/why_it_ended" 60 sh -c 'kill -KILL $$'
has completed 'signal 9 \(.*\), sent by somebody else, no core'
run 0 "$cookbook/why_it_ended" 0.3 sleep 60
has 'stopped, as its time was over: (in-phase|by-kill), [0-9]+ signals' 'signal (15|9) \(.*\), sent by us, no core'
run 125 "$cookbook/why_it_ended" 60 "$work/absent"
has 'why_it_ended: exec: .*'

run 0 "$cookbook/set_limits" / sh -c 'ulimit -n; ulimit -t; ulimit -c; umask; nice; pwd; echo "${HOME-none} $JOB"'
last stdout 64 60 0 0077 10 / 'none example'
run 125 "$cookbook/set_limits" "$work/absent" true
has 'set_limits: chdir: .*'

sleep 60 &
run 0 "$cookbook/watch_pid" $! 0.1
has '.+: stopped: (signal (15|9), sent by us|gone, and only its parent knows how)'
wait $!
run 125 "$cookbook/watch_pid" 4194305 60 # more than any process can have
has 'watch_pid: .*'

run 0 "$cookbook/restart" sh -c 'echo >>tries; [ "$(wc -l <tries)" -eq 3 ]'
last stdout 'failed, restart 1' 'failed, restart 2' 'exit code 0, signal 0, after 2 restarts'
run 7 "$cookbook/restart" sh -c 'exit 7'
last stdout 'failed, restart 3' 'exit code 7, signal 0, after 3 restarts'

run 124 "$cookbook/idle_limit" 0.3 sleep 60
has 'stopped: nothing was written for 0\.3 s'
nobody_left
run 3 "$cookbook/idle_limit" 60 sh -c 'echo one; echo two >&2; exit 3'
last stdout one two

run 5 "$cookbook/forward_signals" sh -c 'trap "echo taken; exit 5" INT; kill -INT $PPID; while :; do sleep 1; done'
has taken 'signal 2 handed on'
run 137 "$cookbook/forward_signals" \
	sh -c 'trap : TERM HUP INT; kill -TERM $PPID; kill -HUP $PPID; kill -INT $PPID; while :; do sleep 1; done'
has 'signal [0-9]+ handed on' 'signal [0-9]+ once too often'
nobody_left

run 0 "$cookbook/pipeline" seq 1 100 -- grep 7 -- wc -l
last stdout ' *19'
run 1 "$cookbook/pipeline" sh -c 'echo x; exit 3' -- wc -l
last stderr 'stage 1, sh: exit code 3, signal 0' 'stage 2, wc: exit code 0, signal 0'
run 1 "$cookbook/pipeline" yes -- head -n 2
last stderr 'stage 1, yes: exit code 0, signal 13' 'stage 2, head: exit code 0, signal 0'
run 125 "$cookbook/pipeline" cat -- "$work/absent"
run 2 "$cookbook/pipeline" true -- -- true

run 1 "$cookbook/first_failure" 'sleep 60' 'exit 3' 'sleep 60 & sleep 60'
last stdout 'job 1: cancelled, exit code 0, signal (15|9)' 'job 2: ended, exit code 3, signal 0' \
	'job 3: cancelled, exit code 0, signal (15|9)'
nobody_left
run 0 "$cookbook/first_failure" true true

if has_been_built cookbook/in_cpp; then
	run 3 "$cookbook/in_cpp" sh -c 'printf "one\ntwo\nthree"; exit 3'
	last stdout '1: one' '2: two' '3: three' 'completed, 3 lines'
	run 143 "$cookbook/in_cpp" sh -c 'kill -TERM $$'
	run 125 "$cookbook/in_cpp" "$work/absent"
	has 'in_cpp: exec: .*'
fi

# ---- migration/: both of a pair do the same ----

migration=$dir/migration

# same: the last run has printed what the one before it has
same()
{
	checks=$((checks + 1))
	cmp -s stdout before || fail "it printed something else than $of"
}

# remember: what the last run has printed
remember()
{
	cat stdout >before
	of=$what
}

for words in 'seq 1 2000' 'printf "one\n\nthree"; exit 3' 'kill -KILL $$' true; do
	run 0 "$migration/popen_before" "$words"
	remember
	run 0 "$migration/popen_after" "$words"
	same
done
has 'exit code 0'

for words in 'tr a-z A-Z' 'cat; exit 3' 'exit 4' 'kill -TERM $$'; do
	run 0 "$migration/posix_spawn_before" sh -c "$words"
	remember
	run 0 "$migration/posix_spawn_after" sh -c "$words"
	same
done
has 'signal 15'

for words in 'seq 1 100000' 'exit 3' 'kill -TERM $$'; do
	! has_been_built migration/libuv_before || run 0 "$migration/libuv_before" 60 sh -c "$words"
	cat stderr >complaint
	remember
	run 0 "$migration/libuv_after" 60 sh -c "$words"
	has_been_built migration/libuv_before >/dev/null || continue
	same
	checks=$((checks + 1))
	cmp -s stderr complaint || fail "it complained otherwise than $of"
done
run 0 "$migration/libuv_after" 0.1 sleep 60
has 'signal (15|9)'
nobody_left

for words in 'seq 1 100; echo why >&2; exit 3' 'kill -TERM $$'; do
	! has_been_built migration/gio_before || run 0 "$migration/gio_before" sh -c "$words"
	remember
	run 0 "$migration/gio_after" sh -c "$words"
	! has_been_built migration/gio_before >/dev/null || same
done

for words in 'seq 1 100; exit 3' 'kill -TERM $$'; do
	! has_been_built migration/reproc_before || run 0 "$migration/reproc_before" sh -c "$words"
	remember
	run 0 "$migration/reproc_after" sh -c "$words"
	! has_been_built migration/reproc_before >/dev/null || same
done
has 'status 143'

echo "run-examples: $checks checks, $failures failed"
[ "$failures" -eq 0 ]
