/* SPDX-License-Identifier: MIT */
/* Whom a signal reaches, and that it is never a stranger. */
#ifndef TEND_LIB_GROUP_H
#define TEND_LIB_GROUP_H

#include <tend/stop.h>

struct tend_process;

/*
 * [any, locked] Sends a signal (0: none, just look) to the leader, or to the leader and its group, each once.
 * 0: somebody got it; -ESRCH: nobody there; -EPERM.
 */
int tend__group_signal(struct tend_process *p, int sig, enum tend_target target);
/* [any, locked] Whether the group can still be signalled once the leader is reaped (pidfd, Linux 6.9). */
bool tend__group_outlives_leader(struct tend_process *p);
/*
 * [any, not locked] The members of the group that are alive, zombies not counted: how many, the first TEND_MAX_NAMED
 * by name; the leader itself is left out.  ret_names may be NULL.
 */
size_t tend__group_members(struct tend_process *p, struct tend_pid_name *ret_names);
/* [any, not locked] Whether no member of the group is alive (once the leader has exited). */
bool tend__group_is_empty(struct tend_process *p);

#endif
