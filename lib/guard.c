/* SPDX-License-Identifier: MIT */
/*
 * Problem: a host that gets SIGKILL cannot end anything, and the kernel's own signal at a parent's death reaches the
 * child alone, not its descendants.
 *
 * So a small program, the guardian (guardian.c), is started with the first child that asks for it.  It holds a pidfd of
 * the host and one of each such child, and acts when the host is gone.  A guardian that was killed is noticed by the
 * next message, replaced, and told of all again.
 *
 * All state is guarded by one lock, which is held while a message waits for room, as long as PATIENCE_NS at most: a
 * guardian that is stopped (SIGSTOP) makes spawns of such children fail, and nothing else.  In a forked child there
 * is no guardian: it is the parent's.
 */
#include "guard.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "group.h"
#include "guard_wire.h"
#include "lock.h"
#include "sys.h"

#define PATIENCE_NS INT64_C(2000000000)

static struct {
	struct tend__lock lock; /* guards all below */
	bool has_atfork;
	int socket;             /* -1: there is none */
	uint64_t last_id;
	struct tend_process *first;  /* all that it is to know of */
	struct tend_process *untold; /* from here on the present one does not, as sending failed; else NULL */
} guard = {
	.lock = TEND__LOCK_INIT(TEND__RANK_GUARD),
	.socket = -1,
};

static void after_fork_in_child(void)
{
	tend__lock_init(&guard.lock, TEND__RANK_GUARD);
	tend__sys_close(guard.socket);
	guard.socket = -1;
	guard.first = guard.untold = NULL;
}

/* ---- messages ---- */

static int open_cgroup_kill(const tend_process *p)
{
	return p->cgroup.path ? tend__cgroup_open_kill(&p->cgroup) : -1;
}

/* [locked] */
static int send_add(const tend_process *p)
{
	int fds[2] = { p->pidfd, open_cgroup_kill(p) };
	const struct guard_message m = {
		.version = GUARD_VERSION,
		.what = GUARD_ADD,
		.has_group = p->scope != TEND_SCOPE_NONE,
		.has_cgroup = fds[1] >= 0,
		.pid = p->pid,
		.id = p->guard_id,
	};
	int r = tend__sys_send_fds(guard.socket, &m, sizeof m, fds, fds[1] >= 0 ? 2 : 1,
	                           tend__after(tend__now_ns(), PATIENCE_NS));

	tend__sys_close(fds[1]);
	return r;
}

/* ---- its start ---- */

/* The program's own descriptors are passed by number; it gets nothing else of the host's. */
static int start_program(int socket, int host, struct tend_error *err)
{
	const char *path = tend__sys_guardian_path();
	const char *const argv[] = { "tend-guardian", NULL }, *const env[] = { NULL };
	const struct tend_pass_fd fds[] = { { socket, GUARD_SOCKET }, { host, GUARD_HOST } };
	const struct tend_spawn spawn = {
		.name = "guardian",
		.argv = argv,
		.program = path,
		.env = env,
		.in = TEND_IN_NULL,
		.out = TEND_OUT_DISCARD,
		.err = TEND_OUT_DISCARD,
		.if_forgotten = TEND_FORGOTTEN_DETACH,
		.pass_fds = fds,
		.n_pass_fds = 2,
		.scope = TEND_SCOPE_SESSION,
	};
	tend_process *p;
	int r = tend_spawn(&spawn, &p, err);

	if (r == 0)
		tend_process_free(p);
	return r;
}

/* A new guardian's socket, or an error. */
static int make(struct tend_error *err)
{
	int host = tend__sys_pidfd_open(getpid()), fds[2] = { -1, -1 }, r = host;

	if (r >= 0)
		r = tend__sys_socketpair(fds);
	if (r >= 0)
		r = start_program(fds[1], host, err);
	else
		tend__error_sys(err, r, TEND_STEP_PARENT, NULL, "no descriptors for the guardian");
	tend__sys_close(host);
	tend__sys_close(fds[1]);
	if (r < 0)
		tend__sys_close(fds[0]);
	return r < 0 ? r : fds[0];
}

/* [locked] Whether there is one that listens. */
static bool is_connected(void)
{
	return guard.socket >= 0 && tend__sys_is_connected(guard.socket);
}

/* [locked] It may be gone, or stopped, or have too much on its way: then the next one that is added tries again. */
static void tell_of_the_rest(void)
{
	while (guard.untold && send_add(guard.untold) == 0)
		guard.untold = guard.untold->guard_next;
}

/* [locked] The one that there was is gone. */
static void replace(int socket)
{
	tend__sys_close(guard.socket);
	guard.socket = socket;
	guard.untold = guard.first;
	tell_of_the_rest();
}

static bool is_there(void)
{
	bool there;

	tend__lock(&guard.lock);
	if (!guard.has_atfork)
		guard.has_atfork = pthread_atfork(NULL, NULL, after_fork_in_child) == 0;
	there = is_connected();
	tend__unlock(&guard.lock);
	return there;
}

int tend__guard_start(const char *name, struct tend_error *err)
{
	struct tend_error why = { .step = TEND_STEP_NONE };
	bool lost, has_another;
	int socket;

	if (is_there())
		return 0;
	socket = make(&why);
	if (socket < 0)
		return tend__error(err, socket, TEND_STEP_PARENT, name, "cannot start %.60s: no guardian: %s", name,
		                   why.message);
	tend__lock(&guard.lock);
	lost = guard.socket >= 0;
	has_another = is_connected();
	if (has_another) /* another thread was faster; a guardian that knows of nobody just ends */
		tend__sys_close(socket);
	else
		replace(socket);
	tend__unlock(&guard.lock);
	if (lost && !has_another)
		tend__log(TEND_LOG_ERROR, "guardian", "", 0, "the guardian was killed; another one takes its place");
	return 0;
}

/* ---- whom it guards ---- */

static int add(tend_process *p)
{
	int r;

	tend__lock(&guard.lock);
	tell_of_the_rest();
	p->guard_id = ++guard.last_id;
	r = send_add(p);
	if (r == 0) {
		p->guard_prev = NULL;
		p->guard_next = guard.first;
		if (guard.first)
			guard.first->guard_prev = p;
		guard.first = p;
	} else {
		p->guard_id = 0;
	}
	tend__unlock(&guard.lock);
	return r;
}

int tend__guard_add(tend_process *p)
{
	int r = add(p);

	/* It was there a moment ago, and was killed. */
	if (r != -EPIPE && r != -ECONNRESET && r != -ENOTCONN)
		return r;
	r = tend__guard_start(p->name, NULL);
	return r < 0 ? r : add(p);
}

void tend__guard_remove(tend_process *p)
{
	const struct guard_message m = { .version = GUARD_VERSION, .what = GUARD_REMOVE, .id = p->guard_id };
	bool is_over;

	if (!p->guard_id)
		return;
	/* Whoever is left of it ends with the host, too, as was asked for. */
	is_over = p->released || tend__group_members(p, NULL) == 0;
	tend__lock(&guard.lock);
	if (guard.untold == p)
		guard.untold = p->guard_next;
	if (p->guard_prev)
		p->guard_prev->guard_next = p->guard_next;
	else
		guard.first = p->guard_next;
	if (p->guard_next)
		p->guard_next->guard_prev = p->guard_prev;
	if (is_over)
		tend__sys_send_fds(guard.socket, &m, sizeof m, NULL, 0, 0);
	tend__unlock(&guard.lock);
}
