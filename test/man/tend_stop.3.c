/* SPDX-License-Identifier: MIT */
#include "driver.h"

int main(void)
{
	TEND_AUTO(tend_process) p = driver_start("exec sleep 60");

	keep_output();
	NEED(stop_politely(p) == TEND_STOPPED_IN_PHASE);
	need_output("phase 1: signal 2\nphase 1: signal 18\n");
	return 0;
}
