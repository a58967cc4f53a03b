/* SPDX-License-Identifier: MIT */
/* The usual ways to run a child; the programs are those that every system has. */
#include "scenario.h"

#include <signal.h>
#include <string.h>
#include <tend.h>

#define PATIENCE TEND_SECONDS(100)

#define WANT(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			return #condition;                                                                             \
	} while (0)

static const struct tend_stop kill_it = { .after_kill = PATIENCE };

static struct tend_spawn options(const char *const *argv)
{
	static const struct tend_stream_options live = { .backend = TEND_BROADCAST,
		                                         .delivery = TEND_RELIABLE,
		                                         .replay = { .kind = TEND_RETAIN_ALL },
		                                         .read_chunk_size = 4096,
		                                         .max_buffered_chunks = 4 };
	struct tend_spawn s = { .argv = argv };

	s.in = TEND_IN_PIPE;
	s.out = s.err = TEND_OUT_STREAM(live);
	s.if_forgotten = TEND_FORGOTTEN_TERMINATE(&kill_it);
	return s;
}

static const char *complete(void)
{
	static const char *const argv[] = { "cat", NULL };
	const struct tend_spawn s = options(argv);
	const struct tend_complete all = {
		.timeout = PATIENCE,
		.out = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
		.drain = { .idle = PATIENCE, .total = PATIENCE },
	};
	static struct tend_result result;
	tend_process *p = NULL;

	WANT(tend_spawn(&s, &p, NULL) == 0);
	WANT(tend_process_stdin_write(p, "hello\n", 6, PATIENCE, NULL, NULL) == 0);
	WANT(tend_process_complete(p, &all, &result, NULL) == 0);
	WANT(result.outcome == TEND_COMPLETED && result.exit.kind == TEND_EXITED && result.exit.code == 0);
	WANT(result.out.collected.size == 6 && memcmp(result.out.collected.data, "hello\n", 6) == 0);
	tend_process_free(p);
	return NULL;
}

static enum tend_flow look(void *self, const struct tend_chunk *chunk)
{
	*(size_t *)self += chunk->size;
	return TEND_CONTINUE;
}

static const char *consume(enum tend_runs_on runs_on)
{
	static const char *const argv[] = { "cat", NULL };
	const struct tend_spawn s = options(argv);
	const struct tend_visitor visitor = { .on_chunk = look, .runs_on = runs_on };
	struct tend_consumed consumed;
	tend_consumer *consumer = NULL;
	tend_process *p = NULL;
	size_t seen = 0;

	WANT(tend_spawn(&s, &p, NULL) == 0);
	WANT(tend_stream_consume(tend_process_stdout(p), &visitor, &seen, &consumer, NULL) == 0);
	WANT(tend_process_stdin_write(p, "hello\n", 6, PATIENCE, NULL, NULL) == 0);
	WANT(tend_process_stdin_close(p) == 0);
	WANT(tend_consumer_wait(consumer, PATIENCE, &consumed, NULL) == 0);
	WANT(consumed.ending == TEND_END_EOF && seen == 6);
	tend_consumer_free(consumer);
	tend_process_free(p);
	return NULL;
}

static const char *stop(enum tend_with_parent with_parent)
{
	static const char *const argv[] = { "cat", NULL };
	const struct tend_stop plan = TEND_STOP_TERM(PATIENCE);
	struct tend_spawn s = options(argv);
	struct tend_stop_report report;
	tend_process *p = NULL;

	s.with_parent = with_parent;
	WANT(tend_spawn(&s, &p, NULL) == 0);
	WANT(tend_process_stop(p, &plan, &report, NULL) == 0);
	WANT(report.outcome == TEND_STOPPED_IN_PHASE);
	tend_process_free(p);
	return NULL;
}

static const char *fail(void)
{
	static const char *const argv[] = { "there-is-no-such-program", NULL };
	const struct tend_spawn s = options(argv);
	struct tend_error e;
	tend_process *p = NULL;

	WANT(tend_spawn(&s, &p, &e) < 0 && e.step == TEND_STEP_EXEC && e.message[0]);
	return NULL;
}

const char *scenario(void)
{
	const char *wrong = NULL;

	for (int i = 0; !wrong && i < 20; i++) {
		wrong = complete();
		wrong = wrong ? wrong : consume(TEND_ON_OWN_THREAD);
		wrong = wrong ? wrong : consume(TEND_ON_READER);
		wrong = wrong ? wrong : stop(0);
		wrong = wrong ? wrong : stop(TEND_WITH_PARENT_CHILD);
		wrong = wrong ? wrong : fail();
	}
	return wrong;
}

int scenario_leave_one(void)
{
	static const char *const argv[] = { "cat", NULL };
	const struct tend_spawn s = options(argv);
	static tend_process *p;

	return tend_spawn(&s, &p, NULL) == 0 ? (int)tend_process_pid(p) : -1;
}
