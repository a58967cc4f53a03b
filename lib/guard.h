/* SPDX-License-Identifier: MIT */
/* The guardian's side in the library: it is started, and told whom to end with the host. */
#ifndef TEND_LIB_GUARD_H
#define TEND_LIB_GUARD_H

#include "process.h"

/* [any] Starts the guardian unless it runs.  0, or an error with step "parent". */
int tend__guard_start(const char *name, struct tend_error *err);
/* [any] From here on it ends when the host does.  0, or -errno: it does not. */
int tend__guard_add(tend_process *p);
/* [last owner] Nobody of it is left, or it is nobody's business any more. */
void tend__guard_remove(tend_process *p);

#endif
