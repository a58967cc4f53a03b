/* SPDX-License-Identifier: MIT */
/*
 * Runs a command in a process group of its own and hands on the SIGINT, SIGTERM and SIGHUP that this program gets.  The
 * third one of them kills the command.  The program waits for the command in any case, so nothing is left behind.
 *
 * usage: forward_signals COMMAND [ARG...]
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <tend.h>
#include <unistd.h>

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "forward_signals: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

/* Before the first thread is there, so that no thread takes them otherwise.  The child's mask is empty all the same. */
static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void hand_on(tend_process *child, int signal_fd)
{
	static int n_taken;
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof info) != sizeof info)
		return;
	n_taken++;
	fprintf(stderr, "signal %d %s\n", (int)info.ssi_signo, n_taken < 3 ? "handed on" : "once too often");
	tend_process_signal(child, n_taken < 3 ? (int)info.ssi_signo : SIGKILL, TEND_GROUP, NULL); /* it may be gone */
}

/* 0 when the child has exited. */
static int wait_for_exit(tend_process *child, int signal_fd)
{
	struct pollfd fds[] = {
		{ .fd = tend_process_exit_fd(child), .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};

	if (fds[0].fd < 0)
		return fds[0].fd;
	while (!fds[0].revents) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (!fds[0].revents && fds[1].revents)
			hand_on(child, signal_fd);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int signal_fd = take_signals(), r;
	TEND_AUTO(tend_process) child = NULL;
	struct tend_exit ended;
	struct tend_error err;

	if (argc < 2) {
		fprintf(stderr, "usage: forward_signals COMMAND [ARG...]\n");
		return 2;
	}
	if (signal_fd < 0) {
		perror("forward_signals: signalfd");
		return 125;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 1,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_INHERIT,
	                                     .err = TEND_OUT_INHERIT,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &child, &err) < 0)
		return fail(&err);
	r = wait_for_exit(child, signal_fd);
	if (r < 0) {
		fprintf(stderr, "forward_signals: cannot poll: %s\n", strerror(-r));
		return 125;
	}
	if (tend_process_wait(child, TEND_AT_ONCE, &ended, &err) < 0)
		return fail(&err);
	return ended.kind == TEND_EXITED ? ended.code : 128 + ended.signal;
}
