/* SPDX-License-Identifier: MIT */
/*
 * The life of a stream object: made with its reader, told to drain or to stop, freed when the last of owner, reader and
 * subscriptions is done with it.
 */
#include "stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "mem.h"
#include "opts.h"
#include "rcu.h"
#include "reader.h"
#include "sub.h"
#include "sys.h"

/*
 * Unused slabs that a busy stream keeps for its next reads: as many as a consumer of the default depth leaves when it
 * has caught up.  With 4 the allocator gave pages back to the kernel and got new ones all the time: a tenth of the
 * throughput.
 */
#define CACHED_SLABS 16
#define BROADCAST_SLOTS 4

void tend__stream_ref(tend_stream *stream)
{
	atomic_fetch_add_explicit(&stream->refs, 1, memory_order_relaxed);
}

static void destroy(tend_stream *st)
{
	tend__replay_fini(&st->replay);
	tend__slots_fini(&st->slots);
	if (st->pool)
		tend__pool_unref(st->pool);
	tend__lock_destroy(&st->lock);
	tend__sys_close(st->wake_fd);
	tend__free(st);
}

void tend__stream_unref(tend_stream *stream)
{
	/* (N) pairs with (N) in tend__stream_unref: all uses before the last one frees it */
	if (atomic_fetch_sub_explicit(&stream->refs, 1, memory_order_acq_rel) == 1)
		destroy(stream);
}

bool tend__stream_is_ours(const tend_stream *stream)
{
	return stream->fork_generation == tend__fork_generation();
}

static void init(tend_stream *st, int fd, const struct tend_stream_options *options, const char *label,
                 const char *name)
{
	int size = 0;

	st->options = *options;
	snprintf(st->label, sizeof st->label, "%s", label);
	snprintf(st->name, sizeof st->name, "%s", name);
	st->fork_generation = tend__fork_generation();
	st->fd = fd;
	st->wake_fd = -1;
	st->has_reader = fd >= 0;
	st->pipe_inode = tend__sys_pipe_inode(fd);
	if (st->pipe_inode)
		size = tend__sys_pipe_size(fd);
	else
		st->is_pty_master = tend__sys_is_pty_master(fd);
	atomic_init(&st->pipe_size, size > 0 ? (uint64_t)size : 0);
	atomic_init(&st->refs, 1);
	atomic_init(&st->control, 0);
	atomic_init(&st->keep_fd, 0);
	atomic_init(&st->gone, 0);
	atomic_init(&st->last_read_ns, 0);
	st->drain_idle_ns = st->drain_deadline = TEND__NEVER;
	tend__event_init(&st->gone_event);
	tend__parker_init(&st->tx_parker);
	tend__lock_init(&st->lock, TEND__RANK_STREAM);
	tend__replay_init(&st->replay, &options->replay, options->read_chunk_size);
}

/* What can fail; the stream owns what was made, and destroy() frees it. */
static int equip(tend_stream *st, bool nonblock, struct tend_error *err)
{
	uint32_t slots = st->options.backend == TEND_SINGLE_SUBSCRIBER ? 1 : BROADCAST_SLOTS;
	int r;

	st->pool = tend__pool_new((uint32_t)st->options.read_chunk_size, CACHED_SLABS);
	if (!st->pool || tend__slots_init(&st->slots, slots) < 0)
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, st->name, "no memory for stream %s",
		                       st->label);
	st->wake_fd = tend__sys_eventfd();
	if (st->wake_fd < 0)
		return tend__error_sys(err, st->wake_fd, TEND_STEP_PIPE, st->name,
		                       "cannot make the eventfd of stream %s", st->label);
	if (nonblock) {
		r = tend__sys_set_nonblock(st->fd);
		if (r < 0)
			return tend__error_sys(err, r, TEND_STEP_PIPE, st->name, "cannot set O_NONBLOCK on stream %s",
			                       st->label);
		st->nonblock = true;
	}
	return 0;
}

int tend__stream_new(int take_fd, bool nonblock, const struct tend_stream_options *options, const char *label,
                     const char *name, tend_stream **ret_stream, struct tend_error *err)
{
	tend_stream *st;
	int r = tend__rcu_setup();

	st = r < 0 ? NULL : tend__aligned_calloc(64, sizeof *st);
	if (!st) {
		tend__sys_close(take_fd);
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, name, "no memory for stream %s", label);
	}
	init(st, take_fd, options, label, name);
	r = equip(st, nonblock, err);
	if (r == 0)
		r = tend__reader_start(st, err);
	if (r < 0) {
		tend__sys_close(take_fd);
		destroy(st);
		return r;
	}
	*ret_stream = st;
	return 0;
}

int tend__stream_new_discarded(const char *label, const char *name, tend_stream **ret_stream, struct tend_error *err)
{
	static const struct tend_stream_options options = {
		.backend = TEND_DISCARDED, .delivery = TEND_RELIABLE, .overflow = TEND_DROP_NEWEST,
		.replay = { .kind = TEND_RETAIN_NONE },
	};
	tend_stream *st = tend__rcu_setup() < 0 ? NULL : tend__aligned_calloc(64, sizeof *st);

	if (st) {
		init(st, -1, &options, label, name);
		if (tend__slots_init(&st->slots, 1) < 0) {
			destroy(st);
			st = NULL;
		}
	}
	if (!st)
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, name, "no memory for stream %s", label);
	st->ended = true;
	st->terminal.ending = TEND_END_EOF;
	atomic_init(&st->gone, 1);
	*ret_stream = st;
	return 0;
}

int tend_stream_open(int take_fd, const struct tend_stream_options *options, const char *label,
                     tend_stream **ret_stream, struct tend_error *err)
{
	int r;

	if (!options || !ret_stream)
		r = tend__refuse(err, label, options ? "ret_stream" : "options", "must not be NULL");
	else
		r = tend__check_stream_options(options, "", err);
	if (r == 0) {
		r = tend__sys_check_readable(take_fd);
		if (r < 0)
			tend__error_sys(err, r, TEND_STEP_OPTIONS, label, "take_fd %d cannot be read", take_fd);
	}
	if (r < 0) {
		tend__sys_close(take_fd);
		return r;
	}
	if (!label)
		label = "";
	return tend__stream_new(take_fd, false, options, label, label, ret_stream, err);
}

static _Thread_local const tend_stream *reading;

const tend_stream *tend__reading(void)
{
	return reading && tend__stream_is_ours(reading) ? reading : NULL; /* not in a fork of the host that it made */
}

void tend__set_reading(const tend_stream *stream)
{
	reading = stream;
}

void tend__stream_command(tend_stream *stream, uint32_t command)
{
	/* (K) pairs with (K) in look_at_commands, (K) in wait_for_room, and (K) in step */
	atomic_fetch_or_explicit(&stream->control, command, memory_order_release);
	tend__unpark(&stream->tx_parker);
	tend__sys_ring(stream->wake_fd);
}

void tend__stream_drain(tend_stream *stream, int64_t idle_ns, int64_t deadline)
{
	bool changes;

	if (!stream->has_reader)
		return;
	tend__lock(&stream->lock);
	changes = !stream->drain_asked || idle_ns < stream->drain_idle_ns || deadline < stream->drain_deadline;
	stream->drain_asked = true;
	if (idle_ns < stream->drain_idle_ns)
		stream->drain_idle_ns = idle_ns;
	if (deadline < stream->drain_deadline)
		stream->drain_deadline = deadline;
	tend__unlock(&stream->lock);
	if (changes) {
		atomic_fetch_add_explicit(&stream->control, TEND__DRAIN_CHANGED, memory_order_relaxed);
		tend__stream_command(stream, TEND__DRAIN);
	}
}

static bool is_gone(tend_stream *stream)
{
	/* (D) pairs with (D) in tend__reader_gone: the descriptor is closed, the end is recorded */
	return atomic_load_explicit(&stream->gone, memory_order_acquire);
}

bool tend__stream_wait_gone(tend_stream *stream, int64_t deadline)
{
	uint32_t g = tend__event_begin(&stream->gone_event);
	bool gone;

	while (!(gone = is_gone(stream))) {
		if (!tend__event_sleep(&stream->gone_event, g, deadline)) {
			gone = is_gone(stream);
			break;
		}
		g = tend__event_again(&stream->gone_event);
	}
	tend__event_end(&stream->gone_event);
	return gone;
}

void tend__stream_watch_activity(tend_stream *stream)
{
	atomic_store_explicit(&stream->last_read_ns, tend__now_ns(), memory_order_relaxed);
}

int64_t tend__stream_last_read(const tend_stream *stream)
{
	return atomic_load_explicit(&stream->last_read_ns, memory_order_relaxed);
}

int tend__stream_take_fd(tend_stream *stream)
{
	int fd;

	if (!stream->has_reader)
		return -1;
	atomic_store_explicit(&stream->keep_fd, 1, memory_order_relaxed); /* the command orders it */
	tend__stream_command(stream, TEND__ABORT);
	tend__stream_wait_gone(stream, TEND__NEVER);
	fd = stream->fd;
	stream->fd = -1;
	return fd;
}

void tend__stream_close(tend_stream *stream, bool join)
{
	if (stream->has_reader && tend__stream_is_ours(stream)) {
		tend__stream_command(stream, TEND__ABORT);
		if (join && !tend__reading()) /* no reader waits for a reader, itself or another */
			tend__sys_join(stream->thread);
		else
			pthread_detach(stream->thread);
	}
	tend__stream_unref(stream);
}

tend_stream *tend_stream_free(tend_stream *stream)
{
	if (stream)
		tend__stream_close(stream, true);
	return NULL;
}

void tend_stream_auto(tend_stream **stream)
{
	*stream = tend_stream_free(*stream);
}

int tend_stream_seal_replay(tend_stream *stream)
{
	if (!stream)
		return -EINVAL;
	if (!tend__stream_is_ours(stream))
		return -ECHILD;
	tend__lock(&stream->lock);
	tend__replay_seal(&stream->replay);
	tend__unlock(&stream->lock);
	return 0;
}

static uint64_t figure(const _Atomic uint64_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

static int64_t stalled_ns(const tend_subscription *s, int64_t now)
{
	int64_t since = atomic_load_explicit(&s->stalled_since, memory_order_relaxed);

	return since == 0 ? 0 : now > since ? now - since : 1;
}

/* [locked] What its subscriptions add up to. */
static void sum_up(const tend_stream *stream, struct tend_stream_stats *s)
{
	int64_t now = tend__now_ns();

	s->bytes_delivered = stream->past.bytes;
	s->chunks_delivered = stream->past.chunks;
	s->gaps = stream->past.gaps;
	s->high_water = stream->past.high_water;
	for (const tend_subscription *sub = stream->subscriptions; sub; sub = sub->older) {
		uint32_t high_water = atomic_load_explicit(&sub->high_water, memory_order_relaxed);
		int64_t stalled = stalled_ns(sub, now);

		s->bytes_delivered += figure(&sub->books.bytes);
		s->chunks_delivered += figure(&sub->books.chunks);
		s->gaps += figure(&sub->books.gaps);
		if (s->high_water < high_water)
			s->high_water = high_water;
		s->stalling += stalled > 0;
		if (s->stalled_ns < stalled) {
			s->stalled_ns = stalled;
			memcpy(s->stalled_label, sub->label, sizeof s->stalled_label);
		}
	}
}

static struct tend__lock *lock_of(const tend_stream *stream)
{
	return &((tend_stream *)(uintptr_t)stream)->lock;
}

static void describe(const tend_subscription *sub, int64_t now, struct tend_subscriber_stats *ret)
{
	size_t fill = tend__chan_fill(&sub->chan);

	*ret = (struct tend_subscriber_stats){
		.delivery = atomic_load_explicit(&sub->lossy, memory_order_relaxed) ? TEND_LOSSY : TEND_RELIABLE,
		.buffered = fill < sub->chan.capacity ? fill : sub->chan.capacity,
		.max_buffered = sub->chan.capacity,
		.high_water = atomic_load_explicit(&sub->high_water, memory_order_relaxed),
		.bytes_delivered = figure(&sub->books.bytes),
		.chunks_delivered = figure(&sub->books.chunks),
		.gaps = figure(&sub->books.gaps),
		.bytes_dropped = figure(&sub->books.bytes_dropped),
		.chunks_dropped = figure(&sub->books.chunks_dropped),
		.stalled_ns = stalled_ns(sub, now),
	};
	memcpy(ret->label, sub->label, sizeof ret->label);
}

size_t tend_stream_subscribers(const tend_stream *stream, struct tend_subscriber_stats *ret, size_t room)
{
	int64_t now = tend__now_ns();
	size_t n = 0;

	if (!tend__stream_is_ours(stream))
		return 0;
	tend__lock(lock_of(stream));
	for (const tend_subscription *sub = stream->subscriptions; sub; sub = sub->older, n++)
		if (n < room)
			describe(sub, now, &ret[n]);
	tend__unlock(lock_of(stream));
	return n;
}

struct tend_stream_stats tend_stream_stats(const tend_stream *stream)
{
	struct tend_stream_stats s = {
		.pipe_size = (size_t)figure(&stream->pipe_size),
		.replay_enabled = stream->options.replay.kind != TEND_RETAIN_NONE,
	};
	bool is_ours = tend__stream_is_ours(stream);

	if (is_ours)
		tend__lock(lock_of(stream));
	/* Under the lock, as the end is: with that they are final. */
	s.bytes_read = figure(&stream->bytes_read);
	s.chunks_read = figure(&stream->chunks_read);
	s.bytes_dropped = figure(&stream->bytes_dropped);
	s.chunks_dropped = figure(&stream->chunks_dropped);
	s.bytes_pinned = stream->pool ? tend__pool_bytes(stream->pool) : 0;
	if (!is_ours)
		return s;
	sum_up(stream, &s);
	s.bytes_retained = stream->replay.bytes;
	s.chunks_retained = stream->replay.chunks;
	s.replay_sealed = stream->replay.sealed;
	s.subscribers = stream->slots.used;
	if (stream->ended) {
		s.end = (enum tend_ending)stream->terminal.ending;
		s.read_errno = stream->terminal.error;
	}
	tend__unlock(lock_of(stream));
	return s;
}

const struct tend_stream_options *tend_stream_options(const tend_stream *stream)
{
	return &stream->options;
}

const char *tend_stream_label(const tend_stream *stream)
{
	return stream->label;
}
