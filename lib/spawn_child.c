/* SPDX-License-Identifier: MIT */
/*
 * The child between clone and exec.  It may run in the parent's memory while the calling thread is suspended and all
 * other threads run on, so it takes no lock, allocates nothing, writes nothing but its own stack and the error pipe,
 * and makes raw system calls only.  Each step that can fail says so through the error pipe; the parent phrases it.
 */
#include "spawn_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <tend/error.h>

#include "raw.h"

#define CLOSE_RANGE_CLOEXEC_FLAG 4L /* CLOSE_RANGE_CLOEXEC, Linux 5.11 */
#define N_SIGNALS 64
#define FIRST_FREE_FD 3
#define RLIMIT_NOFILE_RESOURCE 7L

TEND__UNINSTRUMENTED static long call(long n, long a, long b, long c)
{
	return raw_call5(n, a, b, c, 0, 0);
}

TEND__UNINSTRUMENTED __attribute__((__noreturn__)) static void fail(int error_fd, enum tend_step step, long error)
{
	struct tend__child_error e = { .step = (int32_t)step, .error = (int32_t)-error };

	call(SYS_write, error_fd, (long)&e, (long)sizeof e);
	for (;;)
		call(SYS_exit_group, 127, 0, 0);
}

/*
 * Dispositions 1 to 64, the C library's own 32 and 33 included: ignored signals survive an exec, and handlers are
 * addresses in the parent's code.  SIGKILL and SIGSTOP refuse, which is not an error.
 */
TEND__UNINSTRUMENTED static void set_disposition(long sig, unsigned long handler)
{
	struct {
		unsigned long handler, flags, restorer, mask;
	} action = { handler, 0, 0, 0 };

	raw_call5(SYS_rt_sigaction, sig, (long)&action, 0, N_SIGNALS / 8, 0);
}

TEND__UNINSTRUMENTED static void reset_dispositions(void)
{
	for (long s = 1; s <= N_SIGNALS; s++)
		set_disposition(s, (unsigned long)SIG_DFL);
}

/*
 * What was sent to the host's group while the child was still in it, a Ctrl-C for example, is not the new program's:
 * ignoring a signal discards it where it is pending.
 */
TEND__UNINSTRUMENTED static void discard_pending(void)
{
	uint64_t pending = 0;

	call(SYS_rt_sigpending, (long)&pending, N_SIGNALS / 8, 0);
	for (long s = 1; s <= N_SIGNALS; s++)
		if (pending & (UINT64_C(1) << (s - 1)))
			set_disposition(s, (unsigned long)SIG_IGN);
}

/* Sources that lie on 0, 1 or 2 but belong elsewhere go out of the way first, so that a swap comes out right. */
TEND__UNINSTRUMENTED static void lift_sources(int source[3], int error_fd)
{
	for (int target = 0; target < 3; target++) {
		long fd;

		if (source[target] >= FIRST_FREE_FD || source[target] == target || source[target] == TEND__CLOSED)
			continue;
		fd = call(SYS_fcntl, source[target], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
		if (fd < 0)
			fail(error_fd, TEND_STEP_STDIO, fd);
		source[target] = (int)fd;
	}
}

/* dup(x, x) would keep CLOEXEC. */
TEND__UNINSTRUMENTED static void place_stdio(const int source[3], int error_fd)
{
	for (int target = 0; target < 3; target++) {
		long r;

		if (source[target] == TEND__CLOSED) {
			r = call(SYS_close, target, 0, 0);
			r = r == -EBADF ? 0 : r;
		} else if (source[target] == target) {
			r = call(SYS_fcntl, target, F_SETFD, 0);
		} else {
			r = call(SYS_dup3, source[target], target, 0);
		}
		if (r < 0)
			fail(error_fd, TEND_STEP_STDIO, r);
	}
}

struct dirent_head { /* struct linux_dirent64, getdents64(2) */
	uint64_t ino;
	int64_t off;
	unsigned short length;
	unsigned char type;
	char name[];
};

TEND__UNINSTRUMENTED static int number(const char *s)
{
	int n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (*s - '0');
	return *s ? -1 : n;
}

TEND__UNINSTRUMENTED static void cloexec(int fd)
{
	if (fd >= FIRST_FREE_FD)
		call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
}

/* 0, or -errno where /proc is not there. */
TEND__UNINSTRUMENTED static long cloexec_listed(void)
{
	_Alignas(struct dirent_head) char buf[1024];
	long dir = raw_call5(SYS_openat, AT_FDCWD, (long)"/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
	long n;

	if (dir < 0)
		return dir;
	while ((n = call(SYS_getdents64, dir, (long)buf, (long)sizeof buf)) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent_head *d = (const struct dirent_head *)(const void *)(buf + at);

			if (d->name[0] != '.')
				cloexec(number(d->name));
			at += d->length;
		}
	}
	call(SYS_close, dir, 0, 0);
	return n;
}

TEND__UNINSTRUMENTED static void cloexec_up_to_limit(int error_fd)
{
	struct {
		uint64_t cur, max;
	} limit = { 0, 0 };
	long r = raw_call5(SYS_prlimit64, 0, RLIMIT_NOFILE_RESOURCE, 0, (long)&limit, 0);

	if (r < 0)
		fail(error_fd, TEND_STEP_CLOSE_FDS, r);
	for (uint64_t fd = FIRST_FREE_FD; fd < limit.cur && fd < INT32_MAX; fd++)
		cloexec((int)fd);
}

/* CLOEXEC rather than closed, so that the error pipe lives until the exec has succeeded. */
TEND__UNINSTRUMENTED static void hide_host_fds(const struct tend__plan *plan, int error_fd)
{
	if (!plan->close_one_by_one &&
	    call(SYS_close_range, FIRST_FREE_FD, (long)~0U, CLOSE_RANGE_CLOEXEC_FLAG) == 0)
		return;
	if (cloexec_listed() < 0)
		cloexec_up_to_limit(error_fd);
}

/* What a next directory of PATH may still find; anything else is the answer. */
TEND__UNINSTRUMENTED static bool try_next(long error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -ESTALE || error == -ENODEV ||
	       error == -ETIMEDOUT || error == -ENAMETOOLONG;
}

TEND__UNINSTRUMENTED __attribute__((__noreturn__)) static void execute(const struct tend__plan *plan, int error_fd)
{
	long answer = -ENOENT;

	for (char *const *path = plan->candidates; *path; path++) {
		long r = call(SYS_execve, (long)*path, (long)plan->argv, (long)plan->envp);

		if (!try_next(r) || !plan->candidates[1])
			fail(error_fd, TEND_STEP_EXEC, r);
		if (r == -EACCES)
			answer = r;
	}
	fail(error_fd, TEND_STEP_EXEC, answer);
}

TEND__UNINSTRUMENTED int tend__child_main(void *arg)
{
	const struct tend__plan *plan = arg;
	int source[3] = { plan->stdio[0], plan->stdio[1], plan->stdio[2] };
	int error_fd = plan->error_fd;
	uint64_t no_signals = 0;
	long r;

	*plan->shared = 1;
	r = call(SYS_setpgid, 0, 0, 0);
	if (r < 0)
		fail(error_fd, TEND_STEP_PROCESS_GROUP, r);
	discard_pending();
	reset_dispositions();
	lift_sources(source, error_fd);
	place_stdio(source, error_fd);
	hide_host_fds(plan, error_fd);
	if (plan->cwd) {
		r = call(SYS_chdir, (long)plan->cwd, 0, 0);
		if (r < 0)
			fail(error_fd, TEND_STEP_CHDIR, r);
	}
	r = raw_call5(SYS_rt_sigprocmask, SIG_SETMASK, (long)&no_signals, 0, N_SIGNALS / 8, 0);
	if (r < 0)
		fail(error_fd, TEND_STEP_SIGNALS, r);
	execute(plan, error_fd);
}
