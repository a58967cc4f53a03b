/* SPDX-License-Identifier: MIT */
/*
 * A text that grows, for what is sent: plain parts, and strings of JSON out of any bytes.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Zero to begin with. */
struct text {
	char *data; /* not NUL-terminated */
	size_t size, room;
	bool has_failed; /* no memory: something is missing */
};

void text_add(struct text *t, const void *bytes, size_t size);
void text_printf(struct text *t, const char *format, ...) __attribute__((__format__(__printf__, 2, 3)));
/* In quotes.  Bytes that are not UTF-8 become U+FFFD each, so that the text is UTF-8 always. */
void text_json(struct text *t, const void *bytes, size_t size);
/* Empty, with its memory kept. */
void text_clear(struct text *t);
void text_free(struct text *t);

#endif
