/* SPDX-License-Identifier: MIT */
/* tend run: where the output goes, the ready line, the tail, and what the report says. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "tool.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- output ---- */

static void inherited_output(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "--", helper("printer"), "out\\n", "-e", "err\\n");
	CHECK_STR("out\n", r.out);
	CHECK_STR("err\n", r.err);
	tool_free(&r);
	TOOL_RUN(&r, "run", "--stdout", "discard", "--stderr=inherit", helper("printer"), "out", "-e", "err");
	CHECK_STR("", r.out);
	CHECK_STR("err", r.err);
	tool_free(&r);
}

static const char *const good_specs[] = {
	"stream",
	"backend=broadcast,delivery=reliable,overflow=newest,replay=none,chunk=64KiB,depth=16",
	"backend=single",
	"backend=single,replay=all,chunk=1,depth=1",
	"delivery=lossy,overflow=oldest,depth=1000",
	"delivery=lossy",
	"replay=bytes:1MiB",
	"replay=chunks:1000,chunk=4096",
	"chunk=1MiB",
};

static void streamed_output(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;

	for (size_t i = 0; i < COUNT(good_specs); i++) {
		TOOL_RUN(&r, "run", "--stdout", good_specs[i], "--stderr", good_specs[i], "--report", report,
		         helper("printer"), "one\\ntwo\\n", "-e", "err\\0\\n");
		CHECK_INT(0, r.status);
		CHECK_STR("one\ntwo\n", r.out);
		CHECK_MEM("err\0\n", 5, r.err, r.result.err.collected.size);
		json = tool_report(report);
		CHECK_INT(8, tool_int(json, "stdout.bytes"));
		CHECK_INT(2, tool_int(json, "stdout.lines"));
		CHECK_INT(5, tool_int(json, "stderr.bytes"));
		CHECK(json_is_true(tool_at(json, "stderr.complete")));
		CHECK_STR("eof", tool_text(json, "stdout.end"));
		json_decref(json);
		tool_free(&r);
	}
}

/* What a full buffer loses is counted: passed on + dropped == read. */
static void lossy_output_is_accounted_for(void)
{
	const char *report = tool_file("report"), *out = tool_file("lossy");
	int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct tool_run r;
	struct stat st;
	json_t *json;

	tool_finish(&r, tool_start((const char *const[]){ "run", "--stdout", "delivery=lossy,depth=1,chunk=1KiB",
	                                                  "--report", report, helper("flooder"), "4194304", NULL },
	                           TEND_OUT_FD(fd), TEND_OUT_STREAM(test_reliable_all)));
	CHECK_INT(0, r.status);
	CHECK_INT(0, fstat(fd, &st));
	json = tool_report(report);
	CHECK_INT(4194304, tool_int(json, "stdout.bytes"));
	CHECK_INT(4194304, tool_int(json, "stdout.bytes_dropped") + st.st_size);
	CHECK_INT(tool_int(json, "stdout.gaps") == 0, json_is_true(tool_at(json, "stdout.complete")));
	json_decref(json);
	tool_free(&r);
	close(fd);
}

/* Whether a file is what flooder writes, to the byte. */
static bool is_flood(const char *path, size_t size)
{
	static unsigned char buffer[65536];
	FILE *f = fopen(path, "re");
	size_t at = 0, n;
	bool same = f != NULL;

	while (same && (n = fread(buffer, 1, sizeof buffer, f)) > 0)
		for (size_t i = 0; i < n && same; i++, at++)
			same = buffer[i] == (unsigned char)(at * 7 + (at >> 8));
	if (f)
		fclose(f);
	return same && at == size;
}

static void log_equals_output(void)
{
	const char *log = tool_file("log"), *out = tool_file("out");
	int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct tool_run r;

	tool_finish(&r, tool_start((const char *const[]){ "run", "--log", log, "--tail", "1", "--ready", "no such line",
	                                                  helper("flooder"), "67108864", NULL },
	                           TEND_OUT_FD(fd), TEND_OUT_STREAM(test_reliable_all)));
	CHECK_INT(0, r.status);
	CHECK_STR("", r.err);
	CHECK(is_flood(out, 67108864));
	CHECK(is_flood(log, 67108864));
	tool_free(&r);
	close(fd);
}

static void log_has_both_streams(void)
{
	const char *log = tool_file("log");
	char text[16] = "";
	struct tool_run r;
	FILE *f;

	TOOL_RUN(&r, "run", "--log", log, helper("printer"), "out\\n", "-e", "err\\n");
	CHECK_INT(0, r.status);
	CHECK_STR("out\n", r.out);
	CHECK_STR("err\n", r.err);
	f = fopen(log, "re");
	if (CHECK(f != NULL)) {
		CHECK_INT(8, fread(text, 1, sizeof text - 1, f));
		fclose(f);
	}
	CHECK(strcmp(text, "out\nerr\n") == 0 || strcmp(text, "err\nout\n") == 0);
	tool_free(&r);
}

/* The program goes on without its log, and tend says that it has failed. */
static void log_that_is_full(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "--log", "/dev/full", helper("printer"), "a", "b", "c");
	CHECK_INT(125, r.status);
	CHECK_STR("abc", r.out);
	tool_check_one_line(r.err, "to /dev/full: No space left on device");
	tool_free(&r);
}

/* A child whose output nobody takes is stopped, as SIGPIPE would have; tend itself survives to do so. */
static void stdout_that_is_broken(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;
	int fds[2];

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	close(fds[0]);
	tool_finish(&r, tool_start((const char *const[]){ "run", "--stdout", "stream", "--report", report, "-q",
	                                                  helper("flooder"), "1099511627776", NULL },
	                           TEND_OUT_FD(fds[1]), TEND_OUT_STREAM(test_reliable_all)));
	CHECK_INT(125, r.status);
	tool_check_one_line(r.err, "cannot write its stdout to tend's own: Broken pipe");
	json = tool_report(report);
	CHECK_STR("signaled", tool_text(json, "outcome"));
	CHECK_STR("SIGTERM", tool_text(json, "signal"));
	CHECK(json_is_false(tool_at(json, "stdout.complete")));
	json_decref(json);
	tool_free(&r);
	close(fds[1]);
}

static void stdin_kinds(void)
{
	const char *file = tool_file("input");
	struct tend_error error;
	tend_process *tool;
	struct tool_run r;
	FILE *f = fopen(file, "we");

	if (CHECK(f != NULL)) {
		fputs("12345", f);
		fclose(f);
	}
	TOOL_RUN(&r, "run", "--stdin", file, helper("stdiner"));
	CHECK_STR("5\n", r.out);
	tool_free(&r);
	TOOL_RUN(&r, "run", "--stdin", "null", helper("stdiner"));
	CHECK_STR("0\n", r.out);
	tool_free(&r);
	tool = TOOL_START("run", "--stdin", "inherit", helper("stdiner"));
	if (tool)
		CHECK_OK(tend_process_stdin_write(tool, "1234567", 7, TEST_PATIENCE, NULL, &error), &error);
	tool_finish(&r, tool);
	CHECK_STR("7\n", r.out);
	tool_free(&r);
}

/* ---- ready ---- */

static void check_ready(const char *regex, const char *text, bool on_stderr, bool is_match)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--ready", regex, "--ready-timeout", "1h", "--report", report, helper("printer"),
	         on_stderr ? "-e" : "-o", text);
	CHECK_INT(0, r.status);
	json = tool_report(report);
	if (is_match)
		CHECK(tool_int(json, "ready_ms") >= 0);
	else
		CHECK(tool_is_null(json, "ready_ms"));
	CHECK_INT(is_match, strstr(r.err, "tend: printer: ready after ") != NULL);
	CHECK_STR("exited", tool_text(json, "outcome"));
	json_decref(json);
	tool_free(&r);
}

static void ready_lines(void)
{
	check_ready("^server (is )?ready$", "booting\\nserver is ready\\nmore\\n", false, true);
	check_ready("^server (is )?ready$", "server is not ready\\n", false, false);
	check_ready("ready", "booting\\nready\\n", true, true);
	check_ready("a.*b", "a\\nb\\n", false, false);       /* one line at a time */
	check_ready("ready$", "x\\0 ready\\n", false, true); /* a NUL is a byte like any other */
	check_ready("ready$", "ready", false, true);        /* the last line counts without its end */
	check_ready("^$", "\\n", false, true);
	check_ready("ready", "", false, false);             /* ended without: no error by itself */
	check_ready("\xff", "\xff\\n", false, true);        /* bytes, not characters */
}

/* ---- tail ---- */

static void tail_of_a_failure(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "--tail", "2", "sh", "-c", "printf '1\\n2\\n3\\n4'; echo oops >&2; exit 4");
	CHECK_INT(4, r.status);
	CHECK_STR("1\n2\n3\n4", r.out);
	CHECK_STR("oops\n"
	          "tend: sh: the end of stdout (lines: 2, dropped before them: 2)\n3\n4\n"
	          "tend: sh: the end of stderr (lines: 1, dropped before them: 0)\noops\n",
	          r.err);
	tool_free(&r);
	TOOL_RUN(&r, "run", "--tail", "2", "--stderr", "discard", "sh", "-c", "exit 4");
	CHECK_STR("", r.err);
	tool_free(&r);
}

static void tail_of_a_success(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "--tail", "2", helper("liner"), "10");
	CHECK_INT(0, r.status);
	CHECK_STR("", r.err);
	tool_free(&r);
}

static void tail_cuts_long_lines(void)
{
	struct tool_run r;
	const char *begin;

	TOOL_RUN(&r, "run", "--stdout", "discard", "--tail", "1", "sh", "-c", "head -c 100000 /dev/zero >&2; exit 1");
	CHECK_INT(1, r.status);
	CHECK_INT(100000 + 65536 + 1, r.result.err.collected.size - strlen(r.err + 100000));
	begin = r.err + 100000;
	CHECK(strstr(begin, "lines: 1, dropped before them: 0; long ones end after 65536 bytes") != NULL);
	tool_free(&r);
}

/* ---- reports ---- */

static const char *const report_keys[] = { "name", "argv", "pid", "outcome", "exit_code", "signal", "core_dumped",
	                                   "timed_out", "stop", "stop.phase", "stop.signals", "stop.errors",
	                                   "duration_ms", "ready_ms", "rusage", "rusage.user_ms", "rusage.system_ms",
	                                   "rusage.max_rss_kib", "stdout", "stderr", "survivors", "restarts" };
static const char *const stream_keys[] = { "bytes", "chunks", "lines", "gaps", "bytes_dropped", "complete", "end",
	                                   "held_by" };

static void check_all_keys(const json_t *json)
{
	char path[64];

	for (size_t i = 0; i < COUNT(report_keys); i++)
		if (!tool_at(json, report_keys[i]))
			CHECK_STR(report_keys[i], "missing");
	for (size_t i = 0; i < 2 * COUNT(stream_keys); i++) {
		snprintf(path, sizeof path, "%s.%s", i % 2 ? "stdout" : "stderr", stream_keys[i / 2]);
		if (!tool_at(json, path))
			CHECK_STR(path, "missing");
	}
	CHECK_INT(16, json_object_size(json));
	CHECK_INT(COUNT(stream_keys), json_object_size(tool_at(json, "stdout")));
	CHECK_INT(0, tool_int(json, "restarts"));
}

static void report_of_an_exit(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--stdout", "stream", "--report", report, helper("exiter"), "3");
	CHECK_INT(3, r.status);
	json = tool_report(report);
	check_all_keys(json);
	CHECK_STR("exiter", tool_text(json, "name"));
	CHECK_STR(helper("exiter"), tool_text(json, "argv.0"));
	CHECK_STR("3", tool_text(json, "argv.1"));
	CHECK(tool_int(json, "pid") > 0);
	CHECK_STR("exited", tool_text(json, "outcome"));
	CHECK_INT(3, tool_int(json, "exit_code"));
	CHECK(tool_is_null(json, "signal"));
	CHECK(json_is_false(tool_at(json, "core_dumped")));
	CHECK(json_is_false(tool_at(json, "timed_out")));
	CHECK(tool_is_null(json, "stop.phase"));
	CHECK_STR("", tool_words(json, "stop.signals"));
	CHECK_STR("", tool_words(json, "stop.errors"));
	CHECK(tool_int(json, "duration_ms") >= 0);
	CHECK(tool_int(json, "rusage.max_rss_kib") > 0);
	CHECK(tool_int(json, "rusage.user_ms") >= 0);
	CHECK_INT(0, tool_int(json, "stdout.bytes"));
	for (size_t i = 0; i < COUNT(stream_keys); i++) {
		char path[64];

		snprintf(path, sizeof path, "stderr.%s", stream_keys[i]);
		CHECK(tool_is_null(json, path)); /* not read: nothing to tell */
	}
	json_decref(json);
	tool_free(&r);
}

static void report_of_a_signal(void)
{
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--name", "core", "--report", "-", helper("crasher"), "11");
	CHECK_INT(139, r.status);
	json = tool_report_in(r.err);
	check_all_keys(json);
	CHECK_STR("core", tool_text(json, "name"));
	CHECK_STR("signaled", tool_text(json, "outcome"));
	CHECK_STR("SIGSEGV", tool_text(json, "signal"));
	CHECK(tool_is_null(json, "exit_code"));
	json_decref(json);
	tool_free(&r);
}

static void report_of_a_failed_spawn(void)
{
	const char *report = tool_file("report");
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--log", tool_file("log"), "--report", report, "/no/such/program");
	CHECK_INT(127, r.status);
	json = tool_report(report);
	check_all_keys(json);
	CHECK_STR("spawn-failed", tool_text(json, "outcome"));
	CHECK(tool_is_null(json, "pid"));
	CHECK(tool_is_null(json, "exit_code"));
	CHECK(tool_is_null(json, "duration_ms"));
	CHECK(tool_is_null(json, "rusage.user_ms"));
	CHECK(tool_is_null(json, "stdout.bytes"));
	json_decref(json);
	tool_free(&r);
}

/* JSON is UTF-8, and arguments are bytes: each byte that is no UTF-8 stands as U+FFFD. */
static void report_of_bad_utf8(void)
{
	struct tool_run r;
	json_t *json;

	TOOL_RUN(&r, "run", "--name", "a\xff\"b", "--report", "-", helper("true-er"),
	         "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\xb1", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
	         "\xf4\x90\x80\x80", "\xe2\x82", "\xc3");
	CHECK_INT(0, r.status);
	json = tool_report_in(r.err);
#define BAD "\xef\xbf\xbd"
	CHECK_STR("a" BAD "\"b", tool_text(json, "name"));
	CHECK_STR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\xb1", tool_text(json, "argv.1"));
	CHECK_STR(BAD BAD, tool_text(json, "argv.2"));
	CHECK_STR(BAD BAD BAD, tool_text(json, "argv.3"));
	CHECK_STR(BAD BAD BAD, tool_text(json, "argv.4"));
	CHECK_STR(BAD BAD BAD BAD, tool_text(json, "argv.5"));
	CHECK_STR(BAD BAD, tool_text(json, "argv.6"));
	CHECK_STR(BAD, tool_text(json, "argv.7"));
#undef BAD
	json_decref(json);
	tool_free(&r);
}

static void report_that_cannot_be_written(void)
{
	struct tool_run r;

	TOOL_RUN(&r, "run", "--report", "/dev/full", helper("exiter"), "0");
	CHECK_INT(125, r.status);
	tool_check_one_line(r.err, "/dev/full: No space left on device");
	tool_free(&r);
	TOOL_RUN(&r, "run", "--report", "/dev/full", helper("exiter"), "7");
	CHECK_INT(7, r.status);
	tool_free(&r);
}

static const struct test tests[] = {
	{ "inherited_output", inherited_output },
	{ "streamed_output", streamed_output },
	{ "lossy_output_is_accounted_for", lossy_output_is_accounted_for },
	{ "log_equals_output", log_equals_output },
	{ "log_has_both_streams", log_has_both_streams },
	{ "log_that_is_full", log_that_is_full },
	{ "stdout_that_is_broken", stdout_that_is_broken },
	{ "stdin_kinds", stdin_kinds },
	{ "ready_lines", ready_lines },
	{ "tail_of_a_failure", tail_of_a_failure },
	{ "tail_of_a_success", tail_of_a_success },
	{ "tail_cuts_long_lines", tail_cuts_long_lines },
	{ "report_of_an_exit", report_of_an_exit },
	{ "report_of_a_signal", report_of_a_signal },
	{ "report_of_a_failed_spawn", report_of_a_failed_spawn },
	{ "report_of_bad_utf8", report_of_bad_utf8 },
	{ "report_that_cannot_be_written", report_that_cannot_be_written },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "tool_output", tests, COUNT(tests));
}
