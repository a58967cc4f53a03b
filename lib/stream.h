/* SPDX-License-Identifier: MIT */
/* The stream object: what its reader, its subscribers and its owner share. */
#ifndef TEND_LIB_STREAM_H
#define TEND_LIB_STREAM_H

#include <pthread.h>
#include <tend/stop.h>
#include <tend/stream.h>

#include "chan.h"
#include "lock.h"
#include "replay.h"
#include "slots.h"
#include "wake.h"

/*
 * The control word.  TEND__SERVE: a consumer that the reader runs was left something that the reader does not know of;
 * the reader clears it.  TEND__ABORT and TEND__DRAIN stay; above them, how often the drain was changed.
 */
enum { TEND__ABORT = 1, TEND__DRAIN = 2, TEND__SERVE = 4, TEND__DRAIN_CHANGED = 8 };

struct tend_stream {
	_Atomic uint32_t refs;         /* owner, reader, each subscription */
	struct tend_stream_options options;
	char label[32], name[64];      /* name: the process's, or the label */
	unsigned fork_generation;

	/* the reader's alone, once it runs */
	int fd;
	bool nonblock;
	bool is_pty_master;            /* which says EIO where others say that they have ended */
	struct tend__pool *pool;

	struct tend_pid_name held_by[TEND_MAX_NAMED]; /* valid with `gone`: who held the pipe when a drain ran out */
	size_t n_held_by;

	bool has_reader;               /* all but a discarded one */
	int wake_fd;                   /* makes the reader's poll return */
	uint64_t pipe_inode;           /* 0: no pipe */
	pthread_t thread;
	struct tend__slots slots;
	struct tend__parker tx_parker; /* the reader's, for all its channels */
	_Atomic uint32_t control;      /* commands to the reader */
	_Atomic uint32_t keep_fd;      /* 1: the reader does not close the descriptor, which is asked for; relaxed */
	_Atomic uint32_t gone;         /* 1: the reader has closed the descriptor, or left it in `fd` */
	struct tend__event gone_event;

	/* written by the reader, read by anybody, relaxed */
	_Atomic uint64_t bytes_read, chunks_read, bytes_dropped, chunks_dropped;
	_Atomic uint64_t pipe_size;
	_Atomic int64_t last_read_ns;  /* 0: nobody wants to know */

	struct tend__lock lock;        /* guards all below, and changes of slots */
	struct tend__replay replay;
	uint64_t recorded_offset, recorded_sequence; /* behind the last item given to replay */
	bool ended;
	struct tend__terminal terminal;
	tend_subscription *subscriptions;            /* all that exist, newest first */
	struct tend__past {
		uint64_t bytes, chunks, gaps;
		uint32_t high_water;
	} past;                                      /* of those that are gone */
	bool drain_asked;
	int64_t drain_idle_ns, drain_deadline;       /* of all drains asked for; TEND__NEVER: of none */
};

/*
 * [any] Makes a stream and starts its reader.  Options have been checked.  The stream owns take_fd from here on, on
 * failure too; `nonblock`: the open file description is ours alone, so O_NONBLOCK may be set on it.  0, -ENOMEM,
 * -EAGAIN, -EMFILE.
 */
int tend__stream_new(int take_fd, bool nonblock, const struct tend_stream_options *options, const char *label,
                     const char *name, tend_stream **ret_stream, struct tend_error *err);
/* [any] Makes one that has ended without a byte, and has no reader.  0, -ENOMEM. */
int tend__stream_new_discarded(const char *label, const char *name, tend_stream **ret_stream, struct tend_error *err);
void tend__stream_ref(tend_stream *stream);
void tend__stream_unref(tend_stream *stream);
/* [any] Adds a command and wakes the reader wherever it is. */
void tend__stream_command(tend_stream *stream, uint32_t command);
/*
 * [any] Reads on until nothing came for idle_ns, at most until `deadline`, then takes what is in the pipe at that
 * moment and lets go.  Of several drains the most hurried counts.
 */
void tend__stream_drain(tend_stream *stream, int64_t idle_ns, int64_t deadline);
/* [any] From now on it is noted when bytes were read; and when they were, or this was called. */
void tend__stream_watch_activity(tend_stream *stream);
int64_t tend__stream_last_read(const tend_stream *stream);
/* [any] Whether the reader has let go of the descriptor by `deadline`. */
bool tend__stream_wait_gone(tend_stream *stream, int64_t deadline);
/* [owner] Ends the stream; the descriptor, which is the caller's from here on; -1: it had been closed. */
int tend__stream_take_fd(tend_stream *stream);
/* [owner] Ends the stream and drops the owner's reference.  `join`: waits for the reader, which leaves at once. */
void tend__stream_close(tend_stream *stream, bool join);
/* [any] The stream whose reader this thread is, or NULL. */
const tend_stream *tend__reading(void);
void tend__set_reading(const tend_stream *stream);
/* [any] Whether the handle belongs to this process and not to the one that it was forked from. */
bool tend__stream_is_ours(const tend_stream *stream);

#endif
