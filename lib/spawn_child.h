/* SPDX-License-Identifier: MIT */
/* What the child needs to know, all of it resolved beforehand in the parent, and the child's half of a spawn. */
#ifndef TEND_LIB_SPAWN_CHILD_H
#define TEND_LIB_SPAWN_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <tend/spawn.h>

#define TEND__CLOSED (-1)
#define TEND__MAX_FDS (3 + TEND_MAX_PASS_FDS)

/*
 * Read-only for the child, but for `shared`.  Pointers stay valid until the child has executed or is gone.
 */
struct tend__plan {
	const struct tend_spawn *o; /* for umask, rlimits, ids and the like */
	char *const *argv;
	char *const *envp;
	char *const *candidates; /* paths to execute, tried in order, NULL-terminated, at least one */
	const char *cwd;         /* NULL: stay */
	enum tend_scope scope;
	/* What becomes 0, 1, 2, and then pass_fds: a source that is its own target stays as it is in the host;
	   TEND__CLOSED: closed. */
	struct tend_pass_fd fds[TEND__MAX_FDS];
	size_t n_fds;
	int tty_fd;              /* to become the controlling terminal; -1: none */
	int procs_fd;            /* cgroup.procs of the cgroup to enter; -1: none, or the child is born in it */
	int error_fd;            /* CLOEXEC; struct tend__child_error goes there when a step fails */
	int64_t busy_ns;         /* how long to try again while the program is being written */
	char oom_score_adj[8];   /* to write to /proc/self/oom_score_adj; "": nothing */
	pid_t host;              /* with_parent: who has to be the parent */
	bool close_one_by_one;   /* do not use close_range(2) */
	bool says_when;          /* say through the error pipe that the exec comes next, with step 0 */
	volatile int *shared;    /* how far the child is: the parent sees it exactly if they share memory */
};

/* How far: one that is killed before it executes was never the program.  Failed: it has said so through the pipe. */
enum { TEND__CHILD_RUNS = 1, TEND__CHILD_EXECUTES, TEND__CHILD_FAILED };

/* Through the error pipe: which step (enum tend_step) failed, and why.  Nothing more comes when the exec succeeded. */
struct tend__child_error {
	int32_t step;
	int32_t error; /* positive errno value */
	int32_t index; /* which of the entries of an array, where the step has one */
};

/*
 * The child's half: ends in execve(2) or _exit.  Async-signal-safe; raw system calls only.  `arg` is a
 * struct tend__plan.
 */
int tend__child_main(void *arg);

/* ---- [child] ---- */

struct tend__child {
	const struct tend__plan *plan;
	int error_fd;               /* where it is by now */
	int sources[TEND__MAX_FDS]; /* where they are by now */
};

/* Says which step failed, and ends. */
__attribute__((__noreturn__)) void tend__child_fail(const struct tend__child *c, enum tend_step step, long error,
                                                    size_t index);
/* Puts every descriptor where it belongs, and hides all others from the new program. */
void tend__child_place_fds(struct tend__child *c);
/*
 * Closes what the exec would close, because that has to wait and others may be waiting for the end of a pipe.  Does
 * nothing where there is no close_range(2).
 */
void tend__child_let_go(const struct tend__child *c);

#endif
