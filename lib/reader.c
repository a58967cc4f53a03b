/* SPDX-License-Identifier: MIT */
/*
 * Problem: read a pipe to its end as fast as the child writes, give every chunk to every subscriber that there is at
 * that moment, and be stoppable wherever it waits.
 *
 * Threads: one reader per stream; all functions here run on it but the first.
 *
 * Invariants
 *   I1  Record before publish: a chunk is given to replay under the stream's lock, then offered (publish.c, sub.c I1).
 *   I2  The reader blocks in two places, poll and the park; before either it has woken all its consumers and is
 *       offline for RCU.  It leaves poll for bytes, the wake eventfd or a drain's deadline; it leaves the park for
 *       room in, or the close of, any channel that was full, a new command, the drain's deadline or a stall's.
 *   I3  Every way out leads through finish(): the end is recorded, then all channels are finished, then the
 *       descriptor is closed, by this thread alone, then `gone` is signalled.
 *
 * Ordering pairs
 *   (K) the control word: see stream.c.      (D) `gone`: see stream.c.
 *
 * Not promised: that a chunk is as large as read_chunk_size, or that chunk borders mean anything.
 */
#include "reader.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "probe.h"
#include "procfs.h"
#include "publish.h"
#include "rcu.h"
#include "stream.h"
#include "sys.h"

/* For visitors that asked for it.  Only what is touched costs memory. */
#define READER_STACK ((size_t)256 << 10)
/* After so many bytes without a pause the pipe is made bigger, which is worth 2 to 3 times the throughput in bulk. */
#define BURST_TO_GROW (512 << 10)
#define BIG_PIPE (1 << 20)
/*
 * Who has written less than this at a time was read empty, and is asked by poll(2), which waits as well, before the
 * next read(2): one system call less for each small message.
 */
#define SMALL (4 << 10)
/* As much of its slabs an idle stream may keep, so that small messages need no timer. */
#define FEW (16 << 10)
/* What is beyond that it keeps no longer than this. */
#define IDLE_TRIM_NS (50 * INT64_C(1000000))

struct reader {
	tend_stream *st;
	struct tend__publisher pub;
	uint32_t commands;      /* as last looked at */
	struct tend__slab *slab;/* being filled */
	uint32_t fill;
	int32_t before;         /* the last byte read */
	uint64_t offset, sequence;
	uint64_t burst;         /* bytes since the last pause of IDLE_TRIM_NS, or since it has had much */
	bool may_grow;
	bool has_much;          /* more than FEW bytes of slabs have been written since it was trimmed last */
	bool readable;          /* poll said so */
	bool polls_first;       /* nothing to read is expected: it has no slab, or has just taken all of a little */
	/* drain */
	bool draining;
	int64_t idle_ns, idle_deadline, total_deadline;
	bool last_take;         /* the total is over: only what is in the pipe now */
	uint64_t last_left;
	/* the way out */
	bool done;
	enum tend_ending ending;
	int error;
	bool cut;               /* the publication of the last chunk was broken off */
};

static void leave(struct reader *r, enum tend_ending ending, int error)
{
	r->done = true;
	r->ending = ending;
	r->error = error;
}

/* ---- publishing ---- */

static void look_at_commands(struct reader *r);

/*
 * Sleeps until one of those that had no room has some, or is gone, or there is a command.  None of them is touched
 * here, so none needs a reference; a command that comes after the look leaves a token in the parker.
 */
static void wait_for_room(struct reader *r)
{
	tend_stream *st = r->st;
	int64_t deadline = r->draining ? r->total_deadline : TEND__NEVER;

	TEND__PROBE(full__begin, st->name, st->label);
	tend__publish_wake(&r->pub, true);
	tend__publish_offline(&r->pub);
	/* (K) pairs with (K) in tend__stream_command */
	if (atomic_load_explicit(&st->control, memory_order_acquire) == r->commands)
		tend__park(&st->tx_parker, deadline < r->pub.stall_deadline ? deadline : r->pub.stall_deadline);
	TEND__PROBE(full__end, st->name, st->label);
	look_at_commands(r);
	if (!r->done && r->draining && tend__now_ns() >= r->total_deadline)
		leave(r, TEND_END_DETACHED, 0);
}

static void publish(struct reader *r)
{
	while (!tend__publish_offer(&r->pub)) {
		wait_for_room(r);
		if (r->done) {
			r->cut = true;
			return;
		}
	}
	tend__publish_done(&r->pub);
}

static int record(struct reader *r)
{
	tend_stream *st = r->st;
	int e;

	if (st->options.replay.kind == TEND_RETAIN_NONE)
		return 0;
	tend__lock(&st->lock);
	st->recorded_offset = r->offset;
	st->recorded_sequence = r->sequence;
	e = tend__replay_append(&st->replay, &r->pub.item);
	tend__unlock(&st->lock);
	return e;
}

/* ---- commands ---- */

static void start_drain(struct reader *r)
{
	tend_stream *st = r->st;

	r->draining = true;
	tend__lock(&st->lock);
	r->idle_ns = st->drain_idle_ns;
	r->total_deadline = st->drain_deadline;
	tend__unlock(&st->lock);
	r->idle_deadline = tend__after(tend__now_ns(), r->idle_ns);
}

static void look_at_commands(struct reader *r)
{
	uint32_t old = r->commands;
	/* (K) pairs with (K) in tend__stream_command: what the command means */
	uint32_t now = atomic_fetch_and_explicit(&r->st->control, ~(uint32_t)TEND__SERVE, memory_order_acquire);

	r->commands = now & ~(uint32_t)TEND__SERVE;
	if (now & TEND__ABORT)
		leave(r, TEND_END_DETACHED, 0);
	else if (r->commands != old)
		start_drain(r); /* or a more hurried one than before */
	if (!r->done && now & TEND__SERVE)
		tend__publish_serve(&r->pub);
}

/* Bytes, or the end. */
static bool has_more(struct reader *r)
{
	struct pollfd p = { .fd = r->st->fd, .events = POLLIN };

	tend__publish_offline(&r->pub);
	return tend__sys_poll(&p, 1, 0) > 0;
}

/*
 * The total is over: what is in the pipe at this moment is still taken, and so is its end, as completion goes before
 * a deadline.
 */
static void check_total(struct reader *r)
{
	int n;

	if (!r->draining || r->last_take || tend__now_ns() < r->total_deadline)
		return;
	n = tend__sys_readable(r->st->fd);
	r->last_take = true;
	r->last_left = n > 0 ? (uint64_t)n : 0;
	if (r->last_left == 0 && !has_more(r))
		leave(r, TEND_END_DETACHED, 0);
}

/* `n` bytes of the last take have been given out.  Behind all of them there is one more read, for the end. */
static void go_on_with_last_take(struct reader *r, uint64_t n)
{
	bool was_end_sought = r->last_left == 0;

	r->last_left -= was_end_sought ? 0 : n;
	if (was_end_sought || (r->last_left == 0 && !has_more(r)))
		leave(r, TEND_END_DETACHED, 0);
}

/* ---- waiting for bytes ---- */

static void trim(struct reader *r)
{
	if (r->slab && tend__slab_is_sole(r->slab)) {
		tend__slab_unref(r->slab);
		r->slab = NULL;
		r->fill = 0;
	}
	tend__pool_trim(r->st->pool);
	r->polls_first = true;
	r->has_much = false;
	r->burst = 0;
}

static int64_t patience(const struct reader *r)
{
	if (r->draining)
		return r->idle_deadline < r->total_deadline ? r->idle_deadline : r->total_deadline;
	return r->has_much ? tend__after(tend__now_ns(), IDLE_TRIM_NS) : TEND__NEVER;
}

static void wait_for_bytes(struct reader *r)
{
	tend_stream *st = r->st;
	struct pollfd p[2] = { { .fd = st->fd, .events = POLLIN }, { .fd = st->wake_fd, .events = POLLIN } };
	int n;

	tend__publish_wake(&r->pub, false);
	tend__publish_offline(&r->pub);
	n = tend__sys_poll(p, 2, patience(r));
	r->readable = n > 0 && p[0].revents;
	if (n > 0 && p[1].revents)
		tend__sys_unring(st->wake_fd);
	if (n < 0)
		leave(r, TEND_END_READ_ERROR, -n);
	else if (n == 0 && r->draining)
		leave(r, TEND_END_DETACHED, 0);
	else if (n == 0)
		trim(r);
}

/* ---- reading ---- */

/* Room to read into, never 0: a read of 0 bytes would look like the end. */
static bool get_slab(struct reader *r)
{
	uint32_t least = (uint32_t)(r->st->options.read_chunk_size / 4);

	if (r->slab && r->fill && tend__slab_is_sole(r->slab))
		r->fill = 0;
	if (r->slab && r->slab->capacity - r->fill < (least ? least : 1)) {
		tend__slab_unref(r->slab);
		r->slab = NULL;
	}
	if (!r->slab) {
		r->slab = tend__slab_new(r->st->pool);
		r->fill = 0;
	}
	return r->slab;
}

/* Refused once (an unprivileged user's quota is used up: EPERM), not asked again. */
static void grow_pipe(struct reader *r)
{
	tend_stream *st = r->st;
	int size;

	if (!r->may_grow || r->burst < BURST_TO_GROW)
		return;
	r->may_grow = false;
	size = tend__sys_set_pipe_size(st->fd, BIG_PIPE);
	if (size > 0)
		atomic_store_explicit(&st->pipe_size, (uint64_t)size, memory_order_relaxed);
}

static void count(_Atomic uint64_t *figure, uint64_t n)
{
	atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + n, memory_order_relaxed);
}

static void take(struct reader *r, uint32_t n)
{
	tend_stream *st = r->st;
	bool recorded;

	TEND__PROBE(read, st->name, st->label, n, r->offset);
	tend__publish_online(&r->pub);
	r->pub.item = (struct tend__item){
		.slab = r->slab,
		.at = r->fill,
		.size = n,
		.offset = r->offset,
		.sequence = r->sequence,
		.count = 1,
		.before = r->before,
	};
	r->before = r->slab->data[r->fill + n - 1];
	r->fill += n;
	r->offset += n;
	r->sequence++;
	if (r->draining)
		r->idle_deadline = tend__after(tend__now_ns(), r->idle_ns);
	count(&st->bytes_read, n);
	count(&st->chunks_read, 1);
	recorded = record(r) == 0;
	publish(r);
	if (!recorded && !r->done)
		leave(r, TEND_END_READ_ERROR, ENOMEM); /* the history would have a hole */
}

/*
 * A descriptor that is not O_NONBLOCK may be read by others, who take what poll promised us; and a file on a hung
 * server blocks in any case.  So this one is read offline, and, where the kernel can, without waiting.
 */
static ssize_t read_now(struct reader *r, void *p, size_t n)
{
	if (r->st->nonblock)
		return tend__sys_read(r->st->fd, p, n);
	tend__publish_offline(&r->pub);
	return tend__sys_read_no_wait(r->st->fd, p, n);
}

static void read_some(struct reader *r)
{
	size_t room;
	ssize_t n;

	if (!get_slab(r)) {
		leave(r, TEND_END_READ_ERROR, ENOMEM);
		return;
	}
	room = r->slab->capacity - r->fill;
	if (r->last_take && r->last_left && room > r->last_left)
		room = (size_t)r->last_left;
	n = read_now(r, r->slab->data + r->fill, room);
	r->readable = false;
	if (n == -EAGAIN && r->last_take) {
		leave(r, TEND_END_DETACHED, 0); /* somebody else took them */
		return;
	}
	if (n == -EAGAIN) {
		wait_for_bytes(r);
		return;
	}
	if (n == -EIO && r->st->is_pty_master)
		n = 0; /* every slave side is closed; elsewhere it is an error: the background reads a terminal */
	if (n <= 0) {
		leave(r, n == 0 ? TEND_END_EOF : TEND_END_READ_ERROR, (int)-n);
		return;
	}
	if (atomic_load_explicit(&r->st->last_read_ns, memory_order_relaxed))
		atomic_store_explicit(&r->st->last_read_ns, tend__now_ns(), memory_order_relaxed);
	r->polls_first = n < SMALL && (size_t)n < room;
	r->has_much |= r->fill + (uint64_t)n > FEW;
	r->burst = r->has_much ? r->burst + (uint64_t)n : 0;
	grow_pipe(r);
	take(r, (uint32_t)n);
	if (r->last_take && !r->done)
		go_on_with_last_take(r, (uint64_t)n);
}

static void step(struct reader *r)
{
	/* (K) pairs with (K) in tend__stream_command; the wake-up that comes with it makes the reader look again */
	if (atomic_load_explicit(&r->st->control, memory_order_acquire) != r->commands)
		look_at_commands(r);
	if (!r->done)
		check_total(r);
	if (r->done)
		return;
	if (r->readable || r->last_take || (r->st->nonblock && !r->polls_first))
		read_some(r);
	else
		wait_for_bytes(r); /* at the start and when idle: nothing is allocated before there are bytes */
}

/* ---- the end ---- */

static void tend__reader_gone(tend_stream *st)
{
	if (!atomic_load_explicit(&st->keep_fd, memory_order_relaxed)) {
		tend__sys_close(st->fd);
		st->fd = -1;
	}
	/* (D) pairs with (D) in is_gone: the descriptor is closed, the end is recorded */
	atomic_store_explicit(&st->gone, 1, memory_order_release);
	tend__event_signal(&st->gone_event);
}

static void finish(struct reader *r)
{
	tend_stream *st = r->st;
	struct tend__terminal t = {
		.ending = (int32_t)r->ending, .error = r->error, .offset = r->offset, .sequence = r->sequence
	};

	TEND__PROBE(stream__end, st->name, st->label, r->ending, r->error, r->offset);
	tend__publish_online(&r->pub);
	tend__lock(&st->lock);
	st->ended = true; /* before the slots are walked: sub.c I2 */
	st->terminal = t;
	tend__unlock(&st->lock);
	tend__publish_finish(&r->pub, &t, r->cut);
	if (r->slab)
		tend__slab_unref(r->slab);
	tend__pool_ref(st->pool); /* the stream's own, for its figures */
	tend__pool_close(st->pool);
	/*
	 * Before the descriptor is closed: who writes next gets SIGPIPE, and may be gone when somebody asks who it
	 * was.
	 */
	if (r->ending == TEND_END_DETACHED && r->draining)
		st->n_held_by = tend__procfs_holders(st->pipe_inode, st->held_by);
	if (r->ending == TEND_END_READ_ERROR)
		tend__log(TEND_LOG_WARNING, "read-error", st->name, 0, "reading %s failed with errno %d",
		          st->label, r->error);
	tend__reader_gone(st);
	tend__stream_unref(st);
}

static void name_thread(const tend_stream *st)
{
	const char *short_label = st->label;
	char name[64];

	short_label += strncmp(short_label, "std", 3) == 0 ? 3 : 0;
	snprintf(name, sizeof name, "tend-%.8s:%.40s", short_label, st->name);
	tend__sys_name_thread(name);
}

static void *run(void *arg)
{
	tend_stream *st = arg;
	struct reader r = {
		.st = st, .pub.st = st, .before = -1, .may_grow = st->pipe_inode != 0, .polls_first = true
	};

	name_thread(st);
	tend__set_reading(st);
	while (!r.done)
		step(&r);
	finish(&r);
	return NULL;
}

int tend__reader_start(tend_stream *stream, struct tend_error *err)
{
	int r;

	tend__stream_ref(stream);
	r = tend__sys_thread(&stream->thread, READER_STACK, run, stream);
	if (r < 0) {
		tend__stream_unref(stream);
		return tend__error_sys(err, r, TEND_STEP_THREAD, stream->name, "cannot start the reader of stream %s",
		                       stream->label);
	}
	return 0;
}
