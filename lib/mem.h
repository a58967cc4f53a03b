/* SPDX-License-Identifier: MIT */
/* The only way to the heap.  Tests put test/fault.c in place of mem.c and let the i-th call fail. */
#ifndef TEND_LIB_MEM_H
#define TEND_LIB_MEM_H

#include <stddef.h>

/* [any] Each returns NULL when there is no memory.  Freed with tend__free(). */
void *tend__malloc(size_t size);
void *tend__calloc(size_t n, size_t size);
void *tend__realloc(void *p, size_t size);
/* [any] Aligned to `alignment`, a power of two; zeroed. */
void *tend__aligned_calloc(size_t alignment, size_t size);
void tend__free(void *p);

/* [any] A copy of `s`; NULL where s is NULL (and when there is no memory). */
char *tend__strdup(const char *s);

#endif
