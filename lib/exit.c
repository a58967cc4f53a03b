/* SPDX-License-Identifier: MIT */
/*
 * Problem: say how a child ended, once and for all, in a host that may take its status away: by waitpid(-1), by
 * ignoring SIGCHLD, or because the process is not our child at all.
 *
 * waitid(2) on the pidfd with WNOWAIT is asked first, by whichever thread looks first, under the lock.  Where it says
 * ECHILD there is nothing to wait for any more, or never was: then the pidfd tells whether the process is gone, and the
 * kernel may know its status all the same (PIDFD_GET_INFO, Linux 6.15), as soon as it has been reaped by whoever did.
 * Before that there is a moment in which it is gone and nobody can say how, so the reaper looks again, for a while.
 * What is not to be had then is called unknown, and never guessed.
 *
 * Ordering pairs
 *   (X) `exit` before `exited`, and before `told`.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"
#include "error.h"
#include "group.h"
#include "live.h"
#include "opts.h"
#include "probe.h"
#include "process.h"
#include "procfs.h"
#include "reaper.h"
#include "sys.h"

/* How long a process that has ended may stay a zombie of somebody else's before its status is given up. */
#define PATIENCE_NS INT64_C(2000000000)
/* How often the reaper looks whether the host is ending, while somebody else tells of an exit. */
#define LOOK_NS INT64_C(20000000)

bool tend__process_has_exited(const tend_process *p)
{
	/* (X) pairs with (X) in observe_locked: the exit record */
	return atomic_load_explicit(&p->exited, memory_order_acquire);
}

/* ---- how ---- */

static void set_signal(const tend_process *p, struct tend_exit *e, int signal, bool core_dumped)
{
	e->kind = TEND_SIGNALED;
	e->signal = signal;
	e->core_dumped = core_dumped;
	e->by_us = p->sent >> (signal - 1) & 1;
}

/* As waitid(2) tells. */
static void fill_from_info(const tend_process *p, struct tend_exit *e, const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED:
		e->kind = TEND_EXITED;
		e->code = info->si_status;
		break;
	case CLD_KILLED:
	case CLD_DUMPED:
		set_signal(p, e, info->si_status, info->si_code == CLD_DUMPED);
		break;
	default:
		e->kind = TEND_EXIT_UNKNOWN;
	}
}

/* As wait(2) encodes it. */
static void fill_from_status(const tend_process *p, struct tend_exit *e, int status)
{
	if (WIFEXITED(status)) {
		e->kind = TEND_EXITED;
		e->code = WEXITSTATUS(status);
	} else if (WIFSIGNALED(status)) {
		set_signal(p, e, WTERMSIG(status), WCOREDUMP(status));
	} else {
		e->kind = TEND_EXIT_UNKNOWN;
	}
}

/* [locked] There is nothing to wait for.  Whether it is gone; then p->exit says what is to be known. */
static bool ask_kernel(tend_process *p, bool pidfd_is_readable)
{
	struct pollfd pidfd = { .fd = p->pidfd, .events = POLLIN };
	int status, r = tend__sys_poll(&pidfd, 1, 0);

	if (r == 0 || (r < 0 && !pidfd_is_readable)) /* refused, but epoll(7) has said so */
		return false;
	r = tend__sys_forced_off("pidfd_info") ? -ENOSYS : tend__sys_exit_status(p->pidfd, &status);
	if (r == 0 && !(pidfd.revents & POLLHUP)) {
		if (!p->ended_ns)
			p->ended_ns = tend__now_ns();
		if (tend__now_ns() - p->ended_ns < PATIENCE_NS)
			return false;
	}
	if (r > 0)
		fill_from_status(p, &p->exit, status);
	else
		p->exit.kind = TEND_EXIT_UNKNOWN;
	p->reaped = true; /* by somebody else, or soon: its number may be a stranger's */
	return true;
}

/* [locked] Looks whether the child has exited, without reaping it; whether that is new. */
static bool observe_locked(tend_process *p, bool pidfd_is_readable)
{
	struct rusage usage = { .ru_maxrss = 0 };
	siginfo_t info;
	int r;

	if (tend__process_has_exited(p) || p->released)
		return false;
	r = p->is_adopted ? -ECHILD : tend__sys_wait(p->pidfd, p->pid, true, &info, &usage);
	if (r == 0 || (r < 0 && r != -ECHILD && !pidfd_is_readable))
		return false;
	if (r < 0 && !ask_kernel(p, pidfd_is_readable))
		return false;
	if (r > 0) {
		fill_from_info(p, &p->exit, &info);
		p->exit.rusage = usage;
		p->exit.has_rusage = true;
	}
	p->exit.wall_ns = tend__now_ns() - p->started_ns;
	/* (X) pairs with (X) in tend__process_has_exited */
	atomic_store_explicit(&p->exited, 1, memory_order_release);
	return true;
}

/*
 * [locked] Gives the number up.  Before Linux 6.9 that is the only way to the group: then the leader stays a zombie as
 * long as somebody may want to reach a member, that is while there is a handle, unless a stop finds the group empty.
 */
static bool reap_locked(tend_process *p)
{
	struct rusage usage;
	siginfo_t info;

	if (p->reaped)
		return false;
	tend__sys_wait(p->pidfd, p->pid, false, &info, &usage);
	return p->reaped = true;
}

static void log_reaped(const tend_process *p)
{
	TEND__PROBE(reap, p->pid, p->name);
	tend__log(TEND_LOG_DEBUG, "reap", p->name, p->pid, "the child has been reaped");
}

void tend__process_reap(tend_process *p)
{
	bool is_new;

	tend__lock(&p->lock);
	is_new = tend__process_has_exited(p) && reap_locked(p);
	tend__unlock(&p->lock);
	if (is_new)
		log_reaped(p);
}

static const char *describe(const struct tend_exit *e, char *room, size_t size)
{
	if (e->kind == TEND_EXITED)
		snprintf(room, size, "exited with code %d", e->code);
	else if (e->kind == TEND_SIGNALED)
		snprintf(room, size, "was ended by signal %d", e->signal);
	else
		snprintf(room, size, "is gone; its status was taken by somebody else");
	return room;
}

/* ---- telling ---- */

/* What this thread is telling the log of.  More than one where the function has called exit(3), and handlers look. */
struct telling {
	const tend_process *p;
	const struct telling *outer;
};
static _Thread_local const struct telling *telling;

static bool is_telling(const tend_process *p)
{
	const struct telling *t = telling;

	while (t && t->p != p)
		t = t->outer;
	return t != NULL;
}

/* Whoever saw it first tells the log and then everybody else, so that nobody acts on an exit before it is logged. */
static void announce(tend_process *p)
{
	const struct telling here = { .p = p, .outer = telling };
	char text[64];

	telling = &here;
	TEND__PROBE(exit, p->pid, p->name, p->exit.kind, p->exit.code, p->exit.signal);
	tend__log(p->exit.kind == TEND_EXIT_UNKNOWN ? TEND_LOG_WARNING : TEND_LOG_INFO, "exit", p->name, p->pid,
	          "the child %s", describe(&p->exit, text, sizeof text));
	telling = here.outer;
	tend__lock(&p->lock); /* an eventfd that is made later finds the exit told; one that is there is rung first */
	if (p->exit_fd >= 0)
		tend__sys_ring(p->exit_fd);
	/* (X) pairs with (X) in exit_is_told */
	atomic_store_explicit(&p->told, 1, memory_order_release);
	tend__unlock(&p->lock);
	tend__event_signal(&p->changed);
}

static bool exit_is_told(const tend_process *p)
{
	/* (X) pairs with (X) in announce: the exit record */
	return atomic_load_explicit(&p->told, memory_order_acquire);
}

bool tend__process_may_report_exit(const tend_process *p)
{
	return exit_is_told(p) || (tend__process_has_exited(p) && tend__live_is_over());
}

/* Until it is told, or until the deadline.  Who is telling does not wait for himself. */
static void await_told(tend_process *p, int64_t deadline)
{
	uint32_t g = tend__event_begin(&p->changed);

	while (!exit_is_told(p) && !is_telling(p)) {
		if (!tend__event_sleep(&p->changed, g, deadline))
			break;
		g = tend__event_again(&p->changed);
	}
	tend__event_end(&p->changed);
}

/*
 * A log callback that does not block is all that it takes; unless it has called exit(3), which waits for the reaper.
 */
static void await_telling(tend_process *p)
{
	if (!tend__is_reaper()) {
		await_told(p, TEND__NEVER);
		return;
	}
	while (!exit_is_told(p) && !is_telling(p) && !tend__live_is_over())
		await_told(p, tend__after(tend__now_ns(), LOOK_NS));
}

bool tend__process_observe(tend_process *p, bool pidfd_is_readable)
{
	bool is_new, is_reaped;

	if (exit_is_told(p))
		return true;
	tend__lock(&p->lock);
	is_new = observe_locked(p, pidfd_is_readable);
	p->group_by_pidfd |= is_new && tend__group_outlives_leader(p);
	is_reaped = is_new && p->group_by_pidfd && reap_locked(p);
	tend__unlock(&p->lock);
	if (is_new)
		announce(p);
	else if (tend__process_has_exited(p))
		await_telling(p);
	if (is_reaped)
		log_reaped(p);
	return tend__process_has_exited(p);
}

bool tend__process_wait_exit(tend_process *p, int64_t deadline)
{
	/* An exit that the reaper has not got to yet counts: completion goes before the deadline. */
	if (deadline != 0)
		await_told(p, deadline);
	return tend__process_observe(p, false);
}

int tend_process_exit_fd(tend_process *process)
{
	int fd;

	if (!process)
		return -EINVAL;
	if (!tend__process_is_ours(process))
		return -ECHILD;
	tend__lock(&process->lock);
	fd = process->exit_fd;
	if (fd < 0) {
		fd = tend__sys_eventfd();
		if (fd >= 0) {
			process->exit_fd = fd;
			if (exit_is_told(process))
				tend__sys_ring(fd);
		}
	}
	tend__unlock(&process->lock);
	return fd;
}

int tend_process_wait(tend_process *process, tend_duration timeout, struct tend_exit *ret_exit, struct tend_error *err)
{
	int r = tend__process_check(process, err);

	if (r == 0)
		r = tend__check_duration(timeout, "timeout", false, err);
	if (r < 0)
		return r;
	if (tend__process_wait_exit(process, tend__deadline(timeout))) {
		if (ret_exit)
			*ret_exit = process->exit;
	} else if (ret_exit) {
		memset(ret_exit, 0, sizeof *ret_exit);
		ret_exit->kind = TEND_RUNNING;
	}
	return 0;
}

/* ---- without waiting ---- */

static enum tend_state state_of(char letter)
{
	return letter == 'T' ? TEND_STATE_STOPPED : letter == 't' ? TEND_STATE_TRACED : TEND_STATE_RUNNING;
}

void tend__process_kernel_state(tend_process *p, struct tend_kernel_state *ret_state)
{
	memset(ret_state, 0, sizeof *ret_state);
	tend__lock(&p->lock); /* nobody reaps it meanwhile, so the number is its own */
	if (!p->reaped || (p->is_adopted && !tend__process_has_exited(p)))
		tend__procfs_state(p->pid, ret_state);
	tend__unlock(&p->lock);
}

int tend_process_status(tend_process *process, struct tend_status *ret_status)
{
	struct tend_status s = { .state = TEND_STATE_EXITED };

	if (!process || !ret_status)
		return -EINVAL;
	if (!tend__process_is_ours(process))
		return -ECHILD;
	if (tend__process_observe(process, false)) {
		s.exit = process->exit;
	} else {
		tend__process_kernel_state(process, &s.kernel);
		s.state = state_of(s.kernel.state);
		s.exit.kind = TEND_RUNNING;
	}
	*ret_status = s;
	return 0;
}
