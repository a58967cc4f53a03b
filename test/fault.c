/* SPDX-License-Identifier: MIT */
/*
 * lib/mem.c and lib/sys.c with faults in them.  The real system calls are lib/sys.c itself, compiled here once more
 * with the names of those that can fail replaced; each gets a wrapper under its proper name.
 */
#include "fault.h"

#define tend__sys_pipe real_pipe
#define tend__sys_eventfd real_eventfd
#define tend__sys_open_null real_open_null
#define tend__sys_set_nonblock real_set_nonblock
#define tend__sys_check_open real_check_open
#define tend__sys_check_readable real_check_readable
#define tend__sys_set_pipe_size real_set_pipe_size
#define tend__sys_readable real_readable
#define tend__sys_read real_read
#define tend__sys_read_no_wait real_read_no_wait
#define tend__sys_write real_write
#define tend__sys_poll real_poll
#define tend__sys_epoll real_epoll
#define tend__sys_epoll_add real_epoll_add
#define tend__sys_epoll_wait real_epoll_wait
#define tend__sys_timerfd real_timerfd
#define tend__sys_timerfd_set real_timerfd_set
#define tend__sys_thread real_thread
#define tend__sys_spawn_shared real_spawn_shared
#define tend__sys_spawn_copied real_spawn_copied
#define tend__sys_pidfd_open real_pidfd_open
#define tend__sys_set_terminal real_set_terminal
#define tend__sys_dup real_dup
#define tend__sys_spawn_into real_spawn_into
#define tend__sys_memfd real_memfd
#define tend__sys_pty real_pty
#define tend__sys_setpgid real_setpgid
#define tend__sys_wait real_wait
#define tend__sys_pidfd_signal real_pidfd_signal
#define tend__sys_kill real_kill
#define tend__sys_forced_off real_forced_off
#define tend__sys_guardian_path real_guardian_path
#define tend__sys_send_fds real_send_fds
#define tend__sys_socketpair real_socketpair
#include "../lib/sys.c"
#undef tend__sys_pipe
#undef tend__sys_eventfd
#undef tend__sys_open_null
#undef tend__sys_set_nonblock
#undef tend__sys_check_open
#undef tend__sys_check_readable
#undef tend__sys_set_pipe_size
#undef tend__sys_readable
#undef tend__sys_read
#undef tend__sys_read_no_wait
#undef tend__sys_write
#undef tend__sys_poll
#undef tend__sys_epoll
#undef tend__sys_epoll_add
#undef tend__sys_epoll_wait
#undef tend__sys_timerfd
#undef tend__sys_timerfd_set
#undef tend__sys_thread
#undef tend__sys_spawn_shared
#undef tend__sys_spawn_copied
#undef tend__sys_pidfd_open
#undef tend__sys_set_terminal
#undef tend__sys_dup
#undef tend__sys_spawn_into
#undef tend__sys_memfd
#undef tend__sys_pty
#undef tend__sys_setpgid
#undef tend__sys_wait
#undef tend__sys_pidfd_signal
#undef tend__sys_kill
#undef tend__sys_forced_off
#undef tend__sys_guardian_path
#undef tend__sys_send_fds
#undef tend__sys_socketpair
/* once more, for the proper names */
#undef TEND_LIB_SYS_H
#include "../lib/sys.h"

#include <limits.h>
#include <stdlib.h>

#include "../lib/mem.h"
#include "test.h"

/* Relaxed, all of them: the counters must not order what the library itself leaves unordered, or hide it from TSan. */
#define get(object) atomic_load_explicit(object, memory_order_relaxed)
#define set(object, value) atomic_store_explicit(object, value, memory_order_relaxed)
#define add(object, n) atomic_fetch_add_explicit(object, n, memory_order_relaxed)
#define sub(object, n) atomic_fetch_sub_explicit(object, n, memory_order_relaxed)

struct fault {
	_Atomic unsigned long at; /* calls to go until it hits; 0: not armed, or over */
	_Atomic bool lasting;
	_Atomic int error;
};

/* Each call that can fail, by the name behind tend__sys_; the last entry is any of them. */
static struct call {
	const char *name;
	struct fault fault;
	_Atomic unsigned long n;
} calls[] = {
	{ .name = "pipe" }, { .name = "eventfd" }, { .name = "open_null" }, { .name = "set_nonblock" },
	{ .name = "check_open" }, { .name = "check_readable" }, { .name = "set_pipe_size" }, { .name = "readable" },
	{ .name = "read" }, { .name = "write" }, { .name = "poll" }, { .name = "epoll" },
	{ .name = "epoll_add" }, { .name = "epoll_wait" }, { .name = "timerfd" }, { .name = "timerfd_set" },
	{ .name = "thread" }, { .name = "spawn_shared" }, { .name = "spawn_copied" }, { .name = "pidfd_open" },
	{ .name = "setpgid" }, { .name = "wait" }, { .name = "pidfd_signal" },
	{ .name = "kill" }, { .name = "pty" }, { .name = "memfd" }, { .name = "spawn_into" }, { .name = "dup" },
	{ .name = "set_terminal" }, { .name = "send_fds" }, { .name = "socketpair" },
	{ .name = NULL },
};
#define N_CALLS (sizeof calls / sizeof *calls)

static struct fault alloc_fault;
static _Atomic long live_allocations;
static _Atomic pid_t only_thread; /* 0: any */
static _Atomic bool fired;
static _Atomic size_t most_written; /* 0: all */

/* The error of a fault that hits now, 0 otherwise. */
static int strike(struct fault *f)
{
	unsigned long at = get(&f->at);
	pid_t only = get(&only_thread);

	if (at == 0 || (only && only != gettid()))
		return 0;
	if (at == 1 && get(&f->lasting)) {
		set(&fired, true);
		return get(&f->error);
	}
	while (at > 0 && !atomic_compare_exchange_weak_explicit(&f->at, &at, at - 1, memory_order_relaxed,
	                                                          memory_order_relaxed))
		;
	if (at != 1)
		return 0;
	set(&fired, true);
	return get(&f->error);
}

static void arm(struct fault *f, unsigned long i, int error, bool lasting)
{
	set(&f->at, 0);
	set(&fired, false);
	set(&f->error, error);
	set(&f->lasting, lasting);
	set(&f->at, i);
}

static struct call *find(const char *name)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (name == calls[i].name || (name && calls[i].name && strcmp(name, calls[i].name) == 0))
			return &calls[i];
	fprintf(stderr, "fault: there is no call \"%s\"\n", name);
	abort();
}

void fault_fail_alloc(unsigned long i)
{
	arm(&alloc_fault, i, ENOMEM, false);
}

void fault_fail_sys(const char *name, unsigned long i, int error)
{
	arm(&find(name)->fault, i, error, false);
}

void fault_fail_sys_from(const char *name, unsigned long i, int error)
{
	arm(&find(name)->fault, i, error, true);
}

void fault_only_this_thread(bool only)
{
	set(&only_thread, only ? gettid() : 0);
}

bool fault_fired(void)
{
	return get(&fired);
}

void fault_reset(void)
{
	for (size_t i = 0; i < N_CALLS; i++)
		arm(&calls[i].fault, 0, 0, false);
	arm(&alloc_fault, 0, 0, false);
	set(&only_thread, 0);
	set(&most_written, 0);
}

void fault_shorten_writes(size_t most)
{
	set(&most_written, most);
}

unsigned long fault_sys_calls(const char *name)
{
	return get(&find(name)->n);
}

/* ---- lib/sys.c ---- */

static int before(const char *name)
{
	struct call *c = find(name);
	int error = strike(&c->fault), any = strike(&calls[N_CALLS - 1].fault);

	add(&c->n, 1);
	return error ? -error : -any;
}

#define WRAP(type, name, parameters, arguments)                                                                        \
	type tend__sys_##name parameters                                                                               \
	{                                                                                                              \
		int r = before(#name);                                                                                 \
		return r ? r : real_##name arguments;                                                                  \
	}

WRAP(int, pipe, (int ret_fds[2]), (ret_fds))
WRAP(int, eventfd, (void), ())
WRAP(int, open_null, (void), ())
WRAP(int, set_nonblock, (int fd), (fd))
WRAP(int, check_open, (int fd), (fd))
WRAP(int, check_readable, (int fd), (fd))
WRAP(int, set_pipe_size, (int fd, int size), (fd, size))
WRAP(int, readable, (int fd), (fd))
WRAP(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n))

/* To a test it is a read like the other. */
ssize_t tend__sys_read_no_wait(int fd, void *p, size_t n)
{
	int r = before("read");

	return r ? r : real_read_no_wait(fd, p, n);
}


ssize_t tend__sys_write(int fd, const void *p, size_t n)
{
	size_t most = get(&most_written);
	int r = before("write");

	return r ? r : real_write(fd, p, most && most < n ? most : n);
}

WRAP(int, poll, (struct pollfd * fds, nfds_t n, int64_t deadline), (fds, n, deadline))
WRAP(int, epoll, (void), ())
WRAP(int, epoll_add, (int epfd, int fd, void *data), (epfd, fd, data))
WRAP(int, epoll_wait, (int epfd, struct epoll_event *events, int n), (epfd, events, n))
WRAP(int, timerfd, (void), ())
WRAP(int, timerfd_set, (int fd, int64_t deadline), (fd, deadline))
WRAP(int, thread, (pthread_t *ret_thread, size_t stack, const char *name, void *(*run)(void *), void *arg),
     (ret_thread, stack, name, run, arg))
WRAP(pid_t, spawn_shared, (const struct tend__plan *plan, int *ret_pidfd), (plan, ret_pidfd))
WRAP(pid_t, spawn_copied, (const struct tend__plan *plan, bool with_pidfd, int *ret_pidfd),
     (plan, with_pidfd, ret_pidfd))
WRAP(pid_t, spawn_into, (const struct tend__plan *plan, int cgroup_fd, int *ret_pidfd), (plan, cgroup_fd, ret_pidfd))
WRAP(int, dup, (int fd), (fd))
WRAP(int, pty, (int ret_fds[2]), (ret_fds))
WRAP(int, set_terminal, (int fd, bool raw, unsigned short rows, unsigned short columns), (fd, raw, rows, columns))
WRAP(int, memfd, (const void *bytes, size_t n), (bytes, n))
WRAP(int, socketpair, (int ret_fds[2]), (ret_fds))
WRAP(int, send_fds, (int socket, const void *message, size_t size, const int *fds, size_t n, int64_t deadline),
     (socket, message, size, fds, n, deadline))
WRAP(int, pidfd_open, (pid_t pid), (pid))
WRAP(int, setpgid, (pid_t pid), (pid))
WRAP(int, wait, (int pidfd, pid_t pid, bool leave, siginfo_t *ret_info, struct rusage *ret_usage),
     (pidfd, pid, leave, ret_info, ret_usage))
WRAP(int, pidfd_signal, (int pidfd, int sig, unsigned flags), (pidfd, sig, flags))
WRAP(int, kill, (pid_t pid, int sig), (pid, sig))

/* TEND_DISABLE=vfork,close_range: read once, since nobody may change the environment of threads that run. */
static char disabled[256];
static pthread_once_t disabled_once = PTHREAD_ONCE_INIT;

static void read_disabled(void)
{
	const char *given = getenv("TEND_DISABLE");

	snprintf(disabled, sizeof disabled, ",%s,", given ? given : "");
}

bool tend__sys_forced_off(const char *facility)
{
	char wanted[64];

	pthread_once(&disabled_once, read_disabled);
	snprintf(wanted, sizeof wanted, ",%s,", facility);
	return strstr(disabled, wanted) != NULL || real_forced_off(facility);
}

/* TEND_GUARDIAN, or where the build has put it, next to the helpers. */
const char *tend__sys_guardian_path(void)
{
	static char path[2 * PATH_MAX];
	const char *given = getenv("TEND_GUARDIAN");

	if (given)
		return given;
	snprintf(path, sizeof path, "%.*s/../../lib/tend-guardian",
	         (int)(strrchr(helper("true-er"), '/') - helper("true-er")), helper("true-er"));
	return path;
}

/* ---- lib/mem.c ---- */

static void *counted(void *p)
{
	if (p)
		add(&live_allocations, 1);
	return p;
}

long test_live_allocations(void)
{
	return get(&live_allocations);
}

void *tend__malloc(size_t size)
{
	return strike(&alloc_fault) ? NULL : counted(malloc(size));
}

void *tend__calloc(size_t n, size_t size)
{
	return strike(&alloc_fault) ? NULL : counted(calloc(n, size));
}

void *tend__realloc(void *p, size_t size)
{
	if (strike(&alloc_fault))
		return NULL;
	return p ? realloc(p, size) : counted(malloc(size));
}

void *tend__aligned_calloc(size_t alignment, size_t size)
{
	size_t rounded = (size + alignment - 1) & ~(alignment - 1);
	void *p;

	if (rounded < size || strike(&alloc_fault))
		return NULL;
	p = counted(aligned_alloc(alignment, rounded));
	if (p)
		memset(p, 0, rounded);
	return p;
}

void tend__free(void *p)
{
	if (p)
		sub(&live_allocations, 1);
	free(p);
}

char *tend__strdup(const char *s)
{
	return !s || strike(&alloc_fault) ? NULL : counted(strdup(s));
}
