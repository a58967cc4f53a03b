/* SPDX-License-Identifier: MIT */
/* write(2) may take less than it was given, be interrupted, or be told not to wait: here it is made to take all. */
#include "io.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

/* The descriptor may be shared with a process that made it non-blocking: its flags are not ours to change. */
static void wait_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	poll(&p, 1, -1);
}

int io_write_all(int fd, const void *data, size_t size)
{
	const char *at = data;
	ssize_t n;

	while (size > 0) {
		n = write(fd, at, size);
		if (n >= 0) {
			at += n;
			size -= (size_t)n;
		} else if (errno == EAGAIN) {
			wait_writable(fd);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int io_print(const char *text)
{
	int r = io_write_all(STDOUT_FILENO, text, strlen(text));

	if (r < 0)
		say("cannot write to stdout: %s", strerror(-r));
	return r;
}
