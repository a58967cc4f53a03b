/* SPDX-License-Identifier: MIT */
/*
 * Waiting and signalling: the right status to everybody who asks, whatever else the host does, and never a stranger
 * signalled.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
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

/* ---- how it ended ---- */

static void check_exit(const char *program, const char *arg, enum tend_exit_kind kind, int code, int sig)
{
	tend_process *p = spawn_plain(program, arg);
	struct tend_exit ended;

	if (p && test_wait(p, &ended)) {
		CHECK_INT(kind, ended.kind);
		CHECK_INT(code, ended.code);
		CHECK_INT(sig, ended.signal);
		CHECK(!ended.core_dumped);
		CHECK(ended.wall_ns > 0);
		CHECK(ended.rusage.ru_maxrss > 0);
	}
	tend_process_free(p);
}

/* Hazard 53: code and signal are two things; 143 is not SIGTERM. */
static void code_and_signal(void)
{
	check_exit("exiter", "0", TEND_EXITED, 0, 0);
	check_exit("exiter", "1", TEND_EXITED, 1, 0);
	check_exit("exiter", "127", TEND_EXITED, 127, 0);
	check_exit("exiter", "143", TEND_EXITED, 143, 0);
	check_exit("exiter", "255", TEND_EXITED, 255, 0);
	check_exit("crasher", "15", TEND_SIGNALED, 0, 15);
	check_exit("crasher", "9", TEND_SIGNALED, 0, 9);
	check_exit("crasher", "6", TEND_SIGNALED, 0, 6);
	check_exit("crasher", "40", TEND_SIGNALED, 0, 40);
}

/* WC-2, WC-4: a wait that timed out is repeated; the status of one that has exited is told again and again. */
static void wait_again(void)
{
	tend_process *p = spawn_plain("obedient", NULL);
	struct tend_exit ended;
	struct tend_error e;

	if (!p)
		return;
	CHECK_OK(tend_process_wait(p, TEND_AT_ONCE, &ended, &e), &e);
	CHECK_INT(TEND_RUNNING, ended.kind);
	CHECK_OK(tend_process_wait(p, TEND_MS(5), &ended, &e), &e);
	CHECK_INT(TEND_RUNNING, ended.kind);
	CHECK_OK(tend_process_signal(p, SIGTERM, TEND_LEADER, &e), &e);
	for (int i = 0; i < 3; i++) {
		if (test_wait(p, &ended))
			CHECK_INT(SIGTERM, ended.signal);
	}
	/* what is known goes before a time that is over */
	CHECK_OK(tend_process_wait(p, TEND_AT_ONCE, &ended, &e), &e);
	CHECK_INT(TEND_SIGNALED, ended.kind);
	CHECK_OK(tend_process_wait(p, TEND_AT_ONCE, NULL, &e), &e);
	tend_process_free(p);
}

/* WC-2: an exit that happened before the call is seen by one that does not wait. */
static void exit_before_the_call(void)
{
	for (int i = 0; i < 50; i++) {
		tend_process *p = spawn_plain("true-er", NULL);
		struct tend_exit ended;
		struct tend_error e;

		if (!p)
			return;
		test_await_gone(tend_process_pid(p));
		CHECK_OK(tend_process_wait(p, TEND_AT_ONCE, &ended, &e), &e);
		CHECK_INT(TEND_EXITED, ended.kind);
		tend_process_free(p);
	}
}

/* WC-23: no span is too long or too short; 0 is not chosen, a plain number is none. */
static void odd_timeouts(void)
{
	static const tend_duration long_ones[] = { TEND_FOREVER, TEND_SECONDS(INT64_MAX), TEND_MINUTES(INT64_MAX / 2),
		                                   TEND_NS(INT64_MAX), TEND_NS(TEND_DURATION_MAX) };
	static const tend_duration short_ones[] = { TEND_AT_ONCE, TEND_MS(-1), TEND_SECONDS(INT64_MIN) };
	static const tend_duration refused[] = { 0, 250, INT64_MIN };
	struct tend_exit ended;
	struct tend_error e;

	for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++) {
		tend_process *p = spawn_plain("sleeper", "20");

		CHECK_OK(tend_process_wait(p, long_ones[i], &ended, &e), &e);
		CHECK_INT(TEND_EXITED, ended.kind);
		CHECK(ended.wall_ns >= 20000000);
		tend_process_free(p);
	}
	tend_process *p = spawn_plain("obedient", NULL);

	for (size_t i = 0; i < sizeof short_ones / sizeof *short_ones; i++) {
		CHECK_OK(tend_process_wait(p, short_ones[i], &ended, &e), &e);
		CHECK_INT(TEND_RUNNING, ended.kind);
	}
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		CHECK_INT(-EINVAL, tend_process_wait(p, refused[i], &ended, &e));
		CHECK(strncmp(e.message, "timeout", 7) == 0);
	}
	tend_process_free(p);
}

struct shared {
	tend_process *p;
	_Atomic int waiting;
};

static void wait_for_it(struct test_thread *t, void *arg)
{
	struct shared *s = arg;
	struct tend_exit ended = { .kind = TEND_RUNNING };

	atomic_fetch_add(&s->waiting, 1);
	WORKER_CHECK_INT(t, 0, tend_process_wait(s->p, TEST_PATIENCE, &ended, NULL));
	WORKER_CHECK_INT(t, TEND_SIGNALED, ended.kind);
	WORKER_CHECK_INT(t, SIGTERM, ended.signal);
}

/* Waits of several threads on one process all return, with the same status. */
static void many_wait(void)
{
	struct test_thread threads[6];
	struct shared s = { .p = spawn_plain("obedient", NULL) };

	if (!s.p)
		return;
	for (int i = 0; i < 6; i++)
		test_thread_start(&threads[i], wait_for_it, &s);
	while (atomic_load(&s.waiting) < 6)
		sched_yield();
	CHECK_INT(0, tend_process_signal(s.p, SIGTERM, TEND_GROUP, NULL));
	for (int i = 0; i < 6; i++)
		test_thread_join(&threads[i]);
	tend_process_free(s.p);
}

/* Appendix 72, WC-1: waiting leaves stdin open. */
static void wait_leaves_stdin_open(void)
{
	const char *argv[] = { helper("stdiner"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	s.in = TEND_IN_PIPE;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	CHECK_OK(tend_process_wait(p, TEND_MS(20), &ended, &e), &e);
	CHECK_INT(TEND_RUNNING, ended.kind);
	CHECK_INT(0, tend_process_stdin_close(p));
	if (test_wait(p, &ended))
		CHECK_INT(0, ended.code);
	tend_process_free(p);
}

/* Hazard 46: the end of the output is not the end of the child. */
static void output_ends_before_the_child(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "closer", NULL);
	tend_subscription *sub = NULL;
	struct tend_event event;
	struct tend_exit ended;
	struct tend_error e;

	if (!p)
		return;
	CHECK_OK(tend_stream_subscribe(tend_process_stdout(p), NULL, &sub, &e), &e);
	CHECK_INT(0, tend_subscription_next(sub, TEST_PATIENCE, &event));
	CHECK_INT(TEND_EOF, event.kind);
	CHECK_OK(tend_process_wait(p, TEND_AT_ONCE, &ended, &e), &e);
	CHECK_INT(TEND_RUNNING, ended.kind);
	tend_subscription_close(sub);
	tend_process_free(p);
}

/* Hazards 37, 44; WC-5: the exit is the child's own, though a grandchild holds its pipes. */
static void exit_is_the_leaders(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "forker", "hold", "3", NULL);
	struct tend_exit ended;
	char pid[16] = "0";

	if (!p)
		return;
	if (test_wait(p, &ended))
		CHECK_INT(3, ended.code);
	if (test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid))
		CHECK(test_alive(atoi(pid)));
	CHECK_INT(TEND_END_NONE, tend_stream_stats(tend_process_stdout(p)).end);
	if (CHECK_INT(0, tend_process_signal(p, SIGKILL, TEND_GROUP, NULL)))
		test_await_gone(atoi(pid));
	tend_process_free(p);
}

/* Hazard 49: a wait sleeps. */
static void waiting_is_idle(void)
{
	tend_process *p = spawn_plain("obedient", NULL);
	unsigned long polls = fault_sys_calls("epoll_wait"), looks = fault_sys_calls("wait");
	struct tend_exit ended;

	if (!p)
		return;
	CHECK_INT(0, tend_process_wait(p, TEND_MS(200), &ended, NULL));
	CHECK(fault_sys_calls("epoll_wait") - polls < 10);
	CHECK(fault_sys_calls("wait") - looks < 10);
	tend_process_free(p);
}

/* Hazard 33: exits that come together are not lost. */
static void exit_together(void)
{
	enum { N = 100 };
	const char *argv[] = { helper("stdiner"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p[N] = { NULL };
	struct tend_exit ended;
	int fds[2];

	if (!CHECK_INT(0, pipe2(fds, O_CLOEXEC)))
		return;
	s.in = TEND_IN_FD(fds[0]);
	for (int i = 0; i < N; i++)
		CHECK_INT(0, tend_spawn(&s, &p[i], NULL));
	close(fds[0]);
	close(fds[1]); /* they all read EOF at once */
	for (int i = 0; i < N; i++) {
		if (p[i] && test_wait(p[i], &ended))
			CHECK_INT(TEND_EXITED, ended.kind);
		tend_process_free(p[i]);
	}
}

/* Hazard 41: the child's number lives on when a thread of it that is not its first executes a program. */
static void exec_by_another_thread(void)
{
	tend_process *p = test_spawn(&test_reliable, "threader", "exec", helper("exiter"), "9", NULL);
	struct tend_exit ended;

	if (p && test_wait(p, &ended))
		CHECK_INT(9, ended.code);
	tend_process_free(p);
}

/* Hazard 42: a child whose first thread has ended looks like a zombie, and runs. */
static void first_thread_ends(void)
{
	const char *argv[] = { helper("threader"), "last", "8", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	s.in = TEND_IN_PIPE;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	CHECK_OK(tend_process_wait(p, TEND_MS(20), &ended, &e), &e);
	CHECK_INT(TEND_RUNNING, ended.kind);
	tend_process_stdin_close(p);
	if (test_wait(p, &ended))
		CHECK_INT(8, ended.code);
	tend_process_free(p);
}

/* ---- signals ---- */

static void signals_arrive(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "sigcounter", NULL);
	struct tend_exit ended;
	struct tend_error e;

	if (!p)
		return;
	test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	CHECK_OK(tend_process_signal(p, SIGTERM, TEND_LEADER, &e), &e);
	test_await_line(tend_process_stdout(p), "got 15", NULL, 0);
	CHECK_OK(tend_process_signal(p, SIGHUP, TEND_GROUP, &e), &e);
	test_await_line(tend_process_stdout(p), "got 1", NULL, 0);
	CHECK_OK(tend_process_signal(p, SIGUSR1, TEND_GROUP, &e), &e);
	if (test_wait(p, &ended))
		CHECK_INT(0, ended.code);
	tend_process_free(p);
}

static void signals_refused(void)
{
	static const int bad[] = { -1, 65, 1000 };
	tend_process *p = spawn_plain("obedient", NULL);
	struct tend_exit ended;
	struct tend_error e;

	if (!p)
		return;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(-EINVAL, tend_process_signal(p, bad[i], TEND_LEADER, &e));
	CHECK_INT(-EINVAL, tend_process_signal(p, SIGTERM, (enum tend_target)0, &e));
	CHECK_INT(-EINVAL, tend_process_signal(p, SIGTERM, (enum tend_target)4, &e));
	CHECK_OK(tend_process_wait(p, TEND_AT_ONCE, &ended, &e), &e);
	CHECK_INT(TEND_RUNNING, ended.kind);
	tend_process_free(p);
}

/*
 * Hazards 36, 63; TM-1, TM-3, ER-7, OE-15: who is gone gets no signal, and that is said with its own errno, whether
 * or not the reaper has buried the leader yet.
 * preflight_reap::send_interrupt_signal_reaps_already_exited_child_before_signalling,
 * preflight_reap::send_terminate_signal_reaps_already_exited_child_before_signalling,
 * preflight_reap::send_signal_reaps_exit_observed_after_signal_failure
 */
static void signal_after_exit(void)
{
	for (int i = 0; i < 50; i++) {
		tend_process *p = spawn_plain("true-er", NULL);
		struct tend_exit ended;
		struct tend_error e = { .code = 0 };

		if (!p)
			return;
		test_wait(p, &ended);
		if (!CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_GROUP, &e)))
			i = 50;
		CHECK_INT(TEND_STEP_SIGNAL_GROUP, e.step);
		CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_LEADER, &e));
		CHECK_INT(TEND_STEP_SIGNAL_LEADER, e.step);
		CHECK_INT(SIGTERM, e.signal);
		CHECK_INT(tend_process_pid(p), e.pid);
		tend_process_free(p);
	}
}

/* Hazard 36, OE-14: the group is reached although its leader has long been waited for. */
static void group_outlives_the_leader(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "forker", "quiet", NULL);
	struct tend_exit ended;
	struct tend_error e;
	char pid[16] = "0";

	if (!p)
		return;
	test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid);
	test_wait(p, &ended);
	CHECK(test_alive(atoi(pid)));
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_LEADER, NULL));
	CHECK(test_alive(atoi(pid)));
	if (CHECK_OK(tend_process_signal(p, SIGTERM, TEND_GROUP, &e), &e))
		test_await_gone(atoi(pid));
	tend_process_free(p);
}

/* A child of ours with the given number, leader of its own group; -1 where the kernel does not let us choose. */
static pid_t stranger_with_number(pid_t number)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&number, .set_tid_size = 1 };
	long pid = syscall(SYS_clone3, &args, sizeof args);

	if (pid == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	return (pid_t)pid;
}

/* Whether this run is without group signals by pidfd: leaders are then not reaped while there is a handle. */
static bool leaders_are_kept(void)
{
	const char *disabled = getenv("TEND_DISABLE");

	return test_under_valgrind() ||
	       (disabled && (strstr(disabled, "pidfd_group") || strstr(disabled, "pidfd_signal")));
}

/* Hazard 35, OE-25: a number that was given to somebody else is not signalled. */
static void recycled_number(void)
{
	unsigned long kills = fault_sys_calls("kill");
	tend_process *p = spawn_plain("true-er", NULL);
	struct tend_stop_report stopped;
	struct tend_exit ended;
	struct tend_error e;
	pid_t stranger;
	int status;

	if (!p)
		return;
	test_wait(p, &ended);
	if (leaders_are_kept()) {
		/* Where the number is the only way to the group it cannot be given away while there is a handle. */
		CHECK_INT(-1, stranger_with_number(tend_process_pid(p)));
		CHECK_INT(-ESRCH, tend_process_signal(p, SIGKILL, TEND_GROUP, &e));
		tend_process_free(p);
		return;
	}
	while (!test_no_children())
		poll(NULL, 0, 1);
	/* nobody is left, and the number is not even tried */
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGKILL, TEND_GROUP, &e));
	CHECK_INT(kills, fault_sys_calls("kill"));
	stranger = stranger_with_number(tend_process_pid(p));
	if (stranger < 0) { /* not allowed to choose numbers */
		tend_process_free(p);
		return;
	}
	CHECK_INT(tend_process_pid(p), stranger);
	while (getpgid(stranger) != stranger)
		sched_yield();
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGKILL, TEND_LEADER, &e));
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGKILL, TEND_GROUP, &e));
	CHECK_OK(tend_process_kill(p, TEND_SECONDS(5), &stopped, &e), &e);
	CHECK_INT(TEND_STOPPED_BEFORE, stopped.outcome);
	tend_process_free(p);
	CHECK_INT(0, waitpid(stranger, &status, WNOHANG));
	CHECK_INT(0, kill(stranger, SIGTERM));
	CHECK_INT(stranger, waitpid(stranger, &status, 0));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

/* ---- fork ---- */

/* In the copy of the host: nothing of the handle works, nothing hangs, and freeing it does the child no harm. */
static int use_in_a_copy(tend_process *p)
{
	struct tend_stop_report stopped;
	struct tend_exit ended;

	CHECK_INT(-ECHILD, tend_process_wait(p, TEND_AT_ONCE, &ended, NULL));
	CHECK_INT(-EPERM, tend_process_signal(p, SIGKILL, TEND_GROUP, NULL));
	CHECK_INT(-ECHILD, tend_process_stop(p, &TEND_STOP_KILL, &stopped, NULL));
	CHECK_INT(-ECHILD, tend_process_kill(p, TEND_SECONDS(1), &stopped, NULL));
	CHECK_INT(-ECHILD, tend_process_stdin_write(p, "x", 1, TEND_SECONDS(1), NULL, NULL));
	CHECK_INT(-ECHILD, tend_process_stdin_close(p));
	CHECK(tend_process_free(p) == NULL);
	return 0;
}

/* Hazard 48: a fork of the host. */
static void host_forks(void)
{
	const char *argv[] = { helper("stdiner"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;
	char line[16] = "";
	int status = -1;
	pid_t copy;

	s.in = TEND_IN_PIPE;
	s.if_forgotten = TEND_FORGOTTEN_ABORT;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	copy = fork();
	if (copy == 0) {
		alarm(60);
		_exit(use_in_a_copy(p));
	}
	CHECK_INT(copy, waitpid(copy, &status, 0));
	CHECK_INT(0, status);
	CHECK(test_alive(tend_process_pid(p)));
	CHECK_OK(tend_process_stdin_write(p, "12", 2, TEST_PATIENCE, NULL, &e), &e);
	CHECK_INT(0, tend_process_stdin_close(p));
	test_await_line(tend_process_stdout(p), "2", line, sizeof line);
	if (test_wait(p, &ended))
		CHECK_INT(0, ended.code);
	tend_process_free(p);
}

struct in_use {
	tend_process *p;
	_Atomic bool over;
};

static void signal_and_look(struct test_thread *t, void *arg)
{
	struct in_use *u = arg;
	struct tend_status status;
	struct tend_exit ended;

	while (!atomic_load(&u->over)) {
		WORKER_CHECK_INT(t, 0, tend_process_signal(u->p, SIGCONT, TEND_GROUP, NULL));
		WORKER_CHECK_INT(t, 0, tend_process_status(u->p, &status));
		WORKER_CHECK_INT(t, 0, tend_process_wait(u->p, TEND_US((int64_t)20), &ended, NULL));
	}
}

static void write_and_subscribe(struct test_thread *t, void *arg)
{
	struct in_use *u = arg;
	tend_subscription *sub;

	while (!atomic_load(&u->over)) {
		tend_process_stdin_write(u->p, "x", 1, TEND_US((int64_t)20), NULL, NULL); /* until the pipe is full */
		if (WORKER_CHECK_INT(t, 0, tend_stream_subscribe(tend_process_stdout(u->p), NULL, &sub, NULL)))
			tend_subscription_close(sub);
	}
}

/* The same while others are in the middle of calls: whatever they had locked stays so in the copy. */
static void host_forks_in_mid_call(void)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct in_use u = { .p = NULL };
	struct test_thread threads[2];
	struct tend_error e;

	s.in = TEND_IN_PIPE;
	s.out.stream.backend = TEND_BROADCAST;
	if (!CHECK_OK(tend_spawn(&s, &u.p, &e), &e))
		return;
	test_thread_start(&threads[0], signal_and_look, &u);
	test_thread_start(&threads[1], write_and_subscribe, &u);
	for (int i = 0; i < (test_under_valgrind() ? 5 : 200); i++) {
		int status = -1;
		pid_t copy = fork();

		if (copy == 0) {
			alarm(60);
			test_end_copy(use_in_a_copy(u.p));
		}
		CHECK_INT(copy, waitpid(copy, &status, 0));
		CHECK(test_copy_is_well(status));
	}
	atomic_store(&u.over, true);
	test_thread_join(&threads[0]);
	test_thread_join(&threads[1]);
	tend_process_kill(u.p, TEST_PATIENCE, NULL, NULL);
	tend_process_free(u.p);
}

/* Hazards 6, 36: what depends on the kernel's newer facilities, without them. */
static void with_fallbacks(void)
{
	static const char *const missing[] = { "vfork", "pidfd_group", "pidfd_signal" };
	static const char *const again[] = { "code_and_signal", "exit_is_the_leaders", "exit_together",
		                             "signals_arrive", "signal_after_exit", "group_outlives_the_leader",
		                             "recycled_number", "host_forks", NULL };

	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		CHECK_INT(0, test_run_self(again, "TEND_DISABLE", missing[i], NULL, 0));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "code_and_signal", code_and_signal },
		{ "wait_again", wait_again },
		{ "exit_before_the_call", exit_before_the_call },
		{ "odd_timeouts", odd_timeouts },
		{ "many_wait", many_wait },
		{ "wait_leaves_stdin_open", wait_leaves_stdin_open },
		{ "output_ends_before_the_child", output_ends_before_the_child },
		{ "exit_is_the_leaders", exit_is_the_leaders },
		{ "waiting_is_idle", waiting_is_idle },
		{ "exit_together", exit_together },
		{ "exec_by_another_thread", exec_by_another_thread },
		{ "first_thread_ends", first_thread_ends },
		{ "signals_arrive", signals_arrive },
		{ "signals_refused", signals_refused },
		{ "signal_after_exit", signal_after_exit },
		{ "group_outlives_the_leader", group_outlives_the_leader },
		{ "recycled_number", recycled_number },
		{ "host_forks", host_forks },
		{ "host_forks_in_mid_call", host_forks_in_mid_call },
		{ "with_fallbacks", with_fallbacks },
	};

	return test_main(argc, argv, "process", tests, sizeof tests / sizeof *tests);
}
