/* SPDX-License-Identifier: MIT */
/*
 * tend run --with-parent.  The command is linked into this program, as the guardian of the build tree is what it has to
 * find: called with "run" this program is the command.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd_run.h"
#include "test.h"
#include "tool.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Runs a shell and a child of it, kills the command, and says whose numbers they were. */
static void kill_the_tool(const char *option, pid_t ret_pids[2])
{
	const char *argv[] = { test_self(), "run", "--stdout", "stream",
		               option,      "sh",  "-c",       "sleep 600 & echo pids $$ $!; wait",
		               NULL };
	struct tend_spawn spawn = test_spawn_options(argv, &test_reliable_all);
	struct tend_error error;
	tend_process *tool = NULL;
	struct tend_exit ended;

	ret_pids[0] = ret_pids[1] = 0;
	if (!CHECK_OK(tend_spawn(&spawn, &tool, &error), &error))
		return;
	if (CHECK_INT(2, sscanf(tool_await_out(tool, "pids "), "%d %d", &ret_pids[0], &ret_pids[1])))
		tool_signal(tool, SIGKILL);
	if (test_wait(tool, &ended))
		CHECK_INT(SIGKILL, ended.signal);
	tend_process_free(tool);
}

static void all_die_with_it(void)
{
	pid_t pids[2];

	kill_the_tool("--with-parent", pids);
	for (size_t i = 0; i < COUNT(pids); i++)
		CHECK(pids[i] > 1 && test_await_gone(pids[i]));
}

/* Without the option they live on: the test above would see that. */
static void otherwise_they_live_on(void)
{
	pid_t pids[2];

	kill_the_tool("--scope=group", pids);
	for (size_t i = 0; i < COUNT(pids); i++) {
		if (!CHECK(pids[i] > 1))
			continue;
		CHECK(test_alive(pids[i]));
		kill(pids[i], SIGKILL);
		test_await_gone(pids[i]);
	}
}

static const struct test tests[] = {
	{ "all_die_with_it", all_die_with_it },
	{ "otherwise_they_live_on", otherwise_they_live_on },
};

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "run") == 0)
		return cmd_run(argc - 1, argv + 1);
	return test_main(argc, argv, "tool_parent", tests, COUNT(tests));
}
