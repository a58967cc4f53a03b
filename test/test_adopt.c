/* SPDX-License-Identifier: MIT */
/* Processes that somebody else has started, and children that somebody else takes over: wishes 21, 22; DG-10. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocked.h"
#include "fault.h"
#include "test.h"
#include "thread.h"

static struct tend_adopt of_pid(pid_t pid)
{
	return (struct tend_adopt){ .pid = pid, .if_forgotten = TEND_FORGOTTEN_DETACH };
}

static tend_process *adopt(pid_t pid)
{
	const struct tend_adopt o = of_pid(pid);
	struct tend_error e;
	tend_process *p = NULL;

	return CHECK_OK(tend_adopt(&o, &p, &e), &e) ? p : NULL;
}

/* A child with a grandchild that stays: the grandchild's number.  It is nobody's child here. */
static pid_t start_grandchild(tend_process **ret_parent, const char *mode)
{
	char pid[32] = "0";

	*ret_parent = test_spawn(&test_reliable_all, "forker", mode, NULL);
	if (*ret_parent)
		test_await_line(tend_process_stdout(*ret_parent), "grandchild ", pid, sizeof pid);
	return (pid_t)atoi(pid);
}

/* Watched, signalled, known: though we are not its parent. */
static void not_our_child(void)
{
	tend_process *parent, *p;
	pid_t pid = start_grandchild(&parent, "hold");
	struct tend_status s;
	struct tend_exit ended;
	struct tend_error e;

	p = pid && test_has_pidfd_open() ? adopt(pid) : NULL;
	if (!p) {
		kill(pid, SIGKILL);
		tend_process_free(parent);
		return;
	}
	CHECK_INT(pid, tend_process_pid(p));
	CHECK_STR("forker", tend_process_name(p));
	CHECK(!tend_process_stdout(p) && !tend_process_stderr(p));
	CHECK_INT(TEND_SCOPE_NONE, tend_process_scope(p)); /* the group is its parent's */
	CHECK_INT(-EBADF, tend_process_stdin_write(p, "x", 1, TEND_AT_ONCE, NULL, NULL));
	CHECK_INT(0, tend_process_status(p, &s));
	CHECK_INT(TEND_STATE_RUNNING, s.state);
	CHECK_INT(0, tend_process_wait(p, TEND_MS(1), &ended, &e));
	CHECK_INT(TEND_RUNNING, ended.kind);
	CHECK_OK(tend_process_signal(p, SIGTERM, TEND_LEADER, &e), &e);
	if (test_wait(p, &ended)) { /* init, or the subreaper, reaps it; or never does */
		if (ended.kind != TEND_EXIT_UNKNOWN) {
			CHECK(test_kernel_tells());
			CHECK_INT(SIGTERM, ended.signal);
			CHECK(ended.by_us);
		}
		CHECK(!ended.has_rusage);
	}
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_LEADER, &e));
	tend_process_free(p);
	tend_process_free(parent);
}

/* One that leads a group is stopped with it; its own parent reaps it, and we know how it ended. */
static void a_group_is_stopped(void)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(90));
	tend_process *parent = test_spawn(&test_reliable_all, "forker", "leader-pauses", NULL), *p;
	struct tend_stop_report report;
	struct tend_exit ended;
	struct tend_error e;
	char grandchild[32];

	if (!parent)
		return;
	test_await_line(tend_process_stdout(parent), "grandchild ", grandchild, sizeof grandchild);
	p = test_has_pidfd_open() ? adopt(tend_process_pid(parent)) : NULL;
	if (!p) {
		tend_process_kill(parent, TEST_PATIENCE, NULL, NULL);
	} else {
		CHECK_INT(TEND_SCOPE_GROUP, tend_process_scope(p));
		CHECK_OK(tend_process_kill(p, TEST_PATIENCE, &report, &e), &e);
		CHECK_INT(TEND_STOPPED_BY_KILL, report.outcome);
		CHECK(!test_alive(atoi(grandchild)));
		if (test_wait(p, &ended) && test_kernel_tells())
			CHECK_INT(SIGKILL, ended.signal);
		CHECK_OK(tend_process_stop(p, &plan, &report, &e), &e);
		CHECK_INT(TEND_STOPPED_BEFORE, report.outcome);
	}
	tend_process_free(p);
	test_wait(parent, &ended);
	CHECK_INT(SIGKILL, ended.signal);
	tend_process_free(parent);
}

/* Nobody reaps it: that it has ended is known, and after a while that nobody will say how. */
static void zombie_of_a_lazy_parent(void)
{
	pid_t pid = fork();
	struct tend_exit ended;
	siginfo_t info;
	tend_process *p;

	if (pid == 0)
		_exit(3);
	CHECK_INT(0, waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	p = test_has_pidfd_open() ? adopt(pid) : NULL;
	if (p && test_wait(p, &ended))
		CHECK_INT(TEND_EXIT_UNKNOWN, ended.kind);
	tend_process_free(p);
	CHECK_INT(pid, waitpid(pid, NULL, 0)); /* it is still the parent's to reap */
}

/* By a pidfd there is no doubt who is meant. */
static void by_pidfd(void)
{
	tend_process *child = test_spawn(NULL, "obedient", NULL), *p = NULL;
	struct tend_adopt o = { .if_forgotten = TEND_FORGOTTEN_DETACH, .name = "by pidfd" };
	struct tend_error e;
	int pidfd;

	if (!child || !test_has_pidfd_open()) {
		tend_process_free(child);
		return;
	}
	pidfd = (int)syscall(SYS_pidfd_open, tend_process_pid(child), 0);
	o.pidfd = TEND_FD(pidfd);
	if (CHECK_OK(tend_adopt(&o, &p, &e), &e)) {
		CHECK_INT(tend_process_pid(child), tend_process_pid(p));
		CHECK_STR("by pidfd", tend_process_name(p));
	}
	p = tend_process_free(p);
	o.pid = tend_process_pid(child) + 1;
	CHECK_INT(-EINVAL, tend_adopt(&o, &p, &e));
	CHECK(strstr(e.message, "pidfd") == e.message);
	CHECK_INT(0, tend_process_kill(child, TEST_PATIENCE, NULL, NULL));
	tend_process_free(child);
	o.pid = 0;
	CHECK_INT(-ESRCH, tend_adopt(&o, &p, &e));
	close(pidfd);
	CHECK(!p);
}

/* Its number is the kernel's to tell, or /proc's; who has none here, or is ourselves, is not adopted. */
static void number_of_a_pidfd(void)
{
	struct tend_adopt o = { .if_forgotten = TEND_FORGOTTEN_DETACH };
	size_t fds = test_count_fds();
	tend_process *p = NULL;
	struct tend_error e;
	pid_t pid = fork();
	int gone, me;

	if (pid == 0)
		_exit(0);
	if (!test_has_pidfd_open()) {
		CHECK_INT(pid, waitpid(pid, NULL, 0));
		return;
	}
	gone = (int)syscall(SYS_pidfd_open, pid, 0);
	me = (int)syscall(SYS_pidfd_open, getpid(), 0);
	CHECK_INT(pid, waitpid(pid, NULL, 0));
	o.pidfd = TEND_FD(gone);
	CHECK_INT(-ESRCH, tend_adopt(&o, &p, &e));
	CHECK_INT(TEND_STEP_PIDFD, e.step);
	fault_fail_sys_from("open_file", 1, EMFILE); /* no /proc */
	CHECK_INT(test_kernel_tells() ? -ESRCH : -ENOSYS, tend_adopt(&o, &p, &e));
	CHECK_INT(TEND_STEP_PIDFD, e.step);
	CHECK(strstr(e.message, test_kernel_tells() ? "is gone" : "has no number here") != NULL);
	fault_reset();
	o.pidfd = TEND_FD(me);
	CHECK_INT(-EINVAL, tend_adopt(&o, &p, &e));
	CHECK(strstr(e.message, "pidfd") == e.message);
	o.pidfd = TEND_VALUE_TAG + INT32_MAX + INT64_C(1);
	CHECK_INT(-EINVAL, tend_adopt(&o, &p, &e));
	CHECK(strstr(e.message, "pidfd is no descriptor") == e.message);
	close(gone);
	close(me);
	CHECK(!p);
	CHECK_INT(fds, test_count_fds());
}

/* Before Linux 6.13. */
static void number_from_proc(void)
{
	const char *again[] = { "by_pidfd", "number_of_a_pidfd", NULL };

	CHECK_INT(0, test_run_self(again, "TEND_DISABLE", "pidfd_info", NULL, 0));
}

/* Whatever fails: it is said, nothing is kept, and the process is as it was. */
static void adoption_fails(void)
{
	tend_process *child = test_spawn(NULL, "obedient", NULL), *p = NULL;
	struct tend_adopt o = of_pid(child ? tend_process_pid(child) : 0);
	size_t fds = test_count_fds();
	struct tend_error e;
	bool hit = true;

	for (unsigned long i = 1; hit && i < 20 && child && test_has_pidfd_open(); i++) {
		fault_only_this_thread(true);
		fault_fail_alloc(i);
		if (tend_adopt(&o, &p, &e) < 0) {
			CHECK_INT(-ENOMEM, e.code);
			CHECK_INT(TEND_STEP_ALLOCATE, e.step);
			CHECK(!p);
		}
		hit = fault_fired();
		fault_reset();
		p = tend_process_free(p);
	}
	CHECK(!hit || !test_has_pidfd_open());
	test_restart_watchdog();
	fault_fail_sys("epoll_add", 1, ENOMEM);
	CHECK_INT(test_has_pidfd_open() ? -ENOMEM : -ENOSYS, tend_adopt(&o, &p, &e));
	CHECK_INT(TEND_STEP_PIDFD, e.step);
	fault_reset();
	CHECK(!p);
	while (test_count_fds() > fds) /* the reaper lets go of those that were adopted */
		sched_yield();
	CHECK_INT(0, tend_process_kill(child, TEST_PATIENCE, NULL, NULL));
	tend_process_free(child);
}

/* In a copy of the host there is no reaper yet. */
static void adoption_without_a_reaper(void)
{
	const struct tend_adopt init = of_pid(1);
	tend_process *p = NULL;
	struct tend_error e;
	int status = -1;
	pid_t copy;

	copy = fork();
	if (copy == 0) {
		fault_fail_sys("epoll", 1, EMFILE);
		CHECK_INT(-EMFILE, tend_adopt(&init, &p, &e));
		CHECK_INT(TEND_STEP_THREAD, e.step);
		CHECK(!p);
		_exit(0);
	}
	CHECK_INT(copy, waitpid(copy, &status, 0));
	CHECK_INT(0, status);
}

/* ---- what cannot be looked at ---- */

/* A look that fails has seen no exit; the reaper's does, as epoll(7) has told it of one. */
static void looks_fail(void)
{
	tend_process *child = test_spawn(NULL, "obedient", NULL), *p;
	struct tend_exit ended;
	struct tend_status s;

	p = child && test_has_pidfd_open() ? adopt(tend_process_pid(child)) : NULL;
	if (p) {
		fault_only_this_thread(true);
		fault_fail_sys("poll", 1, ENOMEM);
		CHECK_INT(0, tend_process_status(p, &s));
		CHECK(fault_fired());
		CHECK_INT(TEND_STATE_RUNNING, s.state);
		fault_fail_sys("wait", 1, EIO);
		CHECK_INT(0, tend_process_status(child, &s));
		CHECK(fault_fired());
		CHECK_INT(TEND_STATE_RUNNING, s.state);
		fault_reset();
		fault_fail_sys_from("poll", 1, ENOMEM);
	}
	CHECK_INT(0, tend_process_signal(child, SIGTERM, TEND_LEADER, NULL));
	if (p && test_wait(p, &ended) && ended.kind != TEND_EXIT_UNKNOWN)
		CHECK_INT(SIGTERM, ended.signal);
	fault_reset();
	tend_process_free(p);
	test_wait(child, &ended);
	tend_process_free(child);
}

/* One that nobody may signal is let go of when its stop has ended, and nothing of it is kept. */
static void freed_and_not_stopped(void)
{
	static const struct tend_stop_phase phases[] = { { SIGCONT, TEND_LEADER, TEND_MS(200) } };
	static const struct tend_stop plan = { .phases = phases, .n_phases = 1, .after_kill = TEND_SECONDS(90) };
	unsigned long signals;
	size_t fds = test_count_fds();
	struct tend_adopt o;
	tend_process *p = NULL;
	struct tend_error e;
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	o = of_pid(pid);
	o.if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan);
	if (test_has_pidfd_open() && CHECK_OK(tend_adopt(&o, &p, &e), &e)) {
		signals = fault_sys_calls("pidfd_signal");
		fault_fail_sys_from("pidfd_signal", 2, EPERM); /* the phase's own may pass */
		tend_process_free(p);
		while (test_count_fds() > fds)
			sched_yield();
		CHECK(fault_fired() && fault_sys_calls("pidfd_signal") >= signals + 2);
		fault_reset();
		CHECK(test_alive(pid));
	}
	CHECK_INT(0, kill(pid, SIGKILL));
	CHECK_INT(pid, waitpid(pid, NULL, 0));
}

static void refusals(void)
{
	struct tend_adopt o = of_pid(0);
	struct tend_error e;
	tend_process *p = NULL;
	size_t fds = test_count_fds();

	CHECK_INT(-EINVAL, tend_adopt(NULL, &p, &e));
	CHECK_INT(-EINVAL, tend_adopt(&o, NULL, &e));
	CHECK_INT(-EINVAL, tend_adopt(&o, &p, &e));
	CHECK(strstr(e.message, "pid is not chosen") == e.message);
	o.pid = getpid();
	CHECK_INT(-EINVAL, tend_adopt(&o, &p, &e));
	o.pid = -5;
	CHECK_INT(-EINVAL, tend_adopt(&o, &p, &e));
	o = (struct tend_adopt){ .pid = 1 };
	CHECK_INT(-EINVAL, tend_adopt(&o, &p, &e));
	CHECK(strstr(e.message, "if_forgotten") == e.message);
	o = of_pid(0);
	o.pidfd = 5;
	CHECK_INT(-EINVAL, tend_adopt(&o, &p, &e));
	o.pidfd = TEND_FD(0);
	CHECK_INT(-EINVAL, tend_adopt(&o, &p, &e));
	CHECK(strstr(e.message, "pidfd is no pidfd") == e.message);
	o = of_pid(0x3ffffff); /* above what the kernel gives out */
	CHECK_INT(test_has_pidfd_open() ? -ESRCH : -ENOSYS, tend_adopt(&o, &p, &e));
	CHECK_INT(TEND_STEP_PIDFD, e.step);
	CHECK(!p);
	CHECK_INT(fds, test_count_fds());
}

static void say_tid(struct test_thread *t, void *arg)
{
	const int *fds = arg;
	pid_t tid = gettid();
	char byte;

	WORKER_CHECK_INT(t, sizeof tid, write(fds[1], &tid, sizeof tid));
	WORKER_CHECK_INT(t, 0, read(fds[2], &byte, 1)); /* until it may go */
}

static void no_thread(void)
{
	struct tend_adopt o;
	struct tend_error e;
	tend_process *p = NULL;
	struct test_thread thread;
	int fds[4];
	pid_t tid = 0;

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	CHECK_INT(0, pipe2(fds + 2, O_CLOEXEC));
	test_thread_start(&thread, say_tid, fds);
	CHECK_INT(sizeof tid, read(fds[0], &tid, sizeof tid));
	o = of_pid(tid);
	CHECK_INT(test_has_pidfd_open() ? -EINVAL : -ENOSYS, tend_adopt(&o, &p, &e));
	CHECK(!test_has_pidfd_open() || strstr(e.message, "a thread and no process") ||
	      strstr(e.message, "Invalid argument") /* before Linux 6.9 */);
	CHECK(!p);
	close(fds[3]);
	test_thread_join(&thread);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* ---- release ---- */

static int read_all(int fd, char *text, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;
	ssize_t r;

	for (;;) {
		r = read(fd, text + n, size - 1 - n);
		if (r < 0 && errno == EAGAIN)
			poll(&p, 1, -1);
		else if (r <= 0)
			break;
		else
			n += (size_t)r;
	}
	text[n] = '\0';
	return (int)r;
}

/*
 * DG-10: the child goes on as if nothing had happened; all that is its own is the caller's.
 * into_inner::returns_stdin_with_pipe_still_open, into_inner::defuses_panic_guard,
 * into_inner::supports_handles_built_with_owned_name
 */
static void everything_is_handed_over(void)
{
	const char *argv[] = { helper("echoer"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_released r;
	struct tend_error e;
	tend_process *p = NULL;
	char text[64], line[16];
	siginfo_t info = { .si_pid = 0 };
	pid_t pid;

	s.name = memcpy(line, "owned", 6);
	s.in = TEND_IN_PIPE;
	s.if_forgotten = TEND_FORGOTTEN_ABORT;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	pid = tend_process_pid(p);
	CHECK_OK(tend_process_stdin_write(p, "before\n", 7, TEST_PATIENCE, NULL, &e), &e);
	test_await_line(tend_process_stdout(p), "before", line, sizeof line);
	if (!CHECK_INT(0, tend_process_release(p, &r)))
		return;
	CHECK_INT(pid, r.pid);
	CHECK_INT(TEND_RUNNING, r.exit.kind);
	CHECK(r.in >= 3 && r.out >= 3 && r.err >= 3 && r.pidfd >= 3);
	CHECK_INT(FD_CLOEXEC, fcntl(r.out, F_GETFD));
	CHECK_INT(6, write(r.in, "after\n", 6));
	close(r.in);
	CHECK_INT(0, read_all(r.out, text, sizeof text));
	CHECK_STR("after\n", text);
	/* ours to reap, and nobody else has done it */
	CHECK_INT(0, waitid(P_PID, (id_t)pid, &info, WEXITED));
	CHECK_INT(pid, info.si_pid);
	CHECK_INT(0, info.si_status);
	close(r.out);
	close(r.err);
	close(r.pidfd);
}

static void released_after_its_exit(void)
{
	tend_process *p = test_spawn(NULL, "exiter", "6", NULL);
	struct tend_released r;
	struct tend_exit ended;

	if (!p || !test_wait(p, &ended) || !CHECK_INT(0, tend_process_release(p, &r)))
		return;
	CHECK_INT(TEND_EXITED, r.exit.kind);
	CHECK_INT(6, r.exit.code);
	CHECK_INT(-1, r.in);
	CHECK_INT(-1, r.out);
	CHECK_INT(-1, r.err);
	close(r.pidfd);
}

/* In a race with the exit one of the two has it, never both and never nobody. */
static void released_at_its_exit(void)
{
	for (int i = 0; i < 100; i++) {
		tend_process *p = test_spawn(NULL, "exiter", "6", NULL);
		struct tend_released r;
		siginfo_t info = { .si_status = 0 };
		pid_t pid;

		if (!p)
			return;
		pid = tend_process_pid(p);
		if (!CHECK_INT(0, tend_process_release(p, &r)))
			return;
		if (r.exit.kind == TEND_RUNNING) {
			CHECK_INT(0, waitid(P_PID, (id_t)pid, &info, WEXITED));
			CHECK_INT(6, info.si_status);
		} else {
			CHECK_INT(6, r.exit.code);
		}
		close(r.pidfd);
	}
}

static void release_is_refused(void)
{
	tend_process *p = test_spawn(NULL, "obedient", NULL);
	struct tend_released r;

	CHECK_INT(-EINVAL, tend_process_release(NULL, &r));
	CHECK_INT(-EINVAL, tend_process_release(p, NULL));
	fault_fail_sys("dup", 1, EMFILE);
	CHECK_INT(-EMFILE, tend_process_release(p, &r));
	fault_reset();
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
}

static void stop_it(struct test_thread *t, void *arg)
{
	static const struct tend_stop_phase patient[] = { { SIGTERM, TEND_GROUP, TEST_PATIENCE } };
	static const struct tend_stop plan = { .phases = patient, .n_phases = 1, .after_kill = TEND_SECONDS(3) };
	struct tend_stop_report report;
	struct tend_error e;

	WORKER_CHECK_INT(t, 0, tend_process_stop(arg, &plan, &report, &e));
	WORKER_CHECK_INT(t, TEND_STOPPED_BY_KILL, report.outcome);
}

/* Who is being stopped is not handed over in the middle of that; and the stop goes on. */
static void not_while_it_is_stopped(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "stubborn", NULL);
	size_t fds = test_count_fds();
	struct tend_released r;
	struct blocked b;

	if (!p || !test_await_line(tend_process_stdout(p), "ready", NULL, 0))
		return;
	blocked_start(&b, stop_it, p);
	blocked_in(&b, ON_ANY_WORD);
	while (tend_process_release(p, &r) != -EBUSY) /* it has begun */
		CHECK(false);
	CHECK_INT(fds, test_count_fds());
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	blocked_end(&b);
	tend_process_free(p);
}

/* Without pipes there is none to hand over. */
static void released_without_streams(void)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p = NULL;
	struct tend_released r;
	struct tend_error e;
	int fd;

	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	s.out = s.err = TEND_OUT_FD(fd);
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e) || !CHECK_INT(0, tend_process_release(p, &r)))
		return;
	CHECK_INT(-1, r.in);
	CHECK_INT(-1, r.out);
	CHECK_INT(-1, r.err);
	close(fd);
	CHECK_INT(0, kill(r.pid, SIGKILL));
	CHECK_INT(r.pid, waitpid(r.pid, NULL, 0));
	close(r.pidfd);
}

/* A child that has ended and cannot be waited for yet, as its tracer has it, is handed over like one that runs. */
static void released_with_its_tracer(void)
{
	unsigned long looks = fault_sys_calls("wait");
	size_t fds = test_count_fds();
	siginfo_t info = { .si_status = 0 };
	struct tend_released r;
	tend_process *p;

	fault_twist("wait", 1, FAULT_SPURIOUS, true);
	p = test_spawn(NULL, "exiter", "6", NULL);
	while (p && fault_sys_calls("wait") < looks + 2) /* the reaper looks again and again */
		sched_yield();
	if (p && CHECK_INT(0, tend_process_release(p, &r))) {
		CHECK_INT(TEND_RUNNING, r.exit.kind);
		close(r.pidfd);
		CHECK_INT(0, waitid(P_PID, (id_t)r.pid, &info, WEXITED));
		CHECK_INT(6, info.si_status);
		test_settle(fds); /* it has let go of it */
	}
	fault_reset();
}

/* Nothing is kept for somebody whose end nobody will ask for, here that of init. */
static void freed_again_and_again(void)
{
	const struct tend_adopt of_init = { .pid = 1, .if_forgotten = TEND_FORGOTTEN_DETACH };
	size_t fds = test_count_fds();

	for (int i = 0; i < 100 && test_has_pidfd_open(); i++) {
		tend_process *p = NULL;
		struct tend_error e;

		if (!CHECK_OK(tend_adopt(&of_init, &p, &e), &e))
			return;
		tend_process_free(p);
	}
	test_settle(fds);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "not_our_child", not_our_child },
		{ "a_group_is_stopped", a_group_is_stopped },
		{ "zombie_of_a_lazy_parent", zombie_of_a_lazy_parent },
		{ "by_pidfd", by_pidfd },
		{ "number_of_a_pidfd", number_of_a_pidfd },
		{ "number_from_proc", number_from_proc },
		{ "adoption_fails", adoption_fails },
		{ "adoption_without_a_reaper", adoption_without_a_reaper },
		{ "looks_fail", looks_fail },
		{ "freed_and_not_stopped", freed_and_not_stopped },
		{ "refusals", refusals },
		{ "no_thread", no_thread },
		{ "everything_is_handed_over", everything_is_handed_over },
		{ "released_after_its_exit", released_after_its_exit },
		{ "released_at_its_exit", released_at_its_exit },
		{ "release_is_refused", release_is_refused },
		{ "not_while_it_is_stopped", not_while_it_is_stopped },
		{ "released_without_streams", released_without_streams },
		{ "released_with_its_tracer", released_with_its_tracer },
		{ "freed_again_and_again", freed_again_and_again },
	};

	return test_main(argc, argv, "adopt", tests, sizeof tests / sizeof *tests);
}
