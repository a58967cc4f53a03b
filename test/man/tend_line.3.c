/* SPDX-License-Identifier: MIT */
#include "driver.h"

int main(void)
{
	TEND_AUTO(tend_process) p = driver_start("printf 'one\\ntwo\\nthree'");
	TEND_AUTO(tend_subscription) view = NULL;

	NEED(tend_stream_subscribe(tend_process_stdout(p), NULL, &view, NULL) == 0);
	keep_output();
	NEED(show_lines(view) == 0);
	need_output("one\ntwo\nthree\n");
	return 0;
}
