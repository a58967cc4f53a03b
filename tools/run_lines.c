/* SPDX-License-Identifier: MIT */
/*
 * Several writers may share one terminal or pipe.  So that no line is torn, each is put together in memory with what
 * stands in front of it, and what is written at once begins and ends with a line.
 */
#include "run_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io.h"

enum { STAMP_SIZE = 32 };

struct run_lines {
	tend_parser *parser;
	const char *prefix;
	size_t prefix_size;
	bool timestamps;
	char stamp[STAMP_SIZE]; /* of the chunk that is being written; "" where none is wanted */
	size_t used, size;
	char bytes[]; /* room for two of the longest lines */
};

int run_lines_new(const char *prefix, bool timestamps, struct run_lines **ret_lines)
{
	static const struct tend_line_options options = { .max_length = RUN_LINES_LONGEST,
		                                          .overflow = TEND_LINE_SPLIT,
		                                          .cut_at_utf8 = true };
	size_t prefix_size = prefix ? strlen(prefix) : 0;
	size_t size = 2 * (RUN_LINES_LONGEST + prefix_size + STAMP_SIZE);
	struct run_lines *lines = malloc(sizeof *lines + size);
	int r;

	if (!lines)
		return -ENOMEM;
	*lines = (struct run_lines){
		.prefix = prefix, .prefix_size = prefix_size, .timestamps = timestamps, .size = size
	};
	r = tend_parser_new(&options, &lines->parser, NULL);
	if (r < 0)
		free(lines);
	else
		*ret_lines = lines;
	return r;
}

struct run_lines *run_lines_free(struct run_lines *lines)
{
	if (lines)
		tend_parser_free(lines->parser);
	free(lines);
	return NULL;
}

/* RFC 3339, in UTC: sorts, and means the same everywhere. */
static void stamp(struct run_lines *lines)
{
	struct timespec now;
	struct tm t;
	size_t n;

	lines->stamp[0] = '\0';
	if (!lines->timestamps)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &t);
	n = strftime(lines->stamp, STAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &t);
	snprintf(lines->stamp + n, STAMP_SIZE - n, ".%03ldZ ", now.tv_nsec / 1000000);
}

static int flush(struct run_lines *lines, int fd, pthread_mutex_t *shared)
{
	int r;

	if (shared)
		pthread_mutex_lock(shared);
	r = io_write_all(fd, lines->bytes, lines->used);
	if (shared)
		pthread_mutex_unlock(shared);
	lines->used = 0;
	return r;
}

static void append(struct run_lines *lines, const void *bytes, size_t size)
{
	memcpy(lines->bytes + lines->used, bytes, size);
	lines->used += size;
}

static int add(struct run_lines *lines, const struct tend_line *line, int fd, pthread_mutex_t *shared)
{
	size_t stamp_size = strlen(lines->stamp);
	int r = 0;

	if (stamp_size + lines->prefix_size + line->size + 1 > lines->size - lines->used)
		r = flush(lines, fd, shared);
	append(lines, lines->stamp, stamp_size);
	if (lines->prefix)
		append(lines, lines->prefix, lines->prefix_size);
	append(lines, line->data, line->size);
	append(lines, "\n", 1);
	return r;
}

int run_lines_write(struct run_lines *lines, const struct tend_chunk *chunk, int fd, pthread_mutex_t *shared)
{
	struct tend_line line;
	int r = 0, next;

	stamp(lines);
	tend_parser_feed(lines->parser, chunk);
	while ((next = tend_parser_next(lines->parser, &line)) > 0 && r == 0)
		r = add(lines, &line, fd, shared);
	if (next < 0)
		return next;
	return r == 0 ? flush(lines, fd, shared) : r;
}

int run_lines_finish(struct run_lines *lines, int fd, pthread_mutex_t *shared)
{
	struct tend_line line;
	int r = 0;

	stamp(lines);
	if (tend_parser_finish(lines->parser, &line) > 0)
		r = add(lines, &line, fd, shared);
	return r == 0 ? flush(lines, fd, shared) : r;
}

void run_lines_gap(struct run_lines *lines, const struct tend_gap *gap)
{
	tend_parser_gap(lines->parser, gap);
}
