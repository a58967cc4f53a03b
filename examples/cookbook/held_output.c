/* SPDX-License-Identifier: MIT */
/*
 * Runs a command and returns when it has exited, although a helper that it left behind still holds its stdout open.
 * The output is read on until it has been idle for a while, then whoever holds it is named.
 *
 * usage: held_output COMMAND [ARG...]
 */
#include <stdio.h>
#include <tend.h>

static const struct tend_stream_options captured = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_BYTES(64 << 10), /* for what comes before the collector is there */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "held_output: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static int report(const struct tend_result *result)
{
	const struct tend_output_result *out = &result->out;

	fwrite(out->collected.data, 1, out->collected.size, stdout);
	for (size_t i = 0; i < out->n_held_by && i < TEND_MAX_NAMED; i++)
		printf("stdout is held by %d (%s)\n", (int)out->held_by[i].pid, out->held_by[i].comm);
	printf("stdout: %s, %s\n", tend_ending_name(out->end), out->collected.complete ? "complete" : "not complete");
	return result->exit.kind == TEND_EXITED ? result->exit.code : 125;
}

int main(int argc, char **argv)
{
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	struct tend_error err;

	if (argc < 2) {
		fprintf(stderr, "usage: held_output COMMAND [ARG...]\n");
		return 2;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 1,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(captured),
	                                     .err = TEND_OUT_INHERIT,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &child, &err) < 0 ||
	    tend_process_complete(
		    child,
		    &(struct tend_complete){
			    .timeout = TEND_FOREVER,
			    .out = TEND_COLLECT_BYTES(.max_bytes = 1 << 20, .overflow = TEND_DROP_NEWEST),
			    .drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(2) } },
		    &result, &err) < 0)
		return fail(&err);
	return report(&result);
}
