/* SPDX-License-Identifier: MIT */
/* One child with system calls alone: bulk output, lines, ping-pong; and what all works of raw start with. */
#include "raw.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver.h"

/* ---- a child ---- */

/* A pipe whose ends are closed on exec; the child's goes to `target`. */
static int pipe_for(posix_spawn_file_actions_t *actions, int target, int *ret_theirs)
{
	int is_input = target == STDIN_FILENO;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		fail("pipe2 failed");
	*ret_theirs = fds[!is_input];
	posix_spawn_file_actions_adddup2(actions, *ret_theirs, target);
	return fds[is_input];
}

struct raw_child raw_start(const char *const *argv, unsigned pipes, int in_fd)
{
	struct raw_child c = { .in = -1, .out = -1, .err = -1 };
	int *const ours[] = { &c.in, &c.out, &c.err };
	int theirs[] = { -1, -1, -1 };
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	for (int i = 0; i < 3; i++)
		if (pipes & 1u << i)
			*ours[i] = pipe_for(&actions, i, &theirs[i]);
		else if (i == 0 && in_fd >= 0)
			posix_spawn_file_actions_adddup2(&actions, in_fd, STDIN_FILENO);
		else
			posix_spawn_file_actions_addopen(&actions, i, "/dev/null", i == 0 ? O_RDONLY : O_WRONLY, 0);
	if (posix_spawn(&c.pid, argv[0], &actions, NULL, (char *const *)argv, environ) != 0)
		fail("posix_spawn of %s failed", argv[0]);
	posix_spawn_file_actions_destroy(&actions);
	for (int i = 0; i < 3; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	return c;
}

size_t raw_read(int fd, void *block, size_t size)
{
	ssize_t n = read(fd, block, size);

	if (n < 0)
		fail("read failed");
	return (size_t)n;
}

void raw_await(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0)
		fail("a child did not exit with 0");
	delivered.exits++;
}

void raw_set_pipe(int fd)
{
	int size = (int)option_number("pipe", 0);

	if (size > 0)
		(void)fcntl(fd, F_SETPIPE_SZ, size); /* it may be refused: the note tells */
	note("pipe_bytes", fcntl(fd, F_GETPIPE_SZ));
}

/* ---- works ---- */

static void bulk(void)
{
	const char *const *argv = child_words("bulk", "bytes", "write", NULL);
	size_t size = option_number("chunk", READ_SIZE);
	char *block = malloc(size);
	struct raw_child c;
	size_t n;

	if (!block)
		fail("there is no memory for a block");
	measure_begin();
	c = raw_start(argv, RAW_OUT, -1);
	raw_set_pipe(c.out);
	while ((n = raw_read(c.out, block, size)) > 0)
		delivered.bytes += n;
	raw_await(c.pid);
	measure_end();
}

static uint64_t count_lines(const char *at, size_t n)
{
	const char *end = at + n;
	uint64_t lines = 0;

	for (; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
		lines++;
	return lines;
}

static void lines(void)
{
	const char *const *argv = child_words("lines", "lines", "length", NULL);
	static char block[READ_SIZE];
	struct raw_child c;
	size_t n;

	measure_begin();
	c = raw_start(argv, RAW_OUT, -1);
	raw_set_pipe(c.out);
	while ((n = raw_read(c.out, block, sizeof block)) > 0) {
		delivered.bytes += n;
		delivered.lines += count_lines(block, n);
	}
	raw_await(c.pid);
	measure_end();
}

static void ping(const struct raw_child *c)
{
	char message[MESSAGE] = "ping";

	if (write(c->in, message, sizeof message) != (ssize_t)sizeof message)
		fail("write failed");
	for (size_t n = 0, r; n < sizeof message; n += r) {
		r = raw_read(c->out, message, sizeof message - n);
		if (r == 0)
			fail("the child answers no more");
		delivered.bytes += r;
	}
}

static void pingpong(void)
{
	const char *const *argv = child_words("pong", NULL);
	size_t n = option_number("n", 1000);
	struct raw_child c;

	samples_reserve(n);
	measure_begin();
	c = raw_start(argv, RAW_IN | RAW_OUT, -1);
	for (size_t i = 0; i < n; i++) {
		int64_t at = now_ns();

		ping(&c);
		samples_add(now_ns() - at);
	}
	close(c.in);
	raw_await(c.pid);
	measure_end();
}

static bool has_shape(void)
{
	return option_is("shape", "1");
}

static void pingpong_either(void) { has_shape() ? shape_pingpong() : pingpong(); }
static void exit_either(void) { has_shape() ? shape_exit() : raw_exit(); }
static void stop_either(void) { has_shape() ? shape_stop() : raw_stop(); }

static const struct work works[] = {
	{ "bulk", bulk },
	{ "burst", raw_burst },
	{ "drip", raw_drip },
	{ "exit", exit_either },
	{ "kill", raw_kill },
	{ "lines", lines },
	{ "live", raw_live },
	{ "pingpong", pingpong_either },
	{ "spawn", raw_spawn },
	{ "stop", stop_either },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return driver_main(argc, argv, works);
}
