/* SPDX-License-Identifier: MIT */
/* Durations as people write them: 1500ms, 30s, 1.5s, 5m, 2h. */
#ifndef TEND_TOOLS_DURATION_H
#define TEND_TOOLS_DURATION_H

#include <stddef.h>
#include <stdint.h>

#define DURATION_HINT "a duration such as 1500ms, 30s, 1.5s, 5m or 2h"

/* The first `size` bytes of `text`.  NULL and *ret_ns, or what is wrong with it, as the end of a sentence. */
const char *duration_parse(const char *text, size_t size, int64_t *ret_ns);

/* A moment's length for a message: "200 ms", "1.5 s".  Returns `text`. */
const char *duration_show(int64_t ns, char text[32]);

#endif
