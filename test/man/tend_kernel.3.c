/* SPDX-License-Identifier: MIT */
#include "driver.h"

/* One line for each that is not used, with its reason; what is used is not mentioned. */
int main(void)
{
	struct tend_facility all[32];
	size_t n = tend_kernel_report(all, 32), used = 0;
	char expected[4096] = "";

	NEED(n > 0 && n <= 32);
	for (size_t i = 0; i < n; i++) {
		size_t at = strlen(expected);

		if (all[i].state == TEND_FACILITY_USED)
			used++;
		else
			snprintf(expected + at, sizeof expected - at, "%s is %s: %s; instead: %s\n", all[i].name,
			         tend_facility_state_name(all[i].state), all[i].reason, all[i].fallback);
	}
	NEED(used > 0);
	keep_output();
	say_what_is_missing();
	need_output(expected);
	return 0;
}
