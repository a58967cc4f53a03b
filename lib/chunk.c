/* SPDX-License-Identifier: MIT */
/*
 * Problem: hand the same bytes to any number of consumers without copying them, give the memory back as soon as the
 * last one is done, and do not call the allocator for each read.
 *
 * Threads: the reader takes slabs from the pool; any thread gives them back, also after the stream is gone.
 *
 * State
 *   slab.refs     all owners.           pool.refs  the stream, one per slab that exists, and whoever asks for figures.
 *   pool.local    the reader's own list of unused slabs.
 *   pool.returned list that anybody pushes to and the reader takes whole; CLOSED when the reader has left.
 *   pool.cached   how many are in both lists, roughly; pool.slabs how many exist.
 *
 * Invariants
 *   I1  A slab is in use (refs > 0), or in exactly one of the two lists, or freed.
 *   I2  The list is only ever taken whole, so a push cannot meet a node that left and came back (no ABA).
 *   I3  Nothing is pushed onto CLOSED; who finds it frees the slab.  So no slab is left behind in a closed pool.
 *
 * Exclusion: everything but unref, ref and pool_bytes belongs to the reader.
 *
 * Ordering pairs
 *   (R) the last unref happens after all other owners' use of the bytes.
 *   (F) a slab pushed to the returned list, and the reader taking it: `next`.
 *   (P) the pool is freed after everybody's last use of it.
 *
 * Progress: ref and unref are lock-free.
 * Reclamation: a slab keeps its pool alive, so a chunk may outlive the stream.
 * Not promised: that max_cached is exact.
 */
#include "chunk.h"

#include "mem.h"

#define CLOSED ((struct tend__slab *)(uintptr_t)1)

struct tend__pool {
	_Atomic uint32_t refs;
	uint32_t capacity, max_cached;
	struct tend__slab *local;
	_Atomic uint32_t slabs;
	_Alignas(64) struct tend__slab *_Atomic returned;
	_Atomic uint32_t cached;
};

struct tend__pool *tend__pool_new(uint32_t capacity, uint32_t max_cached)
{
	struct tend__pool *pool = tend__aligned_calloc(64, sizeof *pool);

	if (!pool)
		return NULL;
	pool->capacity = capacity;
	pool->max_cached = max_cached;
	atomic_init(&pool->refs, 1);
	atomic_init(&pool->slabs, 0);
	atomic_init(&pool->returned, NULL);
	atomic_init(&pool->cached, 0);
	return pool;
}

void tend__pool_ref(struct tend__pool *pool)
{
	atomic_fetch_add_explicit(&pool->refs, 1, memory_order_relaxed);
}

void tend__pool_unref(struct tend__pool *pool)
{
	/* (P) pairs with (P) in tend__pool_unref: all uses before the last one frees it */
	if (atomic_fetch_sub_explicit(&pool->refs, 1, memory_order_acq_rel) == 1)
		tend__free(pool);
}

uint64_t tend__pool_bytes(const struct tend__pool *pool)
{
	return (uint64_t)atomic_load_explicit(&pool->slabs, memory_order_relaxed) * pool->capacity;
}

static void destroy(struct tend__slab *slab)
{
	struct tend__pool *pool = slab->pool;

	atomic_fetch_sub_explicit(&pool->slabs, 1, memory_order_relaxed);
	tend__free(slab);
	tend__pool_unref(pool);
}

static void destroy_list(struct tend__slab *slab)
{
	while (slab) {
		struct tend__slab *next = slab->next;

		destroy(slab);
		slab = next;
	}
}

static struct tend__slab *make(struct tend__pool *pool)
{
	struct tend__slab *slab = tend__malloc(sizeof *slab + pool->capacity);

	if (!slab)
		return NULL;
	slab->capacity = pool->capacity;
	slab->pool = pool;
	slab->next = NULL;
	atomic_init(&slab->refs, 1);
	tend__pool_ref(pool);
	atomic_fetch_add_explicit(&pool->slabs, 1, memory_order_relaxed);
	return slab;
}

struct tend__slab *tend__slab_new(struct tend__pool *pool)
{
	struct tend__slab *slab = pool->local;

	if (!slab)
		/* (F) pairs with (F) in give_back: the nodes of the list */
		slab = atomic_exchange_explicit(&pool->returned, NULL, memory_order_acquire);
	if (!slab)
		return make(pool);
	pool->local = slab->next;
	atomic_fetch_sub_explicit(&pool->cached, 1, memory_order_relaxed);
	atomic_store_explicit(&slab->refs, 1, memory_order_relaxed);
	return slab;
}

static void give_back(struct tend__slab *slab)
{
	struct tend__pool *pool = slab->pool;
	struct tend__slab *head = atomic_load_explicit(&pool->returned, memory_order_relaxed);

	if (head == CLOSED || atomic_load_explicit(&pool->cached, memory_order_relaxed) >= pool->max_cached) {
		destroy(slab);
		return;
	}
	atomic_fetch_add_explicit(&pool->cached, 1, memory_order_relaxed);
	do {
		if (head == CLOSED) {
			destroy(slab);
			return;
		}
		slab->next = head;
		/* (F) pairs with (F) in tend__slab_new; from here on neither slab nor pool is ours */
	} while (!atomic_compare_exchange_weak_explicit(&pool->returned, &head, slab, memory_order_release,
	                                                memory_order_relaxed));
}

void tend__slab_ref(struct tend__slab *slab)
{
	atomic_fetch_add_explicit(&slab->refs, 1, memory_order_relaxed);
}

int tend__slab_is_sole(struct tend__slab *slab)
{
	/* (R) pairs with (R) in tend__slab_unref: the others are done with the bytes */
	return atomic_load_explicit(&slab->refs, memory_order_acquire) == 1;
}

void tend__slab_unref(struct tend__slab *slab)
{
	/* (R) pairs with (R) in tend__slab_is_sole, and with itself: uses of the bytes before their reuse */
	if (atomic_fetch_sub_explicit(&slab->refs, 1, memory_order_acq_rel) == 1)
		give_back(slab);
}

void tend__pool_trim(struct tend__pool *pool)
{
	struct tend__slab *slab = pool->local;

	pool->local = NULL;
	for (int list = 0; list < 2; list++) {
		while (slab) {
			struct tend__slab *next = slab->next;

			atomic_fetch_sub_explicit(&pool->cached, 1, memory_order_relaxed);
			destroy(slab);
			slab = next;
		}
		/* (F) pairs with (F) in give_back */
		if (list == 0)
			slab = atomic_exchange_explicit(&pool->returned, NULL, memory_order_acquire);
	}
}

void tend__pool_close(struct tend__pool *pool)
{
	destroy_list(pool->local);
	pool->local = NULL;
	/* (F) pairs with (F) in give_back */
	destroy_list(atomic_exchange_explicit(&pool->returned, CLOSED, memory_order_acquire));
	tend__pool_unref(pool);
}
