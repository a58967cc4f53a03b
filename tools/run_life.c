/* SPDX-License-Identifier: MIT */
/* A run's life, in order: the child, its consumers, its end, what it leaves, and whether it begins anew. */
#include "run_life.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "duration.h"
#include "moment.h"
#include "run_streams.h"
#include "run_watch.h"
#include "say.h"
#include "signal_name.h"

/* How long a restart is waited for at most, and how long a child has to run for the waits to begin anew. */
#define LONGEST_DELAY_NS INT64_C(60000000000)
#define LONG_ENOUGH TEND_SECONDS(10)

/* ---- the child ---- */

static struct tend_input input(const struct run *run)
{
	switch (run->options->input) {
	case RUN_INPUT_NULL:
		return TEND_IN_NULL;
	case RUN_INPUT_FILE:
		return TEND_IN_FD(run->files.input);
	default:
		return TEND_IN_INHERIT;
	}
}

/* Where none can be made the program is not started: what was asked for would not hold. */
static struct tend_cgroup cgroup(const struct run_options *o)
{
	struct tend_cgroup none = { .parent = NULL }, wanted = { .if_unavailable = TEND_NO_CGROUP_REFUSE };

	return o->scope == TEND_SCOPE_CGROUP ? wanted : none;
}

/* Who talks to the service manager is tend: a child that did so as well would be taken for it. */
static int spawn(struct run *run, struct tend_error *err)
{
	static const struct tend_stop kill_it = { .after_kill = TEND_DEFAULT_AFTER_KILL };
	static const char *const unset[] = { "NOTIFY_SOCKET", NULL };
	const struct run_options *o = run->options;
	tend_process *process;
	int r = tend_spawn(&(struct tend_spawn){ .name = run->name,
	                                         .argv = o->argv,
	                                         .env_unset = unset,
	                                         .env_set = o->env_set,
	                                         .cwd = o->cwd,
	                                         .in = input(run),
	                                         .out = run_streams_output(o, 0),
	                                         .err = run_streams_output(o, 1),
	                                         .scope = o->scope,
	                                         .cgroup = cgroup(o),
	                                         .with_parent = o->with_parent ? TEND_WITH_PARENT_TREE : 0,
	                                         .if_forgotten = TEND_FORGOTTEN_TERMINATE(&kill_it) },
	                   &process, err);

	if (r < 0)
		return r;
	run->pid = tend_process_pid(process);
	run_set_process(run, process);
	return 0;
}

static int spawn_status(const struct tend_error *err)
{
	if (err->step != TEND_STEP_EXEC)
		return CMD_FAILED;
	return err->code == -ENOENT ? CMD_NOT_FOUND : CMD_NOT_EXECUTABLE;
}

/* ---- stopping ---- */

static void describe_why(const struct run *run)
{
	char text[32];

	if (run->why == RUN_TIMED_OUT)
		say_info("%.60s: not finished after %s: stopping it", run->name,
		         duration_show(run->options->timeout_ns, text));
	if (run->why == RUN_CANNOT_PASS_ON)
		say_info("%.60s: nobody takes its output: stopping it", run->name);
	if (run->why == RUN_NOT_READY)
		say_info("%.60s: no line has matched '%.200s' after %s: stopping it", run->name,
		         run->options->ready_text, duration_show(run->options->ready_timeout_ns, text));
}

static void describe_processes(const char *name, const char *what, const struct tend_pid_name *named, size_t n)
{
	char text[512];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n && i < TEND_MAX_NAMED && used < sizeof text; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%d (%s)", i ? ", " : "", (int)named[i].pid,
		                         named[i].comm);
	if (n > TEND_MAX_NAMED && used < sizeof text)
		snprintf(text + used, sizeof text - used, " and %zu more", n - TEND_MAX_NAMED);
	if (n > 0)
		say_info("%.60s: %s %s", name, what, text);
}

/* The last signal that the plan sent, SIGCONT aside. */
static int last_signal(const struct tend_stop_report *stop)
{
	for (size_t i = stop->n_signals; i > 0; i--)
		if (stop->signals[i - 1].signal != SIGCONT)
			return stop->signals[i - 1].signal;
	return 0;
}

static void describe_end(const struct run *run)
{
	const struct tend_stop_report *stop = &run->stop;
	struct tend_exit ended = { .kind = TEND_RUNNING };
	int signal = last_signal(stop);
	char name[24], text[32];

	(void)tend_process_wait(run->process, TEND_AT_ONCE, &ended, NULL);
	if (ended.kind == TEND_SIGNALED) /* by another one perhaps, that came first */
		signal = ended.signal;
	say_info("%.60s: stopped in phase %zu, by %s%s, after %s", run->name, stop->phase, signal_name(signal, name),
	         ended.kind == TEND_SIGNALED && !ended.by_us ? " from elsewhere" : "",
	         duration_show(stop->duration_ns, text));
}

static void describe_stop(const struct run *run)
{
	const struct tend_stop_report *stop = &run->stop;

	if (stop->outcome == TEND_STOPPED_IN_PHASE || stop->outcome == TEND_STOPPED_BY_KILL)
		describe_end(run);
	if (stop->outcome == TEND_STOP_UNCONFIRMED)
		say("%.60s: still there after SIGKILL", run->name);
	describe_processes(run->name, "still alive in its group after SIGKILL:", stop->survivors, stop->n_survivors);
}

/* Once: whoever wants to know that the run comes to its end. */
static void tell_stop(struct run *run)
{
	void (*on_stop)(struct run *) = run->on_stop;

	run->on_stop = NULL;
	if (on_stop)
		on_stop(run);
}

static bool is_to_be_killed(struct run *run)
{
	bool kill;

	pthread_mutex_lock(&run->lock);
	kill = run->kill;
	pthread_mutex_unlock(&run->lock);
	return kill;
}

/* Runs the plan.  When the child had ended by itself meanwhile there was no reason to stop it. */
static void stop(struct run *run)
{
	const struct tend_stop plan = { .phases = run->options->plan.phases,
		                        .n_phases = is_to_be_killed(run) ? 0 : run->options->plan.n_phases,
		                        .after_kill = TEND_DEFAULT_AFTER_KILL };
	struct tend_error err;

	describe_why(run);
	tell_stop(run);
	if (tend_process_stop(run->process, &plan, &run->stop, &err) < 0) {
		say("%.60s: cannot stop it: %s", run->name, err.message);
		run_has_failed(run);
		return;
	}
	pthread_mutex_lock(&run->lock);
	if (run->stop.outcome == TEND_STOPPED_BEFORE && run->kill_report.outcome != TEND_STOP_NOT_RUN)
		run->stop = run->kill_report;
	if (run->stop.outcome == TEND_STOPPED_BEFORE) {
		run->exited = true;
		run->why = RUN_NOT_STOPPED;
		run->gives_up |= run->interrupted;
	}
	pthread_mutex_unlock(&run->lock);
	describe_stop(run);
}

/* ---- the end ---- */

static void describe_drain(const struct run *run)
{
	const struct tend_result *r = &run->result;

	describe_processes(run->name, "stdout is still held, and no longer read, by", r->out.held_by, r->out.n_held_by);
	describe_processes(run->name, "stderr is still held, and no longer read, by", r->err.held_by, r->err.n_held_by);
}

/* Reads what is left, then lets go of the streams; whether a pipe is idle its reader itself says last. */
static void drain(struct run *run)
{
	struct tend_complete options = { .timeout = TEND_AT_ONCE };
	struct tend_error err;
	int64_t left;

	if (!run_watch_drain(run, run_patience(run), &left))
		run_streams_lost_some(run);
	options.drain.idle = TEND_NS(run->options->drain_idle_ns);
	options.drain.total = TEND_NS(left);
	if (tend_process_complete(run->process, &options, &run->result, &err) < 0) {
		say("%.60s: cannot read the rest of its output: %s", run->name, err.message);
		run_has_failed(run);
		return;
	}
	run->has_result = run->result.outcome == TEND_COMPLETED;
	describe_drain(run);
}

bool run_is_gone(struct run *run)
{
	struct tend_exit now;

	return tend_process_wait(run->process, TEND_AT_ONCE, &now, NULL) == 0 && now.kind != TEND_RUNNING;
}

static int child_status(const struct run *run)
{
	const struct tend_exit *ended = &run->result.exit;

	if (run->has_result && ended->kind == TEND_EXITED)
		return ended->code;
	if (run->has_result && ended->kind == TEND_SIGNALED)
		return CMD_SIGNALED + ended->signal;
	say("%.60s: how it ended is not known%s", run->name,
	    run->has_result ? ": somebody else has taken its exit status" : ": it is still there");
	return CMD_FAILED;
}

static bool was_late(const struct run *run)
{
	return run->why == RUN_TIMED_OUT || run->why == RUN_NOT_READY;
}

static int status(struct run *run)
{
	bool failed;

	if (was_late(run))
		return CMD_TIMED_OUT;
	pthread_mutex_lock(&run->lock);
	failed = run->failed;
	pthread_mutex_unlock(&run->lock);
	return failed ? CMD_FAILED : child_status(run);
}

/* ---- one start ---- */

static void attach(struct run *run)
{
	struct tend_error err;

	if (run_streams_attach(run, &err) == 0)
		return;
	say("%.60s: cannot read its output: %s", run->name, err.message);
	run_has_failed(run);
	(void)run_want_stop(run, RUN_CANNOT_PASS_ON);
}

/* The child runs: sees it to its end. */
static int tend_it(struct run *run)
{
	attach(run);
	run_watch(run);
	if (run->why != RUN_NOT_STOPPED)
		stop(run);
	if (run_is_gone(run)) {
		run_watch_join(run);
		drain(run);
	}
	run_streams_settle(run, run_patience(run));
	return status(run);
}

/* As it was before the last start, but for what has been said, counted or promised. */
static void clear(struct run *run)
{
	run_streams_reset(run);
	run_set_process(run, NULL);
	pthread_mutex_lock(&run->lock);
	run->exited = false;
	run->draining = false;
	pthread_mutex_unlock(&run->lock);
	run->stop = (struct tend_stop_report){ .outcome = TEND_STOP_NOT_RUN };
	run->has_result = false;
}

static int start(struct run *run)
{
	struct tend_error err;
	int r;

	if (run->restarts.total > 0 && run->files.input >= 0)
		(void)lseek(run->files.input, 0, SEEK_SET); /* what cannot be read again goes on where it is */
	r = spawn(run, &err);
	if (r < 0) {
		say("%.60s: %s", run->name, err.message);
		return spawn_status(&err);
	}
	if (run_watch_start(run) == 0)
		return 0;
	say("%.60s: cannot start a thread", run->name);
	(void)tend_process_kill(run->process, TEND_DEFAULT_AFTER_KILL, &run->stop, NULL);
	return CMD_FAILED;
}

/* It runs, and cannot be cared for. */
static void abandon(struct run *run)
{
	(void)tend_process_kill(run->process, TEND_DEFAULT_AFTER_KILL, &run->stop, NULL);
	if (run_is_gone(run))
		run_watch_join(run);
}

/* ---- from one to the next ---- */

/* How long to wait before it is started again, however often it was; TEND_FOREVER: it is not to be. */
static tend_duration restart_delay(struct run *run)
{
	const struct run_restart *policy = &run->options->restart;
	int64_t longest = policy->backoff_ns > LONGEST_DELAY_NS ? policy->backoff_ns : LONGEST_DELAY_NS;
	const struct tend_restart rule = { .when = TEND_RESTART_ON_FAILURE,
		                           .delay = TEND_NS(policy->backoff_ns),
		                           .max_delay = TEND_NS(longest),
		                           .long_enough = LONG_ENOUGH };
	tend_duration delay = TEND_FOREVER;

	if (!policy->on_failure || !run->has_result || run_was_cut_short(run))
		return TEND_FOREVER;
	(void)tend_restart_next(&rule, &run->restarts, &run->result.exit, &delay, NULL);
	return delay;
}

const char *run_how(const struct run *run, char how[RUN_HOW_SIZE])
{
	const struct tend_exit *ended = &run->result.exit;
	char name[24];

	if (ended->kind == TEND_EXITED)
		snprintf(how, RUN_HOW_SIZE, "exit code %d", ended->code);
	else if (ended->kind == TEND_SIGNALED)
		snprintf(how, RUN_HOW_SIZE, "ended by %s", signal_name(ended->signal, name));
	else
		snprintf(how, RUN_HOW_SIZE, "how it ended is not known");
	return how;
}

static void describe_failure(const struct run *run, tend_duration delay)
{
	char how[RUN_HOW_SIZE], text[32];

	say_info("%.60s: %s: starting it again in %s (restart %u)", run->name, run_how(run, how),
	         duration_show(delay - TEND_AT_ONCE, text), run->restarts.total);
}

/* Counted as one more already. */
static bool is_used_up(const struct run *run)
{
	const struct run_restart *policy = &run->options->restart;

	return policy->max > 0 && run->restarts.total > policy->max;
}

static void describe_giving_up(const struct run *run)
{
	char how[RUN_HOW_SIZE];

	say_info("%.60s: %s: not starting it again (restarts: %u)", run->name, run_how(run, how),
	         run->restarts.total);
}

static bool begins_anew(struct run *run)
{
	tend_duration delay = restart_delay(run);

	if (delay == TEND_FOREVER)
		return false;
	if (is_used_up(run)) {
		run->restarts.total--; /* that one does not come about */
		describe_giving_up(run);
		return false;
	}
	describe_failure(run, delay);
	if (run_watch_pause(run, delay))
		return true;
	run->restarts.total--; /* nor has that one */
	describe_why(run);
	return false;
}

int run_life(struct run *run, int (*on_start)(struct run *run))
{
	int result;

	run->started = moment_now();
	do {
		clear(run);
		result = start(run);
		if (result != 0)
			break;
		result = on_start ? on_start(run) : 0;
		on_start = NULL;
		if (result != 0) {
			abandon(run);
			break;
		}
		result = tend_it(run);
	} while (begins_anew(run));
	tell_stop(run);
	return was_late(run) ? CMD_TIMED_OUT : result;
}
