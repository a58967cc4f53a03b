/* SPDX-License-Identifier: MIT */
/*
 * Runs a command for at most ten seconds, stops it if need be, and prints its output, with tend.  See
 * doc/MIGRATION.md; reproc_before.c does the same.
 *
 * usage: reproc_after COMMAND [ARG...]
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

static int run(const char *const *argv, struct tend_error *err)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(2));
	const struct tend_complete in_time = {
		.timeout = TEND_SECONDS(10),
		.stop = &plan,
		.out = TEND_COLLECT_BYTES(.max_bytes = 1 << 20, .overflow = TEND_DROP_NEWEST),
		.drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(2) },
	};
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	int r = tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                         .in = TEND_IN_NULL,
	                                         .out = TEND_OUT_STREAM(captured),
	                                         .err = TEND_OUT_INHERIT,
	                                         .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	                   &child, err);

	if (r == 0)
		r = tend_process_complete(child, &in_time, &result, err);
	if (r < 0)
		return r;
	fwrite(result.out.collected.data, 1, result.out.collected.size, stdout);
	printf("status %d\n",
	       result.exit.kind == TEND_SIGNALED ? 128 + result.exit.signal : result.exit.code);
	return 0;
}

int main(int argc, char **argv)
{
	struct tend_error err;

	if (argc < 2) {
		fprintf(stderr, "usage: reproc_after COMMAND [ARG...]\n");
		return 2;
	}
	if (run((const char *const *)argv + 1, &err) < 0) {
		fprintf(stderr, "reproc_after: %s\n", err.message);
		return 125;
	}
	return 0;
}
