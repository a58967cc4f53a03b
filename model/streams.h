/* SPDX-License-Identifier: MIT */
/* A stream over a pipe of system.c, its subscriptions, and what each of them has to see. */
#ifndef TEND_MODEL_STREAMS_H
#define TEND_MODEL_STREAMS_H

#include <stdatomic.h>
#include <tend/consume.h>
#include <tend/stream.h>

#include "explore.h"
#include "system.h"

#define PIECE 2 /* bytes: what one read brings */
#define MAX_SUBS 6
#define MAYBE_LATE TEND_MS(1) /* a deadline that may pass at any moment */

extern tend_stream *stream;
extern tend_subscription *subs[MAX_SUBS];
extern int pipe_fd;
extern uint64_t written; /* bytes that are in the pipe */
extern _Atomic unsigned turn;

extern const struct tend_subscribe newest_lost, oldest_lost; /* lossy, room for one */

/*
 * [setup] A broadcast stream, reliable unless a subscriber asks for something else, with room for `capacity` chunks
 * each, over a pipe that holds so many pieces and then ends, or, if not `ends`, stays open.
 */
void open_stream(struct tend_replay replay, size_t capacity, unsigned pieces, bool ends);
/* The same with room for one, of these options. */
void open_stream_as(struct tend_stream_options options, unsigned pieces, bool ends);
struct tend_stream_options reliable(struct tend_replay replay, size_t capacity);
void subscribe(int i, const struct tend_subscribe *how);
void close_subscription(int i);
/* For scenario.check, also behind a thread that freed it. */
void free_stream(void);

/* What a subscription has been given so far. */
struct books {
	bool is_lossy;
	bool begun;
	uint64_t start, next, delivered, dropped;
	enum tend_next last; /* the event that take_event() was given last */
	enum tend_ending ending;
};

void note_chunk(struct books *b, const struct tend_chunk *chunk);
void note_gap(struct books *b, const struct tend_gap *gap);
/* Takes one event, and checks that it fits.  Whether it was a chunk or a gap. */
bool take_event(int i, tend_duration timeout, struct books *b);
/* Takes events to the end, and once more; whether that is the same end. */
void follow(int i, struct books *b);
/* It saw the end of the pipe, and all that was written from where it began on. */
void check_to_eof(const struct books *b);
/* It was let go of in between: what it was given is a part of what was written. */
void check_to_detached(const struct books *b);

/* Somebody's turn: `turn` is at least n. */
void await_turn(unsigned n);
void next_turn(void);

#endif
