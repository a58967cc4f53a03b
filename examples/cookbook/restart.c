/* SPDX-License-Identifier: MIT */
/*
 * Keeps a command running: when it fails it is started again, each time after a longer pause, at most three times in a
 * series.  One that ran for ten seconds begins a new series.  The old one is gone before the new one is started.
 *
 * usage: restart COMMAND [ARG...]
 */
#include <stdio.h>
#include <tend.h>
#include <time.h>

static const struct tend_restart rule = {
	.when = TEND_RESTART_ON_FAILURE,
	.delay = TEND_MS(10),
	.max_delay = TEND_SECONDS(1),
	.long_enough = TEND_SECONDS(10),
	.max_restarts = 3,
};

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "restart: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

/* Here a program would wait for whatever else it has to do, with this as its time limit. */
static void pause_for(tend_duration delay)
{
	int64_t ns = delay - TEND_DURATION_TAG;
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

	nanosleep(&t, NULL);
}

/* A new handle each time; what the command leaves behind is stopped before the next one. */
static int run_once(const char *const *argv, struct tend_exit *ret_exit, struct tend_error *err)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(2));
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	int r = tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                         .in = TEND_IN_NULL,
	                                         .out = TEND_OUT_INHERIT,
	                                         .err = TEND_OUT_INHERIT,
	                                         .survivors = TEND_SURVIVORS_STOP(&plan),
	                                         .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	                   &child, err);

	if (r == 0)
		r = tend_process_complete(child, &(struct tend_complete){ .timeout = TEND_FOREVER }, &result, err);
	if (r == 0)
		*ret_exit = result.exit;
	return r;
}

int main(int argc, char **argv)
{
	struct tend_restarts restarts = { 0 };
	tend_duration delay;
	struct tend_exit ended;
	struct tend_error err;

	if (argc < 2) {
		fprintf(stderr, "usage: restart COMMAND [ARG...]\n");
		return 2;
	}
	for (;;) {
		if (run_once((const char *const *)argv + 1, &ended, &err) < 0 ||
		    tend_restart_next(&rule, &restarts, &ended, &delay, &err) < 0)
			return fail(&err);
		if (delay == TEND_FOREVER)
			break;
		printf("failed, restart %u\n", restarts.total);
		fflush(stdout);
		pause_for(delay);
	}
	printf("exit code %d, signal %d, after %u restarts\n", ended.code, ended.signal, restarts.total);
	return ended.kind == TEND_EXITED ? ended.code : 125;
}
