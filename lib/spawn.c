/* SPDX-License-Identifier: MIT */
/*
 * The parent's half of a spawn: check the choices, get ready everything that can fail, clone, read what the child has
 * to say, and hand the child to the reaper.  A failure anywhere leaves nothing behind.
 *
 * The order matters.  The reaper and the readers run before the child exists, so a child without a reader cannot be. 
 * The child shares our memory until it executes (no page table is copied, whatever the size of the host), so all
 * signals but the synchronous ones are blocked meanwhile: a handler would run in it, on our memory.
 */
#include "spawn.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "input.h"
#include "mem.h"
#include "opts.h"
#include "process.h"
#include "rcu.h"
#include "reaper.h"
#include "stream.h"
#include "sys.h"

/* A spawn under way.  Descriptors that are not there are -1. */
struct spawning {
	const struct tend_spawn *o;
	tend_process *p;
	struct tend__paths paths;
	struct tend__plan plan;
	int null_fd;
	int ends[3];        /* the child's ends of our pipes, to be closed here after the clone */
	int error_pipe[2];
	volatile int shared;
};

static int refuse_step(struct spawning *s, int r, enum tend_step step, const char *what, struct tend_error *err)
{
	return tend__error_sys(err, r, step, s->p->name, "cannot start %.60s: %s", s->p->name, what);
}

static void close_one(int *fd)
{
	tend__sys_close(*fd);
	*fd = -1;
}

/* Everything but the process object. */
static void clean_up(struct spawning *s)
{
	close_one(&s->null_fd);
	for (int i = 0; i < 3; i++)
		close_one(&s->ends[i]);
	close_one(&s->error_pipe[0]);
	close_one(&s->error_pipe[1]);
	tend__paths_free(&s->paths);
}

/* ---- stdio ---- */

static int use_null(struct spawning *s, int target, struct tend_error *err)
{
	if (s->null_fd < 0)
		s->null_fd = tend__sys_open_null();
	if (s->null_fd < 0)
		return refuse_step(s, s->null_fd, TEND_STEP_OPEN, "/dev/null cannot be opened", err);
	s->plan.stdio[target] = s->null_fd;
	return 0;
}

/* What the host has closed is closed in the child, too, whatever another thread opens in its place meanwhile. */
static void inherit(struct spawning *s, int target)
{
	s->plan.stdio[target] = tend__sys_check_open(target) == 0 ? target : TEND__CLOSED;
}

static int make_input(struct spawning *s, struct tend_error *err)
{
	const struct tend_input *in = &s->o->in;
	int fds[2], r;

	switch (in->kind) {
	case TEND_INPUT_NULL:
		return use_null(s, 0, err);
	case TEND_INPUT_INHERIT:
		inherit(s, 0);
		return 0;
	case TEND_INPUT_FD:
		s->plan.stdio[0] = in->fd;
		return 0;
	default:
		break;
	}
	r = tend__sys_pipe(fds);
	if (r < 0)
		return refuse_step(s, r, TEND_STEP_PIPE, "no pipe for stdin", err);
	s->plan.stdio[0] = s->ends[0] = fds[0];
	r = tend__input_open(&s->p->in, fds[1]);
	return r < 0 ? refuse_step(s, r, TEND_STEP_PIPE, "no eventfd for stdin", err) : 0;
}

static int make_stream(struct spawning *s, int target, const struct tend_output *out, struct tend_error *err)
{
	const char *label = target == 1 ? "stdout" : "stderr";
	int fds[2], r;

	r = tend__sys_pipe(fds);
	if (r < 0)
		return refuse_step(s, r, TEND_STEP_PIPE, "no pipe for an output", err);
	s->plan.stdio[target] = s->ends[target] = fds[1];
	return tend__stream_new(fds[0], true, &out->stream, label, s->p->name, target == 1 ? &s->p->out : &s->p->err,
	                        err);
}

static int discard(struct spawning *s, int target, struct tend_error *err)
{
	int r = use_null(s, target, err);

	if (r < 0)
		return r;
	return target == 1 ? tend__stream_new_discarded("stdout", s->p->name, &s->p->out, err)
	                   : tend__stream_new_discarded("stderr", s->p->name, &s->p->err, err);
}

static int make_output(struct spawning *s, int target, const struct tend_output *out, struct tend_error *err)
{
	switch (out->kind) {
	case TEND_OUTPUT_STREAM:
		return make_stream(s, target, out, err);
	case TEND_OUTPUT_DISCARD:
		return discard(s, target, err);
	case TEND_OUTPUT_FD:
		s->plan.stdio[target] = out->fd;
		return 0;
	case TEND_OUTPUT_MERGE:
		s->plan.stdio[target] = s->plan.stdio[1];
		return 0;
	default:
		inherit(s, target);
		return 0;
	}
}

/* ---- the plan ---- */

static int make_plan(struct spawning *s, struct tend_error *err)
{
	const struct tend_spawn *o = s->o;
	int r;

	r = tend__paths_make(o, &s->paths);
	if (r < 0)
		return refuse_step(s, r, r == -ENOMEM ? TEND_STEP_ALLOCATE : TEND_STEP_EXEC,
		                   "its relative path means nothing, as the host's own directory is not known", err);
	s->plan.argv = (char *const *)(uintptr_t)o->argv;
	s->plan.envp = o->env ? (char *const *)(uintptr_t)o->env : environ;
	s->plan.candidates = s->paths.list;
	s->plan.cwd = o->cwd;
	s->plan.close_one_by_one = tend__sys_forced_off("close_range");
	s->plan.shared = &s->shared;
	r = make_input(s, err);
	if (r == 0)
		r = make_output(s, 1, &o->out, err);
	if (r == 0)
		r = make_output(s, 2, &o->err, err);
	if (r < 0)
		return r;
	r = tend__sys_pipe(s->error_pipe);
	if (r < 0)
		return refuse_step(s, r, TEND_STEP_PIPE, "no pipe for the child's errors", err);
	s->plan.error_fd = s->error_pipe[1];
	return 0;
}

/* ---- clone ---- */

/* What says "this kind of clone is not to be had here", as opposed to "no more processes". */
static bool is_unavailable(pid_t r)
{
	return r == -EINVAL || r == -ENOSYS || r == -EPERM;
}

/* The ladder: shared memory and a pidfd; a copy and a pidfd; a copy, and pidfd_open(2) afterwards. */
static pid_t clone_child(struct spawning *s)
{
	bool with_pidfd = !tend__sys_forced_off("clone_pidfd");
	pid_t pid = -ENOSYS;

	if (with_pidfd && !tend__sys_forced_off("vfork"))
		pid = tend__sys_spawn_shared(&s->plan, &s->p->pidfd);
	if (with_pidfd && is_unavailable(pid))
		pid = tend__sys_spawn_copied(&s->plan, true, &s->p->pidfd);
	if (is_unavailable(pid))
		pid = tend__sys_spawn_copied(&s->plan, false, &s->p->pidfd);
	return pid;
}

static pid_t clone_quietly(struct spawning *s)
{
	sigset_t old;
	int cancel;
	pid_t pid;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	tend__sys_block_signals(&old);
	pid = clone_child(s);
	tend__sys_restore_signals(&old);
	pthread_setcancelstate(cancel, NULL);
	return pid;
}

/*
 * What the child said.  A child that shares our memory has executed or ended by now, so what it had to say is in the
 * pipe, and the end of the pipe is not waited for: a stranger's fork may hold a copy of it.  One that does not is
 * waited for.
 */
static bool child_failed(struct spawning *s, struct tend__child_error *ret_error)
{
	struct pollfd p = { .fd = s->error_pipe[0], .events = POLLIN };

	close_one(&s->error_pipe[1]);
	if (s->shared && tend__sys_poll(&p, 1, 0) <= 0)
		return false;
	return tend__sys_read(s->error_pipe[0], ret_error, sizeof *ret_error) == (ssize_t)sizeof *ret_error;
}

/*
 * A child that nobody will get to see: it is ending by itself, or is killed here; unreaped, so the number is its own.
 */
static void bury(const tend_process *p, bool kill_it)
{
	if (kill_it) {
		tend__sys_kill(-p->pid, SIGKILL);
		tend__sys_kill(p->pid, SIGKILL);
	}
	tend__sys_reap(p->pid);
}

static int refuse_child(struct spawning *s, const struct tend__child_error *e, struct tend_error *err)
{
	const struct tend_spawn *o = s->o;
	enum tend_step step = (enum tend_step)e->step;
	const char *program = o->program ? o->program : o->argv[0];

	bury(s->p, false);
	if (step == TEND_STEP_EXEC)
		return tend__error_sys(err, -e->error, step, s->p->name, "cannot execute %.120s", program);
	if (step == TEND_STEP_CHDIR)
		return tend__error_sys(err, -e->error, step, s->p->name, "cannot change to directory %.120s", o->cwd);
	return refuse_step(s, -e->error, step, tend_step_name(step), err);
}

static int start_child(struct spawning *s, struct tend_error *err)
{
	struct tend__child_error e;
	tend_process *p = s->p;
	int r;

	p->started_ns = tend__now_ns();
	p->pid = clone_quietly(s);
	if (p->pid < 0)
		return refuse_step(s, p->pid, TEND_STEP_CLONE, "no new process", err);
	if (!s->shared)
		tend__sys_setpgid(p->pid); /* the child does it too; whoever is first */
	if (p->pidfd < 0)
		p->pidfd = tend__sys_pidfd_open(p->pid);
	if (p->pidfd < 0) {
		r = p->pidfd;
		bury(p, true);
		return refuse_step(s, r, TEND_STEP_PIDFD, "no pidfd", err);
	}
	if (child_failed(s, &e))
		return refuse_child(s, &e, err);
	tend__log(TEND_LOG_INFO, "spawn", p->name, p->pid, "the child is running");
	r = tend__reaper_watch(p);
	if (r < 0) {
		bury(p, true);
		return refuse_step(s, r, TEND_STEP_PIDFD, "it cannot be watched", err);
	}
	return 0;
}

/* ---- all of it ---- */

static int spawn(const struct tend_spawn *o, tend_process *p, struct tend_error *err)
{
	struct spawning s = {
		.o = o, .p = p, .null_fd = -1, .ends = { -1, -1, -1 }, .error_pipe = { -1, -1 }, .shared = 0
	};
	int r = tend__reaper_start(err);

	if (r == 0)
		r = make_plan(&s, err);
	if (r == 0)
		r = start_child(&s, err);
	clean_up(&s);
	return r;
}

/* A process object that has no child: its streams are joined, so that no thread is left when the call returns. */
static void abandon(tend_process *p)
{
	tend_stream_free(p->out);
	tend_stream_free(p->err);
	p->out = p->err = NULL;
	tend__process_unref(p);
}

int tend_spawn(const struct tend_spawn *spawn_options, tend_process **ret_process, struct tend_error *err)
{
	tend_process *p;
	char *name;
	int r;

	if (!spawn_options || !ret_process)
		return tend__refuse(err, NULL, spawn_options ? "ret_process" : "spawn", "must not be NULL");
	r = tend__check_spawn(spawn_options, err);
	if (r < 0)
		return r;
	r = tend__rcu_setup(); /* before the first handle: from then on a fork is noticed */
	if (r < 0)
		return tend__error_sys(err, r, TEND_STEP_ALLOCATE, spawn_options->name, "no memory for fork handlers");
	name = tend__name_make(spawn_options);
	p = name ? tend__process_new(name) : NULL;
	tend__free(name);
	if (!p)
		return tend__error_sys(err, -ENOMEM, TEND_STEP_ALLOCATE, NULL, "no memory for a process");
	p->if_forgotten = spawn_options->if_forgotten.kind;
	if (p->if_forgotten == TEND_IF_FORGOTTEN_TERMINATE)
		tend__stop_plan_copy(&p->forgotten_plan, spawn_options->if_forgotten.stop);
	r = spawn(spawn_options, p, err);
	if (r < 0) {
		abandon(p);
		return r;
	}
	*ret_process = p;
	return 0;
}
