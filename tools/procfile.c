/* SPDX-License-Identifier: MIT */
/*
 * Both formats are lines that nearly everything passes for, and tools skip what they do not understand: a process whose
 * name has a dot is never started, and nobody says so.  Here a line is an entry, or nothing, or refused.
 */
#include "procfile.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "words.h"

static int refuse(const char *file, unsigned line, const char *what)
{
	say("%.200s:%u: %s", file, line, what);
	return -1;
}

/* Takes the blanks in front away, and those at the end with the CR of other systems. */
static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	n = strlen(text);
	while (n > 0 && strchr(" \t\r", text[n - 1]))
		text[--n] = '\0';
	return text;
}

const struct procfile_entry *procfile_find(const struct procfile *p, const char *name, size_t size)
{
	for (size_t i = 0; i < p->n; i++)
		if (strlen(p->entries[i].name) == size && memcmp(p->entries[i].name, name, size) == 0)
			return &p->entries[i];
	return NULL;
}

static struct procfile_entry *find(struct procfile *p, const char *name)
{
	const struct procfile_entry *found = procfile_find(p, name, strlen(name));

	return found ? &p->entries[found - p->entries] : NULL;
}

static int add(struct procfile *p, struct procfile_entry entry)
{
	if (p->n == PROCFILE_MOST_ENTRIES)
		return refuse(p->file, entry.line, "more than 500 entries");
	p->entries[p->n++] = entry;
	return 0;
}

/* ---- NAME: COMMAND ---- */

static bool is_process_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return name[0] && strspn(name, letters) == strlen(name);
}

static int take_process(struct procfile *p, char *text, unsigned line)
{
	char *colon = strchr(text, ':');
	struct procfile_entry entry = { .name = text, .line = line };

	if (!colon)
		return refuse(p->file, line, "no colon: write NAME: COMMAND, or # in front of a comment");
	*colon = '\0';
	entry.value = trim(colon + 1);
	if (!is_process_name(text))
		return refuse(p->file, line, "the name in front of the colon has to be of letters, digits, _ and -");
	if (entry.value[0] == '\0')
		return refuse(p->file, line, "there is no command behind the colon: write NAME: COMMAND");
	if (find(p, text)) {
		say("%.200s:%u: %.60s is in line %u, too: give each process a name of its own", p->file, line, text,
		    find(p, text)->line);
		return -1;
	}
	return add(p, entry);
}

/* ---- NAME=VALUE ---- */

/* "..." with backslashes, \n among them; the quotes are known to be there.  In place. */
static const char *unescape(char *text)
{
	char *to = text;

	for (const char *from = text + 1; from[1]; from++) {
		if (*from != '\\' || !from[2])
			*to++ = *from;
		else
			*to++ = *++from == 'n' ? '\n' : *from;
	}
	*to = '\0';
	return text;
}

/* Where the quote that the text begins with is closed; NULL: nowhere. */
static const char *closing_quote(const char *text)
{
	char quote = text[0];
	size_t i = 1;

	while (text[i] && text[i] != quote)
		i += quote == '"' && text[i] == '\\' && text[i + 1] ? 2 : 1;
	return text[i] ? text + i : NULL;
}

/* NULL: its quotes are not as they should be. */
static const char *take_value(char *text)
{
	const char *end;

	if (text[0] != '\'' && text[0] != '"')
		return text;
	end = closing_quote(text);
	if (!end || end[1])
		return NULL;
	if (text[0] == '"')
		return unescape(text);
	text[end - text] = '\0';
	return text + 1;
}

static int take_variable(struct procfile *p, char *text, unsigned line)
{
	struct procfile_entry entry = { .name = text, .line = line }, *old;
	size_t size = words_name_size(text);

	if (size == 0 || text[size] != '=')
		return refuse(p->file, line, "no variable: write NAME=VALUE, without export and without blanks");
	text[size] = '\0';
	entry.value = take_value(text + size + 1);
	if (!entry.value)
		return refuse(p->file, line, "a quote in front of the value has to be closed at its end");
	old = find(p, text);
	if (!old)
		return add(p, entry);
	*old = entry;
	return 0;
}

/* ---- both ---- */

static int parse(const char *file, char *text, size_t size, int (*take)(struct procfile *p, char *text, unsigned line),
                 struct procfile *ret)
{
	struct procfile p = { .file = file, .entries = malloc(PROCFILE_MOST_ENTRIES * sizeof *p.entries) };
	unsigned line = 1;
	int r = 0;

	if (!p.entries)
		return refuse(file, line, "no memory for it");
	for (char *at = text, *end; r == 0 && at < text + size; at = end + 1, line++) {
		end = memchr(at, '\n', (size_t)(text + size - at));
		end = end ? end : text + size;
		*end = '\0';
		if (strlen(at) < (size_t)(end - at))
			r = refuse(file, line, "a NUL byte: this is no text");
		at = trim(at);
		if (r == 0 && at[0] && at[0] != '#')
			r = take(&p, at, line);
	}
	if (r == 0)
		*ret = p;
	else
		free(p.entries);
	return r;
}

int procfile_parse(const char *file, char *text, size_t size, struct procfile *ret)
{
	return parse(file, text, size, take_process, ret);
}

int procfile_parse_env(const char *file, char *text, size_t size, struct procfile *ret)
{
	return parse(file, text, size, take_variable, ret);
}

void procfile_free(struct procfile *p)
{
	free(p->entries);
	*p = (struct procfile){ .n = 0 };
}
