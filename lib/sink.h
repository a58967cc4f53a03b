/* SPDX-License-Identifier: MIT */
/* Where a writer writes to: a descriptor or a FILE of the host's. */
#ifndef TEND_LIB_SINK_H
#define TEND_LIB_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct tend__sink {
	FILE *file;             /* NULL: fd */
	int fd;
};

/* [any] 0, or -EBADF where it is not open for writing. */
int tend__sink_check(const struct tend__sink *sink);

/*
 * [one thread] Writes all of it, however long that takes: 0, or a negative errno value.  *ret_written is what the sink
 * took; a FILE may have taken all and fail to pass it on.
 */
int tend__sink_write(const struct tend__sink *sink, const char *data, size_t size, size_t *ret_written);

/*
 * [one thread] Whether what tend__sink_write() said of a failure is exact: no buffer lies between, from which more may
 * be lost.
 */
bool tend__sink_is_exact(const struct tend__sink *sink);

/* [one thread] What a FILE still holds goes out: 0, or a negative errno value. */
int tend__sink_flush(const struct tend__sink *sink);

#endif
