/* SPDX-License-Identifier: MIT */
/* Calls that are refused before they do anything: without what they need, or in a copy of the host. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
	test_wait(p, &ended);
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
	CHECK_INT(-EINVAL, tend_subscription_fd(NULL));
	CHECK(sub == NULL);
	close(fd);
	tend_stream_free(st);
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
		TEND_AUTO(tend_subscription) sub = NULL;

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
	CHECK_INT(-ECHILD, tend_subscription_next(o->subscription, TEND_FOREVER, &event));
	CHECK_INT(-ECHILD, tend_subscription_fd(o->subscription));
	CHECK_INT(-ECHILD, tend_consumer_wait(o->consumer, TEND_FOREVER, &seen, &e));
	CHECK(tend_subscription_close(o->subscription) == NULL);
	CHECK(tend_consumer_free(o->consumer) == NULL);
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
		{ "automatic_ones", automatic_ones },
		{ "in_a_copy", in_a_copy },
	};

	return test_main(argc, argv, "refusals", tests, sizeof tests / sizeof *tests);
}
