/* SPDX-License-Identifier: MIT */
/*
 * Spawns and output under way while the host forks, without executing another program, or ends: nobody waits for
 * either.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "thread.h"

/* ---- copies of the host ---- */

#define MOST_COPIES 60

static _Atomic bool over;

struct copies {
	pid_t pids[MOST_COPIES];
	int n;
};

static void fork_and_stay(struct test_thread *t, void *arg)
{
	struct copies *c = arg;

	while (!atomic_load(&over) && c->n < MOST_COPIES) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				pause();
		if (!WORKER_CHECK(t, pid > 0))
			return;
		c->pids[c->n++] = pid;
	}
}

/* All that it waits for: the child's word that it has executed, the end of its input, the end of its output. */
static void spawn_and_complete(bool copied)
{
	static const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.max_bytes = 64, .overflow = TEND_DROP_NEWEST),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};
	const char *argv[] = { helper("echoer"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_result result;
	struct tend_error e;
	tend_process *p = NULL;

	s.in = TEND_IN_BYTES("x\n", 2);
	if (copied)
		s.gid = TEND_GID(getgid());
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	if (CHECK_OK(tend_process_complete(p, &all, &result, &e), &e)) {
		CHECK_INT(TEND_COMPLETED, result.outcome);
		CHECK_INT(TEND_END_EOF, result.out.end);
		CHECK_MEM("x\n", 2, result.out.collected.data, result.out.collected.size);
	}
	tend_process_free(p);
}

static void among_copies(bool copied)
{
	struct copies c = { .n = 0 };
	struct test_thread t;

	if (test_under_sanitizer()) /* whose copies are too big for so many */
		return;
	atomic_store(&over, false);
	test_thread_start(&t, fork_and_stay, &c);
	for (int i = 0; i < (test_under_valgrind() ? 5 : 60); i++)
		spawn_and_complete(copied);
	atomic_store(&over, true);
	test_thread_join(&t);
	for (int i = 0; i < c.n; i++) {
		kill(c.pids[i], SIGKILL);
		waitpid(c.pids[i], NULL, 0);
	}
}

/* Each copy could hold on to the ends of pipes that are to be seen closed. */
static void copies_hold_nothing(void)
{
	among_copies(false);
	among_copies(true);
}

/*
 * One byte at a time is read slower than anybody writes, so the pipe is never empty and the reader never sleeps: a
 * fork(2) once waited until the child had written all of it.
 */
static void a_flood_holds_up_no_copy(void)
{
	static const struct tend_stream_options bytewise = {
		.backend = TEND_BROADCAST, .delivery = TEND_LOSSY, .overflow = TEND_DROP_OLDEST,
		.replay = TEND_REPLAY_NONE, .read_chunk_size = 1, .max_buffered_chunks = 1,
	};
	const char *argv[] = { helper("flooder"), "1000000000000", NULL };
	struct tend_spawn s = test_spawn_options(argv, &bytewise);
	struct tend_error e;
	tend_process *p = NULL;

	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	for (int i = 0; i < 5; i++) {
		uint64_t before = tend_stream_stats(tend_process_stdout(p)).bytes_read;
		int status = -1;
		pid_t pid;

		while (tend_stream_stats(tend_process_stdout(p)).bytes_read < before + 1000)
			sched_yield();
		pid = fork();
		if (pid == 0)
			test_end_copy(0);
		CHECK_INT(pid, waitpid(pid, &status, 0));
		CHECK(test_copy_is_well(status));
	}
	CHECK_OK(tend_process_kill(p, TEST_PATIENCE, NULL, &e), &e);
	tend_process_free(p);
}

/* ---- the end of the host ---- */

static char path[] = "/tmp/tend-test-flight-XXXXXX";

static void remove_copy(void)
{
	unlink(path);
}

/* The child waits for a program that nobody stops writing to but the end of the host. */
static void spawn_busy(struct test_thread *t, void *arg)
{
	const char *argv[] = { path, NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p = NULL;

	(void)arg;
	s.in = TEND_IN_INHERIT;
	s.out = TEND_OUT_INHERIT;
	s.on_busy = TEND_SECONDS(60);
	s.if_forgotten = TEND_FORGOTTEN_ABORT;
	WORKER_CHECK_INT(t, -ESHUTDOWN, tend_spawn(&s, &p, NULL));
	printf("refused\n");
	fflush(stdout);
}

static int end_meanwhile(bool by_exit)
{
	struct test_thread t;

	test_writable_copy(path, helper("obedient"));
	atexit(remove_copy);
	test_thread_start(&t, spawn_busy, NULL);
	while (test_no_children())
		sched_yield();
	if (by_exit)
		exit(0);
	if (tend_shutdown(TEND_SECONDS(60), NULL) != 0)
		return 1;
	test_thread_join(&t);
	return 0;
}

/* That its output ends shows that nobody has it: neither the host nor a child that would still execute. */
static void check_end(const char *way)
{
	static const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.max_bytes = 4096, .overflow = TEND_DROP_NEWEST),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};
	static const char *const options[] = { "TSAN_OPTIONS=report_thread_leaks=0", NULL };
	const char *argv[] = { test_self(), way, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_result result;
	struct tend_error e;
	tend_process *host = NULL;

	if (test_under_valgrind()) /* whose execve(2) has gone too far when it hears that the program is busy */
		return;
	s.env_set = options;
	if (!CHECK_OK(tend_spawn(&s, &host, &e), &e))
		return;
	if (CHECK_OK(tend_process_complete(host, &all, &result, &e), &e)) {
		CHECK_INT(TEND_COMPLETED, result.outcome);
		CHECK_INT(0, result.exit.code);
		CHECK_INT(0, result.exit.signal);
		CHECK_INT(TEND_END_EOF, result.out.end);
		CHECK(!strstr(result.out.collected.data, "ready"));
	}
	tend_process_free(host);
}

static void exit_ends_who_has_not_executed(void)
{
	check_end("--exit");
}

static void shutdown_ends_who_has_not_executed(void)
{
	check_end("--shutdown");
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "copies_hold_nothing", copies_hold_nothing },
		{ "a_flood_holds_up_no_copy", a_flood_holds_up_no_copy },
		{ "exit_ends_who_has_not_executed", exit_ends_who_has_not_executed },
		{ "shutdown_ends_who_has_not_executed", shutdown_ends_who_has_not_executed },
	};

	if (argc == 2 && strcmp(argv[1], "--exit") == 0)
		return end_meanwhile(true);
	if (argc == 2 && strcmp(argv[1], "--shutdown") == 0)
		return end_meanwhile(false);
	return test_main(argc, argv, "in_flight", tests, sizeof tests / sizeof *tests);
}
