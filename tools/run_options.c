/* SPDX-License-Identifier: MIT */
/*
 * One table of options.  Whatever is refused is refused in one line that says what is wrong and what would be
 * right, before anything is opened or started.
 */
#include "run_options.h"

#include <signal.h>
#include <string.h>

#include "duration.h"
#include "run_specs.h"
#include "say.h"

enum { MAX_TAIL = 100000 };

const char *const run_stream_names[2] = { "stdout", "stderr" };

const char run_help_text[] =
        "usage: tend run [options] [--] COMMAND [ARG...]\n"
        "\n"
        "  --name NAME           what messages call it; default: the program's name\n"
        "  --timeout DUR         run the stop plan when DUR has passed; exit with 124\n"
        "  --stop PLAN           SIGNAL:DUR[:leader|group],...; default TERM:10s; KILL is always last\n"
        "  --stdin inherit|null|FILE\n"
        "  --stdout SPEC, --stderr SPEC\n"
        "                        inherit, discard, stream, or settings of a stream:\n"
        "                        backend=broadcast|single, delivery=reliable|lossy, overflow=newest|oldest,\n"
        "                        replay=none|all|bytes:N|chunks:N, chunk=64KiB, depth=16\n"
        "  --log FILE            also write every byte of both streams there\n"
        "  --ready REGEX         ready at the first line of either stream that matches\n"
        "  --ready-timeout DUR   not ready in time: run the stop plan; exit with 124\n"
        "  --tail N              on failure, repeat the last N lines of each stream\n"
        "  --drain IDLE,TOTAL    read on after the exit while somebody else holds the pipe; default 100ms,3s\n"
        "  --report FILE         one JSON object about what happened; - is stderr\n"
        "  -q, -v                say less, say more (twice: everything)\n"
        "  --help, and see tend(1)\n"
        "\n"
        "DUR is " DURATION_HINT ".\n"
        "Exit status: the program's own; 128+n: ended by signal n; 124: timed out, or not ready in time;\n"
        "125: tend failed, or a bad option; 126: cannot be executed; 127: not found.\n";

/* ---- setters ---- */

static int set_name(struct run_options *o, const char *option, const char *value)
{
	if (value[0] == '\0') {
		say("%s: a name must not be empty: leave %s out for the program's name", option, option);
		return -1;
	}
	o->name = value;
	return 0;
}

static int set_positive(const char *option, const char *value, int64_t *ret_ns)
{
	int64_t ns;

	if (run_duration_parse(option, value, strlen(value), &ns) < 0)
		return -1;
	if (ns == 0) {
		say("%s: '%.200s' would be over at once: write more than 0, or leave %s out for no limit", option,
		    value, option);
		return -1;
	}
	*ret_ns = ns;
	return 0;
}

static int set_timeout(struct run_options *o, const char *option, const char *value)
{
	return set_positive(option, value, &o->timeout_ns);
}

static int set_ready_timeout(struct run_options *o, const char *option, const char *value)
{
	return set_positive(option, value, &o->ready_timeout_ns);
}

static int set_stop(struct run_options *o, const char *option, const char *value)
{
	return run_plan_parse(option, value, &o->plan);
}

static int set_stdout(struct run_options *o, const char *option, const char *value)
{
	return run_output_parse(option, value, &o->output[0]);
}

static int set_stderr(struct run_options *o, const char *option, const char *value)
{
	return run_output_parse(option, value, &o->output[1]);
}

static int set_file(const char *option, const char *value, const char **ret_file)
{
	if (value[0] == '\0') {
		say("%s: the name of the file is empty: write %s FILE", option, option);
		return -1;
	}
	*ret_file = value;
	return 0;
}

static int set_log(struct run_options *o, const char *option, const char *value)
{
	return set_file(option, value, &o->log_file);
}

static int set_report(struct run_options *o, const char *option, const char *value)
{
	return set_file(option, value, &o->report_file);
}

static int set_stdin(struct run_options *o, const char *option, const char *value)
{
	o->input = strcmp(value, "inherit") == 0 ? RUN_INPUT_INHERIT
	           : strcmp(value, "null") == 0  ? RUN_INPUT_NULL
	                                         : RUN_INPUT_FILE;
	return set_file(option, value, &o->input_file);
}

static int set_tail(struct run_options *o, const char *option, const char *value)
{
	return run_count_parse(option, value, 1, MAX_TAIL, &o->tail);
}

/* Bytes are bytes: no locale is set, so that a line that is no valid UTF-8 can match, too. */
static int set_ready(struct run_options *o, const char *option, const char *value)
{
	char why[128];
	regex_t regex;
	int r = regcomp(&regex, value, REG_EXTENDED | REG_NOSUB);

	if (r != 0) {
		regerror(r, &regex, why, sizeof why);
		say("%s: '%.200s' is no regular expression: %s; see regex(7), extended", option, value, why);
		return -1;
	}
	run_options_free(o);
	o->ready = regex;
	o->has_ready = true;
	o->ready_text = value;
	return 0;
}

static int set_drain(struct run_options *o, const char *option, const char *value)
{
	const char *comma = strchr(value, ',');

	if (!comma) {
		say("%s: '%.200s' has one duration and needs two: IDLE,TOTAL, as in 100ms,3s", option, value);
		return -1;
	}
	if (run_duration_parse(option, value, (size_t)(comma - value), &o->drain_idle_ns) < 0)
		return -1;
	return run_duration_parse(option, comma + 1, strlen(comma + 1), &o->drain_total_ns);
}

static int set_quiet(struct run_options *o, const char *option, const char *value)
{
	(void)option;
	(void)value;
	o->quiet = true;
	return 0;
}

static int set_verbose(struct run_options *o, const char *option, const char *value)
{
	(void)option;
	(void)value;
	o->verbose++;
	return 0;
}

static int set_help(struct run_options *o, const char *option, const char *value)
{
	(void)option;
	(void)value;
	o->help = true;
	return 0;
}

static const struct option {
	const char *name;
	const char *value; /* what it takes; NULL: nothing */
	int (*set)(struct run_options *o, const char *option, const char *value);
} table[] = {
	{ "--name", "a name", set_name },
	{ "--timeout", DURATION_HINT, set_timeout },
	{ "--stop", "a plan such as TERM:10s or INT:2s:leader,TERM:5s", set_stop },
	{ "--stdin", "inherit, null or a file", set_stdin },
	{ "--stdout", "inherit, discard, stream, or settings such as delivery=lossy", set_stdout },
	{ "--stderr", "inherit, discard, stream, or settings such as delivery=lossy", set_stderr },
	{ "--log", "a file", set_log },
	{ "--ready", "an extended regular expression", set_ready },
	{ "--ready-timeout", DURATION_HINT, set_ready_timeout },
	{ "--tail", "a number of lines", set_tail },
	{ "--drain", "two durations, IDLE,TOTAL, such as 100ms,3s", set_drain },
	{ "--report", "a file, or - for stderr", set_report },
	{ "-q", NULL, set_quiet },
	{ "-v", NULL, set_verbose },
	{ "--help", NULL, set_help },
};
enum { N_OPTIONS = sizeof table / sizeof *table };

/* ---- taking argv apart ---- */

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many letters have to be changed to make one word of the other; only the first 31 letters count. */
static size_t distance(const char *a, size_t n_a, const char *b)
{
	size_t row[32], n_b = strlen(b), diagonal, above;

	n_a = n_a < 31 ? n_a : 31;
	n_b = n_b < 31 ? n_b : 31;
	for (size_t j = 0; j <= n_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= n_a; i++) {
		diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n_b; j++) {
			above = row[j];
			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
			diagonal = above;
		}
	}
	return row[n_b];
}

static int refuse_unknown(const char *arg, size_t size)
{
	size_t best = 3;
	const char *nearest = NULL;

	for (size_t i = 0; i < N_OPTIONS; i++) {
		size_t d = distance(arg, size, table[i].name);

		if (size > 2 && d < best) {
			best = d;
			nearest = table[i].name;
		}
	}
	if (nearest)
		say("%.*s is no option: did you mean %s?", SAY_CUT(size), arg, nearest);
	else
		say("%.*s is no option: tend run --help lists them; write -- in front of a command that starts with -",
		    SAY_CUT(size), arg);
	return -1;
}

static const struct option *find(const char *arg, size_t size)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strlen(table[i].name) == size && memcmp(table[i].name, arg, size) == 0)
			return &table[i];
	return NULL;
}

/* -qv is -q -v. */
static int take_letters(struct run_options *o, const char *arg)
{
	for (const char *c = arg + 1; *c; c++) {
		const char one[3] = { '-', *c, '\0' };
		const struct option *option = find(one, 2);

		if (!option)
			return refuse_unknown(arg, strlen(arg));
		if (option->set(o, option->name, NULL) < 0)
			return -1;
	}
	return 0;
}

/* Takes argv[*i], and its value where that stands behind it; *i is then the last one taken. */
static int take(struct run_options *o, char **argv, int *i)
{
	const char *arg = argv[*i], *equals = strchr(arg, '=');
	size_t size = equals ? (size_t)(equals - arg) : strlen(arg);
	const struct option *option;

	if (arg[1] != '-')
		return take_letters(o, arg);
	option = find(arg, size);
	if (!option)
		return refuse_unknown(arg, size);
	if (!option->value && equals) {
		say("%s takes no value: write %s", option->name, option->name);
		return -1;
	}
	if (!option->value)
		return option->set(o, option->name, NULL);
	if (!equals && !argv[*i + 1]) {
		say("%s needs a value: %s", option->name, option->value);
		return -1;
	}
	return option->set(o, option->name, equals ? equals + 1 : argv[++*i]);
}

/* ---- what does not fit together ---- */

static const char *first_that_looks(const struct run_options *o)
{
	return o->log_file ? "--log" : o->has_ready ? "--ready" : o->tail ? "--tail" : NULL;
}

static int check_single(const struct run_options *o, const char *looks)
{
	for (size_t i = 0; i < 2; i++) {
		if (o->output[i].kind != RUN_OUTPUT_STREAM || o->output[i].stream.backend == TEND_BROADCAST || !looks)
			continue;
		say("--%s backend=single has room for one consumer, and %s is a second one: write backend=broadcast",
		    run_stream_names[i], looks);
		return -1;
	}
	return 0;
}

/* A stream is read when it was asked for, or when something has to see it. */
static int settle_outputs(struct run_options *o)
{
	const char *looks = first_that_looks(o);

	for (size_t i = 0; i < 2; i++)
		if (o->output[i].kind == RUN_OUTPUT_DEFAULT) {
			o->output[i].kind = looks ? RUN_OUTPUT_STREAM : RUN_OUTPUT_INHERIT;
			o->output[i].stream = run_default_stream;
		}
	if (looks && o->output[0].kind != RUN_OUTPUT_STREAM && o->output[1].kind != RUN_OUTPUT_STREAM) {
		say("%s has nothing to look at: make --stdout or --stderr a stream, or leave them out", looks);
		return -1;
	}
	return check_single(o, looks);
}

static int settle(struct run_options *o)
{
	if (!o->argv[0]) {
		say("no command given: write tend run [options] [--] COMMAND [ARG...]");
		return -1;
	}
	if (o->ready_timeout_ns && !o->has_ready) {
		say("--ready-timeout says for how long, but not for what: write --ready REGEX, too");
		return -1;
	}
	return settle_outputs(o);
}

int run_options_parse(struct run_options *options, int argc, char **argv)
{
	int i;

	*options = (struct run_options){
		.plan = { .n_phases = 1, .phases = { { SIGTERM, TEND_GROUP, TEND_SECONDS(10) } } },
		.drain_idle_ns = INT64_C(100000000),
		.drain_total_ns = INT64_C(3000000000),
	};
	for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (take(options, argv, &i) < 0)
			return -1;
		if (options->help)
			return 0;
	}
	options->argv = (const char *const *)(argv + i);
	return settle(options);
}

void run_options_free(struct run_options *options)
{
	if (options->has_ready)
		regfree(&options->ready);
	options->has_ready = false;
}
