/* SPDX-License-Identifier: MIT */
/*
 * Problem: keep a suffix of the stream by rule, in little more memory than its bytes, and let anybody have all of it
 * without holding up the reader for longer than it takes to count a few references.
 *
 * Threads: the reader appends, anybody takes a snapshot or seals, all under the stream's lock; who has a snapshot walks
 * it without.
 *
 * State: a list of segments.  Small neighbouring reads are merged into one item where they lie side by side in one
 * slab, so that a child that writes single bytes costs a few items and not one per byte.  Slabs are retired at least
 * three quarters full, hence what is pinned is at most 4/3 of what is retained, and two slabs.
 *
 * Invariants
 *   I1  Only the newest item is ever changed (merge), so a snapshot has a copy of that one and reads the others where
 *       they are.
 *   I2  A segment that a snapshot has takes no more items: nothing that comes later is pinned by it.
 *   I3  An item that the rule drops gives its slab back at once if no snapshot has its segment; otherwise when the last
 *       snapshot lets go of it, whose owner then calls tend__replay_release().
 *   I4  The first segment is let go of when all its items have been dropped; snapshots keep theirs.
 *
 * Ordering pairs
 *   (I) the last unref of a segment after all owners' use of it.
 */
#include "replay.h"

#include <errno.h>
#include <string.h>

#include "mem.h"

#define FIRST_ROOM 16
#define MOST_ROOM 256

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

/* ---- segments ---- */

static struct tend__segment *segment_new(uint32_t room)
{
	struct tend__segment *s = tend__malloc(sizeof *s + room * sizeof s->items[0]);

	if (!s)
		return NULL;
	atomic_init(&s->refs, 1);
	s->n = s->released = 0;
	s->room = room;
	s->next = NULL;
	return s;
}

static void release_up_to(struct tend__segment *s, uint32_t end)
{
	for (; s->released < end; s->released++)
		tend__slab_unref(s->items[s->released].slab);
}

static void segment_unref(struct tend__segment *s)
{
	/* (I) pairs with (I) in is_sole, and with itself: uses of the items before they are let go of */
	if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	release_up_to(s, s->n);
	tend__free(s);
}

static bool is_sole(const struct tend__segment *s)
{
	/* (I) pairs with (I) in segment_unref: no snapshot looks at it any more */
	return atomic_load_explicit(&s->refs, memory_order_acquire) == 1;
}

/* ---- the queue ---- */

/* Lets go of the first segment. */
static void drop_segment(struct tend__replay *r)
{
	struct tend__segment *s = r->first;

	r->first = s->next;
	if (!r->first)
		r->last = NULL;
	r->first_at = 0;
	r->segments--;
	segment_unref(s);
}

void tend__replay_release(struct tend__replay *r)
{
	if (r->first && is_sole(r->first))
		release_up_to(r->first, r->first_at);
}

static void drop_first(struct tend__replay *r)
{
	struct tend__segment *s = r->first;
	const struct tend__item *item = &s->items[r->first_at++];

	r->bytes -= item->size;
	r->chunks -= item->count;
	r->n--;
	tend__replay_release(r);
	if (r->first_at == s->room)
		drop_segment(r);
}

static int make_room(struct tend__replay *r)
{
	struct tend__segment *s;
	uint32_t room = r->last ? r->last->room * 2 : FIRST_ROOM;

	if (r->last && r->last->n < r->last->room)
		return 0;
	if (room < FIRST_ROOM)
		room = FIRST_ROOM; /* a snapshot has closed a small one */
	s = segment_new(room < MOST_ROOM ? room : MOST_ROOM);
	if (!s)
		return -ENOMEM;
	if (r->last)
		r->last->next = s;
	else
		r->first = s;
	r->last = s;
	r->segments++;
	return 0;
}

static bool merge(struct tend__replay *r, const struct tend__item *item)
{
	struct tend__item *newest = r->n ? &r->last->items[r->last->n - 1] : NULL;

	if (!newest || newest->slab != item->slab || newest->at + newest->size != item->at ||
	    newest->size + item->size > r->merge_limit)
		return false;
	newest->size += item->size;
	newest->count += item->count;
	return true;
}

/* Whether the rule would still hold without the first item. */
static bool first_is_spare(const struct tend__replay *r)
{
	switch (r->rule.kind) {
	case TEND_RETAIN_CHUNKS:
		return r->n > r->rule.amount;
	case TEND_RETAIN_BYTES:
		return r->bytes - r->first->items[r->first_at].size >= r->rule.amount;
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
		r->last->items[r->last->n++] = *item;
		r->n++;
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
	while (r->first)
		drop_segment(r);
	r->n = 0;
	r->bytes = r->chunks = 0;
}

void tend__replay_fini(struct tend__replay *r)
{
	tend__replay_seal(r);
}

/* ---- snapshots ---- */

void tend__replay_snapshot(struct tend__replay *r, struct tend__segment **take_room, struct tend__snapshot *ret)
{
	size_t i = 0;

	*ret = (struct tend__snapshot){
		.segments = take_room, .n_segments = r->segments, .item = r->first_at, .left = r->n
	};
	for (struct tend__segment *s = r->first; s; s = s->next) {
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
		take_room[i++] = s;
	}
	if (!r->n)
		return;
	ret->begin = r->first->items[r->first_at].offset;
	ret->newest = r->last->items[r->last->n - 1];
	if (r->last->room != r->last->n)
		r->last->room = r->last->n; /* nobody else reads it yet: who has a snapshot of it has closed it */
}

bool tend__snapshot_next(struct tend__snapshot *s, struct tend__item *ret_item)
{
	const struct tend__segment *segment;

	if (s->left == 0)
		return false;
	segment = s->segments[s->at];
	*ret_item = s->left == 1 ? s->newest : segment->items[s->item];
	tend__slab_ref(ret_item->slab);
	s->item++;
	if (--s->left == 0)
		tend__snapshot_fini(s);
	else if (s->item == segment->room) {
		segment_unref(s->segments[s->at++]);
		s->item = 0;
	}
	return true;
}

void tend__snapshot_fini(struct tend__snapshot *s)
{
	while (s->at < s->n_segments)
		segment_unref(s->segments[s->at++]);
	tend__free(s->segments);
	s->segments = NULL;
	s->left = 0;
}
