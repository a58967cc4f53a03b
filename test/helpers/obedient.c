/* SPDX-License-Identifier: MIT */
/* A child that says "ready" and stays until a signal ends it.  "elsewhere": it has moved to its parent's group. */
#include "helper.h"

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "elsewhere") == 0 && setpgid(0, getpgid(getppid())) != 0)
		return 5;
	say("ready\n");
	pause_for_ever();
}
