/* SPDX-License-Identifier: MIT */
/* A child that says "ready" and stops itself; once it may run again, TERM makes it end with code 7. */
#include <signal.h>

#include "helper.h"

static void on_term(int sig)
{
	(void)sig;
	_exit(7);
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_term };

	sigaction(SIGTERM, &action, NULL);
	say("ready\n");
	raise(SIGSTOP);
	pause_for_ever();
}
