/* SPDX-License-Identifier: MIT */
/*
 * A peer: GSubprocess of GLib's GIO.  One child at a time is read with blocking streams, many are with asynchronous
 * ones from the default main context.
 */
#include <gio/gio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

#define READ_SIZE ((gsize)64 << 10)

enum { OUT = G_SUBPROCESS_FLAGS_STDOUT_PIPE, ERR = G_SUBPROCESS_FLAGS_STDERR_PIPE, IN = G_SUBPROCESS_FLAGS_STDIN_PIPE };

static void check(const GError *error)
{
	if (error)
		fail("%s", error->message);
}

/* What is no pipe is /dev/null. */
static GSubprocess *start(const char *const *argv, unsigned flags)
{
	GError *error = NULL;
	GSubprocess *process;

	if (!(flags & OUT))
		flags |= G_SUBPROCESS_FLAGS_STDOUT_SILENCE;
	if (!(flags & ERR))
		flags |= G_SUBPROCESS_FLAGS_STDERR_SILENCE;
	process = g_subprocess_newv(argv, flags, &error);
	check(error);
	return process;
}

/* Waits for an exit with 0, or the end by `signal`. */
static void await(GSubprocess *process, int signal)
{
	GError *error = NULL;

	g_subprocess_wait(process, NULL, &error);
	check(error);
	if (signal ? !g_subprocess_get_if_signaled(process) || g_subprocess_get_term_sig(process) != signal
	           : !g_subprocess_get_if_exited(process) || g_subprocess_get_exit_status(process) != 0)
		fail("a child ended otherwise than it was to");
	delivered.exits++;
}

static gsize take(GInputStream *stream, void *block, gsize size)
{
	GError *error = NULL;
	gssize n = g_input_stream_read(stream, block, size, NULL, &error);

	check(error);
	return (gsize)n;
}

/* ---- one child ---- */

static void bulk(void)
{
	const char *const *argv = child_words("bulk", "bytes", "write", NULL);
	static char block[READ_SIZE];
	GSubprocess *process;
	gsize n;

	measure_begin();
	process = start(argv, OUT);
	while ((n = take(g_subprocess_get_stdout_pipe(process), block, sizeof block)) > 0)
		delivered.bytes += n;
	await(process, 0);
	measure_end();
	g_object_unref(process);
}

static void lines(void)
{
	const char *const *argv = child_words("lines", "lines", "length", NULL);
	GError *error = NULL;
	GDataInputStream *data;
	GSubprocess *process;
	gsize size;
	char *line;

	measure_begin();
	process = start(argv, OUT);
	data = g_data_input_stream_new(g_subprocess_get_stdout_pipe(process));
	g_buffered_input_stream_set_buffer_size(G_BUFFERED_INPUT_STREAM(data), READ_SIZE);
	while ((line = g_data_input_stream_read_line(data, &size, NULL, &error)) != NULL) {
		delivered.bytes += size + 1;
		delivered.lines++;
		g_free(line);
	}
	check(error);
	await(process, 0);
	measure_end();
	g_object_unref(data);
	g_object_unref(process);
}

static void ping(GSubprocess *process)
{
	char message[MESSAGE] = "ping";
	GError *error = NULL;

	g_output_stream_write_all(g_subprocess_get_stdin_pipe(process), message, sizeof message, NULL, NULL, &error);
	check(error);
	for (gsize n = 0, r; n < sizeof message; n += r) {
		r = take(g_subprocess_get_stdout_pipe(process), message, sizeof message - n);
		if (r == 0)
			fail("the child answers no more");
		delivered.bytes += r;
	}
}

static void pingpong(void)
{
	const char *const *argv = child_words("pong", NULL);
	size_t n = option_number("n", 1000);
	GSubprocess *process;
	GError *error = NULL;

	samples_reserve(n);
	measure_begin();
	process = start(argv, IN | OUT);
	for (size_t i = 0; i < n; i++) {
		int64_t at = now_ns();

		ping(process);
		samples_add(now_ns() - at);
	}
	g_output_stream_close(g_subprocess_get_stdin_pipe(process), NULL, &error);
	check(error);
	await(process, 0);
	measure_end();
	g_object_unref(process);
}

/* ---- many children ---- */

/* One stream of a child: what is read goes to a block that all share, since nothing else looks at it. */
static size_t n_open;

static void read_some(GInputStream *stream);

static void has_read(GObject *source, GAsyncResult *result, gpointer arg)
{
	GInputStream *stream = G_INPUT_STREAM(source);
	GError *error = NULL;
	gssize n = g_input_stream_read_finish(stream, result, &error);

	(void)arg;
	check(error);
	delivered.bytes += (uint64_t)n;
	if (n > 0)
		read_some(stream);
	else
		n_open--;
}

static void read_some(GInputStream *stream)
{
	static char block[READ_SIZE];

	g_input_stream_read_async(stream, block, sizeof block, G_PRIORITY_DEFAULT, NULL, has_read, NULL);
}

static void many(const char *const *argv)
{
	size_t n = option_number("children", 1);
	GSubprocess **children = g_new0(GSubprocess *, n);

	measure_begin();
	for (size_t i = 0; i < n; i++) {
		children[i] = start(argv, OUT | ERR);
		read_some(g_subprocess_get_stdout_pipe(children[i]));
		read_some(g_subprocess_get_stderr_pipe(children[i]));
		n_open += 2;
	}
	while (n_open > 0)
		g_main_context_iteration(NULL, TRUE);
	measure_threads();
	for (size_t i = 0; i < n; i++) {
		await(children[i], 0);
		g_object_unref(children[i]);
	}
	measure_end();
	g_free(children);
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

/* ---- starts, exits, stops ---- */

static void collect(GSubprocess *process)
{
	GBytes *out = NULL, *err = NULL;
	GError *error = NULL;

	g_subprocess_communicate(process, NULL, NULL, &out, &err, &error);
	check(error);
	g_bytes_unref(out);
	g_bytes_unref(err);
}

static void spawn(void)
{
	const char *const argv[] = { "/bin/true", NULL };
	bool has_pipes = option_is("pipes", "1");
	size_t n = option_number("n", 100);

	hold_heap_and_fds();
	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		int64_t at = now_ns();
		GSubprocess *process = start(argv, has_pipes ? OUT | ERR : 0);

		if (has_pipes)
			collect(process);
		await(process, 0);
		g_object_unref(process);
		samples_add(now_ns() - at);
	}
	measure_end();
}

static void exits(void)
{
	char path[256];
	const volatile int64_t *exited_at = stamp_open(path, sizeof path);
	const char *const argv[] = { option_needed("child"), "stamp", path, NULL };
	size_t n = option_number("n", 100);

	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		GSubprocess *process = start(argv, 0);

		await(process, 0);
		samples_add(now_ns() - *exited_at);
		g_object_unref(process);
	}
	measure_end();
	stamp_close(path);
}

static void stop(void)
{
	const char *const *argv = child_words("obey", NULL);
	size_t n = option_number("n", 100);
	char line[6];

	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		GSubprocess *process = start(argv, OUT);
		int64_t at;

		if (take(g_subprocess_get_stdout_pipe(process), line, sizeof line) != sizeof line)
			fail("a child did not get ready");
		at = now_ns();
		g_subprocess_send_signal(process, SIGTERM);
		await(process, 0);
		samples_add(now_ns() - at);
		g_object_unref(process);
	}
	measure_end();
}

static const struct work works[] = {
	{ "bulk", bulk },
	{ "burst", burst },
	{ "drip", drip },
	{ "exit", exits },
	{ "lines", lines },
	{ "pingpong", pingpong },
	{ "spawn", spawn },
	{ "stop", stop },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return driver_main(argc, argv, works);
}
