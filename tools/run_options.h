/* SPDX-License-Identifier: MIT */
/* What the user of tend run asked for. */
#ifndef TEND_TOOLS_RUN_OPTIONS_H
#define TEND_TOOLS_RUN_OPTIONS_H

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <tend.h>

enum run_output_kind {
	RUN_OUTPUT_DEFAULT = 0, /* inherited, unless something has to see it */
	RUN_OUTPUT_INHERIT,
	RUN_OUTPUT_DISCARD,
	RUN_OUTPUT_STREAM,      /* read by tend and passed on */
	RUN_OUTPUT_MERGED       /* stderr: into stdout's stream */
};

struct run_output {
	enum run_output_kind kind;
	struct tend_stream_options stream; /* as asked for, all fields chosen */
};

enum run_input { RUN_INPUT_INHERIT = 0, RUN_INPUT_NULL, RUN_INPUT_FILE };

struct run_plan {
	struct tend_stop_phase phases[TEND_MAX_STOP_PHASES];
	size_t n_phases;
};

/* Whether the program is started again when it has failed. */
struct run_restart {
	bool on_failure;
	size_t max;             /* restarts in all; 0: without limit */
	int64_t backoff_ns;     /* before the first one; doubles from one to the next */
};

struct run_options {
	bool help;
	bool quiet;
	unsigned verbose;
	const char *name;
	const char *const *argv;  /* of the program, NULL-terminated */
	/* tend up only; NULL: none, and tend's own */
	const char *const *env_set;
	const char *cwd;
	enum run_input input;
	const char *input_file;
	struct run_output output[2]; /* stdout, stderr; never RUN_OUTPUT_DEFAULT once parsed */
	const char *log_file;     /* of both streams; NULL: none */
	const char *log_files[2]; /* of one each */
	bool has_prefix;
	const char *prefix;       /* NULL: made of the name */
	bool timestamps;
	const char *report_file;  /* NULL: none; "-": stderr */
	size_t tail;              /* lines; 0: none */
	int64_t timeout_ns;       /* 0: none */
	int64_t ready_timeout_ns; /* 0: none */
	bool has_ready;
	regex_t ready;            /* valid when has_ready */
	const char *ready_text;
	int ready_fd;             /* -1: none */
	struct run_plan plan;
	enum tend_scope scope;
	bool with_parent;
	struct run_restart restart;
	int64_t drain_idle_ns, drain_total_ns;
};

extern const char *const run_stream_names[2];
extern const struct run_options run_default_options;

/*
 * 0, or -1 after a line on stderr has said what is wrong and what would be right.  Strings stay the caller's.
 * Nothing is opened. With `help` set the rest has not been looked at.
 */
int run_options_parse(struct run_options *options, int argc, char **argv);
void run_options_free(struct run_options *options);

/* What tend run --help prints. */
extern const char run_help_text[];

#endif
