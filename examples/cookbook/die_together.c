/* SPDX-License-Identifier: MIT */
/*
 * Runs a command that must not outlive this program, also when that is killed by SIGKILL.  What the command starts goes
 * with it, where the guardian, a small program that comes with the library, is installed; else the command alone does.
 *
 * usage: die_together COMMAND [ARG...]
 */
#include <stdio.h>
#include <tend.h>

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "die_together: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static int start(const char *const *argv, enum tend_with_parent with_parent, tend_process **ret_child,
                 struct tend_error *err)
{
	return tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                        .in = TEND_IN_NULL,
	                                        .out = TEND_OUT_INHERIT,
	                                        .err = TEND_OUT_INHERIT,
	                                        .with_parent = with_parent,
	                                        .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	                  ret_child, err);
}

int main(int argc, char **argv)
{
	const char *const *command = (const char *const *)argv + 1;
	TEND_AUTO(tend_process) child = NULL;
	const char *bound = "tree";
	struct tend_exit ended;
	struct tend_error err;
	int r;

	if (argc < 2) {
		fprintf(stderr, "usage: die_together COMMAND [ARG...]\n");
		return 2;
	}
	r = start(command, TEND_WITH_PARENT_TREE, &child, &err);
	if (r < 0 && err.step == TEND_STEP_PARENT) { /* no guardian */
		bound = "child";
		r = start(command, TEND_WITH_PARENT_CHILD, &child, &err);
	}
	if (r < 0)
		return fail(&err);
	printf("bound: %s\n", bound);
	fflush(stdout);
	if (tend_process_wait(child, TEND_FOREVER, &ended, &err) < 0)
		return fail(&err);
	return ended.kind == TEND_EXITED ? ended.code : 125;
}
