/* SPDX-License-Identifier: MIT */
#include "books.h"

#include <pthread.h>
#include <string.h>

static unsigned char pattern[BOOKS_PIECE + BOOKS_PERIOD];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(void)
{
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (unsigned char)(i % BOOKS_PERIOD);
}

const unsigned char *books_pattern(uint64_t offset)
{
	pthread_once(&once, fill);
	return pattern + offset % BOOKS_PERIOD;
}

static void begin(struct books *b, uint64_t offset)
{
	if (b->has_start)
		return;
	b->has_start = true;
	b->start = b->next = offset;
}

void books_enter_chunk(struct books *b, const struct tend_chunk *c)
{
	const unsigned char *p = c->data;

	begin(b, c->offset);
	b->wrong += c->offset != b->next;
	for (size_t at = 0; at < c->size; at += BOOKS_PIECE) {
		size_t n = c->size - at < BOOKS_PIECE ? c->size - at : BOOKS_PIECE;

		b->wrong += memcmp(p + at, books_pattern(c->offset + at), n) != 0;
	}
	b->next += c->size;
	b->delivered += c->size;
}

void books_enter_gap(struct books *b, const struct tend_gap *g)
{
	begin(b, g->offset - g->bytes);
	b->wrong += b->next + g->bytes != g->offset;
	b->wrong += g->bytes > 0 && !b->is_lossy;
	b->next = g->offset;
	b->dropped += g->bytes;
	b->gaps++;
}

bool books_balance(const struct books *b, uint64_t end)
{
	if (b->wrong > 0)
		return false;
	return !b->has_start || (b->next == end && b->delivered + b->dropped == end - b->start);
}
