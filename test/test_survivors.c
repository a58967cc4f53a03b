/* SPDX-License-Identifier: MIT */
/*
 * Those that a child leaves behind when it exits by itself: wishes 5, 6, hazards 37, 39.  And children that go silent:
 * wish 27.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static const struct tend_stop kill_it = { .after_kill = TEND_SECONDS(90) };

static tend_process *start(const char *const *argv, struct tend_survivors policy)
{
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e;
	tend_process *p = NULL;

	s.name = "leaver";
	s.survivors = policy;
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

static bool complete(tend_process *p, struct tend_result *result)
{
	const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.max_bytes = 4096, .overflow = TEND_DROP_NEWEST),
		.drain = { .idle = TEND_MS(1), .total = TEND_MS(1) },
	};
	struct tend_error e;

	return CHECK_OK(tend_process_complete(p, &all, result, &e), &e);
}

static void left_and_named(void)
{
	const char *argv[] = { helper("forker"), "hold", "4", NULL };
	tend_process *p = start(argv, TEND_SURVIVORS_LEAVE);
	struct tend_result result;

	if (p && complete(p, &result)) {
		CHECK_INT(TEND_COMPLETED, result.outcome);
		CHECK_INT(4, result.exit.code);
		CHECK_INT(1, result.n_survivors);
		CHECK_STR("forker", result.survivors[0].comm);
		CHECK(test_alive(result.survivors[0].pid));
		CHECK_INT(TEND_STOP_NOT_RUN, result.survivors_stop.outcome);
		CHECK_INT(0, kill(result.survivors[0].pid, SIGKILL));
	}
	tend_process_free(p);
}

/* They are named, and then they are gone; the leader's own exit is what it was, and the pipe ends with them. */
static void stopped_and_named(void)
{
	static const char *const modes[] = { "hold", "hold-stubborn", "quiet" };

	for (size_t i = 0; i < 3; i++) {
		const struct tend_stop plan = TEND_STOP_TERM(i == 1 ? TEND_MS(20) : TEND_SECONDS(90));
		const char *argv[] = { helper("forker"), modes[i], "4", NULL };
		tend_process *p = start(argv, TEND_SURVIVORS_STOP(&plan));
		struct tend_result result;

		if (p && complete(p, &result)) {
			CHECK_INT(TEND_COMPLETED, result.outcome);
			CHECK_INT(4, result.exit.code);
			CHECK_INT(1, result.n_survivors);
			CHECK(!test_alive(result.survivors[0].pid));
			CHECK_INT(0, result.survivors_stop.n_survivors);
			CHECK_INT(i == 1 ? TEND_STOPPED_BY_KILL : TEND_STOPPED_IN_PHASE, result.survivors_stop.outcome);
			CHECK_INT(TEND_END_EOF, result.out.end);
			CHECK_INT(0, result.out.n_held_by);
			/* whoever came first, the reaper or the call: their stop has ended when this one looks */
			CHECK(complete(p, &result));
			CHECK_INT(1, result.n_survivors);
			CHECK_STR("forker", result.survivors[0].comm);
			CHECK_INT(i == 1 ? TEND_STOPPED_BY_KILL : TEND_STOPPED_IN_PHASE, result.survivors_stop.outcome);
			CHECK_INT(i == 1 ? 3 : 2, result.survivors_stop.n_signals);
		}
		tend_process_free(p);
	}
}

/* Nobody calls anything but free: the reaper acts all the same. */
static void stopped_though_nobody_waits(void)
{
	const char *argv[] = { helper("forker"), "quiet", "0", NULL };
	tend_process *p = start(argv, TEND_SURVIVORS_STOP(&kill_it));
	struct tend_exit ended;
	char pid[32];

	if (!p)
		return;
	if (test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid) && test_wait(p, &ended)) {
		tend_process_free(p);
		test_await_gone(atoi(pid));
		return;
	}
	tend_process_free(p);
}

static void none_there(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	tend_process *p = start(argv, TEND_SURVIVORS_STOP(&kill_it));
	struct tend_result result;

	if (p && complete(p, &result)) {
		CHECK_INT(0, result.n_survivors);
		CHECK_INT(TEND_STOPPED_BEFORE, result.survivors_stop.outcome);
		CHECK_INT(0, result.survivors_stop.n_signals);
	}
	tend_process_free(p);
}

static _Atomic int told;

static void count_survivors(void *arg, const struct tend_log_event *e)
{
	(void)arg;
	if (strcmp(e->event, "survivors") == 0 && strstr(e->message, "forker"))
		atomic_fetch_add(&told, 1);
}

/* The log hears of them, and they live. */
static void told_to_the_log(void)
{
	const char *argv[] = { helper("forker"), "quiet", "0", NULL };
	tend_process *p;
	char pid[32];

	CHECK_INT(0, tend_set_log(count_survivors, NULL, TEND_LOG_WARNING));
	p = start(argv, TEND_SURVIVORS_REPORT);
	if (p && test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid)) {
		while (!atomic_load(&told))
			sched_yield();
		CHECK(test_alive(atoi(pid)));
		CHECK_INT(0, kill(atoi(pid), SIGKILL));
	}
	tend_process_free(p);
	CHECK_INT(0, tend_set_log(NULL, NULL, TEND_LOG_WARNING));
	CHECK_INT(1, atomic_load(&told));
	test_keeps_allocations(2);
}

static void refusals(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_error e;
	tend_process *p = NULL;

	s.survivors.kind = 99;
	CHECK_INT(-EINVAL, tend_spawn(&s, &p, &e));
	CHECK(strstr(e.message, "survivors.kind") == e.message);
	s.survivors = TEND_SURVIVORS_STOP(NULL);
	CHECK_INT(-EINVAL, tend_spawn(&s, &p, &e));
	CHECK(strstr(e.message, "survivors.stop") == e.message);
}

/* ---- silence ---- */

static tend_process *run_silent(const char *const *argv, tend_duration inactivity, struct tend_result *result)
{
	const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.inactivity = inactivity,
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
		.stop = &kill_it,
	};
	tend_process *p = start(argv, TEND_SURVIVORS_LEAVE);
	struct tend_error e;

	memset(result, 0, sizeof *result);
	if (p)
		CHECK_OK(tend_process_complete(p, &all, result, &e), &e);
	return p;
}

/* A child that says nothing is stopped; one that speaks in time, again and again, for longer than that, is not. */
static void silence_ends_it(void)
{
	const char *silent[] = { helper("obedient"), NULL };
	const char *talking[] = { helper("forker"), "drip", "2", "30", NULL };
	struct tend_result result;
	tend_process *p = run_silent(silent, TEND_MS(30), &result);

	CHECK_INT(TEND_STOPPED, result.outcome);
	CHECK(result.timed_out && result.inactive);
	CHECK_INT(SIGKILL, result.exit.signal);
	tend_process_free(p);
	p = run_silent(talking, TEND_SECONDS(50), &result);
	CHECK_INT(TEND_COMPLETED, result.outcome);
	CHECK(!result.timed_out && !result.inactive);
	tend_process_free(p);
}

/* Every byte starts the time anew: a child that talks for 20 times as long as it may be silent, and then ends. */
static void talk_goes_on(void)
{
	const char *argv[] = { helper("dripper"), "100", "20", NULL };
	struct tend_result result;
	tend_process *p = run_silent(argv, TEND_SECONDS(1), &result);

	if (result.inactive) { /* a machine that stood still for a second; then there was a second without a byte */
		CHECK(result.out.chunks < 20);
	} else {
		CHECK_INT(TEND_COMPLETED, result.outcome);
		CHECK(result.exit.wall_ns >= INT64_C(2000000000));
	}
	tend_process_free(p);
}

static void silence_needs_a_stream(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	const struct tend_complete plain = { .timeout = TEST_PATIENCE, .inactivity = TEND_SECONDS(1) };
	const struct tend_complete bad = { .timeout = TEST_PATIENCE, .inactivity = 1,
		                           .drain = { .idle = TEND_MS(1), .total = TEND_MS(1) } };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_result result;
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	CHECK_INT(-EINVAL, tend_process_complete(p, &plain, &result, &e));
	CHECK(strstr(e.message, "inactivity") == e.message);
	CHECK_INT(-EINVAL, tend_process_complete(p, &bad, &result, &e));
	CHECK(strstr(e.message, "inactivity") == e.message);
	test_wait(p, &ended);
	tend_process_free(p);
}

/* ---- the end of the host ---- */

static void exit_when_told(void *arg, const struct tend_log_event *e)
{
	(void)arg;
	if (strcmp(e->event, "exit") == 0 && strcmp(e->name, "leaver") == 0)
		exit(0);
}

/* This program once more: ends as soon as it knows that the child has. */
static int end_by(const char *way)
{
	const char *argv[] = { helper("forker"), "hold", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(90));
	struct tend_exit ended;
	tend_process *p;

	s.name = "leaver";
	s.out = TEND_OUT_INHERIT;
	s.survivors = TEND_SURVIVORS_STOP(&plan);
	if (strcmp(way, "reaper") == 0)
		tend_set_log(exit_when_told, NULL, TEND_LOG_INFO);
	if (tend_spawn(&s, &p, NULL) < 0)
		return 1;
	while (strcmp(way, "reaper") == 0)
		pause();
	tend_process_wait(p, TEND_FOREVER, &ended, NULL);
	if (strcmp(way, "shutdown") == 0)
		_exit(tend_shutdown(TEND_SECONDS(90), NULL) != 0);
	if (strcmp(way, "freed") == 0)
		tend_process_free(p);
	return ended.kind != TEND_EXITED || ended.code != 0;
}

static void check_end(const char *way)
{
	static const char *const options[] = {
		"TSAN_OPTIONS=report_thread_leaks=0", "ASAN_OPTIONS=detect_leaks=0", NULL
	};
	const char *argv[] = { test_self(), "--end-by", way, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_result result;
	tend_process *host = NULL;
	struct tend_error e;
	int pid = 0;

	s.env_set = options;
	if (!CHECK_OK(tend_spawn(&s, &host, &e), &e))
		return;
	if (complete(host, &result)) {
		CHECK_INT(0, result.exit.code);
		if (CHECK_INT(1, sscanf(result.out.collected.data, "grandchild %d", &pid)))
			CHECK(strcmp(way, "reaper") == 0 ? test_await_gone(pid) : !test_alive(pid));
	}
	tend_process_free(host);
}

/* A host that ends at once, and so before a plan could, leaves nobody behind either. */
static void stopped_at_the_end_of_the_host(void)
{
	static const char *const ways[] = { "return", "freed", "shutdown", "reaper" };

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		check_end(ways[i]);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "left_and_named", left_and_named },
		{ "stopped_and_named", stopped_and_named },
		{ "stopped_though_nobody_waits", stopped_though_nobody_waits },
		{ "none_there", none_there },
		{ "told_to_the_log", told_to_the_log },
		{ "refusals", refusals },
		{ "silence_ends_it", silence_ends_it },
		{ "talk_goes_on", talk_goes_on },
		{ "silence_needs_a_stream", silence_needs_a_stream },
		{ "stopped_at_the_end_of_the_host", stopped_at_the_end_of_the_host },
	};

	if (argc == 3 && strcmp(argv[1], "--end-by") == 0)
		return end_by(argv[2]);
	return test_main(argc, argv, "survivors", tests, sizeof tests / sizeof *tests);
}
