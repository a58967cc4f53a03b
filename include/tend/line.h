/* SPDX-License-Identifier: MIT */
/*
 * Lines out of chunks.  A line ends with a delimiter, LF unless another byte is chosen, which is not part of it.  Bytes
 * are bytes: NUL, CR and invalid UTF-8 pass through.  The same bytes give the same lines however they were split into
 * chunks.
 */
#ifndef TEND_LINE_H
#define TEND_LINE_H

#include <tend/base.h>
#include <tend/error.h>

TEND_BEGIN_DECLS

struct tend_chunk;
struct tend_gap;

/* What becomes of a line longer than max_length. */
enum tend_line_overflow {
	TEND_LINE_TRUNCATE = 1, /* its first max_length bytes, flagged TEND_LINE_CUT; the rest is dropped and counted */
	TEND_LINE_SPLIT         /* consecutive pieces of max_length bytes; all but the first flagged
				   TEND_LINE_CONTINUED */
};

/* What a CR at the end of a line is. */
enum tend_cr {
	TEND_CR_KEEP,           /* content, as everywhere else */
	TEND_CR_STRIP           /* one in front of the delimiter, or of the stream's end, is no part of the line and
				   does not count against max_length; TEND_LINE_HAD_CR tells that it was there */
};

/*
 * A byte as delimiter, tagged so that NUL can be chosen and a plain number is never taken for one.  The byte is a char
 * or a number from 0 to 255: TEND_DELIMITER('\0').
 */
#define TEND_DELIMITER_TAG 0x10000u
#define TEND_DELIMITER(byte) (TEND_DELIMITER_TAG + (unsigned)(byte))

#define TEND_DEFAULT_MAX_LINE_LENGTH ((size_t)16 << 10)
#define TEND_MAX_LINE_LENGTH ((size_t)1 << 30)

struct tend_line_options {
	size_t max_length;      /* choice: bytes without the delimiter, 1 to TEND_MAX_LINE_LENGTH */
	enum tend_line_overflow overflow; /* choice */
	enum tend_cr cr;        /* extra: absent, TEND_CR_KEEP */
	unsigned delimiter;     /* extra: TEND_DELIMITER(byte); absent: LF */
	/*
	 * Extra: a line that is truncated or split at max_length is so up to 3 bytes earlier, in front of the UTF-8
	 * character that would be torn.  At max_length all the same where there is no such character, also within bytes
	 * that are not UTF-8, and where the character alone is longer than max_length.
	 */
	bool cut_at_utf8;
	size_t release_above;   /* extra: bytes; the memory for lines that straddle chunks is given back after a line
				   when it has grown beyond that; absent: kept for the next one */
};

enum tend_line_flags {
	TEND_LINE_CUT = 1,          /* TEND_LINE_TRUNCATE dropped the rest of it */
	TEND_LINE_CONTINUED = 2,    /* TEND_LINE_SPLIT: not the first piece of its line */
	TEND_LINE_AFTER_GAP = 4,    /* bytes are missing between the line before and this one */
	TEND_LINE_UNTERMINATED = 8, /* the stream ended before the delimiter */
	TEND_LINE_HAD_CR = 16       /* the byte in front of the delimiter, or of the stream's end, was a CR, kept or
				       stripped; not known of a line that was cut */
};

struct tend_line {
	const char *data;       /* not NUL-terminated; lent, see the function that hands it out */
	size_t size;            /* bytes, without the delimiter */
	uint64_t offset;        /* of data[0] in the stream, bytes */
	unsigned flags;         /* enum tend_line_flags */
};

/* A line parser.  One thread at a time per handle. */
typedef struct tend_parser tend_parser;

/*
 * Makes a parser.  Nothing of max_length is allocated before it is needed.  -EINVAL (a field of options), -ENOMEM.
 * Any thread; does not block.
 */
TEND_API int tend_parser_new(const struct tend_line_options *options, tend_parser **ret_parser, struct tend_error *err);

/* Frees a parser; NULL is allowed.  Returns NULL.  Does not block. */
TEND_API tend_parser *tend_parser_free(tend_parser *parser);
TEND_API void tend_parser_auto(tend_parser **parser);

/*
 * Hands the parser the next chunk of the stream, which must stay valid until tend_parser_next() has returned 0.
 * Then call tend_parser_next() until it does.  Does not block.
 */
TEND_API void tend_parser_feed(tend_parser *parser, const struct tend_chunk *chunk);

/*
 * The next line of what was fed: 1 and *ret_line, or 0 when the chunk is used up, or -ENOMEM, after which the parser
 * goes on as after a gap.  The line is lent until the next call on this parser; it points into the fed chunk wherever
 * it does not straddle two.  Does not block.
 */
TEND_API int tend_parser_next(tend_parser *parser, struct tend_line *ret_line);

/*
 * Bytes are missing here.  The partial line before them is dropped; what follows is dropped up to and including the
 * next delimiter, unless the gap says that the byte in front of what follows was one.  Call it when tend_parser_next()
 * has returned 0.  NULL: nothing is known of the gap.  Does not block.
 */
TEND_API void tend_parser_gap(tend_parser *parser, const struct tend_gap *gap);

/*
 * The stream has ended: 1 and the unterminated rest as a last line, or 0 where there is none.  A second call
 * returns 0.  Does not block.
 */
TEND_API int tend_parser_finish(tend_parser *parser, struct tend_line *ret_line);

/* What a parser had to leave out so far. */
struct tend_line_losses {
	uint64_t lines;         /* lines handed out */
	uint64_t lines_cut;     /* of these, how many TEND_LINE_TRUNCATE shortened */
	uint64_t bytes_cut;     /* bytes that it dropped */
	uint64_t bytes_resync;  /* bytes of partial lines dropped on both sides of gaps */
};
TEND_API struct tend_line_losses tend_parser_losses(const tend_parser *parser);

TEND_END_DECLS

#endif
