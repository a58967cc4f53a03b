/* SPDX-License-Identifier: MIT */
/*
 * Hazard 68: the calls are no cancellation points.  Each of those that may block, doc/BLOCKING.md, and of those that
 * make system calls at all, is made by a thread that has been cancelled before: it runs to its end, with the result
 * that it has otherwise, and the thread ends where it asks for that behind it.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "streams.h"
#include "test.h"

/* What a call is made on.  It sets to NULL what it has freed. */
struct call {
	tend_process *p;
	tend_stream *stream; /* its stdout, or one of a pipe */
	int fd;              /* that pipe; -1: none */
	tend_subscription *sub;
	tend_consumer *consumer;
	struct tend_released released;
	const struct row *row;
	bool was_right, returned, went_on; /* written by the thread, read behind the join */
};

struct row {
	const char *name;
	const char *program, *arg; /* of the child; NULL: a pipe, a subscription and a consumer of it */
	bool says_ready;           /* the child does, and is awaited */
	bool (*call)(struct call *c);
};

static char lots[1 << 20]; /* more than a pipe takes */

/* ---- calls on a process ---- */

static bool spawns(enum tend_with_parent with_parent)
{
	const char *argv[] = { helper("exiter"), "7", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	struct tend_exit ended = { .kind = TEND_RUNNING };
	tend_process *p = NULL;
	bool good;

	s.with_parent = with_parent;
	good = tend_spawn(&s, &p, NULL) == 0 && tend_process_wait(p, TEST_PATIENCE, &ended, NULL) == 0 &&
	       ended.kind == TEND_EXITED && ended.code == 7;
	tend_process_free(p);
	return good;
}

static bool spawn_free(struct call *c)
{
	(void)c;
	return spawns(0);
}

static bool spawn_bound(struct call *c)
{
	(void)c;
	return spawns(TEND_WITH_PARENT_CHILD);
}

static bool spawn_fails(struct call *c)
{
	const char *argv[] = { "/nowhere/program", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	tend_process *p = NULL;

	(void)c;
	return tend_spawn(&s, &p, NULL) == -ENOENT && !p;
}

static bool waits(struct call *c)
{
	struct tend_exit ended;

	return tend_process_wait(c->p, TEND_FOREVER, &ended, NULL) == 0 && ended.kind == TEND_EXITED;
}

static bool stops(struct call *c)
{
	struct tend_stop_report report;

	return tend_process_stop(c->p, &TEND_STOP_TERM(TEND_MS(5)), &report, NULL) == 0 &&
	       report.outcome == TEND_STOPPED_BY_KILL;
}

static bool kills(struct call *c)
{
	struct tend_stop_report report;

	return tend_process_kill(c->p, TEST_PATIENCE, &report, NULL) == 0 && report.outcome == TEND_STOPPED_BY_KILL;
}

static bool asks_and_signals(struct call *c)
{
	struct tend_status status;

	return tend_process_status(c->p, &status) == 0 && status.state == TEND_STATE_RUNNING &&
	       tend_process_signal(c->p, SIGKILL, TEND_GROUP, NULL) == 0 && tend_process_exit_fd(c->p) >= 0;
}

static bool writes(struct call *c)
{
	size_t n = 0;

	return tend_process_stdin_write(c->p, lots, sizeof lots, TEST_PATIENCE, &n, NULL) == 0 && n == sizeof lots;
}

static bool writes_in_vain(struct call *c)
{
	size_t n = 0;

	return tend_process_stdin_write(c->p, lots, sizeof lots, TEND_MS(5), &n, NULL) == -ETIMEDOUT && n > 0;
}

static bool closes_stdin(struct call *c)
{
	return tend_process_stdin_close(c->p) == 0 &&
	       tend_process_stdin_write(c->p, "x", 1, TEND_AT_ONCE, NULL, NULL) == -EBADF;
}

static bool completes(struct call *c)
{
	const struct tend_complete o = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.max_bytes = 100, .overflow = TEND_DROP_NEWEST),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};
	struct tend_result result;

	return tend_process_complete(c->p, &o, &result, NULL) == 0 && result.outcome == TEND_COMPLETED &&
	       result.out.end == TEND_END_EOF;
}

static bool frees(struct call *c)
{
	c->p = tend_process_free(c->p);
	return true;
}

static bool releases(struct call *c)
{
	if (tend_process_release(c->p, &c->released) != 0)
		return false;
	c->p = NULL;
	return c->released.pid > 0;
}

/* ---- calls on a stream ---- */

static bool is_ready(void *arg, const struct tend_line *line)
{
	(void)arg;
	return line->size == 5 && memcmp(line->data, "ready", 5) == 0;
}

static bool waits_for_line(struct call *c)
{
	static const struct tend_line_options lines = { .max_length = 100, .overflow = TEND_LINE_TRUNCATE };
	struct tend_line_found found;

	return tend_stream_wait_for_line(c->stream, &lines, is_ready, NULL, TEST_PATIENCE, &found, NULL) == 0 &&
	       found.outcome == TEND_LINE_MATCHED;
}

static bool takes_next(struct call *c)
{
	struct tend_event event;

	return tend_subscription_next(c->sub, TEND_MS(5), &event) == 0 && event.kind == TEND_TIMED_OUT;
}

static bool closes_subscription(struct call *c)
{
	c->sub = tend_subscription_close(c->sub);
	return tend_stream_subscribe(c->stream, NULL, &c->sub, NULL) == 0;
}

static bool waits_for_consumer(struct call *c)
{
	struct tend_consumed consumed;

	return tend_consumer_wait(c->consumer, TEND_MS(5), &consumed, NULL) == 0 && consumed.ending == TEND_END_NONE;
}

static bool cancels(struct call *c, enum tend_cancel how)
{
	struct tend_consumed consumed;

	return tend_consumer_cancel(c->consumer, TEST_PATIENCE, how, &consumed, NULL) == 0 &&
	       consumed.ending == TEND_END_CANCELLED;
}

static bool cancels_now(struct call *c)
{
	return cancels(c, TEND_CANCEL_NOW);
}

static bool cancels_draining(struct call *c)
{
	return cancels(c, TEND_CANCEL_DRAIN);
}

static bool frees_consumer(struct call *c)
{
	c->consumer = tend_consumer_free(c->consumer);
	return true;
}

static bool frees_stream(struct call *c)
{
	c->stream = tend_stream_free(c->stream);
	return true;
}

static bool shuts_down(struct call *c)
{
	return tend_shutdown(TEND_MS(5), NULL) == 0 && tend_process_wait(c->p, TEND_AT_ONCE, NULL, NULL) == 0;
}

/* ---- the thread ---- */

static void *be_cancelled(void *arg)
{
	struct call *c = arg;

	pthread_cancel(pthread_self());
	c->was_right = c->row->call(c);
	c->returned = true;
	pthread_testcancel();
	c->went_on = true; /* the call has left the thread so that it cannot be cancelled */
	return NULL;
}

static enum tend_flow go_on(void *self, const struct tend_chunk *chunk)
{
	(void)self;
	(void)chunk;
	return TEND_CONTINUE;
}

static bool begin(struct call *c)
{
	const struct tend_visitor visitor = { .on_chunk = go_on };
	const char *argv[] = { c->row->program ? helper(c->row->program) : "", c->row->arg, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e;

	if (!c->row->program) {
		c->stream = test_pipe_stream(&test_reliable_all, &c->fd);
		c->sub = stream_subscribe(c->stream);
		return CHECK_OK(tend_stream_consume(c->stream, &visitor, NULL, &c->consumer, &e), &e);
	}
	s.in = TEND_IN_PIPE;
	if (!CHECK_OK(tend_spawn(&s, &c->p, &e), &e))
		return false;
	c->stream = tend_process_stdout(c->p);
	return !c->row->says_ready || test_await_line(c->stream, "ready", NULL, 0);
}

static void end_released(const struct tend_released *r)
{
	CHECK_INT(0, kill(r->pid, SIGKILL));
	CHECK_INT(r->pid, waitpid(r->pid, NULL, 0));
	close(r->in);
	close(r->out);
	close(r->err);
	close(r->pidfd);
}

static void end(struct call *c)
{
	tend_consumer_free(c->consumer);
	tend_subscription_close(c->sub);
	if (c->fd >= 0) {
		tend_stream_free(c->stream);
		close(c->fd);
	}
	tend_process_free(c->p);
	if (c->released.pid > 0)
		end_released(&c->released);
}

static void check(const struct row *row)
{
	struct call c = { .row = row, .fd = -1 };
	void *result = NULL;
	pthread_t thread;
	char text[64];

	test_restart_watchdog();
	if (!begin(&c) || !CHECK_INT(0, pthread_create(&thread, NULL, be_cancelled, &c)))
		return;
	CHECK_INT(0, pthread_join(thread, &result));
	snprintf(text, sizeof text, "%s: it %s", row->name, c.returned ? "returned with the right result" : "returned");
	test_check(c.returned && c.was_right, text, __FILE__, __LINE__);
	snprintf(text, sizeof text, "%s: the thread ended behind it", row->name);
	test_check(result == PTHREAD_CANCELED && !c.went_on, text, __FILE__, __LINE__);
	if (c.returned) /* or who knows what it still holds */
		end(&c);
}

static void each_call_runs_to_its_end(void)
{
	static const struct row rows[] = {
		{ "tend_spawn", "true-er", NULL, false, spawn_free },
		{ "tend_spawn, with_parent", "true-er", NULL, false, spawn_bound },
		{ "tend_spawn, no program", "true-er", NULL, false, spawn_fails },
		{ "tend_process_wait", "sleeper", "20", false, waits },
		{ "tend_process_stop", "stubborn", NULL, true, stops },
		{ "tend_process_kill", "stubborn", NULL, true, kills },
		{ "tend_process_status, tend_process_signal", "obedient", NULL, true, asks_and_signals },
		{ "tend_process_stdin_write", "stdiner", NULL, false, writes },
		{ "tend_process_stdin_write, in vain", "obedient", NULL, true, writes_in_vain },
		{ "tend_process_stdin_close", "obedient", NULL, true, closes_stdin },
		{ "tend_process_complete", "sleeper", "20", false, completes },
		{ "tend_process_free", "obedient", NULL, true, frees },
		{ "tend_process_release", "obedient", NULL, true, releases },
		{ "tend_stream_wait_for_line", "obedient", NULL, true, waits_for_line },
		{ "tend_subscription_next", NULL, NULL, false, takes_next },
		{ "tend_subscription_close", NULL, NULL, false, closes_subscription },
		{ "tend_consumer_wait", NULL, NULL, false, waits_for_consumer },
		{ "tend_consumer_cancel", NULL, NULL, false, cancels_now },
		{ "tend_consumer_cancel, draining", NULL, NULL, false, cancels_draining },
		{ "tend_consumer_free", NULL, NULL, false, frees_consumer },
		{ "tend_stream_free", NULL, NULL, false, frees_stream },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check(&rows[i]);
}

/* For good. */
static void a_shutdown_runs_to_its_end(void)
{
	static const struct row row = { "tend_shutdown", "obedient", NULL, true, shuts_down };

	if (test_is_apart())
		check(&row);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "each_call_runs_to_its_end", each_call_runs_to_its_end },
		{ "a_shutdown_runs_to_its_end", a_shutdown_runs_to_its_end },
	};
	const char *warm[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(warm, NULL);
	struct tend_exit ended;
	tend_process *p = NULL;

	s.with_parent = TEND_WITH_PARENT_CHILD; /* the thread that starts such children stays: before all is counted */
	if (tend_spawn(&s, &p, NULL) == 0)
		test_wait(p, &ended);
	tend_process_free(p);
	return test_main(argc, argv, "cancel", tests, sizeof tests / sizeof *tests);
}
