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
	"$(between tend__chan_finish 's/^\ttend__gate_notify.*//')"
plant "finish wakes nobody who has been woken for all items" chan.c \
	"$(between tend__chan_finish 's/^\ttend__gate_notify.*/\ttend__chan_wake(c);/')"
plant "a wake-up counts for the next item, too" chan.c \
	"$(between tend__chan_wake 's/c->p_woken = c->p_tail;/c->p_woken = c->p_tail + 1;/')"
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

models='model_end'
plant "gate: a poller does not arm its gate" chan.c \
	"$(between tend__chan_watch 's/^\ttend__gate_arm.*//')"
plant "gate: a poller does not look for an item after arming" chan.c \
	"$(between tend__chan_watch 's/!has_item\(c\) \&\& //')"
plant "gate: a poller does not look at the flags after arming" chan.c \
	"$(between tend__chan_watch 's/is_cancelled\(c, TX_CLOSED \| CANCEL \| CANCEL_NOW\)/false/')"

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

models='model_end'
plant "an unpark does not ring" wake.c \
	"$(between tend__unpark 's/^\t\ttend__sys_ring.*/\t\t(void)0;/')"

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

# ---- slots.c ----

models='model_attach'

plant "a removed subscriber stays in its slot" slots.c \
	"$(between tend__slots_remove 's/^\tatomic_store_explicit.*//')"
plant "a freed slot counts as used" slots.c \
	"$(between tend__slots_remove 's/^\tslots->used--;//')"
plant "a slot is taken that is used" slots.c \
	"$(between tend__slots_put 's/^\twhile .*//; s/^\t\ti\+\+;//')"
plant "the bigger set lacks a subscriber" slots.c \
	"$(between tend__slots_grow 's/i = 0; i < old/i = 1; i < old/')"
plant "the bigger set is not published" slots.c \
	"$(between tend__slots_grow 's/^\tatomic_store_explicit.*//')"
plant "pair S, a slot stored: relaxed" slots.c \
	"$(between tend__slots_put 's/memory_order_release/memory_order_relaxed/')"
plant "pair S, a slot loaded: relaxed" slots.c \
	"$(between tend__set_at 's/memory_order_acquire/memory_order_relaxed/')"
plant "pair Z, the set stored: relaxed" slots.c \
	"$(between tend__slots_grow 's/memory_order_release/memory_order_relaxed/')"
plant "pair Z, the set loaded: relaxed" slots.c \
	"$(between tend__slots_look 's/memory_order_acquire/memory_order_relaxed/')"

# ---- sub.c ----

models='model_attach model_end model_consume'

plant "handover 1: attach does not set the cursor" sub.c \
	"$(between attach_locked 's/^\t\ts->cursor = .*//')"
plant "handover 1: attach sets the cursor behind the slot" sub.c \
	"$(between attach_locked 's/^\t\ts->cursor = .*//
		s/^\ttend__slots_put.*/&\n\ts->cursor = st->recorded_sequence;/')"
plant "handover 3: attach does not look for the end" sub.c \
	"$(between attach_locked 's/if \(st->ended\)/if (0)/')"
plant "handover 3: attach does not take the end" sub.c \
	"$(between attach_locked 's/^\t\ts->terminal = .*//')"
plant "attach takes no reference for the slot" sub.c \
	"$(between attach_locked 's/^\ttend__sub_ref.*//')"
plant "handover 1: attach takes no snapshot" sub.c \
	"$(between attach_locked 's/if \(st->replay.n\)/if (0)/')"
let_in='tend__unlock(\&st->lock); tend__lock(\&st->lock);'
plant "handover 1: attach takes its snapshot behind its slot" sub.c \
	"$(between attach_locked "s/^\tif \(st->replay.n\)/\tif (0)/
		s/^\ttend__slots_put.*/&\n\t$let_in\n\tif (st->replay.n) take_snapshot(st, s, room);/")"
plant "RCU: attach frees the old set without a grace period" sub.c \
	"$(between attach 's/^\t\ttend__rcu_synchronize.*/\t\t(void)0;/')"
plant "RCU: attach waits for a grace period with the lock held" sub.c \
	"$(between attach 's/r = attach_locked.*/&\n\t\tif (room.set_n == UINT32_MAX) tend__rcu_synchronize();/')"
plant "a second subscriber takes a single one's slot" sub.c \
	"$(between attach_locked 's/if \(full && st->options.backend/if (0 \&\& st->options.backend/')"
plant "RCU: detach waits for no grace period" sub.c \
	"$(between tend__sub_detach 's/^\ttend__rcu_synchronize.*//')"
plant "RCU: detach waits with the lock held" sub.c \
	"$(between tend__sub_detach 's/^\ttend__unlock.*//
		s/^\ttend__rcu_synchronize.*/&\n\ttend__unlock(\&st->lock);/')"
plant "detach does not close the channel" sub.c \
	"$(between tend__sub_detach 's/^\ttend__chan_close.*//')"
plant "detach removes without the lock" sub.c \
	"$(between tend__sub_detach 's/^\t\ttend__slots_remove.*/\t\t(void)0;/
		s/^\ttend__rcu_synchronize.*/\ttend__slots_remove(\&st->slots, sub);\n&/')"
plant "detach decides without the lock who is first" sub.c \
	"$(between tend__sub_detach 's/^\twas_in_slot = .*//; s/^\tsub->in_slot = .*//
		s/^\ttend__lock.*/\twas_in_slot = sub->in_slot; sub->in_slot = false;\n&/')"
plant "detach removes twice" sub.c \
	"$(between tend__sub_detach 's/^\tsub->in_slot = .*//')"
plant "detach keeps the slot's reference" sub.c \
	"$(between tend__sub_detach 's/^\ttend__sub_unref.*//')"
plant "a lent chunk is not given back" sub.c \
	"$(between give_back_lent 's/^\t\ttend__slab_unref.*/\t\t(void)0;/')"
plant "a lent chunk is given back at once" sub.c \
	"$(between deliver 's/^\ts->lent = .*/&\n\tgive_back_lent(s);/; ')
	1,/^static void deliver/ s/^static void deliver/static void give_back_lent(tend_subscription *s);\n&/"
plant "what a closed channel holds is not given back" sub.c \
	"$(between destroy 's/^\twhile \(tend__chan_drain.*/\twhile (0)/')"
plant "who has closed is told of an end beyond what it got" chan.c \
	"$(between tend__chan_finish 's/^\tif \(atomic_load.*RX_CLOSED\)/\tif (0)/')"
plant "handover 4: a gap's bytes are not counted" sub.c \
	"$(between seek 's/ret_gap->bytes = .*/ret_gap->bytes = 0;/')"
plant "handover 4: a gap in front of the end is not said" sub.c \
	"$(between end 's/else if \(seek\(.*\{/else if (0) {/')"
plant "what a gap held back comes twice" sub.c \
	"$(between tend__sub_next 's/^\t\ts->has_held = false;//')"
plant "the eventfd is emptied behind the last look" sub.c \
	"$(between settle_fd 's/^\t\ttend__sys_unring.*//
		s/^\t\tis_empty = tend__chan_watch.*/&\n\t\ttend__sys_unring(s->fd);/')"
plant "the eventfd is emptied and not looked behind" sub.c \
	"$(between settle_fd 's/^\t\tis_empty = tend__chan_watch.*//')"
plant "pair N, a subscription's count lowered: relaxed" sub.c \
	"$(between tend__sub_unref 's/memory_order_acq_rel/memory_order_relaxed/')"
plant "what a snapshot had is given back without the lock" sub.c \
	"$(between next_retained 's/^\t\ttend__(un)?lock.*//')"

# ---- publish.c ----

models='model_end model_attach model_consume'

plant "handover 2: the cursor is not compared" publish.c \
	"$(between offer 's/if \(s->cursor > [^)]*\)/if (0)/')"
plant "handover 2: the cursor is not moved" publish.c \
	"$(between offer 's/^\ts->cursor = .*//')"
plant "handover 2: the cursor is moved although there was no room" publish.c \
	"$(between offer 's/^\twhile \(!push/\ts->cursor = p->item.sequence + p->item.count;\n&/')"
plant "handover 6: a full channel is not asked for an unpark" publish.c \
	"$(between offer 's/tend__chan_want_room\(&s->chan\)/true/')"
plant "handover 6: only the first full channel is asked" publish.c \
	"$(between tend__publish_offer 's/if \(s && !offer/if (through \&\& s \&\& !offer/')"
plant "RCU: the set is looked at without a section" publish.c \
	"$(between tend__publish_offer 's/^\ttend__rcu_read_(un)?lock.*//')"
plant "RCU: a wake-up is given without a section" publish.c \
	"$(between tend__publish_wake 's/^\ttend__rcu_read_(un)?lock.*//')"
plant "a lossy one that is full is waited for" publish.c \
	"$(between push 's/return lossy;/return false;/')"
plant "handover 5: a reliable one that is full is passed over" publish.c \
	"$(between push 's/return lossy;/return true;/')"
plant "a refused chunk keeps its reference" publish.c \
	"$(between push '/case TEND__FULL/,/if \(lossy\)/ s/^\t\ttend__slab_unref.*//')"
plant "an evicted chunk keeps its reference" publish.c \
	"$(between push 's/^\t\ttend__slab_unref\(evicted.slab\);//')"
plant "a push takes no reference" publish.c \
	"$(between push 's/^\ttend__slab_ref.*//')"
plant "handover 5: who was cut off ends behind the chunk" publish.c \
	"$(between tend__publish_finish 's/if \(cut && /if (0 \&\& /')"
plant "handover 5: who had the chunk ends in front of it" publish.c \
	"$(between tend__publish_finish 's/s->cursor <= p->item.sequence/true/')"
plant "the end is told to the first alone" publish.c \
	"$(between tend__publish_finish 's/^\t\ttend__chan_finish.*/&\n\t\tbreak;/')"
plant "RCU: the end is told without a section" publish.c \
	"$(between tend__publish_finish 's/^\ttend__rcu_read_(un)?lock.*//')"
plant "one that leaves is not told" publish.c \
	"$(between leave 's/^\ttend__chan_finish.*//')"
plant "one that leaves ends behind the chunk" publish.c \
	"$(between leave 's/\.offset = p->item.offset/.offset = p->item.offset + p->item.size/')"
plant "one that has left is told of the end" publish.c \
	"$(between take_out_leavers 's/while \(.*/while (0 \&\& (s = find(p, \&i, has_left))) {/')"
plant "RCU: who is taken out was found without a reference" publish.c \
	"$(between find 's/tend__sub_ref\(found = s\)/found = s/')
	$(between take_out_leavers 's/^\t\ttend__sub_unref.*//')"
plant "RCU: a consumer on the reader is not held" publish.c \
	"$(between hold_served 's/^\t\theld\[n\]\.server->hold.*//')"
plant "a consumer on the reader is not told of the end" publish.c \
	"$(between tend__publish_finish 's/^\ttend__publish_serve.*//')"
plant "RCU: a consumer on the reader is served online" publish.c \
	"$(between tend__publish_serve 's/^\t\ttend__publish_offline.*//')"

# ---- reader.c ----

models='model_end model_attach model_consume'

plant "handover 1: publish before record" reader.c \
	"$(between take 's/^\trecorded = .*/\tpublish(r);/; t; s/^\tpublish\(r\);/\trecorded = record(r) == 0;/')"
plant "handover 1: record without the lock" reader.c \
	"$(between record 's/^\ttend__(un)?lock.*//')"
plant "handover 1: record does not say how far it is" reader.c \
	"$(between record 's/^\tst->recorded_sequence = .*//')"
plant "handover 2: the set is not looked at again behind a park" reader.c \
	"$(between publish 's/while \(!tend__publish_offer/if (!tend__publish_offer/')"
plant "handover 6: no wake-up before a park" reader.c \
	"$(between wait_for_room 's/^\ttend__publish_wake.*//')"
plant "no wake-up before a poll" reader.c \
	"$(between wait_for_bytes 's/^\ttend__publish_wake.*//')"
plant "RCU: a park while online" reader.c \
	"$(between wait_for_room 's/^\ttend__publish_offline.*//')"
plant "RCU: a poll while online" reader.c \
	"$(between wait_for_bytes 's/^\ttend__publish_offline.*//')"
plant "no look at commands behind a park" reader.c \
	"$(between wait_for_room 's/^\tlook_at_commands.*//')"
plant "a drain does not run out in a park" reader.c \
	"$(between wait_for_room 's/if \(!r->done && r->draining.*/if (0)/')"
plant "a park does not end when a drain does" reader.c \
	"$(between wait_for_room 's/int64_t deadline = .*/int64_t deadline = TEND__NEVER;/')"
plant "handover 5: a cut publication is not called so" reader.c \
	"$(between publish 's/^\t\t\tr->cut = true;//')"
record='tend__lock(\&st->lock); st->ended = true; st->terminal = t; tend__unlock(\&st->lock);'
plant "handover 3: the end is recorded behind the walk" reader.c \
	"$(between finish "/^\ttend__lock/,/^\ttend__unlock/d; s/^\ttend__publish_finish.*/&\n\t$record/")"
plant "handover 3: the end is recorded without the lock" reader.c \
	"$(between finish 's/^\ttend__(un)?lock.*//')"
plant "handover 3: the end is not recorded" reader.c \
	"$(between finish 's/^\tst->ended = true;.*//')"
plant "the end is told to nobody" reader.c \
	"$(between finish 's/^\ttend__publish_finish.*//')"
plant "the pool stays open" reader.c \
	"$(between finish 's/^\ttend__pool_close.*/\ttend__pool_unref(st->pool);/')"
plant "the reader keeps its last slab" reader.c \
	"$(between finish 's/^\t\ttend__slab_unref.*/\t\t(void)0;/')"
plant "the reader keeps its stream" reader.c \
	"$(between finish 's/^\ttend__stream_unref.*//')"
plant "the reader writes on in a slab that is full" reader.c \
	"$(between get_slab 's/tend__slab_is_sole\(r->slab\)/true/')"
plant "the rung eventfd is not emptied" reader.c \
	"$(between wait_for_bytes 's/^\t\ttend__sys_unring.*/\t\t(void)0;/')"
loaded='atomic_load_explicit(\&r->st->control, memory_order_acquire)'
lowered='atomic_store_explicit(\&r->st->control, now \& ~(uint32_t)TEND__SERVE, memory_order_seq_cst)'
plant "commands are taken by load and store" reader.c \
	"$(between look_at_commands "s/atomic_fetch_and_explicit.*/$loaded; $lowered;/")"
plant "a command to serve is not taken away" reader.c \
	"$(between look_at_commands 's/~\(uint32_t\)TEND__SERVE, memory/~(uint32_t)0, memory/')"

# ---- replay.c ----

models='model_attach'

plant "what is retained has no reference" replay.c \
	"$(between tend__replay_append 's/^\t\ttend__slab_ref.*//')"
plant "what is dropped is let go of under a snapshot" replay.c \
	"$(between tend__replay_release 's/ \&\& is_sole\(r->first\)//')"
plant "a snapshot has no reference on its segments" replay.c \
	"$(between tend__replay_snapshot 's/^\t\tatomic_fetch_add_explicit.*//')"
plant "a snapshot reads the newest where it is merged" replay.c \
	"$(between tend__snapshot_next 's/s->left == 1 \? s->newest : //')"
plant "a snapshot begins with what was dropped" replay.c \
	"$(between tend__replay_snapshot 's/\.item = r->first_at/.item = 0/')"
plant "a snapshot's item has no reference" replay.c \
	"$(between tend__snapshot_next 's/^\ttend__slab_ref.*//')"
plant "a snapshot skips over the seam of two segments" replay.c \
	"$(between tend__snapshot_next 's/^\t\ts->item = 0;/\t\ts->item = 1;/')"
plant "a snapshot keeps its segments" replay.c \
	"$(between tend__snapshot_fini 's/^\twhile .*/\twhile (0)/')"
plant "a seal keeps the segments" replay.c \
	"$(between tend__replay_seal 's/^\twhile \(r->first\)/\twhile (0)/')"
plant "pair I, a segment's count lowered: relaxed" replay.c \
	"$(between segment_unref 's/memory_order_acq_rel/memory_order_relaxed/')"

# ---- stream.c ----

models='model_end model_attach model_consume'

plant "a command does not unpark" stream.c \
	"$(between tend__stream_command 's/^\ttend__unpark.*//')"
plant "a command does not ring" stream.c \
	"$(between tend__stream_command 's/^\ttend__sys_ring.*//')"
plant "seal without the lock" stream.c \
	"$(between tend_stream_seal_replay 's/^\ttend__(un)?lock.*//')"
plant "pair D, gone loaded: relaxed" stream.c \
	"$(between is_gone 's/memory_order_acquire/memory_order_relaxed/')"
plant "pair B, a stream's count lowered: relaxed" stream.c \
	"$(between tend__stream_unref 's/memory_order_acq_rel/memory_order_relaxed/')"

# ---- consume.c ----

models='model_consume'

plant "a consumer that is through stays in its slot" consume.c \
	"$(between finish 's/^\ttend__sub_detach.*//')"
plant "a consumer says that it is through before it is" consume.c \
	"$(between finish '/^\tif \(c->visitor.on_end/,/on_end\(c->self/d
		s/^\ttend__event_signal.*/&\n\tif (c->visitor.on_end) c->visitor.on_end(c->self, \&end);/')"
plant "a consumer that is through wakes nobody" consume.c \
	"$(between finish 's/^\ttend__event_signal.*//')"
plant "a consumer that is through keeps itself" consume.c \
	"$(between finish 's/^\tunref\(c\);//')"
plant "a cancel does not reach a consumer on the reader" consume.c \
	"$(between cancel 's/if \(c->is_served\)/if (0)/')"
plant "two threads serve one consumer" consume.c \
	"$(between serve 's/memory_order_acq_rel\) > 0\)/memory_order_acq_rel) > 5)/')"
plant "a free cancels before it detaches" consume.c \
	"$(between tend_consumer_free 's/^\ttend__sub_detach.*//
		s/^\ttend__chan_cancel.*/&\n\ttend__sub_detach(consumer->sub);/')"
given_back='atomic_store_explicit(\&c->owed, 0, memory_order_release); (void)owed;'
plant "who finds a consumer being served owes it nothing" consume.c \
	"$(between serve "s/\} while \(.*/$given_back\n\t} while (/
		s/^[ \t]+memory_order_relaxed\)\);/0);/")"
plant "a consumer on the reader waits for more to see what is retained" consume.c \
	"$(between start 's/^\t\tif \(c->sub->had_snapshot\)/\t\tif (0)/')"
plant "pair J, finished stored: relaxed" consume.c \
	"$(between finish 's/memory_order_release/memory_order_relaxed/')"
plant "pair J, finished loaded: relaxed" consume.c \
	"$(between is_finished 's/memory_order_acquire/memory_order_relaxed/')"
plant "pair Y, owed: relaxed" consume.c \
	"$(between serve 's/memory_order_acq_rel/memory_order_relaxed/g; s/memory_order_acquire/memory_order_relaxed/')"
plant "pair V, a consumer's count lowered: relaxed" consume.c \
	"$(between unref 's/memory_order_acq_rel/memory_order_relaxed/')"
