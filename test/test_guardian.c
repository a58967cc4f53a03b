/* SPDX-License-Identifier: MIT */
/* The guardian by itself: what it makes of each message, and of the end of its host.  The tests are its library. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/guard_wire.h"
#include "../lib/sys.h"
#include "filter.h"
#include "test.h"

#define WARDS 40 /* more than it has room for at first */

struct scene {
	tend_process *guardian;
	tend_process *host; /* one that can be ended without the test */
	int socket;
	uint64_t last_id;
};

static int pidfd_of(const tend_process *p)
{
	return (int)syscall(SYS_pidfd_open, tend_process_pid(p), 0);
}

static bool begin(struct scene *s)
{
	const char *argv[] = { "tend-guardian", NULL };
	struct tend_spawn spawn = test_spawn_options(argv, NULL);
	int sockets[2], host;
	struct tend_error e;

	*s = (struct scene){ .host = test_spawn(NULL, "obedient", NULL) };
	host = pidfd_of(s->host);
	if (!CHECK(host >= 0) || !CHECK_INT(0, tend__sys_socketpair(sockets)))
		return false;
	spawn.program = tend__sys_guardian_path();
	spawn.pass_fds = (const struct tend_pass_fd[]){ { sockets[1], GUARD_SOCKET }, { host, GUARD_HOST } };
	spawn.n_pass_fds = 2;
	CHECK_OK(tend_spawn(&spawn, &s->guardian, &e), &e);
	s->socket = sockets[0];
	close(sockets[1]);
	close(host);
	return s->guardian != NULL;
}

/* It ends by itself, and well. */
static void end(struct scene *s)
{
	struct tend_exit ended;

	tend_process_kill(s->host, TEST_PATIENCE, NULL, NULL);
	if (test_wait(s->guardian, &ended)) {
		CHECK_INT(TEND_EXITED, ended.kind);
		CHECK_INT(0, ended.code);
	}
	tend_process_free(s->guardian);
	tend_process_free(s->host);
	close(s->socket);
}

static void send_it(const struct scene *s, const struct guard_message *m, size_t size, const int *fds, size_t n)
{
	CHECK_INT(0, tend__sys_send_fds(s->socket, m, size, fds, n, test_now_ns() + INT64_C(60000000000)));
}

static struct guard_message to_add(struct scene *s, const tend_process *p)
{
	return (struct guard_message){ .version = GUARD_VERSION, .what = GUARD_ADD, .has_group = 1,
		                       .pid = tend_process_pid(p), .id = ++s->last_id };
}

/* As ours has it; the id. */
static uint64_t add(struct scene *s, const tend_process *p)
{
	struct guard_message m = to_add(s, p);
	int fd = pidfd_of(p);

	send_it(s, &m, sizeof m, &fd, 1);
	close(fd);
	return m.id;
}

static void remove_id(const struct scene *s, uint64_t id)
{
	const struct guard_message m = { .version = GUARD_VERSION, .what = GUARD_REMOVE, .id = id };

	send_it(s, &m, sizeof m, NULL, 0);
}

/* The end of one that was killed. */
static void check_killed(tend_process *p)
{
	struct tend_exit ended;

	if (p && test_wait(p, &ended))
		CHECK_INT(SIGKILL, ended.signal);
	tend_process_free(p);
}

static void check_spared(tend_process *p)
{
	CHECK(test_alive(tend_process_pid(p)));
	CHECK_INT(0, tend_process_kill(p, TEST_PATIENCE, NULL, NULL));
	tend_process_free(p);
}

/* All of them when the host ends, whatever their number; not those that were taken back. */
static void all_but_the_removed(void)
{
	tend_process *wards[WARDS], *removed = test_spawn(NULL, "obedient", NULL);
	struct scene s;
	uint64_t id;

	if (!begin(&s))
		return;
	for (int i = 0; i < WARDS; i++) {
		wards[i] = test_spawn(NULL, "obedient", NULL);
		add(&s, wards[i]);
	}
	id = add(&s, removed);
	remove_id(&s, 77);
	remove_id(&s, id);
	remove_id(&s, id);
	CHECK_INT(0, tend_process_kill(s.host, TEST_PATIENCE, NULL, NULL));
	for (int i = 0; i < WARDS; i++)
		check_killed(wards[i]);
	end(&s);
	check_spared(removed);
}

/* A library that is gone is a host that is gone: the other side of the socket is closed by nobody else. */
static void closed_socket(void)
{
	tend_process *ward = test_spawn(NULL, "obedient", NULL);
	struct scene s;

	if (!begin(&s))
		return;
	add(&s, ward);
	close(s.socket);
	s.socket = -1;
	check_killed(ward);
	end(&s);
}

/* What it does not understand it takes for nothing, and goes on. */
static void not_understood(void)
{
	tend_process *ward = test_spawn(NULL, "obedient", NULL), *other = test_spawn(NULL, "obedient", NULL);
	struct guard_message m;
	struct scene s;
	int fd;

	if (!begin(&s))
		return;
	fd = pidfd_of(other);
	m = to_add(&s, other);
	m.version++;
	send_it(&s, &m, sizeof m, &fd, 1);
	m = to_add(&s, other);
	send_it(&s, &m, sizeof m - 1, &fd, 1);
	m.what = 9;
	send_it(&s, &m, sizeof m, &fd, 1);
	m = to_add(&s, other);
	send_it(&s, &m, sizeof m, NULL, 0); /* whom? */
	close(fd);
	add(&s, ward);
	CHECK_INT(0, tend_process_kill(s.host, TEST_PATIENCE, NULL, NULL));
	check_killed(ward);
	end(&s);
	check_spared(other);
}

/* The leader alone, where its group is the host's; and a cgroup by what is written to it, here a pipe. */
static void without_a_group(void)
{
	tend_process *ward = test_spawn(NULL, "obedient", NULL);
	int kills[2], removed[2], fds[2];
	struct guard_message m;
	struct scene s;
	char byte = 0;

	if (!begin(&s))
		return;
	CHECK_INT(0, pipe2(kills, O_CLOEXEC));
	CHECK_INT(0, pipe2(removed, O_CLOEXEC));
	fds[0] = pidfd_of(ward);
	fds[1] = removed[1];
	m = to_add(&s, ward);
	m.has_cgroup = 1;
	send_it(&s, &m, sizeof m, fds, 2);
	close(removed[1]);
	remove_id(&s, m.id);
	CHECK_INT(0, read(removed[0], &byte, 1)); /* let go of, and not written to */
	fds[1] = kills[1];
	m = to_add(&s, ward);
	m.has_cgroup = 1;
	m.has_group = 0;
	send_it(&s, &m, sizeof m, fds, 2);
	close(kills[1]);
	close(fds[0]);
	CHECK_INT(0, tend_process_kill(s.host, TEST_PATIENCE, NULL, NULL));
	CHECK_INT(1, read(kills[0], &byte, 1));
	CHECK_INT('1', byte);
	check_killed(ward);
	end(&s);
	close(kills[0]);
	close(removed[0]);
}

/* Somebody may be in a cgroup that cannot be told: it is tried again for a while, and not for ever. */
static void refused_by_the_cgroup(void)
{
	tend_process *ward = test_spawn(NULL, "obedient", NULL);
	struct guard_message m;
	int pipe[2], fds[2];
	struct scene s;

	if (!begin(&s))
		return;
	CHECK_INT(0, pipe2(pipe, O_CLOEXEC));
	close(pipe[0]);
	fds[0] = pidfd_of(ward);
	fds[1] = pipe[1];
	m = to_add(&s, ward);
	m.has_cgroup = 1;
	send_it(&s, &m, sizeof m, fds, 2);
	close(fds[0]);
	close(pipe[1]);
	CHECK_INT(0, tend_process_kill(s.host, TEST_PATIENCE, NULL, NULL));
	check_killed(ward);
	end(&s);
}

/* ---- where the kernel refuses what it needs ---- */

/* Where no pidfd can be signalled there is the group's number, which is its own as long as the leader lives. */
static void by_number(void)
{
	tend_process *ward, *gone;
	struct tend_exit ended;
	char other[16] = "0", left[16] = "0";
	struct scene s;

	if (!test_is_apart())
		return;
	ward = test_spawn(&test_reliable_all, "forker", "leader-pauses", NULL);
	gone = test_spawn(&test_reliable_all, "forker", "leader-pauses", NULL);
	test_await_line(tend_process_stdout(ward), "grandchild ", other, sizeof other);
	test_await_line(tend_process_stdout(gone), "grandchild ", left, sizeof left);
	if (filter_refused(SYS_pidfd_send_signal, 0, BPF_JGE, 0, ENOSYS) && begin(&s)) {
		add(&s, ward);
		add(&s, gone);
		CHECK_INT(0, kill(tend_process_pid(gone), SIGKILL));
		test_wait(gone, &ended);
		CHECK_INT(0, kill(tend_process_pid(s.host), SIGKILL));
		check_killed(ward);
		test_await_gone(atoi(other));
		end(&s);
		CHECK(test_alive(atoi(left))); /* whose number it is now nobody knows */
	} else {
		tend_process_free(ward);
	}
	CHECK_INT(0, kill(atoi(left), SIGKILL));
	test_await_gone(atoi(left));
	tend_process_free(gone);
}

/*
 * Before Linux 6.9 a pidfd reaches the leader and not the group: the group has to be killed by its number in front of
 * the leader, whose end takes the number away.
 */
static void group_before_its_leader(void)
{
	if (!test_is_apart() ||
	    !filter_refused(SYS_pidfd_send_signal, 3, BPF_JEQ, 4 /* PIDFD_SIGNAL_PROCESS_GROUP */, EINVAL))
		return;
	for (int round = 0; round < 20; round++) {
		tend_process *ward = test_spawn(&test_reliable_all, "forker", "leader-pauses", NULL);
		char other[16] = "0";
		struct scene s;

		test_await_line(tend_process_stdout(ward), "grandchild ", other, sizeof other);
		if (!begin(&s))
			return;
		add(&s, ward);
		CHECK_INT(0, kill(tend_process_pid(s.host), SIGKILL));
		check_killed(ward);
		end(&s); /* it has done what it can */
		if (!test_await_gone(atoi(other))) {
			CHECK_INT(0, kill(atoi(other), SIGKILL));
			return;
		}
	}
}

static size_t n_fds_of(const tend_process *p)
{
	char path[64];
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)tend_process_pid(p));
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* So many that it has to look for those that it may forget; it has looked when this returns. */
static void add_gone(struct scene *s)
{
	tend_process *gone = test_spawn(NULL, "obedient", NULL);
	int fd = pidfd_of(gone), unread = 1; /* while it lives: the reaper is fast */
	struct guard_message m;

	CHECK_INT(0, tend_process_kill(gone, TEST_PATIENCE, NULL, NULL));
	for (int i = 0; i < 3 * WARDS; i++) {
		m = to_add(s, gone);
		m.has_group = 0;
		send_it(s, &m, sizeof m, &fd, 1);
	}
	while (unread > 0 && CHECK_INT(0, ioctl(s->socket, SIOCOUTQ, &unread)))
		sched_yield();
	close(fd);
	tend_process_free(gone);
}

/* The host says nothing of a ward whose group has outlived its handle: sooner or later the guardian lets go of it. */
static void forgets_the_gone(void)
{
	struct scene s;

	if (!begin(&s))
		return;
	add_gone(&s);
	CHECK(n_fds_of(s.guardian) > 2);
	CHECK(n_fds_of(s.guardian) < WARDS);
	end(&s);
}

/* And not sooner: a leader that is gone is not all of its group, where the kernel tells (Linux 6.9). */
static void keeps_a_group_without_its_leader(void)
{
	tend_process *ward = test_spawn(&test_reliable_all, "forker", "leader-pauses", NULL);
	int fd = pidfd_of(ward); /* while it lives */
	struct tend_exit ended;
	char other[16] = "0";
	struct scene s;
	bool is_told;

	test_await_line(tend_process_stdout(ward), "grandchild ", other, sizeof other);
	if (!begin(&s))
		return;
	add(&s, ward);
	CHECK_INT(0, tend_process_signal(ward, SIGTERM, TEND_LEADER, NULL));
	test_wait(ward, &ended);
	is_told = syscall(SYS_pidfd_send_signal, fd, 0, NULL, 4 /* PIDFD_SIGNAL_PROCESS_GROUP */) == 0;
	add_gone(&s);
	end(&s);
	if (!is_told || !test_await_gone(atoi(other)))
		kill(atoi(other), SIGKILL);
	close(fd);
	tend_process_free(ward);
}

/* One that cannot hear is of no use, and does not stay. */
static void deaf(void)
{
	tend_process *ward;
	struct scene s;

	if (!test_is_apart())
		return;
	ward = test_spawn(NULL, "obedient", NULL);
	if (filter_refused(SYS_recvmsg, 0, BPF_JEQ, GUARD_SOCKET, EIO) && begin(&s)) {
		add(&s, ward);
		end(&s);
		check_spared(ward);
	} else {
		tend_process_free(ward);
	}
}

/* A limit that it may not raise is what it has to do with. */
static void limit_stays(void)
{
	tend_process *ward;
	struct scene s;

	if (!test_is_apart())
		return;
	ward = test_spawn(NULL, "obedient", NULL);
	if (filter_refused(SYS_prlimit64, 1, BPF_JEQ, RLIMIT_NOFILE, EPERM) && begin(&s)) {
		add(&s, ward);
		CHECK_INT(0, kill(tend_process_pid(s.host), SIGKILL));
		check_killed(ward);
		end(&s);
	} else {
		tend_process_free(ward);
	}
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "all_but_the_removed", all_but_the_removed },
		{ "closed_socket", closed_socket },
		{ "not_understood", not_understood },
		{ "without_a_group", without_a_group },
		{ "refused_by_the_cgroup", refused_by_the_cgroup },
		{ "by_number", by_number },
		{ "group_before_its_leader", group_before_its_leader },
		{ "forgets_the_gone", forgets_the_gone },
		{ "keeps_a_group_without_its_leader", keeps_a_group_without_its_leader },
		{ "deaf", deaf },
		{ "limit_stays", limit_stays },
	};

	if (!test_has_pidfd_open())
		return 77;
	return test_main(argc, argv, "guardian", tests, sizeof tests / sizeof *tests);
}
