/* SPDX-License-Identifier: MIT */
/* A child that ends after MS milliseconds. */
#include <time.h>

#include "helper.h"

int main(int argc, char **argv)
{
	struct timespec pause;
	long ms;

	need(argc, argv, 1);
	ms = number(argc, argv, 1, 0);
	pause = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	while (nanosleep(&pause, &pause) != 0 && errno == EINTR)
		;
	return 0;
}
