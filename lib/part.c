/* SPDX-License-Identifier: MIT */
/*
 * The beginning of a line, kept until the chunk comes that holds the rest of it.
 *
 * These are the only bytes that a line parser copies, and they are never moved for the sake of a line: it is handed out
 * of here where it lies, and goes at the next call.  The bytes behind it, if any, stay.
 *
 * A CR behind them that may or may not be part of the line is kept as a bit: so it needs no memory, and `size` never
 * exceeds max_size.
 */
#include "part.h"

#include <errno.h>
#include <string.h>

#include "mem.h"

#define SMALLEST_ROOM ((size_t)64)

void tend__part_init(struct tend__part *part, size_t max_size, size_t release_above)
{
	*part = (struct tend__part){ .max_size = max_size, .release_above = release_above };
}

void tend__part_destroy(struct tend__part *part)
{
	tend__free(part->data);
}

bool tend__part_ends_with_cr(const struct tend__part *part)
{
	return part->cr || (part->size > 0 && part->data[part->size - 1] == '\r');
}

/* ---- room ---- */

static int reserve(struct tend__part *part, size_t n)
{
	size_t want = part->size + n;
	size_t room = 2 * part->room;
	char *data;

	if (want <= part->room)
		return 0;
	if (room < want)
		room = want;
	if (room < SMALLEST_ROOM)
		room = SMALLEST_ROOM;
	if (room > part->max_size)
		room = part->max_size;
	data = tend__realloc(part->data, room);
	if (!data)
		return -ENOMEM;
	part->data = data;
	part->room = room;
	return 0;
}

static void release(struct tend__part *part)
{
	if (part->size > 0 || part->release_above == 0 || part->room <= part->release_above)
		return;
	tend__free(part->data);
	part->data = NULL;
	part->room = 0;
}

/* ---- bytes ---- */

int tend__part_append(struct tend__part *part, const char *bytes, size_t n, uint64_t offset)
{
	if (n == 0)
		return 0;
	if (reserve(part, n) < 0)
		return -ENOMEM;
	if (part->size == 0)
		part->offset = offset;
	memcpy(part->data + part->size, bytes, n);
	part->size += n;
	return 0;
}

void tend__part_hold_cr(struct tend__part *part, uint64_t offset)
{
	if (part->size == 0)
		part->offset = offset;
	part->cr = true;
}

int tend__part_add_cr(struct tend__part *part)
{
	if (tend__part_append(part, "\r", 1, part->offset) < 0)
		return -ENOMEM;
	part->cr = false;
	return 0;
}

/* ---- lines ---- */

struct tend_line tend__part_lend(struct tend__part *part, size_t n)
{
	part->lent = n;
	return (struct tend_line){ .data = part->data ? part->data : "", .size = n, .offset = part->offset };
}

struct tend_line tend__part_lend_all(struct tend__part *part)
{
	part->cr = false;
	return tend__part_lend(part, part->size);
}

void tend__part_take_back(struct tend__part *part)
{
	part->size -= part->lent;
	part->offset += part->lent;
	memmove(part->data, part->data + part->lent, part->size);
	part->lent = 0;
	release(part);
}

size_t tend__part_drop(struct tend__part *part)
{
	size_t n = tend__part_kept(part);

	part->size = 0;
	part->cr = false;
	release(part);
	return n;
}
