/* SPDX-License-Identifier: MIT */
/*
 * A fork of the host before the library has made its first stream: the copy must know that a handle is not its own.  A
 * program of its own, as the runner's warm-up makes streams.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static bool is_foreign(tend_process *p)
{
	struct tend_stop_report report;
	struct tend_exit ended;

	return tend_process_kill(p, TEND_SECONDS(1), &report, NULL) == -ECHILD &&
	       tend_process_wait(p, TEND_AT_ONCE, &ended, NULL) == -ECHILD &&
	       tend_process_signal(p, SIGKILL, TEND_GROUP, NULL) == -EPERM && tend_process_free(p) == NULL;
}

int main(void)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p = NULL;
	struct tend_error e;
	int status = -1;
	pid_t copy;

	alarm(60);
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return EXIT_FAILURE;
	copy = fork();
	if (copy == 0) {
		alarm(20);
		_exit(is_foreign(p) ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	CHECK_INT(copy, waitpid(copy, &status, 0));
	CHECK_INT(0, status);
	CHECK(test_alive(tend_process_pid(p)));
	CHECK_OK(tend_process_kill(p, TEST_PATIENCE, NULL, &e), &e);
	tend_process_free(p);
	return EXIT_SUCCESS;
}
