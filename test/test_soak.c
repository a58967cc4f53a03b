/* SPDX-License-Identifier: MIT */
/*
 * Eight threads that start, watch, disturb and end children at random, for SOAK seconds (3), drawn from SOAK_SEED (1).
 * Twenty times in between all of them come to rest: then there is no descriptor, thread, child, zombie or allocation
 * more than at the beginning, and the memory of the process does not grow.
 */
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leaks.h"
#include "soak.h"
#include "test.h"

#define THREADS 8
#define PERIODS 20

static struct soak_totals totals;

struct period {
	int64_t until;
	unsigned seed;
	bool may_fork;
};

static void work(struct test_thread *t, void *arg)
{
	struct period *p = arg;

	do
		soak_job(t, &totals, &p->seed, p->may_fork);
	while (test_now_ns() < p->until && t->n_failures == 0);
}

static void run_period(int64_t until, unsigned seed)
{
	struct test_thread threads[THREADS];
	struct period periods[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		/* under ThreadSanitizer a copy of a host with threads is not to be had */
		periods[i] = (struct period){ .until = until, .seed = seed * THREADS + i,
			                      .may_fork = !test_under_sanitizer() && !test_under_valgrind() };
		test_thread_start(&threads[i], work, &periods[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		test_thread_join(&threads[i]);
}

/* ---- at rest ---- */

static bool is_the_same(const struct leaks *a, const struct leaks *b)
{
	return a->threads == b->threads && a->allocations == b->allocations && leaks_same_signals(a, b) &&
	       memcmp(a->fd_open, b->fd_open, sizeof a->fd_open) == 0;
}

/* Readers and the reaper leave behind what waited for them. */
static bool come_to_rest(const struct leaks *before)
{
	int64_t until = test_now_ns() + INT64_C(60000000000);
	static struct leaks now;

	do {
		leaks_look(&now);
		if (test_no_children() && is_the_same(before, &now))
			return true;
		poll(NULL, 0, 1);
	} while (test_now_ns() < until);
	fprintf(stderr, "threads %zu, were %zu; allocations %ld, were %ld; children: %s\n", now.threads,
	        before->threads, now.allocations, before->allocations, test_no_children() ? "none" : "some");
	return false;
}

static size_t resident_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long all, resident = 0;

	if (f && fscanf(f, "%lu %lu", &all, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static size_t average(const size_t *values, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += values[i];
	return sum / n;
}

static void say(int64_t seconds, unsigned seed, size_t kib_early, size_t kib_late)
{
#define N(what) ((unsigned long long)atomic_load_explicit(&totals.what, memory_order_relaxed))
	printf("\nsoak: %lld s, seed %u\n"
	       "  children %llu: %llu exits known, %llu handles freed while they ran\n"
	       "  stops %llu, pauses %llu, copies of the host %llu, waits for a line %llu\n"
	       "  bytes written by those that ended by themselves %llu, read %llu\n"
	       "  consumers %llu, freed in their own callback %llu: bytes delivered %llu, dropped %llu, gaps %llu\n"
	       "  resident at rest: %zu KiB in the second quarter, %zu KiB in the last\n",
	       (long long)seconds, seed, N(spawns), N(exits), N(freed_running), N(stops), N(pauses), N(host_forks),
	       N(lines_awaited), N(written), N(read), N(consumers), N(freed_in_callback), N(delivered), N(dropped),
	       N(gaps), kib_early, kib_late);
	CHECK_INT((intmax_t)N(spawns), (intmax_t)(N(exits) + N(freed_running)));
	CHECK_INT((intmax_t)N(written), (intmax_t)N(read));
	CHECK(N(written) > 0 && N(delivered) > 0);
#undef N
}

static long from_environment(const char *name, long otherwise)
{
	const char *given = getenv(name);

	return given ? strtol(given, NULL, 10) : otherwise;
}

static void everything_at_random(void)
{
	unsigned seed = (unsigned)from_environment("SOAK_SEED", 1);
	int64_t seconds = from_environment("SOAK", 3), length = seconds * 1000000000 / PERIODS;
	size_t resident[PERIODS], early, late;
	static struct leaks before;

	helper("soaker");
	run_period(0, seed); /* what is made once */
	poll(NULL, 0, 100);
	leaks_look(&before);
	for (unsigned i = 0; i < PERIODS; i++) {
		test_restart_watchdog();
		run_period(test_now_ns() + length, seed + i);
		if (!CHECK(come_to_rest(&before)))
			break;
		malloc_trim(0);
		resident[i] = resident_kib();
	}
	early = average(resident + PERIODS / 4, PERIODS / 4);
	late = average(resident + PERIODS * 3 / 4, PERIODS / 4);
	say(seconds, seed, early, late);
	if (seconds >= 60 && !test_under_sanitizer() && !test_under_valgrind())
		CHECK(late <= early + early / 20 + 1024);
}

/* The thread that clones children which die with their host stays. */
static void warm_up(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p = NULL;

	s.with_parent = TEND_WITH_PARENT_CHILD;
	if (tend_spawn(&s, &p, NULL) == 0)
		tend_process_wait(p, TEST_PATIENCE, NULL, NULL);
	tend_process_free(p);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "everything_at_random", everything_at_random },
	};

	warm_up();
	return test_main(argc, argv, "soak", tests, sizeof tests / sizeof *tests);
}
