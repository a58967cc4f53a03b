/* SPDX-License-Identifier: MIT */
/* Stopping: the phases in their order, the whole group gone at the end, and a report that says what happened. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/clock.h"
#include "../lib/process.h"
#include "blocked.h"
#include "fault.h"
#include "test.h"
#include "thread.h"

#define PATIENT TEND_SECONDS(90)

/* A helper that has said it is ready. */
static tend_process *ready(const char *program, const char *arg, const char *says, char *rest, size_t size)
{
	tend_process *p = test_spawn(&test_reliable_all, program, arg, NULL);

	if (p)
		test_await_line(tend_process_stdout(p), says, rest, size);
	return p;
}

static struct tend_stop_report stop(tend_process *p, const struct tend_stop *plan)
{
	struct tend_stop_report report = { .outcome = TEND_STOP_NOT_RUN };
	struct tend_error e;

	CHECK_OK(tend_process_stop(p, plan, &report, &e), &e);
	return report;
}

static void check_sent(const struct tend_stop_report *r, size_t i, int sig, enum tend_target target, size_t phase)
{
	if (!CHECK(i < r->n_signals))
		return;
	CHECK_INT(sig, r->signals[i].signal);
	CHECK_INT(target, r->signals[i].target);
	CHECK_INT(phase, r->signals[i].phase);
	CHECK_INT(0, r->signals[i].error);
	CHECK(r->signals[i].after_ns >= (i ? r->signals[i - 1].after_ns : 0));
}

/* TM-7, terminate::terminate_stops_process: a child that obeys ends the phase at once, however long the phase is. */
static void obeyed_in_phase_one(void)
{
	tend_process *p = ready("obedient", NULL, "ready", NULL, 0);
	struct tend_stop_report r;
	struct tend_exit ended;

	if (!p)
		return;
	r = stop(p, &TEND_STOP_TERM(PATIENT));
	CHECK_INT(TEND_STOPPED_IN_PHASE, r.outcome);
	CHECK_INT(1, r.phase);
	CHECK(r.duration_ns < INT64_C(30000000000));
	check_sent(&r, 0, SIGTERM, TEND_GROUP, 1);
	CHECK(r.n_signals <= 2); /* SIGCONT may find nobody */
	CHECK_INT(0, r.n_survivors);
	if (test_wait(p, &ended))
		CHECK_INT(SIGTERM, ended.signal);
	tend_process_free(p);
}

/*
 * TM-5, TM-9, TM-11: who does not obey is killed, not before its time; all that was done is in the report.
 * error_types::termination_failed_preserves_recorded_attempt_errors_in_order
 */
static void stubborn_is_killed(void)
{
	tend_process *p = ready("stubborn", NULL, "ready", NULL, 0);
	struct tend_stop_report r;
	struct tend_exit ended;

	if (!p)
		return;
	r = stop(p, &TEND_STOP_TERM(TEND_MS(60)));
	CHECK_INT(TEND_STOPPED_BY_KILL, r.outcome);
	CHECK_INT(2, r.phase);
	CHECK_INT(3, r.n_signals);
	check_sent(&r, 0, SIGTERM, TEND_GROUP, 1);
	check_sent(&r, 1, SIGCONT, TEND_GROUP, 1);
	check_sent(&r, 2, SIGKILL, TEND_GROUP, 2);
	CHECK(r.signals[2].after_ns >= 60000000);
	CHECK(r.duration_ns >= 60000000);
	if (test_wait(p, &ended))
		CHECK_INT(SIGKILL, ended.signal);
	tend_process_free(p);
}

/* 17.11, appendix 61: the second phase comes when the first has failed, and only then. */
static void two_phases(void)
{
	static const struct tend_stop_phase phases[] = { { SIGINT, TEND_GROUP, TEND_MS(40) },
		                                         { SIGTERM, TEND_GROUP, PATIENT } };
	static const struct tend_stop_phase patient[] = { { SIGINT, TEND_GROUP, PATIENT },
		                                          { SIGTERM, TEND_GROUP, PATIENT } };
	struct tend_stop plan = { .phases = phases, .n_phases = 2, .after_kill = TEND_SECONDS(3) };
	tend_process *p = ready("stubborn", "2", "ready", NULL, 0);
	struct tend_stop_report r;
	struct tend_exit ended;

	if (!p)
		return;
	r = stop(p, &plan);
	CHECK_INT(TEND_STOPPED_IN_PHASE, r.outcome);
	CHECK_INT(2, r.phase);
	check_sent(&r, 0, SIGINT, TEND_GROUP, 1);
	check_sent(&r, 2, SIGTERM, TEND_GROUP, 2);
	CHECK(r.signals[2].after_ns >= 40000000);
	tend_process_free(p);

	p = ready("obedient", NULL, "ready", NULL, 0);
	if (!p)
		return;
	plan.phases = patient;
	r = stop(p, &plan);
	CHECK_INT(1, r.phase);
	for (size_t i = 0; i < r.n_signals; i++)
		CHECK(r.signals[i].signal != SIGTERM && r.signals[i].signal != SIGKILL);
	if (test_wait(p, &ended))
		CHECK_INT(SIGINT, ended.signal);
	tend_process_free(p);
}

/* TM-7: a phase of no length: send, look once, escalate. */
static void phase_without_length(void)
{
	tend_process *p = ready("stubborn", NULL, "ready", NULL, 0);
	struct tend_stop_report r;

	if (!p)
		return;
	r = stop(p, &TEND_STOP_TERM(TEND_AT_ONCE));
	CHECK_INT(TEND_STOPPED_BY_KILL, r.outcome);
	CHECK_INT(3, r.n_signals);
	tend_process_free(p);
}

/* Hazards 37, 38; TM-13, OE-14: it is over when the group is, not when the leader is. */
static void leader_goes_group_stays(void)
{
	char line[16] = "0";
	tend_process *p = ready("forker", "leader-pauses", "grandchild ", line, sizeof line);
	struct tend_stop_report r;
	struct tend_exit ended;

	if (!p)
		return;
	r = stop(p, &TEND_STOP_TERM(TEND_MS(60)));
	CHECK_INT(TEND_STOPPED_BY_KILL, r.outcome);
	CHECK_INT(2, r.phase);
	CHECK_INT(0, r.n_survivors);
	CHECK(!test_alive(atoi(line)));
	CHECK(r.duration_ns >= 60000000);
	if (test_wait(p, &ended))
		CHECK_INT(SIGTERM, ended.signal);
	tend_process_free(p);
}

/* OE-14, TM-13: the leader had exited by itself; its group is stopped all the same, in phases. */
static void leader_was_gone(void)
{
	static const char *const modes[] = { "hold", "hold-stubborn" };

	for (size_t i = 0; i < 2; i++) {
		tend_process *p = test_spawn(&test_reliable_all, "forker", modes[i], "5", NULL);
		struct tend_stop_report r;
		struct tend_exit ended;
		char line[16] = "0";

		if (!p)
			return;
		test_await_line(tend_process_stdout(p), "grandchild ", line, sizeof line);
		test_wait(p, &ended);
		r = stop(p, &TEND_STOP_TERM(i ? TEND_MS(60) : PATIENT));
		CHECK_INT(i ? TEND_STOPPED_BY_KILL : TEND_STOPPED_IN_PHASE, r.outcome);
		CHECK_INT(i ? 2 : 1, r.phase);
		CHECK(!test_alive(atoi(line)));
		if (test_wait(p, &ended))
			CHECK_INT(5, ended.code);
		tend_process_free(p);
	}
}

/* Hazard 51, TM-14, OE-30: a stopped child gets to act on the signal. */
static void stopped_child_is_continued(void)
{
	tend_process *p = ready("stopper", NULL, "ready", NULL, 0);
	struct tend_stop_report r;
	struct tend_exit ended;
	siginfo_t info;

	if (!p)
		return;
	/* Until it has really stopped; WSTOPPED alone says nothing about its exit. */
	CHECK_INT(0, waitid(P_PID, (id_t)tend_process_pid(p), &info, WSTOPPED));
	r = stop(p, &TEND_STOP_TERM(PATIENT));
	CHECK_INT(TEND_STOPPED_IN_PHASE, r.outcome);
	if (test_wait(p, &ended)) {
		CHECK_INT(TEND_EXITED, ended.kind);
		CHECK_INT(7, ended.code);
	}
	tend_process_free(p);
}

/* Hazard 60: a phase for the leader alone. */
static void leader_alone_is_told(void)
{
	static const struct tend_stop_phase phases[] = { { SIGTERM, TEND_LEADER, TEND_MS(100) } };
	static const struct tend_stop plan = { .phases = phases, .n_phases = 1, .after_kill = TEND_SECONDS(3) };
	tend_process *p = ready("forker", "witness", "grandchild ", NULL, 0);
	struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};
	struct tend_result result;
	struct tend_stop_report r;

	if (!p)
		return;
	r = stop(p, &plan);
	CHECK_INT(TEND_STOPPED_BY_KILL, r.outcome);
	check_sent(&r, 0, SIGTERM, TEND_LEADER, 1);
	check_sent(&r, 2, SIGKILL, TEND_GROUP, 2);
	if (CHECK_INT(0, tend_process_complete(p, &all, &result, NULL))) {
		CHECK(strstr(result.out.collected.data, "leader got 15") != NULL);
		CHECK(strstr(result.out.collected.data, "child got 15") == NULL);
	}
	tend_process_free(p);
}

/* Hazard 102: a leader that has left its group gets what goes to the group all the same. */
static void leader_is_elsewhere(void)
{
	for (int how = 0; how < 2; how++) {
		tend_process *p = ready("obedient", "elsewhere", "ready", NULL, 0);
		struct tend_stop_report r;
		struct tend_exit ended;

		if (!p)
			return;
		CHECK_INT(getpgid(0), getpgid(tend_process_pid(p)));
		r = stop(p, how ? &TEND_STOP_KILL : &TEND_STOP_TERM(PATIENT));
		CHECK_INT(how ? TEND_STOPPED_BY_KILL : TEND_STOPPED_IN_PHASE, r.outcome);
		check_sent(&r, 0, how ? SIGKILL : SIGTERM, TEND_GROUP, 1);
		if (test_wait(p, &ended))
			CHECK_INT(how ? SIGKILL : SIGTERM, ended.signal);
		tend_process_free(p);
	}
}

/*
 * TM-12, TM-16: what is gone already is told so; nothing is sent.
 * terminate::terminate_returns_normal_exit_when_process_already_exited
 */
static void stopped_before(void)
{
	for (int waited = 0; waited < 2; waited++) {
		tend_process *p = test_spawn(&test_reliable, "exiter", "4", NULL);
		struct tend_stop_report r;
		struct tend_exit ended;
		struct tend_error e;

		if (!p)
			return;
		if (waited)
			test_wait(p, &ended);
		else
			test_await_gone(tend_process_pid(p));
		r = stop(p, &TEND_STOP_TERM(PATIENT));
		CHECK_INT(TEND_STOPPED_BEFORE, r.outcome);
		CHECK_INT(0, r.phase);
		CHECK_INT(0, r.n_signals);
		CHECK_OK(tend_process_kill(p, TEND_SECONDS(5), &r, &e), &e);
		CHECK_INT(TEND_STOPPED_BEFORE, r.outcome);
		if (test_wait(p, &ended))
			CHECK_INT(4, ended.code);
		tend_process_free(p);
	}
}

/* TM-15, TM-17, kill::kill_signals_grandchildren_via_process_group: kill takes the group, and is confirmed. */
static void kill_takes_the_group(void)
{
	char line[16] = "0";
	tend_process *p = ready("forker", "leader-pauses", "grandchild ", line, sizeof line);
	struct tend_stop_report r = { .outcome = TEND_STOP_NOT_RUN };
	struct tend_error e;
	struct tend_exit ended;

	if (!p)
		return;
	CHECK_OK(tend_process_kill(p, PATIENT, &r, &e), &e);
	CHECK_INT(TEND_STOPPED_BY_KILL, r.outcome);
	CHECK_INT(1, r.phase);
	check_sent(&r, 0, SIGKILL, TEND_GROUP, 1);
	CHECK(!test_alive(atoi(line)));
	CHECK_OK(tend_process_wait(p, TEND_AT_ONCE, &ended, &e), &e);
	CHECK_INT(SIGKILL, ended.signal);
	tend_process_free(p);
}

/* Hazard 39: members that are zombies, because their new parent does not reap, do not keep a stop from ending. */
static void zombies_are_not_alive(void)
{
	char line[16] = "0";
	tend_process *p;
	struct tend_stop_report r;

	CHECK_INT(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	p = ready("forker", "leader-pauses", "grandchild ", line, sizeof line);
	if (p) {
		r = stop(p, &TEND_STOP_TERM(TEND_MS(20)));
		CHECK_INT(TEND_STOPPED_BY_KILL, r.outcome);
		CHECK_INT(0, r.n_survivors);
		CHECK(r.duration_ns < INT64_C(2500000000)); /* not after_kill, which is 3 s */
		CHECK_INT(atoi(line), waitpid(atoi(line), NULL, 0));
	}
	tend_process_free(p);
	CHECK_INT(0, prctl(PR_SET_CHILD_SUBREAPER, 0));
}

/* ---- at the same time ---- */

struct stopping {
	tend_process *p;
	tend_duration grace;
	struct tend_stop_report report;
};

static void stop_it(struct test_thread *t, void *arg)
{
	struct stopping *s = arg;

	WORKER_CHECK_INT(t, 0, tend_process_stop(s->p, &TEND_STOP_TERM(s->grace), &s->report, NULL));
}

/* TM-18: a kill from elsewhere ends a patient stop; both are told. */
static void kill_during_stop(void)
{
	struct stopping s = { .p = ready("sigcounter", NULL, "ready", NULL, 0), .grace = PATIENT };
	struct tend_stop_report r;
	struct tend_error e;
	struct test_thread t;

	if (!s.p)
		return;
	test_thread_start(&t, stop_it, &s);
	test_await_line(tend_process_stdout(s.p), "got 15", NULL, 0);
	CHECK_OK(tend_process_kill(s.p, PATIENT, &r, &e), &e);
	test_thread_join(&t);
	CHECK_INT(TEND_STOPPED_BY_KILL, r.outcome);
	CHECK_INT(TEND_STOPPED_BY_KILL, s.report.outcome);
	CHECK(s.report.duration_ns < INT64_C(60000000000));
	tend_process_free(s.p);
}

/* A stop that comes while another is under way waits for that one, and sends nothing of its own. */
static void stop_during_stop(void)
{
	struct stopping s = { .p = ready("sigcounter", NULL, "ready", NULL, 0), .grace = TEND_MS(400) };
	static const struct tend_stop_phase phases[] = { { SIGHUP, TEND_GROUP, PATIENT } };
	static const struct tend_stop plan = { .phases = phases, .n_phases = 1, .after_kill = TEND_SECONDS(3) };
	struct tend_stop_report r;
	struct test_thread t;

	if (!s.p)
		return;
	test_thread_start(&t, stop_it, &s);
	test_await_line(tend_process_stdout(s.p), "got 15", NULL, 0);
	r = stop(s.p, &plan);
	test_thread_join(&t);
	CHECK_INT(TEND_STOPPED_BY_KILL, s.report.outcome);
	CHECK(r.outcome == TEND_STOPPED_BY_KILL || r.outcome == TEND_STOPPED_BEFORE);
	for (size_t i = 0; i < r.n_signals; i++)
		CHECK(r.signals[i].signal != SIGHUP);
	tend_process_free(s.p);
}

/*
 * TM-18, terminate::terminate_future_can_be_spawned_on_tokio_task: many stops are run by one thread, all at once: 16
 * children that take 2 s each take far less than 32 s.
 */
static void many_at_once(void)
{
	enum { N = 16 };
	struct stopping s[N];
	struct test_thread threads[N];
	int64_t began;

	for (int i = 0; i < N; i++)
		s[i] = (struct stopping){ .p = ready("stubborn", NULL, "ready", NULL, 0), .grace = TEND_SECONDS(2) };
	began = test_now_ns();
	for (int i = 0; i < N; i++)
		test_thread_start(&threads[i], stop_it, &s[i]);
	for (int i = 0; i < N; i++)
		test_thread_join(&threads[i]);
	CHECK(test_now_ns() - began < INT64_C(16000000000));
	for (int i = 0; i < N; i++) {
		CHECK_INT(TEND_STOPPED_BY_KILL, s[i].report.outcome);
		CHECK(s[i].report.duration_ns >= INT64_C(2000000000));
		tend_process_free(s[i].p);
	}
}

/* ---- when it does not work ---- */

/*
 * Hazard 62, OE-15, TM-4, ER-7, ER-8: a child that may not be signalled is said to be so at once; nothing is escalated.
 * terminate::terminate_falls_back_to_kill_when_graceful_signal_sends_fail,
 * signal_failures::send_signal_returns_typed_error_when_child_is_still_running_after_signal_failure,
 * kill::kill_reports_start_kill_failure_as_termination_error
 */
static void refused_by_the_kernel(void)
{
	tend_process *p = ready("obedient", NULL, "ready", NULL, 0);
	struct tend_stop_report r = { .outcome = TEND_STOP_NOT_RUN };
	struct tend_error e = { .code = 0 };

	if (!p)
		return;
	fault_fail_sys_from("pidfd_signal", 1, EPERM);
	fault_fail_sys_from("kill", 1, EPERM);
	CHECK_INT(-EPERM, tend_process_stop(p, &TEND_STOP_TERM(PATIENT), &r, &e));
	CHECK_INT(-EPERM, e.code);
	CHECK_INT(TEND_STEP_SIGNAL_GROUP, e.step);
	CHECK_INT(TEND_STOP_REFUSED, r.outcome);
	for (size_t i = 0; i < r.n_signals; i++) {
		CHECK(r.signals[i].signal != SIGKILL);
		CHECK_INT(-EPERM, r.signals[i].error);
	}
	CHECK_INT(-EPERM, tend_process_signal(p, SIGTERM, TEND_LEADER, &e));
	CHECK_INT(TEND_STEP_SIGNAL_LEADER, e.step);
	CHECK_INT(SIGTERM, e.signal);
	CHECK_INT(tend_process_pid(p), e.pid);
	CHECK_INT(-EPERM, tend_process_kill(p, TEST_PATIENCE, &r, &e));
	CHECK_INT(TEND_STOP_REFUSED, r.outcome);
	fault_reset();
	CHECK(test_alive(tend_process_pid(p)));
	r = stop(p, &TEND_STOP_TERM(PATIENT));
	CHECK_INT(TEND_STOPPED_IN_PHASE, r.outcome);
	tend_process_free(p);
}

#define NOBODY 65534

/*
 * All threads of this process become another user, who is signalled by root and may not signal it; the saved id leads
 * back.  What a change of ids takes from a process is its own /proc, which the runner looks into.
 */
static bool become(uid_t id)
{
	return setresuid(id, id, 0) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
}

/* In a process of its own, and as root; says so where that is not to be had. */
static bool can_become_nobody(void)
{
	bool can = geteuid() == 0 && test_has_pidfd_open() && become(NOBODY) && become(0);

	if (!can)
		printf("(left out: only root can change ids) ");
	return can && test_is_apart();
}

/* Hazard 62: the same with a child of another user and nothing in the way but the kernel itself. */
static void refused_by_a_real_kernel(void)
{
	tend_process *p = can_become_nobody() ? ready("obedient", NULL, "ready", NULL, 0) : NULL;
	struct tend_adopt adopt = { .if_forgotten = TEND_FORGOTTEN_DETACH };
	struct tend_stop_report r = { .outcome = TEND_STOP_NOT_RUN };
	tend_process *roots = NULL;
	struct tend_error e = { .code = 0 };

	if (!p)
		return;
	adopt.pid = tend_process_pid(p);
	CHECK(become(NOBODY));
	if (CHECK_OK(tend_adopt(&adopt, &roots, &e), &e)) {
		CHECK_INT(-EPERM, tend_process_signal(roots, SIGTERM, TEND_LEADER, &e));
		CHECK_INT(-EPERM, tend_process_signal(roots, SIGTERM, TEND_GROUP, &e));
		CHECK_INT(-EPERM, tend_process_stop(roots, &TEND_STOP_TERM(PATIENT), &r, &e));
		CHECK_INT(TEND_STEP_SIGNAL_GROUP, e.step);
		CHECK_INT(TEND_STOP_REFUSED, r.outcome);
		CHECK_INT(1, r.phase); /* as it began: nothing is waited for, and nothing escalated */
		CHECK(r.n_signals > 0);
		for (size_t i = 0; i < r.n_signals; i++) {
			CHECK(r.signals[i].signal != SIGKILL);
			CHECK_INT(-EPERM, r.signals[i].error);
		}
		CHECK_INT(-EPERM, tend_process_kill(roots, PATIENT, &r, &e));
		CHECK_INT(TEND_STOP_REFUSED, r.outcome);
	}
	tend_process_free(roots);
	CHECK(become(0));
	r = stop(p, &TEND_STOP_TERM(PATIENT)); /* nothing of all that has reached it */
	CHECK_INT(TEND_STOPPED_IN_PHASE, r.outcome);
	tend_process_free(p);
}

/* A leader that is nobody's and a member of its group that is root's, which no library has started. */
static tend_process *start_mixed_group(pid_t *ret_member)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p = NULL;
	struct tend_error e;
	int r;

	s.uid = TEND_UID(NOBODY);
	s.gid = TEND_GID(NOBODY);
	s.groups = TEND_GROUPS_NONE;
	r = tend_spawn(&s, &p, &e);
	if (r == -EACCES)
		printf("(left out: %s) ", e.message); /* the helpers are where nobody may look */
	if (r == -EACCES || !CHECK_OK(r, &e))
		return NULL;
	test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	*ret_member = fork();
	if (*ret_member == 0)
		for (;;)
			pause();
	CHECK_INT(0, setpgid(*ret_member, tend_process_pid(p)));
	return p;
}

static void check_survives(const struct tend_stop_report *r, pid_t member)
{
	CHECK_INT(1, r->n_survivors);
	CHECK_INT(member, r->survivors[0].pid);
	CHECK(test_alive(member));
}

/* Hazard 62: of whom a signal was for the one gets it, the other is not to be signalled, and is said to be there. */
static void half_a_group_is_refused(void)
{
	struct tend_stop plan = { .after_kill = TEND_MS(20) };
	struct tend_stop_report r = { .outcome = TEND_STOP_UNCONFIRMED };
	bool is_done = !can_become_nobody();

	for (int64_t ms = 20; !is_done; ms *= 2) { /* as long as the leader needs to be gone */
		pid_t member = 0;
		tend_process *p = start_mixed_group(&member);
		struct tend_error e;

		if (!p)
			return;
		plan.after_kill = TEND_MS(ms);
		CHECK(become(NOBODY));
		CHECK_OK(tend_process_stop(p, &plan, &r, &e), &e);
		is_done = r.outcome != TEND_STOP_UNCONFIRMED;
		if (is_done) {
			CHECK_INT(TEND_STOP_SURVIVORS, r.outcome);
			check_survives(&r, member);
			/* Of those who are left nobody; before Linux 6.9 there is a mere number, and none is sent. */
			CHECK((tend_process_stop(p, &plan, &r, &e) == -EPERM) == (r.outcome == TEND_STOP_REFUSED));
			CHECK(r.outcome == TEND_STOP_REFUSED || r.outcome == TEND_STOP_SURVIVORS);
			check_survives(&r, member);
		}
		CHECK(become(0));
		kill(member, SIGKILL);
		CHECK_INT(member, waitpid(member, NULL, 0));
		tend_process_free(p);
	}
}

/* Hazard 50, OE-23: a child that SIGKILL does not end in time is said to be there still, and stays watched. */
static void kill_without_effect(void)
{
	tend_process *p = ready("obedient", NULL, "ready", NULL, 0);
	struct tend_stop plan = TEND_STOP_TERM(TEND_MS(30));
	struct tend_stop_report r;
	struct tend_exit ended;
	siginfo_t info;

	if (!p)
		return;
	plan.after_kill = TEND_MS(80);
	CHECK_INT(0, kill(tend_process_pid(p), SIGSTOP));
	CHECK_INT(0, waitid(P_PID, (id_t)tend_process_pid(p), &info, WSTOPPED | WNOWAIT));
	fault_fail_sys_from("pidfd_signal", 1, ESRCH); /* the signals get lost */
	fault_fail_sys_from("kill", 1, ESRCH);
	r = stop(p, &plan);
	CHECK_INT(TEND_STOP_UNCONFIRMED, r.outcome);
	CHECK_INT('T', r.leader.state);
	CHECK_INT(0, r.leader.tracer);
	CHECK(r.duration_ns >= 110000000 && tend_stop_total(&plan) >= TEND_MS(110));
	if (!test_under_valgrind()) /* no more than it may take, but for a machine that is busy */
		CHECK(r.duration_ns < tend__span_ns(tend_stop_total(&plan)) + 20 * INT64_C(1000000000));
	fault_reset();
	CHECK_INT(0, kill(tend_process_pid(p), SIGCONT));
	CHECK_INT(0, kill(tend_process_pid(p), SIGTERM));
	if (test_wait(p, &ended))
		CHECK_INT(SIGTERM, ended.signal);
	tend_process_free(p);
}

static struct {
	pthread_mutex_t lock;
	char words[512];
} said = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void take_down(void *arg, const struct tend_log_event *e)
{
	static const char *const levels[] = { [TEND_LOG_ERROR] = "error", [TEND_LOG_WARNING] = "warning",
		                              [TEND_LOG_INFO] = "info" };
	size_t n;

	(void)arg;
	pthread_mutex_lock(&said.lock);
	n = strlen(said.words);
	snprintf(said.words + n, sizeof said.words - n, "%s %s, ", levels[e->level], e->event);
	pthread_mutex_unlock(&said.lock);
}

/* The log may hear of the end of a stop a little later than who waited for it. */
static void await_said(const char *words)
{
	bool found = false;

	while (!found) {
		pthread_mutex_lock(&said.lock);
		found = strstr(said.words, words) != NULL;
		pthread_mutex_unlock(&said.lock);
		sched_yield();
	}
}

/* LG-8, LG-10, LG-12 to LG-16: phases, their end, a child that is still there, and one whose handle was freed. */
static void what_is_done_is_logged(void)
{
	static const struct tend_stop lost = { .after_kill = TEND_MS(20) };
	tend_process *p;
	pid_t pid;

	test_keeps_allocations(2);
	CHECK_INT(0, tend_set_log(take_down, NULL, TEND_LOG_INFO));
	p = ready("stubborn", NULL, "ready", NULL, 0);
	if (!p)
		return;
	stop(p, &TEND_STOP_TERM(TEND_MS(20)));
	await_said("info spawn, info stop-phase, warning stop-phase, info exit, info stopped, ");
	tend_process_free(p);
	p = ready("obedient", NULL, "ready", NULL, 0);
	if (!p)
		return;
	pid = tend_process_pid(p);
	fault_fail_sys_from("pidfd_signal", 1, ESRCH); /* the signals get lost */
	fault_fail_sys_from("kill", 1, ESRCH);
	stop(p, &lost);
	fault_reset();
	await_said("info spawn, warning stop-phase, error unkillable, error stopped, ");
	tend_process_free(p);
	await_said("error stopped, warning forgotten, warning stop-phase, info exit, info stopped, ");
	test_await_gone(pid);
	CHECK_INT(0, tend_set_log(NULL, NULL, TEND_LOG_INFO));
}

static struct {
	pthread_mutex_t lock;
	char text[512];
} phases_said = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void take_down_phase(void *arg, const struct tend_log_event *e)
{
	size_t n;

	(void)arg;
	if (strcmp(e->event, "stop-phase") != 0)
		return;
	pthread_mutex_lock(&phases_said.lock);
	n = strlen(phases_said.text);
	snprintf(phases_said.text + n, sizeof phases_said.text - n, "%d %s\n", e->level, e->message);
	pthread_mutex_unlock(&phases_said.lock);
}

/* Runs the plan while each signal fails with `error`; what the log was told.  Phases are logged before their end. */
static void check_phases_said(const struct tend_stop *plan, int error, const char *expected)
{
	tend_process *p = ready("stubborn", NULL, "ready", NULL, 0);
	char text[sizeof phases_said.text];

	if (!p)
		return;
	pthread_mutex_lock(&phases_said.lock);
	phases_said.text[0] = '\0';
	pthread_mutex_unlock(&phases_said.lock);
	if (error) {
		fault_fail_sys_from("pidfd_signal", 1, error);
		fault_fail_sys_from("kill", 1, error);
	}
	CHECK_INT(error == EPERM ? -EPERM : 0, tend_process_stop(p, plan, NULL, NULL));
	fault_reset();
	pthread_mutex_lock(&phases_said.lock);
	snprintf(text, sizeof text, "%s", phases_said.text);
	pthread_mutex_unlock(&phases_said.lock);
	CHECK_STR(expected, text);
	CHECK_INT(0, tend_process_kill(p, PATIENT, NULL, NULL));
	tend_process_free(p);
}

/* LG-7, LG-11: sent, reached nobody, or refused and why: the log does not say that a signal was sent which was not. */
static void what_became_of_a_signal_is_logged(void)
{
	static const struct tend_stop_phase phases[] = { { SIGTERM, TEND_GROUP, TEND_AT_ONCE } };
	static const struct tend_stop patient = { .phases = phases, .n_phases = 1, .after_kill = PATIENT };
	static const struct tend_stop hasty = { .phases = phases, .n_phases = 1, .after_kill = TEND_AT_ONCE };
	static const struct tend_stop only_kill = { .after_kill = TEND_AT_ONCE };

	test_keeps_allocations(2);
	CHECK_INT(0, tend_set_log(take_down_phase, NULL, TEND_LOG_INFO));
	check_phases_said(&patient, 0, "3 phase 1: signal 15 sent\n"
	                               "2 phase 2: signal 9 sent\n");
	check_phases_said(&hasty, ESRCH, "3 phase 1: signal 15 reached nobody: No such process\n"
	                                 "2 phase 2: signal 9 reached nobody: No such process\n");
	check_phases_said(&hasty, EPERM, "2 phase 1: signal 15 could not be sent: Operation not permitted\n");
	check_phases_said(&only_kill, EPERM, "1 phase 1: signal 9 could not be sent: Operation not permitted\n");
	CHECK_INT(0, tend_set_log(NULL, NULL, TEND_LOG_INFO));
}

/* Appendix 63: ESRCH is no failure; the stop goes on and looks. */
static void lost_signal(void)
{
	tend_process *p = ready("obedient", NULL, "ready", NULL, 0);
	struct tend_stop_report r;

	if (!p)
		return;
	fault_fail_sys("pidfd_signal", 1, ESRCH);
	r = stop(p, &TEND_STOP_TERM(TEND_MS(50)));
	fault_reset();
	CHECK(r.outcome == TEND_STOPPED_IN_PHASE || r.outcome == TEND_STOPPED_BY_KILL);
	CHECK(!test_alive(tend_process_pid(p)));
	tend_process_free(p);
}

static void kill_it(struct test_thread *t, void *arg)
{
	struct stopping *s = arg;

	WORKER_CHECK_INT(t, 0, tend_process_kill(s->p, TEST_PATIENCE, &s->report, NULL));
}

/* A kill that meets one that is waited for, and did not reach all: there is another SIGKILL, now. */
static void kill_during_kill(void)
{
	struct stopping s = { .p = ready("obedient", NULL, "ready", NULL, 0) };
	unsigned long sent = fault_sys_calls("pidfd_signal") + fault_sys_calls("kill");
	struct tend_stop_report r;
	struct test_thread t;
	struct tend_error e;

	if (!s.p)
		return;
	fault_fail_sys_from("pidfd_signal", 1, ESRCH);
	fault_fail_sys_from("kill", 1, ESRCH);
	test_thread_start(&t, kill_it, &s);
	while (fault_sys_calls("pidfd_signal") + fault_sys_calls("kill") == sent)
		sched_yield();
	fault_reset();
	CHECK_OK(tend_process_kill(s.p, TEST_PATIENCE, &r, &e), &e);
	test_thread_join(&t);
	CHECK_INT(TEND_STOPPED_BY_KILL, r.outcome);
	CHECK_INT(TEND_STOPPED_BY_KILL, s.report.outcome);
	CHECK_INT(2, (intmax_t)s.report.n_signals);
	tend_process_free(s.p);
}

/* Hazards 27, 36: the same, by number instead of by pidfd. */
static void with_fallbacks(void)
{
	static const char *const missing[] = { "pidfd_group", "pidfd_signal", "vfork,pidfd_signal,close_range" };
	static const char *const again[] = { "obeyed_in_phase_one", "stubborn_is_killed", "two_phases",
		                             "leader_goes_group_stays", "leader_was_gone", "stopped_child_is_continued",
		                             "leader_alone_is_told", "leader_is_elsewhere", "stopped_before",
		                             "kill_takes_the_group",
		                             "zombies_are_not_alive", "kill_during_stop", NULL };

	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		CHECK_INT(0, test_run_self(again, "TEND_DISABLE", missing[i], NULL, 0));
}

/*
 * A filter may be one thread's own: that this one may not send to a group by its pidfd says nothing of the reaper.  As
 * it is taken for a kernel that cannot, for all that are started later, this one is the last test.
 */
static void one_thread_may_not(void)
{
	const struct tend_stop kill_it = { .after_kill = TEND_DEFAULT_AFTER_KILL };
	tend_process *p = test_spawn(&test_reliable_all, "forker", "quiet", "0", NULL);
	struct tend_stop_report report;
	struct tend_exit ended;
	struct tend_error e;
	char pid[16] = "0";

	if (!p)
		return;
	test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid);
	CHECK(test_wait(p, &ended));
	fault_only_this_thread(true);
	fault_fail_sys("pidfd_signal", 1, ENOSYS);
	tend_process_signal(p, SIGCONT, TEND_GROUP, &e);
	fault_reset();
	CHECK_OK(tend_process_stop(p, &kill_it, &report, &e), &e);
	CHECK_INT(TEND_STOPPED_BY_KILL, report.outcome);
	test_await_gone(atoi(pid));
	tend_process_free(p);
}

/* ---- stops of one whose end is not seen ---- */

static void kill_briefly(struct test_thread *t, void *arg)
{
	struct tend_stop_report report;
	struct tend_error e;

	WORKER_CHECK_INT(t, 0, tend_process_kill(arg, TEND_MS(300), &report, &e));
	WORKER_CHECK_INT(t, TEND_STOP_UNCONFIRMED, report.outcome);
	fault_reset();
}

/* Of two who have joined a stop the first may be the first to leave; the other one goes on waiting. */
static void first_one_leaves_first(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "stubborn", NULL);
	struct tend_stop_report report;
	struct tend_error e;
	struct blocked b;

	if (!p || !test_await_line(tend_process_stdout(p), "ready", NULL, 0))
		return;
	fault_twist("wait", 1, FAULT_SPURIOUS, true); /* as if its tracer held it */
	blocked_start(&b, kill_briefly, p);
	blocked_in(&b, ON_WORD_OF(&p->stopped));
	CHECK_OK(tend_process_kill(p, TEST_PATIENCE, &report, &e), &e);
	CHECK(report.outcome == TEND_STOPPED_BY_KILL || report.outcome == TEND_STOPPED_BEFORE);
	blocked_end(&b);
	fault_reset();
	tend_process_free(p);
}

static void stop_patiently(struct test_thread *t, void *arg)
{
	static const struct tend_stop plan = { .after_kill = TEST_PATIENCE };
	struct tend_stop_report report;
	struct tend_error e;

	WORKER_CHECK_INT(t, 0, tend_process_stop(arg, &plan, &report, &e));
	WORKER_CHECK_INT(t, TEND_STOPPED_BY_KILL, report.outcome);
	WORKER_CHECK_INT(t, sizeof report.signals / sizeof *report.signals, report.n_signals);
}

/* More signals than a report has room for are sent all the same; it has the first ones. */
static void more_signals_than_room(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "stubborn", NULL);
	struct tend_stop_report report;
	struct blocked b;

	if (!p || !test_await_line(tend_process_stdout(p), "ready", NULL, 0))
		return;
	fault_twist("wait", 1, FAULT_SPURIOUS, true);
	blocked_start(&b, stop_patiently, p);
	blocked_in(&b, ON_WORD_OF(&p->stopped));
	for (size_t i = 0; i < sizeof report.signals / sizeof *report.signals + 2; i++) {
		CHECK_INT(0, tend_process_kill(p, TEND_AT_ONCE, &report, NULL));
		CHECK_INT(TEND_STOP_UNCONFIRMED, report.outcome);
	}
	fault_reset();
	blocked_end(&b);
	tend_process_free(p);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "obeyed_in_phase_one", obeyed_in_phase_one },
		{ "stubborn_is_killed", stubborn_is_killed },
		{ "two_phases", two_phases },
		{ "phase_without_length", phase_without_length },
		{ "leader_goes_group_stays", leader_goes_group_stays },
		{ "leader_was_gone", leader_was_gone },
		{ "stopped_child_is_continued", stopped_child_is_continued },
		{ "leader_alone_is_told", leader_alone_is_told },
		{ "leader_is_elsewhere", leader_is_elsewhere },
		{ "stopped_before", stopped_before },
		{ "kill_takes_the_group", kill_takes_the_group },
		{ "zombies_are_not_alive", zombies_are_not_alive },
		{ "kill_during_stop", kill_during_stop },
		{ "stop_during_stop", stop_during_stop },
		{ "many_at_once", many_at_once },
		{ "refused_by_the_kernel", refused_by_the_kernel },
		{ "refused_by_a_real_kernel", refused_by_a_real_kernel },
		{ "half_a_group_is_refused", half_a_group_is_refused },
		{ "kill_without_effect", kill_without_effect },
		{ "what_is_done_is_logged", what_is_done_is_logged },
		{ "what_became_of_a_signal_is_logged", what_became_of_a_signal_is_logged },
		{ "lost_signal", lost_signal },
		{ "kill_during_kill", kill_during_kill },
		{ "first_one_leaves_first", first_one_leaves_first },
		{ "more_signals_than_room", more_signals_than_room },
		{ "with_fallbacks", with_fallbacks },
		{ "one_thread_may_not", one_thread_may_not },
	};

	return test_main(argc, argv, "stop", tests, sizeof tests / sizeof *tests);
}
