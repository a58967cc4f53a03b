#!/bin/sh
# SPDX-License-Identifier: MIT
# The memory orders' own control.  Every order of the lock-free core that is not relaxed is weakened by one step and
# (seq_cst) altogether, one at a time, in a copy of the library, and the test that knows what the pair carries has to
# fail.  The list below has to name each such step of the sources, and no other: it cannot rot, and no access can come
# without its row.  What cannot be seen has a row, too, that says why.
#
# How a row is caught:
#   race    a data race that ThreadSanitizer reports.  It knows happens-before from acquire and release alone, and
#           executes what is weaker on this processor as it is.
#   again   the same, but of many runs only: two threads have to meet in the middle of one function.
#   slots   a race, with the words of a channel's slots made plain in the copy.  They are atomic for the sake of
#           channels that evict; where nobody evicts they need not be, and only so it shows what head carries.
#   sleep   a wake-up is lost, and the watchdog ends the test: natively, as a seq_cst store that is weakened is another
#           instruction on x86, whose store buffer then does the rest.
# Why a row is not caught:
#   same    the instruction stays the same on x86, and the explorer's memory is that of x86: seq_cst loads and
#           read-modify-writes.  Other machines need them; the argument is wake.c I2 and chan.c I5.
#   lock    all that is carried is guarded by a lock besides.
#   atomic  all that is carried is atomic itself, so nothing races; the value may be old on another machine.
#   twice   another access of the same thread has acquired, or is about to release, the same.
#
# What the channel and the handover need besides orders is planted elsewhere: wake-ups that are left out, a second look
# that is missing, a park that forgets its token by model/mutants.sh; a chunk that is recorded too late, a wrong cursor,
# an end that is told too early by check-defects.sh.  Grace periods are planted here, as they order memory, too.
#
# usage: check-orders.sh [WORD]      only rows with WORD in them; "make check-orders" sets the environment
#   ORDERS_TIMES=N: each is to be caught N times out of N; ORDERS_JOBS=N: so many at once
#   ORDERS_TRIES=N: a row that needs two threads at the same moment may need as many runs to be caught once
# shellcheck disable=SC2016,SC2046,SC2086,SC3045 # awk's $; flags are several words; the shells there are know ulimit -c
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${CC:=cc}"
: "${CPPFLAGS:=}"
: "${LIBS:=-lurcu-mb -lurcu-common -lcunit -lpthread}"
: "${ORDERS_TIMES:=1}"
: "${ORDERS_JOBS:=2}"
: "${ORDERS_TRIES:=40}"
export top_srcdir CC CPPFLAGS LIBS ORDERS_TIMES ORDERS_TRIES TEND_HELPERS
core='wake chan chunk replay slots sub publish reader stream consume rcu'

rows()
{
	# file function, which of its orders: order -> weaker    how or why    test
	cat <<-'END'
	wake tend__unpark 1 release relaxed              race a_token_carries
	wake tend__park 1 acquire relaxed                race a_token_carries
	wake tend__park 2 acquire relaxed                race waking_carries
	wake tend__park 3 acquire relaxed                again a_token_at_the_last_moment_carries
	wake tend__gate_arm 1 seq_cst release            sleep consumers_miss_no_push
	wake tend__gate_arm 1 seq_cst relaxed            sleep producers_miss_no_room
	wake tend__gate_notify 1 seq_cst acquire         same
	wake tend__gate_notify 1 seq_cst relaxed         same
	wake tend__gate_notify 2 acquire relaxed         atomic
	wake tend__event_begin 1 seq_cst acq_rel         same
	wake tend__event_begin 1 seq_cst relaxed         same
	wake tend__event_again 1 seq_cst acquire         same
	wake tend__event_again 1 seq_cst relaxed         race a_generation_carries
	wake tend__event_signal 1 seq_cst acq_rel        same
	wake tend__event_signal 1 seq_cst relaxed        race a_generation_carries
	wake tend__event_signal 2 seq_cst acquire        same
	wake tend__event_signal 2 seq_cst relaxed        same
	chan has_room 1 seq_cst acquire                  same
	chan has_room 1 seq_cst relaxed                  slots a_pop_gives_its_slot_back
	chan evict 1 acq_rel acquire                     atomic
	chan evict 1 acq_rel release                     twice
	chan evict 2 acquire relaxed                     atomic
	chan tend__chan_push 1 seq_cst release           sleep consumers_miss_no_push
	chan tend__chan_push 1 seq_cst relaxed           race a_push_carries_its_bytes
	chan tend__chan_want_room 1 seq_cst acquire      same
	chan tend__chan_want_room 1 seq_cst relaxed      same
	chan tend__chan_finish 1 seq_cst acq_rel         same
	chan tend__chan_finish 1 seq_cst relaxed         race an_end_carries_its_terminal
	chan has_item 1 acquire relaxed                  atomic
	chan has_item 2 seq_cst acquire                  same
	chan has_item 2 seq_cst relaxed                  race a_push_carries_its_bytes
	chan take_plain 1 seq_cst release                sleep producers_miss_no_room
	chan take_plain 1 seq_cst relaxed                slots a_pop_gives_its_slot_back
	chan take_evictable 1 seq_cst acq_rel            same
	chan take_evictable 1 seq_cst relaxed            slots a_pop_gives_its_slot_back_while_reliable
	chan tend__chan_try_pop 1 acquire relaxed        race an_end_carries_its_terminal
	chan is_cancelled 1 seq_cst acquire              same
	chan is_cancelled 1 seq_cst relaxed              same
	chan tend__chan_close 1 seq_cst acq_rel          same
	chan tend__chan_close 1 seq_cst relaxed          same
	chan tend__chan_cancel 1 seq_cst acq_rel         same
	chan tend__chan_cancel 1 seq_cst relaxed         same
	chunk tend__pool_unref 1 acq_rel acquire         race a_pool_is_freed_by_its_last_owner
	chunk tend__pool_unref 1 acq_rel release         race a_pool_is_freed_by_its_last_owner
	chunk tend__slab_new 1 acquire relaxed           race returned_slabs_are_taken
	chunk give_back 1 release relaxed                race returned_slabs_are_taken
	chunk tend__slab_is_sole 1 acquire relaxed       race a_sole_owner_may_write
	chunk tend__slab_unref 1 acq_rel acquire         race a_sole_owner_may_write
	chunk tend__slab_unref 1 acq_rel release         race a_last_owner_may_free
	chunk tend__pool_trim 1 acquire relaxed          race returned_slabs_are_trimmed
	chunk tend__pool_close 1 acquire relaxed         race returned_slabs_are_closed
	replay segment_unref 1 acq_rel acquire           race a_segment_is_freed_by_its_last_owner
	replay segment_unref 1 acq_rel release           race a_segment_is_freed_by_its_last_owner
	replay is_sole 1 acquire relaxed                 race a_sole_segment_lets_go
	slots tend__slots_grow 1 release relaxed         race a_set_carries_its_slots
	slots tend__slots_look 1 acquire relaxed         race a_set_carries_its_slots
	slots tend__slots_put 1 release relaxed          race a_slot_carries_its_subscriber
	slots tend__set_at 1 acquire relaxed             race a_slot_carries_its_subscriber
	sub tend__sub_unref 1 acq_rel acquire            race a_subscription_is_freed_by_its_last_owner
	sub tend__sub_unref 1 acq_rel release            race a_subscription_is_freed_by_its_last_owner
	reader wait_for_room 1 acquire relaxed           lock
	reader look_at_commands 1 acquire relaxed        lock
	reader step 1 acquire relaxed                    lock
	reader tend__reader_gone 1 release relaxed       race who_is_gone_has_said_who_held_the_pipe
	stream tend__stream_unref 1 acq_rel acquire      race a_stream_is_freed_by_its_last_owner
	stream tend__stream_unref 1 acq_rel release      race a_stream_is_freed_by_its_last_owner
	stream tend__stream_command 1 release relaxed    lock
	stream is_gone 1 acquire relaxed                 race who_is_gone_has_said_who_held_the_pipe
	consume unref 1 acq_rel acquire                  race a_consumer_is_freed_by_its_last_owner
	consume unref 1 acq_rel release                  race a_consumer_is_freed_by_its_last_owner
	consume is_finished 1 acquire relaxed            race a_finished_consumer_has_ended
	consume finish 1 release relaxed                 race a_finished_consumer_has_ended
	consume serve 1 acq_rel acquire                  atomic
	consume serve 1 acq_rel release                  twice
	consume serve 2 acquire relaxed                  atomic
	consume serve 3 acq_rel acquire                  race a_server_begins_where_the_last_one_ended
	consume serve 3 acq_rel release                  twice
	END
}

# orders FILE: each order that is not relaxed, as "function which order operation".
# weakened FILE FUNCTION WHICH FROM TO: the source with that one weakened; fails where there is none.
scan='
/^[A-Za-z_].*[(]/ { line = $0; sub(/[(].*/, "", line); sub(/.*[^A-Za-z_0-9]/, "", line); fn = line; n = 0 }
/^}/ { fn = "" }
{
	rest = $0
	done = ""
	while (match(rest, /atomic_[a-z_]*_explicit|memory_order_(acquire|release|acq_rel|seq_cst|consume)/)) {
		word = substr(rest, RSTART, RLENGTH)
		done = done substr(rest, 1, RSTART - 1)
		rest = substr(rest, RSTART + RLENGTH)
		if (word ~ /^atomic/) {
			op = word ~ /_load_/ ? "load" : word ~ /_store_/ ? "store" : "change"
		} else {
			order = substr(word, 14)
			n++
			if (!wanted)
				print fn, n, order, op
			else if (fn == wanted && n == which && order == from) {
				word = "memory_order_" to
				found = 1
			}
			if (op == "change" && rest ~ /,$/)
				op = "load" # of a compare-exchange that fails: its order stands on the next line
		}
		done = done word
	}
	if (wanted)
		print done rest
}
END { exit wanted && !found }
'
orders() { awk "$scan" "$1"; }
weakened() { awk -v wanted="$2" -v which="$3" -v from="$4" -v to="$5" "$scan" "$1"; }

# What the list has to have, in its own words.
steps()
{
	for file in $core; do
		orders "$top_srcdir/lib/$file.c" | while read -r fn which order op; do
			case $op.$order in
			load.seq_cst) weaker='acquire relaxed' ;;
			store.seq_cst) weaker='release relaxed' ;;
			change.seq_cst) weaker='acq_rel relaxed' ;;
			*.acq_rel) weaker='acquire release' ;;
			*) weaker=relaxed ;;
			esac
			for to in $weaker; do
				echo "$file $fn $which $order $to"
			done
		done
	done
}

compile()
{
	$CC -std=gnu11 -D_GNU_SOURCE -DTEND_DEBUG -g -O1 -pthread $3 $CPPFLAGS -I"$top_srcdir/include" \
		-iquote "$top_srcdir/lib" -iquote "$top_srcdir/test" -c "$1" -o "$2"
}

# The programs: what is caught as a race, and as a sleep without end.
program_of() { [ "$1" = sleep ] && echo stress_wakeups || echo stress_orders; }
flags_of() { [ "$1" = sleep ] || [ "$2" = spawn_child ] || echo -fsanitize=thread; }

# All that a program is made of, as "kind source"; the library with test/fault.c for its system calls.
sources()
{
	for kind in race sleep; do
		for file in "$top_srcdir"/lib/*.c "$top_srcdir"/test/*.c; do
			case $file in
			*/test/"$(program_of $kind)".c) ;;
			*/lib/guardian.c | */lib/mem.c | */lib/sys.c) continue ;;
			*/test/coverage.c | */test/test_* | */test/stress_* | */test/tool.c) continue ;;
			esac
			echo "$kind $file"
		done
	done
}

compile_base()
{
	name=$(basename "$2" .c)
	compile "$2" "$work/$1/$name.o" "$(flags_of "$1" "$name")"
}

# link KIND DIRECTORY: the program, with the objects of DIRECTORY in place of those of the same name
link()
{
	objects=
	for object in "$work/$1"/*.o; do
		name=$(basename "$object")
		[ -f "$2/$name" ] && objects="$objects $2/$name" || objects="$objects $object"
	done
	$CC -pthread $(flags_of "$1" program) $objects -o "$2/program" $LIBS
}

# make_plain DIRECTORY: the words of a channel's slots
make_plain()
{
	sed -E '/^struct tend__slot_words/,/^}/ { s/_Atomic\(([^)]*)\) /\1/; s/_Atomic // }' \
		"$top_srcdir/lib/chan.h" >"$1/chan.h"
	sed -E 's/atomic_store_explicit\((&s->[a-z]+), (.*), memory_order_relaxed\);/*(\1) = \2;/
		s/atomic_load_explicit\((&s->[a-z]+), memory_order_relaxed\)/*(\1)/' "$1/chan.c" >"$1/chan.plain"
	! cmp -s "$1/chan.h" "$top_srcdir/lib/chan.h" && ! cmp -s "$1/chan.c" "$1/chan.plain" &&
		mv "$1/chan.plain" "$1/chan.c"
}

# make DIRECTORY HOW FILE: the program, after its changed FILE is in the directory; says why when it cannot
make()
{
	[ "$2" = sleep ] && kind='sleep' || kind='race'
	if [ "$2" = slots ]; then
		make_plain "$1" || { echo 'the slots of a channel cannot be made plain any more'; return 1; }
	fi
	compile "$1/$3.c" "$1/$3.o" "$(flags_of $kind "$3")" 2>"$1/said" && link $kind "$1" 2>"$1/said" && return 0
	echo 'it does not compile'
	sed 's/^/  /' "$1/said"
	return 1
}

# run DIRECTORY HOW TEST: at a place where ThreadSanitizer finds its addresses, if that is allowed; says what was seen
run()
{
	place="setarch $(uname -m) -R"
	[ "$2" != sleep ] && $place true 2>/dev/null || place=
	if (TSAN_OPTIONS="halt_on_error=1 exitcode=66 ${TSAN_OPTIONS:-}" $place "$1/program" "$3" </dev/null; exit $?) \
		>"$1/said" 2>&1; then
		echo passed
		return 0
	fi
	if [ "$2" = sleep ]; then
		grep -a -o -m1 'took too long' "$1/said" && return 0
	else
		grep -a -m1 '^SUMMARY: ThreadSanitizer: ' "$1/said" | sed 's/.*Sanitizer: //; s,/[^ ]*/,,' | grep . &&
			return 0
	fi
	echo 'failed in another way'
	sed 's/^/  /' "$1/said" | tail -n 30
}

# run_until_caught DIRECTORY HOW TEST
run_until_caught()
{
	case $2 in
	again | sleep) tries=$ORDERS_TRIES ;;
	*) tries=1 ;;
	esac
	seen=passed
	while [ "$seen" = passed ] && [ "$tries" -gt 0 ]; do
		seen=$(run "$1" "$2" "$3")
		tries=$((tries - 1))
	done
	echo "$seen"
}

# verdict DIRECTORY WHAT HOW FILE TEST EXPECTED: "passed" without a change, otherwise "caught"; each time
verdict()
{
	if ! said=$(make "$1" "$3" "$4"); then
		echo "FAIL $2: $said"
		return
	fi
	n=0
	while [ "$n" -lt "$ORDERS_TIMES" ]; do
		n=$((n + 1))
		[ "$6" = passed ] && said=$(run "$1" "$3" "$5") || said=$(run_until_caught "$1" "$3" "$5")
		case $6.$said in
		passed.passed) ;;
		*.passed) echo "FAIL $2: $5 does not see it (time $n)"; return ;;
		passed.* | *'failed in another way'*) echo "FAIL $2: $5: $said"; return ;;
		esac
	done
	echo "ok   $2: $5: $said"
}

# one N: the N-th job
one()
{
	read -r expected how file test what <"$work/jobs/$1/job"
	verdict "$work/jobs/$1" "$what" "$how" "$file" "$test" "$expected" >"$work/jobs/$1/verdict"
	rm -f "$work/jobs/$1/program"
}

case ${1:-} in
--base) work=$2; compile_base "$3" "$4"; exit ;;
--one) work=$2; one "$3"; exit ;;
esac

wanted=${1:-}
ulimit -c 0
work=$(mktemp -d "${TMPDIR:-/tmp}/tend-orders.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
n=0
missed=0

# job EXPECTED HOW FILE TEST WHAT: the changed source comes on stdin, empty when the change does not apply
job()
{
	n=$((n + 1))
	mkdir -p "$work/jobs/$n"
	cat >"$work/jobs/$n/$3.c"
	echo "$*" >"$work/jobs/$n/job"
	case $5 in
	*"$wanted"*) ;;
	*) rm -r "$work/jobs/$n"; n=$((n - 1)) ;;
	esac
}

# plant WHAT FILE TEST SED-SCRIPT: what is left out altogether
plant()
{
	sed -E "$4" "$top_srcdir/lib/$2.c" >"$work/planted.c"
	if cmp -s "$top_srcdir/lib/$2.c" "$work/planted.c"; then
		echo "FAIL $1: the plant does not apply to lib/$2.c any more"
		missed=$((missed + 1))
	fi
	job caught race "$2" "$3" "$1" <"$work/planted.c"
}

within() { printf '/^[^ \t].*%s\\(/,/^}/ { %s }' "$1" "$2"; }

steps | sort >"$work/steps"
rows | awk '{ print $1, $2, $3, $4, $5 }' | sort >"$work/listed"
if ! diff "$work/steps" "$work/listed" >"$work/said"; then
	echo 'FAIL the list is not what the sources have (<: of the sources, >: of the list):'
	sed -n 's/^[<>]/  &/p' "$work/said"
	missed=$((missed + 1))
fi

for test in $(rows | awk '{ print $6 "." $7 }' | grep '[.].' | sort -u); do
	job passed "${test%%.*}" chan "${test#*.}" "control, unchanged" <"$top_srcdir/lib/chan.c"
done
rows >"$work/rows"
while read -r file fn which from to how test; do
	what="$file.c $fn, order $which: $from -> $to"
	case $how in
	race | again | slots | sleep)
		weakened "$top_srcdir/lib/$file.c" "$fn" "$which" "$from" "$to" >"$work/weak.c" &&
			job caught $how "$file" "$test" "$what" <"$work/weak.c" ;;
	*) echo "not seen, $how: $what" ;;
	esac
done <"$work/rows"
plant 'a subscription is freed without a grace period' sub a_subscription_outlives_the_section \
	"$(within tend__sub_detach '/tend__rcu_synchronize/d')"
plant 'a set is freed without a grace period' sub a_set_outlives_the_section \
	"$(within attach '/tend__rcu_synchronize/d')"

mkdir "$work/race" "$work/sleep"
sources | xargs -P "$ORDERS_JOBS" -L 1 sh "$0" --base "$work"
TEST_TIMEOUT=${ORDERS_TIMEOUT:-15}
export TEST_TIMEOUT
seq "$n" | xargs -P "$ORDERS_JOBS" -n 1 sh "$0" --one "$work"
for i in $(seq "$n"); do
	cat "$work/jobs/$i/verdict"
	grep -q '^ok' "$work/jobs/$i/verdict" || missed=$((missed + 1))
done
echo "$n rows run, $missed failures"
[ "$missed" -eq 0 ]
