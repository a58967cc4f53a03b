/* SPDX-License-Identifier: MIT */
/*
 * Where a stream's bytes may come from: any descriptor that can be read (tend_stream_open), and nowhere
 * (TEND_OUT_DISCARD).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "fault.h"
#include "streams.h"
#include "test.h"

static tend_stream *open_stream(int fd)
{
	tend_stream *stream = NULL;
	struct tend_error err;

	CHECK_OK(tend_stream_open(fd, &test_reliable_all, "source", &stream, &err), &err);
	return stream;
}

/* All that comes, then the end, and its offset. */
static void check_all(tend_stream *stream, const char *text)
{
	tend_subscription *sub = stream_subscribe(stream);

	expect_bytes(sub, text);
	expect_kind(sub, TEND_EOF);
	tend_subscription_close(sub);
	CHECK_INT(strlen(text), tend_stream_stats(stream).bytes_read);
	tend_stream_free(stream);
}

static void a_socket(void)
{
	int fds[2];
	tend_stream *stream;

	if (!CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)))
		return;
	stream = open_stream(fds[0]);
	stream_put(fds[1], "over a socket");
	close(fds[1]);
	check_all(stream, "over a socket");
}

/* One side is shut down and the other still writes: the end is the end of what can be read. */
static void a_socket_that_is_shut_down(void)
{
	int fds[2];
	tend_stream *stream;

	if (!CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)))
		return;
	stream = open_stream(fds[0]);
	stream_put(fds[1], "x");
	CHECK_INT(0, shutdown(fds[1], SHUT_WR));
	check_all(stream, "x");
	close(fds[1]);
}

static void a_fifo(void)
{
	char dir[] = "/tmp/tend-test-XXXXXX", path[64];
	int read_fd, write_fd;
	tend_stream *stream;

	if (!CHECK(mkdtemp(dir) != NULL))
		return;
	snprintf(path, sizeof path, "%s/fifo", dir);
	CHECK_INT(0, mkfifo(path, 0600));
	read_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	write_fd = open(path, O_WRONLY | O_CLOEXEC); /* there is a writer before the stream reads */
	stream = open_stream(read_fd);
	stream_put(write_fd, "through a fifo");
	close(write_fd);
	check_all(stream, "through a fifo");
	CHECK_INT(0, unlink(path));
	CHECK_INT(0, rmdir(dir));
}

/* From where its offset is; a file never makes anybody wait. */
static void a_file(void)
{
	int fd = memfd_create("source", MFD_CLOEXEC);

	if (!CHECK(fd >= 0))
		return;
	stream_put(fd, "skipped,the rest");
	CHECK_INT(8, lseek(fd, 8, SEEK_SET));
	check_all(open_stream(fd), "the rest");
}

static void a_device(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (CHECK(fd >= 0))
		check_all(open_stream(fd), "");
}

/* Opens both sides; the slave passes bytes on as they are.  False: a check failed, or this system has no devpts. */
static bool open_pty(int *ret_master, int *ret_slave)
{
	struct termios t;

	*ret_slave = -1;
	*ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*ret_master < 0 && errno != EMFILE && errno != ENFILE && errno != ENOMEM) {
		printf("there are no pseudoterminals here (errno %d): not tested\n", errno);
		return false;
	}
	if (!CHECK(*ret_master >= 0) || !CHECK_INT(0, grantpt(*ret_master)) || !CHECK_INT(0, unlockpt(*ret_master)))
		return false;
	*ret_slave = open(ptsname(*ret_master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (!CHECK(*ret_slave >= 0) || !CHECK_INT(0, tcgetattr(*ret_slave, &t)))
		return false;
	cfmakeraw(&t);
	return CHECK_INT(0, tcsetattr(*ret_slave, TCSANOW, &t));
}

/* Linux says EIO when the other side is closed.  That is the end, and no error. */
static void a_pty(void)
{
	int master, slave;
	tend_stream *stream;

	if (!open_pty(&master, &slave))
		return;
	stream = open_stream(master);
	stream_put(slave, "on a terminal\n");
	await_read(stream, 14);
	close(slave);
	check_all(stream, "on a terminal\n");
}

/* In the background process group of a session: reads its terminal, and says how that ended. */
static void read_in_the_background(int result_fd)
{
	tend_stream *stream = NULL;
	tend_subscription *sub = NULL;
	struct tend_event e = { .kind = TEND_TIMED_OUT };

	setpgid(0, 0);
	if (tend_stream_open(open("/dev/tty", O_RDONLY | O_CLOEXEC), &test_reliable_all, "tty", &stream, NULL) < 0 ||
	    tend_stream_subscribe(stream, NULL, &sub, NULL) < 0 ||
	    tend_subscription_next(sub, TEST_PATIENCE, &e) < 0)
		_exit(1);
	_exit(write(result_fd, &e.ending, sizeof e.ending) == sizeof e.ending && e.read_errno == EIO ? 0 : 2);
}

/* A session of its own with that terminal: it stays in the foreground. */
static void lead_session(int slave, int result_fd)
{
	int status = 1;
	pid_t pid;

	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		_exit(3);
	pid = fork();
	if (pid == 0)
		read_in_the_background(result_fd);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		_exit(4);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 5);
}

/* EIO of the slave side means that the reader is in the background, and is an error: the output is not complete. */
static void a_terminal_in_the_background(void)
{
	enum tend_ending ending = TEND_END_NONE;
	int master, slave, fds[2], status = 1;
	pid_t pid;

	if (test_under_sanitizer() || !open_pty(&master, &slave) || !CHECK_INT(0, pipe2(fds, O_CLOEXEC)))
		return; /* sanitizers: as for every fork of a process with threads */
	stream_put(master, "there is something to read\n");
	pid = fork();
	if (pid == 0)
		lead_session(slave, fds[1]);
	CHECK_INT(pid, waitpid(pid, &status, 0));
	CHECK_INT(0, status);
	close(fds[1]);
	CHECK_INT(sizeof ending, read(fds[0], &ending, sizeof ending));
	CHECK_INT(TEND_END_READ_ERROR, ending);
	close(fds[0]);
	close(slave);
	close(master);
}

/* Whereas elsewhere EIO is an error. */
static void eio_elsewhere(void)
{
	struct tend_event e;
	int fds[2];
	tend_stream *stream;
	tend_subscription *sub;

	if (!CHECK_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)))
		return;
	fault_fail_sys_from("read", 1, EIO);
	stream = open_stream(fds[0]);
	sub = stream_subscribe(stream);
	stream_put(fds[1], "x");
	e = stream_next(sub);
	fault_reset();
	CHECK_INT(TEND_READ_ERROR, e.kind);
	CHECK_INT(EIO, e.read_errno);
	CHECK_INT(TEND_END_READ_ERROR, e.ending);
	tend_subscription_close(sub);
	tend_stream_free(stream);
	close(fds[1]);
}

/* ---- nowhere ---- */

static tend_process *discarding(void)
{
	const char *argv[] = { helper("printer"), "unheard", NULL };
	struct tend_spawn s = test_spawn_options(argv, NULL);
	tend_process *p = NULL;
	struct tend_error err;

	CHECK_OK(tend_spawn(&s, &p, &err), &err);
	return p;
}

static bool any_line(void *arg, const struct tend_line *line)
{
	(void)arg, (void)line;
	return true;
}

/* CF-9, CH-14: it has its label and no settings, takes any number of subscribers, and ends at once for each of them. */
static void discarded_streams_end_at_once(void)
{
	static const struct tend_line_options line = { .max_length = 80, .overflow = TEND_LINE_TRUNCATE };
	struct tend_collect how = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED);
	tend_process *p = discarding();
	tend_stream *out = p ? tend_process_stdout(p) : NULL;
	tend_subscription *a, *b;
	struct tend_collected kept;
	struct tend_line_found found;
	struct tend_error err;
	tend_consumer *c = NULL;

	if (!CHECK(out != NULL) || !CHECK(tend_process_stderr(p) != NULL))
		return;
	CHECK_STR("stdout", tend_stream_label(out));
	CHECK_STR("stderr", tend_stream_label(tend_process_stderr(p)));
	CHECK_INT(TEND_DISCARDED, tend_stream_options(out)->backend);
	CHECK_INT(0, tend_stream_options(out)->read_chunk_size);
	CHECK_INT(0, tend_stream_options(out)->max_buffered_chunks);
	a = stream_subscribe(out);
	b = stream_subscribe(out);
	expect_kind(a, TEND_EOF);
	expect_kind(b, TEND_EOF);
	expect_kind(a, TEND_EOF);
	tend_subscription_close(a);
	tend_subscription_close(b);
	CHECK_OK(tend_stream_wait_for_line(out, &line, any_line, NULL, TEST_PATIENCE, &found, &err), &err);
	CHECK_INT(TEND_LINE_STREAM_ENDED, found.outcome);
	if (CHECK_OK(tend_stream_collect(out, &how, &c, &err), &err)) {
		CHECK_OK(tend_consumer_wait(c, TEST_PATIENCE, NULL, &err), &err);
		CHECK_OK(tend_consumer_collected(c, &kept, &err), &err);
		CHECK_INT(0, kept.size);
		CHECK_INT(TEND_END_EOF, kept.consumed.ending);
	}
	tend_consumer_free(c);
	a = NULL; /* and what asks for more than it can have any use for is right, as on any other */
	CHECK_OK(tend_stream_subscribe(out, &(struct tend_subscribe){ .delivery = TEND_LOSSY,
	                                                              .stall = TEND_STALL_LOSE(TEND_MS(1)) },
	                               &a, &err), &err);
	expect_kind(a, TEND_EOF);
	tend_subscription_close(a);
	CHECK_INT(0, tend_stream_seal_replay(out));
	CHECK_INT(TEND_END_EOF, tend_stream_stats(out).end);
	CHECK_INT(0, tend_stream_stats(out).bytes_read);
	test_wait(p, &(struct tend_exit){ 0 });
	tend_process_free(p);
}

/* One that is discarded needs no drain, can be asked to be collected, and says that it is no evidence. */
static void discarded_streams_complete(void)
{
	struct tend_complete o = { .timeout = TEST_PATIENCE,
		                   .out = TEND_COLLECT_BYTES(.overflow = TEND_TRUSTED_UNBOUNDED) };
	tend_process *p = discarding();
	struct tend_result r;
	struct tend_error err;

	if (!p)
		return;
	if (CHECK_OK(tend_process_complete(p, &o, &r, &err), &err)) {
		CHECK_INT(TEND_COMPLETED, r.outcome);
		CHECK(r.out.is_discarded);
		CHECK_INT(0, r.out.collected.size);
		CHECK_STR("", r.out.collected.data);
		CHECK(r.err.is_discarded);
		CHECK_INT(TEND_COLLECTION_NONE, r.err.collected.kind);
	}
	tend_process_free(p);
}

/* The choice is TEND_OUT_DISCARD; a stream of bytes cannot be opened with it. */
static void discarded_is_no_backend_to_choose(void)
{
	struct tend_stream_options o = test_reliable;
	tend_stream *stream = NULL;
	struct tend_error err;
	int fds[2];

	o.backend = TEND_DISCARDED;
	if (!CHECK_INT(0, pipe2(fds, O_CLOEXEC)))
		return;
	CHECK_INT(-EINVAL, tend_stream_open(fds[0], &o, "x", &stream, &err));
	CHECK(strstr(err.message, "backend") != NULL);
	close(fds[1]);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "a_socket", a_socket },
		{ "a_socket_that_is_shut_down", a_socket_that_is_shut_down },
		{ "a_fifo", a_fifo },
		{ "a_file", a_file },
		{ "a_device", a_device },
		{ "a_pty", a_pty },
		{ "a_terminal_in_the_background", a_terminal_in_the_background },
		{ "eio_elsewhere", eio_elsewhere },
		{ "discarded_streams_end_at_once", discarded_streams_end_at_once },
		{ "discarded_streams_complete", discarded_streams_complete },
		{ "discarded_is_no_backend_to_choose", discarded_is_no_backend_to_choose },
	};

	return test_main(argc, argv, "sources", tests, sizeof tests / sizeof *tests);
}
