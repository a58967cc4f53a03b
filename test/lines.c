/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <stdio.h>

#include "test.h"

tend_parser *line_parser(struct tend_line_options options)
{
	tend_parser *p = NULL;
	struct tend_error e;

	CHECK_OK(tend_parser_new(&options, &p, &e), &e);
	return p;
}

static void show(char *text, size_t size, const struct tend_line *line)
{
	size_t n = strlen(text);

	snprintf(text + n, size - n, "%s%s%.*s%s%s%s|", line->flags & TEND_LINE_CONTINUED ? "+" : "",
	         line->flags & TEND_LINE_AFTER_GAP ? "^" : "", (int)line->size, line->data,
	         line->flags & TEND_LINE_HAD_CR ? "<" : "", line->flags & TEND_LINE_CUT ? "!" : "",
	         line->flags & TEND_LINE_UNTERMINATED ? "~" : "");
}

void line_feed(tend_parser *parser, const char *data, size_t size, uint64_t offset)
{
	tend_parser_feed(parser, &(struct tend_chunk){ .data = data, .size = size, .offset = offset });
}

void line_feed_and_show(tend_parser *parser, const char *data, size_t size, char *text, size_t text_size)
{
	struct tend_line line;

	line_feed(parser, data, size, 0);
	while (tend_parser_next(parser, &line) > 0)
		show(text, text_size, &line);
}

const char *lines_of(struct tend_line_options options, const char *script)
{
	static char text[512];
	tend_parser *p = line_parser(options);
	struct tend_line line;

	text[0] = '\0';
	for (;;) {
		size_t n = strcspn(script, "/#=");

		line_feed_and_show(p, script, n, text, sizeof text);
		if (script[n] == '\0')
			break;
		if (script[n] == '#')
			tend_parser_gap(p, NULL);
		if (script[n] == '=')
			tend_parser_gap(p, &(struct tend_gap){ .before = '\n' });
		script += n + 1;
	}
	if (tend_parser_finish(p, &line) > 0)
		show(text, sizeof text, &line);
	CHECK_INT(0, tend_parser_finish(p, &line));
	tend_parser_free(p);
	return text;
}
