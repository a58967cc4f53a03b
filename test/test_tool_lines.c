/* SPDX-License-Identifier: MIT */
/* tend run: whole lines with something in front of each, and a log for each stream. */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void prefixes(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "--prefix", helper("printer"), "one\\ntwo\\n\\nthr", "-e", "err\\n", "-o", "ee\\n");
	CHECK_INT(0, r.status);
	CHECK_STR("printer: one\nprinter: two\nprinter: \nprinter: three\n", r.out);
	CHECK_STR("printer: err\n", r.err);
	tool_free(&r);
	TOOL_RUN(&r, "run", "--prefix=>", "--name", "x", helper("printer"), "a\\n");
	CHECK_STR(">a\n", r.out);
	tool_free(&r);
	TOOL_RUN(&r, "run", "--name", "x", "--prefix", "--stderr", "inherit", helper("printer"), "a\\n", "-e", "b\\n");
	CHECK_STR("x: a\n", r.out);
	CHECK_STR("b\n", r.err);
	tool_free(&r);
}

/* Bytes are bytes, the last line gets its end, and the report counts what the child wrote. */
static void lines_as_they_are(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--prefix=>", "--report", report, helper("printer"), "a\\0\\r\\nlast");
	CHECK_MEM(">a\0\r\n>last\n", 11, r.out, r.result.out.collected.size);
	json = tool_report(report);
	CHECK_INT(8, tool_int(json, "stdout.bytes"));
	CHECK_INT(1, tool_int(json, "stdout.lines"));
	CHECK(json_is_true(tool_at(json, "stdout.complete")));
	json_decref(json);
	tool_free(&r);
	TOOL_RUN(&r, "run", "--prefix=>", helper("printer"), "");
	CHECK_STR("", r.out);
	tool_free(&r);
}

/* However it was cut into chunks; a line that is too long comes out as several, and no byte is lost. */
static void long_lines(void)
{
	static const char *const chunks[] = { "chunk=1", "chunk=7,depth=1", "chunk=64KiB" };
	struct tool_run r;

	for (size_t i = 0; i < COUNT(chunks); i++) {
		TOOL_RUN(&r, "run", "--prefix=>", "--stdout", chunks[i], "sh", "-c",
		         "printf 'a\\n'; head -c 150000 /dev/zero | tr '\\0' x; printf '\\nb\\n'");
		CHECK_INT(0, r.status);
		CHECK(strncmp(r.out, ">a\n>x", 5) == 0);
		CHECK_INT(2 + 150000 + 2 + 3 + 5, r.result.out.collected.size);
		CHECK(strlen(r.out) > 4 && strcmp(r.out + strlen(r.out) - 4, "\n>b\n") == 0);
		CHECK(strchr(r.out + 3, '\n') == r.out + 3 + 1 + 65536);
		tool_free(&r);
	}
}

/* "2026-11-23T15:06:04.123Z ", and nothing else that it could be. */
static bool is_stamp(const char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";

	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
	return true;
}

static void timestamps(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "--timestamps", "--prefix", helper("printer"), "one\\ntwo\\n", "-e", "err");
	CHECK(is_stamp(r.out) && strncmp(r.out + 25, "printer: one\n", 13) == 0);
	CHECK(is_stamp(r.out + 38) && strcmp(r.out + 63, "printer: two\n") == 0);
	CHECK(is_stamp(r.err) && strcmp(r.err + 25, "printer: err\n") == 0);
	tool_free(&r);
	TOOL_RUN(&r, "run", "--timestamps", helper("printer"), "one\\n");
	CHECK(is_stamp(r.out) && strcmp(r.out + 25, "one\n") == 0);
	tool_free(&r);
}

static void lines_that_cannot_be_written(void)
{
	struct tool_run r;
	int fds[2];

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	close(fds[0]);
	tool_finish(&r, tool_start((const char *const[]){ "run", "--prefix", "-q", helper("printer"), "a", NULL },
	                           TEND_OUT_FD(fds[1]), TEND_OUT_STREAM(test_reliable_all)));
	CHECK_INT(125, r.status);
	tool_check_one_line(r.err, "cannot write its stdout to tend's own: Broken pipe");
	tool_free(&r);
	close(fds[1]);
}

/* ---- a log of one stream ---- */

static void a_log_for_each_stream(void)
{
	const char *out = tool_file("out-log"), *err = tool_file("err-log"), *both = tool_file("both-log");
	struct tool_run r;

	TOOL_RUN(&r, "run", "--log-stdout", out, "--log-stderr", err, "--prefix", helper("printer"), "a\\nb", "-e",
	         "c\\n");
	CHECK_INT(0, r.status);
	CHECK_STR("printer: a\nprinter: b\n", r.out);
	tool_check_file(out, "a\nb");
	tool_check_file(err, "c\n");
	tool_free(&r);
	TOOL_RUN(&r, "run", "--log-stderr", err, "--log", both, "--stdout", "inherit", helper("printer"), "a", "-e",
	         "d\\n");
	CHECK_STR("a", r.out);
	CHECK_STR("d\n", r.err);
	tool_check_file(err, "d\n");
	tool_check_file(both, "d\n");
	tool_free(&r);
	TOOL_RUN(&r, "run", "--log-stdout", "/dev/full", helper("printer"), "a", "-e", "b\\n");
	CHECK_INT(125, r.status);
	CHECK_STR("a", r.out);
	CHECK(strstr(r.err, "tend: printer: cannot write its stdout to /dev/full: No space left") != NULL);
	tool_free(&r);
}

static void logs_in_one_file(void)
{
	static const char *const pairs[][2] = { { "--log-stdout", "--log-stderr" },
		                                { "--log", "--log-stderr" },
		                                { "--log", "--log-stdout" },
		                                { "--log-stderr", "--report" } };
	const char *file = tool_file("one");
	char text[64];
	struct tool_run r;

	for (size_t i = 0; i < COUNT(pairs); i++) {
		TOOL_RUN(&r, "run", pairs[i][0], file, pairs[i][1], file, helper("printer"), "started");
		CHECK_INT(125, r.status);
		CHECK_STR("", r.out);
		snprintf(text, sizeof text, "%s and %s are the same file", pairs[i][0], pairs[i][1]);
		tool_check_one_line(r.err, text);
		tool_free(&r);
	}
}

static const struct test tests[] = {
	{ "prefixes", prefixes },
	{ "lines_as_they_are", lines_as_they_are },
	{ "long_lines", long_lines },
	{ "timestamps", timestamps },
	{ "lines_that_cannot_be_written", lines_that_cannot_be_written },
	{ "a_log_for_each_stream", a_log_for_each_stream },
	{ "logs_in_one_file", logs_in_one_file },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "tool_lines", tests, COUNT(tests));
}
