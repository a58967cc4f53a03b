/* SPDX-License-Identifier: MIT */
#include "good.h"

const char *tend_present(int a, int b)
{
	return a < b ? "less" : "not less";
}

int tend_hidden(void);

int tend_hidden(void)
{
	return 0;
}
