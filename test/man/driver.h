/* SPDX-License-Identifier: MIT */
/*
 * What the drivers of the manual's examples share.  A driver is main() for the examples of one page, which
 * test/check-man.sh puts in front of it: it calls each of them on real children and looks at what came of it.
 */
#ifndef TEND_TEST_MAN_DRIVER_H
#define TEND_TEST_MAN_DRIVER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tend.h>
#include <unistd.h>

#define NEED(cond) need(!!(cond), #cond, __FILE__, __LINE__)

static inline void need(int held, const char *text, const char *file, int line)
{
	if (held)
		return;
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
	exit(1);
}

/* Everything, for whoever comes late. */
static const struct tend_stream_options driver_stream = {
	.backend = TEND_BROADCAST,
	.delivery = TEND_RELIABLE,
	.replay = { .kind = TEND_RETAIN_ALL },
	.read_chunk_size = 4096,
	.max_buffered_chunks = 16,
};
static const struct tend_stop driver_plan = { .n_phases = 0, .after_kill = TEND_DEFAULT_AFTER_KILL };

/* A spawn of a shell command with both outputs as streams; killed when it is forgotten. */
static inline struct tend_spawn driver_options(const char *const argv[])
{
	return (struct tend_spawn){
		.argv = argv,
		.in = TEND_IN_PIPE,
		.out = TEND_OUT_STREAM(driver_stream),
		.err = TEND_OUT_STREAM(driver_stream),
		.if_forgotten = TEND_FORGOTTEN_TERMINATE(&driver_plan),
	};
}

static inline tend_process *driver_start(const char *command)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	const struct tend_spawn options = driver_options(argv);
	tend_process *p = NULL;

	NEED(tend_spawn(&options, &p, NULL) == 0);
	return p;
}

/* From here on stdout is kept; then it has to be `wanted`, or the other, and is shown again. */
static int driver_stdout = -1;

static inline void keep_output(void)
{
	FILE *kept = tmpfile();

	NEED(kept && fflush(stdout) == 0);
	driver_stdout = dup(1);
	NEED(driver_stdout >= 0 && dup2(fileno(kept), 1) == 1);
	fclose(kept);
}

static inline void need_output_of(const char *wanted, const char *other)
{
	char got[4096] = "";
	ssize_t n;

	fflush(stdout);
	n = pread(1, got, sizeof got - 1, 0);
	NEED(n >= 0);
	dup2(driver_stdout, 1);
	close(driver_stdout);
	if (strcmp(got, wanted) == 0 || strcmp(got, other) == 0)
		return;
	fprintf(stderr, "it printed: %s\n", got);
	exit(1);
}

static inline void need_output(const char *wanted)
{
	need_output_of(wanted, wanted);
}

#endif
