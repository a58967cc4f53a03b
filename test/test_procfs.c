/* SPDX-License-Identifier: MIT */
/*
 * What is made of /proc, procfs.c: of one that this test has written, as no kernel can be made to say all of it at
 * will.  A /proc of one's own needs a mount namespace of one's own, so such a test has a process of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/cgroup.h"
#include "../lib/procfs.h"
#include "fault.h"
#include "test.h"

#define STRANGER 4000001 /* no number of anybody's */
#define GROUP 4000000

/* ---- a /proc of one's own ---- */

__attribute__((format(printf, 2, 3))) static void write_proc(const char *path, const char *format, ...)
{
	char full[128];
	va_list ap;
	FILE *f;

	snprintf(full, sizeof full, "/proc/%s", path);
	for (char *slash = full + 6; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
		*slash = '\0';
		CHECK(mkdir(full, 0755) == 0 || errno == EEXIST);
	}
	f = fopen(full, "we");
	if (!CHECK(f != NULL))
		return;
	va_start(ap, format);
	CHECK(vfprintf(f, format, ap) >= 0);
	va_end(ap);
	CHECK_INT(0, fclose(f));
}

static void write_status(int pid)
{
	write_proc("self/status", "Name:\tme\nPid:\t%d\n", pid);
}

/* Member `pid` of GROUP. */
static void write_stat(int pid, const char *comm, char state, int threads)
{
	char path[64];

	snprintf(path, sizeof path, "%d/stat", pid);
	write_proc(path, "%d (%s) %c 1 %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0 %d 0\n", pid, comm, state, GROUP, threads);
	snprintf(path, sizeof path, "%d/comm", pid);
	write_proc(path, "%s\n", comm);
}

/* Runs `run` where /proc is ours to write, and no other test runs, and none of it stays. */
static void with_proc(void (*run)(void))
{
	if (!test_has_own_mounts())
		return;
	if (CHECK_INT(0, mount("none", "/proc", "tmpfs", 0, NULL))) {
		run();
		CHECK_INT(0, umount2("/proc", MNT_DETACH));
	}
}

/* ---- files ---- */

static void files_in_pieces(void)
{
	char name[] = "/tmp/tend-test-procfs-XXXXXX", text[8];
	int fd = mkstemp(name);

	CHECK_INT(10, write(fd, "0123456789", 10));
	CHECK_INT(0, tend__procfs_slurp(name, text, sizeof text));
	CHECK_STR("0123456", text);
	fault_twist("read", 1, FAULT_SHORT, true);
	CHECK_INT(0, tend__procfs_slurp(name, text, sizeof text));
	CHECK(fault_fired());
	CHECK_STR("0123456", text);
	fault_fail_sys("read", 2, EIO); /* a part of it is nothing */
	CHECK_INT(0, ftruncate(fd, 3));
	CHECK_INT(-EIO, tend__procfs_slurp(name, text, sizeof text));
	fault_reset();
	CHECK_INT(0, tend__procfs_slurp(name, text, sizeof text));
	CHECK_STR("012", text);
	CHECK_INT(0, ftruncate(fd, 0));
	CHECK_INT(-ESRCH, tend__procfs_slurp(name, text, sizeof text));
	close(fd);
	CHECK_INT(0, unlink(name));
	CHECK_INT(-ENOENT, tend__procfs_slurp(name, text, sizeof text));
}

/* ---- whose it is ---- */

static void check_ours(void)
{
	int me = (int)getpid();

	CHECK(!tend__procfs_is_ours());
	write_proc("self/status", "Name:\tme\n");
	CHECK(!tend__procfs_is_ours());
	write_status(me + 1);
	CHECK(!tend__procfs_is_ours());
	write_status(me);
	CHECK(tend__procfs_is_ours()); /* before Linux 4.1 it says no more */
	write_proc("self/status", "Name:\tme\nPid:\t%d\nNSpid:\t%d\n", me, me);
	CHECK(tend__procfs_is_ours());
	write_proc("self/status", "Name:\tme\nPid:\t%d\nNSpid:\t%d\t%d\n", me, me, me);
	CHECK(!tend__procfs_is_ours());
	write_proc("self/status", "Name:\tme\nPid:\t%d\nNSpid:\t%d\n", me, me + 1);
	CHECK(!tend__procfs_is_ours());
}

static void ours_or_not(void)
{
	with_proc(check_ours);
}

/* ---- one process ---- */

static void check_name(const char *expected)
{
	struct tend_pid_name name;

	tend__procfs_name(STRANGER, &name);
	CHECK_INT(STRANGER, name.pid);
	CHECK_STR(expected, name.comm);
}

static void check_state(char state, const char *wchan, pid_t tracer)
{
	struct tend_kernel_state s;

	tend__procfs_state(STRANGER, &s);
	CHECK_INT(state, s.state);
	CHECK_STR(wchan, s.wchan);
	CHECK_INT(tracer, s.tracer);
}

static void check_one(void)
{
	write_stat(STRANGER, "evil) X (", 'S', 1);
	check_name("?"); /* not ours */
	check_state(0, "", 0);
	write_status((int)getpid());
	check_name("evil) X (");
	check_state('S', "", 0);
	write_proc("4000001/wchan", "0");
	write_proc("4000001/status", "Name:\tx\n");
	check_state('S', "", 0);
	write_proc("4000001/wchan", "do_something");
	write_proc("4000001/status", "Name:\tx\nTracerPid:\t7\n");
	check_state('S', "do_something", 7);
	write_proc("4000001/stat", "4000001 evil");
	check_state(0, "", 0);
	CHECK_INT(0, unlink("/proc/4000001/stat"));
	check_state(0, "", 0);
	write_proc("4000001/comm", "kworker/of-the-kernel-has-64-bytes-for-it\n");
	check_name("kworker/of-the-kernel-has-64-by");
	CHECK_INT(0, unlink("/proc/4000001/comm"));
	check_name("?");
}

static void one_process(void)
{
	with_proc(check_one);
}

static void check_pid_of(pid_t expected, const char *text)
{
	write_proc("self/fdinfo/5", "pos:\t0\n%s", text);
	CHECK_INT(expected, tend__procfs_pid_of(5));
}

static void check_pidfd(void)
{
	check_pid_of(-ENOSYS, "Pid:\t9\n");
	write_status((int)getpid());
	check_pid_of(9, "Pid:\t9\n");
	check_pid_of(-ESRCH, "Pid:\t-1\n");
	check_pid_of(-EREMOTE, "Pid:\t0\n");
	check_pid_of(-EINVAL, "");
	CHECK_INT(-ENOSYS, tend__procfs_pid_of(6));
}

static void of_a_pidfd(void)
{
	with_proc(check_pidfd);
}

/* ---- those of a group ---- */

static void check_group(size_t expected, const char *first)
{
	struct tend_pid_name names[TEND_MAX_NAMED] = { { .pid = 0 } };

	CHECK_INT(expected, tend__procfs_group(GROUP, names));
	CHECK_INT(expected, tend__procfs_group(GROUP, NULL));
	CHECK_STR(first, names[0].comm);
}

static void check_members(void)
{
	struct tend_pid_name names[TEND_MAX_NAMED];

	write_stat(GROUP, "leader", 'S', 1);
	check_group(1, "?"); /* nobody knows */
	write_status((int)getpid());
	check_group(0, "");
	write_stat(STRANGER, "dead", 'X', 1);
	check_group(0, "");
	write_stat(STRANGER, "zombie", 'Z', 1);
	check_group(0, "");
	write_stat(STRANGER, "threads", 'Z', 2); /* its first one has ended */
	check_group(1, "threads");
	write_proc("4000001/stat", "4000001 threads");
	check_group(0, "");
	write_proc("4000001x/stat", "4000001 (x) S 1 %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0\n", GROUP);
	write_proc("-1/stat", "4000001 (x) S 1 %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0\n", GROUP);
	check_group(0, "");
	fault_fail_sys("open_file", 2, EMFILE); /* behind who we are; the leader is not asked about */
	CHECK_INT(1, tend__procfs_group(GROUP, names));
	CHECK(fault_fired());
	fault_reset();
	CHECK_INT(0, names[0].pid);
	CHECK_STR("?", names[0].comm);
	for (int i = 1; i <= TEND_MAX_NAMED + 2; i++)
		write_stat(STRANGER + i, "one of them", 'S', 1);
	check_group(TEND_MAX_NAMED + 2, "one of them");
	CHECK_INT(TEND_MAX_NAMED + 2, tend__procfs_group(GROUP, names));
	CHECK_STR("one of them", names[TEND_MAX_NAMED - 1].comm);
}

static void of_a_group(void)
{
	with_proc(check_members);
}

/* ---- who holds a pipe ---- */

static void open_pipe(int pid, const char *fd, const char *target)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/fd/%s", pid, fd);
	CHECK_INT(0, symlink(target, path));
}

static void make_fds(int pid)
{
	char path[64];

	snprintf(path, sizeof path, "%d/fd/0", pid);
	write_proc(path, "no link");
}

static void check_holders(void)
{
	struct tend_pid_name names[TEND_MAX_NAMED];

	CHECK_INT(0, tend__procfs_holders(0, names)); /* it is no pipe */
	CHECK_INT(1, tend__procfs_holders(5, names));
	CHECK_INT(0, names[0].pid);
	write_status((int)getpid());
	make_fds((int)getpid());
	open_pipe((int)getpid(), "3", "pipe:[5]");
	write_stat(GROUP, "no fds", 'S', 1);
	CHECK_INT(0, tend__procfs_holders(5, names)); /* we are not asked about */
	make_fds(STRANGER);
	write_stat(STRANGER, "holder", 'S', 1);
	open_pipe(STRANGER, "3", "pipe:[55]");
	CHECK_INT(0, tend__procfs_holders(5, names));
	open_pipe(STRANGER, "4", "pipe:[5]");
	open_pipe(STRANGER, "7", "pipe:[5]");
	CHECK_INT(1, tend__procfs_holders(5, names)); /* once */
	CHECK_INT(STRANGER, names[0].pid);
	CHECK_STR("holder", names[0].comm);
}

static void of_a_pipe(void)
{
	with_proc(check_holders);
}

/* ---- our cgroup ---- */

static void check_no_mounts(void)
{
	struct tend__cgroup c;

	tend__cgroup_init(&c);
	CHECK_INT(-ENOENT, tend__cgroup_make(&c, NULL));
	write_proc("self/cgroup", "0::/\n");
	CHECK_INT(-ENOENT, tend__cgroup_make(&c, NULL));
	CHECK(!c.path);
}

static void no_mounts(void)
{
	with_proc(check_no_mounts);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "files_in_pieces", files_in_pieces },
		{ "ours_or_not", ours_or_not },
		{ "one_process", one_process },
		{ "of_a_pidfd", of_a_pidfd },
		{ "of_a_group", of_a_group },
		{ "of_a_pipe", of_a_pipe },
		{ "no_mounts", no_mounts },
	};

	return test_main(argc, argv, "procfs", tests, sizeof tests / sizeof *tests);
}
