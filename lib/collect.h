/* SPDX-License-Identifier: MIT */
/* What a collector keeps: bytes or lines within limits, as plain state that knows of no thread and no stream. */
#ifndef TEND_LIB_COLLECT_H
#define TEND_LIB_COLLECT_H

#include <tend/consume.h>

/*
 * Bytes that come in at the end and go out at the front; those inside are contiguous: data[begin] to
 * data[begin + size - 1].  Holds at most `limit` bytes of memory, and none before the first one came.
 */
struct tend__window {
	char *data;
	size_t begin, size, room;
	size_t limit;
};

/* A NUL follows the last byte. */
struct tend__kept_bytes {
	enum tend_overflow overflow;
	size_t max_bytes;
	struct tend__window text;
	uint64_t left_out;
	int failed;             /* 0 or -ENOMEM: nothing more is taken */
};

/* Line i is the i-th NUL-terminated piece of `text`; its `data` is set by tend__kept_lines_seal(). */
struct tend__kept_lines {
	enum tend_overflow overflow;
	size_t max_bytes, max_lines;
	struct tend__window text;  /* each line and its NUL */
	struct tend__window lines; /* struct tend_line */
	uint64_t bytes_left_out, lines_left_out;
	int failed;                /* 0 or -ENOMEM: nothing more is taken */
};

/*
 * [any] Limits of 0 keep nothing.  With TEND_TRUSTED_UNBOUNDED they have no effect.  Memory: max_bytes (and
 * max_lines for the NULs), half as much again with TEND_DROP_OLDEST.
 */
void tend__kept_bytes_init(struct tend__kept_bytes *k, enum tend_overflow overflow, size_t max_bytes);
void tend__kept_lines_init(struct tend__kept_lines *k, enum tend_overflow overflow, size_t max_bytes, size_t max_lines);

/* [any] 0, or -ENOMEM now and ever after: what is kept stays. */
int tend__kept_bytes_push(struct tend__kept_bytes *k, const void *data, size_t size);
int tend__kept_lines_push(struct tend__kept_lines *k, const struct tend_line *line);

/* [any] What is kept; lent until the next push.  Never NULL. */
const char *tend__kept_bytes_data(const struct tend__kept_bytes *k);

/* [any] The lines kept, complete with their data; lent until the next push. */
const struct tend_line *tend__kept_lines_seal(struct tend__kept_lines *k);
size_t tend__kept_lines_count(const struct tend__kept_lines *k);
/* [any] The bytes kept, without line ends. */
size_t tend__kept_lines_size(const struct tend__kept_lines *k);

void tend__kept_bytes_destroy(struct tend__kept_bytes *k);
void tend__kept_lines_destroy(struct tend__kept_lines *k);

#endif
