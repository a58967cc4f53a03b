/* SPDX-License-Identifier: MIT */
/*
 * Reads /proc/self/task/TID/syscall, where the kernel writes the number and the arguments of the system call in which
 * a thread is blocked, and "running" when it is not.  Arguments that are pointers point into this very process; what
 * they point to is copied by the kernel, as the thread may have gone on meanwhile.
 */
#include "asleep.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

/* More than a thread's descriptor of glibc takes; less than the smallest stack in front of the next one. */
#define PTHREAD_SIZE 4096
#define MAX_POLLED 8

/* What fits of a file in /proc of that thread, as a string. */
static bool read_fact(pid_t tid, const char *fact, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/self/task/%d/%s", (int)tid, fact);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return n > 0;
}

/*
 * A wait with a deadline that was interrupted, if only by a freezer, goes on as restart_syscall(2), with the registers
 * of the call that it was: the library's waits are told apart by what is the futex's operation, or how many are polled.
 */
static void see_through_restart(struct asleep *a)
{
	if (a->call != SYS_restart_syscall)
		return;
	if (((unsigned)a->args[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET && a->args[1] & ~(uint64_t)FUTEX_CMD_MASK)
		a->call = SYS_futex;
	else if (a->args[1] > 0 && a->args[1] <= MAX_POLLED)
		a->call = SYS_ppoll;
}

bool asleep_look(pid_t tid, struct asleep *ret)
{
	char text[512];
	const char *behind;

	memset(ret, 0, sizeof *ret);
	ret->call = -1;
	if (!read_fact(tid, "comm", text, sizeof text))
		return false;
	snprintf(ret->comm, sizeof ret->comm, "%.15s", text);
	if (!read_fact(tid, "stat", text, sizeof text))
		return false;
	behind = strrchr(text, ')'); /* the name may hold anything */
	ret->state = behind && behind[1] ? behind[2] : '?';
	if (!read_fact(tid, "syscall", text, sizeof text))
		return false;
	if (sscanf(text, "%ld %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64, &ret->call,
	           &ret->args[0], &ret->args[1], &ret->args[2], &ret->args[3], &ret->args[4], &ret->args[5]) < 7)
		ret->call = -1;
	see_through_restart(ret);
	return true;
}

bool asleep_can_be_known(void)
{
	struct asleep self;

	return !test_under_valgrind() && asleep_look(gettid(), &self) && self.call >= 0;
}

/* ---- in words ---- */

/* From our own memory, whether or not it is still there. */
static bool copy_from(uint64_t at, void *to, size_t size)
{
	struct iovec local = { to, size }, remote = { (void *)(uintptr_t)at, size };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size;
}

static bool is_poll(const struct asleep *a)
{
#ifdef SYS_poll
	if (a->call == SYS_poll)
		return true;
#endif
	return a->call == SYS_ppoll;
}

static size_t polled_by(const struct asleep *a, struct pollfd *fds)
{
	size_t n = a->args[1] < MAX_POLLED ? (size_t)a->args[1] : MAX_POLLED;

	return is_poll(a) && n > 0 && copy_from(a->args[0], fds, n * sizeof *fds) ? n : 0;
}

static void add(char *text, size_t size, const char *more)
{
	size_t n = strlen(text);

	snprintf(text + n, size - n, "%s", more);
}

/* "3 pipe:[1234]" */
static void add_fd(char *text, size_t size, int fd)
{
	char path[64], target[64], both[128];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof target - 1);
	target[n > 0 ? n : 0] = '\0';
	snprintf(both, sizeof both, "%d %s", fd, n > 0 ? target : "(closed)");
	add(text, size, both);
}

static void add_polled(const struct asleep *a, char *text, size_t size)
{
	struct pollfd fds[MAX_POLLED];
	size_t n = polled_by(a, fds);

	add(text, size, n ? "poll:" : "poll");
	for (size_t i = 0; i < n; i++) {
		add(text, size, i ? ", " : " ");
		add_fd(text, size, fds[i].fd);
		add(text, size, fds[i].events & POLLOUT ? " for room" : " for input");
	}
	if (a->call == SYS_ppoll)
		add(text, size, a->args[2] ? ", with a deadline" : ", for ever");
}

static void add_futex(const struct asleep *a, char *text, size_t size)
{
	bool is_lock = ((unsigned)a->args[1] & FUTEX_CMD_MASK) == FUTEX_WAIT;
	char what[80];

	snprintf(what, sizeof what, "futex: %s 0x%" PRIx64 ", %s", is_lock ? "lock" : "word", a->args[0],
	         a->args[3] ? "with a deadline" : "for ever");
	add(text, size, what);
}

static const struct {
	long call;
	const char *name;
	bool on_fd; /* the first argument is a descriptor */
} calls[] = {
	{ SYS_read, "read", true },
	{ SYS_write, "write", true },
	{ SYS_pwritev2, "write", true },
	{ SYS_clone, "clone", false },
	{ SYS_clone3, "clone3", false },
	{ SYS_execve, "execve", false },
	{ SYS_waitid, "waitid", false },
	{ SYS_wait4, "wait4", false },
	{ SYS_nanosleep, "nanosleep", false },
	{ SYS_clock_nanosleep, "clock_nanosleep", false },
	{ SYS_rt_sigsuspend, "sigsuspend", false },
	{ SYS_rt_sigtimedwait, "sigtimedwait", false },
	{ SYS_epoll_pwait, "epoll", true },
#ifdef SYS_epoll_wait
	{ SYS_epoll_wait, "epoll", true },
#endif
#ifdef SYS_pause
	{ SYS_pause, "pause", false },
#endif
};

void asleep_describe(const struct asleep *a, char *text, size_t size)
{
	char number[32];

	text[0] = '\0';
	if (a->call < 0) {
		add(text, size, a->state == 'R' ? "it runs" : "no system call");
	} else if (is_poll(a)) {
		add_polled(a, text, size);
	} else if (a->call == SYS_futex) {
		add_futex(a, text, size);
	} else {
		for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
			if (calls[i].call != a->call)
				continue;
			add(text, size, calls[i].name);
			if (calls[i].on_fd) {
				add(text, size, ": ");
				add_fd(text, size, (int)a->args[0]);
			}
			return;
		}
		snprintf(number, sizeof number, "system call %ld", a->call);
		add(text, size, number);
	}
}

/* ---- places ---- */

static bool polls(const struct asleep *a, int fd)
{
	struct pollfd fds[MAX_POLLED];
	size_t n = polled_by(a, fds);

	for (size_t i = 0; i < n; i++)
		if (fds[i].fd == fd)
			return true;
	return false;
}

bool asleep_is(pid_t tid, struct asleep_place place)
{
	uint64_t object = (uint64_t)(uintptr_t)place.object;
	struct asleep a;
	bool is_wait;

	if (tid <= 0 || !asleep_look(tid, &a))
		return false;
	/* a lock of glibc's is FUTEX_WAIT, a join is not private: neither is taken for an event or a parker */
	is_wait = a.call == SYS_futex && ((unsigned)a.args[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
	switch (place.kind) {
	case ASLEEP_ON_WORD:
		return is_wait && a.args[0] >= object && a.args[0] < object + place.size;
	case ASLEEP_ON_ANY_WORD:
		return is_wait && a.args[1] & FUTEX_PRIVATE_FLAG;
	case ASLEEP_IN_JOIN:
		return a.call == SYS_futex && a.args[0] >= object && a.args[0] < object + PTHREAD_SIZE;
	case ASLEEP_IN_POLL:
		return polls(&a, place.fd);
	case ASLEEP_IN_CALL:
		return a.call == place.call && a.state != 'R';
	}
	return false;
}

/* Calls fn(arg, tid, look) for each thread of this process, one after the other; false: they cannot be listed. */
static bool each_thread(void (*fn)(void *arg, pid_t tid, const struct asleep *a), void *arg)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	struct asleep a;

	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		pid_t tid = (pid_t)atoi(entry->d_name);

		if (isdigit((unsigned char)entry->d_name[0]) && asleep_look(tid, &a))
			fn(arg, tid, &a);
	}
	closedir(dir);
	return true;
}

static void note_awake(void *arg, pid_t tid, const struct asleep *a)
{
	bool *any_awake = arg;

	*any_awake |= tid != gettid() && a->state != 'S';
}

static bool others_sleep(void)
{
	bool any_awake = false;

	return each_thread(note_awake, &any_awake) && !any_awake;
}

/* Several looks, as the one that slept at first may have been woken by the one that sleeps at last. */
void asleep_await_others(void)
{
	int looks = 0;

	while (asleep_can_be_known() && looks < 5) {
		looks = others_sleep() ? looks + 1 : 0;
		poll(NULL, 0, 1);
	}
}

struct namesakes {
	const char *comm;
	pid_t found; /* the last one */
	size_t n;
};

static void note_namesake(void *arg, pid_t tid, const struct asleep *a)
{
	struct namesakes *of = arg;

	if (strcmp(a->comm, of->comm) == 0) {
		of->found = tid;
		of->n++;
	}
}

static pid_t find(const char *comm)
{
	struct namesakes of = { .comm = comm };

	each_thread(note_namesake, &of);
	return of.n == 1 ? of.found : 0;
}

pid_t asleep_find(const char *comm)
{
	pid_t found = 0;

	while (asleep_can_be_known() && (found = find(comm)) == 0)
		poll(NULL, 0, 1);
	return found;
}
