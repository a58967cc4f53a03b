/* SPDX-License-Identifier: MIT */
/* Deadlines that do not move when somebody sets the clock. */
#include "moment.h"

#include <errno.h>
#include <time.h>

enum { NS_PER_SECOND = 1000000000 };

int64_t moment_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

int64_t moment_after(int64_t start, int64_t after_ns)
{
	return after_ns > MOMENT_NEVER - start ? MOMENT_NEVER : start + after_ns;
}

void moment_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

bool moment_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline)
{
	int64_t seconds = deadline / NS_PER_SECOND;
	struct timespec t = { .tv_nsec = (long)(deadline % NS_PER_SECOND) };

	/* Where time_t has 32 bits, what is later than it can say is as late as it can say: 68 years after the boot. */
	t.tv_sec = sizeof t.tv_sec < sizeof seconds && seconds > INT32_MAX ? INT32_MAX : (time_t)seconds;
	if (deadline == MOMENT_NEVER) {
		pthread_cond_wait(cond, lock);
		return true;
	}
	return pthread_cond_timedwait(cond, lock, &t) != ETIMEDOUT;
}
