/* SPDX-License-Identifier: MIT */
/* One child from its spawn to its end, with everything about it drawn at random and all books kept. */
#ifndef TEND_TEST_SOAK_H
#define TEND_TEST_SOAK_H

#include <stdatomic.h>
#include <stdint.h>

#include "thread.h"

/* Summed over all jobs; relaxed all of them, as they are only counted. */
struct soak_totals {
	_Atomic uint64_t spawns;
	_Atomic uint64_t exits;          /* known, and as they had to be */
	_Atomic uint64_t freed_running;  /* handles; what became of their children nobody is told */
	_Atomic uint64_t stops, pauses, host_forks, lines_awaited;
	_Atomic uint64_t written;        /* by children that wrote all that they were told to, */
	_Atomic uint64_t read;           /* and what of it was read */
	_Atomic uint64_t consumers, freed_in_callback;
	_Atomic uint64_t delivered, dropped, gaps; /* to the consumers' own counting */
};

/* From the seed alone but for the timing.  `may_fork`: the host, too. */
void soak_job(struct test_thread *t, struct soak_totals *totals, unsigned *seed, bool may_fork);

#endif
