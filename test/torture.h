/* SPDX-License-Identifier: MIT */
/*
 * The sweep of the i-th failure.  A scenario uses the public interface as a host would.  It is run once as it is, and
 * each allocation, system call and start of a thread in it is counted; then once for every one of these calls and every
 * error that the kernel may answer it with, with that call failing, and with that call and all behind it failing; and
 * once for everything that a call may do that is no error: take a part only, be woken for nothing, be interrupted, come
 * behind a thief.
 *
 * Each run, a *point*, has a process of its own, in which the library has not been used before, so that what is made
 * once only fails too.  Behind it the same scenario has to succeed in the same process, and then that process owns what
 * it owns when nothing has failed: no thread, descriptor, child, zombie, allocation or stray process more, and the same
 * signal mask and dispositions.
 */
#ifndef TEND_TEST_TORTURE_H
#define TEND_TEST_TORTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <tend.h>

struct torture {
	const char *name;
	void (*run)(void);
	bool once;       /* nothing can be started behind it */
	bool is_program; /* it would end the process: only who is left behind counts */
};

/*
 * Without arguments: test_main() with one test for each scenario, which runs some of its points, always the same ones,
 * and one, "known_points", for those whose names begin as one of `known`, up to a NULL: where something was found that
 * nothing else would find again.  With "--all" all points of all scenarios, several scenarios at a time, and with
 * TORTURE_ONLY in the environment only those whose name begins so: "SCENARIO[:CALL[:I[:ERROR[:MODE]]]]", as failures
 * are reported.  Returns the exit status.
 */
int torture_main(int argc, char **argv, const struct torture *scenarios, size_t n, const char *const *known);

/* ---- in a scenario ---- */

/*
 * Whether the call succeeded: 0 or more.  What it says otherwise has to be the error of this point, with the step at
 * which it happened and a sentence; anything else ends the process as failed.  `error` may be NULL for calls without.
 */
#define TRIED(result, error) torture_tried(result, error, #result, __FILE__, __LINE__)
bool torture_tried(int result, const struct tend_error *error, const char *text, const char *file, int line);

/* The same for a result that carries a positive errno value. */
#define EXCUSED(code) torture_excused(code, #code, __FILE__, __LINE__)
void torture_excused(int code, const char *text, const char *file, int line);

/* The same for what is told in another way: an exit status, with a sentence on stderr. */
#define TOLD(what) torture_told(what, __FILE__, __LINE__)
void torture_told(const char *what, const char *file, int line);

/* Ends this process as failed, where there is no stderr to say it on. */
#define WRONG(what) torture_wrong(what, __FILE__, __LINE__)
void torture_wrong(const char *what, const char *file, int line) __attribute__((noreturn));

/* Whether the fault goes on until torture_disarm(), so that what is to be waited for may never be seen. */
bool torture_lasts(void);

/* Whether it is this call that something happens to. */
bool torture_injects(const char *call);

/* Whether no error was told so far: only then a scenario looks at what became of what. */
bool torture_is_clean(void);

/* The fault is over: whoever could not be signalled, for example, can be now. */
void torture_disarm(void);

#endif
