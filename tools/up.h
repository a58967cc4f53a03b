/* SPDX-License-Identifier: MIT */
/* The processes of a Procfile: what each of them is started with. */
#ifndef TEND_TOOLS_UP_H
#define TEND_TOOLS_UP_H

#include "procfile.h"
#include "run.h"
#include "up_options.h"
#include "words.h"

#define UP_MOST_PROCESSES ((size_t)200)

/* One process.  Its run is in up.runs, at the same place. */
struct up_process {
	const struct procfile_entry *entry;
	struct run_options options;
	char name[84];          /* "web.1" */
	char prefix[128];
	char place[240];        /* "Procfile:3" */
	char port[32], ps[90];  /* "PORT=5000", "PS=web.1" */
	struct words words;
	const char **env;
};

struct up {
	const struct up_options *options;
	char directory[4096];   /* the Procfile's, in which the processes run */
	char env_file[4096];    /* .env in it */
	char *procfile_text, *env_text;
	struct procfile procfile, env;
	struct up_process *processes;
	struct run *runs;
	size_t n;
};

/*
 * Reads the files, and makes of each process a run that has not been started: 0, or -1 after saying what is wrong.
 * `up` is all zero but for its options; it has to be freed in each case.
 */
int up_load(struct up *up);
void up_free(struct up *up);

#endif
