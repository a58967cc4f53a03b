/* SPDX-License-Identifier: MIT */
/* The ready-made visitors that keep nothing: inspecting chunks and lines, and waiting for a line, also by a pattern. */
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault.h"
#include "streams.h"
#include "test.h"
#include "thread.h"

static const struct tend_line_options usual = {
	.max_length = TEND_DEFAULT_MAX_LINE_LENGTH,
	.overflow = TEND_LINE_TRUNCATE,
};

static void write_text(int fd, const char *text)
{
	CHECK_INT(strlen(text), write(fd, text, strlen(text)));
}

/* A stream with options like `live` that has brought `text` and ended. */
static tend_stream *stream_of(struct tend_stream_options live, const char *text)
{
	tend_stream *stream;
	int fd;

	stream = test_pipe_stream(&live, &fd);
	write_text(fd, text);
	close(fd);
	await_end(stream);
	return stream;
}

/* One read error behind `text`. */
static tend_stream *stream_that_fails_behind(const char *text)
{
	tend_stream *stream;
	int fd;

	stream = test_pipe_stream(&test_single_all, &fd);
	write_text(fd, text);
	await_read(stream, strlen(text));
	fault_fail_sys_from("read", 1, EIO);
	close(fd);
	await_end(stream);
	fault_reset();
	return stream;
}

/* ---- inspecting ---- */

/*
 * What an inspector was shown: pieces, each with "|" behind it, "^" before one behind a gap, "~" behind an
 * unterminated one.
 */
struct seen {
	char text[256];
	int n, stop_at;
	sem_t *entered, *go_on; /* for the first piece, where they are not NULL */
};

static enum tend_flow see(struct seen *s, const char *data, size_t size, unsigned flags)
{
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof s->text - n, "%s%.*s%s|", flags & TEND_LINE_AFTER_GAP ? "^" : "", (int)size, data,
	         flags & TEND_LINE_UNTERMINATED ? "~" : "");
	if (++s->n == 1 && s->entered) {
		sem_post(s->entered);
		while (sem_wait(s->go_on) < 0)
			;
	}
	return s->n == s->stop_at ? TEND_BREAK : TEND_CONTINUE;
}

static enum tend_flow see_chunk(void *arg, const struct tend_chunk *chunk)
{
	return see(arg, chunk->data, chunk->size, 0);
}

static enum tend_flow see_line(void *arg, const struct tend_line *line)
{
	return see(arg, line->data, line->size, line->flags);
}

static tend_consumer *inspect_lines(tend_stream *stream, struct seen *seen)
{
	tend_consumer *c = NULL;
	struct tend_error e;

	CHECK_OK(tend_stream_inspect_lines(stream, &usual, see_line, seen, &c, &e), &e);
	return c;
}

static struct tend_consumed wait_and_free(tend_consumer *c)
{
	struct tend_consumed consumed = { .ending = TEND_END_NONE };
	struct tend_error e;

	CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, &consumed, &e), &e);
	tend_consumer_free(c);
	return consumed;
}

/* inspect_chunks::accepts_stateful_callback, collect::chunk_collector_accepts_stateful_callback */
static void chunks_until_a_break(void)
{
	struct tend_stream_options live = test_single_all;
	struct seen seen = { .stop_at = 3 };
	struct tend_consumed consumed;
	tend_consumer *c = NULL;
	tend_stream *stream;
	struct tend_error e;

	live.read_chunk_size = 1;
	stream = stream_of(live, "abcd");
	CHECK_OK(tend_stream_inspect_chunks(stream, see_chunk, &seen, &c, &e), &e);
	consumed = wait_and_free(c);
	CHECK_STR("a|b|c|", seen.text);
	CHECK_INT(TEND_END_BROKE, consumed.ending);
	CHECK_INT(3, (intmax_t)consumed.bytes);
	tend_stream_free(stream);
}

/*
 * adapter::sync::flushes_trailing_unterminated_line_at_eof, inspect_lines_async::preserves_unterminated_final_line,
 * collect::line_collector_accepts_stateful_callback
 */
static void lines_until_the_end(void)
{
	struct tend_stream_options live = test_single_all;
	struct seen seen = { .n = 0 };
	tend_stream *stream;

	live.read_chunk_size = 9; /* "first\nsec" */
	stream = stream_of(live, "first\nsecond\nthird");
	CHECK_INT(TEND_END_EOF, wait_and_free(inspect_lines(stream, &seen)).ending);
	CHECK_STR("first|second|third~|", seen.text);
	tend_stream_free(stream);
}

/*
 * adapter::sync::break_from_inner_stops_parsing_immediately,
 * collect::line_collector_async_break_stops_after_requested_line
 */
static void lines_until_a_break(void)
{
	tend_stream *stream = stream_of(test_single_all, "1\n2\n3\n4\nrest");
	struct seen seen = { .stop_at = 2 };

	CHECK_INT(TEND_END_BROKE, wait_and_free(inspect_lines(stream, &seen)).ending);
	CHECK_STR("1|2|", seen.text);
	tend_stream_free(stream);
}

/* inspect_lines::inspectors_return_stream_read_error */
static void lines_until_a_read_error(void)
{
	tend_stream *stream = stream_that_fails_behind("one\ntwo");
	struct seen seen = { .n = 0 };
	struct tend_consumed consumed = wait_and_free(inspect_lines(stream, &seen));

	CHECK_INT(TEND_END_READ_ERROR, consumed.ending);
	CHECK_INT(EIO, consumed.read_errno);
	CHECK_STR("one|two~|", seen.text);
	tend_stream_free(stream);
}

static void await_given(tend_consumer *c, uint64_t bytes)
{
	struct tend_consumed seen = { .bytes = 0 };

	while (seen.bytes < bytes) {
		poll(NULL, 0, 1);
		CHECK_INT(0, tend_consumer_wait(c, TEND_AT_ONCE, &seen, NULL));
	}
}

static void a_cancelled_inspector_has_seen_no_last_line(void)
{
	struct seen seen = { .n = 0 };
	struct tend_consumed consumed;
	tend_stream *stream;
	struct tend_error e;
	tend_consumer *c;
	int fd;

	stream = test_pipe_stream(&test_single_all, &fd);
	c = inspect_lines(stream, &seen);
	write_text(fd, "one\ntwo");
	await_given(c, 7);
	CHECK_OK(tend_consumer_cancel(c, TEST_PATIENCE, TEND_CANCEL_DRAIN, &consumed, &e), &e);
	CHECK_INT(TEND_END_CANCELLED, consumed.ending);
	CHECK_STR("one|", seen.text);
	tend_consumer_free(c);
	close(fd);
	tend_stream_free(stream);
}

/*
 * A lossy stream with room for one chunk, whose consumer stands still at its first line.  It is given "one\n", then
 * "par", loses `lost`, and is given `then`.
 */
static void lose(const char *lost, const char *then, struct seen *seen)
{
	struct tend_stream_options live = test_reliable;
	struct tend_consumed consumed;
	sem_t entered, go_on;
	tend_stream *stream;
	tend_consumer *c;
	int fd;

	live.delivery = TEND_LOSSY;
	live.overflow = TEND_DROP_NEWEST;
	live.max_buffered_chunks = 1;
	sem_init(&entered, 0, 0);
	sem_init(&go_on, 0, 0);
	seen->entered = &entered;
	seen->go_on = &go_on;
	stream = test_pipe_stream(&live, &fd);
	c = inspect_lines(stream, seen);
	write_text(fd, "one\n");
	while (sem_wait(&entered) < 0)
		;
	write_text(fd, "par");
	await_read(stream, 7);
	write_text(fd, lost);
	while (tend_stream_stats(stream).bytes_dropped < strlen(lost))
		poll(NULL, 0, 1);
	sem_post(&go_on);
	await_given(c, 7);
	write_text(fd, then);
	close(fd);
	consumed = wait_and_free(c);
	CHECK_INT(1, (intmax_t)consumed.gaps);
	CHECK_INT(strlen(lost), (intmax_t)consumed.bytes_dropped);
	CHECK_INT(7 + strlen(then), (intmax_t)consumed.bytes);
	tend_stream_free(stream);
	sem_destroy(&entered);
	sem_destroy(&go_on);
}

/* inspect_lines::inspectors_skip_gaps_and_visit_final_unterminated_line, adapter::sync::gap_discards_partial_line */
static void a_gap_joins_no_lines(void)
{
	struct seen seen = { .n = 0 };

	lose("tial\nlos", "t\ntwo\nfinal", &seen);
	CHECK_STR("one|^two|final~|", seen.text);
}

/* The gap says that it ended with an LF, so the line behind it is a whole one. */
static void a_gap_that_ends_with_a_line_costs_no_other(void)
{
	struct seen seen = { .n = 0 };

	lose("tial\nlost\n", "two\nfinal", &seen);
	CHECK_STR("one|^two|final~|", seen.text);
}

/* A line that there is no memory for is left out, and the next one says so. */
static void without_memory_a_line_is_left_out(void)
{
	struct seen seen = { .n = 0 };
	sem_t entered, go_on;
	tend_stream *stream;
	tend_consumer *c;
	int fd;

	sem_init(&entered, 0, 0);
	sem_init(&go_on, 0, 0);
	seen.entered = &entered;
	seen.go_on = &go_on;
	stream = test_pipe_stream(&test_single, &fd);
	c = inspect_lines(stream, &seen);
	write_text(fd, "one\npar");
	while (sem_wait(&entered) < 0)
		;
	fault_fail_alloc(1); /* the reader has its memory: the next is for "par" */
	sem_post(&go_on);
	await_given(c, 7);
	while (!fault_fired())
		poll(NULL, 0, 1);
	fault_reset();
	write_text(fd, "tial\ntwo\n");
	close(fd);
	CHECK_INT(TEND_END_EOF, wait_and_free(c).ending);
	CHECK_STR("one|^two|", seen.text);
	tend_stream_free(stream);
	sem_destroy(&entered);
	sem_destroy(&go_on);
}

/* inspect_lines{,_async}::panics_when_max_line_length_is_zero */
static void inspectors_check_their_options(void)
{
	static const struct tend_line_options zero = { .overflow = TEND_LINE_TRUNCATE };
	struct seen seen = { .n = 0 };
	tend_consumer *c = NULL;
	tend_stream *stream;
	struct tend_error e;
	int fd;

	stream = test_pipe_stream(&test_single, &fd);
	CHECK_INT(-EINVAL, tend_stream_inspect_lines(stream, &zero, see_line, &seen, &c, &e));
	CHECK_INT(0, strncmp(e.message, "max_length ", 11));
	CHECK_INT(-EINVAL, tend_stream_inspect_lines(stream, NULL, see_line, &seen, &c, &e));
	CHECK_INT(-EINVAL, tend_stream_inspect_lines(stream, &usual, NULL, &seen, &c, &e));
	CHECK_INT(-EINVAL, tend_stream_inspect_lines(NULL, &usual, see_line, &seen, &c, &e));
	CHECK_INT(-EINVAL, tend_stream_inspect_lines(stream, &usual, see_line, &seen, NULL, &e));
	CHECK_INT(-EINVAL, tend_stream_inspect_chunks(stream, NULL, &seen, &c, &e));
	CHECK_STR("fn must not be NULL", e.message);
	CHECK(c == NULL);
	c = inspect_lines(stream, &seen);
	CHECK_INT(-EBUSY, tend_stream_inspect_chunks(stream, see_chunk, &seen, &c, &e));
	CHECK_INT(-EBUSY, tend_stream_inspect_lines(stream, &usual, see_line, &seen, &c, &e));
	tend_consumer_free(c);
	close(fd);
	tend_stream_free(stream);
}

/* ---- waiting for a line ---- */

static bool is_line(void *arg, const struct tend_line *line)
{
	return line->size == strlen(arg) && memcmp(line->data, arg, line->size) == 0;
}

static struct tend_line_found wait_for(tend_stream *stream, const char *text, tend_duration timeout)
{
	struct tend_line_found found = { 0 };
	struct tend_error e;

	CHECK_OK(tend_stream_wait_for_line(stream, &usual, is_line, (void *)(uintptr_t)text, timeout, &found, &e), &e);
	return found;
}

/* What a wait for `text` finds in a stream that consists of `all`. */
static struct tend_line_found find(const char *all, const char *text)
{
	tend_stream *stream = stream_of(test_single_all, all);
	struct tend_line_found found = wait_for(stream, text, TEST_PATIENCE);

	tend_stream_free(stream);
	return found;
}

/* wait_for_line::matches_intermediary_line; VS-29 without the loss */
static void finds_a_line_in_the_middle(void)
{
	struct tend_line_found found = find("booting\nready\nmore\n", "ready");

	CHECK_INT(TEND_LINE_MATCHED, found.outcome);
	CHECK_INT(TEND_END_NONE, found.ending);
	CHECK_STR("ready", found.text);
	CHECK_INT(5, found.size);
	CHECK_INT(0, found.flags);
	CHECK_INT(8, (intmax_t)found.offset);
	CHECK_INT(14, (intmax_t)found.resume_offset);
	CHECK_INT(2, (intmax_t)found.lines_seen);
	CHECK_INT(0, (intmax_t)found.gaps);
}

/* wait_for_line::matches_final_line */
static void finds_an_unterminated_line_at_the_end(void)
{
	struct tend_line_found found = find("booting\nready", "ready");

	CHECK_INT(TEND_LINE_MATCHED, found.outcome);
	CHECK_INT(TEND_END_EOF, found.ending);
	CHECK_INT(TEND_LINE_UNTERMINATED, found.flags);
	CHECK_INT(13, (intmax_t)found.resume_offset);
}

/* wait_for_line::returns_stream_closed_when_expected_is_not_matched_before_eof */
static void finds_nothing_before_the_end(void)
{
	struct tend_line_found found = find("booting\nreadily\n", "ready");

	CHECK_INT(TEND_LINE_STREAM_ENDED, found.outcome);
	CHECK_INT(TEND_END_EOF, found.ending);
	CHECK_INT(2, (intmax_t)found.lines_seen);
	CHECK_INT(16, (intmax_t)found.resume_offset);
	CHECK_STR("", found.text);
	CHECK_INT(TEND_LINE_STREAM_ENDED, find("", "ready").outcome);
}

/* wait_for_line::gap_does_not_join_lines: what is retained begins in the middle of a line */
static void what_is_behind_a_gap_is_no_line(void)
{
	struct tend_stream_options live = test_single;
	struct tend_line_found found;
	tend_stream *stream;

	live.replay = TEND_REPLAY_CHUNKS(1);
	live.read_chunk_size = 3;
	stream = stream_of(live, "rea\nre");
	found = wait_for(stream, "\nre", TEST_PATIENCE);
	CHECK_INT(TEND_LINE_STREAM_ENDED, found.outcome);
	CHECK_INT(1, (intmax_t)found.lines_seen);
	found = wait_for(stream, "re", TEST_PATIENCE);
	CHECK_INT(TEND_LINE_MATCHED, found.outcome);
	CHECK_INT(TEND_LINE_AFTER_GAP | TEND_LINE_UNTERMINATED, found.flags);
	CHECK_INT(4, (intmax_t)found.offset);
	CHECK_INT(0, (intmax_t)found.gaps); /* nothing was lost while it looked */
	tend_stream_free(stream);
}

/* wait_for_line::reports_read_error */
static void a_read_error_ends_it(void)
{
	tend_stream *stream = stream_that_fails_behind("boot\nre");
	struct tend_line_found found = wait_for(stream, "ready", TEST_PATIENCE);

	CHECK_INT(TEND_LINE_STREAM_ENDED, found.outcome);
	CHECK_INT(TEND_END_READ_ERROR, found.ending);
	CHECK_INT(EIO, found.read_errno);
	CHECK_INT(2, (intmax_t)found.lines_seen);
	tend_stream_free(stream);
}

/* wait_for_line::honors_line_parsing_options */
static void long_lines_match_as_they_are_cut(void)
{
	static const struct tend_line_options four = { .max_length = 4, .overflow = TEND_LINE_TRUNCATE };
	tend_stream *stream = stream_of(test_single_all, "readiness\n");
	struct tend_line_found found = { 0 };
	struct tend_error e;
	char read[] = "read";

	CHECK_OK(tend_stream_wait_for_line(stream, &four, is_line, read, TEST_PATIENCE, &found, &e), &e);
	CHECK_INT(TEND_LINE_MATCHED, found.outcome);
	CHECK_INT(TEND_LINE_CUT, found.flags);
	CHECK_INT(4, (intmax_t)found.resume_offset);
	tend_stream_free(stream);
}

static bool any_line(void *arg, const struct tend_line *line)
{
	(void)arg, (void)line;
	return true;
}

static void the_copy_of_a_long_line_is_cut_to_fit(void)
{
	struct tend_line_found found = { 0 };
	char line[300], expected[256];
	tend_stream *stream;
	struct tend_error e;

	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	memset(expected, 'x', 255);
	expected[255] = '\0';
	stream = stream_of(test_single_all, line);
	CHECK_OK(tend_stream_wait_for_line(stream, &usual, any_line, NULL, TEST_PATIENCE, &found, &e), &e);
	CHECK_STR(expected, found.text);
	CHECK_INT(299, found.size);
	tend_stream_free(stream);
}

/* wait_for_line_bounded::times_out_with_timeout_error; the partial line is not a line yet */
static void a_silent_stream_times_out(void)
{
	struct tend_line_found found;
	tend_stream *stream;
	int64_t began;
	int fd;

	stream = test_pipe_stream(&test_single_all, &fd);
	write_text(fd, "boot\nready");
	await_read(stream, 10);
	began = test_now_ns();
	found = wait_for(stream, "ready", TEND_MS(25));
	CHECK(test_now_ns() - began >= 25000000);
	CHECK_INT(TEND_LINE_TIMED_OUT, found.outcome);
	CHECK_INT(TEND_END_NONE, found.ending);
	CHECK_INT(1, (intmax_t)found.lines_seen);
	CHECK_INT(10, (intmax_t)found.resume_offset);
	close(fd);
	tend_stream_free(stream);
}

/* Data goes before the end, the end before the time-out. */
static void what_is_there_is_looked_at_in_no_time(void)
{
	struct tend_line_found found;
	tend_stream *stream;
	int fd;

	stream = test_pipe_stream(&test_single_all, &fd);
	write_text(fd, "boot\nready\n");
	await_read(stream, 11);
	CHECK_INT(TEND_LINE_MATCHED, wait_for(stream, "ready", TEND_AT_ONCE).outcome);
	CHECK_INT(TEND_LINE_TIMED_OUT, wait_for(stream, "steady", TEND_AT_ONCE).outcome);
	close(fd);
	await_end(stream);
	found = wait_for(stream, "steady", TEND_AT_ONCE);
	CHECK_INT(TEND_LINE_STREAM_ENDED, found.outcome);
	CHECK_INT(TEND_LINE_MATCHED, wait_for(stream, "ready", TEND_MS(-5)).outcome);
	tend_stream_free(stream);
}

/* No line comes to an end before there is more behind it. */
static bool wait_for_more(void *arg, const struct tend_line *line)
{
	while (tend_stream_stats(arg).bytes_read < line->offset + 4 * TEND_DEFAULT_READ_CHUNK_SIZE)
		poll(NULL, 0, 1);
	return false;
}

/* A child that writes lines without pause keeps nobody beyond his time. */
static void a_flood_does_not_prolong_it(void)
{
	struct tend_stream_options live = test_reliable;
	struct tend_line_found found = { 0 };
	tend_process *child;
	tend_stream *out;
	struct tend_error e;

	live.replay = TEND_REPLAY_BYTES(1 << 20); /* so that there is a line to look at, however late the child comes */
	child = test_spawn(&live, "flooder", "1000000000000", NULL);
	if (!child)
		return;
	out = tend_process_stdout(child);
	while (tend_stream_stats(out).bytes_read < 1 << 20)
		poll(NULL, 0, 1);
	CHECK_OK(tend_stream_wait_for_line(out, &usual, wait_for_more, out, TEND_MS(50), &found, &e), &e);
	CHECK_INT(TEND_LINE_TIMED_OUT, found.outcome);
	CHECK(found.lines_seen > 0 && found.resume_offset > 0);
	tend_process_free(child);
}

struct answer {
	tend_stream *stream;
	int fd;
};

/* Writes a line once somebody waits for it. */
static void answer(struct test_thread *t, void *arg)
{
	const struct answer *a = arg;

	while (tend_stream_stats(a->stream).subscribers == 0)
		poll(NULL, 0, 1);
	WORKER_CHECK(t, write(a->fd, "boot\nrea", 8) == 8);
	WORKER_CHECK(t, write(a->fd, "dy\n", 3) == 3);
}

/* VS-24: the slot is taken during the wait, and free behind it. */
static void waits_for_what_comes_later(void)
{
	struct tend_subscription *sub = NULL;
	struct tend_line_found found;
	struct test_thread thread;
	struct tend_error e;
	struct answer a;

	a.stream = test_pipe_stream(&test_single, &a.fd);
	test_thread_start(&thread, answer, &a);
	found = wait_for(a.stream, "ready", TEST_PATIENCE);
	test_thread_join(&thread);
	CHECK_INT(TEND_LINE_MATCHED, found.outcome);
	CHECK_INT(5, (intmax_t)found.offset);
	CHECK_INT(0, tend_stream_stats(a.stream).subscribers);
	CHECK_OK(tend_stream_subscribe(a.stream, NULL, &sub, &e), &e);
	CHECK_INT(-EBUSY, tend_stream_wait_for_line(a.stream, &usual, any_line, NULL, TEND_AT_ONCE, &found, &e));
	CHECK_INT(TEND_STEP_SUBSCRIBE, e.step);
	tend_subscription_close(sub);
	close(a.fd);
	tend_stream_free(a.stream);
}

/* wait_for_line::panics_when_max_line_length_is_zero */
static void waits_check_their_options(void)
{
	static const struct tend_line_options zero = { .overflow = TEND_LINE_TRUNCATE };
	struct tend_line_found found = { .size = 42 };
	tend_stream *stream = stream_of(test_single_all, "x\n");
	struct tend_error e;

	CHECK_INT(-EINVAL, tend_stream_wait_for_line(stream, &zero, any_line, NULL, TEND_AT_ONCE, &found, &e));
	CHECK_INT(0, strncmp(e.message, "max_length ", 11));
	CHECK_INT(-EINVAL, tend_stream_wait_for_line(stream, &usual, any_line, NULL, 0, &found, &e));
	CHECK_INT(0, strncmp(e.message, "timeout ", 8));
	CHECK_INT(-EINVAL, tend_stream_wait_for_line(stream, &usual, NULL, NULL, TEND_AT_ONCE, &found, &e));
	CHECK_STR("match must not be NULL", e.message);
	CHECK_INT(-EINVAL, tend_stream_wait_for_line(NULL, &usual, any_line, NULL, TEND_AT_ONCE, &found, NULL));
	CHECK_INT(42, found.size);
	tend_stream_free(stream);
}

/* Every allocation that the wait itself makes may fail: -ENOMEM, and nothing is left. */
static void without_memory_it_fails(void)
{
	struct tend_stream_options live = test_single_all;
	struct tend_line_found found;
	tend_stream *stream;
	struct tend_error e;
	char ready[] = "ready";
	unsigned long i = 0;
	int r;

	live.read_chunk_size = 3;
	stream = stream_of(live, "boot\nready\n");
	do {
		fault_fail_alloc(++i);
		r = tend_stream_wait_for_line(stream, &usual, is_line, ready, TEST_PATIENCE, &found, &e);
		CHECK_INT(fault_fired() ? -ENOMEM : 0, r);
		CHECK(r == 0 || e.step == TEND_STEP_ALLOCATE);
	} while (fault_fired() && i < 100);
	fault_reset();
	CHECK(i > 3 && i < 100);
	CHECK_INT(TEND_LINE_MATCHED, found.outcome);
	tend_stream_free(stream);
}

/* ---- regular expressions ---- */

/* The same as where the C library has no REG_STARTEND. */
#undef REG_STARTEND
#define tend_match_regex match_without_startend
bool match_without_startend(void *regex, const struct tend_line *line);
#include "../lib/match.c"
#undef tend_match_regex

typedef bool match_fn(void *regex, const struct tend_line *line);

/* Exactly these bytes, with nothing behind them: a sanitizer knows who reads on. */
static bool matches(match_fn *match, const char *pattern, const char *data, size_t size)
{
	char *copy = malloc(size);
	struct tend_line line = { .data = copy, .size = size };
	bool found;
	regex_t regex;

	if (size > 0)
		memcpy(copy, data, size);
	CHECK_INT(0, regcomp(&regex, pattern, REG_EXTENDED));
	found = match(&regex, &line);
	regfree(&regex);
	CHECK_INT(0, regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB));
	CHECK_INT(found, match(&regex, &line));
	regfree(&regex);
	free(copy);
	return found;
}

static void patterns_match_lines(void)
{
	static match_fn *const both[] = { tend_match_regex, match_without_startend };

	for (size_t i = 0; i < 2; i++) {
		CHECK(matches(both[i], "ready", "it is ready now", 15));
		CHECK(!matches(both[i], "ready", "it is ready now", 10));
		CHECK(matches(both[i], "^port [0-9]+$", "port 8080", 9));
		CHECK(!matches(both[i], "^port [0-9]+$", "port 8080 ", 10));
		CHECK(matches(both[i], "^$", "", 0));
		CHECK(!matches(both[i], ".", "", 0));
		CHECK(matches(both[i], "a\r$", "a\r", 2));
	}
	CHECK(matches(tend_match_regex, "b$", "a\0b", 3));
	CHECK(!matches(tend_match_regex, "a$", "a\0b", 3));
	CHECK(matches(match_without_startend, "a$", "a\0b", 3));
}

/* Around what is copied to the stack, and with no memory for the copy. */
static void patterns_match_long_lines(void)
{
	size_t edge = TEND_DEFAULT_MAX_LINE_LENGTH;
	char *data = malloc(edge + 2);
	regex_t regex;

	CHECK_INT(0, regcomp(&regex, "xe$", REG_EXTENDED));
	memset(data, 'x', edge + 2);
	for (size_t size = edge - 1; size <= edge + 2; size++) {
		struct tend_line line = { .data = data, .size = size };

		data[size - 1] = 'e';
		CHECK(matches(tend_match_regex, "xe$", data, size));
		fault_fail_alloc(1);
		CHECK_INT(size <= edge, tend_match_regex(&regex, &line));
		CHECK_INT(size > edge, fault_fired());
		fault_reset();
		data[size - 1] = 'x';
	}
	regfree(&regex);
	free(data);
}

/* What a wait for a line that matches the pattern finds in a stream that consists of `all`. */
static struct tend_line_found find_pattern(const char *all, const char *pattern)
{
	tend_stream *stream = stream_of(test_single_all, all);
	struct tend_line_found found = { 0 };
	struct tend_error e;
	regex_t regex;

	CHECK_INT(0, regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB));
	CHECK_OK(tend_stream_wait_for_line(stream, &usual, tend_match_regex, &regex, TEST_PATIENCE, &found, &e), &e);
	regfree(&regex);
	tend_stream_free(stream);
	return found;
}

/* wait_for_line::matches_intermediary_line, matches_final_line, returns_stream_closed_when_expected_is_not_... */
static void waits_for_a_pattern(void)
{
	struct tend_line_found found = find_pattern("booting\nport 80 is up\nport 90 is up\n", "^port [0-9]+ ");

	CHECK_INT(TEND_LINE_MATCHED, found.outcome);
	CHECK_STR("port 80 is up", found.text);
	CHECK_INT(2, (intmax_t)found.lines_seen);
	found = find_pattern("booting\nport 80", "^port [0-9]+$");
	CHECK_INT(TEND_LINE_MATCHED, found.outcome);
	CHECK_INT(TEND_LINE_UNTERMINATED, found.flags);
	found = find_pattern("booting\nport 80", "^[0-9]+$");
	CHECK_INT(TEND_LINE_STREAM_ENDED, found.outcome);
	CHECK_INT(2, (intmax_t)found.lines_seen);
	/* no pattern reaches from one line into the next */
	CHECK_INT(TEND_LINE_STREAM_ENDED, find_pattern("re\nady\n", "re.*ady").outcome);
}

struct shared_pattern {
	tend_stream *stream;
	regex_t regex;
};

static void wait_with_shared_pattern(struct test_thread *t, void *arg)
{
	struct shared_pattern *s = arg;
	struct tend_line_found found;

	for (int i = 0; i < 50; i++) {
		WORKER_CHECK_INT(t, 0, tend_stream_wait_for_line(s->stream, &usual, tend_match_regex, &s->regex,
		                                                 TEST_PATIENCE, &found, NULL));
		WORKER_CHECK_INT(t, 8, (intmax_t)found.offset);
	}
}

static void threads_share_a_pattern(void)
{
	struct shared_pattern s = { .stream = stream_of(test_reliable_all, "booting\nport 80\n") };
	struct test_thread threads[3];

	CHECK_INT(0, regcomp(&s.regex, "(^port) [[:digit:]]+", REG_EXTENDED));
	for (size_t i = 0; i < 3; i++)
		test_thread_start(&threads[i], wait_with_shared_pattern, &s);
	for (size_t i = 0; i < 3; i++)
		test_thread_join(&threads[i]);
	regfree(&s.regex);
	tend_stream_free(s.stream);
}

static const struct test tests[] = {
	{ "chunks-until-a-break", chunks_until_a_break },
	{ "lines-until-the-end", lines_until_the_end },
	{ "lines-until-a-break", lines_until_a_break },
	{ "lines-until-a-read-error", lines_until_a_read_error },
	{ "a-cancelled-inspector-has-seen-no-last-line", a_cancelled_inspector_has_seen_no_last_line },
	{ "a-gap-joins-no-lines", a_gap_joins_no_lines },
	{ "a-gap-that-ends-with-a-line-costs-no-other", a_gap_that_ends_with_a_line_costs_no_other },
	{ "without-memory-a-line-is-left-out", without_memory_a_line_is_left_out },
	{ "inspectors-check-their-options", inspectors_check_their_options },
	{ "finds-a-line-in-the-middle", finds_a_line_in_the_middle },
	{ "finds-an-unterminated-line-at-the-end", finds_an_unterminated_line_at_the_end },
	{ "finds-nothing-before-the-end", finds_nothing_before_the_end },
	{ "what-is-behind-a-gap-is-no-line", what_is_behind_a_gap_is_no_line },
	{ "a-read-error-ends-it", a_read_error_ends_it },
	{ "long-lines-match-as-they-are-cut", long_lines_match_as_they_are_cut },
	{ "the-copy-of-a-long-line-is-cut-to-fit", the_copy_of_a_long_line_is_cut_to_fit },
	{ "a-silent-stream-times-out", a_silent_stream_times_out },
	{ "what-is-there-is-looked-at-in-no-time", what_is_there_is_looked_at_in_no_time },
	{ "a-flood-does-not-prolong-it", a_flood_does_not_prolong_it },
	{ "waits-for-what-comes-later", waits_for_what_comes_later },
	{ "waits-check-their-options", waits_check_their_options },
	{ "without-memory-it-fails", without_memory_it_fails },
	{ "patterns-match-lines", patterns_match_lines },
	{ "patterns-match-long-lines", patterns_match_long_lines },
	{ "waits-for-a-pattern", waits_for_a_pattern },
	{ "threads-share-a-pattern", threads_share_a_pattern },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "visit", tests, sizeof tests / sizeof *tests);
}
