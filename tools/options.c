/* SPDX-License-Identifier: MIT */
/*
 * The form of options is the same in all commands, and so are its refusals: one line that says what is wrong and what
 * would be right.
 */
#include "options.h"

#include <string.h>

#include "say.h"

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many letters have to be changed to make one word of the other; only the first 31 letters count. */
static size_t distance(const char *a, size_t n_a, const char *b)
{
	size_t row[32], n_b = strlen(b), diagonal, above;

	n_a = n_a < 31 ? n_a : 31;
	n_b = n_b < 31 ? n_b : 31;
	for (size_t j = 0; j <= n_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= n_a; i++) {
		diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n_b; j++) {
			above = row[j];
			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
			diagonal = above;
		}
	}
	return row[n_b];
}

static int refuse_unknown(const struct option_table *table, const char *arg, size_t size)
{
	size_t best = 3;
	const char *nearest = NULL;

	for (size_t i = 0; i < table->n; i++) {
		size_t d = distance(arg, size, table->list[i].name);

		if (size > 2 && d < best) {
			best = d;
			nearest = table->list[i].name;
		}
	}
	if (nearest)
		say("%.*s is no option: did you mean %s?", SAY_CUT(size), arg, nearest);
	else
		say("%.*s is no option: tend %s --help lists them; write -- in front of what starts with - and is none",
		    SAY_CUT(size), arg, table->command);
	return -1;
}

static const struct option *find(const struct option_table *table, const char *arg, size_t size)
{
	for (size_t i = 0; i < table->n; i++)
		if (strlen(table->list[i].name) == size && memcmp(table->list[i].name, arg, size) == 0)
			return &table->list[i];
	return NULL;
}

static int needs_value(const struct option *option)
{
	say("%s needs a value: %s", option->name, option->value);
	return -1;
}

/* -qv is -q -v.  The last letter may take a value, which stands behind a blank. */
static int take_letters(const struct option_table *table, void *options, char **argv, int *i)
{
	const char *arg = argv[*i];

	for (const char *c = arg + 1; *c; c++) {
		const char one[3] = { '-', *c, '\0' };
		const struct option *option = find(table, one, 2);

		if (!option || (option->value && c[1]))
			return refuse_unknown(table, arg, strlen(arg));
		if (option->value && !argv[*i + 1])
			return needs_value(option);
		if (option->set(options, option->name, option->value ? argv[++*i] : NULL) < 0)
			return -1;
	}
	return 0;
}

/* Takes argv[*i], and its value where that stands behind it; *i is then the last one taken. */
static int take(const struct option_table *table, void *options, char **argv, int *i)
{
	const char *arg = argv[*i], *equals = strchr(arg, '=');
	size_t size = equals ? (size_t)(equals - arg) : strlen(arg);
	const struct option *option;

	if (arg[1] != '-')
		return take_letters(table, options, argv, i);
	option = find(table, arg, size);
	if (!option)
		return refuse_unknown(table, arg, size);
	if (!option->value && equals) {
		say("%s takes no value: write %s", option->name, option->name);
		return -1;
	}
	if (!option->value || (option->value_is_attached && !equals))
		return option->set(options, option->name, NULL);
	if (!equals && !argv[*i + 1])
		return needs_value(option);
	return option->set(options, option->name, equals ? equals + 1 : argv[++*i]);
}

int options_take(const struct option_table *table, void *options, const bool *stop, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		if (take(table, options, argv, &i) < 0)
			return -1;
		if (*stop)
			break;
	}
	return i;
}

int options_file(const char *option, const char *value, const char **ret_file)
{
	if (value[0] == '\0') {
		say("%s: the name of the file is empty: write %s FILE", option, option);
		return -1;
	}
	*ret_file = value;
	return 0;
}
