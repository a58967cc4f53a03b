/* SPDX-License-Identifier: MIT */
/*
 * Problem: write to a child that may not read, may be dead, or may be told by another thread that there is no more,
 * without SIGPIPE, without blocking past the caller's deadline, and without two writers' bytes being mixed.
 *
 * One thread writes at a time (`busy`); it holds no lock while it waits.  Its poll returns for room, for the
 * deadline, or for the eventfd that a close rings.  Waiters for `busy` sleep on the event that its release signals,
 * or until their deadline.
 */
#include "input.h"

#include <errno.h>
#include <poll.h>

#include "clock.h"
#include "error.h"
#include "opts.h"
#include "sys.h"

void tend__input_init(struct tend__input *in)
{
	tend__lock_init(&in->lock, TEND__RANK_INPUT);
	tend__event_init(&in->changed);
	atomic_init(&in->closing, 0);
	in->fd = in->wake_fd = -1;
	in->busy = in->is_terminal = in->is_cooked = in->in_line = false;
}

int tend__input_open(struct tend__input *in, int take_fd)
{
	int r = tend__sys_set_nonblock(take_fd);

	if (r == 0) {
		in->wake_fd = tend__sys_eventfd();
		r = in->wake_fd < 0 ? in->wake_fd : 0;
	}
	if (r < 0)
		tend__sys_close(take_fd);
	in->fd = r < 0 ? -1 : take_fd;
	return r;
}

static bool is_closing(struct tend__input *in)
{
	/* (I) pairs with (I) in acquire_last: seen by a writer whose poll the eventfd has ended */
	return atomic_load_explicit(&in->closing, memory_order_acquire);
}

/* Becomes the one who writes: the descriptor, -EBADF, or -ETIMEDOUT. */
static int acquire(struct tend__input *in, int64_t deadline)
{
	uint32_t g = tend__event_begin(&in->changed);
	bool late = false;
	int fd;

	for (;;) {
		tend__lock(&in->lock);
		fd = in->fd < 0 || (deadline != TEND__NEVER && is_closing(in)) ? -EBADF
		     : in->busy                                                ? -ETIMEDOUT
		                                                               : in->fd;
		if (fd >= 0)
			in->busy = true;
		tend__unlock(&in->lock);
		if (fd != -ETIMEDOUT || late)
			break;
		late = deadline == 0 || !tend__event_sleep(&in->changed, g, deadline);
		g = tend__event_again(&in->changed);
	}
	tend__event_end(&in->changed);
	return fd;
}

/*
 * A terminal has no EOF that a close of one side could cause; its end-of-file character, termios(3), is one where it
 * stands at the begin of a line, and elsewhere only hands over what was typed.
 */
static void type_end(struct tend__input *in, int fd)
{
	static const char ends[] = { 4, 4 };

	tend__sys_write(fd, ends, in->in_line ? 2 : 1);
}

static void release(struct tend__input *in, bool close_it)
{
	int fd = -1;

	tend__lock(&in->lock);
	in->busy = false;
	if (close_it) {
		fd = in->fd;
		in->fd = -1;
	}
	tend__unlock(&in->lock);
	if (fd >= 0 && in->is_cooked)
		type_end(in, fd);
	tend__sys_close(fd);
	tend__event_signal(&in->changed);
}

/* Makes every writer give up; whether the descriptor was still there, and is ours to deal with. */
static bool acquire_last(struct tend__input *in)
{
	if (in->wake_fd < 0)
		return false;
	/* (I) pairs with (I) in is_closing */
	atomic_store_explicit(&in->closing, 1, memory_order_release);
	tend__sys_ring(in->wake_fd);
	tend__event_signal(&in->changed);
	return acquire(in, TEND__NEVER) >= 0;
}

void tend__input_close(struct tend__input *in)
{
	if (acquire_last(in))
		release(in, true);
}

int tend__input_take(struct tend__input *in)
{
	int fd;

	if (!acquire_last(in))
		return -1;
	tend__lock(&in->lock);
	fd = in->fd;
	in->fd = -1;
	tend__unlock(&in->lock);
	release(in, false);
	return fd;
}

void tend__input_fini(struct tend__input *in)
{
	tend__sys_close(in->fd);
	tend__sys_close(in->wake_fd);
	tend__lock_destroy(&in->lock);
}

/*
 * All of it, or a negative errno value; *written counts in any case.  A terminal whose other side nobody has open any
 * more takes what there is room for, and then says EAGAIN to each write and POLLHUP to each poll.
 */
static int write_all(struct tend__input *in, int fd, const char *data, size_t size, int64_t deadline, size_t *written)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLOUT }, { .fd = in->wake_fd, .events = POLLIN } };

	while (*written < size) {
		ssize_t n;
		int r;

		if (is_closing(in))
			return -EBADF;
		n = tend__sys_write(fd, data + *written, size - *written);
		if (n > 0) {
			*written += (size_t)n;
			in->in_line = *written && data[*written - 1] != '\n';
			p[0].revents = 0;
			continue;
		}
		if (n != -EAGAIN)
			return n == 0 ? -EIO : (int)n;
		if (tend__sys_is_hung_up(&p[0]))
			return -EPIPE;
		r = tend__sys_poll(p, 2, deadline);
		if (r <= 0)
			return r < 0 ? r : -ETIMEDOUT;
	}
	return 0;
}

static int refuse(tend_process *p, int r, struct tend_error *err)
{
	switch (r) {
	case -EBADF:
		return tend__error(err, r, TEND_STEP_WRITE, p->name, "the child's stdin is no pipe or has been closed");
	case -EPIPE:
		return tend__error(err, r, TEND_STEP_WRITE, p->name, "the child does not read its stdin any more");
	case -ETIMEDOUT:
		return tend__error(err, r, TEND_STEP_WRITE, p->name, "the child did not read its stdin in time");
	default:
		return tend__error_sys(err, r, TEND_STEP_WRITE, p->name, "cannot write to the child's stdin");
	}
}

int tend_process_stdin_write(tend_process *process, const void *data, size_t size, tend_duration timeout,
                             size_t *ret_written, struct tend_error *err)
{
	size_t written = 0;
	int64_t deadline;
	int fd, r;

	if (ret_written)
		*ret_written = 0;
	if (!process || (!data && size))
		return tend__refuse(err, NULL, process ? "data" : "process", "must not be NULL");
	r = tend__process_check(process, err);
	if (r == 0)
		r = tend__check_duration(timeout, "timeout", false, err);
	if (r < 0)
		return r;
	/* NEVER is the closer's way to acquire; a writer's own forever is one nanosecond less. */
	deadline = tend__deadline(timeout);
	deadline -= deadline == TEND__NEVER;
	fd = acquire(&process->in, deadline);
	r = fd;
	if (fd >= 0) {
		r = write_all(&process->in, fd, data, size, deadline, &written);
		release(&process->in, false);
	}
	if (ret_written)
		*ret_written = written;
	return r < 0 ? refuse(process, r, err) : 0;
}

int tend_process_set_window(tend_process *process, unsigned short rows, unsigned short columns)
{
	struct tend__input *in;
	int r;

	if (!process || !rows || !columns)
		return -EINVAL;
	if (!tend__process_is_ours(process))
		return -ECHILD;
	in = &process->in;
	if (!in->is_terminal)
		return -ENOTTY;
	tend__lock(&in->lock); /* who closes it takes the lock first; a write in progress does not hold it */
	r = in->fd < 0 ? -EBADF : tend__sys_set_window(in->fd, rows, columns);
	tend__unlock(&in->lock);
	return r;
}

int tend_process_stdin_close(tend_process *process)
{
	if (!process)
		return -EINVAL;
	if (!tend__process_is_ours(process))
		return -ECHILD;
	tend__input_close(&process->in);
	return 0;
}
