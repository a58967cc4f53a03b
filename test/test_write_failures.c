/* SPDX-License-Identifier: MIT */
/*
 * Writers whose writes fail: what each policy does, and, for a write that breaks off at any byte, what is there then
 * and what the result says.  The ids are those of the requirements and of the peer's tests.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "fault.h"
#include "test.h"
#include "writing.h"

static void map_bytes(tend_writer *writer, const char *data, size_t size)
{
	tend_writer_emit(writer, "<", 1);
	tend_writer_emit(writer, data, size);
	tend_writer_emit(writer, ">", 1);
}

static void map_chunk(void *arg, const struct tend_chunk *chunk, tend_writer *writer)
{
	(void)arg;
	map_bytes(writer, chunk->data, chunk->size);
}

static void map_line(void *arg, const struct tend_line *line, tend_writer *writer)
{
	(void)arg;
	map_bytes(writer, line->data, line->size);
}

/* ---- policies ---- */

/* write::chunk_writer_reports_and_can_handle_sink_write_errors; VS-16 to VS-18 */
static void a_failure_stops_or_is_gone_on_after(void)
{
	struct asked asked = { .go_on = 1 };
	struct tend_write o = { .what = TEND_WRITE_CHUNKS, .on_failure = TEND_WRITE_STOP };
	struct written_file f;
	struct tend_written w;

	writing_open(&f);
	fault_fail_sys("write", 1, EIO);
	w = writing_make("chunk", 9, o, &f);
	CHECK_STR("", f.text);
	CHECK_INT(TEND_END_BROKE, w.consumed.ending);
	CHECK(w.stopped);
	CHECK(!w.complete);
	CHECK_INT(1, (intmax_t)w.failures);
	CHECK_INT(5, (intmax_t)w.bytes_unwritten);
	CHECK_INT(TEND_WRITING_CHUNK, w.first.writing);
	CHECK_INT(EIO, w.first.error);
	CHECK_INT(5, (intmax_t)w.first.size);
	CHECK_INT(0, (intmax_t)w.first.written);
	CHECK_INT(0, memcmp(&w.first, &w.last, sizeof w.first));
	o.on_failure = TEND_WRITE_ASK;
	o.ask = asked_ask;
	o.arg = &asked;
	fault_fail_sys("write", 1, EIO);
	w = writing_make("chunk", 9, o, &f);
	CHECK_STR("", f.text);
	CHECK_INT(1, asked.n);
	CHECK_STR("test", asked.label);
	CHECK_INT(TEND_WRITING_CHUNK, asked.failures[0].writing);
	CHECK_INT(TEND_END_EOF, w.consumed.ending);
	CHECK(!w.stopped);
	CHECK(!w.complete);
	writing_close(&f);
}

/* write::chunk_write_error_handler_can_continue_then_stop */
static void goes_on_and_then_stops(void)
{
	struct asked asked = { .go_on = 1 };
	struct written_file f;
	struct tend_written w;

	writing_open(&f);
	fault_fail_sys_from("write", 1, EPIPE);
	w = writing_make(
		"abc", 1,
		(struct tend_write){
			.what = TEND_WRITE_CHUNKS, .on_failure = TEND_WRITE_ASK, .ask = asked_ask, .arg = &asked },
		&f);
	fault_reset();
	CHECK_INT(2, asked.n);
	CHECK_INT(2, (intmax_t)w.failures);
	CHECK_INT(0, (intmax_t)w.first.offset);
	CHECK_INT(1, (intmax_t)w.last.offset);
	CHECK_INT(EPIPE, w.last.error);
	CHECK(w.stopped);
	CHECK_INT(TEND_END_BROKE, w.consumed.ending);
	CHECK_INT(2, (intmax_t)w.consumed.chunks);
	writing_close(&f);
}

/* write::line_writer_reports_line_and_delimiter_write_errors */
static void a_line_and_its_end_are_told_apart(void)
{
	const struct tend_write o = { USUAL_LINES, .on_failure = TEND_WRITE_STOP };
	struct written_file f;
	struct tend_written w;

	for (size_t taken = 0; taken <= 3; taken++) {
		writing_open(&f);
		fault_shorten_writes(taken);
		fault_fail_sys("write", taken ? 2 : 1, ENOSPC);
		w = writing_make("abc\nd\n", 9, o, &f);
		fault_reset();
		CHECK_INT(taken, strlen(f.text));
		CHECK_INT(taken, (intmax_t)w.bytes_written);
		CHECK_INT(4 - (intmax_t)taken, (intmax_t)w.bytes_unwritten);
		CHECK_INT(taken < 3 ? TEND_WRITING_LINE : TEND_WRITING_LINE_END, w.first.writing);
		CHECK_INT(taken < 3 ? 3 : 1, (intmax_t)w.first.size);
		CHECK_INT(taken < 3 ? taken : 0, (intmax_t)w.first.written);
		CHECK_INT(0, (intmax_t)w.lines_written);
		CHECK(w.stopped);
		writing_close(&f);
	}
}

/* write::line_write_error_handler_can_continue_after_sink_write_errors; VS-19 */
static void the_end_of_a_failed_line_is_not_tried(void)
{
	struct asked asked = { .go_on = 9 };
	struct written_file f;
	struct tend_written w;

	writing_open(&f);
	fault_fail_sys_from("write", 1, EIO);
	w = writing_make(
		"a\nb\n", 9,
		(struct tend_write){ USUAL_LINES, .on_failure = TEND_WRITE_ASK, .ask = asked_ask, .arg = &asked }, &f);
	fault_reset();
	CHECK_INT(2, asked.n);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(TEND_WRITING_LINE, asked.failures[i].writing);
		CHECK_INT(1, (intmax_t)asked.failures[i].size);
		CHECK_INT(2 * i, (intmax_t)asked.failures[i].offset);
	}
	CHECK_INT(TEND_END_EOF, w.consumed.ending);
	CHECK_INT(4, (intmax_t)w.bytes_unwritten);
	CHECK_STR("", f.text);
	writing_close(&f);
}

/* write::mapped_writers_return_sink_write_errors */
static void mapped_output_fails_as_any(void)
{
	struct written_file f;
	struct tend_written w;

	writing_open(&f);
	fault_fail_sys("write", 1, EIO);
	w = writing_make(
		"abc", 9,
		(struct tend_write){ .what = TEND_WRITE_CHUNKS, .on_failure = TEND_WRITE_STOP, .map_chunk = map_chunk },
		&f);
	CHECK_INT(TEND_WRITING_CHUNK, w.first.writing);
	CHECK_INT(5, (intmax_t)w.first.size);
	CHECK(w.stopped);
	fault_fail_sys("write", 1, EIO);
	w = writing_make("abc\nd\n", 9,
	                 (struct tend_write){ USUAL_LINES, .on_failure = TEND_WRITE_STOP, .map_line = map_line }, &f);
	CHECK_INT(TEND_WRITING_LINE, w.first.writing);
	CHECK_INT(5, (intmax_t)w.first.size);
	CHECK_INT(6, (intmax_t)w.bytes_unwritten);
	CHECK(w.stopped);
	CHECK_STR("", f.text);
	writing_close(&f);
}

/* ---- every byte ---- */

/* A stream, and what is written of it when nothing fails: the end of each record and of its body, there. */
struct expected {
	const char *text, *written;
	struct tend_write options;
	char delimiter; /* 0: LF */
	size_t chunk;
	struct {
		size_t body_end, end;
		uint64_t offset;
	} records[8];
	size_t n;
};

static const struct expected expectations[] = {
	{ .text = "ab\n\ncdefg\nh\nij",
	  .written = "ab\n\ncdefg\nh\nij",
	  .options = { USUAL_LINES, .on_failure = TEND_WRITE_GO_ON },
	  .chunk = 99,
	  .records = { { 2, 3, 0 }, { 3, 4, 3 }, { 9, 10, 4 }, { 11, 12, 10 }, { 14, 14, 12 } },
	  .n = 5 },
	{ .text = "ab\n\ncdefg\nh\nij",
	  .written = "ab\n\ncdefg\nh\nij\n",
	  .options = { USUAL_LINES, .on_failure = TEND_WRITE_GO_ON, .line_end = TEND_LINE_END_ALWAYS },
	  .chunk = 3,
	  .records = { { 2, 3, 0 }, { 3, 4, 3 }, { 9, 10, 4 }, { 11, 12, 10 }, { 14, 15, 12 } },
	  .n = 5 },
	{ .text = "ab\ncdefg\nh\nij",
	  .written = "abcdefghij",
	  .options = { USUAL_LINES, .on_failure = TEND_WRITE_GO_ON, .line_end = TEND_LINE_END_NEVER },
	  .chunk = 4,
	  .records = { { 2, 2, 0 }, { 7, 7, 3 }, { 8, 8, 9 }, { 10, 10, 11 } },
	  .n = 4 },
	{ .text = "abcdefg\nhi\n",
	  .written = "abcdefg\nhi\n",
	  .options = { LINES_OF(3, TEND_LINE_SPLIT), .on_failure = TEND_WRITE_GO_ON },
	  .chunk = 99,
	  .records = { { 3, 3, 0 }, { 6, 6, 3 }, { 7, 8, 6 }, { 10, 11, 8 } },
	  .n = 4 },
	{ .text = "ab;;c\ndef;g",
	  .written = "ab;;c\ndef;g",
	  .options = { .what = TEND_WRITE_LINES,
	               .line = { .max_length = 99, .overflow = TEND_LINE_SPLIT, .delimiter = TEND_DELIMITER(';') },
	               .on_failure = TEND_WRITE_GO_ON },
	  .delimiter = ';',
	  .chunk = 99,
	  .records = { { 2, 3, 0 }, { 3, 4, 3 }, { 9, 10, 4 }, { 11, 11, 10 } },
	  .n = 4 },
	{ .text = "ab\ncdefgh",
	  .written = "ab\ncdefgh",
	  .options = { .what = TEND_WRITE_CHUNKS, .on_failure = TEND_WRITE_GO_ON },
	  .chunk = 3,
	  .records = { { 3, 3, 0 }, { 6, 6, 3 }, { 9, 9, 6 } },
	  .n = 3 },
	{ .text = "a\nb\n",
	  .written = "<a>\n<b>\n",
	  .options = { USUAL_LINES, .on_failure = TEND_WRITE_GO_ON, .map_line = map_line },
	  .chunk = 99,
	  .records = { { 3, 4, 0 }, { 7, 8, 2 } },
	  .n = 2 },
};

/*
 * The sink takes `taken` bytes, then says that there is no room, and then takes the rest: what is there, and in
 * which record it broke off.  Lines that have delimiters between them begin on a new one, and so does what follows a
 * part of one.
 */
static size_t break_at(const struct expected *e, size_t taken, char *text, size_t size)
{
	char delimiter[2] = { e->delimiter ? e->delimiter : '\n' };
	size_t i = 0, begin;
	bool new_line;

	while (e->records[i].end <= taken)
		i++;
	begin = i > 0 ? e->records[i - 1].end : 0;
	new_line = e->options.what == TEND_WRITE_LINES && e->records[i].end < strlen(e->written) && taken > 0 &&
	           e->written[taken - 1] != delimiter[0] &&
	           (taken > begin || e->options.line_end != TEND_LINE_END_NEVER);
	snprintf(text, size, "%.*s%s%s", (int)taken, e->written, new_line ? delimiter : "",
	         e->written + e->records[i].end);
	return i;
}

/* OE-9 */
static void broken_off_at(const struct expected *e, size_t taken)
{
	struct written_file f;
	struct tend_written w;
	char text[64];
	size_t i = break_at(e, taken, text, sizeof text), begin = i > 0 ? e->records[i - 1].end : 0;
	bool at_lf = taken == e->records[i].body_end;

	writing_open(&f);
	fault_shorten_writes(1);
	fault_fail_sys("write", taken + 1, ENOSPC);
	w = writing_make(e->text, e->chunk, e->options, &f);
	CHECK(fault_fired());
	fault_reset();
	CHECK_STR(text, f.text);
	CHECK_INT(strlen(text), (intmax_t)w.bytes_written);
	CHECK_INT(e->records[i].end - taken, (intmax_t)w.bytes_unwritten);
	CHECK_INT(1, (intmax_t)w.failures);
	CHECK_INT(ENOSPC, w.first.error);
	CHECK_INT((intmax_t)e->records[i].offset, (intmax_t)w.first.offset);
	CHECK_INT(at_lf ? 1 : e->records[i].body_end - begin, (intmax_t)w.first.size);
	CHECK_INT(at_lf ? 0 : taken - begin, (intmax_t)w.first.written);
	CHECK_INT(e->options.what == TEND_WRITE_CHUNKS ? 0 : e->n - 1, (intmax_t)w.lines_written);
	CHECK_INT(TEND_END_EOF, w.consumed.ending);
	CHECK(!w.stopped);
	CHECK(!w.complete);
	writing_close(&f);
}

static void broken_off_anywhere(void)
{
	for (size_t i = 0; i < sizeof expectations / sizeof *expectations; i++)
		for (size_t taken = 0; taken < strlen(expectations[i].written); taken++)
			broken_off_at(&expectations[i], taken);
}

/* The LF in front of the next line is as good as that line: where it cannot be written, the line is not. */
static void the_owed_line_end_fails_too(void)
{
	struct asked asked = { .go_on = 9, .fail_again = 1 };
	struct written_file f;
	struct tend_written w;

	writing_open(&f);
	fault_shorten_writes(2);
	fault_fail_sys("write", 2, ENOSPC);
	w = writing_make(
		"abcd\nef\ngh\n", 99,
		(struct tend_write){ USUAL_LINES, .on_failure = TEND_WRITE_ASK, .ask = asked_ask, .arg = &asked }, &f);
	fault_reset();
	CHECK_STR("ab\ngh\n", f.text);
	CHECK_INT(2, asked.n);
	CHECK_INT(TEND_WRITING_LINE, asked.failures[1].writing);
	CHECK_INT(5, (intmax_t)asked.failures[1].offset);
	CHECK_INT(2, (intmax_t)asked.failures[1].size);
	CHECK_INT(0, (intmax_t)asked.failures[1].written);
	CHECK_INT(6, (intmax_t)w.bytes_written);
	CHECK_INT(6, (intmax_t)w.bytes_unwritten);
	CHECK_INT(1, (intmax_t)w.lines_written);
	writing_close(&f);
}

static void the_owed_line_end_fails_before_an_empty_line(void)
{
	struct asked asked = { .go_on = 9, .fail_again = 1 };
	struct written_file f;

	writing_open(&f);
	fault_shorten_writes(2);
	fault_fail_sys("write", 2, ENOSPC);
	writing_make("abcd\n\ngh\n", 99,
	             (struct tend_write){ USUAL_LINES, .on_failure = TEND_WRITE_ASK, .ask = asked_ask, .arg = &asked },
	             &f);
	fault_reset();
	CHECK_STR("ab\ngh\n", f.text);
	CHECK_INT(2, asked.n);
	CHECK_INT(TEND_WRITING_LINE, asked.failures[1].writing);
	CHECK_INT(0, (intmax_t)asked.failures[1].size);
	writing_close(&f);
}

/* There is nothing left to be stopped: it is a failure, and the end is the stream's. */
static void the_last_line_fails(void)
{
	struct written_file f;
	struct tend_written w;

	writing_open(&f);
	fault_fail_sys("write", 2, ENOSPC);
	w = writing_make("one\nlast", 99, (struct tend_write){ USUAL_LINES, .on_failure = TEND_WRITE_STOP }, &f);
	CHECK_STR("one\n", f.text);
	CHECK_INT(1, (intmax_t)w.failures);
	CHECK_INT(4, (intmax_t)w.first.offset);
	CHECK_INT(TEND_END_EOF, w.consumed.ending);
	CHECK(!w.stopped);
	CHECK(!w.complete);
	writing_close(&f);
}

/* More lines than a batch holds, and each second one fails. */
static void many_failures(void)
{
	enum { N = 1000 };
	static char all[N * 8], expected[N * 8];
	struct asked asked = { .go_on = 2 * N, .fail_again = N / 2 - 1, .fail_next = 2 };
	struct tend_written w;
	tend_stream *stream;
	struct tend_write o = { USUAL_LINES, .on_failure = TEND_WRITE_ASK, .ask = asked_ask, .arg = &asked };
	struct written_file f;
	size_t n = 0, m = 0;

	for (unsigned i = 0; i < N; i++) {
		n += (size_t)snprintf(all + n, sizeof all - n, "%06u\n", i);
		if (i % 2)
			m += (size_t)snprintf(expected + m, sizeof expected - m, "%06u\n", i);
	}
	stream = writing_stream_of(TEND_DEFAULT_READ_CHUNK_SIZE, all, n);
	writing_open(&f);
	o.to = TEND_TO_FD(f.fd);
	fault_shorten_writes(7);
	fault_fail_sys("write", 1, EIO);
	w = writing_run(stream, &o);
	fault_reset();
	writing_read_back(&f);
	CHECK_STR(expected, f.text);
	CHECK_INT(N / 2, asked.n);
	CHECK_INT(N / 2, (intmax_t)w.lines_written);
	CHECK_INT(7 * N / 2, (intmax_t)w.bytes_unwritten);
	CHECK_INT(7 * (N - 2), (intmax_t)w.last.offset);
	writing_close(&f);
	tend_stream_free(stream);
}

static _Atomic int logged;

static void count_logged(void *arg, const struct tend_log_event *event)
{
	(void)arg;
	logged += strcmp(event->event, "write-failed") == 0 && event->level == TEND_LOG_WARNING;
}

/* VS-17, but once for each writer. */
static void the_log_is_told_of_the_first(void)
{
	struct written_file f;

	writing_open(&f);
	CHECK_INT(0, tend_set_log(count_logged, NULL, TEND_LOG_DEBUG));
	fault_fail_sys_from("write", 1, EIO);
	CHECK_INT(3, (intmax_t)writing_make("a\nb\nc\n", 99,
	                                    (struct tend_write){ USUAL_LINES, .on_failure = TEND_WRITE_GO_ON }, &f)
	                     .failures);
	fault_reset();
	CHECK_INT(0, tend_set_log(NULL, NULL, TEND_LOG_DEBUG));
	CHECK_INT(1, logged);
	test_keeps_allocations(2);
	writing_close(&f);
}

/* What cannot be in memory is refused where it is emitted, and the line is told of as failed. */
static void map_too_much(void *arg, const struct tend_line *line, tend_writer *writer)
{
	int *ret = arg;

	(void)line;
	tend_writer_emit(writer, "<", 1);
	*ret = tend_writer_emit(writer, "", SIZE_MAX);
}

static void more_than_there_can_be(void)
{
	int r = 0;
	struct tend_write o = { USUAL_LINES, .on_failure = TEND_WRITE_STOP, .map_line = map_too_much, .arg = &r };
	struct written_file f;
	struct tend_written w;

	writing_open(&f);
	w = writing_make("line\n", 9, o, &f);
	CHECK_INT(-ENOMEM, r);
	CHECK_STR("", f.text);
	CHECK_INT(1, (intmax_t)w.failures);
	CHECK_INT(ENOMEM, w.first.error);
	CHECK_INT(TEND_WRITING_LINE, w.first.writing);
	CHECK(w.stopped);
	writing_close(&f);
}

static const struct test tests[] = {
	{ "a-failure-stops-or-is-gone-on-after", a_failure_stops_or_is_gone_on_after },
	{ "goes-on-and-then-stops", goes_on_and_then_stops },
	{ "a-line-and-its-end-are-told-apart", a_line_and_its_end_are_told_apart },
	{ "the-end-of-a-failed-line-is-not-tried", the_end_of_a_failed_line_is_not_tried },
	{ "mapped-output-fails-as-any", mapped_output_fails_as_any },
	{ "broken-off-anywhere", broken_off_anywhere },
	{ "the-owed-line-end-fails-too", the_owed_line_end_fails_too },
	{ "the-owed-line-end-fails-before-an-empty-line", the_owed_line_end_fails_before_an_empty_line },
	{ "the-last-line-fails", the_last_line_fails },
	{ "many-failures", many_failures },
	{ "more-than-there-can-be", more_than_there_can_be },
	{ "the-log-is-told-of-the-first", the_log_is_told_of_the_first },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "write-failures", tests, sizeof tests / sizeof *tests);
}
