/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>

#include "driver.h"

/* In the directory that the test is run in.  What was read before the subscription was there is not kept. */
static void follow_a_fifo(void)
{
	tend_process *writer;

	NEED(mkfifo("fifo", 0600) == 0);
	writer = driver_start("exec >fifo; printf data");
	keep_output();
	NEED(watch_fifo("fifo") == 0);
	need_output_of("data", "");
	tend_process_free(writer);
}

int main(void)
{
	TEND_AUTO(tend_process) p = driver_start("seq 1 3; echo why >&2");
	tend_stream *from[2] = { tend_process_stdout(p), tend_process_stderr(p) };
	FILE *to[2] = { tmpfile(), tmpfile() };
	char text[16] = "";

	follow_a_fifo();
	NEED(to[0] && to[1]);
	NEED(copy_both(from, to) == 0);
	rewind(to[0]);
	NEED(fread(text, 1, sizeof text - 1, to[0]) == 6 && strcmp(text, "1\n2\n3\n") == 0);
	rewind(to[1]);
	NEED(fread(text, 1, sizeof text - 1, to[1]) == 4);
	complain(from[0]);
	fclose(to[0]);
	fclose(to[1]);
	return 0;
}
