/* SPDX-License-Identifier: MIT */
/* A child that copies stdin to stdout until EOF. */
#include "helper.h"

int main(void)
{
	static char buffer[64 << 10];
	ssize_t n;

	while ((n = read(STDIN_FILENO, buffer, sizeof buffer)) > 0)
		if (!put(STDOUT_FILENO, buffer, (size_t)n))
			return 3;
	return n < 0 ? 4 : 0;
}
