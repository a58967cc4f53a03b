/* SPDX-License-Identifier: MIT */
/*
 * tend up: a thread cares for each process, as main does in tend run, and main sees to what they have to do with each
 * other: who is started when, and that the first one that ends takes the others with it.  They are all stopped at the
 * same time, as each thread runs the plan for its own.
 */
#include "cmd_up.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "init.h"
#include "io.h"
#include "last_words.h"
#include "notify.h"
#include "run_life.h"
#include "run_report.h"
#include "run_signals.h"
#include "run_streams.h"
#include "run_watch.h"
#include "say.h"
#include "up.h"

/* What main knows of a process. */
struct state {
	pthread_t thread; /* main's, with has_thread */
	bool has_thread;
	/* guarded by lock */
	bool begun; /* it runs, or has ended */
	bool ready; /* a line has matched */
	bool ended;
};

/* Static: consumers that are stuck in write(2) when tend ends still look at it. */
static struct up_options the_options;
static struct up the_up = { .options = &the_options };
static struct state *states;
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* guarded by lock */
static bool has_first, has_failure;
static int first_status, failure; /* of the first that ended; of the first that ended otherwise than with 0 */
static size_t n_ended;
static bool interrupted;
static int report_fd = -1;

/* ---- what the threads say ---- */

static struct state *state_of(const struct run *run)
{
	return &states[run - the_up.runs];
}

static int note_begun(struct run *run)
{
	pthread_mutex_lock(&lock);
	state_of(run)->begun = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return 0;
}

static void note_ready(struct run *run)
{
	pthread_mutex_lock(&lock);
	state_of(run)->ready = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* It is being stopped.  When that is not because of another one, a person wants all of them stopped. */
static void note_stop(struct run *run)
{
	bool was_signal;

	pthread_mutex_lock(&run->lock);
	was_signal = run->interrupted || run->gives_up;
	pthread_mutex_unlock(&run->lock);
	pthread_mutex_lock(&lock);
	interrupted |= was_signal;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Lock held. */
static void note_status(int status)
{
	if (!has_first)
		first_status = status;
	if (!has_failure && status != CMD_OK)
		failure = status;
	has_first = true;
	has_failure |= status != CMD_OK;
	pthread_cond_broadcast(&changed);
}

static void note_end(struct run *run, int status)
{
	pthread_mutex_lock(&lock);
	state_of(run)->begun = state_of(run)->ended = true;
	n_ended++;
	note_status(status);
	pthread_mutex_unlock(&lock);
}

static void *care_for(void *arg)
{
	struct run *run = arg;
	int status = run_life(run, note_begun);
	char how[RUN_HOW_SIZE];

	if (run->has_result)
		say_info("%.60s: %s", run->name, run_how(run, how));
	note_end(run, status);
	return NULL;
}

/* ---- starting ---- */

/* Lock held. */
static bool is_to_stop(void)
{
	return interrupted || (has_first && !the_options.keep_going);
}

/* Lock held.  Whether one in front of the `n`th is not there yet; *ret_never: nor will it be. */
static bool waits_for_others(size_t n, bool *ret_never)
{
	*ret_never = false;
	for (size_t i = 0; i < n; i++) {
		bool wants_ready = the_up.processes[i].options.has_ready;

		if (!states[i].begun || (wants_ready && !states[i].ready)) {
			*ret_never = states[i].ended;
			return true;
		}
	}
	return false;
}

/* Whether the `n`th can be started, once all in front of it are there. */
static bool may_start(size_t n)
{
	bool waits, never;

	pthread_mutex_lock(&lock);
	while ((waits = waits_for_others(n, &never)) && !never && !is_to_stop())
		pthread_cond_wait(&changed, &lock);
	waits |= is_to_stop();
	pthread_mutex_unlock(&lock);
	return !waits;
}

static bool start(size_t n)
{
	struct run *run = &the_up.runs[n];
	int r;

	run->on_ready = note_ready;
	run->on_stop = note_stop;
	run->out_lock = &out_lock;
	r = pthread_create(&states[n].thread, NULL, care_for, run);
	states[n].has_thread = r == 0;
	if (r == 0)
		return true;
	say("%.60s: cannot start a thread: %s", run->name, strerror(r));
	pthread_mutex_lock(&lock);
	note_status(CMD_FAILED);
	pthread_mutex_unlock(&lock);
	return false;
}

/* In order; how many were started. */
static size_t start_all(void)
{
	size_t n = 0;

	while (n < the_up.n && may_start(n) && start(n))
		n++;
	if (n < the_up.n && the_options.keep_going)
		say("%.60s and those behind it are not started", the_up.processes[n].name);
	return n;
}

/* ---- the end ---- */

/* All are there: the service manager may go on. */
static bool are_all_there(void)
{
	bool never, all;

	pthread_mutex_lock(&lock);
	all = !waits_for_others(the_up.n, &never) && !is_to_stop();
	pthread_mutex_unlock(&lock);
	return all;
}

static void await_the_end(size_t n_started)
{
	bool told = false;

	pthread_mutex_lock(&lock);
	while (n_ended < n_started && !is_to_stop()) {
		pthread_mutex_unlock(&lock);
		if (!told && n_started == the_up.n && are_all_there()) {
			told = true;
			notify_send("READY=1");
		}
		pthread_mutex_lock(&lock);
		if (n_ended < n_started && !is_to_stop())
			pthread_cond_wait(&changed, &lock);
	}
	pthread_mutex_unlock(&lock);
	notify_send("STOPPING=1");
}

/* Each by its own thread, and so at once. */
static void stop_all(size_t n_started)
{
	for (size_t i = 0; i < n_started; i++)
		(void)run_want_stop(&the_up.runs[i], RUN_OTHER_ENDED);
	for (size_t i = 0; i < n_started; i++)
		if (states[i].has_thread)
			pthread_join(states[i].thread, NULL);
}

static int conclude(int result)
{
	struct last_words words = { .has_report = report_fd >= 0,
		                    .report_fd = report_fd,
		                    .report_file = the_options.report_file,
		                    .deadline = INT64_MAX };

	for (size_t i = 0; i < the_up.n; i++) {
		int64_t deadline = run_words_deadline(&the_up.runs[i]);

		words.deadline = deadline < words.deadline ? deadline : words.deadline;
	}
	if (words.has_report)
		words.report = run_report_list_text(the_up.runs, the_up.n);
	return last_words(&words, result);
}

/* Where a child could not be ended all is left to the kernel, as in tend run. */
static void let_go(void)
{
	bool all_gone = true;

	run_signals_stop();
	for (size_t i = 0; i < the_up.n; i++) {
		struct run *run = &the_up.runs[i];

		if (run->process && !run_is_gone(run)) {
			all_gone = false;
			continue;
		}
		run_streams_free(run);
		run_set_process(run, NULL);
	}
	if (!all_gone)
		return;
	up_free(&the_up);
	free(states);
}

/* ---- from one to the other ---- */

static int run_all(void)
{
	size_t n_started;
	int result;

	if (run_signals_start(the_up.runs, the_up.n) < 0) {
		say("cannot start a thread");
		return CMD_FAILED;
	}
	say_log(the_options.verbose);
	n_started = start_all();
	await_the_end(n_started);
	stop_all(n_started);
	say_log(0);
	result = the_options.keep_going ? failure : first_status;
	return n_started < the_up.n && result == CMD_OK && !interrupted ? CMD_FAILED : result;
}

static int open_report(void)
{
	const char *file = the_options.report_file;

	if (file && strcmp(file, "-") == 0)
		report_fd = STDERR_FILENO;
	else if (file)
		report_fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	if (!file || report_fd >= 0)
		return 0;
	say("cannot open the report %.300s: %s", file, strerror(errno));
	return -1;
}

static int prepare(void)
{
	say_quiet(the_options.quiet);
	if (notify_init() < 0 || up_load(&the_up) < 0 || open_report() < 0)
		return -1;
	states = calloc(the_up.n, sizeof *states);
	if (!states)
		say("no memory for %zu processes", the_up.n);
	return states ? 0 : -1;
}

int cmd_up(int argc, char **argv)
{
	int result;

	if (up_options_parse(&the_options, argc, argv) < 0)
		return CMD_FAILED;
	if (the_options.help)
		return io_print(up_help_text) == 0 ? CMD_OK : CMD_FAILED;
	if (init_split() < 0)
		return CMD_FAILED;
	if (prepare() < 0) {
		up_free(&the_up);
		return CMD_FAILED;
	}
	run_signals_block();
	say_start();
	result = conclude(run_all());
	let_go();
	up_options_free(&the_options);
	return result;
}
