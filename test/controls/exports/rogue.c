/* SPDX-License-Identifier: MIT */
#include "good.c"

TEND_API int tend_rogue(void);

int tend_rogue(void)
{
	return 1;
}
