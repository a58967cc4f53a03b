/* SPDX-License-Identifier: MIT */
#include "driver.h"

int main(void)
{
	TEND_AUTO(tend_process) p =
		driver_start("echo starting; echo ready; echo listening on port 80; seq 1 200");
	TEND_AUTO(tend_process) mute = driver_start("echo no");
	tend_consumer *consumers[2] = { NULL, NULL };
	static _Atomic uint64_t lines; /* until on_end has returned */
	static int fd = 2;
	struct tend_line_found found;
	char wanted[4096] = "";

	NEED(await_ready(p));
	NEED(!await_ready(mute));
	NEED(await_port(tend_process_stdout(p), &found) == 0 && found.outcome == TEND_LINE_MATCHED);
	NEED(strcmp(found.text, "listening on port 80") == 0);
	keep_output();
	NEED(print_tail(tend_process_stdout(p)) == 0);
	for (int i = 101; i <= 200; i++)
		sprintf(wanted + strlen(wanted), "%d\n", i);
	need_output(wanted);
	NEED(count_and_send(tend_process_stdout(p), &lines, &fd, consumers) == 0);
	for (int i = 0; i < 2; i++) {
		NEED(tend_consumer_wait(consumers[i], TEND_SECONDS(60), NULL, NULL) == 0);
		tend_consumer_free(consumers[i]);
	}
	NEED(lines == 203);
	return 0;
}
