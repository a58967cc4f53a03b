/* SPDX-License-Identifier: MIT */
/*
 * Gives a command SECONDS to end by itself; then asks it with SIGINT, then with SIGTERM, then kills its whole group,
 * and prints which signals were sent and which phase ended it.  Exits with 124 when the time was over, as timeout(1).
 *
 * usage: stop_on_timeout [SECONDS COMMAND [ARG...]]      (default: 0.5 sleep 60)
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <tend.h>

static const struct tend_stop_phase phases[] = {
	{ .signal = SIGINT, .target = TEND_LEADER, .duration = TEND_MS(200) },
	{ .signal = SIGTERM, .target = TEND_GROUP, .duration = TEND_MS(300) },
};
static const struct tend_stop plan = { .phases = phases, .n_phases = 2, .after_kill = TEND_DEFAULT_AFTER_KILL };

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "stop_on_timeout: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static void print_report(const struct tend_stop_report *report)
{
	for (size_t i = 0; i < report->n_signals; i++) {
		const struct tend_signal_sent *s = &report->signals[i];

		printf("  %4lld ms, phase %zu: signal %d to the %s%s\n", (long long)(s->after_ns / 1000000), s->phase,
		       s->signal, s->target == TEND_GROUP ? "group" : "leader", s->error ? " (not delivered)" : "");
	}
	printf("  %4lld ms: %s", (long long)(report->duration_ns / 1000000), tend_stopped_name(report->outcome));
	if (report->phase)
		printf(", phase %zu", report->phase);
	printf("\n");
	for (size_t i = 0; i < report->n_survivors && i < TEND_MAX_NAMED; i++)
		printf("  still alive: %d (%s)\n", (int)report->survivors[i].pid, report->survivors[i].comm);
}

static int print_result(const struct tend_result *result)
{
	printf("%s", tend_outcome_name(result->outcome));
	if (result->exit.kind == TEND_EXITED)
		printf(", exit code %d\n", result->exit.code);
	else if (result->exit.kind == TEND_SIGNALED)
		printf(", signal %d\n", result->exit.signal);
	else
		printf(", no exit status\n");
	if (result->timed_out) {
		print_report(&result->stop);
		return 124;
	}
	if (result->exit.kind == TEND_SIGNALED)
		return 128 + result->exit.signal;
	return result->exit.kind == TEND_EXITED ? result->exit.code : 125;
}

int main(int argc, char **argv)
{
	const char *const sleep[] = { "sleep", "60", NULL };
	double seconds = argc > 2 ? strtod(argv[1], NULL) : 0.5;
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	struct tend_error err;

	if (argc == 2 || !(seconds > 0)) {
		fprintf(stderr, "usage: stop_on_timeout [SECONDS COMMAND [ARG...]]\n");
		return 2;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = argc > 2 ? (const char *const *)argv + 2 : sleep,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_INHERIT,
	                                     .err = TEND_OUT_INHERIT,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	               &child, &err) < 0)
		return fail(&err);
	/* No drain: neither stdout nor stderr is a stream. */
	if (tend_process_complete(child, &(struct tend_complete){ .timeout = TEND_SECONDS(seconds), .stop = &plan },
	                          &result, &err) < 0)
		return fail(&err);
	return print_result(&result);
}
