/* SPDX-License-Identifier: MIT */
/*
 * Everything that can be wrong with a Procfile is found before its first process is started: a typing error in the last
 * line must not show when the first ones run.
 */
#include "up.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run_specs.h"
#include "run_watch.h"
#include "say.h"

/* As foreman(1) does: each name has a hundred ports, each of its processes one of them. */
enum { FIRST_PORT = 5000, PORTS_PER_NAME = 100, LAST_PORT = 65535 };

/* ---- files ---- */

/* All of it, with a NUL behind it.  0 or a negative errno value. */
static int read_all(int fd, char **ret_text, size_t *ret_size)
{
	char *text = malloc(PROCFILE_MOST_BYTES + 1);
	size_t size = 0;
	ssize_t n = text ? 1 : -1;

	while (n > 0 && size <= PROCFILE_MOST_BYTES) {
		n = read(fd, text + size, PROCFILE_MOST_BYTES + 1 - size);
		size += n > 0 ? (size_t)n : 0;
	}
	if (n < 0 || size > PROCFILE_MOST_BYTES) {
		n = !text ? -ENOMEM : n < 0 ? -errno : -EFBIG;
		free(text);
		return (int)n;
	}
	text[size] = '\0';
	*ret_text = text;
	*ret_size = size;
	return 0;
}

/* 0, or a negative errno value. */
static int read_file(const char *path, char **ret_text, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;

	if (fd < 0)
		return -errno;
	r = read_all(fd, ret_text, ret_size);
	close(fd);
	return r;
}

static int load_procfile(struct up *up)
{
	const char *path = up->options->procfile;
	size_t size = 0;
	int r = read_file(path, &up->procfile_text, &size);

	if (r < 0) {
		say("cannot read the Procfile %.300s: %s", path, strerror(-r));
		return -1;
	}
	if (procfile_parse(path, up->procfile_text, size, &up->procfile) < 0)
		return -1;
	if (up->procfile.n > 0)
		return 0;
	say("%.300s: there is no process in it: write NAME: COMMAND", path);
	return -1;
}

/* It need not be there. */
static int load_env(struct up *up)
{
	size_t size = 0;
	int r = read_file(up->env_file, &up->env_text, &size);

	up->env = (struct procfile){ .file = up->env_file };
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		say("cannot read %.300s: %s", up->env_file, strerror(-r));
		return -1;
	}
	return procfile_parse_env(up->env_file, up->env_text, size, &up->env);
}

static int find_directory(struct up *up)
{
	const char *path = up->options->procfile, *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) + 1 : 2;

	if (size + sizeof ".env" > sizeof up->directory) {
		say("the name of the Procfile is too long");
		return -1;
	}
	memcpy(up->directory, slash ? path : "./", size);
	snprintf(up->env_file, sizeof up->env_file, "%.4000s.env", slash ? up->directory : "");
	return 0;
}

/* ---- ports ---- */

/* From .env or the environment, as foreman has it: the first name's first process gets it. */
static int find_first_port(const struct up *up, size_t *ret_port)
{
	const struct procfile_entry *entry = procfile_find(&up->env, "PORT", 4);
	const char *text = entry ? entry->value : getenv("PORT");
	char place[300] = "PORT in the environment";

	*ret_port = FIRST_PORT;
	if (!text || !*text)
		return 0;
	if (entry)
		snprintf(place, sizeof place, "%.250s:%u: PORT", up->env.file, entry->line);
	return run_count_parse(place, text, 1, LAST_PORT, ret_port);
}

/* ---- variables ---- */

/* The process's own, then those of .env, then the environment. */
static const char *look_up(void *arg, const char *name, size_t size)
{
	const struct up_process *p = ((const void *const *)arg)[0];
	const struct up *up = ((const void *const *)arg)[1];
	const struct procfile_entry *entry = procfile_find(&up->env, name, size);
	char copy[256];

	if (size == 4 && memcmp(name, "PORT", 4) == 0)
		return strchr(p->port, '=') + 1;
	if (size == 2 && memcmp(name, "PS", 2) == 0)
		return strchr(p->ps, '=') + 1;
	if (entry)
		return entry->value;
	if (size == 0 || size >= sizeof copy)
		return NULL;
	memcpy(copy, name, size);
	copy[size] = '\0';
	return getenv(copy);
}

/* Those of .env stand in one piece of memory behind the list; later ones win. */
static int make_env(const struct up *up, struct up_process *p)
{
	size_t n = up->env.n + 2 + p->words.n_env, bytes = 0, i;
	char *at;

	for (i = 0; i < up->env.n; i++)
		bytes += strlen(up->env.entries[i].name) + strlen(up->env.entries[i].value) + 2;
	p->env = malloc((n + 1) * sizeof *p->env + bytes);
	if (!p->env) {
		say("%.200s: no memory for its environment", p->place);
		return -1;
	}
	at = (char *)(p->env + n + 1);
	for (i = 0; i < up->env.n; i++) {
		p->env[i] = at;
		at += sprintf(at, "%s=%s", up->env.entries[i].name, up->env.entries[i].value) + 1;
	}
	p->env[i++] = p->port;
	p->env[i++] = p->ps;
	for (size_t j = 0; j < p->words.n_env; j++)
		p->env[i++] = p->words.env[j];
	p->env[i] = NULL;
	return 0;
}

/* ---- processes ---- */

static const struct up_ready *ready_of(const struct up *up, const struct procfile_entry *entry)
{
	const struct up_options *o = up->options;

	for (size_t i = 0; i < o->n_ready; i++)
		if (strlen(entry->name) == o->ready[i].size &&
		    memcmp(entry->name, o->ready[i].name, o->ready[i].size) == 0)
			return &o->ready[i];
	return NULL;
}

/* The regular expression is lent: it is freed with up's own options. */
static void make_options(const struct up *up, struct up_process *p)
{
	const struct up_ready *ready = ready_of(up, p->entry);
	struct run_options *o = &p->options;

	*o = run_default_options;
	o->argv = (const char *const *)p->words.argv;
	o->env_set = p->env;
	o->cwd = up->directory;
	o->input = RUN_INPUT_NULL;
	o->output[0] = (struct run_output){ .kind = RUN_OUTPUT_STREAM, .stream = run_default_stream };
	o->output[1].kind = RUN_OUTPUT_MERGED;
	o->plan = up->options->plan;
	o->has_ready = ready != NULL;
	if (ready) {
		o->ready = ready->regex;
		o->ready_text = ready->text;
	}
}

static int make_process(struct up *up, const struct procfile_entry *entry, size_t nth, size_t port)
{
	struct up_process *p = &up->processes[up->n];
	const void *arg[] = { p, up };

	p->entry = entry;
	snprintf(p->name, sizeof p->name, "%.60s.%zu", entry->name, nth);
	snprintf(p->place, sizeof p->place, "%.200s:%u", up->procfile.file, entry->line);
	snprintf(p->port, sizeof p->port, "PORT=%zu", port);
	snprintf(p->ps, sizeof p->ps, "PS=%s", p->name);
	if (port > LAST_PORT) {
		say("%.200s: there is no port %zu for %s: begin with a lower PORT", p->place, port, p->name);
		return -1;
	}
	if (words_split(p->place, entry->value, look_up, arg, &p->words) < 0)
		return -1;
	up->n++;
	if (make_env(up, p) < 0)
		return -1;
	make_options(up, p);
	run_watch_init(&up->runs[up->n - 1], &p->options);
	up->runs[up->n - 1].name = p->name;
	return 0;
}

/* Also those of which none is to run are looked at, as far as they can be wrong by themselves. */
static int check_unused(struct up *up, const struct procfile_entry *entry, size_t port)
{
	struct up_process p = { .entry = entry };
	const void *arg[] = { &p, up };

	snprintf(p.place, sizeof p.place, "%.200s:%u", up->procfile.file, entry->line);
	snprintf(p.port, sizeof p.port, "PORT=%zu", port);
	snprintf(p.ps, sizeof p.ps, "PS=%.60s.1", entry->name);
	if (words_split(p.place, entry->value, look_up, arg, &p.words) < 0)
		return -1;
	words_free(&p.words);
	return 0;
}

static int make_processes(struct up *up, const size_t *counts)
{
	size_t first, total = 0;
	int r = find_first_port(up, &first);

	if (r < 0)
		return r;
	for (size_t i = 0; i < up->procfile.n; i++)
		total += counts[i];
	if (total == 0 || total > UP_MOST_PROCESSES) {
		say("%s: %zu of at most %zu processes are to run: see -m and --only",
		    total ? "too many" : "nothing to do", total, UP_MOST_PROCESSES);
		return -1;
	}
	up->processes = calloc(total, sizeof *up->processes);
	up->runs = calloc(total, sizeof *up->runs);
	if (!up->processes || !up->runs) {
		say("no memory for %zu processes", total);
		return -1;
	}
	for (size_t i = 0; i < up->procfile.n && r == 0; i++) {
		if (counts[i] == 0)
			r = check_unused(up, &up->procfile.entries[i], first + i * PORTS_PER_NAME);
		for (size_t j = 0; j < counts[i] && r == 0; j++)
			r = make_process(up, &up->procfile.entries[i], j + 1, first + i * PORTS_PER_NAME + j);
	}
	return r;
}

/* ---- prefixes ---- */

/* The colours that a terminal has in any case, without those that are hard to read. */
static void make_prefixes(struct up *up, bool has_colours)
{
	static const char *const colours[] = { "36", "33", "32", "35", "34", "96", "93", "92", "95", "94" };
	size_t width = 0;

	for (size_t i = 0; i < up->n; i++)
		width = strlen(up->processes[i].name) > width ? strlen(up->processes[i].name) : width;
	for (size_t i = 0; i < up->n; i++) {
		struct up_process *p = &up->processes[i];
		size_t colour = (size_t)(p->entry - up->procfile.entries) % (sizeof colours / sizeof *colours);

		snprintf(p->prefix, sizeof p->prefix, has_colours ? "\033[%sm%-*s | \033[0m" : "%.0s%-*s | ",
		         colours[colour], (int)width, p->name);
		up->runs[i].prefix = p->prefix;
	}
}

/* no-color.org: set and not empty. */
static bool wants_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

/* ---- the whole ---- */

int up_load(struct up *up)
{
	size_t counts[PROCFILE_MOST_ENTRIES];

	if (find_directory(up) < 0 || load_procfile(up) < 0 || load_env(up) < 0)
		return -1;
	if (up_options_count(up->options, &up->procfile, counts) < 0 || make_processes(up, counts) < 0)
		return -1;
	make_prefixes(up, wants_colours());
	return 0;
}

void up_free(struct up *up)
{
	for (size_t i = 0; i < up->n; i++) {
		words_free(&up->processes[i].words);
		free(up->processes[i].env);
	}
	free(up->processes);
	free(up->runs);
	procfile_free(&up->procfile);
	procfile_free(&up->env);
	free(up->procfile_text);
	free(up->env_text);
}
