/* SPDX-License-Identifier: MIT */
/* What the helper children share: writing without stdio, so that nothing is buffered when they are killed. */
#ifndef TEND_TEST_HELPERS_HELPER_H
#define TEND_TEST_HELPERS_HELPER_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether all was written. */
static inline bool put(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		size -= (size_t)n;
	}
	return true;
}

/* One formatted piece, in one write. */
static inline bool __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	return n >= 0 && put(STDOUT_FILENO, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static inline void __attribute__((noreturn)) pause_for_ever(void)
{
	for (;;)
		pause();
}

/* The i-th argument as a number, or `otherwise` when it is missing. */
static inline long number(int argc, char **argv, int i, long otherwise)
{
	return i < argc ? strtol(argv[i], NULL, 10) : otherwise;
}

/* Ends the helper with status 64 when it was called with less than `n` arguments. */
static inline void need(int argc, char **argv, int n)
{
	if (argc > n)
		return;
	dprintf(STDERR_FILENO, "%s: %d arguments are needed\n", argv[0], n);
	_exit(64);
}

#endif
