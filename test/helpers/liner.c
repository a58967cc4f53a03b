/* SPDX-License-Identifier: MIT */
/* A child that writes N lines "line 000000000042", each padded with 'x' to LEN bytes without the LF. */
#include "helper.h"

int main(int argc, char **argv)
{
	static char line[64 << 10];
	long n, length;

	need(argc, argv, 1);
	n = number(argc, argv, 1, 0);
	length = number(argc, argv, 2, 0);
	if (length < 0 || length > (long)sizeof line - 2)
		return 64;
	for (long i = 0; i < n; i++) {
		long used = snprintf(line, sizeof line, "line %012ld", i);

		while (used < length)
			line[used++] = 'x';
		line[used++] = '\n';
		if (!put(STDOUT_FILENO, line, (size_t)used))
			return 3;
	}
	return 0;
}
