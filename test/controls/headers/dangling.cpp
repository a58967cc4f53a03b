/* SPDX-License-Identifier: MIT */
#include <tend.h>

tend_duration total();

tend_duration total()
{
	const tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(1));

	return tend_stop_total(&plan);
}
