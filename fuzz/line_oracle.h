/* SPDX-License-Identifier: MIT */
/*
 * What a line parser has to make of a stream, worked out from the whole stream at once, and slowly; and whether
 * lib/line.c makes that of it.  For whoever thinks up streams: test/test_line_property.c and fuzz_line.c.
 */
#ifndef TEND_FUZZ_LINE_ORACLE_H
#define TEND_FUZZ_LINE_ORACLE_H

#include <stddef.h>
#include <tend.h>

#define LINE_WORLD_MAX_BYTES ((size_t)1024)

/* What happens to the next bytes of the stream. */
enum line_step_kind {
	LINE_FED,               /* they reach the parser, as one chunk */
	LINE_LOST,              /* they do not, and nothing is known of the gap */
	LINE_LOST_TOLD,         /* they do not; the gap says how many they are, but not which the last one was */
	LINE_LOST_KNOWN         /* they do not; the gap says which the last one was */
};

struct line_step {
	enum line_step_kind kind;
	size_t size;            /* bytes; of a chunk, at least 1 */
};

struct line_world {
	struct tend_line_options options;
	const unsigned char *bytes;
	size_t n_bytes;         /* at most LINE_WORLD_MAX_BYTES */
	/* taken in turn, and again from the first on, until the bytes are used up; not all of size 0 */
	const struct line_step *steps;
	size_t n_steps;
};

/* How much of everything there was, so that a test can see that its streams were worth it. */
struct line_tally {
	uint64_t lines, bytes_cut, bytes_resync;
	uint64_t stripped;      /* CRs */
	uint64_t moved;         /* pieces that end earlier than at max_length */
	uint64_t after_gap, continued, unterminated, had_cr;
};

/*
 * Feeds the world to a parser.  NULL when every line, flag and offset, every count of losses and the use of memory are
 * as they have to be; otherwise what is wrong first, in static storage.  Adds to *tally, which may be NULL.
 */
const char *line_world_check(const struct line_world *world, struct line_tally *tally);

#endif
