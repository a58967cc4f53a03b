/* SPDX-License-Identifier: MIT */
/* A command line taken apart into words as a shell would, without a shell. */
#ifndef TEND_TOOLS_WORDS_H
#define TEND_TOOLS_WORDS_H

#include <stddef.h>

/*
 * Words are separated by blanks.  '...' takes everything as it is; in "..." a backslash takes away the meaning of $, `,
 * " and \, elsewhere that of any character.  $NAME and ${NAME} stand for the value of a variable, nothing where it is
 * not set, ${NAME:-text} and ${NAME-text} for the text where it is empty or not set; outside of quotes blanks in it
 * separate words.  NAME=value in front of the command sets a variable for it.  "exec" in front of it changes nothing.
 * Whatever else has a meaning to a shell is refused.
 */
struct words {
	char **argv;            /* at least one word, NULL-terminated */
	char **env;             /* "NAME=value", NULL-terminated */
	size_t n_env;
};

/* The value of the variable that `name` begins with, `size` bytes; NULL: it is not set.  Lent until all is split. */
typedef const char *words_lookup_fn(void *arg, const char *name, size_t size);

#define WORDS_MOST_BYTES ((size_t)128 << 10)

/* `place` is where the command stands, for what is wrong with it: 0, or -1 after saying that. */
int words_split(const char *place, const char *command, words_lookup_fn *lookup, void *arg, struct words *ret_words);
void words_free(struct words *words);

/* The length of the name of a variable at the beginning of a text; 0: there is none. */
size_t words_name_size(const char *text);

#endif
