/* SPDX-License-Identifier: MIT */
/* For test/check-child.sh: its array makes the compiler look at the stack, where it is told to. */
void tend_control(char *to, const char *from);

void tend_control(char *to, const char *from)
{
	char copy[64];
	int n = 0;

	for (; from[n] && n < 63; n++)
		copy[n] = from[n];
	while (n--)
		to[n] = ((volatile char *)copy)[n];
}
