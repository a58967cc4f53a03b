/* SPDX-License-Identifier: MIT */
/*
 * No memory for what has to happen in a copy of the host: the i-th pthread_atfork(3) of the library fails.  Whatever
 * needs it says so, or does without, and the next one tries it again.
 *
 * A program of its own without the runner, whose warm-up would have registered everything.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* In the order in which a child of a guardian needs them. */
enum { OF_STREAMS = 1, OF_REAPER, OF_GUARD, OF_LIVE, OF_SPAWNER, N_HANDLERS = OF_SPAWNER };

static int n_calls, fail_at;

int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *object);

/* In place of the C library's. */
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	return ++n_calls == fail_at ? ENOMEM : __register_atfork(prepare, parent, child, NULL);
}

static int spawn_tree(tend_process **ret_p, struct tend_error *e)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);

	s.with_parent = TEND_WITH_PARENT_TREE;
	return tend_spawn(&s, ret_p, e);
}

static void end(tend_process *p)
{
	struct tend_error e;

	CHECK_OK(tend_process_kill(p, TEST_PATIENCE, NULL, &e), &e);
	tend_process_free(p);
}

/* Without these a handle could not be told from the parent's, so there is none, however it would come about. */
static void never_without(void)
{
	const struct tend_adopt init = { .pid = 1, .if_forgotten = TEND_FORGOTTEN_DETACH };
	tend_process *p = NULL;
	tend_stream *st = NULL;
	struct tend_error e;
	int fds[2];

	CHECK_INT(-ENOMEM, spawn_tree(&p, &e));
	CHECK_INT(TEND_STEP_ALLOCATE, e.step);
	CHECK_INT(-ENOMEM, tend_adopt(&init, &p, &e));
	CHECK_INT(TEND_STEP_ALLOCATE, e.step);
	CHECK(!p);
	CHECK_INT(0, pipe(fds));
	CHECK_INT(-ENOMEM, tend_stream_open(fds[0], &test_reliable, "st", &st, &e));
	CHECK_INT(TEND_STEP_ALLOCATE, e.step);
	CHECK(!st);
	CHECK_INT(-1, close(fds[0])); /* it was given away all the same */
	close(fds[1]);
}

static void with_one_refused(int i)
{
	tend_process *p = NULL;
	struct tend_error e;
	int r;

	fail_at = i;
	if (i == OF_STREAMS) {
		never_without();
		return;
	}
	r = spawn_tree(&p, &e);
	if (i == OF_REAPER || i == OF_SPAWNER) {
		CHECK_INT(-ENOMEM, r);
		CHECK_INT(TEND_STEP_THREAD, e.step);
		CHECK(!p);
	} else {
		CHECK_OK(r, &e);
		end(p);
	}
	CHECK(n_calls >= i);
	CHECK_OK(spawn_tree(&p, &e), &e);
	CHECK_INT(N_HANDLERS + 1, n_calls); /* once more what was refused, and nothing else */
	end(p);
}

/* In a copy of this process, in which the library has not been used. */
static void in_copy(int i)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(100);
		with_one_refused(i);
		_exit(0);
	}
	CHECK_INT(pid, waitpid(pid, &status, 0));
	CHECK_INT(0, status);
}

int main(void)
{
	if (!test_has_pidfd_open()) /* no guardian */
		return 77;
	n_calls = 0; /* the tests have some of their own */
	for (int i = OF_STREAMS; i <= N_HANDLERS; i++)
		in_copy(i);
	return EXIT_SUCCESS;
}
