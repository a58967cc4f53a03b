/* SPDX-License-Identifier: MIT */
/*
 * System calls without the C library.  In a child that shares the parent's memory a libc wrapper would write the
 * parent's errno and may be a sanitizer's interceptor; and clang's ThreadSanitizer takes libc's clone() for a fork. 
 * x86-64 and arm64 have a few lines of their own; elsewhere libc's syscall(2) and clone(2) have to do.
 */
#ifndef TEND_LIB_RAW_H
#define TEND_LIB_RAW_H

#include <linux/sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#define TEND__UNINSTRUMENTED __attribute__((__no_sanitize__("address", "thread", "undefined")))

/*
 * For clone3(2), which takes the stack's lowest byte and its size: what the child finds on top of its stack, and how
 * much is left below that.
 */
TEND__UNINSTRUMENTED static inline void raw_child_frame(struct clone_args *args, int (*fn)(void *), void *arg)
{
	void **sp = (void **)((uintptr_t)(args->stack + args->stack_size) & ~(uintptr_t)15);

	*--sp = arg;
	*--sp = (void *)(uintptr_t)fn;
	args->stack_size = (uintptr_t)sp - args->stack;
}

#if defined(__x86_64__)

TEND__UNINSTRUMENTED static inline long raw_call5(long n, long a, long b, long c, long d, long e)
{
	long r;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;

	__asm__ volatile("syscall"
	                 : "=a"(r)
	                 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
	                 : "rcx", "r11", "memory");
	return r;
}

/* The child calls fn(arg) on its own stack and never returns; the parent gets the pid or a negative errno value. */
TEND__UNINSTRUMENTED static inline long raw_clone(unsigned long flags, void *stack_top, int *pidfd, int (*fn)(void *),
                                                  void *arg)
{
	void **sp = (void **)((uintptr_t)stack_top & ~(uintptr_t)15);
	long r;
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;

	*--sp = arg;
	*--sp = (void *)(uintptr_t)fn;
	__asm__ volatile("syscall\n\t"
	                 "testq %%rax, %%rax\n\t"
	                 "jnz 1f\n\t"
	                 "xorl %%ebp, %%ebp\n\t" /* the outermost frame */
	                 "popq %%rax\n\t"
	                 "popq %%rdi\n\t"
	                 "call *%%rax\n\t"
	                 "hlt\n"
	                 "1:"
	                 : "=a"(r)
	                 : "a"(SYS_clone), "D"(flags), "S"(sp), "d"(pidfd), "r"(r10), "r"(r8)
	                 : "rcx", "r11", "memory", "cc");
	return r;
}

TEND__UNINSTRUMENTED static inline long raw_clone3(struct clone_args *args, size_t size, int (*fn)(void *), void *arg)
{
	long r;

	raw_child_frame(args, fn, arg);
	__asm__ volatile("syscall\n\t"
	                 "testq %%rax, %%rax\n\t"
	                 "jnz 1f\n\t"
	                 "xorl %%ebp, %%ebp\n\t" /* the outermost frame */
	                 "popq %%rax\n\t"
	                 "popq %%rdi\n\t"
	                 "call *%%rax\n\t"
	                 "hlt\n"
	                 "1:"
	                 : "=a"(r)
	                 : "a"(SYS_clone3), "D"(args), "S"(size)
	                 : "rcx", "r11", "memory", "cc");
	return r;
}

#elif defined(__aarch64__)

TEND__UNINSTRUMENTED static inline long raw_call5(long n, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory", "cc");
	return x0;
}

TEND__UNINSTRUMENTED static inline long raw_clone(unsigned long flags, void *stack_top, int *pidfd, int (*fn)(void *),
                                                  void *arg)
{
	void **sp = (void **)((uintptr_t)stack_top & ~(uintptr_t)15);
	register long x0 __asm__("x0") = (long)flags;
	register void **x1 __asm__("x1");
	register int *x2 __asm__("x2") = pidfd;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;
	register long x8 __asm__("x8") = SYS_clone;

	*--sp = arg;
	*--sp = (void *)(uintptr_t)fn;
	x1 = sp;
	__asm__ volatile("svc #0\n\t"
	                 "cbnz x0, 1f\n\t"
	                 "mov x29, xzr\n\t" /* the outermost frame */
	                 "ldp x9, x0, [sp], #16\n\t"
	                 "blr x9\n\t"
	                 "brk #1\n"
	                 "1:"
	                 : "+r"(x0)
	                 : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x8)
	                 : "memory", "cc", "x9");
	return x0;
}

TEND__UNINSTRUMENTED static inline long raw_clone3(struct clone_args *args, size_t size, int (*fn)(void *), void *arg)
{
	register long x0 __asm__("x0") = (long)args;
	register size_t x1 __asm__("x1") = size;
	register long x8 __asm__("x8") = SYS_clone3;

	raw_child_frame(args, fn, arg);
	__asm__ volatile("svc #0\n\t"
	                 "cbnz x0, 1f\n\t"
	                 "mov x29, xzr\n\t" /* the outermost frame */
	                 "ldp x9, x0, [sp], #16\n\t"
	                 "blr x9\n\t"
	                 "brk #1\n"
	                 "1:"
	                 : "+r"(x0)
	                 : "r"(x1), "r"(x8)
	                 : "memory", "cc", "x9");
	return x0;
}

#else

#include <errno.h>
#include <sched.h>
#include <unistd.h>

static inline long raw_call5(long n, long a, long b, long c, long d, long e)
{
	long r = syscall(n, a, b, c, d, e);

	return r < 0 ? -errno : r;
}

static inline long raw_clone(unsigned long flags, void *stack_top, int *pidfd, int (*fn)(void *), void *arg)
{
	long r = clone(fn, stack_top, (int)flags, arg, pidfd);

	return r < 0 ? -errno : r;
}

static inline long raw_clone3(struct clone_args *args, size_t size, int (*fn)(void *), void *arg)
{
	(void)args, (void)size, (void)fn, (void)arg;
	return -ENOSYS;
}

#endif

TEND__UNINSTRUMENTED static inline long raw_call(long n, long a, long b, long c)
{
	return raw_call5(n, a, b, c, 0, 0);
}

/*
 * As fork(2), without the atfork handlers: the C library is not told, so the child may use raw calls only.  Flags as
 * clone(2)'s; the order of its arguments is that of x86-64 and arm64 up to the third.
 */
TEND__UNINSTRUMENTED static inline long raw_fork(unsigned long flags, int *pidfd)
{
	return raw_call5(SYS_clone, (long)flags, 0, (long)pidfd, 0, 0);
}

#endif
