/* SPDX-License-Identifier: MIT */
/* What is said and written when all is over. */
#ifndef TEND_TOOLS_LAST_WORDS_H
#define TEND_TOOLS_LAST_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct last_words {
	char *tail;              /* for stderr; NULL: none.  Taken, as is `report` */
	size_t tail_size;
	bool has_report;
	char *report;            /* NULL: there was no memory for it */
	int report_fd;           /* STDERR_FILENO: behind the tail */
	const char *report_file; /* what it is called */
	int64_t deadline;        /* moment: for stderr to take all, see say_stop() */
};

/*
 * First what was said before, then the tail, then the report: ends what say_start() began.  The exit status: `result`,
 * or CMD_FAILED where that was CMD_OK and the report could not be written.  Main.
 */
int last_words(const struct last_words *words, int result);

#endif
