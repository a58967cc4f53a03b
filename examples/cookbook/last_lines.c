/* SPDX-License-Identifier: MIT */
/*
 * Runs a command, keeps the last 20 lines that it writes, stdout and stderr in their true order, in 64 KiB at most, and
 * says how many came before these.
 *
 * usage: last_lines COMMAND [ARG...]
 */
#include <stdio.h>
#include <tend.h>

static const struct tend_stream_options captured = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_ALL, /* until the collector is there, see tend_stream_seal_replay() below */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};
static const struct tend_collect tail = {
	.kind = TEND_COLLECTION_LINES,
	.overflow = TEND_DROP_OLDEST, /* TEND_DROP_NEWEST would keep the first ones */
	.max_bytes = 64 << 10,
	.max_lines = 20,
};

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "last_lines: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static int report(tend_consumer *collector, const struct tend_exit *exit, struct tend_error *err)
{
	struct tend_collected kept;

	if (tend_consumer_wait(collector, TEND_FOREVER, NULL, err) < 0 ||
	    tend_consumer_collected(collector, &kept, err) < 0)
		return fail(err);
	if (kept.truncated)
		printf("(%llu lines before these)\n", (unsigned long long)kept.lines_left_out);
	for (size_t i = 0; i < kept.n_lines; i++)
		printf("%s\n", kept.lines[i].data);
	return exit->kind == TEND_EXITED ? exit->code : 125;
}

int main(int argc, char **argv)
{
	TEND_AUTO(tend_process) child = NULL;
	TEND_AUTO(tend_consumer) collector = NULL;
	struct tend_result result;
	struct tend_error err;

	if (argc < 2) {
		fprintf(stderr, "usage: last_lines COMMAND [ARG...]\n");
		return 2;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 1,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(captured),
	                                     .err = TEND_OUT_MERGE, /* one pipe for both: one order */
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &child, &err) < 0 ||
	    tend_stream_collect(tend_process_stdout(child), &tail, &collector, &err) < 0)
		return fail(&err);
	tend_stream_seal_replay(tend_process_stdout(child));
	if (tend_process_complete(child,
	                          &(struct tend_complete){
					  .timeout = TEND_FOREVER,
					  .drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(2) } },
	                          &result, &err) < 0)
		return fail(&err);
	return report(collector, &result.exit, &err);
}
