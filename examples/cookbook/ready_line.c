/* SPDX-License-Identifier: MIT */
/*
 * Starts a server and waits until it says that it is ready: a line of its output matches PATTERN, an extended regular
 * expression.  A server that is too slow and one that has died are told apart.  Then the server is stopped.
 *
 * usage: ready_line PATTERN COMMAND [ARG...]
 */
#include <regex.h>
#include <stdio.h>
#include <tend.h>

static const struct tend_stream_options live = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_BYTES(1 << 20), /* for what it says before we look */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};
static const struct tend_line_options lines = {
	.max_length = TEND_DEFAULT_MAX_LINE_LENGTH,
	.overflow = TEND_LINE_TRUNCATE,
};

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "ready_line: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

/* 0: it is ready. */
static int await(tend_process *server, regex_t *pattern)
{
	struct tend_line_found found;
	struct tend_exit ended;
	struct tend_error err;

	if (tend_stream_wait_for_line(tend_process_stdout(server), &lines, tend_match_regex, pattern, TEND_SECONDS(30),
	                              &found, &err) < 0)
		return fail(&err);
	if (found.outcome == TEND_LINE_MATCHED) {
		printf("ready: %s\n", found.text);
		return 0;
	}
	/* An output that has ended is hardly ever anything but a server that ends. */
	if (tend_process_wait(server, found.outcome == TEND_LINE_TIMED_OUT ? TEND_AT_ONCE : TEND_SECONDS(5), &ended,
	                      &err) < 0)
		return fail(&err);
	if (ended.kind == TEND_RUNNING)
		printf("not ready within 30 seconds\n");
	else
		printf("it ended before it was ready: exit code %d, signal %d\n", ended.code, ended.signal);
	return 1;
}

static int serve(const char *const *argv, regex_t *pattern)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(5));
	TEND_AUTO(tend_process) server = NULL;
	struct tend_error err;
	int status;

	if (tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(live),
	                                     .err = TEND_OUT_MERGE,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	               &server, &err) < 0)
		return fail(&err);
	status = await(server, pattern);
	/* Here the server would be used.  Its output is read all the time, so it never waits for us. */
	return tend_process_stop(server, &plan, NULL, &err) < 0 ? fail(&err) : status;
}

int main(int argc, char **argv)
{
	regex_t pattern;
	int status;

	if (argc < 3 || regcomp(&pattern, argv[1], REG_EXTENDED | REG_NOSUB) != 0) {
		fprintf(stderr, "usage: ready_line PATTERN COMMAND [ARG...]\n");
		return 2;
	}
	status = serve((const char *const *)argv + 2, &pattern);
	regfree(&pattern);
	return status;
}
