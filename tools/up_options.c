/* SPDX-License-Identifier: MIT */
/* The options of tend up, and what they say of the processes in a Procfile, whose names are not known before. */
#include "up_options.h"

#include <string.h>

#include "options.h"
#include "run_specs.h"
#include "say.h"

enum { MOST_OF_ONE = 100 };

const char up_help_text[] =
	"usage: tend up [options] [PROCFILE]\n"
	"\n"
	"  -m NAME=N,...         how many of each process: none of those that are not named, but for all=N\n"
	"  --only NAME,...       none but these\n"
	"  --ready NAME=REGEX    start those behind NAME in the Procfile when a line of it matches; may be repeated\n"
	"  --stop PLAN           SIGNAL:DUR[:leader|group|cgroup],...; default TERM:10s; KILL is always last\n"
	"  --keep-going          when one ends the others run on\n"
	"  --report FILE         one JSON array about what happened; - is stderr\n"
	"  -q, -v                say less, say more (twice: everything)\n"
	"  --help, and see tend(1)\n"
	"\n"
	"PROCFILE is ./Procfile, with variables in .env beside it; each process gets a PORT, from 5000 on.\n"
	"Exit status: that of the first process that ends; with --keep-going, that ends otherwise than with 0;\n"
	"128+n: ended by signal n; 125: tend failed, or a bad option or file; 126: cannot be executed; 127: not "
        "found.\n";

/* ---- setters ---- */

static int set_formation(void *options, const char *option, const char *value)
{
	(void)option;
	((struct up_options *)options)->formation = value;
	return 0;
}

static int set_only(void *options, const char *option, const char *value)
{
	(void)option;
	((struct up_options *)options)->only = value;
	return 0;
}

static int set_ready(void *options, const char *option, const char *value)
{
	struct up_options *o = options;
	struct up_ready ready = { .name = value, .size = strcspn(value, "="), .text = value };
	int r;

	if (value[ready.size] == '\0' || ready.size == 0) {
		say("%s: '%.200s' has to say of whom: write NAME=REGEX", option, value);
		return -1;
	}
	if (o->n_ready == UP_MOST_READY) {
		say("%s: more than %d of them", option, UP_MOST_READY);
		return -1;
	}
	ready.text = value + ready.size + 1;
	r = run_regex_parse(option, ready.text, &ready.regex);
	if (r == 0)
		o->ready[o->n_ready++] = ready;
	return r;
}

static int set_stop(void *options, const char *option, const char *value)
{
	return run_plan_parse(option, value, &((struct up_options *)options)->plan);
}

static int set_report(void *options, const char *option, const char *value)
{
	return options_file(option, value, &((struct up_options *)options)->report_file);
}

static int set_keep_going(void *options, const char *option, const char *value)
{
	(void)option;
	(void)value;
	((struct up_options *)options)->keep_going = true;
	return 0;
}

static int set_quiet(void *options, const char *option, const char *value)
{
	(void)option;
	(void)value;
	((struct up_options *)options)->quiet = true;
	return 0;
}

static int set_verbose(void *options, const char *option, const char *value)
{
	(void)option;
	(void)value;
	((struct up_options *)options)->verbose++;
	return 0;
}

static int set_help(void *options, const char *option, const char *value)
{
	(void)option;
	(void)value;
	((struct up_options *)options)->help = true;
	return 0;
}

static const struct option list[] = {
	{ "-m", "how many of each process, as in web=2,worker=1", false, set_formation },
	{ "--only", "names of processes, as in web,worker", false, set_only },
	{ "--ready", "NAME=REGEX, an extended regular expression", false, set_ready },
	{ "--stop", "a plan such as TERM:10s or INT:2s:leader,TERM:5s", false, set_stop },
	{ "--keep-going", NULL, false, set_keep_going },
	{ "--report", "a file, or - for stderr", false, set_report },
	{ "-q", NULL, false, set_quiet },
	{ "-v", NULL, false, set_verbose },
	{ "--help", NULL, false, set_help },
};
static const struct option_table table = { "up", list, sizeof list / sizeof *list };

int up_options_parse(struct up_options *options, int argc, char **argv)
{
	int i;

	*options = (struct up_options){ .procfile = "Procfile", .plan = run_default_options.plan };
	i = options_take(&table, options, &options->help, argc, argv);
	if (i < 0)
		return -1;
	if (options->help)
		return 0;
	if (i + 1 < argc) {
		say("%.200s is one Procfile too many: write tend up [options] [PROCFILE]", argv[i + 1]);
		return -1;
	}
	if (i < argc)
		options->procfile = argv[i];
	return 0;
}

void up_options_free(struct up_options *options)
{
	for (size_t i = 0; i < options->n_ready; i++)
		regfree(&options->ready[i].regex);
	options->n_ready = 0;
}

/* ---- names of a Procfile ---- */

static int refuse_name(const char *option, const struct procfile *p, const char *name, size_t size)
{
	say("%s: '%.*s' is no process of %.200s", option, SAY_CUT(size), name, p->file);
	return -1;
}

/* One NAME=N of a formation, `size` bytes. */
static int parse_pair(const char *text, size_t size, size_t *ret_name_size, size_t *ret_n)
{
	const char *equals = memchr(text, '=', size);
	char number[16] = "";

	*ret_name_size = equals ? (size_t)(equals - text) : size;
	if (!equals || size - *ret_name_size - 1 >= sizeof number) {
		say("-m: '%.*s' is not NAME=N, as in web=2", SAY_CUT(size), text);
		return -1;
	}
	memcpy(number, equals + 1, size - *ret_name_size - 1);
	return run_count_parse("-m", number, 0, MOST_OF_ONE, ret_n);
}

static bool is_all(const char *name, size_t size)
{
	return size == 3 && memcmp(name, "all", 3) == 0;
}

/* The piece behind the next comma; NULL: there is none. */
static const char *next_piece(const char *at)
{
	at = strchr(at, ',');
	return at ? at + 1 : NULL;
}

/* Takes "all" first, wherever it stands, and then what is said of single ones. */
static int count_formation(const char *formation, const struct procfile *p, size_t *counts)
{
	for (int pass = 0; pass < 2; pass++)
		for (const char *at = formation; at; at = next_piece(at)) {
			size_t size, n;
			const struct procfile_entry *entry;

			if (parse_pair(at, strcspn(at, ","), &size, &n) < 0)
				return -1;
			entry = procfile_find(p, at, size);
			if (!entry && !is_all(at, size))
				return refuse_name("-m", p, at, size);
			if (entry && pass == 1)
				counts[entry - p->entries] = n;
			for (size_t i = 0; i < p->n && !entry && pass == 0; i++)
				counts[i] = n;
		}
	return 0;
}

static int count_only(const char *only, const struct procfile *p, size_t *counts)
{
	bool wanted[PROCFILE_MOST_ENTRIES] = { false };

	for (const char *at = only; at; at = next_piece(at)) {
		size_t size = strcspn(at, ",");
		const struct procfile_entry *entry = procfile_find(p, at, size);

		if (!entry)
			return refuse_name("--only", p, at, size);
		wanted[entry - p->entries] = true;
	}
	for (size_t i = 0; i < p->n; i++)
		if (!wanted[i])
			counts[i] = 0;
	return 0;
}

int up_options_count(const struct up_options *o, const struct procfile *p, size_t *ret_counts)
{
	for (size_t i = 0; i < o->n_ready; i++)
		if (!procfile_find(p, o->ready[i].name, o->ready[i].size))
			return refuse_name("--ready", p, o->ready[i].name, o->ready[i].size);
	for (size_t i = 0; i < p->n; i++)
		ret_counts[i] = o->formation ? 0 : 1;
	if (o->formation && count_formation(o->formation, p, ret_counts) < 0)
		return -1;
	return o->only ? count_only(o->only, p, ret_counts) : 0;
}
