/* SPDX-License-Identifier: MIT */
/* Starts, exits and stops with system calls alone. */
#include "raw.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

static void read_to_the_end(int fd)
{
	char block[512];
	size_t n;

	while ((n = raw_read(fd, block, sizeof block)) > 0)
		delivered.bytes += n;
	close(fd);
}

void raw_spawn(void)
{
	const char *const argv[] = { "/bin/true", NULL };
	unsigned pipes = option_is("pipes", "1") ? RAW_OUT | RAW_ERR : 0;
	size_t n = option_number("n", 100);

	hold_heap_and_fds();
	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		int64_t at = now_ns();
		struct raw_child c = raw_start(argv, pipes, -1);

		if (pipes) {
			read_to_the_end(c.out);
			read_to_the_end(c.err);
		}
		raw_await(c.pid);
		samples_add(now_ns() - at);
	}
	measure_end();
}

void raw_exit(void)
{
	char path[256];
	const volatile int64_t *exited_at = stamp_open(path, sizeof path);
	const char *const argv[] = { option_needed("child"), "stamp", path, NULL };
	size_t n = option_number("n", 100);

	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		raw_await(raw_start(argv, 0, -1).pid);
		samples_add(now_ns() - *exited_at);
	}
	measure_end();
	stamp_close(path);
}

struct raw_child raw_start_ready(const char *mode)
{
	const char *const *argv = child_words(mode, NULL);
	struct raw_child c = raw_start(argv, RAW_OUT, -1);
	char line[6];

	for (size_t n = 0, r; n < sizeof line; n += r) {
		r = raw_read(c.out, line + n, sizeof line - n);
		if (r == 0)
			fail("a child did not get ready");
	}
	return c;
}

void raw_stop(void)
{
	size_t n = option_number("n", 100);

	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		struct raw_child c = raw_start_ready("obey");
		int64_t at = now_ns();

		kill(c.pid, SIGTERM);
		raw_await(c.pid);
		samples_add(now_ns() - at);
		close(c.out);
	}
	measure_end();
}

static void await_killed(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("a child was not killed");
	delivered.exits++;
}

/* The samples are how much later than asked for SIGKILL went. */
void raw_kill(void)
{
	int64_t grace_ns = (int64_t)option_number("grace_ms", 100) * 1000000;
	const struct timespec grace = { .tv_sec = grace_ns / 1000000000, .tv_nsec = grace_ns % 1000000000 };
	size_t n = option_number("n", 10);

	samples_reserve(n);
	measure_begin();
	for (size_t i = 0; i < n; i++) {
		struct raw_child c = raw_start_ready("stubborn");
		struct pollfd exit = { .fd = (int)syscall(SYS_pidfd_open, c.pid, 0), .events = POLLIN };
		int64_t at = now_ns();

		kill(c.pid, SIGTERM);
		if (exit.fd < 0 || ppoll(&exit, 1, &grace, NULL) != 0)
			fail("a stubborn child did not stay");
		samples_add(now_ns() - at - grace_ns);
		kill(c.pid, SIGKILL);
		await_killed(c.pid);
		close(exit.fd);
		close(c.out);
	}
	measure_end();
}
