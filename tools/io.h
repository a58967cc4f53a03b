/* SPDX-License-Identifier: MIT */
/* Writing all of it. */
#ifndef TEND_TOOLS_IO_H
#define TEND_TOOLS_IO_H

#include <stddef.h>

/* Writes all of `data` to fd, non-blocking or not.  0 or a negative errno value.  Any thread; blocks. */
int io_write_all(int fd, const void *data, size_t size);

/* Writes a text to stdout; says so where that fails.  0 or a negative errno value. */
int io_print(const char *text);

#endif
