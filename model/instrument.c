/* SPDX-License-Identifier: MIT */
/*
 * The compiler puts these in front of each plain access of code that is compiled with -fsanitize=thread.  This is the
 * whole run-time library: memory.c does the rest.
 */
#include <string.h>

#include "memory.h"

#define ACCESSES(n) \
	void __tsan_read##n(void *p); \
	void __tsan_write##n(void *p); \
	void __tsan_unaligned_read##n(void *p); \
	void __tsan_unaligned_write##n(void *p); \
	void __tsan_read##n(void *p) { model_read(p, n); } \
	void __tsan_write##n(void *p) { model_write(p, n); } \
	void __tsan_unaligned_read##n(void *p) { model_read(p, n); } \
	void __tsan_unaligned_write##n(void *p) { model_write(p, n); }

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

void __tsan_read_range(void *p, size_t n);
void __tsan_write_range(void *p, size_t n);
void *__tsan_memcpy(void *to, const void *from, size_t n);
void *__tsan_memmove(void *to, const void *from, size_t n);
void *__tsan_memset(void *p, int c, size_t n);

void __tsan_read_range(void *p, size_t n)
{
	model_read(p, n);
}

void __tsan_write_range(void *p, size_t n)
{
	model_write(p, n);
}

/* Some compilers call these for memcpy() and its like; of others build.sh redirects the calls. */
void *__tsan_memcpy(void *to, const void *from, size_t n)
{
	model_read(from, n);
	model_write(to, n);
	return memcpy(to, from, n);
}

void *__tsan_memmove(void *to, const void *from, size_t n)
{
	model_read(from, n);
	model_write(to, n);
	return memmove(to, from, n);
}

void *__tsan_memset(void *p, int c, size_t n)
{
	model_write(p, n);
	return memset(p, c, n);
}

/* What else they call says nothing about accesses.  lib/rcu.h's annotations are there because ThreadSanitizer does not
 * see into liburcu; the model of it in system.c needs none. */
void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_acquire(void *p);
void __tsan_release(void *p);

void __tsan_init(void) { }
void __tsan_func_entry(void *pc) { (void)pc; }
void __tsan_func_exit(void) { }
void __tsan_acquire(void *p) { (void)p; }
void __tsan_release(void *p) { (void)p; }
