/* SPDX-License-Identifier: MIT */
/*
 * Runs a command with limits, a nice value, a umask, another directory and another environment.  All of it is data: no
 * code of ours runs between fork and exec, and what cannot be done is an error of the spawn, with its step.
 *
 * usage: set_limits DIRECTORY COMMAND [ARG...]
 */
#include <stdio.h>
#include <sys/resource.h>
#include <tend.h>

static const struct tend_rlimit limits[] = {
	{ .resource = RLIMIT_CPU, .soft = 60, .hard = 65 }, /* seconds */
	{ .resource = RLIMIT_NOFILE, .soft = 64, .hard = 64 },
	{ .resource = RLIMIT_CORE, .soft = 0, .hard = 0 },
};
static const char *const unset[] = { "LD_PRELOAD", "HOME", NULL };
static const char *const set[] = { "LC_ALL=C", "JOB=example", NULL };

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "set_limits: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

int main(int argc, char **argv)
{
	TEND_AUTO(tend_process) child = NULL;
	struct tend_exit ended;
	struct tend_error err;

	if (argc < 3) {
		fprintf(stderr, "usage: set_limits DIRECTORY COMMAND [ARG...]\n");
		return 2;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 2,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_INHERIT,
	                                     .err = TEND_OUT_INHERIT,
	                                     .cwd = argv[1],
	                                     .env_unset = unset,
	                                     .env_set = set,
	                                     .rlimits = limits,
	                                     .n_rlimits = sizeof limits / sizeof *limits,
	                                     .nice = TEND_NICE(10),
	                                     .umask = TEND_UMASK(077),
	                                     .no_new_privs = true,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &child, &err) < 0 ||
	    tend_process_wait(child, TEND_FOREVER, &ended, &err) < 0)
		return fail(&err);
	return ended.kind == TEND_EXITED ? ended.code : 125;
}
