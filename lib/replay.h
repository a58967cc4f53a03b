/* SPDX-License-Identifier: MIT */
/*
 * What a stream retains for subscribers that come later: a queue of items, each with a reference on its slab.  It is a
 * contiguous part of the stream that ends where the reader is.  A snapshot is what was in it at one moment.
 */
#ifndef TEND_LIB_REPLAY_H
#define TEND_LIB_REPLAY_H

#include <stdbool.h>
#include <tend/stream.h>

#include "chunk.h"

/* Items that come and go together. */
struct tend__segment {
	_Atomic uint32_t refs;       /* the replay, each snapshot */
	uint32_t n, room;            /* items in it; at most */
	uint32_t released;           /* how many of the first have lost their reference on their slab */
	struct tend__segment *next;  /* the replay's */
	struct tend__item items[];
};

/* Guarded by the stream's lock. */
struct tend__replay {
	struct tend_replay rule;
	uint32_t merge_limit;        /* neighbours in one slab are merged up to this many bytes */
	struct tend__segment *first, *last;
	uint32_t first_at;           /* of the first retained item in the first segment */
	size_t segments, n;          /* how many segments, retained items */
	uint64_t bytes, chunks;      /* retained: payload, reads */
	bool sealed;
};

/* One thread at a time.  It pins what was retained when it was taken, and nothing that came later. */
struct tend__snapshot {
	struct tend__segment **segments; /* a reference on each from `at` on */
	size_t n_segments, at;
	uint32_t item;                   /* the next one, in segments[at] */
	size_t left;                     /* items that are still to come */
	uint64_t begin;                  /* offset of the first of them */
	struct tend__item newest;        /* the last of them as it was: the replay may merge more into its own */
};

/* [stream locked, all of these] */
void tend__replay_init(struct tend__replay *r, const struct tend_replay *rule, size_t read_chunk_size);
/* Drops everything. */
void tend__replay_fini(struct tend__replay *r);
/*
 * Retains the item (taking a reference of its own), and drops from the front what the rule does not keep.  0,
 * -ENOMEM.
 */
int tend__replay_append(struct tend__replay *r, const struct tend__item *item);
/* Drops everything and retains nothing any more. */
void tend__replay_seal(struct tend__replay *r);
/*
 * What is retained now, in a time that depends on r->segments only; take_room: as many pointers, or more, from
 * tend__malloc().  Its owner calls tend__replay_release() whenever it has let go of a segment.
 */
void tend__replay_snapshot(struct tend__replay *r, struct tend__segment **take_room, struct tend__snapshot *ret);

/* Gives back what a snapshot that is gone has kept from being given back. */
void tend__replay_release(struct tend__replay *r);

/* [any; the stream is not locked] The next item, with a reference of its own; false: there is none. */
bool tend__snapshot_next(struct tend__snapshot *s, struct tend__item *ret_item);
void tend__snapshot_fini(struct tend__snapshot *s);

#endif
