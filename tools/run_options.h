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
	RUN_OUTPUT_STREAM       /* read by tend and passed on */
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

struct run_options {
	bool help;
	bool quiet;
	unsigned verbose;
	const char *name;
	const char *const *argv;  /* of the program, NULL-terminated */
	enum run_input input;
	const char *input_file;
	struct run_output output[2]; /* stdout, stderr; never RUN_OUTPUT_DEFAULT once parsed */
	const char *log_file;     /* NULL: none */
	const char *report_file;  /* NULL: none; "-": stderr */
	size_t tail;              /* lines; 0: none */
	int64_t timeout_ns;       /* 0: none */
	int64_t ready_timeout_ns; /* 0: none */
	bool has_ready;
	regex_t ready;            /* valid when has_ready */
	const char *ready_text;
	struct run_plan plan;
	int64_t drain_idle_ns, drain_total_ns;
};

extern const char *const run_stream_names[2];

/*
 * 0, or -1 after a line on stderr has said what is wrong and what would be right.  Strings stay the caller's. 
 * Nothing is opened. With `help` set the rest has not been looked at.
 */
int run_options_parse(struct run_options *options, int argc, char **argv);
void run_options_free(struct run_options *options);

/* What tend run --help prints. */
extern const char run_help_text[];

#endif
