/* SPDX-License-Identifier: MIT */
/*
 * Passes on the output of a command as it comes, and ends it when SECONDS are over, with tend.  See doc/MIGRATION.md;
 * libuv_before.c does the same.  How tend's handles are watched by a loop of libuv is in ../loop_libuv.c.
 *
 * usage: libuv_after SECONDS COMMAND [ARG...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <tend.h>

static const struct tend_stream_options live = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_ALL, /* until the writer is there, see tend_stream_seal_replay() below */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};

static int pass_on(tend_process *child, tend_duration timeout, struct tend_result *ret_result, struct tend_error *err)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(2)); /* to the group; SIGKILL 2 s later */
	const struct tend_write to_stdout = {
		.what = TEND_WRITE_CHUNKS, .to = TEND_TO_FD(1), .on_failure = TEND_WRITE_STOP
	};
	const struct tend_complete in_time = {
		.timeout = timeout,
		.stop = &plan,
		.drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(2) },
	};
	TEND_AUTO(tend_consumer) writer = NULL;
	int r = tend_stream_write(tend_process_stdout(child), &to_stdout, &writer, err);

	if (r == 0)
		r = tend_stream_seal_replay(tend_process_stdout(child));
	if (r == 0)
		r = tend_process_complete(child, &in_time, ret_result, err);
	if (r == 0)
		r = tend_consumer_wait(writer, TEND_FOREVER, NULL, err);
	return r;
}

int main(int argc, char **argv)
{
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	struct tend_error err;

	if (argc < 3) {
		fprintf(stderr, "usage: libuv_after SECONDS COMMAND [ARG...]\n");
		return 2;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 2,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(live),
	                                     .err = TEND_OUT_INHERIT,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &child, &err) < 0 ||
	    pass_on(child, TEND_SECONDS(strtod(argv[1], NULL)), &result, &err) < 0) {
		fprintf(stderr, "libuv_after: %s\n", err.message);
		return 125;
	}
	if (result.exit.kind == TEND_SIGNALED)
		fprintf(stderr, "signal %d\n", result.exit.signal);
	else
		fprintf(stderr, "exit code %d\n", result.exit.code);
	return 0;
}
