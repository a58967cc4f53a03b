/* SPDX-License-Identifier: MIT */
/* A table of tests that good.md speaks of. */
static void works(void) { } /* AB-1; one::first_works */
static void works_too(void) { } /* XY-5; what is no id: UTF-8, QAB-77 */

static const struct test tests[] = {
	{ "works", works },
	{ "works-too", works_too },
};
