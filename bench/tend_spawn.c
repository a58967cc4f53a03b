/* SPDX-License-Identifier: MIT */
/* Starts, exits and stops by libtend. */
#include "by_tend.h"

#include <signal.h>
#include <string.h>

#include "driver.h"

/* Both outputs are read to their ends and collected, as most programs would have it. */
static void complete(tend_process *process)
{
	const struct tend_complete all = {
		.timeout = TEND_FOREVER,
		.out = TEND_COLLECT_BYTES(.max_bytes = 1 << 20, .overflow = TEND_DROP_NEWEST),
		.err = TEND_COLLECT_BYTES(.max_bytes = 1 << 20, .overflow = TEND_DROP_NEWEST),
		.drain = { .idle = TEND_SECONDS(10), .total = TEND_SECONDS(10) },
	};
	struct tend_result result;
	struct tend_error err;

	if (tend_process_complete(process, &all, &result, &err) < 0)
		fail("%s", err.message);
	if (!result.out.collected.complete || !result.err.collected.complete || result.exit.kind != TEND_EXITED)
		fail("a child was not completed");
	tend_result_clear(&result, process);
}

/* how=complete collects the output; otherwise it is read and nobody wants it. */
void tend_spawns(void)
{
	const char *const argv[] = { "/bin/true", NULL };
	const struct tend_stream_options options = stream_options();
	struct tend_spawn how = one_stream(argv, &options);
	bool completes = option_is("how", "complete");
	size_t n = option_number("n", 100);

	how.err = TEND_OUT_STREAM(options);
	if (!option_is("pipes", "1"))
		how.out = how.err = TEND_OUT_DISCARD;
	hold_heap_and_fds();
	samples_reserve(n);
	await(start(&how)); /* the first one starts the reaper */
	delivered.exits = 0;
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		int64_t at = now_ns();
		tend_process *process = start(&how);

		if (completes)
			complete(process);
		await(process);
		samples_add(now_ns() - at);
	}
	measure_end();
}

void tend_exits(void)
{
	char path[256];
	const volatile int64_t *exited_at = stamp_open(path, sizeof path);
	const char *const argv[] = { option_needed("child"), "stamp", path, NULL };
	const struct tend_stream_options options = stream_options();
	struct tend_spawn how = one_stream(argv, &options);
	size_t n = option_number("n", 100);

	how.out = TEND_OUT_DISCARD;
	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		tend_process *process = start(&how);

		if (tend_process_wait(process, TEND_FOREVER, NULL, NULL) < 0)
			fail("cannot wait");
		samples_add(now_ns() - *exited_at);
		await(process);
	}
	measure_end();
	stamp_close(path);
}

static bool is_ready(void *arg, const struct tend_line *line)
{
	(void)arg;
	return line->size == 5 && memcmp(line->data, "ready", 5) == 0;
}

/* A child that has said that it is ready. */
static tend_process *start_ready(const char *mode)
{
	const char *const *argv = child_words(mode, NULL);
	const struct tend_line_options lines = { .max_length = 80, .overflow = TEND_LINE_TRUNCATE };
	const struct tend_stream_options options = stream_options();
	const struct tend_spawn how = one_stream(argv, &options);
	tend_process *process = start(&how);
	struct tend_line_found found;
	struct tend_error err;

	if (tend_stream_wait_for_line(tend_process_stdout(process), &lines, is_ready, NULL, TEND_FOREVER, &found,
	                              &err) < 0)
		fail("%s", err.message);
	if (found.outcome != TEND_LINE_MATCHED)
		fail("a child did not get ready");
	return process;
}

static void stop(tend_process *process, const struct tend_stop *plan, struct tend_stop_report *ret_report,
                 enum tend_stopped expected)
{
	struct tend_error err;

	if (tend_process_stop(process, plan, ret_report, &err) < 0)
		fail("%s", err.message);
	if (ret_report->outcome != expected)
		fail("a stop ended otherwise: %s", tend_stopped_name(ret_report->outcome));
	delivered.exits++;
}

void tend_stops(void)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(10));
	size_t n = option_number("n", 100);
	struct tend_stop_report report;

	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		tend_process *process = start_ready("obey");
		int64_t at = now_ns();

		stop(process, &plan, &report, TEND_STOPPED_IN_PHASE);
		samples_add(now_ns() - at);
		tend_process_free(process);
	}
	measure_end();
}

static int64_t sent_after_ns(const struct tend_stop_report *report, int signal)
{
	for (size_t i = 0; i < report->n_signals; i++)
		if (report->signals[i].signal == signal && report->signals[i].error == 0)
			return report->signals[i].after_ns;
	fail("signal %d was not sent", signal);
}

/* The samples are how much later than asked for SIGKILL went. */
void tend_kills(void)
{
	uint64_t grace_ms = option_number("grace_ms", 100);
	const struct tend_stop plan = TEND_STOP_TERM(TEND_MS((int64_t)grace_ms));
	size_t n = option_number("n", 10);
	struct tend_stop_report report;

	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		tend_process *process = start_ready("stubborn");

		stop(process, &plan, &report, TEND_STOPPED_BY_KILL);
		samples_add(sent_after_ns(&report, SIGKILL) - sent_after_ns(&report, SIGTERM) -
		            (int64_t)grace_ms * 1000000);
		tend_process_free(process);
	}
	measure_end();
}
