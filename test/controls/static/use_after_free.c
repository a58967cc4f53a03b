/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

int use_after_free(void);
int use_after_free(void)
{
	int *p = malloc(sizeof *p), value;

	if (!p)
		return 0;
	*p = 1;
	free(p);
	value = *p;
	return value;
}
