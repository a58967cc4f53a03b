/* SPDX-License-Identifier: MIT */
/* Pipes and eventfds, as lib/sys.c offers them. */
#include <errno.h>
#include <string.h>

#include "../lib/procfs.h"
#include "../lib/sys.h"
#include "explore.h"
#include "memory.h"
#include "order.h"
#include "states.h"
#include "system.h"

#define N_FDS 8
#define FIRST_FD 3
#define N_PIECES 20

enum fd_kind { CLOSED, PIPE, EVENT };

static struct fd {
	enum fd_kind kind;
	uint32_t pieces[N_PIECES];
	unsigned first, last; /* of the pieces */
	uint64_t offset;      /* of the first piece */
	bool hung_up;
	bool rung;
} fds[N_FDS];

static struct fd *fd_of(int fd)
{
	if (fd < FIRST_FD || fd >= FIRST_FD + N_FDS || fds[fd - FIRST_FD].kind == CLOSED)
		model_fail("descriptor %d is used, which is not open", fd);
	return &fds[fd - FIRST_FD];
}

static int new_fd(enum fd_kind kind)
{
	for (int i = 0; i < N_FDS; i++) {
		if (fds[i].kind != CLOSED)
			continue;
		fds[i] = (struct fd){ .kind = kind };
		return FIRST_FD + i;
	}
	model_fail("more than %d descriptors", N_FDS);
}

unsigned char model_byte(uint64_t offset)
{
	return (unsigned char)(offset * 7 + 1);
}

int model_pipe(void)
{
	return new_fd(PIPE);
}

void model_pipe_write(int fd, size_t n)
{
	struct fd *f = fd_of(fd);

	model_enter(f, HERE);
	model_touch(f, false, false);
	if (f->last == N_PIECES)
		model_fail("more than %d pieces in a pipe", N_PIECES);
	f->pieces[f->last++] = (uint32_t)n;
}

void model_pipe_hang_up(int fd)
{
	model_enter(fd_of(fd), HERE);
	model_touch(fd_of(fd), false, false);
	fd_of(fd)->hung_up = true;
}

struct position {
	const struct fd *fd;
	uint64_t offset;
};

static bool is_read_up_to(const void *arg)
{
	const struct position *p = arg;

	return p->fd->offset >= p->offset;
}

void model_await_read(int fd, uint64_t offset)
{
	const struct position p = { &fds[fd - FIRST_FD], offset }; /* it may be closed by now */

	model_enter(p.fd, HERE);
	model_block(is_read_up_to, &p, false);
	model_see(p.fd);
}

int tend__sys_eventfd(void)
{
	return new_fd(EVENT);
}

void tend__sys_close(int fd)
{
	model_enter(fd_of(fd), HERE);
	model_touch(fd_of(fd), false, false);
	fd_of(fd)->kind = CLOSED;
}

void tend__sys_ring(int fd)
{
	model_enter(fd_of(fd), HERE);
	model_touch(fd_of(fd), false, false);
	fd_of(fd)->rung = true;
}

void tend__sys_unring(int fd)
{
	model_enter(fd_of(fd), HERE);
	model_touch(fd_of(fd), false, false);
	fd_of(fd)->rung = false;
}

ssize_t tend__sys_read(int fd, void *p, size_t n)
{
	struct fd *f = fd_of(fd);
	unsigned char *to = p;

	model_enter(f, HERE);
	model_touch(f, false, false);
	if (f->first == f->last)
		return f->hung_up ? 0 : -EAGAIN;
	if (n > f->pieces[f->first])
		n = f->pieces[f->first];
	model_write(p, n);
	for (size_t i = 0; i < n; i++)
		to[i] = model_byte(f->offset++);
	f->pieces[f->first] -= (uint32_t)n;
	f->first += f->pieces[f->first] == 0;
	return (ssize_t)n;
}

ssize_t tend__sys_read_no_wait(int fd, void *p, size_t n)
{
	return tend__sys_read(fd, p, n);
}

static bool is_readable(int fd)
{
	const struct fd *f = fd_of(fd);

	return f->kind == EVENT ? f->rung : f->first != f->last || f->hung_up;
}

struct polled {
	const struct pollfd *p;
	nfds_t n;
};

static bool any_readable(const void *arg)
{
	const struct polled *all = arg;

	for (nfds_t i = 0; i < all->n; i++)
		if (all->p[i].fd >= 0 && is_readable(all->p[i].fd))
			return true;
	return false;
}

/* One that somebody else uses, if there is any. */
static const void *most_shared(const struct polled *all)
{
	nfds_t i = 0;

	while (i + 1 < all->n && (all->p[i].fd < 0 || !model_matters(fd_of(all->p[i].fd))))
		i++;
	return all->p[i].fd < 0 ? NULL : fd_of(all->p[i].fd);
}

int tend__sys_poll(struct pollfd *p, nfds_t n, int64_t deadline)
{
	const struct polled all = { p, n };
	int ready = 0;

	model_claim_may_block("polling");
	model_enter(most_shared(&all), HERE);
	if (!model_block(any_readable, &all, deadline != INT64_MAX))
		model_pass_time(deadline);
	for (nfds_t i = 0; i < n; i++) {
		p[i].revents = 0;
		if (p[i].fd < 0)
			continue;
		model_see(fd_of(p[i].fd));
		if (is_readable(p[i].fd))
			p[i].revents = POLLIN;
		ready += p[i].revents != 0;
	}
	return ready;
}

int tend__sys_readable(int fd)
{
	const struct fd *f = fd_of(fd);
	int n = 0;

	model_enter(f, HERE);
	model_see(f);
	for (unsigned i = f->first; i < f->last; i++)
		n += (int)f->pieces[i];
	return n;
}

int tend__sys_set_nonblock(int fd)
{
	fd_of(fd);
	return 0;
}

int tend__sys_check_readable(int fd)
{
	fd_of(fd);
	return 0;
}

bool tend__sys_is_pty_master(int fd)
{
	fd_of(fd);
	return false;
}

uint64_t tend__sys_pipe_inode(int fd)
{
	fd_of(fd);
	return 0; /* no pipe that could be grown, or whose holders could be looked up */
}

int tend__sys_pipe_size(int fd)
{
	fd_of(fd);
	return -ENOTSUP;
}

int tend__sys_set_pipe_size(int fd, int size)
{
	(void)size;
	return tend__sys_pipe_size(fd);
}

size_t tend__procfs_holders(uint64_t pipe_inode, struct tend_pid_name *ret_names)
{
	(void)pipe_inode;
	(void)ret_names;
	return 0;
}

/* ---- executions ---- */

void model_reset_descriptors(void)
{
	memset(fds, 0, sizeof fds);
}

void model_transfer_descriptors(void)
{
	model_transfer(fds, sizeof fds);
}

uint64_t model_hash_of_descriptors(uint64_t h)
{
	return model_hash(h, fds, sizeof fds);
}

void model_claim_all_closed(void)
{
	for (int i = 0; i < N_FDS; i++)
		if (fds[i].kind != CLOSED)
			model_fail("descriptor %d is left open", FIRST_FD + i);
}
