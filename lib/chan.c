/* SPDX-License-Identifier: MIT */
/*
 * Problem: hand items from a reader thread to a subscriber in bounded memory, with exact capacity, without a lock, and
 * with either side asleep when it has nothing to do; and never lose the end, whatever is full.
 *
 * Threads: one producer; one consumer; anybody may close, cancel or interrupt.
 *
 * State
 *   tail        producer writes, consumer reads: items [head, tail) are in the ring.  Indices run freely and wrap.
 *   head        consumer writes; in an evicting channel the producer too.  p_tail, p_head, c_head, c_tail: private
 *               copies.  p_woken: the tail at the producer's last look whether the consumer sleeps.
 *   slots[]     producer writes a slot before tail covers it.  Relaxed atomics, as in an evicting channel the
 *               consumer may read a slot that is being overwritten; its exchange of head then fails and what it read
 *               is thrown away.
 *   flags       TX_CLOSED by the producer (after `terminal`), RX_CLOSED, CANCEL and CANCEL_NOW by anybody; never
 *               cleared.
 *   rx_gate     the consumer waits, in pop or in poll(2), for: an item, TX_CLOSED, CANCEL*.
 *   tx_gate     the producer waits for: room, RX_CLOSED.
 *
 * Invariants
 *   I1  0 <= tail - head <= capacity, in unsigned arithmetic.
 *   I2  Each item that was pushed comes out once: by pop, by eviction, or by drain.
 *   I3  Items come out in the order they went in.
 *   I4  Nothing is pushed after TX_CLOSED; END is returned only with the ring empty.  Loss is not stored here at all:
 *       the consumer sees it in the offsets (sub.c), so control needs no slot and a capacity of 1 works.  So behind
 *       RX_CLOSED, when nothing is pushed any more, there is no end either: who closes for a consumer that still pops
 *       cancels it, too.
 *   I5  A sleeper's every reason to wake is looked at between arming its gate and parking, and each waker changes the
 *       reason first and reads the gate second (wake.c, I2).
 *   I6  A consumer that goes to sleep behind the producer's look at its gate has seen all that was pushed before that
 *       look.  So while tail == p_woken there is nothing to wake it for.
 *
 * Who wakes a blocked thread: the consumer in pop: push + wake (the producer owes the wake before it blocks), finish,
 * cancel, its own deadline.  The producer, parked after want_room: pop at half empty, close; whoever else has
 * business with it unparks it directly (reader.c).
 *
 * Exclusion          push  wake/want/finish  pop  close  cancel   (X: the caller must exclude, -: may overlap)
 *   push              X          X            -     -      -
 *   wake/want/finish  X          X            -     -      -
 *   pop               -          -            X     -      -
 *   close, cancel     -          -            -     -      -
 *
 * Ordering pairs
 *   (T) tail: the slot's words and the slab's bytes, and, seq_cst, the consumer's gate (wake.c I2).
 *   (H) head: the slot may be overwritten, and, seq_cst, the producer's gate.
 *   (C) flags: terminal and all pushes before TX_CLOSED; seq_cst for both gates.
 *
 * Progress: push, pop without sleep, finish, close, cancel are wait-free; in an evicting channel pop is lock-free.
 * Reclamation: the channel is part of its subscription, which is counted (sub.c).
 * Not promised: that a sleeper wakes at the first item: see tend__chan_wake.
 */
#include "chan.h"

#include <errno.h>

#include "clock.h"
#include "mem.h"

enum { TX_CLOSED = 1, RX_CLOSED = 2, CANCEL = 4, CANCEL_NOW = 8 };

/* Up to this capacity a parked producer is woken by every pop, above by the one that leaves the ring half empty. */
#define EXACT_WAKE_CAPACITY 4

int tend__chan_init(struct tend__chan *c, uint32_t capacity, bool evicting, struct tend__parker *tx_parker,
                    struct tend__parker *rx_parker, uint32_t first_index)
{
	uint32_t n = 1;

	while (n < capacity)
		n <<= 1;
	c->slots = tend__calloc(n, sizeof *c->slots);
	if (!c->slots)
		return -ENOMEM;
	c->mask = n - 1;
	c->capacity = capacity;
	c->wake_at = capacity <= EXACT_WAKE_CAPACITY ? capacity - 1 : capacity / 2;
	c->evicting = evicting;
	c->tx_parker = tx_parker;
	c->rx_parker = rx_parker;
	c->started = false;
	c->start_offset = c->start_sequence = 0;
	c->p_tail = c->p_head = c->p_woken = c->c_head = c->c_tail = first_index;
	atomic_init(&c->tail, first_index);
	atomic_init(&c->head, first_index);
	atomic_init(&c->flags, 0);
	tend__gate_init(&c->rx_gate);
	tend__gate_init(&c->tx_gate);
	return 0;
}

void tend__chan_fini(struct tend__chan *c)
{
	tend__free(c->slots);
	c->slots = NULL;
}

static void slot_write(struct tend__slot_words *s, const struct tend__item *item)
{
	atomic_store_explicit(&s->slab, item->slab, memory_order_relaxed);
	atomic_store_explicit(&s->place, (uint64_t)item->at << 32 | item->size, memory_order_relaxed);
	atomic_store_explicit(&s->offset, item->offset, memory_order_relaxed);
	atomic_store_explicit(&s->sequence, item->sequence, memory_order_relaxed);
	atomic_store_explicit(&s->origin, (uint64_t)item->count << 32 | (uint32_t)item->before, memory_order_relaxed);
}

static void slot_read(struct tend__slot_words *s, struct tend__item *ret_item)
{
	uint64_t place = atomic_load_explicit(&s->place, memory_order_relaxed);
	uint64_t origin = atomic_load_explicit(&s->origin, memory_order_relaxed);

	ret_item->slab = atomic_load_explicit(&s->slab, memory_order_relaxed);
	ret_item->at = (uint32_t)(place >> 32);
	ret_item->size = (uint32_t)place;
	ret_item->offset = atomic_load_explicit(&s->offset, memory_order_relaxed);
	ret_item->sequence = atomic_load_explicit(&s->sequence, memory_order_relaxed);
	ret_item->count = (uint32_t)(origin >> 32);
	ret_item->before = (int32_t)(uint32_t)origin;
}

/* ---- producer ---- */

void tend__chan_start(struct tend__chan *c, uint64_t offset, uint64_t sequence)
{
	if (c->started)
		return;
	c->start_offset = offset;
	c->start_sequence = sequence;
	c->started = true;
}

static bool has_room(struct tend__chan *c)
{
	if (c->p_tail - c->p_head < c->capacity)
		return true;
	/* (H) pairs with (H) in take_plain: the consumer has read the slots up to head; seq_cst for want_room */
	c->p_head = atomic_load_explicit(&c->head, memory_order_seq_cst);
	return c->p_tail - c->p_head < c->capacity;
}

/* Takes the oldest item away from the consumer; false: the consumer was faster and there is room now. */
static bool evict(struct tend__chan *c, struct tend__item *ret_evicted)
{
	uint32_t oldest = c->p_head;

	slot_read(&c->slots[oldest & c->mask], ret_evicted); /* our own stores */
	/* (H) pairs with (H) in take_evictable: the slot is ours to overwrite, whoever freed it */
	if (atomic_compare_exchange_strong_explicit(&c->head, &oldest, oldest + 1, memory_order_acq_rel,
	                                            memory_order_acquire)) {
		c->p_head = oldest + 1;
		return true;
	}
	c->p_head = oldest;
	return false;
}

enum tend__push tend__chan_push(struct tend__chan *c, const struct tend__item *item, struct tend__item *ret_evicted)
{
	enum tend__push result = TEND__PUSHED;

	/* Only a hint here: who pushes into a closed channel finds the items in drain. */
	if (atomic_load_explicit(&c->flags, memory_order_relaxed) & RX_CLOSED)
		return TEND__RX_CLOSED;
	tend__chan_start(c, item->offset, item->sequence);
	if (!has_room(c)) {
		if (!c->evicting || !ret_evicted)
			return TEND__FULL;
		if (evict(c, ret_evicted))
			result = TEND__PUSHED_EVICTING;
	}
	slot_write(&c->slots[c->p_tail & c->mask], item);
	c->p_tail++;
	/* (T) pairs with (T) in has_item: the slot and its bytes; seq_cst against rx_gate */
	atomic_store_explicit(&c->tail, c->p_tail, memory_order_seq_cst);
	return result;
}

/*
 * Our copy of head is renewed by a push that finds no room.  By that alone a consumer that empties the channel each
 * time would be woken for every item of the second half.
 */
bool tend__chan_is_half_full(const struct tend__chan *c)
{
	return (c->p_tail - c->p_head) * 2 >= c->capacity && tend__chan_fill(c) * 2 >= c->capacity;
}

void tend__chan_wake(struct tend__chan *c)
{
	if (c->p_woken == c->p_tail)
		return;
	c->p_woken = c->p_tail;
	tend__gate_notify(&c->rx_gate, c->rx_parker);
}

bool tend__chan_want_room(struct tend__chan *c)
{
	tend__gate_arm(&c->tx_gate);
	/* (C) pairs with (C) in tend__chan_close; seq_cst: after arming, as the load of head in has_room */
	if (!(atomic_load_explicit(&c->flags, memory_order_seq_cst) & RX_CLOSED) && !has_room(c))
		return true;
	tend__gate_disarm(&c->tx_gate);
	return false;
}

void tend__chan_finish(struct tend__chan *c, const struct tend__terminal *terminal)
{
	/* What was not pushed for that reason is not missing: it would seem so behind an end that is further on. */
	if (atomic_load_explicit(&c->flags, memory_order_relaxed) & RX_CLOSED)
		return;
	tend__chan_start(c, terminal->offset, terminal->sequence);
	c->terminal = *terminal;
	/* (C) pairs with (C) in tend__chan_try_pop: terminal, and every push before it; seq_cst against rx_gate */
	atomic_fetch_or_explicit(&c->flags, TX_CLOSED, memory_order_seq_cst);
	tend__gate_notify(&c->rx_gate, c->rx_parker);
}

/* ---- consumer ---- */

/* The reads of tail are seq_cst for the sake of pop, which looks again after arming its gate. */
static bool has_item(struct tend__chan *c)
{
	if (c->c_tail != c->c_head && !c->evicting)
		return true;
	if (c->evicting)
		/* (H) pairs with (H) in evict: whatever the producer has taken away is not looked at again */
		c->c_head = atomic_load_explicit(&c->head, memory_order_acquire);
	/* (T) pairs with (T) in tend__chan_push: the slots up to tail */
	c->c_tail = atomic_load_explicit(&c->tail, memory_order_seq_cst);
	return c->c_tail != c->c_head;
}

static void take_plain(struct tend__chan *c, struct tend__item *ret_item)
{
	slot_read(&c->slots[c->c_head & c->mask], ret_item);
	c->c_head++;
	/* (H) pairs with (H) in has_room: the slot has been read; seq_cst against tx_gate */
	atomic_store_explicit(&c->head, c->c_head, memory_order_seq_cst);
}

/* False: the producer evicted the item meanwhile. */
static bool take_evictable(struct tend__chan *c, struct tend__item *ret_item)
{
	uint32_t at = c->c_head;

	slot_read(&c->slots[at & c->mask], ret_item);
	/* (H) pairs with (H) in evict: the slot has been read before it is overwritten; seq_cst against tx_gate */
	if (!atomic_compare_exchange_strong_explicit(&c->head, &at, at + 1, memory_order_seq_cst,
	                                             memory_order_relaxed))
		return false;
	c->c_head = at + 1;
	return true;
}

/* c_tail may be stale, that is too small: the producer is then only woken earlier. */
static void wake_producer(struct tend__chan *c)
{
	if (c->c_tail - c->c_head <= c->wake_at)
		tend__gate_notify(&c->tx_gate, c->tx_parker);
}

enum tend__pop tend__chan_try_pop(struct tend__chan *c, struct tend__item *ret_item)
{
	while (has_item(c)) {
		if (!c->evicting)
			take_plain(c, ret_item);
		else if (!take_evictable(c, ret_item))
			continue;
		wake_producer(c);
		return TEND__ITEM;
	}
	/* (C) pairs with (C) in tend__chan_finish: the terminal, and the pushes before it */
	if (!(atomic_load_explicit(&c->flags, memory_order_acquire) & TX_CLOSED))
		return TEND__EMPTY;
	/* Pushes that came after the first look are visible now; there will be no more. */
	return has_item(c) ? tend__chan_try_pop(c, ret_item) : TEND__END;
}

static bool is_cancelled(const struct tend__chan *c, uint32_t which)
{
	/* (C) pairs with (C) in tend__chan_cancel; seq_cst: after arming */
	return atomic_load_explicit(&c->flags, memory_order_seq_cst) & which;
}

enum tend__pop tend__chan_pop(struct tend__chan *c, struct tend__item *ret_item, int64_t deadline)
{
	for (;;) {
		enum tend__pop r;
		bool in_time;

		if (is_cancelled(c, CANCEL_NOW))
			return TEND__CANCELLED;
		r = tend__chan_try_pop(c, ret_item);
		if (r != TEND__EMPTY)
			return r;
		if (is_cancelled(c, CANCEL)) {
			r = tend__chan_try_pop(c, ret_item);
			return r == TEND__EMPTY ? TEND__CANCELLED : r;
		}
		if (deadline == 0)
			return TEND__LATE;
		tend__gate_arm(&c->rx_gate);
		in_time = has_item(c) || is_cancelled(c, TX_CLOSED | CANCEL | CANCEL_NOW) ||
		          tend__park(c->rx_parker, deadline);
		tend__gate_disarm(&c->rx_gate);
		if (!in_time)
			deadline = 0; /* one more look, then LATE */
	}
}

bool tend__chan_watch(struct tend__chan *c)
{
	tend__gate_arm(&c->rx_gate);
	if (!has_item(c) && !is_cancelled(c, TX_CLOSED | CANCEL | CANCEL_NOW))
		return true;
	tend__gate_disarm(&c->rx_gate);
	return false;
}

/* ---- anybody ---- */

uint32_t tend__chan_fill(const struct tend__chan *c)
{
	uint32_t head = atomic_load_explicit(&c->head, memory_order_relaxed);

	return atomic_load_explicit(&c->tail, memory_order_relaxed) - head;
}

void tend__chan_close(struct tend__chan *c)
{
	/* (C) pairs with (C) in tend__chan_want_room */
	atomic_fetch_or_explicit(&c->flags, RX_CLOSED, memory_order_seq_cst);
	tend__gate_notify(&c->tx_gate, c->tx_parker);
}

void tend__chan_cancel(struct tend__chan *c, bool now)
{
	/* (C) pairs with (C) in is_cancelled */
	atomic_fetch_or_explicit(&c->flags, now ? CANCEL_NOW : CANCEL, memory_order_seq_cst);
	tend__gate_notify(&c->rx_gate, c->rx_parker);
}

bool tend__chan_is_cancelled_now(const struct tend__chan *c)
{
	return is_cancelled(c, CANCEL_NOW);
}

/* ---- alone ---- */

bool tend__chan_drain(struct tend__chan *c, struct tend__item *ret_item)
{
	/* The last reference was dropped with acquire, so plain views would do; these are the shared ones. */
	uint32_t head = atomic_load_explicit(&c->head, memory_order_relaxed);

	if (head == atomic_load_explicit(&c->tail, memory_order_relaxed))
		return false;
	slot_read(&c->slots[head & c->mask], ret_item);
	atomic_store_explicit(&c->head, head + 1, memory_order_relaxed);
	return true;
}

bool tend__chan_check(const struct tend__chan *c)
{
	uint32_t head = atomic_load_explicit(&c->head, memory_order_relaxed);
	uint32_t tail = atomic_load_explicit(&c->tail, memory_order_relaxed);
	uint64_t next = 0;

	if (tail - head > c->capacity || c->capacity > c->mask + 1 || tail != c->p_tail)
		return false;
	for (uint32_t i = head; i != tail; i++) {
		struct tend__item item;

		slot_read(&c->slots[i & c->mask], &item);
		if (item.size == 0 || (i != head && item.sequence < next))
			return false;
		next = item.sequence + item.count;
	}
	return true;
}
