/* SPDX-License-Identifier: MIT */
/*
 * Writers: consumers that write a stream to a descriptor or a FILE, every byte as it comes or line by line, as it is or
 * mapped.  What happens when a write fails is a choice, and the result says what was not written.
 */
#ifndef TEND_WRITE_H
#define TEND_WRITE_H

#include <stdio.h>
#include <tend/base.h>
#include <tend/consume.h>
#include <tend/error.h>
#include <tend/line.h>
#include <tend/stream.h>

TEND_BEGIN_DECLS

enum tend_write_what {
	TEND_WRITE_CHUNKS = 1,  /* every byte as it comes */
	TEND_WRITE_LINES        /* line by line */
};

enum tend_write_kind { TEND_WRITE_TO_FD = 1, TEND_WRITE_TO_FILE };

/*
 * Where to.  It stays the caller's, is never closed, and must stay open until on_end has returned or the consumer has
 * ended; one that was abandoned has not ended yet.  Nobody is sent a SIGPIPE.
 */
struct tend_write_to {
	enum tend_write_kind kind;
	int fd;                 /* TEND_WRITE_TO_FD */
	FILE *file;             /* TEND_WRITE_TO_FILE */
};
/* Blocking or not: either way each write goes on until all is written. */
#define TEND_TO_FD(f) (__extension__(struct tend_write_to){ .kind = TEND_WRITE_TO_FD, .fd = (f) })
/*
 * Its buffer is the caller's choice (setvbuf(3)) and decides when a failure shows: what it took before may then be
 * lost, too.  Flushed at the end, whatever the reason of the end.  Its error indicator is cleared before each write.
 * It must not be on a non-blocking descriptor, where stdio loses what does not fit at once.
 */
#define TEND_TO_FILE(f) (__extension__(struct tend_write_to){ .kind = TEND_WRITE_TO_FILE, .file = (f) })

/* What follows each line: nothing, or its delimiter, which is LF unless line.delimiter is another byte. */
enum tend_line_end {
	/*
	 * The delimiter where the stream had one: behind a shortened line, too, but not between the pieces of a split
	 * one, nor behind an unterminated last one.
	 */
	TEND_LINE_END_KEPT,
	TEND_LINE_END_ALWAYS,   /* also behind each piece of a split line, and behind an unterminated last one */
	TEND_LINE_END_NEVER
};

/* What was being written.  A record is a chunk, a line, or a gap_text. */
enum tend_writing {
	TEND_WRITING_CHUNK = 1,
	TEND_WRITING_LINE,      /* the line itself, or a piece of one that was split */
	TEND_WRITING_LINE_END,  /* its delimiter: the line itself is written */
	TEND_WRITING_GAP_TEXT,
	TEND_WRITING_FLUSH      /* what a FILE had buffered, at the end */
};

/* A write that failed. */
struct tend_write_failure {
	enum tend_writing writing;
	int error;              /* a positive errno value; ENOMEM also where there was no memory for the record */
	uint64_t offset;        /* of the record in the stream, bytes; for the flush, where the stream ended */
	uint64_t size;          /* bytes that were to be written, after the mapping; 0 where that is not known */
	uint64_t written;       /* of these; of a FILE, what its buffer took, which may be lost */
	const char *label;      /* the stream's; valid until tend_consumer_free() */
};

/*
 * What happens when a write has failed.  What the record still lacks is left out in any case, its delimiter
 * included.
 */
enum tend_write_policy {
	TEND_WRITE_STOP = 1,    /* the consumer ends, as with TEND_BREAK */
	TEND_WRITE_GO_ON,       /* the next record is written */
	TEND_WRITE_ASK          /* as `ask` says */
};

/*
 * Whether to go on.  Called once for each write that failed, in order, as callbacks of a visitor are; what it answers
 * when the stream has ended changes nothing.
 */
typedef enum tend_flow tend_write_ask_fn(void *arg, const struct tend_write_failure *failure);

/* Takes what a map function makes of a chunk or a line. */
typedef struct tend_writer tend_writer;

/*
 * Adds `size` bytes to the output for what is being mapped; nothing is written before the map function has returned.
 * 0, or -ENOMEM, after which the record fails as a whole.  Within the map function only; does not block.
 */
TEND_API int tend_writer_emit(tend_writer *writer, const void *data, size_t size);

/*
 * Hands the output for this chunk or line to tend_writer_emit(), in any number of pieces.  When it has not called it,
 * nothing is written, no delimiter either; an empty piece makes an empty line.  Called as callbacks of a visitor are,
 * maybe for several lines before the first of them is written.  Chunk and line are lent for the time of the call.
 */
typedef void tend_map_chunk_fn(void *arg, const struct tend_chunk *chunk, tend_writer *writer);
typedef void tend_map_line_fn(void *arg, const struct tend_line *line, tend_writer *writer);

struct tend_write {
	enum tend_write_what what;         /* choice */
	struct tend_write_to to;           /* choice: TEND_TO_FD(fd) or TEND_TO_FILE(file) */
	enum tend_write_policy on_failure; /* choice */
	tend_write_ask_fn *ask;            /* choice with TEND_WRITE_ASK */
	struct tend_line_options line;     /* choice with TEND_WRITE_LINES */
	enum tend_line_end line_end;       /* extra, lines, mapped or not; absent: TEND_LINE_END_KEPT */
	tend_map_chunk_fn *map_chunk;      /* extra, chunks */
	tend_map_line_fn *map_line;        /* extra, lines */
	/*
	 * Extra: written where bytes of the stream are missing, also in front of the first one; copied, not mapped.
	 * Among lines it is a line of its own, with a delimiter unless line_end is TEND_LINE_END_NEVER.
	 */
	const char *gap_text;
	enum tend_runs_on runs_on;         /* extra: absent: TEND_ON_OWN_THREAD, as a target may block */
	struct tend_subscribe subscribe;   /* extra */
	void (*on_end)(void *arg, const struct tend_end *end); /* extra: the last call; the target is not used again */
	void *arg;                         /* extra: given to all these functions */
};

/* What was written, and what was not. */
struct tend_written {
	uint64_t bytes_written;    /* that the target took, of whatever kind */
	uint64_t lines_written;    /* whole, with their delimiter where they get one; each piece of a split line */
	uint64_t bytes_unwritten;  /* of records that failed, delimiters included, as far as their size is known */
	uint64_t failures;         /* writes that failed, the flush included */
	struct tend_write_failure first, last; /* of these; zero where there was none */
	int flush_error;           /* 0, or a positive errno value: a FILE has lost what it had buffered */
	bool stopped;              /* after the last failure nothing more was written: policy, or answer of `ask` */
	uint64_t lines_cut, bytes_cut; /* by line.max_length */
	struct tend_consumed consumed;
	bool complete;             /* the stream from offset 0 to EOF, nothing dropped, cut or failed */
};

/*
 * Starts a writer.  The options are copied, gap_text too.  Records are written in order, each whole: interrupted and
 * partial writes are continued, and a full non-blocking descriptor is waited for; meanwhile a reliable stream waits,
 * and so does tend_consumer_cancel(), up to its grace.  Several lines may be written at once, but none waits for a
 * chunk that has not come.
 *
 * Where a line was written in part, or its delimiter is missing, the next record begins with a delimiter, so that it is
 * never taken for the rest of that line; of a FILE with a buffer this is assumed after each failure.  With
 * TEND_LINE_END_NEVER, where nothing tells one line from the next, that is so only behind the beginning of a line.
 * Chunks simply follow each other.
 *
 * When the consumer is cancelled or stops, a line that has not come to its end is not written.
 *
 * -EINVAL (field), -EBADF (a target that is not open for writing) and as tend_stream_consume().  Any thread; does not
 * block.
 */
TEND_API int tend_stream_write(tend_stream *stream, const struct tend_write *options, tend_consumer **ret_consumer,
                               struct tend_error *err);

/*
 * What a writer that has ended has written, whatever the reason of its end.  -EAGAIN while it still runs, -EINVAL where
 * the consumer is no writer.  Any thread; does not block.
 */
TEND_API int tend_consumer_written(tend_consumer *consumer, struct tend_written *ret_written, struct tend_error *err);

TEND_END_DECLS

#endif
