/* SPDX-License-Identifier: MIT */
/*
 * Runs several commands, the stdout of each being the stdin of the next, without a shell, and tells how each of them
 * ended: that the last one ended well says nothing about the others.
 *
 * usage: pipeline COMMAND [ARG...] [-- COMMAND [ARG...]]...      (at most 8)
 */
#define _GNU_SOURCE /* pipe2(2) */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <tend.h>
#include <unistd.h>

#define MAX_STAGES 8

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "pipeline: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

/* Takes in_fd and out_fd, -1 being none: only the stages may hold the ends of a pipe, or its end is never seen. */
static int start(const char *const *argv, int in_fd, int out_fd, tend_process **ret_stage, struct tend_error *err)
{
	int r = tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                         .in = in_fd < 0 ? TEND_IN_NULL : TEND_IN_FD(in_fd),
	                                         .out = out_fd < 0 ? TEND_OUT_INHERIT : TEND_OUT_FD(out_fd),
	                                         .err = TEND_OUT_INHERIT,
	                                         .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	                   ret_stage, err);

	if (in_fd >= 0)
		close(in_fd);
	if (out_fd >= 0)
		close(out_fd);
	return r;
}

/* 0, or a status when it was said what is wrong; those that were started see the end of their input then. */
static int start_all(const char *const *const *commands, size_t n, tend_process **stages)
{
	int before = -1, fds[2] = { -1, -1 };
	struct tend_error err;

	for (size_t i = 0; i < n; i++) {
		bool is_last = i + 1 == n;

		if (!is_last && pipe2(fds, O_CLOEXEC) < 0) {
			perror("pipeline: pipe");
			if (before >= 0)
				close(before);
			return 125;
		}
		if (start(commands[i], before, is_last ? -1 : fds[1], &stages[i], &err) < 0) {
			if (!is_last)
				close(fds[0]);
			return fail(&err);
		}
		before = fds[0];
	}
	return 0;
}

/* 0 when all of them ended well. */
static int wait_for_all(tend_process *const *stages, size_t n)
{
	struct tend_exit ended;
	struct tend_error err;
	int status = 0;

	for (size_t i = 0; i < n; i++) {
		if (tend_process_wait(stages[i], TEND_FOREVER, &ended, &err) < 0)
			return fail(&err);
		fprintf(stderr, "stage %zu, %s: exit code %d, signal %d\n", i + 1, tend_process_name(stages[i]),
		        ended.code, ended.signal);
		status |= ended.kind != TEND_EXITED || ended.code != 0;
	}
	return status;
}

/* How many commands there are between the "--", each of which ends one; 0 when these make no pipeline. */
static size_t split(char **argv, const char *const *commands[MAX_STAGES])
{
	size_t n = 0;

	for (;;) {
		if (n == MAX_STAGES || !*argv || strcmp(*argv, "--") == 0)
			return 0;
		commands[n++] = (const char *const *)argv;
		while (*argv && strcmp(*argv, "--") != 0)
			argv++;
		if (!*argv)
			return n;
		*argv++ = NULL;
	}
}

int main(int argc, char **argv)
{
	const char *const *commands[MAX_STAGES];
	tend_process *stages[MAX_STAGES] = { NULL };
	size_t n = argc > 1 ? split(argv + 1, commands) : 0;
	int status;

	if (n == 0) {
		fprintf(stderr, "usage: pipeline COMMAND [ARG...] [-- COMMAND [ARG...]]...\n");
		return 2;
	}
	status = start_all(commands, n, stages);
	if (status == 0)
		status = wait_for_all(stages, n);
	for (size_t i = 0; i < n; i++)
		tend_process_free(stages[i]);
	return status;
}
