/* SPDX-License-Identifier: MIT */
/* Moments on CLOCK_MONOTONIC, in nanoseconds, and waiting for a condition until one.  MOMENT_NEVER does not come. */
#ifndef TEND_TOOLS_MOMENT_H
#define TEND_TOOLS_MOMENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define MOMENT_NEVER INT64_MAX

int64_t moment_now(void);

/* `after_ns` after `start`, at most MOMENT_NEVER. */
int64_t moment_after(int64_t start, int64_t after_ns);

/* A condition variable whose deadlines are moments. */
void moment_cond_init(pthread_cond_t *cond);

/* pthread_cond_wait(3) until `deadline`; false when that has passed. */
bool moment_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline);

#endif
