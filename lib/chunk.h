/* SPDX-License-Identifier: MIT */
/*
 * Bytes that were read once and are shared from then on.  A slab is a counted buffer of read_chunk_size bytes; the
 * reader fills it front to back and cuts items out of it; each item that is kept anywhere holds one reference on its
 * slab.
 */
#ifndef TEND_LIB_CHUNK_H
#define TEND_LIB_CHUNK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct tend__pool;

struct tend__slab {
	_Atomic uint32_t refs;
	uint32_t capacity;       /* bytes of data[] */
	struct tend__pool *pool; /* holds one reference on it */
	struct tend__slab *next; /* in a free list */
	unsigned char data[];
};

/* A run of bytes in a slab, and where it stands in the stream. */
struct tend__item {
	struct tend__slab *slab;
	uint32_t at, size;       /* data[at .. at + size) */
	uint64_t offset, sequence;
	uint32_t count;          /* reads that it is made of: sequence .. sequence + count */
	int32_t before;          /* the byte in front of it in the stream, -1 at offset 0 */
};

/* [any] A pool for slabs of `capacity` bytes that keeps at most `max_cached` unused ones.  NULL: no memory. */
struct tend__pool *tend__pool_new(uint32_t capacity, uint32_t max_cached);
/* [reader] Frees what is unused; slabs in use come back later and are freed then.  Drops the stream's reference. */
void tend__pool_close(struct tend__pool *pool);
/* [reader] Frees the unused slabs of an idle stream. */
void tend__pool_trim(struct tend__pool *pool);
/* [any] Another owner's reference on the pool itself, for its figures. */
void tend__pool_ref(struct tend__pool *pool);
void tend__pool_unref(struct tend__pool *pool);
/* [any] Bytes of all slabs that exist. */
uint64_t tend__pool_bytes(const struct tend__pool *pool);

/* [reader] A slab with one reference; NULL: no memory. */
struct tend__slab *tend__slab_new(struct tend__pool *pool);
/* [any] */
void tend__slab_ref(struct tend__slab *slab);
void tend__slab_unref(struct tend__slab *slab);
/* [owner of a reference] Whether it is the only one, so that the slab may be written again from the start. */
int tend__slab_is_sole(struct tend__slab *slab);

#endif
