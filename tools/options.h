/* SPDX-License-Identifier: MIT */
/* Taking the options of a command apart: --name VALUE, --name=VALUE, and letters. */
#ifndef TEND_TOOLS_OPTIONS_H
#define TEND_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One option of a command. */
struct option {
	const char *name;
	const char *value;      /* what it takes, as the end of a sentence; NULL: nothing */
	bool value_is_attached; /* it may have none, and one only behind a "=" */
	/* Takes it: 0, or -1 after saying what is wrong.  `value` is NULL where there is none. */
	int (*set)(void *options, const char *option, const char *value);
};

struct option_table {
	const char *command;    /* "run" */
	const struct option *list;
	size_t n;
};

/*
 * Takes all options in front of the first argument that is none, or behind "--", until *stop is true.  The index of
 * that argument, or -1 after a line has said what is wrong and what would be right.  argv[0] is not looked at.
 */
int options_take(const struct option_table *table, void *options, const bool *stop, int argc, char **argv);

/* The name of a file, not empty: 0, or -1 after saying so. */
int options_file(const char *option, const char *value, const char **ret_file);

#endif
