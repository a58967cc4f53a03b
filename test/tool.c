/* SPDX-License-Identifier: MIT */
/* The command is a program like any other: it is started, watched and collected with the library. */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

enum { MAX_FILES = 8 };

static char directory[64];
static char files[MAX_FILES][128];

const char *tool_path(void)
{
	static char path[4096];
	const char *chosen = getenv("TEND_TOOL");
	ssize_t n;

	if (chosen)
		return chosen;
	n = readlink("/proc/self/exe", path, sizeof path - 32);
	if (n < 0)
		return "tend";
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	strcat(path, "/../tools/tend");
	return path;
}

/* A child that was forked from the test must not take the directory away. */
static pid_t owner;

static void remove_files(void)
{
	if (getpid() != owner)
		return;
	for (size_t i = 0; i < MAX_FILES && files[i][0]; i++)
		unlink(files[i]);
	rmdir(directory);
}

static void make_directory(void)
{
	strcpy(directory, "/tmp/tend-test-tool.XXXXXX");
	if (!CHECK(mkdtemp(directory) != NULL))
		return;
	owner = getpid();
	atexit(remove_files);
}

const char *tool_file(const char *name)
{
	char path[128];
	size_t i = 0;

	if (!directory[0])
		make_directory();
	snprintf(path, sizeof path, "%s/%s", directory, name);
	while (i < MAX_FILES - 1 && files[i][0] && strcmp(files[i], path) != 0)
		i++;
	strcpy(files[i], path);
	return files[i];
}

tend_process *tool_start(const char *const *args, struct tend_output out, struct tend_output err)
{
	const char *argv[48] = { tool_path() };
	tend_process *tool = NULL;
	struct tend_error error;
	size_t n = 0;

	while (args[n] && n < 46) {
		argv[n + 1] = args[n];
		n++;
	}
	CHECK(args[n] == NULL);
	CHECK_OK(tend_spawn(&(struct tend_spawn){ .name = "tend",
	                                          .argv = argv,
	                                          .in = TEND_IN_PIPE,
	                                          .out = out,
	                                          .err = err,
	                                          .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	                    &tool, &error),
	         &error);
	return tool;
}

static struct tend_collect all_of(tend_stream *stream)
{
	struct tend_collect none = { .kind = TEND_COLLECTION_NONE };

	return stream ? TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED) : none;
}

void tool_finish(struct tool_run *run, tend_process *take_process)
{
	struct tend_error error;
	struct tend_complete options = {
		.timeout = TEST_PATIENCE,
		.drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(20) },
		.stop = &TEND_STOP_KILL,
	};

	memset(run, 0, sizeof *run);
	run->process = take_process;
	run->status = -1;
	run->out = run->err = "";
	if (!take_process)
		return;
	options.out = all_of(tend_process_stdout(take_process));
	options.err = all_of(tend_process_stderr(take_process));
	if (!CHECK_OK(tend_process_complete(take_process, &options, &run->result, &error), &error))
		return;
	CHECK(!run->result.timed_out);
	if (run->result.exit.kind == TEND_EXITED)
		run->status = run->result.exit.code;
	if (run->result.out.collected.data)
		run->out = run->result.out.collected.data;
	if (run->result.err.collected.data)
		run->err = run->result.err.collected.data;
}

void tool_free(struct tool_run *run)
{
	run->process = tend_process_free(run->process);
}

void tool_run(struct tool_run *run, const char *const *args)
{
	tool_finish(run, tool_start(args, TEND_OUT_STREAM(test_reliable_all), TEND_OUT_STREAM(test_reliable_all)));
}

/* ---- reports ---- */

static json_t *checked(json_t *report, const json_error_t *error)
{
	if (!report)
		CHECK_STR("a report", error->text);
	return report;
}

json_t *tool_report(const char *file)
{
	json_error_t error;

	return checked(json_load_file(file, 0, &error), &error);
}

json_t *tool_report_in(const char *text)
{
	const char *begin = strstr(text, "\n{");
	json_error_t error;

	return checked(json_loads(begin ? begin + 1 : text, JSON_DISABLE_EOF_CHECK, &error), &error);
}

const json_t *tool_at(const json_t *report, const char *path)
{
	char key[64];

	while (report && *path) {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof key, "%.*s", (int)n, path);
		report = json_is_array(report) ? json_array_get(report, strtoul(key, NULL, 10))
		                               : json_object_get(report, key);
		path += n + (path[n] == '.');
	}
	return report;
}

long long tool_int(const json_t *report, const char *path)
{
	const json_t *value = tool_at(report, path);

	if (!json_is_integer(value)) {
		CHECK_STR("a number", path);
		return -1;
	}
	return json_integer_value(value);
}

const char *tool_text(const json_t *report, const char *path)
{
	const json_t *value = tool_at(report, path);

	if (!json_is_string(value)) {
		CHECK_STR("a text", path);
		return "";
	}
	return json_string_value(value);
}

bool tool_is_null(const json_t *report, const char *path)
{
	return json_is_null(tool_at(report, path));
}

const char *tool_words(const json_t *report, const char *path)
{
	static char words[512];
	const json_t *list = tool_at(report, path);
	size_t used = 0;

	words[0] = '\0';
	if (!CHECK(json_is_array(list)))
		return words;
	for (size_t i = 0; i < json_array_size(list) && used < sizeof words; i++)
		used += (size_t)snprintf(words + used, sizeof words - used, "%s%s", i ? " " : "",
		                         json_string_value(json_array_get(list, i)));
	return words;
}

/* ---- what it says ---- */

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

void tool_check_one_line(const char *err, const char *what)
{
	CHECK_INT(1, count_lines(err));
	CHECK(strncmp(err, "tend: ", 6) == 0);
	if (!strstr(err, what))
		CHECK_STR(what, err);
}

void tool_check_file(const char *path, const char *expected)
{
	char text[64] = "";
	FILE *f = fopen(path, "re");

	if (!CHECK(f != NULL))
		return;
	(void)!fread(text, 1, sizeof text - 1, f);
	fclose(f);
	CHECK_STR(expected, text);
}

/* ---- while it runs ---- */

const char *tool_await_out(tend_process *tool, const char *prefix)
{
	static char rest[256];

	rest[0] = '\0';
	if (tool)
		test_await_line(tend_process_stdout(tool), prefix, rest, sizeof rest);
	return rest;
}

const char *tool_await_err(tend_process *tool, const char *prefix)
{
	static char rest[256];

	rest[0] = '\0';
	if (tool)
		test_await_line(tend_process_stderr(tool), prefix, rest, sizeof rest);
	return rest;
}

void tool_signal(tend_process *tool, int signal)
{
	struct tend_error error;

	if (tool)
		CHECK_OK(tend_process_signal(tool, signal, TEND_LEADER, &error), &error);
}

pid_t tool_child(tend_process *tool)
{
	int pid = (int)tend_process_pid(tool);
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		fclose(f);
	return CHECK(f != NULL && pid > 1) ? pid : 0;
}
