/* SPDX-License-Identifier: MIT */
#include "text.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool make_room(struct text *t, size_t more)
{
	size_t room = t->room ? t->room : 256;
	char *data;

	while (room - t->size < more)
		room *= 2;
	if (room == t->room)
		return true;
	data = realloc(t->data, room);
	if (!data) {
		t->has_failed = true;
		return false;
	}
	t->data = data;
	t->room = room;
	return true;
}

void text_add(struct text *t, const void *bytes, size_t size)
{
	if (size == 0 || !make_room(t, size))
		return;
	memcpy(t->data + t->size, bytes, size);
	t->size += size;
}

void text_printf(struct text *t, const char *format, ...)
{
	char piece[1024]; /* more than any of our formats brings: names have limits */
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(piece))
		t->has_failed = true;
	else
		text_add(t, piece, (size_t)n);
}

/* How many bytes the character at p has; 0: it is none of UTF-8 (overlong, a surrogate, torn, beyond U+10FFFF). */
static size_t character(const unsigned char *p, size_t size)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	unsigned code = n > 1 ? p[0] & (0x7fu >> n) : p[0];

	if (n == 0 || n > size)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3fu);
	}
	return code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

void text_json(struct text *t, const void *bytes, size_t size)
{
	const unsigned char *p = bytes;
	size_t n;

	text_add(t, "\"", 1);
	for (const unsigned char *end = p + size; p < end; p += n ? n : 1) {
		n = character(p, (size_t)(end - p));
		if (n == 0)
			text_add(t, "\\ufffd", 6);
		else if (*p < 0x20 || *p == 0x7f || *p == '"' || *p == '\\')
			text_printf(t, "\\u%04x", *p);
		else
			text_add(t, p, n);
	}
	text_add(t, "\"", 1);
}

void text_clear(struct text *t)
{
	t->size = 0;
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){ 0 };
}
