#!/bin/sh
# SPDX-License-Identifier: MIT
# The explorer's controls: each planted bug below must make at least one scenario fail.  A mutation that no longer
# applies to the source is a failure too, so this list cannot rot.
#   mutants.sh [SRCDIR]
set -eu
src=$(cd "${1:-${srcdir:-.}}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
caught=0 missed=0

# plant WHAT FILE SED-SCRIPT
plant() {
	cp "$src/lib/chan.c" "$src/lib/wake.c" "$work/"
	sed -E "$3" "$src/lib/$2" > "$work/$2"
	if cmp -s "$src/lib/$2" "$work/$2"; then
		echo "FAIL $1: the mutation does not apply to lib/$2 any more"
		missed=$((missed + 1))
		return
	fi
	sh "$src/model/build.sh" "$src" "$work" "$work" "$work/mutant" 2> "$work/log" || {
		echo "FAIL $1: the mutant does not compile"
		cat "$work/log"
		missed=$((missed + 1))
		return
	}
	if "$work/mutant" first > "$work/out" 2>&1; then
		echo "FAIL $1: survived"
		missed=$((missed + 1))
	else
		echo "ok   $1: $(grep -m1 '^FAIL' "$work/out" | cut -c6-90)"
		caught=$((caught + 1))
	fi
}

# between FUNCTION SED-COMMAND: the command within one function
between() { printf '/^[^ \t].*%s\\(/,/^}/ { %s }' "$1" "$2"; }

late_read='model_point(0); slot_read(\&c->slots[(c->c_head - 1) \& c->mask], ret_item);'
late_write='model_point(0); slot_write(\&c->slots[(c->p_tail - 1) \& c->mask], item);'
plain_subtraction='s/if \(atomic_fetch_sub_explicit\(\&p->word, 1, memory_order_acquire\) == NOTIFIED\)'
plain_store='/atomic_store_explicit(\&p->word, PARKED, memory_order_relaxed); if (0)/'

plant "finish wakes nobody" chan.c \
	"$(between tend__chan_finish 's/^\ttend__chan_wake\(c\);//')"
plant "close wakes nobody" chan.c \
	"$(between tend__chan_close 's/^\ttend__gate_notify.*//')"
plant "cancel wakes nobody" chan.c \
	"$(between tend__chan_cancel 's/^\ttend__gate_notify.*//')"
plant "pop does not look for an item after arming" chan.c \
	's/in_time = has_item\(c\) \|\| /in_time = /'
plant "pop does not look at the flags after arming" chan.c \
	's/is_cancelled\(c, TX_CLOSED \| CANCEL \| CANCEL_NOW\)/false/'
plant "pop does not arm its gate" chan.c \
	"$(between tend__chan_pop 's/^\t\ttend__gate_arm.*//')"
plant "a producer does not look for room after arming" chan.c \
	"$(between tend__chan_want_room 's/!has_room\(c\)/c->p_tail - c->p_head >= c->capacity/')"
plant "a producer does not look for a close after arming" chan.c \
	"$(between tend__chan_want_room 's/ \& RX_CLOSED\)/ \& 0)/')"
plant "a producer does not arm its gate" chan.c \
	"$(between tend__chan_want_room 's/^\ttend__gate_arm.*//')"
plant "no second look before the end" chan.c \
	's/return has_item\(c\) \? tend__chan_try_pop\(c, ret_item\) : TEND__END;/return TEND__END;/'
plant "the slot is given back before it is read" chan.c \
	"$(between take_plain "/^\tslot_read/d; s/^\tatomic_store_explicit\(\&c->head.*/&\n\t$late_read/")"
plant "the slot is published before it is written" chan.c \
	"$(between tend__chan_push "/^\tslot_write/d; s/^\tatomic_store_explicit\(\&c->tail.*/&\n\t$late_write/")"
plant "one slot too many" chan.c \
	"$(between has_room 's/< c->capacity/<= c->capacity/')"
plant "an evicted item is taken all the same" chan.c \
	"$(between take_evictable 's/return false;/(void)0;/')"
plant "an item is evicted that was taken" chan.c \
	"$(between evict 's/^\tc->p_head = oldest;/\tc->p_head = oldest; return true;/')"
plant "a small ring's producer is never woken" chan.c \
	"$(between wake_producer 's/<= c->wake_at/< c->wake_at/')"
plant "cancel goes before data" chan.c \
	"$(between tend__chan_pop 's/is_cancelled\(c, CANCEL_NOW\)/is_cancelled(c, CANCEL | CANCEL_NOW)/')"
plant "cancel now is cancel" chan.c \
	"$(between tend__chan_pop 's/if \(is_cancelled\(c, CANCEL_NOW\)\)/if (0)/')"
plant "an unpark does not wake" wake.c \
	's/== PARKED\)/== EMPTY)/'
plant "a park forgets the token" wake.c \
	"$plain_subtraction$plain_store"
plant "a notify disarms and does not unpark" wake.c \
	"$(between tend__gate_notify 's/^\t\ttend__unpark.*/\t\t(void)p;/')"
plant "a notify looks before the change" wake.c \
	"$(between tend__gate_arm 's/^\tatomic_store_explicit.*/\t(void)g;/')"
plant "an event is signalled without raising its generation" wake.c \
	"$(between tend__event_signal 's/^\tatomic_fetch_add_explicit.*//')"
plant "an event does not wake" wake.c \
	"$(between tend__event_signal 's/^\t\ttend__sys_futex_wake.*/\t\t(void)0;/')"
plant "an event's waiters are not counted" wake.c \
	"$(between tend__event_begin 's/^\tatomic_fetch_add_explicit.*//')"

echo "$caught planted bugs caught, $missed not"
echo "$caught passed, $missed failed"
[ "$missed" -eq 0 ]
