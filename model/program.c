/* SPDX-License-Identifier: MIT */
/* The command line of a model: which scenarios are explored, how, and what is said about it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore.h"

static unsigned long most; /* executions of each scenario, 0: no limit */
static bool shows;         /* the schedule of what fails */

static bool explore_one(const struct scenario *s, enum search kind, int limit)
{
	static const char *const names[] = { [BY_STATE] = "states", [BY_TRACE] = "traces" };
	struct explored e = model_explore(s, kind, limit, most);
	char within[64] = "without a bound";

	if (limit != MODEL_ALL)
		snprintf(within, sizeof within, "at most %d preemptions or delays", limit);
	if (e.failure) {
		printf("FAIL %s: %s; %s, execution %lu\n", s->name, e.failure, within, e.executions);
		if (shows)
			model_show_schedule();
		return false;
	}
	printf("ok   %s: %s, %lu executions, %lu %s\n", s->name, within, e.executions, e.states, names[kind]);
	fflush(stdout);
	return true;
}

static bool is_within(int limit, int s_bound)
{
	return s_bound == MODEL_ALL || s_bound >= limit;
}

/* Whether anything fails within this bound. */
static bool find_failure(const struct scenario *s, size_t n, int limit)
{
	for (size_t i = 0; i < n; i++)
		if ((is_within(limit, s[i].bound) && !explore_one(&s[i], BY_STATE, limit)) ||
		    (is_within(limit, s[i].race_bound) && !explore_one(&s[i], BY_TRACE, limit)))
			return true;
	return false;
}

static bool is_named(const char *name, int argc, char **argv)
{
	if (argc == 0)
		return true;
	for (int i = 0; i < argc; i++)
		if (strncmp(name, argv[i], strlen(argv[i])) == 0)
			return true;
	return false;
}

static bool explore_both(const struct scenario *s)
{
	return explore_one(s, BY_STATE, s->bound) && explore_one(s, BY_TRACE, s->race_bound);
}

int model_main(int argc, char **argv, const struct scenario *scenarios, size_t n)
{
	bool by_state = argc > 2 && strcmp(argv[1], "--states") == 0;
	bool by_trace = argc > 2 && strcmp(argv[1], "--traces") == 0;
	int skip = by_state || by_trace ? 3 : 1;
	unsigned passed = 0, failed = 0;

	if (argc > 3 && strcmp(argv[1], "--first") == 0) {
		most = strtoul(argv[3], NULL, 10);
		return find_failure(scenarios, n, atoi(argv[2])) ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	shows = argc > 1 && strcmp(argv[1], "--show") == 0;
	skip += shows;
	for (size_t i = 0; i < n; i++) {
		const struct scenario *s = &scenarios[i];
		bool good;

		if (!is_named(s->name, argc - skip, argv + skip))
			continue;
		if (by_state || by_trace)
			good = explore_one(s, by_state ? BY_STATE : BY_TRACE, atoi(argv[2]));
		else
			good = explore_both(s);
		passed += good;
		failed += !good;
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed ? EXIT_FAILURE : EXIT_SUCCESS;
}
