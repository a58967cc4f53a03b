/* SPDX-License-Identifier: MIT */
int first(void);

int second(void)
{
	if (first())

		return 2;
	return 0;
}
