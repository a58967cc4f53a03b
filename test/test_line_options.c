/* SPDX-License-Identifier: MIT */
/* What may be asked of the line parser besides: CRs, other delimiters, whole characters, memory given back. */
#include <errno.h>
#include <stdio.h>

#include "../lib/line.h"
#include "fault.h"
#include "lines.h"
#include "test.h"

#define TRUNCATED_NO_CR(most, script) lines_of(LINES(most, TEND_LINE_TRUNCATE, .cr = TEND_CR_STRIP), script)
#define SPLIT_NO_CR(most, script) lines_of(LINES(most, TEND_LINE_SPLIT, .cr = TEND_CR_STRIP), script)
#define TRUNCATED_UTF8(most, script) lines_of(LINES(most, TEND_LINE_TRUNCATE, .cut_at_utf8 = true), script)
#define SPLIT_UTF8(most, script) lines_of(LINES(most, TEND_LINE_SPLIT, .cut_at_utf8 = true), script)

/* ---- CR ---- */

/* LP-3, LP-8, OE-34: what HAD_CR says */
static void a_cr_in_front_of_the_delimiter_is_told(void)
{
	CHECK_STR("one\r<|two|", TRUNCATED(100, "one/\r/\ntwo\n"));
	CHECK_STR("o\rne|", TRUNCATED(100, "o\rne\n"));
	CHECK_STR("abc\r<|x|", SPLIT(4, "abc\r/\nx\n"));
	CHECK_STR("abcd|+\r<|", SPLIT(4, "abcd\r\n"));
	/* one that is in the dropped rest is not known in time */
	CHECK_STR("abcd!|", TRUNCATED(4, "abcd\r\n"));
	CHECK_STR("abc\r!|x|", TRUNCATED(4, "abc\rd\r\nx\n"));
}

/* OE-34 */
static void one_cr_is_stripped(void)
{
	CHECK_STR("one<|<|two|", TRUNCATED_NO_CR(100, "one\r\n\r\ntwo\n"));
	CHECK_STR("one\r<|\r\r<|", TRUNCATED_NO_CR(100, "one\r\r\n\r\r\r\n"));
	CHECK_STR("o\rne|\rtwo|", TRUNCATED_NO_CR(100, "o\rne\n\rtwo\n"));
	CHECK_STR("one<~|", TRUNCATED_NO_CR(100, "one\r"));
	CHECK_STR("one\r<~|", TRUNCATED_NO_CR(100, "one\r\r"));
	CHECK_STR("one|<~|", TRUNCATED_NO_CR(100, "one\n\r"));
}

/* LP-13 */
static void a_cr_at_the_end_of_a_chunk_waits_for_the_next_byte(void)
{
	CHECK_STR("one<|x|", TRUNCATED_NO_CR(100, "one\r/\nx\n"));
	CHECK_STR("one<|x|", TRUNCATED_NO_CR(100, "one/\r/\n/x\n"));
	CHECK_STR("<|x|", TRUNCATED_NO_CR(100, "\r/\nx\n"));
	CHECK_STR("\rx|", TRUNCATED_NO_CR(100, "\r/x\n"));
	CHECK_STR("one\rx|", TRUNCATED_NO_CR(100, "one\r/x\n"));
	CHECK_STR("\r\r<|", TRUNCATED_NO_CR(100, "\r/\r/\r/\n"));
	CHECK_STR("one\r<~|", TRUNCATED_NO_CR(100, "one\r/\r"));
	CHECK_STR("<~|", TRUNCATED_NO_CR(100, "\r"));
}

/* LP-5, LP-6, LP-7 */
static void a_stripped_cr_does_not_count_against_the_maximum(void)
{
	CHECK_STR("1234<|x|", TRUNCATED_NO_CR(4, "1234\r\nx\n"));
	CHECK_STR("1234<|x|", TRUNCATED_NO_CR(4, "1234/\r/\nx\n"));
	CHECK_STR("1234<~|", TRUNCATED_NO_CR(4, "1234\r"));
	CHECK_STR("1234!|x|", TRUNCATED_NO_CR(4, "1234\r/5\nx\n"));
	CHECK_STR("1234!|x|", TRUNCATED_NO_CR(4, "1234\r\r\nx\n"));
	CHECK_STR("1234<|", SPLIT_NO_CR(4, "1234\r\n"));
	CHECK_STR("1234|+5678<|", SPLIT_NO_CR(4, "1234/5678/\r/\n"));
	CHECK_STR("1234|+\r5|", SPLIT_NO_CR(4, "1234\r5\n"));
	CHECK_STR("1234|+\r5|", SPLIT_NO_CR(4, "1234/\r/5\n"));
	CHECK_STR("1234|+\r<|", SPLIT_NO_CR(4, "1234\r/\r/\n"));
	CHECK_STR("1234|+\r<~|", SPLIT_NO_CR(4, "1234\r\r"));
	CHECK_STR("<|\r<|", SPLIT_NO_CR(1, "\r\n\r\r\n"));
	CHECK_STR("\r|+x|+y|", SPLIT_NO_CR(1, "\r/xy\n"));
	CHECK_STR("a\r|+xy|", SPLIT_NO_CR(2, "a\r/xy\n"));
}

/* A CR that nobody knows what to do with yet is lost like everything else in front of a gap. */
static void a_cr_in_front_of_a_gap(void)
{
	char text[64] = "";
	tend_parser *p = line_parser(LINES(4, TEND_LINE_TRUNCATE, .cr = TEND_CR_STRIP));
	const struct tend_gap gap = { .before = '\n' };

	line_feed_and_show(p, "\r", 1, text, sizeof text);
	tend_parser_gap(p, &gap);
	line_feed_and_show(p, "\n1234\r", 6, text, sizeof text);
	tend_parser_gap(p, &gap);
	/* that it was too long is known, and the CR that said so cut with the rest */
	line_feed_and_show(p, "1234\r", 5, text, sizeof text);
	line_feed_and_show(p, "\r", 1, text, sizeof text);
	tend_parser_gap(p, &gap);
	CHECK_STR("^|^1234!|", text);
	CHECK_INT(1 + 5, (intmax_t)tend_parser_losses(p).bytes_resync);
	CHECK_INT(2, (intmax_t)tend_parser_losses(p).bytes_cut);
	tend_parser_free(p);
}

/* ---- delimiters ---- */

static const char *delimited(unsigned delimiter, enum tend_cr cr, const char *script)
{
	return lines_of(LINES(100, TEND_LINE_TRUNCATE, .delimiter = delimiter, .cr = cr), script);
}

static void any_byte_is_a_delimiter(void)
{
	CHECK_STR("one|\ntwo\r\n|\n~|", delimited(TEND_DELIMITER(';'), TEND_CR_KEEP, "one;\ntwo\r\n;\n"));
	CHECK_STR("one\r<|two<|\n<~|", delimited(TEND_DELIMITER(';'), TEND_CR_STRIP, "one\r\r;two\r/;\n\r"));
	CHECK_STR("one|two|", delimited(TEND_DELIMITER('\n'), TEND_CR_KEEP, "one\ntwo\n"));
	CHECK_STR("a\n|b|", delimited(TEND_DELIMITER(0xff), TEND_CR_KEEP, "a\n\xff/b\xff"));
	CHECK_STR("a\n|b|", delimited(TEND_DELIMITER('\xff'), TEND_CR_KEEP, "a\n\xff/b\xff"));
	CHECK_STR("a<|b|", delimited(TEND_DELIMITER('\xff'), TEND_CR_STRIP, "a\r/\xff" "b\xff"));
	CHECK_STR("\xc3|x|", delimited(TEND_DELIMITER(0xa9), TEND_CR_KEEP, "\xc3\xa9x\xa9"));
	/* then no line has a CR */
	CHECK_STR("a||\nb|c~|", delimited(TEND_DELIMITER('\r'), TEND_CR_KEEP, "a\r\r\nb\rc"));
	CHECK_STR("a||\nb|c~|", delimited(TEND_DELIMITER('\r'), TEND_CR_STRIP, "a\r/\r\nb\r/c"));
}

static void nul_is_a_delimiter(void)
{
	tend_parser *p = line_parser(LINES(100, TEND_LINE_TRUNCATE, .delimiter = TEND_DELIMITER('\0')));
	char text[64] = "";

	line_feed_and_show(p, "./a\nb\0\0./c", 10, text, sizeof text);
	line_feed_and_show(p, "\0", 1, text, sizeof text);
	CHECK_STR("./a\nb||./c|", text);
	tend_parser_free(p);
}

/* LP-10: the byte in front of what follows is compared with the delimiter that was chosen */
static void a_gap_knows_the_delimiter(void)
{
	static const int before[] = { ';', '\n', -1, ';' + 256 };
	static const char *const lines[] = { "^b|c|", "^c|", "^c|", "^c|" };

	for (size_t i = 0; i < 4; i++) {
		tend_parser *p = line_parser(LINES(100, TEND_LINE_TRUNCATE, .delimiter = TEND_DELIMITER(';')));
		char text[64] = "";

		line_feed_and_show(p, "a", 1, text, sizeof text);
		tend_parser_gap(p, &(struct tend_gap){ .offset = 10, .bytes = 9, .before = before[i] });
		line_feed_and_show(p, "b;c;", 4, text, sizeof text);
		CHECK_STR(lines[i], text);
		tend_parser_free(p);
	}
}

/* ---- characters ---- */

/* OE-34, LP-12: at the border of a character in front of max_length */
static void a_cut_tears_no_character(void)
{
	CHECK_STR("abc|+\xc3\xa9|", SPLIT_UTF8(4, "abc\xc3\xa9\n"));
	CHECK_STR("ab|+\xe2\x82\xac|", SPLIT_UTF8(4, "ab\xe2\x82\xac\n"));
	CHECK_STR("abc|+\xe2\x82\xac|", SPLIT_UTF8(4, "abc\xe2\x82\xac\n"));
	CHECK_STR("a|+\xf0\x9f\x98\x80|", SPLIT_UTF8(4, "a\xf0\x9f\x98\x80\n"));
	CHECK_STR("ab|+\xf0\x9f\x98\x80|", SPLIT_UTF8(4, "ab\xf0\x9f\x98\x80\n"));
	CHECK_STR("\xe2\x82\xac|+\xe2\x82\xac|+\xe2\x82\xac~|", SPLIT_UTF8(5, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"));
	CHECK_STR("abc!|x|", TRUNCATED_UTF8(4, "abc\xc3\xa9\nx\n"));
	CHECK_STR("a!|x|", TRUNCATED_UTF8(4, "a\xf0\x9f\x98\x80\xf0\x9f\x98\x80\nx\n"));
	/* nobody asked */
	CHECK_STR("abc\xc3|+\xa9|", SPLIT(4, "abc\xc3\xa9\n"));
}

/* LP-7 */
static void what_fits_is_not_cut(void)
{
	CHECK_STR("\xf0\x9f\x98\x80|", SPLIT_UTF8(4, "\xf0\x9f\x98\x80\n"));
	CHECK_STR("ab\xc3\xa9|x|", TRUNCATED_UTF8(4, "ab\xc3\xa9\nx\n"));
	CHECK_STR("ab\xc3\xa9|+\xc3\xa9|", SPLIT_UTF8(4, "ab\xc3\xa9\xc3\xa9\n"));
	CHECK_STR("ab\xc3\xa9!|", TRUNCATED_UTF8(4, "ab\xc3\xa9x\n"));
}

/* LP-13 */
static void a_cut_tears_no_character_across_chunks(void)
{
	CHECK_STR("abc|+\xe2\x82\xac|", SPLIT_UTF8(5, "ab/c\xe2/\x82/\xac/\n"));
	CHECK_STR("abc|+\xe2\x82\xac|", SPLIT_UTF8(5, "abc\xe2\x82/\xac\n"));
	CHECK_STR("a|+\xf0\x9f\x98\x80|", SPLIT_UTF8(4, "a\xf0\x9f\x98/\x80\n"));
	CHECK_STR("a|+\xf0\x9f\x98\x80|+\xf0\x9f\x98\x80~|",
	          SPLIT_UTF8(4, "a/\xf0/\x9f/\x98/\x80/\xf0/\x9f/\x98/\x80"));
	CHECK_STR("abc!|x|", TRUNCATED_UTF8(5, "abc\xe2\x82/\xac\nx\n"));
	CHECK_STR("abc!|x|", TRUNCATED_UTF8(5, "abc/\xe2/\x82/\xac/\n/x\n"));
	CHECK_STR("abc|^x|", SPLIT_UTF8(5, "abc\xe2\x82/\xac#y\nx\n"));
}

static void a_piece_is_never_empty_nor_much_shorter(void)
{
	CHECK_STR("\xe2\x82|+\xac|", SPLIT_UTF8(2, "\xe2\x82\xac\n"));
	CHECK_STR("\xf0\x9f\x98|+\x80|", SPLIT_UTF8(3, "\xf0\x9f\x98\x80\n"));
	CHECK_STR("\xc3|+\xa9|", SPLIT_UTF8(1, "\xc3\xa9\n"));
	/* bytes that continue nothing */
	CHECK_STR("\x80\x80\x80\x80|+\x80|", SPLIT_UTF8(4, "\x80\x80\x80\x80\x80\n"));
	CHECK_STR("a\xc3\xa9\x80|+\x80|", SPLIT_UTF8(4, "a\xc3\xa9\x80\x80\n"));
	CHECK_STR("a\xf0\x9f\x98\x80|+\x80|", SPLIT_UTF8(5, "a\xf0\x9f\x98\x80\x80\n"));
	/* bytes that begin nothing, or are not continued */
	CHECK_STR("abc\xc1|+\x80|", SPLIT_UTF8(4, "abc\xc1\x80\n"));
	CHECK_STR("abc\xf5|+\x80|", SPLIT_UTF8(4, "abc\xf5\x80\n"));
	CHECK_STR("abc\xff|+\x80|", SPLIT_UTF8(4, "abc\xff\x80\n"));
	CHECK_STR("abc\xe2|+d|", SPLIT_UTF8(4, "abc\xe2" "d\n"));
	CHECK_STR("abc\xc3|+\r<|", SPLIT_UTF8(4, "abc\xc3\r\n"));
	CHECK_STR("a\xc3|+\r\x80|",
	          lines_of(LINES(2, TEND_LINE_SPLIT, .cut_at_utf8 = true, .cr = TEND_CR_STRIP), "a\xc3\r/\x80\n"));
}

/* ---- what is kept behind a line ---- */

/* What is kept behind a line that is handed out is behind it. */
static void offsets_are_exact_within_the_buffer(void)
{
	tend_parser *p = line_parser(LINES(5, TEND_LINE_SPLIT, .cut_at_utf8 = true, .cr = TEND_CR_STRIP));
	struct tend_line line = { 0 };

	line_feed(p, "ab\xf0\x9f", 4, 100);
	CHECK_INT(0, tend_parser_next(p, &line));
	CHECK_INT(104, (intmax_t)tend__parser_offset(p));
	line_feed(p, "\x98\x80" "1\r", 4, 104);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("ab", 2, line.data, line.size);
	CHECK_INT(102, (intmax_t)tend__parser_offset(p));
	CHECK_INT(0, tend_parser_next(p, &line));
	line_feed(p, "2\n", 2, 108);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("\xf0\x9f\x98\x80" "1", 5, line.data, line.size);
	CHECK_INT(102, (intmax_t)line.offset);
	CHECK_INT(107, (intmax_t)tend__parser_offset(p));
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("\r2", 2, line.data, line.size);
	CHECK_INT(107, (intmax_t)line.offset);
	CHECK_INT(110, (intmax_t)tend__parser_offset(p));
	tend_parser_free(p);
}

/* A caller that does not ask for all lines makes a gap, in which a kept CR and half a character go, too. */
static void what_was_kept_is_missing_too(void)
{
	tend_parser *p = line_parser(LINES(4, TEND_LINE_TRUNCATE, .cut_at_utf8 = true, .cr = TEND_CR_STRIP));
	struct tend_line line = { 0 };

	line_feed(p, "1234\r", 5, 0);
	CHECK_INT(0, tend_parser_next(p, &line));
	line_feed(p, "5;", 2, 5);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_INT(TEND_LINE_CUT, line.flags);
	line_feed(p, "67\n", 3, 7);
	CHECK_INT(1 + 2, (intmax_t)tend_parser_losses(p).bytes_resync);
	CHECK_INT(0, tend_parser_next(p, &line));
	line_feed(p, "12\xe2\x82", 4, 10);
	CHECK_INT(0, tend_parser_next(p, &line));
	line_feed(p, "\xac\n", 2, 14);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("12", 2, line.data, line.size);
	CHECK_INT(TEND_LINE_CUT | TEND_LINE_AFTER_GAP, line.flags);
	CHECK_INT(0, tend_parser_finish(p, &line));
	CHECK_INT(3 + 3 + 2 + 2, (intmax_t)tend_parser_losses(p).bytes_resync);
	CHECK_INT(0, (intmax_t)tend_parser_losses(p).bytes_cut);
	tend_parser_free(p);
}

/* ---- memory ---- */

/* parser::buffer_compaction::compaction_releases_emitted_capacity_when_over_threshold; LP-14 */
static void a_big_buffer_is_given_back_after_its_line(void)
{
	char text[600] = "", long_part[200];
	tend_parser *p = line_parser(LINES(250, TEND_LINE_TRUNCATE, .release_above = 100));

	memset(long_part, 'x', sizeof long_part);
	line_feed_and_show(p, long_part, sizeof long_part, text, sizeof text);
	CHECK(tend__parser_room(p) >= sizeof long_part);
	line_feed_and_show(p, "\nsma", 4, text, sizeof text);
	CHECK(tend__parser_room(p) <= 100);
	line_feed_and_show(p, "ll\nnext\n", 8, text, sizeof text);
	CHECK_STR("|small|next|", text + sizeof long_part);
	/* a small one is kept */
	CHECK(tend__parser_room(p) > 0 && tend__parser_room(p) <= 100);
	tend_parser_free(p);
}

/* parser::buffer_compaction::compaction_does_not_drop_mid_line_partial_buffer; LP-14 */
static void a_buffer_in_use_is_kept(void)
{
	tend_parser *p = line_parser(LINES(100, TEND_LINE_TRUNCATE, .release_above = 4));
	char text[64] = "";

	line_feed_and_show(p, "partial ", 8, text, sizeof text);
	CHECK(tend__parser_room(p) >= 8);
	line_feed_and_show(p, "li", 2, text, sizeof text);
	line_feed_and_show(p, "ne\n", 3, text, sizeof text);
	CHECK_STR("partial line|", text);
	CHECK_INT(0, tend__parser_room(p));
	tend_parser_free(p);
	/* not even behind a piece, when it holds the beginning of the next one */
	CHECK_STR("abc|+\xe2\x82\xac|", lines_of(LINES(5, TEND_LINE_SPLIT, .cut_at_utf8 = true, .release_above = 1),
	                                          "abc\xe2\x82/\xac\n"));
}

static void a_big_buffer_is_given_back_at_a_gap_and_at_the_end(void)
{
	tend_parser *p = line_parser(LINES(100, TEND_LINE_TRUNCATE, .release_above = 4));
	struct tend_line line = { 0 };
	char text[64] = "";

	line_feed_and_show(p, "partial", 7, text, sizeof text);
	tend_parser_gap(p, NULL);
	CHECK_INT(0, tend__parser_room(p));
	line_feed_and_show(p, "\nrest", 5, text, sizeof text);
	CHECK_INT(1, tend_parser_finish(p, &line));
	CHECK_MEM("rest", 4, line.data, line.size);
	CHECK_INT(0, tend_parser_finish(p, &line));
	CHECK_INT(0, tend__parser_room(p));
	tend_parser_free(p);
}

/* A line that is cut into two chunks between CR and LF is not copied. */
static void a_cr_alone_needs_no_memory(void)
{
	tend_parser *p = line_parser(LINES(4, TEND_LINE_TRUNCATE, .cr = TEND_CR_STRIP));
	struct tend_line line = { 0 };

	line_feed(p, "one\n\r", 5, 0);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_INT(0, tend_parser_next(p, &line));
	line_feed(p, "\ntwo\n\r", 6, 5);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_INT(0, (intmax_t)line.size);
	CHECK(line.data != NULL);
	CHECK_INT(4, (intmax_t)line.offset);
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_INT(0, tend_parser_next(p, &line));
	CHECK_INT(1, tend_parser_finish(p, &line));
	CHECK(line.data != NULL);
	CHECK_INT(10, (intmax_t)line.offset);
	CHECK_INT(TEND_LINE_HAD_CR | TEND_LINE_UNTERMINATED, line.flags);
	CHECK_INT(0, tend__parser_room(p));
	tend_parser_free(p);
}

static void without_memory_for_a_cr_the_part_is_lost(void)
{
	tend_parser *p = line_parser(LINES(100, TEND_LINE_TRUNCATE, .cr = TEND_CR_STRIP));
	struct tend_line line;
	char text[64] = "";

	line_feed_and_show(p, "\r", 1, text, sizeof text);
	fault_fail_alloc(1);
	line_feed(p, "ab\nok\r\n", 7, 1);
	CHECK_INT(-ENOMEM, tend_parser_next(p, &line));
	CHECK(fault_fired());
	fault_reset();
	CHECK_INT(1, tend_parser_next(p, &line));
	CHECK_MEM("ok", 2, line.data, line.size);
	CHECK_INT(TEND_LINE_HAD_CR | TEND_LINE_AFTER_GAP, line.flags);
	CHECK_INT(0, tend_parser_next(p, &line));
	CHECK_INT(1 + 3, (intmax_t)tend_parser_losses(p).bytes_resync);
	tend_parser_free(p);
}

static const struct test tests[] = {
	{ "a-cr-in-front-of-the-delimiter-is-told", a_cr_in_front_of_the_delimiter_is_told },
	{ "one-cr-is-stripped", one_cr_is_stripped },
	{ "a-cr-at-the-end-of-a-chunk-waits-for-the-next-byte", a_cr_at_the_end_of_a_chunk_waits_for_the_next_byte },
	{ "a-stripped-cr-does-not-count-against-the-maximum", a_stripped_cr_does_not_count_against_the_maximum },
	{ "a-cr-in-front-of-a-gap", a_cr_in_front_of_a_gap },
	{ "any-byte-is-a-delimiter", any_byte_is_a_delimiter },
	{ "nul-is-a-delimiter", nul_is_a_delimiter },
	{ "a-gap-knows-the-delimiter", a_gap_knows_the_delimiter },
	{ "a-cut-tears-no-character", a_cut_tears_no_character },
	{ "what-fits-is-not-cut", what_fits_is_not_cut },
	{ "a-cut-tears-no-character-across-chunks", a_cut_tears_no_character_across_chunks },
	{ "a-piece-is-never-empty-nor-much-shorter", a_piece_is_never_empty_nor_much_shorter },
	{ "offsets-are-exact-within-the-buffer", offsets_are_exact_within_the_buffer },
	{ "what-was-kept-is-missing-too", what_was_kept_is_missing_too },
	{ "a-big-buffer-is-given-back-after-its-line", a_big_buffer_is_given_back_after_its_line },
	{ "a-buffer-in-use-is-kept", a_buffer_in_use_is_kept },
	{ "a-big-buffer-is-given-back-at-a-gap-and-at-the-end", a_big_buffer_is_given_back_at_a_gap_and_at_the_end },
	{ "a-cr-alone-needs-no-memory", a_cr_alone_needs_no_memory },
	{ "without-memory-for-a-cr-the-part-is-lost", without_memory_for_a_cr_the_part_is_lost },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "line_options", tests, sizeof tests / sizeof *tests);
}
