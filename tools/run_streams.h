/* SPDX-License-Identifier: MIT */
/* What consumes the child's output: passing on, logging, looking for the ready line, keeping the tail. */
#ifndef TEND_TOOLS_RUN_STREAMS_H
#define TEND_TOOLS_RUN_STREAMS_H

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

/* Repeats the last lines of each stream on stderr. */
void run_streams_show_tail(struct run *run);

void run_streams_free(struct run *run);

#endif
