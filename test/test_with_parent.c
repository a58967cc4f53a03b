/* SPDX-License-Identifier: MIT */
/* Children that end with their host: wish 4, hazards 54, 55, 56. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "spawn_child.h"
#include "test.h"
#include "thread.h"

static int spawn_tree(tend_process **ret_p, const char *helper_name, const char *arg, struct tend_error *e)
{
	const char *argv[] = { helper(helper_name), arg, "0", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	s.with_parent = TEND_WITH_PARENT_TREE;
	return tend_spawn(&s, ret_p, e);
}

static int spawn_bound(tend_process **ret_p, const char *helper_name, struct tend_error *e)
{
	const char *argv[] = { helper(helper_name), "7", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	s.with_parent = TEND_WITH_PARENT_CHILD;
	return tend_spawn(&s, ret_p, e);
}

struct short_lived {
	tend_process *p;
	pid_t tid;
};

/* A child that answers. */
static void spawn_and_end(struct test_thread *t, void *arg)
{
	const char *argv[] = { helper("echoer"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct short_lived *self = arg;

	s.in = TEND_IN_PIPE;
	s.with_parent = TEND_WITH_PARENT_CHILD;
	self->tid = gettid();
	WORKER_CHECK_INT(t, 0, tend_spawn(&s, &self->p, NULL));
}

/*
 * Until the kernel has forgotten the thread, which it does behind sending the signals of its death.  pthread_join(3) is
 * content with less: that the thread has left its memory.
 */
static void await_forgotten(pid_t tid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/task/%d", (int)tid);
	while (access(path, F_OK) == 0)
		sched_yield();
	CHECK_INT(ENOENT, errno);
}

/*
 * Hazard 54: PR_SET_PDEATHSIG goes by the thread that cloned: one that ends must not take the child with it.  That the
 * child has not been reaped says little, as a SIGKILL that has been sent may not have worked yet; whoever has got one
 * does not answer any more.
 */
static void outlives_the_thread(void)
{
	struct short_lived it = { .p = NULL };
	struct test_thread t;
	struct tend_exit now;
	struct tend_error e;

	test_thread_start(&t, spawn_and_end, &it);
	test_thread_join(&t);
	if (!it.p)
		return;
	await_forgotten(it.tid);
	CHECK_OK(tend_process_stdin_write(it.p, "alive\n", 6, TEST_PATIENCE, NULL, &e), &e);
	test_await_line(tend_process_stdout(it.p), "alive", NULL, 0);
	CHECK_OK(tend_process_wait(it.p, TEND_AT_ONCE, &now, &e), &e);
	CHECK_INT(TEND_RUNNING, now.kind);
	CHECK_INT(0, tend_process_kill(it.p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(it.p);
}

/* What a host of a test has said is known, and it is killed. */
__attribute__((__noreturn__)) static void await_the_end(void)
{
	fflush(stdout);
	for (;;)
		pause();
}

/* This program once more, as a host: says its child's pid and waits to be killed. */
static int be_a_host(bool bound)
{
	tend_process *p = NULL;
	struct tend_error e;
	char line[64];

	if (bound ? spawn_bound(&p, "obedient", &e) < 0 : !(p = test_spawn(&test_reliable_all, "obedient", NULL)))
		return 1;
	test_await_line(tend_process_stdout(p), "ready", line, sizeof line);
	printf("child %d\n", (int)tend_process_pid(p));
	await_the_end();
}

static pid_t child_of_killed_host(const char *mode)
{
	const char *argv[] = { test_self(), mode, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *host = NULL;
	struct tend_error e;
	char pid[32] = "0";

	if (!CHECK_OK(tend_spawn(&s, &host, &e), &e))
		return 0;
	test_await_line(tend_process_stdout(host), "child ", pid, sizeof pid);
	CHECK_INT(0, tend_process_signal(host, SIGKILL, TEND_LEADER, NULL));
	tend_process_wait(host, TEST_PATIENCE, NULL, NULL);
	tend_process_free(host);
	return (pid_t)atoi(pid);
}

/* Hazard 56: SIGKILL lets the host do nothing at all. */
static void ends_with_a_killed_host(void)
{
	pid_t pid = child_of_killed_host("--host-bound");

	if (pid)
		test_await_gone(pid);
}

/* The control: without it the child lives on. */
static void lives_on_without(void)
{
	pid_t pid = child_of_killed_host("--host-free");

	if (!pid)
		return;
	CHECK(test_alive(pid));
	kill(pid, SIGKILL);
	test_await_gone(pid);
}

/*
 * Hazard 55: a host that ended before the kernel was told to send the signal never will: the child sees that its parent
 * is another one, and does not become the program.
 */
static void host_was_gone_by_then(void)
{
	const struct tend_spawn o = { .with_parent = TEND_WITH_PARENT_CHILD };
	struct tend__child_error error = { .step = 0 };
	volatile int shared = 0;
	struct tend__plan plan = { .o = &o, .tty_fd = -1, .procs_fd = -1, .shared = &shared };
	int fds[2], status = -1;
	pid_t pid;

	CHECK_INT(0, pipe2(fds, O_CLOEXEC));
	plan.error_fd = fds[1];
	plan.host = getppid();
	pid = fork();
	if (pid == 0)
		_exit(tend__child_main(&plan));
	close(fds[1]);
	CHECK_INT(pid, waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 127);
	CHECK_INT(sizeof error, read(fds[0], &error, sizeof error));
	CHECK_INT(TEND_STEP_PARENT, error.step);
	CHECK_INT(ESRCH, error.error);
	close(fds[0]);
}

static void exit_and_failure_are_as_ever(void)
{
	tend_process *p = NULL;
	struct tend_exit ended;
	struct tend_error e;
	const char *argv[] = { "/nowhere/program", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);

	if (CHECK_OK(spawn_bound(&p, "exiter", &e), &e)) {
		test_wait(p, &ended);
		CHECK_INT(7, ended.code);
	}
	p = tend_process_free(p);
	s.with_parent = TEND_WITH_PARENT_CHILD;
	CHECK_INT(-ENOENT, tend_spawn(&s, &p, &e));
	CHECK_INT(TEND_STEP_EXEC, e.step);
	CHECK(!p);
}

static void spawn_many(struct test_thread *t, void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++) {
		tend_process *p = NULL;
		struct tend_exit ended;
		struct tend_error e;

		if (!WORKER_CHECK_INT(t, 0, spawn_bound(&p, "exiter", &e)))
			return;
		WORKER_CHECK_INT(t, 0, tend_process_wait(p, TEST_PATIENCE, &ended, &e));
		WORKER_CHECK_INT(t, 7, ended.code);
		tend_process_free(p);
	}
}

static void many_threads_share_the_spawner(void)
{
	struct test_thread threads[4];

	for (int i = 0; i < 4; i++)
		test_thread_start(&threads[i], spawn_many, NULL);
	for (int i = 0; i < 4; i++)
		test_thread_join(&threads[i]);
}

/* A copy of the host has no spawner thread; its first such child starts one. */
static int spawn_in_a_copy(void)
{
	tend_process *p = NULL;
	struct tend_exit ended;
	int status = -1;
	pid_t pid;

	if (spawn_bound(&p, "exiter", NULL) < 0 || !test_wait(p, &ended))
		return 1;
	tend_process_free(p);
	pid = fork();
	if (pid == 0) {
		if (spawn_bound(&p, "exiter", NULL) < 0 || !test_wait(p, &ended))
			_exit(2);
		tend_process_free(p);
		_exit(ended.code);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : 3;
}

/* Without readers, which ThreadSanitizer would miss in a copy. */
static bool start_guarded(tend_process **ret_p)
{
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);

	s.with_parent = TEND_WITH_PARENT_TREE;
	return tend_spawn(&s, ret_p, NULL) == 0;
}

static bool end_guarded(tend_process *p)
{
	int r = tend_process_kill(p, TEST_PATIENCE, NULL, NULL);

	tend_process_free(p);
	return r == 0;
}

/* The guardian is the parent's: the copy's children have another one, and the parent's keeps its wards. */
static int guard_in_a_copy(void)
{
	tend_process *p = NULL, *q = NULL;
	unsigned long made;
	int status = -1;
	pid_t copy;

	if (!start_guarded(&p))
		return 1;
	made = fault_sys_calls("socketpair"); /* with each guardian */
	copy = fork();
	if (copy == 0)
		_exit(start_guarded(&q) && fault_sys_calls("socketpair") == made + 1 && end_guarded(q) ? 7 : 2);
	if (waitpid(copy, &status, 0) != copy || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
		return 3;
	if (!test_alive(tend_process_pid(p)) || !start_guarded(&q) || fault_sys_calls("socketpair") != made)
		return 4;
	return end_guarded(q) && end_guarded(p) ? 0 : 5;
}

static void guardian_of_a_copy(void)
{
	const char *argv[] = { "--guarded-copy", NULL };

	if (test_has_pidfd_open())
		CHECK_INT(0, test_run_self(argv, "TSAN_OPTIONS", "die_after_fork=0", NULL, 0));
}

static void copy_of_the_host(void)
{
	const char *argv[] = { "--copy", NULL };

	/* ThreadSanitizer does not like threads in a copy. */
	CHECK_INT(0, test_run_self(argv, "TSAN_OPTIONS", "die_after_fork=0", NULL, 0));
}

/* ---- with all that it has started ---- */

/*
 * A host whose child has exited and left a grandchild, or stays with it: the grandchild's pid, and SIGKILL comes.
 * "freed-": of the child nobody has a handle any more.
 */
static int be_a_host_of_a_tree(const char *mode)
{
	bool is_freed = strncmp(mode, "freed-", 6) == 0;
	tend_process *p = NULL;
	struct tend_error e;
	char pid[32] = "0";

	mode += is_freed ? 6 : 0;
	if (spawn_tree(&p, "forker", mode, &e) < 0) {
		fprintf(stderr, "%s\n", e.message);
		return 1;
	}
	test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid);
	if (is_freed && tend_process_wait(p, TEST_PATIENCE, NULL, NULL) == 0)
		tend_process_free(p);
	printf("child %s\n", pid);
	await_the_end();
}

/* Hazard 56: the leader gone or not, obedient or not, the guardian ends who is left. */
static void tree_ends_with_a_killed_host(void)
{
	static const char *const modes[] = { "--tree-leader-pauses", "--tree-hold-stubborn", "--tree-quiet",
		                             "--tree-freed-quiet" };

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		pid_t pid = child_of_killed_host(modes[i]);

		if (pid)
			test_await_gone(pid);
	}
}

/* The same in a cgroup, which a grandchild that has left the group has not left; says where that is. */
static int be_a_host_of_a_cgroup(void)
{
	const char *argv[] = { helper("forker"), "hold-setsid", "0", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p = NULL;
	struct tend_error e;
	char pid[32] = "0";

	s.with_parent = TEND_WITH_PARENT_TREE;
	s.scope = TEND_SCOPE_CGROUP;
	s.cgroup.if_unavailable = TEND_NO_CGROUP_GROUP;
	if (tend_spawn(&s, &p, &e) < 0)
		return 1;
	test_await_line(tend_process_stdout(p), "grandchild ", pid, sizeof pid);
	printf("cgroup %s\nchild %s\n", tend_process_cgroup(p) ? tend_process_cgroup(p) : "", pid);
	await_the_end();
}

static void cgroup_ends_with_a_killed_host(void)
{
	const char *argv[] = { test_self(), "--cgroup", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	char path[PATH_MAX] = "", pid[32] = "0";
	tend_process *host = NULL;
	struct tend_error e;

	if (!CHECK_OK(tend_spawn(&s, &host, &e), &e))
		return;
	test_await_line(tend_process_stdout(host), "cgroup ", path, sizeof path);
	test_await_line(tend_process_stdout(host), "child ", pid, sizeof pid);
	CHECK_INT(0, tend_process_signal(host, SIGKILL, TEND_LEADER, NULL));
	tend_process_wait(host, TEST_PATIENCE, NULL, NULL);
	tend_process_free(host);
	if (path[0] == '\0') {
		printf("(left out: no cgroup can be made) ");
		kill(atoi(pid), SIGKILL);
	}
	test_await_gone(atoi(pid));
	while (path[0] && rmdir(path) != 0) /* it is a zombie for a while; nobody else is left to remove it */
		if (!CHECK_INT(EBUSY, errno))
			break;
}

/* proc(5): "Name:\t..." and "PPid:\t..." of a process's status. */
static bool is_our_guardian(const char *pid)
{
	char path[300], line[256];
	bool name = false, ours = false;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%s/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f)) {
		name |= strcmp(line, "Name:\ttend-guardian\n") == 0;
		ours |= strncmp(line, "PPid:\t", 6) == 0 && atoi(line + 6) == getpid();
	}
	if (f)
		fclose(f);
	return name && ours;
}

/* One process for all; 0: there is none. */
static pid_t find_guardian(void)
{
	DIR *dir = opendir("/proc");
	const struct dirent *e;
	pid_t found = 0;

	while (dir && (e = readdir(dir)) != NULL)
		if (atoi(e->d_name) > 0 && is_our_guardian(e->d_name))
			found = (pid_t)atoi(e->d_name);
	if (dir)
		closedir(dir);
	return found;
}

/* A tree whose guardian is gone; the number of who is left of it.  0, or what went wrong. */
static int lose_the_guardian(char pid[32])
{
	tend_process *p = NULL;
	struct tend_error e;
	pid_t guardian;

	if (spawn_tree(&p, "forker", "hold-stubborn", &e) < 0)
		return 1;
	test_await_line(tend_process_stdout(p), "grandchild ", pid, 32);
	while (!(guardian = find_guardian())) /* the kernel names it a little after its exec */
		sched_yield();
	if (kill(guardian, SIGKILL) < 0)
		return 2;
	while (test_alive(guardian))
		sched_yield();
	return 0;
}

/*
 * A host that kills its guardian by mistake, and is killed itself: the next child brings a new one, which knows of
 * all.
 */
static int guardian_is_lost(void)
{
	char pid[32] = "0";
	tend_process *q = NULL;
	struct tend_error e;
	struct tend_exit ended;
	int r = lose_the_guardian(pid);

	if (r)
		return r;
	if (spawn_tree(&q, "exiter", "0", &e) < 0 || !test_wait(q, &ended))
		return 3;
	while (!find_guardian())
		sched_yield();
	printf("child %s\n", pid);
	await_the_end();
}

/*
 * A new guardian that is alive and could not be told of one, as too many descriptors were on their way to it
 * (ETOOMANYREFS, unix(7)) or there was no room for 2 s, is told later; the host that is killed ends them all.
 */
static int new_guardian_is_told_later(void)
{
	char pid[32] = "0";
	tend_process *q = NULL;
	struct tend_error e;
	int r = lose_the_guardian(pid);

	if (r)
		return r;
	fault_fail_sys("send_fds", 1, ETOOMANYREFS);
	for (int i = 0; i < 3; i++)
		if (spawn_tree(&q, "obedient", "0", &e) < 0)
			return 3;
	printf("child %s\n", pid);
	await_the_end();
}

static void guardian_is_told_later(void)
{
	pid_t pid = child_of_killed_host("--told-later");

	if (CHECK(pid > 0) && !test_await_gone(pid))
		kill(pid, SIGKILL);
}

static void guardian_is_replaced(void)
{
	pid_t pid = child_of_killed_host("--lose-the-guardian");

	if (CHECK(pid > 0))
		test_await_gone(pid);
}

/* What has ended, and what was stopped, is no business of the guardian's; an exit of the host ends the rest. */
static int end_as_ever(void)
{
	tend_process *p = NULL, *q = NULL;
	struct tend_stop_report report;
	struct tend_exit ended;
	struct tend_error e;

	if (spawn_tree(&p, "exiter", "7", &e) < 0 || !test_wait(p, &ended) || ended.code != 7)
		return 1;
	tend_process_free(p);
	if (spawn_tree(&q, "forker", "leader-pauses", &e) < 0)
		return 2;
	if (tend_process_kill(q, TEST_PATIENCE, &report, &e) < 0 || report.outcome != TEND_STOPPED_BY_KILL)
		return 3;
	tend_process_free(q);
	return 0;
}

static void tree_ends_as_ever(void)
{
	const char *argv[] = { "--end-as-ever", NULL };

	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
}

/* Without its program, and without a message to it, there is no such child. */
static int fail_without_a_guardian(void)
{
	tend_process *p = NULL, *q = NULL;
	struct tend_error e = { .code = 0 };
	struct tend_exit ended;
	const char *given = getenv("TEND_GUARDIAN");

	given = given ? strdup(given) : NULL; /* for good */
	setenv("TEND_GUARDIAN", "/nowhere/guardian", 1);
	if (spawn_tree(&p, "true-er", "0", &e) != -ENOENT || e.step != TEND_STEP_PARENT || p ||
	    !strstr(e.message, "/nowhere/guardian"))
		return 1;
	if (given)
		setenv("TEND_GUARDIAN", given, 1);
	else
		unsetenv("TEND_GUARDIAN");
	fault_fail_sys("socketpair", 1, EMFILE);
	if (spawn_tree(&p, "true-er", "0", &e) != -EMFILE || e.step != TEND_STEP_PARENT || p)
		return 2;
	fault_fail_sys("send_fds", 1, EAGAIN);
	if (spawn_tree(&p, "obedient", "0", &e) != -EAGAIN || e.step != TEND_STEP_PARENT || p)
		return 3;
	fault_fail_sys("send_fds", 1, ENOTCONN); /* once more, to who is there */
	if (spawn_tree(&q, "true-er", "0", &e) < 0 || !fault_fired() || !test_wait(q, &ended))
		return 4;
	fault_reset();
	tend_process_free(q);
	return 0;
}

/* The new guardian is gone, too, while it is told of the others: the next child brings one that knows of all. */
static int lose_two_guardians(void)
{
	tend_process *p = NULL, *q = NULL, *r = NULL;
	struct tend_error e;
	pid_t guardian;

	if (spawn_tree(&p, "obedient", "0", &e) < 0)
		return 1;
	while (!(guardian = find_guardian()))
		sched_yield();
	if (kill(guardian, SIGKILL) < 0)
		return 2;
	while (test_alive(guardian))
		sched_yield();
	fault_fail_sys("send_fds", 1, EPIPE);
	if (spawn_tree(&q, "obedient", "0", &e) < 0 || !fault_fired())
		return 3;
	fault_reset();
	if (spawn_tree(&r, "obedient", "0", &e) < 0)
		return 4;
	tend_process_free(q); /* in the middle of all that it knows of */
	return end_guarded(r) && end_guarded(p) ? 0 : 5;
}

static void guardian_is_replaced_again(void)
{
	const char *argv[] = { "--lose-two-guardians", NULL };

	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
}

static void no_guardian(void)
{
	const char *argv[] = { "--fail-without-a-guardian", NULL };

	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
}

/* ---- where there is no thread ---- */

static int check_no_thread(void)
{
	tend_process *p = NULL, *warm = NULL;
	struct tend_error e = { .code = 0 };
	struct tend_exit ended;
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);

	if (tend_spawn(&s, &warm, NULL) < 0 || !test_wait(warm, &ended))
		return 1;
	tend_process_free(warm);
	s.with_parent = TEND_WITH_PARENT_CHILD;
	fault_fail_sys("thread", 1, EAGAIN);
	if (tend_spawn(&s, &p, &e) != -EAGAIN || e.step != TEND_STEP_THREAD || p)
		return 2;
	fault_reset();
	if (tend_spawn(&s, &p, &e) < 0 || !test_wait(p, &ended))
		return 3;
	tend_process_free(p);
	return 0;
}

/* Where the thread cannot be had the spawn fails, and the next one tries again. */
static void no_thread(void)
{
	const char *argv[] = { "--no-thread", NULL };

	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "outlives_the_thread", outlives_the_thread },
		{ "ends_with_a_killed_host", ends_with_a_killed_host },
		{ "lives_on_without", lives_on_without },
		{ "host_was_gone_by_then", host_was_gone_by_then },
		{ "exit_and_failure_are_as_ever", exit_and_failure_are_as_ever },
		{ "many_threads_share_the_spawner", many_threads_share_the_spawner },
		{ "copy_of_the_host", copy_of_the_host },
		{ "guardian_of_a_copy", guardian_of_a_copy },
		{ "tree_ends_with_a_killed_host", tree_ends_with_a_killed_host },
		{ "guardian_is_replaced", guardian_is_replaced },
		{ "guardian_is_told_later", guardian_is_told_later },
		{ "guardian_is_replaced_again", guardian_is_replaced_again },
		{ "cgroup_ends_with_a_killed_host", cgroup_ends_with_a_killed_host },
		{ "tree_ends_as_ever", tree_ends_as_ever },
		{ "no_guardian", no_guardian },
		{ "no_thread", no_thread },
	};
	struct tend_exit ended;
	tend_process *p = NULL;

	if (argc == 2 && strncmp(argv[1], "--host-", 7) == 0)
		return be_a_host(strcmp(argv[1], "--host-bound") == 0);
	if (argc == 2 && strcmp(argv[1], "--no-thread") == 0)
		return check_no_thread();
	if (argc == 2 && strncmp(argv[1], "--tree-", 7) == 0)
		return be_a_host_of_a_tree(argv[1] + 7);
	if (argc == 2 && strcmp(argv[1], "--lose-the-guardian") == 0)
		return guardian_is_lost();
	if (argc == 2 && strcmp(argv[1], "--told-later") == 0)
		return new_guardian_is_told_later();
	if (argc == 2 && strcmp(argv[1], "--lose-two-guardians") == 0)
		return lose_two_guardians();
	if (argc == 2 && strcmp(argv[1], "--cgroup") == 0)
		return be_a_host_of_a_cgroup();
	if (argc == 2 && strcmp(argv[1], "--end-as-ever") == 0)
		return end_as_ever();
	if (argc == 2 && strcmp(argv[1], "--fail-without-a-guardian") == 0)
		return fail_without_a_guardian();
	if (argc == 2 && strcmp(argv[1], "--copy") == 0)
		return spawn_in_a_copy();
	if (argc == 2 && strcmp(argv[1], "--guarded-copy") == 0)
		return guard_in_a_copy();
	if (spawn_bound(&p, "exiter", NULL) == 0) /* the thread stays: before anything is counted */
		test_wait(p, &ended);
	tend_process_free(p);
	return test_main(argc, argv, "with_parent", tests, sizeof tests / sizeof *tests);
}
