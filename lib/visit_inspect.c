/* SPDX-License-Identifier: MIT */
/* Shows a stream to a function of the caller's, chunk by chunk or line by line. */
#include <errno.h>

#include "consume.h"
#include "error.h"
#include "line.h"
#include "mem.h"
#include "stream.h"

struct inspector {
	tend_chunk_fn *on_chunk; /* one of these */
	tend_line_fn *on_line;
	void *arg;
	tend_parser *parser;     /* lines */
};

static void destroy(void *self)
{
	struct inspector *i = self;

	tend_parser_free(i->parser);
	tend__free(i);
}

static enum tend_flow show_chunk(void *self, const struct tend_chunk *chunk)
{
	const struct inspector *i = self;

	return i->on_chunk(i->arg, chunk);
}

/* A line that there is no memory for is lost; the one behind it says so with TEND_LINE_AFTER_GAP. */
static enum tend_flow show_lines(void *self, const struct tend_chunk *chunk)
{
	const struct inspector *i = self;
	struct tend_line line;
	int r;

	tend_parser_feed(i->parser, chunk);
	while ((r = tend_parser_next(i->parser, &line)) != 0) {
		if (r < 0)
			tend__log(TEND_LOG_WARNING, "line-lost", NULL, 0, "no memory for a line: it is left out");
		else if (i->on_line(i->arg, &line) == TEND_BREAK)
			return TEND_BREAK;
	}
	return TEND_CONTINUE;
}

static void resync_lines(void *self, const struct tend_gap *gap)
{
	const struct inspector *i = self;

	tend_parser_gap(i->parser, gap);
}

static void show_last_line(void *self, const struct tend_end *end)
{
	const struct inspector *i = self;
	struct tend_line line;

	if (tend__ends_line(end->reason) && tend_parser_finish(i->parser, &line) > 0)
		i->on_line(i->arg, &line);
}

static const struct tend_visitor chunk_visitor = { .on_chunk = show_chunk };
static const struct tend_visitor line_visitor = {
	.on_chunk = show_lines,
	.on_gap = resync_lines,
	.on_end = show_last_line,
};

static int check_call(const tend_stream *stream, bool has_fn, tend_consumer **ret_consumer, struct tend_error *err)
{
	if (stream && has_fn && ret_consumer)
		return 0;
	return tend__refuse(err, NULL, !stream ? "stream" : !has_fn ? "fn" : "ret_consumer", "must not be NULL");
}

static int inspect(tend_stream *stream, const struct tend_visitor *visitor, struct inspector what,
                   tend_consumer **ret_consumer, struct tend_error *err)
{
	struct inspector *i = tend__malloc(sizeof *i);

	if (!i) {
		tend_parser_free(what.parser);
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, stream->name,
		                       "no memory for an inspector of stream %s", stream->label);
	}
	*i = what;
	return tend__consume(stream, visitor, i, destroy, TEND__INSPECTOR, ret_consumer, err);
}

int tend_stream_inspect_chunks(tend_stream *stream, tend_chunk_fn *fn, void *arg, tend_consumer **ret_consumer,
                               struct tend_error *err)
{
	struct inspector what = { .on_chunk = fn, .arg = arg };
	int r = check_call(stream, fn, ret_consumer, err);

	return r < 0 ? r : inspect(stream, &chunk_visitor, what, ret_consumer, err);
}

int tend_stream_inspect_lines(tend_stream *stream, const struct tend_line_options *options, tend_line_fn *fn, void *arg,
                              tend_consumer **ret_consumer, struct tend_error *err)
{
	struct inspector what = { .on_line = fn, .arg = arg };
	int r = check_call(stream, fn, ret_consumer, err);

	if (r == 0)
		r = tend_parser_new(options, &what.parser, err);
	return r < 0 ? r : inspect(stream, &line_visitor, what, ret_consumer, err);
}
