/* SPDX-License-Identifier: MIT */
/*
 * The promises of the buffer pool (lib/chunk.c): a slab is in one place, its bytes stay as they are while anybody holds
 * it, and each is freed once, also when the pool is closed first.  Memory that is used after it was freed, or left, is
 * found by memory.c in every scenario.
 */
#include "../lib/chunk.h"
#include "explore.h"
#include "system.h"

#define SLAB_SIZE 4
#define MAX_SENT 4

static struct tend__pool *pool SHARED;
static struct tend__slab *slab SHARED;                  /* the reader's */
static struct tend__slab *_Atomic mailbox[MAX_SENT] SHARED; /* one reference each */
static unsigned char content[MAX_SENT] SHARED;
static _Atomic unsigned received SHARED;

static void set_up(uint32_t max_cached)
{
	slab = NULL;
	atomic_init(&received, 0);
	for (int i = 0; i < MAX_SENT; i++)
		atomic_init(&mailbox[i], NULL);
	pool = tend__pool_new(SLAB_SIZE, max_cached);
}

static void caching_none(void) { set_up(0); }
static void caching_one(void) { set_up(1); }
static void caching_two(void) { set_up(2); }

/* ---- the reader ---- */

/* A slab to write to, as get_slab() in lib/reader.c: the same one again if nobody else has it. */
static void get_slab(void)
{
	if (slab && !tend__slab_is_sole(slab)) {
		tend__slab_unref(slab);
		slab = NULL;
	}
	if (!slab)
		slab = tend__slab_new(pool);
	CLAIM(slab && slab->capacity == SLAB_SIZE && tend__slab_is_sole(slab));
}

static void fill(int i)
{
	content[i] = (unsigned char)('a' + i);
	for (int k = 0; k < SLAB_SIZE; k++)
		slab->data[k] = content[i];
}

/* Fills a slab and sends a reference on it. */
static void send(int i)
{
	get_slab();
	fill(i);
	tend__slab_ref(slab);
	atomic_store_explicit(&mailbox[i], slab, memory_order_release);
}

static void let_go(void)
{
	if (slab)
		tend__slab_unref(slab);
	slab = NULL;
}

static void close_pool(void)
{
	let_go();
	tend__pool_close(pool);
}

/* ---- consumers ---- */

static struct tend__slab *receive(int i)
{
	model_await(&mailbox[i]);
	return atomic_exchange_explicit(&mailbox[i], NULL, memory_order_acquire);
}

/* The bytes are those that were sent for as long as they are held. */
static void check_bytes(const struct tend__slab *got, int i)
{
	for (int k = 0; k < SLAB_SIZE; k++)
		CLAIM(got->data[k] == content[i]);
}

static void receive_one(int i)
{
	struct tend__slab *got = receive(i);

	check_bytes(got, i);
	model_point(NULL, false);
	check_bytes(got, i);
	tend__slab_unref(got);
	atomic_fetch_add_explicit(&received, 1, memory_order_relaxed);
}

static void receive_first(void) { receive_one(0); }
static void receive_second(void) { receive_one(1); }
static void receive_third(void) { receive_one(2); }
static void receive_two(void)
{
	receive_one(0);
	receive_one(1);
}

/* ---- slabs come back while the reader takes new ones, and behind its close ---- */

static void send_one(void)
{
	send(0);
	close_pool();
}

static void send_two(void)
{
	send(0);
	send(1);
	close_pool();
}

static void send_three(void)
{
	for (int i = 0; i < 3; i++)
		send(i);
	close_pool();
}

/* ---- one slab with two owners besides the reader ---- */

static void send_to_two(void)
{
	get_slab();
	fill(0);
	fill(1);
	content[0] = content[1];
	tend__slab_ref(slab);
	tend__slab_ref(slab);
	atomic_store_explicit(&mailbox[0], slab, memory_order_release);
	atomic_store_explicit(&mailbox[1], slab, memory_order_release);
	send(2);
	close_pool();
}

/* ---- an idle stream's reader trims, and goes on ---- */

static void trim_between(void)
{
	send(0);
	send(1);
	let_go();
	tend__pool_trim(pool);
	send(2);
	close_pool();
}

/* The one that the reader keeps behind a trim must not be one of those that are gone. */
static void trim_rest(void)
{
	send(0);
	let_go();
	send(1);
	let_go();
	model_await_at_least(&received, 2); /* both have come back: one is taken again, one is left over */
	get_slab();
	let_go();
	tend__pool_trim(pool);
	send(2);
	close_pool();
}

/* ---- somebody looks at the figures of a pool that is being closed ---- */

static void ask_for_figures(void)
{
	tend__pool_ref(pool);
	CLAIM(tend__pool_bytes(pool) % SLAB_SIZE == 0 && tend__pool_bytes(pool) <= 2 * SLAB_SIZE);
	tend__pool_unref(pool);
}

static void with_figures(void)
{
	caching_one();
	tend__pool_ref(pool);
}

/* All slabs are gone, and the figures are the last owner of the pool. */
static void no_slab_is_left(void)
{
	CLAIM(tend__pool_bytes(pool) == 0);
	tend__pool_unref(pool);
}

#define ALL MODEL_ALL
static const struct scenario scenarios[] = {
	{ "freed before or behind the close", caching_none, NULL, { send_one, receive_first }, ALL, ALL, true, true },
	{ "kept before or behind the close", caching_one, NULL, { send_one, receive_first }, ALL, ALL, true, true },
	{ "used again, room for one", caching_one, NULL, { send_two, receive_two }, ALL, ALL, true, true },
	{ "used again, room for two", caching_two, NULL, { send_two, receive_two }, ALL, ALL, true, true },
	{ "two give back, room for one", caching_one, NULL, { send_two, receive_first, receive_second }, ALL, 3, true },
	{ "two give back, room for two", caching_two, NULL, { send_three, receive_two, receive_third }, ALL, 3, true },
	{ "two owners besides the reader", caching_two, NULL,
	  { send_to_two, receive_first, receive_second, receive_third }, ALL, 2, true },
	{ "trimmed while slabs come back", caching_two, NULL,
	  { trim_between, receive_two, receive_third }, ALL, 3, true },
	{ "trimmed with some left over", caching_two, NULL, { trim_rest, receive_two, receive_third }, ALL, 3, true },
	{ "figures", with_figures, no_slab_is_left, { send_two, receive_two, ask_for_figures }, ALL, 3, true },
};

int main(int argc, char **argv)
{
	return model_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
