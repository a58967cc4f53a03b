/* SPDX-License-Identifier: MIT */
/* Deadlines: absolute nanoseconds on CLOCK_MONOTONIC, INT64_MAX for never, 0 for already. */
#ifndef TEND_LIB_CLOCK_H
#define TEND_LIB_CLOCK_H

#include <tend/base.h>

#define TEND__NEVER INT64_MAX

/* [any] */
int64_t tend__now_ns(void);
/* [any] The length of a duration, TEND__NEVER for TEND_FOREVER. */
int64_t tend__span_ns(tend_duration d);
/* [any] The moment `d` from now; saturates. */
int64_t tend__deadline(tend_duration d);
/* [any] `ns` after the moment `from`; saturates. */
int64_t tend__after(int64_t from, int64_t ns);
/* [any] What is left until a deadline, TEND_AT_ONCE when it has passed. */
tend_duration tend__until(int64_t deadline);

#endif
