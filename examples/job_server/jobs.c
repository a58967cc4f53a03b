/* SPDX-License-Identifier: MIT */
/*
 * Each job has a thread that keeps it: it waits for the exit, sees that what was left behind is stopped and that the
 * output comes to an end, and says so to all who wait.  The output is a broadcast stream in which nobody is waited for:
 * a viewer whose buffer is full loses what he has no room for, and is told.  Nothing grows: the jobs are counted, the
 * output that each keeps for latecomers is limited, and so is what each viewer has buffered.
 */
#include "jobs.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES 4096
#define VIEWER_CHUNKS 256 /* buffered for each viewer: 1 MiB at most */

/* Who has gone into a group of his own may hold the output of a job that has ended: it is read for so long. */
static const struct tend_drain drain = { .idle = TEND_MS(200), .total = TEND_SECONDS(1) };

struct job {
	struct jobs *jobs;
	const struct command *command;
	unsigned id;
	tend_process *child;
	pthread_t keeper;
	int ended_fd;

	/* Guarded by jobs->lock. */
	bool has_started; /* it can be found */
	bool has_ended;
	struct job_end end;  /* .exit: when it has ended */
	unsigned references; /* of those who look at it or stop it now; it stays as long */
	unsigned viewers;
};

struct jobs {
	struct jobs_options options;
	struct tend_stop_phase phase;
	struct tend_stop plan;
	pthread_mutex_t lock;
	pthread_cond_t viewer_left;

	/* Guarded by lock. */
	unsigned last_id;
	size_t viewers;
	bool is_shut_down;
	struct job *slots[]; /* max_jobs of them; NULL: free */
};

struct jobs *jobs_new(const struct jobs_options *options)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs) + options->max_jobs * sizeof(jobs->slots[0]));
	pthread_condattr_t monotonic;

	if (!jobs)
		return NULL;
	jobs->options = *options;
	jobs->phase = (struct tend_stop_phase){ SIGTERM, TEND_CGROUP, TEND_SECONDS(options->grace) };
	jobs->plan = (struct tend_stop){
		.phases = &jobs->phase,
		.n_phases = 1,
		.after_kill = TEND_DEFAULT_AFTER_KILL,
	};
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&jobs->viewer_left, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return jobs;
}

/* ---- start ---- */

/* Nobody else knows it: it never started, or it has left its slot.  Its keeper, if it has one, is at its end. */
static void dispose(struct job *job)
{
	if (!job)
		return;
	if (job->has_started)
		pthread_join(job->keeper, NULL);
	tend_process_free(job->child);
	if (job->ended_fd >= 0)
		close(job->ended_fd);
	free(job);
}

static const struct command *find_command(const struct jobs_options *options, const char *name)
{
	for (size_t i = 0; i < options->n_commands; i++)
		if (strcmp(options->commands[i].name, name) == 0)
			return &options->commands[i];
	return NULL;
}

static bool can_be_forgotten(const struct job *job)
{
	return job->has_started && job->has_ended && job->references == 0;
}

/* A free slot, or that of the job to be forgotten; NULL: there is neither.  With the lock held. */
static struct job **find_slot(struct jobs *jobs)
{
	struct job **found = NULL;

	for (size_t i = 0; i < jobs->options.max_jobs; i++) {
		struct job **slot = &jobs->slots[i];

		if (!*slot)
			return slot;
		if (can_be_forgotten(*slot) && (!found || (*slot)->id < (*found)->id))
			found = slot;
	}
	return found;
}

/* Gives the job a slot, so that there is room for it when it has started. */
static int reserve(struct jobs *jobs, struct job *job)
{
	struct job *forgotten = NULL, **slot = NULL;
	int r;

	pthread_mutex_lock(&jobs->lock);
	r = jobs->is_shut_down ? -ESHUTDOWN : (slot = find_slot(jobs)) ? 0 : -EBUSY;
	if (r == 0) {
		forgotten = *slot;
		*slot = job;
	}
	pthread_mutex_unlock(&jobs->lock);
	dispose(forgotten);
	return r;
}

static void *keep(void *arg)
{
	struct job *job = arg;
	struct tend_result result = { .exit.kind = TEND_RUNNING };

	/* Without the memory for more, the exit itself is still to be had. */
	if (tend_process_complete(job->child, &(struct tend_complete){ .timeout = TEND_FOREVER, .drain = drain },
	                          &result, NULL) < 0)
		tend_process_wait(job->child, TEND_FOREVER, &result.exit, NULL);
	pthread_mutex_lock(&job->jobs->lock);
	job->end.exit = result.exit;
	job->has_ended = true;
	pthread_mutex_unlock(&job->jobs->lock);
	eventfd_write(job->ended_fd, 1);
	return NULL;
}

static int spawn(struct job *job, struct tend_error *err)
{
	const struct jobs *jobs = job->jobs;
	const struct tend_stream_options output = {
		.backend = TEND_BROADCAST,
		.delivery = TEND_LOSSY,
		.overflow = TEND_DROP_OLDEST,
		.replay = TEND_REPLAY_BYTES(jobs->options.replay_bytes),
		.read_chunk_size = CHUNK_BYTES,
		.max_buffered_chunks = VIEWER_CHUNKS,
	};

	/* A server that is killed takes its jobs with it; one that ends in order stops them, see jobs_shut_down(). */
	return tend_spawn(&(struct tend_spawn){ .name = job->command->name,
	                                        .argv = job->command->argv,
	                                        .in = TEND_IN_NULL,
	                                        .out = TEND_OUT_STREAM(output),
	                                        .err = TEND_OUT_MERGE,
	                                        .scope = TEND_SCOPE_CGROUP,
	                                        .cgroup.if_unavailable = TEND_NO_CGROUP_GROUP,
	                                        .survivors = TEND_SURVIVORS_STOP(&jobs->plan),
	                                        .with_parent = TEND_WITH_PARENT_CHILD,
	                                        .if_forgotten = TEND_FORGOTTEN_TERMINATE(&jobs->plan) },
	                  &job->child, err);
}

static int fail(int r, struct tend_error *err, const char *message)
{
	*err = (struct tend_error){ .code = r };
	strncpy(err->message, message, sizeof(err->message) - 1);
	return r;
}

/* Starts the child and its keeper. */
static int run(struct job *job, struct tend_error *err)
{
	int r;

	job->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (job->ended_fd < 0)
		return fail(-errno, err, "No descriptor is left.");
	r = spawn(job, err);
	if (r < 0)
		return r;
	r = -pthread_create(&job->keeper, NULL, keep, job);
	return r < 0 ? fail(r, err, "No thread can be started.") : 0;
}

/* With the lock held. */
static void note_stopper(struct job *job, enum stopper who)
{
	if (!job->has_ended && job->end.asked_by == NOBODY)
		job->end.asked_by = who;
}

/* From here on the job can be found, and be forgotten. */
static unsigned publish(struct job *job)
{
	struct jobs *jobs = job->jobs;
	unsigned id;

	pthread_mutex_lock(&jobs->lock);
	id = job->id = ++jobs->last_id;
	job->has_started = true;
	if (jobs->is_shut_down)
		note_stopper(job, SHUTDOWN);
	pthread_mutex_unlock(&jobs->lock);
	return id;
}

/* It has not started: its slot is free again. */
static void withdraw(struct job *job)
{
	struct jobs *jobs = job->jobs;

	pthread_mutex_lock(&jobs->lock);
	for (size_t i = 0; i < jobs->options.max_jobs; i++)
		if (jobs->slots[i] == job)
			jobs->slots[i] = NULL;
	pthread_mutex_unlock(&jobs->lock);
	dispose(job);
}

int jobs_start(struct jobs *jobs, const char *name, unsigned *ret_id, struct tend_error *err)
{
	const struct command *command = find_command(&jobs->options, name);
	struct job *job;
	int r;

	if (!command)
		return fail(-ENOENT, err, "There is no such command.");
	job = calloc(1, sizeof(*job));
	if (!job)
		return fail(-ENOMEM, err, "No memory is left.");
	*job = (struct job){ .jobs = jobs, .command = command, .ended_fd = -1 };
	r = reserve(jobs, job);
	if (r < 0) {
		dispose(job);
		return fail(r, err, r == -EBUSY ? "Too many jobs run." : "The server is shutting down.");
	}
	r = run(job, err);
	if (r < 0)
		withdraw(job);
	else
		*ret_id = publish(job);
	return r;
}

/* ---- one job ---- */

struct job *jobs_get(struct jobs *jobs, unsigned id)
{
	struct job *found = NULL;

	pthread_mutex_lock(&jobs->lock);
	for (size_t i = 0; i < jobs->options.max_jobs && !found; i++)
		if (jobs->slots[i] && jobs->slots[i]->has_started && jobs->slots[i]->id == id)
			found = jobs->slots[i];
	if (found)
		found->references++;
	pthread_mutex_unlock(&jobs->lock);
	return found;
}

void job_put(struct job *job)
{
	pthread_mutex_lock(&job->jobs->lock);
	job->references--;
	pthread_mutex_unlock(&job->jobs->lock);
}

bool job_admit(struct job *job)
{
	struct jobs *jobs = job->jobs;
	bool has_room;

	pthread_mutex_lock(&jobs->lock);
	has_room = jobs->viewers < jobs->options.max_viewers;
	if (has_room) {
		jobs->viewers++;
		job->viewers++;
	}
	pthread_mutex_unlock(&jobs->lock);
	return has_room;
}

void job_leave(struct job *job)
{
	struct jobs *jobs = job->jobs;

	pthread_mutex_lock(&jobs->lock);
	jobs->viewers--;
	job->viewers--;
	pthread_cond_broadcast(&jobs->viewer_left);
	pthread_mutex_unlock(&jobs->lock);
}

unsigned job_id(const struct job *job)
{
	return job->id;
}

const char *job_name(const struct job *job)
{
	return job->command->name;
}

tend_stream *job_output(struct job *job)
{
	return tend_process_stdout(job->child);
}

int job_ended_fd(const struct job *job)
{
	return job->ended_fd;
}

bool job_has_ended(struct job *job, struct job_end *ret_end)
{
	bool has_ended;

	pthread_mutex_lock(&job->jobs->lock);
	has_ended = job->has_ended;
	if (has_ended)
		*ret_end = job->end;
	pthread_mutex_unlock(&job->jobs->lock);
	return has_ended;
}

int job_stop(struct job *job, struct tend_stop_report *ret_report, struct tend_error *err)
{
	pthread_mutex_lock(&job->jobs->lock);
	note_stopper(job, VIEWER);
	pthread_mutex_unlock(&job->jobs->lock);
	return tend_process_stop(job->child, &job->jobs->plan, ret_report, err);
}

/* ---- what is told of them ---- */

void job_end_describe(const struct job_end *end, struct text *text)
{
	static const char *const stoppers[] = { [NOBODY] = "nobody", [VIEWER] = "viewer", [SHUTDOWN] = "shutdown" };

	if (end->exit.kind == TEND_EXITED)
		text_printf(text, "\"code\":%d,", end->exit.code);
	else if (end->exit.kind == TEND_SIGNALED)
		text_printf(text, "\"signal\":%d,", end->exit.signal);
	text_printf(text, "\"stopped_by\":\"%s\"", stoppers[end->asked_by]);
}

static void describe_job(const struct job *job, struct text *text)
{
	text_printf(text, "{\"id\":%u,\"name\":", job->id);
	text_json(text, job->command->name, strlen(job->command->name));
	text_printf(text, ",\"viewers\":%u,\"ended\":", job->viewers);
	if (job->has_ended) {
		text_printf(text, "{");
		job_end_describe(&job->end, text);
		text_printf(text, "}}");
	} else {
		text_printf(text, "null}");
	}
}

/* The newest job first. */
static void describe_jobs(struct jobs *jobs, struct text *text)
{
	const char *comma = "";
	unsigned below = jobs->last_id + 1;

	for (;;) {
		const struct job *next = NULL;

		for (size_t i = 0; i < jobs->options.max_jobs; i++) {
			const struct job *job = jobs->slots[i];

			if (job && job->has_started && job->id < below && (!next || job->id > next->id))
				next = job;
		}
		if (!next)
			return;
		text_printf(text, "%s", comma);
		describe_job(next, text);
		comma = ",";
		below = next->id;
	}
}

void jobs_describe(struct jobs *jobs, struct text *text)
{
	text_printf(text, "{\"commands\":[");
	for (size_t i = 0; i < jobs->options.n_commands; i++) {
		const char *name = jobs->options.commands[i].name;

		text_printf(text, "%s", i ? "," : "");
		text_json(text, name, strlen(name));
	}
	text_printf(text, "],\"jobs\":[");
	pthread_mutex_lock(&jobs->lock);
	describe_jobs(jobs, text);
	pthread_mutex_unlock(&jobs->lock);
	text_printf(text, "]}\n");
}

/* ---- the end ---- */

int jobs_shut_down(struct jobs *jobs, struct tend_error *err)
{
	pthread_mutex_lock(&jobs->lock);
	jobs->is_shut_down = true;
	for (size_t i = 0; i < jobs->options.max_jobs; i++)
		if (jobs->slots[i])
			note_stopper(jobs->slots[i], SHUTDOWN);
	pthread_mutex_unlock(&jobs->lock);
	return tend_shutdown(TEND_SECONDS(jobs->options.grace + 1), err);
}

void jobs_await_leave(struct jobs *jobs, time_t seconds)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += seconds;
	pthread_mutex_lock(&jobs->lock);
	while (jobs->viewers > 0 && pthread_cond_timedwait(&jobs->viewer_left, &jobs->lock, &deadline) == 0)
		;
	pthread_mutex_unlock(&jobs->lock);
}

void jobs_free(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->options.max_jobs; i++)
		dispose(jobs->slots[i]);
	pthread_cond_destroy(&jobs->viewer_left);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}
