/* SPDX-License-Identifier: MIT */
/* What consumes the child's output: passing on, logging, looking for the ready line, keeping the tail. */
#ifndef TEND_TOOLS_RUN_STREAMS_H
#define TEND_TOOLS_RUN_STREAMS_H

#include <stdio.h>

#include "run.h"

/* How the child's outputs are to be spawned.  Everything is retained until all consumers are there. */
struct tend_output run_streams_output(const struct run_options *options, size_t i);

/* Starts all consumers.  0 or a negative errno value, and *err. */
int run_streams_attach(struct run *run, struct tend_error *err);

/*
 * The streams have been let go of: waits until all consumers have ended, for the writers at most until `deadline`,
 * and sums up what they missed.
 */
void run_streams_settle(struct run *run, int64_t deadline);

/* Says, once, that bytes of the child could not be passed on. */
void run_streams_lost_some(struct run *run);

/* The last lines of each stream, and what was in front of them. */
void run_streams_tail_into(FILE *words, struct run *run);

/* Consumers that have not ended yet are left where they are, and what they use is, too. */
void run_streams_free(struct run *run);

/* The same where all have ended; the streams are as at the beginning, for another start. */
void run_streams_reset(struct run *run);

#endif
