/* SPDX-License-Identifier: MIT */
/* Scenarios for the sweep: subscriptions, consumers of all kinds, lines, and streams without a child. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"
#include "torture_scenarios.h"

#define N_LINES "40" /* of 1,000 bytes */
#define N_BYTES (40 * 1001)

static const struct tend_line_options lines = { .max_length = 4096, .overflow = TEND_LINE_TRUNCATE };

static const struct tend_stream_options small = {
	.backend = TEND_BROADCAST, .delivery = TEND_RELIABLE, .replay = { .kind = TEND_RETAIN_ALL },
	.read_chunk_size = 4096, .max_buffered_chunks = 2,
};

/* A child that writes lines into a pipe that is read as a stream. */
static tend_process *start_liner(const struct tend_stream_options *live)
{
	const char *argv[] = { helper("liner"), N_LINES, "1000", NULL };
	struct tend_spawn s = test_spawn_options(argv, live);

	s.err = TEND_OUT_DISCARD;
	return scene_spawn(&s);
}

static void check_ending(enum tend_ending ending, int read_errno)
{
	if (ending == TEND_END_READ_ERROR)
		EXCUSED(read_errno);
	else
		CHECK_INT(TEND_END_EOF, ending);
}

/* ---- subscriptions ---- */

/* Reads to the end: what was given and what was lost is all there was. */
static void read_all(tend_subscription *s)
{
	struct tend_event event;
	uint64_t bytes = 0;

	do {
		if (!TRIED(tend_subscription_next(s, TEST_PATIENCE, &event), NULL))
			return;
		CHECK(event.kind != TEND_TIMED_OUT);
		if (event.kind == TEND_CHUNK)
			bytes += event.chunk.size;
		else if (event.kind == TEND_GAP)
			bytes += event.gap.bytes;
	} while (event.kind == TEND_CHUNK || event.kind == TEND_GAP);
	check_ending(event.ending, event.read_errno);
	if (torture_is_clean())
		CHECK_INT(N_BYTES, (intmax_t)bytes);
}

static void subscribe(const struct tend_stream_options *live, const struct tend_subscribe *options)
{
	tend_process *p = start_liner(live);
	tend_subscription *s = NULL;
	struct tend_error e;

	if (p) {
		if (TRIED(tend_stream_subscribe(tend_process_stdout(p), options, &s, &e), &e))
			read_all(s);
		CHECK(!tend_subscription_close(s));
	}
	scene_end(p);
}

void scene_subscribe(void)
{
	subscribe(&small, NULL);
}

void scene_subscribe_single(void)
{
	subscribe(&test_single_all, NULL);
}

void scene_subscribe_lossy(void)
{
	const struct tend_subscribe options = { .delivery = TEND_LOSSY, .overflow = TEND_DROP_OLDEST,
		                                .max_buffered_chunks = 1, .label = "lossy" };

	subscribe(&small, &options);
}

void scene_subscribe_stalling(void)
{
	const struct tend_subscribe options = { .overflow = TEND_DROP_NEWEST, .max_buffered_chunks = 1,
		                                .stall = TEND_STALL_LOSE(TEND_MS(1)) };

	subscribe(&small, &options);
}

/* More of them than a stream has room for at first; one is closed before its end. */
void scene_many_subscriptions(void)
{
	const struct tend_subscribe lossy = { .delivery = TEND_LOSSY, .overflow = TEND_DROP_OLDEST };
	tend_process *p = start_liner(&small);
	tend_subscription *s[6] = { NULL };
	struct tend_error e;

	for (int i = 0; p && i < 6; i++)
		TRIED(tend_stream_subscribe(tend_process_stdout(p), &lossy, &s[i], &e), &e);
	s[2] = tend_subscription_close(s[2]);
	if (p)
		TRIED(tend_stream_seal_replay(tend_process_stdout(p)), NULL);
	for (int i = 0; i < 6; i++) {
		if (s[i] && i == 4)
			read_all(s[i]);
		tend_subscription_close(s[i]);
	}
	scene_end(p);
}

/* By its eventfd, and with a chunk that is kept beyond the stream. */
void scene_subscription_fd(void)
{
	tend_process *p = start_liner(&small);
	tend_subscription *s = NULL;
	struct pollfd ready = { .events = POLLIN };
	struct tend_chunk kept = { .size = 0 };
	struct tend_event event = { .kind = TEND_TIMED_OUT };
	struct tend_error e;

	if (p && TRIED(tend_stream_subscribe(tend_process_stdout(p), NULL, &s, &e), &e)) {
		ready.fd = tend_subscription_fd(s);
		while (TRIED(ready.fd, NULL) && event.kind == TEND_TIMED_OUT) {
			CHECK_INT(1, poll(&ready, 1, -1));
			TRIED(tend_subscription_next(s, TEND_AT_ONCE, &event), NULL);
		}
		if (event.kind == TEND_CHUNK)
			TRIED(tend_chunk_ref(&event.chunk, &kept), NULL);
	}
	tend_subscription_close(s);
	scene_end(p);
	if (kept.size > 0) {
		size_t n = kept.size < 5 ? kept.size : 5; /* of a read that was short */

		CHECK_MEM("line ", n, kept.data, n);
		tend_chunk_unref(&kept);
	}
}

/* ---- consumers ---- */

static enum tend_flow count_chunk(void *self, const struct tend_chunk *chunk)
{
	*(size_t *)self += chunk->size;
	return TEND_CONTINUE;
}

static enum tend_flow count_line(void *self, const struct tend_line *line)
{
	*(size_t *)self += line->size + 1;
	return TEND_CONTINUE;
}

/* Waits for its end and frees it. */
static void finish(tend_consumer *c)
{
	struct tend_consumed consumed = { .ending = TEND_END_NONE };
	struct tend_error e;

	if (!TRIED(tend_consumer_wait(c, TEST_PATIENCE, &consumed, &e), &e))
		return;
	CHECK(consumed.ending != TEND_END_NONE);
	if (consumed.ending == TEND_END_READ_ERROR)
		EXCUSED(consumed.read_errno);
}

static void consume_on(enum tend_runs_on where)
{
	const struct tend_visitor visitor = { .on_chunk = count_chunk, .runs_on = where };
	tend_process *p = start_liner(&small);
	tend_consumer *c = NULL;
	size_t bytes = 0;
	struct tend_error e;

	if (p && TRIED(tend_stream_consume(tend_process_stdout(p), &visitor, &bytes, &c, &e), &e)) {
		finish(c);
		if (torture_is_clean())
			CHECK_INT(N_BYTES, (intmax_t)bytes);
	}
	tend_consumer_free(c);
	scene_end(p);
}

void scene_consume(void)
{
	consume_on(TEND_ON_OWN_THREAD);
}

void scene_consume_on_reader(void)
{
	consume_on(TEND_ON_READER);
}

static void inspect_on(enum tend_runs_on where)
{
	const struct tend_inspect options = { .on_line = count_line, .line = lines, .runs_on = where };
	tend_process *p = start_liner(&small);
	tend_consumer *c = NULL;
	size_t bytes = 0;
	struct tend_error e;

	if (p && TRIED(tend_stream_inspect(tend_process_stdout(p), &options, &bytes, &c, &e), &e)) {
		finish(c);
		/* a line that there was no memory for is cut, and nobody can say so to an inspector */
		CHECK(bytes <= N_BYTES);
	}
	tend_consumer_free(c);
	scene_end(p);
}

void scene_inspect(void)
{
	inspect_on(TEND_ON_OWN_THREAD);
}

void scene_inspect_on_reader(void)
{
	inspect_on(TEND_ON_READER);
}

static void cancel(enum tend_cancel how)
{
	tend_process *p = scene_start(&small, "obedient", NULL);
	tend_consumer *c = NULL;
	struct tend_consumed consumed;
	size_t bytes = 0;
	struct tend_error e;

	if (p && TRIED(tend_stream_inspect_chunks(tend_process_stdout(p), count_chunk, &bytes, &c, &e), &e) &&
	    TRIED(tend_consumer_cancel(c, TEST_PATIENCE, how, &consumed, &e), &e) &&
	    consumed.ending != TEND_END_CANCELLED)
		check_ending(consumed.ending, consumed.read_errno);
	tend_consumer_free(c);
	scene_end(p);
}

void scene_cancel(void)
{
	cancel(TEND_CANCEL_NOW);
}

void scene_cancel_drain(void)
{
	cancel(TEND_CANCEL_DRAIN);
}

/* Freed while it runs. */
void scene_consumer_freed(void)
{
	tend_process *p = scene_start(&small, "obedient", NULL);
	static size_t bytes; /* the consumer's until it has ended, behind the free */
	tend_consumer *c = NULL;
	struct tend_error e;

	if (p)
		TRIED(tend_stream_inspect_chunks(tend_process_stdout(p), count_chunk, &bytes, &c, &e), &e);
	CHECK(!tend_consumer_free(c));
	scene_end(p);
}

static void collect(const struct tend_collect *options)
{
	tend_process *p = start_liner(&small);
	struct tend_collected kept;
	tend_consumer *c = NULL;
	struct tend_error e;

	if (p && TRIED(tend_stream_collect(tend_process_stdout(p), options, &c, &e), &e)) {
		finish(c);
		if (TRIED(tend_consumer_collected(c, &kept, &e), &e)) {
			if (kept.failed)
				EXCUSED(-kept.failed);
			CHECK(kept.complete || kept.truncated || kept.lines_cut || !torture_is_clean());
		}
	}
	tend_consumer_free(c);
	scene_end(p);
}

void scene_collect_bytes(void)
{
	const struct tend_collect options = TEND_COLLECT_BYTES(.overflow = TEND_DROP_OLDEST, .max_bytes = 10000);

	collect(&options);
}

void scene_collect_lines(void)
{
	const struct tend_collect options = TEND_COLLECT_LINES(.overflow = TEND_TRUSTED_UNBOUNDED, .line = lines,
	                                                       .runs_on = TEND_ON_OWN_THREAD);

	collect(&options);
}

/* What was not written is said. */
static void write_to(struct tend_write_to to, enum tend_write_what what)
{
	const struct tend_write options = { .what = what, .to = to, .on_failure = TEND_WRITE_STOP, .line = lines,
		                            .gap_text = "(gap)" };
	tend_process *p = start_liner(&small);
	struct tend_written written;
	tend_consumer *c = NULL;
	struct tend_error e;

	if (p && TRIED(tend_stream_write(tend_process_stdout(p), &options, &c, &e), &e)) {
		finish(c);
		if (TRIED(tend_consumer_written(c, &written, &e), &e)) {
			if (written.failures)
				EXCUSED(written.first.error);
			if (written.lines_cut)
				EXCUSED(ENOMEM);
			if (torture_is_clean()) {
				CHECK(written.complete);
				CHECK_INT(N_BYTES, (intmax_t)written.bytes_written);
			}
		}
	}
	tend_consumer_free(c);
	scene_end(p);
}

static void write_to_null(enum tend_write_what what)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct tend_write_to to = TEND_TO_FD(fd);

	write_to(to, what);
	close(fd);
}

void scene_write_chunks(void)
{
	write_to_null(TEND_WRITE_CHUNKS);
}

void scene_write_lines(void)
{
	write_to_null(TEND_WRITE_LINES);
}

void scene_write_file(void)
{
	FILE *f = fopen("/dev/null", "we");
	struct tend_write_to to = TEND_TO_FILE(f);

	write_to(to, TEND_WRITE_LINES);
	fclose(f);
}

/* ---- lines ---- */

static void await_line(const char *expression)
{
	tend_process *p = start_liner(&small);
	struct tend_line_found found;
	struct tend_error e;
	regex_t regex;

	regcomp(&regex, expression, 0);
	if (p && TRIED(tend_stream_wait_for_line(tend_process_stdout(p), &lines, tend_match_regex, &regex,
	                                         TEST_PATIENCE, &found, &e),
	               &e)) {
		CHECK(found.outcome != TEND_LINE_TIMED_OUT);
		if (found.outcome == TEND_LINE_STREAM_ENDED && found.ending == TEND_END_READ_ERROR)
			EXCUSED(found.read_errno);
	}
	regfree(&regex);
	scene_end(p);
}

void scene_await_line(void)
{
	await_line("0000017");
}

void scene_await_no_line(void)
{
	await_line("^there is none");
}

void scene_parser(void)
{
	static const char text[] = "one\ntwo and three\nfour";
	tend_parser *parser = NULL;
	struct tend_line line;
	struct tend_error e;

	if (!TRIED(tend_parser_new(&lines, &parser, &e), &e))
		return;
	for (size_t i = 0; i < sizeof text - 1; i += 5) {
		size_t left = sizeof text - 1 - i;

		tend_parser_feed(parser, &(struct tend_chunk){ .data = text + i, .size = left < 5 ? left : 5,
		                                               .offset = i });
		while (TRIED(tend_parser_next(parser, &line), NULL) && tend_parser_next(parser, &line) > 0)
			;
	}
	TRIED(tend_parser_finish(parser, &line), NULL);
	CHECK(!tend_parser_free(parser));
}

/* ---- without a child ---- */

void scene_stream_open(void)
{
	tend_subscription *s = NULL;
	tend_stream *stream = NULL;
	struct tend_event event = { .kind = TEND_TIMED_OUT };
	struct tend_error e;
	int fds[2];

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	CHECK_INT(5, write(fds[1], "bytes", 5)); /* before anybody can stop reading */
	if (TRIED(tend_stream_open(fds[0], &small, "mine", &stream, &e), &e)) {
		if (TRIED(tend_stream_subscribe(stream, NULL, &s, &e), &e)) {
			TRIED(tend_subscription_next(s, TEST_PATIENCE, &event), NULL);
			CHECK(event.kind == TEND_CHUNK || event.kind == TEND_READ_ERROR);
			if (event.kind == TEND_READ_ERROR)
				EXCUSED(event.read_errno);
			else
				CHECK_MEM("bytes", event.chunk.size, event.chunk.data, event.chunk.size);
		}
		tend_stream_free(stream);
		tend_subscription_close(s);
	}
	close(fds[1]);
}
