/* SPDX-License-Identifier: MIT */
/*
 * The lines of a shell command and its exit code, with tend.  See doc/MIGRATION.md; popen_before.c does the same.
 *
 * usage: popen_after SHELL-COMMAND
 */
#include <stdio.h>
#include <tend.h>

static const struct tend_stream_options live = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE, /* as a pipe: the command waits for us */
	.replay = TEND_REPLAY_ALL, /* until the inspector is there, see tend_stream_seal_replay() below */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};
static const struct tend_line_options lines = {
	.max_length = TEND_DEFAULT_MAX_LINE_LENGTH,
	.overflow = TEND_LINE_TRUNCATE,
};

static enum tend_flow print_line(void *arg, const struct tend_line *line)
{
	(void)arg;
	printf("| %.*s\n", (int)line->size, line->data);
	return TEND_CONTINUE;
}

static int run(const char *const *argv, struct tend_result *ret_result, struct tend_error *err)
{
	TEND_AUTO(tend_process) child = NULL;
	TEND_AUTO(tend_consumer) printer = NULL;
	int r = tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                         .in = TEND_IN_INHERIT,
	                                         .out = TEND_OUT_STREAM(live),
	                                         .err = TEND_OUT_INHERIT,
	                                         .if_forgotten = TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL) },
	                   &child, err);

	if (r == 0)
		r = tend_stream_inspect_lines(tend_process_stdout(child), &lines, print_line, NULL, &printer, err);
	if (r == 0)
		r = tend_stream_seal_replay(tend_process_stdout(child));
	if (r == 0)
		r = tend_process_complete(child,
		                          &(struct tend_complete){
						  .timeout = TEND_FOREVER,
						  .drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(2) } },
		                          ret_result, err);
	if (r == 0)
		r = tend_consumer_wait(printer, TEND_FOREVER, NULL, err);
	return r;
}

int main(int argc, char **argv)
{
	const char *const command[] = { "sh", "-c", argc == 2 ? argv[1] : "", NULL };
	struct tend_result result;
	struct tend_error err;

	if (argc != 2) {
		fprintf(stderr, "usage: popen_after SHELL-COMMAND\n");
		return 2;
	}
	if (run(command, &result, &err) < 0) {
		fprintf(stderr, "popen_after: %s: %s\n", tend_step_name(err.step), err.message);
		return 125;
	}
	if (result.exit.kind == TEND_EXITED)
		printf("exit code %d\n", result.exit.code);
	else
		printf("no exit code\n");
	return 0;
}
