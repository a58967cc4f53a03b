/* SPDX-License-Identifier: MIT */
/* What a watchdog says of a process that hangs. */
#ifndef TEND_TEST_DUMP_H
#define TEND_TEST_DUMP_H

/* Makes everything ready that a signal handler could not; once, at the start. */
void dump_prepare(void);

/*
 * Writes to stderr, for each thread, its name, the system call that it sleeps in and what that looks at, and the
 * functions of this program by which it came there, innermost first:
 *     thread 123 tend-reaper: epoll: 5 anon_inode:[eventpoll]
 *         tend__sys_epoll_wait < run
 * Changes what SIGTRAP does; for a process that is lost anyway.  In a signal handler of the name `handler`, of which
 * and of all that it called nothing is said.
 */
void dump_threads(const char *handler);

#endif
