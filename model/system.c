/* SPDX-License-Identifier: MIT */
/*
 * In place of lib/sys.c, lib/lock.c, lib/rcu.c, lib/error.c and liburcu.
 *
 * RCU: a grace period waits for the sections that threads are in when it begins.  Nobody blocks in a section or online,
 * nobody waits for a grace period with a lock held or from inside a section, locks are taken in rising rank.  Time
 * stands still until somebody's deadline passes, which can be at any moment.
 */
#include "system.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <urcu/urcu-mb.h>

#include "../lib/error.h"
#include "../lib/lock.h"
#include "../lib/rcu.h"
#include "../lib/sys.h"
#include "explore.h"
#include "memory.h"
#include "order.h"
#include "states.h"

#define N_LOCKS 8

struct thread {
	/* futex */
	const void *sleeps_on;
	bool woken;
	/* locks */
	unsigned ranks;       /* held, a bit each */
	/* RCU */
	bool online, in_section;
	unsigned sections;    /* ended */
};

struct held {
	const struct tend__lock *lock;
	bool taken;
};

struct started {
	void *(*run)(void *);
	void *arg;
	bool done;
};

#define N_STARTED 2

/* One static object, so that a reset is one assignment. */
static struct {
	struct thread threads[MODEL_MAX_THREADS + 1];
	struct held locks[N_LOCKS];
	struct started started[N_STARTED];
	int64_t now;
} sys;

/* What waits for, and acts on, the same thing meets here, without being ordered by it. */
static char sections_begin, sections_end;

static struct thread *self(void)
{
	return &sys.threads[model_self()];
}

/* Of two things that a step is about: one that matters to others, if any does. */
static const void *either(const void *a, const void *b)
{
	return model_matters(a) ? a : b;
}

void model_enter(const void *object, const char *function, int line)
{
	model_note(function, line);
	model_point(object, false);
	model_drain();
}

void model_claim_may_block(const char *what)
{
	if (self()->in_section)
		model_fail("%s inside an RCU section", what);
	if (self()->online)
		model_fail("%s while online for RCU", what);
	if (self()->ranks)
		model_fail("%s with a lock held", what);
}

void model_pass_time(int64_t deadline)
{
	model_touch(&sys.now, false, false);
	if (sys.now < deadline)
		sys.now = deadline;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	(void)clock;
	model_enter(&sys.now, HERE);
	model_see(&sys.now);
	t->tv_sec = (time_t)(sys.now / 1000000000);
	t->tv_nsec = (long)(sys.now % 1000000000);
	return 0;
}

/* ---- futexes ---- */

static const void *queue_of(const volatile void *word)
{
	return (const char *)(uintptr_t)word + 1;
}

static bool is_woken(const void *arg)
{
	return ((const struct thread *)arg)->woken;
}

int tend__sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline)
{
	struct thread *me = self();

	model_claim_may_block("sleeping");
	/* between the caller's last look and the kernel's, which is one step with falling asleep */
	model_enter(either((const void *)word, queue_of(word)), HERE);
	model_read(word, sizeof *word);
	model_see((const void *)word);
	if (*(volatile const uint32_t *)(const volatile void *)word != value)
		return 0;
	me->sleeps_on = (const void *)word;
	me->woken = false;
	model_touch(queue_of(word), false, false);
	if (!model_block(is_woken, me, deadline != INT64_MAX)) {
		me->sleeps_on = NULL;
		model_touch(queue_of(word), false, false);
		model_pass_time(deadline);
		return -ETIMEDOUT;
	}
	model_see(queue_of(word));
	return 0;
}

void tend__sys_futex_wake(_Atomic uint32_t *word, int n)
{
	model_enter(queue_of(word), HERE);
	model_touch(queue_of(word), false, false);
	for (int i = 0; i < MODEL_MAX_THREADS && n > 0; i++) {
		if (sys.threads[i].sleeps_on != (const void *)word)
			continue;
		sys.threads[i].sleeps_on = NULL;
		sys.threads[i].woken = true;
		n--;
	}
}

static bool is_set(const void *arg)
{
	return *(void *const volatile *)arg != NULL;
}

void model_await(const volatile void *pointer)
{
	const void *object = (const void *)(uintptr_t)pointer;

	model_enter(object, HERE);
	model_block(is_set, object, false);
	model_see(object);
}

struct least {
	const volatile _Atomic unsigned *number;
	unsigned least;
};

static bool is_at_least(const void *arg)
{
	const struct least *a = arg;

	return *(const volatile unsigned *)(uintptr_t)a->number >= a->least;
}

void model_await_at_least(const volatile _Atomic unsigned *number, unsigned least)
{
	const struct least a = { number, least };
	const void *object = (const void *)(uintptr_t)number;

	model_enter(object, HERE);
	model_block(is_at_least, &a, false);
	model_see(object);
}

/* ---- locks ---- */

static bool *taken(const struct tend__lock *lock)
{
	for (int i = 0; i < N_LOCKS; i++) {
		if (!sys.locks[i].lock)
			sys.locks[i].lock = lock;
		if (sys.locks[i].lock == lock)
			return &sys.locks[i].taken;
	}
	model_fail("more than %d locks", N_LOCKS);
}

static bool is_free(const void *flag)
{
	return !*(const bool *)flag;
}

void tend__lock_init(struct tend__lock *lock, enum tend__rank rank)
{
	model_write(lock, sizeof *lock);
	lock->rank = rank;
}

void tend__lock_destroy(struct tend__lock *lock)
{
	model_write(lock, sizeof *lock);
	if (*taken(lock))
		model_fail("a lock is destroyed that is held");
}

void tend__lock(struct tend__lock *lock)
{
	struct thread *me = self();

	if (me->in_section)
		model_fail("locking inside an RCU section");
	if (me->ranks >> lock->rank)
		model_fail("a lock of this rank or a higher one is held already");
	model_enter(lock, HERE);
	model_read(lock, sizeof *lock);
	model_block(is_free, taken(lock), false);
	model_touch(lock, true, false);
	*taken(lock) = true;
	me->ranks |= 1u << lock->rank;
}

void tend__unlock(struct tend__lock *lock)
{
	model_enter(lock, HERE);
	model_read(lock, sizeof *lock);
	if (!*taken(lock))
		model_fail("a lock is released that is not held");
	model_touch(lock, false, true);
	*taken(lock) = false;
	self()->ranks &= ~(1u << lock->rank);
}

/* ---- RCU ---- */

char tend__rcu_tag;

void tend__rcu_online(void)
{
	if (self()->online)
		model_fail("online for the second time");
	self()->online = true;
}

void tend__rcu_offline(void)
{
	if (!self()->online || self()->in_section)
		model_fail("offline while not online, or inside an RCU section");
	self()->online = false;
}

void urcu_mb_read_lock(void)
{
	struct thread *me = self();

	if (!me->online || me->in_section)
		model_fail("a section begins while the thread is not online, or in a section already");
	model_enter(either(&sections_begin, &sections_end), HERE);
	model_touch(&sections_end, false, false);
	model_touch(&sections_begin, true, false);
	me->in_section = true;
}

void urcu_mb_read_unlock(void)
{
	struct thread *me = self();

	model_enter(&sections_end, HERE);
	model_touch(&sections_end, false, true);
	me->in_section = false;
	me->sections++;
}

struct grace {
	bool waits_for[MODEL_MAX_THREADS];
	unsigned sections[MODEL_MAX_THREADS];
};

static bool is_over(const void *arg)
{
	const struct grace *g = arg;

	for (int i = 0; i < MODEL_MAX_THREADS; i++)
		if (g->waits_for[i] && sys.threads[i].sections == g->sections[i])
			return false;
	return true;
}

void tend__rcu_synchronize(void)
{
	struct grace g;

	model_claim_may_block("waiting for a grace period");
	model_enter(either(&sections_begin, &sections_end), HERE);
	model_touch(&sections_begin, false, true);
	for (int i = 0; i < MODEL_MAX_THREADS; i++) {
		g.waits_for[i] = sys.threads[i].in_section;
		g.sections[i] = sys.threads[i].sections;
	}
	model_block(is_over, &g, false);
	model_touch(&sections_end, true, false);
}

unsigned tend__fork_generation(void)
{
	return 0;
}

int tend__rcu_setup(void)
{
	return 0;
}

/* ---- threads ---- */

int tend__sys_thread(pthread_t *ret_thread, size_t stack, void *(*run)(void *), void *arg)
{
	pthread_t i = 0;

	(void)stack;
	model_enter(sys.started, HERE);
	model_touch(sys.started, true, true);
	while (sys.started[i].run)
		if (++i == N_STARTED)
			model_fail("the library starts more than %d threads", N_STARTED);
	sys.started[i].arg = arg;
	sys.started[i].run = run;
	*ret_thread = i;
	return 0;
}

void tend__sys_name_thread(const char *name)
{
	(void)name;
}

static bool is_done(const void *arg)
{
	return ((const struct started *)arg)->done;
}

static bool is_started(const void *arg)
{
	return ((const struct started *)arg)->run;
}

static void run_started(struct started *s)
{
	model_block(is_started, s, false);
	model_touch(sys.started, true, false);
	s->run(s->arg);
	if (self()->online)
		model_fail("a thread ends while it is online for RCU");
	model_touch(s, false, true);
	s->done = true;
}

void model_first_thread(void)
{
	run_started(&sys.started[0]);
}

void model_second_thread(void)
{
	run_started(&sys.started[1]);
}

void tend__sys_join(pthread_t thread)
{
	struct started *s = &sys.started[thread];

	model_claim_may_block("joining");
	model_enter(s, HERE);
	model_block(is_done, s, false);
	model_touch(s, true, false);
}

int pthread_detach(pthread_t thread)
{
	(void)thread;
	return 0;
}

/* ---- errors and the log ---- */

int tend__error(struct tend_error *err, int code, enum tend_step step, const char *name, const char *format, ...)
{
	(void)err;
	(void)step;
	(void)name;
	(void)format;
	return code;
}

int tend__error_sys(struct tend_error *err, int code, enum tend_step step, const char *name, const char *format, ...)
{
	(void)err;
	(void)step;
	(void)name;
	(void)format;
	return code;
}

int tend__refuse(struct tend_error *err, const char *name, const char *field, const char *format, ...)
{
	(void)err;
	(void)name;
	(void)format;
	model_fail("%s is refused", field);
}

/* The host's function may do anything. */
void tend__log(enum tend_log_level level, const char *event, const char *name, pid_t pid, const char *format, ...)
{
	(void)level;
	(void)event;
	(void)name;
	(void)pid;
	(void)format;
	model_claim_may_block("logging");
}

/* ---- executions ---- */

void model_reset_system(void)
{
	memset(&sys, 0, sizeof sys);
	sys.now = 1;
}

void model_transfer_system(void)
{
	model_transfer(&sys, sizeof sys);
}

uint64_t model_hash_of_system(uint64_t h)
{
	return model_hash(h, &sys, sizeof sys);
}
