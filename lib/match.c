/* SPDX-License-Identifier: MIT */
/*
 * Matches a line, which has a length and no NUL behind it, with regexec(3), which was made for strings.  It gets a copy
 * with a NUL behind it, also where REG_STARTEND bounds it: a sanitizer's regexec(3) may look for the NUL all the same.
 */
#include <regex.h>
#include <string.h>
#include <tend/consume.h>

#include "error.h"
#include "mem.h"

#ifndef REG_STARTEND
#define REG_STARTEND 0 /* the NUL is the end */
#endif

/* Longer lines are copied to the heap. */
#define STACK_ROOM (TEND_DEFAULT_MAX_LINE_LENGTH + 1)

static bool match_copy(const regex_t *regex, const struct tend_line *line, char *room)
{
	regmatch_t whole = { .rm_so = 0, .rm_eo = (regoff_t)line->size };

	if (line->size > 0)
		memcpy(room, line->data, line->size);
	room[line->size] = '\0';
	return regexec(regex, room, 0, &whole, REG_STARTEND) == 0;
}

static bool match_long(const regex_t *regex, const struct tend_line *line)
{
	char *room = tend__malloc(line->size + 1);
	bool matches = room && match_copy(regex, line, room);

	if (!room)
		tend__log(TEND_LOG_WARNING, "line-lost", NULL, 0, "no memory to match a line: taken for no match");
	tend__free(room);
	return matches;
}

bool tend_match_regex(void *regex, const struct tend_line *line)
{
	char room[STACK_ROOM];

	return line->size < sizeof room ? match_copy(regex, line, room) : match_long(regex, line);
}
