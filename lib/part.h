/* SPDX-License-Identifier: MIT */
/* The beginning of a line that goes on in a chunk that is not here yet. */
#ifndef TEND_LIB_PART_H
#define TEND_LIB_PART_H

#include <tend/line.h>

struct tend__part {
	char *data;
	size_t size;            /* at most max_size */
	bool cr;                /* data[size] would be a CR */
	uint64_t offset;        /* in the stream, of data[0], or of the CR where there is nothing else */
	size_t lent;            /* so many of the first bytes were handed out as a line */

	size_t room;
	size_t max_size;
	size_t release_above;   /* an empty buffer with more room than that is given back; 0: none is */
};

/* [any] Nothing is allocated before the first byte comes. */
void tend__part_init(struct tend__part *part, size_t max_size, size_t release_above);
void tend__part_destroy(struct tend__part *part);

/* [any] How many bytes it keeps, the CR included. */
static inline size_t tend__part_kept(const struct tend__part *part)
{
	return part->size + part->cr;
}

/* [any] Whether the last byte that it keeps is a CR. */
bool tend__part_ends_with_cr(const struct tend__part *part);

/* [any] Adds n bytes, the first of them at `offset`.  There must be no CR.  0, or -ENOMEM: nothing was added. */
int tend__part_append(struct tend__part *part, const char *bytes, size_t n, uint64_t offset);

/* [any] Keeps a CR that is at `offset`, behind all else. */
void tend__part_hold_cr(struct tend__part *part, uint64_t offset);
/* [any] That CR is part of the line.  0, or -ENOMEM: nothing was changed. */
int tend__part_add_cr(struct tend__part *part);

/* [any] The first n bytes as a line, lent until tend__part_take_back(). */
struct tend_line tend__part_lend(struct tend__part *part, size_t n);
/* [any] All of it as a line, without the CR, which is gone. */
struct tend_line tend__part_lend_all(struct tend__part *part);
/* [any] When something is lent: it goes, and what is behind it moves up. */
void tend__part_take_back(struct tend__part *part);

/* [any] Forgets everything; how much that was. */
size_t tend__part_drop(struct tend__part *part);

#endif
