/* SPDX-License-Identifier: MIT */
/* One call for all of it: output, exit, stop and drain, with everything there is handed back in every case. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocked.h"
#include "fault.h"
#include "process.h"
#include "test.h"
#include "thread.h"

#define ALL_BYTES TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED)
#define ALL_LINES TEND_COLLECT_LINES(.overflow = TEND_TRUSTED_UNBOUNDED)

/* Both streams as bytes, with all the time in the world. */
static struct tend_complete patient(void)
{
	return (struct tend_complete){
		.timeout = TEST_PATIENCE,
		.out = ALL_BYTES,
		.err = ALL_BYTES,
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};
}

static bool complete(tend_process *p, const struct tend_complete *o, struct tend_result *r)
{
	struct tend_error e;

	memset(r, 0, sizeof *r);
	return CHECK_OK(tend_process_complete(p, o, r, &e), &e);
}

static void check_bytes(const char *expected, const struct tend_output_result *o)
{
	CHECK_INT(TEND_COLLECTION_BYTES, o->collected.kind);
	CHECK_MEM(expected, strlen(expected), o->collected.data, o->collected.size);
	CHECK_INT('\0', o->collected.data[o->collected.size]);
}

/*
 * WC-24: exit and both streams, exactly; a plan that is not needed is not run.
 * wait_for_completion_with_raw_output::preserves_bytes,
 * wait_for_completion_with_raw_output::collects_trusted_unbounded_bytes,
 * wait_for_completion_with_raw_output_or_terminate::collects_bytes
 */
static void output_and_exit(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "printer", "a\\nb\\0c", "-e", "err", "or", NULL);
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(1));
	struct tend_complete o = patient();
	struct tend_result r;

	if (!p)
		return;
	o.stop = &plan;
	if (complete(p, &o, &r)) {
		CHECK_INT(TEND_COMPLETED, r.outcome);
		CHECK(!r.timed_out);
		CHECK_INT(TEND_EXITED, r.exit.kind);
		CHECK_INT(0, r.exit.code);
		CHECK_INT(TEND_STOP_NOT_RUN, r.stop.outcome);
		CHECK_MEM("a\nb\0c", 5, r.out.collected.data, r.out.collected.size);
		check_bytes("error", &r.err);
		CHECK(r.out.collected.complete && r.err.collected.complete);
		CHECK(!r.out.collected.truncated);
		CHECK_INT(TEND_END_EOF, r.out.end);
		CHECK_INT(5, r.out.bytes);
		CHECK_INT(5, r.err.bytes);
		CHECK_INT(0, r.out.n_held_by);
		CHECK_INT(0, r.n_survivors);
	}
	tend_process_free(p);
}

static void check_line(const char *expected, const struct tend_collected *c, size_t i)
{
	if (CHECK(i < c->n_lines))
		CHECK_MEM(expected, strlen(expected), c->lines[i].data, c->lines[i].size);
}

/*
 * Lines, the last one without its LF; the other stream not collected, but counted.
 * wait_for_completion_with_output::preserves_unterminated_final_line,
 * wait_for_completion_with_output::collects_stdout_lines_and_empty_stderr,
 * wait_for_completion_with_output::collects_trusted_unbounded_lines,
 * wait_for_completion_with_output_or_terminate::collects_lines
 */
static void lines_and_nothing(void)
{
	tend_process *p = test_spawn(&test_single_all, "printer", "one\\ntwo\\n", "tail", "-e", "not wanted", NULL);
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(1));
	struct tend_complete o = patient();
	struct tend_result r;

	if (!p)
		return;
	o.out = ALL_LINES;
	o.err = (struct tend_collect){ .kind = TEND_COLLECTION_NONE };
	o.stop = &plan;
	if (complete(p, &o, &r)) {
		CHECK_INT(TEND_STOP_NOT_RUN, r.stop.outcome);
		CHECK_INT(3, r.out.collected.n_lines);
		check_line("one", &r.out.collected, 0);
		check_line("two", &r.out.collected, 1);
		check_line("tail", &r.out.collected, 2);
		CHECK_INT(TEND_COLLECTION_NONE, r.err.collected.kind);
		CHECK_INT(10, r.err.bytes);
	}
	tend_process_free(p);
}

/* A cap is kept, and said.  wait_for_completion_with_raw_output::reports_truncation */
static void truncated(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "printer", "abcdef", NULL);
	struct tend_complete o = patient();
	struct tend_result r;

	if (!p)
		return;
	o.out = TEND_COLLECT_BYTES(.max_bytes = 3, .overflow = TEND_DROP_NEWEST);
	if (complete(p, &o, &r)) {
		check_bytes("abc", &r.out);
		CHECK(r.out.collected.truncated && !r.out.collected.complete);
		CHECK_INT(3, r.out.collected.bytes_left_out);
		CHECK(!r.err.collected.truncated && r.err.collected.complete);
	}
	tend_process_free(p);
}

static tend_process *spawn_with_pipe(const char *program)
{
	const char *argv[] = { helper(program), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e;
	tend_process *p = NULL;

	s.in = TEND_IN_PIPE;
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

/*
 * WC-1: stdin is closed first; or kept, when the caller says so (hazard 72).
 * wait::wait_for_completion_closes_stdin_before_waiting, wait_for_completion_with_output::closes_stdin_before_waiting
 */
static void stdin_closed_or_kept(void)
{
	tend_process *p = spawn_with_pipe("echoer");
	struct tend_complete o = patient();
	struct tend_result r;

	if (!p)
		return;
	CHECK_INT(0, tend_process_stdin_write(p, "kept", 4, TEST_PATIENCE, NULL, NULL));
	if (complete(p, &o, &r))
		check_bytes("kept", &r.out);
	CHECK_INT(-EBADF, tend_process_stdin_write(p, "more", 4, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);

	p = spawn_with_pipe("echoer");
	if (!p)
		return;
	o.keep_stdin_open = true;
	o.timeout = TEND_MS(20);
	if (complete(p, &o, &r))
		CHECK_INT(TEND_STILL_RUNNING, r.outcome);
	CHECK_INT(0, tend_process_stdin_write(p, "then", 4, TEST_PATIENCE, NULL, NULL));
	o.keep_stdin_open = false;
	o.timeout = TEST_PATIENCE;
	if (complete(p, &o, &r)) {
		CHECK_INT(TEND_COMPLETED, r.outcome);
		check_bytes("then", &r.out);
	}
	tend_process_free(p);
}

/*
 * WC-14, WC-22: time over without a plan: what there is comes back, the child runs on, and all can be asked again.
 * wait_for_completion_with_output::single_subscriber_can_be_retried_after_process_finishes,
 * wait_for_completion_with_output::captures_startup_output_with_replay_last_bytes
 */
static void time_over_without_a_plan(void)
{
	tend_process *p = test_spawn(&test_single_all, "obedient", NULL);
	struct tend_complete o = patient();
	struct tend_result r;

	if (!p)
		return;
	test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	for (int i = 0; i < 2; i++) {
		o.timeout = i ? TEND_MS(20) : TEND_AT_ONCE;
		if (complete(p, &o, &r)) {
			CHECK_INT(TEND_STILL_RUNNING, r.outcome);
			CHECK(r.timed_out);
			CHECK_INT(TEND_RUNNING, r.exit.kind);
			check_bytes("ready\n", &r.out);
			CHECK(!r.out.collected.complete);
			CHECK_INT(TEND_END_NONE, r.out.end);
		}
	}
	CHECK(test_alive(tend_process_pid(p)));
	CHECK_INT(0, tend_process_signal(p, SIGTERM, TEND_GROUP, NULL));
	o.timeout = TEST_PATIENCE;
	if (complete(p, &o, &r)) {
		CHECK_INT(TEND_COMPLETED, r.outcome);
		CHECK_INT(SIGTERM, r.exit.signal);
		check_bytes("ready\n", &r.out);
		CHECK(r.out.collected.complete);
	}
	tend_process_free(p);
}

/*
 * WC-7: time over with a plan: stopped, with the report and the output.
 * wait::wait_for_completion_or_terminate_terminates_after_timeout,
 * wait_for_completion_with_output_or_terminate::force_kill_extends_output_collection_budget
 */
static void time_over_with_a_plan(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "stubborn", NULL);
	struct tend_complete o = patient();
	struct tend_stop plan = TEND_STOP_TERM(TEND_MS(40));
	struct tend_result r;

	if (!p)
		return;
	test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	o.timeout = TEND_MS(30);
	o.stop = &plan;
	if (complete(p, &o, &r)) {
		CHECK_INT(TEND_STOPPED, r.outcome);
		CHECK(r.timed_out);
		CHECK_INT(SIGKILL, r.exit.signal);
		CHECK_INT(TEND_STOPPED_BY_KILL, r.stop.outcome);
		CHECK_INT(2, r.stop.phase);
		CHECK_INT(3, r.stop.n_signals);
		check_bytes("ready\n", &r.out);
		CHECK_INT(TEND_END_EOF, r.out.end);
	}
	tend_process_free(p);
}

/*
 * WC-7, ER-13: the plan did not end it; an outcome, not an error; and what is left is still dealt with by the free.
 * terminate::failed_terminate_result_keeps_drop_guards_armed
 */
static void not_stopped(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "obedient", NULL);
	struct tend_stop plan = { .after_kill = TEND_MS(40) };
	struct tend_complete o = patient();
	struct tend_result r;

	if (!p)
		return;
	test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	o.timeout = TEND_AT_ONCE;
	o.stop = &plan;
	fault_fail_sys_from("pidfd_signal", 1, ESRCH); /* the signals get lost */
	fault_fail_sys_from("kill", 1, ESRCH);
	if (complete(p, &o, &r)) {
		CHECK_INT(TEND_NOT_STOPPED, r.outcome);
		CHECK_INT(TEND_RUNNING, r.exit.kind);
		CHECK_INT(TEND_STOP_UNCONFIRMED, r.stop.outcome);
		check_bytes("ready\n", &r.out);
	}
	fault_reset();
	tend_process_free(p);
}

/* ---- the drain ---- */

/*
 * Hazards 37, 44; WC-16 to WC-19, OE-14: a grandchild holds the pipe: nothing of exit and output is lost, and it is
 * named.  wait_for_completion_with_output::times_out_when_descendant_keeps_output_open
 */
static void grandchild_holds_the_pipe(void)
{
	tend_process *p = test_spawn(&test_single_all, "forker", "hold", "7", NULL);
	struct tend_complete o = patient();
	struct tend_result r;
	char expected[64];

	if (!p)
		return;
	o.drain = (struct tend_drain){ .idle = TEND_MS(50), .total = TEND_SECONDS(60) };
	if (complete(p, &o, &r)) {
		CHECK_INT(TEND_COMPLETED, r.outcome);
		CHECK_INT(7, r.exit.code);
		CHECK_INT(TEND_END_DETACHED, r.out.end);
		CHECK_INT(1, r.out.n_held_by);
		CHECK_INT(1, r.err.n_held_by);
		CHECK_INT(1, r.n_survivors);
		CHECK_INT(r.survivors[0].pid, r.out.held_by[0].pid);
		CHECK_STR("forker", r.out.held_by[0].comm);
		CHECK(test_alive(r.out.held_by[0].pid));
		snprintf(expected, sizeof expected, "grandchild %d\n", r.out.held_by[0].pid);
		check_bytes(expected, &r.out);
		CHECK(!r.out.collected.complete);
		CHECK_INT(TEND_END_DETACHED, r.out.collected.consumed.ending);
	}
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	if (r.n_survivors == 1)
		CHECK(!test_alive(r.survivors[0].pid));
	tend_process_free(p);
}

/*
 * WC-17, WC-20: the drain of one stream is not the other's; single-subscriber slots are free behind it.
 * drain::timed_output_collection_times_out_stderr_when_stdout_finishes_first,
 * drain::timed_output_collection_times_out_stdout_when_stderr_finishes_first,
 * wait_for_completion_with_output::single_subscriber_timeout_releases_collector_claim
 */
static void held_on_one_side(void)
{
	for (int i = 0; i < 2; i++) {
		tend_process *p = test_spawn(&test_single_all, "forker", i ? "hold-err" : "hold-out", "3", NULL);
		struct tend_complete o = patient();
		tend_subscription *free_again = NULL;
		struct tend_result r;
		struct tend_error e;

		if (!p)
			return;
		o.drain = (struct tend_drain){ .idle = TEND_MS(50), .total = TEND_SECONDS(60) };
		if (complete(p, &o, &r)) {
			struct tend_output_result *held = i ? &r.err : &r.out, *other = i ? &r.out : &r.err;

			CHECK_INT(3, r.exit.code);
			CHECK_INT(TEND_END_DETACHED, held->end);
			CHECK_INT(1, held->n_held_by);
			CHECK_INT(TEND_END_EOF, other->end);
			CHECK_INT(0, other->n_held_by);
			CHECK(other->collected.complete);
			CHECK(strncmp(r.out.collected.data, "grandchild ", 11) == 0);
		}
		CHECK_OK(tend_stream_subscribe(tend_process_stdout(p), NULL, &free_again, &e), &e);
		tend_subscription_close(free_again);
		CHECK_OK(tend_stream_subscribe(tend_process_stderr(p), NULL, &free_again, &e), &e);
		tend_subscription_close(free_again);
		CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
		tend_process_free(p);
	}
}

static _Atomic int read_errors_logged;

static void count_read_errors(void *arg, const struct tend_log_event *e)
{
	(void)arg;
	atomic_fetch_add(&read_errors_logged, strcmp(e->event, "read-error") == 0);
}

/*
 * ER-17, LG-2: a stream that cannot be read is over: nobody waits for the end of the time, and the exit is known.
 * drain::timed_output_collection_returns_early_stream_read_error_before_deadline,
 * drain::timed_output_collection_cancels_hanging_single_subscriber_sibling_after_error
 */
static void a_read_error_ends_its_stream(void)
{
	const char *argv[] = { helper("forker"), "hold", "5", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_single_all);
	struct tend_complete o = patient();
	tend_process *p = NULL;
	struct tend_result r;
	struct tend_error e;

	if (test_under_valgrind()) /* where the spawn itself reads what the child has to say */
		return;
	test_keeps_allocations(2);
	CHECK_INT(0, tend_set_log(count_read_errors, NULL, TEND_LOG_WARNING));
	s.err = TEND_OUT_MERGE;
	o.err = (struct tend_collect){ .kind = TEND_COLLECTION_NONE };
	fault_fail_sys_from("read", 1, EIO);
	if (CHECK_OK(tend_spawn(&s, &p, &e), &e) && complete(p, &o, &r)) {
		CHECK_INT(TEND_COMPLETED, r.outcome);
		CHECK_INT(5, r.exit.code);
		CHECK_INT(TEND_END_READ_ERROR, r.out.end);
		CHECK_INT(EIO, r.out.read_errno);
		CHECK(!r.out.collected.complete);
	}
	fault_reset();
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
	CHECK_INT(0, tend_set_log(NULL, NULL, TEND_LOG_WARNING));
	CHECK_INT(1, atomic_load(&read_errors_logged));
}

/* A grandchild that holds nothing is a survivor, and no reason to wait. */
static void grandchild_holds_nothing(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "forker", "quiet", NULL);
	struct tend_complete o = patient();
	struct tend_result r;

	if (!p)
		return;
	if (complete(p, &o, &r)) {
		CHECK_INT(TEND_END_EOF, r.out.end);
		CHECK_INT(0, r.out.n_held_by);
		CHECK(r.out.collected.complete);
		if (CHECK_INT(1, r.n_survivors))
			CHECK_STR("forker", r.survivors[0].comm);
	}
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
}

/* Hazard 57: one that has left the group is no survivor of it, but it is named where it holds the pipe. */
static void escaped_grandchild(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "forker", "hold-setsid", NULL);
	struct tend_complete o = patient();
	struct tend_result r;

	if (!p)
		return;
	o.drain = (struct tend_drain){ .idle = TEND_MS(50), .total = TEND_SECONDS(60) };
	if (complete(p, &o, &r)) {
		CHECK_INT(0, r.n_survivors);
		if (CHECK_INT(1, r.out.n_held_by)) {
			CHECK_INT(0, kill(r.out.held_by[0].pid, SIGKILL));
			test_await_gone(r.out.held_by[0].pid);
		}
	}
	tend_process_free(p);
}

static bool dripped_to_the_end(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "forker", "drip", "60", "50", NULL);
	struct tend_complete o = patient();
	bool to_the_end = false;
	struct tend_result r;

	if (!p)
		return false;
	o.out = ALL_LINES;
	o.drain = (struct tend_drain){ .idle = TEND_MS(1500), .total = TEND_SECONDS(90) };
	if (complete(p, &o, &r) && r.out.end != TEND_END_DETACHED) {
		to_the_end = CHECK_INT(TEND_END_EOF, r.out.end);
		CHECK_INT(51, r.out.collected.n_lines);
		CHECK(r.out.collected.complete);
	}
	tend_process_free(p);
	return to_the_end;
}

/*
 * Each byte starts the idle time anew: 3 s of drips are read to their end with 1.5 s of idle time.  Where somebody else
 * has the processors for 1.5 s the end is right as well, so one of ten has to do; without a new start none would.
 */
static void data_rearms_the_drain(void)
{
	bool once = false;

	for (int i = 0; i < 10 && !once; i++)
		once = dripped_to_the_end();
	CHECK(once);
}

/* The total is the end of it, however much still comes; who goes on writing gets SIGPIPE. */
static void total_caps_the_drain(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "forker", "drip", "10", "1000000", NULL);
	struct tend_complete o = patient();
	struct tend_result r;
	int64_t began = test_now_ns();

	if (!p)
		return;
	o.drain = (struct tend_drain){ .idle = TEND_SECONDS(60), .total = TEND_MS(300) };
	if (complete(p, &o, &r)) {
		CHECK_INT(TEND_COMPLETED, r.outcome);
		CHECK_INT(TEND_END_DETACHED, r.out.end);
		CHECK(test_now_ns() - began >= 300000000);
		CHECK(test_now_ns() - began < INT64_C(30000000000));
		CHECK(r.out.collected.size > 11);
		if (CHECK_INT(1, r.out.n_held_by))
			test_await_gone(r.out.held_by[0].pid);
	}
	tend_process_free(p);
}

static _Atomic int chunks_seen;

static enum tend_flow dawdle(void *arg, const struct tend_chunk *chunk)
{
	(void)arg;
	atomic_fetch_add(&chunks_seen, chunk->size > 0);
	usleep(500);
	return TEND_CONTINUE;
}

/* Hazard 45: what was in the pipe at the exit is read to the last byte, also when a reliable consumer is slow. */
static void nothing_is_cut_short(void)
{
	enum { N = 65536 + 4096 * 16 };
	struct tend_stream_options small = test_reliable_all;
	struct tend_complete o = patient();
	tend_consumer *slow = NULL;
	tend_process *p;
	struct tend_result r;
	struct tend_error e;
	char size[16];

	small.read_chunk_size = 4096;
	small.max_buffered_chunks = 1;
	snprintf(size, sizeof size, "%d", N);
	p = test_spawn(&small, "flooder", size, "4096", NULL);
	if (!p)
		return;
	CHECK_OK(tend_stream_inspect_chunks(tend_process_stdout(p), dawdle, NULL, &slow, &e), &e);
	o.drain = (struct tend_drain){ .idle = TEND_SECONDS(20), .total = TEND_SECONDS(80) };
	if (complete(p, &o, &r)) {
		const unsigned char *data = (const unsigned char *)r.out.collected.data;
		size_t i = 0;

		while (i < r.out.collected.size && data[i] == (unsigned char)(i * 7 + (i >> 8)))
			i++;
		CHECK_INT(N, i);
		CHECK_INT(N, r.out.collected.size);
		CHECK_INT(TEND_END_EOF, r.out.end);
	}
	tend_consumer_free(slow);
	tend_process_free(p);
}

/* A subscriber that takes nothing holds a reliable stream up, and the call no longer than its drain. */
static void somebody_else_does_not_read(void)
{
	static const char data[65536];
	const char *argv[] = { helper("echoer"), NULL };
	struct tend_stream_options small = test_reliable;
	struct tend_complete o = patient();
	tend_subscription *stuck = NULL;
	tend_process *p = NULL;
	struct tend_spawn s;
	struct tend_result r;
	struct tend_error e;

	small.read_chunk_size = 4096;
	small.max_buffered_chunks = 1;
	s = test_spawn_options(argv, &small);
	s.in = TEND_IN_PIPE;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	CHECK_OK(tend_stream_subscribe(tend_process_stdout(p), NULL, &stuck, &e), &e);
	CHECK_OK(tend_process_stdin_write(p, data, sizeof data, TEST_PATIENCE, NULL, &e), &e);
	o.drain = (struct tend_drain){ .idle = TEND_MS(50), .total = TEND_MS(200) };
	if (complete(p, &o, &r)) {
		CHECK_INT(TEND_COMPLETED, r.outcome);
		CHECK_INT(TEND_END_DETACHED, r.out.end);
		CHECK(!r.out.collected.complete);
		CHECK_INT(0, r.out.n_held_by);
		CHECK_INT(TEND_END_EOF, r.err.end);
	}
	tend_subscription_close(stuck);
	tend_process_free(p);
}

/* ---- refusals ---- */

static void check_refused(tend_process *p, const struct tend_complete *o, const char *field)
{
	struct tend_result r;
	struct tend_error e = { .code = 0 };

	CHECK_INT(-EINVAL, tend_process_complete(p, o, &r, &e));
	CHECK_INT(TEND_STEP_OPTIONS, e.step);
	CHECK(strncmp(e.message, field, strlen(field)) == 0);
}

static void refuses_what_was_not_chosen(void)
{
	static const struct tend_stop no_plan = { .after_kill = 0 };
	tend_process *p = spawn_with_pipe("stdiner");
	const struct tend_complete good = patient();
	struct tend_complete o = good;
	struct tend_result r;

	if (!p)
		return;
	o.timeout = 0;
	check_refused(p, &o, "timeout");
	o = good, o.drain.idle = 0;
	check_refused(p, &o, "drain.idle");
	o = good, o.drain.total = 0;
	check_refused(p, &o, "drain.total");
	o = good, o.out.overflow = 0;
	check_refused(p, &o, "out.overflow");
	o = good, o.err = TEND_COLLECT_BYTES(.overflow = TEND_DROP_OLDEST);
	check_refused(p, &o, "err.max_bytes");
	o = good, o.out = TEND_COLLECT_LINES(.overflow = TEND_DROP_OLDEST, .max_bytes = 1);
	check_refused(p, &o, "out.max_lines");
	o = good, o.stop = &no_plan;
	check_refused(p, &o, "stop.after_kill");
	/* and nothing was begun: stdin is open still */
	CHECK_INT(0, tend_process_stdin_write(p, "1", 1, TEST_PATIENCE, NULL, NULL));
	if (complete(p, &good, &r))
		check_bytes("1\n", &r.out);
	tend_process_free(p);
}

/*
 * WC-11, ER-2, ER-18: a slot that is taken; the other one is free again when the call returns, and the child
 * untouched.  wait_for_completion_with_output::single_subscriber_active_stdout_consumer_returns_start_error,
 * wait_for_completion_with_output::single_subscriber_active_stderr_consumer_aborts_started_stdout_collector
 */
static void slot_is_taken(void)
{
	tend_process *p = test_spawn(&test_single_all, "obedient", NULL);
	tend_subscription *mine = NULL, *other = NULL;
	struct tend_complete o = patient();
	struct tend_result r;
	struct tend_error e;

	if (!p)
		return;
	CHECK_OK(tend_stream_subscribe(tend_process_stdout(p), NULL, &mine, &e), &e);
	CHECK_INT(-EBUSY, tend_process_complete(p, &o, &r, &e));
	CHECK(strstr(e.message, "stdout") != NULL);
	tend_subscription_close(mine);
	CHECK_OK(tend_stream_subscribe(tend_process_stderr(p), NULL, &mine, &e), &e);
	CHECK_INT(-EBUSY, tend_process_complete(p, &o, &r, &e));
	CHECK_INT(TEND_STEP_SUBSCRIBE, e.step);
	CHECK(strstr(e.message, "stderr") != NULL);
	CHECK_OK(tend_stream_subscribe(tend_process_stdout(p), NULL, &other, &e), &e);
	tend_subscription_close(other);
	tend_subscription_close(mine);
	CHECK(test_alive(tend_process_pid(p)));
	CHECK_INT(0, tend_process_signal(p, SIGTERM, TEND_GROUP, NULL));
	if (complete(p, &o, &r))
		CHECK_INT(SIGTERM, r.exit.signal);
	/* WC-20: and so are those that the call itself took */
	CHECK_OK(tend_stream_subscribe(tend_process_stdout(p), NULL, &other, &e), &e);
	tend_subscription_close(other);
	tend_process_free(p);
}

/*
 * E2: each allocation and each thread in turn fails: an error, nothing begun, and the call works afterwards; or, where
 * it was a collector's own that it made while it was being served here, a result that says so.
 */
static void runs_out(void)
{
	for (int threads = 0; threads < 2; threads++) {
		tend_process *p = test_spawn(&test_single_all, "obedient", NULL);
		struct tend_complete o = patient();
		struct tend_result r;
		bool hit = true;

		if (!p)
			return;
		test_await_line(tend_process_stdout(p), "ready", NULL, 0);
		o.timeout = TEND_AT_ONCE;
		if (threads)
			o.out.runs_on = o.err.runs_on = TEND_ON_OWN_THREAD;
		for (unsigned long i = 1; hit && i < 200; i++) {
			bool starved;
			int result;

			fault_only_this_thread(true);
			if (threads)
				fault_fail_sys("thread", i, EAGAIN);
			else
				fault_fail_alloc(i);
			result = tend_process_complete(p, &o, &r, NULL);
			hit = fault_fired();
			fault_reset();
			starved = result == 0 && (r.out.collected.failed || r.err.collected.failed);
			CHECK_INT(hit && !starved ? (threads ? -EAGAIN : -ENOMEM) : 0, result);
			CHECK(!starved || (hit && !threads));
		}
		CHECK(!hit);
		tend_process_free(p);
	}
}

/* ---- again and again ---- */

/* WC-4, WC-22: the same answer twice; a result can be cleared before its process goes. */
static void twice(void)
{
	tend_process *p = test_spawn(&test_single_all, "printer", "once", NULL);
	struct tend_complete o = patient();
	struct tend_result r[2];
	long before;

	if (!p)
		return;
	for (int i = 0; i < 2; i++)
		if (complete(p, &o, &r[i]))
			check_bytes("once", &r[i].out);
	CHECK_INT(r[0].exit.wall_ns, r[1].exit.wall_ns);
	CHECK(r[0].out.collected.data != r[1].out.collected.data);
	check_bytes("once", &r[0].out); /* still there */
	before = test_live_allocations();
	tend_result_clear(&r[0], p);
	CHECK(test_live_allocations() < before);
	check_bytes("once", &r[1].out);
	tend_result_clear(&r[1], p);
	tend_process_free(p);
}

static void complete_it(struct test_thread *t, void *arg)
{
	struct tend_complete o = patient();
	struct tend_result r;

	if (!WORKER_CHECK_INT(t, 0, tend_process_complete(arg, &o, &r, NULL)))
		return;
	WORKER_CHECK_INT(t, TEND_COMPLETED, r.outcome);
	WORKER_CHECK_INT(t, 300000, r.out.collected.size);
	WORKER_CHECK(t, r.out.collected.complete);
}

static void by_several_threads(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "flooder", "300000", NULL);
	struct test_thread threads[4];

	if (!p)
		return;
	for (int i = 0; i < 4; i++)
		test_thread_start(&threads[i], complete_it, p);
	for (int i = 0; i < 4; i++)
		test_thread_join(&threads[i]);
	tend_process_free(p);
}

/* WC-23 and streams that are none. */
static void without_streams(void)
{
	const char *argv[] = { helper("exiter"), "6", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_complete o = { .timeout = TEND_SECONDS(INT64_MAX) };
	struct tend_result r;
	struct tend_error e;
	tend_process *p = NULL;

	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	if (complete(p, &o, &r)) {
		CHECK_INT(6, r.exit.code);
		CHECK_INT(TEND_COLLECTION_NONE, r.out.collected.kind);
	}
	tend_process_free(p);
}

/* The time is over as the child ends: whichever is seen first, what was not stopped is not called so. */
static void a_tie_is_a_completion(void)
{
	static const struct tend_stop kill_it = { .after_kill = TEND_DEFAULT_AFTER_KILL };

	for (int i = 0; i < (test_under_valgrind() ? 5 : 150); i++) {
		const struct tend_complete all = { .timeout = TEND_US((int64_t)1500 + 20 * i), .stop = &kill_it };
		tend_process *p = test_spawn(NULL, "sleeper", "2", NULL);
		struct tend_result r;
		struct tend_error e;

		if (p && CHECK_OK(tend_process_complete(p, &all, &r, &e), &e)) {
			CHECK_INT(r.outcome == TEND_STOPPED, r.timed_out);
			CHECK(r.outcome == TEND_STOPPED ? r.stop.outcome == TEND_STOPPED_BY_KILL
			                                : r.outcome == TEND_COMPLETED);
			CHECK(r.outcome == TEND_STOPPED || r.stop.n_signals == 0);
		}
		tend_process_free(p);
	}
}

static struct gate gate;

static void hold_the_reaper(void *arg, const struct tend_log_event *event)
{
	(void)arg;
	if (strcmp(event->event, "exit") == 0 && strcmp(event->name, "holder") == 0)
		gate_hold(&gate);
}

static tend_process *spawn_obedient(const char *name)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_error e;
	tend_process *p = NULL;

	s.name = name;
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

/* The same, and it is certain that nobody has seen the end when the time is over: the reaper is held elsewhere. */
static void an_end_that_nobody_has_seen(void)
{
	static const struct tend_stop kill_it = { .after_kill = TEND_DEFAULT_AFTER_KILL };
	const struct tend_complete all = { .timeout = TEND_AT_ONCE, .stop = &kill_it };
	tend_process *holder = spawn_obedient("holder"), *p = spawn_obedient("p");
	struct tend_result r;
	siginfo_t info;

	test_keeps_allocations(2); /* a log target is kept for good */
	gate_open(&gate);
	CHECK_INT(0, tend_set_log(hold_the_reaper, NULL, TEND_LOG_INFO));
	if (holder && p) {
		CHECK_INT(0, kill(tend_process_pid(holder), SIGKILL));
		gate_await(&gate);
		CHECK_INT(0, kill(tend_process_pid(p), SIGKILL));
		CHECK_INT(0, waitid(P_PID, (id_t)tend_process_pid(p), &info, WEXITED | WNOWAIT));
		CHECK(!tend__process_has_exited(p));
		if (complete(p, &all, &r)) {
			CHECK_INT(TEND_COMPLETED, r.outcome);
			CHECK(!r.timed_out);
			CHECK_INT(SIGKILL, r.exit.signal);
			CHECK_INT(0, r.stop.n_signals);
		}
		gate_release(&gate);
	}
	tend_process_free(p);
	tend_process_free(holder);
	CHECK_INT(0, tend_set_log(NULL, NULL, TEND_LOG_INFO));
	gate_close(&gate);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "a_tie_is_a_completion", a_tie_is_a_completion },
		{ "an_end_that_nobody_has_seen", an_end_that_nobody_has_seen },
		{ "output_and_exit", output_and_exit },
		{ "lines_and_nothing", lines_and_nothing },
		{ "truncated", truncated },
		{ "stdin_closed_or_kept", stdin_closed_or_kept },
		{ "time_over_without_a_plan", time_over_without_a_plan },
		{ "time_over_with_a_plan", time_over_with_a_plan },
		{ "not_stopped", not_stopped },
		{ "grandchild_holds_the_pipe", grandchild_holds_the_pipe },
		{ "held_on_one_side", held_on_one_side },
		{ "a_read_error_ends_its_stream", a_read_error_ends_its_stream },
		{ "grandchild_holds_nothing", grandchild_holds_nothing },
		{ "escaped_grandchild", escaped_grandchild },
		{ "data_rearms_the_drain", data_rearms_the_drain },
		{ "total_caps_the_drain", total_caps_the_drain },
		{ "nothing_is_cut_short", nothing_is_cut_short },
		{ "somebody_else_does_not_read", somebody_else_does_not_read },
		{ "refuses_what_was_not_chosen", refuses_what_was_not_chosen },
		{ "slot_is_taken", slot_is_taken },
		{ "runs_out", runs_out },
		{ "twice", twice },
		{ "by_several_threads", by_several_threads },
		{ "without_streams", without_streams },
	};

	return test_main(argc, argv, "complete", tests, sizeof tests / sizeof *tests);
}
