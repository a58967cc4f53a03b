/* SPDX-License-Identifier: MIT */
/*
 * Many things may happen to a run at once: it ends, its time is over, a line says that it is ready, somebody
 * presses Ctrl-C, stdout breaks.  One lock, one condition, one thread that decides; the first reason wins.
 */
#include "run_watch.h"

#include "moment.h"
#include "say.h"

void run_watch_init(struct run *run, const struct run_options *options)
{
	*run = (struct run){ .options = options, .files = { -1, -1, { -1, -1 }, -1 }, .ready_ns = -1 };
	pthread_mutex_init(&run->lock, NULL);
	pthread_mutex_init(&run->log_lock, NULL);
	moment_cond_init(&run->changed);
	for (size_t i = 0; i < 2; i++)
		run->streams[i].name = run_stream_names[i];
}

/* ---- what others say ---- */

static void *wait_for_exit(void *arg)
{
	struct run *run = arg;
	struct tend_exit ended;

	(void)tend_process_wait(run->process, TEND_FOREVER, &ended, NULL); /* the owner looks at how it ended */
	pthread_mutex_lock(&run->lock);
	run->exited = true;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
	return NULL;
}

int run_watch_start(struct run *run)
{
	return -pthread_create(&run->waiter, NULL, wait_for_exit, run);
}

void run_watch_join(struct run *run)
{
	pthread_join(run->waiter, NULL);
}

/* ---- the process ---- */

tend_process *run_borrow(struct run *run)
{
	tend_process *process;

	pthread_mutex_lock(&run->lock);
	process = run->process;
	run->borrowed += process != NULL;
	pthread_mutex_unlock(&run->lock);
	return process;
}

void run_return(struct run *run)
{
	pthread_mutex_lock(&run->lock);
	run->borrowed--;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

void run_set_process(struct run *run, tend_process *take_process)
{
	tend_process *old;

	pthread_mutex_lock(&run->lock);
	while (run->borrowed > 0)
		pthread_cond_wait(&run->changed, &run->lock);
	old = run->process;
	run->process = take_process;
	pthread_mutex_unlock(&run->lock);
	tend_process_free(old);
}

/* ---- reasons to stop ---- */

/* Lock held. */
static bool note_why(struct run *run, enum run_why why)
{
	if (run->exited)
		return false;
	if (run->why == RUN_NOT_STOPPED)
		run->why = why;
	run->interrupted |= why == RUN_INTERRUPTED;
	pthread_cond_broadcast(&run->changed);
	return true;
}

bool run_want_stop(struct run *run, enum run_why why)
{
	bool taken;

	pthread_mutex_lock(&run->lock);
	taken = note_why(run, why);
	pthread_mutex_unlock(&run->lock);
	return taken;
}

bool run_has_exited(struct run *run)
{
	bool exited;

	pthread_mutex_lock(&run->lock);
	exited = run->exited;
	pthread_mutex_unlock(&run->lock);
	return exited;
}

void run_has_failed(struct run *run)
{
	pthread_mutex_lock(&run->lock);
	run->failed = true;
	pthread_mutex_unlock(&run->lock);
}

bool run_is_ready(struct run *run, int64_t *ret_after_ns)
{
	bool first;

	pthread_mutex_lock(&run->lock);
	first = run->ready_ns < 0 && run->why != RUN_NOT_READY;
	if (first) {
		run->ready_ns = moment_now() - run->started;
		*ret_after_ns = run->ready_ns;
	}
	pthread_mutex_unlock(&run->lock);
	if (first && run->on_ready)
		run->on_ready(run);
	return first;
}

/* ---- what the owner waits for ---- */

static int64_t timeout_moment(const struct run *run)
{
	return run->options->timeout_ns ? moment_after(run->started, run->options->timeout_ns) : MOMENT_NEVER;
}

/* Lock held. */
static int64_t ready_moment(const struct run *run)
{
	bool waits = run->options->ready_timeout_ns && run->ready_ns < 0;

	return waits ? moment_after(run->started, run->options->ready_timeout_ns) : MOMENT_NEVER;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void run_watch(struct run *run)
{
	pthread_mutex_lock(&run->lock);
	while (!run->exited && run->why == RUN_NOT_STOPPED) {
		int64_t now = moment_now();

		if (now >= timeout_moment(run))
			note_why(run, RUN_TIMED_OUT);
		else if (now >= ready_moment(run))
			note_why(run, RUN_NOT_READY);
		else
			moment_wait(&run->changed, &run->lock, earlier(timeout_moment(run), ready_moment(run)));
	}
	pthread_mutex_unlock(&run->lock);
}

/* A pause is a time to be stopped in like any other. */
bool run_watch_pause(struct run *run, tend_duration delay)
{
	int64_t over = moment_after(moment_now(), delay - TEND_AT_ONCE);
	bool is_over = false;

	pthread_mutex_lock(&run->lock);
	run->exited = run->gives_up;
	while (!run->exited && run->why == RUN_NOT_STOPPED && !is_over) {
		int64_t now = moment_now();

		is_over = now >= over;
		if (now >= timeout_moment(run))
			note_why(run, RUN_TIMED_OUT);
		else if (now >= ready_moment(run))
			note_why(run, RUN_NOT_READY);
		else if (!is_over)
			moment_wait(&run->changed, &run->lock,
			            earlier(over, earlier(timeout_moment(run), ready_moment(run))));
	}
	is_over = !run->exited && run->why == RUN_NOT_STOPPED;
	run->exited = !is_over;
	pthread_mutex_unlock(&run->lock);
	return is_over;
}

bool run_was_cut_short(struct run *run)
{
	bool cut_short;

	pthread_mutex_lock(&run->lock);
	cut_short = run->why != RUN_NOT_STOPPED || run->gives_up;
	pthread_mutex_unlock(&run->lock);
	return cut_short;
}

int64_t run_patience(struct run *run)
{
	bool was_stopped;

	pthread_mutex_lock(&run->lock);
	was_stopped = run->why != RUN_NOT_STOPPED;
	pthread_mutex_unlock(&run->lock);
	return was_stopped ? moment_after(moment_now(), run->options->drain_total_ns) : MOMENT_NEVER;
}

int64_t run_words_deadline(struct run *run)
{
	bool gives_up;

	pthread_mutex_lock(&run->lock);
	gives_up = run->gives_up;
	pthread_mutex_unlock(&run->lock);
	return gives_up ? moment_after(moment_now(), SAY_HURRY_NS) : run_patience(run);
}

/* ---- the drain ---- */

/*
 * A child has exited, but not its output: bytes are in its pipe, and others may hold that.  The drain's clocks
 * stand still while tend itself is what holds the output up, because whoever reads from tend takes his time: what
 * the child has written before its exit is passed on in any case.
 */
struct drain {
	uint64_t targets[2]; /* all that the child itself has written lies before them */
	uint64_t seen;       /* bytes read in both streams when last looked at */
	int64_t looked, quiet_since;
	int64_t left; /* of the total, nanoseconds */
	bool held_up; /* when last looked at */
};

static bool is_open(const struct run_stream *s)
{
	return s->stream && tend_stream_stats(s->stream).end == TEND_END_NONE;
}

static uint64_t bytes_read(const struct run_stream *s)
{
	return s->stream ? tend_stream_stats(s->stream).bytes_read : 0;
}

static uint64_t pipe_size(const struct run_stream *s)
{
	return s->stream ? tend_stream_stats(s->stream).pipe_size : 0;
}

static bool is_behind(const struct run_writer *w, uint64_t target)
{
	return w->consumer && !w->ended && w->passed < target;
}

/* Lock held.  Whether a writer still owes bytes of the child.  A lossy stream does not wait for its writers. */
static bool owes(struct run_stream *s, uint64_t target)
{
	if (!is_open(s) || tend_stream_options(s->stream)->delivery != TEND_RELIABLE)
		return false;
	if (bytes_read(s) < target)
		target = bytes_read(s);
	return is_behind(&s->pass, target) || is_behind(&s->log, target) || is_behind(&s->own_log, target);
}

/*
 * Lock held.  Moves the clocks on; the moment when the drain is over, as far as one can see now.  The time since the
 * last look counts when the output was held up neither then nor now.
 */
static int64_t look(struct run *run, struct drain *d)
{
	struct run_stream *s = run->streams;
	bool was_held_up = d->held_up;
	uint64_t seen = bytes_read(&s[0]) + bytes_read(&s[1]);
	int64_t now = moment_now();

	d->held_up = owes(&s[0], d->targets[0]) || owes(&s[1], d->targets[1]);
	if (!is_open(&s[0]) && !is_open(&s[1]))
		return now;
	if (was_held_up || d->held_up || seen != d->seen)
		d->quiet_since = now;
	if (!was_held_up && !d->held_up)
		d->left -= earlier(d->left, now - d->looked);
	d->seen = seen;
	d->looked = now;
	if (d->held_up)
		return MOMENT_NEVER;
	return earlier(moment_after(d->quiet_since, run->options->drain_idle_ns), moment_after(now, d->left));
}

bool run_watch_drain(struct run *run, int64_t deadline, int64_t *ret_left_ns)
{
	struct run_stream *s = run->streams;
	struct drain d = { .looked = moment_now(), .quiet_since = moment_now(), .left = run->options->drain_total_ns };
	bool had_its_time;
	int64_t over;

	for (size_t i = 0; i < 2; i++)
		d.targets[i] = bytes_read(&s[i]) + pipe_size(&s[i]);
	pthread_mutex_lock(&run->lock);
	run->draining = true;
	for (;;) {
		over = earlier(look(run, &d), deadline);
		if (run->gives_up || moment_now() >= over)
			break;
		moment_wait(&run->changed, &run->lock, over);
	}
	run->draining = false;
	had_its_time = !d.held_up && (!run->gives_up || (!is_open(&s[0]) && !is_open(&s[1])));
	pthread_mutex_unlock(&run->lock);
	*ret_left_ns = had_its_time ? d.left : 0;
	return had_its_time;
}

static bool is_at_work(const struct run_writer *w)
{
	return w->consumer && !w->ended;
}

static bool is_writing(const struct run_stream *s)
{
	return is_at_work(&s->pass) || is_at_work(&s->log) || is_at_work(&s->own_log);
}

bool run_watch_writers(struct run *run, int64_t deadline)
{
	bool ended, in_time = true;

	pthread_mutex_lock(&run->lock);
	for (;;) {
		ended = !is_writing(&run->streams[0]) && !is_writing(&run->streams[1]);
		if (ended || run->gives_up || !in_time)
			break;
		in_time = moment_wait(&run->changed, &run->lock, deadline);
	}
	pthread_mutex_unlock(&run->lock);
	return ended;
}
