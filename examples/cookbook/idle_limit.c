/* SPDX-License-Identifier: MIT */
/*
 * Runs a command for as long as it goes on writing: it is stopped when nothing has come on stdout or stderr for
 * SECONDS.
 *
 * usage: idle_limit SECONDS COMMAND [ARG...]
 */
#include <stdio.h>
#include <stdlib.h>
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
	fprintf(stderr, "idle_limit: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static int run(const char *const *argv, double seconds)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(2));
	const struct tend_complete until_idle = {
		.timeout = TEND_FOREVER,
		.inactivity = TEND_SECONDS(seconds),
		.out = TEND_COLLECT_BYTES(.max_bytes = 64 << 10, .overflow = TEND_DROP_OLDEST),
		.drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(2) },
		.stop = &plan,
	};
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	struct tend_error err;

	if (tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(captured),
	                                     .err = TEND_OUT_MERGE,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	               &child, &err) < 0 ||
	    tend_process_complete(child, &until_idle, &result, &err) < 0)
		return fail(&err);
	fwrite(result.out.collected.data, 1, result.out.collected.size, stdout);
	if (result.inactive)
		printf("%s: nothing was written for %g s\n", tend_outcome_name(result.outcome), seconds);
	return result.timed_out ? 124 : result.exit.kind == TEND_EXITED ? result.exit.code : 125;
}

int main(int argc, char **argv)
{
	double seconds = argc > 2 ? strtod(argv[1], NULL) : 0;

	if (!(seconds > 0)) {
		fprintf(stderr, "usage: idle_limit SECONDS COMMAND [ARG...]\n");
		return 2;
	}
	return run((const char *const *)argv + 2, seconds);
}
