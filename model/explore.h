/* SPDX-License-Identifier: MIT */
/*
 * An interleaving explorer: runs a handful of threads as fibers, one at a time, and enumerates every schedule with at
 * most a given number of preemptions.  It finds lost wake-ups (nobody can run, somebody is not done), failed claims
 * and livelocks. It is sequentially consistent: weak memory and data races are left to ThreadSanitizer.
 */
#ifndef TEND_MODEL_EXPLORE_H
#define TEND_MODEL_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>

#define MODEL_MAX_THREADS 4

struct scenario {
	const char *name;
	void (*setup)(void);   /* before each execution; memory from tend__calloc() is fresh each time */
	void (*check)(void);   /* after each execution, may be NULL */
	void (*threads[MODEL_MAX_THREADS])(void);
	bool weak_points;      /* switch at relaxed accesses, too */
	int preemptions;
};

struct explored {
	unsigned long executions, steps;
	const char *failure;   /* NULL: none */
	int line;
};

/* Explores the scenario until it is exhausted or a claim fails. */
struct explored model_explore(const struct scenario *scenario);

/* A claim that has to hold in every execution. */
#define CLAIM(condition) ((condition) ? (void)0 : model_fail(#condition, __LINE__))
void model_fail(const char *what, int line) __attribute__((__noreturn__));

#endif
