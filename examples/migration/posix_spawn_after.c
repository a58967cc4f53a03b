/* SPDX-License-Identifier: MIT */
/*
 * Gives a command two lines of input and prints what it answers, with tend.  See doc/MIGRATION.md;
 * posix_spawn_before.c does the same.
 *
 * usage: posix_spawn_after COMMAND [ARG...]
 */
#include <stdio.h>
#include <string.h>
#include <tend.h>

static const char input[] = "first\nsecond\n";

static const struct tend_stream_options captured = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_BYTES(64 << 10), /* for what comes before the collector is there */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};
static const struct tend_complete to_the_end = {
	.timeout = TEND_FOREVER,
	.out = { .kind = TEND_COLLECTION_BYTES, .max_bytes = 1 << 20, .overflow = TEND_DROP_NEWEST },
	.drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(2) },
};

int main(int argc, char **argv)
{
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	struct tend_error err;

	if (argc < 2) {
		fprintf(stderr, "usage: posix_spawn_after COMMAND [ARG...]\n");
		return 2;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 1,
	                                     .in = TEND_IN_BYTES(input, strlen(input)),
	                                     .out = TEND_OUT_STREAM(captured),
	                                     .err = TEND_OUT_INHERIT,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &child, &err) < 0 ||
	    tend_process_complete(child, &to_the_end, &result, &err) < 0) {
		fprintf(stderr, "posix_spawn_after: %s\n", err.message);
		return 125;
	}
	fwrite(result.out.collected.data, 1, result.out.collected.size, stdout);
	printf(result.exit.kind == TEND_EXITED ? "exit code %d\n" : "signal %d\n",
	       result.exit.kind == TEND_EXITED ? result.exit.code : result.exit.signal);
	return 0;
}
