/* SPDX-License-Identifier: MIT */
/* How the files that check options name a field and refuse it. */
#ifndef TEND_LIB_FIELD_H
#define TEND_LIB_FIELD_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "opts.h"

/* A field by the struct that it is in, e.g. "out.stream.", and its own name.  Most are right, and nobody is told. */
struct field {
	const char *prefix, *name;
};

/* The full name, cut to fit. */
struct full_name {
	char text[96];
};

#define UNCHOSEN "is not chosen"

static inline struct field field(const char *prefix, const char *name)
{
	return (struct field){ .prefix = prefix, .name = name };
}

static inline struct full_name full_name(struct field f)
{
	struct full_name n;

	if (snprintf(n.text, sizeof n.text, "%s%s", f.prefix, f.name) < 0)
		n.text[0] = '\0';
	return n;
}

static inline int refuse(struct field f, const char *why, struct tend_error *err)
{
	return tend__refuse(err, NULL, full_name(f).text, "%s", why);
}

/* A struct that has to be there: "stop" for the prefix "stop.", "options" for none. */
static inline int refuse_null(const char *prefix, struct tend_error *err)
{
	struct full_name n = full_name(field(prefix, ""));

	if (prefix[0] == '\0')
		return refuse(field("", "options"), "must not be NULL", err);
	n.text[strlen(n.text) - 1] = '\0';
	return refuse(field("", n.text), "must not be NULL", err);
}

/* An enum whose values to choose from are 1 to `last`; `names` lists them. */
static inline int check_choice(struct field f, unsigned value, unsigned last, const char *names, struct tend_error *err)
{
	if (value >= 1 && value <= last)
		return 0;
	if (value == 0)
		return tend__refuse(err, NULL, full_name(f).text, UNCHOSEN ": choose %s", names);
	return tend__refuse(err, NULL, full_name(f).text, "is %d: choose %s", (int)value, names);
}

/* A number from 1 to `last`. */
static inline int check_amount(struct field f, size_t value, size_t last, struct tend_error *err)
{
	if (value >= 1 && value <= last)
		return 0;
	if (value > 0)
		return tend__refuse(err, NULL, full_name(f).text, "is %zu: at most %zu is possible", value, last);
	if (last == SIZE_MAX)
		return tend__refuse(err, NULL, full_name(f).text, UNCHOSEN ": at least 1");
	return tend__refuse(err, NULL, full_name(f).text, UNCHOSEN ": 1 to %zu", last);
}

static inline int check_duration(struct field f, tend_duration d, bool finite, struct tend_error *err)
{
	if (d >= TEND_DURATION_TAG && !(finite && d == TEND_FOREVER))
		return 0;
	return tend__check_duration(d, full_name(f).text, finite, err);
}

#endif
