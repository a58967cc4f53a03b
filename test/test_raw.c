/* SPDX-License-Identifier: MIT */
/*
 * lib/sys.c itself: what it makes of the kernel's answers.  Faults above it cannot tell, as they stand in its place; so
 * here a signal's EINTR, a limit or a filter refuses what is below.  A limit and a filter stay, so each has a process
 * of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/spawn_child.h"
#include "../lib/sys.h"
#include "blocked.h"
#include "fault.h"
#include "filter.h"
#include "test.h"

#define LEFT_OUT 77
#define P_PIDFD_TYPE 3u /* P_PIDFD, glibc 2.36 */

/* In a copy of this process; a CHECK that fails there ends it. */
static void in_copy(void (*run)(void))
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(100);
		run();
		_exit(0);
	}
	CHECK_INT(pid, waitpid(pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == LEFT_OUT)
		printf("(left out: no filter can be installed) ");
	else
		CHECK_INT(0, status);
}

static void refuse_some(long call, int i, unsigned short test, uint32_t value, int error)
{
	if (!filter_refuse_some(call, i, test, value, error))
		_exit(LEFT_OUT);
}

static void refuse(long call, int error)
{
	if (!filter_refuse(call, error))
		_exit(LEFT_OUT);
}

/* ---- a signal in the middle ---- */

#define INTERRUPTED(expected, call)                                                                                    \
	do {                                                                                                           \
		fault_twist("interrupt", 1, FAULT_INTERRUPT, false);                                                   \
		CHECK_INT(expected, call);                                                                             \
		CHECK(fault_fired());                                                                                  \
		fault_reset();                                                                                         \
	} while (0)

static void transfers_interrupted(void)
{
	int fds[2], sockets[2], file;
	char byte = '?';

	CHECK_INT(0, tend__sys_pipe(fds));
	CHECK_INT(0, tend__sys_socketpair(sockets));
	INTERRUPTED(2, tend__sys_write(fds[1], "ab", 2));
	INTERRUPTED(1, tend__sys_read(fds[0], &byte, 1));
	CHECK_INT('a', byte);
	INTERRUPTED(1, tend__sys_read_no_wait(fds[0], &byte, 1));
	CHECK_INT('b', byte);
	fault_twist("interrupt", 1, FAULT_INTERRUPT, false);
	file = tend__sys_memfd("xyz", 3);
	CHECK(file >= 0 && fault_fired());
	INTERRUPTED(1, tend__sys_read_at_begin(file, &byte, 1));
	CHECK_INT('x', byte);
	CHECK_INT(3, lseek(file, 0, SEEK_END));
	INTERRUPTED(0, tend__sys_send_fds(sockets[0], "m", 1, fds, 2, 0));
	CHECK_INT(1, recv(sockets[1], &byte, 1, MSG_DONTWAIT));
	CHECK_INT('m', byte);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(sockets[i]);
	}
	close(file);
}

static void check_failed_write(void)
{
	int fds[2];

	CHECK_INT(0, tend__sys_pipe(fds));
	CHECK_INT(-EIO, tend__sys_write(fds[1], "x", 1));
}

/* A write, whichever of its system calls a signal interrupts: how many of them there are. */
static unsigned long calls_of_a_write(int fd, ssize_t expected)
{
	unsigned long i = 0;
	bool interrupted;

	do {
		fault_twist("interrupt", ++i, FAULT_INTERRUPT, false);
		CHECK_INT(expected, tend__sys_write(fd, "x", 1));
		interrupted = fault_fired();
		fault_reset();
	} while (interrupted);
	return i - 1;
}

/*
 * The SIGPIPE of a write is taken away, even where another signal is in the way; one that was there before stays.  One
 * that comes through ends the program.
 */
static void check_broken_pipe(void)
{
	sigset_t pipe_only, old;
	int fds[2];

	CHECK_INT(0, tend__sys_pipe(fds));
	close(fds[0]);
	CHECK(calls_of_a_write(fds[1], -EPIPE) > 0);
	CHECK(!tend__sys_sigpipe_pending());
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	CHECK_INT(0, pthread_sigmask(SIG_BLOCK, &pipe_only, &old));
	CHECK_INT(0, pthread_kill(pthread_self(), SIGPIPE));
	CHECK_INT(-EPIPE, tend__sys_write(fds[1], "x", 1));
	CHECK(tend__sys_sigpipe_pending());
	tend__sys_take_sigpipe();
	CHECK(!tend__sys_sigpipe_pending());
	CHECK_INT(0, pthread_sigmask(SIG_SETMASK, &old, NULL));
	close(fds[1]);
}

#define NO_PWRITEV2(error, check)                                                                                      \
	static void no_pwritev2_##error(void)                                                                          \
	{                                                                                                              \
		refuse(SYS_pwritev2, error);                                                                           \
		check();                                                                                               \
	}
NO_PWRITEV2(EOPNOTSUPP, check_broken_pipe)
NO_PWRITEV2(ENOSYS, check_broken_pipe)
NO_PWRITEV2(EINVAL, check_broken_pipe)
NO_PWRITEV2(ESPIPE, check_broken_pipe)
NO_PWRITEV2(EPERM, check_broken_pipe)
NO_PWRITEV2(EIO, check_failed_write)

/* The write that took the place of the refused one has shown that it was the call, which is not tried again. */
static void refusal_is_kept_in_mind(void)
{
	int fds[2];

	CHECK_INT(0, tend__sys_pipe(fds));
	refuse(SYS_pwritev2, EPERM);
	CHECK_INT(1, tend__sys_write(fds[1], "x", 1));
	CHECK_INT(1, calls_of_a_write(fds[1], 1));
}

static bool has_write_without_signal(int fd)
{
	const struct iovec part = { .iov_base = (char[]){ 'x' }, .iov_len = 1 };

	return pwritev2(fd, &part, 1, -1, 0x100 /* RWF_NOSIGNAL, Linux 6.18 */) == 1;
}

/* A descriptor that cannot be written to at all shows nothing. */
static void odd_descriptor_shows_nothing(void)
{
	int fds[2], odd = tend__sys_epoll();

	CHECK_INT(0, tend__sys_pipe(fds));
	if (!has_write_without_signal(fds[1]))
		return;
	CHECK_INT(-EINVAL, tend__sys_write(odd, "x", 1));
	refuse(SYS_write, EIO);
	CHECK_INT(1, tend__sys_write(fds[1], "x", 1));
}

/* By a kernel that raises no signal when it is asked, and by one that has to be kept from it. */
static void broken_pipe(void)
{
	check_broken_pipe();
	in_copy(no_pwritev2_EOPNOTSUPP);
	in_copy(no_pwritev2_ENOSYS);
	in_copy(no_pwritev2_EINVAL);
	in_copy(no_pwritev2_ESPIPE);
	in_copy(no_pwritev2_EPERM);
	in_copy(no_pwritev2_EIO);
	in_copy(refusal_is_kept_in_mind);
	in_copy(odd_descriptor_shows_nothing);
}

static void waits_interrupted(void)
{
	int fd = tend__sys_eventfd(), epfd = tend__sys_epoll();
	struct pollfd p = { .fd = fd, .events = POLLIN };
	_Atomic uint32_t word = 1;
	struct epoll_event e;
	siginfo_t info;
	struct rusage usage;
	pid_t pid;

	CHECK_INT(0, tend__sys_epoll_add(epfd, fd, &word));
	INTERRUPTED(0, (tend__sys_ring(fd), 0));
	INTERRUPTED(1, tend__sys_poll(&p, 1, INT64_MAX));
	INTERRUPTED(1, tend__sys_epoll_wait(epfd, &e, 1));
	CHECK(e.data.ptr == &word);
	INTERRUPTED(0, (tend__sys_unring(fd), 0));
	CHECK_INT(0, tend__sys_poll(&p, 1, 0));
	INTERRUPTED(0, tend__sys_futex_wait(&word, 1, INT64_MAX)); /* as if woken; who waits looks again */
	close(epfd);
	close(fd);
	pid = fork();
	if (pid == 0)
		_exit(3);
	CHECK_INT(0, waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	if (test_has_pidfd_open()) {
		fd = tend__sys_pidfd_open(pid);
		INTERRUPTED(1, tend__sys_wait(fd, pid, true, &info, &usage));
		CHECK_INT(3, info.si_status);
		close(fd);
	}
	INTERRUPTED(0, tend__sys_reap(pid));
	CHECK_INT(-ECHILD, tend__sys_reap(pid));
}

/* ---- what cannot be done with a descriptor ---- */

static void wrong_descriptors(void)
{
	int path = open("/dev/null", O_PATH | O_CLOEXEC), fds[2], status;
	struct epoll_event e;
	char byte;

	CHECK_INT(0, tend__sys_pipe(fds));
	CHECK_INT(-EBADF, tend__sys_set_nonblock(-1));
	CHECK_INT(-EBADF, tend__sys_readable(-1));
	CHECK_INT(-EBADF, tend__sys_read_no_wait(-1, &byte, 1));
	CHECK_INT(-EBADF, tend__sys_read_at_begin(-1, &byte, 1));
	CHECK_INT(-EBADF, tend__sys_epoll_wait(-1, &e, 1));
	CHECK_INT(0, tend__sys_pipe_inode(-1));
	CHECK_INT(0, tend__sys_pipe_inode(path));
	CHECK_INT(-EBADF, tend__sys_exit_status(-1, &status));
	CHECK_INT(-EBADF, tend__sys_check_readable(-1));
	CHECK_INT(-EBADF, tend__sys_check_readable(path));
	CHECK_INT(-EBADF, tend__sys_check_readable(fds[1]));
	CHECK_INT(0, tend__sys_check_readable(fds[0]));
	CHECK_INT(-EBADF, tend__sys_check_writable(-1));
	CHECK_INT(-EBADF, tend__sys_check_writable(path));
	CHECK_INT(-EBADF, tend__sys_check_writable(fds[0]));
	CHECK_INT(0, tend__sys_check_writable(fds[1]));
	CHECK_INT(-ENOTTY, tend__sys_set_terminal(fds[0], true, 24, 80));
	CHECK_INT(-ENOTTY, tend__sys_set_terminal(fds[0], false, 24, 80));
	close(path);
	close(fds[0]);
	close(fds[1]);
}

/* A socket that nobody reads is full some time, and then late; and connected as long as its other side is open. */
static void full_socket(void)
{
	int sockets[2], r = 0;

	CHECK_INT(0, tend__sys_socketpair(sockets));
	while (r == 0)
		r = tend__sys_send_fds(sockets[0], "message", 8, NULL, 0, 0);
	CHECK_INT(-EAGAIN, r);
	CHECK_INT(-EAGAIN, tend__sys_send_fds(sockets[0], "message", 8, sockets, 2, test_now_ns() + 1000000));
	CHECK(tend__sys_is_connected(sockets[0]));
	close(sockets[1]);
	CHECK(!tend__sys_is_connected(sockets[0]));
	CHECK_INT(-ECONNRESET, tend__sys_send_fds(sockets[0], "message", 8, NULL, 0, 0)); /* some were not read */
	CHECK_INT(-EPIPE, tend__sys_send_fds(sockets[0], "message", 8, NULL, 0, 0));
	close(sockets[0]);
}

static void send_one_more(struct test_thread *t, void *arg)
{
	int socket = *(int *)arg;

	WORKER_CHECK_INT(t, 0, tend__sys_send_fds(socket, "message", 8, NULL, 0, INT64_MAX));
}

/* Who may wait for room gets it from whoever reads. */
static void room_in_time(void)
{
	int sockets[2], r = 0;
	struct blocked b;
	char text[8];

	CHECK_INT(0, tend__sys_socketpair(sockets));
	while (r == 0)
		r = tend__sys_send_fds(sockets[0], "message", 8, NULL, 0, 0);
	CHECK_INT(-EAGAIN, r);
	blocked_start(&b, send_one_more, &sockets[0]);
	blocked_in(&b, IN_POLL_OF(sockets[0]));
	while (recv(sockets[1], text, sizeof text, MSG_DONTWAIT) == sizeof text)
		;
	CHECK_INT(EAGAIN, errno);
	blocked_end(&b);
	close(sockets[0]);
	close(sockets[1]);
}

/* Nobody has rung, or so often that there is no room for more: neither is waited for, nor an error. */
static void rings(void)
{
	const uint64_t most = UINT64_MAX - 1;
	int fd = tend__sys_eventfd();
	struct pollfd p = { .fd = fd, .events = POLLIN };

	tend__sys_unring(fd);
	CHECK_INT(0, tend__sys_poll(&p, 1, 0));
	CHECK_INT(sizeof most, write(fd, &most, sizeof most));
	tend__sys_ring(fd);
	CHECK_INT(1, tend__sys_poll(&p, 1, 0));
	tend__sys_unring(fd);
	CHECK_INT(0, tend__sys_poll(&p, 1, 0));
	close(fd);
}

/* ---- no more descriptors ---- */

/* Room for n more, where all below the highest one are in use. */
static void leave_room_for(rlim_t n)
{
	struct rlimit l;
	int next = dup(0);

	CHECK(next >= 0);
	close(next);
	CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &l));
	l.rlim_cur = (rlim_t)next + n;
	CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &l));
}

static void check_next(int fd)
{
	int next = dup(0);

	CHECK_INT(fd, next);
	close(next);
}

static void none_is_left(void)
{
	int fds[2];

	leave_room_for(0);
	CHECK_INT(-EMFILE, tend__sys_pipe(fds));
	CHECK_INT(-EMFILE, tend__sys_socketpair(fds));
	CHECK_INT(-EMFILE, tend__sys_pty(fds));
	CHECK_INT(-1, fds[1]);
	CHECK_INT(-EMFILE, tend__sys_memfd("x", 1));
	CHECK_INT(-EMFILE, tend__sys_dup(0));
	CHECK_INT(-EMFILE, tend__sys_open_null());
	CHECK_INT(-EMFILE, tend__sys_open_file("/dev/null"));
	CHECK_INT(-EMFILE, tend__sys_epoll());
	CHECK_INT(-EMFILE, tend__sys_eventfd());
	CHECK_INT(-EMFILE, tend__sys_timerfd());
}

/* Of two that belong together there is never one. */
static void one_is_left(void)
{
	int fds[2], next = dup(0);

	close(next);
	leave_room_for(1);
	CHECK_INT(-EMFILE, tend__sys_pipe(fds));
	CHECK_INT(-EMFILE, tend__sys_socketpair(fds));
	CHECK_INT(-EMFILE, tend__sys_pty(fds));
	CHECK_INT(-1, fds[0]);
	CHECK_INT(-1, fds[1]);
	check_next(next);
}

/* poll(2) itself refuses more than may be open. */
static void too_many_to_poll(void)
{
	const struct rlimit one = { .rlim_cur = 1, .rlim_max = 1 };
	struct pollfd p[2] = { { .fd = -1 }, { .fd = -1 } };

	CHECK_INT(0, tend__sys_poll(p, 2, 0));
	CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &one));
	CHECK_INT(-EINVAL, tend__sys_poll(p, 2, 0));
}

/* A host that has closed its own 0 and 1, and no other number left: then there is none, and these stay closed. */
static void check_closed(int fd)
{
	CHECK_INT(-1, fcntl(fd, F_GETFD));
	CHECK_INT(EBADF, errno);
}

static void check_no_pair(void)
{
	int fds[2];

	CHECK_INT(-EMFILE, tend__sys_pipe(fds));
	CHECK_INT(-EMFILE, tend__sys_socketpair(fds));
	check_closed(0);
}

static void low_ones_are_left(void)
{
	leave_room_for(0);
	close(0);
	close(1);
	check_no_pair();
	check_closed(1);
	CHECK_INT(-EMFILE, tend__sys_eventfd());
	check_closed(0);
}

static void a_low_one_and_another(void)
{
	leave_room_for(1);
	close(0);
	check_no_pair();
}

static void two_low_ones_and_another(void)
{
	leave_room_for(1);
	close(0);
	close(1);
	check_no_pair();
	check_closed(1);
}

/* A child is there, whatever the number of its pidfd: a low one has to do.  It sees that its host is another one. */
static void low_pidfd(void)
{
	const struct tend_spawn o = { .with_parent = TEND_WITH_PARENT_CHILD };
	volatile int shared = 0;
	struct tend__plan plan = { .o = &o, .tty_fd = -1, .procs_fd = -1, .shared = &shared, .host = getppid() };
	int pidfd = -1, status = -1;
	pid_t pid;

	plan.error_fd = tend__sys_open_null();
	leave_room_for(0);
	close(0);
	pid = tend__sys_spawn_copied(&plan, true, &pidfd);
	CHECK(pid > 0);
	CHECK_INT(0, pidfd);
	CHECK_INT(pid, waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

static void no_descriptors(void)
{
	if (test_under_valgrind()) {
		printf("(left out: valgrind has a limit of its own, and forgets it at some calls) ");
		return;
	}
	in_copy(none_is_left);
	in_copy(one_is_left);
	in_copy(too_many_to_poll);
	in_copy(low_ones_are_left);
	in_copy(a_low_one_and_another);
	in_copy(two_low_ones_and_another);
	in_copy(low_pidfd);
}

/* ---- terminals ---- */

/* The other side is found by its name then, as before Linux 4.13. */
static void check_pty_by_name(void)
{
	int fds[2];
	char byte;

	if (!CHECK_INT(0, tend__sys_pty(fds)))
		return;
	CHECK(isatty(fds[1]));
	CHECK_INT(FD_CLOEXEC, fcntl(fds[1], F_GETFD));
	CHECK_INT(1, write(fds[1], "x", 1));
	CHECK_INT(1, read(fds[0], &byte, 1));
	CHECK_INT('x', byte);
	refuse_some(SYS_ioctl, 1, BPF_JEQ, TIOCGPTN, ENOTTY); /* nor has it a name */
	CHECK_INT(-ENOTTY, tend__sys_pty(fds));
	CHECK_INT(-1, fds[0]);
}

#define PTY_WITHOUT_PEER(error)                                                                                        \
	static void pty_without_peer_##error(void)                                                                     \
	{                                                                                                              \
		refuse_some(SYS_ioctl, 1, BPF_JEQ, TIOCGPTPEER, error);                                                \
		check_pty_by_name();                                                                                   \
	}
PTY_WITHOUT_PEER(ENOTTY)
PTY_WITHOUT_PEER(EINVAL)
PTY_WITHOUT_PEER(ENOSYS)

/* It stays locked: nothing of it is left open. */
static void pty_locked(void)
{
	int fds[2], next = dup(0);

	close(next);
	refuse_some(SYS_ioctl, 1, BPF_JEQ, TIOCSPTLCK, EIO);
	CHECK_INT(-EIO, tend__sys_pty(fds));
	CHECK_INT(-1, fds[0]);
	CHECK_INT(-1, fds[1]);
	check_next(next);
}

static void terminals(void)
{
	in_copy(pty_without_peer_ENOTTY);
	in_copy(pty_without_peer_EINVAL);
	in_copy(pty_without_peer_ENOSYS);
	in_copy(pty_locked);
}

/* ---- reads that do not wait ---- */

static void check_read(ssize_t expected)
{
	char byte = '?';
	int fds[2];

	CHECK_INT(0, tend__sys_pipe(fds));
	CHECK_INT(1, write(fds[1], "x", 1));
	CHECK_INT(expected, tend__sys_read_no_wait(fds[0], &byte, 1));
	CHECK_INT(expected == 1 ? 'x' : '?', byte);
}

#define NO_PREADV2(error, expected)                                                                                    \
	static void no_preadv2_##error(void)                                                                           \
	{                                                                                                              \
		refuse(SYS_preadv2, error);                                                                            \
		check_read(expected);                                                                                  \
	}
NO_PREADV2(EOPNOTSUPP, 1)
NO_PREADV2(ENOSYS, 1)
NO_PREADV2(EINVAL, 1)
NO_PREADV2(ESPIPE, 1)
NO_PREADV2(EPERM, 1)
NO_PREADV2(EIO, -EIO)

/* Where the kernel cannot do it a plain read has to do; what else it says is told. */
static void reads_that_do_not_wait(void)
{
	in_copy(no_preadv2_EOPNOTSUPP);
	in_copy(no_preadv2_ENOSYS);
	in_copy(no_preadv2_EINVAL);
	in_copy(no_preadv2_ESPIPE);
	in_copy(no_preadv2_EPERM);
	in_copy(no_preadv2_EIO);
}

/* ---- memory ---- */

static void file_without_space(void)
{
	int next = dup(0);

	close(next);
	refuse(SYS_pwrite64, ENOSPC);
	CHECK_INT(-ENOSPC, tend__sys_memfd("x", 1));
	check_next(next);
}

/* A limit that nobody tells is none. */
static void limit_is_not_told(void)
{
	int fd;

	refuse(SYS_prlimit64, EPERM);
	fd = tend__sys_memfd("xyz", 3);
	CHECK(fd >= 0);
	CHECK_INT(3, lseek(fd, 0, SEEK_END));
}

static void check_no_stack(void)
{
	static const struct tend__plan plan; /* nobody gets to read it */
	int pidfd = -1;

	tend__sys_drop_stack();
	CHECK_INT(-ENOMEM, tend__sys_spawn_shared(&plan, &pidfd));
	CHECK_INT(-ENOMEM, tend__sys_spawn_into(&plan, -1, &pidfd));
	CHECK_INT(-1, pidfd);
}

static void stack_without_memory(void)
{
	refuse_some(SYS_mmap, 3, BPF_JSET, MAP_STACK, ENOMEM);
	check_no_stack();
}

static void stack_without_guard(void)
{
	refuse_some(SYS_mprotect, 2, BPF_JEQ, PROT_NONE, ENOMEM);
	check_no_stack();
}

static void no_memory(void)
{
	in_copy(file_without_space);
	in_copy(limit_is_not_told);
	in_copy(stack_without_memory);
	in_copy(stack_without_guard);
}

/* ---- whom to wait for ---- */

/* A child that has exited, or is about to. */
static pid_t exiting_child(int *ret_pidfd)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	*ret_pidfd = tend__sys_pidfd_open(pid);
	return pid;
}

/* By its number, as before Linux 5.4; but whoever is told by pidfd to be reaped has no number any more. */
static void reaped_by_the_signals_word(void)
{
	int pidfd;
	pid_t pid = exiting_child(&pidfd);
	struct rusage usage;
	siginfo_t info;

	CHECK_INT(0, waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	refuse_some(SYS_waitid, 0, BPF_JEQ, P_PIDFD_TYPE, EINVAL);
	CHECK_INT(1, tend__sys_wait(pidfd, pid, true, &info, &usage));
	refuse(SYS_pidfd_send_signal, ESRCH);
	CHECK_INT(-ECHILD, tend__sys_wait(pidfd, pid, true, &info, &usage));
	CHECK_INT(0, tend__sys_reap(pid));
}

/* Whom somebody else has reaped the pidfd tells, as late as Linux 6.9, or the signal. */
static void reaped_by_somebody_else(void)
{
	int pidfd;
	pid_t pid = exiting_child(&pidfd);
	struct rusage usage;
	siginfo_t info;

	CHECK_INT(pid, waitpid(pid, NULL, 0));
	refuse_some(SYS_waitid, 0, BPF_JEQ, P_PIDFD_TYPE, EPERM);
	CHECK_INT(-ECHILD, tend__sys_wait(pidfd, pid, true, &info, &usage));
}

/* Before Linux 6.15 the kernel has forgotten how a process ended that is reaped. */
static void status_is_forgotten(void)
{
	int status = 7;

	refuse(SYS_ioctl, ESRCH);
	CHECK_INT(0, tend__sys_exit_status(0, &status));
	CHECK_INT(7, status);
}

static void exits(void)
{
	if (test_has_pidfd_open()) {
		in_copy(reaped_by_the_signals_word);
		in_copy(reaped_by_somebody_else);
	}
	in_copy(status_is_forgotten);
}

/* ---- what is asked of the kernel ---- */

static void ignore(int sig)
{
	(void)sig;
}

/* It is asked only where the answer cannot end the host; and nobody notices. */
static void close_range_is_not_asked_for(void)
{
	CHECK(signal(SIGSYS, SIG_IGN) == SIG_DFL);
	refuse(SYS_close_range, ENOSYS);
	CHECK(tend__sys_can_close_range());
	CHECK(signal(SIGSYS, ignore) == SIG_IGN);
	errno = EDOM;
	CHECK(!tend__sys_can_close_range());
	CHECK_INT(EDOM, errno);
	refuse(SYS_rt_sigaction, EPERM);
	CHECK(tend__sys_can_close_range());
}

static void questions(void)
{
	in_copy(close_range_is_not_asked_for);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "transfers_interrupted", transfers_interrupted },
		{ "broken_pipe", broken_pipe },
		{ "waits_interrupted", waits_interrupted },
		{ "wrong_descriptors", wrong_descriptors },
		{ "full_socket", full_socket },
		{ "room_in_time", room_in_time },
		{ "rings", rings },
		{ "no_descriptors", no_descriptors },
		{ "terminals", terminals },
		{ "reads_that_do_not_wait", reads_that_do_not_wait },
		{ "no_memory", no_memory },
		{ "exits", exits },
		{ "questions", questions },
	};

	return test_main(argc, argv, "raw", tests, sizeof tests / sizeof *tests);
}
