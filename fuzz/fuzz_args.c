/* SPDX-License-Identifier: MIT */
/*
 * The arguments of tend run, each ended by a NUL: they are taken as the oracle takes them and nothing is said, or they
 * are refused in one line.  What the oracle cannot know is how long a regular expression takes, so that those that can
 * take long are left to the person who writes them.
 */
#include "fuzz.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../tools/say.h"
#include "args_oracle.h"

#define MOST_ARGS 32
#define MOST_BYTES 2048

const char fuzz_name[] = "args";

/* ---- what tools/say.c would write ---- */

static char said[1024];
static int n_said;

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof said, format, args);
	va_end(args);
	n_said++;
}

/* ---- what was taken ---- */

/* Digits of less than a nanosecond may be nothing. */
static bool is_about(int64_t ns, long double expected)
{
	return fabsl((long double)ns - expected) < 32;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static const char *compare_outputs(const struct run_options *o, const struct args_meaning *m)
{
	for (int i = 0; i < 2; i++) {
		const struct tend_stream_options *s = &o->output[i].stream;

		if (o->output[i].kind != m->output[i].kind)
			return "an output is of another kind";
		if ((s->backend == TEND_SINGLE_SUBSCRIBER) != m->output[i].single ||
		    (s->delivery == TEND_LOSSY) != m->output[i].lossy ||
		    (s->overflow == TEND_DROP_OLDEST) != m->output[i].oldest)
			return "a stream has other choices";
		if (s->replay.kind != m->output[i].replay ||
		    (long double)s->replay.amount != m->output[i].replay_amount)
			return "another replay";
		if ((long double)s->read_chunk_size != m->output[i].chunk ||
		    (long double)s->max_buffered_chunks != m->output[i].depth)
			return "another size of chunks, or number of them";
	}
	return NULL;
}

static const char *compare_plans(const struct run_plan *plan, const struct args_meaning *m)
{
	if (plan->n_phases != m->n_phases)
		return "another number of phases";
	for (size_t i = 0; i < m->n_phases; i++) {
		const struct tend_stop_phase *p = &plan->phases[i];

		if (p->signal != m->phases[i].signal)
			return "another signal";
		if (p->target != m->phases[i].target)
			return "another target";
		if (!is_about(p->duration - TEND_DURATION_TAG, m->phases[i].duration))
			return "another duration of a phase";
	}
	return NULL;
}

static const char *compare_the_rest(const struct run_options *o, const struct args_meaning *m)
{
	if (!same_text(o->log_files[0], m->own_log[0]) || !same_text(o->log_files[1], m->own_log[1]))
		return "another log of one stream";
	if (o->has_prefix != m->has_prefix || !same_text(o->prefix, m->prefix) || o->timestamps != m->timestamps)
		return "something else in front of the lines";
	if ((long double)o->ready_fd != m->ready_fd)
		return "another descriptor";
	if (o->scope != m->scope || o->with_parent != m->with_parent)
		return "another scope";
	if (o->restart.on_failure != m->restart.on_failure || (long double)o->restart.max != m->restart.max ||
	    !is_about(o->restart.backoff_ns, m->restart.backoff))
		return "another policy of restarts";
	return NULL;
}

static const char *compare(const struct run_options *o, const struct args_meaning *m, char **argv)
{
	const char *wrong;

	if (o->help != m->help)
		return "help was asked for, or not";
	if (o->help)
		return NULL;
	if (o->argv != (const char *const *)argv + m->command)
		return "the command begins elsewhere";
	if (o->input != m->input)
		return "another input";
	if (o->quiet != m->quiet || o->verbose != m->verbose)
		return "more or less is said";
	if (!same_text(o->name, m->name) || !same_text(o->log_file, m->log_file) ||
	    !same_text(o->report_file, m->report_file) || !same_text(o->ready_text, m->ready) ||
	    o->has_ready != (m->ready != NULL))
		return "another name, file or regular expression";
	if (!is_about(o->timeout_ns, m->timeout) || !is_about(o->ready_timeout_ns, m->ready_timeout) ||
	    !is_about(o->drain_idle_ns, m->drain_idle) || !is_about(o->drain_total_ns, m->drain_total))
		return "another duration";
	if ((long double)o->tail != m->tail)
		return "another number of lines";
	wrong = compare_the_rest(o, m);
	if (wrong)
		return wrong;
	wrong = compare_plans(&o->plan, m);
	return wrong ? wrong : compare_outputs(o, m);
}

/* ---- a run of it ---- */

/* Whether a regular expression may be among them that is slow or big; regcomp(3) promises nothing. */
static bool may_be_slow(int argc, char **argv)
{
	bool has_ready = false;
	size_t most = 0;

	for (int i = 1; i < argc; i++) {
		has_ready |= strncmp(argv[i], "--ready", 7) == 0;
		if (strpbrk(argv[i], "{*+?(|\\["))
			most = strlen(argv[i]) > most ? strlen(argv[i]) : most;
	}
	return has_ready && most > 24;
}

const char *fuzz_check(const uint8_t *data, size_t size)
{
	static char text[MOST_BYTES + 1], command[] = "run";
	char *argv[MOST_ARGS + 2] = { command };
	struct args_meaning expected;
	struct run_options options;
	const char *wrong = NULL;
	int argc = 1, r;

	size = size < MOST_BYTES ? size : MOST_BYTES;
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t at = 0; at < size && argc <= MOST_ARGS; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	if (may_be_slow(argc, argv))
		return NULL;
	n_said = 0;
	r = run_options_parse(&options, argc, argv);
	if (r < -1 || r > 0)
		wrong = "neither taken nor refused";
	else if ((r == 0) != args_oracle(&expected, argc, argv))
		wrong = r == 0 ? "it should be refused" : "it should be taken";
	else if (n_said != (r == 0 ? 0 : 1) || (n_said && said[0] == '\0'))
		wrong = "a refusal is one line, and all else is none";
	else if (r == 0)
		wrong = compare(&options, &expected, argv);
	run_options_free(&options);
	return wrong;
}
