/* SPDX-License-Identifier: MIT */
/*
 * Hosts whose threads have little stack: what each call takes of it is measured, on a stack of 64 KiB that is painted
 * before, with a log function that is called wherever there is something to log.  The rest is for the host's own frames
 * and signal handlers.
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define STACK ((size_t)64 << 10)
#define MOST ((size_t)32 << 10)
#define MOST_WITH_REGEX ((size_t)48 << 10) /* and the line that it looks at */
#define PAINT 0xa5

static const struct tend_stop_phase brief[] = { { SIGTERM, TEND_GROUP, TEND_MS(1) } };
static const struct tend_stop briefly = { .phases = brief, .n_phases = 1, .after_kill = TEND_SECONDS(60) };
static const struct tend_line_options lines = { .max_length = 4096, .overflow = TEND_LINE_TRUNCATE };

/* Where what a call found wrong stands: CHECK is for the main thread. */
static const char *wrong;

#define WANT(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			wrong = #condition;                                                                            \
	} while (0)

static tend_process *start(const char *program, const char *arg)
{
	const char *argv[] = { helper(program), arg, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p = NULL;

	s.in = TEND_IN_PIPE;
	WANT(tend_spawn(&s, &p, NULL) == 0);
	return p;
}

/* ---- the calls ---- */

/* All extras at once; where no cgroup can be made, the way there has been gone all the same. */
static void spawn_with_everything(void)
{
	static const char *const set[] = { "A=1", "B=2", NULL }, *const unset[] = { "C", NULL };
	static const struct tend_pass_fd fds[] = { { STDIN_FILENO, 7 }, { STDERR_FILENO, 9 } };
	static const struct tend_rlimit limits[] = { { RLIMIT_CORE, 0, 0 } };
	const char *argv[] = { "true", "x", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p = NULL;

	s.auto_name = TEND_NAME_FULL;
	s.env_set = set;
	s.env_unset = unset;
	s.cwd = "/";
	s.in = TEND_IN_BYTES("hello", 5);
	s.pass_fds = fds;
	s.n_pass_fds = 2;
	s.scope = TEND_SCOPE_CGROUP;
	s.cgroup.if_unavailable = TEND_NO_CGROUP_GROUP;
	s.survivors = TEND_SURVIVORS_STOP(&briefly);
	s.with_parent = TEND_WITH_PARENT_CHILD;
	s.umask = TEND_UMASK(022);
	s.rlimits = limits;
	s.n_rlimits = 1;
	s.no_new_privs = s.reset_affinity = s.reset_scheduler = true;
	s.on_busy = TEND_MS(1);
	WANT(tend_spawn(&s, &p, NULL) == 0);
	tend_process_wait(p, TEST_PATIENCE, NULL, NULL);
	tend_process_free(p);
}

static void spawn_on_a_terminal(void)
{
	static const struct tend_pty pty = { .mode = TEND_PTY_COOKED };
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p = NULL;

	s.in = TEND_IN_PIPE;
	s.err = TEND_OUT_MERGE;
	s.pty = &pty;
	WANT(tend_spawn(&s, &p, NULL) == 0);
	WANT(tend_process_set_window(p, 30, 90) == 0);
	tend_process_free(p);
}

static void spawn_that_fails(void)
{
	const char *argv[] = { "there-is-no-such-program", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e;
	tend_process *p = NULL;

	WANT(tend_spawn(&s, &p, &e) < 0);
	s.argv = NULL;
	WANT(tend_spawn(&s, &p, &e) < 0);
}

static void complete(void)
{
	struct tend_complete o = {
		.timeout = TEND_MS(1),
		.out = TEND_COLLECT_LINES(.overflow = TEND_DROP_OLDEST, .max_bytes = 1000, .max_lines = 10),
		.err = TEND_COLLECT_BYTES(.overflow = TEND_DROP_NEWEST, .max_bytes = 1000),
		.stop = &briefly,
		.drain = { .idle = TEND_MS(1), .total = TEND_SECONDS(5) },
		.inactivity = TEND_SECONDS(80),
	};
	static struct tend_result result; /* the caller's */
	tend_process *p = start("forker", "leader-pauses");

	WANT(tend_process_complete(p, &o, &result, NULL) == 0);
	WANT(result.outcome == TEND_STOPPED);
	tend_result_clear(&result, p);
	tend_process_free(p);
}

static void signals_and_stops(void)
{
	static struct tend_stop_report report;
	struct tend_status status;
	tend_process *p = start("stubborn", NULL);

	WANT(tend_process_status(p, &status) == 0);
	WANT(tend_process_signal(p, SIGCONT, TEND_GROUP, NULL) == 0);
	WANT(tend_process_exit_fd(p) >= 0);
	WANT(tend_process_stop(p, &briefly, &report, NULL) == 0);
	WANT(tend_process_kill(p, TEST_PATIENCE, &report, NULL) == 0);
	WANT(tend_process_wait(p, TEST_PATIENCE, NULL, NULL) == 0);
	tend_process_free(p);
}

static void input(void)
{
	tend_process *p = start("stdiner", NULL);

	WANT(tend_process_stdin_write(p, "x", 1, TEST_PATIENCE, NULL, NULL) == 0);
	WANT(tend_process_stdin_close(p) == 0);
	WANT(tend_process_stdin_write(p, "x", 1, TEST_PATIENCE, NULL, NULL) < 0);
	tend_process_free(p);
}

static void adopt_and_release(void)
{
	tend_process *p = start("obedient", NULL), *q = NULL;
	const struct tend_adopt adopt = { .pid = tend_process_pid(p), .if_forgotten = TEND_FORGOTTEN_DETACH };
	struct tend_released released;

	if (test_has_pidfd_open())
		WANT(tend_adopt(&adopt, &q, NULL) == 0);
	tend_process_free(q);
	WANT(tend_process_release(p, &released) == 0);
	kill(released.pid, SIGKILL);
	waitpid(released.pid, NULL, 0);
	close(released.pidfd);
	close(released.in);
	close(released.out);
	close(released.err);
}

/* ---- streams ---- */

static void subscriptions(void)
{
	tend_process *p = start("obedient", NULL); /* so that the stream goes on */
	tend_stream *out = tend_process_stdout(p);
	tend_subscription *sub = NULL;
	struct tend_event event;

	WANT(tend_stream_subscribe(out, NULL, &sub, NULL) == 0);
	WANT(tend_subscription_next(sub, TEST_PATIENCE, &event) == 0);
	WANT(tend_subscription_fd(sub) >= 0);
	WANT(tend_stream_stats(out).subscribers == 1);
	WANT(tend_stream_seal_replay(out) == 0);
	tend_subscription_close(sub);
	tend_process_free(p);
}

static enum tend_flow look(void *arg, const struct tend_line *line)
{
	(void)arg;
	(void)line;
	return TEND_CONTINUE;
}

static void consumers(void)
{
	tend_process *p = start("printer", "hello");
	tend_stream *out = tend_process_stdout(p);
	struct tend_inspect inspect = { .on_line = look, .line = lines };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const struct tend_write write_it = { .what = TEND_WRITE_LINES,
		                             .to = TEND_TO_FD(null),
		                             .on_failure = TEND_WRITE_GO_ON,
		                             .line = lines };
	struct tend_consumed consumed;

	for (int i = 0; i < 4; i++) {
		tend_consumer *c = NULL;

		inspect.runs_on = i % 2 ? TEND_ON_READER : TEND_ON_OWN_THREAD;
		if (i < 2)
			WANT(tend_stream_inspect(out, &inspect, NULL, &c, NULL) == 0);
		else if (i == 2)
			WANT(tend_stream_write(out, &write_it, &c, NULL) == 0);
		else
			WANT(tend_stream_inspect_lines(out, &lines, look, NULL, &c, NULL) == 0);
		if (i % 2 == 0)
			WANT(tend_consumer_wait(c, TEST_PATIENCE, &consumed, NULL) == 0);
		WANT(tend_consumer_cancel(c, TEST_PATIENCE, TEND_CANCEL_DRAIN, &consumed, NULL) == 0);
		tend_consumer_free(c);
	}
	close(null);
	tend_process_free(p);
}

/* Its longest line on the stack is the longest of all; the C library's own regexec(3) takes what it takes. */
static void a_pattern(void)
{
	static char text[TEND_DEFAULT_MAX_LINE_LENGTH];
	const struct tend_line line = { .data = text, .size = sizeof text };
	regex_t regex;

	WANT(regcomp(&regex, "a*b", REG_EXTENDED | REG_NOSUB) == 0);
	memset(text, 'a', sizeof text);
	WANT(!tend_match_regex(&regex, &line));
	regfree(&regex);
}

static void a_wait_for_a_line(void)
{
	tend_process *p = start("printer", "hello");
	struct tend_line_found found;
	regex_t regex;

	WANT(regcomp(&regex, "hel+o", REG_EXTENDED | REG_NOSUB) == 0);
	WANT(tend_stream_wait_for_line(tend_process_stdout(p), &lines, tend_match_regex, &regex, TEST_PATIENCE,
	                               &found, NULL) == 0);
	WANT(found.outcome == TEND_LINE_MATCHED);
	regfree(&regex);
	tend_process_free(p);
}

/* ---- on a small stack ---- */

static void log_it(void *arg, const struct tend_log_event *e)
{
	(void)arg;
	(void)e;
}

static void *run(void *arg)
{
	void (**call)(void) = arg;

	(*call)();
	return NULL;
}

static size_t used_of(const unsigned char *stack)
{
	size_t untouched = 0;

	while (untouched < STACK && stack[untouched] == PAINT)
		untouched++;
	return STACK - untouched;
}

/* How much of the stack it took, 0 where it could not be run. */
static size_t run_small(void (*call)(void))
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK;
	unsigned char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, flags, -1, 0);
	pthread_attr_t attr;
	pthread_t thread;
	size_t used = 0;

	if (!CHECK(stack != MAP_FAILED))
		return 0;
	memset(stack, PAINT, STACK);
	wrong = NULL;
	pthread_attr_init(&attr);
	CHECK_INT(0, pthread_attr_setstack(&attr, stack, STACK));
	if (CHECK_INT(0, pthread_create(&thread, &attr, run, &call))) {
		CHECK_INT(0, pthread_join(thread, NULL));
		used = used_of(stack);
	}
	pthread_attr_destroy(&attr);
	munmap(stack, STACK);
	if (wrong)
		test_check(false, wrong, __FILE__, __LINE__);
	return used;
}

static const struct {
	const char *name;
	void (*run)(void);
	size_t most;
} calls[] = {
	{ "a spawn with everything", spawn_with_everything, MOST },
	{ "a spawn on a terminal", spawn_on_a_terminal, MOST },
	{ "a spawn that fails", spawn_that_fails, MOST },
	{ "tend_process_complete", complete, MOST },
	{ "signals and stops", signals_and_stops, MOST },
	{ "stdin", input, MOST },
	{ "tend_adopt and tend_process_release", adopt_and_release, MOST },
	{ "subscriptions", subscriptions, MOST },
	{ "consumers", consumers, MOST },
	{ "a pattern", a_pattern, MOST_WITH_REGEX },
	{ "a wait for a line", a_wait_for_a_line, MOST_WITH_REGEX },
};

/* A sanitizer's frames say nothing about the library's; valgrind does not like who reads other threads' stacks. */
static void each_call_has_enough(void)
{
	if (test_under_sanitizer() || test_under_valgrind())
		return;
	test_keeps_allocations(2); /* log targets */
	CHECK_INT(0, tend_set_log(log_it, NULL, TEND_LOG_DEBUG));
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		size_t used = run_small(calls[i].run);

		if (getenv("TEST_VERBOSE"))
			printf("%6zu bytes: %s\n", used, calls[i].name);
		if (!CHECK(used <= calls[i].most))
			fprintf(stderr, "%s takes %zu bytes of the stack\n", calls[i].name, used);
	}
	CHECK_INT(0, tend_set_log(NULL, NULL, TEND_LOG_DEBUG));
}

static void *use_all(void *arg)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		calls[i].run();
	if (wrong) {
		fprintf(stderr, "%s\n", wrong);
		_exit(11);
	}
	start("stubborn", NULL); /* which exit(3) ends */
	exit(0);
	return arg;
}

/* In a process of its own, whose threads are all as small: everything, and exit(3). */
static int use_and_exit(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, use_all, NULL) != 0)
		return 10;
	pthread_join(thread, NULL);
	return 12;
}

/* The library's own threads have the stacks that they need, whatever the limit is by which the host's are made. */
static void a_small_limit(void)
{
	const char *argv[] = { "--use-and-exit", NULL };
	struct rlimit before, small;

	CHECK_INT(0, getrlimit(RLIMIT_STACK, &before));
	small = before;
	small.rlim_cur = STACK; /* of the new program: new threads get as much */
	if (test_under_sanitizer() || test_under_valgrind())
		return;
	CHECK_INT(0, setrlimit(RLIMIT_STACK, &small));
	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
	CHECK_INT(0, setrlimit(RLIMIT_STACK, &before));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "each_call_has_enough", each_call_has_enough },
		{ "a_small_limit", a_small_limit },
	};
	const char *warm[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(warm, NULL);
	struct tend_exit ended;
	tend_process *p = NULL;

	if (argc == 2 && strcmp(argv[1], "--use-and-exit") == 0)
		return use_and_exit();
	s.with_parent = TEND_WITH_PARENT_CHILD; /* the spawner's thread stays: before anything is counted */
	if (tend_spawn(&s, &p, NULL) == 0)
		test_wait(p, &ended);
	tend_process_free(p);
	return test_main(argc, argv, "small_stacks", tests, sizeof tests / sizeof *tests);
}
