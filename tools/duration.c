/* SPDX-License-Identifier: MIT */
/*
 * A duration is a decimal number with a unit.  Exact integer arithmetic: a tenth of a second is 100000000 ns.  A
 * number without a unit is refused, since half of its readers would take it for something else.
 */
#include "duration.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <tend/base.h>

static const struct unit {
	const char *name;
	int64_t ns;
} units[] = {
	{ "ms", INT64_C(1000000) },
	{ "s", INT64_C(1000000000) },
	{ "m", INT64_C(60000000000) },
	{ "h", INT64_C(3600000000000) },
};

static const char not_a_duration[] = "is no duration: write " DURATION_HINT;
static const char no_unit[] = "has no unit: write ms, s, m or h behind the number, as in 30s";
static const char too_long[] = "is too long: 1200000h is more than can be measured";

static const struct unit *find_unit(const char *text, size_t size)
{
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strlen(units[i].name) == size && memcmp(units[i].name, text, size) == 0)
			return &units[i];
	return NULL;
}

/* Adds 0.DIGITS of `unit`; digits that are worth less than a nanosecond are nothing. */
static int64_t fraction(const char *digits, size_t n, int64_t unit)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n && unit > 0; i++) {
		/* the digit's worth is unit / 10; the remainder is worth at most a nanosecond per digit */
		sum += (digits[i] - '0') * unit / 10;
		unit /= 10;
	}
	return sum;
}

static size_t count_digits(const char *text, size_t size)
{
	size_t n = 0;

	while (n < size && isdigit((unsigned char)text[n]))
		n++;
	return n;
}

const char *duration_parse(const char *text, size_t size, int64_t *ret_ns)
{
	size_t whole = count_digits(text, size), point = whole, part = 0;
	const struct unit *unit;
	int64_t n = 0;

	if (point < size && text[point] == '.') {
		part = count_digits(text + point + 1, size - point - 1);
		point += 1 + part;
		if (part == 0)
			return not_a_duration;
	}
	if (whole == 0)
		return not_a_duration;
	if (point == size)
		return no_unit;
	unit = find_unit(text + point, size - point);
	if (!unit)
		return not_a_duration;
	for (size_t i = 0; i < whole; i++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, text[i] - '0', &n))
			return too_long;
	if (__builtin_mul_overflow(n, unit->ns, &n) || n > TEND_DURATION_MAX - unit->ns)
		return too_long;
	*ret_ns = n + fraction(text + whole + 1, part, unit->ns);
	return NULL;
}

const char *duration_show(int64_t ns, char text[32])
{
	if (ns < INT64_C(1000000000))
		snprintf(text, 32, "%lld ms", (long long)(ns / 1000000));
	else
		snprintf(text, 32, "%lld.%lld s", (long long)(ns / 1000000000), (long long)(ns / 100000000 % 10));
	return text;
}
