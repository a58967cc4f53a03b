/* SPDX-License-Identifier: MIT */
/* A child in a cgroup of its own: wish 1, 18, hazards 28, 38, 39, 57. */
#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "test.h"

static struct tend_spawn in_cgroup(const char *const *argv)
{
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	s.scope = TEND_SCOPE_CGROUP;
	s.cgroup.if_unavailable = TEND_NO_CGROUP_REFUSE;
	return s;
}

static tend_process *start(const char *const *argv)
{
	struct tend_spawn s = in_cgroup(argv);
	struct tend_error e;
	tend_process *p = NULL;

	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

/* Whether cgroups can be made here; if not, why. */
static bool have_cgroups(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = in_cgroup(argv);
	struct tend_error e = { .step = TEND_STEP_NONE };
	struct tend_exit ended;
	tend_process *p = NULL;

	if (tend_spawn(&s, &p, &e) == 0)
		test_wait(p, &ended);
	tend_process_free(p);
	if (e.step == TEND_STEP_CGROUP)
		fprintf(stderr, "no cgroups can be made here: %s\n", e.message);
	return e.step != TEND_STEP_CGROUP;
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* The reaper removes it in its own time. */
static void await_removed(const char *path)
{
	int64_t until = test_now_ns() + INT64_C(90000000000);

	while (exists(path) && test_now_ns() < until)
		sched_yield();
	CHECK(!exists(path));
}

/* The property, and not the success of a call: the child says where it is. */
static void is_in_it(void)
{
	const char *argv[] = { helper("reporter"), "cgroup", NULL };
	tend_process *p = start(argv);
	char path[PATH_MAX], line[PATH_MAX];
	struct tend_exit ended;

	if (!p)
		return;
	CHECK_INT(TEND_SCOPE_CGROUP, tend_process_scope(p));
	snprintf(path, sizeof path, "%s", tend_process_cgroup(p));
	if (test_await_line(tend_process_stdout(p), "0::", line, sizeof line)) {
		size_t n = strlen(path), k = strlen(line);

		CHECK(k <= n && strcmp(path + n - k, line) == 0);
		CHECK(strstr(line, "/tend-") != NULL);
	}
	test_wait(p, &ended);
	await_removed(path);
	CHECK_STR(path, tend_process_cgroup(p));
	tend_process_free(p);
}

/* A grandchild in a session of its own is out of reach of the group, and not of the cgroup. */
static void nobody_escapes(void)
{
	const char *argv[] = { helper("forker"), "hold-setsid", "3", NULL };
	tend_process *p = start(argv);
	struct tend_stop_report report;
	struct tend_exit ended;
	struct tend_error e;
	char pid[32], path[PATH_MAX];

	if (!p)
		return;
	snprintf(path, sizeof path, "%s", tend_process_cgroup(p));
	if (test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid) && test_wait(p, &ended)) {
		CHECK_INT(3, ended.code);
		if (test_has_pidfd_open()) /* otherwise a process group has to do, which it is not in */
			CHECK_INT(0, tend_process_signal(p, SIGCONT, TEND_CGROUP, &e));
		CHECK_OK(tend_process_stop(p, &TEND_STOP_KILL, &report, &e), &e);
		CHECK_INT(TEND_STOPPED_BY_KILL, report.outcome);
		CHECK(!test_alive(atoi(pid)));
		CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_CGROUP, NULL));
		await_removed(path);
	}
	tend_process_free(p);
}

/* A phase may go to all of them, and all obey; the leader gets it once. */
static void all_are_told(void)
{
	static const struct tend_stop_phase phases[] = { { SIGTERM, TEND_CGROUP, TEND_MS(1) } };
	static const struct tend_stop plan = { .phases = phases, .n_phases = 1, .after_kill = TEND_SECONDS(90) };
	const char *argv[] = { helper("forker"), "witness", NULL };
	tend_process *p = start(argv);
	struct tend_stop_report report;
	struct tend_error e;
	char line[64];

	if (!p)
		return;
	if (test_await_line(tend_process_stdout(p), "grandchild ", line, sizeof line)) {
		CHECK_OK(tend_process_signal(p, SIGTERM, TEND_CGROUP, &e), &e);
		test_await_line(tend_process_stdout(p), "leader got 15", line, sizeof line);
		test_await_line(tend_process_stdout(p), "child got 15", line, sizeof line);
		CHECK_OK(tend_process_stop(p, &plan, &report, &e), &e);
		CHECK_INT(TEND_STOPPED_BY_KILL, report.outcome);
		CHECK_INT(TEND_CGROUP, report.signals[0].target);
	}
	tend_process_free(p);
}

/* Emptiness is an event: a grandchild that goes later ends the stop, and nothing looks meanwhile. */
static void emptiness_is_an_event(void)
{
	static const struct tend_stop_phase phases[] = { { SIGTERM, TEND_LEADER, TEND_SECONDS(90) } };
	static const struct tend_stop plan = { .phases = phases, .n_phases = 1, .after_kill = TEND_SECONDS(1) };
	const char *argv[] = { helper("forker"), "hold-setsid", "0", NULL };
	tend_process *p = start(argv);
	struct tend_stop_report report;
	struct tend_exit ended;
	struct tend_error e;
	char pid[32];

	if (!p)
		return;
	if (test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid) && test_wait(p, &ended)) {
		CHECK_INT(0, kill(atoi(pid), SIGKILL));
		CHECK_OK(tend_process_stop(p, &plan, &report, &e), &e);
		CHECK(report.outcome == TEND_STOPPED_IN_PHASE || report.outcome == TEND_STOPPED_BEFORE);
	}
	tend_process_free(p);
}

/* Whoever survives the leader is named, wherever it went. */
static void survivors_are_named(void)
{
	const char *argv[] = { helper("forker"), "hold-setsid", "0", NULL };
	tend_process *p = start(argv);
	struct tend_result result;
	struct tend_error e;
	const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.drain = { .idle = TEND_MS(1), .total = TEND_MS(1) },
	};

	if (!p)
		return;
	if (CHECK_OK(tend_process_complete(p, &all, &result, &e), &e)) {
		CHECK_INT(1, result.n_survivors);
		CHECK_STR("forker", result.survivors[0].comm);
		CHECK(test_alive(result.survivors[0].pid));
	}
	tend_process_kill(p, TEST_PATIENCE, NULL, NULL);
	tend_process_free(p);
}

/* The directory of a child that outlives its handle goes with the last process in it. */
static void removed_behind_the_handle(void)
{
	const char *argv[] = { helper("forker"), "hold-setsid", "0", NULL };
	tend_process *p = start(argv);
	struct tend_exit ended;
	char pid[32], path[PATH_MAX];

	if (!p)
		return;
	snprintf(path, sizeof path, "%s", tend_process_cgroup(p));
	if (test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid) && test_wait(p, &ended)) {
		tend_process_free(p);
		CHECK(exists(path));
		CHECK_INT(0, kill(atoi(pid), SIGKILL));
		await_removed(path);
		return;
	}
	tend_process_free(p);
}

/* ---- where there is none ---- */

static void is_refused_or_replaced(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = in_cgroup(argv);
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	s.cgroup.parent = "/nowhere";
	CHECK_INT(-ENOENT, tend_spawn(&s, &p, &e));
	CHECK_INT(TEND_STEP_CGROUP, e.step);
	CHECK(!p && test_no_children());
	s.cgroup.if_unavailable = TEND_NO_CGROUP_GROUP;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	CHECK_INT(TEND_SCOPE_GROUP, tend_process_scope(p));
	CHECK(!tend_process_cgroup(p));
	test_wait(p, &ended);
	CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_CGROUP, NULL));
	tend_process_free(p);
}

/* It can be made and not be entered, whichever way: the same two ways out. */
static void entering_is_refused(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = in_cgroup(argv);
	size_t fds = test_count_fds();
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	fault_fail_sys("spawn_into", 1, EACCES);
	CHECK_INT(-EACCES, tend_spawn(&s, &p, &e));
	CHECK_INT(TEND_STEP_CGROUP, e.step);
	fault_fail_sys("spawn_into", 1, EAGAIN);
	CHECK_INT(-EAGAIN, tend_spawn(&s, &p, &e));
	CHECK_INT(TEND_STEP_CLONE, e.step);
	CHECK(!p && test_no_children());
	s.cgroup.if_unavailable = TEND_NO_CGROUP_GROUP;
	memset(&e, 0, sizeof e);
	fault_fail_sys("spawn_into", 1, EACCES);
	if (CHECK_OK(tend_spawn(&s, &p, &e), &e)) {
		CHECK(fault_fired());
		CHECK_INT(TEND_SCOPE_GROUP, tend_process_scope(p));
		CHECK(!tend_process_cgroup(p));
		CHECK_INT(0, e.code);
		test_wait(p, &ended);
	}
	fault_reset();
	tend_process_free(p);
	test_settle(fds);
}

/*
 * Each look in turn fails once, as with too many descriptors in the system: that it is empty is seen all the same.
 * Without pidfd_open(2) the members cannot be killed one by one either, if cgroup.kill was what could not be opened: it
 * is tried again.
 */
static void each_look_fails(bool has_pidfd_open)
{
	const char *argv[] = { helper("forker"), "hold-setsid", "3", NULL };
	const struct tend_stop plan = { .after_kill = TEST_PATIENCE };
	struct tend_stop_report report = { .outcome = TEND_STOP_NOT_RUN };
	size_t fds = test_count_fds();
	struct tend_exit ended;
	struct tend_error e;
	char path[PATH_MAX];
	bool hit = true;

	for (unsigned long i = 1; hit && i < 100; i++) {
		tend_process *p = start(argv);

		if (!p || !test_wait(p, &ended))
			return;
		snprintf(path, sizeof path, "%s", tend_process_cgroup(p));
		fault_fail_sys("open_at", i, ENFILE);
		if (!has_pidfd_open)
			fault_fail_sys_from("pidfd_open", 1, ENOSYS);
		CHECK_OK(tend_process_stop(p, &plan, &report, &e), &e);
		hit = fault_fired();
		fault_reset();
		CHECK(report.outcome == TEND_STOPPED_BY_KILL);
		tend_process_free(p);
		await_removed(path); /* the calls for it are not the next one's */
	}
	CHECK(!hit);
	test_settle(fds);
}

static void looks_fail(void)
{
	each_look_fails(true);
	each_look_fails(false);
}

/* A directory that is none of a cgroup file system is left as it was. */
static void not_a_cgroup(void)
{
	char folder[] = "/tmp/tend-test-cgroup-XXXXXX";
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = in_cgroup(argv);
	tend_process *p = NULL;
	struct tend_error e;

	CHECK(mkdtemp(folder) != NULL);
	s.cgroup.parent = folder;
	CHECK_INT(-ENOENT, tend_spawn(&s, &p, &e));
	CHECK_INT(TEND_STEP_CGROUP, e.step);
	CHECK_INT(0, rmdir(folder));
}

/* ---- mounted at an awkward place ---- */

#define ELSEWHERE "TEND_TEST_CGROUP_ELSEWHERE"

static void unmount_all(void)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	const struct mntent *m;

	while (f && (m = getmntent(f)) != NULL)
		if (strcmp(m->mnt_type, "cgroup2") == 0)
			CHECK_INT(0, umount2(m->mnt_dir, MNT_DETACH));
	if (f)
		endmntent(f);
}

/* proc(5) mountinfo escapes what would end a field. */
static void mounted_elsewhere(void)
{
	char folder[] = "/tmp/tend test\\040\t-XXXXXX";

	if (!getenv(ELSEWHERE)) { /* in a process of its own, as that changes its namespace */
		const char *again[] = { "mounted_elsewhere", NULL };

		CHECK_INT(0, test_run_self(again, ELSEWHERE, "1", NULL, 0));
		return;
	}
	if (unshare(CLONE_NEWNS) != 0) {
		printf("(left out: no namespace can be made) ");
		return;
	}
	CHECK_INT(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	unmount_all();
	CHECK(mkdtemp(folder) != NULL);
	CHECK_INT(0, mount("none", folder, "cgroup2", 0, NULL));
	is_in_it();
	CHECK_INT(0, umount2(folder, MNT_DETACH));
	CHECK_INT(0, rmdir(folder));
}

/* Nothing of a spawn that fails later stays. */
static void failed_spawn_leaves_none(void)
{
	const char *argv[] = { "/nowhere/program", NULL };
	struct tend_spawn s = in_cgroup(argv);
	tend_process *p = NULL;
	struct tend_error e;
	char path[PATH_MAX];
	tend_process *before, *after;
	const char *paused[] = { helper("true-er"), NULL };
	struct tend_exit ended;

	before = start(paused);
	CHECK_INT(-ENOENT, tend_spawn(&s, &p, &e));
	CHECK_INT(TEND_STEP_EXEC, e.step);
	fault_fail_sys("thread", 1, EAGAIN);
	CHECK_INT(-EAGAIN, tend_spawn(&s, &p, &e));
	fault_reset();
	after = start(paused);
	if (before && after) { /* the numbers in between are those of the failures */
		long first = atol(strrchr(tend_process_cgroup(before), '-') + 1);
		long last = atol(strrchr(tend_process_cgroup(after), '-') + 1);

		CHECK_INT(first + 3, last);
		for (long n = first + 1; n < last; n++) {
			snprintf(path, sizeof path, "%.*s-%ld",
			         (int)(strrchr(tend_process_cgroup(after), '-') - tend_process_cgroup(after)),
			         tend_process_cgroup(after), n);
			CHECK(!exists(path));
		}
	}
	test_wait(before, &ended);
	test_wait(after, &ended);
	tend_process_free(before);
	tend_process_free(after);
}

/* Before Linux 5.7, in a container that filters clone3(2), under valgrind: the child enters it by itself. */
static void with_fallbacks(void)
{
	static const char *const missing[] = { "clone3", "vfork", "clone3,clone_pidfd" };
	static const char *const again[] = { "is_in_it", "nobody_escapes", "all_are_told", "failed_spawn_leaves_none",
		                             NULL };

	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		CHECK_INT(0, test_run_self(again, "TEND_DISABLE", missing[i], NULL, 0));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "is_in_it", is_in_it },
		{ "nobody_escapes", nobody_escapes },
		{ "all_are_told", all_are_told },
		{ "emptiness_is_an_event", emptiness_is_an_event },
		{ "survivors_are_named", survivors_are_named },
		{ "removed_behind_the_handle", removed_behind_the_handle },
		{ "is_refused_or_replaced", is_refused_or_replaced },
		{ "entering_is_refused", entering_is_refused },
		{ "looks_fail", looks_fail },
		{ "not_a_cgroup", not_a_cgroup },
		{ "failed_spawn_leaves_none", failed_spawn_leaves_none },
		{ "mounted_elsewhere", mounted_elsewhere },
		{ "with_fallbacks", with_fallbacks },
	};

	if (argc < 2 && !have_cgroups())
		return 77;
	return test_main(argc, argv, "cgroup", tests, sizeof tests / sizeof *tests);
}
