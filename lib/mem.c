/* SPDX-License-Identifier: MIT */
/* The heap, as it is in production. */
#include "mem.h"

#include <stdlib.h>
#include <string.h>

void *tend__malloc(size_t size)
{
	return malloc(size);
}

void *tend__calloc(size_t n, size_t size)
{
	return calloc(n, size);
}

void *tend__realloc(void *p, size_t size)
{
	return realloc(p, size);
}

void *tend__aligned_calloc(size_t alignment, size_t size)
{
	size_t rounded = (size + alignment - 1) & ~(alignment - 1);
	void *p = rounded < size ? NULL : aligned_alloc(alignment, rounded);

	if (p)
		memset(p, 0, rounded);
	return p;
}

void tend__free(void *p)
{
	free(p);
}

char *tend__strdup(const char *s)
{
	return s ? strdup(s) : NULL;
}
