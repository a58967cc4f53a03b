/* SPDX-License-Identifier: MIT */
/* System calls, as they are in production. */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "raw.h"
#include "spawn_child.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP UINT64_C(0x200000000)
#endif
#define P_PIDFD_TYPE 3 /* P_PIDFD, glibc 2.36 */
#ifndef GUARDIAN_PATH /* the build says where it is installed */
#define GUARDIAN_PATH "/usr/libexec/tend/tend-guardian"
#endif
#define CHILD_STACK ((size_t)64 << 10)
#define KERNEL_SIGSET_SIZE 8

/* 0 or more as it is, -1 as -errno. */
static int checked(long r)
{
	return r < 0 ? -errno : (int)r;
}

int tend__sys_dup(int fd)
{
	int r = checked(fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));

	return r == -EINVAL ? -EMFILE : r; /* the limit is lower than the lowest number asked for */
}

/*
 * A host may have closed 0, 1 or 2.  A descriptor of ours on one of these would be written to by its next printf and
 * inherited as its stdio, so it moves up.  -errno from a failed open passes through.
 */
static int lifted(int fd)
{
	int r;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	r = tend__sys_dup(fd);
	tend__sys_close(fd);
	return r;
}

/*
 * A thread of the host that is cancelled must not leave the middle of one of our calls: whatever it holds would stay
 * held.  pthread_setcancelstate(3) leaves errno alone.
 */
#define UNCANCELLED(expression)                                                                                        \
	__extension__({                                                                                                \
		int cancel_state;                                                                                      \
		__typeof__(expression) outcome;                                                                        \
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);                                         \
		outcome = (expression);                                                                                \
		pthread_setcancelstate(cancel_state, NULL);                                                            \
		outcome;                                                                                               \
	})

/* Both, or none: 0, or a negative errno value. */
static int lift_pair(int fds[2])
{
	int r;

	fds[0] = lifted(fds[0]);
	fds[1] = lifted(fds[1]);
	if (fds[0] >= 0 && fds[1] >= 0)
		return 0;
	r = fds[0] < 0 ? fds[0] : fds[1];
	tend__sys_close(fds[0]);
	tend__sys_close(fds[1]);
	return r;
}

int tend__sys_pipe(int ret_fds[2])
{
	int r = checked(pipe2(ret_fds, O_CLOEXEC));

	return r < 0 ? r : lift_pair(ret_fds);
}

int tend__sys_eventfd(void)
{
	return lifted(checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
}

int tend__sys_open_null(void)
{
	return lifted(checked(UNCANCELLED(open("/dev/null", O_RDWR | O_CLOEXEC))));
}

/* The other side by the descriptor rather than by its name, which another mount namespace may not have. */
static int open_peer(int master)
{
	int fd = checked(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
	char path[64];

	if (fd != -ENOTTY && fd != -EINVAL && fd != -ENOSYS)
		return fd;
	/* before Linux 4.13 */
	if (ptsname_r(master, path, sizeof path) != 0)
		return -errno;
	return checked(UNCANCELLED(open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)));
}

int tend__sys_pty(int ret_fds[2])
{
	int r;

	ret_fds[1] = -1;
	ret_fds[0] = lifted(checked(UNCANCELLED(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC))));
	if (ret_fds[0] < 0)
		return ret_fds[0];
	r = checked(unlockpt(ret_fds[0]));
	if (r == 0)
		r = ret_fds[1] = lifted(open_peer(ret_fds[0]));
	if (r >= 0)
		return 0;
	tend__sys_close(ret_fds[0]);
	ret_fds[0] = ret_fds[1] = -1;
	return r;
}

int tend__sys_set_window(int fd, unsigned short rows, unsigned short columns)
{
	const struct winsize size = { .ws_row = rows, .ws_col = columns };

	return checked(ioctl(fd, TIOCSWINSZ, &size));
}

int tend__sys_set_terminal(int fd, bool raw, unsigned short rows, unsigned short columns)
{
	struct termios t;
	int r = 0;

	if (raw) {
		r = checked(tcgetattr(fd, &t));
		cfmakeraw(&t);
		if (r == 0)
			r = checked(tcsetattr(fd, TCSANOW, &t));
	}
	return r < 0 ? r : tend__sys_set_window(fd, rows, columns);
}

/* Past its limit for files a write would raise SIGXFSZ in the host. */
static bool is_above_limit(size_t n)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && n > limit.rlim_cur;
}

int tend__sys_memfd(const void *bytes, size_t n)
{
	const char *p = bytes;
	ssize_t r = 0;
	int fd;

	if (is_above_limit(n))
		return -EFBIG;
	fd = lifted(checked(memfd_create("tend-stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING)));
	for (size_t at = 0; fd >= 0 && at < n; at += (size_t)r) {
		r = UNCANCELLED(pwrite(fd, p + at, n - at, (off_t)at));
		if (r < 0 && errno == EINTR)
			r = 0;
		if (r < 0) {
			r = -errno;
			tend__sys_close(fd);
			return (int)r;
		}
	}
	if (fd >= 0)
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	return fd;
}

int tend__sys_open_file(const char *path)
{
	return lifted(checked(UNCANCELLED(open(path, O_RDONLY | O_CLOEXEC))));
}

int tend__sys_open_folder(const char *path)
{
	return lifted(checked(UNCANCELLED(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))));
}

int tend__sys_open_at(int folder, const char *name, bool for_writing)
{
	return lifted(checked(UNCANCELLED(openat(folder, name, (for_writing ? O_WRONLY : O_RDONLY) | O_CLOEXEC))));
}

int tend__sys_make_folder(const char *path)
{
	return checked(mkdir(path, 0755));
}

int tend__sys_remove_folder(int folder, const char *name)
{
	return checked(unlinkat(folder, name, AT_REMOVEDIR));
}

int tend__sys_check_open(int fd)
{
	return checked(fcntl(fd, F_GETFD)) < 0 ? -EBADF : 0;
}

int tend__sys_give(int fd, int64_t uid, int64_t gid)
{
	return checked(fchown(fd, (uid_t)uid, (gid_t)gid));
}

int tend__sys_set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -errno : checked(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

int tend__sys_check_readable(int fd)
{
	int flags = fcntl(fd, F_GETFL), type;
	socklen_t size = sizeof type;

	if (flags < 0)
		return -errno;
	if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH))
		return -EBADF;
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type != SOCK_STREAM ? -EPROTOTYPE : 0;
}

int tend__sys_check_writable(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	return (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) ? -EBADF : 0;
}

uint64_t tend__sys_pipe_inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) ? st.st_ino : 0;
}

bool tend__sys_is_pty_master(int fd)
{
	int saved = errno;
	unsigned number;
	bool is = ioctl(fd, TIOCGPTN, &number) == 0;

	errno = saved;
	return is;
}

int tend__sys_pipe_size(int fd)
{
	return checked(fcntl(fd, F_GETPIPE_SZ));
}

int tend__sys_set_pipe_size(int fd, int size)
{
	return checked(fcntl(fd, F_SETPIPE_SZ, size));
}

int tend__sys_readable(int fd)
{
	int n = 0;

	return ioctl(fd, FIONREAD, &n) < 0 ? -errno : n;
}

ssize_t tend__sys_read(int fd, void *p, size_t n)
{
	ssize_t r;

	do
		r = UNCANCELLED(read(fd, p, n));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

ssize_t tend__sys_read_at_begin(int fd, void *p, size_t n)
{
	ssize_t r;

	do
		r = UNCANCELLED(pread(fd, p, n, 0));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/*
 * Whether it may be for its flags that a call was refused: by a kernel, by a file that knows none, or by a filter that
 * does not know the call.  The one without flags will do, or say what is wrong.
 */
static bool is_refusal_of_flags(int error)
{
	return error == EOPNOTSUPP || error == ENOSYS || error == EINVAL || error == ESPIPE || error == EPERM;
}

ssize_t tend__sys_read_no_wait(int fd, void *p, size_t n)
{
	struct iovec part = { .iov_base = p, .iov_len = n };
	struct stat st;
	ssize_t r;

	/* For a file it would say EAGAIN when the bytes are not in memory, and poll that they can be read. */
	if (fstat(fd, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return tend__sys_read(fd, p, n);
	do
		r = UNCANCELLED(preadv2(fd, &part, 1, -1, RWF_NOWAIT));
	while (r < 0 && errno == EINTR);
	if (r < 0 && is_refusal_of_flags(errno))
		return tend__sys_read(fd, p, n);
	return r < 0 ? -errno : r;
}

bool tend__sys_sigpipe_pending(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGPIPE) == 1;
}

void tend__sys_take_sigpipe(void)
{
	const struct timespec at_once = { 0, 0 };
	sigset_t pipe_only;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	while (UNCANCELLED(sigtimedwait(&pipe_only, NULL, &at_once)) < 0 && errno == EINTR)
		;
}

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100 /* Linux 6.18 */
#endif

static _Atomic bool without_signal_was_refused; /* once: it is not asked for again */

/* One system call instead of four.  False: it has to be done with SIGPIPE blocked. */
static bool write_without_signal(int fd, const void *p, size_t n, ssize_t *ret_written)
{
	const struct iovec part = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	ssize_t r;

	if (atomic_load_explicit(&without_signal_was_refused, memory_order_relaxed))
		return false;
	do
		r = UNCANCELLED(pwritev2(fd, &part, 1, -1, RWF_NOSIGNAL));
	while (r < 0 && errno == EINTR);
	if (r < 0 && is_refusal_of_flags(errno))
		return false;
	*ret_written = r < 0 ? -errno : r;
	return true;
}

/*
 * SIGPIPE is directed at the thread that wrote.  Blocked here, it stays pending if the write raised it, and is taken
 * away, unless one was pending before, which belongs to somebody else.
 */
ssize_t tend__sys_write(int fd, const void *p, size_t n)
{
	sigset_t pipe_only, old;
	bool was_pending;
	ssize_t r;

	if (write_without_signal(fd, p, n, &r))
		return r;
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
	was_pending = tend__sys_sigpipe_pending();
	do
		r = UNCANCELLED(write(fd, p, n));
	while (r < 0 && errno == EINTR);
	r = r < 0 ? -errno : r;
	if (r >= 0) /* so it was the call that was refused, and not this file that cannot be written to */
		atomic_store_explicit(&without_signal_was_refused, true, memory_order_relaxed);
	if (r == -EPIPE && !was_pending)
		tend__sys_take_sigpipe();
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Where time_t or long has 32 bits, what is later than it can say is as late as it can say: 68 years after the boot. */
static struct timespec to_timespec(int64_t ns)
{
	int64_t seconds = ns / 1000000000;

	if (sizeof(long) < sizeof seconds && seconds > INT32_MAX)
		seconds = INT32_MAX;
	return (struct timespec){ .tv_sec = (time_t)seconds, .tv_nsec = (long)(ns % 1000000000) };
}

int tend__sys_poll(struct pollfd *fds, nfds_t n, int64_t deadline)
{
	int r;

	do {
		struct timespec left, *timeout = NULL;

		if (deadline != INT64_MAX) {
			int64_t ns = deadline - now_ns();

			left = to_timespec(ns > 0 ? ns : 0);
			timeout = &left;
		}
		r = UNCANCELLED(ppoll(fds, n, timeout, NULL));
	} while (r < 0 && errno == EINTR);
	return checked(r);
}

bool tend__sys_is_hung_up(const struct pollfd *p)
{
	return (p->revents & (POLLHUP | POLLERR)) && !(p->revents & POLLOUT);
}

/* Linux frees the number even when close(2) says EINTR: never again. */
void tend__sys_close(int fd)
{
	if (fd >= 0)
		(void)UNCANCELLED(close(fd));
}

int tend__sys_socketpair(int ret_fds[2])
{
	int r = checked(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds));

	return r < 0 ? r : lift_pair(ret_fds);
}

int tend__sys_send_fds(int socket, const void *message, size_t size, const int *fds, size_t n, int64_t deadline)
{
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(2 * sizeof(int))] = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)message, .iov_len = size };
	struct msghdr h = { .msg_iov = &part, .msg_iovlen = 1 };
	struct pollfd room_for_more = { .fd = socket, .events = POLLOUT };
	struct cmsghdr *c;
	bool is_full;
	ssize_t r;

	if (n > 0) {
		h.msg_control = room;
		h.msg_controllen = CMSG_SPACE(n * sizeof *fds);
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof *fds);
		memcpy(CMSG_DATA(c), fds, n * sizeof *fds);
	}
	do {
		r = UNCANCELLED(sendmsg(socket, &h, MSG_NOSIGNAL | MSG_DONTWAIT));
		is_full = r < 0 && errno == EAGAIN;
	} while ((r < 0 && errno == EINTR) || (is_full && tend__sys_poll(&room_for_more, 1, deadline) > 0));
	return r < 0 ? is_full ? -EAGAIN : -errno : 0;
}

bool tend__sys_is_connected(int socket)
{
	struct pollfd p = { .fd = socket };

	return tend__sys_poll(&p, 1, 0) == 0; /* POLLHUP, POLLERR are never asked for, and told */
}

void tend__sys_ring(int eventfd)
{
	const uint64_t one = 1;
	ssize_t r;

	/* EAGAIN: the counter is full, so it is readable already. */
	do
		r = UNCANCELLED(write(eventfd, &one, sizeof one));
	while (r < 0 && errno == EINTR);
}

void tend__sys_unring(int eventfd)
{
	uint64_t count;
	ssize_t r;

	do
		r = UNCANCELLED(read(eventfd, &count, sizeof count));
	while (r < 0 && errno == EINTR);
}

int tend__sys_epoll(void)
{
	return lifted(checked(epoll_create1(EPOLL_CLOEXEC)));
}

int tend__sys_epoll_add(int epfd, int fd, void *data)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .ptr = data } };

	return checked(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &e));
}

int tend__sys_epoll_add_file(int epfd, int fd, void *data)
{
	struct epoll_event e = { .events = EPOLLPRI, .data = { .ptr = data } };

	return checked(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &e));
}

int tend__sys_epoll_del(int epfd, int fd)
{
	return checked(epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL));
}

int tend__sys_epoll_wait(int epfd, struct epoll_event *events, int n)
{
	int r;

	do
		r = epoll_wait(epfd, events, n, -1);
	while (r < 0 && errno == EINTR);
	return checked(r);
}

int tend__sys_timerfd(void)
{
	return lifted(checked(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)));
}

int tend__sys_timerfd_set(int fd, int64_t deadline)
{
	struct itimerspec spec = { .it_interval = { 0, 0 } };

	if (deadline != INT64_MAX)
		spec.it_value = to_timespec(deadline > 0 ? deadline : 1); /* 0 would disarm it */
	return checked(timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL));
}

/*
 * The call that every kernel and every sandbox knows takes two longs, however wide the C library's time_t is.  Where
 * there is only the newer one (Linux 5.1; riscv32) they have 64 bits.
 */
#ifdef SYS_futex
#define FUTEX_CALL SYS_futex
struct futex_time {
	long s, ns;
};
#else
#define FUTEX_CALL SYS_futex_time64
struct futex_time {
	int64_t s, ns;
};
#endif

int tend__sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline)
{
	struct futex_time until, *timeout = NULL;
	int saved = errno;
	long r;

	if (deadline != INT64_MAX) {
		struct timespec end = to_timespec(deadline > 0 ? deadline : 0);

		until = (struct futex_time){ .s = end.tv_sec, .ns = end.tv_nsec };
		timeout = &until;
	}
	/* BITSET: its timeout is absolute, on CLOCK_MONOTONIC. */
	r = syscall(FUTEX_CALL, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value, timeout, NULL,
	            FUTEX_BITSET_MATCH_ANY);
	r = r < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
	errno = saved;
	return (int)r;
}

void tend__sys_futex_wake(_Atomic uint32_t *word, int n)
{
	int saved = errno;

	syscall(FUTEX_CALL, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, NULL, NULL, 0);
	errno = saved;
}

/* A blocked SIGSYS is fatal where a seccomp filter would have had it caught; the others cannot be deferred at all. */
static void block_all_but(const int *open_ones, size_t n, sigset_t *ret_old)
{
	uint64_t mask = ~UINT64_C(0);

	for (size_t i = 0; i < n; i++)
		mask &= ~(UINT64_C(1) << (open_ones[i] - 1));
	sigemptyset(ret_old);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, ret_old, KERNEL_SIGSET_SIZE);
}

#define SYNCHRONOUS SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS

void tend__sys_block_signals(sigset_t *ret_old)
{
	static const int open_ones[] = { SYNCHRONOUS };

	block_all_but(open_ones, sizeof open_ones / sizeof *open_ones, ret_old);
}

/* The C library's own two stay open in threads: setuid(3) of the host waits until each thread has answered the one. */
static void block_for_thread(sigset_t *ret_old)
{
	static const int open_ones[] = { SYNCHRONOUS, 32, 33 };

	block_all_but(open_ones, sizeof open_ones / sizeof *open_ones, ret_old);
}

void tend__sys_restore_signals(const sigset_t *old)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, old, NULL, KERNEL_SIGSET_SIZE);
}

static int add_tls(struct dl_phdr_info *object, size_t size, void *sum)
{
	(void)size;
	for (size_t i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_TLS)
			*(size_t *)sum += object->dlpi_phdr[i].p_memsz + object->dlpi_phdr[i].p_align;
	return 0;
}

/* What glibc takes from a new stack for the thread-local variables of the program and its libraries. */
static size_t thread_local_size(void)
{
	size_t sum = 0;

	dl_iterate_phdr(add_tls, &sum);
	return sum;
}

int tend__sys_thread(pthread_t *ret_thread, size_t stack, void *(*run)(void *), void *arg)
{
	long least = sysconf(_SC_THREAD_STACK_MIN);
	pthread_attr_t attr;
	sigset_t old;
	int r;

	r = pthread_attr_init(&attr);
	if (r)
		return -r;
	if (least > 0)
		stack += (size_t)least;
	stack += thread_local_size();
	pthread_attr_setstacksize(&attr, (stack + 0xffff) & ~(size_t)0xffff);
	block_for_thread(&old);
	r = pthread_create(ret_thread, &attr, run, arg);
	tend__sys_restore_signals(&old);
	pthread_attr_destroy(&attr);
	return -r;
}

void tend__sys_name_thread(const char *name)
{
	prctl(PR_SET_NAME, name);
}

void tend__sys_join(pthread_t thread)
{
	(void)UNCANCELLED(pthread_join(thread, NULL));
}

/* The guard page below it included. */
static size_t stack_size(void)
{
	return CHILD_STACK + (size_t)sysconf(_SC_PAGESIZE);
}

/* A stack with a guard page below it, so that an overflow faults instead of writing into the host. */
static char *map_stack(void)
{
	size_t size = stack_size();
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mprotect(p, size - CHILD_STACK, PROT_NONE) < 0) {
		int e = errno;

		munmap(p, size);
		errno = e;
		return NULL;
	}
	return p;
}

/*
 * The last child's, kept for the next one: taking a mapping away interrupts every processor that runs a thread of the
 * host.
 */
static _Atomic(char *) spare_stack;

static char *take_stack(void)
{
	/* (S) pairs with (S) in give_stack_back: its last child has executed, or is gone */
	char *p = atomic_exchange_explicit(&spare_stack, NULL, memory_order_acquire);

	return p ? p : map_stack();
}

void tend__sys_drop_stack(void)
{
	/* (S) pairs with (S) in give_stack_back */
	char *stack = atomic_exchange_explicit(&spare_stack, NULL, memory_order_acquire);

	if (stack)
		munmap(stack, stack_size());
}

static void give_stack_back(char *stack)
{
	char *none = NULL;

	/* (S) pairs with (S) in take_stack and (S) in tend__sys_drop_stack */
	if (!atomic_compare_exchange_strong_explicit(&spare_stack, &none, stack, memory_order_release,
	                                             memory_order_relaxed))
		munmap(stack, stack_size());
}

/* Off 0, 1 and 2, as all descriptors of ours; where there is no other number left the low one has to do. */
static void lift_pidfd(int *pidfd)
{
	int moved;

	if (*pidfd < 0 || *pidfd > STDERR_FILENO)
		return;
	moved = tend__sys_dup(*pidfd);
	if (moved < 0)
		return;
	tend__sys_close(*pidfd);
	*pidfd = moved;
}

/* Not instrumented: its frame is the parent's while the child runs on the other stack. */
TEND__UNINSTRUMENTED pid_t tend__sys_spawn_shared(const struct tend__plan *plan, int *ret_pidfd)
{
	char *stack = take_stack();
	long r;

	if (!stack)
		return -errno;
	*ret_pidfd = -1;
	r = raw_clone(CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, stack + stack_size(), ret_pidfd,
	              tend__child_main, (void *)(uintptr_t)plan);
	give_stack_back(stack);
	lift_pidfd(ret_pidfd);
	return (pid_t)r;
}

TEND__UNINSTRUMENTED pid_t tend__sys_spawn_into(const struct tend__plan *plan, int cgroup_fd, int *ret_pidfd)
{
	char *stack = take_stack();
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_INTO_CGROUP,
		.pidfd = (uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = stack_size(),
		.cgroup = (uint64_t)cgroup_fd,
	};
	long r;

	if (!stack)
		return -errno;
	*ret_pidfd = -1;
	r = raw_clone3(&args, sizeof args, tend__child_main, (void *)(uintptr_t)plan);
	give_stack_back(stack);
	lift_pidfd(ret_pidfd);
	return (pid_t)r;
}

TEND__UNINSTRUMENTED pid_t tend__sys_spawn_copied(const struct tend__plan *plan, bool with_pidfd, int *ret_pidfd)
{
	long r;

	*ret_pidfd = -1;
	r = raw_fork((with_pidfd ? CLONE_PIDFD : 0) | SIGCHLD, ret_pidfd);
	if (r == 0)
		tend__child_main((void *)(uintptr_t)plan);
	lift_pidfd(ret_pidfd);
	return (pid_t)r;
}

bool tend__sys_can_close_range(void)
{
	struct sigaction trap;
	int saved = errno;
	bool can;

	/* Where nobody would handle the trap, asking would be the end of the host. */
	if (sigaction(SIGSYS, NULL, &trap) < 0 || trap.sa_handler == SIG_DFL || trap.sa_handler == SIG_IGN)
		return true;
	can = syscall(SYS_close_range, ~0U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) == 0;
	errno = saved;
	return can;
}

int tend__sys_pidfd_open(pid_t pid)
{
	return lifted(checked(syscall(SYS_pidfd_open, pid, 0)));
}

int tend__sys_setpgid(pid_t pid)
{
	return checked(setpgid(pid, pid));
}

/* struct rusage as the kernel has it, with long for time_t, which is wider in some C libraries of 32 bits. */
struct usage {
	long user_s, user_us, system_s, system_us;
	long maxrss, ixrss, idrss, isrss, minflt, majflt, nswap;
	long inblock, oublock, msgsnd, msgrcv, nsignals, nvcsw, nivcsw;
};

static void to_rusage(const struct usage *u, struct rusage *ret)
{
	*ret = (struct rusage){
		.ru_utime = { .tv_sec = u->user_s, .tv_usec = u->user_us },
		.ru_stime = { .tv_sec = u->system_s, .tv_usec = u->system_us },
		.ru_maxrss = u->maxrss, .ru_ixrss = u->ixrss, .ru_idrss = u->idrss, .ru_isrss = u->isrss,
		.ru_minflt = u->minflt, .ru_majflt = u->majflt, .ru_nswap = u->nswap,
		.ru_inblock = u->inblock, .ru_oublock = u->oublock, .ru_msgsnd = u->msgsnd, .ru_msgrcv = u->msgrcv,
		.ru_nsignals = u->nsignals, .ru_nvcsw = u->nvcsw, .ru_nivcsw = u->nivcsw,
	};
}

static int wait_for(int type, int id, int flags, siginfo_t *ret_info, struct rusage *ret_usage)
{
	struct usage usage = { 0 };
	long r;

	memset(ret_info, 0, sizeof *ret_info);
	do
		r = syscall(SYS_waitid, type, id, ret_info, flags, ret_usage ? &usage : NULL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (ret_usage && ret_info->si_pid)
		to_rusage(&usage, ret_usage);
	return ret_info->si_pid != 0;
}

/* POLLHUP says so from Linux 6.9 on, a signal that is none where no filter objects. */
static bool is_reaped(int pidfd, short revents)
{
	return (revents & POLLHUP) || tend__sys_pidfd_signal(pidfd, 0, 0) == -ESRCH;
}

/* Not when somebody else has reaped it, and its number may be a stranger's by now. */
static int wait_for_number(int pidfd, pid_t pid, int flags, siginfo_t *ret_info, struct rusage *ret_usage)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (tend__sys_poll(&p, 1, 0) == 0)
		return 0;
	return is_reaped(pidfd, p.revents) ? -ECHILD : wait_for(P_PID, pid, flags, ret_info, ret_usage);
}

int tend__sys_wait(int pidfd, pid_t pid, bool leave, siginfo_t *ret_info, struct rusage *ret_usage)
{
	int flags = WEXITED | WNOHANG | (leave ? WNOWAIT : 0);
	int r = wait_for(P_PIDFD_TYPE, pidfd, flags, ret_info, ret_usage);

	return r == -EINVAL || r == -ENOSYS || r == -EPERM ?
	       wait_for_number(pidfd, pid, flags, ret_info, ret_usage) : r;
}

/* linux/pidfd.h from 6.13 on, and its status from 6.15 on; the headers here may be older. */
struct info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
};
#define GET_INFO _IOWR(0xff, 11, struct info) /* PIDFD_GET_INFO */
#define INFO_EXIT UINT64_C(8)                 /* PIDFD_INFO_EXIT */

int tend__sys_exit_status(int pidfd, int *ret_status)
{
	struct info info = { .mask = INFO_EXIT };
	int saved = errno, r = checked(ioctl(pidfd, GET_INFO, &info));

	errno = saved;
	if (r == -ESRCH) /* gone, and the kernel does not keep it: before 6.15 */
		return 0;
	if (r < 0)
		return r;
	*ret_status = info.exit_code;
	return info.mask & INFO_EXIT ? 1 : 0;
}

pid_t tend__sys_pid_of(int pidfd)
{
	struct info info = { .mask = 0 };
	int saved = errno, r = checked(ioctl(pidfd, GET_INFO, &info));

	errno = saved;
	return r < 0 ? r : (pid_t)info.tgid;
}

int tend__sys_reap(pid_t pid)
{
	siginfo_t info;
	int r;

	do
		r = UNCANCELLED(waitid(P_PID, (id_t)pid, &info, WEXITED));
	while (r < 0 && errno == EINTR);
	return checked(r);
}

int tend__sys_pidfd_signal(int pidfd, int sig, unsigned flags)
{
	return checked(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, flags));
}

int tend__sys_kill(pid_t pid, int sig)
{
	return checked(kill(pid, sig));
}

const char *tend__sys_guardian_path(void)
{
	return GUARDIAN_PATH;
}

bool tend__sys_forced_off(const char *facility)
{
	(void)facility;
	return false;
}
