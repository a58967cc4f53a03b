/* SPDX-License-Identifier: MIT */
/*
 * Hosts that are hostile by what they are: their signals, their descriptors, their scheduling, their place among the
 * processes.  Each runs all scenarios of hostile.c in a process of its own, with the library's first use inside.
 */
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* ---- signals ---- */

static void block_all(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static void dispose(int sig, void (*handler)(int), int flags)
{
	const struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigaction(sig, &action, NULL);
}

/* SIGKILL, SIGSTOP and the C library's own refuse. */
static void ignore_all(void)
{
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		dispose(sig, SIG_IGN, 0);
}

static void sigpipe_default(void)
{
	dispose(SIGPIPE, SIG_DFL, 0);
}

static void sigpipe_ignored(void)
{
	dispose(SIGPIPE, SIG_IGN, 0);
}

static void sigchld_ignored(void)
{
	dispose(SIGCHLD, SIG_IGN, 0);
}

static void no_cld_wait(void)
{
	dispose(SIGCHLD, SIG_DFL, SA_NOCLDWAIT);
}

static void *thieve(void *arg)
{
	for (;;)
		if (waitpid(-1, NULL, 0) < 0)
			sched_yield();
	return arg;
}

/* Sleeps in waitpid(-1) whenever there is a child: it sees each exit as early as the kernel can tell anybody. */
static void start_thief(void)
{
	pthread_t thread;

	CHECK_INT(0, pthread_create(&thread, NULL, thieve, NULL));
	pthread_detach(thread);
}

/* ---- descriptors and directories ---- */

static void close_standard_streams(void)
{
	for (int fd = 0; fd < 3; fd++)
		close(fd);
}

/* Open, and not marked to be closed by an exec. */
static void leave_descriptors_open(void)
{
	int fd = open("/dev/null", O_RDWR);

	for (int i = 5; i < 500; i += 7)
		CHECK_INT(i, dup2(fd, i));
}

static void lose_the_directory(void)
{
	char path[] = "/tmp/tend-test-XXXXXX";

	CHECK(mkdtemp(path) != NULL);
	CHECK_INT(0, chdir(path));
	CHECK_INT(0, rmdir(path));
}

/* ---- scheduling ---- */

static void check_scheduling(bool reset, const char *expected)
{
	const char *argv[] = { helper("reporter"), "sched", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	char line[64];

	s.reset_scheduler = s.reset_affinity = reset;
	CHECK(test_output_of(&s, line, sizeof line));
	CHECK_STR(expected, line);
}

/* To the CPU that runs this; how many there were. */
static int pin(void)
{
	cpu_set_t before, one;

	CHECK_INT(0, sched_getaffinity(0, sizeof before, &before));
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	CHECK_INT(0, sched_setaffinity(0, sizeof one, &one));
	return CPU_COUNT(&before);
}

static void ask_for_real_time(void)
{
	const struct sched_param param = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &param) != 0)
		hostile_skip("SCHED_FIFO is not allowed");
}

/* Hazard 23: the child gets it by inheritance, and not where that was not wanted. */
static void pinned_in_real_time(void)
{
	char expected[32];
	int cpus = pin();

	check_scheduling(false, "1 1\n");
	snprintf(expected, sizeof expected, "0 %d\n", cpus);
	check_scheduling(true, expected);
	hostile_scenarios();
}

static void pin_it(void)
{
	pin();
}

/* ---- its place among the processes ---- */

/* Hazard 39: what is orphaned below this host stays a zombie until the books are closed. */
static void become_lazy_subreaper(void)
{
	CHECK_INT(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	hostile_reap_orphans();
}

static void need_namespaces(int flags)
{
	if (unshare(flags) != 0)
		hostile_skip(strerror(errno));
}

static void in_pid_namespace(void)
{
	need_namespaces(CLONE_NEWPID);
}

static void in_pid_and_mount_namespace(void)
{
	need_namespaces(CLONE_NEWPID | CLONE_NEWNS);
}

/* Hazard 58: as init, which inherits the grandchildren and reaps them; /proc still shows the namespace outside. */
static void be_init(void)
{
	CHECK_INT(1, getpid());
	start_thief();
}

/*
 * An init that reaps nobody, where /proc does not tell zombies from who lives: what is left of the group is not known,
 * which is said, in bounded time, and no number of the namespace outside is taken for it.
 */
static void be_lazy_init(void)
{
	const struct tend_stop kill_it = { .after_kill = TEND_MS(30) };
	tend_process *p = test_spawn(&test_reliable_all, "forker", "hold-stubborn", "4", NULL);
	struct tend_stop_report report;
	struct tend_exit ended;
	struct tend_error e;

	CHECK_INT(1, getpid());
	CHECK(test_wait(p, &ended));
	CHECK_OK(tend_process_stop(p, &kill_it, &report, &e), &e);
	CHECK_INT(TEND_STOP_SURVIVORS, report.outcome);
	CHECK_INT(1, (int)report.n_survivors);
	CHECK_INT(0, report.survivors[0].pid);
	CHECK_STR("?", report.survivors[0].comm);
	while (waitpid(-1, NULL, 0) > 0)
		; /* it was the zombie, and nobody else */
	CHECK_OK(tend_process_stop(p, &kill_it, &report, &e), &e);
	CHECK_INT(TEND_STOPPED_BEFORE, report.outcome);
	tend_process_free(p);
}

/* A lazy one with the /proc that belongs to it. */
static void be_init_with_proc(void)
{
	CHECK_INT(1, getpid());
	hostile_reap_orphans();
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("proc", "/proc", "proc", 0, NULL) != 0)
		hostile_skip("/proc cannot be mounted");
}

/* Behind its init nobody can be born in a namespace, and LeakSanitizer would want a process at the exit. */
static void scenarios_as_init(void)
{
	hostile_scenarios_in_fork(be_init);
	_exit(0);
}

static void as_lazy_init(void)
{
	hostile_in_fork(be_lazy_init);
	_exit(0);
}

static void scenarios_as_init_with_proc(void)
{
	hostile_scenarios_in_fork(be_init_with_proc);
	_exit(0);
}

/* Without /proc nothing is in the books but children and allocations. */
static void lose_proc(void)
{
	if (test_under_valgrind() || test_under_sanitizer())
		hostile_skip("valgrind and the sanitizers read /proc themselves");
	need_namespaces(CLONE_NEWNS);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("none", "/proc", "tmpfs", 0, NULL) != 0)
		hostile_skip("/proc cannot be covered");
}

/* Hazard 48: a copy of a host that has used the library has none of its threads, and uses it afresh. */
static void scenarios_in_a_copy(void)
{
	hostile_open_books();
	hostile_scenarios_in_fork(NULL);
	hostile_close_books();
}

int main(int argc, char **argv)
{
	static const struct hostile settings[] = {
		{ .name = HOSTILE_FRIENDLY }, /* the control: what fails here is not the host's fault */
		{ .name = "all_signals_blocked", .arrange = block_all },
		{ .name = "all_signals_ignored", .arrange = ignore_all, .takes_status = true },
		{ .name = "sigpipe_default", .arrange = sigpipe_default },
		{ .name = "sigpipe_ignored", .arrange = sigpipe_ignored },
		{ .name = "sigchld_ignored", .arrange = sigchld_ignored, .takes_status = true },
		{ .name = "no_cld_wait", .arrange = no_cld_wait, .takes_status = true },
		{ .name = "status_thief", .arrange = start_thief, .takes_status = true },
		{ .name = "standard_streams_closed", .arrange = close_standard_streams },
		{ .name = "descriptors_left_open", .arrange = leave_descriptors_open },
		{ .name = "directory_removed", .arrange = lose_the_directory },
		{ .name = "pinned", .arrange = pin_it },
		{ .name = "pinned_in_real_time", .arrange = ask_for_real_time, .run = pinned_in_real_time },
		{ .name = "lazy_subreaper", .arrange = become_lazy_subreaper },
		{ .name = "init", .arrange = in_pid_namespace, .run = scenarios_as_init,
		  .takes_status = true },
		{ .name = "lazy_init", .arrange = in_pid_namespace, .run = as_lazy_init },
		{ .name = "init_with_proc", .arrange = in_pid_and_mount_namespace,
		  .run = scenarios_as_init_with_proc },
		{ .name = "no_proc", .arrange = lose_proc },
		{ .name = "copy_of_a_host", .run = scenarios_in_a_copy },
	};

	return hostile_main(argc, argv, "hostile", settings, sizeof settings / sizeof *settings);
}
