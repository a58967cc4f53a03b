/* SPDX-License-Identifier: MIT */
/* A child that writes a line every MS milliseconds, N times. */
#include <time.h>

#include "helper.h"

int main(int argc, char **argv)
{
	struct timespec pause;
	long ms;

	need(argc, argv, 2);
	ms = number(argc, argv, 1, 0);
	pause = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	for (long n = number(argc, argv, 2, 0); n > 0; n--) {
		nanosleep(&pause, NULL);
		if (!say("drip\n"))
			return 3;
	}
	return 0;
}
