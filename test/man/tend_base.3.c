/* SPDX-License-Identifier: MIT */
#include "driver.h"

int main(void)
{
	const char *const good[] = { "true", NULL }, *const absent[] = { "/nowhere/program", NULL };
	struct tend_spawn options = driver_options(good);

	NEED(run(&options) == 0);
	options.argv = absent;
	NEED(run(&options) == -ENOENT);
	return 0;
}
