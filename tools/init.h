/* SPDX-License-Identifier: MIT */
/* tend as the first process of a PID namespace, as in a container. */
#ifndef TEND_TOOLS_INIT_H
#define TEND_TOOLS_INIT_H

#include <stdbool.h>

/*
 * Where this is process 1: goes on in a child, and only the child returns; process 1 itself reaps whoever loses his
 * parents, hands signals on to the child, and ends as that does.  Elsewhere it does nothing.  0, or -1 after saying
 * that there can be no child.  Main, before any thread.
 */
int init_split(void);

/* Whether this is such a child. */
bool init_is_parent(void);

#endif
