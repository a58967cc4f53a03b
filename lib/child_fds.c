/* SPDX-License-Identifier: MIT */
/*
 * The child's descriptors: each source goes to its target, and nothing else of the host's is open in the new program.
 *
 * Sources and targets may be any numbers, in any overlap, the pipe for errors among them.  So whatever lies on a target
 * that is not its own is lifted out of the way first, to numbers that are nobody's target; then each is put in its
 * place; then all above 2 are marked CLOEXEC, and the mark is taken from the targets again.  CLOEXEC rather than
 * closed, so that the pipe for errors lives until the exec has succeeded.
 *
 * Raw system calls only, as in spawn_child.c.
 */
#include <errno.h>
#include <fcntl.h>

#include "raw.h"
#include "spawn_child.h"

#define CLOSE_RANGE_CLOEXEC_FLAG 4L /* CLOSE_RANGE_CLOEXEC, Linux 5.11 */
#define FIRST_FREE_FD 3
#define RLIMIT_NOFILE_RESOURCE 7L

TEND__UNINSTRUMENTED static bool is_target(const struct tend__plan *plan, long fd)
{
	for (size_t i = 0; i < plan->n_fds; i++)
		if (plan->fds[i].target == fd)
			return true;
	return false;
}

/* A copy of fd that lies on nobody's target.  The copies on the way there are replaced or hidden later. */
TEND__UNINSTRUMENTED static int lift(const struct tend__child *c, int fd, size_t index)
{
	long copy = FIRST_FREE_FD - 1;

	do {
		copy = raw_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, copy + 1);
		if (copy < 0)
			tend__child_fail(c, TEND_STEP_STDIO, copy, index);
	} while (is_target(c->plan, copy));
	return (int)copy;
}

TEND__UNINSTRUMENTED static void lift_sources(struct tend__child *c)
{
	const struct tend__plan *plan = c->plan;

	for (size_t i = 0; i < plan->n_fds; i++) {
		int source = plan->fds[i].source;

		if (source != TEND__CLOSED && source != plan->fds[i].target && is_target(plan, source))
			source = lift(c, source, i);
		c->sources[i] = source;
	}
	if (is_target(plan, c->error_fd))
		c->error_fd = lift(c, c->error_fd, 0);
}

/* dup(x, x) would keep CLOEXEC: what is its own target is unhidden at the end. */
TEND__UNINSTRUMENTED static void place(const struct tend__child *c, size_t i)
{
	int source = c->sources[i], target = c->plan->fds[i].target;
	long r;

	if (source == TEND__CLOSED) {
		r = raw_call(SYS_close, target, 0, 0);
		r = r == -EBADF ? 0 : r;
	} else if (source == target) {
		r = raw_call(SYS_fcntl, target, F_GETFD, 0);
	} else {
		r = raw_call(SYS_dup3, source, target, 0);
	}
	if (r < 0)
		tend__child_fail(c, TEND_STEP_STDIO, r, i);
}

TEND__UNINSTRUMENTED static void unhide(const struct tend__child *c, size_t i)
{
	int target = c->plan->fds[i].target;
	long r;

	if (c->sources[i] == TEND__CLOSED || (target < FIRST_FREE_FD && c->sources[i] != target))
		return;
	r = raw_call(SYS_fcntl, target, F_SETFD, 0);
	if (r < 0)
		tend__child_fail(c, TEND_STEP_STDIO, r, i);
}

/* ---- the host's ---- */

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
		raw_call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
}

/* 0, or -errno where /proc is not there. */
TEND__UNINSTRUMENTED static long cloexec_listed(void)
{
	_Alignas(struct dirent_head) char buf[1024];
	long dir = raw_call5(SYS_openat, AT_FDCWD, (long)"/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
	long n;

	if (dir < 0)
		return dir;
	while ((n = raw_call(SYS_getdents64, dir, (long)buf, (long)sizeof buf)) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent_head *d = (const struct dirent_head *)(const void *)(buf + at);

			if (d->name[0] != '.')
				cloexec(number(d->name));
			at += d->length;
		}
	}
	raw_call(SYS_close, dir, 0, 0);
	return n;
}

TEND__UNINSTRUMENTED static void cloexec_up_to_limit(const struct tend__child *c)
{
	struct {
		uint64_t cur, max;
	} limit = { 0, 0 };
	long r = raw_call5(SYS_prlimit64, 0, RLIMIT_NOFILE_RESOURCE, 0, (long)&limit, 0);

	if (r < 0)
		tend__child_fail(c, TEND_STEP_CLOSE_FDS, r, 0);
	for (uint64_t fd = FIRST_FREE_FD; fd < limit.cur && fd < INT32_MAX; fd++)
		cloexec((int)fd);
}

TEND__UNINSTRUMENTED static void hide_all(const struct tend__child *c)
{
	if (!c->plan->close_one_by_one &&
	    raw_call(SYS_close_range, FIRST_FREE_FD, (long)UINT32_MAX, CLOSE_RANGE_CLOEXEC_FLAG) == 0)
		return;
	if (cloexec_listed() < 0)
		cloexec_up_to_limit(c);
}

TEND__UNINSTRUMENTED void tend__child_place_fds(struct tend__child *c)
{
	lift_sources(c);
	for (size_t i = 0; i < c->plan->n_fds; i++)
		place(c, i);
	hide_all(c);
	for (size_t i = 0; i < c->plan->n_fds; i++)
		unhide(c, i);
}

/* The lowest number from `low` on that the child still needs, or INT64_MAX. */
TEND__UNINSTRUMENTED static int64_t next_needed(const struct tend__child *c, int64_t low)
{
	int64_t next = c->error_fd >= low ? c->error_fd : INT64_MAX;

	for (size_t i = 0; i < c->plan->n_fds; i++) {
		int target = c->plan->fds[i].target;

		if (target >= low && target < next)
			next = target;
	}
	return next;
}

TEND__UNINSTRUMENTED void tend__child_let_go(const struct tend__child *c)
{
	int64_t low = FIRST_FREE_FD;

	while (low <= INT32_MAX) {
		int64_t next = next_needed(c, low);
		long last = next == INT64_MAX ? (long)UINT32_MAX : (long)(next - 1);

		if (last >= low)
			raw_call(SYS_close_range, (long)low, last, 0);
		low = next == INT64_MAX ? next : next + 1;
	}
}
