/* SPDX-License-Identifier: MIT */
/*
 * The guardian: a process that outlives a host which is killed, and then ends what the host has told it to, as SIGKILL
 * leaves the host no time for anything.
 *
 * It is a program of its own, and not a fork of the host: it shares nothing with the host that could be killed with it
 * (out of memory) or be kept alive by it (memory, descriptors).  It is in a session of its own, ignores all signals
 * that can be ignored, and ends when the host has.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "guard_wire.h"

#define PIDFD_GROUP 4u /* PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9 */
#define KILL_ROUNDS 50 /* who forks at the wrong moment is met in the next one */

static struct ward {
	struct guard_message m;
	int pidfd, cgroup_kill; /* cgroup_kill: -1: none */
} *wards;
static size_t n_wards, room;

static void let_go(struct ward *w)
{
	close(w->pidfd);
	if (w->cgroup_kill >= 0)
		close(w->cgroup_kill);
}

static void remove_ward(uint64_t id)
{
	for (size_t i = 0; i < n_wards; i++) {
		if (wards[i].m.id != id)
			continue;
		let_go(&wards[i]);
		wards[i] = wards[--n_wards];
		return;
	}
}

static bool has_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* As far as the kernel tells: before Linux 6.9 it does not. */
static bool is_over(const struct ward *w)
{
	if (!has_ended(w->pidfd))
		return false;
	if (w->m.has_group && (syscall(SYS_pidfd_send_signal, w->pidfd, 0, NULL, PIDFD_GROUP) == 0 || errno != ESRCH))
		return false;
	/* anything but "1" is refused, with ERANGE; but for a cgroup that has been removed there is no such file */
	return w->cgroup_kill < 0 || (write(w->cgroup_kill, "0", 1) < 0 && errno == ENODEV);
}

/* The host says nothing of a group that outlives its handle. */
static void forget_the_gone(void)
{
	for (size_t i = n_wards; i-- > 0;)
		if (is_over(&wards[i])) {
			let_go(&wards[i]);
			wards[i] = wards[--n_wards];
		}
}

/* Not where half of the room is for the gone: so they are looked for once in as many additions as there are wards. */
static void make_room(void)
{
	size_t more = room * 2 + 16;
	struct ward *bigger;

	forget_the_gone();
	if (n_wards * 2 < room)
		return;
	bigger = realloc(wards, more * sizeof *wards);
	if (!bigger)
		return;
	wards = bigger;
	room = more;
}

static void add_ward(const struct guard_message *m, const int fds[2])
{
	if (n_wards == room)
		make_room();
	if (n_wards == room)
		return;
	wards[n_wards++] = (struct ward){ .m = *m, .pidfd = fds[0], .cgroup_kill = m->has_cgroup ? fds[1] : -1 };
}

/* Whether there may be more. */
static bool take_message(void)
{
	struct guard_message m;
	struct iovec part = { .iov_base = &m, .iov_len = sizeof m };
	_Alignas(struct cmsghdr) char room_for_fds[CMSG_SPACE(2 * sizeof(int))];
	struct msghdr h = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = room_for_fds,
		            .msg_controllen = sizeof room_for_fds };
	const struct cmsghdr *c;
	int fds[2] = { -1, -1 };
	ssize_t n = recvmsg(GUARD_SOCKET, &h, MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n == 0)
		return false; /* the other side is gone */
	c = CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(c),
		       c->cmsg_len - CMSG_LEN(0) < sizeof fds ? c->cmsg_len - CMSG_LEN(0) : sizeof fds);
	if (n != (ssize_t)sizeof m || m.version != GUARD_VERSION)
		return true; /* of another version: not to be guessed at */
	if (m.what == GUARD_ADD && fds[0] >= 0)
		add_ward(&m, fds);
	else if (m.what == GUARD_ADD) /* no room for descriptors: for the next one there may be */
		forget_the_gone();
	else if (m.what == GUARD_REMOVE)
		remove_ward(m.id);
	return true;
}

/* Whether somebody was still there. */
static bool kill_ward(const struct ward *w)
{
	bool found;
	long r = 0;

	/*
	 * Before Linux 6.9 the group can be reached by its number only, which is its own while the leader lives: so the
	 * group goes first.  It is a race all the same, as the kernel ends the leader at this very moment.
	 */
	if (w->m.has_group)
		r = syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, PIDFD_GROUP);
	if (r < 0 && (errno == EINVAL || errno == ENOSYS) && !has_ended(w->pidfd))
		r = kill(-w->m.pid, SIGKILL);
	found = syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0) == 0 && !has_ended(w->pidfd);
	if (w->cgroup_kill >= 0 && write(w->cgroup_kill, "1", 1) < 0)
		found |= errno != ENODEV; /* it is gone with the last one in it */
	return found || (w->m.has_group && r == 0);
}

static void kill_all(void)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	bool found = true;

	for (int round = 0; round < KILL_ROUNDS && found; round++) {
		found = false;
		for (size_t i = 0; i < n_wards; i++)
			found |= kill_ward(&wards[i]);
		if (found)
			nanosleep(&pause, NULL);
	}
}

static void prepare(void)
{
	struct rlimit l;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_IGN);
	prctl(PR_SET_NAME, "tend-guardian");
	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max; /* one or two for each child */
		setrlimit(RLIMIT_NOFILE, &l);
	}
	if (chdir("/") < 0)
		_exit(1);
}

int main(void)
{
	struct pollfd p[2] = { { .fd = GUARD_SOCKET, .events = POLLIN }, { .fd = GUARD_HOST, .events = POLLIN } };

	prepare();
	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents) { /* before the host's end: what it has told us is to be known then */
			if (!take_message())
				break;
		} else if (p[1].revents) {
			break;
		}
	}
	kill_all();
	return 0;
}
