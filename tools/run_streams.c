/* SPDX-License-Identifier: MIT */
/*
 * Each stream has up to five consumers, each with a buffer and a thread of its own.  They exist before the first
 * byte can be missed: the stream retains everything from its start until all of them have subscribed.
 */
#include "run_streams.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "duration.h"
#include "io.h"
#include "moment.h"
#include "run_lines.h"
#include "run_watch.h"
#include "say.h"

/* Longer lines are matched and repeated as far as this. */
#define LONGEST_LINE ((size_t)64 << 10)
static const struct tend_line_options line_options = { .max_length = LONGEST_LINE, .overflow = TEND_LINE_TRUNCATE };

/* What --tail keeps at most, whatever the number of lines: memory must have a bound. */
enum { TAIL_BYTES = 16 << 20 };

/* A consumer that only computes ends as soon as its stream has. */
#define SOON TEND_SECONDS(10)

struct tend_output run_streams_output(const struct run_options *options, size_t i)
{
	struct tend_stream_options stream = options->output[i].stream;

	switch (options->output[i].kind) {
	case RUN_OUTPUT_INHERIT:
		return TEND_OUT_INHERIT;
	case RUN_OUTPUT_DISCARD:
		return TEND_OUT_DISCARD;
	case RUN_OUTPUT_MERGED:
		return TEND_OUT_MERGE;
	default:
		if (stream.replay.kind == TEND_RETAIN_NONE)
			stream.replay = TEND_REPLAY_ALL;
		return TEND_OUT_STREAM(stream);
	}
}

/* ---- writers ---- */

static uint64_t count_line_ends(const char *data, size_t size)
{
	const char *end = data + size, *at = data;
	uint64_t n = 0;

	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		n++;
		at++;
	}
	return n;
}

static int write_chunk(struct run_writer *w, const struct tend_chunk *chunk)
{
	int r;

	if (w->lines)
		return run_lines_write(w->lines, chunk, w->fd, w->shared);
	if (w->shared)
		pthread_mutex_lock(w->shared);
	r = io_write_all(w->fd, chunk->data, chunk->size);
	if (w->shared)
		pthread_mutex_unlock(w->shared);
	return r;
}

/* Without its log the program goes on; when nobody takes its output it is stopped, as SIGPIPE would have. */
static void broke(struct run_writer *w, int error)
{
	const char *to = w->log_file ? w->log_file : "tend's own";

	say("%.60s: cannot write its %s to %.300s: %s: nothing more is written there", w->run->name, w->stream->name,
	    to, strerror(-error));
	run_has_failed(w->run);
	if (!w->log_file)
		(void)run_want_stop(w->run, RUN_CANNOT_PASS_ON);
}

static enum tend_flow on_chunk(void *self, const struct tend_chunk *chunk)
{
	struct run_writer *w = self;
	int r = write_chunk(w, chunk);

	w->line_ends += count_line_ends(chunk->data, chunk->size);
	pthread_mutex_lock(&w->run->lock);
	if (r == 0)
		w->passed = chunk->offset + chunk->size;
	else
		w->error = r;
	if (w->run->draining)
		pthread_cond_broadcast(&w->run->changed);
	pthread_mutex_unlock(&w->run->lock);
	if (r == 0)
		return TEND_CONTINUE;
	broke(w, r);
	return TEND_BREAK;
}

static void on_gap(void *self, const struct tend_gap *gap)
{
	struct run_writer *w = self;

	if (w->lines)
		run_lines_gap(w->lines, gap);
}

/* What is left of the last line; w->error is written by this thread alone. */
static void finish_lines(struct run_writer *w)
{
	int r = w->lines && w->error == 0 ? run_lines_finish(w->lines, w->fd, w->shared) : 0;

	if (r == 0)
		return;
	pthread_mutex_lock(&w->run->lock);
	w->error = r;
	pthread_mutex_unlock(&w->run->lock);
	broke(w, r);
}

static void on_end(void *self, const struct tend_end *end)
{
	struct run_writer *w = self;

	(void)end;
	finish_lines(w);
	pthread_mutex_lock(&w->run->lock);
	w->ended = true;
	pthread_cond_broadcast(&w->run->changed);
	pthread_mutex_unlock(&w->run->lock);
}

/* Starts a writer; `to` says where. */
static int attach_writer(struct run *run, struct run_stream *s, struct run_writer *w, struct run_writer to,
                         struct tend_error *err)
{
	static const struct tend_visitor visitor = { .on_chunk = on_chunk, .on_gap = on_gap, .on_end = on_end };

	*w = to;
	w->run = run;
	w->stream = s;
	return tend_stream_consume(s->stream, &visitor, w, &w->consumer, err);
}

/* As run_streams_free() frees it, whatever becomes of the writer. */
static int attach_pass(struct run *run, struct run_stream *s, int fd, struct tend_error *err)
{
	const struct run_options *o = run->options;
	struct run_writer to = { .fd = fd, .shared = run->out_lock };
	int r = 0;

	if (run->prefix || o->timestamps)
		r = run_lines_new(run->prefix, o->timestamps, &to.lines);
	if (r == 0)
		return attach_writer(run, s, &s->pass, to, err);
	*err = (struct tend_error){ .code = r, .message = "no memory for its lines" };
	return r;
}

static int attach_logs(struct run *run, struct run_stream *s, size_t i, struct tend_error *err)
{
	const struct run_options *o = run->options;
	struct run_writer both = { .fd = run->files.log, .log_file = o->log_file, .shared = &run->log_lock };
	struct run_writer one = { .fd = run->files.logs[i], .log_file = o->log_files[i] };
	int r = 0;

	if (o->log_file)
		r = attach_writer(run, s, &s->log, both, err);
	if (r == 0 && o->log_files[i])
		r = attach_writer(run, s, &s->own_log, one, err);
	return r;
}

/* ---- ready ---- */

static enum tend_flow look_for_ready(void *arg, const struct tend_line *line)
{
	struct run *run = arg;
	int64_t after;
	char text[32];

	if (!tend_match_regex((void *)(uintptr_t)&run->options->ready, line))
		return TEND_CONTINUE;
	if (run_is_ready(run, &after))
		say_info("%.60s: ready after %s", run->name, duration_show(after, text));
	return TEND_BREAK;
}

/* ---- attaching ---- */

static int attach_tail(struct run *run, struct run_stream *s, struct tend_error *err)
{
	struct tend_collect collect = TEND_COLLECT_LINES(.overflow = TEND_DROP_OLDEST, .max_bytes = TAIL_BYTES,
	                                                 .max_lines = run->options->tail, .line = line_options);

	return tend_stream_collect(s->stream, &collect, &s->tail, err);
}

static bool waits_for_ready(struct run *run)
{
	bool waits;

	pthread_mutex_lock(&run->lock);
	waits = run->options->has_ready && run->ready_ns < 0;
	pthread_mutex_unlock(&run->lock);
	return waits;
}

static int attach_all(struct run *run, struct run_stream *s, size_t i, struct tend_error *err)
{
	int r = 0;

	if (run->options->tail)
		r = attach_tail(run, s, err);
	if (r == 0 && waits_for_ready(run))
		r = tend_stream_inspect_lines(s->stream, &line_options, look_for_ready, run, &s->ready, err);
	if (r == 0)
		r = attach_logs(run, s, i, err);
	if (r == 0)
		r = attach_pass(run, s, i == 0 ? STDOUT_FILENO : STDERR_FILENO, err);
	return r;
}

/* NULL where nothing is read.  A discarded output has a stream as well, but it tells nothing of the program. */
static tend_stream *stream_of(const struct run *run, size_t i)
{
	if (run->options->output[i].kind == RUN_OUTPUT_DISCARD)
		return NULL;
	return i == 0 ? tend_process_stdout(run->process) : tend_process_stderr(run->process);
}

int run_streams_attach(struct run *run, struct tend_error *err)
{
	int r;

	for (size_t i = 0; i < 2; i++) {
		struct run_stream *s = &run->streams[i];

		s->stream = stream_of(run, i);
		if (!s->stream)
			continue;
		r = attach_all(run, s, i, err);
		if (r < 0)
			return r;
		if (run->options->output[i].stream.replay.kind == TEND_RETAIN_NONE)
			(void)tend_stream_seal_replay(s->stream); /* cannot fail here: we have not forked */
	}
	return 0;
}

/* ---- the end ---- */

/* Adds what one consumer missed; false where it did not get everything. */
static bool sum_up(struct run_stream *s, tend_consumer *consumer, tend_duration patience, bool may_break)
{
	struct tend_consumed seen;

	if (!consumer)
		return true;
	if (tend_consumer_wait(consumer, patience, &seen, NULL) < 0)
		return false;
	s->gaps += seen.gaps;
	s->bytes_dropped += seen.bytes_dropped;
	return seen.gaps == 0 && !seen.began_late &&
	       (seen.ending == TEND_END_EOF || (may_break && seen.ending == TEND_END_BROKE));
}

/*
 * regexec(3) may take for ever with a line, and cannot be broken off: a thread that is in it is left behind.  It
 * looks at the run and its options, which outlive main.
 */
static bool sum_up_ready(struct run *run, struct run_stream *s)
{
	struct tend_consumed seen;

	if (!s->ready || !run_was_cut_short(run))
		return sum_up(s, s->ready, SOON, true);
	if (tend_consumer_cancel(s->ready, TEND_AT_ONCE, TEND_CANCEL_NOW, &seen, NULL) < 0)
		return false;
	s->gaps += seen.gaps;
	s->bytes_dropped += seen.bytes_dropped;
	return seen.gaps == 0 && !seen.began_late;
}

/* A writer that is stuck in write(2) is not waited for. */
static bool sum_up_writer(struct run_stream *s, const struct run_writer *w)
{
	bool ended;

	if (!w->consumer)
		return true;
	pthread_mutex_lock(&w->run->lock);
	ended = w->ended;
	pthread_mutex_unlock(&w->run->lock);
	return sum_up(s, w->consumer, ended ? SOON : TEND_AT_ONCE, false);
}

/* What was passed on is all that was read, and not all that there was. */
static void look_for_read_error(struct run *run, const struct run_stream *s)
{
	struct tend_stream_stats stats = tend_stream_stats(s->stream);

	if (stats.end != TEND_END_READ_ERROR)
		return;
	run_has_failed(run);
	say("%.60s: %s could not be read to its end: %s", run->name, s->name, strerror(stats.read_errno));
}

static void settle_stream(struct run *run, struct run_stream *s)
{
	bool complete = true;

	complete &= sum_up_ready(run, s);
	complete &= sum_up(s, s->tail, SOON, false);
	complete &= sum_up_writer(s, &s->pass);
	complete &= sum_up_writer(s, &s->log);
	complete &= sum_up_writer(s, &s->own_log);
	s->complete = complete;
	look_for_read_error(run, s);
	if (s->bytes_dropped > 0)
		say_info("%.60s: %s: %" PRIu64 " bytes were lost to full buffers", run->name, s->name,
		         s->bytes_dropped);
}

void run_streams_lost_some(struct run *run)
{
	if (run->lost_some)
		return;
	run->lost_some = true;
	run_has_failed(run);
	say("%.60s: not all of its output could be passed on", run->name);
}

void run_streams_settle(struct run *run, int64_t deadline)
{
	if (!run_watch_writers(run, deadline))
		run_streams_lost_some(run);
	for (size_t i = 0; i < 2; i++)
		if (run->streams[i].stream)
			settle_stream(run, &run->streams[i]);
}

/* ---- tail ---- */

static size_t count_cut(const struct tend_collected *kept)
{
	size_t n = 0;

	for (size_t i = 0; i < kept->n_lines; i++)
		n += (kept->lines[i].flags & TEND_LINE_CUT) != 0;
	return n;
}

/* The lines are the child's and stand as they are; what tend says about them stands in front. */
static void tail_into(FILE *words, const struct run *run, const struct run_stream *s)
{
	struct tend_collected kept;
	size_t n_cut;

	if (tend_consumer_collected(s->tail, &kept, NULL) < 0) {
		say_into(words, "%.60s: the last lines of %s are not known", run->name, s->name);
		return;
	}
	if (kept.n_lines == 0 && kept.lines_left_out == 0)
		return;
	n_cut = count_cut(&kept);
	say_into(words, "%.60s: the end of %s (lines: %zu, dropped before them: %" PRIu64 "%s)", run->name, s->name,
	         kept.n_lines, kept.lines_left_out, n_cut ? "; long ones end after 65536 bytes" : "");
	for (size_t i = 0; i < kept.n_lines; i++) {
		fwrite(kept.lines[i].data, 1, kept.lines[i].size, words);
		putc('\n', words);
	}
}

void run_streams_tail_into(FILE *words, struct run *run)
{
	for (size_t i = 0; i < 2; i++)
		if (run->streams[i].tail)
			tail_into(words, run, &run->streams[i]);
}

/* What a writer that is still at work uses is left to it. */
static void free_writer(struct run_writer *w)
{
	bool is_idle = !w->run;

	if (w->run) {
		pthread_mutex_lock(&w->run->lock);
		is_idle = w->ended || !w->consumer;
		pthread_mutex_unlock(&w->run->lock);
	}
	w->consumer = tend_consumer_free(w->consumer);
	if (is_idle)
		w->lines = run_lines_free(w->lines);
}

void run_streams_free(struct run *run)
{
	for (size_t i = 0; i < 2; i++) {
		struct run_stream *s = &run->streams[i];

		free_writer(&s->pass);
		free_writer(&s->log);
		free_writer(&s->own_log);
		s->ready = tend_consumer_free(s->ready);
		s->tail = tend_consumer_free(s->tail);
	}
}

void run_streams_reset(struct run *run)
{
	run_streams_free(run);
	for (size_t i = 0; i < 2; i++)
		run->streams[i] = (struct run_stream){ .name = run_stream_names[i] };
}
