/* SPDX-License-Identifier: MIT */
/*
 * The kernel gives the first process of a PID namespace two duties: to reap those whose parents have gone, and, as it
 * has no default actions of its own, to ask for each signal that it wants.  The library must find the statuses of its
 * own children where they are, so the duties and the rest of tend are two processes.
 *
 * The terminal sends its signals to both of them, as they share a process group; those are not handed on once more.
 */
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "say.h"

static bool is_child;

/* Reaps all that have ended.  When the child is among them this process ends as it did, and with it the namespace. */
static void reap(pid_t child)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) != 0) {
		if (pid < 0 && errno != EINTR)
			_exit(CMD_FAILED); /* not even the child is there: somebody else has reaped it */
		if (pid == child && WIFEXITED(status))
			_exit(WEXITSTATUS(status));
		if (pid == child && WIFSIGNALED(status))
			_exit(CMD_SIGNALED + WTERMSIG(status));
	}
}

static void __attribute__((noreturn)) be_init(pid_t child, const sigset_t *all)
{
	siginfo_t info;

	for (;;) {
		int n = sigwaitinfo(all, &info);

		if (n == SIGCHLD)
			reap(child);
		else if (n > 0 && info.si_code != SI_KERNEL)
			kill(child, n);
	}
}

int init_split(void)
{
	sigset_t all, before;
	pid_t child;

	if (getpid() != 1)
		return 0;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	signal(SIGCHLD, SIG_DFL); /* ignored by whoever started us, it would lose the child's exit status */
	child = fork();
	if (child < 0) {
		say("cannot begin as process 1: %s", strerror(errno));
		return -1;
	}
	if (child > 0)
		be_init(child, &all);
	is_child = true;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return 0;
}

bool init_is_parent(void)
{
	return is_child;
}
