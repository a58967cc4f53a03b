/* SPDX-License-Identifier: MIT */
/*
 * A tree of four processes that says who tells it to end: the leader; its child, which obeys; another child, which is
 * deaf to SIGTERM; and a child of that one, deaf as well, in a session of its own.  Each writes to a FIFO when it is up
 * and for each SIGTERM, with the name of who sent it.  All hold the FIFO open and nothing else, so that its reader sees
 * the end of it when the last of them has gone, whoever ended them and whoever has inherited them.
 *
 * usage: tree FIFO [deaf]      with "deaf" the leader does not obey either
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int fifo;

/* In one write, so that no two lines are mixed. */
static void note(const char *role, const char *what)
{
	char line[128];
	int n = snprintf(line, sizeof line, "%s %d %s\n", role, (int)getpid(), what);

	if (write(fifo, line, (size_t)n) != n)
		_exit(3);
}

static void note_sender(const char *role, pid_t sender)
{
	char path[32], name[32] = "", what[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/comm", (int)sender);
	f = fopen(path, "re");
	if (f) {
		if (!fgets(name, sizeof name, f))
			name[0] = '\0';
		fclose(f);
	}
	name[strcspn(name, "\n")] = '\0';
	snprintf(what, sizeof what, "SIGTERM from %s", name[0] ? name : "somebody");
	note(role, what);
}

/* Until SIGTERM, or for ever. */
static void __attribute__((noreturn)) live(const char *role, bool obeys)
{
	sigset_t set;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	note(role, "up");
	for (;;) {
		if (sigwaitinfo(&set, &info) == SIGTERM) {
			note_sender(role, info.si_pid);
			if (obeys)
				_exit(0);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static pid_t start(void)
{
	pid_t pid = fork();

	if (pid < 0)
		_exit(3);
	return pid;
}

static void let_go_of_output(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			_exit(3);
	close(null);
}

int main(int argc, char **argv)
{
	sigset_t all;

	if (argc < 2 || argc > 3 || (argc == 3 && strcmp(argv[2], "deaf") != 0)) {
		fprintf(stderr, "usage: %s FIFO [deaf]\n", argv[0]);
		return 2;
	}
	fifo = open(argv[1], O_WRONLY | O_CLOEXEC);
	if (fifo < 0) {
		perror(argv[1]);
		return 3;
	}
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	let_go_of_output();
	if (start() == 0)
		live("child", true);
	if (start() == 0) {
		if (start() == 0) {
			setsid();
			live("away", false);
		}
		live("deaf", false);
	}
	live("leader", argc == 2);
}
