/* SPDX-License-Identifier: MIT */
/*
 * Which facilities of the kernel the library uses here, and what it does in place of those that there are not.  A
 * version number says little of a kernel in a container: each facility is used once, and what came of it is told.
 */
#ifndef TEND_KERNEL_H
#define TEND_KERNEL_H

#include <tend/base.h>

TEND_BEGIN_DECLS

enum tend_facility_state {
	TEND_FACILITY_USED = 1, /* it works, and is used */
	TEND_FACILITY_REPLACED, /* it does not, and `fallback` is done in its place */
	TEND_FACILITY_MISSING,  /* it does not, and nothing replaces it: what needs it is refused */
	TEND_FACILITY_UNTRIED   /* trying might have ended the program: a seccomp filter is there */
};

/* One of them.  The strings are static, but for `reason`. */
struct tend_facility {
	const char *name;        /* a stable word: "clone", "pidfd-signal", ... */
	const char *purpose;     /* what the library does with it */
	enum tend_facility_state state;
	const char *fallback;    /* what is done without it */
	int error;               /* what the kernel said: a negative errno value; 0: nothing */
	char reason[96];         /* why it is so, in words, NUL-terminated */
};

/* "used", "replaced", ...; "unknown" for a number that is none.  A static string.  Any thread; does not block. */
TEND_API const char *tend_facility_state_name(enum tend_facility_state state);

/*
 * Tries all of them; the first `room` go to `ret`, which may be NULL when room is 0.  Returns how many there are.  It
 * makes descriptors, children that end before they execute anything, and a cgroup, and none of them is left.  What
 * fails is no error of the call: it is told in `error`.  Any thread; blocks for a moment.
 */
TEND_API size_t tend_kernel_report(struct tend_facility *ret, size_t room);

TEND_END_DECLS

#endif
