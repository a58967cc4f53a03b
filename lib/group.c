/* SPDX-License-Identifier: MIT */
/*
 * The ladder for signals.  The leader: by pidfd; where the kernel (or valgrind) has no pidfd_send_signal(2), by number.
 * The group: by the leader's pidfd with PIDFD_SIGNAL_PROCESS_GROUP (Linux 6.9), which names the right group for ever,
 * also when the leader has been reaped and its number given to somebody else; before 6.9 by number.
 *
 * A number is used only under the process's lock and only while the leader has not been reaped: the zombie keeps both
 * the pid and the group's number from being given away, and the reaper takes the same lock to reap.
 *
 * EPERM may be a seccomp filter's word about the call and not the kernel's about the child: then the number is tried,
 * too, and only if that is refused as well is it a refusal.
 */
#include "group.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "process.h"
#include "procfs.h"
#include "sys.h"

/* Whether the kernel does not know the flag, found out by using it.  A hint that anybody may set: relaxed. */
enum { UNKNOWN, ABSENT };
static _Atomic int pidfd_group = UNKNOWN;

/*
 * By number, to the leader or, negative, to its group, while the number is known to be the child's: not when the host
 * has reaped it behind our back, which is looked at first.  Between the look and the kill only the host itself could
 * do so.
 */
static int signal_number(tend_process *p, pid_t number, int sig)
{
	struct rusage usage;
	siginfo_t info;

	if (!p->reaped && tend__sys_wait(p->pidfd, p->pid, true, &info, &usage) == -ECHILD)
		p->reaped = true;
	return p->reaped ? -ESRCH : tend__sys_kill(number, sig);
}

static int signal_leader(tend_process *p, int sig)
{
	int r = -ENOSYS;

	if (p->reaped || tend__process_has_exited(p))
		return -ESRCH;
	if (!tend__sys_forced_off("pidfd_signal"))
		r = tend__sys_pidfd_signal(p->pidfd, sig, 0);
	/* EINVAL: a filter's, as the signal itself has been checked */
	return (r == -ENOSYS || r == -EPERM || r == -EINVAL) && !p->is_adopted ? signal_number(p, p->pid, sig) : r;
}

static int signal_group_by_pidfd(tend_process *p, int sig)
{
	int r;

	if ((atomic_load_explicit(&pidfd_group, memory_order_relaxed) == ABSENT && !p->group_by_pidfd) ||
	    tend__sys_forced_off("pidfd_group") || tend__sys_forced_off("pidfd_signal"))
		return -ENOSYS;
	r = tend__sys_pidfd_signal(p->pidfd, sig, TEND__PIDFD_GROUP);
	/* EINVAL: an unknown flag, as the signal itself has been checked. */
	if (r == -EINVAL || r == -ENOSYS)
		r = -ENOSYS;
	if (r == -ENOSYS)
		atomic_store_explicit(&pidfd_group, ABSENT, memory_order_relaxed);
	return r;
}

/* With TEND_SCOPE_NONE the group is the host's, and none of ours. */
static bool has_group(const tend_process *p)
{
	return p->scope != TEND_SCOPE_NONE;
}

static int signal_group(tend_process *p, int sig)
{
	int r = signal_group_by_pidfd(p, sig);

	if (r == -ENOSYS && p->reaped && p->group_by_pidfd)
		return r; /* a filter that came later: who is there now cannot be reached, and is not gone for that */
	return !p->is_adopted && (r == -ENOSYS || (r == -EPERM && !p->reaped)) ? signal_number(p, -p->pid, sig) : r;
}

bool tend__group_outlives_leader(tend_process *p)
{
	int r = has_group(p) ? signal_group_by_pidfd(p, 0) : -ESRCH;

	return r == 0 || r == -ESRCH;
}

/* Whether a signal to the group misses the leader. */
static bool leader_is_elsewhere(tend_process *p)
{
	if (p->reaped || tend__process_has_exited(p))
		return false;
	return getpgid(p->pid) != p->pid;
}

/* One of two ways was enough; what was refused counts for more than what found nobody. */
static int either(int one, int other)
{
	if (one == 0 || other == 0)
		return 0;
	return other == -ESRCH ? one : other;
}

static int signal_whole_group(tend_process *p, int sig)
{
	int leader = leader_is_elsewhere(p) ? signal_leader(p, sig) : -ESRCH;

	return either(leader, signal_group(p, sig));
}

/* SIGKILL by all ways that there are; other signals once to each. */
static int signal_cgroup(tend_process *p, int sig)
{
	bool one_by_one;
	int r = tend__cgroup_signal(&p->cgroup, sig, &one_by_one);

	if (sig == SIGKILL)
		p->kill_may_miss = one_by_one;
	if (sig == SIGKILL || r == -ENOSYS)
		return either(r, signal_whole_group(p, sig));
	return tend__cgroup_has(&p->cgroup, p->pid) ? r : either(r, signal_leader(p, sig));
}

static int signal_target(tend_process *p, int sig, enum tend_target target)
{
	if (target == TEND_LEADER || !has_group(p))
		return signal_leader(p, sig);
	if (p->cgroup.path && (target == TEND_CGROUP || sig == SIGKILL))
		return signal_cgroup(p, sig);
	return signal_whole_group(p, sig);
}

int tend__group_signal(tend_process *p, int sig, enum tend_target target)
{
	int r = signal_target(p, sig, target);

	if (r == 0 && sig > 0)
		p->sent |= UINT64_C(1) << (sig - 1);
	return r;
}

/* The kernel's own word that nobody is in the group any more, nor ever will be. */
static bool is_over(tend_process *p)
{
	int r;

	tend__lock(&p->lock);
	r = signal_group(p, 0);
	tend__unlock(&p->lock);
	return r == -ESRCH;
}

/*
 * Where the kernel finds somebody it may be zombies only: an unreaped leader, or orphans under a lazy init; then /proc
 * tells.  As long as there is anybody, the number is the group's; so it is asked once more behind that, as whom the
 * number led to may else have been strangers.
 */
size_t tend__group_members(tend_process *p, struct tend_pid_name *ret_names)
{
	size_t n;

	if (p->cgroup.path)
		return tend__cgroup_members(&p->cgroup, p->pid, ret_names);
	if (!has_group(p) || is_over(p))
		return 0;
	n = tend__procfs_group(p->pid, ret_names);
	return is_over(p) ? 0 : n;
}

/* Two looks, as a member that forks can slip through one; a cgroup counts its own. */
bool tend__group_is_empty(tend_process *p)
{
	if (p->cgroup.path)
		return p->cgroup_emptied || tend__cgroup_is_empty(&p->cgroup);
	return tend__group_members(p, NULL) == 0 && tend__group_members(p, NULL) == 0;
}
