/* SPDX-License-Identifier: MIT */
/* Carries what workers found wrong to the main thread. */
#include "thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static void *run(void *arg)
{
	struct test_thread *t = arg;

	t->fn(t, t->arg);
	return NULL;
}

void test_thread_start(struct test_thread *t, void (*fn)(struct test_thread *t, void *arg), void *arg)
{
	memset(t, 0, sizeof *t);
	t->fn = fn;
	t->arg = arg;
	t->started = CHECK_INT(0, pthread_create(&t->thread, NULL, run, t));
}

void test_thread_join(struct test_thread *t)
{
	if (!t->started)
		return;
	t->started = false;
	CHECK_INT(0, pthread_join(t->thread, NULL));
	for (unsigned i = 0; i < t->n_failures && i < TEST_MAX_WORKER_FAILURES; i++)
		test_check(false, t->failures[i].text, t->failures[i].file, t->failures[i].line);
	CHECK_INT(0, t->n_failures > TEST_MAX_WORKER_FAILURES ? t->n_failures : 0);
}

bool test_worker_check(struct test_thread *t, bool held, const char *text, const char *file, int line)
{
	unsigned i = t->n_failures;

	if (held)
		return true;
	t->n_failures++;
	if (i < TEST_MAX_WORKER_FAILURES) {
		t->failures[i].file = file;
		t->failures[i].line = line;
		snprintf(t->failures[i].text, sizeof t->failures[i].text, "worker: %s", text);
	}
	return false;
}

bool test_worker_check_int(struct test_thread *t, intmax_t expected, intmax_t actual, const char *text,
                           const char *file, int line)
{
	char both[128];

	if (expected == actual)
		return true;
	snprintf(both, sizeof both, "%s: expected %jd, is %jd", text, expected, actual);
	return test_worker_check(t, false, both, file, line);
}
