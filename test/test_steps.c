/* SPDX-License-Identifier: MIT */
/*
 * Steps of a start that fail in the child, which the parent has to put into words; where a program is looked for; and
 * calls from the library's own threads, which would have to wait for themselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "test.h"

static void fails(const struct tend_spawn *s, int error, enum tend_step step, const char *what)
{
	struct tend_error e = { .code = 0 };
	tend_process *p = NULL;

	CHECK_INT(-error, tend_spawn(s, &p, &e));
	CHECK_INT(step, e.step);
	if (!strstr(e.message, what))
		CHECK_STR(what, e.message);
	tend_process_free(p);
}

/* ---- descriptors ---- */

/* A target that the limit of open files leaves no room for is the child's to find, and is named by its index. */
static void target_above_the_limit(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	const struct tend_pass_fd fds[] = { { STDOUT_FILENO, 10 }, { STDOUT_FILENO, 300 } };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct rlimit before, low;

	if (!CHECK_INT(0, getrlimit(RLIMIT_NOFILE, &before)))
		return;
	low = before;
	low.rlim_cur = 256;
	s.pass_fds = fds;
	s.n_pass_fds = 2;
	CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &low));
	fails(&s, EBADF, TEND_STEP_STDIO, "pass_fds[1]");
	CHECK_INT(0, setrlimit(RLIMIT_NOFILE, &before));
}

static void copy_program(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	char part[4096];
	ssize_t n;

	while ((n = read(in, part, sizeof part)) > 0)
		CHECK_INT(n, write(out, part, (size_t)n));
	close(in);
	close(out);
}

/* Who waits for a busy program holds nothing of the host's meanwhile but what it will pass on. */
static void busy_with_passed_descriptors(void)
{
	char folder[] = "/tmp/tend-steps-XXXXXX", program[64];
	const char *argv[] = { program, NULL };
	const struct tend_pass_fd fds[] = { { STDOUT_FILENO, 12 }, { STDOUT_FILENO, 7 } };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	int writer;

	if (test_under_valgrind() || !CHECK(mkdtemp(folder) != NULL)) /* there an execve(2) has gone too far */
		return;
	snprintf(program, sizeof program, "%s/program", folder);
	copy_program(helper("true-er"), program);
	writer = open(program, O_WRONLY | O_CLOEXEC);
	CHECK(writer >= 0);
	s.pass_fds = fds;
	s.n_pass_fds = 2;
	s.on_busy = TEND_MS(1);
	fails(&s, ETXTBSY, TEND_STEP_EXEC, "cannot execute");
	close(writer);
	unlink(program);
	CHECK_INT(0, rmdir(folder));
}

/* ---- places ---- */

/* In a directory that is no more: what is absolute is found all the same, what is relative is not. */
static void from_nowhere(void)
{
	char folder[] = "/tmp/tend-steps-XXXXXX", before[PATH_MAX], out[64];
	const char *relative[] = { "bin/true-er", NULL }, *absolute[] = { helper("printer"), "there", NULL };
	const char *named[] = { "true-er", NULL };
	struct tend_spawn s = test_spawn_options(relative, &test_reliable_all);
	char *path = getenv("PATH") ? strdup(getenv("PATH")) : NULL;

	if (!CHECK(getcwd(before, sizeof before) && mkdtemp(folder)))
		return;
	CHECK_INT(0, chdir(folder));
	CHECK_INT(0, rmdir(folder));
	s.cwd = "/";
	fails(&s, ENOENT, TEND_STEP_EXEC, "own directory is not known");
	s.argv = named;
	setenv("PATH", "/nowhere::elsewhere", 1);
	fails(&s, ENOENT, TEND_STEP_EXEC, "own directory is not known");
	s.cwd = NULL;
	fails(&s, ENOENT, TEND_STEP_EXEC, "true-er");
	s.argv = absolute;
	if (test_output_of(&s, out, sizeof out))
		CHECK_STR("there", out);
	if (path)
		setenv("PATH", path, 1);
	else
		unsetenv("PATH");
	free(path);
	CHECK_INT(0, chdir(before));
}

/* ---- choices ---- */

static void too_many_groups(void)
{
	static const gid_t list[1];
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);

	s.groups = TEND_GROUPS(list, TEND_MAX_GROUPS + 1);
	fails(&s, EINVAL, TEND_STEP_OPTIONS, "groups.n");
	s.groups = TEND_GROUPS(NULL, 1);
	fails(&s, EINVAL, TEND_STEP_OPTIONS, "groups.list");
}

static void collects_from_no_stream(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(60));
	const struct tend_complete collects = {
		.timeout = TEST_PATIENCE,
		.stop = &plan,
		.out = TEND_COLLECT_BYTES(.max_bytes = 64, .overflow = TEND_DROP_NEWEST),
		.drain = { .idle = TEND_MS(1), .total = TEND_SECONDS(5) },
	};
	struct tend_spawn s = test_spawn_options(argv, &test_reliable);
	struct tend_result result;
	struct tend_exit ended;
	tend_process *p = NULL;
	struct tend_error e;

	s.out = TEND_OUT_INHERIT;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	CHECK_INT(-EINVAL, tend_process_complete(p, &collects, &result, &e));
	CHECK(strstr(e.message, "no stream") != NULL);
	test_wait(p, &ended);
	tend_process_free(p);
}

/* ---- threads of the library ---- */

static _Atomic int shut_down_in_log;
static _Atomic bool is_to_shut_down;

static void shut_down(void *arg, const struct tend_log_event *event)
{
	struct tend_error e;

	(void)arg;
	if (strcmp(event->event, "exit") == 0 && atomic_load(&is_to_shut_down))
		atomic_store(&shut_down_in_log, tend_shutdown(TEND_AT_ONCE, &e));
}

/* The reaper would wait for itself; refused, it has ended nothing, and more children can be started. */
static void shutdown_in_a_log_function(void)
{
	atomic_store(&is_to_shut_down, true);
	for (int i = 0; i < 2; i++) {
		struct pollfd told = { .events = POLLIN };
		tend_process *p;

		atomic_store(&shut_down_in_log, 0);
		p = test_spawn(&test_reliable, "true-er", NULL);
		if (!p)
			return;
		told.fd = tend_process_exit_fd(p); /* who waits in the library may be the one that tells the log */
		CHECK_INT(1, poll(&told, 1, 60000));
		CHECK_INT(-EDEADLK, atomic_load(&shut_down_in_log));
		tend_process_free(p);
	}
	atomic_store(&is_to_shut_down, false);
}

struct visit {
	tend_process *process;
	tend_consumer *other;
	int released, waited; /* read behind the end of the consumer */
};

static enum tend_flow call_back(void *self, const struct tend_chunk *chunk)
{
	struct tend_released released;
	struct visit *v = self;
	struct tend_error e;

	(void)chunk;
	v->released = tend_process_release(v->process, &released);
	v->waited = tend_consumer_wait(v->other, TEND_FOREVER, NULL, &e);
	return TEND_BREAK;
}

/* What only the reader can bring about is refused on the reader; what it is about goes on. */
static void waits_on_a_reader(void)
{
	static const struct tend_visitor visitor = { .on_chunk = call_back, .runs_on = TEND_ON_READER };
	const struct tend_collect all = TEND_COLLECT_BYTES(.max_bytes = 64, .overflow = TEND_DROP_NEWEST);
	struct visit v = { .process = test_spawn(&test_reliable, "sleeper", NULL), .released = 1, .waited = 1 };
	tend_consumer *c = NULL;
	struct tend_error e;
	int fd;
	tend_stream *st = test_pipe_stream(&test_reliable, &fd);

	CHECK_OK(tend_stream_collect(st, &all, &v.other, &e), &e);
	CHECK_OK(tend_stream_consume(st, &visitor, &v, &c, &e), &e);
	CHECK_INT(1, write(fd, "x", 1));
	CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, NULL, &e), &e);
	CHECK_INT(-EDEADLK, v.released);
	CHECK_INT(-EDEADLK, v.waited);
	close(fd);
	CHECK_OK(tend_consumer_wait(v.other, TEST_PATIENCE, NULL, &e), &e);
	tend_consumer_free(c);
	tend_consumer_free(v.other);
	tend_stream_free(st);
	CHECK_OK(tend_process_kill(v.process, TEST_PATIENCE, NULL, &e), &e);
	tend_process_free(v.process);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "target_above_the_limit", target_above_the_limit },
		{ "busy_with_passed_descriptors", busy_with_passed_descriptors },
		{ "from_nowhere", from_nowhere },
		{ "too_many_groups", too_many_groups },
		{ "collects_from_no_stream", collects_from_no_stream },
		{ "shutdown_in_a_log_function", shutdown_in_a_log_function },
		{ "waits_on_a_reader", waits_on_a_reader },
	};

	tend_set_log(shut_down, NULL, TEND_LOG_INFO); /* its record is never freed, so it is made before any test */
	return test_main(argc, argv, "steps", tests, sizeof tests / sizeof *tests);
}
