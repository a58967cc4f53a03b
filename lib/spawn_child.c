/* SPDX-License-Identifier: MIT */
/*
 * The child between clone and exec.  It may run in the parent's memory while the calling thread is suspended and all
 * other threads run on, so it takes no lock, allocates nothing, writes nothing but its own stack and the error pipe,
 * and makes raw system calls only.  Each step that can fail says so through the error pipe; the parent phrases it.
 *
 * The order of the steps is a part of the contract, see tend_spawn().  What needs privileges comes before the ids, what
 * a change of ids undoes (PR_SET_PDEATHSIG) behind them.
 */
#include "spawn_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "raw.h"

#define N_SIGNALS 64
#define PRIO_PROCESS_WHICH 0L
#define SCHED_OTHER_POLICY 0L
#define FIRST_RETRY_NS INT64_C(1000000)
#define LAST_RETRY_NS INT64_C(32000000)

/* 16-bit ids on some 32-bit machines. */
#ifdef SYS_setresuid32
#define SETGROUPS SYS_setgroups32
#define SETRESGID SYS_setresgid32
#define SETRESUID SYS_setresuid32
#else
#define SETGROUPS SYS_setgroups
#define SETRESGID SYS_setresgid
#define SETRESUID SYS_setresuid
#endif

TEND__UNINSTRUMENTED static void say(const struct tend__child *c, enum tend_step step, long error, size_t index)
{
	struct tend__child_error e = { .step = (int32_t)step, .error = (int32_t)-error, .index = (int32_t)index };

	raw_call(SYS_write, c->error_fd, (long)&e, (long)sizeof e);
}

TEND__UNINSTRUMENTED void tend__child_fail(const struct tend__child *c, enum tend_step step, long error, size_t index)
{
	say(c, step, error, index);
	*c->plan->shared = TEND__CHILD_FAILED;
	for (;;)
		raw_call(SYS_exit_group, 127, 0, 0);
}

TEND__UNINSTRUMENTED static void need(const struct tend__child *c, long r, enum tend_step step)
{
	if (r < 0)
		tend__child_fail(c, step, r, 0);
}

/* The value of an extra that is there. */
TEND__UNINSTRUMENTED static long value(tend_value tagged)
{
	return (long)(tagged - TEND_VALUE_TAG);
}

/* ---- what it belongs to ---- */

TEND__UNINSTRUMENTED static void enter_scope(const struct tend__child *c)
{
	const struct tend__plan *plan = c->plan;

	if (plan->procs_fd >= 0)
		need(c, raw_call(SYS_write, plan->procs_fd, (long)"0", 1), TEND_STEP_CGROUP);
	if (plan->scope == TEND_SCOPE_SESSION)
		need(c, raw_call(SYS_setsid, 0, 0, 0), TEND_STEP_SESSION);
	else if (plan->scope != TEND_SCOPE_NONE)
		need(c, raw_call(SYS_setpgid, 0, 0, 0), TEND_STEP_PROCESS_GROUP);
	if (plan->tty_fd >= 0)
		need(c, raw_call(SYS_ioctl, plan->tty_fd, TIOCSCTTY, 0), TEND_STEP_TERMINAL);
}

/* ---- signals ---- */

/*
 * Dispositions 1 to 64, the C library's own 32 and 33 included: ignored signals survive an exec, and handlers are
 * addresses in the parent's code.  SIGKILL and SIGSTOP refuse, which is not an error.
 */
TEND__UNINSTRUMENTED static void set_disposition(long sig, unsigned long handler)
{
	struct {
		unsigned long handler, flags, restorer, mask;
	} action = { handler, 0, 0, 0 };

	raw_call5(SYS_rt_sigaction, sig, (long)&action, 0, N_SIGNALS / 8, 0);
}

TEND__UNINSTRUMENTED static void reset_dispositions(void)
{
	for (long s = 1; s <= N_SIGNALS; s++)
		set_disposition(s, (unsigned long)SIG_DFL);
}

/*
 * What was sent to the host's group while the child was still in it, a Ctrl-C for example, is not the new program's:
 * ignoring a signal discards it where it is pending.
 */
TEND__UNINSTRUMENTED static void discard_pending(void)
{
	uint64_t pending = 0;

	raw_call(SYS_rt_sigpending, (long)&pending, N_SIGNALS / 8, 0);
	for (long s = 1; s <= N_SIGNALS; s++)
		if (pending & (UINT64_C(1) << (s - 1)))
			set_disposition(s, (unsigned long)SIG_IGN);
}

/* ---- what it is like ---- */

/*
 * The number is the process's own also while it shares the host's memory: the kernel knows who came by vfork(2).
 * In front of the limits, which may leave no descriptor, and of the ids, which take the right to lower it.
 */
TEND__UNINSTRUMENTED static void set_oom_score(const struct tend__child *c)
{
	const char *text = c->plan->oom_score_adj;
	long fd, n = 0;

	if (!text[0])
		return;
	while (text[n])
		n++;
	fd = raw_call(SYS_openat, AT_FDCWD, (long)"/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	need(c, fd, TEND_STEP_OOM_SCORE);
	need(c, raw_call(SYS_write, fd, (long)text, n), TEND_STEP_OOM_SCORE);
	raw_call(SYS_close, fd, 0, 0);
}

TEND__UNINSTRUMENTED static void set_limits(const struct tend__child *c)
{
	const struct tend_spawn *o = c->plan->o;

	if (o->umask)
		raw_call(SYS_umask, value(o->umask), 0, 0);
	for (size_t i = 0; i < o->n_rlimits; i++) {
		const struct tend_rlimit *l = &o->rlimits[i];
		struct {
			uint64_t cur, max;
		} limit = { l->soft == RLIM_INFINITY ? UINT64_MAX : l->soft,
			    l->hard == RLIM_INFINITY ? UINT64_MAX : l->hard };
		long r = raw_call5(SYS_prlimit64, 0, l->resource, (long)&limit, 0, 0);

		if (r < 0)
			tend__child_fail(c, TEND_STEP_RLIMITS, r, i);
	}
}

TEND__UNINSTRUMENTED static void set_scheduling(const struct tend__child *c)
{
	const struct tend_spawn *o = c->plan->o;
	int priority = 0; /* struct sched_param */
	unsigned long all[128]; /* 8192 CPUs, as many as Linux knows */

	if (o->reset_scheduler)
		need(c, raw_call(SYS_sched_setscheduler, 0, SCHED_OTHER_POLICY, (long)&priority), TEND_STEP_SCHEDULING);
	if (o->nice)
		need(c, raw_call(SYS_setpriority, PRIO_PROCESS_WHICH, 0, value(o->nice)), TEND_STEP_SCHEDULING);
	if (!o->reset_affinity)
		return;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		((volatile unsigned long *)all)[i] = ~0UL; /* never a call of memset */
	need(c, raw_call(SYS_sched_setaffinity, 0, (long)sizeof all, (long)all), TEND_STEP_SCHEDULING);
}

TEND__UNINSTRUMENTED static void set_ids(const struct tend__child *c)
{
	const struct tend_spawn *o = c->plan->o;
	long id;

	if (o->groups.kind == TEND_GROUPS_LISTED)
		need(c, raw_call(SETGROUPS, (long)o->groups.n, (long)o->groups.list, 0), TEND_STEP_IDS);
	if (o->gid) {
		id = value(o->gid);
		need(c, raw_call(SETRESGID, id, id, id), TEND_STEP_IDS);
	}
	if (o->uid) {
		id = value(o->uid);
		need(c, raw_call(SETRESUID, id, id, id), TEND_STEP_IDS);
	}
}

/* The host may have ended before the kernel was told: then nobody will send the signal any more. */
TEND__UNINSTRUMENTED static void die_with_parent(const struct tend__child *c)
{
	long parent;

	if (!c->plan->o->with_parent)
		return;
	need(c, raw_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0), TEND_STEP_PARENT);
	parent = raw_call(SYS_getppid, 0, 0, 0);
	if (parent != c->plan->host && parent != 0) /* 0: in another PID namespace, which says nothing */
		tend__child_fail(c, TEND_STEP_PARENT, -ESRCH, 0);
}

/* ---- the program ---- */

/* What a next directory of PATH may still find; anything else is the answer. */
TEND__UNINSTRUMENTED static bool try_next(long error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -ESTALE || error == -ENODEV ||
	       error == -ETIMEDOUT || error == -ENAMETOOLONG;
}

/* Somebody has the program open for writing, which passes: tried again, in longer and longer steps. */
TEND__UNINSTRUMENTED static long execute_path(const struct tend__child *c, const char *path)
{
	const struct tend__plan *plan = c->plan;
	int64_t left = plan->busy_ns, step = FIRST_RETRY_NS;
	long r;

	for (;;) {
		struct {
			long seconds, nanoseconds;
		} pause = { 0, (long)(step < left ? step : left) };

		r = raw_call(SYS_execve, (long)path, (long)plan->argv, (long)plan->envp);
		if (r != -ETXTBSY || left <= 0)
			return r;
		if (step == FIRST_RETRY_NS)
			tend__child_let_go(c);
		raw_call(SYS_nanosleep, (long)&pause, 0, 0);
		left -= pause.nanoseconds;
		step = step * 2 > LAST_RETRY_NS ? LAST_RETRY_NS : step * 2;
	}
}

TEND__UNINSTRUMENTED __attribute__((__noreturn__)) static void execute(const struct tend__child *c)
{
	const struct tend__plan *plan = c->plan;
	long answer = -ENOENT;

	for (char *const *path = plan->candidates; *path; path++) {
		long r = execute_path(c, *path);

		if (!try_next(r) || !plan->candidates[1])
			tend__child_fail(c, TEND_STEP_EXEC, r, 0);
		if (r == -EACCES)
			answer = r;
	}
	tend__child_fail(c, TEND_STEP_EXEC, answer, 0);
}

TEND__UNINSTRUMENTED int tend__child_main(void *arg)
{
	struct tend__child c;
	uint64_t no_signals = 0;

	c.plan = arg;
	c.error_fd = c.plan->error_fd;
	*c.plan->shared = TEND__CHILD_RUNS;
	enter_scope(&c);
	discard_pending();
	reset_dispositions();
	tend__child_place_fds(&c);
	set_oom_score(&c);
	set_limits(&c);
	set_scheduling(&c);
	set_ids(&c);
	die_with_parent(&c);
	if (c.plan->o->no_new_privs)
		need(&c, raw_call5(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), TEND_STEP_PRIVILEGES);
	if (c.plan->cwd)
		need(&c, raw_call(SYS_chdir, (long)c.plan->cwd, 0, 0), TEND_STEP_CHDIR);
	need(&c, raw_call5(SYS_rt_sigprocmask, SIG_SETMASK, (long)&no_signals, 0, N_SIGNALS / 8, 0), TEND_STEP_SIGNALS);
	*c.plan->shared = TEND__CHILD_EXECUTES;
	if (c.plan->says_when)
		say(&c, TEND_STEP_NONE, 0, 0);
	execute(&c);
}
