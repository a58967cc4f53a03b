# SPDX-License-Identifier: MIT
# The planted bugs; read by mutants.sh.  plant WHAT FILE SED-SCRIPT, in the order of the files.  Names that begin with
# "pair", "gate", "RCU" or "handover" follow doc/CONCURRENCY.md: the letters of its memory orders, its sleeping without
# losing a wake-up, its RCU, the numbers of its handover.
#
# Orders that are too weak are found where they leave a data race, and where a store that is late loses a wake-up.  A
# load that is early or finds an old value is not explored, nor a read-modify-write that is not seq_cst.  So these can
# not be planted here:
#   G  armed is loaded with less than seq_cst, taken with less than acquire
#   T  tail is loaded with acquire
#   H  head is loaded, or changed in an evicting channel, with anything less: slots are read and written atomically
#   C  flags are changed with acq_rel; with relaxed by who closes, as nothing is read behind it; they are loaded with
#      anything less where a gate was armed before
#   E, W  generation and waiters with less than seq_cst
#   K  relaxed: what a command means is read under the stream's lock
#   Y  each of the three alone: the other ones order the same

# ---- chan.c ----

models='model_chan'

late_read='model_point(0, 0); slot_read(\&c->slots[(c->c_head - 1) \& c->mask], ret_item);'
late_write='model_point(0, 0); slot_write(\&c->slots[(c->p_tail - 1) \& c->mask], item);'

plant "finish wakes nobody" chan.c \
	"$(between tend__chan_finish 's/^\ttend__chan_wake\(c\);//')"
plant "close wakes nobody" chan.c \
	"$(between tend__chan_close 's/^\ttend__gate_notify.*//')"
plant "cancel wakes nobody" chan.c \
	"$(between tend__chan_cancel 's/^\ttend__gate_notify.*//')"
plant "gate: pop does not look for an item after arming" chan.c \
	's/in_time = has_item\(c\) \|\| /in_time = /'
plant "gate: pop does not look at the flags after arming" chan.c \
	"$(between tend__chan_pop 's/is_cancelled\(c, TX_CLOSED \| CANCEL \| CANCEL_NOW\)/false/')"
plant "gate: pop does not arm its gate" chan.c \
	"$(between tend__chan_pop 's/^\t\ttend__gate_arm.*//')"
plant "gate: a producer does not look for room after arming" chan.c \
	"$(between tend__chan_want_room 's/!has_room\(c\)/c->p_tail - c->p_head >= c->capacity/')"
plant "gate: a producer does not look for a close after arming" chan.c \
	"$(between tend__chan_want_room 's/ \& RX_CLOSED\)/ \& 0)/')"
plant "gate: a producer does not arm its gate" chan.c \
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
plant "pair T, tail stored: release" chan.c \
	"$(between tend__chan_push '/store_explicit\(&c->tail/ s/seq_cst/release/')"
plant "pair T, tail stored: relaxed" chan.c \
	"$(between tend__chan_push '/store_explicit\(&c->tail/ s/seq_cst/relaxed/')"
plant "pair T, tail loaded: relaxed" chan.c \
	"$(between has_item '/load_explicit\(&c->tail/ s/seq_cst/relaxed/')"
plant "pair H, head stored: release" chan.c \
	"$(between take_plain '/store_explicit\(&c->head/ s/seq_cst/release/')"
plant "pair H, head stored: relaxed" chan.c \
	"$(between take_plain '/store_explicit\(&c->head/ s/seq_cst/relaxed/')"
plant "pair C, flags of the end: relaxed" chan.c \
	"$(between tend__chan_finish '/fetch_or_explicit\(&c->flags/ s/seq_cst/relaxed/')"
plant "pair C, flags loaded: relaxed" chan.c \
	"$(between tend__chan_try_pop '/load_explicit\(&c->flags/ s/acquire/relaxed/')"

# ---- wake.c ----

models='model_chan'

plain_subtraction='s/if \(atomic_fetch_sub_explicit\(\&p->word, 1, memory_order_acquire\) == NOTIFIED\)'
plain_store='/atomic_store_explicit(\&p->word, PARKED, memory_order_relaxed); if (0)/'

plant "an unpark does not wake" wake.c \
	's/== PARKED\)/== EMPTY)/'
plant "a park forgets the token" wake.c \
	"$plain_subtraction$plain_store"
plant "gate: a notify disarms and does not unpark" wake.c \
	"$(between tend__gate_notify 's/^\t\ttend__unpark.*/\t\t(void)p;/')"
plant "gate: armed is never stored" wake.c \
	"$(between tend__gate_arm 's/^\tatomic_store_explicit.*/\t(void)g;/')"
plant "an event is signalled without raising its generation" wake.c \
	"$(between tend__event_signal 's/^\tatomic_fetch_add_explicit.*//')"
plant "an event does not wake" wake.c \
	"$(between tend__event_signal 's/^\t\ttend__sys_futex_wake.*/\t\t(void)0;/')"
plant "an event's waiters are not counted" wake.c \
	"$(between tend__event_begin 's/^\tatomic_fetch_add_explicit.*//')"
plant "pair G, armed stored: release" wake.c \
	"$(between tend__gate_arm 's/seq_cst\)/release)/')"
plant "pair U, unpark: relaxed" wake.c \
	"$(between tend__unpark 's/NOTIFIED, memory_order_release/NOTIFIED, memory_order_relaxed/')"
plant "pair U, park: relaxed" wake.c \
	"$(between tend__park '/fetch_sub/ s/acquire/relaxed/')"
plant "pair U, a park that slept: relaxed" wake.c \
	"$(between tend__park '/compare_exchange/ s/acquire/relaxed/')"
plant "pair U, a park that was too late: relaxed" wake.c \
	"$(between tend__park '/exchange_explicit\(&p->word, EMPTY/ s/acquire/relaxed/')"

# ---- chunk.c ----

models='model_pool'

plant "a slab is reused that somebody holds" chunk.c \
	"$(between tend__slab_is_sole 's/== 1/<= 2/')"
plant "a slab is given back one owner early" chunk.c \
	"$(between tend__slab_unref 's/== 1\)/== 2)/')"
plant "a reused slab begins without an owner" chunk.c \
	"$(between tend__slab_new '/store_explicit\(&slab->refs/ s/, 1,/, 0,/')"
plant "a slab does not keep its pool" chunk.c \
	"$(between make 's/^\ttend__pool_ref.*//')"
plant "a slab does not let go of its pool" chunk.c \
	"$(between destroy 's/^\ttend__pool_unref.*//')"
plant "the figures forget a slab that is gone" chunk.c \
	"$(between destroy 's/^\tatomic_fetch_sub_explicit.*//')"
plant "a closed pool is open" chunk.c \
	"$(between tend__pool_close 's/returned, CLOSED/returned, NULL/')"
plant "a push does not look for CLOSED again" chunk.c \
	"$(between give_back '/^\tdo \{/,/slab->next/ s/head == CLOSED/0/')"
plant "a push does not look for CLOSED at all" chunk.c \
	"$(between give_back 's/head == CLOSED/0/')"
plant "a push that has to be repeated keeps its old next" chunk.c \
	"$(between give_back 's/^\tdo \{/\tslab->next = head;\n&/; s/^\t\tslab->next = head;//')"
loaded='atomic_load_explicit(\&pool->returned, memory_order_acquire)'
emptied='atomic_store_explicit(\&pool->returned, NULL, memory_order_relaxed)'
plant "the list is taken by load and store" chunk.c \
	"$(between tend__slab_new "s/slab = atomic_exchange_explicit.*/{ slab = $loaded; $emptied; }/")"
plant "the list is taken and one slab kept" chunk.c \
	"$(between tend__slab_new 's/pool->local = slab->next;/pool->local = NULL;/')"
plant "trim loses the returned list" chunk.c \
	"$(between tend__pool_trim 's/slab = atomic_exchange_explicit/(void)atomic_exchange_explicit/')"
plant "trim leaves its own list linked" chunk.c \
	"$(between tend__pool_trim 's/^\tpool->local = NULL;//')"
plant "close forgets the local list" chunk.c \
	"$(between tend__pool_close 's/^\tdestroy_list\(pool->local\);//')"
plant "close forgets the returned list" chunk.c \
	"$(between tend__pool_close 's/destroy_list\((atomic_exchange[^;]*)\);/(void)\1;/')"
plant "close keeps the stream's reference" chunk.c \
	"$(between tend__pool_close 's/^\ttend__pool_unref.*//')"
plant "next is read behind the free" chunk.c \
	"$(between destroy_list 's/^\t\tslab = next;/\t\tslab = slab->next;/; s/^.*struct tend__slab \*next.*//')"
plant "pair R, a slab's count loaded: relaxed" chunk.c \
	"$(between tend__slab_is_sole 's/memory_order_acquire/memory_order_relaxed/')"
plant "pair R, a slab's count lowered: relaxed" chunk.c \
	"$(between tend__slab_unref 's/memory_order_acq_rel/memory_order_relaxed/')"
plant "pair R, a slab's count lowered: acquire" chunk.c \
	"$(between tend__slab_unref 's/memory_order_acq_rel/memory_order_acquire/')"
plant "pair R, a slab's count lowered: release" chunk.c \
	"$(between tend__slab_unref 's/memory_order_acq_rel/memory_order_release/')"
plant "pair F, a slab returned: relaxed" chunk.c \
	"$(between give_back 's/memory_order_release/memory_order_relaxed/')"
plant "pair F, the returned taken: relaxed" chunk.c \
	"$(between tend__slab_new 's/memory_order_acquire/memory_order_relaxed/')"
plant "pair F, the returned trimmed: relaxed" chunk.c \
	"$(between tend__pool_trim 's/memory_order_acquire/memory_order_relaxed/')"
plant "pair F, the returned closed: relaxed" chunk.c \
	"$(between tend__pool_close 's/memory_order_acquire/memory_order_relaxed/')"
plant "pair P, a pool's count lowered: relaxed" chunk.c \
	"$(between tend__pool_unref 's/memory_order_acq_rel/memory_order_relaxed/')"
