/* SPDX-License-Identifier: MIT */
/* What the library itself wants to know of a line parser. */
#ifndef TEND_LIB_LINE_H
#define TEND_LIB_LINE_H

#include <tend/consume.h>
#include <tend/line.h>
#include <tend/stream.h>

/* [any] Where in the stream the first byte is that it has not taken out of the fed chunk yet. */
uint64_t tend__parser_offset(const tend_parser *parser);

/* [any] Whether the line that it handed out last is a piece, and the stream goes on within that line. */
bool tend__parser_in_line(const tend_parser *parser);

/* [any] How many bytes its buffer holds; 0 as long as no line straddled two chunks. */
size_t tend__parser_room(const tend_parser *parser);

/*
 * [any] Calls fn for the next lines, up to the first that does not lie whole in the fed chunk, or for which it returns
 * TEND_BREAK; false: it did.  What comes next, if anything, is for tend_parser_next().  fn has nothing to do with the
 * parser, so that its place in the chunk stays in registers: a third of the time that asking for each line takes.
 */
bool tend__parser_show_whole(tend_parser *parser, tend_line_fn *fn, void *arg);

/*
 * [any] Whether an ending leaves an unterminated rest that counts as a line: the stream itself is over.  A consumer
 * that was cancelled, or broke off by itself, stopped in the middle of a line that goes on.
 */
bool tend__ends_line(enum tend_ending ending);

#endif
