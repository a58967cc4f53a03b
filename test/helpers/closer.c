/* SPDX-License-Identifier: MIT */
/* A child whose output ends long before it does. */
#include "helper.h"

int main(void)
{
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	pause_for_ever();
}
