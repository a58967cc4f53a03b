/* SPDX-License-Identifier: MIT */
/*
 * Streams and subscriptions.  A stream is a file descriptor that a reader thread of its own reads to the end; a
 * subscription is one consumer's view of it, in bounded memory.
 *
 * Each chunk carries its absolute offset in the stream.  What a subscriber could not be given is reported to it as
 * one gap in front of whatever follows, with exact numbers: delivered + dropped == read since it subscribed, always.
 */
#ifndef TEND_STREAM_H
#define TEND_STREAM_H

#include <tend/base.h>
#include <tend/error.h>
#include <tend/line.h>

TEND_BEGIN_DECLS

typedef struct tend_stream tend_stream;
typedef struct tend_subscription tend_subscription;

enum tend_backend {
	TEND_SINGLE_SUBSCRIBER = 1, /* at most one subscription at a time; a second one is refused with -EBUSY */
	TEND_BROADCAST,             /* any number, each with a buffer of its own */
	TEND_DISCARDED              /* only read back, from TEND_OUT_DISCARD: any number, each ends at once */
};

enum tend_delivery {
	TEND_RELIABLE = 1,      /* a full buffer stops the reading: the child's writes block (backpressure) */
	TEND_LOSSY              /* a full buffer loses chunks; the child never waits */
};

/* Which end is lost when something is full. */
enum tend_overflow {
	TEND_DROP_NEWEST = 1,   /* what came first is kept */
	TEND_DROP_OLDEST,       /* what came last is kept */
	TEND_TRUSTED_UNBOUNDED  /* collectors only: no limit; for output that is trusted to be small */
};

/* What a subscriber that comes later gets to see of the past. */
enum tend_replay_kind { TEND_RETAIN_NONE = 1, TEND_RETAIN_CHUNKS, TEND_RETAIN_BYTES, TEND_RETAIN_ALL };

struct tend_replay {
	enum tend_replay_kind kind;
	size_t amount;          /* chunks or bytes, at least 1; unused otherwise */
};
#define TEND_REPLAY_NONE (__extension__(struct tend_replay){ .kind = TEND_RETAIN_NONE })
#define TEND_REPLAY_CHUNKS(n) (__extension__(struct tend_replay){ .kind = TEND_RETAIN_CHUNKS, .amount = (n) })
#define TEND_REPLAY_BYTES(n) (__extension__(struct tend_replay){ .kind = TEND_RETAIN_BYTES, .amount = (n) })
#define TEND_REPLAY_ALL (__extension__(struct tend_replay){ .kind = TEND_RETAIN_ALL })

/*
 * What becomes of a reliable subscription that has had no room for `after` without a pause, and so has held up the
 * reading for so long.
 */
enum tend_stall_kind {
	TEND_STALLED_WAITS = 1, /* the child goes on waiting for it, as long as it takes */
	TEND_STALLED_LOSES,     /* it is lossy from then on, by its `overflow` */
	TEND_STALLED_LEAVES     /* it gets what is buffered for it, then TEND_DETACHED with TEND_END_STALLED */
};

struct tend_stall {
	enum tend_stall_kind kind;
	tend_duration after;    /* finite; unused with TEND_STALLED_WAITS */
};
#define TEND_STALL_WAIT (__extension__(struct tend_stall){ .kind = TEND_STALLED_WAITS })
#define TEND_STALL_LOSE(after_) (__extension__(struct tend_stall){ .kind = TEND_STALLED_LOSES, .after = (after_) })
#define TEND_STALL_LEAVE(after_) (__extension__(struct tend_stall){ .kind = TEND_STALLED_LEAVES, .after = (after_) })

#define TEND_DEFAULT_READ_CHUNK_SIZE ((size_t)64 << 10)
#define TEND_DEFAULT_MAX_BUFFERED_CHUNKS ((size_t)16)
#define TEND_MAX_READ_CHUNK_SIZE ((size_t)1 << 30)
#define TEND_MAX_MAX_BUFFERED_CHUNKS ((size_t)1 << 24)

struct tend_stream_options {
	enum tend_backend backend;   /* choice */
	enum tend_delivery delivery; /* choice */
	/* Choice with TEND_LOSSY and with TEND_STALL_LOSE: newest or oldest.  Without effect otherwise. */
	enum tend_overflow overflow;
	/*
	 * Choice.  TEND_REPLAY_CHUNKS keeps the last n chunks.  TEND_REPLAY_BYTES keeps whole chunks that together hold
	 * at least the last n bytes, and less than one read_chunk_size more.  TEND_REPLAY_ALL keeps everything, in
	 * memory without bound, until tend_stream_seal_replay() or the end of the stream object.
	 */
	struct tend_replay replay;
	size_t read_chunk_size;      /* choice: the most that one chunk holds, 1 to TEND_MAX_READ_CHUNK_SIZE bytes */
	size_t max_buffered_chunks;  /* choice: buffered for a subscriber, 1 to TEND_MAX_MAX_BUFFERED_CHUNKS */
	struct tend_stall stall;     /* extra: absent: TEND_STALL_WAIT.  Without effect with TEND_LOSSY */
};

/* Bytes of the stream.  Lent; tend_chunk_ref() keeps them. */
struct tend_chunk {
	const void *data;
	size_t size;            /* bytes, never 0 */
	uint64_t offset;        /* of data[0] in the stream, bytes */
	uint64_t sequence;      /* number of the (first) read that brought it, from 0 */
	void *owner;            /* the library's; NULL in a chunk that the caller made */
};

/*
 * Bytes that this subscriber does not get.  At the start of a subscription that begins in the middle of the stream
 * `at_start` is set; bytes and chunks then count only what was lost after it subscribed, usually 0.
 */
struct tend_gap {
	uint64_t offset;        /* where the data after the gap begins, or the stream ends */
	uint64_t bytes;         /* lost */
	uint64_t chunks;        /* lost */
	int before;             /* the byte in front of `offset`, 0 to 255, or -1 where it is not known */
	bool at_start;
};

/* How a subscription, or a consumer on top of it, came to its end. */
enum tend_ending {
	TEND_END_NONE,          /* it has not ended */
	TEND_END_EOF,           /* every writer has closed the pipe; the file, or the terminal behind its master,
				   ended */
	TEND_END_READ_ERROR,    /* read(2) failed; the errno value is beside it */
	TEND_END_DETACHED,      /* the stream was freed, or let go of while somebody still held the pipe */
	TEND_END_CANCELLED,     /* tend_consumer_cancel(), and the visitor returned in time */
	TEND_END_BROKE,         /* the visitor returned TEND_BREAK */
	TEND_END_ABANDONED,     /* tend_consumer_cancel(), and the visitor had not returned when the grace was over;
				   once it has, the end is TEND_END_CANCELLED */
	TEND_END_STALLED        /* it was full for too long: TEND_STALL_LEAVE */
};

/* "eof", "read-error", "detached", ...  A static string. */
TEND_API const char *tend_ending_name(enum tend_ending ending);

enum tend_next { TEND_CHUNK, TEND_GAP, TEND_EOF, TEND_READ_ERROR, TEND_DETACHED, TEND_TIMED_OUT };

struct tend_event {
	enum tend_next kind;
	struct tend_chunk chunk; /* TEND_CHUNK: lent until the next call on this subscription */
	struct tend_gap gap;     /* TEND_GAP */
	int read_errno;          /* TEND_READ_ERROR: a positive errno value */
	enum tend_ending ending; /* TEND_EOF, TEND_READ_ERROR, TEND_DETACHED: the same more exactly */
};

#define TEND_MAX_LABEL 32        /* bytes, the final NUL included; longer labels are cut */

/* What a single subscription asks for.  Extras all: 0 means as the stream. */
struct tend_subscribe {
	enum tend_delivery delivery;
	enum tend_overflow overflow;
	size_t max_buffered_chunks;
	struct tend_stall stall;
	const char *label;       /* its name in tend_stream_subscribers(); copied */
};

/*
 * Reads `take_fd` (a pipe's read end, a socket, a fifo) as a stream named `label` (copied; "" is allowed) with a
 * thread of its own, starting at once.  The descriptor belongs to the stream from here on, on failure too.  Its file
 * status flags are not changed.  -EINVAL (field), -EBADF, -EPROTOTYPE (a socket of messages, SOCK_DGRAM and the like:
 * what of one does not fit into a chunk would be lost), -ENOMEM, -EAGAIN (thread), -EMFILE.  Any thread; does not
 * block.
 */
TEND_API int tend_stream_open(int take_fd, const struct tend_stream_options *options, const char *label,
                              tend_stream **ret_stream, struct tend_error *err);

/*
 * Frees a stream made by tend_stream_open(); NULL is allowed.  Its subscribers get what is buffered for them and then
 * TEND_DETACHED.  Waits for the reader thread to leave, which it does at once, unless the descriptor is neither
 * a pipe nor a socket and a read(2) of it hangs, or a visitor that it runs does not return; in a visitor that a reader
 * runs it does not wait.  Returns NULL.  Any thread, once.
 */
TEND_API tend_stream *tend_stream_free(tend_stream *stream);
TEND_API void tend_stream_auto(tend_stream **stream);

/*
 * Subscribes.  `options` may be NULL: all as the stream.  What is retained comes first, then what is given out from now
 * on, each byte exactly once.  A subscription is an owner of the bytes buffered for it and may outlive the stream.
 * -EBUSY (single subscriber, taken), -EINVAL (field), -ENOMEM, -ECHILD (after fork).  Any thread; waits only for an
 * RCU grace period (microseconds).
 */
TEND_API int tend_stream_subscribe(tend_stream *stream, const struct tend_subscribe *options,
                                   tend_subscription **ret_subscription, struct tend_error *err);

/*
 * Forgets what is retained and retains nothing any more.  Subscriptions that exist keep what they have.  For good; a
 * second call does nothing.  0, -EINVAL (NULL), or -ECHILD (after fork).  Any thread; does not block.
 */
TEND_API int tend_stream_seal_replay(tend_stream *stream);

struct tend_stream_stats {
	uint64_t bytes_read, chunks_read;
	uint64_t bytes_retained, chunks_retained; /* for replay, now */
	uint64_t bytes_delivered, chunks_delivered; /* summed over all subscriptions, what was retained included */
	uint64_t bytes_dropped, chunks_dropped;   /* summed over all subscriptions, when the reader drops them */
	uint64_t gaps;                            /* summed over all subscriptions, when they learn of them */
	uint64_t bytes_pinned;                    /* memory that all chunks alive hold, overhead of slabs included */
	size_t subscribers;
	size_t high_water;                        /* the most chunks that were ever buffered for one subscriber */
	size_t stalling;                          /* reliable subscribers that hold up the reading now */
	int64_t stalled_ns;                       /* how long the one that stalls longest has done so, 0: none does */
	char stalled_label[TEND_MAX_LABEL];       /* its label */
	size_t pipe_size;                         /* bytes, 0 where it is no pipe or not known */
	bool replay_enabled, replay_sealed;
	enum tend_ending end;                     /* TEND_END_NONE while it is read */
	int read_errno;
};

/* A moment's figures; `stream` must not be NULL.  Any thread; does not block. */
TEND_API struct tend_stream_stats tend_stream_stats(const tend_stream *stream);

/* One subscription's figures. */
struct tend_subscriber_stats {
	char label[TEND_MAX_LABEL];               /* as given, or "collector", "inspector", ... */
	enum tend_delivery delivery;              /* TEND_LOSSY too when a stall has made it so */
	size_t buffered, max_buffered;            /* chunks, about; at most so many */
	size_t high_water;                        /* the most chunks that were ever buffered */
	uint64_t bytes_delivered, chunks_delivered;
	uint64_t gaps, bytes_dropped, chunks_dropped; /* as it has learnt of them so far */
	int64_t stalled_ns;                       /* for how long it has held up the reading, 0: it does not */
};

/*
 * The figures of all subscriptions and consumers of the stream that have not been closed or freed, those that have
 * ended included: the first `room` of them go to `ret`, which may be NULL when room is 0.  Returns how many there are.
 * 0 after fork.  Any thread; does not block.
 */
TEND_API size_t tend_stream_subscribers(const tend_stream *stream, struct tend_subscriber_stats *ret, size_t room);

/* The options that the stream runs with, and its label ("stdout", "stderr" for a process's).  Lent. */
TEND_API const struct tend_stream_options *tend_stream_options(const tend_stream *stream);
TEND_API const char *tend_stream_label(const tend_stream *stream);

/*
 * The next thing that happens on the subscription, at the latest after `timeout`: data that is there goes before the
 * end, the end before the time-out.  After an end the same end is returned again.  0, -EINVAL (timeout),
 * -ECHILD (after fork), -EDEADLK (in a visitor that this stream's own reader runs, unless the timeout is TEND_AT_ONCE).
 * One thread at a time per subscription; blocks.
 */
TEND_API int tend_subscription_next(tend_subscription *subscription, tend_duration timeout,
                                    struct tend_event *ret_event);

/*
 * An eventfd for poll(2), epoll and event loops: readable when tend_subscription_next() would not wait, for data, a gap
 * or the end; then call that with TEND_AT_ONCE until it says TEND_TIMED_OUT, which it may do at once now and then.
 * Only poll it: it belongs to the subscription, is the same at each call, and is closed by tend_subscription_close().
 * -EMFILE, -ENFILE, -ENOMEM, -EINVAL (NULL), -ECHILD (after fork).  One thread at a time, as tend_subscription_next();
 * does not block.
 */
TEND_API int tend_subscription_fd(tend_subscription *subscription);

/*
 * Ends a subscription and gives its slot free before it returns; NULL is allowed.  Chunks kept by tend_chunk_ref()
 * stay. Returns NULL.  Any thread, once, not while another one is inside tend_subscription_next(); does not block.
 */
TEND_API tend_subscription *tend_subscription_close(tend_subscription *subscription);
TEND_API void tend_subscription_auto(tend_subscription **subscription);

/*
 * Keeps the bytes of a chunk: *ret_kept stays valid until tend_chunk_unref(), also after its subscription and its
 * stream are gone.  It pins up to read_chunk_size bytes however small it is: copy small pieces instead.  -EINVAL for a
 * chunk that the library did not make.  Any thread; does not block.
 */
TEND_API int tend_chunk_ref(const struct tend_chunk *chunk, struct tend_chunk *ret_kept);
TEND_API void tend_chunk_unref(struct tend_chunk *kept);

TEND_END_DECLS

#endif
