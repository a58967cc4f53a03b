/* SPDX-License-Identifier: MIT */
/* The runner of hostile settings: what cannot be had is passed over, but counted and named, and refused if asked. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "hostile.h"
#include "test.h"

static void nothing(void)
{
}

static void cannot_be_had(void)
{
	hostile_skip("it is none");
}

static void cannot_be_had_in_a_fork(void)
{
	hostile_in_fork(cannot_be_had);
}

static const struct hostile settings[] = {
	{ .name = "a_setting", .run = nothing },
	{ .name = "not_to_be_had", .arrange = cannot_be_had },
	{ .name = "not_to_be_had_in_a_fork", .run = cannot_be_had_in_a_fork },
};

/* The settings, or the one of them that is named: its exit status, and whether `summary` is the last that is said. */
static int run_settings(const char *only, bool all, const char *summary)
{
	const char *argv[] = { only, NULL };
	static char said[1 << 14];
	size_t n_said, n = strlen(summary);
	int status;

	if (all)
		setenv("HOSTILE_ALL", "1", 1);
	else
		unsetenv("HOSTILE_ALL");
	status = test_run_self(argv, "TEND_TEST_LEFT_OUT", "1", said, sizeof said);
	n_said = strlen(said);
	CHECK_STR(summary, said + (n_said > n ? n_said - n : 0));
	return CHECK(WIFEXITED(status)) ? WEXITSTATUS(status) : -1;
}

static void is_counted_and_named(void)
{
	CHECK_INT(0, run_settings(NULL, false,
	                          "some: settings left out: 2 of 3: not_to_be_had, not_to_be_had_in_a_fork\n"));
	CHECK_INT(0, run_settings("a_setting", false, "some: settings left out: 0 of 1\n"));
}

static void is_refused_if_asked(void)
{
	CHECK_INT(1, run_settings("not_to_be_had", true, "some: settings left out: 1 of 1: not_to_be_had\n"));
	CHECK_INT(1, run_settings("not_to_be_had_in_a_fork", true,
	                          "some: settings left out: 1 of 1: not_to_be_had_in_a_fork\n"));
	CHECK_INT(0, run_settings("a_setting", true, "some: settings left out: 0 of 1\n"));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "is_counted_and_named", is_counted_and_named },
		{ "is_refused_if_asked", is_refused_if_asked },
	};

	if (getenv("TEND_TEST_LEFT_OUT"))
		return hostile_main(argc, argv, "some", settings, sizeof settings / sizeof *settings);
	return test_main(argc, argv, "left_out", tests, sizeof tests / sizeof *tests);
}
