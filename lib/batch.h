/* SPDX-License-Identifier: MIT */
/* Records (chunks, lines, gap texts) on their way to a sink, several with one call, and what became of them. */
#ifndef TEND_LIB_BATCH_H
#define TEND_LIB_BATCH_H

#include <tend/write.h>

#include "sink.h"

#define TEND__BATCH_RECORDS 256

/* Each begins where the one before it ends, the first at 0. */
struct tend__record {
	enum tend_writing what;
	uint64_t offset;        /* in the stream */
	size_t body_end, end;   /* in the batch; between them the delimiter, where it gets one */
};

/* Whether to go on.  f->label is not set. */
typedef bool tend__write_failed_fn(void *arg, const struct tend_write_failure *f);

/* One thread's. */
struct tend__batch {
	/* set by the owner */
	struct tend__sink sink;
	enum tend_write_what what;
	char delimiter;         /* of lines */
	bool delimits;          /* each record ends with it, unless the next one continues its line */
	tend__write_failed_fn *failed;
	void *arg;

	char *data;
	size_t size, room;
	struct tend__record records[TEND__BATCH_RECORDS];
	size_t n_records;

	/* the record that is being put together */
	size_t body_size;       /* also of what there was no memory for */
	bool has_body, no_memory;

	/* lines */
	bool within_line;       /* the last byte that the sink took was no delimiter */
	bool owes_delimiter;

	bool stopped;           /* a failure was not gone on after: nothing is written any more */
	uint64_t bytes_written, bytes_unwritten, lines_written; /* as in struct tend_written */
};

/*
 * [one thread] A record: begun, added to any number of times (0 or -ENOMEM), ended.  A batch that is large then is
 * written.
 */
void tend__batch_begin(struct tend__batch *b);
int tend__batch_add(struct tend__batch *b, const void *data, size_t size);
void tend__batch_end(struct tend__batch *b, enum tend_writing what, uint64_t offset, bool delimited);

/* [one thread] Writes what is in the batch, which is empty afterwards. */
void tend__batch_write(struct tend__batch *b);
/* [one thread] Writes a chunk without copying it.  The batch is empty. */
void tend__batch_write_chunk(struct tend__batch *b, const struct tend_chunk *chunk);

/* [one thread] The last record continued no further: what comes next must not look like the rest of its line. */
void tend__batch_part(struct tend__batch *b);
/* [one thread] There is no memory for a record of `size` bytes, 0 where that is not known. */
void tend__batch_fail(struct tend__batch *b, enum tend_writing what, uint64_t offset, uint64_t size);

void tend__batch_destroy(struct tend__batch *b);

#endif
