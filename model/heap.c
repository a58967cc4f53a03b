/* SPDX-License-Identifier: MIT */
/*
 * In place of lib/mem.c.  Memory is handed out once in an execution, so whoever uses it after it was freed is found.
 * Each thread has an arena of its own: where something lies depends on what this thread has allocated before, and not
 * on how fast the others were, so states that differ in nothing else are one.
 */
#include "heap.h"

#include <string.h>

#include "../lib/mem.h"
#include "memory.h"
#include "order.h"
#include "states.h"

#define ALIGNMENT 64
#define N_ARENAS (MODEL_MAX_THREADS + 1)
#define ARENA_SIZE 32768
#define POISON 0xa5
#define N_LINES (ARENA_SIZE / ALIGNMENT)
#define MAX_SHARED (MODEL_MAX_WATCHED - N_ARENAS * ARENA_SIZE)

/* Of each line of ALIGNMENT bytes: in which line its block begins.  Of the latter: the block's size plus one, or 0 if
 * it was freed. */
static struct arena {
	size_t used;
	uint16_t block_of[N_LINES];
	uint32_t size_of[N_LINES];
} arenas[N_ARENAS];
static unsigned live;
static _Alignas(ALIGNMENT) unsigned char bytes[N_ARENAS][ARENA_SIZE];

extern unsigned char __start_model_shared[], __stop_model_shared[];
static unsigned char in_a_model_without_any SHARED __attribute__((__used__));

static size_t n_shared(void)
{
	return (size_t)(__stop_model_shared - __start_model_shared);
}

static void claim_in_use(const struct arena *a, size_t at, size_t n)
{
	size_t block = a->block_of[at / ALIGNMENT];

	if (at + n > a->used)
		model_fail("memory is used that was not allocated");
	if (a->size_of[block] == 0)
		model_fail("memory is used after it was freed");
	if (at + n > block * ALIGNMENT + a->size_of[block] - 1)
		model_fail("memory is used behind the end of a block");
}

size_t model_watched(const volatile void *p, size_t n)
{
	const volatile unsigned char *at = p;

	if (at >= bytes[0] && at < bytes[0] + sizeof bytes) {
		size_t offset = (size_t)(at - bytes[0]);

		claim_in_use(&arenas[offset / ARENA_SIZE], offset % ARENA_SIZE, n);
		return offset;
	}
	if (at >= __start_model_shared && at < __stop_model_shared)
		return sizeof bytes + (size_t)(at - __start_model_shared);
	return MODEL_UNWATCHED;
}

size_t model_watched_part(int i, size_t *ret_n)
{
	*ret_n = i < N_ARENAS ? arenas[i].used : n_shared();
	return (size_t)i * ARENA_SIZE;
}

/* ---- lib/mem.h ---- */

static void *allocate(size_t size)
{
	size_t rounded = (size + ALIGNMENT) & ~(size_t)(ALIGNMENT - 1); /* at least one byte lies between two */
	struct arena *a = &arenas[model_self()];
	unsigned char *p = bytes[a - arenas] + a->used;
	size_t line = a->used / ALIGNMENT;

	if (a->used + rounded > ARENA_SIZE)
		model_fail("the arena is too small");
	for (size_t i = 0; i < rounded / ALIGNMENT; i++)
		a->block_of[line + i] = (uint16_t)line;
	a->size_of[line] = (uint32_t)size + 1;
	a->used += rounded;
	live++;
	memset(p, POISON, rounded);
	model_order_new(model_self(), model_watched(p, size), size);
	return p;
}

static uint32_t *size_at(void *p)
{
	size_t offset = (size_t)((unsigned char *)p - bytes[0]);
	struct arena *a = &arenas[offset / ARENA_SIZE % N_ARENAS];
	size_t at = offset % ARENA_SIZE;

	if (offset >= sizeof bytes || at >= a->used || at % ALIGNMENT != 0 || a->size_of[at / ALIGNMENT] == 0)
		model_fail("something is freed that was not allocated, or for the second time");
	return &a->size_of[at / ALIGNMENT];
}

void *tend__malloc(size_t size)
{
	return allocate(size);
}

void *tend__calloc(size_t n, size_t size)
{
	return memset(allocate(n * size), 0, n * size);
}

void *tend__aligned_calloc(size_t alignment, size_t size)
{
	if (alignment > ALIGNMENT)
		model_fail("an alignment of %zu is asked for", alignment);
	return tend__calloc(1, size);
}

void tend__free(void *p)
{
	uint32_t *size;

	if (!p)
		return;
	model_drain();
	size = size_at(p);
	model_write(p, *size - 1);
	memset(p, POISON, *size - 1);
	*size = 0;
	live--;
}

void *tend__realloc(void *p, size_t size)
{
	size_t old = p ? *size_at(p) - 1 : 0;
	void *new = allocate(size);

	if (p)
		memcpy(new, p, old < size ? old : size);
	tend__free(p);
	return new;
}

char *tend__strdup(const char *s)
{
	return s ? strcpy(allocate(strlen(s) + 1), s) : NULL;
}

/* ---- executions ---- */

void model_reset_heap(void)
{
	memset(__start_model_shared, 0, n_shared());
	memset(arenas, 0, sizeof arenas);
	live = 0;
	if (n_shared() > MAX_SHARED)
		model_fail("too many static variables");
}

void model_transfer_heap(void)
{
	model_transfer(&live, sizeof live);
	for (int i = 0; i < N_ARENAS; i++) {
		struct arena *a = &arenas[i];

		model_transfer(&a->used, sizeof a->used);
		model_transfer(bytes[i], a->used);
		model_transfer(a->block_of, a->used / ALIGNMENT * sizeof *a->block_of);
		model_transfer(a->size_of, a->used / ALIGNMENT * sizeof *a->size_of);
	}
	model_transfer(__start_model_shared, n_shared());
}

uint64_t model_hash_of_heap(uint64_t h)
{
	for (int i = 0; i < N_ARENAS; i++) {
		h = model_hash(h, bytes[i], arenas[i].used);
		h = model_hash(h, arenas[i].size_of, arenas[i].used / ALIGNMENT * sizeof *arenas[i].size_of);
	}
	return model_hash(h, __start_model_shared, n_shared());
}

void model_claim_nothing_left(void)
{
	for (int i = 0; i < N_ARENAS; i++)
		for (size_t line = 0; line < arenas[i].used / ALIGNMENT; line++)
			if (arenas[i].block_of[line] == line && arenas[i].size_of[line])
				model_fail("%u blocks of memory are left, one of %u bytes", live,
				           arenas[i].size_of[line] - 1);
}
