/* SPDX-License-Identifier: MIT */
/*
 * Problem: which rung of each ladder is taken shows nowhere, and a kernel's version does not tell: filters, containers
 * and configurations take facilities away, and distributions bring them to older kernels.
 *
 * So each is used as the library uses it.  For what it takes a child to try there are two, of which one is born in a
 * cgroup: they fail to execute a directory, and say so through the memory that they share with us.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <tend/kernel.h>
#include <unistd.h>

#include "cgroup.h"
#include "clock.h"
#include "spawn_child.h"
#include "sys.h"

/* What has been made to try them with. */
struct trial {
	int self;    /* a pidfd of ours, or what went wrong */
	pid_t child; /* that shared our memory, or what went wrong */
	pid_t born;  /* in the cgroup, likewise */
	int pidfd;   /* the child's, which has been reaped; -1: none */
	bool shared; /* it did share it */
	struct tend__cgroup cgroup;
	int cgroup_error; /* 0, or why there is none */
};

/* ---- children ---- */

/* One that reaches its exec, and no further.  Signals are blocked, as it has our memory and not our handlers. */
static pid_t spawn_failing(int cgroup_fd, int *ret_pidfd, bool *ret_shared)
{
	static const struct tend_spawn nothing = { .argv = NULL };
	static char *const none[] = { NULL };
	static char *const directory[] = { (char *)(uintptr_t) "/", NULL };
	volatile int progress = TEND__CHILD_RUNS;
	struct tend__plan plan = { .o = &nothing,
		                   .argv = directory,
		                   .envp = none,
		                   .candidates = directory,
		                   .scope = TEND_SCOPE_GROUP,
		                   .tty_fd = -1,
		                   .procs_fd = -1,
		                   .shared = &progress };
	sigset_t old;
	pid_t pid;
	int fds[2], r = tend__sys_pipe(fds);

	if (r < 0)
		return r;
	for (int i = 0; i < 3; i++)
		plan.fds[plan.n_fds++] = (struct tend_pass_fd){ TEND__CLOSED, i };
	plan.error_fd = fds[1];
	tend__sys_block_signals(&old);
	pid = cgroup_fd < 0 ? tend__sys_spawn_shared(&plan, ret_pidfd)
	                    : tend__sys_spawn_into(&plan, cgroup_fd, ret_pidfd);
	tend__sys_restore_signals(&old);
	*ret_shared = progress == TEND__CHILD_FAILED;
	tend__sys_close(fds[0]);
	tend__sys_close(fds[1]);
	return pid;
}

static void bury(pid_t pid, int pidfd)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	struct rusage usage;
	siginfo_t info;

	if (pid <= 0)
		return;
	if (pidfd < 0 || tend__sys_poll(&ended, 1, TEND__NEVER) < 0 ||
	    tend__sys_wait(pidfd, pid, false, &info, &usage) <= 0)
		tend__sys_reap(pid);
}

/* ---- how each is tried: 0, or a negative errno value ---- */

static int try_clone(struct trial *t)
{
	if (tend__sys_forced_off("vfork"))
		return -ENOSYS;
	if (t->child < 0)
		return t->child;
	return t->shared ? 0 : -ENOTSUP;
}

static int try_clone_pidfd(struct trial *t)
{
	if (tend__sys_forced_off("clone_pidfd"))
		return -ENOSYS;
	return t->child < 0 ? t->child : t->pidfd < 0 ? -ENOTSUP : 0;
}

static int try_pidfd_open(struct trial *t)
{
	return t->self < 0 ? t->self : 0;
}

static int try_pidfd_signal(struct trial *t)
{
	if (tend__sys_forced_off("pidfd_signal"))
		return -ENOSYS;
	return t->self < 0 ? t->self : tend__sys_pidfd_signal(t->self, 0, 0);
}

/* ESRCH: this process leads no group, and the flag was understood. */
static int try_pidfd_group(struct trial *t)
{
	int r = t->self;

	if (tend__sys_forced_off("pidfd_group") || tend__sys_forced_off("pidfd_signal"))
		return -ENOSYS;
	if (r >= 0)
		r = tend__sys_pidfd_signal(t->self, 0, TEND__PIDFD_GROUP);
	return r == -ESRCH ? 0 : r;
}

static int try_pidfd_info(struct trial *t)
{
	int r = t->self;

	if (tend__sys_forced_off("pidfd_info"))
		return -ENOSYS;
	if (r >= 0)
		r = tend__sys_pid_of(t->self);
	return r < 0 ? r : r == getpid() ? 0 : -ENOTSUP;
}

static int try_pidfd_exit(struct trial *t)
{
	int status, r = t->pidfd;

	if (tend__sys_forced_off("pidfd_info"))
		return -ENOSYS;
	if (r >= 0)
		r = tend__sys_exit_status(t->pidfd, &status);
	return r < 0 ? r : r == 1 ? 0 : -ENOTSUP;
}

/* A range of no descriptors. */
static int try_close_range(struct trial *t)
{
	(void)t;
	if (tend__sys_forced_off("close_range"))
		return -ENOSYS;
	return syscall(SYS_close_range, ~0U, ~0U, 0U) == 0 ? 0 : -errno;
}

static int try_cgroup(struct trial *t)
{
	return t->cgroup_error;
}

static int try_clone_into_cgroup(struct trial *t)
{
	if (tend__sys_forced_off("clone3"))
		return -ENOSYS;
	return t->cgroup_error < 0 ? t->cgroup_error : t->born < 0 ? t->born : 0;
}

static int try_cgroup_kill(struct trial *t)
{
	int fd = t->cgroup_error < 0 ? t->cgroup_error : tend__cgroup_open_kill(&t->cgroup);

	if (fd >= 0)
		tend__sys_close(fd);
	return fd < 0 ? fd : 0;
}

static int try_pty(struct trial *t)
{
	int fds[2], r = tend__sys_pty(fds);

	(void)t;
	if (r == 0) {
		tend__sys_close(fds[0]);
		tend__sys_close(fds[1]);
	}
	return r;
}

static int try_memfd(struct trial *t)
{
	int fd = tend__sys_memfd("x", 1);

	(void)t;
	if (fd >= 0)
		tend__sys_close(fd);
	return fd < 0 ? fd : 0;
}

/* ---- all of them ---- */

static const struct facility {
	const char *name, *purpose, *fallback;
	int (*attempt)(struct trial *t);
	bool is_needed; /* the fallback is a refusal */
	bool may_trap;  /* it is called here alone, and a filter may not expect that */
} facilities[] = {
	{ "clone", "a child is made without a copy of any page", "a copy of all pages, as fork(2)", try_clone, false,
	  false },
	{ "clone-pidfd", "a child is born with a descriptor", "pidfd_open(2) afterwards", try_clone_pidfd, false,
	  false },
	{ "pidfd-open", "a process is known by a descriptor", "adopting, and the guardian, are refused", try_pidfd_open,
	  true, false },
	{ "pidfd-signal", "a signal cannot hit a stranger", "kill(2), while the number is known to be the child's",
	  try_pidfd_signal, false, false },
	{ "pidfd-group", "a group is reached when its leader is gone", "kill(2), while the leader has not been reaped",
	  try_pidfd_group, false, false },
	{ "pidfd-info", "a descriptor tells its process", "/proc is asked", try_pidfd_info, false, false },
	{ "pidfd-exit", "a status that somebody else took is known", "such a status is unknown", try_pidfd_exit, false,
	  false },
	{ "close-range", "a child closes all other descriptors at once", "one by one, from /proc/self/fd",
	  try_close_range, false, true },
	{ "cgroup", "a child gets a cgroup of its own", "TEND_SCOPE_CGROUP is refused, or a group has to do",
	  try_cgroup, true, false },
	{ "clone-into-cgroup", "a child is born in its cgroup", "it enters it before it executes",
	  try_clone_into_cgroup, false, false },
	{ "cgroup-kill", "SIGKILL reaches a cgroup in one go", "one member after the other", try_cgroup_kill, false,
	  false },
	{ "pty", "a child has a terminal of its own", ".pty is refused", try_pty, true, false },
	{ "memfd", "much input of a child is in memory", "TEND_IN_BYTES is refused beyond what a pipe holds", try_memfd,
	  true, false },
};
enum { N_FACILITIES = sizeof facilities / sizeof *facilities };

static void make_trial(struct trial *t)
{
	bool shared;
	int pidfd = -1;

	*t = (struct trial){ .self = tend__sys_pidfd_open(getpid()), .born = -ENOENT, .pidfd = -1 };
	tend__cgroup_init(&t->cgroup);
	t->cgroup_error = tend__cgroup_make(&t->cgroup, NULL);
	t->child = spawn_failing(-1, &t->pidfd, &t->shared);
	bury(t->child, t->pidfd);
	if (t->cgroup_error < 0)
		return;
	t->born = spawn_failing(t->cgroup.dir_fd, &pidfd, &shared);
	bury(t->born, pidfd);
	tend__sys_close(pidfd);
}

static void end_trial(struct trial *t)
{
	tend__sys_close(t->self);
	tend__sys_close(t->pidfd);
	tend__cgroup_fini(&t->cgroup, false);
}

/* prctl(2): EINVAL where the kernel was built without; whatever else refuses the question is a filter. */
static bool is_filtered(void)
{
	int r = prctl(PR_GET_SECCOMP);

	return r > 0 || (r < 0 && errno != EINVAL);
}

static void try_one(const struct facility *f, struct trial *t, struct tend_facility *ret)
{
	bool untried = f->may_trap && is_filtered();
	const char *text;

	*ret = (struct tend_facility){ .name = f->name, .purpose = f->purpose, .fallback = f->fallback };
	if (untried) {
		ret->state = TEND_FACILITY_UNTRIED;
		snprintf(ret->reason, sizeof ret->reason, "there is a seccomp filter, which might end the program");
		return;
	}
	ret->error = f->attempt(t);
	text = strerrordesc_np(-ret->error);
	ret->state = ret->error == 0 ? TEND_FACILITY_USED
	             : f->is_needed  ? TEND_FACILITY_MISSING
	                             : TEND_FACILITY_REPLACED;
	if (ret->error == -ENOTSUP)
		snprintf(ret->reason, sizeof ret->reason, "it was taken, and had no effect");
	else if (ret->error < 0)
		snprintf(ret->reason, sizeof ret->reason, "%s", text ? text : "an error without a name");
	else
		snprintf(ret->reason, sizeof ret->reason, "it works");
}

size_t tend_kernel_report(struct tend_facility *ret, size_t room)
{
	struct trial t;
	int saved = errno;

	if (room == 0)
		return N_FACILITIES;
	make_trial(&t);
	for (size_t i = 0; i < N_FACILITIES && i < room; i++)
		try_one(&facilities[i], &t, &ret[i]);
	end_trial(&t);
	errno = saved;
	return N_FACILITIES;
}

const char *tend_facility_state_name(enum tend_facility_state state)
{
	static const char *const names[] = { [TEND_FACILITY_USED] = "used",
		                             [TEND_FACILITY_REPLACED] = "replaced",
		                             [TEND_FACILITY_MISSING] = "missing",
		                             [TEND_FACILITY_UNTRIED] = "untried" };
	size_t i = (size_t)state;

	return i > 0 && i < sizeof names / sizeof *names ? names[i] : "unknown";
}
