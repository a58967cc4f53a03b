/* SPDX-License-Identifier: MIT */
/*
 * Starts a server that says on a descriptor of its own, 3, when it is ready: it writes a line there; when it dies, what
 * comes there ends.  Its output is its own and is not looked at.  Then the server is stopped.
 *
 * usage: ready_fd COMMAND [ARG...]
 */
#define _GNU_SOURCE /* pipe2(2) */
#include <fcntl.h>
#include <stdio.h>
#include <tend.h>
#include <unistd.h>

static const struct tend_stream_options small = {
	.backend = TEND_SINGLE_SUBSCRIBER,
	.delivery = TEND_RELIABLE,
	.replay = TEND_REPLAY_CHUNKS(1), /* for what comes before we look */
	.read_chunk_size = 256,
	.max_buffered_chunks = 1,
};
static const struct tend_line_options lines = { .max_length = 200, .overflow = TEND_LINE_TRUNCATE };

static int fail(const struct tend_error *err)
{
	fprintf(stderr, "ready_fd: %s: %s\n", tend_step_name(err->step), err->message);
	return 125;
}

static bool any(void *arg, const struct tend_line *line)
{
	(void)arg;
	return !(line->flags & TEND_LINE_UNTERMINATED);
}

/* Takes the read end.  0: it is ready. */
static int await(int take_fd)
{
	TEND_AUTO(tend_stream) notes = NULL;
	struct tend_line_found found;
	struct tend_error err;

	if (tend_stream_open(take_fd, &small, "readiness", &notes, &err) < 0 ||
	    tend_stream_wait_for_line(notes, &lines, any, NULL, TEND_SECONDS(30), &found, &err) < 0)
		return fail(&err);
	printf("%s\n", found.outcome == TEND_LINE_MATCHED   ? "ready"
	               : found.outcome == TEND_LINE_TIMED_OUT ? "not ready within 30 seconds"
	                                                      : "it closed the descriptor before it was ready");
	return found.outcome == TEND_LINE_MATCHED ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct tend_stop plan = TEND_STOP_TERM(TEND_SECONDS(5));
	TEND_AUTO(tend_process) server = NULL;
	struct tend_error err;
	int fds[2], r, status;

	if (argc < 2) {
		fprintf(stderr, "usage: ready_fd COMMAND [ARG...]\n");
		return 2;
	}
	if (pipe2(fds, O_CLOEXEC) < 0) {
		perror("ready_fd: pipe");
		return 125;
	}
	r = tend_spawn(&(struct tend_spawn){ .argv = (const char *const *)argv + 1,
	                                     .in = TEND_IN_NULL,
	                                     .out = TEND_OUT_INHERIT,
	                                     .err = TEND_OUT_INHERIT,
	                                     .pass_fds = &(struct tend_pass_fd){ .source = fds[1], .target = 3 },
	                                     .n_pass_fds = 1,
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&plan) },
	               &server, &err);
	close(fds[1]); /* or the end would never come */
	if (r < 0) {
		close(fds[0]);
		return fail(&err);
	}
	status = await(fds[0]);
	return tend_process_stop(server, &plan, NULL, &err) < 0 ? fail(&err) : status;
}
