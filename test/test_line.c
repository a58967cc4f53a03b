/* SPDX-License-Identifier: MIT */
/* The line parser, in written-out cases; test_line_property.c has the random ones. */
#include <errno.h>
#include <stdio.h>

#include "../lib/line.h"
#include "fault.h"
#include "lines.h"
#include "test.h"

static tend_parser *new_parser(void)
{
	return line_parser(LINES(TEND_DEFAULT_MAX_LINE_LENGTH, TEND_LINE_TRUNCATE));
}

/* ---- lines ---- */

/* parser::basic_line_parsing_cases; LP-4, LP-9, LP-11 */
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
	CHECK_STR("one\r<|\rtwo\r<~|", TRUNCATED(100, "one\r\n\rtwo\r"));
	CHECK_STR("\r<|\r\r<|\ra|\r<~|", TRUNCATED(100, "\r\n\r\r\n\ra\n\r"));
}

/* parser::leading_and_trailing_whitespace_is_preserved; LP-3 */
static void whitespace_is_preserved(void)
{
	CHECK_STR("  one \t| two  |", TRUNCATED(100, "  one \t\n two  \n"));
}

/* parser::rest_of_too_long_line_is_dropped; LP-5 */
static void rest_of_a_long_line_is_dropped(void)
{
	CHECK_STR("1234!|abcd!|", TRUNCATED(4, "123456789\nabcdefghi\n"));
}

/* parser::rest_of_too_long_line_is_returned_as_additional_lines; LP-6 */
static void rest_of_a_long_line_comes_in_pieces(void)
{
	CHECK_STR("1234|+5678|+9|abcd|+efgh|+i|", SPLIT(4, "123456789\nabcdefghi\n"));
}

/* parser::emit_additional_as_new_lines_does_not_emit_synthetic_empty_lines; LP-6 */
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

/* parser::overflow_drop_additional_data_persists_across_chunks; LP-5 */
static void dropping_goes_on_across_chunks(void)
{
	CHECK_STR("1234!|ok|", TRUNCATED(4, "1234/5678/9\nok\n"));
	CHECK_STR("1234!|", TRUNCATED(4, "1234/5678/9"));
}

/* parser::gap_discards_partial_line_until_next_newline, adapter::sync::gap_discards_partial_line; LP-10 */
static void a_gap_drops_what_it_tore(void)
{
	CHECK_STR("^clean|", TRUNCATED(100, "par#tial\nclean\n"));
	CHECK_STR("^next|", TRUNCATED(100, "rea#dy\nnext\n"));
	CHECK_STR("a|^c|", TRUNCATED(100, "a\n#b\nc\n"));
	CHECK_STR("", TRUNCATED(100, "a#b"));
	CHECK_STR("^c|d|", TRUNCATED(100, "a#b/b\nc\nd\n"));
	CHECK_STR("^d|", TRUNCATED(100, "a#b#c\nd\n"));
	CHECK_STR("|^|x|", TRUNCATED(100, "\n#\n\nx\n"));
}

/* LP-10, where more is known of the gap */
static void a_gap_that_ends_with_a_line_drops_nothing_behind_it(void)
{
	CHECK_STR("a|^b|c|", TRUNCATED(100, "a\n=b\nc\n"));
	CHECK_STR("^b|c~|", TRUNCATED(100, "a=b\nc"));
	CHECK_STR("^c|", TRUNCATED(100, "a#b=c\n"));
	CHECK_STR("^b~|", TRUNCATED(100, "=b"));
	CHECK_STR("^|", TRUNCATED(100, "=\n"));
}

/* LP-10, LP-11: nothing is left over of a line that was cut */
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

/* parser::invalid_utf8_data; LP-12: bytes pass as they are, decoding is the caller's */
static void invalid_utf8_passes(void)
{
	CHECK_STR("a\xff\xc3|\x80|", TRUNCATED(100, "a\xff\xc3\n\x80\n"));
	CHECK_STR("\xe2\x82|+\xac|", SPLIT(2, "\xe2\x82\xac\n"));
}

/* parser::multi_byte_utf_8_characters_are_preserved_even_when_parsing_multiple_one_byte_chunks; LP-12, LP-13 */
static void characters_survive_chunks_of_one_byte(void)
{
	CHECK_STR("\xf0\x9f\x98\x80|\xe2\x82\xac|", TRUNCATED(100, "\xf0/\x9f/\x98/\x80/\n/\xe2/\x82/\xac/\n"));
}

/* parser::properties::embedded_nuls_are_treated_as_content; LP-3 */
static void nul_is_content(void)
{
	tend_parser *p = new_parser();
	struct tend_line line = { 0 };

	line_feed(p, "a\0b\n\0\n", 6, 0);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("a\0b", 3, line.data, line.size);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("\0", 1, line.data, line.size);
	CHECK_INT(0, tend_parser_next(p, &line));
	tend_parser_free(p);
}

/* adapter::{sync,async}::flushes_trailing_unterminated_line_at_eof; LP-11 */
static void the_rest_comes_at_the_end(void)
{
	CHECK_STR("first|second|third~|", TRUNCATED(100, "first\nsec/ond\nthird"));
	CHECK_STR("first|tail~|", SPLIT(100, "first\ntail"));
}

/* OE-8: a subscription that begins in the middle of the stream begins with a gap, so it begins with a whole line. */
static void the_first_line_is_no_fragment(void)
{
	tend_parser *p = new_parser();
	char text[64] = "";

	tend_parser_gap(p, &(struct tend_gap){ .offset = 7, .before = -1, .at_start = true });
	line_feed_and_show(p, "ment\nwhole\n", 11, text, sizeof text);
	CHECK_STR("^whole|", text);
	CHECK_INT(5, (intmax_t)tend_parser_losses(p).bytes_resync);
	tend_parser_free(p);
}

/* parser::fast_path_borrows_when_line_fits_in_chunk_with_empty_buffer; LP-14 */
static void whole_lines_are_not_copied(void)
{
	static const char chunk[] = "one\n\ntoolong\n";
	tend_parser *p = line_parser(LINES(4, TEND_LINE_TRUNCATE));
	struct tend_line line = { 0 };

	line_feed(p, chunk, sizeof chunk - 1, 1000);
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
	tend_parser *p = line_parser(LINES(4, TEND_LINE_SPLIT));
	struct tend_line line = { 0 };

	line_feed(p, "ab", 2, 100);
	CHECK_INT(0, tend_parser_next(p, &line));
	line_feed(p, "cdefgh\n", 7, 102);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_INT(100, (intmax_t)line.offset);
	CHECK_INT(104, (intmax_t)tend__parser_offset(p));
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_INT(104, (intmax_t)line.offset);
	CHECK_INT(109, (intmax_t)tend__parser_offset(p));
	CHECK_INT(0, tend_parser_next(p, &line));
	tend_parser_gap(p, &(struct tend_gap){ .offset = 200, .bytes = 91, .before = '\n' });
	CHECK_INT(200, (intmax_t)tend__parser_offset(p));
	line_feed(p, "x", 1, 200);
	CHECK_INT(0, tend_parser_next(p, &line));
	CHECK_INT(1, tend_parser_finish(p, &line));
	CHECK_INT(200, (intmax_t)line.offset);
	CHECK_INT(TEND_LINE_AFTER_GAP | TEND_LINE_UNTERMINATED, line.flags);
	tend_parser_free(p);
}

static void losses_are_counted(void)
{
	char text[64] = "";
	tend_parser *p = line_parser(LINES(4, TEND_LINE_TRUNCATE));
	struct tend_line_losses losses;

	line_feed_and_show(p, "12345678", 8, text, sizeof text);
	line_feed_and_show(p, "9\nok\npar", 8, text, sizeof text);
	tend_parser_gap(p, NULL);
	line_feed_and_show(p, "tial\nyes\n", 9, text, sizeof text);
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

	line_feed(p, "one\ntwo\nthr", 11, 0);
	CHECK_INT(1, tend_parser_next(p, &line));
	line_feed(p, "ee\nfour\n", 8, 11);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("four", 4, line.data, line.size);
	CHECK_INT(TEND_LINE_AFTER_GAP, line.flags);
	CHECK_INT(7 + 3, (intmax_t)tend_parser_losses(p).bytes_resync);
	line_feed(p, "five\n", 5, 19);
	line_feed(p, "six\n", 4, 24);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("six", 3, line.data, line.size);
	line_feed(p, "seven", 5, 28);
	CHECK_INT(0, tend_parser_finish(p, &line));
	CHECK_INT(7 + 3 + 5 + 5, (intmax_t)tend_parser_losses(p).bytes_resync);
	tend_parser_free(p);
}

/*
 * parser::max_line_length_of_0_disables_line_length_checks,
 * adapter::{sync,async}::new_panics_when_max_line_length_is_zero; LP-2: 0 is not "no limit", it is not chosen
 */
static void options_are_checked(void)
{
	tend_parser *p = NULL;
	static const struct tend_line_options one = { .max_length = 1, .overflow = TEND_LINE_SPLIT };
	struct tend_error e;

	CHECK_INT(-EINVAL, tend_parser_new(&(struct tend_line_options){ .overflow = TEND_LINE_SPLIT }, &p, &e));
	CHECK_INT(0, strncmp(e.message, "max_length ", 11));
	CHECK_INT(-EINVAL, tend_parser_new(&(struct tend_line_options){ .max_length = 1 }, &p, &e));
	CHECK_INT(0, strncmp(e.message, "overflow ", 9));
	CHECK_INT(-EINVAL, tend_parser_new(&LINES(1, TEND_LINE_SPLIT, .delimiter = '\n'), &p, &e));
	CHECK_INT(0, strncmp(e.message, "delimiter ", 10));
	CHECK_INT(-EINVAL, tend_parser_new(&LINES(1, TEND_LINE_SPLIT, .cr = TEND_CR_STRIP + 1), &p, &e));
	CHECK_INT(0, strncmp(e.message, "cr ", 3));
	CHECK_INT(-EINVAL, tend_parser_new(NULL, &p, NULL));
	CHECK(p == NULL);
	fault_fail_alloc(1);
	CHECK_INT(-ENOMEM, tend_parser_new(&one, &p, &e));
	fault_reset();
	CHECK_INT(TEND_STEP_ALLOCATE, e.step);
	CHECK(p == NULL);
	CHECK(tend_parser_free(NULL) == NULL);
}

static void a_parser_frees_itself(void)
{
	TEND_AUTO(tend_parser) p = new_parser();
	struct tend_line line;

	line_feed(p, "partial", 7, 0);
	CHECK_INT(0, tend_parser_next(p, &line));
}

/* ---- memory ---- */

/* LP-14.  parser::buffer_compaction::no_compaction_keeps_high_water_mark_when_threshold_is_none */
static void the_buffer_grows_as_needed_and_stays(void)
{
	char text[600] = "";
	char long_part[200];
	tend_parser *p = line_parser(LINES(250, TEND_LINE_TRUNCATE));

	memset(long_part, 'x', sizeof long_part);
	CHECK_INT(0, tend__parser_room(p));
	line_feed_and_show(p, "sma", 3, text, sizeof text);
	CHECK(tend__parser_room(p) < 100);
	line_feed_and_show(p, long_part, sizeof long_part, text, sizeof text);
	CHECK(tend__parser_room(p) >= 203 && tend__parser_room(p) <= 250);
	line_feed_and_show(p, "ll\nnext", 7, text, sizeof text);
	CHECK_INT(0, strncmp(text, "smaxxx", 6));
	CHECK_INT(206, strlen(text));
	CHECK(tend__parser_room(p) >= 203);
	tend_parser_free(p);
}

static void the_buffer_never_exceeds_the_maximum(void)
{
	char text[600] = "";
	tend_parser *p = line_parser(LINES(100, TEND_LINE_TRUNCATE));

	for (int i = 0; i < 1000; i++) {
		line_feed_and_show(p, "0123456", 7, text, sizeof text);
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
	tend_parser *p = line_parser(LINES(TEND_MAX_LINE_LENGTH, TEND_LINE_SPLIT));

	line_feed_and_show(p, "one\nt", 5, text, sizeof text);
	line_feed_and_show(p, "wo\n", 3, text, sizeof text);
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
	line_feed(p, "one\nab", 6, 0);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_INT(-ENOMEM, tend_parser_next(p, &line));
	CHECK(fault_fired());
	fault_reset();
	CHECK_INT(0, tend_parser_next(p, &line));
	line_feed_and_show(p, "cd\nef\ngh", 8, text, sizeof text);
	line_feed_and_show(p, "ij\n", 3, text, sizeof text);
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
	line_feed_and_show(p, "ab", 2, text, sizeof text);
	fault_fail_alloc(1);
	line_feed(p, big, sizeof big, 2);
	CHECK_INT(-ENOMEM, tend_parser_next(p, &line));
	fault_reset();
	CHECK_INT(0, tend_parser_next(p, &line));
	line_feed_and_show(p, "\nok\n", 4, text, sizeof text);
	CHECK_INT(2 + 151, (intmax_t)tend_parser_losses(p).bytes_resync);
	CHECK_INT(2, (intmax_t)tend_parser_losses(p).lines);
	tend_parser_free(p);
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
	{ "the-rest-comes-at-the-end", the_rest_comes_at_the_end },
	{ "the-first-line-is-no-fragment", the_first_line_is_no_fragment },
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
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "line", tests, sizeof tests / sizeof *tests);
}
