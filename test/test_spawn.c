/* SPDX-License-Identifier: MIT */
/* What a spawn refuses, and what the child gets of it: arguments, environment, directory, name, streams. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

/* ---- choices ---- */

static const struct tend_stop kill_it = { .after_kill = TEND_DEFAULT_AFTER_KILL };

static void no_in(struct tend_spawn *s) { s->in.kind = 0; }
static void in_is_no_kind(struct tend_spawn *s) { s->in.kind = 99; }
static void in_fd_negative(struct tend_spawn *s) { s->in = TEND_IN_FD(-1); }
static void no_out(struct tend_spawn *s) { s->out.kind = 0; }
static void out_is_no_kind(struct tend_spawn *s) { s->out.kind = 99; }
static void out_merged(struct tend_spawn *s) { s->out = TEND_OUT_MERGE; }
static void out_fd_negative(struct tend_spawn *s) { s->out = TEND_OUT_FD(-1); }
static void no_err(struct tend_spawn *s) { s->err.kind = 0; }
static void no_forgotten(struct tend_spawn *s) { s->if_forgotten.kind = 0; }
static void no_forgotten_plan(struct tend_spawn *s) { s->if_forgotten = TEND_FORGOTTEN_TERMINATE(NULL); }
static void no_argv(struct tend_spawn *s) { s->argv = NULL; }
static void bad_auto_name(struct tend_spawn *s) { s->auto_name = 99; }
static void no_backend(struct tend_spawn *s) { s->out.stream.backend = 0; }
static void bad_backend(struct tend_spawn *s) { s->err.stream.backend = 99; }
static void no_delivery(struct tend_spawn *s) { s->err.stream.delivery = 0; }
static void no_replay(struct tend_spawn *s) { s->out.stream.replay.kind = 0; }
static void no_replay_amount(struct tend_spawn *s) { s->out.stream.replay = TEND_REPLAY_BYTES(0); }
static void no_chunk_size(struct tend_spawn *s) { s->out.stream.read_chunk_size = 0; }
static void no_chunks(struct tend_spawn *s) { s->err.stream.max_buffered_chunks = 0; }

static void no_overflow(struct tend_spawn *s)
{
	s->out.stream.delivery = TEND_LOSSY;
	s->out.stream.overflow = 0;
}

static void unbounded_overflow(struct tend_spawn *s)
{
	s->err.stream.delivery = TEND_LOSSY;
	s->err.stream.overflow = TEND_TRUSTED_UNBOUNDED;
}

static void large_chunk_size(struct tend_spawn *s)
{
	s->err.stream.read_chunk_size = TEND_MAX_READ_CHUNK_SIZE + 1;
}

static void many_chunks(struct tend_spawn *s)
{
	s->out.stream.max_buffered_chunks = TEND_MAX_MAX_BUFFERED_CHUNKS + 1;
}

static void empty_argv(struct tend_spawn *s)
{
	static const char *const nothing[] = { NULL };

	s->argv = nothing;
}

static void forgotten_after_kill(struct tend_spawn *s)
{
	static const struct tend_stop plan = { .after_kill = 0 };

	s->if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan);
}

static void forgotten_phase_signal(struct tend_spawn *s)
{
	static const struct tend_stop_phase phases[] = { { 0, TEND_GROUP, TEND_MS(1) } };
	static const struct tend_stop plan = { .phases = phases, .n_phases = 1, .after_kill = TEND_MS(1) };

	s->if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan);
}

static const struct {
	const char *field;
	void (*spoil)(struct tend_spawn *s);
} refusals[] = {
	{ "in", no_in },
	{ "in", in_is_no_kind },
	{ "in.fd", in_fd_negative },
	{ "out", no_out },
	{ "out", out_is_no_kind },
	{ "out", out_merged },
	{ "out.fd", out_fd_negative },
	{ "err", no_err },
	{ "argv", no_argv },
	{ "argv", empty_argv },
	{ "auto_name", bad_auto_name },
	{ "if_forgotten", no_forgotten },
	{ "if_forgotten.stop", no_forgotten_plan },
	{ "if_forgotten.stop", forgotten_after_kill },
	{ "if_forgotten.stop", forgotten_phase_signal },
	{ "out.stream.backend", no_backend },
	{ "err.stream.backend", bad_backend },
	{ "err.stream.delivery", no_delivery },
	{ "out.stream.overflow", no_overflow },
	{ "err.stream.overflow", unbounded_overflow },
	{ "out.stream.replay", no_replay },
	{ "out.stream.replay", no_replay_amount },
	{ "out.stream.read_chunk_size", no_chunk_size },
	{ "err.stream.read_chunk_size", large_chunk_size },
	{ "err.stream.max_buffered_chunks", no_chunks },
	{ "out.stream.max_buffered_chunks", many_chunks },
};

/* PB-1, CF: what was not chosen is refused by name, before there is a child. */
static void refuses_what_was_not_chosen(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	tend_process *const untouched = (tend_process *)(uintptr_t)8;
	size_t fds = test_count_fds();

	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		struct tend_spawn s = test_spawn_options(argv, &test_reliable);
		tend_process *p = untouched;
		struct tend_error e = { .code = 1 };
		char start[64];

		refusals[i].spoil(&s);
		CHECK_INT(-EINVAL, tend_spawn(&s, &p, &e));
		CHECK_INT(-EINVAL, e.code);
		CHECK_INT(TEND_STEP_OPTIONS, e.step);
		snprintf(start, sizeof start, "%.*s", (int)strlen(refusals[i].field), e.message);
		CHECK_STR(refusals[i].field, start);
		CHECK(p == untouched);
		CHECK_INT(-EINVAL, tend_spawn(&s, &p, NULL));
	}
	CHECK(test_no_children());
	CHECK_INT(fds, test_count_fds());
}

/* ---- arguments, environment, directory ---- */

/* Arguments arrive byte by byte; nothing on the way is a shell. */
static void argv_arrives_as_it_is(void)
{
	const char *argv[] = { "fancy name", "argv", "", "a b", "\"quoted\"", "$HOME;*`id`", "\xff\xfe", "-e", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	char out[512];

	s.program = helper("reporter");
	if (test_output_of(&s, out, sizeof out))
		CHECK_STR("fancy name\nargv\n\na b\n\"quoted\"\n$HOME;*`id`\n\xff\xfe\n-e\n", out);
}

/* Hazard 20: an explicit environment is the whole of it; without one the child has a copy of the host's. */
static void env_is_what_was_given(void)
{
	const char *argv[] = { helper("reporter"), "env", NULL };
	const char *env[] = { "A=1", "EMPTY=", "A=2", "B=x=y", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	static char out[64 << 10];

	s.env = env;
	if (test_output_of(&s, out, sizeof out))
		CHECK_STR("A=1\nEMPTY=\nA=2\nB=x=y\n", out);
	setenv("TEND_TEST_SPAWN", "handed down", 1);
	s.env = NULL;
	if (test_output_of(&s, out, sizeof out))
		CHECK(strstr(out, "TEND_TEST_SPAWN=handed down\n") != NULL);
	unsetenv("TEND_TEST_SPAWN");
	s.env = (const char *const[]){ NULL };
	if (test_output_of(&s, out, sizeof out))
		CHECK_STR("", out);
}

static void cwd_is_the_childs_alone(void)
{
	const char *argv[] = { helper("reporter"), "cwd", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	char before[PATH_MAX], after[PATH_MAX], out[PATH_MAX + 1];

	CHECK(getcwd(before, sizeof before) != NULL);
	s.cwd = "/usr/..";
	if (test_output_of(&s, out, sizeof out))
		CHECK_STR("/\n", out);
	CHECK(getcwd(after, sizeof after) != NULL);
	CHECK_STR(before, after);
}

/* ---- names ---- */

static void check_name(const struct tend_spawn *s, const char *expected)
{
	tend_process *p = NULL;
	struct tend_error e;
	struct tend_exit ended;

	if (!CHECK_OK(tend_spawn(s, &p, &e), &e))
		return;
	CHECK_STR(expected, tend_process_name(p));
	test_wait(p, &ended);
	tend_process_free(p);
}

/*
 * PB-4, PB-5, PB-6; name::auto_name_defaults_to_safe_program_only_naming,
 * name::auto_name_presets_match_settings_and_expected_output: names given and made; the default shows neither arguments
 * nor environment.
 */
static void names(void)
{
	const char *argv[] = { helper("true-er"), "a b", "--token=secret", NULL };
	const char *env[] = { "KEY=value", "Z=", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	char expected[3 * PATH_MAX];

	check_name(&s, argv[0]);
	s.env = env;
	s.cwd = "/";
	check_name(&s, argv[0]);
	s.auto_name = TEND_NAME_ARGS;
	snprintf(expected, sizeof expected, "%s \"a b\" \"--token=secret\"", argv[0]);
	check_name(&s, expected);
	s.auto_name = TEND_NAME_ENV_ARGS;
	snprintf(expected, sizeof expected, "KEY=value Z= %s \"a b\" \"--token=secret\"", argv[0]);
	check_name(&s, expected);
	s.auto_name = TEND_NAME_FULL;
	snprintf(expected, sizeof expected, "/ %% KEY=value Z= %s \"a b\" \"--token=secret\"", argv[0]);
	check_name(&s, expected);
	s.auto_name = TEND_NAME_ENV_ARGS;
	s.env = NULL;
	s.env_set = env;
	snprintf(expected, sizeof expected, "KEY=value Z= %s \"a b\" \"--token=secret\"", argv[0]);
	check_name(&s, expected);
	s.auto_name = TEND_NAME_PROGRAM;
	check_name(&s, argv[0]);
	s.name = "";
	check_name(&s, "");
	s.name = "api";
	s.auto_name = TEND_NAME_FULL;
	check_name(&s, "api");
}

/* The struct and all it points to are copied. */
static void copies_what_it_is_given(void)
{
	char name[] = "short-lived", program[PATH_MAX], arg[] = "7", *argv[] = { program, arg, NULL };
	struct tend_stop plan = kill_it;
	struct tend_spawn s = test_spawn_options((const char *const *)argv, NULL);
	struct tend_exit ended;
	struct tend_error e;
	tend_process *p = NULL;

	snprintf(program, sizeof program, "%s", helper("exiter"));
	s.name = name;
	s.if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan);
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	memset(name, 'x', sizeof name - 1);
	memset(program, 'x', sizeof program);
	memset(&plan, 0, sizeof plan);
	memset(&s, 0, sizeof s);
	CHECK_STR("short-lived", tend_process_name(p));
	if (test_wait(p, &ended))
		CHECK_INT(7, ended.code);
	tend_process_free(p);
}

/* PB-2, PB-3, PB-11: each stream has its own options and its fixed label. */
static void streams_are_two(void)
{
	const char *argv[] = { helper("printer"), "out", "-e", "err", NULL };
	struct tend_spawn s = test_spawn_options(argv, &test_reliable_all);
	struct tend_error e;
	struct tend_exit ended;
	tend_process *p = NULL;

	s.err = TEND_OUT_STREAM(test_single);
	s.err.stream.read_chunk_size = 43;
	s.err.stream.max_buffered_chunks = 44;
	s.out.stream.read_chunk_size = 42;
	if (!CHECK_OK(tend_spawn(&s, &p, &e), &e))
		return;
	CHECK_STR("stdout", tend_stream_label(tend_process_stdout(p)));
	CHECK_STR("stderr", tend_stream_label(tend_process_stderr(p)));
	CHECK_INT(42, tend_stream_options(tend_process_stdout(p))->read_chunk_size);
	CHECK_INT(43, tend_stream_options(tend_process_stderr(p))->read_chunk_size);
	CHECK_INT(44, tend_stream_options(tend_process_stderr(p))->max_buffered_chunks);
	CHECK_INT(TEND_BROADCAST, tend_stream_options(tend_process_stdout(p))->backend);
	CHECK_INT(TEND_SINGLE_SUBSCRIBER, tend_stream_options(tend_process_stderr(p))->backend);
	CHECK(tend_stream_stats(tend_process_stdout(p)).replay_enabled);
	CHECK(!tend_stream_stats(tend_process_stderr(p)).replay_enabled);
	CHECK_INT(0, tend_stream_seal_replay(tend_process_stdout(p)));
	CHECK(tend_stream_stats(tend_process_stdout(p)).replay_sealed);
	CHECK(!tend_stream_stats(tend_process_stderr(p)).replay_sealed);
	test_wait(p, &ended);
	tend_process_free(p);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "refuses_what_was_not_chosen", refuses_what_was_not_chosen },
		{ "argv_arrives_as_it_is", argv_arrives_as_it_is },
		{ "env_is_what_was_given", env_is_what_was_given },
		{ "cwd_is_the_childs_alone", cwd_is_the_childs_alone },
		{ "names", names },
		{ "copies_what_it_is_given", copies_what_it_is_given },
		{ "streams_are_two", streams_are_two },
	};

	return test_main(argc, argv, "spawn", tests, sizeof tests / sizeof *tests);
}
