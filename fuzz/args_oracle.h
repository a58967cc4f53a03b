/* SPDX-License-Identifier: MIT */
/*
 * What tend run has to make of its arguments, worked out a second time: the form of each value by a regular expression,
 * its amount in floating point.
 */
#ifndef TEND_FUZZ_ARGS_ORACLE_H
#define TEND_FUZZ_ARGS_ORACLE_H

#include <stdbool.h>

#include "../tools/run_options.h"

/* What the arguments say, as far as it is compared. */
struct args_meaning {
	bool help;
	int command;            /* the index of the program's name, when it is no call for help */
	bool quiet;
	unsigned verbose;
	enum run_input input;
	const char *name, *log_file, *own_log[2], *report_file, *ready;
	bool has_prefix, timestamps, with_parent;
	const char *prefix;     /* NULL: of the name */
	long double ready_fd;   /* -1: none */
	enum tend_scope scope;
	struct {
		bool on_failure;
		long double max, backoff; /* 0: without limit; ns */
	} restart;
	long double timeout, ready_timeout, drain_idle, drain_total; /* ns */
	long double tail;
	size_t n_phases;
	struct {
		int signal;
		enum tend_target target;
		long double duration;
	} phases[TEND_MAX_STOP_PHASES];
	struct {
		enum run_output_kind kind;
		bool single, lossy, oldest;
		enum tend_replay_kind replay;
		long double replay_amount, chunk, depth;
	} output[2];
};

/* Whether they are to be taken. */
bool args_oracle(struct args_meaning *ret, int argc, char **argv);

#endif
