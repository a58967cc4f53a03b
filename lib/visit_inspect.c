/* SPDX-License-Identifier: MIT */
/* Shows a stream to a function of the caller's, chunk by chunk or line by line. */
#include <errno.h>

#include "consume.h"
#include "error.h"
#include "line.h"
#include "mem.h"
#include "opts.h"
#include "stream.h"

struct inspector {
	struct tend_inspect options;
	void *arg;
	tend_parser *parser; /* lines */
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

	return i->options.on_chunk(i->arg, chunk);
}

/* A line that there is no memory for is lost; the one behind it says so with TEND_LINE_AFTER_GAP. */
static enum tend_flow show_lines(void *self, const struct tend_chunk *chunk)
{
	const struct inspector *i = self;
	struct tend_line line;
	int r;

	tend_parser_feed(i->parser, chunk);
	while (tend__parser_show_whole(i->parser, i->options.on_line, i->arg)) {
		r = tend_parser_next(i->parser, &line);
		if (r == 0)
			return TEND_CONTINUE;
		if (r < 0)
			tend__log(TEND_LOG_WARNING, "line-lost", NULL, 0, "no memory for a line: it is left out");
		else if (i->options.on_line(i->arg, &line) == TEND_BREAK)
			return TEND_BREAK;
	}
	return TEND_BREAK;
}

static void show_gap(void *self, const struct tend_gap *gap)
{
	const struct inspector *i = self;

	if (i->parser)
		tend_parser_gap(i->parser, gap);
	if (i->options.on_gap)
		i->options.on_gap(i->arg, gap);
}

static void show_end(void *self, const struct tend_end *end)
{
	const struct inspector *i = self;
	struct tend_line line;

	if (i->parser && tend__ends_line(end->reason) && tend_parser_finish(i->parser, &line) > 0)
		i->options.on_line(i->arg, &line);
	if (i->options.on_end)
		i->options.on_end(i->arg, end);
}

static int check(const struct tend_inspect *o, const char *name, struct tend_error *err)
{
	if (!o->on_chunk && !o->on_line)
		return tend__refuse(err, name, "on_chunk", "is not chosen: this or on_line");
	if (o->on_chunk && o->on_line)
		return tend__refuse(err, name, "on_line", "excludes on_chunk");
	return tend__check_runs_on(o->runs_on, "", err);
}

static struct inspector *make(const struct tend_inspect *o, void *arg, const tend_stream *stream,
                              struct tend_error *err)
{
	struct inspector *i = tend__calloc(1, sizeof *i);

	if (!i) {
		tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, stream->name,
		                "no memory for an inspector of stream %s", stream->label);
		return NULL;
	}
	i->options = *o;
	i->arg = arg;
	if (o->on_line && tend_parser_new(&o->line, &i->parser, err) < 0) {
		tend__free(i);
		return NULL;
	}
	return i;
}

int tend_stream_inspect(tend_stream *stream, const struct tend_inspect *options, void *arg,
                        tend_consumer **ret_consumer, struct tend_error *err)
{
	struct tend_visitor v = { .on_gap = show_gap, .on_end = show_end };
	struct inspector *i;
	int r;

	if (!stream || !options || !ret_consumer)
		return tend__refuse(err, NULL, !stream ? "stream" : !options ? "options" : "ret_consumer",
		                    "must not be NULL");
	r = check(options, stream->name, err);
	if (r == 0 && options->on_line)
		r = tend__check_line_options(&options->line, "line.", err);
	if (r < 0)
		return r;
	i = make(options, arg, stream, err);
	if (!i)
		return -ENOMEM; /* all else has been checked */
	v.on_chunk = options->on_line ? show_lines : show_chunk;
	v.runs_on = options->runs_on;
	v.subscribe = options->subscribe;
	return tend__consume(stream, &v, i, destroy, TEND__INSPECTOR, ret_consumer, err);
}

int tend_stream_inspect_chunks(tend_stream *stream, tend_chunk_fn *fn, void *arg, tend_consumer **ret_consumer,
                               struct tend_error *err)
{
	struct tend_inspect o = { .on_chunk = fn };

	if (!fn)
		return tend__refuse(err, NULL, "fn", "must not be NULL");
	return tend_stream_inspect(stream, &o, arg, ret_consumer, err);
}

int tend_stream_inspect_lines(tend_stream *stream, const struct tend_line_options *options, tend_line_fn *fn, void *arg,
                              tend_consumer **ret_consumer, struct tend_error *err)
{
	struct tend_inspect o = { .on_line = fn };
	int r;

	if (!fn)
		return tend__refuse(err, NULL, "fn", "must not be NULL");
	r = tend__check_line_options(options, "", err);
	if (r < 0)
		return r;
	o.line = *options;
	return tend_stream_inspect(stream, &o, arg, ret_consumer, err);
}
