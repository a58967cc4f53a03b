/* SPDX-License-Identifier: MIT */
/*
 * A child with a grandchild, for all questions about what outlives the leader.  Each MODE prints "grandchild PID" once
 * the grandchild is as the mode says.
 *   hold [CODE]           the grandchild keeps stdout and stderr open and stays; the leader ends with CODE
 *   hold-stubborn [CODE]  the same; it ignores TERM
 *   hold-setsid [CODE]    the same; it is in a session of its own
 *   hold-out [CODE]       the same; it keeps stdout alone
 *   hold-err [CODE]       the same; it keeps stderr alone
 *   quiet [CODE]          the same; it has closed 0, 1 and 2
 *   hold-named CODE NAME  the same; it calls itself NAME, of which prctl(2) PR_SET_NAME takes 15 bytes
 *   drip MS N             it writes "drip" every MS ms, N times, then ends; the leader ends at once
 *   leader-pauses         both stay; the leader obeys TERM, the grandchild ignores it
 *   witness               both stay, and say "leader got 15", "child got 15" when TERM comes
 */
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include "helper.h"

static void drip(long ms, long n)
{
	struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	for (long i = 0; i < n; i++) {
		nanosleep(&pause, NULL);
		if (!say("drip\n"))
			return;
	}
}

static const char *who = "leader";

static void on_term(int sig)
{
	say("%s got %d\n", who, sig);
}

static void bear_witness(const char *name)
{
	struct sigaction action = { .sa_handler = on_term };

	who = name;
	sigaction(SIGTERM, &action, NULL);
}

/* Says on `ready` that it is as it should be, by closing it. */
static void __attribute__((noreturn)) grandchild(const char *mode, int argc, char **argv, int ready)
{
	if (strcmp(mode, "hold-stubborn") == 0 || strcmp(mode, "leader-pauses") == 0)
		signal(SIGTERM, SIG_IGN);
	if (strcmp(mode, "hold-setsid") == 0)
		setsid();
	if (strcmp(mode, "hold-named") == 0)
		prctl(PR_SET_NAME, argc > 3 ? argv[3] : "");
	if (strcmp(mode, "witness") == 0)
		bear_witness("child");
	if (strcmp(mode, "hold-out") == 0)
		close(STDERR_FILENO);
	if (strcmp(mode, "hold-err") == 0)
		close(STDOUT_FILENO);
	if (strcmp(mode, "quiet") == 0) {
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
	}
	close(ready);
	if (strcmp(mode, "drip") == 0) {
		drip(number(argc, argv, 2, 10), number(argc, argv, 3, 1));
		_exit(0);
	}
	pause_for_ever();
}

int main(int argc, char **argv)
{
	int ready[2];
	char nothing;
	pid_t pid;

	need(argc, argv, 1);
	if (pipe(ready) != 0)
		return 5;
	pid = fork();
	if (pid < 0)
		return 5;
	if (pid == 0) {
		close(ready[0]);
		grandchild(argv[1], argc, argv, ready[1]);
	}
	close(ready[1]);
	while (read(ready[0], &nothing, 1) < 0 && errno == EINTR)
		;
	if (strcmp(argv[1], "witness") == 0)
		bear_witness("leader");
	say("grandchild %d\n", pid);
	if (strcmp(argv[1], "leader-pauses") == 0 || strcmp(argv[1], "witness") == 0)
		pause_for_ever();
	_exit(strcmp(argv[1], "drip") == 0 ? 0 : (int)number(argc, argv, 2, 0));
}
