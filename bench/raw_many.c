/* SPDX-License-Identifier: MIT */
/* Many children at once with system calls alone: one thread, one epoll, one block to read into. */
#include "raw.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "driver.h"

#define AT_A_TIME 64 /* events of one epoll_wait(2) */

struct many {
	struct raw_child *children;
	size_t n;
	int epoll;
	size_t n_open; /* pipes that have not ended */
};

static void watch(struct many *m, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		fail("epoll_ctl failed");
	m->n_open++;
}

/* Both outputs of each are pipes; `in_fd` is the stdin of all, -1: /dev/null. */
static struct many start_many(const char *const *argv, int in_fd)
{
	struct many m = { .n = option_number("children", 1) };

	m.children = calloc(m.n, sizeof *m.children);
	m.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!m.children || m.epoll < 0)
		fail("there is no room for the children");
	for (size_t i = 0; i < m.n; i++) {
		m.children[i] = raw_start(argv, RAW_OUT | RAW_ERR, in_fd);
		watch(&m, m.children[i].out);
		watch(&m, m.children[i].err);
	}
	return m;
}

/* Reads until all pipes have ended, or `enough` bytes have come. */
static void read_all(struct many *m, uint64_t enough)
{
	static char block[READ_SIZE];
	struct epoll_event events[AT_A_TIME];

	while (m->n_open > 0 && delivered.bytes < enough) {
		int n = epoll_wait(m->epoll, events, AT_A_TIME, -1);

		if (n < 0)
			fail("epoll_wait failed");
		for (int i = 0; i < n; i++) {
			size_t r = raw_read(events[i].data.fd, block, sizeof block);

			delivered.bytes += r;
			if (r > 0)
				continue;
			/* taken out, as a child that is about to execute still has a copy of it */
			epoll_ctl(m->epoll, EPOLL_CTL_DEL, events[i].data.fd, NULL);
			close(events[i].data.fd);
			m->n_open--;
		}
	}
}

static void end_many(struct many *m)
{
	for (size_t i = 0; i < m->n; i++)
		raw_await(m->children[i].pid);
	measure_end();
	close(m->epoll);
	free(m->children);
}

void raw_burst(void)
{
	const char *const *argv = child_words("bulk", "bytes", "write", NULL);
	struct many m;

	measure_begin();
	m = start_many(argv, -1);
	read_all(&m, UINT64_MAX);
	end_many(&m);
}

void raw_drip(void)
{
	const char *const *argv = child_words("drip", "n", "rate", "size", NULL);
	struct many m;

	measure_begin();
	m = start_many(argv, -1);
	read_all(&m, UINT64_MAX);
	end_many(&m);
}

/* All of them are alive when the last byte has come: the end of their common stdin lets them go. */
void raw_live(void)
{
	const char *const *argv = child_words("hold", "bytes", "write", NULL);
	uint64_t all = option_number("children", 1) * option_number("bytes", 0);
	int hold[2];
	struct many m;

	if (pipe2(hold, O_CLOEXEC) < 0)
		fail("pipe2 failed");
	measure_begin();
	m = start_many(argv, hold[0]);
	read_all(&m, all);
	measure_threads();
	close(hold[1]);
	read_all(&m, UINT64_MAX);
	end_many(&m);
	close(hold[0]);
}
