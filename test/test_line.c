/* SPDX-License-Identifier: MIT */
/* The line parser: written-out cases, and random streams against an oracle that sees everything at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../lib/line.h"
#include "fault.h"
#include "test.h"

/* ---- written-out cases ---- */

static tend_parser *parser(size_t max_length, enum tend_line_overflow overflow)
{
	struct tend_line_options o = { .max_length = max_length, .overflow = overflow };
	tend_parser *p = NULL;
	struct tend_error e;

	CHECK_OK(tend_parser_new(&o, &p, &e), &e);
	return p;
}

static tend_parser *new_parser(void)
{
	return parser(TEND_DEFAULT_MAX_LINE_LENGTH, TEND_LINE_TRUNCATE);
}

/* "+" continued, "^" after a gap, the line, "!" cut, "~" unterminated, "|". */
static void show(char *text, size_t size, const struct tend_line *line)
{
	size_t n = strlen(text);

	snprintf(text + n, size - n, "%s%s%.*s%s%s|", line->flags & TEND_LINE_CONTINUED ? "+" : "",
	         line->flags & TEND_LINE_AFTER_GAP ? "^" : "", (int)line->size, line->data,
	         line->flags & TEND_LINE_CUT ? "!" : "", line->flags & TEND_LINE_UNTERMINATED ? "~" : "");
}

static void feed(tend_parser *p, const char *data, size_t size, uint64_t offset)
{
	tend_parser_feed(p, &(struct tend_chunk){ .data = data, .size = size, .offset = offset });
}

static void feed_and_show(tend_parser *p, const char *data, size_t size, char *text, size_t text_size)
{
	struct tend_line line;

	feed(p, data, size, 0);
	while (tend_parser_next(p, &line) > 0)
		show(text, text_size, &line);
}

/*
 * What comes out of `script`: "/" ends a chunk, "#" is a gap of which nothing is known, "=" a gap whose last missing
 * byte was an LF.  The stream ends with the script.  Valid until the next call.
 */
static const char *lines_of(size_t max_length, enum tend_line_overflow overflow, const char *script)
{
	static char text[512];
	tend_parser *p = parser(max_length, overflow);
	struct tend_line line;

	text[0] = '\0';
	for (;;) {
		size_t n = strcspn(script, "/#=");

		feed_and_show(p, script, n, text, sizeof text);
		if (script[n] == '\0')
			break;
		if (script[n] == '#')
			tend_parser_gap(p, NULL);
		if (script[n] == '=')
			tend_parser_gap(p, &(struct tend_gap){ .before = '\n' });
		script += n + 1;
	}
	if (tend_parser_finish(p, &line) > 0)
		show(text, sizeof text, &line);
	CHECK_INT(0, tend_parser_finish(p, &line));
	tend_parser_free(p);
	return text;
}

#define TRUNCATED(max_length, script) lines_of(max_length, TEND_LINE_TRUNCATE, script)
#define SPLIT(max_length, script) lines_of(max_length, TEND_LINE_SPLIT, script)

/* parser::basic_line_parsing_cases */
static void basic_cases(void)
{
	CHECK_STR("", TRUNCATED(100, ""));
	CHECK_STR("one~|", TRUNCATED(100, "one"));
	CHECK_STR("one|", TRUNCATED(100, "one\n"));
	CHECK_STR("one|two|three|", TRUNCATED(100, "one\ntwo\nthree\n"));
	CHECK_STR("one|tw~|", TRUNCATED(100, "one\ntw"));
	CHECK_STR("a: b|", TRUNCATED(100, "a: b\n"));
	CHECK_STR("1234||", TRUNCATED(4, "1234\n\n"));
	CHECK_STR("abc|1234!|def|", TRUNCATED(4, "abc\n123456789\ndef\n"));
	CHECK_STR("|||", TRUNCATED(4, "\n\n\n"));
}

/* LP-3 */
static void carriage_return_is_content(void)
{
	CHECK_STR("one\r|\rtwo\r~|", TRUNCATED(100, "one\r\n\rtwo\r"));
}

/* parser::leading_and_trailing_whitespace_is_preserved */
static void whitespace_is_preserved(void)
{
	CHECK_STR("  one \t| two  |", TRUNCATED(100, "  one \t\n two  \n"));
}

/* parser::rest_of_too_long_line_is_dropped */
static void rest_of_a_long_line_is_dropped(void)
{
	CHECK_STR("1234!|abcd!|", TRUNCATED(4, "123456789\nabcdefghi\n"));
}

/* parser::rest_of_too_long_line_is_returned_as_additional_lines */
static void rest_of_a_long_line_comes_in_pieces(void)
{
	CHECK_STR("1234|+5678|+9|abcd|+efgh|+i|", SPLIT(4, "123456789\nabcdefghi\n"));
}

/* parser::emit_additional_as_new_lines_does_not_emit_synthetic_empty_lines */
static void no_empty_line_is_invented(void)
{
	CHECK_STR("1234|", SPLIT(4, "1234\n"));
	CHECK_STR("1234|+5678|", SPLIT(4, "12345678\n"));
	CHECK_STR("1234|+5678|", SPLIT(4, "1234/5678/\n"));
	CHECK_STR("1234|+5678|x|", SPLIT(4, "12345678/\nx\n"));
	CHECK_STR("1234|+5678||x|", SPLIT(4, "12345678/\n\nx\n"));
	CHECK_STR("1234|+5678~|", SPLIT(4, "1234/5678"));
}

/* LP-7 */
static void a_line_of_exactly_the_maximum_is_unchanged(void)
{
	CHECK_STR("1234|x|", TRUNCATED(4, "1234\nx\n"));
	CHECK_STR("1234|x|", TRUNCATED(4, "1234/\nx\n"));
	CHECK_STR("1234|x|", TRUNCATED(4, "12/34/\n/x\n"));
	CHECK_STR("1234~|", TRUNCATED(4, "1234"));
	CHECK_STR("1234~|", SPLIT(4, "12/34"));
	CHECK_STR("1||2|", SPLIT(1, "1\n\n2\n"));
	CHECK_STR("1!||2~|", TRUNCATED(1, "11\n\n2"));
}

/* parser::overflow_drop_additional_data_persists_across_chunks */
static void dropping_goes_on_across_chunks(void)
{
	CHECK_STR("1234!|ok|", TRUNCATED(4, "1234/5678/9\nok\n"));
	CHECK_STR("1234!|", TRUNCATED(4, "1234/5678/9"));
}

/* parser::gap_discards_partial_line_until_next_newline; LP-10 */
static void a_gap_drops_what_it_tore(void)
{
	CHECK_STR("^next|", TRUNCATED(100, "rea#dy\nnext\n"));
	CHECK_STR("a|^c|", TRUNCATED(100, "a\n#b\nc\n"));
	CHECK_STR("", TRUNCATED(100, "a#b"));
	CHECK_STR("^c|d|", TRUNCATED(100, "a#b/b\nc\nd\n"));
	CHECK_STR("^d|", TRUNCATED(100, "a#b#c\nd\n"));
	CHECK_STR("|^|x|", TRUNCATED(100, "\n#\n\nx\n"));
}

static void a_gap_that_ends_with_a_line_drops_nothing_behind_it(void)
{
	CHECK_STR("a|^b|c|", TRUNCATED(100, "a\n=b\nc\n"));
	CHECK_STR("^b|c~|", TRUNCATED(100, "a=b\nc"));
	CHECK_STR("^c|", TRUNCATED(100, "a#b=c\n"));
	CHECK_STR("^b~|", TRUNCATED(100, "=b"));
	CHECK_STR("^|", TRUNCATED(100, "=\n"));
}

static void a_gap_behind_a_long_line(void)
{
	CHECK_STR("1234!|^x|", TRUNCATED(4, "12345#6\nx\n"));
	CHECK_STR("1234!|^6|x|", TRUNCATED(4, "12345=6\nx\n"));
	CHECK_STR("1234|^x|", SPLIT(4, "12345#6\nx\n"));
	CHECK_STR("1234|^6|", SPLIT(4, "12345=6\n"));
	/* nobody knows whether it was longer */
	CHECK_STR("^x|", TRUNCATED(4, "1234#6\nx\n"));
	/* only the first line behind a gap is behind a gap */
	CHECK_STR("^6666|+7|8|", SPLIT(4, "1=66667\n8\n"));
}

/* parser::invalid_utf8_data: bytes pass as they are */
static void invalid_utf8_passes(void)
{
	CHECK_STR("a\xff\xc3|\x80|", TRUNCATED(100, "a\xff\xc3\n\x80\n"));
	CHECK_STR("\xe2\x82|+\xac|", SPLIT(2, "\xe2\x82\xac\n"));
}

/* parser::multi_byte_utf_8_characters_are_preserved_even_when_parsing_multiple_one_byte_chunks */
static void characters_survive_chunks_of_one_byte(void)
{
	CHECK_STR("\xf0\x9f\x98\x80|\xe2\x82\xac|", TRUNCATED(100, "\xf0/\x9f/\x98/\x80/\n/\xe2/\x82/\xac/\n"));
}

/* parser::properties::embedded_nuls_are_treated_as_content */
static void nul_is_content(void)
{
	tend_parser *p = new_parser();
	struct tend_line line = { 0 };

	feed(p, "a\0b\n\0\n", 6, 0);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("a\0b", 3, line.data, line.size);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("\0", 1, line.data, line.size);
	CHECK_INT(0, tend_parser_next(p, &line));
	tend_parser_free(p);
}

/* parser::fast_path_borrows_when_line_fits_in_chunk_with_empty_buffer; LP-14 */
static void whole_lines_are_not_copied(void)
{
	static const char chunk[] = "one\n\ntoolong\n";
	tend_parser *p = parser(4, TEND_LINE_TRUNCATE);
	struct tend_line line = { 0 };

	feed(p, chunk, sizeof chunk - 1, 1000);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK(line.data == chunk);
	CHECK_INT(1000, (intmax_t)line.offset);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK(line.data == chunk + 4);
	CHECK_INT(1004, (intmax_t)line.offset);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK(line.data == chunk + 5);
	CHECK_INT(TEND_LINE_CUT, line.flags);
	CHECK_INT(0, tend_parser_next(p, &line));
	CHECK_INT(0, tend__parser_room(p));
	tend_parser_free(p);
}

static void offsets_are_exact(void)
{
	tend_parser *p = parser(4, TEND_LINE_SPLIT);
	struct tend_line line = { 0 };

	feed(p, "ab", 2, 100);
	CHECK_INT(0, tend_parser_next(p, &line));
	feed(p, "cdefgh\n", 7, 102);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_INT(100, (intmax_t)line.offset);
	CHECK_INT(104, (intmax_t)tend__parser_offset(p));
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_INT(104, (intmax_t)line.offset);
	CHECK_INT(109, (intmax_t)tend__parser_offset(p));
	CHECK_INT(0, tend_parser_next(p, &line));
	tend_parser_gap(p, &(struct tend_gap){ .offset = 200, .bytes = 91, .before = '\n' });
	CHECK_INT(200, (intmax_t)tend__parser_offset(p));
	feed(p, "x", 1, 200);
	CHECK_INT(0, tend_parser_next(p, &line));
	CHECK_INT(1, tend_parser_finish(p, &line));
	CHECK_INT(200, (intmax_t)line.offset);
	CHECK_INT(TEND_LINE_AFTER_GAP | TEND_LINE_UNTERMINATED, line.flags);
	tend_parser_free(p);
}

static void losses_are_counted(void)
{
	char text[64] = "";
	tend_parser *p = parser(4, TEND_LINE_TRUNCATE);
	struct tend_line_losses losses;

	feed_and_show(p, "12345678", 8, text, sizeof text);
	feed_and_show(p, "9\nok\npar", 8, text, sizeof text);
	tend_parser_gap(p, NULL);
	feed_and_show(p, "tial\nyes\n", 9, text, sizeof text);
	losses = tend_parser_losses(p);
	CHECK_STR("1234!|ok|^yes|", text);
	CHECK_INT(3, (intmax_t)losses.lines);
	CHECK_INT(1, (intmax_t)losses.lines_cut);
	CHECK_INT(5, (intmax_t)losses.bytes_cut);
	CHECK_INT(3 + 5, (intmax_t)losses.bytes_resync);
	tend_parser_free(p);
}

/* A caller that does not ask for everything makes a gap; the books stay right. */
static void what_was_not_asked_for_is_missing(void)
{
	tend_parser *p = new_parser();
	struct tend_line line = { 0 };

	feed(p, "one\ntwo\nthr", 11, 0);
	CHECK_INT(1, tend_parser_next(p, &line));
	feed(p, "ee\nfour\n", 8, 11);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("four", 4, line.data, line.size);
	CHECK_INT(TEND_LINE_AFTER_GAP, line.flags);
	CHECK_INT(7 + 3, (intmax_t)tend_parser_losses(p).bytes_resync);
	feed(p, "five\n", 5, 19);
	feed(p, "six\n", 4, 24);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("six", 3, line.data, line.size);
	feed(p, "seven", 5, 28);
	CHECK_INT(0, tend_parser_finish(p, &line));
	CHECK_INT(7 + 3 + 5 + 5, (intmax_t)tend_parser_losses(p).bytes_resync);
	tend_parser_free(p);
}

/*
 * parser::max_line_length_of_0_disables_line_length_checks,
 * adapter::{sync,async}::new_panics_when_max_line_length_is_zero
 */
static void options_are_checked(void)
{
	tend_parser *p = NULL;
	struct tend_error e;

	CHECK_INT(-EINVAL, tend_parser_new(&(struct tend_line_options){ .overflow = TEND_LINE_SPLIT }, &p, &e));
	CHECK_INT(0, strncmp(e.message, "max_length ", 11));
	CHECK_INT(-EINVAL, tend_parser_new(&(struct tend_line_options){ .max_length = 1 }, &p, &e));
	CHECK_INT(0, strncmp(e.message, "overflow ", 9));
	CHECK_INT(-EINVAL, tend_parser_new(NULL, &p, NULL));
	CHECK(p == NULL);
	fault_fail_alloc(1);
	CHECK_INT(-ENOMEM, tend_parser_new(&(struct tend_line_options){ 1, TEND_LINE_SPLIT }, &p, &e));
	fault_reset();
	CHECK_INT(TEND_STEP_ALLOCATE, e.step);
	CHECK(p == NULL);
	CHECK(tend_parser_free(NULL) == NULL);
}

static void a_parser_frees_itself(void)
{
	TEND_AUTO(tend_parser) p = new_parser();
	struct tend_line line;

	feed(p, "partial", 7, 0);
	CHECK_INT(0, tend_parser_next(p, &line));
}

/* ---- memory ---- */

/* parser::buffer_compaction::no_compaction_keeps_high_water_mark_when_threshold_is_none and the two beside it */
static void the_buffer_grows_as_needed_and_stays(void)
{
	char text[600] = "";
	char long_part[200];
	tend_parser *p = parser(250, TEND_LINE_TRUNCATE);

	memset(long_part, 'x', sizeof long_part);
	CHECK_INT(0, tend__parser_room(p));
	feed_and_show(p, "sma", 3, text, sizeof text);
	CHECK(tend__parser_room(p) < 100);
	feed_and_show(p, long_part, sizeof long_part, text, sizeof text);
	CHECK(tend__parser_room(p) >= 203 && tend__parser_room(p) <= 250);
	feed_and_show(p, "ll\nnext", 7, text, sizeof text);
	CHECK_INT(0, strncmp(text, "smaxxx", 6));
	CHECK_INT(206, strlen(text));
	CHECK(tend__parser_room(p) >= 203);
	tend_parser_free(p);
}

static void the_buffer_never_exceeds_the_maximum(void)
{
	char text[600] = "";
	tend_parser *p = parser(100, TEND_LINE_TRUNCATE);

	for (int i = 0; i < 1000; i++) {
		feed_and_show(p, "0123456", 7, text, sizeof text);
		CHECK(tend__parser_room(p) <= 100);
	}
	CHECK_INT(100 + 2, strlen(text));
	CHECK_INT(7000 - 100, (intmax_t)tend_parser_losses(p).bytes_cut);
	tend_parser_free(p);
}

/* The biggest limit that there is costs nothing. */
static void a_huge_limit_allocates_nothing(void)
{
	char text[64] = "";
	tend_parser *p = parser(TEND_MAX_LINE_LENGTH, TEND_LINE_SPLIT);

	feed_and_show(p, "one\nt", 5, text, sizeof text);
	feed_and_show(p, "wo\n", 3, text, sizeof text);
	CHECK_STR("one|two|", text);
	CHECK(tend__parser_room(p) < 1000);
	tend_parser_free(p);
}

static void without_memory_it_goes_on_as_after_a_gap(void)
{
	char text[64] = "";
	tend_parser *p = new_parser();
	struct tend_line line;

	fault_fail_alloc(1);
	feed(p, "one\nab", 6, 0);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_INT(-ENOMEM, tend_parser_next(p, &line));
	CHECK(fault_fired());
	fault_reset();
	CHECK_INT(0, tend_parser_next(p, &line));
	feed_and_show(p, "cd\nef\ngh", 8, text, sizeof text);
	feed_and_show(p, "ij\n", 3, text, sizeof text);
	CHECK_STR("^ef|ghij|", text);
	CHECK_INT(2 + 3, (intmax_t)tend_parser_losses(p).bytes_resync);
	tend_parser_free(p);
}

static void without_memory_to_grow_the_part_is_lost(void)
{
	char text[64] = "", big[200];
	tend_parser *p = new_parser();
	struct tend_line line;

	memset(big, 'x', sizeof big);
	big[150] = '\n';
	feed_and_show(p, "ab", 2, text, sizeof text);
	fault_fail_alloc(1);
	feed(p, big, sizeof big, 2);
	CHECK_INT(-ENOMEM, tend_parser_next(p, &line));
	fault_reset();
	CHECK_INT(0, tend_parser_next(p, &line));
	feed_and_show(p, "\nok\n", 4, text, sizeof text);
	CHECK_INT(2 + 151, (intmax_t)tend_parser_losses(p).bytes_resync);
	CHECK_INT(2, (intmax_t)tend_parser_losses(p).lines);
	tend_parser_free(p);
}

/* ---- random streams ---- */

#define MAX_BYTES 240
#define MAX_LINES (MAX_BYTES + 1)
#define MAX_GAPS 16

static uint64_t random_state;

static unsigned below(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % n;
}

/* A stretch of the stream that is fed, and what the gap in front of it says. */
struct stretch {
	size_t begin, end;
	bool after_gap;
	int before;
};

struct world {
	struct tend_line_options options;
	unsigned char bytes[MAX_BYTES];
	size_t n;
	struct stretch stretches[MAX_GAPS + 1];
	size_t n_stretches;
};

struct outcome {
	struct {
		size_t offset, size;
		unsigned flags;
	} lines[MAX_LINES];
	size_t n, sum;
	bool after_gap;
	struct tend_line_losses losses;
	size_t fed, line_ends;
};

static void make_bytes(struct world *w)
{
	static const unsigned char alphabet[] = { 'a', 'b', '\r', 0, 0xc3, 0xff };
	unsigned rare = 2 + below(20);

	w->n = below(MAX_BYTES + 1);
	for (size_t i = 0; i < w->n; i++)
		w->bytes[i] = below(rare) == 0 ? '\n' : alphabet[below(sizeof alphabet)];
}

static void make_world(struct world *w)
{
	bool has_gaps = below(2);
	size_t at = 0;

	w->options.max_length = 1 + below(below(2) ? 8 : 100);
	w->options.overflow = below(2) ? TEND_LINE_TRUNCATE : TEND_LINE_SPLIT;
	make_bytes(w);
	w->n_stretches = 0;
	do {
		struct stretch *s = &w->stretches[w->n_stretches++];
		size_t lost = has_gaps && (at > 0 || below(2)) ? 1 + below(9) : 0;

		s->after_gap = lost > 0;
		s->begin = at + lost < w->n ? at + lost : w->n;
		s->before = s->begin > 0 && below(2) ? w->bytes[s->begin - 1] : -1;
		s->end = s->begin + (has_gaps ? below(40) : MAX_BYTES);
		if (s->end > w->n || w->n_stretches > MAX_GAPS)
			s->end = w->n;
		at = s->end;
	} while (at < w->n);
}

static void expect_line(struct outcome *o, size_t offset, size_t size, unsigned flags)
{
	o->lines[o->n].offset = offset;
	o->lines[o->n].size = size;
	o->lines[o->n++].flags = flags | (o->after_gap ? TEND_LINE_AFTER_GAP : 0);
	o->after_gap = false;
	o->sum += size;
	o->losses.lines++;
	if (flags & TEND_LINE_CUT)
		o->losses.lines_cut++;
}

enum behind { LF, GAP, END };

/* All bytes of one line, and what comes behind them. */
static void expect_whole_line(struct outcome *o, const struct world *w, size_t begin, size_t end, enum behind behind)
{
	size_t most = w->options.max_length;
	unsigned flags = 0;

	o->line_ends += behind == LF;
	if (w->options.overflow == TEND_LINE_TRUNCATE && end - begin > most) {
		expect_line(o, begin, most, TEND_LINE_CUT);
		o->losses.bytes_cut += end - begin - most;
		return;
	}
	for (; end - begin > most; begin += most) {
		expect_line(o, begin, most, flags);
		flags = TEND_LINE_CONTINUED;
	}
	if (behind == GAP)
		o->losses.bytes_resync += end - begin;
	else if (behind == LF || end > begin)
		expect_line(o, begin, end - begin, flags | (behind == END ? TEND_LINE_UNTERMINATED : 0));
}

static size_t find_lf(const struct world *w, size_t begin, size_t end)
{
	while (begin < end && w->bytes[begin] != '\n')
		begin++;
	return begin;
}

static void expect_stretch(struct outcome *o, const struct world *w, const struct stretch *s, enum behind behind)
{
	size_t at = s->begin;

	o->fed += s->end - s->begin;
	o->after_gap |= s->after_gap;
	if (s->after_gap && s->before != '\n') {
		at = find_lf(w, at, s->end);
		at += at < s->end;
		o->losses.bytes_resync += at - s->begin;
	}
	while (at < s->end) {
		size_t lf = find_lf(w, at, s->end);

		expect_whole_line(o, w, at, lf, lf < s->end ? LF : behind);
		at = lf + 1;
	}
}

static void expect_all(struct outcome *o, const struct world *w)
{
	for (size_t i = 0; i < w->n_stretches; i++)
		expect_stretch(o, w, &w->stretches[i], i + 1 < w->n_stretches ? GAP : END);
}

/* Whether the line is the i-th one expected, byte for byte. */
static bool is_expected(const struct outcome *o, const struct world *w, size_t i, const struct tend_line *line)
{
	return i < o->n && o->lines[i].offset == line->offset && o->lines[i].size == line->size &&
	       o->lines[i].flags == line->flags && memcmp(w->bytes + line->offset, line->data, line->size) == 0;
}

/* A chunk in memory of its own, which is spoilt as soon as the parser is done with it. */
static bool feed_chunk(tend_parser *p, const struct outcome *o, const struct world *w, size_t *at, size_t size,
                       size_t *n)
{
	char *data = malloc(size);
	struct tend_line line;
	bool right = true;

	memcpy(data, w->bytes + *at, size);
	feed(p, data, size, *at);
	while (tend_parser_next(p, &line) > 0) {
		right &= is_expected(o, w, (*n)++, &line);
		/* what does not straddle is lent, not copied */
		right &= line.offset < *at || line.data == data + (line.offset - *at);
	}
	memset(data, '?', size);
	free(data);
	*at += size;
	return right;
}

static bool feed_stretch(tend_parser *p, const struct outcome *o, const struct world *w, const struct stretch *s,
                         size_t *n)
{
	unsigned most = below(3) == 0 ? 1 : 1 + below(60);
	bool right = true;
	size_t at = s->begin;

	if (s->after_gap)
		tend_parser_gap(p, &(struct tend_gap){ .offset = s->begin, .bytes = 1, .before = s->before });
	while (at < s->end) {
		size_t size = 1 + below(most);

		right &= feed_chunk(p, o, w, &at, size < s->end - at ? size : s->end - at, n);
	}
	return right;
}

static bool same_losses(const struct tend_line_losses *a, const struct tend_line_losses *b)
{
	return a->lines == b->lines && a->lines_cut == b->lines_cut && a->bytes_cut == b->bytes_cut &&
	       a->bytes_resync == b->bytes_resync;
}

/* Whether the parser does with the world what the oracle says, and both account for each byte. */
static bool parses_as_expected(const struct world *w, const struct outcome *o)
{
	struct tend_line_losses losses;
	struct tend_line line;
	tend_parser *p = NULL;
	bool right = true;
	size_t n = 0;

	if (tend_parser_new(&w->options, &p, NULL) < 0)
		return false;
	for (size_t i = 0; i < w->n_stretches; i++)
		right &= feed_stretch(p, o, w, &w->stretches[i], &n);
	if (tend_parser_finish(p, &line) > 0)
		right &= is_expected(o, w, n++, &line);
	losses = tend_parser_losses(p);
	right &= n == o->n && same_losses(&losses, &o->losses) && tend__parser_room(p) <= w->options.max_length;
	right &= o->sum + o->line_ends + losses.bytes_cut + losses.bytes_resync == o->fed;
	tend_parser_free(p);
	return right;
}

/*
 * parser::properties: rechunking_preserves_lines, single_byte_chunks_match_single_chunk,
 * multibyte_utf8_survives_chunk_split, drop_additional_caps_emitted_line_length, emit_additional_preserves_all_bytes,
 * gap_emits_subset_of_no_gap_run
 */
static void random_streams(void)
{
	unsigned rounds = test_under_valgrind() ? 3000 : test_under_sanitizer() ? 20000 : 100000;
	uint64_t lines = 0, cut = 0, resync = 0;
	bool right = true;

	for (unsigned i = 0; i < rounds && right; i++) {
		struct outcome o = { 0 };
		struct world w;

		random_state = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
		make_world(&w);
		expect_all(&o, &w);
		right = parses_as_expected(&w, &o);
		if (!right)
			fprintf(stderr, "round %u goes wrong\n", i);
		lines += o.losses.lines;
		cut += o.losses.bytes_cut;
		resync += o.losses.bytes_resync;
	}
	CHECK(right);
	/* the worlds were worth it */
	CHECK(lines > rounds && cut > rounds && resync > rounds);
}

static const struct test tests[] = {
	{ "basic-cases", basic_cases },
	{ "carriage-return-is-content", carriage_return_is_content },
	{ "whitespace-is-preserved", whitespace_is_preserved },
	{ "rest-of-a-long-line-is-dropped", rest_of_a_long_line_is_dropped },
	{ "rest-of-a-long-line-comes-in-pieces", rest_of_a_long_line_comes_in_pieces },
	{ "no-empty-line-is-invented", no_empty_line_is_invented },
	{ "a-line-of-exactly-the-maximum-is-unchanged", a_line_of_exactly_the_maximum_is_unchanged },
	{ "dropping-goes-on-across-chunks", dropping_goes_on_across_chunks },
	{ "a-gap-drops-what-it-tore", a_gap_drops_what_it_tore },
	{ "a-gap-that-ends-with-a-line-drops-nothing-behind-it", a_gap_that_ends_with_a_line_drops_nothing_behind_it },
	{ "a-gap-behind-a-long-line", a_gap_behind_a_long_line },
	{ "invalid-utf8-passes", invalid_utf8_passes },
	{ "characters-survive-chunks-of-one-byte", characters_survive_chunks_of_one_byte },
	{ "nul-is-content", nul_is_content },
	{ "whole-lines-are-not-copied", whole_lines_are_not_copied },
	{ "offsets-are-exact", offsets_are_exact },
	{ "losses-are-counted", losses_are_counted },
	{ "what-was-not-asked-for-is-missing", what_was_not_asked_for_is_missing },
	{ "options-are-checked", options_are_checked },
	{ "a-parser-frees-itself", a_parser_frees_itself },
	{ "the-buffer-grows-as-needed-and-stays", the_buffer_grows_as_needed_and_stays },
	{ "the-buffer-never-exceeds-the-maximum", the_buffer_never_exceeds_the_maximum },
	{ "a-huge-limit-allocates-nothing", a_huge_limit_allocates_nothing },
	{ "without-memory-it-goes-on-as-after-a-gap", without_memory_it_goes_on_as_after_a_gap },
	{ "without-memory-to-grow-the-part-is-lost", without_memory_to_grow_the_part_is_lost },
	{ "random-streams", random_streams },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "line", tests, sizeof tests / sizeof *tests);
}
