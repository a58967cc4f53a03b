/* SPDX-License-Identifier: MIT */
/*
 * The accesses.  A store that is not seq_cst may be delayed: it waits in its thread's queue, and others read the old
 * value, until a later seq_cst store, read-modify-write or system call of the same thread, or any moment before.  That
 * is what x86 does.
 */
#include "memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "explore.h"
#include "heap.h"
#include "order.h"
#include "states.h"

#define MAX_DELAYED 8

struct delayed {
	volatile void *p;
	size_t size;
	uint64_t v;
	struct model_past past;
};

static struct {
	unsigned n;
	struct delayed stores[MAX_DELAYED];
} queues[MODEL_MAX_THREADS + 1];

static bool is_acquire(int order)
{
	return order != memory_order_relaxed && order != memory_order_release;
}

static bool is_release(int order)
{
	return order == memory_order_release || order == memory_order_acq_rel || order == memory_order_seq_cst;
}

static uint64_t value_at(const volatile void *p, size_t size)
{
	switch (size) {
	case 1: return *(const volatile uint8_t *)p;
	case 2: return *(const volatile uint16_t *)p;
	case 4: return *(const volatile uint32_t *)p;
	default: return *(const volatile uint64_t *)p;
	}
}

static void set_value(volatile void *p, size_t size, uint64_t v)
{
	switch (size) {
	case 1: *(volatile uint8_t *)p = (uint8_t)v; break;
	case 2: *(volatile uint16_t *)p = (uint16_t)v; break;
	case 4: *(volatile uint32_t *)p = (uint32_t)v; break;
	default: *(volatile uint64_t *)p = v;
	}
}

static unsigned long long low_bytes(uint64_t v, size_t size)
{
	return size == 8 ? v : v & ((UINT64_C(1) << 8 * size) - 1);
}

/* ---- plain accesses ---- */

void model_read(const volatile void *p, size_t n)
{
	size_t at = model_watched(p, n);

	if (at != MODEL_UNWATCHED)
		model_order_plain_read(model_self(), at, n);
}

void model_write(volatile void *p, size_t n)
{
	size_t at = model_watched(p, n);

	if (at != MODEL_UNWATCHED)
		model_order_plain_write(model_self(), at, n);
}

/* ---- delayed stores ---- */

bool model_has_delayed(int t)
{
	return queues[t].n > 0;
}

void model_make_visible(int t)
{
	struct delayed *s = &queues[t].stores[0];

	model_watched(s->p, s->size);
	model_order_visible(t, s->p, &s->past);
	set_value(s->p, s->size, s->v);
	if (model_is_tracing())
		model_trace("%p = %llx, a store of thread %d, becomes visible", (const void *)s->p,
		            low_bytes(s->v, s->size), t);
	queues[t].n--;
	memmove(s, s + 1, queues[t].n * sizeof *s);
	memset(s + queues[t].n, 0, sizeof *s);
}

void model_drain(void)
{
	int t = model_self();

	while (queues[t].n)
		model_make_visible(t);
}

/* The latest one that the thread itself has made to it. */
static const struct delayed *own_store(int t, const volatile void *p)
{
	for (unsigned i = queues[t].n; i-- > 0;)
		if (queues[t].stores[i].p == p)
			return &queues[t].stores[i];
	return NULL;
}

/* ---- atomic accesses; against plain ones each counts as a read ---- */

uint64_t model_load(const volatile void *p, size_t size, int order, const char *function, int line)
{
	const struct delayed *own;
	uint64_t v;
	int t;

	model_note(function, line);
	model_point(p, order == memory_order_relaxed);
	model_read(p, size);
	t = model_self();
	own = own_store(t, p);
	if (own)
		model_order_read_own(t, &own->past);
	else
		model_order_read(t, p, is_acquire(order));
	v = own ? own->v : value_at(p, size);
	if (model_is_tracing())
		model_trace("%p is %llx", (const void *)p, low_bytes(v, size));
	return v;
}

/* Behind one that is delayed all have to be, up to one that waits for them. */
static bool is_delayed(int t, const volatile void *p, int order)
{
	bool weak = order == memory_order_relaxed;

	if (order != memory_order_seq_cst && queues[t].n == 0)
		return model_point_of_store(p, weak);
	model_point(p, weak);
	return order != memory_order_seq_cst && queues[t].n > 0 && queues[t].n < MAX_DELAYED;
}

void model_store(volatile void *p, size_t size, uint64_t v, int order, const char *function, int line)
{
	int t = model_self();
	bool delayed;

	model_note(function, line);
	delayed = is_delayed(t, p, order);
	model_read(p, size);
	if (!delayed)
		model_drain();
	if (model_is_tracing())
		model_trace("%p = %llx%s", (const void *)p, low_bytes(v, size), delayed ? ", delayed" : "");
	if (delayed) {
		queues[t].stores[queues[t].n++] =
			(struct delayed){ p, size, v, model_order_delay(t, is_release(order)) };
	} else {
		model_order_store(t, p, is_release(order));
		set_value(p, size, v);
	}
}

static uint64_t result_of(enum model_op op, uint64_t old, uint64_t v)
{
	switch (op) {
	case MODEL_EXCHANGE: return v;
	case MODEL_ADD: return old + v;
	case MODEL_SUB: return old - v;
	case MODEL_OR: return old | v;
	case MODEL_AND: return old & v;
	}
	abort();
}

uint64_t model_change(volatile void *p, size_t size, enum model_op op, uint64_t v, int order, const char *function,
                      int line)
{
	uint64_t old, new;

	model_note(function, line);
	model_point(p, order == memory_order_relaxed);
	model_read(p, size);
	model_drain();
	model_order_change(model_self(), p, is_acquire(order), is_release(order));
	old = value_at(p, size);
	new = result_of(op, old, v);
	set_value(p, size, new);
	if (model_is_tracing())
		model_trace("%p: %llx becomes %llx", (const void *)p, low_bytes(old, size), low_bytes(new, size));
	return old;
}

bool model_compare_exchange(volatile void *p, size_t size, void *expected, uint64_t v, int order, int failure,
                            const char *function, int line)
{
	uint64_t old, wanted;

	model_note(function, line);
	model_point(p, order == memory_order_relaxed);
	model_read(p, size);
	model_drain();
	old = value_at(p, size);
	wanted = value_at(expected, size);
	if (model_is_tracing())
		model_trace("%p: %llx becomes %llx if it is %llx", (const void *)p, low_bytes(old, size),
		            low_bytes(v, size), low_bytes(wanted, size));
	if (old == wanted) {
		model_order_change(model_self(), p, is_acquire(order), is_release(order));
		set_value(p, size, v);
		return true;
	}
	model_order_read(model_self(), p, is_acquire(failure));
	set_value(expected, size, old);
	return false;
}

void model_init(volatile void *p, size_t size, uint64_t v)
{
	model_write(p, size);
	set_value(p, size, v);
}

/* ---- what is not memory ---- */

void model_see(const void *object)
{
	model_order_read(model_self(), object, false);
}

void model_touch(const void *object, bool acquires, bool releases)
{
	model_order_change(model_self(), object, acquires, releases);
}

/* ---- executions ---- */

void model_reset_memory(void)
{
	memset(queues, 0, sizeof queues);
}

void model_transfer_memory(void)
{
	for (int t = 0; t < MODEL_MAX_THREADS; t++) {
		model_transfer(&queues[t].n, sizeof queues[t].n);
		model_transfer(queues[t].stores, queues[t].n * sizeof queues[t].stores[0]);
	}
}

uint64_t model_hash_of_memory(uint64_t h)
{
	for (int t = 0; t < MODEL_MAX_THREADS; t++) {
		h = model_hash(h, &queues[t].n, sizeof queues[t].n);
		for (unsigned i = 0; i < queues[t].n; i++) {
			const struct delayed *s = &queues[t].stores[i];

			h = model_hash(h, &s->p, sizeof s->p);
			h = model_hash(h, &s->v, sizeof s->v);
		}
	}
	return h;
}
