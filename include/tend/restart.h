/* SPDX-License-Identifier: MIT */
/*
 * Whether, and when, a child that has ended is to be started again.  A rule and its memory, nothing else: the caller
 * starts and waits, so it works in a loop of a thread as in an event loop.
 */
#ifndef TEND_RESTART_H
#define TEND_RESTART_H

#include <tend/base.h>
#include <tend/process.h>

TEND_BEGIN_DECLS

enum tend_restart_when {
	TEND_RESTART_NEVER = 1,
	TEND_RESTART_ON_FAILURE, /* it ended otherwise than with exit code 0; a status that is unknown is a failure */
	TEND_RESTART_ALWAYS
};

struct tend_restart {
	enum tend_restart_when when; /* choice */
	/*
	 * Choice, but with TEND_RESTART_NEVER: the wait before the first restart of a series.  It doubles with each
	 * further one, up to max_delay.
	 */
	tend_duration delay;
	tend_duration max_delay;     /* extra: absent is `delay`, so that it does not grow; at least `delay` */
	/*
	 * Extra: a child that ran at least this long begins a new series, with `delay` and none of max_restarts used.
	 * Absent: there is one series only.
	 */
	tend_duration long_enough;
	unsigned max_restarts;       /* extra: of one series; absent is without limit */
};

/* The caller's; all zero at first.  One thread at a time. */
struct tend_restarts {
	unsigned total;         /* how often it was to be started again */
	unsigned in_series;
};

/*
 * How it ended: *ret_delay is how long to wait before it is started again, TEND_FOREVER when it is not to be;
 * `restarts` counts.  0, or -EINVAL with the field's name (a child that runs, too).  Any thread; does not block.
 */
TEND_API int tend_restart_next(const struct tend_restart *rule, struct tend_restarts *restarts,
                               const struct tend_exit *exit, tend_duration *ret_delay, struct tend_error *err);

TEND_END_DECLS

#endif
