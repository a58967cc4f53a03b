/* SPDX-License-Identifier: MIT */
#include "driver.h"

int main(void)
{
	const char *const absent[] = { "/nowhere/program", NULL };
	const struct tend_spawn options = driver_options(absent);
	tend_process *p = NULL;

	NEED(spawn_loudly(&options, &p) == -ENOENT);
	NEED(!p);
	return 0;
}
