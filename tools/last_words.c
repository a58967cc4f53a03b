/* SPDX-License-Identifier: MIT */
/*
 * Nobody may be reading stderr any more, and tend has to end all the same: what goes there is handed to the thread that
 * writes tend's lines, and waited for as long as say_stop() allows.
 */
#include "last_words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "io.h"
#include "say.h"

static int write_file(const struct last_words *words)
{
	int r = words->report ? io_write_all(words->report_fd, words->report, strlen(words->report)) : -ENOMEM;

	if (r == 0)
		r = io_write_all(words->report_fd, "\n", 1);
	if (r < 0)
		say("cannot write the report %.300s: %s", words->report_file, strerror(-r));
	return r;
}

/* Tail and report as one. */
static int hand_over(const struct last_words *words)
{
	const char *report = words->report ? words->report : "", *end = words->report ? "\n" : "";
	size_t size = words->tail_size + strlen(report) + strlen(end);
	char *all = malloc(size + 1);

	if (!all)
		return -ENOMEM;
	if (words->tail_size > 0)
		memcpy(all, words->tail, words->tail_size);
	snprintf(all + words->tail_size, size + 1 - words->tail_size, "%s%s", report, end);
	say_last(all, size);
	return words->has_report && !words->report ? -ENOMEM : 0;
}

int last_words(const struct last_words *words, int result)
{
	bool in_file = words->has_report && words->report_fd != STDERR_FILENO;
	struct last_words shown = *words;
	int r = 0;

	if (in_file) {
		r = write_file(words);
		shown.report = NULL;
		shown.has_report = false;
	}
	if (hand_over(&shown) < 0) {
		say("no memory for the last words");
		r = -ENOMEM;
	}
	if (!say_stop(words->deadline) && shown.has_report)
		r = -ETIMEDOUT;
	free(words->tail);
	free(words->report);
	return r < 0 && words->has_report && result == CMD_OK ? CMD_FAILED : result;
}
