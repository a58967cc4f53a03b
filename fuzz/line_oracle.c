/* SPDX-License-Identifier: MIT */
#include "line_oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/line.h"

/* A line as it has to come, and where the bytes begin that are not done with it. */
struct expected {
	size_t offset, size, behind;
	unsigned flags;
};

struct outcome {
	struct expected lines[LINE_WORLD_MAX_BYTES + 1];
	size_t n;
	bool after_gap;
	struct tend_line_losses losses;
	size_t fed, in_lines, delimiters, stripped, moved;
};

/* ---- what has to come out ---- */

/* What stands behind the bytes of a line. */
enum behind { DELIMITER, GAP, END };

static unsigned char delimiter_of(const struct line_world *w)
{
	return w->options.delimiter == 0 ? '\n' : (unsigned char)(w->options.delimiter & 0xff);
}

/* The i-th step, as far as there are bytes for it. */
static struct line_step step_at(const struct line_world *w, size_t i, size_t at)
{
	struct line_step step = w->steps[i % w->n_steps];

	if (step.size > w->n_bytes - at)
		step.size = w->n_bytes - at;
	return step;
}

static int known_before(const struct line_world *w, enum line_step_kind kind, size_t at)
{
	return kind == LINE_LOST_KNOWN && at > 0 ? w->bytes[at - 1] : -1;
}

static void expect(struct outcome *o, struct expected line)
{
	if (o->after_gap)
		line.flags |= TEND_LINE_AFTER_GAP;
	o->after_gap = false;
	o->in_lines += line.size;
	o->losses.lines++;
	o->losses.lines_cut += (line.flags & TEND_LINE_CUT) != 0;
	o->lines[o->n++] = line;
}

/* Whether a cut in front of bytes[at] tears the UTF-8 character that begins n bytes in front of it. */
static bool tears(const struct line_world *w, size_t at, size_t n)
{
	static const struct {
		unsigned char first, last;
		size_t size;
	} leads[] = { { 0xc2, 0xdf, 2 }, { 0xe0, 0xef, 3 }, { 0xf0, 0xf4, 4 } };
	unsigned char lead = w->bytes[at - n];
	bool announces_more = false;

	for (size_t i = 0; i < 3; i++)
		announces_more |= lead >= leads[i].first && lead <= leads[i].last && leads[i].size > n;
	for (size_t i = at - n + 1; i <= at; i++)
		if (w->bytes[i] < 0x80 || w->bytes[i] > 0xbf)
			return false;
	return announces_more;
}

/* How long a piece is that begins at `begin` and cannot hold all of its line. */
static size_t piece(struct outcome *o, const struct line_world *w, size_t begin)
{
	size_t most = w->options.max_length;

	for (size_t n = 1; w->options.cut_at_utf8 && n <= 3 && n < most; n++)
		if (tears(w, begin + most, n)) {
			o->moved++;
			return most - n;
		}
	return most;
}

/* All bytes of one line up to its delimiter, the next gap or the end. */
static void expect_line(struct outcome *o, const struct line_world *w, size_t begin, size_t end, enum behind behind)
{
	bool had_cr = end > begin && w->bytes[end - 1] == '\r';
	size_t stripped = had_cr && w->options.cr == TEND_CR_STRIP ? 1 : 0;
	unsigned flags = 0;

	while (end - stripped - begin > w->options.max_length) {
		size_t n = piece(o, w, begin);

		if (w->options.overflow == TEND_LINE_TRUNCATE) {
			expect(o, (struct expected){ begin, n, begin + n, TEND_LINE_CUT });
			o->losses.bytes_cut += end - begin - n;
			return;
		}
		expect(o, (struct expected){ begin, n, begin + n, flags });
		flags = TEND_LINE_CONTINUED;
		begin += n;
	}
	if (behind == GAP) {
		o->losses.bytes_resync += end - begin;
	} else if (behind == DELIMITER || end > begin) {
		flags |= (behind == END ? TEND_LINE_UNTERMINATED : 0) | (had_cr ? TEND_LINE_HAD_CR : 0);
		o->stripped += stripped;
		expect(o, (struct expected){ begin, end - stripped - begin, end + (behind == DELIMITER), flags });
	}
}

static size_t find_delimiter(const struct line_world *w, size_t begin, size_t end)
{
	while (begin < end && w->bytes[begin] != delimiter_of(w))
		begin++;
	return begin;
}

/* Bytes that are fed without a gap between them. */
static void expect_stretch(struct outcome *o, const struct line_world *w, size_t begin, size_t end, bool resync,
                           enum behind behind)
{
	size_t at = begin;

	o->fed += end - begin;
	if (resync) {
		at = find_delimiter(w, begin, end);
		at += at < end;
		o->losses.bytes_resync += at - begin;
	}
	while (at < end) {
		size_t stop = find_delimiter(w, at, end);

		o->delimiters += stop < end;
		expect_line(o, w, at, stop, stop < end ? DELIMITER : behind);
		at = stop + 1;
	}
}

static void expect_all(struct outcome *o, const struct line_world *w)
{
	size_t at = 0, begin = 0;
	bool resync = false;

	for (size_t i = 0; at < w->n_bytes; i++) {
		struct line_step step = step_at(w, i, at);

		if (step.kind != LINE_FED) {
			expect_stretch(o, w, begin, at, resync, GAP);
			begin = at + step.size;
			resync = known_before(w, step.kind, begin) != delimiter_of(w);
			o->after_gap = true;
		}
		at += step.size;
	}
	expect_stretch(o, w, begin, at, resync, END);
}

/* ---- what does come out ---- */

struct run {
	const struct line_world *world;
	const struct outcome *outcome;
	tend_parser *parser;
	bool whole;             /* lines that lie whole in a chunk are not asked for one by one */
	const char *chunk;      /* and where it begins in the stream */
	size_t chunk_at;
	size_t n;               /* lines that came */
	size_t in_lines, had_cr;
	size_t room;            /* of the parser's buffer, when it was last looked at */
	char complaint[256];
};

/* Keeps what is wrong first. */
static void __attribute__((format(printf, 2, 3))) complain(struct run *r, const char *format, ...)
{
	va_list args;

	if (r->complaint[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(r->complaint, sizeof r->complaint, format, args);
	va_end(args);
}

static void check_line(struct run *r, const struct tend_line *line)
{
	const struct expected *e = &r->outcome->lines[r->n];

	r->n++;
	r->in_lines += line->size;
	r->had_cr += (line->flags & TEND_LINE_HAD_CR) != 0;
	if (r->n > r->outcome->n) {
		complain(r, "line %zu is one too many", r->n);
	} else if (line->offset != e->offset || line->size != e->size || line->flags != e->flags) {
		complain(r, "line %zu: %zu bytes at %llu with flags %#x, not %zu at %zu with %#x", r->n, line->size,
		         (unsigned long long)line->offset, line->flags, e->size, e->offset, e->flags);
	} else if (memcmp(r->world->bytes + e->offset, line->data, e->size) != 0) {
		complain(r, "line %zu: other bytes than in the stream", r->n);
	} else if (line->offset >= r->chunk_at && r->chunk && line->data != r->chunk + (line->offset - r->chunk_at)) {
		complain(r, "line %zu was copied", r->n);
	}
}

/* Between two lines. */
static void check_place(struct run *r)
{
	const struct expected *e = &r->outcome->lines[r->n - 1];

	if (r->n <= r->outcome->n && tend__parser_offset(r->parser) != e->behind)
		complain(r, "line %zu: the parser goes on at %llu, not at %zu", r->n,
		         (unsigned long long)tend__parser_offset(r->parser), e->behind);
}

/* The buffer never holds more than a line, and is given back only when it is bigger than asked for. */
static void check_room(struct run *r)
{
	size_t room = tend__parser_room(r->parser), keeps = r->world->options.release_above;

	if (room > r->world->options.max_length)
		complain(r, "behind line %zu: a buffer of %zu bytes", r->n, room);
	if (room < r->room && (keeps == 0 || r->room <= keeps))
		complain(r, "behind line %zu: a buffer of %zu bytes was given back", r->n, r->room);
	r->room = room;
}

/* Breaks off behind every third line, only to go on. */
static enum tend_flow take_line(void *arg, const struct tend_line *line)
{
	struct run *r = arg;

	check_line(r, line);
	return r->n % 3 == 0 || r->complaint[0] != '\0' ? TEND_BREAK : TEND_CONTINUE;
}

static void show_whole(struct run *r)
{
	size_t before;

	do {
		before = r->n;
		if (tend__parser_show_whole(r->parser, take_line, r) != (r->n == before || r->n % 3 != 0))
			complain(r, "line %zu: it did not do what it said", r->n);
		if (r->n > before)
			check_place(r);
	} while (r->n > before && r->complaint[0] == '\0');
}

/* The chunk lies in memory of its own, which is gone as soon as the parser is done with it. */
static void feed(struct run *r, size_t at, size_t size)
{
	char *data = malloc(size);
	struct tend_line line;
	int got;

	if (!data)
		abort();
	memcpy(data, r->world->bytes + at, size);
	tend_parser_feed(r->parser, &(struct tend_chunk){ .data = data, .size = size, .offset = at });
	r->chunk = data;
	r->chunk_at = at;
	if (r->whole)
		show_whole(r);
	/* a parser that has gone wrong once may never come to an end */
	while ((got = tend_parser_next(r->parser, &line)) > 0 && r->complaint[0] == '\0') {
		check_line(r, &line);
		check_place(r);
		check_room(r);
		if (r->whole)
			show_whole(r);
	}
	r->chunk = NULL;
	if (got < 0)
		complain(r, "behind line %zu: error %d", r->n, got);
	check_room(r);
	free(data);
}

static void lose(struct run *r, enum line_step_kind kind, size_t at, size_t size)
{
	const struct tend_gap gap = {
		.offset = at + size,
		.bytes = size,
		.before = known_before(r->world, kind, at + size),
	};

	tend_parser_gap(r->parser, kind == LINE_LOST ? NULL : &gap);
}

static void check_end(struct run *r)
{
	size_t keeps = r->world->options.release_above;
	struct tend_line line;

	if (tend_parser_finish(r->parser, &line) > 0)
		check_line(r, &line);
	if (tend_parser_finish(r->parser, &line) != 0)
		complain(r, "two last lines");
	if (r->n < r->outcome->n)
		complain(r, "%zu lines, not %zu", r->n, r->outcome->n);
	check_room(r);
	if (keeps > 0 && r->room > keeps)
		complain(r, "a buffer of %zu bytes stays", r->room);
}

/* The parser's counts are the oracle's, and every byte fed is accounted for. */
static void check_books(struct run *r)
{
	const struct tend_line_losses *want = &r->outcome->losses;
	struct tend_line_losses got = tend_parser_losses(r->parser);
	size_t stripped = r->world->options.cr == TEND_CR_STRIP ? r->had_cr : 0;

	if (got.lines != want->lines || got.lines_cut != want->lines_cut)
		complain(r, "%llu lines counted, %llu of them cut, not %llu and %llu", (unsigned long long)got.lines,
		         (unsigned long long)got.lines_cut, (unsigned long long)want->lines,
		         (unsigned long long)want->lines_cut);
	if (got.bytes_cut != want->bytes_cut || got.bytes_resync != want->bytes_resync)
		complain(r, "%llu bytes cut, %llu around gaps, not %llu and %llu", (unsigned long long)got.bytes_cut,
		         (unsigned long long)got.bytes_resync, (unsigned long long)want->bytes_cut,
		         (unsigned long long)want->bytes_resync);
	/* delimiters that ended the search behind a gap count as bytes_resync */
	if (r->in_lines + r->outcome->delimiters + stripped + got.bytes_cut + got.bytes_resync != r->outcome->fed)
		complain(r, "the books do not close");
}

static void add_up(struct line_tally *tally, const struct outcome *o)
{
	tally->lines += o->losses.lines;
	tally->bytes_cut += o->losses.bytes_cut;
	tally->bytes_resync += o->losses.bytes_resync;
	tally->stripped += o->stripped;
	tally->moved += o->moved;
	for (size_t i = 0; i < o->n; i++) {
		tally->after_gap += (o->lines[i].flags & TEND_LINE_AFTER_GAP) != 0;
		tally->continued += (o->lines[i].flags & TEND_LINE_CONTINUED) != 0;
		tally->unterminated += (o->lines[i].flags & TEND_LINE_UNTERMINATED) != 0;
		tally->had_cr += (o->lines[i].flags & TEND_LINE_HAD_CR) != 0;
	}
}

static void forget(struct outcome *o)
{
	o->n = o->fed = o->in_lines = o->delimiters = o->stripped = o->moved = 0;
	o->after_gap = false;
	o->losses = (struct tend_line_losses){ 0 };
}

static const char *check_run(const struct line_world *w, const struct outcome *outcome, bool whole)
{
	static struct run r;
	size_t at = 0;

	r = (struct run){ .world = w, .outcome = outcome, .whole = whole };
	if (tend_parser_new(&w->options, &r.parser, NULL) < 0)
		return "the options were refused";
	for (size_t i = 0; at < w->n_bytes && r.complaint[0] == '\0'; i++) {
		struct line_step step = step_at(w, i, at);

		if (step.kind == LINE_FED)
			feed(&r, at, step.size);
		else
			lose(&r, step.kind, at, step.size);
		at += step.size;
	}
	check_end(&r);
	check_books(&r);
	tend_parser_free(r.parser);
	return r.complaint[0] == '\0' ? NULL : r.complaint;
}

const char *line_world_check(const struct line_world *w, struct line_tally *tally)
{
	static struct outcome outcome;
	const char *wrong;

	forget(&outcome);
	expect_all(&outcome, w);
	wrong = check_run(w, &outcome, false);
	if (!wrong)
		wrong = check_run(w, &outcome, true);
	if (tally)
		add_up(tally, &outcome);
	return wrong;
}
