/* SPDX-License-Identifier: MIT */
/* The escalation table, without a child: every cell. */
#include <signal.h>

#include "stop.h"
#include "test.h"

static void check_step(struct tend__stop_machine *m, enum tend__stop_event event, enum tend__stop_action action,
                       enum tend__stop_state state, size_t phase)
{
	CHECK_INT(action, tend__stop_step(m, event));
	CHECK_INT(state, m->state);
	CHECK_INT(phase, m->phase);
}

static void phases_then_kill(void)
{
	struct tend__stop_machine m;

	tend__stop_machine_init(&m, 2);
	check_step(&m, TEND__STOP_BEGIN, TEND__STOP_SEND_PHASE, TEND__STOP_PHASE, 1);
	check_step(&m, TEND__STOP_BEGIN, TEND__STOP_NOTHING, TEND__STOP_PHASE, 1);
	check_step(&m, TEND__STOP_DEADLINE, TEND__STOP_SEND_PHASE, TEND__STOP_PHASE, 2);
	check_step(&m, TEND__STOP_DEADLINE, TEND__STOP_SEND_KILL, TEND__STOP_KILLING, 3);
	check_step(&m, TEND__STOP_KILL_NOW, TEND__STOP_NOTHING, TEND__STOP_KILLING, 3);
	check_step(&m, TEND__STOP_GONE, TEND__STOP_END_BY_KILL, TEND__STOP_OVER, 3);
	for (int e = 0; e < TEND__STOP_EVENTS; e++)
		check_step(&m, (enum tend__stop_event)e, TEND__STOP_NOTHING, TEND__STOP_OVER, 3);
}

static void gone_ends_it_at_any_point(void)
{
	struct tend__stop_machine m;

	tend__stop_machine_init(&m, 1);
	check_step(&m, TEND__STOP_GONE, TEND__STOP_END_BEFORE, TEND__STOP_OVER, 0);
	tend__stop_machine_init(&m, 1);
	tend__stop_step(&m, TEND__STOP_BEGIN);
	check_step(&m, TEND__STOP_GONE, TEND__STOP_END_IN_PHASE, TEND__STOP_OVER, 1);
	tend__stop_machine_init(&m, 0);
	check_step(&m, TEND__STOP_BEGIN, TEND__STOP_SEND_KILL, TEND__STOP_KILLING, 1);
	check_step(&m, TEND__STOP_DEADLINE, TEND__STOP_END_NOT_GONE, TEND__STOP_OVER, 1);
}

/* OE-15: EPERM fails fast instead of burning through the phases. */
static void refusal_escalates_nothing(void)
{
	struct tend__stop_machine m;

	tend__stop_machine_init(&m, 3);
	tend__stop_step(&m, TEND__STOP_BEGIN);
	check_step(&m, TEND__STOP_REFUSAL, TEND__STOP_END_REFUSED, TEND__STOP_OVER, 1);
	tend__stop_machine_init(&m, 3);
	check_step(&m, TEND__STOP_KILL_NOW, TEND__STOP_SEND_KILL, TEND__STOP_KILLING, 4);
	check_step(&m, TEND__STOP_REFUSAL, TEND__STOP_END_REFUSED, TEND__STOP_OVER, 4);
	tend__stop_machine_init(&m, 3);
	check_step(&m, TEND__STOP_DEADLINE, TEND__STOP_NOTHING, TEND__STOP_IDLE, 0);
	check_step(&m, TEND__STOP_REFUSAL, TEND__STOP_NOTHING, TEND__STOP_IDLE, 0);
}

/* OE-23: the upper bound is known beforehand. */
static void total_is_the_sum(void)
{
	const struct tend_stop_phase phases[] = {
		{ SIGINT, TEND_LEADER, TEND_MS(250) },
		{ SIGTERM, TEND_GROUP, TEND_SECONDS(2) },
	};
	struct tend_stop plan = { .phases = phases, .n_phases = 2, .after_kill = TEND_MS(500) };

	CHECK(tend_stop_total(&plan) == TEND_MS(2750));
	CHECK(tend_stop_total(&TEND_STOP_TERM(TEND_SECONDS(5))) == TEND_SECONDS(8));
	plan.after_kill = 0;
	CHECK(tend_stop_total(&plan) == 0);
	CHECK(tend_stop_total(NULL) == 0);
}

static void names_are_words(void)
{
	CHECK_STR("in-phase", tend_stopped_name(TEND_STOPPED_IN_PHASE));
	CHECK_STR("by-kill", tend_stopped_name(TEND_STOPPED_BY_KILL));
	CHECK_STR("unknown", tend_stopped_name((enum tend_stopped)99));
	CHECK_STR("unknown", tend_stopped_name((enum tend_stopped)-1));
}

static const struct test tests[] = {
	{ "phases_then_kill", phases_then_kill },
	{ "gone_ends_it_at_any_point", gone_ends_it_at_any_point },
	{ "refusal_escalates_nothing", refusal_escalates_nothing },
	{ "total_is_the_sum", total_is_the_sum },
	{ "names_are_words", names_are_words },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "escalation", tests, sizeof tests / sizeof *tests);
}
