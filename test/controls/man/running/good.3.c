/* SPDX-License-Identifier: MIT */
#include "driver.h"

int main(void)
{
	keep_output();
	NEED(print_newline() == '\n');
	need_output("\n");
	return 0;
}
