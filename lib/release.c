/* SPDX-License-Identifier: MIT */
/*
 * Problem: hand a running child over to somebody else, with all that belongs to it, so that the library looks at it no
 * more and nothing of it is closed.
 *
 * `released` is set under the process's lock, which every look at the exit takes: from then on nobody observes or reaps
 * it.  The reaper is told, and gives up its watch.  The readers leave without closing their descriptors.
 */
#include <errno.h>

#include "error.h"
#include "input.h"
#include "process.h"
#include "reaper.h"
#include "stream.h"
#include "sys.h"

static int take_stream(tend_stream **stream)
{
	int fd = -1;

	if (*stream) {
		fd = tend__stream_take_fd(*stream);
		tend_stream_free(*stream);
		*stream = NULL;
	}
	return fd;
}

/* -EBUSY: the reaper is at work on it. */
static int let_go(tend_process *p)
{
	int r = 0;

	tend__lock(&p->lock);
	if (p->stopping.active)
		r = -EBUSY;
	else if (!tend__process_has_exited(p))
		p->released = true;
	if (r == 0 && p->released)
		tend__reaper_notify_locked(p);
	tend__unlock(&p->lock);
	return r;
}

int tend_process_release(tend_process *process, struct tend_released *ret)
{
	int r, pidfd;

	if (!process || !ret)
		return -EINVAL;
	if (!tend__process_is_ours(process))
		return -ECHILD;
	if (tend__reading())
		return -EDEADLK;
	pidfd = tend__sys_dup(process->pidfd);
	if (pidfd < 0)
		return pidfd;
	tend__process_observe(process, false);
	r = let_go(process);
	if (r < 0) {
		tend__sys_close(pidfd);
		return r;
	}
	*ret = (struct tend_released){ .pid = process->pid, .pidfd = pidfd, .exit = { .kind = TEND_RUNNING } };
	if (tend__process_has_exited(process))
		ret->exit = process->exit;
	ret->in = tend__input_take(&process->in);
	ret->out = take_stream(&process->out);
	ret->err = take_stream(&process->err);
	tend__log(TEND_LOG_INFO, "release", process->name, process->pid, "the child is the caller's own now");
	tend__process_unref(process);
	return 0;
}
