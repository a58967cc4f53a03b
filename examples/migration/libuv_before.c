/* SPDX-License-Identifier: MIT */
/*
 * Passes on the output of a command as it comes, and ends it when SECONDS are over, with libuv.  See doc/MIGRATION.md;
 * libuv_after.c does the same.
 *
 * usage: libuv_before SECONDS COMMAND [ARG...]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static uv_process_t child;
static uv_pipe_t out;
static uv_timer_t timer;
static char buffer[65536];

static void allocate(uv_handle_t *handle, size_t size, uv_buf_t *ret_buffer)
{
	(void)handle;
	(void)size;
	*ret_buffer = uv_buf_init(buffer, sizeof buffer);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *data)
{
	if (n > 0)
		fwrite(data->base, 1, (size_t)n, stdout);
	else if (n < 0) /* UV_EOF, or an error */
		uv_close((uv_handle_t *)stream, NULL);
}

static void on_exit_seen(uv_process_t *process, int64_t code, int signal)
{
	if (signal)
		fprintf(stderr, "signal %d\n", signal);
	else
		fprintf(stderr, "exit code %d\n", (int)code);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_close((uv_handle_t *)process, NULL);
}

static void on_time_over(uv_timer_t *t)
{
	(void)t;
	uv_process_kill(&child, SIGTERM); /* the command alone; whether that helped is for another timer */
}

int main(int argc, char **argv)
{
	uv_stdio_container_t stdio[] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&out },
		{ .flags = UV_INHERIT_FD, .data.fd = 2 },
	};
	uv_loop_t *loop = uv_default_loop();
	int r;

	if (argc < 3) {
		fprintf(stderr, "usage: libuv_before SECONDS COMMAND [ARG...]\n");
		return 2;
	}
	uv_pipe_init(loop, &out, 0);
	uv_timer_init(loop, &timer);
	r = uv_spawn(loop, &child,
	             &(uv_process_options_t){ .file = argv[2],
	                                      .args = argv + 2,
	                                      .stdio = stdio,
	                                      .stdio_count = 3,
	                                      .exit_cb = on_exit_seen });
	if (r < 0) {
		fprintf(stderr, "libuv_before: %s\n", uv_strerror(r));
		return 125;
	}
	uv_timer_start(&timer, on_time_over, (uint64_t)(strtod(argv[1], NULL) * 1000), 0);
	uv_read_start((uv_stream_t *)&out, allocate, on_output);
	return uv_run(loop, UV_RUN_DEFAULT); /* until the exit has been seen and the output has ended, in any order */
}
