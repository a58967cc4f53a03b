/* SPDX-License-Identifier: MIT */
/*
 * A Procfile's commands are written for a shell, and tend runs none by itself: a shell in between gets the signals that
 * are meant for the program, and takes a Procfile's typing error for a program's.  What most commands need of it is
 * done here; what is not is refused, and never passed to the program as if it were plain text.
 */
#include "words.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

/* Words are kept one behind the other, each with a NUL, and found again by their offsets: the bytes move. */
struct split {
	const char *place;
	const char *at; /* what has not been looked at */
	words_lookup_fn *lookup;
	void *arg;
	char *bytes;
	size_t used, room;
	bool has_begun;     /* something that is no blank stands in front, up to the last blank */
	bool in_word;       /* a word has begun, empty as it may be */
	bool sets_variable; /* the word is NAME=value: its blanks separate nothing */
	bool has_command;   /* words are arguments from here on */
	size_t n_words, n_env;
};

static int refuse(const struct split *s, const char *what)
{
	say("%.200s: %s", s->place, what);
	return -1;
}

static int refuse_shell(const struct split *s, const char *text, size_t size, const char *is)
{
	say("%.200s: %.*s is %s, and tend runs no shell: write sh -c '...', or put it in quotes if it is plain text",
	    s->place, SAY_CUT(size), text, is);
	return -1;
}

/* ---- what is put together ---- */

static int append(struct split *s, const char *bytes, size_t size)
{
	size_t room = s->room;
	char *bigger;

	if (s->used + size > WORDS_MOST_BYTES)
		return refuse(s, "the command is too long: more than 131072 bytes with its variables");
	while (room < s->used + size + 1)
		room = room ? room * 2 : 256;
	bigger = room > s->room ? realloc(s->bytes, room) : s->bytes;
	if (!bigger)
		return refuse(s, "no memory for the command");
	s->bytes = bigger;
	s->room = room;
	memcpy(bigger + s->used, bytes, size);
	s->used += size;
	return 0;
}

static int add(struct split *s, const char *bytes, size_t size)
{
	s->in_word = true;
	return append(s, bytes, size);
}

static int end_word(struct split *s)
{
	if (!s->in_word)
		return 0;
	s->n_env += s->sets_variable;
	s->n_words += !s->sets_variable;
	s->has_command |= !s->sets_variable;
	s->in_word = false;
	s->sets_variable = false;
	return append(s, "", 1);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* A variable's value, or the text in its place. */
static int add_value(struct split *s, const char *value, size_t size, bool quoted)
{
	int r = 0;

	if (quoted || s->sets_variable)
		return add(s, value, size);
	for (size_t i = 0; i < size && r == 0; i++)
		r = is_blank(value[i]) ? end_word(s) : add(s, value + i, 1);
	return r;
}

/* ---- variables ---- */

size_t words_name_size(const char *text)
{
	size_t n = 0;

	if (isdigit((unsigned char)text[0]))
		return 0;
	while (isalnum((unsigned char)text[n]) || text[n] == '_')
		n++;
	return n;
}

static int add_variable(struct split *s, const char *name, size_t size, bool quoted)
{
	const char *value = s->lookup(s->arg, name, size);

	return value ? add_value(s, value, strlen(value), quoted) : 0;
}

/* s->at is behind the "${". */
static int take_braces(struct split *s, bool quoted)
{
	const char *name = s->at, *text, *end = strchr(name, '}');
	size_t size = words_name_size(name);
	const char *value = s->lookup(s->arg, name, size);
	bool if_empty = name[size] == ':';

	if (!end || size == 0 || (name[size] != '}' && name[size + if_empty] != '-'))
		return refuse(s, "${ is not understood: write ${NAME} or ${NAME:-text}, or \\$ for a dollar sign");
	s->at = end + 1;
	if (name[size] == '}')
		return add_variable(s, name, size, quoted);
	text = name + size + if_empty + 1;
	if (strcspn(text, "$`\"'\\{") < (size_t)(end - text))
		return refuse(s, "the text in ${NAME:-text} has to be plain: no $, no quotes, no backslash, no brace");
	if (value && (*value || !if_empty))
		return add_value(s, value, strlen(value), quoted);
	return add_value(s, text, (size_t)(end - text), quoted);
}

/* s->at is at the "$". */
static int take_dollar(struct split *s, bool quoted)
{
	const char *dollar = s->at++;
	size_t size = words_name_size(s->at);

	if (size > 0) {
		s->at += size;
		return add_variable(s, dollar + 1, size, quoted);
	}
	if (*s->at == '{') {
		s->at++;
		return take_braces(s, quoted);
	}
	if (*s->at == '(')
		return refuse_shell(s, dollar, 2, "for a shell");
	if (*s->at && strchr("0123456789@*#?$!-[", *s->at))
		return refuse_shell(s, dollar, 2, "a variable of a shell");
	if (!quoted && (*s->at == '\'' || *s->at == '"'))
		return refuse_shell(s, dollar, 2, "a kind of quote of some shells");
	return add(s, "$", 1);
}

/* ---- quotes ---- */

/* s->at is behind the opening quote. */
static int take_single(struct split *s)
{
	const char *end = strchr(s->at, '\'');
	int r;

	if (!end)
		return refuse(s, "a ' is not closed: write it once more behind the text, or \\' for the character");
	r = add(s, s->at, (size_t)(end - s->at));
	s->at = end + 1;
	return r;
}

static int take_double(struct split *s)
{
	int r = add(s, "", 0);

	while (r == 0 && *s->at && *s->at != '"') {
		bool is_escape = s->at[0] == '\\' && s->at[1] && strchr("$`\"\\", s->at[1]);

		if (*s->at == '`')
			return refuse_shell(s, s->at, 1, "for a shell");
		if (*s->at == '$') {
			r = take_dollar(s, true);
			continue;
		}
		s->at += is_escape;
		r = add(s, s->at++, 1);
	}
	if (r == 0 && !*s->at)
		return refuse(s, "a \" is not closed: write it once more behind the text, or \\\" for the character");
	s->at++;
	return r;
}

static int take_escaped(struct split *s)
{
	if (!*s->at)
		return refuse(s, "the command ends with a backslash: a command is one line");
	return add(s, s->at++, 1);
}

/* ---- the whole ---- */

static int begin_word(struct split *s)
{
	size_t name = words_name_size(s->at);

	s->has_begun = true;
	s->sets_variable = !s->has_command && name > 0 && s->at[name] == '=';
	if (*s->at == '~' || *s->at == '#')
		return refuse_shell(s, s->at, 1, *s->at == '~' ? "a directory for a shell" : "a comment for a shell");
	return 0;
}

static int take_plain(struct split *s)
{
	if (strchr("|&;<>()`\n", *s->at))
		return refuse_shell(s, s->at, s->at[0] == s->at[1] ? 2 : 1, "for a shell");
	if (strchr("*?[", *s->at))
		return refuse_shell(s, s->at, 1, "a pattern of file names for a shell");
	return add(s, s->at++, 1);
}

static int take(struct split *s)
{
	char c = *s->at;

	if (c == ' ' || c == '\t') {
		s->at++;
		s->has_begun = false;
		return end_word(s);
	}
	if (!s->has_begun && begin_word(s) < 0)
		return -1;
	if (c == '$')
		return take_dollar(s, false);
	if (c != '\'' && c != '"' && c != '\\')
		return take_plain(s);
	s->at++;
	return c == '\'' ? take_single(s) : c == '"' ? take_double(s) : take_escaped(s);
}

/* The lists are in one piece of memory with their words. */
static int make_lists(struct split *s, struct words *ret_words)
{
	size_t n = s->n_words + s->n_env + 2;
	char **list = malloc(n * sizeof *list + s->used), *word = list ? (char *)(list + n) : NULL;

	if (!list)
		return refuse(s, "no memory for the command");
	memcpy(word, s->bytes, s->used);
	for (size_t i = 0; i < n; i++) {
		bool is_end = i == s->n_env || i == n - 1;

		list[i] = is_end ? NULL : word;
		if (!is_end)
			word += strlen(word) + 1;
	}
	*ret_words = (struct words){ .env = list, .n_env = s->n_env, .argv = list + s->n_env + 1 };
	if (s->n_words > 1 && strcmp(ret_words->argv[0], "exec") == 0)
		ret_words->argv++;
	return 0;
}

int words_split(const char *place, const char *command, words_lookup_fn *lookup, void *arg, struct words *ret_words)
{
	struct split s = { .place = place, .at = command, .lookup = lookup, .arg = arg };
	int r = 0;

	while (r == 0 && *s.at)
		r = take(&s);
	if (r == 0)
		r = end_word(&s);
	if (r == 0 && s.n_words == 0)
		r = refuse(&s, "there is no command behind the colon: write NAME: COMMAND [ARG...]");
	if (r == 0)
		r = make_lists(&s, ret_words);
	free(s.bytes);
	return r;
}

void words_free(struct words *words)
{
	free(words->env);
	*words = (struct words){ .argv = NULL };
}
