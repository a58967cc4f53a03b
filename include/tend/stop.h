/* SPDX-License-Identifier: MIT */
/*
 * How a child is stopped.  A plan is a list of phases, each a signal, whom it goes to, and how long to wait for it to
 * work; when all have passed, SIGKILL is sent to the whole group.  A phase is over as soon as the child has exited and
 * no member of its process group is alive; of a child with a cgroup, nobody in that.  "Group" is that below.  Behind
 * each signal but SIGKILL and SIGCONT itself goes a SIGCONT, so that a stopped child can act on it.
 */
#ifndef TEND_STOP_H
#define TEND_STOP_H

#include <sys/types.h>
#include <tend/base.h>
#include <tend/error.h>

TEND_BEGIN_DECLS

enum tend_target {
	TEND_LEADER = 1,        /* the child alone */
	/* The child and every member of its process group; SIGKILL: of its cgroup, if it has one. */
	TEND_GROUP,
	/*
	 * Every process in the child's cgroup, or, where it has none, as TEND_GROUP.  Signals other than SIGKILL do not
	 * reach cgroups that a descendant made below it.
	 */
	TEND_CGROUP
};

struct tend_stop_phase {
	int signal;              /* choice: 1 to 64, not SIGKILL or SIGSTOP */
	enum tend_target target; /* choice */
	tend_duration duration;  /* choice: how long to wait before the next phase; TEND_FOREVER is refused */
};

#define TEND_MAX_STOP_PHASES 8

struct tend_stop {
	const struct tend_stop_phase *phases; /* extra: none means SIGKILL at once */
	size_t n_phases;                      /* at most TEND_MAX_STOP_PHASES */
	tend_duration after_kill;             /* choice: how long to wait for SIGKILL to work; TEND_FOREVER is refused
						 */
};

#define TEND_DEFAULT_AFTER_KILL TEND_SECONDS(3)

#ifndef __cplusplus /* where its phases would be gone at the end of the expression: tend::stop_plan of <tend.hpp> */
/* SIGTERM to the group, SIGKILL after `grace`. */
#define TEND_STOP_TERM(grace)                                                                                          \
	(__extension__(struct tend_stop){                                                                              \
	        .phases = (const struct tend_stop_phase[]){ { 15 /* SIGTERM */, TEND_GROUP, (grace) } },               \
	        .n_phases = 1,                                                                                         \
	        .after_kill = TEND_DEFAULT_AFTER_KILL })
#endif
/* SIGKILL to the group at once. */
#define TEND_STOP_KILL (__extension__(struct tend_stop){ .n_phases = 0, .after_kill = TEND_DEFAULT_AFTER_KILL })

/* How long a stop by this plan can take at most: the sum of its durations; 0 for a plan that would be refused. */
TEND_API tend_duration tend_stop_total(const struct tend_stop *plan);

enum tend_stopped {
	TEND_STOP_NOT_RUN,        /* no plan was run */
	TEND_STOPPED_BEFORE,      /* the child had exited and its group was empty before a signal was sent */
	TEND_STOPPED_IN_PHASE,    /* all gone in phase `phase` */
	TEND_STOPPED_BY_KILL,     /* all gone after SIGKILL */
	TEND_STOP_SURVIVORS,      /* the child is gone; members of its group were still alive after_kill after SIGKILL
				     */
	TEND_STOP_UNCONFIRMED,    /* the child itself was still there after_kill after SIGKILL; it stays watched */
	TEND_STOP_REFUSED         /* the kernel did not let us signal the child (EPERM): nothing was escalated */
};

/* "before", "in-phase", "by-kill", ...  A static string. */
TEND_API const char *tend_stopped_name(enum tend_stopped stopped);

struct tend_signal_sent {
	int signal;
	enum tend_target target;
	int error;               /* 0 or a negative errno value; -ESRCH: nobody there any more */
	size_t phase;            /* from 1; n_phases + 1 is SIGKILL */
	int64_t after_ns;        /* since the stop began */
};

/* A process, by number and name as they were when it was looked at. */
struct tend_pid_name {
	pid_t pid;
	char comm[32];           /* /proc/PID/comm, NUL-terminated */
};
#define TEND_MAX_NAMED 8

/* What the kernel says of a process: proc(5).  All zero where that cannot be known. */
struct tend_kernel_state {
	char state;              /* 'R', 'S', 'D' (it cannot even be killed now), 'T' (stopped), 't' (traced), 'Z',
				    ... */
	pid_t tracer;            /* who traces it, 0: nobody */
	char wchan[48];          /* the kernel function that it sleeps in, "" where that is hidden */
};

struct tend_stop_report {
	enum tend_stopped outcome;
	size_t phase;            /* the phase that ended it, from 1; n_phases + 1 is SIGKILL; 0 where there was none */
	struct tend_signal_sent signals[24]; /* SIGCONT included */
	size_t n_signals;
	int64_t duration_ns;
	struct tend_pid_name survivors[TEND_MAX_NAMED]; /* members of the group alive at the end */
	size_t n_survivors;      /* how many there are; only the first TEND_MAX_NAMED are named */
	struct tend_kernel_state leader; /* TEND_STOP_UNCONFIRMED: what keeps it */
};

TEND_END_DECLS

#endif
