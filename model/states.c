/* SPDX-License-Identifier: MIT */
/*
 * A hash table of the states that were seen.  Of each it has 56 bits: that two of a million states are taken for one
 * happens once in a hundred thousand runs.
 */
#include "states.h"

#include <stdlib.h>
#include <string.h>

uint64_t model_hash(uint64_t h, const void *p, size_t n)
{
	const unsigned char *at = p;
	uint64_t a = h, b = n, w;

	for (; n >= 2 * sizeof w; n -= 2 * sizeof w, at += 2 * sizeof w) {
		memcpy(&w, at, sizeof w);
		a = ((a << 23 | a >> 41) ^ w) * UINT64_C(0xff51afd7ed558ccd);
		memcpy(&w, at + sizeof w, sizeof w);
		b = ((b << 29 | b >> 35) ^ w) * UINT64_C(0xc4ceb9fe1a85ec53);
	}
	for (; n > 0; n--)
		a = ((a << 23 | a >> 41) ^ *at++) * UINT64_C(0xff51afd7ed558ccd);
	a = (a ^ a >> 32 ^ b) * UINT64_C(0x9e3779b97f4a7c15);
	return a ^ a >> 29;
}

#define LEFT_BITS 8

static uint64_t *seen; /* in the low bits, how much was left */
static size_t seen_room, seen_n;

static uint64_t *find(uint64_t key)
{
	size_t i = (size_t)(key >> LEFT_BITS) & (seen_room - 1);

	while (seen[i] && (seen[i] ^ key) >> LEFT_BITS)
		i = (i + 1) & (seen_room - 1);
	return &seen[i];
}

static void make_room(void)
{
	uint64_t *old = seen;
	size_t old_room = seen_room;

	if (seen_n * 2 < seen_room)
		return;
	seen_room = old_room ? old_room * 4 : 1 << 14;
	seen = calloc(seen_room, sizeof *seen);
	if (!seen)
		abort();
	for (size_t i = 0; i < old_room; i++)
		if (old[i])
			*find(old[i]) = old[i];
	free(old);
}

bool model_is_new(uint64_t hash, unsigned left)
{
	uint64_t key = (hash >> LEFT_BITS << LEFT_BITS) | left;
	uint64_t *slot;

	make_room();
	slot = find(key);
	if (*slot && (*slot & ((1 << LEFT_BITS) - 1)) >= left)
		return false;
	seen_n += !*slot;
	*slot = key;
	return true;
}

size_t model_states(void)
{
	return seen_n;
}

void model_forget_states(void)
{
	free(seen);
	seen = NULL;
	seen_room = seen_n = 0;
}
