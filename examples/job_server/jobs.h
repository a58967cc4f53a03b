/* SPDX-License-Identifier: MIT */
/*
 * The jobs: which commands there are, which of them run, and what became of those that ran.  This is where the library
 * is used; nothing here knows of HTTP.  All functions may be called on any thread.
 */
#ifndef JOBS_H
#define JOBS_H

#include "text.h"
#include <tend.h>

struct jobs;
struct job;

/* What may be started.  A client says the name and nothing else. */
struct command {
	const char *name;
	const char *const *argv;
};

struct jobs_options {
	const struct command *commands; /* lent until jobs_free() */
	size_t n_commands;
	size_t max_jobs;     /* that are remembered, those that run among them */
	size_t max_viewers;  /* of all jobs together */
	size_t replay_bytes; /* of each job's output, for those who come late */
	double grace;        /* seconds between SIGTERM and SIGKILL */
};

enum stopper { NOBODY, VIEWER, SHUTDOWN };

/* How a job ended.  Its exit may be its own all the same: it may have been faster than the stop. */
struct job_end {
	struct tend_exit exit;
	enum stopper asked_by; /* who asked it to stop while it ran */
};

/* NULL: no memory. */
struct jobs *jobs_new(const struct jobs_options *options);

/*
 * Starts a command.  The oldest job that has ended and that nobody looks at is forgotten when there are too many.
 * -ENOENT: there is no such command; -EBUSY: no job can be forgotten; -ESHUTDOWN; or as tend_spawn().
 */
int jobs_start(struct jobs *jobs, const char *name, unsigned *ret_id, struct tend_error *err);

/* The commands and the jobs, as JSON. */
void jobs_describe(struct jobs *jobs, struct text *text);

/* A job, which stays until job_put(); NULL: there is none, or none any more. */
struct job *jobs_get(struct jobs *jobs, unsigned id);
void job_put(struct job *job);
/* One more viewer, who has the job already; false: there are too many. */
bool job_admit(struct job *job);
void job_leave(struct job *job);

unsigned job_id(const struct job *job);
const char *job_name(const struct job *job);
/* The output, stdout and stderr in their true order. */
tend_stream *job_output(struct job *job);
/* Readable for good when the job has ended, with all its output. */
int job_ended_fd(const struct job *job);
/* False: it has not. */
bool job_has_ended(struct job *job, struct job_end *ret_end);
/* The members of a JSON object that say how. */
void job_end_describe(const struct job_end *end, struct text *text);
/* Stops it and waits until it has worked, which takes at most the grace and a few seconds. */
int job_stop(struct job *job, struct tend_stop_report *ret_report, struct tend_error *err);

/*
 * Stops all jobs, all at the same time; none can be started afterwards.  -ETIMEDOUT: some process is still there behind
 * SIGKILL.
 */
int jobs_shut_down(struct jobs *jobs, struct tend_error *err);
/* Waits until all viewers have left, for at most so many seconds. */
void jobs_await_leave(struct jobs *jobs, time_t seconds);
/* After jobs_shut_down(), when nobody has a job any more. */
void jobs_free(struct jobs *jobs);

#endif
