/* SPDX-License-Identifier: MIT */
/*
 * Children whose way to their program a filter bars: each step says which it was, and of what.  A filter stays, so each
 * row has a process of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "filter.h"
#include "test.h"

static struct tend_spawn options(const char *const *argv)
{
	struct tend_spawn s = test_spawn_options(argv, NULL);

	s.name = "barred";
	return s;
}

/* Nothing of it is left, and the message says what could not be done. */
static void check_barred(const struct tend_spawn *s, int error, enum tend_step step, const char *what)
{
	size_t fds = test_count_fds();
	tend_process *p = NULL;
	struct tend_error e = { .code = 0 };

	CHECK_INT(-error, tend_spawn(s, &p, &e));
	CHECK_INT(-error, e.code);
	CHECK_INT(step, e.step);
	if (!strstr(e.message, what))
		CHECK_STR(what, e.message);
	CHECK(!p && test_no_children());
	CHECK_INT(fds, test_count_fds());
	tend_process_free(p);
}

/* ---- its descriptors ---- */

static void stdin_is_not_placed(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	const struct tend_spawn s = options(argv);

	if (test_is_apart() && filter_refused(SYS_dup3, 1, BPF_JEQ, STDIN_FILENO, EPERM))
		check_barred(&s, EPERM, TEND_STEP_STDIO, "descriptor of in");
}

/* Two that change places: one of them has to be lifted first. */
static void no_number_to_lift_to(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = options(argv);
	struct tend_pass_fd fds[2];
	int a, b;

	if (!test_is_apart())
		return;
	a = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 50);
	b = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 50);
	fds[0] = (struct tend_pass_fd){ a, b };
	fds[1] = (struct tend_pass_fd){ b, a };
	s.pass_fds = fds;
	s.n_pass_fds = 2;
	if (filter_refused(SYS_fcntl, 1, BPF_JEQ, F_DUPFD_CLOEXEC, EMFILE))
		check_barred(&s, EMFILE, TEND_STEP_STDIO, "pass_fds[0]");
	close(a);
	close(b);
}

/* A descriptor that it is to have would be closed by the exec. */
static void stays_hidden(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = options(argv);
	struct tend_pass_fd fd;
	int a;

	if (!test_is_apart())
		return;
	a = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 50);
	fd = (struct tend_pass_fd){ a, a };
	s.pass_fds = &fd;
	s.n_pass_fds = 1;
	if (filter_refused(SYS_fcntl, 1, BPF_JEQ, F_SETFD, EPERM))
		check_barred(&s, EPERM, TEND_STEP_STDIO, "pass_fds[0]");
	close(a);
}

/* Nobody tells which descriptors there are, nor how many there may be: then the host's cannot be kept from it. */
static void host_cannot_be_hidden(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	const struct tend_spawn s = options(argv);
	const uint32_t as_child_does = O_RDONLY | O_DIRECTORY | O_CLOEXEC; /* and opendir(3) does not */
	tend_process *p = NULL;
	struct tend_exit ended;
	struct tend_error e;
	size_t fds;

	if (!test_is_apart())
		return;
	fds = test_count_fds();
	if (!filter_refused(SYS_close_range, 0, BPF_JGE, 0, ENOSYS) ||
	    !filter_refused(SYS_prlimit64, 1, BPF_JEQ, RLIMIT_NOFILE, EPERM))
		return;
	if (CHECK_OK(tend_spawn(&s, &p, &e), &e)) /* there is the list in /proc */
		test_wait(p, &ended);
	tend_process_free(p);
	test_settle(fds);
	if (filter_refused(SYS_openat, 2, BPF_JEQ, as_child_does, EACCES))
		check_barred(&s, EPERM, TEND_STEP_CLOSE_FDS, "close");
}

/* ---- what it is ---- */

static void no_session(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = options(argv);

	s.scope = TEND_SCOPE_SESSION;
	if (test_is_apart() && filter_refused(SYS_setsid, 0, BPF_JGE, 0, EPERM))
		check_barred(&s, EPERM, TEND_STEP_SESSION, "session");
}

static void no_group(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	const struct tend_spawn s = options(argv);

	if (test_is_apart() && filter_refused(SYS_setpgid, 0, BPF_JGE, 0, EPERM))
		check_barred(&s, EPERM, TEND_STEP_PROCESS_GROUP, "process-group");
}

/* Whether a child can be had that enters what it belongs to by itself; says so where `step` stands in its way. */
static bool can_be_had(const struct tend_spawn *s, enum tend_step step)
{
	struct tend_error e = { .step = TEND_STEP_NONE };
	size_t fds = test_count_fds();
	struct tend_exit ended;
	tend_process *p = NULL;
	bool had;

	fault_fail_sys("spawn_into", 1, ENOSYS);
	had = tend_spawn(s, &p, &e) == 0 && test_wait(p, &ended);
	fault_reset();
	tend_process_free(p);
	test_settle(fds);
	if (!had && e.step == step)
		printf("(left out: %s) ", e.message);
	else
		CHECK(had);
	return had;
}

/* Where it cannot be born in its cgroup it says so to cgroup.procs itself, in the one byte "0". */
static void no_way_into_the_cgroup(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = options(argv);

	s.scope = TEND_SCOPE_CGROUP;
	s.cgroup.if_unavailable = TEND_NO_CGROUP_REFUSE;
	if (!test_is_apart() || !can_be_had(&s, TEND_STEP_CGROUP))
		return;
	fault_fail_sys("spawn_into", 1, ENOSYS);
	if (filter_refused(SYS_write, 2, BPF_JEQ, 1, EACCES)) {
		check_barred(&s, EACCES, TEND_STEP_CGROUP, "cgroup");
		CHECK(fault_fired());
	}
	fault_reset();
}

/* The terminal is there and does not become its own. */
static void no_control_of_the_terminal(void)
{
	static const struct tend_pty raw = { .mode = TEND_PTY_RAW };
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);

	s.name = "barred";
	s.err = TEND_OUT_MERGE;
	s.pty = &raw;
	if (test_is_apart() && can_be_had(&s, TEND_STEP_TERMINAL) &&
	    filter_refused(SYS_ioctl, 1, BPF_JEQ, TIOCSCTTY, EPERM))
		check_barred(&s, EPERM, TEND_STEP_TERMINAL, "terminal");
}

static void no_end_of_privileges(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = options(argv);

	s.no_new_privs = true;
	if (test_is_apart() && filter_refused(SYS_prctl, 0, BPF_JEQ, PR_SET_NO_NEW_PRIVS, EPERM))
		check_barred(&s, EPERM, TEND_STEP_PRIVILEGES, "privileges");
}

/*
 * Whoever sets a mask and asks for none is refused: the child, and then its host, which is left with the mask that it
 * spawned under.  With a mask to return to, a host may still set one.
 */
static void signals_stay_blocked(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	const struct tend_spawn s = options(argv);
	sigset_t before, during;

	if (!test_is_apart())
		return;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	if (!filter_refused(SYS_rt_sigprocmask, 2, BPF_JEQ, 0, EPERM))
		return;
	check_barred(&s, EPERM, TEND_STEP_SIGNALS, "signals");
	CHECK_INT(0, pthread_sigmask(SIG_SETMASK, &before, &during));
}

/* Its parent is another one than it was started by. */
static void parent_is_gone(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = options(argv);

	if (test_under_sanitizer()) { /* which starts something at the end that asks for its parent and waits for it */
		printf("(left out: the check for leaks asks for its parent, too) ");
		return;
	}
	if (!test_is_apart())
		return;
	s.with_parent = TEND_WITH_PARENT_CHILD;
	if (filter_refused(SYS_getppid, 0, BPF_JGE, 0, EPERM))
		check_barred(&s, ESRCH, TEND_STEP_PARENT, "the parent is gone");
}

/* ---- the program itself ---- */

/* What may be elsewhere is looked for there, and in the end nowhere; anything else is the answer. */
static void searched_in_vain(int error, int answer)
{
	const char *argv[] = { "true-er", NULL };
	const struct tend_spawn s = options(argv);

	if (!test_is_apart())
		return;
	setenv("PATH", "/nowhere:/", 1);
	if (filter_refused(SYS_execve, 0, BPF_JGE, 0, error))
		check_barred(&s, answer, TEND_STEP_EXEC, "true-er");
}

#define IN_VAIN(error, answer)                                                                                         \
	static void in_vain_##error(void)                                                                              \
	{                                                                                                              \
		searched_in_vain(error, answer);                                                                       \
	}
IN_VAIN(ESTALE, ENOENT)
IN_VAIN(ENODEV, ENOENT)
IN_VAIN(ETIMEDOUT, ENOENT)
IN_VAIN(ENAMETOOLONG, ENOENT)
IN_VAIN(EIO, EIO)

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "stdin_is_not_placed", stdin_is_not_placed },
		{ "no_number_to_lift_to", no_number_to_lift_to },
		{ "stays_hidden", stays_hidden },
		{ "host_cannot_be_hidden", host_cannot_be_hidden },
		{ "no_session", no_session },
		{ "no_group", no_group },
		{ "no_way_into_the_cgroup", no_way_into_the_cgroup },
		{ "no_control_of_the_terminal", no_control_of_the_terminal },
		{ "no_end_of_privileges", no_end_of_privileges },
		{ "signals_stay_blocked", signals_stay_blocked },
		{ "parent_is_gone", parent_is_gone },
		{ "in_vain_ESTALE", in_vain_ESTALE },
		{ "in_vain_ENODEV", in_vain_ENODEV },
		{ "in_vain_ETIMEDOUT", in_vain_ETIMEDOUT },
		{ "in_vain_ENAMETOOLONG", in_vain_ENAMETOOLONG },
		{ "in_vain_EIO", in_vain_EIO },
	};
	const char *warm[] = { helper("true-er"), NULL };
	struct tend_spawn s = options(warm);
	struct tend_exit ended;
	tend_process *p = NULL;

	s.with_parent = TEND_WITH_PARENT_CHILD; /* the thread that starts such children stays: before all is counted */
	if (tend_spawn(&s, &p, NULL) == 0)
		test_wait(p, &ended);
	tend_process_free(p);
	return test_main(argc, argv, "filtered", tests, sizeof tests / sizeof *tests);
}
