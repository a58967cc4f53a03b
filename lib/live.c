/* SPDX-License-Identifier: MIT */
/*
 * Problem: a host that ends, by tend_shutdown() or by exit(3), must not leave behind what it was going to end, nor wait
 * for it for ever.
 *
 * Every process is in a list from its start until its object is destroyed.  At the end each is treated as .if_forgotten
 * says, all at the same time; those that are there still when the time is over get SIGKILL.  Nobody's handle is freed:
 * they are the host's.
 *
 * Invariants
 *   I1  The list is guarded by its lock, which is never held while anything else is done but taking a reference, or
 *       ending a child that has not executed.
 *   I2  A process in the list may have its last reference given up at any time: who wants one takes it only if there is
 *       another (ref_if_alive).
 *   I3  A spawn is in the list of flights from before its first descriptor until behind its last one: its process is
 *       in the list then, or its child is gone.  No fork can happen while that list changes.
 *
 * At exit the reaper still runs.  When the reaper itself calls exit(3), in a log function, nobody can be waited for:
 * all get SIGKILL.  In a forked child the list is empty: nothing of the parent's is ended.
 */
#include "live.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "group.h"
#include "opts.h"
#include "rcu.h"
#include "reaper.h"
#include "sys.h"

/* What exit(3) gives to all of them together, and to SIGKILL behind that. */
#define EXIT_PATIENCE TEND_SECONDS(10)
#define KILL_PATIENCE TEND_SECONDS(1)
#define LOOK_NS INT64_C(1000000) /* at spawns under way, which tell nobody */

static const struct tend_stop kill_it = { .after_kill = KILL_PATIENCE };

static struct {
	struct tend__lock lock; /* guards all below */
	bool prepared;
	pid_t owner;            /* the process whose they are */
	bool is_over;           /* nothing is started any more */
	struct tend_process *first;
	struct tend__flight *flights;
} live = {
	.lock = TEND__LOCK_INIT(TEND__RANK_LIVE),
};

static _Thread_local unsigned n_own; /* flights of this thread: a log function may end the host in one */

/* The flights are of threads that are not there, whose stacks are. */
static void after_fork_in_child(void)
{
	tend__lock_init(&live.lock, TEND__RANK_LIVE);
	for (struct tend__flight *f = live.flights; f; f = f->next) {
		f->close_in_copy(f);
		f->is_up = false; /* its thread is there when a log function of its has forked */
	}
	live.is_over = false;
	live.first = NULL;
	live.flights = NULL;
	n_own = 0;
}

static bool ref_if_alive(tend_process *p)
{
	uint32_t n = atomic_load_explicit(&p->refs, memory_order_relaxed);

	while (n > 0)
		if (atomic_compare_exchange_weak_explicit(&p->refs, &n, n + 1, memory_order_relaxed,
		                                          memory_order_relaxed))
			return true;
	return false;
}

/* Behind `p`, whose reference is taken over; NULL: the first, and at the end.  Who is referenced stays in the list. */
static tend_process *next_of(tend_process *p)
{
	tend_process *next;

	tend__lock(&live.lock);
	next = p ? p->live_next : live.first;
	while (next && !ref_if_alive(next))
		next = next->live_next;
	tend__unlock(&live.lock);
	if (p)
		tend__process_unref(p);
	return next;
}

/* Not those that are added meanwhile. */
static void for_all(void (*act)(tend_process *p, int64_t deadline), int64_t deadline)
{
	for (tend_process *p = next_of(NULL); p; p = next_of(p))
		act(p, deadline);
}

/* ---- what is done to each ---- */

/* By us, or by a plan of its own that would have been ours. */
static bool is_stopping(tend_process *p)
{
	bool active;

	tend__lock(&p->lock);
	active = p->stopping.active && p->ends_with_host;
	tend__unlock(&p->lock);
	return active;
}

static bool is_released(tend_process *p)
{
	bool released;

	tend__lock(&p->lock);
	released = p->released;
	tend__unlock(&p->lock);
	return released;
}

/* Whether it is to end with the host. */
static bool is_armed(tend_process *p)
{
	if (is_released(p) || p->if_forgotten == TEND_IF_FORGOTTEN_DETACH)
		return false;
	return !atomic_load_explicit(&p->detached, memory_order_relaxed);
}

/* Whether it has gone before, and whom it left behind is to be stopped, which is not done yet. */
static bool leaves_survivors(tend_process *p)
{
	bool not_stopped;

	if (p->survivors_policy != TEND_SURVIVORS_STOPPED || !tend__process_has_exited(p))
		return false;
	tend__lock(&p->lock);
	not_stopped = !p->released && (p->stopping.active || p->stops_begun == 0);
	tend__unlock(&p->lock);
	return not_stopped && !atomic_load_explicit(&p->detached, memory_order_relaxed);
}

static void end_with_host(tend_process *p)
{
	tend__lock(&p->lock);
	p->ends_with_host = true;
	tend__unlock(&p->lock);
}

static void begin(tend_process *p, int64_t deadline)
{
	const struct tend_stop plan = tend__stop_plan_of(&p->forgotten_plan);
	const struct tend_stop survivors_plan = tend__stop_plan_of(&p->survivors_plan);

	(void)deadline;
	if (leaves_survivors(p)) {
		end_with_host(p);
		tend__process_begin_stop(p, &survivors_plan, false, NULL);
	}
	/* Nobody is asked to look: that may wait for a log function, which may be what called exit(3). */
	if (!is_armed(p) || tend__process_has_exited(p))
		return;
	end_with_host(p);
	if (p->if_forgotten == TEND_IF_FORGOTTEN_ABORT)
		tend__log(TEND_LOG_WARNING, "forgotten", p->name, p->pid,
		          "still running at the end of the host: SIGKILL");
	tend__process_begin_stop(p, p->if_forgotten == TEND_IF_FORGOTTEN_TERMINATE ? &plan : &kill_it, false, NULL);
}

static void await(tend_process *p, int64_t deadline)
{
	uint32_t g = tend__event_begin(&p->stopped);

	while (is_stopping(p)) {
		if (!tend__event_sleep(&p->stopped, g, deadline))
			break;
		g = tend__event_again(&p->stopped);
	}
	tend__event_end(&p->stopped);
}

/* By the signal itself. */
static void kill_only(tend_process *p, int64_t deadline)
{
	(void)deadline;
	if (!leaves_survivors(p) && (!is_armed(p) || tend__process_has_exited(p)))
		return;
	tend__lock(&p->lock);
	if (!p->released)
		tend__group_signal(p, SIGKILL, TEND_GROUP);
	tend__unlock(&p->lock);
}

/* Also where the reaper itself hangs, in a log function that does not return. */
static void kill_late(tend_process *p, int64_t deadline)
{
	if (!is_stopping(p))
		return;
	tend__process_begin_stop(p, &kill_it, true, NULL);
	kill_only(p, deadline);
}

static bool anybody_is_left(void)
{
	bool found = false;

	for (tend_process *p = next_of(NULL); p; p = next_of(p))
		found |= is_stopping(p);
	return found;
}

/*
 * How many there are of other threads.  A child that has not executed yet is ended by its pidfd, which the kernel
 * stores before the child runs, and before the clone returns.
 */
__attribute__((__no_sanitize__("thread"))) static unsigned end_flights(void)
{
	unsigned n = 0;

	tend__lock(&live.lock);
	for (const struct tend__flight *f = live.flights; f; f = f->next) {
		int pidfd = *(volatile int *)&f->p->pidfd;

		n += f->is_armed;
		if (f->is_armed && !f->p->is_live && pidfd >= 0)
			tend__sys_pidfd_signal(pidfd, SIGKILL, 0);
	}
	tend__unlock(&live.lock);
	return n > n_own ? n - n_own : 0;
}

/* They land soon, as their children are gone, or are in the list and refused. */
static void await_flights(int64_t deadline)
{
	while (end_flights() > 0 && tend__now_ns() < deadline)
		tend__sys_poll(NULL, 0, tend__after(tend__now_ns(), LOOK_NS));
}

/* Whether nobody is left. */
static bool end_all(int64_t deadline)
{
	if (tend__is_reaper()) {
		end_flights();
		for_all(kill_only, 0);
		return true;
	}
	await_flights(deadline);
	for_all(begin, 0);
	for_all(await, deadline);
	for_all(kill_late, 0);
	for_all(await, tend__deadline(KILL_PATIENCE));
	return !anybody_is_left();
}

static void forbid_more(void)
{
	tend__lock(&live.lock);
	live.is_over = true;
	tend__unlock(&live.lock);
}

bool tend__live_is_over(void)
{
	bool is_over;

	tend__lock(&live.lock);
	is_over = live.is_over;
	tend__unlock(&live.lock);
	return is_over;
}

/* What the reaper has not got to yet; where somebody is in it, it stays. */
static void remove_cgroup(tend_process *p, int64_t deadline)
{
	(void)deadline;
	if (!is_released(p) && (is_armed(p) || tend__process_has_exited(p)))
		tend__cgroup_remove(&p->cgroup);
}

static void at_exit(void)
{
	if (getpid() != live.owner) /* a copy that nobody told us of */
		return;
	forbid_more();
	end_all(tend__deadline(EXIT_PATIENCE));
	for_all(remove_cgroup, 0);
}

/* ---- [any] ---- */

/* Once, in this order: a fork must not end what is its parent's. */
static void prepare(void)
{
	live.owner = getpid();
	if (!live.prepared && pthread_atfork(NULL, NULL, after_fork_in_child) == 0)
		live.prepared = atexit(at_exit) == 0;
}

static int refuse(struct tend_error *err)
{
	return tend__error(err, -ESHUTDOWN, TEND_STEP_SHUTDOWN, NULL,
	                   "nothing is started any more: the host is ending, or has shut the library down");
}

int tend__live_check(struct tend_error *err)
{
	return tend__live_is_over() ? refuse(err) : 0;
}

int tend__live_take_off(struct tend__flight *f, struct tend_error *err)
{
	bool is_over;

	f->is_armed = is_armed(f->p);
	tend__lock(&live.lock);
	prepare(); /* not with forks held: pthread_atfork(3) may wait for one */
	tend__unlock(&live.lock);
	tend__rcu_hold_forks();
	tend__lock(&live.lock);
	is_over = live.is_over;
	if (!is_over) {
		f->is_up = true;
		f->prev = NULL;
		f->next = live.flights;
		if (live.flights)
			live.flights->prev = f;
		live.flights = f;
		n_own += f->is_armed;
	}
	tend__unlock(&live.lock);
	tend__rcu_allow_forks();
	return is_over ? refuse(err) : 0;
}

void tend__live_land(struct tend__flight *f)
{
	if (!f->is_up)
		return;
	tend__rcu_hold_forks();
	tend__lock(&live.lock);
	if (f->prev)
		f->prev->next = f->next;
	else
		live.flights = f->next;
	if (f->next)
		f->next->prev = f->prev;
	n_own -= f->is_armed;
	tend__unlock(&live.lock);
	tend__rcu_allow_forks();
}

int tend__live_add(tend_process *p, struct tend_error *err)
{
	tend__lock(&live.lock);
	if (live.is_over) {
		tend__unlock(&live.lock);
		return refuse(err);
	}
	prepare();
	p->is_live = true;
	p->live_prev = NULL;
	p->live_next = live.first;
	if (live.first)
		live.first->live_prev = p;
	live.first = p;
	tend__unlock(&live.lock);
	return 0;
}

void tend__live_remove(tend_process *p)
{
	if (!p->is_live)
		return;
	tend__lock(&live.lock);
	if (p->live_prev)
		p->live_prev->live_next = p->live_next;
	else
		live.first = p->live_next;
	if (p->live_next)
		p->live_next->live_prev = p->live_prev;
	tend__unlock(&live.lock);
}

int tend_shutdown(tend_duration within, struct tend_error *err)
{
	int r = tend__check_duration(within, "within", true, err);

	if (r < 0)
		return r;
	if (tend__is_reaper())
		return tend__error(err, -EDEADLK, TEND_STEP_CALLBACK, NULL,
		                   "a log function cannot wait for the reaper");
	forbid_more();
	tend__sys_drop_stack();
	if (end_all(tend__deadline(within)))
		return 0;
	return tend__error(err, -ETIMEDOUT, TEND_STEP_SIGNAL_GROUP, NULL,
	                   "some child is still there behind SIGKILL");
}
