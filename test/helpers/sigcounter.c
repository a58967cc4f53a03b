/* SPDX-License-Identifier: MIT */
/* A child that says "ready", then "got N" for each TERM, CONT, INT, HUP and WINCH it handles, and ends at USR1. */
#include <signal.h>

#include "helper.h"

static void on_signal(int sig)
{
	say("got %d\n", sig);
}

static void on_usr1(int sig)
{
	(void)sig;
	_exit(0);
}

int main(void)
{
	static const int counted[] = { SIGTERM, SIGCONT, SIGINT, SIGHUP, SIGWINCH };
	struct sigaction action = { .sa_handler = on_signal };

	sigfillset(&action.sa_mask); /* one line at a time */
	for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
		sigaction(counted[i], &action, NULL);
	action.sa_handler = on_usr1;
	sigaction(SIGUSR1, &action, NULL);
	say("ready\n");
	pause_for_ever();
}
