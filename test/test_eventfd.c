/* SPDX-License-Identifier: MIT */
/* The descriptors for event loops: readable when the call that goes with them would not wait. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fault.h"
#include "streams.h"
#include "test.h"
#include "thread.h"

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* As an event loop does.  The watchdog bounds it. */
static bool await_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, -1);
	while (n < 0 && errno == EINTR);
	return CHECK_INT(1, n);
}

static enum tend_next take(tend_subscription *sub)
{
	struct tend_event e = { .kind = TEND_TIMED_OUT };

	CHECK_INT(0, tend_subscription_next(sub, TEND_AT_ONCE, &e));
	return e.kind;
}

/* As an event loop does, which polls again where there was nothing: a ring that came late. */
static enum tend_next await_and_take(tend_subscription *sub)
{
	enum tend_next kind = TEND_TIMED_OUT;

	while (kind == TEND_TIMED_OUT && await_readable(tend_subscription_fd(sub)))
		kind = take(sub);
	return kind;
}

/*
 * All of the `bytes` that were written has been taken: there is nothing more, and the descriptor says so.  One ring may
 * have come late, from a reader whose news were taken before it had rung; behind await_read() none is still to come.
 */
static void check_idle(tend_stream *stream, tend_subscription *sub, uint64_t bytes)
{
	int fd = tend_subscription_fd(sub);

	await_read(stream, bytes);
	if (is_readable(fd))
		CHECK_INT(TEND_TIMED_OUT, take(sub));
	CHECK(!is_readable(fd));
}

static void follows_the_data(void)
{
	struct tend_stream_options o = stream_options(test_reliable, 1, 8);
	int write_fd, fd;
	tend_stream *stream = test_pipe_stream(&o, &write_fd);
	tend_subscription *sub = stream_subscribe(stream);

	fd = tend_subscription_fd(sub);
	if (!CHECK(fd > 2))
		return;
	CHECK_INT(fd, tend_subscription_fd(sub));
	for (uint64_t bytes = 0; bytes < 6; bytes += 2) {
		check_idle(stream, sub, bytes);
		CHECK_INT(TEND_TIMED_OUT, take(sub));
		stream_put(write_fd, "ab");
		CHECK_INT(TEND_CHUNK, await_and_take(sub));
		expect_bytes(sub, "b"); /* waits, where the reader has not brought it yet */
		check_idle(stream, sub, bytes + 2);
	}
	close(write_fd);
	CHECK_INT(TEND_EOF, await_and_take(sub));
	CHECK(is_readable(fd)); /* the end stays */
	CHECK_INT(TEND_EOF, take(sub));
	CHECK(is_readable(fd));
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* What is there when the descriptor is asked for counts: data, a gap, the replay, an end. */
static void knows_what_was_there_before(void)
{
	struct tend_stream_options o = stream_retaining(TEND_REPLAY_ALL, 1, 8);
	int write_fd, fd;
	tend_stream *stream = test_pipe_stream(&o, &write_fd);
	tend_subscription *sub;

	stream_put(write_fd, "ab");
	await_read(stream, 2);
	sub = stream_subscribe(stream);
	fd = tend_subscription_fd(sub);
	CHECK(is_readable(fd));
	expect_bytes(sub, "a");
	CHECK(is_readable(fd));
	expect_bytes(sub, "b");
	check_idle(stream, sub, 2);
	tend_subscription_close(sub);
	close(write_fd);
	await_end(stream);
	sub = stream_subscribe(stream);
	CHECK(is_readable(tend_subscription_fd(sub)));
	expect_bytes(sub, "ab");
	CHECK(is_readable(tend_subscription_fd(sub)));
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* A gap is an event of its own, with the chunk behind it still to come. */
static void knows_of_a_chunk_behind_a_gap(void)
{
	struct tend_stream_options o = stream_lossy(TEND_DROP_OLDEST, 1, 1);
	int write_fd, fd;
	tend_stream *stream = test_pipe_stream(&o, &write_fd);
	tend_subscription *sub = stream_subscribe(stream);

	fd = tend_subscription_fd(sub);
	stream_put(write_fd, "abc");
	await_read(stream, 3);
	close(write_fd);
	await_end(stream);
	CHECK(is_readable(fd));
	expect_gap(sub, 2, 2, false);
	CHECK(is_readable(fd));
	expect_bytes(sub, "c");
	CHECK(is_readable(fd));
	CHECK_INT(TEND_EOF, take(sub));
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* Blocking and polling may alternate. */
static void blocking_between_polls(void)
{
	struct tend_stream_options o = stream_options(test_reliable, 1, 8);
	int write_fd;
	tend_stream *stream = test_pipe_stream(&o, &write_fd);
	tend_subscription *sub = stream_subscribe(stream);

	CHECK(tend_subscription_fd(sub) > 2); /* from now on it is kept */
	for (uint64_t bytes = 0; bytes < 200; bytes += 2) {
		stream_put(write_fd, "x");
		expect_bytes(sub, "x");
		check_idle(stream, sub, bytes + 1);
		stream_put(write_fd, "y");
		CHECK_INT(TEND_CHUNK, await_and_take(sub));
		check_idle(stream, sub, bytes + 2);
	}
	tend_subscription_close(sub);
	close(write_fd);
	tend_stream_free(stream);
}

struct writing {
	int fd;
	size_t bytes;
};

static void write_in_pieces(struct test_thread *t, void *arg)
{
	static const char data[4096];
	struct writing *w = arg;
	size_t left = w->bytes, piece = 1;

	while (left > 0) {
		size_t n = piece < left ? piece : left;

		if (!WORKER_CHECK_INT(t, (intmax_t)n, write(w->fd, data, n)))
			break;
		left -= n;
		piece = piece * 7 % sizeof data + 1;
	}
	close(w->fd);
}

/* An event loop that sleeps in poll(2) alone misses nothing. */
static void a_loop_gets_everything(void)
{
	struct tend_stream_options o = stream_options(test_reliable, 512, 2);
	struct writing w = { .bytes = 4 << 20 };
	struct tend_event e = { .kind = TEND_TIMED_OUT };
	uint64_t got = 0;
	tend_stream *stream = test_pipe_stream(&o, &w.fd);
	tend_subscription *sub = stream_subscribe(stream);
	struct test_thread writer;

	test_thread_start(&writer, write_in_pieces, &w);
	while (e.kind != TEND_EOF) {
		if (!await_readable(tend_subscription_fd(sub)))
			break;
		while (CHECK_INT(0, tend_subscription_next(sub, TEND_AT_ONCE, &e)) && e.kind == TEND_CHUNK)
			got += e.chunk.size;
	}
	test_thread_join(&writer);
	CHECK_INT(w.bytes, got);
	tend_subscription_close(sub);
	tend_stream_free(stream);
}

/* ---- exits ---- */

static tend_process *spawn_obedient(void)
{
	tend_process *p = test_spawn(&test_reliable_all, "obedient", NULL);

	if (p)
		test_await_line(tend_process_stdout(p), "ready", NULL, 0);
	return p;
}

static void check_signaled(tend_process *p)
{
	struct tend_exit ended = { .kind = TEND_RUNNING };

	CHECK_INT(0, tend_process_wait(p, TEND_AT_ONCE, &ended, NULL));
	CHECK(ended.kind == TEND_SIGNALED || ended.kind == TEND_EXITED);
}

/* Readable once the exit can be told, not before, for good; asked for before, or only afterwards. */
static void exit_is_announced(void)
{
	tend_process *p = spawn_obedient();
	int fd;

	if (!p)
		return;
	fd = tend_process_exit_fd(p);
	if (!CHECK(fd > 2))
		return;
	CHECK(!is_readable(fd));
	CHECK_INT(fd, tend_process_exit_fd(p));
	CHECK_INT(0, tend_process_signal(p, SIGTERM, TEND_LEADER, NULL));
	await_readable(fd);
	check_signaled(p);
	CHECK(is_readable(fd));
	tend_process_free(p);
	p = spawn_obedient();
	if (!p)
		return;
	CHECK_INT(0, tend_process_signal(p, SIGTERM, TEND_LEADER, NULL));
	test_wait(p, &(struct tend_exit){ 0 });
	CHECK(is_readable(tend_process_exit_fd(p)));
	tend_process_free(p);
}

static void ask(struct test_thread *t, void *arg)
{
	WORKER_CHECK(t, tend_process_exit_fd(arg) > 2);
}

/* Asked for at the very moment of the exit: whoever is first, it gets readable. */
static void exit_is_announced_in_a_race(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);

	for (int i = 0; i < 200; i++) {
		tend_process *p = NULL;
		struct tend_error err;
		struct test_thread t;

		if (!CHECK_OK(tend_spawn(&s, &p, &err), &err))
			return;
		test_thread_start(&t, ask, p);
		await_readable(tend_process_exit_fd(p));
		check_signaled(p);
		test_thread_join(&t);
		tend_process_free(p);
	}
}

/* A wait that has told the exit has made the descriptor readable before. */
static void exit_is_not_told_before(void)
{
	const char *argv[] = { helper("true-er"), NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);

	for (int i = 0; i < 200; i++) {
		tend_process *p = NULL;
		struct tend_error err;
		int fd;

		if (!CHECK_OK(tend_spawn(&s, &p, &err), &err))
			return;
		fd = tend_process_exit_fd(p);
		test_wait(p, &(struct tend_exit){ 0 });
		CHECK(is_readable(fd));
		tend_process_free(p);
	}
}

static void exit_refusals(void)
{
	tend_process *p = spawn_obedient();

	CHECK_INT(-EINVAL, tend_process_exit_fd(NULL));
	if (!p)
		return;
	fault_fail_sys("eventfd", 1, ENFILE);
	CHECK_INT(-ENFILE, tend_process_exit_fd(p));
	fault_reset();
	CHECK(tend_process_exit_fd(p) > 2);
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	CHECK(is_readable(tend_process_exit_fd(p)));
	tend_process_free(p);
}

/*
 * Closed with its subscription, also when the reader itself has just taken that out: an event loop must not hear of it
 * any more.
 */
static void closed_is_closed(void)
{
	struct tend_stream_options o = stream_options(test_reliable, 1, 1);

	o.stall = TEND_STALL_LEAVE(TEND_US(10));
	for (int i = 0; i < 300; i++) {
		struct epoll_event e = { .events = EPOLLIN };
		int write_fd, epfd = epoll_create1(EPOLL_CLOEXEC);
		tend_stream *stream = test_pipe_stream(&o, &write_fd);
		tend_subscription *sub = stream_subscribe(stream);
		struct tend_event seen;

		CHECK_INT(0, epoll_ctl(epfd, EPOLL_CTL_ADD, tend_subscription_fd(sub), &e));
		stream_put(write_fd, "abc");
		do
			tend_subscription_next(sub, TEND_AT_ONCE, &seen);
		while (seen.kind != TEND_DETACHED && tend_stream_stats(stream).bytes_read < 3);
		tend_subscription_close(sub);
		CHECK_INT(0, epoll_wait(epfd, &e, 1, 0));
		close(write_fd);
		tend_stream_free(stream);
		close(epfd);
	}
}

static void refusals(void)
{
	int write_fd;
	tend_stream *stream = test_pipe_stream(&test_reliable, &write_fd);
	tend_subscription *sub = stream_subscribe(stream);

	CHECK_INT(-EINVAL, tend_subscription_fd(NULL));
	fault_fail_sys("eventfd", 1, EMFILE);
	CHECK_INT(-EMFILE, tend_subscription_fd(sub));
	fault_reset();
	CHECK(tend_subscription_fd(sub) > 2); /* nothing was spoilt */
	tend_subscription_close(sub);
	close(write_fd);
	tend_stream_free(stream);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "follows_the_data", follows_the_data },
		{ "knows_what_was_there_before", knows_what_was_there_before },
		{ "knows_of_a_chunk_behind_a_gap", knows_of_a_chunk_behind_a_gap },
		{ "blocking_between_polls", blocking_between_polls },
		{ "a_loop_gets_everything", a_loop_gets_everything },
		{ "closed_is_closed", closed_is_closed },
		{ "refusals", refusals },
		{ "exit_is_announced", exit_is_announced },
		{ "exit_is_announced_in_a_race", exit_is_announced_in_a_race },
		{ "exit_is_not_told_before", exit_is_not_told_before },
		{ "exit_refusals", exit_refusals },
	};

	return test_main(argc, argv, "eventfd", tests, sizeof tests / sizeof *tests);
}
