/* SPDX-License-Identifier: MIT */
/* A peer: libuv, one event loop.  It has no lines and no threads of its own, so it takes part in what is left. */
#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#include "driver.h"

#define READ_SIZE ((size_t)64 << 10)

enum pipes { IN = 1, OUT = 2, ERR = 4 };

struct child {
	uv_process_t process;
	uv_pipe_t pipes[3];
	int expected_signal; /* that it is to end by, 0: it is to exit with 0 */
	uv_read_cb on_read;
};

static uv_loop_t loop;

static void check(int r, const char *what)
{
	if (r < 0)
		fail("%s: %s", what, uv_strerror(r));
}

/* ---- a child ---- */

static void lend_block(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_block)
{
	static char block[READ_SIZE];

	(void)handle;
	(void)suggested;
	*ret_block = uv_buf_init(block, sizeof block);
}

/* Counts; true unless the stream has ended, and is closed. */
static bool take(uv_stream_t *stream, ssize_t n)
{
	if (n < 0 && n != UV_EOF)
		fail("read: %s", uv_strerror((int)n));
	if (n < 0)
		uv_close((uv_handle_t *)stream, NULL);
	else
		delivered.bytes += (uint64_t)n;
	return n >= 0;
}

static void count(uv_stream_t *stream, ssize_t n, const uv_buf_t *block)
{
	(void)block;
	take(stream, n);
}

static void has_exited(uv_process_t *process, int64_t code, int signal)
{
	struct child *c = process->data;

	if (code != 0 || signal != c->expected_signal)
		fail("a child ended otherwise than it was to");
	delivered.exits++;
	uv_close((uv_handle_t *)process, NULL);
}

/* What is no pipe is /dev/null. */
static void start(struct child *c, const char *const *argv, unsigned pipes, uv_exit_cb on_exit)
{
	uv_stdio_container_t stdio[3] = { 0 };
	const uv_process_options_t options = {
		.file = argv[0],
		.args = (char **)argv,
		.exit_cb = on_exit,
		.stdio = stdio,
		.stdio_count = 3,
	};

	for (int i = 0; i < 3; i++) {
		if (!(pipes & 1u << i))
			continue;
		uv_pipe_init(&loop, &c->pipes[i], 0);
		c->pipes[i].data = c;
		stdio[i].flags = UV_CREATE_PIPE | (i == 0 ? UV_READABLE_PIPE : UV_WRITABLE_PIPE);
		stdio[i].data.stream = (uv_stream_t *)&c->pipes[i];
	}
	c->process.data = c;
	check(uv_spawn(&loop, &c->process, &options), argv[0]);
	for (int i = 1; i < 3; i++)
		if (pipes & 1u << i)
			check(uv_read_start((uv_stream_t *)&c->pipes[i], lend_block, c->on_read ? c->on_read : count),
			      "read");
}

/* Until every handle is closed: all has been read, and all have exited. */
static void run_to_the_end(void)
{
	check(uv_run(&loop, UV_RUN_DEFAULT), "run");
}

/* ---- works ---- */

static void bulk(void)
{
	const char *const *argv = child_words("bulk", "bytes", "write", NULL);
	struct child c = { .on_read = NULL };

	measure_begin();
	start(&c, argv, OUT, has_exited);
	run_to_the_end();
	measure_end();
}

static void many(const char *const *argv)
{
	size_t n = option_number("children", 1);
	struct child *children = calloc(n, sizeof *children);

	if (!children)
		fail("there is no memory for the children");
	measure_begin();
	for (size_t i = 0; i < n; i++)
		start(&children[i], argv, OUT | ERR, has_exited);
	run_to_the_end();
	measure_end();
	free(children);
}

static void burst(void)
{
	const char *const *argv = child_words("bulk", "bytes", "write", NULL);

	many(argv);
}

static void drip(void)
{
	const char *const *argv = child_words("drip", "n", "rate", "size", NULL);

	many(argv);
}

static void spawn(void)
{
	const char *const argv[] = { "/bin/true", NULL };
	unsigned pipes = option_is("pipes", "1") ? OUT | ERR : 0;
	size_t n = option_number("n", 100);

	hold_heap_and_fds();
	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		struct child c = { .on_read = NULL };
		int64_t at = now_ns();

		start(&c, argv, pipes, has_exited);
		run_to_the_end();
		samples_add(now_ns() - at);
	}
	measure_end();
}

/* ---- ping-pong ---- */

static struct {
	uv_write_t request;
	size_t left, here;
	int64_t served;
} game;

static void serve(struct child *c)
{
	static char message[MESSAGE] = "ping";
	const uv_buf_t buffer = uv_buf_init(message, sizeof message);

	game.left--;
	game.served = now_ns();
	check(uv_write(&game.request, (uv_stream_t *)&c->pipes[0], &buffer, 1, NULL), "write");
}

static void take_answer(uv_stream_t *stream, ssize_t n, const uv_buf_t *block)
{
	struct child *c = stream->data;

	(void)block;
	if (!take(stream, n))
		return;
	game.here += (size_t)n;
	if (game.here < MESSAGE)
		return;
	game.here = 0;
	samples_add(now_ns() - game.served);
	if (game.left > 0)
		serve(c);
	else
		uv_close((uv_handle_t *)&c->pipes[0], NULL);
}

static void pingpong(void)
{
	const char *const *argv = child_words("pong", NULL);
	struct child c = { .on_read = take_answer };

	game.left = option_number("n", 1000);
	samples_reserve(game.left);
	measure_begin();
	start(&c, argv, IN | OUT, has_exited);
	serve(&c);
	run_to_the_end();
	measure_end();
}

/* ---- exits and stops ---- */

static int64_t sampled_from; /* when what is measured began */
static const volatile int64_t *stamped;

static void has_exited_as_stamped(uv_process_t *process, int64_t code, int signal)
{
	samples_add(now_ns() - *stamped);
	has_exited(process, code, signal);
}

static void has_stopped(uv_process_t *process, int64_t code, int signal)
{
	samples_add(now_ns() - sampled_from);
	has_exited(process, code, signal);
}

static void exits(void)
{
	char path[256];
	const char *const argv[] = { option_needed("child"), "stamp", path, NULL };
	size_t n = option_number("n", 100);

	stamped = stamp_open(path, sizeof path);
	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		struct child c = { .on_read = NULL };

		start(&c, argv, 0, has_exited_as_stamped);
		run_to_the_end();
	}
	measure_end();
	stamp_close(path);
}

/* The child is ready when it says so, in one piece. */
static void stop_when_ready(uv_stream_t *stream, ssize_t n, const uv_buf_t *block)
{
	struct child *c = stream->data;

	(void)block;
	if (!take(stream, n))
		return;
	sampled_from = now_ns();
	check(uv_process_kill(&c->process, SIGTERM), "kill");
}

static void stop(void)
{
	const char *const *argv = child_words("obey", NULL);
	size_t n = option_number("n", 100);

	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		struct child c = { .on_read = stop_when_ready };

		start(&c, argv, OUT, has_stopped);
		run_to_the_end();
	}
	measure_end();
	delivered.bytes = 0; /* what a child says of itself is no output */
}

static uv_timer_t grace_timer;

static void grace_is_over(uv_timer_t *timer)
{
	struct child *c = timer->data;

	samples_add(now_ns() - sampled_from - (int64_t)option_number("grace_ms", 100) * 1000000);
	check(uv_process_kill(&c->process, SIGKILL), "kill");
	uv_close((uv_handle_t *)timer, NULL);
}

static void begin_grace(uv_stream_t *stream, ssize_t n, const uv_buf_t *block)
{
	struct child *c = stream->data;

	stop_when_ready(stream, n, block);
	if (n < 0)
		return;
	uv_timer_init(&loop, &grace_timer);
	grace_timer.data = c;
	uv_update_time(&loop);
	check(uv_timer_start(&grace_timer, grace_is_over, option_number("grace_ms", 100), 0), "timer");
}

static void kills(void)
{
	const char *const *argv = child_words("stubborn", NULL);
	size_t n = option_number("n", 10);

	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		struct child c = { .on_read = begin_grace, .expected_signal = SIGKILL };

		start(&c, argv, OUT, has_exited);
		run_to_the_end();
	}
	measure_end();
	delivered.bytes = 0;
}

static const struct work works[] = {
	{ "bulk", bulk },
	{ "burst", burst },
	{ "drip", drip },
	{ "exit", exits },
	{ "kill", kills },
	{ "pingpong", pingpong },
	{ "spawn", spawn },
	{ "stop", stop },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	if (uv_loop_init(&loop) < 0)
		return 2;
	return driver_main(argc, argv, works);
}
