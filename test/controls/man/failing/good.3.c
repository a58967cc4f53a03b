/* SPDX-License-Identifier: MIT */
#include "driver.h"

int main(void)
{
	keep_output();
	print_newline();
	need_output("something else");
	return 0;
}
