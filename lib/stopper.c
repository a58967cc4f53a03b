/* SPDX-License-Identifier: MIT */
/*
 * Problem: escalate until the child has exited and nobody of its group is alive, or say honestly that this was not to
 * be had.
 *
 * Threads: the reaper only; p->stopping is shared with callers under p->lock.
 *
 * That the leader has exited is an event.  That its group is empty is none, without a cgroup: once the leader is gone
 * the group is looked at in steps that grow from 1 to 32 ms.  Nothing is looked at while the leader lives.  With a
 * cgroup it is an event, too (reaper.c).
 */
#include "stopper.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "group.h"
#include "probe.h"
#include "sys.h"

#define FIRST_LOOK_NS INT64_C(1000000)
#define LAST_LOOK_NS INT64_C(32000000)

/* [locked] */
static void note_signal(struct tend__stopping *s, int sig, enum tend_target target, int result)
{
	size_t max = sizeof s->report.signals / sizeof s->report.signals[0];

	if (s->report.n_signals == max)
		return;
	s->report.signals[s->report.n_signals++] = (struct tend_signal_sent){
		.signal = sig,
		.target = target,
		.error = result,
		.phase = s->machine.phase,
		.after_ns = tend__now_ns() - s->began,
	};
}

/* [locked] Sends and notes; SIGCONT behind it, so that a stopped process can act on it.  The first one's result. */
static int send_noted(tend_process *p, int sig, enum tend_target target)
{
	int r = tend__group_signal(p, sig, target);

	TEND__PROBE(stop__signal, p->pid, p->name, sig, target, r);
	note_signal(&p->stopping, sig, target, r);
	if (r == 0 && sig != SIGKILL && sig != SIGCONT)
		note_signal(&p->stopping, SIGCONT, target, tend__group_signal(p, SIGCONT, target));
	return r;
}

/* What became of the phase's signal.  Nobody there is what a stop is after, and no failure. */
static void tell(const tend_process *p, int sig, int result, enum tend_log_level sent, enum tend_log_level failed)
{
	const char *how = result == -ESRCH ? "reached nobody" : "could not be sent", *why = strerrordesc_np(-result);
	size_t phase = p->stopping.machine.phase;

	if (result == 0)
		tend__log(sent, "stop-phase", p->name, p->pid, "phase %zu: signal %d sent", phase, sig);
	else
		tend__log(result == -ESRCH ? sent : failed, "stop-phase", p->name, p->pid,
		          "phase %zu: signal %d %s: %s", phase, sig, how, why ? why : "unknown error");
}

/* A child that SIGKILL does not end is asleep in the kernel, frozen, or its tracer's. */
static void explain(tend_process *p, struct tend_kernel_state *ret_state)
{
	tend__process_kernel_state(p, ret_state);
	tend__log(TEND_LOG_ERROR, "unkillable", p->name, p->pid, "it is still there: state %c%s%s, tracer %d",
	          ret_state->state ? ret_state->state : '?', ret_state->wchan[0] ? " in " : "", ret_state->wchan,
	          (int)ret_state->tracer);
}

/* [locked] Whether whoever has joined meanwhile gives SIGKILL longer; then the stop goes on. */
static bool has_more_time(struct tend__stopping *s)
{
	int64_t deadline = tend__after(s->kill_sent, tend__span_ns(s->plan.after_kill));

	if (deadline <= s->deadline || deadline <= tend__now_ns())
		return false;
	s->deadline = deadline;
	s->machine.state = TEND__STOP_KILLING;
	return true;
}

/* Whether the stop is over. */
static bool finish(tend_process *p, enum tend_stopped outcome)
{
	struct tend__stopping *s = &p->stopping;
	struct tend_pid_name survivors[TEND_MAX_NAMED] = { { .pid = 0 } };
	size_t n = outcome >= TEND_STOP_SURVIVORS ? tend__group_members(p, survivors) : 0;
	struct tend_kernel_state leader = { .state = 0 };

	if (outcome == TEND_STOP_UNCONFIRMED)
		explain(p, &leader);
	tend__lock(&p->lock);
	if ((outcome == TEND_STOP_SURVIVORS || outcome == TEND_STOP_UNCONFIRMED) && has_more_time(s)) {
		tend__unlock(&p->lock);
		return false;
	}
	s->report.outcome = outcome;
	s->report.phase = outcome == TEND_STOPPED_BEFORE ? 0 : s->machine.phase;
	s->report.duration_ns = tend__now_ns() - s->began;
	s->report.n_survivors = n;
	s->report.leader = leader;
	memcpy(s->report.survivors, survivors, sizeof survivors);
	for (struct tend__stop_waiter *w = s->waiters; w; w = w->next) {
		w->report = s->report;
		w->done = true;
	}
	s->waiters = NULL;
	s->gone = outcome < TEND_STOP_SURVIVORS;
	s->active = false;
	s->kill_asked = false;
	tend__unlock(&p->lock);
	/* (Q) pairs with (Q) in has_ended: the waiters have their report, which the lock orders */
	atomic_fetch_add_explicit(&p->stops, 1, memory_order_release);
	tend__event_signal(&p->stopped);
	TEND__PROBE(stop__end, p->pid, p->name, outcome);
	tend__log(outcome >= TEND_STOP_SURVIVORS ? TEND_LOG_ERROR : TEND_LOG_INFO, "stopped", p->name, p->pid,
	          "the stop has ended: %s", tend_stopped_name(outcome));
	return true;
}

/* The phase's signal; whether the machine has to be told of a refusal. */
static bool send_phase(tend_process *p)
{
	struct tend__stopping *s = &p->stopping;
	const struct tend_stop_phase *phase = &s->plan.phases[s->machine.phase - 1];
	int r;

	tend__lock(&p->lock);
	s->deadline = tend__deadline(phase->duration);
	r = send_noted(p, phase->signal, phase->target);
	tend__unlock(&p->lock);
	tell(p, phase->signal, r, TEND_LOG_INFO, TEND_LOG_WARNING);
	return r == -EPERM;
}

static bool send_kill(tend_process *p)
{
	struct tend__stopping *s = &p->stopping;
	int r;

	tend__lock(&p->lock);
	s->kill_sent = tend__now_ns();
	s->deadline = tend__after(s->kill_sent, tend__span_ns(s->plan.after_kill));
	r = send_noted(p, SIGKILL, TEND_GROUP);
	tend__unlock(&p->lock);
	tell(p, SIGKILL, r, TEND_LOG_WARNING, TEND_LOG_ERROR);
	return r == -EPERM;
}

static bool act(tend_process *p, enum tend__stop_action action)
{
	struct tend__stop_machine *m = &p->stopping.machine;
	bool is_refused = false;

	switch (action) {
	case TEND__STOP_NOTHING:
		return false;
	case TEND__STOP_SEND_PHASE:
		is_refused = send_phase(p);
		break;
	case TEND__STOP_SEND_KILL:
		is_refused = send_kill(p);
		break;
	case TEND__STOP_END_BEFORE:
		return finish(p, TEND_STOPPED_BEFORE);
	case TEND__STOP_END_IN_PHASE:
		return finish(p, TEND_STOPPED_IN_PHASE);
	case TEND__STOP_END_BY_KILL:
		return finish(p, TEND_STOPPED_BY_KILL);
	case TEND__STOP_END_NOT_GONE:
		return finish(p, tend__process_has_exited(p) ? TEND_STOP_SURVIVORS : TEND_STOP_UNCONFIRMED);
	case TEND__STOP_END_REFUSED:
		return finish(p, TEND_STOP_REFUSED);
	}
	p->stopping.look_at = 0;
	return is_refused && act(p, tend__stop_step(m, TEND__STOP_REFUSAL));
}

static bool is_gone(tend_process *p)
{
	return tend__process_observe(p, false) && tend__group_is_empty(p);
}

bool tend__stopper_begin(tend_process *p)
{
	struct tend__stopping *s = &p->stopping;
	enum tend__stop_event event;

	tend__lock(&p->lock); /* whoever leaves the stop early copies the report */
	tend__stop_machine_init(&s->machine, s->plan.n_phases);
	memset(&s->report, 0, sizeof s->report);
	tend__unlock(&p->lock);
	s->began = tend__now_ns();
	s->look_at = 0;
	s->look_step = FIRST_LOOK_NS;
	event = is_gone(p) ? TEND__STOP_GONE : TEND__STOP_BEGIN;
	return act(p, tend__stop_step(&s->machine, event));
}

/* The first SIGKILL may not have reached all, and this one is promised for now; the deadline stays. */
static void kill_once_more(tend_process *p)
{
	tend__lock(&p->lock);
	send_noted(p, SIGKILL, TEND_GROUP);
	tend__unlock(&p->lock);
	p->stopping.look_at = 0;
}

bool tend__stopper_kill(tend_process *p)
{
	if (p->stopping.machine.state == TEND__STOP_KILLING) {
		kill_once_more(p);
		return false;
	}
	return act(p, tend__stop_step(&p->stopping.machine, TEND__STOP_KILL_NOW));
}

/*
 * A SIGKILL that went to the members of a cgroup one by one misses whoever was forked meanwhile, and all when the list
 * could not be had just then: it is sent again.  Whether it may have missed somebody once more.
 */
static bool kill_the_rest(tend_process *p)
{
	bool may_miss;

	tend__lock(&p->lock);
	if (p->kill_may_miss && p->stopping.machine.state == TEND__STOP_KILLING)
		tend__group_signal(p, SIGKILL, TEND_GROUP);
	may_miss = p->kill_may_miss;
	tend__unlock(&p->lock);
	return may_miss;
}

bool tend__stopper_look(tend_process *p)
{
	struct tend__stopping *s = &p->stopping;
	int64_t now = tend__now_ns();
	bool deadline_passed = now >= s->deadline, is_told;

	if (tend__process_may_report_exit(p) && (now >= s->look_at || deadline_passed)) {
		if (tend__group_is_empty(p))
			return act(p, tend__stop_step(&s->machine, TEND__STOP_GONE));
		is_told = !kill_the_rest(p) && p->cgroup_watched;
		s->look_at = is_told ? TEND__NEVER : tend__after(tend__now_ns(), s->look_step);
		s->look_step = s->look_step * 2 > LAST_LOOK_NS ? LAST_LOOK_NS : s->look_step * 2;
	}
	return deadline_passed && act(p, tend__stop_step(&s->machine, TEND__STOP_DEADLINE));
}

void tend__stopper_extend(tend_process *p)
{
	struct tend__stopping *s = &p->stopping;
	int64_t deadline;

	if (s->machine.state != TEND__STOP_KILLING)
		return;
	tend__lock(&p->lock);
	deadline = tend__after(s->kill_sent, tend__span_ns(s->plan.after_kill));
	if (deadline > s->deadline)
		s->deadline = deadline;
	tend__unlock(&p->lock);
}

int64_t tend__stopper_next(const tend_process *p)
{
	const struct tend__stopping *s = &p->stopping;

	if (tend__process_may_report_exit(p) && s->look_at < s->deadline)
		return s->look_at;
	return s->deadline;
}
