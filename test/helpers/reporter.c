/* SPDX-License-Identifier: MIT */
/*
 * A child that prints facts about itself, one per line: fds (open descriptors, without the one that lists them),
 * links (what each of them is), blocking (which of 0, 1, 2 block), signals (three lines of /proc/self/status), pgid
 * (pid, group, session), cwd, env, argv, umask, nice, oom (its oom_score_adj), sched (policy, then how many CPUs it
 * may use), rlimit NUMBER (soft, hard), ids (user ids, group ids, then the supplementary groups), status KEY (what
 * /proc/self/status says), tty (which of 0, 1, 2 are terminals, the size, whether it is the controlling one), cgroup.
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>

#include "helper.h"

extern char **environ;

/* Where there is no /proc. */
static void fds_by_number(void)
{
	for (int fd = 0; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			say("%d\n", fd);
}

static void fds(bool links)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char path[300], target[256];

	while (dir && (entry = readdir(dir))) {
		ssize_t n;

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir))
			continue;
		if (!links) {
			say("%s\n", entry->d_name);
			continue;
		}
		snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
		n = readlink(path, target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		say("%s %s\n", entry->d_name, target);
	}
	if (dir)
		closedir(dir);
	else if (!links)
		fds_by_number();
}

static void blocking(void)
{
	for (int fd = 0; fd < 3; fd++)
		say("%d %s\n", fd, fcntl(fd, F_GETFL) & O_NONBLOCK ? "does not block" : "blocks");
}

/* The lines of a file that start with `key`. */
static void lines_of(const char *path, const char *key)
{
	FILE *f = fopen(path, "re");
	char line[512];

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, key, strlen(key)) == 0)
			say("%s", line);
	if (f)
		fclose(f);
}

static void signals(void)
{
	lines_of("/proc/self/status", "SigBlk");
	lines_of("/proc/self/status", "SigIgn");
	lines_of("/proc/self/status", "SigCgt");
}

static void limit(int resource)
{
	struct rlimit l = { 0, 0 };

	getrlimit(resource, &l);
	say("%" PRIuMAX " %" PRIuMAX "\n", (uintmax_t)l.rlim_cur, (uintmax_t)l.rlim_max);
}

static void scheduling(void)
{
	static unsigned char mask[1024];
	long n = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
	int cpus = 0;

	for (long i = 0; i < n; i++)
		cpus += __builtin_popcount(mask[i]);
	say("%d %d\n", sched_getscheduler(0), cpus);
}

static void ids(void)
{
	uid_t u[3] = { 0 };
	gid_t g[3] = { 0 }, groups[64];
	int n = getgroups(64, groups);

	getresuid(&u[0], &u[1], &u[2]);
	getresgid(&g[0], &g[1], &g[2]);
	say("%u %u %u, %u %u %u,", u[0], u[1], u[2], g[0], g[1], g[2]);
	for (int i = 0; i < n; i++)
		say(" %u", groups[i]);
	say("\n");
}

static void terminal(void)
{
	struct winsize size = { 0 };
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	say("%d%d%d %ux%u %s\n", isatty(0), isatty(1), isatty(2), size.ws_row, size.ws_col,
	    fd >= 0 && tcgetsid(STDOUT_FILENO) == getsid(0) ? "controlling" : "not controlling");
}

static void report(const char *what, int argc, char **argv)
{
	char path[PATH_MAX];

	if (strcmp(what, "fds") == 0)
		fds(false);
	else if (strcmp(what, "links") == 0)
		fds(true);
	else if (strcmp(what, "blocking") == 0)
		blocking();
	else if (strcmp(what, "signals") == 0)
		signals();
	else if (strcmp(what, "pgid") == 0)
		say("%d\n%d\n%d\n", getpid(), getpgid(0), getsid(0));
	else if (strcmp(what, "cwd") == 0)
		say("%s\n", getcwd(path, sizeof path) ? path : "?");
	else if (strcmp(what, "env") == 0)
		for (char **e = environ; *e; e++)
			say("%s\n", *e);
	else if (strcmp(what, "umask") == 0)
		say("%03o\n", umask(0));
	else if (strcmp(what, "nice") == 0)
		say("%d\n", getpriority(PRIO_PROCESS, 0));
	else if (strcmp(what, "oom") == 0)
		lines_of("/proc/self/oom_score_adj", "");
	else if (strcmp(what, "sched") == 0)
		scheduling();
	else if (strcmp(what, "rlimit") == 0)
		limit((int)number(argc, argv, 2, 0));
	else if (strcmp(what, "ids") == 0)
		ids();
	else if (strcmp(what, "status") == 0)
		lines_of("/proc/self/status", argv[2]);
	else if (strcmp(what, "tty") == 0)
		terminal();
	else if (strcmp(what, "cgroup") == 0)
		lines_of("/proc/self/cgroup", "0::");
	else if (strcmp(what, "argv") == 0)
		for (int i = 0; i < argc; i++)
			say("%s\n", argv[i]);
}

int main(int argc, char **argv)
{
	need(argc, argv, 1);
	report(argv[1], argc, argv);
	return 0;
}
