#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs each built example on real programs and compares its exit status and output with what they must be.
#
# usage: run-examples.sh [DIRECTORY]      of the built examples; else $EXAMPLES_DIR, else this script's own
set -u
dir=${1:-${EXAMPLES_DIR:-$(dirname "$0")}}
dir=$(cd "$dir" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
failures=0
checks=0

# run STATUS COMMAND...: runs it; its output, stdout before stderr, goes to $work/output
run()
{
	wanted=$1
	shift
	what="$*"
	"$@" >stdout 2>stderr </dev/null
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

if has_been_built loop_libuv; then
	run 0 "$dir/loop_libuv"
	has '1: 3' '2: c' "1 ended: eof, 6 bytes; exit code 0; $calls" "2 ended: eof, 6 bytes; exit code 0; $calls"
	run 1 "$dir/loop_libuv" 'seq 1 100000; exec >&- 2>&-; sleep 0.5; exit 3' 'seq 5 50000 >&2'
	counts stdout '1: ' 1 100000
	counts stdout '2: ' 5 50000
	for job in 1 2; do
		grep "^$job" stdout >"job$job"
	done
	last job1 "1 ended: eof, 588895 bytes; exit code 3; $calls"
	last job2 "2 ended: eof, 288886 bytes; exit code 0; $calls"
	run 1 "$dir/loop_libuv" 'sleep 60 &' 'kill -TERM $$'
	has "1 ended: held by somebody else, .*; exit code 0; $calls" "2 ended: eof, 0 bytes; signal 15; $calls"
	run 2 "$dir/loop_libuv" true
fi

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

echo "run-examples: $checks checks, $failures failed"
[ "$failures" -eq 0 ]
