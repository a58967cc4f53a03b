/* SPDX-License-Identifier: MIT */
/*
 * Problem: a consumer that comes at any moment gets what was retained, then what is read from then on: each byte
 * once, none twice, and an exact account of what it could not be given.
 *
 * Threads: attach and detach by any thread; next by one consumer at a time; the reader pushes into the channel.
 *
 * Invariants
 *   I1  Attach is one section under the stream's lock: it takes a snapshot of what is retained, sets the cursor to
 *       the sequence behind it, and publishes the slot.  The reader records a chunk under the same lock before it
 *       offers it.  So a chunk is in the snapshot exactly if cursor > its sequence, and the reader skips exactly those.
 *   I2  The end is recorded under the lock before the slots are walked: who attaches finds it, or is walked.  Exactly
 *       once.
 *   I3  Loss is not stored: the consumer compares offset and sequence of what it takes with what had to come next.  So
 *       delivered + dropped == end - start, by construction.
 *   I4  The slot's reference is dropped only after a grace period (slots.c I1).
 *   I5  Whoever detaches, the slot is free when its call returns, also when two do so at once: which of them takes the
 *       subscription out is decided under the lock.
 *   I6  The stream's lock is not held while anything blocks or while a grace period passes.
 *
 * How each blocked thread wakes: chan.c.
 *
 * Ordering pairs
 *   (B) the last unref of a subscription after all uses of it.
 *
 * Reclamation: counted.  The reader has no reference: it touches a subscription inside an RCU section only (I4).
 */
#include "sub.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "mem.h"
#include "opts.h"
#include "rcu.h"
#include "stream.h"
#include "sys.h"

void tend__sub_ref(tend_subscription *sub)
{
	atomic_fetch_add_explicit(&sub->refs, 1, memory_order_relaxed);
}

static void link_locked(tend_stream *st, tend_subscription *s)
{
	s->older = st->subscriptions;
	if (s->older)
		s->older->newer = s;
	st->subscriptions = s;
	s->is_linked = true;
}

static uint64_t figure(const _Atomic uint64_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

/* Out of the stream's list, and its figures into the stream's past. */
static void unlink_sub(tend_stream *st, tend_subscription *s)
{
	uint32_t high_water = atomic_load_explicit(&s->high_water, memory_order_relaxed);

	tend__lock(&st->lock);
	tend__replay_release(&st->replay);
	if (s->newer)
		s->newer->older = s->older;
	else
		st->subscriptions = s->older;
	if (s->older)
		s->older->newer = s->newer;
	st->past.bytes += figure(&s->books.bytes);
	st->past.chunks += figure(&s->books.chunks);
	st->past.gaps += figure(&s->books.gaps);
	if (st->past.high_water < high_water)
		st->past.high_water = high_water;
	tend__unlock(&st->lock);
}

static void destroy(tend_subscription *s)
{
	struct tend__item item;

	tend__snapshot_fini(&s->snapshot);
	if (s->is_linked)
		unlink_sub(s->stream, s);
	if (s->lent)
		tend__slab_unref(s->lent);
	if (s->has_held)
		tend__slab_unref(s->held.slab);
	while (tend__chan_drain(&s->chan, &item))
		tend__slab_unref(item.slab);
	tend__chan_fini(&s->chan);
	tend__stream_unref(s->stream);
	tend__free(s);
}

void tend__sub_unref(tend_subscription *sub)
{
	/* (B) pairs with (B) in tend__sub_unref: all uses before the last one frees it */
	if (atomic_fetch_sub_explicit(&sub->refs, 1, memory_order_acq_rel) == 1)
		destroy(sub);
}

/* ---- attach ---- */

static int check(const struct tend_subscribe *o, const tend_stream *st, struct tend_error *err)
{
	enum tend_overflow overflow;

	if (!o)
		return 0;
	overflow = o->overflow ? o->overflow : st->options.overflow;
	if (o->delivery < 0 || o->delivery > TEND_LOSSY)
		return tend__refuse(err, st->name, "delivery", "is %d, not TEND_RELIABLE or TEND_LOSSY",
		                    (int)o->delivery);
	if (o->overflow < 0 || o->overflow > TEND_DROP_OLDEST)
		return tend__refuse(err, st->name, "overflow", "is %d, not TEND_DROP_NEWEST or TEND_DROP_OLDEST",
		                    (int)o->overflow);
	if (o->max_buffered_chunks > TEND_MAX_MAX_BUFFERED_CHUNKS)
		return tend__refuse(err, st->name, "max_buffered_chunks", "is %zu, more than %zu",
		                    o->max_buffered_chunks, TEND_MAX_MAX_BUFFERED_CHUNKS);
	if (o->delivery == TEND_LOSSY && (overflow < TEND_DROP_NEWEST || overflow > TEND_DROP_OLDEST))
		return tend__refuse(err, st->name, "overflow",
		                    "was not chosen: TEND_LOSSY needs TEND_DROP_NEWEST or TEND_DROP_OLDEST");
	return tend__check_stall(&o->stall, overflow, "", err);
}

static tend_subscription *make(tend_stream *st, const struct tend_subscribe *o)
{
	enum tend_delivery delivery = o && o->delivery ? o->delivery : st->options.delivery;
	enum tend_overflow overflow = o && o->overflow ? o->overflow : st->options.overflow;
	size_t depth = o && o->max_buffered_chunks ? o->max_buffered_chunks : st->options.max_buffered_chunks;
	tend_subscription *s = tend__aligned_calloc(64, sizeof *s);
	bool may_lose;

	if (!s)
		return NULL;
	s->stall = o && o->stall.kind ? o->stall : st->options.stall;
	may_lose = delivery == TEND_LOSSY || s->stall.kind == TEND_STALLED_LOSES;
	atomic_init(&s->lossy, delivery == TEND_LOSSY);
	atomic_init(&s->high_water, 0);
	atomic_init(&s->stalled_since, 0);
	snprintf(s->label, sizeof s->label, "%s", o && o->label ? o->label : "");
	s->fd = -1;
	tend__parker_init(&s->rx_parker);
	if (tend__chan_init(&s->chan, (uint32_t)(depth ? depth : 1), may_lose && overflow == TEND_DROP_OLDEST,
	                    &st->tx_parker, &s->rx_parker, 0) < 0) {
		tend__free(s);
		return NULL;
	}
	atomic_init(&s->refs, 1);
	s->stream = st;
	tend__stream_ref(st);
	return s;
}

/* Memory that the section under the lock may turn out to need. */
struct room {
	struct tend__segment **segments; /* for the snapshot */
	size_t n_segments;
	struct tend__set *set; /* a bigger one before; the replaced one after */
	uint32_t set_n;
};

static int get_room(struct room *room)
{
	tend__free(room->segments);
	tend__free(room->set);
	room->segments = room->n_segments ? tend__malloc(room->n_segments * sizeof *room->segments) : NULL;
	room->set = room->set_n ? tend__set_new(room->set_n) : NULL;
	return (room->n_segments && !room->segments) || (room->set_n && !room->set) ? -ENOMEM : 0;
}

/* [locked] */
static void take_snapshot(tend_stream *st, tend_subscription *s, struct room *room)
{
	tend__replay_snapshot(&st->replay, room->segments, &s->snapshot);
	room->segments = NULL;
	s->had_snapshot = true;
}

/* [locked] 0; -EBUSY: taken; -EAGAIN: more room is needed first, room says how much. */
static int attach_locked(tend_stream *st, tend_subscription *s, struct room *room)
{
	uint32_t capacity = tend__slots_capacity(&st->slots);
	bool full = st->slots.used == capacity;

	if (full && st->options.backend == TEND_SINGLE_SUBSCRIBER)
		return -EBUSY;
	if (st->replay.segments > room->n_segments || (full && !st->ended && room->set_n <= capacity)) {
		room->n_segments = st->replay.segments ? st->replay.segments + 4 : 0; /* more may come meanwhile */
		room->set_n = full ? capacity * 2 : 0;
		return -EAGAIN;
	}
	if (st->replay.n)
		take_snapshot(st, s, room);
	link_locked(st, s);
	if (st->ended) {
		s->ended_before = true;
		s->terminal = st->terminal;
		return 0;
	}
	if (st->options.replay.kind != TEND_RETAIN_NONE) {
		s->cursor = st->recorded_sequence;
		tend__chan_start(&s->chan, st->recorded_offset, st->recorded_sequence);
	}
	if (full) {
		room->set = tend__slots_grow(&st->slots, room->set);
		room->set_n = UINT32_MAX; /* now the old one, which the reader may still look at */
	}
	tend__sub_ref(s);
	s->in_slot = true;
	tend__slots_put(&st->slots, s);
	return 0;
}

static int attach(tend_stream *st, tend_subscription *s)
{
	struct room room = { 0 };
	int r;

	for (;;) {
		tend__lock(&st->lock);
		r = attach_locked(st, s, &room);
		tend__unlock(&st->lock);
		if (r != -EAGAIN)
			break;
		r = get_room(&room);
		if (r < 0)
			break;
	}
	if (room.set_n == UINT32_MAX)
		tend__rcu_synchronize();
	tend__free(room.segments);
	tend__free(room.set);
	return r;
}

int tend__subscribe(tend_stream *stream, const struct tend_subscribe *options, const struct tend__server *server,
                    void *served, tend_subscription **ret_subscription, struct tend_error *err)
{
	tend_subscription *s;
	int r;

	if (!stream)
		return tend__refuse(err, NULL, "stream", "must not be NULL");
	if (!tend__stream_is_ours(stream))
		return tend__error(err, -ECHILD, TEND_STEP_FORK, stream->name,
		                   "stream %s belongs to the process that this one was forked from", stream->label);
	r = check(options, stream, err);
	if (r < 0)
		return r;
	s = make(stream, options);
	if (!s)
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, stream->name,
		                       "no memory for a subscription of stream %s", stream->label);
	s->server = server;
	s->served = served;
	*ret_subscription = s;
	r = attach(stream, s);
	if (r < 0) {
		tend__sub_unref(s);
		if (r == -EBUSY)
			return tend__error(err, r, TEND_STEP_SUBSCRIBE, stream->name,
			                   "stream %s has a subscriber already, and its backend is "
			                   "TEND_SINGLE_SUBSCRIBER", stream->label);
		return tend__error_sys(err, r, TEND_STEP_ALLOCATE, stream->name, "no memory to subscribe to stream %s",
		                       stream->label);
	}
	return 0;
}

int tend_stream_subscribe(tend_stream *stream, const struct tend_subscribe *options,
                          tend_subscription **ret_subscription, struct tend_error *err)
{
	tend_subscription *s;
	int r;

	if (!ret_subscription)
		return tend__refuse(err, NULL, "ret_subscription", "must not be NULL");
	r = tend__subscribe(stream, options, NULL, NULL, &s, err);
	if (r == 0)
		*ret_subscription = s;
	return r;
}

/* ---- detach ---- */

void tend__sub_detach(tend_subscription *sub)
{
	tend_stream *st = sub->stream;
	bool was_in_slot;

	tend__chan_close(&sub->chan); /* wakes the reader if it waits for room here */
	tend__lock(&st->lock);
	was_in_slot = sub->in_slot;
	sub->in_slot = false;
	if (was_in_slot)
		tend__slots_remove(&st->slots, sub);
	tend__unlock(&st->lock);
	if (!was_in_slot)
		return; /* somebody else was first, and the slot is free already */
	tend__rcu_synchronize();
	atomic_store_explicit(&sub->stalled_since, 0, memory_order_relaxed);
	tend__sub_unref(sub);
}

tend_subscription *tend_subscription_close(tend_subscription *subscription)
{
	if (!subscription)
		return NULL;
	/* In a forked child there is no reader to detach from, and its locks may be held by nobody. */
	if (!tend__stream_is_ours(subscription->stream))
		return NULL;
	tend__sub_detach(subscription);
	if (subscription->fd >= 0) {
		tend__rcu_synchronize(); /* the reader may have taken it out itself, and rings inside sections only */
		tend__sys_close(subscription->fd);
		subscription->fd = -1;
	}
	tend__sub_unref(subscription);
	return NULL;
}

void tend_subscription_auto(tend_subscription **subscription)
{
	*subscription = tend_subscription_close(*subscription);
}

/* ---- next ---- */

static void count(_Atomic uint64_t *figure, uint64_t n)
{
	atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Where its books begin, which may be in the middle of the stream. */
static void begin_books(tend_subscription *s, uint64_t offset)
{
	atomic_store_explicit(&s->books.began_late, offset > 0, memory_order_relaxed);
	atomic_store_explicit(&s->books.first_offset, offset, memory_order_relaxed);
}

void tend__sub_settle(tend_subscription *s)
{
	uint64_t offset;

	if (s->has_position)
		return;
	if (s->had_snapshot)
		offset = s->snapshot.begin;
	else if (s->ended_before)
		offset = s->terminal.offset;
	else if (s->chan.started)
		offset = s->chan.start_offset;
	else
		offset = atomic_load_explicit(&s->stream->bytes_read, memory_order_relaxed);
	begin_books(s, offset);
	s->has_position = true;
	s->offset = offset;
}

/* Whether bytes are missing in front of `offset`; counts them and moves the position there. */
static bool seek(tend_subscription *s, uint64_t offset, uint64_t sequence, struct tend_gap *ret_gap)
{
	if (!s->has_position) {
		s->has_position = true;
		s->offset = s->had_snapshot ? offset : s->chan.start_offset;
		s->sequence = s->had_snapshot ? sequence : s->chan.start_sequence;
	}
	if (s->offset == offset && s->sequence == sequence)
		return false;
	ret_gap->bytes = offset - s->offset;
	ret_gap->chunks = sequence - s->sequence;
	s->offset = offset;
	s->sequence = sequence;
	count(&s->books.gaps, 1);
	count(&s->books.bytes_dropped, ret_gap->bytes);
	count(&s->books.chunks_dropped, ret_gap->chunks);
	return true;
}

static void deliver(tend_subscription *s, const struct tend__item *item, struct tend_event *ret_event)
{
	ret_event->kind = TEND_CHUNK;
	ret_event->chunk = (struct tend_chunk){
		.data = item->slab->data + item->at,
		.size = item->size,
		.offset = item->offset,
		.sequence = item->sequence,
		.owner = item->slab,
	};
	s->lent = item->slab;
	s->offset = item->offset + item->size;
	s->sequence = item->sequence + item->count;
	count(&s->books.bytes, item->size);
	count(&s->books.chunks, item->count);
}

/* A gap, and the item is held back for the next call; or the item. */
static void take(tend_subscription *s, const struct tend__item *item, struct tend_event *ret_event)
{
	bool first = !s->has_position;
	struct tend_gap gap = { .offset = item->offset, .before = item->before };
	bool lost = seek(s, item->offset, item->sequence, &gap);

	if (first) {
		gap.at_start = item->offset - gap.bytes > 0;
		begin_books(s, item->offset - gap.bytes);
	}
	if (!lost && !gap.at_start) {
		deliver(s, item, ret_event);
		return;
	}
	s->held = *item;
	s->has_held = true;
	ret_event->kind = TEND_GAP;
	ret_event->gap = gap;
}

static void end(tend_subscription *s, const struct tend__terminal *t, struct tend_event *ret_event)
{
	struct tend_gap gap = { .offset = t->offset, .before = -1 };

	if (!s->has_position)
		begin_books(s, s->ended_before ? t->offset : s->chan.start_offset);
	if (s->ended_before && !s->had_snapshot)
		s->offset = t->offset; /* what was not retained was before its time, and is not lost to it */
	else if (seek(s, t->offset, t->sequence, &gap)) {
		ret_event->kind = TEND_GAP;
		ret_event->gap = gap;
		return;
	}
	ret_event->kind = t->ending == TEND_END_EOF          ? TEND_EOF
	                  : t->ending == TEND_END_READ_ERROR ? TEND_READ_ERROR
	                                                     : TEND_DETACHED;
	ret_event->read_errno = t->error;
	ret_event->ending = (enum tend_ending)t->ending;
}

static void give_back_lent(tend_subscription *s)
{
	if (s->lent)
		tend__slab_unref(s->lent);
	s->lent = NULL;
}

static bool next_retained(tend_subscription *s, struct tend__item *ret_item)
{
	size_t at = s->snapshot.at;

	if (!tend__snapshot_next(&s->snapshot, ret_item))
		return false;
	if (s->snapshot.at != at) {
		tend__lock(&s->stream->lock);
		tend__replay_release(&s->stream->replay);
		tend__unlock(&s->stream->lock);
	}
	return true;
}

bool tend__sub_next(tend_subscription *s, int64_t deadline, struct tend_event *ret_event)
{
	struct tend__item item;

	give_back_lent(s);
	memset(ret_event, 0, sizeof *ret_event);
	if (tend__chan_is_cancelled_now(&s->chan))
		return false;
	if (s->has_held) {
		s->has_held = false;
		deliver(s, &s->held, ret_event);
		return true;
	}
	if (next_retained(s, &item)) {
		take(s, &item, ret_event);
		return true;
	}
	if (s->ended_before) {
		end(s, &s->terminal, ret_event);
		return true;
	}
	switch (tend__chan_pop(&s->chan, &item, deadline)) {
	case TEND__ITEM:
		take(s, &item, ret_event);
		return true;
	case TEND__END:
		end(s, &s->chan.terminal, ret_event);
		return true;
	case TEND__CANCELLED:
		return false;
	default:
		ret_event->kind = TEND_TIMED_OUT;
		return true;
	}
}

uint64_t tend__sub_offset(const tend_subscription *sub)
{
	return sub->offset;
}

/*
 * Makes the eventfd readable exactly if there is something to take.  It is emptied after the gate is armed and before
 * the last look: a waker that came in between has changed what the look finds.
 */
static void settle_fd(tend_subscription *s)
{
	bool is_empty = !s->has_held && s->snapshot.left == 0 && !s->ended_before;

	if (is_empty && tend__chan_watch(&s->chan)) {
		tend__sys_unring(s->fd);
		s->rung = false;
		is_empty = tend__chan_watch(&s->chan);
	} else {
		is_empty = false;
	}
	if (!is_empty && !s->rung) {
		tend__sys_ring(s->fd);
		s->rung = true;
	}
}

int tend_subscription_next(tend_subscription *subscription, tend_duration timeout, struct tend_event *ret_event)
{
	int r = tend__check_duration(timeout, "timeout", false, NULL);

	if (r < 0 || !subscription || !ret_event)
		return -EINVAL;
	if (!tend__stream_is_ours(subscription->stream))
		return -ECHILD;
	if (timeout != TEND_AT_ONCE && tend__reading() == subscription->stream)
		return -EDEADLK;
	if (!tend__sub_next(subscription, tend__deadline(timeout), ret_event))
		ret_event->kind = TEND_TIMED_OUT; /* only a consumer's subscription is ever cancelled */
	if (subscription->fd >= 0)
		settle_fd(subscription);
	return 0;
}

int tend_subscription_fd(tend_subscription *subscription)
{
	tend_subscription *s = subscription;

	if (!s)
		return -EINVAL;
	if (!tend__stream_is_ours(s->stream))
		return -ECHILD;
	if (s->fd < 0) {
		int fd = tend__sys_eventfd();

		if (fd < 0)
			return fd;
		s->fd = fd;
		tend__parker_set_fd(&s->rx_parker, fd);
		settle_fd(s);
	}
	return s->fd;
}

/* ---- chunks that are kept ---- */

int tend_chunk_ref(const struct tend_chunk *chunk, struct tend_chunk *ret_kept)
{
	if (!chunk || !ret_kept || !chunk->owner)
		return -EINVAL;
	tend__slab_ref(chunk->owner);
	*ret_kept = *chunk;
	return 0;
}

void tend_chunk_unref(struct tend_chunk *kept)
{
	if (!kept || !kept->owner)
		return;
	tend__slab_unref(kept->owner);
	kept->owner = NULL;
	kept->data = NULL;
	kept->size = 0;
}
