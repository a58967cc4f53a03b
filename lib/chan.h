/* SPDX-License-Identifier: MIT */
/*
 * A bounded channel from one producer (a reader thread) to one consumer (a subscription), without locks.  See chan.c.
 */
#ifndef TEND_LIB_CHAN_H
#define TEND_LIB_CHAN_H

#include <stdbool.h>
#include <stdint.h>

#include "chunk.h"
#include "wake.h"

/* Where a stream, or one subscriber's part of it, ended. */
struct tend__terminal {
	int32_t ending; /* enum tend_ending */
	int32_t error;  /* positive errno value */
	uint64_t offset, sequence;
};

struct tend__slot_words {
	_Atomic(struct tend__slab *) slab;
	_Atomic uint64_t place, offset, sequence, origin;
};

struct tend__chan {
	/* fixed */
	struct tend__slot_words *slots;
	uint32_t mask, capacity, wake_at;
	bool evicting;
	struct tend__parker *tx_parker, *rx_parker;
	/* producer */
	_Alignas(64) _Atomic uint32_t tail;
	uint32_t p_tail, p_head, p_woken;
	bool started;
	uint64_t start_offset, start_sequence;
	struct tend__terminal terminal;
	/* consumer */
	_Alignas(64) _Atomic uint32_t head;
	uint32_t c_head, c_tail;
	/* rarely written */
	_Alignas(64) _Atomic uint32_t flags;
	struct tend__gate rx_gate, tx_gate;
};

/*
 * [one thread, before use] capacity: items, 1 to 2^30, exact.  evicting: a full channel loses its oldest item to make
 * room. first_index: 0; tests start just below the wrap.  0, or -ENOMEM.
 */
int tend__chan_init(struct tend__chan *c, uint32_t capacity, bool evicting, struct tend__parker *tx_parker,
                    struct tend__parker *rx_parker, uint32_t first_index);
/* [last owner] Hands back what is still in it, one item a call; false: empty.  Then fini. */
bool tend__chan_drain(struct tend__chan *c, struct tend__item *ret_item);
void tend__chan_fini(struct tend__chan *c);

enum tend__push { TEND__PUSHED, TEND__PUSHED_EVICTING, TEND__FULL, TEND__RX_CLOSED };

/* [producer] Where the consumer's books begin; the first call counts. */
void tend__chan_start(struct tend__chan *c, uint64_t offset, uint64_t sequence);
/*
 * [producer] The channel takes over one reference on the slab, if it says PUSHED.  PUSHED_EVICTING: *ret_evicted is
 * the item that had to go, and its reference the caller's; ret_evicted NULL: nothing is evicted.  Wakes nobody: see
 * wake.  Wait-free; evicting: lock-free.
 */
enum tend__push tend__chan_push(struct tend__chan *c, const struct tend__item *item, struct tend__item *ret_evicted);
/* [producer] Whether so much is in it that the consumer should not be left asleep. */
bool tend__chan_is_half_full(const struct tend__chan *c);
/*
 * [producer] Wakes the consumer if it sleeps and something was pushed since the last time.  Owed after pushes before
 * the producer blocks anywhere.
 */
void tend__chan_wake(struct tend__chan *c);
/*
 * [producer] Asks for an unpark of tx_parker once there is room, or the consumer has closed.  False: that is so
 * already, push again. True: park, then push again.  A producer that found several channels full asks each of them
 * and parks once.
 */
bool tend__chan_want_room(struct tend__chan *c);
/* [producer] The last thing it does.  Never blocks, needs no room. */
void tend__chan_finish(struct tend__chan *c, const struct tend__terminal *terminal);

enum tend__pop { TEND__ITEM, TEND__END, TEND__EMPTY, TEND__CANCELLED, TEND__LATE };

/* [consumer] ITEM: *ret_item with its reference.  END, for ever: c->terminal. */
enum tend__pop tend__chan_try_pop(struct tend__chan *c, struct tend__item *ret_item);
/* [consumer] Sleeps until there is one of these; CANCELLED, LATE (deadline) after data and end. */
enum tend__pop tend__chan_pop(struct tend__chan *c, struct tend__item *ret_item, int64_t deadline);
/* [any] The consumer takes no more; a producer that waits for room goes on. */
void tend__chan_close(struct tend__chan *c);
/* [any] Makes pop return CANCELLED, for good: when the channel is empty, or, `now`, at once. */
void tend__chan_cancel(struct tend__chan *c, bool now);

/*
 * [consumer] For one who polls the eventfd of rx_parker instead of sleeping in pop.  False: pop would not wait.  True:
 * it would, and whoever changes that rings the eventfd.
 */
bool tend__chan_watch(struct tend__chan *c);
/* [any] How many items are in it, about. */
uint32_t tend__chan_fill(const struct tend__chan *c);

/* [any] Whether it was cancelled `now`. */
bool tend__chan_is_cancelled_now(const struct tend__chan *c);

/* [nobody else inside] The invariants of chan.c as code; tests call it. */
bool tend__chan_check(const struct tend__chan *c);

#endif
