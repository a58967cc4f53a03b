/* SPDX-License-Identifier: MIT */
/* Running the tend command from its tests: the built binary, through the library. */
#ifndef TEND_TEST_TOOL_H
#define TEND_TEST_TOOL_H

#include <jansson.h>
#include <stdbool.h>
#include <tend.h>

/* The command's path: TEND_TOOL (environment), else where the build tree has it. */
const char *tool_path(void);

/* The path of a file in a directory of this program's own, which goes with it.  Static storage; at most 8 names. */
const char *tool_file(const char *name);

/* The command, running.  Its streams retain everything. */
tend_process *tool_start(const char *const *args, struct tend_output out, struct tend_output err);

/* How one call of the command ended.  What it wrote is lent until tool_free(). */
struct tool_run {
	tend_process *process;
	struct tend_result result;
	int status;              /* the exit status, -1 where a signal ended it or nothing did */
	const char *out, *err;   /* NUL-terminated; "" where the output was no stream */
};

/* Waits for its end, and collects. */
void tool_finish(struct tool_run *run, tend_process *take_process);
void tool_free(struct tool_run *run);

/* Both in one: runs it with `args`, NULL-terminated. */
void tool_run(struct tool_run *run, const char *const *args);
#define TOOL_RUN(run, ...) tool_run(run, (const char *const[]){ __VA_ARGS__, NULL })
#define TOOL_START(...) \
	tool_start((const char *const[]){ __VA_ARGS__, NULL }, TEND_OUT_STREAM(test_reliable_all), \
	           TEND_OUT_STREAM(test_reliable_all))

/* The report in a file, or in what was written to stderr.  Records a failure and returns NULL where there is none. */
json_t *tool_report(const char *file);
json_t *tool_report_in(const char *text);

/* What "stop.phase" leads to; NULL where there is none.  Lent. */
const json_t *tool_at(const json_t *report, const char *path);
/* Its value; a missing or other one records a failure. */
long long tool_int(const json_t *report, const char *path);
const char *tool_text(const json_t *report, const char *path);
bool tool_is_null(const json_t *report, const char *path);

/* The texts of a list as one, with spaces between them.  Static storage. */
const char *tool_words(const json_t *report, const char *path);

/* That `err` is one line of tend's own, and nothing else, with `what` in it. */
void tool_check_one_line(const char *err, const char *what);

/* That there is a file with this text, of at most 63 bytes, and nothing else in it. */
void tool_check_file(const char *path, const char *expected);

/* The first child of the command's first thread, by its number; 0: there is none, which is a failure. */
pid_t tool_child(tend_process *tool);

/* Waits until `prefix` begins a line of its stdout, or stderr; a copy of the rest of the line.  Static storage. */
const char *tool_await_out(tend_process *tool, const char *prefix);
const char *tool_await_err(tend_process *tool, const char *prefix);

/* A signal to the command alone. */
void tool_signal(tend_process *tool, int signal);

#endif
