/* SPDX-License-Identifier: MIT */
/* What tests of streams share: options, subscriptions, and what has to come out of them.  On the main thread. */
#ifndef TEND_TEST_STREAMS_H
#define TEND_TEST_STREAMS_H

#include <tend/stream.h>

/* `o` with another chunk size and depth; broadcast, lossy; single subscriber, reliable, retaining. */
struct tend_stream_options stream_options(struct tend_stream_options o, size_t chunk, size_t depth);
struct tend_stream_options stream_lossy(enum tend_overflow overflow, size_t chunk, size_t depth);
struct tend_stream_options stream_retaining(struct tend_replay replay, size_t chunk, size_t depth);

/* Writes all of `text`. */
void stream_put(int fd, const char *text);
tend_subscription *stream_subscribe(tend_stream *stream);

/* Until the reader has read so much and given it out: what a subscriber then finds does not depend on when it came. */
void await_read(tend_stream *stream, uint64_t bytes);
/* Until it has ended and all have been told. */
void await_end(tend_stream *stream);

struct tend_event stream_next(tend_subscription *sub);
void expect_chunk(tend_subscription *sub, const char *text);
/* The bytes that come next, however they are cut. */
void expect_bytes(tend_subscription *sub, const char *text);
void expect_kind(tend_subscription *sub, enum tend_next kind);
void expect_gap(tend_subscription *sub, uint64_t bytes, uint64_t chunks, bool at_start);

#endif
