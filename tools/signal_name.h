/* SPDX-License-Identifier: MIT */
/* Signals by name. */
#ifndef TEND_TOOLS_SIGNAL_NAME_H
#define TEND_TOOLS_SIGNAL_NAME_H

#include <stddef.h>

/* "SIGTERM", "SIGRTMIN+3", or "signal 77" where it has no name.  Returns `text`. */
const char *signal_name(int number, char text[24]);

/* The number of "TERM", "SIGTERM", "term", "RTMIN+3" or "15", the first `size` bytes of `text`; 0 where it is none. */
int signal_number(const char *text, size_t size);

#endif
