/* SPDX-License-Identifier: MIT */
/* The first. */
int first(void)
{
	return 1;
}
