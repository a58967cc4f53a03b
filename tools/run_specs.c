/* SPDX-License-Identifier: MIT */
/* Values with a structure of their own are taken apart here, and every refusal names the piece that it is about. */
#include "run_specs.h"

#include <ctype.h>
#include <signal.h>
#include <string.h>

#include "duration.h"
#include "say.h"
#include "signal_name.h"

const struct tend_stream_options run_default_stream = {
	.backend = TEND_BROADCAST,
	.delivery = TEND_RELIABLE,
	.overflow = TEND_DROP_NEWEST,
	.replay = { .kind = TEND_RETAIN_NONE },
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};

enum { MAX_RESTARTS = 1000000 };

/* A piece of a value.  Not NUL-terminated. */
struct piece {
	const char *text;
	size_t size;
};

/* For "%.*s". */
#define SHOW(p) SAY_CUT((p).size), (p).text

/* Takes what stands before the next `separator`, all where there is none. */
static struct piece cut(struct piece *rest, char separator)
{
	const char *end = memchr(rest->text, separator, rest->size);
	struct piece first = { rest->text, end ? (size_t)(end - rest->text) : rest->size };
	size_t used = first.size + (end ? 1 : 0);

	rest->text += used;
	rest->size -= used;
	return first;
}

static bool is(struct piece p, const char *word)
{
	return strlen(word) == p.size && memcmp(word, p.text, p.size) == 0;
}

int run_duration_parse(const char *option, const char *text, size_t size, int64_t *ret_ns)
{
	const char *wrong = duration_parse(text, size, ret_ns);

	if (!wrong)
		return 0;
	say("%s: '%.*s' %s", option, SAY_CUT(size), text, wrong);
	return -1;
}

static bool parse_number(struct piece p, size_t *ret_n)
{
	size_t n = 0;

	if (p.size == 0)
		return false;
	for (size_t i = 0; i < p.size; i++)
		if (!isdigit((unsigned char)p.text[i]) || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (size_t)(p.text[i] - '0'), &n))
			return false;
	*ret_n = n;
	return true;
}

int run_count_parse(const char *option, const char *text, size_t least, size_t most, size_t *ret_n)
{
	size_t n;

	if (!parse_number((struct piece){ text, strlen(text) }, &n) || n < least || n > most) {
		say("%s: '%.200s' is no number from %zu to %zu", option, text, least, most);
		return -1;
	}
	*ret_n = n;
	return 0;
}

/* Bytes are bytes: no locale is set, so that a line that is no valid UTF-8 can match, too. */
int run_regex_parse(const char *option, const char *text, regex_t *ret_regex)
{
	char why[128];
	int r = regcomp(ret_regex, text, REG_EXTENDED | REG_NOSUB);

	if (r == 0)
		return 0;
	regerror(r, ret_regex, why, sizeof why);
	say("%s: '%.200s' is no regular expression: %s; see regex(7), extended", option, text, why);
	return -1;
}

/* ---- --stop ---- */

static int parse_signal(const char *option, struct piece p, int *ret_signal)
{
	int n = signal_number(p.text, p.size);

	if (n == 0) {
		say("%s: '%.*s' is no signal: write a name such as TERM or INT, or a number from 1 to %d", option,
		    SHOW(p), SIGRTMAX);
		return -1;
	}
	if (n == SIGKILL) {
		say("%s: KILL is always sent last and is no phase of its own: write what comes before it, as in "
		    "TERM:10s",
		    option);
		return -1;
	}
	if (n == SIGSTOP) {
		say("%s: STOP does not end a program: write a signal that does, as in TERM:10s", option);
		return -1;
	}
	*ret_signal = n;
	return 0;
}

static int parse_target(const char *option, struct piece p, enum tend_target *ret_target)
{
	if (is(p, "group"))
		*ret_target = TEND_GROUP;
	else if (is(p, "leader"))
		*ret_target = TEND_LEADER;
	else if (is(p, "cgroup"))
		*ret_target = TEND_CGROUP;
	else {
		say("%s: '%.*s' is nothing that a signal can be sent to here: write leader, group or cgroup", option,
		    SHOW(p));
		return -1;
	}
	return 0;
}

static int parse_phase(const char *option, struct piece phase, struct tend_stop_phase *ret_phase)
{
	struct piece rest = phase, sig = cut(&rest, ':'), span = cut(&rest, ':');
	bool has_target = span.text + span.size < phase.text + phase.size;
	int64_t ns;

	ret_phase->target = TEND_GROUP;
	if (span.size == 0) {
		say("%s: the phase '%.*s' is not complete: write SIGNAL:DURATION, as in TERM:10s, or "
		    "SIGNAL:DURATION:leader",
		    option, SHOW(phase));
		return -1;
	}
	if (parse_signal(option, sig, &ret_phase->signal) < 0 ||
	    run_duration_parse(option, span.text, span.size, &ns) < 0 ||
	    (has_target && parse_target(option, rest, &ret_phase->target) < 0))
		return -1;
	ret_phase->duration = TEND_NS(ns);
	return 0;
}

int run_plan_parse(const char *option, const char *text, struct run_plan *ret_plan)
{
	struct piece rest = { text, strlen(text) };
	struct run_plan plan = { .n_phases = 0 };
	struct piece phase;
	bool more = true;

	while (more) {
		if (plan.n_phases == TEND_MAX_STOP_PHASES) {
			say("%s: more than %d phases: write at most that many, KILL comes behind them by itself",
			    option, TEND_MAX_STOP_PHASES);
			return -1;
		}
		more = memchr(rest.text, ',', rest.size) != NULL;
		phase = cut(&rest, ',');
		if (parse_phase(option, phase, &plan.phases[plan.n_phases]) < 0)
			return -1;
		plan.n_phases++;
	}
	*ret_plan = plan;
	return 0;
}

/* ---- --stdout, --stderr ---- */

static bool parse_size(struct piece p, size_t *ret_n)
{
	static const struct {
		const char *name;
		size_t factor;
	} units[] = { { "", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 } };
	struct piece unit, digits = p;
	size_t n;

	for (digits.size = 0; digits.size < p.size && isdigit((unsigned char)p.text[digits.size]);)
		digits.size++;
	unit = (struct piece){ p.text + digits.size, p.size - digits.size };
	if (!parse_number(digits, &n))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (is(unit, units[i].name))
			return !__builtin_mul_overflow(n, units[i].factor, ret_n);
	return false;
}

static bool set_backend(struct tend_stream_options *o, struct piece value)
{
	if (is(value, "broadcast"))
		o->backend = TEND_BROADCAST;
	else if (is(value, "single"))
		o->backend = TEND_SINGLE_SUBSCRIBER;
	else
		return false;
	return true;
}

static bool set_delivery(struct tend_stream_options *o, struct piece value)
{
	if (is(value, "reliable"))
		o->delivery = TEND_RELIABLE;
	else if (is(value, "lossy"))
		o->delivery = TEND_LOSSY;
	else
		return false;
	return true;
}

static bool set_overflow(struct tend_stream_options *o, struct piece value)
{
	if (is(value, "newest"))
		o->overflow = TEND_DROP_NEWEST;
	else if (is(value, "oldest"))
		o->overflow = TEND_DROP_OLDEST;
	else
		return false;
	return true;
}

static bool set_replay(struct tend_stream_options *o, struct piece value)
{
	struct piece amount = value, kind = cut(&amount, ':');
	size_t n = 0;

	if (is(value, "none"))
		o->replay = TEND_REPLAY_NONE;
	else if (is(value, "all"))
		o->replay = TEND_REPLAY_ALL;
	else if (is(kind, "bytes") && parse_size(amount, &n) && n > 0)
		o->replay = TEND_REPLAY_BYTES(n);
	else if (is(kind, "chunks") && parse_number(amount, &n) && n > 0)
		o->replay = TEND_REPLAY_CHUNKS(n);
	else
		return false;
	return true;
}

static bool set_chunk(struct tend_stream_options *o, struct piece value)
{
	return parse_size(value, &o->read_chunk_size) && o->read_chunk_size >= 1 &&
	       o->read_chunk_size <= TEND_MAX_READ_CHUNK_SIZE;
}

static bool set_depth(struct tend_stream_options *o, struct piece value)
{
	return parse_number(value, &o->max_buffered_chunks) && o->max_buffered_chunks >= 1 &&
	       o->max_buffered_chunks <= TEND_MAX_MAX_BUFFERED_CHUNKS;
}

static const struct setting {
	const char *name;
	bool (*set)(struct tend_stream_options *o, struct piece value);
	const char *right;
} settings[] = {
	{ "backend", set_backend, "broadcast or single" },
	{ "delivery", set_delivery, "reliable or lossy" },
	{ "overflow", set_overflow, "newest or oldest" },
	{ "replay", set_replay, "none, all, bytes:N or chunks:N" },
	{ "chunk", set_chunk, "a size from 1 to 1GiB, such as 4096 or 64KiB" },
	{ "depth", set_depth, "a number of chunks from 1 to 16777216" },
};

static int parse_setting(const char *option, struct piece setting, struct tend_stream_options *o)
{
	struct piece value = setting, name = cut(&value, '=');

	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		if (!is(name, settings[i].name))
			continue;
		if (settings[i].set(o, value))
			return 0;
		say("%s: '%.*s' is not possible: %s is %s", option, SHOW(setting), settings[i].name, settings[i].right);
		return -1;
	}
	say("%s: '%.*s' is not known: write inherit, discard, stream, or settings of a stream: backend=, delivery=, "
	    "overflow=, replay=, chunk=, depth=",
	    option, SHOW(setting));
	return -1;
}

int run_output_parse(const char *option, const char *text, struct run_output *ret_output)
{
	struct run_output output = { .kind = RUN_OUTPUT_STREAM, .stream = run_default_stream };
	struct piece rest = { text, strlen(text) };
	bool more = !is(rest, "stream");

	if (is(rest, "inherit"))
		output.kind = RUN_OUTPUT_INHERIT;
	else if (is(rest, "discard"))
		output.kind = RUN_OUTPUT_DISCARD;
	else
		while (more) {
			more = memchr(rest.text, ',', rest.size) != NULL;
			if (parse_setting(option, cut(&rest, ','), &output.stream) < 0)
				return -1;
		}
	*ret_output = output;
	return 0;
}

/* ---- --scope, --restart ---- */

int run_scope_parse(const char *option, const char *text, enum tend_scope *ret_scope)
{
	static const struct {
		const char *name;
		enum tend_scope scope;
	} scopes[] = {
		{ "group", TEND_SCOPE_GROUP },
		{ "session", TEND_SCOPE_SESSION },
		{ "cgroup", TEND_SCOPE_CGROUP },
		{ "none", TEND_SCOPE_NONE },
	};

	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
		if (strcmp(text, scopes[i].name) == 0) {
			*ret_scope = scopes[i].scope;
			return 0;
		}
	say("%s: '%.200s' is no scope: write group, session, cgroup or none", option, text);
	return -1;
}

static int parse_restart_setting(const char *option, struct piece setting, struct run_restart *r)
{
	struct piece value = setting, name = cut(&value, '=');

	if (is(name, "max") && parse_number(value, &r->max) && r->max >= 1 && r->max <= MAX_RESTARTS)
		return 0;
	if (is(name, "backoff") && value.size > 0)
		return run_duration_parse(option, value.text, value.size, &r->backoff_ns);
	say("%s: '%.*s' is not possible: max is a number from 1 to %d, and backoff a duration, as in "
	    "on-failure:max=5,backoff=1s",
	    option, SHOW(setting), MAX_RESTARTS);
	return -1;
}

int run_restart_parse(const char *option, const char *text, struct run_restart *ret_restart)
{
	struct run_restart restart = { .on_failure = true, .backoff_ns = INT64_C(1000000000) };
	struct piece rest = { text, strlen(text) }, when = cut(&rest, ':');
	bool more = when.size < strlen(text);

	if (is(when, "never") && !more) {
		*ret_restart = (struct run_restart){ .on_failure = false };
		return 0;
	}
	if (!is(when, "on-failure")) {
		say("%s: '%.200s' is no policy: write never, or on-failure, as in on-failure:max=5,backoff=1s", option,
		    text);
		return -1;
	}
	while (more) {
		more = memchr(rest.text, ',', rest.size) != NULL;
		if (parse_restart_setting(option, cut(&rest, ','), &restart) < 0)
			return -1;
	}
	*ret_restart = restart;
	return 0;
}
