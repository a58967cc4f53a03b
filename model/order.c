/* SPDX-License-Identifier: MIT */
/*
 * Data races: vector clocks.  clocks[t][u] is how far thread t knows of what thread u did.  A release leaves the
 * thread's clock with the object, an acquire takes what is there; a plain access that does not know of a conflicting
 * one before it is a failure.  So an order that is too weak is found in any schedule in which the two threads meet, not
 * only where the machine happens to reorder.
 *
 * Traces: a hash per thread over the accesses that it made, each with the hash of what it depends on (the last write;
 * for a write also the reads since).  It is the same for schedules that differ only in the order of accesses that do
 * not depend on each other.
 *
 * Both cost memory and time, so they are kept only in a search by trace.
 */
#include "order.h"

#include <stdlib.h>
#include <string.h>

#include "heap.h"

#define N_OBJECTS 8192
#define N_CLOCKS (MODEL_MAX_THREADS + 1)

/* Found by address, for the whole search: which threads (a bit each) have read it, have changed it. */
static struct object {
	uintptr_t at;
	uint8_t readers, writers;
	uint16_t id; /* of its trace */
} objects[N_OBJECTS];
static unsigned n_objects;

static struct trace {
	uint64_t last_write, reads; /* hashes */
	uint16_t clock[N_CLOCKS];   /* who acquires knows of this */
} traces[N_OBJECTS];

/* One byte of watched memory: the last write, and each thread's last access, by the clock of who made it. */
static struct cell {
	uint16_t written, writer;
	uint16_t accessed[N_CLOCKS];
} cells[MODEL_MAX_WATCHED];

static struct {
	uint16_t clocks[N_CLOCKS][N_CLOCKS];
	uint64_t hashes[N_CLOCKS];         /* of what each thread did */
	uint64_t visible_hashes[N_CLOCKS]; /* of how its delayed stores became visible */
} threads;
static int n_threads;

/* ---- what matters ---- */

static struct object *find(const volatile void *object)
{
	uintptr_t at = (uintptr_t)object;
	size_t i = at * UINT64_C(0x9e3779b97f4a7c15) >> 51;

	while (objects[i].at && objects[i].at != at)
		i = (i + 1) % N_OBJECTS;
	if (!objects[i].at) {
		if (n_objects > N_OBJECTS / 2)
			abort();
		objects[i] = (struct object){ .at = at, .id = (uint16_t)n_objects++ };
	}
	return &objects[i];
}

static bool is_shared(const struct object *o)
{
	unsigned users = o->readers | o->writers;

	return o->writers && (users & (users - 1));
}

static struct trace *use(int t, const volatile void *object, bool writes)
{
	struct object *o = find(object);
	bool mattered = is_shared(o);

	if (t != MODEL_MAIN && writes)
		o->writers |= (uint8_t)(1 << t);
	else if (t != MODEL_MAIN)
		o->readers |= (uint8_t)(1 << t);
	if (!mattered && is_shared(o))
		model_start_again();
	return &traces[o->id];
}

bool model_matters(const volatile void *object)
{
	return is_shared(find(object));
}

void model_forget_what_matters(void)
{
	memset(objects, 0, sizeof objects);
	memset(traces, 0, n_objects * sizeof *traces);
	n_objects = 0;
}

/* ---- objects that threads meet at ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
	a = (a << 23 | a >> 41) ^ b;
	a *= UINT64_C(0xff51afd7ed558ccd);
	a ^= a >> 32;
	a *= UINT64_C(0xc4ceb9fe1a85ec53);
	return a ^ a >> 29;
}

static void join(uint16_t *a, const uint16_t *b)
{
	for (int i = 0; i < N_CLOCKS; i++)
		if (a[i] < b[i])
			a[i] = b[i];
}

static void write_trace(struct trace *o, uint64_t *hash)
{
	*hash = mix(mix(*hash, o->last_write), o->reads);
	o->last_write = *hash;
	o->reads = 0;
}

/* A store begins a new release sequence, or none. */
static void begin_sequence(struct trace *o, bool releases, const uint16_t *clock)
{
	memset(o->clock, 0, sizeof o->clock);
	if (releases)
		memcpy(o->clock, clock, sizeof o->clock);
}

void model_order_read(int t, const volatile void *object, bool acquires)
{
	struct trace *o = use(t, object, false);

	if (!model_keeps_traces())
		return;
	threads.hashes[t] = mix(threads.hashes[t], o->last_write);
	o->reads += mix(threads.hashes[t], 1);
	if (acquires)
		join(threads.clocks[t], o->clock);
}

void model_order_store(int t, const volatile void *object, bool releases)
{
	struct trace *o = use(t, object, true);

	if (!model_keeps_traces())
		return;
	write_trace(o, &threads.hashes[t]);
	begin_sequence(o, releases, threads.clocks[t]);
	threads.clocks[t][t] += releases;
}

/* A read-modify-write continues the release sequence that it finds. */
void model_order_change(int t, const volatile void *object, bool acquires, bool releases)
{
	struct trace *o = use(t, object, true);

	if (!model_keeps_traces())
		return;
	write_trace(o, &threads.hashes[t]);
	if (acquires)
		join(threads.clocks[t], o->clock);
	if (releases)
		join(o->clock, threads.clocks[t]);
	threads.clocks[t][t] += releases;
}

struct model_past model_order_delay(int t, bool releases)
{
	struct model_past past = { .releases = releases };

	threads.hashes[t] = mix(threads.hashes[t], 2);
	past.hash = threads.hashes[t];
	memcpy(past.clock, threads.clocks[t], sizeof past.clock);
	threads.clocks[t][t] += releases;
	return past;
}

void model_order_visible(int t, const volatile void *object, const struct model_past *past)
{
	struct trace *o = use(t, object, true);

	if (!model_keeps_traces())
		return;
	threads.visible_hashes[t] = mix(threads.visible_hashes[t], past->hash);
	write_trace(o, &threads.visible_hashes[t]);
	begin_sequence(o, past->releases, past->clock);
}

void model_order_read_own(int t, const struct model_past *past)
{
	threads.hashes[t] = mix(threads.hashes[t], past->hash);
}

/* ---- plain accesses ---- */

static void claim_knows_writer(int t, const struct cell *c)
{
	if (c->written > threads.clocks[t][c->writer])
		model_fail("data race: thread %d does not know of a write of thread %d", t, c->writer);
}

void model_order_new(int t, size_t at, size_t n)
{
	if (!model_keeps_traces())
		return;
	for (struct cell *c = &cells[at]; n > 0; n--, c++)
		*c = (struct cell){ .writer = (uint16_t)t, .written = threads.clocks[t][t] };
}

void model_order_plain_read(int t, size_t at, size_t n)
{
	if (!model_keeps_traces())
		return;
	for (struct cell *c = &cells[at]; n > 0; n--, c++) {
		claim_knows_writer(t, c);
		c->accessed[t] = threads.clocks[t][t];
	}
}

void model_order_plain_write(int t, size_t at, size_t n)
{
	if (!model_keeps_traces())
		return;
	for (struct cell *c = &cells[at]; n > 0; n--, c++) {
		claim_knows_writer(t, c);
		for (int u = 0; u < N_CLOCKS; u++)
			if (c->accessed[u] > threads.clocks[t][u])
				model_fail("data race: thread %d does not know of an access of thread %d", t, u);
		c->writer = (uint16_t)t;
		c->written = threads.clocks[t][t];
	}
}

/* ---- executions ---- */

void model_reset_order(int n)
{
	n_threads = n;
	memset(&threads, 0, sizeof threads);
	memset(traces, 0, n_objects * sizeof *traces);
	memset(cells, 0, sizeof cells);
	for (int i = 0; i < N_CLOCKS; i++)
		threads.hashes[i] = (uint64_t)i + 1;
	threads.clocks[MODEL_MAIN][MODEL_MAIN] = 1;
}

void model_fork(void)
{
	for (int i = 0; i < MODEL_MAX_THREADS; i++) {
		memcpy(threads.clocks[i], threads.clocks[MODEL_MAIN], sizeof threads.clocks[i]);
		threads.clocks[i][i] = 1;
	}
	threads.clocks[MODEL_MAIN][MODEL_MAIN]++;
}

void model_join(void)
{
	for (int i = 0; i < MODEL_MAX_THREADS; i++)
		join(threads.clocks[MODEL_MAIN], threads.clocks[i]);
}

/* Objects that were first used behind the point of choice have no past there. */
void model_transfer_order(void)
{
	unsigned n = n_objects;

	if (!model_keeps_traces())
		return;
	model_transfer(&threads, sizeof threads);
	model_transfer(&n, sizeof n);
	model_transfer(traces, n * sizeof *traces);
	memset(traces + n, 0, (n_objects - n) * sizeof *traces);
	for (int i = 0; i < MODEL_WATCHED_PARTS; i++) {
		size_t n_cells, at = model_watched_part(i, &n_cells);

		model_transfer(&cells[at], n_cells * sizeof *cells);
	}
}

void model_moves_on(void)
{
	int t = model_self();

	threads.hashes[t] = mix(threads.hashes[t], 3);
}

void model_time_is_over(int t)
{
	threads.hashes[t] = mix(threads.hashes[t], 4);
}

uint64_t model_hash_of_trace(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < n_threads; i++)
		sum += mix(mix(threads.hashes[i], threads.visible_hashes[i]), (uint64_t)i + 1);
	return sum;
}
