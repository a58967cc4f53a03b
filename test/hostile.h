/* SPDX-License-Identifier: MIT */
/*
 * Hosts that make it hard.  A setting changes the process that it is in, for good, so each has a process of its own,
 * in which the library has not been used before; and what the library promises is the same in all of them, so each
 * runs the same scenarios: output and exit codes, stdin, a stop of a child with a grandchild, a kill, a signal, a
 * failed exec, a reader that is gone, what the child is like.
 */
#ifndef TEND_TEST_HOSTILE_H
#define TEND_TEST_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <tend.h>

struct hostile {
	const char *name;
	/* Makes this process such a host.  What cannot be had here is left by hostile_skip(). */
	void (*arrange)(void);
	/* In place of hostile_scenarios(). */
	void (*run)(void);
	/* What is known to fail here, so that it is left out unless HOSTILE_DEFECTS is set; NULL: nothing. */
	const char *defect;
	/* The host reaps children: what the kernel does not tell then may be unknown, and nothing else may. */
	bool takes_status;
};

/* The name of the setting that changes nothing: under valgrind it is run there, as all others leave it by exec. */
#define HOSTILE_FRIENDLY "friendly"

/*
 * test_main() with one test for each setting, which runs this program again as "--in NAME".  Below main() of that
 * process a CHECK that fails is printed and ends it with status 70.  The last line on stderr says how many of the
 * settings were left out, and which; with HOSTILE_ALL in the environment each of them is a failure.
 */
int hostile_main(int argc, char **argv, const char *suite, const struct hostile *settings, size_t n);

/* All scenarios, between hostile_open_books() and hostile_close_books(). */
void hostile_scenarios(void);

/* In a child forked here, whose end ends this process likewise. */
void hostile_in_fork(void (*run)(void));
/* All scenarios there.  `prepare`, where there is one, is run in it first. */
void hostile_scenarios_in_fork(void (*prepare)(void));

/*
 * Spawns once, and notes what this process owns then.  hostile_close_books() finds no thread, descriptor, child,
 * zombie, allocation or stray process more, no other signal mask or disposition, or ends the process.
 */
void hostile_open_books(void);
void hostile_close_books(void);

/* From now on, looking at the books reaps what is a zombie: what a process inherits as a subreaper, or as init. */
void hostile_reap_orphans(void);

/* The setting cannot be had here: says why, and ends the process as one that was left out. */
void hostile_skip(const char *why) __attribute__((noreturn));

/* The exit that was expected; unknown where the host takes the status and the kernel does not tell. */
bool hostile_is_exit(const struct tend_exit *e, enum tend_exit_kind kind, int code_or_signal);

/* One child without streams that ends with `code`: whether it did.  Any thread. */
bool hostile_exit_code_arrives(int code);

/* `size` bytes through the stdin and stdout of one child arrive as they are. */
void hostile_echo(size_t size);

/* A child that has no signal blocked or ignored, and no descriptor but 0, 1 and 2. */
void hostile_child_is_clean(void);

/* n; a tenth of it where each one is slow, under valgrind and sanitizers, or they are many, in check-loop. */
int hostile_rounds(int n);

#endif
