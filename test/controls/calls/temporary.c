/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

int make(char *name);
int make(char *name)
{
	return mkstemp(name);
}
