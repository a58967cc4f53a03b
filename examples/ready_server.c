/* SPDX-License-Identifier: MIT */
/*
 * Starts a server, waits until a line of its output matches PATTERN (an extended regular expression), while a second
 * consumer writes every byte of that output to LOGFILE, and then stops the server.
 *
 * usage: ready_server [PATTERN LOGFILE -- COMMAND [ARG...]]
 *        (default: "Ready to rumble" ready_server.log -- git daemon --verbose --listen=127.0.0.1 --base-path=.)
 */
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <tend.h>

static const struct tend_stream_options live = {
	.backend = TEND_BROADCAST,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_ALL, /* until both consumers are there, see tend_stream_seal_replay() below */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};

/* Called exactly once, last, with the file flushed: from here on nobody needs it. */
static void close_file(void *file, const struct tend_end *end)
{
	(void)end;
	fclose(file);
}

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "ready_server: %s: %s\n", tend_step_name(err->step), err->message);
	return 1;
}

/* 0 when the server became ready. */
static int await(tend_stream *output, regex_t *pattern)
{
	const struct tend_line_options lines = {
		.max_length = TEND_DEFAULT_MAX_LINE_LENGTH,
		.overflow = TEND_LINE_TRUNCATE,
	};
	struct tend_line_found found;
	struct tend_error err;

	if (tend_stream_wait_for_line(output, &lines, tend_match_regex, pattern, TEND_SECONDS(20), &found, &err) < 0)
		return fail(&err);
	tend_stream_seal_replay(output);
	if (found.outcome == TEND_LINE_MATCHED)
		printf("ready at line %llu: %s\n", (unsigned long long)found.lines_seen, found.text);
	else if (found.outcome == TEND_LINE_STREAM_ENDED)
		printf("not ready: the output ended (%s)\n", tend_ending_name(found.ending));
	else
		printf("not ready within 20 s\n");
	return found.outcome == TEND_LINE_MATCHED ? 0 : 1;
}

/* A descendant that left the group may still hold the pipe, so the end is not waited for without bound. */
static int finish(tend_consumer *logger)
{
	struct tend_consumed seen;
	struct tend_written written;
	struct tend_error err;

	if (tend_consumer_wait(logger, TEND_SECONDS(2), &seen, &err) < 0)
		return fail(&err);
	if (seen.ending == TEND_END_NONE &&
	    tend_consumer_cancel(logger, TEND_SECONDS(2), TEND_CANCEL_DRAIN, &seen, &err) < 0)
		return fail(&err);
	if (tend_consumer_written(logger, &written, &err) < 0)
		return fail(&err);
	printf("logged %llu bytes, ended by %s\n", (unsigned long long)written.bytes_written,
	       tend_ending_name(written.consumed.ending));
	return written.complete ? 0 : 1;
}

/* Takes the file. */
static int serve(const char *const *argv, regex_t *pattern, FILE *file)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(5));
	TEND_AUTO(tend_process) server = NULL;
	TEND_AUTO(tend_consumer) logger = NULL;
	struct tend_stop_report report;
	struct tend_error err;
	int failed;

	if (tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(live),
	                                     .err = TEND_OUT_MERGE,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	               &server, &err) < 0 ||
	    tend_stream_write(tend_process_stdout(server),
	                      &(struct tend_write){ .what = TEND_WRITE_CHUNKS,
	                                            .to = TEND_TO_FILE(file),
	                                            .on_failure = TEND_WRITE_STOP,
	                                            .on_end = close_file,
	                                            .arg = file },
	                      &logger, &err) < 0) {
		fclose(file);
		return fail(&err);
	}
	failed = await(tend_process_stdout(server), pattern);
	if (tend_process_stop(server, &plan, &report, &err) < 0)
		return fail(&err);
	printf("stopped: %s, %zu signals, %lld ms\n", tend_stopped_name(report.outcome), report.n_signals,
	       (long long)(report.duration_ns / 1000000));
	return finish(logger) || failed;
}

int main(int argc, char **argv)
{
	static const char *const git[] = { "git", "daemon", "--verbose", "--listen=127.0.0.1", "--base-path=.", NULL };
	const char *file_name = argc > 1 ? argv[2] : "ready_server.log";
	regex_t pattern;
	FILE *file;
	int status;

	if (argc > 1 && (argc < 5 || strcmp(argv[3], "--") != 0)) {
		fprintf(stderr, "usage: ready_server [PATTERN LOGFILE -- COMMAND [ARG...]]\n");
		return 2;
	}
	if (regcomp(&pattern, argc > 1 ? argv[1] : "Ready to rumble", REG_EXTENDED) != 0) {
		fprintf(stderr, "ready_server: %s is not a regular expression\n", argv[1]);
		return 2;
	}
	file = fopen(file_name, "we");
	if (!file) {
		perror(file_name);
		regfree(&pattern);
		return 1;
	}
	status = serve(argc > 1 ? (const char *const *)argv + 4 : git, &pattern, file);
	regfree(&pattern);
	return status;
}
