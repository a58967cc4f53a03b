/* SPDX-License-Identifier: MIT */
/* Whether a child is started again, and how long to wait: arithmetic alone. */
#include <tend/restart.h>

#include "clock.h"
#include "field.h"

static int check_rule(const struct tend_restart *o, struct tend_error *err)
{
	int r;

	if (!o)
		return refuse_null("rule.", err);
	r = check_choice(field("rule.", "when"), o->when, TEND_RESTART_ALWAYS,
	                 "TEND_RESTART_NEVER, TEND_RESTART_ON_FAILURE or TEND_RESTART_ALWAYS", err);
	if (r < 0 || o->when == TEND_RESTART_NEVER)
		return r;
	r = check_duration(field("rule.", "delay"), o->delay, true, err);
	if (r == 0 && o->max_delay)
		r = check_duration(field("rule.", "max_delay"), o->max_delay, true, err);
	if (r == 0 && o->max_delay && o->max_delay < o->delay)
		r = refuse(field("rule.", "max_delay"), "is less than delay", err);
	if (r == 0 && o->long_enough)
		r = check_duration(field("rule.", "long_enough"), o->long_enough, true, err);
	return r;
}

/* Of a rule that does not say never. */
static bool is_due(const struct tend_restart *rule, const struct tend_exit *exit)
{
	bool succeeded = exit->kind == TEND_EXITED && exit->code == 0;

	return rule->when == TEND_RESTART_ALWAYS || !succeeded;
}

/* The n-th of a series, from 1. */
static tend_duration delay_of(const struct tend_restart *rule, unsigned n)
{
	tend_duration most = rule->max_delay ? rule->max_delay : rule->delay;
	int64_t ns = tend__span_ns(rule->delay), most_ns = tend__span_ns(most);

	while (--n > 0 && ns < most_ns)
		ns = ns > most_ns / 2 ? most_ns : ns ? ns * 2 : 1;
	return ns >= most_ns ? most : TEND_NS(ns);
}

int tend_restart_next(const struct tend_restart *rule, struct tend_restarts *restarts, const struct tend_exit *exit,
                      tend_duration *ret_delay, struct tend_error *err)
{
	int r = check_rule(rule, err);

	if (r < 0)
		return r;
	if (!restarts || !exit || !ret_delay)
		return tend__refuse(err, NULL,
		                    !restarts ? "restarts"
		                    : !exit   ? "exit"
		                              : "ret_delay",
		                    "must not be NULL");
	if (exit->kind == TEND_RUNNING)
		return tend__refuse(err, NULL, "exit", "is that of a child that runs");
	*ret_delay = TEND_FOREVER;
	if (rule->when == TEND_RESTART_NEVER)
		return 0; /* whatever else the rule has was not looked at */
	if (rule->long_enough && exit->wall_ns >= tend__span_ns(rule->long_enough))
		restarts->in_series = 0;
	if (!is_due(rule, exit) || (rule->max_restarts && restarts->in_series >= rule->max_restarts))
		return 0;
	restarts->in_series += restarts->in_series < UINT32_MAX;
	restarts->total += restarts->total < UINT32_MAX;
	*ret_delay = delay_of(rule, restarts->in_series);
	return 0;
}
