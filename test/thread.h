/* SPDX-License-Identifier: MIT */
/*
 * Worker threads whose checks count.  CUnit loses assertions made from several threads, so a worker records what
 * failed in its own struct, and joining reports it on the main thread.
 */
#ifndef TEND_TEST_THREAD_H
#define TEND_TEST_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define TEST_MAX_WORKER_FAILURES 8

struct test_thread {
	pthread_t thread;
	void (*fn)(struct test_thread *t, void *arg);
	void *arg;
	bool started;
	/* written by the worker, read after the join */
	unsigned n_failures; /* all of them; only the first are kept */
	struct {
		const char *file;
		int line;
		char text[160];
	} failures[TEST_MAX_WORKER_FAILURES];
};

/* Runs fn(t, arg) on a thread of its own.  `t` stays in place until it is joined. */
void test_thread_start(struct test_thread *t, void (*fn)(struct test_thread *t, void *arg), void *arg);
/* Joins, and records the worker's failures as failures of the test.  On the main thread. */
void test_thread_join(struct test_thread *t);

/* In the worker `t`: records a failure and goes on; whether it held. */
#define WORKER_CHECK(t, cond) test_worker_check(t, !!(cond), #cond, __FILE__, __LINE__)
#define WORKER_CHECK_INT(t, expected, actual) test_worker_check_int(t, expected, actual, #actual, __FILE__, __LINE__)

bool test_worker_check(struct test_thread *t, bool held, const char *text, const char *file, int line);
bool test_worker_check_int(struct test_thread *t, intmax_t expected, intmax_t actual, const char *text,
                           const char *file, int line);

#endif
