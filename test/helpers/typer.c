/* SPDX-License-Identifier: MIT */
/*
 * A child that uses the terminal on its stdin: "set" changes its settings, as stty(1) does; "read" reads from it.  It
 * says "done" when it was allowed to; from the background of a terminal the kernel stops it before that.
 */
#include <termios.h>

#include "helper.h"

int main(int argc, char **argv)
{
	struct termios t;
	char c;

	need(argc, argv, 1);
	if (strcmp(argv[1], "set") == 0)
		if (tcgetattr(STDIN_FILENO, &t) != 0 || tcsetattr(STDIN_FILENO, TCSANOW, &t) != 0)
			return 3;
	if (strcmp(argv[1], "read") == 0 && read(STDIN_FILENO, &c, 1) != 1)
		return 4;
	say("done\n");
	return 0;
}
