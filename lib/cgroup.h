/* SPDX-License-Identifier: MIT */
/* A cgroup (version 2) of a child's own: what no descendant can leave, and whose emptiness is an event. */
#ifndef TEND_LIB_CGROUP_H
#define TEND_LIB_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <tend/stop.h>

struct tend__cgroup {
	char *path;    /* its directory; NULL: there is none */
	int dir_fd;    /* -1: none */
	int events_fd; /* cgroup.events, for epoll: EPOLLPRI when it becomes empty or ceases to be */
};

/* [any] */
void tend__cgroup_init(struct tend__cgroup *c);
/*
 * [any] Makes one in the directory `parent`, NULL: in the host's own cgroup.  0, or -ENOENT (no cgroup2 file system)
 * and what mkdir(2) and open(2) say.
 */
int tend__cgroup_make(struct tend__cgroup *c, const char *parent);
/* [any] For the child to write itself to: a descriptor of cgroup.procs, or a negative errno value. */
int tend__cgroup_open_procs(const struct tend__cgroup *c);
/* [reaper] Takes the event of events_fd, which would be ready for ever.  Whether it is empty now. */
bool tend__cgroup_take_event(const struct tend__cgroup *c);
/* [any] The same of cgroup.kill. */
int tend__cgroup_open_kill(const struct tend__cgroup *c);
/* [any] Whether no process is in it, or in one below it, or it has been removed; a zombie is not in it. */
bool tend__cgroup_is_empty(const struct tend__cgroup *c);
/*
 * [any] Those in it but `leader`: how many, the first TEND_MAX_NAMED by name.  Of those in cgroups below it nobody is
 * named, but one is counted when there is nobody else.  ret_names may be NULL.
 */
size_t tend__cgroup_members(const struct tend__cgroup *c, pid_t leader, struct tend_pid_name *ret_names);
/* [any] Whether the process is in it, and not in one below it. */
bool tend__cgroup_has(const struct tend__cgroup *c, pid_t pid);
/*
 * [any] Sends a signal to each process in it; SIGKILL in one go.  0: somebody got it; -ESRCH; -EPERM; -ENOSYS: they
 * cannot be told from strangers here, as there is no pidfd_open(2).  *ret_one_by_one: not in one go, which misses
 * whoever is forked meanwhile.
 */
int tend__cgroup_signal(const struct tend__cgroup *c, int sig, bool *ret_one_by_one);
/* [any] Removes the directory, and those below it, where they are empty.  More than once does no harm. */
void tend__cgroup_remove(const struct tend__cgroup *c);
/* [last] The same, unless it is to stay; closes and frees. */
void tend__cgroup_fini(struct tend__cgroup *c, bool stays);

#endif
