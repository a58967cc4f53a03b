/* SPDX-License-Identifier: MIT */
/*
 * Keeps the stdout and the stderr of a command apart and prints both, with tend.  See doc/MIGRATION.md; gio_before.c
 * does the same.
 *
 * usage: gio_after COMMAND [ARG...]
 */
#include <stdio.h>
#include <tend.h>

static const struct tend_stream_options captured = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_BYTES(64 << 10), /* for what comes before the collectors are there */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};

static int run(const char *const *argv, struct tend_error *err)
{
	const struct tend_complete both = {
		.timeout = TEND_FOREVER,
		.out = TEND_COLLECT_BYTES(.max_bytes = 1 << 20, .overflow = TEND_DROP_NEWEST),
		.err = TEND_COLLECT_BYTES(.max_bytes = 64 << 10, .overflow = TEND_DROP_OLDEST),
		.drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(2) },
	};
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	int r = tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                         .in = TEND_IN_NULL,
	                                         .out = TEND_OUT_STREAM(captured),
	                                         .err = TEND_OUT_STREAM(captured),
	                                         .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	                   &child, err);

	if (r == 0)
		r = tend_process_complete(child, &both, &result, err);
	if (r < 0)
		return r;
	printf("stdout: %.*s\n", (int)result.out.collected.size, result.out.collected.data);
	printf("stderr: %.*s\n", (int)result.err.collected.size, result.err.collected.data);
	if (result.exit.kind == TEND_EXITED)
		printf("exit code %d\n", result.exit.code);
	else
		printf("signal %d\n", result.exit.signal);
	return 0;
}

int main(int argc, char **argv)
{
	struct tend_error err;

	if (argc < 2) {
		fprintf(stderr, "usage: gio_after COMMAND [ARG...]\n");
		return 2;
	}
	if (run((const char *const *)argv + 1, &err) < 0) {
		fprintf(stderr, "gio_after: %s\n", err.message);
		return 125;
	}
	return 0;
}
