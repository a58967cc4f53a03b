/* SPDX-License-Identifier: MIT */
/* tend run: time-outs, stop plans, what is left behind, output that outlives the child, slow readers. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void short_pause(void)
{
	struct timespec t = { .tv_nsec = 2000000 };

	nanosleep(&t, NULL);
}

/* Ends what a run has left behind on purpose. */
static void kill_and_await(pid_t pid)
{
	if (!CHECK(pid > 1))
		return;
	kill(pid, SIGKILL);
	test_await_gone(pid);
}

/* ---- time is over ---- */

/* The promise is 1.5 s on a machine that has time for it: the best of five counts. */
static void timeout_of_a_stubborn_child(void)
{
	const char *report = tool_file("report");
	int64_t best = INT64_MAX;

	for (int i = 0; i < 5 && best >= INT64_C(1500000000); i++) {
		struct tool_run r;
		json_t *json;

		TOOL_RUN(&r, "run", "--timeout", "1s", "--stop", "TERM:200ms", "--report", report, "--",
		         helper("stubborn"));
		CHECK_INT(124, r.status);
		CHECK_STR("ready\n", r.out);
		if (r.result.exit.wall_ns < best)
			best = r.result.exit.wall_ns;
		json = tool_report(report);
		CHECK_STR("timed-out", tool_text(json, "outcome"));
		CHECK(json_is_true(tool_at(json, "timed_out")));
		CHECK_INT(2, tool_int(json, "stop.phase"));
		CHECK_STR("SIGTERM SIGCONT SIGKILL", tool_words(json, "stop.signals"));
		CHECK_STR("", tool_words(json, "stop.errors"));
		CHECK_STR("SIGKILL", tool_text(json, "signal"));
		CHECK_INT(0, json_array_size(tool_at(json, "survivors")));
		errno = 0;
		/* nothing is left of the group */
		CHECK(kill((pid_t)-tool_int(json, "pid"), 0) == -1 && errno == ESRCH);
		json_decref(json);
		tool_free(&r);
	}
	CHECK(best >= INT64_C(1200000000));
	if (!test_under_valgrind() && !test_under_sanitizer())
		CHECK(best < INT64_C(1500000000));
}

static void timeout_of_an_obedient_child(void)
{
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--timeout", "50ms", "--stop", "term:1h", "--report", "-", helper("obedient"));
	CHECK_INT(124, r.status);
	json = tool_report_in(r.err);
	CHECK_INT(1, tool_int(json, "stop.phase"));
	CHECK_STR("SIGTERM SIGCONT", tool_words(json, "stop.signals"));
	CHECK_STR("SIGTERM", tool_text(json, "signal"));
	CHECK(strstr(r.err, "tend: obedient: not finished after 50 ms: stopping it\n") != NULL);
	CHECK(strstr(r.err, "tend: obedient: stopped in phase 1, by SIGTERM, after ") != NULL);
	json_decref(json);
	tool_free(&r);
}

/* In time: the plan does not run. */
static void timeout_that_does_not_come(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--timeout", "1h", "--report", report, helper("exiter"), "5");
	CHECK_INT(5, r.status);
	CHECK_STR("", r.err);
	json = tool_report(report);
	CHECK_STR("exited", tool_text(json, "outcome"));
	CHECK(tool_is_null(json, "stop.phase"));
	json_decref(json);
	tool_free(&r);
}

static void plan_with_many_phases(void)
{
	const char *report = tool_file("report");
	tend_process *tool = TOOL_START("run", "--stop", "SIGINT:10ms:leader,HUP:10ms:group,15:10ms,CONT:1ms",
	                                "--report", report, helper("stubborn"));
	struct tool_run r;
	json_t *json;

	tool_await_out(tool, "ready");
	tool_signal(tool, SIGTERM);
	tool_finish(&r, tool);
	CHECK_INT(128 + SIGKILL, r.status);
	json = tool_report(report);
	CHECK_INT(5, tool_int(json, "stop.phase"));
	CHECK_STR("SIGINT SIGCONT SIGHUP SIGCONT SIGTERM SIGCONT SIGCONT SIGKILL", tool_words(json, "stop.signals"));
	json_decref(json);
	tool_free(&r);
}

/* The leader obeys, its child does not: all of the group is gone when tend is. */
static void nothing_of_the_group_is_left(void)
{
	const char *report = tool_file("report");
	tend_process *tool;
	struct tool_run r;
	json_t *json;
	pid_t grandchild;

	tool = TOOL_START("run", "--stdout", "stream", "--stop", "TERM:50ms", "--report", report, helper("forker"),
	                  "leader-pauses");
	grandchild = atoi(tool_await_out(tool, "grandchild "));
	tool_signal(tool, SIGTERM);
	tool_finish(&r, tool);
	CHECK_INT(128 + SIGTERM, r.status);
	CHECK(grandchild > 1 && !test_alive(grandchild));
	json = tool_report(report);
	CHECK_STR("signaled", tool_text(json, "outcome"));
	CHECK_INT(2, tool_int(json, "stop.phase"));
	CHECK_STR("eof", tool_text(json, "stdout.end"));
	json_decref(json);
	tool_free(&r);
}

static void not_ready_in_time(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--ready", "never", "--ready-timeout", "100ms", "--timeout", "1h", "--report", report,
	         helper("obedient"));
	CHECK_INT(124, r.status);
	CHECK(strstr(r.err, "tend: obedient: no line has matched 'never' after 100 ms: stopping it\n") != NULL);
	json = tool_report(report);
	CHECK_STR("not-ready", tool_text(json, "outcome"));
	CHECK(json_is_false(tool_at(json, "timed_out")));
	CHECK(tool_is_null(json, "ready_ms"));
	CHECK_INT(1, tool_int(json, "stop.phase"));
	json_decref(json);
	tool_free(&r);
}

/* Once it is ready its time to become so is over for good; the other one still runs. */
static void ready_and_then_timed_out(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--ready", "^ready$", "--ready-timeout", "20s", "--timeout", "21s", "--report", report,
	         helper("printer"), "ready\\n");
	CHECK_INT(0, r.status);
	tool_free(&r);
	TOOL_RUN(&r, "run", "--ready", "^ready$", "--timeout", "1s", "--report", report, helper("obedient"));
	CHECK_INT(124, r.status);
	json = tool_report(report);
	CHECK_STR("timed-out", tool_text(json, "outcome"));
	CHECK(tool_int(json, "ready_ms") >= 0);
	json_decref(json);
	tool_free(&r);
}

/* ---- output that outlives the child ---- */

/* Nothing is read, so nothing is waited for, and there is nothing to tell: least of all that it was complete. */
static void exit_without_streams(void)
{
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--stdout", "discard", "--report", "-", "--", "sh", "-c", "sleep 600 & exit 3");
	CHECK_INT(3, r.status);
	CHECK(r.result.exit.wall_ns < INT64_C(60000000000));
	json = tool_report_in(r.err);
	CHECK(tool_is_null(json, "stdout.bytes"));
	CHECK(tool_is_null(json, "stdout.complete"));
	CHECK_INT(1, json_array_size(tool_at(json, "survivors")));
	CHECK(tool_text(json, "survivors.0.comm")[0] != '\0');
	kill_and_await((pid_t)tool_int(json, "survivors.0.pid"));
	json_decref(json);
	tool_free(&r);
}

/* Its pipe is held: tend reads on as long as the drain allows, and says who holds it. */
static void exit_with_a_held_stream(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	char line[128];
	json_t *json;
	pid_t pid;

	TOOL_RUN(&r, "run", "--stdout", "stream", "--stderr", "stream", "--drain", "50ms,5s", "--report", report,
	         helper("forker"), "hold", "3");
	CHECK_INT(3, r.status);
	json = tool_report(report);
	pid = (pid_t)tool_int(json, "stdout.held_by.0.pid");
	snprintf(line, sizeof line, "grandchild %d\n", (int)pid);
	CHECK_STR(line, r.out);
	CHECK_STR("forker", tool_text(json, "stdout.held_by.0.comm"));
	CHECK_INT(1, json_array_size(tool_at(json, "stdout.held_by")));
	CHECK_INT(pid, tool_int(json, "stderr.held_by.0.pid"));
	CHECK_INT(pid, tool_int(json, "survivors.0.pid"));
	CHECK_STR("detached", tool_text(json, "stdout.end"));
	CHECK(json_is_false(tool_at(json, "stdout.complete")));
	snprintf(line, sizeof line, "tend: forker: stdout is still held, and no longer read, by %d (forker)\n",
	         (int)pid);
	CHECK(strstr(r.err, line) != NULL);
	kill_and_await(pid);
	json_decref(json);
	tool_free(&r);
}

/* Each byte begins the idle time anew; a quiet end of all writers needs none of it. */
static void drain_reads_what_still_comes(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--stdout", "stream", "--drain", "50s,90s", "--report", report, helper("forker"), "drip",
	         "5", "20");
	CHECK_INT(0, r.status);
	json = tool_report(report);
	CHECK_INT(21, tool_int(json, "stdout.lines"));
	CHECK_STR("eof", tool_text(json, "stdout.end"));
	CHECK_INT(0, json_array_size(tool_at(json, "stdout.held_by")));
	json_decref(json);
	tool_free(&r);
}

/* The total ends it in any case; the writer then gets SIGPIPE. */
static void drain_ends_at_its_total(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--stdout", "stream", "--drain", "50s,200ms", "--report", report, helper("forker"),
	         "drip", "5", "1000000");
	CHECK_INT(0, r.status);
	json = tool_report(report);
	CHECK_STR("detached", tool_text(json, "stdout.end"));
	CHECK(json_is_false(tool_at(json, "stdout.complete")));
	test_await_gone(atoi(r.out + strlen("grandchild ")));
	json_decref(json);
	tool_free(&r);
}

/* ---- a reader that takes its time ---- */

/*
 * Starts tend with stdout on a pipe that nobody reads, and waits until the child has written all and exited: the
 * kernel's two pipes hold 128 KiB, tend's small buffers next to nothing.
 */
static tend_process *start_unread(int fds[2], const char *report)
{
	tend_process *tool;

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	tool = tool_start((const char *const[]){ "run", "-v", "--stdout", "chunk=4KiB,depth=1", "--stderr", "discard",
	                                         "--drain", "50ms,100ms", "--report", report, helper("flooder"),
	                                         "120000", NULL },
	                  TEND_OUT_FD(fds[1]), TEND_OUT_STREAM(test_reliable_all));
	close(fds[1]);
	tool_await_err(tool, "tend: flooder: exit: ");
	return tool;
}

/* The drain's clock stands while tend waits for its own reader: a slow one gets every byte. */
static void slow_reader_gets_all(void)
{
	const char *report = tool_file("report");
	static char buffer[65536];
	struct tool_run r;
	json_t *json;
	ssize_t n, total = 0;
	int fds[2];
	tend_process *tool = start_unread(fds, report);

	for (int i = 0; i < 100; i++)
		short_pause(); /* longer than the drain: without it the test would only see less */
	while ((n = read(fds[0], buffer, sizeof buffer)) > 0)
		total += n;
	CHECK_INT(120000, total);
	tool_finish(&r, tool);
	CHECK_INT(0, r.status);
	json = tool_report(report);
	CHECK(json_is_true(tool_at(json, "stdout.complete")));
	json_decref(json);
	tool_free(&r);
	close(fds[0]);
}

/* A person who does not want to wait for that presses Ctrl-C. */
static void slow_reader_is_given_up(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;
	int fds[2];
	tend_process *tool = start_unread(fds, report);

	tool_signal(tool, SIGINT);
	tool_finish(&r, tool);
	CHECK_INT(125, r.status);
	CHECK(strstr(r.err, "tend: flooder: not all of its output could be passed on") != NULL);
	json = tool_report(report);
	CHECK_INT(0, tool_int(json, "exit_code"));
	CHECK(json_is_false(tool_at(json, "stdout.complete")));
	json_decref(json);
	tool_free(&r);
	close(fds[0]);
}

static void make_full_pipe(int fds[2])
{
	CHECK_INT(0, pipe2(fds, O_CLOEXEC | O_NONBLOCK));
	while (write(fds[1], "x", 1) == 1)
		;
	CHECK_INT(0, fcntl(fds[1], F_SETFL, 0));
}

/* A child that was stopped is not worth a long wait: nobody reads what it has written. */
static void slow_reader_of_a_stopped_child(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;
	tend_process *tool;
	int fds[2];

	make_full_pipe(fds);
	tool = tool_start((const char *const[]){ "run", "--ready", "^ready$", "--drain", "10ms,100ms", "--report",
	                                         report, helper("obedient"), NULL },
	                  TEND_OUT_FD(fds[1]), TEND_OUT_STREAM(test_reliable_all));
	tool_await_err(tool, "tend: obedient: ready after");
	tool_signal(tool, SIGTERM);
	tool_finish(&r, tool);
	CHECK_INT(125, r.status);
	CHECK(strstr(r.err, "tend: obedient: not all of its output could be passed on") != NULL);
	json = tool_report(report);
	CHECK_STR("signaled", tool_text(json, "outcome"));
	CHECK(json_is_false(tool_at(json, "stdout.complete")));
	json_decref(json);
	tool_free(&r);
	close(fds[0]);
	close(fds[1]);
}

/* tend's own lines wait in a queue, and not the threads that have something to say. */
static void full_stderr_does_not_hold_up_the_stop(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;
	int fds[2];

	make_full_pipe(fds);
	tool_finish(&r, tool_start((const char *const[]){ "run", "-vv", "--stderr", "discard", "--timeout", "100ms",
	                                                  "--stop", "TERM:100ms", "--drain", "10ms,100ms", "--report",
	                                                  report, helper("stubborn"), NULL },
	                           TEND_OUT_STREAM(test_reliable_all), TEND_OUT_FD(fds[1])));
	CHECK_INT(124, r.status);
	json = tool_report(report);
	CHECK_STR("SIGKILL", tool_text(json, "signal"));
	json_decref(json);
	tool_free(&r);
	close(fds[0]);
	close(fds[1]);
}

/* Neither do its last words, which are many, behind a time-out. */
static void last_words_that_nobody_reads(void)
{
	struct tool_run r;
	int fds[2];

	make_full_pipe(fds);
	tool_finish(&r, tool_start((const char *const[]){ "run", "--stderr", "discard", "--timeout", "200ms", "--stop",
	                                                  "TERM:100ms", "--drain", "10ms,100ms", "--tail", "5",
	                                                  "--report", "-", helper("stubborn"), NULL },
	                           TEND_OUT_STREAM(test_reliable_all), TEND_OUT_FD(fds[1])));
	CHECK_INT(124, r.status);
	CHECK(strncmp(r.out, "ready\n", 6) == 0);
	tool_free(&r);
	close(fds[0]);
	close(fds[1]);
}

/* A file that has been written to its end: the report is in front of what goes to stderr. */
static bool await_report(const char *path)
{
	int64_t end = test_now_ns() + INT64_C(60000000000);
	json_t *json = NULL;

	while (!(json = json_load_file(path, 0, NULL)) && test_now_ns() < end)
		short_pause();
	json_decref(json);
	return CHECK(json != NULL);
}

/* Of a program that has ended by itself they may be waited for longer; a person who does not want to presses Ctrl-C. */
static void last_words_are_given_up(void)
{
	const char *report = tool_file("written");
	struct tool_run r;
	tend_process *tool;
	int fds[2];

	unlink(report);
	make_full_pipe(fds);
	tool = tool_start((const char *const[]){ "run", "--tail", "5", "--report", report, helper("exiter"), "3",
	                                         "last words\n", NULL },
	                  TEND_OUT_STREAM(test_reliable_all), TEND_OUT_FD(fds[1]));
	await_report(report);
	tool_signal(tool, SIGINT);
	tool_finish(&r, tool);
	CHECK_INT(3, r.status);
	tool_free(&r);
	close(fds[0]);
	close(fds[1]);
}

/* Whoever reads slowly gets all of them. */
static void last_words_of_many_bytes(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "--stdout", "discard", "--tail", "100000", "--report", "-", "sh", "-c",
	         "head -c 3000000 /dev/zero | tr '\\0' 'x' | fold -w 99 >&2; exit 1");
	CHECK_INT(1, r.status);
	CHECK(strstr(r.err, "tend: sh: the end of stderr (lines: 30304, dropped before them: 0)\nxxx") != NULL);
	CHECK(r.result.err.collected.size > 2 * 3000000);
	json_decref(tool_report_in(r.err + r.result.err.collected.size - 1200));
	tool_free(&r);
}

/* tend blocks its signals before it starts its first thread. */
static void await_second_thread(tend_process *tool)
{
	int64_t end = test_now_ns() + INT64_C(60000000000);
	struct stat st = { .st_nlink = 0 };
	char path[64];

	if (!tool)
		return;
	snprintf(path, sizeof path, "/proc/%d/task", (int)tend_process_pid(tool));
	while (stat(path, &st) == 0 && st.st_nlink < 2 + 2 && test_now_ns() < end)
		short_pause();
	CHECK(st.st_nlink >= 2 + 2);
}

/* Without a child tend has nothing to outlive a signal for: it ends as any program would. */
static void full_stderr_and_no_child(void)
{
	static const int signals[] = { SIGTERM, SIGINT };

	for (size_t i = 0; i < COUNT(signals); i++) {
		struct tool_run r;
		tend_process *tool;
		int fds[2];

		make_full_pipe(fds);
		tool = tool_start((const char *const[]){ "run", "--report", "-", "/no/such/program", NULL },
		                  TEND_OUT_DISCARD, TEND_OUT_FD(fds[1]));
		await_second_thread(tool);
		tool_signal(tool, signals[i]);
		tool_finish(&r, tool);
		CHECK_INT(TEND_SIGNALED, r.result.exit.kind);
		CHECK_INT(signals[i], r.result.exit.signal);
		tool_free(&r);
		close(fds[0]);
		close(fds[1]);
	}
}

/* A broken stderr is an error of write(2), also then: the status stays. */
static void broken_stderr_and_no_child(void)
{
	struct tool_run r;
	int fds[2];

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	close(fds[0]);
	tool_finish(&r, tool_start((const char *const[]){ "run", "--report", "-", "/no/such/program", NULL },
	                           TEND_OUT_DISCARD, TEND_OUT_FD(fds[1])));
	CHECK_INT(127, r.status);
	tool_free(&r);
	close(fds[1]);
}

/* regexec(3) takes longer than anybody lives here: a stopped child's ready line is not waited for. */
static void stop_with_a_regex_that_never_ends(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "--timeout", "1s", "--ready", "(.*)(.*)(.*)(.*)\\1\\2\\3x", "--", "sh", "-c",
	         "head -c 3000 /dev/zero | tr '\\0' a; echo; exec sleep 600");
	CHECK_INT(124, r.status);
	CHECK_INT(3001, strlen(r.out));
	if (!test_under_valgrind() && !test_under_sanitizer())
		CHECK(r.result.exit.wall_ns < INT64_C(8000000000)); /* waiting would take ten seconds more */
	tool_free(&r);
}

static const struct test tests[] = {
	{ "timeout_of_a_stubborn_child", timeout_of_a_stubborn_child },
	{ "timeout_of_an_obedient_child", timeout_of_an_obedient_child },
	{ "timeout_that_does_not_come", timeout_that_does_not_come },
	{ "plan_with_many_phases", plan_with_many_phases },
	{ "nothing_of_the_group_is_left", nothing_of_the_group_is_left },
	{ "not_ready_in_time", not_ready_in_time },
	{ "ready_and_then_timed_out", ready_and_then_timed_out },
	{ "exit_without_streams", exit_without_streams },
	{ "exit_with_a_held_stream", exit_with_a_held_stream },
	{ "drain_reads_what_still_comes", drain_reads_what_still_comes },
	{ "drain_ends_at_its_total", drain_ends_at_its_total },
	{ "slow_reader_gets_all", slow_reader_gets_all },
	{ "slow_reader_is_given_up", slow_reader_is_given_up },
	{ "slow_reader_of_a_stopped_child", slow_reader_of_a_stopped_child },
	{ "full_stderr_does_not_hold_up_the_stop", full_stderr_does_not_hold_up_the_stop },
	{ "last_words_that_nobody_reads", last_words_that_nobody_reads },
	{ "last_words_are_given_up", last_words_are_given_up },
	{ "last_words_of_many_bytes", last_words_of_many_bytes },
	{ "full_stderr_and_no_child", full_stderr_and_no_child },
	{ "broken_stderr_and_no_child", broken_stderr_and_no_child },
	{ "stop_with_a_regex_that_never_ends", stop_with_a_regex_that_never_ends },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "tool_stop", tests, COUNT(tests));
}
