/* SPDX-License-Identifier: MIT */
#include "soak.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "books.h"
#include "test.h"

#define WATCHERS 3
#define MOST_BYTES 400000

static const struct tend_stop plans[] = {
	{ .after_kill = TEND_SECONDS(60) },
	{ .phases = (const struct tend_stop_phase[]){ { SIGTERM, TEND_GROUP, TEND_MS(20) } }, .n_phases = 1,
	  .after_kill = TEND_SECONDS(60) },
	{ .phases = (const struct tend_stop_phase[]){ { SIGINT, TEND_LEADER, TEND_MS(5) },
	                                              { SIGTERM, TEND_GROUP, TEND_MS(5) } }, .n_phases = 2,
	  .after_kill = TEND_SECONDS(60) },
};

/* Somebody who sees a stream.  `self` of a visitor has to outlive on_end, which `over` tells. */
struct watcher {
	struct books books;
	unsigned most;                  /* chunks, then it breaks off */
	bool frees_itself;
	_Atomic(tend_consumer *) consumer;
	sem_t over;
	struct tend_end end;
	_Atomic uint64_t *freed_in_callback;
};

enum ending { EXITS, KILLS_ITSELF, PAUSES, IGNORES, LEAVES, ENDINGS };

struct job {
	struct test_thread *t;
	struct soak_totals *totals;
	unsigned *seed;
	enum ending ending;
	int code;
	uint64_t bytes[2];
	tend_process *p;
	bool survivors_end;             /* by its policy, if the child leaves any */
	bool was_stopped;               /* by us, so that it may not have got to its own end */
	struct watcher *watchers[2 * WATCHERS];
	size_t n_watchers;
};

static unsigned draw(struct job *j, unsigned n)
{
	return (unsigned)rand_r(j->seed) % n;
}

static void count(_Atomic uint64_t *what, uint64_t n)
{
	atomic_fetch_add_explicit(what, n, memory_order_relaxed);
}

/* ---- consumers ---- */

static enum tend_flow on_chunk(void *self, const struct tend_chunk *chunk)
{
	struct watcher *w = self;
	tend_consumer *mine;

	books_enter_chunk(&w->books, chunk);
	if (w->frees_itself && w->most == 0 && (mine = atomic_exchange(&w->consumer, NULL)) != NULL) {
		count(w->freed_in_callback, 1);
		tend_consumer_free(mine);
		return TEND_CONTINUE;
	}
	return w->most-- > 0 ? TEND_CONTINUE : TEND_BREAK;
}

static void on_gap(void *self, const struct tend_gap *gap)
{
	struct watcher *w = self;

	books_enter_gap(&w->books, gap);
}

static void on_end(void *self, const struct tend_end *end)
{
	struct watcher *w = self;

	w->end = *end;
	sem_post(&w->over);
}

static void watch(struct job *j, tend_stream *stream)
{
	struct tend_visitor v = { .on_chunk = on_chunk, .on_gap = on_gap, .on_end = on_end };
	struct watcher *w = calloc(1, sizeof *w);
	tend_consumer *consumer = NULL;

	if (!WORKER_CHECK(j->t, w != NULL))
		return;
	v.runs_on = draw(j, 2) ? TEND_ON_READER : TEND_ON_OWN_THREAD;
	v.subscribe.delivery = draw(j, 2) ? TEND_RELIABLE : TEND_LOSSY;
	v.subscribe.overflow = draw(j, 2) ? TEND_DROP_NEWEST : TEND_DROP_OLDEST;
	v.subscribe.max_buffered_chunks = 1 + draw(j, 8);
	if (draw(j, 4) == 0)
		v.subscribe.stall = TEND_STALL_LOSE(TEND_US(50));
	w->books.is_lossy = v.subscribe.delivery == TEND_LOSSY || v.subscribe.stall.kind == TEND_STALLED_LOSES;
	w->most = draw(j, 4) ? 1u << 30 : draw(j, 20);
	w->frees_itself = draw(j, 4) == 0;
	w->freed_in_callback = &j->totals->freed_in_callback;
	sem_init(&w->over, 0, 0);
	if (!WORKER_CHECK_INT(j->t, 0, tend_stream_consume(stream, &v, w, &consumer, NULL))) {
		sem_destroy(&w->over);
		free(w);
		return;
	}
	atomic_store(&w->consumer, consumer);
	count(&j->totals->consumers, 1);
	j->watchers[j->n_watchers++] = w;
}

static void watch_both(struct job *j)
{
	for (unsigned n = draw(j, WATCHERS + 1); n > 0; n--)
		watch(j, tend_process_stdout(j->p));
	for (unsigned n = draw(j, WATCHERS + 1); n > 0; n--)
		watch(j, tend_process_stderr(j->p));
}

/* Some are cancelled, some freed as they run, some waited for; all are told of their end, once. */
static void part_with(struct job *j, struct watcher *w, bool to_the_end)
{
	tend_consumer *consumer = atomic_exchange(&w->consumer, NULL);
	struct timespec until;

	if (consumer && to_the_end)
		WORKER_CHECK_INT(j->t, 0, tend_consumer_wait(consumer, TEST_PATIENCE, NULL, NULL));
	else if (consumer && draw(j, 2))
		WORKER_CHECK_INT(j->t, 0, tend_consumer_cancel(consumer, TEST_PATIENCE,
		                                               draw(j, 2) ? TEND_CANCEL_DRAIN : TEND_CANCEL_NOW, NULL,
		                                               NULL));
	tend_consumer_free(consumer);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 100;
	if (!WORKER_CHECK_INT(j->t, 0, sem_timedwait(&w->over, &until)))
		return; /* it may still be told: the memory stays */
	if (!WORKER_CHECK(j->t, books_balance(&w->books, w->end.offset)))
		fprintf(stderr, "wrong %u, %s from %llu to %llu, delivered %llu, dropped %llu; ended at %llu: %s\n",
		        w->books.wrong, w->books.is_lossy ? "lossy" : "reliable",
		        (unsigned long long)w->books.start, (unsigned long long)w->books.next,
		        (unsigned long long)w->books.delivered, (unsigned long long)w->books.dropped,
		        (unsigned long long)w->end.offset, tend_ending_name(w->end.reason));
	count(&j->totals->delivered, w->books.delivered);
	count(&j->totals->dropped, w->books.dropped);
	count(&j->totals->gaps, w->books.gaps);
	sem_destroy(&w->over);
	free(w);
}

static void part_with_all(struct job *j, bool to_the_end)
{
	for (size_t i = 0; i < j->n_watchers; i++)
		part_with(j, j->watchers[i], to_the_end);
	j->n_watchers = 0;
}

/* ---- the child ---- */

static struct tend_stream_options draw_stream(struct job *j)
{
	struct tend_stream_options o = {
		.backend = TEND_BROADCAST,
		.delivery = draw(j, 2) ? TEND_RELIABLE : TEND_LOSSY,
		.overflow = draw(j, 2) ? TEND_DROP_NEWEST : TEND_DROP_OLDEST,
		.read_chunk_size = (size_t)256 << draw(j, 9),
		.max_buffered_chunks = 1 + draw(j, 32),
	};
	const struct tend_replay replays[] = { TEND_REPLAY_NONE, TEND_REPLAY_ALL, TEND_REPLAY_CHUNKS(5),
		                               TEND_REPLAY_BYTES(30000) };

	o.replay = replays[draw(j, 4)];
	return o;
}

static void draw_spawn(struct job *j, struct tend_spawn *s)
{
	static const enum tend_scope scopes[] = { TEND_SCOPE_GROUP, TEND_SCOPE_SESSION };

	s->out = TEND_OUT_STREAM(draw_stream(j));
	s->err = TEND_OUT_STREAM(draw_stream(j));
	s->in = draw(j, 2) ? TEND_IN_PIPE : TEND_IN_NULL;
	s->if_forgotten = TEND_FORGOTTEN_TERMINATE(&plans[draw(j, 3)]);
	s->scope = scopes[draw(j, 2)];
	j->survivors_end = draw(j, 2);
	s->survivors = j->survivors_end ? TEND_SURVIVORS_STOP(&plans[draw(j, 3)]) : TEND_SURVIVORS_LEAVE;
	if (draw(j, 8) == 0)
		s->with_parent = TEND_WITH_PARENT_CHILD;
}

static bool start(struct job *j)
{
	static const char *const names[] = { "exit", "kill", "pause", "ignore", "leave" };
	char numbers[4][24];
	const char *argv[] = { helper("soaker"), numbers[0], numbers[1], numbers[2], NULL, numbers[3], NULL };
	struct tend_spawn s = { .argv = argv };
	struct tend_error e;

	j->ending = (enum ending)draw(j, ENDINGS);
	j->code = (int)draw(j, 100);
	for (int i = 0; i < 2; i++)
		j->bytes[i] = draw(j, 3) ? draw(j, MOST_BYTES) : 0;
	argv[4] = names[j->ending];
	snprintf(numbers[0], sizeof numbers[0], "%llu", (unsigned long long)j->bytes[0]);
	snprintf(numbers[1], sizeof numbers[1], "%llu", (unsigned long long)j->bytes[1]);
	snprintf(numbers[2], sizeof numbers[2], "%u", draw(j, 1u << 30));
	snprintf(numbers[3], sizeof numbers[3], "%d", j->code);
	draw_spawn(j, &s);
	if (!WORKER_CHECK_INT(j->t, 0, tend_spawn(&s, &j->p, &e)))
		return false;
	count(&j->totals->spawns, 1);
	return true;
}

/* By itself, or by a signal of ours, where there was one. */
static void check_exit(struct job *j, const struct tend_exit *e)
{
	bool own_end = j->ending == KILLS_ITSELF ? e->kind == TEND_SIGNALED && e->signal == SIGKILL :
	               j->ending == EXITS || j->ending == LEAVES ? e->kind == TEND_EXITED && e->code == j->code : false;

	if (WORKER_CHECK(j->t, own_end || (j->was_stopped && e->kind == TEND_SIGNALED && e->by_us)))
		count(&j->totals->exits, 1);
}

/* ---- what happens to it meanwhile ---- */

/* A copy of this host: the handle is not its own, and it can start children of its own. */
static void fork_host(struct job *j)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_exit ended;
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		tend_process *q = NULL;

		if (tend_process_wait(j->p, TEND_AT_ONCE, &ended, NULL) != -ECHILD ||
		    tend_process_signal(j->p, SIGKILL, TEND_LEADER, NULL) != -EPERM)
			_exit(1);
		if (tend_spawn(&s, &q, NULL) != 0 || tend_process_wait(q, TEST_PATIENCE, &ended, NULL) != 0)
			_exit(2);
		test_end_copy(ended.kind == TEND_EXITED && ended.code == 0 ? 0 : 3);
	}
	count(&j->totals->host_forks, 1);
	WORKER_CHECK_INT(j->t, pid, waitpid(pid, &status, 0));
	WORKER_CHECK(j->t, test_copy_is_well(status));
}

static bool is_enough(void *arg, const struct tend_line *line)
{
	unsigned *most = arg;

	(void)line;
	return (*most)-- == 0;
}

static void await_lines(struct job *j)
{
	const struct tend_line_options lines = { .max_length = 1000, .overflow = TEND_LINE_TRUNCATE };
	struct tend_line_found found;
	unsigned most = draw(j, 50);

	count(&j->totals->lines_awaited, 1);
	WORKER_CHECK_INT(j->t, 0, tend_stream_wait_for_line(tend_process_stdout(j->p), &lines, is_enough, &most,
	                                                    TEND_US((int64_t)1 + draw(j, 3000)), &found, NULL));
}

static bool is_no_error(int r)
{
	return r == 0 || r == -ESRCH;
}

static void disturb(struct job *j, bool may_fork)
{
	if (draw(j, 3) == 0) {
		count(&j->totals->pauses, 1);
		WORKER_CHECK(j->t, is_no_error(tend_process_signal(j->p, SIGSTOP, TEND_GROUP, NULL)));
		await_lines(j);
		WORKER_CHECK(j->t, is_no_error(tend_process_signal(j->p, SIGCONT, TEND_GROUP, NULL)));
	}
	if (draw(j, 3) == 0)
		await_lines(j);
	if (may_fork && draw(j, 30) == 0)
		fork_host(j);
}

/* ---- its end ---- */

static const struct tend_stop *a_plan(struct job *j)
{
	return &plans[draw(j, sizeof plans / sizeof *plans)];
}

static void stop(struct job *j)
{
	struct tend_stop_report report;
	struct tend_exit ended = { .kind = TEND_RUNNING };
	struct tend_error e;

	j->was_stopped = true;
	count(&j->totals->stops, 1);
	WORKER_CHECK_INT(j->t, 0, tend_process_stop(j->p, a_plan(j), &report, &e));
	WORKER_CHECK(j->t, report.outcome < TEND_STOP_SURVIVORS);
	WORKER_CHECK_INT(j->t, 0, tend_process_wait(j->p, TEST_PATIENCE, &ended, &e));
	check_exit(j, &ended);
}

static void complete(struct job *j, bool by_itself)
{
	struct tend_complete o = {
		.timeout = by_itself ? TEST_PATIENCE : TEND_MS((int64_t)1 + draw(j, 20)),
		.drain = { .idle = TEND_MS(20), .total = TEST_PATIENCE },
		.stop = a_plan(j),
	};
	struct tend_result result;
	struct tend_error e;

	if (draw(j, 2))
		o.out = TEND_COLLECT_BYTES(.overflow = TEND_DROP_OLDEST, .max_bytes = 1 + draw(j, 100000));
	if (draw(j, 2))
		o.err = TEND_COLLECT_LINES(.overflow = TEND_TRUSTED_UNBOUNDED);
	j->was_stopped = !by_itself;
	if (!WORKER_CHECK_INT(j->t, 0, tend_process_complete(j->p, &o, &result, &e)))
		return;
	WORKER_CHECK(j->t, result.outcome == TEND_COMPLETED || (!by_itself && result.outcome == TEND_STOPPED));
	check_exit(j, &result.exit);
}

/* Who wrote all, and whose pipe was read to its end, has its books here to the byte. */
static void check_stream(struct job *j, tend_stream *stream, uint64_t written)
{
	struct tend_stream_stats s = tend_stream_stats(stream);

	if (j->was_stopped || s.end != TEND_END_EOF)
		return;
	WORKER_CHECK_INT(j->t, (intmax_t)written, (intmax_t)s.bytes_read);
	count(&j->totals->written, written);
	count(&j->totals->read, s.bytes_read);
}

static void end_by_itself(struct job *j)
{
	struct tend_exit ended = { .kind = TEND_RUNNING };

	if (draw(j, 2)) {
		complete(j, true);
	} else {
		WORKER_CHECK_INT(j->t, 0, tend_process_wait(j->p, TEST_PATIENCE, &ended, NULL));
		check_exit(j, &ended);
	}
}

void soak_job(struct test_thread *t, struct soak_totals *totals, unsigned *seed, bool may_fork)
{
	struct job j = { .t = t, .totals = totals, .seed = seed };
	bool by_itself;

	if (!start(&j))
		return;
	watch_both(&j);
	disturb(&j, may_fork);
	by_itself = j.ending != PAUSES && j.ending != IGNORES && draw(&j, 4);
	if ((j.ending != LEAVES || j.survivors_end) && draw(&j, 8) == 0) {
		count(&totals->freed_running, 1);
		tend_process_free(j.p);
		part_with_all(&j, false);
		return;
	}
	if (by_itself)
		end_by_itself(&j);
	else if (draw(&j, 2))
		complete(&j, false);
	else
		stop(&j);
	if (j.ending == LEAVES) /* who holds the pipes */
		WORKER_CHECK_INT(t, 0, tend_process_stop(j.p, a_plan(&j), NULL, NULL));
	part_with_all(&j, draw(&j, 2));
	check_stream(&j, tend_process_stdout(j.p), j.bytes[0]);
	check_stream(&j, tend_process_stderr(j.p), j.bytes[1]);
	tend_process_free(j.p);
}
