/* SPDX-License-Identifier: MIT */
/*
 * Handles a command's output line by line, although some of its lines are longer than anybody wants to hold in memory:
 * of these the first 80 bytes come, flagged, and the rest of them is dropped.
 *
 * usage: long_lines COMMAND [ARG...]
 */
#include <stdio.h>
#include <tend.h>

static const struct tend_stream_options live = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_ALL, /* until the inspector is there, see tend_stream_seal_replay() below */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};
static const struct tend_line_options lines = {
	.max_length = 80,
	.overflow = TEND_LINE_TRUNCATE, /* TEND_LINE_SPLIT would give all of it, in pieces */
	.cut_at_utf8 = true,
};

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "long_lines: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

/* On the consumer's thread, one line after the other. */
static enum tend_flow on_line(void *arg, const struct tend_line *line)
{
	(void)arg;
	fwrite(line->data, 1, line->size, stdout);
	puts(line->flags & TEND_LINE_CUT ? " [cut]" : "");
	return TEND_CONTINUE;
}

int main(int argc, char **argv)
{
	TEND_AUTO(tend_process) child = NULL;
	TEND_AUTO(tend_consumer) printer = NULL;
	struct tend_result result;
	struct tend_error err;

	if (argc < 2) {
		fprintf(stderr, "usage: long_lines COMMAND [ARG...]\n");
		return 2;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 1,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(live),
	                                     .err = TEND_OUT_INHERIT,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &child, &err) < 0 ||
	    tend_stream_inspect_lines(tend_process_stdout(child), &lines, on_line, NULL, &printer, &err) < 0)
		return fail(&err);
	tend_stream_seal_replay(tend_process_stdout(child));
	if (tend_process_complete(child,
	                          &(struct tend_complete){
					  .timeout = TEND_FOREVER,
					  .drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(2) } },
	                          &result, &err) < 0 ||
	    tend_consumer_wait(printer, TEND_FOREVER, NULL, &err) < 0)
		return fail(&err);
	return result.exit.kind == TEND_EXITED ? result.exit.code : 125;
}
