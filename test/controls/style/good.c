/* SPDX-License-Identifier: MIT */
/* For test/check-style.sh: nothing is wrong with it. // not a comment of its own */
static const char *const url = "git://127.0.0.1/"; /* nor is // this */
static const char quote = '"', *text = "// \" //";
/* A line of 120 columns: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx */

static const struct table {
	int n;
} table[] = {
	{ 1 },
};

static int twice(int n)
{
	return 2 * n;
}
