/* SPDX-License-Identifier: MIT */
/*
 * Runs a command that ends well and leaves helpers behind; these are stopped then, and named.
 *
 * usage: leave_nothing COMMAND [ARG...]
 */
#include <stdio.h>
#include <tend.h>

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "leave_nothing: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static int report(const struct tend_result *result)
{
	for (size_t i = 0; i < result->n_survivors && i < TEND_MAX_NAMED; i++)
		printf("left behind: %d (%s)\n", (int)result->survivors[i].pid, result->survivors[i].comm);
	printf("%zu left behind, stopped: %s\n", result->n_survivors,
	       tend_stopped_name(result->survivors_stop.outcome));
	return result->exit.kind == TEND_EXITED ? result->exit.code : 125;
}

int main(int argc, char **argv)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(2));
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	struct tend_error err;

	if (argc < 2) {
		fprintf(stderr, "usage: leave_nothing COMMAND [ARG...]\n");
		return 2;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 1,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_INHERIT,
	                                     .err = TEND_OUT_INHERIT,
	                                     .survivors = TEND_SURVIVORS_STOP(&plan),
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	               &child, &err) < 0 ||
	    tend_process_complete(child, &(struct tend_complete){ .timeout = TEND_FOREVER }, &result, &err) < 0)
		return fail(&err);
	return report(&result);
}
