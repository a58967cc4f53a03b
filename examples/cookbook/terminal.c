/* SPDX-License-Identifier: MIT */
/*
 * Asks a command three questions, one line each, and waits for the answer to each, one line.  Through pipes most
 * commands would keep their answers to themselves until there are 4 KiB of them; with a terminal they write each line
 * when it is complete.
 *
 * usage: terminal COMMAND [ARG...]
 */
#include <stdio.h>
#include <string.h>
#include <tend.h>

static const struct tend_stream_options live = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_NONE, /* it is listened to before the first question */
	.read_chunk_size = 4096,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};
static const struct tend_line_options lines = { .max_length = 1000, .overflow = TEND_LINE_TRUNCATE };

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "terminal: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

/* The next line, however it comes in chunks: 0, or 1 when the output ended, or took too long. */
static int answer(tend_subscription *view, tend_parser *parser)
{
	struct tend_event event;
	struct tend_line line;

	while (tend_parser_next(parser, &line) <= 0) {
		if (tend_subscription_next(view, TEND_SECONDS(10), &event) < 0 || event.kind != TEND_CHUNK)
			return 1;
		tend_parser_feed(parser, &event.chunk);
	}
	printf("  %.*s\n", (int)line.size, line.data);
	return 0;
}

static int ask(tend_process *child, const char *question, tend_subscription *view, tend_parser *parser)
{
	struct tend_error err;

	printf("%.*s?\n", (int)strcspn(question, "\n"), question);
	if (tend_process_stdin_write(child, question, strlen(question), TEND_SECONDS(10), NULL, &err) < 0)
		return fail(&err);
	return answer(view, parser);
}

int main(int argc, char **argv)
{
	static const struct tend_pty raw = { .mode = TEND_PTY_RAW, .rows = 24, .columns = 80 }; /* no echo */
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(2));
	TEND_AUTO(tend_process) child = NULL;
	TEND_AUTO(tend_subscription) view = NULL;
	TEND_AUTO(tend_parser) parser = NULL;
	struct tend_error err;
	int status;

	if (argc < 2) {
		fprintf(stderr, "usage: terminal COMMAND [ARG...]\n");
		return 2;
	}
	if (tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 1,
	                                     .in = TEND_IN_PIPE,
	                                     .out = TEND_OUT_STREAM(live),
	                                     .err = TEND_OUT_MERGE,
	                                     .pty = &raw,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	               &child, &err) < 0 ||
	    tend_stream_subscribe(tend_process_stdout(child), NULL, &view, &err) < 0 ||
	    tend_parser_new(&lines, &parser, &err) < 0)
		return fail(&err);
	status = ask(child, "one\n", view, parser) || ask(child, "two\n", view, parser) ||
	         ask(child, "three\n", view, parser);
	return tend_process_stop(child, &plan, NULL, &err) < 0 ? fail(&err) : status;
}
