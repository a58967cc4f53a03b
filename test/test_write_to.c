/* SPDX-License-Identifier: MIT */
/*
 * Writers and what they write to: descriptors and FILEs that are full, broken, slow or buffered, and every way in which
 * a writer ends.  The ids are those of the requirements and of the peer's tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "fault.h"
#include "test.h"
#include "writing.h"

#define CHUNKS .what = TEND_WRITE_CHUNKS

static tend_stream *stream_of(const char *text)
{
	return writing_stream_of(TEND_DEFAULT_READ_CHUNK_SIZE, text, strlen(text));
}

/* What a writer makes of a stream that consists of `text`. */
static struct tend_written write_text(const char *text, struct tend_write o)
{
	tend_stream *stream = stream_of(text);
	struct tend_written w = writing_run(stream, &o);

	tend_stream_free(stream);
	return w;
}

/* ---- descriptors ---- */

static void a_full_device(void)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct tend_written w = write_text(
		"a\nb\n", (struct tend_write){ USUAL_LINES, .to = TEND_TO_FD(fd), .on_failure = TEND_WRITE_GO_ON });

	CHECK_INT(2, (intmax_t)w.failures);
	CHECK_INT(ENOSPC, w.first.error);
	CHECK_INT(2, (intmax_t)w.last.offset);
	CHECK_INT(0, (intmax_t)w.bytes_written);
	CHECK_INT(4, (intmax_t)w.bytes_unwritten);
	CHECK_INT(TEND_END_EOF, w.consumed.ending);
	CHECK(!w.complete);
	close(fd);
}

/* The host's side, non-blocking: it takes some, and then says neither that there is room nor that none will be. */
static void a_terminal_that_nobody_has_open(void)
{
	static char much[200000];
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	tend_stream *stream;
	struct tend_written w;
	struct termios t;
	int child;

	if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0) {
		printf("(left out: there are no terminals) ");
		return;
	}
	child = open(ptsname(fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK_INT(0, tcgetattr(child, &t));
	cfmakeraw(&t);
	CHECK_INT(0, tcsetattr(child, TCSANOW, &t));
	close(child);
	stream = writing_stream_of(TEND_DEFAULT_READ_CHUNK_SIZE, much, sizeof much);
	w = writing_run(stream, &(struct tend_write){ CHUNKS, .to = TEND_TO_FD(fd), .on_failure = TEND_WRITE_STOP });
	CHECK_INT(EPIPE, w.last.error);
	CHECK_INT(TEND_END_BROKE, w.consumed.ending);
	CHECK(w.bytes_written < sizeof much);
	tend_stream_free(stream);
	close(fd);
}

static void the_target_must_be_writable(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), closed = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	FILE *file = fdopen(dup(fd), "re");
	const struct tend_write_to targets[] = { TEND_TO_FD(fd), TEND_TO_FD(closed), TEND_TO_FILE(file) };
	tend_stream *stream = stream_of("x");
	tend_consumer *c = NULL;
	struct tend_error e;

	close(closed);
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		struct tend_write o = { CHUNKS, .to = targets[i], .on_failure = TEND_WRITE_STOP };

		CHECK_INT(-EBADF, tend_stream_write(stream, &o, &c, &e));
		CHECK_INT(TEND_STEP_WRITE, e.step);
		CHECK_STR(i == 2 ? "to.file is not open for writing" : "to.fd is not open for writing", e.message);
	}
	CHECK(c == NULL);
	fclose(file);
	close(fd);
	tend_stream_free(stream);
}

struct pipe {
	int in, out;
	size_t room;
};

static struct pipe make_pipe(int flags)
{
	struct pipe p = { .in = -1, .out = -1 };
	int fds[2];

	if (!CHECK_INT(0, pipe2(fds, O_CLOEXEC)))
		return p;
	p.in = fds[1];
	p.out = fds[0];
	CHECK_INT(0, fcntl(p.in, F_SETFL, O_WRONLY | flags));
	p.room = (size_t)fcntl(p.in, F_SETPIPE_SZ, 4096);
	return p;
}

/* From now on whoever writes to it waits. */
static void await_full(const struct pipe *p)
{
	int n = 0;

	while (ioctl(p->out, FIONREAD, &n) == 0 && (size_t)n < p->room)
		poll(NULL, 0, 1);
}

static char *pattern(size_t n)
{
	char *p = malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 7 + (i >> 8));
	return p;
}

/* Reads as much as there has to be, and compares. */
static void drain(const struct pipe *p, const char *expected, size_t size)
{
	char *back = malloc(size);
	size_t n = 0;
	ssize_t r;

	while (n < size && (r = read(p->out, back + n, size - n)) > 0)
		n += (size_t)r;
	CHECK_MEM(expected, size, back, n);
	free(back);
}

static void a_full_non_blocking_pipe_is_waited_for(void)
{
	enum { SIZE = 50000 };
	struct pipe p = make_pipe(O_NONBLOCK);
	char *data = pattern(SIZE);
	tend_stream *stream = writing_stream_of(SIZE, data, SIZE);
	unsigned long polls = fault_sys_calls("poll"); /* the stream's reader has left: nobody else polls */
	struct tend_written w;
	tend_consumer *c = writing_start(
		stream, &(struct tend_write){ CHUNKS, .to = TEND_TO_FD(p.in), .on_failure = TEND_WRITE_STOP });

	await_full(&p);
	while (fault_sys_calls("poll") == polls)
		poll(NULL, 0, 1);
	drain(&p, data, SIZE);
	w = writing_end(c);
	CHECK(w.complete);
	CHECK_INT(SIZE, (intmax_t)w.bytes_written);
	CHECK_INT(O_NONBLOCK, fcntl(p.in, F_GETFL) & O_NONBLOCK);
	close(p.in);
	close(p.out);
	tend_stream_free(stream);
	free(data);
}

/* A poll that fails does not make the writer spin, or wait for ever. */
static void a_wait_that_fails_is_a_failure(void)
{
	struct pipe p = make_pipe(O_NONBLOCK);
	char *data = pattern(20000);
	tend_stream *stream = writing_stream_of(20000, data, 20000);
	struct tend_written w;

	fault_fail_sys("poll", 1, ENOMEM);
	w = writing_run(stream, &(struct tend_write){ CHUNKS, .to = TEND_TO_FD(p.in), .on_failure = TEND_WRITE_STOP });
	fault_reset();
	CHECK_INT(ENOMEM, w.first.error);
	CHECK_INT(p.room, (intmax_t)w.first.written);
	drain(&p, data, p.room);
	close(p.in);
	close(p.out);
	tend_stream_free(stream);
	free(data);
}

/* ---- signals ---- */

static _Atomic int handled;
static _Atomic bool signalled_thread_known;
static pthread_t signalled_thread;

static void count_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled, 1);
}

/* Lets the consumer's thread be interrupted, which is blocked in the library's threads. */
static void let_through(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void map_interrupted(void *arg, const struct tend_chunk *chunk, tend_writer *writer)
{
	(void)arg;
	let_through(SIGUSR1);
	signalled_thread = pthread_self();
	atomic_store(&signalled_thread_known, true);
	tend_writer_emit(writer, chunk->data, chunk->size);
}

/* EINTR in the middle of a write: nothing is lost, and nothing is written twice. */
static void interrupted_writes_go_on(void)
{
	enum { SIZE = 50000 };
	const struct sigaction counting = { .sa_handler = count_signal };
	struct pipe p = make_pipe(0);
	char *data = pattern(SIZE);
	tend_stream *stream = writing_stream_of(SIZE, data, SIZE);
	struct sigaction before;
	tend_consumer *c;

	atomic_store(&handled, 0);
	atomic_store(&signalled_thread_known, false);
	sigaction(SIGUSR1, &counting, &before);
	c = writing_start(stream, &(struct tend_write){ CHUNKS, .to = TEND_TO_FD(p.in), .on_failure = TEND_WRITE_STOP,
	                                                .map_chunk = map_interrupted });
	await_full(&p);
	/* known now: the map function came before the first byte; the thread stays until the pipe is drained */
	CHECK(atomic_load(&signalled_thread_known));
	while (atomic_load(&handled) < 20) {
		pthread_kill(signalled_thread, SIGUSR1);
		poll(NULL, 0, 1);
	}
	drain(&p, data, SIZE);
	CHECK(writing_end(c).complete);
	sigaction(SIGUSR1, &before, NULL);
	close(p.in);
	close(p.out);
	tend_stream_free(stream);
	free(data);
}

static bool is_pending(int sig)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, sig) == 1;
}

/* What the consumer's thread saw when its write had failed. */
static struct {
	int error;
	bool pending;
} at_failure;

static enum tend_flow look_at_failure(void *arg, const struct tend_write_failure *failure)
{
	(void)arg;
	at_failure.error = failure->error;
	at_failure.pending = is_pending(SIGPIPE);
	return TEND_CONTINUE;
}

static void map_open_to_sigpipe(void *arg, const struct tend_chunk *chunk, tend_writer *writer)
{
	(void)arg;
	let_through(SIGPIPE);
	tend_writer_emit(writer, chunk->data, chunk->size);
}

static void map_with_sigpipe(void *arg, const struct tend_chunk *chunk, tend_writer *writer)
{
	(void)arg;
	pthread_kill(pthread_self(), SIGPIPE);
	tend_writer_emit(writer, chunk->data, chunk->size);
}

/* Writes to a pipe that nobody reads, twice, by a descriptor and by a FILE. */
static void write_to_broken_pipe(bool by_file, tend_map_chunk_fn *map)
{
	struct pipe p = make_pipe(0);
	FILE *file = by_file ? fdopen(p.in, "we") : NULL;
	tend_stream *stream = writing_stream_of(3, "abcdef", 6);
	struct tend_write o = { CHUNKS, .to = TEND_TO_FD(p.in), .on_failure = TEND_WRITE_ASK, .ask = look_at_failure,
		                .map_chunk = map };
	struct tend_written w;

	close(p.out);
	if (by_file) {
		setvbuf(file, NULL, _IONBF, 0);
		o.to = TEND_TO_FILE(file);
	}
	at_failure.error = 0;
	w = writing_run(stream, &o);
	CHECK_INT(EPIPE, at_failure.error);
	CHECK_INT(2, (intmax_t)w.failures);
	CHECK_INT(TEND_END_EOF, w.consumed.ending);
	if (by_file)
		fclose(file);
	else
		close(p.in);
	tend_stream_free(stream);
}

/* The flush at the end is this thread's, which has SIGPIPE open: who cancels a consumer on the reader calls on_end. */
static void flush_to_broken_pipe(void)
{
	struct pipe p = make_pipe(0);
	FILE *file = fdopen(p.in, "we");
	struct tend_written w;
	tend_stream *stream;
	tend_consumer *c;
	int fd;

	stream = test_pipe_stream(&test_reliable, &fd);
	c = writing_start(stream, &(struct tend_write){ CHUNKS, .to = TEND_TO_FILE(file), .on_failure = TEND_WRITE_STOP,
	                                                .runs_on = TEND_ON_READER });
	writing_feed(fd, "abc", 3);
	writing_await_given(c, 3);
	close(p.out);
	CHECK_INT(0, tend_consumer_cancel(c, TEST_PATIENCE, TEND_CANCEL_NOW, NULL, NULL));
	w = writing_end(c);
	CHECK_INT(EPIPE, w.flush_error);
	CHECK_INT(TEND_WRITING_FLUSH, w.first.writing);
	CHECK_INT(3, (intmax_t)w.first.offset);
	CHECK(!w.stopped);
	fclose(file);
	close(fd);
	tend_stream_free(stream);
}

/* In a process of its own: SIGPIPE would end it, were it sent. */
static int survive_broken_pipes(void)
{
	alarm(100);
	signal(SIGPIPE, SIG_DFL);
	let_through(SIGPIPE);
	flush_to_broken_pipe();
	for (int by_file = 0; by_file < 2; by_file++) {
		write_to_broken_pipe(by_file, map_open_to_sigpipe);
		CHECK(!at_failure.pending);
	}
	return 0;
}

static void a_broken_pipe_kills_nobody(void)
{
	const char *argv[] = { "--survive-broken-pipes", NULL };

	CHECK_INT(0, test_run_self(argv, NULL, NULL, NULL, 0));
}

/* Taken away is what the write has raised, and not what was pending before. */
static void a_pending_sigpipe_is_kept(void)
{
	for (int by_file = 0; by_file < 2; by_file++) {
		write_to_broken_pipe(by_file, NULL);
		CHECK(!at_failure.pending);
		write_to_broken_pipe(by_file, map_with_sigpipe);
		CHECK(at_failure.pending);
	}
}

/* ---- files ---- */

/* A FILE that fails on certain writes. */
struct cookie {
	char text[4096], buffer[256];
	size_t size;
	int writes, fail_at; /* from 1; 0: never */
	pthread_t writer;
	bool inside, overlapped, wrong_thread;
};

static ssize_t cookie_write(void *arg, const char *data, size_t size)
{
	struct cookie *c = arg;

	c->overlapped |= c->inside;
	c->inside = true;
	c->wrong_thread |= c->writes > 0 && !pthread_equal(c->writer, pthread_self());
	c->writer = pthread_self();
	c->inside = false;
	if (++c->writes == c->fail_at) {
		errno = EDQUOT;
		return 0;
	}
	if (size > sizeof c->text - 1 - c->size)
		size = sizeof c->text - 1 - c->size;
	memcpy(c->text + c->size, data, size);
	c->size += size;
	return (ssize_t)size;
}

static FILE *open_cookie(struct cookie *c, int buffering, size_t size)
{
	FILE *file = fopencookie(c, "w", (cookie_io_functions_t){ .write = cookie_write });

	CHECK(file != NULL);
	CHECK_INT(0, setvbuf(file, c->buffer, buffering, size)); /* without a buffer its size would be ignored */
	return file;
}

/* write::chunk_writer_accepts_send_only_writer: one thread at a time, and always the same one, which is not ours. */
static void a_file_of_one_thread(void)
{
	struct cookie cookie = { .size = 0 };
	FILE *file = open_cookie(&cookie, _IONBF, 0);
	tend_stream *stream = writing_stream_of(2, "abcdef", 6);
	struct tend_written w = writing_run(
		stream, &(struct tend_write){ CHUNKS, .to = TEND_TO_FILE(file), .on_failure = TEND_WRITE_STOP });

	CHECK(w.complete);
	CHECK_STR("abcdef", cookie.text);
	CHECK_INT(3, cookie.writes);
	CHECK(!cookie.overlapped && !cookie.wrong_thread);
	CHECK(!pthread_equal(cookie.writer, pthread_self()));
	fclose(file);
	tend_stream_free(stream);
}

/* write::line_writer_reports_line_and_delimiter_write_errors: without a buffer it is known what a FILE took. */
static void an_unbuffered_file_that_fails_once(void)
{
	static const char *const expected[] = { "bb\nccc\ndd\nee\nff", "aa\nccc\ndd\nee\nff", "aa\nbb\nccc\nee\nff",
		                                "aa\nbb\nccc\ndd\nff", "aa\nbb\nccc\ndd\nee\n" };

	for (int i = 0; i < 5; i++) {
		struct cookie cookie = { .fail_at = i + 1 };
		FILE *file = open_cookie(&cookie, _IONBF, 0);
		/* "aa\n", "bb\nccc\n", "dd\n", "ee\n" and "ff" are written at once */
		tend_stream *stream = writing_stream_of(5, "aa\nbb\nccc\ndd\nee\nff", 18);
		struct tend_written w;

		w = writing_run(stream, &(struct tend_write){ USUAL_LINES, .to = TEND_TO_FILE(file),
		                                              .on_failure = TEND_WRITE_GO_ON });
		CHECK_STR(expected[i], cookie.text);
		CHECK_INT(1, (intmax_t)w.failures);
		CHECK_INT(EDQUOT, w.first.error);
		CHECK_INT(TEND_WRITING_LINE, w.first.writing);
		CHECK_INT(cookie.size, (intmax_t)w.bytes_written);
		CHECK_INT(0, w.flush_error);
		CHECK_INT(5, (intmax_t)w.lines_written);
		fclose(file);
		tend_stream_free(stream);
	}
}

/* Each line of the text consists of one letter only. */
static bool joins_no_lines(const char *text)
{
	for (; text[0] && text[1]; text++)
		if (text[0] != text[1] && text[0] != '\n' && text[1] != '\n')
			return false;
	return true;
}

/* A line of `n` bytes, all the same letter; behind the line, the next letter's turn. */
static size_t letter_line(char *to, char letter, size_t n)
{
	memset(to, letter, n);
	to[n] = '\n';
	return n + 1;
}

/* OE-9: whatever a buffer loses, and wherever: what is left of a line is not continued by another one. */
static void a_buffered_file_that_fails_once(void)
{
	static const size_t rooms[] = { 2, 7, 20, 64, 128, 129, 160, 200, 256 };
	static const size_t lengths[] = { 200, 3, 60, 1, 130, 40, 0, 2, 90, 33, 300, 5 };
	size_t n = 0, n_lines = sizeof lengths / sizeof *lengths;
	char all[1200];
	int n_failed = 0;

	for (size_t i = 0; i < n_lines; i++)
		n += letter_line(all + n, (char)('a' + i), lengths[i]);
	for (size_t i = 0; i < 2 * sizeof rooms / sizeof *rooms; i++) {
		for (int fail_at = 1; fail_at < 7; fail_at++) {
			struct cookie cookie = { .fail_at = fail_at };
			FILE *file = open_cookie(&cookie, i % 2 ? _IOFBF : _IOLBF, rooms[i / 2]);
			tend_stream *stream = writing_stream_of(50, all, n);
			struct tend_written w;

			w = writing_run(stream, &(struct tend_write){ USUAL_LINES, .to = TEND_TO_FILE(file),
			                                              .on_failure = TEND_WRITE_GO_ON });
			CHECK(joins_no_lines(cookie.text));
			CHECK_INT(cookie.writes >= fail_at, (intmax_t)w.failures);
			CHECK_INT(w.failures > 0, w.first.error == EDQUOT);
			if (w.failures == 0)
				CHECK_MEM(all, n, cookie.text, cookie.size);
			CHECK_INT(w.failures == 0, w.complete);
			CHECK(w.bytes_unwritten <= 301 && w.first.written <= w.first.size);
			CHECK(w.failures == 0 || w.lines_written < n_lines || w.first.writing == TEND_WRITING_FLUSH);
			n_failed += w.failures > 0;
			fclose(file);
			tend_stream_free(stream);
		}
	}
	CHECK(n_failed > 50);
}

/*
 * The C library writes the first 128 bytes of the first line, and its end is lost with the second line, which fills the
 * buffer, when there is to be room for the third, of which nothing is taken.
 */
static void a_buffer_loses_the_end_of_a_line(void)
{
	for (size_t length = 120; length < 128; length++) {
		struct cookie cookie = { .fail_at = 2 };
		FILE *file = open_cookie(&cookie, _IOFBF, 128);
		char lines[4][140];
		const size_t sizes[4] = { letter_line(lines[0], 'a', 130), letter_line(lines[1], 'b', length),
			                  letter_line(lines[2], 'c', 5), letter_line(lines[3], 'd', 3) };
		uint64_t given = 0;
		tend_stream *stream;
		tend_consumer *c;
		int fd;

		stream = test_pipe_stream(&test_reliable, &fd);
		c = writing_start(stream, &(struct tend_write){ USUAL_LINES, .to = TEND_TO_FILE(file),
		                                                .on_failure = TEND_WRITE_GO_ON });
		for (size_t i = 0; i < 4; i++) {
			writing_feed(fd, lines[i], sizes[i]);
			writing_await_given(c, given += sizes[i]);
		}
		close(fd);
		CHECK_INT(1, (intmax_t)writing_end(c).failures);
		CHECK(joins_no_lines(cookie.text));
		fclose(file);
		tend_stream_free(stream);
	}
}

/* A full device shows when the buffer is emptied: at the end, with each line, or at once. */
static void a_file_on_a_full_device(void)
{
	static const int buffering[] = { _IOFBF, _IOLBF, _IONBF };

	for (size_t i = 0; i < 3; i++) {
		FILE *file = fopen("/dev/full", "we");
		struct tend_written w;

		setvbuf(file, NULL, buffering[i], 4096);
		w = write_text("a\nb\n", (struct tend_write){ USUAL_LINES, .to = TEND_TO_FILE(file),
		                                              .on_failure = TEND_WRITE_STOP });
		CHECK_INT(1, (intmax_t)w.failures);
		CHECK_INT(ENOSPC, w.first.error);
		CHECK_INT(buffering[i] == _IOFBF ? TEND_WRITING_FLUSH : TEND_WRITING_LINE, w.first.writing);
		CHECK_INT(buffering[i] == _IOFBF ? ENOSPC : 0, w.flush_error);
		CHECK_INT(buffering[i] == _IOFBF ? 4 : 0, (intmax_t)w.first.offset);
		CHECK_INT(buffering[i] == _IOFBF ? TEND_END_EOF : TEND_END_BROKE, w.consumed.ending);
		CHECK_INT(buffering[i] != _IOFBF, w.stopped);
		CHECK(!w.complete);
		fclose(file);
	}
}

/* The end of memory, in the middle of a line. */
static void a_file_in_memory_that_is_too_small(void)
{
	char room[7];
	FILE *file = fmemopen(room, sizeof room, "w");
	struct tend_written w;

	setvbuf(file, NULL, _IONBF, 0);
	w = write_text("abc\ndefgh\n",
	               (struct tend_write){ USUAL_LINES, .to = TEND_TO_FILE(file), .on_failure = TEND_WRITE_STOP });
	CHECK_INT(1, (intmax_t)w.failures);
	CHECK_INT(ENOSPC, w.first.error);
	CHECK_INT(4, (intmax_t)w.first.offset);
	CHECK_INT(1, (intmax_t)w.lines_written);
	CHECK_MEM("abc\nde", 6, room, 6);
	fclose(file);
}

/* An error that somebody else has met before is not taken for one of ours. */
static void an_old_error_is_no_failure(void)
{
	struct cookie cookie = { .fail_at = 1 };
	FILE *file = open_cookie(&cookie, _IONBF, 0);

	CHECK_INT(EOF, fputc('x', file));
	CHECK(ferror(file));
	CHECK(write_text("a\nb\n",
	                 (struct tend_write){ USUAL_LINES, .to = TEND_TO_FILE(file), .on_failure = TEND_WRITE_STOP })
	              .complete);
	CHECK_STR("a\nb\n", cookie.text);
	fclose(file);
}

/* ---- ends ---- */

static struct tend_end last_end;
static int n_ends;

static void note_end(void *arg, const struct tend_end *end)
{
	(void)arg;
	last_end = *end;
	n_ends++;
}

/* Checks what is in the buffered file when a writer has ended so, and how it says that it has. */
static void check_end(const char *expected, enum tend_ending ending, const struct cookie *cookie,
                      const struct tend_written *w)
{
	CHECK_STR(expected, cookie->text);
	CHECK_INT(strlen(expected), (intmax_t)w->bytes_written);
	CHECK_INT(ending, w->consumed.ending);
	CHECK_INT(ending == TEND_END_EOF, w->complete);
	CHECK_INT(1, n_ends);
	CHECK_INT(ending, last_end.reason);
	CHECK_INT(w->consumed.read_errno, last_end.read_errno);
}

enum way_to_end { BY_EOF, BY_READ_ERROR, BY_DETACH, BY_CANCEL };

static struct tend_written end_by(enum way_to_end way, const struct tend_write *o)
{
	static const char text[] = "one\ntwo";
	tend_stream *stream = NULL;
	struct tend_written w;
	tend_consumer *c;
	int fd = -1;

	if (way == BY_EOF)
		stream = stream_of(text);
	else if (way == BY_READ_ERROR)
		stream = writing_stream_that_fails(text, strlen(text));
	else
		stream = test_pipe_stream(&test_reliable_all, &fd);
	c = writing_start(stream, o);
	if (fd >= 0) {
		writing_feed(fd, text, strlen(text));
		writing_await_given(c, strlen(text));
	}
	if (way == BY_CANCEL)
		CHECK_INT(0, tend_consumer_cancel(c, TEST_PATIENCE, TEND_CANCEL_NOW, NULL, NULL));
	if (way == BY_DETACH)
		stream = tend_stream_free(stream);
	w = writing_end(c);
	if (fd >= 0)
		close(fd);
	tend_stream_free(stream);
	return w;
}

/* OE-35, VS-2: flushed and accounted for in every case.  Whoever is cancelled has seen no end of the last line. */
static void check_every_end(enum tend_runs_on runs_on)
{
	static const enum tend_ending endings[] = { TEND_END_EOF, TEND_END_READ_ERROR, TEND_END_DETACHED,
		                                    TEND_END_CANCELLED };

	for (enum way_to_end way = BY_EOF; way <= BY_CANCEL; way++) {
		struct cookie cookie = { .size = 0 };
		FILE *file = open_cookie(&cookie, _IOFBF, 64);
		struct tend_written w;

		n_ends = 0;
		w = end_by(way,
		           &(struct tend_write){ USUAL_LINES, .to = TEND_TO_FILE(file), .on_failure = TEND_WRITE_STOP,
		                                 .on_end = note_end, .runs_on = runs_on });
		check_end(way == BY_CANCEL ? "one\n" : "one\ntwo", endings[way], &cookie, &w);
		CHECK_INT(way == BY_READ_ERROR ? EIO : 0, w.consumed.read_errno);
		CHECK_INT(0, (intmax_t)w.failures);
		fclose(file);
	}
}

static void every_end_is_flushed(void)
{
	check_every_end(TEND_ON_OWN_THREAD);
	check_every_end(TEND_ON_READER);
}

static void map_to_much(void *arg, const struct tend_line *line, tend_writer *writer)
{
	(void)arg;
	for (int i = 0; i < 10 && line->offset > 0; i++)
		tend_writer_emit(writer, "0123456789", 10);
	tend_writer_emit(writer, line->data, line->size);
}

/* The first line is in the buffer and arrives, though the writer has stopped at the second. */
static void a_stopped_writer_is_flushed(void)
{
	struct cookie cookie = { .fail_at = 1 };
	FILE *file = open_cookie(&cookie, _IOFBF, 64);
	struct tend_written w;

	n_ends = 0;
	w = write_text("one\ntwo\nthree\n",
	               (struct tend_write){ USUAL_LINES, .to = TEND_TO_FILE(file), .on_failure = TEND_WRITE_STOP,
	                                    .map_line = map_to_much, .on_end = note_end });
	CHECK_INT(1, (intmax_t)w.failures);
	CHECK_INT(TEND_END_BROKE, w.consumed.ending);
	CHECK_INT(TEND_END_BROKE, last_end.reason);
	CHECK_INT(1, n_ends);
	CHECK(__fpending(file) == 0);
	fclose(file);
}

/* consumer::pending_writer_abort_releases_single_subscriber_claim */
static void a_writer_that_is_stuck_is_given_up(void)
{
	enum { SIZE = 20000 };
	struct pipe p = make_pipe(0);
	char *data = pattern(SIZE);
	struct tend_consumed seen;
	struct tend_written w;
	tend_stream *stream;
	struct tend_error e;
	tend_consumer *c, *next;
	int fd;

	n_ends = 0;
	stream = test_pipe_stream(&test_single, &fd);
	c = writing_start(stream, &(struct tend_write){ CHUNKS, .to = TEND_TO_FD(p.in), .on_failure = TEND_WRITE_STOP,
	                                                .on_end = note_end });
	writing_feed(fd, data, SIZE);
	await_full(&p);
	CHECK_OK(tend_consumer_cancel(c, TEND_MS(1), TEND_CANCEL_NOW, &seen, &e), &e);
	CHECK_INT(TEND_END_ABANDONED, seen.ending);
	CHECK_INT(-EAGAIN, tend_consumer_written(c, &w, NULL));
	CHECK_INT(0, tend_stream_stats(stream).subscribers);
	next = writing_start(stream,
	                     &(struct tend_write){ CHUNKS, .to = TEND_TO_FD(p.in), .on_failure = TEND_WRITE_STOP });
	tend_consumer_free(next);
	drain(&p, data, seen.bytes);
	w = writing_end(c);
	CHECK_INT(TEND_END_CANCELLED, w.consumed.ending);
	CHECK_INT(seen.bytes, (intmax_t)w.bytes_written);
	CHECK_INT(0, (intmax_t)w.failures);
	CHECK_INT(1, n_ends);
	close(fd);
	tend_stream_free(stream);
	close(p.in);
	close(p.out);
	free(data);
}

static void close_target(void *arg, const struct tend_end *end)
{
	int *fd = arg;

	(void)end;
	close(*fd);
}

/* Freed at once, while it cannot go on: on_end says when the target is needed no more, and may close it. */
static void a_freed_writer_says_when_it_is_done(void)
{
	enum { SIZE = 20000 };
	static struct pipe p; /* not on a stack: for ThreadSanitizer the end of the pipe comes behind nothing */
	char *data = pattern(SIZE), past_end;
	tend_stream *stream = writing_stream_of(SIZE, data, SIZE);
	tend_consumer *c;

	p = make_pipe(0);
	c = writing_start(stream, &(struct tend_write){ CHUNKS, .to = TEND_TO_FD(p.in), .on_failure = TEND_WRITE_STOP,
	                                                .on_end = close_target, .arg = &p.in });
	await_full(&p);
	tend_consumer_free(c);
	drain(&p, data, SIZE);
	CHECK_INT(0, read(p.out, &past_end, 1));
	close(p.out);
	tend_stream_free(stream);
	free(data);
}

/* Both outputs of a child, one as it comes, one line by line, into the same file: no line is torn. */
static void the_outputs_of_a_child(void)
{
	tend_process *child = test_spawn(&test_reliable_all, "liner", "1000", NULL);
	struct written_file f;
	struct tend_written w;
	tend_consumer *c;

	if (!child)
		return;
	writing_open(&f);
	c = writing_start(tend_process_stdout(child),
	                  &(struct tend_write){ USUAL_LINES, .to = TEND_TO_FD(f.fd), .on_failure = TEND_WRITE_STOP });
	w = writing_end(c);
	CHECK(w.complete);
	CHECK_INT(tend_stream_stats(tend_process_stdout(child)).bytes_read, (intmax_t)w.bytes_written);
	writing_close(&f);
	tend_process_free(child);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "a-full-device", a_full_device },
		{ "the-target-must-be-writable", the_target_must_be_writable },
		{ "a-terminal-that-nobody-has-open", a_terminal_that_nobody_has_open },
		{ "a-full-non-blocking-pipe-is-waited-for", a_full_non_blocking_pipe_is_waited_for },
		{ "a-wait-that-fails-is-a-failure", a_wait_that_fails_is_a_failure },
		{ "interrupted-writes-go-on", interrupted_writes_go_on },
		{ "a-broken-pipe-kills-nobody", a_broken_pipe_kills_nobody },
		{ "a-pending-sigpipe-is-kept", a_pending_sigpipe_is_kept },
		{ "a-file-of-one-thread", a_file_of_one_thread },
		{ "an-unbuffered-file-that-fails-once", an_unbuffered_file_that_fails_once },
		{ "a-buffered-file-that-fails-once", a_buffered_file_that_fails_once },
		{ "a-buffer-loses-the-end-of-a-line", a_buffer_loses_the_end_of_a_line },
		{ "a-file-on-a-full-device", a_file_on_a_full_device },
		{ "a-file-in-memory-that-is-too-small", a_file_in_memory_that_is_too_small },
		{ "an-old-error-is-no-failure", an_old_error_is_no_failure },
		{ "every-end-is-flushed", every_end_is_flushed },
		{ "a-stopped-writer-is-flushed", a_stopped_writer_is_flushed },
		{ "a-writer-that-is-stuck-is-given-up", a_writer_that_is_stuck_is_given_up },
		{ "a-freed-writer-says-when-it-is-done", a_freed_writer_says_when_it_is_done },
		{ "the-outputs-of-a-child", the_outputs_of_a_child },
	};

	if (argc == 2 && strcmp(argv[1], "--survive-broken-pipes") == 0)
		return survive_broken_pipes();
	return test_main(argc, argv, "write-to", tests, sizeof tests / sizeof *tests);
}
