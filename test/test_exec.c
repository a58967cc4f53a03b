/* SPDX-License-Identifier: MIT */
/* Which program a spawn executes, and that a spawn that fails says why and leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "test.h"

/* ---- the search for a program ---- */

static char scratch[] = "/tmp/tend-test-XXXXXX";

static void scratch_file(const char *path, const char *content, mode_t mode)
{
	char full[PATH_MAX];
	int fd;

	snprintf(full, sizeof full, "%s/%s", scratch, path);
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	CHECK_INT((intmax_t)strlen(content), write(fd, content, strlen(content)));
	CHECK_INT(0, fchmod(fd, mode));
	close(fd);
}

static void scratch_link(const char *path, const char *target)
{
	char full[PATH_MAX];

	snprintf(full, sizeof full, "%s/%s", scratch, path);
	CHECK_INT(0, symlink(target, full));
}

static void scratch_make(void)
{
	char full[PATH_MAX];

	memcpy(strrchr(scratch, '-'), "-XXXXXX", 8);
	CHECK(mkdtemp(scratch) != NULL);
	snprintf(full, sizeof full, "%s/a", scratch);
	CHECK_INT(0, mkdir(full, 0700));
	snprintf(full, sizeof full, "%s/b", scratch);
	CHECK_INT(0, mkdir(full, 0700));
	scratch_file("a/prog", "not for execution\n", 0600);
	scratch_file("a/only-in-a", "not for execution\n", 0600);
	scratch_file("b/text", "exit 5\n", 0700);
	scratch_link("b/prog", helper("true-er"));
	scratch_link("here", helper("true-er"));
}

static void scratch_remove(void)
{
	static const char *const names[] = { "a/prog", "a/only-in-a", "b/text", "b/prog", "here" };
	char full[PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(full, sizeof full, "%s/%s", scratch, names[i]);
		CHECK_INT(0, unlink(full));
	}
	snprintf(full, sizeof full, "%s/a", scratch);
	CHECK_INT(0, rmdir(full));
	snprintf(full, sizeof full, "%s/b", scratch);
	CHECK_INT(0, rmdir(full));
	CHECK_INT(0, rmdir(scratch));
}

/* Spawns `program` with the given PATH (NULL: none) and checks what comes of it. */
static void check_search(const char *path, const char *program, int expected)
{
	const char *argv[] = { "prog", NULL };
	const char *env[] = { "PATH=/nowhere", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_exit ended;
	struct tend_error e = { .step = TEND_STEP_NONE };
	tend_process *p = NULL;
	int r;

	if (path)
		setenv("PATH", path, 1);
	else
		unsetenv("PATH");
	s.program = program;
	s.env = env; /* the child's own PATH has no say */
	s.cwd = "/";
	r = tend_spawn(&s, &p, &e);
	CHECK_INT(expected, r);
	if (r == 0 && test_wait(p, &ended))
		CHECK_INT(TEND_EXITED, ended.kind);
	if (r < 0)
		CHECK_INT(TEND_STEP_EXEC, e.step);
	tend_process_free(p);
}

/*
 * Hazard 18: the parent's PATH; EACCES only when nothing better is found; an empty entry is the current directory; no
 * shell.
 */
static void path_search(void)
{
	char *before = getenv("PATH") ? strdup(getenv("PATH")) : NULL, both[2 * PATH_MAX], a[PATH_MAX], b[PATH_MAX];
	char cwd[PATH_MAX], *was_in = getcwd(cwd, sizeof cwd);

	scratch_make();
	snprintf(a, sizeof a, "%s/a", scratch);
	snprintf(b, sizeof b, "%s/b", scratch);
	snprintf(both, sizeof both, "%.4000s:%.4000s:/nowhere", a, b);
	CHECK_INT(0, chdir(scratch));
	check_search(both, "prog", 0);
	check_search(both, "only-in-a", -EACCES);
	check_search(both, "in-neither", -ENOENT);
	check_search(a, "prog", -EACCES);
	check_search(b, "text", -ENOEXEC);
	check_search("/nowhere:", "here", 0);
	check_search(":/nowhere", "here", 0);
	check_search("/nowhere::/usr", "here", 0);
	check_search("/nowhere", "here", -ENOENT);
	check_search(NULL, "true", 0);
	/* Hazard 17: a relative path is relative to us, although the child begins in "/". */
	check_search("/nowhere", "./here", 0);
	check_search("/nowhere", "b/prog", 0);
	CHECK(was_in && chdir(was_in) == 0);
	if (before)
		setenv("PATH", before, 1);
	free(before);
	scratch_remove();
}

/* Hazard 17: argv[0] alone is a program, too. */
static void relative_argv0_and_cwd(void)
{
	const char *argv[] = { "b/prog", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	char cwd[PATH_MAX], *was_in = getcwd(cwd, sizeof cwd);
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	scratch_make();
	CHECK_INT(0, chdir(scratch));
	s.cwd = "/usr";
	if (CHECK_OK(tend_spawn(&s, &p, &e), &e) && test_wait(p, &ended))
		CHECK_INT(0, ended.code);
	tend_process_free(p);
	CHECK(was_in && chdir(was_in) == 0);
	scratch_remove();
}

/* ---- failures ---- */

/* Hazard 12: a spawn that fails has reaped what there was, closed what it opened, and says which step failed. */
static void check_failure(const struct tend_spawn *s, int expected, enum tend_step step)
{
	tend_process *const untouched = (tend_process *)(uintptr_t)8;
	tend_process *p = untouched;
	struct tend_error e = { .code = 1 };
	size_t fds = test_count_fds();

	CHECK_INT(expected, tend_spawn(s, &p, &e));
	CHECK_INT(expected, e.code);
	CHECK_INT(step, e.step);
	CHECK(e.message[0] != '\0');
	CHECK(p == untouched);
	CHECK(test_no_children());
	CHECK_INT(fds, test_count_fds());
}

static void check_exec_failure(const char *program, int expected)
{
	const char *argv[] = { "prog", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);

	s.program = program;
	s.in = TEND_IN_PIPE;
	check_failure(&s, expected, TEND_STEP_EXEC);
}

/* Hazards 2, 12, 18, 19; PB-10, PB-12; ER-1. */
static void exec_failures(void)
{
	char path[PATH_MAX];

	scratch_make();
	snprintf(path, sizeof path, "%s/missing", scratch);
	check_exec_failure(path, -ENOENT);
	snprintf(path, sizeof path, "%s/a/prog", scratch);
	check_exec_failure(path, -EACCES);
	snprintf(path, sizeof path, "%s/a", scratch);
	check_exec_failure(path, -EACCES);
	snprintf(path, sizeof path, "%s/here/below", scratch);
	check_exec_failure(path, -ENOTDIR);
	snprintf(path, sizeof path, "%s/b/text", scratch);
	check_exec_failure(path, -ENOEXEC);
	scratch_file("b/text", "#!/nowhere/interpreter\n", 0700);
	if (!test_under_valgrind()) /* which notices only when it cannot go back */
		check_exec_failure(path, -ENOENT);
	scratch_remove();
}

/* Hazard 19: one string of more than 128 KiB. */
static void argument_too_long(void)
{
	static char large[200 << 10];
	const char *argv[] = { helper("true-er"), large, NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	memset(large, 'x', sizeof large - 1);
	if (!test_under_valgrind()) /* which notices only when it cannot go back */
		check_failure(&s, -E2BIG, TEND_STEP_EXEC);
	large[100 << 10] = '\0';
	if (CHECK_OK(tend_spawn(&s, &p, &e), &e) && test_wait(p, &ended))
		CHECK_INT(0, ended.code);
	tend_process_free(p);
}

static void chdir_failures(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);

	s.cwd = "/nowhere";
	check_failure(&s, -ENOENT, TEND_STEP_CHDIR);
	s.cwd = helper("true-er");
	check_failure(&s, -ENOTDIR, TEND_STEP_CHDIR);
}

/*
 * The error names the process and is a sentence; a descriptor that is none is refused.
 * builder::spawn_errors::default_auto_name_does_not_capture_sensitive_args_in_spawn_error
 */
static void failure_is_phrased(void)
{
	const char *argv[] = { "/nowhere/prog", "--token=secret", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_error e;
	tend_process *p = NULL;

	s.name = "api";
	CHECK_INT(-ENOENT, tend_spawn(&s, &p, &e));
	CHECK_STR("api", e.name);
	CHECK(strstr(e.message, "/nowhere/prog") != NULL);
	CHECK(strstr(e.message, "No such file") != NULL);
	CHECK(strstr(e.message, "secret") == NULL);
	s.name = NULL;
	CHECK_INT(-ENOENT, tend_spawn(&s, &p, &e));
	CHECK_STR("/nowhere/prog", e.name);
	s.out = TEND_OUT_FD(4000);
	CHECK_INT(-EBADF, tend_spawn(&s, &p, &e));
	CHECK(test_no_children());
}

/* Hazard 25: with room for one descriptor more each time, each spawn works or fails clean. */
static void descriptors_run_out(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	struct rlimit before, low;
	int failed = 0, r = -1;

	s.in = TEND_IN_PIPE;
	if (!CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &before)) || test_under_valgrind())
		return; /* valgrind itself gives up when it has no descriptors */
	low = before;
	low.rlim_cur = 3;
	for (int i = 0; i < 1024 && r != 0; i++, low.rlim_cur++) {
		size_t fds = test_count_fds();
		struct tend_exit ended;
		struct tend_error e;
		tend_process *p = NULL;

		CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &low));
		r = tend_spawn(&s, &p, &e);
		CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &before));
		if (r == 0) {
			test_wait(p, &ended);
			tend_process_free(p);
			break;
		}
		failed++;
		CHECK_INT(-EMFILE, r);
		CHECK(test_no_children());
		CHECK_INT(fds, test_count_fds());
	}
	CHECK_INT(0, r);
	CHECK(failed > 3);
}

/* One spawn with a fault armed; whether the fault hit. */
static bool spawn_with_fault(int error, bool may_succeed)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	size_t fds = test_count_fds();
	struct tend_exit ended;
	struct tend_error e = { .code = 0 };
	tend_process *p = NULL;
	bool hit;
	int r;

	s.in = TEND_IN_PIPE;
	s.cwd = "/";
	r = tend_spawn(&s, &p, &e);
	hit = fault_fired();
	fault_reset();
	if (r == 0) {
		CHECK(!hit || may_succeed);
		test_wait(p, &ended);
		tend_process_free(p);
		test_settle(fds);
		return hit;
	}
	CHECK(hit);
	CHECK_INT(-error, r);
	CHECK_INT(r, e.code);
	CHECK(e.step != TEND_STEP_NONE && e.step != TEND_STEP_OPTIONS);
	CHECK(test_no_children());
	CHECK_INT(fds, test_count_fds());
	return true;
}

/* E2: each allocation in turn fails. */
static void memory_runs_out(void)
{
	bool hit = true;
	unsigned long i;

	for (i = 1; hit && i < 1000; i++) {
		fault_only_this_thread(true);
		fault_fail_alloc(i);
		hit = spawn_with_fault(ENOMEM, false);
	}
	CHECK(!hit && i > 5);
}

/* Hazards 13, 25, 26; E2: each call that a spawn cannot do without fails in turn, with the step in the error. */
static void system_calls_fail(void)
{
	static const struct {
		const char *name;
		int error;
	} calls[] = {
		{ "pipe", EMFILE },        { "eventfd", EMFILE },  { "open_null", EMFILE },
		{ "set_nonblock", EINVAL }, { "thread", EAGAIN },   { "spawn_shared", EAGAIN },
		{ "spawn_copied", EAGAIN }, { "epoll_add", ENOSPC },
	};

	for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
		bool hit = true;
		unsigned long i;

		for (i = 1; hit && i < 100; i++) {
			fault_only_this_thread(true);
			fault_fail_sys(calls[c].name, i, calls[c].error);
			hit = spawn_with_fault(calls[c].error, strncmp(calls[c].name, "spawn_", 6) == 0);
		}
		CHECK(!hit);
	}
}

/* Whatever fails, once or from then on, nothing is left behind and the mask of the caller is as it was (hazard 13). */
static void any_call_fails(void)
{
	sigset_t before, after;
	bool hit = true;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	for (unsigned long i = 1; hit && i < 1000; i++) {
		fault_only_this_thread(true);
		fault_fail_sys(NULL, i, ENOMEM);
		hit = spawn_with_fault(ENOMEM, true);
		pthread_sigmask(SIG_SETMASK, NULL, &after);
		for (int sig = 1; sig < 65; sig++)
			if (sigismember(&before, sig) != sigismember(&after, sig))
				CHECK_INT(-1, sig);
	}
	CHECK(!hit);
}

/* poll(2) says EINVAL where the limit of descriptors is 0 by now: the child's error is told, and no zombie left. */
static void polls_fail(void)
{
	const char *argv[] = { "/nowhere/prog", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	size_t fds = test_count_fds();
	struct tend_error e = { .code = 0 };
	tend_process *p = NULL;

	for (unsigned long i = 1; i <= 3; i++) {
		fault_only_this_thread(true);
		fault_fail_sys_from("poll", i, EINVAL);
		CHECK_INT(-ENOENT, tend_spawn(&s, &p, &e));
		CHECK_INT(TEND_STEP_EXEC, e.step);
		CHECK(test_no_children());
		CHECK_INT(fds, test_count_fds());
		p = tend_process_free(p);
	}
	fault_reset();
}

/* Hazards 6, 12: where memory that should be shared is copied, as valgrind and emulators do, the pipe has to tell. */
static void with_fallbacks(void)
{
	static const char *const missing[] = { "vfork", "clone_pidfd" };
	static const char *const again[] = { "exec_failures", "argument_too_long", "chdir_failures", "any_call_fails",
		                             NULL };

	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		CHECK_INT(0, test_run_self(again, "TEND_DISABLE", missing[i], NULL, 0));
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "path_search", path_search },
		{ "relative_argv0_and_cwd", relative_argv0_and_cwd },
		{ "exec_failures", exec_failures },
		{ "argument_too_long", argument_too_long },
		{ "chdir_failures", chdir_failures },
		{ "failure_is_phrased", failure_is_phrased },
		{ "descriptors_run_out", descriptors_run_out },
		{ "memory_runs_out", memory_runs_out },
		{ "system_calls_fail", system_calls_fail },
		{ "any_call_fails", any_call_fails },
		{ "polls_fail", polls_fail },
		{ "with_fallbacks", with_fallbacks },
	};

	return test_main(argc, argv, "exec", tests, sizeof tests / sizeof *tests);
}
