/* SPDX-License-Identifier: MIT */
/*
 * One call for all of it: collect, wait, stop when the time is over, drain, and hand back everything there is.
 *
 * Nothing here waits without a bound of its own: the exit until the time-out, the stop until its plan's end, the
 * drain until its total; collectors end with their streams, and never block.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "collect.h"
#include "error.h"
#include "input.h"
#include "mem.h"
#include "opts.h"
#include "process.h"
#include "stream.h"
#include "survivors.h"

/* One stream of the process in the course of the call. */
struct side {
	tend_stream *stream;        /* NULL: none */
	const struct tend_collect *collect;
	const char *field;
	struct tend__kept *kept;    /* the collector, NULL: nothing to collect */
	struct tend_output_result *result;
};

/* ---- collectors ---- */

static void free_kept(struct tend__kept *kept)
{
	if (kept)
		tend_consumer_free(kept->consumer);
	tend__free(kept);
}

static int start_collector(tend_process *p, struct side *s, struct tend_error *err)
{
	int r;

	if (s->collect->kind == TEND_COLLECTION_NONE)
		return 0;
	if (!s->stream)
		return tend__refuse(err, p->name, s->field, "asks to collect, but this output is no stream");
	s->kept = tend__calloc(1, sizeof *s->kept);
	if (!s->kept)
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, p->name, "no memory to collect");
	r = tend_stream_collect(s->stream, s->collect, &s->kept->consumer, err);
	if (r < 0) {
		tend__free(s->kept);
		s->kept = NULL;
	}
	return r;
}

static int start_collectors(tend_process *p, struct side sides[2], struct tend_error *err)
{
	int r = start_collector(p, &sides[0], err);

	if (r == 0)
		r = start_collector(p, &sides[1], err);
	if (r < 0)
		free_kept(sides[0].kept); /* its slot is free when the call returns */
	return r;
}

/* What was collected is the process's from here on. */
static void keep(tend_process *p, struct side *s)
{
	struct tend_collected *c = &s->result->collected;

	if (!s->kept)
		return;
	tend_consumer_collected(s->kept->consumer, c, NULL);
	s->kept->what = c->owner = s->kept->consumer;
	tend__lock(&p->lock);
	s->kept->next = p->kept;
	p->kept = s->kept;
	tend__unlock(&p->lock);
}

static struct tend__kept *take_kept(tend_process *p, const void *what)
{
	struct tend__kept **at, *found = NULL;

	tend__lock(&p->lock);
	for (at = &p->kept; *at; at = &(*at)->next) {
		if ((*at)->what == what) {
			found = *at;
			*at = found->next;
			break;
		}
	}
	tend__unlock(&p->lock);
	return found;
}

static void clear(struct tend_collected *c, tend_process *p)
{
	if (c->owner)
		free_kept(take_kept(p, c->owner));
	memset(c, 0, sizeof *c);
}

void tend_result_clear(struct tend_result *result, tend_process *process)
{
	if (!result || !process || !tend__process_is_ours(process))
		return;
	clear(&result->out.collected, process);
	clear(&result->err.collected, process);
}

/* ---- the two ways out ---- */

/* The child is gone: its streams are read to their end, or until the drain has run out. */
static void drain(struct side sides[2], const struct tend_drain *d)
{
	int64_t total = tend__deadline(d->total);

	for (int i = 0; i < 2; i++)
		if (sides[i].stream)
			tend__stream_drain(sides[i].stream, tend__span_ns(d->idle), total);
	for (int i = 0; i < 2; i++)
		if (sides[i].stream)
			tend__stream_wait_gone(sides[i].stream, TEND__NEVER);
	for (int i = 0; i < 2; i++)
		if (sides[i].kept)
			tend_consumer_wait(sides[i].kept->consumer, TEND_FOREVER, NULL, NULL);
}

/* The child runs on, and so do its streams; what is buffered for the collectors is still taken. */
static void break_off(struct side sides[2])
{
	for (int i = 0; i < 2; i++)
		if (sides[i].kept)
			tend_consumer_cancel(sides[i].kept->consumer, TEND_FOREVER, TEND_CANCEL_DRAIN, NULL, NULL);
}

static void report_side(tend_process *p, struct side *s)
{
	struct tend_stream_stats stats;

	keep(p, s);
	if (!s->stream)
		return;
	stats = tend_stream_stats(s->stream);
	s->result->is_discarded = !s->stream->has_reader;
	s->result->end = stats.end;
	s->result->read_errno = stats.read_errno;
	s->result->bytes = stats.bytes_read;
	s->result->chunks = stats.chunks_read;
	if (stats.end == TEND_END_DETACHED) {
		s->result->n_held_by = s->stream->n_held_by;
		memcpy(s->result->held_by, s->stream->held_by, sizeof s->result->held_by);
	}
}

static enum tend_outcome run_out_of_time(tend_process *p, const struct tend_stop *plan,
                                         struct tend_stop_report *ret_report)
{
	struct tend__stop_waiter waiter;

	if (!plan)
		return TEND_STILL_RUNNING;
	tend__process_begin_stop(p, plan, false, &waiter);
	tend__process_await_stop(p, &waiter, TEND__NEVER);
	*ret_report = waiter.report;
	return ret_report->outcome < TEND_STOP_SURVIVORS ? TEND_STOPPED : TEND_NOT_STOPPED;
}

/* The time was over, and there was nothing left to stop. */
static bool ended_by_itself(const struct tend_result *result)
{
	return result->outcome == TEND_STILL_RUNNING ||
	       (result->outcome == TEND_STOPPED && result->stop.outcome == TEND_STOPPED_BEFORE);
}

/* When a byte was last read from either stream, or they were first watched. */
static int64_t last_activity(struct side sides[2])
{
	int64_t last = 0;

	for (int i = 0; i < 2; i++) {
		int64_t read = sides[i].stream ? tend__stream_last_read(sides[i].stream) : 0;

		if (read > last)
			last = read;
	}
	return last;
}

/* Until the exit, the time-out, or until nothing was read for too long; whether it has exited. */
static bool wait_exit(tend_process *p, const struct tend_complete *o, struct side sides[2], bool *ret_inactive)
{
	int64_t deadline = tend__deadline(o->timeout), silent;

	if (!o->inactivity)
		return tend__process_wait_exit(p, deadline);
	for (int i = 0; i < 2; i++)
		if (sides[i].stream)
			tend__stream_watch_activity(sides[i].stream);
	for (;;) {
		silent = tend__after(last_activity(sides), tend__span_ns(o->inactivity));
		if (tend__process_wait_exit(p, silent < deadline ? silent : deadline))
			return true;
		*ret_inactive = tend__after(last_activity(sides), tend__span_ns(o->inactivity)) <= tend__now_ns();
		if (*ret_inactive || deadline <= tend__now_ns())
			return false;
	}
}

static void run(tend_process *p, const struct tend_complete *o, struct side sides[2], struct tend_result *result)
{
	bool exited, survivors_first;

	if (!o->keep_stdin_open)
		tend__input_close(&p->in);
	exited = wait_exit(p, o, sides, &result->inactive);
	result->timed_out = !exited;
	result->outcome = exited ? TEND_COMPLETED : run_out_of_time(p, o->stop, &result->stop);
	exited = tend__process_has_exited(p);
	if (exited && ended_by_itself(result)) {
		result->outcome = TEND_COMPLETED; /* in the last moment */
		result->timed_out = result->inactive = false;
		memset(&result->stop, 0, sizeof result->stop);
	}
	if (exited)
		result->exit = p->exit;
	survivors_first = exited && tend__survivors_are_stopped(p, result);
	if (survivors_first) /* who is to be stopped is not waited for by the drain */
		tend__survivors_report(p, result);
	if (exited)
		drain(sides, &o->drain);
	else
		break_off(sides);
	report_side(p, &sides[0]);
	report_side(p, &sides[1]);
	if (exited && !survivors_first)
		tend__survivors_report(p, result);
}

static bool is_read(const tend_stream *stream)
{
	return stream && stream->has_reader;
}

int tend_process_complete(tend_process *process, const struct tend_complete *options, struct tend_result *ret_result,
                          struct tend_error *err)
{
	struct tend_result result;
	struct side sides[2];
	bool has_stream;
	int r = tend__process_check(process, err);

	if (r < 0)
		return r;
	if (!options || !ret_result)
		return tend__refuse(err, process->name, options ? "ret_result" : "options", "must not be NULL");
	has_stream = is_read(process->out) || is_read(process->err);
	r = tend__check_complete(options, has_stream, err);
	if (r == 0 && options->inactivity && !has_stream)
		r = tend__refuse(err, process->name, "inactivity", "needs stdout or stderr to be a stream");
	if (r == 0 && tend__reading() && (tend__reading() == process->out || tend__reading() == process->err))
		r = tend__error(err, -EDEADLK, TEND_STEP_CALLBACK, process->name,
		                "a visitor on the reader of stream %s cannot wait for that stream's end",
		                tend__reading()->label);
	if (r < 0)
		return r;
	memset(&result, 0, sizeof result);
	sides[0] = (struct side){
		.stream = process->out, .collect = &options->out, .field = "out", .result = &result.out
	};
	sides[1] = (struct side){
		.stream = process->err, .collect = &options->err, .field = "err", .result = &result.err
	};
	r = start_collectors(process, sides, err);
	if (r < 0)
		return r;
	run(process, options, sides, &result);
	*ret_result = result;
	return 0;
}

static const char *const outcome_names[] = {
	[0] = "unknown",
	[TEND_COMPLETED] = "completed",
	[TEND_STILL_RUNNING] = "still-running",
	[TEND_STOPPED] = "stopped",
	[TEND_NOT_STOPPED] = "not-stopped",
};

const char *tend_outcome_name(enum tend_outcome outcome)
{
	size_t i = (size_t)outcome;

	return i < sizeof outcome_names / sizeof *outcome_names ? outcome_names[i] : "unknown";
}
