/* SPDX-License-Identifier: MIT */
#include "driver.h"

int main(void)
{
	TEND_AUTO(tend_process) p = driver_start("printf 'one\\ntwo'");
	struct tend_written written;
	FILE *file = tmpfile();
	char text[64] = "";

	NEED(file);
	NEED(log_lines(tend_process_stdout(p), file, &written) == 0);
	NEED(written.complete && written.lines_written == 2);
	rewind(file);
	/* "hh:mm:ss one", and the same of the second line, with the end that it had not. */
	NEED(fread(text, 1, sizeof text - 1, file) == 2 * 13);
	NEED(memcmp(text + 9, "one\n", 4) == 0 && memcmp(text + 22, "two\n", 4) == 0);
	fclose(file);
	return 0;
}
