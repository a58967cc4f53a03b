/* SPDX-License-Identifier: MIT */
/* What the user of tend up asked for. */
#ifndef TEND_TOOLS_UP_OPTIONS_H
#define TEND_TOOLS_UP_OPTIONS_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include "procfile.h"
#include "run_options.h"

#define UP_MOST_READY 32

/* When a process is ready. */
struct up_ready {
	const char *name;       /* of the Procfile, `size` bytes */
	size_t size;
	const char *text;
	regex_t regex;
};

struct up_options {
	bool help;
	bool quiet;
	unsigned verbose;
	bool keep_going;
	const char *procfile;   /* its path */
	const char *formation;  /* as it was written; NULL: one of each */
	const char *only;       /* the same; NULL: all */
	const char *report_file; /* NULL: none; "-": stderr */
	struct run_plan plan;
	struct up_ready ready[UP_MOST_READY];
	size_t n_ready;
};

/* 0, or -1 after a line on stderr has said what is wrong and what would be right.  Strings stay the caller's. */
int up_options_parse(struct up_options *options, int argc, char **argv);
void up_options_free(struct up_options *options);

/*
 * How many of each process of the Procfile are to run, by the formation and by what there is to be only: 0, or -1 after
 * saying that a name is none of the Procfile's.
 */
int up_options_count(const struct up_options *options, const struct procfile *procfile, size_t *ret_counts);

/* What tend up --help prints. */
extern const char up_help_text[];

#endif
