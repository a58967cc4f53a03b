/* SPDX-License-Identifier: MIT */
/* What is retained, by which rule, at what cost in memory. */
#include "replay.h"

#include <stdlib.h>

#include "mem.h"
#include "test.h"

/* A reader in miniature: cuts reads of a given size out of slabs, as reader.c does. */
struct feeder {
	struct tend__pool *pool;
	struct tend__slab *slab;
	uint32_t fill, chunk;
	uint64_t offset, sequence;
};

static void feeder_open(struct feeder *f, uint32_t chunk)
{
	*f = (struct feeder){ .pool = tend__pool_new(chunk, 4), .chunk = chunk };
}

static void feed(struct feeder *f, struct tend__replay *r, uint32_t n)
{
	struct tend__item item;

	if (f->slab && f->chunk - f->fill < (f->chunk / 4 ? f->chunk / 4 : 1)) {
		tend__slab_unref(f->slab);
		f->slab = NULL;
	}
	if (!f->slab) {
		f->slab = tend__slab_new(f->pool);
		f->fill = 0;
	}
	if (n > f->chunk - f->fill)
		n = f->chunk - f->fill;
	item = (struct tend__item){ .slab = f->slab, .at = f->fill, .size = n, .offset = f->offset, .count = 1,
		                    .sequence = f->sequence++ };
	for (uint32_t i = 0; i < n; i++)
		f->slab->data[f->fill + i] = (unsigned char)(f->offset + i);
	f->fill += n;
	f->offset += n;
	if (tend__replay_append(r, &item) < 0) /* a check that holds costs, too, three million times */
		CHECK(false && "memory for an item");
}

static void feeder_close(struct feeder *f)
{
	if (f->slab)
		tend__slab_unref(f->slab);
	tend__pool_close(f->pool);
}

static struct tend__snapshot take(struct tend__replay *r)
{
	struct tend__snapshot s;

	tend__replay_snapshot(r, tend__malloc(r->segments * sizeof(struct tend__segment *)), &s);
	return s;
}

/* The items that are left make a contiguous part of what was fed, with the right bytes.  How many there were. */
static size_t check_snapshot(struct tend__snapshot *s, uint64_t begin, uint64_t end, uint64_t end_sequence)
{
	uint64_t at = begin, sequence = 0;
	struct tend__item item;
	size_t n = 0;

	for (; tend__snapshot_next(s, &item); n++) {
		CHECK_INT(at, item.offset);
		CHECK(n == 0 || item.sequence == sequence);
		sequence = item.sequence + item.count;
		for (uint32_t k = 0; k < item.size; k++)
			if (item.slab->data[item.at + k] != (unsigned char)(at + k)) {
				CHECK(false && "the byte that was read");
				break;
			}
		at += item.size;
		tend__slab_unref(item.slab);
	}
	CHECK_INT(end, at);
	CHECK(n == 0 || sequence == end_sequence);
	tend__snapshot_fini(s);
	return n;
}

/* What is retained is the end of what was fed. */
static void check_contents(struct tend__replay *r, const struct feeder *f, uint64_t bytes)
{
	struct tend__snapshot s = take(r);

	CHECK_INT(bytes, r->bytes);
	CHECK_INT(r->n, check_snapshot(&s, f->offset - bytes, f->offset, f->sequence));
}

static void run(struct tend_replay rule, uint32_t chunk, uint32_t read_size, int reads, uint64_t expected_bytes)
{
	struct tend__replay r;
	struct feeder f;

	feeder_open(&f, chunk);
	tend__replay_init(&r, &rule, chunk);
	for (int i = 0; i < reads; i++)
		feed(&f, &r, read_size);
	check_contents(&r, &f, expected_bytes);
	tend__replay_fini(&r);
	feeder_close(&f);
}

/* SS state::no_replay_retains_no_chunks, replay_all_retains_all_chunks, replay_last_chunks_retains_bounded_tail */
static void rules(void)
{
	run(TEND_REPLAY_NONE, 64, 4, 10, 0);
	run(TEND_REPLAY_ALL, 64, 4, 100, 400);
	run(TEND_REPLAY_ALL, 1, 1, 300, 300);
	run(TEND_REPLAY_CHUNKS(2), 64, 3, 5, 6);
	run(TEND_REPLAY_CHUNKS(1), 4, 4, 3, 4);
}

/*
 * RP-4; SS state::replay_last_bytes_retains_bounded_tail,
 * SS state::replay_last_bytes_keeps_whole_chunks_covering_boundary, and the broadcast's of that name
 */
static void last_bytes_keeps_whole_chunks(void)
{
	run(TEND_REPLAY_BYTES(4), 64, 2, 3, 4);
	run(TEND_REPLAY_BYTES(3), 64, 2, 3, 4);
	run(TEND_REPLAY_BYTES(1), 64, 50, 1, 50);
}

/* SS state::seal_trims_retained_replay (RP-7) */
static void seal_drops_and_stays(void)
{
	struct tend__replay r;
	struct tend_replay rule = TEND_REPLAY_ALL;
	struct feeder f;

	feeder_open(&f, 64);
	tend__replay_init(&r, &rule, 64);
	feed(&f, &r, 10);
	tend__replay_seal(&r);
	CHECK_INT(0, r.n);
	CHECK_INT(0, r.bytes);
	CHECK_INT(0, r.chunks);
	feed(&f, &r, 10);
	CHECK_INT(0, r.n);
	CHECK_INT(0, r.segments);
	tend__replay_seal(&r);
	tend__replay_fini(&r);
	feeder_close(&f);
}

/*
 * A snapshot is what there was at its moment, whatever is retained, merged, dropped or sealed after it; its slabs are
 * given back when it is done with, and those of the replay when nobody else has their segment.
 */
static void snapshots_stay(void)
{
	static const struct tend_replay rules[] = { { .kind = TEND_RETAIN_ALL },
		                                    { .kind = TEND_RETAIN_CHUNKS, .amount = 40 },
		                                    { .kind = TEND_RETAIN_BYTES, .amount = 300 } };

	for (size_t i = 0; i < 3 * 2; i++) {
		const struct tend_replay *rule = &rules[i % 3];
		uint32_t chunk = i < 3 ? 64 : 4096; /* small ones: many items; big ones: all in one */
		struct tend__snapshot s[4];
		uint64_t begin[4], end[4], sequence[4];
		struct tend__replay r;
		struct feeder f;

		feeder_open(&f, chunk);
		tend__replay_init(&r, rule, chunk);
		for (int k = 0; k < 4; k++) {
			for (int n = 0; n < 97; n++)
				feed(&f, &r, 7);
			s[k] = take(&r);
			end[k] = f.offset;
			begin[k] = f.offset - r.bytes;
			sequence[k] = f.sequence;
		}
		for (int n = 0; n < 700; n++)
			feed(&f, &r, 7);
		check_snapshot(&s[2], begin[2], end[2], sequence[2]);
		tend__snapshot_fini(&s[1]); /* not walked */
		feed(&f, &r, 7);
		check_contents(&r, &f, r.bytes);
		tend__replay_seal(&r);
		check_snapshot(&s[0], begin[0], end[0], sequence[0]);
		check_snapshot(&s[3], begin[3], end[3], sequence[3]);
		tend__replay_fini(&r);
		if (f.slab)
			tend__slab_unref(f.slab);
		f.slab = NULL;
		tend__pool_trim(f.pool);
		CHECK_INT(0, tend__pool_bytes(f.pool));
		feeder_close(&f);
	}
}

/* What the rule drops is given back at once where no snapshot has it. */
static void dropped_items_pin_nothing(void)
{
	struct tend_replay rule = TEND_REPLAY_CHUNKS(1);
	struct tend__replay r;
	struct feeder f;

	feeder_open(&f, 4);
	tend__replay_init(&r, &rule, 4);
	for (int i = 0; i < 1000; i++) {
		feed(&f, &r, 4);
		CHECK(tend__pool_bytes(f.pool) <= 6 * 4); /* one retained, one filled, four cached */
	}
	tend__replay_fini(&r);
	feeder_close(&f);
}

/* A snapshot pins what was retained when it was taken and nothing that comes later; when it is gone, nothing at all. */
static void snapshots_pin_nothing_else(void)
{
	struct tend_replay rule = TEND_REPLAY_BYTES(64);
	struct tend__snapshot s[3];
	struct tend__replay r;
	struct feeder f;

	feeder_open(&f, 64);
	tend__replay_init(&r, &rule, 64);
	for (int k = 0; k < 3; k++) {
		for (int i = 0; i < 10; i++)
			feed(&f, &r, 64);
		s[k] = take(&r);
		for (int i = 0; i < 1000; i++)
			feed(&f, &r, 64);
		/* one retained, one filled, four cached, one for each snapshot, and what the segment began with */
		CHECK(tend__pool_bytes(f.pool) <= (uint64_t)(6 + 16 * (k + 1)) * 64);
	}
	for (int k = 0; k < 3; k++) {
		tend__snapshot_fini(&s[k]);
		tend__replay_release(&r);
	}
	tend__pool_trim(f.pool);
	CHECK(tend__pool_bytes(f.pool) <= 3 * 64);
	s[0] = take(&r); /* held while its items are dropped, let go of while nothing comes */
	feed(&f, &r, 64);
	tend__snapshot_fini(&s[0]);
	tend__replay_release(&r);
	tend__pool_trim(f.pool);
	CHECK(tend__pool_bytes(f.pool) <= 3 * 64);
	tend__replay_fini(&r);
	feeder_close(&f);
}

/* OE-12: 1 MiB of single bytes pins less than 2 MiB, slabs and entries together. */
static void small_reads_do_not_pin_slabs(void)
{
	struct tend__replay r;
	struct tend_replay rule = TEND_REPLAY_BYTES(1 << 20);
	struct feeder f;
	uint64_t total;

	feeder_open(&f, 16384);
	tend__replay_init(&r, &rule, 16384);
	for (int i = 0; i < 3 << 20; i++)
		feed(&f, &r, 1);
	CHECK(r.bytes >= 1 << 20);
	total = tend__pool_bytes(f.pool) +
	        r.segments * (sizeof(struct tend__segment) + 256 * sizeof(struct tend__item));
	CHECK(total < 2 << 20);
	check_contents(&r, &f, r.bytes);
	tend__replay_fini(&r);
	feeder_close(&f);
}

/* A chunk that is kept outlives its pool's stream. */
static void slabs_outlive_the_pool(void)
{
	struct tend__pool *pool = tend__pool_new(100, 2);
	struct tend__slab *kept = tend__slab_new(pool), *other = tend__slab_new(pool);

	CHECK_INT(200, tend__pool_bytes(pool));
	tend__slab_ref(kept);
	CHECK(!tend__slab_is_sole(kept));
	tend__slab_unref(kept);
	CHECK(tend__slab_is_sole(kept));
	tend__slab_unref(other);
	other = tend__slab_new(pool); /* recycled */
	CHECK_INT(200, tend__pool_bytes(pool));
	tend__slab_unref(other);
	tend__pool_trim(pool);
	CHECK_INT(100, tend__pool_bytes(pool));
	tend__pool_close(pool);
	memset(kept->data, 1, 100);
	tend__slab_unref(kept);
}

static const struct test tests[] = {
	{ "rules", rules },
	{ "last_bytes_keeps_whole_chunks", last_bytes_keeps_whole_chunks },
	{ "seal_drops_and_stays", seal_drops_and_stays },
	{ "snapshots_stay", snapshots_stay },
	{ "dropped_items_pin_nothing", dropped_items_pin_nothing },
	{ "snapshots_pin_nothing_else", snapshots_pin_nothing_else },
	{ "small_reads_do_not_pin_slabs", small_reads_do_not_pin_slabs },
	{ "slabs_outlive_the_pool", slabs_outlive_the_pool },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "replay", tests, sizeof tests / sizeof *tests);
}
