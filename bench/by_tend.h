/* SPDX-License-Identifier: MIT */
/*
 * The works by libtend, through its public headers alone.  on=reader runs the visitors on the reader's thread, on=own,
 * which is the default, on one of their own; chunk=, depth= and consumers= are those of the stream.
 */
#ifndef BENCH_BY_TEND_H
#define BENCH_BY_TEND_H

#include <tend.h>

/* A stream that nothing gets lost from, for the number of consumers that was asked for. */
struct tend_stream_options stream_options(void);

/* /dev/null for stdin and stderr, a stream for stdout. */
struct tend_spawn one_stream(const char *const *argv, const struct tend_stream_options *out);

/* Which thread the visitors are to run on. */
enum tend_runs_on runs_on(void);

tend_process *start(const struct tend_spawn *how);

/* Starts a visitor that is called from the first byte on; the stream must be one that retains until it is sealed. */
tend_consumer *consume(tend_stream *stream, const struct tend_visitor *visitor, void *self);

/* Waits for the end of the stream, which has to come without a loss, and frees the consumer. */
void await_consumer(tend_consumer *consumer);

/* Waits for the exit, which has to be one of 0, counts it, and frees the handle. */
void await(tend_process *process);

/* Sums up the bytes of chunks; `self` is a uint64_t. */
enum tend_flow count_chunk(void *self, const struct tend_chunk *chunk);

/* The works; see tend.c for their names. */
void tend_burst(void);
void tend_drip(void);
void tend_live(void);
void tend_idle(void);
void tend_handover(void);
void tend_spawns(void);
void tend_exits(void);
void tend_stops(void);
void tend_kills(void);

#endif
