/* SPDX-License-Identifier: MIT */
/*
 * What the contestants that are written in C have in common: the command line, what is measured, and the report.
 * None of it runs while a work is measured, but for the clock and the lists of samples, which take no memory by then.
 *
 *     CONTESTANT WORK [KEY=VALUE...]    runs WORK and prints one JSON object
 *     CONTESTANT --works                names what it can do, one work a line
 *
 * The exit status is 0 only when everything that was to be delivered was; any other run is no figure.
 */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE 64 /* bytes of a ping, as in child.c */

struct work {
	const char *name;
	void (*run)(void);
};

/* Takes a list that ends with a name that is NULL; does not return from a failed work. */
int driver_main(int argc, char **argv, const struct work *works);

/* Ends the run: one sentence on stderr, and an exit status of 2. */
_Noreturn void fail(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

/* ---- the command line ---- */

/* What was given for `key`, or `absent`. */
const char *option(const char *key, const char *absent);
uint64_t option_number(const char *key, uint64_t absent);
bool option_is(const char *key, const char *value);

/* The same as text, for a child's arguments; NULL where it is not given, which ends the run. */
const char *option_needed(const char *key);

/* The words of child.c for `mode` with what was given for these keys, up to NULL; they last until the next call. */
const char *const *child_words(const char *mode, ...) __attribute__((__sentinel__));

/* ---- what is measured ---- */

int64_t now_ns(void);

/* heap=BYTES, fds=N: memory that has been written to, in small pages, and open descriptors, both until the end. */
void hold_heap_and_fds(void);

/* The wall clock and the CPU time of this process, all threads, run from the first to the second of these. */
void measure_begin(void);
void measure_end(void);

/* How many threads there are now; the most that was ever seen is reported. */
void measure_threads(void);

/* Resident memory now, in KiB. */
uint64_t resident_kib(void);

/* A number behind `label` in a file of /proc, 0 where there is none. */
uint64_t proc_number(const char *path, const char *label);

/* ---- what is reported ---- */

/* What was delivered whole: sums, of all consumers and children. */
extern struct delivered {
	uint64_t bytes, lines, exits;
} delivered;

/* One more of a list of which the report has percentiles; microseconds.  At most as many as were reserved. */
void samples_reserve(size_t n);
void samples_add(int64_t ns);

/* One more figure in the report; `name` is a static string. */
void note(const char *name, double value);

/* ---- stamp ---- */

/* A file of 8 bytes for child.c's "stamp", and where it is mapped; it is removed by stamp_close(). */
const volatile int64_t *stamp_open(char *ret_path, size_t room);
void stamp_close(const char *path);

#endif
