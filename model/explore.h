/* SPDX-License-Identifier: MIT */
/*
 * An interleaving explorer: runs a handful of threads as fibers, one at a time, and enumerates their schedules, all of
 * them or those with at most a given number of preemptions.  It finds lost wake-ups (nobody can run, somebody is not
 * done), failed claims, livelocks, and, with order.c and heap.c, data races and uses of memory that is freed.
 */
#ifndef TEND_MODEL_EXPLORE_H
#define TEND_MODEL_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_MAX_THREADS 4
#define MODEL_MAIN MODEL_MAX_THREADS /* setup and check, in front of and behind all threads */
#define MODEL_ALL (-1)               /* no bound */

struct scenario {
	const char *name;
	void (*setup)(void); /* before the threads; memory from tend__malloc() is fresh */
	void (*check)(void); /* behind them, in each execution; may be NULL */
	void (*threads[MODEL_MAX_THREADS])(void);
	/* On preemptions and delayed stores together: of the search by state, and of the search by trace. */
	int bound, race_bound;
	bool weak_points;    /* switch at relaxed accesses, too */
	bool weak_delays;    /* delay relaxed stores, too */
};

/*
 * What makes two histories the same.  By state: what memory, stacks and registers hold.  By trace: what the threads
 * have done, in which order wherever the order matters; there are more of these, but they also say who knows of what,
 * so that no data race hides behind a state that was seen before.  Data races are looked for in this search alone.
 */
enum search { BY_STATE, BY_TRACE };

struct explored {
	unsigned long executions, states;
	const char *failure; /* NULL: none */
};

/* Explores the scenario within `bound` until it is exhausted or fails, or after so many executions (0: no limit). */
struct explored model_explore(const struct scenario *scenario, enum search search, int bound,
                              unsigned long max_executions);
/* Repeats the schedule that has just failed, and prints what its threads do. */
void model_show_schedule(void);
/*
 * The main() of a model, which explores all scenarios, or those whose names begin with one of its arguments.  In front
 * of these: --states BOUND, --traces BOUND: this search alone, with this bound (-1: none).  --show: prints the schedule
 * of what fails.  --first BOUND N: stops at the first failure, and looks at N executions of each scenario at most.
 */
int model_main(int argc, char **argv, const struct scenario *scenarios, size_t n);

/* A claim that has to hold in every execution. */
#define CLAIM(condition) ((condition) ? (void)0 : model_fail("%s (%s:%d)", #condition, __func__, __LINE__))
void model_fail(const char *format, ...) __attribute__((__noreturn__, __format__(__printf__, 1, 2)));

/* ---- for the other files of the explorer ---- */

/* The thread that runs, or MODEL_MAIN. */
int model_self(void);
/* May switch to another thread, if what the current one does next matters to any other. */
void model_point(const volatile void *object, bool weak);
/* The same in front of a store that may be delayed; whether it is. */
bool model_point_of_store(const volatile void *object, bool weak);
/* Goes on once is_free(arg).  False: time is over instead, which is possible at any moment. */
bool model_block(bool (*is_free)(const void *arg), const void *arg, bool may_time_out);

/* What somebody's past has to be remembered by, for BY_TRACE. */
bool model_keeps_traces(void);
/* There turn out to be more points than was thought; everything is explored again. */
void model_start_again(void);
/* Saves what p points to at a point of choice, or puts back what was there. */
void model_transfer(void *p, size_t n);

/* Where the current thread is, for messages; a line of the schedule that is printed when it has failed. */
void model_note(const char *function, int line);
bool model_is_tracing(void);
void model_trace(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

#endif
