/* SPDX-License-Identifier: MIT */
/*
 * One run of one program: what the threads of tend run share.
 *
 * Threads: main decides; `waiter` sees the exit (run_watch.c); `signals` takes tend's own signals (run_signals.c);
 * the library's consumers pass output on (run_streams.c).  Whoever is not main leaves a word here and wakes main.
 */
#ifndef TEND_TOOLS_RUN_H
#define TEND_TOOLS_RUN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <tend.h>

#include "run_options.h"

/* Why the child was stopped.  The first reason stays. */
enum run_why {
	RUN_NOT_STOPPED = 0,
	RUN_TIMED_OUT,
	RUN_NOT_READY,
	RUN_INTERRUPTED,     /* a signal to tend */
	RUN_CANNOT_PASS_ON   /* tend's stdout or stderr takes no more */
};

/* Something that writes a stream's bytes somewhere. */
struct run_writer {
	tend_consumer *consumer; /* NULL: not in use */
	struct run *run;
	struct run_stream *stream;
	int fd;
	bool is_log;             /* one file for both streams: written under run.log_lock */
	uint64_t line_ends;      /* the consumer's; valid once `ended` */
	/* guarded by run.lock */
	uint64_t passed;         /* offset behind the last byte written */
	int error;               /* 0 or a negative errno value: writing has failed, nothing more is written */
	bool ended;
};

/* One output of the child, when it is read. */
struct run_stream {
	const char *name;        /* "stdout", "stderr" */
	tend_stream *stream;     /* NULL: not read */
	struct run_writer pass, log;
	tend_consumer *ready, *tail; /* NULL: not in use */
	/* summed up once all have ended */
	uint64_t gaps, bytes_dropped;
	bool complete;
};

/* Descriptors that were opened before the child exists; -1: none. */
struct run_files {
	int input, log, report;
};

struct run {
	const struct run_options *options;
	const char *name;
	struct run_files files;
	tend_process *process;   /* NULL: it could not be started */
	pid_t pid;
	int64_t started;         /* moment */
	struct run_stream streams[2];
	pthread_mutex_t log_lock;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* guarded by lock */
	bool exited;
	enum run_why why;
	bool interrupted;        /* by a signal, whatever the first reason was */
	bool failed;             /* tend could not do all it was asked to */
	bool draining;           /* main wants to know of every chunk that is passed on */
	bool gives_up;           /* what has not been passed on by now is not waited for */
	int64_t ready_ns;        /* after the start; -1: not yet */
	struct tend_stop_report kill_report; /* of the second signal; outcome TEND_STOP_NOT_RUN: none */

	/* main's, once the child has ended */
	bool lost_some;          /* bytes of the child were not passed on, and that was said */
	struct tend_stop_report stop;
	struct tend_result result;
	bool has_result;         /* the child has exited, and `result` is filled */
};

#endif
