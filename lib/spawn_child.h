/* SPDX-License-Identifier: MIT */
/* What the child needs to know, all of it resolved beforehand in the parent, and the child's half of a spawn. */
#ifndef TEND_LIB_SPAWN_CHILD_H
#define TEND_LIB_SPAWN_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#define TEND__CLOSED (-1)

/*
 * Read-only for the child, but for `shared`.  Pointers stay valid until the child has executed or is gone.
 */
struct tend__plan {
	char *const *argv;
	char *const *envp;
	char *const *candidates; /* paths to execute, tried in order, NULL-terminated, at least one */
	const char *cwd;         /* NULL: stay */
	int stdio[3];            /* what becomes 0, 1, 2; a number of its own place means: as it is in the host;
	                            TEND__CLOSED: closed */
	int error_fd;            /* CLOEXEC; struct tend__child_error goes there when a step fails */
	bool close_one_by_one;   /* do not use close_range(2) */
	volatile int *shared;    /* the child sets it to 1: the parent sees it exactly if they share memory */
};

/* Through the error pipe: which step (enum tend_step) failed, and why.  Nothing comes when the exec succeeded. */
struct tend__child_error {
	int32_t step;
	int32_t error; /* positive errno value */
};

/*
 * The child's half: ends in execve(2) or _exit.  Async-signal-safe; raw system calls only.  Takes a struct
 * tend__plan.
 */
int tend__child_main(void *plan);

#endif
