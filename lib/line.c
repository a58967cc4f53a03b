/* SPDX-License-Identifier: MIT */
/*
 * Lines out of chunks of any size, in one pass and exactly counted.
 *
 * A line that lies within one chunk is handed out where it lies.  Only a line that straddles two is put together, in a
 * buffer that grows as far as it is needed and is kept.
 *
 * A line, or a piece of one, is handed out when the byte behind it is known, or at the end.  Only then can a line of
 * exactly max_length bytes be told from a longer one, and nothing depends on where chunks begin and end.
 *
 * Every byte fed is in one place: in a line, or it is the LF that ended one, or counted in bytes_cut, or in
 * bytes_resync (with the LF that ends the search for a line's beginning), or still here, unread or in the buffer.
 */
#include "line.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "mem.h"
#include "opts.h"

enum mode {
	READING,   /* the next byte belongs to a line */
	CUTTING,   /* it belongs to a line that was handed out cut: drop up to the LF that ends that line */
	RESYNCING  /* it may be in the middle of a line: drop up to and including the next LF */
};

/* Where the bytes of a line stop. */
enum edge {
	EDGE_LF,   /* at its end */
	EDGE_FULL, /* at max_length, with another byte of it behind */
	EDGE_CHUNK /* with the chunk: what comes next is not known yet */
};

struct tend_parser {
	struct tend_line_options options;
	enum mode mode;
	unsigned flags;         /* of the next line: TEND_LINE_CONTINUED, TEND_LINE_AFTER_GAP */

	const char *unread;     /* what is left of the fed chunk; the caller's */
	size_t n_unread;
	uint64_t offset;        /* of unread[0] in the stream */

	char *part;             /* the beginning of a line that the chunks before brought; empty unless READING */
	size_t part_size;       /* at most max_length */
	size_t part_room;
	uint64_t part_offset;   /* of part[0] in the stream */
	bool part_lent;         /* it was completed and handed out: empty it at the next call */

	struct tend_line_losses losses;
};

#define SMALLEST_ROOM ((size_t)64)

int tend_parser_new(const struct tend_line_options *options, tend_parser **ret_parser, struct tend_error *err)
{
	tend_parser *p;
	int r = tend__check_line_options(options, "", err);

	if (r < 0)
		return r;
	p = tend__calloc(1, sizeof *p);
	if (!p)
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, NULL, "cannot make a line parser");
	p->options = *options;
	*ret_parser = p;
	return 0;
}

tend_parser *tend_parser_free(tend_parser *p)
{
	if (p) {
		tend__free(p->part);
		tend__free(p);
	}
	return NULL;
}

void tend_parser_auto(tend_parser **parser)
{
	*parser = tend_parser_free(*parser);
}

/* ---- the buffer ---- */

static void take_back(tend_parser *p)
{
	if (p->part_lent)
		p->part_size = 0;
	p->part_lent = false;
}

static int reserve(tend_parser *p, size_t n)
{
	size_t want = p->part_size + n;
	size_t room = 2 * p->part_room;
	char *part;

	if (want <= p->part_room)
		return 0;
	if (room < want)
		room = want;
	if (room < SMALLEST_ROOM)
		room = SMALLEST_ROOM;
	if (room > p->options.max_length)
		room = p->options.max_length;
	part = tend__realloc(p->part, room);
	if (!part)
		return -ENOMEM;
	p->part = part;
	p->part_room = room;
	return 0;
}

static void skip(tend_parser *p, size_t n)
{
	p->unread += n;
	p->n_unread -= n;
	p->offset += n;
}

/* Moves n unread bytes behind the part; -ENOMEM: nothing was moved. */
static int append(tend_parser *p, size_t n)
{
	if (reserve(p, n) < 0)
		return -ENOMEM;
	if (p->part_size == 0)
		p->part_offset = p->offset;
	memcpy(p->part + p->part_size, p->unread, n);
	p->part_size += n;
	skip(p, n);
	return 0;
}

static struct tend_line lend_part(tend_parser *p)
{
	p->part_lent = true;
	return (struct tend_line){ .data = p->part, .size = p->part_size, .offset = p->part_offset };
}

/* ---- losses ---- */

/* Bytes are missing between the part and what comes next; `before` is the byte in front of that, -1 if unknown. */
static void break_off(tend_parser *p, int before)
{
	p->losses.bytes_resync += p->part_size;
	p->part_size = 0;
	p->mode = before == '\n' ? READING : RESYNCING;
	p->flags = TEND_LINE_AFTER_GAP;
}

/* A caller that did not ask for all lines of a chunk has made a gap. */
static void drop_unread(tend_parser *p)
{
	if (p->n_unread == 0)
		return;
	break_off(p, (unsigned char)p->unread[p->n_unread - 1]);
	p->losses.bytes_resync += p->n_unread;
	skip(p, p->n_unread);
}

static void skip_through_lf(tend_parser *p)
{
	const char *lf = memchr(p->unread, '\n', p->n_unread);
	size_t n = lf ? (size_t)(lf - p->unread) : p->n_unread;
	size_t n_lf = lf ? 1 : 0;

	if (p->mode == CUTTING)
		p->losses.bytes_cut += n;
	else
		p->losses.bytes_resync += n + n_lf;
	skip(p, n + n_lf);
	if (lf)
		p->mode = READING;
}

/* ---- lines ---- */

/* How many of the unread bytes belong to the line that the part begins, and why no more do. */
static size_t measure(const tend_parser *p, enum edge *ret_edge)
{
	size_t fits = p->options.max_length - p->part_size;
	bool overfull = p->n_unread > fits;
	const char *lf = memchr(p->unread, '\n', overfull ? fits + 1 : p->n_unread);

	if (lf) {
		*ret_edge = EDGE_LF;
		return (size_t)(lf - p->unread);
	}
	*ret_edge = overfull ? EDGE_FULL : EDGE_CHUNK;
	return overfull ? fits : p->n_unread;
}

static int hand_out(tend_parser *p, struct tend_line *line, enum edge edge)
{
	line->flags = p->flags;
	p->flags = 0;
	p->losses.lines++;
	if (edge == EDGE_LF) {
		skip(p, 1);
	} else if (p->options.overflow == TEND_LINE_SPLIT) {
		p->flags = TEND_LINE_CONTINUED;
	} else {
		line->flags |= TEND_LINE_CUT;
		p->losses.lines_cut++;
		p->mode = CUTTING;
	}
	return 1;
}

/* READING, with something unread. */
static int read_line(tend_parser *p, struct tend_line *ret_line)
{
	enum edge edge;
	size_t n = measure(p, &edge);

	if (p->part_size == 0 && edge != EDGE_CHUNK) {
		*ret_line = (struct tend_line){ .data = p->unread, .size = n, .offset = p->offset };
		skip(p, n);
		return hand_out(p, ret_line, edge);
	}
	if (append(p, n) < 0) {
		break_off(p, -1);
		return -ENOMEM;
	}
	if (edge == EDGE_CHUNK)
		return 0;
	*ret_line = lend_part(p);
	return hand_out(p, ret_line, edge);
}

void tend_parser_feed(tend_parser *p, const struct tend_chunk *chunk)
{
	take_back(p);
	drop_unread(p);
	p->unread = chunk->data;
	p->n_unread = chunk->size;
	p->offset = chunk->offset;
}

int tend_parser_next(tend_parser *p, struct tend_line *ret_line)
{
	take_back(p);
	if (p->n_unread > 0 && p->mode != READING)
		skip_through_lf(p);
	return p->n_unread > 0 ? read_line(p, ret_line) : 0;
}

void tend_parser_gap(tend_parser *p, const struct tend_gap *gap)
{
	take_back(p);
	drop_unread(p);
	break_off(p, gap ? gap->before : -1);
	if (gap)
		p->offset = gap->offset;
}

int tend_parser_finish(tend_parser *p, struct tend_line *ret_line)
{
	take_back(p);
	drop_unread(p);
	if (p->part_size == 0)
		return 0;
	*ret_line = lend_part(p);
	ret_line->flags = p->flags | TEND_LINE_UNTERMINATED;
	p->flags = 0;
	p->losses.lines++;
	return 1;
}

struct tend_line_losses tend_parser_losses(const tend_parser *p)
{
	return p->losses;
}

uint64_t tend__parser_offset(const tend_parser *p)
{
	return p->offset;
}

size_t tend__parser_room(const tend_parser *p)
{
	return p->part_room;
}

bool tend__ends_line(enum tend_ending ending)
{
	return ending == TEND_END_EOF || ending == TEND_END_READ_ERROR || ending == TEND_END_DETACHED;
}
