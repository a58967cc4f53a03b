/* SPDX-License-Identifier: MIT */
/* A child that ignores TERM, INT and HUP, or the signals given by number, says "ready", and stays. */
#include <signal.h>

#include "helper.h"

int main(int argc, char **argv)
{
	if (argc < 2) {
		signal(SIGTERM, SIG_IGN);
		signal(SIGINT, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
	}
	for (int i = 1; i < argc; i++)
		signal((int)number(argc, argv, i, 0), SIG_IGN);
	say("ready\n");
	pause_for_ever();
}
