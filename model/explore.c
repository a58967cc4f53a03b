/* SPDX-License-Identifier: MIT */
/*
 * The scheduler, and the search.
 *
 * What is explored: the library's sources as they ship.  hook.h takes their atomic accesses, the calls that the
 * compiler puts there for -fsanitize=thread their plain ones, and system.c and descriptors.c stand for what lies below
 * them.  The threads are fibers of one thread.
 *
 * A schedule is the list of what happened next at each point: the current thread goes on; while the bound is not used
 * up, another one does (a preemption), or the store that it is about to make is delayed; a delayed store becomes
 * visible; a sleeper with a deadline is late, which can be at any moment.  There are points in front of accesses to
 * objects that two threads use and one of them changes: atomic ones that are not relaxed (those, too, where a scenario
 * asks for weak_points), locks, grace periods, sleepers, descriptors.  Which objects these are is found out on the way:
 * the search begins with none, and begins again when it has met one more.  What lies between two points is one step; a
 * plain access for which that would be wrong is a data race, and fails.
 *
 * Where there is more than one possibility the whole world is saved, the first one is taken, and when nothing is left
 * to happen behind it the world is put back and the next one taken: depth-first search.  What was seen before, with as
 * much of the bound left, is not gone through again: a state in one search, a trace in the other (explore.h).
 *
 * Not covered: more preemptions than the bound, where there is one (it is a part of what is printed); other numbers of
 * threads, items and capacities than those of the scenarios; machines that reorder more than x86 does, but for what is
 * a data race (no load is early or finds an old value, stores become visible in order); wake-ups for no reason; memory
 * that is used again for something else; what RCU, locks and the kernel do inside; fork, signals, failing allocations.
 */
#include "explore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "heap.h"
#include "locals.h"
#include "memory.h"
#include "order.h"
#include "states.h"
#include "system.h"

#define MAX_STEPS 20000
#define STACK_SIZE 65536
#define STACK_CLEARED 1024
#define NOBODY (-1)

/* What can happen: thread i goes on; the oldest delayed store of thread i becomes visible; the current thread goes on,
 * and its store is delayed. */
#define VISIBLE(i) (MODEL_MAX_THREADS + (i))
#define DELAYED (2 * MODEL_MAX_THREADS)
#define MAX_OPTIONS (2 * MODEL_MAX_THREADS + 1)

enum fiber_state { READY, BLOCKED, DONE };

struct fiber {
	enum fiber_state state;
	bool started;
	bool (*is_free)(const void *); /* BLOCKED until this holds */
	const void *arg;
	bool may_time_out, timed_out;
	bool may_delay, delays;
	const char *function;          /* where it is */
	int line;
	jmp_buf at;
	char *frame;                   /* its stack is in use from here up */
};

/* What is saved and put back, besides the stacks and what the other files have. */
static struct {
	struct fiber fibers[MODEL_MAX_THREADS];
	int current, spent, steps;
} world;

static _Alignas(16) char stacks[MODEL_MAX_THREADS][STACK_SIZE];
static const struct scenario *scenario;
static enum search search;
static int bound, n_fibers;
static unsigned long max_executions; /* 0: none */
static bool in_thread, cut, tracing, again;
static jmp_buf to_scheduler;
static struct explored result;
static char failure[1024];

/* ---- states ---- */

static bool has_stack(int i)
{
	return world.fibers[i].started && world.fibers[i].state != DONE;
}

static size_t stack_used(int i)
{
	return (size_t)(stacks[i] + STACK_SIZE - world.fibers[i].frame);
}

static uint64_t hash_of_state(void)
{
	uint64_t h = model_hash_of_memory(model_hash_of_heap(0));

	h = model_hash_of_descriptors(model_hash_of_system(h));
	h = model_hash_of_locals(h);
	for (int i = 0; i < n_fibers; i++) {
		const struct fiber *f = &world.fibers[i];

		h = model_hash(h, &f->state, sizeof f->state);
		if (!has_stack(i))
			continue;
		h = model_hash(h, f->at, sizeof f->at);
		h = model_hash(h, f->frame, stack_used(i));
	}
	return h;
}

/* Notes the present state; whether it was noted before with as much of the bound left.  Within a bound it is a part of
 * the state what says whether a switch would be a preemption. */
static bool is_known(bool can_stay)
{
	int left = bound == MODEL_ALL ? 1 : bound - world.spent + 1;
	uint64_t who = bound == MODEL_ALL || !can_stay ? 0 : (uint64_t)world.current + 1;
	uint64_t h = search == BY_TRACE ? model_hash_of_trace() : hash_of_state();

	for (int i = 0; i < n_fibers && bound != MODEL_ALL; i++)
		who = who * 4 + (uint64_t)world.fibers[i].state;
	return !model_is_new(model_hash(h, &who, sizeof who), (unsigned)left);
}

/* ---- the choices made so far, each with the world as it was ---- */

static struct choice {
	unsigned char options[MAX_OPTIONS], n, picked;
	size_t saved_at;
} choices[MAX_STEPS];
static int n_choices;
static int n_repeated; /* of the choices, while a schedule that has failed is shown */
static char *saved;
static size_t saved_n, saved_room;
static bool saves;

void model_transfer(void *p, size_t n)
{
	if (saves && saved_n + n > saved_room) {
		saved_room = (saved_n + n) * 2;
		saved = realloc(saved, saved_room);
		if (!saved)
			abort();
	}
	if (saves)
		memcpy(saved + saved_n, p, n);
	else
		memcpy(p, saved + saved_n, n);
	saved_n += n;
}

static void transfer(bool is_saving, size_t at)
{
	saves = is_saving;
	saved_n = at;
	model_transfer(&world, sizeof world);
	for (int i = 0; i < n_fibers; i++)
		if (has_stack(i))
			model_transfer(world.fibers[i].frame, stack_used(i));
	model_transfer_locals();
	model_transfer_heap();
	model_transfer_memory();
	model_transfer_order();
	model_transfer_system();
	model_transfer_descriptors();
}

/* ---- what happens next ---- */

static bool can_go(const struct fiber *f)
{
	return f->state == READY || (f->state == BLOCKED && (f->may_time_out || f->is_free(f->arg)));
}

static bool can_stay(void)
{
	return world.current != NOBODY && world.fibers[world.current].state == READY;
}

static int list_options(unsigned char *options)
{
	bool stays = can_stay();
	int n = 0;

	if (stays)
		options[n++] = (unsigned char)world.current;
	for (int i = 0; i < n_fibers; i++)
		if (model_has_delayed(i))
			options[n++] = (unsigned char)VISIBLE(i);
	if (stays && world.spent == bound)
		return n;
	if (stays && world.fibers[world.current].may_delay)
		options[n++] = DELAYED;
	for (int i = 0; i < n_fibers; i++)
		if (!(stays && i == world.current) && can_go(&world.fibers[i]))
			options[n++] = (unsigned char)i;
	return n;
}

static void go_on(int i)
{
	struct fiber *f = &world.fibers[i];

	if (f->state == BLOCKED) {
		f->timed_out = !f->is_free(f->arg);
		f->state = READY;
		if (f->timed_out)
			model_time_is_over(i);
	}
	if (tracing && i != world.current)
		printf("     -- thread %d\n", i);
	world.current = i;
}

/* Whether a thread goes on now; else there is more to be decided. */
static bool take(int option)
{
	if (option >= VISIBLE(0) && option < DELAYED) {
		model_make_visible(option - VISIBLE(0));
		return false;
	}
	world.spent += can_stay() && option != world.current;
	if (option == DELAYED)
		world.fibers[world.current].delays = true;
	else
		go_on(option);
	return true;
}

/* Which of several options is taken first; all others follow later.  NOBODY: what follows is known. */
static int branch(const unsigned char *options, int n)
{
	struct choice *c = &choices[n_choices];

	if (tracing)
		return n_choices < n_repeated ? choices[n_choices++].picked : 0;
	if (is_known(can_stay())) {
		cut = true;
		return NOBODY;
	}
	c->n = (unsigned char)n;
	c->picked = 0;
	memcpy(c->options, options, (size_t)n);
	c->saved_at = saved_n;
	transfer(true, saved_n);
	n_choices++;
	return 0;
}

/* Who goes on is world.current from then on.  Nobody, if it is not READY, or if what follows is known. */
static void decide(void)
{
	for (;;) {
		unsigned char options[MAX_OPTIONS];
		int n = list_options(options), i = 0;

		if (n == 0)
			return;
		if (++world.steps == MAX_STEPS)
			model_fail("livelock: more than %d steps", MAX_STEPS);
		if (n > 1)
			i = branch(options, n);
		if (i == NOBODY || take(options[i]))
			return;
	}
}

/* ---- what the threads call ---- */

int model_self(void)
{
	return in_thread ? world.current : MODEL_MAIN;
}

/* Not inlined: what lies above its own frame is all that a thread needs that goes on behind step(). */
static __attribute__((__noinline__)) void leave(struct fiber *f)
{
	f->frame = __builtin_frame_address(0);
	decide();
	_longjmp(to_scheduler, 1);
}

/* What the thread was about to do follows, at once or when it is picked again. */
static __attribute__((__noinline__)) void step(struct fiber *f)
{
	if (!_setjmp(f->at))
		leave(f);
}

/* Object NULL: something that always matters. */
static bool is_point(const volatile void *object, bool weak)
{
	return in_thread && (!weak || scenario->weak_points) && (!object || model_matters(object));
}

void model_point(const volatile void *object, bool weak)
{
	if (!is_point(object, weak))
		return;
	step(&world.fibers[world.current]);
	model_moves_on(); /* or this state would be the one that it was picked in, and that is known */
}

bool model_point_of_store(const volatile void *object, bool weak)
{
	struct fiber *f;

	if (!is_point(object, weak))
		return false;
	f = &world.fibers[world.current];
	f->may_delay = !weak || scenario->weak_delays;
	f->delays = false;
	step(f);
	f->may_delay = false;
	model_moves_on();
	return f->delays;
}

bool model_block(bool (*is_free)(const void *), const void *arg, bool may_time_out)
{
	struct fiber *f;

	if (!in_thread) {
		if (!is_free(arg))
			model_fail("setup or check would block for ever");
		return true;
	}
	f = &world.fibers[world.current];
	f->state = BLOCKED;
	f->is_free = is_free;
	f->arg = arg;
	f->may_time_out = may_time_out;
	step(f);
	return !f->timed_out;
}

bool model_keeps_traces(void)
{
	return search == BY_TRACE;
}

void model_start_again(void)
{
	again = true;
}

void model_note(const char *function, int line)
{
	if (!in_thread)
		return;
	world.fibers[world.current].function = function;
	world.fibers[world.current].line = line;
}

bool model_is_tracing(void)
{
	return tracing && in_thread;
}

void model_trace(const char *format, ...)
{
	const struct fiber *f = &world.fibers[world.current];
	va_list args;

	va_start(args, format);
	printf("     %d %s:%d: ", world.current, f->function, f->line);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

void model_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(failure, sizeof failure, format, args);
	va_end(args);
	result.failure = failure;
	_longjmp(to_scheduler, 1);
}

/* ---- executions ---- */

static void boot(int i)
{
	model_moves_on();
	scenario->threads[i]();
	model_drain();
	world.fibers[i].state = DONE;
	decide();
	_longjmp(to_scheduler, 1);
}

/*
 * On a stack of its own, from the beginning or from where it was.  What lies below is left over from earlier calls and
 * would look like a difference between states, if a later one keeps it in a place that it does not use.
 */
static void resume(void)
{
	struct fiber *f = &world.fibers[world.current];
	static ucontext_t beginning;

	model_set_locals(world.current);
	if (!f->started)
		f->frame = stacks[world.current] + STACK_SIZE;
	memset(f->frame - STACK_CLEARED, 0, STACK_CLEARED);
	if (f->started)
		_longjmp(f->at, 1);
	f->started = true;
	getcontext(&beginning);
	beginning.uc_stack.ss_sp = stacks[world.current];
	beginning.uc_stack.ss_size = STACK_SIZE;
	beginning.uc_link = NULL;
	makecontext(&beginning, (void (*)(void))(uintptr_t)boot, 1, world.current);
	setcontext(&beginning);
}

static void begin(void)
{
	model_fork();
	decide();
}

static void go_back(void)
{
	const struct choice *c = &choices[n_choices - 1];

	transfer(false, c->saved_at);
	if (!take(c->options[c->picked]))
		decide();
}

/* Everybody who can run has run: all are done, or some sleep for ever. */
static void finish(void)
{
	char *p = failure;

	for (int i = 0; i < n_fibers; i++) {
		const struct fiber *f = &world.fibers[i];

		if (f->state == DONE)
			continue;
		if (!result.failure)
			p = stpcpy(p, "deadlock, a wake-up was lost:");
		result.failure = failure;
		p += snprintf(p, (size_t)(failure + sizeof failure - p), " thread %d waits behind %s:%d;", i,
		              f->function, f->line);
	}
	if (result.failure)
		return;
	model_join();
	model_set_locals(MODEL_MAIN);
	if (scenario->check)
		scenario->check();
	model_claim_nothing_left();
	model_claim_all_closed();
}

/* Runs a part of an execution until it returns, switches to another thread, or fails. */
static void attempt(void (*part)(void))
{
	if (!_setjmp(to_scheduler))
		part();
}

/* From the beginning, or from a choice, to the end. */
static void execute(void (*from)(void))
{
	cut = false;
	attempt(from);
	in_thread = true;
	while (!result.failure && !cut && can_stay())
		attempt(resume);
	in_thread = false;
	if (!result.failure && !cut)
		attempt(finish);
	result.executions++;
}

static void reset(void)
{
	memset(&world, 0, sizeof world);
	world.current = NOBODY;
	for (int i = 0; i < n_fibers; i++)
		world.fibers[i].function = "the start";
	model_reset_locals();
	model_reset_heap();
	model_reset_memory();
	model_reset_order(n_fibers);
	model_reset_system();
	model_reset_descriptors();
	saved_n = 0;
	n_choices = 0;
	again = false;
	attempt(scenario->setup);
}

static bool next_choice(void)
{
	while (n_choices > 0 && choices[n_choices - 1].picked + 1 >= choices[n_choices - 1].n)
		n_choices--;
	if (n_choices == 0)
		return false;
	choices[n_choices - 1].picked++;
	return true;
}

static void explore_all(void)
{
	model_forget_states();
	reset();
	if (result.failure)
		return;
	execute(begin);
	while (!result.failure && !again && result.executions != max_executions && next_choice())
		execute(go_back);
}

struct explored model_explore(const struct scenario *s, enum search kind, int limit, unsigned long executions)
{
	scenario = s;
	search = kind;
	bound = limit;
	max_executions = executions;
	for (n_fibers = 0; n_fibers < MODEL_MAX_THREADS && s->threads[n_fibers]; n_fibers++)
		;
	model_forget_what_matters();
	do {
		memset(&result, 0, sizeof result);
		explore_all();
	} while (again); /* also behind a failure: its schedule could not be repeated */
	result.states = model_states();
	return result;
}

/* Runs the schedule that has just failed once more, and prints what its threads do. */
void model_show_schedule(void)
{
	n_repeated = n_choices;
	result.failure = NULL;
	reset();
	tracing = true;
	execute(begin);
	tracing = false;
}
