/* SPDX-License-Identifier: MIT */
/*
 * Writers: what they write, and what the result says.  test_write_failures.c has what becomes of it when writes fail,
 * test_write_to.c what it is written to.  The ids are those of the requirements and of the peer's tests.
 */
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"
#include "streams.h"
#include "test.h"
#include "writing.h"

/* What is written of a stream that consists of `text`, read in pieces of `chunk` bytes; valid until the next call. */
static const char *text_of(const char *text, size_t chunk, struct tend_write o)
{
	static struct written_file f;

	writing_open(&f);
	writing_make(text, chunk, o, &f);
	writing_close(&f);
	return f.text;
}

/* ---- without failures ---- */

static void chunks_pass_through(void)
{
	struct written_file f;
	struct tend_written w;

	writing_open(&f);
	w = writing_make("one\ntwo", 3, (struct tend_write){ .what = TEND_WRITE_CHUNKS, .on_failure = TEND_WRITE_STOP },
	                 &f);
	CHECK_STR("one\ntwo", f.text);
	CHECK_INT(7, (intmax_t)w.bytes_written);
	CHECK_INT(0, (intmax_t)w.lines_written);
	CHECK_INT(0, (intmax_t)w.failures);
	CHECK_INT(0, w.first.writing);
	CHECK_INT(3, (intmax_t)w.consumed.chunks);
	CHECK_INT(TEND_END_EOF, w.consumed.ending);
	CHECK(!w.stopped);
	CHECK(w.complete);
	writing_close(&f);
}

/* However it was cut into chunks, and whatever is in the lines. */
static void kept_line_ends_give_the_same_bytes(void)
{
	static const char all[] = "one\n\n\r\nlonger line\nlast";
	const struct tend_write whole = { USUAL_LINES, .on_failure = TEND_WRITE_STOP };
	const struct tend_write split = { LINES_OF(3, TEND_LINE_SPLIT), .on_failure = TEND_WRITE_STOP };
	struct written_file f;
	struct tend_written w;

	for (size_t chunk = 1; chunk <= sizeof all; chunk++) {
		writing_open(&f);
		w = writing_make(all, chunk, whole, &f);
		CHECK_STR(all, f.text);
		CHECK_INT(5, (intmax_t)w.lines_written);
		CHECK(w.complete);
		writing_close(&f);
		writing_open(&f);
		w = writing_make(all, chunk, split, &f);
		CHECK_STR(all, f.text);
		CHECK_INT(9, (intmax_t)w.lines_written);
		CHECK(w.complete);
		writing_close(&f);
	}
	CHECK_STR("", text_of("", 1, whole));
	CHECK_STR("\n", text_of("\n", 1, whole));
}

/* write::line_writer_respects_requested_delimiter_mode; VS-15 */
static void line_ends_are_as_asked(void)
{
	struct tend_write o = { USUAL_LINES, .on_failure = TEND_WRITE_STOP, .line_end = TEND_LINE_END_NEVER };

	CHECK_STR("onetwothree", text_of("one\n\ntwo\nthree", 4, o));
	o.line_end = TEND_LINE_END_ALWAYS;
	CHECK_STR("one\n\ntwo\nthree\n", text_of("one\n\ntwo\nthree", 4, o));
	o.line = (struct tend_line_options){ .max_length = 2, .overflow = TEND_LINE_SPLIT };
	CHECK_STR("on\ne\n\ntw\no\nth\nre\ne\n", text_of("one\n\ntwo\nthree", 4, o));
	o.line_end = TEND_LINE_END_NEVER;
	CHECK_STR("onetwothree", text_of("one\n\ntwo\nthree", 4, o));
}

/* The delimiter is that of the lines, and a CR that was stripped does not come back. */
static void delimiters_and_crs_are_as_asked(void)
{
	struct tend_write o = { USUAL_LINES, .on_failure = TEND_WRITE_STOP };

	o.line.delimiter = TEND_DELIMITER(';');
	CHECK_STR("one;;tw\no;three", text_of("one;;tw\no;three", 4, o));
	o.line_end = TEND_LINE_END_ALWAYS;
	CHECK_STR("one;;tw\no;three;", text_of("one;;tw\no;three", 4, o));
	o = (struct tend_write){ USUAL_LINES, .on_failure = TEND_WRITE_STOP };
	CHECK_STR("a\r\nb\r", text_of("a\r\nb\r", 1, o));
	o.line.cr = TEND_CR_STRIP;
	CHECK_STR("a\n\nb", text_of("a\r\n\r\nb\r", 1, o));
}

static void what_was_cut_is_said(void)
{
	struct written_file f;
	struct tend_written w;

	writing_open(&f);
	w = writing_make("one\nlonger\ntwo\nlast one", 5,
	                 (struct tend_write){ LINES_OF(3, TEND_LINE_TRUNCATE), .on_failure = TEND_WRITE_STOP }, &f);
	CHECK_STR("one\nlon\ntwo\nlas\n", f.text);
	CHECK_INT(4, (intmax_t)w.lines_written);
	CHECK_INT(2, (intmax_t)w.lines_cut);
	CHECK_INT(8, (intmax_t)w.bytes_cut);
	CHECK(!w.complete);
	writing_close(&f);
}

/* NULs are bytes, and a line longer than a batch is one record. */
static void large_and_binary(void)
{
	enum { SIZE = 300000 };
	struct tend_write o = { .line = { .max_length = SIZE, .overflow = TEND_LINE_SPLIT },
		                .on_failure = TEND_WRITE_STOP };
	char *data = malloc(SIZE), *back = malloc(SIZE + 1);
	struct written_file f;
	tend_stream *stream;

	for (size_t i = 0; i < SIZE; i++)
		data[i] = (char)(i % 251 == 10 && i > SIZE / 2 ? '\n' : i % 256 == '\n' ? 0 : i);
	stream = writing_stream_of(TEND_DEFAULT_READ_CHUNK_SIZE, data, SIZE);
	for (o.what = TEND_WRITE_CHUNKS; o.what <= TEND_WRITE_LINES; o.what++) {
		writing_open(&f);
		o.to = TEND_TO_FD(f.fd);
		CHECK(writing_run(stream, &o).complete);
		CHECK_INT(SIZE, pread(f.fd, back, SIZE + 1, 0));
		CHECK_MEM(data, SIZE, back, SIZE);
		writing_close(&f);
	}
	tend_stream_free(stream);
	free(data);
	free(back);
}

/* ---- mapping ---- */

static void map_bytes(tend_writer *writer, const char *data, size_t size)
{
	char upper;

	tend_writer_emit(writer, "<", 1);
	for (size_t i = 0; i < size; i++) {
		upper = data[i] >= 'a' && data[i] <= 'z' ? (char)(data[i] - 'a' + 'A') : data[i];
		tend_writer_emit(writer, &upper, 1);
	}
	tend_writer_emit(writer, ">", 1);
}

static void map_chunk(void *arg, const struct tend_chunk *chunk, tend_writer *writer)
{
	(void)arg;
	map_bytes(writer, chunk->data, chunk->size);
}

/* Lines that begin with '-' are left out, those that begin with '+' are made empty. */
static void map_line(void *arg, const struct tend_line *line, tend_writer *writer)
{
	(void)arg;
	if (line->size > 0 && line->data[0] == '+')
		tend_writer_emit(writer, NULL, 0);
	else if (line->size == 0 || line->data[0] != '-')
		map_bytes(writer, line->data, line->size);
}

/* write::chunk_writer_mapped_writes_mapped_output */
static void mapped_chunks(void)
{
	const struct tend_write o = { .what = TEND_WRITE_CHUNKS,
		                      .on_failure = TEND_WRITE_STOP,
		                      .map_chunk = map_chunk };

	CHECK_STR("<ABC><DEF><G>", text_of("abcdefg", 3, o));
}

static void mapped_lines(void)
{
	struct tend_write o = { USUAL_LINES, .on_failure = TEND_WRITE_STOP, .map_line = map_line };

	CHECK_STR("<A>\n<>\n\n<C>", text_of("a\n-no\n\n+x\nc", 3, o));
	o.line_end = TEND_LINE_END_ALWAYS;
	CHECK_STR("<A>\n<>\n\n<C>\n", text_of("a\n-no\n\n+x\nc", 3, o));
	o.line_end = TEND_LINE_END_NEVER;
	CHECK_STR("<A><><C>", text_of("a\n-no\n\n+x\nc", 3, o));
}

/* A piece whose next one is left out is not continued by the line after that. */
static void mapped_pieces(void)
{
	const struct tend_write o = { LINES_OF(2, TEND_LINE_SPLIT), .on_failure = TEND_WRITE_STOP,
		                      .map_line = map_line };

	CHECK_STR("<AB><C>\n<D>\n", text_of("abc\nd\n", 9, o));
	CHECK_STR("<AB>\n<D>\n", text_of("ab-\nd\n", 9, o));
	CHECK_STR("<AB>\n<D>", text_of("ab-\nd", 1, o));
}

/* ---- gaps ---- */

struct gate {
	sem_t entered, go_on;
	bool passed;
};

static void stop_at_gate(struct gate *g)
{
	if (g->passed)
		return;
	g->passed = true;
	sem_post(&g->entered);
	while (sem_wait(&g->go_on) < 0)
		;
}

static void gate_line(void *arg, const struct tend_line *line, tend_writer *writer)
{
	stop_at_gate(arg);
	tend_writer_emit(writer, line->data, line->size);
}

static void gate_chunk(void *arg, const struct tend_chunk *chunk, tend_writer *writer)
{
	stop_at_gate(arg);
	tend_writer_emit(writer, chunk->data, chunk->size);
}

/*
 * A lossy stream with room for one chunk, whose writer stands still at the first.  It is given "one\n", then "parti",
 * loses "al\nlost", and is given " x\ntwo".
 */
static struct tend_written lose(struct tend_write o, struct written_file *f)
{
	struct tend_stream_options live = test_reliable;
	struct gate gate = { .passed = false };
	struct tend_written w;
	tend_stream *stream;
	tend_consumer *c;
	int fd;

	live.delivery = TEND_LOSSY;
	live.overflow = TEND_DROP_NEWEST;
	live.max_buffered_chunks = 1;
	sem_init(&gate.entered, 0, 0);
	sem_init(&gate.go_on, 0, 0);
	o.to = TEND_TO_FD(f->fd);
	o.on_failure = TEND_WRITE_STOP;
	o.map_line = o.what == TEND_WRITE_LINES ? gate_line : NULL;
	o.map_chunk = o.what == TEND_WRITE_CHUNKS ? gate_chunk : NULL;
	o.arg = &gate;
	stream = test_pipe_stream(&live, &fd);
	c = writing_start(stream, &o);
	writing_feed(fd, "one\n", 4);
	while (sem_wait(&gate.entered) < 0)
		;
	writing_feed(fd, "parti", 5);
	await_read(stream, 9);
	writing_feed(fd, "al\nlost", 7);
	while (tend_stream_stats(stream).bytes_dropped < 7)
		poll(NULL, 0, 1);
	sem_post(&gate.go_on);
	writing_await_given(c, 9);
	writing_feed(fd, " x\ntwo", 6);
	close(fd);
	w = writing_end(c);
	writing_read_back(f);
	tend_stream_free(stream);
	sem_destroy(&gate.entered);
	sem_destroy(&gate.go_on);
	return w;
}

static void check_gap(const char *expected, struct tend_write o)
{
	struct written_file f;
	struct tend_written w;

	writing_open(&f);
	w = lose(o, &f);
	CHECK_STR(expected, f.text);
	CHECK_INT(1, (intmax_t)w.consumed.gaps);
	CHECK_INT(7, (intmax_t)w.consumed.bytes_dropped);
	CHECK_INT(strlen(expected), (intmax_t)w.bytes_written);
	CHECK_INT(0, (intmax_t)w.failures);
	CHECK(!w.complete);
	writing_close(&f);
}

/* VS-22, OE-7: a gap joins no lines, a text can mark it, and the result has it in any case. */
static void a_gap_joins_no_lines(void)
{
	check_gap("one\ntwo", (struct tend_write){ USUAL_LINES });
	check_gap("one\n[lost]\ntwo", (struct tend_write){ USUAL_LINES, .gap_text = "[lost]" });
	check_gap("one[lost]two",
	          (struct tend_write){ USUAL_LINES, .gap_text = "[lost]", .line_end = TEND_LINE_END_NEVER });
	check_gap("one\nparti x\ntwo", (struct tend_write){ .what = TEND_WRITE_CHUNKS });
	check_gap("one\nparti[lost] x\ntwo", (struct tend_write){ .what = TEND_WRITE_CHUNKS, .gap_text = "[lost]" });
}

/* The pieces in front of the gap are written already. */
static void a_gap_ends_a_split_line(void)
{
	check_gap("one\npart\ntwo", (struct tend_write){ LINES_OF(4, TEND_LINE_SPLIT) });
	check_gap("one\npart\n[lost]\ntwo", (struct tend_write){ LINES_OF(4, TEND_LINE_SPLIT), .gap_text = "[lost]" });
}

/* OE-8: what is retained begins in the middle of a line. */
static void a_late_beginning_is_marked(void)
{
	struct tend_stream_options live = test_single;
	struct tend_write o = { USUAL_LINES, .on_failure = TEND_WRITE_STOP, .gap_text = "[late]" };
	struct written_file f;
	struct tend_written w;
	tend_stream *stream;
	int fd;

	live.replay = TEND_REPLAY_CHUNKS(1);
	live.read_chunk_size = 8;
	stream = test_pipe_stream(&live, &fd);
	writing_feed(fd, "one\nthre", 8);
	writing_feed(fd, "e\nfour\n5", 8);
	close(fd);
	await_end(stream);
	writing_open(&f);
	o.to = TEND_TO_FD(f.fd);
	w = writing_run(stream, &o);
	writing_read_back(&f);
	CHECK_STR("[late]\nfour\n5", f.text);
	CHECK(w.consumed.began_late);
	CHECK(!w.complete);
	writing_close(&f);
	tend_stream_free(stream);
}

static int mapped;

static void count_chunk(void *arg, const struct tend_chunk *chunk, tend_writer *writer)
{
	(void)arg, (void)chunk, (void)writer;
	mapped++;
}

static void count_line(void *arg, const struct tend_line *line, tend_writer *writer)
{
	(void)arg, (void)line, (void)writer;
	mapped++;
}

/* A gap cannot end a consumer, but what comes behind it is not written when its text has stopped the writer. */
static void a_gap_text_can_fail(void)
{
	struct tend_stream_options live = test_single;
	struct tend_write o = { USUAL_LINES, .on_failure = TEND_WRITE_STOP, .gap_text = "[late]" };
	struct written_file f;
	struct tend_written w;
	tend_stream *stream;
	int fd;

	live.replay = TEND_REPLAY_CHUNKS(1);
	live.read_chunk_size = 4;
	stream = test_pipe_stream(&live, &fd);
	writing_feed(fd, "one\ntwo\n", 8);
	close(fd);
	await_end(stream);
	writing_open(&f);
	o.to = TEND_TO_FD(f.fd);
	for (o.what = TEND_WRITE_CHUNKS; o.what <= TEND_WRITE_LINES; o.what++) {
		o.map_chunk = o.what == TEND_WRITE_CHUNKS ? count_chunk : NULL;
		o.map_line = o.what == TEND_WRITE_LINES ? count_line : NULL;
		fault_fail_sys("write", 1, EIO);
		w = writing_run(stream, &o);
		CHECK_INT(TEND_WRITING_GAP_TEXT, w.first.writing);
		CHECK_INT(4, (intmax_t)w.first.offset);
		CHECK_INT(6, (intmax_t)w.first.size);
		CHECK_INT(1, (intmax_t)w.failures);
		CHECK(w.stopped);
		CHECK_INT(TEND_END_BROKE, w.consumed.ending);
	}
	CHECK_INT(0, mapped);
	writing_read_back(&f);
	CHECK_STR("", f.text);
	writing_close(&f);
	tend_stream_free(stream);
}

/* ---- memory ---- */

static void map_to_40000(void *arg, const struct tend_line *line, tend_writer *writer)
{
	static const char zeros[40000];

	(void)arg, (void)line;
	tend_writer_emit(writer, zeros, sizeof zeros);
}

/* Whatever follows each line, those of a chunk are written with one call, and an unterminated last one with another. */
static void lines_are_written_together(void)
{
	struct tend_write o = { USUAL_LINES, .on_failure = TEND_WRITE_STOP };

	for (o.line_end = TEND_LINE_END_KEPT; o.line_end <= TEND_LINE_END_NEVER; o.line_end++) {
		unsigned long writes = fault_sys_calls("write");

		text_of("one\n\ntwo\nthree", 99, o);
		CHECK_INT(2, fault_sys_calls("write") - writes);
	}
}

/* Output is not put together without bound, however small the lines are that it is made of. */
static void a_large_batch_is_written_early(void)
{
	unsigned long writes = fault_sys_calls("write");
	struct written_file f;

	writing_open(&f);
	CHECK_INT(320008, (intmax_t)writing_make("1\n2\n3\n4\n5\n6\n7\n8\n", 99,
	                                         (struct tend_write){ USUAL_LINES, .on_failure = TEND_WRITE_STOP,
	                                                              .map_line = map_to_40000 },
	                                         &f)
	                          .bytes_written);
	CHECK_INT(4, fault_sys_calls("write") - writes);
	writing_close(&f);
}

/* Every allocation that the call makes may fail: -ENOMEM, and nothing is left. */
static void without_memory_it_does_not_start(void)
{
	struct tend_write o = { USUAL_LINES, .on_failure = TEND_WRITE_STOP, .gap_text = "x" };
	tend_consumer *c = NULL;
	struct written_file f;
	tend_stream *stream;
	struct tend_error e;
	unsigned long i = 0;
	int fd, r;

	stream = test_pipe_stream(&test_single, &fd);
	writing_open(&f);
	o.to = TEND_TO_FD(f.fd);
	fault_only_this_thread(true);
	do {
		fault_fail_alloc(++i);
		r = tend_stream_write(stream, &o, &c, &e);
		CHECK_INT(fault_fired() ? -ENOMEM : 0, r);
		CHECK(r == 0 || e.step == TEND_STEP_ALLOCATE);
	} while (fault_fired() && i < 100);
	fault_reset();
	CHECK(i > 4 && i < 100);
	close(fd);
	writing_end(c);
	writing_close(&f);
	tend_stream_free(stream);
}

static int emitted[2];

/* The first line's output is what there is no memory for. */
static void emit_much(void *arg, const struct tend_line *line, tend_writer *writer)
{
	(void)arg;
	tend_writer_emit(writer, line->data, line->size);
	if (line->offset != 2)
		return;
	fault_fail_alloc(1);
	for (int i = 0; i < 2; i++)
		emitted[i] = tend_writer_emit(writer, (char[1 << 16]){ 0 }, 1 << 16);
}

/* A record that there is no memory for fails as a whole; what is in front of it and behind it is written. */
static void without_memory_a_record_fails(void)
{
	struct written_file f;
	struct tend_written w;

	writing_open(&f);
	w = writing_make("a\nb\nc\n", 99,
	                 (struct tend_write){ USUAL_LINES, .on_failure = TEND_WRITE_GO_ON, .map_line = emit_much }, &f);
	fault_reset();
	CHECK_INT(-ENOMEM, emitted[0]);
	CHECK_INT(-ENOMEM, emitted[1]);
	CHECK_STR("a\nc\n", f.text);
	CHECK_INT(1, (intmax_t)w.failures);
	CHECK_INT(ENOMEM, w.first.error);
	CHECK_INT(TEND_WRITING_LINE, w.first.writing);
	CHECK_INT(2, (intmax_t)w.first.offset);
	CHECK_INT(1 + (2 << 16), (intmax_t)w.first.size);
	CHECK_INT(2, (intmax_t)w.lines_written);
	CHECK(!w.complete);
	writing_close(&f);
}

static void arm_memory(void *arg, const struct tend_line *line, tend_writer *writer)
{
	(void)arg;
	tend_writer_emit(writer, line->data, line->size);
	if (line->offset == 0)
		fault_fail_alloc(1); /* the next is the parser's, for the line that straddles two chunks */
}

static void without_memory_a_line_fails(void)
{
	struct written_file f;
	struct tend_written w;

	writing_open(&f);
	w = writing_make("one\nstraddles\ntwo\n", 8,
	                 (struct tend_write){ USUAL_LINES, .on_failure = TEND_WRITE_GO_ON, .map_line = arm_memory },
	                 &f);
	fault_reset();
	CHECK_STR("one\ntwo\n", f.text);
	CHECK_INT(1, (intmax_t)w.failures);
	CHECK_INT(ENOMEM, w.first.error);
	CHECK_INT(0, (intmax_t)w.first.size);
	CHECK(!w.complete);
	writing_close(&f);
}

/* ---- calls ---- */

static void refuse(const char *field, struct tend_write o)
{
	tend_consumer *c = NULL;
	tend_stream *stream;
	struct tend_error e = { .code = 0 };
	int fd;

	stream = test_pipe_stream(&test_single, &fd);
	CHECK_INT(-EINVAL, tend_stream_write(stream, &o, &c, &e));
	CHECK_INT(0, strncmp(e.message, field, strlen(field)));
	CHECK_INT(' ', e.message[strlen(field)]);
	CHECK(c == NULL);
	close(fd);
	tend_stream_free(stream);
}

static void options_are_checked(void)
{
	const struct tend_write good = { USUAL_LINES, .to = TEND_TO_FD(1), .on_failure = TEND_WRITE_STOP };
	struct tend_write o = good;

	refuse("what", (struct tend_write){ .to = TEND_TO_FD(1), .on_failure = TEND_WRITE_STOP });
	o.to = (struct tend_write_to){ .fd = 1 };
	refuse("to.kind", o);
	o.to = TEND_TO_FD(-1);
	refuse("to.fd", o);
	o.to = TEND_TO_FILE(NULL);
	refuse("to.file", o);
	o = good;
	o.on_failure = 0;
	refuse("on_failure", o);
	o.on_failure = TEND_WRITE_ASK;
	refuse("ask", o);
	o = good;
	o.ask = asked_ask;
	refuse("ask", o);
	o = good;
	o.line.max_length = 0;
	refuse("line.max_length", o);
	o = good;
	o.line.overflow = 0;
	refuse("line.overflow", o);
	o = good;
	o.line_end = 3;
	refuse("line_end", o);
	o = good;
	o.map_chunk = map_chunk;
	refuse("map_chunk", o);
	o = good;
	o.what = TEND_WRITE_CHUNKS;
	o.map_line = map_line;
	refuse("map_line", o);
	o = good;
	o.runs_on = 3;
	refuse("runs_on", o);
}

static void calls_are_checked(void)
{
	struct tend_write o = { .what = TEND_WRITE_CHUNKS, .on_failure = TEND_WRITE_STOP };
	struct tend_written w = { .failures = 42 };
	tend_consumer *c = NULL, *collector = NULL;
	struct tend_subscriber_stats subscribers[2];
	struct written_file f;
	tend_stream *stream;
	struct tend_error e;
	int fd;

	writing_open(&f);
	o.to = TEND_TO_FD(f.fd);
	stream = test_pipe_stream(&test_reliable, &fd);
	CHECK_INT(-EINVAL, tend_stream_write(NULL, &o, &c, &e));
	CHECK_INT(-EINVAL, tend_stream_write(stream, NULL, &c, &e));
	CHECK_STR("options must not be NULL", e.message);
	CHECK_INT(-EINVAL, tend_stream_write(stream, &o, NULL, &e));
	CHECK_OK(tend_stream_collect(stream, &TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED), &collector, &e),
	         &e);
	c = writing_start(stream, &o);
	CHECK_INT(2, tend_stream_subscribers(stream, subscribers, 2));
	CHECK_INT(1, (strcmp(subscribers[0].label, "writer") == 0) + (strcmp(subscribers[1].label, "writer") == 0));
	CHECK_INT(-EAGAIN, tend_consumer_written(c, &w, &e));
	CHECK_INT(-EINVAL, tend_consumer_written(collector, &w, &e));
	CHECK_INT(-EINVAL, tend_consumer_written(NULL, &w, &e));
	CHECK_INT(-EINVAL, tend_consumer_written(c, NULL, &e));
	CHECK_INT(42, (intmax_t)w.failures);
	close(fd);
	CHECK_INT(0, tend_consumer_wait(collector, TEST_PATIENCE, NULL, NULL));
	tend_consumer_free(collector);
	CHECK(writing_end(c).complete);
	writing_close(&f);
	tend_stream_free(stream);
}

static const struct test tests[] = {
	{ "chunks-pass-through", chunks_pass_through },
	{ "kept-line-ends-give-the-same-bytes", kept_line_ends_give_the_same_bytes },
	{ "line-ends-are-as-asked", line_ends_are_as_asked },
	{ "delimiters-and-crs-are-as-asked", delimiters_and_crs_are_as_asked },
	{ "what-was-cut-is-said", what_was_cut_is_said },
	{ "large-and-binary", large_and_binary },
	{ "mapped-chunks", mapped_chunks },
	{ "mapped-lines", mapped_lines },
	{ "mapped-pieces", mapped_pieces },
	{ "a-gap-joins-no-lines", a_gap_joins_no_lines },
	{ "a-gap-ends-a-split-line", a_gap_ends_a_split_line },
	{ "a-late-beginning-is-marked", a_late_beginning_is_marked },
	{ "a-gap-text-can-fail", a_gap_text_can_fail },
	{ "lines-are-written-together", lines_are_written_together },
	{ "a-large-batch-is-written-early", a_large_batch_is_written_early },
	{ "without-memory-it-does-not-start", without_memory_it_does_not_start },
	{ "without-memory-a-record-fails", without_memory_a_record_fails },
	{ "without-memory-a-line-fails", without_memory_a_line_fails },
	{ "options-are-checked", options_are_checked },
	{ "calls-are-checked", calls_are_checked },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "write", tests, sizeof tests / sizeof *tests);
}
