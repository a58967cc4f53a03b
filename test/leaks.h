/* SPDX-License-Identifier: MIT */
/* What a process owns, before and after a test. */
#ifndef TEND_TEST_LEAKS_H
#define TEND_TEST_LEAKS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#define LEAKS_MAX_FD 4096

struct leaks {
	size_t threads;
	bool fd_open[LEAKS_MAX_FD];
	long allocations;
	sigset_t mask;
	struct sigaction dispositions[_NSIG];
};

/* Looks at this process. */
void leaks_look(struct leaks *ret);

/* Whether threads, descriptors and allocations are the same in both. */
bool leaks_same_belongings(const struct leaks *a, const struct leaks *b);

/*
 * Looks at this process once nothing has changed for a while and there are no children: the reaper drops its reference
 * after the waiters were woken.
 */
void leaks_settle(struct leaks *ret);

/*
 * Compares with how it was, and looks for processes with `cookie` in their environment.  Writes one clause for each
 * thing that is wrong; true when nothing is.
 */
bool leaks_check(const struct leaks *before, const char *cookie, char *ret_report, size_t size);

/* Whether the signal mask and all dispositions are the same in both. */
bool leaks_same_signals(const struct leaks *a, const struct leaks *b);

/* Only the last of these: names the processes with `cookie` in their environment; true when there is none. */
bool leaks_no_strays(const char *cookie, char *ret_report, size_t size);

/* SIGKILL for every process with the cookie in its environment. */
void leaks_kill(const char *cookie);

#endif
