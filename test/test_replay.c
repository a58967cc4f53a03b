/* SPDX-License-Identifier: MIT */
/* What is retained, by which rule, at what cost in memory. */
#include "replay.h"

#include <stdlib.h>

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
	CHECK_INT(0, tend__replay_append(r, &item));
}

static void feeder_close(struct feeder *f)
{
	if (f->slab)
		tend__slab_unref(f->slab);
	tend__pool_close(f->pool);
}

/* The entries are a contiguous end of what was fed, with the right bytes. */
static void check_contents(const struct tend__replay *r, const struct feeder *f, uint64_t bytes)
{
	struct tend__item *items = calloc(r->n + 1, sizeof *items);
	uint64_t at = f->offset - bytes, seen = 0, sequence = 0;

	CHECK_INT(bytes, r->bytes);
	tend__replay_copy(r, items);
	for (size_t i = 0; i < r->n; i++) {
		CHECK_INT(at, items[i].offset);
		CHECK(i == 0 || items[i].sequence == sequence);
		sequence = items[i].sequence + items[i].count;
		for (uint32_t k = 0; k < items[i].size; k++)
			if (items[i].slab->data[items[i].at + k] != (unsigned char)(at + k)) {
				CHECK(false && "the byte that was read");
				break;
			}
		at += items[i].size;
		seen += items[i].size;
		tend__slab_unref(items[i].slab);
	}
	CHECK_INT(bytes, seen);
	CHECK(r->n == 0 || sequence == f->sequence);
	free(items);
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

/* SS state::replay_last_bytes_retains_bounded_tail, ..._keeps_whole_chunks_covering_boundary (RP-4) */
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
	tend__replay_seal(&r);
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
	total = tend__pool_bytes(f.pool) + r.room * sizeof *r.ring;
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
	{ "small_reads_do_not_pin_slabs", small_reads_do_not_pin_slabs },
	{ "slabs_outlive_the_pool", slabs_outlive_the_pool },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "replay", tests, sizeof tests / sizeof *tests);
}
