/* SPDX-License-Identifier: MIT */
/*
 * Runs a command until a line of its output matches PATTERN, a Perl-compatible regular expression, and prints that line
 * and its first group.  Built where PCRE2 is; for the regular expressions of the C library see ready_server.c.
 *
 * usage: wait_for_pattern PATTERN COMMAND [ARG...]
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <tend.h>

struct pattern {
	pcre2_code *code;
	pcre2_match_data *match; /* one thread's at a time */
};

static const struct tend_stream_options live = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_BYTES(1 << 20), /* for what comes before we look */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};

/* PCRE2 takes a length, so the line is matched where it lies, NULs and all. */
static bool matches(void *pattern, const struct tend_line *line)
{
	const struct pattern *p = pattern;

	return pcre2_match(p->code, (PCRE2_SPTR)line->data, line->size, 0, 0, p->match, NULL) >= 0;
}

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "wait_for_pattern: %s: %s\n", tend_step_name(err->step), err->message);
	return 1;
}

/* The groups are offsets into the line, of which `text` is a copy, cut to fit. */
static int print_match(const struct pattern *p, const struct tend_line_found *found)
{
	const PCRE2_SIZE *group = pcre2_get_ovector_pointer(p->match) + 2;

	printf("line %llu: %s\n", (unsigned long long)found->lines_seen, found->text);
	if (pcre2_get_ovector_count(p->match) > 1 && group[0] != PCRE2_UNSET && group[1] < sizeof found->text)
		printf("group 1: %.*s\n", (int)(group[1] - group[0]), found->text + group[0]);
	return 0;
}

static int run(const char *const *argv, struct pattern *p)
{
	const struct tend_line_options lines = {
		.max_length = TEND_DEFAULT_MAX_LINE_LENGTH,
		.overflow = TEND_LINE_TRUNCATE,
	};
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(5));
	TEND_AUTO(tend_process) child = NULL;
	struct tend_line_found found;
	struct tend_error err;

	if (tend_spawn(&(struct tend_spawn){ .argv = argv,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(live),
	                                     .err = TEND_OUT_MERGE,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	               &child, &err) < 0 ||
	    tend_stream_wait_for_line(tend_process_stdout(child), &lines, matches, p, TEND_SECONDS(20), &found, &err) <
	            0 ||
	    tend_process_stop(child, &plan, NULL, &err) < 0)
		return fail(&err);
	if (found.outcome == TEND_LINE_MATCHED)
		return print_match(p, &found);
	printf("no match: %s\n", found.outcome == TEND_LINE_TIMED_OUT ? "20 seconds are over" : "the output ended");
	return 1;
}

int main(int argc, char **argv)
{
	struct pattern p;
	PCRE2_SIZE at;
	int error, status;

	if (argc < 3) {
		fprintf(stderr, "usage: wait_for_pattern PATTERN COMMAND [ARG...]\n");
		return 2;
	}
	p.code = pcre2_compile((PCRE2_SPTR)argv[1], PCRE2_ZERO_TERMINATED, 0, &error, &at, NULL);
	if (!p.code) {
		fprintf(stderr, "wait_for_pattern: the pattern is wrong at character %zu\n", (size_t)at);
		return 2;
	}
	p.match = pcre2_match_data_create_from_pattern(p.code, NULL);
	status = p.match ? run((const char *const *)argv + 2, &p) : 1;
	pcre2_match_data_free(p.match);
	pcre2_code_free(p.code);
	return status;
}
