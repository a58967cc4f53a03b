/* SPDX-License-Identifier: MIT */
/*
 * Keeping the beginning or the end of something of unknown length, in memory that grows with what there is and not with
 * what is allowed, at a constant cost per byte.
 *
 * All buffers are windows: new bytes go behind the last one, old ones leave at the front by moving `begin`.  When the
 * end of the memory is reached, the window moves to its start, and the memory grows unless a third of it is free then.
 * So each byte is moved a bounded number of times, however long the stream is.
 */
#include "collect.h"

#include <errno.h>
#include <string.h>

#include "mem.h"

#define SMALLEST_ROOM ((size_t)64)

/* ---- windows ---- */

static size_t add_capped(size_t a, size_t b)
{
	return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* The memory for `want` bytes, with room to go on. */
static size_t roomy(const struct tend__window *w, size_t want)
{
	size_t room = add_capped(want, want / 2);

	if (room < SMALLEST_ROOM)
		room = SMALLEST_ROOM;
	return room < w->limit ? room : w->limit;
}

/* Makes room for n bytes behind the last one; the window and n together must not exceed its limit. */
static int make_room(struct tend__window *w, size_t n)
{
	size_t want = w->size + n;
	size_t room = roomy(w, want);
	char *data;

	if (n <= w->room - w->begin - w->size)
		return 0;
	if (w->begin > 0)
		memmove(w->data, w->data + w->begin, w->size);
	w->begin = 0;
	if (room <= w->room)
		return 0;
	data = tend__realloc(w->data, room);
	if (!data)
		return -ENOMEM;
	w->data = data;
	w->room = room;
	return 0;
}

/* Room for n bytes was made before. */
static void push(struct tend__window *w, const void *data, size_t n)
{
	if (n > 0)
		memcpy(w->data + w->begin + w->size, data, n);
	w->size += n;
}

static void drop_front(struct tend__window *w, size_t n)
{
	w->begin += n;
	w->size -= n;
}

static char *front(const struct tend__window *w)
{
	return w->data + w->begin;
}

/* The memory that a window over at most `most` bytes may take: what is never moved needs no room to move in. */
static size_t memory_limit(enum tend_overflow overflow, size_t most)
{
	return overflow == TEND_DROP_OLDEST ? add_capped(most, most / 2) : most;
}

/* ---- bytes ---- */

void tend__kept_bytes_init(struct tend__kept_bytes *k, enum tend_overflow overflow, size_t max_bytes)
{
	size_t most = overflow == TEND_TRUSTED_UNBOUNDED ? SIZE_MAX : max_bytes;

	*k = (struct tend__kept_bytes){ .overflow = overflow, .max_bytes = most };
	k->text.limit = memory_limit(overflow, add_capped(most, 1));
}

/* Drops from the front what stands in the way of `size` more bytes. */
static void evict_bytes(struct tend__kept_bytes *k, size_t size)
{
	size_t keep = k->max_bytes - size;
	size_t n = k->text.size > keep ? k->text.size - keep : 0;

	k->left_out += n;
	drop_front(&k->text, n);
}

static int append_bytes(struct tend__kept_bytes *k, const char *data, size_t size)
{
	if (size == 0)
		return 0;
	if (make_room(&k->text, size + 1) < 0)
		return k->failed = -ENOMEM;
	push(&k->text, data, size);
	front(&k->text)[k->text.size] = '\0';
	return 0;
}

int tend__kept_bytes_push(struct tend__kept_bytes *k, const void *data, size_t size)
{
	size_t fits = k->overflow == TEND_DROP_OLDEST ? k->max_bytes : k->max_bytes - k->text.size;
	size_t excess = size > fits ? size - fits : 0;

	if (k->failed)
		return k->failed;
	k->left_out += excess;
	if (k->overflow != TEND_DROP_OLDEST)
		return append_bytes(k, data, size - excess);
	evict_bytes(k, size - excess);
	return append_bytes(k, (const char *)data + excess, size - excess);
}

const char *tend__kept_bytes_data(const struct tend__kept_bytes *k)
{
	return k->text.size > 0 ? front(&k->text) : "";
}

void tend__kept_bytes_destroy(struct tend__kept_bytes *k)
{
	tend__free(k->text.data);
}

/* ---- lines ---- */

void tend__kept_lines_init(struct tend__kept_lines *k, enum tend_overflow overflow, size_t max_bytes, size_t max_lines)
{
	bool unbounded = overflow == TEND_TRUSTED_UNBOUNDED;
	size_t bytes = unbounded ? SIZE_MAX : max_bytes;
	size_t most = SIZE_MAX / sizeof(struct tend_line);
	size_t lines = unbounded || max_lines > most ? most : max_lines;

	*k = (struct tend__kept_lines){ .overflow = overflow, .max_bytes = bytes, .max_lines = lines };
	k->text.limit = memory_limit(overflow, add_capped(bytes, lines));
	k->lines.limit = memory_limit(overflow, lines * sizeof(struct tend_line));
}

static struct tend_line *first_line(const struct tend__kept_lines *k)
{
	return (struct tend_line *)(void *)front(&k->lines);
}

size_t tend__kept_lines_count(const struct tend__kept_lines *k)
{
	return k->lines.size / sizeof(struct tend_line);
}

size_t tend__kept_lines_size(const struct tend__kept_lines *k)
{
	return k->text.size - tend__kept_lines_count(k);
}

static bool has_room_for(const struct tend__kept_lines *k, size_t size)
{
	return tend__kept_lines_count(k) < k->max_lines && size <= k->max_bytes - tend__kept_lines_size(k);
}

static void leave_out(struct tend__kept_lines *k, size_t size)
{
	k->lines_left_out++;
	k->bytes_left_out += size;
}

/* Drops lines from the front until one of `size` bytes has room; within limits that allow for one such line. */
static void evict_lines(struct tend__kept_lines *k, size_t size)
{
	while (!has_room_for(k, size)) {
		size_t n = first_line(k)->size;

		leave_out(k, n);
		drop_front(&k->text, n + 1);
		drop_front(&k->lines, sizeof(struct tend_line));
	}
}

static int append_line(struct tend__kept_lines *k, const struct tend_line *line)
{
	if (make_room(&k->text, line->size + 1) < 0 || make_room(&k->lines, sizeof *line) < 0)
		return k->failed = -ENOMEM;
	push(&k->text, line->data, line->size);
	push(&k->text, "", 1);
	push(&k->lines, line, sizeof *line);
	return 0;
}

int tend__kept_lines_push(struct tend__kept_lines *k, const struct tend_line *line)
{
	if (k->failed)
		return k->failed;
	if (k->overflow == TEND_DROP_OLDEST && line->size <= k->max_bytes && k->max_lines > 0)
		evict_lines(k, line->size);
	if (has_room_for(k, line->size))
		return append_line(k, line);
	leave_out(k, line->size);
	return 0;
}

const struct tend_line *tend__kept_lines_seal(struct tend__kept_lines *k)
{
	size_t n = tend__kept_lines_count(k);
	struct tend_line *lines = n > 0 ? first_line(k) : NULL;
	const char *data = n > 0 ? front(&k->text) : NULL;

	for (size_t i = 0; i < n; i++) {
		lines[i].data = data;
		data += lines[i].size + 1;
	}
	return lines;
}

void tend__kept_lines_destroy(struct tend__kept_lines *k)
{
	tend__free(k->text.data);
	tend__free(k->lines.data);
}
