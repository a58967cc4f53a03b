/* SPDX-License-Identifier: MIT */
/* Procfiles, and the files of variables beside them: the formats of foreman(1). */
#ifndef TEND_TOOLS_PROCFILE_H
#define TEND_TOOLS_PROCFILE_H

#include <stddef.h>

/* NAME: COMMAND of a Procfile, NAME=VALUE of an .env file. */
struct procfile_entry {
	const char *name;
	const char *value;      /* the command as it stands there; the value without its quotes */
	unsigned line;          /* from 1 */
};

struct procfile {
	const char *file;       /* what it is called */
	struct procfile_entry *entries;
	size_t n;
};

#define PROCFILE_MOST_BYTES ((size_t)1 << 20)
#define PROCFILE_MOST_ENTRIES ((size_t)500)

/*
 * Empty lines, and those that begin with #, are nothing.  Each other one has to be an entry, and each name may be there
 * once (the last value of a variable counts).  `text` has a NUL at text[size], is changed, and is lent for as long as
 * the entries are used.  0, or -1 after saying what is wrong in which line.
 */
int procfile_parse(const char *file, char *text, size_t size, struct procfile *ret);
int procfile_parse_env(const char *file, char *text, size_t size, struct procfile *ret);
void procfile_free(struct procfile *p);

/* The entry of that name, `size` bytes; NULL: there is none. */
const struct procfile_entry *procfile_find(const struct procfile *p, const char *name, size_t size);

#endif
