/* SPDX-License-Identifier: MIT */
/*
 * Hosts at their limits: descriptors at every low number and at a million, no more processes, no more room in pipes.
 * Where something is refused it is refused clean, with the step that met the limit, and works when there is room again.
 */
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks.h"
#include "test.h"

#define NOBODY 65534
#define A_MILLION ((rlim_t)1 << 20)

static void set_soft(int resource, rlim_t soft)
{
	struct rlimit l;

	CHECK_INT(0, getrlimit((__rlimit_resource_t)resource, &l));
	l.rlim_cur = soft < l.rlim_max ? soft : l.rlim_max;
	CHECK_INT(0, setrlimit((__rlimit_resource_t)resource, &l));
}

/* ---- few descriptors ---- */

static bool is_step_of_descriptors(enum tend_step step)
{
	return step == TEND_STEP_THREAD || step == TEND_STEP_PIPE || step == TEND_STEP_OPEN ||
	       step == TEND_STEP_CLONE || step == TEND_STEP_PIDFD || step == TEND_STEP_STDIO;
}

static int spawn_reporter(tend_process **ret_process, struct tend_error *err)
{
	const char *argv[] = { helper("reporter"), "fds", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	s.in = TEND_IN_PIPE;
	return tend_spawn(&s, ret_process, err);
}

static void check_report(tend_process *p)
{
	const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};
	struct tend_result r;
	struct tend_error e;

	CHECK_OK(tend_process_complete(p, &all, &r, &e), &e);
	CHECK_INT(TEND_EXITED, r.exit.kind);
	CHECK_INT(0, r.exit.code);
	CHECK_STR("0\n1\n2\n", r.out.collected.data);
	tend_process_free(p);
}

/*
 * The library's first spawn, with `limit` descriptors; whether it worked.  What the library keeps for good may exist
 * already when it did not, all of it or nothing.
 */
static bool first_spawn_works(rlim_t limit, rlim_t room)
{
	size_t fds = test_count_fds(), left, kept;
	struct tend_error e = { .code = 0 };
	tend_process *p = NULL;
	int r;

	set_soft(RLIMIT_NOFILE, limit);
	r = spawn_reporter(&p, &e);
	set_soft(RLIMIT_NOFILE, room);
	if (r == 0) {
		check_report(p);
		return true;
	}
	CHECK_INT(-EMFILE, r);
	CHECK_INT(-EMFILE, e.code);
	CHECK(is_step_of_descriptors(e.step));
	CHECK(!p);
	CHECK(test_no_children());
	left = test_count_fds() - fds;
	hostile_open_books();
	kept = test_count_fds() - fds;
	CHECK(left == 0 || left == kept);
	CHECK_INT(0, spawn_reporter(&p, &e));
	check_report(p);
	hostile_close_books();
	return false;
}

/* 0: it works from this limit on.  Each in a process that has not used the library before. */
static int try_limit(rlim_t limit, rlim_t room)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		exit(first_spawn_works(limit, room) ? 0 : 1);
	CHECK_INT(pid, waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
	return WEXITSTATUS(status);
}

/* Hazard 25.  A descriptor above all of these limits is open, and must not get into a child. */
static void few_descriptors(void)
{
	struct rlimit before;
	rlim_t limit = 3;
	int failed = 0;

	CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &before));
	CHECK_INT(900, dup2(STDERR_FILENO, 900));
	while (limit < 100 && try_limit(limit, before.rlim_cur) != 0)
		failed++, limit++;
	CHECK(limit < 100 && failed > 3);
	for (rlim_t more = 1; more < 5; more++)
		CHECK_INT(0, try_limit(limit + more, before.rlim_cur));
}

static void not_under_valgrind(void)
{
	if (test_under_valgrind())
		hostile_skip("valgrind itself gives up when it has no descriptors");
}

static void without_close_range(void)
{
	setenv("TEND_DISABLE", "close_range", 1);
}

static void few_without_close_range(void)
{
	not_under_valgrind();
	without_close_range();
}

/* The lowest numbers are free, so each new descriptor is in the child's way. */
static void few_and_closed(void)
{
	not_under_valgrind();
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
}

/* ---- many descriptors ---- */

/* A million, or what there is; one far up is open. */
static void allow_a_million(void)
{
	const struct rlimit million = { A_MILLION, A_MILLION };
	struct rlimit l;
	int high;

	if (test_under_valgrind())
		hostile_skip("valgrind has its own limit");
	if (setrlimit(RLIMIT_NOFILE, &million) != 0)
		set_soft(RLIMIT_NOFILE, A_MILLION);
	CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &l));
	high = (int)l.rlim_cur - 10;
	CHECK_INT(high, dup2(STDERR_FILENO, high));
}

static void a_million_without_close_range(void)
{
	without_close_range();
	allow_a_million();
}

/* Hazard 3: neither close_range(2) nor /proc tells what is open, so all million are gone through; once is enough. */
static void a_million_one_by_one(void)
{
	if (test_under_sanitizer())
		hostile_skip("the sanitizers read /proc themselves");
	a_million_without_close_range();
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/proc", "tmpfs", 0, NULL) != 0)
		hostile_skip("/proc cannot be covered");
}

/* Five thousand, none with CLOEXEC: each is in a child's way. */
static void open_five_thousand(void)
{
	struct rlimit l;

	set_soft(RLIMIT_NOFILE, 6000);
	CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &l));
	if (l.rlim_cur < 6000)
		hostile_skip("so many descriptors are not allowed");
	for (int i = 0; i < 5000; i++)
		CHECK(dup(STDERR_FILENO) >= 0);
}

static void five_thousand_without_close_range(void)
{
	without_close_range();
	open_five_thousand();
}

/* ---- nobody ---- */

/*
 * Limits of processes and pipes are for users without privileges.  For good; /proc/self stays readable, or the books
 * could not be looked at.
 */
static void become_nobody(void)
{
	if (geteuid() != 0)
		return;
	CHECK_INT(0, setgroups(0, NULL));
	CHECK_INT(0, setresgid(NOBODY, NOBODY, NOBODY));
	CHECK_INT(0, setresuid(NOBODY, NOBODY, NOBODY));
	CHECK_INT(0, prctl(PR_SET_DUMPABLE, 1));
	if (access(helper("exiter"), X_OK) != 0)
		hostile_skip("nobody may not execute the helpers");
}

static void check_refused(const struct tend_stream_options *live, enum tend_step step)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, live);
	struct tend_error e = { .code = 0 };
	tend_process *p = NULL;

	CHECK_INT(-EAGAIN, tend_spawn(&s, &p, &e));
	CHECK_INT(-EAGAIN, e.code);
	CHECK_INT(step, e.step);
	CHECK(!p);
	CHECK(test_no_children());
}

/* Hazard 26: no process and no thread more: before the library's first use, with its threads there, and then again. */
static void no_more_processes(void)
{
	struct rlimit before;

	CHECK_INT(0, getrlimit(RLIMIT_NPROC, &before));
	set_soft(RLIMIT_NPROC, 1);
	check_refused(NULL, TEND_STEP_THREAD);
	check_refused(&test_reliable, TEND_STEP_THREAD);
	set_soft(RLIMIT_NPROC, before.rlim_cur);
	hostile_open_books();
	set_soft(RLIMIT_NPROC, 1);
	check_refused(NULL, TEND_STEP_CLONE);
	check_refused(&test_reliable, TEND_STEP_THREAD);
	set_soft(RLIMIT_NPROC, before.rlim_cur);
	hostile_close_books();
	hostile_scenarios();
}

/* Past fs.pipe-user-pages-soft a new pipe holds two pages, and cannot be made to hold more. */
static void use_up_the_pipes(void)
{
	int fds[2];

	become_nobody();
	set_soft(RLIMIT_NOFILE, 3500);
	do {
		if (pipe2(fds, O_CLOEXEC) != 0)
			hostile_skip("so many pipes are not allowed");
		if (fds[1] > 3300)
			hostile_skip("pipes do not shrink, however many there are");
	} while (fcntl(fds[1], F_GETPIPE_SZ) > 2 * (int)sysconf(_SC_PAGESIZE));
}

/* Hazard 87. */
static void small_pipes(void)
{
	hostile_scenarios();
	hostile_echo((size_t)1 << 20);
}

int main(int argc, char **argv)
{
	static const struct hostile settings[] = {
		{ .name = "few_descriptors", .arrange = not_under_valgrind, .run = few_descriptors },
		{ .name = "few_without_close_range", .arrange = few_without_close_range, .run = few_descriptors },
		{ .name = "few_and_closed", .arrange = few_and_closed, .run = few_descriptors },
		{ .name = "a_million", .arrange = allow_a_million },
		{ .name = "a_million_without_close_range", .arrange = a_million_without_close_range },
		{ .name = "a_million_one_by_one", .arrange = a_million_one_by_one, .run = hostile_child_is_clean },
		{ .name = "five_thousand", .arrange = open_five_thousand },
		{ .name = "five_thousand_without_close_range", .arrange = five_thousand_without_close_range },
		{ .name = "no_more_processes", .arrange = become_nobody, .run = no_more_processes },
		{ .name = "small_pipes", .arrange = use_up_the_pipes, .run = small_pipes },
	};

	return hostile_main(argc, argv, "hostile_limits", settings, sizeof settings / sizeof *settings);
}
