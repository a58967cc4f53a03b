/* SPDX-License-Identifier: MIT */
/*
 * /proc as a source of names for reports.  What is found is a moment's view: a process may come or go while the
 * directory is read.  Nobody is ever signalled by a number that was found here.
 *
 * It may be missing, or show a PID namespace that is not ours, where each number is somebody else's.  Then nothing of
 * it is believed, and what is asked for is not known.
 */
#include "procfs.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys.h"

struct found {
	struct tend_pid_name *names; /* may be NULL */
	size_t n;
	bool incomplete; /* something could not be read */
};

/* The kernel hands such a file over in pieces, of a page for example. */
int tend__procfs_slurp(const char *path, char *ret_text, size_t room)
{
	int fd = tend__sys_open_file(path);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = tend__sys_read(fd, ret_text + used, room - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0 && used < room - 1);
	tend__sys_close(fd);
	if (n < 0 || used == 0)
		return n < 0 ? (int)n : -ESRCH;
	ret_text[used] = '\0';
	return 0;
}

DIR *tend__procfs_folder(const char *path)
{
	int fd = tend__sys_open_folder(path);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		tend__sys_close(fd);
	return dir;
}

/* The number behind the first of the lines that begin with `label`; NULL when there is none. */
static const char *find_label(const char *text, const char *label)
{
	const char *at = strstr(text, label);

	return at ? at + strlen(label) : NULL;
}

/*
 * pid_namespaces(7): a /proc shows numbers as they are in the namespace that it was mounted for.  NSpid (Linux 4.1) has
 * our own in that one first, and one more for each namespace further in.
 */
bool tend__procfs_is_ours(void)
{
	const char *pid, *nested;
	char text[4096];
	char *end;

	if (tend__procfs_slurp("/proc/self/status", text, sizeof text) < 0)
		return false;
	pid = find_label(text, "\nPid:");
	if (!pid || strtol(pid, NULL, 10) != getpid())
		return false;
	nested = find_label(text, "\nNSpid:");
	return !nested || (strtol(nested, &end, 10) == getpid() && *end == '\n');
}

/* The same of /proc/PID/<file>. */
static int slurp_of(pid_t pid, const char *file, char *ret_text, size_t room)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	return tend__procfs_slurp(path, ret_text, room);
}

/* The same of a process of a /proc that is ours.  A name may have newlines of its own: only the last one is not its. */
static void name_it(pid_t pid, struct tend_pid_name *ret_name)
{
	char text[2 * sizeof ret_name->comm];
	size_t n;

	*ret_name = (struct tend_pid_name){ .pid = pid, .comm = "?" };
	if (slurp_of(pid, "comm", text, sizeof text) < 0)
		return;
	n = strlen(text);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n >= sizeof ret_name->comm)
		n = sizeof ret_name->comm - 1;
	memcpy(ret_name->comm, text, n);
	ret_name->comm[n] = '\0';
}

void tend__procfs_name(pid_t pid, struct tend_pid_name *ret_name)
{
	if (tend__procfs_is_ours())
		name_it(pid, ret_name);
	else
		*ret_name = (struct tend_pid_name){ .pid = pid, .comm = "?" };
}

static void add(struct found *f, pid_t pid)
{
	if (f->names && f->n < TEND_MAX_NAMED)
		name_it(pid, &f->names[f->n]);
	f->n++;
}

/* Nobody was found, and not everybody was looked at: somebody may be there. */
static size_t count(struct found *f)
{
	if (f->n == 0 && f->incomplete) {
		f->n = 1;
		if (f->names)
			f->names[0] = (struct tend_pid_name){ .pid = 0, .comm = "?" };
	}
	return f->n;
}

/* Calls `look` for each process. */
static void each_process(void (*look)(pid_t pid, const void *what, struct found *found), const void *what,
                         struct found *found)
{
	const struct dirent *e;
	int cancel;
	DIR *dir;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel); /* readdir(3) may be a cancellation point */
	dir = tend__procfs_is_ours() ? tend__procfs_folder("/proc") : NULL;
	found->incomplete = !dir;
	while (dir && (e = readdir(dir)) != NULL) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);

		if (pid > 0 && *end == '\0')
			look((pid_t)pid, what, found);
	}
	if (dir)
		closedir(dir);
	pthread_setcancelstate(cancel, NULL);
}

/*
 * proc(5) /proc/PID/stat: pid (comm) state ppid pgrp ... num_threads, where comm may hold anything, ')' too.  State Z
 * with more than one thread is a process whose first thread has ended: alive.
 */
static bool parse_stat(const char *text, char *ret_state, int *ret_pgrp, int *ret_threads)
{
	const char *p = strrchr(text, ')');

	return p && sscanf(p + 1, " %c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d", ret_state,
	                   ret_pgrp, ret_threads) == 3;
}

void tend__procfs_state(pid_t pid, struct tend_kernel_state *ret_state)
{
	char text[4096];
	const char *tracer;
	int pgrp, threads;

	memset(ret_state, 0, sizeof *ret_state);
	if (!tend__procfs_is_ours() || slurp_of(pid, "stat", text, sizeof text) < 0 ||
	    !parse_stat(text, &ret_state->state, &pgrp, &threads))
		return;
	if (slurp_of(pid, "wchan", text, sizeof text) == 0 && strcmp(text, "0") != 0)
		snprintf(ret_state->wchan, sizeof ret_state->wchan, "%.*s", (int)sizeof ret_state->wchan - 1, text);
	if (slurp_of(pid, "status", text, sizeof text) == 0 && (tracer = find_label(text, "\nTracerPid:")) != NULL)
		ret_state->tracer = (pid_t)strtol(tracer, NULL, 10);
}

pid_t tend__procfs_pid_of(int pidfd)
{
	char path[64], text[1024];
	const char *label;
	long pid;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
	if (!tend__procfs_is_ours() || tend__procfs_slurp(path, text, sizeof text) < 0)
		return -ENOSYS;
	label = find_label(text, "\nPid:");
	if (!label)
		return -EINVAL;
	pid = strtol(label, NULL, 10);
	return pid > 0 ? (pid_t)pid : pid < 0 ? -ESRCH : -EREMOTE;
}

static void look_at_group(pid_t pid, const void *what, struct found *found)
{
	const pid_t *pgid = what;
	char text[512], state;
	int pgrp, threads, r;

	if (pid == *pgid)
		return;
	r = slurp_of(pid, "stat", text, sizeof text);
	found->incomplete |= r < 0 && r != -ENOENT && r != -ESRCH; /* these two: it has gone meanwhile */
	if (r < 0 || !parse_stat(text, &state, &pgrp, &threads) || pgrp != *pgid)
		return;
	if (state == 'X' || (state == 'Z' && threads <= 1))
		return;
	add(found, pid);
}

size_t tend__procfs_group(pid_t pgid, struct tend_pid_name *ret_names)
{
	struct found found = { .names = ret_names };

	each_process(look_at_group, &pgid, &found);
	return count(&found);
}

static bool is_link_to(int dirfd, const char *name, const char *target)
{
	char link[64];
	ssize_t n = readlinkat(dirfd, name, link, sizeof link - 1);

	if (n < 0)
		return false;
	link[n] = '\0';
	return strcmp(link, target) == 0;
}

static void look_at_fds(pid_t pid, const void *what, struct found *found)
{
	const char *target = what;
	const struct dirent *e;
	char path[64];
	DIR *dir;

	if (pid == getpid())
		return;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	dir = tend__procfs_folder(path);
	if (!dir)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] != '.' && is_link_to(dirfd(dir), e->d_name, target)) {
			add(found, pid);
			break;
		}
	}
	closedir(dir);
}

size_t tend__procfs_holders(uint64_t pipe_inode, struct tend_pid_name *ret_names)
{
	struct found found = { .names = ret_names };
	char target[64];

	if (!pipe_inode)
		return 0;
	snprintf(target, sizeof target, "pipe:[%" PRIu64 "]", pipe_inode);
	each_process(look_at_fds, target, &found);
	return count(&found);
}
