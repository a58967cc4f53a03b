/* SPDX-License-Identifier: MIT */
/* The scenarios that every hostile host runs, and what is counted around them. */
#include "hostile.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks.h"
#include "test.h"

#define SKIPPED 77
#define COOKIE "TEND_TEST_COOKIE"

static struct {
	bool takes_status, reaps_orphans;
	char cookie[256]; /* NAME=value */
	struct leaks before;
} host;

int hostile_rounds(int n)
{
	return test_under_valgrind() || test_under_sanitizer() || getenv("TEST_ROUND") ? n / 10 : n;
}

void hostile_skip(const char *why)
{
	dprintf(STDOUT_FILENO, " (left out: %s) ", why);
	_exit(SKIPPED);
}

/* ---- the books ---- */

/* What a setting hands down to its own children, and is not in its own /proc/PID/environ. */
static void make_cookie(const char *setting)
{
	const char *inherited = getenv(COOKIE);

	snprintf(host.cookie, sizeof host.cookie, COOKIE "=%s,%s", inherited ? inherited : "", setting);
	setenv(COOKIE, host.cookie + sizeof COOKIE, 1);
}

static void reap_orphans(void)
{
	while (host.reaps_orphans && waitpid(-1, NULL, WNOHANG) > 0)
		;
}

void hostile_reap_orphans(void)
{
	host.reaps_orphans = true;
}

/*
 * The reaper drops its reference after the waiters were woken: what is counted from here on must not include it.  A
 * reaper that is kept waiting for longer than the quiet takes would have to be so twice.
 */
void hostile_open_books(void)
{
	static struct leaks now;

	do {
		CHECK(hostile_exit_code_arrives(1));
		leaks_settle(&host.before);
		CHECK(hostile_exit_code_arrives(1));
		leaks_settle(&now);
	} while (!leaks_same_belongings(&host.before, &now));
}

void hostile_close_books(void)
{
	int64_t until = test_now_ns() + INT64_C(60000000000);
	char report[600];

	CHECK(host.cookie[0] != '\0'); /* or everybody would have it */
	reap_orphans();
	while (!leaks_check(&host.before, host.cookie, report, sizeof report)) {
		if (test_now_ns() > until) {
			leaks_kill(host.cookie);
			test_check(false, report, __FILE__, __LINE__);
		}
		poll(NULL, 0, 1);
		reap_orphans();
	}
}

/* ---- exits ---- */

bool hostile_is_exit(const struct tend_exit *e, enum tend_exit_kind kind, int code_or_signal)
{
	if (e->kind == TEND_EXIT_UNKNOWN)
		return host.takes_status && !test_kernel_tells();
	return e->kind == kind && (kind == TEND_EXITED ? e->code : e->signal) == code_or_signal;
}

static bool check_exit(const struct tend_exit *e, enum tend_exit_kind kind, int code_or_signal)
{
	char text[128];

	snprintf(text, sizeof text, "exit is kind %d, code %d, signal %d instead of kind %d, %d", e->kind, e->code,
	         e->signal, kind, code_or_signal);
	return test_check(hostile_is_exit(e, kind, code_or_signal), text, __FILE__, __LINE__);
}

bool hostile_exit_code_arrives(int code)
{
	char text[16];
	const char *argv[] = { helper("exiter"), text, NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_exit ended = { .kind = TEND_RUNNING };
	tend_process *p = NULL;
	bool good;

	snprintf(text, sizeof text, "%d", code);
	good = tend_spawn(&s, &p, NULL) == 0 && tend_process_wait(p, TEST_PATIENCE, &ended, NULL) == 0 &&
	       hostile_is_exit(&ended, TEND_EXITED, code);
	tend_process_free(p);
	return good;
}

/* ---- scenarios ---- */

static const struct tend_complete collect_all = {
	.timeout = TEST_PATIENCE,
	.out = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
	.err = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
	.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
};

static void check_output(const struct tend_output_result *r, const void *expected, size_t size)
{
	CHECK_INT(TEND_END_EOF, r->end);
	CHECK(r->collected.complete);
	CHECK_MEM(expected, size, r->collected.data, r->collected.size);
}

/* What both streams said, and the code behind it. */
static void output_and_code(void)
{
	static const char text[] = "some text\nwithout an end";
	const char *argv[] = { helper("exiter"), "42", text, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_result result;
	struct tend_error e;
	tend_process *p = NULL;

	CHECK_OK(tend_spawn(&s, &p, &e), &e);
	CHECK_OK(tend_process_complete(p, &collect_all, &result, &e), &e);
	CHECK_INT(TEND_COMPLETED, result.outcome);
	check_exit(&result.exit, TEND_EXITED, 42);
	check_output(&result.out, text, sizeof text - 1);
	check_output(&result.err, "", 0);
	tend_process_free(p);
}

void hostile_echo(size_t size)
{
	const char *argv[] = { helper("echoer"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	char *bytes = malloc(size);
	struct tend_result result;
	struct tend_error e;
	tend_process *p = NULL;
	size_t written = 0;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 7 + (i >> 8));
	s.in = TEND_IN_PIPE;
	CHECK_OK(tend_spawn(&s, &p, &e), &e);
	CHECK_OK(tend_process_stdin_write(p, bytes, size, TEST_PATIENCE, &written, &e), &e);
	CHECK_INT((intmax_t)size, (intmax_t)written);
	CHECK_OK(tend_process_complete(p, &collect_all, &result, &e), &e);
	check_exit(&result.exit, TEND_EXITED, 0);
	check_output(&result.out, bytes, size);
	tend_process_free(p);
	free(bytes);
}

/* More than a pipe holds, both ways (hazard 70). */
static void stdin_and_back(void)
{
	hostile_echo((size_t)200 << 10);
}

static bool never(void *arg, const struct tend_line *line)
{
	(void)arg;
	(void)line;
	return false;
}

/* Whoever holds the pipe is gone when it ends: true in any PID namespace, and whatever /proc shows. */
static void check_pipe_is_let_go(tend_stream *stream)
{
	const struct tend_line_options lines = { .max_length = 4096, .overflow = TEND_LINE_TRUNCATE };
	struct tend_line_found found;
	struct tend_error e;

	CHECK_OK(tend_stream_wait_for_line(stream, &lines, never, NULL, TEND_SECONDS(30), &found, &e), &e);
	CHECK_INT(TEND_LINE_STREAM_ENDED, found.outcome);
}

/* Hazards 38, 39: the leader obeys, its child does not; the stop is over when both are gone. */
static void grandchild_is_stopped(void)
{
	const struct tend_stop plan = {
		.phases = (const struct tend_stop_phase[]){ { SIGTERM, TEND_GROUP, TEND_MS(10) } },
		.n_phases = 1,
		.after_kill = TEND_SECONDS(60),
	};
	tend_process *p = test_spawn(&test_reliable_all, "forker", "leader-pauses", NULL);
	struct tend_stop_report report;
	struct tend_exit ended;
	struct tend_error e;

	test_await_line(tend_process_stdout(p), "grandchild ", NULL, 0);
	CHECK_OK(tend_process_stop(p, &plan, &report, &e), &e);
	CHECK_INT(TEND_STOPPED_BY_KILL, report.outcome);
	CHECK_INT(2, (int)report.phase);
	CHECK_INT(0, (int)report.n_survivors);
	check_pipe_is_let_go(tend_process_stdout(p));
	CHECK_OK(tend_process_wait(p, TEND_AT_ONCE, &ended, &e), &e);
	check_exit(&ended, TEND_SIGNALED, SIGTERM);
	tend_process_free(p);
}

static void stubborn_is_killed(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "stubborn", NULL);
	struct tend_stop_report report;
	struct tend_exit ended;
	struct tend_error e;

	test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	CHECK_OK(tend_process_kill(p, TEND_SECONDS(60), &report, &e), &e);
	CHECK_INT(TEND_STOPPED_BY_KILL, report.outcome);
	check_pipe_is_let_go(tend_process_stdout(p));
	CHECK_OK(tend_process_wait(p, TEND_AT_ONCE, &ended, &e), &e);
	check_exit(&ended, TEND_SIGNALED, SIGKILL);
	CHECK(ended.kind == TEND_EXIT_UNKNOWN || ended.by_us);
	tend_process_free(p);
}

/* To the leader alone, and then to nobody. */
static void one_signal(enum tend_with_parent with_parent)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;
	int r;

	s.with_parent = with_parent;
	CHECK_OK(tend_spawn(&s, &p, &e), &e);
	CHECK_OK(tend_process_signal(p, SIGTERM, TEND_LEADER, &e), &e);
	CHECK(test_wait(p, &ended));
	check_exit(&ended, TEND_SIGNALED, SIGTERM);
	CHECK(ended.kind == TEND_EXIT_UNKNOWN || ended.by_us);
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_LEADER, &e));
	do /* until it has been reaped, which may be later than it is told of, there is a leader to take it */
		r = tend_process_signal(p, SIGTERM, TEND_GROUP, &e);
	while (r == 0);
	CHECK_INT(-ESRCH, r);
	tend_process_free(p);
}

static void one_is_signalled(void)
{
	one_signal(0);
}

/* The same from the thread that lives as long as the host. */
static void one_of_the_parents_is_signalled(void)
{
	one_signal(TEND_WITH_PARENT_CHILD);
}

/* Hazard 37: the child leaves by itself and well, and whom it leaves behind is named and ended. */
static void survivor_is_stopped(void)
{
	const char *argv[] = { helper("forker"), "hold-stubborn", "4", NULL };
	const struct tend_stop kill_it = { .after_kill = TEND_SECONDS(60) };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_result result;
	struct tend_error e;
	tend_process *p = NULL;

	s.survivors = TEND_SURVIVORS_STOP(&kill_it);
	CHECK_OK(tend_spawn(&s, &p, &e), &e);
	CHECK_OK(tend_process_complete(p, &collect_all, &result, &e), &e);
	check_exit(&result.exit, TEND_EXITED, 4);
	CHECK_INT(1, (int)result.n_survivors);
	CHECK_INT(0, (int)result.survivors_stop.n_survivors);
	CHECK_INT(TEND_END_EOF, result.out.end);
	tend_process_free(p);
}

static tend_process *adopt(const struct tend_adopt *o)
{
	tend_process *p = NULL;
	struct tend_error e;

	CHECK_OK(tend_adopt(o, &p, &e), &e);
	return p;
}

/* A number may be a stranger's, so without signals by pidfd there are none, and that is said. */
static void check_signal_to_adopted(tend_process *adopted, int pidfd)
{
	int expected = syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0 ? 0 : -errno;
	struct tend_error e;

	CHECK_INT(expected, tend_process_signal(adopted, SIGTERM, TEND_LEADER, &e));
	if (expected < 0)
		CHECK_INT(0, kill(tend_process_pid(adopted), SIGTERM));
}

/* Linux 6.9: PIDFD_SIGNAL_PROCESS_GROUP. */
static bool pidfd_reaches_group(int pidfd)
{
	return syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 4) == 0;
}

/* Our own child once more, by its number and by a pidfd, where there are any. */
static void child_is_adopted(void)
{
	tend_process *child = test_spawn(NULL, "obedient", NULL), *by_number, *by_pidfd;
	struct tend_adopt o = { .pid = tend_process_pid(child), .if_forgotten = TEND_FORGOTTEN_DETACH };
	int pidfd = (int)syscall(SYS_pidfd_open, o.pid, 0), why = errno;
	struct tend_exit ended;
	struct tend_error e;

	if (pidfd < 0) {
		CHECK_INT(-why, tend_adopt(&o, &by_number, &e));
		CHECK_INT(TEND_STEP_PIDFD, e.step);
		CHECK_OK(tend_process_kill(child, TEST_PATIENCE, NULL, &e), &e);
		tend_process_free(child);
		return;
	}
	by_number = adopt(&o);
	o.pid = 0;
	o.pidfd = TEND_FD(pidfd);
	by_pidfd = adopt(&o);
	CHECK_INT(tend_process_pid(child), tend_process_pid(by_pidfd));
	CHECK_INT(pidfd_reaches_group(pidfd) ? TEND_SCOPE_GROUP : TEND_SCOPE_NONE, tend_process_scope(by_pidfd));
	check_signal_to_adopted(by_pidfd, pidfd);
	CHECK(test_wait(child, &ended));
	check_exit(&ended, TEND_SIGNALED, SIGTERM);
	tend_process_free(child); /* without group signals by pidfd it is reaped only now */
	CHECK(test_wait(by_number, &ended));
	CHECK(ended.kind == TEND_EXIT_UNKNOWN || ended.signal == SIGTERM);
	CHECK_INT(-ESRCH, tend_process_signal(by_number, SIGTERM, TEND_LEADER, &e));
	tend_process_free(by_pidfd);
	tend_process_free(by_number);
	close(pidfd);
}

/* Hazards 6, 12: reported by the spawn, with errno and step. */
static void exec_fails(void)
{
	static const struct {
		const char *program, *cwd;
		int code;
		enum tend_step step;
	} failures[] = {
		{ "/nowhere/prog", NULL, -ENOENT, TEND_STEP_EXEC },
		{ "/dev/null", NULL, -EACCES, TEND_STEP_EXEC },
		{ "/bin/sh", "/nowhere", -ENOENT, TEND_STEP_CHDIR },
	};

	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		const char *argv[] = { failures[i].program, NULL };
		struct tend_spawn s = test_spawn_options(argv, &test_reliable);
		struct tend_error e = { .code = 0 };
		tend_process *p = NULL;

		s.in = TEND_IN_PIPE;
		s.cwd = failures[i].cwd;
		CHECK_INT(failures[i].code, tend_spawn(&s, &p, &e));
		CHECK_INT(failures[i].code, e.code);
		CHECK_INT(failures[i].step, e.step);
		CHECK(!p);
	}
}

/* Hazard 71: whatever SIGPIPE does in this host, it is not raised. */
static void reader_is_gone(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	s.in = TEND_IN_PIPE;
	CHECK_OK(tend_spawn(&s, &p, &e), &e);
	CHECK(test_wait(p, &ended));
	CHECK_INT(-EPIPE, tend_process_stdin_write(p, "x", 1, TEST_PATIENCE, NULL, &e));
	tend_process_free(p);
}

static void check_report(const char *what, const char *expected)
{
	const char *argv[] = { helper("reporter"), what, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_result result;
	struct tend_error e;
	tend_process *p = NULL;

	CHECK_OK(tend_spawn(&s, &p, &e), &e);
	CHECK_OK(tend_process_complete(p, &collect_all, &result, &e), &e);
	check_exit(&result.exit, TEND_EXITED, 0);
	CHECK_STR(expected, result.out.collected.data);
	tend_process_free(p);
}

/* Hazards 1, 21, 22: nothing of the host's signal state and descriptors is in the child. */
void hostile_child_is_clean(void)
{
	if (access("/proc/self/status", R_OK) == 0)
		check_report("signals", "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
		                        "SigCgt:\t0000000000000000\n");
	check_report("fds", "0\n1\n2\n");
}

static const struct test scenarios[] = {
	{ "output_and_code", output_and_code },
	{ "stdin_and_back", stdin_and_back },
	{ "grandchild_is_stopped", grandchild_is_stopped },
	{ "stubborn_is_killed", stubborn_is_killed },
	{ "one_is_signalled", one_is_signalled },
	{ "one_of_the_parents_is_signalled", one_of_the_parents_is_signalled },
	{ "survivor_is_stopped", survivor_is_stopped },
	{ "child_is_adopted", child_is_adopted },
	{ "exec_fails", exec_fails },
	{ "reader_is_gone", reader_is_gone },
	{ "child_is_clean", hostile_child_is_clean },
};

/* HOSTILE_ONLY=NAME in the environment runs that one alone: for whoever looks for a defect. */
void hostile_scenarios(void)
{
	const char *only = getenv("HOSTILE_ONLY");

	one_of_the_parents_is_signalled(); /* so that its thread is in the books */
	hostile_open_books();
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
		if (!only || strcmp(only, scenarios[i].name) == 0)
			scenarios[i].run();
	hostile_close_books();
}

void hostile_in_fork(void (*run)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		run();
		_exit(0); /* LeakSanitizer cannot look at such processes */
	}
	CHECK(pid > 0);
	CHECK_INT(pid, waitpid(pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		_exit(SKIPPED);
	CHECK_INT(0, status);
}

static void (*prepare_host)(void);

static void prepare_and_run(void)
{
	if (prepare_host)
		prepare_host();
	hostile_scenarios();
}

void hostile_scenarios_in_fork(void (*prepare)(void))
{
	prepare_host = prepare;
	hostile_in_fork(prepare_and_run);
}

/* ---- running ---- */

#define MAX_SETTINGS 64

/* What was run, and what of it could not be had here: it has passed all the same, but never in silence. */
static struct {
	const struct hostile *settings;
	size_t n_run, n_left_out;
	bool left_out[MAX_SETTINGS];
} account;

static void note_left_out(const char *setting)
{
	size_t i = 0;

	while (strcmp(account.settings[i].name, setting) != 0)
		i++;
	account.left_out[i] = true;
	account.n_left_out++;
	if (getenv("HOSTILE_ALL"))
		test_check(false, "was left out, although HOSTILE_ALL is set", __FILE__, __LINE__);
}

/* One line, which is there also when nothing is missing: a log without it is one of a program that did not end. */
static void say_left_out(const char *suite, size_t n)
{
	const char *before = ":";

	fprintf(stderr, "%s: settings left out: %zu of %zu", suite, account.n_left_out, account.n_run);
	for (size_t i = 0; i < n; i++) {
		if (!account.left_out[i])
			continue;
		fprintf(stderr, "%s %s", before, account.settings[i].name);
		before = ",";
	}
	fprintf(stderr, "\n");
}

/* ThreadSanitizer does not like threads in a forked process, and gets along with them. */
static void run_setting(void)
{
	const char *argv[] = { "--in", test_name(), NULL }, *given = getenv("TSAN_OPTIONS");
	char options[1024];
	int status;

	account.n_run++;
	if (test_under_valgrind() && strcmp(test_name(), HOSTILE_FRIENDLY) == 0) {
		make_cookie(test_name());
		hostile_scenarios_in_fork(NULL); /* an exec would leave valgrind behind, which is a host of its own */
		return;
	}
	snprintf(options, sizeof options, "%s:die_after_fork=0", given ? given : "");
	status = test_run_self(argv, "TSAN_OPTIONS", options, NULL, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		note_left_out(test_name());
	else
		CHECK_INT(0, status);
}

static int run_in(const struct hostile *settings, size_t n, const char *name)
{
	static const char *const helpers[] = { "echoer", "exiter", "forker", "obedient", "reporter", "stubborn",
		                               "true-er" };

	for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++)
		helper(helpers[i]); /* found while /proc and all directories are as they should be */
	for (size_t i = 0; i < n; i++) {
		if (strcmp(settings[i].name, name) != 0)
			continue;
		if (settings[i].defect && !getenv("HOSTILE_DEFECTS"))
			hostile_skip(settings[i].defect);
		make_cookie(name);
		host.takes_status = settings[i].takes_status;
		if (settings[i].arrange)
			settings[i].arrange();
		settings[i].run ? settings[i].run() : hostile_scenarios();
		return 0;
	}
	fprintf(stderr, "there is no setting \"%s\"\n", name);
	return 1;
}

int hostile_main(int argc, char **argv, const char *suite, const struct hostile *settings, size_t n)
{
	static struct test tests[MAX_SETTINGS];
	int r;

	if (argc == 3 && strcmp(argv[1], "--in") == 0)
		return run_in(settings, n, argv[2]);
	if (n > MAX_SETTINGS)
		return 1;
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct test){ settings[i].name, run_setting };
	account.settings = settings;
	r = test_main(argc, argv, suite, tests, n);
	say_left_out(suite, n);
	return r;
}
