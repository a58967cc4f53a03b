/* SPDX-License-Identifier: MIT */
/*
 * A child that says "ready", then "got N" for each signal that it gets.  None is lost, and none ends it but that of its
 * first argument, at which it exits with the code of its second one.  At WINCH it says "window ROWS COLUMNS", too.
 * It begins a new line each time: a terminal may have echoed the key that made the signal.
 */
#include <signal.h>
#include <sys/ioctl.h>

#include "helper.h"

int main(int argc, char **argv)
{
	int last = argc > 2 ? atoi(argv[1]) : 0, got = 0;
	struct winsize size = { .ws_row = 0 };
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	say("ready\n");
	while (got != last || last == 0) {
		if (sigwait(&all, &got) != 0)
			return 70;
		if (got == SIGWINCH && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
			say("window %d %d\n", size.ws_row, size.ws_col);
		say("\ngot %d\n", got);
	}
	return atoi(argv[2]);
}
