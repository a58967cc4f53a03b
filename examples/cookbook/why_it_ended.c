/* SPDX-License-Identifier: MIT */
/*
 * Runs a command for at most SECONDS and tells why it ended: by itself or not, with which code or signal, whose signal
 * that was, whether a core was written, and what it has used.
 *
 * usage: why_it_ended SECONDS COMMAND [ARG...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tend.h>

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "why_it_ended: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static void print_exit(const struct tend_exit *e)
{
	switch (e->kind) {
	case TEND_EXITED:
		printf("exit code %d\n", e->code);
		break;
	case TEND_SIGNALED:
		printf("signal %d (%s), sent by %s, %s\n", e->signal, strsignal(e->signal),
		       e->by_us ? "us" : "somebody else", e->core_dumped ? "core written" : "no core");
		break;
	case TEND_EXIT_UNKNOWN:
		printf("gone; somebody else has taken the status\n");
		break;
	case TEND_RUNNING:
		printf("still running\n");
	}
	if (e->has_rusage)
		printf("user %ld.%03ld s, system %ld.%03ld s, at most %ld KiB, after %lld ms\n",
		       (long)e->rusage.ru_utime.tv_sec, (long)e->rusage.ru_utime.tv_usec / 1000,
		       (long)e->rusage.ru_stime.tv_sec, (long)e->rusage.ru_stime.tv_usec / 1000,
		       e->rusage.ru_maxrss, (long long)(e->wall_ns / 1000000));
}

/* Which of these it was decides what a caller does next, so none is folded into an exit code. */
static void print_outcome(const struct tend_result *result)
{
	printf("%s", tend_outcome_name(result->outcome));
	if (result->timed_out)
		printf(", as its time was over: %s, %zu signals", tend_stopped_name(result->stop.outcome),
		       result->stop.n_signals);
	if (result->outcome == TEND_NOT_STOPPED && result->stop.leader.state)
		printf(", in state %c, in %s", result->stop.leader.state, result->stop.leader.wchan);
	printf("\n");
	print_exit(&result->exit);
}

int main(int argc, char **argv)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(2));
	double seconds = argc > 2 ? strtod(argv[1], NULL) : 0;
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	struct tend_error err;

	if (!(seconds > 0)) {
		fprintf(stderr, "usage: why_it_ended SECONDS COMMAND [ARG...]\n");
		return 2;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 2,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_INHERIT,
	                                     .err = TEND_OUT_INHERIT,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	               &child, &err) < 0 ||
	    tend_process_complete(child, &(struct tend_complete){ .timeout = TEND_SECONDS(seconds), .stop = &plan },
	                          &result, &err) < 0)
		return fail(&err); /* it was never started: "exec", "chdir", ... */
	print_outcome(&result);
	return 0;
}
