/* SPDX-License-Identifier: MIT */
/* Lines with something in front of each: a text, the time. */
#ifndef TEND_TOOLS_RUN_LINES_H
#define TEND_TOOLS_RUN_LINES_H

#include <stdbool.h>
#include <tend.h>

#include "run.h"

/* Longer lines come out as several. */
#define RUN_LINES_LONGEST ((size_t)64 << 10)

/* `prefix` may be NULL, and is lent.  0 or a negative errno value. */
int run_lines_new(const char *prefix, bool timestamps, struct run_lines **ret_lines);
/* NULL is allowed.  Returns NULL. */
struct run_lines *run_lines_free(struct run_lines *lines);

/*
 * Writes the lines that end in this chunk, each behind its prefix, many at once and each whole; what is left waits for
 * its end.  `shared` is held for each write, unless it is NULL.  0 or a negative errno value.
 */
int run_lines_write(struct run_lines *lines, const struct tend_chunk *chunk, int fd, pthread_mutex_t *shared);
/* The same for what is left when the stream has ended: it gets the end that it lacks. */
int run_lines_finish(struct run_lines *lines, int fd, pthread_mutex_t *shared);
void run_lines_gap(struct run_lines *lines, const struct tend_gap *gap);

#endif
