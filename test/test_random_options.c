/* SPDX-License-Identifier: MIT */
/*
 * Option structs drawn at random, each field from what is right for it and what is not.  If all are right the child is
 * as it was asked for; if not, the call is refused by the name of one of those that are wrong, and nothing is left.
 * OPTIONS_ROUNDS and OPTIONS_SEED draw more, and others.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

#define MOST_WRONG 32

static unsigned seed;
static int null_fd;

struct drawn {
	struct tend_spawn s;
	const char *wrong[MOST_WRONG]; /* the beginnings of their names */
	size_t n_wrong;
};

static unsigned draw(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

/* Most structs have one or two: if all were wrong, only what is looked at first would ever be refused. */
static bool is_to_be_wrong(void)
{
	return draw(24) == 0;
}

static void wrong(struct drawn *d, const char *name)
{
	d->wrong[d->n_wrong++] = name;
}

/* ---- what several structs have ---- */

static const struct tend_stop right_plan = {
	.phases = (const struct tend_stop_phase[]){ { SIGTERM, TEND_GROUP, TEND_MS(50) } }, .n_phases = 1,
	.after_kill = TEND_SECONDS(60),
};
static const struct tend_stop wrong_plans[] = {
	{ .after_kill = TEND_FOREVER },
	{ .after_kill = 0 },
	{ .n_phases = 1, .after_kill = TEND_SECONDS(1) },
	{ .n_phases = TEND_MAX_STOP_PHASES + 1, .after_kill = TEND_SECONDS(1) },
	{ .phases = (const struct tend_stop_phase[]){ { SIGKILL, TEND_GROUP, TEND_MS(1) } }, .n_phases = 1,
	  .after_kill = TEND_SECONDS(1) },
	{ .phases = (const struct tend_stop_phase[]){ { SIGTERM, 9, TEND_MS(1) } }, .n_phases = 1,
	  .after_kill = TEND_SECONDS(1) },
	{ .phases = (const struct tend_stop_phase[]){ { 65, TEND_GROUP, TEND_MS(1) } }, .n_phases = 1,
	  .after_kill = TEND_SECONDS(1) },
	{ .phases = (const struct tend_stop_phase[]){ { SIGTERM, TEND_GROUP, 5 } }, .n_phases = 1,
	  .after_kill = TEND_SECONDS(1) },
};

static const struct tend_stop *a_wrong_plan(void)
{
	unsigned i = draw(sizeof wrong_plans / sizeof *wrong_plans + 1);

	return i ? &wrong_plans[i - 1] : NULL;
}

static struct tend_stream_options right_stream(void)
{
	struct tend_stream_options o = {
		.backend = TEND_SINGLE_SUBSCRIBER + (int)draw(2),
		.delivery = TEND_RELIABLE + (int)draw(2),
		.overflow = TEND_DROP_NEWEST + (int)draw(2),
		.replay = TEND_REPLAY_ALL, /* the bytes are looked at afterwards */
		.read_chunk_size = 1 + draw(100000),
		.max_buffered_chunks = 1 + draw(100),
	};

	if (draw(3) == 0)
		o.stall = draw(2) ? TEND_STALL_LOSE(TEND_MS((int64_t)draw(50))) : TEND_STALL_LEAVE(TEND_SECONDS(60));
	return o;
}

static struct tend_stream_options wrong_stream(void)
{
	struct tend_stream_options o = right_stream();

	switch (draw(10)) {
	case 0: o.backend = 0; break;
	case 1: o.backend = (enum tend_backend)(4 + draw(1000)); break;
	case 2: o.delivery = 0; break;
	case 3: o.delivery = (enum tend_delivery)-1; break;
	case 4: o.delivery = TEND_LOSSY, o.overflow = TEND_TRUSTED_UNBOUNDED; break;
	case 5: o.replay.kind = 0; break;
	case 6: o.replay = TEND_REPLAY_CHUNKS(0); break;
	case 7: o.read_chunk_size = draw(2) ? 0 : TEND_MAX_READ_CHUNK_SIZE + 1; break;
	case 8: o.max_buffered_chunks = draw(2) ? 0 : SIZE_MAX; break;
	default: o.stall = TEND_STALL_LEAVE(draw(2) ? TEND_FOREVER : 17); break;
	}
	return o;
}

/* ---- struct tend_spawn, field by field ---- */

static void draw_names(struct drawn *d)
{
	static const char *const names[] = { NULL, "", "a name", "%s%n%p", "\x1b[31m\n" };

	d->s.name = names[draw(5)];
	d->s.auto_name = (enum tend_auto_name)draw(5);
	if (is_to_be_wrong()) {
		d->s.auto_name = draw(2) ? 5 : (enum tend_auto_name)-7;
		wrong(d, "auto_name");
	}
}

static void draw_in(struct drawn *d)
{
	const struct tend_input right[] = { TEND_IN_NULL, TEND_IN_PIPE, TEND_IN_FD(null_fd), TEND_IN_BYTES(NULL, 0),
		                            TEND_IN_BYTES("bytes", 5) };
	const struct tend_input no[] = { { .kind = 0 }, { .kind = 6 }, TEND_IN_FD(-1), TEND_IN_BYTES(NULL, 1) };

	d->s.in = right[draw(5)];
	if (is_to_be_wrong()) {
		d->s.in = no[draw(4)];
		wrong(d, "in.");
	}
}

static struct tend_output wrong_output(bool may_merge)
{
	switch (draw(4)) {
	case 0:
		return (struct tend_output){ .kind = 0 };
	case 1:
		return (struct tend_output){ .kind = (enum tend_output_kind)(6 + draw(100)) };
	case 2:
		return TEND_OUT_FD(-2);
	default:
		return may_merge ? TEND_OUT_STREAM(wrong_stream()) : TEND_OUT_MERGE;
	}
}

static struct tend_output right_output(bool may_merge)
{
	switch (draw(may_merge ? 4 : 3)) {
	case 0:
		return TEND_OUT_DISCARD;
	case 1:
		return TEND_OUT_FD(null_fd);
	case 2:
		return TEND_OUT_STREAM(right_stream());
	default:
		return TEND_OUT_MERGE;
	}
}

static void draw_out_and_err(struct drawn *d)
{
	d->s.out = right_output(false);
	d->s.err = right_output(true);
	if (is_to_be_wrong()) {
		d->s.out = wrong_output(false);
		wrong(d, "out.");
	}
	if (is_to_be_wrong()) {
		d->s.err = wrong_output(true);
		wrong(d, "err.");
	}
}

static void draw_ends(struct drawn *d)
{
	const struct tend_forgotten forgotten[] = { TEND_FORGOTTEN_ABORT, TEND_FORGOTTEN_DETACH,
		                                    TEND_FORGOTTEN_TERMINATE(&right_plan) };
	const struct tend_survivors survivors[] = { { .kind = 0 }, TEND_SURVIVORS_LEAVE, TEND_SURVIVORS_REPORT,
		                                    TEND_SURVIVORS_STOP(&right_plan) };

	d->s.if_forgotten = forgotten[draw(3)];
	d->s.survivors = survivors[draw(4)];
	if (is_to_be_wrong()) {
		d->s.if_forgotten = TEND_FORGOTTEN_TERMINATE(a_wrong_plan());
		if (draw(2))
			d->s.if_forgotten.kind = draw(2) ? 0 : (enum tend_forgotten_kind)-1;
		wrong(d, "if_forgotten.");
	}
	if (is_to_be_wrong()) {
		d->s.survivors = TEND_SURVIVORS_STOP(a_wrong_plan());
		if (draw(2))
			d->s.survivors.kind = (enum tend_survivors_kind)4;
		wrong(d, "survivors.");
	}
}

static void draw_place(struct drawn *d)
{
	static const struct tend_pty no_mode = { .rows = 1 }, bad_mode = { .mode = 3 };

	d->s.scope = (enum tend_scope)draw(TEND_SCOPE_CGROUP + 1);
	if (d->s.scope == TEND_SCOPE_CGROUP)
		d->s.cgroup.if_unavailable = TEND_NO_CGROUP_GROUP;
	d->s.with_parent = draw(4) ? 0 : TEND_WITH_PARENT_CHILD; /* a guardian would stay behind */
	d->s.cwd = draw(2) ? NULL : "/";
	if (is_to_be_wrong()) {
		d->s.scope = (enum tend_scope)(5 + draw(9));
		wrong(d, "scope");
	}
	if (is_to_be_wrong()) {
		d->s.with_parent = (enum tend_with_parent)(3 + draw(9));
		wrong(d, "with_parent");
	}
	if (is_to_be_wrong()) {
		d->s.cgroup = (struct tend_cgroup){ .parent = "nowhere" };
		wrong(d, "cgroup");
	}
	if (is_to_be_wrong()) {
		d->s.pty = draw(2) ? &no_mode : &bad_mode;
		wrong(d, "pty.mode");
	}
}

/* Behind the outputs and the place, which it restricts: some of the wrong ones do not go together with it. */
static void draw_pty(struct drawn *d)
{
	static const struct tend_pty right[] = { { .mode = TEND_PTY_RAW },
		                                 { .mode = TEND_PTY_RAW, .rows = 7, .columns = 65535 },
		                                 { .mode = TEND_PTY_COOKED, .rows = 1 } };

	if (d->n_wrong > 0 || draw(6))
		return;
	d->s.pty = &right[draw(3)];
	d->s.cgroup = (struct tend_cgroup){ .parent = NULL };
	d->s.scope = draw(2) ? 0 : TEND_SCOPE_SESSION;
	d->s.out = TEND_OUT_STREAM(right_stream());
	if (is_to_be_wrong()) {
		d->s.scope = draw(2) ? TEND_SCOPE_GROUP : TEND_SCOPE_NONE;
		wrong(d, "scope");
	}
	if (is_to_be_wrong()) {
		d->s.out = TEND_OUT_DISCARD;
		wrong(d, "out.kind");
	}
}

/* Those that it has already, which nobody is refused. */
static void draw_ids(struct drawn *d)
{
	if (draw(12))
		return;
	d->s.uid = draw(2) ? 0 : TEND_UID(getuid());
	d->s.gid = TEND_GID(getgid());
	d->s.groups = getuid() == 0 && draw(2) ? TEND_GROUPS_NONE : TEND_GROUPS_KEEP;
	if (d->s.uid && is_to_be_wrong()) {
		d->s.gid = 0;
		wrong(d, "gid");
	}
	if (is_to_be_wrong()) {
		d->s.groups = draw(2) ? (struct tend_groups){ .kind = 3 } : TEND_GROUPS(NULL, 1);
		wrong(d, "groups.");
	}
}

static void draw_numbers(struct drawn *d)
{
	static const tend_value bad_scores[] = { 5, TEND_VALUE(1001), TEND_VALUE(-1001), INT64_MIN };
	static const tend_value bad_masks[] = { 22, TEND_VALUE(01000), TEND_VALUE(-1), INT64_MAX, INT64_MIN };
	static const tend_value bad_nice[] = { 5, TEND_VALUE(20), TEND_VALUE(-21), INT64_MAX, -1 };
	static const tend_value bad_ids[] = { 1, TEND_VALUE(-1), TEND_VALUE((int64_t)1 << 32), INT64_MIN };

	d->s.umask = draw(2) ? 0 : TEND_UMASK(draw(01000));
	d->s.nice = draw(2) ? 0 : TEND_NICE(draw(20));
	d->s.oom_score_adj = draw(2) ? 0 : TEND_OOM_SCORE_ADJ(1000 - draw(100)); /* which nobody is refused */
	d->s.on_busy = draw(2) ? 0 : TEND_US((int64_t)draw(1000));
	d->s.no_new_privs = draw(2);
	d->s.reset_affinity = draw(2);
	d->s.reset_scheduler = draw(2);
	if (is_to_be_wrong()) {
		d->s.umask = bad_masks[draw(5)];
		wrong(d, "umask");
	}
	if (is_to_be_wrong()) {
		d->s.nice = bad_nice[draw(5)];
		wrong(d, "nice");
	}
	if (is_to_be_wrong()) {
		d->s.oom_score_adj = bad_scores[draw(4)];
		wrong(d, "oom_score_adj");
	}
	if (is_to_be_wrong()) {
		d->s.gid = bad_ids[draw(4)];
		wrong(d, "gid");
	}
	if (is_to_be_wrong()) {
		d->s.on_busy = draw(2) ? 12 : TEND_FOREVER;
		wrong(d, "on_busy");
	}
}

static void draw_lists(struct drawn *d)
{
	static const char *const right[] = { "A=1", "B=", "C=x=y", NULL }, *const unset[] = { "A", "Z", NULL };
	static const char *const no_set[] = { "A=1", "nothing", NULL }, *const no_name[] = { "=x", NULL };
	static const char *const no_unset[] = { "A=", NULL }, *const empty[] = { "", NULL };
	static const char *const no_env[] = { "PATH", NULL };
	static const struct tend_rlimit limit = { RLIMIT_CORE, 0, 0 }, upside_down = { RLIMIT_CORE, 2, 1 },
	                                none = { 1000, 0, 0 };

	d->s.env = draw(4) ? NULL : right;
	d->s.env_set = draw(2) ? right : NULL;
	d->s.env_unset = draw(2) ? unset : NULL;
	d->s.rlimits = &limit;
	d->s.n_rlimits = draw(2);
	if (is_to_be_wrong()) {
		d->s.env = no_env;
		wrong(d, "env[0]");
	}
	if (is_to_be_wrong()) {
		d->s.env_set = draw(2) ? no_set : no_name;
		wrong(d, "env_set[");
	}
	if (is_to_be_wrong()) {
		d->s.env_unset = draw(2) ? no_unset : empty;
		wrong(d, "env_unset[0]");
	}
	if (is_to_be_wrong()) {
		d->s.rlimits = draw(2) ? &upside_down : draw(2) ? &none : NULL;
		d->s.n_rlimits = 1;
		wrong(d, "rlimits");
	}
	if (is_to_be_wrong()) {
		d->s.n_rlimits = SIZE_MAX - draw(3);
		wrong(d, "n_rlimits");
	}
}

static void draw_descriptors(struct drawn *d, struct tend_pass_fd fds[3])
{
	for (int i = 0; i < 3; i++)
		fds[i] = (struct tend_pass_fd){ null_fd, 3 + 7 * i + (int)draw(5) };
	d->s.pass_fds = fds;
	d->s.n_pass_fds = draw(4);
	if (!is_to_be_wrong())
		return;
	wrong(d, d->s.n_pass_fds ? "pass_fds" : "n_pass_fds");
	switch (d->s.n_pass_fds ? draw(4) : 4) {
	case 0: fds[0].target = 2; break;
	case 1: fds[0].target = -9; break;
	case 2: fds[0].source = -1; break;
	case 3: d->s.pass_fds = NULL; break;
	default: d->s.n_pass_fds = TEND_MAX_PASS_FDS + 1; break;
	}
}

/* ---- what comes of it ---- */

static bool is_named(const struct drawn *d, const struct tend_error *e)
{
	for (size_t i = 0; i < d->n_wrong; i++)
		if (strncmp(e->message, d->wrong[i], strlen(d->wrong[i])) == 0)
			return true;
	fprintf(stderr, "not refused for what is wrong: %s\n", e->message);
	return false;
}

static void check_bytes(tend_stream *stream, const char *text)
{
	const struct tend_collect all = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED);
	struct tend_collected c;
	tend_consumer *consumer = NULL;
	struct tend_error e;

	if (!CHECK_OK(tend_stream_collect(stream, &all, &consumer, &e), &e))
		return;
	CHECK_OK(tend_consumer_wait(consumer, TEST_PATIENCE, NULL, &e), &e);
	if (CHECK_OK(tend_consumer_collected(consumer, &c, &e), &e))
		CHECK_STR(text, c.data);
	tend_consumer_free(consumer);
}

static void check_child(const struct drawn *d, tend_process *p, const char *text)
{
	struct tend_exit ended;

	if (!test_wait(p, &ended))
		return;
	CHECK_INT(TEND_EXITED, ended.kind);
	CHECK_INT(7, ended.code);
	if (d->s.out.kind == TEND_OUTPUT_STREAM)
		check_bytes(tend_process_stdout(p), text);
	if (d->s.err.kind == TEND_OUTPUT_STREAM)
		check_bytes(tend_process_stderr(p), "");
}

static void one_spawn(void)
{
	const char *exiter = helper("exiter"), *argv[] = { exiter, "7", "some text", NULL };
	struct drawn d = { .s = { .argv = argv, .program = draw(2) ? NULL : exiter } };
	struct tend_pass_fd fds[3];
	tend_process *p = NULL;
	struct tend_error e;

	if (d.s.program)
		argv[0] = draw(2) ? "not what it is" : "";
	draw_names(&d);
	draw_in(&d);
	draw_out_and_err(&d);
	draw_ends(&d);
	draw_place(&d);
	draw_pty(&d);
	draw_ids(&d);
	draw_numbers(&d);
	draw_lists(&d);
	draw_descriptors(&d, fds);
	if (d.n_wrong == 0) {
		if (CHECK_OK(tend_spawn(&d.s, &p, &e), &e))
			check_child(&d, p, "some text");
		tend_process_free(p);
		return;
	}
	CHECK_INT(-EINVAL, tend_spawn(&d.s, &p, &e));
	CHECK_INT(-EINVAL, e.code);
	CHECK_INT(TEND_STEP_OPTIONS, e.step);
	CHECK(is_named(&d, &e));
	CHECK(!p);
}

static long from_environment(const char *name, long otherwise)
{
	const char *given = getenv(name);

	return given ? strtol(given, NULL, 10) : otherwise;
}

static long rounds(void)
{
	return from_environment("OPTIONS_ROUNDS", test_under_valgrind() ? 30 : 600);
}

static void spawns(void)
{
	for (long i = rounds(); i > 0; i--)
		one_spawn();
}

/* ---- streams, and what consumes them ---- */

static void streams(void)
{
	for (long i = rounds(); i > 0; i--) {
		bool is_wrong = draw(2);
		struct tend_stream_options o = is_wrong ? wrong_stream() : right_stream();
		tend_stream *stream = NULL;
		struct tend_error e;
		int fds[2];

		CHECK_INT(0, pipe2(fds, O_CLOEXEC));
		CHECK_INT(5, write(fds[1], "hello", 5));
		close(fds[1]);
		CHECK_INT(is_wrong ? -EINVAL : 0, tend_stream_open(fds[0], &o, "", &stream, &e));
		if (stream)
			check_bytes(stream, "hello");
		tend_stream_free(stream);
	}
}

/* Any bits in each number: refused, or taken, and then what comes of it is freed; nothing is undefined. */
static void noise(void *p, size_t size)
{
	unsigned char *bytes = p;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)draw(256);
}

static int64_t a_duration(void)
{
	static const int64_t durations[] = { 0, 1, -1, TEND_AT_ONCE, TEND_NS(1), TEND_FOREVER, TEND_DURATION_TAG - 1,
		                             INT64_MIN, TEND_DURATION_MAX };
	int64_t d = durations[draw(9)];

	if (draw(4) == 0)
		noise(&d, sizeof d);
	return d;
}

static void consumers_of_noise(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable_all, &fd);

	for (long i = rounds(); i > 0; i--) {
		struct tend_collect o = { .kind = (enum tend_collection)draw(4) };
		struct tend_subscribe how = { .delivery = (enum tend_delivery)draw(4) };
		struct tend_error e = { .code = 0 };
		tend_consumer *consumer = NULL;
		tend_subscription *sub = NULL;
		int r;

		noise(&o.overflow, draw(2) ? sizeof o.overflow : 1);
		noise(&o.max_bytes, draw(2) ? sizeof o.max_bytes : 1);
		noise(&o.max_lines, 2);
		noise(&o.line.max_length, draw(sizeof o.line.max_length + 1));
		noise(&o.line.delimiter, draw(3));
		o.line.overflow = (enum tend_line_overflow)draw(4);
		o.runs_on = (enum tend_runs_on)draw(4);
		r = tend_stream_collect(stream, &o, &consumer, &e);
		CHECK(r == 0 ? consumer != NULL : r == -EINVAL && e.code == r && e.step == TEND_STEP_OPTIONS);
		tend_consumer_free(consumer);
		noise(&how.overflow, 1);
		noise(&how.max_buffered_chunks, draw(2) + 1);
		how.stall.kind = (enum tend_stall_kind)draw(5);
		how.stall.after = a_duration();
		r = tend_stream_subscribe(stream, &how, &sub, &e);
		CHECK(r == 0 ? sub != NULL : r == -EINVAL && e.step == TEND_STEP_OPTIONS);
		tend_subscription_close(sub);
	}
	close(fd);
	tend_stream_free(stream);
}

/* Options of lines, each field from its edges: whether they are right. */
static bool draw_line_options(struct tend_line_options *o)
{
	static const size_t lengths[] = { 0, 1, 4096, TEND_MAX_LINE_LENGTH, TEND_MAX_LINE_LENGTH + 1, SIZE_MAX };
	static const unsigned delimiters[] = { 0, TEND_DELIMITER(0), TEND_DELIMITER(255), ';',
		                               TEND_DELIMITER_TAG + 256 };
	unsigned length = draw(6), delimiter = draw(5);

	*o = (struct tend_line_options){ .max_length = lengths[length], .delimiter = delimiters[delimiter],
		                         .overflow = (enum tend_line_overflow)draw(4), .cr = (enum tend_cr)draw(3),
		                         .cut_at_utf8 = draw(2), .release_above = draw(3) };
	return length >= 1 && length <= 3 && delimiter <= 2 && o->overflow >= 1 && o->overflow <= 2 && o->cr <= 1;
}

static enum tend_flow look_on(void *self, const struct tend_chunk *chunk)
{
	(void)self;
	(void)chunk;
	return TEND_CONTINUE;
}

static enum tend_flow look_at_line(void *arg, const struct tend_line *line)
{
	(void)arg;
	(void)line;
	return TEND_CONTINUE;
}

static enum tend_flow go_on(void *arg, const struct tend_write_failure *failure)
{
	(void)arg;
	(void)failure;
	return TEND_CONTINUE;
}

static void map_nothing(void *arg, const struct tend_chunk *chunk, tend_writer *writer)
{
	(void)arg;
	(void)chunk;
	(void)writer;
}

static void map_line_to_itself(void *arg, const struct tend_line *line, tend_writer *writer)
{
	(void)arg;
	tend_writer_emit(writer, line->data, line->size);
}

/* Refused, or it runs and is freed again. */
static void check_consumer(int r, tend_consumer *consumer, const struct tend_error *e)
{
	CHECK(r == 0 ? consumer != NULL : r == -EINVAL && !consumer && e->code == r && e->step == TEND_STEP_OPTIONS);
	tend_consumer_free(consumer);
}

static struct tend_write a_writer(void)
{
	struct tend_write o = {
		.what = (enum tend_write_what)draw(4),
		.to = { (enum tend_write_kind)draw(4), draw(4) ? null_fd : -1, draw(4) ? stdout : NULL },
		.on_failure = (enum tend_write_policy)draw(5),
		.ask = draw(2) ? go_on : NULL,
		.line_end = (enum tend_line_end)draw(4),
		.map_chunk = draw(3) ? NULL : map_nothing,
		.map_line = draw(3) ? NULL : map_line_to_itself,
		.gap_text = draw(2) ? NULL : "%n\n",
		.runs_on = (enum tend_runs_on)draw(4),
		.subscribe = { .delivery = (enum tend_delivery)draw(4), .overflow = (enum tend_overflow)draw(5) },
	};

	draw_line_options(&o.line);
	return o;
}

static void writers_of_noise(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable_all, &fd);

	for (long i = rounds(); i > 0; i--) {
		const struct tend_write o = a_writer();
		tend_consumer *consumer = NULL;
		struct tend_error e = { .code = 0 };
		int r = tend_stream_write(stream, &o, &consumer, &e);

		check_consumer(r, consumer, &e);
	}
	close(fd);
	tend_stream_free(stream);
}

static void visitors_of_noise(void)
{
	int fd;
	tend_stream *stream = test_pipe_stream(&test_reliable_all, &fd);

	for (long i = rounds(); i > 0; i--) {
		struct tend_visitor v = { .on_chunk = draw(4) ? look_on : NULL, .runs_on = (enum tend_runs_on)draw(4) };
		struct tend_inspect o = { .on_chunk = draw(2) ? look_on : NULL,
			                  .on_line = draw(2) ? look_at_line : NULL,
			                  .runs_on = (enum tend_runs_on)draw(4) };
		tend_consumer *consumer = NULL;
		struct tend_error e = { .code = 0 };
		int r;

		v.subscribe.stall.kind = (enum tend_stall_kind)draw(5);
		v.subscribe.stall.after = a_duration();
		v.subscribe.overflow = o.subscribe.overflow = (enum tend_overflow)draw(5);
		noise(&o.subscribe.max_buffered_chunks, draw(3));
		r = tend_stream_consume(stream, &v, NULL, &consumer, &e);
		check_consumer(r, consumer, &e);
		if (!draw_line_options(&o.line) && draw(2))
			o.line = (struct tend_line_options){ .max_length = 1, .overflow = TEND_LINE_SPLIT };
		consumer = NULL;
		r = tend_stream_inspect(stream, &o, NULL, &consumer, &e);
		check_consumer(r, consumer, &e);
	}
	close(fd);
	tend_stream_free(stream);
}

/* A child that has ended already, so that no duration is waited for. */
static void completions_of_noise(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "true-er", NULL);
	struct tend_exit ended;

	if (!test_wait(p, &ended))
		return;
	for (long i = rounds(); i > 0; i--) {
		struct tend_complete o = { .timeout = a_duration(), .inactivity = a_duration(),
			                   .drain = { a_duration(), a_duration() } };
		struct tend_result result;
		struct tend_error e = { .code = 0 };
		int r;

		o.stop = draw(2) ? NULL : draw(2) ? &right_plan : a_wrong_plan();
		r = tend_process_complete(p, &o, &result, &e);
		CHECK(r == 0 ? result.outcome == TEND_COMPLETED : r == -EINVAL && e.step == TEND_STEP_OPTIONS);
		r = tend_process_wait(p, a_duration(), &ended, &e);
		CHECK(r == 0 ? ended.kind == TEND_EXITED : r == -EINVAL);
		r = tend_process_signal(p, (int)draw(200) - 50, (enum tend_target)draw(5), &e);
		CHECK(r == -ESRCH || r == -EINVAL);
	}
	tend_process_free(p);
}

static void adoptions_of_noise(void)
{
	for (long i = rounds(); i > 0; i--) {
		struct tend_adopt o = { .pid = (pid_t)draw(3) - 1, .if_forgotten = TEND_FORGOTTEN_DETACH };
		tend_process *p = NULL;
		struct tend_error e = { .code = 0 };
		int r;

		noise(&o.if_forgotten.kind, draw(2));
		o.pidfd = draw(2) ? 0 : draw(2) ? TEND_FD(null_fd) : TEND_FD((int)draw(5000) - 20);
		noise(&o.pidfd, draw(2));
		if (o.if_forgotten.kind == TEND_IF_FORGOTTEN_ABORT) /* which it would, as init runs on */
			continue;
		r = tend_adopt(&o, &p, &e);
		CHECK(r == 0 ? p != NULL : e.code == r && e.step != TEND_STEP_NONE && e.message[0] != '\0');
		tend_process_free(p);
	}
}

static bool is_finite(tend_duration d)
{
	return d >= TEND_DURATION_TAG && d != TEND_FOREVER;
}

static void parsers_of_noise(void)
{
	for (long i = rounds(); i > 0; i--) {
		struct tend_line_options o;
		bool is_right = draw_line_options(&o);
		struct tend_error e = { .code = 0 };
		tend_parser *parser = NULL;

		CHECK_INT(is_right ? 0 : -EINVAL, tend_parser_new(&o, &parser, &e));
		CHECK(is_right ? parser != NULL : !parser && e.step == TEND_STEP_OPTIONS);
		tend_parser_free(parser);
	}
}

/* Mostly a right one, so that what is wrong is also how several of them go together. */
static tend_duration a_likely_duration(void)
{
	static const tend_duration likely[] = { 0, TEND_AT_ONCE, TEND_NS(1), TEND_MS(5), TEND_SECONDS(60) };

	return draw(6) ? likely[draw(5)] : a_duration();
}

static bool is_right_rule(const struct tend_restart *o)
{
	if (o->when < TEND_RESTART_NEVER || o->when > TEND_RESTART_ALWAYS)
		return false;
	return o->when == TEND_RESTART_NEVER ||
	       (is_finite(o->delay) && (!o->max_delay || (is_finite(o->max_delay) && o->max_delay >= o->delay)) &&
	        (!o->long_enough || is_finite(o->long_enough)));
}

/* Refused by name, or a delay between the first one and the longest; a rule that is never due never counts. */
static void restarts_of_noise(void)
{
	for (long i = rounds(); i > 0; i--) {
		struct tend_restart o = { .when = (enum tend_restart_when)draw(5), .delay = a_likely_duration(),
			                  .max_delay = a_likely_duration(),
			                  .long_enough = a_likely_duration(),
			                  .max_restarts = draw(3) };
		struct tend_exit failed = { .kind = TEND_EXITED, .code = 1 };
		struct tend_restarts counted = { 0 };
		tend_duration delay = 17;
		struct tend_error e = { .code = 0 };

		if (!is_right_rule(&o)) {
			CHECK_INT(-EINVAL, tend_restart_next(&o, &counted, &failed, &delay, &e));
			CHECK(strncmp(e.message, "rule.", 5) == 0 && delay == 17 && counted.total == 0);
			continue;
		}
		CHECK_OK(tend_restart_next(&o, &counted, &failed, &delay, &e), &e);
		CHECK_INT(o.when == TEND_RESTART_NEVER ? TEND_FOREVER : o.delay, delay);
		CHECK_INT(o.when != TEND_RESTART_NEVER, counted.total);
	}
}

/* The thread that clones children which die with their host stays. */
static void warm_up(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p = NULL;

	s.with_parent = TEND_WITH_PARENT_CHILD;
	if (tend_spawn(&s, &p, NULL) == 0)
		tend_process_wait(p, TEST_PATIENCE, NULL, NULL);
	tend_process_free(p);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "spawns", spawns },
		{ "streams", streams },
		{ "consumers_of_noise", consumers_of_noise },
		{ "visitors_of_noise", visitors_of_noise },
		{ "writers_of_noise", writers_of_noise },
		{ "completions_of_noise", completions_of_noise },
		{ "adoptions_of_noise", adoptions_of_noise },
		{ "parsers_of_noise", parsers_of_noise },
		{ "restarts_of_noise", restarts_of_noise },
	};

	seed = (unsigned)from_environment("OPTIONS_SEED", 1);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	warm_up();
	return test_main(argc, argv, "random_options", tests, sizeof tests / sizeof *tests);
}
