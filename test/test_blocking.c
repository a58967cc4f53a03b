/* SPDX-License-Identifier: MIT */
/*
 * Each call about a process that may block: asleep for each of its reasons, and released by each of its wakers.  What
 * else there is, and who shows it, stands in doc/BLOCKING.md.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocked.h"
#include "process.h"
#include "stream.h"
#include "test.h"

/* One call on a process: what it is given, and what came of it. */
struct call {
	tend_process *p;
	tend_duration timeout;
	const struct tend_stop *plan;
	int r;
	int64_t took_ns;
	struct tend_exit ended;
	struct tend_stop_report report;
	struct tend_result result;
	size_t written;
};

static const struct tend_stop_phase patient[] = { { SIGTERM, TEND_GROUP, TEND_MINUTES(10) } };
static const struct tend_stop patiently = { .phases = patient, .n_phases = 1, .after_kill = TEND_SECONDS(60) };

static char lots[1 << 20]; /* more than a pipe takes */

static void call_wait(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	c->r = tend_process_wait(c->p, c->timeout, &c->ended, NULL);
}

static void call_stop(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	c->r = tend_process_stop(c->p, c->plan, &c->report, NULL);
}

static void call_kill(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	c->r = tend_process_kill(c->p, c->timeout, &c->report, NULL);
}

static void call_write(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	c->r = tend_process_stdin_write(c->p, lots, sizeof lots, c->timeout, &c->written, NULL);
}

static void call_complete(struct test_thread *t, void *arg)
{
	struct call *c = arg;
	const struct tend_complete o = {
		.timeout = c->timeout,
		.stop = c->plan,
		.drain = { .idle = TEND_MINUTES(10), .total = TEND_MINUTES(10) },
	};

	(void)t;
	c->r = tend_process_complete(c->p, &o, &c->result, NULL);
}

static void call_free(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	tend_process_free(c->p);
}

static void call_release(struct test_thread *t, void *arg)
{
	struct call *c = arg;
	struct tend_released released;

	(void)t;
	c->r = tend_process_release(c->p, &released);
	if (c->r < 0)
		return;
	close(released.pidfd);
	close(released.out);
	close(released.err);
}

/* ---- children ---- */

/* One that is there for good, and has said so. */
static tend_process *start(const char *program)
{
	tend_process *p = test_spawn(&test_reliable_all, program, NULL);

	if (p)
		test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	return p;
}

/* One with a stdin that it does not read, as it is stopped. */
static tend_process *start_deaf(void)
{
	const char *argv[] = { helper("stdiner"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_status status = { .state = TEND_STATE_RUNNING };
	struct tend_error e;
	tend_process *p = NULL;

	s.in = TEND_IN_PIPE;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return NULL;
	CHECK_INT(0, kill(tend_process_pid(p), SIGSTOP));
	while (status.state != TEND_STATE_STOPPED && CHECK_INT(0, tend_process_status(p, &status)))
		poll(NULL, 0, 1);
	return p;
}

/* Frees a process that has ended, or not. */
static void drop(tend_process *p)
{
	tend_process_kill(p, TEST_PATIENCE, NULL, NULL);
	tend_process_free(p);
}

/* ---- tend_process_wait() ---- */

static void by_signal(tend_process *p)
{
	CHECK_INT(0, kill(tend_process_pid(p), SIGKILL));
}

static void by_kill(tend_process *p)
{
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
}

static void by_stop(tend_process *p)
{
	CHECK_INT(0, tend_process_stop(p, &patiently, NULL, NULL));
}

/* Somebody else of the host's reaps it, so that only the pidfd tells. */
static void by_thief(tend_process *p)
{
	kill(tend_process_pid(p), SIGKILL);
	waitpid(tend_process_pid(p), NULL, 0);
}

/* Whoever causes it, an exit ends all waits for it. */
static void wait_ends_with_the_exit(void)
{
	static void (*const wakers[])(tend_process *p) = { by_signal, by_kill, by_stop, by_thief };

	for (size_t i = 0; i < sizeof wakers / sizeof *wakers; i++) {
		struct call c[2] = { { .p = start("obedient"), .timeout = TEND_FOREVER }, { 0 } };
		struct blocked b[2];

		if (!c[0].p)
			return;
		c[1] = (struct call){ .p = c[0].p, .timeout = TEND_MINUTES(10) };
		for (int j = 0; j < 2; j++) {
			blocked_start(&b[j], call_wait, &c[j]);
			blocked_in(&b[j], FOR_EXIT_OF(c[0].p));
		}
		wakers[i](c[0].p);
		for (int j = 0; j < 2; j++) {
			blocked_end(&b[j]);
			CHECK_INT(0, c[j].r);
			CHECK(c[j].ended.kind == TEND_SIGNALED ||
			      (wakers[i] == by_thief && c[j].ended.kind == TEND_EXIT_UNKNOWN));
		}
		drop(c[0].p);
	}
}

/* An adopted one: its parent, here ourselves by another handle, reaps it. */
static void wait_ends_with_an_adopted_exit(void)
{
	tend_process *p = test_has_pidfd_open() ? start("obedient") : NULL;
	struct tend_adopt adopt = { .if_forgotten = TEND_FORGOTTEN_DETACH };
	struct call c = { .timeout = TEND_FOREVER };
	struct tend_error e;
	struct blocked b;

	if (!p)
		return;
	adopt.pid = tend_process_pid(p);
	if (CHECK_OK(tend_adopt(&adopt, &c.p, &e), &e)) {
		blocked_start(&b, call_wait, &c);
		blocked_in(&b, FOR_EXIT_OF(c.p));
		by_signal(p);
		blocked_end(&b);
		CHECK_INT(0, c.r);
		CHECK(c.ended.kind != TEND_RUNNING);
		tend_process_free(c.p);
	}
	drop(p);
}

/* ---- what waits for a log function ---- */

static struct gate gate;
static const char *held_event;

static void slow_log(void *arg, const struct tend_log_event *e)
{
	(void)arg;
	if (strcmp(e->event, held_event) == 0)
		gate_hold(&gate);
}

/* Targets of logs are never freed: two of them. */
static void hold_the_log_at(const char *event)
{
	gate_open(&gate);
	held_event = event;
	test_keeps_allocations(2);
	CHECK_INT(0, tend_set_log(slow_log, NULL, TEND_LOG_INFO));
}

static void hold_the_log_no_more(void)
{
	CHECK_INT(0, tend_set_log(NULL, NULL, TEND_LOG_INFO));
	gate_close(&gate);
}

static void call_status(struct test_thread *t, void *arg)
{
	struct call *c = arg;
	struct tend_status status;

	(void)t;
	c->r = tend_process_status(c->p, &status);
	c->ended = status.exit;
}

static void call_signal(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	c->r = tend_process_signal(c->p, SIGTERM, TEND_GROUP, NULL) == -ESRCH ? 0 : 1;
}

/* Whatever looks at an exit that the log is being told of: the function returns, and so do they. */
static void told_when_the_log_function_returns(void)
{
	static void (*const calls[])(struct test_thread *t, void *arg) = { call_wait, call_status, call_signal,
		                                                           call_free };

	hold_the_log_at("exit");
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct call c = { .p = start("obedient"), .timeout = TEND_AT_ONCE };
		struct blocked b;

		if (!c.p)
			break;
		by_signal(c.p);
		gate_await(&gate);
		blocked_start(&b, calls[i], &c);
		blocked_in(&b, ON_WORD_OF(&c.p->changed));
		gate_release(&gate);
		blocked_end(&b);
		CHECK_INT(0, c.r);
		if (calls[i] != call_free)
			tend_process_free(c.p);
	}
	hold_the_log_no_more();
}

/* ---- tend_process_stop(), tend_process_kill() ---- */

/* Until the reaper has sent the first signal of a stop: who asked for it may be asleep before. */
static void await_phase(tend_process *p)
{
	size_t n = 0;

	while (n == 0) {
		tend__lock(&p->lock);
		n = p->stopping.report.n_signals;
		tend__unlock(&p->lock);
		if (n == 0)
			poll(NULL, 0, 1);
	}
}

/* In a phase that would last: the child's end, a kill by another thread; one that joined it hears of the same. */
static void stop_ends_early(void)
{
	static void (*const wakers[])(tend_process *p) = { by_signal, by_kill };

	for (size_t i = 0; i < sizeof wakers / sizeof *wakers; i++) {
		struct call c[2] = { { .p = start("stubborn"), .plan = &patiently }, { .plan = &patiently } };
		struct blocked b[2];

		if (!c[0].p)
			return;
		c[1].p = c[0].p;
		for (int j = 0; j < 2; j++) {
			blocked_start(&b[j], call_stop, &c[j]);
			blocked_in(&b[j], ON_WORD_OF(&c[0].p->stopped));
		}
		await_phase(c[0].p);
		wakers[i](c[0].p);
		for (int j = 0; j < 2; j++) {
			blocked_end(&b[j]);
			CHECK_INT(0, c[j].r);
			CHECK_INT(wakers[i] == by_kill ? TEND_STOPPED_BY_KILL : TEND_STOPPED_IN_PHASE,
			          c[j].report.outcome);
		}
		tend_process_free(c[0].p);
	}
}

/* The leader is gone and a member of its group is not, until it is. */
static void stop_ends_with_the_group(void)
{
	struct call c = { .p = test_spawn(&test_reliable_all, "forker", "leader-pauses", NULL), .plan = &patiently };
	struct tend_exit ended;
	struct blocked b;
	char line[16] = "0";

	if (!c.p)
		return;
	test_await_line(tend_process_stdout(c.p), "grandchild ", line, sizeof line);
	blocked_start(&b, call_stop, &c);
	test_wait(c.p, &ended); /* by the stop's SIGTERM, which the other one ignores */
	blocked_in(&b, ON_WORD_OF(&c.p->stopped));
	CHECK_INT(0, kill(atoi(line), SIGKILL));
	blocked_end(&b);
	CHECK_INT(TEND_STOPPED_IN_PHASE, c.report.outcome);
	tend_process_free(c.p);
}

/* The reaper has sent SIGKILL and is held before it can see that it worked. */
static void kill_waits_for_the_end(void)
{
	struct call c[2] = { { .p = start("stubborn"), .timeout = TEND_MINUTES(9) }, { .timeout = TEND_MINUTES(9) } };
	struct blocked b[2];

	if (!c[0].p)
		return;
	c[1].p = c[0].p;
	hold_the_log_at("stop-phase");
	blocked_start(&b[0], call_kill, &c[0]);
	gate_await(&gate);
	blocked_in(&b[0], ON_WORD_OF(&c[0].p->stopped));
	blocked_start(&b[1], call_kill, &c[1]); /* this one finds a stop under way */
	blocked_in(&b[1], ON_WORD_OF(&c[0].p->stopped));
	gate_release(&gate);
	for (int i = 0; i < 2; i++) {
		blocked_end(&b[i]);
		CHECK_INT(0, c[i].r);
		CHECK_INT(TEND_STOPPED_BY_KILL, c[i].report.outcome);
	}
	hold_the_log_no_more();
	tend_process_free(c[0].p);
}

/* ---- stdin ---- */

static void child_reads(tend_process *p)
{
	CHECK_INT(0, kill(tend_process_pid(p), SIGCONT));
}

static void stdin_closes(tend_process *p)
{
	CHECK_INT(0, tend_process_stdin_close(p));
}

/* It closes stdin, too. */
static void somebody_completes(tend_process *p)
{
	const struct tend_complete o = { .timeout = TEND_AT_ONCE,
		                         .drain = { .idle = TEND_MS(1), .total = TEND_MS(1) } };
	struct tend_result result;

	CHECK_INT(0, tend_process_complete(p, &o, &result, NULL));
	CHECK_INT(TEND_STILL_RUNNING, result.outcome);
}

static const struct {
	void (*wake)(tend_process *p);
	int result, result_of_the_next; /* of the one who writes, and of the one who waits for its turn */
} stdin_wakers[] = {
	{ child_reads, 0, 0 },
	{ stdin_closes, -EBADF, -EBADF },
	{ somebody_completes, -EBADF, -EBADF },
	{ by_signal, -EPIPE, -EPIPE },
	{ by_kill, -EPIPE, -EPIPE },
};

/* A writer to a full pipe, and one that waits behind it. */
static void writes_end(void)
{
	for (size_t i = 0; i < sizeof stdin_wakers / sizeof *stdin_wakers; i++) {
		struct call c[2] = { { .p = start_deaf(), .timeout = TEND_FOREVER }, { .timeout = TEND_MINUTES(10) } };
		struct blocked b[2];

		if (!c[0].p)
			return;
		c[1].p = c[0].p;
		blocked_start(&b[0], call_write, &c[0]);
		blocked_in(&b[0], IN_POLL_OF(c[0].p->in.fd));
		blocked_start(&b[1], call_write, &c[1]);
		blocked_in(&b[1], ON_WORD_OF(&c[0].p->in.changed));
		stdin_wakers[i].wake(c[0].p);
		blocked_end(&b[0]);
		blocked_end(&b[1]);
		CHECK_INT(stdin_wakers[i].result, c[0].r);
		CHECK_INT(stdin_wakers[i].result_of_the_next, c[1].r);
		CHECK((c[0].written == sizeof lots) == (c[0].r == 0));
		drop(c[0].p);
	}
}

/* The deadline of the one who writes, or who waits for its turn, leaves it to the other. */
static void a_writer_gives_way(void)
{
	struct call c[2] = { { .p = start_deaf(), .timeout = TEND_MS(300) }, { .timeout = TEND_FOREVER } };
	struct blocked b[2];

	if (!c[0].p)
		return;
	c[1].p = c[0].p;
	blocked_start(&b[0], call_write, &c[0]);
	blocked_start(&b[1], call_write, &c[1]);
	blocked_in(&b[1], IN_POLL_OF(c[0].p->in.fd)); /* its turn, now or behind the other's deadline */
	blocked_end(&b[0]);
	CHECK_INT(-ETIMEDOUT, c[0].r);
	child_reads(c[0].p);
	blocked_end(&b[1]);
	CHECK_INT(0, c[1].r);
	drop(c[0].p);
}

/* ---- tend_process_complete() ---- */

static void complete_ends_with_the_exit(void)
{
	static void (*const wakers[])(tend_process *p) = { by_signal, by_kill, by_stop, by_thief };

	for (size_t i = 0; i < sizeof wakers / sizeof *wakers; i++) {
		struct call c = { .p = start("obedient"), .timeout = TEND_MINUTES(10) };
		struct blocked b;

		if (!c.p)
			return;
		blocked_start(&b, call_complete, &c);
		blocked_in(&b, FOR_EXIT_OF(c.p));
		wakers[i](c.p);
		blocked_end(&b);
		CHECK_INT(0, c.r);
		CHECK_INT(TEND_COMPLETED, c.result.outcome);
		CHECK_INT(TEND_END_EOF, c.result.out.end);
		tend_process_free(c.p);
	}
}

/* The time is over and its plan runs: the child's end, or a kill by another thread. */
static void complete_ends_with_its_stop(void)
{
	static void (*const wakers[])(tend_process *p) = { by_signal, by_kill };

	for (size_t i = 0; i < sizeof wakers / sizeof *wakers; i++) {
		struct call c = { .p = start("stubborn"), .timeout = TEND_AT_ONCE, .plan = &patiently };
		struct blocked b;

		if (!c.p)
			return;
		blocked_start(&b, call_complete, &c);
		await_phase(c.p);
		blocked_in(&b, ON_WORD_OF(&c.p->stopped));
		wakers[i](c.p);
		blocked_end(&b);
		CHECK_INT(0, c.r);
		CHECK_INT(TEND_STOPPED, c.result.outcome);
		tend_process_free(c.p);
	}
}

static pid_t holder;

static void holder_ends(tend_process *p)
{
	(void)p;
	CHECK_INT(0, kill(holder, SIGKILL));
}

/* Of several drains the most hurried counts. */
static void somebody_is_in_a_hurry(tend_process *p)
{
	const struct tend_complete o = { .timeout = TEND_AT_ONCE,
		                         .drain = { .idle = TEND_MS(1), .total = TEND_MS(1) } };
	struct tend_result result;

	CHECK_INT(0, tend_process_complete(p, &o, &result, NULL));
	CHECK_INT(TEND_END_DETACHED, result.out.end);
}

/* The child is gone, and somebody holds its pipes. */
static void complete_ends_with_its_drain(void)
{
	static void (*const wakers[])(tend_process *p) = { holder_ends, somebody_is_in_a_hurry };

	for (size_t i = 0; i < sizeof wakers / sizeof *wakers; i++) {
		struct call c = { .p = test_spawn(&test_reliable_all, "forker", "hold", NULL),
			          .timeout = TEND_MINUTES(10) };
		struct blocked b;
		char line[16] = "0";

		if (!c.p)
			return;
		test_await_line(tend_process_stdout(c.p), "grandchild ", line, sizeof line);
		holder = atoi(line);
		blocked_start(&b, call_complete, &c);
		blocked_in(&b, ON_WORD_OF(&c.p->out->gone_event));
		wakers[i](c.p);
		blocked_end(&b);
		CHECK_INT(0, c.r);
		CHECK_INT(TEND_COMPLETED, c.result.outcome);
		CHECK_INT(wakers[i] == holder_ends ? TEND_END_EOF : TEND_END_DETACHED, c.result.out.end);
		kill(holder, SIGKILL);
		drop(c.p);
	}
}

/* ---- what waits for a visitor that a reader runs ---- */

static enum tend_flow slow_visit(void *self, const struct tend_chunk *chunk)
{
	(void)self;
	(void)chunk;
	gate_hold(&gate);
	return TEND_BREAK;
}

/* A complete, a free, a release: the visitor returns, and so do they. */
static void a_visitor_on_the_reader_returns(void)
{
	static const struct tend_visitor visitor = { .on_chunk = slow_visit, .runs_on = TEND_ON_READER };
	static void (*const calls[])(struct test_thread *t, void *arg) = { call_complete, call_free, call_release };

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct call c = { .p = start(calls[i] == call_complete ? "obedient" : "stubborn"),
			          .timeout = TEND_MINUTES(10) };
		pid_t pid = c.p ? tend_process_pid(c.p) : 0;
		tend_consumer *consumer = NULL;
		struct asleep_place place;
		struct tend_error e;
		struct blocked b;

		gate_open(&gate);
		if (!c.p ||
		    !CHECK_OK(tend_stream_consume(tend_process_stdout(c.p), &visitor, NULL, &consumer, &e), &e))
			return;
		gate_await(&gate); /* for what is retained */
		if (calls[i] == call_complete)
			kill(pid, SIGKILL);
		else
			tend_process_detach(c.p);
		place = calls[i] == call_free ? IN_JOIN_OF(c.p->out->thread) : ON_WORD_OF(&c.p->out->gone_event);
		blocked_start(&b, calls[i], &c);
		blocked_in(&b, place);
		gate_release(&gate);
		blocked_end(&b);
		CHECK_INT(0, c.r);
		tend_consumer_free(consumer);
		if (calls[i] == call_complete)
			tend_process_free(c.p);
		kill(pid, SIGKILL);
		if (calls[i] == call_release)
			waitpid(pid, NULL, 0);
		gate_close(&gate);
	}
}

/* ---- deadlines ---- */

/* Who is seen to have waited so long has been asleep: the library does not spin (waiting_is_idle). */
static void deadlines_end_all(void)
{
	static const struct tend_stop_phase brief[] = { { SIGTERM, TEND_GROUP, TEND_MS(40) } };
	static const struct tend_stop briefly = { .phases = brief, .n_phases = 1, .after_kill = TEND_SECONDS(60) };
	static const struct {
		void (*call)(struct test_thread *t, void *arg);
		int result;
	} calls[] = { { call_wait, 0 }, { call_write, -ETIMEDOUT }, { call_complete, 0 }, { call_stop, 0 } };

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct call c = { .p = calls[i].call == call_write ? start_deaf() : start("stubborn"),
			          .timeout = TEND_MS(40) };
		int64_t began = test_now_ns();

		if (!c.p)
			return;
		c.plan = calls[i].call == call_stop ? &briefly : NULL;
		calls[i].call(NULL, &c);
		CHECK(test_now_ns() - began >= 40000000);
		CHECK_INT(calls[i].result, c.r);
		CHECK(calls[i].call != call_wait || c.ended.kind == TEND_RUNNING);
		CHECK(calls[i].call != call_complete || c.result.outcome == TEND_STILL_RUNNING);
		CHECK(calls[i].call != call_stop || c.report.outcome == TEND_STOPPED_BY_KILL);
		drop(c.p);
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "wait_ends_with_the_exit", wait_ends_with_the_exit },
		{ "wait_ends_with_an_adopted_exit", wait_ends_with_an_adopted_exit },
		{ "told_when_the_log_function_returns", told_when_the_log_function_returns },
		{ "stop_ends_early", stop_ends_early },
		{ "stop_ends_with_the_group", stop_ends_with_the_group },
		{ "kill_waits_for_the_end", kill_waits_for_the_end },
		{ "writes_end", writes_end },
		{ "a_writer_gives_way", a_writer_gives_way },
		{ "complete_ends_with_the_exit", complete_ends_with_the_exit },
		{ "complete_ends_with_its_stop", complete_ends_with_its_stop },
		{ "complete_ends_with_its_drain", complete_ends_with_its_drain },
		{ "a_visitor_on_the_reader_returns", a_visitor_on_the_reader_returns },
		{ "deadlines_end_all", deadlines_end_all },
	};

	return test_main(argc, argv, "blocking", tests, sizeof tests / sizeof *tests);
}
