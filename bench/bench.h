/* SPDX-License-Identifier: MIT */
/* What the benchmarks share: a clock, and figures as minimum, median and maximum of some rounds. */
#ifndef TEND_BENCH_H
#define TEND_BENCH_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_MAX_ROUNDS 64

struct figures {
	double v[BENCH_MAX_ROUNDS];
	size_t n;
};

static inline double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void bench_add(struct figures *f, double v)
{
	if (f->n < BENCH_MAX_ROUNDS)
		f->v[f->n++] = v;
}

static inline int bench_compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sorts. */
static inline double bench_median(struct figures *f)
{
	qsort(f->v, f->n, sizeof f->v[0], bench_compare);
	return f->n ? f->v[f->n / 2] : 0;
}

static inline void bench_print(const char *what, struct figures *f, const char *unit)
{
	double median = bench_median(f);

	printf("%-52s min %9.2f  median %9.2f  max %9.2f  %s\n", what, f->n ? f->v[0] : 0, median,
	       f->n ? f->v[f->n - 1] : 0, unit);
}

#endif
