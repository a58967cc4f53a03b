/* SPDX-License-Identifier: MIT */
/*
 * The terminal protocol, and whoever waits for something: the end reaches every subscriber once, behind all that it was
 * given, whatever is full and however the stream ends; a reliable one that is cut off ends in front of the chunk that
 * it did not get; nobody sleeps for ever.
 *
 * As in model_attach.c the reader and all behind it are those that ship.
 */
#include "../lib/stream.h"
#include "../lib/sub.h"
#include "../lib/sys.h"
#include "streams.h"

static void follow_to_eof(int i)
{
	struct books b = { .begun = false };

	follow(i, &b);
	check_to_eof(&b);
	CLAIM(b.delivered == written && b.dropped == 0);
	close_subscription(i);
}

/* To the end of a stream that somebody else has ended; a part of what was written, from the start. */
static void follow_to_detached(int i)
{
	struct books b = { .begun = false };

	follow(i, &b);
	check_to_detached(&b);
	CLAIM(b.ending == TEND_END_DETACHED && b.dropped == 0);
	close_subscription(i);
}

static void follower(void) { follow_to_eof(0); }
static void detached_follower(void) { follow_to_detached(0); }
static void other_detached_follower(void) { follow_to_detached(1); }

/* ---- the end of the pipe, with subscribers that are full, empty, asleep, or just coming ---- */

static void ends_at_once(void) { open_stream(TEND_REPLAY_NONE, 1, 0, true); }
static void ends_retaining(void) { open_stream(TEND_REPLAY_ALL, 1, 1, true); }

static void full_at_the_end(void)
{
	open_stream(TEND_REPLAY_NONE, 1, 1, true);
	subscribe(0, NULL);
}

static void two_at_the_end(void)
{
	ends_at_once();
	subscribe(0, NULL);
	subscribe(1, NULL);
}

static void other_follower(void) { follow_to_eof(1); }

static void late_comer(void)
{
	struct books b = { .begun = false };

	subscribe(0, NULL);
	follow(0, &b);
	check_to_eof(&b);
	CLAIM(b.dropped == 0);
	close_subscription(0);
}

/* A subscription may be read, and closed, behind the stream. */
static void close_behind_stream(void)
{
	struct books b = { .begun = false };

	free_stream();
	follow(0, &b);
	CLAIM(b.delivered == written && b.last == TEND_EOF);
	close_subscription(0);
}

/* ---- a consumer that sleeps, and a deadline that passes ---- */

static void patient_follower(void)
{
	struct books b = { .begun = false };

	while (take_event(0, MAYBE_LATE, &b) || b.last == TEND_TIMED_OUT)
		if (b.last == TEND_TIMED_OUT)
			break;
	follow(0, &b);
	check_to_eof(&b);
	CLAIM(b.delivered == written);
	close_subscription(0);
}

/* Two chunks, which do not fill it half, and no end: the reader goes to poll, and owes a wake-up before. */
#define ROOMY 8
static void stays_open(void)
{
	open_stream(TEND_REPLAY_NONE, ROOMY, 2, false);
	subscribe(0, NULL);
}

static void takes_all_and_frees(void)
{
	struct books b = { .begun = false };

	while (b.delivered < written)
		CLAIM(take_event(0, TEND_FOREVER, &b));
	close_subscription(0);
	free_stream();
}

/* One that is asleep, and has chunks; another one that is full: the reader parks, and owes the former a wake-up. */
static void one_is_quiet(void)
{
	const struct tend_subscribe roomy = { .max_buffered_chunks = ROOMY };

	open_stream(TEND_REPLAY_NONE, 1, 2, true);
	subscribe(0, &roomy);
	subscribe(1, NULL);
}

static void quiet_one(void)
{
	struct books b = { .begun = false };

	while (b.delivered < written)
		CLAIM(take_event(0, TEND_FOREVER, &b));
	next_turn();
	close_subscription(0);
}

static void full_one(void)
{
	await_turn(1);
	close_subscription(1);
}

/* One that takes nothing does not keep a chunk from one that does, wherever they are in the set. */
static void fast_behind_slow(void)
{
	open_stream(TEND_REPLAY_NONE, 1, 2, true);
	subscribe(1, NULL);
	subscribe(0, NULL);
}

/* Nor does a lossy one, which is not waited for at all. */
static void fast_beside_lossy(void)
{
	open_stream(TEND_REPLAY_NONE, 1, 2, true);
	subscribe(1, &newest_lost);
	subscribe(0, NULL);
}

static void lossy_had_one(void)
{
	struct books b = { .is_lossy = true };

	follow(1, &b);
	CLAIM(b.delivered == PIECE && b.dropped == PIECE && b.last == TEND_EOF);
	close_subscription(1);
	free_stream();
}

/* A child that writes later. */
static void empty_pipe(void)
{
	open_stream(TEND_REPLAY_NONE, 1, 0, false);
	subscribe(0, NULL);
	written = 2 * PIECE;
}

static void writer(void)
{
	model_pipe_write(pipe_fd, PIECE);
	model_pipe_write(pipe_fd, PIECE);
	model_pipe_hang_up(pipe_fd);
}

/* ---- the stream is freed: a reader in poll, a reader that is parked for somebody who takes nothing ---- */

static void idle_two_inside(void)
{
	open_stream(TEND_REPLAY_NONE, 1, 0, false);
	subscribe(0, NULL);
	subscribe(1, NULL);
}

static void idle_nobody_inside(void) { open_stream(TEND_REPLAY_NONE, 1, 0, false); }

static void full_and_open(void)
{
	open_stream(TEND_REPLAY_NONE, 1, 2, false);
	subscribe(0, NULL);
}

static void full_retaining(void)
{
	open_stream(TEND_REPLAY_ALL, 1, 2, false);
	subscribe(0, NULL);
}

/* What the reader is parked with is in front of nobody's end. */
static void detached_after_one(void)
{
	struct books b = { .begun = false };

	follow(0, &b);
	check_to_detached(&b);
	CLAIM(b.dropped == 0 && b.delivered <= PIECE);
	close_subscription(0);
}

static void comer_to_freed(void)
{
	struct books b = { .begun = false };

	subscribe(1, NULL);
	next_turn();
	follow(1, &b);
	check_to_detached(&b);
	CLAIM(b.dropped == 0);
	close_subscription(1);
}

/* The handle is the comer's too until it has subscribed. */
static void free_behind_comer(void)
{
	await_turn(1);
	free_stream();
}

static void abort_reader(void) { tend__stream_command(stream, TEND__ABORT); }

/* ---- a drain that runs out ---- */

static void drain_and_free(void)
{
	tend__stream_drain(stream, 1000, 2000);
	CLAIM(tend__stream_wait_gone(stream, INT64_MAX));
	CLAIM(stream->n_held_by == 0); /* known with `gone` */
	free_stream();
}

/* ---- one that is full for too long ---- */

static void stalls(struct tend_stall stall, enum tend_overflow overflow)
{
	const struct tend_subscribe how = { .stall = stall, .overflow = overflow };

	open_stream(TEND_REPLAY_NONE, 1, 2, true);
	subscribe(0, &how);
}

static void stall_leaves(void) { stalls(TEND_STALL_LEAVE(TEND_MS(1)), TEND_DROP_NEWEST); }
static void stall_loses(void) { stalls(TEND_STALL_LOSE(TEND_MS(1)), TEND_DROP_NEWEST); }
static void stall_loses_oldest(void) { stalls(TEND_STALL_LOSE(TEND_MS(1)), TEND_DROP_OLDEST); }

static void leaver(void)
{
	struct books b = { .begun = false };

	follow(0, &b);
	CLAIM(b.dropped == 0 && b.begun && b.start == 0);
	if (b.last == TEND_DETACHED)
		CLAIM(b.ending == TEND_END_STALLED && b.delivered < written);
	else
		CLAIM(b.last == TEND_EOF && b.delivered == written);
	close_subscription(0);
}

static void loser(void)
{
	struct books b = { .is_lossy = true };

	follow(0, &b);
	check_to_eof(&b);
	CLAIM(b.start == 0 && b.delivered + b.dropped == written);
	close_subscription(0);
}

static void closing_staller(void)
{
	struct books b = { .begun = false };

	take_event(0, TEND_FOREVER, &b);
	close_subscription(0);
}

/* ---- an event loop: poll, then take until there is nothing ---- */

static void poller(void)
{
	struct books b = { .begun = false };
	struct pollfd p = { .events = POLLIN };

	p.fd = tend_subscription_fd(subs[0]);
	do {
		tend__sys_poll(&p, 1, INT64_MAX);
		while (take_event(0, TEND_AT_ONCE, &b))
			;
	} while (b.last == TEND_TIMED_OUT);
	check_to_eof(&b);
	CLAIM(b.delivered == written);
	close_subscription(0);
}

/* No end comes that would ring for what was missed. */
static void poller_of_all(void)
{
	struct books b = { .begun = false };
	struct pollfd p = { .events = POLLIN };

	p.fd = tend_subscription_fd(subs[0]);
	while (b.delivered < written) {
		tend__sys_poll(&p, 1, INT64_MAX);
		while (take_event(0, TEND_AT_ONCE, &b))
			;
	}
	close_subscription(0);
	free_stream();
}

/* The eventfd is not rung any more once it is closed, whoever took the subscription out. */
static void stall_leaves_polled(void)
{
	stall_leaves();
	CLAIM(tend_subscription_fd(subs[0]) >= 0);
}

static void closes_at_once(void) { close_subscription(0); }

#define READER model_first_thread
#define ALL MODEL_ALL
static const struct scenario scenarios[] = {
	{ "full at the end", full_at_the_end, free_stream, { READER, follower }, ALL, 2 },
	{ "two empty at the end", two_at_the_end, free_stream, { READER, follower, other_follower }, 2, 1 },
	{ "attach at the end, nothing retained", ends_at_once, free_stream, { READER, late_comer }, ALL, ALL },
	{ "attach at the end, all retained", ends_retaining, free_stream, { READER, late_comer }, ALL, 2 },
	{ "read behind the stream", full_at_the_end, close_behind_stream, { READER }, ALL, ALL },
	{ "a deadline passes", full_at_the_end, free_stream, { READER, patient_follower }, ALL, 1 },
	{ "the reader polls and owes a wake-up", stays_open, NULL, { READER, takes_all_and_frees }, ALL, 2 },
	{ "the reader parks and owes a wake-up", one_is_quiet, free_stream, { READER, quiet_one, full_one }, 1, 0 },
	{ "one takes nothing", fast_behind_slow, free_stream, { READER, quiet_one, full_one }, 1, 0 },
	{ "a lossy one takes nothing", fast_beside_lossy, lossy_had_one, { READER, quiet_one }, ALL, 1 },
	{ "the child writes later", empty_pipe, free_stream, { READER, follower, writer }, 2, 1 },
	{ "freed while the reader polls", idle_two_inside, NULL,
	  { READER, detached_follower, other_detached_follower, free_stream }, 1, 0 },
	{ "freed with nobody inside", idle_nobody_inside, NULL, { READER, free_stream }, ALL, ALL },
	{ "freed while the reader is parked", full_and_open, detached_after_one, { READER, free_stream }, ALL, ALL },
	{ "freed while one takes", full_and_open, NULL, { READER, detached_follower, free_stream }, 2, 1 },
	{ "freed while one attaches to all retained", full_retaining, detached_after_one,
	  { READER, comer_to_freed, free_behind_comer }, 1, 0 },
	{ "ended while one attaches to all retained", full_retaining, free_stream,
	  { READER, comer_to_freed, detached_follower, abort_reader }, 1, 0 },
	{ "drained while the reader is parked", full_and_open, detached_after_one, { READER, drain_and_free }, ALL, 2 },
	{ "drained while one takes", full_and_open, NULL, { READER, detached_follower, drain_and_free }, 1, 0 },
	{ "full for too long, leaves", stall_leaves, free_stream, { READER, leaver }, ALL, 1 },
	{ "full for too long, loses the newest", stall_loses, free_stream, { READER, loser }, ALL, 1 },
	{ "full for too long, loses the oldest", stall_loses_oldest, free_stream, { READER, loser }, ALL, 1 },
	{ "full for too long, and closed", stall_leaves, free_stream, { READER, closing_staller }, ALL, 1 },
	{ "full for too long, polled and closed", stall_leaves_polled, free_stream, { READER, closes_at_once },
	  ALL, 1 },
	{ "an event loop", full_at_the_end, free_stream, { READER, poller }, ALL, 2 },
	{ "an event loop without an end", stays_open, NULL, { READER, poller_of_all }, ALL, 1 },
};

int main(int argc, char **argv)
{
	return model_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
