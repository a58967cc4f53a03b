/* SPDX-License-Identifier: MIT */
/*
 * The scenarios of the sweep.  Each ends what it has begun, whatever failed, and looks at what came of it as long as
 * nothing has.
 */
#ifndef TEND_TEST_TORTURE_SCENARIOS_H
#define TEND_TEST_TORTURE_SCENARIOS_H

#include "torture.h"

/* A child, or NULL where the spawn said why there is none. */
tend_process *scene_spawn(const struct tend_spawn *s);
/* Of a helper with one argument, which may be NULL: stdin null, both streams `live`, discarded where that is NULL. */
tend_process *scene_start(const struct tend_stream_options *live, const char *name, const char *argument);
bool scene_has_exited(tend_process *p);
/* It ends in time, and so. */
void scene_await_exit(tend_process *p, enum tend_exit_kind kind, int number);
/* Collects both streams of a child that ends by itself; `out`, unless it is NULL, is what it has to say. */
void scene_complete(tend_process *p, const char *out, int code);
/* Kills the child if it still runs, behind the fault if it has to be, and frees the handle; NULL is allowed. */
void scene_end(tend_process *p);
/* The same with all of its group, whether it still runs or not. */
void scene_end_all(tend_process *p);

/* Whether a child can have a cgroup here. */
bool scene_have_cgroups(void);

void scene_discarded(void);
void scene_streams(void);
void scene_merged(void);
void scene_environment(void);
void scene_path(void);
void scene_descriptors(void);
void scene_inherited(void);
void scene_session(void);
void scene_no_scope(void);
void scene_cgroup_or_group(void);
void scene_cgroup(void);
void scene_cgroup_stopped(void);
void scene_with_parent(void);
void scene_guarded(void);
void scene_few_bytes(void);
void scene_many_bytes(void);
void scene_raw_terminal(void);
void scene_cooked_terminal(void);
void scene_ids(void);
void scene_numbers(void);
void scene_no_program(void);
void scene_survivors_told(void);
void scene_survivors_stopped(void);
void scene_echo(void);
void scene_stop(void);
void scene_kill(void);
void scene_signal(void);
void scene_signal_group(void);
void scene_timeout(void);
void scene_inactivity(void);
void scene_exit_fd(void);
void scene_status(void);
void scene_forgotten(void);
void scene_detached(void);
void scene_released(void);
void scene_adopted(void);
void scene_adopted_by_pidfd(void);
void scene_shutdown(void);

void scene_subscribe(void);
void scene_subscribe_single(void);
void scene_subscribe_lossy(void);
void scene_subscribe_stalling(void);
void scene_many_subscriptions(void);
void scene_subscription_fd(void);
void scene_consume(void);
void scene_consume_on_reader(void);
void scene_inspect(void);
void scene_inspect_on_reader(void);
void scene_cancel(void);
void scene_cancel_drain(void);
void scene_consumer_freed(void);
void scene_collect_bytes(void);
void scene_collect_lines(void);
void scene_write_chunks(void);
void scene_write_lines(void);
void scene_write_file(void);
void scene_await_line(void);
void scene_await_no_line(void);
void scene_parser(void);
void scene_stream_open(void);

#endif
