/* SPDX-License-Identifier: MIT */
/*
 * Hazard 93: what a machine that was asleep does to time-outs.  They stand still meanwhile (tend_base(3)), because
 * CLOCK_MONOTONIC does, clock_gettime(2), and nothing is measured by another clock.  A machine cannot be put to sleep
 * by a test; but a time namespace shows the clocks as they are behind a long sleep: CLOCK_BOOTTIME is months ahead of
 * CLOCK_MONOTONIC there.  A deadline on one of them that is slept for on the other ends at once there, or never.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "streams.h"
#include "test.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define SLEPT_S 8640000
#define SPAN TEND_MS(20)
#define SPAN_NS INT64_C(20000000)

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* What this process starts from now on lives behind a long sleep; needs no rights where users may have namespaces. */
static bool fall_asleep(void)
{
	static const char offsets[] = "boottime " TEND__STRING(SLEPT_S) " 0\n";
	int fd;
	bool written;

	if (unshare(CLONE_NEWTIME) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWTIME) != 0)
		return false;
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	written = fd >= 0 && write(fd, offsets, sizeof offsets - 1) == sizeof offsets - 1;
	close(fd);
	return written;
}

/* Runs this program there; its exit status, or 77 where there is no such place. */
static int run_behind_a_sleep(const char *mode)
{
	int status = -1;
	pid_t pid;

	if (!fall_asleep())
		return 77;
	pid = fork();
	if (pid == 0) {
		execl(test_self(), "self", mode, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* ---- there ---- */

static void the_clocks_differ(void)
{
	int64_t before = clock_ns(CLOCK_MONOTONIC), now = tend__now_ns(), after = clock_ns(CLOCK_MONOTONIC);

	CHECK(clock_ns(CLOCK_BOOTTIME) - after >= SLEPT_S / 2 * INT64_C(1000000000));
	CHECK(before <= now && now <= after);
}

static void check_waited(int64_t began)
{
	CHECK(clock_ns(CLOCK_MONOTONIC) - began >= SPAN_NS);
}

static bool never(void *arg, const struct tend_line *line)
{
	(void)arg;
	(void)line;
	return false;
}

static enum tend_flow go_on(void *arg, const struct tend_chunk *chunk)
{
	(void)arg;
	(void)chunk;
	return TEND_CONTINUE;
}

/* Waits for output that does not come. */
static void output(void)
{
	const struct tend_line_options lines = { .max_length = 100, .overflow = TEND_LINE_TRUNCATE };
	struct tend_line_found found = { .outcome = TEND_LINE_MATCHED };
	struct tend_event event = { .kind = TEND_EOF };
	tend_consumer *consumer = NULL;
	tend_subscription *sub;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);
	int64_t began = clock_ns(CLOCK_MONOTONIC);

	if (!stream)
		return;
	sub = stream_subscribe(stream);
	CHECK_INT(0, tend_subscription_next(sub, SPAN, &event));
	CHECK_INT(TEND_TIMED_OUT, event.kind);
	check_waited(began);
	began = clock_ns(CLOCK_MONOTONIC);
	CHECK_INT(0, tend_stream_wait_for_line(stream, &lines, never, NULL, SPAN, &found, NULL));
	CHECK_INT(TEND_LINE_TIMED_OUT, found.outcome);
	check_waited(began);
	CHECK_INT(0, tend_stream_inspect_chunks(stream, go_on, NULL, &consumer, NULL));
	began = clock_ns(CLOCK_MONOTONIC);
	CHECK_INT(0, tend_consumer_wait(consumer, SPAN, NULL, NULL));
	CHECK(!tend_consumer_is_finished(consumer));
	check_waited(began);
	tend_consumer_free(consumer);
	tend_subscription_close(sub);
	close(fd);
	tend_stream_free(stream);
}

/* Waits for a child that does not end, and does not read. */
static void children(void)
{
	static char much[1 << 20];
	const char *argv[] = { helper("stubborn"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_exit ended = { .kind = TEND_EXITED };
	tend_process *p = NULL;
	struct tend_error e;
	int64_t began;

	s.in = TEND_IN_PIPE;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	began = clock_ns(CLOCK_MONOTONIC);
	CHECK_INT(0, tend_process_wait(p, SPAN, &ended, NULL));
	CHECK_INT(TEND_RUNNING, ended.kind);
	check_waited(began);
	began = clock_ns(CLOCK_MONOTONIC);
	CHECK_INT(-ETIMEDOUT, tend_process_stdin_write(p, much, sizeof much, SPAN, NULL, NULL));
	check_waited(began);
	began = clock_ns(CLOCK_MONOTONIC);
	CHECK_INT(0, tend_process_stop(p, &TEND_STOP_TERM(SPAN), NULL, NULL));
	check_waited(began); /* the phase's; the reaper sleeps for it */
	tend_process_free(p);
}

/* The time-out, the inactivity and the drain of a call. */
static void completions(void)
{
	const struct tend_drain drain = { .idle = SPAN, .total = TEST_PATIENCE };
	const struct tend_complete calls[] = {
		{ .timeout = SPAN, .drain = drain },
		{ .timeout = TEND_FOREVER, .inactivity = SPAN, .drain = drain },
		{ .timeout = TEND_FOREVER, .drain = drain },
		{ .timeout = TEND_FOREVER, .drain = { .idle = TEST_PATIENCE, .total = SPAN } },
	};

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		bool is_drain = i >= 2;
		tend_process *p = is_drain ? test_spawn(&test_reliable_all, "forker", "hold", "0", NULL)
		                           : test_spawn(&test_reliable_all, "obedient", NULL);
		int64_t began = clock_ns(CLOCK_MONOTONIC);
		struct tend_result r;
		struct tend_error e;

		if (!p)
			return;
		if (CHECK_OK(tend_process_complete(p, &calls[i], &r, &e), &e)) {
			CHECK_INT(is_drain ? TEND_COMPLETED : TEND_STILL_RUNNING, r.outcome);
			CHECK_INT(is_drain ? TEND_END_DETACHED : TEND_END_NONE, r.out.end);
		}
		check_waited(began);
		CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
		tend_process_free(p);
	}
}

static const struct test tests_behind_a_sleep[] = {
	{ "the_clocks_differ", the_clocks_differ },
	{ "output", output },
	{ "children", children },
	{ "completions", completions },
};

/* ---- here ---- */

static void time_outs_know_one_clock(void)
{
	static const char *const argv[] = { "--sleep", NULL };

	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
}

static bool can_sleep(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(!fall_asleep());
	waitpid(pid, &status, 0);
	return status == 0;
}

static const struct test tests[] = {
	{ "time_outs_know_one_clock", time_outs_know_one_clock },
};

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--sleep") == 0)
		return run_behind_a_sleep("--behind-a-sleep");
	if (argc == 2 && strcmp(argv[1], "--behind-a-sleep") == 0)
		return test_main(1, argv, "clocks, behind a sleep", tests_behind_a_sleep,
		                 sizeof tests_behind_a_sleep / sizeof *tests_behind_a_sleep);
	if (argc < 2 && !can_sleep()) {
		fprintf(stderr, "there are no time namespaces here\n");
		return 77;
	}
	return test_main(argc, argv, "clocks", tests, sizeof tests / sizeof *tests);
}
