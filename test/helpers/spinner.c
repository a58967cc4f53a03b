/* SPDX-License-Identifier: MIT */
/* A child that keeps a CPU busy until it is ended. */
#include "helper.h"

int main(void)
{
	volatile unsigned long n = 0;

	for (;;)
		n++;
}
