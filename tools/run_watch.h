/* SPDX-License-Identifier: MIT */
/* What the owner of a run waits for, and how the other threads tell it. */
#ifndef TEND_TOOLS_RUN_WATCH_H
#define TEND_TOOLS_RUN_WATCH_H

#include "run.h"

void run_watch_init(struct run *run, const struct run_options *options);

/* Starts and joins the thread that sees the exit.  0 or a negative errno value. */
int run_watch_start(struct run *run);
void run_watch_join(struct run *run);

/*
 * The process, for a thread that is not the owner: it is not freed before run_return().  NULL: there is none, and
 * nothing to return.  Any thread.
 */
tend_process *run_borrow(struct run *run);
void run_return(struct run *run);

/* Frees the one that there was, once nobody uses it any more.  Owner only. */
void run_set_process(struct run *run, tend_process *take_process);

/* Wants the child stopped.  False: it has exited already.  Any thread. */
bool run_want_stop(struct run *run, enum run_why why);

/* The exit has been seen: nothing is left to stop.  Any thread. */
bool run_has_exited(struct run *run);

/* Something that tend was asked to do cannot be done.  Any thread. */
void run_has_failed(struct run *run);

/* A line has matched.  False: it had matched before, or came too late.  Any thread. */
bool run_is_ready(struct run *run, int64_t *ret_after_ns);

/* Waits for the exit, or a reason to stop: a deadline, or what another thread wants.  Owner only. */
void run_watch(struct run *run);

/* Waits before the child is started again.  False: it is not to be, any more.  Owner only. */
bool run_watch_pause(struct run *run, tend_duration delay);

/* The child was stopped, or what is not passed on yet has been given up: nobody waits for a late ready line. */
bool run_was_cut_short(struct run *run);

/* How long the owner waits for the output to be passed on: for ever, unless the child was stopped. */
int64_t run_patience(struct run *run);

/* Until when tend's own last words are to be taken: the same, but soon where a person has given up. */
int64_t run_words_deadline(struct run *run);

/*
 * The child has exited: waits until its streams have ended, or nothing has come for the drain's IDLE, or its TOTAL
 * is over, at most until `deadline`.  Time in which the writers are behind with what the child had written does
 * not count.  *ret_left_ns is what is left of TOTAL.  False: it was broken off, and bytes of the child may be
 * lost.  Owner only.
 */
bool run_watch_drain(struct run *run, int64_t deadline, int64_t *ret_left_ns);

/* Waits until all writers have ended, at most until `deadline`.  False: they have not. */
bool run_watch_writers(struct run *run, int64_t deadline);

#endif
