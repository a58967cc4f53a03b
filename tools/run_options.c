/* SPDX-License-Identifier: MIT */
/*
 * One table of options.  Whatever is refused is refused in one line that says what is wrong and what would be
 * right, before anything is opened or started.
 */
#include "run_options.h"

#include <limits.h>
#include <signal.h>
#include <string.h>

#include "duration.h"
#include "options.h"
#include "run_specs.h"
#include "say.h"

enum { MAX_TAIL = 100000 };

const char *const run_stream_names[2] = { "stdout", "stderr" };

const char run_help_text[] =
	"usage: tend run [options] [--] COMMAND [ARG...]\n"
	"\n"
	"  --name NAME           what messages call it; default: the program's name\n"
	"  --timeout DUR         run the stop plan when DUR has passed; exit with 124\n"
	"  --stop PLAN           SIGNAL:DUR[:leader|group|cgroup],...; default TERM:10s; KILL is always last\n"
	"  --scope SCOPE         what is stopped together: group (the default), session, cgroup, none\n"
	"  --with-parent         when tend is killed, the program and its group are, too\n"
	"  --restart POLICY      never (the default), or on-failure[:max=N,backoff=DUR]; backoff is 1s\n"
	"  --stdin inherit|null|FILE\n"
	"  --stdout SPEC, --stderr SPEC\n"
	"                        inherit, discard, stream, or settings of a stream:\n"
	"                        backend=broadcast|single, delivery=reliable|lossy, overflow=newest|oldest,\n"
	"                        replay=none|all|bytes:N|chunks:N, chunk=64KiB, depth=16\n"
	"  --log FILE            also write every byte of both streams there\n"
	"  --log-stdout FILE, --log-stderr FILE\n"
	"                        also write every byte of that stream there\n"
	"  --prefix[=TEXT]       put TEXT in front of each line; default: the name, a colon and a blank\n"
	"  --timestamps          put the time, in UTC, in front of each line\n"
	"  --ready REGEX         ready at the first line of either stream that matches\n"
	"  --ready-timeout DUR   not ready in time: run the stop plan; exit with 124\n"
	"  --ready-fd N          write a newline to descriptor N when ready, and close it\n"
	"  --tail N              on failure, repeat the last N lines of each stream\n"
	"  --drain IDLE,TOTAL    read on after the exit while somebody else holds the pipe; default 100ms,3s\n"
	"  --report FILE         one JSON object about what happened; - is stderr\n"
	"  -q, -v                say less, say more (twice: everything)\n"
	"  --help, and see tend(1)\n"
	"\n"
	"DUR is " DURATION_HINT ".\n"
	"With NOTIFY_SOCKET set, readiness and stopping are told as by sd_notify(3).\n"
	"Exit status: the program's own; 128+n: ended by signal n; 124: timed out, or not ready in time;\n"
	"125: tend failed, or a bad option; 126: cannot be executed; 127: not found.\n";

/* ---- setters ---- */

static int set_name(void *options, const char *option, const char *value)
{
	struct run_options *o = options;

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

static int set_timeout(void *options, const char *option, const char *value)
{
	struct run_options *o = options;

	return set_positive(option, value, &o->timeout_ns);
}

static int set_ready_timeout(void *options, const char *option, const char *value)
{
	struct run_options *o = options;

	return set_positive(option, value, &o->ready_timeout_ns);
}

static int set_stop(void *options, const char *option, const char *value)
{
	struct run_options *o = options;

	return run_plan_parse(option, value, &o->plan);
}

static int set_stdout(void *options, const char *option, const char *value)
{
	struct run_options *o = options;

	return run_output_parse(option, value, &o->output[0]);
}

static int set_stderr(void *options, const char *option, const char *value)
{
	struct run_options *o = options;

	return run_output_parse(option, value, &o->output[1]);
}

static int set_log(void *options, const char *option, const char *value)
{
	struct run_options *o = options;

	return options_file(option, value, &o->log_file);
}

static int set_report(void *options, const char *option, const char *value)
{
	struct run_options *o = options;

	return options_file(option, value, &o->report_file);
}

static int set_stdin(void *options, const char *option, const char *value)
{
	struct run_options *o = options;

	o->input = strcmp(value, "inherit") == 0 ? RUN_INPUT_INHERIT
	           : strcmp(value, "null") == 0  ? RUN_INPUT_NULL
	                                         : RUN_INPUT_FILE;
	return options_file(option, value, &o->input_file);
}

static int set_tail(void *options, const char *option, const char *value)
{
	struct run_options *o = options;

	return run_count_parse(option, value, 1, MAX_TAIL, &o->tail);
}

static int set_ready(void *options, const char *option, const char *value)
{
	struct run_options *o = options;
	regex_t regex;

	if (run_regex_parse(option, value, &regex) < 0)
		return -1;
	run_options_free(o);
	o->ready = regex;
	o->has_ready = true;
	o->ready_text = value;
	return 0;
}

static int set_drain(void *options, const char *option, const char *value)
{
	struct run_options *o = options;
	const char *comma = strchr(value, ',');

	if (!comma) {
		say("%s: '%.200s' has one duration and needs two: IDLE,TOTAL, as in 100ms,3s", option, value);
		return -1;
	}
	if (run_duration_parse(option, value, (size_t)(comma - value), &o->drain_idle_ns) < 0)
		return -1;
	return run_duration_parse(option, comma + 1, strlen(comma + 1), &o->drain_total_ns);
}

static int set_flag(bool *flag, const char *option, const char *value)
{
	(void)option;
	(void)value;
	*flag = true;
	return 0;
}

static int set_quiet(void *options, const char *option, const char *value)
{
	return set_flag(&((struct run_options *)options)->quiet, option, value);
}

static int set_help(void *options, const char *option, const char *value)
{
	return set_flag(&((struct run_options *)options)->help, option, value);
}

static int set_timestamps(void *options, const char *option, const char *value)
{
	return set_flag(&((struct run_options *)options)->timestamps, option, value);
}

static int set_with_parent(void *options, const char *option, const char *value)
{
	return set_flag(&((struct run_options *)options)->with_parent, option, value);
}

static int set_verbose(void *options, const char *option, const char *value)
{
	(void)option;
	(void)value;
	((struct run_options *)options)->verbose++;
	return 0;
}

static int set_prefix(void *options, const char *option, const char *value)
{
	struct run_options *o = options;

	if (value && value[0] == '\0') {
		say("%s: the text must not be empty: write %s for the name, or leave it out", option, option);
		return -1;
	}
	o->has_prefix = true;
	o->prefix = value;
	return 0;
}

static int set_log_stdout(void *options, const char *option, const char *value)
{
	return options_file(option, value, &((struct run_options *)options)->log_files[0]);
}

static int set_log_stderr(void *options, const char *option, const char *value)
{
	return options_file(option, value, &((struct run_options *)options)->log_files[1]);
}

static int set_ready_fd(void *options, const char *option, const char *value)
{
	struct run_options *o = options;
	size_t n;

	if (run_count_parse(option, value, 1, INT_MAX, &n) < 0)
		return -1;
	o->ready_fd = (int)n;
	return 0;
}

static int set_scope(void *options, const char *option, const char *value)
{
	return run_scope_parse(option, value, &((struct run_options *)options)->scope);
}

static int set_restart(void *options, const char *option, const char *value)
{
	return run_restart_parse(option, value, &((struct run_options *)options)->restart);
}

static const struct option list[] = {
	{ "--name", "a name", false, set_name },
	{ "--timeout", DURATION_HINT, false, set_timeout },
	{ "--stop", "a plan such as TERM:10s or INT:2s:leader,TERM:5s", false, set_stop },
	{ "--scope", "group, session, cgroup or none", false, set_scope },
	{ "--with-parent", NULL, false, set_with_parent },
	{ "--restart", "never, or on-failure, as in on-failure:max=5,backoff=1s", false, set_restart },
	{ "--stdin", "inherit, null or a file", false, set_stdin },
	{ "--stdout", "inherit, discard, stream, or settings such as delivery=lossy", false, set_stdout },
	{ "--stderr", "inherit, discard, stream, or settings such as delivery=lossy", false, set_stderr },
	{ "--log", "a file", false, set_log },
	{ "--log-stdout", "a file", false, set_log_stdout },
	{ "--log-stderr", "a file", false, set_log_stderr },
	{ "--prefix", "a text", true, set_prefix },
	{ "--timestamps", NULL, false, set_timestamps },
	{ "--ready", "an extended regular expression", false, set_ready },
	{ "--ready-timeout", DURATION_HINT, false, set_ready_timeout },
	{ "--ready-fd", "the number of an open descriptor", false, set_ready_fd },
	{ "--tail", "a number of lines", false, set_tail },
	{ "--drain", "two durations, IDLE,TOTAL, such as 100ms,3s", false, set_drain },
	{ "--report", "a file, or - for stderr", false, set_report },
	{ "-q", NULL, false, set_quiet },
	{ "-v", NULL, false, set_verbose },
	{ "--help", NULL, false, set_help },
};
static const struct option_table table = { "run", list, sizeof list / sizeof *list };

/* ---- what does not fit together ---- */

/* What wants to see both streams, beside passing on. */
static const char *looks_at_both(const struct run_options *o)
{
	return o->log_file ? "--log" : o->has_ready ? "--ready" : o->tail ? "--tail" : NULL;
}

static const char *looks_at(const struct run_options *o, size_t i)
{
	static const char *const own_logs[2] = { "--log-stdout", "--log-stderr" };

	return o->log_files[i] ? own_logs[i] : looks_at_both(o);
}

static const char *changes_lines(const struct run_options *o)
{
	return o->has_prefix ? "--prefix" : o->timestamps ? "--timestamps" : NULL;
}

static int check_single(const struct run_options *o)
{
	for (size_t i = 0; i < 2; i++) {
		if (o->output[i].kind != RUN_OUTPUT_STREAM || o->output[i].stream.backend == TEND_BROADCAST ||
		    !looks_at(o, i))
			continue;
		say("--%s backend=single has room for one consumer, and %s is a second one: write backend=broadcast",
		    run_stream_names[i], looks_at(o, i));
		return -1;
	}
	return 0;
}

static int check_idle(const struct run_options *o)
{
	bool streams = o->output[0].kind == RUN_OUTPUT_STREAM || o->output[1].kind == RUN_OUTPUT_STREAM;
	const char *looks = looks_at_both(o) ? looks_at_both(o) : changes_lines(o);

	if (looks && !streams) {
		say("%s has nothing to look at: make --stdout or --stderr a stream, or leave them out", looks);
		return -1;
	}
	for (size_t i = 0; i < 2; i++) {
		if (!o->log_files[i] || o->output[i].kind == RUN_OUTPUT_STREAM)
			continue;
		say("--log-%s has nothing to look at: make --%s a stream, or leave it out", run_stream_names[i],
		    run_stream_names[i]);
		return -1;
	}
	return 0;
}

/* A stream is read when it was asked for, or when something has to see it. */
static int settle_outputs(struct run_options *o)
{
	for (size_t i = 0; i < 2; i++) {
		bool is_seen = looks_at(o, i) || changes_lines(o);

		if (o->output[i].kind != RUN_OUTPUT_DEFAULT)
			continue;
		o->output[i].kind = is_seen ? RUN_OUTPUT_STREAM : RUN_OUTPUT_INHERIT;
		o->output[i].stream = run_default_stream;
	}
	return check_idle(o) < 0 ? -1 : check_single(o);
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

const struct run_options run_default_options = {
	.plan = { .n_phases = 1, .phases = { { SIGTERM, TEND_GROUP, TEND_SECONDS(10) } } },
	.drain_idle_ns = INT64_C(100000000),
	.drain_total_ns = INT64_C(3000000000),
	.scope = TEND_SCOPE_GROUP,
	.ready_fd = -1,
};

int run_options_parse(struct run_options *options, int argc, char **argv)
{
	int i;

	*options = run_default_options;
	i = options_take(&table, options, &options->help, argc, argv);
	if (i < 0)
		return -1;
	if (options->help)
		return 0;
	options->argv = (const char *const *)(argv + i);
	return settle(options);
}

void run_options_free(struct run_options *options)
{
	if (options->has_ready)
		regfree(&options->ready);
	options->has_ready = false;
}
