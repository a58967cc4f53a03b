/* SPDX-License-Identifier: MIT */
/* The subscribers of a stream: RCU-protected slots that its reader looks at for every chunk. */
#ifndef TEND_LIB_SLOTS_H
#define TEND_LIB_SLOTS_H

#include <stdatomic.h>
#include <stdint.h>

struct tend_subscription;

struct tend__set {
	uint32_t capacity;
	struct tend_subscription *_Atomic slot[]; /* NULL: free */
};

struct tend__slots {
	struct tend__set *_Atomic set;
	uint32_t used; /* guarded by the stream's lock, as all changes are */
};

/* [one thread] 0, -ENOMEM. */
int tend__slots_init(struct tend__slots *slots, uint32_t capacity);
void tend__slots_fini(struct tend__slots *slots);

/* [stream locked] How many slots there are. */
uint32_t tend__slots_capacity(const struct tend__slots *slots);
/* [any] A set of `capacity` free slots; NULL: no memory. */
struct tend__set *tend__set_new(uint32_t capacity);
/*
 * [stream locked] Copies the slots into a bigger set and publishes it.  The old one, to be freed after a grace
 * period.
 */
struct tend__set *tend__slots_grow(struct tend__slots *slots, struct tend__set *take_bigger);
/* [stream locked, used < capacity] Publishes a subscriber; the reader sees it from the next chunk on. */
void tend__slots_put(struct tend__slots *slots, struct tend_subscription *sub);
/* [stream locked] Takes a subscriber out; a reader may still hold it until a grace period has passed. */
void tend__slots_remove(struct tend__slots *slots, struct tend_subscription *sub);

/* [reader, in a section] The current set. */
struct tend__set *tend__slots_look(const struct tend__slots *slots);
/* [reader, in a section] The subscriber in a slot, or NULL. */
struct tend_subscription *tend__set_at(const struct tend__set *set, uint32_t i);

#endif
