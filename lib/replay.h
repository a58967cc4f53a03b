/* SPDX-License-Identifier: MIT */
/*
 * What a stream retains for subscribers that come later: a queue of items, each with a reference on its slab. 
 * Guarded by the stream's lock.  It is a contiguous part of the stream that ends where the reader is.
 */
#ifndef TEND_LIB_REPLAY_H
#define TEND_LIB_REPLAY_H

#include <stdbool.h>
#include <tend/stream.h>

#include "chunk.h"

struct tend__replay {
	struct tend_replay rule;
	uint32_t merge_limit;   /* neighbours in one slab are merged up to this many bytes */
	struct tend__item *ring;
	size_t room, first, n;  /* room: 0 or a power of two */
	uint64_t bytes, chunks; /* retained: payload, reads */
	bool sealed;
};

void tend__replay_init(struct tend__replay *r, const struct tend_replay *rule, size_t read_chunk_size);
/* Drops everything and frees the queue. */
void tend__replay_fini(struct tend__replay *r);
/*
 * Retains the item (taking a reference of its own), and drops from the front what the rule does not keep.  0,
 * -ENOMEM.
 */
int tend__replay_append(struct tend__replay *r, const struct tend__item *item);
/* Drops everything and retains nothing any more. */
void tend__replay_seal(struct tend__replay *r);
/* Copies all r->n items, front to back, each with a new reference. */
void tend__replay_copy(const struct tend__replay *r, struct tend__item *ret_items);

#endif
