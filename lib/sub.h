/* SPDX-License-Identifier: MIT */
/* A subscription: a slot in a stream, a channel, and where in the replay it is. */
#ifndef TEND_LIB_SUB_H
#define TEND_LIB_SUB_H

#include <tend/stream.h>

#include "chan.h"
#include "replay.h"

/* What a subscription was given and what it lost.  Written by its consumer, read by anybody, relaxed. */
struct tend__books {
	_Atomic uint64_t bytes, chunks, gaps, bytes_dropped, chunks_dropped, first_offset;
	_Atomic uint32_t began_late;
};

/* How a consumer that the reader itself runs is reached from its slot; see consume.c. */
struct tend__server {
	void (*hold)(void *of);         /* [reader, in an RCU section] keeps it for one call of serve */
	void (*serve)(void *of);        /* [reader, offline] lets it take what is there, and lets go of it */
};

struct tend_subscription {
	_Atomic uint32_t refs;          /* handle, slot */
	tend_stream *stream;
	char label[TEND_MAX_LABEL];
	struct tend_stall stall;
	const struct tend__server *server; /* NULL: it has a thread of its own, or is pulled */
	void *served;

	/* reader; the atomic ones are also looked at by whoever asks for figures, relaxed */
	uint64_t cursor;                /* the next sequence that it still needs; set before it is published */
	bool loss_logged;
	bool has_left;                  /* TEND_STALL_LEAVE: it is finished, and to be taken out */
	_Atomic uint32_t lossy;
	_Atomic uint32_t high_water;
	_Atomic int64_t stalled_since;  /* 0: it has room */

	struct tend__chan chan;
	struct tend__parker rx_parker;
	bool in_slot;                   /* from the attach to the detach; guarded by the stream's lock */

	/* consumer */
	struct tend__snapshot snapshot; /* what was retained when it subscribed */
	bool had_snapshot;
	bool ended_before;              /* the stream had ended when it subscribed: `terminal` */
	struct tend__terminal terminal;
	bool has_position;              /* `offset`, `sequence`: what has to come next */
	uint64_t offset, sequence;
	bool has_held;
	struct tend__item held;         /* comes after the gap that was just reported */
	struct tend__slab *lent;        /* of the chunk that the caller has */
	int fd;                         /* see tend_subscription_fd(); -1: none */
	bool rung;                      /* it is readable for sure */
	struct tend__books books;

	bool is_linked;                   /* this and the next two guarded by the stream's lock */
	tend_subscription *older, *newer; /* in the stream's list */
};

/*
 * [any] As tend_stream_subscribe(), for a consumer that the reader runs: server and served, or NULL.
 * *ret_subscription is set before the reader can see it, also when the call fails after all.
 */
int tend__subscribe(tend_stream *stream, const struct tend_subscribe *options, const struct tend__server *server,
                    void *served, tend_subscription **ret_subscription, struct tend_error *err);
void tend__sub_unref(tend_subscription *sub);
void tend__sub_ref(tend_subscription *sub);
/* [any] Takes it out of its slot, once; later calls do nothing.  The slot is free when it returns. */
void tend__sub_detach(tend_subscription *sub);
/* [consumer] As tend_subscription_next() with a deadline; false instead of an event when it was cancelled. */
bool tend__sub_next(tend_subscription *sub, int64_t deadline, struct tend_event *ret_event);
/* [consumer, detached] Its books begin where it subscribed, also when it has taken nothing and never will. */
void tend__sub_settle(tend_subscription *sub);
/* [consumer] The position behind the last event. */
uint64_t tend__sub_offset(const tend_subscription *sub);

#endif
