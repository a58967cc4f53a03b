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
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "group.h"
#include "guard.h"
#include "input.h"
#include "live.h"
#include "mem.h"
#include "opts.h"
#include "probe.h"
#include "process.h"
#include "rcu.h"
#include "reaper.h"
#include "stream.h"
#include "sys.h"

int tend__refuse_step(struct tend__spawning *s, int r, enum tend_step step, const char *what, struct tend_error *err)
{
	return tend__error_sys(err, r, step, s->p->name, "cannot start %.60s: %s", s->p->name, what);
}

void tend__spawn_close(int *fd)
{
	tend__sys_close(*fd);
	*fd = -1;
}

/* What is for the clone alone.  With forks held, or a copy would close what has got the number meanwhile. */
static void close_for_clone(struct tend__spawning *s)
{
	tend__spawn_close(&s->error_pipe[0]);
	tend__spawn_close(&s->error_pipe[1]);
	tend__spawn_close(&s->plan.procs_fd);
}

/* Everything but the process object. */
static void clean_up(struct tend__spawning *s)
{
	tend__rcu_hold_forks();
	tend__stdio_clean_up(s);
	close_for_clone(s);
	tend__rcu_allow_forks();
	tend__paths_free(&s->paths);
	tend__env_free(&s->env);
}

/* In a fork of the host, which has nobody who would do it; the child of this spawn is the parent's. */
static void close_in_copy(struct tend__flight *f)
{
	struct tend__spawning *s = (struct tend__spawning *)((char *)f - offsetof(struct tend__spawning, flight));

	tend__stdio_clean_up(s);
	close_for_clone(s);
	tend__spawn_close(&s->p->in.fd);
}

/* ---- the plan ---- */

/* The cgroup, where one was chosen; the declared way out where there is none to be had. */
static int make_scope(struct tend__spawning *s, struct tend_error *err)
{
	const struct tend_spawn *o = s->o;
	tend_process *p = s->p;
	int r;

	p->scope = o->scope ? o->scope : o->pty ? TEND_SCOPE_SESSION : TEND_SCOPE_GROUP;
	if (p->scope != TEND_SCOPE_CGROUP)
		return 0;
	r = tend__cgroup_make(&p->cgroup, o->cgroup.parent);
	if (r == 0)
		return 0;
	if (o->cgroup.if_unavailable == TEND_NO_CGROUP_REFUSE)
		return tend__refuse_step(s, r, TEND_STEP_CGROUP, "no cgroup can be made for it", err);
	p->scope = TEND_SCOPE_GROUP;
	tend__log(TEND_LOG_WARNING, "no-cgroup", p->name, 0, "no cgroup can be made (%s): a process group has to do",
	          strerrordesc_np(-r));
	return 0;
}

/* What the child needs to know besides its descriptors. */
static int make_words(struct tend__spawning *s, struct tend_error *err)
{
	const struct tend_spawn *o = s->o;
	int r = tend__paths_make(o, &s->paths);

	if (r < 0)
		return tend__refuse_step(s, r, r == -ENOMEM ? TEND_STEP_ALLOCATE : TEND_STEP_EXEC,
		                         "its relative path means nothing, as the host's own directory is not known",
		                         err);
	r = tend__env_make(o, &s->env);
	if (r < 0)
		return tend__refuse_step(s, r, TEND_STEP_ALLOCATE, "no memory for its environment", err);
	s->plan.o = o;
	s->plan.argv = (char *const *)(uintptr_t)o->argv;
	s->plan.envp = s->env.list;
	s->plan.candidates = s->paths.list;
	s->plan.cwd = o->cwd;
	s->plan.busy_ns = o->on_busy ? tend__span_ns(o->on_busy) : 0;
	s->plan.host = o->with_parent ? getpid() : 0;
	if (o->oom_score_adj)
		snprintf(s->plan.oom_score_adj, sizeof s->plan.oom_score_adj, "%d",
		         (int)(o->oom_score_adj - TEND_VALUE_TAG));
	s->plan.close_one_by_one = tend__sys_forced_off("close_range") || !tend__sys_can_close_range();
	s->plan.shared = &s->shared;
	return 0;
}

/* [any] A number of the caller's that is not open would be given to a descriptor of ours. */
static int check_source(struct tend__spawning *s, bool is_given, int fd, const char *field, struct tend_error *err)
{
	return is_given && tend__sys_check_open(fd) < 0 ? tend__refuse_step(s, -EBADF, TEND_STEP_STDIO, field, err) : 0;
}

static int check_sources(struct tend__spawning *s, struct tend_error *err)
{
	const struct tend_spawn *o = s->o;
	char field[32];
	int r = check_source(s, o->in.kind == TEND_INPUT_FD, o->in.fd, "descriptor of in", err);

	if (r == 0)
		r = check_source(s, o->out.kind == TEND_OUTPUT_FD, o->out.fd, "descriptor of out", err);
	if (r == 0)
		r = check_source(s, o->err.kind == TEND_OUTPUT_FD, o->err.fd, "descriptor of err", err);
	for (size_t i = 0; i < o->n_pass_fds && r == 0; i++) {
		snprintf(field, sizeof field, "pass_fds[%zu]", i);
		r = check_source(s, true, o->pass_fds[i].source, field, err);
	}
	return r;
}

int tend__spawn_pipe(int *ret_read_end, int *ret_write_end)
{
	int fds[2], r;

	tend__rcu_hold_forks();
	r = tend__sys_pipe(fds);
	if (r == 0) {
		*ret_read_end = fds[0];
		*ret_write_end = fds[1];
	}
	tend__rcu_allow_forks();
	return r;
}

static int make_error_pipe(struct tend__spawning *s, struct tend_error *err)
{
	int r = tend__spawn_pipe(&s->error_pipe[0], &s->error_pipe[1]);

	if (r < 0)
		return tend__refuse_step(s, r, TEND_STEP_PIPE, "no pipe for the child's errors", err);
	s->plan.error_fd = s->error_pipe[1];
	return 0;
}

static int make_plan(struct tend__spawning *s, struct tend_error *err)
{
	int r = check_sources(s, err);

	if (r == 0)
		r = make_words(s, err);
	if (r == 0)
		r = make_scope(s, err);
	if (r == 0)
		r = tend__stdio_make(s, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->o->n_pass_fds; i++)
		s->plan.fds[s->plan.n_fds++] = s->o->pass_fds[i];
	s->plan.scope = s->p->scope;
	return make_error_pipe(s, err);
}

/* ---- clone ---- */

/* What says "this kind of clone is not to be had here", as opposed to "no more processes". */
static bool is_unavailable(pid_t r)
{
	return r == -EINVAL || r == -ENOSYS || r == -EPERM || r == -E2BIG;
}

/*
 * A change of ids marks the memory of who changes them as not to be dumped, and as nobody's to trace: prctl(2)
 * PR_SET_DUMPABLE.  In shared memory that would be the host.
 */
static bool may_share(const struct tend__spawning *s)
{
	return !s->o->uid && !s->o->gid && !tend__sys_forced_off("vfork");
}

/* Born in its cgroup, or, before Linux 5.7 and where clone3(2) is filtered, told to enter it. */
static pid_t clone_into_cgroup(struct tend__spawning *s)
{
	pid_t pid = -ENOSYS;

	if (may_share(s) && !tend__sys_forced_off("clone3"))
		pid = tend__sys_spawn_into(&s->plan, s->p->cgroup.dir_fd, &s->p->pidfd);
	if (is_unavailable(pid)) {
		s->plan.procs_fd = tend__cgroup_open_procs(&s->p->cgroup);
		if (s->plan.procs_fd >= 0)
			return -ENOSYS;
		pid = s->plan.procs_fd;
	}
	s->in_cgroup = pid < 0 && pid != -EAGAIN && pid != -ENOMEM;
	return pid;
}

/* The ladder: shared memory and a pidfd; a copy and a pidfd; a copy, and pidfd_open(2) afterwards. */
static pid_t clone_child(struct tend__spawning *s)
{
	bool with_pidfd = !tend__sys_forced_off("clone_pidfd");
	pid_t pid = -ENOSYS;

	if (s->p->scope == TEND_SCOPE_CGROUP)
		pid = clone_into_cgroup(s);
	if (s->in_cgroup)
		return pid;
	if (with_pidfd && is_unavailable(pid) && may_share(s))
		pid = tend__sys_spawn_shared(&s->plan, &s->p->pidfd);
	s->plan.says_when = is_unavailable(pid);
	if (with_pidfd && is_unavailable(pid))
		pid = tend__sys_spawn_copied(&s->plan, true, &s->p->pidfd);
	if (is_unavailable(pid))
		pid = tend__sys_spawn_copied(&s->plan, false, &s->p->pidfd);
	return pid;
}

static void clone_quietly(struct tend__spawning *s)
{
	sigset_t old;
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	tend__sys_block_signals(&old);
	s->p->pid = clone_child(s);
	tend__sys_restore_signals(&old);
	pthread_setcancelstate(cancel, NULL);
}

enum answer { EXECUTED, FAILED, VANISHED, UNHEARD };

/* Whether there was something; *ret_answer is what it means that there was not, or could not be read. */
static bool read_answer(struct tend__spawning *s, enum answer nothing, struct tend__child_error *ret_error,
                        enum answer *ret_answer)
{
	size_t used = 0;
	ssize_t n;

	do {
		n = tend__sys_read(s->error_pipe[0], (char *)ret_error + used, sizeof *ret_error - used);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0 && used < sizeof *ret_error);
	if (n > 0)
		return true;
	ret_error->error = n < 0 ? (int32_t)-n : 0;
	*ret_answer = n < 0 ? UNHEARD : nothing;
	return false;
}

/*
 * What the child said.  A child that shares our memory has executed or ended by now: its progress tells which, and what
 * it had to say is in the pipe, whose end is not waited for: a stranger's fork may hold a copy of it.  One that does
 * not is waited for; who was killed on its way, for want of memory or by a filter, has not said when.  Where a clone
 * shares no memory without saying so, as under an emulator, nobody can tell that from an exec.
 */
static enum answer hear_child(struct tend__spawning *s, struct tend__child_error *ret_error)
{
	enum answer answer = VANISHED;

	tend__rcu_hold_forks();
	tend__spawn_close(&s->error_pipe[1]);
	tend__rcu_allow_forks();
	if (s->shared == TEND__CHILD_RUNS)
		return VANISHED;
	if (s->shared == TEND__CHILD_EXECUTES)
		return EXECUTED;
	if (!read_answer(s, s->shared || s->plan.says_when ? VANISHED : EXECUTED, ret_error, &answer))
		return answer;
	if (ret_error->step != TEND_STEP_NONE)
		return FAILED;
	return read_answer(s, EXECUTED, ret_error, &answer) ? FAILED : answer;
}

/*
 * A child that nobody will get to see: it is ending by itself, or is killed here, with all that it may have started. 
 * The signal that ended it; 0: it was none, or nobody knows.
 */
static int bury(tend_process *p, bool kill_it)
{
	struct pollfd pidfd = { .fd = p->pidfd, .events = POLLIN };
	siginfo_t info = { .si_pid = 0 };
	struct rusage usage;
	int r = 0, polled = 1;

	if (kill_it && p->pidfd >= 0) {
		tend__lock(&p->lock);
		tend__group_signal(p, SIGKILL, TEND_GROUP);
		tend__unlock(&p->lock);
	} else if (kill_it) {
		tend__sys_kill(p->pid, SIGKILL);
	}
	if (p->pidfd < 0) {
		tend__sys_reap(p->pid);
		return 0;
	}
	while (r == 0 && polled == 1) {
		polled = tend__sys_poll(&pidfd, 1, TEND__NEVER);
		if (polled == 1)
			r = tend__sys_wait(p->pidfd, p->pid, false, &info, &usage); /* 0: a tracer holds it */
	}
	if (polled < 0)
		tend__sys_reap(p->pid);
	return r > 0 && (info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED) ? info.si_status : 0;
}

/* What failed, by the field where there is one. */
static void describe_step(const struct tend__child_error *e, char *room, size_t size)
{
	static const char *const standard[] = { "in", "out", "err" };
	size_t i = (size_t)e->index;

	if (e->step == TEND_STEP_STDIO && i < 3)
		snprintf(room, size, "descriptor of %s", standard[i]);
	else if (e->step == TEND_STEP_STDIO && e->error == EBADF) /* the source has been looked at */
		snprintf(room, size, "pass_fds[%zu].target is not below the limit of open files (RLIMIT_NOFILE)",
		         i - 3);
	else if (e->step == TEND_STEP_STDIO)
		snprintf(room, size, "pass_fds[%zu]", i - 3);
	else if (e->step == TEND_STEP_RLIMITS)
		snprintf(room, size, "rlimits[%zu]", i);
	else if (e->step == TEND_STEP_PARENT && e->error == ESRCH)
		snprintf(room, size, "the parent is gone");
	else
		snprintf(room, size, "%s", tend_step_name((enum tend_step)e->step));
}

static int refuse_child(struct tend__spawning *s, const struct tend__child_error *e, struct tend_error *err)
{
	const struct tend_spawn *o = s->o;
	enum tend_step step = (enum tend_step)e->step;
	const char *program = o->program ? o->program : o->argv[0];
	char what[128];

	bury(s->p, false);
	if (step == TEND_STEP_EXEC)
		return tend__error_sys(err, -e->error, step, s->p->name, "cannot execute %.120s", program);
	if (step == TEND_STEP_CHDIR)
		return tend__error_sys(err, -e->error, step, s->p->name, "cannot change to directory %.120s", o->cwd);
	describe_step(e, what, sizeof what);
	return tend__refuse_step(s, -e->error, step, what, err);
}

/* It was killed before it could execute the program. */
static int refuse_vanished(struct tend__spawning *s, struct tend_error *err)
{
	int signal = bury(s->p, true);
	char what[64] = "it was gone before it could execute";

	if (signal)
		snprintf(what, sizeof what, "signal %d ended it before it could execute", signal);
	return tend__refuse_step(s, -ECHILD, TEND_STEP_EXEC, what, err);
}

/* The clone itself failed. */
static int refuse_clone(struct tend__spawning *s, struct tend_error *err)
{
	if (s->in_cgroup)
		return tend__refuse_step(s, s->p->pid, TEND_STEP_CGROUP, "it cannot be born in its cgroup", err);
	return tend__refuse_step(s, s->p->pid, TEND_STEP_CLONE, "no new process", err);
}

/* To all who have to know of a child that runs; the list of all first, as a log function may call exit(3). */
static int make_known(struct tend__spawning *s, struct tend_error *err)
{
	tend_process *p = s->p;
	int r = tend__live_add(p, err);

	if (r < 0)
		return r;
	if (s->o->with_parent == TEND_WITH_PARENT_TREE) {
		r = tend__guard_add(p);
		if (r < 0)
			return tend__refuse_step(s, r, TEND_STEP_PARENT, "the guardian cannot be told of it", err);
	}
	TEND__PROBE(spawn, p->pid, p->name);
	tend__log(TEND_LOG_INFO, "spawn", p->name, p->pid, "the child is running");
	r = tend__reaper_watch(p);
	return r < 0 ? tend__refuse_step(s, r, TEND_STEP_PIDFD, "it cannot be watched", err) : 0;
}

static int start_child(struct tend__spawning *s, struct tend_error *err)
{
	struct tend__child_error e;
	tend_process *p = s->p;
	int r;

	p->started_ns = tend__now_ns();
	if (s->o->with_parent) {
		r = tend__spawner_run(clone_quietly, s);
		if (r < 0)
			return tend__refuse_step(s, r, TEND_STEP_THREAD, "no thread that lives as long as the host",
			                         err);
	} else {
		clone_quietly(s);
	}
	if (p->pid < 0)
		return refuse_clone(s, err);
	if (!s->shared && p->scope != TEND_SCOPE_NONE && p->scope != TEND_SCOPE_SESSION)
		tend__sys_setpgid(p->pid); /* the child does it too; whoever is first */
	if (p->pidfd < 0)
		p->pidfd = tend__sys_pidfd_open(p->pid);
	if (p->pidfd < 0) {
		r = p->pidfd;
		bury(p, true);
		return tend__refuse_step(s, r, TEND_STEP_PIDFD, "no pidfd", err);
	}
	switch (hear_child(s, &e)) {
	case EXECUTED:
		break;
	case FAILED:
		return refuse_child(s, &e, err);
	case VANISHED:
		return refuse_vanished(s, err);
	case UNHEARD:
		bury(p, true);
		return tend__refuse_step(s, -e.error, TEND_STEP_READ, "nothing can be heard of it", err);
	}
	r = make_known(s, err);
	if (r < 0)
		bury(p, true);
	return r;
}

/* ---- all of it ---- */

/*
 * The cgroup could be made, and is not to be entered: by who owns it and not the one that the host is in, for
 * example.
 */
static int start_without_cgroup(struct tend__spawning *s, const struct tend_error *why, struct tend_error *err)
{
	tend_process *p = s->p;
	int r;

	tend__log(TEND_LOG_WARNING, "no-cgroup", p->name, 0, "%s: a process group has to do", why->message);
	tend__cgroup_fini(&p->cgroup, false);
	tend__rcu_hold_forks();
	close_for_clone(s);
	tend__rcu_allow_forks();
	tend__sys_close(p->pidfd);
	p->pidfd = -1;
	s->shared = 0;
	s->plan.says_when = false;
	s->in_cgroup = false;
	p->scope = s->plan.scope = TEND_SCOPE_GROUP;
	r = make_error_pipe(s, err);
	return r == 0 ? start_child(s, err) : r;
}

static int start(struct tend__spawning *s, struct tend_error *err)
{
	struct tend_error why = { .step = TEND_STEP_NONE };
	int r = start_child(s, &why);

	if (r < 0 && why.step == TEND_STEP_CGROUP && s->o->cgroup.if_unavailable == TEND_NO_CGROUP_GROUP)
		return start_without_cgroup(s, &why, err);
	if (r < 0 && err)
		*err = why;
	return r;
}

static int spawn(const struct tend_spawn *o, tend_process *p, struct tend_error *err)
{
	struct tend__spawning s = {
		.o = o, .p = p, .null_fd = -1, .ends = { -1, -1, -1 }, .terminal = { -1, -1 },
		.error_pipe = { -1, -1 }, .plan = { .tty_fd = -1, .procs_fd = -1 }, .shared = 0,
		.flight = { .p = p, .close_in_copy = close_in_copy },
	};
	int r = tend__reaper_start(err);

	if (r == 0 && o->with_parent == TEND_WITH_PARENT_TREE)
		r = tend__guard_start(p->name, err);
	if (r == 0)
		r = tend__live_take_off(&s.flight, err);
	if (r == 0)
		r = make_plan(&s, err);
	if (r == 0)
		r = start(&s, err);
	clean_up(&s);
	tend__live_land(&s.flight);
	if (r < 0 && tend__live_is_over()) /* which is why, whatever it has met with */
		return tend__live_check(err);
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
	if (r == 0)
		r = tend__live_check(err);
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
	p->where = spawn_options->where;
	tend__process_set_forgotten(p, &spawn_options->if_forgotten);
	if (spawn_options->survivors.kind)
		p->survivors_policy = spawn_options->survivors.kind;
	if (p->survivors_policy == TEND_SURVIVORS_STOPPED)
		tend__stop_plan_copy(&p->survivors_plan, spawn_options->survivors.stop);
	r = spawn(spawn_options, p, err);
	if (r < 0) {
		abandon(p);
		return r;
	}
	*ret_process = p;
	return 0;
}
