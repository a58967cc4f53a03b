/* SPDX-License-Identifier: MIT */
/*
 * Waits for a line on the caller's own thread, so that its subscription never stands idle, and comes back in time also
 * from a child that writes without pause.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "line.h"
#include "opts.h"
#include "stream.h"

struct search {
	tend_stream *stream;
	tend_subscription *subscription;
	tend_parser *parser;
	tend_line_match *match;
	void *arg;
	int64_t deadline;
	uint64_t last_offset;   /* once the time is over: what was read behind this is not looked at any more */
	struct tend_line_found found;
};

/* What a step of the search led to; a negative errno value where it failed. */
enum { GO_ON, DONE };

static int end_search(struct search *s, enum tend_line_outcome outcome, enum tend_ending ending, int read_errno)
{
	s->found.outcome = outcome;
	s->found.ending = ending;
	s->found.read_errno = read_errno;
	s->found.resume_offset = tend__parser_offset(s->parser);
	return DONE;
}

static bool is_match(struct search *s, const struct tend_line *line)
{
	size_t n = line->size < sizeof s->found.text ? line->size : sizeof s->found.text - 1;

	s->found.lines_seen++;
	if (!s->match(s->arg, line))
		return false;
	s->found.offset = line->offset;
	s->found.size = line->size;
	s->found.flags = line->flags;
	if (n > 0)
		memcpy(s->found.text, line->data, n);
	s->found.text[n] = '\0';
	return true;
}

static int look_at_chunk(struct search *s, const struct tend_chunk *chunk)
{
	struct tend_line line;
	int r;

	if (chunk->offset >= s->last_offset)
		return end_search(s, TEND_LINE_TIMED_OUT, TEND_END_NONE, 0);
	tend_parser_feed(s->parser, chunk);
	while ((r = tend_parser_next(s->parser, &line)) > 0)
		if (is_match(s, &line))
			return end_search(s, TEND_LINE_MATCHED, TEND_END_NONE, 0);
	return r < 0 ? r : GO_ON;
}

static int look_at_gap(struct search *s, const struct tend_gap *gap)
{
	tend_parser_gap(s->parser, gap);
	if (gap->bytes > 0)
		s->found.gaps++;
	s->found.bytes_dropped += gap->bytes;
	return GO_ON;
}

/* A match in the unterminated rest is a match; `ending` says what came behind it. */
static int look_at_end(struct search *s, enum tend_ending ending, int read_errno)
{
	struct tend_line line;
	bool found = tend__ends_line(ending) && tend_parser_finish(s->parser, &line) > 0 && is_match(s, &line);

	return end_search(s, found ? TEND_LINE_MATCHED : TEND_LINE_STREAM_ENDED, ending, read_errno);
}

static int look(struct search *s, const struct tend_event *event)
{
	switch (event->kind) {
	case TEND_CHUNK:
		return look_at_chunk(s, &event->chunk);
	case TEND_GAP:
		return look_at_gap(s, &event->gap);
	case TEND_EOF:
	case TEND_READ_ERROR:
	case TEND_DETACHED:
		return look_at_end(s, event->ending, event->read_errno);
	case TEND_TIMED_OUT:
		break;
	}
	return end_search(s, TEND_LINE_TIMED_OUT, TEND_END_NONE, 0);
}

/*
 * What is left of the time.  When nothing is left, all that the stream has read so far is still looked at: the time is
 * not over in the middle of what was there in time.
 */
static tend_duration time_left(struct search *s)
{
	tend_duration left = tend__until(s->deadline);

	if (left == TEND_AT_ONCE && s->last_offset == UINT64_MAX)
		s->last_offset = tend_stream_stats(s->stream).bytes_read;
	return left;
}

static int search(struct search *s)
{
	struct tend_event event;
	int r;

	do {
		r = tend_subscription_next(s->subscription, time_left(s), &event);
		if (r == 0)
			r = look(s, &event);
	} while (r == GO_ON);
	return r;
}

static int subscribe_and_search(struct search *s, struct tend_error *err)
{
	int r = tend_stream_subscribe(s->stream, NULL, &s->subscription, err);

	if (r < 0)
		return r;
	r = search(s);
	if (r < 0) /* before the close, which may free the stream */
		tend__error_sys(err, r, r == -ENOMEM ? TEND_STEP_ALLOCATE : TEND_STEP_SUBSCRIBE, s->stream->name,
		                "cannot look for a line in stream %s", s->stream->label);
	tend_subscription_close(s->subscription);
	return r < 0 ? r : 0;
}

int tend_stream_wait_for_line(tend_stream *stream, const struct tend_line_options *options, tend_line_match *match,
                              void *arg, tend_duration timeout, struct tend_line_found *ret_found,
                              struct tend_error *err)
{
	struct search s = { .stream = stream, .match = match, .arg = arg, .last_offset = UINT64_MAX };
	int r;

	if (!stream || !match || !ret_found)
		return tend__refuse(err, NULL, !stream ? "stream" : !match ? "match" : "ret_found", "must not be NULL");
	r = tend__check_duration(timeout, "timeout", false, err);
	if (r < 0)
		return r;
	if (tend__reading() == stream)
		return tend__error(err, -EDEADLK, TEND_STEP_CALLBACK, stream->name,
		                   "a visitor on the reader of stream %s cannot wait for a line of it", stream->label);
	s.deadline = tend__deadline(timeout);
	r = tend_parser_new(options, &s.parser, err);
	if (r < 0)
		return r;
	r = subscribe_and_search(&s, err);
	tend_parser_free(s.parser);
	if (r == 0)
		*ret_found = s.found;
	return r;
}
