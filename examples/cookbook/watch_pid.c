/* SPDX-License-Identifier: MIT */
/*
 * Waits at most SECONDS for a process that somebody else has started, then stops it.  It is held by a pidfd: another
 * process that gets the same number from now on is neither taken for it nor signalled.
 *
 * usage: watch_pid PID SECONDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <tend.h>

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "watch_pid: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static void print_exit(const struct tend_exit *e)
{
	if (e->kind == TEND_EXITED)
		printf("exit code %d\n", e->code);
	else if (e->kind == TEND_SIGNALED)
		printf("signal %d, sent by %s\n", e->signal, e->by_us ? "us" : "somebody else");
	else
		printf("gone, and only its parent knows how\n");
}

int main(int argc, char **argv)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(2));
	TEND_AUTO(tend_process) process = NULL;
	struct tend_exit ended;
	struct tend_error err;

	if (argc != 3) {
		fprintf(stderr, "usage: watch_pid PID SECONDS\n");
		return 2;
	}
	if (tend_adopt(&(struct tend_adopt){ .pid = atoi(argv[1]), .if_forgotten = TEND_FORGOTTEN_DETACH }, &process,
	               &err) < 0 ||
	    tend_process_wait(process, TEND_SECONDS(strtod(argv[2], NULL)), &ended, &err) < 0)
		return fail(&err);
	printf("%s: ", tend_process_name(process));
	if (ended.kind == TEND_RUNNING) {
		printf("stopped: ");
		if (tend_process_stop(process, &plan, NULL, &err) < 0 ||
		    tend_process_wait(process, TEND_SECONDS(5), &ended, &err) < 0)
			return fail(&err);
	}
	print_exit(&ended);
	return 0;
}
