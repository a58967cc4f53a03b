/* SPDX-License-Identifier: MIT */
/*
 * A Procfile, or the file of variables beside it.  Its lines are what a regular expression says that they are.  Of each
 * command the words are those of wordexp(3), which tend itself must not use as it may run a shell; they stay the same
 * when each is quoted and all are split again; and plain commands are not refused.
 */
#include "fuzz.h"

#include <regex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wordexp.h>

#include "../tools/procfile.h"
#include "../tools/say.h"
#include "../tools/words.h"

#define MOST_BYTES 1024
#define FILE_NAME "P"

const char fuzz_name[] = "procfile";

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

/* ---- variables ---- */

static const char *const variables[][2] = { { "ONE", "one" }, { "TWO", "two  words" }, { "EMPTY", "" } };

static const char *look_up(void *arg, const char *name, size_t size)
{
	(void)arg;
	for (size_t i = 0; i < 3; i++)
		if (strlen(variables[i][0]) == size && memcmp(variables[i][0], name, size) == 0)
			return variables[i][1];
	return NULL;
}

/* wordexp(3) asks the environment.  It takes a blank that a value begins with for nothing behind other text: none does.
 */
static void set_environment(void)
{
	static bool is_set;

	if (is_set)
		return;
	clearenv();
	for (size_t i = 0; i < 3; i++)
		setenv(variables[i][0], variables[i][1], 1);
	is_set = true;
}

/* ---- lines ---- */

static regex_t *form(const char *text)
{
	static regex_t regexes[8];
	static const char *known[8];
	size_t i = 0;

	while (known[i] && known[i] != text)
		i++;
	if (!known[i] && regcomp(&regexes[i], text, REG_EXTENDED) != 0)
		abort();
	known[i] = text;
	return &regexes[i];
}

static bool is_span(const char *text, regmatch_t m, const char *word)
{
	return strlen(word) == (size_t)(m.rm_eo - m.rm_so) && memcmp(text + m.rm_so, word, strlen(word)) == 0;
}

static const char nothing[] = "^[ \t]*(#.*|[ \t\r]*)$";
static const char process[] = "^[ \t]*([A-Za-z0-9_-]+):[ \t]*(([^ \t].*)?[^ \t\r])[ \t\r]*$";

/* Whether the line is what the entry says; NULL: nothing, or refused.  *ret_bad: it has to be refused. */
static bool line_is(const char *line, const struct procfile_entry *entry, bool *ret_bad)
{
	regmatch_t m[4];

	*ret_bad = false;
	if (regexec(form(nothing), line, 4, m, 0) == 0)
		return !entry;
	*ret_bad = regexec(form(process), line, 4, m, 0) != 0;
	return entry && !*ret_bad && is_span(line, m[1], entry->name) && is_span(line, m[2], entry->value);
}

static const struct procfile_entry *at_line(const struct procfile *p, unsigned line)
{
	for (size_t i = 0; p && i < p->n; i++)
		if (p->entries[i].line == line)
			return &p->entries[i];
	return NULL;
}

/* The names of all lines before this one, to find a second one: `text` has been cut into lines. */
static bool is_second(const struct procfile *p, const struct procfile_entry *entry)
{
	for (size_t i = 0; i < p->n; i++)
		if (&p->entries[i] != entry && strcmp(p->entries[i].name, entry->name) == 0)
			return true;
	return false;
}

/* The refused line is neither nothing nor an entry with a name of its own; those in front of it begin at `text`. */
static const char *check_refused(const char *text, const char *line)
{
	regmatch_t m[4], before[4];

	if (!line)
		return "a line was refused that there is not";
	if (regexec(form(nothing), line, 4, m, 0) == 0)
		return "a line that is nothing was refused";
	if (regexec(form(process), line, 4, m, 0) != 0)
		return NULL;
	for (; text < line; text += strlen(text) + 1)
		if (regexec(form(process), text, 4, before, 0) == 0 &&
		    before[1].rm_eo - before[1].rm_so == m[1].rm_eo - m[1].rm_so &&
		    memcmp(text + before[1].rm_so, line + m[1].rm_so, (size_t)(m[1].rm_eo - m[1].rm_so)) == 0)
			return NULL;
	return "an entry was refused";
}

/* p is NULL where the file was refused, in the line that was named. */
static const char *check_lines(char *text, const struct procfile *p, unsigned refused)
{
	unsigned line = 1;
	char *at = text, *one;
	bool bad;

	for (; (one = strsep(&at, "\n")) && (p || line < refused); line++) {
		const struct procfile_entry *entry = at_line(p, line);

		if (p && !line_is(one, entry, &bad))
			return bad ? "a line should have been refused" : "a line is something else";
		if (!p && (line_is(one, NULL, &bad), bad))
			return "an earlier line should have been refused";
		if (entry && is_second(p, entry))
			return "a name is there twice";
	}
	return p ? NULL : check_refused(text, one);
}

/* ---- words ---- */

static bool same_words(char *const *a, char *const *b)
{
	while (*a && *b && strcmp(*a, *b) == 0)
		a++, b++;
	return !*a && !*b;
}

/* Each in quotes; behind an "exec" that is dropped, as the first of them may be one that is not. */
static void quote(const struct words *w, char *to)
{
	to = stpcpy(to, "exec ");
	for (char *const *word = w->argv; *word; word++) {
		*to++ = '\'';
		for (const char *c = *word; *c; c++)
			if (*c == '\'')
				to = stpcpy(to, "'\\''");
			else
				*to++ = *c;
		to = stpcpy(to, "' ");
	}
}

static const char *split_again(const struct words *w)
{
	static char quoted[16 * MOST_BYTES * 12];
	struct words again;
	bool same;

	quote(w, quoted);
	if (words_split("again", quoted, look_up, NULL, &again) < 0)
		return "words in quotes are refused";
	same = same_words(w->argv, again.argv);
	words_free(&again);
	return same ? NULL : "words in quotes are other words";
}

/* Empty quotes are words of their own, wherever they are. */
static bool has_whole_empty_words(const char *command)
{
	for (const char *c = command; *c; c++) {
		if ((*c != '"' && *c != '\'') || c[1] != *c)
			continue;
		if ((c > command && c[-1] != ' ') || (c[2] && c[2] != ' '))
			return false;
	}
	return true;
}

/*
 * What glibc's wordexp(3) can be believed in.  It makes a word of empty quotes that are a part of one, loses count of
 * words where a variable is empty, and knows nothing of variables that are set in front; ~ and braces are plain text
 * for tend, but at the beginning of a word.
 */
static bool is_common(const char *command, const struct words *w)
{
	static const char variable[] = "^[$]([{](ONE|TWO)[}]|(ONE|TWO))";
	regmatch_t m[4];

	if (w->n_env > 0 || strchr(command, '~') || !has_whole_empty_words(command))
		return false;
	if (strstr(command, "\\$"))
		return false; /* what stands behind it may be a brace */
	while ((command = strpbrk(command, "${}")) != NULL) {
		if (regexec(form(variable), command, 4, m, 0) != 0)
			return false;
		command += m[0].rm_eo;
		if (m[3].rm_so >= 0 && words_name_size(command - 3) > 3)
			return false;
	}
	return true;
}

static const char *compare(const char *command, const struct words *w)
{
	bool common = is_common(command, w);
	const char *wrong = NULL;
	wordexp_t expected;
	size_t first;
	int r;

	if (!common && !strstr(command, "$(") && !strchr(command, '`'))
		return NULL;
	r = wordexp(command, &expected, WRDE_NOCMD);
	if (r == WRDE_CMDSUB || (r != 0 && common))
		return "a shell would do something else";
	if (r != 0)
		return NULL;
	first = expected.we_wordc > 1 && strcmp(expected.we_wordv[0], "exec") == 0;
	if (common && !same_words(w->argv, expected.we_wordv + first))
		wrong = "other words";
	wordfree(&expected);
	return wrong;
}

static bool is_plain(const char *command)
{
	return strspn(command, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./,:+-@% \t") ==
	       strlen(command);
}

static const char *check_command(const struct procfile_entry *entry)
{
	struct words w;
	const char *wrong;
	int r;

	n_said = 0;
	r = words_split("place", entry->value, look_up, NULL, &w);
	if (n_said != (r == 0 ? 0 : 1) || (n_said && strncmp(said, "place: ", 7) != 0))
		return "a refusal is one line, with its place, and all else is none";
	if (r < 0 && strstr(said, "no memory"))
		return "there was memory";
	if (r < 0)
		return is_plain(entry->value) ? "a plain command is refused" : NULL;
	wrong = w.argv[0] ? compare(entry->value, &w) : "there is no command";
	if (!wrong)
		wrong = split_again(&w);
	words_free(&w);
	return wrong;
}

/* ---- a run of it ---- */

/* Which line was refused; 0: it does not say. */
static unsigned refused_line(void)
{
	unsigned line = 0;

	return sscanf(said, FILE_NAME ":%u: ", &line) == 1 ? line : 0;
}

static const char *check_procfile(const char *given, size_t size)
{
	static char text[MOST_BYTES + 1], copy[MOST_BYTES + 1];
	const char *wrong = NULL;
	struct procfile p;
	int r;

	memcpy(text, given, size + 1);
	memcpy(copy, given, size + 1);
	n_said = 0;
	r = procfile_parse(FILE_NAME, text, size, &p);
	if (n_said != (r == 0 ? 0 : 1) || (r < 0 && refused_line() == 0))
		return "a refusal is one line, with its place, and all else is none";
	if (r == 0 && strlen(given) < size)
		wrong = "a NUL byte should be refused";
	else if (strlen(given) == size)
		wrong = check_lines(copy, r == 0 ? &p : NULL, r == 0 ? 0 : refused_line());
	for (size_t i = 0; r == 0 && !wrong && i < p.n; i++)
		wrong = check_command(&p.entries[i]);
	if (r == 0)
		procfile_free(&p);
	return wrong;
}

/* Each is NAME=VALUE in its line, but for the quotes. */
static const char *check_env(const char *given, size_t size)
{
	static char text[MOST_BYTES + 1];
	const char *wrong = NULL;
	struct procfile p;
	int r;

	memcpy(text, given, size + 1);
	n_said = 0;
	r = procfile_parse_env(FILE_NAME, text, size, &p);
	if (n_said != (r == 0 ? 0 : 1) || (r < 0 && refused_line() == 0))
		return "a refusal of variables is one line, with its place, and all else is none";
	for (size_t i = 0; r == 0 && i < p.n; i++) {
		const struct procfile_entry *e = &p.entries[i];

		if (words_name_size(e->name) != strlen(e->name) || e->name[0] == '\0')
			wrong = "no name of a variable";
		else if (procfile_find(&p, e->name, strlen(e->name)) != e)
			wrong = "a variable is there twice";
		else if (strlen(e->value) >= size)
			wrong = "a value is longer than the file";
	}
	if (r == 0)
		procfile_free(&p);
	return wrong;
}

const char *fuzz_check(const uint8_t *data, size_t size)
{
	static char given[MOST_BYTES + 1];
	const char *wrong;

	set_environment();
	size = size < MOST_BYTES ? size : MOST_BYTES;
	memcpy(given, data, size);
	given[size] = '\0';
	wrong = check_procfile(given, size);
	return wrong ? wrong : check_env(given, size);
}
