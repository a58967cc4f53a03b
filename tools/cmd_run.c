/* SPDX-License-Identifier: MIT */
/* tend run, in order: what was asked for, the files, the child, its consumers, its end, what to say about it. */
#include "cmd_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "duration.h"
#include "io.h"
#include "moment.h"
#include "run.h"
#include "run_report.h"
#include "run_signals.h"
#include "run_streams.h"
#include "run_watch.h"
#include "say.h"
#include "signal_name.h"

/* How long tend waits for its own messages to be taken when there was no child. */
#define LAST_WORDS_NS INT64_C(3000000000)

/* Static: consumers that are stuck in write(2) when tend ends still look at it. */
static struct run the_run;
static struct run_options the_options;

/* ---- files ---- */

static int open_file(const char *what, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);

	if (fd < 0)
		say("cannot open the %s %.300s: %s", what, path, strerror(errno));
	return fd;
}

/* Two writers of one file, each at its own place, would overwrite each other. */
static bool is_same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static int refuse_same(const char *one, int a, const char *other, int b)
{
	if (a < 0 || b < 0 || !is_same_file(a, b))
		return 0;
	say("%s and %s are the same file: write another name for one of them", one, other);
	return -1;
}

/* What is written by a name may be what tend has got from its own caller. */
static int refuse_own(const struct run *run, const char *option, int fd)
{
	const struct run_files *f = &run->files;
	bool reads_file = run->options->input == RUN_INPUT_FILE;

	if (refuse_same(option, fd, "stdout", STDOUT_FILENO) < 0)
		return -1;
	if (refuse_same(option, fd, "stderr", STDERR_FILENO) < 0)
		return -1;
	if (run->options->input == RUN_INPUT_NULL)
		return 0;
	return refuse_same(option, fd, reads_file ? "--stdin" : "stdin", reads_file ? f->input : STDIN_FILENO);
}

/* Not done by open(2): what is refused has emptied no file. */
static int empty_file(const char *what, const char *path, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || ftruncate(fd, 0) == 0)
		return 0;
	say("cannot empty the %s %.300s: %s", what, path, strerror(errno));
	return -1;
}

static int open_report(struct run *run)
{
	const struct run_options *o = run->options;
	struct run_files *f = &run->files;

	if (strcmp(o->report_file, "-") == 0) {
		f->report = STDERR_FILENO;
		return 0;
	}
	f->report = open_file("report", o->report_file, O_WRONLY | O_CREAT);
	if (f->report < 0 || refuse_own(run, "--report", f->report) < 0)
		return -1;
	if (refuse_same("--log", f->log, "--report", f->report) < 0)
		return -1;
	return empty_file("report", o->report_file, f->report);
}

/* All that has to be opened is opened before the child exists.  0, or -1 after saying what is wrong. */
static int open_files(struct run *run)
{
	const struct run_options *o = run->options;
	struct run_files *f = &run->files;

	if (o->input == RUN_INPUT_FILE && (f->input = open_file("input", o->input_file, O_RDONLY)) < 0)
		return -1;
	if (o->log_file && (f->log = open_file("log", o->log_file, O_WRONLY | O_CREAT)) < 0)
		return -1;
	if (refuse_own(run, "--log", f->log) < 0)
		return -1;
	if (o->report_file && open_report(run) < 0)
		return -1;
	return empty_file("log", o->log_file, f->log);
}

static void close_input(struct run *run)
{
	if (run->files.input >= 0)
		close(run->files.input);
	run->files.input = -1;
}

/* ---- the child ---- */

static const char *program_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

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

static int spawn(struct run *run, struct tend_error *err)
{
	static const struct tend_stop kill_it = { .after_kill = TEND_DEFAULT_AFTER_KILL };
	int r;

	run->started = moment_now();
	r = tend_spawn(&(struct tend_spawn){ .name = run->name,
	                                     .argv = run->options->argv,
	                                     .in = input(run),
	                                     .out = run_streams_output(run->options, 0),
	                                     .err = run_streams_output(run->options, 1),
	                                     .if_forgotten = TEND_FORGOTTEN_TERMINATE(&kill_it) },
	               &run->process, err);
	if (r == 0)
		run->pid = tend_process_pid(run->process);
	return r;
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

static void describe_stop(const struct run *run)
{
	const struct tend_stop_report *stop = &run->stop;
	char name[24], text[32];

	if (stop->outcome == TEND_STOPPED_IN_PHASE || stop->outcome == TEND_STOPPED_BY_KILL)
		say_info("%.60s: stopped in phase %zu, by %s, after %s", run->name, stop->phase,
		         signal_name(last_signal(stop), name), duration_show(stop->duration_ns, text));
	if (stop->outcome == TEND_STOP_UNCONFIRMED)
		say("%.60s: still there after SIGKILL", run->name);
	describe_processes(run->name, "still alive in its group after SIGKILL:", stop->survivors, stop->n_survivors);
}

/* Runs the plan.  When the child had ended by itself meanwhile there was no reason to stop it. */
static void stop(struct run *run)
{
	const struct tend_stop plan = { .phases = run->options->plan.phases,
		                        .n_phases = run->options->plan.n_phases,
		                        .after_kill = TEND_DEFAULT_AFTER_KILL };
	struct tend_error err;

	describe_why(run);
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

static bool has_exited(struct run *run)
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

static int status(struct run *run)
{
	bool failed;

	if (run->why == RUN_TIMED_OUT || run->why == RUN_NOT_READY)
		return CMD_TIMED_OUT;
	pthread_mutex_lock(&run->lock);
	failed = run->failed;
	pthread_mutex_unlock(&run->lock);
	return failed ? CMD_FAILED : child_status(run);
}

/* ---- from one to the other ---- */

static int start_threads(struct run *run)
{
	int r = run_watch_start(run);
	bool watched = r == 0;

	if (watched)
		r = run_signals_start(run);
	if (r == 0)
		return 0;
	(void)tend_process_kill(run->process, TEND_DEFAULT_AFTER_KILL, &run->stop, NULL);
	run_signals_unblock();
	if (watched)
		run_watch_join();
	return r;
}

/* A child that could not be ended is still waited for by a thread: then all is left to the kernel. */
static void let_go(struct run *run)
{
	run_signals_stop();
	if (run->process && !has_exited(run))
		return;
	run_streams_free(run);
	run->process = tend_process_free(run->process);
}

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
	if (start_threads(run) < 0) {
		say("%.60s: cannot start a thread", run->name);
		return CMD_FAILED;
	}
	attach(run);
	run_watch(run);
	if (run->why != RUN_NOT_STOPPED)
		stop(run);
	if (has_exited(run)) {
		run_watch_join();
		drain(run);
	}
	run_streams_settle(run, run_patience(run));
	return status(run);
}

/* The last words are not queued: first what was said before, then the tail, then the report. */
static int conclude(struct run *run, int result)
{
	int r;

	(void)tend_set_log(NULL, NULL, TEND_LOG_ERROR);
	say_stop(run->process ? run_patience(run) : moment_after(moment_now(), LAST_WORDS_NS));
	if (result != CMD_OK)
		run_streams_show_tail(run);
	r = run->files.report >= 0 ? run_report_write(run) : 0;
	if (r == 0)
		return result;
	say("cannot write the report %.300s: %s", run->options->report_file, strerror(-r));
	return result == CMD_OK ? CMD_FAILED : result;
}

static void log_event(void *arg, const struct tend_log_event *event)
{
	(void)arg;
	if (event->name[0])
		say_info("%.60s: %s: %s", event->name, event->event, event->message);
	else
		say_info("%s: %s", event->event, event->message);
}

static int start(struct run *run)
{
	struct tend_error err;

	if (run->options->verbose)
		(void)tend_set_log(log_event, NULL, run->options->verbose > 1 ? TEND_LOG_DEBUG : TEND_LOG_INFO);
	if (spawn(run, &err) < 0) {
		run_signals_unblock();
		say("%.60s: %s", run->name, err.message);
		return spawn_status(&err);
	}
	close_input(run);
	return tend_it(run);
}

int cmd_run(int argc, char **argv)
{
	struct run *run = &the_run;
	int result;

	if (run_options_parse(&the_options, argc, argv) < 0)
		return CMD_FAILED;
	if (the_options.help)
		return io_print(run_help_text) == 0 ? CMD_OK : CMD_FAILED;
	run_watch_init(run, &the_options);
	run->name = the_options.name ? the_options.name : program_name(the_options.argv[0]);
	say_quiet(the_options.quiet);
	if (open_files(run) < 0)
		return CMD_FAILED;
	run_signals_block();
	say_start();
	result = conclude(run, start(run));
	let_go(run);
	return result;
}
