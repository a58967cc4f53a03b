/* SPDX-License-Identifier: MIT */
/*
 * Lines out of chunks of any size, in one pass and exactly counted.
 *
 * A line that lies within one chunk is handed out where it lies.  Only a line that straddles two is put together, in
 * part.c.
 *
 * A line, or a piece of one, is handed out when the byte behind it is known, or at the end.  Only then can a line of
 * exactly max_length bytes be told from a longer one, and a CR that belongs to the delimiter from one that is content,
 * and nothing depends on where chunks begin and end.
 *
 * Every byte fed is in one place: in a line, or it is the delimiter that ended one, or the CR stripped in front of that
 * (one for each TEND_LINE_HAD_CR), or counted in bytes_cut, or in bytes_resync (with the delimiter that ends the search
 * for a line's beginning), or still here, unread or in the part.
 */
#include "line.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "mem.h"
#include "opts.h"
#include "part.h"

enum mode {
	READING,   /* the next byte belongs to a line */
	CUTTING,   /* it belongs to a line that was handed out cut: drop up to the delimiter that ends that line */
	RESYNCING  /* it may be in the middle of a line: drop up to and including the next delimiter */
};

/* Where the bytes of a line stop. */
enum edge {
	EDGE_DELIMITER, /* at its end */
	EDGE_FULL,      /* at max_length or a little earlier, with another byte of it behind */
	EDGE_CHUNK      /* with the chunk: what comes next is not known yet */
};

/* What the unread bytes are for the line that the part begins. */
struct extent {
	enum edge edge;
	size_t size;            /* of the line, the part included */
	size_t used;            /* unread bytes that belong to it, with its CR and its delimiter */
	bool cr;                /* a CR is in front of the edge */
};

struct tend_parser {
	struct tend_line_options options;
	unsigned char delimiter;
	bool strips_cr;
	enum mode mode;
	unsigned flags;         /* of the next line: TEND_LINE_CONTINUED, TEND_LINE_AFTER_GAP */

	const char *unread;     /* what is left of the fed chunk; the caller's */
	size_t n_unread;
	uint64_t offset;        /* of unread[0] in the stream */

	struct tend__part part; /* what the chunks before brought of a line; of a cut one only until the next call */

	struct tend_line_losses losses;
};

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
	p->delimiter = options->delimiter ? (unsigned char)options->delimiter : '\n';
	p->strips_cr = options->cr == TEND_CR_STRIP;
	tend__part_init(&p->part, options->max_length, options->release_above);
	*ret_parser = p;
	return 0;
}

tend_parser *tend_parser_free(tend_parser *p)
{
	if (p) {
		tend__part_destroy(&p->part);
		tend__free(p);
	}
	return NULL;
}

void tend_parser_auto(tend_parser **parser)
{
	*parser = tend_parser_free(*parser);
}

/* Nobody looks at the line any more that was handed out last. */
static void take_back(tend_parser *p)
{
	if (p->part.lent > 0)
		tend__part_take_back(&p->part);
}

static void skip(tend_parser *p, size_t n)
{
	p->unread += n;
	p->n_unread -= n;
	p->offset += n;
}

/* ---- losses ---- */

/* Bytes are missing between the part and what comes next; `before` is the byte in front of that, -1 if unknown. */
static void break_off(tend_parser *p, int before)
{
	p->losses.bytes_resync += tend__part_drop(&p->part);
	p->mode = before == p->delimiter ? READING : RESYNCING;
	p->flags = TEND_LINE_AFTER_GAP;
}

/* There is no memory for a part: it is missing, and what it was meant for with it. */
static int lose_part(tend_parser *p)
{
	break_off(p, -1);
	return -ENOMEM;
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

static void skip_through_delimiter(tend_parser *p)
{
	const char *end = memchr(p->unread, p->delimiter, p->n_unread);
	size_t n = end ? (size_t)(end - p->unread) : p->n_unread;
	size_t n_end = end ? 1 : 0;

	if (p->mode == CUTTING)
		p->losses.bytes_cut += tend__part_drop(&p->part) + n;
	else
		p->losses.bytes_resync += n + n_end;
	skip(p, n + n_end);
	if (end)
		p->mode = READING;
}

/* ---- UTF-8 ---- */

static bool continues_character(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* How many bytes the character has that this byte begins; 1 also for a byte that begins none. */
static size_t character_size(unsigned char byte)
{
	if (byte < 0xc2 || byte > 0xf4)
		return 1;
	return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/* The i-th byte of the line that the part begins, where no CR is held. */
static unsigned char byte_at(const tend_parser *p, size_t i)
{
	return (unsigned char)(i < p->part.size ? p->part.data[i] : p->unread[i - p->part.size]);
}

/* How long a piece of a line of more than max_length bytes is: not so long that it ends within a character. */
static size_t piece_size(const tend_parser *p)
{
	size_t most = p->options.max_length;

	/* a CR that is held is the byte behind the piece */
	if (!p->options.cut_at_utf8 || p->part.cr || !continues_character(byte_at(p, most)))
		return most;
	for (size_t n = 1; n <= 3 && n < most; n++) {
		unsigned char byte = byte_at(p, most - n);

		if (!continues_character(byte))
			return character_size(byte) > n ? most - n : most;
	}
	return most;
}

/* ---- lines ---- */

/*
 * A CR that stood at the end of the chunk before is content unless a delimiter follows.  Where the part is full it
 * stays held: then it begins the next piece, or is cut.
 */
static int settle_cr(tend_parser *p)
{
	if (!p->part.cr || (unsigned char)*p->unread == p->delimiter || p->part.size == p->options.max_length)
		return 0;
	return tend__part_add_cr(&p->part);
}

/* How many of the line's first `size` bytes are unread. */
static size_t unread_of(const tend_parser *p, size_t size)
{
	return size > p->part.size ? size - p->part.size : 0;
}

/* With something unread. */
static struct extent measure(const tend_parser *p)
{
	/* one byte more tells a full line from an overfull one, unless it is a CR to strip */
	size_t window = p->options.max_length - p->part.size + 1 + p->strips_cr;
	size_t n = p->n_unread < window ? p->n_unread : window;
	const char *end = memchr(p->unread, p->delimiter, n);
	size_t before = end ? (size_t)(end - p->unread) : n;
	bool cr = before > 0 ? p->unread[before - 1] == '\r' : tend__part_ends_with_cr(&p->part);
	size_t size = tend__part_kept(&p->part) + before - (cr & p->strips_cr);

	if (size > p->options.max_length) {
		size = piece_size(p);
		return (struct extent){ .edge = EDGE_FULL, .size = size, .used = unread_of(p, size) };
	}
	if (!end)
		return (struct extent){ .edge = EDGE_CHUNK, .size = size, .used = before };
	return (struct extent){ .edge = EDGE_DELIMITER, .size = size, .used = before + 1, .cr = cr };
}

/* Keeps the line's beginning, or its end behind the beginning; -ENOMEM: nothing was changed. */
static int keep(tend_parser *p, struct extent e)
{
	size_t n = unread_of(p, e.size);

	if (tend__part_append(&p->part, p->unread, n, p->offset) < 0)
		return -ENOMEM;
	if (e.edge == EDGE_CHUNK && e.used > n)
		tend__part_hold_cr(&p->part, p->offset + n);
	return 0;
}

static int hand_out(tend_parser *p, struct tend_line *line, struct extent e)
{
	line->flags = p->flags;
	p->flags = 0;
	p->losses.lines++;
	if (e.edge == EDGE_DELIMITER) {
		line->flags |= e.cr ? TEND_LINE_HAD_CR : 0;
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
	struct extent e;

	if (settle_cr(p) < 0)
		return lose_part(p);
	e = measure(p);
	if (tend__part_kept(&p->part) == 0 && e.edge != EDGE_CHUNK) {
		*ret_line = (struct tend_line){ .data = p->unread, .size = e.size, .offset = p->offset };
		skip(p, e.used);
		return hand_out(p, ret_line, e);
	}
	if (keep(p, e) < 0)
		return lose_part(p);
	skip(p, e.used);
	if (e.edge == EDGE_CHUNK)
		return 0;
	*ret_line = e.edge == EDGE_FULL ? tend__part_lend(&p->part, e.size) : tend__part_lend_all(&p->part);
	return hand_out(p, ret_line, e);
}

/* A line of the n bytes at `at`, its LF included, if it ends there and is no longer than it may be; false: none. */
static inline bool find_whole(const tend_parser *p, const char *at, size_t n, struct tend_line *ret_line)
{
	size_t window = p->options.max_length + 1 + p->strips_cr;
	const char *end = memchr(at, p->delimiter, n < window ? n : window);
	bool cr;

	if (!end)
		return false;
	cr = end > at && end[-1] == '\r';
	ret_line->data = at;
	ret_line->size = (size_t)(end - at) - (cr & p->strips_cr);
	ret_line->flags = cr ? TEND_LINE_HAD_CR : 0;
	return ret_line->size <= p->options.max_length;
}

bool tend__parser_show_whole(tend_parser *p, tend_line_fn *fn, void *arg)
{
	const char *at = p->unread;
	size_t n = p->n_unread;
	uint64_t lines = 0;
	struct tend_line line;
	bool goes_on = true;

	take_back(p);
	if (p->mode != READING || p->flags || tend__part_kept(&p->part) > 0)
		return true;
	while (goes_on && find_whole(p, at, n, &line)) {
		size_t used = line.size + (line.flags && p->strips_cr) + 1;

		line.offset = p->offset + (p->n_unread - n);
		at += used;
		n -= used;
		lines++;
		goes_on = fn(arg, &line) != TEND_BREAK;
	}
	p->losses.lines += lines;
	skip(p, p->n_unread - n);
	return goes_on;
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
		skip_through_delimiter(p);
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
	bool had_cr;

	take_back(p);
	drop_unread(p);
	if (tend__part_kept(&p->part) == 0)
		return 0;
	had_cr = tend__part_ends_with_cr(&p->part);
	*ret_line = tend__part_lend_all(&p->part);
	ret_line->flags = p->flags | TEND_LINE_UNTERMINATED | (had_cr ? TEND_LINE_HAD_CR : 0);
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
	/* what is kept behind a line that is lent begins the next one */
	if (p->part.lent > 0 && p->part.lent < tend__part_kept(&p->part))
		return p->part.offset + p->part.lent;
	return p->offset;
}

bool tend__parser_in_line(const tend_parser *p)
{
	return p->flags & TEND_LINE_CONTINUED;
}

size_t tend__parser_room(const tend_parser *p)
{
	return p->part.room;
}

bool tend__ends_line(enum tend_ending ending)
{
	return ending == TEND_END_EOF || ending == TEND_END_READ_ERROR || ending == TEND_END_DETACHED;
}
