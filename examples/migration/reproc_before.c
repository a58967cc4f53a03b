/* SPDX-License-Identifier: MIT */
/*
 * Runs a command for at most ten seconds, stops it if need be, and prints its output, with reproc.  See
 * doc/MIGRATION.md; reproc_after.c does the same.
 *
 * usage: reproc_before COMMAND [ARG...]
 */
#include <reproc/drain.h>
#include <reproc/reproc.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	const reproc_stop_actions plan = {
		.first = { REPROC_STOP_WAIT, REPROC_DEADLINE },
		.second = { REPROC_STOP_TERMINATE, 2000 },
		.third = { REPROC_STOP_KILL, 2000 },
	};
	reproc_t *child;
	char *output = NULL;
	int r;

	if (argc < 2) {
		fprintf(stderr, "usage: reproc_before COMMAND [ARG...]\n");
		return 2;
	}
	child = reproc_new();
	if (!child)
		return 125;
	r = reproc_start(child, (const char *const *)argv + 1,
	                 (reproc_options){ .redirect.in.type = REPROC_REDIRECT_DISCARD,
	                                   .deadline = 10000, /* ms */
	                                   .stop = plan });
	if (r >= 0)
		r = reproc_drain(child, reproc_sink_string(&output), REPROC_SINK_NULL);
	if (r >= 0 || r == REPROC_ETIMEDOUT)
		r = reproc_stop(child, plan); /* the exit code; 128 + n for signal n */
	if (r < 0)
		fprintf(stderr, "reproc_before: %s\n", reproc_strerror(r));
	else
		printf("%sstatus %d\n", output ? output : "", r);
	reproc_free(output);
	reproc_destroy(child);
	return r < 0 ? 125 : 0;
}
