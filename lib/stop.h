/* SPDX-License-Identifier: MIT */
/* Escalation as a table: which action follows from an event in a state.  No I/O, no clock: the stopper does those. */
#ifndef TEND_LIB_STOP_H
#define TEND_LIB_STOP_H

#include <tend/stop.h>

/* A plan with its phases in it, so that it can be copied. */
struct tend__stop_plan {
	struct tend_stop_phase phases[TEND_MAX_STOP_PHASES];
	size_t n_phases;
	tend_duration after_kill;
};

/* The plan has been checked. */
void tend__stop_plan_copy(struct tend__stop_plan *to, const struct tend_stop *from);
/* The other way: its phases stay where they are. */
struct tend_stop tend__stop_plan_of(const struct tend__stop_plan *plan);

enum tend__stop_state { TEND__STOP_IDLE, TEND__STOP_PHASE, TEND__STOP_KILLING, TEND__STOP_OVER, TEND__STOP_STATES };

enum tend__stop_event {
	TEND__STOP_BEGIN,
	TEND__STOP_GONE,      /* the child has exited and its group is empty */
	TEND__STOP_DEADLINE,  /* of the phase, or of after_kill */
	TEND__STOP_KILL_NOW,  /* somebody asked for SIGKILL at once */
	TEND__STOP_REFUSAL,   /* the child may not be signalled */
	TEND__STOP_EVENTS
};

enum tend__stop_action {
	TEND__STOP_NOTHING,
	TEND__STOP_SEND_PHASE,      /* machine->phase's signal; arm its duration */
	TEND__STOP_SEND_KILL,       /* arm after_kill */
	TEND__STOP_END_BEFORE,
	TEND__STOP_END_IN_PHASE,
	TEND__STOP_END_BY_KILL,
	TEND__STOP_END_NOT_GONE,
	TEND__STOP_END_REFUSED
};

struct tend__stop_machine {
	enum tend__stop_state state;
	size_t phase;               /* from 1; n_phases + 1 is SIGKILL */
	size_t n_phases;
};

void tend__stop_machine_init(struct tend__stop_machine *m, size_t n_phases);
enum tend__stop_action tend__stop_step(struct tend__stop_machine *m, enum tend__stop_event event);

#endif
