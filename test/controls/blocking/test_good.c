/* SPDX-License-Identifier: MIT */
/* A table of tests that good.md speaks of. */
static void works(void) { }
static void works_too(void) { }

static const struct test tests[] = {
	{ "works", works },
	{ "works-too", works_too },
};
