/* SPDX-License-Identifier: MIT */
/*
 * How a child is, and how it ended, in hosts that take the status away: hazards 30, 31, 37, 41, 43, 47, 51.  Where the
 * kernel can tell all the same (PIDFD_GET_INFO, Linux 6.15) the status has to be right; where it cannot, unknown.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "test.h"
#include "thread.h"

static tend_process *spawn_plain(const char *program, const char *arg)
{
	const char *argv[] = { helper(program), arg, NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p = NULL;
	struct tend_error e;

	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

/* ---- hosts that take the status away ---- */

static bool is_right(const struct tend_exit *e, int code)
{
	if (e->kind == TEND_EXIT_UNKNOWN)
		return !test_kernel_tells() && e->code == 0 && e->signal == 0 && !e->has_rusage;
	return e->kind == TEND_EXITED && e->code == code;
}

static _Atomic bool thief_must_go;

static void thieve(struct test_thread *t, void *arg)
{
	(void)t;
	(void)arg;
	while (!atomic_load(&thief_must_go))
		if (waitpid(-1, NULL, WNOHANG) <= 0)
			sched_yield();
}

#define AT_ONCE 25

/* Hazards 30, 33: 500 children against a thief; each exit code is another one, and each is right. */
static void stolen_in_a_race(void)
{
	const int rounds = test_under_valgrind() || test_under_sanitizer() ? 4 : 20;
	struct test_thread thief;

	atomic_store(&thief_must_go, false);
	test_thread_start(&thief, thieve, NULL);
	for (int round = 0; round < rounds; round++) {
		tend_process *p[AT_ONCE];
		struct tend_exit ended;
		char code[16];

		for (int i = 0; i < AT_ONCE; i++) {
			snprintf(code, sizeof code, "%d", (round * AT_ONCE + i) % 250);
			p[i] = spawn_plain("exiter", code);
		}
		for (int i = 0; i < AT_ONCE; i++) {
			if (p[i] && test_wait(p[i], &ended))
				CHECK(is_right(&ended, (round * AT_ONCE + i) % 250));
			tend_process_free(p[i]);
		}
	}
	atomic_store(&thief_must_go, true);
	test_thread_join(&thief);
}

/* Hazard 30: the library is kept from looking until the host has taken the status. */
static void stolen_for_certain(void)
{
	tend_process *p = spawn_plain("obedient", NULL);
	struct tend_exit ended;
	int status;

	if (!p)
		return;
	fault_fail_sys_from("wait", 1, ECHILD);
	CHECK_INT(0, kill(tend_process_pid(p), SIGKILL));
	CHECK_INT(tend_process_pid(p), waitpid(tend_process_pid(p), &status, 0));
	if (test_wait(p, &ended)) {
		CHECK_INT(test_kernel_tells() ? TEND_SIGNALED : TEND_EXIT_UNKNOWN, ended.kind);
		CHECK_INT(test_kernel_tells() ? SIGKILL : 0, ended.signal);
		CHECK(!ended.by_us);
		CHECK(!ended.has_rusage);
	}
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_LEADER, NULL));
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_GROUP, NULL));
	fault_reset();
	tend_process_free(p);
}

/*
 * Hazards 31, 43; WC-8: the kernel reaps children itself; waits do not hang, and know, and stops work as ever.
 * wait::or_terminate_returns_wait_failure_after_cleanup,
 * preflight_reap::preflight_status_error_does_not_stop_termination_escalation
 */
static void sigchld_ignored(void)
{
	static const struct sigaction ways[] = {
		{ .sa_handler = SIG_IGN },
		{ .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT },
	};
	struct sigaction before;

	for (size_t i = 0; i < 2; i++) {
		sigaction(SIGCHLD, &ways[i], &before);
		for (int n = 0; n < 20; n++) {
			tend_process *p = spawn_plain(n % 2 ? "exiter" : "sleeper", "5");
			struct tend_exit ended;

			if (p && test_wait(p, &ended))
				CHECK(is_right(&ended, n % 2 ? 5 : 0));
			tend_process_free(p);
		}
		tend_process *p = spawn_plain("stubborn", NULL);
		struct tend_stop_report stopped;
		struct tend_exit ended;
		struct tend_error e;

		CHECK_OK(tend_process_kill(p, TEST_PATIENCE, &stopped, &e), &e);
		CHECK_INT(TEND_STOPPED_BY_KILL, stopped.outcome);
		if (test_wait(p, &ended) && test_kernel_tells()) {
			CHECK_INT(SIGKILL, ended.signal);
			CHECK(ended.by_us);
		}
		tend_process_free(p);
		sigaction(SIGCHLD, &before, NULL);
	}
}

/* A core dump is one, whoever reaped. */
static void core_and_signal_by_the_kernel(void)
{
	tend_process *p = spawn_plain("crasher", "6");
	struct tend_exit waited, told;

	if (!p || !test_wait(p, &waited))
		return;
	CHECK_INT(SIGABRT, waited.signal);
	CHECK(waited.has_rusage);
	CHECK(!waited.by_us);
	tend_process_free(p);
	if (!test_kernel_tells())
		return;
	while (!test_no_children()) /* the reaper is behind it */
		sched_yield();
	fault_fail_sys_from("wait", 1, ECHILD);
	p = spawn_plain("crasher", "6");
	if (p) {
		waitpid(tend_process_pid(p), NULL, 0);
		if (test_wait(p, &told)) {
			CHECK_INT(SIGABRT, told.signal);
			CHECK_INT(waited.core_dumped, told.core_dumped);
		}
	}
	fault_reset();
	tend_process_free(p);
}

/* ---- status ---- */

static void await_state(tend_process *p, enum tend_state state)
{
	struct tend_status s = { .state = 0 };
	int64_t until = test_now_ns() + INT64_C(60000000000);

	while (tend_process_status(p, &s) == 0 && s.state != state && test_now_ns() < until)
		sched_yield();
	CHECK_INT(state, s.state);
}

/*
 * RS-1, RS-3, RS-4, hazard 51: running, stopped, continued, exited; asking changes nothing.
 * is_running::reports_running_before_wait_and_terminated_after_wait
 */
static void states(void)
{
	tend_process *p = spawn_plain("obedient", NULL);
	struct tend_status s;
	struct tend_exit ended;

	if (!p)
		return;
	CHECK_INT(-EINVAL, tend_process_status(NULL, &s));
	CHECK_INT(-EINVAL, tend_process_status(p, NULL));
	CHECK_INT(0, tend_process_status(p, &s));
	CHECK_INT(TEND_STATE_RUNNING, s.state);
	CHECK_INT(TEND_RUNNING, s.exit.kind);
	CHECK(s.kernel.state != 0);
	CHECK_INT(0, tend_process_signal(p, SIGSTOP, TEND_LEADER, NULL));
	await_state(p, TEND_STATE_STOPPED);
	CHECK_INT(0, tend_process_wait(p, TEND_AT_ONCE, &ended, NULL));
	CHECK_INT(TEND_RUNNING, ended.kind); /* a stop is no exit */
	CHECK_INT(0, tend_process_signal(p, SIGCONT, TEND_LEADER, NULL));
	await_state(p, TEND_STATE_RUNNING);
	CHECK_INT(0, tend_process_signal(p, SIGTERM, TEND_LEADER, NULL));
	await_state(p, TEND_STATE_EXITED);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(0, tend_process_status(p, &s));
		CHECK_INT(TEND_STATE_EXITED, s.state);
		CHECK_INT(SIGTERM, s.exit.signal);
		CHECK(s.exit.by_us);
		CHECK_INT(0, s.kernel.state);
	}
	if (test_wait(p, &ended))
		CHECK_INT(SIGTERM, ended.signal);
	tend_process_free(p);
}

/* A file of /proc may come in pieces. */
static void read_in_pieces(void)
{
	tend_process *p = spawn_plain("obedient", NULL);

	if (!p)
		return;
	CHECK_INT(0, tend_process_signal(p, SIGSTOP, TEND_LEADER, NULL));
	fault_twist("read", 1, FAULT_SHORT, true);
	await_state(p, TEND_STATE_STOPPED);
	CHECK(fault_fired());
	fault_reset();
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
}

/* A status that was looked at leaves the status for the host's own waitid(2), and its guard armed (RS-2). */
static void looking_does_not_reap(void)
{
	tend_process *p = spawn_plain("exiter", "9");
	siginfo_t info = { .si_pid = 0 };

	if (!p)
		return;
	await_state(p, TEND_STATE_EXITED);
	if (waitid(P_PID, (id_t)tend_process_pid(p), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
		CHECK_INT(9, info.si_status);
	tend_process_free(p);
}

/* Hazard 50: a child that SIGKILL does not end for now; the report says what holds it. */
static void unkillable_is_explained(void)
{
	static const struct tend_stop plan = { .after_kill = TEND_MS(50) };
	tend_process *p = spawn_plain("obedient", NULL);
	struct tend_stop_report report;
	struct tend_exit ended;
	int status;
	pid_t pid;

	if (!p)
		return;
	pid = tend_process_pid(p);
	/* Its tracer, which is us, sees it stop at its exit and does not let go of it. */
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXIT) < 0) {
		CHECK_INT(EPERM, errno);
		tend_process_free(p);
		return;
	}
	CHECK_INT(0, tend_process_stop(p, &plan, &report, NULL));
	if (report.outcome == TEND_STOP_UNCONFIRMED) {
		CHECK_INT('t', report.leader.state);
		CHECK_INT(getpid(), report.leader.tracer);
		CHECK_INT(pid, waitpid(pid, &status, __WALL));
		CHECK_INT(0, ptrace(PTRACE_DETACH, pid, NULL, NULL));
	} else { /* kernels differ on whether SIGKILL breaks into that stop */
		CHECK_INT(TEND_STOPPED_BY_KILL, report.outcome);
	}
	if (test_wait(p, &ended))
		CHECK_INT(SIGKILL, ended.signal);
	tend_process_free(p);
}

/* A tracer has stopped it: that is not what SIGSTOP does. */
static void traced(void)
{
	tend_process *p = spawn_plain("obedient", NULL);
	struct tend_status s;
	int status;
	pid_t pid;

	if (!p)
		return;
	pid = tend_process_pid(p);
	if (ptrace(PTRACE_SEIZE, pid, NULL, 0) == 0) {
		CHECK_INT(0, ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
		CHECK_INT(pid, waitpid(pid, &status, __WALL));
		CHECK_INT(0, tend_process_status(p, &s));
		CHECK_INT(TEND_STATE_TRACED, s.state);
		CHECK_INT(getpid(), s.kernel.tracer);
		CHECK_INT(0, ptrace(PTRACE_DETACH, pid, NULL, NULL));
	} else {
		CHECK_INT(EPERM, errno);
	}
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
}

/*
 * The host reaps it between our look and our signal: a number that is not the child's any more gets no signal, now or
 * later, and nothing is said of who has it.  The host's waitpid(2) is a fault here, and comes later.
 */
static void reaped_before_the_signal(void)
{
	tend_process *p = spawn_plain("obedient", NULL);
	struct tend_exit ended;
	struct tend_status s;
	unsigned long kills;
	pid_t pid;

	if (!p)
		return;
	pid = tend_process_pid(p);
	kills = fault_sys_calls("kill");
	fault_only_this_thread(true);
	fault_fail_sys_from("pidfd_signal", 1, ENOSYS);
	fault_fail_sys("wait", 2, ECHILD);
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_LEADER, NULL));
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_LEADER, NULL));
	fault_reset();
	CHECK_INT(kills, fault_sys_calls("kill"));
	CHECK_INT(0, tend_process_status(p, &s));
	CHECK_INT(0, s.kernel.state);
	CHECK_INT(0, kill(pid, SIGKILL));
	if (test_wait(p, &ended))
		CHECK_INT(SIGKILL, ended.signal);
	tend_process_free(p);
	CHECK_INT(pid, waitpid(pid, NULL, 0));
}

/* Without what the newer kernels know. */
static void with_fallbacks(void)
{
	static const char *const missing[] = { "pidfd_info", "vfork", "pidfd_signal" };
	static const char *const again[] = { "stolen_in_a_race", "stolen_for_certain", "sigchld_ignored", "states",
		                             NULL };

	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		CHECK_INT(0, test_run_self(again, "TEND_DISABLE", missing[i], NULL, 0));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "stolen_in_a_race", stolen_in_a_race },
		{ "stolen_for_certain", stolen_for_certain },
		{ "sigchld_ignored", sigchld_ignored },
		{ "core_and_signal_by_the_kernel", core_and_signal_by_the_kernel },
		{ "states", states },
		{ "read_in_pieces", read_in_pieces },
		{ "looking_does_not_reap", looking_does_not_reap },
		{ "unkillable_is_explained", unkillable_is_explained },
		{ "traced", traced },
		{ "reaped_before_the_signal", reaped_before_the_signal },
		{ "with_fallbacks", with_fallbacks },
	};

	return test_main(argc, argv, "status", tests, sizeof tests / sizeof *tests);
}
