/* SPDX-License-Identifier: MIT */
/* A child that writes exactly BYTES bytes, CHUNK at a time; byte i is (i * 7 + (i >> 8)) & 0xff. */
#include <stdint.h>

#include "helper.h"

int main(int argc, char **argv)
{
	unsigned long long total, at = 0;
	size_t chunk;
	unsigned char *buffer;

	need(argc, argv, 1);
	total = strtoull(argv[1], NULL, 10);
	chunk = (size_t)number(argc, argv, 2, 65536);
	buffer = malloc(chunk);
	if (!buffer || chunk == 0)
		return 5;
	while (at < total) {
		size_t n = total - at < chunk ? (size_t)(total - at) : chunk;

		for (size_t i = 0; i < n; i++)
			buffer[i] = (unsigned char)((at + i) * 7 + ((at + i) >> 8));
		if (!put(STDOUT_FILENO, buffer, n))
			return errno == EPIPE ? 0 : 3;
		at += n;
	}
	free(buffer);
	return 0;
}
