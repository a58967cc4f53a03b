/* SPDX-License-Identifier: MIT */
/* Lines of tend's own: on stderr, one line each, starting with "tend:". */
#ifndef TEND_TOOLS_SAY_H
#define TEND_TOOLS_SAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
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
/* What the library logs, as say_info() does: 0 nothing, 1 what a person may follow, more: all of it. */
void say_log(unsigned verbose);

/*
 * From here on saying never blocks: lines are queued, and a thread writes them.  Lines for which there is no room
 * are dropped, and counted in a line of their own.  Without the thread (no memory) lines are written by who says
 * them.
 */
void say_start(void);

/* A line as say() makes it, into a stream: for what is handed to say_last(). */
void say_into(FILE *stream, const char *format, ...) TEND_PRINTF(2, 3);

/* Bytes that are written as they are, behind all lines.  Takes the memory.  Once, before say_stop().  One thread. */
void say_last(char *take_text, size_t size);

/*
 * Waits until all is written, at most until `deadline_ns` on CLOCK_MONOTONIC (INT64_MAX: none), at most SAY_IDLE_NS
 * without anything being taken, and at most SAY_HURRY_NS behind say_hurry(); then ends the thread.  True: all was
 * written, and from here on lines are written by who says them, as before say_start().  False: it was not; where
 * stderr takes nothing, nothing is said any more.  One thread.
 */
bool say_stop(int64_t deadline_ns);

/* A person does not want to wait any longer.  Any thread. */
void say_hurry(void);

#define SAY_IDLE_NS INT64_C(60000000000)
#define SAY_HURRY_NS INT64_C(3000000000)

#endif
