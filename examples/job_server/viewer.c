/* SPDX-License-Identifier: MIT */
/*
 * A viewer has a thread of his own, that of his connection, which waits in poll(2) for output, for the end of the job,
 * and for him to go away.  A connection that takes nothing stops this thread and nobody else: his subscription is
 * lossy.
 *
 * What is missing is counted by offsets alone: of a line whose beginning is not where the line before it has ended.  So
 * it does not matter whether he came late, was too slow, or came back after more than is kept, and the bytes of all his
 * lines and gaps together are those of the output.
 */
#include "viewer.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* A longer line comes in pieces. */
static const struct tend_line_options lines = {
	.max_length = 4096,
	.overflow = TEND_LINE_SPLIT,
	.cr = TEND_CR_STRIP,
	.cut_at_utf8 = true,
};

enum phase { OUTPUT, EXIT, OVER };

struct viewer {
	struct job *job;
	tend_subscription *view;
	tend_parser *parser;
	int fd, quiet_ms;
	enum phase phase;
	enum tend_ending ending; /* of the output */
	uint64_t position;       /* in the output, of what comes next */
	uint64_t next;           /* the same, behind the last line that he has seen */
	struct text text;        /* what is to be sent, */
	size_t sent;             /* and how much of it was */
};

/* ---- what he is told ---- */

static void tell_start(struct viewer *v)
{
	const char *name = job_name(v->job);

	text_printf(&v->text, "event: start\ndata: {\"job\":%u,\"name\":", job_id(v->job));
	text_json(&v->text, name, strlen(name));
	text_printf(&v->text, "}\n\n");
}

static void tell_gap(struct viewer *v, uint64_t until)
{
	if (until > v->next)
		text_printf(&v->text, "event: gap\ndata: {\"bytes\":%" PRIu64 "}\n\n", until - v->next);
}

/* A line that he had before he came back is skipped. */
static void tell_line(struct viewer *v, const struct tend_line *line)
{
	uint64_t next = line->offset + line->size + (line->flags & TEND_LINE_HAD_CR ? 1 : 0) + 1;

	if (next <= v->next)
		return;
	tell_gap(v, line->offset);
	text_printf(&v->text, "id: %" PRIu64 "\ndata: {\"line\":", next);
	text_json(&v->text, line->data, line->size);
	text_printf(&v->text, "%s}\n\n", line->flags & TEND_LINE_CONTINUED ? ",\"continued\":true" : "");
	v->next = next;
}

static void tell_end(struct viewer *v, const struct job_end *end)
{
	tell_gap(v, v->position);
	text_printf(&v->text, "event: end\ndata: {");
	job_end_describe(end, &v->text);
	text_printf(&v->text, ",\"output\":\"%s\",\"bytes\":%" PRIu64 "}\n\n", tend_ending_name(v->ending),
	            v->position);
}

/* ---- where it comes from ---- */

static void take_end(struct viewer *v, enum tend_ending ending)
{
	struct tend_line line;

	if (tend_parser_finish(v->parser, &line) > 0)
		tell_line(v, &line);
	v->ending = ending;
	v->phase = EXIT;
}

/* What was fed is used up.  False: nothing is there at the moment. */
static bool take_event(struct viewer *v)
{
	struct tend_event event;

	if (tend_subscription_next(v->view, TEND_AT_ONCE, &event) < 0 || event.kind == TEND_TIMED_OUT)
		return false;
	if (event.kind == TEND_CHUNK) {
		v->position = event.chunk.offset + event.chunk.size;
		tend_parser_feed(v->parser, &event.chunk);
	} else if (event.kind == TEND_GAP) {
		v->position = event.gap.offset;
		tend_parser_gap(v->parser, &event.gap);
	} else {
		take_end(v, event.ending);
	}
	return true;
}

static bool take_output(struct viewer *v)
{
	struct tend_line line;
	int r = tend_parser_next(v->parser, &line);

	if (r == 0)
		return take_event(v);
	if (r > 0) /* else it goes on as after a gap */
		tell_line(v, &line);
	return true;
}

static bool take_exit(struct viewer *v)
{
	struct job_end end;

	if (!job_has_ended(v->job, &end))
		return false;
	tell_end(v, &end);
	v->phase = OVER;
	return true;
}

/* False: there was nothing to take. */
static bool take(struct viewer *v)
{
	return v->phase == OUTPUT ? take_output(v) : take_exit(v);
}

/* False: he has gone.  A connection of which he has closed his half counts as closed: a browser does not do that. */
static bool await(struct viewer *v)
{
	struct pollfd fds[] = {
		{ .fd = v->phase == OUTPUT ? tend_subscription_fd(v->view) : job_ended_fd(v->job), .events = POLLIN },
		{ .fd = v->fd, .events = POLLRDHUP },
	};
	int n = poll(fds, 2, v->quiet_ms);

	if (n == 0)
		text_printf(&v->text, ":\n\n"); /* a comment: we are there */
	return n == 0 || !fds[1].revents;
}

/* ---- what is sent ---- */

static size_t send_text(struct viewer *v, char *bytes, size_t room)
{
	size_t left = v->text.size - v->sent;
	size_t n = left < room ? left : room;

	if (n > 0)
		memcpy(bytes, v->text.data + v->sent, n);
	v->sent += n;
	if (v->sent == v->text.size) {
		text_clear(&v->text);
		v->sent = 0;
	}
	return n;
}

/* As much as there is at the moment: few large packets for who is behind. */
ssize_t viewer_read(struct viewer *v, char *bytes, size_t room)
{
	size_t n = 0;

	while (n < room) {
		n += send_text(v, bytes + n, room - n);
		if (v->text.has_failed)
			return -1;
		if (v->text.size > 0 || v->phase == OVER)
			break;
		if (take(v))
			continue;
		if (n > 0)
			break;
		if (!await(v))
			return -1;
	}
	return (ssize_t)n;
}

/* ---- coming and going ---- */

/* A number that no line of the output can have is none of ours. */
static uint64_t parse_id(const char *text, const tend_stream *output)
{
	char *end;
	unsigned long long id;

	if (!text || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	id = strtoull(text, &end, 10);
	return errno || *end || id > tend_stream_stats(output).bytes_read + 1 ? 0 : id;
}

static int attach(struct viewer *v)
{
	int r = tend_parser_new(&lines, &v->parser, NULL);

	if (r == 0)
		r = tend_stream_subscribe(job_output(v->job), &(struct tend_subscribe){ .label = "viewer" }, &v->view,
		                          NULL);
	if (r == 0)
		r = tend_subscription_fd(v->view);
	return r < 0 ? r : 0;
}

int viewer_new(struct job *take_job, const struct viewer_options *options, struct viewer **ret_viewer)
{
	struct viewer *v;
	int r;

	if (!job_admit(take_job)) {
		job_put(take_job);
		return -EBUSY;
	}
	v = calloc(1, sizeof(*v));
	if (!v) {
		job_leave(take_job);
		job_put(take_job);
		return -ENOMEM;
	}
	v->job = take_job;
	v->fd = options->fd;
	v->quiet_ms = (int)options->quiet_seconds * 1000;
	v->next = parse_id(options->last_event_id, job_output(v->job));
	r = attach(v);
	if (r < 0) {
		viewer_free(v);
		return r;
	}
	tell_start(v);
	*ret_viewer = v;
	return 0;
}

void viewer_free(struct viewer *v)
{
	tend_subscription_close(v->view);
	tend_parser_free(v->parser);
	job_leave(v->job);
	job_put(v->job);
	text_free(&v->text);
	free(v);
}
