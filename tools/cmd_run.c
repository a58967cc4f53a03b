/* SPDX-License-Identifier: MIT */
/* tend run: what was asked for, the files, whom to tell, the run itself (run_life.c), what to say about it. */
#include "cmd_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "init.h"
#include "io.h"
#include "last_words.h"
#include "notify.h"
#include "run.h"
#include "run_life.h"
#include "run_report.h"
#include "run_signals.h"
#include "run_streams.h"
#include "run_watch.h"
#include "say.h"

/* Of a prefix that is made of the name. */
enum { PREFIX_SIZE = 256 };

/* Static: consumers that are stuck in write(2) when tend ends still look at it. */
static struct run the_run;
static struct run_options the_options;
static char the_prefix[PREFIX_SIZE];

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

/* The logs among themselves, and against what tend was given. */
static int refuse_logs(const struct run *run)
{
	const struct run_files *f = &run->files;

	if (refuse_own(run, "--log", f->log) < 0 || refuse_own(run, "--log-stdout", f->logs[0]) < 0 ||
	    refuse_own(run, "--log-stderr", f->logs[1]) < 0)
		return -1;
	if (refuse_same("--log", f->log, "--log-stdout", f->logs[0]) < 0 ||
	    refuse_same("--log", f->log, "--log-stderr", f->logs[1]) < 0)
		return -1;
	return refuse_same("--log-stdout", f->logs[0], "--log-stderr", f->logs[1]);
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
	if (refuse_same("--log", f->log, "--report", f->report) < 0 ||
	    refuse_same("--log-stdout", f->logs[0], "--report", f->report) < 0 ||
	    refuse_same("--log-stderr", f->logs[1], "--report", f->report) < 0)
		return -1;
	return empty_file("report", o->report_file, f->report);
}

static int open_log(const char *path, int *ret_fd)
{
	if (path)
		*ret_fd = open_file("log", path, O_WRONLY | O_CREAT);
	return path && *ret_fd < 0 ? -1 : 0;
}

static int empty_logs(const struct run *run)
{
	const struct run_options *o = run->options;
	int r = empty_file("log", o->log_file, run->files.log);

	for (size_t i = 0; i < 2 && r == 0; i++)
		r = empty_file("log", o->log_files[i], run->files.logs[i]);
	return r;
}

static int check_ready_fd(const struct run_options *o)
{
	int flags = o->ready_fd < 0 ? O_WRONLY : fcntl(o->ready_fd, F_GETFL);

	if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY)
		return 0;
	say("--ready-fd: %d is not open for writing: open it in the shell, as in %d>file", o->ready_fd, o->ready_fd);
	return -1;
}

/* All that has to be opened is opened before the child exists.  0, or -1 after saying what is wrong. */
static int open_files(struct run *run)
{
	const struct run_options *o = run->options;
	struct run_files *f = &run->files;

	if (check_ready_fd(o) < 0) /* before one of ours gets that number */
		return -1;
	if (o->input == RUN_INPUT_FILE && (f->input = open_file("input", o->input_file, O_RDONLY)) < 0)
		return -1;
	if (open_log(o->log_file, &f->log) < 0 || open_log(o->log_files[0], &f->logs[0]) < 0 ||
	    open_log(o->log_files[1], &f->logs[1]) < 0)
		return -1;
	if (refuse_logs(run) < 0)
		return -1;
	if (o->report_file && open_report(run) < 0)
		return -1;
	return empty_logs(run);
}

static void close_input(struct run *run)
{
	if (run->files.input >= 0)
		close(run->files.input);
	run->files.input = -1;
}

/* ---- who is told ---- */

static void tell_fd(int fd)
{
	int r = io_write_all(fd, "\n", 1);

	if (r < 0)
		say("cannot write to --ready-fd %d: %s", fd, strerror(-r));
	if (fd > STDERR_FILENO)
		close(fd); /* who reads until the end has it now */
}

static void tell_ready(struct run *run)
{
	if (run->options->ready_fd >= 0)
		tell_fd(run->options->ready_fd);
	notify_send("READY=1");
}

static void tell_stop(struct run *run)
{
	(void)run;
	notify_send("STOPPING=1");
}

/* ---- from one to the other ---- */

static const char *program_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static int begin(struct run *run)
{
	if (!run->options->restart.on_failure)
		close_input(run);
	if (run_signals_start(run, 1) < 0) {
		say("%.60s: cannot start a thread", run->name);
		return CMD_FAILED;
	}
	if (!run->options->has_ready)
		tell_ready(run);
	return 0;
}

/* A child that could not be ended is still waited for by a thread: then all is left to the kernel. */
static void let_go(struct run *run)
{
	run_signals_stop();
	if (run->process && !run_is_gone(run))
		return;
	run_streams_free(run);
	run_set_process(run, NULL);
}

static int live(struct run *run)
{
	int result;

	say_log(run->options->verbose);
	result = run_life(run, begin);
	if (!run->process)
		run_signals_unblock();
	say_log(0);
	return result;
}

/* Puts together who it is and what is in front of its lines. */
static void name(struct run *run)
{
	const struct run_options *o = run->options;

	run->name = o->name ? o->name : program_name(o->argv[0]);
	snprintf(the_prefix, sizeof the_prefix, "%.240s: ", run->name);
	if (o->has_prefix)
		run->prefix = o->prefix ? o->prefix : the_prefix;
}

static int conclude(struct run *run, int result)
{
	struct last_words words = { .has_report = run->files.report >= 0,
		                    .report_fd = run->files.report,
		                    .report_file = run->options->report_file,
		                    .deadline = run->process ? run_words_deadline(run) : INT64_MAX };
	FILE *tail = result != CMD_OK && run->options->tail ? open_memstream(&words.tail, &words.tail_size) : NULL;

	if (tail) {
		run_streams_tail_into(tail, run);
		fclose(tail);
	}
	if (words.has_report)
		words.report = run_report_text(run);
	return last_words(&words, result);
}

static int run_it(struct run *run)
{
	int result;

	if (notify_init() < 0 || open_files(run) < 0)
		return CMD_FAILED;
	run->on_ready = tell_ready;
	run->on_stop = tell_stop;
	run_signals_block();
	say_start();
	result = conclude(run, live(run));
	let_go(run);
	return result;
}

int cmd_run(int argc, char **argv)
{
	struct run *run = &the_run;

	if (run_options_parse(&the_options, argc, argv) < 0)
		return CMD_FAILED;
	if (the_options.help)
		return io_print(run_help_text) == 0 ? CMD_OK : CMD_FAILED;
	run_watch_init(run, &the_options);
	name(run);
	say_quiet(the_options.quiet);
	return init_split() < 0 ? CMD_FAILED : run_it(run);
}
