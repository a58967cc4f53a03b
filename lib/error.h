/* SPDX-License-Identifier: MIT */
/* Filling a struct tend_error, and the log. */
#ifndef TEND_LIB_ERROR_H
#define TEND_LIB_ERROR_H

#include <stdarg.h>
#include <tend/error.h>

/*
 * [any] Fills *err (may be NULL) and returns `code`, a negative errno value.  The message is `format`, a full sentence
 * without the errno text where code says nothing, else with "%m"-like text appended by tend__error_sys().
 * name may be NULL.  errno is preserved.
 */
int tend__error(struct tend_error *err, int code, enum tend_step step, const char *name, const char *format, ...)
        TEND_PRINTF(5, 6);

/* [any] As tend__error(), with ": <text of code>" behind the sentence. */
int tend__error_sys(struct tend_error *err, int code, enum tend_step step, const char *name, const char *format, ...)
        TEND_PRINTF(5, 6);

/* [any] -EINVAL for a field of an options struct: "<field> <rest>". */
int tend__refuse(struct tend_error *err, const char *name, const char *field, const char *format, ...)
        TEND_PRINTF(4, 5);

/* [any] Not with a lock held: calls the host's log function, if there is one for this level. */
void tend__log(enum tend_log_level level, const char *event, const char *name, pid_t pid, const char *format, ...)
        TEND_PRINTF(5, 6);

#endif
