/* SPDX-License-Identifier: MIT */
/* What was wrong once: each test is a way in which an earlier state of the library was made to fail. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "thread.h"

/* A stop took a group for empty whose members could not be looked up: here for lack of a descriptor. */
static void members_that_cannot_be_looked_up(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "forker", "leader-pauses", NULL);
	struct tend_stop_report report;
	struct rlimit usual, none;
	struct tend_error e;
	char pid[16] = "0";

	if (!p)
		return;
	test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid);
	getrlimit(RLIMIT_NOFILE, &usual);
	none = usual;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	CHECK_OK(tend_process_stop(p, &TEND_STOP_TERM(TEND_MS(100)), &report, &e), &e);
	setrlimit(RLIMIT_NOFILE, &usual);
	CHECK_INT(SIGKILL, report.signals[report.n_signals - 1].signal);
	test_await_gone(atoi(pid));
	tend_process_free(p);
}

/* Readers of descriptors that others read, too, kept a fork of the host waiting for ever. */
static void fork_while_a_pipe_is_shared(void)
{
	enum { READERS = 4, BYTES = 300 };
	tend_stream *streams[READERS];
	struct tend_error e;
	int fds[2], status;

	CHECK_INT(0, pipe(fds));
	for (int i = 0; i < READERS; i++)
		CHECK_OK(tend_stream_open(dup(fds[0]), &test_reliable, "shared", &streams[i], &e), &e);
	for (int i = 0; i < BYTES; i++) {
		CHECK_INT(1, write(fds[1], "x", 1));
		if (i % 10 == 0) {
			pid_t copy = fork();

			if (copy == 0)
				_exit(0);
			CHECK_INT(copy, waitpid(copy, &status, 0));
		}
	}
	for (int i = 0; i < READERS; i++)
		tend_stream_free(streams[i]); /* does not hang either */
	close(fds[0]);
	close(fds[1]);
}

static void *write_for_ever(void *arg)
{
	static char much[1 << 20];
	tend_process *p = arg;

	tend_process_stdin_write(p, much, sizeof much, TEND_FOREVER, NULL, NULL);
	pthread_testcancel();
	return NULL;
}

/* Hazard 68: a cancelled writer stayed the one who writes, and closing waited for it for ever. */
static void cancelled_writer(void)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p = NULL;
	struct tend_error e;
	pthread_t writer;

	s.in = TEND_IN_PIPE;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	CHECK_INT(0, pthread_create(&writer, NULL, write_for_ever, p));
	pthread_cancel(writer);
	CHECK_INT(0, tend_process_stdin_close(p));
	pthread_join(writer, NULL);
	CHECK_OK(tend_process_kill(p, TEST_PATIENCE, NULL, &e), &e);
	tend_process_free(p);
}

static _Atomic int n_entered;

static void *wait_for_ever(void *arg)
{
	tend_process *p = arg;

	atomic_fetch_add(&n_entered, 1);
	tend_process_wait(p, TEND_FOREVER, NULL, NULL);
	tend_process_stop(p, &TEND_STOP_KILL, NULL, NULL);
	pthread_testcancel();
	return p;
}

/* Hazard 68: a thread that is cancelled in a call leaves no lock behind: the call runs to its end. */
static void cancelled_waiters(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "obedient", NULL);
	pthread_t waiters[4];
	struct tend_exit ended;
	struct tend_error e;
	void *result;

	if (!p)
		return;
	for (int i = 0; i < 4; i++)
		CHECK_INT(0, pthread_create(&waiters[i], NULL, wait_for_ever, p));
	while (atomic_load(&n_entered) < 4)
		sched_yield();
	for (int i = 0; i < 4; i++)
		CHECK_INT(0, pthread_cancel(waiters[i]));
	CHECK_OK(tend_process_kill(p, TEST_PATIENCE, NULL, &e), &e);
	for (int i = 0; i < 4; i++) {
		CHECK_INT(0, pthread_join(waiters[i], &result));
		CHECK(result == PTHREAD_CANCELED);
	}
	if (test_wait(p, &ended))
		CHECK_INT(SIGKILL, ended.signal);
	tend_process_free(p);
}

static void stop_again(struct test_thread *t, void *arg)
{
	tend_process *p = arg;

	for (int i = 0; i < 300; i++) {
		struct tend_stop_report r = { .outcome = TEND_STOP_NOT_RUN };

		WORKER_CHECK_INT(t, 0, tend_process_kill(p, TEST_PATIENCE, &r, NULL));
		WORKER_CHECK_INT(t, TEND_STOPPED_BEFORE, r.outcome);
	}
}

/* Whoever waited for a stop could be handed the report of the next one, empty as it was at its start. */
static void reports_are_not_mixed_up(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "true-er", NULL);
	struct test_thread threads[3];
	struct tend_exit ended;

	if (!p)
		return;
	test_wait(p, &ended);
	for (int i = 0; i < 3; i++)
		test_thread_start(&threads[i], stop_again, p);
	for (int i = 0; i < 3; i++)
		test_thread_join(&threads[i]);
	tend_process_free(p);
}

static void kill_at_once(struct test_thread *t, void *arg)
{
	struct tend_stop_report r;

	WORKER_CHECK_INT(t, 0, tend_process_kill(arg, TEND_AT_ONCE, &r, NULL));
}

/*
 * A kill without patience took that of the stop that it joined, whose caller was then told that the child lives.
 * kill::kill_future_can_be_spawned_on_tokio_task
 */
static void impatient_kill_joins(void)
{
	for (int i = 0; i < 20; i++) {
		tend_process *p = test_spawn(&test_reliable_all, "stubborn", NULL);
		struct tend_stop_report r;
		struct test_thread killer;
		struct tend_error e;

		if (!p)
			return;
		test_await_line(tend_process_stdout(p), "ready", NULL, 0);
		test_thread_start(&killer, kill_at_once, p);
		CHECK_OK(tend_process_stop(p, &TEND_STOP_TERM(TEND_SECONDS(30)), &r, &e), &e);
		test_thread_join(&killer);
		if (r.outcome == TEND_STOP_UNCONFIRMED) /* it began as the killer's, and was over when this one came */
			CHECK_OK(tend_process_stop(p, &TEND_STOP_TERM(TEND_SECONDS(30)), &r, &e), &e);
		CHECK(r.outcome == TEND_STOPPED_BY_KILL || r.outcome == TEND_STOPPED_BEFORE ||
		      r.outcome == TEND_STOPPED_IN_PHASE); /* the killer's signal may take effect in phase 1 */
		tend_process_free(p);
	}
}

/* A result without lines could not be cleared before its process was freed. */
static void empty_results_are_cleared(void)
{
	tend_process *p = test_spawn(&test_reliable, "obedient", NULL);
	const struct tend_complete look = {
		.timeout = TEND_AT_ONCE,
		.err = TEND_COLLECT_LINES(.overflow = TEND_TRUSTED_UNBOUNDED),
		.drain = { .idle = TEND_AT_ONCE, .total = TEND_AT_ONCE },
	};
	struct tend_result r;
	struct tend_error e;
	long before;

	if (!p)
		return;
	CHECK_OK(tend_process_complete(p, &look, &r, &e), &e);
	tend_result_clear(&r, p);
	while (tend_stream_stats(tend_process_stdout(p)).bytes_read == 0) /* "ready", in a buffer that is kept */
		sched_yield();
	before = test_live_allocations();
	for (int i = 0; i < 50; i++) {
		CHECK_OK(tend_process_complete(p, &look, &r, &e), &e);
		CHECK_INT(0, r.err.collected.n_lines);
		tend_result_clear(&r, p);
	}
	/* A collector's thread may still be on its way out. */
	while (test_live_allocations() > before)
		sched_yield();
	tend_process_free(p);
}

static void drain_slowly(struct test_thread *t, void *arg)
{
	const struct tend_complete slow = {
		.timeout = TEST_PATIENCE, .drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE }
	};
	struct tend_result r;

	WORKER_CHECK_INT(t, 0, tend_process_complete(arg, &slow, &r, NULL));
	WORKER_CHECK_INT(t, TEND_END_DETACHED, r.out.end);
}

/* The second of two drains waited as long as the first. */
static void hurried_drain_counts(void)
{
	const struct tend_complete quick = {
		.timeout = TEST_PATIENCE, .drain = { .idle = TEND_MS(20), .total = TEND_MS(50) }
	};
	tend_process *p = test_spawn(&test_reliable_all, "forker", "hold", NULL);
	struct test_thread slow;
	struct tend_exit ended;
	struct tend_result r;
	struct tend_error e;

	if (!p)
		return;
	test_wait(p, &ended);
	test_thread_start(&slow, drain_slowly, p);
	CHECK_OK(tend_process_complete(p, &quick, &r, &e), &e);
	CHECK_INT(1, r.out.n_held_by);
	test_thread_join(&slow);
	CHECK_OK(tend_process_signal(p, SIGKILL, TEND_GROUP, &e), &e);
	tend_process_free(p);
}

/* A spawn into another directory failed where the host's own had been removed, although nothing was relative. */
static void host_without_a_directory(void)
{
	char template[] = "/tmp/tend-gone-XXXXXX", *here = getcwd(NULL, 0);
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	tend_process *p = NULL;
	struct tend_exit ended;
	struct tend_error e;

	CHECK(mkdtemp(template) != NULL);
	CHECK_INT(0, chdir(template));
	CHECK_INT(0, rmdir(template));
	s.cwd = "/";
	if (CHECK_OK(tend_spawn(&s, &p, &e), &e))
		test_wait(p, &ended);
	tend_process_free(p);
	CHECK_INT(0, chdir(here));
	free(here);
}

/* A name of any length left no room for what went wrong. */
static void long_names_leave_room(void)
{
	static char name[2000];
	const char *argv[] = { "true", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p = NULL;
	struct tend_error e;

	memset(name, 'n', sizeof name - 1);
	s.name = name;
	s.in = TEND_IN_FD(4000);
	CHECK_INT(-EBADF, tend_spawn(&s, &p, &e));
	CHECK(strstr(e.message, "Bad file descriptor") != NULL);
}

static const struct test tests[] = {
	{ "members_that_cannot_be_looked_up", members_that_cannot_be_looked_up },
	{ "fork_while_a_pipe_is_shared", fork_while_a_pipe_is_shared },
	{ "cancelled_writer", cancelled_writer },
	{ "cancelled_waiters", cancelled_waiters },
	{ "reports_are_not_mixed_up", reports_are_not_mixed_up },
	{ "impatient_kill_joins", impatient_kill_joins },
	{ "empty_results_are_cleared", empty_results_are_cleared },
	{ "hurried_drain_counts", hurried_drain_counts },
	{ "host_without_a_directory", host_without_a_directory },
	{ "long_names_leave_room", long_names_leave_room },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "regressions", tests, sizeof tests / sizeof *tests);
}
