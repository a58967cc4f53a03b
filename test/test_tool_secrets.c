/* SPDX-License-Identifier: MIT */
/*
 * tend run, doc/SECURITY.md: what it says on its own account holds no argument, no environment and no output; the
 * report holds the arguments, and nothing else of these.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

#define SECRET "xyzzy-0451"

static bool holds_secret(const char *text)
{
	return strstr(text, SECRET) != NULL;
}

static const char *text_of(const char *path)
{
	static char text[16 << 10];
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

/* Everything that it has to say, and a report beside it. */
static void says_no_secrets(void)
{
	const char *report_file = tool_file("report");
	json_t *report;
	struct tool_run r;

	setenv("TOKEN", SECRET, 1);
	TOOL_RUN(&r, "run", "-v", "-v", "--report", report_file, "--stdout", "discard", "--", helper("printer"),
	         SECRET);
	CHECK_INT(0, r.status);
	CHECK(strstr(r.err, "tend: ") && strstr(r.err, "printer"));
	CHECK(!holds_secret(r.err));
	tool_free(&r);
	report = tool_report(report_file);
	CHECK(strstr(tool_words(report, "argv"), SECRET) != NULL);
	json_object_del(report, "argv");
	if (CHECK(report != NULL)) {
		char *rest = json_dumps(report, 0);

		CHECK(rest && strstr(rest, "\"name\": \"printer\""));
		CHECK(rest && !holds_secret(rest));
		free(rest);
	}
	json_decref(report);
	unlink(report_file);
	unsetenv("TOKEN");
}

static void failures_tell_no_secrets(void)
{
	static const char *const programs[] = { "/nowhere/program", "/" };
	struct tool_run r;

	setenv("TOKEN", SECRET, 1);
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		TOOL_RUN(&r, "run", "-v", "-v", "--", programs[i], SECRET);
		CHECK_INT(i == 0 ? 127 : 126, r.status);
		CHECK(strstr(r.err, programs[i]) != NULL);
		CHECK(!holds_secret(r.err));
		tool_free(&r);
	}
	TOOL_RUN(&r, "run", "-v", "-v", "--stdout", "discard", "--timeout", "1ms", "--", helper("sleeper"), "100000",
	         SECRET);
	CHECK_INT(124, r.status);
	CHECK(!holds_secret(r.err));
	tool_free(&r);
	unsetenv("TOKEN");
}

/* The control: output that is repeated with --tail was asked for, and is found where one looks for it. */
static void a_tail_was_asked_for(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "--tail", "1", "--", helper("printer"), "-e", SECRET "\\n");
	CHECK(holds_secret(r.err));
	tool_free(&r);
}

/* Its files are those that it is told to write. */
static void nothing_is_left_elsewhere(void)
{
	char folder[] = "/tmp/tend-tmpdir-XXXXXX";
	const char *log_file = tool_file("log");
	struct tool_run r;

	if (!CHECK(mkdtemp(folder) != NULL))
		return;
	setenv("TMPDIR", folder, 1);
	TOOL_RUN(&r, "run", "--log", log_file, "--tail", "5", "--", helper("printer"), "one\\ntwo\\n");
	CHECK_INT(0, r.status);
	CHECK_STR("one\ntwo\n", text_of(log_file));
	tool_free(&r);
	unlink(log_file);
	unsetenv("TMPDIR");
	CHECK_INT(0, rmdir(folder)); /* it is empty */
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "says_no_secrets", says_no_secrets },
		{ "failures_tell_no_secrets", failures_tell_no_secrets },
		{ "a_tail_was_asked_for", a_tail_was_asked_for },
		{ "nothing_is_left_elsewhere", nothing_is_left_elsewhere },
	};

	return test_main(argc, argv, "tool_secrets", tests, sizeof tests / sizeof *tests);
}
