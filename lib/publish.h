/* SPDX-License-Identifier: MIT */
/* The reader's way to its subscribers.  All functions: [reader]. */
#ifndef TEND_LIB_PUBLISH_H
#define TEND_LIB_PUBLISH_H

#include <tend/stream.h>

#include "chan.h"

struct tend__publisher {
	tend_stream *st;
	struct tend__item item; /* what is being published */
	unsigned unwoken;       /* chunks published since the last wake-up */
	bool logs_loss;         /* a subscriber's first loss is to be logged */
	bool serves;            /* an offer has left something for a consumer that runs on this thread */
	bool has_left;          /* a subscriber's patience has ended: it is to be taken out */
	bool is_online;         /* for RCU: it may enter sections, and must not block */
	int64_t stall_deadline; /* after an offer: when the first that had no room is to be given up on */
};

/*
 * Offers the item to all who still need it; whether all are through.  If not, those that had no room unpark the
 * stream's tx_parker when they have some or are gone: park, at most until stall_deadline, then offer again.
 */
bool tend__publish_offer(struct tend__publisher *p);
/* After the last offer of an item.  A fork(2) of the host waits for a few items at most. */
void tend__publish_done(struct tend__publisher *p);
/* Wakes the consumers that have got something and sleep: owed before the reader blocks anywhere. */
void tend__publish_wake(struct tend__publisher *p, bool at_any_rate);
/* Lets the consumers that run on this thread take what is there for them. */
void tend__publish_serve(struct tend__publisher *p);
/*
 * online: before the figures tell of what is about to be published, so that a fork(2) behind them is one behind the
 * publication, too.  offline: owed before the thread blocks, or does what may take its time.  All others here go online
 * when they have to.
 */
void tend__publish_online(struct tend__publisher *p);
void tend__publish_offline(struct tend__publisher *p);
/* Tells all of the end; `cut`: the item was not offered to the last. */
void tend__publish_finish(struct tend__publisher *p, const struct tend__terminal *terminal, bool cut);

#endif
