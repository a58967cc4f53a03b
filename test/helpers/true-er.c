/* SPDX-License-Identifier: MIT */
/* A child that ends at once, well. */

int main(void)
{
	return 0;
}
