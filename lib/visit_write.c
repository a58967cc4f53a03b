/* SPDX-License-Identifier: MIT */
/*
 * Writes a stream, whole chunks or line by line, and hands over an account of it when that is done with.  A chunk that
 * is not mapped is written where it lies; lines, and what was mapped, go through a batch, which is empty again when a
 * callback returns: nothing that is there waits for what is not.
 *
 * Everything in struct tend_writer is the visitor's until it has finished; from then on nobody changes it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "batch.h"
#include "consume.h"
#include "error.h"
#include "line.h"
#include "mem.h"
#include "opts.h"
#include "stream.h"

struct tend_writer {
	struct tend_write options;  /* gap_text is a copy, and ours */
	struct tend__batch batch;
	tend_parser *parser;        /* lines */
	bool goes_on;               /* the last record was a piece of a split line, with no delimiter behind it */
	char label[TEND_MAX_LABEL], name[64]; /* the stream's */
	bool ended;                 /* there is nothing left to be stopped */
	uint64_t end_offset;
	struct tend_written result; /* what concerns failures; the rest when it has finished */
};

/* ---- failures ---- */

static bool goes_on_after(const struct tend_writer *w, const struct tend_write_failure *f)
{
	switch (w->options.on_failure) {
	case TEND_WRITE_GO_ON:
		return true;
	case TEND_WRITE_ASK:
		return w->options.ask(w->options.arg, f) == TEND_CONTINUE;
	default:
		return false;
	}
}

/* The log is told of the first one: there may be as many as records. */
static bool note_failure(void *arg, const struct tend_write_failure *failure)
{
	struct tend_writer *w = arg;
	struct tend_write_failure f = *failure;
	const char *text = strerrordesc_np(f.error);

	f.label = w->label;
	w->result.last = f;
	if (w->result.failures++ == 0) {
		w->result.first = f;
		tend__log(TEND_LOG_WARNING, "write-failed", w->name, 0, "cannot write what stream %s brought: %s",
		          w->label, text ? text : "unknown error");
	}
	return goes_on_after(w, &f) || w->ended;
}

static enum tend_flow flow(const struct tend_writer *w)
{
	return w->batch.stopped ? TEND_BREAK : TEND_CONTINUE;
}

int tend_writer_emit(tend_writer *writer, const void *data, size_t size)
{
	return tend__batch_add(&writer->batch, data, size);
}

/* ---- chunks ---- */

static void write_mapped_chunk(struct tend_writer *w, const struct tend_chunk *chunk)
{
	tend__batch_begin(&w->batch);
	w->options.map_chunk(w->options.arg, chunk, w);
	tend__batch_end(&w->batch, TEND_WRITING_CHUNK, chunk->offset, false);
	tend__batch_write(&w->batch);
}

static enum tend_flow write_chunk(void *self, const struct tend_chunk *chunk)
{
	struct tend_writer *w = self;

	if (w->batch.stopped)
		return TEND_BREAK; /* by a gap's text, which could not say so */
	if (w->options.map_chunk)
		write_mapped_chunk(w, chunk);
	else
		tend__batch_write_chunk(&w->batch, chunk);
	return flow(w);
}

/* ---- lines ---- */

static bool gets_delimiter(const struct tend_writer *w, const struct tend_line *line)
{
	switch (w->options.line_end) {
	case TEND_LINE_END_ALWAYS:
		return true;
	case TEND_LINE_END_NEVER:
		return false;
	default:
		return !(line->flags & TEND_LINE_UNTERMINATED) && !tend__parser_in_line(w->parser);
	}
}

/* A piece whose next one is missing ends here. */
static void leave_piece(struct tend_writer *w)
{
	if (w->goes_on)
		tend__batch_part(&w->batch);
	w->goes_on = false;
}

static void write_line(struct tend_writer *w, const struct tend_line *line)
{
	bool delimited = gets_delimiter(w, line);

	if (!(line->flags & TEND_LINE_CONTINUED))
		leave_piece(w);
	if (w->batch.stopped)
		return;
	tend__batch_begin(&w->batch);
	if (w->options.map_line)
		w->options.map_line(w->options.arg, line, w);
	else
		tend__batch_add(&w->batch, line->data, line->size);
	if (!w->batch.has_body)
		return;
	tend__batch_end(&w->batch, TEND_WRITING_LINE, line->offset, delimited);
	w->goes_on = w->options.line_end == TEND_LINE_END_KEPT && !delimited;
}

static enum tend_flow write_lines(void *self, const struct tend_chunk *chunk)
{
	struct tend_writer *w = self;
	struct tend_line line;
	int r;

	tend_parser_feed(w->parser, chunk);
	while (!w->batch.stopped && (r = tend_parser_next(w->parser, &line)) != 0) {
		if (r > 0)
			write_line(w, &line);
		else
			tend__batch_fail(&w->batch, TEND_WRITING_LINE, tend__parser_offset(w->parser), 0);
	}
	tend__batch_write(&w->batch);
	return flow(w);
}

/* ---- gaps and the end ---- */

static void cross_gap(void *self, const struct tend_gap *gap)
{
	struct tend_writer *w = self;
	const char *text = w->options.gap_text;

	if (w->parser)
		tend_parser_gap(w->parser, gap);
	if (!text)
		return;
	leave_piece(w);
	if (w->batch.stopped)
		return;
	tend__batch_begin(&w->batch);
	tend__batch_add(&w->batch, text, strlen(text));
	tend__batch_end(&w->batch, TEND_WRITING_GAP_TEXT, gap->offset, w->batch.delimits);
	tend__batch_write(&w->batch);
}

static void write_last_line(struct tend_writer *w)
{
	struct tend_line line;

	if (tend_parser_finish(w->parser, &line) > 0)
		write_line(w, &line);
	tend__batch_write(&w->batch);
}

static void flush(struct tend_writer *w)
{
	int r = tend__sink_flush(&w->batch.sink);

	w->result.flush_error = -r;
	if (r < 0)
		note_failure(w, &(struct tend_write_failure){
		                        .writing = TEND_WRITING_FLUSH, .error = -r, .offset = w->end_offset });
}

static void close_books(struct tend_writer *w)
{
	struct tend_line_losses losses = { 0 };

	if (w->parser)
		losses = tend_parser_losses(w->parser);
	w->result.bytes_written = w->batch.bytes_written;
	w->result.lines_written = w->batch.lines_written;
	w->result.bytes_unwritten = w->batch.bytes_unwritten;
	w->result.stopped = w->batch.stopped;
	w->result.lines_cut = losses.lines_cut;
	w->result.bytes_cut = losses.bytes_cut;
}

static void finish(void *self, const struct tend_end *end)
{
	struct tend_writer *w = self;

	w->ended = true;
	w->end_offset = end->offset;
	if (w->parser && tend__ends_line(end->reason))
		write_last_line(w);
	flush(w);
	close_books(w);
	if (w->options.on_end)
		w->options.on_end(w->options.arg, end);
}

static const struct tend_visitor chunk_visitor = { .on_chunk = write_chunk, .on_gap = cross_gap, .on_end = finish };
static const struct tend_visitor line_visitor = { .on_chunk = write_lines, .on_gap = cross_gap, .on_end = finish };

/* ---- making one ---- */

static void destroy(void *self)
{
	struct tend_writer *w = self;

	tend__batch_destroy(&w->batch);
	tend_parser_free(w->parser);
	tend__free((char *)(uintptr_t)w->options.gap_text);
	tend__free(w);
}

static struct tend__sink sink_of(const struct tend_write_to *to)
{
	return (struct tend__sink){ .file = to->kind == TEND_WRITE_TO_FILE ? to->file : NULL, .fd = to->fd };
}

static int prepare(struct tend_writer *w, const struct tend_write *o, const tend_stream *stream, struct tend_error *err)
{
	bool lines = o->what == TEND_WRITE_LINES;

	w->options = *o;
	w->options.gap_text = tend__strdup(o->gap_text);
	w->batch = (struct tend__batch){
		.sink = sink_of(&o->to),
		.what = o->what,
		.delimiter = o->line.delimiter ? (char)o->line.delimiter : '\n',
		.delimits = lines && o->line_end != TEND_LINE_END_NEVER,
		.failed = note_failure,
		.arg = w,
	};
	memcpy(w->label, stream->label, sizeof w->label);
	memcpy(w->name, stream->name, sizeof w->name);
	if (o->gap_text && !w->options.gap_text)
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, stream->name, "no memory for a gap's text");
	return lines ? tend_parser_new(&o->line, &w->parser, err) : 0;
}

static int check_call(const tend_stream *stream, const struct tend_write *o, tend_consumer **ret_consumer,
                      struct tend_error *err)
{
	struct tend__sink sink;
	int r;

	if (!stream || !ret_consumer)
		return tend__refuse(err, NULL, stream ? "ret_consumer" : "stream", "must not be NULL");
	r = tend__check_write(o, err);
	if (r < 0)
		return r;
	sink = sink_of(&o->to);
	r = tend__sink_check(&sink);
	return r == 0 ? 0
	              : tend__error(err, r, TEND_STEP_WRITE, stream->name, "%s is not open for writing",
	                            sink.file ? "to.file" : "to.fd");
}

int tend_stream_write(tend_stream *stream, const struct tend_write *options, tend_consumer **ret_consumer,
                      struct tend_error *err)
{
	struct tend_visitor visitor;
	struct tend_writer *w;
	int r = check_call(stream, options, ret_consumer, err);

	if (r < 0)
		return r;
	w = tend__calloc(1, sizeof *w);
	if (!w)
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, stream->name,
		                       "no memory for a writer of stream %s", stream->label);
	r = prepare(w, options, stream, err);
	if (r < 0) {
		destroy(w);
		return r;
	}
	visitor = options->what == TEND_WRITE_LINES ? line_visitor : chunk_visitor;
	visitor.runs_on = options->runs_on;
	visitor.subscribe = options->subscribe;
	return tend__consume(stream, &visitor, w, destroy, TEND__WRITER, ret_consumer, err);
}

/* ---- the result ---- */

/* Who came late or lost something has been given fewer bytes than there were. */
static bool is_complete(const struct tend_written *r, uint64_t end_offset)
{
	bool saw_all = r->consumed.ending == TEND_END_EOF && r->consumed.bytes == end_offset;

	return saw_all && r->failures == 0 && r->lines_cut == 0;
}

int tend_consumer_written(tend_consumer *consumer, struct tend_written *ret_written, struct tend_error *err)
{
	struct tend_writer *w;

	if (!consumer || !ret_written)
		return tend__refuse(err, NULL, consumer ? "ret_written" : "consumer", "must not be NULL");
	w = tend__consumer_self(consumer, TEND__WRITER);
	if (!w)
		return tend__error(err, -EINVAL, TEND_STEP_OPTIONS, NULL, "this consumer writes nothing");
	if (!tend_consumer_is_finished(consumer))
		return tend__error(err, -EAGAIN, TEND_STEP_NONE, NULL, "the writer still runs");
	*ret_written = w->result;
	tend__consumer_look(consumer, &ret_written->consumed);
	ret_written->complete = is_complete(ret_written, w->end_offset);
	return 0;
}
