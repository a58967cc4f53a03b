/* SPDX-License-Identifier: MIT */
/*
 * A suffix of the stream, kept by rule.  Small neighbouring reads are merged into one entry where they lie side by
 * side in one slab, so that a child that writes single bytes costs a few entries and not one per byte.  Slabs are
 * retired at least three quarters full, hence what is pinned is at most 4/3 of what is retained, and two slabs.
 */
#include "replay.h"

#include <errno.h>
#include <string.h>

#include "mem.h"

void tend__replay_init(struct tend__replay *r, const struct tend_replay *rule, size_t read_chunk_size)
{
	size_t limit = read_chunk_size / 4;

	memset(r, 0, sizeof *r);
	r->rule = *rule;
	if (rule->kind == TEND_RETAIN_CHUNKS)
		limit = 0; /* the rule counts reads */
	else if (rule->kind == TEND_RETAIN_BYTES && limit > rule->amount / 64)
		limit = rule->amount / 64; /* entries are dropped whole: keep them small against the limit */
	r->merge_limit = (uint32_t)limit;
}

static struct tend__item *entry(const struct tend__replay *r, size_t i)
{
	return &r->ring[(r->first + i) & (r->room - 1)];
}

static void drop_first(struct tend__replay *r)
{
	struct tend__item *item = entry(r, 0);

	r->bytes -= item->size;
	r->chunks -= item->count;
	r->first++;
	r->n--;
	tend__slab_unref(item->slab);
}

static int make_room(struct tend__replay *r)
{
	size_t room = r->room ? r->room * 2 : 16;
	struct tend__item *ring;

	if (r->n < r->room)
		return 0;
	ring = tend__malloc(room * sizeof *ring);
	if (!ring)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++)
		ring[i] = *entry(r, i);
	tend__free(r->ring);
	r->ring = ring;
	r->room = room;
	r->first = 0;
	return 0;
}

static bool merge(struct tend__replay *r, const struct tend__item *item)
{
	struct tend__item *last = r->n ? entry(r, r->n - 1) : NULL;

	if (!last || last->slab != item->slab || last->at + last->size != item->at ||
	    last->size + item->size > r->merge_limit)
		return false;
	last->size += item->size;
	last->count += item->count;
	return true;
}

/* Whether the rule would still hold without the first entry. */
static bool first_is_spare(const struct tend__replay *r)
{
	switch (r->rule.kind) {
	case TEND_RETAIN_CHUNKS:
		return r->n > r->rule.amount;
	case TEND_RETAIN_BYTES:
		return r->bytes - entry(r, 0)->size >= r->rule.amount;
	default:
		return false;
	}
}

int tend__replay_append(struct tend__replay *r, const struct tend__item *item)
{
	if (r->sealed || r->rule.kind == TEND_RETAIN_NONE)
		return 0;
	if (!merge(r, item)) {
		if (make_room(r) < 0)
			return -ENOMEM;
		tend__slab_ref(item->slab);
		*entry(r, r->n++) = *item;
	}
	r->bytes += item->size;
	r->chunks += item->count;
	while (first_is_spare(r))
		drop_first(r);
	return 0;
}

void tend__replay_seal(struct tend__replay *r)
{
	r->sealed = true;
	while (r->n)
		drop_first(r);
	tend__free(r->ring);
	r->ring = NULL;
	r->room = r->first = 0;
}

void tend__replay_fini(struct tend__replay *r)
{
	tend__replay_seal(r);
}

void tend__replay_copy(const struct tend__replay *r, struct tend__item *ret_items)
{
	for (size_t i = 0; i < r->n; i++) {
		ret_items[i] = *entry(r, i);
		tend__slab_ref(ret_items[i].slab);
	}
}
