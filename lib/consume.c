/* SPDX-License-Identifier: MIT */
/*
 * Problem: run a visitor over a subscription, and let other threads wait for it, cancel it, give up on it when it does
 * not come back, and free it at any moment.
 *
 * Threads: the consumer's own, or the stream's reader; any number of threads with the handle.
 *
 * Invariants
 *   I1  on_end is called exactly once, as the last callback, whatever ended the loop.
 *   I2  `finished` is published after on_end and after the books are closed.
 *   I3  The slot is free before a cancel or a free returns, also while a callback is stuck: detaching needs no help
 *       from the consumer's thread.
 *   I4  The object lives until both the handle and whoever calls the visitor are done with it; the visitor's state
 *       likewise.
 *   I5  Without a thread of its own it is served: by the reader whenever there is something for it, by a canceller
 *       once.  Who serves is whoever raises `owed` from 0; who finds it raised leaves, and the server goes round again
 *       before it gives `owed` back.  So there is one server at a time.  None of them waits for another; that a visitor
 *       waits for one that its own thread is calling is refused (is_running).
 *   I6  The reader finds it in its slot, and takes a reference there; the reference that finish() drops outlives the
 *       grace period of the detach before it.
 *
 * How each blocked thread wakes.  The consumer: chan.c (item, end, cancel).  A waiter: the event that the consumer
 * signals after `finished`, or its deadline.
 *
 * Ordering pairs
 *   (J) the books and the visitor's state, before `finished`.   (V) all uses before the last unref frees it.
 *   (Y) what one server did before what the next one does.
 */
#include "consume.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "clock.h"
#include "error.h"
#include "mem.h"
#include "opts.h"
#include "stream.h"
#include "sub.h"
#include "sys.h"

/* The visitor is the host's code: room for a printf and some buffers.  Only what is touched costs memory. */
#define CONSUMER_STACK ((size_t)512 << 10)

struct tend_consumer {
	_Atomic uint32_t refs;         /* handle, thread or slot, a server */
	tend_subscription *sub;        /* one reference for all of them: dropped at the end */
	bool is_served;                /* it has no thread */
	_Atomic uint32_t owed;         /* then: how many calls of serve() are not answered yet */
	struct tend_visitor visitor;
	void *self;
	void (*destroy)(void *self);
	enum tend__consumer_kind kind;
	_Atomic uint32_t finished;     /* 1: `ending` is valid, the thread calls nobody any more */
	struct tend__event finished_event;
	enum tend_ending ending;
	int read_errno;
	_Atomic uint32_t abandoned;
};

/* Whose visitors this thread runs, so that it is not made to wait for itself: one may end another inside its own. */
struct frame {
	const tend_consumer *consumer;
	const struct frame *outer;
};
static _Thread_local const struct frame *running;

static bool is_running(const tend_consumer *c)
{
	for (const struct frame *f = running; f; f = f->outer)
		if (f->consumer == c)
			return true;
	return false;
}

static void unref(tend_consumer *c)
{
	/* (V) pairs with (V) in unref: all uses before the last one frees it */
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	tend__sub_unref(c->sub);
	if (c->destroy)
		c->destroy(c->self);
	tend__free(c);
}

static bool is_finished(const tend_consumer *c)
{
	/* (J) pairs with (J) in finish: the books and the visitor's state */
	return atomic_load_explicit(&c->finished, memory_order_acquire);
}

/* ---- calling the visitor ---- */

/*
 * Until it has ended, or, TEND_END_NONE, there is nothing more by the deadline.  From give_up_at on it gets nothing
 * more in any case.
 */
static enum tend_ending visit(tend_consumer *c, int64_t deadline, int64_t give_up_at, int *ret_read_errno)
{
	struct tend_event e;

	while (tend__sub_next(c->sub, deadline, &e)) {
		if (give_up_at != TEND__NEVER && tend__now_ns() >= give_up_at)
			tend__chan_cancel(&c->sub->chan, true);
		switch (e.kind) {
		case TEND_TIMED_OUT:
			return TEND_END_NONE;
		case TEND_CHUNK:
			if (c->visitor.on_chunk(c->self, &e.chunk) == TEND_BREAK)
				return TEND_END_BROKE;
			break;
		case TEND_GAP:
			if (c->visitor.on_gap)
				c->visitor.on_gap(c->self, &e.gap);
			break;
		default:
			*ret_read_errno = e.read_errno;
			return e.ending;
		}
	}
	return TEND_END_CANCELLED;
}

static void finish(tend_consumer *c, enum tend_ending ending, int read_errno)
{
	struct tend_end end = { .reason = ending, .read_errno = read_errno };

	c->ending = ending;
	c->read_errno = read_errno;
	tend__sub_detach(c->sub); /* a reliable stream must not wait for one that takes no more */
	tend__sub_settle(c->sub);
	end.offset = tend__sub_offset(c->sub);
	if (c->visitor.on_end)
		c->visitor.on_end(c->self, &end);
	/* (J) pairs with (J) in is_finished */
	atomic_store_explicit(&c->finished, 1, memory_order_release);
	tend__event_signal(&c->finished_event);
	unref(c);
}

static void visit_until(tend_consumer *c, int64_t deadline, int64_t give_up_at)
{
	const struct frame frame = { .consumer = c, .outer = running };
	enum tend_ending ending;
	int read_errno = 0;

	running = &frame;
	ending = visit(c, deadline, give_up_at, &read_errno);
	if (ending != TEND_END_NONE)
		finish(c, ending, read_errno);
	running = frame.outer;
}

static void *run(void *arg)
{
	tend_consumer *c = arg;
	char name[64];

	snprintf(name, sizeof name, "tend-use:%.40s", c->sub->stream->name);
	tend__sys_name_thread(name);
	visit_until(c, TEND__NEVER, TEND__NEVER);
	return NULL;
}

/* The caller has a reference.  A host's thread does not vanish in a callback: nobody would ever serve it again. */
static void serve(tend_consumer *c, int64_t give_up_at)
{
	uint32_t owed;
	int cancel;

	/* (Y) pairs with (Y) in serve: who found it 0 begins where the last one ended */
	if (atomic_fetch_add_explicit(&c->owed, 1, memory_order_acq_rel) > 0)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	do {
		/* (Y) pairs with (Y) in serve: what those who left have put there */
		owed = atomic_load_explicit(&c->owed, memory_order_acquire);
		if (!is_finished(c))
			visit_until(c, 0, give_up_at);
		/* (Y) pairs with (Y) in serve */
	} while (!atomic_compare_exchange_strong_explicit(&c->owed, &owed, 0, memory_order_acq_rel,
	                                                  memory_order_relaxed));
	pthread_setcancelstate(cancel, NULL);
}

static void hold(void *of)
{
	tend_consumer *c = of;

	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

static void serve_held(void *of)
{
	serve(of, TEND__NEVER);
	unref(of);
}

static const struct tend__server server = { .hold = hold, .serve = serve_held };

bool tend_visitor_should_stop(void)
{
	return running && tend__chan_is_cancelled_now(&running->consumer->sub->chan);
}

/* ---- start ---- */

static tend_consumer *make(const struct tend_visitor *visitor, void *self, void (*destroy)(void *),
                           enum tend__consumer_kind kind)
{
	tend_consumer *c = tend__calloc(1, sizeof *c);

	if (!c)
		return NULL;
	atomic_init(&c->refs, 2);
	atomic_init(&c->finished, 0);
	atomic_init(&c->abandoned, 0);
	tend__event_init(&c->finished_event);
	atomic_init(&c->owed, 0);
	c->is_served = visitor->runs_on == TEND_ON_READER;
	c->visitor = *visitor;
	c->self = self;
	c->destroy = destroy;
	c->kind = kind;
	return c;
}

/* The names in tend_stream_subscribers() of those that were not given one. */
static const char *const labels[] = {
	[TEND__USER] = "visitor",
	[TEND__INSPECTOR] = "inspector",
	[TEND__COLLECTOR] = "collector",
	[TEND__WRITER] = "writer",
};

static int subscribe(tend_consumer *c, tend_stream *stream, struct tend_error *err)
{
	struct tend_subscribe how = c->visitor.subscribe;

	if (!how.label)
		how.label = labels[c->kind];
	return tend__subscribe(stream, &how, c->is_served ? &server : NULL, c, &c->sub, err);
}

static int start_thread(tend_consumer *c, tend_stream *stream, struct tend_error *err)
{
	pthread_t thread;
	int r = tend__sys_thread(&thread, CONSUMER_STACK, run, c);

	if (r < 0) {
		tend_subscription_close(c->sub);
		return tend__error_sys(err, r, TEND_STEP_THREAD, stream->name,
		                       "cannot start a consumer thread for stream %s", stream->label);
	}
	pthread_detach(thread);
	return 0;
}

static int start(tend_consumer *c, tend_stream *stream, struct tend_error *err)
{
	int r = subscribe(c, stream, err);

	if (r < 0)
		return r;
	if (c->is_served && !c->sub->ended_before) {
		if (c->sub->had_snapshot)
			tend__stream_command(stream, TEND__SERVE); /* or it would wait for the next chunk */
		return 0;
	}
	c->is_served = false; /* there is no reader any more */
	return start_thread(c, stream, err);
}

int tend__consume(tend_stream *stream, const struct tend_visitor *visitor, void *take_self, void (*destroy)(void *self),
                  enum tend__consumer_kind kind, tend_consumer **ret_consumer, struct tend_error *err)
{
	tend_consumer *c = make(visitor, take_self, destroy, kind);
	int r;

	r = c ? start(c, stream, err)
	      : tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, stream->name, "no memory for a consumer of stream %s",
	                        stream->label);
	if (r < 0) {
		tend__free(c);
		if (destroy)
			destroy(take_self);
		return r;
	}
	*ret_consumer = c;
	return 0;
}

int tend_stream_consume(tend_stream *stream, const struct tend_visitor *visitor, void *self,
                        tend_consumer **ret_consumer, struct tend_error *err)
{
	int r;

	if (!stream || !visitor || !ret_consumer)
		return tend__refuse(err, NULL, !stream ? "stream" : !visitor ? "visitor" : "ret_consumer",
		                    "must not be NULL");
	if (!visitor->on_chunk)
		return tend__refuse(err, stream->name, "visitor.on_chunk", "must not be NULL");
	r = tend__check_runs_on(visitor->runs_on, "visitor.", err);
	return r < 0 ? r : tend__consume(stream, visitor, self, NULL, TEND__USER, ret_consumer, err);
}

void *tend__consumer_self(tend_consumer *consumer, enum tend__consumer_kind kind)
{
	return consumer->kind == kind ? consumer->self : NULL;
}

/* ---- looking and waiting ---- */

static uint64_t figure(const _Atomic uint64_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

void tend__consumer_look(tend_consumer *consumer, struct tend_consumed *ret_consumed)
{
	bool finished = is_finished(consumer);
	const struct tend__books *b = &consumer->sub->books;

	*ret_consumed = (struct tend_consumed){
		.ending = finished ? consumer->ending : TEND_END_NONE,
		.read_errno = finished ? consumer->read_errno : 0,
		.bytes = figure(&b->bytes),
		.chunks = figure(&b->chunks),
		.gaps = figure(&b->gaps),
		.bytes_dropped = figure(&b->bytes_dropped),
		.chunks_dropped = figure(&b->chunks_dropped),
		.first_offset = figure(&b->first_offset),
		.began_late = atomic_load_explicit(&b->began_late, memory_order_relaxed),
	};
	if (!finished && atomic_load_explicit(&consumer->abandoned, memory_order_relaxed))
		ret_consumed->ending = TEND_END_ABANDONED;
}

static bool wait_finished(tend_consumer *c, int64_t deadline)
{
	uint32_t g = tend__event_begin(&c->finished_event);
	bool finished;

	while (!(finished = is_finished(c))) {
		if (deadline == 0 || !tend__event_sleep(&c->finished_event, g, deadline)) {
			finished = is_finished(c);
			break;
		}
		g = tend__event_again(&c->finished_event);
	}
	tend__event_end(&c->finished_event);
	return finished;
}

static int check_call(tend_consumer *c, tend_duration d, const char *field, struct tend_error *err)
{
	if (!c)
		return tend__refuse(err, NULL, "consumer", "must not be NULL");
	if (!tend__stream_is_ours(c->sub->stream))
		return tend__error(err, -ECHILD, TEND_STEP_FORK, c->sub->stream->name,
		                   "the consumer belongs to the process that this one was forked from");
	if (is_running(c))
		return tend__error(err, -EDEADLK, TEND_STEP_CALLBACK, c->sub->stream->name,
		                   "a visitor cannot wait for its own consumer");
	return tend__check_duration(d, field, false, err);
}

/* What only the reader can bring to an end, the reader cannot wait for. */
static int check_wait(const tend_consumer *c, tend_duration timeout, struct tend_error *err)
{
	if (timeout == TEND_AT_ONCE || tend__reading() != c->sub->stream || is_finished(c))
		return 0;
	return tend__error(err, -EDEADLK, TEND_STEP_CALLBACK, c->sub->stream->name,
	                   "a visitor on the reader of stream %s cannot wait for a consumer of that stream",
	                   c->sub->stream->label);
}

int tend_consumer_wait(tend_consumer *consumer, tend_duration timeout, struct tend_consumed *ret_consumed,
                       struct tend_error *err)
{
	int r = check_call(consumer, timeout, "timeout", err);

	if (r == 0)
		r = check_wait(consumer, timeout, err);
	if (r < 0)
		return r;
	wait_finished(consumer, tend__deadline(timeout));
	if (ret_consumed)
		tend__consumer_look(consumer, ret_consumed);
	return 0;
}

static void cancel(tend_consumer *c, tend_duration grace, enum tend_cancel how)
{
	int64_t deadline = tend__deadline(grace);

	/* Nothing is added from here on, so draining comes to an end however fast the child writes. */
	tend__sub_detach(c->sub);
	tend__chan_cancel(&c->sub->chan, how == TEND_CANCEL_NOW);
	if (c->is_served)
		serve(c, deadline);
	if (!wait_finished(c, deadline)) {
		atomic_store_explicit(&c->abandoned, 1, memory_order_relaxed);
		tend__chan_cancel(&c->sub->chan, true);
	}
}

int tend_consumer_cancel(tend_consumer *consumer, tend_duration grace, enum tend_cancel how,
                         struct tend_consumed *ret_consumed, struct tend_error *err)
{
	int r = check_call(consumer, grace, "grace", err);

	if (r < 0)
		return r;
	if (how != TEND_CANCEL_DRAIN && how != TEND_CANCEL_NOW)
		return tend__refuse(err, NULL, "how", "is %d, not TEND_CANCEL_DRAIN or TEND_CANCEL_NOW", (int)how);
	hold(consumer); /* on_end may free the handle, on this very thread */
	cancel(consumer, grace, how);
	if (ret_consumed)
		tend__consumer_look(consumer, ret_consumed);
	unref(consumer);
	return 0;
}

bool tend_consumer_is_finished(const tend_consumer *consumer)
{
	return is_finished(consumer);
}

tend_consumer *tend_consumer_free(tend_consumer *consumer)
{
	if (!consumer)
		return NULL;
	/*
	 * In a forked child the consumer's thread does not exist, and what it shared may be half changed: left as it
	 * is.
	 */
	if (!tend__stream_is_ours(consumer->sub->stream))
		return NULL;
	tend__sub_detach(consumer->sub); /* first: who is cancelled must find no producer any more (finish) */
	tend__chan_cancel(&consumer->sub->chan, true);
	if (consumer->is_served)
		serve(consumer, TEND__NEVER);
	unref(consumer);
	return NULL;
}

void tend_consumer_auto(tend_consumer **consumer)
{
	*consumer = tend_consumer_free(*consumer);
}

static const char *const ending_names[] = {
	[TEND_END_NONE] = "none",           [TEND_END_EOF] = "eof",
	[TEND_END_READ_ERROR] = "read-error", [TEND_END_DETACHED] = "detached",
	[TEND_END_CANCELLED] = "cancelled", [TEND_END_BROKE] = "broke",
	[TEND_END_ABANDONED] = "abandoned", [TEND_END_STALLED] = "stalled",
};

const char *tend_ending_name(enum tend_ending ending)
{
	size_t i = (size_t)ending;

	return i < sizeof ending_names / sizeof *ending_names ? ending_names[i] : "unknown";
}
