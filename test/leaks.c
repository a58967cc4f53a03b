/* SPDX-License-Identifier: MIT */
/* Finds what a test left behind: threads, descriptors, children, memory, signal state, strays with its cookie. */
#include "leaks.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

struct report {
	char *text;
	size_t size, used;
};

static void __attribute__((format(printf, 2, 3))) say(struct report *r, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(r->text + r->used, r->size - r->used, format, ap);
	va_end(ap);
	if (n > 0)
		r->used = r->used + (size_t)n < r->size ? r->used + (size_t)n : r->size - 1;
}

/* Calls fn(arg, number) for each entry of the directory whose name is a number; returns the directory's descriptor. */
static int each_number(const char *path, void (*fn)(void *arg, int number), void *arg)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int fd;

	if (!dir)
		return -1;
	fd = dirfd(dir);
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			fn(arg, atoi(entry->d_name));
	closedir(dir);
	return fd;
}

static void note_fd(void *arg, int fd)
{
	bool *fd_open = arg;

	if (fd < LEAKS_MAX_FD)
		fd_open[fd] = true;
}

static void look_at_fds(struct leaks *ret)
{
	int own = each_number("/proc/self/fd", note_fd, ret->fd_open);

	if (own >= 0 && own < LEAKS_MAX_FD)
		ret->fd_open[own] = false;
}

static void count(void *arg, int number)
{
	size_t *n = arg;

	(void)number;
	++*n;
}

static void look_at_signals(struct leaks *ret)
{
	pthread_sigmask(SIG_SETMASK, NULL, &ret->mask);
	for (int sig = 1; sig < _NSIG; sig++)
		if (sigaction(sig, NULL, &ret->dispositions[sig]) != 0)
			memset(&ret->dispositions[sig], 0, sizeof ret->dispositions[sig]);
}

void leaks_look(struct leaks *ret)
{
	memset(ret, 0, sizeof *ret);
	each_number("/proc/self/task", count, &ret->threads);
	look_at_fds(ret);
	ret->allocations = test_live_allocations ? test_live_allocations() : 0;
	look_at_signals(ret);
}

static void check_fds(const struct leaks *before, const struct leaks *now, struct report *r)
{
	char path[64], target[128];

	for (int fd = 0; fd < LEAKS_MAX_FD; fd++) {
		ssize_t n;

		if (now->fd_open[fd] == before->fd_open[fd])
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		say(r, "descriptor %d is %s (%s); ", fd, now->fd_open[fd] ? "left open" : "gone", target);
	}
}

/* The C library sets a flag of its own, which the kernel keeps when the old action is put back. */
#define RESTORER 0x04000000

static void check_signals(const struct leaks *before, const struct leaks *now, struct report *r)
{
	for (int sig = 1; sig < _NSIG; sig++) {
		const struct sigaction *was = &before->dispositions[sig], *is = &now->dispositions[sig];

		if (sigismember(&before->mask, sig) != sigismember(&now->mask, sig))
			say(r, "signal %d changed in the mask; ", sig);
		if (was->sa_handler != is->sa_handler || ((was->sa_flags ^ is->sa_flags) & ~RESTORER))
			say(r, "signal %d changed its disposition; ", sig);
	}
}

bool leaks_same_signals(const struct leaks *a, const struct leaks *b)
{
	char text[64];
	struct report r = { .text = text, .size = sizeof text };

	check_signals(a, b, &r);
	return r.used == 0;
}

static void check_children(struct report *r)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
		say(r, info.si_pid ? "zombie %d is left; " : "a child is left, number %d is no zombie; ", info.si_pid);
}

struct hunt {
	const char *cookie;
	struct report *report; /* NULL: kill */
};

/* Whole, or as the beginning of a longer one: a test that runs itself again hands its cookie down. */
static bool holds(const char *environment, size_t size, const char *cookie)
{
	const char *end = environment + size, *at = environment;
	size_t n = strlen(cookie);

	while ((at = memmem(at, (size_t)(end - at), cookie, n))) {
		at += n;
		if (at < end && (*at == '\0' || *at == ','))
			return true;
	}
	return false;
}

static bool has_cookie(int pid, const char *cookie)
{
	static char environment[256 << 10];
	char path[64];
	size_t used = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (used < sizeof environment && (n = read(fd, environment + used, sizeof environment - used)) > 0)
		used += (size_t)n;
	close(fd);
	return holds(environment, used, cookie);
}

static void read_comm(int pid, char *comm, int size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	f = fopen(path, "re");
	comm[0] = '\0';
	if (f) {
		if (fgets(comm, size, f))
			comm[strcspn(comm, "\n")] = '\0';
		fclose(f);
	}
}

static void hunt_one(void *arg, int pid)
{
	struct hunt *h = arg;
	char comm[32];

	if (pid == getpid() || !has_cookie(pid, h->cookie))
		return;
	if (!h->report) {
		kill(pid, SIGKILL);
		return;
	}
	read_comm(pid, comm, sizeof comm);
	say(h->report, "process %d (%s) is alive; ", pid, comm);
}

static void hunt(const char *cookie, struct report *report)
{
	struct hunt h = { .cookie = cookie, .report = report };

	each_number("/proc", hunt_one, &h);
}

void leaks_kill(const char *cookie)
{
	if (cookie[0]) /* the warm-up has none yet */
		hunt(cookie, NULL);
}

bool leaks_no_strays(const char *cookie, char *ret_report, size_t size)
{
	struct report r = { .text = ret_report, .size = size };

	ret_report[0] = '\0';
	hunt(cookie, &r);
	return r.used == 0;
}

/* Field by field: padding says nothing. */
bool leaks_same_belongings(const struct leaks *a, const struct leaks *b)
{
	return a->threads == b->threads && a->allocations == b->allocations &&
	       memcmp(a->fd_open, b->fd_open, sizeof a->fd_open) == 0;
}

/* pidfd_open(2): fdinfo says -1 of a process that has been reaped. */
static void note_reaped(void *arg, int fd)
{
	char path[64], line[128];
	bool *any = arg;
	FILE *info;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	while (info && fgets(line, sizeof line, info))
		*any |= strcmp(line, "Pid:\t-1\n") == 0;
	if (info)
		fclose(info);
}

/* The reaper may not have let go of what somebody else has waited for and freed. */
static bool holds_the_reaped(void)
{
	bool any = false;

	each_number("/proc/self/fd", note_reaped, &any);
	return any;
}

void leaks_settle(struct leaks *ret)
{
	static struct leaks before;
	int quiet = 0;

	while (quiet < 5) {
		before = *ret;
		poll(NULL, 0, 2);
		leaks_look(ret);
		if (!leaks_same_belongings(&before, ret) || !test_no_children() || holds_the_reaped())
			quiet = 0;
		else
			quiet++;
	}
}

bool leaks_check(const struct leaks *before, const char *cookie, char *ret_report, size_t size)
{
	struct report r = { .text = ret_report, .size = size };
	static struct leaks now;

	ret_report[0] = '\0';
	leaks_look(&now);
	if (now.threads > before->threads)
		say(&r, "%zu threads instead of %zu; ", now.threads, before->threads);
	if (now.allocations > before->allocations)
		say(&r, "%ld allocations instead of %ld; ", now.allocations, before->allocations);
	check_fds(before, &now, &r);
	check_signals(before, &now, &r);
	check_children(&r);
	hunt(cookie, &r);
	return r.used == 0;
}
