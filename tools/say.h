/* SPDX-License-Identifier: MIT */
/* Lines of tend's own: on stderr, one line each, starting with "tend:". */
#ifndef TEND_TOOLS_SAY_H
#define TEND_TOOLS_SAY_H

#include <stdbool.h>
#include <stdint.h>
#include <tend/base.h>

/* What has gone wrong.  Control characters are shown as '?', so that it stays one line.  Any thread. */
void say(const char *format, ...) TEND_PRINTF(1, 2);

/*
 * A line has a bound, and what is wrong stands behind what it is about.  So names are cut with %.60s, and the first
 * `size` bytes of what the user wrote with %.*s and this.
 */
#define SAY_CUT(size) ((int)((size) < 200 ? (size) : 200))

/* What a person may want to know; not said with say_quiet(true).  Any thread. */
void say_info(const char *format, ...) TEND_PRINTF(1, 2);
void say_quiet(bool value);

/*
 * From here on saying never blocks: lines are queued, and a thread writes them.  Lines for which there is no room
 * are dropped, and counted in a line of their own.  Without the thread (no memory) lines are written by who says
 * them.
 */
void say_start(void);

/*
 * Waits until all is written, at most until `deadline_ns` on CLOCK_MONOTONIC (INT64_MAX: no limit), and ends the
 * thread.  From here on lines are written by who says them, as before say_start().  One thread.
 */
void say_stop(int64_t deadline_ns);

#endif
