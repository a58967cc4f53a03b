/* SPDX-License-Identifier: MIT */
/*
 * lib/mem.c and lib/sys.c with faults in them.  The real system calls are lib/sys.c itself, compiled here once more
 * with the names of those that can fail replaced; each gets a wrapper under its proper name.  Below these, what sys.c
 * repeats after a signal is replaced too, so that each of its calls can be interrupted without one.
 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static bool interrupted(void);

/* By what is written there. */
#define waits(call) (strstr(call, "SYS_waitid") || strstr(call, "FUTEX_WAIT_"))
#define or_interrupted(call) (interrupted() ? (errno = EINTR, -1) : (call))
#define read(...) or_interrupted(read(__VA_ARGS__))
#define pread(...) or_interrupted(pread(__VA_ARGS__))
#define preadv2(...) or_interrupted(preadv2(__VA_ARGS__))
#define write(...) or_interrupted(write(__VA_ARGS__))
#define pwrite(...) or_interrupted(pwrite(__VA_ARGS__))
#define pwritev2(...) or_interrupted(pwritev2(__VA_ARGS__))
#define ppoll(...) or_interrupted(ppoll(__VA_ARGS__))
#define sendmsg(...) or_interrupted(sendmsg(__VA_ARGS__))
#define epoll_wait(...) or_interrupted(epoll_wait(__VA_ARGS__))
#define sigtimedwait(...) or_interrupted(sigtimedwait(__VA_ARGS__))
#define waitid(...) or_interrupted(waitid(__VA_ARGS__))
#define syscall(...) (waits(#__VA_ARGS__) && interrupted() ? (errno = EINTR, -1) : syscall(__VA_ARGS__))
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
#define tend__sys_set_window real_set_window
#define tend__sys_open_file real_open_file
#define tend__sys_open_folder real_open_folder
#define tend__sys_open_at real_open_at
#define tend__sys_make_folder real_make_folder
#define tend__sys_remove_folder real_remove_folder
#define tend__sys_check_writable real_check_writable
#define tend__sys_pipe_size real_pipe_size
#define tend__sys_read_at_begin real_read_at_begin
#define tend__sys_give real_give
#define tend__sys_epoll_add_file real_epoll_add_file
#define tend__sys_futex_wait real_futex_wait
#define tend__sys_pid_of real_pid_of
#define tend__sys_exit_status real_exit_status
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
#undef tend__sys_set_window
#undef tend__sys_open_file
#undef tend__sys_open_folder
#undef tend__sys_open_at
#undef tend__sys_make_folder
#undef tend__sys_remove_folder
#undef tend__sys_check_writable
#undef tend__sys_pipe_size
#undef tend__sys_read_at_begin
#undef tend__sys_give
#undef tend__sys_epoll_add_file
#undef tend__sys_futex_wait
#undef tend__sys_pid_of
#undef tend__sys_exit_status
#undef read
#undef pread
#undef preadv2
#undef write
#undef pwrite
#undef pwritev2
#undef ppoll
#undef sendmsg
#undef epoll_wait
#undef sigtimedwait
#undef waitid
#undef syscall
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

/*
 * Each call that can fail, by the name behind tend__sys_; then any allocation, any call that a signal can interrupt,
 * and, last, any of the first.
 */
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
	{ .name = "set_terminal" }, { .name = "send_fds" }, { .name = "socketpair" }, { .name = "set_window" },
	{ .name = "open_file" }, { .name = "open_folder" }, { .name = "open_at" }, { .name = "make_folder" },
	{ .name = "remove_folder" }, { .name = "check_writable" }, { .name = "pipe_size" },
	{ .name = "read_at_begin" }, { .name = "give" }, { .name = "epoll_add_file" }, { .name = "futex_wait" },
	{ .name = "pid_of" }, { .name = "exit_status" },
	{ .name = "alloc" }, { .name = "interrupt" },
	{ .name = NULL },
};
#define N_CALLS (sizeof calls / sizeof *calls)
#define ANY (&calls[N_CALLS - 1])
#define INTERRUPT (&calls[N_CALLS - 2])
#define ALLOC (&calls[N_CALLS - 3])

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
	arm(&ALLOC->fault, i, ENOMEM, false);
}

void fault_fail_sys(const char *name, unsigned long i, int error)
{
	arm(&find(name)->fault, i, error, false);
}

void fault_fail_sys_from(const char *name, unsigned long i, int error)
{
	arm(&find(name)->fault, i, error, true);
}

void fault_twist(const char *name, unsigned long i, enum fault_twist twist, bool lasting)
{
	arm(&find(name)->fault, i, -(int)twist, lasting);
}

const char *fault_call_name(size_t i)
{
	return i < N_CALLS ? calls[i].name : NULL;
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

/* Less than 0: what the call is to return.  More: how it is to be twisted, where it can. */
static int before(const char *name)
{
	struct call *c = find(name);
	int error = strike(&c->fault), any = strike(&ANY->fault);

	add(&c->n, 1);
	return error ? -error : -any;
}

static bool interrupted(void)
{
	add(&INTERRUPT->n, 1);
	return strike(&INTERRUPT->fault) != 0;
}

/* Whether a call on this one may say that there is nothing now. */
static bool may_say_again(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_NONBLOCK);
}

#define WRAP(type, name, parameters, arguments)                                                                        \
	type tend__sys_##name parameters                                                                               \
	{                                                                                                              \
		int r = before(#name);                                                                                 \
		return r < 0 ? r : real_##name arguments;                                                              \
	}

WRAP(int, pipe, (int ret_fds[2]), (ret_fds))
WRAP(int, eventfd, (void), ())
WRAP(int, open_null, (void), ())
WRAP(int, set_nonblock, (int fd), (fd))
WRAP(int, check_open, (int fd), (fd))
WRAP(int, check_readable, (int fd), (fd))
WRAP(int, set_pipe_size, (int fd, int size), (fd, size))
WRAP(int, readable, (int fd), (fd))

ssize_t tend__sys_read(int fd, void *p, size_t n)
{
	int r = before("read");

	if (r == FAULT_AGAIN && may_say_again(fd))
		return -EAGAIN;
	return r < 0 ? r : real_read(fd, p, r == FAULT_SHORT && n > 0 ? 1 : n);
}

/* To a test it is a read like the other. */
ssize_t tend__sys_read_no_wait(int fd, void *p, size_t n)
{
	int r = before("read");

	if (r == FAULT_AGAIN)
		return -EAGAIN;
	return r < 0 ? r : real_read_no_wait(fd, p, r == FAULT_SHORT && n > 0 ? 1 : n);
}

ssize_t tend__sys_write(int fd, const void *p, size_t n)
{
	size_t most = get(&most_written);
	int r = before("write");

	if (r == FAULT_AGAIN && may_say_again(fd))
		return -EAGAIN;
	if (r == FAULT_SHORT && n > 0)
		most = 1;
	return r < 0 ? r : real_write(fd, p, most && most < n ? most : n);
}

/* Whether a call that would wait until then may be woken for nothing: one that is late says so. */
static bool may_wake(int64_t deadline)
{
	return deadline == INT64_MAX || (deadline != 0 && test_now_ns() < deadline);
}

/* Who does not wait wants to know, and gets no lies. */
int tend__sys_poll(struct pollfd *fds, nfds_t n, int64_t deadline)
{
	int r = before("poll");

	if (r != FAULT_SPURIOUS || !may_wake(deadline))
		return r < 0 ? r : real_poll(fds, n, deadline);
	for (nfds_t i = 0; i < n; i++)
		fds[i].revents = fds[i].events;
	return (int)n;
}

WRAP(int, epoll, (void), ())
WRAP(int, epoll_add, (int epfd, int fd, void *data), (epfd, fd, data))

int tend__sys_epoll_wait(int epfd, struct epoll_event *events, int n)
{
	int r = before("epoll_wait");

	return r < 0 ? r : r == FAULT_SPURIOUS ? 0 : real_epoll_wait(epfd, events, n);
}

int tend__sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline)
{
	bool wakes = before("futex_wait") == FAULT_SPURIOUS && may_wake(deadline);

	return wakes ? 0 : real_futex_wait(word, value, deadline);
}

WRAP(int, timerfd, (void), ())
WRAP(int, timerfd_set, (int fd, int64_t deadline), (fd, deadline))
WRAP(int, thread, (pthread_t *ret_thread, size_t stack, void *(*run)(void *), void *arg),
     (ret_thread, stack, run, arg))
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
WRAP(int, set_window, (int fd, unsigned short rows, unsigned short columns), (fd, rows, columns))
WRAP(int, open_file, (const char *path), (path))
WRAP(int, open_folder, (const char *path), (path))
WRAP(int, open_at, (int folder, const char *name, bool for_writing), (folder, name, for_writing))
WRAP(int, make_folder, (const char *path), (path))
WRAP(int, remove_folder, (int folder, const char *name), (folder, name))
WRAP(int, check_writable, (int fd), (fd))
WRAP(int, pipe_size, (int fd), (fd))
WRAP(ssize_t, read_at_begin, (int fd, void *p, size_t n), (fd, p, n))
WRAP(int, give, (int fd, int64_t uid, int64_t gid), (fd, uid, gid))
WRAP(int, epoll_add_file, (int epfd, int fd, void *data), (epfd, fd, data))

/* A thief in the host takes the status first; and what has ended may be a tracer's still. */
int tend__sys_wait(int pidfd, pid_t pid, bool leave, siginfo_t *ret_info, struct rusage *ret_usage)
{
	int r = before("wait");

	if (r == FAULT_THIEF)
		real_wait(pidfd, pid, false, ret_info, ret_usage);
	if (r == FAULT_SPURIOUS && leave) {
		memset(ret_info, 0, sizeof *ret_info);
		return 0;
	}
	return r < 0 ? r : real_wait(pidfd, pid, leave, ret_info, ret_usage);
}

WRAP(pid_t, pid_of, (int pidfd), (pidfd))
WRAP(int, exit_status, (int pidfd, int *ret_status), (pidfd, ret_status))
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

/* Whether there is no memory. */
static bool starves(void)
{
	add(&ALLOC->n, 1);
	return strike(&ALLOC->fault) != 0;
}

void *tend__malloc(size_t size)
{
	return starves() ? NULL : counted(malloc(size));
}

void *tend__calloc(size_t n, size_t size)
{
	return starves() ? NULL : counted(calloc(n, size));
}

void *tend__realloc(void *p, size_t size)
{
	if (starves())
		return NULL;
	return p ? realloc(p, size) : counted(malloc(size));
}

void *tend__aligned_calloc(size_t alignment, size_t size)
{
	size_t rounded = (size + alignment - 1) & ~(alignment - 1);
	void *p;

	if (rounded < size || starves())
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
	return !s || starves() ? NULL : counted(strdup(s));
}
