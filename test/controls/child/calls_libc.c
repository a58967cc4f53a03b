/* SPDX-License-Identifier: MIT */
/* For test/check-child.sh: malloc may not be called between clone and exec. */
#include <stdlib.h>

void *tend_control(size_t n);

void *tend_control(size_t n)
{
	return malloc(n);
}
