/* SPDX-License-Identifier: MIT */
/*
 * WC-23, hazard 92: for each call that takes a span of time, one that is huge or infinite waits until it is woken, one
 * that is zero, or was negative, looks once, and what is no span at all is refused by the name of its field.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "blocked.h"
#include "process.h"
#include "streams.h"
#include "test.h"

/* What a call is made on, the span that it is given, and what came of it. */
struct call {
	const struct row *row;
	tend_process *p;
	tend_stream *stream;
	int fd;
	tend_subscription *sub;
	tend_consumer *consumer;
	tend_duration span;
	struct tend_error error;
	int r;
	int what; /* the outcome, of the call's own kind; -1: none */
};

struct row {
	const char *field;
	const char *program; /* NULL: a pipe */
	void (*call)(struct test_thread *t, void *arg);
	void (*wake)(struct call *c);
	struct {
		int r, what;
	} woken, looked;
	bool is_finite; /* an infinite one is refused */
	bool visits;    /* the consumer's visitor is held */
};

static struct gate gate;
static char lots[1 << 20]; /* more than a pipe takes */

/* ---- the calls ---- */

static void complete(struct test_thread *t, void *arg)
{
	struct call *c = arg;
	const struct tend_complete o = {
		.timeout = c->span,
		.drain = { .idle = TEND_NS(TEND_DURATION_MAX), .total = TEND_FOREVER },
	};
	struct tend_result result = { .outcome = 0 };

	(void)t;
	c->r = tend_process_complete(c->p, &o, &result, &c->error);
	c->what = (int)result.outcome;
}

static void stop(struct test_thread *t, void *arg)
{
	struct call *c = arg;
	const struct tend_stop_phase phase = { SIGTERM, TEND_GROUP, c->span };
	const struct tend_stop plan = { .phases = &phase, .n_phases = 1, .after_kill = TEND_NS(TEND_DURATION_MAX) };
	struct tend_stop_report report = { .outcome = TEND_STOP_NOT_RUN };

	(void)t;
	c->r = tend_process_stop(c->p, &plan, &report, &c->error);
	c->what = (int)report.outcome;
}

static void write_stdin(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	c->r = tend_process_stdin_write(c->p, lots, sizeof lots, c->span, NULL, &c->error);
	c->what = 0;
}

static void take_next(struct test_thread *t, void *arg)
{
	struct call *c = arg;
	struct tend_event event = { .kind = 0 };

	(void)t;
	c->r = tend_subscription_next(c->sub, c->span, &event);
	c->what = (int)event.kind;
}

static bool never(void *arg, const struct tend_line *line)
{
	(void)arg;
	(void)line;
	return false;
}

static void wait_for_line(struct test_thread *t, void *arg)
{
	static const struct tend_line_options lines = { .max_length = 100, .overflow = TEND_LINE_TRUNCATE };
	struct call *c = arg;
	struct tend_line_found found = { .outcome = 0 };

	(void)t;
	c->r = tend_stream_wait_for_line(c->stream, &lines, never, NULL, c->span, &found, &c->error);
	c->what = (int)found.outcome;
}

static void wait_for_consumer(struct test_thread *t, void *arg)
{
	struct call *c = arg;
	struct tend_consumed consumed = { .ending = TEND_END_NONE };

	(void)t;
	c->r = tend_consumer_wait(c->consumer, c->span, &consumed, &c->error);
	c->what = (int)consumed.ending;
}

static void cancel_consumer(struct test_thread *t, void *arg)
{
	struct call *c = arg;
	struct tend_consumed consumed = { .ending = TEND_END_NONE };

	(void)t;
	c->r = tend_consumer_cancel(c->consumer, c->span, TEND_CANCEL_NOW, &consumed, &c->error);
	c->what = (int)consumed.ending;
}

/* ---- the wakers ---- */

static void it_is_killed(struct call *c)
{
	CHECK_INT(0, kill(tend_process_pid(c->p), SIGKILL));
}

/* Not before the plan has begun: which is another thread's, so nothing is known from the caller being asleep. */
static void it_is_killed_in_its_phase(struct call *c)
{
	test_await_line(tend_process_stdout(c->p), "got 15", NULL, 0);
	it_is_killed(c);
}

static void stdin_closes(struct call *c)
{
	CHECK_INT(0, tend_process_stdin_close(c->p));
}

static void it_ends(struct call *c)
{
	close(c->fd);
	c->fd = -1;
}

static void visitor_returns(struct call *c)
{
	(void)c;
	gate_release(&gate);
}

/* ---- the table ---- */

static enum tend_flow visit(void *self, const struct tend_chunk *chunk)
{
	(void)self;
	(void)chunk;
	gate_hold(&gate);
	return TEND_CONTINUE;
}

static bool begin(struct call *c, const struct row *row, tend_duration span)
{
	const struct tend_visitor visitor = { .on_chunk = visit };
	const char *argv[] = { row->program ? helper(row->program) : "", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	*c = (struct call){ .row = row, .fd = -1, .span = span, .what = -1 };
	gate_open(&gate);
	if (row->program) {
		s.in = TEND_IN_PIPE;
		return CHECK_OK(tend_spawn(&s, &c->p, &c->error), &c->error) &&
		       test_await_line(tend_process_stdout(c->p), "ready", NULL, 0);
	}
	c->stream = test_pipe_stream(&test_reliable, &c->fd);
	c->sub = stream_subscribe(c->stream);
	if (!CHECK_OK(tend_stream_consume(c->stream, &visitor, NULL, &c->consumer, &c->error), &c->error))
		return false;
	if (row->visits) {
		stream_put(c->fd, "x");
		gate_await(&gate);
	}
	return true;
}

static void end(struct call *c)
{
	if (c->p)
		CHECK_INT(0, tend_process_kill(c->p, TEND_NS(TEND_DURATION_MAX), NULL, NULL));
	tend_process_free(c->p);
	tend_stream_free(c->stream);
	if (c->consumer) /* its visitor has left the gate */
		CHECK_INT(0, tend_consumer_wait(c->consumer, TEND_FOREVER, NULL, NULL));
	tend_consumer_free(c->consumer);
	tend_subscription_close(c->sub);
	if (c->fd >= 0)
		close(c->fd);
	gate_close(&gate);
}

static struct asleep_place place_of(const struct call *c)
{
	if (c->row->call == write_stdin)
		return IN_POLL_OF(c->p->in.fd);
	return c->row->call == complete ? FOR_EXIT_OF(c->p) : ON_ANY_WORD;
}

static void check_long(const struct row *row, tend_duration span)
{
	struct blocked b;
	struct call c;

	if (!begin(&c, row, span))
		return;
	blocked_start(&b, row->call, &c);
	blocked_in(&b, place_of(&c));
	row->wake(&c);
	blocked_end(&b);
	CHECK_INT(row->woken.r, c.r);
	CHECK_INT(row->woken.what, c.what);
	end(&c);
}

/* On this thread: one that waits is named by the watchdog. */
static void check_short(const struct row *row, tend_duration span)
{
	struct call c;

	if (!begin(&c, row, span))
		return;
	row->call(NULL, &c);
	CHECK_INT(row->looked.r, c.r);
	CHECK_INT(row->looked.what, c.what);
	if (row->visits)
		gate_release(&gate);
	end(&c);
}

/* Nothing happens to what it is made on. */
static void check_refused(const struct row *row, tend_duration span)
{
	struct call c;

	if (!begin(&c, row, span))
		return;
	row->call(NULL, &c);
	CHECK_INT(-EINVAL, c.r);
	if (row->call != take_next && strncmp(c.error.message, row->field, strlen(row->field)) != 0)
		CHECK_STR(row->field, c.error.message);
	CHECK(!c.p || test_alive(tend_process_pid(c.p)));
	if (row->visits)
		gate_release(&gate);
	end(&c);
}

static const struct row rows[] = {
	{ "timeout", "obedient", complete, it_is_killed, { 0, TEND_COMPLETED }, { 0, TEND_STILL_RUNNING }, false,
	  false },
	{ "plan.phases[0].duration", "catcher", stop, it_is_killed_in_its_phase, { 0, TEND_STOPPED_IN_PHASE },
	  { 0, TEND_STOPPED_BY_KILL }, true, false },
	{ "timeout", "obedient", write_stdin, stdin_closes, { -EBADF, 0 }, { -ETIMEDOUT, 0 }, false, false },
	{ "timeout", NULL, take_next, it_ends, { 0, TEND_EOF }, { 0, TEND_TIMED_OUT }, false, false },
	{ "timeout", NULL, wait_for_line, it_ends, { 0, TEND_LINE_STREAM_ENDED }, { 0, TEND_LINE_TIMED_OUT }, false,
	  false },
	{ "timeout", NULL, wait_for_consumer, it_ends, { 0, TEND_END_EOF }, { 0, TEND_END_NONE }, false, false },
	{ "grace", NULL, cancel_consumer, visitor_returns, { 0, TEND_END_CANCELLED }, { 0, TEND_END_ABANDONED }, false,
	  true },
};
#define N_ROWS (sizeof rows / sizeof *rows)

static void long_ones_wait_until_woken(void)
{
	static const tend_duration finite[] = { TEND_NS(TEND_DURATION_MAX), TEND_MINUTES(60 * 24 * 365) };

	for (size_t i = 0; i < N_ROWS; i++) {
		for (size_t j = 0; j < sizeof finite / sizeof *finite; j++)
			check_long(&rows[i], finite[j]);
		if (!rows[i].is_finite)
			check_long(&rows[i], TEND_FOREVER);
	}
}

static void short_ones_look_once(void)
{
	static const tend_duration spans[] = { TEND_AT_ONCE, TEND_SECONDS(INT64_MIN) };

	for (size_t i = 0; i < N_ROWS; i++)
		for (size_t j = 0; j < sizeof spans / sizeof *spans; j++)
			check_short(&rows[i], spans[j]);
}

static void what_is_no_span_is_refused(void)
{
	static const tend_duration spans[] = { 0, 250, -1, INT64_MIN };

	for (size_t i = 0; i < N_ROWS; i++) {
		for (size_t j = 0; j < sizeof spans / sizeof *spans; j++)
			check_refused(&rows[i], spans[j]);
		if (rows[i].is_finite)
			check_refused(&rows[i], TEND_FOREVER);
	}
}

/* A kill's own: nobody can be seen asleep in it, as it ends with what it causes. */
static void kills(void)
{
	static const tend_duration refused[] = { 0, 250, -1, INT64_MIN, TEND_FOREVER };
	tend_process *p = test_spawn(&test_reliable_all, "stubborn", NULL);
	struct tend_stop_report report;
	struct tend_error e;

	if (!p)
		return;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		CHECK_INT(-EINVAL, tend_process_kill(p, refused[i], &report, &e));
		CHECK_INT(0, strncmp(e.message, "confirm", 7));
	}
	CHECK(test_alive(tend_process_pid(p)));
	CHECK_OK(tend_process_kill(p, TEND_SECONDS(INT64_MIN), &report, &e), &e);
	CHECK(report.outcome == TEND_STOP_UNCONFIRMED || report.outcome == TEND_STOPPED_BY_KILL);
	CHECK_OK(tend_process_kill(p, TEND_NS(TEND_DURATION_MAX), &report, &e), &e);
	CHECK(report.outcome == TEND_STOPPED_BEFORE || report.outcome == TEND_STOPPED_BY_KILL);
	tend_process_free(p);
}

static void shut_down(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	c->r = tend_shutdown(c->span, &c->error);
}

/* One that would be given a year to end by itself. */
static bool begin_to_shut_down(struct call *c, tend_duration span)
{
	static const struct tend_stop_phase phase = { SIGTERM, TEND_GROUP, TEND_MINUTES(60 * 24 * 365) };
	static const struct tend_stop gentle = { .phases = &phase, .n_phases = 1, .after_kill = TEND_SECONDS(60) };
	const char *argv[] = { helper("stubborn"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	*c = (struct call){ .span = span };
	s.if_forgotten = TEND_FORGOTTEN_TERMINATE(&gentle);
	return CHECK_OK(tend_spawn(&s, &c->p, &c->error), &c->error) &&
	       test_await_line(tend_process_stdout(c->p), "ready", NULL, 0);
}

static void a_long_shutdown_waits(void)
{
	static const tend_duration refused[] = { 0, 250, -1, INT64_MIN, TEND_FOREVER };
	struct blocked b;
	struct call c;

	if (!test_is_apart() || !begin_to_shut_down(&c, TEND_NS(TEND_DURATION_MAX)))
		return;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		CHECK_INT(-EINVAL, tend_shutdown(refused[i], &c.error));
		CHECK_INT(0, strncmp(c.error.message, "within", 6));
	}
	CHECK(test_alive(tend_process_pid(c.p)));
	blocked_start(&b, shut_down, &c);
	blocked_in(&b, ON_ANY_WORD);
	it_is_killed(&c);
	blocked_end(&b);
	CHECK_INT(0, c.r);
	tend_process_free(c.p);
}

/* The second that SIGKILL has is not a part of it. */
static void a_short_shutdown_kills(void)
{
	struct tend_exit ended;
	struct call c;

	if (!test_is_apart() || !begin_to_shut_down(&c, TEND_SECONDS(INT64_MIN)))
		return;
	shut_down(NULL, &c);
	CHECK(c.r == 0 || c.r == -ETIMEDOUT);
	if (test_wait(c.p, &ended))
		CHECK_INT(SIGKILL, ended.signal);
	tend_process_free(c.p);
}

/* The sum of what is huge is no small number: as with all that is too long, there is no end to it. */
static void totals_saturate(void)
{
	const struct tend_stop_phase phases[] = { { SIGINT, TEND_GROUP, TEND_NS(TEND_DURATION_MAX) },
		                                  { SIGTERM, TEND_GROUP, TEND_NS(TEND_DURATION_MAX) } };
	struct tend_stop plan = { .phases = phases, .n_phases = 2, .after_kill = TEND_NS(TEND_DURATION_MAX) };

	CHECK_INT(TEND_FOREVER, tend_stop_total(&plan));
	plan.n_phases = 0;
	CHECK_INT(TEND_NS(TEND_DURATION_MAX), tend_stop_total(&plan));
	plan.after_kill = TEND_AT_ONCE;
	CHECK_INT(TEND_AT_ONCE, tend_stop_total(&plan));
	plan.after_kill = TEND_FOREVER;
	CHECK_INT(0, tend_stop_total(&plan));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "long_ones_wait_until_woken", long_ones_wait_until_woken },
		{ "short_ones_look_once", short_ones_look_once },
		{ "what_is_no_span_is_refused", what_is_no_span_is_refused },
		{ "kills", kills },
		{ "a_long_shutdown_waits", a_long_shutdown_waits },
		{ "a_short_shutdown_kills", a_short_shutdown_kills },
		{ "totals_saturate", totals_saturate },
	};

	return test_main(argc, argv, "timeouts", tests, sizeof tests / sizeof *tests);
}
