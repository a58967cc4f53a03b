/* SPDX-License-Identifier: MIT */
/*
 * Runs a command whose output goes to three places: every byte to LOG, each line to stdout behind the command's name,
 * and the last lines into memory, for the message when the command fails.
 *
 * usage: tee_output LOG COMMAND [ARG...]
 */
#include <stdio.h>
#include <string.h>
#include <tend.h>

static const struct tend_stream_options shared = {
	.backend = TEND_BROADCAST,
	.delivery = TEND_RELIABLE, /* the log is to be whole: the command waits for the slowest of the three */
	.replay = TEND_REPLAY_ALL, /* until all three are there, see tend_stream_seal_replay() below */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};
static const struct tend_collect last_three = {
	.kind = TEND_COLLECTION_LINES,
	.overflow = TEND_DROP_OLDEST,
	.max_bytes = 4096,
	.max_lines = 3,
};

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "tee_output: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static void prefix(void *name, const struct tend_line *line, tend_writer *writer)
{
	tend_writer_emit(writer, name, strlen(name));
	tend_writer_emit(writer, ": ", 2);
	tend_writer_emit(writer, line->data, line->size);
}

static int attach(tend_stream *output, FILE *log, const char *name, tend_consumer *consumers[3],
                  struct tend_error *err)
{
	const struct tend_write to_log = {
		.what = TEND_WRITE_CHUNKS, .to = TEND_TO_FILE(log), .on_failure = TEND_WRITE_STOP
	};
	const struct tend_write to_stdout = {
		.what = TEND_WRITE_LINES,
		.to = TEND_TO_FILE(stdout),
		.on_failure = TEND_WRITE_GO_ON,
		.line = { .max_length = TEND_DEFAULT_MAX_LINE_LENGTH, .overflow = TEND_LINE_SPLIT },
		.line_end = TEND_LINE_END_ALWAYS,
		.map_line = prefix,
		.arg = (void *)name,
	};
	int r = tend_stream_write(output, &to_log, &consumers[0], err);

	if (r == 0)
		r = tend_stream_write(output, &to_stdout, &consumers[1], err);
	if (r == 0)
		r = tend_stream_collect(output, &last_three, &consumers[2], err);
	return r < 0 ? r : tend_stream_seal_replay(output);
}

/* Each consumer has ended: the command has, and its output was let go of. */
static int report(tend_consumer *const consumers[3], const struct tend_exit *exit, struct tend_error *err)
{
	struct tend_written log;
	struct tend_collected last;

	for (int i = 0; i < 3; i++)
		if (tend_consumer_wait(consumers[i], TEND_FOREVER, NULL, err) < 0)
			return fail(err);
	if (tend_consumer_written(consumers[0], &log, err) < 0 ||
	    tend_consumer_collected(consumers[2], &last, err) < 0)
		return fail(err);
	fprintf(stderr, "%llu bytes logged, %s\n", (unsigned long long)log.bytes_written,
	        log.complete ? "complete" : "not complete");
	if (exit->kind == TEND_EXITED && exit->code == 0)
		return log.complete ? 0 : 125;
	fprintf(stderr, "failed; the last lines were:\n");
	for (size_t i = 0; i < last.n_lines; i++)
		fprintf(stderr, "  %s\n", last.lines[i].data);
	return exit->kind == TEND_EXITED ? exit->code : 125;
}

static int run(const char *const *argv, FILE *log, tend_consumer *consumers[3])
{
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	struct tend_error err;

	if (tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(shared),
	                                     .err = TEND_OUT_MERGE,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	               &child, &err) < 0 ||
	    attach(tend_process_stdout(child), log, argv[0], consumers, &err) < 0 ||
	    tend_process_complete(child,
	                          &(struct tend_complete){
					  .timeout = TEND_FOREVER,
					  .drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(2) } },
	                          &result, &err) < 0)
		return fail(&err);
	return report(consumers, &result.exit, &err);
}

int main(int argc, char **argv)
{
	tend_consumer *consumers[3] = { NULL };
	FILE *log;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: tee_output LOG COMMAND [ARG...]\n");
		return 2;
	}
	log = fopen(argv[1], "we");
	if (!log) {
		perror(argv[1]);
		return 125;
	}
	status = run((const char *const *)argv + 2, log, consumers);
	for (int i = 0; i < 3; i++) {
		if (consumers[i]) /* the file and stdout stay open until nobody writes any more */
			tend_consumer_cancel(consumers[i], TEND_FOREVER, TEND_CANCEL_NOW, NULL, NULL);
		tend_consumer_free(consumers[i]);
	}
	fclose(log);
	return status;
}
