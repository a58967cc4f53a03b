/* SPDX-License-Identifier: MIT */
/*
 * A visitor of one's own: counts the bytes and newlines of a command's stdout.  The stream is lossy and its buffer
 * small, so the command never waits for the counting; what the visitor did not get is told to it, and in the end
 * every byte of the stream is accounted for.
 *
 * usage: custom_visitor [COMMAND [ARG...]]      (default: seq 1 1000000)
 */
#include <stdio.h>
#include <tend.h>

static const struct tend_stream_options lossy = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_LOSSY,
	.overflow = TEND_DROP_NEWEST,
	.replay = TEND_REPLAY_BYTES(64 << 10), /* the child writes before the visitor is there */
	.read_chunk_size = 4096,
	.max_buffered_chunks = 4,
};

/* Only the consumer's thread touches it until the consumer has ended.  Static: valid until on_end has returned. */
static struct count {
	unsigned long long bytes, newlines, lost, gaps;
	unsigned long long start; /* where in the stream the subscription began */
	unsigned long long end;
	int read_errno;
} count;

static enum tend_flow on_chunk(void *self, const struct tend_chunk *chunk)
{
	struct count *c = self;
	const char *data = chunk->data;

	c->bytes += chunk->size;
	for (size_t i = 0; i < chunk->size; i++)
		c->newlines += data[i] == '\n';
	return TEND_CONTINUE;
}

/* What was read before the subscription existed is no loss of it: only at_start tells where it began. */
static void on_gap(void *self, const struct tend_gap *gap)
{
	struct count *c = self;

	if (gap->at_start)
		c->start = gap->offset - gap->bytes;
	c->gaps += gap->bytes != 0;
	c->lost += gap->bytes;
}

static void on_end(void *self, const struct tend_end *end)
{
	struct count *c = self;

	c->end = end->offset;
	c->read_errno = end->read_errno;
}

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "custom_visitor: %s: %s\n", tend_step_name(err->step), err->message);
	return 1;
}

static int print_count(const struct count *c, enum tend_ending ending)
{
	printf("%llu bytes and %llu newlines counted; %llu bytes lost in %llu gaps; %llu bytes came before\n", c->bytes,
	       c->newlines, c->lost, c->gaps, c->start);
	printf("the stream ended at byte %llu by %s\n", c->end, tend_ending_name(ending));
	if (ending == TEND_END_READ_ERROR)
		fprintf(stderr, "custom_visitor: read error %d\n", c->read_errno);
	return ending == TEND_END_EOF && c->start + c->bytes + c->lost == c->end ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct tend_visitor counter = { .on_chunk = on_chunk, .on_gap = on_gap, .on_end = on_end };
	const char *const seq[] = { "seq", "1", "1000000", NULL };
	TEND_AUTO(tend_process) child = NULL;
	TEND_AUTO(tend_consumer) consumer = NULL;
	struct tend_consumed seen;
	struct tend_exit gone;
	struct tend_error err;

	if (tend_spawn(&(struct tend_spawn){ .argv = argc > 1 ? (const char *const *)argv + 1 : seq,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(lossy),
	                                     .err = TEND_OUT_INHERIT,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &child, &err) < 0)
		return fail(&err);
	if (tend_stream_consume(tend_process_stdout(child), &counter, &count, &consumer, &err) < 0 ||
	    tend_process_wait(child, TEND_FOREVER, &gone, &err) < 0 ||
	    tend_consumer_wait(consumer, TEND_SECONDS(2), &seen, &err) < 0)
		return fail(&err);
	/* A descendant still holds the pipe.  The visitor never blocks, so this ends. */
	if (seen.ending == TEND_END_NONE &&
	    tend_consumer_cancel(consumer, TEND_FOREVER, TEND_CANCEL_DRAIN, &seen, &err) < 0)
		return fail(&err);
	return print_count(&count, seen.ending);
}
