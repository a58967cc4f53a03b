/* SPDX-License-Identifier: MIT */
/* What tests of the line parser share: parsers, and lines as text.  On the main thread. */
#ifndef TEND_TEST_LINES_H
#define TEND_TEST_LINES_H

#include <tend/line.h>
#include <tend/stream.h>

/* Options; extras stand behind the policy, as designated initialisers. */
#define LINES(most, ...) ((struct tend_line_options){ .max_length = (most), .overflow = __VA_ARGS__ })

tend_parser *line_parser(struct tend_line_options options);

/* Hands a chunk to the parser. */
void line_feed(tend_parser *parser, const char *data, size_t size, uint64_t offset);
/* The same, and adds all lines that come to `text`, where they look like those of lines_of(). */
void line_feed_and_show(tend_parser *parser, const char *data, size_t size, char *text, size_t text_size);

/*
 * What comes out of `script`: "/" ends a chunk, "#" is a gap of which nothing is known, "=" a gap whose last missing
 * byte was an LF.  The stream ends with the script.  Each line is shown as
 *     "+" continued, "^" after a gap, its bytes, "<" had a CR, "!" cut, "~" unterminated, "|".
 * Valid until the next call.
 */
const char *lines_of(struct tend_line_options options, const char *script);

#define TRUNCATED(most, script) lines_of(LINES(most, TEND_LINE_TRUNCATE), script)
#define SPLIT(most, script) lines_of(LINES(most, TEND_LINE_SPLIT), script)

#endif
