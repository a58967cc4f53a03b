/* SPDX-License-Identifier: MIT */
/*
 * Problem: any thread may attach or detach a subscriber while the reader publishes chunks, and the reader must take
 * no lock.
 *
 * Threads: the reader looks; anybody changes, under the stream's lock.
 *
 * State: `set` points to an array of slots; each slot is NULL or a subscriber.  Both are RCU-protected pointers.
 *
 * Invariants
 *   I1  A subscriber that the reader finds in a section stays valid until the section ends: its remover waits for a
 *       grace period before it drops the slot's reference.  So a plain increment of its count inside the section is
 *       enough.
 *   I2  While a set is replaced by a bigger one the old one is not changed any more; both name the same subscribers.
 *   I3  Removing allocates nothing and cannot fail.
 *
 * Ordering pairs
 *   (S) a slot: the subscriber's fields before the reader uses them.
 *   (Z) the set: its slots before the reader looks at them.
 *
 * Progress: the reader is wait-free.
 * Reclamation: RCU (rcu.h) for both kinds of pointer.
 * Not promised: an order among the subscribers.
 */
#include "slots.h"

#include <errno.h>
#include <stddef.h>

#include "mem.h"

struct tend__set *tend__set_new(uint32_t capacity)
{
	struct tend__set *set = tend__malloc(sizeof *set + capacity * sizeof set->slot[0]);

	if (!set)
		return NULL;
	set->capacity = capacity;
	for (uint32_t i = 0; i < capacity; i++)
		atomic_init(&set->slot[i], NULL);
	return set;
}

int tend__slots_init(struct tend__slots *slots, uint32_t capacity)
{
	struct tend__set *set = tend__set_new(capacity);

	if (!set)
		return -ENOMEM;
	atomic_init(&slots->set, set);
	slots->used = 0;
	return 0;
}

void tend__slots_fini(struct tend__slots *slots)
{
	tend__free(atomic_load_explicit(&slots->set, memory_order_relaxed));
}

uint32_t tend__slots_capacity(const struct tend__slots *slots)
{
	return atomic_load_explicit(&slots->set, memory_order_relaxed)->capacity;
}

struct tend__set *tend__slots_grow(struct tend__slots *slots, struct tend__set *take_bigger)
{
	struct tend__set *old = atomic_load_explicit(&slots->set, memory_order_relaxed);

	for (uint32_t i = 0; i < old->capacity; i++) {
		struct tend_subscription *sub = atomic_load_explicit(&old->slot[i], memory_order_relaxed);

		atomic_store_explicit(&take_bigger->slot[i], sub, memory_order_relaxed);
	}
	/* (Z) pairs with (Z) in tend__slots_look: the copied slots */
	atomic_store_explicit(&slots->set, take_bigger, memory_order_release);
	return old;
}

void tend__slots_put(struct tend__slots *slots, struct tend_subscription *sub)
{
	struct tend__set *set = atomic_load_explicit(&slots->set, memory_order_relaxed);
	uint32_t i = 0;

	while (atomic_load_explicit(&set->slot[i], memory_order_relaxed))
		i++;
	slots->used++;
	/* (S) pairs with (S) in tend__set_at: the subscriber is whole */
	atomic_store_explicit(&set->slot[i], sub, memory_order_release);
}

void tend__slots_remove(struct tend__slots *slots, struct tend_subscription *sub)
{
	struct tend__set *set = atomic_load_explicit(&slots->set, memory_order_relaxed);
	uint32_t i = 0;

	while (atomic_load_explicit(&set->slot[i], memory_order_relaxed) != sub)
		i++;
	slots->used--;
	atomic_store_explicit(&set->slot[i], NULL, memory_order_relaxed);
}

struct tend__set *tend__slots_look(const struct tend__slots *slots)
{
	/* (Z) pairs with (Z) in tend__slots_grow */
	return atomic_load_explicit(&slots->set, memory_order_acquire);
}

struct tend_subscription *tend__set_at(const struct tend__set *set, uint32_t i)
{
	/* (S) pairs with (S) in tend__slots_put */
	return atomic_load_explicit(&set->slot[i], memory_order_acquire);
}
