/* SPDX-License-Identifier: MIT */
/*
 * Consumers.  A consumer runs a visitor over a subscription of its own, on a thread of its own or on the stream's
 * reader.  Ready-made ones inspect, collect, write, and wait for a line.  Every result says what it is missing.
 */
#ifndef TEND_CONSUME_H
#define TEND_CONSUME_H

#include <tend/base.h>
#include <tend/error.h>
#include <tend/line.h>
#include <tend/stream.h>

TEND_BEGIN_DECLS

typedef struct tend_consumer tend_consumer;

enum tend_flow { TEND_CONTINUE, TEND_BREAK };

/* What a consumer has seen, and how it ended. */
struct tend_consumed {
	enum tend_ending ending; /* TEND_END_NONE: it still runs (tend_consumer_wait() timed out) */
	int read_errno;          /* TEND_END_READ_ERROR: a positive errno value */
	uint64_t bytes, chunks;  /* given to the visitor */
	uint64_t gaps, bytes_dropped, chunks_dropped; /* lost to a full buffer */
	bool began_late;         /* it began in the middle of the stream: what was before it is not counted above */
	uint64_t first_offset;   /* where in the stream its books begin: 0 unless began_late */
};

/* The last thing that a visitor is told. */
struct tend_end {
	enum tend_ending reason;
	int read_errno;
	uint64_t offset;         /* where in the stream it ended */
};

/* Which thread calls a visitor. */
enum tend_runs_on {
	/* One of the consumer's own.  A callback may block: a reliable stream then blocks the child. */
	TEND_ON_OWN_THREAD = 1,
	/*
	 * The stream's reader: no thread more, no buffer in between, so nothing is ever lost to it, and no wake-up.
	 * A callback must not block: until it returns nothing of this stream is read, and no other subscriber of it
	 * gets anything.  It has 200 KiB of stack.  When a consumer is cancelled or freed while none of its callbacks
	 * is running, the thread that does so calls on_end, after what is still owed with TEND_CANCEL_DRAIN: so hold no
	 * lock then that these callbacks take.  A stream that has ended already has no reader any more: then it is
	 * a thread of the consumer's own.
	 */
	TEND_ON_READER
};

/*
 * What is called, strictly one call after the other, with no library lock held.  A callback may call any tend_ function
 * that says so.  Waiting for its own consumer is refused with -EDEADLK.  On the reader it must not wait for anything
 * that takes the reader to come about: for this stream's data, end or consumers is refused with -EDEADLK; for a child
 * that cannot exit before its output is read is up to the caller.  on_gap may be NULL.  on_end may be NULL; it is
 * called exactly once, last, in every case, and `self` must stay valid until it has returned.
 */
struct tend_visitor {
	enum tend_flow (*on_chunk)(void *self, const struct tend_chunk *chunk);
	void (*on_gap)(void *self, const struct tend_gap *gap);
	void (*on_end)(void *self, const struct tend_end *end);
	enum tend_runs_on runs_on;       /* extra: absent: TEND_ON_OWN_THREAD */
	struct tend_subscribe subscribe; /* extra: how it subscribes; of little effect with TEND_ON_READER */
};

/*
 * In a callback of a visitor: whether its consumer was cancelled with TEND_CANCEL_NOW, abandoned or freed, so that
 * whatever takes long is better given up.  False anywhere else.  Any thread; does not block.
 */
TEND_API bool tend_visitor_should_stop(void);

/*
 * Subscribes and starts the thread, if one is needed.  The visitor struct is copied; `self` is the caller's.  The
 * subscription exists when the call returns; callbacks may come before that, and before *ret_consumer is set.  Errors
 * as tend_stream_subscribe(), -EAGAIN (thread), -EINVAL (a field of the visitor).
 * Any thread; does not block.
 */
TEND_API int tend_stream_consume(tend_stream *stream, const struct tend_visitor *visitor, void *self,
                                 tend_consumer **ret_consumer, struct tend_error *err);

/*
 * Waits until the consumer has ended, for whatever reason, or `timeout` has passed (ret->ending is then
 * TEND_END_NONE).  A consumer that has ended wins against a deadline that has passed.  ret_consumed may be NULL.  Frees
 * nothing; may be called again.
 * 0, -EINVAL, -ECHILD (after fork), -EDEADLK (from the consumer's own visitor, or from one that the stream's reader
 * runs).  Any thread, also several; blocks.
 */
TEND_API int tend_consumer_wait(tend_consumer *consumer, tend_duration timeout, struct tend_consumed *ret_consumed,
                                struct tend_error *err);

/* What a cancelled consumer does with the chunks that are already buffered for it. */
enum tend_cancel {
	TEND_CANCEL_DRAIN = 1,  /* they are given to the visitor first */
	TEND_CANCEL_NOW         /* they are not */
};

/*
 * Asks the consumer to end and waits at most `grace` for it.  In time: TEND_END_CANCELLED, or the end that came first.
 * Not in time, because the visitor has not returned: TEND_END_ABANDONED; the slot is free all the same when the call
 * returns, and the thread ends, after on_end, once the visitor does return.  With TEND_CANCEL_DRAIN what has not been
 * given to the visitor by the end of the grace is not given any more.  ret_consumed may be NULL.  -EINVAL (grace, how),
 * -ECHILD (after fork), -EDEADLK (from the consumer's own visitor).
 * Any thread; blocks up to `grace`, and as long as a callback that it calls itself (TEND_ON_READER) does not return.
 */
TEND_API int tend_consumer_cancel(tend_consumer *consumer, tend_duration grace, enum tend_cancel how,
                                  struct tend_consumed *ret_consumed, struct tend_error *err);

/* Whether it has ended.  Any thread; does not block. */
TEND_API bool tend_consumer_is_finished(const tend_consumer *consumer);

/*
 * Frees the handle; NULL is allowed.  A consumer that still runs is cancelled as by TEND_CANCEL_NOW; its slot is free
 * when the call returns, but a callback in progress is not waited for: `self` must stay valid until on_end has
 * returned. Returns NULL.  Any thread, once, also from the consumer's own visitor; does not block, but may call on_end
 * (TEND_ON_READER).
 */
TEND_API tend_consumer *tend_consumer_free(tend_consumer *consumer);
TEND_API void tend_consumer_auto(tend_consumer **consumer);

/* ---- inspect ---- */

typedef enum tend_flow tend_chunk_fn(void *arg, const struct tend_chunk *chunk);
typedef enum tend_flow tend_line_fn(void *arg, const struct tend_line *line);

/* What to call, with one `arg` for all of them. */
struct tend_inspect {
	tend_chunk_fn *on_chunk;         /* choice: for each chunk, */
	tend_line_fn *on_line;           /* or for each line; until it returns TEND_BREAK */
	struct tend_line_options line;   /* lines: choice */
	void (*on_gap)(void *arg, const struct tend_gap *gap); /* extra */
	void (*on_end)(void *arg, const struct tend_end *end); /* extra; behind the last line */
	enum tend_runs_on runs_on;       /* extra: absent: TEND_ON_OWN_THREAD */
	struct tend_subscribe subscribe; /* extra */
};

/* Starts an inspector.  The struct is copied.  -EINVAL (a field); otherwise as tend_stream_consume(). */
TEND_API int tend_stream_inspect(tend_stream *stream, const struct tend_inspect *options, void *arg,
                                 tend_consumer **ret_consumer, struct tend_error *err);

/* The same for the usual case: nothing but `fn`. */
TEND_API int tend_stream_inspect_chunks(tend_stream *stream, tend_chunk_fn *fn, void *arg,
                                        tend_consumer **ret_consumer, struct tend_error *err);
TEND_API int tend_stream_inspect_lines(tend_stream *stream, const struct tend_line_options *options, tend_line_fn *fn,
                                       void *arg, tend_consumer **ret_consumer, struct tend_error *err);

/* ---- collect ---- */

enum tend_collection { TEND_COLLECTION_NONE, TEND_COLLECTION_BYTES, TEND_COLLECTION_LINES };

/*
 * What to keep.  TEND_DROP_NEWEST keeps the beginning, TEND_DROP_OLDEST the end.  A line that alone is longer than
 * max_bytes is left out, and the lines already kept stay.
 */
struct tend_collect {
	enum tend_collection kind;
	enum tend_overflow overflow; /* choice */
	size_t max_bytes;            /* choice unless TEND_TRUSTED_UNBOUNDED: bytes kept; line ends do not count */
	size_t max_lines;            /* lines: choice unless TEND_TRUSTED_UNBOUNDED */
	enum tend_runs_on runs_on;   /* extra: absent: TEND_ON_READER, as a collector never blocks */
	struct tend_subscribe subscribe; /* extra */
	struct tend_line_options line; /* lines: extra; absent: max_length = max_bytes (at most TEND_MAX_LINE_LENGTH),
					  TEND_LINE_TRUNCATE */
};
#define TEND_COLLECT_BYTES(...) (__extension__(struct tend_collect){ .kind = TEND_COLLECTION_BYTES, __VA_ARGS__ })
#define TEND_COLLECT_LINES(...) (__extension__(struct tend_collect){ .kind = TEND_COLLECTION_LINES, __VA_ARGS__ })

/* What was kept, and what was not. */
struct tend_collected {
	enum tend_collection kind;
	const char *data;        /* bytes: never NULL, a NUL follows the last one; lines: NULL */
	size_t size;             /* bytes kept, of lines without their ends */
	const struct tend_line *lines; /* each with a NUL behind it that does not count */
	size_t n_lines;
	bool truncated;          /* max_bytes or max_lines left something out */
	uint64_t bytes_left_out, lines_left_out; /* by these limits */
	uint64_t lines_cut, bytes_cut;           /* by the line's own max_length */
	int failed;              /* 0, or -ENOMEM: collecting stopped early */
	struct tend_consumed consumed;
	void *owner;             /* the library's */
	bool complete;           /* it saw the stream from offset 0 to EOF, nothing dropped, left out or cut */
};

/*
 * Starts a collector.  -EINVAL (field) and as tend_stream_consume().
 */
TEND_API int tend_stream_collect(tend_stream *stream, const struct tend_collect *options, tend_consumer **ret_consumer,
                                 struct tend_error *err);

/*
 * What a collector that has ended has kept, whatever the reason of its end; lent until tend_consumer_free().
 * -EAGAIN while it still runs, -EINVAL where the consumer is no collector.  Any thread; does not block.
 */
TEND_API int tend_consumer_collected(tend_consumer *consumer, struct tend_collected *ret_collected,
                                     struct tend_error *err);

/* ---- wait for a line ---- */

/* Whether this is the line.  The line is lent for the time of the call. */
typedef bool tend_line_match(void *arg, const struct tend_line *line);

enum tend_line_outcome {
	TEND_LINE_MATCHED = 1,
	TEND_LINE_STREAM_ENDED, /* without a match; `ending` says how */
	TEND_LINE_TIMED_OUT
};

struct tend_line_found {
	enum tend_line_outcome outcome;
	enum tend_ending ending;
	int read_errno;
	uint64_t offset;         /* of the matching line */
	size_t size;             /* its length in bytes */
	unsigned flags;          /* its enum tend_line_flags */
	char text[256];          /* a copy, cut to fit, NUL-terminated */
	uint64_t resume_offset;  /* of the first byte that the wait did not look at */
	uint64_t lines_seen;
	uint64_t gaps, bytes_dropped; /* lost to a full buffer while it looked */
};

/*
 * Subscribes, looks at lines on the caller's thread until `match` returns true, and closes the subscription.  The time
 * runs from the call.  What is retained is looked at first.  A line without an LF counts when the stream ends.  What
 * comes after the match is not consumed for others: `resume_offset` says where it begins.  All three outcomes return 0.
 * Errors as tend_stream_subscribe(), -EINVAL (options, timeout), -ENOMEM, -EDEADLK (in a visitor that this stream's
 * own reader runs).  Any thread; blocks.
 */
TEND_API int tend_stream_wait_for_line(tend_stream *stream, const struct tend_line_options *options,
                                       tend_line_match *match, void *arg, tend_duration timeout,
                                       struct tend_line_found *ret_found, struct tend_error *err);

/*
 * A match function for regular expressions: `regex` is a regex_t of regcomp(3), with or without REG_NOSUB.  The whole
 * line is looked at, NULs included; where the C library has no REG_STARTEND, up to the first NUL.  A line that there is
 * no memory for does not match.  Any thread, several at once with one regex; does not block, but regexec(3) may take
 * long with some expressions.
 */
TEND_API bool tend_match_regex(void *regex, const struct tend_line *line);

TEND_END_DECLS

#endif
