/* SPDX-License-Identifier: MIT */
/*
 * The scheduler.  At each point it has a list of threads that could go on: the current one first, then, while
 * preemptions are left, the others; a sleeper with a deadline can always time out.  `path` records which one was
 * picked; the next execution repeats the path up to the last choice that has an alternative left and takes that:
 * depth-first search without states.
 */
#include "explore.h"

#include <errno.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#include "../lib/mem.h"
#include "../lib/sys.h"
#include "hook.h"

#define MAX_STEPS 6000
#define STACK_SIZE 65536

enum fiber_state { READY, ASLEEP, DONE };

static struct fiber {
	enum fiber_state state;
	bool started;
	const void *word;       /* sleeps on */
	bool has_deadline, timed_out;
	jmp_buf at;
	ucontext_t boot;
	char stack[STACK_SIZE];
} fibers[MODEL_MAX_THREADS];

static const struct scenario *now_running;
static int n_fibers, current;
static bool in_thread;
static jmp_buf to_scheduler;
static struct choice {
	unsigned char options, picked;
} path[MAX_STEPS];
static int depth, path_length;
static struct explored result;

/* ---- memory: fresh for each execution ---- */

static _Alignas(64) char arena[1 << 16];
static size_t arena_used;

void *tend__calloc(size_t n, size_t size)
{
	void *p = arena + arena_used;

	arena_used += (n * size + 63) & ~(size_t)63;
	memset(p, 0, n * size);
	return p;
}

void tend__free(void *p)
{
	(void)p;
}

/* ---- what the threads call ---- */

static void yield(void)
{
	if (!_setjmp(fibers[current].at))
		_longjmp(to_scheduler, 1);
}

void model_point(int weak)
{
	if (in_thread && (!weak || now_running->weak_points))
		yield();
}

void model_fail(const char *what, int line)
{
	result.failure = what;
	result.line = line;
	_longjmp(to_scheduler, 1);
}

int tend__sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline)
{
	struct fiber *f = &fibers[current];

	yield(); /* between the caller's last look and the kernel's, which is one step with falling asleep */
	if (*(volatile const uint32_t *)(const volatile void *)word != value)
		return 0;
	f->state = ASLEEP;
	f->word = (const void *)word;
	f->has_deadline = deadline != INT64_MAX;
	f->timed_out = false;
	yield();
	return f->timed_out ? -ETIMEDOUT : 0;
}

void tend__sys_ring(int eventfd)
{
	(void)eventfd; /* no parker of the model has one */
}

void tend__sys_futex_wake(_Atomic uint32_t *word, int n)
{
	yield();
	for (int i = 0; i < n_fibers && n > 0; i++) {
		if (fibers[i].state == ASLEEP && fibers[i].word == (const void *)word) {
			fibers[i].state = READY;
			n--;
		}
	}
}

/* ---- one execution ---- */

static void boot(int i)
{
	now_running->threads[i]();
	fibers[i].state = DONE;
	_longjmp(to_scheduler, 1);
}

static int list_options(int options[MODEL_MAX_THREADS], int preemptions)
{
	bool can_stay = current >= 0 && fibers[current].state == READY;
	int n = 0;

	if (can_stay)
		options[n++] = current;
	if (can_stay && preemptions >= now_running->preemptions)
		return n;
	for (int i = 0; i < n_fibers; i++) {
		if (can_stay && i == current)
			continue;
		if (fibers[i].state == READY || (fibers[i].state == ASLEEP && fibers[i].has_deadline))
			options[n++] = i;
	}
	return n;
}

static void resume(int i)
{
	struct fiber *f = &fibers[i];

	if (f->state == ASLEEP) {
		f->timed_out = true;
		f->state = READY;
	}
	current = i;
	if (_setjmp(to_scheduler))
		return;
	if (f->started)
		_longjmp(f->at, 1);
	f->started = true;
	getcontext(&f->boot);
	f->boot.uc_stack.ss_sp = f->stack;
	f->boot.uc_stack.ss_size = sizeof f->stack;
	f->boot.uc_link = NULL;
	makecontext(&f->boot, (void (*)(void))(uintptr_t)boot, 1, i);
	setcontext(&f->boot);
}

static int pick(const int *options, int n)
{
	if (depth >= path_length) {
		path[depth] = (struct choice){ .options = (unsigned char)n, .picked = 0 };
		path_length = depth + 1;
	}
	result.steps++;
	return options[path[depth++].picked];
}

static void reset(void)
{
	arena_used = 0;
	now_running->setup();
	for (int i = 0; i < n_fibers; i++) {
		fibers[i].state = READY;
		fibers[i].started = false;
	}
	current = -1;
	depth = 0;
}

static void finish(void)
{
	for (int i = 0; i < n_fibers; i++)
		if (fibers[i].state != DONE)
			result.failure = "deadlock: a wake-up was lost";
	if (!result.failure && now_running->check && !_setjmp(to_scheduler))
		now_running->check();
}

static void execute(void)
{
	static int preemptions; /* survives the long jumps */

	reset();
	preemptions = 0;
	while (!result.failure) {
		int options[MODEL_MAX_THREADS];
		int n = list_options(options, preemptions);
		int next;

		if (n == 0)
			break;
		if (depth == MAX_STEPS) {
			result.failure = "livelock: too many steps";
			break;
		}
		next = pick(options, n);
		preemptions +=
			options[0] == current && current >= 0 && fibers[current].state == READY && next != current;
		in_thread = true;
		resume(next);
		in_thread = false;
	}
	if (!result.failure)
		finish();
	result.executions++;
}

static bool next_path(void)
{
	while (path_length > 0 && path[path_length - 1].picked + 1 >= path[path_length - 1].options)
		path_length--;
	if (path_length == 0)
		return false;
	path[path_length - 1].picked++;
	return true;
}

struct explored model_explore(const struct scenario *scenario)
{
	now_running = scenario;
	memset(&result, 0, sizeof result);
	path_length = 0;
	for (n_fibers = 0; n_fibers < MODEL_MAX_THREADS && scenario->threads[n_fibers]; n_fibers++)
		;
	do
		execute();
	while (!result.failure && next_path());
	return result;
}
