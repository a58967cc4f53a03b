/* SPDX-License-Identifier: MIT */
/*
 * A child for each part that tend_process_complete() may have to deal with: player MODE [GRANDCHILD].
 *
 * It writes PLAYER_HEAD to stdout and stderr; then, as MODE says,
 *   over      writes PLAYER_TAIL and ends with 7
 *   ends      the same, when its stdin has ended
 *   says-bye  the same, with 9, when TERM comes; INT is ignored
 *   dies      stays until a signal ends it; INT is ignored
 *   stays     the same; TERM is ignored, too
 * GRANDCHILD, "group" or "session": it has one of these that has stdout and stderr open, ignores INT and TERM, and
 * stays.  Descriptor 3 gets the grandchild's number, and ends when all is as said, MODE's part excepted.
 */
#include <signal.h>

#include "helper.h"
#include "player.h"

static void write_tail(void)
{
	put(STDOUT_FILENO, "o" PLAYER_TAIL, sizeof "o" PLAYER_TAIL - 1);
	put(STDERR_FILENO, "e" PLAYER_TAIL, sizeof "e" PLAYER_TAIL - 1);
}

static void on_term(int sig)
{
	(void)sig;
	write_tail();
	_exit(9);
}

static void prepare(const char *mode)
{
	struct sigaction bye = { .sa_handler = on_term };

	if (strcmp(mode, "over") != 0 && strcmp(mode, "ends") != 0)
		signal(SIGINT, SIG_IGN);
	if (strcmp(mode, "stays") == 0)
		signal(SIGTERM, SIG_IGN);
	if (strcmp(mode, "says-bye") == 0)
		sigaction(SIGTERM, &bye, NULL);
}

static void have_grandchild(const char *where)
{
	pid_t pid = fork();

	if (pid < 0)
		_exit(5);
	if (pid > 0) {
		dprintf(3, "%d", pid);
		return;
	}
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	if (strcmp(where, "session") == 0)
		setsid();
	close(3);
	pause_for_ever();
}

int main(int argc, char **argv)
{
	char nothing[16];

	need(argc, argv, 1);
	prepare(argv[1]);
	put(STDOUT_FILENO, "o" PLAYER_HEAD, sizeof "o" PLAYER_HEAD - 1);
	put(STDERR_FILENO, "e" PLAYER_HEAD, sizeof "e" PLAYER_HEAD - 1);
	if (argc > 2)
		have_grandchild(argv[2]);
	close(3);
	if (strcmp(argv[1], "over") != 0 && strcmp(argv[1], "ends") != 0)
		pause_for_ever();
	while (strcmp(argv[1], "ends") == 0 && read(STDIN_FILENO, nothing, sizeof nothing) > 0)
		;
	write_tail();
	_exit(7);
}
