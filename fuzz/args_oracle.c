/* SPDX-License-Identifier: MIT */
#include "args_oracle.h"

#include <math.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DURATION "[0-9]+([.][0-9]+)?(ms|s|m|h)"
#define SIZE "[0-9]+(KiB|MiB|GiB)?"
#define SETTING                                                                                                        \
	"(backend=(broadcast|single)|delivery=(reliable|lossy)|overflow=(newest|oldest)|"                              \
	"replay=(none|all|bytes:" SIZE "|chunks:[0-9]+)|chunk=" SIZE "|depth=[0-9]+)"

#define MOST_BYTES 4096

/* The forms are few and fixed: each is compiled once. */
static bool has_form(const char *text, const char *form)
{
	static struct {
		const char *form;
		regex_t regex;
	} known[24];
	size_t i = 0;

	while (known[i].form && known[i].form != form)
		i++;
	if (!known[i].form && regcomp(&known[i].regex, form, REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	known[i].form = form;
	return regexec(&known[i].regex, text, 0, NULL, 0) == 0;
}

/* The piece before `separator`, which is cut off *rest; NULL behind the last one. */
static char *next(char **rest, char separator)
{
	char *piece = *rest, *end = piece ? strchr(piece, separator) : NULL;

	*rest = end ? end + 1 : NULL;
	if (end)
		*end = '\0';
	return piece;
}

/* ---- values ---- */

static bool duration(const char *text, long double *ret_ns)
{
	static const char form[] = "^" DURATION "$";
	const char *unit = text + strspn(text, "0123456789.");
	long double ns = strcmp(unit, "ms") == 0 ? 1e6L : *unit == 's' ? 1e9L : *unit == 'm' ? 60e9L : 3600e9L;

	if (!has_form(text, form))
		return false;
	*ret_ns = strtold(text, NULL) * ns;
	return floorl(strtold(text, NULL)) * ns + ns <= (long double)TEND_DURATION_MAX;
}

static bool positive_duration(const char *text, long double *ret_ns)
{
	return duration(text, ret_ns) && *ret_ns >= 1;
}

static bool size(const char *text, long double *ret_n)
{
	static const char form[] = "^" SIZE "$";
	const char *unit = text + strspn(text, "0123456789");
	int shift = *unit == 'K' ? 10 : *unit == 'M' ? 20 : *unit == 'G' ? 30 : 0;

	*ret_n = ldexpl(strtold(text, NULL), shift);
	return has_form(text, form) && *ret_n <= (long double)SIZE_MAX;
}

static bool is_signal(const char *text, int *ret_signal)
{
	/* the 16th has no name here */
	static const char *const plain[] = {
		"HUP",  "INT",  "QUIT", "ILL",    "TRAP", "ABRT",  "BUS",  "FPE",  "KILL", "USR1", "SEGV",
		"USR2", "PIPE", "ALRM", "TERM",   NULL,   "CHLD",  "CONT", "STOP", "TSTP", "TTIN", "TTOU",
		"URG",  "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS",
	};
	static const char number[] = "^[0-9]{1,20}$", realtime[] = "^[+]([1-9]|[12][0-9]|30)$";
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;

	*ret_signal = 0;
	if (has_form(text, number))
		*ret_signal = strtold(text, NULL) <= 64 ? atoi(text) : 0;
	else if (strcasecmp(name, "RTMIN") == 0)
		*ret_signal = SIGRTMIN;
	else if (strncasecmp(name, "RTMIN", 5) == 0 && has_form(name + 5, realtime))
		*ret_signal = SIGRTMIN + atoi(name + 6);
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (plain[i] && strcasecmp(name, plain[i]) == 0)
			*ret_signal = (int)i + 1;
	return *ret_signal > 0 && *ret_signal != SIGKILL && *ret_signal != SIGSTOP;
}

static bool plan(char *text, struct args_meaning *m)
{
	char *phase;

	m->n_phases = 0;
	while ((phase = next(&text, ',')) != NULL) {
		const char *name = next(&phase, ':'), *time = next(&phase, ':');
		size_t n = m->n_phases++;

		if (n == TEND_MAX_STOP_PHASES || !time || !is_signal(name, &m->phases[n].signal) ||
		    !duration(time, &m->phases[n].duration))
			return false;
		m->phases[n].target = !phase || strcmp(phase, "group") == 0 ? TEND_GROUP
		                      : strcmp(phase, "leader") == 0        ? TEND_LEADER
		                      : strcmp(phase, "cgroup") == 0        ? TEND_CGROUP
		                                                            : 0;
		if (m->phases[n].target == 0)
			return false;
	}
	return true;
}

static bool replay(const char *amount, long double *ret_n)
{
	return size(amount, ret_n) && *ret_n >= 1;
}

/* One that has the form. */
static bool setting(const char *text, struct args_meaning *m, int i)
{
	const char *value = strchr(text, '=') + 1;

	if (*text == 'b')
		m->output[i].single = *value == 's';
	else if (strncmp(text, "delivery", 8) == 0)
		m->output[i].lossy = *value == 'l';
	else if (*text == 'o')
		m->output[i].oldest = *value == 'o';
	else if (*text == 'c')
		return size(value, &m->output[i].chunk) && m->output[i].chunk >= 1 && m->output[i].chunk <= 0x1p30L;
	else if (*text == 'd')
		return size(value, &m->output[i].depth) && m->output[i].depth >= 1 && m->output[i].depth <= 0x1p24L;
	else {
		m->output[i].replay = *value == 'n'   ? TEND_RETAIN_NONE
		                      : *value == 'a' ? TEND_RETAIN_ALL
		                      : *value == 'b' ? TEND_RETAIN_BYTES
		                                      : TEND_RETAIN_CHUNKS;
		m->output[i].replay_amount = 0;
		return !strchr(value, ':') || replay(strchr(value, ':') + 1, &m->output[i].replay_amount);
	}
	return true;
}

static void be_default(struct args_meaning *m, int i, enum run_output_kind kind)
{
	memset(&m->output[i], 0, sizeof m->output[i]);
	m->output[i].kind = kind;
	m->output[i].replay = TEND_RETAIN_NONE;
	m->output[i].chunk = 65536;
	m->output[i].depth = 16;
}

static bool output(char *text, struct args_meaning *m, int i)
{
	static const char form[] = "^(inherit|discard|stream|" SETTING "(," SETTING ")*)$";
	const char *one;

	if (!has_form(text, form))
		return false;
	be_default(m, i,
	           *text == 'i'                   ? RUN_OUTPUT_INHERIT
	           : strcmp(text, "discard") == 0 ? RUN_OUTPUT_DISCARD
	                                          : RUN_OUTPUT_STREAM);
	if (!strchr(text, '='))
		return true;
	while ((one = next(&text, ',')) != NULL)
		if (!setting(one, m, i))
			return false;
	return true;
}

static bool drain(char *text, struct args_meaning *m)
{
	const char *idle = next(&text, ',');

	return text && duration(idle, &m->drain_idle) && duration(text, &m->drain_total);
}

static bool ready(const char *text, struct args_meaning *m)
{
	regex_t regex;

	if (regcomp(&regex, text, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	regfree(&regex);
	m->ready = text;
	return true;
}

static bool scope(const char *text, struct args_meaning *m)
{
	static const char *const names[] = { "group", "session", "none", "cgroup" };

	m->scope = 0;
	for (int i = 0; i < 4; i++)
		if (strcmp(text, names[i]) == 0)
			m->scope = TEND_SCOPE_GROUP + i;
	return m->scope != 0;
}

static bool restart(char *text, struct args_meaning *m)
{
	static const char form[] =
		"^(never|on-failure(:(max=[0-9]+|backoff=" DURATION ")(,(max=[0-9]+|backoff=" DURATION "))*)?)$";
	const char *one;

	m->restart.on_failure = *text == 'o';
	m->restart.max = 0;
	m->restart.backoff = *text == 'o' ? 1e9L : 0;
	if (!has_form(text, form))
		return false;
	next(&text, ':');
	while ((one = next(&text, ',')) != NULL) {
		const char *amount = strchr(one, '=') + 1;

		if (*one == 'm')
			m->restart.max = strtold(amount, NULL);
		if (*one == 'm' ? m->restart.max < 1 || m->restart.max > 1000000
		                : !duration(amount, &m->restart.backoff))
			return false;
	}
	return true;
}

/* ---- options ---- */

/* The names of files, and the like: whatever is not empty. */
static const char **plain_text(struct args_meaning *m, const char *option)
{
	const struct {
		const char *option, **text;
	} texts[] = {
		{ "--name", &m->name },
		{ "--log", &m->log_file },
		{ "--log-stdout", &m->own_log[0] },
		{ "--log-stderr", &m->own_log[1] },
		{ "--report", &m->report_file },
		{ "--prefix", &m->prefix },
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strcmp(option, texts[i].option) == 0)
			return texts[i].text;
	return NULL;
}

static bool value(struct args_meaning *m, const char *option, const char *text)
{
	static const char count[] = "^[0-9]+$";
	char copy[MOST_BYTES];
	const char **file = plain_text(m, option);

	snprintf(copy, sizeof copy, "%s", text);
	if (strcmp(option, "--stdin") == 0)
		m->input = strcmp(text, "inherit") == 0 ? RUN_INPUT_INHERIT
		           : strcmp(text, "null") == 0  ? RUN_INPUT_NULL
		                                        : RUN_INPUT_FILE;
	if (file)
		*file = text;
	if (file || strcmp(option, "--stdin") == 0)
		return *text != '\0';
	if (strcmp(option, "--timeout") == 0)
		return positive_duration(text, &m->timeout);
	if (strcmp(option, "--ready-timeout") == 0)
		return positive_duration(text, &m->ready_timeout);
	if (strcmp(option, "--stop") == 0)
		return plan(copy, m);
	if (strcmp(option, "--stdout") == 0)
		return output(copy, m, 0);
	if (strcmp(option, "--stderr") == 0)
		return output(copy, m, 1);
	if (strcmp(option, "--drain") == 0)
		return drain(copy, m);
	if (strcmp(option, "--ready") == 0)
		return ready(text, m);
	if (strcmp(option, "--scope") == 0)
		return scope(text, m);
	if (strcmp(option, "--restart") == 0)
		return restart(copy, m);
	if (strcmp(option, "--ready-fd") == 0) {
		m->ready_fd = strtold(text, NULL);
		return has_form(text, count) && m->ready_fd >= 1 && m->ready_fd <= 0x7fffffffL;
	}
	m->tail = strtold(text, NULL);
	return strcmp(option, "--tail") == 0 && has_form(text, count) && m->tail >= 1 && m->tail <= 100000;
}

static bool fits_together(struct args_meaning *m, int argc)
{
	bool looks = m->log_file || m->ready || m->tail > 0, changes = m->has_prefix || m->timestamps, streams = false;

	for (int i = 0; i < 2; i++) {
		bool own = looks || m->own_log[i];

		if (m->output[i].kind == RUN_OUTPUT_DEFAULT)
			be_default(m, i, own || changes ? RUN_OUTPUT_STREAM : RUN_OUTPUT_INHERIT);
		streams |= m->output[i].kind == RUN_OUTPUT_STREAM;
		if (m->output[i].kind == RUN_OUTPUT_STREAM ? own && m->output[i].single : m->own_log[i] != NULL)
			return false;
	}
	return m->command < argc && !((looks || changes) && !streams) && !(m->ready_timeout > 0 && !m->ready);
}

/* An option that is one or more letters, or one that takes no value; -1: neither. */
static int flags(struct args_meaning *m, const char *arg)
{
	static const char letters[] = "^-[qv]+$";

	if (strcmp(arg, "--help") == 0) {
		m->help = true;
		return 1;
	}
	if (strcmp(arg, "--prefix") == 0)
		m->prefix = NULL;
	m->has_prefix |= strncmp(arg, "--prefix", 8) == 0 && (arg[8] == '\0' || arg[8] == '=');
	m->timestamps |= strcmp(arg, "--timestamps") == 0;
	m->with_parent |= strcmp(arg, "--with-parent") == 0;
	if (strcmp(arg, "--prefix") == 0 || strcmp(arg, "--timestamps") == 0 || strcmp(arg, "--with-parent") == 0)
		return 1;
	if (!has_form(arg, letters))
		return arg[1] == '-' ? -1 : 0;
	for (const char *c = arg + 1; *c; c++) {
		m->quiet |= *c == 'q';
		m->verbose += *c == 'v';
	}
	return 1;
}

bool args_oracle(struct args_meaning *ret, int argc, char **argv)
{
	struct args_meaning m = { .n_phases = 1,
		                  .phases = { { .signal = SIGTERM, .target = TEND_GROUP, .duration = 10e9L } },
		                  .ready_fd = -1,
		                  .scope = TEND_SCOPE_GROUP };
	int i, r = 1;

	m.drain_idle = 100e6L;
	m.drain_total = 3e9L;
	for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1] && strcmp(argv[i], "--") != 0 && !m.help; i++) {
		char name[MOST_BYTES];
		char *text = strchr(argv[i], '=');

		r = flags(&m, argv[i]);
		if (r == 0)
			return false;
		if (r == 1)
			continue;
		snprintf(name, sizeof name, "%.*s", text ? (int)(text - argv[i]) : MOST_BYTES - 1, argv[i]);
		text = text ? text + 1 : ++i < argc ? argv[i] : NULL;
		if (!text || !value(&m, name, text))
			return false;
	}
	m.command = i < argc && strcmp(argv[i], "--") == 0 ? i + 1 : i;
	*ret = m;
	if (m.help)
		return true;
	return fits_together(ret, argc);
}
