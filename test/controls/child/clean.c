/* SPDX-License-Identifier: MIT */
/* For test/check-child.sh: it calls nothing. */
int tend_control(int a, int b);

int tend_control(int a, int b)
{
	return a + b;
}
