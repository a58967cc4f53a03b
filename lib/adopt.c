/* SPDX-License-Identifier: MIT */
/*
 * Problem: watch, signal and stop a process that this host has not started.
 *
 * All of it goes by a pidfd: the number of a process that is not our child may become a stranger's at any moment, so it
 * is good for messages and for reading /proc, and for nothing else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "field.h"
#include "group.h"
#include "live.h"
#include "mem.h"
#include "process.h"
#include "procfs.h"
#include "rcu.h"
#include "reaper.h"
#include "sys.h"

static int check(const struct tend_adopt *o, struct tend_error *err)
{
	if (!o)
		return refuse_null("", err);
	if (o->pid == 0 && o->pidfd == 0)
		return refuse(field("", "pid"), UNCHOSEN ", nor is pidfd", err);
	if (o->pid < 0 || o->pid == getpid())
		return tend__refuse(err, NULL, "pid", "is %d, which is no other process", (int)o->pid);
	if (o->pidfd && (o->pidfd < TEND_VALUE_TAG || o->pidfd - TEND_VALUE_TAG > INT32_MAX))
		return refuse(field("", "pidfd"), "is no descriptor: make it with TEND_FD(fd)", err);
	return tend__check_forgotten(&o->if_forgotten, err);
}

/*
 * As tend__procfs_pid_of(), which is asked before Linux 6.13, and when the kernel finds nobody: that may be a process
 * whose parent has no number here.
 */
static pid_t pid_of(int pidfd)
{
	pid_t pid = tend__sys_forced_off("pidfd_info") ? -ENOSYS : tend__sys_pid_of(pidfd), shown;

	if (pid > 0)
		return pid;
	shown = tend__procfs_pid_of(pidfd);
	return shown == -ENOSYS && pid == -ESRCH ? pid : shown;
}

static int refuse_pidfd(int r, struct tend_error *err)
{
	if (r == -EINVAL)
		return tend__refuse(err, NULL, "pidfd", "is no pidfd");
	if (r == -ESRCH)
		return tend__error(err, r, TEND_STEP_PIDFD, NULL, "the process of that pidfd is gone");
	return tend__error_sys(err, r, TEND_STEP_PIDFD, NULL, "the process of that pidfd has no number here");
}

/* A pidfd of our own, and the number that belongs to it. */
static int identify(const struct tend_adopt *o, tend_process *p, struct tend_error *err)
{
	pid_t pid;

	p->pidfd = o->pidfd ? tend__sys_dup((int)(o->pidfd - TEND_VALUE_TAG)) : tend__sys_pidfd_open(o->pid);
	/* pidfd_open(2) of a thread that leads no process; before Linux 6.9 it is EINVAL, which may be a filter's */
	if (!o->pidfd && p->pidfd == -ENOENT)
		return tend__refuse(err, NULL, "pid", "is %d, a thread and no process", (int)o->pid);
	if (p->pidfd < 0)
		return tend__error_sys(err, p->pidfd, TEND_STEP_PIDFD, NULL, "cannot adopt process %d", (int)o->pid);
	pid = o->pidfd ? pid_of(p->pidfd) : o->pid;
	if (pid < 0)
		return refuse_pidfd(pid, err);
	if (pid == getpid() || (o->pid && o->pid != pid))
		return tend__refuse(err, NULL, "pidfd", "is process %d, not %d", (int)pid, (int)o->pid);
	p->pid = pid;
	return 0;
}

static char *make_name(const struct tend_adopt *o, pid_t pid)
{
	struct tend_pid_name name;

	if (o->name)
		return tend__strdup(o->name);
	tend__procfs_name(pid, &name);
	return tend__strdup(name.comm);
}

static int adopt(const struct tend_adopt *o, tend_process *p, struct tend_error *err)
{
	int r = tend__reaper_start(err);

	if (r == 0)
		r = identify(o, p, err);
	if (r < 0)
		return r;
	tend__free(p->name);
	p->name = make_name(o, p->pid);
	if (!p->name)
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, NULL, "no memory for a name");
	p->is_adopted = true;
	/* A group that it does not lead is not its own, and before Linux 6.9 there is only a number to reach it by. */
	p->scope = getpgid(p->pid) == p->pid && tend__group_outlives_leader(p) ? TEND_SCOPE_GROUP : TEND_SCOPE_NONE;
	p->started_ns = tend__now_ns();
	r = tend__live_add(p, err);
	if (r < 0)
		return r;
	r = tend__reaper_watch(p);
	if (r < 0)
		return tend__error_sys(err, r, TEND_STEP_PIDFD, p->name, "%.60s cannot be watched", p->name);
	tend__log(TEND_LOG_INFO, "adopt", p->name, p->pid, "the process is watched");
	return 0;
}

int tend_adopt(const struct tend_adopt *adopt_options, tend_process **ret_process, struct tend_error *err)
{
	tend_process *p;
	int r;

	if (!ret_process)
		return tend__refuse(err, NULL, "ret_process", "must not be NULL");
	r = check(adopt_options, err);
	if (r == 0)
		r = tend__live_check(err);
	if (r < 0)
		return r;
	r = tend__rcu_setup();
	if (r < 0)
		return tend__error_sys(err, r, TEND_STEP_ALLOCATE, NULL, "no memory for fork handlers");
	p = tend__process_new("");
	if (!p)
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, NULL, "no memory for a process");
	tend__process_set_forgotten(p, &adopt_options->if_forgotten);
	r = adopt(adopt_options, p, err);
	if (r < 0) {
		tend__process_unref(p);
		return r;
	}
	*ret_process = p;
	return 0;
}
