/* SPDX-License-Identifier: MIT */
/* Feeding a child: all of it, within the time, without SIGPIPE, and closed from anywhere. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "fault.h"
#include "test.h"
#include "thread.h"

static tend_process *spawn_fed(const char *program)
{
	const char *argv[] = { helper(program), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e;
	tend_process *p = NULL;

	s.name = "fed";
	s.in = TEND_IN_PIPE;
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

static char *pattern(size_t n)
{
	char *p = malloc(n);

	for (size_t i = 0; p && i < n; i++)
		p[i] = (char)(i * 7 + (i >> 8));
	CHECK(p != NULL);
	return p;
}

/* OE-29: more than a pipe holds, to a child that counts. */
static void all_is_written(void)
{
	static const size_t sizes[] = { 0, 1, 65536, 1 << 20 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		tend_process *p = spawn_fed("stdiner");
		char *data = pattern(sizes[i] + 1), expected[32];
		size_t written = 7;
		struct tend_exit ended;
		struct tend_error e;

		if (!p)
			return;
		CHECK_OK(tend_process_stdin_write(p, data, sizes[i], TEST_PATIENCE, &written, &e), &e);
		CHECK_INT(sizes[i], written);
		CHECK_INT(0, tend_process_stdin_close(p));
		snprintf(expected, sizeof expected, "%zu", sizes[i]);
		test_await_line(tend_process_stdout(p), expected, NULL, 0);
		test_wait(p, &ended);
		tend_process_free(p);
		free(data);
	}
}

struct feeding {
	tend_process *p;
	const char *data;
	size_t size, written;
	bool close;
	int result;
};

static void feed(struct test_thread *t, void *arg)
{
	struct feeding *f = arg;

	f->result = tend_process_stdin_write(f->p, f->data, f->size, TEST_PATIENCE, &f->written, NULL);
	if (f->close)
		WORKER_CHECK_INT(t, 0, tend_process_stdin_close(f->p));
}

/* OE-29, hazard 72: fed while its output is read: neither waits for the other for ever. */
static void fed_while_it_is_read(void)
{
	struct feeding f = { .p = spawn_fed("echoer"), .size = 4 << 20, .close = true };
	struct tend_complete o = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
		.keep_stdin_open = true,
	};
	char *data = pattern(f.size);
	struct tend_result r;
	struct tend_error e;
	struct test_thread t;

	if (!f.p)
		return;
	f.data = data;
	test_thread_start(&t, feed, &f);
	if (CHECK_OK(tend_process_complete(f.p, &o, &r, &e), &e)) {
		CHECK_MEM(data, f.size, r.out.collected.data, r.out.collected.size);
		CHECK_INT(0, r.exit.code);
	}
	test_thread_join(&t);
	CHECK_INT(0, f.result);
	CHECK_INT(f.size, f.written);
	tend_process_free(f.p);
	free(data);
}

/* OE-29: a child that does not read: the time is kept, and what was written is said. */
static void nobody_reads(void)
{
	tend_process *p = spawn_fed("obedient");
	char *data = pattern(1 << 20);
	size_t written = 0;
	struct tend_error e = { .code = 0 };

	if (!p)
		return;
	CHECK_INT(-ETIMEDOUT, tend_process_stdin_write(p, data, 1 << 20, TEND_MS(30), &written, &e));
	CHECK_INT(TEND_STEP_WRITE, e.step);
	CHECK_STR("fed", e.name);
	CHECK(written >= 4096 && written < 1 << 20);
	CHECK_INT(-ETIMEDOUT, tend_process_stdin_write(p, data, 1, TEND_AT_ONCE, &written, &e));
	CHECK_INT(0, written);
	tend_process_free(p);
	free(data);
}

/* SIGPIPE is at its default here: it would end the test. */
static void reader_is_gone(void)
{
	tend_process *p = spawn_fed("true-er");
	size_t written = 1;
	struct tend_exit ended;
	struct tend_error e = { .code = 0 };

	if (!p)
		return;
	test_wait(p, &ended);
	CHECK_INT(-EPIPE, tend_process_stdin_write(p, "x", 1, TEST_PATIENCE, &written, &e));
	CHECK_INT(TEND_STEP_WRITE, e.step);
	CHECK_INT(0, written);
	CHECK_INT(-EPIPE, tend_process_stdin_write(p, "x", 1, TEST_PATIENCE, NULL, NULL));
	CHECK_INT(0, tend_process_stdin_close(p));
	tend_process_free(p);
}

/* A SIGPIPE of somebody else's that is pending stays so; one that the write raised does not. */
static void pending_sigpipe_is_kept(void)
{
	tend_process *p = spawn_fed("true-er");
	const struct timespec at_once = { 0, 0 };
	sigset_t pipe_only, before, pending;
	struct tend_exit ended;

	if (!p)
		return;
	test_wait(p, &ended);
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	CHECK_INT(-EPIPE, tend_process_stdin_write(p, "x", 1, TEST_PATIENCE, NULL, NULL));
	sigpending(&pending);
	CHECK_INT(0, sigismember(&pending, SIGPIPE));
	pthread_kill(pthread_self(), SIGPIPE);
	CHECK_INT(-EPIPE, tend_process_stdin_write(p, "x", 1, TEST_PATIENCE, NULL, NULL));
	sigpending(&pending);
	CHECK_INT(1, sigismember(&pending, SIGPIPE));
	CHECK_INT(SIGPIPE, sigtimedwait(&pipe_only, NULL, &at_once));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	tend_process_free(p);
}

/*
 * PB-13: closing is one-way, and may be done twice; what is no pipe cannot be written to.
 * stdin::open_stdin_reports_open_until_closed, stdin::closed_stdin_reports_closed
 */
static void closed_or_none(void)
{
	tend_process *p = spawn_fed("stdiner"), *q = test_spawn(&test_reliable, "true-er", NULL);
	struct tend_exit ended;
	struct tend_error e = { .code = 0 };

	if (!p || !q)
		return;
	CHECK_INT(0, tend_process_stdin_close(p));
	CHECK_INT(0, tend_process_stdin_close(p));
	CHECK_INT(-EBADF, tend_process_stdin_write(p, "x", 1, TEST_PATIENCE, NULL, &e));
	CHECK_INT(TEND_STEP_WRITE, e.step);
	CHECK_INT(-EBADF, tend_process_stdin_write(q, "x", 1, TEST_PATIENCE, NULL, &e));
	CHECK_INT(0, tend_process_stdin_close(q));
	CHECK_INT(-EINVAL, tend_process_stdin_write(p, "x", 1, 0, NULL, &e));
	CHECK(strncmp(e.message, "timeout", 7) == 0);
	test_wait(p, &ended);
	tend_process_free(p);
	tend_process_free(q);
}

/* Until a write that fills the pipe sleeps; not a matter of time: it has polled. */
static void await_blocked_write(unsigned long polls)
{
	const struct timespec pause = { 0, 1000000 };

	while (fault_sys_calls("poll") == polls)
		nanosleep(&pause, NULL);
}

/*
 * Hazards 64, 69: a write that waits gives up at once when the pipe is closed, or the child killed, by another
 * thread.  TM-8: a kill does not close it.
 */
static void interrupted_writes(void)
{
	for (int killed = 0; killed < 2; killed++) {
		struct feeding f = { .p = spawn_fed("obedient"), .size = 1 << 20 };
		char *data = pattern(f.size);
		unsigned long polls;
		struct test_thread t;

		if (!f.p)
			return;
		test_await_line(tend_process_stdout(f.p), "ready", NULL, 0);
		polls = fault_sys_calls("poll");
		f.data = data;
		test_thread_start(&t, feed, &f);
		await_blocked_write(polls);
		if (killed)
			CHECK_INT(0, tend_process_kill(f.p, TEST_PATIENCE, NULL, NULL));
		else
			CHECK_INT(0, tend_process_stdin_close(f.p));
		test_thread_join(&t);
		CHECK_INT(killed ? -EPIPE : -EBADF, f.result);
		CHECK(f.written < f.size);
		tend_process_free(f.p);
		free(data);
	}
}

/* One writes at a time: what two threads write is not mixed. */
static void writers_take_turns(void)
{
	enum { N = 300000 };
	struct feeding f[2] = { { .p = spawn_fed("echoer"), .size = N }, { .size = N } };
	struct tend_complete o = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};
	char *a = malloc(N), *b = malloc(N);
	struct test_thread t[2];
	struct tend_result r;
	size_t changes = 0;

	if (!f[0].p || !a || !b)
		return;
	memset(a, 'a', N);
	memset(b, 'b', N);
	f[0].data = a;
	f[1].data = b;
	f[1].p = f[0].p;
	for (int i = 0; i < 2; i++)
		test_thread_start(&t[i], feed, &f[i]);
	for (int i = 0; i < 2; i++)
		test_thread_join(&t[i]);
	if (CHECK_INT(0, tend_process_complete(f[0].p, &o, &r, NULL)) &&
	    CHECK_INT(2 * N, r.out.collected.size)) {
		for (size_t i = 1; i < 2 * N; i++)
			changes += r.out.collected.data[i] != r.out.collected.data[i - 1];
		CHECK_INT(1, changes);
	}
	tend_process_free(f[0].p);
	free(a);
	free(b);
}

/* ---- bytes ---- */

static tend_process *start_with_bytes(const char *helper_name, const void *bytes, size_t n, struct tend_error *e)
{
	const char *argv[] = { helper(helper_name), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p = NULL;

	s.in = TEND_IN_BYTES(bytes, n);
	return tend_spawn(&s, &p, e) == 0 ? p : NULL;
}

/* What fits in a pipe, exactly and not quite, and what does not: all of it arrives, then EOF; they were copied. */
static void bytes_of_any_size(void)
{
	static const size_t sizes[] = { 0, 1, 4096, (64 << 10) - 1, 64 << 10, (64 << 10) + 1, 1 << 20 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char *bytes = malloc(sizes[i] + 1), expected[32], line[32];
		struct tend_error e = { .code = 0 };
		struct tend_exit ended;
		tend_process *p;

		CHECK(bytes != NULL);
		memset(bytes, 'x', sizes[i]);
		p = start_with_bytes("stdiner", bytes, sizes[i], &e);
		free(bytes);
		if (!CHECK_OK(e.code, &e))
			continue;
		snprintf(expected, sizeof expected, "%zu", sizes[i]);
		if (test_await_line(tend_process_stdout(p), expected, line, sizeof line))
			CHECK_STR("", line);
		CHECK_INT(-EBADF, tend_process_stdin_write(p, "x", 1, TEND_AT_ONCE, NULL, NULL));
		CHECK_INT(0, tend_process_stdin_close(p));
		test_wait(p, &ended);
		CHECK_INT(0, ended.code);
		tend_process_free(p);
	}
}

/* Hazard 70: 64 MiB through cat(1), in one call, without a thread to feed them; each byte is the one that was given. */
static void bytes_come_back(void)
{
	const size_t n = test_under_valgrind() ? (size_t)4 << 20 : (size_t)64 << 20;
	unsigned char *bytes = malloc(n);
	struct tend_result result;
	struct tend_error e = { .code = 0 };
	const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.max_bytes = n, .overflow = TEND_DROP_NEWEST),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};
	tend_process *p;

	CHECK(bytes != NULL);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)(i * 2654435761u >> 13);
	p = start_with_bytes("echoer", bytes, n, &e);
	if (p && CHECK_OK(tend_process_complete(p, &all, &result, &e), &e)) {
		CHECK_INT(n, result.out.collected.size);
		CHECK(result.out.collected.complete);
		CHECK(result.out.collected.size == n && memcmp(bytes, result.out.collected.data, n) == 0);
	}
	CHECK_INT(0, e.code);
	tend_process_free(p);
	free(bytes);
}

/* A child that does not read them is no error, and nobody waits for it. */
static void bytes_are_not_read(void)
{
	static const char bytes[1 << 20];
	struct tend_error e = { .code = 0 };
	struct tend_exit ended;
	tend_process *p = start_with_bytes("true-er", bytes, sizeof bytes, &e);

	if (CHECK_OK(e.code, &e))
		test_wait(p, &ended);
	tend_process_free(p);
}

/* Past the host's own limit for files a write would be SIGXFSZ; and a file in memory may not be had at all. */
static void bytes_are_refused(void)
{
	static const char bytes[1 << 20];
	struct tend_error e = { .code = 0 };
	struct rlimit before, low;

	CHECK_INT(0, getrlimit(RLIMIT_FSIZE, &before));
	low = (struct rlimit){ .rlim_cur = 512 << 10, .rlim_max = before.rlim_max };
	CHECK_INT(0, setrlimit(RLIMIT_FSIZE, &low));
	CHECK(!start_with_bytes("stdiner", bytes, sizeof bytes, &e));
	CHECK_INT(0, setrlimit(RLIMIT_FSIZE, &before));
	CHECK_INT(-EFBIG, e.code);
	CHECK_INT(TEND_STEP_BYTES, e.step);
	fault_fail_sys("memfd", 1, ENOSYS);
	CHECK(!start_with_bytes("stdiner", bytes, sizeof bytes, &e));
	fault_reset();
	CHECK_INT(-ENOSYS, e.code);
	CHECK_INT(TEND_STEP_BYTES, e.step);
	CHECK(test_no_children());
}

/* Where pipes are small (a user with too many of them) or cannot be filled, the file does. */
static void bytes_when_pipes_are_full(void)
{
	static const char bytes[8192];
	struct tend_error e = { .code = 0 };
	tend_process *p;
	char line[32];
	struct tend_exit ended;

	fault_fail_sys("write", 1, EAGAIN);
	p = start_with_bytes("stdiner", bytes, sizeof bytes, &e);
	CHECK(fault_fired());
	fault_reset();
	if (CHECK_OK(e.code, &e)) {
		test_await_line(tend_process_stdout(p), "8192", line, sizeof line);
		test_wait(p, &ended);
	}
	tend_process_free(p);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "all_is_written", all_is_written },
		{ "fed_while_it_is_read", fed_while_it_is_read },
		{ "nobody_reads", nobody_reads },
		{ "reader_is_gone", reader_is_gone },
		{ "pending_sigpipe_is_kept", pending_sigpipe_is_kept },
		{ "closed_or_none", closed_or_none },
		{ "interrupted_writes", interrupted_writes },
		{ "writers_take_turns", writers_take_turns },
		{ "bytes_of_any_size", bytes_of_any_size },
		{ "bytes_come_back", bytes_come_back },
		{ "bytes_are_not_read", bytes_are_not_read },
		{ "bytes_are_refused", bytes_are_refused },
		{ "bytes_when_pipes_are_full", bytes_when_pipes_are_full },
	};

	return test_main(argc, argv, "input", tests, sizeof tests / sizeof *tests);
}
