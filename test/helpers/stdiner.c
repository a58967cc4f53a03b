/* SPDX-License-Identifier: MIT */
/* A child that reads stdin to EOF, prints how many bytes there were, and ends. */
#include "helper.h"

int main(void)
{
	static char buffer[64 << 10];
	unsigned long long total = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, buffer, sizeof buffer)) > 0)
		total += (unsigned long long)n;
	say("%llu\n", total);
	return n < 0 ? 4 : 0;
}
