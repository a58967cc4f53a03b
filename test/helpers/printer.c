/* SPDX-License-Identifier: MIT */
/* A child that writes each argument, one write each: behind -e to stderr, behind -o to stdout; knows \n \r \0 \\. */
#include "helper.h"

static size_t unescape(char *s)
{
	char *to = s;

	for (const char *from = s; *from; from++) {
		if (*from != '\\' || !from[1]) {
			*to++ = *from;
			continue;
		}
		from++;
		*to++ = *from == 'n' ? '\n' : *from == 'r' ? '\r' : *from == '0' ? '\0' : *from;
	}
	return (size_t)(to - s);
}

int main(int argc, char **argv)
{
	int fd = STDOUT_FILENO;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-e") == 0)
			fd = STDERR_FILENO;
		else if (strcmp(argv[i], "-o") == 0)
			fd = STDOUT_FILENO;
		else if (!put(fd, argv[i], unescape(argv[i])))
			return 3;
	}
	return 0;
}
