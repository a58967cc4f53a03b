/* SPDX-License-Identifier: MIT */
/* A child that writes BYTES bytes, as fast as they are taken; 0: until it is ended.  Byte i is i % 251. */
#include <stdint.h>

#include "helper.h"

#define PERIOD 251
#define PIECE (PERIOD * 1024)

int main(int argc, char **argv)
{
	static unsigned char pattern[PIECE];
	uint64_t bytes;

	need(argc, argv, 1);
	bytes = strtoull(argv[1], NULL, 10);
	for (size_t i = 0; i < PIECE; i++)
		pattern[i] = (unsigned char)(i % PERIOD);
	for (uint64_t left = bytes; bytes == 0 || left > 0; left -= bytes == 0 || left < PIECE ? left : PIECE)
		if (!put(STDOUT_FILENO, pattern, bytes == 0 || left > PIECE ? PIECE : (size_t)left))
			return 3;
	return 0;
}
