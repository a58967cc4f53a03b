/* SPDX-License-Identifier: MIT */
/* Calls that are refused before they do anything: without what they need, or in a copy of the host. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "test.h"

static const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(60));
static const struct tend_collect bytes = TEND_COLLECT_BYTES(.max_bytes = 64, .overflow = TEND_DROP_NEWEST);

/* A refusal says which argument, or field, it is about. */
static void check_refusal(int r, const struct tend_error *e, const char *what)
{
	CHECK_INT(-EINVAL, r);
	CHECK_INT(-EINVAL, e->code);
	CHECK_INT(TEND_STEP_OPTIONS, e->step);
	if (!strstr(e->message, what))
		CHECK_STR(what, e->message);
}

/* ---- without what they need ---- */

static void no_process(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_released released;
	struct tend_status status;
	tend_process *p = NULL;
	struct tend_error e;

	check_refusal(tend_spawn(NULL, &p, &e), &e, "spawn");
	check_refusal(tend_spawn(&s, NULL, &e), &e, "ret_process");
	check_refusal(tend_process_stdin_write(NULL, "x", 1, TEND_AT_ONCE, NULL, &e), &e, "process");
	CHECK_INT(-EINVAL, tend_process_stdin_close(NULL));
	CHECK_INT(-EINVAL, tend_process_set_window(NULL, 1, 1));
	CHECK_INT(-EINVAL, tend_process_release(NULL, &released));
	CHECK_INT(-EINVAL, tend_process_status(NULL, &status));
	CHECK_INT(-EINVAL, tend_process_exit_fd(NULL));
	tend_result_clear(NULL, NULL);
	check_refusal(tend_process_stop(NULL, &plan, NULL, &e), &e, "process");
	check_refusal(tend_process_wait(NULL, TEND_AT_ONCE, NULL, &e), &e, "process");
	CHECK(p == NULL);
}

static void no_result(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	const struct tend_complete collects = { .timeout = TEST_PATIENCE, .stop = &plan, .out = bytes,
		                                .drain = { .idle = TEND_MS(1), .total = TEND_SECONDS(5) } };
	struct tend_result result;
	struct tend_exit ended;
	tend_process *p = NULL;
	struct tend_error e;

	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	check_refusal(tend_process_complete(p, NULL, &result, &e), &e, "options");
	check_refusal(tend_process_complete(p, &collects, NULL, &e), &e, "ret_result");
	check_refusal(tend_process_stdin_write(p, NULL, 1, TEND_AT_ONCE, NULL, &e), &e, "data");
	CHECK_INT(-EBADF, tend_process_stdin_write(p, NULL, 0, TEND_AT_ONCE, NULL, &e)); /* nothing may be anywhere */
	check_refusal(tend_process_stop(p, NULL, NULL, &e), &e, "plan");
	CHECK_INT(-EINVAL, tend_process_set_window(p, 0, 80));
	CHECK_INT(-EINVAL, tend_process_set_window(p, 24, 0));
	CHECK_INT(-EINVAL, tend_process_status(p, NULL));
	CHECK_OK(tend_process_wait(p, TEND_AT_ONCE, NULL, &e), &e);
	tend_result_clear(NULL, p);
	test_wait(p, &ended);
	CHECK_OK(tend_process_wait(p, TEND_AT_ONCE, NULL, &e), &e);
	tend_process_free(p);
}

static void no_stream(void)
{
	const struct tend_subscribe no_overflow = { .overflow = (enum tend_overflow)9 };
	const struct tend_subscribe too_many = { .max_buffered_chunks = SIZE_MAX };
	tend_subscription *sub = NULL;
	struct tend_consumed seen;
	struct tend_event event;
	struct tend_error e;
	int fd;
	tend_stream *st = test_pipe_stream(&test_reliable, &fd);

	check_refusal(tend_stream_subscribe(NULL, NULL, &sub, &e), &e, "stream");
	check_refusal(tend_stream_subscribe(st, NULL, NULL, &e), &e, "ret_subscription");
	check_refusal(tend_stream_subscribe(st, &no_overflow, &sub, &e), &e, "overflow");
	check_refusal(tend_stream_subscribe(st, &too_many, &sub, &e), &e, "max_buffered_chunks");
	check_refusal(tend_consumer_wait(NULL, TEND_AT_ONCE, &seen, &e), &e, "consumer");
	CHECK_INT(-EINVAL, tend_subscription_next(NULL, TEND_AT_ONCE, &event));
	if (CHECK_OK(tend_stream_subscribe(st, NULL, &sub, &e), &e)) {
		CHECK_INT(-EINVAL, tend_subscription_next(sub, TEND_AT_ONCE, NULL));
		CHECK_INT(-EINVAL, tend_subscription_next(sub, -1, &event));
		sub = tend_subscription_close(sub);
	}
	CHECK_INT(-EINVAL, tend_subscription_fd(NULL));
	CHECK(sub == NULL);
	close(fd);
	tend_stream_free(st);
}

static enum tend_flow take_chunk(void *arg, const struct tend_chunk *chunk)
{
	(void)arg;
	(void)chunk;
	return TEND_CONTINUE;
}

static enum tend_flow take_line(void *arg, const struct tend_line *line)
{
	(void)arg;
	(void)line;
	return TEND_CONTINUE;
}

static bool any_line(void *arg, const struct tend_line *line)
{
	(void)arg;
	(void)line;
	return true;
}

static const struct tend_line_options lines = { .max_length = 64, .overflow = TEND_LINE_TRUNCATE };

static void no_consumer(void)
{
	const struct tend_visitor visitor = { .on_chunk = take_chunk, .runs_on = TEND_ON_READER };
	const struct tend_visitor none = { .on_end = NULL };
	const struct tend_inspect chunks = { .on_chunk = take_chunk, .runs_on = TEND_ON_READER };
	struct tend_collected collected;
	tend_consumer *c = NULL;
	struct tend_error e;
	int fd;
	tend_stream *st = test_pipe_stream(&test_reliable, &fd);

	check_refusal(tend_stream_consume(NULL, &visitor, NULL, &c, &e), &e, "stream");
	check_refusal(tend_stream_consume(st, NULL, NULL, &c, &e), &e, "visitor");
	check_refusal(tend_stream_consume(st, &visitor, NULL, NULL, &e), &e, "ret_consumer");
	check_refusal(tend_stream_consume(st, &none, NULL, &c, &e), &e, "visitor.on_chunk");
	check_refusal(tend_stream_inspect(NULL, &chunks, NULL, &c, &e), &e, "stream");
	check_refusal(tend_stream_inspect(st, NULL, NULL, &c, &e), &e, "options");
	check_refusal(tend_stream_inspect(st, &chunks, NULL, NULL, &e), &e, "ret_consumer");
	check_refusal(tend_stream_collect(NULL, &bytes, &c, &e), &e, "stream");
	check_refusal(tend_stream_collect(st, &bytes, NULL, &e), &e, "ret_consumer");
	check_refusal(tend_consumer_collected(NULL, &collected, &e), &e, "consumer");
	CHECK(c == NULL);
	if (CHECK_OK(tend_stream_collect(st, &bytes, &c, &e), &e))
		check_refusal(tend_consumer_collected(c, NULL, &e), &e, "ret_collected");
	close(fd);
	tend_consumer_free(c);
	tend_stream_free(st);
}

/* A library that has no memory for it says so, and the stream is as it was. */
static void no_memory_for_an_inspector(void)
{
	const struct tend_inspect o = { .on_line = take_line, .line = lines, .runs_on = TEND_ON_READER };
	tend_consumer *c = NULL;
	struct tend_error e;
	int fd;
	tend_stream *st = test_pipe_stream(&test_reliable, &fd);

	for (unsigned long i = 1; i <= 2; i++) { /* itself, its parser */
		fault_fail_alloc(i);
		CHECK_INT(-ENOMEM, tend_stream_inspect(st, &o, NULL, &c, &e));
		CHECK(fault_fired());
		CHECK_INT(-ENOMEM, e.code);
		CHECK_INT(TEND_STEP_ALLOCATE, e.step);
		CHECK(c == NULL);
	}
	fault_reset();
	CHECK_INT(0, tend_stream_subscribers(st, NULL, 0));
	CHECK_OK(tend_stream_inspect(st, &o, NULL, &c, &e), &e);
	close(fd);
	tend_consumer_free(c);
	tend_stream_free(st);
}

static void no_line(void)
{
	struct tend_line_found found;
	struct tend_error e;
	int fd;
	tend_stream *st = test_pipe_stream(&test_reliable, &fd);

	check_refusal(tend_stream_wait_for_line(NULL, &lines, any_line, NULL, TEND_AT_ONCE, &found, &e), &e, "stream");
	check_refusal(tend_stream_wait_for_line(st, &lines, NULL, NULL, TEND_AT_ONCE, &found, &e), &e, "match");
	check_refusal(tend_stream_wait_for_line(st, &lines, any_line, NULL, TEND_AT_ONCE, NULL, &e), &e, "ret_found");
	close(fd);
	tend_stream_free(st);
}

/* What was to be read is closed in any case. */
static void check_taken(int r, int fd, const struct tend_error *e, const char *what)
{
	check_refusal(r, e, what);
	CHECK_INT(-1, fcntl(fd, F_GETFD));
}

static void no_stream_to_open(void)
{
	tend_stream *st = NULL;
	struct tend_error e;
	int fd;

	fd = dup(STDIN_FILENO);
	check_taken(tend_stream_open(fd, NULL, "st", &st, &e), fd, &e, "options");
	fd = dup(STDIN_FILENO);
	check_taken(tend_stream_open(fd, &test_reliable, "st", NULL, &e), fd, &e, "ret_stream");
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (CHECK_OK(tend_stream_open(fd, &test_reliable, NULL, &st, &e), &e))
		CHECK_STR("", tend_stream_label(st));
	tend_stream_free(st);
}

/* Only what a chunk lends can be kept. */
static void no_chunk(void)
{
	struct tend_chunk kept = { .size = 0 }, mine = { .data = "x", .size = 1 };

	CHECK_INT(-EINVAL, tend_chunk_ref(NULL, &kept));
	CHECK_INT(-EINVAL, tend_chunk_ref(&mine, NULL));
	CHECK_INT(-EINVAL, tend_chunk_ref(&mine, &kept));
	tend_chunk_unref(NULL);
	tend_chunk_unref(&mine);
	CHECK_INT(1, mine.size);
}

/* What ends with its scope. */
static void automatic_ones(void)
{
	size_t fds = test_count_fds();
	struct tend_event event;
	struct tend_error e;
	int fd;

	{
		TEND_AUTO(tend_stream) st = test_pipe_stream(&test_reliable, &fd);
		TEND_AUTO(tend_consumer) consumer = NULL;
		TEND_AUTO(tend_subscription) sub = NULL;

		CHECK_OK(tend_stream_collect(st, &bytes, &consumer, &e), &e);
		CHECK_OK(tend_stream_subscribe(st, NULL, &sub, &e), &e);
		CHECK_INT(0, tend_subscription_next(sub, TEND_AT_ONCE, &event));
		CHECK_INT(TEND_TIMED_OUT, event.kind);
		close(fd);
	}
	CHECK_INT(fds, test_count_fds());
}

/* ---- in a copy of the host ---- */

struct owned {
	tend_process *process;
	tend_stream *stream;
	tend_subscription *subscription;
	tend_consumer *consumer;
};

/* In the copy: each call says so, and none waits, or changes what is the host's.  Ends the process where one does. */
static void use_what_is_not_ours(const struct owned *o)
{
	struct tend_released released;
	tend_subscription *sub = NULL;
	struct tend_consumed seen;
	struct tend_result result;
	struct tend_status status;
	struct tend_event event;
	tend_consumer *c = NULL;
	struct tend_exit ended;
	struct tend_error e;

	CHECK_INT(-ECHILD, tend_process_wait(o->process, TEND_FOREVER, &ended, &e));
	CHECK_INT(TEND_STEP_FORK, e.step);
	CHECK_INT(-ECHILD, tend_process_exit_fd(o->process));
	CHECK_INT(-ECHILD, tend_process_status(o->process, &status));
	CHECK_INT(-ECHILD, tend_process_set_window(o->process, 24, 80));
	CHECK_INT(-ECHILD, tend_process_stdin_close(o->process));
	CHECK_INT(-ECHILD, tend_process_release(o->process, &released));
	CHECK_INT(-ECHILD, tend_process_complete(o->process, NULL, &result, &e));
	CHECK_INT(-ECHILD, tend_stream_subscribe(o->stream, NULL, &sub, &e));
	CHECK_INT(-ECHILD, tend_stream_collect(o->stream, &bytes, &c, &e));
	CHECK_INT(-ECHILD, tend_stream_seal_replay(o->stream));
	CHECK_INT(0, tend_stream_subscribers(o->stream, NULL, 0));
	CHECK_INT(0, tend_stream_stats(o->stream).subscribers); /* what needs no lock, and nothing else */
	CHECK_INT(-ECHILD, tend_subscription_next(o->subscription, TEND_FOREVER, &event));
	CHECK_INT(-ECHILD, tend_subscription_fd(o->subscription));
	CHECK_INT(-ECHILD, tend_consumer_wait(o->consumer, TEND_FOREVER, &seen, &e));
	CHECK(tend_subscription_close(o->subscription) == NULL);
	CHECK(tend_consumer_free(o->consumer) == NULL);
	tend_result_clear(&result, o->process);
	CHECK(tend_process_free(o->process) == NULL);
}

static void in_a_copy(void)
{
	struct owned o = { .process = test_spawn(&test_reliable_all, "stdiner", NULL) };
	struct tend_error e;
	int status = -1;
	pid_t copy;

	if (!o.process)
		return;
	o.stream = tend_process_stdout(o.process);
	CHECK_OK(tend_stream_subscribe(o.stream, NULL, &o.subscription, &e), &e);
	CHECK_OK(tend_stream_collect(o.stream, &bytes, &o.consumer, &e), &e);
	copy = fork();
	if (copy == 0) {
		alarm(60);
		use_what_is_not_ours(&o);
		_exit(0);
	}
	CHECK_INT(copy, waitpid(copy, &status, 0));
	CHECK_INT(0, status);
	tend_subscription_close(o.subscription);
	tend_consumer_free(o.consumer);
	CHECK_OK(tend_process_kill(o.process, TEST_PATIENCE, NULL, &e), &e);
	tend_process_free(o.process);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "no_process", no_process },
		{ "no_result", no_result },
		{ "no_stream", no_stream },
		{ "no_consumer", no_consumer },
		{ "no_memory_for_an_inspector", no_memory_for_an_inspector },
		{ "no_line", no_line },
		{ "no_stream_to_open", no_stream_to_open },
		{ "no_chunk", no_chunk },
		{ "automatic_ones", automatic_ones },
		{ "in_a_copy", in_a_copy },
	};

	return test_main(argc, argv, "refusals", tests, sizeof tests / sizeof *tests);
}
