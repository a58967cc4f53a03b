/* SPDX-License-Identifier: MIT */
/*
 * Read-copy update, for the slots of a stream: reader threads look at them without a lock, and whoever takes a
 * subscriber out waits until no reader can still see it.  This is the only header that includes liburcu.
 *
 * The mb flavor, called as functions (no _LGPL_SOURCE): no sys_membarrier(2), which a seccomp filter that the host
 * installs later would turn into an abort; grace periods of well under a microsecond; and ThreadSanitizer does not
 * look into it.  The pointers that it protects are plain C11 atomics, published with release and loaded with acquire.
 */
#ifndef TEND_LIB_RCU_H
#define TEND_LIB_RCU_H

#include <urcu/urcu-mb.h>

#if defined(__SANITIZE_THREAD__)
#define TEND__TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEND__TSAN 1
#endif
#endif

/* What a section did happens before the end of a grace period; liburcu is not instrumented, so TSan has to be told. */
#ifdef TEND__TSAN
void __tsan_acquire(void *);
void __tsan_release(void *);
#define TEND__SECTION_DONE(tag) __tsan_release(tag)
#define TEND__GRACE_OVER(tag) __tsan_acquire(tag)
#else
#define TEND__SECTION_DONE(tag) ((void)(tag))
#define TEND__GRACE_OVER(tag) ((void)(tag))
#endif

extern char tend__rcu_tag;

/* [reader, online] A section; nothing in it blocks. */
static inline void tend__rcu_read_lock(void)
{
	urcu_mb_read_lock();
}

static inline void tend__rcu_read_unlock(void)
{
	TEND__SECTION_DONE(&tend__rcu_tag);
	urcu_mb_read_unlock();
}

/*
 * [any] A fork(2) of the host waits in between: for what a copy must not see half done.  Short, without blocking, and
 * not while online.
 */
void tend__rcu_hold_forks(void);
void tend__rcu_allow_forks(void);

/*
 * [reader] Between online and offline the thread may enter sections and must not block for long: fork(2) of the host
 * waits for it.  So an idle or parked reader costs a grace period nothing and a fork nothing.
 */
void tend__rcu_online(void);
void tend__rcu_offline(void);

/* [any] Returns when every section that had begun has ended.  Not with a lock of ours held, not inside a section. */
void tend__rcu_synchronize(void);

/* [any] How often this process is a fork of the one that loaded the library: handles made before are foreign after. */
unsigned tend__fork_generation(void);

/* [any] Once: the handlers of pthread_atfork(3).  `in_child` may be NULL.  0 or a negative errno value. */
int tend__rcu_setup(void);

#endif
