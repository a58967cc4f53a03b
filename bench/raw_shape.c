/* SPDX-License-Identifier: MIT */
/*
 * What libtend's shape costs, whoever fills it: the same system calls, with a thread that reads and a thread that
 * reaps.  The reader can be called off, and so polls before it reads; an exit is seen by the reaper, which wakes who
 * waits; a stop is handed to the reaper, which sends the signal.  What it takes longer than raw is the price of the
 * design; what libtend takes longer than this, that of its code.
 */
#include "raw.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver.h"

/* ---- a reader ---- */

struct game {
	struct raw_child child;
	size_t left;  /* messages that are still to be sent */
	int call_off; /* an eventfd, which nobody rings here */
};

static void serve(struct game *g)
{
	static const char message[MESSAGE] = "ping";

	g->left--;
	if (write(g->child.in, message, sizeof message) != (ssize_t)sizeof message)
		fail("write failed");
}

static void *read_answers(void *arg)
{
	struct game *g = arg;
	struct pollfd fds[] = { { .fd = g->child.out, .events = POLLIN }, { .fd = g->call_off, .events = POLLIN } };
	char block[MESSAGE];
	int64_t at = now_ns();

	for (size_t here = 0;;) {
		if (poll(fds, 2, -1) < 0)
			fail("poll failed");
		size_t n = raw_read(g->child.out, block, sizeof block);

		if (n == 0)
			return NULL;
		delivered.bytes += n;
		here += n;
		if (here < MESSAGE)
			continue;
		here = 0;
		samples_add(now_ns() - at);
		at = now_ns();
		if (g->left > 0)
			serve(g);
		else
			close(g->child.in);
	}
}

void shape_pingpong(void)
{
	const char *const *argv = child_words("pong", NULL);
	struct game g = { .left = option_number("n", 1000), .call_off = eventfd(0, EFD_CLOEXEC) };
	pthread_t reader;

	samples_reserve(g.left);
	measure_begin();
	g.child = raw_start(argv, RAW_IN | RAW_OUT, -1);
	serve(&g);
	if (pthread_create(&reader, NULL, read_answers, &g) != 0)
		fail("there is no thread");
	pthread_join(reader, NULL);
	raw_await(g.child.pid);
	measure_end();
}

/* ---- a reaper ---- */

static struct {
	int epfd, inbox; /* the eventfd with which it is told that there is something to stop */
	_Atomic pid_t to_stop;
	int pidfd; /* of the child */
	sem_t gone;
} reaper;

static void take_inbox(void)
{
	uint64_t rings;
	pid_t pid = atomic_exchange(&reaper.to_stop, 0);

	if (read(reaper.inbox, &rings, sizeof rings) != (ssize_t)sizeof rings)
		fail("read failed");
	if (pid > 0)
		kill(pid, SIGTERM);
}

static void reap(void)
{
	siginfo_t info;

	if (waitid((idtype_t)P_PIDFD, (id_t)reaper.pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_status != 0)
		fail("a child did not exit with 0");
	delivered.exits++;
	epoll_ctl(reaper.epfd, EPOLL_CTL_DEL, reaper.pidfd, NULL);
	sem_post(&reaper.gone);
}

static void *run_reaper(void *arg)
{
	struct epoll_event e;

	(void)arg;
	for (;;) {
		if (epoll_wait(reaper.epfd, &e, 1, -1) != 1) /* EINTR: whatever suspended this machine */
			continue;
		if (e.data.fd == reaper.inbox)
			take_inbox();
		else
			reap();
	}
	return NULL;
}

static void watch(int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	if (fd < 0 || epoll_ctl(reaper.epfd, EPOLL_CTL_ADD, fd, &e) < 0)
		fail("a descriptor cannot be watched");
}

/* It goes with this program. */
static void start_reaper(void)
{
	pthread_t thread;

	reaper.epfd = epoll_create1(EPOLL_CLOEXEC);
	reaper.inbox = eventfd(0, EFD_CLOEXEC);
	watch(reaper.inbox);
	if (sem_init(&reaper.gone, 0, 0) < 0 || pthread_create(&thread, NULL, run_reaper, NULL) != 0)
		fail("there is no reaper");
}

static void watch_child(pid_t pid)
{
	reaper.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	watch(reaper.pidfd);
}

static void await_reaper(void)
{
	while (sem_wait(&reaper.gone) < 0)
		;
}

void shape_exit(void)
{
	char path[256];
	const volatile int64_t *exited_at = stamp_open(path, sizeof path);
	const char *const argv[] = { option_needed("child"), "stamp", path, NULL };
	size_t n = option_number("n", 100);

	samples_reserve(n);
	measure_begin();
	start_reaper();
	for (size_t i = 0; i < n; i++) {
		watch_child(raw_start(argv, 0, -1).pid);
		await_reaper();
		samples_add(now_ns() - *exited_at);
		close(reaper.pidfd);
	}
	measure_end();
	stamp_close(path);
}

void shape_stop(void)
{
	const uint64_t ring = 1;
	size_t n = option_number("n", 100);

	samples_reserve(n);
	measure_begin();
	start_reaper();
	for (size_t i = 0; i < n; i++) {
		struct raw_child c = raw_start_ready("obey");

		watch_child(c.pid);
		int64_t at = now_ns();

		atomic_store(&reaper.to_stop, c.pid);
		if (write(reaper.inbox, &ring, sizeof ring) != (ssize_t)sizeof ring)
			fail("write failed");
		await_reaper();
		samples_add(now_ns() - at);
		close(reaper.pidfd);
		close(c.out);
	}
	measure_end();
}
