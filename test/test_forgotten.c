/* SPDX-License-Identifier: MIT */
/* What becomes of a child whose handle is freed while it runs, and of a host that ends first. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static const char *child_name = "forgotten one";

static tend_process *spawn_with(struct tend_forgotten policy, struct tend_input in, const char *program,
                                const char *arg)
{
	const char *argv[] = { helper(program), arg, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p = NULL;
	struct tend_error e;

	s.name = child_name;
	s.where = TEND_HERE;
	s.in = in;
	s.if_forgotten = policy;
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

static void free_nothing(void)
{
	tend_process *p = NULL;

	CHECK(tend_process_free(NULL) == NULL);
	tend_process_auto(&p);
	CHECK(p == NULL);
}

/* DG-4, OE-24, hazard 47: the child and its group are killed and reaped by the reaper, whoever forgot them. */
static void terminate_kills_the_group(void)
{
	static const struct tend_stop now = { .after_kill = TEND_DEFAULT_AFTER_KILL };
	tend_process *p = spawn_with(TEND_FORGOTTEN_TERMINATE(&now), TEND_IN_NULL, "forker", "leader-pauses");
	char line[16] = "0";
	pid_t pid;

	if (!p)
		return;
	test_await_line(tend_process_stdout(p), "grandchild ", line, sizeof line);
	pid = tend_process_pid(p);
	CHECK(tend_process_free(p) == NULL);
	test_await_gone(pid);
	test_await_gone(atoi(line));
}

/* OE-27, DG-7, DG-9, hazard 65: the plan runs without the freeing thread, in its phases. */
static void terminate_does_not_wait(void)
{
	static const struct tend_stop_phase patient[] = { { SIGTERM, TEND_GROUP, TEND_MINUTES(10) } };
	static const struct tend_stop plan = { .phases = patient, .n_phases = 1, .after_kill = TEND_SECONDS(3) };
	tend_process *p = spawn_with(TEND_FORGOTTEN_TERMINATE(&plan), TEND_IN_NULL, "stubborn", NULL);
	pid_t pid;

	if (!p)
		return;
	test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	pid = tend_process_pid(p);
	tend_process_free(p); /* the runner's watchdog would end a free that waits */
	CHECK(test_alive(pid));
	CHECK_INT(0, kill(pid, SIGKILL));
	test_await_gone(pid);
}

/* A child that is told to end by the plan ends in its own way. */
static void terminate_lets_it_shut_down(void)
{
	static const struct tend_stop_phase patient[] = { { SIGHUP, TEND_GROUP, TEND_MINUTES(10) } };
	static const struct tend_stop plan = { .phases = patient, .n_phases = 1, .after_kill = TEND_SECONDS(3) };
	tend_process *p = spawn_with(TEND_FORGOTTEN_TERMINATE(&plan), TEND_IN_NULL, "obedient", NULL);
	pid_t pid;

	if (!p)
		return;
	test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	pid = tend_process_pid(p);
	tend_process_free(p);
	test_await_gone(pid);
}

/*
 * DG-4, DG-11: in a process of its own: what the abort says, and that it leaves nobody.
 * panic_on_drop::armed_drop_panics_with_expected_message
 */
static int forget_and_abort(void)
{
	struct rlimit none = { 0, 0 };
	tend_process *p;
	char line[16] = "0";

	setrlimit(RLIMIT_CORE, &none);
	child_name = "forgotten\none";
	p = spawn_with(TEND_FORGOTTEN_ABORT, TEND_IN_NULL, "forker", "leader-pauses");
	if (!p)
		return 10;
	test_await_line(tend_process_stdout(p), "grandchild ", line, sizeof line);
	dprintf(STDERR_FILENO, "pids %d %s\n", tend_process_pid(p), line);
	tend_process_free(p);
	return 11;
}

static void abort_names_and_kills(void)
{
	const char *argv[] = { "--forget-and-abort", NULL };
	char err[4096];
	int leader = 0, grandchild = 0, status = test_run_self(argv, NULL, NULL, err, sizeof err);
	const char *behind = strchr(err, '\n');

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK_INT(2, sscanf(err, "pids %d %d", &leader, &grandchild));
	CHECK(behind && strstr(behind + 1, "forgotten?one") != NULL);
	CHECK(behind && strstr(behind + 1, "test_forgotten.c:") != NULL);
	CHECK(behind && behind[1] && strchr(behind + 1, '\n') == strrchr(behind + 1, '\n')); /* one line */
	test_await_gone(leader);
	test_await_gone(grandchild);
}

/* Nobody can read what it says, and it was not said where the child was started: the log hears of it. */
static void hear_of_abort(void *arg, const struct tend_log_event *e)
{
	const int *fd = arg;

	if (strcmp(e->event, "forgotten") == 0)
		dprintf(*fd, "%s", e->message);
}

static int forget_without_stderr(void)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct rlimit none = { 0, 0 };
	tend_process *p;
	int heard = dup(STDERR_FILENO);

	setrlimit(RLIMIT_CORE, &none);
	s.name = "forgotten one";
	s.if_forgotten = TEND_FORGOTTEN_ABORT;
	if (tend_set_log(hear_of_abort, &heard, TEND_LOG_ERROR) < 0 || tend_spawn(&s, &p, NULL) < 0)
		return 10;
	close(STDERR_FILENO);
	tend_process_free(p);
	return 11;
}

static void abort_is_logged(void)
{
	const char *argv[] = { "--forget-without-stderr", NULL };
	char err[4096];
	int status = test_run_self(argv, NULL, NULL, err, sizeof err);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(strstr(err, "forgotten one") != NULL);
	CHECK(strstr(err, "started at") == NULL);
}

/*
 * DG-2, WC-3, OE-41: an exit that nobody asked about is one all the same: no abort.
 * wait::wait_for_completion_disarms_cleanup_and_panic_guards, kill::kill_disarms_cleanup_and_panic_guards,
 * is_running::does_not_disarm_drop_guards_when_process_has_exited, panic_on_drop::defused_drop_does_not_panic
 */
static void abort_spares_who_waited_or_not(void)
{
	for (int i = 0; i < 30; i++) {
		tend_process *p = spawn_with(TEND_FORGOTTEN_ABORT, TEND_IN_NULL, "true-er", NULL);
		struct tend_stop_report stopped;
		struct tend_exit ended;
		pid_t pid;

		if (!p)
			return;
		pid = tend_process_pid(p);
		if (i % 3 == 0)
			test_wait(p, &ended);
		else if (i % 3 == 1)
			test_await_gone(pid);
		else
			CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, &stopped, NULL));
		CHECK(tend_process_free(p) == NULL);
	}
}

/*
 * DG-1, DG-3: a detached child outlives its handle, and is still reaped when it ends.
 * drop_guard::must_not_be_terminated_lets_child_outlive_dropped_handle, panic_on_drop::defuse_is_idempotent
 */
static void detached_lives_on(void)
{
	for (int by_call = 0; by_call < 2; by_call++) {
		tend_process *p = spawn_with(by_call ? TEND_FORGOTTEN_ABORT : TEND_FORGOTTEN_DETACH, TEND_IN_NULL,
		                             "stubborn", NULL);
		pid_t pid;

		if (!p)
			return;
		test_await_line(tend_process_stdout(p), "ready", NULL, 0);
		pid = tend_process_pid(p);
		for (int i = 0; by_call && i < 2; i++) /* a second time does no harm */
			tend_process_detach(p);
		CHECK(tend_process_free(p) == NULL);
		CHECK(test_alive(pid));
		CHECK_INT(0, kill(pid, SIGKILL));
		test_await_gone(pid);
	}
}

/*
 * DG-6: its pipes close with the handle: it reads EOF.
 * drop_guard::must_not_be_terminated_still_closes_stdin_on_drop
 */
static void detached_reads_eof(void)
{
	const char *argv[] = { helper("stdiner"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p = NULL;
	struct tend_error e;
	char text[16] = "";
	int fds[2];

	if (!CHECK_INT(0, pipe2(fds, O_CLOEXEC)))
		return;
	s.in = TEND_IN_PIPE;
	s.out = TEND_OUT_FD(fds[1]);
	s.if_forgotten = TEND_FORGOTTEN_DETACH;
	if (CHECK_OK(tend_spawn(&s, &p, &e), &e)) {
		close(fds[1]);
		CHECK_OK(tend_process_stdin_write(p, "abc", 3, TEST_PATIENCE, NULL, &e), &e);
		tend_process_free(p);
		CHECK_INT(2, read(fds[0], text, sizeof text - 1));
		CHECK_STR("3\n", text);
	}
	close(fds[0]);
}

/*
 * DG-6: a child that writes to nobody gets SIGPIPE.
 * drop_guard::must_not_be_terminated_still_closes_stdout_pipe_on_drop
 */
static void detached_gets_sigpipe(void)
{
	tend_process *p = spawn_with(TEND_FORGOTTEN_DETACH, TEND_IN_NULL, "flooder", "1000000000000");
	pid_t pid;

	if (!p)
		return;
	pid = tend_process_pid(p);
	tend_process_free(p);
	test_await_gone(pid);
}

/* What is subscribed outlives the handle: what was buffered, then the end. */
static void subscription_outlives_the_handle(void)
{
	tend_process *p = spawn_with(TEND_FORGOTTEN_DETACH, TEND_IN_NULL, "obedient", NULL);
	tend_subscription *sub = NULL;
	struct tend_event event;
	struct tend_error e;
	pid_t pid;

	if (!p)
		return;
	pid = tend_process_pid(p);
	test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	CHECK_OK(tend_stream_subscribe(tend_process_stdout(p), NULL, &sub, &e), &e);
	tend_process_free(p);
	CHECK_INT(0, tend_subscription_next(sub, TEST_PATIENCE, &event));
	if (CHECK_INT(TEND_CHUNK, event.kind))
		CHECK_MEM("ready\n", 6, event.chunk.data, event.chunk.size);
	CHECK_INT(0, tend_subscription_next(sub, TEST_PATIENCE, &event));
	CHECK_INT(TEND_DETACHED, event.kind);
	tend_subscription_close(sub);
	CHECK_INT(0, kill(pid, SIGKILL));
	test_await_gone(pid);
}

static void *exit_here(void *arg)
{
	(void)arg;
	exit(0);
}

/* Hazard 66: a host that ends on a thread of its own while children, readers and the reaper live. */
static int exit_from_a_thread(void)
{
	static tend_process *volatile p, *volatile q; /* reachable for leak checkers */
	pthread_t thread;

	p = spawn_with(TEND_FORGOTTEN_ABORT, TEND_IN_PIPE, "echoer", NULL);
	q = spawn_with(TEND_FORGOTTEN_ABORT, TEND_IN_PIPE, "stdiner", NULL);
	if (!p || !q || pthread_create(&thread, NULL, exit_here, NULL) != 0)
		return 10;
	pthread_join(thread, NULL);
	return 11;
}

static void host_ends_first(void)
{
	const char *argv[] = { "--exit-from-a-thread", NULL };

	/* The children are ended, or read EOF and end; the runner would find them. */
	for (int i = 0; i < 5; i++) /* their handles are left to the end, and with them threads that nobody joins */
		CHECK_INT(0, test_run_self(argv, "TSAN_OPTIONS", "report_thread_leaks=0", NULL, 0));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "free_nothing", free_nothing },
		{ "terminate_kills_the_group", terminate_kills_the_group },
		{ "terminate_does_not_wait", terminate_does_not_wait },
		{ "terminate_lets_it_shut_down", terminate_lets_it_shut_down },
		{ "abort_names_and_kills", abort_names_and_kills },
		{ "abort_is_logged", abort_is_logged },
		{ "abort_spares_who_waited_or_not", abort_spares_who_waited_or_not },
		{ "detached_lives_on", detached_lives_on },
		{ "detached_reads_eof", detached_reads_eof },
		{ "detached_gets_sigpipe", detached_gets_sigpipe },
		{ "subscription_outlives_the_handle", subscription_outlives_the_handle },
		{ "host_ends_first", host_ends_first },
	};

	if (argc == 2 && strcmp(argv[1], "--forget-without-stderr") == 0)
		return forget_without_stderr();
	if (argc == 2 && strcmp(argv[1], "--forget-and-abort") == 0)
		return forget_and_abort();
	if (argc == 2 && strcmp(argv[1], "--exit-from-a-thread") == 0)
		return exit_from_a_thread();
	return test_main(argc, argv, "forgotten", tests, sizeof tests / sizeof *tests);
}
