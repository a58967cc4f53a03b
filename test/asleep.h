/* SPDX-License-Identifier: MIT */
/*
 * What the threads of this process sleep in, as the kernel says, proc(5).  With it a test knows that a call blocks, and
 * where, before it lets the waker act; and the watchdog says who waits for what.
 */
#ifndef TEND_TEST_ASLEEP_H
#define TEND_TEST_ASLEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct asleep {
	char comm[16];    /* the thread's name */
	char state;       /* as proc(5) has it: 'S' asleep, 'R' runs, ... */
	long call;        /* the system call that it is in; -1: none */
	uint64_t args[6]; /* of the call */
};

/* How `tid` is now.  False: there is no such thread, or no such file in /proc.  Async-signal-safe; any thread. */
bool asleep_look(pid_t tid, struct asleep *ret);

/* Whether the kernel tells: not everywhere, and not of what valgrind's threads do. */
bool asleep_can_be_known(void);

/* In words: "futex(0x7f.., 137), for ever", "poll: 3 pipe:[12] for POLLIN, ...".  Async-signal-safe; any thread. */
void asleep_describe(const struct asleep *a, char *text, size_t size);

/* A place to sleep. */
struct asleep_place {
	enum { ASLEEP_ON_WORD = 1, ASLEEP_ON_ANY_WORD, ASLEEP_IN_JOIN, ASLEEP_IN_POLL, ASLEEP_IN_CALL } kind;
	const void *object; /* ASLEEP_ON_WORD: the futex word is in it; ASLEEP_IN_JOIN: the thread's pthread_t */
	size_t size;        /* of that object */
	int fd;             /* ASLEEP_IN_POLL: one of those that are polled */
	long call;          /* ASLEEP_IN_CALL: this system call, whatever its arguments */
};
/* In tend__event_sleep() or tend__park() of *o; of whatever; in the join of a thread; in a poll that looks at `f`. */
#define ON_WORD_OF(o) ((struct asleep_place){ .kind = ASLEEP_ON_WORD, .object = (o), .size = sizeof *(o) })
#define ON_ANY_WORD ((struct asleep_place){ .kind = ASLEEP_ON_ANY_WORD })
#define IN_JOIN_OF(pthread) ((struct asleep_place){ .kind = ASLEEP_IN_JOIN, .object = (const void *)(pthread) })
#define IN_POLL_OF(f) ((struct asleep_place){ .kind = ASLEEP_IN_POLL, .fd = (f) })
#define FOR_EXIT_OF(p) ON_WORD_OF(&(p)->changed)
#define IN_CALL(number) ((struct asleep_place){ .kind = ASLEEP_IN_CALL, .call = (number) })

/* Whether the thread sleeps in that very place now.  Any thread. */
bool asleep_is(pid_t tid, struct asleep_place place);

/*
 * Waits until all other threads of this process sleep, and have nothing left to do that they would wake each other for.
 * A copy that is made then finds no lock held, neither of the C library's nor of a sanitizer's, whose runtime does not
 * expect copies.  Where it cannot be known: at once.
 */
void asleep_await_others(void);

/* The only thread of this process with that name: waits until it has called itself so.  0: cannot be known. */
pid_t asleep_find(const char *comm);

#endif
