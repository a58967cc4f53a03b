/* SPDX-License-Identifier: MIT */
/*
 * Gives a command SECONDS.  Then it asks the command alone to end, as that may want to end its helpers in order; then
 * whoever is left of what it started; then it kills them.  In a cgroup, where the machine lets us make one, a helper
 * that has gone into a session of its own is among them.
 *
 * usage: stop_tree SECONDS COMMAND [ARG...]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <tend.h>

static const struct tend_stop_phase phases[] = {
	{ .signal = SIGTERM, .target = TEND_LEADER, .duration = TEND_SECONDS(1) },
	{ .signal = SIGTERM, .target = TEND_CGROUP, .duration = TEND_SECONDS(1) },
};
static const struct tend_stop plan = { .phases = phases, .n_phases = 2, .after_kill = TEND_DEFAULT_AFTER_KILL };

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "stop_tree: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static int run(const char *const *argv, double seconds)
{
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	struct tend_error err;

	if (tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_INHERIT,
	                                     .err = TEND_OUT_INHERIT,
	                                     .scope = TEND_SCOPE_CGROUP,
	                                     .cgroup.if_unavailable = TEND_NO_CGROUP_GROUP,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	               &child, &err) < 0 ||
	    tend_process_complete(child, &(struct tend_complete){ .timeout = TEND_SECONDS(seconds), .stop = &plan },
	                          &result, &err) < 0)
		return fail(&err);
	printf("scope: %s\n", tend_process_scope(child) == TEND_SCOPE_CGROUP ? "cgroup" : "group");
	printf("%s", tend_outcome_name(result.outcome));
	if (result.timed_out)
		printf(" %s, phase %zu, %zu left", tend_stopped_name(result.stop.outcome), result.stop.phase,
		       result.stop.n_survivors);
	printf("\n");
	return result.timed_out ? 124 : result.exit.kind == TEND_EXITED ? result.exit.code : 125;
}

int main(int argc, char **argv)
{
	double seconds = argc > 2 ? strtod(argv[1], NULL) : 0;

	if (!(seconds > 0)) {
		fprintf(stderr, "usage: stop_tree SECONDS COMMAND [ARG...]\n");
		return 2;
	}
	return run((const char *const *)argv + 2, seconds);
}
