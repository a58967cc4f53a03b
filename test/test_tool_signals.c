/* SPDX-License-Identifier: MIT */
/* tend run: the signals that tend itself gets. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test.h"
#include "tool.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void short_pause(void)
{
	struct timespec t = { .tv_nsec = 2000000 };

	nanosleep(&t, NULL);
}

static void one_signal_runs_the_plan(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const char *report = tool_file("report");

	for (size_t i = 0; i < COUNT(signals); i++) {
		tend_process *tool = TOOL_START("run", "--stop", "TERM:1h", "--report", report, helper("obedient"));
		struct tool_run r;
		json_t *json;

		tool_await_out(tool, "ready");
		tool_signal(tool, signals[i]);
		tool_finish(&r, tool);
		CHECK_INT(128 + SIGTERM, r.status);
		json = tool_report(report);
		CHECK_STR("signaled", tool_text(json, "outcome"));
		CHECK(json_is_false(tool_at(json, "timed_out")));
		CHECK_INT(1, tool_int(json, "stop.phase"));
		CHECK_STR("SIGTERM SIGCONT", tool_words(json, "stop.signals"));
		json_decref(json);
		tool_free(&r);
	}
}

/* The child's own answer to the plan is tend's status; a stopped child can give it. */
static void one_signal_and_the_childs_own_status(void)
{
	tend_process *tool = TOOL_START("run", "--stop", "TERM:1h", helper("stopper"));
	struct tool_run r;

	tool_await_out(tool, "ready");
	tool_signal(tool, SIGINT);
	tool_finish(&r, tool);
	CHECK_INT(7, r.status);
	tool_free(&r);
}

/* What is said about a signal stands in front of what came of it. */
static void said_before_it_is_done(void)
{
	for (int i = 0; i < 20; i++) {
		tend_process *tool = TOOL_START("run", "--stop", "TERM:1h", helper("obedient"));
		const char *asked, *done;
		struct tool_run r;

		tool_await_out(tool, "ready");
		tool_signal(tool, SIGINT);
		tool_finish(&r, tool);
		asked = strstr(r.err, "tend: obedient: SIGINT: stopping it; once more kills it\n");
		done = strstr(r.err, "tend: obedient: stopped in phase 1, by SIGTERM, after ");
		CHECK(asked != NULL && done != NULL && asked < done);
		tool_free(&r);
	}
}

/* The plan's signal only makes them speak; what then ended the program is what is named. */
static void another_signal_ends_it(void)
{
	tend_process *tool = TOOL_START("run", "--stop", "TERM:1h", helper("forker"), "witness");
	struct tool_run r;
	pid_t child;

	tool_await_out(tool, "grandchild ");
	child = tool_child(tool);
	tool_signal(tool, SIGINT);
	tool_await_out(tool, "leader got 15");
	if (child > 0)
		kill(-child, SIGUSR1);
	tool_finish(&r, tool);
	CHECK_INT(128 + SIGUSR1, r.status);
	CHECK(strstr(r.err, "tend: forker: stopped in phase 1, by SIGUSR1 from elsewhere, after ") != NULL);
	tool_free(&r);
}

static void two_signals_kill_at_once(void)
{
	const char *report = tool_file("report");
	tend_process *tool = TOOL_START("run", "--stop", "TERM:1h", "--report", report, helper("stubborn"));
	struct tool_run r;
	json_t *json;

	tool_await_out(tool, "ready");
	tool_signal(tool, SIGINT);
	CHECK_STR(": stopping it; once more kills it", tool_await_err(tool, "tend: stubborn: SIGINT"));
	tool_signal(tool, SIGINT);
	tool_finish(&r, tool);
	CHECK_INT(128 + SIGKILL, r.status);
	json = tool_report(report);
	CHECK_STR("signaled", tool_text(json, "outcome"));
	CHECK(strstr(tool_words(json, "stop.signals"), "SIGKILL") != NULL);
	CHECK(tool_int(json, "stop.phase") >= 1);
	json_decref(json);
	tool_free(&r);
}

/* While a time-out's plan runs the first signal changes nothing, and the second kills. */
static void two_signals_during_a_timeout(void)
{
	tend_process *tool = TOOL_START("run", "--timeout", "500ms", "--stop", "TERM:1h", helper("stubborn"));
	struct tool_run r;

	tool_await_out(tool, "ready");
	tool_await_err(tool, "tend: stubborn: not finished after");
	tool_signal(tool, SIGTERM);
	tool_await_err(tool, "tend: stubborn: SIGTERM: stopping");
	tool_signal(tool, SIGTERM);
	tool_finish(&r, tool);
	CHECK_INT(124, r.status);
	CHECK(strstr(r.err, ", by SIGKILL, after ") != NULL);
	tool_free(&r);
}

/* nohup(1): what was ignored when tend began stays ignored. */
static void ignored_signals_stay_ignored(void)
{
	const char *argv[] = { "sh", "-c", "trap '' HUP; exec \"$@\"", "sh", tool_path(), "run", "--stdout", "stream",
		               helper("sigcounter"), NULL };
	struct tend_spawn spawn = test_spawn_options(argv, &test_reliable_all);
	struct tend_error error;
	tend_process *tool = NULL;
	struct tend_exit ended;

	if (!CHECK_OK(tend_spawn(&spawn, &tool, &error), &error))
		return;
	tool_await_out(tool, "ready");
	tool_signal(tool, SIGHUP);
	tool_signal(tool, SIGUSR1);
	if (test_wait(tool, &ended))
		CHECK_INT(0, ended.kind == TEND_EXITED ? ended.code : -1); /* TERM would not have ended it so */
	tend_process_free(tool);
}

static void other_signals_go_to_the_child(void)
{
	tend_process *tool = TOOL_START("run", helper("sigcounter"));
	struct tool_run r;

	tool_await_out(tool, "ready");
	tool_signal(tool, SIGUSR1);
	tool_finish(&r, tool);
	CHECK_INT(0, r.status);
	CHECK_STR("ready\n", r.out);
	tool_free(&r);
}

/* R, S, T, Z, ... of proc(5); '?' where there is no such process. */
static char state_of(pid_t pid)
{
	char path[64], text[512] = "", *end;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return '?';
	if (!fgets(text, sizeof text, f))
		text[0] = '\0';
	fclose(f);
	end = strrchr(text, ')');
	return end && end[1] ? end[2] : '?';
}

static bool await_stopped(pid_t pid, bool stopped)
{
	int64_t end = test_now_ns() + INT64_C(60000000000);

	while ((state_of(pid) == 'T') != stopped && test_now_ns() < end)
		short_pause();
	return CHECK_INT(stopped, state_of(pid) == 'T');
}

/* Ctrl-Z and fg. */
static void job_control(void)
{
	tend_process *tool = TOOL_START("run", "--", "sh", "-c", "echo pid $$; exec \"$0\"", helper("obedient"));
	pid_t child = atoi(tool_await_out(tool, "pid ")), self;
	struct tool_run r;

	tool_await_out(tool, "ready");
	if (!tool || !CHECK(child > 1))
		return;
	self = tend_process_pid(tool);
	for (int i = 0; i < 2; i++) {
		tool_signal(tool, SIGTSTP);
		await_stopped(child, true);
		await_stopped(self, true);
		tool_signal(tool, SIGCONT);
		await_stopped(self, false);
		await_stopped(child, false);
	}
	tool_signal(tool, SIGTERM);
	tool_finish(&r, tool);
	CHECK_INT(128 + SIGTERM, r.status);
	tool_free(&r);
}

static const struct test tests[] = {
	{ "one_signal_runs_the_plan", one_signal_runs_the_plan },
	{ "one_signal_and_the_childs_own_status", one_signal_and_the_childs_own_status },
	{ "said_before_it_is_done", said_before_it_is_done },
	{ "another_signal_ends_it", another_signal_ends_it },
	{ "two_signals_kill_at_once", two_signals_kill_at_once },
	{ "two_signals_during_a_timeout", two_signals_during_a_timeout },
	{ "ignored_signals_stay_ignored", ignored_signals_stay_ignored },
	{ "other_signals_go_to_the_child", other_signals_go_to_the_child },
	{ "job_control", job_control },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "tool_signals", tests, COUNT(tests));
}
