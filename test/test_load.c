/* SPDX-License-Identifier: MIT */
/*
 * Much at once, or for long: children, bytes, subscribers, a consumer that never comes back, other programs that want
 * the CPUs.  LOAD=full (make load) is the real thing; without it each is a small part.  The figures are printed and not
 * tested, as they are the machine's; that nothing is lost, bounds on memory and the ends are.
 */
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "books.h"
#include "test.h"

#define MIB ((uint64_t)1 << 20)

static bool is_full(void)
{
	const char *load = getenv("LOAD");

	return load && strcmp(load, "full") == 0;
}

static uint64_t amount(uint64_t full, uint64_t part)
{
	return is_full() ? full : test_under_valgrind() ? part / 10 : part;
}

static double seconds_since(int64_t began)
{
	return (double)(test_now_ns() - began) / 1e9;
}

/* A number behind `label` in /proc/self/status. */
static unsigned long status_of(const char *label)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long n = 0;
	char line[128];

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, label, strlen(label)) == 0)
			n = strtoul(line + strlen(label), NULL, 10);
	if (f)
		fclose(f);
	return n;
}

/* ---- children ---- */

static tend_process *start_twin(int code)
{
	char text[16];
	const char *argv[] = { helper("twin"), text, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p = NULL;
	struct tend_error e;

	snprintf(text, sizeof text, "%d", code);
	s.in = TEND_IN_PIPE;
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

static void check_collected(const struct tend_output_result *r)
{
	CHECK(r->collected.complete);
	CHECK_STR("ready\ndone\n", r->collected.data);
}

static void end_twin(tend_process *p, int code)
{
	const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.max_bytes = 100, .overflow = TEND_DROP_NEWEST),
		.err = TEND_COLLECT_BYTES(.max_bytes = 100, .overflow = TEND_DROP_NEWEST),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};
	struct tend_result result;
	struct tend_error e;

	if (CHECK_OK(tend_process_complete(p, &all, &result, &e), &e)) {
		CHECK_INT(TEND_COMPLETED, result.outcome);
		CHECK_INT(code, result.exit.code);
		check_collected(&result.out);
		check_collected(&result.err);
	}
}

/* All alive at the same time, both streams of each read. */
static void many_children(void)
{
	size_t n = (size_t)amount(2000, 100);
	tend_process **p = calloc(n, sizeof *p);
	unsigned long rss = status_of("VmRSS:");
	int64_t began = test_now_ns();

	for (size_t i = 0; i < n; i++)
		p[i] = start_twin((int)(i % 100));
	for (size_t i = 0; i < n && p[i]; i++) {
		test_await_line(tend_process_stdout(p[i]), "ready", NULL, 0);
		test_await_line(tend_process_stderr(p[i]), "ready", NULL, 0);
	}
	printf("(%zu children after %.2f s, %lu threads, %lu KiB a child) ", n, seconds_since(began),
	       status_of("Threads:"), (status_of("VmRSS:") - rss) / n);
	for (size_t i = 0; i < n && p[i]; i++) {
		test_restart_watchdog();
		end_twin(p[i], (int)(i % 100));
		tend_process_free(p[i]);
	}
	free(p);
}

/* ---- bytes ---- */

static tend_process *start_pourer(uint64_t bytes, const struct tend_stream_options *out)
{
	char text[24];
	const char *argv[] = { helper("pourer"), text, NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p = NULL;
	struct tend_error e;

	snprintf(text, sizeof text, "%llu", (unsigned long long)bytes);
	s.out = TEND_OUT_STREAM(*out);
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

struct counted {
	struct books books;
	tend_consumer *consumer;
	sem_t over;
	uint64_t end;
};

static enum tend_flow count_chunk(void *self, const struct tend_chunk *chunk)
{
	struct counted *c = self;

	books_enter_chunk(&c->books, chunk);
	return TEND_CONTINUE;
}

static void count_gap(void *self, const struct tend_gap *gap)
{
	struct counted *c = self;

	books_enter_gap(&c->books, gap);
}

static void count_end(void *self, const struct tend_end *end)
{
	struct counted *c = self;

	c->end = end->offset;
	sem_post(&c->over);
}

static void count_stream(struct counted *c, tend_stream *stream, enum tend_runs_on where)
{
	const struct tend_visitor v = { .on_chunk = count_chunk, .on_gap = count_gap, .on_end = count_end,
		                        .runs_on = where };
	struct tend_error e;

	memset(c, 0, sizeof *c);
	sem_init(&c->over, 0, 0);
	CHECK_OK(tend_stream_consume(stream, &v, c, &c->consumer, &e), &e);
}

/* Until its end, however long that takes.  It has all from where it began. */
static void await_counted(struct counted *c)
{
	struct tend_consumed seen = { .ending = TEND_END_NONE };

	while (seen.ending == TEND_END_NONE) {
		test_restart_watchdog();
		if (!CHECK_INT(0, tend_consumer_wait(c->consumer, TEND_SECONDS(10), &seen, NULL)))
			break;
	}
	tend_consumer_free(c->consumer);
	sem_wait(&c->over);
	CHECK(c->books.has_start && books_balance(&c->books, c->end));
	CHECK_INT(0, (intmax_t)c->books.dropped);
	sem_destroy(&c->over);
}

/* The most that a stream may hold: what is buffered for its subscriber, what is being read, what is being given. */
static uint64_t most_pinned(const struct tend_stream_options *o)
{
	return (o->max_buffered_chunks + 4) * (uint64_t)(o->read_chunk_size + 4096);
}

/* More than any counter of 32 bits holds; each byte is looked at. */
static void many_bytes(void)
{
	uint64_t bytes = amount(100 * 1024 * MIB, 600 * MIB);
	struct tend_stream_options o = test_reliable_all;
	struct tend_stream_stats s = { .end = TEND_END_NONE };
	int64_t began = test_now_ns();
	struct counted c;
	uint64_t pinned = 0;
	tend_process *p;

	o.replay = TEND_REPLAY_NONE;
	p = start_pourer(bytes, &o);
	count_stream(&c, tend_process_stdout(p), TEND_ON_OWN_THREAD);
	for (; s.end == TEND_END_NONE; poll(NULL, 0, 20)) {
		s = tend_stream_stats(tend_process_stdout(p));
		pinned = s.bytes_pinned > pinned ? s.bytes_pinned : pinned;
		test_restart_watchdog();
	}
	await_counted(&c);
	CHECK_INT((intmax_t)bytes, (intmax_t)c.end);
	CHECK_INT((intmax_t)bytes, (intmax_t)s.bytes_read);
	CHECK(pinned <= most_pinned(&o));
	printf("(%llu MiB, %.2f GiB/s, at most %llu KiB held) ", (unsigned long long)(bytes / MIB),
	       (double)bytes / seconds_since(began) / 1073741824, (unsigned long long)(pinned / 1024));
	tend_process_free(p);
}

#define SUBSCRIBERS 64

/* Each gets all of it. */
static void many_subscribers(void)
{
	uint64_t bytes = amount(1024 * MIB, 4 * MIB);
	struct tend_stream_options o = test_reliable_all;
	struct counted c[SUBSCRIBERS];
	int64_t began = test_now_ns();
	tend_process *p;

	p = start_pourer(bytes, &o);
	for (size_t i = 0; i < SUBSCRIBERS; i++)
		count_stream(&c[i], tend_process_stdout(p), i % 2 ? TEND_ON_OWN_THREAD : TEND_ON_READER);
	tend_stream_seal_replay(tend_process_stdout(p));
	for (size_t i = 0; i < SUBSCRIBERS; i++) {
		await_counted(&c[i]);
		CHECK_INT((intmax_t)bytes, (intmax_t)c[i].books.delivered);
	}
	printf("(%d of %llu MiB, %.2f GiB/s of all) ", SUBSCRIBERS, (unsigned long long)(bytes / MIB),
	       (double)bytes * SUBSCRIBERS / seconds_since(began) / 1073741824);
	tend_process_free(p);
}

/* ---- stuck ---- */

static sem_t unstuck;
static _Atomic bool is_stuck;

static enum tend_flow stick(void *self, const struct tend_chunk *chunk)
{
	(void)self;
	(void)chunk;
	atomic_store(&is_stuck, true);
	sem_wait(&unstuck);
	return TEND_CONTINUE;
}

static void leave_stuck(void *self, const struct tend_end *end)
{
	(void)end;
	sem_post(self);
}

/* One that never comes back costs the others nothing, and no memory: it is given up on, at any place. */
static void stuck_consumer(void)
{
	struct tend_visitor v = { .on_chunk = stick, .on_end = leave_stuck,
		                  .subscribe = { .stall = TEND_STALL_LEAVE(TEND_MS(1)) } };
	uint64_t bytes = amount(4096 * MIB, 64 * MIB);
	struct tend_stream_options o = test_reliable;
	struct tend_consumed seen;
	tend_consumer *stuck = NULL;
	struct counted c;
	tend_process *p;
	sem_t over;

	sem_init(&unstuck, 0, 0);
	sem_init(&over, 0, 0);
	p = start_pourer(0, &o);
	CHECK_INT(0, tend_stream_consume(tend_process_stdout(p), &v, &over, &stuck, NULL));
	while (!atomic_load(&is_stuck))
		poll(NULL, 0, 1);
	count_stream(&c, tend_process_stdout(p), TEND_ON_OWN_THREAD);
	while (tend_stream_stats(tend_process_stdout(p)).bytes_read < bytes)
		poll(NULL, 0, 1);
	CHECK(tend_stream_stats(tend_process_stdout(p)).bytes_pinned <= 2 * most_pinned(&o));
	CHECK_INT(0, tend_consumer_cancel(stuck, TEND_MS(1), TEND_CANCEL_NOW, &seen, NULL));
	CHECK_INT(TEND_END_ABANDONED, seen.ending);
	tend_consumer_free(stuck);
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	await_counted(&c);
	CHECK_INT((intmax_t)tend_stream_stats(tend_process_stdout(p)).bytes_read, (intmax_t)c.end);
	tend_process_free(p);
	sem_post(&unstuck);
	sem_wait(&over);
	sem_destroy(&over);
	sem_destroy(&unstuck);
}

/* ---- others ---- */

static void time_out(int64_t *worst)
{
	const struct tend_complete short_time = {
		.timeout = TEND_MS(100), .stop = &TEND_STOP_TERM(TEND_SECONDS(90)),
	};
	tend_process *p = test_spawn(NULL, "obedient", NULL);
	struct tend_result result;
	int64_t began = test_now_ns(), late;
	struct tend_error e;

	if (CHECK_OK(tend_process_complete(p, &short_time, &result, &e), &e)) {
		CHECK_INT(TEND_STOPPED, result.outcome);
		CHECK_INT(SIGTERM, result.exit.signal);
		CHECK(result.timed_out);
	}
	late = test_now_ns() - began - 100000000;
	CHECK(late >= 0);
	*worst = late > *worst ? late : *worst;
	tend_process_free(p);
}

/* The same by the command; the time that it takes to start is in it. */
static void time_out_command(int64_t *worst)
{
	const char *argv[] = { getenv("TEND_TOOL"), "run", "--timeout", "100ms", "--", helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	int64_t began = test_now_ns(), late;
	tend_process *p = NULL;
	struct tend_exit ended;
	struct tend_error e;

	if (!argv[0] || !CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	if (test_wait(p, &ended))
		CHECK_INT(124, ended.code);
	late = test_now_ns() - began - 100000000;
	CHECK(late >= 0);
	*worst = late > *worst ? late : *worst;
	tend_process_free(p);
}

/* Time-outs where everything else wants the CPUs as well. */
static void time_outs_under_load(void)
{
	size_t n = (size_t)amount(50, 4), rounds = (size_t)amount(50, 5);
	tend_process *busy[50];
	int64_t worst = 0, worst_command = 0;

	for (size_t i = 0; i < n; i++)
		busy[i] = test_spawn(NULL, "spinner", NULL);
	for (size_t i = 0; i < rounds; i++) {
		time_out(&worst);
		time_out_command(&worst_command);
	}
	printf("(%zu busy programs: at worst %.1f ms late in %zu, tend run --timeout %.1f ms) ", n,
	       (double)worst / 1e6, rounds, (double)worst_command / 1e6);
	if (is_full()) /* 50 for 2 processors is some 400 ms of others' turns; what is lost comes by a watchdog */
		CHECK(worst < 5000000000 && worst_command < 5000000000);
	for (size_t i = 0; i < n; i++) {
		CHECK_INT(0, tend_process_kill(busy[i], TEST_PATIENCE, NULL, NULL));
		tend_process_free(busy[i]);
	}
}

/* 2,000 children are 12,000 descriptors. */
static void allow_many_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "many_children", many_children },
		{ "many_bytes", many_bytes },
		{ "many_subscribers", many_subscribers },
		{ "stuck_consumer", stuck_consumer },
		{ "time_outs_under_load", time_outs_under_load },
	};

	allow_many_descriptors();
	return test_main(argc, argv, "load", tests, sizeof tests / sizeof *tests);
}
