/* SPDX-License-Identifier: MIT */
/* tend run: what is started again, and what is stopped together. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- --restart ---- */

static void until_it_succeeds(void)
{
	const char *report = tool_file("report"), *tries = tool_file("tries");
	struct tool_run r;
	json_t *json;

	unlink(tries);
	TOOL_RUN(&r, "run", "--restart", "on-failure:backoff=1ms", "--stdout", "stream", "--report", report, "sh", "-c",
	         "echo try; echo >>\"$0\"; test $(wc -l <\"$0\") -ge 4", tries);
	CHECK_INT(0, r.status);
	CHECK_STR("try\ntry\ntry\ntry\n", r.out);
	CHECK(strstr(r.err, "tend: sh: exit code 1: starting it again in 1 ms (restart 1)\n") != NULL);
	CHECK(strstr(r.err, "tend: sh: exit code 1: starting it again in 4 ms (restart 3)\n") != NULL);
	json = tool_report(report);
	CHECK_INT(3, tool_int(json, "restarts"));
	CHECK_INT(0, tool_int(json, "exit_code"));
	CHECK_INT(4, tool_int(json, "stdout.bytes")); /* of the last one */
	json_decref(json);
	tool_free(&r);
}

static void as_often_as_allowed(void)
{
	static const struct {
		const char *policy, *code;
		int restarts;
	} cases[] = {
		{ "never", "3", 0 },
		{ "on-failure:max=2,backoff=1ms", "3", 2 },
		{ "on-failure:backoff=1ms,max=1", "3", 1 },
		{ "on-failure:max=5", "0", 0 },
		{ "on-failure", "0", 0 },
	};
	const char *report = tool_file("report");

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct tool_run r;
		json_t *json;

		TOOL_RUN(&r, "run", "--restart", cases[i].policy, "--report", report, helper("exiter"), cases[i].code);
		CHECK_INT(atoi(cases[i].code), r.status);
		json = tool_report(report);
		CHECK_INT(cases[i].restarts, tool_int(json, "restarts"));
		CHECK_STR("exited", tool_text(json, "outcome"));
		json_decref(json);
		tool_free(&r);
	}
}

static void after_a_signal(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "--restart", "on-failure:max=1,backoff=1ms", helper("crasher"), "9");
	CHECK_INT(128 + SIGKILL, r.status);
	CHECK_STR("tend: crasher: ended by SIGKILL: starting it again in 1 ms (restart 1)\n"
	          "tend: crasher: ended by SIGKILL: not starting it again (restarts: 1)\n", r.err);
	tool_free(&r);
}

/* What was stopped stays so. */
static void not_after_a_stop(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--restart", "on-failure:backoff=1ms", "--timeout", "50ms", "--report", report,
	         helper("obedient"));
	CHECK_INT(124, r.status);
	json = tool_report(report);
	CHECK_INT(0, tool_int(json, "restarts"));
	json_decref(json);
	tool_free(&r);
}

/* There is no process in between, and tend is stopped all the same. */
static void stopped_while_it_waits(void)
{
	const char *report = tool_file("report");
	tend_process *tool =
		TOOL_START("run", "--restart", "on-failure:backoff=1h", "--report", report, helper("exiter"), "3");
	struct tool_run r;
	json_t *json;

	tool_await_err(tool, "tend: exiter: exit code 3: starting it again in");
	tool_signal(tool, SIGTERM);
	tool_finish(&r, tool);
	CHECK_INT(3, r.status);
	json = tool_report(report);
	CHECK_STR("exited", tool_text(json, "outcome"));
	CHECK_INT(0, tool_int(json, "restarts"));
	json_decref(json);
	tool_free(&r);
	TOOL_RUN(&r, "run", "--restart", "on-failure:backoff=1h", "--timeout", "100ms", helper("exiter"), "3");
	CHECK_INT(124, r.status);
	tool_free(&r);
}

/* Its input begins anew, its log goes on, and it need be ready only once. */
static void what_goes_on(void)
{
	const char *input = tool_file("input"), *log = tool_file("log"), *report = tool_file("report");
	struct tool_run r;
	char text[64] = "";
	json_t *json;
	FILE *f = fopen(input, "we");

	if (!CHECK(f != NULL))
		return;
	fputs("12345", f);
	fclose(f);
	TOOL_RUN(&r, "run", "--restart", "on-failure:max=2,backoff=1ms", "--stdin", input, "--log", log, "--prefix=>",
	         "--ready", "5", "--ready-timeout", "1h", "--tail", "1", "--report", report, "sh", "-c",
	         "wc -c; exit 1");
	CHECK_INT(1, r.status);
	CHECK_STR(">5\n>5\n>5\n", r.out);
	f = fopen(log, "re");
	if (CHECK(f != NULL)) {
		CHECK_INT(6, fread(text, 1, sizeof text - 1, f));
		fclose(f);
	}
	CHECK_STR("5\n5\n5\n", text);
	json = tool_report(report);
	CHECK(tool_int(json, "ready_ms") >= 0);
	json_decref(json);
	CHECK(strstr(r.err, "tend: sh: the end of stdout (lines: 1, dropped before them: 0)\n5\n") != NULL);
	tool_free(&r);
}

/* A program that has gone meanwhile. */
static void cannot_be_started_again(void)
{
	const char *script = tool_file("script"), *report = tool_file("report");
	struct tool_run r;
	json_t *json;
	FILE *f = fopen(script, "we");

	if (!CHECK(f != NULL))
		return;
	fputs("#!/bin/sh\nrm \"$0\"; exit 3\n", f);
	fchmod(fileno(f), 0755);
	fclose(f);
	TOOL_RUN(&r, "run", "--restart", "on-failure:backoff=1ms", "--report", report, script);
	CHECK_INT(127, r.status);
	json = tool_report(report);
	CHECK_STR("spawn-failed", tool_text(json, "outcome"));
	CHECK_INT(1, tool_int(json, "restarts"));
	CHECK(tool_is_null(json, "pid"));
	json_decref(json);
	tool_free(&r);
}

/* ---- --scope ---- */

/* Its pid, process group and session, as it sees them. */
static void ids_of(const char *scope, int ids[3])
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "--scope", scope, "sh", "-c", "cut -d ' ' -f 1,5,6 /proc/$$/stat");
	CHECK_INT(0, r.status);
	CHECK_INT(3, sscanf(r.out, "%d %d %d", &ids[0], &ids[1], &ids[2]));
	tool_free(&r);
}

static void scopes(void)
{
	int ids[3];

	ids_of("group", ids);
	CHECK_INT(ids[0], ids[1]);
	CHECK(ids[2] == getsid(0));
	ids_of("session", ids);
	CHECK_INT(ids[0], ids[1]);
	CHECK_INT(ids[0], ids[2]);
	ids_of("none", ids);
	CHECK(ids[0] != ids[1]);
	CHECK(ids[2] == getsid(0));
}

/* It is in one of its own, or, where none can be made, it has not been started. */
static void scope_of_a_cgroup(void)
{
	char own[512] = "";
	struct tool_run r;
	FILE *f = fopen("/proc/self/cgroup", "re");

	if (f) {
		(void)!fread(own, 1, sizeof own - 1, f);
		fclose(f);
	}
	TOOL_RUN(&r, "run", "--scope", "cgroup", "--stop", "TERM:1s:cgroup", "cat", "/proc/self/cgroup");
	if (r.status == 0)
		CHECK(strcmp(own, r.out) != 0);
	else {
		CHECK_INT(125, r.status);
		CHECK_STR("", r.out);
		tool_check_one_line(r.err, "cgroup");
	}
	tool_free(&r);
}

static const struct test tests[] = {
	{ "until_it_succeeds", until_it_succeeds },
	{ "as_often_as_allowed", as_often_as_allowed },
	{ "after_a_signal", after_a_signal },
	{ "not_after_a_stop", not_after_a_stop },
	{ "stopped_while_it_waits", stopped_while_it_waits },
	{ "what_goes_on", what_goes_on },
	{ "cannot_be_started_again", cannot_be_started_again },
	{ "scopes", scopes },
	{ "scope_of_a_cgroup", scope_of_a_cgroup },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "tool_restart", tests, COUNT(tests));
}
