/* SPDX-License-Identifier: MIT */
/*
 * Problem: write records so that few system calls are made, each record is written whole or it is known how much of it
 * was, and a record that was broken off is not continued by the next one.
 *
 * Records are put together one after the other and written with one call.  Where that breaks off, the ends of the
 * records tell which one it was; the rest of that one is left out, the owner is asked, and the batch goes on with the
 * next.
 *
 * Invariants
 *   I1  What the sink has taken is a sequence of whole records, but for those that were reported as failed.
 *   I2  owes_delimiter: the sink stands within a line that nothing will continue.  One goes before anything else.
 */
#include "batch.h"

#include <errno.h>
#include <string.h>

#include "mem.h"

#define LARGE ((size_t)64 << 10) /* bytes: the batch is written */
#define SMALLEST_ROOM ((size_t)4 << 10)

static size_t begin_of(const struct tend__batch *b, size_t i)
{
	return i > 0 ? b->records[i - 1].end : 0;
}

/* ---- writing ---- */

/* `begun`: the record that failed is there in part.  Without delimiters there is no line to be within otherwise. */
static void owe_delimiter(struct tend__batch *b, bool begun)
{
	if (b->what == TEND_WRITE_LINES && (begun || b->delimits))
		b->owes_delimiter |= b->within_line;
}

/* 0 or a negative errno value; *ret_written counts in any case. */
static int put(struct tend__batch *b, const char *data, size_t size, size_t *ret_written)
{
	int r = tend__sink_write(&b->sink, data, size, ret_written);

	b->bytes_written += *ret_written;
	if (*ret_written > 0)
		b->within_line = data[*ret_written - 1] != b->delimiter;
	if (r < 0 && !tend__sink_is_exact(&b->sink))
		b->within_line = true; /* what it had buffered may be lost, up to anywhere */
	return r;
}

/* The delimiter that is owed, and all records from i on. */
static int put_from(struct tend__batch *b, const char *data, size_t i, size_t *ret_written)
{
	size_t begin = begin_of(b, i), end = b->records[b->n_records - 1].end;
	int r = b->owes_delimiter ? put(b, &b->delimiter, 1, ret_written) : 0;

	*ret_written = 0;
	if (r < 0)
		return r;
	b->owes_delimiter = false;
	return put(b, data + begin, end - begin, ret_written);
}

/* The sink took `written` bytes of record i, and no more. */
static bool break_off(struct tend__batch *b, size_t i, size_t written, int error)
{
	const struct tend__record *record = &b->records[i];
	size_t size = record->end - begin_of(b, i), body = record->body_end - begin_of(b, i);
	struct tend_write_failure f = {
		.writing = record->what,
		.error = -error,
		.offset = record->offset,
		.size = body,
		.written = written < body ? written : body,
	};

	if (written == body && body < size && !b->owes_delimiter && tend__sink_is_exact(&b->sink)) {
		f.writing = TEND_WRITING_LINE_END;
		f.size = 1;
		f.written = 0;
	}
	b->bytes_unwritten += size - written;
	owe_delimiter(b, written > 0);
	return b->failed(b->arg, &f);
}

/* A FILE may take all and fail all the same: then the last record is the one that failed. */
static void write_records(struct tend__batch *b, const char *data)
{
	size_t i = 0;

	while (i < b->n_records && !b->stopped) {
		size_t written = 0, reached;
		int r = put_from(b, data, i, &written);

		reached = begin_of(b, i) + written;
		while (i + (r < 0) < b->n_records && b->records[i].end <= reached)
			b->lines_written += b->records[i++].what == TEND_WRITING_LINE;
		if (r < 0) {
			b->stopped = !break_off(b, i, reached - begin_of(b, i), r);
			i++;
		}
	}
	b->n_records = 0;
}

void tend__batch_write(struct tend__batch *b)
{
	write_records(b, b->data);
}

void tend__batch_write_chunk(struct tend__batch *b, const struct tend_chunk *chunk)
{
	b->records[b->n_records++] = (struct tend__record){
		.what = TEND_WRITING_CHUNK,
		.offset = chunk->offset,
		.body_end = chunk->size,
		.end = chunk->size,
	};
	write_records(b, chunk->data);
}

void tend__batch_part(struct tend__batch *b)
{
	tend__batch_write(b);
	owe_delimiter(b, false);
}

void tend__batch_fail(struct tend__batch *b, enum tend_writing what, uint64_t offset, uint64_t size)
{
	struct tend_write_failure f = { .writing = what, .error = ENOMEM, .offset = offset, .size = size };

	tend__batch_part(b); /* what came before has its turn first */
	if (b->stopped)
		return;
	b->bytes_unwritten += size;
	b->stopped = !b->failed(b->arg, &f);
}

/* ---- putting together ---- */

static int reserve(struct tend__batch *b, size_t n)
{
	size_t want = b->size + n;
	size_t room = 2 * b->room;
	char *data;

	if (want < n)
		return -ENOMEM;
	if (want <= b->room)
		return 0;
	if (room < want)
		room = want;
	if (room < SMALLEST_ROOM)
		room = SMALLEST_ROOM;
	data = tend__realloc(b->data, room);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->room = room;
	return 0;
}

void tend__batch_begin(struct tend__batch *b)
{
	b->size = begin_of(b, b->n_records);
	b->body_size = 0;
	b->has_body = b->no_memory = false;
}

int tend__batch_add(struct tend__batch *b, const void *data, size_t size)
{
	b->has_body = true;
	b->body_size += size;
	if (!b->no_memory && reserve(b, size) < 0)
		b->no_memory = true;
	if (b->no_memory)
		return -ENOMEM;
	if (size > 0)
		memcpy(b->data + b->size, data, size);
	b->size += size;
	return 0;
}

void tend__batch_end(struct tend__batch *b, enum tend_writing what, uint64_t offset, bool delimited)
{
	struct tend__record *record = &b->records[b->n_records];

	record->what = what;
	record->offset = offset;
	record->body_end = b->size;
	if (b->no_memory || (delimited && reserve(b, 1) < 0)) {
		tend__batch_fail(b, what, offset, b->body_size);
		return;
	}
	if (delimited)
		b->data[b->size++] = b->delimiter;
	record->end = b->size;
	b->n_records++;
	if (b->n_records == TEND__BATCH_RECORDS || b->size >= LARGE)
		tend__batch_write(b);
}

void tend__batch_destroy(struct tend__batch *b)
{
	tend__free(b->data);
}
