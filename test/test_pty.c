/* SPDX-License-Identifier: MIT */
/* A child on a terminal of its own: wish 15, hazards 24, 82, 85, 86. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "fault.h"
#include "streams.h"
#include "test.h"

static const struct tend_pty raw = { .mode = TEND_PTY_RAW };
static const struct tend_pty cooked = { .mode = TEND_PTY_COOKED, .rows = 50, .columns = 132 };

static bool have_ptys(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e = { .step = TEND_STEP_NONE };
	struct tend_exit ended;
	tend_process *p = NULL;

	s.err = TEND_OUT_MERGE;
	s.pty = &raw;
	if (tend_spawn(&s, &p, &e) == 0)
		test_wait(p, &ended);
	tend_process_free(p);
	if (e.step == TEND_STEP_TERMINAL)
		fprintf(stderr, "there are no pseudoterminals here: %s\n", e.message);
	return e.step != TEND_STEP_TERMINAL;
}

static tend_process *start(const char *const *argv, const struct tend_pty *pty)
{
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e;
	tend_process *p = NULL;

	s.name = "terminal";
	s.in = TEND_IN_PIPE;
	s.err = TEND_OUT_MERGE;
	s.pty = pty;
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

/* Ends it, and compares all that came out of the terminal.  The hangup of the child's side is its end, and no error. */
static void check_all(tend_process *p, int code, const char *expected)
{
	struct tend_result result;
	struct tend_error e;
	const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.max_bytes = 4096, .overflow = TEND_DROP_NEWEST),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};

	if (!p || !CHECK_OK(tend_process_complete(p, &all, &result, &e), &e))
		return;
	CHECK_INT(TEND_COMPLETED, result.outcome);
	CHECK_INT(TEND_EXITED, result.exit.kind);
	CHECK_INT(code, result.exit.code);
	CHECK_INT(TEND_END_EOF, result.out.end);
	CHECK_MEM(expected, strlen(expected), result.out.collected.data, result.out.collected.size);
}

static void type(tend_process *p, const char *keys)
{
	struct tend_error e;

	CHECK_OK(tend_process_stdin_write(p, keys, strlen(keys), TEST_PATIENCE, NULL, &e), &e);
}

static void is_the_controlling_terminal(void)
{
	const char *argv[] = { helper("reporter"), "tty", NULL };
	tend_process *p = start(argv, &raw);

	check_all(p, 0, "111 24x80 controlling\n");
	tend_process_free(p);
	p = start(argv, &cooked);
	if (p)
		CHECK_INT(TEND_SCOPE_SESSION, tend_process_scope(p));
	check_all(p, 0, "111 50x132 controlling\r\n");
	tend_process_free(p);
}

/* Other standard streams go where they were told. */
static void only_what_would_be_a_pipe(void)
{
	const char *argv[] = { helper("reporter"), "tty", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	char out[64];

	s.pty = &raw;
	if (test_output_of(&s, out, sizeof out))
		CHECK_STR("010 24x80 controlling\n", out);
}

/* In raw mode bytes are bytes, in both directions: no signal, end, erasure or other byte, and no echo. */
static void raw_bytes_pass(void)
{
	static const char *const keys[] = { "\x03\x04\r\n\x1c\x7f\xffq", "." };
	const char *argv[] = { helper("echoer"), NULL };
	tend_process *p = start(argv, &raw);
	tend_subscription *sub;

	if (!p)
		return;
	sub = stream_subscribe(tend_process_stdout(p));
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		type(p, keys[i]);
		expect_bytes(sub, keys[i]);
	}
	CHECK_OK(tend_process_kill(p, TEST_PATIENCE, NULL, NULL), NULL);
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	tend_process_free(p);
}

/* What nobody will read is told, and not waited for: a terminal takes some of it, and then neither more nor less. */
static void nobody_reads(void)
{
	static char much[200000];
	const char *argv[] = { helper("true-er"), NULL };
	tend_process *p = start(argv, &raw);
	struct tend_exit ended;
	struct tend_error e;
	size_t n = 0;

	if (p && test_wait(p, &ended)) {
		CHECK_INT(-EPIPE, tend_process_stdin_write(p, much, sizeof much, TEST_PATIENCE, &n, &e));
		CHECK(n < sizeof much);
	}
	tend_process_free(p);
}

/* Closing stdin types the end-of-file character, in a line as at its begin. */
static void cooked_input_ends(void)
{
	const char *argv[] = { helper("stdiner"), NULL };
	tend_process *p = start(argv, &cooked);

	if (p) {
		type(p, "whole\n");
		CHECK_INT(0, tend_process_stdin_close(p));
	}
	check_all(p, 0, "whole\r\n6\r\n");
	tend_process_free(p);
	p = start(argv, &cooked);
	if (p)
		type(p, "part"); /* complete() closes it */
	check_all(p, 0, "part4\r\n");
	tend_process_free(p);
}

static void control_c_is_a_signal(void)
{
	const char *argv[] = { helper("obedient"), NULL };
	tend_process *p = start(argv, &cooked);
	struct tend_exit ended;

	if (p) {
		type(p, "\x03");
		test_wait(p, &ended);
		CHECK_INT(TEND_SIGNALED, ended.kind);
		CHECK_INT(SIGINT, ended.signal);
	}
	tend_process_free(p);
}

static void window_changes(void)
{
	const char *argv[] = { helper("sigcounter"), NULL };
	tend_process *p = start(argv, &raw);
	char line[64];

	if (!p)
		return;
	CHECK_INT(-EINVAL, tend_process_set_window(NULL, 1, 1));
	CHECK_INT(-EINVAL, tend_process_set_window(p, 0, 1));
	if (test_await_line(tend_process_stdout(p), "ready", line, sizeof line)) {
		CHECK_INT(0, tend_process_set_window(p, 30, 100));
		test_await_line(tend_process_stdout(p), "got 28", line, sizeof line);
	}
	CHECK_INT(0, tend_process_stdin_close(p));
	CHECK_INT(-EBADF, tend_process_set_window(p, 30, 101));
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
	p = test_spawn(NULL, "true-er", NULL);
	if (p)
		CHECK_INT(-ENOTTY, tend_process_set_window(p, 1, 1));
	tend_process_free(p);
}

/* When nobody is at the other side any more the session gets SIGHUP. */
static void free_hangs_up(void)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e;
	tend_process *p = NULL;
	pid_t pid;

	s.in = TEND_IN_PIPE;
	s.err = TEND_OUT_MERGE;
	s.pty = &raw;
	s.if_forgotten = TEND_FORGOTTEN_DETACH;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	pid = tend_process_pid(p);
	tend_process_free(p);
	test_await_gone(pid);
}

/* A child with other ids owns its terminal, or it could not open it by its name. */
static void belongs_to_the_child(void)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	char path[64], name[64] = "";
	tend_process *p = NULL;
	struct tend_error e;
	struct stat st;

	if (geteuid() != 0) {
		printf("(left out: only root can change ids) ");
		return;
	}
	s.err = TEND_OUT_MERGE;
	s.pty = &raw;
	s.uid = TEND_UID(65534);
	s.gid = TEND_GID(65534);
	s.groups = TEND_GROUPS_NONE;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	snprintf(path, sizeof path, "/proc/%d/fd/1", (int)tend_process_pid(p));
	CHECK(readlink(path, name, sizeof name - 1) > 0);
	CHECK_INT(0, strncmp(name, "/dev/pts/", 9));
	if (CHECK_INT(0, stat(name, &st))) {
		CHECK_INT(65534, st.st_uid);
		CHECK_INT(65534, st.st_gid);
	}
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
}

static void every_failure_is_clean(void)
{
	static const char *const calls[] = { "pty", "set_terminal", "dup" };
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	size_t fds = test_count_fds();

	s.in = TEND_IN_PIPE;
	s.pty = &raw;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		tend_process *p = NULL;
		struct tend_error e = { .code = 0 };

		fault_fail_sys(calls[i], 1, EMFILE);
		CHECK_INT(-EMFILE, tend_spawn(&s, &p, &e));
		CHECK(fault_fired());
		CHECK_INT(TEND_STEP_TERMINAL, e.step);
		fault_reset();
		test_settle(fds);
	}
}

/* ---- a host that has a terminal itself ---- */

static int terminal; /* the master side of the host's own */

/* This process becomes the leader of a session, in the foreground of a terminal that is its stdin. */
static bool take_terminal(void)
{
	int slave;

	terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (setsid() < 0 || terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0)
		return false;
	slave = open(ptsname(terminal), O_RDWR); /* a leader without a terminal gets this one */
	return slave >= 0 && dup2(slave, STDIN_FILENO) == STDIN_FILENO && close(slave) == 0 &&
	       tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static tend_process *start_typer(const char *what, enum tend_scope scope)
{
	const char *argv[] = { helper("typer"), what, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p = NULL;
	struct tend_error e;

	s.in = TEND_IN_INHERIT;
	s.err = TEND_OUT_DISCARD;
	s.scope = scope;
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

/* In the background it is stopped, which can be seen; nothing is lost, it can be stopped for good. */
static void check_stopped(const char *what)
{
	tend_process *p = start_typer(what, TEND_SCOPE_GROUP);
	struct tend_status status = { .state = TEND_STATE_RUNNING };
	struct tend_stop_report r;
	struct tend_exit ended;

	if (!p)
		return;
	while (status.state == TEND_STATE_RUNNING && CHECK_INT(0, tend_process_status(p, &status)))
		sched_yield();
	CHECK_INT(TEND_STATE_STOPPED, status.state);
	CHECK_INT('T', status.kernel.state);
	CHECK_INT(0, tend_process_wait(p, TEND_AT_ONCE, &ended, NULL));
	CHECK_INT(TEND_RUNNING, ended.kind);
	CHECK_INT(0, tend_process_stop(p, &TEND_STOP_TERM(TEND_SECONDS(90)), &r, NULL));
	CHECK_INT(TEND_STOPPED_IN_PHASE, r.outcome);
	CHECK_INT(0, tend_stream_stats(tend_process_stdout(p)).bytes_read);
	tend_process_free(p);
}

/* In the host's group, and in a session for which this is a terminal as any, it is not. */
static void check_allowed(const char *what, enum tend_scope scope)
{
	tend_process *p = start_typer(what, scope);

	if (!p)
		return;
	check_all(p, 0, "done\n");
	tend_process_free(p);
}

static void in_the_background(void)
{
	CHECK_INT(2, write(terminal, "x\n", 2)); /* it is not for want of a line */
	check_stopped("read");
	check_stopped("set");
	CHECK_INT(getpgrp(), tcgetpgrp(STDIN_FILENO));
}

static void in_the_foreground(void)
{
	static const enum tend_scope scopes[] = { TEND_SCOPE_NONE, TEND_SCOPE_SESSION };

	for (size_t i = 0; i < 2; i++) {
		check_allowed("set", scopes[i]);
		CHECK_INT(2, write(terminal, "x\n", 2));
		check_allowed("read", scopes[i]);
		CHECK_INT(0, tcflush(STDIN_FILENO, TCIFLUSH));
	}
}

/* With stdin from elsewhere, or on a terminal of its own, the group is no reason to stop. */
static void nothing_to_do_with_it(void)
{
	const char *const argv[] = { helper("typer"), "set", NULL };
	tend_process *p = start(argv, &raw);

	check_all(p, 0, "done\n");
	tend_process_free(p);
}

static const struct test tests_on_a_terminal[] = {
	{ "in_the_background", in_the_background },
	{ "in_the_foreground", in_the_foreground },
	{ "nothing_to_do_with_it", nothing_to_do_with_it },
};

/* Hazard 24: a host on a terminal; whom the kernel stops for using it depends on the scope that was chosen. */
static void the_host_has_a_terminal(void)
{
	static const char *const argv[] = { "--on-a-terminal", NULL };

	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "is_the_controlling_terminal", is_the_controlling_terminal },
		{ "only_what_would_be_a_pipe", only_what_would_be_a_pipe },
		{ "raw_bytes_pass", raw_bytes_pass },
		{ "nobody_reads", nobody_reads },
		{ "cooked_input_ends", cooked_input_ends },
		{ "control_c_is_a_signal", control_c_is_a_signal },
		{ "window_changes", window_changes },
		{ "free_hangs_up", free_hangs_up },
		{ "belongs_to_the_child", belongs_to_the_child },
		{ "every_failure_is_clean", every_failure_is_clean },
		{ "the_host_has_a_terminal", the_host_has_a_terminal },
	};

	if (argc == 2 && strcmp(argv[1], "--on-a-terminal") == 0)
		return take_terminal() ? test_main(1, argv, "pty, on a terminal", tests_on_a_terminal,
		                                   sizeof tests_on_a_terminal / sizeof *tests_on_a_terminal)
		                       : 1;
	if (argc < 2 && !have_ptys())
		return 77;
	return test_main(argc, argv, "pty", tests, sizeof tests / sizeof *tests);
}
