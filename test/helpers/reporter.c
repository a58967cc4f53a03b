/* SPDX-License-Identifier: MIT */
/*
 * A child that prints facts about itself, one per line: fds (open descriptors, without the one that lists them),
 * links (what each of them is), blocking (which of 0, 1, 2 block), signals (three lines of /proc/self/status), pgid
 * (pid, group, session), cwd, env, argv.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>

#include "helper.h"

extern char **environ;

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
}

static void blocking(void)
{
	for (int fd = 0; fd < 3; fd++)
		say("%d %s\n", fd, fcntl(fd, F_GETFL) & O_NONBLOCK ? "does not block" : "blocks");
}

static void signals(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "SigBlk", 6) == 0 || strncmp(line, "SigIgn", 6) == 0 ||
		    strncmp(line, "SigCgt", 6) == 0)
			say("%s", line);
	if (f)
		fclose(f);
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
