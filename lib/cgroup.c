/* SPDX-License-Identifier: MIT */
/*
 * Problem: a descendant that calls setsid(2) leaves its process group, and with it everything that a group can do.  It
 * cannot leave a cgroup, unless somebody with the right to do so moves it: cgroups(7).
 *
 * The directory is named after the host and a running number.  What it costs is two descriptors per child, and one
 * system call to make it; a host that is killed leaves it behind, empty or not.
 */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "procfs.h"
#include "sys.h"

#define MAX_DEPTH 16 /* of cgroups that descendants make below ours */

void tend__cgroup_init(struct tend__cgroup *c)
{
	c->path = NULL;
	c->dir_fd = c->events_fd = -1;
}

/* ---- where ---- */

/* A process's cgroup (version 2) as its /proc/PID/cgroup calls it: "/" and the like. */
static int name_in(const char *path, char *ret_name, size_t size)
{
	char text[8192];
	char *line;
	int r = tend__procfs_slurp(path, text, sizeof text);

	if (r < 0)
		return r;
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!line)
		return -ENOENT;
	line = strchr(line, ':') + 2;
	line[strcspn(line, "\n")] = '\0';
	return (size_t)snprintf(ret_name, size, "%s", line) < size ? 0 : -ENAMETOOLONG;
}

/* Too much for a small stack of the host's. */
struct place {
	char name[PATH_MAX];  /* of the cgroup, as the kernel has it */
	char root[PATH_MAX];  /* which directory of the file system is mounted */
	char point[PATH_MAX]; /* and where */
	char line[2 * PATH_MAX + 256];
};

/* proc(5) mountinfo, fstab(5): a space, tab, newline or backslash is a backslash and three octal digits. */
static void unescape(char *text)
{
	const char *from = text;
	char *to = text;

	while (*from) {
		if (*from == '\\' && strspn(from + 1, "01234567") >= 3) {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

/* proc(5) mountinfo: the first cgroup2 file system, where it is mounted and which of its directories. */
static int find_mount(struct place *at)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int r = -ENOENT;

	while (f && r < 0 && fgets(at->line, sizeof at->line, f)) {
		const char *type = strstr(at->line, " - ");

		if (type && strncmp(type, " - cgroup2 ", 11) == 0 &&
		    sscanf(at->line, "%*s %*s %*s %4095s %4095s", at->root, at->point) == 2)
			r = 0;
	}
	if (f)
		fclose(f);
	unescape(at->root);
	unescape(at->point);
	return r;
}

/* Of the host's own cgroup. */
static int find_own(struct place *at, char ret_path[PATH_MAX])
{
	const char *below = at->name;
	int r = name_in("/proc/self/cgroup", at->name, sizeof at->name);

	if (r == 0)
		r = find_mount(at);
	if (r < 0)
		return r;
	if (strcmp(at->root, "/") != 0) {
		size_t n = strlen(at->root);

		if (strncmp(at->name, at->root, n) != 0 || (at->name[n] != '/' && at->name[n] != '\0'))
			return -ENOENT; /* the host's is not in what is mounted here */
		below += n;
	}
	if (strcmp(below, "/") == 0)
		below = "";
	return snprintf(ret_path, PATH_MAX, "%s%s", at->point, below) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* The directory of the host's own cgroup. */
static int own_folder(char ret_path[PATH_MAX])
{
	struct place *at = tend__calloc(1, sizeof *at);
	int cancel, r;

	if (!at)
		return -ENOMEM;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel); /* stdio may be a cancellation point */
	r = find_own(at, ret_path);
	pthread_setcancelstate(cancel, NULL);
	tend__free(at);
	return r;
}

/* ---- one of our own ---- */

static int make_folder(const char *parent, char ret_path[PATH_MAX])
{
	static _Atomic unsigned long made; /* a number that nobody else gets: relaxed */
	int r;

	do {
		unsigned long n = atomic_fetch_add_explicit(&made, 1, memory_order_relaxed) + 1;

		if (snprintf(ret_path, PATH_MAX, "%s/tend-%d-%lu", parent, (int)getpid(), n) >= PATH_MAX)
			return -ENAMETOOLONG;
		r = tend__sys_make_folder(ret_path);
	} while (r == -EEXIST);
	return r;
}

/* Makes one in `parent`, NULL: our own.  `room`: PATH_MAX bytes for the path of each. */
static int make_path(const char *parent, char room[2][PATH_MAX])
{
	int r = parent ? 0 : own_folder(room[1]);

	return r < 0 ? r : make_folder(parent ? parent : room[1], room[0]);
}

int tend__cgroup_make(struct tend__cgroup *c, const char *parent)
{
	char(*room)[PATH_MAX] = tend__malloc(2 * sizeof *room); /* too much for a small stack of the host's */
	char *path = room ? room[0] : NULL;
	int r = room ? make_path(parent, room) : -ENOMEM;

	if (r < 0) {
		tend__free(room);
		return r;
	}
	c->path = tend__strdup(path);
	c->dir_fd = c->path ? tend__sys_open_folder(path) : -ENOMEM;
	r = c->dir_fd;
	if (r < 0)
		tend__sys_remove_folder(AT_FDCWD, path);
	else
		r = c->events_fd = tend__sys_open_at(c->dir_fd, "cgroup.events", false);
	tend__free(room);
	if (r < 0)
		tend__cgroup_fini(c, false);
	return r < 0 ? r : 0;
}

/* Its files go by the directory's descriptor, which stays right when the host changes its root. */
int tend__cgroup_open_procs(const struct tend__cgroup *c)
{
	return tend__sys_open_at(c->dir_fd, "cgroup.procs", true);
}

int tend__cgroup_open_kill(const struct tend__cgroup *c)
{
	return tend__sys_open_at(c->dir_fd, "cgroup.kill", true);
}

/* Depth first; what is not empty stays. */
static void remove_tree(int parent, const char *name, int depth)
{
	const struct dirent *e;
	int fd;
	DIR *dir;

	if (tend__sys_remove_folder(parent, name) != -EBUSY || depth == MAX_DEPTH)
		return;
	fd = tend__sys_open_at(parent, name, false);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		tend__sys_close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL)
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			remove_tree(dirfd(dir), e->d_name, depth + 1);
	closedir(dir);
	tend__sys_remove_folder(parent, name);
}

/* By descriptors, too: the reaper may be in another mount namespace than the thread that made it. */
void tend__cgroup_remove(const struct tend__cgroup *c)
{
	int cancel, parent;

	if (!c->path)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel); /* readdir(3) may be a cancellation point */
	parent = tend__sys_open_at(c->dir_fd, "..", false);
	if (parent >= 0)
		remove_tree(parent, strrchr(c->path, '/') + 1, 0);
	tend__sys_close(parent);
	pthread_setcancelstate(cancel, NULL);
}

void tend__cgroup_fini(struct tend__cgroup *c, bool stays)
{
	if (!stays)
		tend__cgroup_remove(c);
	tend__free(c->path);
	tend__sys_close(c->dir_fd);
	tend__sys_close(c->events_fd);
	tend__cgroup_init(c);
}

/* ---- who is in it ---- */

/* What an open cgroup.events says. */
static bool says_empty(int events_fd)
{
	char text[256];
	ssize_t n = tend__sys_read_at_begin(events_fd, text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "populated 0") != NULL || n == -ENODEV;
}

bool tend__cgroup_take_event(const struct tend__cgroup *c)
{
	return says_empty(c->events_fd);
}

bool tend__cgroup_is_empty(const struct tend__cgroup *c)
{
	/* Opened anew: a read of events_fd would take the event that the reaper waits for. */
	int fd = tend__sys_open_at(c->dir_fd, "cgroup.events", false);
	bool empty = fd < 0 ? fd == -ENOENT || fd == -ENODEV : says_empty(fd);

	tend__sys_close(fd);
	return empty;
}

/* Calls `look` with each process in it; false when the list cannot be read. */
static bool each_member(const struct tend__cgroup *c, void (*look)(pid_t pid, void *arg), void *arg)
{
	unsigned long pid;
	int cancel, fd;
	FILE *f;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	fd = tend__sys_open_at(c->dir_fd, "cgroup.procs", false);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f)
		tend__sys_close(fd);
	while (f && fscanf(f, "%lu", &pid) == 1)
		look((pid_t)pid, arg);
	if (f)
		fclose(f);
	pthread_setcancelstate(cancel, NULL);
	return f != NULL;
}

struct members {
	pid_t leader;    /* whom to look for */
	bool has_leader; /* it is there */
	size_t n;
	struct tend_pid_name *names;
};

static void name_member(pid_t pid, void *arg)
{
	struct members *m = arg;

	m->has_leader |= pid == m->leader;
	if (pid == m->leader)
		return;
	if (m->names && m->n < TEND_MAX_NAMED)
		tend__procfs_name(pid, &m->names[m->n]);
	m->n++;
}

size_t tend__cgroup_members(const struct tend__cgroup *c, pid_t leader, struct tend_pid_name *ret_names)
{
	struct members m = { .leader = leader, .names = ret_names };

	if (tend__cgroup_is_empty(c))
		return 0;
	each_member(c, name_member, &m);
	if (m.n > 0 || m.has_leader)
		return m.n;
	/* Somebody is there all the same: in a cgroup that a descendant made below this one. */
	if (ret_names)
		ret_names[0] = (struct tend_pid_name){ .pid = 0, .comm = "?" };
	return 1;
}

/* ---- signals ---- */

struct sending {
	const struct tend__cgroup *c;
	int sig;
	bool sent, refused, unable;
};

static void find_leader(pid_t pid, void *arg)
{
	struct members *m = arg;

	m->has_leader |= pid == m->leader;
}

/* By the number's own word for where it is, or, where there is no /proc to say so, by the list. */
bool tend__cgroup_has(const struct tend__cgroup *c, pid_t pid)
{
	const char *end = strrchr(c->path, '/');
	char path[64], name[PATH_MAX];
	size_t n, n_end = strlen(end);
	struct members m = { .leader = pid };

	if (!tend__procfs_is_ours()) {
		each_member(c, find_leader, &m);
		return m.has_leader;
	}
	snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
	if (name_in(path, name, sizeof name) < 0)
		return false;
	n = strlen(name);
	return n >= n_end && strcmp(name + n - n_end, end) == 0;
}

/*
 * By pidfd, and looked at once more behind that: if the number was given to a stranger before the pidfd was made, the
 * stranger is not in the cgroup; if later, the pidfd is not the stranger's.
 */
static void send_to(pid_t pid, void *arg)
{
	struct sending *s = arg;
	int fd = tend__sys_pidfd_open(pid), r;

	s->unable |= fd < 0 && fd != -ESRCH;
	if (fd < 0)
		return;
	r = tend__cgroup_has(s->c, pid) ? tend__sys_pidfd_signal(fd, s->sig, 0) : -ESRCH;
	tend__sys_close(fd);
	s->sent |= r == 0;
	s->refused |= r == -EPERM;
}

static int kill_all(const struct tend__cgroup *c)
{
	int fd = tend__cgroup_open_kill(c), r;

	if (fd < 0)
		return fd;
	r = (int)tend__sys_write(fd, "1", 1);
	tend__sys_close(fd);
	return r < 0 ? r : 0;
}

int tend__cgroup_signal(const struct tend__cgroup *c, int sig, bool *ret_one_by_one)
{
	struct sending s = { .c = c, .sig = sig };

	*ret_one_by_one = false;
	if (tend__cgroup_is_empty(c))
		return -ESRCH;
	if (sig == 0)
		return 0;
	if (sig == SIGKILL && kill_all(c) == 0)
		return 0;
	*ret_one_by_one = true;
	each_member(c, send_to, &s);
	return s.sent ? 0 : s.refused ? -EPERM : s.unable ? -ENOSYS : -ESRCH;
}
