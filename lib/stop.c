/* SPDX-License-Identifier: MIT */
/*
 * The escalation: BEGIN -> phase 1 -> phase 2 ... -> SIGKILL -> over.  Each cell of the table is a small function that
 * changes the machine and names the action; an event that says nothing in a state does nothing.
 */
#include "stop.h"

#include <string.h>

#include "clock.h"
#include "opts.h"

void tend__stop_plan_copy(struct tend__stop_plan *to, const struct tend_stop *from)
{
	memset(to, 0, sizeof *to);
	to->n_phases = from->n_phases;
	to->after_kill = from->after_kill;
	for (size_t i = 0; i < from->n_phases; i++)
		to->phases[i] = from->phases[i];
}

struct tend_stop tend__stop_plan_of(const struct tend__stop_plan *plan)
{
	return (struct tend_stop){
		.phases = plan->phases, .n_phases = plan->n_phases, .after_kill = plan->after_kill
	};
}

typedef enum tend__stop_action cell(struct tend__stop_machine *m);

static enum tend__stop_action kill_now(struct tend__stop_machine *m)
{
	m->state = TEND__STOP_KILLING;
	m->phase = m->n_phases + 1;
	return TEND__STOP_SEND_KILL;
}

static enum tend__stop_action next_phase(struct tend__stop_machine *m)
{
	if (m->phase == m->n_phases)
		return kill_now(m);
	m->state = TEND__STOP_PHASE;
	m->phase++;
	return TEND__STOP_SEND_PHASE;
}

static enum tend__stop_action gone_before(struct tend__stop_machine *m)
{
	m->state = TEND__STOP_OVER;
	return TEND__STOP_END_BEFORE;
}

static enum tend__stop_action gone_in_phase(struct tend__stop_machine *m)
{
	m->state = TEND__STOP_OVER;
	return TEND__STOP_END_IN_PHASE;
}

static enum tend__stop_action gone_by_kill(struct tend__stop_machine *m)
{
	m->state = TEND__STOP_OVER;
	return TEND__STOP_END_BY_KILL;
}

static enum tend__stop_action not_gone(struct tend__stop_machine *m)
{
	m->state = TEND__STOP_OVER;
	return TEND__STOP_END_NOT_GONE;
}

static enum tend__stop_action refused(struct tend__stop_machine *m)
{
	m->state = TEND__STOP_OVER;
	return TEND__STOP_END_REFUSED;
}

static cell *const table[TEND__STOP_STATES][TEND__STOP_EVENTS] = {
	[TEND__STOP_IDLE] = {
		[TEND__STOP_BEGIN] = next_phase,
		[TEND__STOP_GONE] = gone_before,
		[TEND__STOP_KILL_NOW] = kill_now,
	},
	[TEND__STOP_PHASE] = {
		[TEND__STOP_GONE] = gone_in_phase,
		[TEND__STOP_DEADLINE] = next_phase,
		[TEND__STOP_KILL_NOW] = kill_now,
		[TEND__STOP_REFUSAL] = refused,
	},
	[TEND__STOP_KILLING] = {
		[TEND__STOP_GONE] = gone_by_kill,
		[TEND__STOP_DEADLINE] = not_gone,
		[TEND__STOP_REFUSAL] = refused,
	},
};

void tend__stop_machine_init(struct tend__stop_machine *m, size_t n_phases)
{
	*m = (struct tend__stop_machine){ .state = TEND__STOP_IDLE, .phase = 0, .n_phases = n_phases };
}

enum tend__stop_action tend__stop_step(struct tend__stop_machine *m, enum tend__stop_event event)
{
	cell *f = table[m->state][event];

	return f ? f(m) : TEND__STOP_NOTHING;
}

tend_duration tend_stop_total(const struct tend_stop *plan)
{
	int64_t ns = 0;

	if (!plan || tend__check_stop(plan, "", NULL) < 0)
		return 0;
	for (size_t i = 0; i < plan->n_phases; i++)
		ns = tend__after(ns, tend__span_ns(plan->phases[i].duration));
	return TEND_NS(tend__after(ns, tend__span_ns(plan->after_kill)));
}

static const char *const names[] = {
	[TEND_STOP_NOT_RUN] = "not-run",         [TEND_STOPPED_BEFORE] = "before",
	[TEND_STOPPED_IN_PHASE] = "in-phase",    [TEND_STOPPED_BY_KILL] = "by-kill",
	[TEND_STOP_SURVIVORS] = "survivors",     [TEND_STOP_UNCONFIRMED] = "unconfirmed",
	[TEND_STOP_REFUSED] = "refused",
};

const char *tend_stopped_name(enum tend_stopped stopped)
{
	size_t i = (size_t)stopped;

	return i < sizeof names / sizeof *names ? names[i] : "unknown";
}
