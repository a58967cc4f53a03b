/* SPDX-License-Identifier: MIT */
/*
 * The process object.
 *
 * A process is running until its exit is *observed* (exit.c), which is published once and for all; then or later it is
 * *reaped*, which gives the number up.  Between the two the zombie pins the number.  Waiters look at `told` and sleep
 * on `changed`.
 *
 * Ordering pairs
 *   (Q) a stop's end before its number.      (O) all uses before the last unref frees it.
 */
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "group.h"
#include "guard.h"
#include "input.h"
#include "live.h"
#include "mem.h"
#include "opts.h"
#include "rcu.h"
#include "reaper.h"
#include "stream.h"
#include "sys.h"

/* How much later than promised a killer looks for the last time: the reaper's own deadline is the same moment. */
#define KILL_MARGIN_NS INT64_C(50000000)

/* ---- life ---- */

tend_process *tend__process_new(const char *name)
{
	tend_process *p = tend__calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->name = tend__strdup(name);
	if (!p->name) {
		tend__free(p);
		return NULL;
	}
	p->pidfd = -1;
	p->scope = TEND_SCOPE_GROUP;
	p->survivors_policy = TEND_SURVIVORS_LEFT;
	tend__cgroup_init(&p->cgroup);
	p->fork_generation = tend__fork_generation();
	atomic_init(&p->refs, 1);
	atomic_init(&p->detached, 0);
	atomic_init(&p->exited, 0);
	atomic_init(&p->told, 0);
	p->exit_fd = -1;
	atomic_init(&p->stops, 0);
	tend__event_init(&p->changed);
	tend__event_init(&p->stopped);
	tend__lock_init(&p->lock, TEND__RANK_PROCESS);
	tend__input_init(&p->in);
	return p;
}

void tend__process_set_forgotten(tend_process *p, const struct tend_forgotten *choice)
{
	p->if_forgotten = choice->kind;
	if (p->if_forgotten == TEND_IF_FORGOTTEN_TERMINATE)
		tend__stop_plan_copy(&p->forgotten_plan, choice->stop);
}

void tend__process_ref(tend_process *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
}

static void free_kept(struct tend__kept *kept)
{
	while (kept) {
		struct tend__kept *next = kept->next;

		tend_consumer_free(kept->consumer);
		tend__free(kept);
		kept = next;
	}
}

/* On whichever thread is last, the reaper's too: so nobody is waited for. */
static void destroy(tend_process *p)
{
	struct rusage usage;
	siginfo_t info;

	tend__live_remove(p);
	tend__guard_remove(p);
	/* A leader that was kept to pin its group's number (reaper.c) is let go with the last owner. */
	if (tend__process_has_exited(p) && !p->reaped)
		tend__sys_wait(p->pidfd, p->pid, false, &info, &usage);
	free_kept(p->kept);
	if (p->out)
		tend__stream_close(p->out, false);
	if (p->err)
		tend__stream_close(p->err, false);
	tend__input_fini(&p->in);
	tend__cgroup_fini(&p->cgroup, p->released);
	tend__sys_close(p->pidfd);
	if (p->exit_fd >= 0)
		tend__sys_close(p->exit_fd);
	tend__lock_destroy(&p->lock);
	tend__free(p->name);
	tend__free(p);
}

void tend__process_unref(tend_process *p)
{
	/* (O) pairs with (O) in tend__process_unref */
	if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
		destroy(p);
}

bool tend__process_is_ours(const tend_process *p)
{
	return p->fork_generation == tend__fork_generation();
}

int tend__process_check(const tend_process *p, struct tend_error *err)
{
	if (!p)
		return tend__refuse(err, NULL, "process", "must not be NULL");
	if (!tend__process_is_ours(p))
		return tend__error(err, -ECHILD, TEND_STEP_FORK, p->name,
		                   "%.60s is a child of the process that this one was forked from", p->name);
	return 0;
}

pid_t tend_process_pid(const tend_process *process)
{
	return process->pid;
}

const char *tend_process_name(const tend_process *process)
{
	return process->name;
}

enum tend_scope tend_process_scope(const tend_process *process)
{
	return process->scope;
}

const char *tend_process_cgroup(const tend_process *process)
{
	return process->cgroup.path;
}

tend_stream *tend_process_stdout(tend_process *process)
{
	return process->out;
}

tend_stream *tend_process_stderr(tend_process *process)
{
	return process->err;
}

/* ---- signals and stops ---- */

/* A leader that has exited and is not reaped yet still takes signals: only members that are alive count then. */
static int send_signal(tend_process *p, int signal, enum tend_target target)
{
	int r;

	if (tend__process_observe(p, false) && target != TEND_LEADER && tend__group_members(p, NULL) == 0)
		return -ESRCH;
	tend__lock(&p->lock);
	r = tend__group_signal(p, signal, target);
	tend__unlock(&p->lock);
	return r;
}

int tend_process_signal(tend_process *process, int signal, enum tend_target target, struct tend_error *err)
{
	int r;

	if (!process)
		return tend__refuse(err, NULL, "process", "must not be NULL");
	if (!tend__process_is_ours(process))
		return tend__error(err, -EPERM, TEND_STEP_FORK, process->name,
		                   "%.60s is a child of the process that this one was forked from", process->name);
	if (signal < 1 || signal > SIGRTMAX)
		return tend__refuse(err, process->name, "signal", "is %d, not 1 to %d", signal, SIGRTMAX);
	if (target < TEND_LEADER || target > TEND_CGROUP)
		return tend__refuse(err, process->name, "target", "is %d, not TEND_LEADER, TEND_GROUP or TEND_CGROUP",
		                    (int)target);
	r = send_signal(process, signal, target);
	if (r == 0)
		return 0;
	tend__error_sys(err, r, target == TEND_LEADER ? TEND_STEP_SIGNAL_LEADER : TEND_STEP_SIGNAL_GROUP, process->name,
	                "cannot send signal %d to %s of %.60s", signal,
	                target == TEND_LEADER ? "the leader" : "the group", process->name);
	if (err) {
		err->pid = process->pid;
		err->signal = signal;
	}
	return r;
}

void tend__process_begin_stop(tend_process *p, const struct tend_stop *plan, bool kill,
                              struct tend__stop_waiter *waiter)
{
	struct tend__stopping *s = &p->stopping;

	tend__lock(&p->lock);
	if (!s->active) {
		s->active = true;
		s->kill_asked = false;
		tend__stop_plan_copy(&s->plan, plan);
		p->stops_begun++;
		tend__reaper_notify_locked(p);
	} else {
		if (tend__span_ns(plan->after_kill) > tend__span_ns(s->plan.after_kill))
			s->plan.after_kill = plan->after_kill;
		s->kill_asked |= kill;
		tend__reaper_notify_locked(p);
	}
	if (waiter) {
		waiter->number = p->stops_begun;
		waiter->done = false;
		waiter->next = s->waiters;
		s->waiters = waiter;
	}
	tend__unlock(&p->lock);
}

static bool has_ended(tend_process *p, uint32_t number)
{
	/* (Q) pairs with (Q) in finish: the waiters have their report; numbers wrap */
	return (int32_t)(atomic_load_explicit(&p->stops, memory_order_acquire) - number) >= 0;
}

/* [locked] The stop goes on without this one. */
static void leave_stop(tend_process *p, struct tend__stop_waiter *waiter)
{
	struct tend__stop_waiter **at = &p->stopping.waiters;

	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
	waiter->report = p->stopping.report;
	waiter->report.outcome = tend__process_has_exited(p) ? TEND_STOP_SURVIVORS : TEND_STOP_UNCONFIRMED;
}

void tend__process_await_stop(tend_process *p, struct tend__stop_waiter *waiter, int64_t deadline)
{
	uint32_t g = tend__event_begin(&p->stopped);

	while (!has_ended(p, waiter->number)) {
		if (!tend__event_sleep(&p->stopped, g, deadline))
			break;
		g = tend__event_again(&p->stopped);
	}
	tend__event_end(&p->stopped);
	tend__lock(&p->lock);
	if (!waiter->done)
		leave_stop(p, waiter);
	tend__unlock(&p->lock);
}

static int stop(tend_process *p, const struct tend_stop *plan, bool kill, struct tend_stop_report *ret_report,
                struct tend_error *err)
{
	/*
	 * A killer that joined a more patient stop does not wait longer than it said; a little more, to hear of its
	 * own.
	 */
	int64_t deadline = kill ? tend__after(tend__deadline(plan->after_kill), KILL_MARGIN_NS) : TEND__NEVER;
	struct tend__stop_waiter waiter;
	const struct tend_stop_report *report = &waiter.report;

	if (kill && plan->after_kill == TEND_AT_ONCE)
		deadline = tend__after(tend__now_ns(), KILL_MARGIN_NS);
	tend__process_begin_stop(p, plan, kill, &waiter);
	tend__process_await_stop(p, &waiter, deadline);
	if (ret_report)
		*ret_report = *report;
	if (report->outcome != TEND_STOP_REFUSED)
		return 0;
	tend__error_sys(err, -EPERM, TEND_STEP_SIGNAL_GROUP, p->name,
	                "%.60s cannot be stopped: signalling it is refused", p->name);
	if (err) {
		err->pid = p->pid;
		err->signal = report->n_signals ? report->signals[report->n_signals - 1].signal : 0;
	}
	return -EPERM;
}

int tend_process_stop(tend_process *process, const struct tend_stop *plan, struct tend_stop_report *ret_report,
                      struct tend_error *err)
{
	int r = tend__process_check(process, err);

	if (r == 0)
		r = plan ? tend__check_stop(plan, "plan.", err)
		         : tend__refuse(err, process->name, "plan", "must not be NULL");
	return r < 0 ? r : stop(process, plan, false, ret_report, err);
}

int tend_process_kill(tend_process *process, tend_duration confirm, struct tend_stop_report *ret_report,
                      struct tend_error *err)
{
	const struct tend_stop plan = { .n_phases = 0, .after_kill = confirm };
	int r = tend__process_check(process, err);

	if (r == 0)
		r = tend__check_duration(confirm, "confirm", true, err);
	return r < 0 ? r : stop(process, &plan, true, ret_report, err);
}

/* ---- letting go ---- */

void tend_process_detach(tend_process *process)
{
	atomic_store_explicit(&process->detached, 1, memory_order_relaxed);
}

/* So that it stays one line, and does nothing to a terminal. */
static void show_controls(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

/* The one abort of the library, and the one line that it prints: a handle was freed whose child nobody ended. */
__attribute__((__noreturn__)) static void forgotten_abort(tend_process *p)
{
	char line[512] = "";
	int n;

	tend__lock(&p->lock);
	tend__group_signal(p, SIGKILL, TEND_GROUP);
	tend__unlock(&p->lock);
	n = snprintf(
		line, sizeof line,
		"tend: %.150s (pid %d)%s%.150s was still running when its handle was freed: wait for it, stop it, or "
		"detach it first, or choose another .if_forgotten",
		p->name, (int)p->pid, p->where ? ", started at " : "", p->where ? p->where : "");
	n = n < (int)sizeof line - 1 ? n : (int)sizeof line - 2;
	show_controls(line);
	line[n] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n + 1) < 0)
		tend__log(TEND_LOG_ERROR, "forgotten", p->name, p->pid, "%s", line);
	abort();
}

static void forgotten_terminate(tend_process *p)
{
	const struct tend_stop plan = tend__stop_plan_of(&p->forgotten_plan);

	tend__log(TEND_LOG_WARNING, "forgotten", p->name, p->pid, "freed while running: the child is being stopped");
	tend__process_begin_stop(p, &plan, false, NULL);
}

static void close_streams(tend_process *p)
{
	tend_stream *out = p->out, *err = p->err;

	p->out = p->err = NULL;
	if (out)
		tend__stream_close(out, true);
	if (err)
		tend__stream_close(err, true);
}

/*
 * In a forked copy of the host what other threads shared may be half changed, so memory is left as it is.  But a copy
 * of the write end of stdin would keep the child from reading EOF.
 */
static void close_copies(tend_process *p)
{
	tend__sys_close(p->in.fd);
	p->in.fd = -1;
	tend__sys_close(p->pidfd);
	p->pidfd = -1;
}

/* Nobody wants to know any more how it goes on with a process that nobody here has to reap. */
static void give_up_adopted(tend_process *p)
{
	tend__lock(&p->lock);
	p->is_given_up = true;
	if (!p->stopping.active && !tend__process_has_exited(p))
		p->released = true;
	tend__reaper_notify_locked(p);
	tend__unlock(&p->lock);
}

tend_process *tend_process_free(tend_process *process)
{
	bool is_terminating = false;

	if (!process)
		return NULL;
	if (!tend__process_is_ours(process)) {
		close_copies(process);
		return NULL;
	}
	if (!atomic_load_explicit(&process->detached, memory_order_relaxed) && !tend__process_observe(process, false)) {
		if (process->if_forgotten == TEND_IF_FORGOTTEN_ABORT)
			forgotten_abort(process);
		if (process->if_forgotten == TEND_IF_FORGOTTEN_TERMINATE) {
			is_terminating = true;
			forgotten_terminate(process);
		}
	}
	tend__input_close(&process->in);
	if (!is_terminating)
		close_streams(process);
	if (process->is_adopted)
		give_up_adopted(process);
	tend__process_unref(process);
	return NULL;
}

void tend_process_auto(tend_process **process)
{
	*process = tend_process_free(*process);
}
