/* SPDX-License-Identifier: MIT */
/*
 * For clang's analyser alone, which "make check-static" has include this first: it looks at one file at a time, and
 * does not know that what reports an error returns one.
 */
#include <errno.h>

#include "error.h"

#define tend__refuse(...) (tend__refuse(__VA_ARGS__), -EINVAL)
#define tend__error(err, code, ...) (tend__error(err, code, __VA_ARGS__), code)
#define tend__error_sys(err, code, ...) (tend__error_sys(err, code, __VA_ARGS__), code)
