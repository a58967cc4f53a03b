/* SPDX-License-Identifier: MIT */
/* Refuses what was not chosen, by the field's name, before anything exists. */
#ifndef TEND_LIB_OPTS_H
#define TEND_LIB_OPTS_H

#include <tend/consume.h>
#include <tend/process.h>
#include <tend/write.h>

/*
 * [any] 0, or -EINVAL with the field's full name ("out.stream.read_chunk_size").  `prefix` stands in front of each
 * field's name, dot included; "" for none.
 */
int tend__check_duration(tend_duration d, const char *name, bool finite, struct tend_error *err);
int tend__check_stream_options(const struct tend_stream_options *o, const char *prefix, struct tend_error *err);
/* Absent is right; `overflow` is what TEND_STALL_LOSE would go by. */
int tend__check_stall(const struct tend_stall *o, enum tend_overflow overflow, const char *prefix,
                      struct tend_error *err);
int tend__check_runs_on(enum tend_runs_on runs_on, const char *prefix, struct tend_error *err);
int tend__check_line_options(const struct tend_line_options *o, const char *prefix, struct tend_error *err);
int tend__check_collect(const struct tend_collect *o, const char *prefix, struct tend_error *err);
int tend__check_write(const struct tend_write *o, struct tend_error *err);
int tend__check_stop(const struct tend_stop *o, const char *prefix, struct tend_error *err);
int tend__check_forgotten(const struct tend_forgotten *o, struct tend_error *err);
int tend__check_spawn(const struct tend_spawn *o, struct tend_error *err);
int tend__check_complete(const struct tend_complete *o, bool has_stream, struct tend_error *err);

#endif
