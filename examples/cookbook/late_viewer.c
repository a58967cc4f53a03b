/* SPDX-License-Identifier: MIT */
/*
 * Runs a command to its end and only then begins to look at its output, as a viewer does who opens a page late.  He
 * gets the last 64 KiB, and is told where in the output they begin.
 *
 * usage: late_viewer COMMAND [ARG...]
 */
#include <stdio.h>
#include <tend.h>

static const struct tend_stream_options kept = {
	.backend = TEND_BROADCAST, /* any number of viewers */
	.delivery = TEND_LOSSY,    /* none of whom the command waits for */
	.overflow = TEND_DROP_OLDEST,
	.replay = TEND_REPLAY_BYTES(64 << 10),
	.read_chunk_size = 4096,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "late_viewer: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

/* What he has not seen, and why. */
static void print_gap(const struct tend_gap *gap)
{
	if (gap->at_start)
		fprintf(stderr, "it begins with byte %llu\n", (unsigned long long)gap->offset);
	else
		fprintf(stderr, "%llu bytes are missing\n", (unsigned long long)gap->bytes);
}

static int view(tend_stream *stream)
{
	TEND_AUTO(tend_subscription) viewer = NULL;
	struct tend_event event;
	struct tend_error err;

	if (tend_stream_subscribe(stream, NULL, &viewer, &err) < 0)
		return fail(&err);
	for (;;) {
		if (tend_subscription_next(viewer, TEND_SECONDS(10), &event) < 0)
			return 125;
		if (event.kind == TEND_GAP)
			print_gap(&event.gap);
		else if (event.kind == TEND_CHUNK)
			fwrite(event.chunk.data, 1, event.chunk.size, stdout);
		else
			break;
	}
	return event.kind == TEND_EOF ? 0 : 125;
}

int main(int argc, char **argv)
{
	TEND_AUTO(tend_process) child = NULL;
	struct tend_error err;

	if (argc < 2) {
		fprintf(stderr, "usage: late_viewer COMMAND [ARG...]\n");
		return 2;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 1,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(kept),
	                                     .err = TEND_OUT_MERGE,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &child, &err) < 0 ||
	    tend_process_wait(child, TEND_FOREVER, NULL, &err) < 0)
		return fail(&err);
	return view(tend_process_stdout(child));
}
