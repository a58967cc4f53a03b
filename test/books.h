/* SPDX-License-Identifier: MIT */
/*
 * One subscriber's books: what it got, what it was told that it lost, and whether each byte was the right one.  Byte n
 * of the stream is n % BOOKS_PERIOD.
 */
#ifndef TEND_TEST_BOOKS_H
#define TEND_TEST_BOOKS_H

#include <stdbool.h>
#include <stdint.h>
#include <tend.h>

#define BOOKS_PERIOD 251

struct books {
	uint64_t start, next, delivered, dropped, gaps;
	bool has_start;
	bool is_lossy;
	unsigned wrong; /* what must not be: a wrong byte, a jump, a gap where there must be none */
};

void books_enter_chunk(struct books *b, const struct tend_chunk *c);
void books_enter_gap(struct books *b, const struct tend_gap *g);
/* Whether all is right for a subscriber that ended at this offset: delivered + dropped is what there was. */
bool books_balance(const struct books *b, uint64_t end);

/* `n` bytes of the pattern that begin as byte `offset`; n is at most BOOKS_PIECE. */
#define BOOKS_PIECE (64u << 10)
const unsigned char *books_pattern(uint64_t offset);

#endif
