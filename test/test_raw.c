/* SPDX-License-Identifier: MIT */
/*
 * lib/sys.c itself: what it makes of the kernel's answers.  Faults above it cannot tell, as they stand in its place; so
 * here a signal's EINTR, a limit or a filter refuses what is below.  A limit and a filter stay, so each has a process
 * of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/spawn_child.h"
#include "../lib/sys.h"
#include "fault.h"
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

/* From now on `call` fails with `error` where its i-th argument (the lower half) `test`s: BPF_JEQ, BPF_JSET. */
static void refuse_some(long call, int i, unsigned short test, uint32_t value, int error)
{
	size_t at = offsetof(struct seccomp_data, args) + (size_t)i * sizeof(uint64_t);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)at + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)),
		BPF_JUMP((unsigned short)(BPF_JMP | test | BPF_K), value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = sizeof filter / sizeof *filter, .filter = filter };

	if (test_under_valgrind() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		_exit(LEFT_OUT);
}

/* Whatever it is called with. */
static void refuse(long call, int error)
{
	refuse_some(call, 0, BPF_JGE, 0, error);
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
	char byte;

	CHECK_INT(0, tend__sys_pipe(fds));
	CHECK_INT(-EBADF, tend__sys_set_nonblock(-1));
	CHECK_INT(-EBADF, tend__sys_readable(-1));
	CHECK_INT(-EBADF, tend__sys_read_no_wait(-1, &byte, 1));
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

static void no_descriptors(void)
{
	if (test_under_valgrind()) {
		printf("(left out: valgrind has a limit of its own, and forgets it at some calls) ");
		return;
	}
	in_copy(none_is_left);
	in_copy(one_is_left);
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
NO_PREADV2(EIO, -EIO)

/* Where the kernel cannot do it a plain read has to do; what else it says is told. */
static void reads_that_do_not_wait(void)
{
	in_copy(no_preadv2_EOPNOTSUPP);
	in_copy(no_preadv2_ENOSYS);
	in_copy(no_preadv2_EINVAL);
	in_copy(no_preadv2_ESPIPE);
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

static void check_no_stack(void)
{
	static const struct tend__plan plan; /* nobody gets to read it */
	int pidfd = -1;

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
	in_copy(stack_without_memory);
	in_copy(stack_without_guard);
}

/* ---- whom to wait for ---- */

/* By its number, as before Linux 5.4; but whoever is told by pidfd to be reaped has no number any more. */
static void reaped_by_the_signals_word(void)
{
	pid_t pid = fork();
	struct rusage usage;
	siginfo_t info;
	int pidfd;

	if (pid == 0)
		_exit(0);
	pidfd = tend__sys_pidfd_open(pid);
	CHECK_INT(0, waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	refuse_some(SYS_waitid, 0, BPF_JEQ, P_PIDFD_TYPE, EINVAL);
	CHECK_INT(1, tend__sys_wait(pidfd, pid, true, &info, &usage));
	refuse(SYS_pidfd_send_signal, ESRCH);
	CHECK_INT(-ECHILD, tend__sys_wait(pidfd, pid, true, &info, &usage));
	CHECK_INT(0, tend__sys_reap(pid));
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
	if (test_has_pidfd_open())
		in_copy(reaped_by_the_signals_word);
	in_copy(status_is_forgotten);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "transfers_interrupted", transfers_interrupted },
		{ "waits_interrupted", waits_interrupted },
		{ "wrong_descriptors", wrong_descriptors },
		{ "full_socket", full_socket },
		{ "no_descriptors", no_descriptors },
		{ "terminals", terminals },
		{ "reads_that_do_not_wait", reads_that_do_not_wait },
		{ "no_memory", no_memory },
		{ "exits", exits },
	};

	return test_main(argc, argv, "raw", tests, sizeof tests / sizeof *tests);
}
