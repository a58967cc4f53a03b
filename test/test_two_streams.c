/* SPDX-License-Identifier: MIT */
/*
 * A child's stdout and stderr are two streams, each with the options that were chosen for it, in every combination.
 * The ids are those of doc/REQUIREMENTS.md.
 */
#include <errno.h>

#include "streams.h"
#include "test.h"

/* A child that says "out" and "err", and "!" once more on stdout. */
static tend_process *spawn(struct tend_output out, struct tend_output err)
{
	const char *argv[] = { helper("printer"), "out\\n", "-e", "err\\n", "-o", "!", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p = NULL;
	struct tend_error e;

	s.out = out;
	s.err = err;
	return CHECK_OK(tend_spawn(&s, &p, &e), &e) ? p : NULL;
}

static void check_stream(const tend_stream *stream, const char *label, const struct tend_stream_options *chosen)
{
	const struct tend_stream_options *o = tend_stream_options(stream);

	CHECK_STR(label, tend_stream_label(stream));
	CHECK_INT(chosen->backend, o->backend);
	CHECK_INT(chosen->delivery, o->delivery);
	CHECK_INT(chosen->replay.kind, o->replay.kind);
	CHECK_INT(chosen->read_chunk_size, o->read_chunk_size);
	CHECK_INT(chosen->max_buffered_chunks, o->max_buffered_chunks);
	CHECK_INT(chosen->replay.kind != TEND_RETAIN_NONE, tend_stream_stats(stream).replay_enabled);
}

/* All of `text` where the history has all of it; else the end of it; nothing of what is discarded. */
static void check_output(const char *text, const struct tend_output_result *got, const tend_stream *stream)
{
	const struct tend_stream_options *o = tend_stream_options(stream);
	size_t n = o->backend == TEND_DISCARDED ? 0 : strlen(text);

	CHECK_INT(TEND_END_EOF, got->end);
	CHECK_INT(n, got->bytes);
	CHECK_INT(o->backend == TEND_DISCARDED, got->is_discarded);
	if (o->replay.kind == TEND_RETAIN_ALL) {
		CHECK_MEM(text, n, got->collected.data, got->collected.size);
		CHECK(got->collected.complete);
	} else if (CHECK(got->collected.size <= n)) {
		CHECK_MEM(text + n - got->collected.size, got->collected.size, got->collected.data,
		          got->collected.size);
	}
}

/* Waits for the child, collects what can be had of its output, and frees it. */
static void check_completes(tend_process *p)
{
	const struct tend_complete all = {
		.timeout = TEST_PATIENCE,
		.out = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
		.err = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED),
		.drain = { .idle = TEST_PATIENCE, .total = TEST_PATIENCE },
	};
	struct tend_result r;
	struct tend_error e;

	memset(&r, 0, sizeof r);
	if (CHECK_OK(tend_process_complete(p, &all, &r, &e), &e)) {
		CHECK_INT(TEND_COMPLETED, r.outcome);
		CHECK_INT(TEND_EXITED, r.exit.kind);
		CHECK_INT(0, r.exit.code);
		check_output("out\n!", &r.out, tend_process_stdout(p));
		check_output("err\n", &r.err, tend_process_stderr(p));
	}
	tend_process_free(p);
}

static void check_pair(const struct tend_stream_options *out, const struct tend_stream_options *err)
{
	tend_process *p = spawn(TEND_OUT_STREAM(*out), TEND_OUT_STREAM(*err));

	if (!p)
		return;
	check_stream(tend_process_stdout(p), "stdout", out);
	check_stream(tend_process_stderr(p), "stderr", err);
	check_completes(p);
}

/*
 * PB-2; shared_config::shared_broadcast_config_applies_to_stdout_and_stderr,
 * shared_config::shared_single_subscriber_config_applies_to_stdout_and_stderr
 */
static void one_choice_for_both(void)
{
	check_pair(&test_reliable, &test_reliable);
	check_pair(&test_reliable_all, &test_reliable_all);
	check_pair(&test_single, &test_single);
	check_pair(&test_single_all, &test_single_all);
}

/*
 * PB-3; split_config::split_broadcast_config_applies_per_stream,
 * split_config::split_single_subscriber_config_applies_per_stream,
 * split_config::split_broadcast_config_applies_per_stream_with_dual_outputs,
 * split_config::split_with_broadcast_stdout_and_single_subscriber_stderr_completes,
 * single_subscriber_delivery_and_replay::split_delivery_modes_can_wait_for_completion,
 * single_subscriber_delivery_and_replay::split_replay_modes_preserve_stream_types
 */
static void a_choice_for_each(void)
{
	struct tend_stream_options o[2][6] = {
		{ stream_options(test_reliable, 42, 42), stream_options(test_single, 42, 42),
		  stream_options(test_reliable_all, 21, 22), stream_options(test_reliable_all, 64, 4),
		  stream_options(test_single_all, 64, 4), stream_options(test_single, 64, 4) },
		{ stream_options(test_reliable, 43, 43), stream_options(test_single, 43, 43),
		  stream_options(test_reliable_all, 23, 24), stream_options(test_single_all, 64, 4),
		  stream_lossy(TEND_DROP_NEWEST, 64, 4), stream_retaining(TEND_REPLAY_CHUNKS(1), 64, 4) },
	};

	for (int i = 0; i < 6; i++) {
		check_pair(&o[0][i], &o[1][i]);
		check_pair(&o[1][i], &o[0][i]);
	}
}

/*
 * RP-8; split_config::split_broadcast_replay_can_be_sealed,
 * single_subscriber_delivery_and_replay::split_replay_enabled_streams_can_be_sealed: one is sealed, then the other, and
 * neither is what the other is; what was read before the seal is collected by who was there before.
 */
static void each_is_sealed_by_itself(void)
{
	const struct tend_stream_options *all[] = { &test_reliable_all, &test_single_all };

	for (int i = 0; i < 4; i++) {
		tend_process *p = spawn(TEND_OUT_STREAM(*all[i / 2]), TEND_OUT_STREAM(*all[i % 2]));
		struct tend_collected what;
		tend_consumer *c = NULL;
		struct tend_error e;
		tend_stream *out, *err;

		if (!p)
			return;
		out = tend_process_stdout(p);
		err = tend_process_stderr(p);
		CHECK_OK(tend_stream_collect(out, &TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED), &c, &e),
		         &e);
		CHECK_INT(0, tend_stream_seal_replay(out));
		CHECK(tend_stream_stats(out).replay_sealed);
		CHECK(!tend_stream_stats(err).replay_sealed);
		CHECK_INT(0, tend_stream_seal_replay(err));
		CHECK(tend_stream_stats(err).replay_sealed);
		CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, NULL, &e), &e);
		CHECK_OK(tend_consumer_collected(c, &what, &e), &e);
		CHECK_STR("out\n!", what.data);
		CHECK(what.complete);
		tend_consumer_free(c);
		test_wait(p, &(struct tend_exit){ .kind = TEND_RUNNING });
		tend_process_free(p);
	}
}

/*
 * CF-9; discard::stdout_and_stderr_complete_with_wait_for_completion, discard::can_discard_stdout_and_broadcast_stderr,
 * discard::can_broadcast_stdout_and_discard_stderr; output_stream::cross_backend_consumable_smoke
 */
static void either_may_be_discarded(void)
{
	const struct tend_output live = TEND_OUT_STREAM(test_reliable_all);

	for (int i = 0; i < 3; i++) {
		tend_process *p = spawn(i & 1 ? live : TEND_OUT_DISCARD, i & 2 ? live : TEND_OUT_DISCARD);

		if (!p)
			return;
		CHECK_STR("stdout", tend_stream_label(tend_process_stdout(p)));
		CHECK_STR("stderr", tend_stream_label(tend_process_stderr(p)));
		check_completes(p);
	}
}

static const struct test tests[] = {
	{ "one_choice_for_both", one_choice_for_both },
	{ "a_choice_for_each", a_choice_for_each },
	{ "each_is_sealed_by_itself", each_is_sealed_by_itself },
	{ "either_may_be_discarded", either_may_be_discarded },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, "two_streams", tests, sizeof tests / sizeof *tests);
}
