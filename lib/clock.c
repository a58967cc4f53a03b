/* SPDX-License-Identifier: MIT */
/* Arithmetic on deadlines that cannot overflow, so that a huge time-out is just a long one. */
#include "clock.h"

#include <time.h>

int64_t tend__now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t tend__span_ns(tend_duration d)
{
	return d == TEND_FOREVER ? TEND__NEVER : d - TEND_DURATION_TAG;
}

int64_t tend__after(int64_t from, int64_t ns)
{
	return ns >= TEND__NEVER - from ? TEND__NEVER : from + ns;
}

int64_t tend__deadline(tend_duration d)
{
	if (d == TEND_AT_ONCE)
		return 0;
	return tend__after(tend__now_ns(), tend__span_ns(d));
}

tend_duration tend__until(int64_t deadline)
{
	int64_t left;

	if (deadline == TEND__NEVER)
		return TEND_FOREVER;
	left = deadline - tend__now_ns();
	return TEND_NS(left);
}
