/* SPDX-License-Identifier: MIT */
/*
 * Numbers that are given to somebody else while a handle still has them, hazards 35, 36, 98: clone3(2) with set_tid
 * makes a stranger with the very number, where that is allowed.  The stranger must never notice.
 */
#include "hostile.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* A child of ours with the given number, leader of its own group; -1 with errno. */
static pid_t make_stranger(pid_t number)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&number, .set_tid_size = 1 };
	long pid = syscall(SYS_clone3, &args, sizeof args);

	if (pid == 0) {
		syscall(SYS_setpgid, 0, 0);
		for (;;)
			syscall(SYS_rt_sigsuspend, &(uint64_t){ 0 }, sizeof(uint64_t));
	}
	return (pid_t)pid;
}

static void need_numbers(void)
{
	pid_t pid = fork(), again;

	if (test_under_valgrind())
		hostile_skip("valgrind has no clone3");
	if (pid == 0)
		_exit(0);
	CHECK_INT(pid, waitpid(pid, NULL, 0));
	again = make_stranger(pid);
	if (again < 0)
		hostile_skip("a number cannot be chosen");
	CHECK_INT(0, kill(again, SIGKILL));
	CHECK_INT(again, waitpid(again, NULL, 0));
}

/* As soon as the number is free; once it has one, the stranger leads a group of it, too. */
static pid_t stranger_with_number(pid_t number)
{
	int64_t until = test_now_ns() + INT64_C(60000000000);
	pid_t stranger;

	while ((stranger = make_stranger(number)) < 0 && errno == EEXIST && test_now_ns() < until)
		poll(NULL, 0, 1);
	CHECK_INT(number, stranger);
	while (getpgid(stranger) != stranger)
		sched_yield();
	return stranger;
}

/* It is alive, got nothing, and is still ours to reap. */
static void check_unharmed(pid_t stranger)
{
	int status = 0;

	CHECK_INT(0, waitpid(stranger, &status, WNOHANG));
	CHECK_INT(0, kill(stranger, SIGUSR2));
	CHECK_INT(stranger, waitpid(stranger, &status, 0));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR2);
}

/* All that a handle can do to whom it is for, who is gone. */
static void check_out_of_reach(tend_process *p)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_MS(1));
	struct tend_stop_report report;
	struct tend_error e;

	CHECK_INT(-ESRCH, tend_process_signal(p, SIGKILL, TEND_LEADER, &e));
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGKILL, TEND_GROUP, &e));
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGKILL, TEND_CGROUP, &e));
	CHECK_OK(tend_process_stop(p, &plan, &report, &e), &e);
	CHECK_INT(TEND_STOPPED_BEFORE, report.outcome);
	CHECK_OK(tend_process_kill(p, TEND_SECONDS(60), &report, &e), &e);
	CHECK_INT(TEND_STOPPED_BEFORE, report.outcome);
}

/* ---- a group ---- */

/* As long as a member lives the number is not given away; as soon as none does, it is no group of ours any more. */
static void number_of_a_group(void)
{
	pid_t leader, grandchild, stranger;
	tend_process *p;
	struct tend_exit ended;
	struct tend_error e;
	char text[16] = "0";

	CHECK_INT(0, prctl(PR_SET_CHILD_SUBREAPER, 1)); /* so that the grandchild is ours to reap, and when we like */
	p = test_spawn(&test_reliable_all, "forker", "quiet", NULL);
	leader = tend_process_pid(p);
	test_await_line(tend_process_stdout(p), "grandchild ", text, sizeof text);
	grandchild = atoi(text);
	CHECK(test_wait(p, &ended));
	CHECK_INT(-1, make_stranger(leader));
	CHECK_INT(EEXIST, errno);
	CHECK_OK(tend_process_signal(p, SIGTERM, TEND_GROUP, &e), &e);
	CHECK_INT(grandchild, waitpid(grandchild, NULL, 0));
	stranger = stranger_with_number(leader);
	check_out_of_reach(p);
	tend_process_free(p);
	check_unharmed(stranger);
}

/* A forgotten child's stop runs behind the free: it must not take the stranger for the child. */
static void number_of_a_forgotten_one(void)
{
	tend_process *p = test_spawn(NULL, "obedient", NULL);
	pid_t pid = tend_process_pid(p), stranger;
	struct tend_exit ended;

	CHECK_INT(0, kill(pid, SIGKILL));
	CHECK(test_wait(p, &ended));
	stranger = stranger_with_number(pid);
	tend_process_free(p);
	CHECK_INT(0, tend_shutdown(TEND_SECONDS(60), NULL));
	check_unharmed(stranger);
}

/* ---- adopted ---- */

static pid_t start_group(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	while (getpgid(pid) != pid)
		sched_yield();
	return pid;
}

static void number_of_an_adopted_one(void)
{
	pid_t pid = start_group(), stranger;
	struct tend_adopt o = { .pid = pid, .if_forgotten = TEND_FORGOTTEN_DETACH };
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	tend_process *p = NULL, *late = NULL;
	struct tend_exit ended;
	struct tend_error e;

	CHECK_OK(tend_adopt(&o, &p, &e), &e);
	CHECK_INT(0, kill(pid, SIGTERM));
	CHECK_INT(pid, waitpid(pid, NULL, 0));
	stranger = stranger_with_number(pid);
	CHECK(test_wait(p, &ended));
	CHECK(hostile_is_exit(&ended, TEND_SIGNALED, SIGTERM));
	check_out_of_reach(p);
	tend_process_free(p);
	/* The pidfd is still that of who is gone, whatever the number says. */
	o.pidfd = TEND_FD(pidfd);
	CHECK_INT(-ESRCH, tend_adopt(&o, &late, &e));
	o.pid = 0;
	CHECK_INT(-ESRCH, tend_adopt(&o, &late, &e));
	CHECK(!late);
	close(pidfd);
	check_unharmed(stranger);
}

/* ---- stolen and given away ---- */

static _Atomic int held; /* 1: the reaper is in the log function, 2: it may go on */
static _Atomic pid_t bait_pid;

/* Keeps the reaper from looking at anything else. */
static void hold_the_reaper(void *arg, const struct tend_log_event *event)
{
	(void)arg;
	if (strcmp(event->event, "exit") != 0 || event->pid != atomic_load(&bait_pid))
		return;
	atomic_store(&held, 1);
	while (atomic_load(&held) != 2)
		sched_yield();
}

/*
 * The host takes the status, and gets another child with the same number, before the library has looked.  What the
 * library is told then of that number is the stranger's.
 */
static void number_of_a_stolen_one(void)
{
	tend_process *p = test_spawn(NULL, "obedient", NULL), *bait = test_spawn(NULL, "obedient", NULL);
	pid_t pid = tend_process_pid(p), stranger;
	struct tend_exit ended;
	struct tend_error e;

	atomic_store(&bait_pid, tend_process_pid(bait));
	CHECK_INT(0, tend_set_log(hold_the_reaper, NULL, TEND_LOG_INFO));
	CHECK_INT(0, kill(tend_process_pid(bait), SIGKILL));
	while (atomic_load(&held) != 1)
		sched_yield();
	CHECK_INT(0, kill(pid, SIGKILL));
	CHECK_INT(pid, waitpid(pid, NULL, 0));
	stranger = stranger_with_number(pid);
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_LEADER, &e));
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_GROUP, &e));
	atomic_store(&held, 2);
	CHECK_OK(tend_process_wait(p, TEND_SECONDS(20), &ended, &e), &e);
	CHECK(hostile_is_exit(&ended, TEND_SIGNALED, SIGKILL));
	check_out_of_reach(p);
	tend_process_free(p);
	tend_process_free(bait);
	check_unharmed(stranger);
	CHECK_INT(0, tend_set_log(NULL, NULL, TEND_LOG_ERROR));
}

/* ---- with less than the kernel has ---- */

/* Where a number is all there is to signal a group, a leader is not reaped while there is a handle. */
static void number_is_kept(void)
{
	tend_process *p = test_spawn(NULL, "true-er", NULL);
	pid_t pid = tend_process_pid(p), stranger;
	struct tend_exit ended;

	CHECK(test_wait(p, &ended));
	CHECK_INT(-1, make_stranger(pid));
	CHECK_INT(EEXIST, errno);
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGKILL, TEND_LEADER, NULL));
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGKILL, TEND_GROUP, NULL));
	tend_process_free(p);
	stranger = stranger_with_number(pid);
	check_unharmed(stranger);
}

static void without_signals_by_pidfd(void)
{
	need_numbers();
	setenv("TEND_DISABLE", "pidfd_signal", 1);
}

/* waitid(2) knows numbers only: Linux before 5.4, or a sandbox that imitates it. */
static void without_waiting_by_pidfd(void)
{
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_waitid, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 3 /* P_PIDFD */, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = sizeof filter / sizeof *filter,
		                            .filter = (struct sock_filter *)(uintptr_t)filter };

	need_numbers();
	CHECK_INT(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
		hostile_skip("no filter can be installed");
}

static void with_neither(void)
{
	without_signals_by_pidfd();
	without_waiting_by_pidfd();
}

int main(int argc, char **argv)
{
	static const struct hostile settings[] = {
		{ .name = "number_of_a_group", .arrange = need_numbers, .run = number_of_a_group },
		{ .name = "number_of_a_forgotten_one", .arrange = need_numbers, .run = number_of_a_forgotten_one },
		{ .name = "number_of_an_adopted_one", .arrange = need_numbers, .run = number_of_an_adopted_one,
		  .takes_status = true },
		{ .name = "number_of_a_stolen_one", .arrange = need_numbers, .run = number_of_a_stolen_one,
		  .takes_status = true },
		{ .name = "number_is_kept", .arrange = without_signals_by_pidfd, .run = number_is_kept },
		{ .name = "stolen_without_waiting_by_pidfd", .arrange = without_waiting_by_pidfd,
		  .run = number_of_a_stolen_one, .takes_status = true },
		{ .name = "stolen_with_neither", .arrange = with_neither, .run = number_of_a_stolen_one,
		  .takes_status = true },
		{ .name = "stolen_without_signals_by_pidfd", .arrange = without_signals_by_pidfd,
		  .run = number_of_a_stolen_one, .takes_status = true },
	};

	return hostile_main(argc, argv, "hostile_numbers", settings, sizeof settings / sizeof *settings);
}
