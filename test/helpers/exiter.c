/* SPDX-License-Identifier: MIT */
/* A child that writes TEXT, if there is any, and ends with the exit code N: exiter N [TEXT]. */
#include "helper.h"

int main(int argc, char **argv)
{
	need(argc, argv, 1);
	if (argc > 2 && !put(STDOUT_FILENO, argv[2], strlen(argv[2])))
		return 3;
	_exit((int)number(argc, argv, 1, 0));
}
