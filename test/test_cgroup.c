/* SPDX-License-Identifier: MIT */
/* A child in a cgroup of its own: wish 1, 18, hazards 28, 38, 39, 57. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocked.h"
#include "fault.h"
#include "process.h"
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

static void stop_leader(struct test_thread *t, void *arg)
{
	static const struct tend_stop_phase phases[] = { { SIGTERM, TEND_LEADER, TEND_SECONDS(90) } };
	static const struct tend_stop plan = { .phases = phases, .n_phases = 1, .after_kill = TEND_SECONDS(1) };
	struct tend_stop_report report = { .outcome = TEND_STOP_NOT_RUN };

	WORKER_CHECK_INT(t, 0, tend_process_stop(arg, &plan, &report, NULL));
	/* Before, where the reaper looks at the cgroup for the first time when the grandchild has gone already. */
	WORKER_CHECK(t, report.outcome == TEND_STOPPED_IN_PHASE || report.outcome == TEND_STOPPED_BEFORE);
}

/* Emptiness is an event: a grandchild that goes later ends the stop, and nothing looks meanwhile. */
static void emptiness_is_an_event(void)
{
	const char *argv[] = { helper("forker"), "hold-setsid", "0", NULL };
	tend_process *p = start(argv);
	struct tend_exit ended;
	struct blocked b;
	char pid[32];

	if (!p)
		return;
	if (test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid) && test_wait(p, &ended)) {
		blocked_start(&b, stop_leader, p);
		blocked_in(&b, ON_WORD_OF(&p->stopped));
		CHECK_INT(0, kill(atoi(pid), SIGKILL));
		blocked_end(&b);
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

/* ---- what descendants made below it ---- */

static bool make_below(const char *path, const char *name)
{
	char below[2 * PATH_MAX];

	snprintf(below, sizeof below, "%s/%s", path, name);
	return CHECK_INT(0, mkdir(below, 0755));
}

/* Moves a process into the cgroup `path`. */
static bool move_to(const char *path, pid_t pid)
{
	char procs[2 * PATH_MAX], number[32];
	int fd, n = snprintf(number, sizeof number, "%d", (int)pid);
	bool moved;

	snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
	fd = open(procs, O_WRONLY | O_CLOEXEC);
	moved = CHECK(fd >= 0) && CHECK_INT(n, write(fd, number, (size_t)n));
	if (fd >= 0)
		close(fd);
	return moved;
}

static tend_process *start_obedient(char path[PATH_MAX])
{
	const char *argv[] = { helper("obedient"), NULL };
	tend_process *p = start(argv);

	if (p)
		snprintf(path, PATH_MAX, "%s", tend_process_cgroup(p));
	return p;
}

/* Cgroups that are left below ours go with it. */
static void those_below_go_too(void)
{
	char path[PATH_MAX];
	tend_process *p = start_obedient(path);

	if (!p)
		return;
	make_below(path, "a");
	make_below(path, "a/b");
	make_below(path, "c");
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
	await_removed(path);
}

/* So deep that somebody means it: it stays.  `remove` takes away what `make_below` made, from the deepest up. */
static void too_many_below(void)
{
	char path[PATH_MAX], below[64] = "d", full[2 * PATH_MAX];
	size_t fds = test_count_fds();
	tend_process *p = start_obedient(path);

	if (!p)
		return;
	for (int depth = 0; depth < 20; depth++, strcat(below, "/d"))
		make_below(path, below);
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
	test_settle(fds);
	CHECK(exists(path));
	for (size_t n = strlen(below) - 2; n > 0; n -= n > 1 ? 2 : 1) {
		below[n] = '\0';
		snprintf(full, sizeof full, "%s/%s", path, below);
		CHECK_INT(0, rmdir(full));
	}
	CHECK_INT(0, rmdir(path));
}

/* What cannot be looked into is left, and nothing else of it: each open in turn fails. */
static void removal_fails(void)
{
	size_t fds = test_count_fds();
	bool hit = true;

	for (unsigned long i = 1; hit && i < 100; i++) {
		char path[PATH_MAX], below[2 * PATH_MAX];
		tend_process *p = start_obedient(path);

		if (!p)
			return;
		make_below(path, "a");
		fault_fail_sys("open_at", i, ENFILE);
		tend_process_kill(p, TEST_PATIENCE, NULL, NULL);
		tend_process_free(p);
		test_settle(fds);
		hit = fault_fired();
		fault_reset();
		if (exists(path)) {
			CHECK(hit);
			snprintf(below, sizeof below, "%s/a", path);
			rmdir(below);
			CHECK_INT(0, rmdir(path));
		}
	}
	CHECK(!hit);
}

/* Somebody below ours is not in its list: he has no name then, and is reached by SIGKILL alone. */
static void somebody_is_below(void)
{
	const char *argv[] = { helper("forker"), "hold-setsid", "0", NULL };
	const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.drain = { .idle = TEND_MS(1), .total = TEND_MS(1) },
	};
	tend_process *p = start(argv);
	struct tend_stop_report report;
	struct tend_result result;
	struct tend_error e;
	char pid[32], path[PATH_MAX];

	if (!p)
		return;
	snprintf(path, sizeof path, "%s/below", tend_process_cgroup(p));
	if (test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid) &&
	    make_below(tend_process_cgroup(p), "below") && move_to(path, atoi(pid)) &&
	    CHECK_OK(tend_process_complete(p, &all, &result, &e), &e)) {
		CHECK_INT(1, result.n_survivors);
		CHECK_INT(0, result.survivors[0].pid);
		CHECK_STR("?", result.survivors[0].comm);
		CHECK_INT(-ESRCH, tend_process_signal(p, SIGTERM, TEND_CGROUP, NULL));
		CHECK(test_alive(atoi(pid)));
		CHECK_OK(tend_process_kill(p, TEST_PATIENCE, &report, &e), &e);
		CHECK_INT(TEND_STOPPED_BY_KILL, report.outcome);
		CHECK(!test_alive(atoi(pid)));
	}
	tend_process_kill(p, TEST_PATIENCE, NULL, NULL);
	tend_process_free(p);
}

/* More than a report has room for: counted all the same. */
static void many_survivors(void)
{
	enum { MORE = TEND_MAX_NAMED + 2 };
	const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.drain = { .idle = TEND_MS(1), .total = TEND_MS(1) },
	};
	char path[PATH_MAX];
	tend_process *others[MORE], *p = start_obedient(path);
	struct tend_result result;
	struct tend_error e;

	if (!p)
		return;
	for (int i = 0; i < MORE; i++) {
		others[i] = test_spawn(&test_reliable_all, "obedient", NULL);
		if (!others[i])
			continue;
		/* execve(2) lets the spawn go before it changes the name */
		test_await_line(tend_process_stdout(others[i]), "ready", NULL, 0);
		move_to(path, tend_process_pid(others[i]));
	}
	CHECK_OK(tend_process_signal(p, SIGKILL, TEND_LEADER, &e), &e);
	if (CHECK_OK(tend_process_complete(p, &all, &result, &e), &e)) {
		CHECK_INT(MORE, result.n_survivors);
		CHECK_STR("obedient", result.survivors[TEND_MAX_NAMED - 1].comm);
	}
	CHECK_OK(tend_process_kill(p, TEST_PATIENCE, NULL, &e), &e); /* all that are in it */
	for (int i = 0; i < MORE; i++) {
		struct tend_exit ended;

		if (others[i] && test_wait(others[i], &ended))
			CHECK_INT(SIGKILL, ended.signal);
		tend_process_free(others[i]);
	}
	tend_process_free(p);
}

/* ---- who is in it ---- */

/* Somebody with the right to has moved the leader: it is told nevertheless. */
static void leader_was_moved(void)
{
	char path[PATH_MAX];
	tend_process *p = start_obedient(path);
	struct tend_exit ended;
	struct tend_error e;

	if (!p)
		return;
	*strrchr(path, '/') = '\0';
	if (move_to(path, tend_process_pid(p))) {
		CHECK_OK(tend_process_signal(p, SIGTERM, TEND_CGROUP, &e), &e);
		test_wait(p, &ended);
	}
	tend_process_kill(p, TEST_PATIENCE, NULL, NULL);
	tend_process_free(p);
}

/* What cannot be looked at for once: who is certainly in it is told, nobody else. */
static void looks_fail_for_a_signal(void)
{
	static const struct {
		const char *call;
		unsigned long i;
		int error, expected;
	} rows[] = {
		{ "open_file", 1, EMFILE, 0 }, /* no /proc: the list tells that it is in it */
		{ "open_file", 2, EMFILE, -ESRCH }, /* that number may be a stranger's by now */
		{ "pidfd_open", 1, EMFILE, 0 }, /* the group will do */
		{ "pidfd_open", 1, ESRCH, -ESRCH },
		{ "open_at", 1, ENODEV, -ESRCH }, /* it is empty, and removed */
		{ "pidfd_signal", 1, EPERM, -EPERM },
	};
	char path[PATH_MAX];
	tend_process *p;

	if (!test_has_pidfd_open()) { /* then nobody in it can be looked at */
		printf("(left out: there is no pidfd_open) ");
		return;
	}
	p = start_obedient(path);
	for (size_t i = 0; p && i < sizeof rows / sizeof *rows; i++) {
		fault_fail_sys(rows[i].call, rows[i].i, rows[i].error);
		CHECK_INT(rows[i].expected, tend_process_signal(p, SIGCONT, TEND_CGROUP, NULL));
		CHECK(fault_fired());
		fault_reset();
	}
	if (p)
		CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
}

/* A leader whom nobody may signal is no survivor of itself. */
static void nobody_may_signal(void)
{
	char path[PATH_MAX];
	tend_process *p = start_obedient(path);
	struct tend_stop_report report;

	if (!p)
		return;
	fault_fail_sys_from("write", 1, EIO); /* cgroup.kill */
	fault_fail_sys_from("pidfd_signal", 1, EPERM);
	fault_fail_sys_from("kill", 1, EPERM);
	CHECK_INT(-EPERM, tend_process_kill(p, TEST_PATIENCE, &report, NULL));
	fault_reset();
	CHECK_INT(TEND_STOP_REFUSED, report.outcome);
	CHECK_INT(0, report.n_survivors);
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
}

/* One that nobody may signal can be handed over as it is, and its cgroup stays with it. */
static void handed_over_with_it(void)
{
	char path[PATH_MAX];
	tend_process *p = start_obedient(path);
	size_t fds;
	struct tend_released r;

	if (!p)
		return;
	test_await_line(tend_process_stdout(p), "ready", NULL, 0); /* or that would be written to nobody: SIGPIPE */
	fault_fail_sys_from("write", 1, EIO); /* cgroup.kill */
	fault_fail_sys_from("pidfd_signal", 1, EPERM);
	fault_fail_sys_from("kill", 1, EPERM);
	CHECK_INT(-EPERM, tend_process_kill(p, TEST_PATIENCE, NULL, NULL)); /* from now on it is watched */
	fault_reset();
	fds = test_count_fds();
	if (!CHECK_INT(0, tend_process_release(p, &r)))
		return;
	CHECK_INT(TEND_RUNNING, r.exit.kind);
	close(r.out);
	close(r.err);
	while (test_count_fds() > fds - 5) /* two pipes, the pidfd, two of the cgroup; r.pidfd is one more */
		sched_yield();
	CHECK(test_alive(r.pid));
	CHECK_INT(0, kill(r.pid, SIGKILL));
	CHECK_INT(r.pid, waitpid(r.pid, NULL, 0));
	close(r.pidfd);
	CHECK_INT(0, rmdir(path));
}

/* Where it cannot be watched it is looked at in steps. */
static void cannot_be_watched(void)
{
	const char *argv[] = { helper("forker"), "hold-setsid", "3", NULL };
	tend_process *p = start(argv);
	struct tend_stop_report report;
	struct tend_exit ended;
	struct tend_error e;
	char path[PATH_MAX];

	if (!p || !test_wait(p, &ended))
		return;
	snprintf(path, sizeof path, "%s", tend_process_cgroup(p));
	fault_fail_sys_from("epoll_add_file", 1, ENOSPC);
	CHECK_OK(tend_process_kill(p, TEST_PATIENCE, &report, &e), &e);
	fault_reset();
	CHECK_INT(TEND_STOPPED_BY_KILL, report.outcome);
	CHECK_INT(0, report.n_survivors);
	tend_process_free(p);
	await_removed(path);
}

/* A signal to the group is none to the cgroup. */
static void group_alone(void)
{
	const char *argv[] = { helper("forker"), "hold-setsid", "0", NULL };
	char pid[32], path[PATH_MAX];
	tend_process *p = start_obedient(path);
	struct tend_exit ended;
	struct tend_error e;

	if (!p)
		return;
	test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	CHECK_OK(tend_process_signal(p, SIGTERM, TEND_GROUP, &e), &e);
	if (test_wait(p, &ended))
		CHECK_INT(SIGTERM, ended.signal);
	tend_process_free(p);
	p = start(argv);
	if (!p)
		return;
	if (test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid) && test_wait(p, &ended)) {
		int r = tend_process_signal(p, SIGTERM, TEND_GROUP, NULL);

		CHECK(r == -ESRCH || !test_has_pidfd_open()); /* by its number a zombie takes it */
		CHECK(test_alive(atoi(pid)));
	}
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
}

/* Where nobody says whether it is empty the list tells who is in it. */
static void events_cannot_be_read(void)
{
	const char *argv[] = { helper("forker"), "hold-setsid", "0", NULL };
	const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.drain = { .idle = TEND_MS(1), .total = TEND_MS(1) },
	};
	tend_process *p = start(argv);
	struct tend_result result;
	struct tend_exit ended;
	struct tend_error e;

	if (!p)
		return;
	test_wait(p, &ended);
	fault_fail_sys_from("read_at_begin", 1, EIO);
	if (CHECK_OK(tend_process_complete(p, &all, &result, &e), &e)) {
		CHECK_INT(1, result.n_survivors);
		CHECK_STR("forker", result.survivors[0].comm);
	}
	fault_reset();
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
}

/* Before Linux 5.7 the child enters it by itself, and cannot where that file cannot be opened. */
static void procs_cannot_be_opened(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = in_cgroup(argv);
	tend_process *p = NULL;
	struct tend_error e;

	fault_fail_sys("spawn_into", 1, ENOSYS);
	fault_fail_sys("open_at", 2, EACCES); /* behind cgroup.events */
	CHECK_INT(-EACCES, tend_spawn(&s, &p, &e));
	CHECK(fault_fired());
	fault_reset();
	CHECK_INT(TEND_STEP_CGROUP, e.step);
	CHECK(!p && test_no_children());
}

/* ---- where there is none ---- */

static void is_refused_or_replaced(void)
{
	static char too_long[PATH_MAX];
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = in_cgroup(argv);
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	memset(too_long, '/', sizeof too_long - 1);
	s.cgroup.parent = too_long;
	CHECK_INT(-ENAMETOOLONG, tend_spawn(&s, &p, &e));
	CHECK_INT(TEND_STEP_CGROUP, e.step);
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

	if (!test_has_own_mounts())
		return;
	unmount_all();
	CHECK(mkdtemp(folder) != NULL);
	CHECK_INT(0, mount("none", folder, "cgroup2", 0, NULL));
	is_in_it();
	CHECK_INT(0, umount2(folder, MNT_DETACH));
	CHECK_INT(0, rmdir(folder));
}

/* ---- what /proc says of where we are ---- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (CHECK(f != NULL)) {
		CHECK(fputs(text, f) >= 0);
		CHECK_INT(0, fclose(f));
	}
}

/* What a spawn comes to when /proc/self has these files; NULL: its own.  `%s` in a mountinfo is `point`. */
static int spawn_at(const char *cgroup, const char *mountinfo, const char *point)
{
	char folder[] = "/tmp/tend-test-cgroup-XXXXXX", path[64], text[3 * PATH_MAX];
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = in_cgroup(argv);
	tend_process *p = NULL;
	struct tend_exit ended;
	int r;

	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/file", folder);
	write_file(path, cgroup);
	CHECK_INT(0, mount(path, "/proc/self/cgroup", NULL, MS_BIND, NULL));
	CHECK_INT(0, unlink(path));
	if (mountinfo) {
		snprintf(text, sizeof text, "%s%s%s", mountinfo, point, " rw - cgroup2 none rw\n");
		write_file(path, text);
		CHECK_INT(0, mount(path, "/proc/self/mountinfo", NULL, MS_BIND, NULL));
		CHECK_INT(0, unlink(path));
	}
	r = tend_spawn(&s, &p, NULL);
	if (mountinfo)
		CHECK_INT(0, umount2("/proc/self/mountinfo", MNT_DETACH));
	CHECK_INT(0, umount2("/proc/self/cgroup", MNT_DETACH));
	CHECK_INT(0, rmdir(folder));
	if (r == 0 && test_wait(p, &ended))
		CHECK(strncmp(tend_process_cgroup(p), point, strlen(point)) == 0);
	tend_process_free(p);
	return r;
}

static void check_places(const char *own)
{
	static char name[PATH_MAX + 16] = "0::/", line[2 * PATH_MAX];

	CHECK_INT(-ENOENT, spawn_at("1:name=systemd:/\n", NULL, "")); /* version 1 alone */
	CHECK_INT(-ENOENT, spawn_at("1:name=systemd:/\n0::/nowhere/here\n", NULL, ""));
	CHECK_INT(-ENOENT, spawn_at("0::/\n", "nothing is mounted at ", "all"));
	CHECK_INT(-ENOENT, spawn_at("0::/\n", "x - cgroup2 \n", ""));
	CHECK_INT(-ENOENT, spawn_at("0::/\n", "1 2 0:3 / ", "/nowhere\\x\\04"));
	CHECK_INT(0, spawn_at("0::/\n", "a line of another kind\n1 2 0:3 / ", own));
	/* a directory of it is mounted: the host is in that one, below it, not in it */
	CHECK_INT(0, spawn_at("0::/here\n", "1 2 0:3 /here ", own));
	CHECK_INT(-ENOENT, spawn_at("0::/here/nowhere\n", "1 2 0:3 /here ", own));
	CHECK_INT(-ENOENT, spawn_at("0::/hereafter\n", "1 2 0:3 /here ", own));
	CHECK_INT(-ENOENT, spawn_at("0::/elsewhere\n", "1 2 0:3 /here ", own));
	/* longer than a path may be: the name, where it is mounted with the name, and with that of ours */
	memset(name + 4, 'n', PATH_MAX);
	CHECK_INT(-ENAMETOOLONG, spawn_at(name, NULL, ""));
	memset(line, 'p', PATH_MAX - 2);
	line[0] = '/';
	CHECK_INT(-ENAMETOOLONG, spawn_at("0::/name\n", "1 2 0:3 / ", line));
	CHECK_INT(-ENAMETOOLONG, spawn_at("0::/\n", "1 2 0:3 / ", line));
}

static void in_odd_places(void)
{
	char own[PATH_MAX];
	tend_process *p;

	if (!test_has_own_mounts())
		return;
	p = start_obedient(own);
	if (!p)
		return;
	*strrchr(own, '/') = '\0';
	check_places(own);
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
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

/* A host that ends at once behind a child that it has let go of, before the reaper has seen to it. */
static int end_behind_it(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = in_cgroup(argv);
	struct tend_exit ended;
	tend_process *p = NULL;

	s.if_forgotten = TEND_FORGOTTEN_DETACH;
	if (tend_spawn(&s, &p, NULL) < 0 || tend_process_wait(p, TEST_PATIENCE, &ended, NULL) < 0)
		return 1;
	fprintf(stderr, "%s\n", tend_process_cgroup(p));
	tend_process_free(p);
	return 0;
}

static void removed_at_the_end_of_the_host(void)
{
	static const char *const argv[] = { "--end-behind-it", NULL };

	for (int i = 0; i < (test_under_valgrind() ? 3 : 30); i++) {
		char path[PATH_MAX] = "";

		CHECK_INT(0, test_run_self(argv, NULL, NULL, path, sizeof path));
		CHECK(path[0] == '/');
		path[strcspn(path, "\n")] = '\0';
		CHECK(!exists(path));
	}
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
		{ "removed_at_the_end_of_the_host", removed_at_the_end_of_the_host },
		{ "those_below_go_too", those_below_go_too },
		{ "too_many_below", too_many_below },
		{ "removal_fails", removal_fails },
		{ "somebody_is_below", somebody_is_below },
		{ "many_survivors", many_survivors },
		{ "leader_was_moved", leader_was_moved },
		{ "looks_fail_for_a_signal", looks_fail_for_a_signal },
		{ "nobody_may_signal", nobody_may_signal },
		{ "handed_over_with_it", handed_over_with_it },
		{ "cannot_be_watched", cannot_be_watched },
		{ "group_alone", group_alone },
		{ "events_cannot_be_read", events_cannot_be_read },
		{ "procs_cannot_be_opened", procs_cannot_be_opened },
		{ "is_refused_or_replaced", is_refused_or_replaced },
		{ "entering_is_refused", entering_is_refused },
		{ "looks_fail", looks_fail },
		{ "not_a_cgroup", not_a_cgroup },
		{ "failed_spawn_leaves_none", failed_spawn_leaves_none },
		{ "mounted_elsewhere", mounted_elsewhere },
		{ "in_odd_places", in_odd_places },
		{ "with_fallbacks", with_fallbacks },
	};

	if (argc == 2 && strcmp(argv[1], "--end-behind-it") == 0)
		return end_behind_it();
	if (argc < 2 && !have_cgroups())
		return 77;
	return test_main(argc, argv, "cgroup", tests, sizeof tests / sizeof *tests);
}
