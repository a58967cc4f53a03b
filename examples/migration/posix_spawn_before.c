/* SPDX-License-Identifier: MIT */
/*
 * Gives a command two lines of input and prints what it answers, with posix_spawn(3) and waitpid(2).  See
 * doc/MIGRATION.md; posix_spawn_after.c does the same.
 *
 * usage: posix_spawn_before COMMAND [ARG...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char input[] = "first\nsecond\n";

/* The child's ends are 0 and 1 there; ours are closed by its exec. */
static int start(char **argv, int in[2], int out[2], pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	r = posix_spawnp(ret_pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	return r;
}

int main(int argc, char **argv)
{
	int in[2], out[2], status, r;
	char output[4096];
	ssize_t n;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: posix_spawn_before COMMAND [ARG...]\n");
		return 2;
	}
	r = start(argv + 1, in, out, &pid);
	if (r != 0) {
		fprintf(stderr, "posix_spawn_before: %s\n", strerror(r));
		return 125;
	}
	signal(SIGPIPE, SIG_IGN); /* for the whole program, in case the command does not read */
	/* This much fits into a pipe.  More would need a poll(2) loop: the command may wait for us to read. */
	if (write(in[1], input, strlen(input)) < 0)
		perror("posix_spawn_before");
	close(in[1]);
	while ((n = read(out[0], output, sizeof output)) > 0)
		fwrite(output, 1, (size_t)n, stdout);
	close(out[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	printf(WIFEXITED(status) ? "exit code %d\n" : "signal %d\n",
	       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return 0;
}
