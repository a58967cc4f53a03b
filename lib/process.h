/* SPDX-License-Identifier: MIT */
/* The process object: its states, its references, who may do what. */
#ifndef TEND_LIB_PROCESS_H
#define TEND_LIB_PROCESS_H

#include <tend/process.h>

#include "cgroup.h"
#include "lock.h"
#include "stop.h"
#include "wake.h"

/* The child's stdin, when it is a pipe. */
struct tend__input {
	struct tend__lock lock;     /* guards fd and busy; never held while a write waits */
	int fd;                     /* -1: none, or closed */
	bool busy;                  /* a thread is writing */
	_Atomic uint32_t closing;   /* 1: no more writes */
	int wake_fd;                /* makes the writer's poll return; -1: none */
	bool is_terminal;           /* the host's side of a pseudoterminal */
	bool is_cooked;             /* which knows an end-of-file character */
	bool in_line;               /* something was written behind the last newline; guarded by `busy` */
	struct tend__event changed; /* busy, fd */
};

/* Somebody who waits for the stop in progress, on its own stack.  Guarded by the process's lock. */
struct tend__stop_waiter {
	uint32_t number;            /* of the stop */
	bool done;                  /* `report` is that stop's */
	struct tend_stop_report report;
	struct tend__stop_waiter *next;
};

/* A stop in progress.  Guarded by the process's lock; the reaper alone changes what only it reads without. */
struct tend__stopping {
	bool active;
	bool kill_asked;            /* tend_process_kill() came while it ran */
	struct tend__stop_plan plan;
	struct tend__stop_machine machine;
	struct tend_stop_report report;
	bool gone;                  /* the last stop that ended found nobody alive */
	struct tend__stop_waiter *waiters;
	int64_t began;
	int64_t deadline;           /* of the phase */
	int64_t kill_sent;
	int64_t look_at;            /* when to look again whether the group is empty */
	int64_t look_step;
};

/* Collected output that a result points to: freed with the process. */
struct tend__kept {
	tend_consumer *consumer;
	const void *what;           /* what the result points to */
	struct tend__kept *next;
};

struct tend_process {
	_Atomic uint32_t refs;      /* handle, the reaper until the exit, a stop in progress */
	unsigned fork_generation;
	char *name;
	pid_t pid;
	int pidfd;
	bool is_adopted;            /* no child of ours: its number may become a stranger's at any time */
	int64_t started_ns;
	tend_stream *out, *err;     /* the handle's; NULL where there is none */
	struct tend__input in;
	enum tend_scope scope;      /* never absent */
	struct tend__cgroup cgroup; /* TEND_SCOPE_CGROUP */
	const char *where;          /* the call site, NULL: not told */
	enum tend_forgotten_kind if_forgotten;
	struct tend__stop_plan forgotten_plan;
	enum tend_survivors_kind survivors_policy; /* never absent */
	struct tend__stop_plan survivors_plan;

	_Atomic uint32_t detached;
	_Atomic uint32_t exited;    /* 1: `exit` is valid and final */
	_Atomic uint32_t stops;     /* how many stops have ended */
	_Atomic uint32_t told;      /* 1: the log has been told of the exit; the waiters may go */
	struct tend__event changed; /* told */
	struct tend__event stopped; /* stops */
	struct tend_exit exit;

	struct tend__lock lock;     /* guards all below; the number is signalled and given up under it */
	uint64_t sent;              /* signals that got there, a bit each, the lowest is 1 */
	int64_t ended_ns;           /* when it was first seen to be gone without a status; 0: not yet */
	bool ends_with_host;        /* the end of the host has begun to end it */
	bool released;              /* the child is somebody else's business now */
	bool is_given_up;           /* adopted, and without a handle: released as soon as no stop is under way */
	int exit_fd;                /* for tend_process_exit_fd(); -1: nobody has asked for it */
	struct tend_pid_name survivors[TEND_MAX_NAMED]; /* of the child's own exit, before the policy acted */
	size_t n_survivors;
	uint32_t survivors_stop;    /* the number of the stop that was for them; 0: none */
	bool reaped;                /* the number may belong to a stranger */
	bool group_by_pidfd;        /* the group can do without the number */
	bool kill_may_miss;         /* the last SIGKILL went to the members of the cgroup one by one */
	uint32_t stops_begun;
	struct tend__stopping stopping;
	struct tend__kept *kept;

	/* the list of all, guarded by its lock (live.c) */
	bool is_live;
	struct tend_process *live_prev, *live_next;

	/* whom the guardian knows of, guarded by its lock (guard.c) */
	uint64_t guard_id;         /* 0: it does not know of it */
	struct tend_process *guard_prev, *guard_next;

	/* the reaper's inbox, guarded by its lock */
	bool in_inbox;
	struct tend_process *inbox_next;
	/* the reaper's alone */
	bool in_stops;
	bool watched;              /* its exit; set before it is known to the reaper */
	bool in_retries;
	unsigned dropped;          /* references to be given up */
	struct tend_process *dropped_next;
	bool cgroup_watched;
	bool cgroup_emptied;       /* the kernel has said so; who is gone does not come back once the child has exited
				      */
	struct tend_process *retries_next; /* the pidfd said exited and waitid did not: to be looked at again */
	struct tend_process *stops_prev, *stops_next;
};

/* [any] A process without a child yet: one reference, pid 0, pidfd -1.  NULL: no memory. */
tend_process *tend__process_new(const char *name);
/* [owner] Before anybody else knows it.  The choice has been checked. */
void tend__process_set_forgotten(tend_process *p, const struct tend_forgotten *choice);
void tend__process_ref(tend_process *p);
void tend__process_unref(tend_process *p);
bool tend__process_is_ours(const tend_process *p);
/* [any] -ECHILD when the handle is another process's. */
int tend__process_check(const tend_process *p, struct tend_error *err);

/* [any] What the kernel says of it now; all zero where that is not to be known. */
void tend__process_kernel_state(tend_process *p, struct tend_kernel_state *ret_state);

/* [any] Whether the exit is known. */
bool tend__process_has_exited(const tend_process *p);
/* [any] Whether others may hear of it: the log has, or will not, as its function has called exit(3). */
bool tend__process_may_report_exit(const tend_process *p);
/*
 * [any] Looks whether the child has exited; if so, publishes it, reaps it where its group can do without its
 * number, tells the log and wakes the waiters.  Whether it has exited by now.
 */
bool tend__process_observe(tend_process *p, bool pidfd_is_readable);
/* [any] Reaps a child whose exit is known; nobody of its group is alive. */
void tend__process_reap(tend_process *p);
/*
 * [any] Hands a checked plan to the reaper, or joins the stop in progress, which then waits for SIGKILL to work as
 * long as the more patient of the two.  `kill`: SIGKILL now, in either case.  waiter: NULL, or to be given to await.
 */
void tend__process_begin_stop(tend_process *p, const struct tend_stop *plan, bool kill,
                              struct tend__stop_waiter *waiter);
/*
 * [any] Waits for the end of a stop until `deadline`, and fills waiter->report: the stop's own, or, when it has not
 * ended, what is known of it by now.
 */
void tend__process_await_stop(tend_process *p, struct tend__stop_waiter *waiter, int64_t deadline);
/* [any] Whether it has exited by `deadline`. */
bool tend__process_wait_exit(tend_process *p, int64_t deadline);

#endif
