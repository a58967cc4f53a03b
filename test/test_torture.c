/* SPDX-License-Identifier: MIT */
/* The i-th failure of everything that can fail, in every use of the library: see torture.h. */
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "torture_scenarios.h"

#define SCENE(scene) { #scene, scene_##scene, false, false }

static const struct torture scenarios[] = {
	SCENE(discarded),
	SCENE(streams),
	SCENE(merged),
	SCENE(environment),
	SCENE(path),
	SCENE(descriptors),
	SCENE(inherited),
	SCENE(session),
	SCENE(no_scope),
	SCENE(cgroup_or_group),
	SCENE(with_parent),
	SCENE(guarded),
	SCENE(few_bytes),
	SCENE(many_bytes),
	SCENE(raw_terminal),
	SCENE(cooked_terminal),
	SCENE(ids),
	SCENE(numbers),
	SCENE(no_program),
	SCENE(survivors_told),
	SCENE(survivors_stopped),
	SCENE(echo),
	SCENE(stop),
	SCENE(kill),
	SCENE(signal),
	SCENE(signal_group),
	SCENE(timeout),
	SCENE(inactivity),
	SCENE(exit_fd),
	SCENE(status),
	SCENE(forgotten),
	SCENE(detached),
	SCENE(released),
	SCENE(adopted),
	SCENE(adopted_by_pidfd),
	SCENE(subscribe),
	SCENE(subscribe_single),
	SCENE(subscribe_lossy),
	SCENE(subscribe_stalling),
	SCENE(many_subscriptions),
	SCENE(subscription_fd),
	SCENE(consume),
	SCENE(consume_on_reader),
	SCENE(inspect),
	SCENE(inspect_on_reader),
	SCENE(cancel),
	SCENE(cancel_drain),
	SCENE(consumer_freed),
	SCENE(collect_bytes),
	SCENE(collect_lines),
	SCENE(write_chunks),
	SCENE(write_lines),
	SCENE(write_file),
	SCENE(await_line),
	SCENE(await_no_line),
	SCENE(parser),
	SCENE(stream_open),
	{ "shutdown", scene_shutdown, true, false },
	/* the last ones: where they can be had */
	SCENE(cgroup),
	SCENE(cgroup_stopped),
};
#define N_OF_CGROUPS 2

static const char *const known[] = {
	"cgroup:read:1:short", /* a long /proc/self/cgroup comes in pieces */
	NULL,
};

/* In another process, as this one must not have used the library. */
static bool have_cgroups(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(!scene_have_cgroups());
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char **argv)
{
	size_t n = sizeof scenarios / sizeof *scenarios;

	return torture_main(argc, argv, scenarios, have_cgroups() ? n : n - N_OF_CGROUPS, known);
}
