/* SPDX-License-Identifier: MIT */
/*
 * Runs a command to its end, at most 30 seconds, and prints the lines that it wrote, then what became of it.
 *
 * usage: run_and_collect [COMMAND [ARG...]]      (default: ls /)
 */
#include <stdio.h>
#include <tend.h>

static const struct tend_stream_options captured = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_BYTES(1 << 20), /* for what the child writes before tend_process_complete() subscribes */
	.read_chunk_size = TEND_DEFAULT_READ_CHUNK_SIZE,
	.max_buffered_chunks = TEND_DEFAULT_MAX_BUFFERED_CHUNKS,
};

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "run_and_collect: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static void print_output(const struct tend_output_result *out, const struct tend_output_result *err)
{
	for (size_t i = 0; i < out->collected.n_lines; i++)
		printf("out %zu: %s\n", i + 1, out->collected.lines[i].data);
	if (err->collected.size)
		printf("err: %s", err->collected.data);
	if (!out->collected.complete)
		printf("stdout is not complete: ended by %s, %llu lines left out, %llu shortened\n",
		       tend_ending_name(out->end), (unsigned long long)out->collected.lines_left_out,
		       (unsigned long long)out->collected.lines_cut);
}

/* The exit status as a shell would give it. */
static int print_exit(const struct tend_result *result)
{
	printf("%s: ", tend_outcome_name(result->outcome));
	switch (result->exit.kind) {
	case TEND_EXITED:
		printf("exit code %d\n", result->exit.code);
		return result->exit.code;
	case TEND_SIGNALED:
		printf("signal %d\n", result->exit.signal);
		return 128 + result->exit.signal;
	default:
		printf("no exit status\n");
		return 125;
	}
}

int main(int argc, char **argv)
{
	const char *const ls[] = { "ls", "/", NULL };
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(2));
	TEND_AUTO(tend_process) child = NULL;
	struct tend_result result;
	struct tend_error err;

	if (tend_spawn(&(struct tend_spawn){ .argv = argc > 1 ? (const char *const *)argv + 1 : ls,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_STREAM(captured),
	                                     .err = TEND_OUT_STREAM(captured),
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	               &child, &err) < 0)
		return fail(&err);
	if (tend_process_complete(child,
	                          &(struct tend_complete){
	                                  .timeout = TEND_SECONDS(30),
	                                  .out = TEND_COLLECT_LINES(.max_bytes = 1 << 20, .max_lines = 1000,
	                                                            .overflow = TEND_DROP_OLDEST),
	                                  .err = TEND_COLLECT_BYTES(.max_bytes = 64 << 10,
	                                                            .overflow = TEND_DROP_NEWEST),
	                                  .drain = { .idle = TEND_MS(100), .total = TEND_SECONDS(3) },
	                                  .stop = &plan },
	                          &result, &err) < 0)
		return fail(&err);
	print_output(&result.out, &result.err);
	return print_exit(&result);
}
