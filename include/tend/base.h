/* SPDX-License-Identifier: MIT */
/*
 * What every other header needs: export marks, durations, handles that free themselves.
 *
 * Two kinds of fields occur in the structs that a caller fills.  A *choice* must be made: 0 means "not
 * chosen" and is refused with -EINVAL and the field's name.  An *extra* may be left out: 0 means absent.
 */
#ifndef TEND_BASE_H
#define TEND_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define TEND_BEGIN_DECLS extern "C" {
#define TEND_END_DECLS }
#else
#define TEND_BEGIN_DECLS
#define TEND_END_DECLS
#endif

#define TEND_API __attribute__((__visibility__("default")))
#define TEND_NODISCARD __attribute__((__warn_unused_result__))
#define TEND_PRINTF(format, first) __attribute__((__format__(__printf__, format, first)))

TEND_BEGIN_DECLS

/*
 * A span of time on CLOCK_MONOTONIC (clock_gettime(2)), in nanoseconds, tagged so that a plain number is
 * never taken for one: make it with the macros below.  0 is "not chosen".  Negative spans count as
 * TEND_AT_ONCE; spans of more than about 146 years saturate to TEND_FOREVER.  The macros evaluate their
 * argument more than once; with constants they are constant expressions.  Fractions are allowed:
 * TEND_SECONDS(0.25).
 */
typedef int64_t tend_duration;

#define TEND_DURATION_TAG INT64_C(0x4000000000000000)
#define TEND_DURATION_MAX INT64_C(0x3ffffffffffffffe) /* ns, the longest finite one */
#define TEND__SPAN(n, unit)                                                                                            \
	((n) <= 0 ? TEND_DURATION_TAG                                                                                  \
	 : (n) > TEND_DURATION_MAX / (unit) ? TEND_FOREVER                                                             \
	                                    : (tend_duration)((n) * (unit)) + TEND_DURATION_TAG)

#define TEND_NS(n) TEND__SPAN(n, INT64_C(1))
#define TEND_US(n) TEND__SPAN(n, INT64_C(1000))
#define TEND_MS(n) TEND__SPAN(n, INT64_C(1000000))
#define TEND_SECONDS(n) TEND__SPAN(n, INT64_C(1000000000))
#define TEND_MINUTES(n) TEND__SPAN(n, INT64_C(60000000000))
#define TEND_AT_ONCE TEND_DURATION_TAG  /* do not wait: look, and return */
#define TEND_FOREVER INT64_C(0x7fffffffffffffff) /* no deadline */

/*
 * A number of which 0 is a real value, tagged so that an absent extra can be told from it: make it with TEND_VALUE() or
 * with the macro that the field names, such as TEND_UMASK(022).  -2^61 to 2^61.
 */
typedef int64_t tend_value;

#define TEND_VALUE_TAG INT64_C(0x4000000000000000)
#define TEND_VALUE(n) ((tend_value)(n) + TEND_VALUE_TAG)
#define TEND_FD(fd) TEND_VALUE(fd) /* a descriptor */

/*
 * Declares a handle that is freed when it goes out of scope, with the cleanup attribute of gcc and clang:
 *     TEND_AUTO(tend_process) server = NULL;
 * works for tend_process, tend_stream, tend_subscription, tend_consumer and tend_parser.
 */
#define TEND_AUTO(handle) __attribute__((__cleanup__(handle##_auto))) handle *

#define TEND_VERSION_MAJOR 0
#define TEND_VERSION_MINOR 1
#define TEND_VERSION_PATCH 0

/*
 * The version of the library that the program runs with, as "MAJOR.MINOR.PATCH".  A static string.  Any
 * thread; does not block.
 */
TEND_API const char *tend_version(void);

TEND_END_DECLS

#endif
