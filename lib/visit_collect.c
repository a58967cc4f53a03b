/* SPDX-License-Identifier: MIT */
/*
 * Collects a stream, and hands over what was kept, with an account of what was not, when that is done with.
 *
 * Everything in struct collector is the visitor's until it has finished; from then on nobody changes it.  That
 * the consumer has ended is not enough to know: one that was abandoned has ended, and may still be in on_chunk.
 */
#include <errno.h>

#include "collect.h"
#include "consume.h"
#include "error.h"
#include "line.h"
#include "mem.h"
#include "opts.h"
#include "stream.h"

struct collector {
	struct tend_collect options;
	tend_parser *parser;            /* lines */
	union {
		struct tend__kept_bytes bytes;
		struct tend__kept_lines lines;
	} kept;
	struct tend_collected result;   /* all but `consumed` and `complete` */
	uint64_t end_offset;            /* where in the stream it ended */
};

/* ---- on the consumer's thread ---- */

static enum tend_flow keep_bytes(void *self, const struct tend_chunk *chunk)
{
	struct collector *c = self;

	return tend__kept_bytes_push(&c->kept.bytes, chunk->data, chunk->size) < 0 ? TEND_BREAK : TEND_CONTINUE;
}

static void seal_bytes(void *self, const struct tend_end *end)
{
	struct collector *c = self;
	const struct tend__kept_bytes *kept = &c->kept.bytes;

	c->end_offset = end->offset;
	c->result = (struct tend_collected){
		.kind = TEND_COLLECTION_BYTES,
		.data = tend__kept_bytes_data(kept),
		.size = kept->text.size,
		.truncated = kept->left_out > 0,
		.bytes_left_out = kept->left_out,
		.failed = kept->failed,
	};
}

static enum tend_flow keep_lines(void *self, const struct tend_chunk *chunk)
{
	struct collector *c = self;
	struct tend_line line;
	int r;

	tend_parser_feed(c->parser, chunk);
	while ((r = tend_parser_next(c->parser, &line)) > 0 && (r = tend__kept_lines_push(&c->kept.lines, &line)) == 0)
		;
	if (r < 0)
		c->kept.lines.failed = r;
	return r < 0 ? TEND_BREAK : TEND_CONTINUE;
}

static void resync_lines(void *self, const struct tend_gap *gap)
{
	struct collector *c = self;

	tend_parser_gap(c->parser, gap);
}

static void seal_lines(void *self, const struct tend_end *end)
{
	struct collector *c = self;
	struct tend__kept_lines *kept = &c->kept.lines;
	struct tend_line_losses losses;
	struct tend_line line;

	if (tend__ends_line(end->reason) && tend_parser_finish(c->parser, &line) > 0)
		tend__kept_lines_push(kept, &line);
	losses = tend_parser_losses(c->parser);
	c->end_offset = end->offset;
	c->result = (struct tend_collected){
		.kind = TEND_COLLECTION_LINES,
		.size = tend__kept_lines_size(kept),
		.lines = tend__kept_lines_seal(kept),
		.n_lines = tend__kept_lines_count(kept),
		.truncated = kept->lines_left_out > 0,
		.bytes_left_out = kept->bytes_left_out,
		.lines_left_out = kept->lines_left_out,
		.lines_cut = losses.lines_cut,
		.bytes_cut = losses.bytes_cut,
		.failed = kept->failed,
	};
}

static const struct tend_visitor byte_visitor = { .on_chunk = keep_bytes, .on_end = seal_bytes };
static const struct tend_visitor line_visitor = {
	.on_chunk = keep_lines,
	.on_gap = resync_lines,
	.on_end = seal_lines,
};

/* ---- making one ---- */

static void destroy(void *self)
{
	struct collector *c = self;

	if (c->options.kind == TEND_COLLECTION_BYTES) {
		tend__kept_bytes_destroy(&c->kept.bytes);
	} else {
		tend__kept_lines_destroy(&c->kept.lines);
		tend_parser_free(c->parser);
	}
	tend__free(c);
}

/* The caller's, or lines as long as everything that may be kept. */
static struct tend_line_options line_options(const struct tend_collect *o)
{
	bool limited = o->overflow != TEND_TRUSTED_UNBOUNDED && o->max_bytes < TEND_MAX_LINE_LENGTH;

	if (o->line.max_length)
		return o->line;
	return (struct tend_line_options){
		.max_length = limited ? o->max_bytes : TEND_MAX_LINE_LENGTH,
		.overflow = TEND_LINE_TRUNCATE,
	};
}

static int prepare(struct collector *c, const struct tend_collect *o, struct tend_error *err)
{
	struct tend_line_options line;

	c->options = *o;
	if (o->kind == TEND_COLLECTION_BYTES) {
		tend__kept_bytes_init(&c->kept.bytes, o->overflow, o->max_bytes);
		return 0;
	}
	tend__kept_lines_init(&c->kept.lines, o->overflow, o->max_bytes, o->max_lines);
	line = line_options(o);
	return tend_parser_new(&line, &c->parser, err);
}

int tend_stream_collect(tend_stream *stream, const struct tend_collect *options, tend_consumer **ret_consumer,
                        struct tend_error *err)
{
	struct tend_visitor visitor;
	struct collector *c;
	int r;

	if (!stream || !ret_consumer)
		return tend__refuse(err, NULL, stream ? "ret_consumer" : "stream", "must not be NULL");
	r = tend__check_collect(options, "", err);
	if (r < 0)
		return r;
	c = tend__calloc(1, sizeof *c);
	if (!c)
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, stream->name,
		                       "no memory for a collector of stream %s", stream->label);
	r = prepare(c, options, err);
	if (r < 0) {
		destroy(c);
		return r;
	}
	visitor = options->kind == TEND_COLLECTION_BYTES ? byte_visitor : line_visitor;
	visitor.runs_on = options->runs_on ? options->runs_on : TEND_ON_READER;
	visitor.subscribe = options->subscribe;
	return tend__consume(stream, &visitor, c, destroy, TEND__COLLECTOR, ret_consumer, err);
}

/* ---- the result ---- */

/* Who came late or lost something has been given fewer bytes than there were. */
static bool is_complete(const struct tend_collected *r, uint64_t end_offset)
{
	bool saw_all = r->consumed.ending == TEND_END_EOF && r->consumed.bytes == end_offset;

	return saw_all && !r->truncated && r->lines_cut == 0 && r->failed == 0;
}

int tend_consumer_collected(tend_consumer *consumer, struct tend_collected *ret_collected, struct tend_error *err)
{
	struct tend_consumed seen;
	struct collector *c;

	if (!consumer || !ret_collected)
		return tend__refuse(err, NULL, consumer ? "ret_collected" : "consumer", "must not be NULL");
	c = tend__consumer_self(consumer, TEND__COLLECTOR);
	if (!c)
		return tend__error(err, -EINVAL, TEND_STEP_OPTIONS, NULL, "this consumer collects nothing");
	if (!tend_consumer_is_finished(consumer))
		return tend__error(err, -EAGAIN, TEND_STEP_NONE, NULL, "the collector still runs");
	tend__consumer_look(consumer, &seen);
	*ret_collected = c->result;
	ret_collected->consumed = seen;
	ret_collected->complete = is_complete(ret_collected, c->end_offset);
	return 0;
}
