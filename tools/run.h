/* SPDX-License-Identifier: MIT */
/*
 * One run of one program, which may be started more than once: what the threads that care for it share.
 *
 * Threads: its owner decides (main in tend run, a thread for each run in tend up); `waiter` sees the exit
 * (run_watch.c); `signals` takes tend's own signals (run_signals.c); the library's consumers pass output on
 * (run_streams.c).  Whoever is not the owner leaves a word here and wakes the owner.
 */
#ifndef TEND_TOOLS_RUN_H
#define TEND_TOOLS_RUN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <tend.h>

#include "run_options.h"

struct run_lines;

/* Why the child was stopped.  The first reason stays. */
enum run_why {
	RUN_NOT_STOPPED = 0,
	RUN_TIMED_OUT,
	RUN_NOT_READY,
	RUN_INTERRUPTED,     /* a signal to tend */
	RUN_OTHER_ENDED,     /* tend up: the first one that ends takes the others with it */
	RUN_CANNOT_PASS_ON   /* tend's stdout or stderr takes no more */
};

/* Something that writes a stream's bytes somewhere. */
struct run_writer {
	tend_consumer *consumer; /* NULL: not in use */
	struct run *run;
	struct run_stream *stream;
	int fd;
	const char *log_file;    /* what it is called; NULL: it is one of tend's own streams */
	pthread_mutex_t *shared; /* held while writing to what others write to as well; NULL: nobody does */
	struct run_lines *lines; /* whole lines with something in front of each; NULL: every byte as it is */
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
	struct run_writer pass, log, own_log;
	tend_consumer *ready, *tail; /* NULL: not in use */
	/* summed up once all have ended */
	uint64_t gaps, bytes_dropped;
	bool complete;
};

/* Descriptors that were opened before the child exists; -1: none. */
struct run_files {
	int input, log, logs[2], report;
};

struct run {
	const struct run_options *options;
	const char *name;
	const char *prefix;      /* in front of each line; NULL: none */
	struct run_files files;
	pthread_mutex_t log_lock;
	pthread_mutex_t *out_lock; /* of the stdout that all runs share; NULL: it is this one's alone */
	void (*on_ready)(struct run *run); /* once, on any thread, no lock held; NULL: nobody wants to know */
	void (*on_stop)(struct run *run);  /* once, by the owner: it is being stopped, or has ended for good */

	/* the owner's; of the last start, where there were several */
	pid_t pid;
	int64_t started;         /* moment of the first start */
	pthread_t waiter;
	struct run_stream streams[2];
	struct tend_restarts restarts;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* guarded by lock */
	tend_process *process;   /* NULL: it could not be started, or not yet; written by the owner alone */
	unsigned borrowed;       /* by threads that use `process` without the lock: it is not freed meanwhile */
	bool exited;             /* and is not to be started again, as far as is known */
	enum run_why why;
	bool interrupted;        /* by a signal, whatever the first reason was */
	bool failed;             /* tend could not do all it was asked to */
	bool draining;           /* the owner wants to know of every chunk that is passed on */
	bool gives_up;           /* what has not been passed on by now is not waited for */
	bool kill;               /* a second signal came when there was no process to kill */
	int64_t ready_ns;        /* after the start; -1: not yet */
	struct tend_stop_report kill_report; /* of the second signal; outcome TEND_STOP_NOT_RUN: none */

	/* the owner's, once the child has ended */
	bool lost_some;          /* bytes of the child were not passed on, and that was said */
	struct tend_stop_report stop;
	struct tend_result result;
	bool has_result;         /* the child has exited, and `result` is filled */
};

#endif
