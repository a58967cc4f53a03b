/* SPDX-License-Identifier: MIT */
/*
 * The only way to the system calls that make, watch and end processes, threads and descriptors.  Each returns a
 * result >= 0 or a negative errno value; EINTR is dealt with here and nowhere else, and none is a cancellation point.
 * Tests put test/fault.c in place of sys.c and let the i-th call fail.
 */
#ifndef TEND_LIB_SYS_H
#define TEND_LIB_SYS_H

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/types.h>

struct tend__plan;

/* ---- descriptors: all made with CLOEXEC, none on 0, 1 or 2 ---- */
int tend__sys_pipe(int ret_fds[2]);
int tend__sys_eventfd(void);
int tend__sys_open_null(void);
/* The same as fd. */
int tend__sys_dup(int fd);
/* A new pseudoterminal: the host's side, and the child's. */
int tend__sys_pty(int ret_fds[2]);
int tend__sys_set_terminal(int fd, bool raw, unsigned short rows, unsigned short columns);
/* The window of the terminal whose either side fd is: rows, columns. */
int tend__sys_set_window(int fd, unsigned short rows, unsigned short columns);
/* A file in memory with these bytes in it, at its begin, that nobody can change. */
int tend__sys_memfd(const void *bytes, size_t n);
/* For reading; relative paths not. */
int tend__sys_open_file(const char *path);
int tend__sys_open_folder(const char *path);
/* An existing file of the kernel's in a directory, for reading or for writing. */
int tend__sys_open_at(int folder, const char *name, bool for_writing);
int tend__sys_make_folder(const char *path);
int tend__sys_remove_folder(int folder, const char *name);
/* 0, or -EBADF. */
int tend__sys_check_open(int fd);
int tend__sys_set_nonblock(int fd);
/* Whether fd is open, is readable and is not O_PATH: 0, -EBADF; -EPROTOTYPE: a socket, but not one of bytes. */
int tend__sys_check_readable(int fd);
/* The same for writing. */
int tend__sys_check_writable(int fd);
/* The inode of a pipe, or 0 where fd is none. */
uint64_t tend__sys_pipe_inode(int fd);
/* Whether it is the master side of a pseudoterminal. */
bool tend__sys_is_pty_master(int fd);
int tend__sys_pipe_size(int fd);
int tend__sys_set_pipe_size(int fd, int size);
/* Bytes that can be read now. */
int tend__sys_readable(int fd);
ssize_t tend__sys_read(int fd, void *p, size_t n);
/* From the begin of a file, whatever was read before. */
ssize_t tend__sys_read_at_begin(int fd, void *p, size_t n);
/* -EAGAIN rather than wait, where the kernel can do that for this kind of descriptor. */
ssize_t tend__sys_read_no_wait(int fd, void *p, size_t n);
/* SIGPIPE never reaches the host: it is blocked around the call and taken away if the call raised it. */
ssize_t tend__sys_write(int fd, const void *p, size_t n);
/*
 * For calls of the C library that write: with SIGPIPE blocked, whether one is pending for this thread, and taking it
 * away.
 */
bool tend__sys_sigpipe_pending(void);
void tend__sys_take_sigpipe(void);
/* deadline: absolute CLOCK_MONOTONIC ns, INT64_MAX for none.  The number of ready entries, 0 when time is over. */
int tend__sys_poll(struct pollfd *fds, nfds_t n, int64_t deadline);
/* [pure] What the last poll found, where room to write was asked for: none, and nobody who would make it. */
bool tend__sys_is_hung_up(const struct pollfd *p);
void tend__sys_close(int fd);
/* For who has these ids; less than 0: as it is.  0, or -EPERM. */
int tend__sys_give(int fd, int64_t uid, int64_t gid);
/* Two ends of a local socket that keeps messages apart and never blocks. */
int tend__sys_socketpair(int ret_fds[2]);
/* One message with up to two descriptors.  0; -EAGAIN: no room by then; -EPIPE, -ECONNRESET; never SIGPIPE. */
int tend__sys_send_fds(int socket, const void *message, size_t size, const int *fds, size_t n, int64_t deadline);
bool tend__sys_is_connected(int socket);
/* eventfd: make it readable; make it unreadable. */
void tend__sys_ring(int eventfd);
void tend__sys_unring(int eventfd);

/* ---- epoll and timer ---- */
int tend__sys_epoll(void);
int tend__sys_epoll_add(int epfd, int fd, void *data);
/* The same for a file of the kernel's that says POLLPRI when it has changed. */
int tend__sys_epoll_add_file(int epfd, int fd, void *data);
int tend__sys_epoll_del(int epfd, int fd);
int tend__sys_epoll_wait(int epfd, struct epoll_event *events, int n);
int tend__sys_timerfd(void);
/* deadline as above; INT64_MAX disarms. */
int tend__sys_timerfd_set(int fd, int64_t deadline);

/* ---- threads ---- */
/* Sleeps while *word == value, until woken or `deadline` (as above): 0, or -ETIMEDOUT.  May return for no reason. */
int tend__sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline);
/* The word may be gone by now: it is only a key for the kernel, so errors say nothing. */
void tend__sys_futex_wake(_Atomic uint32_t *word, int n);
/* Starts a thread with all signals blocked but the synchronous ones, and a stack of `stack` usable bytes. */
int tend__sys_thread(pthread_t *ret_thread, size_t stack, void *(*run)(void *), void *arg);
/* Of the calling thread, for ps(1) and debuggers, cut to 15 bytes.  From outside it would take a walk through /proc. */
void tend__sys_name_thread(const char *name);
void tend__sys_join(pthread_t thread);
/* Blocks all signals but the synchronous ones and SIGSYS for the calling thread, the C library's own two included. */
void tend__sys_block_signals(sigset_t *ret_old);
void tend__sys_restore_signals(const sigset_t *old);

/* ---- processes ---- */
/*
 * False: close_range(2) is not there, or is trapped by a filter, which would end the child, as that has no handlers any
 * more; the host's handler of SIGSYS answers here.  Without such a handler it is not asked.
 */
bool tend__sys_can_close_range(void);
/*
 * Runs the plan's child half in a child that shares our memory until it has executed or failed (CLONE_VM |
 * CLONE_VFORK | CLONE_PIDFD).  The pid; *ret_pidfd is the pidfd, or -1 where the kernel made none.
 */
pid_t tend__sys_spawn_shared(const struct tend__plan *plan, int *ret_pidfd);
/*
 * The same in a child with a copy of our memory, as by fork(2) but without the handlers of pthread_atfork(3). 
 * with_pidfd: CLONE_PIDFD.
 */
pid_t tend__sys_spawn_copied(const struct tend__plan *plan, bool with_pidfd, int *ret_pidfd);
/* As tend__sys_spawn_shared(), born in the cgroup whose directory that is: clone3(2) with CLONE_INTO_CGROUP. */
pid_t tend__sys_spawn_into(const struct tend__plan *plan, int cgroup_fd, int *ret_pidfd);
/* Gives back what those that share our memory have left for the next one. */
void tend__sys_drop_stack(void);
int tend__sys_pidfd_open(pid_t pid);
int tend__sys_setpgid(pid_t pid);
/*
 * waitid(2) with WEXITED | WNOHANG: 1 and *ret_info when it has exited, 0 when not.  `leave`: WNOWAIT.  By the number
 * where the kernel, or a filter, has no P_PIDFD, and the pidfd does not tell that the number has been given up.
 */
int tend__sys_wait(int pidfd, pid_t pid, bool leave, siginfo_t *ret_info, struct rusage *ret_usage);
/* The number of a process that is not reaped yet; -ESRCH: it is; other: there is no PIDFD_GET_INFO, or no pidfd. */
pid_t tend__sys_pid_of(int pidfd);
/*
 * The status of a process that has been reaped, as wait(2) has it: 1; 0: it is not known, or not yet; -errno: there is
 * no PIDFD_GET_INFO.
 */
int tend__sys_exit_status(int pidfd, int *ret_status);
/* Waits for the end of a child that has one, and reaps it. */
int tend__sys_reap(pid_t pid);
int tend__sys_pidfd_signal(int pidfd, int sig, unsigned flags);
int tend__sys_kill(pid_t pid, int sig);

/* Where the guardian's program is. */
const char *tend__sys_guardian_path(void);

/* Whether a test forces the fallback of a facility: "vfork", "clone_pidfd", "pidfd_group",
 * "pidfd_signal", "close_range", "clone3", "pidfd_info". */
bool tend__sys_forced_off(const char *facility);

#define TEND__PIDFD_GROUP 4u /* PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9 */

#endif
