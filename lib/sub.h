/* SPDX-License-Identifier: MIT */
/* A subscription: a slot in a stream, a channel, and where in the replay it is. */
#ifndef TEND_LIB_SUB_H
#define TEND_LIB_SUB_H

#include <tend/stream.h>

#include "chan.h"

/* What a subscription was given and what it lost.  Written by its consumer, read by anybody, relaxed. */
struct tend__books {
	_Atomic uint64_t bytes, chunks, gaps, bytes_dropped, chunks_dropped, first_offset;
	_Atomic uint32_t began_late;
};

struct tend_subscription {
	_Atomic uint32_t refs;          /* handle, slot */
	tend_stream *stream;
	bool lossy;

	/* reader */
	uint64_t cursor;                /* the next sequence that it still needs; set before it is published */
	bool loss_logged;

	struct tend__chan chan;
	struct tend__parker rx_parker;
	bool in_slot;                   /* from the attach to the detach; guarded by the stream's lock */

	/* consumer */
	struct tend__item *snapshot;    /* what was retained when it subscribed */
	size_t snapshot_n, snapshot_at;
	bool ended_before;              /* the stream had ended when it subscribed: `terminal` */
	struct tend__terminal terminal;
	bool has_position;              /* `offset`, `sequence`: what has to come next */
	uint64_t offset, sequence;
	bool has_held;
	struct tend__item held;         /* comes after the gap that was just reported */
	struct tend__slab *lent;        /* of the chunk that the caller has */
	struct tend__books books;
};

void tend__sub_unref(tend_subscription *sub);
void tend__sub_ref(tend_subscription *sub);
/* [any] Takes it out of its slot, once; later calls do nothing.  The slot is free when it returns. */
void tend__sub_detach(tend_subscription *sub);
/* [consumer] As tend_subscription_next() with a deadline; false instead of an event when it was cancelled. */
bool tend__sub_next(tend_subscription *sub, int64_t deadline, struct tend_event *ret_event);
/* [consumer] The position behind the last event. */
uint64_t tend__sub_offset(const tend_subscription *sub);

#endif
