/* SPDX-License-Identifier: MIT */
#include "driver.h"

int main(void)
{
	const char *const good[] = { "true", NULL }, *const absent[] = { "/nowhere/program", NULL };
	struct tend_spawn options = driver_options(good);
	struct tend_error err;

	NEED(keep_running(&options, &err) == 0);
	options.argv = absent;
	NEED(keep_running(&options, &err) == -ENOENT);
	sleep_for(TEND_MS(1));
	return 0;
}
