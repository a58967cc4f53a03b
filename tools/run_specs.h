/* SPDX-License-Identifier: MIT */
/* The small languages inside option values: stop plans and stream settings. */
#ifndef TEND_TOOLS_RUN_SPECS_H
#define TEND_TOOLS_RUN_SPECS_H

#include "run_options.h"

/* All as cli defaults: broadcast, reliable, no replay, 64 KiB x 16. */
extern const struct tend_stream_options run_default_stream;

/* Each returns 0, or -1 after a line that starts with `option` has said what is wrong and what would be right. */
int run_plan_parse(const char *option, const char *text, struct run_plan *ret_plan);
int run_output_parse(const char *option, const char *text, struct run_output *ret_output);
int run_scope_parse(const char *option, const char *text, enum tend_scope *ret_scope);
int run_restart_parse(const char *option, const char *text, struct run_restart *ret_restart);
int run_regex_parse(const char *option, const char *text, regex_t *ret_regex);
int run_duration_parse(const char *option, const char *text, size_t size, int64_t *ret_ns);
/* A decimal number of `least` to `most`. */
int run_count_parse(const char *option, const char *text, size_t least, size_t most, size_t *ret_n);

#endif
