/* SPDX-License-Identifier: MIT */
/* How the files that check options name a field and refuse it. */
#ifndef TEND_LIB_FIELD_H
#define TEND_LIB_FIELD_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "opts.h"

/* The full name of a field, cut to fit. */
struct field {
	char name[96];
};

#define UNCHOSEN "is not chosen"

/* e.g. "out.stream." and "backend". */
static inline struct field field(const char *prefix, const char *name)
{
	struct field f;

	if (snprintf(f.name, sizeof f.name, "%s%s", prefix, name) < 0)
		f.name[0] = '\0';
	return f;
}

static inline int refuse(struct field f, const char *why, struct tend_error *err)
{
	return tend__refuse(err, NULL, f.name, "%s", why);
}

/* A struct that has to be there: "stop" for the prefix "stop.", "options" for none. */
static inline int refuse_null(const char *prefix, struct tend_error *err)
{
	struct field f = field(prefix, "");

	if (prefix[0] == '\0')
		f = field("", "options");
	else
		f.name[strlen(f.name) - 1] = '\0';
	return refuse(f, "must not be NULL", err);
}

/* An enum whose values to choose from are 1 to `last`; `names` lists them. */
static inline int check_choice(struct field f, unsigned value, unsigned last, const char *names, struct tend_error *err)
{
	if (value >= 1 && value <= last)
		return 0;
	if (value == 0)
		return tend__refuse(err, NULL, f.name, UNCHOSEN ": choose %s", names);
	return tend__refuse(err, NULL, f.name, "is %d: choose %s", (int)value, names);
}

/* A number from 1 to `last`. */
static inline int check_amount(struct field f, size_t value, size_t last, struct tend_error *err)
{
	if (value >= 1 && value <= last)
		return 0;
	if (value > 0)
		return tend__refuse(err, NULL, f.name, "is %zu: at most %zu is possible", value, last);
	if (last == SIZE_MAX)
		return tend__refuse(err, NULL, f.name, UNCHOSEN ": at least 1");
	return tend__refuse(err, NULL, f.name, UNCHOSEN ": 1 to %zu", last);
}

static inline int check_duration(struct field f, tend_duration d, bool finite, struct tend_error *err)
{
	return tend__check_duration(d, f.name, finite, err);
}

#endif
