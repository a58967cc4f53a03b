/* SPDX-License-Identifier: MIT */
/* Scenarios for the sweep: spawns with each option, how children end, and how they are let go of. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "torture_scenarios.h"

/* ---- what all share ---- */

tend_process *scene_spawn(const struct tend_spawn *s)
{
	struct tend_error e = { .code = 0 };
	tend_process *p = NULL;

	if (TRIED(tend_spawn(s, &p, &e), &e))
		return p;
	CHECK(!p);
	return NULL;
}

tend_process *scene_start(const struct tend_stream_options *live, const char *name, const char *argument)
{
	const char *argv[] = { helper(name), argument, NULL };
	struct tend_spawn s = test_spawn_options(argv, live);

	return scene_spawn(&s);
}

bool scene_has_exited(tend_process *p)
{
	struct tend_exit now = { .kind = TEND_RUNNING };
	struct tend_error e;

	TRIED(tend_process_wait(p, TEND_AT_ONCE, &now, &e), &e);
	return now.kind != TEND_RUNNING;
}

/* A child whose output nobody reads any more may end by SIGPIPE. */
static void excuse_stream(tend_stream *stream)
{
	struct tend_stream_stats stats;

	if (!stream)
		return;
	stats = tend_stream_stats(stream);
	if (stats.end == TEND_END_READ_ERROR)
		EXCUSED(stats.read_errno);
}

/* How it ended is known, or somebody else has taken it and the kernel does not tell. */
static void check_exit(const struct tend_exit *ended, enum tend_exit_kind kind, int number)
{
	CHECK(ended->kind != TEND_RUNNING);
	if (!torture_is_clean() || (ended->kind == TEND_EXIT_UNKNOWN && !test_kernel_tells()))
		return;
	CHECK_INT(kind, ended->kind);
	CHECK_INT(number, kind == TEND_EXITED ? ended->code : ended->signal);
}

void scene_await_exit(tend_process *p, enum tend_exit_kind kind, int number)
{
	struct tend_exit ended = { .kind = TEND_RUNNING };
	struct tend_error e;

	if (!TRIED(tend_process_wait(p, TEST_PATIENCE, &ended, &e), &e))
		return;
	excuse_stream(tend_process_stdout(p));
	excuse_stream(tend_process_stderr(p));
	check_exit(&ended, kind, number);
}

static bool is_gone(const struct tend_stop_report *report)
{
	return report->outcome == TEND_STOPPED_BEFORE || report->outcome == TEND_STOPPED_BY_KILL;
}

/* How long a kill may take: a fault that lasts may keep the library from seeing that all are gone. */
static tend_duration after_kill(void)
{
	return torture_lasts() ? TEND_MS(100) : TEST_PATIENCE;
}

void scene_end_all(tend_process *p)
{
	struct tend_stop_report report = { .outcome = TEND_STOP_NOT_RUN };
	struct tend_error e;

	if (!p)
		return;
	if (!TRIED(tend_process_kill(p, after_kill(), &report, &e), &e) || (torture_lasts() && !is_gone(&report))) {
		torture_disarm();
		CHECK_OK(tend_process_kill(p, TEST_PATIENCE, &report, &e), &e);
	}
	if (!is_gone(&report))
		CHECK_STR("gone", tend_stopped_name(report.outcome));
	CHECK(scene_has_exited(p));
	CHECK(!tend_process_free(p));
}

void scene_end(tend_process *p)
{
	if (p && scene_has_exited(p))
		CHECK(!tend_process_free(p));
	else
		scene_end_all(p);
}

static const struct tend_complete collect_all = {
	.timeout = TEST_PATIENCE,
	.out = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
	.err = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
	.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
};

static void check_output(const struct tend_output_result *r, const char *expected)
{
	if (r->end == TEND_END_READ_ERROR)
		EXCUSED(r->read_errno);
	if (r->collected.failed)
		EXCUSED(-r->collected.failed);
	if (!torture_is_clean() || !expected)
		return;
	CHECK_INT(TEND_END_EOF, r->end);
	CHECK(r->collected.complete);
	CHECK_MEM(expected, strlen(expected), r->collected.data, r->collected.size);
}

void scene_complete(tend_process *p, const char *out, int code)
{
	struct tend_complete o = collect_all;
	struct tend_result r;
	struct tend_error e;

	if (!tend_process_stderr(p))
		o.err = (struct tend_collect){ .kind = TEND_COLLECTION_NONE };
	if (!TRIED(tend_process_complete(p, &o, &r, &e), &e))
		return;
	CHECK_INT(TEND_COMPLETED, r.outcome);
	check_output(&r.out, out);
	check_output(&r.err, NULL);
	check_exit(&r.exit, TEND_EXITED, code);
	tend_result_clear(&r, p);
}

/* Spawns, completes, ends: for options whose effect is what the child says. */
static void run_to_its_end(const struct tend_spawn *s, const char *out, int code)
{
	tend_process *p = scene_spawn(s);

	if (p)
		scene_complete(p, out, code);
	scene_end(p);
}

/* ---- spawns ---- */

void scene_discarded(void)
{
	tend_process *p = scene_start(NULL, "exiter", "3");

	if (p)
		scene_await_exit(p, TEND_EXITED, 3);
	scene_end(p);
}

void scene_streams(void)
{
	const char *argv[] = { helper("exiter"), "42", "some text\n", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	run_to_its_end(&s, "some text\n", 42);
}

void scene_merged(void)
{
	const char *argv[] = { helper("printer"), "-o", "a", "-e", "b", "-o", "c", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	s.err = TEND_OUT_MERGE;
	run_to_its_end(&s, "abc", 0);
}

void scene_environment(void)
{
	const char *argv[] = { "reporter", "cwd", NULL };
	const char *const unset[] = { "HOME", NULL }, *const set[] = { "A=1", "B=2", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	s.program = helper("reporter");
	s.env_unset = unset;
	s.env_set = set;
	s.cwd = "/";
	s.auto_name = TEND_NAME_FULL;
	run_to_its_end(&s, "/\n", 0);
}

/* A name without a slash is looked for in PATH. */
void scene_path(void)
{
	const char *argv[] = { "true", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p;

	s.name = "by name";
	p = scene_spawn(&s);
	if (p)
		scene_await_exit(p, TEND_EXITED, 0);
	scene_end(p);
}

void scene_descriptors(void)
{
	const char *argv[] = { helper("reporter"), "fds", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct tend_pass_fd passed[] = { { null, 7 }, { null, 5 } };

	s.in = TEND_IN_FD(null);
	s.err = TEND_OUT_FD(null);
	s.pass_fds = passed;
	s.n_pass_fds = 2;
	run_to_its_end(&s, NULL, 0);
	close(null);
}

void scene_inherited(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p;

	s.in = TEND_IN_INHERIT;
	s.out = TEND_OUT_INHERIT;
	s.err = TEND_OUT_INHERIT;
	p = scene_spawn(&s);
	if (p)
		scene_await_exit(p, TEND_EXITED, 0);
	scene_end(p);
}

static void of_scope(enum tend_scope scope, enum tend_if_no_cgroup otherwise)
{
	const char *argv[] = { helper("exiter"), "4", "text", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	s.scope = scope;
	s.cgroup.if_unavailable = otherwise;
	run_to_its_end(&s, "text", 4);
}

void scene_session(void)
{
	of_scope(TEND_SCOPE_SESSION, 0);
}

void scene_no_scope(void)
{
	of_scope(TEND_SCOPE_NONE, 0);
}

void scene_cgroup_or_group(void)
{
	of_scope(TEND_SCOPE_CGROUP, TEND_NO_CGROUP_GROUP);
}

bool scene_have_cgroups(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	struct tend_error e = { .step = TEND_STEP_NONE };
	tend_process *p = NULL;

	s.scope = TEND_SCOPE_CGROUP;
	s.cgroup.if_unavailable = TEND_NO_CGROUP_REFUSE;
	if (tend_spawn(&s, &p, &e) == 0)
		tend_process_wait(p, TEST_PATIENCE, NULL, NULL);
	tend_process_free(p);
	return e.step != TEND_STEP_CGROUP;
}

void scene_cgroup(void)
{
	of_scope(TEND_SCOPE_CGROUP, TEND_NO_CGROUP_REFUSE);
}

/* The grandchild is in a session of its own. */
void scene_cgroup_stopped(void)
{
	const char *argv[] = { helper("forker"), "hold-setsid", "3", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p;

	s.scope = TEND_SCOPE_CGROUP;
	s.cgroup.if_unavailable = TEND_NO_CGROUP_REFUSE;
	p = scene_spawn(&s);
	if (p)
		scene_await_exit(p, TEND_EXITED, 3);
	scene_end_all(p);
}

static void with_parent(enum tend_with_parent how)
{
	const char *argv[] = { helper("exiter"), "5", "text", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	s.with_parent = how;
	run_to_its_end(&s, "text", 5);
}

void scene_with_parent(void)
{
	with_parent(TEND_WITH_PARENT_CHILD);
}

void scene_guarded(void)
{
	with_parent(TEND_WITH_PARENT_TREE);
}

static void with_bytes(const void *bytes, size_t n, const char *count)
{
	const char *argv[] = { helper("stdiner"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	s.in = TEND_IN_BYTES(bytes, n);
	run_to_its_end(&s, count, 0);
}

void scene_few_bytes(void)
{
	with_bytes("some bytes", 10, "10\n");
}

void scene_many_bytes(void)
{
	static const char bytes[200 << 10];

	with_bytes(bytes, sizeof bytes, "204800\n");
}

/* Its end cannot be waited for: a terminal that takes no more does not get its end-of-file character. */
static void in_terminal(enum tend_pty_mode mode)
{
	const char *argv[] = { helper("echoer"), NULL };
	const struct tend_pty pty = { .mode = mode, .rows = 10, .columns = 20 };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e;
	tend_process *p;

	s.in = TEND_IN_PIPE;
	s.err = TEND_OUT_MERGE;
	s.pty = &pty;
	p = scene_spawn(&s);
	if (p) {
		TRIED(tend_process_set_window(p, 30, 40), NULL);
		TRIED(tend_process_stdin_write(p, "line\n", 5, TEST_PATIENCE, NULL, &e), &e);
		TRIED(tend_process_stdin_close(p), NULL);
	}
	scene_end(p);
}

void scene_raw_terminal(void)
{
	in_terminal(TEND_PTY_RAW);
}

void scene_cooked_terminal(void)
{
	in_terminal(TEND_PTY_COOKED);
}

/* Its own ids once more: with a copy of the host's memory. */
void scene_ids(void)
{
	const char *argv[] = { helper("exiter"), "6", "text", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	s.uid = TEND_UID(getuid());
	s.gid = TEND_GID(getgid());
	s.groups = TEND_GROUPS_KEEP;
	run_to_its_end(&s, "text", 6);
}

void scene_numbers(void)
{
	const char *argv[] = { helper("exiter"), "7", "text", NULL };
	const struct tend_rlimit limits[] = { { RLIMIT_CORE, 0, 0 } };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);

	s.umask = TEND_UMASK(027);
	s.nice = TEND_NICE(5);
	s.rlimits = limits;
	s.n_rlimits = 1;
	s.no_new_privs = s.reset_affinity = s.reset_scheduler = true;
	s.on_busy = TEND_MS(100);
	run_to_its_end(&s, "text", 7);
}

/* What is there is told; and when something failed before it, that. */
void scene_no_program(void)
{
	const char *argv[] = { "/nowhere/prog", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e = { .code = 0 };
	tend_process *p = NULL;
	int r;

	s.in = TEND_IN_PIPE;
	r = tend_spawn(&s, &p, &e);
	if (r == 0 && (torture_injects("read") || torture_injects("readable"))) { /* a pipe does not do so */
		scene_end(p);
		return;
	}
	CHECK(r < 0 && !p);
	if (r == -ENOENT && e.step == TEND_STEP_EXEC)
		CHECK_INT(r, e.code);
	else
		TRIED(r, &e);
}

static void with_survivors(struct tend_survivors survivors, bool all_ended)
{
	const char *argv[] = { helper("forker"), "hold", "4", NULL };
	struct tend_complete o = collect_all;
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_result r;
	struct tend_error e;
	tend_process *p;

	o.drain.idle = o.drain.total = all_ended ? TEST_PATIENCE : TEND_MS(5);
	s.survivors = survivors;
	p = scene_spawn(&s);
	if (p && TRIED(tend_process_complete(p, &o, &r, &e), &e)) {
		check_output(&r.out, NULL);
		check_output(&r.err, NULL);
		check_exit(&r.exit, TEND_EXITED, 4);
		tend_result_clear(&r, p);
	}
	scene_end_all(p);
}

void scene_survivors_told(void)
{
	with_survivors(TEND_SURVIVORS_REPORT, false);
}

void scene_survivors_stopped(void)
{
	const struct tend_stop plan = { .after_kill = after_kill() };
	struct tend_survivors survivors = TEND_SURVIVORS_STOP(&plan);

	with_survivors(survivors, false);
}

/* ---- stdin ---- */

void scene_echo(void)
{
	const char *argv[] = { helper("echoer"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	static char bytes[150 << 10];
	size_t written = 0;
	struct tend_error e;
	tend_process *p;
	int r;

	memset(bytes, 'x', sizeof bytes - 1);
	s.in = TEND_IN_PIPE;
	p = scene_spawn(&s);
	if (!p)
		return;
	r = tend_process_stdin_write(p, bytes, sizeof bytes - 1, TEST_PATIENCE, &written, &e);
	if (r == -EPIPE)
		excuse_stream(tend_process_stdout(p)); /* nobody reads what it echoes, so it is gone */
	if (r != -EPIPE || torture_is_clean())
		TRIED(r, &e);
	if (r == 0)
		CHECK_INT(sizeof bytes - 1, (intmax_t)written);
	scene_complete(p, bytes, 0);
	scene_end(p);
}

/* ---- ends ---- */

/* A child whose output is not read any more may be ended by its next write, before it is stopped. */
static bool may_lose_its_reader(void)
{
	return torture_injects("poll") || torture_injects("read") || torture_injects("alloc");
}

static void check_stopped(int result, const struct tend_stop_report *report, const struct tend_error *e)
{
	if (TRIED(result, e) && torture_is_clean() && !torture_lasts())
		CHECK((may_lose_its_reader() && report->outcome == TEND_STOPPED_BEFORE) ||
		      report->outcome == TEND_STOPPED_IN_PHASE || report->outcome == TEND_STOPPED_BY_KILL);
}

void scene_stop(void)
{
	const struct tend_stop_phase phases[] = {
		{ SIGINT, TEND_LEADER, TEND_MS(2) },
		{ SIGTERM, TEND_GROUP, TEND_MS(2) },
	};
	const struct tend_stop plan = { .phases = phases, .n_phases = 2, .after_kill = after_kill() };
	tend_process *p = scene_start(&test_reliable_all, "forker", "leader-pauses");
	struct tend_stop_report report;
	struct tend_error e;

	if (p)
		check_stopped(tend_process_stop(p, &plan, &report, &e), &report, &e);
	scene_end_all(p);
}

void scene_kill(void)
{
	tend_process *p = scene_start(&test_reliable_all, "stubborn", NULL);
	struct tend_stop_report report;
	struct tend_error e;

	if (p)
		check_stopped(tend_process_kill(p, after_kill(), &report, &e), &report, &e);
	scene_end(p);
}

void scene_signal(void)
{
	tend_process *p = scene_start(NULL, "obedient", NULL);
	struct tend_error e;

	if (p && TRIED(tend_process_signal(p, SIGTERM, TEND_LEADER, &e), &e))
		scene_await_exit(p, TEND_SIGNALED, SIGTERM);
	scene_end(p);
}

void scene_signal_group(void)
{
	tend_process *p = scene_start(NULL, "obedient", NULL);
	struct tend_error e;

	if (p && TRIED(tend_process_signal(p, SIGTERM, TEND_GROUP, &e), &e))
		scene_await_exit(p, TEND_SIGNALED, SIGTERM);
	scene_end(p);
}

/* The time is over, and the plan ends it. */
static void complete_stops(tend_duration timeout, tend_duration inactivity)
{
	const struct tend_stop plan = { .after_kill = after_kill() };
	tend_process *p = scene_start(&test_reliable_all, "obedient", NULL);
	struct tend_complete o = collect_all;
	struct tend_result r;
	struct tend_error e;

	o.timeout = timeout;
	o.inactivity = inactivity;
	o.stop = &plan;
	if (p && TRIED(tend_process_complete(p, &o, &r, &e), &e)) {
		if (r.out.end == TEND_END_READ_ERROR)
			EXCUSED(r.out.read_errno);
		if (r.err.end == TEND_END_READ_ERROR)
			EXCUSED(r.err.read_errno);
		CHECK(r.timed_out || !torture_is_clean()); /* or SIGPIPE was first */
		if (r.outcome == TEND_NOT_STOPPED && r.stop.outcome == TEND_STOP_REFUSED)
			EXCUSED(EPERM);
		else if (!torture_lasts() && torture_is_clean())
			CHECK_INT(TEND_STOPPED, r.outcome);
		tend_result_clear(&r, p);
	}
	scene_end(p);
}

void scene_timeout(void)
{
	complete_stops(TEND_MS(5), 0);
}

void scene_inactivity(void)
{
	complete_stops(TEND_SECONDS(60), TEND_MS(20));
}

void scene_exit_fd(void)
{
	tend_process *p = scene_start(NULL, "exiter", "3");
	struct pollfd ready = { .events = POLLIN };

	if (p) {
		ready.fd = tend_process_exit_fd(p);
		if (TRIED(ready.fd, NULL)) {
			CHECK_INT(1, poll(&ready, 1, -1));
			CHECK(scene_has_exited(p));
		}
	}
	scene_end(p);
}

void scene_status(void)
{
	tend_process *p = scene_start(NULL, "obedient", NULL);
	struct tend_status status;

	if (p && TRIED(tend_process_status(p, &status), NULL))
		CHECK(status.state != TEND_STATE_EXITED);
	scene_end(p);
}

/* ---- letting go ---- */

/* It runs still where it could not be signalled: then it is ended here, and the library reaps it all the same. */
static void free_it(tend_process *p)
{
	pid_t pid = tend_process_pid(p);
	int64_t until = test_now_ns() + INT64_C(500000000);

	CHECK(!tend_process_free(p));
	while (test_alive(pid) && test_now_ns() < until)
		poll(NULL, 0, 1);
	if (!test_alive(pid))
		return;
	torture_disarm();
	CHECK_INT(0, kill(pid, SIGKILL));
}

void scene_forgotten(void)
{
	const struct tend_stop plan = { .after_kill = after_kill() };
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	tend_process *p;

	s.if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan);
	p = scene_spawn(&s);
	if (p)
		free_it(p);
}

/* It ends by itself when nobody holds its stdin any more. */
void scene_detached(void)
{
	const char *argv[] = { helper("echoer"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p;

	s.in = TEND_IN_PIPE;
	p = scene_spawn(&s);
	if (!p)
		return;
	tend_process_detach(p);
	CHECK(!tend_process_free(p));
}

void scene_released(void)
{
	const char *argv[] = { helper("echoer"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_released r;
	tend_process *p;

	s.in = TEND_IN_PIPE;
	p = scene_spawn(&s);
	if (!p)
		return;
	if (!TRIED(tend_process_release(p, &r), NULL)) {
		scene_end(p);
		return;
	}
	CHECK(r.in >= 0 && r.pidfd >= 0);
	if (r.out < 0 || r.err < 0)
		TOLD("a stream had ended");
	close(r.in);
	if (r.out >= 0)
		close(r.out);
	if (r.err >= 0)
		close(r.err);
	CHECK_INT(TEND_RUNNING, r.exit.kind);
	while (waitpid(r.pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(r.pidfd);
}

/* ---- not ours ---- */

static void adopt(const struct tend_adopt *o, tend_process *child)
{
	tend_process *adopted = NULL;
	struct tend_error e;

	if (TRIED(tend_adopt(o, &adopted, &e), &e)) {
		if (TRIED(tend_process_signal(adopted, SIGTERM, TEND_LEADER, &e), &e)) {
			struct tend_exit ended = { .kind = TEND_RUNNING };

			scene_await_exit(child, TEND_SIGNALED, SIGTERM);
			CHECK_OK(tend_process_wait(adopted, TEST_PATIENCE, &ended, &e), &e);
			CHECK(ended.kind != TEND_RUNNING);
		}
		CHECK(!tend_process_free(adopted));
	} else {
		CHECK(!adopted);
	}
}

void scene_adopted(void)
{
	tend_process *child = scene_start(NULL, "obedient", NULL);
	struct tend_adopt o = { .if_forgotten = TEND_FORGOTTEN_DETACH };

	if (child) {
		o.pid = tend_process_pid(child);
		adopt(&o, child);
	}
	scene_end(child);
}

void scene_adopted_by_pidfd(void)
{
	tend_process *child = scene_start(NULL, "obedient", NULL);
	struct tend_adopt o = { .if_forgotten = TEND_FORGOTTEN_DETACH };
	int pidfd = child ? (int)syscall(SYS_pidfd_open, tend_process_pid(child), 0) : -1;

	if (pidfd >= 0) {
		o.pidfd = TEND_FD(pidfd);
		adopt(&o, child);
		close(pidfd);
	}
	scene_end(child);
}

void scene_shutdown(void)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(5));
	const char *argv[] = { helper("obedient"), NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e;
	tend_process *p[2];

	s.if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan);
	for (int i = 0; i < 2; i++)
		p[i] = scene_spawn(&s);
	if (tend_shutdown(TEND_SECONDS(2), &e) != 0) {
		CHECK_INT(-ETIMEDOUT, e.code);
		CHECK_INT(TEND_STEP_SHUTDOWN, e.step);
		torture_disarm();
	}
	for (int i = 0; i < 2; i++)
		scene_end(p[i]);
}
