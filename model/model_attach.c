/* SPDX-License-Identifier: MIT */
/*
 * The handover: who comes and goes while a stream is read.  All that ships between the pipe and the consumer is
 * explored: lib/reader.c, publish.c, slots.c, sub.c, replay.c, stream.c, chan.c, chunk.c, wake.c.  Each byte comes
 * once, from what was retained or from the reader; the reliable see no gap, the lossy one that says exactly what is
 * missing; a slot is free when the call that frees it returns.
 *
 * The first thread of each scenario is the stream's reader, started by tend_stream_open() as in production.
 */
#include <errno.h>

#include "../lib/sub.h"
#include "streams.h"

/* ---- one subscriber comes while it is read ---- */

static void none_two_pieces(void) { open_stream(TEND_REPLAY_NONE, 1, 2, true); }
static void none_three_pieces(void) { open_stream(TEND_REPLAY_NONE, 1, 3, true); }
static void all_two_pieces(void) { open_stream(TEND_REPLAY_ALL, 1, 2, true); }
static void all_one_piece(void) { open_stream(TEND_REPLAY_ALL, 1, 1, true); }
static void one_chunk_retained(void) { open_stream(TEND_REPLAY_CHUNKS(1), 1, 3, true); }
static void two_bytes_retained(void) { open_stream(TEND_REPLAY_BYTES(PIECE), 1, 3, true); }

/* Comes, and follows to the end. */
static struct books come(int i, const struct tend_subscribe *how)
{
	struct books b = { .is_lossy = how };

	subscribe(i, how);
	follow(i, &b);
	check_to_eof(&b);
	close_subscription(i);
	return b;
}

static void come_and_see_all(int i)
{
	struct books b = come(i, NULL);

	CLAIM(b.start == 0 && b.delivered == written);
}

static void comer(void) { come(0, NULL); }
static void other_comer(void) { come(1, NULL); }
static void lossy_comer(void) { come(0, &newest_lost); }
static void evicting_comer(void) { come(0, &oldest_lost); }
static void comer_from_start(void) { come_and_see_all(0); }
static void other_from_start(void) { come_and_see_all(1); }

/* Whatever is retained is contiguous with what comes. */
static void comer_to_some(void)
{
	struct books b = come(0, NULL);

	CLAIM(b.begun && b.delivered >= PIECE);
}

/* ---- what is retained fills more than one segment, and is dropped while somebody walks it ---- */

#define N_SEGMENT 16 /* items in the first */

static void all_of_two_segments(void) { open_stream(TEND_REPLAY_ALL, 1, N_SEGMENT + 2, true); }
static void rest_of_two_segments(void) { open_stream(TEND_REPLAY_CHUNKS(2), 1, N_SEGMENT + 2, true); }

static void comer_at_segment_end(void)
{
	model_await_read(pipe_fd, (N_SEGMENT - 1) * PIECE);
	come_and_see_all(0);
}

static void comer_to_dropped_segment(void)
{
	struct books b;

	model_await_read(pipe_fd, (N_SEGMENT - 1) * PIECE);
	b = come(0, NULL);
	CLAIM(b.start >= (N_SEGMENT - 4) * PIECE && b.delivered >= 2 * PIECE);
}

/* ---- one goes while it is read, and the reader may be parked for it; another one stays ---- */

static void two_inside(void)
{
	none_two_pieces();
	subscribe(0, NULL);
	subscribe(1, NULL);
}

static void stay_to_the_end(void)
{
	struct books b = { .begun = false };

	follow(0, &b);
	check_to_eof(&b);
	CLAIM(b.start == 0 && b.delivered == written);
	close_subscription(0);
}

static void go_at_once(void) { close_subscription(1); }

static void go_after_one(void)
{
	struct books b = { .begun = false };

	CLAIM(take_event(1, TEND_FOREVER, &b) && b.delivered == PIECE);
	close_subscription(1);
}

/* ---- two threads take the same one out ---- */

static void one_inside(void)
{
	none_two_pieces();
	subscribe(0, NULL);
}

static void detach(void) { tend__sub_detach(subs[0]); }

static void close_and_free(void)
{
	close_subscription(0);
	free_stream();
}

/* ---- a single subscriber's slot is handed over ---- */

static void single(struct tend_replay replay)
{
	struct tend_stream_options options = reliable(replay, 1);

	options.backend = TEND_SINGLE_SUBSCRIBER;
	open_stream_as(options, 2, true);
	subscribe(0, NULL);
}

static void single_none(void) { single(TEND_REPLAY_NONE); }
static void single_all(void) { single(TEND_REPLAY_ALL); }

static void hand_over(void)
{
	struct books b = { .begun = false };

	CLAIM(tend_stream_subscribe(stream, NULL, &subs[1], NULL) == -EBUSY);
	take_event(0, TEND_FOREVER, &b);
	close_subscription(0);
	next_turn();
}

static void take_over(void)
{
	await_turn(1);
	come(1, NULL);
}

static void take_over_from_start(void)
{
	await_turn(1);
	come_and_see_all(1);
}

/* Whichever of two detaches returns first, the slot is free. */
static void detach_and_come(void)
{
	tend__sub_detach(subs[0]);
	come(1, NULL);
}

/* ---- the set grows ---- */

#define N_SLOTS 4 /* of a new broadcast stream */

static void full_set(struct tend_replay replay)
{
	open_stream(replay, 1, 1, true);
	for (int i = 1; i <= N_SLOTS; i++)
		subscribe(i, &newest_lost);
}

static void full_set_none(void) { full_set(TEND_REPLAY_NONE); }
static void full_set_all(void) { full_set(TEND_REPLAY_ALL); }

static void leave_full_set(void)
{
	for (int i = 1; i <= N_SLOTS; i++) {
		struct books b = { .is_lossy = true };

		follow(i, &b);
		check_to_eof(&b);
		CLAIM(b.start == 0 && b.delivered + b.dropped == written);
		close_subscription(i);
	}
	free_stream();
}

/* ---- what is retained is forgotten while somebody comes ---- */

static void seal(void) { CLAIM(tend_stream_seal_replay(stream) == 0); }

/* Both at once: who comes behind the seal sees a part, who comes before it all. */
static void comer_to_sealed(void) { come(0, NULL); }

/* A snapshot is read when the reader has added to its last segment, and the replay has let go of it. */
static void hold_snapshot(void)
{
	struct books b = { .is_lossy = true };

	model_await_read(pipe_fd, PIECE);
	subscribe(0, &newest_lost);
	model_await_read(pipe_fd, written);
	follow(0, &b);
	check_to_eof(&b);
	close_subscription(0);
}

static void seal_in_the_end(void)
{
	model_await_read(pipe_fd, written);
	seal();
}

/* Two reads that lie side by side become one item, of which a snapshot has the first half. */
static void all_merged(void)
{
	struct tend_stream_options options = reliable(TEND_REPLAY_ALL, 1);

	options.read_chunk_size = 8 * PIECE;
	open_stream_as(options, 2, true);
}

/* ---- somebody asks for figures ---- */

static void ask(void)
{
	struct tend_stream_stats s = tend_stream_stats(stream);
	struct tend_subscriber_stats one;

	CLAIM(s.bytes_read <= written && s.bytes_retained <= written);
	CLAIM(tend_stream_subscribers(stream, &one, 1) <= 1);
}

/* ---- a chunk is kept while its slab could be used again ---- */

static struct tend_chunk kept SHARED;

static void keeper(void)
{
	struct tend_event e;

	CLAIM(tend_subscription_next(subs[0], TEND_FOREVER, &e) == 0);
	CLAIM(e.kind == TEND_CHUNK && tend_chunk_ref(&e.chunk, &kept) == 0);
	close_subscription(0);
}

static void check_kept(void)
{
	struct books b = { .begun = false };

	free_stream();
	note_chunk(&b, &kept);
	tend_chunk_unref(&kept);
}

#define READER model_first_thread
#define ALL MODEL_ALL
static const struct scenario scenarios[] = {
	{ "attach, nothing retained", none_two_pieces, free_stream, { READER, comer }, ALL, 2 },
	{ "attach, all retained", all_two_pieces, free_stream, { READER, comer_from_start }, ALL, 2 },
	{ "attach, the last chunk retained", one_chunk_retained, free_stream, { READER, comer_to_some }, ALL, 1 },
	{ "attach, the last bytes retained", two_bytes_retained, free_stream, { READER, comer_to_some }, 3, 1 },
	{ "attach, the newest lost", none_three_pieces, free_stream, { READER, lossy_comer }, ALL, 1 },
	{ "attach, the oldest lost", none_three_pieces, free_stream, { READER, evicting_comer }, 3, 1 },
	{ "attach between segments", all_of_two_segments, free_stream, { READER, comer_at_segment_end }, 2, 0 },
	{ "attach to a segment that is dropped", rest_of_two_segments, free_stream,
	  { READER, comer_to_dropped_segment }, 2, 0 },
	{ "attach and the set grows", full_set_none, leave_full_set, { READER, comer }, ALL, 1 },
	{ "attach to all retained and the set grows", full_set_all, leave_full_set, { READER, comer_from_start },
	  ALL, 1 },
	{ "two attach, nothing retained", none_two_pieces, free_stream, { READER, comer, other_comer }, 1, 0 },
	{ "two attach, all retained", all_one_piece, free_stream, { READER, comer_from_start, other_from_start },
	  1, 0 },
	{ "detach at once, one stays", two_inside, free_stream, { READER, stay_to_the_end, go_at_once }, 1, 0 },
	{ "detach after a chunk, one stays", two_inside, free_stream, { READER, stay_to_the_end, go_after_one }, 1, 0 },
	{ "two detach the same", one_inside, close_and_free, { READER, detach, detach }, 2, 1 },
	{ "hand over, nothing retained", single_none, free_stream, { READER, hand_over, take_over }, 2, 1 },
	{ "hand over, all retained", single_all, free_stream, { READER, hand_over, take_over_from_start }, 2, 0 },
	{ "two detach the single one, one comes", single_none, close_and_free, { READER, detach, detach_and_come },
	  1, 0 },
	{ "seal while one attaches", all_two_pieces, free_stream, { READER, seal, comer_to_sealed }, 1, 0 },
	{ "sealed while a snapshot is held", all_two_pieces, free_stream,
	  { READER, seal_in_the_end, hold_snapshot }, 1, 0 },
	{ "merged while one attaches", all_merged, free_stream, { READER, comer_from_start }, ALL, 1 },
	{ "figures", all_one_piece, free_stream, { READER, comer, ask }, 1, 0 },
	{ "a chunk is kept", one_inside, check_kept, { READER, keeper }, ALL, 2 },
};

int main(int argc, char **argv)
{
	return model_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
