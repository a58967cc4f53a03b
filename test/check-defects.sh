#!/bin/sh
# SPDX-License-Identifier: MIT
# The tests' own control: each defect OE-n of doc/REQUIREMENTS.md is planted in a copy of the library, and the test that
# guards against it has to fail.  It has to pass before, and a plant that no longer applies is a failure, so this list
# cannot rot.  A defect whose mechanism does not exist here is planted as what looks most like it from the outside.
#
# usage: check-defects.sh [OE-N...]      "make check-defects" sets the environment
# shellcheck disable=SC2086,SC3045 # flags are several words; the shells that there are know ulimit -c
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${CC:=cc}"
: "${CPPFLAGS:=}"
: "${LIBS:=-lurcu-mb -lurcu-common -lcunit -lpthread}"
export TEND_HELPERS
TEST_TIMEOUT=${DEFECT_TIMEOUT:-10} # a plant may well make its test hang
export TEST_TIMEOUT
ulimit -c 0
work=$(mktemp -d "${TMPDIR:-/tmp}/tend-defects.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
wanted=" $* "
caught=0
missed=0

compile()
{
	$CC -std=gnu11 -D_GNU_SOURCE -DTEND_DEBUG -g -O1 -pthread $CPPFLAGS -I"$top_srcdir/include" \
		-iquote "$top_srcdir/lib" -iquote "$top_srcdir/test" -c "$1" -o "$2"
}

# The library as it is, with test/fault.c for its system calls, and what the tests share; once.
compile_all()
{
	mkdir "$work/base"
	for file in "$top_srcdir"/lib/*.c; do
		case $file in
		*/guardian.c | */mem.c | */sys.c) ;;
		*) compile "$file" "$work/base/$(basename "$file" .c).o" ;;
		esac
	done
	for file in "$top_srcdir"/test/*.c; do
		case $file in
		*/coverage.c | */test_* | */stress_* | */tool.c) ;;
		*) compile "$file" "$work/base/test-$(basename "$file" .c).o" ;;
		esac
	done
}

# link FOLDER PROGRAM: base, with the objects of FOLDER in place of those of the same name
link()
{
	objects=
	for object in "$work"/base/*.o; do
		name=$(basename "$object")
		[ -f "$1/$name" ] && objects="$objects $1/$name" || objects="$objects $object"
	done
	[ -f "$work/$2.o" ] || compile "$top_srcdir/test/$2.c" "$work/$2.o"
	$CC -pthread "$work/$2.o" $objects -o "$1/$2" $LIBS
}

# runs PROGRAM TEST: one level further down, where the shell says in silence that a program was aborted
runs()
{
	("$1" "$2" </dev/null; exit $?)
}

miss()
{
	echo "FAIL $1"
	missed=$((missed + 1))
}

# passes WHAT PROGRAM TEST: it does without the plant; tried once each
passes()
{
	[ ! -f "$work/good/$2.$3" ] || return 0
	mkdir -p "$work/good"
	[ -x "$work/good/$2" ] || link "$work/good" "$2"
	if runs "$work/good/$2" "$3" >"$work/good/$2.$3" 2>&1; then
		return 0
	fi
	sed 's/^/  /' "$work/good/$2.$3"
	rm "$work/good/$2.$3"
	miss "$1: $2 $3 fails without the plant"
	return 1
}

# plant ID WHAT FILE PROGRAM TEST SED-SCRIPT: that it applies is looked at even where others are wanted
plant()
{
	rm -rf "$work/bad"
	mkdir "$work/bad"
	sed -E "$6" "$top_srcdir/lib/$3.c" >"$work/bad/$3.c"
	if cmp -s "$top_srcdir/lib/$3.c" "$work/bad/$3.c"; then
		miss "$1: the plant does not apply to lib/$3.c any more: $2"
		return 0
	fi
	case $wanted in
	"  " | *" $1 "*) see "$@" ;;
	esac
}

# see ID WHAT FILE PROGRAM TEST: what is planted, in work/bad
see()
{
	if ! compile "$work/bad/$3.c" "$work/bad/$3.o" 2>"$work/said"; then
		sed 's/^/  /' "$work/said"
		miss "$1: the plant does not compile: $2"
	elif passes "$1" "$4" "$5" && link "$work/bad" "$4"; then
		if runs "$work/bad/$4" "$5" >"$work/said" 2>&1; then
			miss "$1: $4 $5 does not see it: $2"
		else
			why=$(grep -a -m1 -E '^ +1\. |took too long' "$work/said" | tr -cd ' -~')
			why=$(printf '%s' "$why" | sed -E 's/^ +1\. [^ ]*  - //; s/^test //')
			printf '%s\n' "ok   $1: $2 -> $4 $5: ${why:-it crashed}"
			caught=$((caught + 1))
		fi
	fi
}

# Sed scripts: CODE is plain C, START the beginning of a statement as a regular expression.
# between FUNCTION COMMANDS: within one function
between() { printf '/^[^ \\t].*%s\\(/,/^}/ { %s }; ' "$1" "$2"; }
escaped() { printf '%s' "$1" | sed 's/[&/\\]/\\&/g'; }
in_front() { between "$1" "s/^(\t+)$2/\\1$(escaped "$3")\\n&/"; }
behind() { between "$1" "s/^(\t+)$2.*/&\\n\\1$(escaped "$3")/"; }
instead() { between "$1" "s/^(\t+)$2.*/\\1$(escaped "$3")/"; }
# include HEADER: in front of everything but the licence
include() { printf '1s|$|\\n#include <%s>|; ' "$1"; }

compile_all

recorded='s/s->cursor = st->recorded_sequence;/s->cursor = st->recorded_sequence'
lost='atomic_load_explicit(&st->bytes_dropped, memory_order_relaxed)'
no_room_for_two='lossy && s->loss_logged && s->chan.capacity < 2 + tend__chan_fill(&s->chan)'
in_no_time='ret_consumed && timeout == TEND_AT_ONCE'
begin='struct tend__stop_waiter w; tend__process_begin_stop(p, &plan, false, &w);'
begin_and_await="$begin tend__process_await_stop(p, &w, TEND__NEVER);"
not_eof='tend_stream_stats(s->stream).end != TEND_END_EOF'

for test in 'test_stream history_has_no_holes' 'test_replay_stream what_is_lost_is_retained'; do
	plant OE-1 'nothing is retained once somebody has lost something' reader $test \
		"$(in_front record 'tend__lock\(' "if ($lost) return 0;")"
done
plant OE-2 'who comes during a batch misses a chunk of it' sub test_handover each_chunk_once_whenever_one_comes \
	"$recorded + 1;/"
plant OE-2 'who comes during a batch misses a chunk of it' sub stress_handover ten_thousand_subscribers \
	"$recorded + 1;/"
plant OE-2 'a chunk is given out before it is recorded' reader test_handover who_comes_in_front_of_the_end_is_told \
	"$(between take 's/^\trecorded = .*//; s/^\tpublish\(r\);/&\n\trecorded = record(r) == 0;/')"
plant OE-3 'a gap takes room: with one slot there is none for data' publish test_stream one_slot_recovers \
	"$(in_front push 'tend__slab_ref\(item->slab\);' \
		"if ($no_room_for_two) { count_loss(p, s, item); return true; }")"
plant OE-4 'what is in the history is given out once more' sub test_handover each_chunk_once_whenever_one_comes \
	"$recorded - (st->recorded_sequence > 0);/"
plant OE-4 'what is in the history is given out once more' sub test_handover a_successor_gets_no_chunk_twice \
	"$recorded - (st->recorded_sequence > 0);/"
plant OE-5 'the end is told before it is recorded' reader test_stream attaching_against_the_end_hangs_nobody \
	"$(include time.h)$(instead finish 'tend__publish_finish\(' ';')$(in_front finish 'tend__lock\(' \
	'tend__publish_finish(&r->pub, &t, r->cut); nanosleep(&(struct timespec){ .tv_nsec = 300000 }, NULL);')"
plant OE-6 'a cancel comes between what is buffered' chan test_consume draining_takes_all_that_is_queued \
	"$(between tend__chan_pop 's/\(c, CANCEL_NOW\)/(c, c->c_head \& 2 ? CANCEL | CANCEL_NOW : CANCEL_NOW)/')"
plant OE-7 'losses do not reach the result' consume test_backpressure a_collection_tells_its_losses \
	's/^\t\t\.(gaps|bytes_dropped|chunks_dropped) = figure\(.*//'
plant OE-7 'losses do not reach the result' consume test_consume losses_are_in_the_result \
	's/^\t\t\.(gaps|bytes_dropped|chunks_dropped) = figure\(.*//'
plant OE-8 'half a line is taken for one' sub test_collect who-comes-late-is-not-complete \
	's/gap\.at_start = .*;/gap.at_start = false;/'
plant OE-9 'a line that was broken off is continued by the next' batch test_write_failures broken-off-anywhere \
	's/b->owes_delimiter \|= b->within_line;/(void)b;/'
plant OE-10 'a wait keeps its subscription' visit_wait test_lifecycle waits_leave_their_place \
	's/^\ttend_subscription_close\(s->subscription\);//'
plant OE-11 'what follows the match is swallowed' visit_wait test_replay_stream the_rest_is_found_behind_the_match \
	's/resume_offset = tend__parser_offset\(.*/resume_offset = tend_stream_stats(s->stream).bytes_read;/'
plant OE-12 'each read has an entry of its own' replay test_replay small_reads_do_not_pin_slabs \
	's/r->merge_limit = .*;/r->merge_limit = 0;/'
plant OE-13 'a deadline may go before what is there' chan test_chan priorities_are_fixed \
	"$(behind tend__chan_pop 'bool in_time;' 'if (deadline == 0 && c->c_head % 2 == 0) return TEND__LATE;')"
plant OE-13 'who has ended may be late' consume test_lifecycle who_has_ended_is_never_late \
	"$(behind tend_consumer_wait 'tend__consumer_look\(' "if ($in_no_time) ret_consumed->ending = TEND_END_NONE;")"
plant OE-14 'a stop looks at the leader alone' group test_stop leader_goes_group_stays \
	"$(instead tend__group_is_empty 'return tend__group_members' 'return true;')"
plant OE-15 'a refusal is escalated' stopper test_stop refused_by_the_kernel \
	's/return r == -EPERM;/return r == 1;/'
plant OE-16 'losses are not logged' publish test_backpressure loss_is_logged_once_for_each \
	's/^\tp->logs_loss \|= .*//'
plant OE-16 'losses are not counted' publish test_backpressure losses_are_exact_and_no_two_gaps_meet \
	's/^\tatomic_fetch_add_explicit\(&st->bytes_dropped.*//'
plant OE-17 'freeing leaves the slot to the thread' consume test_consume free_frees_the_slot \
	"$(instead tend_consumer_free 'tend__sub_detach\(' ';')"
plant OE-18 'a read error drops what was collected' visit_collect test_collect a-read-error-loses-nothing \
	"$(in_front seal_lines 'losses = ' 'if (end->reason == TEND_END_READ_ERROR) return;')"
plant OE-19 'a drain that ran out throws the output away' complete test_complete grandchild_holds_the_pipe \
	"$(behind keep 'tend_consumer_collected\(' "if ($not_eof) c->data = \"\", c->size = 0;")"
plant OE-19 'time that ran out throws the output away' complete test_complete time_over_without_a_plan \
	"$(behind keep 'tend_consumer_collected\(' "if ($not_eof) c->data = \"\", c->size = 0;")"
plant OE-20 'long spans overflow' clock test_process odd_timeouts \
	"$(instead tend__after 'return ' 'return (int64_t)((uint64_t)from + (uint64_t)ns);')"
plant OE-21 'the end of the object looks like end of file' sub test_stream free_is_told_from_eof \
	's/: TEND_DETACHED;/: TEND_EOF;/'
plant OE-22 'a full subscriber holds up the others' publish test_stream reliable_waits \
	"$(instead tend__publish_offer 'through = false;' '{ through = false; break; }')"
plant OE-22 'a full subscriber is waited for without end' publish test_stall it_loses \
	's/if \(s->stall\.kind <= TEND_STALLED_WAITS\)/if (true)/'
plant OE-23 'SIGKILL is waited for without end' stopper test_stop kill_without_effect \
	's/s->deadline = tend__after\(s->kill_sent.*/s->deadline = TEND__NEVER;/'
plant OE-24 'nobody reaps a child whose handle is gone' exit test_forgotten detached_lives_on \
	"$(instead reap_locked 'tend__sys_wait\(' '(void)info, (void)usage;')"
plant OE-25 'a group is signalled by the number of its reaped leader' group test_process recycled_number \
	"$(instead signal_group 'int r = ' 'int r = tend__sys_kill(-p->pid, sig); return r;')"
plant OE-26 'giving up waits for the callback' consume test_lifecycle stuck_ones_leave_their_place \
	's/tend__deadline\(grace\)/TEND__NEVER/'
plant OE-27 'freeing a running child waits for its end' process test_forgotten terminate_does_not_wait \
	"$(instead forgotten_terminate 'tend__process_begin_stop\(' "$begin_and_await")"
plant OE-28 'a child does not ask to die with its host' spawn_child test_with_parent ends_with_a_killed_host \
	's/if \(!c->plan->o->with_parent\)/if (true)/'
plant OE-29 'writes to stdin have no deadline' input test_input nobody_reads \
	's/^\tdeadline = tend__deadline\(timeout\);/\tdeadline = TEND__NEVER;/'
plant OE-30 'a stopped child is not continued' stopper test_stop stopped_child_is_continued \
	's/sig != SIGKILL && sig != SIGCONT/false/'
plant OE-31 'a buffer is larger than it was asked to be' chan test_broadcast overflow_means_the_same_everywhere \
	's/^\tc->capacity = capacity;/\tc->capacity = n;/'
plant OE-32 'a reader without memory goes without a word' reader test_backpressure a_reader_without_memory_says_so \
	"$(in_front run 'finish\(&r\);' 'if (r.error != ENOMEM)')"
plant OE-33 'reads are cut where a buffer ends' reader test_backpressure full_reads_are_not_fragmented \
	"$(behind read_some 'room = ' 'if (room > 1000) room = 1000;')"
plant OE-34 'a line that was cut does not say so' line test_line rest-of-a-long-line-is-dropped \
	's/line->flags \|= TEND_LINE_CUT;/(void)line;/'
plant OE-34 'a cut tears a character' line test_line_options a-cut-tears-no-character \
	's/if \(!p->options\.cut_at_utf8 \|\|/if (true ||/'
plant OE-35 'a writer is not flushed' visit_write test_write_to every-end-is-flushed \
	's/^\tflush\(w\);//'
plant OE-36 'the end waits for room' publish test_backpressure the_end_needs_no_room \
	"$(include sched.h)$(in_front tend__publish_finish 'tend__chan_finish\(' \
		'while (tend__chan_fill(&s->chan) == s->chan.capacity) sched_yield();')"
plant OE-38 'what fails under the lock leaves it locked' sub test_stream refusal_harms_nobody \
	"$(in_front attach 'tend__unlock\(' 'if (r != -EBUSY)')"
plant OE-41 'who has exited unseen counts as forgotten' process test_forgotten abort_spares_who_waited_or_not \
	's/ && !tend__process_observe\(process, false\)\) \{/) {/'

echo "$caught planted defects caught, $missed not"
[ "$missed" -eq 0 ]
