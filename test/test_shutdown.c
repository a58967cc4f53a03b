/* SPDX-License-Identifier: MIT */
/* The end of the host: what it was going to end is ended, in bounded time; what is to stay stays. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asleep.h"
#include "fault.h"
#include "test.h"

static const struct tend_stop gentle = { .phases = (const struct tend_stop_phase[]){ { SIGTERM, TEND_GROUP,
	                                                                               TEND_SECONDS(90) } },
	                                 .n_phases = 1,
	                                 .after_kill = TEND_SECONDS(1) };

static tend_process *start(struct tend_forgotten if_forgotten, const char *program, const char *arg)
{
	const char *argv[] = { helper(program), arg, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p = NULL;
	struct tend_error e;
	char line[32];

	s.if_forgotten = if_forgotten;
	if (tend_spawn(&s, &p, &e) < 0) {
		fprintf(stderr, "%s\n", e.message);
		exit(9);
	}
	if (strcmp(program, "obedient") == 0 || strcmp(program, "stubborn") == 0)
		test_await_line(tend_process_stdout(p), "ready", line, sizeof line);
	return p;
}

/* Of each kind one; what became of them is checked by number. */
struct children {
	tend_process *abort, *terminate, *stubborn, *detach, *detached, *gone;
};

static struct children start_all(void)
{
	struct children c;
	struct tend_exit ended;

	c.abort = start(TEND_FORGOTTEN_ABORT, "stubborn", NULL);
	c.terminate = start(TEND_FORGOTTEN_TERMINATE(&gentle), "obedient", NULL);
	c.stubborn = start(TEND_FORGOTTEN_TERMINATE(&gentle), "stubborn", NULL);
	c.detach = start(TEND_FORGOTTEN_DETACH, "obedient", NULL);
	c.detached = start(TEND_FORGOTTEN_ABORT, "obedient", NULL);
	tend_process_detach(c.detached);
	c.gone = start(TEND_FORGOTTEN_ABORT, "true-er", NULL);
	test_wait(c.gone, &ended);
	return c;
}

/* ---- tend_shutdown(), each in a process of its own, as it cannot be undone ---- */

#define WANT(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                                \
			return 1;                                                                                      \
		}                                                                                                      \
	} while (0)

static int shut_down(void)
{
	const struct tend_adopt of_init = { .pid = 1, .if_forgotten = TEND_FORGOTTEN_DETACH };
	struct children c = start_all();
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	WANT(tend_shutdown(0, &e) == -EINVAL);
	WANT(tend_shutdown(TEND_FOREVER, &e) == -EINVAL);
	WANT(tend_shutdown(TEND_MS(300), &e) == 0); /* long for who obeys, short for who does not */
	WANT(tend_process_wait(c.abort, TEND_AT_ONCE, &ended, NULL) == 0 && ended.signal == SIGKILL && ended.by_us);
	WANT(tend_process_wait(c.terminate, TEND_AT_ONCE, &ended, NULL) == 0);
	WANT(ended.signal == SIGTERM || test_under_valgrind());
	WANT(tend_process_wait(c.stubborn, TEND_AT_ONCE, &ended, NULL) == 0 && ended.signal == SIGKILL);
	WANT(tend_process_wait(c.detach, TEND_AT_ONCE, &ended, NULL) == 0 && ended.kind == TEND_RUNNING);
	WANT(tend_process_wait(c.detached, TEND_AT_ONCE, &ended, NULL) == 0 && ended.kind == TEND_RUNNING);
	WANT(tend_spawn(&s, &p, &e) == -ESHUTDOWN && e.step == TEND_STEP_SHUTDOWN && !p);
	WANT(tend_adopt(&of_init, &p, &e) == -ESHUTDOWN);
	WANT(tend_shutdown(TEND_SECONDS(1), &e) == 0);
	WANT(tend_process_kill(c.detach, TEST_PATIENCE, NULL, NULL) == 0); /* handles work on */
	WANT(tend_process_kill(c.detached, TEST_PATIENCE, NULL, NULL) == 0);
	tend_process_free(c.abort);
	tend_process_free(c.terminate);
	tend_process_free(c.stubborn);
	tend_process_free(c.detach);
	tend_process_free(c.detached);
	tend_process_free(c.gone);
	return 0;
}

#define CROWD 60

static void *shut_down_too(void *arg)
{
	*(int *)arg = tend_shutdown(TEND_SECONDS(60), NULL);
	return NULL;
}

static void *free_half(void *arg)
{
	tend_process **p = arg;

	for (int i = 0; i < CROWD; i += 2)
		tend_process_free(p[i]);
	return NULL;
}

/* By several threads, and with handles freed meanwhile: each of them comes back when all are gone. */
static int shut_down_by_many(void)
{
	tend_process *p[CROWD];
	pthread_t freeing, threads[4];
	int results[4] = { 1, 1, 1, 1 };
	struct tend_exit ended;
	pid_t pids[CROWD];

	for (int i = 0; i < CROWD; i++) {
		p[i] = start(i % 2 ? TEND_FORGOTTEN_ABORT : TEND_FORGOTTEN_TERMINATE(&gentle), "obedient", NULL);
		pids[i] = tend_process_pid(p[i]);
	}
	for (int i = 0; i < 4; i++)
		WANT(pthread_create(&threads[i], NULL, shut_down_too, &results[i]) == 0);
	WANT(pthread_create(&freeing, NULL, free_half, p) == 0);
	for (int i = 0; i < 4; i++)
		WANT(pthread_join(threads[i], NULL) == 0 && results[i] == 0);
	for (int i = 0; i < CROWD; i++)
		WANT(!test_alive(pids[i]));
	WANT(pthread_join(freeing, NULL) == 0);
	for (int i = 1; i < CROWD; i += 2) {
		WANT(tend_process_wait(p[i], TEND_AT_ONCE, &ended, NULL) == 0);
		WANT(ended.signal == SIGKILL && ended.by_us);
		tend_process_free(p[i]);
	}
	return 0;
}

/* Handles that are freed meanwhile, stops that are under way already: it waits for those too. */
static int shut_down_behind_frees(void)
{
	tend_process *p = start(TEND_FORGOTTEN_TERMINATE(&gentle), "obedient", NULL);
	tend_process *q = start(TEND_FORGOTTEN_TERMINATE(&gentle), "stubborn", NULL);
	pid_t one = tend_process_pid(p), other = tend_process_pid(q);

	tend_process_free(p);
	tend_process_free(q);
	WANT(tend_shutdown(TEND_MS(300), NULL) == 0);
	WANT(!test_alive(one));
	WANT(!test_alive(other));
	return 0;
}

/* ---- exit(3) ---- */

/* Whoever is not seen to have gone by then is told of; and when he is, all is well. */
static int shut_down_in_vain(void)
{
	static const struct tend_stop patient = { .after_kill = TEND_SECONDS(300) };
	tend_process *p = start(TEND_FORGOTTEN_TERMINATE(&patient), "obedient", NULL);
	struct tend_exit ended;
	struct tend_error e;

	fault_twist("wait", 1, FAULT_SPURIOUS, true); /* as if its tracer held it */
	WANT(tend_shutdown(TEND_MS(10), &e) == -ETIMEDOUT && e.code == -ETIMEDOUT);
	WANT(e.step == TEND_STEP_SIGNAL_GROUP);
	fault_reset();
	WANT(tend_process_wait(p, TEST_PATIENCE, &ended, &e) == 0 && ended.signal == SIGKILL);
	WANT(tend_shutdown(TEND_SECONDS(60), &e) == 0);
	tend_process_free(p);
	return 0;
}

/* The same for exit(3), which asks nobody and has a time of its own.  No streams: nobody is left to free them. */
static int exit_in_vain(void)
{
	static const struct tend_stop patient = { .after_kill = TEND_SECONDS(300) };
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p;

	s.if_forgotten = TEND_FORGOTTEN_TERMINATE(&patient);
	WANT(tend_spawn(&s, &p, NULL) == 0);
	fault_twist("wait", 1, FAULT_SPURIOUS, true);
	exit(0);
}

static void say_pids(struct children c)
{
	printf("ends %d\nends %d\n", (int)tend_process_pid(c.abort), (int)tend_process_pid(c.terminate));
	printf("stays %d\nstays %d\n", (int)tend_process_pid(c.detach), (int)tend_process_pid(c.detached));
	fflush(stdout);
	tend_process_kill(c.stubborn, TEND_SECONDS(90), NULL, NULL); /* it alone would take all of the ten seconds */
}

static void *exit_here(void *arg)
{
	(void)arg;
	exit(0);
}

static void exit_in_log(void *arg, const struct tend_log_event *e)
{
	(void)arg;
	if (strcmp(e->event, "reap") == 0) /* on the reaper, which alone could end anybody */
		exit(0);
}

/* On whichever thread saw it first; the others wait for this to return.  Once: exit(3) of two threads is undefined. */
static void exit_at_exit(void *arg, const struct tend_log_event *e)
{
	static atomic_flag exits = ATOMIC_FLAG_INIT;

	(void)arg;
	if (strcmp(e->event, "exit") == 0 && !atomic_flag_test_and_set(&exits))
		exit(0);
}

static enum tend_flow exit_in_visitor(void *self, const struct tend_chunk *chunk)
{
	(void)self;
	(void)chunk;
	exit(0);
}

/* Something that comes from somebody who stays. */
static tend_stream *output(void)
{
	return tend_process_stdout(start(TEND_FORGOTTEN_DETACH, "printer", "x\n"));
}

static void __attribute__((noreturn)) await_exit(int r)
{
	if (r < 0)
		_exit(8);
	for (;;)
		pause();
}

static void exit_by_visitor(enum tend_runs_on runs_on)
{
	const struct tend_visitor visitor = { .on_chunk = exit_in_visitor, .runs_on = runs_on };
	static tend_consumer *consumer;

	await_exit(tend_stream_consume(output(), &visitor, NULL, &consumer, NULL));
}

static void exit_on_a_reader(void)
{
	exit_by_visitor(TEND_ON_READER);
}

static void exit_on_a_consumer(void)
{
	exit_by_visitor(TEND_ON_OWN_THREAD);
}

static enum tend_flow ignore(void *self, const struct tend_chunk *chunk)
{
	(void)self;
	(void)chunk;
	return TEND_CONTINUE;
}

static void exit_at_end(void *self, const struct tend_end *end)
{
	(void)self;
	(void)end;
	exit(0);
}

/* on_end, on the thread that cancels, within a call of the library's. */
static void exit_in_a_cancel(void)
{
	static const struct tend_visitor visitor = { .on_chunk = ignore, .on_end = exit_at_end,
		                                     .runs_on = TEND_ON_READER };
	tend_process *p = start(TEND_FORGOTTEN_ABORT, "obedient", NULL);
	static tend_consumer *consumer;
	int r = tend_stream_consume(tend_process_stdout(p), &visitor, NULL, &consumer, NULL);

	if (r == 0)
		r = tend_consumer_cancel(consumer, TEST_PATIENCE, TEND_CANCEL_NOW, NULL, NULL);
	_exit(8 + (r < 0));
}

static enum tend_flow exit_at_line(void *arg, const struct tend_line *line)
{
	(void)arg;
	(void)line;
	exit(0);
}

static const struct tend_line_options short_lines = { .max_length = 100, .overflow = TEND_LINE_TRUNCATE };

static void exit_in_an_inspector(void)
{
	static tend_consumer *consumer;

	await_exit(tend_stream_inspect_lines(output(), &short_lines, exit_at_line, NULL, &consumer, NULL));
}

static bool exit_in_match(void *arg, const struct tend_line *line)
{
	(void)arg;
	(void)line;
	exit(0);
}

/* On the caller's own thread, within a call of the library's. */
static void exit_in_a_predicate(void)
{
	struct tend_line_found found;

	await_exit(tend_stream_wait_for_line(output(), &short_lines, exit_in_match, NULL, TEST_PATIENCE, &found, NULL));
}

static void exit_in_map(void *arg, const struct tend_line *line, tend_writer *writer)
{
	(void)arg;
	(void)line;
	(void)writer;
	exit(0);
}

static void exit_in_a_filter(void)
{
	const struct tend_write w = { .what = TEND_WRITE_LINES,
		                      .to = TEND_TO_FD(STDERR_FILENO),
		                      .on_failure = TEND_WRITE_STOP,
		                      .line = short_lines,
		                      .map_line = exit_in_map };
	static tend_consumer *consumer;

	await_exit(tend_stream_write(output(), &w, &consumer, NULL));
}

/* The event at which the log function calls exit(3). */
static const char *fatal_event;

static void exit_at_event(void *arg, const struct tend_log_event *e)
{
	static atomic_flag exits = ATOMIC_FLAG_INIT;

	(void)arg;
	if (strcmp(e->event, fatal_event) == 0 && !atomic_flag_test_and_set(&exits))
		exit(0);
}

/* In the middle of tend_spawn(). */
static void exit_at_a_spawn(void)
{
	fatal_event = "spawn";
	tend_set_log(exit_at_event, NULL, TEND_LOG_DEBUG);
	start(TEND_FORGOTTEN_ABORT, "stdiner", NULL);
	_exit(8);
}

/* On a reader, which has not closed its descriptor yet. */
static void exit_at_a_read_error(void)
{
	int fd;
	static tend_stream *stream;

	stream = test_pipe_stream(&test_reliable, &fd);
	fatal_event = "read-error";
	tend_set_log(exit_at_event, NULL, TEND_LOG_DEBUG);
	fault_fail_sys_from("read", 1, EIO);
	await_exit(stream && write(fd, "x", 1) == 1 ? 0 : -1);
}

/* In a stop of the reaper's, which it could not go on with. */
static void exit_in_a_stop(void)
{
	tend_process *p = start(TEND_FORGOTTEN_ABORT, "obedient", NULL);

	fatal_event = "stop-phase";
	tend_set_log(exit_at_event, NULL, TEND_LOG_DEBUG);
	await_exit(tend_process_stop(p, &gentle, NULL, NULL));
}

static tend_process *asked_about;
static pid_t asked_pid; /* for the log, which hears of others when the handle is gone */

/* Of whatever the log is being told on this very thread. */
static void ask_in_a_handler(void)
{
	struct tend_exit ended = { .kind = TEND_RUNNING };

	if (!asked_about)
		return;
	if (tend_process_wait(asked_about, TEND_FOREVER, &ended, NULL) != 0 || ended.kind != TEND_SIGNALED)
		_exit(7);
	tend_process_free(asked_about);
}

static void exit_at_that_exit(void *arg, const struct tend_log_event *e)
{
	(void)arg;
	if (strcmp(e->event, "exit") == 0 && e->pid == asked_pid)
		exit(0);
}

/* The handler runs before the library's: it was registered behind the first spawn. */
static void exit_with_a_handler(bool on_reaper)
{
	struct tend_exit ended;
	tend_process *p;

	atexit(ask_in_a_handler);
	p = start(TEND_FORGOTTEN_DETACH, "obedient", NULL);
	asked_about = p;
	asked_pid = tend_process_pid(p);
	tend_set_log(exit_at_that_exit, NULL, TEND_LOG_INFO);
	kill(asked_pid, SIGTERM);
	while (!on_reaper)
		tend_process_wait(p, TEND_AT_ONCE, &ended, NULL);
	await_exit(0);
}

static void handler_on_the_reaper(void) { exit_with_a_handler(true); }
static void handler_on_whoever_looks(void) { exit_with_a_handler(false); }

static const struct {
	const char *name;
	void (*end)(void);
} ways[] = {
	{ "handler-reaper", handler_on_the_reaper },
	{ "handler-anybody", handler_on_whoever_looks },
	{ "visitor", exit_on_a_reader },
	{ "own-visitor", exit_on_a_consumer },
	{ "cancel", exit_in_a_cancel },
	{ "inspector", exit_in_an_inspector },
	{ "predicate", exit_in_a_predicate },
	{ "filter", exit_in_a_filter },
	{ "spawn-log", exit_at_a_spawn },
	{ "reader-log", exit_at_a_read_error },
	{ "stop-log", exit_in_a_stop },
};

/* This program once more: starts them, says who they are, and ends in the given way. */
static int end_by(const char *way)
{
	static struct children c; /* reachable for leak checkers */
	pthread_t thread;

	c = start_all();
	say_pids(c);
	if (strcmp(way, "return") == 0)
		return 0;
	if (strcmp(way, "quick") == 0)
		quick_exit(0);
	if (strcmp(way, "_exit") == 0)
		_exit(0);
	if (strcmp(way, "fork") == 0) {
		pid_t copy;

		asleep_await_others();
		copy = fork();
		if (copy == 0)
			exit(0); /* not its children */
		waitpid(copy, NULL, 0);
		if (!test_alive(tend_process_pid(c.abort)) || !test_alive(tend_process_pid(c.terminate)))
			_exit(7);
		exit(0);
	}
	if (strcmp(way, "thread") == 0 && pthread_create(&thread, NULL, exit_here, NULL) == 0)
		pthread_join(thread, NULL);
	if (strcmp(way, "exit-log") == 0) {
		struct tend_exit ended;

		tend_set_log(exit_at_exit, NULL, TEND_LOG_INFO);
		test_wait(start(TEND_FORGOTTEN_DETACH, "stdiner", NULL), &ended);
		return 5;
	}
	if (strcmp(way, "log") == 0) {
		tend_set_log(exit_in_log, NULL, TEND_LOG_DEBUG);
		start(TEND_FORGOTTEN_DETACH, "true-er", NULL);
		for (;;)
			pause();
	}
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (strcmp(way, ways[i].name) == 0)
			ways[i].end();
	return 6;
}

/* `all_stay`: those that would be ended are there as well. */
static void check_ends(const char *way, bool all_stay)
{
	/* That its handles are not freed is the point, and no leak; nor is a thread in the middle of things. */
	static const char *const options[] = {
		"TSAN_OPTIONS=report_thread_leaks=0", "ASAN_OPTIONS=detect_leaks=0", NULL
	};
	const char *argv[] = { test_self(), "--end-by", way, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_result result;
	struct tend_error e;
	tend_process *host = NULL;
	int ends[2], stays[2];
	const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.max_bytes = 4096, .overflow = TEND_DROP_NEWEST),
		.drain = { .idle = TEND_MS(1), .total = TEND_SECONDS(5) },
	};

	s.env_set = options;
	if (!CHECK_OK(tend_spawn(&s, &host, &e), &e))
		return;
	if (CHECK_OK(tend_process_complete(host, &all, &result, &e), &e)) {
		CHECK_INT(TEND_COMPLETED, result.outcome);
		CHECK_INT(0, result.exit.code);
		CHECK_INT(0, result.exit.signal);
		const char *said = result.out.collected.data;

		if (CHECK_INT(4, sscanf(said, "ends %d ends %d stays %d stays %d", &ends[0], &ends[1], &stays[0],
		                        &stays[1]))) {
			for (int i = 0; i < 2; i++) {
				if (all_stay && CHECK(test_alive(ends[i])))
					kill(ends[i], SIGKILL);
				test_await_gone(ends[i]);
				CHECK(test_alive(stays[i]));
				kill(stays[i], SIGKILL);
			}
		}
	}
	tend_process_free(host);
}

static void check_exit(const char *way)
{
	check_ends(way, false);
}

/* quick_exit(3) and _exit(2) run no handlers of exit(3): everybody stays. */
static void not_by_quick_exit(void)
{
	check_ends("quick", true);
	check_ends("_exit", true);
}

static void in_vain(void)
{
	const char *argv[] = { "--shutdown-in-vain", NULL };

	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
}

/* Ten seconds, and not the five minutes that the plan would wait. */
static void exit_has_its_bound(void)
{
	const char *argv[] = { "--exit-in-vain", NULL };
	int64_t begun = test_now_ns(), took;

	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
	took = test_now_ns() - begun;
	CHECK(took >= 10 * INT64_C(1000000000) && took < 100 * INT64_C(1000000000));
}

static void by_return(void) { check_exit("return"); }
static void by_exit_on_a_thread(void) { check_exit("thread"); }
static void by_exit_in_a_log_function(void) { check_exit("log"); }
static void by_exit_while_telling(void) { check_exit("exit-log"); }

/* In each kind of callback, on each kind of thread. */
static void by_exit_in_a_callback(void)
{
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		check_exit(ways[i].name);
}

static void not_by_a_copy(void) { check_exit("fork"); }

static void by_call(void)
{
	static const char *const calls[] = { "--shutdown", "--shutdown-by-many", "--shutdown-behind-frees" };

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		CHECK_INT(0, test_run_self((const char *const[]){ calls[i], NULL }, NULL, NULL, NULL, 0));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "by_call", by_call },
		{ "in_vain", in_vain },
		{ "exit_has_its_bound", exit_has_its_bound },
		{ "by_return", by_return },
		{ "by_exit_on_a_thread", by_exit_on_a_thread },
		{ "by_exit_in_a_log_function", by_exit_in_a_log_function },
		{ "by_exit_while_telling", by_exit_while_telling },
		{ "by_exit_in_a_callback", by_exit_in_a_callback },
		{ "not_by_quick_exit", not_by_quick_exit },
		{ "not_by_a_copy", not_by_a_copy },
	};

	if (argc == 2 && strcmp(argv[1], "--shutdown") == 0)
		return shut_down();
	if (argc == 2 && strcmp(argv[1], "--shutdown-by-many") == 0)
		return shut_down_by_many();
	if (argc == 2 && strcmp(argv[1], "--shutdown-behind-frees") == 0)
		return shut_down_behind_frees();
	if (argc == 2 && strcmp(argv[1], "--shutdown-in-vain") == 0)
		return shut_down_in_vain();
	if (argc == 2 && strcmp(argv[1], "--exit-in-vain") == 0)
		return exit_in_vain();
	if (argc == 3 && strcmp(argv[1], "--end-by") == 0)
		return end_by(argv[2]);
	return test_main(argc, argv, "shutdown", tests, sizeof tests / sizeof *tests);
}
