/* SPDX-License-Identifier: MIT */
/* tend run: what it refuses, what it returns, what it says. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* ---- the command itself ---- */

static void help_and_version(void)
{
	static const char *const helps[][2] = { { "--help", NULL }, { "run", "--help" } };
	char version[64];
	struct tool_run r;

	for (size_t i = 0; i < COUNT(helps); i++) {
		TOOL_RUN(&r, helps[i][0], helps[i][1]);
		CHECK_INT(0, r.status);
		CHECK(starts_with(r.out, "usage: tend "));
		CHECK_STR("", r.err);
		tool_free(&r);
	}
	TOOL_RUN(&r, "--version");
	snprintf(version, sizeof version, "tend %s\n", tend_version());
	CHECK_INT(0, r.status);
	CHECK_STR(version, r.out);
	tool_free(&r);
}

static void help_lists_every_option(void)
{
	static const char *const options[] = { "--name",          "--timeout",    "--stop",       "--stdin",
		                               "--stdout",        "--stderr",     "--log ",       "--ready ",
		                               "--tail",          "--drain",      "--log-stdout", "--log-stderr",
		                               "--ready-timeout", "--report",     "-q",           "-v",
		                               "--help",          "--prefix",     "--timestamps", "--ready-fd",
		                               "--scope",         "--with-parent", "--restart" };
	struct tool_run r;

	TOOL_RUN(&r, "run", "--help");
	for (size_t i = 0; i < COUNT(options); i++)
		if (!strstr(r.out, options[i]))
			CHECK_STR(options[i], r.out);
	tool_free(&r);
}

static void help_says_when_stdout_is_full(void)
{
	struct tool_run r;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	tool_finish(&r, tool_start((const char *const[]){ "--help", NULL }, TEND_OUT_FD(full),
	                           TEND_OUT_STREAM(test_reliable_all)));
	CHECK_INT(125, r.status);
	tool_check_one_line(r.err, "No space left");
	tool_free(&r);
	close(full);
}

static void unknown_commands(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "rnu", "true");
	CHECK_INT(125, r.status);
	tool_check_one_line(r.err, "rnu is no command");
	tool_free(&r);
	tool_run(&r, (const char *const[]){ NULL });
	CHECK_INT(125, r.status);
	tool_check_one_line(r.err, "tend run");
	tool_free(&r);
}

/* ---- bad options ---- */

static const struct bad {
	const char *args[6];
	const char *says; /* what is wrong, or what would be right */
} bad_options[] = {
	{ { "--tiemout", "1s" }, "did you mean --timeout?" },
	{ { "--frobnicate" }, "tend run --help" },
	{ { "-x" }, "-x is no option" },
	{ { "-qz" }, "-qz is no option" },
	{ { "--timeout=" }, "1500ms" },
	{ { "--timeout", "30" }, "has no unit: write ms, s, m or h" },
	{ { "--timeout", "30 s" }, "is no duration" },
	{ { "--timeout", "30x" }, "is no duration" },
	{ { "--timeout", "-1s" }, "is no duration" },
	{ { "--timeout", "1.s" }, "is no duration" },
	{ { "--timeout", ".5s" }, "is no duration" },
	{ { "--timeout", "s" }, "is no duration" },
	{ { "--timeout", "1s\n2s" }, "'1s?2s' is no duration" },
	{ { "--timeout", "0s" }, "write more than 0" },
	{ { "--timeout", "99999999999999999999h" }, "too long" },
	{ { "--timeout", "9223372036s" }, "too long" },
	{ { "--ready", "x", "--ready-timeout", "5" }, "has no unit" },
	{ { "--ready", "x", "--ready-timeout", "0ms" }, "write more than 0" },
	{ { "--ready-timeout", "5s" }, "--ready REGEX" },
	{ { "--ready", "(" }, "is no regular expression" },
	{ { "--stop", "" }, "TERM:10s" },
	{ { "--stop", "TERM" }, "TERM:10s" },
	{ { "--stop", "TERM:" }, "TERM:10s" },
	{ { "--stop", "TERM:10" }, "has no unit" },
	{ { "--stop", "TREM:10s" }, "'TREM' is no signal" },
	{ { "--stop", "0:10s" }, "is no signal" },
	{ { "--stop", "65:10s" }, "is no signal" },
	{ { "--stop", "KILL:10s" }, "KILL is always sent last" },
	{ { "--stop", "TERM:1s,9:1s" }, "KILL is always sent last" },
	{ { "--stop", "STOP:10s" }, "STOP does not end" },
	{ { "--stop", "TERM:1s:all" }, "leader, group or cgroup" },
	{ { "--stop", "TERM:1s:" }, "leader, group or cgroup" },
	{ { "--stop", "TERM:1s:group:x" }, "leader, group or cgroup" },
	{ { "--stop", "TERM:1s," }, "is not complete" },
	{ { "--stop", "1:1s,1:1s,1:1s,1:1s,1:1s,1:1s,1:1s,1:1s,1:1s" }, "more than 8 phases" },
	{ { "--stdout", "" }, "inherit, discard, stream" },
	{ { "--stdout", "pipe" }, "inherit, discard, stream" },
	{ { "--stdout", "backend=both" }, "broadcast or single" },
	{ { "--stderr", "delivery=maybe" }, "--stderr: 'delivery=maybe'" },
	{ { "--stdout", "overflow=all" }, "newest or oldest" },
	{ { "--stdout", "replay=some" }, "bytes:N" },
	{ { "--stdout", "replay=bytes:0" }, "bytes:N" },
	{ { "--stdout", "replay=bytes" }, "bytes:N" },
	{ { "--stdout", "replay=chunks:1KiB" }, "chunks:N" },
	{ { "--stdout", "chunk=0" }, "64KiB" },
	{ { "--stdout", "chunk=64kb" }, "64KiB" },
	{ { "--stdout", "chunk=2GiB" }, "64KiB" },
	{ { "--stdout", "chunk=99999999999999999999" }, "64KiB" },
	{ { "--stdout", "depth=0" }, "depth is a number" },
	{ { "--stdout", "depth=16777217" }, "depth is a number" },
	{ { "--stdout", "colour=red" }, "'colour=red' is not known" },
	{ { "--stdout", "depth=1," }, "is not known" },
	{ { "--stdout", "inherit,depth=1" }, "'inherit' is not known" },
	{ { "--log", "" }, "--log FILE" },
	{ { "--report", "" }, "--report FILE" },
	{ { "--stdin", "" }, "--stdin FILE" },
	{ { "--name", "" }, "leave --name out" },
	{ { "--tail", "0" }, "from 1 to 100000" },
	{ { "--tail", "ten" }, "from 1 to 100000" },
	{ { "--tail", "100001" }, "from 1 to 100000" },
	{ { "--drain", "1s" }, "IDLE,TOTAL" },
	{ { "--drain", "1s,2" }, "has no unit" },
	{ { "--drain", "1,2s" }, "has no unit" },
	{ { "--drain", ",2s" }, "is no duration" },
	{ { "--help=yes" }, "takes no value" },
	{ { "--ready", "x", "--stdout", "discard", "--stderr", "inherit" }, "--ready has nothing to look at" },
	{ { "--tail", "5", "--stdout", "inherit", "--stderr", "inherit" }, "--tail has nothing to look at" },
	{ { "--tail", "5", "--stdout", "backend=single" }, "write backend=broadcast" },
	{ { "--log-stdout", "" }, "--log-stdout FILE" },
	{ { "--log-stderr", "x", "--stderr", "discard" }, "--log-stderr has nothing to look at: make --stderr" },
	{ { "--log-stdout", "x", "--stdout", "backend=single" }, "--log-stdout is a second one" },
	{ { "--prefix=" }, "the text must not be empty" },
	{ { "--timestamps=yes" }, "takes no value" },
	{ { "--prefix", "--stdout", "inherit", "--stderr", "inherit" }, "--prefix has nothing to look at" },
	{ { "--timestamps", "--stdout", "inherit", "--stderr", "inherit" }, "--timestamps has nothing to look at" },
	{ { "--ready-fd", "0" }, "from 1 to" },
	{ { "--ready-fd", "x" }, "from 1 to" },
	{ { "--ready-fd", "999" }, "999 is not open for writing" },
	{ { "--scope", "tree" }, "write group, session, cgroup or none" },
	{ { "--with-parent=no" }, "takes no value" },
	{ { "--restart", "always" }, "write never, or on-failure" },
	{ { "--restart", "never:max=1" }, "write never, or on-failure" },
	{ { "--restart", "on-failure:" }, "max is a number" },
	{ { "--restart", "on-failure:max=0" }, "max is a number from 1" },
	{ { "--restart", "on-failure:max=1," }, "max is a number" },
	{ { "--restart", "on-failure:backoff=1" }, "has no unit" },
	{ { "--restart", "on-failure:delay=1s" }, "'delay=1s' is not possible" },
};

static void bad_options_are_refused(void)
{
	for (size_t i = 0; i < COUNT(bad_options); i++) {
		const char *args[16] = { "run" };
		struct tool_run r;
		size_t n = 1;

		for (size_t j = 0; j < COUNT(bad_options[i].args) && bad_options[i].args[j]; j++)
			args[n++] = bad_options[i].args[j];
		args[n++] = "--";
		args[n++] = helper("printer");
		args[n++] = "it has been started";
		tool_run(&r, args);
		CHECK_INT(125, r.status);
		CHECK_STR("", r.out);
		tool_check_one_line(r.err, bad_options[i].says);
		tool_free(&r);
	}
}

static void values_and_commands_that_are_missing(void)
{
	static const char *const takes_value[] = { "--name", "--timeout", "--stop", "--stdin", "--stdout", "--stderr",
		                                   "--log", "--ready", "--ready-timeout", "--tail", "--drain",
		                                   "--report", "--log-stdout", "--log-stderr", "--ready-fd",
		                                   "--scope", "--restart" };
	struct tool_run r;

	for (size_t i = 0; i < COUNT(takes_value); i++) {
		TOOL_RUN(&r, "run", takes_value[i]);
		CHECK_INT(125, r.status);
		tool_check_one_line(r.err, "needs a value: ");
		tool_free(&r);
	}
	TOOL_RUN(&r, "run", "--timeout", "1s");
	CHECK_INT(125, r.status);
	tool_check_one_line(r.err, "no command given");
	tool_free(&r);
	TOOL_RUN(&r, "run", "--");
	CHECK_INT(125, r.status);
	tool_check_one_line(r.err, "no command given");
	tool_free(&r);
}

/* What is wrong is still to be read when what it is about is long. */
static void long_names_leave_room_for_the_message(void)
{
	char name[801], cut[128];
	struct tool_run r;

	memset(name, 'N', 800);
	name[800] = '\0';
	snprintf(cut, sizeof cut, "tend: %.60s: cannot execute /no/such/program: No such file", name);
	TOOL_RUN(&r, "run", "--name", name, "/no/such/program");
	CHECK_INT(127, r.status);
	tool_check_one_line(r.err, cut);
	tool_free(&r);
	TOOL_RUN(&r, "run", "-v", "--name", name, helper("true-er"));
	CHECK(strstr(r.err, "NN: exit: ") != NULL);
	tool_free(&r);
	TOOL_RUN(&r, name);
	tool_check_one_line(r.err, "NN is no command");
	tool_free(&r);
	TOOL_RUN(&r, "run", "--timeout", name, helper("true-er"));
	tool_check_one_line(r.err, "NN' is no duration");
	tool_free(&r);
	TOOL_RUN(&r, "run", "--stop", name, helper("true-er"));
	tool_check_one_line(r.err, "NN' is not complete");
	tool_free(&r);
	TOOL_RUN(&r, "run", "--log", name, helper("true-er"));
	tool_check_one_line(r.err, "NN: File name too long");
	tool_free(&r);
}

/* The file is where its own stdout goes, too. */
static void not_over_itself(const char *option, const char *file)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
	struct tool_run r;
	struct stat st;

	tool_finish(&r, tool_start((const char *const[]){ "run", option, file, helper("printer"), "started", NULL },
	                           TEND_OUT_FD(fd), TEND_OUT_STREAM(test_reliable_all)));
	CHECK_INT(125, r.status);
	tool_check_one_line(r.err, "and stdout are the same file");
	CHECK_INT(0, fstat(fd, &st));
	CHECK_INT(5, st.st_size);
	tool_free(&r);
	close(fd);
}

/* Two names of one file are one file, and what it held is still there. */
static void log_and_report_in_one_file(void)
{
	const char *log = tool_file("one"), *link_name = tool_file("other");
	const char *reports[] = { log, link_name };
	struct tool_run r;
	struct stat st;
	FILE *f = fopen(log, "we");

	if (!CHECK(f != NULL))
		return;
	fputs("12345", f);
	fclose(f);
	CHECK_INT(0, link(log, link_name));
	for (size_t i = 0; i < COUNT(reports); i++) {
		TOOL_RUN(&r, "run", "--log", log, "--report", reports[i], helper("printer"), "started");
		CHECK_INT(125, r.status);
		CHECK_STR("", r.out);
		tool_check_one_line(r.err, "--log and --report are the same file");
		CHECK_INT(0, stat(log, &st));
		CHECK_INT(5, st.st_size);
		tool_free(&r);
	}
	TOOL_RUN(&r, "run", "--stdin", log, "--log", link_name, helper("printer"), "started");
	CHECK_INT(125, r.status);
	CHECK_STR("", r.out);
	tool_check_one_line(r.err, "--log and --stdin are the same file");
	CHECK_INT(0, stat(log, &st));
	CHECK_INT(5, st.st_size);
	tool_free(&r);
	not_over_itself("--log", log);
	not_over_itself("--report", log);
	TOOL_RUN(&r, "run", "--log", "/dev/null", "--report", "/dev/null", helper("true-er"));
	CHECK_INT(0, r.status);
	CHECK_STR("", r.err);
	tool_free(&r);
}

/* What was refused has opened nothing, either. */
static void bad_options_touch_no_file(void)
{
	const char *log = tool_file("untouched");
	struct tool_run r;

	TOOL_RUN(&r, "run", "--log", log, "--report", log, "--tail", "none", helper("true-er"));
	CHECK_INT(125, r.status);
	CHECK(access(log, F_OK) != 0);
	tool_free(&r);
}

static void files_that_cannot_be_opened(void)
{
	static const char *const options[] = { "--log", "--report", "--stdin" };
	struct tool_run r;

	for (size_t i = 0; i < COUNT(options); i++) {
		TOOL_RUN(&r, "run", options[i], "/nowhere/at/all", helper("printer"), "started");
		CHECK_INT(125, r.status);
		CHECK_STR("", r.out);
		tool_check_one_line(r.err, "/nowhere/at/all: No such file or directory");
		tool_free(&r);
	}
}

static void good_durations(void)
{
	static const char *const good[] = { "600000ms", "600s", "60.5s", "10m", "2h", "0.1h", "1000000h",
		                            "60.0000000000000000000001s" };
	struct tool_run r;

	for (size_t i = 0; i < COUNT(good); i++) {
		TOOL_RUN(&r, "run", "--timeout", good[i], helper("true-er"));
		CHECK_INT(0, r.status);
		CHECK_STR("", r.err);
		tool_free(&r);
	}
}

/* ---- exit statuses ---- */

static void status_is_the_childs(void)
{
	static const char *const codes[] = { "0", "1", "7", "124", "125", "255" };
	struct tool_run r;

	for (size_t i = 0; i < COUNT(codes); i++) {
		TOOL_RUN(&r, "run", "--", helper("exiter"), codes[i]);
		CHECK_INT(atoi(codes[i]), r.status);
		CHECK_STR("", r.err);
		tool_free(&r);
	}
}

static void status_of_a_signal(void)
{
	static const char *const signals[] = { "1", "6", "9", "11", "15" };
	struct tool_run r;

	for (size_t i = 0; i < COUNT(signals); i++) {
		TOOL_RUN(&r, "run", helper("crasher"), signals[i]);
		CHECK_INT(128 + atoi(signals[i]), r.status);
		tool_free(&r);
	}
}

static void status_of_what_cannot_run(void)
{
	const char *plain = tool_file("plain");
	struct tool_run r;

	close(open(plain, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	TOOL_RUN(&r, "run", "no-such-program-anywhere");
	CHECK_INT(127, r.status);
	tool_check_one_line(r.err, "cannot execute no-such-program-anywhere: No such file");
	tool_free(&r);
	TOOL_RUN(&r, "run", "/no/such/program");
	CHECK_INT(127, r.status);
	tool_free(&r);
	TOOL_RUN(&r, "run", plain);
	CHECK_INT(126, r.status);
	tool_check_one_line(r.err, "Permission denied");
	tool_free(&r);
	TOOL_RUN(&r, "run", "/");
	CHECK_INT(126, r.status);
	tool_free(&r);
	CHECK_INT(0, chmod(plain, 0755));
	TOOL_RUN(&r, "run", plain);
	CHECK_INT(126, r.status); /* not given to a shell */
	tool_check_one_line(r.err, "Exec format error");
	tool_free(&r);
}

/* A SIGCHLD that is ignored would lose the status. */
static void status_with_sigchld_ignored(void)
{
	tend_process *sh = NULL;
	struct tend_error error;
	struct tend_exit ended;
	const char *argv[] = { "sh", "-c", "trap '' CHLD; exec \"$@\"", "sh", tool_path(), "run",
		               helper("exiter"), "7", NULL };
	struct tend_spawn spawn = test_spawn_options(argv, NULL);

	if (!CHECK_OK(tend_spawn(&spawn, &sh, &error), &error))
		return;
	if (test_wait(sh, &ended))
		CHECK_INT(7, ended.code);
	tend_process_free(sh);
}

/* The log must not become somebody's stdin or stdout. */
static void status_with_closed_stdio(void)
{
	tend_process *sh = NULL;
	struct tend_error error;
	struct tend_exit ended;
	const char *log = tool_file("closed-log");
	const char *argv[] = { "sh",  "-c",    "exec \"$@\" <&- >&- 2>&-", "sh", tool_path(),
		               "run", "--log", log, helper("printer"),   "a",  NULL };
	struct tend_spawn spawn = test_spawn_options(argv, NULL);
	struct stat st;

	if (!CHECK_OK(tend_spawn(&spawn, &sh, &error), &error))
		return;
	if (test_wait(sh, &ended))
		CHECK_INT(125, ended.code); /* "a" could not be passed on */
	CHECK_INT(0, stat(log, &st));
	CHECK_INT(1, st.st_size);
	tend_process_free(sh);
}

/* ---- the doctor ---- */

/* He says what the library says, and of a guardian, which is a program of its own. */
static void doctor(void)
{
	struct tend_facility all[32];
	size_t n = tend_kernel_report(all, 32);
	bool missing = false;
	struct tool_run r;
	char line[64];

	TOOL_RUN(&r, "doctor");
	CHECK(strncmp(r.out, "tend ", 5) == 0);
	for (size_t i = 0; i < n; i++) {
		snprintf(line, sizeof line, "\n%-18s %-9s ", all[i].name, tend_facility_state_name(all[i].state));
		if (test_under_valgrind()) /* which has less to offer than what the tool has */
			snprintf(line, sizeof line, "\n%-18s ", all[i].name);
		if (!strstr(r.out, line))
			CHECK_STR(line, r.out);
		missing |= all[i].state == TEND_FACILITY_MISSING;
	}
	missing |= strstr(r.out, "\nguardian           missing") != NULL;
	if (test_under_valgrind())
		missing = strstr(r.out, " missing   ") != NULL;
	CHECK(strstr(r.out, "\nguardian ") != NULL);
	CHECK_INT(missing ? 1 : 0, r.status);
	CHECK_STR("", r.err);
	tool_free(&r);
	TOOL_RUN(&r, "doctor", "--help");
	CHECK_INT(0, r.status);
	CHECK(starts_with(r.out, "usage: tend doctor"));
	tool_free(&r);
	TOOL_RUN(&r, "doctor", "me");
	CHECK_INT(125, r.status);
	tool_check_one_line(r.err, "write tend doctor, and nothing else");
	tool_free(&r);
}

/* ---- saying more, saying less ---- */

static void verbose_and_quiet(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "-v", "--name", "x", helper("true-er"));
	CHECK_INT(0, r.status);
	CHECK(starts_with(r.err, "tend: x: spawn: "));
	CHECK(strstr(r.err, "\ntend: x: exit: ") != NULL);
	tool_free(&r);
	TOOL_RUN(&r, "run", "-q", "--ready", "a", helper("printer"), "a\\n");
	CHECK_STR("", r.err);
	tool_free(&r);
	TOOL_RUN(&r, "run", "-q", "/no/such/program");
	tool_check_one_line(r.err, "cannot execute");
	tool_free(&r);
}

static const struct test tests[] = {
	{ "help_and_version", help_and_version },
	{ "help_lists_every_option", help_lists_every_option },
	{ "help_says_when_stdout_is_full", help_says_when_stdout_is_full },
	{ "unknown_commands", unknown_commands },
	{ "bad_options_are_refused", bad_options_are_refused },
	{ "values_and_commands_that_are_missing", values_and_commands_that_are_missing },
	{ "long_names_leave_room_for_the_message", long_names_leave_room_for_the_message },
	{ "log_and_report_in_one_file", log_and_report_in_one_file },
	{ "bad_options_touch_no_file", bad_options_touch_no_file },
	{ "files_that_cannot_be_opened", files_that_cannot_be_opened },
	{ "good_durations", good_durations },
	{ "status_is_the_childs", status_is_the_childs },
	{ "status_of_a_signal", status_of_a_signal },
	{ "status_of_what_cannot_run", status_of_what_cannot_run },
	{ "status_with_sigchld_ignored", status_with_sigchld_ignored },
	{ "status_with_closed_stdio", status_with_closed_stdio },
	{ "doctor", doctor },
	{ "verbose_and_quiet", verbose_and_quiet },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "tool", tests, COUNT(tests));
}
