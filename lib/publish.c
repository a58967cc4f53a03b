/* SPDX-License-Identifier: MIT */
/*
 * Problem: give a chunk to every subscriber that there is at that moment, each once, whatever the others do.
 *
 * Threads: the reader.  Subscribers come and go meanwhile (slots.c, sub.c).
 *
 * Invariants
 *   I1  The set is looked at anew for each chunk and after each park; the cursors make that idempotent.  A park waits
 *       for room in all reliable channels that had none at once: a slow subscriber holds up the reading, never what
 *       others are owed.
 *   I2  A reliable subscriber that was cut off in the middle of a publication ends in front of the chunk that it did
 *       not get.
 *   I3  A subscriber is touched inside an RCU section only, or with a reference taken in one.
 *   I4  A reliable subscriber is given up on (TEND_STALL_LOSE, TEND_STALL_LEAVE) only after it has been without room
 *       from the first park for it until its time was over; `stalled_since` is set before that park and cleared by the
 *       next push.  One that leaves ends in front of the chunk that it had no room for.
 *   I5  The reader is online for RCU, as a section needs it, for WAKE_BATCH chunks at a time at most, and never while
 *       it blocks or calls what is not ours: fork(2) of the host and grace periods wait for no more than that.
 *
 * Nothing here blocks: who has to wait is the reader (reader.c).
 */
#include "publish.h"

#include <string.h>

#include "clock.h"
#include "error.h"
#include "probe.h"
#include "rcu.h"
#include "stream.h"
#include "sub.h"

/* Consumers that sleep are woken once per so many chunks, or when half full, or before the reader blocks: 1.5 to 2.5
 * times the throughput of waking for each chunk. */
#define WAKE_BATCH 8

void tend__publish_offline(struct tend__publisher *p)
{
	if (p->is_online)
		tend__rcu_offline();
	p->is_online = false;
}

void tend__publish_online(struct tend__publisher *p)
{
	if (!p->is_online)
		tend__rcu_online();
	p->is_online = true;
}

/* To look at the set in.  Going online and off costs a good part of a small message: only when it is needed. */
static struct tend__set *begin_section(struct tend__publisher *p)
{
	tend__publish_online(p);
	tend__rcu_read_lock();
	return tend__slots_look(&p->st->slots);
}

void tend__publish_wake(struct tend__publisher *p, bool at_any_rate)
{
	struct tend__set *set;

	if (!p->unwoken && !at_any_rate)
		return;
	p->unwoken = 0;
	set = begin_section(p);
	for (uint32_t i = 0; i < set->capacity; i++) {
		tend_subscription *s = tend__set_at(set, i);

		if (s)
			tend__chan_wake(&s->chan);
	}
	tend__rcu_read_unlock();
}

static void count_loss(struct tend__publisher *p, tend_subscription *s, const struct tend__item *lost)
{
	tend_stream *st = p->st;

	atomic_fetch_add_explicit(&st->bytes_dropped, lost->size, memory_order_relaxed);
	atomic_fetch_add_explicit(&st->chunks_dropped, lost->count, memory_order_relaxed);
	TEND__PROBE(loss, st->name, st->label, s->label, lost->size, lost->count);
	p->logs_loss |= !s->loss_logged;
	s->loss_logged = true;
}

static void note_high_water(tend_subscription *s)
{
	uint32_t fill = tend__chan_fill(&s->chan);

	if (fill > atomic_load_explicit(&s->high_water, memory_order_relaxed))
		atomic_store_explicit(&s->high_water, fill, memory_order_relaxed);
}

/* Pushes with a reference of its own; whether the subscriber is through with the item. */
static bool push(struct tend__publisher *p, tend_subscription *s)
{
	const struct tend__item *item = &p->item;
	bool lossy = atomic_load_explicit(&s->lossy, memory_order_relaxed);
	struct tend__item evicted;

	tend__slab_ref(item->slab);
	switch (tend__chan_push(&s->chan, item, lossy ? &evicted : NULL)) {
	case TEND__PUSHED:
		note_high_water(s);
		return true;
	case TEND__PUSHED_EVICTING:
		count_loss(p, s, &evicted);
		tend__slab_unref(evicted.slab);
		return true;
	case TEND__FULL:
		tend__slab_unref(item->slab);
		if (lossy)
			count_loss(p, s, item);
		return lossy;
	default: /* closed: it is on its way out of the set */
		tend__slab_unref(item->slab);
		return true;
	}
}

/* What has become of it ends in front of the item: nothing it was owed is missing. */
static void leave(struct tend__publisher *p, tend_subscription *s)
{
	struct tend__terminal t = {
		.ending = TEND_END_STALLED, .offset = p->item.offset, .sequence = p->item.sequence
	};

	tend__chan_finish(&s->chan, &t);
	atomic_store_explicit(&s->stalled_since, 0, memory_order_relaxed);
	s->cursor = UINT64_MAX;
	s->has_left = p->has_left = true;
}

/* It is reliable and full.  Whether to wait for it: not when it has been so for longer than it may. */
static bool is_waited_for(struct tend__publisher *p, tend_subscription *s)
{
	int64_t now = tend__now_ns(), since = atomic_load_explicit(&s->stalled_since, memory_order_relaxed);
	int64_t deadline;

	if (since == 0)
		atomic_store_explicit(&s->stalled_since, since = now, memory_order_relaxed);
	if (s->stall.kind <= TEND_STALLED_WAITS)
		return true;
	deadline = tend__after(since, tend__span_ns(s->stall.after));
	if (now < deadline) {
		if (deadline < p->stall_deadline)
			p->stall_deadline = deadline;
		return true;
	}
	if (s->stall.kind == TEND_STALLED_LOSES)
		atomic_store_explicit(&s->lossy, 1, memory_order_relaxed);
	else
		leave(p, s);
	return false;
}

/* Offers the item to one subscriber; false: it has no room, and will unpark us when it has. */
static bool offer(struct tend__publisher *p, tend_subscription *s)
{
	if (s->cursor > p->item.sequence)
		return true; /* it has it, or had it in its snapshot */
	while (!push(p, s)) {
		if (tend__chan_want_room(&s->chan) && is_waited_for(p, s))
			return false;
		if (s->has_left)
			return true;
	}
	if (atomic_load_explicit(&s->stalled_since, memory_order_relaxed))
		atomic_store_explicit(&s->stalled_since, 0, memory_order_relaxed);
	s->cursor = p->item.sequence + p->item.count;
	if (s->server)
		p->serves = true;
	else if (tend__chan_is_half_full(&s->chan))
		tend__chan_wake(&s->chan);
	return true;
}

static bool has_left(const tend_subscription *s)
{
	return s->has_left;
}

/* The next subscriber from slot *i on that is asked for, with a reference; NULL: there is none. */
static tend_subscription *find(struct tend__publisher *p, uint32_t *i, bool is_it(const tend_subscription *s))
{
	tend_subscription *found = NULL;
	struct tend__set *set;

	set = begin_section(p);
	for (; !found && *i < set->capacity; ++*i) {
		tend_subscription *s = tend__set_at(set, *i);

		if (s && is_it(s))
			tend__sub_ref(found = s);
	}
	tend__rcu_read_unlock();
	return found;
}

/* Outside of the section, as it takes the stream's lock and waits for a grace period. */
static void take_out_leavers(struct tend__publisher *p)
{
	tend_subscription *s;
	uint32_t i = 0;

	p->has_left = false;
	while ((s = find(p, &i, has_left))) {
		char label[TEND_MAX_LABEL];

		memcpy(label, s->label, sizeof label);
		tend__publish_offline(p);
		tend__sub_detach(s);
		tend__sub_unref(s);
		tend__log(TEND_LOG_WARNING, "stall", p->st->name, 0,
		          "subscriber \"%s\" of %s was full for too long and has been detached", label, p->st->label);
	}
}

/* Consumers that have been held, each for one call. */
struct held {
	const struct tend__server *server;
	void *of;
};

/* Holds served subscribers from slot *i on, up to `most`; how many. */
static size_t hold_served(struct tend__publisher *p, uint32_t *i, struct held *held, size_t most)
{
	struct tend__set *set = begin_section(p);
	size_t n = 0;

	for (; n < most && *i < set->capacity; ++*i) {
		tend_subscription *s = tend__set_at(set, *i);

		if (!s || !s->server)
			continue;
		held[n] = (struct held){ .server = s->server, .of = s->served };
		held[n].server->hold(held[n].of);
		n++;
	}
	tend__rcu_read_unlock();
	return n;
}

/* Several in one section: with one consumer a message costs one way online and off, not three. */
void tend__publish_serve(struct tend__publisher *p)
{
	struct held held[8];
	uint32_t i = 0;
	size_t n;

	p->serves = false;
	do {
		n = hold_served(p, &i, held, sizeof held / sizeof *held);
		tend__publish_offline(p); /* a visitor may detach, which waits for a grace period */
		for (size_t k = 0; k < n; k++)
			held[k].server->serve(held[k].of);
	} while (n == sizeof held / sizeof *held);
}

bool tend__publish_offer(struct tend__publisher *p)
{
	bool through = true;
	struct tend__set *set;

	p->stall_deadline = TEND__NEVER;
	set = begin_section(p);
	for (uint32_t i = 0; i < set->capacity; i++) {
		tend_subscription *s = tend__set_at(set, i);

		if (s && !offer(p, s))
			through = false;
	}
	tend__rcu_read_unlock();
	if (p->has_left)
		take_out_leavers(p);
	if (p->serves)
		tend__publish_serve(p);
	return through;
}

/* Offline, as the host's function may take its time. */
static void log_loss(struct tend__publisher *p)
{
	p->logs_loss = false;
	tend__publish_offline(p);
	tend__log(TEND_LOG_WARNING, "gap", p->st->name, 0,
	          "a subscriber of %s is too slow and has begun to lose output", p->st->label);
}

void tend__publish_done(struct tend__publisher *p)
{
	if (++p->unwoken >= WAKE_BATCH) {
		tend__publish_wake(p, false);
		tend__publish_offline(p); /* a child that never pauses must not keep a fork(2) of the host waiting */
	}
	if (p->logs_loss)
		log_loss(p);
}

void tend__publish_finish(struct tend__publisher *p, const struct tend__terminal *terminal, bool cut)
{
	struct tend__set *set;

	set = begin_section(p);
	for (uint32_t i = 0; i < set->capacity; i++) {
		tend_subscription *s = tend__set_at(set, i);
		struct tend__terminal t = *terminal;

		if (!s)
			continue;
		if (cut && s->cursor <= p->item.sequence) {
			t.offset = p->item.offset;
			t.sequence = p->item.sequence;
		}
		tend__chan_finish(&s->chan, &t);
		atomic_store_explicit(&s->stalled_since, 0, memory_order_relaxed);
	}
	tend__rcu_read_unlock();
	tend__publish_serve(p);
}
