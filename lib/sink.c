/* SPDX-License-Identifier: MIT */
/*
 * Problem: write to something that belongs to the host, and may be a pipe whose reader has gone, may be non-blocking,
 * and may take a part only, so that all of it is written or it is known what was not, and the host gets no signal.
 *
 * A descriptor is written to with tend__sys_write(), which deals with EINTR and SIGPIPE.  A FILE calls write(2) from
 * inside the C library: after an interrupted write it forgets what it had buffered, so all signals wait meanwhile.  A
 * consumer's own thread has them blocked anyway, but a thread of the host's that cancels a consumer may call on_end.
 */
#include "sink.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio_ext.h>

#include "clock.h"
#include "sys.h"

int tend__sink_check(const struct tend__sink *sink)
{
	if (!sink->file)
		return tend__sys_check_writable(sink->fd);
	return __fwritable(sink->file) ? 0 : -EBADF;
}

/* ---- descriptors ---- */

/* Until there is room, or the write would say why there is none; a terminal that nobody has open does not say so. */
static int await_room(struct pollfd *p)
{
	int r;

	if (tend__sys_is_hung_up(p))
		return -EPIPE;
	r = tend__sys_poll(p, 1, TEND__NEVER);
	return r < 0 ? r : 0;
}

static int write_fd(int fd, const char *data, size_t size, size_t *ret_written)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	while (*ret_written < size) {
		ssize_t n = tend__sys_write(fd, data + *ret_written, size - *ret_written);
		int r = 0;

		if (n > 0) {
			*ret_written += (size_t)n;
			p.revents = 0;
		} else if (n == -EAGAIN) {
			r = await_room(&p);
		} else {
			r = n < 0 ? (int)n : -EIO; /* without a reason it would take nothing for ever */
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- files ---- */

/*
 * Signals wait, and so does a pthread_cancel(3) of a thread of the host's that ends a consumer; no other thread writes
 * in between.
 */
struct held {
	sigset_t old;
	bool was_pending;
	int cancel_state;
};

static void hold(FILE *file, struct held *ret_held)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ret_held->cancel_state);
	tend__sys_block_signals(&ret_held->old);
	ret_held->was_pending = tend__sys_sigpipe_pending();
	flockfile(file);
	errno = 0;
}

/* Of something that failed, where `failed`: a negative errno value. */
static int release(FILE *file, const struct held *held, bool failed)
{
	int r = !failed ? 0 : errno ? -errno : -EIO;

	funlockfile(file);
	if (r == -EPIPE && !held->was_pending)
		tend__sys_take_sigpipe();
	tend__sys_restore_signals(&held->old);
	pthread_setcancelstate(held->cancel_state, NULL);
	return r;
}

/* It has a buffer of one byte, or none. */
static bool is_unbuffered(FILE *file)
{
	return __fbufsize(file) <= 1;
}

/*
 * Whether all is well so far.  A buffer that took everything and then could not be emptied shows only in the error
 * indicator, which is therefore cleared before.
 */
static bool put(FILE *file, const char *data, size_t size, size_t *written)
{
	size_t n;

	clearerr_unlocked(file);
	errno = 0;
	n = fwrite_unlocked(data + *written, 1, size - *written, file);
	*written += n;
	if (*written == size)
		return !ferror_unlocked(file);
	/* a part: the next call has the rest, or the reason; a buffer would have lost it */
	return n > 0 && is_unbuffered(file);
}

static int write_file(FILE *file, const char *data, size_t size, size_t *ret_written)
{
	struct held held;
	bool good;

	hold(file, &held);
	do
		good = put(file, data, size, ret_written);
	while (good && *ret_written < size);
	return release(file, &held, !good);
}

int tend__sink_write(const struct tend__sink *sink, const char *data, size_t size, size_t *ret_written)
{
	*ret_written = 0;
	if (size == 0)
		return 0;
	return sink->file ? write_file(sink->file, data, size, ret_written)
	                  : write_fd(sink->fd, data, size, ret_written);
}

bool tend__sink_is_exact(const struct tend__sink *sink)
{
	return !sink->file || is_unbuffered(sink->file);
}

int tend__sink_flush(const struct tend__sink *sink)
{
	struct held held;
	bool failed;

	if (!sink->file)
		return 0;
	hold(sink->file, &held);
	failed = fflush_unlocked(sink->file) != 0;
	return release(sink->file, &held, failed);
}
