/* SPDX-License-Identifier: MIT */
/*
 * Problem: a child that exits by itself may leave members of its group, or cgroup, alive, and nobody who was waiting
 * for the child alone would ever know.
 *
 * The policy is the spawn's and acts on the reaper when the exit is seen, whoever waits, or nobody.  A stop that is
 * under way covers them already.
 */
#include "survivors.h"

#include <string.h>

#include "clock.h"
#include "error.h"
#include "group.h"

/* Tells of the first one by name. */
static void tell(const tend_process *p, const struct tend_pid_name *first, size_t n)
{
	tend__log(TEND_LOG_WARNING, "survivors", p->name, p->pid,
	          "%zu of its group outlived the child, %s (pid %d) first", n, first->comm, (int)first->pid);
}

/*
 * The reaper and who calls tend_process_complete() both look; what the first of them finds is kept, and told.  False:
 * a stop is under way, which covers them.
 */
static bool note(tend_process *p, const struct tend_pid_name names[TEND_MAX_NAMED], size_t n)
{
	bool is_stopping, is_new;

	tend__lock(&p->lock);
	is_stopping = p->stopping.active;
	is_new = !is_stopping && p->n_survivors == 0;
	if (is_new) {
		p->n_survivors = n;
		memcpy(p->survivors, names, sizeof p->survivors);
	}
	tend__unlock(&p->lock);
	if (is_new)
		tell(p, names, n);
	return !is_stopping;
}

void tend__survivors_look(tend_process *p)
{
	struct tend_pid_name names[TEND_MAX_NAMED] = { { .pid = 0 } };
	struct tend_stop plan = tend__stop_plan_of(&p->survivors_plan);
	size_t n;

	if (p->survivors_policy == TEND_SURVIVORS_LEFT)
		return;
	n = tend__group_members(p, names);
	if (n == 0 || !note(p, names, n) || p->survivors_policy != TEND_SURVIVORS_STOPPED)
		return;
	tend__process_begin_stop(p, &plan, false, NULL);
	tend__lock(&p->lock);
	p->survivors_stop = p->stops_begun;
	tend__unlock(&p->lock);
}

/* Whether theirs was the last stop that there was, and has ended: then its report is still there. */
static bool have_been_stopped(tend_process *p, struct tend_stop_report *ret_report)
{
	bool have;

	tend__lock(&p->lock);
	have = p->survivors_stop != 0 && p->survivors_stop == p->stops_begun && !p->stopping.active;
	if (have)
		*ret_report = p->stopping.report;
	tend__unlock(&p->lock);
	return have;
}

/* Joins the stop that is under way, or begins one, which may find nobody. */
static void stop_them(tend_process *p, struct tend_stop_report *ret_report)
{
	struct tend_stop plan = tend__stop_plan_of(&p->survivors_plan);
	struct tend__stop_waiter waiter;

	tend__process_begin_stop(p, &plan, false, &waiter);
	tend__process_await_stop(p, &waiter, TEND__NEVER);
	*ret_report = waiter.report;
	tend__lock(&p->lock);
	p->survivors_stop = waiter.number;
	tend__unlock(&p->lock);
}

bool tend__survivors_are_stopped(const tend_process *p, const struct tend_result *result)
{
	return p->survivors_policy == TEND_SURVIVORS_STOPPED && result->outcome == TEND_COMPLETED;
}

void tend__survivors_report(tend_process *p, struct tend_result *result)
{
	result->n_survivors = tend__group_members(p, result->survivors);
	if (!tend__survivors_are_stopped(p, result))
		return;
	if (result->n_survivors > 0)
		note(p, result->survivors, result->n_survivors);
	if (!have_been_stopped(p, &result->survivors_stop))
		stop_them(p, &result->survivors_stop);
	tend__lock(&p->lock);
	if (p->n_survivors > result->n_survivors) {
		result->n_survivors = p->n_survivors;
		memcpy(result->survivors, p->survivors, sizeof p->survivors);
	}
	tend__unlock(&p->lock);
}
