/* SPDX-License-Identifier: MIT */
/* Streams and targets for the tests of writers. */
#include "writing.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"
#include "streams.h"
#include "test.h"

/* ---- targets ---- */

void writing_open(struct written_file *f)
{
	f->fd = memfd_create("written", MFD_CLOEXEC);
	CHECK(f->fd >= 0);
	f->text[0] = '\0';
}

void writing_read_back(struct written_file *f)
{
	ssize_t n = pread(f->fd, f->text, sizeof f->text - 1, 0);

	CHECK(n >= 0);
	f->text[n > 0 ? n : 0] = '\0';
}

void writing_close(struct written_file *f)
{
	CHECK_INT(0, close(f->fd));
}

/* [consumer] */
enum tend_flow asked_ask(void *arg, const struct tend_write_failure *failure)
{
	struct asked *a = arg;

	if (a->n < (int)(sizeof a->failures / sizeof *a->failures))
		a->failures[a->n] = *failure;
	snprintf(a->label, sizeof a->label, "%s", failure->label);
	if (a->n < a->fail_again)
		fault_fail_sys("write", a->fail_next ? a->fail_next : 1, EIO);
	return a->n++ < a->go_on ? TEND_CONTINUE : TEND_BREAK;
}

/* ---- streams ---- */

void writing_feed(int fd, const char *data, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t r = write(fd, data + n, size - n);

		if (!CHECK(r > 0))
			return;
		n += (size_t)r;
	}
}

tend_stream *writing_stream_of(size_t chunk, const char *data, size_t size)
{
	struct tend_stream_options live = test_reliable_all;
	tend_stream *stream;
	int fd;

	live.read_chunk_size = chunk;
	stream = test_pipe_stream(&live, &fd);
	writing_feed(fd, data, size);
	close(fd);
	await_end(stream);
	return stream;
}

tend_stream *writing_stream_that_fails(const char *data, size_t size)
{
	tend_stream *stream;
	int fd;

	stream = test_pipe_stream(&test_reliable_all, &fd);
	writing_feed(fd, data, size);
	await_read(stream, size);
	fault_fail_sys_from("read", 1, EIO);
	close(fd);
	await_end(stream);
	fault_reset();
	return stream;
}

/* ---- writers ---- */

tend_consumer *writing_start(tend_stream *stream, const struct tend_write *options)
{
	tend_consumer *c = NULL;
	struct tend_error e;

	CHECK_OK(tend_stream_write(stream, options, &c, &e), &e);
	return c;
}

void writing_await_given(tend_consumer *writer, uint64_t bytes)
{
	struct tend_consumed seen = { .bytes = 0 };

	while (seen.bytes < bytes) {
		poll(NULL, 0, 1);
		CHECK_INT(0, tend_consumer_wait(writer, TEND_AT_ONCE, &seen, NULL));
	}
}

struct tend_written writing_end(tend_consumer *writer)
{
	struct tend_written written = { .failures = UINT64_MAX };
	struct tend_error e;

	CHECK_OK(tend_consumer_wait(writer, TEST_PATIENCE, NULL, &e), &e);
	CHECK_OK(tend_consumer_written(writer, &written, &e), &e);
	if (written.failures > 0)
		CHECK_STR(written.first.label, written.last.label);
	written.first.label = written.last.label = NULL;
	tend_consumer_free(writer);
	return written;
}

struct tend_written writing_run(tend_stream *stream, const struct tend_write *options)
{
	return writing_end(writing_start(stream, options));
}

struct tend_written writing_make(const char *text, size_t chunk, struct tend_write o, struct written_file *f)
{
	tend_stream *stream = writing_stream_of(chunk, text, strlen(text));
	struct tend_written w;

	o.to = TEND_TO_FD(f->fd);
	w = writing_run(stream, &o);
	writing_read_back(f);
	tend_stream_free(stream);
	return w;
}
