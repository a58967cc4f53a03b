/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

int run(const char *command);
int run(const char *command)
{
	return system(command);
}
