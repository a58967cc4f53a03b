/* SPDX-License-Identifier: MIT */
/*
 * The calls that block at the start and at the end: tend_spawn(), tend_shutdown() and exit(3), asleep for each of their
 * reasons, and released by each of their wakers.  What else there is stands in doc/BLOCKING.md.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocked.h"
#include "process.h"
#include "test.h"

/* ---- tend_spawn() ---- */

/*
 * A copy of a program that cannot be executed as long as somebody has a lease on it, fcntl(2): execve(2) waits for the
 * holder to give it up.
 */
struct leased {
	char path[64];
	int fd;
	struct sigaction before; /* of SIGIO, by which the holder is told */
};

static bool copy_program(const char *from, int to)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	char bytes[4096];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0)
		if (write(to, bytes, (size_t)n) != n)
			n = -1;
	if (fd >= 0)
		close(fd);
	return fd >= 0 && n == 0 && fchmod(to, 0700) == 0;
}

/* False: this file system has no leases. */
static bool lease(struct leased *l, const char *program)
{
	struct sigaction ignored = { .sa_handler = SIG_IGN };
	const char *dir = getenv("TMPDIR");
	int fd;

	snprintf(l->path, sizeof l->path, "%.40s/tend-leased-XXXXXX", dir ? dir : "/tmp");
	fd = mkostemp(l->path, O_CLOEXEC);
	if (!CHECK(fd >= 0) || !CHECK(copy_program(program, fd)))
		return false;
	close(fd);
	sigaction(SIGIO, &ignored, &l->before);
	l->fd = open(l->path, O_RDONLY | O_CLOEXEC);
	if (fcntl(l->fd, F_SETLEASE, F_WRLCK) == 0)
		return true;
	fprintf(stderr, "no leases here: not tested\n");
	return false;
}

static void give_up_lease(struct leased *l)
{
	CHECK_INT(0, fcntl(l->fd, F_SETLEASE, F_UNLCK));
}

static void forget_lease(struct leased *l)
{
	close(l->fd);
	unlink(l->path);
	sigaction(SIGIO, &l->before, NULL);
}

struct call {
	struct tend_spawn s;
	tend_process *p;
	tend_duration within;
	int r;
};

static void call_spawn(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	c->r = tend_spawn(&c->s, &c->p, NULL);
}

/* A child of whichever thread of this process; 0: there is none. */
static pid_t find_child(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	char path[64], text[32];
	pid_t pid = 0;

	while (dir && !pid && (entry = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof path, "/proc/self/task/%.20s/children", entry->d_name);
		f = fopen(path, "re");
		if (f && fgets(text, sizeof text, f))
			pid = atoi(text);
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return pid;
}

/* Run by without_vfork in a process where TEND_DISABLE says so: the child is a copy, which has something to say. */
static bool is_a_copy(void)
{
	const char *off = getenv("TEND_DISABLE");

	return off && strcmp(off, "vfork") == 0;
}

/* That it was killed while it was in execve(2), nobody tells: it may have been the new program. */
static void check_death(struct call *c)
{
	struct tend_exit ended;

	if (c->r == 0 && test_wait(c->p, &ended))
		CHECK_INT(SIGKILL, ended.signal);
	else
		CHECK_INT(-ECHILD, c->r);
}

/*
 * `bound`: a thread of the library clones it, and others wait for their turn; with a copy, nobody waits for that as
 * long.
 */
static void a_spawn_ends(bool bound, bool by_death)
{
	const struct asleep_place place = bound ? ON_ANY_WORD : IN_CALL(is_a_copy() ? SYS_read : SYS_clone);
	const char *argv[] = { "leased", NULL };
	struct call c = { .s = test_spawn_options(argv, NULL) }, next;
	struct blocked b, behind;
	struct leased l;

	if (!lease(&l, helper("true-er"))) {
		forget_lease(&l);
		return;
	}
	c.s.program = l.path;
	c.s.with_parent = bound ? TEND_WITH_PARENT_CHILD : 0;
	next = c;
	next.s.program = helper("true-er");
	blocked_start(&b, call_spawn, &c);
	blocked_in(&b, place);
	if (bound) { /* one that waits for its turn */
		blocked_start(&behind, call_spawn, &next);
		blocked_in(&behind, place);
	}
	if (by_death) {
		pid_t child;

		while ((child = find_child()) == 0) /* the library's thread may clone it later than its caller sleeps */
			poll(NULL, 0, 1);
		CHECK_INT(0, kill(child, SIGKILL));
	} else {
		give_up_lease(&l);
	}
	blocked_end(&b);
	if (by_death)
		check_death(&c);
	else
		CHECK_INT(0, c.r);
	tend_process_free(c.p);
	if (bound) {
		blocked_end(&behind);
		CHECK_INT(0, next.r);
		tend_process_free(next.p);
	}
	forget_lease(&l);
}

/* Its thread stays: before anything is counted. */
static void start_spawner(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct call c = { .s = test_spawn_options(argv, NULL) };
	struct tend_exit ended;

	c.s.with_parent = TEND_WITH_PARENT_CHILD;
	call_spawn(NULL, &c);
	if (CHECK_INT(0, c.r))
		test_wait(c.p, &ended);
	tend_process_free(c.p);
}

static void a_spawn_ends_with_the_exec(void)
{
	for (int bound = 0; asleep_can_be_known() && bound < 2 - is_a_copy(); bound++)
		a_spawn_ends(bound, false);
}

static void a_spawn_ends_with_the_child(void)
{
	for (int bound = 0; asleep_can_be_known() && bound < 2 - is_a_copy(); bound++)
		a_spawn_ends(bound, true);
}

/* The same where the child does not share our memory. */
static void without_vfork(void)
{
	const char *argv[] = { "a_spawn_ends_with_the_exec", "a_spawn_ends_with_the_child", NULL };

	if (!is_a_copy())
		CHECK_INT(0, test_run_self(argv, "TEND_DISABLE", "vfork", NULL, 0));
}

/* ---- the end of the host: each in a process of its own, where a CHECK that fails ends it ---- */

static const struct tend_stop_phase patient[] = { { SIGTERM, TEND_GROUP, TEND_SECONDS(90) } };
static const struct tend_stop patiently = { .phases = patient, .n_phases = 1, .after_kill = TEND_SECONDS(1) };

static void call_shutdown(struct test_thread *t, void *arg)
{
	struct call *c = arg;

	(void)t;
	c->r = tend_shutdown(c->within, NULL);
}

static void call_exit(struct test_thread *t, void *arg)
{
	(void)t;
	(void)arg;
	exit(0);
}

static void by_signal(tend_process *p)
{
	CHECK_INT(0, kill(tend_process_pid(p), SIGKILL));
}

static void by_kill(tend_process *p)
{
	CHECK_INT(0, tend_process_kill(p, TEND_SECONDS(90), NULL, NULL));
}

static void by_free(tend_process *p)
{
	pid_t pid = tend_process_pid(p);

	tend_process_free(p);
	kill(pid, SIGKILL);
}

static void by_time(tend_process *p)
{
	(void)p;
}

static const struct {
	const char *name;
	void (*wake)(tend_process *p);
	tend_duration within;
} ends[] = {
	{ "signal", by_signal, TEND_SECONDS(90) },
	{ "kill", by_kill, TEND_SECONDS(90) },
	{ "free", by_free, TEND_SECONDS(90) },
	{ "time", by_time, TEND_MS(300) },
};
#define N_ENDS (sizeof ends / sizeof *ends)

/* Its child ignores SIGTERM.  `how`: "shutdown" or "exit", and the waker. */
static int end_by(const char *how, const char *waker)
{
	const char *argv[] = { helper("stubborn"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	static struct blocked b;
	static struct call c;
	size_t i = 0;

	while (i < N_ENDS - 1 && strcmp(ends[i].name, waker) != 0)
		i++;
	s.if_forgotten = TEND_FORGOTTEN_TERMINATE(&patiently);
	CHECK_INT(0, tend_spawn(&s, &c.p, NULL));
	test_await_line(tend_process_stdout(c.p), "ready", NULL, 0);
	c.within = ends[i].within;
	if (strcmp(how, "exit") == 0) {
		blocked_start(&b, call_exit, NULL);
		blocked_in(&b, ON_WORD_OF(&c.p->stopped));
		ends[i].wake(c.p);
		for (;;)
			pause();
	}
	blocked_start(&b, call_shutdown, &c);
	if (ends[i].wake != by_time)
		blocked_in(&b, ON_WORD_OF(&c.p->stopped));
	ends[i].wake(c.p);
	blocked_end(&b);
	CHECK_INT(0, c.r);
	if (ends[i].wake != by_free)
		tend_process_free(c.p);
	return 0;
}

static void a_shutdown_ends(void)
{
	for (size_t i = 0; i < N_ENDS; i++)
		CHECK_INT(0, test_run_self((const char *const[]){ "--end", "shutdown", ends[i].name, NULL }, NULL,
		                           NULL, NULL, 0));
}

/* The last one takes its own ten seconds. */
static void an_exit_ends(void)
{
	for (size_t i = 0; i < N_ENDS; i++)
		CHECK_INT(0, test_run_self((const char *const[]){ "--end", "exit", ends[i].name, NULL },
		                           "TSAN_OPTIONS", "report_thread_leaks=0", NULL, 0));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "a_spawn_ends_with_the_exec", a_spawn_ends_with_the_exec },
		{ "a_spawn_ends_with_the_child", a_spawn_ends_with_the_child },
		{ "without_vfork", without_vfork },
		{ "a_shutdown_ends", a_shutdown_ends },
		{ "an_exit_ends", an_exit_ends },
	};

	if (argc == 4 && strcmp(argv[1], "--end") == 0)
		return end_by(argv[2], argv[3]);
	test_restart_watchdog();
	start_spawner();
	return test_main(argc, argv, "blocking_host", tests, sizeof tests / sizeof *tests);
}
