/* SPDX-License-Identifier: MIT */
/*
 * Hazard 88: one stream's flood is no reason for another one to wait, and bytes that came one by one are read all at
 * once.
 *
 * That nobody is starved is shown by events and not by a clock: lines go round through other children again and again
 * while the flood goes on from before the first of them until behind the last one.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "fault.h"
#include "streams.h"
#include "test.h"

/* ---- a flood, and others ---- */

#define OTHERS 16

static tend_process *spawn_echoer(void)
{
	const char *argv[] = { helper("echoer"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	tend_process *p = NULL;
	struct tend_error e;

	s.in = TEND_IN_PIPE;
	s.err = TEND_OUT_DISCARD;
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

/* A line to the child and back. */
static void go_round(tend_process *p, tend_subscription *sub, int round)
{
	char line[32];

	snprintf(line, sizeof line, "round %d\n", round);
	CHECK_INT(0, tend_process_stdin_write(p, line, strlen(line), TEST_PATIENCE, NULL, NULL));
	expect_bytes(sub, line);
}

static uint64_t bytes_of(tend_process *p)
{
	return tend_stream_stats(tend_process_stdout(p)).bytes_read;
}

static void await_more(tend_process *p, uint64_t than)
{
	while (bytes_of(p) <= than)
		sched_yield();
}

/* Both ways: lossy or reliable with somebody who takes all of it, the flood is read on meanwhile, too. */
static void check_nobody_starves(const struct tend_stream_options *flooded, bool is_collected)
{
	const struct tend_collect end = TEND_COLLECT_BYTES(.overflow = TEND_DROP_OLDEST, .max_bytes = 4096);
	const int rounds = test_under_valgrind() || test_under_sanitizer() ? 5 : 50;
	tend_process *flood = test_spawn(flooded, "flooder", "18446744073709551615", "65536", NULL), *p[OTHERS];
	tend_subscription *sub[OTHERS];
	tend_consumer *collector = NULL;

	if (!flood)
		return;
	if (is_collected)
		CHECK_INT(0, tend_stream_collect(tend_process_stdout(flood), &end, &collector, NULL));
	for (int i = 0; i < OTHERS; i++) {
		p[i] = spawn_echoer();
		sub[i] = p[i] ? stream_subscribe(tend_process_stdout(p[i])) : NULL;
	}
	await_more(flood, 0);
	for (int round = 0; round < rounds; round++) {
		uint64_t before = bytes_of(flood);

		for (int i = 0; i < OTHERS; i++)
			if (sub[i])
				go_round(p[i], sub[i], round);
		await_more(flood, before);
	}
	CHECK_INT(TEND_END_NONE, tend_stream_stats(tend_process_stdout(flood)).end);
	for (int i = 0; i < OTHERS; i++) {
		tend_subscription_close(sub[i]);
		tend_process_free(p[i]);
	}
	tend_consumer_free(collector);
	tend_process_free(flood);
}

static void a_flood_starves_nobody(void)
{
	const struct tend_stream_options lossy = stream_lossy(TEND_DROP_NEWEST, 65536, 4);

	check_nobody_starves(&test_reliable, true);
	check_nobody_starves(&lossy, true);
	check_nobody_starves(&lossy, false);
}

/* ---- bytes that came one by one ---- */

#define TINY 1000

struct held {
	_Atomic bool entered, may_go;
	uint64_t bytes;
};

/* Keeps the reader from reading on. */
static enum tend_flow hold_the_reader(void *arg, const struct tend_chunk *chunk)
{
	struct held *h = arg;

	h->bytes += chunk->size;
	atomic_store(&h->entered, true);
	while (!atomic_load(&h->may_go))
		sched_yield();
	return TEND_CONTINUE;
}

/* What has come by the time of a read is taken by one read, and not by as many as there were writes. */
static void tiny_writes_are_one_read(void)
{
	const struct tend_inspect on_reader = { .on_chunk = hold_the_reader, .runs_on = TEND_ON_READER };
	struct held h = { .bytes = 0 };
	tend_consumer *inspector = NULL;
	unsigned long reads;
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &fd);

	if (!stream)
		return;
	CHECK_INT(0, tend_stream_inspect(stream, &on_reader, &h, &inspector, NULL));
	stream_put(fd, "x");
	while (!atomic_load(&h.entered))
		sched_yield();
	for (int i = 0; i < TINY; i++)
		stream_put(fd, "y");
	close(fd);
	reads = fault_sys_calls("read");
	atomic_store(&h.may_go, true);
	CHECK_INT(0, tend_consumer_wait(inspector, TEST_PATIENCE, NULL, NULL));
	CHECK_INT(1 + TINY, (intmax_t)h.bytes);
	CHECK_INT(2, (intmax_t)tend_stream_stats(stream).chunks_read);
	CHECK_INT(2, (intmax_t)(fault_sys_calls("read") - reads)); /* the bytes, and the end */
	tend_consumer_free(inspector);
	tend_stream_free(stream);
}

static const struct test tests[] = {
	{ "a_flood_starves_nobody", a_flood_starves_nobody },
	{ "tiny_writes_are_one_read", tiny_writes_are_one_read },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "bursts", tests, sizeof tests / sizeof *tests);
}
