/* SPDX-License-Identifier: MIT */
/*
 * From choices to a running child: tend_spawn() is the only entry; this header names its two outer halves for each
 * other.
 */
#ifndef TEND_LIB_SPAWN_H
#define TEND_LIB_SPAWN_H

#include <tend/spawn.h>

#include "spawn_child.h"

/* What of a plan was allocated, to be freed when the child has executed. */
struct tend__paths {
	char **list; /* NULL-terminated; one block with the strings behind the pointers */
};

/*
 * [any] What to execute, in order: the program itself, or one path for each directory of PATH; made absolute where
 * the child changes its directory.  0, or -ENOMEM, or what getcwd(3) says.
 */
int tend__paths_make(const struct tend_spawn *o, struct tend__paths *ret_paths);
void tend__paths_free(struct tend__paths *paths);

/* [any] The name that .name and .auto_name ask for; allocated.  NULL: no memory. */
char *tend__name_make(const struct tend_spawn *o);

#endif
