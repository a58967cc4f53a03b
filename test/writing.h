/* SPDX-License-Identifier: MIT */
/* What the tests of writers share: streams that have ended, targets that can be read back, an `ask` that remembers. */
#ifndef TEND_TEST_WRITING_H
#define TEND_TEST_WRITING_H

#include <tend.h>

/* A file in memory, and what is in it, NUL-terminated. */
struct written_file {
	int fd;
	char text[8192];
};
void writing_open(struct written_file *f);
void writing_close(struct written_file *f);
void writing_read_back(struct written_file *f);

/* Answers TEND_CONTINUE to the first `go_on` questions, and lets a write fail again for the first `fail_again`. */
struct asked {
	int go_on, fail_again;
	unsigned long fail_next;     /* which write, from the answer on; 0: the first */
	int n;                       /* questions so far */
	struct tend_write_failure failures[8];
	char label[32];              /* of the last */
};
enum tend_flow asked_ask(void *asked, const struct tend_write_failure *failure);

/* All of it, or a failure is recorded. */
void writing_feed(int fd, const char *data, size_t size);
/* A stream that has brought these bytes, in chunks of `chunk` bytes, and ended; any number may subscribe. */
tend_stream *writing_stream_of(size_t chunk, const char *data, size_t size);
/* The same, but a read error is its end. */
tend_stream *writing_stream_that_fails(const char *data, size_t size);

/* Designated initialisers of a struct tend_write. */
#define LINES_OF(max, how) .what = TEND_WRITE_LINES, .line = { .max_length = (max), .overflow = (how) }
#define USUAL_LINES LINES_OF(TEND_DEFAULT_MAX_LINE_LENGTH, TEND_LINE_TRUNCATE)

tend_consumer *writing_start(tend_stream *stream, const struct tend_write *options);
/* Until the writer has been given so many bytes; it may be about to write the last of them. */
void writing_await_given(tend_consumer *writer, uint64_t bytes);
/* Waits for the end of a writer and frees it; labels are NULL. */
struct tend_written writing_end(tend_consumer *writer);
/* Both. */
struct tend_written writing_run(tend_stream *stream, const struct tend_write *options);
/* A run for a stream that consists of `text`, read in chunks of `chunk` bytes, into the file; `o` has no target yet. */
struct tend_written writing_make(const char *text, size_t chunk, struct tend_write o, struct written_file *f);

#endif
