/* SPDX-License-Identifier: MIT */
/*
 * From choices to a running child: tend_spawn() is the only entry; this header names the rooms of a spawn for each
 * other.
 */
#ifndef TEND_LIB_SPAWN_H
#define TEND_LIB_SPAWN_H

#include <tend/spawn.h>

#include "live.h"
#include "process.h"
#include "spawn_child.h"

/* What of a plan was allocated, to be freed when the child has executed. */
struct tend__paths {
	char **list; /* NULL-terminated; one block with the strings behind the pointers */
};
struct tend__env {
	char *const *list;
	const char **made; /* NULL when the list is the caller's or the host's */
};

/* A spawn under way.  Descriptors that are not there are -1. */
struct tend__spawning {
	const struct tend_spawn *o;
	tend_process *p;
	struct tend__paths paths;
	struct tend__env env;
	struct tend__plan plan;
	int null_fd;
	int ends[3];        /* the child's ends of our pipes, to be closed here after the clone */
	int terminal[2];    /* a pseudoterminal: our side until the stream owns it, the child's */
	int error_pipe[2];
	bool in_cgroup;     /* it was its cgroup that the clone failed for */
	volatile int shared;
	struct tend__flight flight; /* what a copy of the host, or its end, has to know of it */
};

/*
 * [any] A pipe, whose ends are stored before a fork of the host's can happen: the copy closes what is in `s`, or it
 * would keep whoever reads to the end of the pipe from it.  0 or a negative errno value; nothing is stored then.
 */
int tend__spawn_pipe(int *ret_read_end, int *ret_write_end);
/* [any] Closes what is in `s`: with forks held, or a copy would close what has got its number meanwhile. */
void tend__spawn_close(int *fd);

/* [any] "cannot start NAME: what: errno".  r. */
int tend__refuse_step(struct tend__spawning *s, int r, enum tend_step step, const char *what, struct tend_error *err);

/*
 * [any] What to execute, in order: the program itself, or one path for each directory of PATH; made absolute where
 * the child changes its directory.  0, or -ENOMEM, or what getcwd(3) says.
 */
int tend__paths_make(const struct tend_spawn *o, struct tend__paths *ret_paths);
void tend__paths_free(struct tend__paths *paths);

/* [any] The child's environment; reads environ(7) where none is given.  0, or -ENOMEM. */
int tend__env_make(const struct tend_spawn *o, struct tend__env *ret_env);
void tend__env_free(struct tend__env *env);

/* [any] The name that .name and .auto_name ask for; allocated.  NULL: no memory. */
char *tend__name_make(const struct tend_spawn *o);

/* [any] Makes the pipes, the terminal and the streams, and says in the plan what becomes 0, 1 and 2. */
int tend__stdio_make(struct tend__spawning *s, struct tend_error *err);
/* [any] Closes what of it is the child's alone.  With forks held. */
void tend__stdio_clean_up(struct tend__spawning *s);

/*
 * [any] Runs `clone_it(s)`, which makes the child, on the thread that lives as long as the host, and waits for it. 
 * 0, or -EAGAIN, -ENOMEM when there is no such thread.
 */
int tend__spawner_run(void (*clone_it)(struct tend__spawning *s), struct tend__spawning *s);

#endif
