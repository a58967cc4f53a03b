/* SPDX-License-Identifier: MIT */
#include "driver.h"

int main(void)
{
	tend_process *server = NULL;

	/* Neither the program nor its directory is here. */
	NEED(start_server(&server) == -ENOENT);
	NEED(!server);
	return 0;
}
