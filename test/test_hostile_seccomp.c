/* SPDX-License-Identifier: MIT */
/*
 * Hosts in a sandbox that does not know the newer system calls, hazard 27: each of them refused with each of the errno
 * values that sandboxes use, or trapped, with a handler that says ENOSYS.  The library has to take them all for absent.
 *
 * A filter is for good and is inherited by the children.  It is written here by hand, for the number of a call and,
 * where one call does several things, one of its arguments.
 */
#include "hostile.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "fault.h"
#include "test.h"

#define P_PIDFD_TYPE 3 /* P_PIDFD, Linux 5.4 */
#define TRAP (-1)      /* in place of an errno value */

/* ---- the filter ---- */

static _Atomic int trapped;

#if defined(__x86_64__)
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#endif

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	atomic_fetch_add(&trapped, 1);
#ifdef RESULT
	RESULT((ucontext_t *)context) = -ENOSYS;
#else
	(void)context;
#endif
}

static void handle_sigsys(void)
{
	struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

#ifndef RESULT
	hostile_skip("how to set a call's result is not known on this machine");
#endif
	if (test_under_valgrind())
		hostile_skip("valgrind does not hand on what a filter traps");
	CHECK_INT(0, sigaction(SIGSYS, &action, NULL));
}

/* Where the lower half of the i-th argument is. */
static uint32_t argument(int i)
{
	size_t at = offsetof(struct seccomp_data, args) + (size_t)i * sizeof(uint64_t);

	return (uint32_t)at + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
}

static void install(const struct sock_filter *filter, size_t n)
{
	const struct sock_fprog program = { .len = (unsigned short)n,
		                            .filter = (struct sock_filter *)(uintptr_t)filter };

	CHECK_INT(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	/* for all threads: a sanitizer may have one of its own */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
		hostile_skip("no filter can be installed");
}

static uint32_t action_of(int answer)
{
	if (answer == TRAP)
		handle_sigsys();
	return answer == TRAP ? SECCOMP_RET_TRAP : SECCOMP_RET_ERRNO | (uint32_t)answer;
}

static void refuse(long call, int answer)
{
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action_of(answer)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	install(filter, sizeof filter / sizeof *filter);
}

/* Only where the call's first argument `test`s: BPF_JEQ is that value, BPF_JSET has one of those bits. */
static void refuse_some(long call, unsigned short test, uint32_t value, int answer)
{
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(0)),
		BPF_JUMP((unsigned short)(BPF_JMP | test | BPF_K), value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action_of(answer)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	install(filter, sizeof filter / sizeof *filter);
}

/* That the call, made here, meets the filter. */
static void check_refused(long result, int answer)
{
	int error = errno;

	CHECK_INT(-1, result);
	CHECK_INT(answer == TRAP ? ENOSYS : answer, error);
	CHECK_INT(answer == TRAP ? 1 : 0, atomic_load(&trapped));
}

/* ---- the calls ---- */

static void refuse_close_range(int answer)
{
	refuse(SYS_close_range, answer);
	check_refused(syscall(SYS_close_range, ~0U, ~0U, 0), answer);
}

static void refuse_pidfd_open(int answer)
{
	refuse(SYS_pidfd_open, answer);
	check_refused(syscall(SYS_pidfd_open, getpid(), 0), answer);
}

static void refuse_pidfd_signal(int answer)
{
	refuse(SYS_pidfd_send_signal, answer);
	check_refused(syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0), answer);
}

/* By pidfd; by number is as old as Linux itself. */
static void refuse_waitid(int answer)
{
	siginfo_t info;

	refuse_some(SYS_waitid, BPF_JEQ, P_PIDFD_TYPE, answer);
	check_refused(syscall(SYS_waitid, P_PIDFD_TYPE, -1, &info, WEXITED, NULL), answer);
}

static void refuse_clone3(int answer)
{
	refuse(SYS_clone3, answer);
	check_refused(syscall(SYS_clone3, NULL, 0), answer);
}

/* A clone(2) with what is not for everybody's fork. */
static void refuse_flag(uint32_t flag, int answer)
{
	refuse_some(SYS_clone, BPF_JSET, flag, answer);
	check_refused(syscall(SYS_clone, (long)(flag | CLONE_SIGHAND), 0, 0, 0, 0), answer);
}

static void refuse_clone_pidfd(int answer)
{
	refuse_flag(CLONE_PIDFD, answer);
}

static void refuse_vfork(int answer)
{
	refuse_flag(CLONE_VFORK, answer);
}

#define REFUSALS(call)                                                                                                 \
	static void call##_enosys(void) { refuse_##call(ENOSYS); }                                                     \
	static void call##_eperm(void) { refuse_##call(EPERM); }                                                       \
	static void call##_einval(void) { refuse_##call(EINVAL); }                                                     \
	static void call##_trapped(void) { refuse_##call(TRAP); }

REFUSALS(close_range)
REFUSALS(pidfd_open)
REFUSALS(pidfd_signal)
REFUSALS(waitid)
REFUSALS(clone_pidfd)
REFUSALS(vfork)

static void clone3_enosys(void)
{
	refuse_clone3(ENOSYS);
}
/* A kernel of 2018, as a sandbox imitates it. */
static void all_enosys(void)
{
	static void (*const refusals[])(void) = { close_range_enosys, pidfd_signal_enosys, waitid_enosys, vfork_enosys,
		                                  clone3_enosys };

	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		refusals[i]();
}

/* ---- what was taken instead ---- */

/* The number was used: nothing else was left. */
static void scenarios_by_number(void)
{
	hostile_scenarios();
	CHECK(fault_sys_calls("kill") > 0);
}

static void scenarios_by_copying(void)
{
	hostile_scenarios();
	CHECK(fault_sys_calls("spawn_copied") > 0);
}

/* ---- clone3 ---- */

/* No error but ENOSYS makes the C library start a thread in the old way, so there are none to be had. */
static void check_no_thread(int error)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	struct tend_error e = { .code = 0 };
	tend_process *p = NULL;

	CHECK_INT(-error, tend_spawn(&s, &p, &e));
	CHECK_INT(-error, e.code);
	CHECK_INT(TEND_STEP_THREAD, e.step);
	CHECK(!p);
}

/*
 * A spawn that needs a thread is refused clean, the library's first included; with the library's own threads there,
 * one that needs none works.
 */
static void without_threads(int answer)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		refuse_clone3(answer);
		check_no_thread(answer);
		CHECK(test_no_children());
		_exit(0);
	}
	CHECK_INT(pid, waitpid(pid, &status, 0));
	CHECK_INT(0, status);
	hostile_open_books();
	refuse_clone3(answer);
	for (int code = 0; code < 20; code++)
		CHECK(hostile_exit_code_arrives(code));
	check_no_thread(answer);
	hostile_close_books();
}

static void without_threads_eperm(void)
{
	without_threads(EPERM);
}

static void without_threads_einval(void)
{
	without_threads(EINVAL);
}

/* The C library blocks SIGSYS around its own clone3, so a trap there is the end of any process that starts a thread. */
static void without_new_threads(void)
{
	handle_sigsys();
	hostile_open_books();
	refuse_clone3(TRAP);
	for (int code = 0; code < 20; code++)
		CHECK(hostile_exit_code_arrives(code));
	hostile_close_books();
}

/* ---- later ---- */

/* A filter that comes when the group was left to its pidfd: who is there cannot be reached, and is not gone. */
static void pidfd_signal_refused_later(void)
{
	const struct tend_stop kill_it = { .after_kill = TEND_MS(20) };
	struct tend_stop_report report;
	struct tend_exit ended;
	struct tend_error e;
	char pid[16] = "0";
	tend_process *p;

	hostile_open_books();
	p = test_spawn(&test_reliable_all, "forker", "quiet", "0", NULL);
	test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid);
	CHECK(test_wait(p, &ended));
	if (tend_process_signal(p, SIGCONT, TEND_GROUP, &e) == 0) {
		refuse_pidfd_signal(ENOSYS);
		CHECK_INT(-ENOSYS, tend_process_signal(p, SIGTERM, TEND_GROUP, &e));
		CHECK_OK(tend_process_stop(p, &kill_it, &report, &e), &e);
		CHECK_INT(TEND_STOP_SURVIVORS, report.outcome);
		CHECK_INT(1, (int)report.n_survivors);
		CHECK_INT(atoi(pid), report.survivors[0].pid);
	}
	CHECK_INT(0, kill(atoi(pid), SIGKILL));
	while (test_alive(atoi(pid)))
		poll(NULL, 0, 1);
	CHECK_OK(tend_process_stop(p, &kill_it, &report, &e), &e);
	CHECK_INT(TEND_STOPPED_BEFORE, report.outcome);
	tend_process_free(p);
	hostile_close_books();
}

/* ---- killed on its way ---- */

/* A child that a filter kills between clone and exec, as the kernel may for want of memory, was never started. */
static void killed_before_exec(void)
{
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_umask, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	tend_process *p = NULL;
	struct tend_error e;

	if (test_under_valgrind())
		hostile_skip("valgrind makes a copy of a shared clone and does not say so");
	hostile_open_books();
	install(filter, sizeof filter / sizeof *filter);
	CHECK(hostile_exit_code_arrives(3));
	s.umask = TEND_UMASK(022);
	s.name = "early";
	CHECK_INT(-ECHILD, tend_spawn(&s, &p, &e));
	CHECK_INT(-ECHILD, e.code);
	CHECK_INT(TEND_STEP_EXEC, e.step);
	CHECK(strstr(e.message, "cannot start early: signal 31 ended it before it could execute") != NULL);
	CHECK(!p);
	hostile_close_books();
}

static void killed_before_exec_in_a_copy(void)
{
	setenv("TEND_DISABLE", "vfork", 1);
	killed_before_exec();
}

/* ---- trapped, and blocked by the host ---- */

/* The host's own threads may block what they like; around its clone the library opens SIGSYS again. */
static void vfork_trapped_and_blocked(void)
{
	sigset_t sigsys;

	vfork_trapped();
	sigemptyset(&sigsys);
	sigaddset(&sigsys, SIGSYS);
	CHECK_INT(0, sigprocmask(SIG_BLOCK, &sigsys, NULL));
}

#define MATRIX(call, ...)                                                                                              \
	{ .name = #call "_enosys", .arrange = call##_enosys, __VA_ARGS__ },                                            \
	{ .name = #call "_eperm", .arrange = call##_eperm, __VA_ARGS__ },                                              \
	{ .name = #call "_einval", .arrange = call##_einval, __VA_ARGS__ },                                            \
	{ .name = #call "_trapped", .arrange = call##_trapped, __VA_ARGS__ }

int main(int argc, char **argv)
{
	static const struct hostile settings[] = {
		{ .name = "close_range_enosys", .arrange = close_range_enosys },
		{ .name = "close_range_eperm", .arrange = close_range_eperm },
		{ .name = "close_range_einval", .arrange = close_range_einval },
		{ .name = "close_range_trapped", .arrange = close_range_trapped },
		MATRIX(pidfd_open, .run = NULL),
		{ .name = "pidfd_signal_enosys", .arrange = pidfd_signal_enosys, .run = scenarios_by_number },
		{ .name = "pidfd_signal_eperm", .arrange = pidfd_signal_eperm, .run = scenarios_by_number },
		{ .name = "pidfd_signal_einval", .arrange = pidfd_signal_einval, .run = scenarios_by_number },
		{ .name = "pidfd_signal_trapped", .arrange = pidfd_signal_trapped, .run = scenarios_by_number },
		MATRIX(waitid, .run = NULL),
		MATRIX(clone_pidfd, .run = scenarios_by_copying),
		MATRIX(vfork, .run = scenarios_by_copying),
		{ .name = "vfork_trapped_and_blocked", .arrange = vfork_trapped_and_blocked,
		  .run = scenarios_by_copying },
		{ .name = "clone3_enosys", .arrange = clone3_enosys },
		{ .name = "clone3_eperm", .run = without_threads_eperm },
		{ .name = "clone3_einval", .run = without_threads_einval },
		{ .name = "clone3_trapped", .run = without_new_threads },
		{ .name = "pidfd_signal_refused_later", .run = pidfd_signal_refused_later },
		{ .name = "killed_before_exec", .run = killed_before_exec },
		{ .name = "killed_before_exec_in_a_copy", .run = killed_before_exec_in_a_copy },
		{ .name = "all_enosys", .arrange = all_enosys, .run = scenarios_by_number },
	};

	return hostile_main(argc, argv, "hostile_seccomp", settings, sizeof settings / sizeof *settings);
}
