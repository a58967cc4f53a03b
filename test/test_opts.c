/* SPDX-License-Identifier: MIT */
/* Each choice that is left open, and each value that is out of range, is refused by its full name. */
#include "../lib/opts.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>

#include "test.h"

/* The call is refused for `field`: -EINVAL, and "<field> ..." as the message. */
#define REFUSED(field, call)                                                                                           \
	do {                                                                                                           \
		memset(&e, 0, sizeof e);                                                                               \
		CHECK_INT(-EINVAL, call);                                                                              \
		CHECK_STR(field, refused_field());                                                                     \
	} while (0)
#define ACCEPTED(call) CHECK_OK(call, &e)

static struct tend_error e;

/* The first word of the message; everything else about the error has to be right, too. */
static const char *refused_field(void)
{
	static char field[sizeof e.message];

	CHECK_INT(-EINVAL, e.code);
	CHECK_INT(TEND_STEP_OPTIONS, e.step);
	CHECK(strchr(e.message, ' ') != NULL);
	snprintf(field, sizeof field, "%.*s", (int)strcspn(e.message, " "), e.message);
	return field;
}

/* ---- durations ---- */

static int duration(tend_duration d, bool finite)
{
	return tend__check_duration(d, "timeout", finite, &e);
}

static void durations(void)
{
	REFUSED("timeout", duration(0, false));
	REFUSED("timeout", duration(5, false));
	REFUSED("timeout", duration(-1, false));
	REFUSED("timeout", duration(INT64_MIN, false));
	REFUSED("timeout", duration(TEND_DURATION_TAG - 1, false));
	REFUSED("timeout", duration(TEND_FOREVER, true));
	ACCEPTED(duration(TEND_FOREVER, false));
	ACCEPTED(duration(TEND_AT_ONCE, true));
	ACCEPTED(duration(TEND_NS(1), true));
	ACCEPTED(duration(TEND_MS(-250), true));
	ACCEPTED(duration(TEND_SECONDS(0.25), true));
	ACCEPTED(duration(TEND_NS(TEND_DURATION_MAX), true));
	CHECK_INT(-EINVAL, tend__check_duration(0, "timeout", false, NULL));
}

/* ---- streams ---- */

static int stream(struct tend_stream_options o)
{
	return tend__check_stream_options(&o, "out.stream.", &e);
}

/* config::builder_creates_expected_delivery_and_replay_configs */
static void stream_options_that_are_right(void)
{
	static const struct tend_replay replays[] = {
		{ .kind = TEND_RETAIN_NONE },
		{ .kind = TEND_RETAIN_CHUNKS, .amount = 1 },
		{ .kind = TEND_RETAIN_BYTES, .amount = SIZE_MAX },
		{ .kind = TEND_RETAIN_ALL },
	};

	for (size_t i = 0; i < sizeof replays / sizeof *replays; i++) {
		struct tend_stream_options o = test_reliable;

		o.replay = replays[i];
		ACCEPTED(stream(o));
		o.backend = TEND_SINGLE_SUBSCRIBER;
		o.delivery = TEND_LOSSY;
		o.overflow = TEND_DROP_OLDEST;
		o.read_chunk_size = TEND_MAX_READ_CHUNK_SIZE;
		o.max_buffered_chunks = TEND_MAX_MAX_BUFFERED_CHUNKS;
		ACCEPTED(stream(o));
		o.overflow = TEND_DROP_NEWEST;
		o.read_chunk_size = o.max_buffered_chunks = 1;
		ACCEPTED(stream(o));
	}
}

#define STREAM_WITH(field, value)                                                                                      \
	({                                                                                                             \
		struct tend_stream_options with_ = test_reliable;                                                      \
		with_.field = value;                                                                                   \
		stream(with_);                                                                                         \
	})

static void stream_choices(void)
{
	struct tend_stream_options lossy = test_reliable;

	lossy.delivery = TEND_LOSSY;
	REFUSED("out.stream.backend", stream((struct tend_stream_options){ 0 }));
	REFUSED("out.stream.backend", STREAM_WITH(backend, 3));
	REFUSED("out.stream.delivery", STREAM_WITH(delivery, 0));
	REFUSED("out.stream.delivery", STREAM_WITH(delivery, 3));
	REFUSED("out.stream.overflow", stream(lossy));
	lossy.overflow = TEND_TRUSTED_UNBOUNDED;
	REFUSED("out.stream.overflow", stream(lossy));
	ACCEPTED(STREAM_WITH(overflow, TEND_TRUSTED_UNBOUNDED)); /* reliable: without effect */
	REFUSED("out.stream.replay.kind", STREAM_WITH(replay.kind, 0));
	REFUSED("out.stream.replay.kind", STREAM_WITH(replay.kind, 5));
	REFUSED("out.stream.replay.amount", STREAM_WITH(replay, TEND_REPLAY_CHUNKS(0)));
	REFUSED("out.stream.replay.amount", STREAM_WITH(replay, TEND_REPLAY_BYTES(0)));
	CHECK_INT(-EINVAL, tend__check_stream_options(NULL, "out.stream.", &e));
	CHECK_STR("out.stream must not be NULL", e.message);
}

/*
 * config::invalid_configs_panic_with_parameter_names, stream_config::read_chunk_size::panics_on_zero_value,
 * stream_config::max_buffered_chunks::panics_on_zero_for_single_subscriber, panics_on_zero_for_broadcast
 */
static void stream_sizes(void)
{
	REFUSED("out.stream.read_chunk_size", STREAM_WITH(read_chunk_size, 0));
	REFUSED("out.stream.read_chunk_size", STREAM_WITH(read_chunk_size, TEND_MAX_READ_CHUNK_SIZE + 1));
	REFUSED("out.stream.max_buffered_chunks", STREAM_WITH(max_buffered_chunks, 0));
	REFUSED("out.stream.max_buffered_chunks", STREAM_WITH(max_buffered_chunks, TEND_MAX_MAX_BUFFERED_CHUNKS + 1));
	REFUSED("out.stream.max_buffered_chunks", STREAM_WITH(max_buffered_chunks, SIZE_MAX));
}

/* The message says what to write instead. */
static void messages_name_the_choices(void)
{
	REFUSED("out.stream.delivery", STREAM_WITH(delivery, 0));
	CHECK_STR("out.stream.delivery is not chosen: choose TEND_RELIABLE or TEND_LOSSY", e.message);
	REFUSED("out.stream.delivery", STREAM_WITH(delivery, 7));
	CHECK_STR("out.stream.delivery is 7: choose TEND_RELIABLE or TEND_LOSSY", e.message);
	REFUSED("out.stream.read_chunk_size", STREAM_WITH(read_chunk_size, 0));
	CHECK_STR("out.stream.read_chunk_size is not chosen: 1 to 1073741824", e.message);
}

/* ---- lines and collections ---- */

static int line(size_t max_length, int overflow)
{
	struct tend_line_options o = { .max_length = max_length, .overflow = (enum tend_line_overflow)overflow };

	return tend__check_line_options(&o, "", &e);
}

static void lines(void)
{
	REFUSED("max_length", line(0, TEND_LINE_SPLIT));
	REFUSED("max_length", line(TEND_MAX_LINE_LENGTH + 1, TEND_LINE_SPLIT));
	REFUSED("overflow", line(1, 0));
	REFUSED("overflow", line(1, 3));
	ACCEPTED(line(1, TEND_LINE_TRUNCATE));
	ACCEPTED(line(TEND_MAX_LINE_LENGTH, TEND_LINE_SPLIT));
	REFUSED("options", tend__check_line_options(NULL, "", &e));
}

#define LINES_WITH(field, value)                                                                                       \
	({                                                                                                             \
		struct tend_line_options with_ = { .max_length = 1, .overflow = TEND_LINE_SPLIT, .field = value };     \
		tend__check_line_options(&with_, "line.", &e);                                                         \
	})

static void extras_of_lines(void)
{
	REFUSED("line.cr", LINES_WITH(cr, (enum tend_cr)2));
	CHECK_STR("line.cr is 2: choose TEND_CR_KEEP or TEND_CR_STRIP", e.message);
	REFUSED("line.cr", LINES_WITH(cr, (enum tend_cr)-1));
	REFUSED("line.delimiter", LINES_WITH(delimiter, '\n'));
	CHECK_STR("line.delimiter is 10: make it of one byte, such as TEND_DELIMITER(';')", e.message);
	REFUSED("line.delimiter", LINES_WITH(delimiter, 0xff));
	REFUSED("line.delimiter", LINES_WITH(delimiter, TEND_DELIMITER(256)));
	REFUSED("line.delimiter", LINES_WITH(delimiter, TEND_DELIMITER(0x0d0a))); /* '\r\n' */
	REFUSED("line.delimiter", LINES_WITH(delimiter, TEND_DELIMITER(-129)));
	REFUSED("line.delimiter", LINES_WITH(delimiter, UINT_MAX));
	for (int byte = -128; byte <= 255; byte++)
		ACCEPTED(LINES_WITH(delimiter, TEND_DELIMITER(byte)));
	ACCEPTED(LINES_WITH(cr, TEND_CR_STRIP));
	ACCEPTED(LINES_WITH(cut_at_utf8, true));
	ACCEPTED(LINES_WITH(release_above, SIZE_MAX));
}

static int collect(struct tend_collect o)
{
	return tend__check_collect(&o, "out.", &e);
}

static void collections(void)
{
	REFUSED("out.kind", collect((struct tend_collect){ .overflow = TEND_DROP_NEWEST, .max_bytes = 1 }));
	REFUSED("out.kind", collect((struct tend_collect){ .kind = 3, .overflow = TEND_DROP_NEWEST, .max_bytes = 1 }));
	REFUSED("out.overflow", collect(TEND_COLLECT_BYTES(.max_bytes = 1)));
	REFUSED("out.overflow", collect(TEND_COLLECT_BYTES(.max_bytes = 1, .overflow = 4)));
	REFUSED("out.max_bytes", collect(TEND_COLLECT_BYTES(.overflow = TEND_DROP_OLDEST)));
	REFUSED("out.max_bytes", collect(TEND_COLLECT_LINES(.overflow = TEND_DROP_OLDEST, .max_lines = 1)));
	REFUSED("out.max_lines", collect(TEND_COLLECT_LINES(.overflow = TEND_DROP_OLDEST, .max_bytes = 1)));
	ACCEPTED(collect(TEND_COLLECT_BYTES(.overflow = TEND_DROP_NEWEST, .max_bytes = SIZE_MAX)));
	ACCEPTED(collect(TEND_COLLECT_LINES(.overflow = TEND_DROP_OLDEST, .max_bytes = 1, .max_lines = SIZE_MAX)));
	ACCEPTED(collect(TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED)));
	ACCEPTED(collect(TEND_COLLECT_LINES(.overflow = TEND_TRUSTED_UNBOUNDED)));
}

static void the_lines_of_a_collection(void)
{
	struct tend_collect o = TEND_COLLECT_LINES(.overflow = TEND_TRUSTED_UNBOUNDED);

	o.line.max_length = 80;
	REFUSED("out.line.overflow", collect(o));
	o.line.overflow = TEND_LINE_SPLIT;
	ACCEPTED(collect(o));
	o.line.max_length = 0;
	REFUSED("out.line.max_length", collect(o));
	/* of options only the extras were given: they are not left out, they are not complete */
	o.line = (struct tend_line_options){ .cr = TEND_CR_STRIP };
	REFUSED("out.line.max_length", collect(o));
	o.line = (struct tend_line_options){ .delimiter = TEND_DELIMITER('\0') };
	REFUSED("out.line.max_length", collect(o));
	o.line = (struct tend_line_options){ .cut_at_utf8 = true };
	REFUSED("out.line.max_length", collect(o));
	o.line = (struct tend_line_options){ .release_above = 1 };
	REFUSED("out.line.max_length", collect(o));
}

/* ---- stopping ---- */

static int phases(size_t n, struct tend_stop_phase phase)
{
	struct tend_stop_phase many[TEND_MAX_STOP_PHASES + 1];
	struct tend_stop plan = { .phases = many, .n_phases = n, .after_kill = TEND_DEFAULT_AFTER_KILL };

	for (size_t i = 0; i <= TEND_MAX_STOP_PHASES; i++)
		many[i] = phase;
	return tend__check_stop(&plan, "stop.", &e);
}

static int last_of_two(struct tend_stop_phase phase)
{
	struct tend_stop_phase two[] = { { SIGINT, TEND_LEADER, TEND_AT_ONCE }, phase };

	return tend__check_stop(&(struct tend_stop){ two, 2, TEND_SECONDS(1) }, "stop.", &e);
}

static void stop_plans(void)
{
	struct tend_stop_phase good = { SIGTERM, TEND_GROUP, TEND_SECONDS(1) };

	ACCEPTED(phases(0, good));
	ACCEPTED(phases(TEND_MAX_STOP_PHASES, good));
	REFUSED("stop.n_phases", phases(TEND_MAX_STOP_PHASES + 1, good));
	REFUSED("stop.phases", tend__check_stop(&(struct tend_stop){ NULL, 1, TEND_SECONDS(1) }, "stop.", &e));
	REFUSED("stop.after_kill", tend__check_stop(&(struct tend_stop){ 0 }, "stop.", &e));
	REFUSED("stop.after_kill", tend__check_stop(&(struct tend_stop){ NULL, 0, TEND_FOREVER }, "stop.", &e));
	ACCEPTED(tend__check_stop(&TEND_STOP_KILL, "stop.", &e));
	ACCEPTED(tend__check_stop(&TEND_STOP_TERM(TEND_MS(10)), "stop.", &e));
	REFUSED("after_kill", tend__check_stop(&(struct tend_stop){ 0 }, "", &e));
}

static void stop_phases(void)
{
	REFUSED("stop.phases[1].signal", last_of_two((struct tend_stop_phase){ 0, TEND_GROUP, TEND_MS(1) }));
	REFUSED("stop.phases[1].signal", last_of_two((struct tend_stop_phase){ -1, TEND_GROUP, TEND_MS(1) }));
	REFUSED("stop.phases[1].signal", last_of_two((struct tend_stop_phase){ 65, TEND_GROUP, TEND_MS(1) }));
	REFUSED("stop.phases[1].signal", last_of_two((struct tend_stop_phase){ SIGKILL, TEND_GROUP, TEND_MS(1) }));
	REFUSED("stop.phases[1].signal", last_of_two((struct tend_stop_phase){ SIGSTOP, TEND_GROUP, TEND_MS(1) }));
	REFUSED("stop.phases[1].target", last_of_two((struct tend_stop_phase){ SIGHUP, 0, TEND_MS(1) }));
	REFUSED("stop.phases[1].target", last_of_two((struct tend_stop_phase){ SIGHUP, TEND_CGROUP + 1, TEND_MS(1) }));
	REFUSED("stop.phases[1].duration", last_of_two((struct tend_stop_phase){ SIGHUP, TEND_GROUP, 0 }));
	REFUSED("stop.phases[1].duration", last_of_two((struct tend_stop_phase){ SIGHUP, TEND_GROUP, 100 }));
	REFUSED("stop.phases[1].duration", last_of_two((struct tend_stop_phase){ SIGHUP, TEND_GROUP, TEND_FOREVER }));
	REFUSED("stop.phases[0].signal", phases(1, (struct tend_stop_phase){ 0 }));
	ACCEPTED(last_of_two((struct tend_stop_phase){ 64, TEND_LEADER, TEND_AT_ONCE }));
}

/* ---- spawning ---- */

static const char *const true_argv[] = { "true", NULL };

static struct tend_spawn good_spawn(void)
{
	return (struct tend_spawn){
		.argv = true_argv,
		.in = TEND_IN_NULL,
		.out = TEND_OUT_STREAM(test_reliable),
		.err = TEND_OUT_MERGE,
		.if_forgotten = TEND_FORGOTTEN_ABORT,
	};
}

#define SPAWN_WITH(field, value)                                                                                       \
	({                                                                                                             \
		struct tend_spawn with_ = good_spawn();                                                                \
		with_.field = value;                                                                                   \
		tend__check_spawn(&with_, &e);                                                                         \
	})

static void commands(void)
{
	static const char *const no_argv[] = { NULL };

	REFUSED("argv", SPAWN_WITH(argv, NULL));
	REFUSED("argv[0]", SPAWN_WITH(argv, no_argv));
	REFUSED("auto_name", SPAWN_WITH(auto_name, TEND_NAME_FULL + 1));
	ACCEPTED(SPAWN_WITH(auto_name, TEND_NAME_FULL));
	ACCEPTED(SPAWN_WITH(program, "/bin/false"));
	REFUSED("options", tend__check_spawn(NULL, &e));
	REFUSED("argv", tend__check_spawn(&(struct tend_spawn){ .name = "api" }, &e));
	CHECK_STR("api", e.name);
	CHECK_INT(-EINVAL, tend__check_spawn(&(struct tend_spawn){ .name = "api" }, NULL));
}

static void stdio(void)
{
	REFUSED("in.kind", SPAWN_WITH(in, (struct tend_input){ 0 }));
	REFUSED("in.kind", SPAWN_WITH(in.kind, TEND_INPUT_BYTES + 1));
	REFUSED("in.fd", SPAWN_WITH(in, TEND_IN_FD(-1)));
	ACCEPTED(SPAWN_WITH(in, TEND_IN_FD(0)));
	REFUSED("out.kind", SPAWN_WITH(out, (struct tend_output){ 0 }));
	REFUSED("out.kind", SPAWN_WITH(out, TEND_OUT_MERGE));
	REFUSED("out.fd", SPAWN_WITH(out, TEND_OUT_FD(-1)));
	REFUSED("out.stream.max_buffered_chunks", SPAWN_WITH(out.stream.max_buffered_chunks, 0));
	REFUSED("err.kind", SPAWN_WITH(err, (struct tend_output){ 0 }));
	REFUSED("err.kind", SPAWN_WITH(err.kind, TEND_OUTPUT_MERGE + 1));
	REFUSED("err.fd", SPAWN_WITH(err, TEND_OUT_FD(-2)));
	REFUSED("err.stream.backend", SPAWN_WITH(err.kind, TEND_OUTPUT_STREAM));
	ACCEPTED(SPAWN_WITH(err, TEND_OUT_STREAM(test_single)));
	ACCEPTED(SPAWN_WITH(err, TEND_OUT_FD(2)));
	ACCEPTED(SPAWN_WITH(out, TEND_OUT_DISCARD));
}

static void forgotten(void)
{
	static const struct tend_stop bad = { .n_phases = TEND_MAX_STOP_PHASES + 1 };

	REFUSED("if_forgotten.kind", SPAWN_WITH(if_forgotten, (struct tend_forgotten){ 0 }));
	REFUSED("if_forgotten.kind", SPAWN_WITH(if_forgotten.kind, TEND_IF_FORGOTTEN_DETACH + 1));
	REFUSED("if_forgotten.stop", SPAWN_WITH(if_forgotten, TEND_FORGOTTEN_TERMINATE(NULL)));
	REFUSED("if_forgotten.stop.n_phases", SPAWN_WITH(if_forgotten, TEND_FORGOTTEN_TERMINATE(&bad)));
	ACCEPTED(SPAWN_WITH(if_forgotten, TEND_FORGOTTEN_TERMINATE(&TEND_STOP_KILL)));
	ACCEPTED(SPAWN_WITH(if_forgotten, TEND_FORGOTTEN_DETACH));
}

/* ---- completing ---- */

static struct tend_complete good_complete(void)
{
	return (struct tend_complete){ .timeout = TEND_FOREVER, .drain = { TEND_MS(100), TEND_SECONDS(3) } };
}

#define COMPLETE_WITH(field, value)                                                                                    \
	({                                                                                                             \
		struct tend_complete with_ = good_complete();                                                          \
		with_.field = value;                                                                                   \
		tend__check_complete(&with_, true, &e);                                                                \
	})

static void completing(void)
{
	static const struct tend_stop bad = { 0 };

	REFUSED("timeout", COMPLETE_WITH(timeout, 0));
	REFUSED("timeout", COMPLETE_WITH(timeout, 30));
	REFUSED("out.overflow", COMPLETE_WITH(out, TEND_COLLECT_BYTES(.max_bytes = 1)));
	REFUSED("err.max_lines", COMPLETE_WITH(err, TEND_COLLECT_LINES(.max_bytes = 1, .overflow = TEND_DROP_OLDEST)));
	REFUSED("out.kind", COMPLETE_WITH(out.max_bytes, 1)); /* of a collection only the kind was forgotten */
	REFUSED("err.kind", COMPLETE_WITH(err.overflow, TEND_TRUSTED_UNBOUNDED));
	REFUSED("drain.idle", COMPLETE_WITH(drain.idle, 0));
	REFUSED("drain.total", COMPLETE_WITH(drain.total, 0));
	REFUSED("stop.after_kill", COMPLETE_WITH(stop, &bad));
	ACCEPTED(COMPLETE_WITH(stop, &TEND_STOP_KILL));
	ACCEPTED(COMPLETE_WITH(drain.total, TEND_FOREVER));
	ACCEPTED(tend__check_complete(&(struct tend_complete){ .timeout = TEND_AT_ONCE }, false, &e));
	REFUSED("options", tend__check_complete(NULL, false, &e));
}

static const struct test tests[] = {
	{ "durations", durations },
	{ "stream-options-that-are-right", stream_options_that_are_right },
	{ "stream-choices", stream_choices },
	{ "stream-sizes", stream_sizes },
	{ "messages-name-the-choices", messages_name_the_choices },
	{ "lines", lines },
	{ "extras-of-lines", extras_of_lines },
	{ "collections", collections },
	{ "the-lines-of-a-collection", the_lines_of_a_collection },
	{ "stop-plans", stop_plans },
	{ "stop-phases", stop_phases },
	{ "commands", commands },
	{ "stdio", stdio },
	{ "forgotten", forgotten },
	{ "completing", completing },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "opts", tests, sizeof tests / sizeof *tests);
}
